"""aoe-harness check, as a person meets it: on captures of lossy runs, and on files of every kind.

usage: check_test.py AOE_HARNESS
"""

import collections
import contextlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import lab
from frames_by_hand import CLIENT, ERROR, RESPONSE, SERVER, STRANGER, config, done, frame, pcap, query, read, tag_of

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
    """(nanoseconds, bytes) of each frame of a capture of ours."""
    with open(path, "rb") as file:
        content = file.read()
    assert struct.unpack("<I", content[:4])[0] == 0xa1b23c4d
    at, frames = 24, []
    while at < len(content):
        seconds, rest, size, _ = struct.unpack("<IIII", content[at:at + 16])
        frames.append((seconds * 10**9 + rest, content[at + 16:at + 16 + size]))
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
    def tagged(content, vlan):
        return content[:12] + b"\x81\x00" + struct.pack(">H", vlan) + content[12:]

    frames = [b"\xff" * 12 + b"\x08\x06" + bytes(46), tagged(read(1), 5), tagged(done(1), 5), b"\1"]
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
    assert re.search(r"^the capture is cut off: end.pcap: truncated dump file", output, re.M) and not complaints, output
    trial.write("empty.pcap", pcap([]))
    assert "empty.pcap: 0 frames" in trial.check("empty.pcap", status=CLEAN)[0]


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
    trial.write("cooked.pcap", pcap([read(1)], link=113))
    os.mkdir(trial.path("folder"))
    for arguments, status, complaint in [
            (["gone.pcap"], UNREADABLE, "gone.pcap: No such file or directory"),
            (["no.pcap"], UNREADABLE, "no.pcap: unknown file format"),
            (["folder"], UNREADABLE, "folder: .*"),
            (["cooked.pcap"], UNREADABLE, "cooked.pcap: not an Ethernet capture"),
            (["-"], UNREADABLE, "standard input: .*"),
            ([], USAGE, "capture is required.*"),
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
              captures_are_as_they_are, pcapng_is_read, what_cannot_be_read_is_one_line, a_page_holds_everything], trial)
