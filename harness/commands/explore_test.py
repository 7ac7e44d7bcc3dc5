"""aoe-harness replay, explore and shrink, as a person meets them.

usage: explore_test.py AOE_HARNESS AOE_TARGET SCENARIOS sim|veth
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import lab

HARNESS, TARGET, SCENARIOS, PART = sys.argv[1:5]
PASSED, FAILED, USAGE, ENVIRONMENT, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 5, 130

HASTY = """\
scenario: hasty
title: A bound that no initiator keeps
roles: {target: {size: 64KiB}}
steps:
- discover: {expect: e1.1}
- warmup: {reads: 16}
- arm: {fault: duplicate, id: noise, probability: 0.5}
- arm: {fault: drop, id: loss, match: {direction: to-target, command: read}, every: 3}
- io: {id: r, op: read, count: 2, requests: 10, depth: 2}
- expect: {retransmit: {of: loss, within: [0ms, 10us]}}
"""

LOSSY = """\
scenario: lossy
title: Some requests and some answers are lost
roles: {target: {size: 64KiB}}
steps:
- discover: {expect: e1.1}
- warmup: {reads: 16}
- arm: {fault: drop, id: loss, match: {command: ata}, probability: 0.1}
- arm: {fault: duplicate, id: twice, match: {direction: to-target, command: write}, every: 4}
- io: {id: m, op: mixed, count: 2, requests: 40, depth: 4}
- expect: {io: {id: m}}
"""

# A target that is wrong on purpose, and a load that shows it.
WRONG = """\
scenario: wrong
title: A target that answers twice
roles: {target: {size: 64KiB}, mutant: {end: target, behave: answers-twice}}
steps:
- discover: {expect: e1.1}
- arm: {fault: delay, id: late, by: 1ms, probability: 0.5}
- io: {id: r, op: read, count: 2, requests: 10, depth: 2}
- expect: {io: {id: r}}
"""

EXPLORING = HASTY.replace("scenario: hasty", "scenario: exploring").replace("steps:", "explore: {requests: 10}\nsteps:")
# A seed that takes so long that a signal finds it at work.
ENDLESS = """\
scenario: endless
title: More reads than anyone waits for
roles: {target: {size: 64KiB}}
explore: {requests: 1}
steps:
- discover: {expect: e1.1}
- io: {id: all, op: read, count: 2, span: 64KiB, requests: 1000000, depth: 1}
- expect: {io: {id: all}}
- io: {id: more, op: read, count: 2, span: 64KiB, requests: 1000000, depth: 1}
- expect: {io: {id: more}}
"""
# Short, for real time.
EXPLORING_LIVE = """\
scenario: live
title: A bound that no initiator keeps
roles: {target: {size: 64KiB}}
explore: {requests: 2, rounds: 1, at-once: 1, faults: [duplicate]}
steps:
- discover: {expect: e1.1}
- arm: {fault: drop, id: loss, match: {direction: to-target, command: read}, nth: 1}
- io: {id: r, op: read, lba: 4, count: 2}
- expect: {retransmit: {of: loss, within: [0ms, 10us]}}
"""


def contents(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Trial:
    """A folder with the programs and the scenarios in it."""

    def __init__(self, folder):
        self.folder = folder
        for program in [HARNESS, TARGET]:
            shutil.copy(program, folder)
        shutil.copytree(SCENARIOS, os.path.join(folder, "scenarios"))
        for name, text in [("hasty.yaml", HASTY), ("lossy.yaml", LOSSY), ("exploring.yaml", EXPLORING),
                           ("live.yaml", EXPLORING_LIVE), ("endless.yaml", ENDLESS)]:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)

    def run(self, *arguments, status=PASSED):
        result = subprocess.run([os.path.join(self.folder, "aoe-harness"), *arguments], cwd=self.folder,
                                capture_output=True, text=True, timeout=240, check=False, stdin=subprocess.DEVNULL)
        if result.returncode == ENVIRONMENT and "namespace" in result.stderr:
            lab.skip(f"network namespaces can't be made here ({result.stderr.strip()})")
        if "machine was too busy" in result.stderr + result.stdout:
            lab.skip(f"this machine is too busy to tell ({result.stdout}{result.stderr})")
        assert result.returncode == status, result
        return result

    def path(self, out, case, name):
        return os.path.join(self.folder, out, "last", "cases", case, name)

    def text(self, *place):
        with open(self.path(*place), encoding="utf-8") as file:
            return file.read()


def a_replay_is_the_same_run_to_the_last_byte(trial):
    trial.run("run", "scenarios/explore.yaml", "--seed", "7", "--out", "first")
    trial.run("replay", trial.path("first", "explore", "schedule.yaml"), "--out", "second")
    schedule = trial.text("first", "explore", "schedule.yaml")
    assert schedule.count("- {fault: ") > 20, schedule
    for name in ["ledger.jsonl", "schedule.yaml"]:
        assert trial.text("first", "explore", name) == trial.text("second", "explore", name), name


def decisions_that_are_gone_strike_no_more(trial):
    trial.run("run", "lossy.yaml", "--seed", "7", "--out", "first")
    lines = trial.text("first", "lossy", "schedule.yaml").splitlines(keepends=True)
    with open(os.path.join(trial.folder, "fewer.yaml"), "w", encoding="utf-8") as file:
        file.writelines(line for line in lines if "do: drop" not in line)
    trial.run("replay", "fewer.yaml", "--out", "second")
    ledger = [json.loads(line) for line in trial.text("second", "lossy", "ledger.jsonl").splitlines()]
    assert not any("dropped-by" in entry for entry in ledger)
    assert any(entry.get("struck-by") == "twice" for entry in ledger)


def a_failure_shrinks_to_what_fails_by_itself(trial):
    trial.run("run", "hasty.yaml", "--seed", "7", status=FAILED)
    result = trial.run("shrink", trial.path("runs", "hasty", "schedule.yaml"), "-o", "short.yaml")
    assert re.fullmatch(r"retransmit: decisions \d+ to 1, steps 6 to \d, in \d+ runs\n", result.stderr), result
    with open(os.path.join(trial.folder, "short.yaml"), encoding="utf-8") as file:
        short = file.read()
    assert "noise" not in short and short.count("fault: drop") == 1, short
    assert short.count("\n") < 15, short
    again = trial.run("run", "short.yaml", status=FAILED)
    assert re.search(r"^  FAIL  hasty-shrunk .*\n  title .*\n +short.yaml:\d+\n  expected  retransmission of ", again.stdout, re.M), again


def what_passes_is_not_shrunk(trial):
    trial.run("run", "lossy.yaml", "--seed", "7")
    result = trial.run("shrink", trial.path("runs", "lossy", "schedule.yaml"), status=FAILED)
    assert result.stderr.endswith(": that run passed: there is nothing to shrink\n"), result


def many_seeds_are_tried_and_none_fails(trial):
    result = trial.run("explore", "scenarios/explore.yaml", "--seeds", "30", "--requests", "100", "-j", "2")
    assert result.stdout.startswith("explore explore  seeds 1 to 30  100 requests each  world sim\n"), result
    assert re.search(r"^30 passed, 0 failed  ", result.stdout, re.M), result


def a_seed_that_fails_is_named_with_its_command(trial):
    result = trial.run("explore", "exploring.yaml", "--seeds", "3", "-j", "1", status=FAILED)
    assert re.findall(r"^  FAIL  seed (\d+) +retransmit: .*\n        (.*)$", result.stdout, re.M) == [
        (str(seed), f"aoe-harness run exploring.yaml --seed {seed}") for seed in [1, 2, 3]], result
    assert trial.run("explore", "exploring.yaml", "--until-fail", "-j", "1", status=FAILED).stdout.count("FAIL") == 1
    trial.run("run", "exploring.yaml", "--seed", "2", status=FAILED)


def a_seed_that_fails_leaves_what_shrink_takes(trial):
    result = trial.run("explore", "exploring.yaml", "--seed", "3", "--seeds", "1", status=FAILED)
    schedule = os.path.join("runs", "explore", "exploring-seed-3", "schedule.yaml")
    assert f"\n        {schedule}\n" in result.stdout, result
    assert {"ledger.jsonl", "initiator-side.pcap", "repro.sh", "scenario.yaml"} <= set(
        os.listdir(os.path.join(trial.folder, os.path.dirname(schedule))))
    result = trial.run("shrink", schedule, "-o", "short.yaml")
    assert result.stderr.startswith("retransmit: "), result
    trial.run("run", "short.yaml", status=FAILED)


def seeds_that_are_interrupted_are_no_failures(trial):
    command = [os.path.join(trial.folder, "aoe-harness"), "explore", "endless.yaml", "--seeds", "1000", "-j", "1"]
    for number in [signal.SIGINT, signal.SIGTERM]:
        process = subprocess.Popen(command, cwd=trial.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdout.readline()
        lab.eventually(lambda: contents(f"/proc/{process.pid}/task/{process.pid}/children"), "a seed to be tried")
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (INTERRUPTED, ""), (process.returncode, output, errors)
        assert output.startswith("0 passed, 0 failed, 1 interrupted  "), output


def a_right_engine_is_asked_what_it_makes_of_a_short_scenario(trial):
    with open(os.path.join(trial.folder, "wrong.yaml"), "w", encoding="utf-8") as file:
        file.write(WRONG)
    trial.run("run", "wrong.yaml", "--seed", "7", status=FAILED)
    result = trial.run("shrink", trial.path("runs", "wrong", "schedule.yaml"), "-o", "short.yaml")
    assert result.stderr.endswith("runs\naoe-target, which is right, passes it\n"), result


def what_a_seed_draws_is_a_scenario_of_its_own(trial):
    drawn = trial.run("explore", "scenarios/explore.yaml", "--seed", "7", "--print").stdout
    assert drawn.startswith("# Drawn from seed 7.\n") and "explore:" not in drawn, drawn
    with open(os.path.join(trial.folder, "drawn.yaml"), "w", encoding="utf-8") as file:
        file.write(drawn)
    trial.run("run", "drawn.yaml", "--seed", "7", "--out", "first")
    trial.run("run", "scenarios/explore.yaml", "--seed", "7", "--out", "second")
    assert trial.text("first", "explore", "ledger.jsonl") == trial.text("second", "explore", "ledger.jsonl")


def what_cannot_be_done_is_one_line(trial):
    for arguments, complaint in [
            (["replay", "gone.yaml"], "gone.yaml: No such file or directory"),
            (["shrink", "lossy.yaml"], "lossy.yaml:1:1: schedule: key 'seed' is missing"),
            (["explore", "lossy.yaml"], "lossy.yaml: no scenario in it has 'explore:', so there is nothing to draw")]:
        result = trial.run(*arguments, status=USAGE)
        assert (result.stdout, result.stderr) == ("", f"aoe-harness: {complaint}\n"), result


def struck(trial, out):
    """What was dropped and doubled in a run, whatever the frames' numbers are."""
    lines = re.findall(r"^- \{fault: (\w+), frame: \d+, (.*)\}$", trial.text(out, "lossy", "schedule.yaml"), re.M)
    return sorted(lines)


