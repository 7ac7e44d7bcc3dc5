"""aoe-harness on two machines: its two halves in two network namespaces that a cable joins.

usage: remote_test.py AOE_HARNESS AOE_TARGET played|refused|lost
"""

import contextlib
import json
import os
import re
import shlex
import signal
import sys

import lab

HARNESS, TARGET, PART = [*map(os.path.abspath, sys.argv[1:3]), sys.argv[3]]
PASSED, FAILED, USAGE, ENVIRONMENT = 0, 1, 2, 3

HEAD = "scenario: {}\ntitle: What passes between two machines\nroles: {{target: {{size: 1MiB}}}}\ngiven: {{deadsecs: 10s}}\nsteps:\n"
LOAD = """\
- discover: {within: 5s}
- arm: {fault: drop, id: loss, match: {command: ata}, every: 7}
- io: {id: io, op: mixed, count: 4, requests: 60, depth: 4}
- io: {id: f, op: flush}
- expect: {io: {id: f}, hits: {of: loss, min: 1}}
"""
# What the far half is told, and can do: the disk is there again, with what was stable.
ENDS = """\
- discover: {within: 5s}
- io: {id: w, op: write, lba: 0, count: 2}
- io: {id: f, op: flush}
- expect: {io: {id: f}}
- arm: {fault: kill, id: dead}
- io: {id: held, op: read, lba: 0, count: 2}
- wait: 50ms
- heal: dead
- expect: {io: {id: held}}
- arm: {fault: pause, id: still}
- io: {id: late, op: read, lba: 8}
- wait: 50ms
- heal: still
- expect: {io: {id: late}}
"""
BAD_DISK = """\
- discover: {within: 5s}
- arm: {fault: disk-error, id: bad, op: [read], lba: [64, 71]}
- io: {id: x, op: read, lba: 64}
- expect: {io: {id: x, result: error}}
- heal: bad
- io: {id: z, op: read, lba: 64}
- expect: {io: {id: z}}
"""
# Without a cache to be lost, and with one. The store is read on the other machine.
STORE = '- send: {ata: {op: write, lba: 5, count: 1, data: "5a"}}\n- expect: {store: {lba: 5, count: 1, data: "5a"}}\n'
LINK = "- arm: {fault: link-down, id: cut, end: target}\n"
NO_SECTORS = "- send: {ata: {op: read, lba: 7, count: 0}}\n- expect: {reply: {error: bad-argument}}\n"
# Its target is started twice.
LONG = "- discover: {within: 5s}\n- arm: {fault: kill, id: dead}\n- heal: dead\n- wait: 60s\n"
NETWORK = """\
scenario: three
title: Three nodes
network: {lan: {}}
nodes:
  i1: {role: initiator, on: [lan]}
  i2: {role: initiator, on: [lan]}
  t1: {role: target, on: [lan], luns: [{shelf: 1, slot: 1, size: 1MiB}]}
steps:
- discover: {}
"""


class Machines:
    """Two nodes, near and far, joined by a cable between their eth1; and a folder for what is played."""

    def __init__(self, world, folder):
        self.near, self.far = world.node("near"), world.node("far")
        world.join(self.near, "eth1", self.far, "eth1")
        self.folder = folder

    def remote(self, *arguments):
        """The command that leads to the far half: where machines are namespaces, what ssh is for others."""
        return shlex.join(self.far._inside(["env", f"TMPDIR={self.folder}", HARNESS, "remote", "--interface", "eth1",
                                            *arguments]))

    def command(self, remote, scenarios, *arguments):
        suite = os.path.join(self.folder, "suite.yaml")
        with open(suite, "w", encoding="utf-8") as file:
            file.write("---\n".join(steps if steps.startswith("scenario:") else HEAD.format(name) + steps
                                    for name, steps in scenarios.items()))
        return [HARNESS, "run", suite, "--world", "remote", "--interface", "eth1", "--remote", remote, "--out",
                os.path.join(self.folder, "runs"), "--seed", "1", *arguments]

    def vblade(self, noted_in):
        """A description of vblade, which first adds its number to a file."""
        path = os.path.join(self.folder, "noted.yaml")
        command = f"sh -c 'echo $$ >>{noted_in}; exec vblade \"$@\"' sh {{shelf}} {{slot}} {{interface}} {{image}}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"implementation: noted\nrole: target\ncommand: {json.dumps(command)}\n")
        return path

    def listen(self, *arguments):
        """Starts far halves for who comes to a socket, and returns the command that leads there."""
        path = os.path.join(self.folder, "socket")
        self.far.start(["socat", f"UNIX-LISTEN:{path},fork", f"EXEC:{HARNESS} remote --interface eth1 {' '.join(arguments)}"])
        lab.eventually(lambda: os.path.exists(path), "a socket")
        return f"socat - UNIX-CONNECT:{path}"

    def run(self, remote, scenarios, *arguments):
        return self.near.run(self.command(remote, scenarios, *arguments), check=False)

    def cases(self):
        """What came of each case of the last run."""
        with open(os.path.join(self.folder, "runs", "last", "run.json"), encoding="utf-8") as file:
            run = json.load(file)
        return run, {case["id"]: case for case in run["cases"]}


