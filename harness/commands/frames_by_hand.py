"""Frames of AoE and captures by hand, for the tests of check, replay and record."""

import struct


def mac(number):
    return bytes([2, 0, 0, 0, 0, number])


CLIENT, SERVER, STRANGER = mac(1), mac(2), mac(7)
RESPONSE, ERROR = 8, 4


def frame(destination, source, tag, argument, flags=0, error=0, command=0, version=1, slot=1):
    header = destination + source + b"\x88\xa2" + bytes([version << 4 | flags, error])
    return (header + struct.pack(">HBBI", 1, slot, command, tag) + argument).ljust(60, b"\0")


def read(tag, lba=0, destination=SERVER, source=CLIENT):
    return frame(destination, source, tag, bytes([0x40, 0, 1, 0x24]) + struct.pack("<Q", lba)[:6] + bytes(2))


def done(tag, destination=CLIENT, source=SERVER, status=0x40):
    return frame(destination, source, tag, bytes([0x40, 0, 0, status]) + bytes(8) + bytes(512), RESPONSE)


def config(tag, destination=CLIENT, source=SERVER):
    return frame(destination, source, tag, struct.pack(">HHBBH", 4, 1, 2, 0x10, 0), RESPONSE, command=1)


def query(tag, destination=SERVER, source=CLIENT):
    return frame(destination, source, tag, bytes(8), command=1)


def pcap(frames, snapshot=262144, link=1):
    """A capture with a frame each 100 us."""
    content = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, snapshot, link)
    for number, one in enumerate(frames):
        content += struct.pack("<IIII", 1000, number * 100, len(one[:snapshot]), len(one)) + one[:snapshot]
    return content


def tag_of(frame_bytes):
    return struct.unpack(">I", frame_bytes[20:24])[0]
