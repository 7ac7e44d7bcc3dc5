"""aoe-target over a disk that stops to answer: its LUN waits, and nothing else does. No request, no other LUN, no discovery,
no `ctl`, no reload and no end of the process waits for a disk that is not its own.

usage: stall_test.py AOE_TARGET AOE_INITIATOR
"""

import os
import re
import resource
import signal
import subprocess
import sys

import lab
from target_words import *

TARGET, INITIATOR = sys.argv[1:3]
STEADY = (0, 1)  # a LUN in memory
FAR = (9, 1)
MIB = 1 << 20


class Bench:
    """A target with the LUN of the test, e0.2, and a steady one beside it, which is read all the time."""

    def __init__(self, world, folder, far=None, server=None, beside=(), of_process=(), workers=1, **of_lun):
        self.folder, self.server = folder, server or world.node("server")
        self.cable = Cable(world, world.node("client"), "port0", self.server, "eth0")
        self.config = configure(folder, [lun(1, "memory:1MiB"), lun(2, **of_lun), *beside], workers=workers)
        self.ctl = Control(TARGET, self.server, folder)
        there = ["nsenter", f"--mount=/proc/{far.mount.pid}/ns/mnt", f"--root=/proc/{far.mount.pid}/root"] if far else []
        self.command = [*there, TARGET, "--config", self.config, *of_process]
        self.start()
        self.load = Load(self.cable, STEADY, bytes(SECTOR))

    def start(self):
        self.target = self.server.start(self.command)
        self.target.wait_for("ready")

    def expect_written(self, address):
        for number in range(32):
            assert self.cable.read(lba=8 * number, address=address) == (DONE, bytes([number]) * SECTOR)

    def send(self, command, lba=0, data=b"", sectors=1, tag=b"\x80\x00\x00\x01", address=(0, 2)):
        """A request that nobody waits for."""
        flags = 0x40 | (0x01 if data else 0)
        arg = struct.pack(">BBBB6s2x", flags, 0, sectors, command, lba.to_bytes(6, "little")) + data
        self.cable.request(ATA, arg, tag, address)

    def hear(self, tags):
        """Waits for the replies to these."""
        while tags:
            tags = tags - {self.cable.next_reply()[20:24]}

    def waiting(self):
        """How many of the target's own threads a disk holds up: not the kernel's, which work for it."""
        threads = [open(f"/proc/{self.target.pid}/task/{task}/stat").read() for task in os.listdir(f"/proc/{self.target.pid}/task")]
        return sum(") D " in thread and "iou-" not in thread for thread in threads)

    def all_else_goes_on(self):
        """The other LUN, discovery of both, and ctl."""
        self.load.goes_on()
        assert self.cable.ask_all(2, timeout=5).keys() == {STEADY, (0, 2)}
        assert "e0.2" in self.ctl("status")
        self.load.goes_on()

    def memory(self, which):
        """KiB of memory that the target has: VmRSS, what it uses; VmSize, what it may use."""
        with open(f"/proc/{self.target.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(which))

    def is_written(self):
        try:
            return self.cable.write(bytes(SECTOR), timeout=1).status == DONE
        except TimeoutError:  # dropped, while there was no memory yet: a client sends it again
            return False

    def remove(self):
        """Takes e0.2 out: it is silent at once, and the rest goes on."""
        configure(self.folder, [lun(1, "memory:1MiB")])
        assert "e0.2: removed" in self.ctl("reload")
        assert self.cable.silent(witness=STEADY)
        self.load.goes_on()
        assert "e0.2" not in self.ctl("status")


class Frozen:
    """A file system of its own (ext4 on a loop device), which freezes as while a snapshot of its volume is taken."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "volume")
        os.mkdir(self.path)
        disk = os.path.join(folder, "volume.img")
        with open(disk, "wb") as file:
            file.truncate(64 * MIB)
        subprocess.run(["mkfs.ext4", "-q", disk], check=True)
        made = subprocess.run(["mount", "-o", "loop", disk, self.path], capture_output=True, text=True)
        if made.returncode:
            lab.skip(f"no loop device can be mounted here: {made.stderr.strip()}")
        self.is_frozen = False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.thaw()
        subprocess.run(["umount", "-l", self.path], check=True)

    def freeze(self):
        subprocess.run(["fsfreeze", "--freeze", self.path], check=True)
        self.is_frozen = True

    def thaw(self):
        if self.is_frozen:
            subprocess.run(["fsfreeze", "--unfreeze", self.path], check=True)
        self.is_frozen = False


def a_frozen_file_system(world, folder, **of_lun):
    with Frozen(folder) as volume:
        image(volume.path, size=4 * MIB, content=b"contents" * (MIB // 2))
        bench = Bench(world, folder, path="volume/disk.img", **of_lun)
        cable = bench.cable
        for lba in range(0, 128, 8):  # in memory from here on
            assert cable.write(b"before".ljust(SECTOR, b"."), lba).status == DONE
        assert cable.flush().status == DONE
        volume.freeze()
        with bench.load:
            for number in range(8):
                bench.send(WRITE_EXT, 8 * number, bytes([number]) * SECTOR, tag=bytes([0x81, 0, 0, number]))
            bench.all_else_goes_on()
            bench.send(FLUSH_EXT)
            bench.all_else_goes_on()
            volume.thaw()
            bench.hear({bytes([0x81, 0, 0, number]) for number in range(8)})
            for number in range(8):
                assert cable.read(lba=8 * number) == (DONE, bytes([number]) * SECTOR)
        assert bench.target.stop() == 0


def a_frozen_file_system_that_is_read_and_written_by_calls(world, folder):
    a_frozen_file_system(world, folder, io="buffered")


def luns_on_one_frozen_file_system_hold_up_one_thread(world, folder):
    with Frozen(folder) as volume:
        second = image(volume.path, "second.img", size=4 * MIB)
        golden = image(folder, "golden.img", size=4 * MIB)
        image(volume.path, size=4 * MIB)
        beside = [lun(3, second), lun(4, golden, overlay="volume/client.cow", create=True)]
        bench = Bench(world, folder, path="volume/disk.img", beside=beside)
        addresses = [(0, 2), (0, 3), (0, 4)]
        for address in addresses:
            for lba in range(0, 128, 8):  # in memory from here on
                assert bench.cable.write(bytes(SECTOR), lba, address=address).status == DONE
            assert bench.cable.flush(address=address).status == DONE
        volume.freeze()
        with bench.load:
            for number in range(32):  # half of them are new blocks in the overlay
                for address in addresses:
                    bench.send(WRITE_EXT, 8 * number, bytes([number]) * SECTOR, tag=bytes([0x81, *address, number]), address=address)
            bench.load.goes_on()
            assert bench.cable.ask_all(4, timeout=5).keys() == {STEADY, *addresses}
            assert bench.waiting() == 1
            volume.thaw()
            bench.hear({bytes([0x81, *address, number]) for address in addresses for number in range(32)})
            for address in addresses:
                bench.expect_written(address)
        assert bench.target.stop() == 0
        # So that the blocks that the overlay got after the wait are known to the next process too.
        bench.start()
        for address in addresses:
            bench.expect_written(address)
        assert bench.target.stop() == 0


def a_lun_on_a_frozen_file_system_is_taken_out(world, folder):
    with Frozen(folder) as volume:
        image(volume.path, size=4 * MIB)
        bench = Bench(world, folder, path="volume/disk.img")
        bench.cable.write(bytes(SECTOR))
        bench.cable.flush()
        volume.freeze()
        with bench.load:
            bench.send(WRITE_EXT, 0, b"last words".ljust(SECTOR, b"."))
            bench.all_else_goes_on()
            bench.remove()
            volume.thaw()
        # Another process may have the disk once it is stable and closed.
        lab.eventually(lambda: subprocess.run(["flock", "--nonblock", "volume/disk.img", "true"], cwd=folder).returncode == 0)
        with open(os.path.join(volume.path, "disk.img"), "rb") as file:
            assert file.read(10) == b"last words"
        assert bench.target.stop() == 0


class FarServer:
    """Files of a server elsewhere: a LUN that aoe-initiator has mounted (FUSE), which stops to answer with stall()."""

    def __init__(self, world, folder):
        lab.require("fusermount3")
        if not os.path.exists("/dev/fuse"):
            lab.skip("/dev/fuse is not there")
        far, near = world.node("far"), world.node("near")
        world.join(far, "eth0", near, "eth0", mtu=9000)
        far_image = image(folder, "far.img", size=64 * MIB, content=b"far away" * MIB)
        far.start([TARGET, "--shelf", FAR[0], "--slot", FAR[1], "--no-state", far_image]).wait_for("ready")
        tree = os.path.join(folder, "tree")
        os.mkdir(tree)
        self.mount = near.start([INITIATOR, "mount", tree, "--interface", "eth0"])
        self.disk = f"{tree}/dev/etherd/e{FAR[0]}.{FAR[1]}"
        # It is mounted in the mount namespace of that process.
        lab.eventually(lambda: os.path.exists(f"/proc/{self.mount.pid}/root{self.disk}"), "the mounted disk")

    def __enter__(self):
        return self

    def stall(self):
        self.mount.signal(signal.SIGSTOP)

    def go_on(self):
        self.mount.signal(signal.SIGCONT)

    def __exit__(self, *error):
        self.go_on()


def a_far_server_that_hangs(world, folder, **of_lun):
    with FarServer(world, folder) as far:
        bench = Bench(world, folder, far, path=far.disk, **of_lun)
        assert bench.cable.read() == (DONE, b"far away" * (SECTOR // 8))
        with bench.load:
            far.stall()
            for number in range(8):
                bench.send(READ_EXT, 1000 * number, tag=bytes([0x81, 0, 0, number]))
                bench.send(WRITE_EXT, 1000 * number + 500, bytes([number]) * SECTOR, tag=bytes([0x82, 0, 0, number]))
            bench.send(FLUSH_EXT)
            bench.all_else_goes_on()
            far.go_on()
            bench.hear({bytes([kind, 0, 0, number]) for kind in (0x81, 0x82) for number in range(8)})
            assert bench.cable.read(lba=7500) == (DONE, b"\7" * SECTOR)
            far.stall()
            bench.send(READ_EXT, 60000)
            bench.remove()
            far.go_on()
            bench.load.goes_on()
        assert bench.target.stop() == 0


def a_file_that_cannot_be_opened_in_time_is_refused(world, folder):
    with FarServer(world, folder) as far:
        bench = Bench(world, folder, far, path=far.disk)
        with bench.load:
            far.stall()
            bench.send(READ_EXT, 60000)
            configure(folder, [lun(1, "memory:1MiB"), lun(2, far.disk), lun(3, far.disk, io="buffered", force=True)])
            assert bench.ctl.refused("reload") == f"e0.3: {far.disk}: does not answer: opening it takes more than 10 s"
            bench.all_else_goes_on()
            bench.target.wait_for(f"e0.2: {far.disk}: does not answer")
            # Nor does a look at what is served wait for it.
            configure(folder, [lun(1, "memory:1MiB"), lun(2, far.disk)])
            hangs = f"e0.2: {far.disk}: does not answer: opening it takes more than 3 s"
            assert bench.ctl("reload") == f"{hangs}; it is served on as it was opened\n"
            bench.all_else_goes_on()
            far.go_on()
            bench.target.wait_for(f"e0.2: {far.disk}: answers again")
        assert bench.target.stop() == 0


def the_end_of_the_process_does_not_wait_for_a_disk_that_hangs(world, folder):
    with FarServer(world, folder) as far:
        bench = Bench(world, folder, far, path=far.disk)
        assert bench.cable.write(b"unstable".ljust(SECTOR, b".")).status == DONE
        far.stall()
        bench.send(WRITE_EXT, 100, bytes(SECTOR))
        bench.send(FLUSH_EXT)
        bench.target.signal(signal.SIGTERM)
        line = bench.target.wait_for("does not answer", timeout=30)
        assert re.search(r"e0\.2: .*e9\.1: does not answer, so what was written last may be lost", line), line
        assert bench.target.wait(timeout=30) == 1


class BlockServer:
    """nbdkit, which is stopped and goes on at the end."""

    def __init__(self, world, folder):
        lab.require("nbdkit")
        socket_path, self._pid_file = os.path.join(folder, "nbd.sock"), os.path.join(folder, "nbdkit.pid")
        self.uri = f"nbd+unix:///?socket={socket_path}"
        self._process = world.node("nbd").start(["nbdkit", "--foreground", "--unix", socket_path, "--pidfile", self._pid_file,
                                                 "memory", "64M"])
        lab.eventually(lambda: lab.process_number(self._pid_file))

    def __enter__(self):
        return self

    def stall(self):
        os.kill(lab.process_number(self._pid_file), signal.SIGSTOP)

    def go_on(self):
        os.kill(lab.process_number(self._pid_file), signal.SIGCONT)

    def __exit__(self, *error):
        self.go_on()
        self._process.stop()


def a_server_of_blocks_that_hangs_takes_a_bounded_part_of_the_memory(world, folder):
    with BlockServer(world, folder) as server:
        bench = Bench(world, folder, of_process=["--request-memory", "8MiB"], path=server.uri, buffers=65535)
        with bench.load:
            assert bench.cable.write(bytes(SECTOR)).status == DONE
            server.stall()
            before = bench.memory("VmRSS")

            def dropped():
                for lba in range(0, 4000, 2):
                    bench.send(WRITE_EXT, lba, bytes(2 * SECTOR), sectors=2)
                return bench.ctl.json("stats")["report"]["luns"][1]["dropped_memory"]

            lab.eventually(lambda: dropped() > 10000)
            grown = bench.memory("VmRSS") - before
            print(f"{grown} KiB more for a disk that hangs")
            assert grown < 8 << 10, grown
            bench.all_else_goes_on()
            server.go_on()
            lab.eventually(bench.is_written)
            bench.all_else_goes_on()
        assert bench.target.stop() == 0


def a_process_that_gets_no_more_memory_serves_on(world, folder):
    with BlockServer(world, folder) as server:
        bench = Bench(world, folder, path=server.uri, buffers=65535)
        with bench.load:
            assert bench.cable.write(bytes(SECTOR)).status == DONE
            server.stall()
            _, most = resource.prlimit(bench.target.pid, resource.RLIMIT_AS)
            resource.prlimit(bench.target.pid, resource.RLIMIT_AS, (bench.memory("VmSize") << 10, most))
            for number in range(40):
                for lba in range(0, 2000, 2):
                    bench.send(WRITE_EXT, lba, bytes(2 * SECTOR), sectors=2)
                bench.load.goes_on()
            assert bench.cable.ask_all(2, timeout=5).keys() == {STEADY, (0, 2)}
            server.go_on()
            lab.eventually(bench.is_written)
            resource.prlimit(bench.target.pid, resource.RLIMIT_AS, (most, most))
            dropped = bench.ctl.json("stats")["report"]["luns"][1]["dropped_memory"]
            print(f"{dropped} requests dropped for want of memory")
            assert dropped > 0
            bench.all_else_goes_on()
        assert bench.target.stop() == 0


def a_reload_that_is_asked_for_during_the_start_comes_after_it(world, folder):
    with BlockServer(world, folder) as blocks:
        server = world.node("server")
        Cable(world, world.node("client"), "port0", server, "eth0")
        config = configure(folder, [lun(2, blocks.uri)])
        blocks.stall()
        target = server.start([TARGET, "--config", config, "--no-state"])

        def keeps_hangups():
            with open(f"/proc/{target.pid}/comm") as comm, open(f"/proc/{target.pid}/status") as status:
                blocked = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk"))
                return comm.read() == "aoe-target\n" and blocked & 1 << signal.SIGHUP - 1

        lab.eventually(keeps_hangups)
        target.signal(signal.SIGHUP)
        blocks.go_on()
        target.wait_for("ready")
        target.wait_for("configuration read again: 0 changes")
        assert target.stop() == 0


def a_server_of_blocks_that_hangs_is_taken_out(world, folder):
    with BlockServer(world, folder) as server:
        bench = Bench(world, folder, path=server.uri)
        with bench.load:
            assert bench.cable.write(bytes(SECTOR)).status == DONE
            server.stall()
            bench.send(READ_EXT, 0)
            bench.send(WRITE_EXT, 8, bytes(SECTOR))
            bench.all_else_goes_on()
            bench.remove()
        server.go_on()
        assert bench.target.stop() == 0


def write_across_a_reload(world, folder, after, reloads, workers=1):
    """A write to e0.2 is on its way to a slow disk while reloads make it another LUN, `after`: whose write comes after it."""
    lab.require("nbdkit")
    socket_path = os.path.join(folder, "nbd.sock")
    slow = ["nbdkit", "--foreground", "--unix", socket_path, "--filter=delay", "memory", "64M", "wdelay=3"]
    world.node("nbd").start(slow)
    lab.eventually(lambda: os.path.exists(socket_path))
    disk = f"nbd+unix:///?socket={socket_path}"
    bench = Bench(world, folder, path=disk, workers=workers)

    def counted(what):
        return bench.ctl.json("stats")["report"]["luns"][1][what]

    bench.send(WRITE_EXT, 0, b"first".ljust(SECTOR, b"."))
    lab.eventually(lambda: counted("requests") == 1)
    reloads(bench, lambda slot, **of_lun: configure(folder, [lun(1, "memory:1MiB"), lun(slot, disk, **of_lun)],
                                                    workers=workers))
    bench.send(WRITE_EXT, 0, b"second".ljust(SECTOR, b"."), address=after)
    lab.eventually(lambda: counted("dropped_busy") == 1)

    def is_written():
        try:
            return bench.cable.write(b"second".ljust(SECTOR, b"."), timeout=4, address=after).status == DONE
        except TimeoutError:
            return False

    lab.eventually(is_written)
    assert bench.cable.read(address=after) == (DONE, b"second".ljust(SECTOR, b"."))
    assert bench.target.stop() == 0


def a_write_under_way_undoes_none_of_the_lun_that_comes_after(world, folder):
    def reloads(bench, serve):
        for read_only in True, False:  # it is another LUN each time
            serve(2, **{"read-only": read_only})
            assert "e0.2: changed" in bench.ctl("reload")

    write_across_a_reload(world, folder, (0, 2), reloads)


def a_write_under_way_undoes_none_of_the_lun_at_another_address(world, folder):
    def reloads(bench, serve):
        serve(3)  # another thread serves it
        assert bench.ctl("reload") == "e0.2: removed\ne0.3: added\n"

    write_across_a_reload(world, folder, (0, 3), reloads, workers=2)


def a_name_server_that_does_not_answer(world, folder):
    lab.require("nbdkit")
    hosts, resolver = os.path.join(folder, "hosts"), os.path.join(folder, "resolv.conf")

    def write(path, text):
        with open(path, "w") as file:
            file.write(text)

    write(hosts, "127.0.0.1 blocks.example\n")
    write(resolver, "nameserver 192.0.2.1\noptions timeout:3 attempts:1\n")
    for path in hosts, resolver:
        used = os.path.join("/etc", os.path.basename(path))
        if not os.path.exists(used):
            lab.skip(f"{used} is not there")
        subprocess.run(["mount", "--bind", path, used], check=True)
    server = world.node("server")
    world.join(server, "away", world.node("nowhere"), "eth0")
    for command in "addr add 192.0.2.2/24 dev away", f"neigh add 192.0.2.1 lladdr {MAC_B} dev away":
        server.run(["ip", *command.split()])  # what is sent there is lost
    blocks = ["nbdkit", "--foreground", "--ipaddr", "127.0.0.1", "memory", "64M"]
    nbdkit = server.start(blocks)
    lab.eventually(lambda: server.run(["ss", "-Hltn", "sport = :10809"]).stdout)
    bench = Bench(world, folder, server=server, path="nbd://blocks.example")

    def answers():
        try:
            return bench.cable.read(timeout=1) == (DONE, bytes(SECTOR))
        except TimeoutError:
            return False

    with bench.load:
        assert answers()
        write(hosts, "")
        nbdkit.kill()
        bench.send(READ_EXT, 0)
        bench.all_else_goes_on()
        server.start(blocks)
        write(hosts, "127.0.0.1 blocks.example\n")
        lab.eventually(answers)
        bench.remove()
    assert bench.target.stop() == 0


lab.require("ip", "mount", "mkfs.ext4", "fsfreeze", "flock")
lab.require_namespaces()
lab.play_all([
    a_frozen_file_system,
    a_frozen_file_system_that_is_read_and_written_by_calls,
    luns_on_one_frozen_file_system_hold_up_one_thread,
    a_lun_on_a_frozen_file_system_is_taken_out,
    a_far_server_that_hangs,
    a_file_that_cannot_be_opened_in_time_is_refused,
    the_end_of_the_process_does_not_wait_for_a_disk_that_hangs,
    a_server_of_blocks_that_hangs_takes_a_bounded_part_of_the_memory,
    a_process_that_gets_no_more_memory_serves_on,
    a_reload_that_is_asked_for_during_the_start_comes_after_it,
    a_server_of_blocks_that_hangs_is_taken_out,
    a_write_under_way_undoes_none_of_the_lun_that_comes_after,
    a_write_under_way_undoes_none_of_the_lun_at_another_address,
    a_name_server_that_does_not_answer,
])
