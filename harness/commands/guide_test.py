#!/usr/bin/python3
"""The scenarios in docs/write-a-scenario.md do what the page says of them.

Usage: guide_test.py AOE_HARNESS PAGE

Each is played in the sim world with seed 7: it passes, and in the time that the page shows; one with a mutant fails.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAM, PAGE = sys.argv[1], pathlib.Path(sys.argv[2]).read_text()


def play(text):
    """Its exit status, and what is printed."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "scenario.yaml")
        file.write_text(text)
        command = [PROGRAM, "run", file, "--seed", "7", "--world", "sim", "--out", pathlib.Path(folder, "runs")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr


def main():
    scenarios = re.findall(r"^```yaml\n(scenario: (\S+)\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(scenarios) > 10, len(scenarios)
    for text, name in scenarios:
        status, output = play(text)
        if "mutant:" in text:
            assert status == 1, f"{name}: its mutant is not found:\n{output}"
            continue
        assert status == 0, f"{name}:\n{output}"
        shown = re.search(rf"^  PASS  {name} +(\S+).* sim$", PAGE, re.MULTILINE)
        assert shown, f"{name}: the page does not show how it ends in sim"
        took = re.search(rf"^  PASS  {name} +(\S+)", output, re.MULTILINE)
        assert took and took[1] == shown[1], f"{name}: the page shows {shown[1]}:\n{output}"


main()
