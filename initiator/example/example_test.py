"""The examples of the client library, of C++, C and Python, do what they say with real disks.

usage: example_test.py FIRST_SECTOR MIRROR SECTOR_SERVER COPY_DISK LIBAOE AOE_TARGET
"""

import os
import random
import sys

import lab

FIRST_SECTOR, MIRROR, SECTOR_SERVER, COPY_DISK, LIBAOE, TARGET = map(os.path.abspath, sys.argv[1:7])
AOE_DISK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "aoe_disk.py")
SIZE = 3 * 512 * 1024 + 512
ASK = """
import socket
with socket.create_connection(("127.0.0.1", {port})) as server:
    for lba in {lbas}:
        server.send(b"%d\\n" % lba)
        sector = b""
        while len(sector) < 512:
            sector += server.recv(512)
        print(sector.hex())
"""
WRITE = """
import sys
sys.path.insert(0, {folder!r})
from aoe_disk import Disk
with Disk("e0.2", "eth0") as disk:
    disk.write(512, b"written from Python".ljust(512, b"."))
    disk.flush()
    disk.write(512, b"")
    assert disk.read({size}, 0) == b""
    assert len(disk) == {size} and disk.read(512, 512).startswith(b"written from Python")
    try:
        disk.read({size}, 512)
    except OSError as error:
        print(error)
"""

OPEN = """
import errno, sys
sys.path.insert(0, {folder!r})
from aoe_disk import Disk
try:
    Disk({name!r}, {interface!r}, 1)
except OSError as error:
    print(errno.errorcode[error.errno], error.strerror)
"""


class Bench:
    """A client, and a server with two disks, e0.2 and e1.2."""

    def __init__(self, world, folder):
        self.content = random.Random(1).randbytes(SIZE)
        self.client, server = world.node("client"), world.node("server")
        world.join(self.client, "eth0", server, "eth0")
        for shelf, content in enumerate([self.content, bytes(SIZE)]):
            image = os.path.join(folder, f"disk{shelf}.img")
            with open(image, "wb") as file:
                file.write(content)
            server.start([TARGET, "--shelf", str(shelf), "--slot", "2", "--interface", "eth0", "--no-state", image]).wait_for("ready")
        self.folder = folder

    def image(self, shelf):
        with open(os.path.join(self.folder, f"disk{shelf}.img"), "rb") as file:
            return file.read()

    def run(self, *command, **more):
        return self.client.run(list(command), **more)

    def python(self, *arguments):
        return self.run("env", f"LIBAOE={LIBAOE}", sys.executable, *arguments).stdout


def the_first_sector(world, folder):
    bench = Bench(world, folder)
    shown = bench.run(FIRST_SECTOR, "e0.2", "eth0").stdout
    assert shown == f"e0.2: {SIZE} bytes, beginning with {bench.content[:512].hex()}\n", shown
    result = bench.run(FIRST_SECTOR, "e9.9", "eth0", check=False)
    assert (result.returncode, result.stderr) == (1, "first_sector: e9.9: no such device\n"), result


def a_mirror_of_two_disks(world, folder):
    bench = Bench(world, folder)
    assert bench.run(MIRROR, "e0.2", "e1.2", "eth0").stdout == "e0.2 and e1.2 are equal, and begin with m\n"
    expected = b"m" * 512 + bench.content[512:]
    assert bench.image(0) == expected and bench.image(1) == expected


def a_server_of_sectors(world, folder):
    bench = Bench(world, folder)
    bench.client.run(["ip", "link", "set", "lo", "up"])
    server = bench.client.start([SECTOR_SERVER, "e0.2", "eth0", "127.0.0.1", "0"])
    port = int(server.wait_for("serving e0.2 at").split(":")[-1])
    lbas = [0, 7, SIZE // 512 - 1]
    answers = bench.run(sys.executable, "-c", ASK.format(port=port, lbas=lbas)).stdout.split()
    assert answers == [bench.content[512 * lba:512 * lba + 512].hex() for lba in lbas]


def a_copy_in_c(world, folder):
    bench = Bench(world, folder)
    copy = os.path.join(folder, "copy.img")
    assert bench.run(COPY_DISK, "e0.2", "eth0", copy).stdout == f"e0.2: {SIZE} bytes\n"
    with open(copy, "rb") as file:
        assert file.read() == bench.content
    for arguments, error in [
        (["e9.9", "eth0"], "e9.9: no answer on eth0"),
        (["e0.2", "eth7"], "eth7: no such interface"),
        (["disk", "eth0"], '"disk" is no disk: eSHELF.SLOT, as in e0.2'),
    ]:
        result = bench.run(COPY_DISK, *arguments, copy, check=False)
        assert (result.returncode, result.stderr) == (1, f"copy_disk: {error}\n"), result


def disks_in_python(world, folder):
    bench = Bench(world, folder)
    shown = bench.python(AOE_DISK, "eth0").splitlines()
    assert [line.split(":")[0] for line in shown] == ["e0.2", "e1.2"], shown
    assert shown[0].startswith(f"e0.2: {SIZE} bytes, ") and shown[0].endswith(bench.content[:8].hex()), shown
    error = bench.python("-c", WRITE.format(folder=os.path.dirname(AOE_DISK), size=SIZE))
    assert "[Errno 22] e0.2: reading: " in error, error
    assert bench.image(0)[512:1024].startswith(b"written from Python")


def errors_have_codes(world, folder):
    lab.require("setpriv")
    bench = Bench(world, folder)
    no_raw = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"]
    for name, interface, prefix, expected in [
            ("e9.9", "eth0", [], "ENODEV e9.9: no answer on eth0"),
            ("e0.2", "eth7", [], "ENXIO eth7: no such interface"),
            ("e0.2", "eth*", no_raw, "EPERM eth0: opening a packet socket: Operation not permitted (CAP_NET_RAW is needed)"),
            ("e0.2", "lan*", [], "ENETDOWN lan*: matches no Ethernet interface that is up"),
            ("e0.2", "eth0, a/b", [], "EINVAL interfaces: 'a/b' is not the name of an interface")]:
        program = OPEN.format(folder=os.path.dirname(AOE_DISK), name=name, interface=interface)
        shown = bench.run(*prefix, "env", f"LIBAOE={LIBAOE}", sys.executable, "-c", program).stdout
        assert shown == expected + "\n", shown


lab.require_namespaces()
lab.play_all([the_first_sector, a_mirror_of_two_disks, a_server_of_sectors, a_copy_in_c, disks_in_python, errors_have_codes])
