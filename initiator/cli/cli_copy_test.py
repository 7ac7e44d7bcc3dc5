"""aoe-initiator read, write and copy against aoe-target: what they move, and what becomes of it in trouble.

usage: cli_copy_test.py AOE_INITIATOR AOE_TARGET [RULE...]
"""

import fcntl
import functools
import os
import random
import signal

import lab
import cli_trial
from cli_trial import (INITIATOR, TARGET, OK, FAILURE, USAGE, MEGABYTE, SIZE, together, wait_for_silence, wait_for_requests,
                       Drain, Feed)


def moves_what_is_asked_for(trial):
    assert trial.read() == trial.content
    for offset, length in [(0, 0), (0, 1), (511, 1), (511, 2), (777, 3000), (MEGABYTE - 1, MEGABYTE + 2),
                           (SIZE - 1, 1), (SIZE - 513, 513), (SIZE, 0)]:
        assert trial.read("--offset", str(offset), "--length", str(length)) == trial.content[offset:offset + length]
    assert trial.read("--offset", "1.5K", "--length", "1MiB") == trial.content[1536:1536 + MEGABYTE]
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

    summary = run("e0.2", copy, "--verify")
    assert summary.startswith(f"{SIZE} bytes in ") and summary.endswith(" retransmissions, verified\n"), summary
    assert content() == trial.content
    assert run("e0.2", copy, "--offset", "777", "--length", "3000", "--quiet") == ""
    assert content() == trial.content[777:3777]
    assert run("e0.2", "e0.3", "--verify").endswith(", verified\n")
    assert not run("e0.2", "e0.3").endswith(", verified\n")
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


def shows_progress_on_a_terminal_only(trial):
    copy = os.path.join(trial.folder, "copy")
    assert "%" not in trial.run("copy", "e0.2", copy).stderr
    shown = trial.client.run(["script", "--quiet", "--return", "--command", f"{INITIATOR} copy e0.2 {copy}", "/dev/null"])
    assert "0 % [" in shown.stdout and "MB/s" in shown.stdout, shown.stdout

    # On a narrow one, with a target that falls silent, and a check afterwards.
    with trial.server.packet_socket("eth0") as sniffer:
        told = os.path.join(trial.folder, "shown")
        command = f"stty cols 40; {INITIATOR} copy e0.2 {copy} --verify --maxout 1"
        copying = trial.client.start(["script", "--quiet", "--flush", "--return", "--command", command, told])
        wait_for_requests(sniffer, 100)
        trial.target.signal(signal.SIGSTOP)

        def is_told():
            with open(told, errors="replace") as file:
                return "stalled 0:0" in file.read()

        lab.eventually(is_told)
        trial.target.signal(signal.SIGCONT)
        assert copying.wait() == OK
    with open(told, newline="") as file:
        lines = [line.split("\x1b[K")[0] for line in file.read().split("\r") if "\x1b[K" in line]
    assert any(line.startswith("verifying   0 % ") for line in lines), lines
    assert max(map(len, lines)) < 40, lines


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


cli_trial.play([moves_what_is_asked_for, respects_the_ends_of_disk_and_input, notices_output_that_is_lost,
                a_stalled_pipe_costs_no_retransmission, copies_between_disks_and_files, shows_progress_on_a_terminal_only,
                a_target_that_dies_fails_the_transfer, a_target_that_restarts_in_time_costs_only_time])
