"""What aoe-harness says of each capture here is what stands beside it: of `check` in NAME.check, of `replay` in NAME.replay;
and `import` makes of it the scenario scenarios/regression/NAME.yaml, where there is one.

usage: check_captures.py AOE_HARNESS [--write]

With --write the files are made again, for a person to read the difference. Lines end with the exit status.
"""

import difflib
import glob
import os
import re
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
SCENARIOS = os.path.join(os.path.dirname(FOLDER), "scenarios", "regression")
HARNESS, WRITE = os.path.abspath(sys.argv[1]), sys.argv[2:] == ["--write"]
COMMANDS = {"check": ["--limit", "0"], "replay": []}


def said(command, capture):
    result = subprocess.run([HARNESS, command, *COMMANDS[command], capture], capture_output=True, text=True, cwd=FOLDER,
                            timeout=60, check=False, stdin=subprocess.DEVNULL)
    return f"{result.stdout}{result.stderr}status {result.returncode}\n"


def compare(command, capture):
    """The differences between what is said and what stands there, as text; none where there are none."""
    path = os.path.join(FOLDER, capture.removesuffix(".pcap") + "." + command)
    output = said(command, capture)
    if WRITE:
        with open(path, "w", encoding="utf-8") as file:
            file.write(output)
        return ""
    if not os.path.exists(path):
        return f"{path}: missing; made with --write\n"
    with open(path, encoding="utf-8") as file:
        expected = file.read()
    return "".join(difflib.unified_diff(expected.splitlines(True), output.splitlines(True), path, command))


def imported(capture):
    """The differences between the scenario that was made of the capture and what is made of it now."""
    name = capture.removesuffix(".pcap")
    path = os.path.join(SCENARIOS, f"{name}.yaml")
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        expected = file.read()
    made = re.match(r"# Made by aoe-harness import of (\S+), whose frame (\d+) ", expected)
    if not made or made.group(1) != capture:
        return f"{path}: its first line does not say that it was made of {capture}\n"
    result = subprocess.run([HARNESS, "import", capture, "--frame", made.group(2), "--name", name],
                            capture_output=True, text=True, cwd=FOLDER, timeout=60, check=False, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        return f"{path}: {result.stderr}"
    return "".join(difflib.unified_diff(expected.splitlines(True), result.stdout.splitlines(True), path, "import"))


captures = sorted(os.path.basename(path) for path in glob.glob(f"{FOLDER}/*.pcap"))
assert captures, f"{FOLDER}: no captures"
differences = "".join(compare(command, capture) for capture in captures for command in COMMANDS)
differences += "".join(imported(capture) for capture in captures)
print(differences or f"{len(captures)} captures are as they were")
sys.exit(1 if differences else 0)
