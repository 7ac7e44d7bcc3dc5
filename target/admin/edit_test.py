"""LUNs are added, changed and removed with `aoe-target ctl` while others are served, and drop-ins are read beside the configuration.

usage: edit_test.py AOE_TARGET
"""

import json
import os
import sys

import lab
from target_words import *

TARGET = sys.argv[1]
STEADY = (0, 1)
SAVED = "in use until the next reload, and not saved"


class Bench:
    """A target with e0.1, which is read all the time, from aoe.yaml."""

    def __init__(self, world, folder, *beside):
        self.folder, self.server = folder, world.node("server")
        self.cable = Cable(world, world.node("client"), "port0", self.server, "eth0")
        image(folder, "disk1.img", content=b"steady")
        self.disk = image(folder, "disk3.img", content=b"contents")
        self.config = configure(folder, [lun(1), *beside])
        self.ctl = Control(TARGET, self.server, folder)
        self.start()

    def start(self):
        self.target = self.server.start([TARGET, "--config", self.config])
        self.target.wait_for("ready")

    def restart(self):
        self.ends()
        self.start()

    def ends(self):
        assert self.target.stop() == 0

    def drop_in(self, name, **content):
        os.makedirs(os.path.join(self.folder, "aoe.d"), exist_ok=True)
        path = os.path.join(self.folder, "aoe.d", name)
        with open(path, "w") as file:
            json.dump(content, file)
        return path

    def is_served(self, slot):
        return self.cable.read(address=(0, slot))[0] == DONE


def a_lun_is_added_changed_and_removed(world, folder):
    bench = Bench(world, folder)
    ctl, cable = bench.ctl, bench.cable
    with Load(cable, STEADY, b"steady") as load:
        assert ctl("add", "e0.3", bench.disk, "buffers=16", 'limits={iops: 500}') == "e0.3: added\n"
        announced = cable.next_reply(tag=bytes(4))
        while announced.address != (0, 3):
            announced = cable.next_reply(tag=bytes(4))
        assert cable.ask(CONFIG, address=(0, 3)).buffers == 16
        assert cable.write(b"new".ljust(SECTOR, b"."), address=(0, 3)).status == DONE
        assert ctl("set", "e0.3", "read-only=true", "buffers=") == "e0.3: changed, and its image opened again\n"
        bench.target.wait_for("info: e0.3: changed, and its image opened again")
        assert cable.ask(CONFIG, address=(0, 3)).buffers == 64
        assert cable.write(bytes(SECTOR), address=(0, 3)).status == ABORTED
        assert cable.read(address=(0, 3)) == (DONE, b"new".ljust(SECTOR, b"."))
        assert ctl("set", "e0.3", "read-only=true") == "nothing has changed\n"
        # A LUN of the file, too.
        assert ctl("set", "e0.1", "buffers=8") == "e0.1: changed\n"
        assert cable.ask(CONFIG, address=(0, 1)).buffers == 8
        assert ctl("remove", "e0.3") == "e0.3: removed\n"
        assert cable.silent(address=(0, 3), witness=STEADY)
        load.goes_on()
        # What was not saved ends with a reload.
        assert ctl("add", "e0.3", bench.disk) == "e0.3: added\n"
        assert ctl("reload") == "e0.3: removed\ne0.1: changed\n"
        load.goes_on()
    bench.ends()


def what_is_wrong_changes_nothing(world, folder):
    bench = Bench(world, folder)
    refused = bench.ctl.refused
    missing = os.path.join(folder, "missing.img")
    assert refused("add", "e0.3", missing) == f"e0.3: {missing}: No such file or directory"
    assert refused("add", "e0.1", bench.disk) == "e0.1: is there already; aoe-target ctl set e0.1 changes it"
    assert refused("add", "e0.3", bench.disk, "read-onyl=true") == "e0.3: lun: unknown key 'read-onyl'; did you mean 'read-only'?"
    assert refused("set", "e0.1", "sync=maybe") == "e0.1: lun: sync: expected true or false"
    assert refused("set", "e0.1", "limits={iops") == "e0.1: limits: '{iops': end of map flow not found"
    assert refused("set", "e0.1", "path=") == "e0.1: lun: key 'path' is missing"
    for command in [["set", "e0.9", "sync=true"], ["remove", "e0.9"]]:
        assert refused(*command) == "e0.9: no such LUN"
    assert refused("set", "e0.1", "buffers=8", "--save") == f"e0.1 is defined in {folder}/aoe.yaml:5:3: change it there"
    for word in ["sync", "=true"]:
        usage = bench.server.run([TARGET, "ctl", "set", "e0.1", word], check=False)
        assert (usage.returncode, f"{word}: expected KEY=VALUE, such as read-only=true" in usage.stderr) == (2, True), usage
    assert bench.ctl("reload") == "nothing has changed\n"
    assert bench.is_served(1)
    bench.ends()


