"""How long nobody is primary after a fault, and that never two are.

Three daemons on hosts of their own (tests/e2e/netns.py), at default settings
and with a heartbeat of 20 ms and a lease of 100 ms.  A prober sees from
outside each millisecond who has the address that on_promote adds and
on_demote removes.  --quick: one repetition of each, with a longer lease.

Where the primary dies or cannot be reached, the time counts from the fault to
the moment when another node is primary; where it hands over as planned, for
as long as nobody had the address.
"""

import math
import pathlib
import random
import statistics
import sys

import bench

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from clusters import Cluster  # noqa: E402
from prober import clock_us, moved_at, nobody_us, several_us  # noqa: E402
from world import wait_for  # noqa: E402

SETTINGS = [(100, 500), (20, 100)]
QUICK = [(100, 5000)]  # the guard may come late by half a second
PLANNED = ("stop", "switchover")
AT_ONCE = {"kill": 60.0, "stop": 60.0, "switchover": 50.0}


# Each does its fault to the primary; heal() undoes them all.

def kill(_, node):
    node.kill()


def kill_with_guard(_, node):
    node.kill_with_guard()
    done = node.release()
    assert done.returncode == 0, done.stderr


def freeze(_, node):
    node.freeze()


def stop(_, node):
    node.stop()


def switchover(_, node):
    done = node.bascule("switchover")
    assert done.returncode == 0, done.stderr


def link_down(cluster, node):
    cluster.hosts.link(node.host, False)


def mute(cluster, node):
    for other in cluster.hosts.others(node.host):
        cluster.hosts.lose(node.host, other)


def deaf(cluster, node):
    for other in cluster.hosts.others(node.host):
        cluster.hosts.lose(other, node.host)


def partition(cluster, node):
    cluster.hosts.cut([node.host])


FAULTS = {"kill": kill, "kill-with-guard": kill_with_guard, "freeze": freeze,
          "stop": stop, "switchover": switchover, "link-down": link_down,
          "mute": mute, "deaf": deaf, "partition": partition}


def heal(cluster, name, node):
    """A frozen daemon is killed by its guard, and dead ones are started: that
    of a fault, and any that a guard found late by itself."""
    cluster.hosts.heal()
    if name == "freeze":
        wait_for(lambda: not node.running())
    for one in cluster.nodes:
        if not one.running():
            one.restart()


def once(cluster, name, leases):
    """Milliseconds without a primary, and with two in the next @leases."""
    old = cluster.wait_whole()
    # Let the fault meet the heartbeats anywhere.
    bench.settle(random.uniform(0.5, 3) * cluster.heartbeat_ms / 1e3)
    begin = clock_us()
    FAULTS[name](cluster, old)
    moved = wait_for(lambda: moved_at(cluster.prober.changes(), begin,
                                      old.number))
    bench.settle(leases * cluster.lease_ms / 1e3)
    heal(cluster, name, old)
    changes = cluster.prober.changes()
    gap = nobody_us(changes, begin, moved) if name in PLANNED else (
        moved - begin)
    return gap / 1e3, several_us(changes, begin, clock_us()) / 1e3


def percentile(values, percent):
    """By nearest rank."""
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


def measure(heartbeat_ms, lease_ms, times):
    """{fault: [ms without a primary]}, and the sums of the prober."""
    gaps = {name: [] for name in FAULTS}
    two_ms = 0.0
    with Cluster(3, heartbeat_ms=heartbeat_ms, lease_ms=lease_ms) as cluster:
        cluster.start()
        for _ in range(times):
            for name in FAULTS:
                gap, two = once(cluster, name, 2 if times > 1 else 0.5)
                gaps[name].append(gap)
                two_ms += two
        summary = cluster.prober.stop()
    return gaps, max(two_ms, summary["two_us"] / 1e3), summary


def row(name, heartbeat_ms, lease_ms, values):
    return {"fault": name, "heartbeat_ms": heartbeat_ms, "lease_ms": lease_ms,
            "times": len(values),
            "median_ms": round(statistics.median(values), 1),
            "p95_ms": round(percentile(values, 95), 1),
            "worst_ms": round(max(values), 1)}


def aims_of(name, heartbeat_ms, lease_ms, values):
    label = f"{name} at {heartbeat_ms}/{lease_ms} ms"
    if name in AT_ONCE:
        return [bench.aim(f"{label}, median", statistics.median(values),
                          AT_ONCE[name], "ms")]
    return [bench.aim(f"{label}, p95", percentile(values, 95),
                      lease_ms + 4 * heartbeat_ms, "ms"),
            bench.aim(f"{label}, worst", max(values),
                      2 * lease_ms + 4 * heartbeat_ms, "ms")]


def main():
    quick = "--quick" in sys.argv
    aims, rows = [], []
    for heartbeat_ms, lease_ms in QUICK if quick else SETTINGS:
        gaps, two_ms, summary = measure(heartbeat_ms, lease_ms,
                                        1 if quick else 20)
        for name, values in gaps.items():
            rows.append(row(name, heartbeat_ms, lease_ms, values))
            if not quick:
                aims += aims_of(name, heartbeat_ms, lease_ms, values)
        aims.append(bench.aim(
            f"two primaries at {heartbeat_ms}/{lease_ms} ms", two_ms, 0, "ms"))
        rows.append({"prober": f"{heartbeat_ms}/{lease_ms} ms", **summary})
    return bench.finish("failover-quick" if quick else "failover", aims, rows)


if __name__ == "__main__":
    sys.exit(main())
