"""A small world: real HAProxies, replicas and a basculed, in one folder."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time

from drills import Replica
from ports import free_port

TOP = os.environ.get("top_builddir") or os.getcwd()
BASCULED = os.path.join(TOP, "controller/daemon/basculed")
BASCULE = os.path.join(TOP, "cli/bascule")
HAPROXY = "/usr/sbin/haproxy"

# srv_admin_state, as recipes of HAProxy's management guide have it.
MAINT = 0x01
DRAIN = 0x08

# Seconds for what should take milliseconds: machines stand still at times.
PATIENCE = 30.0


def patient(check):
    """Settings of checks, to which no silence of some seconds is a fault where
    they say nothing of it: a busy machine is silent at times."""
    return check if "timeout" in check else (
        check + ' timeout = "3s"; timeout_min = "3s";')


class Unsafe(AssertionError):
    """What must never be was: build-aux/bascule-again does not run it again."""


def never(wrong, what):
    """@wrong, whatever it is, must be empty."""
    if wrong:
        raise Unsafe(f"{what}: {wrong}")


def wait_for(what, seconds=PATIENCE, every=0.01):
    """Call @what until it gives something true, and return that."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


class HAProxy:
    """One HAProxy in master-worker mode, with a runtime socket."""

    def __init__(self, folder, name, servers, level="admin", extra="",
                 template=None):
        self.folder = folder
        self.name = name
        self.socket = str(folder / f"{name}.sock")
        self.master = str(folder / f"{name}.master")
        self.config = folder / f"{name}.cfg"
        self.servers = dict(servers)
        self.level = level
        self.extra = extra
        self.template = template
        self.port = free_port()
        self.process = None
        self.write()
        self.start()

    def write(self):
        if self.template is not None:
            self.config.write_text(self.template(self))
            return
        lines = [f"    server {name} 127.0.0.1:{port} "
                 + self.extra.replace("{name}", name)
                 for name, port in self.servers.items()]
        self.config.write_text(
            "global\n"
            f"    stats socket {self.socket} mode 600 level {self.level}\n"
            "    stats timeout 1h\n    nbthread 1\n"
            "defaults\n    mode http\n    timeout connect 5s\n"
            "    timeout client 60s\n    timeout server 60s\n"
            "    timeout check 5s\n"
            f"frontend fe\n    bind 127.0.0.1:{self.port}\n"
            "    default_backend be_api\n"
            "backend be_api\n" + "\n".join(lines) + "\n")

    def start(self):
        log = open(self.folder / f"{self.name}.log", "a")
        self.process = subprocess.Popen(
            [HAPROXY, "-W", "-S", self.master, "-f", str(self.config),
             "-p", str(self.folder / f"{self.name}.pid")],
            stdout=log, stderr=log, start_new_session=True)
        log.close()
        wait_for(self.answers)

    def answers(self):
        with contextlib.suppress(OSError):
            return self.ask("show info")
        return None

    def ask(self, command, path=None):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(path or self.socket)
            s.sendall(command.encode() + b"\n")
            if path:
                s.shutdown(socket.SHUT_WR)
            parts = []
            while part := s.recv(65536):
                parts.append(part)
        return b"".join(parts).decode()

    def admin(self):
        """{server: srv_admin_state}"""
        rows = [line.split() for line in
                self.ask("show servers state be_api").splitlines()]
        return {row[3]: int(row[6]) for row in rows
                if len(row) > 6 and row[1] == "be_api"}

    def weights(self):
        rows = [line.split() for line in
                self.ask("show servers state be_api").splitlines()]
        return {row[3]: int(row[7]) for row in rows
                if len(row) > 7 and row[1] == "be_api"}

    def pid(self):
        return int(re.search(r"^Pid: (\d+)", self.ask("show info"),
                             re.M).group(1))

    def reload(self):
        before = self.pid()
        for _ in range(6):
            # A master that has only just begun overlooks the signal.
            self.process.send_signal(signal.SIGUSR2)
            with contextlib.suppress(AssertionError):
                wait_for(lambda: self.answers() and self.pid() != before, 5)
                return
        raise AssertionError("HAProxy did not reload")

    def signal(self, number):
        """To master and workers."""
        os.killpg(self.process.pid, number)

    def stop(self):
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None


