"""Real daemons in network namespaces: one primary, whatever happens.

Each cluster's prober sees from outside, each millisecond, who is primary; the
end of each test asserts that it never saw two.  Times are generous here;
tests/bench/failover.py has the exact ones.
"""

import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from clusters import PROMOTE, Cluster, write_key, write_program
from prober import ADDRESS, clock_us
from world import BASCULED, wait_for


# Of standing still a machine has less than this at a time.
LEASE_MS = 3000
LONGER_S = 1.2 * LEASE_MS / 1e3


@pytest.fixture(name="three", scope="module")
def three_nodes():
    with Cluster(3, families=("ipv4", "ipv6"), lease_ms=LEASE_MS) as cluster:
        yield cluster.start()


@pytest.fixture(name="cluster")
def healthy(three):
    """The three nodes, all running, and healed in the end.  All know of the
    same incidents, and the last one is over."""
    three.wait_whole()
    wait_for(lambda: is_settled([node_incidents(n) for n in three.nodes]))
    yield three
    three.print_logs()      # shown with a failure alone
    three.hosts.heal()
    for node in three.nodes:
        if not node.running():
            node.restart()


def role_changes(cluster, begin):
    return [holders for at, holders in cluster.prober.changes() if at > begin]


def is_settled(lists):
    numbers = [[row["number"] for row in rows] for rows in lists]
    return (all(one == numbers[0] for one in numbers)
            and not any(row["open"] for rows in lists for row in rows))


def log_sizes(cluster):
    return {node: len(node.lines()) for node in cluster.nodes}


def took_ms(node, old, sizes):
    """How long nobody was primary when @node took over from @old, as it says
    behind what it had said.  It has the role a moment before it says so."""
    def found():
        return re.findall(rf"took over from {old.name}: ([0-9.]+) ms",
                          "\n".join(node.lines()[sizes[node]:]))
    return float(wait_for(found)[-1])


def assert_moves(cluster, old):
    new = cluster.wait_primary(other_than=old)
    assert new is not old
    return new


def node_incidents(node):
    """How many incidents of the nodes it knows, open or not."""
    listed = node.ask("/api/v1/incidents")[1]["incidents"]
    return [row for row in listed if row["service"] == "node"]


def test_hooks_are_told_node_term_and_reason(cluster):
    primary = cluster.primary()
    hook, name, term, epoch, _ = primary.hooks()[-1]
    assert (hook, name) == ("promote", primary.name)
    assert int(term) == primary.cluster()["term"] and int(epoch) >= 0


def test_a_killed_primary_is_succeeded_and_follows_when_it_returns(cluster):
    old = cluster.primary()
    old.kill()
    new = assert_moves(cluster, old)
    assert not old.host.has(ADDRESS)
    old.restart()
    assert cluster.wait_whole() is new


def test_a_primary_killed_with_its_guard_is_succeeded(cluster):
    old = cluster.primary()
    old.kill_with_guard()
    assert old.release().returncode == 0
    assert_moves(cluster, old)


def test_a_frozen_primary_is_ended_by_its_guard(cluster):
    old = cluster.primary()
    old.freeze()
    assert_moves(cluster, old)
    old.process.wait(timeout=60)


def test_a_stopped_primary_hands_over(cluster):
    old = cluster.primary()
    assert old.stop() == 0
    assert_moves(cluster, old)


def test_who_is_stopped_twice_leaves_its_release_to_the_guard(cluster):
    old = cluster.primary()
    demote = (old.folder / "demote").read_text()
    write_program(old.folder / "demote",
                  demote.replace("exec", "sleep 0.3\nexec"))
    known = len(old.hooks())
    old.signal(signal.SIGTERM)
    wait_for(lambda: len(old.hooks()) > known)
    old.signal(signal.SIGTERM)
    old.process.wait(timeout=60)
    assert_moves(cluster, old)
    wait_for(lambda: not old.host.has(ADDRESS))
    write_program(old.folder / "demote", demote)


