"""A daemon that routes a database group is killed or stands still: nobody is
routed by its HAProxy any more, soon enough for another primary."""

import sys
import time

import pytest

from database_hosts import CLIENT_PORT, HERE, DatabaseHosts
from world import wait_for

# One session, asked again and again until it ends.
SESSION = f"""
import sys
import time
sys.path.insert(0, {str(HERE)!r})
from database_client import Redis
client = Redis("127.0.0.1", {CLIENT_PORT}, 30)
while True:
    print(client.ask("PING"), flush=True)
    time.sleep(0.1)
"""


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


@pytest.fixture(name="session")
def session_of_a_leaving_worker(group, tmp_path):
    """(number of the node, its client, which is served on)"""
    number = follower(group)
    log = tmp_path / "session"
    with open(log, "w") as out:
        client = group.nodes[number].host.start(
            sys.executable, "-c", SESSION, stdout=out, stderr=out)
    try:
        wait_for(lambda: "PONG" in log.read_text())
        group.proxies[number].reload()
        group.wait_routed(group.instances[0])
        asked = log.read_text().count("PONG")
        wait_for(lambda: log.read_text().count("PONG") > asked + 2)
        yield number, client
    finally:
        client.kill()
        client.wait()


def test_a_frozen_daemon_leaves_no_session_in_a_leaving_worker(group, session):
    number, client = session
    group.nodes[number].freeze()
    wait_for(lambda: client.poll() is not None)
    wait_withdrawn(group, number)


def test_release_ends_sessions_of_leaving_workers(group, session):
    number, client = session
    group.nodes[number].kill_with_guard()
    run = group.nodes[number].release()
    assert run.returncode == 0, run
    wait_for(lambda: client.poll() is not None)
    assert group.proxies[number].routed() == set()
