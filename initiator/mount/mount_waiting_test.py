"""Nothing waits for a disk that is not its own in a tree of aoe-initiator mount, and nobody who is killed waits for any.

usage: mount_waiting_test.py AOE_INITIATOR AOE_TARGET [RULE...]
"""

import ctypes
import mmap
import os
import signal
import struct
import subprocess
import sys
import time

import lab
import mount_trial
from mount_trial import SIZE, opened, read, wait_for_retransmission

LIBC = ctypes.CDLL(None, use_errno=True)
SETUP, SUBMIT, GET_EVENTS = (206, 209, 208) if os.uname().machine == "x86_64" else (0, 2, 4)  # asynchronous I/O
READ, WRITE = 0, 1
SOON = 5  # seconds: what takes a fifth of one on a machine with nothing else to do

# Reads the first sector, and prints what read() returned, signals or not.
READER = """
import ctypes, os, signal, sys
signal.signal(signal.SIGUSR1, lambda *_: None)
disk, room, libc = os.open(sys.argv[1], os.O_RDONLY), ctypes.create_string_buffer(512), ctypes.CDLL(None, use_errno=True)
print("begun", flush=True)
print("read", libc.read(disk, room, 512), flush=True)
"""


class Asynchronous:
    """Requests of Linux's asynchronous I/O to one file, which are not waited for."""

    def __init__(self, path, count, size=4096):
        self.disk = os.open(path, os.O_RDWR | os.O_DIRECT)
        self.context = ctypes.c_ulong()
        self.count, self.size = count, size
        self.room = mmap.mmap(-1, count * size)
        self.call(SETUP, count, ctypes.byref(self.context))

    def call(self, *arguments):
        result = LIBC.syscall(*arguments)
        assert result >= 0, os.strerror(ctypes.get_errno())
        return result

    def submit(self, operation=READ):
        address = ctypes.addressof(ctypes.c_char.from_buffer(self.room))
        blocks = [ctypes.create_string_buffer(struct.pack(
            "<QIIHhIQQqQII", number, 0, 0, operation, 0, self.disk, address + number * self.size, self.size,
            number * self.size % SIZE, 0, 0, 0)) for number in range(self.count)]
        pointers = (ctypes.c_void_p * self.count)(*map(ctypes.addressof, blocks))
        submitted = 0
        while submitted < self.count:
            rest = ctypes.byref(pointers, submitted * ctypes.sizeof(ctypes.c_void_p))
            submitted += self.call(SUBMIT, self.context, self.count - submitted, rest)

    def done(self, seconds):
        """Returns how many are done within this time."""
        events = ctypes.create_string_buffer(32 * self.count)
        limit = struct.pack("<qq", seconds, 0)
        return self.call(GET_EVENTS, self.context, self.count, self.count, events, limit)


def begin(trial):
    if 3 not in trial.targets:
        trial.file("other.img", os.urandom(SIZE))
        trial.start_target(3, "other.img")
    trial.mount("--deadsecs", "0")
    trial.wait_for_disk("e0.3")


def child(action):
    """Carries it out in a process of its own, and returns its number when the action has printed a line."""
    ready, write = os.pipe()
    number = os.fork()
    if number == 0:
        try:
            action(write)
            signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    assert os.read(ready, 1) == b"."
    os.close(ready)
    return number


def ends_soon(number):
    begun = time.monotonic()
    lab.eventually(lambda: os.waitpid(number, os.WNOHANG)[0] == number, f"process {number} to end", SOON)
    return time.monotonic() - begun


