"""aoe-initiator against vblade, a target that is not ours: discovers, identifies, reads and writes it byte for byte.

usage: vblade_test.py AOE_INITIATOR
"""

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
        assert stat == [{"device": "e3.1", "size": SIZE, "interfaces": ["eth0"], "payload": payload,
                         "state": "up"}], stat
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
        print(f"mtu {mtu}: ok", flush=True)


def main():
    lab.require("vblade")
    lab.require_namespaces()
    with tempfile.TemporaryDirectory() as folder:
        play(folder, 1500, 1024)
        play(folder, 9000, 8704)


main()
