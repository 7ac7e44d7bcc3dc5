"""A laboratory of network namespaces, for tests that play real programs against each other.

    import lab
    lab.require("tshark")
    lab.require_namespaces()              # before anything else happens: it starts the script again

    with lab.Lab() as world:
        client, server = world.node("client"), world.node("server")
        world.join(client, "eth0", server, "eth0", mtu=9000)
        target = server.start([sys.argv[1], "--shelf", "0", ...])
        target.wait_for("ready")
        print(client.run(["aoe-discover"]).stdout)
        assert target.stop() == 0

A node is a network namespace: it sees the interfaces that join() gave it, and nothing else. The whole script runs in
namespaces of its own (network, mounts, processes; for an ordinary user, users too), so no frame leaves it and the kernel
ends whatever it started when it ends, however it ends. When the with block is left by an exception, the output of
every process it started is shown.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

os.environ["PATH"] += ":/usr/sbin:/sbin"  # an ordinary user's PATH may lack ip, vblade and tcpdump

# aoe-target says so when a thread that serves waits for more than a second (target/service/watchdog.h): no play may bring it to that.
os.environ.setdefault("AOE_WATCHDOG", "1000")
WAITED = "a thread that serves waits for something"

# With AOE_SANDBOX=1, aoe-target serves under --sandbox, and no play may bring it to a system call that this refuses.
REFUSED = "the sandbox has refused a system call"

SKIP_STATUS = 77  # what aoe_python_test in cmake/aoe.cmake takes for a skip
_INSIDE = "AOE_LAB_INSIDE"
_CLONE_NEWNET = 0x40000000


class Failure(AssertionError):
    """What a test expected of the world did not happen."""


class Skipped(Exception):
    """A play cannot be played here. The others of play_all() are, and then the test says what was skipped."""


def skip(reason):
    print(f"SKIP: {reason}", flush=True)
    sys.exit(SKIP_STATUS)


def require(*programs):
    """Skips the test unless every one of these programs is there."""
    packages = {"ip": "iproute2", "script": "bsdutils", "setpriv": "util-linux"}
    packages |= dict.fromkeys(["aoe-sancheck", "aoe-stat", "aoecfg", "aoeping"], "aoetools")
    for program in programs:
        if not shutil.which(program):
            name = os.path.basename(program)
            skip(f"{name} is not installed (apt-get install {packages.get(name, name)})")


def require_namespaces():
    """Starts the script again inside its own namespaces, or skips it where they can't be made.

    Call it first: everything before it runs twice. Root makes them as root, and anybody else in a user namespace.
    """
    if _are_inside():
        return
    unshare = ["unshare", "--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
    in_user_namespace = unshare + ["--user", "--map-root-user"]
    for command in [unshare, in_user_namespace] if os.geteuid() == 0 else [in_user_namespace]:
        trial = subprocess.run(command + ["true"], capture_output=True, text=True)
        if trial.returncode == 0:
            os.environ[_INSIDE] = "1"
            sys.stdout.flush()
            os.execvp(command[0], command + [sys.executable, *sys.argv])
    skip(f"network namespaces can't be made here ({trial.stderr.strip()})")


def eventually(condition, what="what should come", timeout=30):
    """Asks again and again until the answer is true, and returns it: for things that tell nobody when they happen."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise Failure(f"waited {timeout} s for {what}")
        time.sleep(0.005)
    return answer


def process_number(path):
    """What a daemon has written to its pid file; 0 until all of it is there."""
    try:
        with open(path) as file:
            text = file.read()
    except FileNotFoundError:
        return 0
    return int(text) if text.endswith("\n") else 0


@contextlib.contextmanager
def laboratory():
    """A laboratory and a folder that are gone afterwards."""
    with Lab() as world, tempfile.TemporaryDirectory() as folder:
        yield world, folder


def shared(*arguments):
    """A setting of play_all() that is the same for all plays."""
    return lambda: contextlib.nullcontext(arguments)


def play_all(plays, setting=laboratory):
    """Plays one after the other, each with the arguments that its setting gives, and says how long they took.

    The one that fails is named. When some raised Skipped, the test ends as skipped after the last, and says which.
    """
    skipped = []
    for play in plays:
        began = time.monotonic()
        with setting() as arguments:
            try:
                play(*arguments)
            except Skipped as reason:
                skipped.append(f"{play.__name__}: {reason}")
            except BaseException:
                print(f"in {play.__name__}:", file=sys.stderr)
                raise
        print(f"{play.__name__}: {time.monotonic() - began:.2f} s", flush=True)
    if skipped:
        skip("; ".join(skipped))


