"""Makes the captures of this folder again, from real programs on a virtual cable. usage: capture.py FOLDER_OF_PROGRAMS [NAME...]

With names, only these. Those of the Linux driver and of iPXE need what suts/linux/fetch and suts/ipxe/fetch get. Each is written as NAME.pcap; NAME.txt, what
our codec says of its frames, comes from `captures_test --print NAME.pcap`, and NAME.check and NAME.replay from
`check_captures.py --write`: all are read by a person before they are committed.
"""

import os
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../ci/python"))
import lab

FOLDER = os.path.dirname(os.path.abspath(__file__))
INITIATOR, TARGET, LINUX, IPXE = (os.path.join(os.path.abspath(sys.argv[1]), name)
                                  for name in ("aoe-initiator", "aoe-target", "aoe-linux", "aoe-ipxe"))
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
    with open(path, "ab") as image:
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


def serve(server, folder):
    target = server.start([TARGET, "--shelf", "0", "--slot", "2", "--interface", "eth0", "--no-state", make_image(folder)])
    target.wait_for("ready")
    return target


class Kernel:
    """The Linux driver on a node, its files in a folder."""

    def __init__(self, node, folder):
        mount_point = os.path.join(folder, "kernel")
        os.mkdir(mount_point)
        self._process = node.start([LINUX, mount_point, "--interface", "eth0", "--deadsecs", "60"])
        self._process.wait_for("ready", timeout=180)
        self.files = f"/proc/{self._process.pid}/root{mount_point}"  # mounted where that process is, and nowhere else
        self._device = os.path.join(self.files, "dev/etherd/e0.2")

    def discover(self):
        with open(os.path.join(self.files, "dev/etherd/discover"), "w", encoding="ascii") as file:
            file.write("\n")

    def state(self):
        try:
            with open(os.path.join(self.files, "sys/block/etherd!e0.2/state"), encoding="ascii") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def find(self):
        self.discover()
        lab.eventually(lambda: self.state() == "up\n", "e0.2")

    def copy(self, *arguments):
        return ["dd", *(argument.replace("DISK", self._device) for argument in arguments), "bs=4096"]

    def stop(self):
        self._process.stop()


def use(client, kernel):
    kernel.find()
    client.run(kernel.copy("if=DISK", "of=/dev/null", "iflag=direct", "count=4"))
    client.run(kernel.copy("if=/dev/zero", "of=DISK", "oflag=direct", "seek=8", "count=2", "conv=notrunc,fsync"))


def linux_target(client, server, folder):
    target = serve(server, folder)
    kernel = Kernel(client, folder)
    use(client, kernel)
    kernel.stop()
    target.stop()


def linux_vblade(client, server, folder):
    vblade = server.start(["vblade", "0", "2", "eth0", make_image(folder)])
    vblade.wait_for("e0.2")
    kernel = Kernel(client, folder)
    use(client, kernel)
    kernel.stop()
    vblade.stop()


def linux_cold_loss(client, server, folder):
    target = serve(server, folder)
    kernel = Kernel(client, folder)
    kernel.find()
    target.kill()
    read = client.start(kernel.copy("if=DISK", "of=/dev/null", "iflag=direct", "count=1"))
    time.sleep(1)  # the read is sent, and lost
    target = serve(server, folder)
    assert read.wait() == 0
    kernel.stop()
    target.stop()


def linux_one_buffer(client, server, folder):
    vblade = server.start(["vblade", "-b", "1", "0", "2", "eth0", make_image(folder)])
    vblade.wait_for("e0.2")
    kernel = Kernel(client, folder)
    for _ in range(8):
        kernel.discover()
        time.sleep(0.2)
    assert kernel.state() != "up\n", "it is there, but not up"
    kernel.stop()
    vblade.stop()


def ipxe_target(client, server, folder):
    target = serve(server, folder)
    ipxe = client.start([IPXE, "e0.2", "--interface", "eth0"], input=True)
    ipxe.wait_for("ready")

    def ask(line, answer="ok"):
        ipxe.say(line)
        ipxe.wait_for(answer)

    ask("discover")
    ask("read 8 5")
    ask("write 16 2\n" + "w" * 1023)
    ask("read 2048 1", "error")  # the disk has 2048 sectors
    target.kill()
    ipxe.say("read 16 2")
    time.sleep(1)  # the read is sent, and lost
    target = serve(server, folder)
    ipxe.wait_for("ok")
    target.stop()


