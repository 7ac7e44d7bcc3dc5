"""aoe-target holds LUNs and clients to their limits, and aoe-initiator settles at them.

usage: limits_test.py AOE_TARGET AOE_INITIATOR
"""

import json
import sys

import lab
from target_words import *

TARGET, INITIATOR = sys.argv[1:3]
SECONDS = 2
IOPS = 1000


class Bench:
    """Reads of two sectors, each one command, 64 at a time. The result is there once it has ended."""

    def __init__(self, client, lun, profile="rfc6298"):
        self._process = client.start([INITIATOR, "bench", lun, "--interface", "eth0", "--size", "1024", "--json",
                                      "--seconds", SECONDS, "--profile", profile])

    def result(self):
        assert self._process.wait() == 0, self._process.output
        return json.loads(self._process.output)


def start(world, folder, luns, **more):
    """A client, a server and its target of these LUNs."""
    client, server = world.node("client"), world.node("server")
    world.join(client, "eth0", server, "eth0")
    target = server.start([TARGET, "--config", configure(folder, luns, **more), "--no-state"])
    target.wait_for("ready")
    return client, server, target


def assert_at_limit(result):
    """As many requests as the limit and one burst allow, and few that were sent again."""
    most = IOPS * (result["seconds"] + 0.1) + 1
    print(f"{result['requests']} requests in {result['seconds']:.2f} s, {result['retransmissions']} sent again")
    assert most / 2 < result["requests"] <= most, result
    assert result["retransmissions"] < result["requests"] / 4, result


def a_client_settles_at_the_limit_of_a_lun_and_its_neighbour_is_free(world, folder):
    client, server, target = start(world, folder, [lun(2, "memory:1MiB", limits={"iops": IOPS}), lun(3, "memory:1MiB")])
    for profile in ["rfc6298", "linux"]:
        limited, free = Bench(client, "e0.2", profile), Bench(client, "e0.3", profile)
        assert_at_limit(limited.result())
        requests = free.result()["requests"]
        print(f"{requests} requests without a limit")
        assert requests > 4 * IOPS * SECONDS
    counters = Control(TARGET, server, folder).json("stats")["report"]["luns"]
    assert counters[0]["delayed"] > 0 and counters[0]["limits"]["iops"] == IOPS, counters[0]
    assert counters[1]["delayed"] == 0 and counters[1]["dropped_limit"] == 0, counters[1]
    assert target.stop() == 0


def a_limit_in_bytes_counts_both_directions(world, folder):
    client, server, target = start(world, folder, [lun(2, "memory:1MiB", limits={"bytes-per-second": "1000KiB"})])
    assert_at_limit(Bench(client, "e0.2").result())
    assert target.stop() == 0


def a_reload_sets_and_lifts_limits(world, folder):
    client, server, target = start(world, folder, [lun(2, "memory:1MiB")])
    control = Control(TARGET, server, folder)
    configure(folder, [lun(2, "memory:1MiB", limits={"iops": IOPS})])
    assert "e0.2: changed" in control("reload")
    assert f"e0.2: limited to {IOPS} operations per second" in control("status")
    assert_at_limit(Bench(client, "e0.2").result())
    configure(folder, [lun(2, "memory:1MiB")])
    assert "e0.2: changed" in control("reload")
    assert Bench(client, "e0.2").result()["requests"] > 4 * IOPS * SECONDS
    assert target.stop() == 0


def limits_of_clients_hold_over_all_luns_and_for_each_by_itself(world, folder):
    luns = [lun(2, "memory:1MiB"), lun(3, "memory:1MiB")]
    limits = {"everyone": {"iops": IOPS}}
    client, server, target = start(world, folder, luns, **{"client-limits": limits})
    both = [Bench(client, name) for name in ["e0.2", "e0.3"]]
    results = [each.result() for each in both]
    most = IOPS * (max(result["seconds"] for result in results) + 0.5)  # they do not begin together
    assert most / 2 < sum(result["requests"] for result in results) <= most, results
    cable = Cable.at(client, "eth0")
    running = Bench(client, "e0.2")
    for _ in range(20):
        assert cable.read(source=bytes.fromhex("0200000000ee"), timeout=1)[0] == DONE, "another client"
    assert_at_limit(running.result())

    free = {client.link("eth0")["address"]: {}, **limits}
    configure(folder, luns, **{"client-limits": free})
    assert "client-limits: changed" in Control(TARGET, server, folder)("reload")
    assert Bench(client, "e0.2").result()["requests"] > 4 * IOPS * SECONDS
    assert target.stop() == 0


def main():
    lab.require("ip")
    lab.require_namespaces()
    lab.play_all([a_client_settles_at_the_limit_of_a_lun_and_its_neighbour_is_free,
                  a_limit_in_bytes_counts_both_directions, a_reload_sets_and_lifts_limits,
                  limits_of_clients_hold_over_all_luns_and_for_each_by_itself])


main()
