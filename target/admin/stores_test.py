"""aoe-target over every kind of store, and what becomes of a LUN whose disk fails: an error and a log line.

usage: stores_test.py AOE_TARGET
"""

import os
import socket
import struct
import subprocess
import sys

import lab
from target_words import *

TARGET = sys.argv[1]
STEADY = (0, 1)  # a LUN in memory, which must be served whatever becomes of the other


class Bench:
    """A target with the LUN of the test, e0.2, and a steady one beside it."""

    def __init__(self, world, folder, **of_lun):
        self.folder, self.server = folder, world.node("server")
        self.cable = Cable(world, world.node("client"), "port0", self.server, "eth0")
        self.config = configure(folder, [lun(1, "memory:1MiB"), lun(2, **of_lun)])
        self.ctl = Control(TARGET, self.server, folder)

    def start(self):
        self.target = self.server.start([TARGET, "--config", self.config])
        self.target.wait_for("ready")
        return self

    def others_are_served(self):
        assert self.cable.read(address=STEADY) == (DONE, bytes(SECTOR))

    def smart_status(self):
        """LBA Mid and High, in which SMART RETURN STATUS says how the disk is."""
        reply = self.cable.ata(SMART, feature=0xDA, lba_octets=bytes([0, 0x4F, 0xC2, 0, 0, 0]))
        assert reply.status == DONE, reply
        return reply[29:31]


class Server:
    """nbdkit with a disk.img at a socket; a file `failing` beside it makes everything fail there."""

    def __init__(self, world, folder):
        self.node, self.folder = world.node("nbd"), folder
        self.socket, self.pid_file = os.path.join(folder, "nbd.sock"), os.path.join(folder, "nbdkit.pid")
        self.failing = os.path.join(folder, "failing")
        self.uri = f"nbd+unix:///?socket={self.socket}"
        self.image = image(folder)

    def start(self):
        """It listens when it has written its process number."""
        for left in self.socket, self.pid_file:
            if os.path.exists(left):
                os.remove(left)
        self.process = self.node.start(["nbdkit", "--foreground", "--unix", self.socket, "--pidfile", self.pid_file,
                                        "--filter=error", "file", self.image, "error=EIO", "error-rate=100%",
                                        f"error-file={self.failing}"])
        lab.eventually(lambda: lab.process_number(self.pid_file))
        return self


def a_network_block_device_comes_and_goes(world, folder):
    nbd = Server(world, folder).start()
    bench = Bench(world, folder, path=nbd.uri).start()
    cable = bench.cable
    assert cable.read()[1].startswith(b"contents")
    assert cable.write(b"over NBD".ljust(SECTOR, b"."), lba=3).status == DONE
    assert cable.flush().status == DONE
    with open(nbd.image, "rb") as file:
        assert file.read()[3 * SECTOR:].startswith(b"over NBD")
    # While it is away for a moment, clients only wait.
    with Load(cable, (0, 2), b"contents") as load:
        load.goes_on()
        nbd.process.kill()
        nbd.start()
        load.goes_on()
    # A server that stays away is an error, and others are served.
    nbd.process.kill()
    for reply in [cable.ata(READ_EXT, sectors=1), cable.write(bytes(SECTOR))]:
        assert reply.error == UNAVAILABLE, reply
    bench.target.wait_for("error: e0.2: nbd+unix")
    assert cable.ata(IDENTIFY, sectors=1).status == DONE
    bench.others_are_served()
    lost = f"{nbd.uri}: the server is lost"
    lab.eventually(lambda: f"warning: e0.2: {lost}" in bench.target.output)
    nbd.start()
    bench.target.wait_for(f"info: e0.2: over: {lost}")
    lab.eventually(lambda: cable.ata(READ_EXT, sectors=1).error == 0)
    assert cable.read(lba=3)[1].startswith(b"over NBD")
    assert cable.write(b"again".ljust(SECTOR, b"."), lba=4).status == DONE
    assert cable.flush().status == DONE
    assert bench.target.stop() == 0


