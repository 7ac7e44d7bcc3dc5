"""aoe-initiator through networks and with targets that fail: frames lost and reordered, a target that dies, an interface that
is pulled. What is read and written stays right.

usage: resilience_test.py AOE_INITIATOR AOE_TARGET AOE_BRIDGE
"""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time

import lab

INITIATOR, TARGET, BRIDGE = map(os.path.abspath, sys.argv[1:4])
OK, FAILURE = 0, 1
MEGABYTE = 1 << 20
SIZE = 8 * MEGABYTE
POOR = ["--loss", "2", "--reorder", "2"]


class Network:
    """A client and a server with a disk e0.2, joined by cables with a bridge in the middle of each:

    client eth0 == a0 [bridge] b0 == eth0 server, and so on for eth1.
    """

    def __init__(self, world, folder, serve, cables=1):
        self.folder, self.serve = folder, serve
        self.client, self.middle, self.server = (world.node(name) for name in ("client", "middle", "server"))
        self.interfaces = [f"eth{number}" for number in range(cables)]
        for number, interface in enumerate(self.interfaces):
            world.join(self.client, interface, self.middle, f"a{number}")
            world.join(self.middle, f"b{number}", self.server, interface)
        self.bridges = [None] * cables
        self.content = random.Random(1).randbytes(SIZE)
        self.image = os.path.join(folder, "disk.img")
        with open(self.image, "wb") as file:
            file.write(self.content)

    def bridge(self, *faults, number=0):
        """Lays the bridge of a cable, or another in its place."""
        if self.bridges[number] is not None:
            assert self.bridges[number].stop() == OK
        self.bridges[number] = self.middle.start([BRIDGE, *faults, f"a{number}", f"b{number}"])
        self.bridges[number].wait_for("ready")

    def start_target(self):
        command, ready = self.serve(self.interfaces, self.image)
        self.target = self.server.start(command)
        self.target.wait_for(ready)

    def disk(self):
        with open(self.image, "rb") as file:
            return file.read()

    def interfaces_in_use(self):
        """Those by which e0.2 was heard of while `stat` listened."""
        found = json.loads(self.client.run([INITIATOR, "stat", "--json"]).stdout)
        return found[0]["interfaces"] if found else []

    def read(self, *options):
        result = self.client.run([INITIATOR, "read", "e0.2", *options], text=False)
        return result.stdout, result.stderr.decode()

    def write(self, data, *options):
        return self.client.run([INITIATOR, "write", "e0.2", *options], input=data, text=False).stderr.decode()

    def start_read(self, *options):
        return Reading(self, options)

    def wait_for_repetition(self):
        """Returns when a sector has been asked for twice from now on."""
        seen = set()
        with self.server.packet_socket("eth0") as sniffer:
            while True:
                frame = sniffer.recv(2000)
                is_command = not frame[14] & 0x08 and frame[19] == 0
                if is_command and frame[28:34] in seen:
                    return
                seen.add(frame[28:34])


class Reading:
    """A copy of the disk that is under way: it waits after the first megabyte until it is told to go on."""

    def __init__(self, network, options):
        pipe = os.path.join(network.folder, "pipe")
        os.mkfifo(pipe)
        self.process = network.client.start(["sh", "-c", f'exec "{INITIATOR}" read e0.2 {" ".join(options)} > {pipe}'])
        self._file = open(pipe, "rb")
        os.remove(pipe)
        self.data = self._file.read(MEGABYTE)
        self._reader = threading.Thread(target=self._read)

    def go_on(self):
        self._reader.start()

    def _read(self):
        with self._file:
            self.data += self._file.read()

    def end(self):
        """Its exit status, when it has ended."""
        status = self.process.wait()
        self._reader.join()
        return status


def serve_ours(interfaces, image):
    command = [TARGET, "--shelf", "0", "--slot", "2", "--no-state", image]
    for interface in interfaces:
        command += ["--interface", interface]
    return command, "ready"


def serve_vblade(interfaces, image):
    # Its socket has room for 16 commands by default, and it serves one interface.
    return ["vblade", "-b", "64", "0", "2", interfaces[0], image], "e0.2"


def retransmissions(summary):
    return int(summary.split(", ")[-1].split()[0])


def copies_are_right_over_a_poor_network(world, folder, serve):
    network = Network(world, folder, serve)
    network.bridge(*POOR)
    network.start_target()
    copy, summary = network.read()
    assert copy == network.content
    assert retransmissions(summary) > 0, summary
    network.content = random.Random(2).randbytes(SIZE)
    summary = network.write(network.content)
    assert network.disk() == network.content
    assert retransmissions(summary) > 0, summary
    assert network.bridges[0].stop() == OK
    network.bridges[0].wait_for("from a0: ")
    assert " 0 lost" not in network.bridges[0].output, network.bridges[0].output


