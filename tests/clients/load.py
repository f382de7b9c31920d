"""loadgen against servers that are not ours: npm's socket.io and FastAPI, each by its file in protocols/."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROTOCOLS = HERE.parents[1] / "protocols"
PREFIX = "listening on http://"
# In seconds: how long a run may take.
RUN_MAX = 120
# How exactly the generator keeps to its plan is not judged: the machine may be busy.
SCENARIO = """
[run]
name = "foreign"
seed = 1
clients = 8
drain = "10s"

[rooms]
size = 4

[[scenario]]
name = "people"
executor = "per-vu-iterations"
stages = [{ name = "talk", duration = "2s", iterations = 5, judged = false }]

[thresholds]
connections = ["connected==planned", "failed==0"]
delivery = ["received==planned", "lost==0", "duplicated==0", "reordered==0", "foreign==0", "violations==0"]
unanswered = ["count==0"]
"""


def run(protocol, server):
    """Lets bots talk through a server. Returns the summary."""
    environment = {**os.environ, "PYTHONPATH": os.environ["CHAT_PYTHON_PATH"]}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            server, cwd=HERE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        address = process.stdout.readline().removeprefix(PREFIX).strip()
        scenario = Path(folder) / "scenario.toml"
        scenario.write_text(SCENARIO)
        command = [os.environ["CHAT_LOADGEN"], "--scenario", scenario, "--protocol", PROTOCOLS / f"{protocol}.toml"]
        command += ["--url", f"ws://{address}", "--json"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_MAX)
        finally:
            process.stdin.close()
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)


class Load(unittest.TestCase):
    def test_rooms_of_socket_io_lose_nothing(self):
        summary = run("socketio-echo", ["node", "servers/socketio_echo.mjs"])
        self.assertEqual((summary["acknowledged"], summary["received_deliveries"]), (40, 40 * 4))

    def test_the_chat_of_fastapi_loses_nothing(self):
        summary = run("fastapi-chat", [sys.executable, "servers/fastapi_chat.py"])
        self.assertEqual((summary["acknowledged"], summary["received_deliveries"]), (40, 40 * 8))
