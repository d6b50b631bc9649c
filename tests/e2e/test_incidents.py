"""One incident for three nodes, and the loss of the primary as another.

Three daemons on loopback watch the same replicas; each keeps its own record,
and all records must be the same.
"""

import contextlib
import http.client
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest
from clusters import Cluster, ControlSocket
from world import BASCULE, Daemon, Replica, free_port, patient, wait_for

NAMES = ["n1", "n2", "n3"]


def same(ask, **wanted):
    """The only incident in each of the lists that ask() gives, once all are
    equal and it is as wanted."""
    def found():
        one, *others = ask()
        if len(one) != 1 or any(other != one for other in others):
            return None
        return all(one[0][k] == v for k, v in wanted.items()) and one[0]
    try:
        return wait_for(found)
    except AssertionError:
        print(*ask(), sep="\n")
        raise


class Nodes:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-inc."))
        self.replicas = {name: Replica() for name in ("api1", "api2")}
        key = self.folder / "key"
        subprocess.run([BASCULE, "keygen", key], check=True,
                       capture_output=True)
        nodes = ", ".join(f'{{ name = "{name}"; '
                          f'address = "127.0.0.1:{free_port()}"; }}'
                          for name in NAMES)
        targets = ", ".join(
            f'{{ name = "{name}"; address = "127.0.0.1:{r.port}"; }}'
            for name, r in self.replicas.items())
        self.daemons = {}
        for name in NAMES:
            home = self.folder / name
            home.mkdir()
            daemon = Daemon(home)
            daemon.state.mkdir()
            daemon.config.write_text(f"""
node = "{name}";
state_dir = "{daemon.state}";
control = {{ socket = "{daemon.control}"; }};
http = {{ listen = "off"; }};
cluster = {{ name = "inc"; key_file = "{key}";
  lease = "2s"; nodes = ( {nodes} ); }};
services = (
  {{ name = "api";
    check = {{ type = "http"; path = "/health"; interval = "200ms";
              fast_interval = "50ms"; {patient("")} }};
    targets = ( {targets} ); }}
);
""")
            self.daemons[name] = daemon

    def start(self):
        for daemon in self.daemons.values():
            daemon.start()
        for daemon in self.daemons.values():
            daemon.wait_said("target api/api2 UNKNOWN -> UP")
        wait_for(lambda: all(self.primary_of(n) for n in NAMES))
        wait_for(lambda: all(row["up"] for n in NAMES
                             for row in self.cluster(n)["nodes"]))
        return self

    def kill_replica(self):
        self.replicas["api1"].stop()

    def start_replica(self):
        port = self.replicas["api1"].port
        self.replicas["api1"] = Replica("--listen", f"127.0.0.1:{port}")

    def ask(self, name, path):
        connection = ControlSocket(self.daemons[name].control)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def cluster(self, name):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return json.loads(self.ask(name, "/api/v1/status"))["cluster"]
        return {}

    def primary_of(self, name):
        return self.cluster(name).get("primary")

    def running(self):
        return [n for n, d in self.daemons.items() if d.process.poll() is None]

    def incidents(self, name, service="api"):
        told = subprocess.run(
            [BASCULE, "incidents", "--json", "--service", service, "--socket",
             self.daemons[name].control],
            check=True, capture_output=True, text=True)
        return json.loads(told.stdout)["incidents"]

    def same(self, service="api", **wanted):
        """The one incident that all running nodes have, once it is so."""
        return same(lambda: [self.incidents(name, service)
                             for name in self.running()], **wanted)

    def counted(self, metric):
        """The sum of the metric over the nodes, as Prometheus adds it up."""
        return sum(float(line.split()[-1]) for name in self.running()
                   for line in self.ask(name, "/metrics").splitlines()
                   if line.startswith(metric + "{"))

    def said(self, name, pattern):
        return self.daemons[name].said(pattern)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for daemon in self.daemons.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.stop()
            if kind:
                print("---", *daemon.lines()[-60:], sep="\n")
        for replica in self.replicas.values():
            replica.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(name="nodes")
def three():
    with Nodes() as nodes:
        yield nodes.start()


def test_a_dead_replica_is_one_incident_on_all_nodes(nodes):
    nodes.kill_replica()
    inc = nodes.same(open=True, nodes=NAMES)
    assert (inc["service"], inc["target"]) == ("api", "api1")
    wait_for(lambda: nodes.counted("bascule_incidents_total") == 1)
    for name in NAMES:
        nodes.daemons[name].wait_said("incident .* opened")
        opened = nodes.said(name, "incident .* opened")
        assert len(opened) == 1
        assert f"incident {inc['number']} service api" in opened[0]
    nodes.start_replica()
    whole = nodes.same(open=False)
    assert whole["number"] == inc["number"]
    assert whole["onset_min"] == inc["onset_min"]
    wait_for(lambda: nodes.counted(
        "bascule_incident_duration_seconds_count") == 1)
    for name in NAMES:
        nodes.daemons[name].wait_said("incident .* closed")
        assert len(nodes.said(name, "incident .* closed")) == 1


