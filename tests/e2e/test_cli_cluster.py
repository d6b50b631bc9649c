"""The command line against a stand-in daemon: nodes and their roles."""

import os
import pathlib
import subprocess

import pytest

from fake_daemon import (Daemon, cluster, node, service, status, target,
                         three)

BASCULE = pathlib.Path(os.environ["top_builddir"]) / "cli/bascule"
ENV = {k: v for k, v in os.environ.items() if k != "BASCULE_SOCKET"}


@pytest.fixture
def daemon(tmp_path):
    with Daemon(tmp_path / "control.sock") as it:
        set_cluster(it, three())
        yield it


def set_cluster(daemon, doc, **more):
    daemon.documents["/api/v1/status"] = status(
        [service([target("api1")])], cluster=doc, **more)


def ask(daemon, *args):
    return subprocess.run([BASCULE, *args, "--socket", daemon.path],
                          env={**ENV, "TZ": "UTC"}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60)


def rows(run, head):
    """The table that begins with the words of head, as lists of cells."""
    lines = run.stdout.splitlines()
    first = next(i for i, line in enumerate(lines)
                 if line.split()[:len(head)] == head)
    rest = [line.strip() for line in lines[first + 1:]]
    end = rest.index("") if "" in rest else len(rest)
    return [line.split(maxsplit=1) for line in rest[:end]]


def test_status_shows_every_node_its_role_lease_and_promise(daemon):
    run = ask(daemon, "status")
    assert run.returncode == 0
    assert "Cluster medassist: node1 is primary, term 7\n" in run.stdout
    assert [" ".join(" ".join(row).split())
            for row in rows(run, ["NODE", "STATE", "ROLE"])] == [
        "node1 * up primary 100 412 ms - -",
        "node2 up follower 90 - node1, 480 ms 200 us",
        "node3 up witness - - node1, 470 ms 200 us"]


def test_status_without_a_cluster_shows_no_nodes(daemon):
    set_cluster(daemon, None)
    run = ask(daemon, "status")
    assert run.returncode == 0
    assert "Cluster" not in run.stdout and "NODE" not in run.stdout


def test_status_says_when_there_is_no_primary_and_no_quorum(daemon):
    set_cluster(daemon, cluster(
        [node("node1", "candidate"),
         node("node2", "unknown", up=False, rtt_seconds=None)],
        primary=None, quorum=False), summary="degraded")
    run = ask(daemon, "status")
    assert run.returncode == 1
    assert ("Cluster medassist: no primary, term 7, no quorum\n"
            in run.stdout)
    assert "led by" not in run.stdout
    assert "down   unknown" in run.stdout
    set_cluster(daemon, cluster([node("node1", "leader")], primary=None,
                                leader="node1"))
    assert ("no primary, led by node1, term 7\n"
            in ask(daemon, "status").stdout)


@pytest.mark.parametrize("more, said", [
    ({"obstacles": ["checks", "guardless"], "eligible": False},
     "what it requires is not well, it has no guard"),
    ({"obstacles": ["maintenance"], "eligible": False}, "in maintenance"),
    ({"obstacles": ["promote"], "eligible": False},
     "its promote work failed"),
    ({"obstacles": ["of-tomorrow"], "eligible": False}, "of-tomorrow"),
    ({"eligible": False}, "cannot become primary"),
    ({"misconfigured": True}, "has other settings: counts for nothing"),
])
def test_status_says_why_a_node_cannot_become_primary(daemon, more, said):
    set_cluster(daemon, cluster([node("node1", "primary"),
                                 node("node2", **more)]))
    run = ask(daemon, "status")
    assert rows(run, ["NODE"])[1][1].endswith(said)


def test_nothing_is_said_of_why_a_witness_is_never_primary(daemon):
    set_cluster(daemon, cluster([node("node1", "primary"),
                                 node("node2", "witness")]))
    assert rows(ask(daemon, "status"), ["NODE"])[1][1].endswith("200 us")


def test_watch_shows_the_nodes_too(daemon):
    run = ask(daemon, "watch", "--count", "1")
    assert "node1 is primary, term 7" in run.stdout


@pytest.mark.parametrize("args, body", [([], {}),
                                        (["--to", "node2"], {"to": "node2"})])
def test_switchover_says_who_was_and_who_is(daemon, args, body):
    daemon.answer = (200, {"ok": True, "from": "node1", "to": "node2",
                           "seconds": 0.048, "text": "handed over"})
    run = ask(daemon, "switchover", *args)
    assert run.returncode == 0
    assert run.stdout == ("node1 was primary, node2 is now: it took "
                          "48.0 ms\n")
    assert daemon.posted == [body]
    assert daemon.asked[-1] == "/api/v1/switchover"


