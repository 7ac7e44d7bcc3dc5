"""aoe-target serves what can be served, keeps trying the rest, and says so.

usage: missing_test.py AOE_TARGET [--orders]     with it, only the orders in which disk, server and interface come
"""

import itertools
import os
import sys

import lab
from target_words import *

TARGET = sys.argv[1]


class Bench:
    """A target of which only e0.1 can be served at first: the image of e0.2, the server of e0.3 and the overlay of e0.5 are
    not there, and the state of e0.4 is damaged."""

    def __init__(self, world, folder):
        lab.require("nbdkit")
        self.folder, self.server = folder, world.node("server")
        self.cable = Cable(world, world.node("client"), "port0", self.server, "eth0")
        self.socket = os.path.join(folder, "nbd.sock")
        for name in ["disk1.img", "disk4.img", "golden.img"]:
            image(folder, name, content=b"contents")
        os.mkdir(os.path.join(folder, "state"))
        self.write("state/e0.4.yaml", "mask: [")
        self.luns = [lun(1, "disk1.img"), lun(2, "disk2.img"), lun(3, f"nbd+unix:///?socket={self.socket}"), lun(4, "disk4.img"),
                     lun(5, "golden.img", overlay="client5.cow")]
        self.config = configure(folder, self.luns, state="state")
        self.ctl = Control(TARGET, self.server, folder)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def start(self, *arguments):
        self.target = self.server.start([TARGET, "--config", self.config, *arguments])
        self.target.wait_for("ready")

    def served(self):
        """The LUNs that are served, by its own account."""
        return sorted(lun["lun"] for lun in self.ctl.json("status")["report"]["luns"])

    def comes(self, slot):
        """Waits until a LUN has announced itself, answers and is no longer said to be missing."""
        self.target.wait_for(f"e0.{slot}: added")
        assert self.cable.read(address=(0, slot))[0] == DONE
        assert f"e0.{slot}: not served" not in self.ctl("status")


def what_can_be_served_is_served(world, folder):
    bench = Bench(world, folder)
    bench.start()
    assert bench.cable.ask_all(1).keys() == {(0, 1)}
    reasons = {2: f"{folder}/disk2.img: No such file or directory", 3: f"nbd+unix:///?socket={bench.socket}: ",
               4: f"{folder}/state/e0.4.yaml:", 5: f"{folder}/client5.cow: no such overlay; "}
    told = bench.ctl("status")
    for slot, why in reasons.items():
        assert f"aoe-target: error: e0.{slot}: {why}" in bench.target.output, bench.target.output
        assert f"\ne0.{slot}: not served, and tried again: {why}" in told, told
    assert bench.served() == ["e0.1"]
    assert [lun["lun"] for lun in bench.ctl.json("status")["report"]["missing"]] == ["e0.2", "e0.3", "e0.4", "e0.5"]
    assert "\naoe_target_luns_missing 4\n" in bench.ctl("metrics")
    with Load(bench.cable, (0, 1), b"contents".ljust(SECTOR, b"\0")) as load:
        image(folder, "disk2.img")
        bench.comes(2)
        nbd = bench.server.start(["nbdkit", "--foreground", "--unix", bench.socket, "memory", "1M"])
        bench.comes(3)
        os.remove(os.path.join(folder, "state/e0.4.yaml"))
        bench.comes(4)
        load.goes_on()
    # What is said again and again is logged once.
    assert bench.target.output.count("e0.5: ") == 1, bench.target.output
    assert bench.target.stop() == 0
    nbd.stop()


def a_reload_leaves_alone_what_was_missing_before(world, folder):
    bench = Bench(world, folder)
    bench.start()
    assert bench.ctl("reload") == "nothing has changed\n"
    configure(folder, [*bench.luns, lun(6, "disk6.img")], state="state")
    assert bench.ctl.refused("reload") == f"e0.6: {folder}/disk6.img: No such file or directory"
    image(folder, "disk6.img")
    configure(folder, [lun(1, "disk1.img"), lun(2, "disk2.img"), lun(6, "disk6.img")], state="state")
    assert bench.ctl("reload") == "e0.6: added\n"
    assert [lun["lun"] for lun in bench.ctl.json("status")["report"]["missing"]] == ["e0.2"]
    configure(folder, [lun(1, "disk1.img"), lun(2, "disk6.img"), lun(6, "disk2.img")], state="state")
    assert bench.ctl.refused("reload") == f"e0.6: {folder}/disk2.img: No such file or directory"
    assert bench.served() == ["e0.1", "e0.6"]
    assert bench.target.stop() == 0


def an_image_that_another_lun_writes_stays_missing(world, folder):
    bench = Bench(world, folder)
    bench.start()
    os.link(os.path.join(folder, "disk1.img"), os.path.join(folder, "disk2.img"))
    bench.target.wait_for("both write to it")
    assert bench.served() == ["e0.1"]
    os.remove(os.path.join(folder, "disk2.img"))
    image(folder, "disk2.img")
    bench.comes(2)
    assert bench.target.stop() == 0


def strictly_all_are_served_or_none(world, folder):
    bench = Bench(world, folder)
    refused = bench.server.run([TARGET, "--config", bench.config, "--strict"], check=False)
    assert (refused.returncode, refused.stderr) == (1, f"aoe-target: e0.2: {folder}/disk2.img: No such file or directory\n"), refused
    assert bench.cable.silent(address=(0, 1))


class Boot:
    """A host whose target starts before its image, its NBD server and its interface are there."""

    def __init__(self, world, folder, name):
        self.world, self.node = world, world.node(name)
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.nbd = os.path.join(self.folder, "nbd.sock")
        luns = [lun(2, "disk2.img", interfaces="eth0"), lun(3, f"nbd+unix:///?socket={self.nbd}", interfaces="eth0")]
        self.target = self.node.start([TARGET, "--config", configure(self.folder, luns)])
        self.target.wait_for("ready")

    def image(self):
        image(self.folder, "disk2.img")
        return "e0.2: added"

    def server(self):
        self.node.start(["nbdkit", "--foreground", "--unix", self.nbd, "memory", "1M"])
        return "e0.3: added"

    def interface(self):
        self.cable = Cable(self.world, self.world.node(self.node.name + "-client"), "port0", self.node, "eth0")
        return ""  # a target without LUNs has no use for it


def what_comes_after_the_start_may_come_in_any_order(world, folder):
    lab.require("nbdkit")
    orders = list(itertools.permutations(["image", "server", "interface"]))
    hosts = [Boot(world, folder, "-".join(order)) for order in orders]
    for step in range(3):
        came = [getattr(host, order[step])() for host, order in zip(hosts, orders)]
        for host, line in zip(hosts, came):
            if line:
                host.target.wait_for(line)
    for host in hosts:
        assert host.cable.ask_all(2).keys() == {(0, 2), (0, 3)}
        for slot in 2, 3:
            assert host.cable.read(address=(0, slot))[0] == DONE
        assert host.target.stop() == 0


lab.require("ip")
lab.require_namespaces()
if "--orders" in sys.argv:
    lab.play_all([what_comes_after_the_start_may_come_in_any_order])
else:
    lab.play_all([what_can_be_served_is_served, a_reload_leaves_alone_what_was_missing_before,
                  an_image_that_another_lun_writes_stays_missing, strictly_all_are_served_or_none])
