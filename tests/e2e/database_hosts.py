"""Three hosts, each with an instance of a database, a HAProxy and a daemon.

The instance on node1 is the primary at first.  Clients (database_client.py)
write through the HAProxy of their own host.
"""

import contextlib
import pathlib
import re
import signal
import sys

import database_client
from clusters import Cluster
from database_instances import INSTANCES
from disks import Disk
from guards import kill_all
from prober import ADDRESS
from world import HAPROXY, PATIENCE, patient, wait_for

HERE = pathlib.Path(__file__).parent
MAINT_OR_DRAIN = 0x29
CLIENT_PORT = 7000


class Proxy:
    """A HAProxy whose only backend is what the daemon beside it routes."""

    def __init__(self, host, folder, instances, user=None):
        self.host = host
        as_user = f"    user {user}\n" if user else ""
        self.socket = f"{folder}/haproxy.sock"
        self.master = f"{folder}/master.sock"
        self.config = folder / "haproxy.cfg"
        self.log = folder / "haproxy.log"
        self.process = None
        servers = "\n".join(
            f"    server {i.name} {i.host.ipv4}:{i.port} disabled"
            for i in instances)
        self.config.write_text(
            f"global\n{as_user}"
            f"    stats socket {self.socket} mode 600 level admin\n"
            "    stats timeout 1h\n    nbthread 1\n"
            "defaults\n    mode tcp\n    timeout connect 200ms\n"
            "    timeout client 10s\n    timeout server 10s\n    retries 0\n"
            f"frontend fe\n    bind 127.0.0.1:{CLIENT_PORT}\n"
            f"    default_backend be_db\nbackend be_db\n{servers}\n")

    def start(self):
        with open(self.log, "a") as log:
            self.process = self.host.start(
                HAPROXY, "-W", "-S", self.master, "-f", self.config,
                stdout=log, stderr=log)
        wait_for(self.routed_or_none)

    def reload(self):
        """Sessions stay with a worker that leaves."""
        before = self.pid()
        self.process.send_signal(signal.SIGUSR2)
        wait_for(lambda: self.routed_or_none() and self.pid() != before)

    def pid(self):
        return re.search(r"(?m)^Pid: (\d+)", self.ask("show info")).group(1)

    def ask(self, command):
        with database_client.unix(self.socket) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: sock.recv(65536), b"")).decode()

    def routed(self):
        """Names of the servers that may be used."""
        rows = [line.split() for line in
                self.ask("show servers state be_db").splitlines()]
        return {row[3] for row in rows
                if len(row) > 6 and row[1] == "be_db"
                and not int(row[6]) & MAINT_OR_DRAIN}

    def routed_or_none(self):
        with contextlib.suppress(OSError):
            return (self.routed(),)
        return None


class Client:
    """database_client.py on @host, or another @program of its kind."""

    def __init__(self, host, number, kind, rate, folder,
                 program="database_client", more=()):
        self.host = host
        self.log = folder / f"{host.name}.{program}"
        self.errors = folder / f"{host.name}.{program}.client"
        self.words = [HERE / f"{program}.py", kind, number, rate, self.log,
                      f"127.0.0.1:{CLIENT_PORT}", *more]
        self.process = None

    def start(self):
        self.stop()
        with open(self.errors, "a") as log:
            self.process = self.host.start(sys.executable, *self.words,
                                           stdout=log, stderr=log)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def lines(self):
        """The words of each whole line of its log."""
        if not self.log.exists():
            return []
        lines = self.log.read_text().rpartition("\n")[0].splitlines()
        return [line.split() for line in lines]

    def rows(self, since=0):
        """[(acknowledged, sent, number, instance)] of what was sent after
        @since."""
        found = []
        for number, sent, done, taker in self.lines():
            if int(sent) >= since:
                found.append((int(done), int(sent), int(number), taker))
        return found


