"""aoe-target under an administrator: a configuration that changes under load, `check`, `ctl`, systemd, workers, a capture.

usage: operation_test.py AOE_TARGET
"""

import fcntl
import glob
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys

import lab
from target_words import *

TARGET = sys.argv[1]
OTHER = bytes.fromhex("0200000000ee")


def serve(world, folder, luns, *arguments, env=None, **more):
    """Starts aoe-target with a configuration file, at the other end of a cable."""
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    target = server.start([TARGET, "--config", configure(folder, luns, **more), *arguments], env=env)
    target.wait_for("ready")
    return cable, target, Control(TARGET, server, folder)


def images(folder, *slots):
    for slot in slots:
        image(folder, f"disk{slot}.img", content=b"disk %d" % slot)


def is_locked(path):
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True


def check_names_what_is_wrong(world, folder):
    node = world.node("server")
    images(folder, 1, 2)
    path = configure(folder, [lun(1), lun(2)])

    def checked():
        result = node.run([TARGET, "check", path], check=False)
        return result.returncode, result.stdout, result.stderr

    assert checked() == (0, f"{path}: valid, 2 LUNs\n", "")
    os.remove(os.path.join(folder, "disk2.img"))
    missing = f"e0.2: {folder}/disk2.img: No such file or directory"
    second = f"{path}:10:3"  # where the second LUN is defined
    assert checked() == (1, "", f"aoe-target: {second}: {missing}\n"), checked()
    check_finds_what_a_start_finds(node, folder, path, checked)
    with open(path, "w") as file:
        file.write("luns:\n  - shelf: 0\n    slto: 2\n    path: disk1.img\n")
    status, out, errors = checked()
    assert (status, out) == (1, "") and re.fullmatch(rf"aoe-target: {path}:[23]:5: .*\n", errors), errors
    path = os.path.join(folder, "none.yaml")
    assert checked() == (1, "", f"aoe-target: {path}: No such file or directory\n"), checked()
    os.symlink("disk1.img", os.path.join(folder, "link.img"))
    path = configure(folder, [lun(1), lun(2, "link.img")])
    assert checked() == (1, "", f"aoe-target: {path}:10:3: {both_write(folder)}\n"), checked()
    forced = node.run([TARGET, "check", "--force", path], check=False)
    assert (forced.returncode, forced.stdout, forced.stderr) == (0, f"{path}: valid, 2 LUNs\n", ""), forced
    path = configure(folder, [lun(1, interfaces=["lo", "eth9"]), lun(2, "link.img", force=True, interfaces="wan*")])
    assert checked() == (0, "e0.1: eth9: no such interface yet\ne0.2: wan*: matches no interface yet\n"
                         f"{path}: valid, 2 LUNs\n", ""), checked()


