"""That nothing comes of hostile datagrams.

Three daemons at default settings; then what an earlier boot was sent comes
again, a tour of everything that can be wrong with a datagram, and two floods
of 100,000 a second for 10 s each, at the primary and at all.  No daemon may
end, no role change, and no node be silent to another for a lease.
--quick: floods of 2 s.
"""

import pathlib
import sys

import bench

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

import hostile  # noqa: E402
from clusters import PORT, Cluster, write_key  # noqa: E402
from prober import clock_us, nobody_us, several_us  # noqa: E402

ENEMY = bench.BUILD / "tests/e2e/enemy"
RATE = 101_000      # so that 100,000 are reached, if the machine can


def main():
    quick = "--quick" in sys.argv
    with Cluster(3, lease_ms=500, more_hosts=1) as cluster:
        primary = cluster.start().primary()
        other_key = cluster.folder / "other.key"
        write_key(other_key)
        begin = clock_us()
        phases = hostile.attack(cluster, ENEMY, other_key, PORT,
                                seconds=2 if quick else 10, rate=RATE)
        end, changes = clock_us(), cluster.prober.changes()
        ended = sum(not node.running() for node in cluster.nodes)
        counts = primary.counts()
    rows = [{"phase": name, **figures} for name, figures in phases.items()]
    return bench.finish("hostile-quick" if quick else "hostile", [
        bench.aim("daemons that ended", ended, 0, ""),
        bench.aim("changes of role", sum(at > begin for at, _ in changes), 0,
                  ""),
        bench.aim("time without a primary",
                  nobody_us(changes, begin, end) / 1e3, 0, "ms"),
        bench.aim("time with two primaries",
                  several_us(changes, begin, end) / 1e3, 0, "ms"),
        bench.aim("worst pause between heartbeats",
                  max(f["pause_ms"] for f in phases.values()),
                  cluster.lease_ms, "ms"),
    ], [*rows, {"at": "primary", **counts}])


if __name__ == "__main__":
    sys.exit(main())
