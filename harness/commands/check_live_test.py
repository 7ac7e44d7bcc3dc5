"""aoe-harness check at the end of a pipe from tcpdump, on an interface that real programs talk over.

usage: check_live_test.py AOE_HARNESS AOE_TARGET AOE_INITIATOR
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys

import lab
from frames_by_hand import CLIENT, RESPONSE, SERVER, frame, query, tagged as in_vlan

HARNESS, TARGET, INITIATOR = (os.path.abspath(path) for path in sys.argv[1:4])
FILTER = "ether proto 0x88a2 or (vlan and ether proto 0x88a2)"


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

    def watch(self, options=""):
        """Starts tcpdump with a pipe into check, as a shell does; what passes it is in seen.pcap, too."""
        line = f"trap : INT; tcpdump -Z root -U -w - -i eth0 {options} '{FILTER}' | tee -i {self.seen} | {HARNESS} check --json -; exit $?"
        process = self.client.start(["sh", "-c", line])
        process.wait_for("listening on eth0")
        return process

    @property
    def seen(self):
        return os.path.join(self.folder, "seen.pcap")

    def has_seen_answers(self):
        result = subprocess.run([HARNESS, "check", "--json", self.seen], capture_output=True, text=True, check=False, timeout=60)
        report = json.loads(result.stdout or "{}")
        return report.get("requests", 0) == report.get("replies", 0) >= 9


@contextlib.contextmanager
def network():
    with lab.laboratory() as (world, folder):
        yield (Network(world, folder),)


def report_of(watching):
    return json.loads(next(line for line in watching.output.splitlines() if line.startswith("{")))


def both_directions_are_judged_until_ctrl_c(network):
    watching = network.watch()
    read = network.client.run([INITIATOR, "read", "e0.2", "--length", "8192"], text=False)
    assert len(read.stdout) == 8192
    lab.eventually(network.has_seen_answers, "tcpdump to pass the answers on")
    os.killpg(watching.pid, signal.SIGINT)
    assert watching.wait() == 0, watching.output
    report = report_of(watching)
    assert report["findings"] == [] and report["requests"] == report["replies"] >= 9, report
    assert report["devices"][0]["device"] == "e0.2" and report["devices"][0]["answered"] == report["requests"]


def vlans_are_kept_and_other_frames_are_not(network):
    watching = network.watch("-c 2")
    with network.server.packet_socket("eth0", 0x0806) as other, network.server.packet_socket("eth0", 0x8100) as tagged:
        other.send(b"\xff" * 12 + b"\x08\x06" + bytes(46))
        tagged.send(in_vlan(query(1), (0x8100, 5)))
        tagged.send(query(1))
    assert watching.wait() == 1, watching.output  # both queries are unanswered
    report = report_of(watching)
    assert (report["frames"], report["aoe"], report["tagged"]) == (2, 2, 1), report


def findings_come_while_tcpdump_runs(network):
    line = f"trap : INT; tcpdump -Z root -U -w - -i eth0 '{FILTER}' | {HARNESS} check --follow -; exit $?"
    watching = network.client.start(["sh", "-c", line])
    watching.wait_for("listening on eth0")
    with network.server.packet_socket("eth0") as wire:
        def is_found():
            wire.send(frame(SERVER, CLIENT, 1, bytes(8), flags=RESPONSE, command=1, version=3))
            return "must: e1.1 bad config reply" in watching.output
        lab.eventually(is_found, "a finding")
    os.killpg(watching.pid, signal.SIGINT)
    assert watching.wait() == 1, watching.output
    assert re.search("^found: [0-9]+ unsupported-version", watching.output, re.M), watching.output


lab.require("ip", "tcpdump")
lab.require_namespaces()
lab.play_all([both_directions_are_judged_until_ctrl_c, findings_come_while_tcpdump_runs,
              vlans_are_kept_and_other_frames_are_not], network)