class DatabaseHosts(Cluster):
    """@failover, @check: more of its blocks.  @rate: rows a second of all
    clients.  @proxy_user: whose the HAProxies are.  @durable: of the
    instances.  @disks: each has one of its own, which can hang."""

    def __init__(self, kind="redis", failover="", check="", rate=500,
                 proxy_user=None, durable=False, disks=False, **options):
        self.proxy_user = proxy_user
        self.check = patient(check)
        self.durable, self.with_disks, self.disks = durable, disks, []
        self.kind, self.failover, self.rate = kind, failover, rate
        super().__init__(3, **options)
        try:
            self.make_databases()
        except BaseException:
            self.close()
            raise

    def make_databases(self):
        self.folder.chmod(0o755)    # databases run as users of their own
        hosts = [node.host for node in self.nodes]
        for host in hosts if self.with_disks else ():
            self.disks.append(Disk(self.folder / f"{host.name}.disk",
                                   self.folder / "databases" / host.name))
        self.instances = [INSTANCES[self.kind](host, self.folder / "databases",
                                               self.durable)
                          for host in hosts]
        self.proxies = [Proxy(node.host, node.folder, self.instances,
                              self.proxy_user)
                        for node in self.nodes]
        self.clients = [Client(host, i + 1, self.kind,
                               self.rate / len(hosts), self.folder)
                        for i, host in enumerate(hosts)]

    def text(self, node, witnesses, families, extra):
        one = INSTANCES[self.kind]
        targets = ", ".join(
            f'{{ name = "{n.name}"; address = "{n.host.ipv4}:{one.port}"; '
            f'node = "{n.name}"; }}' for n in self.nodes)
        return super().text(node, witnesses, families, extra) + f"""
haproxy = ( {{ name = "local"; socket = "{node.folder}/haproxy.sock";
             master_socket = "{node.folder}/master.sock"; }} );
services = (
  {{ name = "db";
    check = {{ type = "{one.kind}"; interval = "200ms"; fast_interval = "20ms";
              {self.check} {one.check(self.folder)} }};
    backend = "be_db";
    failover = {{ cooldown = "0s"; {one.failover(self.folder)}
                 {self.failover} }};
    targets = ( {targets} );
  }}
);
"""

    def start(self):
        for instance in self.instances:
            instance.begin(self.instances[0])
        # The primary last, which waits for the others from then on.
        for instance in reversed(self.instances):
            instance.waits(self.instances[0])
        for proxy in self.proxies:
            proxy.start()
        super().start()
        self.wait_routed(self.instances[0])
        return self

    # What is so, as seen from outside.

    def instance(self, name):
        return next(i for i in self.instances if i.name == name)

    def wait_routed(self, instance, seconds=PATIENCE):
        """Every HAProxy that a daemon drives."""
        for node, proxy in zip(self.nodes, self.proxies):
            if node.running():
                wait_for(lambda p=proxy: p.routed() == {instance.name},
                         seconds)

    def succeeded(self, old):
        """The instance that some HAProxy routes to in place of @old."""
        names = set()
        for proxy in self.proxies:
            for routed in proxy.routed_or_none() or ():
                names |= routed
        names.discard(old.name)
        return self.instance(names.pop()) if len(names) == 1 else None

    def rows(self, since=0):
        return sorted(row for client in self.clients
                      for row in client.rows(since))

    def wait_writes(self, since, by=None, other_than=None, seconds=PATIENCE):
        """The first row that was acknowledged by such an instance."""
        def found():
            return next((row for row in self.rows(since)
                         if by in (None, row[3]) and other_than != row[3]),
                        None)
        return wait_for(found, seconds, every=0.05)

    # Faults.

    def kill_host(self, number):
        """All that runs there, and the address of the primary node with it;
        its network goes on."""
        node, instance = self.nodes[number], self.instances[number]
        kill_all(node.host.pids)
        for one in (node, instance, self.proxies[number],
                    self.clients[number]):
            if one.process is not None:
                one.process.wait()
        node.host.run("ip", "address", "flush", "dev", "lo", "to", ADDRESS)

    def mend(self):
        """All is started that does not run, and every host heard."""
        self.hosts.heal()
        for disk in self.disks:
            disk.thaw()
        for node, instance, proxy, client in zip(
                self.nodes, self.instances, self.proxies, self.clients):
            if instance.running():
                instance.thaw()
            else:
                instance.start()
            if proxy.process.poll() is not None:
                proxy.start()
            if not node.running():
                node.restart()
            if client.process is not None and not client.running():
                client.start()

    def end_hosts(self):
        for disk in self.disks:
            disk.thaw()
        if self.hosts:
            self.hosts.close()
        for disk in self.disks:
            disk.close()
        super().end_hosts()

    def print_logs(self):
        super().print_logs()
        for path in (*self.folder.glob("databases/*/log"),
                     *self.folder.glob("databases/*/data/startup.log"),
                     *self.folder.glob("*/rejoin.log"),
                     *self.folder.glob("*.client")):
            print(f"--- {path.relative_to(self.folder)}",
                  *path.read_text().splitlines()[-15:], sep="\n")


def overlapping(rows, old):
    """Rows of @old that were sent after another instance had acknowledged
    one: these were surely accepted while two instances accepted."""
    first = min((done for done, _, _, taker in rows if taker != old),
                default=None)
    return [] if first is None else [
        row for row in rows if row[3] == old and row[1] > first]
