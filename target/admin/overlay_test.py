"""aoe-target overlay: what an administrator does to overlays between two times that they are served.

usage: overlay_test.py AOE_TARGET
"""

import json
import os
import random
import struct
import sys

import lab
from target_words import *

TARGET = sys.argv[1]
FAILURE, USAGE = 1, 2
BLOCK = 4096
SIZE = 64 * BLOCK + SECTOR  # the last block is short
DATA_AT = 4 * BLOCK  # of block 0, in an overlay of this size
IN_USE = "in use by another process; no target may serve it meanwhile"
INTERRUPTED = "its commit into its base was interrupted; do aoe-target overlay commit again"


class Shop:
    """A folder with golden.img and two overlays over it, which a target serves or the commands change."""

    def __init__(self, world, folder):
        self.folder, self.server = folder, world.node("server")
        self.cable = Cable(world, world.node("client"), "port0", self.server, "eth0")
        self.chance = random.Random(5)
        self.write("golden.img", self.chance.randbytes(SIZE))
        self.seen = {}  # what the clients of an overlay read

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def serve(self, base="golden.img", overlay="two.cow", **more):
        config = configure(self.folder, [lun(2, base, overlay=overlay, create=True, **more)])
        self.target = self.server.start([TARGET, "--config", config, "--no-state"])
        self.target.wait_for("ready")

    def stop(self):
        assert self.target.stop() == 0

    def write_some(self, overlay="two.cow", **more):
        """Has a client write and trim, and notes what it reads."""
        self.serve(overlay=overlay, **more)
        for lba in [0, 11, 12, 100, SIZE // SECTOR - 1]:
            assert self.cable.write(self.chance.randbytes(SECTOR), lba=lba).status == DONE
        ranges = struct.pack("<Q", 16 << 48 | 200).ljust(SECTOR, b"\0")
        assert self.cable.ata(TRIM, 0, 1, ranges, feature=1).status == DONE
        self.seen[overlay] = self.contents()
        self.stop()

    def contents(self):
        read = [self.cable.read(2, lba=lba) for lba in range(0, SIZE // SECTOR - 1, 2)]
        read.append(self.cable.read(1, lba=SIZE // SECTOR - 1))
        assert all(status == DONE for status, _ in read)
        return b"".join(data for _, data in read)

    def sees_what_it_saw(self, base, overlay="two.cow"):
        self.serve(base, overlay)
        assert self.contents() == self.seen[overlay], "clients read something else"
        self.stop()

    def run(self, *arguments):
        return self.server.run([TARGET, "overlay", *arguments], check=False, cwd=self.folder)

    def says(self, *arguments):
        result = self.run(*arguments)
        assert (result.returncode, result.stderr) == (0, ""), result
        return result.stdout

    def refuses(self, *arguments):
        result = self.run(*arguments)
        assert result.returncode == FAILURE and result.stdout == "", result
        return result.stderr.removeprefix("aoe-target: ").rstrip("\n")

    def cannot_be_served(self, base, why):
        config = configure(self.folder, [lun(2, base, overlay="two.cow")])
        result = self.server.run([TARGET, "--config", config, "--no-state", "--strict"], check=False)
        assert result.returncode == FAILURE and result.stderr.endswith(f"{why}\n"), result


def info_says_what_an_overlay_is(world, folder):
    shop = Shop(world, folder)
    shop.write_some()
    told = shop.says("info", "two.cow")
    assert told.startswith("two.cow: an overlay of version 2\n"), told
    for line in [f"  base:    {SIZE} bytes, last changed 20", f"  disk:    {SIZE} bytes, from byte 0 of the base on\n",
                 "  blocks:  6 of 65 are its own, 24576 bytes; the file occupies ", "  state:   clean\n"]:
        assert line in told, told
    assert shop.says("info", "two.cow", "--base", "golden.img").endswith("  golden.img: its base, by its time\n")
    os.utime(shop.path("golden.img"))
    assert shop.says("info", "two.cow", "--base", "golden.img").endswith("  golden.img: its base, by a look at 256 of its blocks\n")
    shop.write("other.img", bytes(SIZE))
    assert shop.says("info", "two.cow", "--base", "other.img").endswith("  other.img: not its base\n")
    told = json.loads(shop.says("info", "two.cow", "--base", "golden.img", "--json"))
    changed_at, occupied = told["base"].pop("changed_at"), told.pop("occupied_bytes")
    assert changed_at > 0 and 0 < occupied < SIZE, told
    assert told == {"overlay": "two.cow", "version": 2, "base": {"size": SIZE, "offset": 0, "length": SIZE}, "blocks": 65,
                    "own_blocks": 6, "own_bytes": 24576, "clean": True, "lost_blocks": 0, "committing": False,
                    "is_base": True, "by": "content"}, told


def an_adopted_base_shows_through(world, folder):
    shop = Shop(world, folder)
    shop.write_some()
    changed = bytearray(shop.read("golden.img"))
    changed[40 * BLOCK] ^= 1
    changed[SECTOR] ^= 1  # in a block that the overlay has
    shop.write("golden.img", changed)
    shop.cannot_be_served("golden.img", f"two.cow: made over another {folder}/golden.img (it has changed since)")
    told = shop.says("adopt", "two.cow", "golden.img")
    assert told == ("two.cow: its base is golden.img now. Where that differs from the former base, clients see the difference, "
                    "except in the overlay's own blocks.\n"), told
    expected = bytearray(shop.seen["two.cow"])
    expected[40 * BLOCK] ^= 1
    shop.seen["two.cow"] = bytes(expected)
    shop.sees_what_it_saw("golden.img")


def a_rebase_changes_nothing_for_clients(world, folder):
    shop = Shop(world, folder)
    shop.write_some()
    new = bytearray(shop.read("golden.img"))
    for at in [0, 3, 30, 64]:  # the overlay has the first and the last
        new[at * BLOCK] ^= 1
    shop.write("new.img", new)
    told = shop.says("rebase", "two.cow", "golden.img", "new.img")
    assert told == "two.cow: its base is new.img now; 2 blocks (8192 bytes) that differ were kept\n", told
    shop.sees_what_it_saw("new.img")
    shop.cannot_be_served("golden.img", f"two.cow: made over another {folder}/golden.img (it has changed since)")


def a_commit_frees_the_overlay(world, folder):
    """And the other overlay over the same base is moved to a copy of it before."""
    shop = Shop(world, folder)
    shop.write_some()
    shop.write_some("three.cow")
    shop.write("copy.img", shop.read("golden.img"))
    assert shop.says("rebase", "three.cow", "golden.img", "copy.img") == (
        "three.cow: its base is copy.img now; 0 blocks (0 bytes) that differ were kept\n")
    assert shop.says("commit", "two.cow", "golden.img") == "two.cow: 6 blocks (24576 bytes) moved into golden.img\n"
    assert shop.read("golden.img") == shop.seen["two.cow"]
    assert json.loads(shop.says("info", "two.cow", "--json"))["own_blocks"] == 0
    shop.sees_what_it_saw("golden.img")
    shop.sees_what_it_saw("copy.img", "three.cow")


def a_part_of_a_base_is_committed_in_its_place(world, folder):
    shop = Shop(world, folder)
    golden = shop.read("golden.img")
    shop.serve(offset=3, length=100)
    data = shop.chance.randbytes(SECTOR)
    assert shop.cable.write(data, lba=99).status == DONE
    shop.stop()
    assert shop.says("commit", "two.cow", "golden.img") == "two.cow: 1 block (4096 bytes) moved into golden.img\n"
    assert shop.read("golden.img") == golden[:102 * SECTOR] + data + golden[103 * SECTOR:]


def a_commit_that_is_killed_goes_on(world, folder):
    shop = Shop(world, folder)
    size = 64 << 20
    shop.write("golden.img", bytes(size))
    shop.serve()
    blocks = sorted(shop.chance.sample(range(size // BLOCK), 1500))
    for block in blocks:
        assert shop.cable.write(b"%06d" % block * 2 + bytes(SECTOR - 12), lba=block * 8).status == DONE
    shop.stop()
    before = os.stat(shop.path("golden.img")).st_mtime_ns
    commit = shop.server.start([TARGET, "overlay", "commit", "two.cow", "golden.img"], cwd=folder)
    lab.eventually(lambda: os.stat(shop.path("golden.img")).st_mtime_ns != before or not commit.running())
    commit.kill()
    if json.loads(shop.says("info", "two.cow", "--json"))["committing"]:
        told = shop.says("info", "two.cow", "--base", "golden.img")
        assert f"  state:   {INTERRUPTED}\n  golden.img: its base, by a look at 256 of its blocks\n" in told, told
        shop.cannot_be_served("golden.img", f"two.cow: {INTERRUPTED}")
        assert shop.refuses("compact", "two.cow", "golden.img") == f"two.cow: {INTERRUPTED}"
        shop.says("commit", "two.cow", "golden.img")
    expected = bytearray(size)
    for block in blocks:
        expected[block * BLOCK:block * BLOCK + 12] = b"%06d" % block * 2
    assert shop.read("golden.img") == expected
    assert json.loads(shop.says("info", "two.cow", "--json"))["own_blocks"] == 0


def a_compact_overlay_holds_only_what_differs(world, folder):
    shop = Shop(world, folder)
    shop.write_some()
    golden = shop.read("golden.img")
    shop.serve()
    for lba in range(0, 8):
        data = golden[lba * SECTOR:(lba + 1) * SECTOR]
        assert shop.cable.write(data, lba=lba).status == DONE
    shop.seen["two.cow"] = shop.contents()
    shop.stop()
    with open(shop.path("two.cow"), "rb") as delta:
        assert os.lseek(delta.fileno(), DATA_AT, os.SEEK_DATA) == DATA_AT
        assert shop.says("compact", "two.cow", "golden.img") == (
            "two.cow: 1 block (4096 bytes) equal to the base's taken out\n")
        assert os.lseek(delta.fileno(), DATA_AT, os.SEEK_DATA) == DATA_AT + BLOCK
    shop.sees_what_it_saw("golden.img")


def what_is_served_is_left_alone(world, folder):
    shop = Shop(world, folder)
    shop.write("new.img", shop.read("golden.img"))
    shop.serve()
    commands = [("info", "two.cow"), ("adopt", "two.cow", "golden.img"), ("rebase", "two.cow", "golden.img", "new.img"),
                ("commit", "two.cow", "golden.img"), ("compact", "two.cow", "golden.img")]
    for command in commands:
        assert shop.refuses(*command) == f"two.cow: {IN_USE}", command
    shop.stop()
    shop.write_some("three.cow")
    shop.serve()
    # A base that is only read may be read by others, and is written by none.
    assert shop.says("info", "three.cow", "--base", "golden.img").endswith("by its time\n")
    assert shop.refuses("commit", "three.cow", "golden.img") == f"golden.img: {IN_USE}"
    shop.stop()


def bad_input_is_named(world, folder):
    shop = Shop(world, folder)
    shop.write_some()
    shop.write("large.img", bytes(2 * SIZE))
    delta = shop.read("two.cow")
    another = "two.cow: made over another large.img (it has changed since)"
    other_size = f"two.cow: over {SIZE} bytes, and large.img has {2 * SIZE}"
    for command, why in [
            (("info", "none.cow"), "none.cow: No such file or directory"),
            (("info", "golden.img"), "golden.img: not an overlay"),
            (("info", "two.cow", "--base", "none.img"), "none.img: No such file or directory"),
            (("adopt", "two.cow", "large.img"), other_size),
            (("adopt", "two.cow", "two.cow"), "two.cow: in use already"),
            (("rebase", "two.cow", "golden.img", "large.img"), other_size),
            (("rebase", "two.cow", "large.img", "golden.img"), another),
            (("commit", "two.cow", "large.img"), another),
            (("compact", "two.cow", "large.img"), another),
            (("commit", "two.cow", "nbd://localhost"),
             "nbd://localhost: neither a file nor a block device, which this command needs")]:
        told = shop.refuses(*command)
        assert told == why, (command, told)
    assert shop.read("two.cow") == delta
    for command in [(), ("info",), ("commit", "two.cow"), ("rebase", "two.cow", "golden.img")]:
        result = shop.run(*command)
        assert result.returncode == USAGE and result.stderr.startswith("aoe-target: "), (command, result)
        assert result.stderr.endswith(" (aoe-target --help shows how)\n"), result
    shop.sees_what_it_saw("golden.img")


def a_misspelt_overlay_is_no_new_disk(world, folder):
    shop = Shop(world, folder)
    absent = f"{folder}/two.cow: no such overlay; create: true (or --create) makes a new one"
    config = configure(folder, [lun(2, "golden.img", overlay="two.cow")])

    def run(*arguments):
        result = shop.server.run([TARGET, *arguments], check=False, cwd=folder)
        return result.returncode, result.stdout, result.stderr

    assert run("check", config) == (FAILURE, "", f"aoe-target: {config}:5:3: e0.2: {absent}\n")
    assert run("--config", config, "--no-state", "--strict") == (FAILURE, "", f"aoe-target: e0.2: {absent}\n")
    on_command_line = ["--no-state", "--overlay", "two.cow", "0", "2", "eth0", "golden.img"]
    assert run(*on_command_line) == (FAILURE, "", f"aoe-target: {absent.removeprefix(folder + '/')}\n")
    status, _, errors = run("--no-state", "--create", "0", "2", "eth0", "golden.img")
    assert (status, errors) == (USAGE, "aoe-target: --create makes an --overlay (aoe-target --help shows how)\n"), errors
    status, _, errors = run("--config", config, "--create")
    assert status == USAGE and "options of a LUN belong in the file" in errors, errors
    assert not os.path.exists(shop.path("two.cow"))

    configure(folder, [lun(2, "golden.img", overlay="two.cow", create=True)])
    made = f"a new overlay {folder}/two.cow over {folder}/golden.img"
    assert run("check", config) == (0, f"e0.2: would make {made}\n{config}: valid, 1 LUNs\n", "")
    assert not os.path.exists(shop.path("two.cow"))
    shop.serve()
    assert f"info: e0.2: made {made}\n" in shop.target.output, shop.target.output
    # Once it is made, the key may go: that opens nothing again.
    configure(folder, [lun(2, "golden.img", overlay="two.cow")])
    assert Control(TARGET, shop.server, folder)("reload") == "nothing has changed\n"
    shop.stop()
    assert run("check", config) == (0, f"{config}: valid, 1 LUNs\n", "")
    target = shop.server.start([TARGET, *on_command_line], cwd=folder)
    target.wait_for("ready")
    assert target.stop() == 0


def main():
    lab.require("ip")
    lab.require_namespaces()
    lab.play_all([a_misspelt_overlay_is_no_new_disk, info_says_what_an_overlay_is, an_adopted_base_shows_through,
                  a_rebase_changes_nothing_for_clients,
                  a_commit_frees_the_overlay, a_part_of_a_base_is_committed_in_its_place, a_commit_that_is_killed_goes_on,
                  a_compact_overlay_holds_only_what_differs, what_is_served_is_left_alone, bad_input_is_named])


main()
