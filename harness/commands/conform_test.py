"""clauses, conform and matrix, as an implementer meets them; and the conformance report of CI.

usage: conform_test.py AOE_HARNESS SCENARIOS commands|page
       conform_test.py AOE_HARNESS SCENARIOS report FOLDER
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import lab

HARNESS, SCENARIOS = map(os.path.abspath, sys.argv[1:3])
PART = sys.argv[3]
PASSED, FAILED, USAGE, ENVIRONMENT, INCONCLUSIVE, INTERRUPTED = 0, 1, 2, 3, 5, 130

# One clause kept, one broken: the target's first answer can't be a set string.
SUITE = """\
scenario: a-tag-comes-back
title: The tag comes back
clause: [2/7]
roles: {target: {}}
steps:
- config: {op: read}
---
scenario: a-string-nobody-set
title: A string that nobody has set
clause: [3.2/9, 2/7]
roles: {target: {}}
steps:
- send: {config: {op: read}}
- expect: {reply: {config: {string: nobody}}}
---
scenario: an-initiator-asks
title: Only an initiator is asked this
clause: [3.2/30]
roles: {target: {}}
steps:
- discover: {expect: e1.1}
"""

KNOWN = """\
expected-failures:
- case: a-string-*
  reason: no string is ever set
"""


# A target that answers queries of the config, and calls every other command unrecognized.
BARE = """\
import socket, struct, sys
shelf, slot, interface = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((interface, 0x88a2))
me = wire.getsockname()[4]
while True:
    frame = wire.recv(2000)
    if frame[14] & 8 or frame[16:18] not in (struct.pack(">H", shelf), b"\\xff\\xff") or frame[18] not in (slot, 0xff):
        continue
    is_query = frame[19] == 1
    answer = frame[6:12] + me + frame[12:14] + (b"\\x18\\0" if is_query else b"\\x1c\\1")
    answer += struct.pack(">HB", shelf, slot) + frame[19:24]
    wire.send((answer + (struct.pack(">HHBBH", 16, 1, 2, 0x10, 0) if is_query else b"")).ljust(60, b"\\0"))
"""

# The same, and its errors have Ver 0.
OLD = BARE.replace('b"\\x1c\\1"', 'b"\\x0c\\1"')

# The same, and its answers are as short as what is in them.
UNPADDED = BARE.replace('.ljust(60, b"\\0")', "")

# The same: one that announces itself and does not hear the first three frames, and one that loses the first of its own.
EARLY = BARE.replace("while True:\n", """\
lost = 0
wire.send((b"\\xff" * 6 + me + b"\\x88\\xa2\\x18\\0" + struct.pack(">HBBI", shelf, slot, 1, 0) +
           struct.pack(">HHBBH", 16, 1, 2, 0x10, 0)).ljust(60, b"\\0"))
