"""What systemd thinks of aoe-target.service: that it is right, and how much it leaves open.

usage: systemd_unit_test.py UNIT AOE_TARGET
"""

import os
import re
import subprocess
import sys
import tempfile

import lab

UNIT, TARGET = sys.argv[1:]
# Out of 100, less is better. What remains is what it is for: root's files, raw sockets, block devices, IP for NBD.
EXPOSURE_MAX = 30


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)


def verify(path):
    result = analyze("verify", "--man=no", path)
    return [line for line in result.stdout.splitlines() if os.path.basename(path) in line]


def main():
    lab.require("systemd-analyze")
    if "--offline" not in analyze("security", "--help").stdout:
        lab.skip("systemd-analyze security has no --offline (systemd 250 has)")
    with open(UNIT) as file:
        text = file.read()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "aoe-target.service")
        # It names the program where it will be installed; systemd looks whether that is there.
        installed, count = re.subn(r"^(Exec\w+=)\S+", rf"\g<1>{TARGET}", text, flags=re.MULTILINE)
        assert count == 2, f"{UNIT}: {count} commands"
        with open(path, "w") as file:
            file.write(installed)
        complaints = verify(path)
        assert not complaints, "\n".join(complaints)
        result = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", path)
        assert result.returncode == 0, result.stdout
        print(result.stdout.splitlines()[-1])

        # Both would complain if there were something to complain of.
        with open(path, "w") as file:
            file.write(installed.replace("ProtectSystem=strict", "ProtectSystem=strictly"))
        assert verify(path), "a wrong value was not found"
        with open(path, "w") as file:
            file.write(re.sub(r"^(CapabilityBoundingSet|Protect|Restrict|SystemCall|Device).*\n", "", installed,
                              flags=re.MULTILINE))
        result = analyze("security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", path)
        assert result.returncode != 0, result.stdout


main()
