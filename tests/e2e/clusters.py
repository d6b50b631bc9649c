"""A cluster of real daemons, one on each of some hosts (netns.py).

A node is primary when its host has prober.ADDRESS, which its on_promote adds
and its on_demote removes, or the daemon does as the virtual address.
"""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from guards import freeze, kill_with_guard
from netns import DEVICE, Hosts, is_zombie
from prober import ADDRESS, ADDRESS_IPV6, Prober
from world import BASCULE, BASCULED, PATIENCE, never, wait_for

PORT = 7400

# Removing what is not there is no failure: every start begins with that.
HOOK = """#!/bin/sh
echo "$0 $BASCULE_NODE $BASCULE_TERM $BASCULE_EPOCH $BASCULE_REASON" \\
	>>"${0%/*}/hooks.log"
exec /usr/sbin/ip address """
PROMOTE = HOOK + f"replace {ADDRESS}/32 dev lo\n"
DEMOTE = HOOK + f"flush dev lo to {ADDRESS}/32\n"

# What being primary means, in a primary block.
HOOKS = """
  on_promote = "FOLDER/promote";
  on_demote = "FOLDER/demote";
"""
VIP = f"""
  vip = {{ driver = "netlink"; interface = "{DEVICE}";
          addresses = ( "{ADDRESS}/32", "{ADDRESS_IPV6}/128" ); }};
"""


def write_program(path, text):
    path.write_text(text)
    path.chmod(0o755)


def write_key(path, mode=0o600):
    path.write_bytes(base64.b64encode(os.urandom(32)) + b"\n")
    path.chmod(mode)