def test_a_switchover_goes_where_it_is_told(cluster):
    old = cluster.primary()
    to = cluster.followers()[-1]
    known, sizes = len(node_incidents(to)), log_sizes(cluster)
    done = old.bascule("switchover", "--to", to.name)
    assert done.returncode == 0, done.stderr
    assert cluster.wait_primary(other_than=old) is to
    # Its office began with a write to disk, after the other had resigned.
    assert took_ms(to, old, sizes) > 0.3
    assert len(node_incidents(to)) == known
    refused = old.bascule("switchover", "--to", to.name)
    assert refused.returncode != 0 and "primary" in refused.stderr


@pytest.mark.parametrize("way", ["stop", "switchover"])
def test_a_departure_was_planned_though_its_resignation_is_lost(cluster, way):
    old = cluster.primary()
    known, sizes = len(node_incidents(old)), log_sizes(cluster)
    # RESIGN is the shortest of all messages.
    cluster.hosts.lose_short(190)
    if way == "stop":
        assert old.stop() == 0
    else:
        assert old.bascule("switchover").returncode == 0
    new = cluster.wait_primary(other_than=old)
    cluster.hosts.heal()
    assert took_ms(new, old, sizes) > 0
    if way == "stop":
        old.restart()
    cluster.wait_whole()
    assert len(node_incidents(new)) == known


def test_nobody_serves_before_the_promote_work_is_done(cluster):
    old, to = cluster.primary(), cluster.followers()[0]
    sizes = log_sizes(cluster)
    write_program(to.folder / "promote",
                  PROMOTE.replace("exec", "sleep 0.8\nexec"))
    done = old.bascule("switchover", "--to", to.name, "--json")
    write_program(to.folder / "promote", PROMOTE)
    assert done.returncode == 0, done.stderr
    assert to.host.has(ADDRESS) and not old.host.has(ADDRESS)
    assert took_ms(to, old, sizes) > 800


def test_a_succession_is_late_when_its_promote_work_was(cluster):
    old = cluster.primary()
    known = {row["number"] for row in node_incidents(old)}
    in_time = (2 * cluster.lease_ms + 4 * cluster.heartbeat_ms) / 1e3
    for node in cluster.followers():
        write_program(node.folder / "promote", PROMOTE.replace(
            "exec", f"sleep {in_time + 0.2}\nexec"))
    old.kill()
    new = cluster.wait_primary(other_than=old)
    rows = wait_for(lambda: [row for row in node_incidents(new)
                             if row["number"] not in known])
    old.restart()
    cluster.wait_whole()
    for node in cluster.nodes:
        write_program(node.folder / "promote", PROMOTE)
    assert rows[0]["severity"] == "P1", rows


@pytest.mark.parametrize("way", ["link", "deaf", "mute", "partition"])
def test_a_primary_without_quorum_gives_up(cluster, way):
    old = cluster.primary()
    known = len(node_incidents(old))
    hosts = cluster.hosts
    if way == "link":
        hosts.link(old.host, False)
    elif way == "partition":
        hosts.cut([old.host])
    else:
        for other in hosts.others(old.host):
            pair = (other, old.host) if way == "deaf" else (old.host, other)
            hosts.lose(*pair)
    new = assert_moves(cluster, old)
    hosts.heal()
    if not old.running():
        # On a busy machine its release may take too long for its guard.
        wait_for(lambda: "guard: the daemon was late" in
                 "\n".join(old.lines()))
        old.restart()
    assert cluster.wait_whole() is new
    # It may have resigned: that was not planned.
    wait_for(lambda: len(node_incidents(new)) > known)


def test_parts_without_quorum_have_no_primary(cluster):
    # A busy machine may keep the primary so long that its guard ends it.
    old, other = cluster.primary(), cluster.followers()[0]
    sizes = log_sizes(cluster)
    cluster.hosts.partition(*([node.host] for node in cluster.nodes))
    cluster.wait_nobody()
    time.sleep(1.5)
    assert cluster.primary() is None
    wait_for(lambda: "no node is primary" in
             other.bascule("switchover").stderr)
    assert other.ask("/readyz")[0] == 503
    cluster.hosts.heal()
    new = cluster.wait_primary()
    # That the old one was heard again before does not count.
    assert new is old or took_ms(new, old, sizes) > 1500


