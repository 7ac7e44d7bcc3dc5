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


def pcap(frames, snapshot=262144, link=1, times=None):
    """A capture with a frame each 100 us, or at these times (us since the epoch)."""
    parts = [struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, snapshot, link)]
    for number, one in enumerate(frames):
        time = 1000 * 10**6 + number * 100 if times is None else times[number]
        parts += [struct.pack("<IIII", time // 10**6, time % 10**6, len(one[:snapshot]), len(one)), one[:snapshot]]
    return b"".join(parts)


def cooked(frames, version, outgoing=None):
    """Frames as a capture of the interface "any" has them (link type 113 or 276): it leaves out the destination."""
    def one(content):
        is_sent = content[6:12] == CLIENT if outgoing is None else outgoing
        kind = 4 if is_sent else 1 if content[:6] == b"\xff" * 6 and outgoing is not None else 0  # by this host, to all, or to it
        if version == 1:
            return struct.pack(">HHH", kind, 1, 6) + content[6:12] + bytes(2) + content[12:]
        return content[12:14] + struct.pack(">HIHBB", 0, 2, 1, kind, 6) + content[6:12] + bytes(2) + content[14:]
    return [one(content) for content in frames]


def tagged(content, *tags):
    """`tags`: pairs of a type and a VLAN, the outer one first."""
    return content[:12] + b"".join(struct.pack(">HH", *tag) for tag in tags) + content[12:]


def tag_of(frame_bytes):
    return struct.unpack(">I", frame_bytes[20:24])[0]
