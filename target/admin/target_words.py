"""The words that tests of aoe-target share: a client's end of a cable, a configuration file, and `ctl`."""

import ctypes
import itertools
import json
import os
import socket
import struct
import threading
import time

BROADCAST, CLIENT = bytes([0xFF] * 6), bytes.fromhex("02000000000c")
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
ATA, CONFIG, MASK, RESERVE = range(4)  # commands of AoE
IDENTIFY, SMART, TRIM, READ_EXT, WRITE_EXT, FLUSH_EXT = 0xEC, 0xB0, 0x06, 0x24, 0x34, 0xEA
CONFIG_READ, CONFIG_FORCE_SET = 0, 4
MASK_EDIT, MASK_ADD, MASK_DELETE = 1, 1, 2
RESERVE_SET = 1
DONE, ABORTED = 0x40, 0x41  # ATA status
UNAVAILABLE = 3  # AoE error
LOAD_TAGS = 0x90  # the first byte of the tags of a Load
SO_ATTACH_FILTER = 26
SECTOR = 512


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def config_set(text):
    """The Arg of a config request that sets this string."""
    return struct.pack(">HHBBH", 0, 0, 0, 0x10 | CONFIG_FORCE_SET, len(text)) + text


def mask_edit(*directives):
    """The Arg of a mask request with these pairs of directive and address."""
    return struct.pack(">BBBB", 0, MASK_EDIT, 0, len(directives)) + b"".join(
        bytes([0, what]) + mac for what, mac in directives)


def reserve_set(*macs):
    return bytes([RESERVE_SET, len(macs)]) + b"".join(macs)


def hear_only(socket_, ours, tags=LOAD_TAGS):
    """Lets the kernel keep from a socket the frames whose tag begins with this byte, or all others (`ours`)."""
    load, jump, leave = 0x30, 0x15, 0x06  # ldb [20]; jeq tags; ret
    program = [(load, 0, 0, 20), (jump, 0, 1, tags), (leave, 0, 0, 0xFFFF if ours else 0), (leave, 0, 0, 0 if ours else 0xFFFF)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    socket_.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(code)))


class Reply(bytes):
    """A frame with the response flag. Without an AoE error, `error` is 0."""

    error = property(lambda self: self[15] if self[14] & 0x04 else 0)
    address = property(lambda self: struct.unpack(">HB", self[16:19]))
    arg = property(lambda self: self[24:])
    status = property(lambda self: self[27])
    data = property(lambda self: self[36:])
    buffers = property(lambda self: struct.unpack(">H", self[24:26])[0])
    config_string = property(lambda self: self[32:32 + struct.unpack(">H", self[30:32])[0]])