def outcomes(cases):
    return {name: case["outcome"] for name, case in cases.items()}


def an_engine_is_there(machines):
    scenarios = {"load": LOAD, "ends": ENDS, "bad-disk": BAD_DISK, "store": STORE, "link": LINK, "three": NETWORK}
    result = machines.run(machines.remote(), scenarios)
    run, cases = machines.cases()
    assert (result.returncode, result.stderr) == (PASSED, ""), result
    assert outcomes(cases) == dict.fromkeys(scenarios, "PASS") | {"link": "UNSUPPORTED", "three": "UNSUPPORTED"}, cases
    assert cases["link"]["reason"] == "the far half's interface keeps its settings", cases["link"]
    assert cases["three"]["reason"] == "it has more nodes than a wire has ends", cases["three"]
    assert run["world"] == "remote eth1" and run["sut"] == "aoe-target", run
    assert not [name for name in os.listdir(machines.folder) if name.startswith("aoe-remote")], "it left a folder"


def a_program_is_there_behind_a_socket(machines):
    """vblade, told by what a person has where no ssh is: socat, and a socket that was brought over."""
    result = machines.run(machines.listen("--sut", "vblade"), {"load": LOAD, "ends": ENDS, "no-sectors": NO_SECTORS})
    run, cases = machines.cases()
    assert outcomes(cases) == {"load": "PASS", "ends": "PASS", "no-sectors": "FAIL"}, result
    assert result.returncode == FAILED and run["sut"] == "vblade", run
    assert "expected bad-argument (2), got none (0)" in cases["no-sectors"]["failures"][0]["actual"], cases["no-sectors"]
    with open(os.path.join(machines.folder, "runs", "last", "cases", "load", "sut.log"), encoding="utf-8") as file:
        assert "e1.1" in file.read(), "what vblade printed there"


def an_initiator_is_tested_from_here(machines):
    result = machines.run(machines.remote(), {"load": LOAD}, "--sut", "aoe-initiator")
    run, cases = machines.cases()
    assert (result.returncode, run["sut"]) == (PASSED, "aoe-initiator"), result


