"""The scenarios of networks: each fails where a node of it is wrong, and the same seed gives the same frames.

usage: network_test.py AOE_HARNESS SCENARIOS mutants|veth
"""

import os
import re
import subprocess
import sys
import tempfile

HARNESS, SCENARIOS, PART = sys.argv[1:4]
PASSED, FAILED = 0, 1

# A node that is wrong, for each scenario, and in which way (harness/selftest/mutants.cc).
MUTANTS = {
    "network-reservation-contended": ("i1", "takes-errors-for-successes"),
    "network-mask-edited": ("t1", "answers-to-everybody"),
    "network-duplicate-address": ("t1", "forgets-writes"),
    "network-duplicate-address-from-the-start": ("t1", "forgets-writes"),
    "network-two-paths-one-dies": ("i1", "reuses-tags"),
    "network-two-paths-one-loses": ("i1", "reuses-tags"),
    "network-two-paths-one-slow": ("i1", "repeats-early"),
    "network-failover": ("t1", "forgets-flushes"),
    "network-lun-moved": ("i1", "never-repeats"),
    "network-target-restart": ("t1", "forgets-its-string"),
    "network-black-hole": ("i1", "takes-answers-in-order"),
    "network-black-hole-opens": ("i1", "takes-answers-in-order"),
    "network-mtu-of-one-side": ("i1", "takes-what-a-frame-carries"),
    "network-mac-changes": ("i1", "keeps-to-an-address"),
    "network-interface-gone": ("i1", "reuses-tags"),
    "network-interface-renamed": ("t1", "forgets-writes"),
    "network-clock-wraps": ("t1", "forgets-writes"),
    "network-discovery-delayed": ("i1", "asks-once"),
    "network-slow-lun": ("t1", "falls-silent"),
    "network-flood-beside": ("t1", "dies-of-its-1000th-request"),
    "network-three-writers": ("t1", "acknowledges-before-writing"),
    "network-many-at-once": ("t16", "names-another-command"),
}


def scenarios():
    """The text of each, by name."""
    folder = os.path.join(SCENARIOS, "network")
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for text in re.split(r"^---$", file.read(), flags=re.M):
                found[re.search(r"^scenario: (\S+)", text, re.M).group(1)] = text
    return found


def run(path, out, *options):
    done = subprocess.run([HARNESS, "run", path, "--out", out, *options], capture_output=True, text=True,
                          timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def each_is_failed_by_a_node_that_is_wrong():
    texts = scenarios()
    assert set(texts) == set(MUTANTS), f"no mutant for {set(texts) ^ set(MUTANTS)}"
    for name, (node, behaviour) in MUTANTS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "wrong.yaml")
            mutant = f"mutant: {{end: {node}, behave: {behaviour}}}\nsteps:"
            with open(path, "w", encoding="utf-8") as file:
                file.write(re.sub(r"^steps:", mutant, texts[name], count=1, flags=re.M))
            status, said = run(path, os.path.join(folder, "runs"), "--seed", "1")
            assert status == FAILED, f"{name} with {behaviour}: status {status}\n{said}"


def a_seed_gives_the_same_frames():
    path = os.path.join(SCENARIOS, "network", "changes.yaml")
    ledgers = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            status, said = run(path, folder, "network-interface-gone", "--seed", "7")
            assert status == PASSED, said
            with open(os.path.join(folder, "last", "cases", "network-interface-gone", "ledger.jsonl"), "rb") as file:
                ledgers.append(file.read())
    assert ledgers[0] == ledgers[1], "the same seed gave other frames"
    assert b'"from":"i1 on lan"' in ledgers[0], "the ledger does not say who sent a frame"


def all_pass_over_real_interfaces():
    with tempfile.TemporaryDirectory() as folder:
        status, said = run(os.path.join(SCENARIOS, "network"), folder, "--world", "veth", "--sut", "aoe-target", "-j", "2", "--retry", "1")
        assert status == PASSED, said


def programs_find_the_clock_that_is_given():
    path = os.path.join(SCENARIOS, "network", "changes.yaml")
    target = os.path.join(os.path.dirname(os.path.abspath(HARNESS)), "aoe-target")
    sut = f"sh -c 'cat /proc/uptime; exec {target} \"$@\"' sh " \
        "--no-state --shelf {shelf} --slot {slot} --interface {interface} {image}"
    with tempfile.TemporaryDirectory() as folder:
        status, said = run(path, folder, "network-clock-wraps[clock=4294966]", "--world", "veth", "--sut", sut)
        assert status == PASSED, said
        case, = os.listdir(os.path.join(folder, "last", "cases"))
        with open(os.path.join(folder, "last", "cases", case, "sut.log"), encoding="utf-8") as file:
            uptime = float(file.readline().split()[0])
        assert 4294966 <= uptime < 4294967, uptime


if PART == "mutants":
    each_is_failed_by_a_node_that_is_wrong()
    a_seed_gives_the_same_frames()
else:
    all_pass_over_real_interfaces()
    programs_find_the_clock_that_is_given()
