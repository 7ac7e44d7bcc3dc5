"""What is made of a run: files that CI servers take, and a page that a browser shows without a network.

usage: report_test.py AOE_HARNESS files|page
       report_test.py FOLDER syntax      (of the page's scripts, which are in FOLDER)
"""

import json
import os
import re
import subprocess
import sys
import tempfile

import lab

HARNESS, PART = sys.argv[1:3]
PASSED, FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3

LATE = """\
scenario: too-hasty
title: A bound that no initiator keeps
clause: [profile/rexmit-timeout]
tags: [timing]
roles: {target: {size: 64KiB}}
steps:
- discover: {expect: e1.1}
- warmup: {reads: 16}
- arm: {fault: drop, id: loss, match: {direction: to-target, command: read}, nth: 1}
- io: {id: r, op: read, lba: 4, count: 2}
- expect: {retransmit: {of: loss, within: [0ms, 10us]}}
"""

QUIET = """\
scenario: quiet
title: A disk comes up, and nothing else <i>happens</i>
clause: [3.2/1]
tags: [quick]
roles: {target: {size: 64KiB}}
steps:
- discover: {expect: e1.1}
"""

# An answer that is right and called wrong; a disk that holds a pattern and is called empty.
WRONG = """\
scenario: no-error
title: An unknown command succeeds
clause: [2.4/1]
roles: {target: {size: 64KiB}}
steps:
- send: {command: 9}
- expect: {reply: {error: none}}
---
scenario: holds-zeros
title: The disk is empty
roles: {target: {size: 64KiB}}
steps:
- send: {ata: {op: read-ext, lba: 3, count: 1}}
- expect: {reply: {ata: {data: "00"}}}
"""

# Two variants whose names differ in characters that a name of a file can't have.
NAMED = """\
scenario: list
title: "A list is read, ${mac}"
matrix: {mac: ["02:00:00:00:00:09", 02-00-00-00-00-09]}
roles: {target: {size: 64KiB}}
steps:
- mask: {op: read}
"""

LEADS_NOWHERE = "[...document.querySelectorAll('a[href^=\"#\"]')]" \
    ".filter((a) => !document.getElementById(decodeURIComponent(a.hash.slice(1))))"

# What Jenkins, Surefire and Ant all accept, in our own words: attributes that each of them requires, in the order that the
# strictest wants, and nothing that only one of them knows.
JUNIT = """\
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:simpleType name="local-time">
    <xs:restriction base="xs:dateTime"><xs:pattern value="[-0-9]{10}T[0-9]{2}:[0-9]{2}:[0-9]{2}"/></xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="seconds">
    <xs:restriction base="xs:decimal"><xs:minInclusive value="0"/></xs:restriction>
  </xs:simpleType>
  <xs:simpleType name="word">
    <xs:restriction base="xs:token"><xs:minLength value="1"/></xs:restriction>
  </xs:simpleType>
  <xs:complexType name="finding">
    <xs:simpleContent>
      <xs:extension base="xs:string">
        <xs:attribute name="type" type="word" use="required"/>
        <xs:attribute name="message" type="xs:string" use="required"/>
      </xs:extension>
    </xs:simpleContent>
  </xs:complexType>
  <xs:complexType name="case">
    <xs:choice minOccurs="0">
      <xs:element name="failure" type="finding"/>
      <xs:element name="error" type="finding"/>
      <xs:element name="skipped"><xs:complexType><xs:attribute name="message" type="xs:string"/></xs:complexType></xs:element>
    </xs:choice>
    <xs:attribute name="classname" type="word" use="required"/>
    <xs:attribute name="name" type="word" use="required"/>
    <xs:attribute name="time" type="seconds" use="required"/>
  </xs:complexType>
  <xs:complexType name="properties">
    <xs:sequence>
      <xs:element name="property" minOccurs="0" maxOccurs="unbounded">
        <xs:complexType>
          <xs:attribute name="name" type="word" use="required"/>
          <xs:attribute name="value" type="xs:string" use="required"/>
        </xs:complexType>
      </xs:element>
    </xs:sequence>
  </xs:complexType>
  <xs:complexType name="suite">
    <xs:sequence>
      <xs:element name="properties" type="properties"/>
      <xs:element name="testcase" type="case" minOccurs="0" maxOccurs="unbounded"/>
      <xs:element name="system-out" type="xs:string"/>
      <xs:element name="system-err" type="xs:string"/>
    </xs:sequence>
    <xs:attribute name="id" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="package" type="word" use="required"/>
    <xs:attribute name="name" type="word" use="required"/>
    <xs:attribute name="hostname" type="word" use="required"/>
    <xs:attribute name="timestamp" type="local-time" use="required"/>
    <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="failures" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="errors" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="skipped" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="time" type="seconds" use="required"/>
  </xs:complexType>
  <xs:element name="testsuites">
    <xs:complexType>
      <xs:sequence><xs:element name="testsuite" type="suite" maxOccurs="unbounded"/></xs:sequence>
      <xs:attribute name="name" type="word"/>
      <xs:attribute name="tests" type="xs:nonNegativeInteger"/>
      <xs:attribute name="failures" type="xs:nonNegativeInteger"/>
      <xs:attribute name="errors" type="xs:nonNegativeInteger"/>
      <xs:attribute name="time" type="seconds"/>
    </xs:complexType>
  </xs:element>
</xs:schema>
"""

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"' ]]> `|# \u202e\x1b[31m \x01"


