"""Programs that take the files of a mounted tree for disks, or for files: what is on the disk afterwards.

Each is played on a disk whose trimmed sectors read as zeros (aoe-target's) and on one without TRIM (vblade's), which is full of
old data before. Programs that are not installed are named at the end; the system calls that matter are played without them.

usage: mount_programs_test.py AOE_INITIATOR AOE_TARGET [RULE...]
"""

import errno
import mmap
import os
import shutil
import subprocess

import lab
import mount_trial
from mount_trial import MEGABYTE, SIZE, fails, opened, write

DISKS = {"e0.2": "disk.img", "e0.3": "plain.img"}
OLD = b"\xa5" * SIZE
NO_HOLES = {os.SEEK_DATA: 5000, os.SEEK_HOLE: SIZE}


def sparse_content():
    """An image with holes at its start, in the midst and at its end, and edges that lie within a sector."""
    content = bytearray(SIZE)
    content[MEGABYTE:2 * MEGABYTE + 100] = os.urandom(MEGABYTE + 100)
    content[8 * MEGABYTE + 5:8 * MEGABYTE + 6] = b"x"
    content[10 * MEGABYTE:10 * MEGABYTE + 8192] = os.urandom(8192)
    return bytes(content)


def make_sparse(trial, name, content):
    path = os.path.join(trial.folder, name)
    with open(path, "wb") as file:
        for offset in range(0, len(content), 4096):
            block = content[offset:offset + 4096]
            if any(block):
                file.seek(offset)
                file.write(block)
        file.truncate(len(content))
    assert os.stat(path).st_blocks * 512 < len(content) // 2, "an image with holes"


def begin(trial):
    """Mounts the tree, with both disks in it."""
    if 3 not in trial.targets:
        lab.require("vblade")
        trial.file("plain.img", OLD)
        trial.targets[3] = trial.server.start(["vblade", "0", "3", "eth0", trial.folder + "/plain.img"])
    trial.mount()

    def is_there():  # vblade says nothing when it begins to listen
        write(trial.etherd("discover"), "\n")
        return "e0.3" in trial.disks()

    lab.eventually(is_there)


def fill(trial, image):
    with open(os.path.join(trial.folder, image), "r+b") as file:
        file.write(OLD)


def check(trial, image, expected, what):
    """Compares what is on the disk."""
    found = trial.disk(image)
    if found == expected:
        return
    first = next(offset for offset in range(SIZE) if found[offset] != expected[offset])
    old = sum(found[offset] == 0xA5 != expected[offset] for offset in range(SIZE))
    raise lab.Failure(f"{what}: byte {first} is {found[first]:02x}, not {expected[first]:02x}; {old} old bytes are left")


def copies_with_holes_leave_zeros(trial):
    content = sparse_content()
    small = content[:9 * MEGABYTE + 512]  # whole sectors: qemu-img rounds up to them
    make_sparse(trial, "sparse.img", content)
    make_sparse(trial, "small.img", small)
    expected = {"sparse.img": content, "small.img": small + OLD[len(small):]}
    begin(trial)
    lines = [
        "cp {image} {disk}",
        "cp --sparse=always {image} {disk}",
        "dd if={image} of={disk} bs=64K conv=sparse status=none",
        "dd if={image} of={disk} bs=64K status=none",
        "cat {image} > {disk}",
        "qemu-img convert -O raw {image} {disk}",
        "nbdcopy {image} {disk}",
        "nbdcopy --allocated {image} {disk}",
        "rsync --inplace --ignore-times {image} {disk}",
    ]
    missing = set()
    for line in lines:
        program = line.split()[0]
        if not shutil.which(program):
            missing.add(program)
            continue
        for disk, image in DISKS.items():
            for source, after in expected.items():
                fill(trial, image)
                told = trial.shell(line.format(image=source, disk=f"mnt/dev/etherd/{disk}"))
                assert told[0] == 0 and "rror" not in told[2], (line, disk, told)
                check(trial, image, after, f"{line} of {source} to {disk}")
    trial.unmount()
    if missing:
        raise lab.Skipped(f"{', '.join(sorted(missing))}: not installed")


def changes_in_place_leave_the_rest(trial):
    """Who cuts the file and writes there, as dd does with seek=, changes no more than a block device would."""
    begin(trial)
    trial.file("part.img", b"p" * MEGABYTE)
    for disk, image in DISKS.items():
        for line, offset in [("dd if=part.img of={disk} bs=1M seek=3 status=none", 3 * MEGABYTE),
                             ("dd if=part.img of={disk} bs=1000 seek=3 conv=notrunc status=none", 3000)]:
            fill(trial, image)
            line = line.format(disk=f"mnt/dev/etherd/{disk}")
            assert trial.shell(line) == (0, "", ""), (line, trial.shell(line))
            check(trial, image, OLD[:offset] + b"p" * MEGABYTE + OLD[offset + MEGABYTE:], line)
    trial.unmount()


