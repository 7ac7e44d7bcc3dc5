#!/usr/bin/env python3
"""The AoE target of target.py with one seeded fault.

    faulty.py --list
    faulty.py --fault NAME SHELF SLOT INTERFACE IMAGE [--buffers N] [--state FILE]

Each class below is one bug that a real implementation could have. Its name is
the name of the fault, and its first line tells what is wrong on the wire.
"""
import bisect
import socket
import struct
import sys
import time

import target
from target import (IDNF, READ, READ_EXT, SECTOR, WRITE, WRITE_EXT, AF_WRITE,
                    AoeError, AtaError, CONFIG_PRESENT, FLUSH, HEADER, Target)

FAULTS = {}


def fault(name):
    def register(cls):
        FAULTS[name] = cls
        return cls
    return register


# ---- data

@fault("last-sector-lost")
class _(Target):
    """A write that reaches the last sector of the disk succeeds, but that sector is not stored."""
    def write(self, lba, data):
        if lba + len(data) // SECTOR == self.sectors():
            data = data[:-SECTOR]
        super().write(lba, data)


@fault("lba28-24bit")
class _(Target):
    """An LBA28 command leaves out the 4 bits of lba3: from sector 2^24 on it wraps round to 0."""
    def lba(self, command, field):
        lba = super().lba(command, field)
        return lba if command in (READ_EXT, WRITE_EXT) else lba & 0xFFFFFF


