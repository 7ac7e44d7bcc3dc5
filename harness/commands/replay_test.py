"""aoe-harness replay of captures: what is asked again, and what is said of the answers.

usage: replay_test.py AOE_HARNESS AOE_TARGET sim|veth
"""

import bz2
import contextlib
import gzip
import lzma
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import lab
from frames_by_hand import CLIENT, ERROR, RESPONSE, SERVER, STRANGER, config, cooked, done, frame, pcap, query, read, tagged

HARNESS, TARGET = (os.path.abspath(path) for path in sys.argv[1:3])
PART = sys.argv[3]
ALIKE, DIFFERENT, USAGE, ENVIRONMENT = 0, 1, 2, 3


class Trial:
    def __init__(self, folder):
        self.folder = folder
        self.programs = os.path.join(folder, "programs")
        os.mkdir(self.programs)
        for program in [HARNESS, TARGET]:
            shutil.copy(program, self.programs)

    def capture(self, frames, name="a.pcap"):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(pcap(frames))
        return name

    def replay(self, *arguments, status):
        result = subprocess.run([os.path.join(self.programs, "aoe-harness"), "replay", *arguments], capture_output=True,
                                text=True, timeout=60, check=False, cwd=self.folder, stdin=subprocess.DEVNULL)
        assert result.returncode == status, result
        return result.stdout + result.stderr


@contextlib.contextmanager
def trial():
    with tempfile.TemporaryDirectory() as folder:
        yield (Trial(folder),)


def write(tag, lba, byte):
    registers = bytes([0x41, 0, 1, 0x34]) + struct.pack("<Q", lba)[:6] + bytes(2)
    return frame(SERVER, CLIENT, tag, registers + bytes([byte]) * 512)


def written(tag):
    return frame(CLIENT, SERVER, tag, bytes([0x40, 0, 0, 0x40]) + bytes(8), RESPONSE)


def data(tag, byte):
    return frame(CLIENT, SERVER, tag, bytes([0x40, 0, 0, 0x40]) + bytes(8) + bytes([byte]) * 512, RESPONSE)


def identify(tag):
    return frame(SERVER, CLIENT, tag, bytes([0, 0, 1, 0xec]) + bytes(8))


def identity(tag, sectors):
    block = bytearray(512)
    struct.pack_into("<H", block, 98, 1 << 9)
    struct.pack_into("<I", block, 120, sectors)
    struct.pack_into("<HHH", block, 164, 0, 1 << 14 | 1 << 10, 1 << 14)
    struct.pack_into("<H", block, 172, 1 << 10)
    struct.pack_into("<Q", block, 200, sectors)
    return frame(CLIENT, SERVER, tag, bytes([0, 0, 0, 0x40]) + bytes(8) + bytes(block), RESPONSE)


def no_such_sector(tag):
    return frame(CLIENT, SERVER, tag, bytes([0x40, 0x10, 1, 0x41]) + bytes(8), RESPONSE)


def test_of(tag, string):
    return frame(SERVER, CLIENT, tag, struct.pack(">HHBBH", 0, 0, 0, 1, len(string)) + string, command=1)


def the_disk_begins_as_the_capture_shows_it(trial):
    """What is read before it is written was there before; what is read after that must be what was written."""
    frames = [query(1), config(1), read(2, lba=3), data(2, 0xa5), write(3, 3, 0x11), written(3), read(4, lba=3),
              data(4, 0x11), write(5, 4, 0x22), written(5), read(6, lba=5), data(6, 0)]
    trial.capture(frames)
    assert trial.replay("a.pcap", status=ALIKE) == (
        "a.pcap: e1.1 replayed to aoe-target: 6 requests, 6 answers compared, all alike\n")
    trial.capture([*frames, read(7, lba=4), data(7, 0x33)])
    output = trial.replay("a.pcap", status=DIFFERENT)
    assert output.splitlines() == [
        "a.pcap: frame 14 (answers 13): ata.data: expected 0x33 in byte 0 (lba 4), got 0x22",
        "    asked     e1.1 READ EXT lba 4+1",
        "    capture   e1.1 ATA reply ok lba 0 left 0",
        "    replayed  e1.1 ATA reply ok lba 4 left 0",
        "a.pcap: e1.1 replayed to aoe-target: 7 requests, 7 answers compared, 1 differs"], output
    assert "all alike" in trial.replay("a.pcap", "--ignore", "ata.data", status=ALIKE)
    exact = trial.replay("a.pcap", "--exact", "-q", status=DIFFERENT)
    assert "config.buffers: expected 4, got 4" not in exact and "config.firmware: expected 1, got 0" in exact, exact
    assert "replayed to" not in exact, exact
    exact = trial.replay("a.pcap", "--exact", "--ignore", "config.firmware,ata.data,ata.lba,ata.flags", status=ALIKE)
    assert "all alike" in exact, exact


