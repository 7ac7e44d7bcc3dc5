"""aoe-harness check, as a person meets it: on captures of lossy runs, and on files of every kind.

usage: check_test.py AOE_HARNESS
"""

import collections
import contextlib
import json
import os
import pty
import re
import select
import signal
import shutil
import struct
import subprocess
import sys
import tempfile

import lab
from frames_by_hand import (CLIENT, ERROR, RESPONSE, SERVER, STRANGER, config, cooked, done, frame, pcap, query, read, tag_of,
                            tagged)

HARNESS = os.path.abspath(sys.argv[1])
CLEAN, FOUND, USAGE, UNREADABLE = 0, 1, 2, 3

LOSSY = """\
scenario: lossy
title: Frames are lost, doubled, held back and damaged
roles: {target: {size: 4MiB}}
given: {deadsecs: 20s}
steps:
- discover: {expect: e1.1}
- warmup: {reads: 32}
- arm: {fault: drop, id: lost, probability: 0.05}
- arm: {fault: duplicate, id: twice, probability: 0.05, spread: 50us}
- arm: {fault: reorder, id: late, probability: 0.05, by: 1ms}
- arm: {fault: corrupt, id: damaged, set: {version: 3}, match: {direction: to-initiator}, probability: 0.03}
- io: {id: a, op: mixed, count: 8, requests: 300, depth: 8}
- expect: {io: {id: a}}
"""


class Trial:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def check(self, *arguments, status, stdin=b""):
        result = subprocess.run([HARNESS, "check", *arguments], input=stdin, capture_output=True, timeout=60, check=False,
                                cwd=self.folder)
        assert result.returncode == status, (result.args, result.returncode, result.stdout[-2000:], result.stderr)
        return result.stdout.decode(), result.stderr.decode()

    def json(self, *arguments, status):
        return json.loads(self.check("--json", *arguments, status=status)[0])

    def lossy_run(self):
        self.write("lossy.yaml", LOSSY.encode())
        run = subprocess.run([HARNESS, "run", "lossy.yaml", "--seed", "7"], capture_output=True, text=True, cwd=self.folder,
                             timeout=60, check=False)
        assert run.returncode == 0, run
        return self.path("runs/last/cases/lossy")


@contextlib.contextmanager
def trial():
    with tempfile.TemporaryDirectory() as folder:
        yield (Trial(folder),)


def frames_of(path):
    """(nanoseconds, bytes) of each frame of a pcap."""
    with open(path, "rb") as file:
        content = file.read()
    unit = {0xa1b23c4d: 1, 0xa1b2c3d4: 1000}[struct.unpack("<I", content[:4])[0]]
    at, frames = 24, []
    while at < len(content):
        seconds, rest, size, _ = struct.unpack("<IIII", content[at:at + 16])
        frames.append((seconds * 10**9 + rest * unit, content[at + 16:at + 16 + size]))
        at += 16 + size
    return frames


# What faults did.

def what_faults_did_is_found(trial):
    """Each frame that a fault struck leaves its trace in the capture of the initiator's side, and check finds it."""
    case = trial.lossy_run()
    capture = f"{case}/initiator-side.pcap"
    with open(f"{case}/ledger.jsonl", encoding="utf-8") as file:
        ledger = [json.loads(line) for line in file]
    report = trial.json(capture, status=FOUND)
    frames = frames_of(capture)
    assert report["frames"] == report["aoe"] == len(frames)

    # Our initiator has a tag of its own for each transmission, so it tells a request's number in the capture.
    number = {tag_of(content): i + 1 for i, (_, content) in enumerate(frames) if content[14] == 0x10 and content[19] == 0}
    tag = [int(entry["frame"].rsplit("tag ", 1)[1], 16) if " tag " in entry["frame"] else None for entry in ledger]
    is_ata = [one in number for one in tag]
    requests = [entry for entry in ledger if entry["direction"] == "to-target" and is_ata[entry["id"]]]
    replies = collections.defaultdict(list)
    for entry in ledger:
        if entry["direction"] == "to-initiator" and is_ata[entry["id"]]:
            replies[tag[entry["id"]]].append(entry)

    found = collections.defaultdict(list)
    for finding in report["findings"]:
        found[finding["kind"]].append(finding["frames"])
    repeated = {frames[0] for frames in found["retransmitted"]}
    unanswered = {frames[0] for frames in found["unanswered"]}
    answers = collections.Counter(request for _, request, _ in report["answers"])

    def struck(entry, fault):
        return fault in (entry.get("dropped-by", ""), *entry.get("struck-by", "").split())

    lost = twice = 0
    for request in requests:
        this = number[tag[request["id"]]]
        whole = [reply for reply in replies[tag[request["id"]]] if not struck(reply, "damaged")]
        arrived = sum(reply["deliveries"] for reply in whole)
        assert answers[this] == arrived, (request, answers[this], arrived)
        if arrived == 0:
            lost += 1
            assert this in repeated | unanswered, (request, "was lost, and nothing tells of it")
        for extra in range(1, arrived):
            twice += 1
            assert sum(frames[0] == this for frames in found["duplicate-answer"]) >= extra, request
    assert lost > 30 and twice > 30, (lost, twice)
    assert len(found["duplicate-answer"]) == twice

    # And the other way round: nothing is told that no fault did.
    by_number = {number[tag[request["id"]]]: request for request in requests}
    for this in repeated | unanswered:
        request = by_number[this]
        if request["frame"].startswith("e1.1 config"):
            continue
        touched = [request, *replies[tag[request["id"]]]]
        assert any("dropped-by" in entry or "struck-by" in entry for entry in touched), (this, touched)
    damaged = sum(entry["deliveries"] for entry in ledger if struck(entry, "damaged"))
    assert len(found["unsupported-version"]) == damaged > 10, (found["unsupported-version"], damaged)
    others = {kind for kind, some in found.items() if some} - {"retransmitted", "unanswered", "duplicate-answer",
                                                               "unsupported-version"}
    assert not others, others