def harness(folder, *arguments, status=PASSED):
    result = subprocess.run([HARNESS, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False,
                            stdin=subprocess.DEVNULL)
    assert result.returncode == status, (arguments, result)
    return result


def play(folder):
    """A run of two cases, one of which fails. Returns its run.json."""
    for name, text in [("late", LATE), ("quiet", QUIET), ("wrong", WRONG)]:
        with open(os.path.join(folder, f"{name}.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
    harness(folder, "run", "late.yaml", "quiet.yaml", "--seed", "7", status=FAILED)
    return os.path.join(folder, "runs", "last", "run.json")


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def poison(value):
    """The same record, every text in which says the worst."""
    if isinstance(value, dict):
        kept = {"outcome", "format", "started"}
        return {key: item if key in kept else poison(item) for key, item in value.items()}
    if isinstance(value, list):
        return [poison(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def poisoned(folder, record):
    path = os.path.join(folder, "poisoned.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(poison(load(record)), file)
    return path


def junit_is_valid(folder, record):
    from lxml import etree
    schema = etree.XMLSchema(etree.fromstring(JUNIT))
    for run in [record, poisoned(folder, record)]:
        harness(folder, "report", run, "--junit", "junit.xml")
        document = etree.parse(os.path.join(folder, "junit.xml"))
        assert schema.validate(document), schema.error_log
        suite = document.find("testsuite")
        assert [suite.get(key) for key in ("tests", "failures", "errors", "skipped")] == ["2", "1", "0", "0"]
        assert "dropped by" in suite.find("testcase/failure").text or run != record
    # The schema itself tells right from wrong.
    document.find("testsuite/testcase").append(etree.Element("properties"))
    assert not schema.validate(document)


def all_kinds_are_remade(folder, record):
    files = {"html": "a.html", "junit": "a.xml", "md": "a.md", "json": "a.json"}
    options = [word for kind, name in files.items() for word in (f"--{kind}", name)]
    assert harness(folder, "report", os.path.dirname(record), *options).stdout == ""
    assert load(os.path.join(folder, "a.json")) == load(record)
    listed = ",".join(f"{kind}={kind}.again" for kind in files)
    harness(folder, "report", record, "--report", listed)
    for kind, name in files.items():
        with open(os.path.join(folder, name), encoding="utf-8") as once:
            with open(os.path.join(folder, f"{kind}.again"), encoding="utf-8") as again:
                assert once.read() == again.read(), kind
    markdown = harness(folder, "report", record, "--md", "-").stdout
    assert markdown.startswith("### ❌ aoe-harness: 1 passed, 1 failed") and "too-hasty" in markdown, markdown
    told = harness(folder, "report", record).stdout
    assert told.startswith("seed 7  world sim") and "1 passed, 1 failed" in told, told


def parts_are_joined(folder, record):
    """A run of two machines is the run that one would have made, with its evidence."""
    for part in ["1/2", "2/2"]:
        harness(folder, "run", "late.yaml", "quiet.yaml", "--seed", "7", "--shard", part, "--out", f"part-{part[0]}",
                status=FAILED if part == "1/2" else PASSED)
    harness(folder, "report", "part-1/last", "part-2/last", "--out", "whole")

    def what_came(path):
        run = load(path)
        for one in [run, *run["cases"]]:
            for key in ["real_ns", "started"]:
                one.pop(key, None)
        return run

    whole = os.path.join(folder, "whole")
    assert what_came(os.path.join(whole, "run.json")) == what_came(record)
    for case in load(record)["cases"]:
        ledgers = [os.path.join(top, case["folder"], "ledger.jsonl") for top in (whole, os.path.dirname(record))]
        with open(ledgers[0], encoding="utf-8") as one, open(ledgers[1], encoding="utf-8") as other:
            assert one.read() == other.read()
    assert {"index.html", "junit.xml", "run.json", "cases"} <= set(os.listdir(whole))
    assert harness(folder, "compare", record, "whole").stdout.splitlines()[-1] == "cases: 2 the same"

    def told(*arguments):
        return harness(folder, *arguments, status=USAGE).stderr

    assert told("report", "part-1/last", "part-1/last") == \
        "aoe-harness: part-1/last: it is part 1/2, and so is part-1/last\n"
    harness(folder, "run", "quiet.yaml", "--seed", "7", "--out", "unshared")
    assert told("report", "part-1/last", "unshared/last") == \
        "aoe-harness: unshared/last: it is a whole run, part-1/last is part 1/2\n"
    # One that lacks is named, and nothing is written; one alone is what it is.
    with open(os.path.join(folder, "three.yaml"), "w", encoding="utf-8") as file:
        file.write("---\n".join(QUIET.replace("scenario: quiet", f"scenario: quiet-{letter}") for letter in "abc"))
    for part in "12":
        harness(folder, "run", "three.yaml", "--seed", "7", "--shard", f"{part}/3", "--out", f"third-{part}")
    assert told("report", "third-2/last", "third-1/last", "--out", "partial", "--md", "-") == \
        "aoe-harness: of the run's 3 parts 2 are given; lacking: 3/3 (play it with --shard 3/3 --seed 7)\n"
    assert not os.path.exists(os.path.join(folder, "partial", "run.json"))
    assert "  part 2/3\n" in harness(folder, "report", "third-2/last").stdout
    # What is refused leaves nothing that keeps the right parts out.
    told("report", "part-1/last", "part-1/last", "--out", "second")
    harness(folder, "report", "part-1/last", "part-2/last", "--out", "second")
    assert told("report", "part-1/last", "--out", "whole") == "aoe-harness: whole: holds a run already; give a new folder\n"
    # A part that no case is left for is one of the parts.
    for part in "123":
        left = harness(folder, "run", "three.yaml", "--exclude", "quiet-c", "--seed", "7", "--shard", f"{part}/3", "--out",
                       f"few-{part}")
        assert left.stderr == ("aoe-harness: --shard 3/3: only 2 cases selected, so this part has none\n" if part == "3" else "")
    harness(folder, "report", "few-1/last", "few-2/last", "few-3/last", "--out", "few")
    assert [case["id"] for case in load(os.path.join(folder, "few", "run.json"))["cases"]] == ["quiet-a", "quiet-b"]
    assert told("run", "late.yaml", "--shard", "3") == \
        "aoe-harness: --shard: expected PART/PARTS, such as 3/8 (at most 10000 parts), got '3' (aoe-harness run --help shows how)\n"


def runs_are_compared(folder, record):
    harness(folder, "run", "quiet.yaml", "--seed", "7", "--out", "fewer")
    told = harness(folder, "compare", record, "fewer/last", status=FAILED).stdout
    assert re.search(r"^  gone   case     FAIL  too-hasty\n +before: expected retransmission .*\ncases: 1 gone, 1 the same$", told,
                     re.M | re.S), told
    compared = json.loads(harness(folder, "compare", "fewer/last", record, "--json", status=FAILED).stdout)
    assert [(one["id"], one["change"], one["before"], one["now"]) for one in compared["cases"]] == \
        [("too-hasty", "new", None, "FAIL")], compared
    assert harness(folder, "compare", record, "none", status=ENVIRONMENT).stderr == \
        "aoe-harness: none: No such file or directory\n"


def evidence_has_names_that_every_store_takes(folder, record):
    with open(os.path.join(folder, "named.yaml"), "w", encoding="utf-8") as file:
        file.write(NAMED)
    harness(folder, "run", "named.yaml", "--seed", "7", "--out", "named")
    last = os.path.join(folder, "named", "last")
    cases = load(os.path.join(last, "run.json"))["cases"]
    assert [case["id"] for case in cases] == ["list[mac=02:00:00:00:00:09]", "list[mac=02-00-00-00-00-09]"], cases
    assert [case["folder"] for case in cases] == ["cases/list[mac=02-00-00-00-00-09]", "cases/list[mac=02-00-00-00-00-09]-2"]
    for top, folders, files in os.walk(last):
        assert not [name for name in folders + files if set(name) & set('\\:*?"<>|\r\n')], (top, folders, files)
    for case in cases:
        assert os.path.exists(os.path.join(last, case["folder"], "ledger.jsonl")), case


def mistakes_are_told(folder, record):
    def told(status, *arguments):
        return harness(folder, "report", *arguments, status=status).stderr

    assert told(ENVIRONMENT, "none.json") == "aoe-harness: none.json: No such file or directory\n"
    assert told(USAGE, record, "--report", "jnuit=x") == \
        "aoe-harness: --report: jnuit: no such report; did you mean 'junit'?\n"
    assert told(USAGE, record, "--report", "tap=x") == \
        "aoe-harness: --report: tap: no such report; there are html, json, junit, md\n"
    assert told(ENVIRONMENT, record, "--md", "none/x") == "aoe-harness: none/x: No such file or directory\n"
    with open(os.path.join(folder, "cut.json"), "w", encoding="utf-8") as file:
        file.write('{"format":1')
    assert told(ENVIRONMENT, "cut.json") == "aoe-harness: cut.json: byte 12: this is no JSON\n"


def the_page_shows_the_failure(chromium, folder, record):
    report = os.path.join(folder, "page.html")
    harness(folder, "report", record, "--html", report)
    page = chromium.open(report)
    assert page.requests == [f"file://{report}"], page.requests
    assert page.complaints == [], page.complaints
    count = "document.querySelectorAll({!r}).length".format
    text = "document.querySelector({!r}).textContent".format
    assert "1 passed, 1 failed" in page.evaluate(text("header"))
    assert page.evaluate(count(".case:not(.group)")) == 2
    group = ".group[data-outcome=FAIL]"
    assert page.evaluate(text(f"{group} .cause")).startswith("none, expected: retransmission of #")
    assert page.evaluate(f"document.querySelector({group!r}).open"), "what failed is open"
    assert page.evaluate(count(".case[open]")) == 1
    assert page.evaluate(count(".case:not([open]) .body *")) == 0, "a story is drawn when it is opened"
    assert page.evaluate(f"document.querySelector('{group} .verdicts strong').textContent") == "none after 0.02ms"
    assert page.evaluate(text(f"{group} .copy pre")) == "aoe-harness run late.yaml --seed 7"
    failed = ".case:not(.group)[data-outcome=FAIL]"
    assert "too-hasty" in page.evaluate(text(f"{failed} summary"))
    page.evaluate(f"document.querySelector('{group} .body a[href^=\"#case\"]').click()")
    assert page.evaluate(f"document.querySelector({failed!r}).open"), "the group leads to its case"
    assert page.evaluate("location.hash") == "#case%3Atoo-hasty"
    assert page.evaluate(count(f"{failed} .fold")) == 2, "steps and scenario"
    assert page.evaluate("[...document.querySelectorAll('h2')].map((one) => one.textContent)") == [
        "Failures", "Clauses", "Scenarios", "Cases", "Slowest", "This run"]
    assert page.evaluate("[...document.querySelectorAll('.contents a')].map((one) => one.hash)") == [
        "#failures", "#clauses", "#scenarios", "#cases", "#slowest", "#about"]
    assert page.evaluate("document.getElementById('clause:3.2/1').querySelector('.chip').textContent") == "PASS"
    assert page.evaluate(f"{LEADS_NOWHERE}.length") == 0
    assert "retransmission" in page.evaluate(text(f"{failed} .verdicts"))
    assert "{fault: drop, id: loss, match: {direction: to-target" in page.evaluate(text(f"{failed} .steps"))
    assert "{retransmit: {of: loss, within: [0ms, 10us]}}" in page.evaluate(text(f"{failed} .steps tr.unmet"))

    # The ladder: the frame that was dropped is red, and its arrow does not arrive.
    struck = f"{failed} .ladder tr.struck"
    assert page.evaluate(count(struck)) >= 1
    assert "dropped by loss" in page.evaluate(text(struck))
    assert page.evaluate(count(f"{struck} .lost")) >= 1
    colour = page.evaluate(f"getComputedStyle(document.querySelector('{struck} td')).color")
    red, green, blue = map(int, re.findall(r"\d+", colour)[:3])
    assert red > 150 and green < 80 and blue < 80, colour

    # The plot: what was outstanding, and the window in which the retransmission was due.
    for curve, least in [("open", 10), ("window", 2), ("rto", 2)]:
        points = page.evaluate(f"document.querySelector('{failed} path.{curve}').getAttribute('d')")
        assert len(re.findall("[MHV]", points)) > least, (curve, points)
    assert page.evaluate(count(f"{failed} .due.unmet rect")) >= 1
    assert page.evaluate(count(f"{failed} path.struck")) >= 1
    assert page.evaluate(f"document.documentElement.scrollWidth <= {1280}"), "nothing sticks out"


def the_first_screen_says_how_it_stands(chromium, folder, record):
    """On screens of three widths, without scrolling: bars of the levels, and what failed; nothing sticks out."""
    for width, height in [(390, 844), (900, 900), (1400, 900)]:
        for name, last in [("page.html", ".group .cause"), ("passed.html", ".level:last-child")]:
            page = chromium.open(os.path.join(folder, name), width=width, height=height)
            assert page.complaints == [], page.complaints
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, name)
            for place in ["h1", ".level:first-child .meter", last]:
                bottom = page.evaluate(f"document.querySelector({place!r}).getBoundingClientRect().bottom")
                assert 0 < bottom < height, (width, name, place, bottom)
            page.evaluate("document.querySelector('.filters button').click()")  # all stories
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (width, name, "opened")


def one_case_that_passed(folder, record):
    run = load(record)
    run["cases"] = [case for case in run["cases"] if case["outcome"] == "PASS"]
    with open(os.path.join(folder, "passed.json"), "w", encoding="utf-8") as file:
        json.dump(run, file)
    harness(folder, "report", "passed.json", "--html", "passed.html")


def frames_are_beside_each_other_with_what_is_wrong_marked(chromium, folder):
    harness(folder, "run", "wrong.yaml", "--seed", "7", "--out", "wrong", status=FAILED)
    page = chromium.open(os.path.join(folder, "wrong", "last", "index.html"))
    assert page.complaints == [], page.complaints
    views = "[...document.querySelectorAll('.group[open] .frame-view h4')].map((one) => one.firstChild.textContent.split(' ')[0])"
    assert page.evaluate(views) == ["Request", "Answer"], page.evaluate(views)
    wrong = "[...document.querySelectorAll('.group[open] tr.wrong')].map((one) => one.textContent)"
    assert page.evaluate(wrong) == ["1501error\u2715 unrecognized-command (1)"], page.evaluate(wrong)
    left, right = page.evaluate(
        "[...document.querySelectorAll('.group[open] .frame-view')].map((one) => one.getBoundingClientRect().top)")
    assert left == right, "side by side"
    assert "unknown command 9" in page.evaluate("document.querySelector('.group[open] .frame-view h4').textContent")
    page = chromium.open(os.path.join(folder, "wrong", "last", "index.html") + "#case:holds-zeros")
    assert "of 512, the first is byte" in page.evaluate("document.getElementById('case:holds-zeros').textContent")
    assert page.evaluate("document.querySelectorAll('[id=\"case:holds-zeros\"] .diff mark').length") > 0


def what_is_shown_is_an_expectation_file(chromium, folder):
    page = chromium.open(os.path.join(folder, "page.html"))
    text = page.evaluate("document.querySelector('.copy pre').textContent")
    with open(os.path.join(folder, "expected.yaml"), "w", encoding="utf-8") as file:
        file.write(text)
    told = harness(folder, "run", "late.yaml", "quiet.yaml", "--seed", "7", "--expect", "expected.yaml", "--out", "again").stdout
    assert "1 passed, 0 failed, 1 expected to fail" in told or "XFAIL" in told, told
    page.evaluate("document.querySelector('.filters input[value=FAIL]').click()")
    assert page.evaluate("document.querySelector('.copy pre').closest('details').hidden"), "nothing that failed is shown"


def it_can_be_read_without_scripts(chromium, folder):
    page = chromium.open(os.path.join(folder, "page.html"), scripts=False)
    told = page.evaluate("document.querySelector('noscript').textContent")
    assert page.evaluate("document.querySelectorAll('main').length") == 0, "no script has run"
    for words in ["1 passed, 1 failed", "too-hasty", "retransmission of #", "Clauses"]:
        assert words in told, (words, told[:2000])
    # A request and its answer beside each other, what is wrong marked, and nothing folded: so they are printed.
    page = chromium.open(os.path.join(folder, "wrong", "last", "index.html"), scripts=False)
    frames = "[...document.querySelectorAll('.frame-view h4')].map((one) => one.firstChild.textContent.split(' ')[0])"
    assert page.evaluate(frames) == ["Request", "Answer"] * 2, page.evaluate(frames)
    wrong = "[...document.querySelectorAll('.frame-view tr.wrong')].map((one) => one.textContent)"
    assert page.evaluate(wrong)[0] == "1501error\u2715 unrecognized-command (1)", page.evaluate(wrong)
    left, right = page.evaluate(
        "[...document.querySelectorAll('.frame-view')].slice(0, 2).map((one) => one.getBoundingClientRect().top)")
    assert left == right, "side by side"
    assert page.evaluate("document.querySelectorAll('details:not([open])').length") == 0
    assert page.evaluate("document.querySelectorAll('table.diff mark').length") > 0, "the sector that is wrong"


def keys_lead_through_it(chromium, folder):
    page = chromium.open(os.path.join(folder, "page.html"))
    press = "document.dispatchEvent(new KeyboardEvent('keydown', {{key: '{}', bubbles: true}}))".format
    page.evaluate("document.body.focus()")
    page.evaluate(press("n").replace("document.dispatch", "document.body.dispatch"))
    assert page.evaluate("document.activeElement.parentElement.classList.contains('group')")
    page.evaluate(press("/").replace("document.dispatch", "document.body.dispatch"))
    assert page.evaluate("document.activeElement.type") == "search"


def numbers_are_those_of_the_terminal(chromium, folder, record):
    page = chromium.open(os.path.join(folder, "page.html"))
    times = {0: "0ns", 999: "999ns", 1500: "1.50us", 999499: "999us", 999500: "1.00ms", 112 * 10**6: "112ms",
             9995000: "10.0ms", 41230000: "41.2ms", 3591 * 10**6: "3.59s", 100 * 10**9: "1min 40s", -20 * 10**6: "-20ms"}
    assert page.evaluate(f"{list(times)}.map(brief)") == list(times.values())
    run = load(record)
    run["seed"] = run["cases"][0]["seed"] = 2**64 - 1
    path = os.path.join(folder, "seed.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(run, file)
    harness(folder, "report", path, "--html", path + ".html")
    page = chromium.open(path + ".html#case:" + run["cases"][0]["id"])
    for facts in ["#about .facts", ".case:not(.group)[open] .facts"]:
        assert str(2**64 - 1) in page.evaluate(f"document.querySelector('{facts}').textContent"), facts


def it_compares_with_an_earlier_run(chromium, folder, record):
    run = load(record)
    late, quiet = sorted(run["cases"], key=lambda case: case["id"] != "too-hasty")
    run["cases"] = [late | {"outcome": "PASS", "real_ns": 0}, quiet | {"id": "gone"}]
    path = os.path.join(folder, "earlier.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(run, file)
    harness(folder, "report", record, "--html", path + ".html", "--against", path)
    page = chromium.open(path + ".html")
    assert page.complaints == [], page.complaints
    changed = "[...document.querySelectorAll('#changes table:last-of-type tr')].map((one) => one.textContent)"
    cases = page.evaluate(changed)
    page.evaluate("document.querySelector('.filters input[type=search]').value = 'disk comes'")
    page.evaluate("document.querySelector('.filters').dispatchEvent(new Event('input'))")
    left = page.evaluate("[...document.querySelectorAll('#changes tbody tr')].filter((one) => one.offsetParent)"
                         ".map((one) => one.textContent)")
    assert left == ["newquietPASS"], left
    assert any(one.startswith("worsetoo-hastyPASS") and "FAILexpected" in one for one in cases), cases
    assert "newquietPASS" in cases and "gonegonePASS" in cases, cases
    assert page.evaluate("document.querySelector('.slowest thead').textContent") == "casetookbefore"


def a_capture_has_a_page(chromium, folder):
    capture = os.path.join("runs", "last", "cases", "too-hasty", "initiator-side.pcap")
    harness(folder, "check", capture, "--html", "capture.html", status=FAILED)
    found = json.loads(harness(folder, "check", capture, "--json", status=FAILED).stdout)
    report = os.path.join(folder, "capture.html")
    page = chromium.open(report)
    assert (page.requests, page.complaints) == ([f"file://{report}"], [])
    findings = "[...document.querySelectorAll('.case summary b')].map((one) => one.textContent)"
    assert page.evaluate(findings) == [f"frame {one['frame']}" for one in found["findings"]]
    assert page.evaluate("document.querySelectorAll('circle.dot').length") > 10, "round trips"
    assert page.evaluate("document.querySelectorAll('path.open').length") == 1, "outstanding requests"
    assert page.evaluate("document.querySelector('.devices th').textContent") == "device"
    assert page.evaluate("document.querySelector('.devices tbody').textContent").startswith("e1.1")
    page.evaluate("document.querySelector('.case').open = true")
    page = chromium.open(report + "#finding:0")
    assert page.evaluate("document.querySelectorAll('[id=\"finding:0\"] .ladder tr.frame').length") >= 1
    assert page.evaluate("document.documentElement.scrollWidth <= 1280"), "nothing sticks out"
    page = chromium.open(report, width=400)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400, "nothing sticks out"


def many_cases_are_quickly_there(chromium, folder, record):
    run = load(record)
    late = next(case for case in run["cases"] if case["id"] == "too-hasty")
    run["cases"] = [late | {"id": f"case[{number}]"} for number in range(700)]
    path = os.path.join(folder, "many.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(run, file)
    harness(folder, "report", path, "--html", path + ".html")
    page = chromium.open(path + ".html")
    assert page.evaluate("document.querySelectorAll('.case:not(.group)').length") == 700
    assert page.evaluate("document.querySelectorAll('.group').length") == 1, "by one cause"
    assert page.evaluate("document.querySelectorAll('.case > .body > *').length") < 20, "one story is drawn"
    page.evaluate("document.querySelector('.matrix a.chip:last-child').click()")
    assert page.evaluate("document.getElementById('case:case[699]').open")


def the_filters_filter(chromium, folder):
    report = os.path.join(folder, "page.html")
    shown = "[...document.querySelectorAll('.case:not(.group)')].filter((one) => one.offsetParent).map((one) => one.dataset.outcome)"

    def seen(fragment):
        page = chromium.open(report + fragment)
        assert page.complaints == [], page.complaints
        return sorted(page.evaluate(shown))

    assert seen("") == ["FAIL", "PASS"]
    assert seen("#?outcome=PASS") == ["PASS"]
    assert seen("#?tag=timing") == ["FAIL"]
    assert seen("#?text=disk+comes") == ["PASS"]
    assert seen("#?outcome=PASS&tag=timing") == []
    page = chromium.open(report)
    page.evaluate("document.querySelector('.filters input[value=FAIL]').click()")
    assert page.evaluate(shown) == ["PASS"]
    assert page.evaluate("location.hash") == "#?outcome=PASS"
    assert page.evaluate("document.querySelectorAll('.matrix tbody tr:not([hidden])').length") == 1
    page.evaluate("document.querySelector('.filters button').click()")
    for table in ["clauses", "slowest", "scenarios"]:
        rows = page.evaluate(f"[...document.querySelectorAll('#{table} tbody tr:not(.section)')].filter((one) => one.offsetParent)"
                             ".map((one) => one.textContent)")
        assert len(rows) == 1 and "quiet" in rows[0], (table, rows)
    assert page.evaluate("[...document.querySelectorAll('.group')].every((one) => !one.offsetParent)"), "nothing failed that is shown"
    assert page.evaluate("document.querySelectorAll('.case[open]:not([hidden])').length") == 1
    page = chromium.open(report + "#case:quiet")
    assert page.evaluate("document.getElementById('case:quiet').open"), "an address leads to its case"


def what_peers_say_is_text(chromium, folder, record):
    report = os.path.join(folder, "poisoned.html")
    harness(folder, "report", poisoned(folder, record), "--html", report)
    page = chromium.open(report)
    assert page.requests == [f"file://{report}"], page.requests
    assert page.complaints == [], page.complaints
    for step in ["0", "document.querySelector('.filters button').click()"]:
        page.evaluate(step)
        assert page.evaluate("document.scripts.length") == 2, "the data, and what draws it"
        assert page.evaluate("document.images.length") == 0
        assert page.evaluate("document.querySelectorAll('[onerror], .case [src]').length") == 0
        assert page.complaints == [], page.complaints
    for place in [".case:not(.group) summary b", ".case summary .title", ".verdicts dd", ".steps code", ".case .copy pre", ".case .fold pre",
                  "header h1"]:
        told = page.evaluate(f"document.querySelector({place!r}).textContent")
        assert "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"' ]]> `|# " in told, (place, told)
        assert not set(told) & set("\u202e\x1b\x01"), (place, told)
    files = page.evaluate("[...document.querySelectorAll('.case:not(.group) .body > p > a')].map((a) => a.getAttribute('href'))")
    assert files and all(re.fullmatch(r"\./[\w%.'/()*-]+", one) for one in files), files


def it_fits_a_dark_screen(chromium, folder):
    page = chromium.open(os.path.join(folder, "page.html"), width=400, dark=True)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", paper)[:3])) < 60, paper


def check_files():
    try:
        import lxml  # noqa: F401
    except ImportError:
        lab.skip("lxml is not installed (apt-get install python3-lxml)")
    with tempfile.TemporaryDirectory() as folder:
        record = play(folder)
        junit_is_valid(folder, record)
        all_kinds_are_remade(folder, record)
        parts_are_joined(folder, record)
        runs_are_compared(folder, record)
        evidence_has_names_that_every_store_takes(folder, record)
        mistakes_are_told(folder, record)


def check_page():
    lab.require("chromium")
    lab.require_namespaces()
    import browser
    with tempfile.TemporaryDirectory() as folder, browser.Browser() as chromium:
        record = play(folder)
        one_case_that_passed(folder, record)
        the_page_shows_the_failure(chromium, folder, record)
        the_first_screen_says_how_it_stands(chromium, folder, record)
        frames_are_beside_each_other_with_what_is_wrong_marked(chromium, folder)
        what_is_shown_is_an_expectation_file(chromium, folder)
        it_can_be_read_without_scripts(chromium, folder)
        keys_lead_through_it(chromium, folder)
        numbers_are_those_of_the_terminal(chromium, folder, record)
        it_compares_with_an_earlier_run(chromium, folder, record)
        a_capture_has_a_page(chromium, folder)
        many_cases_are_quickly_there(chromium, folder, record)
        the_filters_filter(chromium, folder)
        what_peers_say_is_text(chromium, folder, record)
        it_fits_a_dark_screen(chromium, folder)


def check_syntax():
    lab.require("node")
    with tempfile.NamedTemporaryFile("w", suffix=".js", encoding="utf-8") as script:
        with open(os.path.join(HARNESS, "page.cmake"), encoding="utf-8") as file:
            names = re.search(r"foreach\(file (.*\.js)\)", file.read())[1].split()
        for name in names:  # one script, as in the page
            with open(os.path.join(HARNESS, name), encoding="utf-8") as file:
                script.write(file.read())
        script.flush()
        subprocess.run(["node", "--check", script.name], check=True, timeout=60)


{"files": check_files, "page": check_page, "syntax": check_syntax}[PART]()
print("ok")
