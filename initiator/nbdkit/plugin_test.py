"""The nbdkit plugin against aoe-target: what NBD clients read, write, flush and trim through it, and what they are told when
that fails.

usage: plugin_test.py NBDKIT_AOE_PLUGIN AOE_TARGET
"""

import errno
import os
import random
import signal
import sys
import tempfile

import lab

PLUGIN, TARGET = map(os.path.abspath, sys.argv[1:3])
MEGABYTE = 1 << 20
SIZE = 16 * MEGABYTE
READ_EXT, FLUSH_EXT = 0x24, 0xEA


class Trial:
    """A client that runs nbdkit, a server with a disk e0.2 on the other end of a cable, and a folder of files."""

    def __init__(self, world, folder):
        self.folder = folder
        self.client, self.server = world.node("client"), world.node("server")
        world.join(self.client, "eth0", self.server, "eth0", mtu=9000)
        self.socket, self.pid_file = self.path("nbd.sock"), self.path("nbdkit.pid")
        self.uri = f"nbd+unix:///?socket={self.socket}"
        self.content = random.Random(1).randbytes(SIZE)
        self.image = self.path("disk.img")
        with open(self.image, "wb") as file:
            file.write(self.content)
        self.start_target()

    def path(self, name):
        return os.path.join(self.folder, name)

    def disk(self):
        with open(self.image, "rb") as file:
            return file.read()

    def start_target(self, image=None, serial="S1"):
        self.target = self.server.start([TARGET, "--shelf", "0", "--slot", "2", "--interface", "eth0", "--no-state",
                                         "--serial", serial, image or self.image])
        self.target.wait_for("ready")

    def command(self, *parameters, options=()):
        for left in self.socket, self.pid_file:
            if os.path.exists(left):
                os.remove(left)
        return ["nbdkit", "--unix", self.socket, "--pidfile", self.pid_file, *options, PLUGIN, *parameters]

    def start(self, *parameters):
        """Starts nbdkit, which serves when it writes its process number."""
        process = self.client.start(self.command("e0.2", "interface=eth0", *parameters, options=["--foreground"]))
        lab.eventually(lambda: lab.process_number(self.pid_file) or not process.running())
        assert process.running(), process.output
        return process

    def connect(self, lax=False):
        client = nbd.NBD()
        client.add_meta_context("base:allocation")
        if lax:
            client.set_strict_mode(0)  # sends what the server does not want
        client.connect_uri(self.uri)
        return client

    def wait_until_back(self, client):
        def is_back():
            try:
                return client.pread(512, 0) == self.content[:512]
            except nbd.Error:
                return False

        lab.eventually(is_back)

    def refused(self, line, *parameters):
        result = self.client.run(self.command(*parameters, options=["--foreground"]), check=False)
        assert (result.returncode, result.stderr) == (1, f"nbdkit: error: {line}\n"), result


def fails(expected, action, *arguments):
    try:
        action(*arguments)
    except nbd.Error as error:
        assert error.errnum == expected, error
    else:
        raise lab.Failure(f"no error, where {errno.errorcode[expected]} was expected")


def refuses_bad_parameters(trial):
    trial.refused("device is missing: e0.2, or device=e0.2", "interface=eth0")
    trial.refused("device=x0.2: not a device name such as e0.2", "device=x0.2")
    trial.refused("device=e65535.2: not a device name such as e0.2", "e65535.2")
    trial.refused("maxout=0: expected 1 to 65535", "e0.2", "maxout=0")
    trial.refused("profile=fast: expected rfc6298 or linux", "e0.2", "profile=fast")
    trial.refused("colour: no such parameter", "e0.2", "colour=red")
    for names in "eth7", "eth0,eth7", "eth7,eth0":
        trial.refused("eth7: no such interface", "e0.2", f"interface={names}")
    for names in "", ",", " ":
        trial.refused(f"interface={names}: '{names}' names no interface", "e0.2", f"interface={names}")
    for names in "eth0,,eth7", "eth0, eth7":
        trial.refused("eth7: no such interface", "e0.2", f"interface={names}")
    trial.refused("interface=eth0,a/b: 'a/b' is not the name of an interface", "e0.2", "interface=eth0,a/b")
    trial.refused("e9.9: no answer on eth0", "e9.9", "interface=eth0", "wait=1")
    shown = trial.client.run(["nbdkit", PLUGIN, "--help"]).stdout
    for name in "device", "interface", "deadsecs", "maxout", "profile", "wait":
        assert name + "=" in shown or f"[{name}=]" in shown, shown
    dumped = trial.client.run(["nbdkit", PLUGIN, "--dump-plugin"]).stdout.splitlines()
    assert "name=aoe" in dumped and "max_thread_model=parallel" in dumped, dumped


