"""aoe-target called as vblade is called, and beside vblade: each of its options has the effect that it has there.

usage: vblade_habits_test.py AOE_TARGET
"""

import os
import random
import shutil
import sys

import lab
from target_words import *

TARGET = sys.argv[1]
OTHER = bytes.fromhex("0200000000ee")
SECTORS = 64


class Bench:
    """An image whose every sector is different, and a node to serve it from, at e0.2 with no word of ours but vblade's."""

    def __init__(self, world, folder):
        os.environ["STATE_DIRECTORY"] = os.path.join(folder, "state")
        self.folder, self.server = folder, world.node("server")
        self.cable = Cable(world, world.node("client"), "port0", self.server, "eth0")
        self.contents = random.Random(1).randbytes(SECTORS * SECTOR)
        self.image = image(folder, content=self.contents, size=len(self.contents))

    def start(self, *options):
        target = self.server.start([TARGET, *options, "0", "2", "eth0", "disk.img"], cwd=self.folder)
        target.wait_for("ready")
        return target

    def start_vblade(self, *options, slot=3):
        """The same of vblade, with an image of its own, at e0.3."""
        shutil.copy(self.image, os.path.join(self.folder, "copy.img"))
        self.server.start(["vblade", *options, "0", str(slot), "eth0", "copy.img"], cwd=self.folder)
        while self.cable.next_reply(tag=bytes(4)).address != (0, slot):
            pass

    def all_sectors(self, slot, number):
        return b"".join(self.cable.read(lba=lba, address=(0, slot))[1] for lba in range(number))

    def part(self, first, number):
        return self.contents[first * SECTOR:(first + number) * SECTOR]


def the_image_is_at_shelf_and_slot(world, folder):
    bench = Bench(world, folder)
    target = bench.start()
    assert bench.cable.next_reply(tag=bytes(4)).address == (0, 2)
    assert bench.all_sectors(2, SECTORS) == bench.contents
    assert target.stop() == 0


def buffers(world, folder):
    bench = Bench(world, folder)
    bench.start("-b", "21")
    bench.start_vblade("-b", "21")
    replies = bench.cable.ask_all(2)
    assert replies[0, 2].buffers == replies[0, 3].buffers == 21


def direct_and_sync(world, folder):
    bench = Bench(world, folder)
    for options, kind in [(["-d"], "direct"), (["-s"], "buffered"), (["-d", "-s"], "direct"), ([], "mapped")]:
        target = bench.start(*options)
        assert f"{SECTORS} sectors, {kind}" in target.output, target.output
        if kind == "buffered":
            words = bench.cable.ata(IDENTIFY, sectors=1).data
            assert not int.from_bytes(words[85 * 2:86 * 2], "little") & 1 << 5, "no write cache"
        data = random.Random(2).randbytes(2 * SECTOR)
        assert bench.cable.write(data, lba=9).status == DONE
        assert bench.cable.read(2, lba=9) == (DONE, data)
        assert target.stop() == 0
        with open(bench.image, "rb") as file:
            file.seek(9 * SECTOR)
            assert file.read(2 * SECTOR) == data


def read_only(world, folder):
    bench = Bench(world, folder)
    target = bench.start("-r")
    bench.start_vblade("-r")
    for slot in [2, 3]:
        address = (0, slot)
        reply = bench.cable.write(bytes(SECTOR), address=address)
        assert reply.error == 0 and reply.status & 1, f"{slot}: {reply}"
        assert bench.all_sectors(slot, SECTORS) == bench.contents
    assert target.stop() == 0
    with open(bench.image, "rb") as file:
        assert file.read() == bench.contents


def only_these_macs(world, folder):
    bench = Bench(world, folder)
    cable = bench.cable
    for macs in ["02:00:00:00:00:0c", "02000000000c", "02000000000C,0200000000aa", "02:00:00:00:00:0C,02:00:00:00:00:AA"]:
        target = bench.start("-m", macs)
        assert cable.read()[1] == bench.part(0, 1), macs
        # Frames of one source stay in order, not those of two.
        assert cable.silent(source=OTHER), macs
        assert cable.read()[0] == DONE
        if "," in macs:
            assert cable.read(source=bytes.fromhex("0200000000aa"))[0] == DONE
        assert target.stop() == 0
    bench.start("-m", "02000000000c")
    bench.start_vblade("-m", "02000000000c")
    assert cable.ask_all(2).keys() == {(0, 2), (0, 3)}
    assert cable.silent((0xFFFF, 0xFF), source=OTHER)


def a_window_of_the_image(world, folder):
    bench = Bench(world, folder)
    for options, first, number in [(["-o", "3"], 3, SECTORS - 3), (["-l", "10"], 0, 10), (["-o", "5", "-l", "7"], 5, 7)]:
        target = bench.start(*options)
        assert bench.all_sectors(2, number) == bench.part(first, number), options
        assert bench.cable.read(lba=number)[0] == ABORTED, "not a sector more"
        words = bench.cable.ata(IDENTIFY, sectors=1).data
        assert int.from_bytes(words[200:208], "little") == number
        data = b"%d" % first * SECTOR
        assert bench.cable.write(data[:SECTOR], lba=number - 1).status == DONE
        assert target.stop() == 0
        last = (first + number - 1) * SECTOR
        bench.contents = bench.contents[:last] + data[:SECTOR] + bench.contents[last + SECTOR:]
        with open(bench.image, "rb") as file:
            assert file.read() == bench.contents, "nothing else was written"


def the_window_that_vblade_serves(world, folder):
    bench = Bench(world, folder)
    options = ["-o", "5", "-l", "7"]
    bench.start(*options)
    bench.start_vblade(*options)
    ours, theirs = bench.all_sectors(2, 7), bench.all_sectors(3, 7)
    assert ours == theirs == bench.part(5, 7)
    sizes = {bench.cable.ata(IDENTIFY, sectors=1, address=(0, slot)).data[200:208] for slot in [2, 3]}
    assert sizes == {(7).to_bytes(8, "little")}
    assert [bench.cable.read(lba=7, address=(0, slot))[0] & 1 for slot in [2, 3]] == [1, 1]


def main():
    lab.require("ip", "vblade")
    lab.require_namespaces()
    lab.play_all([the_image_is_at_shelf_and_slot, buffers, direct_and_sync, read_only, only_these_macs,
                  a_window_of_the_image, the_window_that_vblade_serves])


main()
