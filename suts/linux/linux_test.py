"""The Linux kernel's driver as an initiator under test. usage: linux_test.py AOE_HARNESS AOE_LINUX AOE_TARGET"""

import json
import os
import re
import subprocess
import sys
import tempfile

import lab

HARNESS, LINUX, TARGET = sys.argv[1:4]
PASSED, ENVIRONMENT = 0, 3

USE = """\
scenario: use
title: The kernel finds a disk, reads, writes and flushes it
roles: {target: {size: 256KiB}}
given: {deadsecs: 30s, mtu: 9000}
steps:
- discover: {expect: e1.1}
- io: {id: r, op: read, lba: 0, count: 128}
- expect: {io: {id: r}}
- io: {id: w, op: mixed, count: 16, requests: 30, depth: 16}
- expect: {io: {id: w}}
- io: {id: f, op: flush}
- expect: {io: {id: f}}
- arm: {fault: mac-change, id: moved, mac: "02:00:00:00:00:99", end: initiator}
- io: {id: m, op: read, lba: 8, count: 8}
- expect: {io: {id: m}}
"""


def run(*command, **environment):
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, **environment})


def run_harness(folder, **environment):
    scenario = os.path.join(folder, "use.yaml")
    with open(scenario, "w", encoding="utf-8") as file:
        file.write(USE)
    return run(HARNESS, "run", scenario, "--world", "veth", "--sut", "linux", "--out", os.path.join(folder, "runs"), **environment)


def what_is_missing_is_named_with_how_to_get_it(folder):
    nowhere = os.path.join(folder, "nowhere")
    complaint = f"{nowhere}: there is no kernel: suts/linux/fetch gets it"
    result = run(LINUX, "--version", AOE_LINUX=nowhere)
    assert (result.returncode, result.stderr) == (1, f"aoe-linux: {complaint}\n"), result
    result = run_harness(folder, AOE_LINUX=nowhere)
    assert result.returncode == ENVIRONMENT and complaint in result.stdout, result
    result = run(HARNESS, "doctor", AOE_LINUX=nowhere)
    assert re.search(rf"^  missing +linux +--sut linux: {re.escape(complaint)}$", result.stdout, re.M), result

    os.mkdir(nowhere)
    with open(os.path.join(nowhere, "release"), "w", encoding="utf-8") as file:
        file.write("6.1.0-1\n")
    if not os.path.exists("/usr/bin/qemu-system-x86_64"):
        result = run(LINUX, "--version", AOE_LINUX=nowhere)
        assert "apt-get install --no-install-recommends qemu-system-x86 gets it" in result.stderr, result


def it_has_a_folder_and_an_interface(folder):
    for arguments, complaint in [([], "folder is required"), ([folder], "--interface is required"),
                                 ([folder, "--interface", "eth0", "--colour"], "--colour")]:
        result = run(LINUX, *arguments)
        assert result.returncode == 2 and complaint in result.stderr, result


def require_linux():
    version = run(LINUX, "--version")
    if version.returncode != PASSED:
        raise lab.Skipped(version.stderr.strip())
    assert re.fullmatch(r"Linux \d+\.\d+\S*\n", version.stdout), version


def two_interfaces_are_two_paths(folder):
    require_linux()
    image, mounted = os.path.join(folder, "disk.img"), os.path.join(folder, "mounted")
    with open(image, "wb") as file:
        file.write(os.urandom(1 << 20))
    os.mkdir(mounted)
    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        for interface in "eth0", "eth1":
            world.join(client, interface, server, interface)
        server.start([TARGET, "--shelf", "1", "--slot", "1", "--interface", "eth0", "--interface", "eth1", "--no-state",
                      image]).wait_for("ready")
        kernel = client.start([LINUX, mounted, "--interface", "eth0", "--interface", "eth1"])
        kernel.wait_for("ready", timeout=180)
        files = f"/proc/{kernel.pid}/root{mounted}"  # mounted where that process is, and nowhere else
        with open(f"{files}/dev/etherd/discover", "w", encoding="ascii") as file:
            file.write("\n")

        def interfaces():
            try:
                with open(f"{files}/sys/block/etherd!e1.1/netif", encoding="ascii") as file:
                    return file.read()
            except FileNotFoundError:
                return ""
        lab.eventually(lambda: interfaces() == "eth0,eth1\n", "both paths", timeout=60)
        with open(image, "rb") as written, open(f"{files}/dev/etherd/e1.1", "rb") as read:
            assert read.read() == written.read()
        for interface in "eth0", "eth1":
            (link,) = json.loads(server.ip("-json", "-statistics", "link", "show", "dev", interface))
            assert link["stats64"]["rx"]["packets"] > 100, link
        assert kernel.stop() == PASSED


def the_kernel_is_driven_by_its_files(folder):
    require_linux()
    result = run(LINUX, folder, "--interface", "nonesuch")
    assert (result.returncode, result.stderr) == (1, "aoe-linux: nonesuch: no such interface\n"), result
    result = run_harness(folder)
    if "INCONCLUSIVE" in result.stdout:
        raise lab.Skipped(f"this machine is too busy to tell ({result.stdout})")
    assert (result.returncode, result.stderr) == (PASSED, ""), result
    case = os.path.join(folder, "runs", "last", "cases", "use")
    assert not {"target.img", "mnt"} & set(os.listdir(case)), os.listdir(case)
    with open(os.path.join(case, "sut.log"), encoding="utf-8") as log:
        said = log.read()
    assert re.search(r"aoe: e1\.1: setting 8704 byte data frames", said), said
    assert "lost:" not in said, said


def main():
    lab.require("ip")
    lab.require_namespaces()

    with tempfile.TemporaryDirectory() as folder:
        lab.play_all([it_has_a_folder_and_an_interface, what_is_missing_is_named_with_how_to_get_it,
                      the_kernel_is_driven_by_its_files, two_interfaces_are_two_paths], lab.shared(folder))


main()
