"""What aoe-target says to bad arguments and bad images: one clear line, the right status, and nothing changed on disk.

usage: command_line_test.py AOE_TARGET
"""

import os
import signal
import sys
import tempfile

import lab

TARGET = sys.argv[1]
FAILURE, USAGE = 1, 2


class Trial:
    """A node with one interface, a folder with images, and aoe-target to be run there."""

    def __init__(self, node, folder):
        self.node = node
        self.folder = folder
        os.environ["STATE_DIRECTORY"] = os.path.join(folder, "state")

    def image(self, name, size, content=b""):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
            file.truncate(size)
        return path

    def refused(self, arguments, status, line, prefix=()):
        """Runs aoe-target, which must end by itself with this status and exactly this line on stderr."""
        before = self.contents()
        result = self.node.run([*prefix, TARGET, *arguments], check=False, cwd=self.folder)
        told = (result.returncode, result.stdout, result.stderr)
        assert told == (status, "", f"aoe-target: {line}\n"), f"{arguments}: {told}"
        assert self.contents() == before, f"{arguments} changed files"

    def contents(self):
        found = {}
        for name in sorted(os.listdir(self.folder)):
            path = os.path.join(self.folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[name] = (file.read(), os.stat(path).st_mtime_ns)
        return found


def usage_errors(trial):
    good = ["--shelf", "0", "--slot", "2", "disk.img"]
    hint = " (aoe-target --help shows how)"
    for arguments, line in [
            ([], "IMAGE is required"),
            (["disk.img"], "--shelf is required"),
            (["--shelf", "0", "disk.img"], "--slot is required"),
            (["--shelf", "0", "--slot", "2"], "IMAGE is required"),
            (["--shelf", "65535", "--slot", "2", "disk.img"], "--shelf: Value 65535 not in range 0 to 65534"),
            (["--shelf", "-1", "--slot", "2", "disk.img"], "--shelf: Value -1 not in range 0 to 65534"),
            (["--shelf", "x", "--slot", "2", "disk.img"], "--shelf: Value x not in range 0 to 65534"),
            (["--shelf", "0", "--slot", "255", "disk.img"], "--slot: Value 255 not in range 0 to 254"),
            ([*good, "--buffers", "1"], "--buffers: Value 1 not in range 2 to 65535"),
            ([*good, "--buffers", "65536"], "--buffers: Value 65536 not in range 2 to 65535"),
            ([*good, "--config-string", "x" * 1025], "--config-string: longer than 1024 bytes"),
            ([*good, "--model", "x" * 41], "--model: expected 1 to 40 characters of ASCII"),
            ([*good, "--serial", "x" * 21], "--serial: expected 1 to 20 characters of ASCII"),
            ([*good, "--serial", "dïsk"], "--serial: expected 1 to 20 characters of ASCII"),
            ([*good, "--serial", ""], "--serial: expected 1 to 20 characters of ASCII"),
            ([*good, "--workers", "65"], "--workers: Value 65 not in range 1 to 64"),
            ([*good, "--request-memory", "64K"], "--request-memory: 64K: not a size of 1MiB or more"),
            ([*good, "--log-level", "loud"], "--log-level: loud not in {error,warning,info,debug}"),
            ([*good, "other.img"], "one IMAGE is expected, or SHELF SLOT IF IMAGE"),
            ([*good, "--colour"], "The following argument was not expected: --colour"),
            ([*good, "--interface"], "--interface: 1 required IF missing"),
            ([*good, "--interface", ","], "--interface: ',' names no interface"),
            ([*good, "--interface", "eth0, a/b"], "--interface: 'a/b' is not the name of an interface"),
            (["0", "2", "a/b", "disk.img"], "IF: 'a/b' is not the name of an interface"),
            ([*good, "--request-memory", "8m"],
             "--request-memory: 8m: not a size such as 512, 64K or 1.5MiB (units: K, M, G, T, or KiB, MiB, GiB, TiB)")]:
        trial.refused(arguments, USAGE, line + hint)
    for arguments, line in [(["config", "e0.2", "text", "--clear"], "TEXT excludes --clear"),
                            (["reserve", "e0.2", "020000000001", "--release"], "MAC excludes --release")]:
        trial.refused(["ctl", "--socket", "control.sock", *arguments], USAGE, line + hint)
    commands = ("no such command (there are status, stats, clients, top, clear-stats, metrics, reload, mask, reserve, config, trace, "
                "add, set, remove, resize, reopen, role, promote, demote)")
    for arguments in ["frob"], ["--json", "frob"], ["--socket", "control.sock", "frob", "e0.2"], ["frob", "--json"]:
        trial.refused(["ctl", *arguments], USAGE, f"ctl frob: {commands}")
    trial.refused(["overlay", "frob", "delta"], USAGE, "overlay frob: no such command (there are info, adopt, rebase, commit, compact)")
    trial.refused(["ctl"], USAGE, "A subcommand is required" + hint)


def help_and_version(trial):
    told = trial.node.run([TARGET, "--help"])
    lines = told.stdout.splitlines()
    assert told.stderr == "" and len(lines) <= 24 and all(len(line) <= 80 for line in lines), told.stdout
    for text in ["--shelf", "--slot", "--interface", "--read-only", "overlay",
                 "aoe-target --shelf 0 --slot 2 --interface eth1 disk.img"]:
        assert text in told.stdout, text
    told = trial.node.run([TARGET, "--help-all"]).stdout
    for text in ["--overlay", "--allow", "--busy-poll", "--pcap", "--log-level", "--trace", "--buffers", "reserve", "--force",
                 "--user", "--sandbox", "--unit", "clients", "top", "trace", "clear-stats"]:
        assert text in told, text
    version = trial.node.run([TARGET, "--version"]).stdout
    assert version.startswith("aoe-target 0."), version
    assert trial.node.run([TARGET, "-V"]).stdout == version
    assert trial.node.run([TARGET, "-h"]).stdout == trial.node.run([TARGET, "--help"]).stdout
    assert "Usage: aoe-target ctl" in trial.node.run([TARGET, "ctl", "-h"]).stdout


def output_that_is_lost(trial):
    trial.image("disk.img", 1 << 20)
    with open(os.path.join(trial.folder, "good.yaml"), "w") as file:
        file.write("luns:\n  - {shelf: 0, slot: 2, path: disk.img}\n")
    target = trial.node.start([TARGET, "--config", "good.yaml", "--no-state", "--control", "socket"], cwd=trial.folder)
    target.wait_for("ready")
    ctl = "ctl --socket socket"

    def shell(line):
        result = trial.node.run(["sh", "-c", line, "sh", TARGET], check=False, cwd=trial.folder)
        return result.returncode, result.stdout, result.stderr

    lost = "aoe-target: standard output: No space left on device\n"
    for command in ["--help", "--help-all", "--version", "check good.yaml", f"{ctl} status", f"{ctl} --json stats"]:
        assert shell(f'"$1" {command} > /dev/full') == (FAILURE, "", lost), command
        assert shell(f'"$1" {command} >&-') == (FAILURE, "", lost.replace("No space left on device", "Bad file descriptor"))
        assert shell(f'"$1" {command} | head -n 0') == (0, "", ""), command
    # What can't be told on standard error changes nothing, and goes nowhere else.
    for stream in "2> /dev/full", "2>&-":
        assert shell(f'"$1" check missing.yaml {stream}') == (FAILURE, "", ""), stream
        assert shell(f'"$1" {ctl} config e9.9 {stream}') == (FAILURE, "", ""), stream
        assert shell(f'"$1" --colour {stream}') == (USAGE, "", ""), stream
    assert target.stop() == 0


def bad_images(trial):
    def refused(image, line, *options, prefix=()):
        trial.refused(["--shelf", "0", "--slot", "2", *options, image], FAILURE, line, prefix)

    refused("missing.img", "missing.img: No such file or directory")
    refused("", ": No such file or directory")
    trial.image("empty.img", 0)
    refused("empty.img", "empty.img: smaller than one sector")
    trial.image("small.img", 511)
    refused("small.img", "small.img: smaller than one sector")
    refused(".", ".: neither a regular file nor a block device")
    refused(".", ".: neither a regular file nor a block device", "--read-only")
    refused("/dev/null", "/dev/null: neither a regular file nor a block device")

    unwritable = trial.image("unwritable.img", 1024)
    os.chmod(unwritable, 0o444)
    no_override = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
    refused("unwritable.img", "unwritable.img: Permission denied", prefix=no_override)
    process = trial.node.start([*no_override, TARGET, "--shelf", "0", "--slot", "2", "--read-only", unwritable])
    process.wait_for("2 sectors, mapped, read-only")
    process.wait_for("ready")
    assert process.stop() == 0


def bad_network(trial):
    trial.image("disk.img", 1 << 20)
    arguments = ["--shelf", "0", "--slot", "2"]
    trial.refused([*arguments, "--interface", "eth9", "disk.img"], FAILURE, "eth9: no such interface")
    for names in "eth0,eth9", "eth0, eth9":
        trial.refused([*arguments, "--interface", names, "disk.img"], FAILURE, "eth9: no such interface")
    trial.refused([*arguments, "--interface", "eth0", "--interface", "eth9", "disk.img"], FAILURE,
                  "eth9: no such interface")
    trial.refused([*arguments, "disk.img"], FAILURE,
                  "eth0: opening a packet socket: Operation not permitted (CAP_NET_RAW is needed)",
                  prefix=["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"])


def image_that_ends_inside_a_sector(trial):
    image = trial.image("odd.img", 1500)
    process = trial.node.start([TARGET, "--shelf", "65534", "--slot", "254", image])
    process.wait_for(f"e65534.254: {image}, 2 sectors, mapped, read-write")
    process.wait_for(f"warning: {image}: the last 476 bytes are not a whole sector and are not served")
    process.wait_for("ready")
    assert process.stop() == 0
    assert os.path.getsize(image) == 1500


def one_writer(trial):
    trial.image("disk.img", 1 << 20)
    arguments = ["--shelf", "0", "--slot", "2", "disk.img"]
    first = trial.node.start([TARGET, *arguments], cwd=trial.folder)
    first.wait_for("ready")
    trial.refused(arguments, FAILURE, "disk.img: in use by another process")
    trial.refused(["--read-only", *arguments], FAILURE, "disk.img: in use by another process")
    assert first.stop() == 0
    readers = [trial.node.start([TARGET, "--read-only", *arguments], cwd=trial.folder) for _ in range(2)]
    for reader in readers:
        reader.wait_for("ready")
    trial.refused(arguments, FAILURE, "disk.img: in use by another process")


def signals_end_it(trial):
    trial.image("disk.img", 1 << 20)
    for number in [signal.SIGINT, signal.SIGTERM]:
        process = trial.node.start([TARGET, "--shelf", "0", "--slot", "2", "disk.img"], cwd=trial.folder)
        process.wait_for("ready")
        process.signal(number)
        assert process.wait() == 0
        process.wait_for("stopped after 0 requests")


def privileges_are_dropped(trial):
    trial.image("disk.img", 1 << 20)
    process = trial.node.start([TARGET, "--shelf", "0", "--slot", "2", "disk.img"], cwd=trial.folder)
    process.wait_for("ready")
    with open(f"/proc/{process.pid}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    net_raw, net_admin = 1 << 13, 1 << 12
    assert int(status["CapEff"], 16) == net_raw, status
    assert int(status["CapPrm"], 16) == net_raw | net_admin, status  # in reserve: see NetAdminRaised
    assert status["NoNewPrivs"] == "1"


def main():
    lab.require("ip", "setpriv")
    lab.require_namespaces()
    for play in [usage_errors, help_and_version, output_that_is_lost, bad_images, bad_network, image_that_ends_inside_a_sector, one_writer,
                 signals_end_it, privileges_are_dropped]:
        with lab.Lab() as world, tempfile.TemporaryDirectory() as folder:
            node, other = world.node("server"), world.node("client")
            world.join(node, "eth0", other, "eth0")
            play(Trial(node, folder))


main()
