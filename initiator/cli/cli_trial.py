"""What the plays of aoe-initiator's commands share: two nodes, a disk e0.2 of aoe-target, and pipes that are fed and drained.

    import cli_trial
    cli_trial.play([rule, ...])     # the program's arguments: AOE_INITIATOR AOE_TARGET [RULE...]
"""

import concurrent.futures
import contextlib
import fcntl
import functools
import os
import random
import socket
import sys
import tempfile
import termios
import threading
import time

import lab

INITIATOR, TARGET = map(os.path.abspath, sys.argv[1:3])
OK, FAILURE, USAGE = 0, 1, 2
MEGABYTE = 1 << 20
SIZE = 16 * MEGABYTE


class Trial:
    """A client, a server with a disk e0.2 on the other end of a cable, and a folder of files."""

    def __init__(self, world, folder):
        self.folder = folder
        self.client, self.server = world.node("client"), world.node("server")
        world.join(self.client, "eth0", self.server, "eth0", mtu=9000)
        self.content = random.Random(1).randbytes(SIZE)
        self.image = self.file("disk.img", self.content)
        self.start_target()

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def fifo(self, name):
        path = os.path.join(self.folder, name)
        os.mkfifo(path)
        return path

    def disk(self):
        with open(self.image, "rb") as file:
            return file.read()

    def restore_disk(self):
        with open(self.image, "r+b") as file:
            file.write(self.content)

    def start_target(self):
        self.target = self.server.start([TARGET, "--shelf", "0", "--slot", "2", "--interface", "eth0", "--no-state", self.image])
        self.target.wait_for("ready")

    def run(self, *arguments, prefix=(), **options):
        return self.client.run([*prefix, INITIATOR, *arguments], check=False, **options)

    def shell(self, line):
        """Runs a shell command line in the folder, with $I for aoe-initiator. Returns status, stdout, stderr."""
        result = self.client.run(["sh", "-c", line], check=False, cwd=self.folder, env={"I": INITIATOR})
        return result.returncode, result.stdout, result.stderr

    def refused(self, status, line, *arguments, **options):
        """The program must end with this status and exactly this line on stderr."""
        result = self.run(*arguments, **options)
        told = (result.returncode, result.stdout, result.stderr)
        assert told == (status, "", f"aoe-initiator: {line}\n"), f"{arguments}: {told}"

    def all_refused(self, line, *commands):
        """As refused(), with status 1, of several commands at a time: each of them waits for what does not come."""
        together(*(functools.partial(self.refused, FAILURE, line, *arguments, "--wait", "1") for arguments in commands))

    def read(self, *arguments):
        result = self.run("read", "e0.2", "--quiet", *arguments, text=False)
        assert (result.returncode, result.stderr) == (OK, b""), result.stderr
        return result.stdout


def together(*actions):
    """Does them all at a time, for they wait more than they work. Returns what they return."""
    with concurrent.futures.ThreadPoolExecutor(len(actions)) as pool:
        return [begun.result() for begun in [pool.submit(action) for action in actions]]


def wait_for_silence(sniffer, seconds=1.5):
    """Returns when no AoE frame has been seen for so long: several times the retransmission timeout."""
    deadline = time.monotonic() + 30
    sniffer.settimeout(seconds)
    try:
        while time.monotonic() < deadline:
            sniffer.recv(20000)
    except socket.timeout:
        return
    raise lab.Failure("frames, and no end to them")


def wait_for_requests(sniffer, count):
    sniffer.settimeout(10)
    while count > 0:
        frame = sniffer.recv(20000)
        count -= not frame[14] & 0x08


def wait_until_read(pipe):
    """Waits until there is nothing in a pipe that nobody has read yet."""
    def is_empty():
        room = bytearray(4)
        fcntl.ioctl(pipe, termios.FIONREAD, room)
        return not any(room)

    lab.eventually(is_empty, "the pipe to be read")


class Fill(threading.Thread):
    """Writes to a FIFO until all is written, or nobody reads any more."""

    def __init__(self, path, data):
        super().__init__()
        self.path, self.data = path, data
        self.start()

    def run(self):
        with contextlib.suppress(BrokenPipeError), open(self.path, "wb", buffering=0) as pipe:
            pipe.write(self.data)


class Drain(threading.Thread):
    """Reads a pipe to its end."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe
        self.data = b""
        self.start()

    def run(self):
        self.data = self.pipe.read()


class Feed(threading.Thread):
    """Writes the rest of what goes into a pipe, and closes it."""

    def __init__(self, pipe, rest):
        super().__init__()
        self.pipe = pipe
        self.rest = rest
        self.start()

    def run(self):
        with self.pipe:
            self.pipe.write(self.rest)


def play(rules):
    """Plays the rules, or those that the command line names, one after the other in one world."""
    lab.require("setpriv", "script")
    lab.require_namespaces()
    with tempfile.TemporaryDirectory() as folder, lab.Lab() as world:
        trial = Trial(world, folder)
        asked = sys.argv[3:]
        lab.play_all([rule for rule in rules if not asked or rule.__name__ in asked], lab.shared(trial))
