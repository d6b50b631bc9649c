"""What only a person can mend promotes nobody, and is said in words: which
instance, why, and what to do about it."""

import json
import re
import signal

import pytest

import database_trouble
from world import never, wait_for


@pytest.fixture(name="faults", scope="module",
                params=list(database_trouble.KINDS))
def a_group(request):
    database_trouble.own_mounts()
    with database_trouble.KINDS[request.param]() as faults:
        faults.begin()
        yield faults


@pytest.fixture(name="whole")
def healthy(faults):
    try:
        wait_whole(faults)
        yield faults
    finally:    # shown with a failure alone
        print(faults.say("status"), *faults.world.daemon.lines(), sep="\n")


def group_of(faults):
    services = json.loads(faults.say("status", "--json"))["services"]
    return next(s for s in services if s["name"] == faults.group)


def targets(faults):
    return {t["name"]: t for t in group_of(faults)["targets"]}


def is_whole(faults):
    service = group_of(faults)
    group = service["group"]
    return group["phase"] == "steady" and group["held"] is None and \
        group["routed"] == group["primary"] and all(
            t["unfit"] is None and t["state"] == "UP"
            and t["database"] is not None
            and (t["database"]["primary"] or t["database"]["source_up"])
            for t in service["targets"])


def wait_whole(faults):
    wait_for(lambda: is_whole(faults), 60, every=0.1)


def assert_nobody_succeeds(faults, others, whys):
    """While the primary is away.  Of each of the others one of @whys is said,
    which is what its checks say."""
    w = faults.world
    old = faults.primary
    epoch = group_of(faults)["group"]["epoch"]
    for server, why in zip(others, whys):
        wait_for(lambda s=server, y=why: re.search(
            f"(?m)^{s.name} .*{y}", faults.say("status")))
    seen = len(w.daemon.lines())
    faults.down(old)
    try:
        for server, why in zip(others, whys):
            wait_for(lambda s=server, y=why: [
                line for line in w.daemon.lines()[seen:] if re.search(
                    f"group {faults.group}: {s.name} is not fit to succeed "
                    f"{old.name}: .*{y}", line)])
        wait_for(lambda: "no replica is fit to succeed it" in
                 (group_of(faults)["group"]["held"] or ""))
        never([s.name for s in others if faults.writable(s)], "promoted")
        assert group_of(faults)["group"]["epoch"] == epoch
        assert w.routed() <= {old.name}
    finally:
        faults.up(old)
    wait_for(lambda: targets(faults)[old.name]["state"] == "UP")
    assert group_of(faults)["group"]["primary"] == old.name


def test_replicas_alone_have_no_primary(faults):
    """One that follows somebody else is what the configuration names."""
    w = faults.world
    servers = w.servers
    w.servers = servers[1:]
    w.configure()
    w.servers = servers
    w.daemon.start()
    wait_for(lambda: "no instance says that it is the primary: promote one"
             in faults.say("status"))
    assert w.routed() == set()
    never([s.name for s in servers[1:] if faults.writable(s)], "promoted")
    w.configure()
    w.daemon.signal(signal.SIGHUP)
    w.wait_routed(servers[0].name)


def test_those_that_may_not_be_asked_are_not_promoted(whole):
    """One refuses the password, the other one the question."""
    others = whole.replicas()
    whole.password(others[0], False)
    whole.rights(others[1], False)
    try:
        assert_nobody_succeeds(whole, others, [
            f"nothing fresh is known of it.*{whole.wrong[what]}"
            for what in ("password", "rights")])
    finally:
        whole.password(others[0], True)
        whole.rights(others[1], True)


def test_one_whose_certificate_has_expired_is_not_promoted(whole):
    others = whole.replicas()
    for server in others:
        whole.expire(server, True)
    try:
        assert_nobody_succeeds(whole, others, 2 * [whole.wrong["certificate"]])
    finally:
        for server in others:
            whole.expire(server, False)


def promote_in_vain(faults, why):
    """Of each it is said why; nobody is routed."""
    w = faults.world
    old, others = faults.primary, faults.replicas()
    seen = len(w.daemon.lines())
    faults.down(old)
    try:
        for server in others:
            wait_for(lambda s=server: [
                line for line in w.daemon.lines()[seen:] if re.search(
                    f"group {faults.group}: {s.name} could not be promoted: "
                    f".*{why}", line)], 60)
        wait_for(lambda: [line for line in w.daemon.lines()[seen:]
                          if "a person is needed" in line])
        assert w.routed() == set()
    finally:
        faults.up(old)


def test_one_without_the_rights_to_be_promoted_is_not_routed(whole):
    others = whole.replicas()
    for server in others:
        whole.promotion(server, False)
    promote_in_vain(whole, whole.wrong["promotion"])
    never([s.name for s in others if whole.writable(s)], "promoted")
    # With them it goes on by itself.
    for server in others:
        whole.promotion(server, True)
    assert whole.primary in others


def test_one_whose_disk_is_full_is_not_routed(whole):
    others = whole.replicas()
    whole.fill_all(others)
    if whole.tells_of_disk:
        assert_nobody_succeeds(whole, others, 2 * [whole.wrong["disk"]])
    else:
        promote_in_vain(whole, whole.wrong["disk"])
    for server in others:
        whole.free(server)
    assert whole.primary in (whole.world.servers if whole.tells_of_disk
                             else others)
