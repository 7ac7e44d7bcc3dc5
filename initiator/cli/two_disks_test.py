"""Two disks at one address, behind one bridge: aoe-initiator uses the one that it found first, and says what is wrong.

usage: two_disks_test.py AOE_INITIATOR AOE_TARGET [RULE...]
"""

import contextlib
import json
import os
import random
import signal
import sys

import lab
from relay import Relay

INITIATOR, TARGET = map(os.path.abspath, sys.argv[1:3])
SIZE = 2 << 20
ANOTHER_DISK = 3  # exit status


class Trial:
    """A client and two servers at one switch, the second behind a relay; each server has an image of its own for e0.2."""

    def __init__(self, world, folder):
        self.folder = folder
        self.client, switch = world.node("client"), world.node("switch")
        switch.ip("link", "add", "bridge", "type", "bridge")
        self.servers = [world.node("first"), world.node("second")]
        for node in (self.client, *self.servers):
            port = "to" + node.name[-6:]
            if node.name == "second":
                self.relay = Relay(world, node, "eth0", switch, port)
            else:
                world.join(node, "eth0", switch, port, mtu=1500)
            switch.ip("link", "set", port, "up", "master", "bridge")
        switch.ip("link", "set", "bridge", "up")
        self.contents = [random.Random(i).randbytes(SIZE) for i in range(2)]
        for i in range(2):
            with open(self.image(i), "wb") as file:
                file.write(self.contents[i])
        self.running = [None, None]

    def image(self, i):
        return os.path.join(self.folder, f"disk{i}.img")

    def content(self, i):
        with open(self.image(i), "rb") as file:
            return file.read()

    def serve(self, i, program="ours", serial=None):
        """Starts a target on one of the servers: ours, or vblade."""
        if program == "vblade":
            self.running[i] = self.servers[i].start(["vblade", "0", "2", "eth0", self.image(i)])
            self.running[i].wait_for("e0.2")
            return
        config = os.path.join(self.folder, f"config{i}.yaml")
        lun = {"shelf": 0, "slot": 2, "path": self.image(i), "interfaces": "eth0", **({"serial": serial} if serial else {})}
        with open(config, "w") as file:
            json.dump({"luns": [lun]}, file)  # which is YAML as well
        self.running[i] = self.servers[i].start([TARGET, "--config", config, "--no-state"])
        self.running[i].wait_for("ready")

    def mac(self, i):
        return self.servers[i].link("eth0")["address"]

    def ask(self, *arguments, **options):
        result = self.client.run([INITIATOR, *arguments], check=False, text=False, **options)
        return result.returncode, result.stdout, result.stderr.decode()


def nothing_is_mixed(trial):
    status, data, errors = trial.ask("read", "e0.2")
    assert status == ANOTHER_DISK, (status, errors)
    assert data in trial.contents, "a mixture"
    assert "another disk has this address, at" in errors, errors
    assert errors.count("another disk") >= 1, errors

    before = [trial.content(0), trial.content(1)]
    fresh = os.path.join(trial.folder, "fresh.img")
    new = random.Random(9).randbytes(SIZE)
    with open(fresh, "wb") as file:
        file.write(new)
    status, _, errors = trial.ask("copy", fresh, "e0.2", "--verify", "--quiet")
    assert status == ANOTHER_DISK, (status, errors)
    after = [trial.content(0), trial.content(1)]
    changed = [i for i in range(2) if after[i] != before[i]]
    assert len(changed) == 1 and after[changed[0]] == new, changed

    status, table, errors = trial.ask("stat", "--json")
    assert status == ANOTHER_DISK and "another disk has this address" in errors, (status, errors)
    [device] = json.loads(table)
    [other] = device["other-disks"]
    assert other["mac"] in (trial.mac(0), trial.mac(1)), device
    status, table, errors = trial.ask("sancheck", "--count", "2")
    assert status == 1 and b"is more than one disk" in table, table


def ours_with_serials(trial):
    trial.serve(0, serial="A")
    trial.serve(1, serial="B")
    nothing_is_mixed(trial)


def ours_on_hosts_of_one_name(trial):
    trial.serve(0)
    trial.serve(1)
    nothing_is_mixed(trial)


def ours_and_vblade(trial):
    lab.require("vblade")
    trial.serve(0)
    trial.serve(1, "vblade")
    nothing_is_mixed(trial)


def two_vblades(trial):
    lab.require("vblade")
    trial.serve(0, "vblade")
    trial.serve(1, "vblade")
    nothing_is_mixed(trial)


def the_other_is_named_though_its_answers_are_lost(trial):
    """Whichever of its first answers: the one to the discovery, or that to IDENTIFY."""
    trial.serve(0, serial="A")
    trial.serve(1, serial="B")
    for command in ["identify", "e0.2"], ["revalidate", "e0.2"], ["revalidate", "e0.2", "--json"], ["stat", "e0.2"], \
            ["stat", "e0.2", "--json"], ["stat"], ["config", "get", "e0.2"], ["discover"], ["sos"], \
            ["ping", "e0.2", "--count", "1"]:
        for lost in range(4):  # 0: none
            trial.relay.change("lose-answer", lost)
            status, shown, errors = trial.ask(*command)
            assert (status, "e0.2: another disk has this address" in errors) == (ANOTHER_DISK, True), \
                (command, lost, status, errors)
            assert errors.count("e0.2 is another disk at") == 1, (command, lost, errors)
            assert shown and (b"other-disks" in shown) == (command[0] == "stat" and "--json" in command), (command, shown)
    # A command that took longer asks again all the same.
    trial.relay.change("lose-answer", 1)
    for target in trial.running:
        target.signal(signal.SIGSTOP)
    slow = trial.client.start([INITIATOR, "revalidate", "e0.2", "--trace"])
    slow.wait_for("identify, attempt 3")
    for target in trial.running:
        target.signal(signal.SIGCONT)
    assert slow.wait() == ANOTHER_DISK, slow.output
    # One whose IDENTIFY answers never come may be the same disk.
    trial.relay.change("longest", 300)
    status, _, errors = trial.ask("identify", "e0.2", "--wait", "1.5")
    line = f"aoe-initiator: e0.2: {trial.mac(1)} answers at this address as well, and has not said which disk it is\n"
    assert (status, errors) == (0, line), (status, errors)


