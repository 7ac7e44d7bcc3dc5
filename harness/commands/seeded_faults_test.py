"""The referee and a target that was written without sight of its suite (suts/plain): the right one fails nothing, and each of its
seeded faults is found.

usage: seeded_faults_test.py AOE_HARNESS FOLDER_OF_THE_TARGET
"""

import os
import re
import subprocess
import sys
import tempfile

import lab

HARNESS, PLAIN = sys.argv[1:3]
PASSED, FAILED = 0, 1


def conform(folder, program):
    """The exit status, and what was told."""
    sut = f"python3 {os.path.join(PLAIN, program)} {{shelf}} {{slot}} {{interface}} {{image}} --buffers {{buffers}} --state {{state}}/plain.json"
    result = subprocess.run([HARNESS, "conform", "target", "--world", "veth", "--sut", sut, "--retry", "2", "--quiet",
                             "--out", os.path.join(folder, "runs")], capture_output=True, text=True, timeout=900, check=False,
                            stdin=subprocess.DEVNULL)
    return result.returncode, result.stdout + result.stderr


def failed(told):
    return set(re.findall(r"^ +FAIL +(target-\S+)", told, re.M))


def main():
    lab.require_namespaces()
    listed = subprocess.run(["python3", os.path.join(PLAIN, "faulty.py"), "--list"], capture_output=True, text=True, check=True)
    faults = [line.split()[0] for line in listed.stdout.splitlines()]
    assert len(faults) >= 10, faults
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        status, told = conform(folder, "target.py")
        assert status == PASSED, told
        print("right:", *told.splitlines()[-2:], sep="\n", flush=True)
        anyhow = failed(told)  # what no clause forbids
        for fault in faults:
            status, told = conform(folder, f"faulty.py --fault {fault}")
            cases = sorted(failed(told) - anyhow)
            print(f"{fault}: {', '.join(cases[:3])}{' and more' if len(cases) > 3 else ''}", flush=True)
            if status != FAILED or not cases:
                missed.append(f"{fault} ends with {status}: {told[-400:]}")
    assert not missed, "\n".join(missed)


main()
print("ok")
