"""aoe-target over cables: it follows links that come, change, go down, go away and come back, and its disk's state.

usage: live_test.py AOE_TARGET
"""

import os
import struct
import sys
import tempfile
import time

import lab

TARGET = sys.argv[1]
BROADCAST, CLIENT = bytes([0xFF] * 6), bytes.fromhex("02000000000c")
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
READ_EXT, FLUSH_EXT = 0x24, 0xEA


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


class Cable:
    """The client's end of a cable, at which frames are sent and seen."""

    def __init__(self, world, client, interface, server, server_interface, mtu=1500, mac=MAC_A):
        world.join(client, interface, server, server_interface, mtu=mtu, mac_b=mac)
        self.socket = client.packet_socket(interface)

    def next_reply(self, tag=None, timeout=10):
        """The next frame with the response flag (and this tag)."""
        deadline = time.monotonic() + timeout
        while True:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            frame = self.socket.recv(20000)
            if frame[14] & 0x08 and (tag is None or frame[20:24] == tag):
                return frame

    def announced(self):
        """The next announcement, as (source, sectors in a frame)."""
        frame = self.next_reply(tag=bytes(4))
        assert frame[0:6] == BROADCAST and frame[19] == 1, frame
        return frame[6:12], frame[28]

    def request(self, command, arg, tag=b"\x80\x00\x00\x01"):
        frame = BROADCAST + CLIENT + struct.pack(">HBBHBB", 0x88A2, 0x10, 0, 0, 2, command) + tag + arg
        self.socket.send(frame.ljust(60, b"\0"))

    def read(self, sectors, tag=b"\x80\x00\x00\x02"):
        """Reads from LBA 0 and returns the reply's status and data."""
        self.request(0, struct.pack(">BBBB8x", 0x40, 0, sectors, READ_EXT), tag)
        frame = self.next_reply(tag)
        return frame[27], frame[36:]


def start(server, folder, *arguments):
    image = os.path.join(folder, "disk.img")
    if not os.path.exists(image):
        with open(image, "wb") as file:
            file.write(b"contents")
            file.truncate(1 << 20)
    process = server.start([TARGET, "--shelf", "0", "--slot", "2", "--state", folder, *arguments, image])
    process.wait_for("ready")
    return process


def announces_and_serves_on_every_interface(world, folder):
    client, server = world.node("client"), world.node("server")
    cables = [Cable(world, client, "port0", server, "eth0", mac=MAC_A),
              Cable(world, client, "port1", server, "eth1", mac=MAC_B, mtu=9000)]
    start(server, folder)
    assert cables[0].announced() == (octets(MAC_A), 2)
    assert cables[1].announced() == (octets(MAC_B), 17)
    status, data = cables[1].read(17)
    assert status == 0x40 and len(data) == 17 * 512 and data.startswith(b"contents")


def serves_on_the_named_interface_only(world, folder):
    client, server = world.node("client"), world.node("server")
    named = Cable(world, client, "port0", server, "eth0", mac=MAC_A)
    other = Cable(world, client, "port1", server, "eth1", mac=MAC_B)
    start(server, folder, "--interface", "eth0")
    named.announced()
    other.request(1, bytes(8))
    assert named.read(1)[0] == 0x40
    try:
        other.next_reply(timeout=0.2)
        assert False, "answered on an interface that was not named"
    except TimeoutError:
        pass


def starts_before_there_is_an_interface(world, folder):
    client, server = world.node("client"), world.node("server")
    target = start(server, folder)
    assert "no Ethernet interface is up yet" in target.output
    cable = Cable(world, client, "port0", server, "eth0")
    target.wait_for("on eth0")
    assert cable.read(1)[0] == 0x40