def says_what_the_disk_can(trial):
    server = trial.start()
    client = trial.connect()
    assert client.get_size() == SIZE
    assert client.can_flush() and client.can_fua() and client.can_trim() and client.can_multi_conn()
    assert client.can_zero() and client.can_fast_zero() and client.can_cache()
    assert not client.is_read_only()
    assert client.get_block_size(nbd.SIZE_MINIMUM) == 512
    assert client.get_block_size(nbd.SIZE_PREFERRED) == 4096
    client.shutdown()
    assert server.stop() == 0


def copies_both_ways(trial):
    server = trial.start()
    copy = trial.path("copy")
    trial.client.run(["nbdcopy", "--connections=4", trial.uri, copy])
    with open(copy, "rb") as file:
        assert file.read() == trial.content
    trial.content = random.Random(2).randbytes(SIZE)
    with open(copy, "wb") as file:
        file.write(trial.content)
    trial.client.run(["nbdcopy", "--connections=4", "--flush", copy, trial.uri])
    assert trial.disk() == trial.content
    assert server.stop() == 0


def makes_stable_what_is_to_be(trial):
    sniffer = trial.server.packet_socket("eth0")

    def wait_for_flush():
        while True:
            frame = sniffer.recv(20000)
            if not frame[14] & 0x08 and frame[19] == 0 and frame[27] == FLUSH_EXT:
                return

    server = trial.start()
    client = trial.connect()
    client.pwrite(bytes(512), 0)
    client.flush()
    wait_for_flush()
    client.pwrite(b"\x5A" * 1024, 512, nbd.CMD_FLAG_FUA)
    wait_for_flush()
    assert trial.disk()[:1536] == bytes(512) + b"\x5A" * 1024
    client.pwrite(trial.content[:1536], 0)
    client.shutdown()
    assert server.stop() == 0


def trims(trial):
    server = trial.start()
    client = trial.connect()
    before = os.stat(trial.image).st_blocks
    client.trim(4 * MEGABYTE, MEGABYTE)
    client.flush()
    assert client.pread(4 * MEGABYTE, MEGABYTE) == bytes(4 * MEGABYTE)
    assert client.pread(512, MEGABYTE - 512) == trial.content[MEGABYTE - 512:MEGABYTE]
    lab.eventually(lambda: os.stat(trial.image).st_blocks <= before - (4 * MEGABYTE >> 9) + 16)
    client.pwrite(trial.content[MEGABYTE:5 * MEGABYTE], MEGABYTE)
    client.shutdown()
    assert server.stop() == 0


def makes_zeros(trial):
    """By TRIM where that leaves zeros and the client lets it, and else by writing them."""
    server = trial.start()
    client = trial.connect()
    before = os.stat(trial.image).st_blocks
    fails(errno.EOPNOTSUPP, client.zero, MEGABYTE, MEGABYTE, nbd.CMD_FLAG_FAST_ZERO | nbd.CMD_FLAG_NO_HOLE)
    client.zero(MEGABYTE, MEGABYTE, nbd.CMD_FLAG_NO_HOLE)
    client.flush()
    assert os.stat(trial.image).st_blocks == before
    client.zero(MEGABYTE, 2 * MEGABYTE, nbd.CMD_FLAG_FAST_ZERO)
    client.zero(512, 5 * MEGABYTE + 512)
    client.flush()
    lab.eventually(lambda: os.stat(trial.image).st_blocks <= before - (MEGABYTE >> 9) + 16)
    expected = bytearray(trial.content)
    expected[MEGABYTE:3 * MEGABYTE] = bytes(2 * MEGABYTE)
    expected[5 * MEGABYTE + 512:5 * MEGABYTE + 1024] = bytes(512)
    assert trial.disk() == expected
    # No holes are known, and none are reported.
    extents = []
    client.block_status(8 * MEGABYTE, 0, lambda context, offset, entries, error: extents.append((context, entries)))
    assert extents == [("base:allocation", [8 * MEGABYTE, 0])], extents
    client.pwrite(trial.content[:6 * MEGABYTE], 0)
    client.shutdown()
    assert server.stop() == 0


