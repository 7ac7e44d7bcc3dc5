"""What clients set in aoe-target, and what a crash, a full folder and a damaged file do to it.

usage: state_test.py AOE_TARGET
"""

import os
import re
import shutil
import struct
import subprocess
import sys

import lab
from target_words import *

TARGET = sys.argv[1]
OTHER = bytes.fromhex("0200000000ee")


class Bench:
    """A LUN e0.2 whose state is in `folder`/state, and a target that can be started over and over."""

    def __init__(self, world, folder):
        self.folder, self.server = folder, world.node("server")
        self.cable = Cable(world, world.node("client"), "port0", self.server, "eth0")
        self.state = os.path.join(folder, "state")
        image(folder, "disk1.img")
        image(folder, "disk2.img")
        self.config = configure(folder, [lun(1), lun(2)])
        self.ctl = Control(TARGET, self.server, folder)

    def start(self, *arguments, prefix=()):
        self.target = self.server.start([*prefix, TARGET, "--config", self.config, *arguments])
        self.target.wait_for("ready")
        return self.target

    def config_string(self):
        return self.cable.ask(CONFIG, source=OTHER).config_string

    def set_string(self, text):
        return self.cable.ask(CONFIG, config_set(text), source=OTHER)


def what_was_answered_survives_a_crash(world, folder):
    bench = Bench(world, folder)
    for number in range(5):
        bench.start()
        text = b"round %d \x00\xff\"" % number
        assert bench.set_string(text).config_string == text
        bench.target.kill()
        bench.start()
        assert bench.config_string() == text
        edit = mask_edit((MASK_ADD, OTHER), (MASK_ADD, bytes([2, 0, 0, 0, 1, number])))
        assert bench.cable.ask(MASK, edit, source=OTHER).arg[2] == 0
        bench.target.kill()
        bench.start()
        assert bench.cable.silent(source=CLIENT, witness=(0, 1))
        masked = bench.cable.ask(MASK, bytes(4), source=OTHER).arg
        assert masked[3] == 2 + number, "all that were ever added"
        assert bench.cable.ask(RESERVE, reserve_set(OTHER), source=OTHER).arg[1] == 1
        bench.target.kill()
        bench.start()
        assert bench.ctl("reserve", "e0.2") == "02:00:00:00:00:ee\n"
        assert bench.cable.ask(RESERVE, reserve_set(), source=OTHER).arg[1] == 0
        bench.target.kill()
    assert not [name for name in os.listdir(bench.state) if not re.fullmatch(r"e0\.2\.yaml(\.new)?", name)]


def what_an_administrator_set_survives_a_crash(world, folder):
    bench = Bench(world, folder)
    bench.start()
    for arguments in [("config", "e0.2", "by hand"), ("mask", "e0.2", "--add", "02:00:00:00:00:ee"),
                      ("reserve", "e0.2", "02:00:00:00:00:ee")]:
        told = bench.ctl(*arguments)
        bench.target.kill()
        bench.start()
        assert bench.ctl(*arguments[:2]) == told != ""
    assert bench.config_string() == b"by hand"
    assert bench.cable.ata(READ_EXT, sectors=1, source=OTHER).error == 0


def a_folder_that_takes_nothing_changes_nothing(world, folder):
    # Full, then read-only. It is mounted before the target starts, which has its own view of mounts.
    state = os.path.join(folder, "state")
    os.mkdir(state)

    def mount(how):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"{how}size=16k,mode=0700", "tmpfs", state], check=True)

    mount("")
    try:
        bench = Bench(world, folder)
        bench.start()
        assert bench.set_string(b"before").error == 0
        with open(os.path.join(state, "filler"), "wb", buffering=0) as filler:
            try:
                while filler.write(bytes(1024)):
                    pass
            except OSError:
                pass
        nothing_changes(bench, "No space left on device")
        os.remove(os.path.join(state, "filler"))
        assert bench.set_string(b"after").error == 0
        mount("remount,ro,")
        bench.set_string(b"before")
        nothing_changes(bench, "Read-only file system", text=b"after")
        mount("remount,rw,")
        assert bench.set_string(b"again").error == 0
        bench.target.kill()
        bench.start()
        assert bench.config_string() == b"again"
        assert bench.target.stop() == 0
    finally:
        subprocess.run(["umount", "-l", state], check=True)


