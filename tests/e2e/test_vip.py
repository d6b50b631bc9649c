"""The virtual address, which the daemons put on their interface by netlink.

The prober sees the IPv4 address on the nodes' hosts, and the end of the module
asserts that two never had it; what puts an address where it should not be is
done with the IPv6 one.
"""

import json

import pytest

from clusters import VIP, Cluster
from netns import DEVICE
from prober import ADDRESS, ADDRESS_IPV6
from world import wait_for


@pytest.fixture(name="three", scope="module")
def three_nodes():
    with Cluster(3, more_hosts=1, primary=VIP) as cluster:
        yield cluster.start()


@pytest.fixture(name="cluster")
def healthy(three):
    three.wait_whole()
    yield three
    three.print_logs()      # shown with a failure alone
    three.hosts.heal()
    for node in three.nodes:
        if not node.running():
            node.restart()


def addresses(host):
    """{address: what ip says of it} on the interface of @host."""
    shown = host.run("ip", "-j", "address", "show", "dev", DEVICE)
    return {row["local"]: row for row in json.loads(shown.stdout)[0]["addr_info"]}


def has(node, address):
    return address in addresses(node.host)


def wait_both(node):
    wait_for(lambda: has(node, ADDRESS) and has(node, ADDRESS_IPV6))


def mac_of(host):
    shown = host.run("ip", "-j", "link", "show", "dev", DEVICE)
    return json.loads(shown.stdout)[0]["address"]


def neighbour(host, address):
    """The MAC at which @host believes @address to be."""
    shown = host.run("ip", "-j", "neighbour", "show", address, "dev", DEVICE)
    rows = json.loads(shown.stdout or "[]")
    return rows[0].get("lladdr") if rows else None


def believe(host, address, mac):
    done = host.run("ip", "neighbour", "replace", address, "lladdr", mac,
                    "dev", DEVICE, "nud", "stale")
    assert done.returncode == 0, done.stderr


def said(node, *words):
    return [line for line in node.lines() if all(w in line for w in words)]


def metric(node, name):
    for line in node.page("/metrics").decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return None


def differences(node, reason):
    return metric(node, "bascule_address_differences_total"
                        f'{{reason="{reason}"}}')


def obstacles(node):
    view = node.cluster() or {"nodes": []}
    return [word for row in view["nodes"] if row["self"]
            for word in row["obstacles"]]


def assert_moved(cluster, old):
    """The addresses are on another node, and not on @old."""
    new = cluster.wait_primary(other_than=old)
    wait_both(new)
    wait_for(lambda: not has(old, ADDRESS_IPV6))
    return new


def test_the_primary_has_the_addresses_for_as_long_as_its_lease(cluster):
    primary = cluster.primary()
    rows = [wait_for(lambda a=a: addresses(primary.host).get(a))
            for a in (ADDRESS, ADDRESS_IPV6)]
    # Whole seconds, of a lease of 2 s.
    assert all(0 <= row["valid_life_time"] <= 2 for row in rows)
    assert not any(row.get("tentative") for row in rows)
    wait_for(lambda: metric(primary, "bascule_address_held") == 1)
    for node in cluster.followers():
        assert not has(node, ADDRESS) and not has(node, ADDRESS_IPV6)
        assert metric(node, "bascule_address_held") == 0


def test_they_move_when_the_daemon_is_killed(cluster):
    old = cluster.primary()
    old.kill()
    assert_moved(cluster, old)


def test_they_move_when_the_daemon_is_frozen(cluster):
    old = cluster.primary()
    old.freeze()
    assert_moved(cluster, old)
    old.process.wait(timeout=60)


def test_they_move_when_the_daemon_is_stopped(cluster):
    old = cluster.primary()
    assert old.stop() == 0
    assert_moved(cluster, old)


def test_they_move_with_a_switchover_and_neighbours_are_told(cluster):
    client = cluster.strangers[0]
    old, to = cluster.primary(), cluster.followers()[-1]
    for address in (ADDRESS, ADDRESS_IPV6):
        believe(client, address, mac_of(old.host))
    done = old.bascule("switchover", "--to", to.name)
    assert done.returncode == 0, done.stderr
    assert assert_moved(cluster, old) is to
    for address in (ADDRESS, ADDRESS_IPV6):
        wait_for(lambda a=address: neighbour(client, a) == mac_of(to.host))


