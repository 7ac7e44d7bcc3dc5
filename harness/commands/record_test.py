"""aoe-harness record, on an interface that real programs talk over.

usage: record_test.py AOE_HARNESS AOE_TARGET AOE_INITIATOR
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

import lab
from frames_by_hand import query

HARNESS, TARGET, INITIATOR = (os.path.abspath(path) for path in sys.argv[1:4])
CAP_NET_RAW = 1 << 13


class Network:
    """A client and a server with aoe-target on it."""

    def __init__(self, world, folder):
        self.folder = folder
        self.client, self.server = world.node("client"), world.node("server")
        world.join(self.client, "eth0", self.server, "eth0")
        image = os.path.join(folder, "disk.img")
        with open(image, "wb") as file:
            file.truncate(1 << 20)
        self.target = self.server.start([TARGET, "--shelf", "0", "--slot", "2", "--interface", "eth0", "--no-state", image])
        self.target.wait_for("ready")

    def record(self, *arguments, node=None):
        process = (node or self.client).start([HARNESS, "record", self.path("a.pcap"), "--interface", "eth0", *arguments])
        process.wait_for("recording on eth0")
        return process

    def path(self, name):
        return os.path.join(self.folder, name)

    def check(self):
        result = subprocess.run([HARNESS, "check", "--json", self.path("a.pcap")], capture_output=True, text=True, check=False,
                                timeout=60)
        return json.loads(result.stdout)


@contextlib.contextmanager
def network():
    with lab.laboratory() as (world, folder):
        yield (Network(world, folder),)


def both_directions_are_kept_until_it_is_told_to_end(network):
    for number in [signal.SIGINT, signal.SIGTERM]:
        recording = network.record()
        read = network.client.run([INITIATOR, "read", "e0.2", "--length", "8192"], text=False)
        assert len(read.stdout) == 8192
        recording.signal(number)
        assert recording.wait() == 0, recording.output
        report = network.check()
        assert report["findings"] == [] and report["requests"] == report["replies"] >= 9, report
        assert report["devices"][0]["device"] == "e0.2" and report["devices"][0]["answered"] == report["requests"]
        lines = recording.output.splitlines()
        assert lines[-1] == "nothing found" and f"{report['frames']} frames in" in recording.output, lines


def aoeping_is_seen_from_the_servers_side(network):
    recording = network.record("-v", "--count", "4", node=network.server)
    network.client.run(["aoeping", "-s", "5", "-v", "0", "2", "eth0"])
    network.client.run(["aoeping", "-s", "5", "-i", "0", "2", "eth0"])
    assert recording.wait() == 0, recording.output
    lines = [line for line in recording.output.splitlines() if " > " in line]
    assert len(lines) == 4 == network.check()["frames"], lines
    assert re.fullmatch(r"0\.000000  [0-9a-f:]{17} > ff:ff:ff:ff:ff:ff  e0\.2 config read .*", lines[0]), lines
    assert re.fullmatch(r"0\.\d{6}  [0-9a-f:]{17} > [0-9a-f:]{17}  e0\.2 config reply buffers .*", lines[1]), lines


def vlans_are_kept_and_other_frames_are_not(network):
    recording = network.record("--count", "2")
    with network.server.packet_socket("eth0", 0x0806) as other, network.server.packet_socket("eth0", 0x8100) as tagged:
        other.send(b"\xff" * 12 + b"\x08\x06" + bytes(46))
        frame = query(1)
        tagged.send(frame[:12] + b"\x81\x00\x00\x05" + frame[12:])
        tagged.send(frame)
    assert recording.wait() == 0, recording.output
    report = network.check()
    assert (report["frames"], report["aoe"], report["tagged"]) == (2, 2, 1), report


def it_ends_by_itself(network):
    recording = network.record("--for", "100ms")
    assert recording.wait() == 0 and "a.pcap: 0 frames" in recording.output, recording.output


def it_keeps_no_more_privileges_than_it_needs(network):
    recording = network.record()
    with open(f"/proc/{recording.pid}/status", encoding="ascii") as file:
        held = {line.split()[0]: int(line.split()[1], 16) for line in file if line.startswith("Cap")}
    assert held["CapEff:"] | held["CapPrm:"] == CAP_NET_RAW and held["CapInh:"] == 0, held
    assert recording.stop() == 0


def what_cannot_be_is_one_line(network):
    def refused(complaint, status, *arguments, prefix=()):
        result = network.client.run([*prefix, HARNESS, "record", *arguments], check=False)
        assert result.returncode == status and re.fullmatch(f"aoe-harness: {complaint}\n", result.stderr), result

    out = network.path("a.pcap")
    refused("eth9: no such interface", 3, out, "--interface", "eth9")
    refused("gone/a.pcap: No such file or directory", 3, "gone/a.pcap", "--interface", "eth0")
    refused("--interface is required.*", 2, out)
    refused("--for: 1x: no time; one is 10s.*", 2, out, "--interface", "eth0", "--for", "1x")
    refused("eth0: opening a packet socket: Operation not permitted \\(CAP_NET_RAW is needed\\)", 3, out, "--interface", "eth0",
            prefix=["setpriv", "--bounding-set=-net_raw", "--inh-caps=-all"])


lab.require("ip", "aoeping", "setpriv")
lab.require_namespaces()
lab.play_all([both_directions_are_kept_until_it_is_told_to_end, aoeping_is_seen_from_the_servers_side,
              vlans_are_kept_and_other_frames_are_not, it_ends_by_itself, it_keeps_no_more_privileges_than_it_needs,
              what_cannot_be_is_one_line], network)
