"""Terminals that people sit at, by tmux, one that answers nothing, and a chat-server that can be killed."""

import fcntl
import itertools
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
from pathlib import Path

# In seconds: what has not happened after this will not happen.
PATIENCE = 30
# How often a screen is looked at, in seconds.
GLANCE = 0.05


def until(what, see):
    """Waits until `see` returns something, and returns that. `what` may be called: it says what was waited for."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := see()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE} s for {what() if callable(what) else what}")
        time.sleep(GLANCE)
    return seen


class Tmux:
    """A tmux of its own, that ends with its `with`."""

    numbers = itertools.count()

    def __init__(self):
        # The one before may still be on its way out, and turn away whoever comes to its socket.
        self.socket = f"chinwag-{os.getpid()}-{next(self.numbers)}"

    def __call__(self, *args):
        command = ["tmux", "-L", self.socket, "-f", "/dev/null", *map(str, args)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True)


class Terminal:
    """A terminal with a shell in it that has started something."""

    def __init__(self, tmux, name, command, width=100, height=24, environment=()):
        self.tmux, self.name = tmux, name
        # The settings are those of the tests, not those of whoever runs them.
        clean = "unset PORT NO_COLOR " + " ".join(f"CHINWAG_{end}" for end in ["USER", "URL", "TOKEN"])
        variables = "".join(f"export {one}; " for one in environment)
        script = f"{clean}; export TZ=UTC LC_ALL=C.UTF-8; {variables}{shlex.join(map(str, command))}; echo ended $?; exec sh"
        tmux("new-session", "-d", "-s", name, "-x", width, "-y", height, "sh", "-c", script)
        tmux("set-option", "-t", name, "status", "off")

    def screen(self, *options):
        """What is on it."""
        return self.tmux("capture-pane", "-p", "-t", self.name, *options)

    def sees(self, *parts):
        """Waits until all of these are on it. Returns the screen."""
        is_there = lambda: next((s for s in [self.screen()] if all(part in s for part in parts)), None)
        return until(lambda: f"{parts} on the screen of {self.name}:\n{self.screen()}", is_there)

    def sees_no(self, part):
        """Waits until this is not on it any more."""
        until(lambda: f"the end of {part!r} on the screen of {self.name}:\n{self.screen()}", lambda: part not in self.screen())

    def type(self, text):
        """Types text, and no key that has a name."""
        self.tmux("send-keys", "-t", self.name, "-l", text)

    def press(self, *keys):
        """Presses keys by their names."""
        self.tmux("send-keys", "-t", self.name, *keys)

    def enter(self, text):
        """Types a line."""
        self.type(text)
        self.press("Enter")

    def paste(self, text):
        """Pastes text, in brackets where the program asks for them."""
        self.tmux("set-buffer", text)
        self.tmux("paste-buffer", "-p", "-t", self.name)

    def wheel_up(self):
        """Turns the mouse wheel, as a terminal tells it (SGR 1006)."""
        self.tmux("send-keys", "-t", self.name, "-l", "\x1b[<64;5;5M")

    def resize(self, width, height):
        self.tmux("resize-window", "-t", self.name, "-x", width, "-y", height)

    def flag(self, name):
        """One of tmux's variables of this terminal."""
        return self.tmux("display-message", "-p", "-t", self.name, "#{" + name + "}").strip()

    def program(self):
        """The process that runs in its shell."""
        shell = self.flag("pane_pid")
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])


class MuteTerminal:
    """A terminal that takes everything and answers nothing, whatever it is asked."""

    def __init__(self, command, width=90, height=24, is_told=True, name="xterm"):
        """A program that is not `is_told` gets no signal when the terminal is closed."""
        self.written, self.told, self.all = b"", tempfile.TemporaryFile(), b""
        self.fd, inner = pty.openpty()
        self.resize(width, height)
        environment = {**os.environ, "TERM": name, "LC_ALL": "C.UTF-8"}
        lead = ["setsid", "--ctty"] if is_told else ["setsid"]
        self.program = subprocess.Popen(
            [*lead, *map(str, command)], stdin=inner, stdout=inner, stderr=self.told, env=environment
        )
        os.close(inner)

    def resize(self, width, height):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def press(self, keys):
        """Presses keys, and forgets what was written before."""
        self.written = b""
        os.write(self.fd, keys)

    def writes(self, *parts):
        """Waits until all of these were written."""
        until(lambda: f"{parts} in {self.written[-2000:]}", lambda: self.read() or all(part in self.written for part in parts))

    def read(self):
        """What is there to be read is read. Returns nothing."""
        while self.fd is not None and select.select([self.fd], [], [], 0)[0]:
            try:
                read = os.read(self.fd, 65536)
                self.written += read
                self.all += read
            except OSError:
                # Nobody is at its other end any more.
                return

    def ended(self):
        """Waits for the end of the program. Returns its code."""
        code = until("the end of the program", lambda: self.read() or (self.program.poll() is not None and (self.program.returncode,)))
        return code[0]

    def close(self):
        """Nobody sits here any more."""
        self.read()
        os.close(self.fd)
        self.fd = None

    def problems(self):
        """What the program has said on standard error."""
        self.told.seek(0)
        return self.told.read().decode()


class Server:
    """A chat-server on a port that stays its own, and with its data in a directory."""

    PREFIX = "listening on http://"

    def __init__(self, program, directory):
        self.program, self.directory, self.port, self.process = program, directory, 0, None

    def start(self, **settings):
        clean = {name: value for name, value in os.environ.items() if name != "PORT" and not name.startswith("CHAT_")}
        environment = clean | settings
        command = [self.program, "--port", str(self.port), "--data-dir", self.directory, "--exit-with-stdin", "--log", "warn"]
        command += ["--message-burst", "100000"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, env=environment, **pipes)
        for line in self.process.stdout:
            if line.startswith(self.PREFIX):
                self.port = int(line.rsplit(":", 1)[1])
                return self
        raise RuntimeError(f"chat-server ended with {self.process.wait()} before it listened")

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}/chat"

    def kill(self):
        """Gives it no time to do anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def forget(self):
        """It is killed, and its data with it."""
        self.kill()
        shutil.rmtree(self.directory)
        os.mkdir(self.directory)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