def check_finds_what_a_start_finds(node, folder, path, checked):
    os.mkfifo(os.path.join(folder, "pipe"))
    image(folder, "small.img", size=511, content=b"")
    read_only = os.path.join(folder, "read-only")
    os.mkdir(read_only)
    image(read_only)
    subprocess.run(["mount", "--bind", read_only, read_only], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", read_only], check=True)
        for of_lun, why in [({"path": "pipe"}, "pipe: neither a regular file nor a block device"),
                            ({"path": "read-only", "read-only": True}, "read-only: neither a regular file nor a block device"),
                            ({"path": "read-only/disk.img"}, "read-only/disk.img: Read-only file system"),
                            ({"path": "small.img"}, "small.img: smaller than one sector"),
                            ({"path": "disk1.img", "offset": 2048},
                             "disk1.img: has 2048 sectors, so none is left after an offset of 2048"),
                            ({"path": "disk1.img", "offset": 2000, "length": 49},
                             "disk1.img: has 2048 sectors, so 49 from sector 2000 on reach beyond its end")]:
            configure(folder, [lun(1, "memory:1MiB"), lun(2, **of_lun)])
            assert checked() == (1, "", f"aoe-target: {path}:10:3: e0.2: {folder}/{why}\n"), checked()
            started = node.run([TARGET, "--config", path, "--strict", "--no-state"], check=False).stderr
            assert started == f"aoe-target: e0.2: {folder}/{why}\n", started
    finally:
        subprocess.run(["umount", read_only], check=True)
    check_names_each_that_is_wrong(folder, path, checked)


def check_names_each_that_is_wrong(folder, path, checked):
    configure(folder, [lun(1, "pipe"), lun(2, "small.img"), lun(3, "disk1.img", overlay="read-only"),
                       lun(4, "nbd+unix:///?socket=/nowhere"), lun(5, "disk1.img"), lun(6, "disk1.img")], control="none/control.sock")
    os.makedirs(os.path.join(folder, "state"), exist_ok=True)
    with open(os.path.join(folder, "state", "e0.5.yaml"), "w") as file:
        file.write("mask: 7\n")
    neither = "neither a regular file nor a block device"
    status, out, errors = checked()
    assert (status, out) == (1, "")
    for line, (address, why) in zip(errors.splitlines(), [
            ("e0.1", f"{folder}/pipe: {neither}"), ("e0.2", f"{folder}/small.img: smaller than one sector"),
            ("e0.3", f"{folder}/read-only: {neither}"), ("e0.4", "nbd+unix:///?socket=/nowhere: connect: No such file or directory"),
            ("e0.5", f"{folder}/disk1.img: e0.3 uses it too"), ("e0.6", f"{folder}/disk1.img: e0.3 uses it too"),
            ("e0.5", f"{folder}/state/e0.5.yaml:1:")]):
        assert re.match(rf"aoe-target: {path}:\d+:3: {address}: {re.escape(why)}", line), line
    assert errors.endswith(f"aoe-target: {path}: control: {folder}/none: No such file or directory\n"), errors
    os.remove(os.path.join(folder, "state", "e0.5.yaml"))


def check_judges_by_a_unit(world, folder):
    node = world.node("server")
    images(folder, 1, 2)
    path, unit = configure(folder, [lun(1), lun(2, **{"read-only": True})]), os.path.join(folder, "aoe-target.service")
    with open(unit, "w") as file:
        file.write("[Service]\nProtectSystem=strict\n")
    refused = node.run([TARGET, "check", "--unit", unit, path], check=False)
    why = f"read-only for aoe-target.service (ProtectSystem=strict; ReadWritePaths={folder} would make it writable)"
    assert refused.returncode == 1 and refused.stderr == (
        f"aoe-target: {path}:5:3: e0.1: {folder}/disk1.img: {why}\naoe-target: {path}: state: {folder}: {why}\n"
        f"aoe-target: {path}: control: {folder}: {why}\n"), refused
    os.mkdir(unit + ".d")
    with open(os.path.join(unit + ".d", "disks.conf"), "w") as file:
        file.write(f"[Service]\nReadWritePaths={folder}\n")
    accepted = node.run([TARGET, "check", "--unit", unit, path], check=False)
    assert (accepted.returncode, accepted.stdout) == (0, f"{path}: valid, 2 LUNs\n"), accepted
    unknown = node.run([TARGET, "check", "--unit", "none.service", path], check=False)
    assert unknown.returncode == 1 and "none.service: no such unit in /etc/systemd/system" in unknown.stderr, unknown


def both_write(folder):
    return (f"e0.2: {folder}/link.img: e0.1 uses it too (as {folder}/disk1.img), and both write to it; "
            "--force serves it all the same")


def an_image_is_served_once(world, folder):
    images(folder, 1, 3)
    os.symlink("disk1.img", os.path.join(folder, "link.img"))
    twice = [lun(1), lun(2, "link.img")]
    refused = world.node("refused").run([TARGET, "--config", configure(folder, twice)], check=False)
    assert (refused.returncode, refused.stderr) == (1, f"aoe-target: {both_write(folder)}\n"), refused
    cable, target, ctl = serve(world, folder, [lun(1)])
    configure(folder, twice)
    assert ctl.refused("reload") == both_write(folder)
    assert cable.silent((0, 2), witness=(0, 1))
    # By another name now, and still the same file. Where it goes and another comes, nobody shares it.
    os.rename(f"{folder}/disk1.img", f"{folder}/renamed.img")
    configure(folder, [lun(1), lun(2, "renamed.img")])
    assert "e0.2: " in ctl.refused("reload")
    configure(folder, [lun(2, "renamed.img")])
    assert ctl("reload") == "e0.1: removed\ne0.2: added\n"
    configure(folder, [lun(1, "renamed.img", force=True), lun(2, "renamed.img")])
    assert ctl("reload") == "e0.1: added\n"
    assert target.stop() == 0
    configure(folder, [lun(1, "disk3.img"), lun(2, "disk3.img")])
    target = world.nodes[-1].start([TARGET, "--force", "--config", os.path.join(folder, "aoe.yaml")])
    target.wait_for("ready")
    assert cable.ask_all(2).keys() == {(0, 1), (0, 2)}


def a_start_that_fails_announces_nothing(world, folder):
    images(folder, 1, 2)
    cable, server = Cable(world, world.node("client"), "port0", world.node("server"), "eth0"), world.nodes[1]
    for luns, more, why in [
            ([lun(1)], {"control": "missing/control.sock"}, f"{folder}/missing/control.sock: No such file or directory"),
            ([lun(1)], {"capture": "missing/x.pcap"}, f"{folder}/missing/x.pcap: No such file or directory"),
            # The first worker serves what has an even slot.
            ([lun(2, interfaces="eth0"), lun(1, interfaces="eth9")], {"workers": 2}, "eth9: no such interface")]:
        refused = server.run([TARGET, "--strict", "--config", configure(folder, luns, **more)], check=False)
        assert refused.returncode == 1 and refused.stderr.endswith(f"aoe-target: {why}\n"), refused
    target = server.start([TARGET, "--config", configure(folder, [lun(1, announce=False)])])
    target.wait_for("ready")
    cable.request(CONFIG, bytes(8), b"\x80end", address=(0, 1))
    assert cable.next_reply()[20:24] == b"\x80end", "what comes first is no announcement"


def reload_changes_only_what_differs(world, folder):
    images(folder, 1, 2, 3)
    cable, target, ctl = serve(world, folder, [lun(1), lun(2, buffers=16)])
    assert cable.ask_all(2).keys() == {(0, 1), (0, 2)}
    with Load(cable, (0, 1), b"disk 1") as load:
        load.goes_on()
        # One is added: it announces itself and serves.
        configure(folder, [lun(1), lun(2, buffers=16), lun(3)])
        target.signal(signal.SIGHUP)
        assert cable.next_reply(tag=bytes(4)).address == (0, 3)
        assert cable.read(address=(0, 3))[1].startswith(b"disk 3")
        target.wait_for("e0.3: added")
        target.wait_for("configuration read again: 1 changes")
        load.goes_on()
        # One changes: what clients see of it does.
        configure(folder, [lun(1), lun(2, buffers=33, allow=["02:00:00:00:00:0c"]), lun(3)])
        assert ctl("reload") == "e0.2: changed\n"
        assert cable.ask(CONFIG, address=(0, 2)).buffers == 33
        assert cable.silent((0, 2), source=OTHER, witness=(0, 3), witness_source=OTHER)
        load.goes_on()
        # One goes: silent, and its image is anybody's.
        configure(folder, [lun(1), lun(2, buffers=33, allow=["02:00:00:00:00:0c"])])
        assert is_locked(f"{folder}/disk3.img")
        assert ctl("reload") == "e0.3: removed\n"
        assert cable.silent((0, 3), witness=(0, 2))
        lab.eventually(lambda: not is_locked(f"{folder}/disk3.img"))
        load.goes_on()
        assert ctl("reload") == "nothing has changed\n"
        # Another image for one: read from then on.
        configure(folder, [lun(1), lun(2, "disk3.img")])
        assert ctl("reload") == "e0.2: changed, and its image opened again\n"
        assert cable.read(address=(0, 2))[1].startswith(b"disk 3")
        lab.eventually(lambda: not is_locked(f"{folder}/disk2.img"))
        load.goes_on()
    assert target.stop() == 0


def a_file_that_is_wrong_changes_nothing(world, folder):
    images(folder, 1, 2, 3)
    cable, target, ctl = serve(world, folder, [lun(1), lun(2)])
    path = os.path.join(folder, "aoe.yaml")
    with Load(cable, (0, 1), b"disk 1") as load:
        load.goes_on()
        with open(path, "w") as file:
            file.write("luns:\n  - {shelf: 0, slot: 3, path: disk3.img}\n  - {shelf: 0, slot: 999, path: disk2.img}\n")
        refusal = ctl.refused("reload")
        assert re.fullmatch(rf"{path}:3:\d+: lun: slot: .*", refusal), refusal
        target.signal(signal.SIGHUP)
        target.wait_for(f"{refusal}; nothing was changed")
        configure(folder, [lun(3), lun(4)])
        assert ctl.refused("reload") == f"e0.4: {folder}/disk4.img: No such file or directory"
        target.signal(signal.SIGHUP)
        target.wait_for(f"e0.4: {folder}/disk4.img: No such file or directory; nothing was changed")
        assert not is_locked(f"{folder}/disk3.img")
        assert cable.ask_all(2).keys() == {(0, 1), (0, 2)}
        load.goes_on()
        configure(folder, [lun(1), lun(2)], workers=2, capture="traffic.pcap")
        assert ctl("reload") == ("workers: takes effect at the next start\n"
                                 "capture: takes effect at the next start\n")
        load.goes_on()
    assert target.stop() == 0


def an_overlay_comes_goes_and_comes_back(world, folder):
    images(folder, 1, 2)
    over = lun(2, overlay="delta.cow", create=True)
    cable, target, ctl = serve(world, folder, [lun(1), over])
    assert cable.write(b"mine".ljust(SECTOR, b"\0"), address=(0, 2)).status == DONE
    configure(folder, [lun(1)])
    assert ctl("reload") == "e0.2: removed\n"
    configure(folder, [lun(1), over])
    lab.eventually(lambda: "added" in world.nodes[1].run(
        [TARGET, "ctl", "--socket", f"{folder}/control.sock", "reload"], check=False).stdout)
    assert cable.read(address=(0, 2))[1].startswith(b"mine")


def ctl_shows_and_changes(world, folder):
    images(folder, 1, 2)
    cable, target, ctl = serve(world, folder, [lun(1), lun(2)])
    assert cable.read(2, address=(0, 2))[0] == DONE
    assert cable.write(bytes(SECTOR), address=(0, 2)).status == DONE
    told = ctl("status")
    assert re.search(r"^e0\.2 +mapped +read-write +all +0\.001GB +everyone +everyone +\S+/disk2\.img$", told, re.M), told
    assert re.search(rf"^eth0 +{MAC_A} +up +1500 +", told, re.M), told
    told = ctl("stats")
    assert re.search(r"^ *e0\.2 +2 +1 +1 +0 +0 +0\.0 +0\.0 +0 +0 +0 +0 +0 +0 +0 +<=", told, re.M), told
    report = ctl.json("stats")["report"]
    assert [each["lun"] for each in report["luns"]] == ["e0.1", "e0.2"]
    second = report["luns"][1]
    assert (second["reads"], second["bytes_read"], second["writes"], second["bytes_written"]) == (1, 1024, 1, 512)
    assert ctl.json("status")["report"]["ports"][0]["mac"] == MAC_A
    metrics = ctl("metrics")
    assert re.search(r'^aoe_target_\w*requests\w*\{[^}]*lun="e0\.2"[^}]*\} 2$', metrics, re.M), metrics
    assert ctl.json("metrics")["text"].startswith("# HELP")

    assert ctl("config", "e0.2") == ""
    assert ctl("config", "e0.2", "rack 7") == "rack 7\n"
    assert cable.ask(CONFIG, address=(0, 2)).config_string == b"rack 7"
    assert ctl.json("config", "e0.2")["config_string"] == "rack 7"
    assert ctl("config", "e0.2", "--clear") == "" == ctl("config", "e0.2")
    assert ctl("mask", "e0.2", "--add", MAC_B) == MAC_B + "\n"
    assert cable.silent((0, 2), witness=(0, 1))
    assert cable.ask(CONFIG, address=(0, 2), source=octets(MAC_B)).address == (0, 2)
    assert ctl.json("mask", "e0.2", "--remove", MAC_B)["mask"] == []
    assert cable.ask(CONFIG, address=(0, 2)).address == (0, 2)
    assert ctl("reserve", "e0.2", MAC_B) == MAC_B + "\n" == ctl("reserve", "e0.2")
    assert cable.ata(READ_EXT, sectors=1, address=(0, 2)).error == 6
    assert cable.ata(READ_EXT, sectors=1, address=(0, 2), source=octets(MAC_B)).error == 0
    assert ctl("reserve", "e0.2", "--release") == ""
    assert cable.read(address=(0, 2))[0] == DONE

    assert ctl.refused("mask", "e7.7") == "e7.7: no such LUN"
    assert ctl.refused("config", "e0.3", "text") == "e0.3: no such LUN"
    path = os.path.join(folder, "control.sock")
    there = os.stat(path)
    assert stat.S_ISSOCK(there.st_mode) and stat.S_IMODE(there.st_mode) == 0o600, oct(there.st_mode)
    assert target.stop() == 0
    assert not os.path.exists(path)
    assert ctl.refused("status", status=3) == f"{path}: No such file or directory"


def a_limit_of_descriptors_is_named(world, folder):
    images(folder, *range(40))
    path = configure(folder, [lun(slot) for slot in range(40)])
    started = world.node("server").run(["prlimit", "--nofile=40:40", TARGET, "--config", path, "--no-state"], check=False)
    assert started.returncode == 1, started
    last = started.stderr.splitlines()[-1]
    assert re.fullmatch(rf"aoe-target: e0\.\d+: {folder}/disk\d+.img: Too many open files \(the limit is 40; LimitNOFILE= of systemd "
                        r"or ulimit -n raises it\)", last), last


def a_command_line_cannot_be_read_again(world, folder):
    cable, server = world.node("client"), world.node("server")
    path = os.path.join(folder, "control.sock")
    target = server.start([TARGET, "--shelf", "0", "--slot", "2", "--no-state", "--control", path, image(folder)])
    target.wait_for("ready")
    refusal = "started from a command line: there is no file to read"
    assert Control(TARGET, server, folder).refused("reload") == refusal
    target.signal(signal.SIGHUP)
    target.wait_for(refusal)
    assert target.stop() == 0


def systemd_is_notified(world, folder):
    images(folder, 1)
    path = os.path.join(folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(path)
        systemd.settimeout(30)

        def hear(wanted):
            """The next message that isn't the watchdog's."""
            while (heard := systemd.recv(1000).decode()) == "WATCHDOG=1":
                pass
            assert re.fullmatch(wanted, heard), heard

        cable, target, ctl = serve(world, folder, [lun(1)], env={"NOTIFY_SOCKET": path})
        hear("READY=1")
        target.signal(signal.SIGHUP)
        hear(r"RELOADING=1\nMONOTONIC_USEC=\d+")
        hear("READY=1")
        assert target.stop() == 0
        hear("STOPPING=1")


def workers_share_the_luns(world, folder):
    slots = [1, 2, 3, 4]
    images(folder, *slots)
    cable, target, ctl = serve(world, folder, [lun(slot) for slot in slots], workers=2)
    for slot in slots:
        assert cable.read(address=(0, slot))[1].startswith(b"disk %d" % slot)
    assert len(cable.ask_all(4)) == 4
    assert len(cable.ask_all(4, source=OTHER)) == 4
    # A wildcard of shelf or slot alone; and what is for one is answered once.
    for address, number in [((0xFFFF, 3), 1), ((0, 0xFF), 4), ((0, 2), 1)]:
        cable.request(CONFIG, bytes(8), b"\x80wld", address=address)
        replies = [cable.next_reply(b"\x80wld") for _ in range(number)]
        assert len({reply.address for reply in replies}) == number, replies
        cable.ask(CONFIG, address=(0, 1))  # a LUN that answers twice has done so by now
    report = ctl.json("stats")["report"]
    assert [each["reads"] for each in report["luns"]] == [1] * 4
    assert len(report["ports"]) == 1, report["ports"]
    requests = 4 + 2 + 3 + 3
    assert report["ports"][0]["received"] >= requests, report["ports"]
    assert sum(each["requests"] for each in report["luns"]) == 4 + 4 + 4 + 1 + 4 + 1 + 3, report["luns"]
    assert target.stop() == 0


def a_unit_that_may_not_write_says_so(world, folder):
    images(folder, 1)
    server = world.node("server")
    read_only = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"', folder]
    config = configure(folder, [lun(1, interfaces="lo")], state="/dev/shm")
    why = f"{folder}/disk1.img: Read-only file system"
    unit = f"{why} (a unit of systemd writes only where its ReadWritePaths= has it: systemctl edit aoe-target)"
    for command in [["--strict", "--no-state", "--config", config], ["check", config]]:
        for environment, told in [({}, why), ({"INVOCATION_ID": "1"}, unit)]:
            refused = server.run([*read_only, TARGET, *command], check=False, env=environment)
            assert refused.returncode == 1 and f"e0.1: {told}\n" in refused.stderr, refused


def the_folder_of_a_unit_has_the_control_socket(world, folder):
    images(folder, 1)
    server = world.node("server")
    config = configure(folder, [lun(1, interfaces="lo")])
    with open(config) as file:
        content = json.load(file)
    del content["control"]
    with open(config, "w") as file:
        json.dump(content, file)
    target = server.start([TARGET, "--config", config], env={"RUNTIME_DIRECTORY": folder})
    target.wait_for("ready")
    assert Control(TARGET, server, folder)("reload") == "nothing has changed\n"
    assert target.stop() == 0


def metrics_are_served_by_http(world, folder):
    images(folder, 1)
    cable, target, ctl = serve(world, folder, [lun(1)], metrics="127.0.0.1:9178")
    server = world.nodes[1]
    get = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9178/metrics', timeout=30).read().decode())"
    told = server.run([sys.executable, "-c", get]).stdout
    assert 'aoe_target_lun_active{lun="e0.1"} 1\n' in told, told
    second = server.run([TARGET, "--config", configure(folder, [], metrics="127.0.0.1:9178", control="other.sock")], check=False)
    assert (second.returncode, second.stderr) == (1, "aoe-target: 127.0.0.1:9178: Address already in use\n"), second
    assert target.stop() == 0


def only_raw_sockets_remain_to_every_thread(world, folder):
    images(folder, 1, 2)
    cable, target, ctl = serve(world, folder, [lun(1), lun(2)], workers=2)
    tasks = glob.glob(f"/proc/{target.pid}/task/*/status")
    assert len(tasks) >= 4, "the commanding thread, two workers, and the one for slow disks"
    net_raw, net_admin = 1 << 13, 1 << 12
    for path in tasks:
        with open(path) as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        assert int(status["CapEff"], 16) == net_raw, (path, status["CapEff"])
        # In reserve, for the buffers of ports that are opened later.
        assert int(status["CapPrm"], 16) == net_raw | net_admin, (path, status["CapPrm"])
        for kind in ["CapInh", "CapAmb"]:
            assert int(status[kind], 16) == 0, (path, kind, status[kind])
        assert status["NoNewPrivs"] == "1", path


def traffic_is_recorded(world, folder):
    images(folder, 1)
    capture = os.path.join(folder, "traffic.pcap")
    cable, target, ctl = serve(world, folder, [lun(1)], "--pcap", capture)
    data = bytes(range(256)) * 2
    assert cable.write(data, lba=5, address=(0, 1)).status == DONE
    assert cable.read(lba=5, address=(0, 1)) == (DONE, data)
    assert target.stop() == 0
    with open("/proc/self/uid_map") as file:
        is_root = file.read().split() == ["0", "0", "4294967295"]
    # Where it finds itself root it becomes another user, which root of a user namespace cannot.
    somebody = [] if is_root else ["unshare", "--user", "--map-user=1000"]
    told = cable.client.run([*somebody, "tcpdump", "-e", "-n", "-r", capture]).stdout
    frames = [line for line in told.splitlines() if "AoE" in line]
    # Two requests with their replies, and the announcement.
    assert sum("Flags: [none]" in line for line in frames) == 2, told
    assert sum("Flags: [Response]" in line for line in frames) >= 3, told
    with open(capture, "rb") as file:
        assert file.read().count(data) == 2, "as written and as read"


def a_capture_overwrites_no_image(world, folder):
    client, server = world.node("client"), world.node("server")
    world.join(client, "port0", server, "eth0")
    disk = image(folder)
    with open(f"{folder}/looks.pcap", "wb") as file:
        file.write(bytes.fromhex("d4c3b2a1").ljust(1 << 20, b"\0"))
    other = image(folder, "notes.txt")
    for served, capture, why in [
            (disk, disk, f"e0.2 uses it (as {disk}); it is not overwritten by a capture"),
            (file.name, file.name, f"e0.2 uses it (as {file.name}); it is not overwritten by a capture"),
            (disk, other, "not a capture; it is not overwritten")]:
        refused = server.run([TARGET, "--no-state", "--pcap", capture, "0", "2", "eth0", served], check=False)
        assert (refused.returncode, refused.stderr) == (1, f"aoe-target: {capture}: {why}\n"), refused
    for path, content in [(disk, b"contents"), (other, b"contents"), (file.name, bytes.fromhex("d4c3b2a1"))]:
        assert os.path.getsize(path) == 1 << 20
        with open(path, "rb") as kept:
            assert kept.read(len(content)) == content


def main():
    lab.require("ip", "mount", "tcpdump")
    lab.require_namespaces()
    lab.play_all([check_names_what_is_wrong, check_judges_by_a_unit, an_image_is_served_once, a_start_that_fails_announces_nothing,
                  a_capture_overwrites_no_image, reload_changes_only_what_differs, a_file_that_is_wrong_changes_nothing,
                  an_overlay_comes_goes_and_comes_back, ctl_shows_and_changes, a_limit_of_descriptors_is_named,
                  a_command_line_cannot_be_read_again,
                  systemd_is_notified, a_unit_that_may_not_write_says_so, the_folder_of_a_unit_has_the_control_socket,
                  metrics_are_served_by_http, workers_share_the_luns, only_raw_sockets_remain_to_every_thread,
                  traffic_is_recorded])


main()
