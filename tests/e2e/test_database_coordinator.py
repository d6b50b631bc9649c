"""The node that carries a failover out dies in the middle of it: at each phase
the next one finishes what is written down."""

import re

import pytest

from database_hosts import DatabaseHosts, overlapping
from prober import clock_us
from world import never, wait_for

FENCE = """#!/bin/sh
test ! -e FOLDER/held || exit 1
"""


class Hosts(DatabaseHosts):
    """With a fence hook that fails while there is a file."""

    def text(self, *args):
        path = self.folder / "fence"
        path.write_text(FENCE.replace("FOLDER", str(self.folder)))
        path.chmod(0o755)
        return super().text(*args).replace("FOLDER", str(self.folder))

    @property
    def held(self):
        return self.folder / "held"


@pytest.fixture(name="group", scope="module")
def hosts_of_a_group():
    with Hosts(failover='fence = "FOLDER/fence";') as hosts:
        hosts.start()
        for client in hosts.clients:
            client.start()
        hosts.wait_writes(clock_us())
        yield hosts


@pytest.fixture(name="whole")
def healed(group):
    old = group.instance(group.wait_writes(clock_us())[3])
    group.wait_whole()
    group.wait_routed(old)
    yield group, old
    group.print_logs()      # shown with a failure alone
    group.held.unlink(missing_ok=True)
    for instance in group.instances:
        permit(instance, "+replicaof", "+set")
    group.mend()
    group.wait_whole()


def permit(instance, *rights):
    instance.try_asking(lambda c: c.ask("ACL", "SETUSER", "default", *rights))


def phase(node):
    """(phase, epoch) of the group as @node knows it."""
    status, document = node.ask("/api/v1/status")
    assert status == 200
    service = next(s for s in document["services"] if s["name"] == "db")
    return service["group"]["phase"], service["group"]["epoch"]


def lose_coordinator(group):
    """Its daemon is killed; the node that takes its place."""
    lost = group.primary()
    lost.kill()
    return group.wait_primary(other_than=lost)


def assert_finished(group, old, begin, epoch):
    """Somebody else takes writes, who has all that it took, and nobody ever
    wrote to both; the old one is its replica."""
    new = group.instance(group.wait_writes(begin, other_than=old.name)[3])
    group.wait_routed(new)
    group.mend()
    wait_for(lambda: all(i.follows(new) for i in group.instances
                         if i is not new))
    group.wait_whole()
    assert phase(group.primary())[0] == "steady"
    assert phase(group.primary())[1] > epoch
    group.wait_writes(clock_us(), by=new.name)
    rows = group.rows(begin)
    never(overlapping(rows, old.name), "rows taken by two instances")
    assert {row[3] for row in rows} <= {old.name, new.name}
    never(new.lacks([row[2] for row in rows if row[3] == new.name]),
          "rows lost")


def test_while_the_old_primary_is_fenced(whole):
    group, old = whole
    begin, node = clock_us(), group.primary()
    epoch = phase(node)[1]
    group.held.touch()
    old.kill()
    wait_for(lambda: phase(node) == ("fencing", epoch))
    wait_for(lambda: [line for line in node.lines() if "fence hook" in line])
    then = lose_coordinator(group)
    wait_for(lambda: phase(then) == ("fencing", epoch))
    assert not any(proxy.routed() for proxy in group.proxies)
    group.held.unlink()
    assert_finished(group, old, begin, epoch)


@pytest.mark.parametrize("right", ["replicaof", "set"])
def test_while_the_successor_is_promoted_and_tried(whole, right):
    group, old = whole
    begin, node = clock_us(), group.primary()
    epoch, seen = phase(node)[1], len(node.lines())
    for instance in group.instances:
        if instance is not old:
            permit(instance, f"-{right}")
    old.kill()
    wait_for(lambda: [
        line for line in node.lines()[seen:] if re.search(
            f"could not be promoted: .*NOPERM.* '{right}'", line)])
    then = lose_coordinator(group)
    wait_for(lambda: phase(then)[0] == "promoting")
    assert not any(proxy.routed() for proxy in group.proxies)
    for instance in group.instances:
        if instance is not old:
            permit(instance, f"+{right}")
    assert_finished(group, old, begin, epoch)


def test_before_the_others_follow(whole):
    group, old = whole
    begin, node = clock_us(), group.primary()
    epoch = phase(node)[1]
    others = [i for i in group.instances if i is not old]
    old.kill()
    new = wait_for(lambda: group.succeeded(old))
    (third,) = (i for i in others if i is not new)
    lose_coordinator(group)
    wait_for(lambda: third.follows(new))
    assert_finished(group, old, begin, epoch)
