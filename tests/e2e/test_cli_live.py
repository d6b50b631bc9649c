"""bascule with a real basculed, real replicas and a real HAProxy."""

import json
import os
import subprocess

import pytest
from world import BASCULE, World, wait_for


@pytest.fixture
def world():
    with World(service='objective = { availability = 99.95; mttd = "20s"; };'
               ) as it:
        it.start()
        # Until its HAProxy answers, too.
        wait_for(lambda: bascule(it, "status").returncode == 0)
        yield it


def bascule(world, *args):
    return subprocess.run([BASCULE, *args, "--socket", world.daemon.control],
                          text=True, capture_output=True, timeout=60,
                          env={**os.environ, "TZ": "UTC"})


def document(world, *args):
    return json.loads(bascule(world, *args, "--json").stdout)


def row_of(text, name):
    [row] = [line for line in text.splitlines() if line.startswith(name)]
    return row.split()


def test_status_follows_a_replica_down_and_up(world):
    world.replica_kill("api1")
    world.wait_out("api1")
    wait_for(lambda: "no" in row_of(bascule(world, "status").stdout,
                                    "api/api1"))
    run = bascule(world, "status")
    assert run.returncode == 1
    assert row_of(run.stdout, "api/api1")[1] == "DOWN"
    assert "Open incidents" in run.stdout
    world.replica_start("api1")
    wait_for(lambda: bascule(world, "status").returncode == 0)


def test_an_outage_is_one_and_is_told(world):
    for name in world.names:
        world.replica_kill(name)
    world.daemon.wait_said("kept in rotation: min_up")
    run = bascule(world, "status")
    assert run.returncode == 2
    assert run.stdout.startswith("test: outage")
    assert "held" in run.stdout
    [incident] = document(world, "incidents")["incidents"]
    assert incident["total"] and incident["held"] and incident["open"]
    assert "held" in bascule(world, "incidents").stdout


def test_a_repaired_incident_is_listed_and_reported(world):
    world.replica_kill("api2")
    world.wait_out("api2")
    world.replica_start("api2")
    world.daemon.wait_said("incident 1 .* closed")
    wait_for(lambda: not document(world, "incidents")["incidents"][0]["open"])
    row = row_of(bascule(world, "incidents").stdout, " 1")
    assert row[1:3] == ["P2", "api/api2"]
    report = document(world, "report", "--since", "1h")
    [api] = report["services"]
    assert report["complete"]
    assert report["observed_seconds"] < 600
    assert api["mttd_seconds"]["n"] == api["mttr_seconds"]["n"] == 1
    assert api["mttd_seconds"]["mean"] < api["mttr_seconds"]["mean"]
    assert api["availability"] == 1 and api["downtime_seconds"] == 0
    assert api["degraded_seconds"] > 0
    assert api["objective"]["mttd_met"] is True


def test_events_say_what_was_seen_and_done(world):
    world.replica_kill("api3")
    world.wait_out("api3")
    wait_for(lambda: "incident 1" in bascule(world, "events").stdout)
    text = bascule(world, "events", "--target", "api3").stdout
    assert "api3 UP -> DOWN" in text
    assert "api1" not in text


def test_events_are_followed_over_a_kill_of_the_daemon(world):
    process = subprocess.Popen(
        [BASCULE, "events", "-f", "--socket", world.daemon.control], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert "started" in process.stdout.readline()
        world.daemon.kill()
        assert "waiting for it" in process.stderr.readline()
        world.daemon.start()
        for line in process.stdout:
            if "started" in line:
                break
        else:
            raise AssertionError("the second start was not told")
    finally:
        process.kill()
        process.communicate()


def code_of(world, name):
    """Of the last answer of a target."""
    targets = document(world, "status")["services"][0]["targets"]
    return next(t for t in targets if t["name"] == name)["result"]["code"]


def test_maintenance_drains_and_gives_back(world):
    run = bascule(world, "maintenance", "on", "api1", "--for", "30m",
                  "--reason", "disk swap", "--drain")
    assert run.returncode == 0, run.stderr
    world.wait_out("api1")
    row = " ".join(wait_for(
        lambda: (r := row_of(bascule(world, "status").stdout, "api/api1"))
        and "MAINT" in r and r))
    assert "disk swap, " in row and " left" in row
    world.replica_kill("api1")
    wait_for(lambda: code_of(world, "api1") == "L4CON")
    world.replica_start("api1")
    wait_for(lambda: code_of(world, "api1") == "L7OK")
    assert bascule(world, "maintenance", "off", "api1").returncode == 0
    world.wait_out()
    assert document(world, "incidents")["incidents"] == []


def test_maintenance_of_an_unknown_name_is_refused(world):
    run = bascule(world, "maintenance", "on", "api9")
    assert run.returncode == 1
    assert "api9" in run.stderr


def test_report_in_every_format_is_whole(world):
    for form, end in [("text", "None.\n"), ("markdown", "None.\n"),
                      ("html", "</html>\n"), ("json", "}\n")]:
        run = bascule(world, "report", "--format", form)
        assert run.returncode == 0 and run.stderr == ""
        assert run.stdout.endswith(end)


def test_a_bad_span_is_refused_by_name(world):
    run = bascule(world, "events", "--since", "yesterday")
    assert run.returncode == 1
    assert "since" in run.stderr
