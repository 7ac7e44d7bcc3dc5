"""An AoE client for tests that know what a disk must hold: writes, flushes and reads, several outstanding.

    disk = wire_client.Disk(size=4 << 20)                      # what a LUN must hold
    client = wire_client.Client(socket, source, (0, 2), disk, random)
    client.write(2 << 20)                                      # so many bytes at random places
    client.check()                                             # reads all of it; raises Mismatch

A sector's content names the write that it is from. Of writes that are outstanding no two meet in a sector, so what a
sector must hold is known but for those: such a sector may hold the old, the new, or some 8-byte words of each.
"""

import select
import struct
import time

SECTOR = 512
READ_EXT, WRITE_EXT, FLUSH_EXT = 0x24, 0x34, 0xEA
EXTENDED, WRITE = 0x40, 0x01
BROADCAST = bytes([0xFF] * 6)
RETRANSMIT_AFTER = 0.25  # s
FLUSH_EVERY = 100  # requests


class Mismatch(AssertionError):
    """A disk holds something else than it must."""


class Refused(AssertionError):
    """A request was answered with an error."""


class Disk:
    """What a LUN must hold. Outlives clients: a request without a reply stays possible until it is read."""

    def __init__(self, size, content=None):
        self.sectors = size // SECTOR
        self.content = bytearray(content or size)
        self.possible = {}  # sector -> what an unanswered write would make of it
        self.acknowledged = {}  # sector -> number of the acknowledgement
        self.acknowledgements = 0
        self.flushed = 0  # acknowledgements that a flush has covered
        self.writes = 0

    def next_data(self, lba, sectors):
        self.writes += 1
        return b"".join(struct.pack("<II", self.writes, lba + i) * (SECTOR // 8) for i in range(sectors))

    def check(self, lba, data):
        """Compares what was read, with nothing outstanding, and takes what was possible for settled."""
        at = lba * SECTOR
        if data == self.content[at:at + len(data)] and not self.possible:
            return
        for sector in range(lba, lba + len(data) // SECTOR):
            old = self.content[sector * SECTOR:(sector + 1) * SECTOR]
            is_there = data[(sector - lba) * SECTOR:(sector - lba + 1) * SECTOR]
            new = self.possible.pop(sector, old)
            if is_there not in (old, new):
                words = range(0, SECTOR, 8)
                if any(is_there[i:i + 8] not in (old[i:i + 8], new[i:i + 8]) for i in words):
                    raise Mismatch(self._told(sector, old, is_there))
            self.content[sector * SECTOR:(sector + 1) * SECTOR] = is_there

    def _told(self, sector, old, is_there):
        number = self.acknowledged.get(sector)
        kind = "never written" if number is None else "flushed" if number <= self.flushed else "acknowledged"
        return f"sector {sector}: holds {is_there[:8].hex()}… instead of {old[:8].hex()}…, which was {kind}"


class Client:
    """The only writer of a LUN, over one socket. `resent` counts requests that were sent again."""

    def __init__(self, socket, source, lun, disk, random, outstanding=32, sectors_max=16, sectors=None):
        self.socket = socket
        self.disk = disk
        self.resent = 0
        self.replies = 0
        self.sectors_max = sectors_max  # in a frame
        self.range = sectors or range(disk.sectors)  # what this client uses
        self._head = BROADCAST + source + struct.pack(">HBBHB", 0x88A2, 0x10, 0, *lun)
        self._random = random
        self._outstanding = outstanding
        self._tag = random.getrandbits(30)
        self._waiting = {}  # tag -> [frame, when sent, what to do with the reply, sectors of a write]
        self._busy = set()  # sectors of outstanding writes; of those sent twice, for good: a copy may still be on its way
        socket.setblocking(False)
        self._poll = select.poll()
        self._poll.register(socket, select.POLLIN)

    def write(self, volume, stop=lambda: False):
        """Writes at random places, until `volume` bytes are acknowledged or stop() says so; what is outstanding then
        stays so."""
        left = volume
        while left > 0 and not stop():
            self.fill()
            left -= sum(self.receive())

    def fill(self):
        """Sends as many writes, and now and then a flush, as may be outstanding."""
        while len(self._waiting) < self._outstanding:
            if self._random.randrange(FLUSH_EVERY) == 0:
                self._flush()
            elif not self._write_one():
                break

    def flush(self):
        self._flush()
        self.finish()

    def finish(self, timeout=30):
        """Waits until nothing is outstanding."""
        deadline = time.monotonic() + timeout
        while self._waiting:
            if time.monotonic() > deadline:
                raise Refused(f"{len(self._waiting)} requests have no reply after {timeout} s")
            self.receive()

    def check(self):
        """Reads everything that this client uses, and compares it with what the disk must hold."""
        self.finish()
        at = self.range.start
        while at < self.range.stop or self._waiting:
            while at < self.range.stop and len(self._waiting) < self._outstanding:
                count = min(self.sectors_max, self.range.stop - at)
                self._ask(READ_EXT, at, count, b"", lambda data, lba=at: self.disk.check(lba, data))
                at += count
            self.receive()
        self.disk.possible.clear()

    def receive(self):
        """Takes the replies that are there, or waits a moment for one. Returns the bytes that each acknowledges."""
        done = []
        if self._poll.poll(50):
            try:
                for _ in range(self._outstanding):
                    done.append(self._take(self.socket.recv(20000)))
            except BlockingIOError:
                pass
            except OSError:  # the interface is down; its frames are sent again
                pass
        self._send_again()
        return done

    def _take(self, frame):
        tag = frame[20:24]
        if not frame[14] & 0x08 or tag not in self._waiting:
            return 0
        if frame[14] & 0x04 or frame[27] != 0x40:
            raise Refused(f"error {frame[15]}, status {frame[27]:#x}, to {self._waiting[tag][0][:36].hex()}")
        request, _, then, sectors = self._waiting.pop(tag)
        self._busy.difference_update(sectors)
        self.replies += 1
        count = request[26]
        then(frame[36:36 + count * SECTOR])
        return count * SECTOR

    def _send_again(self):
        now = time.monotonic()
        for entry in self._waiting.values():
            if now - entry[1] < RETRANSMIT_AFTER:
                continue
            self.resent += 1
            entry[1] = now
            entry[3] = ()  # stays busy
            self._send(entry[0])

    def _send(self, frame):
        try:
            self.socket.send(frame)
        except OSError:  # no room, or the interface is down or smaller: like a frame that is lost
            pass

    def _ask(self, opcode, lba, count, data, then, sectors=()):
        self._tag = (self._tag + 1) % (1 << 30)
        tag = struct.pack(">I", 0x80000000 | self._tag)
        flags = EXTENDED | (WRITE if data else 0)
        frame = (self._head + b"\0" + tag + struct.pack(">BBBB6s2x", flags, 0, count, opcode, lba.to_bytes(6, "little"))
                 + data).ljust(60, b"\0")
        self._waiting[tag] = [frame, time.monotonic(), then, sectors]
        self._send(frame)

    def _write_one(self):
        for _ in range(10):
            count = self._random.randint(1, self.sectors_max)
            lba = self._random.randrange(self.range.start, self.range.stop - count + 1)
            sectors = range(lba, lba + count)
            if self._busy.isdisjoint(sectors):
                break
        else:
            return False
        data = self.disk.next_data(lba, count)
        for i, sector in enumerate(sectors):
            self.disk.possible[sector] = data[i * SECTOR:(i + 1) * SECTOR]
        self._busy.update(sectors)

        def acknowledged(_):
            disk = self.disk
            disk.acknowledgements += 1
            disk.content[lba * SECTOR:(lba + count) * SECTOR] = data
            for sector in sectors:
                del disk.possible[sector]
                disk.acknowledged[sector] = disk.acknowledgements

        self._ask(WRITE_EXT, lba, count, data, acknowledged, sectors)
        return True

    def _flush(self):
        covered = self.disk.acknowledgements

        def flushed(_):
            self.disk.flushed = max(self.disk.flushed, covered)

        self._ask(FLUSH_EXT, 0, 0, b"", flushed)
