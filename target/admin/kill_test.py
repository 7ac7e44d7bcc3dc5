"""aoe-target is killed while it writes; whatever it acknowledged is there when it starts again, with every kind of store.

usage: kill_test.py AOE_TARGET [--kills N] [--megabytes N] [--seed N]

A process that is killed is no machine that crashes: the page cache stays, so not only what was flushed must be there but
all that was acknowledged. What had no answer yet may be there or not, word by word. By hand, for longer:

    PYTHONPATH=ci/python target/admin/kill_test.py build/release/aoe-target --kills 20 --megabytes 100
"""

import argparse
import os
import random
import tempfile

import lab
import wire_client

CLIENT = bytes.fromhex("02000000000c")
MiB = 1 << 20
STORES = {"mapped": ["--io", "mapped"], "buffered": ["--io", "buffered"], "direct": ["--io", "direct"], "overlay": []}


class Lun:
    """A store and what it must hold, over all its lives."""

    def __init__(self, folder, store, size, chance):
        self.store = store
        self.arguments = list(STORES[store])
        self.image = os.path.join(folder, f"{store}.img")
        content = bytearray(size)
        with open(self.image, "wb") as file:
            if store == "overlay":  # what shows through must not look like a hole
                content = chance.randbytes(size)
                file.write(content)
                self.arguments += ["--overlay", os.path.join(folder, "delta"), "--create"]
            file.truncate(size)
        self.disk = wire_client.Disk(size, content)

    def start(self, node, target):
        process = node.start([target, "--shelf", "0", "--slot", "2", "--interface", "eth0", "--no-state", "--no-announce",
                              *self.arguments, self.image])
        process.wait_for("ready")
        return process


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("target")
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--megabytes", type=float, default=1, help="written before a kill, at most")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("AOE_SEED", "1"), 0))
    arguments = parser.parse_args()
    lab.require("ip")
    lab.require_namespaces()
    print(f"again with --seed {arguments.seed}")
    chance = random.Random(arguments.seed)
    size = 4 * MiB if arguments.megabytes < 16 else 64 * MiB
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "port0", server, "eth0", mtu=9000)
        luns = [Lun(folder, store, size, chance) for store in STORES]
        cut_short = 0
        for number in range(arguments.kills):
            lun = luns[number % len(luns)]
            cut_short += kill_once(arguments, client, server, lun, chance)
        assert cut_short > 0, "no kill has met an unanswered write"
        for lun in luns:
            end_once(arguments, client, server, lun, chance)


def connect(client, lun, chance):
    return wire_client.Client(client.packet_socket("port0"), CLIENT, (0, 2), lun.disk, chance)


def kill_once(arguments, client, server, lun, chance):
    """Returns the number of sectors whose write had no answer."""
    process = lun.start(server, arguments.target)
    wire = connect(client, lun, chance)
    wire.write(chance.randrange(int(arguments.megabytes * MiB)))
    wire.fill()
    process.kill()
    unanswered = len(lun.disk.possible)
    wire.socket.close()

    process = lun.start(server, arguments.target)
    wire = connect(client, lun, chance)
    wire.check()
    process.kill()
    wire.socket.close()
    print(f"{lun.store}: {lun.disk.acknowledgements} writes acknowledged, {lun.disk.flushed} of them flushed; "
          f"{unanswered} sectors were open", flush=True)
    return unanswered


def end_once(arguments, client, server, lun, chance):
    """And after an orderly end the files hold it."""
    process = lun.start(server, arguments.target)
    wire = connect(client, lun, chance)
    wire.write(MiB / 4)
    wire.flush()
    wire.socket.close()
    assert process.stop() == 0
    if lun.store == "overlay":
        return
    with open(lun.image, "rb") as file:
        assert file.read() == lun.disk.content, f"{lun.image} holds something else"


main()
