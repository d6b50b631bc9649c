"""That the role stays where it is while everything around it is bad.

Three daemons at default settings, 20 % of all packets between them lost, all
cores saturated, and one follower frozen for 5 s every 30 s: in 10 minutes no
change of primary.  A daemon that ends is started again, as systemd does.
--quick: 15 s, one freeze of 4 s, and a longer lease.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

import bench

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from clusters import Cluster  # noqa: E402
from prober import clock_us, nobody_us, several_us  # noqa: E402

LOSS_PERCENT = 20
SPIN = "while True: pass"


@contextlib.contextmanager
def saturated():
    """All cores busy."""
    spinners = [subprocess.Popen([sys.executable, "-c", SPIN])
                for _ in range(os.cpu_count())]
    try:
        yield
    finally:
        for process in spinners:
            process.kill()
            process.wait()


def revive(cluster):
    """Start what has ended; how many."""
    ended = [node for node in cluster.nodes if not node.running()]
    for node in ended:
        node.restart()
    return len(ended)


def freeze_by_turns(cluster, seconds, every, frozen):
    """Freeze a follower for @frozen out of each @every seconds; how often
    that was, and how many daemons ended."""
    end, freezes, ended = time.monotonic() + seconds, 0, 0
    while time.monotonic() + every <= end + 0.1:
        bench.settle(every - frozen)
        followers = cluster.followers()
        victim = followers[freezes % len(followers)]
        victim.freeze()
        bench.settle(frozen)
        victim.thaw()
        freezes += 1
        ended += revive(cluster)
    bench.settle(max(0.0, end - time.monotonic()))
    return freezes, ended + revive(cluster)


def changes_of_role(changes, begin, primary):
    """How often somebody else took the role, and how often it was lost."""
    late = [holders for at, holders in changes if at > begin]
    return (sum(1 for holders in late if holders - {primary.number}),
            sum(1 for holders in late if primary.number not in holders))


def main():
    quick = "--quick" in sys.argv
    seconds, every, frozen = (15, 10, 4) if quick else (600, 30, 5)
    with Cluster(3, lease_ms=3500 if quick else 500) as cluster:
        primary = cluster.start().primary()
        terms = set(cluster.terms().values())
        begin = clock_us()
        with saturated():
            cluster.hosts.lose_all(LOSS_PERCENT)
            freezes, ended = freeze_by_turns(cluster, seconds, every, frozen)
        end = clock_us()
        changes = cluster.prober.changes()
        taken, lost = changes_of_role(changes, begin, primary)
        cluster.hosts.heal()
        cluster.wait_whole()
        terms_after = set(cluster.terms().values())
        summary = cluster.prober.stop()
    nobody_ms = nobody_us(changes, begin, end) / 1e3
    return bench.finish("calm-cluster-quick" if quick else "calm-cluster", [
        bench.aim("changes of primary", taken + lost, 0, ""),
        bench.aim("time with two primaries",
                  several_us(changes, begin, end) / 1e3, 0, "ms"),
        bench.aim("terms begun", max(terms_after) - max(terms), 0, ""),
    ], [{"seconds": round((end - begin) / 1e6), "freezes": freezes,
         "daemons_ended": ended, "loss_percent": LOSS_PERCENT,
         "load": round(os.getloadavg()[1], 1), "nobody_ms": round(nobody_ms, 1),
         **summary}])


if __name__ == "__main__":
    sys.exit(main())
