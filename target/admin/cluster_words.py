"""The words that tests of a cluster share: a host with a target and the resource agent, and a switch between hosts."""

import os

from target_words import *

SUCCESS, ERROR, UNIMPLEMENTED, NOT_INSTALLED, NOT_CONFIGURED, NOT_RUNNING, PROMOTED, FAILED_PROMOTED = 0, 1, 3, 5, 6, 7, 8, 9


class Switch:
    """A bridge into which nodes are plugged."""

    def __init__(self, world):
        self._world = world
        self.node = world.node("switch")
        self.node.ip("link", "add", "br0", "type", "bridge")
        self.node.ip("link", "set", "br0", "addrgenmode", "none", "up")

    def plug(self, node, interface, mac=None, mtu=9000):
        self._world.join(node, interface, self.node, "to-" + node.name, mtu=mtu, mac_a=mac)
        self.node.ip("link", "set", "to-" + node.name, "master", "br0")


class Host:
    """A node of a cluster: its target, whose e0.2 is the shared disk, and the agent for that."""

    def __init__(self, programs, node, folder, image, interface="lo", **of_lun):
        """Programs: aoe-target and the agent. What the hosts share is in `folder`, and what is this one's in a folder below."""
        self._target, self._agent = programs
        self.node, self.folder = node, os.path.join(folder, node.name)
        os.mkdir(self.folder)
        self.socket = os.path.join(self.folder, "control.sock")
        of_lun = {"standby": True, "serial": "shared", "interfaces": interface, **of_lun}
        self.config = configure(self.folder, [lun(2, image, **of_lun)], state=os.path.join(folder, "state"))

    def start(self):
        self.target = self.node.start([self._target, "--config", self.config])
        self.target.wait_for("ready")

    def parameters(self, **more):
        return {"lun": "e0.2", "socket": self.socket, "program": self._target, **more}

    def act(self, action, **more):
        """The exit status of an action, and the reason that it gives."""
        variables = {f"OCF_RESKEY_{name}": value for name, value in self.parameters(**more).items()}
        result = self.node.run([self._agent, action], check=False,
                               env={"HA_RSCTMP": self.folder, "OCF_RESOURCE_INSTANCE": "disk", **variables})
        why = [line for line in result.stderr.splitlines() if line.startswith("ocf-exit-reason:")]
        return result.returncode, why[0].removeprefix("ocf-exit-reason:") if why else ""

    def does(self, *actions, **more):
        for action in actions:
            result = self.act(action, **more)
            assert result == (SUCCESS, ""), (action, result)

    def is_now(self, status, why=""):
        found = self.act("monitor")
        assert found == (status, why), (found, status, why)
