"""What the daemon says of itself: HTTP, the control socket, metrics."""

import contextlib
import os
import signal
import stat
import subprocess
import time

import pytest
from web import Stream, ask, connect
from webworld import WebWorld
from world import BASCULED, World, free_port, wait_for


@pytest.fixture
def world():
    with WebWorld() as it:
        wait_ready(it)
        yield it


def wait_ready(world):
    """It has heard from all that it depends on: its HAProxy, too."""
    wait_for(lambda: ask(world.tcp, "/readyz").status == 200)


def wait_live(place):
    """Its loop has come round within a second."""
    wait_for(lambda: ask(place, "/livez").status == 200)


def wait_well(world):
    """As reached by a daemon that has only just been started."""
    def well():
        with contextlib.suppress(OSError):
            return world.status()["summary"] == "well"
        return False
    wait_for(well)


# ---- health ----

def test_healthy_is_200_under_every_name(world):
    for path in ("/livez", "/readyz", "/startupz", "/health", "/health/live",
                 "/health/ready", "/health/startup"):
        answer = wait_for(lambda path=path: (a := ask(world.tcp, path))
                          .status == 200 and a)
        assert answer.json()["status"] == "ok"
    assert set(ask(world.tcp, "/readyz").json()["checks"]) == {
        "settings", "targets", "store", "haproxy:lb1"}


def test_a_lost_haproxy_makes_it_unready_and_not_dead(world):
    world.haproxy.stop()
    wait_for(lambda: trouble_of(world, "haproxy:lb1"))
    assert ask(world.tcp, "/readyz").status == 503
    wait_for(lambda: not trouble_of(world, "store"))
    wait_live(world.tcp)
    assert ask(world.tcp, "/startupz").status == 200
    assert world.status()["summary"] == "degraded"
    assert world.sample('bascule_haproxy_up{haproxy="lb1"}') == 0


def test_it_has_started_when_each_target_was_judged():
    with World(check='timeout = "60s"; timeout_min = "60s";') as w:
        w.replicas["api1"].fault("kind=mute")
        w.daemon.start()
        w.daemon.wait_said("-> UP", 2)
        answer = ask(w.daemon.control, "/startupz")
        assert answer.status == 503
        assert answer.json()["checks"]["targets"]["why"] == (
            "1 of 3 targets were not judged yet")
        w.replicas["api1"].fault("kind=none")
        wait_for(lambda: ask(w.daemon.control, "/startupz").status == 200)


def trouble_of(world, check):
    """Why this keeps it from being ready, or None."""
    found = ask(world.tcp, "/readyz").json()["checks"][check]
    return None if found["ok"] else found["why"]


# ---- the store ----