def says_that_a_disk_cannot_be_cut(trial):
    begin(trial)
    for disk, image in DISKS.items():
        fill(trial, image)
        path = f"mnt/dev/etherd/{disk}"
        status, _, error = trial.shell(f"truncate -s 0 {path}")
        assert status == 1 and "Invalid argument" in error, error
        assert trial.shell(f"truncate -s {SIZE} {path}") == (0, "", "")
        status, _, error = trial.shell(f"truncate -s +1 {path}")
        assert status == 1 and "File too large" in error, error
        assert trial.shell(f": > {path}") == (0, "", "")  # which a block device ignores as well
        fails(errno.EINVAL, os.truncate, trial.etherd(disk), 512)
        check(trial, image, OLD, "cutting")

        # It says so when it is closed, unless something was made of the file that was cut.
        descriptor = os.open(trial.etherd(disk), os.O_WRONLY)
        os.ftruncate(descriptor, 512)
        assert os.stat(trial.etherd(disk)).st_size == 512
        fails(errno.EINVAL, os.close, descriptor)
        assert os.stat(trial.etherd(disk)).st_size == SIZE
        with opened(trial.etherd(disk)) as descriptor:
            os.ftruncate(descriptor, 0)
            os.ftruncate(descriptor, 600)
        check(trial, image, bytes(600) + OLD[600:], "cut and grown")
        with opened(trial.etherd(disk)) as descriptor:
            os.ftruncate(descriptor, 100)
            os.pwrite(descriptor, b"end", 1000)
            os.posix_fallocate(descriptor, 0, 1100)
        check(trial, image, bytes(1000) + b"end" + bytes(97) + OLD[1100:], "cut, written and allocated")
    trial.unmount()


def fallocate_makes_zeros(trial):
    begin(trial)
    for disk, image in DISKS.items():
        path = f"mnt/dev/etherd/{disk}"
        fill(trial, image)
        assert trial.shell(f"fallocate -z -n -o 1000 -l 100000 {path}") == (0, "", "")
        assert trial.shell(f"fallocate -z -o 200000 -l 512 {path}") == (0, "", "")
        zeroed = OLD[:1000] + bytes(100_000) + OLD[101_000:200_000] + bytes(512) + OLD[200_512:]
        check(trial, image, zeroed, "fallocate -z")
        assert trial.shell(f"fallocate -l {SIZE} {path}") == (0, "", "")
        status, _, error = trial.shell(f"fallocate -l {SIZE + 1} {path}")
        assert status == 1 and "No space left on device" in error, error
        check(trial, image, zeroed, "fallocate without a mode")
    # A hole is a promise of less work: who can't keep it refuses, and programs write zeros then.
    assert trial.shell("fallocate -p -o 3000 -l 5000 mnt/dev/etherd/e0.2")[0] == 0
    check(trial, "disk.img", OLD[:1000] + bytes(100_000) + OLD[101_000:200_000] + bytes(512) + OLD[200_512:], "a hole")
    status, _, error = trial.shell("fallocate -p -o 3000 -l 5000 mnt/dev/etherd/e0.3")
    assert status == 1 and "unsupported" in error, error
    trial.unmount()


def has_no_holes_to_skip(trial):
    """What is not known to be a hole is data; the disk has its size for all who ask."""
    begin(trial)
    for disk in DISKS:
        with opened(trial.etherd(disk)) as descriptor:
            for whence, place in NO_HOLES.items():
                assert os.lseek(descriptor, 5000, whence) == place, whence
                fails(errno.ENXIO, os.lseek, descriptor, SIZE, whence)
            assert os.lseek(descriptor, 0, os.SEEK_END) == SIZE
        with opened(trial.etherd(disk), os.O_RDWR | os.O_TRUNC) as descriptor:
            assert os.fstat(descriptor).st_size == os.lseek(descriptor, 0, os.SEEK_END) == 0
            os.pwrite(descriptor, b"new", 0)
            assert os.fstat(descriptor).st_size == os.lseek(descriptor, 0, os.SEEK_HOLE) == 3
        assert os.stat(trial.etherd(disk)).st_size == SIZE
    told = os.statvfs(trial.etherd("e0.2"))
    assert (told.f_bsize, told.f_blocks, told.f_namemax) == (512, 0, 255), told  # as of /proc: df leaves it out
    trial.unmount()


def maps_privately(trial):
    begin(trial)
    content = sparse_content()
    for disk, image in DISKS.items():
        with open(os.path.join(trial.folder, image), "r+b") as file:
            file.write(content)
        with opened(trial.etherd(disk)) as descriptor:
            with mmap.mmap(descriptor, SIZE, mmap.MAP_PRIVATE) as mapped:
                assert mapped[:] == content
                mapped[0:3] = b"own"
            fails(errno.ENODEV, mmap.mmap, descriptor, SIZE, mmap.MAP_SHARED)
        check(trial, image, content, "a private mapping")
    trial.unmount()


def holds_a_file_system(trial):
    lab.require("mkfs.ext4", "fsck.ext4")
    begin(trial)
    for disk, image in DISKS.items():
        fill(trial, image)
        path = f"mnt/dev/etherd/{disk}"
        assert trial.shell(f"mkfs.ext4 -q -F {path}")[0] == 0
        assert trial.shell(f"fsck.ext4 -fn {path}")[0] == 0
        subprocess.run(["fsck.ext4", "-fn", os.path.join(trial.folder, image)], check=True, capture_output=True)
    trial.unmount()


mount_trial.play([copies_with_holes_leave_zeros, changes_in_place_leave_the_rest, says_that_a_disk_cannot_be_cut,
                  fallocate_makes_zeros, has_no_holes_to_skip, maps_privately, holds_a_file_system])
