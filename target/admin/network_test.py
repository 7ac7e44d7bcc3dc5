"""aoe-target on networks that are hostile, come and go, are full, or carry thousands of LUNs.

usage: network_test.py AOE_TARGET
"""

import contextlib
import os
import re
import socket
import struct
import sys
import time

import lab
from target_words import *

TARGET = sys.argv[1]
FLOODER = bytes.fromhex("0200000f100d")
SO_RCVBUFFORCE = 33


def start(server, folder, *arguments):
    target = server.start([TARGET, "--shelf", "0", "--slot", "2", "--no-state", *arguments, image(folder)])
    target.wait_for("ready")
    return target


@contextlib.contextmanager
def flood(cable, shelf=0, slot=2, command=ATA):
    """Reads or config queries, as fast as a process can ask, from a source of its own; its tags are those that a Load has."""
    head = struct.pack(">HBB", shelf, slot, command).hex()
    process = cable.client.start([sys.executable, "-c", FLOOD, cable.interface, head])
    process.wait_for("flooding")
    yield process
    process.kill()


FLOOD = f"""
import socket, struct, sys
frame = bytes([255] * 6) + bytes.fromhex("{FLOODER.hex()}88a21000" + sys.argv[2] + "0000000040000124") + bytes(24)
frame = frame[:20] + bytes([{LOAD_TAGS}, 0, 0, 1]) + frame[24:]
flood = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
flood.bind((sys.argv[1], 0))
for number in range(1 << 62):
    try:
        flood.send(frame)
    except OSError:
        pass
    if number == 1000:
        print("flooding", flush=True)
"""


