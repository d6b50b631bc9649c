"""A daemon that routes a database group is killed or stands still: nobody is
routed by its HAProxy any more, soon enough for another primary."""

import time

import pytest

from database_hosts import DatabaseHosts
from world import wait_for

ROUTING_LEASE = 1.0     # twice the default lease


@pytest.fixture(name="group", scope="module")
def three_hosts():
    with DatabaseHosts("redis") as hosts:
        hosts.start()
        yield hosts


def withdrawn_after(group, number, since):
    proxy = group.proxies[number]
    wait_for(lambda: proxy.routed() == set(), 5, every=0.002)
    return time.monotonic() - since


def follower(group):
    """The number of a node that is not the primary one."""
    def found():
        for number, node in enumerate(group.nodes):
            cluster = node.cluster()
            if cluster and cluster["primary"] not in (None, node.name):
                return (number,)
        return None
    return wait_for(found)[0]


@pytest.fixture(autouse=True)
def healed(group):
    group.wait_routed(group.instances[0])
    yield
    group.print_logs()      # shown with a failure alone
    group.mend()
    group.wait_routed(group.instances[0])


def test_a_killed_daemon_leaves_no_route(group):
    number = follower(group)
    since = time.monotonic()
    group.nodes[number].process.kill()
    took = withdrawn_after(group, number, since)
    group.nodes[number].process.wait()
    print(f"\nkilled: withdrawn after {1000 * took:.1f} ms")
    assert took < ROUTING_LEASE / 2


def test_a_frozen_daemon_leaves_no_route_beyond_its_lease(group):
    number = follower(group)
    since = time.monotonic()
    group.nodes[number].freeze()
    took = withdrawn_after(group, number, since)
    print(f"\nfrozen: withdrawn after {1000 * took:.1f} ms")
    assert took < ROUTING_LEASE


def test_release_withdraws_what_daemon_and_guard_left(group):
    number = follower(group)
    node = group.nodes[number]
    node.kill_with_guard()
    time.sleep(0.1)
    assert group.proxies[number].routed() == {group.instances[0].name}
    run = node.release()
    assert run.returncode == 0, run
    assert group.proxies[number].routed() == set()
