"""Whose view counts: a target is withdrawn when enough nodes find it down.

Three daemons on loopback; each has a check of its own, so that the nodes can
see different things.  The first one drives a HAProxy.
"""

import contextlib
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest
from world import BASCULE, Daemon, HAProxy, free_port, wait_for


class Nodes:
    """Three nodes, and what each of them finds of target t."""

    def __init__(self, agree):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-agree."))
        self.haproxy = HAProxy(self.folder, "lb1", {"t": 9, "u": 9})
        key = self.folder / "key"
        subprocess.run([BASCULE, "keygen", key], check=True,
                       capture_output=True)
        ports = [free_port() for _ in range(3)]
        nodes = ", ".join(f'{{ name = "n{i + 1}"; '
                          f'address = "127.0.0.1:{port}"; }}'
                          for i, port in enumerate(ports))
        self.daemons = []
        for i in range(3):
            home = self.folder / f"n{i + 1}"
            home.mkdir()
            for name in "tu":
                (home / name).write_text("0")
            check = home / "check"
            check.write_text(
                f'#!/bin/sh\nsays=$(cat {home}/$BASCULE_TARGET)\n'
                f'test "$says" != silence -a ! -e {home}/cut || exec sleep 60\n'
                'exit "$says"\n')
            check.chmod(0o755)
            daemon = Daemon(home)
            daemon.state.mkdir()
            daemon.config.write_text(f"""
node = "n{i + 1}";
state_dir = "{daemon.state}";
control = {{ socket = "{daemon.control}"; }};
http = {{ listen = "off"; }};
cluster = {{ name = "agree"; key_file = "{key}";
  lease = "3s"; nodes = ( {nodes} ); }};
haproxy = ( {{ name = "lb1"; node = "n1"; socket = "{self.haproxy.socket}"; }} );
services = (
  {{ name = "s"; backend = "be_api"; min_up = 0; agree = "{agree}";
    check = {{ type = "exec"; command = ( "{check}" ); interval = "100ms";
              timeout = "1500ms"; }};
    targets = ( {{ name = "t"; }} ); }},
  {{ name = "other";
    check = {{ type = "exec"; command = ( "{check}" ); interval = "100ms";
              timeout = "1500ms"; }};
    targets = ( {{ name = "u"; }} ); }}
);
""")
            self.daemons.append(daemon)

    def finds(self, node, status):
        """Of target t: the exit status of its check, or silence."""
        (self.folder / f"n{node}" / "t").write_text(str(status))

    def cut(self, node, off=True):
        """It reaches nothing: both of its targets, at one instant."""
        path = self.folder / f"n{node}" / "cut"
        path.touch() if off else path.unlink()

    def start(self):
        for daemon in self.daemons:
            daemon.start()
        for daemon in self.daemons:
            daemon.wait_said("target s/t UNKNOWN -> UP")
        self.daemons[0].wait_said("node n2 is heard")
        self.daemons[0].wait_said("node n3 is heard")

    def out(self):
        return self.haproxy.admin()["t"] != 0

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for daemon in self.daemons if kind else ():
            print("---", *daemon.lines()[-60:], sep="\n")
        for daemon in self.daemons:
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.stop()
        self.haproxy.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def test_one_of_three_does_not_withdraw_by_majority():
    with Nodes("majority") as n:
        n.start()
        n.finds(1, 2)
        first = n.daemons[0]
        first.wait_said("s/t: kept in rotation: unreachable from here")
        time.sleep(1.5)
        assert not n.out()
        assert not first.said("incident")
        n.finds(2, 2)
        wait_for(n.out)
        first.wait_said("incident [0-9]+ service s .* opened")
        n.finds(1, 0)
        wait_for(lambda: not n.out())


@pytest.mark.parametrize("agree, withdrawn", [("any", True),
                                              ("local", False)])
def test_what_another_node_sees_counts_for_any_alone(agree, withdrawn):
    with Nodes(agree) as n:
        n.start()
        n.finds(3, 2)
        n.daemons[2].wait_said("target s/t UP -> DOWN")
        if withdrawn:
            wait_for(n.out)
            n.finds(3, 0)
            wait_for(lambda: not n.out())
        else:
            time.sleep(1.5)
            assert not n.out()


def alone(n):
    n.start()
    for daemon in n.daemons[1:]:
        daemon.stop()
    n.daemons[0].wait_said("node n2 is not heard any more")
    n.daemons[0].wait_said("node n3 is not heard any more")


def test_a_node_that_hears_nobody_and_reaches_nothing_blames_itself():
    with Nodes("local") as n:
        alone(n)
        n.cut(1)
        n.daemons[0].wait_said("n1 doubts itself: it is cut off")
        time.sleep(3)
        assert not n.out()
        assert not n.daemons[0].said("UP -> DOWN")
        n.cut(1, False)
        n.daemons[0].wait_said("n1 doubts itself no more")


def test_a_node_that_hears_nobody_but_reaches_something_acts():
    with Nodes("local") as n:
        alone(n)
        n.finds(1, "silence")
        wait_for(n.out)
        n.daemons[0].wait_said("incident [0-9]+ service s .* opened")