def lose_quorum(cluster, seconds):
    """Whether the primary lives on: on a busy machine it may give up so late
    that its guard ends it, and then nobody is left that knows."""
    old, followers = cluster.primary(), cluster.followers()
    for node in followers:
        node.kill_with_guard()
    cluster.wait_nobody()
    time.sleep(seconds)
    lives = old.running()
    for node in cluster.nodes:
        if not node.running():
            node.restart()
    cluster.wait_whole()
    return lives


def test_time_without_a_quorum_is_an_incident(cluster):
    for _ in range(5):
        known = len(node_incidents(cluster.primary()))
        sizes = log_sizes(cluster)
        if lose_quorum(cluster, 2):
            break
    new = cluster.primary()
    wait_for(lambda: len(node_incidents(new)) > known)
    row = max(node_incidents(new), key=lambda row: row["number"])
    assert row["outage_seconds"] > 1.5, row
    # It began when the quorum was last heard, about a lease before.
    assert row["detection_seconds"] > 0.2, row
    said = wait_for(lambda: re.findall(
        r"node node\d (?:took over from|is primary again)[^:]*"
        r": ([0-9.]+) ms", "\n".join(new.lines()[sizes[new]:])))
    assert float(said[-1]) > 1500


def test_one_of_two_networks_lost_changes_nothing(cluster):
    begin = clock_us()
    for family in ("ip", "ip6"):
        cluster.hosts.lose_all(100, family)
        time.sleep(LONGER_S)
        cluster.wait_whole()
        cluster.hosts.heal()
        time.sleep(0.3)
    assert not role_changes(cluster, begin)


def test_a_follower_that_dies_or_freezes_changes_nothing(cluster):
    begin = clock_us()
    one, other = cluster.followers()
    one.freeze()
    time.sleep(LONGER_S)
    one.thaw()
    cluster.wait_whole()
    other.kill_with_guard()
    time.sleep(LONGER_S)
    other.restart()
    cluster.wait_whole()
    assert not role_changes(cluster, begin)


def test_maintenance_that_would_lose_the_quorum_is_refused(cluster):
    begin = clock_us()
    one, other = cluster.followers()
    other.stop()
    wait_for(lambda: not next(row["up"] for row in one.cluster()["nodes"]
                              if row["name"] == other.name))
    done = one.bascule("maintenance", "on", one.name)
    assert done.returncode != 0 and "quorum" in done.stderr
    other.restart()
    cluster.wait_whole()
    done = one.bascule("maintenance", "on", one.name)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: "maintenance" in next(
        row["obstacles"] for row in one.cluster()["nodes"] if row["self"]))
    assert one.bascule("maintenance", "off", one.name).returncode == 0
    assert not role_changes(cluster, begin)


def test_nodes_in_maintenance_are_not_relied_on(cluster):
    begin = clock_us()
    primary, (one, other) = cluster.primary(), cluster.followers()
    assert one.bascule("maintenance", "on").returncode == 0
    for node in primary, other:
        wait_for(lambda n=node: "maintenance" in next(
            row["obstacles"] for row in n.cluster()["nodes"]
            if row["name"] == one.name))
        done = node.bascule("maintenance", "on")
        assert done.returncode == 1 and "quorum" in done.stderr
    assert one.bascule("maintenance", "off").returncode == 0
    assert not role_changes(cluster, begin)


def test_of_two_that_go_into_maintenance_at_once_one_stays(cluster):
    """Which one is nobody's concern; both may."""
    begin = clock_us()
    one, other = cluster.followers()
    for _ in range(4):
        with ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda n: n.bascule("maintenance", "on"),
                                 (one, other)))
        assert [d.returncode for d in done].count(0) <= 1, done
        for node in one, other:
            assert node.bascule("maintenance", "off").returncode == 0
        cluster.wait_whole()
    assert not role_changes(cluster, begin)


def test_promote_work_that_fails_everywhere_does_not_run_round(cluster):
    for node in cluster.nodes:
        write_program(node.folder / "promote", "#!/bin/sh\nexit 3\n")
    before, begin = max(cluster.terms().values()), time.monotonic()
    cluster.primary().bascule("switchover")
    time.sleep(3)
    terms = max(cluster.terms().values()) - before
    assert terms < 5 * (time.monotonic() - begin)
    wait_for(lambda: any("promote" in row["obstacles"]
                         for node in cluster.nodes
                         for row in node.cluster()["nodes"]))
    for node in cluster.nodes:
        write_program(node.folder / "promote", PROMOTE)
    cluster.wait_whole()


