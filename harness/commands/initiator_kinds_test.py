"""aoe-harness against initiators that have no file: those that are used by commands, and those that can't be told anything.

usage: initiator_kinds_test.py AOE_HARNESS AOE_INITIATOR SUTS commands|passive
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile

import lab

HARNESS, INITIATOR, SUTS = map(os.path.abspath, sys.argv[1:4])
PART = sys.argv[4]
PASSED, FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3

HEAD = "scenario: {name}\ntitle: What an initiator goes through\nclause: [{clause}]\nroles: {{target: {{size: 256KiB}}}}\n"
USE = """\
steps:
- discover: {within: 10s}
- io: {id: all, op: mixed, count: 5, requests: 12, depth: 4}
- expect: {io: {id: all, within: 30s}}
- io: {id: stable, op: flush}
- expect: {io: {id: stable, within: 10s}}
"""
LOSS = """\
steps:
- discover: {within: 10s}
- arm: {fault: drop, id: loss, match: {direction: to-target, command: read}, nth: 1}
- io: {id: lost, op: read, lba: 32, count: 4}
- expect: {io: {id: lost, within: 20s}, hits: {of: loss, min: 1}}
"""
READ = "steps:\n- discover: {within: 10s}\n- io: {id: r, op: read, lba: 8, count: 2}\n- expect: {io: {id: r, within: 20s}}\n"
DEAD = """\
given: {deadsecs: 2s}
steps:
- discover: {within: 10s}
- arm: {fault: partition, id: cut}
- io: {id: dead, op: read, lba: 8}
- expect: {io: {id: dead, result: error}}
"""
STATE = "steps:\n- discover: {within: 10s}\n- expect: {device: up, within: [0s, 10s]}\n"
VERSION = """\
steps:
- arm: {fault: count, id: others, match: {direction: to-target}, lacks: {version: 1}}
- discover: {within: 3s}
- io: {id: io, op: mixed, requests: 50, depth: 8}
- expect: {io: {id: io}, hits: {of: others, max: 0}}
"""
WARM = "steps:\n- discover: {}\n- warmup: {reads: 64}\n"

# One that asks what it should, in frames of version 2 from the first write on.
OTHER_VERSION = """\
import socket, struct
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth1", 0x88a2))
wire.settimeout(0.2)
def ask(version, command, to, address, arg):
    wire.send((to + wire.getsockname()[4] + b"\\x88\\xa2" + struct.pack(">BBHBBI", version << 4, 0, *address, command, 7) + arg).ljust(60, b"\\0"))
    try:
        return wire.recv(2000)[6:12]
    except TimeoutError:
        return None
while True:
    target = ask(1, 1, b"\\xff" * 6, (0xffff, 0xff), bytes(8))
    if target:
        ask(1, 0, target, (3, 4), bytes([0, 0, 1, 0xec]) + bytes(8))
        ask(2, 0, target, (3, 4), bytes([0x41, 0, 1, 0x34]) + bytes(8 + 512))
        ask(1, 0, target, (3, 4), bytes([0x41, 0, 1, 0x34]) + bytes(8 + 512))
        ask(1, 0, target, (3, 4), bytes([0x40, 0, 1, 0x24]) + bytes(8))
