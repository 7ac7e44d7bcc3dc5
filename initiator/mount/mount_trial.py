"""What the plays of `aoe-initiator mount` share: two nodes, a disk, a mounted tree, and how its files are used.

    import mount_trial
    mount_trial.play([rule, ...])     # the program's arguments: AOE_INITIATOR AOE_TARGET [RULE...]
"""

import contextlib
import errno
import os
import random
import signal
import sys
import tempfile

import lab

INITIATOR, TARGET = map(os.path.abspath, sys.argv[1:3])
MEGABYTE = 1 << 20
SIZE = 16 * MEGABYTE
PARAMETERS = "sys/module/aoe/parameters/aoe_"


class Trial:
    """A client, a server with a disk e0.2 at the other end of a cable, and a folder of files.

    What the client runs shares one mount namespace, whose files the test itself sees below /proc."""

    def __init__(self, world, folder):
        self.folder = folder
        self.client, self.server = world.node("client"), world.node("server")
        world.join(self.client, "eth0", self.server, "eth0", mtu=9000)
        self.home = self.client.start(["sh", "-c", "echo made; exec sleep 1000"])
        self.home.wait_for("made")
        self.content = random.Random(1).randbytes(SIZE)
        self.image = self.file("disk.img", self.content)
        self.targets = {}
        self.start_target()
        os.mkdir(os.path.join(folder, "mnt"))
        self.mounted = None

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def disk(self, image="disk.img"):
        with open(os.path.join(self.folder, image), "rb") as file:
            return file.read()

    def start_target(self, slot=2, image="disk.img"):
        self.targets[slot] = target = self.server.start(
            [TARGET, "--shelf", "0", "--slot", str(slot), "--interface", "eth0", "--no-state",
             os.path.join(self.folder, image)])
        target.wait_for("ready")

    def at_home(self, command):
        home = f"/proc/{self.home.pid}"
        # A shell would complain of the folder that it begins in, which in a changed root leads nowhere.
        return ["nsenter", f"--mount={home}/ns/mnt", f"--root={home}/root", "env", f"--chdir={self.folder}",
                *map(str, command)]

    def run(self, *command, **options):
        return self.client.run(self.at_home(command), **{"check": False, **options})

    def shell(self, line, **options):
        """Runs a shell command line in the folder. Returns status, stdout, stderr."""
        result = self.run("sh", "-c", line, **options)
        return result.returncode, result.stdout, result.stderr

    def start(self, *command):
        return self.client.start(self.at_home(command))

    def mount(self, *arguments):
        self.mounted = self.start(INITIATOR, "mount", "mnt", *arguments)
        line = self.mounted.wait_for("mounted on")
        assert line.endswith("Z aoe-initiator: info: mounted on mnt"), line
        self.wait_for_disk()
        return self.mounted

    def path(self, name):
        return f"/proc/{self.home.pid}/root{self.folder}/mnt/{name}"

    def etherd(self, name):
        return self.path(f"dev/etherd/{name}")

    def sys(self, attribute, device="e0.2"):
        return self.path(f"sys/block/etherd!{device}/{attribute}")

    def disks(self):
        return {name for name in os.listdir(self.etherd("")) if name[0] == "e" and name != "err"}

    def wait_for_disk(self, name="e0.2"):
        lab.eventually(lambda: os.path.exists(self.etherd(name)), f"{name} to show up")

    def is_mounted(self):
        return f"{self.folder}/mnt " in self.run("cat", "/proc/self/mounts").stdout

    def unmount(self):
        self.mounted.signal(signal.SIGTERM)
        self.ended()

    def ended(self, status=0):
        told = self.mounted.wait()
        assert told == status, (told, self.mounted.output)
        assert not self.is_mounted()


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


@contextlib.contextmanager
def opened(path, flags=os.O_RDWR):
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def fails(number, function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        assert error.errno == number, f"{arguments}: {errno.errorcode[error.errno]}, not {errno.errorcode[number]}"
    else:
        raise lab.Failure(f"{arguments}: succeeded, and should fail with {errno.errorcode[number]}")


def forget(trial, what):
    """It takes until its partitions have been read: meanwhile the disk is open."""
    def try_it():
        try:
            write(trial.etherd("flush"), what)
        except OSError as error:
            assert error.errno == errno.EBUSY, error
        return trial.disks() == set()

    lab.eventually(try_it, "e0.2 to be forgotten")


def wait_to_hear(err, text):
    """Waits until err, open and not blocking, tells of it. Returns all that it told meanwhile."""
    told = b""

    def is_told():
        nonlocal told
        with contextlib.suppress(BlockingIOError):
            told += os.read(err, 4096)
        return text.encode() in told

    lab.eventually(is_told, f"err to tell of: {text}")
    return told.decode()


def wait_for_retransmission(trial):
    with opened(trial.etherd("err"), os.O_RDONLY | os.O_NONBLOCK) as err:
        wait_to_hear(err, "retransmission")


def play(rules):
    """Plays the rules, or those that the command line names, one after the other in one world."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        lab.skip("/dev/fuse can't be opened")
    lab.require("fusermount3")
    lab.require_namespaces()
    with tempfile.TemporaryDirectory() as folder, lab.Lab() as world:
        trial = Trial(world, folder)
        asked = sys.argv[3:]
        lab.play_all([rule for rule in rules if not asked or rule.__name__ in asked], lab.shared(trial))