def test_a_node_with_another_key_counts_for_nothing(cluster):
    begin = clock_us()
    odd, other = cluster.followers()
    odd.stop()
    key = odd.folder / "odd.key"
    write_key(key)
    config = odd.folder / "odd.conf"
    config.write_text(odd.config.read_text().replace(str(cluster.key),
                                                     str(key)))
    odd.start(config)
    wait_for(odd.cluster)
    time.sleep(LONGER_S)
    assert not role_changes(cluster, begin)
    assert odd.cluster()["primary"] is None
    assert not odd.cluster()["quorum"]
    # Its vote is none either: alone, the primary gives up.
    other.kill_with_guard()
    cluster.wait_nobody()
    odd.stop()
    other.restart()
    odd.start()
    cluster.wait_primary()


def test_all_killed_at_once_elect_again(cluster):
    # The primary last: what it left is released only after that.
    for node in [*cluster.followers(), cluster.primary()]:
        node.kill_with_guard()
    for node in cluster.nodes:
        node.release()
    cluster.wait_nobody()
    for node in cluster.nodes:
        node.restart()
    cluster.wait_whole()


def test_each_promotion_had_a_term_of_its_own(cluster):
    cluster.wait_whole()
    ran = [hook for node in cluster.nodes for hook in node.hooks()]
    terms = [int(term) for hook, _, term, _, _ in ran if hook == "promote"]
    assert terms and len(set(terms)) == len(terms)
    for node in cluster.nodes:
        mine = [int(term) for hook, _, term, _, _ in node.hooks()
                if hook == "promote"]
        assert mine == sorted(mine)
        # No promotion follows another without a release between them.
        hooks = [hook for hook, *_ in node.hooks()]
        assert ("promote", "promote") not in zip(hooks, hooks[1:])


def test_two_nodes_and_a_witness():
    with Cluster(3, witnesses=("node3",), lease_ms=LEASE_MS) as cluster:
        old = cluster.start().primary()
        witness = cluster.nodes[2]
        assert old is not witness
        old.kill()
        new = assert_moves(cluster, old)
        assert new is not witness
        old.restart()
        cluster.wait_whole()
        begin = clock_us()
        witness.kill_with_guard()
        time.sleep(LONGER_S)
        assert not role_changes(cluster, begin)
        # One of three is left: it must give up, and nobody follows it.
        next(n for n in cluster.nodes[:2] if n is not new).kill_with_guard()
        cluster.wait_nobody()
        assert not witness.hooks() or witness.hooks()[0][0] == "demote"
        # Whoever comes back into office of its own tells of the time between.
        if not new.running():   # its guard was before it
            new.restart()
            witness.restart()
            assert cluster.wait_primary() is new
            return
        known = len(node_incidents(new))
        witness.restart()
        assert cluster.wait_primary() is new
        wait_for(lambda: "is primary again" in "\n".join(new.lines()))
        wait_for(lambda: len(node_incidents(new)) > known or any(
            row["targets_down_max"] > 1 for row in node_incidents(new)))


def test_a_key_that_others_can_read_is_refused(tmp_path):
    with Cluster(1) as cluster:
        cluster.key.chmod(0o644)
        node = cluster.nodes[0]
        done = node.host.run(BASCULED, "-c", node.config, timeout=60)
        assert done.returncode == 1
        assert str(cluster.key) in done.stderr and "chmod" in done.stderr


def test_a_key_file_without_a_key_is_found_by_the_test():
    with Cluster(1) as cluster:
        node = cluster.nodes[0]
        assert node.host.run(BASCULED, "-t", "-c", node.config,
                             timeout=60).returncode == 0
        cluster.key.write_text("no key\n")
        done = node.host.run(BASCULED, "-t", "-c", node.config, timeout=60)
        assert done.returncode == 1 and str(cluster.key) in done.stderr
