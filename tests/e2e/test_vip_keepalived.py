"""The virtual address by keepalived: VRRP follows the election.

Two load balancers with keepalived's shipped configuration and a witness; the
end of the module asserts that two never had the address.
"""

import contextlib
import os
import pathlib
import signal
import subprocess

import pytest

from clusters import Cluster
from netns import DEVICE
from prober import ADDRESS
from world import wait_for

TOP = os.environ.get("top_srcdir") or os.getcwd()
SHIPPED = pathlib.Path(TOP, "keepalived")
PRIMARY = f"""
  vip = {{ driver = "keepalived"; interface = "{DEVICE}";
          addresses = ( "{ADDRESS}/32" ); track_file = "FOLDER/weight";
          notify_fifo = "FOLDER/notify.fifo"; }};
"""


def configuration(node, name):
    """A shipped one, for this host."""
    text = (SHIPPED / name).read_text()
    for shipped, ours in (("/run/bascule/keepalived.weight",
                           f"{node.folder}/weight"),
                          ("/run/bascule/keepalived.fifo",
                           f"{node.folder}/notify.fifo"),
                          ("/usr/share/bascule/keepalived/check_app",
                           "/bin/true"),
                          ("192.168.1.100/24", f"{ADDRESS}/32"),
                          ("router_id lb1", f"router_id {node.name}")):
        assert shipped in text
        text = text.replace(shipped, ours)
    path = node.folder / name
    path.write_text(text)
    return path


def without_processes(path):
    """The kernel tells nobody of processes in a network namespace."""
    text = path.read_text()
    tracks = "\ttrack_process {\n\t\tbasculed\n\t}\n"
    assert tracks in text
    path.write_text(text.replace(tracks, ""))
    return path


def name_of(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    return None


class Keepalived:
    """On one host, with files of its own."""

    def __init__(self, node):
        self.node, self.process = node, None
        self.log = node.folder / "keepalived.log"
        self.start()

    def start(self):
        folder = self.node.folder
        config = without_processes(
            configuration(self.node, "keepalived-fast.conf"))
        with open(self.log, "a") as log:
            self.process = self.node.host.start(
                "keepalived", "-n", "-l", "-D", "-P", "-f", config,
                "-p", folder / "keepalived.pid",
                "-r", folder / "vrrp.pid", "-c", folder / "checkers.pid",
                stdout=log, stderr=log)

    def pids(self):
        """Parent and child."""
        return [pid for pid in self.node.host.pids()
                if name_of(pid) == "keepalived"]

    def signal(self, number):
        for pid in self.pids():
            os.kill(pid, number)

    def kill(self):
        self.signal(signal.SIGSTOP)     # else the parent makes another child
        self.signal(signal.SIGKILL)
        self.process.wait()

    def running(self):
        return self.process.poll() is None


@pytest.fixture(name="three", scope="module")
def two_balancers_and_a_witness():
    with Cluster(3, witnesses=("node3",), primary=PRIMARY) as cluster:
        cluster.vrrp = {}
        for node in cluster.nodes[:2]:
            cluster.vrrp[node.name] = Keepalived(node)
        yield cluster.start()


@pytest.fixture(name="cluster")
def healthy(three):
    for vrrp in three.vrrp.values():
        if not vrrp.running():
            vrrp.start()
    three.wait_whole()
    yield three
    three.print_logs()      # shown with a failure alone
    for vrrp in three.vrrp.values():
        print(vrrp.log.read_text()[-3000:])
    three.hosts.heal()
    for node in three.nodes:
        if not node.running():
            node.restart()


def has(node):
    return node.host.has(ADDRESS)


def said(node, *words):
    return [line for line in node.lines() if all(w in line for w in words)]


def weight(node):
    return (node.folder / "weight").read_text().strip()


@pytest.mark.parametrize("name", ["keepalived.conf", "keepalived-fast.conf"])
def test_the_shipped_configurations_are_valid(cluster, name):
    path = configuration(cluster.nodes[0], name)
    done = cluster.nodes[0].host.run("keepalived", "-t", "-f", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_keepalived_may_have_it_on_the_primary_alone(cluster):
    primary, other = cluster.primary(), cluster.followers()[0]
    assert weight(primary) == "0"
    assert weight(other) == "-254"
    log = cluster.vrrp[primary.name].log
    wait_for(lambda: "Entering MASTER STATE" in log.read_text())
    wait_for(lambda: said(primary, "keepalived: VI_1 is MASTER"))
    assert has(primary) and not has(other)


def test_it_moves_with_a_switchover(cluster):
    old = cluster.primary()
    to = next(n for n in cluster.nodes[:2] if n is not old)
    done = old.bascule("switchover", "--to", to.name)
    assert done.returncode == 0, done.stderr
    assert cluster.wait_primary(other_than=old) is to
    assert weight(old) == "-254"


def test_it_moves_when_the_daemon_is_killed(cluster):
    old = cluster.primary()
    old.kill()
    cluster.wait_primary(other_than=old)
    assert weight(old) == "-254" and not has(old)


def test_what_a_killed_keepalived_leaves_goes_with_the_role(cluster):
    old = cluster.primary()
    to = next(n for n in cluster.nodes[:2] if n is not old)
    cluster.vrrp[old.name].kill()
    assert has(old)
    done = old.bascule("switchover", "--to", to.name)
    assert done.returncode == 0, done.stderr
    assert cluster.wait_primary(other_than=old) is to
    assert not has(old)


def test_what_is_taken_away_is_back(cluster):
    primary = cluster.primary()
    primary.host.run("ip", "address", "delete", f"{ADDRESS}/32",
                     "dev", DEVICE)
    wait_for(lambda: said(primary, ADDRESS, "was gone"))
    wait_for(lambda: has(primary))


def test_without_a_keepalived_the_daemon_adds_it(cluster):
    old = cluster.primary()
    to = next(n for n in cluster.nodes[:2] if n is not old)
    cluster.vrrp[to.name].kill()
    done = old.bascule("switchover", "--to", to.name)
    assert done.returncode == 0, done.stderr
    assert cluster.wait_primary(other_than=old) is to
    wait_for(lambda: said(to, "keepalived has not put", ADDRESS))


@pytest.mark.parametrize("name,state", [("promote", "MASTER"),
                                        ("demote", "BACKUP")])
def test_a_notify_script_has_keepaliveds_arguments(tmp_path, name, state):
    hook = tmp_path / name
    hook.symlink_to(SHIPPED / "notify")
    script = tmp_path / "notify"
    script.write_text('#!/bin/sh\necho "$@"\n')
    plain = tmp_path / f"notify_{state.lower()}"
    plain.write_text('#!/bin/sh\necho "plain $#"\nexit 3\n')
    for path in (script, plain):
        path.chmod(0o755)
    done = subprocess.run([hook], text=True, capture_output=True, check=False,
                          env={"BASCULE_NOTIFY_FOLDER": str(tmp_path)})
    assert done.stdout == f"INSTANCE VI_1 {state} 100\nplain 0\n"
    assert done.returncode == 3
