"""aoe-harness import: the capture of an end that is wrong on purpose becomes a scenario that our own end passes and that one fails.

usage: import_test.py AOE_HARNESS AOE_TARGET sim|veth
"""

import contextlib
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile

import lab
from frames_by_hand import CLIENT, SERVER, config, cooked, done, frame, pcap, query, read

HARNESS, TARGET = (os.path.abspath(path) for path in sys.argv[1:3])
PART = sys.argv[3]
PASSED, FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3

# What a target may be asked in a day, right and wrong. Nothing is expected: a capture is made.
ASKED = """\
scenario: field
title: A day in the field
roles: {target: {shelf: 5, slot: 4, size: 1MiB, buffers: 8}, mutant: {end: target, behave: BEHAVIOUR}}
always: [liveness]
steps:
  - config: {op: read, expect: answer}
  - identify: {expect: answer}
  - config: {op: force-set, string: abc, expect: answer}
  - send: {ata: {op: read-ext, lba: 8, count: 2}}
  - wait: 1ms
  - send: {ata: {op: write-ext, lba: 8, count: 2}}
  - wait: 1ms
  - send: {tag: 0x80000007, ata: {op: read, lba: 9, count: 1}}
  - wait: 1ms
  - send: {ata: {op: read, lba: 7, count: 0}}
  - wait: 1ms
  - send: {command: 9}
  - wait: 1ms
  - send: {config: {op: test, string: nothing}}
  - wait: 1ms
  - send: {config: {op: 8}}
  - wait: 1ms
  - send: {ata: {op: flush, count: 0}}
  - wait: 1ms
  - send: {config: {op: read}}
  - wait: 2s
"""
TARGETS = ["sets-a-reserved-flag", "names-another-command", "clears-bit-31-of-the-tag", "does-not-pad", "leaves-an-error-code",
           "answers-to-everybody", "answers-as-version-2", "calls-an-unknown-command-a-bad-argument", "takes-a-count-of-0-for-1",
           "leaves-the-count", "forgets-drdy", "identifies-with-a-wrong-checksum", "flushes-without-drdy",
           "sets-the-reserved-bytes", "answers-whatever-is-tested", "takes-ccmd-8-for-a-read", "says-config-version-0",
           "announces-itself-as-version-0", "answers-with-another-tag"]

LOADED = """\
scenario: field
title: A day in the field
roles: {target: {shelf: 5, slot: 4, size: 1MiB, buffers: 4}, mutant: {end: initiator, behave: BEHAVIOUR}}
steps:
  - discover: {within: 3s}
  - io: {id: first, op: mixed, count: 3, requests: 20, depth: 2}
  - expect: {io: {id: first, result: any}}
  - io: {id: many, op: read, lba: 0, count: 2, span: 64KiB, requests: 60, depth: 8}
  - expect: {io: {id: many, result: any}}
"""
INITIATORS = ["asks-with-version-0", "asks-for-too-much", "cuts-writes-short", "sets-counts-in-queries", "overruns-buffers",
              "thinks-of-sixty-buffers", "reuses-tags", "sets-reserved-flags", "sets-reserved-bytes"]


class Trial:
    def __init__(self, folder):
        self.folder = folder
        self.programs = os.path.join(folder, "programs")
        os.mkdir(self.programs)
        for program in [HARNESS, TARGET, os.path.join(os.path.dirname(HARNESS), "aoe-bridge")]:
            if os.path.exists(program):
                shutil.copy(program, self.programs)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            return file.read()

    def harness(self, *arguments, status):
        result = subprocess.run([os.path.join(self.programs, "aoe-harness"), *arguments], capture_output=True, text=True,
                                timeout=120, check=False, cwd=self.folder, stdin=subprocess.DEVNULL)
        statuses = status if isinstance(status, tuple) else (status,)
        assert result.returncode in statuses, (arguments, result)
        return result.stdout + result.stderr

    def captured(self, scenario, behaviour):
        """The capture of a run with that mutant."""
        self.write("field.yaml", scenario.replace("BEHAVIOUR", behaviour))
        self.harness("run", "field.yaml", "--seed", "7", "--out", "field", status=(PASSED, FAILED))
        return "field/last/cases/field/initiator-side.pcap"

    def with_mutant(self, name, end, behaviour):
        """The imported scenario with the end that made the capture, and the line of its last step."""
        text, count = re.subn(r"^(roles: \{target: .*)\}$", rf"\1, mutant: {{end: {end}, behave: {behaviour}}}}}",
                              self.read(name), flags=re.M)
        assert count == 1, text
        self.write("wrong.yaml", text)
        return "wrong.yaml", text.count("\n")


