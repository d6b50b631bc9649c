"""Groups of real databases on three hosts, with a daemon and a HAProxy each:
clients write all the time, and what they were promised is counted."""

import pytest

from database_hosts import DatabaseHosts, overlapping
from prober import clock_us
from world import never, wait_for


@pytest.fixture(name="group", scope="module", params=["redis"])
def hosts_of_a_group(request):
    with DatabaseHosts(request.param) as hosts:
        hosts.start()
        for client in hosts.clients:
            client.start()
        hosts.wait_writes(clock_us())
        yield hosts


@pytest.fixture(name="whole")
def healed(group):
    """The group and its primary; all runs and is mended in the end."""
    begin = clock_us()
    old = group.instance(group.wait_writes(begin)[3])
    group.wait_whole()
    yield group, old
    group.print_logs()      # shown with a failure alone
    group.mend()
    group.wait_whole()


def succeeded(group, old, begin):
    """The next primary, once it has acknowledged a row."""
    row = group.wait_writes(begin, other_than=old.name)
    new = group.instance(row[3])
    group.wait_routed(new)
    return new


def assert_back(group, old, new, begin):
    """The old primary follows, and nobody ever wrote to both."""
    group.mend()
    wait_for(lambda: old.follows(new))
    group.wait_whole()
    group.wait_routed(new)
    group.wait_writes(clock_us(), by=new.name)
    rows = group.rows(begin)
    never(overlapping(rows, old.name), "rows taken by two instances")
    assert {row[3] for row in rows} <= {old.name, new.name}
    settled = [row for row in rows if row[3] == new.name]
    never(new.lacks([row[2] for row in settled]), "rows lost")


def test_a_killed_primary_is_succeeded(whole):
    group, old = whole
    begin = clock_us()
    old.kill()
    new = succeeded(group, old, begin)
    third = next(i for i in group.instances if i not in (old, new))
    wait_for(lambda: third.follows(new))
    assert_back(group, old, new, begin)


def test_a_killed_host_is_succeeded(whole):
    group, old = whole
    begin = clock_us()
    group.kill_host(group.instances.index(old))
    new = succeeded(group, old, begin)
    assert_back(group, old, new, begin)


def test_the_primary_node_dies_and_then_the_primary(whole):
    group, old = whole
    begin = clock_us()
    node = group.primary()
    node.kill()
    proxy = group.proxies[node.number - 1]
    wait_for(lambda: not proxy.routed())    # its guard did it
    old.kill()
    new = succeeded(group, old, begin)
    assert group.wait_primary(other_than=node) is not node
    assert_back(group, old, new, begin)


def epochs(nodes):
    """What each of them has decided: the group's epoch and primary."""
    return [(group["epoch"], group["primary"]) for group in
            (node.ask("/api/v1/status")[1]["services"][0]["group"]
             for node in nodes)]


def ail(group, node, how):
    """Its daemon is no use any more; what else is there runs on."""
    if how == "cut off":
        group.hosts.lose_datagrams(node.host)
    else:
        getattr(node, how)()


@pytest.mark.parametrize("how", ["kill", "freeze", "kill_with_guard",
                                 "cut off"])
def test_a_well_primary_outlives_its_observer(whole, how):
    group, old = whole
    begin = clock_us()
    node = group.nodes[group.instances.index(old)]
    server = old.server()
    others = [one for one in group.nodes if one is not node]
    [decided] = set(epochs(others))
    ail(group, node, how)
    wait_for(lambda: group.primary() not in (None, node))
    # Longer than any lease of the node that is ill.
    later = clock_us() + 3000 * group.lease_ms
    wait_for(lambda: clock_us() > later)
    for one in others:
        client = group.clients[group.nodes.index(one)]
        since = clock_us()
        wait_for(lambda c=client, s=since: c.rows(s))
    assert set(epochs(others)) == {decided}
    assert old.server() == server
    group.hosts.heal()
    if not node.running() or how == "freeze":
        node.restart()
    group.wait_whole()
    group.wait_routed(old)
    assert {row[3] for row in group.rows(begin)} == {old.name}
    assert set(epochs(group.nodes)) == {decided}


@pytest.mark.parametrize("end", ["kill", "freeze", "kill_with_guard", "stop"])
def test_a_haproxy_without_a_daemon_routes_nothing(whole, end):
    group, old = whole
    begin = clock_us()
    node = group.followers()[0]
    proxy = group.proxies[node.number - 1]
    assert proxy.routed()
    getattr(node, end)()
    if end == "kill_with_guard":
        assert node.release().returncode == 0
    wait_for(lambda: not proxy.routed())
    if end == "freeze":
        node.process.wait(timeout=60)
    node.restart()
    group.wait_whole()
    group.wait_routed(old)
    assert {row[3] for row in group.rows(begin)} == {old.name}
