"""Specification 1: people who type lines, by Python's `websockets`, three at once."""

import os
import re
import unittest
from socket import SHUT_RDWR

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

# In seconds: how long a line may take.
WAIT = 10
# A message: timestamp, room name, user name, content.
MESSAGE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) #(\S+) (\S+): (.*)")


class Typist:
    """Someone who types lines and reads lines."""

    def __init__(self, name):
        self.name = name
        # However much is not read, the end of the connection is noticed.
        url = f"ws://{os.environ['CHAT_ADDRESS']}/lobby?user={name}"
        self.socket = connect(url, max_queue=None)
        self.until(f"* {name} has joined #lobby.")

    def type(self, line):
        self.socket.send(line)

    def read(self):
        return self.socket.recv(timeout=WAIT)

    def until(self, line):
        """Reads up to this line. Returns what came before."""
        before = []
        while (found := self.read()) != line:
            before.append(found)
        return before

    def hears(self, room, user, content):
        """Reads up to the next message, which must be this one."""
        while not (message := MESSAGE.fullmatch(self.read())):
            pass
        assert message.groups()[1:] == (room, user, content), message[0]

    def ask(self, command, begin):
        """Types a command. Returns the first line of the answer that begins like this."""
        self.type(command)
        while not (line := self.read()).startswith(begin):
            pass
        return line


class Lobby(unittest.TestCase):
    def typists(self, *names):
        typists = [Typist(name) for name in names]
        for typist in typists:
            self.addCleanup(typist.socket.close)
        return typists

    def test_three_people_talk_in_rooms_of_their_own(self):
        ann, ben, cat = self.typists("ann", "ben", "cat")
        ann.type("hello, lobby")
        for reader in (ann, ben, cat):
            reader.hears("lobby", "ann", "hello, lobby")

        for typist in (ann, ben):
            typist.type("/join gardening")
            typist.until("* You have joined #gardening. You are in #gardening now.")
        ann.type("only for gardeners")
        for reader in (ann, ben):
            reader.hears("gardening", "ann", "only for gardeners")
        cat.type("still in the lobby")
        # Cat's next message is her own: what was said in the other room is not shown.
        cat.hears("lobby", "cat", "still in the lobby")

        ben.socket.close()
        ann.until("* ben has left #gardening.")

    def test_every_command_is_answered(self):
        dan, eve = self.typists("dan", "eve")
        self.assertRegex(dan.ask("/rooms", "* Rooms:"), r"#lobby \(\d+\)")
        self.assertRegex(dan.ask("/users", "* In #lobby"), r"\bdan\b.*\beve\b")
        dan.type("/join music")
        dan.until("* You have joined #music. You are in #music now.")
        self.assertRegex(dan.ask("/rooms", "* Rooms:"), r"#music \(1\)")
        self.assertEqual(dan.ask("/users", "* In #music"), "* In #music (1): dan.")
        self.assertEqual(dan.ask("/leave", "* You have left"), "* You have left #music. You are in #lobby now.")
        self.assertEqual(dan.ask("/leave", "!"), "! You must stay in at least one room.")
        eve.type("/help")
        shown = ""
        while not all(command in shown for command in ("/rooms", "/join <room>", "/leave", "/users", "/help")):
            shown += eve.read()
        self.assertEqual(eve.ask("   ", "!"), "! The content is empty.")
        self.assertRegex(eve.ask("x" * 4097, "!"), "too large|too long|larger|at most")

    def test_nobody_comes_without_a_name(self):
        with self.assertRaises(InvalidStatus) as refused:
            connect(f"ws://{os.environ['CHAT_ADDRESS']}/lobby")
        self.assertEqual(refused.exception.response.status_code, 400)

    def test_whoever_comes_back_soon_was_never_away(self):
        fay, guy = self.typists("fay", "guy")
        guy.socket.socket.shutdown(SHUT_RDWR)
        [guy] = self.typists("guy")
        guy.type("back again")
        # Fay has been told of nothing in between but of the others' coming and going.
        seen = []
        while not MESSAGE.fullmatch(line := fay.read()):
            seen.append(line)
        self.assertTrue(line.endswith("#lobby guy: back again"), line)
        self.assertNotIn("* guy has left #lobby.", seen)