@contextlib.contextmanager
def trial():
    with tempfile.TemporaryDirectory() as folder:
        yield (Trial(folder),)


def a_targets_mistake_is_a_scenario(trial):
    sizes = []
    for behaviour in TARGETS:
        capture = trial.captured(ASKED, behaviour)
        told = trial.harness("import", capture, "--end", "target", "-o", "made.yaml", "--pcap", "made.pcap", status=PASSED)
        assert re.search(r"target\): \d of \d+ requests, found in \d+ runs\n", told), told
        made = trial.read("made.yaml")
        sizes += re.findall(r"roles: \{target: \{shelf: 5, slot: 4, size: (\w+), fill: zero, buffers: 8\}", made)
        assert made.count("  - send:") <= 2, made
        trial.harness("run", "made.yaml", status=PASSED)
        wrong, line = trial.with_mutant("made.yaml", "target", behaviour)
        told = trial.harness("run", wrong, status=(PASSED, FAILED))
        assert f"wrong.yaml:{line}" in told, (behaviour, made, told)
        # The frames that show it are enough to make it again.
        frame_number = re.match(r"# Made by aoe-harness import of made.pcap, whose frame (\d+) breaks a rule", made).group(1)
        trial.harness("import", "made.pcap", "--frame", frame_number, "--end", "target", "-o", "again.yaml", "--name", "made",
                      status=PASSED)
        assert trial.read("again.yaml") == made, (behaviour, trial.read("again.yaml"), made)
    # Where no IDENTIFY can be read, the disk has what was used, and 512 KiB at least.
    assert len(sizes) == len(TARGETS) and set(sizes) == {"1MiB", "512KiB"} and sizes.count("1MiB") > 12, sizes


def an_initiators_mistake_is_a_scenario(trial):
    for behaviour in INITIATORS:
        capture = trial.captured(LOADED, behaviour)
        trial.harness("import", capture, "--end", "initiator", "-o", "made.yaml", "--pcap", "made.pcap", status=PASSED)
        made = trial.read("made.yaml")
        trial.harness("run", "made.yaml", status=PASSED)
        wrong, line = trial.with_mutant("made.yaml", "initiator", behaviour)
        told = trial.harness("run", wrong, status=(PASSED, FAILED))
        rules = r"tag-unique-in-flight|window-respected|wrong\.yaml:" + str(line)
        assert re.search(rules, told), (behaviour, told, made)
        check = trial.harness("check", "made.pcap", status=FAILED)
        assert ": must: " in check, check


def what_is_not_needed_is_left_out_or_kept(trial):
    capture = trial.captured(ASKED, "takes-a-count-of-0-for-1")
    trial.harness("import", capture, "--end", "target", "--whole", "-o", "whole.yaml", status=PASSED)
    whole = trial.read("whole.yaml")
    assert whole.count("  - send:") > 4 and "wait" not in whole, whole
    trial.harness("run", "whole.yaml", status=PASSED)
    trial.harness("import", capture, "--end", "target", "--whole", "--timing", "-o", "timed.yaml", status=PASSED)
    timed = trial.read("timed.yaml")
    assert timed.count("  - wait: ") == timed.count("  - send:") - 1, timed
    assert timed.count("expect") == 1, timed
    trial.harness("run", "timed.yaml", status=PASSED)
    frame_of = re.search(r"count: 0\}\}  # frame (\d+)", timed).group(1)
    trial.harness("import", capture, "--frame", frame_of, "--end", "initiator", "-o", "a/new/asked.yaml", status=PASSED)
    assert "has: {count: 0}" in trial.read("a/new/asked.yaml")
    with open(os.path.join(trial.folder, capture), "rb") as file:
        content = gzip.compress(file.read())
    with open(os.path.join(trial.folder, "some.pcap.gz"), "wb") as file:
        file.write(content)
    assert "\nscenario: some\n" in trial.harness("import", "some.pcap.gz", "--end", "target", status=PASSED)


