"""aoe-initiator's commands against aoe-target: what they print and refuse, and what they set.

usage: cli_test.py AOE_INITIATOR AOE_TARGET [RULE...]
"""

import contextlib
import functools
import json
import os
import shutil
import struct
import threading
import time

import cli_trial
from cli_trial import INITIATOR, TARGET, OK, FAILURE, USAGE, MEGABYTE, SIZE, together

NO_SIZE = "not a size in bytes such as 512, 64K or 1.5MiB (units: K, M, G, T, or KiB, MiB, GiB, TiB)"
HINT = " (aoe-initiator --help shows how)"
ASKS, KEPT = "it asks the target, which a tree has no file for", "it is kept by the target, which a tree has no file for"
A_FILE = "in a tree the disk is a file, as DIR/dev/etherd/e0.2, for cat, cp, dd and fio"
NOT_IN_TREE = [  # a command's name, its arguments, and why it can't be carried out through a mounted tree
    *((command[0], command, ASKS) for command in [["identify", "e0.2"], ["smart", "e0.2"], ["ping", "e0.2"], ["sancheck"]]),
    *((command[0], command, A_FILE) for command in [
        ["read", "e0.2"], ["write", "e0.2"], ["copy", "e0.2", "file"], ["bench", "e0.2"]]),
    ("mount", ["mount", "folder"], "it makes a tree, and uses none"),
    *((name, ["config", name, "e0.2", *text], KEPT) for name, *text in [
        ["get"], ["test", "x"], ["prefix", "x"], ["set", "x"], ["force-set", "x"]]),
    *((command[0], command, KEPT) for command in [["mask", "e0.2"], ["reserve", "e0.2"]])]
MAC = bytes.fromhex("020000000506")  # of a target that a rule plays itself