def a_network_block_device_that_does_not_answer(world, folder):
    """A reload waits for it, within a limit, and says why it failed; meanwhile everybody is served."""
    bench = Bench(world, folder, path="memory:1MiB").start()
    silent = os.path.join(folder, "silent.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(silent)
        listener.listen()
        uri = f"nbd+unix:///?socket={silent}"
        configure(folder, [lun(1, "memory:1MiB"), lun(2, "memory:1MiB"), lun(3, uri)])
        with Load(bench.cable, STEADY, bytes(SECTOR)) as load:
            refused = bench.ctl.refused("reload")
            assert refused == f"e0.3: {uri}: the server does not answer", refused
            load.goes_on()
    assert bench.target.stop() == 0


def a_network_block_device_that_fails(world, folder):
    nbd = Server(world, folder).start()
    bench = Bench(world, folder, path=nbd.uri).start()
    cable = bench.cable
    assert bench.smart_status() == bytes([0x4F, 0xC2])
    open(nbd.failing, "w").close()
    for reply in [cable.ata(READ_EXT, sectors=1), cable.write(bytes(SECTOR))]:
        assert reply.error == 0 and reply.status & 0x01, reply
    bench.target.wait_for("read of 1 sectors at 0: Input/output error")
    assert bench.smart_status() == bytes([0xF4, 0x2C]), "a threshold is exceeded"
    bench.others_are_served()
    os.remove(nbd.failing)
    assert cable.read()[1].startswith(b"contents")
    bench.target.stop()  # before nbdkit, which waits for its client


def a_flush_that_fails_after_a_removal_fails_the_process(world, folder):
    socket = os.path.join(folder, "nbd.sock")
    pid_file = os.path.join(folder, "nbdkit.pid")
    nbd = world.node("nbd").start(["nbdkit", "--foreground", "--unix", socket, "--pidfile", pid_file, "eval",
                                   "get_size=echo 1M", "pread=dd if=/dev/zero count=$3 iflag=count_bytes",
                                   "pwrite=cat", "can_flush=exit 0", "flush=echo EIO: never stable >&2; exit 1"])
    lab.eventually(lambda: lab.process_number(pid_file))
    bench = Bench(world, folder, path=f"nbd+unix:///?socket={socket}").start()
    configure(folder, [lun(1, "memory:1MiB")])
    assert bench.ctl("reload") == "e0.2: removed\n"
    bench.target.wait_for(f"nbd+unix:///?socket={socket}: flushing: Input/output error")
    bench.others_are_served()
    assert bench.target.stop() == 1
    assert nbd.running()


def overlays_over_one_image(world, folder):
    golden = image(folder, "golden.img", content=b"golden" * 1000)
    with open(golden, "rb") as file:
        before = file.read()
    bench = Bench(world, folder, path="golden.img", overlay="two.cow", create=True)
    configure(folder, [lun(2, "golden.img", overlay="two.cow", create=True),
                       lun(3, "golden.img", overlay="three.cow", create=True), lun(1, "memory:1MiB")])
    bench.start()
    cable = bench.cable
    own = {slot: b"written by %d" % slot * 30 for slot in [2, 3]}
    for round in range(3):
        for slot, text in own.items():
            data = (b"%d" % round + text).ljust(SECTOR, b".")[:SECTOR]
            assert cable.write(data, lba=10 + round, address=(0, slot)).status == DONE
            # An overlay promises what was flushed, as a disk does, and what was acknowledged to a crash of the process.
        bench.target.kill()
        bench.start()
        for slot, text in own.items():
            for done in range(round + 1):
                data = (b"%d" % done + text).ljust(SECTOR, b".")[:SECTOR]
                assert cable.read(lba=10 + done, address=(0, slot)) == (DONE, data), (round, slot, done)
            assert cable.read(lba=2, address=(0, slot)) == (DONE, before[2 * SECTOR:3 * SECTOR])
    with open(golden, "rb") as file:
        assert file.read() == before
    os.utime(golden)
    bench.target.wait_for(f"{golden} has changed under {folder}/")
    assert bench.target.stop() == 0
    bench.start()
    assert cable.read(lba=2, address=(0, 3)) == (DONE, before[2 * SECTOR:3 * SECTOR]), "another time alone does no harm"
    assert bench.target.stop() == 0


def an_overlay_over_a_network_block_device(world, folder):
    nbd = Server(world, folder).start()
    bench = Bench(world, folder, path=nbd.uri, overlay="two.cow", create=True).start()
    cable = bench.cable
    assert f"made a new overlay {folder}/two.cow over {nbd.uri}" in bench.target.output, bench.target.output
    before = cable.read(2, lba=7)[1]
    data = b"mine".ljust(SECTOR, b".")
    assert cable.write(data, lba=8).status == DONE
    assert cable.read(2, lba=7) == (DONE, before[:SECTOR] + data)
    assert cable.read()[1].startswith(b"contents")
    assert cable.flush().status == DONE
    # While the server is away, the overlay's own blocks are served; the rest, and others, as for any export.
    nbd.process.kill()
    assert cable.read(lba=8) == (DONE, data)
    for reply in [cable.ata(READ_EXT, sectors=1), cable.write(data, lba=100)]:
        assert reply.error == UNAVAILABLE, reply
    bench.others_are_served()
    nbd.start()
    lab.eventually(lambda: cable.ata(READ_EXT, sectors=1).error == 0)
    assert cable.write(data, lba=100).status == DONE
    assert bench.target.stop() == 0
    bench.start()
    assert cable.read(lba=100) == (DONE, data)
    assert cable.read()[1].startswith(b"contents")
    with open(nbd.image, "rb") as file:
        assert b"mine" not in file.read()
    assert bench.target.stop() == 0


def a_full_file_system(world, folder):
    disk = os.path.join(folder, "small")
    os.mkdir(disk)
    image(folder, "golden.img", size=4 << 20)
    for full, how in [("small/disk.img", {"path": "small/disk.img", "io": "mapped"}),
                      ("small/disk.img", {"path": "small/disk.img", "io": "buffered"}),
                      ("small/two.cow", {"path": "golden.img", "overlay": "small/two.cow", "create": True})]:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
        try:
            image(disk, size=4 << 20)
            with lab.Lab() as inner:
                full_under_the_image(Bench(inner, folder, **how).start(), disk, os.path.join(folder, full))
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


def full_under_the_image(bench, disk, full):
    cable = bench.cable
    with open(os.path.join(disk, "filler"), "wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass
    data = b"\xA5" * SECTOR
    reply = cable.write(data, lba=4000)
    assert reply.error == 0 and reply.status & 0x01, reply
    bench.target.wait_for(f"e0.2: {full}: write of 1 sectors at 4000: No space left on device")
    assert cable.read()[1].startswith(b"contents")
    bench.others_are_served()
    os.remove(os.path.join(disk, "filler"))
    assert cable.write(data, lba=4000).status == DONE
    assert cable.read(lba=4000) == (DONE, data)
    assert bench.target.running()


def an_image_that_was_truncated(world, folder):
    for io in ["mapped", "buffered"]:
        path = image(folder)
        with lab.Lab() as inner:
            bench = Bench(inner, folder, path="disk.img", io=io).start()
            assert bench.cable.read(lba=2000)[0] == DONE
            os.truncate(path, 8 << 10)
            reply = bench.cable.ata(READ_EXT, 2000, 1)
            assert reply.error == 0 and reply.status & 0x01 and not any(reply.data), reply
            bench.target.wait_for("read of 1 sectors at 2000: ")
            assert bench.cable.read()[1].startswith(b"contents"), "what is there still is served"
            bench.others_are_served()


def trim_punches_holes(world, folder):
    path = image(folder, content=b"full" * (1 << 18))
    for io in ["mapped", "buffered"]:
        with lab.Lab() as inner:
            bench = Bench(inner, folder, path="disk.img", io=io).start()
            first, number = (0, 1024) if io == "mapped" else (1024, 1024)
            assert bench.cable.read(lba=first)[1] == b"full" * 128
            before = os.stat(path).st_blocks
            ranges = struct.pack("<Q", number << 48 | first).ljust(SECTOR, b"\0")
            assert bench.cable.ata(TRIM, 0, 1, ranges, feature=1).status == DONE
            assert bench.cable.read(lba=first + number - 1) == (DONE, bytes(SECTOR))
            assert bench.cable.flush().status == DONE
            lab.eventually(lambda: os.stat(path).st_blocks <= before - number + 16)
            assert bench.target.stop() == 0
    with open(path, "rb") as file:
        assert not any(file.read())


def direct_reads_and_writes(world, folder):
    path = image(folder)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_DIRECT))
    except OSError as error:
        raise lab.Skipped(f"O_DIRECT in {folder}: {error.strerror}") from None
    bench = Bench(world, folder, path="disk.img", io="direct").start()
    assert "sectors, direct" in bench.target.output, bench.target.output
    assert bench.cable.read()[1].startswith(b"contents")
    data = bytes(range(256)) * 4
    assert bench.cable.write(data, lba=11).status == DONE
    assert bench.cable.read(2, lba=11) == (DONE, data)
    assert bench.target.stop() == 0
    with open(path, "rb") as file:
        assert file.read()[11 * SECTOR:13 * SECTOR] == data


def memory(world, folder):
    bench = Bench(world, folder, path="memory:1MiB").start()
    data = b"\x5A" * SECTOR
    assert bench.cable.write(data, lba=2047).status == DONE
    assert bench.cable.read(lba=2047) == (DONE, data)
    assert bench.cable.read(lba=2048)[0] == ABORTED
    bench.others_are_served()
    bench.target.stop()
    bench.start()
    assert bench.cable.read(lba=2047) == (DONE, bytes(SECTOR)), "memory forgets"


def main():
    lab.require("ip", "mount", "nbdkit")
    lab.require_namespaces()
    lab.play_all([a_network_block_device_comes_and_goes, a_network_block_device_that_does_not_answer,
                  a_network_block_device_that_fails, a_flush_that_fails_after_a_removal_fails_the_process,
                  overlays_over_one_image, an_overlay_over_a_network_block_device, a_full_file_system, an_image_that_was_truncated, trim_punches_holes,
                  direct_reads_and_writes, memory])


main()
