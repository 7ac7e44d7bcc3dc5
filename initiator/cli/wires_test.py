"""aoe-initiator over wires as they are: switches that swallow long frames, long round trips, slow links, and first frames that are
lost.

usage: wires_test.py AOE_INITIATOR AOE_TARGET [PLAY...]
"""

import json
import os
import random
import sys
import time

import lab
from relay import Relay

INITIATOR, TARGET = map(os.path.abspath, sys.argv[1:3])
SIZE = 4 << 20
SHELVES, SLOTS = 16, 250  # 4,000 LUNs


def serve(server, folder, *options):
    image = os.path.join(folder, "disk.img")
    with open(image, "wb") as file:
        file.write(random.Random(1).randbytes(SIZE))
    target = server.start([TARGET, "--shelf", "0", "--slot", "2", "--interface", "eth0", "--no-state", *options, image])
    target.wait_for("ready")
    return image


def lay(world, folder, *options, mtu=1500):
    """A client, and a server with a disk, with a relay between them. Returns client, relay and the disk's image."""
    client, server = world.node("client"), world.node("server")
    relay = Relay(world, client, "eth0", server, "eth0", mtu=mtu, options=options)
    return client, relay, serve(server, folder)


def content(image):
    with open(image, "rb") as file:
        return file.read()


def a_switch_that_swallows_jumbo_frames_is_noticed(world, folder):
    client, relay, image = lay(world, folder, "--longest", "1500", mtu=9000)
    told = client.run([INITIATOR, "read", "e0.2", "--quiet", "--verbose"], text=False)
    assert told.stdout == content(image)
    shrunk = [line for line in told.stderr.decode().splitlines() if "are lost on the way" in line]
    assert len(shrunk) == 1 and "reads of more than 2 sectors" in shrunk[0], told.stderr

    written = bytes(reversed(content(image)))
    told = client.run([INITIATOR, "write", "e0.2", "--quiet", "--verbose"], input=written, text=False)
    assert content(image) == written
    assert b"writes of more than 2 sectors are lost on the way" in told.stderr, told.stderr

    relay.change("longest", 4000)
    told = client.run([INITIATOR, "sancheck", "--count", "2", "--json"], check=False)
    assert told.returncode == 1, told
    path = json.loads(told.stdout)["paths"][0]
    assert (path["request-sectors-that-pass"], path["answer-sectors-that-pass"]) == (7, 7), path

    told = client.run([INITIATOR, "read", "e0.2", "--quiet", "--verbose", "--max-sectors", "7"], text=False)
    assert told.stdout == written
    assert b"retransmission" not in told.stderr and b"are lost" not in told.stderr, told.stderr


def many_disks_are_checked_side_by_side(world, folder):
    """Behind a switch that swallows jumbo frames: on each of the 40 paths all large frames are lost, and waited for."""
    client, server = world.node("client"), world.node("server")
    Relay(world, client, "eth0", server, "eth0", mtu=9000, options=["--longest", "4000"])
    config = os.path.join(folder, "target.yaml")
    with open(config, "w") as file:
        json.dump({"luns": [{"shelf": 0, "slot": slot, "path": "memory:1MiB"} for slot in range(40)]}, file)
    server.start([TARGET, "--config", config, "--no-state"]).wait_for("ready")
    began = time.monotonic()
    told = client.run([INITIATOR, "sancheck", "--json"], check=False)
    taken = time.monotonic() - began
    paths = json.loads(told.stdout)["paths"]
    assert (told.returncode, len(paths)) == (1, 40), told
    for path in paths:
        assert path["small"] | {"round-trip-ms": 0} == {"asked": 10, "answered": 10, "round-trip-ms": 0}, path
        assert path["large-request"] == path["large-answer"] == {"asked": 3, "answered": 0}, path
        assert (path["request-sectors-that-pass"], path["answer-sectors-that-pass"]) == (7, 7), path
    assert taken < 40, f"{taken:.0f} s: one after the other, the losses alone take two minutes"

    shown = client.run(["script", "--quiet", "--return", "--command", f"{INITIATOR} sancheck --count 1 > /dev/null", "/dev/null"],
                       check=False).stdout
    assert "40 of 40 paths checked" in shown and shown.endswith("aoe-initiator: faults found: 80\n"), shown