"""


class Trial:
    def __init__(self, folder):
        self.folder = folder
        os.symlink(SUTS, self.path("suts"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def scenario(self, name, steps, clause="2/30"):
        return self.write(name + ".yaml", HEAD.format(name=name, clause=clause) + steps)

    def initiator(self, name, description):
        return self.write(name + ".sut.yaml", f"implementation: {name}\nrole: initiator\n{description}")

    def run(self, sut, *scenarios, status=PASSED):
        command = [HARNESS, "run", *scenarios, "--world", "veth", "--sut", sut, "--seed", "7", "-j", "2"]
        result = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=200, check=False,
                                stdin=subprocess.DEVNULL)
        assert result.returncode == status, (command, result.stdout, result.stderr)
        return result.stdout

    def log_of(self, case):
        with open(self.path(f"runs/last/cases/{case}/sut.log"), encoding="utf-8") as file:
            return file.read()


def the_example_is_used_by_commands_and_as_a_session(trial):
    scenarios = [trial.scenario("use", USE), trial.scenario("loss", LOSS), trial.scenario("dead", DEAD)]
    for sut in ["suts/example/initiator.yaml", "suts/example/session.yaml"]:
        told = trial.run(sut, *scenarios)
        assert "3 passed, 0 failed" in told, told


def a_request_that_fails_says_why(trial):
    read = trial.scenario("read", READ)
    example = "/usr/bin/python3 suts/example/initiator.py {interface} {device} {deadsecs}"
    for name, description, why in [
            ("refuses", "read: sh -c 'echo the disk is on fire >&2; exit 5'\n",
             r"read of 2 sectors at lba 8: ended with status 5; it said: the disk is on fire"),
            ("short", "read: printf abc\n", r"read of 2 sectors at lba 8: printed 3 of 1024 bytes"),
            ("hangs", "read: sleep 1000\nrequest-within: 500ms\n",
             r"read of 2 sectors at lba 8: did not end within 500ms and was killed"),
            ("missing", "read: /nowhere/x\n", r"read of 2 sectors at lba 8: /nowhere/x: No such file or directory")]:
        told = trial.run(trial.initiator(name, f"discover: {example} discover\n{description}"), read, status=FAILED)
        assert re.search(r"^  actual    1 of 1 requests failed, the first: " + why, told, re.M), told
        assert re.search("^aoe-harness: " + why.split(";")[0] + "$", trial.log_of("read"), re.M), trial.log_of("read")


def a_disk_that_is_not_there_is_not_found(trial):
    told = trial.run(trial.initiator("blind", "discover: 'false'\nread: 'false'\n"),
                     trial.scenario("read", READ.replace("10s", "500ms")), status=FAILED)
    assert "actual    no answer to discovery" in told, told
    assert "aoe-harness: discovery: ended with status 1\n" in trial.log_of("read")


def a_session_that_ends_or_babbles_ends_the_case(trial):
    read = trial.scenario("read", READ)
    for name, script, why in [
            ("ends", "echo ready; read x; echo ok; read x; echo I give up >&2; exit 3",
             "1 of 1 requests failed, the first: read of 2 sectors at lba 8: ended with status 3; it said: I give up"),
            ("babbles", "echo ready; read x; echo ok; read x; echo well; read x",
             "1 of 1 requests failed, the first: read of 2 sectors at lba 8: answered 'read 8 2' with 'well', neither ok nor error, "
             "and was killed"),
            ("refuses", "echo ready; read x; echo ok; read x; echo error no such sector; read x",
             "1 of 1 requests failed, the first: read of 2 sectors at lba 8: said: error no such sector")]:
        told = trial.run(trial.initiator(name, f"session: sh -c '{script}'\n"), read, status=FAILED)
        assert f"  actual    {why}" in told, told
    told = trial.run(trial.initiator("mute", "session: sleep 1000\nready-within: 300ms\n"), read, status=ENVIRONMENT)
    assert "mute can't be told to discover in 300ms; it said: nothing" in told, told


def what_a_description_lacks_is_unsupported(trial):
    scenarios = [trial.scenario(name, steps) for name, steps in [("use", USE), ("dead", DEAD), ("state", STATE)]]
    told = trial.run(trial.initiator("poor", "read: x {interface}\n"), *scenarios, status=ENVIRONMENT)
    for case, why in [("use", "poor has no io flush: its description has no flush:"),
                      ("dead", "poor has no deadsecs: its command has no {deadsecs}"),
                      ("state", "poor has no state: its disk is used by commands, not by a file")]:
        assert re.search(rf"UNSUPPORTED +{case} .*{re.escape(why)}", told), told


@contextlib.contextmanager
def wire():
    with lab.Lab() as world, tempfile.TemporaryDirectory() as folder:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth1", server, "eth1")
        yield Trial(folder), client, server


def conform(trial, server, *arguments, status):
    result = server.run([HARNESS, "conform", "initiator", "--interface", "eth1", "--passive", "--seed", "7", "-v", *arguments],
                        cwd=trial.folder, check=False, timeout=200)
    assert result.returncode == status, (result.stdout, result.stderr)
    return result.stdout


def who_uses_the_disk_is_judged(trial, client, server):
    suite = [trial.scenario("version", VERSION), trial.scenario("warm", WARM)]
    written = trial.write("written", "x" * 4096)
    use = f"{INITIATOR} write e3.4 --interface eth1 <{written}; {INITIATOR} read e3.4 --interface eth1 --length 4096 >/dev/null"
    client.start(["sh", "-c", f"while :; do {use}; done"])
    told = conform(trial, server, "--at", "e3.4", "--for", "60s", "--scenarios", *suite, status=PASSED)
    for line in [r"seed 7  world interface eth1 e3\.4  sut the initiator on eth1",
                 r"  version: now let the initiator find e3\.4 \(60s\)", r"  version: now write something to e3\.4 \(60s\)",
                 r"  PASS  version .*", r"  UNSUPPORTED  warm .*it needs 64 reads first"]:
        assert re.search(rf"^{line}$", told, re.M), (line, told)
    assert "1 passed, 0 failed, 1 unsupported" in told, told


def an_initiator_that_is_wrong_fails(trial, client, server):
    client.start(["/usr/bin/python3", trial.write("other.py", OTHER_VERSION)])
    told = conform(trial, server, "--at", "e3.4", "--for", "60s", "--scenarios", trial.scenario("version", VERSION), status=FAILED)
    assert re.search(r"FAIL +version .*\n(.*\n)*?  expected  fault others strikes 0 frames at most", told), told


def where_nobody_does_anything_nothing_is_concluded(trial, client, server):
    told = conform(trial, server, "--for", "300ms", "--scenarios", trial.scenario("version", VERSION), status=PASSED)
    assert re.search(r"INCONCLUSIVE +version .*nobody asked e1\.1 to identify itself within 300ms", told), told
    # An IDENTIFY is not yet a write.
    client.start(["sh", "-c", f"while :; do {INITIATOR} identify e1.1 --interface eth1; done"])
    told = conform(trial, server, "--for", "5s", "--scenarios", trial.scenario("version", VERSION), status=PASSED)
    assert re.search(r"INCONCLUSIVE +version .*nothing was written within 5s", told), told


def it_speaks_for_its_own_disk_only(trial, client, server):
    """The announcement, and no answer to who asks for another disk."""
    asking = client.packet_socket("eth1")
    scenario = trial.scenario("version", VERSION)
    harness = server.start([HARNESS, "conform", "initiator", "--interface", "eth1", "--passive", "--at", "e3.4", "--for", "60s",
                            "--scenarios", scenario], cwd=trial.folder)
    me, everybody = asking.getsockname()[4], b"\xff" * 6

    def ask(shelf, slot, tag):
        asking.send((everybody + me + b"\x88\xa2\x10\0" + shelf.to_bytes(2, "big") + bytes([slot, 1, 0, 0, 0, tag])).ljust(60, b"\0"))

    assert asking.recv(2000)[14:20] == b"\x18\0\0\x03\x04\x01", "it announces itself"
    ask(3, 5, 1)
    ask(2, 4, 2)
    ask(3, 4, 3)
    assert asking.recv(2000)[14:24] == b"\x18\0\0\x03\x04\x01\0\0\0\x03", "only what is its own has an answer"
    harness.stop()


def what_does_not_go_together_is_refused(trial, client, server):
    for arguments, complaint in [
            (["target", "--interface", "eth1", "--passive"], "--passive is for initiators: a target is asked"),
            (["initiator", "--passive"], "--passive is for --world interface"),
            (["initiator", "--interface", "eth1", "--for", "5s"], "--for is for --passive"),
            (["initiator", "--interface", "eth1", "--passive", "--for", "soon"], "--for: expected a time such as 60s"),
            (["initiator", "--interface", "eth1", "--passive", "--write-ok"],
             "--write-ok is for targets: --passive serves a disk of its own"),
            (["initiator", "--interface", "eth1", "--passive", "--sut", "linux"],
             "--sut: with --passive the initiator on the wire is tested; leave it out")]:
        result = server.run([HARNESS, "conform", *arguments], cwd=trial.folder, check=False)
        assert result.returncode == USAGE and complaint in result.stderr, result
    result = server.run([HARNESS, "conform", "initiator", "--interface", "eth9", "--passive", "--scenarios",
                         trial.scenario("version", VERSION)], cwd=trial.folder, check=False)
    assert result.returncode == ENVIRONMENT and "eth9" in result.stdout, result


@contextlib.contextmanager
def here():
    with tempfile.TemporaryDirectory() as folder:
        yield (Trial(folder),)


lab.require_namespaces()
if PART == "commands":
    lab.play_all([the_example_is_used_by_commands_and_as_a_session, a_request_that_fails_says_why,
                  a_disk_that_is_not_there_is_not_found, a_session_that_ends_or_babbles_ends_the_case,
                  what_a_description_lacks_is_unsupported], here)
else:
    lab.play_all([who_uses_the_disk_is_judged, an_initiator_that_is_wrong_fails,
                  where_nobody_does_anything_nothing_is_concluded, it_speaks_for_its_own_disk_only,
                  what_does_not_go_together_is_refused], wire)