def what_cannot_be_imported_is_told(trial):
    def write(name, content):
        with open(os.path.join(trial.folder, name), "wb") as file:
            file.write(content)

    write("right.pcap", pcap([query(1), config(1), read(2), done(2)]))
    assert trial.harness("import", "right.pcap", status=FAILED) == \
        "aoe-harness: right.pcap: nothing wrong is found in it\n"
    write("foreign.pcap", pcap([bytes(60)]))
    assert trial.harness("import", "foreign.pcap", status=ENVIRONMENT) == \
        "aoe-harness: foreign.pcap: no frame of AoE is in it\n"
    assert trial.harness("import", "none.pcap", status=ENVIRONMENT) == \
        "aoe-harness: none.pcap: No such file or directory\n"
    # A directive that there is not, which only another client could say.
    odd = frame(SERVER, CLIENT, 9, bytes([0, 1, 0, 1]) + bytes([0, 7]) + CLIENT, command=2)
    write("odd.pcap", pcap([query(1), config(1), odd]))
    told = trial.harness("import", "odd.pcap", "--frame", "3", "--end", "initiator", status=FAILED)
    assert "frame 3: info: " in told and ": not imported: no words of a scenario count what breaks bad-directive so\n" in told, told
    assert trial.harness("import", "-", status=USAGE) == \
        "aoe-harness: -: a capture is read twice for this: give its file\n"
    assert "expected letters, digits" in trial.harness("import", "right.pcap", "--name", "a b", status=USAGE)
    assert not os.path.exists(os.path.join(trial.folder, "made.yaml"))
    write("wrong.pcap", pcap([query(1), config(1), read(2), done(2, status=0)]))
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([HARNESS, "import", "wrong.pcap"], cwd=trial.folder, stdout=full, stderr=subprocess.PIPE, text=True,
                                timeout=60, check=False)
    assert (result.returncode, result.stderr) == (ENVIRONMENT, "aoe-harness: standard output: No space left on device\n"), result


def no_file_is_lost(trial):
    """What is read is not written over, two outputs are two files, and what fails leaves the old ones."""
    wrong = pcap([query(1), config(1), read(2), done(2, status=0x41)])

    def write(name, content):
        with open(os.path.join(trial.folder, name), "wb") as file:
            file.write(content)

    def content(name):
        with open(os.path.join(trial.folder, name), "rb") as file:
            return file.read()

    write("own.pcap", wrong)
    os.symlink("own.pcap", os.path.join(trial.folder, "link.pcap"))
    for arguments, told in [(["-o", "own.pcap"], "-o: own.pcap is the capture"),
                            (["--pcap", "./own.pcap"], "--pcap: ./own.pcap is the capture"),
                            (["--pcap", "link.pcap", "-o", "own.yaml"], "--pcap: link.pcap is the capture"),
                            (["-o", "same.x", "--pcap", "same.x"], "--pcap: same.x is -o")]:
        assert trial.harness("import", "own.pcap", *arguments, status=USAGE) == f"aoe-harness: {told}, too: give another file\n"
    assert trial.harness("check", "own.pcap", "--html", "own.pcap", status=USAGE) == \
        "aoe-harness: --html: own.pcap is the capture, too: give another file\n"
    write("notes.txt", b"mine")
    assert trial.harness("import", "own.pcap", "--pcap", "notes.txt", status=USAGE) == \
        "aoe-harness: --pcap: notes.txt is not a capture; it is not overwritten\n"
    assert content("own.pcap") == wrong and content("notes.txt") == b"mine"
    assert not {"same.x", "own.yaml"} & set(os.listdir(trial.folder))
    # The scenario can't be made: the capture of an earlier one stays.
    write("right.pcap", pcap([query(1), config(1), read(2), done(2)]))
    write("old.pcap", wrong)
    trial.harness("import", "right.pcap", "--pcap", "old.pcap", status=FAILED)
    assert content("old.pcap") == wrong


