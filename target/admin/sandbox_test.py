"""aoe-target as another user (--user), and with limited system calls (--sandbox).

usage: sandbox_test.py AOE_TARGET FORBIDDEN_CALL

FORBIDDEN_CALL is a library that makes a system call on SIGUSR1 that the target never makes.
"""

import glob
import os
import pwd
import signal
import subprocess
import sys

import lab
from target_words import *

TARGET, FORBIDDEN_CALL = sys.argv[1:]
NOBODY = pwd.getpwnam("nobody")


def require_root():
    with open("/proc/self/uid_map") as file:
        if file.read().split() != ["0", "0", "4294967295"]:
            raise lab.Skipped("only root can become another user")


def statuses(target):
    """What the kernel says of each thread."""
    for path in glob.glob(f"/proc/{target.pid}/task/*/status"):
        with open(path) as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def another_user_keeps_raw_sockets_only(world, folder):
    require_root()
    os.chmod(folder, 0o755)
    os.chmod(image(folder, "disk1.img"), 0o600)  # root's: it is open by then
    cable, server, target, ctl = serve(TARGET, world, folder, [lun(1), lun(2, "memory:1MiB")], "--user", "nobody", workers=2)
    threads = list(statuses(target))
    assert len(threads) >= 4, threads
    net_raw, net_admin = 1 << 13, 1 << 12
    for status in threads:
        assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4, status["Uid"]
        assert status["Gid"].split() == [str(NOBODY.pw_gid)] * 4, status["Gid"]
        assert status["Groups"].split() == [], status["Groups"]
        assert (int(status["CapEff"], 16), int(status["CapPrm"], 16)) == (net_raw, net_raw | net_admin), status
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2"), status
    for made in ["state", "control.sock"]:
        assert os.stat(os.path.join(folder, made)).st_uid == NOBODY.pw_uid, made
    data = bytes(range(256)) * 2
    assert cable.write(data, lba=3, address=(0, 1)).status == DONE and cable.flush(address=(0, 1)).status == DONE
    assert cable.ask(CONFIG, config_set(b"of nobody"), address=(0, 1)).error == 0
    world.join(cable.client, "port1", server, "eth1")  # a port that is opened by nobody
    target.wait_for("on eth1")
    other = Cable.at(cable.client, "port1")
    assert other.read(lba=3, address=(0, 1)) == (DONE, data)
    assert ctl("config", "e0.1") == "of nobody\n"
    assert f"{folder}/disk1.img: Permission denied" in ctl.refused("reopen", "e0.1")
    assert target.stop() == 0
    assert "sandbox has refused" not in target.output
    assert os.stat(os.path.join(folder, "state", "e0.1.yaml")).st_uid == NOBODY.pw_uid


def a_user_that_can_not_serve_is_refused(world, folder):
    require_root()
    server = world.node("server")
    image(folder, "disk1.img")
    path = configure(folder, [lun(1, interfaces="lo")], control=f"{folder}/c.sock")
    unknown = server.run([TARGET, "--config", path, "--user", "no-such-user"], check=False)
    assert (unknown.returncode, unknown.stderr) == (1, "aoe-target: --user no-such-user: no such user\n"), unknown
    os.mkdir(os.path.join(folder, "state"), 0o700)  # root's
    refused = server.run([TARGET, "--config", path, "--user", "nobody"], check=False)
    assert refused.returncode == 1 and refused.stderr.endswith(
        f"aoe-target: --user nobody: {folder}/state: Permission denied; chown --recursive nobody {folder}/state gives it to "
        "that user\n"), refused
    poor = server.run(["setpriv", "--bounding-set", "-setuid", TARGET, "--config", path, "--no-state", "--user", "nobody"],
                      check=False)
    assert poor.returncode == 1 and poor.stderr.endswith(
        "--user nobody: Operation not permitted (it takes root to become another user)\n"), poor


def a_forbidden_call_is_refused_and_told(world, folder):
    image(folder, "disk1.img")
    cable, server, target, ctl = serve(TARGET, world, folder, [lun(1)], "--sandbox", env={"LD_PRELOAD": FORBIDDEN_CALL})
    assert {status["Seccomp"] for status in statuses(target)} == {"2"}
    os.kill(target.pid, signal.SIGUSR1)
    target.wait_for("error: the sandbox has refused a system call: personality")
    assert "\npersonality: Operation not permitted\n" in target.output, target.output
    assert cable.read(address=(0, 1))[0] == DONE, "and it goes on"
    assert target.stop() == 0


def threads_serve_disks_where_there_is_no_io_uring(world, folder):
    image(folder, "disk1.img")
    client, server = world.node("client"), world.node("server")
    cable = Cable(world, client, "port0", server, "eth0")
    path = configure(folder, [lun(1, io="buffered")])
    target = server.start(["strace", "--daemonize", "--follow-forks", "--quiet=all", "--output=/dev/null", "--trace=io_uring_setup",
                           "--inject=io_uring_setup:error=ENOSYS", TARGET, "--config", path, "--sandbox"])
    target.wait_for("buffered (threads)")
    target.wait_for("ready")
    data, at = bytes(range(256)) * 2, {"address": (0, 1)}
    assert cable.write(data, lba=3, **at).status == DONE and cable.flush(**at).status == DONE
    assert cable.read(lba=3, **at) == (DONE, data)
    assert Control(TARGET, server, folder)("reopen", "e0.1").startswith("e0.1: opened again")
    assert cable.read(lba=3, **at) == (DONE, data)
    assert target.stop() == 0
    assert "sandbox has refused" not in target.output


def main():
    lab.require("ip", "setpriv", "strace")
    lab.require_namespaces()
    lab.play_all([another_user_keeps_raw_sockets_only, a_user_that_can_not_serve_is_refused,
                  a_forbidden_call_is_refused_and_told, threads_serve_disks_where_there_is_no_io_uring])


main()