def _are_inside():
    # The script is process 1 of its namespace; its parent is outside and so has the number 0. Programs it starts inherit
    # the variable, but they have a parent.
    return _INSIDE in os.environ and os.getppid() == 0


class Lab:
    """Nodes and the cables between them. It owns every process started on them, and stops them all at the end."""

    def __init__(self):
        if not _are_inside():
            raise RuntimeError("call lab.require_namespaces() first")
        self.nodes = []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for node in self.nodes:
            node._close(show=error is not None)

    def node(self, name):
        node = Node(name)
        self.nodes.append(node)
        return node

    def join(self, node_a, interface_a, node_b, interface_b, mtu=1500, mac_a=None, mac_b=None):
        """Lays a cable (a veth pair) between two nodes. Both ends are up and carry frames when it returns."""

        def end(mac):
            return ["mtu", str(mtu)] + (["address", mac] if mac else [])

        node_a.ip("link", "add", interface_a, *end(mac_a), "type", "veth",
                  "peer", "name", interface_b, "netns", str(node_b.pid), *end(mac_b))
        ends = [(node_a, interface_a), (node_b, interface_b)]
        for node, interface in ends:
            # addrgenmode none: the kernel's own IPv6 chatter stays off the cable.
            node.ip("link", "set", interface, "addrgenmode", "none", "up")
        for node, interface in ends:
            node.wait_until_up(interface)


class Node:
    """A network namespace with a name. Made by Lab.node()."""

    def __init__(self, name):
        self.name = name
        self.processes = []
        # The namespace lives as long as this process, which waits for the end of its input.
        self._holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up; echo made; exec cat"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self._holder.stdout.readline() != b"made\n":
            raise Failure(f"no network namespace for {name}")
        self.pid = self._holder.pid
        self._namespace = f"/proc/{self.pid}/ns/net"

    def run(self, command, input=None, timeout=60, check=True, text=True, env=None, cwd=None):
        """Runs a command to its end. Returns a CompletedProcess with stdout and stderr; text=False gives bytes."""
        result = subprocess.run(self._inside(command), input=input, timeout=timeout, text=text, capture_output=True,
                                env=_environment(env), cwd=cwd,
                                **({"stdin": subprocess.DEVNULL} if input is None else {}))
        if check and result.returncode != 0:
            raise Failure(f"{self.name}$ {_shown(command)}\nended with status {result.returncode}\n"
                          f"{result.stdout}{result.stderr}")
        return result

    def start(self, command, env=None, cwd=None, input=False):
        """Starts a command and returns its Process. With `input`, Process.say() writes to its standard input."""
        process = Process(self.name, command, self._inside(command), env, cwd, input)
        self.processes.append(process)
        return process

    def ip(self, *arguments):
        """Runs ip(8) here and returns its output."""
        return self.run(["ip", *arguments]).stdout

    def link(self, interface):
        """What ip(8) says of an interface: a dictionary with address, mtu, operstate, …"""
        return json.loads(self.ip("-json", "link", "show", "dev", interface))[0]

    def wait_until_up(self, interface):
        eventually(lambda: self.link(interface)["operstate"] == "UP", f"{self.name}'s {interface} to be up")

    def packet_socket(self, interface, ethertype=0x88A2, timeout=30):
        """A socket of this node for whole Ethernet frames of one type (AoE by default), for send() and recv()."""
        libc = ctypes.CDLL(None, use_errno=True)

        def enter(namespace):
            if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

        with open("/proc/thread-self/ns/net") as home, open(self._namespace) as there:
            enter(there)
            try:
                result = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
                result.bind((interface, ethertype))
            finally:
                enter(home)
        result.settimeout(timeout)
        return result

    def _inside(self, command):
        """The command line that runs a command here, with this namespace's own interfaces in /sys as well."""
        return ["nsenter", f"--net={self._namespace}", "unshare", "--mount", "sh", "-c",
                'mount -t sysfs sysfs /sys 2>/dev/null; exec "$@"', "sh", *map(str, command)]

    def _close(self, show):
        for process in self.processes:
            if process.running():
                process.stop()
            if show:
                print(f"--- {self.name}$ {_shown(process.command)}\n{_shortened(process.output)}"
                      f"--- ended with status {process.status}", file=sys.stderr)
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait()


