"""Routes that outlive a quorum: on_quorum_loss = "hold", and the cluster's
maintenance, in which every daemon may be stopped."""

import contextlib
import json
import threading

import pytest

from database_hosts import DatabaseHosts
from prober import clock_us
from world import wait_for


class Watch:
    """Whether each HAProxy routes to @name all the time."""

    def __init__(self, proxies, name):
        self.proxies, self.name = proxies, name
        self.seen, self.ended = set(), threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.ended.wait(0.02):
            for proxy in self.proxies:
                with contextlib.suppress(OSError):
                    self.seen.add((proxy.host.name,
                                   frozenset(proxy.routed())))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def others(self):
        return {seen for seen in self.seen if seen[1] != {self.name}}


def begin(hosts):
    hosts.start()
    for client in hosts.clients:
        client.start()
    hosts.wait_writes(clock_us())
    return hosts


def wait_clients(group, by):
    """Each of them has a new row acknowledged by @by."""
    since = clock_us()
    for client in group.clients:
        wait_for(lambda c=client: [row for row in c.rows(since)
                                   if row[3] == by.name])


def maintenance(node):
    view = node.cluster()
    return view["maintenance"] if view else "?"


@pytest.fixture(name="group", scope="module")
def hosts_of_a_group():
    with DatabaseHosts("redis") as hosts:
        yield begin(hosts)


def test_held_routes_stay_without_a_quorum():
    with DatabaseHosts("redis", failover='mode = "manual"; '
                       'on_quorum_loss = "hold";') as group:
        begin(group)
        old = group.instances[0]
        last = group.followers()[0]
        proxy = group.proxies[last.number - 1]
        with Watch([proxy], old.name) as watch:
            for node in group.nodes:
                if node is not last:
                    node.stop()
            wait_for(lambda: not last.cluster()["quorum"])
            # Longer than the routing lease, which is two leases.
            later = clock_us() + 3000 * group.lease_ms
            client = group.clients[last.number - 1]
            wait_for(lambda: clock_us() > later)
            wait_for(lambda: client.rows(later))
            assert last.running()
            for node in group.nodes:
                if not node.running():
                    node.restart()
            group.wait_whole()
            group.wait_routed(old)
            assert watch.others() == set()
        # Only a quorum is done without: a daemon that is dead routes nothing.
        last.kill()
        wait_for(lambda: not proxy.routed())


def test_every_daemon_may_be_stopped_in_the_clusters_maintenance(group):
    old = group.instances[0]
    primary = group.wait_whole()
    other = group.followers()[0]
    answer = other.bascule("maintenance", "on", "--cluster")
    assert answer.returncode == 1
    assert f"ask {primary.name}" in answer.stderr
    answer = primary.bascule("maintenance", "on", "--cluster", "--json",
                             "--reason", "new kernels")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["ok"]
    wait_for(lambda: all(maintenance(n) == "on" for n in group.nodes))
    again = primary.bascule("maintenance", "on", "--cluster")
    assert "in maintenance already" in again.stderr
    moved = primary.bascule("switchover", "db")
    assert "the cluster is in maintenance" in moved.stderr
    assert "bascule_cluster_maintenance 1" in primary.page("/metrics").decode()
    assert "The whole cluster is in maintenance" in \
        primary.bascule("status").stdout
    with Watch(group.proxies, old.name) as watch:
        group.nodes[0].stop()
        group.nodes[1].kill_with_guard()
        group.nodes[2].kill()
        for node in group.nodes:
            wait_for(lambda n=node: not [p for p in n.guards()
                                         if p != n.process.pid])
            assert node.release().returncode == 0
        later = clock_us() + 3000 * group.lease_ms
        wait_for(lambda: clock_us() > later)
        wait_clients(group, old)
        # One alone has no quorum, and routes as it did.
        group.nodes[0].restart()
        wait_for(lambda: maintenance(group.nodes[0]) == "on")
        refused = group.nodes[0].bascule("maintenance", "off", "--cluster")
        assert "without a quorum" in refused.stderr
        wait_clients(group, old)
        group.nodes[1].restart()
        group.wait_primary()
        # The third is waited for: it may route by what it knew.
        def ends():
            node = group.primary()
            if node is None or not node.running():
                return None
            node.bascule("maintenance", "off", "--cluster")
            return maintenance(node) == "ends" and node.bascule("status")
        status = wait_for(ends)
        assert "it waits for: node3" in status.stdout
        group.nodes[2].restart()
        wait_for(lambda: all(maintenance(n) is None for n in group.nodes))
        group.wait_whole()
        wait_clients(group, old)
        assert watch.others() == set()
    for node in group.nodes:
        assert [line for line in node.lines()
                if "cluster's maintenance is over" in line]


def test_nobody_fails_over_before_it_has_ended(group):
    group.wait_whole()
    old = group.instances[0]
    primary = group.primary()
    assert primary.bascule("maintenance", "on", "--cluster").returncode == 0
    begin_us = clock_us()
    old.kill()
    wait_for(lambda: clock_us() > begin_us + 2000000)
    assert {name for p in group.proxies for name in p.routed()} == {old.name}
    answer = group.primary().bascule("maintenance", "off", "--cluster")
    assert "is over" in answer.stdout, answer
    row = group.wait_writes(clock_us(), other_than=old.name)
    group.wait_routed(group.instance(row[3]))