while True:
""").replace("    is_query", """\
    lost += 1
    if lost <= 3:
        continue
    is_query""")
DEAF = BARE.replace("while True:\n", "lost = 0\nwhile True:\n").replace("    is_query", """\
    lost += frame[:6] == me
    if frame[:6] == me and lost == 1:
        continue
    is_query""")

# The same, which has a mask list that can be read, and meets each edit with silence.
MUTE = BARE.replace("    is_query", """\
    if frame[19] == 2:
        if frame[25] == 0:
            wire.send((frame[6:12] + me + frame[12:14] + b"\\x18\\0" + struct.pack(">HB", shelf, slot) + frame[19:24]).ljust(60, b"\\0"))
        continue
    is_query""", 1)

# The same, which takes one less at once when it starts for the first time.
FICKLE = BARE.replace("while True:\n", """\
import os
buffers = 16 if os.path.exists("started") else 15
open("started", "w").close()
while True:
""").replace('">HHBBH", 16', '">HHBBH", buffers')

EDITS = """\
scenario: an-edit
title: An edit
clause: [3.3/4]
roles: {target: {}}
matrix: {mac: ["02:00:00:00:00:01", "02:00:00:00:00:09"]}
steps:
- mask: {op: read}
- mask: {op: edit, directives: [{op: add, mac: "$mac"}], expect: {error: none}}
---
scenario: a-list-is-read
title: A list is read
clause: [3.3/1]
roles: {target: {}}
steps:
- mask: {op: read}
---
scenario: buffers
title: It takes so many
clause: [3.2/14]
roles: {target: {}}
steps:
- config: {op: read, expect: {config: {buffers: 16}}}
"""

BARE_SUITE = """\
scenario: a-query-is-answered
title: A query is answered
clause: [3.2/1]
roles: {target: {}}
steps:
- config: {op: read}
---
scenario: a-list-is-read
title: A list is read
clause: [3.3/1]
requires: [mask]
roles: {target: {}}
steps:
- mask: {op: read}
"""


class Trial:
    def __init__(self, folder):
        self.folder = folder
        for name, text in [("suite.yaml", SUITE), ("known.yaml", KNOWN), ("bare.py", BARE), ("old.py", OLD),
                           ("unpadded.py", UNPADDED), ("early.py", EARLY), ("deaf.py", DEAF), ("mute.py", MUTE), ("fickle.py", FICKLE),
                           ("bare.yaml", BARE_SUITE), ("edits.yaml", EDITS)]:
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)

    def path(self, name):
        return os.path.join(self.folder, name)

    def harness(self, *arguments, status=PASSED):
        result = subprocess.run([HARNESS, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
                                stdin=subprocess.DEVNULL)
        assert result.returncode == status, (arguments, result)
        return result

    def conform(self, *arguments, status=PASSED):
        return self.harness("conform", *arguments, "--scenarios", "suite.yaml", "--seed", "7", status=status).stdout

    def refused(self, status, complaint, *arguments):
        result = self.harness(*arguments, status=status)
        assert result.stderr == f"aoe-harness: {complaint}\n", result


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def clauses_tell_what_covers_them(trial):
    listed = trial.harness("clauses", "3.2", "2/7", "--scenarios", "suite.yaml").stdout
    assert re.search(r"^  2/7 +must +target +2 scenarios, 2 variants$", listed, re.M), listed
    assert re.search(r"^  3\.2/2 +must +target +no scenario$", listed, re.M), listed
    assert " 2/8 " not in listed
    as_json = json.loads(trial.harness("clauses", "3.2/9", "--json", "--scenarios", "suite.yaml").stdout)
    assert [(one["id"], one["scenarios"]) for one in as_json] == [("3.2/9", 1)], as_json
    uncovered = trial.harness("clauses", "3.2", "--uncovered", "--scenarios", "suite.yaml", status=FAILED).stdout
    assert "3.2/2" in uncovered and "3.2/9" not in uncovered, uncovered
    assert trial.harness("clauses", "3.2/9", "--uncovered", "--scenarios", "suite.yaml").stdout == ""
    trial.refused(USAGE, "3.2/99: no such section or clause; did you mean '3.2/19'?", "clauses", "3.2/99", "--scenarios",
                  "suite.yaml")


def a_suite_ends_with_a_verdict_a_level(trial):
    told = trial.conform("target", status=FAILED)
    assert re.match(r"seed 7  world sim  sut aoe-target\n  has +discovery +asked e\*\.\* config read;", told), told
    assert re.search(r"^  FAIL  a-string-nobody-set ", told, re.M), told
    assert not re.search(r"^  PASS  a-tag", told, re.M), "what passed is told with its clause"
    assert re.search(r"^  FAIL +2/7 +must +1 passed, 1 failed\n +An answer bears the tag of its request.*\n"
                     r" +FAIL +a-string-nobody-set$", told, re.M), told
    assert "an-initiator-asks" not in told
    last = told.splitlines()[-2:]
    assert re.fullmatch(r"1 passed, 1 failed in \S+  runs/last/index.html", last[0]), last
    assert re.fullmatch(r"MUST 0 of \d+ kept, 2 broken, \d+ untested; SHOULD .*", last[1]), last
    run = load(trial.path("runs/last/run.json"))
    verdicts = {one["id"]: one["verdict"] for one in run["clauses"]}
    assert (run["suite"], verdicts["2/7"], verdicts["3.2/9"], verdicts["2/1"]) == ("target", "FAIL", "FAIL", "untested")
    assert {"ability": "mask", "has": True, "asked": "e1.1 mask read", "answered": "e1.1 mask reply, 0 addresses"} in \
        run["probes"]
    retold = trial.harness("report", "runs/last").stdout.splitlines()
    assert (retold[0], retold[-1]) == (told.splitlines()[0], last[1]), retold


def what_is_known_is_no_failure_of_the_run(trial):
    told = trial.conform("target", "--expect", "known.yaml")
    assert re.search(r"^  XFAIL +2/7 ", told, re.M) and "no string is ever set" in told, told
    assert "2 broken as known" in told.splitlines()[-1], told
    trial.conform("target", "--expect", "none", status=FAILED)


def what_no_clause_forbids_is_told_and_no_failure_of_the_run(trial):
    with open(trial.path("told.yaml"), "w", encoding="utf-8") as file:
        file.write("scenario: forgetful\ntitle: A reservation is forgotten\nclause: [3.4/12]\n"
                   "roles: {target: {}, mutant: {end: target, behave: forgets-its-reservation}}\nsteps:\n"
                   "- reserve: {op: set, macs: [\"02:00:00:00:00:77\"], expect: ok}\n"
                   "- arm: {fault: kill, id: gone}\n- heal: gone\n- alive: {}\n"
                   "- reserve: {op: read, expect: {reserve: {macs: [\"02:00:00:00:00:77\"]}}}\n")
    told = trial.harness("run", "told.yaml", "--seed", "7").stdout
    assert re.search(r"^  FAIL  forgetful ", told, re.M) and "got an empty list" in told, told
    strict = trial.path("strict.yaml")
    with open(trial.path("told.yaml"), encoding="utf-8") as given, open(strict, "w", encoding="utf-8") as file:
        file.write(given.read().replace("clause: [3.4/12]", "clause: [3.4/12, 3.4/1]"))
    trial.harness("run", strict, "--seed", "7", status=FAILED)


def the_initiators_suite_is_of_what_binds_one(trial):
    told = trial.conform("initiator")
    assert re.match(r"seed 7  world sim  sut aoe-initiator\n  has +discovery +asked to find disks; e\*\.\* config read\n",
                    told), told
    assert re.search(r"^  PASS +3\.2/30 ", told, re.M), told


def a_clause_is_run_alone(trial):
    assert trial.harness("run", "suite.yaml", "3.2/9", "--dry-run").stdout == "a-string-nobody-set\n"
    assert trial.harness("run", "suite.yaml", "2/7", "--dry-run").stdout == "a-tag-comes-back\na-string-nobody-set\n"
    assert "a-tag-comes-back" not in trial.harness("list", "suite.yaml", "3.2/9").stdout
    assert "A string that nobody has set" in trial.harness("explain", "suite.yaml", "3.2/9").stdout
    trial.refused(USAGE, "3.2/999: No such file or directory, nor a clause; did you mean '3.2/19'?", "run", "3.2/999")


def who_fails_a_case_is_explained(trial):
    told = trial.harness("explain", os.path.join(SCENARIOS, "target", "count-zero.yaml")).stdout
    assert re.search(r"^  vblade is known to fail it: .*count of 0", told, re.M), told
    told = trial.harness("explain", os.path.join(SCENARIOS, "retransmit.yaml")).stdout
    assert "is known to fail" not in told, told


def wrong_use_is_told_in_a_line(trial):
    suite = ["--scenarios", "suite.yaml"]
    trial.refused(USAGE, "end: expected target or initiator, got 'disk' (aoe-harness conform --help shows how)", "conform",
                  "disk", *suite)
    trial.refused(USAGE, "vblade is another end: try aoe-harness conform target", "conform", "initiator", "--sut", "vblade",
                  *suite)
    trial.refused(USAGE, "vblade is a program: it needs --world veth", "conform", "target", "--sut", "vblade", "--world", "sim",
                  *suite)
    trial.refused(USAGE, "--jobs 4: cases on a wire share its disk, so they are played one at a time", "conform", "target",
                  "--interface", "lo", "--at", "e7.3", "-j", "4", *suite)
    trial.refused(USAGE, "--interface: what is on a wire can't be told to read or write: with --passive the harness serves a disk there "
                  "and judges the initiator that uses it; else leave it out, or try --world veth", "conform", "initiator", "--interface", "lo", *suite)
    trial.refused(USAGE, "none.yaml: No such file or directory", "conform", "target", "--expect", "none.yaml", *suite)
    trial.refused(USAGE, "nothing of what was selected is about a clause that binds an initiator", "conform", "initiator",
                  "--scenarios", "suite.yaml", "--exclude", "an-initiator-asks")
    trial.refused(USAGE, "expected runs, or implementations to run: RUN..., or --sut for each", "matrix")
    trial.harness("run", "suite.yaml", "--out", "plain", status=FAILED)
    trial.refused(USAGE, "plain/last: is no run of aoe-harness conform", "matrix", "plain/last")
    trial.refused(ENVIRONMENT, "none/run.json: No such file or directory", "matrix", "none/run.json")
    trial.refused(ENVIRONMENT, "none/x.md: No such file or directory", "matrix", run_of(trial, "target"), "--md", "none/x.md")


def what_cannot_be_asked_ends_it(trial):
    lab.require_namespaces()
    result = trial.harness("conform", "target", "--sut", "sh -c 'echo no disk today; exit 4' {image}", "--scenarios",
                           "suite.yaml", status=ENVIRONMENT)
    assert re.fullmatch(r"aoe-harness: .* ended with status 4; it said: no disk today\n", result.stderr), result


def an_interruption_while_it_is_asked_leaves_nothing(trial):
    lab.require_namespaces()
    # What it starts has a session of its own, and does not heed a signal that it may handle.
    daemon = "setsid sh -c 'trap \"\" TERM; echo $$ > daemon; exec sleep 1000'"
    with open(trial.path("daemonic.sh"), "w", encoding="utf-8") as file:
        file.write(f"{daemon} &\nexec /usr/bin/python3 bare.py $1 $2 $3\n")
    asked = subprocess.Popen([HARNESS, "conform", "target", "--sut", "sh daemonic.sh {shelf} {slot} {interface}", "--scenarios",
                              "bare.yaml"], cwd=trial.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             start_new_session=True)
    lab.eventually(lambda: os.path.exists(trial.path("daemon")) and os.path.getsize(trial.path("daemon")) > 0, "the program")
    os.killpg(asked.pid, signal.SIGTERM)
    told = asked.communicate(timeout=60)
    complaint = "aoe-harness: interrupted while it was asked what it has: no case was played\n"
    assert (asked.returncode, told[1]) == (INTERRUPTED, complaint), (asked.returncode, told)
    with open(trial.path("daemon"), encoding="utf-8") as file:
        assert not os.path.exists(f"/proc/{int(file.read())}"), "what it started lives on"


def what_it_lacks_is_unsupported_with_question_and_answer(trial):
    lab.require_namespaces()
    told = trial.harness("conform", "target", "--sut", "/usr/bin/python3 bare.py {shelf} {slot} {interface}", "--scenarios",
                         "bare.yaml", "--seed", "7").stdout
    answer = r"e1\.1 error 1 \(unrecognized command code\) to mask"
    assert re.search(rf"^  lacks  mask +asked e1\.1 mask read; {answer}$", told, re.M), told
    assert re.search(rf"^  UNSUPPORTED +3\.3/1 .*\n.*\n.* has no mask: asked e1\.1 mask read, it answered {answer}$", told,
                     re.M), told
    assert re.search(r"^  PASS +3\.2/1 ", told, re.M), told
    assert re.match(r"MUST 1 of \d+ kept, 1 unsupported, ", told.splitlines()[-1]), told


def what_any_answer_breaks_is_told_once(trial):
    lab.require_namespaces()
    told = trial.harness("conform", "target", "--sut", "/usr/bin/python3 old.py {shelf} {slot} {interface}", "--scenarios",
                         os.path.join(SCENARIOS, "target", "command-unknown.yaml"), "--seed", "7", status=FAILED).stdout
    assert re.search(r"^  PASS +2\.4/1 ", told, re.M), told
    assert re.search(r"^  FAIL +2/4 +must +0 passed, 1 failed\n.*\n +FAIL +target-every-answer\[clause=2/4\]", told, re.M), told
    case = [one for one in load(trial.path("runs/last/run.json"))["cases"] if one["id"].startswith("target-every")]
    assert len(case) == 1 and case[0]["notes"][0].startswith("in 3 cases: "), case
    assert case[0]["failures"][0]["ladder"][-1]["guilty"], case


def what_is_left_out_is_not_judged_in_answers(trial):
    lab.require_namespaces()
    asked = ["conform", "target", "--sut", "/usr/bin/python3 unpadded.py {shelf} {slot} {interface}", "--scenarios", "bare.yaml"]
    told = trial.harness(*asked, status=FAILED).stdout
    assert re.search(r"^  FAIL +2/15 +should ", told, re.M), told
    for left_out in [["--level", "must"], ["--scenarios", "3.2/1"]]:
        told = trial.harness(*asked, *left_out).stdout
        assert re.search(r"^  PASS +3\.2/1 ", told, re.M) and "target-every-answer" not in told, told


def of_one(trial, program):
    return trial.harness("run", "bare.yaml", "a-query-is-answered", "--world", "veth", "--sut",
                         f"/usr/bin/python3 {program} {{shelf}} {{slot}} {{interface}}").stdout


def a_target_is_ready_when_it_answers(trial):
    lab.require_namespaces()
    told = of_one(trial, "early.py")
    assert re.search(r"^  PASS +a-query-is-answered ", told, re.M), told


def silence_to_the_first_frame_is_flaky(trial):
    lab.require_namespaces()
    told = of_one(trial, "deaf.py")
    assert re.search(r"^  FLAKY 0/1 +a-query-is-answered .*the first frame, #\d+, was met by silence", told, re.M), told


def what_follows_from_one_silence_is_told_once(trial):
    lab.require_namespaces()
    asked = ["conform", "target", "--sut", "/usr/bin/python3 mute.py {shelf} {slot} {interface}", "--scenarios", "edits.yaml"]
    told = trial.harness(*asked, "--report", "junit=j.xml", status=FAILED).stdout
    cause = "target-unanswered[request=mask-edit]"
    assert told.count("  actual    none after ") == 1 and f"  FAIL  {cause}" in told, told
    assert re.search(r"^  FAIL +2/14 +must ", told, re.M) and re.search(r"^  INCONCLUSIVE +3\.3/4 +must ", told, re.M), told
    assert re.search(r"^  PASS +3\.3/1 ", told, re.M), told
    cases = {case["id"]: case for case in load(trial.path("runs/last/run.json"))["cases"]}
    edits = [f"an-edit[mac=02:00:00:00:00:0{last}]" for last in "19"]
    for edit in edits:
        assert (cases[edit]["outcome"], cases[edit]["failures"]) == ("INCONCLUSIVE", []), cases[edit]
        assert cases[edit]["reason"] == f"not judged: no mask edit is answered, see {cause}", cases[edit]
    assert cases[cause]["notes"] == [f"none was answered, so 2 cases are not judged: {', '.join(edits)}"], cases[cause]
    with open(trial.path("j.xml"), encoding="utf-8") as file:
        assert file.read().count("<failure ") == 1
    # One that alone goes without an answer is its own affair.
    told = trial.harness(*asked, "--exclude", edits[0], status=FAILED).stdout
    assert re.search(r"^  FAIL +3\.3/4 +must ", told, re.M) and "target-unanswered" not in told, told


def a_case_that_passes_when_played_again_is_flaky(trial):
    lab.require_namespaces()
    fickle = ["--world", "veth", "--sut", "/usr/bin/python3 fickle.py {shelf} {slot} {interface}", "--seed", "7"]
    for more, status in [([], PASSED), (["--strict"], INCONCLUSIVE)]:
        if os.path.exists(trial.path("started")):
            os.remove(trial.path("started"))
        told = trial.harness("run", "edits.yaml", "buffers", *fickle, "--retry", "3", *more, status=status).stdout
        assert re.search(r"^  FLAKY 1/2 +buffers .* 1 of 2 tries failed$", told, re.M), told
        assert told.splitlines()[-1].startswith("0 passed, 0 failed, 1 flaky in "), told
        tries = os.listdir(trial.path("runs/last/cases/buffers"))
        assert sorted(tries) == ["try-1", "try-2"], tries
    os.remove(trial.path("started"))
    told = trial.harness("run", "edits.yaml", "buffers", *fickle, status=FAILED).stdout
    assert "1 failed" in told, told
    # A suite, too; its first start is for the questions.
    told = trial.harness("conform", "target", "--scenarios", "edits.yaml", "buffers", *fickle, "--repeat", "2").stdout
    assert load(trial.path("runs/last/run.json"))["cases"][0]["tries"] == 2, told
    assert "--retry" in trial.harness("run", "edits.yaml", "--retry", "1", "--fail-fast", status=USAGE).stderr


def cases_at_a_time_on_a_wire_are_refused_before_it_is_asked(trial):
    result = trial.harness("conform", "target", "--interface", "nowhere", "-j", "4", status=USAGE)
    assert re.fullmatch(r"aoe-harness: --jobs 4: cases on a wire .*\n", result.stderr), result.stderr


def run_of(trial, end, *more):
    """The folder of a finished run."""
    trial.harness("conform", end, "--scenarios", "suite.yaml", "--seed", "7", *more,
                  status=FAILED if end == "target" and not more else PASSED)
    return os.path.join("runs", os.readlink(trial.path("runs/last")))


def the_matrix_puts_finished_runs_beside_each_other(trial):
    runs = [run_of(trial, "target"), run_of(trial, "target", "--expect", "known.yaml"), run_of(trial, "initiator")]
    told = trial.harness("matrix", *runs, "--json", "m.json", "--junit", "m.xml", "--md", "m.md", "--html", "m.html").stdout
    assert re.search(r"^  2/7 +must +FAIL +XFAIL +-$", told, re.M), told
    rows = {row["id"]: row["verdicts"] for row in load(trial.path("m.json"))["clauses"]}
    assert rows["2/7"] == ["FAIL", "XFAIL", None] and rows["3.2/30"] == [None, None, "PASS"], rows
    with open(trial.path("m.md"), encoding="utf-8") as file:
        assert "| ❌ FAIL | ⚪ XFAIL | |" in file.read()
    assert trial.harness("matrix", *runs, "--md", "-").stdout.startswith("### Conformance to AoEr11")


def the_matrix_runs_what_it_is_told(trial):
    trial.harness("matrix", "--sut", "aoe-target", "--sut", "aoe-initiator", "--scenarios", "suite.yaml", "--seed", "7",
                  "--out", "both", status=FAILED)
    with open(trial.path("both/index.html"), encoding="utf-8") as file:
        data = re.search(r'id="data">(.*?)</script>', file.read(), re.S)[1]
    pages = [column["page"] for column in json.loads(data)["columns"]]
    assert len(pages) == 2 and all(os.path.isfile(trial.path(f"both/{one}")) for one in pages), pages


def the_page_leads_from_each_cell_to_its_story(chromium, trial):
    runs = [run_of(trial, "target"), run_of(trial, "initiator")]
    trial.harness("matrix", *runs, "--html", "m.html")
    # Elsewhere, and alone: it needs nothing but itself.
    elsewhere = os.path.join(tempfile.mkdtemp(dir=trial.folder), "copied.html")
    shutil.copy(trial.path("m.html"), elsewhere)
    page = chromium.open(elsewhere)
    assert page.requests == [f"file://{elsewhere}"] and page.complaints == [], (page.requests, page.complaints)
    count = "document.querySelectorAll('.verdict-matrix a.chip{}').length".format
    assert [page.evaluate(count(kind)) for kind in [".FAIL", ".PASS"]] == [2, 1]
    links = "[...document.querySelectorAll('a[href^=\"#\"]')]"
    assert page.evaluate(f"{links}.length") > 100
    assert page.evaluate(f"{links}.every((a) => document.getElementById(decodeURIComponent(a.hash.slice(1))))"), \
        "each leads to a story"
    shown = "[...document.querySelectorAll('.verdict-matrix a.chip')].filter((a) => a.offsetParent).length"
    assert page.evaluate(shown) == page.evaluate(count("")) > 100, "what is untested is there, too"
    bad = "document.querySelector('.verdict-matrix a.chip.FAIL')"
    page.evaluate(f"{bad}.click()")
    story = f"document.getElementById(decodeURIComponent({bad}.hash.slice(1)))"
    assert page.evaluate(f"{story}.open && {story}.offsetParent !== null"), "the story is open"
    assert "a-string-nobody-set" in page.evaluate(f"{story}.textContent")
    assert page.evaluate(f"{story}.querySelectorAll('.ladder tr.frame').length") >= 2
    case = f"document.getElementById(decodeURIComponent({story}.querySelector('h3 a').hash.slice(1)))"
    page.evaluate(f"{story}.querySelector('h3 a').click()")
    assert page.evaluate(f"{case}.open"), "and leads to the case"
    assert "aoe-harness run" in page.evaluate(f"{case}.querySelector('.copy pre').textContent")
    assert page.evaluate("document.documentElement.scrollWidth <= 1280"), "nothing sticks out"
    for verdict in ["PASS", "untested"]:
        page.evaluate(f"document.querySelector('.filters input[value={verdict}]').click()")
    assert page.evaluate(shown) == 2, "only what is broken is left"
    for width, dark in [(400, False), (1280, True)]:
        page = chromium.open(elsewhere, width=width, dark=dark)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", paper)[:3])) < 60, paper


def the_page_of_a_suite_has_its_clauses(chromium, trial):
    page = chromium.open(os.path.join(trial.folder, run_of(trial, "target"), "index.html"))
    assert page.complaints == [], page.complaints
    row = "document.getElementById('clause:2/7')"
    assert page.evaluate(f"{row}.querySelector('.chip').textContent") == "FAIL"
    links = f"[...{row}.querySelectorAll('a.chip')].map((a) => a.textContent)"
    assert page.evaluate(links) == ["a-string-nobody-set", "a-tag-comes-back"], "what failed comes first"
    page.evaluate(f"{row}.querySelector('a.chip').click()")
    assert page.evaluate("document.querySelector('.case:not(.group)[data-outcome=FAIL]').open")
    assert "discovery" in page.evaluate("document.querySelector('.probes').textContent")
    assert "discovery" in page.evaluate("document.querySelector('header .ability').textContent")


COMMANDS = [clauses_tell_what_covers_them, a_suite_ends_with_a_verdict_a_level, what_is_known_is_no_failure_of_the_run,
            what_no_clause_forbids_is_told_and_no_failure_of_the_run,
            the_initiators_suite_is_of_what_binds_one, a_clause_is_run_alone, who_fails_a_case_is_explained,
            wrong_use_is_told_in_a_line, what_cannot_be_asked_ends_it, an_interruption_while_it_is_asked_leaves_nothing,
            what_it_lacks_is_unsupported_with_question_and_answer, what_any_answer_breaks_is_told_once,
            what_is_left_out_is_not_judged_in_answers, a_target_is_ready_when_it_answers, silence_to_the_first_frame_is_flaky,
            what_follows_from_one_silence_is_told_once, a_case_that_passes_when_played_again_is_flaky,
            cases_at_a_time_on_a_wire_are_refused_before_it_is_asked,
            the_matrix_puts_finished_runs_beside_each_other, the_matrix_runs_what_it_is_told]


def check_commands():
    for test in COMMANDS:
        with tempfile.TemporaryDirectory() as folder:
            print(test.__name__, flush=True)
            test(Trial(folder))


def check_page():
    lab.require("chromium")
    lab.require_namespaces()
    import browser
    with browser.Browser() as chromium:
        for test in [the_page_leads_from_each_cell_to_its_story, the_page_of_a_suite_has_its_clauses]:
            with tempfile.TemporaryDirectory() as folder:
                print(test.__name__, flush=True)
                test(chromium, Trial(folder))


# The report of CI.

COLUMNS = [("target", "aoe-target", "sim"), ("target", "aoe-target", "veth"), ("target", "vblade", "veth"),
           ("initiator", "aoe-initiator", "sim"), ("initiator", "aoe-initiator", "veth")]


def leave_out_what_passed(run):
    """The evidence of it: ledgers and captures are long."""
    for case in load(os.path.join(run, "run.json"))["cases"]:
        if case["outcome"] == "PASS":
            shutil.rmtree(os.path.join(run, case["folder"]), ignore_errors=True)


def make_report(folder):
    """Leaves FOLDER/{index.html,junit.xml,summary.md,matrix.json}, and FOLDER/NAME-WORLD/ of each."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    runs, wrong, missing = [], [], []
    for end, sut, world in COLUMNS:
        if shutil.which(sut) is None and sut == "vblade":
            missing.append(f"{sut} is not installed")
            continue
        name = f"{sut}-{world}"
        with tempfile.TemporaryDirectory() as out:
            result = subprocess.run([HARNESS, "conform", end, "--sut", sut, "--world", world, "--seed", "1", "-j", "10",
                                     "--scenarios", os.path.join(SCENARIOS, end), "--out", out],
                                    capture_output=True, text=True, timeout=280, check=False, stdin=subprocess.DEVNULL)
            print(f"{name}: {' '.join(result.stdout.splitlines()[-2:])}", flush=True)
            # Of a program of another make it is no news that it fails, unless somebody wrote down how it does.
            is_known = sut.startswith("aoe-") or os.path.exists(os.path.join(SCENARIOS, "..", "suts", f"{sut}.expected.yaml"))
            if result.returncode != PASSED and (is_known or result.returncode != FAILED):
                wrong.append(f"{name} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
            if os.path.exists(os.path.join(out, "last")):
                shutil.move(os.path.realpath(os.path.join(out, "last")), os.path.join(folder, name))
                leave_out_what_passed(os.path.join(folder, name))
                runs.append(name)
    subprocess.run([HARNESS, "matrix", *runs, "--html", "index.html", "--md", "summary.md", "--json", "matrix.json",
                    "--junit", "junit.xml"], cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return wrong, missing


def ours_keep_everything(folder):
    """No clause is broken by ours; nor in doubt in the sim world, where no machine is too busy to tell."""
    wrong = []
    matrix = load(os.path.join(folder, "matrix.json"))
    for number, column in enumerate(matrix["columns"]):
        bad = {"FAIL", "XFAIL", "INCONCLUSIVE"} if column["world"] == "sim" else {"FAIL", "XFAIL"}
        for row in matrix["clauses"]:
            if column["sut"].startswith("aoe-") and row["verdicts"][number] in bad:
                wrong.append(f"{column['sut']} {column['world']}: {row['id']} {row['verdicts'][number]}")
    return wrong


def check_report():
    folder = sys.argv[4]
    lab.require_namespaces()
    wrong, missing = make_report(folder)
    wrong += ours_keep_everything(folder)
    for name in ["index.html", "junit.xml", "summary.md", "matrix.json"]:
        assert os.path.getsize(os.path.join(folder, name)) > 0, name
    assert not wrong, "\n".join(wrong)
    if missing:
        lab.skip("; ".join(missing))


{"commands": check_commands, "page": check_page, "report": check_report}[PART]()
print("ok")
