"""The example of the client library reads the first sector of a disk.

usage: example_test.py FIRST_SECTOR AOE_TARGET
"""

import os
import random
import sys
import tempfile

import lab

PROGRAM, TARGET = map(os.path.abspath, sys.argv[1:3])
SIZE = 1 << 20


def main():
    lab.require_namespaces()
    content = random.Random(1).randbytes(SIZE)
    with tempfile.TemporaryDirectory() as folder, lab.Lab() as world:
        image = os.path.join(folder, "disk.img")
        with open(image, "wb") as file:
            file.write(content)
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth0", server, "eth0")
        server.start([TARGET, "--shelf", "0", "--slot", "2", "--interface", "eth0", "--no-state", image]).wait_for("ready")
        shown = client.run([PROGRAM, "e0.2", "eth0"]).stdout
        assert shown == f"e0.2: {SIZE} bytes, beginning with {content[:512].hex()}\n", shown
        result = client.run([PROGRAM, "e9.9", "eth0"], check=False)
        assert (result.returncode, result.stderr) == (1, "first_sector: e9.9: no such device\n"), result


main()