class Cable:
    """The client's end of a cable, at which frames are sent and seen."""

    _tags = itertools.count(0x80000100)

    def __init__(self, world, client, interface, server, server_interface, mtu=1500, mac=MAC_A):
        world.join(client, interface, server, server_interface, mtu=mtu, mac_b=mac)
        self._listen(client, interface)

    @classmethod
    def at(cls, node, interface):
        """The end that is there already."""
        cable = cls.__new__(cls)
        cable._listen(node, interface)
        return cable

    def _listen(self, node, interface):
        self.client, self.interface = node, interface
        self.socket = node.packet_socket(interface)
        hear_only(self.socket, ours=False)  # a Load would fill it

    def next_reply(self, tag=None, timeout=30):
        """The next frame with the response flag (and this tag)."""
        deadline = time.monotonic() + timeout
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            frame = self.socket.recv(20000)
            if frame[14] & 0x08 and (tag is None or frame[20:24] == tag):
                return Reply(frame)

    def announced(self):
        """The next announcement, as (source, sectors in a frame)."""
        frame = self.next_reply(tag=bytes(4))
        assert frame[0:6] == BROADCAST and frame[19] == CONFIG, frame
        return frame[6:12], frame[28]

    def request(self, command, arg, tag=b"\x80\x00\x00\x01", address=(0, 2), source=CLIENT):
        frame = BROADCAST + source + struct.pack(">HBBHBB", 0x88A2, 0x10, 0, *address, command) + tag + arg
        self.socket.send(frame.ljust(60, b"\0"))

    def ask(self, command, arg=bytes(8), timeout=30, **more):
        """Sends a request and returns its Reply. A plain question is asked again each second: see ask_all()."""
        tag = struct.pack(">I", next(Cable._tags))
        deadline = time.monotonic() + timeout
        while arg == bytes(8):
            self.request(command, arg, tag, **more)
            try:
                return self.next_reply(tag, min(1, max(deadline - time.monotonic(), 0.001)))
            except TimeoutError:
                if time.monotonic() >= deadline:
                    raise
        self.request(command, arg, tag, **more)
        return self.next_reply(tag, timeout)

    def ask_all(self, number, timeout=30, address=(0xFFFF, 0xFF), **more):
        """The replies of `number` LUNs to one query, by address. It is asked again each second, as any client does: an answer is
        lost where the client's own socket is full of what was said before."""
        tag = struct.pack(">I", next(Cable._tags))
        replies, deadline = {}, time.monotonic() + timeout
        while len(replies) < number:
            self.request(CONFIG, bytes(8), tag, address=address, **more)
            try:
                while len(replies) < number:
                    reply = self.next_reply(tag, timeout=1)
                    replies[reply.address] = reply
            except TimeoutError:
                if time.monotonic() > deadline:
                    raise
        return replies

    def silent(self, address=(0, 2), source=CLIENT, command=CONFIG, arg=bytes(8), witness=None, witness_source=CLIENT):
        """Is nothing said to a request? The witness, a LUN that answers, tells that the wait is over."""
        tag = struct.pack(">I", next(Cable._tags))
        self.request(command, arg, tag, address=address, source=source)
        end = None
        if witness is not None:
            end = struct.pack(">I", next(Cable._tags))
            self.request(CONFIG, bytes(8), end, address=witness, source=witness_source)
        deadline = time.monotonic() + (30 if witness is not None else 0.2)
        try:
            while True:
                said = self.next_reply(timeout=deadline - time.monotonic())
                if said[20:24] == tag:
                    return False
                if said[20:24] == end:
                    return True
        except TimeoutError:
            if witness is not None:
                raise
            return True

    def ata(self, command, lba=0, sectors=0, data=b"", feature=0, lba_octets=None, **more):
        """Sends an ATA command and returns its Reply."""
        flags = 0x40 | (0x01 if data else 0)
        where = lba_octets or lba.to_bytes(6, "little")
        arg = struct.pack(">BBBB6s2x", flags, feature, sectors, command, where) + data
        return self.ask(ATA, arg, **more)

    def read(self, sectors=1, lba=0, **more):
        """Returns the reply's status and data."""
        reply = self.ata(READ_EXT, lba, sectors, **more)
        return reply.status, reply.data[:sectors * SECTOR]

    def write(self, data, lba=0, **more):
        """Writes whole sectors and returns the Reply."""
        return self.ata(WRITE_EXT, lba, len(data) // SECTOR, data, **more)

    def flush(self, **more):
        return self.ata(FLUSH_EXT, **more)


class Load:
    """Reads without a pause from one LUN, each of which must be answered, and right, until the block is left.

    A read that is lost is not asked for again."""

    def __init__(self, cable, address, expected, source=bytes.fromhex("02000000001d")):
        self._socket = cable.client.packet_socket(cable.interface)
        hear_only(self._socket, ours=True)
        self._address, self._expected, self._source = address, expected, source
        self._over = threading.Event()
        self._trouble = None
        self.answered = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._over.set()
        self._thread.join()
        self._socket.close()
        if error is None:
            assert self._trouble is None, f"after {self.answered} reads: {self._trouble!r}"

    def goes_on(self, reads=50, timeout=30):
        """Waits until so many more were answered."""
        wanted, deadline = self.answered + reads, time.monotonic() + timeout
        while self.answered < wanted and self._thread.is_alive() and time.monotonic() < deadline:
            self._over.wait(0.002)
        assert self.answered >= wanted, f"after {self.answered} reads: {self._trouble!r}"

    def _run(self):
        try:
            for number in itertools.count():
                if self._over.is_set():
                    return
                self._read(struct.pack(">I", LOAD_TAGS << 24 | number))
                self.answered += 1
        except Exception as trouble:  # told where the block ends
            self._trouble = trouble

    def _read(self, tag):
        arg = struct.pack(">BBBB8x", 0x40, 0, 1, READ_EXT)
        head = struct.pack(">HBBHBB", 0x88A2, 0x10, 0, *self._address, ATA)
        self._socket.send((BROADCAST + self._source + head + tag + arg).ljust(60, b"\0"))
        deadline = time.monotonic() + 20
        while True:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            reply = Reply(self._socket.recv(20000))
            if reply[14] & 0x08 and reply[20:24] == tag:
                assert reply.error == 0 and reply.status == DONE, reply
                assert reply.data[:len(self._expected)] == self._expected, reply
                return


def image(folder, name="disk.img", size=1 << 20, content=b"contents"):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
        file.truncate(size)
    return path


def configure(folder, luns, **more):
    """Writes aoe.yaml (JSON is YAML, too) with these LUNs, each a dictionary. Returns its path."""
    path = os.path.join(folder, "aoe.yaml")
    with open(path, "w") as file:
        json.dump({"state": "state", "control": "control.sock", **more, "luns": luns}, file, indent=1)
    return path


def lun(slot, path=None, **more):
    """A LUN of shelf 0 for configure()."""
    return {"shelf": 0, "slot": slot, "path": path or f"disk{slot}.img", **more}


def serve(program, world, folder, luns, *arguments, env=None, **more):
    """Starts aoe-target with a configuration file, at the other end of a cable, and waits until it is ready."""
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    target = server.start([program, "--config", configure(folder, luns, **more), *arguments], env=env)
    target.wait_for("ready")
    return cable, server, target, Control(program, server, folder)


class Control:
    """`aoe-target ctl` for the target of configure(folder)."""

    def __init__(self, program, node, folder):
        self._command = [program, "ctl", "--socket", os.path.join(folder, "control.sock")]
        self._node = node

    def __call__(self, *arguments):
        """What it prints."""
        return self._node.run([*self._command, *arguments]).stdout

    def json(self, *arguments):
        return json.loads(self(*arguments, "--json"))

    def refused(self, *arguments, status=1):
        """Exactly what it says on standard error, where it must fail. Without a target the status is 3."""
        result = self._node.run([*self._command, *arguments], check=False)
        assert result.returncode == status and result.stdout == "", result
        return result.stderr.removeprefix("aoe-target: ").rstrip("\n")
