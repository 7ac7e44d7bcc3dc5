#!/usr/bin/python3
"""A switch with two ports that is as slow, as lossy and as narrow as a test wants it.

    relay.py eth0 eth1 --delay-ms 50 --lose 1 --longest 1500

Frames go from either interface to the other, each way alike. It says "ready" when it forwards, and one line for each change that
its standard input asks for: `longest 1500`, `delay-ms 5`, `lose 10`, `lose-first 3`, `lose-answer 2`. In lab.py's world it
runs on a node of its own, between two cables:

    relay = Relay(world, client, "eth0", server, "eth0", mtu=9000, options=["--longest", 1500])
"""

import argparse
import heapq
import os
import random
import select
import socket
import sys
import time

ALL_TYPES = 0x0003
BATCH = 64


class Port:
    def __init__(self, name):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_TYPES))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.socket.setsockopt(263, 23, 1)  # PACKET_IGNORE_OUTGOING
        self.socket.bind((name, ALL_TYPES))
        self.socket.setblocking(False)


def read_arguments():
    parser = argparse.ArgumentParser(prog="relay.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("interfaces", nargs=2, metavar="INTERFACE")
    parser.add_argument("--delay-ms", type=float, default=0, help="each frame takes so much longer")
    parser.add_argument("--lose", type=float, default=0, metavar="PERCENT", help="of all frames, each way")
    parser.add_argument("--lose-first", type=int, default=0, metavar="N", help="the first N frames, both ways together")
    parser.add_argument("--lose-answer", type=int, default=0, metavar="N", help="the Nth AoE answer from now on")
    parser.add_argument("--longest", type=int, default=1 << 16, metavar="BYTES", help="longer ones are lost; without the Ethernet header")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    arguments = read_arguments()
    ports = [Port(name) for name in arguments.interfaces]
    poller = select.poll()
    for port in ports:
        poller.register(port.socket, select.POLLIN)
    poller.register(sys.stdin, select.POLLIN)
    print("ready", flush=True)
    chance = random.Random(arguments.seed)
    waiting = []  # (when, number, port, frame)
    number = 0
    while True:
        timeout = max(0, (waiting[0][0] - time.monotonic()) * 1000) if waiting else None
        events = dict(poller.poll(timeout))
        now = time.monotonic()
        if sys.stdin.fileno() in events:
            line = os.read(sys.stdin.fileno(), 4096).decode()
            if not line:
                return
            for name, value in (change.split() for change in line.splitlines()):
                name = name.replace("-", "_")
                setattr(arguments, name, type(getattr(arguments, name))(value))
                print(f"{name} {value}", flush=True)
        for index, port in enumerate(ports):
            if port.socket.fileno() not in events:
                continue
            for _ in range(BATCH):
                try:
                    frame = port.socket.recv(1 << 16)
                except BlockingIOError:
                    break
                if frame[12:14] == b"\x88\xa2" and frame[14] & 0x08:
                    arguments.lose_answer -= 1
                    if arguments.lose_answer == 0:
                        continue
                if arguments.lose_first > 0:
                    arguments.lose_first -= 1
                    continue
                if len(frame) > arguments.longest + 14 or (arguments.lose and chance.random() * 100 < arguments.lose):
                    continue
                number += 1
                heapq.heappush(waiting, (now + arguments.delay_ms / 1000, number, 1 - index, frame))
        while waiting and waiting[0][0] <= now:
            _, _, index, frame = heapq.heappop(waiting)
            try:
                ports[index].socket.send(frame)
            except OSError:  # no room: lost, as by a switch
                pass


class Relay:
    """The relay on a node of its own in lab.py's world, between two nodes' interfaces. `change` alters how it works."""

    def __init__(self, world, node_a, interface_a, node_b, interface_b, mtu=1500, options=(), name="relay"):
        self.node = world.node(name)
        for own, node, interface in (("port0", node_a, interface_a), ("port1", node_b, interface_b)):
            world.join(self.node, own, node, interface, mtu=mtu)
        self.process = self.node.start([sys.executable, os.path.abspath(__file__), "port0", "port1", *options], input=True)
        self.process.wait_for("ready")

    def change(self, name, value):
        self.process.say(f"{name} {value}")
        self.process.wait_for(f"{name.replace('-', '_')} {value}")


if __name__ == "__main__":
    main()