@pytest.fixture
def small_disk(tmp_path):
    """A disk of 200 KiB; the test may fill it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk],
                   check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_is_told_and_stops_nothing(world, small_disk):
    world.daemon.stop()
    world.daemon.state = small_disk
    world.configure()
    world.daemon.start()
    world.daemon.wait_said("-> UP", 6)
    wait_ready(world)
    subprocess.run(["dd", "if=/dev/zero", f"of={small_disk}/junk", "bs=1k"],
                   stderr=subprocess.DEVNULL, check=False)
    world.replica_kill("api1")
    world.wait_out("api1")
    assert "full" in wait_for(lambda: trouble_of(world, "store"))
    assert ask(world.tcp, "/readyz").status == 503
    [incident] = world.status()["incidents"]
    assert incident["target"] == "api1"
    # What cannot be kept is in memory, and said to be all that there is.
    kept = ask(world.tcp, "/api/v1/incidents").json()
    assert not kept["complete"]
    assert [row["number"] for row in kept["incidents"]] == [1]
    events = ask(world.tcp, "/api/v1/events").json()
    assert not events["complete"]
    assert "incident_opened" in [event["kind"] for event in events["events"]]
    assert len(world.daemon.said("store: not kept")) == 1
    assert world.sample("bascule_store_up") == 0
    world.replica_start("api1")
    world.wait_out()
    os.remove(small_disk / "junk")
    wait_for(lambda: ask(world.tcp, "/readyz").status == 200)
    wait_for(lambda: world.daemon.incidents() and
             world.daemon.incidents()[0][1])
    assert ask(world.tcp, "/api/v1/incidents").json()["complete"]


@pytest.fixture
def freezing_disk(tmp_path):
    """A disk that can be frozen; thawed at the end."""
    image, disk = tmp_path / "image", tmp_path / "disk"
    disk.mkdir()
    image.touch()
    os.truncate(image, 16 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True)
    yield disk
    freeze(disk, "-u")
    subprocess.run(["umount", "-l", disk], check=True)


def freeze(disk, option):
    subprocess.run(["fsfreeze", option, disk], check=False,
                   stderr=subprocess.DEVNULL)


def test_a_frozen_disk_is_told_and_stops_nothing(world, freezing_disk):
    world.daemon.stop()
    world.daemon.state = freezing_disk
    world.configure()
    world.daemon.start()
    world.daemon.wait_said("-> UP", 6)
    try:
        freeze(freezing_disk, "-f")
        world.replica_kill("api1")
        world.wait_out("api1")
        assert "has not answered" in wait_for(
            lambda: trouble_of(world, "store"))
        assert ask(world.tcp, "/readyz").status == 503
        wait_live(world.tcp)
        assert world.status()["incidents"][0]["acted"] is not None
        answer = world.maintenance(target="api2", on=True)
        assert answer.status == 200
        assert "not kept over a restart" in answer.json()["text"]
        # Who asks for what lies there gets what is in memory.
        assert not ask(world.tcp, "/api/v1/events").json()["complete"]
    finally:
        freeze(freezing_disk, "-u")
    wait_for(lambda: ask(world.tcp, "/readyz").status == 200)
    wait_for(world.daemon.incidents)


def test_a_damaged_file_is_moved_aside(world):
    world.daemon.kill()
    (world.daemon.state / "bascule.db-wal").unlink()
    (world.daemon.state / "bascule.db").write_bytes(b"no database " * 1000)
    world.daemon.start()
    world.daemon.wait_said("bascule.db was damaged: moved to ")
    world.daemon.wait_said("-> UP", 6)
    wait_ready(world)
    assert [name for name in os.listdir(world.daemon.state)
            if name.startswith("bascule.db.damaged-")]


# ---- status ----

def test_status_is_the_same_over_both_sockets(world):
    wait_for(lambda: {t["servers"]["lb1"] for t in world.targets().values()}
             == {"READY"})
    here, there = world.status(), ask(world.tcp, "/api/v1/status").json()
    assert here["node"] == there["node"] == "test"
    assert here["summary"] == "well"
    assert here["store"]["path"] == f"{world.daemon.state}/bascule.db"
    [service] = here["services"]
    assert service["serving"] == service["targets_total"] == 3
    assert service["worst_detection"]["answer_seconds"] == 0.14
    assert all(t["latency"]["p95_seconds"] > 0 for t in service["targets"])


def test_status_follows_a_replica(world):
    world.replica_kill("api2")
    world.wait_out("api2")
    target = wait_for(lambda: (t := world.targets()["api2"])["servers"]["lb1"]
                      in ("MAINT", "DRAIN") and t)
    assert target["state"] == "DOWN" and target["circuit"] == "OPEN"
    assert target["withdrawn"] and not target["in_rotation"]
    assert target["result"]["code"] == "L4CON"
    [incident] = wait_for(lambda: (i := world.status()["incidents"])[0]["acted"]
                          and i)
    assert incident["detection_seconds"] < 20
    world.replica_start("api2")
    wait_for(lambda: world.targets()["api2"]["state"] == "UP")
    wait_for(lambda: world.status()["summary"] == "well")


def test_one_target_by_name(world):
    place = world.daemon.control
    assert ask(place, "/api/v1/target?name=api2").json()["name"] == "api2"
    assert ask(place, "/api/v1/target?name=api/api3").json()["name"] == "api3"
    assert ask(place, "/api/v1/target?name=nobody").status == 404
    assert ask(place, "/api/v1/target").status == 400


# ---- what HTTP may and may not ----

def test_unknown_paths_and_methods(world):
    answer = ask(world.tcp, "/nothing")
    assert answer.status == 404 and "/nothing" in answer.json()["error"]
    answer = ask(world.daemon.control, "/api/v1/status", "DELETE")
    assert answer.status == 405 and answer.headers["allow"] == "GET, HEAD"
    answer = ask(world.daemon.control, "/api/v1/maintenance")
    assert answer.status == 405 and answer.headers["allow"] == "POST"
    assert "/api/v1/status" in ask(world.tcp, "/").text()


def test_head_has_the_head_alone(world):
    for path in ("/", "/metrics", "/readyz", "/api/v1/status",
                 "/api/v1/events"):
        answer = ask(world.tcp, path, "HEAD")
        assert answer.status == 200 and answer.body == b""


def test_nothing_is_changed_over_tcp(world):
    answer = ask(world.tcp, "/api/v1/maintenance", "POST",
                 {"target": "api1", "on": True})
    assert answer.status == 403
    assert world.targets()["api1"]["maintenance"] is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_no_method_that_changes_is_taken_over_tcp(world, method):
    assert ask(world.tcp, "/api/v1/status", method).status == 403


def test_a_body_is_bounded(world):
    answer = ask(world.daemon.control, "/api/v1/maintenance", "POST",
                 b"x" * 20000)
    assert answer.status == 413
    with connect(world.daemon.control) as s:
        s.sendall(b"POST /api/v1/maintenance HTTP/1.1\r\nHost: b\r\n"
                  b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            for _ in range(10000):
                s.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")
    wait_live(world.daemon.control)


@pytest.mark.parametrize("query", [
    "limit=x", "limit=-1", "limit=100000", "since=yesterday", "since=10",
    "after=x"])
def test_a_senseless_argument_is_refused(world, query):
    answer = ask(world.tcp, f"/api/v1/events?{query}")
    assert answer.status == 400
    assert answer.json()["error"]


def test_garbage_is_borne(world):
    for data in (b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"GET /" + b"x" * 100000, b"\r\n" * 5000,
                 b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999"
                 b"\r\n\r\n"):
        with connect(world.tcp, timeout=0.5) as s:
            try:
                s.sendall(data)
                s.shutdown(1)
                while s.recv(65536):
                    pass
            except OSError:
                pass
    wait_live(world.tcp)


def test_idle_and_slow_clients_hold_up_nothing(world):
    idle = [connect(world.tcp, source=f"127.0.0.{2 + i % 3}")
            for i in range(180)]
    for s in idle[:50]:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost")
    try:
        wait_live(world.daemon.control)
        world.replica_kill("api3")
        world.wait_out("api3")
    finally:
        for s in idle:
            s.close()
    wait_live(world.tcp)


def test_one_address_cannot_take_every_place(world):
    idle = [connect(world.tcp, source="127.0.0.2") for _ in range(200)]
    try:
        wait_live(world.tcp)
    finally:
        for s in idle:
            s.close()


def test_it_listens_on_ipv6():
    port = free_port()
    with World(http=f"[::1]:{port}") as w:
        w.start()
        wait_live(("::1", port))


# ---- the control socket ----

def test_only_owner_and_group_may_use_the_control_socket(world):
    mode = os.stat(world.daemon.control).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660


@pytest.mark.parametrize("setting, words", [
    ("control", "state_dir: another basculed uses"),
    ("state", "another basculed listens at"),
])
def test_a_second_daemon_is_refused_and_harms_nothing(world, setting, words):
    """Also when the socket or the folder is another."""
    mine = str(getattr(world.daemon, setting))
    second = world.folder / "second.conf"
    second.write_text(world.daemon.config.read_text().replace(mine,
                                                              mine + "2"))
    for config in (world.daemon.config, second):
        run = subprocess.run([BASCULED, "-c", config], timeout=60,
                             capture_output=True, text=True)
        assert run.returncode == 1
        assert "another basculed" in run.stderr
    assert words in run.stderr
    assert world.status()["summary"] == "well"


def test_of_daemons_that_start_together_one_stays(world):
    world.daemon.kill()
    for _ in range(10):
        all_of_them = [subprocess.Popen(
            [BASCULED, "-c", world.daemon.config],
            stderr=subprocess.DEVNULL) for _ in range(8)]
        try:
            wait_for(lambda: sum(d.poll() is None for d in all_of_them) == 1)
            # It may have only just begun.
            wait_well(world)
            assert sum(d.poll() is None for d in all_of_them) == 1
        finally:
            for daemon in all_of_them:
                daemon.kill()
                daemon.wait()
    world.daemon.start()
    world.daemon.wait_said("-> UP", 6)


def test_the_socket_of_a_dead_daemon_is_replaced(world):
    world.daemon.kill()
    assert os.path.exists(world.daemon.control)
    world.daemon.start()
    world.daemon.wait_said("-> UP", 6)
    wait_well(world)
    world.daemon.stop()
    assert not os.path.exists(world.daemon.control)


def test_a_file_in_its_place_is_left_alone(world):
    world.daemon.stop()
    with open(world.daemon.control, "w", encoding="ascii") as file:
        file.write("precious")
    run = subprocess.run([BASCULED, "-c", world.daemon.config], timeout=60,
                         capture_output=True, text=True)
    assert run.returncode == 1 and "is no socket" in run.stderr
    with open(world.daemon.control, encoding="ascii") as file:
        assert file.read() == "precious"


# ---- what happened ----

def test_events_are_paged(world):
    def events(query=""):
        return ask(world.tcp, f"/api/v1/events{query}").json()

    def look():
        """Three documents, if nothing happened meanwhile."""
        found = events(), events("?limit=2"), events("?since=1h")
        return events() == found[0] and found

    everything, newest, hour = wait_for(look)
    assert everything["complete"] and not everything["more"]
    ids = [event["id"] for event in everything["events"]]
    assert ids == sorted(ids) and everything["last"] == ids[-1]
    assert [event["id"] for event in newest["events"]] == ids[-2:]
    assert newest["more"]
    assert hour == everything
    page = events(f"?after={ids[0]}&limit=1")
    assert [event["id"] for event in page["events"]] == ids[1:2]
    assert page["more"]
    assert events("?since=2038-01-01T00:00:00.5Z")["events"] == []


def test_events_outlive_the_daemon_and_ids_grow(world):
    before = ask(world.tcp, "/api/v1/events").json()
    world.daemon.kill()
    world.daemon.start()
    world.daemon.wait_said("-> UP", 6)
    after = ask(world.tcp, f"/api/v1/events?after={before['last']}").json()
    ids = [event["id"] for event in after["events"]]
    assert ids == sorted(set(ids)) and ids[0] > before["last"]
    assert "started" in [event["kind"] for event in after["events"]]
    known = before["events"] + after["events"]
    both = ask(world.tcp, "/api/v1/events").json()["events"]
    assert both[:len(known)] == known


def next_of(stream, target):
    """The next event of a target: the machine has events, too."""
    while (told := stream.next())[2].get("target") != target:
        pass
    return told


def test_a_stream_tells_each_event_as_it_happens(world):
    stream = Stream(world.tcp, "/api/v1/events?follow=1")
    assert stream.headers["content-type"] == "text/event-stream"
    began = time.monotonic()
    world.replica_kill("api1")
    number, kind, event = next_of(stream, "api1")
    assert time.monotonic() - began < 20
    assert kind == "target" and event["to"] == "DOWN"
    assert number == event["id"]
    kinds = [next_of(stream, "api1")[1] for _ in range(3)]
    assert kinds == ["incident_opened", "withdraw", "withdrawn"]
    stream.close()


def test_a_stream_goes_on_where_it_broke_off(world):
    first = ask(world.tcp, "/api/v1/events?limit=10000").json()["events"]
    stream = Stream(world.tcp, "/api/v1/events",
                    ["Accept: text/event-stream",
                     f"Last-Event-ID: {first[1]['id']}"])
    world.replica_kill("api1")
    got = [stream.next()]
    while got[-1][1] != "withdrawn":
        got.append(stream.next())
    ids = [number for number, _, _ in got]
    assert ids == sorted(set(ids))
    assert ids[:len(first) - 2] == [event["id"] for event in first[2:]]
    stream.close()


def test_streams_are_bounded(world):
    streams = [Stream(world.tcp, "/api/v1/events?follow=1")
               for _ in range(33)]
    assert [s.status for s in streams] == [200] * 32 + [503]
    streams[0].close()
    # The place is free once the daemon has tried to write to it.
    world.replica_kill("api1")
    world.wait_out("api1")
    wait_for(lambda: ask_stream(world) == 200)
    for stream in streams[1:]:
        stream.close()
    wait_live(world.tcp)


def ask_stream(world):
    stream = Stream(world.tcp, "/api/v1/events?follow=1")
    stream.close()
    return stream.status


def test_a_stream_ends_with_the_daemon(world):
    stream = Stream(world.tcp, "/api/v1/events?follow=1")
    world.daemon.signal(signal.SIGTERM)
    while stream.next()[1] != "stopping":
        pass
    assert stream.next() is None
    assert world.daemon.process.wait(timeout=60) == 0


def test_incidents_by_time_service_and_number(world):
    world.replica_kill("api1")
    world.wait_out("api1")
    world.replica_start("api1")
    world.daemon.wait_said("incident 1 .* closed")
    rows = wait_for(lambda: [
        row for row in ask(world.tcp, "/api/v1/incidents").json()["incidents"]
        if not row["open"]])
    [row] = rows
    assert row["recovery_seconds"] >= row["detection_seconds"] > 0
    assert row["cause"]["code"] == "L4CON"
    for query, count in (("since=1h", 1), ("service=api", 1),
                         ("service=other", 0), ("limit=0", 0),
                         ("since=2038-01-01T00:00:00Z", 0)):
        found = ask(world.tcp, f"/api/v1/incidents?{query}").json()
        assert len(found["incidents"]) == count, query
    [service] = world.status()["services"]
    assert service["incidents_in_window"] == 1
    assert service["mttr_seconds"] == pytest.approx(row["recovery_seconds"])
