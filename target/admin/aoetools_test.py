"""A second opinion on aoe-target: Debian's aoetools talk to it over a cable.

usage: aoetools_test.py AOE_TARGET
"""

import os
import sys
import tempfile

import lab

TARGET = sys.argv[1]
SERVER_MAC = "02:00:00:00:00:01"


class Bench:
    """aoe-target at e0.2 on one node, and a client node to run tools on."""

    def __init__(self, world, folder, mtu=1500, arguments=()):
        self.client, self.server = world.node("client"), world.node("server")
        world.join(self.client, "eth0", self.server, "eth0", mtu=mtu, mac_b=SERVER_MAC)
        self.image = os.path.join(folder, "disk.img")
        with open(self.image, "wb") as file:
            file.truncate(1 << 20)
        self.target = self.server.start([TARGET, "--shelf", "0", "--slot", "2", "--state", folder, *arguments, self.image])
        self.target.wait_for("ready")

    def aoeping(self, *options):
        return self.client.run(["aoeping", "-s", "10", *options, "0", "2", "eth0"], check=False, timeout=20)

    def aoecfg(self, command, text=None):
        """What aoecfg prints. It always waits for its timeout, one second at least, where a slot is named."""
        options = ["-c", command] + (["-s", text] if text is not None else [])
        return self.client.run(["aoecfg", *options, "-t", "1", "0", "2", "eth0"], timeout=20).stdout.strip()


def aoeping_finds_and_identifies_it(world, folder):
    bench = Bench(world, folder)
    assert bench.aoeping().returncode == 0
    told = bench.aoeping("-v").stdout
    assert f"found e0.2 with mac {SERVER_MAC.replace(':', '')}" in told, told
    told = bench.aoeping("-I").stdout
    fields = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
    assert fields["serial_number"].startswith("aoe"), told
    assert fields["model"].strip() == "aoe-target", told
    assert len(bench.aoeping("-i").stdout.split()) == len("device identify response:".split()) + 512


def aoeping_reads_smart(world, folder):
    bench = Bench(world, folder)
    assert "LBA Mid: 0x4f" in bench.aoeping("-S", "return_status").stdout, "no threshold is exceeded"
    told = bench.aoeping("-S", "read_data").stdout
    assert len(told.split("SMART data:")[1].split()) == 512 and "Status: 0x40" in told, told
    assert bench.aoeping("-S", "read_log:0").returncode == 0
    assert bench.aoeping("-S", "disable").returncode == 0
    result = bench.aoeping("-S", "return_status")
    assert result.returncode == 1 and "e0.2 does not support SMART" in result.stderr, result
    assert bench.aoeping("-S", "write_log:1").returncode == 1


def aoecfg_reads_and_sets_the_config_string(world, folder):
    bench = Bench(world, folder)
    assert bench.aoecfg("set", "first string") == "first string"
    assert bench.aoecfg("set", "another") == "*badcfg*"
    assert bench.aoecfg("set", "first string") == "first string", "a repeated set is harmless"
    assert bench.aoecfg("read") == "first string"
    assert bench.aoecfg("test", "first string") == "first string"
    assert bench.aoecfg("test", "first") == ""
    assert bench.aoecfg("prefix", "first") == "first string"
    assert bench.aoecfg("prefix", "second") == ""
    assert bench.aoecfg("fset", "second") == "second"
    broadcast = bench.client.run(["aoecfg", "-t", "1"], timeout=20).stdout
    assert broadcast.split() == ["0.2", "second"], broadcast


def config_string_of_the_command_line_is_there(world, folder):
    assert Bench(world, folder, arguments=["--config-string", "from the start"]).aoecfg("read") == "from the start"


def sancheck_finds_its_payload(world, folder, mtu, payload):
    bench = Bench(world, folder, mtu=mtu)
    told = bench.client.run(["aoe-sancheck"], timeout=60).stdout
    device = [line.split() for line in told.splitlines() if line.startswith("e0.2")]
    assert device == [["e0.2", "1", str(payload), "eth0"]], told


def main():
    lab.require("ip", "aoeping", "aoecfg", "aoe-sancheck")
    lab.require_namespaces()
    for play in [aoeping_finds_and_identifies_it, aoeping_reads_smart,
                 aoecfg_reads_and_sets_the_config_string, config_string_of_the_command_line_is_there,
                 lambda *places: sancheck_finds_its_payload(*places, mtu=1500, payload=2 * 512),
                 lambda *places: sancheck_finds_its_payload(*places, mtu=9000, payload=17 * 512)]:
        with lab.Lab() as world, tempfile.TemporaryDirectory() as folder:
            play(world, folder)


main()
