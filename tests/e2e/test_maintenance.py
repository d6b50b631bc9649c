"""Maintenance over the control socket: what it does and what it refuses."""

import os
import signal
import time

import pytest
from web import ask
from webworld import WebWorld
from world import wait_for


@pytest.fixture
def world():
    with WebWorld() as it:
        yield it


def test_maintenance_of_a_target_and_back(world):
    answer = world.maintenance(target="api1", on=True, drain=True,
                         reason="disk swap")
    assert answer.status == 200 and answer.json()["ok"]
    world.wait_out("api1")
    target = world.targets()["api1"]
    assert target["state"] == "MAINT"
    assert target["maintenance"]["reason"] == "disk swap"
    assert target["maintenance"]["until"] is None
    assert world.daemon.said(
        rf"uid {os.getuid()} \(pid [0-9]+\) wants maintenance on for api1: "
        "disk swap")
    world.replica_kill("api1")
    wait_for(lambda: world.targets()["api1"]["result"]["code"] == "L4CON")
    time.sleep(0.5)
    assert world.status()["incidents"] == []
    world.replica_start("api1")
    assert world.maintenance(target="api/api1", on=False).status == 200
    world.wait_out()


def test_maintenance_keeps_out_what_is_already_withdrawn(world):
    """HAProxy has one mark: by hand there it would be undone."""
    world.replica_kill("api1")
    world.wait_out("api1")
    assert world.maintenance(target="api1", on=True).status == 200
    world.replica_start("api1")
    wait_for(lambda: world.targets()["api1"]["result"]["code"] == "L7OK")
    time.sleep(0.5)
    assert world.out() == {"api1"}
    assert world.targets()["api1"]["state"] == "MAINT"
    assert world.maintenance(target="api1", on=False).status == 200
    world.wait_out()


def test_maintenance_ends_by_itself(world):
    assert world.maintenance(target="api1", on=True, drain=True,
                       **{"for": "6s"}).status == 200
    assert 0 < world.targets()["api1"]["maintenance"]["left_seconds"] <= 6
    world.wait_out("api1")
    world.wait_out()
    assert world.targets()["api1"]["maintenance"] is None


def test_maintenance_outlives_kill_9(world):
    assert world.maintenance(target="api2", on=True).status == 200
    world.daemon.kill()
    world.daemon.start()
    world.daemon.wait_said("started", 2)
    wait_for(lambda: world.targets()["api2"]["state"] == "MAINT")


def test_maintenance_of_a_service_and_of_the_node(world):
    assert world.maintenance(service="api", on=True).status == 200
    wait_for(lambda: {t["state"] for t in world.targets().values()} ==
             {"MAINT"})
    assert world.maintenance(service="api", on=False).status == 200
    assert world.maintenance(node=True, on=True).status == 200
    assert world.status()["maintenance"] is not None
    wait_for(lambda: {t["state"] for t in world.targets().values()} ==
             {"MAINT"})
    assert world.maintenance(node="test", on=False).status == 200
    wait_for(lambda: {t["state"] for t in world.targets().values()} == {"UP"})


def test_what_min_up_forbids_is_refused(world):
    for name in ("api1", "api2"):
        assert world.maintenance(target=name, on=True,
                           drain=True).status == 200
        wait_for(lambda name=name: world.targets()[name]["withdrawn"])
    answer = world.maintenance(target="api3", on=True, drain=True)
    assert answer.status == 409 and "min_up" in answer.json()["error"]


def test_a_drain_is_refused_whole_or_done_whole(world):
    for wish in ({"service": "api"}, {"node": True}):
        answer = world.maintenance(on=True, drain=True, **wish)
        assert answer.status == 409 and "name" in answer.json()["error"]
    assert world.status()["maintenance"] is None
    assert all(t["maintenance"] is None for t in world.targets().values())
    text = world.daemon.config.read_text()
    world.daemon.config.write_text(text.replace('backend = "be_api";',
                                                'backend = "be_api"; min_up = 0;'))
    world.daemon.signal(signal.SIGHUP)
    world.daemon.wait_said("reloaded")
    assert world.maintenance(service="api", on=True, drain=True).status == 200
    world.wait_out("api1", "api2", "api3")


def test_an_end_of_maintenance_is_told_also_where_some_were_in_none(world):
    assert world.maintenance(target="api2", on=True).status == 200
    answer = world.maintenance(service="api", on=False)
    assert answer.status == 200 and answer.json()["text"] == "done"
    assert world.maintenance(service="api", on=False).json()["text"] == \
        "was not in maintenance"


def test_an_ambiguous_name_is_refused_with_its_candidates(world):
    port = world.ports["api1"]
    text = world.daemon.config.read_text().replace("services = (", f'''services = (
  {{ name = "shop"; check = {{ type = "tcp"; interval = "1s"; }};
    targets = ( {{ name = "api1"; address = "127.0.0.1:{port}"; }} ); }},''')
    world.daemon.config.write_text(text)
    world.daemon.signal(signal.SIGHUP)
    world.daemon.wait_said("reloaded: 2 services")
    answer = world.maintenance(target="api1", on=True)
    assert answer.status == 409
    assert answer.json()["candidates"] == ["shop/api1", "api/api1"]
    assert world.maintenance(target="shop/api1", on=True).status == 200


@pytest.mark.parametrize("wish, code", [
    ({"target": "nobody", "on": True}, 404),
    ({"service": "nobody", "on": True}, 404),
    ({"target": "api1"}, 400),
    ({"on": True}, 400),
    ({"target": "api1", "service": "api", "on": True}, 400),
    ({"target": "api1", "on": True, "for": 30}, 400),
    ({"target": "api1", "on": True, "for": "30"}, 400),
    ({"target": "api1", "on": True, "for": "-1s"}, 400),
    ({"target": "api1", "on": True, "drain": "yes"}, 400),
    ({"target": "api1", "on": True, "reason": 5}, 400),
    ({"target": ["api1"], "on": True}, 400),
    ({"node": "other", "on": True}, 400),
    ([], 400),
    (b"", 400),
    (b"{", 400),
])
def test_a_wrong_wish_is_refused_with_a_sentence(world, wish, code):
    answer = ask(world.daemon.control, "/api/v1/maintenance", "POST", wish)
    assert answer.status == code
    assert answer.json()["error"]
    assert all(t["maintenance"] is None for t in world.targets().values())
