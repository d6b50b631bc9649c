"""Three real daemons under hostile datagrams: nothing changes.

make bench-hostile does the same for longer, and says how well it went.
"""

import os
import pathlib
import subprocess

import pytest

import hostile
from clusters import PORT, Cluster, write_key
from prober import clock_us

BUILD = pathlib.Path(os.environ["top_builddir"])
ENEMY = BUILD / "tests/e2e/enemy"
FLOOD_S = 3      # longer than the lease
RATE = 100_000

# Each phase, and what it must have been counted as.
COUNTED = {
    "replay": ("stale", "unauthentic", "truncated", "malformed"),
    "tour": ("misconfigured", "unreadable", "unauthentic", "truncated",
             "malformed", "foreign", "oversized"),
}


@pytest.fixture(name="attacked", scope="module")
def attacked_cluster():
    """What was there before, the cluster, and the figures of the attack."""
    with Cluster(3, more_hosts=1) as cluster:
        primary = cluster.start().primary()
        begin = clock_us()
        other_key = cluster.folder / "other.key"
        write_key(other_key)
        phases = hostile.attack(cluster, ENEMY, other_key, PORT,
                                seconds=FLOOD_S, rate=RATE)
        for name, figures in phases.items():
            print(name, figures)
        yield cluster, primary, begin, phases


def test_no_daemon_ends_and_no_role_changes(attacked):
    cluster, primary, begin, _ = attacked
    assert all(node.running() for node in cluster.nodes)
    assert cluster.wait_whole() is primary
    assert not [at for at, _ in cluster.prober.changes() if at > begin]


def test_heartbeats_go_on(attacked):
    _, _, _, phases = attacked
    for name, figures in phases.items():
        assert figures["pairs"] == 6, name
        assert figures["pause_ms"] < 10e3, (name, figures)


def test_all_is_counted_by_what_is_wrong_with_it(attacked):
    cluster, primary, _, phases = attacked
    counts = primary.counts()
    for results in COUNTED.values():
        assert not [r for r in results if counts[r] == 0], counts
    assert counts["taken"] > 100
    arrived = sum(n for result, n in counts.items()
                  if result not in ("sent", "congested", "unreachable"))
    assert arrived > phases["flood of the primary"]["sent"]


def test_promtool_accepts_the_counts(attacked):
    cluster, primary, _, _ = attacked
    page = primary.page("/metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=page,
                          capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
