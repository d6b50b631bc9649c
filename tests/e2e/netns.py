"""Hosts made of network namespaces on one machine, and faults between them.

Each host has a veth to a bridge that is in a namespace of its own, an IPv4
and an IPv6 address.  Names are unique for each run, so that runs go side by
side; close() ends every process in the namespaces and removes them, and an
exit of the program does so, too.  Needs root, iproute2 and nftables.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import time

FOLDER = "/run/netns"
DEVICE = "eth0"


def command(*argv, text=None, namespace=None):
    """Run to its end, in @namespace or here; a failure is an exception."""
    argv = inside(namespace, *argv) if namespace else list(map(str, argv))
    done = subprocess.run(argv, input=text, text=True, capture_output=True,
                          check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr}{text or ''}")
    return done.stdout


def ip(*lines, namespace=None):
    """Several commands of ip in one process."""
    where = ["-n", namespace] if namespace else []
    return command("ip", *where, "-batch", "-", text="\n".join(lines) + "\n")


def inside(namespace, *argv):
    """The command line that runs @argv there, under the same process id."""
    return ["nsenter", f"--net={FOLDER}/{namespace}", *map(str, argv)]


def pids(namespace):
    return [int(p) for p in
            command("ip", "netns", "pids", namespace).split()]


class Host:
    """One namespace; @number counts from 1."""

    def __init__(self, prefix, number):
        self.name = f"node{number}"
        self.namespace = f"{prefix}-{number}"
        self.port = f"port{number}"
        self.ipv4 = f"10.77.0.{number}"
        self.ipv6 = f"fd77::{number}"

    def argv(self, *argv):
        return inside(self.namespace, *argv)

    def run(self, *argv, **options):
        """Run to its end there."""
        options = {"text": True, "capture_output": True, "timeout": 60,
                   "check": False, **options}
        return subprocess.run(self.argv(*argv), **options)

    def start(self, *argv, **options):
        return subprocess.Popen(self.argv(*argv), **options)

    def pids(self):
        return pids(self.namespace)

    def has(self, address):
        """Whether the host has @address on any device."""
        return f" {address}/" in self.run("ip", "-o", "address").stdout


class Hosts:
    """@count hosts and the faults between them."""

    def __init__(self, count):
        self.prefix = f"bsc{os.getpid():x}{os.urandom(3).hex()}"
        self.switch = f"{self.prefix}-sw"
        self.hosts = [Host(self.prefix, i + 1) for i in range(count)]
        self.faults = {host.name: {} for host in self.hosts}
        atexit.register(self.close)
        try:
            self.make()
        except BaseException:
            self.close()
            raise

    def __iter__(self):
        return iter(self.hosts)

    def __getitem__(self, index):
        return self.hosts[index]

    def make(self):
        ip(*(f"netns add {name}" for name in self.namespaces()))
        ip("link add bridge0 type bridge", "link set bridge0 up",
           namespace=self.switch)
        for host in self.hosts:
            self.make_host(host)
        self.write_rules(*self.hosts)

    def make_host(self, host):
        ip(f"link add {host.port} type veth peer name {DEVICE} "
           f"netns {host.namespace}",
           f"link set {host.port} master bridge0 up", namespace=self.switch)
        ip("link set lo up", f"link set {DEVICE} up",
           f"address add {host.ipv4}/24 dev {DEVICE}",
           f"address add {host.ipv6}/64 dev {DEVICE} nodad",
           namespace=host.namespace)

    def namespaces(self):
        return [self.switch, *(host.namespace for host in self.hosts)]

    # Faults.  They add up until heal().

    def link(self, host, up):
        """The cable of @host, pulled at the switch's end."""
        state = "up" if up else "down"
        ip(f"link set {host.port} {state}", namespace=self.switch)

    def lose(self, sender, receiver, percent=100, family=None):
        """Lose what goes one way; 0 ends it.  @family: "ip" or "ip6" only."""
        rules = self.faults[receiver.name]
        for one in [family] if family else ["ip", "ip6"]:
            rules[one, sender.name] = percent
        self.write_rules(receiver)

    def deafen(self, receiver, percent=100):
        """Lose what all others send to @receiver, at one instant."""
        rules = self.faults[receiver.name]
        for sender in self.others(receiver):
            for family in ("ip", "ip6"):
                rules[family, sender.name] = percent
        self.write_rules(receiver)

    def lose_all(self, percent, family=None):
        """Between each and each."""
        for receiver in self.hosts:
            for sender in self.others(receiver):
                self.lose(sender, receiver, percent, family)

    def cut(self, some, percent=100):
        """Cut the hosts @some from the rest, both ways."""
        rest = [host for host in self.hosts if host not in some]
        for one in some:
            for other in rest:
                self.lose(one, other, percent)
                self.lose(other, one, percent)

    def lose_short(self, size):
        """No UDP datagram with less than @size bytes inside arrives."""
        self.write_rules(*self.hosts)
        for host in self.hosts:
            command("nft", "add", "rule", "inet", "fault", "hear",
                    "udp", "length", "<", str(8 + size), "drop",
                    namespace=host.namespace)

    def lose_datagrams(self, host):
        """Nothing by UDP comes to @host or from it; all else does."""
        self.write_rules(*self.hosts)
        for one in self.hosts:
            of = [] if one is host else ["ip", "saddr", host.ipv4]
            command("nft", "add", "rule", "inet", "fault", "hear", *of,
                    "meta", "l4proto", "udp", "drop",
                    namespace=one.namespace)

    def partition(self, *parts):
        """Only hosts of one part hear each other."""
        for part in parts:
            self.cut(part)

    def heal(self):
        for rules in self.faults.values():
            rules.clear()
        self.write_rules(*self.hosts)
        for host in self.hosts:
            self.link(host, True)

    def others(self, host):
        return [other for other in self.hosts if other is not host]

    def write_rules(self, *hosts):
        for host in hosts:
            command("nft", "-f", "-", text=self.rules(host),
                    namespace=host.namespace)

    def rules(self, host):
        lines = []
        for (family, name), percent in self.faults[host.name].items():
            sender = next(h for h in self.hosts if h.name == name)
            address = sender.ipv4 if family == "ip" else sender.ipv6
            chance = ("" if percent >= 100 else
                      f"numgen random mod 100 < {percent} ")
            if percent:
                lines.append(f"  {family} saddr {address} {chance}drop")
        return ("table inet fault\ndelete table inet fault\n"
                "table inet fault {\n chain hear {\n"
                "  type filter hook input priority 0; policy accept;\n"
                + "\n".join(lines) + "\n }\n}\n")

    # The end.

    def end_processes(self):
        """Kill whatever runs in the namespaces, and wait for its end."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            alive = [pid for name in self.namespaces()
                     if os.path.exists(f"{FOLDER}/{name}")
                     for pid in pids(name) if not is_zombie(pid)]
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if not alive:
                return
            time.sleep(0.01)

    def close(self):
        atexit.unregister(self.close)
        self.end_processes()
        for name in self.namespaces():
            if os.path.exists(f"{FOLDER}/{name}"):
                command("ip", "netns", "delete", name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