def tshark_pairs(path):
    """(reply, request, nanoseconds), as tshark pairs them; checks that both directions say the same."""
    fields = ["frame.number", "aoe.response_to", "aoe.response_in", "aoe.time"]
    result = subprocess.run(["tshark", "-2", "-r", path, "-T", "fields", *sum((["-e", field] for field in fields), [])],
                            capture_output=True, text=True, timeout=60, check=True)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    pairs = {(int(row[0]), int(row[1]), round(float(row[3]) * 1e9)) for row in rows if row[1]}
    back = {(int(row[2]), int(row[0])) for row in rows if row[2]}
    assert {pair[:2] for pair in pairs} == back, (pairs, back)
    return pairs


def agrees_with_tshark(path, report, contents):
    """All pairs of tshark are ours. It leaves out, by design: commands other than ATA, all answers but the first, and
    answers to a request that went to a group address (it wants both frames to have the same two addresses)."""
    theirs = tshark_pairs(path)
    seen, expected, left_out = set(), set(), collections.Counter()
    for reply, request, after in sorted(map(tuple, report["answers"])):
        if contents[request - 1][19] != 0:
            left_out["command"] += 1
        elif request in seen:
            left_out["second"] += 1
        elif contents[request - 1][0] & 1:
            left_out["group"] += 1
        else:
            expected.add((reply, request, after))
        seen.add(request)
    assert theirs == expected, (theirs - expected, expected - theirs)
    return left_out


def pairs_are_those_of_tshark(trial):
    if not shutil.which("tshark"):
        raise lab.Skipped("tshark is not installed (apt-get install tshark)")
    case = trial.lossy_run()
    for side, status in [("initiator", FOUND), ("target", CLEAN)]:  # all that reaches the target is answered
        capture = f"{case}/{side}-side.pcap"
        contents = [content for _, content in frames_of(capture)]
        left_out = agrees_with_tshark(capture, trial.json(capture, status=status), contents)
        assert left_out["command"] > 0 and left_out["group"] == 0, left_out
        assert left_out["second"] > 30 or side == "target", left_out
    odd = [read(1), read(1), done(1), done(1),                             # a tag used again, as iPXE does
           read(2), read(2, source=STRANGER), done(2), done(2, STRANGER),  # two initiators with one tag
           read(3), frame(CLIENT, SERVER, 3, bytes(12), RESPONSE | ERROR, 6),
           read(1, lba=8), done(1),
           read(5, destination=b"\xff" * 6), done(5),                      # to everybody
           read(6), done(6, STRANGER)]                                     # answered to somebody else
    path = trial.write("odd.pcap", pcap(odd))
    left_out = agrees_with_tshark(path, trial.json(path, status=FOUND), odd)
    assert left_out == {"second": 1, "group": 1}, left_out


# Files.

