"""The plan of `.ci/long/peers` for Locust: one user is one socket, read by a greenlet of its own.

That is how Locust's documentation and its `locust.contrib.socketio` do it, with websocket-client instead of Socket.IO. One
process, no workers: its advice is one for each core to spare. What was sent and what came of it are Locust's own requests;
deliveries by others are only counted, which costs less than a request each.
"""

import json
import os
import time
from itertools import count

import gevent
import websocket
from locust import User, events, task
from locust.exception import StopUser

URL = os.environ["PEERS_URL"]
CLIENTS, RATE, SECONDS = (int(os.environ[f"PEERS_{name}"]) for name in ("CLIENTS", "RATE", "SECONDS"))
START, DRAIN = float(os.environ["PEERS_START"]), float(os.environ["PEERS_DRAIN"])
NUMBERS, TOTAL = count(), {"connected": 0, "sent": 0, "deliveries": 0}


def wait_until(instant):
    gevent.sleep(max(0, instant - time.time()))


class Person(User):
    @task
    def talk(self):
        number = next(NUMBERS)
        self.name, self.room = f"u{number}", f"r{number // 10}"
        with self.environment.events.request.measure("WS", "connect"):
            # Its documentation's advice for speed: do not check UTF-8 that one's own server made.
            self.ws = websocket.create_connection(URL, skip_utf8_validation=True)
            self.ws.send(json.dumps({"type": "join", "room": self.room, "user": self.name}))
        TOTAL["connected"] += 1
        reader = gevent.spawn(self.read)
        for turn in count():
            offset = (number + turn * CLIENTS) / RATE
            if offset >= SECONDS:
                break
            wait_until(START + offset)
            self.say(START + offset)
        wait_until(START + SECONDS + DRAIN)
        reader.kill()
        self.ws.close(timeout=0)
        raise StopUser

    def say(self, instant):
        content = f"{self.name} {instant * 1000:.0f} ".ljust(64, "x")
        problem = None
        try:
            self.ws.send(json.dumps({"type": "message", "room": self.room, "content": content}))
            TOTAL["sent"] += 1
        except (OSError, websocket.WebSocketException) as error:
            problem = error
        self.told("send lag", instant, problem)

    def read(self):
        own = f'"content":"{self.name} '
        try:
            while frame := self.ws.recv():
                if not frame.startswith('{"type":"message"'):
                    continue
                TOTAL["deliveries"] += 1
                at = frame.find(own)
                if at >= 0:
                    self.told("own copy", int(frame[at + len(own) :].split(" ", 1)[0]) / 1000)
        except (OSError, websocket.WebSocketException) as error:
            self.told("read", time.time(), error)

    def told(self, what, since, problem=None):
        taken = (time.time() - since) * 1000
        self.environment.events.request.fire(
            request_type="WS", name=what, response_time=taken, response_length=0, exception=problem, context={}
        )


@events.quitting.add_listener
def write(environment, **_):
    def times(what):
        entry = environment.stats.get(what, "WS")
        return {"p50": entry.get_response_time_percentile(0.5), "p99": entry.get_response_time_percentile(0.99)}

    found = {**TOTAL, "failures": environment.stats.total.num_failures}
    found |= {"send_lag_ms": times("send lag"), "own_copy_ms": times("own copy")}
    with open(os.environ["PEERS_OUT"], "w") as out:
        json.dump(found, out)
