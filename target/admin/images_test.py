"""aoe-target follows images that are grown, shrunk or replaced while it serves them: at a reload, `ctl resize` and `ctl reopen`.

usage: images_test.py AOE_TARGET AOE_INITIATOR
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

import lab
from target_words import *

TARGET, INITIATOR = sys.argv[1:3]
MIB = 1 << 20
STEADY = (0, 1)
SERVED_ON = "it is served on as it was opened"
IDENTIFY_SECTORS = slice(200, 208)  # words 100 to 103


class Bench:
    """A target with the LUN of the test, e0.2, and a steady one beside it, which is read all the time."""

    def __init__(self, world, folder, *beside, path="disk2.img", **of_lun):
        self.folder, self.server, self.client = folder, world.node("server"), world.node("client")
        self.path = os.path.join(folder, path)
        self.cable = Cable(world, self.client, "port0", self.server, "eth0")
        if not os.path.exists(self.path):
            image(folder, path)
        self.target = self.server.start([TARGET, "--config", configure(
            folder, [lun(1, image(folder, "disk1.img", content=b"steady")), lun(2, path, **of_lun), *beside])])
        self.target.wait_for("ready")
        self.cable.ask_all(2 + len(beside))
        self.ctl = Control(TARGET, self.server, folder)
        self.load = Load(self.cable, STEADY, b"steady")

    def identified(self, address=(0, 2)):
        """The sectors that IDENTIFY tells, and the serial number."""
        data = self.cable.ata(IDENTIFY, address=address).data
        return int.from_bytes(data[IDENTIFY_SECTORS], "little"), data[20:40]

    def announces(self):
        """Waits for an announcement of e0.2."""
        while (reply := self.cable.next_reply(tag=bytes(4))).address != (0, 2):
            pass
        assert reply[0:6] == BROADCAST and reply[19] == CONFIG, reply

    def opened(self):
        """How many times the target has the image of e0.2 open."""
        return self.target.open_files().count(self.path)

    def reload_by_signal(self, line):
        self.target.signal(signal.SIGHUP)
        self.target.wait_for(f"info: {line}")

    def ends(self):
        assert self.target.stop() == 0, self.target.output


def sectors(text, count=1):
    return text.ljust(SECTOR, b".") * count


def a_grown_image_is_followed(world, folder):
    bench = Bench(world, folder, path=image(folder, "disk2.img", size=MIB))
    cable = bench.cable
    serial = bench.identified()[1]
    assert cable.ask(CONFIG, config_set(b"rack 7"), address=(0, 2)).config_string == b"rack 7"
    assert cable.write(sectors(b"kept"), lba=2047).status == DONE
    assert cable.write(sectors(b"beyond"), lba=2048).status == ABORTED
    with bench.load as load:
        load.goes_on()
        assert bench.ctl("reload") == "nothing has changed\n"
        os.truncate(bench.path, 2 * MIB)
        assert bench.ctl("reload") == "e0.2: grown from 2048 to 4096 sectors\n"
        bench.announces()
        assert bench.identified() == (4096, serial)
        assert cable.ask(CONFIG, address=(0, 2)).config_string == b"rack 7"
        assert cable.write(sectors(b"beyond"), lba=4095).status == DONE
        assert cable.read(lba=2047) == (DONE, sectors(b"kept")) and cable.read(lba=4095) == (DONE, sectors(b"beyond"))
        assert cable.write(bytes(SECTOR), lba=4096).status == ABORTED
        assert cable.flush().status == DONE
        os.truncate(bench.path, 3 * MIB + 511)
        bench.reload_by_signal("e0.2: grown from 4096 to 6144 sectors")
        bench.announces()
        assert bench.identified() == (6144, serial)
        assert bench.ctl("reload") == "nothing has changed\n"
        load.goes_on()
    bench.ends()


def a_shrunk_image_is_followed(world, folder):
    bench = Bench(world, folder, path=image(folder, "disk2.img", size=2 * MIB))
    cable = bench.cable
    with bench.load as load:
        # It ends in the middle of a page, after data that was answered and not flushed.
        for lba in 2049, 2050, 4095:
            assert cable.write(sectors(b"%d" % lba), lba=lba).status == DONE
        os.truncate(bench.path, MIB + 2 * SECTOR)
        assert cable.read(lba=4095)[0] == ABORTED
        assert bench.ctl("reload") == "e0.2: shrunk from 4096 to 2050 sectors\n"
        bench.announces()
        assert bench.identified()[0] == 2050
        for lba in 2050, 4095:
            assert cable.read(lba=lba)[0] == ABORTED and cable.write(bytes(SECTOR), lba=lba).status == ABORTED
        assert cable.read(lba=2049) == (DONE, sectors(b"2049"))
        assert cable.flush().status == DONE
        assert os.path.getsize(bench.path) == MIB + 2 * SECTOR
        load.goes_on()
    bench.ends()
    assert "flushing" not in bench.target.output, "what was cut off is no loss"


def a_lun_that_is_made_shorter_first_never_meets_the_end(world, folder):
    bench = Bench(world, folder, path=image(folder, "disk2.img", size=2 * MIB))
    before = bench.opened()
    with bench.load as load:
        assert bench.cable.write(sectors(b"last"), lba=2047).status == DONE
        configure(folder, [lun(1, "disk1.img"), lun(2, length=2048)])
        assert bench.ctl("reload") == "e0.2: changed, and its image opened again\n"
        bench.announces()
        assert bench.identified()[0] == 2048
        lab.eventually(lambda: bench.opened() == before, "the former LUN to close its file")
        os.truncate(bench.path, MIB)
        assert bench.cable.flush().status == DONE
        assert bench.ctl("reload") == "nothing has changed\n"
        assert bench.cable.read(lba=2047) == (DONE, sectors(b"last"))
        load.goes_on()
    bench.ends()
    assert "flushing" not in bench.target.output, bench.target.output


def an_image_that_is_replaced_is_followed(world, folder):
    bench = Bench(world, folder, path=image(folder, "disk2.img", content=b"former"))
    cable = bench.cable
    serial = bench.identified()[1]
    assert cable.ask(CONFIG, config_set(b"rack 7"), address=(0, 2)).config_string == b"rack 7"
    os.link(bench.path, os.path.join(folder, "kept.img"))
    with bench.load as load:
        # Of the same path and size it is the same image to what clients have set.
        os.rename(image(folder, "new.img", content=b"second"), bench.path)
        assert cable.read()[1].startswith(b"former")
        assert cable.write(sectors(b"unflushed"), lba=9).status == DONE
        assert bench.ctl("reload") == f"e0.2: {bench.path} is another file now\n"
        assert cable.read()[1].startswith(b"second") and cable.read(lba=9) == (DONE, bytes(SECTOR))
        assert bench.identified()[0] == 2048 and bench.identified()[1] != serial
        assert cable.ask(CONFIG, address=(0, 2)).config_string == b"rack 7"
        with open(os.path.join(folder, "kept.img"), "rb") as kept:
            assert kept.read()[9 * SECTOR:10 * SECTOR] == sectors(b"unflushed")
        # Of another size it is another.
        os.rename(image(folder, "new.img", size=2 * MIB, content=b"third"), bench.path)
        assert bench.ctl("reload") == f"e0.2: {bench.path} is another file now, of 4096 sectors instead of 2048\n"
        assert cable.read()[1].startswith(b"third")
        assert cable.ask(CONFIG, address=(0, 2)).config_string == b""
        bench.target.wait_for("is kept in")
        load.goes_on()
    bench.ends()


def an_image_below_a_mount_is_followed(world, folder):
    volume = os.path.join(folder, "volume")
    os.mkdir(volume)
    bench = Bench(world, folder, path=image(volume, "disk2.img", content=b"below"))
    place = f"/proc/{bench.target.pid}"
    inside = ["nsenter", f"--mount={place}/ns/mnt", f"--root={place}/root"]
    with bench.load as load:
        subprocess.run([*inside, "mount", "-t", "tmpfs", "none", volume], check=True)
        image(f"{place}/root{volume}", "disk2.img", content=b"mounted")
        assert bench.cable.read()[1].startswith(b"below")
        assert bench.ctl("reload") == f"e0.2: {bench.path} is another file now\n"
        assert bench.cable.read()[1].startswith(b"mounted")
        subprocess.run([*inside, "umount", "--lazy", volume], check=True)
        assert bench.ctl("reload") == f"e0.2: {bench.path} is another file now\n"
        assert bench.cable.read()[1].startswith(b"below")
        load.goes_on()
    bench.ends()


def images_that_are_exchanged_are_followed(world, folder):
    other = image(folder, "disk3.img", content=b"three")
    bench = Bench(world, folder, lun(3, other), path=image(folder, "disk2.img", content=b"two"))
    between = os.path.join(folder, "between")
    with bench.load as load:
        for former, now in [(bench.path, between), (other, bench.path), (between, other)]:
            os.rename(former, now)
        assert bench.ctl("reload") == f"e0.2: {bench.path} is another file now\ne0.3: {other} is another file now\n"
        assert bench.cable.read()[1].startswith(b"three") and bench.cable.read(address=(0, 3))[1].startswith(b"two")
        load.goes_on()
    bench.ends()


def what_cannot_be_opened_is_served_on(world, folder):
    bench = Bench(world, folder, path=image(folder, "disk2.img", content=b"former"))
    away = os.path.join(folder, "away.img")
    os.rename(bench.path, away)
    missing = f"{bench.path}: No such file or directory; {SERVED_ON}"
    assert bench.ctl("reload") == f"e0.2: {missing}\n"
    assert bench.ctl.refused("reopen", "e0.2") == bench.ctl.refused("resize", "e0.2") == f"e0.2: {missing}"
    # Under another name it is still written to by e0.2.
    configure(folder, [lun(1, "disk1.img"), lun(2), lun(3, "away.img")])
    assert "both write to it" in bench.ctl.refused("reload")
    configure(folder, [lun(1, "disk1.img"), lun(2)])
    for size, why in [(100, "smaller than one sector"), (None, "neither a regular file nor a block device")]:
        os.mkdir(bench.path) if size is None else image(folder, "disk2.img", size=size, content=b"")
        assert bench.ctl("reload") == f"e0.2: {bench.path}: {why}; {SERVED_ON}\n"
        assert bench.cable.read()[1].startswith(b"former")
        os.rmdir(bench.path) if size is None else os.remove(bench.path)
    os.rename(away, bench.path)
    assert bench.ctl("reload") == "nothing has changed\n"
    bench.ends()


def resize_and_reopen_are_about_one_lun(world, folder):
    base = image(folder, "golden.img")
    bench = Bench(world, folder, lun(3, image(folder, "disk3.img")), lun(4, base, overlay="delta.cow", create=True),
                  lun(5, "memory:1MiB"), path=image(folder, "disk2.img"))
    for path in bench.path, os.path.join(folder, "disk3.img"), base:
        os.truncate(path, 2 * MIB)
    with bench.load as load:
        grown = "e0.2: grown from 2048 to 4096 sectors\n"
        answer = bench.ctl.json("resize", "e0.2")
        assert answer == {"ok": True, "text": grown, "lun": "e0.2", "sectors_before": 2048, "sectors": 4096}, answer
        bench.target.wait_for(f"info: {grown.strip()}")
        assert bench.ctl("resize", "e0.2") == "e0.2: 4096 sectors, as before\n"
        assert bench.ctl("reopen", "e0.2") == "e0.2: opened again, 4096 sectors as before\n"
        assert bench.identified((0, 3))[0] == 2048, "nobody has asked"
        assert bench.ctl("reopen", "e0.3") == "e0.3: grown from 2048 to 4096 sectors\n"
        os.rename(image(folder, "new.img", size=4096), bench.path)
        another = f"e0.2: {bench.path} is another file now"
        assert bench.ctl.refused("resize", "e0.2") == f"{another}; aoe-target ctl reopen e0.2 serves it"
        assert bench.ctl("reopen", "e0.2") == f"{another}, of 8 sectors instead of 4096\n"
        assert bench.identified()[0] == 8
        stays = "an overlay stays with what it has open until its LUN is taken out and added again"
        assert bench.ctl("reload") == f"e0.4: {base} has another size now; {stays}\n"
        assert bench.ctl.refused("resize", "e0.4") == f"e0.4: {base} has another size now; {stays}"
        assert bench.ctl.refused("reopen", "e0.4") == f"e0.4: {stays}"
        os.rename(image(folder, "new.img"), base)
        assert bench.ctl("reload") == f"e0.4: {base} is another file now; {stays}\n"
        assert bench.ctl.refused("resize", "e0.5") == "e0.5: memory:1MiB: neither a file nor a block device"
        assert bench.ctl.refused("reopen", "e0.5") == "e0.5: memory:1MiB: its content would be lost"
        assert bench.ctl.refused("resize", "e7.7") == bench.ctl.refused("reopen", "e7.7") == "e7.7: no such LUN"
        load.goes_on()
    bench.ends()


def a_part_of_an_image_stays_as_it_is(world, folder):
    bench = Bench(world, folder, path=image(folder, "disk2.img"), offset=8, length=16)
    os.truncate(bench.path, 2 * MIB)
    assert bench.ctl("reload") == "nothing has changed\n"
    os.truncate(bench.path, 4096)
    too_small = "has 8 sectors, so none is left after an offset of 8"
    assert bench.ctl("reload") == f"e0.2: {bench.path}: {too_small}; {SERVED_ON}\n"
    os.truncate(bench.path, MIB)
    configure(folder, [lun(1, "disk1.img"), lun(2, offset=8, length=16, buffers=33)])
    assert bench.ctl("reload") == "e0.2: changed\n"
    # Both at once.
    configure(folder, [lun(1, "disk1.img"), lun(2, offset=8)])
    assert bench.ctl("reload") == "e0.2: changed, and its image opened again\n"
    os.truncate(bench.path, 2 * MIB)
    configure(folder, [lun(1, "disk1.img"), lun(2, offset=8, buffers=33)])
    assert bench.ctl("reload") == "e0.2: changed, and grown from 2040 to 4088 sectors\n"
    assert bench.cable.ask(CONFIG, address=(0, 2)).buffers == 33
    bench.ends()


def an_export_is_looked_at_when_it_is_reopened(world, folder):
    lab.require("nbdkit")
    exported, socket_path = image(folder, "exported.img"), os.path.join(folder, "nbd.sock")
    disk = f"nbd+unix:///?socket={socket_path}"
    server = world.node("nbd").start(["nbdkit", "--foreground", "--unix", socket_path, "file", exported])
    lab.eventually(lambda: os.path.exists(socket_path))
    bench = Bench(world, folder, lun(3, disk))
    with bench.load as load:
        os.truncate(exported, 2 * MIB)
        assert bench.ctl("reload") == "nothing has changed\n"
        assert bench.ctl.refused("resize", "e0.3") == f"e0.3: {disk}: neither a file nor a block device"
        assert bench.ctl("reopen", "e0.3") == "e0.3: grown from 2048 to 4096 sectors\n"
        assert bench.identified((0, 3))[0] == 4096
        assert bench.cable.write(sectors(b"last"), lba=4095, address=(0, 3)).status == DONE
        assert bench.cable.read(lba=4095, address=(0, 3)) == (DONE, sectors(b"last"))
        load.goes_on()
    bench.ends()
    server.stop()


@contextlib.contextmanager
def loop_device(path):
    made = subprocess.run(["losetup", "--find", "--show", path], capture_output=True, text=True)
    if made.returncode:
        raise lab.Skipped(f"no loop device can be made here: {made.stderr.strip()}")
    device = made.stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def a_loop_device_that_is_resized_is_followed(world, folder):
    with loop_device(image(folder, "under.img", size=MIB)) as device:
        bench = Bench(world, folder, path=device)
        with bench.load as load:
            for size, word in [(2 * MIB, "grown"), (MIB, "shrunk")]:
                before = bench.identified()[0]
                os.truncate(os.path.join(folder, "under.img"), size)
                assert bench.ctl("reload") == "nothing has changed\n", "the device still has its size"
                subprocess.run(["losetup", "--set-capacity", device], check=True)
                now = size // SECTOR
                assert bench.ctl("resize", "e0.2") == f"e0.2: {word} from {before} to {now} sectors\n"
                assert bench.identified()[0] == now
                assert bench.cable.write(sectors(b"last"), lba=now - 1).status == DONE
                assert bench.cable.read(lba=now - 1) == (DONE, sectors(b"last"))
                assert bench.cable.read(lba=now)[0] == ABORTED
                assert bench.cable.flush().status == DONE
                load.goes_on()
        bench.ends()


class Mounted:
    """The tree of aoe-initiator, by which one LUN is read without a pause, from sectors that are always there."""

    def __init__(self, bench, world):
        lab.require("fusermount3")
        tree = os.path.join(bench.folder, "mnt")
        os.mkdir(tree)
        self.process = bench.client.start([INITIATOR, "mount", tree, "--interface", "port0"])
        self.disk = f"/proc/{self.process.pid}/root{tree}/dev/etherd/e0.2"
        lab.eventually(lambda: os.path.exists(self.disk), "the mounted disk")

    def size(self):
        return os.stat(self.disk).st_size


def an_initiator_follows_while_it_reads_and_writes(world, folder):
    bench = Bench(world, folder, path=image(folder, "disk2.img", size=MIB, content=b""))
    mounted = Mounted(bench, world)
    assert mounted.size() == MIB
    over, rounds, trouble = threading.Event(), [], []

    def use():
        try:
            while not over.is_set():
                data = sectors(b"%d" % len(rounds), 8)
                assert os.pwrite(disk, data, 8 * SECTOR) == len(data)
                assert os.pread(disk, len(data), 8 * SECTOR) == data
                rounds.append(data)
        except BaseException as error:
            trouble.append(error)

    disk = os.open(mounted.disk, os.O_RDWR)
    user = threading.Thread(target=use)
    user.start()
    try:
        with bench.load as load:
            for size in 2 * MIB, 4 * MIB, 3 * MIB, MIB + SECTOR, 2 * MIB:
                began = len(rounds)
                os.truncate(bench.path, size)
                assert bench.ctl("reload").startswith("e0.2: ")
                lab.eventually(lambda: mounted.size() == size or trouble, f"a size of {size}")
                last = size - SECTOR
                assert os.pwrite(disk, sectors(b"last"), last) == SECTOR
                assert os.pread(disk, SECTOR, last) == sectors(b"last")
                lab.eventually(lambda: len(rounds) > began + 10 or trouble, "more rounds")
                load.goes_on()
            os.fsync(disk)
    finally:
        over.set()
        user.join()
        os.close(disk)
    assert not trouble, trouble
    with open(bench.path, "rb") as file:
        file.seek(8 * SECTOR)
        assert file.read(8 * SECTOR) == rounds[-1]
    mounted.process.signal(signal.SIGTERM)
    assert mounted.process.wait() == 0
    bench.ends()


def main():
    lab.require("ip", "losetup", "mount")
    lab.require_namespaces()
    lab.play_all([a_grown_image_is_followed, a_shrunk_image_is_followed,
                  a_lun_that_is_made_shorter_first_never_meets_the_end, an_image_that_is_replaced_is_followed,
                  an_image_below_a_mount_is_followed, images_that_are_exchanged_are_followed, what_cannot_be_opened_is_served_on,
                  resize_and_reopen_are_about_one_lun, a_part_of_an_image_stays_as_it_is,
                  an_export_is_looked_at_when_it_is_reopened, a_loop_device_that_is_resized_is_followed,
                  an_initiator_follows_while_it_reads_and_writes])


main()
