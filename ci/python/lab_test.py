"""The laboratory itself: frames pass between nodes, plays are played, and nothing is left of it afterwards.

usage: lab_test.py [--as-user]     --as-user: if root runs it, root plays an ordinary user
"""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid

import lab

BROADCAST, CLIENT, SERVER = bytes([0xFF] * 6), bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
MARK = "AOE_LAB_TEST_MARK"  # an environment variable that every process of one laboratory inherits


def inside():
    lab.require_namespaces()
    waits_for_what_comes()
    believes_no_half_number()
    plays_all_and_says_what_was_skipped()
    ends_with_the_play_that_fails()
    gives_each_play_a_laboratory()
    shows_the_two_ends_of_what_is_long()
    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth0", server, "eth1", mtu=9000, mac_a="02:00:00:00:00:01", mac_b="02:00:00:00:00:02")
        assert client.link("eth0")["mtu"] == 9000
        assert server.run(["ls", "/sys/class/net"]).stdout.split() == ["eth1", "lo"]

        frame = BROADCAST + CLIENT + bytes.fromhex("88a2") + bytes(range(46))
        receiver = server.packet_socket("eth1")
        client.packet_socket("eth0").send(frame)
        assert receiver.recv(2000) == frame

        talker = client.start(["sh", "-c", "echo one; echo two >&2; trap 'echo bye; exit 3' TERM; echo ready;"
                                           "while :; do sleep 0.05; done"])
        assert talker.wait_for("two") == "two"
        talker.wait_for("ready")
        assert talker.stop() == 3
        assert talker.output == "one\ntwo\nready\nbye\n", talker.output

        stubborn = client.start(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"])
        stubborn.wait_for("ready")
        assert stubborn.stop(timeout=0.2) == -signal.SIGKILL

        try:
            client.start(["echo", "quite something else"]).wait_for("ready")
            assert False, "wait_for did not notice the end of the program"
        except lab.Failure as failure:
            assert "quite something else" in str(failure)
        try:
            client.run(["sh", "-c", "echo reason >&2; exit 4"])
            assert False, "run did not notice the exit status"
        except lab.Failure as failure:
            assert "status 4\nreason" in str(failure)

        # Left running on purpose, a child of its own included: the laboratory has to end them.
        server.start(["sh", "-c", "sleep 1000 & echo ready; wait"]).wait_for("ready")
        print("inside", flush=True)
        if "--stay" in sys.argv:
            signal.pause()


def waits_for_what_comes():
    answers = iter([None, "", "at last", "too late"])
    assert lab.eventually(lambda: next(answers)) == "at last"
    try:
        lab.eventually(lambda: False, "what never comes", timeout=0.02)
        assert False, "it waits no longer, and is content"
    except lab.Failure as failure:
        assert str(failure) == "waited 0.02 s for what never comes"


def believes_no_half_number():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "daemon.pid")
        assert lab.process_number(path) == 0
        for text, number in ("", 0), ("12", 0), ("123\n", 123):
            with open(path, "w") as file:
                file.write(text)
            assert lab.process_number(path) == number, text


def played(plays, setting):
    """How the plays ended (None, or the exit status), and what was told on standard output and standard error."""
    told, complained = io.StringIO(), io.StringIO()
    status = None
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(complained):
        try:
            lab.play_all(plays, setting)
        except SystemExit as end:
            status = end.code
        except lab.Failure as failure:
            status = str(failure)
    return status, told.getvalue().splitlines(), complained.getvalue()


def plays_all_and_says_what_was_skipped():
    seen = []

    def first(word):
        seen.append(word)

    def impossible(word):
        raise lab.Skipped(f"no {word} here")

    def last(word):
        seen.append(word.upper())

    status, told, complained = played([first, last], lab.shared("bridge"))
    assert (status, len(told), complained) == (None, 2, ""), told
    status, told, complained = played([first, impossible, last], lab.shared("bridge"))
    assert (status, complained) == (lab.SKIP_STATUS, ""), (status, complained)
    assert [line.split(":")[0] for line in told] == ["first", "impossible", "last", "SKIP"], told
    assert told[-1] == "SKIP: impossible: no bridge here", told
    assert seen == ["bridge", "BRIDGE"] * 2, seen


def ends_with_the_play_that_fails():
    def impossible():
        raise lab.Skipped("it can't be told")

    def wrong():
        raise lab.Failure("not so")

    def unplayed():
        raise lab.Failure("played after a failure")

    status, told, complained = played([impossible, wrong, unplayed], lab.shared())
    assert (status, complained) == ("not so", "in wrong:\n"), (status, complained)
    assert len(told) == 1, told


def shows_the_two_ends_of_what_is_long():
    lines = [f"{number}\n" for number in range(10000)]
    assert lab._shortened("".join(lines[:200])) == "".join(lines[:200])
    assert lab._shortened("".join(lines)) == "".join([*lines[:100], "... 9800 lines ...\n", *lines[-100:]])


def gives_each_play_a_laboratory():
    folders = []

    def play(world, folder):
        assert world.node("one").run(["ls", "/sys/class/net"]).stdout == "lo\n"
        assert os.listdir(folder) == []
        folders.append(folder)

    assert played([play, play], lab.laboratory)[0] is None
    assert len(set(folders)) == 2 and not any(map(os.path.exists, folders)), folders


def marked_processes(mark):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if f"{MARK}={mark}".encode() in file.read().split(b"\0"):
                    found.append(pid)
        except OSError:  # it ended, or it is somebody else's
            pass
    return found


def play(script, prefix, stay):
    """Plays inside() in a process of its own, or kills it halfway through, and checks that nothing remains."""
    mark = uuid.uuid4().hex
    player = subprocess.Popen([*prefix, sys.executable, script, "--inside", *(["--stay"] if stay else [])],
                              env={**os.environ, MARK: mark}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if stay:
        first_line = player.stdout.readline()
        if first_line == "inside\n":
            assert len(marked_processes(mark)) > 4
        os.kill(player.pid, signal.SIGKILL)
        output = first_line + player.communicate()[0]
    else:
        output = player.communicate()[0]
        if player.returncode == lab.SKIP_STATUS:
            print(output, end="")
            sys.exit(lab.SKIP_STATUS)
        assert player.returncode == 0, output
    assert output == "inside\n", output
    lab.eventually(lambda: not marked_processes(mark), "its processes to end")


def main():
    if "--inside" in sys.argv:
        inside()
        return
    prefix = []
    if "--as-user" in sys.argv and os.geteuid() == 0:
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    names_before = os.path.isdir("/run/netns") and os.listdir("/run/netns")
    with tempfile.TemporaryDirectory() as folder:  # a folder that the ordinary user may read
        os.chmod(folder, 0o755)
        for name in ["lab.py", "lab_test.py"]:
            shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), folder)
        script = os.path.join(folder, "lab_test.py")
        play(script, prefix, stay=False)
        play(script, prefix, stay=True)
    assert names_before == (os.path.isdir("/run/netns") and os.listdir("/run/netns"))


main()