def what_was_not_carried_out_changes_nothing(trial):
    """A write that was refused or lost, and what a TRIM does not name, leave the disk as it was; a lost one may have been done."""
    told = [query(1), config(1)]
    reserved = frame(SERVER, CLIENT, 2, bytes([1, 1]) + STRANGER, command=3)
    has_reserved = frame(CLIENT, SERVER, 2, bytes([1, 1]) + STRANGER, RESPONSE, command=3)
    refusal = frame(CLIENT, SERVER, 3, bytes(36), RESPONSE | ERROR, 6)
    by_other = [read(4, lba=7, source=STRANGER), bytes(STRANGER + data(4, 0xa5)[6:])]
    trial.capture([*told, reserved, has_reserved, write(3, 7, 0x11), refusal, *by_other])
    assert "4 answers compared, all alike\n" in trial.replay("a.pcap", status=ALIKE)
    trim = frame(SERVER, CLIENT, 3, bytes([0x41, 1, 1, 6]) + bytes(8) + struct.pack("<Q", 1 << 48).ljust(512, b"\0"))
    trial.capture([*told, trim, written(3), read(4, lba=100), data(4, 0xa5), read(5, lba=0), data(5, 0)])
    assert "4 answers compared, all alike\n" in trial.replay("a.pcap", status=ALIKE)
    lost = [*told, write(3, 5, 0x11), read(4, lba=5), data(4, 0xa5), read(5, lba=6), data(5, 0x5a)]
    trial.capture(lost)
    output = trial.replay("a.pcap", status=ALIKE)
    assert "3 answers compared, all alike; 1 unanswered in the capture; data of 1 read not compared, " in output, output
    trial.capture([*lost, write(6, 5, 0x22), written(6), read(7, lba=5), data(7, 0x33)])  # it is known again
    output = trial.replay("a.pcap", status=DIFFERENT)
    assert "ata.data: expected 0x33 in byte 0 (lba 5), got 0x22" in output and "1 differs" in output, output
    present = frame(CLIENT, SERVER, 2, bytes(8), RESPONSE | ERROR, 4, command=1)
    set_it = frame(SERVER, CLIENT, 2, struct.pack(">HHBBH", 0, 0, 0, 3, 3) + b"new", command=1)
    named = frame(CLIENT, SERVER, 3, struct.pack(">HHBBH", 4, 1, 2, 0x10, 4) + b"orig", RESPONSE, command=1)
    trial.capture([set_it, present, query(3), named])
    assert "2 answers compared, all alike\n" in trial.replay("a.pcap", status=ALIKE)


def the_disk_is_as_large_as_it_shows(trial):
    """The largest IDENTIFY says it; without one, or with one of no sectors, what there was and what there was not."""
    trial.capture([query(1), config(1), identify(2), identity(2, 0)])
    assert "identify.capacity: expected 0 sectors, got 1024 sectors\n" in trial.replay("a.pcap", status=DIFFERENT)
    trial.capture([query(1), config(1), read(2, lba=1), data(2, 0xa5), read(3, lba=5000), no_such_sector(3),
                   read(4, lba=900), no_such_sector(4)])
    assert "4 answers compared, all alike\n" in trial.replay("a.pcap", status=ALIKE)
    trial.capture([identify(1), identity(1, 4096), read(2, lba=3000), data(2, 0xa5), identify(3), identity(3, 2048)])
    output = trial.replay("a.pcap", status=DIFFERENT)
    assert "identify.capacity: expected 2048 sectors, got 4096 sectors\n" in output and "3 answers compared, 1 differs\n" in output, output
    trial.capture([identify(1), identity(1, 2048), read(2, lba=5000), data(2, 0xa5)])
    output = trial.replay("a.pcap", status=DIFFERENT)
    assert output.endswith("1 differs; 1 sector beyond its IDENTIFY left out\n"), output


