"""The demonstration's first half: a target serves a disk image over a cable, and an initiator uses it.

usage: demo.py FOLDER_OF_PROGRAMS
"""

import os
import sys
import tempfile

import lab


def main():
    lab.require_namespaces()
    os.environ["PATH"] = f"{os.path.abspath(sys.argv[1])}:{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder, lab.Lab() as world:
        os.chdir(folder)
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth0", server, "eth0")

        def show(node, line):
            """Runs a shell command line on a node, and shows it with its output as a terminal would."""
            print(f"{node.name}$ {line}", flush=True)
            result = node.run(["sh", "-c", line])
            print(result.stdout + result.stderr, end="", flush=True)

        os.environ["STATE_DIRECTORY"] = os.path.join(folder, "state")
        show(server, "truncate --size 64M disk.img")
        line = "aoe-target --shelf 0 --slot 2 --interface eth0 disk.img"
        print(f"server$ {line} &", flush=True)
        target = server.start(line.split())
        print(target.wait_for("ready"), flush=True)

        show(client, "aoe-initiator discover --interface eth0")
        show(client, "aoe-initiator stat --interface eth0")
        show(client, "aoe-initiator identify e0.2 --interface eth0")
        show(client, "head --bytes 4M /dev/urandom > written")
        show(client, "aoe-initiator write e0.2 --interface eth0 --offset 8388608 < written")
        show(client, "aoe-initiator read e0.2 --interface eth0 --offset 8388608 --length 4194304 > read")
        show(client, "cmp written read && echo what was written is what was read")
        show(client, "aoe-initiator sancheck --interface eth0")
        if os.path.exists("/dev/fuse"):
            # One shell for all of it: the tree is mounted where that is.
            show(client, "mkdir tree; aoe-initiator mount tree --interface eth0 --daemon --wait e0.2; "
                         "ls tree/dev/etherd; grep . tree/sys/block/etherd!e0.2/*; umount tree")
        target.stop()
    print()


main()
