"""A daemon that routes a database group is killed or stands still: nobody is
routed by its HAProxy any more, soon enough for another primary."""

import time

import pytest

from database_hosts import DatabaseHosts
from world import wait_for

@pytest.fixture(name="group", scope="module")
def three_hosts():
    with DatabaseHosts("redis") as hosts:
        hosts.start()
        yield hosts


def wait_withdrawn(group, number):
    since = time.monotonic()
    proxy = group.proxies[number]
    wait_for(lambda: proxy.routed() == set(), every=0.002)
    print(f"\nwithdrawn after {1000 * (time.monotonic() - since):.1f} ms")


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
    group.nodes[number].kill()
    wait_withdrawn(group, number)


def test_a_frozen_daemon_leaves_no_route_after_its_lease(group):
    """Its guard kills it: tests/e2e/test_guard.py has when."""
    number = follower(group)
    group.nodes[number].freeze()
    wait_withdrawn(group, number)


def test_release_withdraws_what_daemon_and_guard_left(group):
    number = follower(group)
    node = group.nodes[number]
    node.kill_with_guard()
    time.sleep(0.1)
    assert group.proxies[number].routed() == {group.instances[0].name}
    run = node.release()
    assert run.returncode == 0, run
    assert group.proxies[number].routed() == set()
