"""The door of a database's machine: the kernel closes its port when nobody
renews the permission to write, and a restart of the daemon cuts nobody."""

import contextlib
import itertools
import json
import os
import signal
import time

import pytest

import database_client
from database_hosts import CLIENT_PORT, DatabaseHosts, overlapping
from database_instances import within
from prober import ADDRESS, clock_us
from world import BASCULED, wait_for

FAILOVER = "door = true;"
# All that controller/io/door_rules.c wants of the kernel.
NEEDED = """add table inet tried
add set inet tried open { type inet_service; flags timeout; }
add chain inet tried in { type filter hook input priority 0; }
add rule inet tried in tcp dport @open accept
add rule inet tried in tcp dport 1 reject with tcp reset
add chain inet tried out { type filter hook output priority 0; }
add rule inet tried out meta skuid 1 oif lo accept
add element inet tried open { 2 timeout 100ms }
delete table inet tried
"""


@pytest.fixture(name="group", scope="module")
def hosts_with_doors():
    # What root runs beside a daemon of root's passes its door.
    with DatabaseHosts(failover=FAILOVER, proxy_user="nobody") as hosts:
        tried = hosts.nodes[0].host.run("nft", "-f", "-", input=NEEDED)
        assert tried.returncode == 0, "this kernel has not all of nftables " \
            f"that a door is made of: {tried.stderr}"
        hosts.start()
        yield hosts


@pytest.fixture(name="whole")
def healed(group):
    group.wait_whole()
    old = group.instance(wait_for(lambda: primary(group)))
    group.wait_routed(old)
    yield group, old
    group.print_logs()      # shown with a failure alone
    for client in group.clients:
        client.stop()
        client.process = None
    group.mend()
    group.wait_whole()


def primary(group):
    """Its name, once all proxies agree."""
    names = {name for proxy in group.proxies for name in proxy.routed()}
    return names.pop() if len(names) == 1 else None


def node_of(group, instance):
    return group.nodes[group.instances.index(instance)]


def client_beside(group, instance):
    """A connection through the HAProxy on the host of @instance."""
    with within(instance.host):
        return database_client.Redis("127.0.0.1", CLIENT_PORT)


def elements(node, name):
    """The ports in a set of the door of @node, or None without a door."""
    run = node.host.run("nft", "-j", "list", "set", "inet",
                        f"bascule_door_{node.name}", name)
    if run.returncode != 0:
        return None
    found = next(one["set"] for one in json.loads(run.stdout)["nftables"]
                 if "set" in one).get("elem", [])
    return [one["elem"]["val"] if isinstance(one, dict) else one
            for one in found]


def freeze_all(node):
    """Daemon and guard, whichever it has once it stands still."""
    node.freeze()
    guards = node.guards()
    for pid in guards:
        os.kill(pid, signal.SIGSTOP)
    return guards


def freeze_node(node):
    """All of bascule there; the address of a primary node is not what is
    looked at here."""
    guards = freeze_all(node)
    node.host.run("ip", "address", "flush", "dev", "lo", "to", ADDRESS)
    return guards


def thaw_all(node, guards):
    for pid in guards:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    node.thaw()


def test_nobody_writes_where_daemon_and_guard_are_frozen(whole):
    group, old = whole
    node = node_of(group, old)
    begin = clock_us()
    for client in group.clients:
        client.start()
    group.wait_writes(begin)
    held = client_beside(group, old)
    assert held.write(1, "held") == "held"
    guards = freeze_node(node)
    new = wait_for(lambda: group.succeeded(old))
    row = group.wait_writes(clock_us(), by=new.name)
    # Its own HAProxy goes on to route to it, and it takes writes.
    proxy = group.proxies[group.instances.index(old)]
    assert proxy.routed() == {old.name}
    assert old.try_asking(lambda c: c.write(2, "direct")) == "direct"
    with pytest.raises(OSError):
        held.write(3, "held")
    held.close()
    with pytest.raises(OSError), \
            contextlib.closing(client_beside(group, old)) as fresh:
        fresh.write(4, "fresh")
    assert not overlapping(group.rows(begin), old.name), row
    # It comes back as a replica, for its own node fences it: the daemon that
    # wakes, or the next one, when its guard woke first.
    thaw_all(node, guards)
    wait_for(lambda: not node.running() or old.follows(new))
    if not node.running():
        node.restart()
    wait_for(lambda: old.follows(new))
    group.wait_routed(new)
    wait_for(lambda: elements(node, "open") == [old.port])
    assert not overlapping(group.rows(begin), old.name)