def each_finding_is_a_line(trial):
    trial.write("a.pcap", pcap([query(1), config(1), read(2), done(2, status=0), read(3), read(3), done(3)]))
    output, complaints = trial.check("a.pcap", status=FOUND)
    lines = output.splitlines()
    assert lines[0] == ("a.pcap: frame 4 at 0.000300 s: must: e1.1 ATA reply status 00 error 00 lba 0 left 0 tag 00000002: "
                        "status 00 is success without DRDY [bad-status, AoEr11 §3.1/4]"), lines[0]
    assert lines[1].startswith("a.pcap: frame 6 at 0.000500 s: info: e1.1 READ EXT lba 0+1 tag 00000003 again"), lines
    assert lines[2] == "a.pcap: 7 frames in 600us; 7 of AoE: 4 requests, 3 replies", lines
    assert lines[3] == "asked by 02:00:00:00:00:01"
    assert re.fullmatch(r"device +target +requests +answered +unanswered +again +twice +outstanding +round trip .*", lines[4])
    assert re.fullmatch(r"e1\.1 +02:00:00:00:00:02 +4 +3 +0 +1 +0 +1 +100us / 100us / 100us / 100us", lines[5]), lines[5]
    assert lines[-1] == "found: 1 bad-status, 1 retransmitted", lines
    assert complaints == ""
    output, _ = trial.check("--level", "must", "--ladder", "around", "a.pcap", status=FOUND)
    assert "again after" not in output and re.search(r"^ +0\.300 +4  ← e1\.1 ATA reply status 00", output, re.M), output
    output, _ = trial.check("--ladder", "all", "a.pcap", status=FOUND)
    assert re.search(r"^ +0\.000 +1  → e1\.1 config read tag 00000001 +answered by 2$", output, re.M), output
    with open(trial.path("a.pcap"), "rb") as file:
        piped, _ = trial.check("-", status=FOUND, stdin=file.read())
    assert piped == trial.check("a.pcap", status=FOUND)[0].replace("a.pcap:", "-:"), piped


def a_clean_capture_is_status_0(trial):
    trial.write("clean.pcap", pcap([query(1), config(1), read(2), done(2)]))
    output, _ = trial.check("clean.pcap", status=CLEAN)
    assert output.splitlines()[-1] == "nothing found"


def captures_are_as_they_are(trial):
    """Frames that are not AoE, in VLANs, or cut short; and a file that ends in the middle."""
    frames = [b"\xff" * 12 + b"\x08\x06" + bytes(46), tagged(read(1), (0x8100, 5)), tagged(done(1), (0x8100, 5)), b"\1"]
    content = pcap(frames)
    trial.write("vlan.pcap", content)
    report = trial.json("vlan.pcap", status=CLEAN)
    assert (report["frames"], report["aoe"], report["tagged"]) == (4, 2, 2)
    assert report["answers"] == [[3, 2, 100000]] and report["initiators"] == [{"mac": "02:00:00:00:00:01", "vlan": 5}]
    assert "2 frames not of AoE; 2 frames in VLANs" in trial.check("vlan.pcap", status=CLEAN)[0]

    trial.write("snap.pcap", pcap([read(1), done(1)], snapshot=64))
    assert "1 frame cut short by the capture\n" in trial.check("snap.pcap", status=CLEAN)[0]
    trial.write("short.pcap", pcap([read(1), done(1)], snapshot=40))
    assert "2 frames cut short by the capture, 2 too short to judge" in trial.check("short.pcap", status=CLEAN)[0]

    trial.write("end.pcap", content[:-3])
    output, complaints = trial.check("end.pcap", status=CLEAN)
    assert re.search(r"^the capture is cut off: end.pcap: damaged after 3 records: it ends within", output, re.M), output
    assert not complaints

    for outer in [0x8100, 0x88a8, 0x9100]:
        qinq = [tagged(content, (outer, 7), (0x8100, 5)) for content in [read(1), done(1)]]
        trial.write("qinq.pcap", pcap(qinq))
        report = trial.json("qinq.pcap", status=CLEAN)
        assert report["answers"] == [[2, 1, 100000]] and report["initiators"] == [{"mac": "02:00:00:00:00:01", "vlan": 5}]


def a_capture_without_aoe_is_no_pass(trial):
    trial.write("empty.pcap", pcap([]))
    assert trial.check("empty.pcap", status=UNREADABLE) == ("", "aoe-harness: empty.pcap: no frame of AoE among 0 frames\n")
    trial.write("other.pcap", pcap([b"\xff" * 12 + b"\x08\x06" + bytes(46)] * 3))
    assert trial.check("other.pcap", status=UNREADABLE) == ("", "aoe-harness: other.pcap: no frame of AoE among 3 frames\n")


