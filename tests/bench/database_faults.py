"""What databases.py does to a group, and what it sees of it: the faults, and
one repetition of each as a row of figures."""

import datetime
import statistics
import time

import bench
from database_hosts import Client, overlapping
from prober import clock_us
from world import wait_for

BACK_S = 45
# What a client waits before it repeats a request that failed, which is also
# the aim for how long nobody takes writes in a switchover.
PAUSE_MS = {"redis": 100.0, "postgresql": 500.0, "mysql": 500.0}
LEASE_MS = 500
ROUTING_LEASE_MS = 2.0 * LEASE_MS
# A write that is still on its way when the last route is withdrawn.
LATE_MS = 500


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


def hang_disk(group, number):
    group.disks[number].freeze()


FAULTS = {"kill": kill, "kill-host": kill_host, "freeze": freeze,
          "cut-off": cut_off, "hang-disk": hang_disk}
# Nothing dies of these: so long the fault lasts once another one is primary.
LASTS = {"freeze": 0.5, "cut-off": 1.5, "hang-disk": 0.5}


# These befall the daemon beside the primary, which is well: nobody is to take
# its place.

def daemon_killed(group, number):
    group.nodes[number].kill()


def daemon_frozen(group, number):
    group.nodes[number].freeze()


def daemon_cut_off(group, number):
    group.hosts.lose_datagrams(group.hosts[number])


OBSERVERS = {"daemon-kill": daemon_killed, "daemon-freeze": daemon_frozen,
             "daemon-cut-off": daemon_cut_off}


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


def wall(text):
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


def record(group, since):
    """What the daemons say of the last failover since then: (begun, done)."""
    begun = done = None
    for node in group.nodes:
        if not node.running():
            continue
        for event in node.ask("/api/v1/events?since=5m&limit=10000")[1][
                "events"]:
            if wall(event["time"]) < since:
                continue
            if event["kind"] == "group_failover_begun":
                begun = event
            if event["kind"] == "group_failover":
                done = event
    return begun, done


def phases(found, at):
    """Milliseconds from the fault: until it is decided, nobody routes to what
    is left, positions stand still, the new one is promoted, and is routed."""
    begun, done = found
    if begun is None or done is None:
        return None
    first = wall(begun["time"]) - at
    steps = done["steps"]
    return [round(1e3 * ms) for ms in (
        first, *(first + steps[f"{name}_seconds"]
                 for name in ("withdrawn", "frozen", "promoted")),
        first + done["seconds"])]


def position(group, name):
    """Of the primary, by its own word."""
    for node in group.nodes:
        if not node.running():
            continue
        status, target = node.ask(f"/api/v1/target?name={name}")
        if status == 200 and target["database"]:
            return target["database"]["applied"], clock_us()
    return None


class Meter:
    """How long the history of the data grows by each row."""

    def __init__(self, group, primary):
        self.group, self.name = group, primary.name
        self.first = position(group, self.name)

    def per_row(self):
        last = position(self.group, self.name)
        if not self.first or not last:
            return None
        rows = [row for row in self.group.rows(self.first[1])
                if row[0] < last[1]]
        grown = last[0] - self.first[0]
        return grown / len(rows) if rows and grown > 0 else None


def rest(group, begin, last):
    """All that was acknowledged since @begin, once it is settled."""
    group.wait_whole(30)
    group.wait_routed(last)
    bench.settle(0.3)
    until = clock_us() - 100_000
    return [row for row in group.rows(begin) if row[0] < until]


def estimate(done, per_row):
    """Rows that may be lost by the record: (at least, about); or None."""
    if done is None or not per_row or done["lost_bytes_estimate"] is None:
        return None
    most = done["lost_bytes_most"]
    return [round(done["lost_bytes_estimate"] / per_row),
            None if most is None else round(most / per_row)]


def ready(group):
    """(begin, the primary) of a group in which all is well."""
    begin = clock_us()
    old = group.instance(group.wait_writes(begin)[3])
    group.wait_whole()
    group.wait_routed(old)
    for other in group.instances:
        if other is not old:
            wait_for(lambda o=other: o.follows(old), BACK_S,
                     every=other.patience)
    return begin, old