def test_an_answer_that_was_on_its_way_is_never_given(whole):
    """It is not said again either when the door is open once more."""
    group, old = whole
    node = node_of(group, old)
    other = next(i for i in group.instances if i is not old)
    with within(other.host):
        held = database_client.Redis(old.host.ipv4, old.port)
    assert held.write(200, "held") == "held"
    old.freeze()
    # The kernel takes it, and acknowledges that; Redis does not see it yet.
    held.sock.sendall(b"SET row:201 held\r\n")
    new = wait_for(lambda: group.succeeded(old))
    wait_for(lambda: elements(node, "open") == [])
    old.thaw()
    wait_for(lambda: old.follows(new))
    wait_for(lambda: elements(node, "open") == [old.port])
    held.sock.settimeout(3)
    with pytest.raises(OSError):
        held.answer()
    held.close()


def test_a_switchover_goes_through_it(whole):
    group, old = whole
    begin = clock_us()
    for client in group.clients:
        client.start()
    group.wait_writes(begin)
    run = wait_for(group.primary).bascule("switchover", "db")
    assert run.returncode == 0, run
    new = wait_for(lambda: group.succeeded(old))
    group.wait_writes(clock_us(), by=new.name)
    wait_for(lambda: old.follows(new))
    rows = group.rows(begin)
    assert not overlapping(rows, old.name)
    assert not new.lacks([row[2] for row in rows])


def test_a_restart_of_the_daemon_cuts_nobody(whole):
    group, old = whole
    node = node_of(group, old)
    # HAProxies of other hosts; that of this one is withdrawn meanwhile.
    others = [i for i in group.instances if i is not old]
    clients = [client_beside(group, other) for other in others]
    assert node.stop() == 0
    node.start()
    until = time.monotonic() + 3 * group.lease_ms / 1000
    number = 100
    while time.monotonic() < until:
        for client in clients:
            number += 1
            assert client.write(number, "stays") == "stays"
        time.sleep(0.02)
    for client in clients:
        client.close()
    group.wait_routed(old)
    assert elements(node, "open") == [old.port]


def test_release_shuts_it_at_once_but_for_a_service_manager(whole):
    group, old = whole
    follower = next(i for i in group.instances if i is not old)
    node = node_of(group, follower)
    wait_for(lambda: elements(node, "open") == [follower.port])
    node.kill_with_guard()
    # Something that does not end by itself.
    table = f"bascule_door_{node.name}"
    assert node.host.run("nft", "add", "element", "inet", table, "open",
                         "{ 1 }").returncode == 0
    assert node.host.run("env", "SERVICE_RESULT=success", BASCULED,
                         "--release", "-c", node.config).returncode == 0
    assert 1 in elements(node, "open")
    assert node.release().returncode == 0
    assert elements(node, "open") == []
    assert elements(node, "guarded") == [follower.port]


def test_a_reload_that_adds_it_cuts_nobody(whole):
    group, old = whole
    node = node_of(group, old)
    text = node.config.read_text()
    other = next(i for i in group.instances if i is not old)
    client = client_beside(group, other)
    number = itertools.count(300)

    def write_until(what):
        def step():
            assert client.write(next(number), "stays") == "stays"
            return what()
        wait_for(step)

    for change in ("", FAILOVER):
        node.config.write_text(text.replace(FAILOVER, change))
        node.signal(signal.SIGHUP)
        write_until(lambda: (elements(node, "open") is None)
                    == (change == ""))
    write_until(lambda: elements(node, "open") == [old.port])
    client.close()


def test_a_stop_in_maintenance_takes_it_away(whole):
    group, old = whole
    follower = next(i for i in group.instances if i is not old)
    node = node_of(group, follower)
    node.host.run("nft", "flush", "ruleset")
    wait_for(lambda: elements(node, "open") == [follower.port])
    run = node.bascule("maintenance", "on")
    assert run.returncode == 0, run
    assert node.stop() == 0
    assert elements(node, "open") is None
    node.start()
    wait_for(node.cluster)
    run = node.bascule("maintenance", "off")
    assert run.returncode == 0, run
    wait_for(lambda: elements(node, "open") == [follower.port])


def test_one_that_the_configuration_lacks_is_removed(whole):
    group, old = whole
    follower = next(i for i in group.instances if i is not old)
    node = node_of(group, follower)
    text = node.config.read_text()
    node.config.write_text(text.replace(FAILOVER, ""))
    try:
        node.restart()
        wait_for(lambda: elements(node, "open") is None)
    finally:
        node.config.write_text(text)
        node.restart()
    wait_for(lambda: elements(node, "open") == [follower.port])