def what_is_not_for_it_is_refused(machines):
    """Interfaces of others, disks of others, halves of others; each is one line."""
    remote = machines.remote()
    fake = os.path.join(machines.folder, "fake")

    def refused(remote, status, complaint, *arguments):
        result = machines.run(remote, {"store": STORE}, *arguments)
        said = result.stdout + result.stderr
        assert result.returncode == status and re.search(complaint, said), (complaint, result)

    def says(line):
        with open(fake, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nprintf '%s\\n' '{line}'\ncat >/dev/null\n")
        os.chmod(fake, 0o755)
        return fake

    refused(says('{"aoe-harness": "0.0.1", "target": "x", "given": "", "cannot": {}, "mac": "", "mtu": 1500}'), ENVIRONMENT,
            r"the far half: it is aoe-harness 0\.0\.1, and this is \d+\.\d+\.\d+: install the same on both machines$")
    refused(says("Welcome to lab2!"), ENVIRONMENT,
            "the far half: expected the greeting of aoe-harness remote, got 'Welcome to lab2!'")
    refused("sh -c 'echo no route to host >&2; exit 255'", ENVIRONMENT,
            "the far half ended with status 255; it said: no route to host")
    refused("no-such-shell lab2", ENVIRONMENT, "--remote: no-such-shell: No such file or directory")
    refused(remote, USAGE, r"--sut vblade: the far half has what is tested: aoe-harness remote --sut", "--sut", "vblade")
    refused(remote, USAGE, "--jobs 2: ", "--jobs", "2")
    for node, whose in [(machines.far, "the far half: "), (machines.near, "")]:
        node.ip("address", "add", "192.0.2.1/24", "dev", "eth1")
        refused(remote, ENVIRONMENT, f"{whose}eth1: it has the address 192.0.2.1, so it is not left to tests")
        node.ip("address", "del", "192.0.2.1/24", "dev", "eth1")
    refused(machines.remote("--sut", "aoe-initiator"), ENVIRONMENT, "--sut: aoe-initiator is no target")
    image = os.path.join(machines.folder, "disk.img")
    with open(image, "wb") as file:
        file.truncate(1 << 20)
    machines.far.start([TARGET, "--no-state", "--shelf", "1", "--slot", "1", "--interface", "eth1", image]).wait_for("ready")
    refused(remote, ENVIRONMENT, r"eth1: e1\.1 answers there already, and store would write to it")
    with open(image, "rb") as file:
        assert not any(file.read()), "and has not"


def answers_that_make_no_sense_end_the_case(machines):
    """From a far half that has greeted well."""
    fake = os.path.join(machines.folder, "fake")
    for answer in ['{"done": 3}', '{"unsupported": {}}', "no"]:
        with open(fake, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{machines.remote()} </dev/null\nwhile read -r line; do printf '%s\\n' '{answer}'; done\n")
        os.chmod(fake, 0o755)
        result = machines.run(fake, {"store": STORE})
        _, cases = machines.cases()
        assert result.returncode == ENVIRONMENT, (answer, result)
        assert cases["store"]["outcome"] == "ERROR" and cases["store"]["reason"] == f"the far half: {answer}", (answer, cases)


def requests_that_make_no_sense_are_answered(machines):
    """The far half, by hand."""
    far = machines.far.start([HARNESS, "remote", "--interface", "eth1"], input=True)
    assert json.loads(far.wait_for("aoe-harness"))["mtu"] == 1500

    def error(line):
        far.say(line)
        return json.loads(far.wait_for("error"))["error"]

    assert error("start") == "expected a request as a JSON object"
    assert error('{"do": "start"}') == "start: nothing is open"
    assert "'do' not found" in error("{}")
    assert "steps" in error(json.dumps({"do": "open", "scenario": HEAD.format("x")[:-7], "seed": 1}))
    far.say(json.dumps({"do": "open", "scenario": HEAD.format("x") + STORE, "seed": 1}))
    far.wait_for('"done"')
    assert error('{"do": "fly", "lun": 0}') == "fly: no such request"
    assert error('{"do": "read-store", "lun": 7, "offset": 0, "size": 512}') == "there is no LUN 7"
    for offset, size in [(1 << 20, 512), (1, 512), (0, 511), (0, 1 << 40)]:
        assert error(json.dumps({"do": "read-store", "lun": 0, "offset": offset, "size": size})) == \
            f"there are no such {size} bytes at {offset}"
    assert far.stop() == PASSED


def numbers_in(path, count):
    """The numbers of the processes that have noted themselves there, once they are so many."""
    def read():
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read()
        except FileNotFoundError:
            return None
        return [int(line) for line in lines.split()] if lines.count("\n") >= count else None
    return lab.eventually(read, f"{count} lines in {path}")


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def a_far_half_that_is_killed_ends_the_case(machines):
    """Neither passed nor failed; and what it had started is gone."""
    halves, target = [os.path.join(machines.folder, name) for name in ("half", "target")]
    noting = ["sh", "-c", f'echo $$ >>{halves}; exec "$@"', "sh"]
    half = ["env", f"TMPDIR={machines.folder}", HARNESS, "remote", "--interface", "eth1", "--sut", machines.vblade(target)]
    near = machines.near.start(machines.command(shlex.join(machines.far._inside(noting + half)), {"long": LONG}))
    vblade = numbers_in(target, 2)[-1]
    os.kill(numbers_in(halves, 2)[-1], signal.SIGKILL)  # the first was asked what it has
    assert near.wait() == ENVIRONMENT, near.output
    _, cases = machines.cases()
    assert cases["long"]["outcome"] == "ERROR", cases
    assert cases["long"]["reason"].startswith("the far half was killed by signal 9"), cases
    lab.eventually(lambda: not is_there(vblade), "vblade to be gone")


def a_near_half_that_is_killed_leaves_nothing(machines):
    target = os.path.join(machines.folder, "target")
    remote = machines.listen("--sut", machines.vblade(target))
    near = machines.near.start(machines.command(remote, {"long": LONG}))
    vblade = numbers_in(target, 2)[-1]
    near.kill()
    lab.eventually(lambda: not is_there(vblade), "vblade to be gone")


def a_target_that_ends_by_itself_has_failed(machines):
    """That is the target's, not the connection's."""
    sut = "timeout --signal=KILL 1 vblade {shelf} {slot} {interface} {image}"
    result = machines.run(machines.remote("--sut", sut), {"long": LONG})
    _, cases = machines.cases()
    assert result.returncode == FAILED and cases["long"]["outcome"] == "FAIL", result
    assert re.search("the target was killed by signal 9", cases["long"]["failures"][0]["actual"]), cases


PARTS = {"played": [an_engine_is_there, a_program_is_there_behind_a_socket, an_initiator_is_tested_from_here],
         "refused": [what_is_not_for_it_is_refused, requests_that_make_no_sense_are_answered,
                     answers_that_make_no_sense_end_the_case],
         "lost": [a_far_half_that_is_killed_ends_the_case, a_near_half_that_is_killed_leaves_nothing,
                  a_target_that_ends_by_itself_has_failed]}


@contextlib.contextmanager
def machines():
    with lab.laboratory() as (world, folder):
        yield (Machines(world, folder),)


def main():
    lab.require("ip", "socat", "vblade")
    lab.require_namespaces()
    lab.play_all(PARTS[PART], machines)


main()