class ControlSocket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("bascule", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Node:
    """A daemon and its guard on one host."""

    def __init__(self, host, folder):
        self.host = host
        self.name = host.name
        self.number = int(host.name.removeprefix("node"))
        self.folder = folder / host.name
        self.config = self.folder / "bascule.conf"
        self.control = str(self.folder / "control.sock")
        self.log = self.folder / "basculed.log"
        self.process = None
        self.started = 0.0
        (self.folder / "state").mkdir(parents=True)
        write_program(self.folder / "promote", PROMOTE)
        write_program(self.folder / "demote", DEMOTE)

    # Its processes.

    def start(self, config=None):
        self.started = time.monotonic()
        with open(self.log, "a") as log:
            self.process = self.host.start(
                BASCULED, "-c", config or self.config, stdout=log, stderr=log)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def guards(self):
        """Process ids of basculed on this host that are not the daemon."""
        return [pid for pid in self.host.pids()
                if pid != self.process.pid and is_basculed(pid)]

    def signal(self, number):
        self.process.send_signal(number)

    def freeze(self):
        freeze(self.process)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def kill_with_guard(self):
        kill_with_guard(self.process)

    def release(self):
        """What ExecStopPost= does."""
        return self.host.run(BASCULED, "--release", "-c", self.config)

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=30)

    def restart(self):
        """Start anew once daemon and guard are gone."""
        if self.running():
            self.process.kill()
        if self.process:
            self.process.wait()
            wait_for(lambda: not self.guards())
        self.start()

    # What it says.

    def ask(self, path, body=None):
        """(status, document) of the control socket."""
        connection = ControlSocket(self.control)
        with contextlib.closing(connection):
            connection.request("POST" if body is not None else "GET", path,
                               body and json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def cluster(self):
        """The cluster as it sees it, or None while it does not answer."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("/api/v1/status")[1]["cluster"]
        return None

    def page(self, path):
        """The bytes of what is not JSON."""
        with contextlib.closing(ControlSocket(self.control)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read()

    def counts(self):
        """{result: number} of bascule_datagrams_total."""
        lines = self.page("/metrics").decode().splitlines()
        return {line.split('"')[1]: int(line.split()[-1]) for line in lines
                if line.startswith("bascule_datagrams_total{")}

    def bascule(self, *argv):
        return subprocess.run([BASCULE, *argv, "--socket", self.control],
                              text=True, capture_output=True, timeout=60,
                              check=False)

    def lines(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def hooks(self):
        """[(hook, node, term, epoch, reason)] that it ran."""
        log = self.folder / "hooks.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [(os.path.basename(hook), *rest) for hook, *rest in
                (line.split(" ", 4) for line in lines)]


def is_basculed(pid):
    with contextlib.suppress(OSError):
        return (os.path.realpath(f"/proc/{pid}/exe") ==
                os.path.realpath(BASCULED) and not is_zombie(pid))
    return False


class Cluster:
    """Nodes node1.. on hosts of their own, with a prober over them.  The lease
    is long, for machines that stand still at times."""

    def __init__(self, nodes=3, witnesses=(), heartbeat_ms=100, lease_ms=2000,
                 families=("ipv4",), more_hosts=0, extra="", services=None,
                 primary=HOOKS):
        self.services, self.primary_block = services, primary
        self.heartbeat_ms, self.lease_ms = heartbeat_ms, lease_ms
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-e2e."))
        self.hosts = self.prober = None
        try:
            self.hosts = Hosts(nodes + more_hosts)
            self.nodes = [Node(host, self.folder)
                          for host in self.hosts[:nodes]]
            self.strangers = self.hosts[nodes:]
            self.key = self.folder / "cluster.key"
            write_key(self.key)
            for node in self.nodes:
                node.config.write_text(
                    self.text(node, witnesses, families, extra))
            self.prober = Prober([n.host for n in self.nodes], self.folder)
        except BaseException:
            self.close()
            raise

    def text(self, node, witnesses, families, extra):
        return f"""
node = "{node.name}";
state_dir = "{node.folder}/state";
control = {{ socket = "{node.control}"; }};
http = {{ listen = "off"; }};
cluster = {{
  name = "test";
  key_file = "{self.key}";
  heartbeat = "{self.heartbeat_ms}ms";
  lease = "{self.lease_ms}ms";
  nodes = ( {", ".join(self.entry(n, witnesses, families)
                       for n in self.nodes)} );
}};
primary = {{ {self.primary_block.replace("FOLDER", str(node.folder))} }};
{self.services_text()}
{extra}
"""

    def services_text(self):
        """None: a cluster that is there for its primary alone."""
        if self.services is None:
            return ""
        return ("services = (\n  "
                + self.services.replace("FOLDER", str(self.folder)) + "\n);")

    @staticmethod
    def entry(node, witnesses, families):
        of = {"ipv4": f'"{node.host.ipv4}:{PORT}"',
              "ipv6": f'"[{node.host.ipv6}]:{PORT}"'}
        witness = " witness = true;" if node.name in witnesses else ""
        return (f'{{ name = "{node.name}"; '
                f'address = ({", ".join(of[f] for f in families)});'
                f'{witness} }}')

    def start(self):
        for node in self.nodes:
            node.start()
        self.wait_whole()
        return self

    # Who is primary, as seen from outside.

    def primary(self):
        """The node that is primary, or None."""
        holders = self.prober.holders()
        never(len(holders) > 1 and holders, "two primaries")
        return self.nodes[holders.pop() - 1] if holders else None

    def wait_primary(self, seconds=PATIENCE, other_than=None):
        def found():
            node = self.primary()
            return node if node is not other_than else None
        return wait_for(found, seconds)

    def wait_nobody(self, seconds=PATIENCE):
        wait_for(lambda: not self.prober.holders(), seconds)

    def followers(self):
        primary = self.primary()
        return [node for node in self.nodes if node is not primary]

    def is_whole(self):
        """All running nodes hear all running nodes, follow one primary,
        and each of them could vote and succeed it."""
        running = [node for node in self.nodes if node.running()]
        primary = self.primary()
        return primary is not None and all(
            self.is_part(node, primary, running) for node in running)

    def is_part(self, node, primary, running):
        # It votes for nobody until its lease after a start is over.
        if time.monotonic() < node.started + 1.2 * self.lease_ms / 1e3:
            return False
        view, names = node.cluster(), [n.name for n in running]
        return view and view["primary"] == primary.name and all(
            is_ready(row) for row in view["nodes"] if row["name"] in names)

    def wait_whole(self, seconds=PATIENCE):
        """Then the primary."""
        wait_for(self.is_whole, seconds, every=0.02)
        return self.primary()

    def terms(self):
        return {node.name: (node.cluster() or {}).get("term")
                for node in self.nodes if node.running()}

    def print_logs(self):
        for node in self.nodes:
            print(f"--- {node.name}", *node.lines()[-40:], sep="\n")

    # The end.

    def close(self):
        # The prober first: what is seen while all is killed counts not.
        try:
            return self.prober.stop() if self.prober else None
        finally:
            self.end_hosts()

    def end_hosts(self):
        if self.hosts:
            self.hosts.close()
        for node in getattr(self, "nodes", []):
            if node.process:
                node.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.print_logs()
        summary = self.close()
        never(summary["two_us"] and summary, "two primaries")


def is_ready(row):
    return row["up"] and (row["witness"] or row["eligible"])
