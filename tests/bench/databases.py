"""How long a group of databases takes no writes after a fault, and what of
those that were acknowledged is gone.

Three hosts (tests/e2e/database_hosts.py) with an instance, a HAProxy, a
daemon at default settings and a client each; 500 numbered rows a second in
all.  The fault meets the instance that is the primary.  All is seen by the
clients: from the fault until another instance has acknowledged a row; rows
that were acknowledged and are not there afterwards; rows of the old primary
that were sent after another one had acknowledged one (two took writes at one
instant); and from the repair until the old primary follows the new one.

    databases.py [--kinds redis,postgresql] [--faults kill,freeze]
                 [--times 10] [--failover 'durability = "no-loss";']
"""

import argparse
import math
import pathlib
import random
import statistics
import sys
import time

import bench

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from database_hosts import (INSTANCES, DatabaseHosts,  # noqa: E402
                            overlapping)
from prober import clock_us  # noqa: E402
from world import wait_for  # noqa: E402

ROUTING_LEASE_MS = 1000.0
BACK_S = 30
KILL_MS = {"redis": 200.0, "postgresql": 500.0, "mysql": 500.0}


# Each does its fault to the primary, @group.instances[number]; mend() undoes
# them all.

def kill(group, number):
    group.instances[number].kill()


def kill_host(group, number):
    group.kill_host(number)


def freeze(group, number):
    group.instances[number].freeze()


def cut_off(group, number):
    group.hosts.cut([group.hosts[number]])


FAULTS = {"kill": kill, "kill-host": kill_host, "freeze": freeze,
          "cut-off": cut_off}
# Nothing dies of these: so long the fault lasts once another one is primary.
LASTS = {"freeze": 0.5, "cut-off": 1.5}


def lost(rows, primary):
    """Rows that were acknowledged and that @primary does not have."""
    missing = set(primary.lacks([row[2] for row in rows]))
    return [row for row in rows if row[2] in missing]


def is_back(old, new):
    """Or, with a history that parted, it may have to be copied anew."""
    try:
        return wait_for(lambda: old.follows(new), BACK_S, every=old.patience)
    except AssertionError:
        return False


def once(group, fault):
    """One row of the report."""
    begin = clock_us()
    old = group.instance(group.wait_writes(begin)[3])
    office = group.wait_whole().name == old.name
    group.wait_routed(old)
    # Let the fault meet checks and heartbeats anywhere.
    bench.settle(1 + random.uniform(0, 0.5))
    at = clock_us()
    FAULTS[fault](group, group.instances.index(old))
    first = group.wait_writes(at, other_than=old.name, seconds=60)
    new = group.instance(first[3])
    bench.settle(LASTS.get(fault, 0.2))
    mended = time.monotonic()
    group.mend()
    back = is_back(old, new) and round(1e3 * (time.monotonic() - mended), 1)
    group.wait_whole(30)
    # Which may be another one again, should that have died by itself.
    last = group.instance(group.wait_writes(clock_us())[3])
    group.wait_routed(last)
    bench.settle(0.3)
    until = clock_us() - 100_000
    rows = [row for row in group.rows(begin) if row[0] < until]
    gone = lost(rows, last)
    return {"fault": fault, "office": office, "rows": len(rows),
            "ms": round((first[0] - at) / 1e3, 1),
            "lost": len(gone),
            "lost_old": len([row for row in gone if row[0] <
                             first[0] - 1e3 * (ROUTING_LEASE_MS + 500)]),
            "twofold": len(overlapping(rows, old.name)),
            "back_ms": back, "again": last is not new}


def percentile(values, percent):
    """By nearest rank."""
    rank = math.ceil(percent / 100 * len(values))
    return sorted(values)[max(rank, 1) - 1]


def some(kind, faults, failover):
    """One group and what is left of @faults, until an old primary does not
    come back by itself: [row of the report]."""
    with DatabaseHosts(kind, failover, 'timeout = "200ms";',
                       lease_ms=500) as group:
        group.start()
        for client in group.clients:
            client.start()
        while faults:
            one = once(group, faults.pop(0))
            print(kind, one, flush=True)
            yield one
            if one["back_ms"] is False:
                group.print_logs()
                return


def measure(kind, faults, times, failover):
    left, found = faults * times, {fault: [] for fault in faults}
    while left:
        for one in some(kind, left, failover):
            found[one["fault"]].append(one)
    return found


def row(kind, fault, ones):
    ms = [one["ms"] for one in ones]
    back = [one["back_ms"] for one in ones if one["back_ms"] is not False]
    return {"kind": kind, "fault": fault, "times": len(ones),
            "median_ms": round(statistics.median(ms), 1),
            "p95_ms": round(percentile(ms, 95), 1), "worst_ms": max(ms),
            "lost": [one["lost"] for one in ones],
            "twofold": sum(one["twofold"] for one in ones),
            "back_median_ms": round(statistics.median(back), 1) if back else
            None, "back_worst_ms": max(back, default=None),
            "not_back": len(ones) - len(back)}


def aims_of(kind, fault, ones, no_loss):
    name = f"{kind}, {fault}"
    limit = KILL_MS[kind] + (0 if fault == "kill" else ROUTING_LEASE_MS)
    of = "lost" if no_loss else "lost_old"
    return [
        bench.aim(f"{name}, median", statistics.median(
            one["ms"] for one in ones), limit, "ms"),
        bench.aim(f"{name}, taken by two", sum(
            one["twofold"] for one in ones), 0, "rows"),
        bench.aim(f"{name}, acknowledged and lost" + (
            "" if no_loss else " from before the last lease"), sum(
                one[of] for one in ones), 0, "rows")]


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--kinds", default=",".join(INSTANCES))
    words.add_argument("--faults", default=",".join(FAULTS))
    words.add_argument("--times", type=int, default=10)
    words.add_argument("--failover", default="")
    ask = words.parse_args()
    aims, rows = [], []
    for kind in ask.kinds.split(","):
        found = measure(kind, ask.faults.split(","), ask.times, ask.failover)
        for fault, ones in found.items():
            rows.append(row(kind, fault, ones))
            aims += aims_of(kind, fault, ones, "no-loss" in ask.failover)
    return bench.finish("databases", aims, rows)


if __name__ == "__main__":
    sys.exit(main())
