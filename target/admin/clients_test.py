"""aoe-target and its clients: what each may do, and what `ctl` shows of them.

usage: clients_test.py AOE_TARGET
"""

import re
import sys

import lab
from target_words import *

TARGET = sys.argv[1]


def images(folder, *slots):
    for slot in slots:
        image(folder, f"disk{slot}.img", content=b"disk %d" % slot)


def clients_have_the_rights_of_the_configuration(world, folder):
    images(folder, 1)
    reader, writer = bytes.fromhex("020000000021"), bytes.fromhex("020000000022")
    may = {"everyone": ["read"], "02:00:00:00:00:22": "all"}
    cable, server, target, ctl = serve(TARGET, world, folder, [lun(1, rights=may)])
    data, at = b"w" * SECTOR, {"address": (0, 1)}
    assert cable.read(source=reader, **at)[1].startswith(b"disk 1")
    assert cable.write(data, source=reader, **at).status == ABORTED
    assert cable.write(data, source=writer, **at).status == DONE and cable.read(source=reader, **at) == (DONE, data)
    config_string_present, reserved = 4, 6
    assert cable.ask(CONFIG, config_set(b"mine"), source=reader, **at).error == config_string_present
    assert cable.ask(RESERVE, reserve_set(reader), source=reader, **at).error == reserved
    refused = cable.ask(MASK, mask_edit((MASK_ADD, reader)), source=reader, **at)
    assert refused.error == 0 and refused.arg[2:4] == bytes([1, 0]), refused
    assert cable.ask(CONFIG, config_set(b"mine"), source=writer, **at).error == 0
    configure(folder, [lun(1, rights={"everyone": [], "02:00:00:00:00:21": ["read", "write"]})])
    assert ctl("reload") == "e0.1: changed\n"
    assert cable.write(data, source=reader, **at).status == DONE
    assert cable.write(data, source=writer, **at).status == ABORTED and cable.read(source=writer, **at)[0] == ABORTED
    assert cable.ata(IDENTIFY, sectors=1, source=writer, **at).status == DONE


def ctl_shows_clients_and_rates(world, folder):
    images(folder, 1)
    cable, server, target, ctl = serve(TARGET, world, folder, [lun(1), lun(2, "memory:1MiB")])
    first, second = bytes.fromhex("020000000021"), bytes.fromhex("020000000022")
    for number in range(3):
        assert cable.read(2, source=first, address=(0, 1))[0] == DONE
    assert cable.write(b"w" * SECTOR, source=second, address=(0, 2)).status == DONE
    assert cable.read(lba=1 << 40, source=second, address=(0, 2))[0] == ABORTED

    def clients():
        return {(each["client"], each["lun"]): each for each in ctl.json("clients")["clients"]}

    def figures(each):
        return [each[key] for key in ["interface", "requests", "bytes_read", "bytes_written", "errors", "unanswered"]]

    one, two = ("02:00:00:00:00:21", "e0.1"), ("02:00:00:00:00:22", "e0.2")
    assert clients().keys() == {one, two}, clients()
    assert figures(clients()[one]) == ["eth0", 3, 6 * SECTOR, 0, 0, 0], clients()
    assert figures(clients()[two]) == ["eth0", 2, 0, SECTOR, 1, 0], clients()
    assert 0 <= clients()[one]["last_seen_s"] < 600
    shown = ctl("clients").splitlines()
    assert re.fullmatch(r"client +lun +interface +requests +MB-read +MB-written +errors +unanswered +seen", shown[0]), shown
    assert len(shown) == 3 and shown[1].startswith("02:00:00:00:00:22  e0.2  eth0"), shown
    ctl("mask", "e0.1", "--add", MAC_A)
    assert cable.silent(address=(0, 1), source=first, witness=(0, 2), witness_source=second)
    assert clients()[one]["unanswered"] == 1

    with Load(cable, (0, 2), b"w" * SECTOR) as load:
        rates = ctl.json("top", "--interval", "0.2")
        load.goes_on(1)
    assert {each["lun"] for each in rates["luns"]} == {"e0.1", "e0.2"} and rates["seconds"] >= 0.2, rates
    busy = rates["clients"][0]
    assert (busy["client"], busy["lun"]) == ("02:00:00:00:00:1d", "e0.2") and busy["requests"] > 0, rates
    assert "requests/s" in ctl("top", "--interval", "0.1").splitlines()[0]

    assert ctl("clear-stats") == "counters begin at 0\n"
    assert clients() == {}
    report = ctl.json("stats")["report"]
    assert [each["requests"] for each in report["luns"]] == [0, 0] and report["ports"][0]["received"] == 0, report
    assert 'aoe_target_lun_writes_total{lun="e0.2"} 1' in ctl("metrics"), "what Prometheus reads never goes back"
    assert cable.read(source=first, address=(0, 2))[0] == DONE
    assert [each["requests"] for each in ctl.json("stats")["report"]["luns"]] == [0, 1]