def announces_again_when_mac_or_mtu_change(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    client.ip("link", "set", "port0", "mtu", "9000")
    target = start(server, folder)
    assert cable.announced() == (octets(MAC_A), 2)
    server.ip("link", "set", "eth0", "mtu", "9000")
    assert cable.announced() == (octets(MAC_A), 17)
    assert len(cable.read(17)[1]) == 17 * 512
    server.ip("link", "set", "eth0", "address", MAC_B)
    assert cable.announced() == (octets(MAC_B), 17)
    target.wait_for(f"on eth0 ({MAC_B}), MTU 9000, 17 sectors per frame")
    server.ip("link", "set", "eth0", "mtu", "1500")
    assert cable.announced() == (octets(MAC_B), 2)
    status, data = cable.read(3)
    assert status == 0x41, "a count beyond the new MTU is aborted"


def survives_a_link_that_goes_down(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    target = start(server, folder)
    cable.announced()
    server.ip("link", "set", "eth0", "down")
    target.wait_for("eth0 is down")
    server.ip("link", "set", "eth0", "up")
    target.wait_for("on eth0")
    assert cable.announced() == (octets(MAC_A), 2)
    assert cable.read(1)[0] == 0x40


def takes_a_named_interface_back(world, folder):
    client, server = world.node("client"), world.node("server")
    Cable(world, client, "port0", server, "eth0")
    target = start(server, folder, "--interface", "eth0")
    server.ip("link", "del", "eth0")
    target.wait_for("eth0 is gone")
    cable = Cable(world, client, "port0", server, "eth0", mac=MAC_B)
    target.wait_for(f"on eth0 ({MAC_B})")
    assert cable.read(1)[0] == 0x40


def leaves_an_interface_that_is_renamed(world, folder):
    client, server = world.node("client"), world.node("server")
    Cable(world, client, "port0", server, "eth0")
    target = start(server, folder, "--interface", "eth0")
    server.ip("link", "set", "eth0", "down")
    server.ip("link", "set", "eth0", "name", "lan0")
    target.wait_for("eth0 is gone")
    assert target.stop() == 0


def writes_are_on_disk_after_a_flush_and_after_the_end(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    target = start(server, folder)
    data = bytes(range(1, 256)) * 4 + b"last"
    tag = b"\x80\x00\x00\x03"
    cable.request(0, struct.pack(">BBBB6s2x", 0x41, 0, 2, 0x34, (7).to_bytes(6, "little")) + data[:1024], tag)
    assert cable.next_reply(tag)[27] == 0x40
    cable.request(0, struct.pack(">BBBB8x", 0x40, 0, 0, FLUSH_EXT), b"\x80\x00\x00\x04")
    assert cable.next_reply(b"\x80\x00\x00\x04")[27] == 0x40
    assert target.stop() == 0
    with open(os.path.join(folder, "disk.img"), "rb") as file:
        file.seek(7 * 512)
        assert file.read(1024) == data[:1024]


def a_truncated_image_fails_reads_and_the_target_goes_on(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    target = start(server, folder)
    os.truncate(os.path.join(folder, "disk.img"), 0)
    for _ in range(2):
        status, data = cable.read(1)
        assert status == 0x41 and not any(data), (status, data)
    assert target.stop() == 1
    target.wait_for("disk.img: flushing: Input/output error")


def a_flood_on_one_interface_starves_nobody(world, folder):
    client, server = world.node("client"), world.node("server")
    flooded = Cable(world, client, "port0", server, "eth0", mac=MAC_A)
    quiet = Cable(world, client, "port1", server, "eth1", mac=MAC_B)
    target = start(server, folder)
    flood = client.start([sys.executable, "-c", FLOOD])
    flood.wait_for("flooding")
    for number in range(20):
        assert quiet.read(1, tag=struct.pack(">I", 0x80000100 + number))[0] == 0x40
    assert target.stop() == 0, "and a signal is heard"
    flooded.socket.close()


FLOOD = """
import socket
frame = bytes([255] * 6) + bytes.fromhex("02000000000c88a2100000000201800000010000000000000000").ljust(54, b"\\0")
flood = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
flood.bind(("port0", 0))
for _ in range(1000):
    flood.send(frame)
print("flooding", flush=True)
while True:
    try:
        flood.send(frame)
    except OSError:
        pass
"""


def main():
    lab.require("ip")
    lab.require_namespaces()
    for play in [announces_and_serves_on_every_interface, serves_on_the_named_interface_only,
                 starts_before_there_is_an_interface, announces_again_when_mac_or_mtu_change,
                 survives_a_link_that_goes_down, takes_a_named_interface_back, leaves_an_interface_that_is_renamed,
                 writes_are_on_disk_after_a_flush_and_after_the_end,
                 a_truncated_image_fails_reads_and_the_target_goes_on, a_flood_on_one_interface_starves_nobody]:
        with lab.Lab() as world, tempfile.TemporaryDirectory() as folder:
            try:
                play(world, folder)
            except BaseException:
                print(f"in {play.__name__}:", file=sys.stderr)
                raise


main()
