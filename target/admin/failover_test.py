"""Hosts fail under load, and the other takes over as Pacemaker has the resource agent do it: nothing that was acknowledged is lost.

usage: failover_test.py AOE_TARGET AGENT CLIENT [--kills N] [--moves N] [--seed N] [--only PLAY]

CLIENT shows the disk as a file: aoe-initiator, or aoe-linux for the Linux driver in a virtual machine. Eight threads read, write and
flush through that file. A kill ends the active target at a random instant. Then comes what the cluster does: `monitor` fails, the old
host is stopped, `promote` on the other, and the killed target starts again and stands by. By hand, for longer:

    PYTHONPATH=ci/python target/admin/failover_test.py build/release/aoe-target target/ocf/aoe-lun build/release/aoe-initiator --kills 50
"""

import argparse
import functools
import os
import random
import statistics
import subprocess
import time

import disk_load
import lab
from cluster_words import *

DEADSECS = 30
FLUSHES = 0.01
NAME = b"disk"


class Cluster:
    """A client behind a switch, and two hosts of which `active` serves e0.2."""

    def __init__(self, arguments, world, folder):
        self.arguments, self.folder = arguments, folder
        self.switch = Switch(world)
        self.client = world.node("client")
        self.switch.plug(self.client, "port0")
        self.image = image(folder, size=disk_load.BLOCKS * disk_load.BLOCK, content=disk_load.disk_content(NAME))
        self.active, self.other = [self._host(world.node(name), mac) for name, mac in [("a", MAC_A), ("b", MAC_B)]]
        for host in self.active, self.other:
            host.start()
            host.does("start")
        self.active.does("promote")
        self.disk = self._mount()
        self.load = disk_load.Load(self.disk, flushes=FLUSHES)

    def _host(self, node, mac):
        self.switch.plug(node, "eth0", mac)
        return Host((self.arguments.target, self.arguments.agent), node, self.folder, self.image, interface="eth0")

    def _mount(self):
        """Starts the client, and returns the path of its file for the disk."""
        tree = os.path.join(self.folder, "tree")
        os.mkdir(tree)
        program = self.arguments.client
        is_linux = os.path.basename(program) == "aoe-linux"
        self.mounted = self.client.start([program, *([] if is_linux else ["mount"]), tree, "--interface", "port0",
                                          "--deadsecs", DEADSECS])
        self.mounted.wait_for("ready" if is_linux else "mounted on", 200)
        root = f"/proc/{self.mounted.pid}/root{tree}"  # a node's mounts are its own
        with open(f"{root}/dev/etherd/discover", "w", encoding="ascii") as file:
            file.write("\n")
        disk = f"{root}/dev/etherd/e0.2"
        lab.eventually(lambda: os.path.exists(disk), disk, 60)
        return disk

    def take_over(self):
        """The other host serves; the roles are swapped. The one that did must be stopped."""
        self.other.does("promote")
        self.active, self.other = self.other, self.active
        assert self.load.goes_on(DEADSECS), f"nothing was answered after a takeover: {self.load.errors}\n{self.mounted.output}"

    def come_back(self):
        """The host that has failed starts again."""
        self.other.start()
        self.other.does("start")
        self.other.is_now(SUCCESS)

    def ends(self):
        """Judges what the client saw, and what is in the image."""
        load = self.load
        assert load.stop(DEADSECS), f"requests without an end\n{self.mounted.output}"
        assert not load.errors and not load.wrong, (load.errors, load.wrong[:10])
        assert load.longest() < DEADSECS, load.longest()
        assert load.flushed > 0
        self.active.does("demote")
        with open(self.image, "rb") as file:
            assert load.difference(file.read()) == 0, "what was acknowledged is not in the image"
        for host in self.active, self.other:
            assert host.target.stop() == 0
        self.mounted.kill()
        written = sum(max(allowed) for allowed in load.generations)
        print(f"{sum(map(len, load.done))} requests, {written} of them writes and {load.flushed} flushes; "
              f"the longest took {load.longest():.2f} s of {DEADSECS}")