def test_it_outlives_the_primary_and_is_closed_once(nodes):
    nodes.kill_replica()
    inc = nodes.same(open=True, nodes=NAMES)
    old = nodes.primary_of("n1")
    nodes.daemons[old].kill()
    wait_for(lambda: all(nodes.primary_of(n) not in (None, old)
                         for n in nodes.running()))
    assert nodes.same(open=True)["number"] == inc["number"]
    nodes.start_replica()
    whole = nodes.same(open=False)
    assert whole["number"] == inc["number"]
    # The one that was dead when it ended learns of it.
    nodes.daemons[old].start()
    wait_for(lambda: nodes.primary_of(old))
    assert nodes.same(open=False) == whole
    nodes.daemons[old].wait_said(f"incident {inc['number']} .* closed")
    for name in set(NAMES) - {old}:
        nodes.daemons[name].wait_said("service api .* closed")
        assert len(nodes.said(name, "service api .* closed")) == 1


def test_a_restart_meanwhile_opens_no_second_one(nodes):
    nodes.kill_replica()
    inc = nodes.same(open=True)
    follower = next(n for n in NAMES if n != nodes.primary_of("n1"))
    nodes.daemons[follower].stop()
    nodes.daemons[follower].start()
    wait_for(lambda: nodes.primary_of(follower))
    nodes.start_replica()
    assert nodes.same(open=False)["number"] == inc["number"]


def test_the_loss_of_the_primary_is_an_incident_of_its_own(nodes):
    old = nodes.primary_of("n1")
    nodes.daemons[old].kill()
    inc = nodes.same("node", open=True)
    new = nodes.primary_of(nodes.running()[0])
    assert inc["target"] == old and inc["nodes"] == [new]
    assert inc["recovered"] is None
    took = re.search(r"took over from .*: ([0-9.]+) ms",
                     nodes.daemons[new].wait_said("took over from")).group(1)
    # Late: two leases and four heartbeats.
    assert inc["severity"] == ("P1" if float(took) > 4400 else "P2"), took
    nodes.daemons[old].start()
    wait_for(lambda: nodes.primary_of(old))
    inc = nodes.same("node", open=False)
    assert (inc["onset_min"] <= inc["onset_max"] <= inc["detected"]
            <= inc["acted"] <= inc["recovered"])
    assert inc["onset_min"] < inc["detected"]
    assert nodes.incidents(old) == []
    report = json.loads(subprocess.run(
        [BASCULE, "report", "--json", "--socket",
         nodes.daemons[new].control],
        check=True, capture_output=True, text=True).stdout)
    by_name = {row["name"]: row for row in report["services"]}
    assert by_name["api"]["availability"] == 1
    assert by_name["node"]["incidents"] == 1
    assert by_name["node"]["downtime_seconds"] > 0
    assert report["all"]["downtime_seconds"] == 0


def test_a_planned_change_of_primary_is_no_incident(nodes):
    old = nodes.primary_of("n1")
    subprocess.run([BASCULE, "switchover", "--socket",
                    nodes.daemons[old].control], check=True,
                   capture_output=True)
    wait_for(lambda: all(nodes.primary_of(n) not in (None, old)
                         for n in NAMES))
    second = nodes.primary_of(old)
    nodes.daemons[second].stop()
    wait_for(lambda: all(nodes.primary_of(n) not in (None, second)
                         for n in nodes.running()))
    nodes.daemons[second].start()
    wait_for(lambda: nodes.primary_of(second))
    for name in NAMES:
        assert nodes.incidents(name, "node") == []


# One target is well while FOLDER/well is there, the other one always.
APP = """{ name = "app"; check = { type = "exec"; interval = "200ms";
    fast_interval = "50ms"; command = ( "FOLDER/check" ); };
    targets = ( { name = "t"; }, { name = "u"; } ); }"""


def of_app(node):
    return node.ask("/api/v1/incidents?service=app")[1]["incidents"]


@pytest.mark.parametrize("lonely", ["primary", "follower"])
def test_what_two_parts_recorded_becomes_one(lonely):
    # Its guard does not end a primary that has given up on a busy machine.
    with Cluster(3, services=APP, lease_ms=4000) as cluster:
        check, well = cluster.folder / "check", cluster.folder / "well"
        check.write_text("#!/bin/sh\n"
                         f"test $BASCULE_TARGET = u || test -e {well} || exit 2\n")
        check.chmod(0o755)
        well.touch()
        cluster.start()
        primary = cluster.primary()
        alone = primary if lonely == "primary" else cluster.followers()[0]
        others = [node for node in cluster.nodes if node is not alone]
        cluster.hosts.cut([alone.host])
        wait_for(lambda: all(n.cluster()["primary"] not in
                             (None, alone.name) for n in others))
        well.unlink()
        first = same(lambda: [of_app(node) for node in others], open=True)
        other = wait_for(lambda: of_app(alone))[0]
        assert other["number"] != first["number"]
        cluster.hosts.heal()
        one = same(lambda: [of_app(node) for node in cluster.nodes],
                   open=True)
        assert one["number"] == min(first["number"], other["number"])
        assert one["onset_min"] <= max(first["onset_min"], other["onset_min"])
        well.touch()
        done = same(lambda: [of_app(node) for node in cluster.nodes],
                    open=False)
        assert done["number"] == one["number"]
