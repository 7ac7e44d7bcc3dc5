"""aoe-target over cables: it follows links that come, change, go down, go away and come back, and its disk's state.

usage: live_test.py AOE_TARGET
"""

import os
import sys

import lab
from target_words import *

TARGET = sys.argv[1]


def start(server, folder, *arguments):
    path = os.path.join(folder, "disk.img")
    if not os.path.exists(path):
        image(folder)
    process = server.start([TARGET, "--shelf", "0", "--slot", "2", "--state", folder, *arguments, path])
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
    assert status == DONE and len(data) == 17 * 512 and data.startswith(b"contents")


def serves_on_the_named_interface_only(world, folder):
    client, server = world.node("client"), world.node("server")
    named = Cable(world, client, "port0", server, "eth0", mac=MAC_A)
    other = Cable(world, client, "port1", server, "eth1", mac=MAC_B)
    start(server, folder, "--interface", "eth0")
    named.announced()
    other.request(1, bytes(8))
    assert named.read(1)[0] == DONE
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
    assert cable.read(1)[0] == DONE


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
    assert status == ABORTED, "a count beyond the new MTU is aborted"


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
    assert cable.read(1)[0] == DONE


def takes_a_named_interface_back(world, folder):
    client, server = world.node("client"), world.node("server")
    Cable(world, client, "port0", server, "eth0")
    target = start(server, folder, "--interface", "eth0")
    server.ip("link", "del", "eth0")
    target.wait_for("eth0 is gone")
    cable = Cable(world, client, "port0", server, "eth0", mac=MAC_B)
    target.wait_for(f"on eth0 ({MAC_B})")
    assert cable.read(1)[0] == DONE


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
    data = bytes(range(256)) * 4
    assert cable.write(data, lba=7).status == DONE
    assert cable.flush().status == DONE
    assert target.stop() == 0
    with open(os.path.join(folder, "disk.img"), "rb") as file:
        file.seek(7 * SECTOR)
        assert file.read(len(data)) == data


def a_truncated_image_fails_reads_and_the_target_goes_on(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    target = start(server, folder)
    os.truncate(os.path.join(folder, "disk.img"), 0)
    for _ in range(2):
        status, data = cable.read(1)
        assert status == ABORTED and not any(data), (status, data)
    assert target.stop() == 1
    target.wait_for("disk.img: flushing: Input/output error")


def a_flood_on_one_interface_starves_nobody(world, folder):
    client, server = world.node("client"), world.node("server")
    flooded = Cable(world, client, "port0", server, "eth0", mac=MAC_A)
    quiet = Cable(world, client, "port1", server, "eth1", mac=MAC_B)
    target = start(server, folder)
    flood = client.start([sys.executable, "-c", FLOOD])
    flood.wait_for("flooding")
    for _ in range(20):
        assert quiet.read()[0] == DONE
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
    lab.play_all([announces_and_serves_on_every_interface, serves_on_the_named_interface_only,
                  starts_before_there_is_an_interface, announces_again_when_mac_or_mtu_change,
                  survives_a_link_that_goes_down, takes_a_named_interface_back, leaves_an_interface_that_is_renamed,
                  writes_are_on_disk_after_a_flush_and_after_the_end,
                  a_truncated_image_fails_reads_and_the_target_goes_on, a_flood_on_one_interface_starves_nobody])


main()
