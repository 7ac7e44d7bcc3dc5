"""aoe-target's log: what it says, and that a log which can't be written ends and delays nothing.

usage: log_test.py AOE_TARGET
"""

import os
import re
import signal
import socket
import subprocess
import sys

import lab
from target_words import *

TARGET = sys.argv[1]
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z aoe-target: (error|warning|info|debug): [^\n]+\n")
ON_TERMINAL = """
import fcntl, os, sys, termios
terminal = os.open(sys.argv[1], os.O_RDWR)
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
os.dup2(terminal, 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
ON_JOURNAL = """
import os, socket, sys
stream = socket.socket(socket.AF_UNIX)
stream.connect(sys.argv[1])
stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
os.dup2(stream.fileno(), 2)
status = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
os.execv(sys.argv[2], sys.argv[2:])
"""


class Bench:
    """A target of one disk, e0.2, whose standard error is what the test makes of it."""

    def __init__(self, world, folder):
        self.folder, self.server = folder, world.node("server")
        self.cable = Cable(world, world.node("client"), "port0", self.server, "eth0")
        self.image = image(folder)
        self.config = configure(folder, [lun(2, "disk.img")])
        self.ctl = Control(TARGET, self.server, folder)

    def command(self, *arguments):
        return [TARGET, "--config", self.config, *arguments]

    def start(self, *command):
        """Starts a target that may not be able to say when it is ready: its controller answers then."""
        self.target = self.server.start(command)
        assert self.cable.announced()[0] == octets(MAC_A)
        self.ctl("status")
        return self.target

    def start_with(self, redirection, *arguments):
        """Starts it as a shell does that is given this redirection."""
        return self.start("sh", "-c", f'exec "$@" {redirection}', "sh", *self.command(*arguments))

    def serves_on(self):
        """Its disk and its controller work, and what they have to log changes nothing."""
        for text in [b"one", b"two"]:
            assert self.cable.ask(CONFIG, config_set(text)).config_string == text
        assert self.cable.read()[1].startswith(b"contents")
        assert self.ctl("reload") == "nothing has changed\n"

    def ends(self):
        """SIGTERM ends it, although its last lines can't be written: it does not wait for them for long."""
        assert self.target.stop(timeout=10) == 0, self.target.status


def a_log_on_a_full_disk(world, folder):
    bench = Bench(world, folder)
    bench.start_with("2> /dev/full", "--trace")
    bench.serves_on()
    bench.ends()


def a_pipe_that_nobody_reads(world, folder):
    bench = Bench(world, folder)
    path = os.path.join(folder, "log")
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        while True:
            os.write(pipe, bytes(4096))
    except BlockingIOError:
        pass
    bench.start_with(f"2> {path}", "--trace")
    bench.serves_on()
    bench.ends()
    os.close(pipe)


def a_pipe_whose_reader_goes(world, folder):
    bench = Bench(world, folder)
    path = os.path.join(folder, "log")
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    bench.start_with(f"2> {path}")
    os.close(pipe)
    bench.serves_on()
    bench.ends()


def a_terminal_that_hangs_up(world, folder):
    bench = Bench(world, folder)
    terminal, program = os.openpty()
    bench.start(sys.executable, "-c", ON_TERMINAL, os.ttyname(program), *bench.command())
    os.close(program)
    os.close(terminal)
    bench.serves_on()
    bench.ends()


def a_journal_that_hangs_and_then_goes(world, folder):
    bench = Bench(world, folder)
    path = os.path.join(folder, "journal")
    with socket.socket(socket.AF_UNIX) as journal:
        journal.bind(path)
        journal.listen()
        bench.start(sys.executable, "-c", ON_JOURNAL, path, *bench.command("--trace"))
        stream, _ = journal.accept()
    with stream:
        lines = stream.makefile(errors="surrogateescape")
        lab.eventually(lambda: lines.readline().startswith("<6>ready"), "the line that it is ready")
        for _ in range(20):  # nobody reads from here on; each leaves a kilobyte of lines
            bench.serves_on()
    bench.serves_on()
    bench.ends()


