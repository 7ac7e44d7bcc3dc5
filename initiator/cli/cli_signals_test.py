"""How aoe-initiator's commands end at a signal, and when their time is over.

usage: cli_signals_test.py AOE_INITIATOR AOE_TARGET [RULE...]
"""

import json
import os
import random
import signal
import time

import cli_trial
from cli_trial import INITIATOR, MEGABYTE, SIZE, TARGET, wait_for_silence, wait_for_requests, wait_until_read, Fill, Drain

SOON = 5  # seconds

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
        # What has nothing to report yet is ended by the signal itself.
        status = running.wait(20)
        assert status == -signal.SIGTERM or (command[0], status) == ("ping", 143), (command, running.output)
    trial.target.signal(signal.SIGCONT)
    trial.restore_disk()


def soon(running, number, status):
    """The program must end with this status within a second, if the machine had nothing else to do."""
    running.signal(number)
    begun = time.monotonic()
    told = running.wait(20)
    assert told == status, (told, running.output)
    assert time.monotonic() - begun < SOON, running.output


def a_ping_says_what_was_answered(trial):
    pinging = trial.client.start([INITIATOR, "ping", "e0.2", "--interval", "10", "--count", "1000000"])
    pinging.wait_for("seq=3 ")
    soon(pinging, signal.SIGINT, 130)
    *answers, last = pinging.output.splitlines()
    assert last == f"e0.2: {len(answers)} asked, {len(answers)} answered, 0 % lost", pinging.output

    # A question whose time is not over is neither answered nor lost.
    sniffer = trial.server.packet_socket("eth0")
    pinging = trial.client.start([INITIATOR, "ping", "e9.9", "--wait", "60"])
    while sniffer.recv(20000)[16:19] != bytes([0, 9, 9]):
        pass
    soon(pinging, signal.SIGTERM, 143)
    assert pinging.output == "e9.9: 0 asked, 0 answered, 0 % lost\n", pinging.output


def a_bench_says_what_it_measured(trial):
    for options in [], ["--json"]:
        sniffer = trial.server.packet_socket("eth0")  # which has seen nothing of an earlier one
        measuring = trial.client.start([INITIATOR, "bench", "e0.2", "--seconds", "1000", *options])
        wait_for_requests(sniffer, 200)
        soon(measuring, signal.SIGINT, 130)
        if options:
            facts = json.loads(measuring.output)
            assert facts["requests"] > 0 and facts["unanswered"] == 0, facts
        else:
            assert " IOPS, " in measuring.output and "not answered" not in measuring.output, measuring.output


def a_bench_ends_in_time_though_the_target_is_silent(trial):
    sniffer = trial.server.packet_socket("eth0")

    def fall_silent(seconds):
        measuring = trial.client.start([INITIATOR, "bench", "e0.2", "--seconds", seconds, "--outstanding", "3"])
        wait_for_requests(sniffer, 200)
        trial.target.signal(signal.SIGSTOP)
        wait_for_silence(sniffer, 0.05)
        return measuring

    measuring = fall_silent("1")
    assert measuring.wait(20) == 0
    trial.target.signal(signal.SIGCONT)
    assert measuring.output.endswith("3 requests were not answered in the end\n"), measuring.output

    measuring = fall_silent("1000")
    soon(measuring, signal.SIGTERM, 143)
    trial.target.signal(signal.SIGCONT)
    assert measuring.output.endswith("3 requests were not answered in the end\n"), measuring.output


def an_interrupted_copy_can_be_resumed(trial):
    second = trial.file("second.img", bytes(SIZE))
    other = trial.server.start([TARGET, "--shelf", "0", "--slot", "3", "--interface", "eth0", "--no-state", second])
    other.wait_for("ready")
    copy = os.path.join(trial.folder, "copied")
    for destination, path in (copy, copy), ("e0.3", second):
        sniffer = trial.server.packet_socket("eth0")
        copying = trial.client.start([INITIATOR, "copy", "e0.2", destination, "--maxout", "1"])
        wait_for_requests(sniffer, 100)
        trial.target.signal(signal.SIGSTOP)
        wait_for_silence(sniffer, 0.05)
        soon(copying, signal.SIGINT, 130)
        trial.target.signal(signal.SIGCONT)
        assert copying.output.startswith("aoe-initiator: interrupted after "), copying.output
        resumed = trial.run("copy", "e0.2", destination, "--resume", "--verify")
        assert resumed.returncode == 0, resumed
        with open(path, "rb") as file:
            assert file.read() == trial.content
        sniffer.close()
    other.stop()


cli_trial.play([stops_cleanly_when_interrupted, ends_at_the_first_signal_though_the_target_is_silent,
                a_ping_says_what_was_answered, a_bench_says_what_it_measured,
                a_bench_ends_in_time_though_the_target_is_silent, an_interrupted_copy_can_be_resumed])