class Odd:
    """Frames that no client of good faith sends, by hand, one after the other, each given time to be answered."""

    READ, WRITE, SET, FORCE_SET = 0x24, 0x34, 3, 4

    def __init__(self, client):
        self._socket = client.packet_socket("eth0", timeout=0.3)
        self._tag = 0

    def ask(self, argument, command=0, version=1):
        self._tag += 1
        header = bytes.fromhex((SERVER + CLIENT).replace(":", "")) + b"\x88\xa2" + bytes([version << 4, 0])
        header += struct.pack(">HBBI", 0, 2, command, self._tag)
        self._socket.send((header + argument).ljust(60, b"\0"))
        try:
            while self._socket.recv(2048)[20:24] != self._tag.to_bytes(4, "big"):
                pass
        except TimeoutError:
            pass

    def ata(self, opcode, lba=0, count=1, data=b""):
        flags = 0x41 if data else 0x40
        self.ask(bytes([flags, 0, count, opcode]) + lba.to_bytes(6, "little") + bytes(2) + data)

    def config(self, ccmd, string=b"", length=None, **header):
        length = len(string) if length is None else length
        self.ask(bytes(5) + bytes([ccmd]) + length.to_bytes(2, "big") + string, command=1, **header)

    def close(self):
        self._socket.close()


def odd(client, start):
    """What a target makes of frames that are wrong, and of its config string over a restart."""
    target = start()
    frames = Odd(client)
    frames.config(0)
    frames.config(0, version=7)
    frames.ask(b"", command=9)
    frames.config(9)
    frames.ata(0xEC)
    frames.ata(Odd.READ, lba=8, count=0)
    frames.ata(Odd.READ, lba=8, count=3)                      # more than a frame holds
    frames.ata(Odd.READ, lba=2047, count=2)                   # the second one is beyond the end
    frames.ata(Odd.READ, lba=2**48 - 1, count=2)
    frames.ata(Odd.WRITE, lba=100, count=2, data=b"w" * 512)  # half of what it promises
    frames.ata(Odd.READ, lba=100, count=2)
    frames.ata(0xE7, count=0)                                 # FLUSH CACHE
    frames.ata(0xEA, count=0)                                 # FLUSH CACHE EXT
    frames.ata(0x55)                                          # no such command
    frames.config(Odd.SET, b"kept")
    frames.config(Odd.FORCE_SET, b"short", length=300)        # beyond the frame
    frames.config(0)
    frames.config(Odd.FORCE_SET, b"l" * 1025)
    frames.config(Odd.FORCE_SET, b"kept")
    frames.ask(bytes([1, 200]) + bytes(6), command=3)         # a reservation for 200, of whom one is told
    frames.ask(bytes([0, 0]), command=3)
    frames.ask(bytes([2, 0]), command=3)                      # nobody holds it any more
    target.stop()
    target = start()
    frames.config(0)
    frames.ask(bytes([0, 1, 0, 20]) + bytes(32), command=2)   # 20 directives, of which four are told
    frames.ask(bytes(4), command=2)
    target.stop()
    frames.close()


def vblade_odd(client, server, folder):
    image = make_image(folder)

    def start():
        vblade = server.start(["vblade", "0", "2", "eth0", image])
        vblade.wait_for("e0.2")
        return vblade

    odd(client, start)


def target_odd(client, server, folder):
    image = make_image(folder)

    def start():
        target = server.start([TARGET, "--shelf", "0", "--slot", "2", "--interface", "eth0", "--state", folder, image])
        target.wait_for("ready")
        return target

    odd(client, start)


CAPTURES = {"vblade-initiator": vblade_initiator, "target-aoetools": target_aoetools, "vblade-odd": vblade_odd,
            "target-odd": target_odd, "linux-target": linux_target,
            "linux-vblade": linux_vblade, "linux-cold-loss": linux_cold_loss, "linux-one-buffer": linux_one_buffer,
            "ipxe-target": ipxe_target}


def main():
    lab.require("tcpdump", "vblade", "aoeping")
    lab.require_namespaces()
    for name in sys.argv[2:] or CAPTURES:
        record(name, CAPTURES[name])


main()
