"""aoe-harness against implementations that are programs, and against what is on a wire.

usage: live_test.py AOE_HARNESS AOE_TARGET AOE_INITIATOR sut|wire|doctor
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import lab

HARNESS, TARGET, INITIATOR, PART = sys.argv[1:5]
PASSED, FAILED, USAGE, ENVIRONMENT, INCONCLUSIVE = 0, 1, 2, 3, 5

HEAD = """\
scenario: {name}
title: What a program under test goes through
roles: {{target: {{size: 256KiB}}}}
given: {{deadsecs: {deadsecs}}}
steps:
- discover: {{expect: e1.1}}
"""
READS = "- io: {id: r, op: read, lba: 0, count: 16}\n- expect: {io: {id: r}}\n"
WRITES = """\
- io: {id: w, op: mixed, count: 8, requests: 20, depth: 4}
- expect: {io: {id: w}}
- io: {id: f, op: flush}
- expect: {io: {id: f}}
"""
LOSS = """\
- arm: {fault: drop, id: loss, match: {command: read}, nth: 1}
- io: {id: l, op: read, lba: 32, count: 4}
- expect: {io: {id: l}}
- expect: {hits: {of: loss, min: 1}}
"""
# A frame by hand, after which a target would speak to nobody here.
EDIT = '{op: edit, directives: [{op: add, mac: "02:00:00:00:00:77"}]}'
# Everything that can happen to an end.
ENDS = """\
- arm: {fault: mac-change, id: moved, mac: "02:00:00:00:00:99", end: initiator}
- io: {id: a, op: read, lba: 0}
- expect: {io: {id: a}}
- arm: {fault: link-down, id: cut, end: initiator}
- io: {id: b, op: read, lba: 0}
- expect: {io: {id: b, result: error}}
- heal: cut
- discover: {expect: e1.1, within: 5s}
- arm: {fault: pause, id: still}
- io: {id: c, op: read, lba: 0}
- wait: 50ms
- heal: still
- expect: {io: {id: c}}
- arm: {fault: kill, id: dead}
- io: {id: d, op: read, lba: 0}
- expect: {io: {id: d, result: error}}
- heal: dead
- discover: {expect: e1.1, within: 5s}
- io: {id: e, op: read, lba: 0}
- expect: {io: {id: e}}
"""
# Down, and there again for who asks at once.
DOWN = """\
- arm: {fault: kill, id: gone}
- io: {id: g, op: read, lba: 0}
- expect: {io: {id: g, result: error}}
- heal: gone
- discover: {expect: e1.1, within: 5s}
- io: {id: h, op: read, lba: 0}
- expect: {io: {id: h}}
"""
BAD_DISK = """\
- arm: {fault: disk-error, id: bad, op: [read], lba: [64, 71]}
- io: {id: x, op: read, lba: 64}
- expect: {io: {id: x, result: error}}
- io: {id: y, op: read, lba: 128}
- expect: {io: {id: y}}
- heal: bad
- io: {id: z, op: read, lba: 64}
- expect: {io: {id: z}}
"""


# An initiator that never comes to be.
MUTE = """\
implementation: mute
role: initiator
command: sleep 60
device: "{dir}/disk"
discover: "{dir}/discover"
ready-within: 300ms
"""


class Trial:
    """A folder of scenarios, and the programs beside each other."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = os.path.join(folder, "programs")
        os.mkdir(self.programs)
        for program in [HARNESS, TARGET, INITIATOR]:
            shutil.copy(program, self.programs)
        self.harness = os.path.join(self.programs, "aoe-harness")

    def scenario(self, name, steps, deadsecs="1s"):
        path = os.path.join(self.folder, f"{name}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(HEAD.format(name=name, deadsecs=deadsecs) + steps)
        return path

    def command(self, *arguments):
        return [self.harness, *arguments, "--out", os.path.join(self.folder, "runs")]

    def run(self, *arguments):
        return subprocess.run(self.command("run", *arguments), capture_output=True, text=True, timeout=120, check=False,
                              cwd=self.folder, stdin=subprocess.DEVNULL)

    def passes(self, *arguments):
        result = self.run(*arguments)
        if result.returncode == INCONCLUSIVE or "INCONCLUSIVE" in result.stdout:
            raise lab.Skipped(f"this machine is too busy to tell ({result.stdout})")
        assert (result.returncode, result.stderr) == (PASSED, ""), result
        return result.stdout

    def leaves_nothing_but_evidence(self, case):
        left = set(os.listdir(os.path.join(self.folder, "runs", "last", "cases", case)))
        assert not left & {"target.img", "mnt"}, left


# A program beside the harness, with that one's MAC address, that reads the same disk.
BESIDE = """\
import socket, struct, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth1", 0x88a2))
wire.settimeout(1)
me = wire.getsockname()[4]
for tag in range(0x700, 0x7fffffff):
    frame = b"\\xff" * 6 + me + b"\\x88\\xa2\\x10\\0" + struct.pack(">HBBI", 7, 3, 0, tag)
    wire.send((frame + bytes([0x40, 0, 1, 0x24])).ljust(60, b"\\0"))
    while struct.pack(">I", tag) != wire.recv(2000)[20:24]:
        pass
    if tag == 0x700:
        print("it is answered", flush=True)
    time.sleep(0.001)
"""

WIRE_SUITE = """\
scenario: a-query
title: A query
clause: [3.2/1]
roles: {target: {size: 64KiB}}
steps:
- config: {op: read, expect: {shelf: 7, error: none}}
---
scenario: a-load
title: Reads
clause: [3.1/1]
roles: {target: {size: 64KiB}}
steps:
- discover: {}
- io: {id: r, op: read, count: 2, span: 64KiB, requests: 50, depth: 4}
- expect: {io: {id: r}}
---
scenario: another-address
title: Another address
clause: [2/10]
roles: {target: {size: 64KiB}}
steps:
- ask: {kind: config, shelf: 1, expect: silence}
---
scenario: the-end
title: The end
clause: [3.1/9]
roles: {target: {size: 64KiB}}
steps:
- send: {ata: {op: read, lba: 128}}
---
scenario: for-any
title: A write to any shelf and slot
clause: [2/8]
roles: {target: {size: 64KiB}}
steps:
- ask: {kind: write, shelf: any, slot: any}
---
scenario: for-any-config
title: A config string for any slot
clause: [3.2/10]
roles: {target: {size: 64KiB}}
steps:
- config: {op: force-set, string: ours, slot: any}
"""


def programs_are_put_through_everything(trial):
    """vblade and aoe-target: loss, and whatever happens to an end."""
    everything = trial.scenario("everything", READS + LOSS + ENDS)
    for sut in ["vblade {shelf} {slot} {interface} {image}", "aoe-target"]:
        if sut.startswith("vblade") and not shutil.which("vblade"):
            print("vblade is not installed: that part is left out")
            continue
        trial.passes(everything, "--world", "veth", "--sut", sut)
        trial.leaves_nothing_but_evidence("everything")


def a_finding_reads_like_a_bug_report(trial):
    """vblade ends when its interface goes down."""
    if not shutil.which("vblade"):
        raise lab.Skipped("vblade is not installed")
    pulled = trial.scenario("pulled", "- arm: {fault: link-down, id: pulled}\n- wait: 1s\n")
    result = trial.run(pulled, "--world", "veth", "--sut", "vblade")
    assert (result.returncode, result.stderr) == (FAILED, ""), result
    for line in [r"seed \d+  world veth  sut vblade", r"  FAIL  pulled .*", r" +\S*pulled.yaml:8",
                 r"  actual    the target ended with status 1; it said: read network: Network is down",
                 r"  repro     aoe-harness run \S*pulled.yaml --world veth --sut vblade --seed \d+"]:
        assert re.search(f"^{line}$", result.stdout, re.M), (line, result.stdout)


def a_disk_fails_whatever_program_it_belongs_to(trial):
    bad_disk = trial.scenario("bad-disk", BAD_DISK)
    for sut in [name for name in ["vblade", "aoe-target"] if name == "aoe-target" or shutil.which(name)]:
        trial.passes(bad_disk, "--world", "veth", "--sut", sut)
        trial.leaves_nothing_but_evidence("bad-disk")


def an_initiator_that_mounts_is_driven_by_its_file(trial):
    mounted = trial.scenario("mounted", READS + WRITES + LOSS + DOWN)
    trial.passes(mounted, "--world", "veth", "--sut", "aoe-initiator")
    trial.leaves_nothing_but_evidence("mounted")


def two_programs_meet(trial):
    """Neither end is the harness's own; the run says who they were, and repro.sh lets them meet again."""
    if not shutil.which("vblade"):
        raise lab.Skipped("vblade is not installed")
    meeting = trial.scenario("meeting", READS + WRITES + LOSS)
    vblade = "vblade {shelf} {slot} {interface} {image}"
    told = trial.passes(meeting, "--world", "veth", "--sut", "aoe-initiator", "--peer", vblade)
    assert f"sut aoe-initiator  peer {vblade}\n" in told, told
    trial.leaves_nothing_but_evidence("meeting")
    run = os.path.join(trial.folder, "runs", "last")
    with open(os.path.join(run, "run.json"), encoding="utf-8") as file:
        assert json.load(file)["peer"] == vblade
    case = os.path.join(run, "cases", "meeting")
    log = read(os.path.join(case, "peer.log"))
    assert b"e1.1" in log, log  # vblade says what it serves
    again = subprocess.run([os.path.join(case, "repro.sh")], capture_output=True, text=True, timeout=120, check=False)
    assert again.returncode in [PASSED, INCONCLUSIVE] and f"peer {vblade}" in again.stdout, again
    replayed = trial.command("replay", os.path.join(case, "schedule.yaml"))
    again = subprocess.run(replayed, capture_output=True, text=True, timeout=120, check=False, cwd=trial.folder)
    assert again.returncode in [PASSED, INCONCLUSIVE] and f"peer {vblade}" in again.stdout, again


def a_peer_is_of_the_other_role_and_in_veth(trial):
    reads = trial.scenario("reads", READS)
    for given, complaint in [
            (["--world", "veth", "--sut", "aoe-initiator", "--peer", "linux"],
             "--peer linux: expected a target, as what is tested is an initiator too: aoe-initiator"),
            (["--world", "veth", "--peer", "vblade"],
             "--peer vblade: expected an initiator, as what is tested is a target too: aoe-target"),
            (["--world", "sim", "--sut", "aoe-initiator", "--peer", "vblade"],
             "--peer vblade: it needs --world veth, where both ends are programs"),
            (["--world", "veth", "--peer", "vblabe"], "--peer: vblabe: no such implementation (did you mean vblade?)")]:
        result = trial.run(reads, *given)
        assert result.returncode == USAGE and complaint in result.stderr, result
    capture = os.path.join(trial.folder, "empty.pcap")
    with open(capture, "wb") as file:
        file.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    result = subprocess.run(trial.command("replay", capture, "--peer", "vblade"), capture_output=True, text=True, timeout=60,
                            check=False, cwd=trial.folder)
    assert result.returncode == USAGE and "--peer is for schedules" in result.stderr, result


def what_cannot_be_started_is_one_line(trial):
    reads = trial.scenario("reads", READS)
    mute = os.path.join(trial.folder, "mute.yaml")
    with open(mute, "w", encoding="utf-8") as file:
        file.write(MUTE)
    for sut, complaint in [
            ("nobody {image}", r"nobody: No such file or directory"),
            ("true {image}", r"true \{image\} ended with status 0: it must stay in the foreground; it said: nothing"),
            ("sh -c 'echo no disk today; exit 4' {image}", r"ended with status 4; it said: no disk today"),
            ("vblade {disk}", r"\{disk\}: no such placeholder; there are \{buffers\}"),
            (mute, r"mute can't be told to discover in 300ms; it said: nothing"),
            ("vblabe", r"vblabe: no such implementation \(did you mean vblade\?\)")]:
        result = trial.run(reads, "--world", "veth", "--sut", sut)
        assert result.returncode in [USAGE, ENVIRONMENT], result
        assert re.search(complaint, result.stdout + result.stderr), result


def read(path):
    with open(path, "rb") as file:
        return file.read()


def what_is_on_a_wire_is_asked_and_written_to_with_leave_only(trial):
    if not shutil.which("vblade"):
        raise lab.Skipped("vblade is not installed")
    image = os.path.join(trial.folder, "disk.img")
    reads = trial.scenario("reads", READS + LOSS)
    writes = trial.scenario("writes", WRITES, deadsecs="10s")  # a busy disk is slow to flush
    by_hand = [trial.scenario(name, step) for name, step in
               [("edits", f"- mask: {EDIT}\n"), ("sends-an-edit", f"- send: {{mask: {EDIT}}}\n- expect: {{reply: ok}}\n")]]
    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth1", server, "eth1")

        def run(*arguments):
            return client.run(trial.command("run", *arguments, "--world", "interface", "--interface", "eth1"), timeout=60,
                              check=False, cwd=trial.folder)

        for start in [[TARGET, "--no-state", "--shelf", "1", "--slot", "1", "--interface", "eth1", image],
                      ["vblade", "1", "1", "eth1", image]]:
            with open(image, "wb") as file:
                file.write(os.urandom(256 << 10))
            with open(image, "rb") as file:
                before = file.read()
            target = server.start(start)
            result = run(reads)
            assert result.returncode == PASSED, result
            result = run(writes)
            assert "UNSUPPORTED" in result.stdout and "--write-ok allows it" in result.stdout, result
            for edits in by_hand:
                result = run(edits)
                assert "UNSUPPORTED" in result.stdout and "a change of the mask list" in result.stdout, result
            assert run(reads).returncode == PASSED, "it still talks to us"
            with open(image, "rb") as file:
                assert file.read() == before, "it was not touched"
            result = run(writes, "--write-ok")
            assert "  PASS  writes" in result.stdout or "INCONCLUSIVE" in result.stdout, result
            with open(image, "rb") as file:
                assert file.read() != before
            target.stop()


def a_disk_on_a_wire_is_tested_where_it_is(trial):
    """At its own address, and no other is asked for."""
    suite = os.path.join(trial.folder, "suite.yaml")
    with open(suite, "w", encoding="utf-8") as file:
        file.write(WIRE_SUITE)
    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth1", server, "eth1")

        def conform(*arguments):
            return client.run(trial.command("conform", "target", "--interface", "eth1", "--scenarios", suite, *arguments),
                              timeout=60, check=False, cwd=trial.folder)

        def serve(slot):
            image = os.path.join(trial.folder, f"{slot}.img")
            with open(image, "wb") as file:
                file.truncate(1 << 20)
            server.start([TARGET, "--no-state", "--shelf", "7", "--slot", str(slot), "--interface", "eth1",
                          image]).wait_for("ready")

        none = conform()
        assert none.returncode == ENVIRONMENT and "eth1: no disk answers a query" in none.stderr, none
        serve(3)
        told = conform().stdout
        assert re.search(r"^  PASS +3\.2/1 ", told, re.M) and re.search(r"^  PASS +3\.1/1 ", told, re.M), told
        assert "it asks for another shelf or slot than the disk's" in told, told
        assert "it is about the end of a disk of its own size" in told, told
        assert "world interface eth1 e7.3" in told, told
        serve(4)
        assert "eth1: several disks answer, --at says which is meant: e7.3, e7.4" in conform().stderr
        images = [os.path.join(trial.folder, f"{slot}.img") for slot in (3, 4)]
        before = [read(image) for image in images]
        for leave in [[], ["--write-ok"]]:
            told = conform("--at", "e7.4", *leave).stdout
            assert re.search(r"^  PASS +3\.2/1 ", told, re.M), told
            for change in ["a write", "a config string"]:
                assert f"it would change every disk there: {change} to any shelf or slot" in told, told
            assert [read(image) for image in images] == before, "nobody's disk was touched"


def answers_to_others_on_the_wire_accuse_nobody(trial):
    suite = os.path.join(trial.folder, "suite.yaml")
    with open(suite, "w", encoding="utf-8") as file:
        file.write(WIRE_SUITE)
    image = os.path.join(trial.folder, "disk.img")
    with open(image, "wb") as file:
        file.truncate(1 << 20)
    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth1", server, "eth1")
        server.start([TARGET, "--no-state", "--shelf", "7", "--slot", "3", "--interface", "eth1", image]).wait_for("ready")
        client.start([sys.executable, "-c", BESIDE]).wait_for("it is answered")
        told = client.run(trial.command("conform", "target", "--interface", "eth1", "--scenarios", suite), timeout=60,
                          check=False, cwd=trial.folder).stdout
        assert re.search(r"^  PASS +3\.2/1 ", told, re.M) and re.search(r"^  PASS +3\.1/1 ", told, re.M), told
        assert " 0 failed" in told.splitlines()[-2] and "target-every-answer" not in told, told
        with open(os.path.join(trial.folder, "runs", "last", "run.json"), encoding="utf-8") as file:
            load = [case for case in json.load(file)["cases"] if case["id"] == "a-load"][0]
        assert any(re.match(r"not judged: \d+ answers on the wire to what was not asked here", note) for note in load["notes"]), load["notes"]


def no_case_goes_beyond_the_disk_on_a_wire(trial):
    """It is as large as its IDENTIFY says, which nobody is told beforehand."""
    suite = os.path.join(trial.folder, "suite.yaml")
    with open(suite, "w", encoding="utf-8") as file:
        file.write(WIRE_SUITE)
    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth1", server, "eth1")
        for size, reason in [(32, "it is played on 128 sectors, and the disk has 64"), (64, ""),
                             (128, "it is about the end of a disk of its own size")]:
            image = os.path.join(trial.folder, f"{size}.img")
            with open(image, "wb") as file:
                file.truncate(size << 10)
            target = server.start([TARGET, "--no-state", "--shelf", "7", "--slot", "3", "--interface", "eth1", image])
            target.wait_for("ready")
            for how in [["conform", "target", "--scenarios"], ["run"]]:
                command = trial.command(*how, suite, "--interface", "eth1", "--at", "e7.3", "--world", "interface")
                client.run(command, timeout=60, check=False, cwd=trial.folder)
                with open(os.path.join(trial.folder, "runs", "last", "run.json"), encoding="utf-8") as file:
                    cases = {case["id"]: case for case in json.load(file)["cases"]}
                assert cases["a-load"]["outcome"] == ("UNSUPPORTED" if size == 32 else "PASS"), cases["a-load"]
                about = cases["a-load" if size == 32 else "the-end"]
                assert about["reason"] == reason, about
            target.stop()


def the_doctor_says_what_is_there(trial):
    result = subprocess.run([trial.harness, "doctor"], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (PASSED, ""), result
    for ability in ["network namespaces", "veth", "packet sockets", "aoe-target"]:
        assert re.search(rf"^  ok +{ability}\b", result.stdout, re.M), result


PARTS = {"sut": [programs_are_put_through_everything, a_finding_reads_like_a_bug_report, a_disk_fails_whatever_program_it_belongs_to,
                 an_initiator_that_mounts_is_driven_by_its_file, two_programs_meet,
                 a_peer_is_of_the_other_role_and_in_veth, what_cannot_be_started_is_one_line],
         "wire": [what_is_on_a_wire_is_asked_and_written_to_with_leave_only, a_disk_on_a_wire_is_tested_where_it_is,
                  answers_to_others_on_the_wire_accuse_nobody, no_case_goes_beyond_the_disk_on_a_wire],
         "doctor": [the_doctor_says_what_is_there]}


@contextlib.contextmanager
def trial():
    with tempfile.TemporaryDirectory() as folder:
        yield (Trial(folder),)


def main():
    lab.require("ip")
    lab.require_namespaces()
    lab.play_all(PARTS[PART], trial)


main()