def what_is_not_restored_is_told(trial):
    mask = [frame(SERVER, CLIENT, 2, bytes(4), command=2), frame(CLIENT, SERVER, 2, bytes([0, 0, 0, 1, 0, 0]) + CLIENT, RESPONSE,
                                                                 command=2)]
    reserve = [frame(SERVER, CLIENT, 3, bytes(2), command=3), frame(CLIENT, SERVER, 3, bytes([0, 1]) + STRANGER, RESPONSE,
                                                                    command=3)]
    trial.capture([query(1), config(1), *mask, *reserve])
    output = trial.replay("a.pcap", status=DIFFERENT)
    assert output.endswith("2 differ; not restored: its mask list, its reservation\n"), output


def the_config_string_begins_as_it_was_told(trial):
    told = frame(CLIENT, SERVER, 1, struct.pack(">HHBBH", 4, 1, 2, 0x10, 3) + b"abc", RESPONSE, command=1)
    trial.capture([query(1), told, test_of(2, b"x")])
    assert "2 requests, 2 answers compared, all alike" in trial.replay("a.pcap", status=ALIKE)


def silence_is_an_answer_of_a_test_alone(trial):
    trial.capture([query(1), config(1), test_of(2, b""), read(3)])
    output = trial.replay("a.pcap", status=DIFFERENT)
    assert "a.pcap: frame 3: answer: expected silence, got one\n" in output, output
    assert output.endswith("3 requests, 2 answers compared, 1 differs; 1 unanswered in the capture\n"), output
    trial.capture([query(1), config(1), read(2, lba=1), frame(CLIENT, SERVER, 2, bytes(12), RESPONSE | ERROR, 3)])
    output = trial.replay("a.pcap", status=DIFFERENT)
    assert "frame 4 (answers 3): flags: expected response|error (0xc), got response (0x8)" in output, output
    assert "frame 4 (answers 3): error: expected device-unavailable (3), got none (0)" in output, output


def one_device_is_asked(trial):
    second = [read(3, destination=STRANGER), done(3, source=STRANGER)]
    other = [bytes(one[:18] + b"\x02" + one[19:]) for one in second]
    trial.capture([query(1), config(1), *other])
    output = trial.replay("a.pcap", status=USAGE)
    assert re.fullmatch(r"aoe-harness: a.pcap: several devices answer in it, --device says which: e1.1 at \S+, e1.2 at \S+\n",
                        output), output
    assert "e1.2 replayed to aoe-target: 1 requests, 1 answers" in trial.replay("a.pcap", "--device", "e1.2", status=ALIKE)
    assert "a.pcap: no e1.3 answers in it; there are e1.1 at" in trial.replay("a.pcap", "--device", "e1.3", status=USAGE)


def a_lossy_run_is_replayed_in_no_time(trial):
    with open(os.path.join(trial.folder, "lossy.yaml"), "w", encoding="utf-8") as file:
        file.write("scenario: lossy\ntitle: Frames are lost\nroles: {target: {size: 4MiB}}\ngiven: {deadsecs: 20s}\nsteps:\n"
                   "- discover: {expect: e1.1}\n- arm: {fault: drop, id: lost, probability: 0.05}\n"
                   "- io: {id: a, op: mixed, count: 8, requests: 300, depth: 8}\n- expect: {io: {id: a}}\n")
    subprocess.run([os.path.join(trial.programs, "aoe-harness"), "run", "lossy.yaml", "--seed", "7"], cwd=trial.folder,
                   check=True, capture_output=True, timeout=60)
    began = time.monotonic()
    output = trial.replay("runs/last/cases/lossy/initiator-side.pcap", status=ALIKE)
    took = time.monotonic() - began
    found = re.search(r"replayed to aoe-target: (\d+) requests, (\d+) answers compared, all alike; (\d+) unanswered", output)
    requests, compared, unanswered = map(int, found.groups())
    assert requests == compared + unanswered and compared > 1000 and unanswered > 50, output
    assert took < 10, "each unanswered request waits in virtual time"