def a_killed_host_is_replaced(arguments, world, folder):
    chance = random.Random(arguments.seed)
    cluster = Cluster(arguments, world, folder)
    load = cluster.load
    load.start()
    assert load.goes_on(DEADSECS)
    stalls, open_requests = [], 0
    for number in range(arguments.kills):
        time.sleep(chance.uniform(0, 0.2))  # a random instant of the load
        killed = time.monotonic()
        cluster.active.target.kill()
        open_requests += sum(begun is not None for begun in load.begun)
        cluster.active.is_now(NOT_RUNNING)
        cluster.active.does("stop")
        cluster.take_over()
        stalls.append(load.longest(since=killed))
        cluster.come_back()
        print(f"kill {number + 1}: the longest request took {stalls[-1]:.2f} s", flush=True)
    assert open_requests > 0, "no kill has met an unanswered request"
    cluster.ends()
    print(f"{arguments.kills} kills: the longest request of each took {statistics.median(stalls):.2f} s (median), {max(stalls):.2f} s "
          f"(most); {open_requests} requests were unanswered")


def a_host_that_is_cut_off_keeps_the_other_out_until_it_is_fenced(arguments, world, folder):
    cluster = Cluster(arguments, world, folder)
    load = cluster.load
    load.start()
    assert load.goes_on(DEADSECS)
    cut_off = cluster.active
    cable = "to-" + cut_off.node.name
    for is_fenced in False, True:
        cluster.switch.node.ip("link", "set", cable, "down")
        # It is alive, and has the image: the agent cannot promote the other, and nobody serves.
        assert cluster.other.act("promote") == (ERROR, f"aoe-target: e0.2: {cluster.image}: in use by another process; it stands by")
        cluster.other.is_now(SUCCESS)
        cut_off.is_now(PROMOTED)
        if not is_fenced:
            cluster.switch.node.ip("link", "set", cable, "up")
            assert load.goes_on(DEADSECS), "nothing was answered by the host that is back"
    cut_off.target.kill()  # fencing
    cluster.take_over()
    # It is back, with what it had in its configuration, and serves nothing.
    cluster.switch.node.ip("link", "set", cable, "up")
    cluster.come_back()
    assert cluster.other.act("promote") == (ERROR, f"aoe-target: e0.2: {cluster.image}: in use by another process; it stands by")
    assert load.goes_on(DEADSECS)
    cluster.ends()


def a_disk_moves_under_load(arguments, world, folder):
    cluster = Cluster(arguments, world, folder)
    load = cluster.load
    load.start()
    assert load.goes_on(DEADSECS)
    for _ in range(arguments.moves):
        moved = time.monotonic()
        cluster.active.does("demote")
        cluster.take_over()
        print(f"moved: the longest request took {load.longest(since=moved):.2f} s", flush=True)
    cluster.ends()


def main():
    parser = argparse.ArgumentParser()
    for name in "target", "agent", "client":
        parser.add_argument(name)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--moves", type=int, default=5)
    parser.add_argument("--only", metavar="PLAY", help="the name of one play")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("AOE_SEED", "1"), 0))
    arguments = parser.parse_args()
    lab.require("ip")
    lab.require_namespaces()
    version = subprocess.run([arguments.client, "--version"], capture_output=True, text=True, check=False)
    if version.returncode != 0:
        lab.skip(version.stderr.strip())
    print(f"again with --seed {arguments.seed}")
    plays = [a_killed_host_is_replaced, a_host_that_is_cut_off_keeps_the_other_out_until_it_is_fenced, a_disk_moves_under_load]
    plays = [play for play in plays if not arguments.only or play.__name__ == arguments.only]
    with_arguments = [functools.update_wrapper(functools.partial(play, arguments), play) for play in plays]
    lab.play_all(with_arguments)


main()