def nothing_changes(bench, why, text=b"before"):
    reply = bench.set_string(b"not kept")
    assert reply.error == UNAVAILABLE, reply
    bench.target.wait_for(f"e0.2: saving what a client set: {bench.state}/e0.2.yaml: {why}")
    reply = bench.cable.ask(MASK, mask_edit((MASK_ADD, OTHER)), source=OTHER)
    assert reply.error == 0 and reply.arg[2] == 1, reply
    assert bench.cable.ask(RESERVE, reserve_set(OTHER), source=OTHER).error == UNAVAILABLE
    assert bench.ctl.refused("config", "e0.2", "nor this") == f"e0.2: {why}"
    assert bench.config_string() == text
    assert bench.cable.ask(MASK, bytes(4), source=OTHER).arg[3] == 0
    assert bench.cable.ask(RESERVE, bytes(2), source=OTHER).arg[1] == 0
    for slot in [1, 2]:
        assert bench.cable.read(address=(0, slot))[1].startswith(b"contents")
    assert bench.ctl.json("stats")["report"]["luns"][1]["state_errors"] >= 4


def a_damaged_file_refuses_a_strict_start(world, folder):
    bench = Bench(world, folder)
    bench.start()
    assert bench.set_string(b"text").error == 0
    assert bench.target.stop() == 0
    path = os.path.join(bench.state, "e0.2.yaml")
    with open(path) as file:
        good = file.read()
    for bad in [good[:len(good) // 2], good.replace("mask: []", "mask: [everyone]"), "", "\0" * len(good)]:
        with open(path, "w") as file:
            file.write(bad)
        result = bench.server.run([TARGET, "--strict", "--config", bench.config], check=False)
        assert result.returncode == 1 and result.stdout == "", result
        assert re.fullmatch(rf"aoe-target: e0\.2: {path}(:\d+:\d+)?: [^\n]+\n", result.stderr), (bad, result.stderr)
        with open(path) as file:
            assert file.read() == bad, "it is left for the administrator to mend"


def a_configured_string_changes_until_a_client_sets_one(world, folder):
    bench = Bench(world, folder)

    def configured(text):
        configure(folder, [lun(1), lun(2, **{"config-string": text})])

    configured("first")
    bench.start()
    assert bench.config_string() == b"first"
    assert bench.cable.ask(MASK, mask_edit((MASK_ADD, OTHER)), source=OTHER).arg[2] == 0
    configured("second")
    assert bench.ctl("reload") == "e0.2: changed\n"
    assert bench.config_string() == b"second"
    assert bench.target.stop() == 0
    configured("third")
    bench.start()
    assert bench.config_string() == b"third", "the state file holds no string that nobody has set"
    assert bench.set_string(b"of a client").error == 0
    configured("fourth")
    assert bench.ctl("reload") == "e0.2: changed\n"
    assert bench.config_string() == b"of a client"
    bench.target.kill()
    bench.start()
    assert bench.config_string() == b"of a client"


def a_mask_that_was_forgotten_is_said(world, folder):
    bench = Bench(world, folder)
    bench.start()
    bench.ctl("mask", "e0.2", "--add", "02:00:00:00:00:ee")
    bench.ctl("reserve", "e0.2", "02:00:00:00:00:ee", "02:00:00:00:00:ef")
    assert bench.target.stop() == 0
    bench.start()
    assert f"e0.2: mask of 1 address, from {bench.state}/e0.2.yaml\n" in bench.target.output
    assert f"e0.2: reservation of 2 addresses, from {bench.state}/e0.2.yaml\n" in bench.target.output
    for _ in range(2):
        assert bench.cable.silent(source=CLIENT, witness=(0, 1))
    line = bench.target.wait_for("requests not answered, the last from 02:00:00:00:00:0c: masked source")
    assert re.search(r"e0\.2: [12] requests not", line), line


def another_target_at_the_same_address_is_said(world, folder):
    bench = Bench(world, folder)
    bench.start()
    for state in ["before", "after"]:
        told = bench.ctl("status")
        assert ("e0.2: warning: another target is at this address: 02:00:00:00:00:ee" in told) == (state == "after"), told
        answer = BROADCAST + OTHER + struct.pack(">HBBHBB", 0x88A2, 0x18, 0, 0, 2, CONFIG) + bytes(4 + 8)
        bench.cable.socket.send(answer.ljust(60, b"\0"))
        assert bench.cable.ask(CONFIG, address=(0, 1)).error == 0  # what came before is handled by now
    bench.target.wait_for("warning: e0.2: another target is at this address: ")
    assert bench.ctl.json("stats")["report"]["luns"][1]["foreign_answers"] == 2
    assert 'foreign_answers_total{lun="e0.2"} 2\n' in bench.ctl("metrics")


def all_set(bench):
    """Has a client and an administrator set everything."""
    assert bench.set_string(b"of the first disk").error == 0
    bench.ctl("mask", "e0.2", "--add", "02:00:00:00:00:ee")
    bench.ctl("reserve", "e0.2", "02:00:00:00:00:ee")


def is_all_set(bench):
    return (bench.ctl("config", "e0.2"), bench.ctl("mask", "e0.2"), bench.ctl("reserve", "e0.2")) == (
        "of the first disk\n", "02:00:00:00:00:ee\n", "02:00:00:00:00:ee\n")


def nothing_is_set(bench):
    return (bench.ctl("config", "e0.2"), bench.ctl("mask", "e0.2"), bench.ctl("reserve", "e0.2")) == ("", "", "")


def not_taken(bench, before, now, aside):
    return (f"warning: e0.2: what clients set for {bench.folder}/{before} is not taken for {bench.folder}/{now}, and is kept in "
            f"{bench.state}/{aside}; to take it all the same, end the target, delete the line 'image' there and rename the "
            f"file to {bench.state}/e0.2.yaml\n")


def another_image_does_not_inherit(world, folder):
    bench = Bench(world, folder)
    image(folder, "new.img")
    bench.start()
    all_set(bench)
    assert bench.target.stop() == 0
    # At a start,
    configure(folder, [lun(1), lun(2, "new.img")])
    bench.start()
    assert not_taken(bench, "disk2.img", "new.img", "e0.2.yaml.old") in bench.target.output, bench.target.output
    assert nothing_is_set(bench) and bench.cable.ask(CONFIG, source=CLIENT).config_string == b""
    assert bench.set_string(b"of the new disk").error == 0
    # at a reload,
    configure(folder, [lun(1), lun(2)])
    assert bench.ctl("reload") == "e0.2: changed, and its image opened again\n"
    assert not_taken(bench, "new.img", "disk2.img", "e0.2.yaml.old2") in bench.target.output, bench.target.output
    assert nothing_is_set(bench)
    # and where the LUN was away in between.
    all_set(bench)
    configure(folder, [lun(1)])
    assert bench.ctl("reload") == "e0.2: removed\n"
    configure(folder, [lun(1), lun(2, "new.img")])
    assert bench.ctl("reload") == "e0.2: added\n"
    assert not_taken(bench, "disk2.img", "new.img", "e0.2.yaml.old3") in bench.target.output, bench.target.output
    assert nothing_is_set(bench)
    assert bench.target.stop() == 0
    # It is said once; and an administrator takes it all the same, as the log says.
    bench.start()
    assert "is not taken" not in bench.target.output, bench.target.output
    assert bench.target.stop() == 0
    with open(os.path.join(bench.state, "e0.2.yaml.old3")) as file:
        lines = [line for line in file if not line.startswith("image:")]
    with open(os.path.join(bench.state, "e0.2.yaml"), "w") as file:
        file.writelines(lines)
    bench.start()
    assert is_all_set(bench), bench.target.output
    assert bench.target.stop() == 0


def an_image_that_moves_keeps_its_state(world, folder):
    bench = Bench(world, folder)
    bench.start()
    all_set(bench)

    def serve_and_look(path):
        configure(folder, [lun(1), lun(2, path)])
        bench.start()
        assert is_all_set(bench), bench.target.output
        assert "is not taken" not in bench.target.output, bench.target.output

    assert bench.target.stop() == 0
    os.mkdir(os.path.join(folder, "archive"))
    here, there = os.path.join(folder, "disk2.img"), os.path.join(folder, "archive", "client.img")
    os.rename(here, there)
    serve_and_look("archive/client.img")
    assert bench.target.stop() == 0
    os.truncate(there, 2 << 20)  # what it was called before is forgotten by now
    serve_and_look("archive/client.img")
    # A reload follows it, too.
    os.rename(there, here)
    configure(folder, [lun(1), lun(2)])
    assert bench.ctl("reload") == "e0.2: changed, and its image opened again\n"
    assert is_all_set(bench), bench.target.output
    assert bench.target.stop() == 0
    shutil.copy(here, os.path.join(folder, "archive", "disk2.img"))
    os.remove(here)
    serve_and_look("archive/disk2.img")
    assert bench.target.stop() == 0


def a_state_file_of_before_is_taken_and_bound(world, folder):
    bench = Bench(world, folder)
    os.mkdir(bench.state)
    path = os.path.join(bench.state, "e0.2.yaml")
    with open(path, "w") as file:
        file.write('config-string: "6f6c64"\nmask: []\nreserved: []\n')
    bench.start()
    assert bench.config_string() == b"old"
    assert bench.target.stop() == 0
    with open(path) as file:
        assert f'image: {{path: "{folder}/disk2.img", size: 1048576, object: "inode ' in file.read()


def no_state_forgets(world, folder):
    bench = Bench(world, folder)
    for _ in range(2):
        bench.start("--no-state")
        assert bench.config_string() == b""
        assert bench.set_string(b"for now").config_string == b"for now" == bench.config_string()
        assert bench.target.stop() == 0
    assert not os.path.exists(bench.state)


def a_reply_waits_for_the_disk(world, folder):
    if not shutil.which("strace"):
        raise lab.Skipped("strace is not installed (apt-get install strace)")
    bench = Bench(world, folder)
    trace = os.path.join(folder, "trace")
    bench.start(prefix=["strace", "-D", "-f", "-y", "-o", trace, "-e",
                        "trace=openat,fsync,rename,renameat,renameat2,sendmmsg,sendmsg,sendto"])
    bench.cable.ask(CONFIG)  # what was announced is sent by now
    before = os.path.getsize(trace)
    assert bench.set_string(b"stable").config_string == b"stable"
    assert bench.target.stop() == 0
    with open(trace) as file:
        file.seek(before)
        steps = re.findall(r"fsync\([^)]*e0\.2\.yaml\.new|rename\w*\(|fsync\([^)]*/state>|sendmmsg\(|sendmsg\(|sendto\(",
                           file.read())
    kinds = ["file" if ".new" in step else "folder" if "state>" in step else
             "rename" if step.startswith("rename") else step.rstrip("(") for step in steps]
    assert kinds[:3] == ["file", "rename", "folder"] and kinds[3].startswith("send"), steps


def main():
    lab.require("ip", "mount")
    lab.require_namespaces()
    lab.play_all([what_was_answered_survives_a_crash, what_an_administrator_set_survives_a_crash,
                  a_folder_that_takes_nothing_changes_nothing, a_damaged_file_refuses_a_strict_start,
                  a_configured_string_changes_until_a_client_sets_one, a_mask_that_was_forgotten_is_said,
                  another_target_at_the_same_address_is_said, another_image_does_not_inherit,
                  an_image_that_moves_keeps_its_state, a_state_file_of_before_is_taken_and_bound, no_state_forgets,
                  a_reply_waits_for_the_disk])


main()