def a_capture_is_read_as_far_as_it_goes(trial):
    whole = pcap([query(1), config(1), read(2, lba=3), data(2, 0xa5)])
    for name, content in [("end.pcap", whole[:-3]), ("radio.pcap", pcap([query(1)], link=105)),
                          ("snap.pcap", pcap([query(1), config(1), read(2), data(2, 0xa5)], snapshot=64))]:
        with open(os.path.join(trial.folder, name), "wb") as file:
            file.write(content)
    output = trial.replay("end.pcap", status=ALIKE)
    assert re.search("2 requests, 1 answers compared, all alike; 1 unanswered in the capture; the capture is cut off: end.pcap: "
                     "damaged after 3 records: it ends within the next", output), output
    assert "all alike; 1 unanswered in the capture; 1 frames cut short by the capture" in trial.replay("snap.pcap", status=ALIKE)
    assert trial.replay("radio.pcap", status=ENVIRONMENT) == \
        "aoe-harness: radio.pcap: link type 105 is neither Ethernet nor Linux' \"any\"\n"


def pcapng(frames):
    """One section of one Ethernet interface."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        length = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + length + body + length
    packets = [block(6, struct.pack("<IIIII", 0, 0, 100 * number, len(one), len(one)) + one)
               for number, one in enumerate(frames)]
    return b"".join([block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)), block(1, struct.pack("<HHI", 1, 0, 0)),
                     *packets])


def captures_of_any_make_are_replayed(trial):
    """What `check` reads is replayed: compressed, pcapng, of the interface "any", in a VLAN within a VLAN."""
    frames = [query(1), config(1), read(2, lba=3), data(2, 0xa5), read(3, lba=4), data(3, 0)]
    plain = pcap(frames)
    made = {"gz": gzip.compress(plain), "xz": lzma.compress(plain), "bz2": bz2.compress(plain), "pcapng": pcapng(frames),
            "sll": pcap(cooked(frames, 1), link=113), "sll2": pcap(cooked(frames, 2), link=276),
            "qinq": pcap([tagged(one, (0x88a8, 5), (0x8100, 7)) for one in frames])}
    for name, content in made.items():
        with open(os.path.join(trial.folder, name), "wb") as file:
            file.write(content)
        assert trial.replay(name, status=ALIKE) == \
            f"{name}: e1.1 replayed to aoe-target: 3 requests, 3 answers compared, all alike\n"
    frames[3] = data(2, 0x5a)
    with open(os.path.join(trial.folder, "differs.gz"), "wb") as file:
        file.write(gzip.compress(pcap([*frames, read(4, lba=3), data(4, 0x11)])))
    assert "ata.data: expected 0x11 in byte 0 (lba 3), got 0x5a" in trial.replay("differs.gz", status=DIFFERENT)


def wrong_use_is_one_line(trial):
    trial.capture([query(1), config(1)])
    trial.capture([query(1)], "silent.pcap")
    with open(os.path.join(trial.folder, "no.pcap"), "wb") as file:
        file.write(b"scenario")
    for arguments, status, complaint in [
            (["gone.pcap"], USAGE, "gone.pcap: No such file or directory"),
            (["silent.pcap"], USAGE, "silent.pcap: no device answers in it"),
            (["no.pcap"], USAGE, "no.pcap:.*"),
            (["no.pcap", "--exact"], USAGE, "--exact is for captures, and no.pcap is none"),
            (["a.pcap", "--ignore", "ata.statsu"], USAGE, "--ignore: ata.statsu: no such field \\(did you mean ata.status\\?\\)"),
            (["a.pcap", "--device", "1.1"], USAGE, "--device: 1.1: no device; one is e0.2.*"),
            (["a.pcap", "--sut", "vblade"], USAGE, "vblade is a program: it needs --world veth"),
            (["a.pcap", "--sut", "aoe-initiator", "--world", "veth"], USAGE, "aoe-initiator is an initiator: .*"),
            (["a.pcap", "--at", "e1.1"], USAGE, "--at is for --world interface"),
            (["a.pcap", "--world", "veth", "--sut", "no-such-program {image}"], ENVIRONMENT, "no-such-program.*")]:
        output = trial.replay(*arguments, status=status)
        assert re.fullmatch(f"aoe-harness: {complaint}\n", output), (arguments, output)


def programs_are_asked_the_same(trial):
    """What vblade does otherwise than the capture has it is told; our target as a process does as the engine."""
    flushed = frame(SERVER, CLIENT, 9, bytes([0, 0, 0, 0xe7]) + bytes(8))
    frames = [query(1), config(1), read(2, lba=3), data(2, 0xa5), write(3, 3, 0x11), written(3), read(4, lba=3),
              data(4, 0x11), flushed, frame(CLIENT, SERVER, 9, bytes([0, 0, 0, 0x40]) + bytes(8), RESPONSE)]
    trial.capture(frames)
    assert "5 answers compared, all alike" in trial.replay("a.pcap", "--world", "veth", status=ALIKE)
    if not shutil.which("vblade"):
        raise lab.Skipped("vblade is not installed")
    output = trial.replay("a.pcap", "--world", "veth", "--sut", "vblade", status=DIFFERENT)
    assert output.splitlines()[0] == "a.pcap: frame 10 (answers 9): ata.status: expected DRDY (0x40), got none (0x00)", output
    assert output.endswith("5 requests, 5 answers compared, 1 differs\n"), output


def what_is_on_a_wire_is_asked(trial):
    """Of a disk that is somebody's, nothing is changed, and what it holds is not compared."""
    frames = [query(1), config(1), read(2, lba=3), data(2, 0xa5)]
    trial.capture(frames)
    trial.capture([*frames, write(3, 3, 0x11), written(3)], "writes.pcap")
    to_any = bytearray(write(3, 3, 0x22))
    to_any[16:19] = b"\xff\xff\xff"
    trial.capture([*frames, bytes(to_any), written(3)], "writes-to-any.pcap")
    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth0", server, "eth0")
        image = os.path.join(trial.folder, "disk.img")
        with open(image, "wb") as file:
            file.truncate(1 << 20)
        target = server.start([TARGET, "--shelf", "7", "--slot", "9", "--interface", "eth0", "--no-state", image])
        target.wait_for("ready")
        common = [os.path.join(trial.programs, "aoe-harness"), "replay", "--world", "interface", "--interface", "eth0",
                  "--at", "e7.9"]
        result = client.run([*common, "a.pcap"], cwd=trial.folder)
        assert result.stdout == ("a.pcap: e1.1 replayed to what answers on eth0: 2 requests, 2 answers compared, "
                                 "all alike\n"), result
        result = client.run([*common, "writes.pcap"], cwd=trial.folder, check=False)
        assert (result.returncode, result.stderr) == (
            USAGE, "aoe-harness: writes.pcap: frame 5 would send a write to eth0: --write-ok allows it\n"), result
        result = client.run([*common, "--write-ok", "writes.pcap"], cwd=trial.folder)
        assert "3 answers compared, all alike" in result.stdout, result
        result = client.run([*common, "--write-ok", "writes-to-any.pcap"], cwd=trial.folder, check=False)
        assert (result.returncode, result.stderr) == (
            USAGE, "aoe-harness: writes-to-any.pcap: frame 5 would change every disk there: a write to any shelf or slot\n"), result
        target.stop()
        with open(image, "rb") as file:
            file.seek(3 * 512)
            assert file.read(512) == b"\x11" * 512


if PART == "sim":
    lab.play_all([the_disk_begins_as_the_capture_shows_it, what_was_not_carried_out_changes_nothing,
                  the_disk_is_as_large_as_it_shows, what_is_not_restored_is_told, the_config_string_begins_as_it_was_told,
                  silence_is_an_answer_of_a_test_alone, one_device_is_asked, a_lossy_run_is_replayed_in_no_time,
                  a_capture_is_read_as_far_as_it_goes,
                  captures_of_any_make_are_replayed, wrong_use_is_one_line], trial)
else:
    lab.require("ip")
    lab.require_namespaces()
    lab.play_all([programs_are_asked_the_same, what_is_on_a_wire_is_asked], trial)
