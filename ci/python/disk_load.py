"""Reads and writes of a disk that is a file somewhere, each checked, with the time that each took.

    load = Load("/mnt/dev/etherd/e0.2")   # whose content disk_content() made
    load.start()
    ...                                   # disturb it
    load.stop()
    load.goes_on(timeout=30)              # every thread has done something from now on
    load.longest(), load.rate(begin, end), load.wrong, load.errors
    load.difference(disk_image)           # what the file behind the disk must hold now

Each thread has one request of 4 KiB outstanding, with O_DIRECT, and blocks of its own. Every 16 bytes of a block name its disk,
its number and how often it was written, so that a block of another disk, of another place or of an earlier time is found. A
thread ends at its first error, as a file system would. With Load(path, flushes=0.01) one request in a hundred is a flush.
"""

import mmap
import os
import random
import struct
import threading
import time

BLOCK = 4096
SECTOR = 512
BLOCKS = 2048
THREADS = 8
MARK = struct.Struct("<4sIQ")


def content(disk, block, generation):
    return MARK.pack(disk, block, generation) * (BLOCK // MARK.size)


def disk_content(disk):
    """A disk of that name (four bytes) to which nothing has been written."""
    return b"".join(content(disk, block, 0) for block in range(BLOCKS))


class Load:
    def __init__(self, path, flushes=0.0):
        self.file = os.open(path, os.O_RDWR | os.O_DIRECT)  # for as long as the process: closing it may wait, too
        self.flushes = flushes  # the share of requests that are flushes
        self.flushed = 0
        self.disk = None  # the name that the first block read had
        # What each block may hold: one generation, or two after a write that failed.
        self.generations = [{0} for _ in range(BLOCKS)]
        self.done = [[] for _ in range(THREADS)]  # (begin, end) of each request
        self.begun = [None] * THREADS  # of one that is outstanding
        self.wrong = []
        self.errors = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(THREADS)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self, patience):
        """Returns whether all requests ended in that time."""
        self._ended.set()
        deadline = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def goes_on(self, timeout):
        """Returns whether, within this time, each thread has ended a request that it begins from now on."""
        now = time.monotonic()
        while not all(done and done[-1][0] > now for done in self.done):
            if self.errors or time.monotonic() > now + timeout:
                return False
            time.sleep(0.002)
        return True

    def longest(self, since=0.0):
        """The longest that a request took that ended after this instant, or has taken until now, in seconds."""
        now = time.monotonic()
        took = [now - begun for begun in self.begun if begun is not None]
        for done in self.done:
            for begin, end in reversed(done):
                if end < since:
                    break
                took.append(end - begin)
        return max(took, default=0)

    def rate(self, begin, end):
        """Requests a second that ended between these instants."""
        return sum(begin <= at < end for done in self.done for _, at in done) / (end - begin)

    def difference(self, image):
        """How many blocks of the disk's image are not what was written."""
        sectors = range(0, BLOCK, SECTOR)  # a write that failed may have reached some of them
        return sum(any(image[block * BLOCK + at:block * BLOCK + at + SECTOR] not in allowed for at in sectors)
                   for block in range(BLOCKS) for allowed in [[whole[:SECTOR] for whole in self._allowed(block)]])

    def _allowed(self, block):
        return [content(self.disk, block, generation) for generation in self.generations[block]]

    def _run(self, number):
        chance = random.Random(number)
        memory = mmap.mmap(-1, BLOCK)  # direct I/O wants whole pages
        mine = range(number, BLOCKS, THREADS)
        while not self._ended.is_set():
            block = chance.choice(mine)
            self.begun[number] = begin = time.monotonic()
            try:
                if chance.random() < self.flushes:
                    os.fsync(self.file)
                    self.flushed += 1
                else:
                    (self._write if self.disk and chance.random() < 0.5 else self._read)(block, memory)
            except OSError as error:
                self.errors.append(error.strerror)
                self._ended_one(number, begin)
                return
            self._ended_one(number, begin)

    def _ended_one(self, number, begin):
        self.done[number].append((begin, time.monotonic()))
        self.begun[number] = None

    def _read(self, block, memory):
        size = os.preadv(self.file, [memory], block * BLOCK)
        self.disk = self.disk or MARK.unpack(memory[:MARK.size])[0]
        if size != BLOCK or memory[:] not in self._allowed(block):
            self.wrong.append((block, MARK.unpack(memory[:MARK.size])))

    def _write(self, block, memory):
        generation = max(self.generations[block]) + 1
        memory[:] = content(self.disk, block, generation)
        self.generations[block].add(generation)  # it may be there, whatever comes back
        os.pwritev(self.file, [memory], block * BLOCK)
        self.generations[block] = {generation}
