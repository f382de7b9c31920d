"""Specification 0: the frames that its text shows, said by Python's `websockets`, and the events it promises."""

import json
import os
import unittest
from datetime import datetime
from socket import SHUT_RDWR

from websockets.sync.client import connect

# In seconds: how long an event may take.
WAIT = 10


class User:
    """One connection, which says frames of the text for one user."""

    def __init__(self, name):
        self.name = name
        # However much is not read, the end of the connection is noticed.
        self.socket = connect(f"ws://{os.environ['CHAT_ADDRESS']}/", max_queue=None)

    def say(self, kind, room, **fields):
        self.socket.send(json.dumps({"type": kind, "room": room, **fields, "user": self.name}))

    def join(self, room):
        """Joins a room. Returns the `user_joined` and the `history` that this brings."""
        self.say("join", room)
        return self.until("user_joined"), self.until("history")

    def read(self):
        return json.loads(self.socket.recv(timeout=WAIT))

    def until(self, kind):
        """The next event of a type; what else comes is passed over, as an unknown type would be."""
        while (event := self.read())["type"] != kind:
            pass
        return event

    def vanish(self):
        """Loses the connection without a word."""
        self.socket.socket.shutdown(SHUT_RDWR)


class Chat(unittest.TestCase):
    def users(self, *names):
        users = [User(name) for name in names]
        for user in users:
            self.addCleanup(user.socket.close)
        return users

    def expect(self, user, /, **fields):
        """The user's next event of this type, which must hold these fields, as the text shows them."""
        event = user.until(fields["type"])
        self.assertEqual({name: event.get(name) for name in fields}, fields)
        return event

    def contents_before(self, user, last):
        """What the user's next messages say, up to one that says this."""
        contents = []
        while (content := user.until("message")["content"]) != last:
            contents.append(content)
        return contents

    def test_someone_connects_joins_speaks_leaves_and_disconnects(self):
        alice, bob = self.users("alice", "bob")
        alice.say("join", "general")
        self.expect(alice, type="user_joined", room="general", user="alice", members=["alice"])
        self.expect(alice, type="history", room="general", messages=[])
        bob.say("join", "general")
        for user in (alice, bob):
            self.expect(user, type="user_joined", room="general", user="bob", members=["alice", "bob"])
        self.expect(bob, type="history", room="general")

        alice.say("typing", "general", typing=True)
        self.expect(bob, type="presence", room="general", user="alice", status="typing")

        alice.say("message", "general", content="Hello!")
        for user in (alice, bob):
            message = self.expect(user, type="message", room="general", user="alice", content="Hello!")
            datetime.fromisoformat(message["timestamp"].replace("Z", "+00:00"))

        alice.say("leave", "general")
        self.expect(bob, type="user_left", room="general", user="alice", members=["bob"])
        alice.join("general")
        self.expect(bob, type="user_joined", room="general", user="alice", members=["alice", "bob"])
        alice.socket.close()
        self.expect(bob, type="user_left", room="general", user="alice", members=["bob"])

    def test_a_message_goes_to_its_own_room(self):
        carol, dave, erin = self.users("carol", "dave", "erin")
        for room in ("red", "blue"):
            carol.join(room)
        dave.join("red")
        erin.join("blue")
        carol.say("message", "red", content="for red")
        carol.say("message", "blue", content="for blue")
        self.expect(dave, type="message", room="red", content="for red")
        self.expect(erin, type="message", room="blue", content="for blue")
        self.expect(carol, type="message", room="red", content="for red")
        self.expect(carol, type="message", room="blue", content="for blue")

    def test_a_newcomer_is_shown_the_last_fifty_messages(self):
        # Each says as many as one may at once.
        speakers = self.users(*(f"speaker-{nth}" for nth in range(6)))
        contents = []
        for speaker in speakers:
            speaker.join("lectures")
            for nth in range(10):
                contents.append(f"{speaker.name} says {nth}")
                speaker.say("message", "lectures", content=contents[-1])
                self.expect(speaker, type="message", content=contents[-1])
        [newcomer] = self.users("newcomer")
        _, history = newcomer.join("lectures")
        self.assertEqual([message["content"] for message in history["messages"]], contents[-50:])
        for message in history["messages"]:
            self.assertEqual((message["type"], message["room"]), ("message", "lectures"))
            self.assertIsInstance(message["timestamp"], str)

    def test_whoever_is_too_fast_is_warned_and_stays(self):
        hasty, witness = self.users("hasty", "witness")
        witness.join("market")
        hasty.join("market")
        for nth in range(40):
            hasty.say("message", "market", content=str(nth))
        # A warning comes from the gateway, a message by way of its room: either may be first.
        own, warnings = [], []
        while not warnings or len(own) < 10:
            event = hasty.read()
            if event["type"] == "warning":
                warnings.append(event)
            else:
                own.append(event["content"])
        self.assertEqual(warnings[0]["code"], "rate_limited")
        self.assertGreater(warnings[0]["retry_after_ms"], 0)
        # The connection lives, and what was let through is in order, for both.
        witness.say("message", "market", content="done")
        own += self.contents_before(hasty, "done")
        self.assertEqual(own, self.contents_before(witness, "done"))
        self.assertEqual(own[:10], [str(nth) for nth in range(10)])
        self.assertLess(len(own), 40)

    def test_whoever_comes_back_is_shown_what_they_missed(self):
        stays, goes = self.users("stays", "goes")
        for user in (stays, goes):
            user.join("station")
        stays.say("message", "station", content="before")
        for user in (stays, goes):
            self.expect(user, type="message", content="before")
        goes.vanish()
        missed = [f"missed {nth}" for nth in range(3)]
        for content in missed:
            stays.say("message", "station", content=content)
            self.expect(stays, type="message", content=content)
        [back] = self.users("goes")
        back.say("join", "station")
        history = self.expect(back, type="history", room="station")
        self.assertEqual([message["content"] for message in history["messages"]], ["before", *missed])

    def test_joining_twice_is_told_to_nobody_else(self):
        frank, grace = self.users("frank", "grace")
        frank.join("again")
        grace.join("again")
        self.expect(frank, type="user_joined", user="grace")
        joined, history = grace.join("again")
        self.assertEqual((joined["members"], history["messages"]), (["frank", "grace"], []))
        grace.say("message", "again", content="nothing came before this")
        self.assertEqual(frank.read()["type"], "message")

    def test_an_empty_room_keeps_its_history(self):
        henry, iris = self.users("henry", "iris")
        henry.join("cellar")
        henry.say("message", "cellar", content="anybody?")
        self.expect(henry, type="message", content="anybody?")
        henry.say("leave", "cellar")
        henry.until("left")
        joined, history = iris.join("cellar")
        self.assertEqual(joined["members"], ["iris"])
        self.assertEqual([message["content"] for message in history["messages"]], ["anybody?"])
