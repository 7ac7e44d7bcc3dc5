#!/usr/bin/env python3
"""A small AoE (ATA over Ethernet) target: one file, served as one disk.

    target.py SHELF SLOT INTERFACE IMAGE [--buffers N] [--state FILE]

It runs in the foreground, needs CAP_NET_RAW, and ends with status 0 at SIGTERM.
The config string and the mask list are kept in the state file (IMAGE.aoe-state);
a reservation lives as long as the process.
"""
import argparse
import errno
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
import zlib

ETHERTYPE = 0x88A2
BROADCAST = b"\xff" * 6
SECTOR = 512
MIN_FRAME = 60                  # without the checksum that the card adds
HEADER = struct.Struct(">6s6sHBBHBBI")   # MACs, type, Ver/Flags, Error, Major, Minor, Command, Tag
CONFIG = struct.Struct(">HHBBH")         # buffers, firmware, sectors, Ver/CCmd, length
VERSION, FLAG_R, FLAG_E = 1, 0x8, 0x4
FIRMWARE = 0x0100
MAX_CONFIG = 1024

# AoE errors (a frame with E set)
BAD_COMMAND, BAD_ARG, UNAVAILABLE, CONFIG_PRESENT, BAD_VERSION, RESERVED = 1, 2, 3, 4, 5, 6

# ATA: AFlags, commands, status and error bits
AF_WRITE, AF_KNOWN = 0x01, 0x53
READ, READ_EXT, WRITE, WRITE_EXT = 0x20, 0x24, 0x30, 0x34
IDENTIFY, FLUSH, FLUSH_EXT, CHECK_POWER = 0xEC, 0xE7, 0xEA, 0xE5
DRDY, ERR = 0x40, 0x01
ABRT, IDNF, UNC = 0x04, 0x10, 0x40

# ioctls of an interface, and a struct ifreq
SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFHWADDR = 0x8913, 0x8921, 0x8927
IFF_RUNNING = 0x40
SO_RCVBUFFORCE = 33
RECEIVE_BUFFER = 32 << 20
POLL_SECONDS = 0.2


class AoeError(Exception):
    """Answered by a frame with the E flag; args[0] is the AoE error code."""


class AtaError(Exception):
    """Answered by ATA registers; args are the error register and the sectors left undone."""