class Daemon:
    """A basculed and its log."""

    def __init__(self, folder, environment=None):
        self.config = folder / "bascule.conf"
        self.state = folder / "state"
        self.control = str(folder / "control.sock")
        self.log = folder / "basculed.log"
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None

    def start(self, *options, prefix=()):
        log = open(self.log, "a")
        self.process = subprocess.Popen(
            [*prefix, BASCULED, "-c", str(self.config), *options],
            stdout=log, stderr=log, env=self.environment)
        log.close()

    def lines(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def said(self, pattern):
        return [line for line in self.lines() if re.search(pattern, line)]

    def wait_said(self, pattern, count=1, seconds=PATIENCE):
        wait_for(lambda: len(self.said(pattern)) >= count, seconds)
        return self.said(pattern)[-1]

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            return self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def stored(self, query):
        """Rows of the store."""
        path = f"file:{self.state}/bascule.db?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True)) as db:
            return db.execute(query).fetchall()

    def incidents(self):
        """(number, recovered) of all that the store holds."""
        return self.stored("select number, recovered_wall_us "
                           "from incidents order by number")

    def claims(self):
        """{target: kind}"""
        return dict(self.stored("select target, kind from claims"))


class World:
    """Replicas api1.., HAProxies and a daemon; ended by its with block."""

    def __init__(self, targets=3, haproxies=1, level="admin", check="",
                 service="", environment=None, haproxy_extra="",
                 http="off", haproxy_settings="", haproxy_template=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-e2e."))
        self.check = check
        self.service = service
        self.http = http
        self.haproxy_settings = haproxy_settings
        self.names = [f"api{i + 1}" for i in range(targets)]
        self.more = {}  # of each target's settings
        self.daemon = Daemon(self.folder, environment)
        self.replicas, self.haproxies = {}, []
        try:
            for name in self.names:
                self.replicas[name] = Replica()
            self.ports = {name: r.port for name, r in self.replicas.items()}
            for i in range(haproxies):
                self.haproxies.append(
                    HAProxy(self.folder, f"lb{i + 1}", self.ports, level,
                            haproxy_extra, haproxy_template))
            self.configure()
        except BaseException:
            self.close()
            raise

    @property
    def haproxy(self):
        return self.haproxies[0]

    def configure(self, names=None, check=None, service=None, extra="",
                  haproxy=None):
        names = self.names if names is None else names
        check = self.check if check is None else check
        service = self.service if service is None else service
        haproxy = self.haproxy_settings if haproxy is None else haproxy
        targets = ", ".join(
            f'{{ name = "{name}"; address = "127.0.0.1:{self.ports[name]}"; '
            f'{self.more.get(name, "")} }}'
            for name in names)
        haproxies = ", ".join(
            f'{{ name = "{h.name}"; socket = "{h.socket}"; '
            + haproxy.replace("{master}", h.master) + " }"
            for h in self.haproxies)
        self.daemon.config.write_text(f"""
node = "test";
state_dir = "{self.daemon.state}";
control = {{ socket = "{self.daemon.control}"; }};
http = {{ listen = "{self.http}"; }};
haproxy = ( {haproxies} );
services = (
  {{ name = "api";
    check = {{ type = "http"; path = "/health"; status = "200";
              interval = "100ms"; fast_interval = "20ms"; {patient(check)} }};
    backend = "be_api"; {service}
    targets = ( {targets} );
  }}
);
{extra}
""")
        self.daemon.state.mkdir(exist_ok=True)

    def start(self, **options):
        self.daemon.start(**options)
        self.daemon.wait_said(" -> UP", len(self.names))
        return self

    def replica_kill(self, name):
        self.replicas[name].stop()

    def replica_start(self, name):
        port = self.ports[name]
        self.replicas[name] = Replica("--listen", f"127.0.0.1:{port}")

    def out(self, haproxy=None):
        """Names of servers in maintenance or drain."""
        admin = (haproxy or self.haproxy).admin()
        return {name for name, bits in admin.items() if bits}

    def wait_out(self, *names, haproxy=None, seconds=PATIENCE):
        wait_for(lambda: self.out(haproxy) == set(names), seconds)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print("---", *self.daemon.lines()[-80:], sep="\n")
        self.close()

    def close(self):
        try:
            self.daemon.stop()
        finally:
            for h in self.haproxies:
                h.stop()
            for r in self.replicas.values():
                with contextlib.suppress(ProcessLookupError):
                    r.process.send_signal(signal.SIGCONT)
                r.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