def in_real_time_the_same_frames_are_struck(trial):
    trial.run("run", "lossy.yaml", "--seed", "7", "--out", "sim")
    schedule = trial.path("sim", "lossy", "schedule.yaml")
    trial.run("replay", schedule, "--world", "veth", "--out", "real")
    assert struck(trial, "real") == struck(trial, "sim") != []
    with open(schedule, "a", encoding="utf-8") as file:
        file.write("- {fault: loss, frame: 0, direction: to-target, command: flush, shelf: 1, slot: 1, lba: 0, count: 0, "
                   "nth: 1, do: drop}\n")
    told = trial.run("replay", schedule, "--world", "veth", "--out", "more").stdout
    assert "never came: drop of the 1st flush to-target e1.1" in told, told


def a_program_is_explored_and_its_failure_shrunk(trial):
    """The scenario asks for what no initiator keeps, so every seed fails, whatever the target is."""
    shutil.copy(os.path.join(trial.folder, "aoe-target"), os.path.join(trial.folder, "other-target"))
    sut = "./other-target --shelf {shelf} --slot {slot} --interface {interface} {image}"
    result = trial.run("explore", "live.yaml", "--sut", sut, "--seeds", "2", status=FAILED)
    assert result.stdout.startswith("explore live  seeds 1 to 2  2 requests each  world veth  sut ./other-target "), result
    commands = re.findall(r"^  FAIL  seed (\d+) +retransmit: .*\n        (.*)\n        (.*)$", result.stdout, re.M)
    assert commands == [(str(seed), f"aoe-harness run live.yaml --world veth --sut '{sut}' --seed {seed}",
                         f"runs/explore/live-seed-{seed}/schedule.yaml") for seed in [1, 2]], result
    schedule = commands[1][2]
    result = trial.run("shrink", schedule, "-o", "short.yaml")
    told = result.stderr.splitlines()
    assert told[0].startswith("retransmit: decisions "), result
    assert told[1].startswith("aoe-target fails it, too, in the sim world (retransmit: "), result
    # Replayed in the world and with the program that the schedule is of.
    for world in [[], ["--world", "veth"]]:
        result = trial.run("replay", schedule, "--out", "replayed", *world, status=FAILED)
        assert re.match(rf"seed 2  world veth  sut {re.escape(sut)}\n", result.stdout), result
    again = subprocess.run([os.path.join(trial.path("replayed", "live", "repro.sh"))], cwd="/", capture_output=True,
                           text=True, check=False)
    assert again.returncode == FAILED and f"  sut {sut}\n" in again.stdout, again


SIM = [a_replay_is_the_same_run_to_the_last_byte, decisions_that_are_gone_strike_no_more,
       a_failure_shrinks_to_what_fails_by_itself, what_passes_is_not_shrunk, many_seeds_are_tried_and_none_fails,
       a_seed_that_fails_is_named_with_its_command, a_seed_that_fails_leaves_what_shrink_takes,
       seeds_that_are_interrupted_are_no_failures, a_right_engine_is_asked_what_it_makes_of_a_short_scenario, what_a_seed_draws_is_a_scenario_of_its_own,
       what_cannot_be_done_is_one_line]
VETH = [in_real_time_the_same_frames_are_struck, a_program_is_explored_and_its_failure_shrunk]


def main():
    if PART == "veth":
        lab.require("ip")
    for play in {"sim": SIM, "veth": VETH}[PART]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                play(Trial(folder))
            except BaseException:
                print(f"in {play.__name__}:", file=sys.stderr)
                raise


main()
