"""Two targets have one disk and the files of its state; one serves it and the other stands by, until a cluster manager changes that.

usage: standby_test.py AOE_TARGET AOE_INITIATOR
"""

import fcntl
import os
import random
import socket
import sys
import threading

import lab
import wire_client
from cluster_words import *

TARGET, INITIATOR = sys.argv[1:3]
MIB = 1 << 20
SO_RCVBUFFORCE = 33
WITNESS = (0, 1)  # a LUN in memory beside the one of the test: its answers tell that a wait is over


class Side:
    """One of the two targets: e0.2 is the shared disk."""

    def __init__(self, bench, name, mac, standby, **of_lun):
        self.bench, self.node = bench, bench.world.node(name)
        self.folder = os.path.join(bench.folder, name)
        os.mkdir(self.folder)
        bench.switch.plug(self.node, "eth0", mac)
        self.mac = octets(mac)
        self.ctl = Control(TARGET, self.node, self.folder)
        self.luns = [lun(2, bench.image, standby=standby, serial="shared", **of_lun)]

    def configure(self, *beside, **more):
        return configure(self.folder, [*self.luns, *beside], state=bench_state(self.bench.folder), **more)

    def start(self, *beside, **more):
        self.target = self.node.start([TARGET, "--config", self.configure(*beside, **more)])
        self.target.wait_for("ready")

    def opens_the_image(self):
        return self.bench.image in self.target.open_files()

    def ends(self):
        assert self.target.stop() == 0


def bench_state(folder):
    return os.path.join(folder, "state")


class Bench:
    """A client, and two targets behind one switch: A serves, and B stands by."""

    def __init__(self, world, folder, size=MIB, **of_lun):
        self.world, self.folder = world, folder
        self.image = image(folder, size=size)
        self.switch = Switch(world)
        self.client = world.node("client")
        self.switch.plug(self.client, "port0")
        self.cable = Cable.at(self.client, "port0")
        self.a = Side(self, "a", MAC_A, False, **of_lun)
        self.b = Side(self, "b", MAC_B, True, **of_lun)

    def start(self):
        self.a.start()
        self.b.start()

    def answers(self):
        """The MAC address at which e0.2 answers."""
        return self.cable.ask(CONFIG)[6:12]

    def switch_over(self, sender, receiver):
        assert sender.ctl("demote", "e0.2") == "e0.2: demoted\n"
        assert not sender.opens_the_image()
        assert receiver.ctl("promote", "e0.2") == "e0.2: promoted\n"

    def ends(self):
        self.a.ends()
        self.b.ends()


class Watch:
    """Sees every answer of e0.2 at the client's end: none comes from a target that has been demoted, and none twice."""

    def __init__(self, bench):
        self._socket = bench.client.packet_socket("port0", timeout=0.1)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sources = []  # of answers to requests, as they came: each once in a row
        self.answered = {}  # tag -> the source that has answered it

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _run(self):
        while True:
            try:
                frame = self._socket.recv(20000)
            except TimeoutError:
                if self._over.is_set():
                    return
                continue
            if not frame[14] & 0x08 or frame[16:19] != bytes([0, 0, 2]) or frame[20:24] == bytes(4):
                continue
            source = frame[6:12]
            if self.sources[-1:] != [source]:
                self.sources.append(source)
            self.answered.setdefault(frame[20:24], set()).add(source)

    def check(self, *sides):
        """These have answered, one after the other, and no request was answered by two."""
        assert self.sources == [side.mac for side in sides], [source.hex() for source in self.sources]
        both = [tag.hex() for tag, sources in self.answered.items() if len(sources) > 1]
        assert not both, f"answered by both: {both}"