def what_is_saved_is_found_at_the_next_start(world, folder):
    bench = Bench(world, folder)
    path = os.path.join(folder, "aoe.d", "e0.3.yaml")
    relative = bench.server.run([TARGET, "ctl", "--socket", f"{folder}/control.sock", "add", "e0.3", "disk3.img", "--save"], cwd=folder)
    assert relative.stdout == f"e0.3: added\ne0.3: saved in {path}\n"
    assert bench.ctl("reload") == "nothing has changed\n"
    bench.restart()
    assert bench.is_served(3)
    assert bench.ctl("set", "e0.3", "buffers=16", "--save") == f"e0.3: changed\ne0.3: saved in {path}\n"
    bench.restart()
    assert bench.cable.ask(CONFIG, address=(0, 3)).buffers == 16
    with open(bench.config) as file:
        assert json.load(file)["luns"] == [lun(1)]
    assert bench.ctl("remove", "e0.3", "--save") == f"e0.3: removed\ne0.3: saved in {path}\n"
    assert not os.path.exists(path)
    bench.restart()
    assert bench.cable.silent(address=(0, 3), witness=STEADY)
    # Where it can't be saved, it is in use all the same, and the reply says so.
    os.rmdir(os.path.join(folder, "aoe.d"))
    os.symlink("/proc", os.path.join(folder, "aoe.d"))
    assert bench.ctl.refused("add", "e0.3", bench.disk, "--save").startswith(f"e0.3: {SAVED}: {path}: ")
    assert bench.is_served(3)
    os.remove(os.path.join(folder, "aoe.d"))
    bench.ends()


def drop_ins_are_read_with_the_file(world, folder):
    bench = Bench(world, folder)
    path = bench.drop_in("10-lab.yaml", luns=[lun(3, bench.disk)], workers=1)
    check = bench.server.run([TARGET, "check", bench.config])
    assert check.stdout == f"{bench.config} and 1 of {folder}/aoe.d: valid, 2 LUNs\n"
    assert bench.ctl("reload") == "e0.3: added\n"
    assert bench.is_served(3)
    bench.restart()
    assert bench.is_served(3)
    bench.drop_in("20-more.yaml", luns=[lun(3, bench.disk)])
    twice = f"{folder}/aoe.d/20-more.yaml:1:21: lun: e0.3 is defined twice, first at {path}:1:11"
    assert bench.ctl.refused("reload") == twice
    checked = bench.server.run([TARGET, "check", bench.config], check=False)
    assert (checked.returncode, checked.stderr) == (1, f"aoe-target: {twice}\n"), checked
    second = bench.drop_in("20-more.yaml", luns=[lun(4, "missing.img")])
    checked = bench.server.run([TARGET, "check", bench.config], check=False)
    assert checked.stderr == f"aoe-target: {second}:1:11: e0.4: {folder}/aoe.d/missing.img: No such file or directory\n", checked
    bench.ends()


def a_command_line_has_nothing_to_edit(world, folder):
    server = world.node("server")
    world.join(world.node("client"), "port0", server, "eth0")
    target = server.start([TARGET, "--no-state", "--control", f"{folder}/control.sock", "0", "2", "eth0", image(folder)])
    target.wait_for("ready")
    ctl = Control(TARGET, server, folder)
    assert ctl.refused("remove", "e0.2") == "started from a command line: its LUN stays as it is"
    assert target.stop() == 0


lab.require("ip")
lab.require_namespaces()
lab.play_all([a_lun_is_added_changed_and_removed, what_is_wrong_changes_nothing, what_is_saved_is_found_at_the_next_start,
              drop_ins_are_read_with_the_file, a_command_line_has_nothing_to_edit])