def shows_what_is_there(trial):
    mac = trial.server.link("eth0")["address"]
    columns, listed, *stats = (result.stdout for result in together(*(
        functools.partial(trial.run, *arguments) for arguments in [
            ["discover"], ["discover", "--json"], ["stat"], ["stat", "e0.2", "--interface", "eth0"], ["stat", "--json"],
            ["stat", "e0.2", "--interface", "eth0", "--json"]])))
    lines = columns.splitlines()
    assert lines[0].split() == ["device", "interface", "mac", "buffers", "sectors", "firmware", "config"], lines
    assert [line.split() for line in lines[1:]] == [["e0.2", "eth0", mac, "64", "17", "0001"]], lines
    assert json.loads(listed) == [{
        "device": "e0.2", "interface": "eth0", "mac": mac, "buffers": 64, "sectors": 17, "firmware": 1, "config": ""}]

    for told in stats[:2]:
        assert told.split() == ["e0.2", "0.016GB", "eth0", "8704", "up"], told
    for told in stats[2:]:
        device, = json.loads(told)
        path, = device.pop("paths")
        assert device == {"device": "e0.2", "size": SIZE, "interfaces": ["eth0"], "payload": 8704, "state": "up", "read-only": None,
                          "other-disks": []}, told
        assert path.items() >= {"interface": "eth0", "mac": mac, "mtu": 9000, "payload": 8704, "buffers": 64, "sectors": 17, "window-max": 64,
                                "suspect": False}.items(), path
        assert path.items() >= {"standing": "member", "payload-sectors": 17, "window-threshold": 64}.items(), path
        assert path["round-trip-deviation-us"] > 0, path
        assert 0 < path["round-trip-us"] <= path["retransmit-timeout-us"] and 0 < path["window"] <= 64, path

    facts = json.loads(trial.run("identify", "e0.2", "--json").stdout)
    assert (facts["device"], facts["model"], facts["sectors"]) == ("e0.2", "aoe-target", SIZE // 512), facts
    assert facts["lba48"] is True and facts["trim"] is True and facts["rotation-rate"] is None, facts
    for line in trial.run("identify", "e0.2").stdout.splitlines():
        name, value = line.split(None, 1)
        expected = facts[name]
        assert value == ("eth0" if name == "interfaces" else "unknown" if expected is None else
                         expected if isinstance(expected, str) else json.dumps(expected)), line

    told = trial.run("ping", "e0.2", "--count", "3", "--interval", "1")
    lines = told.stdout.splitlines()
    assert sorted(line.split("time=")[0] for line in lines[:-1]) == [
        f"e0.2 ({mac}) on eth0: seq={sequence} " for sequence in (1, 2, 3)], lines
    assert (told.returncode, lines[-1]) == (OK, "e0.2: 3 asked, 3 answered, 0 % lost"), told


def dumps_what_the_disk_says(trial):
    """The same bytes as aoeping's."""
    if not shutil.which("aoeping"):
        raise lab.Skipped("aoeping is not installed (apt-get install aoetools)")
    smart = functools.partial(trial.run, "smart", "e0.2")

    def aoeping(*arguments):
        # Its lines of hexadecimal; what is not of the sector comes before.
        words = trial.client.run(["aoeping", *arguments, "0", "2", "eth0"]).stdout.split()
        return bytes(int(word, 16) for word in words[-512:])

    for ours, theirs in [(["identify", "e0.2", "--raw"], ["-i"]), (["smart", "e0.2", "read-data"], ["-S", "read_data"]),
                         (["smart", "e0.2", "read_log:0"], ["-S", "read_log:0"])]:
        result = trial.run(*ours, text=False)
        assert (result.returncode, result.stderr, len(result.stdout)) == (OK, b"", 512), result
        assert result.stdout == aoeping(*theirs), ours
        assert any(result.stdout), ours
    data = trial.run("smart", "e0.2", "read-thresholds", "--json")
    facts = json.loads(data.stdout)
    assert (facts["device"], facts["command"], len(facts["data-hex"])) == ("e0.2", "read-thresholds", 1024), facts
    raw = trial.run("identify", "e0.2", "--raw", text=False).stdout
    command = f"{INITIATOR} identify e0.2 --raw"
    shown = trial.client.run(["script", "--quiet", "--return", "--command", command, "/dev/null"]).stdout
    assert bytes.fromhex("".join(line.split(":")[1] for line in shown.splitlines())) == raw, shown
    assert shown.splitlines()[1].startswith("010: ") and len(shown.splitlines()) == 32, shown

    told = smart()
    assert (told.returncode, told.stdout, told.stderr) == (OK, "e0.2: SMART: no threshold is exceeded\n", ""), told
    assert json.loads(smart("return-status", "--json").stdout)["threshold-exceeded"] is False
    error = (FAILURE, "", "aoe-initiator: e0.2: ATA error: status 41, error 04: a command that the disk does not know, or refuses\n")
    for command, expected in [("disable", (OK, "", "")), ("read-data", error), ("enable", (OK, "", "")), ("read-log:9", error),
                              ("offline-immediate:1", error)]:
        told = smart(command)
        assert (told.returncode, told.stdout, told.stderr) == expected, (command, told)
    for given, line in (bytes(511), "standard input: not the 512 bytes of a sector of the log"), \
            (bytes(513), "standard input: not the 512 bytes of a sector of the log"), (bytes(512), "e0.2: "):
        told = smart("write-log:128", input=given, text=False)
        assert told.returncode == FAILURE and told.stderr.decode().startswith(f"aoe-initiator: {line}"), told


def tells_of_a_failing_disk(trial):
    """A disk of the test, whose SMART status is bad."""
    with trial.server.packet_socket("eth0") as wire:
        asking = trial.client.start([INITIATOR, "smart", "e5.6"])
        while True:
            frame = wire.recv(2000)
            if not frame[14] & 0x08 and frame[16:20] == bytes([0, 5, 6, 0]):
                break
        assert frame[24:28] == bytes([0, 0xda, 0, 0xb0]) and frame[28:31] == bytes([0, 0x4f, 0xc2]), frame.hex()
        wire.send(frame[6:12] + MAC + bytes.fromhex("88a2 1800") + frame[16:24]
                  + bytes.fromhex("00 00 00 40 00 f4 2c").ljust(36, b"\0"))
    assert asking.wait() == FAILURE
    assert asking.output == "aoe-initiator: e5.6: SMART: a threshold is exceeded\n", asking.output


def tells_late_answers_from_lost_ones(trial):
    """Of four questions the second is answered before the first, the first twice, and the last two not at all."""
    with trial.server.packet_socket("eth0") as wire:
        pinging = trial.client.start([INITIATOR, "ping", "e5.6", "--count", "4", "--interval", "1"])
        questions = []
        while len(questions) < 4:
            frame = wire.recv(2000)
            if not frame[14] & 0x08 and frame[16:20] == bytes([0, 5, 6, 1]):
                questions.append(frame)
        for question in questions[1], questions[0], questions[0]:
            # Ver 1 and R; 16 buffers, firmware 1, 2 sectors, no string
            wire.send(question[6:12] + MAC + bytes.fromhex("88a2 1800") + question[16:24]
                      + bytes.fromhex("0010 0001 02 10 0000").ljust(36, b"\0"))
    assert pinging.wait() == OK
    lines = pinging.output.splitlines()
    assert [line.split(" time=")[0] for line in lines[:-1]] == [
        f"e5.6 (02:00:00:00:05:06) on eth0: seq={sequence}" for sequence in (2, 1, 1)], lines
    assert lines[-1] == "e5.6: 4 asked, 2 answered, 50 % lost", lines


def shows_nothing_where_nothing_is(trial):
    trial.client.ip("link", "add", "idle0", "type", "veth", "peer", "name", "idle1")
    together(lambda: trial.refused(FAILURE, "no target answers on idle0 (down)", "stat", "--interface", "idle0"),
             lambda: trial.refused(FAILURE, "e0.2: no answer on idle0 (down) within 1 s",
                                   "read", "e0.2", "--interface", "idle0", "--wait", "1"),
             lambda: trial.refused(FAILURE, "e0.2: no answer on idle0 (down) within 0.5 s",
                                   "read", "e0.2", "--interface", "idle0", "--wait", "0.5"))
    for end in "idle0", "idle1":
        trial.client.ip("link", "set", end, "up")
    trial.client.wait_until_up("idle0")
    missing = os.path.join(trial.folder, "missing")
    _, nothing, asked, _ = together(
        lambda: trial.refused(FAILURE, "no target answers on idle0", "discover", "--interface", "idle0"),
        lambda: [trial.run(command, "--interface", "idle0", "--json") for command in ("discover", "stat")],
        lambda: trial.run("ping", "e9.9", "--interface", "eth0", "--count", "1", "--wait", "1"),
        lambda: trial.all_refused(
            "e9.9: no answer on eth0 within 1 s", *(command + ["--interface", "eth0"] for command in [
                ["read", "e9.9"], ["write", "e9.9"], ["identify", "e9.9"], ["stat", "e9.9"], ["copy", "e9.9", missing],
                ["bench", "e9.9"], ["revalidate", "e9.9"], ["flush", "e9.9"], ["config", "get", "e9.9"], ["mask", "e9.9"],
                ["reserve", "e9.9"]])))
    for told in nothing:
        line = "aoe-initiator: no target answers on idle0\n"
        assert (told.returncode, told.stdout, told.stderr) == (FAILURE, "[]\n", line), told
    told = trial.run("stat", "e9.9", "--json", "--wait", "0.5")
    assert (told.returncode, told.stdout) == (FAILURE, "[]\n"), told
    assert not os.path.exists(missing), "made before the disk was there"
    assert (asked.returncode, asked.stdout) == (FAILURE, "e9.9: 1 asked, 0 answered, 100 % lost\n"), asked
    assert asked.stderr == "aoe-initiator: e9.9: no answer on eth0\n", asked
    trial.client.ip("link", "del", "idle0")
    trial.refused(FAILURE, "eth7: no such interface", "stat", "--interface", "eth7")
    trial.refused(FAILURE, "eth7: no such interface", "stat", "--interface", "eth0, eth7")
    trial.refused(FAILURE, "lan*, wan?: matches no Ethernet interface that is up", "stat", "--interface", "lan*, wan?")
    told = trial.run("stat", "--interface", "eth0,lan*")
    assert (told.returncode, told.stderr) == (OK, "aoe-initiator: lan*: matches no interface yet\n"), told
    trial.refused(FAILURE, "eth0: opening a packet socket: Operation not permitted (CAP_NET_RAW is needed)", "stat",
                  prefix=["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"])


def refuses_bad_arguments(trial):
    no_such = "no such command (aoe-initiator --help lists them)"
    for arguments, line in [
            ([], "A subcommand is required" + HINT),
            (["frobnicate"], f"frobnicate: {no_such}"),
            (["--colour"], f"--colour: {no_such}"),
            (["stat", "--colour"], "The following argument was not expected: --colour" + HINT),
            (["read"], "DEVICE is required" + HINT),
            (["read", "x0.2"], "DEVICE: x0.2: not a device name such as e0.2" + HINT),
            (["read", "e0.255"], "DEVICE: e0.255: not a device name such as e0.2" + HINT),
            (["read", "e0.2", "more"], "The following argument was not expected: more" + HINT),
            (["read", "e0.2", "--maxout", "0"], "--maxout: 0: not a whole number from 1 to 65535" + HINT),
            (["read", "e0.2", "--deadsecs", "x"], "--deadsecs: x: not a whole number from 0 to 1000000" + HINT),
            (["ping", "e0.2", "--count", "1.5"], "--count: 1.5: not a whole number from 1 to 1000000" + HINT),
            *((["read", "e0.2", "--wait", text], f"--wait: {text}: not a number of seconds from 0.001 to 86400" + HINT)
              for text in ["0", "-1", "86400.5", "nan", "1s", "1e3", ""]),
            (["read", "e0.2", "--offset", "-1"], f"--offset: -1: {NO_SIZE}" + HINT),
            (["read", "e0.2", "--length", "1k"], f"--length: 1k: {NO_SIZE}" + HINT),
            (["stat", "--interface"], "--interface: 1 required IF missing" + HINT),
            (["stat", "--interface", ","], "--interface: ',' names no interface" + HINT),
            (["stat", "--interface", "eth0, a/b"], "--interface: 'a/b' is not the name of an interface" + HINT),
            (["interfaces", "a/b"], "IF: 'a/b' is not the name of an interface" + HINT),
            (["stat", "--profile", "bsd"], "--profile: bsd not in {rfc6298,linux}" + HINT),
            (["copy", "e0.2"], "DESTINATION is required" + HINT),
            (["copy", "a", "b"], "copy: neither source nor destination is a device name such as e0.2"),
            (["copy", "e0.2", "e0.2"], "copy: source and destination are the same"),
            (["copy", "e0.2", "-", "--verify"], "--verify: standard output can't be read back"),
            (["copy", "e0.2", "-", "--resume"], "--resume: standard output has no earlier copy"),
            (["bench", "e0.2", "--write"], "bench: --write needs --destroy-data, because it overwrites the disk"),
            (["read", "e0.2", "--length", "8k"], f"--length: 8k: {NO_SIZE}" + HINT),
            (["bench", "e0.2", "--size", "8k"], f"--size: 8k: {NO_SIZE}" + HINT),
            (["bench", "e0.2", "--size", "100"], "--size: 100: not a multiple of 512 up to 1GiB" + HINT),
            (["bench", "e0.2", "--size", str(16 * MEGABYTE), "--outstanding", "65"],
             "bench: --size times --outstanding is more than 1 GiB"),
            (["bench", "e0.2", "--random", "--sequential"], "--random excludes --sequential" + HINT),
            (["config"], "A subcommand is required" + HINT),
            (["config", "foo", "e0.2"], "config foo: no such command (aoe-initiator config --help lists them)"),
            (["config", "set", "e0.2"], "STRING is required" + HINT),
            (["config", "set", "e0.2", "x" * 1025], "config: the string is longer than 1024 bytes"),
            (["config", "set", "all", "x"], "DEVICE: all: not a device name such as e0.2" + HINT),
            (["mask", "e0.2", "--add", "me"], "--add: me: not a MAC address such as 02:00:00:0a:0b:0c" + HINT),
            (["reserve", "e0.2", "--set", "02:00:00:00:00:01", "--release"], "--set excludes --release" + HINT),
            (["smart", "e0.2", "status"],
             "COMMAND: status: not a SMART command such as return-status, read-data or read-log:0" + HINT),
            (["identify", "e0.2", "--raw", "--json"], "--json excludes --raw" + HINT),
            (["flush"], "flush: DEVICE is required, or --mount"),
            (["reserve", "e0.2", "02:00:00:00:00:01", "--release"],
             "The following argument was not expected: 02:00:00:00:00:01" + HINT),
            (["config", "set", "e0.2", "text", "--clear"], "The following argument was not expected: --clear" + HINT),
            (["config", "e0.2", "text", "--clear"], "config e0.2: no such command (aoe-initiator config --help lists them)"),
            (["interfaces", "eth0", "--clear", "--mount", "tree"], "IF excludes --clear" + HINT),
            (["interfaces", "--interface", "eth0", "--clear", "--mount", "tree"], "--interface excludes --clear" + HINT),
            (["interfaces", "--clear"], "interfaces: --clear needs --mount"),
            *((command + ["--mount", "tree", "--json"], "--mount excludes --json" + HINT)
              for command in [["discover"], ["interfaces"], ["revalidate", "e0.2"]]),
            *((["stat", "--mount", "tree", option, value], f"{option} excludes --mount" + HINT) for option, value in
              [("--interface", "eth0"), ("--deadsecs", "1"), ("--maxout", "1"), ("--max-sectors", "1"), ("--wait", "1"),
               ("--profile", "linux")]),
            *((command + ["--mount", "tree"], f"{name}: not with --mount: {why}") for name, command, why in NOT_IN_TREE)]:
        trial.refused(USAGE, line, *arguments)
    help = trial.run("--help").stdout
    assert "aoe-initiator read e0.2 --interface eth1 > disk.copy" in help
    commands = [line.split()[0] for line in help.splitlines() if line.startswith("  ") and "aoe-initiator" not in line]
    assert {"discover", "copy", "config"} <= set(commands), help
    refuse = {command[0] for _, command, _ in NOT_IN_TREE}
    assert {command for command in commands if "--mount" in trial.run(command, "--help").stdout} == set(commands) - refuse
    for command in [[], *([command] for command in commands), ["config", "set"]]:
        result = trial.run(*command, "--help")
        lines = result.stdout.splitlines()
        assert result.returncode == OK and len(lines) <= 24 and max(map(len, lines)) <= 80, result.stdout
        assert trial.run(*command, "-h").stdout == result.stdout
    assert trial.run("--version").stdout.startswith("aoe-initiator 0.")
    assert trial.run("-V").stdout == trial.run("--version").stdout


def completes_what_there_is(trial):
    def told(*command):
        lines = trial.run(*command, "--help").stdout.splitlines()
        return {line.split()[0].split(",")[-1] for line in lines if line.startswith("  ")}

    def options(*command):
        return {word for word in told(*command) if word.startswith("--")}

    def completed(*words):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../aoe-initiator.bash")
        line = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _aoe_initiator; echo "${COMPREPLY[@]}"'
        result = trial.client.run(["bash", "-c", line, "bash", script, "aoe-initiator", *words])
        assert result.stderr == "", result.stderr
        return set(result.stdout.split())

    commands = {word for word in told() if word[0] != "-" and word != "aoe-initiator"}
    assert {"discover", "copy", "mount", "config"} <= commands, commands
    assert completed("") == commands | {"--help", "--version"}
    assert completed("config", "") == told("config") - {"--help"}
    for command in commands:
        expected = options("config", "set") if command == "config" else options(command)
        assert {"--interface", "--help"} <= expected, expected
        assert completed(command, "--") == expected, command


def traces_each_decision(trial):
    """A line for each, with the time and the device, from an option or from the environment."""
    read = ["read", "e0.2", "--quiet", "--length", "512"]
    for told in trial.run(*read, "--trace", text=False), trial.run(*read, text=False, env={"AOE_TRACE": "1"}):
        assert (told.returncode, told.stdout) == (OK, trial.content[:512]), told
        lines = told.stderr.decode().splitlines()
        assert all(float(line.split()[0]) >= 0 for line in lines), lines
        for part in (" discover e", " port 0: is eth0", " state e0.2: identifying -> up, identified",
                     " payload e0.2: 0 -> 17 sectors", " send e0.2 tag ", ": READ EXT 0+1 to ", " attempt 1, outstanding 1 of 32",
                     " answer e0.2 tag ", ": ok after "):
            assert any(part in line for line in lines), (part, lines)


def reads_and_sets_what_a_target_keeps(trial):
    mac = trial.client.link("eth0")["address"]
    stranger = "02:00:00:00:00:99"

    def ask(*arguments):
        result = trial.run(*arguments)
        assert (result.returncode, result.stderr) == (OK, ""), (arguments, result)
        return result.stdout

    assert ask("config", "get", "e0.2") == "\n"
    assert ask("config", "set", "e0.2", "a string") == "a string\n"
    assert ask("config", "set", "e0.2", "a string") == "a string\n"  # as a repeated frame would
    trial.refused(FAILURE, "e0.2: AoE error: config string present", "config", "set", "e0.2", "another")
    assert ask("config", "test", "e0.2", "a string") == "a string\n"
    assert ask("config", "prefix", "e0.2", "a s") == "a string\n"
    trial.all_refused("e0.2: no target's config string matches", ["config", "test", "e0.2", "a"],
                      ["config", "prefix", "e0.2", "b"])
    # Who has it?
    assert ask("config", "get", "all").split() == ["e0.2", "eth0", trial.server.link("eth0")["address"], "a", "string"]
    for asked in ["test", "all", "a string"], ["prefix", "all", "a s"]:
        (found,) = json.loads(ask("config", *asked, "--json"))
        assert (found["device"], found["config"], found["config-hex"]) == ("e0.2", "a string", b"a string".hex()), found
    nobody = "no target has such a config string"
    trial.refused(FAILURE, nobody, "config", "test", "all", "a")
    trial.refused(FAILURE, nobody, "config", "prefix", "all", "b")
    facts = json.loads(ask("config", "get", "e0.2", "--json"))
    assert (facts["device"], facts["config"], facts["buffers"], facts["sectors"]) == ("e0.2", "a string", 64, 17), facts
    assert ask("config", "force-set", "e0.2", "") == "\n"

    # A string may begin with a dash or have any bytes; a pipe gets them as they are, a terminal what does no harm.
    assert ask("config", "force-set", "e0.2", "--", "-h") == "-h\n"
    odd = b"\x1b[31mred\0\xff\n"
    result = trial.run("config", "force-set", "e0.2", "-", input=odd, text=False)
    assert (result.returncode, result.stdout) == (OK, odd + b"\n"), result
    assert trial.run("config", "test", "e0.2", "-", input=odd, text=False).stdout == odd + b"\n"
    facts = json.loads(ask("config", "get", "e0.2", "--json"))
    assert (facts["config"], facts["config-hex"]) == ("\x1b[31mred\0\ufffd\n", odd.hex()), facts
    shown = trial.client.run(["script", "--quiet", "--return", "--command", f"{INITIATOR} config get e0.2", "/dev/null"]).stdout
    assert shown == "\ufffd[31mred\ufffd\ufffd \n", repr(shown)
    assert "\x1b" not in ask("discover")
    result = trial.run("config", "set", "e0.2", "-", input="x" * 1025)
    assert (result.returncode, result.stderr) == (USAGE, "aoe-initiator: config: the string is longer than 1024 bytes\n"), result
    ask("config", "force-set", "e0.2", "")

    lockout = ("e0.2: the mask list would have no address of an interface by which the target answers (eth0), and it would not "
               "answer this machine any more (--force changes it all the same)")
    trial.refused(FAILURE, lockout, "mask", "e0.2", "--add", stranger)
    # An interface of this machine that leads elsewhere is of no use.
    trial.client.ip("link", "add", "aside0", "type", "veth", "peer", "name", "aside1")
    for end in "aside0", "aside1":
        trial.client.ip("link", "set", end, "up")
    trial.client.wait_until_up("aside0")
    trial.refused(FAILURE, lockout, "mask", "e0.2", "--add", trial.client.link("aside0")["address"])
    trial.client.ip("link", "del", "aside0")
    assert ask("mask", "e0.2") == ""
    assert ask("mask", "e0.2", "--add", mac, "--add", stranger) == f"{mac}\n{stranger}\n"
    its = trial.server.link("eth0")["address"]
    assert json.loads(ask("mask", "e0.2", "--json")) == {"device": "e0.2", "mac": its, "macs": [mac, stranger], "others": []}
    trial.refused(FAILURE, lockout, "mask", "e0.2", "--delete", mac)
    assert ask("mask", "e0.2", "--delete", f"{mac},{stranger}") == ""

    assert ask("reserve", "e0.2") == ""
    assert ask("reserve", "e0.2", "--set", f"{stranger},{stranger}") == f"{stranger}\n"
    trial.refused(FAILURE, "e0.2: AoE error: target is reserved", "reserve", "e0.2", "--set", mac)
    trial.refused(FAILURE, "e0.2: AoE error: target is reserved", "reserve", "e0.2", "--release")
    result = trial.run("flush", "e0.2", "--deadsecs", "1")
    assert (result.returncode, result.stderr) == (FAILURE, "aoe-initiator: e0.2: flushing: AoE error: target is reserved\n")
    assert ask("reserve", "e0.2", "--force", f"{mac},{stranger}") == f"{mac}\n{stranger}\n"
    assert json.loads(ask("reserve", "e0.2", "--release", "--json")) == {"device": "e0.2", "mac": its, "macs": [], "others": []}


class Liar(threading.Thread):
    """A target e9.3 that answers each config request with its string, whatever it was asked. Of those to it alone one is lost."""

    def __init__(self, node, string, lost=None):
        super().__init__()
        self.mac = bytes.fromhex(node.link("eth0")["address"].replace(":", ""))
        self.socket = node.packet_socket("eth0", timeout=0.1)
        self.string, self.lost, self.asked = string, lost, 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            with contextlib.suppress(TimeoutError):
                self.answer(self.socket.recv(2000))

    def answer(self, frame):
        address = frame[16:19]
        is_request = not frame[14] & 8 and frame[19] == 1
        if not is_request or address not in (b"\0\x09\x03", b"\xff\xff\xff"):
            return
        self.asked += address == b"\0\x09\x03"
        if self.asked != self.lost:
            payload = struct.pack(">HHBBH", 16, 1, 2, 0x10 | frame[29] & 15, len(self.string)) + self.string
            self.socket.send(frame[6:12] + self.mac + b"\x88\xa2\x18\0\0\x09\x03\x01" + frame[20:24] + payload)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        self.socket.close()


def reads_a_tree_as_the_kernels(trial):
    """Its debugfs tells windows, and not which disk answers where."""
    disk, debug = "sys/block/etherd!e0.2", "sys/kernel/debug/aoe"
    for folder in "dev/etherd", disk, debug:
        os.makedirs(os.path.join(trial.folder, "kernels", folder))
    files = {f"{disk}/state": "up", f"{disk}/size": "2048", f"{disk}/netif": "eth0,eth1", f"{disk}/payload": "1024",
             f"{disk}/mac": "525400123456", f"{disk}/firmware-version": "0x0001",
             f"{debug}/e0.2": "rttavg: 120 rttdev: 30\nmaxbcnt: 1024\nref: 0\n525400123456:0:8:16\n\tssthresh:8\n\ttaint:0\n\teth0\n\teth1"}
    for name, content in files.items():
        trial.file(f"kernels/{name}", (content + "\n").encode())
    tree = os.path.join(trial.folder, "kernels")
    assert trial.run("stat", "--mount", tree).stdout.split() == ["e0.2", "0.001GB", "eth0,eth1", "1024", "up"]
    (device,) = json.loads(trial.run("stat", "--mount", tree, "--json").stdout)
    assert device == {"device": "e0.2", "size": 2048 * 512, "interfaces": ["eth0", "eth1"], "payload": 1024, "state": "up",
                      "read-only": None, "paths": None, "other-disks": None}, device


def believes_no_answer_to_a_test_that_fails(trial):
    """Anyone may send one who has heard the test."""
    with Liar(trial.server, b"a lie"):
        assert trial.run("config", "get", "e9.3", "--wait", "2").stdout == "a lie\n"
        assert trial.run("config", "prefix", "e9.3", "a l", "--wait", "2").stdout == "a lie\n"
        trial.all_refused("e9.3: no target's config string matches", ["config", "test", "e9.3", "true"],
                          ["config", "prefix", "e9.3", "true"])


def asks_again_who_is_there_when_an_answer_is_lost(trial):
    with Liar(trial.server, b"a string", lost=2) as target:
        begun = time.monotonic()
        assert trial.run("config", "get", "e9.3", "--wait", "20").stdout == "a string\n"
        took = time.monotonic() - begun
        assert target.asked > 2 and took < 10, (target.asked, took)


def waits_no_longer_than_it_is_told(trial):
    begun = time.monotonic()
    silence = ["config", "get"], ["config", "test"], ["mask"], ["reserve"], ["revalidate"]
    results = together(*(functools.partial(trial.run, *command, "e9.9", *["x"][:command[-1] == "test"], "--wait", "4")
                         for command in silence))
    took = time.monotonic() - begun
    assert {result.returncode for result in results} == {FAILURE} and 4 <= took < 7, (took, results)


def looks_after_disks_and_interfaces(trial):
    link = trial.client.link("eth0")
    assert trial.run("revalidate", "e0.2").stdout == f"e0.2: {SIZE // 512} sectors, {SIZE} bytes\n"
    assert json.loads(trial.run("revalidate", "e0.2", "--json").stdout)["bytes"] == SIZE
    assert trial.run("flush", "e0.2", "e0.2").returncode == OK

    expected = {"interface": "eth0", "mac": link["address"], "mtu": 9000, "sectors": 17, "state": "up"}
    assert json.loads(trial.run("interfaces", "--json").stdout) == [expected]
    lines = trial.run("interfaces", "eth*").stdout.splitlines()
    assert lines[1].split() == ["eth0", link["address"], "9000", "17", "up"], lines
    trial.refused(FAILURE, "eth7: no such interface", "interfaces", "eth7")
    trial.refused(FAILURE, "eth7: no such interface", "interfaces", "eth0,eth7")
    trial.refused(FAILURE, "none*: matches no Ethernet interface", "interfaces", "none*")
    told = trial.run("interfaces", "--json", "none*")
    assert (told.returncode, told.stdout) == (FAILURE, "[]\n"), told
    for named in ["none*,eth*"], ["none*,", "eth*"]:
        told = trial.run("interfaces", "--json", *named)
        assert (json.loads(told.stdout), told.returncode) == ([expected], OK), told
        assert told.stderr == "aoe-initiator: none*: matches no Ethernet interface\n", told

    tree = os.path.join(trial.folder, "tree")
    etherd, parameters = os.path.join(tree, "dev/etherd"), os.path.join(tree, "sys/module/aoe/parameters")
    for folder in tree, trial.folder:
        for command in ["discover"], ["stat"], ["stat", "--json"], ["interfaces"], ["interfaces", "eth0"], ["flush"], ["sos"]:
            trial.refused(FAILURE, f"{folder}: no aoe-initiator mount has its tree there", *command, "--mount", folder)
    os.makedirs(etherd)
    os.makedirs(parameters)
    trial.file("tree/sys/module/aoe/parameters/aoe_iflist", b"eth0 eth1\n")
    for arguments, name, text in [(["discover"], "discover", "discover\n"), (["flush"], "flush", "\n"), (["flush", "--all"], "flush", "all\n"),
                                  (["flush", "e0.2"], "flush", "e0.2\n"),
                                  (["flush", "e0.10", "e0.3"], "flush", "e0.3\n\n"),  # over what the first wrote
                                  (["interfaces", "eth0", "eth1"], "interfaces", "eth0 eth1\n"),
                                  (["interfaces", "eth0,eth1"], "interfaces", "eth0 eth1\n"),
                                  (["interfaces", "-c"], "interfaces", "\n")]:
        path = trial.file(f"tree/dev/etherd/{name}", b"")
        told = trial.run(*arguments, "--mount", tree)
        expected = "aoe-initiator: eth1: no such interface yet\n" if "eth1" in text else ""
        assert (told.returncode, told.stderr) == (OK, expected), (arguments, told)
        with open(path) as file:
            assert file.read() == text, arguments
    told = trial.run("interfaces", "--mount", tree)
    assert (told.stdout, told.stderr) == ("eth0 eth1\n", "aoe-initiator: eth1: no such interface yet\n"), told


def checks_the_paths_to_its_targets(trial):
    result = trial.run("sancheck", "--count", "3")
    lines = result.stdout.splitlines()
    assert result.returncode == OK and lines[1].split()[-4:-1] == ["3/3"] * 3 and len(lines) == 2, lines
    # The target's card takes no jumbo frames, and the target says so.
    trial.server.ip("link", "set", "eth0", "mtu", "1500")
    trial.client.ip("link", "set", "eth0", "mtu", "9000")
    result = trial.run("sancheck", "--count", "3", "--json")
    facts = json.loads(result.stdout)
    assert result.returncode == OK and facts["paths"][0]["sectors"] == 2, facts
    assert [finding["fault"] for finding in facts["findings"]] == [False], facts
    trial.server.ip("link", "set", "eth0", "mtu", "9000")
    twin = trial.server.start([TARGET, "--shelf", "0", "--slot", "4", "--interface", "eth0", "--no-state", "memory:1M"])
    twin.wait_for("ready")
    assert len(json.loads(trial.run("sancheck", "--count", "1", "--json").stdout)["paths"]) == 2
    twin.stop()


def bundles_what_a_report_should_have(trial):
    facts = json.loads(trial.run("sos", "--interface", "eth0").stdout)
    assert facts["version"][0].isdigit() and facts["system"].startswith("Linux "), facts
    (device,), (interface,) = facts["devices"], facts["interfaces"]
    assert (device["device"], device["state"], device["identity"]["sectors"]) == ("e0.2", "up", SIZE // 512), device
    assert device["paths"][0]["mac"] == trial.server.link("eth0")["address"] and device["counters"]["commands"] > 0, device
    assert interface["interface"] == "eth0" and interface["received"] > 0, interface
    assert any("e0.2" in line for line in facts["events"]), facts
    nothing = json.loads(trial.run("sos", "--interface", "lo").stdout)
    assert nothing["devices"] == [], nothing


def measures_speed(trial):
    read, written = together(
        lambda: trial.run("bench", "e0.2", "--seconds", "1", "--size", "1024", "--json"),
        lambda: trial.run("bench", "e0.2", "--seconds", "1", "--write", "--destroy-data", "--sequential", "--outstanding", "2"))
    facts = json.loads(read.stdout)
    latency = facts["latency-us"]
    assert facts["requests"] > 0 and facts["operation"] == "read" and facts["order"] == "random", facts
    assert 0 < latency["p50"] <= latency["p99"] <= latency["max"], facts
    assert written.returncode == OK and " IOPS, " in written.stdout and "p99.9" in written.stdout, written
    assert trial.disk() != trial.content
    trial.restore_disk()
    trial.refused(FAILURE, f"e0.2: has {SIZE} bytes, fewer than one request", "bench", "e0.2", "--size", str(2 * SIZE),
                  "--outstanding", "1")


cli_trial.play([shows_what_is_there, dumps_what_the_disk_says, tells_of_a_failing_disk,
                tells_late_answers_from_lost_ones, shows_nothing_where_nothing_is, refuses_bad_arguments,
                completes_what_there_is, traces_each_decision, reads_and_sets_what_a_target_keeps,
                reads_a_tree_as_the_kernels, believes_no_answer_to_a_test_that_fails, asks_again_who_is_there_when_an_answer_is_lost, waits_no_longer_than_it_is_told,
                looks_after_disks_and_interfaces, checks_the_paths_to_its_targets, measures_speed,
                bundles_what_a_report_should_have])
