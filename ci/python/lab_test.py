"""The laboratory itself: frames pass between nodes, and nothing is left of it afterwards.

usage: lab_test.py [--as-user]     --as-user: if root runs it, root plays an ordinary user
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import lab

BROADCAST, CLIENT, SERVER = bytes([0xFF] * 6), bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
MARK = "AOE_LAB_TEST_MARK"  # an environment variable that every process of one laboratory inherits


def inside():
    lab.require_namespaces()
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
    deadline = time.monotonic() + 5
    while left := marked_processes(mark):
        assert time.monotonic() < deadline, f"processes left: {left}"
        time.sleep(0.01)


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
