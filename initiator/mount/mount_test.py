"""aoe-initiator mount against aoe-target: files of disks, partitions, loop devices, and how it ends.

usage: mount_test.py AOE_INITIATOR AOE_TARGET [RULE...]
"""

import contextlib
import errno
import grp
import os
import pwd
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

import lab
import mount_trial
from mount_trial import (INITIATOR, MEGABYTE, PARAMETERS, SIZE, fails, forget, opened, read, wait_for_retransmission, wait_to_hear,
                         write)

FLUSH, FLUSH_EXT = 0xE7, 0xEA  # ATA


def moves_any_bytes(trial):
    trial.mount()
    dice = random.Random(2)
    expected = bytearray(trial.content)
    with opened(trial.etherd("e0.2")) as disk:
        for _ in range(200):
            size = dice.choice([1, 511, 512, 513, 4096, 100_000, dice.randrange(1, 3 * MEGABYTE)])
            offset = dice.randrange(SIZE - size + 1)
            if dice.random() < 0.5:
                assert os.pread(disk, size, offset) == expected[offset:offset + size], (offset, size)
            else:
                data = dice.randbytes(size)
                assert os.pwrite(disk, data, offset) == size, (offset, size)
                expected[offset:offset + size] = data
        os.fsync(disk)
        assert trial.disk() == expected

        assert os.pread(disk, 4096, SIZE - 10) == expected[-10:] and os.pread(disk, 1, SIZE) == b""
        assert os.pwrite(disk, b"x" * 100, SIZE - 10) == 10
        fails(errno.ENOSPC, os.pwrite, disk, b"x", SIZE)
        assert os.lseek(disk, 0, os.SEEK_END) == SIZE

    # What is written at once in one sector by many comes there.
    def write_bytes(first):
        with opened(trial.etherd("e0.2")) as disk:
            for offset in range(first, 256, 4):
                os.pwrite(disk, bytes([offset]), offset)

    threads = [threading.Thread(target=write_bytes, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trial.disk()[:256] == bytes(range(256))

    # A disk cannot be cut, and who takes it for a file that can gets what he wants.
    fails(errno.EINVAL, os.truncate, trial.etherd("e0.2"), 512)
    other = random.Random(3).randbytes(SIZE)
    trial.file("other.img", other)
    trial.file("sparse.img", b"")
    os.truncate(trial.folder + "/sparse.img", SIZE)
    with opened(trial.folder + "/sparse.img") as sparse:
        os.pwrite(sparse, b"island", 8 * MEGABYTE)
    for line, content in [("cp other.img mnt/dev/etherd/e0.2", other),
                          ("cp sparse.img mnt/dev/etherd/e0.2", trial.disk("sparse.img")),
                          ("dd if=disk.img of=copy.img status=none", None),
                          ("dd if=other.img of=mnt/dev/etherd/e0.2 bs=1M conv=notrunc,fsync status=none", other),
                          ("dd if=other.img of=mnt/dev/etherd/e0.2 bs=1M seek=15 count=1 status=none",
                           other[:15 * MEGABYTE] + other[:MEGABYTE]),
                          ("cp mnt/dev/etherd/e0.2 copy.img", None)]:
        assert trial.shell(line) == (0, "", ""), line
        assert content is None or trial.disk() == content, line
    assert trial.disk("copy.img") == trial.disk()
    trial.unmount()


def makes_stable_what_is_to_be(trial):
    trial.mount()
    sniffer = trial.server.packet_socket("eth0")

    def wait_for_flush():
        while True:
            frame = sniffer.recv(20000)
            if not frame[14] & 0x08 and frame[19] == 0 and frame[27] in (FLUSH, FLUSH_EXT):
                return

    with opened(trial.etherd("e0.2")) as disk:
        os.pwrite(disk, b"w" * 512, 0)
        os.fsync(disk)
        wait_for_flush()
        os.pwrite(disk, b"w" * 512, 512)
        os.fdatasync(disk)
        wait_for_flush()
    with opened(trial.etherd("e0.2"), os.O_WRONLY | os.O_DSYNC) as disk:
        os.pwrite(disk, b"w" * 512, 1024)
        wait_for_flush()
    assert trial.disk()[:1536] == b"w" * 1536
    sniffer.close()
    trial.unmount()


def tells_of_errors(trial):
    trial.mount("--deadsecs", "0", "--verbose")
    with opened(trial.etherd("err"), os.O_RDONLY) as err:
        assert os.read(err, 4096).decode().splitlines() != []  # the disk came up
        os.set_blocking(err, False)
        poll = select.poll()
        poll.register(err, select.POLLIN)

        def has_told_all():
            try:
                os.read(err, 4096)
            except BlockingIOError:
                return poll.poll(0) == []
            return False

        lab.eventually(has_told_all, "err to be empty")
        trial.targets[2].signal(signal.SIGSTOP)
        reader = trial.start("head", "-c", "1", "mnt/dev/etherd/e0.2")
        assert poll.poll(30_000) == [(err, select.POLLIN)]
        wait_to_hear(err, "retransmission")
    trial.mounted.wait_for("retransmission")
    # A reader that waits gets lines as they come; one that is interrupted waits no longer.
    waiting = trial.start("cat", "mnt/dev/etherd/err")
    write(trial.path(PARAMETERS + "deadsecs"), "1\n")
    waiting.wait_for("e0.2 is down")
    waiting.signal(signal.SIGINT)
    assert waiting.wait() == -signal.SIGINT
    trial.targets[2].signal(signal.SIGCONT)
    assert reader.wait() == 1
    trial.unmount()


def believes_no_lies(trial):
    """What nobody asked for, or what can't be, is told by err and changes nothing; answers to others are not told at all."""
    trial.mount()
    with opened(trial.etherd("e0.2")) as disk, trial.server.packet_socket("eth0") as wire:
        os.pread(disk, 512, 0)
        requests = iter(lambda: wire.recv(2000), None)
        mine = next(int.from_bytes(request[20:24], "big") for request in requests if request[19] == 0)
    never_sent, of_another = mine ^ 0x5A5A5A, mine ^ 0x01000000
    client, server = (bytes.fromhex(node.link("eth0")["address"].replace(":", "")) for node in (trial.client, trial.server))
    stranger = bytes.fromhex("020000000bad")

    def answer(source, command, arguments, shelf=0, slot=2, version=1, flags=8, tag=never_sent):
        header = struct.pack(">BBHBBL", version << 4 | flags, 0, shelf, slot, command, tag)
        return (client + source + b"\x88\xa2" + header + arguments).ljust(60, b"\0")

    config = struct.pack(">HHBBH", 16, 1, 2, 0x10, 0)
    good = bytes([0x40, 0, 0, 0x40]) + bytes(8)
    lies = [
        (answer(server, 0, good), "e0.2 unexpected answer"),
        (answer(stranger, 0, good), "e0.2 unexpected answer"),
        (answer(server, 0, good, slot=9), "e0.9 unexpected answer"),
        (answer(server, 1, config, shelf=0xFFFF), "e*.2 answer from"),
        (answer(server, 1, config, slot=0xFF), "e0.* answer from"),
        (answer(server, 0, good, version=2), "bad answer"),
        (answer(server, 77, b""), "bad answer"),
        (answer(server, 1, struct.pack(">HHBBH", 16, 1, 2, 0x10, 1024)), "bad answer"),
        (answer(server, 0, good)[:30], "bad answer"),
    ]
    with opened(trial.etherd("err"), os.O_RDONLY) as err, trial.server.packet_socket("eth0") as wire:
        os.set_blocking(err, False)
        os.read(err, 1 << 16)  # the disk came up
        wire.send(answer(server, 0, good, slot=7, tag=of_another))
        for frame, line in lies:
            wire.send(frame)
            assert "e0.7" not in wait_to_hear(err, line)
    assert trial.disks() == {"e0.2"}
    assert read(trial.sys("state")) == "up\n"
    with opened(trial.etherd("e0.2")) as disk:
        assert os.pread(disk, 1 << 20, 0) == trial.disk()[:1 << 20]
    trial.unmount()


def follows_a_disk_down_and_up(trial):
    trial.mount("--deadsecs", "1")
    with opened(trial.etherd("e0.2")) as disk:
        assert trial.targets[2].stop() == 0
        fails(errno.EIO, os.pread, disk, 512, 0)
        assert read(trial.sys("state")) == "down,closewait\n"
        fails(errno.EIO, os.pwrite, disk, b"x" * 512, 0)
        fails(errno.ENXIO, os.open, trial.etherd("e0.2"), os.O_RDONLY)
        fails(errno.EBUSY, write, trial.etherd("flush"), "e0.2")
        write(trial.etherd("flush"), "\n")
        assert trial.disks() == {"e0.2"}
    lab.eventually(lambda: read(trial.sys("state")) == "down\n", "the last user to go")
    write(trial.etherd("flush"), "\n")
    assert trial.disks() == set()
    fails(errno.ENOENT, os.stat, trial.etherd("e0.2"))
    fails(errno.ENOENT, os.stat, trial.sys("state"))
    trial.start_target()  # announces itself
    write(trial.etherd("discover"), "\n")
    trial.wait_for_disk()
    assert read(trial.sys("state")) == "up\n"
    forget(trial, "e0.2")
    write(trial.etherd("discover"), "\n")
    trial.wait_for_disk()
    forget(trial, "all")
    trial.unmount()


def make_table(trial, image, label, *parts):
    trial.file(image, b"")
    os.truncate(os.path.join(trial.folder, image), SIZE)
    subprocess.run(["sfdisk", "--quiet", os.path.join(trial.folder, image)], check=True, text=True,
                   input=f"label: {label}\n" + "\n".join(parts))


def shows_partitions(trial):
    make_table(trial, "gpt.img", "gpt", "start=2048, size=4096", "start=8192, size=8192")
    make_table(trial, "mbr.img", "dos", "start=2048, size=2048, type=83", "start=4096, size=24576, type=5",
               "start=6144, size=2048, type=83", "start=10240, size=4096, type=83")
    trial.start_target(3, "gpt.img")
    trial.start_target(4, "mbr.img")
    trial.mount()
    expected = {"e0.2": SIZE, "e0.3": SIZE, "e0.3p1": 4096 * 512, "e0.3p2": 8192 * 512, "e0.4": SIZE,
                "e0.4p1": 2048 * 512, "e0.4p2": 1024, "e0.4p5": 2048 * 512, "e0.4p6": 4096 * 512}
    lab.eventually(lambda: trial.disks() == set(expected), "partitions")
    assert {name: os.stat(trial.etherd(name)).st_size for name in expected} == expected

    # A partition and its disk are the same bytes.
    with opened(trial.etherd("e0.4p6")) as part, opened(trial.etherd("e0.4")) as disk:
        os.pwrite(part, b"first", 0)
        assert os.pread(disk, 5, 10240 * 512) == b"first"
        os.pwrite(disk, b"last", 14336 * 512 - 4)
        assert os.pread(part, 100, 4096 * 512 - 4) == b"last"
        fails(errno.ENOSPC, os.pwrite, part, b"x", 4096 * 512)

    def change_table(command):
        status, _, error = trial.shell(f"{command} --quiet mnt/dev/etherd/e0.3")
        assert status == 0, error

    # A table that is written here is read again at once; one that changes elsewhere, on demand.
    change_table("echo start=2048,size=2048 | sfdisk --label gpt")
    lab.eventually(lambda: trial.disks() == set(expected) - {"e0.3p2"}, "the new table")
    make_table(trial, "new.img", "dos", "start=4096, size=2048")
    with opened(trial.folder + "/mbr.img") as image:
        os.pwrite(image, trial.disk("new.img"), 0)
    write(trial.etherd("revalidate"), "e0.4\n")
    lab.eventually(lambda: trial.disks() == {"e0.2", "e0.3", "e0.3p1", "e0.4", "e0.4p1"}, "the changed table")

    # Who has a partition open keeps its place, though its number go to another, or to none.
    with opened(trial.etherd("e0.3p1")) as part:
        change_table("echo start=8192,size=1024 | sfdisk --label gpt")
        lab.eventually(lambda: os.stat(trial.etherd("e0.3p1")).st_size == 1024 * 512, "the partition that moved")
        assert os.lseek(part, 0, os.SEEK_END) == 2048 * 512
        os.pwrite(part, b"stays", 0)
        assert trial.disk("gpt.img")[2048 * 512:][:5] == b"stays"
        assert trial.disk("gpt.img")[8192 * 512:][:5] == bytes(5)
        change_table("sfdisk --delete")
        lab.eventually(lambda: "e0.3p1" not in trial.disks(), "the partition to go")
        assert os.pread(part, 5, 0) == b"stays"
        os.ftruncate(part, 1024)
        fails(errno.ENOSPC, os.pwrite, part, b"x", 2048 * 512)
    trial.unmount()
    for slot in 3, 4:
        assert trial.targets[slot].stop() == 0


def serves_loop_devices(trial):
    if not os.path.exists("/dev/loop-control") or not os.access("/dev/loop-control", os.R_OK | os.W_OK):
        raise lab.Skipped("no loop devices")
    for program in "mkfs.ext4", "fsck.ext4":
        if not shutil.which(program):
            raise lab.Skipped(f"{program} is not installed (apt-get install e2fsprogs)")
    make_table(trial, "disk.img", "dos", "start=2048, size=28672")
    trial.targets[2].stop()
    trial.start_target()
    trial.mount()
    trial.wait_for_disk("e0.2p1")
    status, loop, error = trial.shell("losetup --find --show mnt/dev/etherd/e0.2p1")
    if status != 0:
        trial.unmount()
        raise lab.Skipped(error.strip())
    loop = loop.strip()
    try:
        os.mkdir(trial.folder + "/files")
        status, said, error = trial.shell(
            f"set -e; mkfs.ext4 -q {loop}; mount {loop} files; head -c 3000000 /dev/urandom > files/data; "
            f"cksum < files/data; umount files; mount {loop} files; cksum < files/data; umount files; "
            f"fsck.ext4 -fn {loop} 2>&1")
        assert status == 0, error
        before, after, *_ = said.splitlines()
        assert before == after, said
    finally:
        trial.shell(f"umount files; losetup -d {loop}")

    # The whole disk has its partitions there too, where the kernel knows such tables.
    devices = [trial.shell(f"losetup --find --show -P {path}")[1].strip() for path in ("disk.img", "mnt/dev/etherd/e0.2")]
    try:
        plain, ours = (os.path.exists(device.replace("/dev/", "/sys/block/") + f"/{device[5:]}p1") for device in devices)
        assert plain == ours, devices
    finally:
        trial.shell(f"losetup -d {' '.join(devices)}")
    trial.unmount()
    trial.file("part.img", trial.disk()[2048 * 512:(2048 + 28672) * 512])
    assert trial.shell("fsck.ext4 -fn part.img")[0] == 0


def ends_in_time(trial):
    # By itself, by a signal, and by who unmounts it.
    trial.mount()
    trial.mounted.signal(signal.SIGINT)
    trial.ended()
    for command in ["fusermount3", "-u", "mnt"], ["umount", "mnt"]:
        trial.mount()
        assert trial.run(*command).returncode == 0, command
        trial.ended()

    # Also while files are open and folders entered: those who have them are cut off after a while.
    trial.mount()
    with opened(trial.etherd("e0.2"), os.O_RDONLY) as disk:
        user = trial.start("sh", "-c", "cd mnt/dev; echo inside; exec sleep 100")
        user.wait_for("inside")
        trial.mounted.signal(signal.SIGTERM)
        trial.ended()
        fails(errno.ENOTCONN, os.pread, disk, 512, 0)
        user.stop()

    # And while a disk is silent.
    trial.mount("--deadsecs", "0")
    trial.targets[2].signal(signal.SIGSTOP)
    readers = [trial.start("dd", "if=mnt/dev/etherd/e0.2", "of=/dev/null", f"skip={number}") for number in range(3)]
    readers.append(trial.start("dd", "if=/dev/zero", "of=mnt/dev/etherd/e0.2", "bs=100", "count=1"))
    wait_for_retransmission(trial)
    begun = time.monotonic()
    trial.mounted.signal(signal.SIGTERM)
    trial.ended()
    assert time.monotonic() - begun < 2.5  # 0.7 s on a machine with nothing else to do; a disk that answers has 3
    for reader in readers:
        assert reader.wait() == 1, reader.output
    trial.targets[2].signal(signal.SIGCONT)

    # A second signal does not wait for three seconds. Where the machine takes as long, that can't be told.
    assert any(a_second_signal_ends_at_once(trial) for _ in range(5))


def a_second_signal_ends_at_once(trial):
    trial.mount()
    trial.targets[2].signal(signal.SIGSTOP)
    reader = trial.start("head", "-c", "1", "mnt/dev/etherd/e0.2")
    wait_for_retransmission(trial)
    begun = time.monotonic()
    trial.mounted.signal(signal.SIGTERM)
    lab.eventually(lambda: not trial.is_mounted(), "the first signal to be taken")
    waited = trial.mounted.running()
    trial.mounted.signal(signal.SIGTERM)
    trial.ended()
    took = time.monotonic() - begun
    reader.wait()
    trial.targets[2].signal(signal.SIGCONT)
    return waited and took < 3


def says_that_the_mount_is_still_there(trial):
    os.makedirs(trial.folder + "/above/mnt")
    mounted = trial.start(INITIATOR, "mount", "above/mnt")
    mounted.wait_for("mounted on")
    os.rename(trial.folder + "/above", trial.folder + "/moved")
    mounted.signal(signal.SIGTERM)
    assert mounted.wait() == 1
    assert " aoe-initiator: error: above/mnt: could not be unmounted\n" in mounted.output, mounted.output
    assert trial.run("umount", "moved/mnt").returncode == 0


def waits_for_devices(trial):
    """It returns, or says that it is mounted, when the disks that are waited for are there with their partitions."""
    make_table(trial, "late.img", "gpt", "start=2048, size=4096", "start=8192, size=8192")
    for number in range(2):
        sniffer = trial.server.packet_socket("eth0")
        mounting = trial.start(INITIATOR, "mount", "mnt", "--daemon", "--wait", "e0.2,e0.6")
        while sniffer.recv(2000)[16:19] != bytes([0, 0, 6]):
            pass
        assert mounting.running() and not trial.is_mounted()
        trial.start_target(6, "late.img")
        assert mounting.wait() == 0, mounting.output
        assert trial.disks() >= {"e0.2", "e0.6", "e0.6p1", "e0.6p2"}, trial.disks()
        assert trial.run("fusermount3", "-u", "mnt").returncode == 0
        assert trial.targets[6].stop() == 0
        sniffer.close()

    for options in [], ["--daemon"]:
        result = trial.run(INITIATOR, "mount", "mnt", "--wait", "e0.2", "--wait", "e9.9", "--timeout", "1", *options)
        assert (result.returncode, result.stderr) == (1, "aoe-initiator: e9.9: no answer on eth0 within 1 s\n"), result
        assert not trial.is_mounted()

    # A daemon that still waits ends with the command that began it.
    sniffer = trial.server.packet_socket("eth0")
    mounting = trial.start(INITIATOR, "mount", "mnt", "--daemon", "--wait", "e9.9")
    while sniffer.recv(2000)[16:19] != bytes([0, 9, 9]):
        pass
    mounting.signal(signal.SIGTERM)
    assert mounting.wait() == -signal.SIGTERM
    sniffer.settimeout(1.5)
    with contextlib.suppress(TimeoutError):
        while True:
            sniffer.recv(2000)
    assert not trial.is_mounted()


def belongs_to_whom_it_should(trial):
    def status(name):
        told = os.stat(trial.etherd(name))
        return told.st_uid, told.st_gid, oct(told.st_mode & 0o7777)

    trial.mount()
    assert status("e0.2") == (0, grp.getgrnam("disk").gr_gid, "0o660"), status("e0.2")
    trial.unmount()
    trial.mount("--owner", "nobody", "--group", "4242", "--mode", "0440", "--allow-other")
    nobody = pwd.getpwnam("nobody").pw_uid
    assert status("e0.2") == (nobody, 4242, "0o440"), status("e0.2")
    assert status("flush") == (nobody, 4242, "0o220"), status("flush")
    fails(errno.EACCES, os.open, trial.etherd("e0.2"), os.O_RDWR)
    for group, expected in ("4242", 0), ("4243", 2):  # cmp ends with 2 when it can't read
        user = ["setpriv", "--reuid", "4242", "--regid", group, "--clear-groups"]
        os.chmod(trial.folder, 0o755)
        assert trial.run(*user, "cmp", "mnt/dev/etherd/e0.2", "disk.img").returncode == expected, group
    trial.unmount()


def says_what_is_wrong(trial):
    def refused(status, line, *arguments):
        result = trial.run(INITIATOR, "mount", *arguments)
        told = result.returncode, result.stdout, result.stderr
        assert told == (status, "", f"aoe-initiator: {line}\n"), told

    refused(1, "nowhere: No such file or directory", "nowhere")
    refused(1, "disk.img: Not a directory", "disk.img")
    refused(1, "nowhere: No such file or directory", "nowhere", "--daemon")
    refused(2, "DIR is required (aoe-initiator --help shows how)")
    for option, value, why in [("--wait", "x", "not a device name such as e0.2"), ("--owner", "nosuchuser", "no such user"),
                               ("--group", "nosuchgroup", "no such group"), ("--mode", "999", "not a mode such as 0640")]:
        refused(2, f"{option}: {value}: {why} (aoe-initiator --help shows how)", "mnt", option, value)

    trial.mount()
    for options in [], ["--daemon"]:
        refused(1, "mnt: another aoe-initiator is mounted there", "mnt", *options)
    assert read(trial.sys("state")) == "up\n"
    trial.mounted.kill()
    in_the_way = "mnt: the mount of a program that has ended is in the way (fusermount3 -u removes it)"
    refused(1, in_the_way, "mnt")
    refused(1, in_the_way, "mnt", "--daemon")
    assert trial.run("fusermount3", "-u", "mnt").returncode == 0
    assert not trial.is_mounted()


def waits_for_an_interface_that_is_not_there_yet(trial):
    trial.mounted = trial.start(INITIATOR, "mount", "mnt", "--interface", "eth9")
    trial.mounted.wait_for("error: eth9: no such interface yet")
    trial.mounted.wait_for("mounted on")
    trial.client.ip("link", "set", "eth0", "down")
    trial.client.ip("link", "set", "eth0", "name", "eth9", "up")
    trial.wait_for_disk()
    assert read(trial.sys("netif")) == "eth9\n"
    trial.unmount()
    trial.client.ip("link", "set", "eth9", "down")
    trial.client.ip("link", "set", "eth9", "name", "eth0", "up")
    trial.client.wait_until_up("eth0")


def names_the_interfaces_that_a_daemon_waits_for(trial):
    result = trial.run(INITIATOR, "mount", "mnt", "--daemon", "--interface", "eth0, eht1,lan*")
    assert (result.returncode, result.stdout) == (0, ""), result
    assert result.stderr == ("aoe-initiator: eht1: no such interface yet\n"
                             "aoe-initiator: lan*: matches no interface yet\n"), result
    told = trial.run(INITIATOR, "interfaces", "--mount", "mnt")
    assert (told.stdout, told.stderr) == ("eth0 eht1 lan*\n", result.stderr), told
    trial.wait_for_disk()
    assert trial.run("fusermount3", "-u", "mnt").returncode == 0


def a_log_that_cannot_be_written_ends_and_delays_nothing(trial):
    """A full disk, a pipe whose reader is gone, and one that nobody reads."""
    fifo = trial.folder + "/log"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    broken = 'import os, sys; reader, writer = os.pipe(); os.close(reader); os.dup2(writer, 2); os.execv(sys.argv[1], sys.argv[1:])'
    for begin in [["sh", "-c", 'exec "$@" 2> /dev/full >&2', "sh"], [sys.executable, "-c", broken],
                  ["sh", "-c", f'exec "$@" 2> {fifo} >&2', "sh"]]:
        # The trace has a line for each frame: far more than a pipe takes.
        trial.mounted = trial.start(*begin, INITIATOR, "mount", "mnt", "--trace", "--log-level", "debug")
        lab.eventually(lambda: os.path.exists(trial.etherd("e0.2")), "e0.2 to show up")
        assert trial.run("cmp", "mnt/dev/etherd/e0.2", "disk.img").returncode == 0
        trial.unmount()
    os.close(reader)


def logs_what_an_administrator_should_know(trial):
    trial.mount("--deadsecs", "1")
    lab.eventually(lambda: " aoe-initiator: info: e0.2 is up" in trial.mounted.output)
    trial.targets[2].signal(signal.SIGSTOP)
    trial.run("head", "-c", "1", "mnt/dev/etherd/e0.2")
    trial.mounted.wait_for(" aoe-initiator: warning: e0.2 is down")
    trial.targets[2].signal(signal.SIGCONT)
    trial.unmount()
    assert "retransmission" not in trial.mounted.output, trial.mounted.output


def runs_as_a_daemon(trial):
    result = trial.run(INITIATOR, "mount", "mnt", "--daemon")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), result
    assert set(os.listdir(trial.path(""))) == {"dev", "sys"}
    assert trial.run("fusermount3", "-u", "mnt").returncode == 0
    assert not trial.is_mounted()


def serves_an_ordinary_user(trial):
    """With nothing but CAP_NET_RAW; on a /dev/fuse that users may open, as on most machines."""
    shutil.chown(trial.folder + "/mnt", "nobody")
    os.chmod(trial.folder, 0o755)
    fuse = trial.folder + "/fuse"
    if trial.shell(f"mknod -m 666 {fuse} c 10 229 && mount --bind {fuse} /dev/fuse && : < /dev/fuse")[0] != 0:
        raise lab.Skipped("/dev/fuse can't be had for a user")
    if not os.stat(shutil.which("fusermount3")).st_mode & 0o4000:
        raise lab.Skipped("fusermount3 is not setuid")
    user = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
    trial.mounted = trial.start(*user, "--inh-caps", "+net_raw", "--ambient-caps", "+net_raw", INITIATOR, "mount", "mnt")
    trial.mounted.wait_for("mounted on")
    lab.eventually(lambda: trial.run(*user, "cat", "mnt/sys/block/etherd!e0.2/state").stdout == "up\n", "e0.2 to be up")
    assert trial.run(*user, "cmp", "mnt/dev/etherd/e0.2", "disk.img").returncode == 0
    assert trial.run("cat", "mnt/dev/etherd/e0.2").returncode == 1, "root is another user"
    assert trial.run(*user, "fusermount3", "-u", "mnt").returncode == 0
    trial.ended()


lab.require("sfdisk", "setpriv")
mount_trial.play([moves_any_bytes, makes_stable_what_is_to_be, tells_of_errors, believes_no_lies, follows_a_disk_down_and_up,
                  shows_partitions, serves_loop_devices, ends_in_time, says_that_the_mount_is_still_there,
                  says_what_is_wrong, waits_for_an_interface_that_is_not_there_yet, a_log_that_cannot_be_written_ends_and_delays_nothing,
                  logs_what_an_administrator_should_know, runs_as_a_daemon, names_the_interfaces_that_a_daemon_waits_for,
                  waits_for_devices,
                  belongs_to_whom_it_should, serves_an_ordinary_user])
