"""aoe-initiator against vblade, a target that is not ours: discovers, identifies, reads and writes it byte for byte;
what it keeps, and what is wrong on the way to it.

usage: vblade_test.py AOE_INITIATOR
"""

import concurrent.futures
import json
import os
import random
import sys
import tempfile

import lab

INITIATOR = sys.argv[1]
SIZE = 4 << 20


def play(folder, mtu, payload):
    content = random.Random(mtu).randbytes(SIZE)
    image = os.path.join(folder, f"disk-{mtu}.img")
    with open(image, "wb") as file:
        file.write(content)

    def disk():
        with open(image, "rb") as file:
            return file.read()

    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth0", server, "eth0", mtu=mtu)
        vblade = server.start(["vblade", "3", "1", "eth0", image])
        vblade.wait_for("e3.1")  # it is on the interface from then on

        def run(*arguments, **options):
            return client.run([INITIATOR, *arguments], text=False, **options).stdout

        def ask(*arguments):
            return json.loads(run(*arguments, "--json"))

        mac = server.link("eth0")["address"]
        found = ask("discover")
        assert [(one["device"], one["mac"]) for one in found] == [("e3.1", mac)], found
        stat = ask("stat", "e3.1")
        path, = stat[0].pop("paths")
        assert path.items() >= {"interface": "eth0", "mac": mac, "mtu": mtu, "payload": payload, "suspect": False}.items(), path
        assert stat == [{"device": "e3.1", "size": SIZE, "interfaces": ["eth0"], "payload": payload,
                         "state": "up", "read-only": None, "other-disks": []}], stat
        facts = ask("identify", "e3.1")
        assert facts["sectors"] == SIZE // 512 and facts["lba48"] and "vblade" in facts["model"].lower(), facts

        assert run("read", "e3.1") == content
        assert run("read", "e3.1", "--offset", "1000", "--length", "100001") == content[1000:101001]

        content = random.Random(mtu + 1).randbytes(SIZE)
        run("write", "e3.1", input=content)
        assert disk() == content
        assert run("read", "e3.1") == content
        piece = random.Random(mtu + 2).randbytes(30001)
        run("write", "e3.1", "--offset", "777", input=piece)
        assert disk() == content[:777] + piece + content[30778:]

        def told(*arguments):
            result = client.run([INITIATOR, *arguments], check=False)
            return result.returncode, result.stdout, result.stderr

        assert told("config", "set", "e3.1", "rack 7") == (0, "rack 7\n", "")
        assert told("config", "prefix", "e3.1", "rack") == (0, "rack 7\n", "")
        assert told("config", "set", "e3.1", "rack 8") == (1, "", "aoe-initiator: e3.1: AoE error: config string present\n")
        assert told("config", "test", "e3.1", "rack", "--wait", "1") == (
            1, "", "aoe-initiator: e3.1: no target's config string matches\n")
        assert told("config", "force-set", "e3.1", "rack 8") == (0, "rack 8\n", "")
        own, other = client.link("eth0")["address"], "02:00:00:00:00:99"
        assert told("mask", "e3.1", "--add", own, "--add", other)[:2] == (0, f"{own}\n{other}\n")
        # Not to be taken off again: vblade 25 keeps the second on its list, and the first ends it ("buffer overflow detected").
        assert told("mask", "e3.1") == (0, f"{own}\n{other}\n", "")
        assert told("reserve", "e3.1", "--set", own) == (0, f"{own}\n", "")
        assert told("reserve", "e3.1", "--release") == (0, "", "")

        status, table, _ = told("sancheck", "--count", "3")
        assert status == 0 and table.splitlines()[1].split()[-4:-1] == ["3/3"] * 3, table
        print(f"mtu {mtu}: ok", flush=True)


def names_a_switch_without_jumbo_frames(folder):
    image = os.path.join(folder, "behind-a-switch.img")
    with open(image, "wb") as file:
        file.truncate(SIZE)
    with lab.Lab() as world:
        client, switch, server = world.node("client"), world.node("switch"), world.node("server")
        for node, port in (client, "port0"), (server, "port1"):
            world.join(node, "eth0", switch, port, mtu=9000)
        switch.ip("link", "add", "bridge", "type", "bridge")
        for interface in "port0", "port1", "bridge":
            switch.ip("link", "set", interface, "up", "mtu", "1500", *(["master", "bridge"] if interface != "bridge" else []))
        server.start(["vblade", "3", "1", "eth0", image]).wait_for("e3.1")
        result = client.run([INITIATOR, "sancheck", "--count", "2"], check=False)
        assert result.returncode == 1 and "FAULT: e3.1 by eth0 to" in result.stdout, result
        assert result.stderr == "aoe-initiator: faults found: 2\n", result
        for what in "requests", "answers":
            assert f"{what} of 8740 bytes are lost, though small ones are not" in result.stdout, result
        print("a switch without jumbo frames: ok", flush=True)


def main():
    lab.require("vblade")
    lab.require_namespaces()
    with tempfile.TemporaryDirectory() as folder:
        # All three at a time, each in a laboratory of its own, for they wait more than they work.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for played in [pool.submit(play, folder, 1500, 1024), pool.submit(play, folder, 9000, 8704),
                           pool.submit(names_a_switch_without_jumbo_frames, folder)]:
                played.result()


main()
