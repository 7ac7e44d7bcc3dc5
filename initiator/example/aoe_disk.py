#!/usr/bin/python3
"""AoE disks in Python, by ctypes and libaoe. As a program it prints the disks of an interface and the first bytes of each.

usage: aoe_disk.py INTERFACE
"""

import ctypes
import os
import sys


class Options(ctypes.Structure):
    _fields_ = [("interfaces", ctypes.c_char_p), ("wait", ctypes.c_uint), ("deadsecs", ctypes.c_uint), ("reserved", ctypes.c_void_p * 4)]


class Found(ctypes.Structure):
    _fields_ = [("device", ctypes.c_char_p), ("size", ctypes.c_uint64), ("model", ctypes.c_char_p), ("serial", ctypes.c_char_p)]


LISTENER = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(Found))
OFFSET = ctypes.c_uint64
aoe = ctypes.CDLL(os.environ.get("LIBAOE", "libaoe.so.0"), use_errno=True)
aoe.aoe_open.restype = ctypes.c_void_p
aoe.aoe_open.argtypes = [ctypes.c_char_p, ctypes.POINTER(Options)]
aoe.aoe_close.argtypes = [ctypes.c_void_p]
aoe.aoe_size.restype = ctypes.c_uint64
aoe.aoe_size.argtypes = [ctypes.c_void_p]
aoe.aoe_read.argtypes = [ctypes.c_void_p, OFFSET, ctypes.c_char_p, ctypes.c_size_t]
aoe.aoe_write.argtypes = [ctypes.c_void_p, OFFSET, ctypes.c_char_p, ctypes.c_size_t]
aoe.aoe_flush.argtypes = [ctypes.c_void_p]
aoe.aoe_trim.argtypes = [ctypes.c_void_p, OFFSET, OFFSET]
aoe.aoe_discover.argtypes = [ctypes.POINTER(Options), LISTENER, ctypes.c_void_p]
aoe.aoe_error.restype = ctypes.c_char_p


def checked(result):
    """What a function of the library returns; what it complains of is an OSError."""
    if result is None or result == -1:
        raise OSError(ctypes.get_errno(), aoe.aoe_error().decode())
    return result


class Disk:
    """with Disk("e0.2", "eth0") as disk: disk.read(0, 512)"""

    def __init__(self, name, interfaces=None, wait=3):
        options = Options(interfaces.encode() if interfaces else None, wait)
        self._disk = checked(aoe.aoe_open(name.encode(), options))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        aoe.aoe_close(self._disk)

    def __len__(self):
        return aoe.aoe_size(self._disk)

    def read(self, offset, size):
        into = ctypes.create_string_buffer(size)
        checked(aoe.aoe_read(self._disk, offset, into, size))
        return into.raw

    def write(self, offset, data):
        checked(aoe.aoe_write(self._disk, offset, data, len(data)))

    def flush(self):
        checked(aoe.aoe_flush(self._disk))

    def trim(self, offset, length):
        checked(aoe.aoe_trim(self._disk, offset, length))


def discover(interfaces=None, wait=1):
    """The disks that answer, as (name, bytes, model, serial number)."""
    disks = []

    def found(_, disk):
        it = disk.contents
        disks.append((it.device.decode(), it.size, it.model.decode(), it.serial.decode()))

    checked(aoe.aoe_discover(Options(interfaces.encode() if interfaces else None, wait), LISTENER(found), None))
    return disks


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[-1])
    for name, size, model, serial in discover(sys.argv[1]):
        with Disk(name, sys.argv[1]) as disk:
            print(f"{name}: {size} bytes, {model} {serial}, beginning with {disk.read(0, 512)[:8].hex()}")


if __name__ == "__main__":
    main()