def once(group, fault):
    """One row of the report."""
    begin, old = ready(group)
    number = group.instances.index(old)
    office = group.primary() is group.nodes[number]
    meter = Meter(group, old)
    bench.settle(1.2)
    per_row = meter.per_row()
    # Let the fault meet checks and heartbeats anywhere.
    bench.settle_randomly(0.5)
    at, at_wall = clock_us(), time.time()
    FAULTS[fault](group, number)
    first = group.wait_writes(at, other_than=old.name, seconds=60)
    new = group.instance(first[3])
    if fault == "hang-disk":
        # It begins at no known instant: what is dirty is written first.
        begun = max(row[0] for row in group.rows(begin) if row[3] == old.name)
        at, at_wall = begun, at_wall + (begun - at) / 1e6
    bench.settle(LASTS.get(fault, 0.2))
    mended = time.monotonic()
    group.mend()
    back = is_back(old, new) and round(1e3 * (time.monotonic() - mended), 1)
    # Which may be another one again, should that have died by itself.
    last = group.instance(group.wait_writes(clock_us())[3])
    rows = rest(group, begin, last)
    gone = lost(rows, last)
    found = record(group, at_wall)
    return {"fault": fault, "office": office, "rows": len(rows),
            "ms": round((first[0] - at) / 1e3, 1),
            "phases_ms": phases(found, at_wall),
            "lost": len(gone),
            "lost_old": len([row for row in gone if row[0] <
                             first[0] - 1e3 * (ROUTING_LEASE_MS + LATE_MS)]),
            "estimate": estimate(found[1], per_row),
            "twofold": len(overlapping(rows, old.name)),
            "back_ms": back, "again": last is not new}


def once_kept(group, fault):
    """Where nobody may take its place (Redis under no-loss): what it does
    until it is mended."""
    begin, old = ready(group)
    bench.settle_randomly(0.5)
    at = clock_us()
    FAULTS[fault](group, group.instances.index(old))
    bench.settle(3)
    group.mend()
    mended = clock_us()
    first = group.wait_writes(mended, seconds=60)
    last = group.instance(first[3])
    rows = rest(group, begin, last)
    return {"fault": fault, "rows": len(rows),
            "ms": round((first[0] - mended) / 1e3, 1),
            "promoted": len({row[3] for row in rows} - {old.name}),
            "down_ms": round((first[0] - at) / 1e3, 1),
            "lost": len(lost(rows, last)),
            "twofold": len(overlapping(rows, old.name))}


def longest_gap_ms(group, since, until, hosts=None):
    """Of each client by itself; the longest."""
    longest = 0
    for client in group.clients:
        if hosts is not None and client.host not in hosts:
            continue
        done = [since, *(row[0] for row in client.rows(since)
                         if row[0] < until), until]
        longest = max(longest, max(b - a for a, b in zip(done, done[1:])))
    return round(longest / 1e3, 1)


def retriers(group):
    return [Client(host, i + 11, group.kind, 20, group.folder,
                   "database_retry", [PAUSE_MS[group.kind] / 1e3])
            for i, host in enumerate(group.hosts)]


def switchover(group):
    """As planned, under load, with clients that repeat a failed request."""
    begin, old = ready(group)
    retrying = retriers(group)
    for client in retrying:
        client.start()
        wait_for(client.lines)
    bench.settle(0.5)
    at, at_wall = clock_us(), time.time()
    answer = group.primary().bascule("switchover", "db")
    assert answer.returncode == 0, answer.stderr
    new = group.instance(group.wait_writes(at, other_than=old.name)[3])
    bench.settle(1)
    until = clock_us()
    for client in retrying:
        client.stop()
    words = [line[2] for client in retrying for line in client.lines()
             if begin <= int(line[1])]
    back = is_back(old, new)
    rows = rest(group, begin, new)
    return {"fault": "switchover", "rows": len(rows),
            "gap_ms": longest_gap_ms(group, at, until),
            "phases_ms": phases(record(group, at_wall), at_wall),
            "requests": len(words), "second": words.count("second"),
            "failed": words.count("failed"),
            "lost": len(lost(rows, new)),
            "twofold": len(overlapping(rows, old.name)),
            "not_back": int(back is False)}


def observer(group, fault):
    """The primary is well, and who looks after it is not: the clients of the
    other hosts go on."""
    begin, old = ready(group)
    number = group.instances.index(old)
    others = [host for i, host in enumerate(group.hosts) if i != number]
    office = group.primary() is group.nodes[number]
    server = old.server()
    at = clock_us()
    OBSERVERS[fault](group, number)
    bench.settle(3 * ROUTING_LEASE_MS / 1e3)
    until = clock_us()
    gap = longest_gap_ms(group, at, until, others)
    same = old.server() == server
    group.mend()
    rows = rest(group, begin, old)
    return {"fault": fault, "office": office, "rows": len(rows),
            "gap_ms": gap, "stopped": int(not same),
            "others": len([row for row in rows if row[3] != old.name]),
            "lost": len(lost(rows, old))}


def median(values):
    return round(statistics.median(values), 1)
