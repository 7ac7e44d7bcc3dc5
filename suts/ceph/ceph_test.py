"""An RBD image of a Ceph cluster of one node behind aoe-target: what was acknowledged survives that the OSD is killed.

usage: ceph_test.py AOE_TARGET

One monitor, one manager and one OSD (BlueStore on a file), by hand, on loopback in namespaces of the test's own. qemu-nbd serves the
image over NBD, aoe-target has that export as e0.2.
"""

import os
import random
import sys
import uuid

import lab
import wire_client
from target_words import *

TARGET = sys.argv[1]
MiB = 1 << 20
ADDRESS = "127.0.0.1:6789"


class Ceph:
    """A cluster of one node. All of it is in one folder."""

    def __init__(self, node, folder):
        self.node, self.folder = node, folder
        self.conf = os.path.join(folder, "ceph.conf")
        self.fsid = str(uuid.uuid4())
        with open(self.conf, "w", encoding="ascii") as file:
            file.write(f"""[global]
fsid = {self.fsid}
mon host = v1:{ADDRESS}
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd crush chooseleaf type = 0
mon data avail crit = 1
run dir = {folder}
admin socket = {folder}/$name.asok
pid file = {folder}/$name.pid
log file = {folder}/$name.log
keyring = {folder}/keyring
mon data = {folder}/mon
osd data = {folder}/osd
mgr data = {folder}/mgr
bluestore block size = {2 << 30}
osd memory target = 939524096
""")

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, program, *arguments):
        return self.node.run([program, "--conf", self.conf, *arguments], timeout=120).stdout

    def daemon(self, program, name):
        return self.node.start([program, "--conf", self.conf, "-i", name, "--foreground"])

    def start(self):
        for name in "mon", "osd", "mgr":
            os.mkdir(self.path(name))
        self.node.run(["monmaptool", "--create", "--addv", "a", f"[v1:{ADDRESS}]", "--fsid", self.fsid, self.path("monmap")])
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", self.path("monmap"))
        self.daemon("ceph-mon", "a")
        number = self.run("ceph", "osd", "new", osd_id := str(uuid.uuid4())).strip()
        assert number == "0", number
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_id)
        self.daemon("ceph-mgr", "x")
        self.start_osd()
        self.run("ceph", "osd", "pool", "create", "disks", "8")
        self.run("ceph", "osd", "pool", "application", "enable", "disks", "rbd")

    def start_osd(self):
        self.osd = self.daemon("ceph-osd", "0")
        lab.eventually(lambda: "1 up" in self.run("ceph", "osd", "stat"), "the OSD", 60)


def what_was_acknowledged_survives_a_kill_of_the_osd(world, folder):
    server, client = world.node("server"), world.node("client")
    cable = Cable(world, client, "port0", server, "eth0", mtu=9000)
    ceph = Ceph(server, folder)
    ceph.start()
    ceph.run("rbd", "create", "disks/shared", "--size", "16M")
    nbd = server.start(["qemu-nbd", "--persistent", "--format", "raw", "--cache", "writeback", "--socket", ceph.path("nbd.sock"),
                        f"rbd:disks/shared:conf={ceph.conf}"])
    lab.eventually(lambda: os.path.exists(ceph.path("nbd.sock")), "qemu-nbd")
    target = server.start([TARGET, "--config", configure(folder, [lun(2, f"nbd+unix:///?socket={ceph.path('nbd.sock')}")])])
    target.wait_for("ready")
    disk = wire_client.Disk(16 * MiB)
    wire = wire_client.Client(client.packet_socket("port0"), CLIENT, (0, 2), disk, random.Random(1), sectors_max=8)
    for _ in range(2):
        wire.write(2 * MiB)
        wire.fill()
        ceph.osd.kill()
        unanswered = len(disk.possible)
        ceph.start_osd()
        wire.finish(120)
        wire.check()
        print(f"{disk.acknowledgements} writes acknowledged, {disk.flushed} of them flushed; {unanswered} sectors were open; "
              f"{wire.resent} requests sent again", flush=True)
        assert unanswered > 0, "the kill has met no unanswered write"
    wire.flush()
    assert target.stop() == 0
    nbd.stop()
    ceph.node.run(["rbd", "--conf", ceph.conf, "export", "disks/shared", ceph.path("export")])
    with open(ceph.path("export"), "rb") as file:
        assert file.read() == disk.content, "the RBD image holds something else"


lab.require("ip", "ceph-mon", "ceph-osd", "ceph-mgr", "ceph", "rbd", "monmaptool", "qemu-nbd")
lab.require_namespaces()
lab.play_all([what_was_acknowledged_survives_a_kill_of_the_osd])
