"""Old primaries and diverged replicas of real databases on three hosts: each is
made anew by the node that hosts it, by one run at a time."""

import pytest

from database_hosts import DatabaseHosts
from prober import clock_us
from world import wait_for

BACK_S = 90


@pytest.fixture(name="group", scope="module", params=["postgresql", "mysql"])
def hosts_of_a_group(request):
    with DatabaseHosts(request.param, rate=100) as hosts:
        hosts.start()
        for client in hosts.clients:
            client.start()
        hosts.wait_writes(clock_us())
        yield hosts


@pytest.fixture(name="whole")
def healed(group):
    """The group and its primary."""
    group.wait_whole()
    old = group.instance(group.wait_writes(clock_us())[3])
    wait_for(lambda: all(i.follows(old) for i in group.instances
                         if i is not old), BACK_S)
    yield group, old
    group.print_logs()      # shown with a failure alone
    group.mend()
    group.wait_whole()


def read_runs(group):
    """[(node, target)] of the hooks that were run, and targets of those that
    run now; never two for one."""
    found, under_way = [], set()
    path = group.folder / "rejoins"
    for line in path.read_text().splitlines() if path.exists() else []:
        what, node, target = line.split()
        if what == "begin":
            assert target not in under_way
            under_way.add(target)
            found.append((node, target))
        else:   # it has ended, or was killed
            under_way.discard(target)
    return found, under_way


def runs(group):
    return read_runs(group)[0]


def wait_back(group, old, new):
    """The old primary follows, and nobody works on it any more."""
    wait_for(lambda: old.follows(new), BACK_S)
    wait_for(lambda: not read_runs(group)[1], BACK_S)


def wait_under_way(group, target):
    """Until the server is stopped, and what comes then has begun."""
    log = group.folder / target.name / "rejoin.log"
    known = log.read_text().count("server stopped") if log.exists() else 0
    target.start()
    wait_for(lambda: log.exists() and
             log.read_text().count("server stopped") > known, 30, every=0.002)


def tell_killed(group, target):
    with open(group.folder / "rejoins", "a") as log:
        log.write(f"killed {target.name} {target.name}\n")


def fail_over(group, old):
    begin = clock_us()
    old.kill()
    row = group.wait_writes(begin, other_than=old.name)
    old.part()
    return group.instance(row[3])


def test_an_old_primary_is_rejoined_on_its_own_host(whole):
    group, old = whole
    for _ in range(4):
        before = len(runs(group))
        new = fail_over(group, old)
        group.mend()
        wait_back(group, old, new)
        group.wait_routed(new)
        # Another one may have been ahead of who was promoted.
        ran = set(runs(group)[before:])
        assert (old.name, old.name) in ran
        assert all(target == host for target, host in ran)
        old = new


def test_what_a_killed_daemon_began_is_taken_up(whole):
    group, old = whole
    new = fail_over(group, old)
    node = group.nodes[group.instances.index(old)]
    wait_under_way(group, old)
    node.kill()                 # its guard kills the hook
    tell_killed(group, old)
    note = node.folder / "state" / f"rejoin.db.{old.name}"
    assert note.exists()
    wait_for(lambda: not node.guards())
    node.restart()
    wait_back(group, old, new)
    wait_for(lambda: not note.exists(), 30)
    runs(group)


def test_it_goes_on_when_the_primary_node_dies(whole):
    group, old = whole
    new = fail_over(group, old)
    office = group.wait_primary()
    wait_under_way(group, old)
    if office.name != old.name:
        office.kill()
    wait_back(group, old, new)


def test_one_that_fails_is_said_once_and_run_again(whole):
    group, old = whole
    new = fail_over(group, old)
    broken = group.folder / "broken"
    broken.touch()
    node = group.nodes[group.instances.index(old)]
    old.start()
    wait_for(lambda: any("not rejoined after 3 attempts" in line
                         for line in node.lines()), BACK_S)
    said = [line for line in node.lines()
            if "does not follow" in line and "it is broken" in line]
    assert len(said) == 1
    assert len([line for line in node.lines()
                if "as is told here" in line]) == 1
    broken.unlink()
    wait_back(group, old, new)
    assert {run for run in runs(group) if run[1] == old.name} == \
        {(old.name, old.name)}