def a_long_round_trip_is_waited_for(world, folder):
    client, _, image = lay(world, folder, "--delay-ms", "350")
    found = json.loads(client.run([INITIATOR, "discover", "--json"]).stdout)
    assert [one["device"] for one in found] == ["e0.2"], found
    found = json.loads(client.run([INITIATOR, "stat", "--json"]).stdout)
    assert [(one["device"], one["state"]) for one in found] == [("e0.2", "up")], found
    told = client.run([INITIATOR, "sancheck", "--count", "2"])
    assert "FAULT" not in told.stdout, told.stdout
    told = client.run([INITIATOR, "read", "e0.2", "--quiet", "--verbose", "--length", "65536"], text=False)
    assert told.stdout == content(image)[:65536]
    assert b"retransmission" not in told.stderr, told.stderr


def a_long_list_over_a_slow_link_is_complete(world, folder):
    client, server = world.node("client"), world.node("server")
    world.join(client, "eth0", server, "eth0")
    config = os.path.join(folder, "target.yaml")
    with open(config, "w") as file:
        json.dump({"luns": [{"shelf": shelf, "slot": slot, "path": "memory:1MiB"}
                                                    for shelf in range(SHELVES) for slot in range(SLOTS)]}, file)
    for node in client, server:
        shaped = node.run(["tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "10mbit", "burst", "16k", "limit", "64k"],
                          check=False)
        if shaped.returncode != 0:
            raise lab.Skipped(f"no slow link can be laid ({shaped.stderr.strip()})")
    target = server.start([TARGET, "--config", config, "--no-state"])
    target.wait_for("ready", 60)
    for command in "discover", "stat":
        found = json.loads(client.run([INITIATOR, command, "--json"], timeout=300).stdout)
        assert len({one["device"] for one in found}) == SHELVES * SLOTS, (command, len(found))


def a_list_that_lacks_devices_says_so(world, folder):
    """The disk answers the discovery, and its IDENTIFY answer is too long for the switch."""
    client, _, _ = lay(world, folder, "--longest", "300")
    told = client.run([INITIATOR, "stat", "--wait", "1"], check=False)
    line = "aoe-initiator: 1 of 1 devices did not answer IDENTIFY within 1 s of the last answer: e0.2; a larger --wait may find them\n"
    assert (told.returncode, told.stderr) == (1, line), told
    told = client.run([INITIATOR, "stat", "--wait", "1", "--json"], check=False)
    assert told.returncode == 1 and json.loads(told.stdout)[0]["state"] == "down", told


def a_first_discovery_that_is_lost_is_repeated(world, folder):
    client, _, image = lay(world, folder, "--lose-first", "4")
    found = json.loads(client.run([INITIATOR, "discover", "--json", "--wait", "4"]).stdout)
    assert [one["device"] for one in found] == ["e0.2"], found


LONG_NAME = "a-name-of-more-than-fifteen-characters"


def an_interface_has_other_names(world, folder):
    client, _, image = lay(world, folder)
    client.ip("link", "property", "add", "dev", "eth0", "altname", LONG_NAME)
    assert client.run([INITIATOR, "read", "e0.2", "--quiet", "--interface", LONG_NAME], text=False).stdout == content(image)
    shown = client.run([INITIATOR, "interfaces", LONG_NAME]).stdout
    assert shown.splitlines()[1].startswith("eth0 "), shown


def a_port_of_a_bridge_is_named_with_its_bridge(world, folder):
    client, _, image = lay(world, folder)
    client.ip("link", "add", "br0", "type", "bridge")
    client.ip("link", "set", "eth0", "master", "br0")
    client.ip("link", "set", "br0", "up")
    client.wait_until_up("br0")
    told = client.run([INITIATOR, "discover", "--interface", "eth0", "--wait", "1"], check=False)
    assert "eth0: is a port of the bridge br0, which gets its frames: use br0 instead" in told.stderr, told
    told = client.run([INITIATOR, "read", "e0.2", "--quiet"], text=False)
    assert (told.stdout, told.stderr) == (content(image), b""), told.stderr
    shown = client.run([INITIATOR, "interfaces"]).stdout
    assert " up, a port of br0\n" in shown, shown


def main():
    lab.require("tc")
    lab.require_namespaces()
    plays = [a_switch_that_swallows_jumbo_frames_is_noticed, many_disks_are_checked_side_by_side,
             a_long_round_trip_is_waited_for,
             a_long_list_over_a_slow_link_is_complete, a_list_that_lacks_devices_says_so, a_first_discovery_that_is_lost_is_repeated,
             an_interface_has_other_names, a_port_of_a_bridge_is_named_with_its_bridge]
    asked = sys.argv[3:]
    lab.play_all([play for play in plays if not asked or play.__name__ in asked])


main()