def a_lun_that_stands_by_is_silent_and_opens_nothing(world, folder):
    bench = Bench(world, folder)
    b = bench.b
    b.start(lun(1, "memory:1MiB"))
    assert f"info: e0.2: stands by: {bench.image} is not opened until it is promoted" in b.target.output, b.target.output
    cable = bench.cable
    assert cable.next_reply(tag=bytes(4)).address == WITNESS  # the only announcement
    for command, arg in [(CONFIG, bytes(8)), (ATA, b"\x40\0\1\x24" + bytes(8)), (MASK, bytes(4)), (RESERVE, bytes(2))]:
        assert cable.silent(command=command, arg=arg, witness=WITNESS)
    assert cable.silent(address=(0xFFFF, 0xFF), witness=WITNESS, command=ATA, arg=b"\0\0\1\xEC" + bytes(8)) is False
    assert cable.ask_all(1).keys() == {WITNESS}
    assert not b.opens_the_image()
    with open(bench.image, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert f"\ne0.2: stands by: {bench.image}\n" in b.ctl("status")
    report = b.ctl.json("status")["report"]
    assert report["standby"] == [{"lun": "e0.2", "role": "standby", "path": bench.image}], report
    assert [(each["lun"], each["role"]) for each in report["luns"]] == [("e0.1", "active")]
    assert 'aoe_target_lun_active{lun="e0.2"} 0\n' in b.ctl("metrics")
    assert 'aoe_target_lun_active{lun="e0.1"} 1\n' in b.ctl("metrics")
    for command in [["mask", "e0.2"], ["config", "e0.2", "text"], ["resize", "e0.2"], ["reopen", "e0.2"]]:
        assert b.ctl.refused(*command) == "e0.2: stands by; aoe-target ctl promote e0.2 serves it"
    assert b.ctl("promote", "e0.2") == "e0.2: promoted\n"
    announced = cable.next_reply(tag=bytes(4))
    assert (announced.address, announced[6:12]) == ((0, 2), b.mac)
    assert cable.read()[0] == DONE
    assert 'aoe_target_lun_active{lun="e0.2"} 1\n' in b.ctl("metrics")
    b.ends()


def what_one_has_set_the_other_finds(world, folder):
    bench = Bench(world, folder)
    bench.start()
    a, b, cable = bench.a, bench.b, bench.cable
    assert cable.ask(CONFIG, config_set(b"rack 7")).config_string == b"rack 7"
    assert cable.ask(MASK, mask_edit((MASK_ADD, CLIENT))).error == 0
    assert cable.ask(RESERVE, reserve_set(CLIENT)).error == 0
    assert cable.write(b"kept".ljust(SECTOR, b".")).status == DONE
    # The image is locked: B refuses, and A serves on.
    assert b.ctl.refused("promote", "e0.2") == f"e0.2: {bench.image}: in use by another process; it stands by"
    assert bench.answers() == a.mac
    assert a.ctl("demote", "e0.2") == "e0.2: demoted\n"
    a.target.wait_for("info: e0.2: demoted")
    assert not a.opens_the_image()
    with open(bench.image, "rb") as file:
        assert file.read(4) == b"kept"
    assert b.ctl("promote", "e0.2") == "e0.2: promoted\n"
    b.target.wait_for("info: e0.2: promoted")
    reply = cable.ask(CONFIG)
    assert (reply.config_string, reply[6:12]) == (b"rack 7", b.mac)
    assert b.ctl("mask", "e0.2") == "02:00:00:00:00:0c\n"
    assert b.ctl("reserve", "e0.2") == "02:00:00:00:00:0c\n"
    assert cable.read() == (DONE, b"kept".ljust(SECTOR, b"."))
    # And back: A reads what B has set since, not what it had.
    assert cable.ask(CONFIG, config_set(b"rack 8")).config_string == b"rack 8"
    bench.switch_over(b, a)
    reply = cable.ask(CONFIG)
    assert (reply.config_string, reply[6:12]) == (b"rack 8", a.mac)
    bench.ends()


def what_is_set_while_the_other_waits_is_found(world, folder):
    bench = Bench(world, folder)
    bench.start()
    a, b, cable = bench.a, bench.b, bench.cable
    for number in range(10):
        promotion = b.node.start([TARGET, "ctl", "--socket", os.path.join(b.folder, "control.sock"), "promote", "e0.2"])
        lab.eventually(lambda: b.opens_the_image() or not promotion.running(), "B to wait for the lock")
        text = b"rack %d" % number
        assert cable.ask(CONFIG, config_set(text)).config_string == text
        assert a.ctl("demote", "e0.2") == "e0.2: demoted\n"
        if promotion.wait() == 0:
            break
        assert a.ctl("promote", "e0.2") == "e0.2: promoted\n"  # too late for B on this machine: again
    else:
        raise AssertionError("B never got the lock that it waited for")
    reply = cable.ask(CONFIG)
    assert (reply.config_string, reply[6:12]) == (text, b.mac)
    bench.ends()


def what_was_done_already_succeeds(world, folder):
    bench = Bench(world, folder)
    bench.start()
    a, b = bench.a, bench.b
    assert a.ctl("promote", "e0.2") == "e0.2: is active already\n"
    assert b.ctl("demote", "e0.2") == "e0.2: stands by already\n"
    told = a.ctl.json("promote", "e0.2")
    assert (told["role"], told["changed"]) == ("active", False), told
    told = a.ctl.json("demote", "e0.2")
    assert (told["role"], told["changed"]) == ("standby", True), told
    for command in ["promote", "demote"]:
        assert a.ctl.refused(command, "e0.9") == "e0.9: no such LUN"
    bench.ends()


def under_load_nothing_acknowledged_is_lost(world, folder):
    bench = Bench(world, folder, size=4 * MIB)
    bench.start()
    a, b = bench.a, bench.b
    disk = wire_client.Disk(4 * MIB, open(bench.image, "rb").read())
    client = wire_client.Client(bench.client.packet_socket("port0"), CLIENT, (0, 2), disk, random.Random(1))
    with Watch(bench) as watch:
        for sender, receiver in [(a, b), (b, a), (a, b)]:
            change = threading.Thread(target=bench.switch_over, args=[sender, receiver])
            client.write(MIB // 4)
            change.start()
            client.write(64 * MIB, stop=lambda: not change.is_alive())
            change.join()
            client.write(MIB // 4)
        client.check()
    watch.check(a, b, a, b)
    assert client.resent > 0, "no request has met a change"
    client.flush()
    assert b.ctl("demote", "e0.2") == "e0.2: demoted\n"
    with open(bench.image, "rb") as file:
        assert file.read() == disk.content
    print(f"{disk.acknowledgements} writes acknowledged, {client.resent} requests sent again", flush=True)
    bench.ends()


def an_initiator_follows(world, folder):
    bench = Bench(world, folder, size=8 * MIB, limits={"bytes-per-second": "4MiB"})
    source = os.path.join(folder, "source")
    with open(source, "wb") as file:
        file.write(random.Random(2).randbytes(8 * MIB))
    bench.start()
    with Watch(bench) as watch:
        copy = bench.client.start([INITIATOR, "copy", source, "e0.2", "--verify", "--interface", "port0"])
        for sender, receiver in [(bench.a, bench.b), (bench.b, bench.a)]:
            served = len(watch.answered)
            lab.eventually(lambda: len(watch.answered) > served + 50, "requests of the copy")
            assert copy.running()
            bench.switch_over(sender, receiver)
        assert copy.wait() == 0, copy.output
        assert "verified" in copy.output, copy.output
    watch.check(bench.a, bench.b, bench.a)
    assert bench.a.ctl("demote", "e0.2") == "e0.2: demoted\n"
    with open(source, "rb") as wanted, open(bench.image, "rb") as got:
        assert wanted.read() == got.read()
    bench.ends()


def after_a_kill_the_other_takes_over(world, folder):
    bench = Bench(world, folder, size=4 * MIB)
    bench.start()
    a, b = bench.a, bench.b
    assert bench.cable.ask(CONFIG, config_set(b"rack 7")).config_string == b"rack 7"
    disk = wire_client.Disk(4 * MIB, open(bench.image, "rb").read())
    client = wire_client.Client(bench.client.packet_socket("port0"), CLIENT, (0, 2), disk, random.Random(3))
    client.write(MIB)
    client.fill()
    a.target.kill()
    assert disk.possible, "the kill has met no unanswered write"
    assert b.ctl("promote", "e0.2") == "e0.2: promoted\n"
    client.write(MIB // 4)
    client.check()
    assert bench.cable.ask(CONFIG).config_string == b"rack 7"
    # The killed one comes back as its configuration says: active. The lock keeps it out.
    a.start()
    assert a.ctl.refused("mask", "e0.2") == f"e0.2: not served, and tried again: {bench.image}: in use by another process"
    assert a.ctl.refused("promote", "e0.2") == f"e0.2: {bench.image}: in use by another process; it is tried again"
    assert a.ctl("demote", "e0.2") == "e0.2: demoted; it was not served\n"
    assert "e0.2: stands by" in a.ctl("status")
    bench.ends()


def a_request_at_work_is_answered_before_the_image_is_given_up(world, folder):
    lab.require("nbdkit")
    bench = Bench(world, folder)
    path = os.path.join(folder, "nbd.sock")
    nbd = bench.a.node.start(["nbdkit", "--foreground", "--unix", path, "--filter=delay", "memory", "1M", "wdelay=1"])
    lab.eventually(lambda: os.path.exists(path))
    bench.a.luns[0]["path"] = f"nbd+unix:///?socket={path}"
    bench.a.start(lun(1, "memory:1MiB"))
    cable = bench.cable
    arg = struct.pack(">BBBB6s2x", 0x41, 0, 1, WRITE_EXT, bytes(6)) + b"slow".ljust(SECTOR, b".")
    cable.request(ATA, arg)
    # Another demotion waits for the first one.
    demotions = [bench.a.node.start([TARGET, "ctl", "--socket", os.path.join(bench.a.folder, "control.sock"), "demote", "e0.2"])
                 for _ in range(2)]
    reply = cable.next_reply(tag=b"\x80\x00\x00\x01")
    assert (reply.status, reply.error) == (DONE, 0)
    for demotion in demotions:
        assert demotion.wait() == 0 and "e0.2: demoted" in demotion.output, demotion.output
    assert cable.silent(witness=WITNESS)
    bench.a.ends()
    nbd.stop()


def a_flush_that_fails_is_told(world, folder):
    lab.require("nbdkit")
    bench = Bench(world, folder)
    path = os.path.join(folder, "nbd.sock")
    nbd = bench.a.node.start(["nbdkit", "--foreground", "--unix", path, "eval", "get_size=echo 1M", "pread=cat /dev/zero | head -c $3",
                              "pwrite=cat", "can_flush=exit 0", "flush=echo EIO: never stable >&2; exit 1"])
    lab.eventually(lambda: os.path.exists(path))
    bench.a.luns[0]["path"] = uri = f"nbd+unix:///?socket={path}"
    bench.a.start()
    assert bench.cable.write(bytes(SECTOR)).status == DONE
    assert bench.a.ctl.refused("demote", "e0.2") == (
        f"e0.2: demoted, but what was written last may be lost: {uri}: flushing: Input/output error")
    assert bench.a.ctl("demote", "e0.2") == "e0.2: stands by already\n"
    assert bench.a.target.stop() == 1
    nbd.stop()


def a_reload_keeps_the_role_unless_the_configuration_has_another(world, folder):
    bench = Bench(world, folder)
    bench.start()
    a, b = bench.a, bench.b
    bench.switch_over(a, b)
    for side in [a, b]:
        assert side.ctl("reload") == "nothing has changed\n"
    b.luns[0]["buffers"] = 32
    b.configure()
    assert b.ctl("reload") == "e0.2: changed\n"
    assert bench.answers() == b.mac
    a.luns[0]["buffers"] = 32
    a.configure(lun(3, "memory:1MiB", standby=True))
    assert a.ctl("reload") == "e0.2: changed, stands by\ne0.3: added, stands by\n"
    a.configure()
    assert a.ctl("reload") == "e0.3: removed\n"
    # B's configuration said standby, and says active now, which it is; then A's says standby, which it is.
    b.luns[0]["standby"] = False
    b.configure()
    assert b.ctl("reload") == "e0.2: changed\n"
    a.luns[0]["standby"] = True
    a.configure()
    assert a.ctl("reload") == "e0.2: changed, stands by\n"
    b.luns[0]["standby"] = True
    b.configure()
    assert b.ctl("reload") == "e0.2: demoted\n"
    a.luns[0]["standby"] = False
    a.configure()
    # B gives the image up in the background, within the second that A waits for its lock.
    assert a.ctl("reload") == "e0.2: promoted\n"
    assert bench.answers() == a.mac
    bench.ends()


def an_image_that_is_not_there_is_no_trouble_until_the_promotion(world, folder):
    bench = Bench(world, folder)
    os.rename(bench.image, bench.image + ".away")
    b = bench.b
    b.start()
    assert "error" not in b.target.output, b.target.output
    missing = f"{bench.image}: No such file or directory"
    assert b.ctl.refused("promote", "e0.2") == f"e0.2: {missing}; it stands by"
    check = b.node.run([TARGET, "check", os.path.join(b.folder, "aoe.yaml")])
    assert check.stdout.startswith(f"e0.2: stands by, and can't be promoted now: {missing}\n"), check
    os.rename(bench.image + ".away", bench.image)
    assert b.ctl("promote", "e0.2") == "e0.2: promoted\n"
    assert bench.answers() == b.mac
    b.ends()


def a_command_line_can_stand_by_too(world, folder):
    bench = Bench(world, folder)
    command = [TARGET, "--standby", "--no-state", "0", "2", "eth0", bench.image]
    refused = bench.b.node.run(command, check=False)
    assert (refused.returncode, refused.stderr) == (
        2, "aoe-target: --standby needs --control, to be promoted by (aoe-target --help shows how)\n"), refused
    target = bench.b.node.start([*command, "--control", os.path.join(bench.b.folder, "control.sock")])
    target.wait_for("ready")
    assert "warning: e0.2: stands by without a serial number: " in target.output, target.output
    assert bench.b.ctl("promote", "e0.2") == "e0.2: promoted\n"
    assert bench.answers() == bench.b.mac
    assert target.stop() == 0


lab.require("ip")
lab.require_namespaces()
lab.play_all([a_lun_that_stands_by_is_silent_and_opens_nothing, what_one_has_set_the_other_finds,
              what_is_set_while_the_other_waits_is_found, what_was_done_already_succeeds,
              under_load_nothing_acknowledged_is_lost, an_initiator_follows, after_a_kill_the_other_takes_over,
              a_request_at_work_is_answered_before_the_image_is_given_up, a_flush_that_fails_is_told,
              a_reload_keeps_the_role_unless_the_configuration_has_another,
              an_image_that_is_not_there_is_no_trouble_until_the_promotion, a_command_line_can_stand_by_too])
