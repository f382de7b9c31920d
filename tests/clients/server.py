"""A chat-server on a free port, as a process of its own."""

import os
import subprocess

PREFIX = "listening on http://"


class Server:
    """Runs inside `with`, and ends with it: it is told to when its standard input ends."""

    def __init__(self, program):
        self.program = program
        self.address = None

    def __enter__(self):
        # The settings are those of the tests, not those of whoever runs them.
        environment = {name: value for name, value in os.environ.items() if name != "PORT" and not name.startswith("CHAT_")}
        self.process = subprocess.Popen(
            [self.program, "--port", "0", "--exit-with-stdin", "--log", "warn"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for line in self.process.stdout:
            if line.startswith(PREFIX):
                self.address = line.removeprefix(PREFIX).strip()
                return self
        raise RuntimeError(f"chat-server ended with {self.process.wait()} before it listened")

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
