"""aoe-initiator mount against aoe-target: the attributes of the tree, its parameters, and the commands that use it.

usage: mount_tree_test.py AOE_INITIATOR AOE_TARGET [RULE...]
"""

import errno
import json
import os
import shutil
import signal

import lab
import mount_trial
from mount_trial import INITIATOR, MEGABYTE, PARAMETERS, SIZE, TARGET, fails, forget, opened, read, write


def is_the_drivers_tree(trial):
    trial.mount()
    mac = trial.server.link("eth0")["address"].replace(":", "")
    assert set(os.listdir(trial.sys("queue"))) == {"max_sectors_kb", "max_hw_sectors_kb"}
    told = {name: read(trial.sys(name)) for name in os.listdir(trial.sys("")) if name != "queue"}
    assert told == {"state": "up\n", "mac": f"{mac}\n", "netif": "eth0\n", "firmware-version": "0x0001\n",
                    "payload": "8704\n", "ro": "0\n", "size": f"{SIZE // 512}\n"}, told
    assert read(trial.sys("queue/max_sectors_kb")) == read(trial.sys("queue/max_hw_sectors_kb")) == "8\n"
    status = os.stat(trial.etherd("e0.2"))
    assert (status.st_size, oct(status.st_mode), status.st_blocks) == (SIZE, "0o100660", SIZE // 512), status
    assert trial.disks() == {"e0.2"}
    fails(errno.ENOENT, os.stat, trial.etherd("e0.3"))
    # A script of the driver's documentation.
    line = ("cd mnt; for d in sys/block/etherd*; do dev=`echo $d | sed 's/.*!//'`; "
            "printf '%s %s %s\\n' $dev `cat $d/netif` `cat $d/state`; done")
    assert trial.shell(line) == (0, "e0.2 eth0 up\n", ""), trial.shell(line)
    if shutil.which("aoe-stat"):
        # It leaves out paths with a p.
        told = trial.shell("sysfs_dir=mnt/sys aoe-stat")[1]
        assert told.split() == ["e0.2", "0.016GB", "eth0", "8704", "up"], told
    trial.unmount()


def shows_targets_and_paths_as_the_drivers_debugfs(trial):
    trial.mount("--maxout", "20")
    place = trial.path("sys/kernel/debug/aoe")
    assert os.listdir(place) == ["e0.2"]
    with opened(trial.etherd("e0.2")) as disk:
        os.pread(disk, MEGABYTE, 0)
        lines = read(f"{place}/e0.2").splitlines()
    first, *rest = lines
    _, average, _, deviation = first.split()
    assert first == f"rttavg: {average} rttdev: {deviation}" and 0 < int(average) < 1_000_000 > int(deviation) >= 0, first
    assert rest[:2] == ["maxbcnt: 8704", "ref: 1"], rest
    mac, outstanding, window, limit = rest[2].split(":")
    assert mac == trial.server.link("eth0")["address"].replace(":", ""), rest
    assert (outstanding, limit) == ("0", "20") and 0 < int(window) <= 20, rest
    assert rest[3].startswith("\tssthresh:") and rest[4:9] == [
        "\ttaint:0", "\teth0", "\tstanding:member", f"\trttavg:{average}", f"\trttdev:{deviation}"], rest
    assert rest[9].startswith("\trto:") and rest[10:13] == ["\tbuffers:64", "\taccepts:17", f"\tsize:{SIZE // 512}"], rest
    assert rest[13].startswith("\tserial:aoe") and rest[14:] == ["\teth0 sectors:17 taint:0 mtu:9000"], rest
    fails(errno.EACCES, write, f"{place}/e0.2", "x")
    trial.unmount()


def commands_use_the_tree(trial):
    """Those that can be carried out through its files, without the network."""
    trial.mount("--maxout", "20")

    def told(*arguments):
        # It has no right to open a packet socket.
        result = trial.run("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw",
                           INITIATOR, *arguments, "--mount", "mnt")
        return result.returncode, result.stdout, result.stderr

    line = f"{'e0.2':>10} {'0.016GB':>15} {'eth0':>10} 8704  up\n"
    assert told("stat") == told("stat", "e0.2") == (0, line, ""), told("stat")
    assert told("stat", "e9.9") == (1, "", "aoe-initiator: e9.9: not in the tree mnt\n"), told("stat", "e9.9")
    is_the_document_that_the_network_gives(trial, json.loads(told("stat", "--json")[1]))
    facts = json.loads(told("sos")[1])
    assert "\teth0 sectors:17 taint:0 mtu:9000" in facts["devices"][0]["debug"], facts
    assert facts["parameters"] == {"aoe_deadsecs": "180", "aoe_dyndevs": "1", "aoe_iflist": "", "aoe_maxout": "20"}, facts
    assert [device["device"] for device in facts["devices"]] == ["e0.2"] and facts["system"].startswith("Linux "), facts
    for command in ["discover"], ["interfaces", "eth0"]:
        assert told(*command) == (0, "", ""), command
    assert told("revalidate", "e0.2") == (0, f"e0.2: {SIZE // 512} sectors, {SIZE} bytes\n", "")
    assert told("revalidate", "e9.9") == (1, "", "aoe-initiator: e9.9: not in the tree mnt\n")
    trial.targets[2].signal(signal.SIGSTOP)
    silence = "aoe-initiator: mnt/dev/etherd/revalidate: Connection timed out\n"
    assert told("revalidate", "e0.2") == (1, "", silence)
    assert "ref: 0" in read(trial.path("sys/kernel/debug/aoe/e0.2")).splitlines(), "a silent disk is held open"
    trial.targets[2].signal(signal.SIGCONT)
    assert told("interfaces") == (0, "eth0\n", "")
    forget(trial, "all")
    assert told("stat") == (1, "", "aoe-initiator: mnt: the tree has no device\n"), told("stat")
    assert told("stat", "--json")[:2] == (1, "[]\n"), told("stat", "--json")
    trial.unmount()
    assert told("stat") == (1, "", "aoe-initiator: mnt: no aoe-initiator mount has its tree there\n"), told("stat")


def is_the_document_that_the_network_gives(trial, mounted):
    asked = json.loads(trial.run(INITIATOR, "stat", "--json").stdout)

    def is_alike(one, other):
        """But for what each of the two has measured."""
        if isinstance(one, dict):
            assert one.keys() == other.keys(), (one.keys(), other.keys())
            return all(is_alike(one[key], other[key]) for key in one)
        if isinstance(one, list):
            return len(one) == len(other) and all(map(is_alike, one, other))
        return one == other or isinstance(one, (int, float))

    assert is_alike(mounted, asked), (mounted, asked)
    (device,), (other,) = mounted, asked
    for facts, known, names in [(device, other, ["size", "payload", "read-only"]),
                                (device["paths"][0], other["paths"][0], ["mtu", "payload", "payload-sectors", "buffers", "sectors",
                                                                         "suspect", "mac", "standing"])]:
        for name in names:
            assert facts[name] == known[name], (name, facts, known)
    assert device["paths"][0]["window-max"] == 20 and device["paths"][0]["retransmit-timeout-us"] > 0, device


def shows_a_disk_that_refuses_writes(trial):
    """ATA has no word for it: it is known once a write was refused."""
    image = trial.file("kept.img", bytes(MEGABYTE))
    target = trial.server.start([TARGET, "--shelf", "0", "--slot", "3", "--interface", "eth0", "--no-state", "--read-only", image])
    target.wait_for("ready")
    trial.mount("--wait", "e0.3")

    def shown():
        lines = trial.run(INITIATOR, "stat", "--mount", "mnt").stdout.splitlines()
        facts = json.loads(trial.run(INITIATOR, "stat", "--mount", "mnt", "--json").stdout)
        ro = read(trial.path("sys/block/etherd!e0.3/ro"))
        return [line.split()[4:] for line in lines], [device["read-only"] for device in facts], ro

    assert shown() == ([["up"], ["up"]], [None, None], "0\n"), shown()
    with opened(trial.etherd("e0.3")) as disk:
        fails(errno.EIO, os.pwrite, disk, b"x" * 512, 0)
    assert shown() == ([["up"], ["up", "read-only"]], [None, True], "1\n"), shown()
    assert read(trial.path("sys/block/etherd!e0.3/state")) == read(trial.sys("state")) == "up\n"
    trial.unmount()
    assert target.stop() == 0


def takes_parameters(trial):
    trial.mount("--deadsecs", "30", "--maxout", "20", "--interface", "eth0")
    told = {name: read(trial.path(PARAMETERS + name)) for name in ("deadsecs", "maxout", "iflist", "dyndevs")}
    assert told == {"deadsecs": "30\n", "maxout": "20\n", "iflist": "eth0\n", "dyndevs": "1\n"}, told
    for name, value in ("deadsecs", "7"), ("maxout", "5"), ("dyndevs", "0"), ("iflist", "eth0 eth9"):
        write(trial.path(PARAMETERS + name), value + "\n")
        assert read(trial.path(PARAMETERS + name)) == value + "\n", name
    for name, value in ("deadsecs", "-1"), ("maxout", "0"), ("maxout", "many"), ("dyndevs", "2"), ("iflist", "a/b"):
        fails(errno.EINVAL, write, trial.path(PARAMETERS + name), value)
    write(trial.etherd("interfaces"), "lo\n")
    assert read(trial.path(PARAMETERS + "iflist")) == "lo\n"
    write(trial.etherd("interfaces"), "eth0\n")
    write(trial.etherd("discover"), "\n")
    lab.eventually(lambda: read(trial.sys("netif")) == "eth0\n", "eth0 to be used again")
    with opened(trial.etherd("e0.2"), os.O_RDONLY) as disk:
        assert len(os.pread(disk, 100, 0)) == 100
    trial.unmount()


def refuses_commands_that_make_no_sense(trial):
    trial.mount()
    for name, text, number in [("revalidate", "nonsense", errno.EINVAL), ("revalidate", "e9.9", errno.ENODEV),
                               ("flush", "nonsense", errno.EINVAL), ("flush", "e9.9", errno.ENODEV),
                               ("interfaces", "x" * 128, errno.EINVAL)]:
        fails(number, write, trial.etherd(name), text)
    for name in "revalidate", "flush", "discover", "interfaces":
        fails(errno.EACCES, read, trial.etherd(name))
    fails(errno.EACCES, write, trial.etherd("err"), "x")
    fails(errno.EACCES, write, trial.sys("state"), "up")
    fails(errno.EPERM, os.chmod, trial.etherd("e0.2"), 0o600)
    # Files come and go with their disks, and by nothing else.
    disk, new = trial.etherd("e0.2"), trial.etherd("new")
    for function, *arguments in [(os.unlink, disk), (os.rename, disk, new), (os.link, disk, new), (os.symlink, "x", new),
                                 (os.mkdir, new), (os.rmdir, trial.path("dev/etherd")), (os.mknod, new), (write, new, "x")]:
        fails(errno.EPERM, function, *arguments)
    trial.unmount()


lab.require("setpriv")
mount_trial.play([is_the_drivers_tree, shows_targets_and_paths_as_the_drivers_debugfs, commands_use_the_tree, shows_a_disk_that_refuses_writes,
                  takes_parameters, refuses_commands_that_make_no_sense])
