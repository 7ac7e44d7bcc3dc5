"""The resource agent for Pacemaker: its actions, their exit statuses, and what they do to two targets that share a disk.

usage: ocf_agent_test.py AOE_TARGET AGENT
"""

import os
import shutil
import sys
import xml.etree.ElementTree

import cluster_words
import lab
from cluster_words import *

TARGET, AGENT = sys.argv[1:3]


def host_of(world, folder, name, image, **of_lun):
    return cluster_words.Host((TARGET, AGENT), world.node(name), folder, image, **of_lun)


def it_describes_itself(world, folder):
    described = world.node("a").run([AGENT, "meta-data"], env={"PATH": "/usr/bin:/bin"}).stdout
    root = xml.etree.ElementTree.fromstring(described)
    assert root.get("name") == os.path.basename(AGENT)
    assert {parameter.get("name") for parameter in root.iter("parameter")} == {"lun", "socket", "program"}
    for action in {action.get("name") for action in root.iter("action")} - {"meta-data", "validate-all"}:
        assert world.nodes[0].run([AGENT, action], check=False).returncode != UNIMPLEMENTED, action
    assert world.nodes[0].run([AGENT, "notify"], check=False).returncode == UNIMPLEMENTED
    assert world.nodes[0].run([AGENT, "frob"], check=False).returncode == UNIMPLEMENTED


def parameters_are_checked(world, folder):
    host = host_of(world, folder, "a", image(folder))
    host.does("validate-all")
    for wrong in ["", "e0", "0.2", "disk"]:
        assert host.act("validate-all", lun=wrong) == (NOT_CONFIGURED, f"lun: expected a LUN such as e0.2, got '{wrong}'")
    missing = os.path.join(folder, "missing")
    for action in ["validate-all", "start"]:
        assert host.act(action, program=missing) == (NOT_INSTALLED, f"{missing} is not installed")
    assert host.act("monitor", program=missing) == (NOT_RUNNING, "")


def a_lun_passes_from_node_to_node(world, folder):
    disk = image(folder)
    a, b = host_of(world, folder, "a", disk), host_of(world, folder, "b", disk)
    a.start()
    b.start()
    for host in [a, b]:
        host.is_now(NOT_RUNNING)
        assert host.act("promote") == (NOT_RUNNING, "e0.2 is not started")
        host.does("start", "start")
        host.is_now(SUCCESS)
    a.does("promote", "promote")
    a.is_now(PROMOTED)
    assert b.act("promote") == (ERROR, f"aoe-target: e0.2: {disk}: in use by another process; it stands by")
    b.is_now(SUCCESS)
    a.does("demote", "demote")
    a.is_now(SUCCESS)
    b.does("promote")
    b.is_now(PROMOTED)
    # Stopped without a demotion before.
    b.does("stop", "stop")
    b.is_now(NOT_RUNNING)
    a.does("promote")
    a.is_now(PROMOTED)
    assert a.target.stop() == 0 and b.target.stop() == 0


def a_target_that_is_gone_serves_nothing(world, folder):
    host = host_of(world, folder, "a", image(folder))
    why = f"no target runs that has the control socket {host.socket}"
    assert host.act("start") == (ERROR, why)
    host.start()
    host.does("start", "promote")
    host.target.kill()
    host.is_now(NOT_RUNNING)
    assert host.act("demote") == (NOT_RUNNING, "")
    assert host.act("start") == (ERROR, why)
    host.does("stop")
    # It starts again, and stands by until the cluster promotes it.
    host.start()
    host.is_now(NOT_RUNNING)
    host.does("start")
    host.is_now(SUCCESS)
    assert host.target.stop() == 0


def a_target_that_cannot_be_asked_is_not_taken_for_gone(world, folder):
    host = host_of(world, folder, "a", image(folder))
    host.start()
    host.does("start", "promote")
    os.rename(host.socket, host.socket + ".away")
    why = f"a target runs, but {host.socket} is gone: start the target again"
    for action in ["stop", "demote", "monitor"]:
        assert host.act(action) == (ERROR, why), action
    os.rename(host.socket + ".away", host.socket)
    host.is_now(PROMOTED)
    assert host.target.stop() == 0


def what_cannot_be_served_is_a_failure(world, folder):
    disk = image(folder)
    host = host_of(world, folder, "a", disk, standby=False)
    os.rename(disk, disk + ".away")
    host.start()
    missing = f"{disk}: No such file or directory"
    host.is_now(FAILED_PROMOTED, f"e0.2 is active and can't be served: not served, and tried again: {missing}")
    host.does("start")
    host.is_now(SUCCESS)
    assert host.act("promote") == (ERROR, f"aoe-target: e0.2: {missing}; it stands by")
    os.rename(disk + ".away", disk)
    host.does("promote", "stop")
    assert host.act("start", lun="e0.9") == (NOT_CONFIGURED, "the target has no LUN e0.9")
    assert host.act("stop", lun="e0.9") == (SUCCESS, "")
    assert host.act("monitor", lun="e0.9") == (NOT_RUNNING, "")
    assert host.target.stop() == 0


def ocf_tester_has_no_complaint(world, folder):
    for program in ["ocf-tester", "xmllint"]:
        if not shutil.which(program):
            raise lab.Skipped(f"{program} is not installed (apt-get install resource-agents libxml2-utils)")
    host = host_of(world, folder, "a", image(folder))
    host.start()
    options = [word for name, value in host.parameters().items() for word in ["-o", f"{name}={value}"]]
    tested = host.node.run(["ocf-tester", "-n", "disk", *options, AGENT], check=False, env={"HA_RSCTMP": folder})
    assert (tested.returncode, "passed all tests" in tested.stdout) == (0, True), tested.stdout + tested.stderr
    assert host.target.stop() == 0


lab.require("ip")
lab.require_namespaces()
lab.play_all([it_describes_itself, parameters_are_checked, a_lun_passes_from_node_to_node, a_target_that_is_gone_serves_nothing,
              a_target_that_cannot_be_asked_is_not_taken_for_gone, what_cannot_be_served_is_a_failure, ocf_tester_has_no_complaint])
