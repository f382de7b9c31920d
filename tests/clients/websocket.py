"""The table of RFC 6455's cases, tests/websocket/cases.json, held to servers that are not ours: npm's `ws` and Python's
`websockets`. Where one of them does otherwise, the row says so."""

import json
import os
import re
import socket
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = json.loads((HERE.parent / "websocket/cases.json").read_text(encoding="utf-8"))["cases"]
PREFIX = "listening on http://"
# In seconds: how long an answer may take.
WAIT = 20
LAST = "that was all"
KEY = bytes.fromhex("37fa213d")
HANDSHAKE = (
    "GET / HTTP/1.1\r\nHost: echo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
# A part of a payload: a text or bytes in hex, and how often.
PART = re.compile(r"(?:'([^']*)'|<([^>]*)>)(?:\*(\d+))? ?")


def payload(text):
    parts = (
        (bytes.fromhex(part[2]) if part[1] is None else part[1].encode()) * int(part[3] or 1)
        for part in PART.finditer(text)
    )
    return b"".join(parts)


def frame(text):
    """The bytes that an entry of `send` stands for."""
    kind, _, rest = text.partition(" ")
    if kind == "raw":
        return bytes.fromhex(rest)
    if kind == "rest":
        return payload(rest)
    masked = kind != "unmasked"
    first, _, rest = text.removeprefix("unmasked ").partition(" ")
    content, mask = payload(rest), 0x80 if masked else 0
    length = len(content)
    if length < 126:
        head = bytes([mask | length])
    elif length < 1 << 16:
        head = bytes([mask | 126]) + length.to_bytes(2, "big")
    else:
        head = bytes([mask | 127]) + length.to_bytes(8, "big")
    if masked:
        head += KEY
        content = bytes(byte ^ KEY[at % 4] for at, byte in enumerate(content))
    return bytes.fromhex(first) + head + content


def listen(stream):
    """What a server says, up to its close or the last text."""
    heard = {"texts": [], "binaries": [], "pongs": [], "close": None}
    while True:
        first, length = stream.read(2)
        if length > 125:
            length = int.from_bytes(stream.read(2 if length == 126 else 8), "big")
        content = stream.read(length)
        if first == 0x81 and content.decode() == LAST:
            return heard
        if first == 0x81:
            heard["texts"].append(content.decode())
        elif first == 0x82:
            heard["binaries"].append(length)
        elif first == 0x8A:
            heard["pongs"].append(content.decode())
        elif first == 0x88:
            heard["close"] = int.from_bytes(content[:2], "big") if content else 1005
            return heard


def play(address, case, expected):
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT) as peer, peer.makefile("rb") as stream:
        peer.sendall(HANDSHAKE.encode())
        assert b" 101 " in stream.readline()
        while stream.readline() != b"\r\n":
            pass
        sent = b"".join(map(frame, case["send"]))
        if expected["close"] is None:
            sent += frame(f"81 '{LAST}'")
        peer.sendall(sent)
        return listen(stream)


class Table(unittest.TestCase):
    maxDiff = None

    def hold(self, name, program, says_all_before_a_close=True):
        environment = {**os.environ, "PYTHONPATH": os.environ["CHAT_PYTHON_PATH"]}
        with subprocess.Popen(
            program, cwd=HERE, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            address = process.stdout.readline().removeprefix(PREFIX).strip()
            for case in CASES:
                nothing = {"texts": [], "binaries": [], "pongs": [], "close": None}
                expected = {**nothing, **{key: case[key] for key in nothing if key in case}}
                expected |= case.get("but", {}).get(name, {})
                if expected["close"] and not says_all_before_a_close:
                    expected |= nothing | {"close": expected["close"]}
                self.assertEqual(play(address, case, expected), expected, case["name"])
            process.stdin.close()

    def test_ws_reads_as_the_table_says(self):
        self.hold("ws", ["node", "servers/echo.mjs"])

    def test_websockets_reads_as_the_table_says(self):
        # Its echo is a task of its own, for which a close that came in the same read comes too soon.
        self.hold("websockets", [sys.executable, "servers/echo.py"], says_all_before_a_close=False)
