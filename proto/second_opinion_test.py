"""What other people's programs make of our frames, and we of theirs.

    second_opinion_test.py scapy|tcpdump|tshark PATH_OF_AOE_GOLDEN_FRAMES

Each program knows AoE from its own authors' reading of AoEr11. Where one of them is mistaken or
does not know a thing, what it says of it is asserted all the same, with a comment: should a later
version know better, the test tells. Exit status 77: the program is not installed.
"""

import importlib.util
import json
import logging
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

GOLDEN_FRAMES = None  # the path of aoe-golden-frames

ATA, CONFIG, MASK, RESERVE = range(4)


def run(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


class SecondOpinion(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="second-opinion-")
        cls.capture = os.path.join(cls.directory.name, "golden.pcap")
        cls.golden = json.loads(run(GOLDEN_FRAMES, "--write", cls.capture))

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def each_golden(self, opinions, check):
        """Calls check(frame, opinion) with what the other program says of each golden frame."""
        self.assertEqual(len(opinions), len(self.golden))
        for frame, opinion in zip(self.golden, opinions):
            with self.subTest(frame["name"]):
                check(frame, opinion)


def is_kind(frame, *kinds):
    return frame["kind"] in kinds


def register_lba(frame):
    """lba0-5 as one number: with LBA28 our frames set LBA mode, e, in the high bits of lba3."""
    return frame["lba"] if frame["flags"]["extended"] else frame["lba"] | 0xE000_0000


def feature_count_command(frame):
    """The three bytes that mean one thing in a request and another in a reply."""
    if is_kind(frame, "ata request"):
        return frame["feature"], frame["sectors"], frame["opcode"]
    return frame["error"], frame["sectors_left"], frame["status"]


def aflags(frame):
    flags = frame["flags"]
    return (flags["extended"] << 6 | flags["device_head"] << 4 | flags["asynchronous"] << 1
            | flags["write"])


# ---- Scapy

# Scapy 2.5 takes the counts of mask directives and reserve addresses for two bytes (its
# FieldLenField has that size by default), where AoEr11 §3.3 and §3.4 have one. It is
# given, and gives, frames with one more byte there; Scapy.test_counts_are_two_bytes_wide asserts it.
COUNT_AT = {MASK: 27, RESERVE: 25}


def widen_count(raw):
    at = COUNT_AT.get(raw[19])
    return raw if at is None else raw[:at] + b"\0" + raw[at:]


def narrow_count(raw):
    at = COUNT_AT.get(raw[19])
    if at is None:
        return raw
    assert raw[at] == 0
    return raw[:at] + raw[at + 1:]


class Scapy(SecondOpinion):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        logging.getLogger("scapy").setLevel(logging.ERROR)
        global aoe, Ether, Padding, RawPcapReader, RawPcapWriter
        from scapy.contrib import aoe
        from scapy.layers.l2 import Ether
        from scapy.packet import Padding
        from scapy.utils import RawPcapReader, RawPcapWriter

    # Golden frames, read by Scapy

    def test_reads_what_we_encode(self):
        self.each_golden([raw for raw, _ in RawPcapReader(self.capture)], self.check_frame)

    def check_frame(self, frame, raw):
        self.assertGreaterEqual(len(raw), 60)
        packet = Ether(widen_count(raw))
        self.assertIn(aoe.AOE, packet)
        self.assertEqual(bytes(packet), widen_count(raw))
        self.check_header(frame, packet)
        arg = {ATA: self.check_ata, CONFIG: self.check_config, MASK: self.check_mask,
               RESERVE: self.check_reserve}.get(frame["command"], self.check_vendor)
        if not is_kind(frame, "error reply"):
            arg(frame, packet[aoe.AOE])

    def check_header(self, frame, packet):
        header = packet[aoe.AOE]
        error = is_kind(frame, "error reply")
        self.assertEqual(packet.dst, frame["destination"])
        self.assertEqual(packet.src, frame["source"])
        self.assertEqual(packet.type, 0x88A2)
        self.assertEqual(header.version, 1)
        self.assertEqual(header.flags.value, 0x8 * frame["response"] | 0x4 * error)
        self.assertEqual(header.error, frame["error"] if error else 0)
        self.assertEqual(header.major, frame["shelf"])
        self.assertEqual(header.minor, frame["slot"])
        self.assertEqual(header.cmd, frame["command"])
        self.assertEqual(header.tag, frame["tag"])

    def check_rest(self, rest, expected):
        """`expected`, and then nothing but padding."""
        self.assertEqual(rest[:len(expected)], expected)
        self.assertEqual(rest[len(expected):].strip(b"\0"), b"")

    def check_ata(self, frame, header):
        arg = header.i_ata_cmd
        self.assertEqual(arg.flags.value, aflags(frame))
        self.assertEqual((arg.err_feature, arg.sector_count, arg.cmd_status),
                         feature_count_command(frame))
        octets = [arg.lba0, arg.lba1, arg.lba2, arg.lba3, arg.lba4, arg.lba5]
        self.assertEqual(int.from_bytes(bytes(octets), "little"), register_lba(frame))
        self.assertEqual(arg.reserved, 0)
        # Scapy takes sector count x 512 bytes for data whatever W says, and leaves the rest.
        rest = bytes(arg.data) + (header[Padding].load if Padding in header else b"")
        self.check_rest(rest, bytes.fromhex(frame["data"]))

    def check_config(self, frame, header):
        arg = header.q_conf_info
        reply = is_kind(frame, "config reply")
        self.assertEqual(arg.buffer_count, frame["buffer_count"] if reply else 0)
        self.assertEqual(arg.firmware, frame["firmware"] if reply else 0)
        self.assertEqual(arg.sector_count, frame["sector_count"] if reply else 0)
        self.assertEqual(arg.aoe, 1 if reply else 0)
        self.assertEqual(arg.ccmd, frame["ccmd"])
        self.assertEqual(arg.config_length, len(frame["string"]) // 2)
        self.assertEqual(bytes(arg.config).hex(), frame["string"])

    def check_mask(self, frame, header):
        arg = header.mac_m_list
        self.assertEqual(arg.reserved, 0)
        self.assertEqual(arg.mcmd, frame["mcmd"])
        self.assertEqual(arg.merror, frame.get("merror", 0))
        if frame.get("merror", 0) != 0:  # the count is of what was done: no list follows
            self.assertEqual(arg.dir_count, frame["directives_done"])
            return
        # Scapy's Directive keeps what follows it as a payload of its own, so all behind the first
        # ends up there; each is taken off in turn.
        rest = b"".join(bytes(directive) for directive in arg.directives)
        found = []
        for _ in range(arg.dir_count):
            directive = aoe.Directive(rest[:8])
            self.assertEqual(directive.reserved, 0)
            found.append({"command": directive.dcmd, "mac": directive.mac_addr})
            rest = rest[8:]
        self.assertEqual(found, frame["directives"])
        self.check_rest(rest, b"")

    def check_reserve(self, frame, header):
        self.assertEqual(header.res_rel.rcmd, frame["rcmd"])
        self.assertEqual(header.res_rel.nb_mac, len(frame["macs"]))
        self.assertEqual(header.res_rel.mac_addrs, frame["macs"])

    def check_vendor(self, frame, header):
        self.check_rest(header[Padding].load, bytes.fromhex(frame["arg"]))

    # Frames of Scapy, read by us

    def decoded(self, raws):
        path = os.path.join(self.directory.name, "scapy.pcap")
        writer = RawPcapWriter(path, linktype=1)
        writer.write_header(None)
        for raw in raws:
            writer.write(raw)
        writer.close()
        frames = json.loads(run(GOLDEN_FRAMES, "--decode", path))
        self.assertEqual(len(frames), len(raws))
        return frames

    def check_decoded(self, made):
        """`made`: a list of (raw frame, the values that it must decode to)."""
        self.assertGreater(len(made), 0)
        for (raw, expected), found in zip(made, self.decoded([raw for raw, _ in made])):
            self.assertEqual(found, expected, raw.hex())

    def random_frames(self, count=200):
        dice = random.Random(20090217)
        for _ in range(count):
            yield dice, Header(dice)

    def test_ata_requests_mean_the_same(self):
        made = []
        for dice, header in self.random_frames():
            flags, feature, opcode = (dice.randrange(256) for _ in range(3))
            write = flags & 1 != 0
            sectors = dice.randrange(18) if write else dice.randrange(256)
            lba = bytes(dice.randrange(256) for _ in range(6))
            data = dice.randbytes(sectors * 512) if write else b""
            arg = ata_arg(flags, feature, sectors, opcode, lba, dice.randrange(65536), data)
            made.append((header.raw(0, ATA, i_ata_cmd=arg), {
                **header.values(False, ATA), "kind": "ata request", "flags": flag_values(flags),
                "feature": feature, "sectors": sectors, "opcode": opcode,
                "lba": lba_value(flags, lba), "data": data.hex()}))
        self.check_decoded(made)

    def test_ata_replies_mean_the_same(self):
        made = []
        for dice, header in self.random_frames():
            flags, error, status, left = (dice.randrange(256) for _ in range(4))
            lba = bytes(dice.randrange(256) for _ in range(6))
            data = dice.randbytes(dice.choice([0, 1, 511, 512, 1024, 8704]))
            arg = ata_arg(flags, error, left, status, lba, 0, data)
            made.append((header.raw(8, ATA, i_ata_cmd=arg), {
                **header.values(True, ATA), "kind": "ata reply", "flags": flag_values(flags),
                "error": error, "sectors_left": left, "status": status,
                "lba": lba_value(flags, lba), "data": data.hex()}))
        self.check_decoded(made)

    def test_writes_without_their_data_are_rejected(self):
        made = []
        for dice, header in self.random_frames(100):
            sectors = dice.randrange(1, 256)
            have = dice.randrange(min(sectors * 512, 9000))
            arg = ata_arg(0x41, 0, sectors, 0x34, bytes(6), 0, bytes(have))
            made.append((header.raw(0, ATA, i_ata_cmd=arg), {
                **header.values(False, ATA),
                "reject": {"rule": "write data beyond the frame", "offset": 36, "have": have,
                           "need": sectors * 512}}))
        self.check_decoded(made)

    def test_config_frames_mean_the_same(self):
        made = []
        for dice, header in self.random_frames():
            buffers, firmware = dice.randrange(65536), dice.randrange(65536)
            sectors, version, ccmd = dice.randrange(256), dice.randrange(16), dice.randrange(5)
            string = dice.randbytes(dice.choice([0, 1, 3, 27, 28, 29, 1023, 1024]))
            arg = aoe.QueryConfigInformation(buffer_count=buffers, firmware=firmware,
                                             sector_count=sectors, aoe=version, ccmd=ccmd,
                                             config=string)
            made.append((header.raw(0, CONFIG, q_conf_info=arg), {
                **header.values(False, CONFIG), "kind": "config request", "ccmd": ccmd,
                "string": string.hex()}))
            made.append((header.raw(8, CONFIG, q_conf_info=arg), {
                **header.values(True, CONFIG), "kind": "config reply", "buffer_count": buffers,
                "firmware": firmware, "sector_count": sectors, "ccmd": ccmd,
                "string": string.hex()}))
        self.check_decoded(made)

    def test_config_lengths_beyond_the_frame_are_rejected(self):
        made = []
        for dice, header in self.random_frames(100):
            claimed = dice.randrange(1, 65536)
            have = dice.randrange(min(claimed, 1024))
            arg = aoe.QueryConfigInformation(config_length=claimed, config=bytes(have))
            reject = ({"rule": "config string beyond the frame", "offset": 30, "have": have,
                       "need": claimed} if claimed <= 1024 else
                      {"rule": "config string too long", "offset": 30, "have": claimed,
                       "need": 1024})
            made.append((header.raw(0, CONFIG, q_conf_info=arg),
                         {**header.values(False, CONFIG), "reject": reject}))
        self.check_decoded(made)

    def test_mask_frames_mean_the_same(self):
        made = []
        for dice, header in self.random_frames(100):
            mcmd = dice.randrange(2)
            directives = [{"command": dice.randrange(256), "mac": random_mac(dice)}
                          for _ in range(dice.choice([0, 1, 2, 5, 185, 255]))]
            arg = aoe.MacMaskList(
                reserved=dice.randrange(256), mcmd=mcmd,
                directives=[aoe.Directive(reserved=dice.randrange(256), dcmd=d["command"],
                                          mac_addr=d["mac"]) for d in directives])
            made.append((header.raw(0, MASK, mac_m_list=arg), {
                **header.values(False, MASK), "kind": "mask request", "mcmd": mcmd,
                "directives": directives}))
            made.append((header.raw(8, MASK, mac_m_list=arg), {
                **header.values(True, MASK), "kind": "mask reply", "mcmd": mcmd, "merror": 0,
                "directives_done": 0, "directives": directives}))
            merror, done = dice.randrange(1, 4), dice.randrange(256)
            arg = aoe.MacMaskList(mcmd=mcmd, merror=merror, dir_count=done)
            made.append((header.raw(8, MASK, mac_m_list=arg), {
                **header.values(True, MASK), "kind": "mask reply", "mcmd": mcmd,
                "merror": merror, "directives_done": done, "directives": []}))
        self.check_decoded(made)

    def test_reserve_frames_mean_the_same(self):
        made = []
        for dice, header in self.random_frames(100):
            rcmd = dice.randrange(3)
            macs = [random_mac(dice) for _ in range(dice.choice([0, 1, 2, 6, 248, 255]))]
            arg = aoe.ReserveRelease(rcmd=rcmd, mac_addrs=macs)
            for flags, kind in (0, "reserve request"), (8, "reserve reply"):
                made.append((header.raw(flags, RESERVE, res_rel=arg), {
                    **header.values(flags == 8, RESERVE), "kind": kind, "rcmd": rcmd,
                    "macs": macs}))
        self.check_decoded(made)

    def test_vendor_and_unknown_commands_mean_the_same(self):
        made = []
        for command in range(4, 256):
            header = Header(random.Random(command))
            arg = bytes(range(command % 32))
            values = ({"reject": {"rule": "unknown command", "offset": 19, "have": command,
                                  "need": 3}} if command < 240 else
                      {"kind": "vendor request", "arg": arg.hex()})
            made.append((header.raw(0, command) + arg,
                         {**header.values(False, command), **values}))
        self.check_decoded(made)

    def test_error_replies_mean_the_same(self):
        made = []
        for dice, header in self.random_frames():
            command, error = dice.randrange(256), dice.randrange(256)
            made.append((header.raw(0xC, command, error=error), {
                **header.values(True, command), "kind": "error reply", "error": error}))
        self.check_decoded(made)

    def test_other_versions_are_rejected(self):
        made = []
        for version in set(range(16)) - {1}:
            header = Header(random.Random(version))
            made.append((header.raw(0, CONFIG, version=version), {
                **header.values(False, CONFIG),
                "reject": {"rule": "unsupported version", "offset": 14, "have": version,
                           "need": 1}}))
        self.check_decoded(made)

    # Where Scapy's layer differs from AoEr11

    def test_counts_are_two_bytes_wide(self):
        """Mistaken: Dir Count and NMacs are one byte (§3.3, §3.4)."""
        mask = aoe.MacMaskList(directives=[aoe.Directive(dcmd=1, mac_addr="02:00:00:00:00:01")])
        self.assertEqual(bytes(mask).hex(), "000000" + "0001" + "0001020000000001")
        reserve = aoe.ReserveRelease(rcmd=1, mac_addrs=["02:00:00:00:00:01"])
        self.assertEqual(bytes(reserve).hex(), "01" + "0001" + "020000000001")

    def test_flag_names_are_in_reverse(self):
        """Mistaken: R is 0x8 (§2) and W is 0x01 (§3.1); a FlagsField names the lowest bit first."""
        self.assertEqual(int(aoe.AOE(flags="Response").flags), 0x1)
        self.assertEqual(str(aoe.AOE(flags=0x8).flags), "r2")
        self.assertEqual(int(aoe.IssueATACommand(flags="w").flags), 0x80)


class Header:
    """A header of random values, wildcards among them."""

    def __init__(self, dice):
        self.destination, self.source = random_mac(dice), random_mac(dice)
        self.shelf = dice.choice([0, 1, 0xFFFE, 0xFFFF, dice.randrange(65536)])
        self.slot = dice.choice([0, 1, 0xFE, 0xFF, dice.randrange(256)])
        self.tag = dice.randrange(1 << 32)
        self.reserved_flags = dice.randrange(4)

    def raw(self, flags, command, **fields):
        packet = Ether(dst=self.destination, src=self.source) / aoe.AOE(
            flags=flags | self.reserved_flags, major=self.shelf, minor=self.slot, cmd=command,
            tag=self.tag, **fields)
        return narrow_count(bytes(packet))

    def values(self, response, command):
        return {"destination": self.destination, "source": self.source, "shelf": self.shelf,
                "slot": self.slot, "tag": self.tag, "response": response, "command": command}


def random_mac(dice):
    return ":".join(f"{dice.randrange(256):02x}" for _ in range(6))


def ata_arg(flags, err_feature, count, cmd_status, lba, reserved, data):
    return aoe.IssueATACommand(
        flags=flags, err_feature=err_feature, sector_count=count, cmd_status=cmd_status,
        lba0=lba[0], lba1=lba[1], lba2=lba[2], lba3=lba[3], lba4=lba[4], lba5=lba[5],
        reserved=reserved, data=data)


def flag_values(flags):
    return {"extended": flags & 0x40 != 0, "device_head": flags & 0x10 != 0,
            "asynchronous": flags & 0x02 != 0, "write": flags & 0x01 != 0}


def lba_value(flags, lba):
    if flags & 0x40:
        return int.from_bytes(lba, "little")
    return int.from_bytes(lba[:4], "little") & 0x0FFF_FFFF


# ---- tcpdump

class Tcpdump(SecondOpinion):
    COMMANDS = {ATA: "Issue ATA Command", CONFIG: "Query Config Information",
                MASK: "MAC Mask List", RESERVE: "Reserve/Release"}
    ERRORS = {1: "Unrecognized command code", 2: "Bad argument parameter",
              3: "Device unavailable", 4: "Config string present", 5: "Unsupported version",
              6: "Target is reserved"}

    def printed(self):
        """tcpdump's text, a list of lines for each frame."""
        with open(self.capture, "rb") as capture:
            text = run("tcpdump", "-e", "-v", "-nn", "-t", "-r", "-", stdin=capture)
        frames = []
        for line in text.splitlines():
            if line.startswith("\t"):
                frames[-1].append(line.strip())
            else:
                frames.append([line])
        return frames

    def test_prints_what_we_encode(self):
        self.each_golden(self.printed(), lambda frame, lines: self.assertEqual(
            lines, self.expected(frame, lines)))

    def test_complains_of_nothing_but_lists_that_it_misreads(self):
        complaint = re.compile(r"\[\|aoe|truncated|malformed|\(invalid\)", re.IGNORECASE)
        self.each_golden(self.printed(), lambda frame, lines: self.assertEqual(
            bool(complaint.search("\n".join(lines))), self.misreads(frame)))

    @staticmethod
    def misreads(frame):
        """Mistaken, both: tcpdump 4.99 takes a reserve list for bad unless it ends with the frame,
        which in a frame padded to 60 bytes it does not; and it takes Dir Count for the length of a
        list in a reply with MError too, where it is the number of directives done."""
        if frame["command"] == RESERVE:
            return len(frame.get("macs", [])) < 6
        return frame.get("merror", 0) != 0 and 28 + 8 * frame["directives_done"] > 60

    def expected(self, frame, lines):
        size = int(re.search(r"length (\d+): AoE", lines[0])[1])
        error = is_kind(frame, "error reply")
        flags = ", ".join(["Response"] * frame["response"] + ["Error"] * error) or "none"
        command = self.COMMANDS.get(frame["command"], f"Unknown (0x{frame['command']:02x})")
        expected = [f"{frame['source']} > {frame['destination']}, ethertype AoE (0x88a2), "
                    f"length {size}: AoE length {size - 14}, Ver 1, Flags: [{flags}]"]
        if error:
            expected += [f"Error: {self.ERRORS[frame['error']]}"]
        expected += [f"Major: 0x{frame['shelf']:04x}, Minor: 0x{frame['slot']:02x}, "
                     f"Command: {command}, Tag: 0x{frame['tag']:08x}"]
        arg = {ATA: self.ata, CONFIG: self.config, MASK: self.mask, RESERVE: self.reserve}
        if frame["command"] in arg:
            expected += arg[frame["command"]](frame, size)
        if self.misreads(frame):
            expected[-1] += " (invalid)"
        return expected

    def ata(self, frame, size):
        if is_kind(frame, "error reply"):  # it reads the padding as an Arg
            names, registers, lba = "none", (0, 0, 0), bytes(6)
        else:
            flags = frame["flags"]
            names = ", ".join(
                ["Ext48"] * flags["extended"] + ["Device"] * flags["device_head"]
                + ["Async"] * flags["asynchronous"] + ["Write"] * flags["write"]) or "none"
            registers = feature_count_command(frame)
            lba = register_lba(frame).to_bytes(6, "little")
            data = len(frame["data"]) // 2
            self.assertEqual(size, 36 + data if data else 60)
        return ["AFlags: [{}], Err/Feature: {}, Sector Count: {}, Cmd/Status: {}".format(
                    names, *registers),
                ", ".join(f"lba{i}: {octet}" for i, octet in enumerate(lba)),
                f"Data: {size - 36} bytes"]

    def config(self, frame, size):
        version = 1 if is_kind(frame, "config reply") else 0
        ccmd = ["read config string", "test config string", "test config string prefix",
                "set config string", "force set config string"][frame.get("ccmd", 0)]
        lines = [f"Buffer Count: {frame.get('buffer_count', 0)}, "
                 f"Firmware Version: {frame.get('firmware', 0)}, "
                 f"Sector Count: {frame.get('sector_count', 0)}, AoE: {version}, CCmd: {ccmd}"]
        string = bytes.fromhex(frame.get("string", ""))
        if string:
            lines += [f"Config String (length {len(string)}): {string.decode()}"]
        return lines

    def mask(self, frame, size):
        # Mistaken: MError 0, no error, is "Unknown (0x00)" to it.
        merror = ["Unknown (0x00)", "Unspecified Error", "Bad DCmd directive",
                  "Mask list full"][frame.get("merror", 0)]
        mcmd = ["Read", "Edit"][frame.get("mcmd", 0)]
        directives = frame.get("directives", [])
        if frame.get("merror", 0) != 0:  # it reads the padding as directives, where that suffices
            count = frame["directives_done"]
            if not self.misreads(frame):
                directives = [{"command": 0, "mac": "00:00:00:00:00:00"}] * count
        else:
            count = len(directives)
        names = {0: "No Directive", 1: "Add mac address to mask list",
                 2: "Delete mac address from mask list"}
        return [f"MCmd: {mcmd} Mac Mask List, MError: {merror}, Dir Count: {count}"] + [
            "DCmd: {}, Ethernet Address: {}".format(
                names.get(d["command"], f"Unknown (0x{d['command']:02x})"), d["mac"])
            for d in directives]

    def reserve(self, frame, size):
        if self.misreads(frame):
            return []
        rcmd = ["Read", "Set", "Force set"][frame["rcmd"]]
        return [f"RCmd: {rcmd} reserve list, NMacs: {len(frame['macs'])}"] + [
            f"Ethernet Address {i}: {mac}" for i, mac in enumerate(frame["macs"])]


# ---- tshark

class Tshark(SecondOpinion):
    FIELDS = ["eth.dst", "eth.src", "aoe.version", "aoe.response", "aoe.flags_error", "aoe.error",
              "aoe.major", "aoe.minor", "aoe.cmd", "aoe.tag", "aoe.aflags.e", "aoe.aflags.d",
              "aoe.aflags.a", "aoe.aflags.w", "aoe.err_feature", "aoe.sector_count",
              "aoe.ata.cmd", "aoe.ata.status", "aoe.lba", "aoe.response_in", "aoe.response_to"]

    def tshark(self, *arguments):
        # A home of its own: nobody's preferences.
        return run("tshark", "-n", "-2", "-r", self.capture, *arguments,
                   env={**os.environ, "HOME": self.directory.name,
                        "XDG_CONFIG_HOME": self.directory.name, "LC_ALL": "C.UTF-8"})

    def fields(self):
        """tshark's values of each frame: numbers; what it does not tell is left out."""
        columns = [argument for field in self.FIELDS for argument in ("-e", field)]
        lines = self.tshark("-Y", "aoe", "-T", "fields", *columns).splitlines()
        truth = {"True": 1, "False": 0}  # how tshark 4.2 and later print a flag
        frames = []
        for line in lines:
            values = dict(zip(self.FIELDS, line.split("\t")))
            frames.append({
                field: value if field.startswith("eth.") else truth.get(value) if value in truth
                else int(value, 0) for field, value in values.items() if value})
        return frames

    def test_reads_what_we_encode(self):
        self.each_golden(self.fields(), self.check_frame)

    def check_frame(self, frame, found):
        found.pop("aoe.response_in", None)
        found.pop("aoe.response_to", None)
        if is_kind(frame, "ata reply"):
            found.pop("aoe.ata.cmd", None)  # of the request that it found by the tag
        self.assertEqual(found, self.expected(frame))

    def expected(self, frame):
        error = is_kind(frame, "error reply")
        expected = {
            "eth.dst": frame["destination"], "eth.src": frame["source"], "aoe.version": 1,
            "aoe.response": int(frame["response"]), "aoe.flags_error": int(error),
            "aoe.major": frame["shelf"], "aoe.minor": frame["slot"],
            "aoe.cmd": frame["command"], "aoe.tag": frame["tag"]}
        if error:
            expected["aoe.error"] = frame["error"]
        if frame["command"] != ATA:  # it knows nothing of other commands' arguments
            return expected
        if error:  # it reads the padding as an Arg
            return {**expected, "aoe.aflags.e": 0, "aoe.aflags.w": 0, "aoe.err_feature": 0,
                    "aoe.sector_count": 0, "aoe.ata.status": 0, "aoe.lba": 0}
        flags = frame["flags"]
        feature, count, command = feature_count_command(frame)
        expected.update({
            "aoe.aflags.e": int(flags["extended"]), "aoe.aflags.w": int(flags["write"]),
            "aoe.err_feature": feature, "aoe.sector_count": count,
            "aoe.ata.status" if frame["response"] else "aoe.ata.cmd": command,
            "aoe.lba": register_lba(frame)})  # of LBA28 too it shows all of lba3
        # Mistaken: it shows D with E alone, where §3.1 gives it a meaning without E alone.
        if flags["extended"]:
            expected["aoe.aflags.d"] = int(flags["device_head"])
        if flags["write"]:  # A is of a write only
            expected["aoe.aflags.a"] = int(flags["asynchronous"])
        return expected

    def test_matches_replies_to_requests_by_tag(self):
        numbers = {}
        for number, frame in enumerate(self.golden, 1):
            if is_kind(frame, "ata request", "ata reply"):
                numbers.setdefault(frame["tag"], []).append(number)
        pairs = {numbers[0]: numbers[1] for numbers in numbers.values() if len(numbers) == 2}
        self.assertGreater(len(pairs), 5)
        found = self.fields()
        self.assertEqual({number: values["aoe.response_in"] for number, values in
                          enumerate(found, 1) if "aoe.response_in" in values}, pairs)
        self.assertEqual({values["aoe.response_to"]: number for number, values in
                          enumerate(found, 1) if "aoe.response_to" in values}, pairs)

    def test_complains_of_nothing(self):
        self.assertEqual(self.tshark("-Y", "_ws.malformed || _ws.expert || _ws.short"), "")
        text = self.tshark("-V", "-Y", "aoe")
        self.assertNotRegex(text, re.compile("malformed|truncated|expert", re.IGNORECASE))

    def test_names_what_it_knows(self):
        details = re.split(r"^Frame \d+:", self.tshark("-V", "-Y", "aoe"), flags=re.MULTILINE)[1:]
        self.each_golden(details, self.check_names)

    def check_names(self, frame, text):
        # tshark 4.0 does not know the commands 2 and 3, nor error 6, nor FLUSH CACHE.
        name = {ATA: "Issue ATA Command", CONFIG: "Query Config Information"}
        self.assertIn(f"Command: {name.get(frame['command'], 'Unknown')} ({frame['command']})",
                      text)
        if is_kind(frame, "error reply"):
            error = {**Tcpdump.ERRORS, 6: "Unknown"}[frame["error"]]
            self.assertIn(f"Error: {error} ({frame['error']})", text)
        if is_kind(frame, "ata request"):
            self.assertEqual("ATA Cmd: Unknown" in text, frame["opcode"] in (0xE7, 0xEA))


def main():
    global GOLDEN_FRAMES
    tests = {"scapy": Scapy, "tcpdump": Tcpdump, "tshark": Tshark}
    if len(sys.argv) != 3 or sys.argv[1] not in tests:
        sys.exit(__doc__)
    program, GOLDEN_FRAMES = sys.argv[1:]
    installed = (importlib.util.find_spec("scapy") if program == "scapy"
                 else shutil.which(program))
    if not installed:
        print(f"SKIP: {program} is not installed")
        sys.exit(77)
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(tests[program])
    sys.exit(not unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful())


if __name__ == "__main__":
    main()