def compressed_captures_are_read(trial):
    content = pcap([query(1), config(1), read(2), done(2, status=0)])
    trial.write("a.pcap", content)
    expected = trial.json("a.pcap", status=FOUND)
    compressions = [("gzip", "gz"), ("bzip2", "bz2"), ("xz", "xz"), ("zstd", "zst")]
    missing = [program for program, _ in compressions if not shutil.which(program)]
    if missing:
        raise lab.Skipped(f"{missing[0]} is not installed (apt-get install gzip bzip2 xz-utils zstd)")
    for program, ending in compressions:
        packed = subprocess.run([program, "-c"], input=content, capture_output=True, check=True).stdout
        name = f"a.pcap.{ending}"
        trial.write(name, packed)
        assert {**trial.json(name, status=FOUND), "file": "a.pcap"} == expected, name
        piped = json.loads(trial.check("--json", "-", status=FOUND, stdin=packed)[0])
        assert {**piped, "file": "a.pcap"} == expected, name
    trial.write("cut.pcap.gz", subprocess.run(["gzip", "-c"], input=pcap(talk(1, 2000)), capture_output=True,
                                              check=True).stdout[:-200])
    assert "the capture is cut off: cut.pcap.gz: " in trial.check("cut.pcap.gz", status=CLEAN)[0]


def the_any_interface_has_no_destinations(trial):
    """tcpdump -i any: what stays wrong is found, what rests on the destination is not."""
    frames = [query(1, b"\xff" * 6), config(1), read(2), done(2, status=0), read(3), read(3), done(3), read(4, source=STRANGER),
              done(4, STRANGER)]
    expected = trial.json(trial.write("a.pcap", pcap(frames)), status=FOUND)
    for version, link in [(1, 113), (2, 276)]:
        report = trial.json(trial.write("any.pcap", pcap(cooked(frames, version), link=link)), status=FOUND)
        same = ["findings", "answers", "requests", "replies", "initiators"]
        assert [report[key] for key in same] == [expected[key] for key in same], report
        assert [device["answered"] for device in report["devices"]] == [4], report
        assert re.match("[0-9]+ frames have no destination, ", report["notes"][0]), report["notes"]
    # Clients that use one tag at once: how many answers there are can be told, but not whose each is.
    shared = [one for tag in range(2, 12) for one in
              [read(tag), read(tag, lba=64, source=STRANGER), done(tag, STRANGER), done(tag)]]
    for version, link in [(1, 113), (2, 276)]:
        report = trial.json(trial.write("any.pcap", pcap(cooked(shared, version), link=link)), status=CLEAN)
        assert [(device["answered"], device["unanswered"]) for device in report["devices"]] == [(20, 0)], report["devices"]
        assert report["notes"][1].startswith("20 replies may answer any of several clients, "), report["notes"]
        report = trial.json(trial.write("any.pcap", pcap(cooked([*shared, done(11)], version), link=link)), status=FOUND)
        assert [finding["kind"] for finding in report["findings"]] == ["duplicate-answer"], report["findings"]


def captures_of_several_interfaces_are_read(trial):
    """A pcapng with two link types, with comments, and with a second section: libpcap refuses the first."""
    if not shutil.which("mergecap"):
        raise lab.Skipped("mergecap is not installed (apt-get install tshark)")
    def tool(*arguments):
        subprocess.run(arguments, cwd=trial.folder, check=True, capture_output=True)
    trial.write("ethernet.pcap", pcap([read(1), done(1, status=0)]))
    trial.write("any.pcap", pcap(cooked([read(2), done(2, status=0)], 2), link=276, times=[10**9 + 300, 10**9 + 400]))
    tool("editcap", "-F", "pcapng", "-a", "1:a comment", "--capture-comment", "of the file", "any.pcap", "any.pcapng")
    trial.write("wlan.pcap", pcap([bytes(30)], link=105, times=[10**9 + 500]))
    tool("mergecap", "-a", "-F", "pcapng", "-w", "mixed.pcapng", "ethernet.pcap", "any.pcapng", "wlan.pcap")
    report = trial.json("mixed.pcapng", status=FOUND)
    assert [(finding["frame"], finding["kind"]) for finding in report["findings"]] == [(2, "bad-status"), (4, "bad-status")]
    assert report["frames"] == 5 and report["notes"] == [
        "1 frame of link types other than Ethernet and Linux' \"any\" can't be read",
        "2 frames have no destination, as captures of Linux' \"any\" have it: a reply goes to whom asked with its tag"
    ], report["notes"]
    with open(trial.path("mixed.pcapng"), "rb") as file:
        content = file.read()
    trial.write("twice.pcapng", content * 2)
    assert trial.json("twice.pcapng", status=FOUND)["frames"] == 10


