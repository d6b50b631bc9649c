"""How long a group of databases takes no writes after a fault, and what of
those that were acknowledged is gone.

Three hosts (tests/e2e/database_hosts.py) with an instance, a HAProxy, a
daemon and a client each; 500 numbered rows a second in all.  The fault meets
the instance that is the primary; of a host that is cut off, its client and
its HAProxy are cut off with it.  All is seen by the clients: from the fault
until another instance has acknowledged a row; rows that were acknowledged and
are not there afterwards, beside what the record of the failover estimates;
rows of the old primary that were sent after another one had acknowledged one
(two took writes at one instant); and from the repair until the old primary
follows the new one.  The phases are the daemons' own record: milliseconds
from the fault until it is decided, nobody routes to what is left, positions
stand still, the new one is promoted, and routed.

Then a primary that is well, whose own daemon is not; and a switchover, with
clients that repeat a request that failed once.

    databases.py [--kinds redis,postgresql] [--faults kill,freeze] [--times 10]
                 [--durability availability,no-loss] [--quick]

--quick: one kind, killed once; no figure of time is an aim.
"""

import argparse
import pathlib
import sys

import bench

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

import database_faults as faults  # noqa: E402
from database_faults import PAUSE_MS, ROUTING_LEASE_MS, median  # noqa: E402
from database_hosts import INSTANCES, DatabaseHosts  # noqa: E402

KILL_MS = {"redis": 200.0, "postgresql": 500.0, "mysql": 500.0}
# What is done, in this order: each on a group that is well.
KINDS_OF_FAULT = [*faults.FAULTS, *faults.OBSERVERS, "switchover"]
SETTINGS = 'canary = "200ms";'
PATIENCE = 'timeout = "200ms";'


def run(group, fault, no_loss):
    if fault == "switchover":
        return faults.switchover(group)
    if fault in faults.OBSERVERS:
        return faults.observer(group, fault)
    if no_loss and group.kind == "redis":
        return faults.once_kept(group, fault)
    return faults.once(group, fault)


def some(kind, left, no_loss, quick):
    """One group and what is left to be done, until an old primary does not
    come back by itself: [row of the report]."""
    durability = 'durability = "no-loss";' if no_loss else ""
    with DatabaseHosts(kind, SETTINGS + durability, "" if quick else PATIENCE,
                       durable=no_loss, disks=not quick,
                       lease_ms=2000 if quick else faults.LEASE_MS) as group:
        group.start()
        for client in group.clients:
            client.start()
        while left:
            try:
                one = run(group, left.pop(0), no_loss)
            except BaseException:
                group.print_logs()
                raise
            print(kind, "no-loss" if no_loss else "availability", one,
                  flush=True)
            yield one
            if one.get("back_ms") is False:
                group.print_logs()
                return


def measure(kind, names, times, no_loss, quick):
    if no_loss and kind == "redis":
        # Nobody may follow: bascule.conf(5) on durability.
        names = [name for name in names if name != "switchover"]
    left, found = names * times, {name: [] for name in names}
    while left:
        for one in some(kind, left, no_loss, quick):
            found[one["fault"]].append(one)
    return found


def summary(name, fault, ones):
    row = {"group": name, "fault": fault, "times": len(ones)}
    for key in ("ms", "gap_ms", "back_ms"):
        values = [one[key] for one in ones
                  if one.get(key) not in (None, False)]
        if values:
            row[f"{key.removesuffix('ms')}median_ms"] = median(values)
            row[f"{key.removesuffix('ms')}worst_ms"] = max(values)
    found = [one["phases_ms"] for one in ones if one.get("phases_ms")]
    if found:
        row["phases_median_ms"] = [median(phase) for phase in zip(*found)]
    for key in ("lost", "estimate"):
        values = [one[key] for one in ones if one.get(key) is not None]
        if values:
            row[key] = values
    for key in ("twofold", "failed", "promoted", "stopped", "others"):
        if key in ones[0]:
            row[key] = sum(one[key] for one in ones)
    if "back_ms" in ones[0]:
        row["not_back"] = len([1 for one in ones if one["back_ms"] is False])
    return row


def never(name, what, ones, key, unit="rows"):
    return bench.aim(f"{name}, {what}", sum(one[key] for one in ones), 0, unit)


def aims_of(kind, name, fault, ones, no_loss):
    """Of safety; those of time are added by timely()."""
    aims = []
    if fault in faults.OBSERVERS:
        return [never(name, "primary stopped", ones, "stopped", "times"),
                never(name, "taken by another", ones, "others"),
                never(name, "acknowledged and lost", ones, "lost")]
    aims.append(never(name, "taken by two", ones, "twofold"))
    if no_loss or fault == "switchover":
        aims.append(never(name, "acknowledged and lost", ones, "lost"))
    elif "lost_old" in ones[0]:
        aims.append(never(name, "acknowledged and lost from before the last "
                          "lease", ones, "lost_old"))
    if "promoted" in ones[0]:
        aims.append(never(name, "promoted", ones, "promoted", "times"))
    if fault == "switchover":
        aims.append(never(name, "failed with one retry", ones, "failed",
                          "requests"))
    return aims


def timely(kind, name, fault, ones):
    if fault == "switchover":
        return [bench.aim(f"{name}, longest gap", max(
            one["gap_ms"] for one in ones), PAUSE_MS[kind], "ms")]
    if fault in faults.OBSERVERS or "promoted" in ones[0]:
        return []
    limit = KILL_MS[kind] + (0 if fault == "kill" else ROUTING_LEASE_MS)
    aims = [bench.aim(f"{name}, median", median(one["ms"] for one in ones),
                      limit, "ms")]
    aims.append(bench.aim(f"{name}, old primary not back", len(
        [1 for one in ones if one["back_ms"] is False]), 0, "times"))
    return aims


def words():
    ask = argparse.ArgumentParser()
    ask.add_argument("--kinds", default=",".join(INSTANCES))
    ask.add_argument("--faults", default=",".join(KINDS_OF_FAULT))
    ask.add_argument("--times", type=int, default=10)
    ask.add_argument("--durability", default="availability,no-loss")
    ask.add_argument("--quick", action="store_true")
    asked = ask.parse_args()
    if asked.quick:
        asked.kinds, asked.faults, asked.times = "redis", "kill", 1
        asked.durability = "availability"
    return asked


def main():
    ask = words()
    aims, rows = [], []
    for kind in ask.kinds.split(","):
        for durability in ask.durability.split(","):
            no_loss = durability == "no-loss"
            found = measure(kind, ask.faults.split(","), ask.times, no_loss,
                            ask.quick)
            for fault, ones in found.items():
                name = f"{kind}, {durability}, {fault}"
                rows.append(summary(f"{kind}, {durability}", fault, ones))
                aims += aims_of(kind, name, fault, ones, no_loss)
                if not ask.quick:
                    aims += timely(kind, name, fault, ones)
    return bench.finish("databases-quick" if ask.quick else "databases",
                        aims, rows)


if __name__ == "__main__":
    sys.exit(main())
