"""An AoE initiator to read and to test: one request at a time, sent again after a fixed timeout.

usage: initiator.py INTERFACE DEVICE DEADSECS discover
       initiator.py INTERFACE DEVICE DEADSECS read LBA COUNT     sectors, to standard output
       initiator.py INTERFACE DEVICE DEADSECS write LBA COUNT    sectors, from standard input
       initiator.py INTERFACE DEVICE DEADSECS flush
       initiator.py INTERFACE DEVICE DEADSECS session            these, as lines: suts/README.md
"""

import contextlib
import os
import socket
import struct
import sys
import time

ETHERTYPE = b"\x88\xa2"
ATA, CONFIG = 0, 1
READ_EXT, WRITE_EXT, FLUSH, IDENTIFY = 0x24, 0x34, 0xE7, 0xEC
TIMEOUT = 0.4  # seconds until a request is sent again


class Failed(Exception):
    """A request failed, and why."""


class Disk:
    def __init__(self, interface, device, deadsecs):
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88A2))
        self.wire.bind((interface, 0x88A2))
        self.me = self.wire.getsockname()[4]
        self.shelf, self.slot = (int(part) for part in device.removeprefix("e").split("."))
        self.deadsecs = deadsecs or float("inf")
        self.tag = int.from_bytes(os.urandom(3), "big")
        self.mac = None  # of the target, once discovered

    def ask(self, command, arguments, to, address):
        """Sends a request until it is answered, for deadsecs at most. Returns the answer and who sent it."""
        self.tag = 0x80000000 | self.tag + 1 & 0xFFFFFF  # the Linux driver leaves bit 31 to programs
        header = to + self.me + ETHERTYPE + struct.pack(">BBHBBI", 0x10, 0, *address, command, self.tag)
        frame = (header + arguments).ljust(60, b"\0")
        begun = time.monotonic()
        while time.monotonic() < begun + self.deadsecs:
            with contextlib.suppress(OSError):  # an interface that is down loses it, as any frame may be
                self.wire.send(frame)
            due = time.monotonic() + TIMEOUT
            while (left := due - time.monotonic()) > 0:
                self.wire.settimeout(left)
                try:
                    answer = self.wire.recv(65536)
                except TimeoutError:
                    break
                except OSError:  # the interface went down
                    continue
                if self.is_answer(answer, command):
                    return answer[24:], answer[6:12]
        raise Failed(f"no answer in {self.deadsecs:g} s")

    def is_answer(self, frame, command):
        least = {ATA: 36, CONFIG: 32}[command]
        if len(frame) < least or frame[:6] != self.me or frame[12:14] != ETHERTYPE or frame[14] & 0xF8 != 0x18:
            return False
        error, shelf, slot, of, tag = struct.unpack_from(">BHBBI", frame, 15)
        if (shelf, slot, of, tag) != (self.shelf, self.slot, command, self.tag):
            return False
        if self.mac not in (None, frame[6:12]):
            return False
        if frame[14] & 4:
            raise Failed(f"AoE error {error}")
        return True

    def ata(self, opcode, lba, count, data=b"", wants=0):
        flags = (0x40 if opcode in (READ_EXT, WRITE_EXT) else 0) | (1 if data else 0)
        registers = struct.pack(">BBBB", flags, 0, count, opcode) + lba.to_bytes(6, "little") + b"\0\0"
        answer, _ = self.ask(ATA, registers + data, self.mac, (self.shelf, self.slot))
        if answer[3] & 0xA9 or not answer[3] & 0x40:
            raise Failed(f"ATA status {answer[3]:#04x}, error {answer[1]:#04x}")
        if len(answer) < 12 + wants:
            raise Failed(f"{len(answer) - 12} of {wants} bytes of data")
        return answer[12:12 + wants]

    def discover(self):
        self.mac = None
        answer, self.mac = self.ask(CONFIG, bytes(8), b"\xff" * 6, (0xFFFF, 0xFF))
        self.most = min(answer[4] or 2, 2)  # sectors a request: two fit a frame of 1500 bytes
        words = struct.unpack("<256H", self.ata(IDENTIFY, 0, 1, wants=512))
        if words[255] & 0xFF == 0xA5 and sum(struct.pack("<256H", *words)) & 0xFF:
            raise Failed("IDENTIFY has a wrong checksum")
        self.sectors = words[100] | words[101] << 16 | words[102] << 32 or words[60] | words[61] << 16
        if self.sectors == 0 or words[106] & 0xD000 == 0x5000 and words[117] != 256:
            raise Failed("IDENTIFY tells of no disk with sectors of 512 bytes")

    def move(self, opcode, lba, count, data=b""):
        if self.mac is None:
            self.discover()
        if lba + count > self.sectors:
            raise Failed(f"the disk has {self.sectors} sectors")
        done = b""
        while count:
            some = min(count, self.most)
            done += self.ata(opcode, lba, some, data[:some * 512], wants=512 * some if opcode == READ_EXT else 0)
            lba, count, data = lba + some, count - some, data[some * 512:]
        return done

    def carry_out(self, words):
        if words[0] == "read":
            return self.move(READ_EXT, int(words[1]), int(words[2]))
        if words[0] == "write":
            size = int(words[2]) * 512
            self.move(WRITE_EXT, int(words[1]), int(words[2]), sys.stdin.buffer.read(size))
        elif words[0] == "flush":
            if self.mac is None:
                self.discover()
            self.ata(FLUSH, 0, 0)
        else:
            self.discover()
        return b""


def session(disk):
    print("ready", flush=True)
    for line in sys.stdin.buffer:
        try:
            sys.stdout.buffer.write(b"ok\n" + disk.carry_out(line.decode().split()))
        except (Failed, OSError) as error:
            disk.mac = None  # it may be another's by now
            print(f"error {error}")
        sys.stdout.flush()


def main():
    disk = Disk(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    if sys.argv[4] == "session":
        session(disk)
        return
    try:
        sys.stdout.buffer.write(disk.carry_out(sys.argv[4:]))
    except (Failed, OSError) as error:
        sys.exit(f"initiator.py: {error}")


main()