def each_says_what_it_keeps(trial):
    """What clients set is the first's alone, because the second comes later."""
    trial.serve(0, serial="A")
    client = trial.client.link("eth0")["address"]
    for command in ["config", "set", "e0.2", "the first"], ["mask", "e0.2", "--add", client], ["reserve", "e0.2", "--set", client]:
        status, _, errors = trial.ask(*command)
        assert (status, errors) == (0, ""), (command, errors)
    trial.serve(1, serial="B")
    first, second = trial.mac(0), trial.mac(1)

    def lines_of(shown):
        """The lines behind each line that names a target."""
        told = {}
        kept = told.setdefault("nobody", []) if not shown.startswith(b"e0.2 at ") else []
        for line in shown.decode().splitlines():
            if line.startswith("e0.2 at "):
                kept = told.setdefault(line[len("e0.2 at "):-1], [])
            else:
                kept.append(line)
        return told

    line = "e0.2: another disk has this address, at "
    for command, key, its, other in [(["config", "get", "e0.2"], "config", "the first", ""),
                                     (["mask", "e0.2"], "macs", [client], []), (["reserve", "e0.2"], "macs", [client], [])]:
        status, shown, errors = trial.ask(*command)
        assert status == ANOTHER_DISK and line in errors, (command, errors)
        kept = {first: its, second: other} if key == "macs" else {first: [its], second: [other]}
        assert lines_of(shown) == kept, (command, shown)
        status, shown, _ = trial.ask(*command, "--json")
        facts = json.loads(shown)
        told = {facts["mac"]: facts[key], **{other["mac"]: other[key] for other in facts["others"]}}
        assert status == ANOTHER_DISK and told == {first: its, second: other}, (command, shown)

    status, shown, _ = trial.ask("config", "test", "e0.2", "the first")
    assert (status, shown) == (ANOTHER_DISK, b"the first\n"), shown
    status, shown, errors = trial.ask("config", "prefix", "e0.2", "a third", "--wait", "0.5")
    assert (status, shown) == (1, b"") and errors.endswith("aoe-initiator: e0.2: no target's config string matches\n"), (shown, errors)

    # A change reaches both; that one refuses it is seen whichever is the first to answer.
    status, shown, errors = trial.ask("config", "set", "e0.2", "another")
    assert status == ANOTHER_DISK and line in errors, errors
    assert "config string present" in errors or f"e0.2 at {first}: has not made the change" in errors, errors
    assert lines_of(shown) == {first: ["the first"], second: ["another"]}, shown
    status, shown, errors = trial.ask("config", "force-set", "e0.2", "both")
    assert (status, shown) == (ANOTHER_DISK, b"both\n"), (shown, errors)


def one_starts_under_a_mounted_file(trial):
    trial.serve(0)
    folder = os.path.join(trial.folder, "mnt")
    os.mkdir(folder)
    home = trial.client.start(["sh", "-c", "echo made; exec sleep 1000"])
    home.wait_for("made")

    def at_home(*command):
        place = f"/proc/{home.pid}"
        return ["nsenter", f"--mount={place}/ns/mnt", f"--root={place}/root", "env", f"--chdir={trial.folder}", *command]

    mounted = trial.client.start(at_home(INITIATOR, "mount", "mnt"))
    mounted.wait_for("mounted on")
    path = f"/proc/{home.pid}/root{trial.folder}/mnt/dev/etherd/"
    lab.eventually(lambda: os.path.exists(path + "e0.2"), "e0.2")
    errors = os.open(path + "err", os.O_RDONLY)
    disk = os.open(path + "e0.2", os.O_RDWR)
    trial.serve(1)
    new = random.Random(9).randbytes(SIZE)
    half = SIZE // 2
    os.pwrite(disk, new[:half], 0)
    said = mounted.wait_for("another disk at " + trial.mac(1))
    assert " error: " in said, said
    os.pwrite(disk, new[half:], half)
    os.fsync(disk)
    assert os.pread(disk, SIZE, 0) == new
    os.close(disk)
    text = b""
    while b"another disk" not in text:
        text += os.read(errors, 4096)
    os.close(errors)
    told = trial.client.run(at_home(INITIATOR, "stat", "--mount", "mnt"), check=False)
    line = f"aoe-initiator: e0.2: another disk has this address, at {trial.mac(1)}\n"
    assert (told.returncode, told.stderr) == (ANOTHER_DISK, line) and " e0.2 " in told.stdout, told
    assert trial.content(0) == new
    assert trial.content(1) == trial.contents[1]
    mounted.stop()
    home.kill()


PLAYS = [ours_with_serials, ours_on_hosts_of_one_name, ours_and_vblade, two_vblades,
         the_other_is_named_though_its_answers_are_lost, each_says_what_it_keeps, one_starts_under_a_mounted_file]


@contextlib.contextmanager
def setting():
    with lab.laboratory() as (world, folder):
        yield [Trial(world, folder)]


def main():
    lab.require_namespaces()
    chosen = [play for play in PLAYS if not sys.argv[3:] or play.__name__ in sys.argv[3:]]
    lab.play_all(chosen, setting)


main()