def makes_zeros_where_there_is_no_trim(trial):
    lab.require("vblade")
    assert trial.target.stop() == 0
    trial.target = trial.server.start(["vblade", "0", "2", "eth0", trial.image])
    server = trial.start("wait=30")
    client = trial.connect()
    assert client.can_zero() and not client.can_fast_zero() and not client.can_trim()
    client.zero(MEGABYTE, MEGABYTE)
    assert trial.disk() == trial.content[:MEGABYTE] + bytes(MEGABYTE) + trial.content[2 * MEGABYTE:]
    client.pwrite(trial.content[MEGABYTE:2 * MEGABYTE], MEGABYTE)
    client.shutdown()
    assert server.stop() == 0
    trial.target.stop()
    trial.start_target()


def caches(trial):
    """What is to be cached is read by the target."""
    server = trial.start()
    client = trial.connect()
    with trial.server.packet_socket("eth0") as sniffer:
        client.cache(4096, 7 * 512)
        while True:
            frame = sniffer.recv(20000)
            if not frame[14] & 0x08 and frame[19] == 0 and frame[27] == READ_EXT:
                break
        assert frame[28] == 7, frame[28]
    client.shutdown()
    assert server.stop() == 0


def refuses_parts_of_sectors(trial):
    server = trial.start()
    client = trial.connect(lax=True)
    fails(errno.EINVAL, client.pread, 100, 0)
    fails(errno.EINVAL, client.pread, 512, 50)
    fails(errno.EINVAL, client.pwrite, bytes(100), 512)
    assert client.pread(512, 512) == trial.content[512:1024]
    client.shutdown()
    assert server.stop() == 0


def a_disk_that_dies_fails_requests_until_it_is_back(trial):
    server = trial.start("deadsecs=1")
    client = trial.connect()
    assert client.pread(512, 0) == trial.content[:512]
    trial.target.kill()
    fails(errno.EIO, client.pread, MEGABYTE, 0)
    fails(errno.EIO, client.pwrite, bytes(512), 0)
    fails(errno.EIO, client.flush)
    server.wait_for("e0.2: reading at 0: device is down")
    trial.start_target()
    trial.wait_until_back(client)
    client.shutdown()
    assert server.stop() == 0


def another_disk_is_not_taken_for_the_first(trial):
    server = trial.start("deadsecs=1")
    client = trial.connect()
    other = trial.path("other.img")
    for size, serial in (2 * SIZE, "S1"), (SIZE, "S2"):
        with open(other, "wb") as file:
            file.truncate(size)
        trial.target.kill()
        fails(errno.EIO, client.pread, 512, 0)
        trial.start_target(other, serial)
        server.wait_for(f'e0.2: another disk answers: serial "{serial}" and {size // 512} sectors, not "S1" and ')
        fails(errno.EIO, client.pread, 512, 0)
        fails(errno.EIO, client.pwrite, bytes(512), 0)
        assert client.get_size() == SIZE
    trial.target.kill()
    trial.start_target()
    trial.wait_until_back(client)
    client.shutdown()
    assert server.stop() == 0
    assert server.output.count("another disk answers") == 2, server.output


def serves_from_the_background(trial):
    trial.client.run(trial.command("e0.2", "interface=eth0"))
    number = lab.eventually(lambda: lab.process_number(trial.pid_file))
    client = trial.connect()
    assert client.pread(MEGABYTE, MEGABYTE) == trial.content[MEGABYTE:2 * MEGABYTE]
    client.shutdown()
    os.kill(number, signal.SIGTERM)
    assert os.waitpid(number, 0) == (number, 0)  # the laboratory's first process adopts whom nobody waits for


def main():
    lab.require("nbdkit", "nbdcopy")
    lab.require_namespaces()
    with tempfile.TemporaryDirectory() as folder, lab.Lab() as world:
        trial = Trial(world, folder)
        lab.play_all([refuses_bad_parameters, says_what_the_disk_can, copies_both_ways, makes_stable_what_is_to_be, trims,
                      makes_zeros, makes_zeros_where_there_is_no_trim, caches,
                      refuses_parts_of_sectors, a_disk_that_dies_fails_requests_until_it_is_back,
                      another_disk_is_not_taken_for_the_first, serves_from_the_background], lab.shared(trial))


try:
    import nbd
except ImportError:
    lab.skip("python3-libnbd is not installed (apt-get install python3-libnbd)")
main()