def top_goes_on_on_a_terminal(world, folder):
    images(folder, 1)
    cable, server, target, ctl = serve(TARGET, world, folder, [lun(1)])
    command = f"{TARGET} ctl --socket {folder}/control.sock top --interval 0.1"
    top = server.start(["script", "--quiet", "--return", "--command", command, "/dev/null"])
    for _ in range(3):
        assert top.wait_for("lun   requests/s").startswith("\x1b[H\x1b[2J")
    assert target.stop() == 0
    top.wait_for("aoe-target: ")
    assert top.wait() in (1, 3)


def ctl_shows_requests_as_they_come(world, folder):
    images(folder, 1)
    cable, server, target, ctl = serve(TARGET, world, folder, [lun(1)])
    trace = server.start([TARGET, "ctl", "--socket", f"{folder}/control.sock", "trace", "e0.1"])
    at = {"address": (0, 1)}

    def seen():
        cable.read(lba=7, **at)
        return "READ EXT lba 7+1" in trace.output

    lab.eventually(seen, "a traced read")
    time_and_client = r"\d\d:\d\d:\d\d\.\d{6} 02:00:00:00:00:0c"
    trace.wait_for("> e0.1 READ EXT lba 7+1")
    assert re.fullmatch(rf"{time_and_client} < e0\.1 ATA reply ok lba 7 left 0 tag [0-9a-f]{{8}}", trace.wait_for(" < ")), trace.output
    assert cable.write(b"w" * SECTOR, lba=9, **at).status == DONE
    trace.wait_for("> e0.1 WRITE EXT lba 9+1")
    trace.wait_for("< e0.1 ATA reply ok lba 9")
    assert cable.ask(CONFIG, config_set(b"mine"), **at).error == 0
    trace.wait_for("> e0.1 config force-set")
    trace.wait_for("< e0.1 config")  # once it is stable
    ctl("mask", "e0.1", "--add", MAC_A)
    cable.request(CONFIG, bytes(8), **at)
    trace.wait_for("02:00:00:00:00:0c - silent: masked source")
    assert ctl.refused("trace", "e0.9") == "e0.9: no such LUN"
    assert target.stop() == 0
    trace.wait_for("aoe-target: ")
    assert trace.wait() in (1, 3)


def status_names_interfaces_that_are_not_there(world, folder):
    images(folder, 1)
    cable, server, target, ctl = serve(TARGET, world, folder, [lun(1, interfaces=["eth0", "eth9", "wan*"]), lun(2, "memory:1MiB", interfaces="eth9")])
    absent = ["eth9: no such interface yet", "wan*: matches no interface yet"]
    assert ctl("status").endswith("\n\n" + "\n".join(absent) + "\n"), ctl("status")
    assert ctl.json("status")["report"]["absent_interfaces"] == absent
    world.join(cable.client, "port9", server, "eth9")
    target.wait_for("on eth9")
    assert ctl.json("status")["report"]["absent_interfaces"] == absent[1:]
    server.ip("link", "del", "eth0")
    target.wait_for("eth0 is gone")
    assert "\neth0: no such interface yet\n" in ctl("status"), ctl("status")


def main():
    lab.require("ip", "script")
    lab.require_namespaces()
    lab.play_all([clients_have_the_rights_of_the_configuration, ctl_shows_clients_and_rates, top_goes_on_on_a_terminal,
                  ctl_shows_requests_as_they_come,
                  status_names_interfaces_that_are_not_there])


main()