# While it is read.

def a_terminal_shows_how_far_it_is(trial):
    path = trial.write("long.pcap", pcap(talk(100, 8000)))
    terminal, line = pty.openpty()
    with os.fdopen(terminal, "rb", 0) as screen:
        result = subprocess.run([HARNESS, "check", path], stdout=subprocess.PIPE, stderr=line, timeout=60, check=False)
        os.close(line)
        shown = screen.read(4096)
    assert result.returncode == CLEAN and re.search(rb"[0-9]+ %", shown), (result, shown)
    assert shown.endswith(b"\033[K"), "it is erased"


def what_is_followed_is_told_at_once(trial):
    """And Ctrl-C ends it with the report, while the pipe stays open."""
    content = pcap([query(1), config(1), read(2), done(2, status=0), query(3), config(3)],
                   times=[10**9 + 400000 * i for i in range(6)])
    for options in [[], ["--json"]]:
        with subprocess.Popen([HARNESS, "check", "--follow", *options, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              cwd=trial.folder) as check:
            check.stdin.write(content)
            check.stdin.flush()
            if not options:
                assert b"must: e1.1 ATA reply status 00" in check.stdout.readline()
            else:
                lab.eventually(lambda pid=check.pid: catches_interrupts(pid), "check to follow")
            check.send_signal(signal.SIGINT)
            rest = check.stdout.read().decode()
            assert check.wait(timeout=60) == FOUND
        if options:
            assert [finding["frame"] for finding in json.loads(rest)["findings"]] == [4], rest
        else:
            lines = rest.splitlines()
            assert lines[0] == "-: 6 frames in 2s; 6 of AoE: 3 requests, 3 replies", rest
            assert lines[-1] == "found: 1 bad-status", rest


def the_last_frame_is_told_while_none_comes(trial):
    """The first frames wait for their copies, but no longer than a second."""
    with subprocess.Popen([HARNESS, "check", "--follow", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=trial.folder) as check:
        check.stdin.write(pcap([frame(CLIENT, SERVER, 1, bytes(8), flags=RESPONSE, command=1, version=3)]))
        check.stdin.flush()
        lab.eventually(lambda: select.select([check.stdout], [], [], 0.1)[0], "the finding")
        assert b"must: e1.1 bad config reply" in check.stdout.readline()
        check.stdin.close()
        assert check.wait(timeout=60) == FOUND


def catches_interrupts(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        caught = next(line for line in file if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (signal.SIGINT - 1) & 1


# What a capture is like.

def talk(first, last):
    """Reads of one initiator with these tags, four at a time: all right."""
    frames = []
    for tag in range(first, last, 4):
        frames += [read(one, lba=one) for one in range(tag, tag + 4)] + [done(one) for one in range(tag, tag + 4)]
    return frames


def says(trial, frames, notes, found="", **options):
    """The notes, as patterns, and the kinds of findings."""
    report = trial.json(trial.write("x.pcap", pcap([query(1), config(1), *frames], **options)), status=FOUND if found else CLEAN)
    assert len(report["notes"]) == len(notes) and all(map(re.search, notes, report["notes"])), report["notes"]
    assert " ".join(sorted({finding["kind"] for finding in report["findings"]})) == found, report["findings"]
    return report


def a_capture_begins_in_mid_conversation(trial):
    frames = talk(100, 400)
    report = says(trial, frames[4:], ["^it begins in mid-conversation: 4 replies to requests from before$"])
    assert report["devices"][0]["answered"] == report["requests"]
    output, _ = trial.check("x.pcap", status=CLEAN)
    assert output.splitlines()[0] == "x.pcap: note: " + report["notes"][0], output


def a_capture_misses_frames(trial):
    """A gap takes the answers of four requests and the requests of four answers: neither end did anything wrong."""
    frames = talk(100, 400)
    says(trial, frames[:44] + frames[92:], ["^it misses frames: 4 replies without request, 4 requests without answer;"])
    # Which a target that makes up a tag can't hide behind: its initiator asks again.
    wrong = frames[:80] + [read(900), done(901), read(902), done(902)] + frames[80:]
    says(trial, wrong, [], "retransmitted unasked-reply")


def a_capture_holds_one_direction(trial):
    frames = talk(100, 200)
    requests = [one for one in frames if one[:6] == SERVER]
    path = trial.write("requests.pcap", pcap(requests))
    report = trial.json(path, status=CLEAN)
    assert len(report["notes"]) == 1 and re.match("no reply is in it: .*; 100 requests can't be judged", report["notes"][0])
    path = trial.write("replies.pcap", pcap([one for one in frames if one[:6] == CLIENT]))
    report = trial.json(path, status=CLEAN)
    assert len(report["notes"]) == 1 and re.match("no request is in it: it holds one direction", report["notes"][0]), report


def a_capture_has_all_frames_twice(trial):
    """As a mirror port gives them; or of both ends, whose clocks differ, merged."""
    frames = [query(1), config(1), *talk(100, 400)]
    for late in [1, 5, 150, 2050, 20050]:
        both = sorted([(100 * i, content) for i, content in enumerate(frames)] +
                      [(100 * i + late, content) for i, content in enumerate(frames)], key=lambda one: one[0])
        path = trial.write("x.pcap", pcap([content for _, content in both], times=[10**9 + time for time, _ in both]))
        report = trial.json(path, status=CLEAN)
        assert re.match(f"it has all frames twice, .*: {len(frames)} second copies left out", report["notes"][0]), report["notes"]
        assert report["requests"] == report["replies"] == 301
    # Two mirror ports, each of which copies both what its switch receives and what it sends.
    for count in [3, 4, 6]:
        copies = [one for one in frames for _ in range(count)]
        path = trial.write("x.pcap", pcap(copies, times=[10**9 + 100 * (i // count) + i % count for i in range(len(copies))]))
        report = trial.json(path, status=CLEAN)
        assert re.match(f"it has all frames {count} times, .*: {(count - 1) * len(frames)} further copies left out",
                        report["notes"][0]), report["notes"]
        assert report["requests"] == report["replies"] == 301
    # A bridge's host, on all of its interfaces: a broadcast has its destination only where it comes in.
    frames[0] = query(1, b"\xff" * 6)
    for version, link in [(1, 113), (2, 276)]:
        copies = [one for three in zip(cooked(frames, version, outgoing=False), *[cooked(frames, version, outgoing=True)] * 2)
                  for one in three]
        path = trial.write("x.pcap", pcap(copies, link=link, times=[10**9 + 100 * (i // 3) + i % 3 for i in range(len(copies))]))
        report = trial.json(path, status=CLEAN)
        assert report["requests"] == report["replies"] == 301 and report["findings"] == [], report
    # Clocks that differ by more: two conversations, none of which is judged wrongly.
    both = [(100 * i + late, content) for late in [0, 300000] for i, content in enumerate([query(1), config(1), *talk(100, 8000)])]
    both.sort(key=lambda one: one[0])
    path = trial.write("x.pcap", pcap([content for _, content in both], times=[10**9 + time for time, _ in both]))
    assert re.search("have the tag of the same request, answered before", trial.json(path, status=CLEAN)["notes"][0])
    # Who asks the same again and again, with one tag, makes no copies; nor does a target that answers twice.
    says(trial, [read(2), done(2)] * 40, [])
    says(trial, [one for tag in range(2, 40) for one in [read(tag, lba=tag), done(tag), done(tag)]], [], "duplicate-answer")


def copies_may_begin_after_a_quiet_time(trial):
    """A capture that a user started before the trouble has a frame now and then at first."""
    frames = [query(1), config(1), *talk(100, 400)]
    for quiet, first in [(2, 1), (2, 2), (9, 6)]:  # seconds between the first frames
        times = [10**9 + 10**6 * quiet * min(i, first) + 100 * max(i - first, 0) for i in range(len(frames))]
        both = sorted([(time + late, content) for time, content in zip(times, frames) for late in [0, 150]], key=lambda one: one[0])
        path = trial.write("quiet.pcap", pcap([content for _, content in both], times=[time for time, _ in both]))
        report = trial.json(path, status=CLEAN)
        assert report["requests"] == report["replies"] == 301 and report["findings"] == [], (quiet, first, report["findings"])


def copies_differ_in_what_does_not_count(trial):
    """In padding, in the checksum at the end, and in how much of the data was captured."""
    frames = [query(1), config(1), *talk(100, 200)]
    def claims(content):
        return 36 if content[19] == 0 and content[14] & RESPONSE == 0 else 32 if content[19] == 1 else len(content)
    others = {"unpadded": lambda one: one[:claims(one)], "cut": lambda one: one[:64], "checksum": lambda one: one + b"\x5a\xa5\x01\x02",
              "other padding": lambda one: one[:claims(one)].ljust(60, b"\xee") if claims(one) < 60 else one}
    for name, change in others.items():
        parts = [pcap([])]
        for i, content in enumerate(frames):
            for late, one in [(0, content), (9, change(content))]:
                size = len(content) if name == "cut" else len(one)
                parts += [struct.pack("<IIII", 1000, 100 * i + late, len(one), size), one]
        report = trial.json(trial.write("differ.pcap", b"".join(parts)), status=CLEAN)
        assert report["requests"] == report["replies"] == 101, (name, report["requests"])
        assert re.match(f"it has all frames twice, .*: {len(frames)} second copies left out", report["notes"][0]), (name, report["notes"])


def a_mirror_port_tags_one_direction(trial):
    frames = [query(1, b"\xff" * 6), config(1), *talk(100, 200)]
    mixed = [tagged(one, (0x8100, 7)) if one[14] & RESPONSE == 0 else one for one in frames]
    report = trial.json(trial.write("x.pcap", pcap(mixed)), status=CLEAN)
    assert sum(device["answered"] for device in report["devices"]) == 101, report["devices"]
    # The same from a port that copies both what its switch receives and what it sends.
    both = [one for content in frames for one in [tagged(content, (0x8100, 7)), content][::1 if content[14] & RESPONSE == 0 else -1]]
    report = trial.json(trial.write("x.pcap", pcap(both)), status=CLEAN)
    assert report["findings"] == [] and report["requests"] == report["replies"] == 101, report


def results_that_are_lost_are_told(trial):
    capture = trial.write("clean.pcap", pcap([query(1), config(1), *talk(100, 200)]))
    many = trial.write("many.pcap", pcap([query(1), config(1), *[read(tag, lba=tag) for tag in range(100, 108)]]))
    for arguments in [["check", capture], ["check", "--json", capture], ["check", many], ["check", "--follow", many]]:
        with open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([HARNESS, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, cwd=trial.folder,
                                    check=False)
        assert (result.returncode, result.stderr) == (UNREADABLE, "aoe-harness: standard output: No space left on device\n"), result


def replies_stand_before_their_requests(trial):
    frames = talk(100, 400)
    for i in range(0, len(frames), 40):
        frames[i:i + 8] = frames[i + 4:i + 8] + frames[i:i + 4]
    report = says(trial, frames, ["^60 replies stand before the request: "])
    assert report["devices"][0]["answered"] == report["requests"] == 301


def a_clock_is_set(trial):
    frames = talk(100, 200)
    times = [10**10 + 100 * i for i in range(len(frames) + 2)]
    for i, step, says_it in [(102, -3600, "back by 60min 0s"), (102, 90 * 86400, "forward by .*"),
                             (104, 600, "forward by 10min 0s")]:
        moved = times[:i] + [time + step * 10**6 for time in times[i:]]
        report = says(trial, frames, [f"^its clock goes {says_it} at frame 10[0-9]: "], times=moved)
        assert report["devices"][0]["round_trip_ns"]["max"] == 400000, report["devices"]
    swapped = list(times)
    swapped[40], swapped[41] = swapped[41], swapped[40]
    says(trial, frames, ["^1 frame has an earlier time than the frame before$"], times=swapped)


def a_snap_length_accuses_nobody(trial):
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../pcaps")
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".pcap"):
            continue
        contents = frames_of(os.path.join(folder, name))
        times = [time // 1000 for time, _ in contents]
        def kinds(**options):
            report = json.loads(subprocess.run(
                [HARNESS, "check", "--json", trial.write("x.pcap", pcap([one for _, one in contents], times=times, **options))],
                capture_output=True, check=False, timeout=60).stdout)
            return {(finding["frame"], finding["kind"]) for finding in report["findings"] if finding["level"] == "must"}
        whole = kinds()
        for snapshot in [60, 64, 68, 96, 128, 256]:
            more = kinds(snapshot=snapshot) - whole
            assert not more, (name, snapshot, more)


def answered_reads_of_one_sector_are_no_retransmission(trial):
    says(trial, [read(2), read(3), done(2), done(3), read(4), read(5), done(5), done(4)], [])
    says(trial, [read(2), read(3), done(3)], [], "retransmitted")


def devices_cost_the_same_each(trial):
    """By the processor's time, of as many frames: not four times as much each where there are four times as many."""
    def took(name, devices):
        frames = []
        for number in range(60_000):
            shelf, slot = divmod(number % devices, 128)
            for one in [query(number), config(number)]:
                frames.append(one[:16] + struct.pack(">HB", shelf, slot) + one[19:])
        trial.write(name, pcap(frames))
        before = os.times().children_user
        assert trial.json(name, status=CLEAN)["frames"] == 120_000
        return os.times().children_user - before

    few, many = took("few.pcap", 15_000), took("many.pcap", 60_000)
    assert many < 6 * few, f"{few:.2f} s for 15,000 devices, {many:.2f} s for 60,000"


def pcapng_is_read(trial):
    if not shutil.which("editcap"):
        raise lab.Skipped("editcap is not installed (apt-get install tshark)")
    trial.write("a.pcap", pcap([query(1), config(1), read(2), done(2, status=0)]))
    subprocess.run(["editcap", "-F", "pcapng", "a.pcap", "a.pcapng"], cwd=trial.folder, check=True, capture_output=True)
    report = trial.json("a.pcapng", status=FOUND)
    assert [finding["frame"] for finding in report["findings"]] == [4], report
    assert {**report, "file": ""} == {**trial.json("a.pcap", status=FOUND), "file": ""}


def what_cannot_be_read_is_one_line(trial):
    trial.write("no.pcap", b"no capture at all, but long enough to hold a header\n")
    trial.write("wlan.pcap", pcap([read(1)], link=105))
    os.mkdir(trial.path("folder"))
    for arguments, status, complaint in [
            (["gone.pcap"], UNREADABLE, "gone.pcap: No such file or directory"),
            (["no.pcap"], UNREADABLE, "no.pcap: neither pcap nor pcapng"),
            (["folder"], UNREADABLE, "folder: .*"),
            (["wlan.pcap"], UNREADABLE, "wlan.pcap: link type 105 is neither Ethernet nor Linux' \"any\""),
            (["-"], UNREADABLE, "standard input: .*"),
            ([], USAGE, "expected FILE .*"),
            (["--ladder", "some", "no.pcap"], USAGE, "--ladder: .*"),
            (["--level", "none", "no.pcap"], USAGE, "--level: .*"),
            (["--html", "gone/x.html", "clean.pcap"], UNREADABLE, "gone/x.html: No such file or directory")]:
        trial.write("clean.pcap", pcap([read(1), done(1)]))
        output, complaints = trial.check(*arguments, status=status)
        assert re.fullmatch(f"aoe-harness: {complaint}\n", complaints) and not output, (arguments, complaints, output)


def a_page_holds_everything(trial):
    case = trial.lossy_run()
    trial.check("--html", "page.html", f"{case}/initiator-side.pcap", status=FOUND)
    with open(trial.path("page.html"), encoding="utf-8") as file:
        page = file.read()
    assert "default-src 'none'" in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])
    kinds = {finding["kind"] for finding in data["capture"]["findings"]}
    assert {"retransmitted", "duplicate-answer"} <= kinds, kinds
    assert len(data["timeline"]["failures"]) == len(data["capture"]["findings"])
    assert all(failure["ladder"] for failure in data["timeline"]["failures"])
    assert data["capture"]["devices"] and data["round_trips"] and data["timeline"]["samples"]
    assert data["timeline"]["incidents"][0]["text"].startswith("retransmission of ")
    assert not re.search(r"(src|href)=\"(https?:)?//", page), "it fetches something"
    return page


lab.play_all([what_faults_did_is_found, pairs_are_those_of_tshark, each_finding_is_a_line, a_clean_capture_is_status_0,
              captures_are_as_they_are, a_capture_without_aoe_is_no_pass, compressed_captures_are_read,
              the_any_interface_has_no_destinations, captures_of_several_interfaces_are_read, pcapng_is_read,
              devices_cost_the_same_each, a_terminal_shows_how_far_it_is, what_is_followed_is_told_at_once,
              the_last_frame_is_told_while_none_comes, a_capture_begins_in_mid_conversation,
              a_capture_misses_frames, a_capture_holds_one_direction, a_capture_has_all_frames_twice,
              copies_may_begin_after_a_quiet_time, copies_differ_in_what_does_not_count, a_mirror_port_tags_one_direction,
              results_that_are_lost_are_told,
              replies_stand_before_their_requests, a_clock_is_set, a_snap_length_accuses_nobody,
              answered_reads_of_one_sector_are_no_retransmission, what_cannot_be_read_is_one_line, a_page_holds_everything],
             trial)