def a_target_that_is_back_in_time_costs_only_time(world, folder, serve):
    network = Network(world, folder, serve)
    network.bridge(*POOR)
    network.start_target()
    reading = network.start_read("--deadsecs", "20")
    network.target.kill()
    reading.go_on()
    network.wait_for_repetition()
    network.start_target()
    assert reading.end() == OK, reading.process.output
    assert reading.data == network.content


def a_target_that_stays_away_is_down_and_comes_up_again(world, folder, serve):
    network = Network(world, folder, serve)
    network.bridge()
    network.start_target()
    reading = network.start_read("--deadsecs", "2")
    killed = time.monotonic()
    network.target.kill()
    reading.go_on()
    assert reading.end() == FAILURE
    assert time.monotonic() - killed > 1
    output = reading.process.output
    assert output.startswith("aoe-initiator: e0.2: reading at sector ") and output.endswith(": device is down\n"), output
    assert output.count("\n") == 1 and network.content.startswith(reading.data), output
    network.start_target()
    assert network.read("--length", "4096")[0] == network.content[:4096]


def a_copy_survives_the_loss_of_an_interface(world, folder, serve):
    """One interface loses its carrier, and the other, later, its way to the target, of which nobody is told."""
    network = Network(world, folder, serve, cables=2)
    for number in range(2):
        network.bridge(number=number)
    network.start_target()
    lab.eventually(lambda: network.interfaces_in_use() == ["eth0", "eth1"], "both interfaces")

    reading = network.start_read()
    network.middle.ip("link", "set", "a1", "down")
    reading.go_on()
    assert reading.end() == OK and reading.data == network.content, reading.process.output

    network.middle.ip("link", "set", "a1", "up")
    network.client.wait_until_up("eth1")
    network.bridge(number=1)
    reading = network.start_read()
    assert network.bridges[0].stop() == OK
    network.bridges[0] = None
    reading.go_on()
    assert reading.end() == OK and reading.data == network.content, reading.process.output

    network.content = random.Random(3).randbytes(SIZE)
    network.write(network.content)  # eth0 still leads nowhere
    assert network.disk() == network.content


def a_file_system_on_a_loop_device_stays_clean(world, folder, serve):
    """Over the mounted tree: ext4, filled while frames are lost."""
    network = Network(world, folder, serve)
    for program in "losetup", "mkfs.ext4":
        if not shutil.which(program):
            raise lab.Skipped(f"{program} is not installed")
    for needed in "/dev/fuse", "/dev/loop-control":
        if not os.access(needed, os.R_OK | os.W_OK):
            raise lab.Skipped(f"{needed} is not to be had")
    os.truncate(network.image, 64 * MEGABYTE)
    network.bridge(*POOR)
    network.start_target()
    tree, files = (os.path.join(folder, name) for name in ("tree", "files"))
    os.mkdir(tree)
    os.mkdir(files)
    mount = network.client.start([INITIATOR, "mount", tree])
    mount.wait_for("mounted on")
    disk = f"/proc/{mount.pid}/root{tree}/dev/etherd/e0.2"  # a node's mounts are its own
    lab.eventually(lambda: os.path.exists(disk))
    loop = run("losetup", "--find", "--show", disk)
    try:
        run("mkfs.ext4", "-q", loop)
        run("mount", loop, files)
        try:
            written = {str(number): random.Random(number).randbytes(MEGABYTE) for number in range(12)}
            for name, data in written.items():
                with open(os.path.join(files, name), "wb") as file:
                    file.write(data)
        finally:
            run("umount", files)
        run("e2fsck", "-f", "-n", loop)
        run("mount", "-o", "ro", loop, files)
        try:
            for name, data in written.items():
                with open(os.path.join(files, name), "rb") as file:
                    assert file.read() == data, name
        finally:
            run("umount", files)
    finally:
        run("losetup", "--detach", loop)
    assert mount.stop() == OK, mount.output
    assert network.bridges[0].stop() == OK


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout.strip()


def served_by(serve, *plays):
    """These plays, with this target."""
    def with_target(play):
        def named(world, folder):
            play(world, folder, serve)

        named.__name__ = f"{play.__name__}, {serve.__name__}"
        return named

    return [with_target(play) for play in plays]


def main():
    lab.require("vblade")
    lab.require_namespaces()
    lab.play_all(
        served_by(serve_ours, copies_are_right_over_a_poor_network, a_target_that_is_back_in_time_costs_only_time,
                  a_copy_survives_the_loss_of_an_interface, a_file_system_on_a_loop_device_stays_clean)
        + served_by(serve_vblade, copies_are_right_over_a_poor_network, a_target_that_is_back_in_time_costs_only_time,
                    a_target_that_stays_away_is_down_and_comes_up_again))


main()