def a_full_disk_that_gets_room(world, folder):
    bench = Bench(world, folder)
    small = os.path.join(folder, "small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=True)
    try:
        log, filler = os.path.join(small, "log"), os.path.join(small, "filler")
        with open(log, "w"), open(filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        bench.start_with(f"2>> {log}")
        bench.serves_on()
        assert os.path.getsize(log) == 0
        os.remove(filler)

        def told():
            with open(log) as file:
                return file.read()

        lab.eventually(lambda: "\n" in told(), "the log to say that lines were lost")
        first = told().splitlines(keepends=True)[0]
        lost = re.fullmatch(r"\S+ aoe-target: warning: (\d+) lines of the log were lost: No space left on device\n", first)
        assert lost and int(lost[1]) >= 5, first
        bench.ctl("reload")
        lab.eventually(lambda: told().count("\n") > 1, "the log to go on")
        bench.ends()
        assert all(LINE.fullmatch(line) for line in told().splitlines(keepends=True)), told()
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def closed_streams_are_no_disk(world, folder):
    bench = Bench(world, folder)
    with open(bench.image, "rb") as file:
        before = file.read()
    bench.start_with("0<&- >&- 2>&-", "--no-state")
    bench.serves_on()
    for number in range(3):
        there = f"/proc/{bench.target.pid}/fd/{number}"
        assert os.stat(there).st_rdev == os.stat("/dev/null").st_rdev, os.readlink(there)
    bench.ends()
    with open(bench.image, "rb") as file:
        assert file.read() == before


def every_line_has_its_time_and_level(world, folder):
    bench = Bench(world, folder)
    target = bench.start(*bench.command("--log-level", "debug"))
    target.wait_for(" aoe-target: info: ready")
    target.wait_for(" aoe-target: debug: ctl status")
    with open(bench.config, "w") as file:
        file.write("luns: none\n")
    target.signal(signal.SIGHUP)
    assert target.wait_for("nothing was changed").split(" ", 1)[1].startswith(f"aoe-target: error: {bench.config}:1:7: ")
    assert target.stop() == 0
    assert all(LINE.fullmatch(line) for line in target.output.splitlines(keepends=True)), target.output


def an_error_at_the_start_is_a_plain_line_after_the_log(world, folder):
    bench = Bench(world, folder)
    result = bench.server.run([TARGET, "--shelf", "0", "--slot", "2", "--interface", "eth9", bench.image], check=False,
                              env={"STATE_DIRECTORY": "/dev/null/state"})
    warning, error = result.stderr.splitlines(keepends=True)
    assert result.returncode == 1 and error == "aoe-target: eth9: no such interface\n", result
    assert LINE.fullmatch(warning)[1] == "warning", warning


def the_level_chooses_what_is_logged(world, folder):
    bench = Bench(world, folder)
    target = bench.start(*bench.command("--log-level", "error"))
    with open(bench.config, "w") as file:
        file.write("luns: none\n")
    target.signal(signal.SIGHUP)
    target.wait_for("nothing was changed")
    assert target.stop() == 0
    assert target.output.count("\n") == 1, target.output


def the_journal_gets_levels_only(world, folder):
    bench = Bench(world, folder)
    log = os.path.join(folder, "log")
    bench.start("sh", "-c", 'exec 2> "$1"; shift; JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"', "sh", log,
                *bench.command())
    assert bench.target.stop() == 0
    with open(log) as file:
        lines = file.read().splitlines()
    assert "<6>ready" in lines and all(re.match(r"<[346]>\S", line) for line in lines), lines


def what_is_set_is_logged(world, folder):
    bench = Bench(world, folder)
    target, cable, ctl = bench.start(*bench.command()), bench.cable, bench.ctl
    client, force = "02:00:00:00:00:0c", config_set(b"rack \x007")

    def says(text):
        target.wait_for(f" aoe-target: info: e0.2: {text}")

    assert cable.ask(CONFIG, force).error == 0
    says(rf"config string forced by {client}: rack \x007")
    assert cable.ask(CONFIG, config_set(b"")).error == 0
    says(f"config string cleared by {client}")
    assert cable.ask(RESERVE, reserve_set(CLIENT)).error == 0
    says(f"reservation set by {client}: {client}")
    assert cable.ask(RESERVE, reserve_set()).error == 0
    says(f"reservation cleared by {client}")
    ctl("config", "e0.2", "rack 8")
    says("config string set by ctl: rack 8")
    ctl("config", "e0.2", "rack 8")  # changes nothing
    ctl("mask", "e0.2", "--add", client)
    says(f"mask list set by ctl: {client}")
    ctl("mask", "e0.2", "--remove", client)
    says("mask list cleared by ctl")
    assert target.stop() == 0
    assert target.output.count("rack 8") == 1, target.output


def a_client_cannot_flood_the_log(world, folder):
    bench = Bench(world, folder)
    target, changes = bench.start(*bench.command()), 0
    while " more before)" not in target.output:
        changes += 1
        assert changes < 100_000, target.output
        assert bench.cable.ask(CONFIG, config_set(b"%d" % changes)).error == 0
    assert target.stop() == 0
    logged = target.output.count(": config string forced by ")
    left_out = sum(int(number) for number in re.findall(r"(?:\(|changes: )(\d+) more", target.output))
    assert logged < changes == logged + left_out, (logged, left_out, changes)


def main():
    lab.require("ip", "mount")
    lab.require_namespaces()
    lab.play_all([a_log_on_a_full_disk, a_pipe_that_nobody_reads, a_pipe_whose_reader_goes, a_terminal_that_hangs_up, a_journal_that_hangs_and_then_goes,
                  a_full_disk_that_gets_room, closed_streams_are_no_disk, every_line_has_its_time_and_level,
                  an_error_at_the_start_is_a_plain_line_after_the_log, the_level_chooses_what_is_logged, the_journal_gets_levels_only, what_is_set_is_logged,
                  a_client_cannot_flood_the_log])


main()