class Target:
    def __init__(self, shelf, slot, interface, image, buffers=64, state=None):
        self.shelf, self.slot, self.interface = shelf, slot, interface
        self.buffers = buffers
        self.disk = os.open(image, os.O_RDWR | os.O_CLOEXEC)
        self.serial = "%d.%d-%08X" % (shelf, slot, zlib.crc32(os.path.realpath(image).encode()))
        self.state_file = state or image + ".aoe-state"
        self.config_string = b""
        self.masks = []         # addresses admitted; none: everyone
        self.holders = []       # addresses of the reservation; none: not reserved
        self.commands = {0: self.ata, 1: self.config, 2: self.mask, 3: self.reserve}
        self.load()
        self.sock = None
        self.index = None       # number of the interface that the socket is bound to
        self.went_down = False  # seen by the socket since the last look
        self.open_socket()

    # ---- what survives a restart

    def load(self):
        try:
            with open(self.state_file) as file:
                state = json.load(file)
        except FileNotFoundError:
            return
        self.config_string = bytes.fromhex(state["config"])
        self.masks = [bytes.fromhex(mac) for mac in state["masks"]]
        if len(self.config_string) > MAX_CONFIG or any(len(mac) != 6 for mac in self.masks):
            raise ValueError("bad state file " + self.state_file)

    def save(self, config_string, masks):
        """Make a change last, then let it take effect: an answer follows only after this."""
        state = {"config": config_string.hex(), "masks": [mac.hex() for mac in masks]}
        new = self.state_file + ".new"
        with open(new, "w") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.state_file)
        folder = os.open(os.path.dirname(os.path.abspath(self.state_file)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self.config_string, self.masks = config_string, masks

    # ---- the interface

    def open_socket(self):
        if self.sock:
            self.sock.close()
        # Protocol 0 receives nothing until it is bound, so no frame of another interface gets in.
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
        except OSError:         # not allowed: as much as the system grants
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        index, self.index = socket.if_nametoindex(self.interface), None
        self.sock.bind((self.interface, ETHERTYPE))
        self.index = index

    def ifreq(self, request):
        name = struct.pack("40s", self.interface.encode())
        return fcntl.ioctl(self.sock, request, name)[16:]

    def mac(self):
        return self.ifreq(SIOCGIFHWADDR)[2:8]

    def mtu(self):
        return struct.unpack_from("i", self.ifreq(SIOCGIFMTU))[0]

    def carrier(self):
        return bool(struct.unpack_from("H", self.ifreq(SIOCGIFFLAGS))[0] & IFF_RUNNING)

    def link(self):
        """What makes clients need another announcement when it changes; None: no interface."""
        try:
            if socket.if_nametoindex(self.interface) != self.index:
                self.open_socket()      # deleted and made again
            return self.index, self.mac(), self.mtu(), self.carrier()
        except OSError:
            return None

    def max_sectors(self):
        return max(0, min(255, (self.mtu() - 22) // SECTOR))

    # ---- frames

    def build(self, destination, error, command, tag, arg):
        flags = VERSION << 4 | FLAG_R | (FLAG_E if error else 0)
        return HEADER.pack(destination, self.mac(), ETHERTYPE, flags, error,
                           self.shelf, self.slot, command, tag) + arg

    def pad(self, frame):
        return frame.ljust(MIN_FRAME, b"\0")

    def send(self, frame):
        try:
            self.sock.send(self.pad(frame))
        except OSError as error:
            if error.errno != errno.EMSGSIZE:   # link down and the like: as if lost on the wire
                return
            # The MTU has shrunk below what this answer needs: refuse rather than be silent.
            head = bytearray(frame[:HEADER.size])
            head[14:16] = VERSION << 4 | FLAG_R | FLAG_E, BAD_ARG
            try:
                self.sock.send(self.pad(bytes(head)))
            except OSError:
                pass

    def announce(self):
        for destination in self.masks or [BROADCAST]:
            self.send(self.build(destination, 0, 1, 0, self.config_arg(0)))

    def addressed(self, major, minor):
        return major in (self.shelf, 0xFFFF) and minor in (self.slot, 0xFF)

    def answer(self, frame):
        """The reply to a frame, or None for silence."""
        if len(frame) < HEADER.size:
            return None
        _, source, ethertype, flags, _, major, minor, command, tag = HEADER.unpack_from(frame)
        if ethertype != ETHERTYPE or flags & FLAG_R or source[0] & 1:
            return None
        if not self.addressed(major, minor):
            return None
        if self.masks and source not in self.masks:
            return None
        try:
            if flags >> 4 != VERSION:
                raise AoeError(BAD_VERSION)
            if command not in self.commands:
                raise AoeError(BAD_COMMAND)
            arg = self.commands[command](source, frame[HEADER.size:])
        except AoeError as error:
            return self.build(source, error.args[0], command, tag, b"")
        if arg is None:
            return None
        return self.build(source, 0, command, tag, arg)

    # ---- command 0: ATA

    def ata(self, source, arg):
        if len(arg) < 12:
            raise AoeError(BAD_ARG)
        aflags, _, count, command = arg[:4]
        if self.holders and command != IDENTIFY and not self.holds(source):
            raise AoeError(RESERVED)
        try:
            left, data = self.execute(aflags, count, command, arg[4:10], arg[12:])
            registers = aflags & AF_KNOWN, 0, left, DRDY
        except AtaError as error:
            registers, data = (aflags & AF_KNOWN, error.args[0], error.args[1], DRDY | ERR), b""
        except OSError as error:                # the file fails
            if error.errno in (errno.ENODEV, errno.ENXIO):
                raise AoeError(UNAVAILABLE)     # it has gone for good
            register = UNC if command in (READ, READ_EXT) else ABRT
            registers, data = (aflags & AF_KNOWN, register, count, DRDY | ERR), b""
        return bytes(registers) + arg[4:10] + b"\0\0" + data

    def holds(self, source):
        return source in self.holders

    def execute(self, aflags, count, command, lba, data):
        """Run one ATA command: the sector count register and the data of its reply."""
        if command == IDENTIFY and count == 1:
            return 0, self.identify()
        if command in (READ, READ_EXT):
            lba = self.lba(command, lba)
            self.check_range(lba, count)
            return 0, self.read(lba, count)
        if command in (WRITE, WRITE_EXT):
            lba = self.lba(command, lba)
            self.check_range(lba, count)
            if not aflags & AF_WRITE or len(data) < count * SECTOR:
                raise AtaError(ABRT, count)     # nothing is written
            self.write(lba, data[:count * SECTOR])
            return 0, b""
        if command in (FLUSH, FLUSH_EXT):
            self.flush(command)
            return 0, b""
        if command == CHECK_POWER:
            return 0xFF, b""                    # active
        raise AtaError(ABRT, count)

    def lba(self, command, field):
        number = int.from_bytes(field, "little")
        return number if command in (READ_EXT, WRITE_EXT) else number & 0x0FFFFFFF

    def check_range(self, lba, count):
        if not 1 <= count <= self.max_sectors():    # 0 would be 256 or 65536
            raise AtaError(ABRT, count)
        if lba + count > self.sectors():
            raise AtaError(IDNF, count)

    def sectors(self):
        return os.lseek(self.disk, 0, os.SEEK_END) // SECTOR

    def read(self, lba, count):
        data = b""
        while len(data) < count * SECTOR:
            more = os.pread(self.disk, count * SECTOR - len(data), lba * SECTOR + len(data))
            if not more:                        # the file has just shrunk
                raise AtaError(UNC, count)
            data += more
        return data

    def write(self, lba, data):
        done = 0
        while done < len(data):
            done += os.pwrite(self.disk, data[done:], lba * SECTOR + done)

    def flush(self, command):
        os.fsync(self.disk)

    def identify_words(self):
        words = [0] * 256
        sectors = self.sectors()

        def text(first, last, string):          # two characters a word, the first one high
            size = (last - first + 1) * 2
            raw = string.encode("ascii").ljust(size)[:size]
            words[first:last + 1] = struct.unpack(">%dH" % (size // 2), raw)

        words[0] = 0x0040                       # a fixed disk
        words[1], words[3], words[6] = min(16383, sectors // (16 * 63)), 16, 63
        text(10, 19, self.serial)
        text(23, 26, "1.0")
        text(27, 46, "AoE example target")
        words[47] = 0x8000                      # no READ MULTIPLE
        words[49] = 1 << 9                      # LBA
        words[50] = 0x4000
        lba28 = min(sectors, 0x0FFFFFFF)
        words[60:62] = lba28 & 0xFFFF, lba28 >> 16
        words[80] = 0x00F0                      # ATA-4 to ATA-7
        words[82] = words[85] = 1 << 5          # a write cache, and it is on
        words[86] = 1 << 10 | 1 << 12 | 1 << 13     # LBA48, FLUSH CACHE, FLUSH CACHE EXT
        words[83] = 0x4000 | words[86]
        words[84] = words[87] = 0x4000
        words[100:104] = [sectors >> shift & 0xFFFF for shift in (0, 16, 32, 48)]
        words[106] = 0x4000                     # logical = physical = 512 bytes
        return words

    def identify(self):
        block = struct.pack("<255H", *self.identify_words()[:255]) + b"\xa5"
        return block + bytes([-sum(block) & 0xFF])      # all 512 bytes add up to zero

    # ---- command 1: query config information

    def config_arg(self, ccmd):
        return CONFIG.pack(self.buffers, FIRMWARE, self.max_sectors(), VERSION << 4 | ccmd,
                           len(self.config_string)) + self.config_string

    def config(self, source, arg):
        if len(arg) < CONFIG.size:
            raise AoeError(BAD_ARG)
        _, _, _, ccmd, length = CONFIG.unpack_from(arg)
        ccmd &= 0x0F
        string = arg[CONFIG.size:CONFIG.size + length]
        if ccmd > 4 or length > MAX_CONFIG or len(string) < length:
            raise AoeError(BAD_ARG)
        mine = self.config_string
        if ccmd == 1 and string != mine or ccmd == 2 and not mine.startswith(string):
            return None
        if ccmd == 3 and mine and string != mine:       # the same again: a retransmission
            raise AoeError(CONFIG_PRESENT)
        if ccmd in (3, 4) and string != mine:
            try:
                self.save(string, self.masks)
            except OSError as error:
                print("state file:", error, file=sys.stderr)
                return None                     # no change, no answer: the client asks again
        return self.config_arg(ccmd)

    # ---- command 2: MAC mask list

    def mask(self, source, arg):
        if len(arg) < 4:
            raise AoeError(BAD_ARG)
        mcmd, dir_count = arg[1], arg[3]
        if mcmd > 1 or len(arg) < 4 + 8 * dir_count:
            raise AoeError(BAD_ARG)
        if mcmd == 1:
            directives = [(arg[at + 1], arg[at + 2:at + 8]) for at in range(4, 4 + 8 * dir_count, 8)]
            masks, done, merror = self.edit(list(self.masks), directives)
            try:
                if masks != self.masks:
                    self.save(self.config_string, masks)
            except OSError as error:
                print("state file:", error, file=sys.stderr)
                done, merror = 0, 1
            if merror:                          # show what was done before the bad one
                return bytes((0, mcmd, merror, done)) + b"".join(
                    bytes((0, dcmd)) + mac for dcmd, mac in directives[:done])
        return bytes((0, mcmd, 0, len(self.masks))) + b"".join(
            b"\0\1" + mac for mac in self.masks)

    def edit(self, masks, directives):
        """Run the directives on a list: the new list, how many were done, MError."""
        full = min(255, (self.mtu() - 14) // 8)         # the list must fit one reply
        for done, (dcmd, mac) in enumerate(directives):
            if dcmd > 2:
                return masks, done, 2
            if dcmd == 1 and mac not in masks:
                if len(masks) >= full:
                    return masks, done, 3
                masks.append(mac)
            if dcmd == 2 and mac in masks:
                masks.remove(mac)
        return masks, len(directives), 0

    # ---- command 3: reserve / release

    def reserve(self, source, arg):
        if len(arg) < 2:
            raise AoeError(BAD_ARG)
        rcmd, nmacs = arg[0], arg[1]
        if rcmd > 2 or len(arg) < 2 + 6 * nmacs:
            raise AoeError(BAD_ARG)
        if rcmd == 1 and self.holders and not self.holds(source):
            raise AoeError(RESERVED)
        if rcmd in (1, 2):
            asked = [arg[at:at + 6] for at in range(2, 2 + 6 * nmacs, 6)]
            self.holders = list(dict.fromkeys(asked))   # each once, in order
        return bytes((rcmd, len(self.holders))) + b"".join(self.holders)

    # ---- the loop

    def receive(self):
        """Take one frame and answer it; False when there is none."""
        try:
            frame, address = self.sock.recvfrom(65600, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:                         # the interface was set down
            self.went_down = True
            return False
        # The kernel knows our address and VLANs: take only what is for us or for everyone.
        if address[2] in (socket.PACKET_HOST, socket.PACKET_BROADCAST):
            try:
                reply = self.answer(frame)
                if reply:
                    self.send(reply)
            except Exception:                   # whatever arrives, go on
                traceback.print_exc()
        return True

    def run(self):
        link = self.link()
        self.announce()
        look = time.monotonic() + POLL_SECONDS
        while True:
            wait = look - time.monotonic()
            if wait <= 0:
                before, link = link, self.link()
                if link and link[3] and (link != before or self.went_down):
                    self.went_down = False
                    try:
                        self.announce()
                    except OSError:             # it has gone in this moment
                        pass
                look = time.monotonic() + POLL_SECONDS
                continue
            if select.select([self.sock], [], [], wait)[0]:
                for _ in range(64):
                    if not self.receive():
                        break


def main(argv, make=Target):
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    parser = argparse.ArgumentParser(description="AoE target")
    parser.add_argument("shelf", type=int)
    parser.add_argument("slot", type=int)
    parser.add_argument("interface")
    parser.add_argument("image")
    parser.add_argument("--buffers", type=int, default=64, metavar="N")
    parser.add_argument("--state", metavar="FILE")
    args = parser.parse_args(argv)
    if not (0 <= args.shelf < 0xFFFF and 0 <= args.slot < 0xFF and 1 <= args.buffers <= 0xFFFF):
        parser.error("shelf 0-65534, slot 0-254, buffers 1-65535")
    try:
        target = make(args.shelf, args.slot, args.interface, args.image, args.buffers, args.state)
        target.run()
    except (OSError, ValueError, KeyError, TypeError) as error:
        print("target:", error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