def test_who_comes_back_after_a_partition_is_told_where_they_are(cluster):
    primary, other = cluster.primary(), cluster.followers()[0]
    known = len(said(primary, f"node {other.name} is not heard"))
    cluster.hosts.cut([other.host])
    wait_for(lambda: len(said(primary, f"node {other.name} is not heard"))
             > known)
    believe(other.host, ADDRESS, "02:00:00:00:00:01")
    cluster.hosts.heal()
    wait_for(lambda: neighbour(other.host, ADDRESS) ==
             mac_of(cluster.wait_primary().host))


def test_the_release_removes_what_daemon_and_guard_left(cluster):
    old = cluster.primary()
    old.kill_with_guard()
    assert old.release().returncode == 0
    assert not has(old, ADDRESS) and not has(old, ADDRESS_IPV6)
    assert_moved(cluster, old)


def test_the_kernel_removes_what_nobody_releases(cluster):
    old = cluster.primary()
    old.kill_with_guard()
    # The other is left to the kernel, which may be late on a busy machine.
    old.host.run("ip", "address", "delete", f"{ADDRESS}/32", "dev", DEVICE)
    assert_moved(cluster, old)


def test_what_is_taken_away_is_back_and_said(cluster):
    primary = cluster.primary()
    before = differences(primary, "lost")
    primary.host.run("ip", "address", "delete", f"{ADDRESS_IPV6}/128",
                     "dev", DEVICE)
    wait_for(lambda: differences(primary, "lost") > before)
    wait_both(primary)
    wait_for(lambda: said(primary, ADDRESS_IPV6, "was gone", "added again"))
    wait_for(lambda: [e for e in primary.ask("/api/v1/events")[1]["events"]
                      if e["kind"] == "node_address"])


def test_what_is_on_a_follower_is_removed_and_said(cluster):
    other = cluster.followers()[0]
    before = differences(other, "left")
    other.host.run("ip", "address", "add", f"{ADDRESS_IPV6}/64",
                   "dev", DEVICE, "nodad")
    wait_for(lambda: differences(other, "left") > before)
    wait_for(lambda: not has(other, ADDRESS_IPV6))
    wait_for(lambda: said(other, ADDRESS_IPV6, "was on", "removed"))


def test_what_was_left_before_the_start_is_removed(cluster):
    other = cluster.followers()[0]
    assert other.stop() == 0
    other.host.run("ip", "address", "add", f"{ADDRESS_IPV6}/128",
                   "dev", DEVICE, "nodad")
    assert has(other, ADDRESS_IPV6)
    other.restart()
    wait_for(lambda: not has(other, ADDRESS_IPV6))


def test_another_machine_that_has_one_too_is_said(cluster):
    stranger = cluster.strangers[0]
    old, to = cluster.primary(), cluster.followers()[-1]
    stranger.run("ip", "address", "add", f"{ADDRESS}/32", "dev", DEVICE)
    try:
        done = old.bascule("switchover", "--to", to.name)
        assert done.returncode == 0, done.stderr
        wait_for(lambda: said(to, mac_of(stranger), ADDRESS))
        wait_for(lambda: (differences(to, "claimed") or 0) > 0)
        assert cluster.wait_primary(other_than=old) is to
    finally:
        stranger.run("ip", "address", "delete", f"{ADDRESS}/32",
                     "dev", DEVICE)


def test_without_a_carrier_nobody_is_primary(cluster):
    old = cluster.primary()
    cluster.hosts.link(old.host, False)
    assert_moved(cluster, old)
    wait_for(lambda: "carrier" in obstacles(old))
    cluster.hosts.heal()
    cluster.wait_whole()
    wait_for(lambda: not obstacles(old))


def test_a_reload_that_changes_them_is_refused(cluster):
    primary = cluster.primary()
    text = primary.config.read_text()
    primary.config.write_text(text.replace(f"{ADDRESS}/32", f"{ADDRESS}/31"))
    try:
        primary.signal(1)
        wait_for(lambda: said(primary, "primary.vip changed"))
    finally:
        primary.config.write_text(text)
    assert cluster.primary() is primary