def test_switchover_json_is_the_daemons_answer(daemon):
    assert '"ok": true' in ask(daemon, "switchover", "--json").stdout


def test_switchover_that_is_refused_says_why(daemon):
    daemon.answer = (409, {"error": "node3 is a witness and never leads"})
    run = ask(daemon, "switchover", "--to", "node3")
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr == "bascule: node3 is a witness and never leads\n"


PLAN = {
    "group": "db", "epoch": 3, "primary": "pg1", "successor": "pg2",
    "candidates": [
        {"name": "pg2", "priority": 100, "timeline": 2, "position": 4900,
         "behind_bytes": 100, "fit": True, "chosen": True, "why": None},
        {"name": "pg3", "priority": 100, "timeline": None, "position": None,
         "behind_bytes": None, "fit": False, "chosen": False,
         "why": "its checks fail"}],
    "steps": [
        {"step": "fence: tell the primary", "deadline_seconds": 1.0},
        {"step": "commit", "deadline_seconds": None}]}


def test_a_dry_run_prints_the_plan_and_changes_nothing(daemon):
    daemon.documents["/api/v1/plan"] = PLAN
    run = ask(daemon, "switchover", "db", "--to", "pg2", "--dry-run")
    assert run.returncode == 0
    assert run.stdout == """\
Group db: pg1 is the primary, epoch 3; pg2 would succeed it

CANDIDATE  POSITION  BEHIND  PRIORITY  FIT
pg2          2/4900     100       100  yes  the successor
pg3               -       -       100  no   its checks fail

1. fence: tell the primary (within 1.00 s)
2. commit
"""
    assert daemon.asked[-1] == "/api/v1/plan?group=db&to=pg2"
    assert daemon.posted == []


def test_switchover_of_a_group_says_who_was_and_who_is(daemon):
    daemon.documents["/api/v1/plan"] = PLAN
    daemon.answer = (200, {"ok": True, "group": "db", "from": "pg1",
                           "to": "pg2", "seconds": 0.25, "text": "x"})
    run = ask(daemon, "switchover", "db")
    assert run.stdout == ("pg1 was primary of db, pg2 is now: it took "
                          "250 ms\n")
    assert daemon.posted == [{"group": "db"}]


def test_a_dry_run_of_the_primary_node_is_refused(daemon):
    run = ask(daemon, "switchover", "--dry-run")
    assert run.returncode == 64
    assert "--dry-run wants the name of a group" in run.stderr


def test_maintenance_of_this_node_by_its_name(daemon):
    run = ask(daemon, "maintenance", "on", "node1")
    assert run.returncode == 0
    assert daemon.posted == [{"on": True, "node": True}]


@pytest.mark.parametrize("word", ["on", "off"])
def test_maintenance_of_another_node_is_that_nodes(daemon, word):
    run = ask(daemon, "maintenance", word, "node2")
    assert run.returncode == 1
    assert run.stderr == (
        "bascule: node2 is another node, and maintenance is each node's own: "
        f"run \"bascule maintenance {word}\" there\n")
    assert daemon.posted == []


def test_maintenance_of_a_service_called_like_a_node(daemon):
    daemon.documents["/api/v1/status"]["services"][0]["name"] = "node2"
    assert ask(daemon, "maintenance", "on", "node2").returncode == 0
    assert daemon.posted == [{"on": True, "service": "node2"}]


def test_maintenance_of_the_whole_cluster(daemon):
    run = ask(daemon, "maintenance", "on", "--cluster", "--reason", "kernels")
    assert run.returncode == 0
    assert daemon.posted == [{"on": True, "cluster": True,
                              "reason": "kernels"}]
    run = ask(daemon, "maintenance", "off", "--cluster", "--force")
    assert run.returncode == 0
    assert daemon.posted[1] == {"on": False, "cluster": True, "force": True}


@pytest.mark.parametrize("words", [
    ["on", "--cluster", "--for", "1h"], ["on", "--cluster", "--drain"],
    ["on", "--cluster", "--force"], ["off", "--force"],
    ["on", "node2", "--cluster"]])
def test_what_does_not_go_with_the_whole_cluster(daemon, words):
    assert ask(daemon, "maintenance", *words).returncode == 64
    assert daemon.posted == []
