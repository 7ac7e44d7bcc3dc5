"""Makes the captures of this folder anew, from real programs on a virtual cable. usage: capture.py FOLDER_OF_PROGRAMS

Each is written as NAME.pcap; NAME.txt, what our codec says of its frames, comes from
`captures_test --print NAME.pcap` and is read by a person before it is committed.
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../ci/python"))
import lab

FOLDER = os.path.dirname(os.path.abspath(__file__))
INITIATOR, TARGET = (os.path.join(os.path.abspath(sys.argv[1]), name) for name in ("aoe-initiator", "aoe-target"))
CLIENT, SERVER = "02:00:00:00:00:01", "02:00:00:00:00:02"


def record(name, play):
    """Runs play(client, server, folder) while tcpdump on the client's interface records AoE frames."""
    with tempfile.TemporaryDirectory() as folder, lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth0", server, "eth0", mac_a=CLIENT, mac_b=SERVER)
        path = os.path.join(FOLDER, name + ".pcap")
        dump = client.start(["tcpdump", "--immediate-mode", "-U", "-Z", "root", "-i", "eth0", "-w", path,
                             "ether", "proto", "0x88a2"])
        dump.wait_for("listening on")
        play(client, server, folder)
        dump.stop()


def make_image(folder):
    path = os.path.join(folder, "disk.img")
    with open(path, "wb") as image:
        image.truncate(1 << 20)
    return path


def vblade_initiator(client, server, folder):
    vblade = server.start(["vblade", "0", "2", "eth0", make_image(folder)])
    vblade.wait_for("e0.2")
    client.run([INITIATOR, "identify", "e0.2"])
    client.run([INITIATOR, "read", "e0.2", "--length", "4096"], text=False)
    client.run([INITIATOR, "write", "e0.2", "--offset", "2048"], input="x" * 1024)
    client.run([INITIATOR, "ping", "e0.2", "--count", "1"])
    vblade.stop()


def target_aoetools(client, server, folder):
    target = server.start([TARGET, "--shelf", "0", "--slot", "2", "--interface", "eth0", "--no-state", make_image(folder)])
    target.wait_for("ready")
    client.run(["aoeping", "-s", "5", "-v", "0", "2", "eth0"])
    client.run(["aoeping", "-s", "5", "-i", "0", "2", "eth0"])
    for command, string in [("set", "diskless 7"), ("set", "diskless 8"), ("read", ""), ("test", "diskless 7"),
                            ("prefix", "disk"), ("prefix", "floppy"), ("fset", "")]:
        client.run(["aoecfg", "-c", command, "-s", string, "-t", "1", "0", "2", "eth0"])
    target.stop()


def main():
    lab.require("tcpdump", "vblade", "aoeping")
    lab.require_namespaces()
    record("vblade-initiator", vblade_initiator)
    record("target-aoetools", target_aoetools)


main()