class Process:
    """A running program. Its standard output and error are read all the time, as lines of one stream: `output`."""

    def __init__(self, node_name, command, command_inside, env, cwd, input):
        self.command = command
        self._name = f"{node_name}$ {_shown(command)}"
        self._lines = []
        self._seen = 0  # lines that wait_for has passed
        self._ended = False
        self._changed = threading.Condition()
        self._popen = subprocess.Popen(command_inside, stdout=subprocess.PIPE,
                                       stdin=subprocess.PIPE if input else subprocess.DEVNULL,
                                       stderr=subprocess.STDOUT, text=True, errors="replace",
                                       start_new_session=True, env=_environment(env), cwd=cwd)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self._popen.pid

    def open_files(self):
        """The paths of what it has open, without those that it closes meanwhile."""
        paths = []
        for entry in os.scandir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                paths.append(os.readlink(entry.path))
        return paths

    @property
    def output(self):
        with self._changed:
            return "".join(self._lines)

    @property
    def status(self):
        """The exit status, negative for a signal; None while it runs."""
        return self._popen.poll()

    def running(self):
        return self._popen.poll() is None

    def say(self, line):
        """Writes a line to its standard input."""
        self._popen.stdin.write(line + "\n")
        self._popen.stdin.flush()

    def wait_for(self, text, timeout=30):
        """Waits for a line with this text, after the line the last wait_for returned, and returns it."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                while self._seen < len(self._lines):
                    line = self._lines[self._seen]
                    self._seen += 1
                    if text in line:
                        return line.rstrip("\n")
                if self._ended:
                    raise Failure(f"{self._name}\nended without saying {text!r}. It said:\n{''.join(self._lines)}")
                if not self._changed.wait(deadline - time.monotonic()):
                    raise Failure(f"{self._name}\ndid not say {text!r} in {timeout} s. "
                                  f"It said:\n{''.join(self._lines)}")

    def wait(self, timeout=60):
        """Waits for it to end by itself and returns its exit status. Children that outlive it are killed."""
        try:
            status = self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self._name}\nstill runs after {timeout} s. It said:\n{self.output}") from None
        self._end_children()
        self._reader.join()
        if WAITED in self.output:
            raise Failure(f"{self._name}\na serving thread waited. It said:\n{self.output}")
        if os.environ.get("AOE_SANDBOX") == "1" and REFUSED in self.output:
            raise Failure(f"{self._name}\na system call was refused. It said:\n{self.output}")
        return status

    def signal(self, number):
        """Returns when SIGSTOP has stopped all threads: on a busy machine some go on for a while."""
        self._popen.send_signal(number)
        if number == signal.SIGSTOP:
            eventually(self._is_stopped, f"{self._name} to stop")

    def _is_stopped(self):
        def state(task):
            with open(f"/proc/{self.pid}/task/{task}/stat") as stat:
                return stat.read().rpartition(")")[2].split()[0]
        return all(state(task) == "T" for task in os.listdir(f"/proc/{self.pid}/task"))

    def stop(self, timeout=30):
        """Ends it with SIGTERM, or SIGKILL when that did not help in time. Returns its exit status."""
        self._popen.terminate()
        try:
            return self.wait(timeout)
        except Failure:
            return self.kill()

    def kill(self):
        """Ends it with SIGKILL and returns its exit status."""
        self._popen.kill()
        return self.wait()

    def _end_children(self):
        try:
            os.killpg(self._popen.pid, signal.SIGKILL)
        except ProcessLookupError:  # it had none, or they ended with it
            pass

    def _read(self):
        for line in self._popen.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def _environment(changes):
    return {**os.environ, **changes} if changes else None


def _shortened(output, most=200):
    """The first and last lines of what may be tens of thousands."""
    lines = output.splitlines(keepends=True)
    if len(lines) <= most:
        return output
    return "".join([*lines[:most // 2], f"... {len(lines) - most} lines ...\n", *lines[-most // 2:]])


def _shown(command):
    return " ".join(map(str, command))
