"""iPXE as an initiator under test. usage: ipxe_test.py AOE_HARNESS AOE_IPXE AOE_TARGET"""

import os
import re
import subprocess
import sys
import tempfile

import lab

HARNESS, IPXE, TARGET = sys.argv[1:4]
PASSED, ENVIRONMENT = 0, 3

# Reads of 300 sectors take three calls of INT 13h, and 150 requests.
USE = """\
scenario: use
title: iPXE finds a disk, reads and writes it, and repeats a request that was lost
roles: {target: {size: 256KiB}}
steps:
- discover: {expect: e1.1}
- io: {id: r, op: read, lba: 0, count: 300}
- expect: {io: {id: r}}
- io: {id: w, op: mixed, count: 16, requests: 30}
- expect: {io: {id: w}}
- arm: {fault: drop, id: lost, match: {command: read, direction: to-initiator}, nth: 1}
- io: {id: l, op: read, lba: 8, count: 2}
- expect: {io: {id: l}}
"""


def run(*command, **environment):
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment})


def run_harness(folder, **environment):
    scenario = os.path.join(folder, "use.yaml")
    with open(scenario, "w", encoding="utf-8") as file:
        file.write(USE)
    return run(HARNESS, "run", scenario, "--world", "veth", "--sut", "ipxe", "--out", os.path.join(folder, "runs"), **environment)


def require_ipxe():
    version = run(IPXE, "--version")
    if version.returncode != PASSED:
        raise lab.Skipped(version.stderr.strip())
    assert re.fullmatch(r"iPXE \d\S*\n", version.stdout), version


def what_is_missing_is_named_with_how_to_get_it(folder):
    nowhere = os.path.join(folder, "nowhere")
    complaint = f"{nowhere}: there is no iPXE: suts/ipxe/fetch gets it"
    result = run(IPXE, "--version", AOE_IPXE=nowhere)
    assert (result.returncode, result.stderr) == (1, f"aoe-ipxe: {complaint}\n"), result
    result = run_harness(folder, AOE_IPXE=nowhere)
    assert result.returncode == ENVIRONMENT and complaint in result.stdout, result
    result = run(HARNESS, "doctor", AOE_IPXE=nowhere)
    assert re.search(rf"^  missing +ipxe +--sut ipxe: {re.escape(complaint)}$", result.stdout, re.M), result


def it_has_a_disk_and_an_interface(_):
    for arguments, complaint in [([], "device is required"), (["e1.1"], "--interface is required"),
                                 (["e1.1", "--interface", "eth0", "--colour"], "--colour")]:
        result = run(IPXE, *arguments)
        assert result.returncode == 2 and complaint in result.stderr, result


def it_reads_and_writes_as_it_is_told(folder):
    require_ipxe()
    result = run(IPXE, "e1.1", "--interface", "nonesuch")
    assert (result.returncode, result.stderr) == (1, "aoe-ipxe: nonesuch: no such interface\n"), result
    disk = os.urandom(64 << 10)
    image = os.path.join(folder, "disk.img")
    with open(image, "wb") as file:
        file.write(disk)
    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth0", server, "eth0")
        server.start([TARGET, "--shelf", "1", "--slot", "1", "--interface", "eth0", image]).wait_for("ready")
        written = os.urandom(1024)
        asked = (b"colour\n" b"read 1\n" b"discover\n" b"read 3 5\n" b"write 6 2\n" + written + b"read 6 2\n" b"read 128 1\n"
                 b"write 9 2\n" b"too little")
        result = client.run([IPXE, "e1.1", "--interface", "eth0"], input=asked, text=False, check=False)
    assert result.returncode == PASSED, result
    assert result.stdout == (b"ready\n" b"error unknown request: colour\n" b"error unknown request: read 1\n" b"ok\n"
                             b"ok\n" + disk[3 * 512:8 * 512] + b"ok\n" b"ok\n" + written +
                             b"error INT 13h, read: status 04\n" b"error the data ended early\n"), result.stdout
    # The firmware may still hold the last character.
    assert b"Registered SAN device 0x8" in result.stderr, result.stderr
    with open(image, "rb") as file:
        assert file.read() == disk[:6 * 512] + written + disk[8 * 512:]


def it_plays_scenarios(folder):
    require_ipxe()
    result = run_harness(folder)
    if "INCONCLUSIVE" in result.stdout:
        raise lab.Skipped(f"this machine is too busy to tell ({result.stdout})")
    assert (result.returncode, result.stderr) == (PASSED, ""), result
    with open(os.path.join(folder, "runs", "last", "cases", "use", "sut.log"), encoding="utf-8") as log:
        assert "Registered SAN device 0x8" in log.read()


def main():
    lab.require("ip")
    lab.require_namespaces()

    with tempfile.TemporaryDirectory() as folder:
        lab.play_all([it_has_a_disk_and_an_interface, what_is_missing_is_named_with_how_to_get_it,
                      it_reads_and_writes_as_it_is_told, it_plays_scenarios], lab.shared(folder))


main()