def a_flood_from_one_source_starves_few_others(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    target = start(server, folder)
    served = 0
    sources = [bytes([2, 0, 0, 0, 0xAB, number]) for number in range(16)]
    with flood(cable):
        for source in sources:
            try:
                # Not one retransmission: each is answered within a second.
                served += all(cable.read(source=source, timeout=1)[0] == DONE for _ in range(3))
            except TimeoutError:
                pass  # it shares the flooder's lane
    # Of eight lanes the flood fills one, in which two of sixteen sources are expected.
    print(f"{served} of {len(sources)} sources were served during a flood")
    assert served >= 10, f"{served} of {len(sources)} sources were served"
    assert cable.read(source=FLOODER)[0] == DONE, "the flooder, once it has calmed down"
    assert target.stop() == 0


def many(server, folder):
    """A target of 4,080 LUNs."""
    luns = [{"shelf": shelf, "slot": slot, "path": "memory:1MiB"} for shelf in range(16) for slot in range(255)]
    target = server.start([TARGET, "--config", configure(folder, luns), "--no-state"])
    target.wait_for("ready")
    return target


def wildcards_from_one_source_starve_nobody(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    target = many(server, folder)
    served = 0
    sources = [bytes([2, 0, 0, 0, 0xAB, number]) for number in range(16)]
    with flood(cable, 0xFFFF, 0xFF, CONFIG):
        for source in sources:
            try:
                served += all(cable.read(source=source, timeout=1)[0] == DONE for _ in range(3))
            except TimeoutError:
                pass  # it shares the flooder's lane
    report = Control(TARGET, server, folder).json("stats")["report"]
    dropped = sum(port["wildcards_dropped"] for port in report["ports"])
    print(f"{served} of {len(sources)} sources were served during a flood of wildcards, of which {dropped} were dropped")
    assert served >= 10, f"{served} of {len(sources)} sources were served"
    assert dropped > 0
    assert target.stop() == 0


def at_a_slow_link(world):
    """A server that sends by 10 Mbit/s, and the client's end, with room for all that comes: none is lost behind the link."""
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    shaped = server.run(["tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "10mbit", "burst", "16k", "limit", "64k"],
                        check=False)
    if shaped.returncode != 0:
        raise lab.Skipped(f"tc: {shaped.stderr.strip()}")
    try:
        cable.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    except PermissionError:
        raise lab.Skipped("a receive buffer for all that comes needs root") from None
    return server, cable


def replies_to_a_wildcard_wait_for_a_slow_link(world, folder):
    server, cable = at_a_slow_link(world)
    target = many(server, folder)
    assert len(cable.ask_all(4080)) == 4080
    assert target.stop() == 0


def announcements_wait_for_a_slow_link(world, folder):
    server, cable = at_a_slow_link(world)
    target = many(server, folder)
    announced = {cable.next_reply(tag=bytes(4))[16:19] for _ in range(4080)}
    assert len(announced) == 4080, "none lost, none twice"
    ports = Control(TARGET, server, folder).json("stats")["report"]["ports"]
    assert ports[0]["send_dropped"] == 0, ports
    assert target.stop() == 0


def requests_wait_while_a_slow_link_has_no_room_for_their_replies(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0", mtu=9000)
    shaped = server.run(["tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "10mbit", "burst", "16k", "limit", "64k"],
                        check=False)
    if shaped.returncode != 0:
        raise lab.Skipped(f"tc: {shaped.stderr.strip()}")
    target = server.start([TARGET, "--config", configure(folder, [lun(2, "memory:1MiB")]), "--no-state"])
    target.wait_for("ready")
    control = Control(TARGET, server, folder)

    def read_64(turn):
        tags = {bytes([0x80, 0, turn, number]) for number in range(64)}
        for tag in tags:
            cable.request(ATA, struct.pack(">BBBB8x", 0x40, 0, 16, READ_EXT), tag)
        return tags

    def unsent():
        return control.json("stats")["report"]["ports"][0]["send_dropped"]

    read_64(0)
    lost = lab.eventually(unsent)  # by which the target learns how little room there is
    waiting = read_64(1)
    while waiting:
        waiting.discard(cable.next_reply()[20:24])
    print(f"{lost} of 64 replies were lost on a slow link, and then {unsent() - lost} of 64")
    assert cable.read() == (DONE, bytes(SECTOR))
    assert target.stop() == 0


def an_interface_that_goes_and_comes_back_under_load(world, folder):
    client, server = world.node("client"), world.node("server")
    shaky = Cable(world, client, "port0", server, "eth0")
    steady = Cable(world, client, "port1", server, "eth1", mac=MAC_B)
    target = start(server, folder)
    with Load(steady, (0, 2), b"contents") as load:
        for _ in range(2):
            with flood(shaky):
                server.ip("link", "del", "eth0")
                target.wait_for("eth0 is gone")
            load.goes_on()
            shaky = Cable(world, client, "port0", server, "eth0")
            target.wait_for("on eth0")
            assert shaky.read()[1].startswith(b"contents")
        load.goes_on()
    assert target.stop() == 0


def lo_must_be_named(world, folder):
    server = world.node("server")
    lo = Cable.at(server, "lo")
    target = start(server, folder)
    assert "no Ethernet interface is up yet" in target.output
    assert lo.silent()
    target.stop()
    target = start(server, folder, "--interface", "lo")
    assert lo.read()[1].startswith(b"contents")
    target.stop()
    target = start(server, folder, "--interface", "l*")
    assert lo.silent()
    assert target.stop() == 0


def a_glob_takes_what_comes_later(world, folder):
    client, server = world.node("client"), world.node("server")
    target = start(server, folder, "--interface", "eth*, lan*")
    assert "warning: lan*: matches no interface yet" in target.output, target.output
    other = Cable(world, client, "port0", server, "wan0", mac=MAC_A)
    cable = Cable(world, client, "port1", server, "eth7", mac=MAC_B)
    target.wait_for("on eth7")
    assert cable.read()[1].startswith(b"contents")
    assert other.silent() and "wan0" not in target.output
    assert target.stop() == 0


def an_interface_that_is_named_may_come_later(world, folder):
    client, server = world.node("client"), world.node("server")
    there = Cable(world, client, "port0", server, "eth0", mac=MAC_A)
    configured = configure(folder, [{"shelf": 0, "slot": slot, "path": "memory:1MiB", "interfaces": interface}
                                    for slot, interface in [(1, "eth0"), (2, "eth9")]])
    target = server.start([TARGET, "--config", configured, "--no-state"])
    target.wait_for("ready")
    assert "warning: eth9: no such interface yet" in target.output, target.output
    assert there.ask_all(1).keys() == {(0, 1)}
    later = Cable(world, client, "port1", server, "eth9", mac=MAC_B)
    target.wait_for("on eth9")
    assert later.read(address=(0, 2))[0] == DONE
    assert target.stop() == 0


def receive_buffers(node):
    """How large the receive buffers of the packet sockets of AoE are, in bytes."""
    told = node.run(["ss", "--packet", "--memory"]).stdout
    return [int(size) for size in re.findall(r"skmem:\(r\d+,rb(\d+)", told)]


def a_port_that_is_opened_later_has_the_same_buffers(world, folder):
    lab.require("ss")
    client, server = world.node("client"), world.node("server")
    Cable(world, client, "port0", server, "eth0", mac=MAC_A)
    target = start(server, folder, "--interface", "eth*")
    at_start = receive_buffers(server)
    if "a receive buffer of" in target.output:
        raise lab.Skipped("receive buffers beyond net.core.rmem_max need root")
    Cable(world, client, "port1", server, "eth1", mac=MAC_B)
    target.wait_for("on eth1")
    assert "a receive buffer of" not in target.output, target.output
    assert sorted(receive_buffers(server)) == sorted(at_start * 2), (at_start, receive_buffers(server))
    print(f"{len(at_start)} queues of {min(at_start) >> 10} KiB for each interface")
    assert target.stop() == 0


def an_interface_may_be_used_with_a_smaller_mtu(world, folder):
    client, server = world.node("client"), world.node("server")
    plain = Cable(world, client, "port0", server, "eth0", mtu=9000, mac=MAC_A)
    limited = Cable(world, client, "port1", server, "lan0", mtu=9000, mac=MAC_B)
    target = server.start([TARGET, "--config", configure(folder, [lun(2, "memory:1MiB")], mtu={"lan*": 4200}), "--no-state"])
    target.wait_for("ready")
    assert "on lan0 (02:00:00:00:00:0b), MTU 4200, 8 sectors per frame" in target.output, target.output
    assert (plain.announced()[1], limited.announced()[1]) == (17, 8)
    server.ip("link", "set", "lan0", "mtu", "1500")
    assert limited.announced()[1] == 2
    server.ip("link", "set", "lan0", "mtu", "9000")
    assert limited.announced()[1] == 8
    assert target.stop() == 0


LONG_NAME = "a-name-of-more-than-fifteen-characters"


def an_interface_has_other_names(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    server.ip("link", "property", "add", "dev", "eth0", "altname", LONG_NAME)
    target = start(server, folder, "--interface", LONG_NAME)
    assert cable.read()[0] == DONE
    assert "on eth0 (" in target.output, target.output
    assert target.stop() == 0


def a_port_of_a_bridge_is_named_with_its_bridge(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    server.ip("link", "add", "br0", "type", "bridge")
    server.ip("link", "set", "eth0", "master", "br0")
    server.ip("link", "set", "br0", "up")
    why = "a port of the bridge br0, which gets its frames"
    target = start(server, folder, "--interface", "eth0")
    assert f"warning: eth0: is {why}: use br0 instead" in target.output, target.output
    assert target.stop() == 0
    server.wait_until_up("br0")
    target = start(server, folder)
    assert f"info: eth0: left out: {why}" in target.output, target.output
    assert cable.read()[0] == DONE, "through the bridge"
    assert target.stop() == 0


def networks_of_containers_are_left_out(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "veth1a2b3c4")
    inside = Cable(world, client, "port1", server, "eth0", mac=MAC_B)
    target = start(server, folder)
    assert "info: veth1a2b3c4: left out: a network of containers or virtual machines" in target.output, target.output
    assert inside.read()[0] == DONE
    assert cable.silent()
    assert target.stop() == 0
    target = start(server, folder, "--interface", "veth*")
    assert cable.read()[0] == DONE
    assert target.stop() == 0


def many_interfaces_are_all_served(world, folder):
    """ggaoed never answers where there are five."""
    client, server = world.node("client"), world.node("server")
    cables = [Cable(world, client, f"port{number}", server, f"eth{number}", mac=f"02:00:00:00:01:{number:02x}")
              for number in range(6)]
    target = start(server, folder)
    for cable in cables:
        assert cable.read()[1].startswith(b"contents")
    assert target.stop() == 0


def interfaces_that_there_are_no_descriptors_for_are_named_and_served_later(world, folder):
    """A port takes nine descriptors where there are enough, and two where not."""
    server = world.node("server")
    server.run(["ip", "-batch", "-"], input="".join(
        f"link add eth{number} type veth peer name peer{number}\nlink set peer{number} up\nlink set eth{number} up\n"
        for number in range(110)))
    server.wait_until_up("eth109")
    config = configure(folder, [lun(2, image(folder), interfaces="eth*")])
    control = Control(TARGET, server, folder)

    def served():
        return [port["interface"] for port in control.json("status")["report"]["ports"]]

    def start_with(limit):
        target = server.start(["prlimit", f"--nofile={limit}:{limit}", TARGET, "--config", config, "--no-state"])
        target.wait_for("ready")
        return target

    target = start_with(1024)
    assert len(served()) == 110
    assert target.stop() == 0

    target = start_with(200)
    ports = served()
    named = re.findall(r"error: (eth\d+): .*Too many open files \(the limit is 200; .*\)", target.output)
    print(f"{len(ports)} of 110 interfaces are served with 200 descriptors, {len(named)} are named")
    assert 10 < len(ports) < 110 and len(ports) + len(named) == 110 and not set(ports) & set(named), (ports, named)
    for name in ports[:5]:
        server.ip("link", "delete", name)
    lab.eventually(lambda: set(served()) & set(named), "one that was named to be served")
    again = re.findall(r"error: (eth\d+): .*Too many open files", target.output)
    assert again == named, "each is named once"
    assert target.stop() == 0


def what_cannot_be_sent_is_told(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    slow = ["tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "400kbit", "burst", "2000", "limit", "4000"]
    shaped = server.run(slow, check=False)
    if shaped.returncode != 0:
        raise lab.Skipped(f"tc: {shaped.stderr.strip()}")
    target = start(server, folder, "--control", os.path.join(folder, "control.sock"))
    ctl = Control(TARGET, server, folder)

    def unsent():
        for _ in range(50):
            cable.request(ATA, struct.pack(">BBBB8x", 0x40, 0, 2, READ_EXT))
        return ctl.json("stats")["report"]["ports"][0]["send_dropped"]

    lab.eventually(unsent)
    server.run(["tc", "qdisc", "del", "dev", "eth0", "root"])
    assert cable.read()[1].startswith(b"contents")
    assert target.stop() == 0  # it looks every five seconds, and at the end
    told = re.findall(r"eth0: \d+ frames lost before they were read, (\d+) not sent", target.output)
    assert told and all(int(number) > 0 for number in told), target.output


def four_thousand_luns_answer_at_once(world, folder):
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    luns = [{"shelf": shelf, "slot": slot, "path": "memory:64KiB", "announce": False}
            for shelf in range(16) for slot in range(255)]
    target = server.start([TARGET, "--config", configure(folder, luns), "--no-state"])
    target.wait_for("ready", timeout=60)
    try:
        cable.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        began = time.monotonic()
        replies = cable.ask_all(len(luns))
        print(f"{len(replies)} LUNs answered in {(time.monotonic() - began) * 1000:.0f} ms, read by Python")
    except PermissionError:  # in a user namespace the socket has room for one shelf's replies
        replies = {}
        for shelf in range(16):
            replies |= cable.ask_all(255, address=(shelf, 0xFF))
    assert len(replies) == len(luns), "none lost, none twice"
    with open(f"/proc/{target.pid}/status") as file:
        resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    print(f"VmRSS {resident} KiB")
    assert resident < 100 << 10
    assert cable.read(address=(15, 254)) == (DONE, bytes(SECTOR))
    assert target.stop() == 0


def main():
    lab.require("ip", "tc", "prlimit")
    lab.require_namespaces()
    lab.play_all([a_flood_from_one_source_starves_few_others, wildcards_from_one_source_starve_nobody,
                  replies_to_a_wildcard_wait_for_a_slow_link,
                  announcements_wait_for_a_slow_link, requests_wait_while_a_slow_link_has_no_room_for_their_replies,
                  an_interface_that_goes_and_comes_back_under_load,
                  lo_must_be_named, a_glob_takes_what_comes_later, many_interfaces_are_all_served,
                  interfaces_that_there_are_no_descriptors_for_are_named_and_served_later,
                  an_interface_that_is_named_may_come_later,
                  a_port_that_is_opened_later_has_the_same_buffers, an_interface_may_be_used_with_a_smaller_mtu, an_interface_has_other_names, a_port_of_a_bridge_is_named_with_its_bridge, networks_of_containers_are_left_out,
                  what_cannot_be_sent_is_told, four_thousand_luns_answer_at_once])


main()
