"""aoe-harness run, as a person meets it: what it prints, what it leaves behind, and how it ends.

usage: run_test.py AOE_HARNESS AOE_TARGET SCENARIOS sim|captures|veth|veth-as-user
"""

import contextlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import uuid

import lab

HARNESS, TARGET, SCENARIOS, PART = sys.argv[1:5]
PASSED, FAILED, USAGE, ENVIRONMENT, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 5, 130
MARK = "AOE_RUN_TEST_MARK"  # an environment variable that every process of a run inherits

FAILING = """\
scenario: too-hasty
title: A bound that no initiator keeps
roles: {target: {size: 64KiB}}
steps:
- discover: {expect: e1.1}
- warmup: {reads: 16}
- arm: {fault: drop, id: loss, match: {direction: to-target, command: read}, nth: 1}
- io: {id: r, op: read, lba: 4, count: 2}
- expect: {retransmit: {of: loss, within: [0ms, 10us]}}
"""

QUIET = """\
scenario: quiet
title: A disk comes up, and nothing else happens
roles: {target: {size: 64KiB}}
steps:
- discover: {expect: e1.1}
"""


class Trial:
    """A folder with the programs and the scenarios in it, for a user to run them there."""

    def __init__(self, folder, prefix=()):
        self.folder = folder
        self.prefix = list(prefix)
        os.chmod(folder, 0o755)
        self.programs = os.path.join(folder, "programs")
        os.mkdir(self.programs)
        for program in [HARNESS, TARGET]:
            shutil.copy(program, self.programs)
        self.work = os.path.join(folder, "work")
        os.mkdir(self.work)
        shutil.copytree(SCENARIOS, os.path.join(self.work, "scenarios"))
        os.chmod(self.work, 0o777)

    def file(self, name, text, mode=0o644):
        path = os.path.join(self.work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return name

    def run(self, *arguments, within=()):
        """Runs aoe-harness to its end; `within` is a command that runs another."""
        command = [*self.prefix, *within, os.path.join(self.programs, "aoe-harness"), *arguments]
        return subprocess.run(command, cwd=self.work, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)

    def run_shell(self, line):
        return subprocess.run([*self.prefix, "sh", "-c", line], cwd=self.work, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)

    def passes(self, *arguments):
        result = self.run("run", *arguments)
        if result.returncode == INCONCLUSIVE:
            raise lab.Skipped(f"this machine is too busy to tell ({result.stdout})")
        assert (result.returncode, result.stderr) == (PASSED, ""), result
        return result.stdout

    def refused(self, arguments, status, complaint):
        """It ends with this status, exactly this line on standard error, and without a run."""
        result = self.run(*arguments)
        told = (result.returncode, result.stdout, result.stderr)
        assert told == (status, "", f"aoe-harness: {complaint}\n"), f"{arguments}: {told}"

    def case(self, out, scenario="retransmit"):
        return os.path.join(self.work, out, "last", "cases", scenario)


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def count_records(path):
    """How many frames a capture holds."""
    data = contents(path)
    assert data[:4] == bytes.fromhex("4d3cb2a1"), "nanoseconds, little-endian"
    at, count = 24, 0
    while at < len(data):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
        count += 1
    assert at == len(data), "the last frame is whole"
    return count


def check_captures_against_ledger(case):
    """Each side's capture has what that end sent, and what was delivered to it."""
    with open(os.path.join(case, "ledger.jsonl"), encoding="utf-8") as file:
        entries = [json.loads(line) for line in file]
    assert [entry["id"] for entry in entries] == list(range(len(entries)))
    for side, outward in [("initiator", "to-target"), ("target", "to-initiator")]:
        expected = sum(1 if entry["direction"] == outward else entry["deliveries"] for entry in entries)
        found = count_records(os.path.join(case, f"{side}-side.pcap"))
        assert found == expected > 0, (side, found, expected)
    return entries


def a_run_passes_and_its_seed_repeats_it(trial):
    output = trial.passes("scenarios/retransmit.yaml", "--out", "first")
    first, verdict = output.splitlines()[:2]
    seed = re.fullmatch(r"seed (\d+)  world sim  sut aoe-target", first)[1]
    assert re.match(r"  PASS  retransmit +\d\S+s  retransmit \+", verdict), verdict
    assert re.fullmatch(r"1 passed, 0 failed in \S+s  first/last/index.html", output.splitlines()[-1]), output
    again = trial.passes("scenarios/retransmit.yaml", "--seed", seed, "--out", "second")
    assert again.splitlines()[:-1] == output.splitlines()[:-1]
    names = ["initiator-side.pcap", "ledger.jsonl", "target-side.pcap"]
    for name in names:
        assert contents(f"{trial.case('first')}/{name}") == contents(f"{trial.case('second')}/{name}"), name
    check_captures_against_ledger(trial.case("first"))
    trial.passes("scenarios/retransmit.yaml", "--seed", str((int(seed) + 1) % 2**32), "--out", "third")
    assert contents(f"{trial.case('third')}/ledger.jsonl") != contents(f"{trial.case('first')}/ledger.jsonl")


def a_failure_is_told_so_that_it_can_be_reported(trial):
    trial.file("too hasty.yaml", FAILING)
    result = trial.run("run", "too hasty.yaml", "--seed", "7", "--report", "junit=j.xml,md=m.md", "--report", "md=-")
    assert (result.returncode, result.stderr) == (FAILED, ""), result
    lines = result.stdout.splitlines()
    assert lines[0].startswith("seed 7  world sim")
    assert re.fullmatch(r"  FAIL  too-hasty +\S+s", lines[1]), lines[1]
    assert lines[2] == "  title     A bound that no initiator keeps"
    assert lines[3] == "        too hasty.yaml:9"
    number = re.fullmatch(r"  expected  retransmission of #(\d+) \(e1\.1 READ EXT lba 4\+2 tag [0-9a-f]{8}\) in "
                          r"\[0, 0\.01\] ms", lines[4])[1]
    assert lines[5] == "  actual    none after 0.02ms", lines[5]
    assert lines[6].split() == ["t(ms)", "#", "frame", "fate"], lines[6]
    assert re.search(rf"^ +\d+\.\d+ +{number}  → e1\.1 READ EXT lba 4\+2 tag [0-9a-f]{{8}} +dropped by loss", result.stdout,
                     re.M), lines
    repeating = next(line for line in lines if line.startswith("  repro "))
    assert repeating.split(None, 1)[1] == "aoe-harness run 'too hasty.yaml' --seed 7", repeating
    assert re.search(r"^0 passed, 1 failed in ", result.stdout, re.M), result
    assert re.search(r"^### ❌ aoe-harness: 0 passed, 1 failed$", result.stdout, re.M), result
    for name in ["j.xml", "m.md", "runs/last/junit.xml", "runs/last/run.json"]:
        assert b"too-hasty" in contents(os.path.join(trial.work, name)), name
    entries = check_captures_against_ledger(trial.case("runs", "too-hasty"))
    assert entries[int(number)]["dropped-by"] == "loss", "the evidence of a failed run is there, too"
    moved = os.path.join(trial.folder, "moved to here")
    os.rename(trial.case("runs", "too-hasty"), moved)
    again = subprocess.run([os.path.join(moved, "repro.sh"), "--out", os.path.join(trial.work, "again")], cwd="/",
                           capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (FAILED, ""), again
    told = again.stdout.splitlines()
    assert told[3] == f"        {moved}/scenario.yaml:9", again
    assert told[1:3] + told[4:6] == lines[1:3] + lines[4:6], again


def a_variant_is_played_again_from_its_folder(trial):
    trial.file("variants.yaml", QUIET.replace("steps:", "matrix: {for: [1ms, 2ms]}\nsteps:") + "- wait: $for\n")
    trial.passes("variants.yaml")
    repro = os.path.join(trial.case("runs", "quiet[for=2ms]"), "repro.sh")
    again = subprocess.run(["sh", repro, "--out", os.path.join(trial.work, "again")], cwd="/", capture_output=True, text=True,
                           check=False)
    assert (again.returncode, again.stderr) == (PASSED, "") and "  PASS  quiet[for=2ms]" in again.stdout, again
    before = os.readlink(os.path.join(trial.work, "runs/last"))
    subprocess.run(["sh", repro], cwd="/", capture_output=True, check=True)
    assert os.readlink(os.path.join(trial.work, "runs/last")) == before, "it is no run of that folder"
    assert os.path.exists(os.path.join(os.path.dirname(repro), "runs/last/run.json")), "its evidence is beside it"


def long_captures_are_kept_of_what_did_not_pass(trial):
    load = "- warmup: {reads: 16}\n- io: {id: r, op: read, count: 2, span: 64KiB, requests: 12000, depth: 16}\n- expect: {io: {id: r}}\n"
    captures = {"initiator-side.pcap", "target-side.pcap"}
    trial.file("long.yaml", QUIET + load)
    result = trial.passes("long.yaml", "-v")
    assert re.search(r"captures of \d\d MiB left out, for it passed \(--keep-captures\)", result), result
    assert not captures & set(os.listdir(trial.case("runs", "quiet")))
    trial.passes("long.yaml", "--keep-captures")
    assert captures <= set(os.listdir(trial.case("runs", "quiet")))
    trial.file("long.yaml", QUIET + load + "- expect: {device: down, within: 1ms}\n")
    assert trial.run("run", "long.yaml").returncode == FAILED
    assert captures <= set(os.listdir(trial.case("runs", "quiet")))


def what_is_known_to_fail_is_no_failure(trial):
    trial.file("hasty.yaml", FAILING)
    trial.file("quiet.yaml", QUIET)
    trial.file("known.yaml", "expected-failures:\n- {case: too-*, reason: it is in no hurry}\n")
    result = trial.run("run", "hasty.yaml", "quiet.yaml", "--expect", "known.yaml")
    assert (result.returncode, result.stderr) == (PASSED, ""), result
    assert re.search(r"^  XFAIL +too-hasty", result.stdout, re.M), result
    trial.file("known.yaml", "expected-failures:\n- {case: quiet, reason: it is too loud}\n"
               "- {case: other, reason: none}\n")
    result = trial.run("run", "quiet.yaml", "--expect", "known.yaml")
    assert result.returncode == FAILED and re.search(r"^  XPASS +quiet", result.stdout, re.M), result
    assert result.stderr == "aoe-harness: known.yaml:3: no case that was run is 'other'\n", result
    result = trial.run("run", "quiet", "quiet.yaml", "--expect", "known.yaml")  # of a part, this tells nothing
    assert (result.returncode, result.stderr) == (FAILED, ""), result
    trial.refused(["run", "quiet.yaml", "--expect", "gone.yaml"], USAGE, "gone.yaml: No such file or directory")


def a_folder_is_run_as_a_whole(trial):
    trial.file("many/b/quiet.yaml", QUIET)
    trial.file("many/a.yaml", FAILING)
    trial.file("many/notes.txt", "no scenario")
    result = trial.run("run", "many", "many/a.yaml", "./many/a.yaml", "--seed", "1")
    assert (result.returncode, result.stderr) == (FAILED, ""), result
    assert sorted(re.findall(r"^  (PASS|FAIL)  (\S+)", result.stdout, re.M)) == [("FAIL", "too-hasty"), ("PASS", "quiet")]
    assert re.search(r"^1 passed, 1 failed in ", result.stdout, re.M)
    trial.file("same/a.yaml", QUIET)
    trial.file("same/b.yaml", QUIET)
    trial.refused(["run", "same"], USAGE, "same/b.yaml: scenario 'quiet' is in same/a.yaml, too")


def what_is_selected_runs_and_nothing_else(trial):
    trial.file("many/quiet.yaml", QUIET)
    trial.file("many/hasty.yaml", FAILING)
    for arguments, ids in [(["many"], ["too-hasty", "quiet"]), (["many", "quiet"], ["quiet"]), (["many", "too*"], ["too-hasty"]),
                           (["many", "--exclude", "too-hasty"], ["quiet"])]:
        result = trial.run("run", *arguments, "--dry-run")
        assert (result.returncode, result.stdout.split(), result.stderr) == (PASSED, ids, ""), result
    trial.refused(["run", "many", "queit"], USAGE,
                  "queit: no such file, nor a scenario of this name or tag; did you mean 'quiet'?")
    trial.refused(["run", "many", "--exclude", "*"], USAGE, "nothing is left to run of what was selected")
    assert not os.path.exists(os.path.join(trial.work, "runs")), "nothing was run"


def output_that_is_lost_is_a_failure(trial):
    trial.file("quiet.yaml", QUIET)
    harness = os.path.join(trial.programs, "aoe-harness")
    for command in ["list quiet.yaml", "clauses", "--help", "--version"]:
        for output, why in [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")]:
            result = trial.run_shell(f'"{harness}" {command} {output}')
            assert (result.returncode, result.stderr) == (FAILED, f"aoe-harness: standard output: {why}\n"), (command, result)
        result = trial.run_shell(f'"{harness}" {command} | head -n 1')
        assert result.stdout.count("\n") == 1 and result.stderr == "", (command, result)
    # What can't be told on standard error changes nothing.
    for stream in "2> /dev/full", "2>&-":
        result = trial.run_shell(f'"{harness}" list nowhere.yaml {stream}')
        assert (result.returncode, result.stdout, result.stderr) == (USAGE, "", ""), result


def a_case_is_repeated_with_one_seed_after_another(trial):
    trial.file("quiet.yaml", QUIET)
    trial.passes("quiet.yaml", "--seed", "5", "--repeat", "3", "--out", "thrice")
    with open(os.path.join(trial.work, "thrice/last/run.json"), encoding="utf-8") as file:
        case, = json.load(file)["cases"]
    assert (case["tries"], case["tries_passed"], case["outcome"]) == (3, 3, "PASS"), case
    tries = [trial.case("thrice", f"quiet/try-{number}") for number in [1, 2, 3]]
    assert len({contents(f"{path}/ledger.jsonl") for path in tries}) == 3, "each has a seed of its own"
    trial.file("hasty.yaml", FAILING)
    result = trial.run("run", "hasty.yaml", "--until-fail", "-j", "1")
    assert (result.returncode, result.stdout.count("  FAIL  ")) == (FAILED, 1), result


def a_case_that_takes_too_long_is_ended(trial):
    trial.file("long.yaml", QUIET + "- wait: 1000s\n")
    result = trial.run("run", "long.yaml", "--world", "veth", "--timeout", "1")
    assert (result.returncode, result.stderr) == (ENVIRONMENT, ""), result
    assert "the harness did not end within 1 s" in result.stdout, result


def a_run_that_is_interrupted_says_what_it_has(trial):
    lab.require("ip")
    trial.file("many/a.yaml", QUIET)
    for name in ["b", "c"]:
        trial.file(f"many/{name}.yaml", QUIET.replace("quiet", name) + "- wait: 1000s\n")
    command = [*trial.prefix, os.path.join(trial.programs, "aoe-harness"), "run", "many", "--world", "veth", "-j", "1"]
    process = subprocess.Popen(command, cwd=trial.work, stdout=subprocess.PIPE, text=True)
    log = os.path.join(trial.case("runs", "b"), "sut.log")
    lab.eventually(lambda: os.path.exists(log), "the second case")
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=30)[0]
    assert process.returncode == INTERRUPTED, (process.returncode, output)
    with open(os.path.join(trial.work, "runs/last/run.json"), encoding="utf-8") as file:
        record = json.load(file)
    assert [(case["id"], case["outcome"]) for case in record["cases"]] == [("quiet", "PASS"), ("b", "ERROR")], record
    assert (record["interrupted"], record["not_run"], record["cases"][1]["reason"]) == (True, ["c"], "interrupted"), record
    assert os.path.exists(os.path.join(trial.case("runs", "b"), "ledger.jsonl"))


def last_leads_to_the_newest(trial):
    trial.file("quiet.yaml", QUIET)
    found = []
    for seed in ["11", "12", "12"]:
        trial.passes("quiet.yaml", "--seed", seed, "--out", "some/where")
        found.append(os.readlink(os.path.join(trial.work, "some/where/last")))
    assert found[0].endswith("-11") and "-12" in found[1] and "-12" in found[2], found
    assert len(set(found)) == 3
    assert sorted(os.listdir(os.path.join(trial.work, "some/where"))) == sorted([*found, "last"])


def runs_at_the_same_time_do_not_meet(trial):
    trial.file("quiet.yaml", QUIET)
    command = [os.path.join(trial.programs, "aoe-harness"), "run", "quiet.yaml", "--seed", "3", "--out", "shared"]
    crowd = [subprocess.Popen(command, cwd=trial.work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
             for _ in range(8)]
    for process in crowd:
        output = process.communicate()[0]
        assert process.returncode == PASSED, output
    assert len(os.listdir(os.path.join(trial.work, "shared"))) == 9


def what_cannot_be_run_is_refused(trial):
    hint = " (aoe-harness run --help shows how)"
    trial.file("empty/notes.txt", "no scenario")
    trial.refused(["run", "gone.yaml"], USAGE, "gone.yaml: No such file or directory")
    trial.refused(["run", "empty"], USAGE, "empty: no scenarios there")
    trial.refused(["run"], USAGE, "expected PATH|ID|TAG|CLAUSE..." + hint)
    trial.refused([], USAGE, "A subcommand is required (aoe-harness --help shows how)")
    trial.refused(["rum", "x.yaml"], USAGE, "rum: no such command; did you mean 'run'? (aoe-harness --help lists them)")
    trial.refused([""], USAGE, ": no such command (aoe-harness --help lists them)")
    trial.refused(["run", "x.yaml", "--sead", "7"], USAGE, "--sead: no such option; did you mean '--seed'?" + hint)
    trial.refused(["run", "x.yaml", "--report", "jnuit=a"], USAGE,
                  "--report: jnuit: no such report; did you mean 'junit'?")
    trial.refused(["run", "x.yaml", "--seed", "seven"], USAGE,
                  "--seed: expected a whole number, got 'seven'" + hint)
    for command in [["run", "x.yaml"], ["explore", "x.yaml"], ["selftest"]]:
        trial.refused([*command, "--seed", "-1"], USAGE,
                      f"--seed: expected a whole number from 0 on, got '-1' (aoe-harness {command[0]} --help shows how)")
    trial.refused(["run", "x.yaml", "--world", "vet"], USAGE,
                  "--world: expected one of sim, veth, interface, remote, got 'vet'; did you mean 'veth'?" + hint)
    trial.refused(["run", "x.yaml", "--level", "musts"], USAGE,
                  "--level: expected one of must, should, profile, got 'musts'; did you mean 'must'?" + hint)
    trial.refused(["run", "x.yaml", "--timeout", "0"], USAGE, "--timeout: Value 0 not in range 1 to 86400" + hint)
    trial.refused(["shrink", "x.yaml", "y.yaml"], USAGE,
                  "y.yaml: one argument too many (aoe-harness shrink --help shows how)")


def a_bad_scenario_is_one_line(trial):
    trial.file("broken.yaml", "scenario: x\nsteps: [\n")
    trial.refused(["run", "broken.yaml"], USAGE, "broken.yaml:3:1: end of sequence flow not found")
    trial.file("typo.yaml", QUIET.replace("title", "titel"))
    trial.refused(["run", "typo.yaml"], USAGE, "typo.yaml:2:1: scenario: unknown key 'titel'; did you mean 'title', which is missing?")
    trial.file("typo.yaml", QUIET.replace("expect:", "expct: e1.1, expect:"))
    trial.refused(["run", "typo.yaml"], USAGE, "typo.yaml:5:14: discover: unknown key 'expct'; did you mean 'expect'?")
    assert not os.path.exists(os.path.join(trial.work, "runs")), "nothing was run"


def a_folder_that_cannot_be_written_is_named(trial):
    trial.file("quiet.yaml", QUIET)
    trial.refused(["run", "quiet.yaml", "--out", "/dev/null/runs"], ENVIRONMENT, "/dev/null/runs: Not a directory")
    trial.file("out/last/file", "in the way")
    trial.refused(["run", "quiet.yaml", "--out", "out"], ENVIRONMENT, "out: Is a directory")


def help_and_version_fit_a_screen(trial):
    for arguments, lines_max in [(["--help"], 27), (["run", "--help"], 40), (["clauses", "--help"], 24),
                                 (["conform", "--help"], 40), (["matrix", "--help"], 40)]:  # an option a line
        result = trial.run(*arguments)
        lines = result.stdout.splitlines()
        assert (result.returncode, result.stderr) == (PASSED, ""), result
        assert len(lines) < lines_max and max(map(len, lines)) <= 100, result.stdout
    version = trial.run("--version")
    assert re.fullmatch(r"aoe-harness \d+\.\d+\.\d+\n", version.stdout), version
    for long, short in [(["--version"], ["-V"]), (["--help"], ["-h"]), (["run", "--help"], ["run", "-h"])]:
        assert trial.run(*short).stdout == trial.run(*long).stdout != "", short


def captures_please_tcpdump_and_tshark(trial):
    lab.require("tcpdump", "tshark")
    trial.passes("scenarios/retransmit.yaml", "--seed", "7")
    for side in ["initiator", "target"]:
        path = os.path.join(trial.case("runs"), f"{side}-side.pcap")
        frames = count_records(path)
        printed = subprocess.run(["tcpdump", "-nn", "-r", path], capture_output=True, text=True, check=True)
        assert len([line for line in printed.stdout.splitlines() if "AoE" in line]) == frames
        noise = [line for line in printed.stderr.splitlines() if not line.startswith(("reading from file", "dropped privs"))]
        assert not noise, noise
        tshark = ["tshark", "-r", path, "-T", "fields", "-e", "frame.number", "-Y"]
        for display_filter, expected in [("aoe", frames), ("_ws.malformed", 0)]:
            printed = subprocess.run([*tshark, display_filter], capture_output=True, text=True, check=True)
            assert len(printed.stdout.split()) == expected, (display_filter, printed)


def marked_processes(mark):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if f"{MARK}={mark}".encode() in contents(f"/proc/{pid}/environ").split(b"\0"):
                found.append(contents(f"/proc/{pid}/cmdline"))
        except OSError:  # it ended, or it is somebody else's
            pass
    return found


def require_veth(trial):
    lab.require("ip")
    trial.file("quiet.yaml", QUIET)
    result = trial.run("run", "quiet.yaml", "--world", "veth", "--out", "probe")
    if result.returncode == ENVIRONMENT and "namespace" in result.stderr:
        lab.skip(f"network namespaces can't be made here ({result.stderr.strip()})")
    assert result.returncode in (PASSED, INCONCLUSIVE), result


def passes_over_real_interfaces_and_leaves_nothing(trial):
    mark = uuid.uuid4().hex
    interfaces = os.listdir("/sys/class/net")
    os.environ[MARK] = mark
    output = trial.passes("scenarios/retransmit.yaml", "quiet.yaml", "--world", "veth", "--seed", "7", "--out", "veth")
    assert output.startswith("seed 7  world veth  sut aoe-target\n"), output
    assert re.search(r"^2 passed, 0 failed", output, re.M), output
    assert not marked_processes(mark)
    assert os.listdir("/sys/class/net") == interfaces
    case = trial.case("veth")
    assert {"initiator-side.pcap", "ledger.jsonl", "sut.log", "target-side.pcap"} <= set(os.listdir(case))
    assert "target.img" not in os.listdir(case)
    check_captures_against_ledger(case)
    with open(os.path.join(case, "sut.log"), encoding="utf-8") as file:
        log = file.read()
    assert re.search(r"ready$", log, re.M) and re.search(r"stopped after \d+ requests", log), log


def a_run_that_is_killed_takes_its_target_along(trial):
    mark = uuid.uuid4().hex
    trial.file("long.yaml", QUIET + "- wait: 1000s\n")
    command = [*trial.prefix, os.path.join(trial.programs, "aoe-harness"), "run", "long.yaml", "--world", "veth",
               "--out", "killed"]
    process = subprocess.Popen(command, cwd=trial.work, stdout=subprocess.DEVNULL, env={**os.environ, MARK: mark})
    lab.eventually(lambda: any(b"--shelf" in command for command in marked_processes(mark)), "a target to be started")
    process.kill()
    process.wait()
    lab.eventually(lambda: not marked_processes(mark), "the target to end")


# Tells of a disk, as aoe-target would, and comes to a bad end when somebody asks for more of it.
FRAGILE = """\
import os, signal, socket, sys
if "--version" in sys.argv:
    sys.exit("no version")
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88A2))
port.bind(("eth0", 0x88A2))
while True:
    frame = port.recv(2000)
    if frame[14] & 0x08:
        continue
    if frame[19] != 1:
        break
    port.send((frame[6:12] + bytes.fromhex("020000000002 88a2 18 00 0001 01 01") + frame[20:24] +
               bytes.fromhex("0010 0000 02 10 0000")).ljust(60, b"\\0"))
print("oh no", flush=True)
os.kill(os.getpid(), signal.SIGSEGV)
"""


def a_target_that_prints_without_end_fills_no_disk(trial):
    trial.file("a target.sh", "#!/bin/sh\necho \"image $4\"\nyes all is well &\n"
               f"exec {trial.programs}/aoe-target --shelf $1 --slot $2 --interface $3 \"$4\"\n", mode=0o755)
    sut = "'./a target.sh' {shelf} {slot} {interface} {image}"
    result = trial.run("run", "quiet.yaml", "--world", "veth", "--seed", "7", "--out", "prints", "--sut", sut)
    assert result.returncode in (PASSED, INCONCLUSIVE), result
    case = trial.case("prints", "quiet")
    log = contents(os.path.join(case, "sut.log"))
    assert len(log) < 600_000 and re.search(rb"\n\[\.\.\. \d+ bytes are left out here \.\.\.\]\n", log), (len(log), log[:200])
    assert log.startswith(f"image {os.path.realpath(case)}/target.img\n".encode()), log[:200]
    assert "target.img" not in os.listdir(case)
    # Its path begins where the run did.
    again = subprocess.run([*trial.prefix, os.path.join(case, "repro.sh"), "--out", "again"], cwd="/", capture_output=True,
                           text=True, check=False)
    assert again.returncode in (PASSED, INCONCLUSIVE) and "  quiet  " in again.stdout, again


def a_target_that_goes_to_the_background_is_told_and_ended(trial):
    mark = uuid.uuid4().hex
    os.environ[MARK] = mark
    trial.file("daemon.sh", "#!/bin/sh\nsetsid sleep 1000 > /dev/null 2>&1 < /dev/null &\n", mode=0o755)
    result = trial.run("run", "quiet.yaml", "--world", "veth", "--sut", "./daemon.sh {image}")
    assert result.returncode == ENVIRONMENT, result
    assert "./daemon.sh {image} ended with status 0: it must stay in the foreground; it said: nothing" in result.stdout, result
    assert not marked_processes(mark)


def a_target_that_dies_is_the_finding(trial):
    program = os.path.join(trial.programs, "aoe-target")
    with open(program, "w", encoding="utf-8") as file:
        file.write(f"#!/usr/bin/python3\n{FRAGILE}")
    result = trial.run("run", "quiet.yaml", "--world", "veth", "--seed", "7", "--out", "died")
    assert (result.returncode, result.stderr) == (FAILED, ""), result
    assert ("        quiet.yaml:5\n"
            "  expected  both ends run until the scenario's end\n"
            "  actual    the target was killed by signal 11 (Segmentation fault); it said: oh no\n") in result.stdout, result
    assert "  repro     aoe-harness run quiet.yaml --world veth --seed 7\n" in result.stdout, result


def a_target_that_does_not_start_is_one_line(trial):
    program = os.path.join(trial.programs, "aoe-target")
    arguments = ["run", "quiet.yaml", "--world", "veth", "--out", "none"]
    for script, complaint in [
            ("#!/bin/sh\necho 'no disk today'; exit 4\n", "aoe-target ended with status 4; it said: no disk today"),
            ("#!/bin/sh\nexit 0\n", "aoe-target ended with status 0: it must stay in the foreground; it said: nothing"),
            ("#!/bin/sh\necho one; echo two; echo three; echo four; exit 4\n",
             "aoe-target ended with status 4; it said: two; three; four"),
            ("#!/nowhere/sh\n",
             f"{program}: No such file or directory (what its first line names as its interpreter is missing)")]:
        with open(program, "w", encoding="utf-8") as file:
            file.write(script)
        result = trial.run(*arguments)
        assert (result.returncode, result.stderr) == (ENVIRONMENT, ""), result
        assert re.search(rf"^  ERROR  quiet +\S+  {re.escape(complaint)}$", result.stdout, re.M), result


def the_target_is_found_in_a_changed_root(trial):
    root = os.path.join(trial.folder, "root")
    os.makedirs(root, exist_ok=True)
    in_another_root = ["unshare", *([] if os.geteuid() == 0 and not trial.prefix else ["--user", "--map-root-user"]), "--mount",
                       "--propagation", "private", "sh", "-c",
                       'mount --rbind / "$0" || exit 99; exec chroot "$0" env --chdir="$PWD" "$@"', root]
    result = trial.run("run", "quiet.yaml", "--world", "veth", "--seed", "7", "--out", "elsewhere", within=in_another_root)
    if result.returncode == 99 or result.stderr.startswith("unshare:"):
        print("the root can't be changed here: that part is left out")
        return
    assert "  ERROR  " not in result.stdout and result.returncode in (PASSED, INCONCLUSIVE), result


def without_namespaces_it_says_so(trial):
    where_there_are_none = ["unshare", "--user", "--map-root-user", "sh", "-c",
                            'echo 0 > /proc/sys/user/max_net_namespaces || exit 99; exec "$@"', "sh"]
    result = trial.run("run", "quiet.yaml", "--world", "veth", "--out", "refused", within=where_there_are_none)
    if result.returncode == 99 or result.stderr.startswith("unshare:"):  # the latter in a chroot
        print("namespaces can't be refused to a program here: that part is left out")
        return
    assert (result.returncode, result.stdout) == (ENVIRONMENT, ""), result
    assert result.stderr == ("aoe-harness: no network namespace without root, and no user namespace: "
                             "No space left on device\n"), result


SIM = [a_run_passes_and_its_seed_repeats_it, a_failure_is_told_so_that_it_can_be_reported,
       a_variant_is_played_again_from_its_folder, long_captures_are_kept_of_what_did_not_pass,
       what_is_known_to_fail_is_no_failure, a_folder_is_run_as_a_whole,
       what_is_selected_runs_and_nothing_else, output_that_is_lost_is_a_failure, a_case_is_repeated_with_one_seed_after_another,
       last_leads_to_the_newest, runs_at_the_same_time_do_not_meet, what_cannot_be_run_is_refused,
       a_bad_scenario_is_one_line, a_folder_that_cannot_be_written_is_named, help_and_version_fit_a_screen]
VETH = [passes_over_real_interfaces_and_leaves_nothing, a_run_that_is_interrupted_says_what_it_has,
        a_case_that_takes_too_long_is_ended,
        a_run_that_is_killed_takes_its_target_along,
        the_target_is_found_in_a_changed_root, a_target_that_dies_is_the_finding,
        a_target_that_prints_without_end_fills_no_disk, a_target_that_goes_to_the_background_is_told_and_ended,
        a_target_that_does_not_start_is_one_line, without_namespaces_it_says_so]


def main():
    parts = {"sim": SIM, "captures": [captures_please_tcpdump_and_tshark], "veth": VETH, "veth-as-user": VETH}
    prefix = []
    if PART == "veth-as-user" and os.geteuid() == 0:
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

    @contextlib.contextmanager
    def setting():
        with tempfile.TemporaryDirectory() as folder:
            trial = Trial(folder, prefix)
            if PART.startswith("veth"):
                require_veth(trial)
            yield [trial]

    lab.play_all(parts[PART], setting)


main()
