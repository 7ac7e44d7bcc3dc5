"""Files for a fuzzer to start from: the first frames of each capture in a folder, in every format that is read.

usage: capture_corpus.py FOLDER_OF_CAPTURES FOLDER
"""

import glob
import os
import struct
import sys

CAPTURES, CORPUS = sys.argv[1:3]
FRAMES = 6
ETHERNET, SLL, SLL2 = 1, 113, 276


def frames_of(path):
    """Those of a capture with times in nanoseconds, as this project writes it."""
    with open(path, "rb") as file:
        content = file.read()
    at, frames = 24, []
    while at < len(content) and len(frames) < FRAMES:
        size = struct.unpack_from("<I", content, at + 8)[0]
        frames.append(content[at + 16:at + 16 + size])
        at += 16 + size
    return frames


def pcap(frames, link=ETHERNET, order="<", magic=0xa1b2c3d4, more=b""):
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for number, one in enumerate(frames):
        parts += [struct.pack(order + "IIII", 1000, number, len(one), len(one)) + more, one]
    return b"".join(parts)


def pcapng(frames, order="<"):
    """Two sections, with an interface of each kind of time, a statistics block, and each kind of packet block."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        length = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + length + body + length

    def option(code, value):
        return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)

    parts = []
    for _ in range(2):
        parts.append(block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1)))
        parts.append(block(1, struct.pack(order + "HHI", ETHERNET, 0, 96)))
        parts.append(block(1, struct.pack(order + "HHI", ETHERNET, 0, 0) + option(9, b"\x09") +
                           option(14, struct.pack(order + "q", 7)) + option(0, b"")))
        for number, one in enumerate(frames):
            parts.append(block(6, struct.pack(order + "IIIII", number % 2, 0, number, len(one), len(one)) + one))
        parts.append(block(2, struct.pack(order + "HHIIII", 0, 0, 0, 9, len(frames[0]), len(frames[0])) + frames[0]))
        parts.append(block(3, struct.pack(order + "I", len(frames[0])) + frames[0]))
        parts.append(block(5, struct.pack(order + "III", 0, 0, 0) + option(5, struct.pack(order + "Q", 3))))
    return b"".join(parts)


def cooked(frames, version):
    def one(content):
        if version == 1:
            return struct.pack(">HHH", 4, 1, 6) + content[6:12] + bytes(2) + content[12:]
        return content[12:14] + struct.pack(">HIHBB", 0, 2, 1, 0, 6) + content[6:12] + bytes(2) + content[14:]
    return [one(content) for content in frames]


os.makedirs(CORPUS, exist_ok=True)
captures = sorted(glob.glob(os.path.join(CAPTURES, "*.pcap")))
assert captures, f"{CAPTURES}: no captures"
for path in captures:
    some = frames_of(path)
    files = {"little": pcap(some), "big": pcap(some, order=">"), "nanoseconds": pcap(some, magic=0xa1b23c4d),
             "modified": pcap(some, magic=0xa1b2cd34, more=bytes(8)), "sll": pcap(cooked(some, 1), SLL),
             "sll2": pcap(cooked(some, 2), SLL2), "radio": pcap(some, 105), "pcapng": pcapng(some),
             "pcapng-big": pcapng(some, ">")}
    for kind, content in files.items():
        name = os.path.basename(path).removesuffix(".pcap")
        with open(os.path.join(CORPUS, f"{name}-{kind}"), "wb") as file:
            file.write(content)