@fault("zero-write-skipped")
class _(Target):
    """Sectors of zeros are taken for holes and not written: what was there before stays."""
    def write(self, lba, data):
        for at in range(0, len(data), SECTOR):
            if any(data[at:at + SECTOR]):
                super().write(lba + at // SECTOR, data[at:at + SECTOR])


@fault("dirty-overlap")
class _(Target):
    """For up to 0.2 s the last write is seen only by reads that begin at its first sector."""
    dirty = None                        # (lba, data) not yet in the file

    def clean(self):
        if self.dirty:
            (lba, data), self.dirty = self.dirty, None
            super().write(lba, data)

    def write(self, lba, data):
        self.clean()
        self.dirty = lba, data

    def read(self, lba, count):
        if self.dirty and self.dirty[0] == lba:
            if len(self.dirty[1]) >= count * SECTOR:
                return self.dirty[1][:count * SECTOR]
            self.clean()
        return super().read(lba, count)

    def flush(self, command):
        self.clean()
        super().flush(command)

    def link(self):                     # called by the loop every 0.2 s
        self.clean()
        return super().link()


@fault("wrap-2^48")
class _(Target):
    """LBA + count is computed in 48 bits: an access from 2^48-1 goes on at sector 0 and succeeds."""
    TOP = 1 << 48

    def check_range(self, lba, count):
        super().check_range(0, count)
        if (lba + count) % self.TOP > self.sectors():
            raise AtaError(IDNF, count)

    def read(self, lba, count):
        if lba + count < self.TOP:
            return super().read(lba, count)
        below = self.TOP - lba
        return bytes(below * SECTOR) + super().read(0, count - below)

    def write(self, lba, data):
        if lba + len(data) // SECTOR < self.TOP:
            super().write(lba, data)
        else:
            super().write(0, data[(self.TOP - lba) * SECTOR:])


@fault("short-write-partial")
class _(Target):
    """A write whose frame is too short is refused, but the whole sectors it holds are written."""
    def execute(self, aflags, count, command, lba, data):
        if command in (WRITE, WRITE_EXT) and aflags & AF_WRITE and len(data) < count * SECTOR:
            at = self.lba(command, lba)
            self.check_range(at, count)
            self.write(at, data[:len(data) // SECTOR * SECTOR])
        return super().execute(aflags, count, command, lba, data)


@fault("async-lost")
class _(Target):
    """Writes with flag A stay in memory; FLUSH CACHE EXT leaves them there: lost at a restart."""
    def __init__(self, *args):
        self.memory = {}                # lba: sector
        super().__init__(*args)

    def execute(self, aflags, count, command, lba, data):
        self.later = aflags & 0x02
        return super().execute(aflags, count, command, lba, data)

    def write(self, lba, data):
        for at in range(0, len(data), SECTOR):
            self.memory.pop(lba + at // SECTOR, None)
            if self.later:
                self.memory[lba + at // SECTOR] = data[at:at + SECTOR]
        if not self.later:
            super().write(lba, data)

    def read(self, lba, count):
        data = super().read(lba, count)
        return b"".join(self.memory.get(lba + i, data[i * SECTOR:(i + 1) * SECTOR])
                        for i in range(count))

    def flush(self, command):
        if command == FLUSH:
            for lba, sector in self.memory.items():
                super().write(lba, sector)
            self.memory.clear()
        super().flush(command)


@fault("identify-unclamped")
class _(Target):
    """IDENTIFY words 60-61 are the low 32 bits of the size: wrong on disks of 128 GiB and more."""
    def identify_words(self):
        words = super().identify_words()
        words[60:62] = words[100:102]
        return words


# ---- frames

@fault("stale-padding")
class _(Target):
    """Replies are padded with what the request before this one had in those bytes."""
    before = current = b""

    def answer(self, frame):
        self.before, self.current = self.current, frame
        return super().answer(frame)

    def pad(self, frame):
        return super().pad(frame + self.before[len(frame):target.MIN_FRAME])


@fault("tag-700")
class _(Target):
    """Each 700th reply carries the tag of the reply before it."""
    count, tag = 0, b""

    def answer(self, frame):
        reply = super().answer(frame)
        if reply:
            self.count += 1
            if self.count % 700 == 0:
                reply = reply[:20] + self.tag + reply[24:]
            self.tag = reply[20:24]
        return reply


@fault("shelf-low-byte")
class _(Target):
    """Only the low byte of the shelf is compared: shelf 257 is answered as shelf 1."""
    def addressed(self, major, minor):
        return super().addressed(major if major == 0xFFFF else self.shelf & 0xFF00 | major & 0xFF,
                                 minor)


@fault("wildcard-echo")
class _(Target):
    """A request for every shelf, but one slot, is answered with shelf 0xFFFF."""
    def answer(self, frame):
        reply = super().answer(frame)
        if reply and frame[16:18] == b"\xff\xff" and frame[18] != 0xFF:
            reply = reply[:16] + b"\xff\xff" + reply[18:]
        return reply


@fault("tag-cache-client")
class _(Target):
    """A read with the tag and count of another client's latest read gets that client's data."""
    last = None, None, None             # source, (tag, count), data

    def answer(self, frame):
        reply = super().answer(frame)
        if reply and len(reply) > 60 and reply[19] == 0 and frame[27] in (READ, READ_EXT):
            source, key = frame[6:12], (frame[20:24], frame[26])
            if self.last[1] == key and self.last[0] != source:
                return reply[:36] + self.last[2]
            self.last = source, key, reply[36:]
        return reply


@fault("dup-silence")
class _(Target):
    """A write that is repeated with its old tag within 10 s, its reply being lost, gets no answer."""
    seen = b"", 0.0

    def answer(self, frame):
        if len(frame) >= 36 and frame[19] == 0 and frame[27] in (WRITE, WRITE_EXT):
            now = time.monotonic()
            last, when = self.seen
            self.seen = frame, now
            if frame == last and now - when < 10:
                return None
        return super().answer(frame)


@fault("mac-stale")
class _(Target):
    """The address is read once: when the interface gets another, replies come from the old one."""
    first = None

    def mac(self):
        self.first = self.first or super().mac()
        return self.first


@fault("small-burst")
class _(Target):
    """The receive buffer holds a few frames only: a burst within the Buffer Count is lost in part."""
    def open_socket(self):
        super().open_socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)   # the kernel's least


# ---- config

@fault("config-overread")
class _(Target):
    """A config length beyond the frame is accepted: the string goes on with an older frame's bytes."""
    memory = bytes(2048)                # one buffer for all frames

    def answer(self, frame):
        self.memory = frame + self.memory[len(frame):]
        return super().answer(frame)

    def config(self, source, arg):
        return super().config(source, self.memory[24:24 + 8 + target.MAX_CONFIG])


@fault("config-nul-restart")
class _(Target):
    """A config string with a NUL in it ends there after a restart."""
    def load(self):
        super().load()
        self.config_string = self.config_string.split(b"\0")[0]


@fault("error4-stored")
class _(Target):
    """A refused set (error 4) replaces the string all the same."""
    def config(self, source, arg):
        try:
            return super().config(source, arg)
        except AoeError as error:
            if error.args[0] == CONFIG_PRESENT:
                self.save(arg[8:8 + struct.unpack_from(">H", arg, 6)[0]], self.masks)
            raise


# ---- mask list and announcement

@fault("mask-order")
class _(Target):
    """Within one request all deletes are done before the adds, whatever their order."""
    def edit(self, masks, directives):
        directives.sort(key=lambda directive: directive[0] != 2)
        return super().edit(masks, directives)


@fault("mask-undelete-restart")
class _(Target):
    """The mask list is saved only when it grows: deleted addresses are back after a restart."""
    def save(self, config_string, masks):
        if len(masks) > len(self.masks) or config_string != self.config_string:
            super().save(config_string, masks)
        self.masks = masks


@fault("announce-broadcast")
class _(Target):
    """The announcement is broadcast even when there is a mask list."""
    def announce(self):
        masks, self.masks = self.masks, []
        super().announce()
        self.masks = masks


# ---- reservation

@fault("release-anyone")
class _(Target):
    """Anyone may release: a set without addresses is not refused to one who is not on the list."""
    def reserve(self, source, arg):
        if arg[:2] == b"\1\0":
            self.holders = []
        return super().reserve(source, arg)


@fault("reserve-bsearch")
class _(Target):
    """Holders are looked up by binary search in an unsorted list: some are refused."""
    def holds(self, source):
        at = bisect.bisect_left(self.holders, source)
        return self.holders[at:at + 1] == [source]


def main(argv):
    if argv == ["--list"]:
        for name, cls in FAULTS.items():
            print("%-22s %s" % (name, cls.__doc__))
        return 0
    if len(argv) < 2 or argv[0] != "--fault" or argv[1] not in FAULTS:
        print(__doc__, file=sys.stderr)
        return 2
    return target.main(argv[2:], FAULTS[argv[1]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