def a_silent_disk_does_not_hold_up_the_others(trial):
    begin(trial)
    trial.targets[2].signal(signal.SIGSTOP)

    def ask_the_silent_one(ready):
        for operation in READ, WRITE:
            Asynchronous(trial.etherd("e0.2"), 500).submit(operation)
        os.write(ready, b".")

    waiting = child(ask_the_silent_one)
    wait_for_retransmission(trial)
    other = Asynchronous(trial.etherd("e0.3"), 64)
    other.submit()
    assert other.done(SOON) == 64, "requests to another disk are held up"
    assert other.room[:4096] == trial.disk("other.img")[:4096]
    assert read(trial.sys("state", "e0.3")) == "up\n"

    # A process that waits asynchronously is ended as well.
    os.kill(waiting, signal.SIGKILL)
    ends_soon(waiting)
    trial.targets[2].signal(signal.SIGCONT)
    with opened(trial.etherd("e0.2"), os.O_RDONLY) as disk:
        assert os.pread(disk, 100, SIZE // 2) == trial.disk()[SIZE // 2:][:100]
    trial.unmount()


def who_is_killed_waits_no_longer(trial):
    begin(trial)
    disk = "mnt/dev/etherd/e0.2"
    waiting = [
        trial.start("dd", f"if={disk}", "of=/dev/null", "bs=1M"),
        trial.start("dd", "if=/dev/zero", f"of={disk}", "bs=1M", "conv=notrunc"),
        trial.start("dd", "if=/dev/zero", f"of={disk}", "bs=100", "count=1", "conv=notrunc"),
        trial.start("fallocate", "-z", "-n", "-l", SIZE, disk),
        trial.start("sync", disk),
    ]
    trial.targets[2].signal(signal.SIGSTOP)
    waiting += [trial.start("head", "-c", "1", disk) for _ in range(20)]
    wait_for_retransmission(trial)
    numbers = [signal.SIGKILL, signal.SIGTERM]
    running = [process for process in waiting if process.running()]
    assert len(running) >= 20
    for place, process in enumerate(running):
        process.signal(numbers[place % len(numbers)])
    begun = time.monotonic()
    for process in running:
        process.wait(SOON)
    assert time.monotonic() - begun < SOON
    trial.targets[2].signal(signal.SIGCONT)

    with opened(trial.etherd("e0.2")) as descriptor:
        os.pwrite(descriptor, b"works", 1000)
        assert os.pread(descriptor, 5, 1000) == b"works"
    trial.unmount()


def a_signal_that_is_handled_interrupts_nothing(trial):
    """As with a block device: no program expects EINTR of a disk."""
    begin(trial)
    trial.targets[2].signal(signal.SIGSTOP)
    readers = [trial.start(sys.executable, "-c", READER, "mnt/dev/etherd/e0.2") for _ in range(2)]
    for reader in readers:
        reader.wait_for("begun")
    wait_for_retransmission(trial)
    for reader in readers:
        reader.signal(signal.SIGUSR1)
    # One that is killed after it was signalled is ended too, and by then the other would have been interrupted.
    readers[0].signal(signal.SIGKILL)
    assert readers[0].wait(SOON) == -signal.SIGKILL
    assert readers[1].running()
    trial.targets[2].signal(signal.SIGCONT)
    readers[1].wait_for("read 512")
    assert readers[1].wait() == 0
    trial.unmount()


def ends_though_what_was_given_up_goes_on(trial):
    """A write to parts of sectors goes on at its disk when its program is killed, and holds up nothing."""
    image = trial.file("parted.img", bytes(SIZE))
    subprocess.run(["sfdisk", "--quiet", "--label", "dos", image], input="start=2048", check=True, text=True)
    trial.start_target(5, "parted.img")
    begin(trial)
    trial.wait_for_disk("e0.5p1")
    trial.targets[5].signal(signal.SIGSTOP)
    writer = trial.start("dd", "if=/dev/zero", "of=mnt/dev/etherd/e0.5p1", "bs=1000", "count=1", "conv=notrunc")
    wait_for_retransmission(trial)
    writer.signal(signal.SIGKILL)
    assert writer.wait(SOON) == -signal.SIGKILL
    trial.unmount()
    trial.targets[5].kill()


lab.require("sfdisk")
mount_trial.play([a_silent_disk_does_not_hold_up_the_others, who_is_killed_waits_no_longer,
                  a_signal_that_is_handled_interrupts_nothing, ends_though_what_was_given_up_goes_on])
