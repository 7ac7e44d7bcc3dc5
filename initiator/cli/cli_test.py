"""aoe-initiator's command line against aoe-target: what it prints, moves and refuses, and how it ends.

usage: cli_test.py AOE_INITIATOR AOE_TARGET
"""

import concurrent.futures
import contextlib
import fcntl
import functools
import json
import os
import random
import signal
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
HINT = " (aoe-initiator --help shows how)"
MAC = bytes.fromhex("020000000506")  # of a target that a rule plays itself


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


def shows_what_is_there(trial):
    mac = trial.server.link("eth0")["address"]
    columns, listed, *stats = (result.stdout for result in together(*(
        functools.partial(trial.run, *arguments) for arguments in [
            ["discover"], ["discover", "--json"], ["stat"], ["stat", "e0.2", "--interface", "eth0"], ["stat", "--json"],
            ["stat", "e0.2", "--interface", "eth0", "--json"]])))
    lines = columns.splitlines()
    assert lines[0].split() == ["device", "interface", "mac", "buffers", "sectors", "firmware", "config"], lines
    assert [line.split() for line in lines[1:]] == [["e0.2", "eth0", mac, "64", "17", "0001"]], lines
    assert json.loads(listed) == [{
        "device": "e0.2", "interface": "eth0", "mac": mac, "buffers": 64, "sectors": 17, "firmware": 1, "config": ""}]

    for told in stats[:2]:
        assert told.split() == ["e0.2", "0.016GB", "eth0", "8704", "up"], told
    for told in stats[2:]:
        assert json.loads(told) == [{
            "device": "e0.2", "size": SIZE, "interfaces": ["eth0"], "payload": 8704, "state": "up",
            "paths": [{"interface": "eth0", "mac": trial.server.link("eth0")["address"], "mtu": 9000, "payload": 8704,
                       "suspect": False}]}], told

    facts = json.loads(trial.run("identify", "e0.2", "--json").stdout)
    assert (facts["device"], facts["model"], facts["sectors"]) == ("e0.2", "aoe-target", SIZE // 512), facts
    assert facts["lba48"] is True, facts
    for line in trial.run("identify", "e0.2").stdout.splitlines():
        name, value = line.split(None, 1)
        expected = facts[name]
        assert value == ("eth0" if name == "interfaces" else expected if isinstance(expected, str) else
                         json.dumps(expected)), line

    told = trial.run("ping", "e0.2", "--count", "3", "--interval", "1")
    lines = told.stdout.splitlines()
    assert sorted(line.split("time=")[0] for line in lines[:-1]) == [
        f"e0.2 ({mac}) on eth0: seq={sequence} " for sequence in (1, 2, 3)], lines
    assert (told.returncode, lines[-1]) == (OK, "e0.2: 3 asked, 3 answered, 0 % lost"), told


def tells_late_answers_from_lost_ones(trial):
    """Of four questions the second is answered before the first, the first twice, and the last two not at all."""
    with trial.server.packet_socket("eth0") as wire:
        pinging = trial.client.start([INITIATOR, "ping", "e5.6", "--count", "4", "--interval", "1"])
        questions = []
        while len(questions) < 4:
            frame = wire.recv(2000)
            if not frame[14] & 0x08 and frame[16:20] == bytes([0, 5, 6, 1]):
                questions.append(frame)
        for question in questions[1], questions[0], questions[0]:
            # Ver 1 and R; 16 buffers, firmware 1, 2 sectors, no string
            wire.send(question[6:12] + MAC + bytes.fromhex("88a2 1800") + question[16:24]
                      + bytes.fromhex("0010 0001 02 10 0000").ljust(36, b"\0"))
    assert pinging.wait() == OK
    lines = pinging.output.splitlines()
    assert [line.split(" time=")[0] for line in lines[:-1]] == [
        f"e5.6 (02:00:00:00:05:06) on eth0: seq={sequence}" for sequence in (2, 1, 1)], lines
    assert lines[-1] == "e5.6: 4 asked, 2 answered, 50 % lost", lines


def shows_nothing_where_nothing_is(trial):
    trial.client.ip("link", "add", "idle0", "type", "veth", "peer", "name", "idle1")
    together(lambda: trial.refused(FAILURE, "no target answers on idle0 (down)", "stat", "--interface", "idle0"),
             lambda: trial.refused(FAILURE, "e0.2: no answer on idle0 (down) within 1 s",
                                   "read", "e0.2", "--interface", "idle0", "--wait", "1"))
    for end in "idle0", "idle1":
        trial.client.ip("link", "set", end, "up")
    trial.client.wait_until_up("idle0")
    missing = os.path.join(trial.folder, "missing")
    _, nothing, asked, _ = together(
        lambda: trial.refused(FAILURE, "no target answers on idle0", "discover", "--interface", "idle0"),
        lambda: trial.run("discover", "--interface", "idle0", "--json"),
        lambda: trial.run("ping", "e9.9", "--interface", "eth0", "--count", "1", "--wait", "1"),
        lambda: trial.all_refused(
            "e9.9: no answer on eth0 within 1 s", *(command + ["--interface", "eth0"] for command in [
                ["read", "e9.9"], ["write", "e9.9"], ["identify", "e9.9"], ["stat", "e9.9"], ["copy", "e9.9", missing],
                ["bench", "e9.9"], ["revalidate", "e9.9"], ["flush", "e9.9"], ["config", "get", "e9.9"], ["mask", "e9.9"],
                ["reserve", "e9.9"]])))
    assert nothing.stdout == "[]\n", nothing
    assert not os.path.exists(missing), "made before the disk was there"
    assert (asked.returncode, asked.stdout) == (FAILURE, "e9.9: 1 asked, 0 answered, 100 % lost\n"), asked
    assert asked.stderr == "aoe-initiator: e9.9: no answer on eth0\n", asked
    trial.client.ip("link", "del", "idle0")
    trial.refused(FAILURE, "eth7: no such interface", "stat", "--interface", "eth7")
    trial.refused(FAILURE, "eth0: opening a packet socket: Operation not permitted (CAP_NET_RAW is needed)", "stat",
                  prefix=["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"])


def refuses_bad_arguments(trial):
    no_such = "no such command (aoe-initiator --help lists them)"
    for arguments, line in [
            ([], "A subcommand is required" + HINT),
            (["frobnicate"], f"frobnicate: {no_such}"),
            (["--colour"], f"--colour: {no_such}"),
            (["stat", "--colour"], "The following argument was not expected: --colour" + HINT),
            (["read"], "DEVICE is required" + HINT),
            (["read", "x0.2"], "DEVICE: x0.2: not a device name such as e0.2" + HINT),
            (["read", "e0.255"], "DEVICE: e0.255: not a device name such as e0.2" + HINT),
            (["read", "e0.2", "more"], "The following argument was not expected: more" + HINT),
            (["read", "e0.2", "--maxout", "0"], "--maxout: Value 0 not in range 1 to 65535" + HINT),
            (["read", "e0.2", "--deadsecs", "x"], "--deadsecs: Value x not in range 0 to 1000000" + HINT),
            (["read", "e0.2", "--wait", "0"], "--wait: Value 0 not in range 1 to 86400" + HINT),
            (["read", "e0.2", "--offset", "-1"], "--offset: -1: not a number of bytes" + HINT),
            (["read", "e0.2", "--length", "1k"], "--length: 1k: not a number of bytes" + HINT),
            (["stat", "--interface"], "--interface: 1 required IF missing" + HINT),
            (["stat", "--profile", "bsd"], "--profile: bsd not in {rfc6298,linux}" + HINT),
            (["copy", "e0.2"], "DESTINATION is required" + HINT),
            (["copy", "a", "b"], "copy: neither source nor destination is a device name such as e0.2"),
            (["copy", "e0.2", "e0.2"], "copy: source and destination are the same"),
            (["copy", "e0.2", "-", "--verify"], "--verify: standard output can't be read back"),
            (["copy", "e0.2", "-", "--resume"], "--resume: standard output has no earlier copy"),
            (["bench", "e0.2", "--write"], "bench: --write needs --destroy-data, because it overwrites the disk"),
            (["bench", "e0.2", "--size", "100"], "--size: 100: not a multiple of 512 up to 1 GiB" + HINT),
            (["bench", "e0.2", "--size", str(16 * MEGABYTE), "--outstanding", "65"],
             "bench: --size times --outstanding is more than 1 GiB"),
            (["bench", "e0.2", "--random", "--sequential"], "--random excludes --sequential" + HINT),
            (["config"], "A subcommand is required" + HINT),
            (["config", "set", "e0.2"], "STRING is required" + HINT),
            (["config", "set", "e0.2", "x" * 1025], "config: the string is longer than 1024 bytes"),
            (["mask", "e0.2", "--add", "me"], "--add: me: not a MAC address such as 02:00:00:0a:0b:0c" + HINT),
            (["reserve", "e0.2", "--set", "02:00:00:00:00:01", "--release"], "--set excludes --release" + HINT),
            (["flush"], "flush: DEVICE is required, or --mount"),
            *((command + ["--mount", "tree", "--json"], "--json excludes --mount" + HINT)
              for command in [["discover"], ["interfaces"], ["revalidate", "e0.2"]])]:
        trial.refused(USAGE, line, *arguments)
    help = trial.run("--help").stdout
    assert "aoe-initiator read e0.2 --interface eth1 > disk.copy" in help
    commands = [line.split()[0] for line in help.splitlines() if line.startswith("  ") and "aoe-initiator" not in line]
    assert {"discover", "copy", "config"} <= set(commands), help
    for command in [[], *([command] for command in commands), ["config", "set"]]:
        result = trial.run(*command, "--help")
        lines = result.stdout.splitlines()
        assert result.returncode == OK and len(lines) <= 24 and max(map(len, lines)) <= 80, result.stdout
    assert trial.run("--version").stdout.startswith("aoe-initiator 0.")


def completes_what_there_is(trial):
    def told(*command):
        lines = trial.run(*command, "--help").stdout.splitlines()
        return {line.split()[0].rstrip(",") for line in lines if line.startswith("  ")}

    def options(*command):
        return {word for word in told(*command) if word.startswith("--")}

    def completed(*words):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../aoe-initiator.bash")
        line = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _aoe_initiator; echo "${COMPREPLY[@]}"'
        result = trial.client.run(["bash", "-c", line, "bash", script, "aoe-initiator", *words])
        assert result.stderr == "", result.stderr
        return set(result.stdout.split())

    commands = {word for word in told() if word[0] != "-" and word != "aoe-initiator"}
    assert {"discover", "copy", "mount", "config"} <= commands, commands
    assert completed("") == commands | {"--help", "--version"}
    assert completed("config", "") == told("config") - {"--help"}
    for command in commands:
        expected = options("config", "set") if command == "config" else options(command)
        assert {"--interface", "--help"} <= expected, expected
        assert completed(command, "--") == expected, command


def moves_what_is_asked_for(trial):
    assert trial.read() == trial.content
    for offset, length in [(0, 0), (0, 1), (511, 1), (511, 2), (777, 3000), (MEGABYTE - 1, MEGABYTE + 2),
                           (SIZE - 1, 1), (SIZE - 513, 513), (SIZE, 0)]:
        assert trial.read("--offset", str(offset), "--length", str(length)) == trial.content[offset:offset + length]
    assert trial.read("--offset", str(SIZE - 700)) == trial.content[-700:]

    expected = bytearray(trial.content)
    for number, (offset, length) in enumerate([(0, 512), (1, 1), (511, 2), (777, 3000), (1024, 512),
                                               (MEGABYTE + 5, MEGABYTE), (2 * MEGABYTE, 2 * MEGABYTE),
                                               (SIZE - 1, 1), (SIZE - 513, 513), (5, 0)]):
        data = random.Random(number).randbytes(length)
        result = trial.run("write", "e0.2", "--offset", str(offset), input=data, text=False)
        assert result.returncode == OK and result.stderr.startswith(b"%d bytes in " % length), result.stderr
        expected[offset:offset + length] = data
        assert trial.disk() == expected, f"{length} bytes at {offset}"
    trial.restore_disk()


def respects_the_ends_of_disk_and_input(trial):
    trial.refused(FAILURE, f"e0.2: offset {SIZE + 1} lies beyond its end at {SIZE} bytes",
                  "read", "e0.2", "--offset", str(SIZE + 1))
    trial.refused(FAILURE, f"e0.2: offset 1 + length {SIZE} lies beyond its end at {SIZE} bytes",
                  "write", "e0.2", "--offset", "1", "--length", str(SIZE))
    trial.refused(FAILURE, f"e0.2: offset 1 + length {2**64 - 1} lies beyond its end at {SIZE} bytes",
                  "read", "e0.2", "--offset", "1", "--length", str(2**64 - 1))

    trial.file("long", bytes(1001))
    offset = SIZE - 1000
    too_long = f"aoe-initiator: e0.2: the input is longer than the 1000 bytes from {offset} to its end\n"
    assert trial.shell(f'"$I" write e0.2 --offset {offset} < long') == (FAILURE, "", too_long)
    assert trial.disk() == trial.content, "a file that does not fit was written"
    assert trial.shell(f'cat long | "$I" write e0.2 --offset {offset}') == (FAILURE, "", too_long)
    assert trial.disk() == trial.content[:offset] + bytes(1000)
    trial.restore_disk()

    short = "aoe-initiator: the input ended after 1001 of 2000 bytes; they are written\n"
    for source in '< long "$I"', 'cat long | "$I"':
        assert trial.shell(source + " write e0.2 --length 2000") == (FAILURE, "", short), source
        assert trial.disk() == bytes(1001) + trial.content[1001:]
        trial.restore_disk()
    assert trial.shell('(printf abcdef | ("$I" write e0.2 --length 3 --quiet; cat))') == (OK, "def", "")
    assert trial.disk()[:6] == b"abc" + trial.content[3:6]
    trial.restore_disk()

    # An end of the input that can't be seen is none.
    breaks = ("import os, socket, sys; ours, other = socket.socketpair(); other.send(bytes(512)); ours.send(b'unread'); "
              "other.close(); os.dup2(ours.fileno(), 0); os.execv(sys.argv[1], sys.argv[1:])")
    trial.refused(FAILURE, "reading standard input: Connection reset by peer", "write", "e0.2", "--offset", str(SIZE - 512),
                  prefix=["python3", "-c", breaks])
    trial.restore_disk()


def notices_output_that_is_lost(trial):
    full = "No space left on device\n"
    commands = "discover", "stat", "identify e0.2", "ping e0.2 --count 1"
    for told in together(*(functools.partial(trial.shell, f'"$I" {command} > /dev/full') for command in commands)):
        assert told == (FAILURE, "", f"aoe-initiator: standard output: {full}"), told
    told = trial.shell('"$I" read e0.2 > /dev/full')
    assert told == (FAILURE, "", f"aoe-initiator: writing to standard output: {full}"), told
    assert trial.shell('"$I" read e0.2 | head --bytes 3 | wc --bytes') == (OK, "3\n", "")

    # What can't be told on standard error changes nothing, and goes nowhere else.
    copy = os.path.join(trial.folder, "copy")
    for stream in "2> /dev/full", "2>&-":
        assert trial.shell(f'"$I" read e0.2 --interface eth7 {stream}') == (FAILURE, "", ""), stream
        assert trial.shell(f'"$I" read {stream}') == (USAGE, "", ""), stream
        assert trial.shell(f'"$I" copy e0.2 copy {stream}') == (OK, "", ""), stream
        with open(copy, "rb") as file:
            assert file.read() == trial.content, stream
        os.remove(copy)
    told = trial.shell('"$I" stat e0.2 >&-')
    assert told == (FAILURE, "", "aoe-initiator: standard output: Bad file descriptor\n"), told


def a_stalled_pipe_costs_no_retransmission(trial):
    """On a busy machine the target may be slow, too, and now and then cost one; a pipe that does costs them always."""
    sniffer = trial.server.packet_socket("eth0")
    pipe = trial.fifo("slow-pipe")

    def read_costs_none():
        reading = trial.client.start(["sh", "-c", f'exec "{INITIATOR}" read e0.2 > {pipe}'])
        with open(pipe, "rb") as output:
            data = output.read(MEGABYTE)
            wait_for_silence(sniffer)
            data += output.read()
        assert reading.wait() == OK and data == trial.content
        return ", 0 retransmissions" in reading.output

    def write_costs_none():
        data = random.Random(2).randbytes(SIZE)
        writing = trial.client.start(["sh", "-c", f'exec "{INITIATOR}" write e0.2 < {pipe}'])
        with open(pipe, "wb") as source:
            source.write(data[:3 * MEGABYTE + 100])
            source.flush()
            wait_for_silence(sniffer)
            source.write(data[3 * MEGABYTE + 100:])
        assert writing.wait() == OK and trial.disk() == data
        trial.restore_disk()
        return ", 0 retransmissions" in writing.output

    for costs_none in read_costs_none, write_costs_none:
        assert any(costs_none() for _ in range(5)), costs_none.__name__


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


def copies_between_disks_and_files(trial):
    second = trial.file("second.img", bytes(SIZE))
    other = trial.server.start([TARGET, "--shelf", "0", "--slot", "3", "--interface", "eth0", "--no-state", second])
    other.wait_for("ready")
    copy = os.path.join(trial.folder, "copy")

    def content(path=copy):
        with open(path, "rb") as file:
            return file.read()

    def run(*arguments):
        result = trial.run("copy", *arguments)
        assert (result.returncode, result.stdout) == (OK, ""), result
        return result.stderr

    assert run("e0.2", copy, "--verify").startswith(f"{SIZE} bytes in ")
    assert content() == trial.content
    assert run("e0.2", copy, "--offset", "777", "--length", "3000", "--quiet") == ""
    assert content() == trial.content[777:3777]
    run("e0.2", "e0.3", "--verify")
    assert content(second) == trial.content
    part = trial.file("part", random.Random(5).randbytes(MEGABYTE + 1))
    run(part, "e0.3", "--offset", "1023", "--verify")
    assert content(second) == trial.content[:1023] + content(part) + trial.content[1024 + MEGABYTE:]

    run("e0.2", "e0.3", "--resume")
    assert content(second) == trial.content
    # What is there already is not written again, as a disk that takes no writes shows.
    other.stop()
    other = trial.server.start([TARGET, "--shelf", "0", "--slot", "3", "--interface", "eth0", "--no-state", "--read-only", second])
    other.wait_for("ready")
    run("e0.2", "e0.3", "--resume")
    result = trial.run("copy", "e0.2", "e0.3")
    assert result.returncode == FAILURE and "e0.3: writing at sector 0: ATA error" in result.stderr, result
    other.stop()

    # A file goes on where it ends.
    trial.file("copy", trial.content[:MEGABYTE] + b"rest of a sector")
    assert run("e0.2", copy, "--resume").startswith(f"{SIZE - MEGABYTE} bytes in ")
    assert content() == trial.content
    assert run("e0.2", copy, "--resume").startswith("0 bytes in ")
    trial.file("copy", bytes(SIZE + 1))
    trial.refused(FAILURE, f"{copy}: is longer than the {SIZE} bytes to copy", "copy", "e0.2", copy, "--resume")

    # Zeros become holes, also at the end.
    sparse = MEGABYTE * b"x" + bytes(SIZE - MEGABYTE)
    trial.file("second.img", sparse)
    other = trial.server.start([TARGET, "--shelf", "0", "--slot", "3", "--interface", "eth0", "--no-state", second])
    other.wait_for("ready")
    run("e0.3", copy)
    assert content() == sparse and os.stat(copy).st_blocks * 512 <= 2 * MEGABYTE, os.stat(copy)

    missing = os.path.join(trial.folder, "missing")
    trial.refused(FAILURE, f"{missing}: No such file or directory", "copy", missing, "e0.2")
    trial.refused(FAILURE, f"{trial.folder}: Is a directory", "copy", "e0.2", trial.folder)
    locked = trial.file("locked", b"an image that is served")
    with open(locked, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        trial.refused(FAILURE, f"{locked}: in use by another program", "copy", "e0.2", locked)
    assert content(locked) == b"an image that is served"
    trial.refused(FAILURE, f"e0.2: the input is longer than the 512 bytes from {SIZE - 512} to its end",
                  "copy", part, "e0.2", "--offset", str(SIZE - 512))
    assert trial.disk() == trial.content
    other.stop()


def stops_cleanly_when_interrupted(trial):
    pipe = trial.fifo("interrupted")
    reading = trial.client.start(["sh", "-c", f'"{INITIATOR}" copy e0.2 - > {pipe} & echo $!; wait $!; echo status $?'])
    number = int(reading.wait_for(""))
    with open(pipe, "rb") as output:
        data = output.read(MEGABYTE)
        os.kill(number, signal.SIGINT)
        data += output.read()
    reading.wait()
    assert reading.output.endswith(f"aoe-initiator: interrupted after {len(data)} bytes\nstatus 130\n"), reading.output
    assert data == trial.content[:len(data)]

    pipe = trial.fifo("interrupted-input")
    writing = trial.client.start(["sh", "-c", f'"{INITIATOR}" copy - e0.2 < {pipe} & echo $!; wait $!; echo status $?'])
    number = int(writing.wait_for(""))
    new = random.Random(6).randbytes(MEGABYTE + 1000)
    with open(pipe, "wb") as source:
        source.write(new)
        source.flush()
        wait_until_read(source)
        os.kill(number, signal.SIGTERM)
        writing.wait()
    assert writing.output.endswith(f"aoe-initiator: interrupted after {len(new)} bytes\nstatus 143\n"), writing.output
    assert trial.disk() == new + trial.content[len(new):]
    trial.restore_disk()

    # All has been read, and is not written yet: what --verify asks for has still to come.
    pipe = trial.fifo("interrupted-verify")
    writing = trial.client.start(["sh", "-c", f'"{INITIATOR}" copy - e0.2 --length {MEGABYTE} --verify < {pipe} & '
                                              'echo $!; wait $!; echo status $?'])
    number = int(writing.wait_for(""))
    with open(pipe, "wb", buffering=0) as source:
        source.write(new[:MEGABYTE - 1])
        wait_until_read(source)
        trial.target.signal(signal.SIGSTOP)
        source.write(new[MEGABYTE - 1:MEGABYTE])
        wait_until_read(source)
        os.kill(number, signal.SIGINT)
        trial.target.signal(signal.SIGCONT)
        writing.wait()
    assert writing.output.endswith(f"aoe-initiator: interrupted after {MEGABYTE} bytes, not verified\nstatus 130\n"), writing.output
    assert trial.disk() == new[:MEGABYTE] + trial.content[MEGABYTE:]
    trial.restore_disk()


def ends_at_the_first_signal_though_the_target_is_silent(trial):
    sniffer = trial.server.packet_socket("eth0")

    def ends(running, number):
        wait_for_silence(sniffer, 0.05)
        wait_for_requests(sniffer, 1)  # a repetition
        begun = time.monotonic()
        running.signal(number)
        status = running.wait(20)
        taken = time.monotonic() - begun
        assert taken < 5, taken  # half a second, on a machine with nothing else to do
        return status

    output = trial.fifo("silent-output")
    reading = trial.client.start(["sh", "-c", f'exec "{INITIATOR}" read e0.2 > {output}'])
    with open(output, "rb") as pipe:
        data = pipe.read(MEGABYTE)
        trial.target.signal(signal.SIGSTOP)
        rest = Drain(pipe)
        status = ends(reading, signal.SIGTERM)
        rest.join()
    trial.target.signal(signal.SIGCONT)
    data += rest.data
    assert (status, reading.output) == (143, f"aoe-initiator: interrupted after {len(data)} bytes\n"), reading.output
    assert data == trial.content[:len(data)]

    source = trial.fifo("silent-input")
    writing = trial.client.start(["sh", "-c", f'exec "{INITIATOR}" write e0.2 < {source}'])
    with open(source, "wb") as pipe:
        pipe.write(trial.content[:2 * MEGABYTE])
        pipe.flush()
        wait_until_read(pipe)
        trial.target.signal(signal.SIGSTOP)
        more = Fill(source, trial.content[2 * MEGABYTE:6 * MEGABYTE])  # more than it takes while nothing is answered
        status = ends(writing, signal.SIGINT)
    more.join()
    assert status == 130 and writing.output.startswith("aoe-initiator: interrupted after "), writing.output
    assert writing.output.endswith(" bytes, which may not be stable\n"), writing.output

    for command in ["discover"], ["stat", "e0.2"], ["identify", "e0.2"], ["ping", "e0.2"], ["sancheck"], ["read", "e0.2"], [
            "write", "e0.2"], ["copy", "e0.2", "-"], ["bench", "e0.2"], ["revalidate", "e0.2"], ["flush", "e0.2"], [
            "config", "get", "e0.2"], ["mask", "e0.2"], ["reserve", "e0.2"]:
        running = trial.client.start([INITIATOR, *command, "--wait", "60"])
        wait_for_requests(sniffer, 1)
        running.signal(signal.SIGTERM)
        assert running.wait(20) == -signal.SIGTERM, (command, running.output)
    trial.target.signal(signal.SIGCONT)
    trial.restore_disk()


def traces_each_decision(trial):
    """A line for each, with the time and the device, from an option or from the environment."""
    read = ["read", "e0.2", "--quiet", "--length", "512"]
    for told in trial.run(*read, "--trace", text=False), trial.run(*read, text=False, env={"AOE_TRACE": "1"}):
        assert (told.returncode, told.stdout) == (OK, trial.content[:512]), told
        lines = told.stderr.decode().splitlines()
        assert all(float(line.split()[0]) >= 0 for line in lines), lines
        for part in (" discover e", " port 0: is eth0", " state e0.2: identifying -> up, identified",
                     " payload e0.2: 0 -> 17 sectors", " send e0.2 tag ", ": READ EXT 0+1 to ", " attempt 1, outstanding 1 of 32",
                     " answer e0.2 tag ", ": ok after "):
            assert any(part in line for line in lines), (part, lines)


def wait_until_read(pipe):
    """Waits until there is nothing in a pipe that nobody has read yet."""
    def is_empty():
        room = bytearray(4)
        fcntl.ioctl(pipe, termios.FIONREAD, room)
        return not any(room)

    lab.eventually(is_empty, "the pipe to be read")


def shows_progress_on_a_terminal_only(trial):
    copy = os.path.join(trial.folder, "copy")
    assert "%" not in trial.run("copy", "e0.2", copy).stderr
    shown = trial.client.run(["script", "--quiet", "--return", "--command", f"{INITIATOR} copy e0.2 {copy}", "/dev/null"])
    assert "100 % [" in shown.stdout and "MB/s" in shown.stdout, shown.stdout


def reads_and_sets_what_a_target_keeps(trial):
    mac = trial.client.link("eth0")["address"]
    stranger = "02:00:00:00:00:99"

    def ask(*arguments):
        result = trial.run(*arguments)
        assert (result.returncode, result.stderr) == (OK, ""), (arguments, result)
        return result.stdout

    assert ask("config", "get", "e0.2") == "\n"
    assert ask("config", "set", "e0.2", "a string") == "a string\n"
    assert ask("config", "set", "e0.2", "a string") == "a string\n"  # as a repeated frame would
    trial.refused(FAILURE, "e0.2: AoE error: config string present", "config", "set", "e0.2", "another")
    assert ask("config", "test", "e0.2", "a string") == "a string\n"
    assert ask("config", "prefix", "e0.2", "a s") == "a string\n"
    trial.all_refused("e0.2: no target's config string matches", ["config", "test", "e0.2", "a"],
                      ["config", "prefix", "e0.2", "b"])
    facts = json.loads(ask("config", "get", "e0.2", "--json"))
    assert (facts["device"], facts["config"], facts["buffers"], facts["sectors"]) == ("e0.2", "a string", 64, 17), facts
    assert ask("config", "force-set", "e0.2", "") == "\n"

    assert ask("mask", "e0.2") == ""
    assert ask("mask", "e0.2", "--add", mac, "--add", stranger) == f"{mac}\n{stranger}\n"
    assert json.loads(ask("mask", "e0.2", "--json")) == {"device": "e0.2", "macs": [mac, stranger]}
    assert ask("mask", "e0.2", "--delete", f"{mac},{stranger}") == ""

    assert ask("reserve", "e0.2") == ""
    assert ask("reserve", "e0.2", "--set", stranger) == f"{stranger}\n"
    trial.refused(FAILURE, "e0.2: AoE error: target is reserved", "reserve", "e0.2", "--set", mac)
    trial.refused(FAILURE, "e0.2: AoE error: target is reserved", "reserve", "e0.2", "--release")
    result = trial.run("flush", "e0.2", "--deadsecs", "1")
    assert (result.returncode, result.stderr) == (FAILURE, "aoe-initiator: e0.2: flushing: AoE error: target is reserved\n")
    assert ask("reserve", "e0.2", "--force", f"{mac},{stranger}") == f"{mac}\n{stranger}\n"
    assert json.loads(ask("reserve", "e0.2", "--release", "--json")) == {"device": "e0.2", "macs": []}


def looks_after_disks_and_interfaces(trial):
    link = trial.client.link("eth0")
    assert trial.run("revalidate", "e0.2").stdout == f"e0.2: {SIZE // 512} sectors, {SIZE} bytes\n"
    assert json.loads(trial.run("revalidate", "e0.2", "--json").stdout)["bytes"] == SIZE
    assert trial.run("flush", "e0.2").returncode == OK

    expected = {"interface": "eth0", "mac": link["address"], "mtu": 9000, "sectors": 17, "state": "up"}
    assert json.loads(trial.run("interfaces", "--json").stdout) == [expected]
    lines = trial.run("interfaces", "eth*").stdout.splitlines()
    assert lines[1].split() == ["eth0", link["address"], "9000", "17", "up"], lines
    trial.refused(FAILURE, "eth7: no such interface", "interfaces", "eth7")

    tree = os.path.join(trial.folder, "tree")
    etherd, parameters = os.path.join(tree, "dev/etherd"), os.path.join(tree, "sys/module/aoe/parameters")
    trial.refused(FAILURE, f"{etherd}/discover: No such file or directory", "discover", "--mount", tree)
    os.makedirs(etherd)
    os.makedirs(parameters)
    trial.file("tree/sys/module/aoe/parameters/aoe_iflist", b"eth0 eth1\n")
    for arguments, name, text in [(["discover"], "discover", "discover\n"), (["revalidate", "e0.2"], "revalidate", "e0.2\n"),
                                  (["flush"], "flush", "\n"), (["flush", "--all"], "flush", "all\n"),
                                  (["flush", "e0.2"], "flush", "e0.2\n"),
                                  (["interfaces", "eth0", "eth1"], "interfaces", "eth0 eth1\n")]:
        path = trial.file(f"tree/dev/etherd/{name}", b"")
        assert trial.run(*arguments, "--mount", tree).returncode == OK, arguments
        with open(path) as file:
            assert file.read() == text, arguments
    assert trial.run("interfaces", "--mount", tree).stdout == "eth0 eth1\n"


def checks_the_paths_to_its_targets(trial):
    result = trial.run("sancheck", "--count", "3")
    lines = result.stdout.splitlines()
    assert result.returncode == OK and lines[1].split()[-4:-1] == ["3/3"] * 3 and len(lines) == 2, lines
    # The target's card takes no jumbo frames, and the target says so.
    trial.server.ip("link", "set", "eth0", "mtu", "1500")
    trial.client.ip("link", "set", "eth0", "mtu", "9000")
    result = trial.run("sancheck", "--count", "3", "--json")
    facts = json.loads(result.stdout)
    assert result.returncode == OK and facts["paths"][0]["sectors"] == 2, facts
    assert [finding["fault"] for finding in facts["findings"]] == [False], facts
    trial.server.ip("link", "set", "eth0", "mtu", "9000")
    twin = trial.server.start([TARGET, "--shelf", "0", "--slot", "4", "--interface", "eth0", "--no-state", "memory:1M"])
    twin.wait_for("ready")
    assert len(json.loads(trial.run("sancheck", "--count", "1", "--json").stdout)["paths"]) == 2
    twin.stop()


def measures_speed(trial):
    read, written = together(
        lambda: trial.run("bench", "e0.2", "--seconds", "1", "--size", "1024", "--json"),
        lambda: trial.run("bench", "e0.2", "--seconds", "1", "--write", "--destroy-data", "--sequential", "--outstanding", "2"))
    facts = json.loads(read.stdout)
    latency = facts["latency-us"]
    assert facts["requests"] > 0 and facts["operation"] == "read" and facts["order"] == "random", facts
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"], facts
    assert written.returncode == OK and " IOPS, " in written.stdout and "p99.9" in written.stdout, written
    assert trial.disk() != trial.content
    trial.restore_disk()
    trial.refused(FAILURE, f"e0.2: has {SIZE} bytes, fewer than one request", "bench", "e0.2", "--size", str(2 * SIZE),
                  "--outstanding", "1")


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


def a_target_that_dies_fails_the_transfer(trial):
    output = trial.fifo("cut-output")
    reading = trial.client.start(["sh", "-c", f'exec "{INITIATOR}" read e0.2 --deadsecs 1 > {output}'])
    with open(output, "rb") as pipe:
        data = pipe.read(MEGABYTE)
        trial.target.kill()
        data += pipe.read()
    assert reading.wait() == FAILURE
    assert reading.output.startswith("aoe-initiator: e0.2: reading at sector "), reading.output
    assert reading.output.endswith(": device is down\n") and reading.output.count("\n") == 1, reading.output
    assert len(data) < SIZE and data == trial.content[:len(data)]
    trial.start_target()

    source = trial.fifo("cut-input")
    writing = trial.client.start(["sh", "-c", f'exec "{INITIATOR}" write e0.2 --deadsecs 1 < {source}'])
    with open(source, "wb") as pipe:
        pipe.write(bytes(MEGABYTE))
        pipe.flush()
        trial.target.kill()
        try:
            pipe.write(bytes(SIZE - MEGABYTE))
            pipe.flush()
        except BrokenPipeError:
            pass
    assert writing.wait() == FAILURE
    assert writing.output.startswith("aoe-initiator: e0.2: writing at sector "), writing.output
    assert writing.output.endswith(": device is down\n") and writing.output.count("\n") == 1, writing.output
    trial.restore_disk()
    trial.start_target()


def a_target_that_restarts_in_time_costs_only_time(trial):
    sniffer = trial.server.packet_socket("eth0")
    output = trial.fifo("resumed-output")
    reading = trial.client.start(["sh", "-c", f'exec "{INITIATOR}" read e0.2 --deadsecs 60 > {output}'])
    with open(output, "rb") as pipe:
        data = pipe.read(MEGABYTE)
        trial.target.kill()
        rest = Drain(pipe)
        wait_for_silence(sniffer, 0.05)  # what was under way is over: now only repetitions come
        wait_for_requests(sniffer, 2)
        trial.start_target()
        rest.join()
    assert reading.wait() == OK and data + rest.data == trial.content
    assert " retransmissions" in reading.output and ", 0 retransmissions" not in reading.output, reading.output

    data = random.Random(3).randbytes(SIZE)
    source = trial.fifo("resumed-input")
    writing = trial.client.start(["sh", "-c", f'exec "{INITIATOR}" write e0.2 --deadsecs 60 < {source}'])
    pipe = open(source, "wb")
    pipe.write(data[:4 * MEGABYTE])
    trial.target.kill()
    feed = Feed(pipe, data[4 * MEGABYTE:])
    wait_for_silence(sniffer, 0.05)
    wait_for_requests(sniffer, 3)
    trial.start_target()
    assert writing.wait(60) == OK and trial.disk() == data
    feed.join()
    trial.restore_disk()


def main():
    lab.require("setpriv", "script")
    lab.require_namespaces()
    with tempfile.TemporaryDirectory() as folder, lab.Lab() as world:
        trial = Trial(world, folder)
        lab.play_all([shows_what_is_there, tells_late_answers_from_lost_ones, shows_nothing_where_nothing_is,
                      refuses_bad_arguments, completes_what_there_is, moves_what_is_asked_for,
                      respects_the_ends_of_disk_and_input, notices_output_that_is_lost, copies_between_disks_and_files,
                      stops_cleanly_when_interrupted, ends_at_the_first_signal_though_the_target_is_silent,
                      traces_each_decision, shows_progress_on_a_terminal_only,
                      reads_and_sets_what_a_target_keeps, looks_after_disks_and_interfaces,
                      checks_the_paths_to_its_targets, measures_speed, a_stalled_pipe_costs_no_retransmission,
                      a_target_that_dies_fails_the_transfer, a_target_that_restarts_in_time_costs_only_time],
                     lab.shared(trial))


main()