def frames_that_show_it_show_it_alone(trial):
    """Those of a capture without destinations, and those of a request that got no answer, of which more must come after."""
    def imported(name, content, *arguments):
        with open(os.path.join(trial.folder, name), "wb") as file:
            file.write(content)
        trial.harness("import", name, *arguments, "-o", "made.yaml", "--pcap", "shown.pcap", status=PASSED)
        made = trial.read("made.yaml")
        trial.harness("run", "made.yaml", status=PASSED)
        number = re.match(r"# Made by aoe-harness import of shown.pcap, whose frame (\d+) breaks a rule", made).group(1)
        trial.harness("import", "shown.pcap", "--frame", number, "-o", "again.yaml", "--name", "made", status=PASSED)
        assert trial.read("again.yaml") == made, made
        return made

    capture = trial.captured(ASKED, "takes-a-count-of-0-for-1")
    with open(os.path.join(trial.folder, capture), "rb") as file:
        content = file.read()
    frames, at = [], 24
    while at < len(content):
        size = int.from_bytes(content[at + 8:at + 12], "little")
        frames.append(content[at + 16:at + 16 + size])
        at += 16 + size
    for version, link in [(1, 113), (2, 276)]:
        made = imported("any.pcap", pcap(cooked(frames, version), link=link), "--end", "target")
        assert "count: 0" in made and "destination" not in made, made
    made = imported("unanswered.pcap", pcap([query(1), config(1), read(2, 5), read(3, 6), done(3), read(4, 6), done(4)]),
                    "--frame", "3")
    assert "expect: {reply: answer}" in made, made


def a_wrong_address_is_imported(trial):
    """An answer that says another slot than the one that was asked."""
    wrong = bytearray(done(2))
    wrong[18] = 3
    with open(os.path.join(trial.folder, "address.pcap"), "wb") as file:
        file.write(pcap([query(1), config(1), read(2), bytes(wrong)]))
    trial.harness("import", "address.pcap", "--end", "target", "-o", "made.yaml", status=PASSED)
    made = trial.read("made.yaml")
    assert "reply: {shelf: 1, slot: 1}" in made, made
    trial.harness("run", "made.yaml", status=PASSED)


def a_program_passes_it(trial):
    capture = trial.captured(ASKED, "takes-a-count-of-0-for-1")
    for name, more in [("short", []), ("timed", ["--whole", "--timing"])]:
        trial.harness("import", capture, "--end", "target", *more, "-o", f"{name}.yaml", status=PASSED)
        trial.harness("run", f"{name}.yaml", "--world", "veth", "--sut", "aoe-target", status=PASSED)
    capture = trial.captured(LOADED, "overruns-buffers")
    trial.harness("import", capture, "--end", "initiator", "-o", "window.yaml", status=PASSED)
    trial.harness("run", "window.yaml", "--world", "veth", status=PASSED)
    capture = trial.captured(ASKED, "announces-itself-as-version-0")
    trial.harness("import", capture, "--end", "target", "-o", "announced.yaml", status=PASSED)
    trial.harness("run", "announced.yaml", "--world", "veth", status=PASSED)


if PART == "sim":
    lab.play_all([a_targets_mistake_is_a_scenario, an_initiators_mistake_is_a_scenario, what_is_not_needed_is_left_out_or_kept,
                  what_cannot_be_imported_is_told, no_file_is_lost, frames_that_show_it_show_it_alone,
                  a_wrong_address_is_imported], trial)
else:
    lab.require("ip")
    lab.require_namespaces()
    lab.play_all([a_program_passes_it], trial)
