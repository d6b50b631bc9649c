"""Real PostgreSQL servers, behind a real HAProxy and with a basculed."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from world import Daemon, HAProxy, free_port, wait_for

BIN = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
# It refuses to be root.
OWNER = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
SCRIPT = pathlib.Path(os.environ.get("top_srcdir") or os.getcwd()) \
    / "hooks/rejoin-postgresql"


class PgError(Exception):
    pass


class Client:
    """One connection; speaks the protocol, without a password."""

    def __init__(self, port, timeout=2.0, user="app"):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.sock.settimeout(timeout)
        self.file = self.sock.makefile("rb")
        words = f"user\0{user}\0database\0postgres\0\0".encode()
        self.sock.sendall(struct.pack("!II", 8 + len(words), 3 << 16) + words)
        self.answer()

    def ask(self, sql):
        raw = sql.encode() + b"\0"
        self.sock.sendall(b"Q" + struct.pack("!I", 4 + len(raw)) + raw)
        return self.answer()

    def answer(self):
        rows, error = [], None
        while True:
            head = self.file.read(5)
            if len(head) < 5:
                raise OSError(error or "closed")
            kind, size = head[:1], struct.unpack("!I", head[1:])[0]
            body = self.file.read(size - 4)
            if kind == b"E":
                error = body.split(b"\0M", 1)[1].split(b"\0")[0].decode()
            elif kind == b"D":
                rows.append(self.row(body))
            elif kind == b"Z":
                if error:
                    raise PgError(error)
                return rows

    @staticmethod
    def row(body):
        (count,), at, cells = struct.unpack("!H", body[:2]), 2, []
        for _ in range(count):
            (size,) = struct.unpack("!i", body[at:at + 4])
            at += 4
            cells.append(None if size < 0 else body[at:at + size].decode())
            at += max(size, 0)
        return cells

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.sendall(b"X\0\0\0\4")
        self.file.close()
        self.sock.close()


def run(*command):
    return subprocess.run([*OWNER, *map(str, command)], cwd="/", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=True).stdout


def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


def has_ended(pid):
    """Whether it is gone, or only waits to be reaped."""
    with contextlib.suppress(OSError):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        return stat.rsplit(")", 1)[1].split()[0] == "Z"
    return True


class Server:
    """One PostgreSQL with its data and its log in @folder."""

    def __init__(self, folder, name):
        self.name = name
        self.data = folder / name
        self.log = folder / f"{name}.log"
        self.port = free_port()

    def make(self, *settings):
        run(BIN / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
            "--no-sync", "--locale=C", "-E", "UTF8")
        self.configure(
            "listen_addresses = '127.0.0.1'", "unix_socket_directories = ''",
            "fsync = off", "wal_log_hints = on", "shared_buffers = 16MB",
            "max_connections = 40", "autovacuum = off", *settings)
        self.access()
        return self.start()

    def access(self, *first):
        self.write("pg_hba.conf", [*first, "host all all 127.0.0.1/32 trust",
                                   "host replication all 127.0.0.1/32 trust"])

    def write(self, name, lines):
        path = self.data / name
        path.write_text("\n".join(lines) + "\n")
        shutil.copystat(self.data / "PG_VERSION", path)
        if OWNER:
            shutil.chown(path, "postgres", "postgres")

    def configure(self, *lines):
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write("\n".join(lines) + f"\nport = {self.port}\n")

    def copy_of(self, source, slot=True):
        run(BIN / "pg_basebackup", "-h", "127.0.0.1", "-p", source.port, "-U",
            "repl", "-D", self.data, "-X", "stream", "-c", "fast", "-R",
            "--no-sync", "-d", f"application_name={self.name}",
            *(["-C", "-S", self.name] if slot else []))
        self.configure()
        return self.start()

    def start(self, wait=True):
        # Whoever inherits a killed one may take its time to reap it.
        with contextlib.suppress(OSError):
            pid = self.pid()
            wait_for(lambda: not os.path.exists(f"/proc/{pid}"))
        run(BIN / "pg_ctl", "-D", self.data, "-l", self.log,
            "-w" if wait else "-W", "-s", "start")
        return self

    def stop(self, mode="fast"):
        run(BIN / "pg_ctl", "-D", self.data, "-m", mode, "-s", "stop")

    def reload(self):
        run(BIN / "pg_ctl", "-D", self.data, "-s", "reload")

    def pid(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def ask(self, sql, user="postgres"):
        client = Client(self.port, user=user)
        try:
            return client.ask(sql)
        finally:
            client.close()

    def value(self, sql):
        """One value; None when it cannot be asked."""
        with contextlib.suppress(OSError, PgError):
            rows = self.ask(sql, "app")
            return rows[0][0] if rows else None
        return None

    def is_replica(self):
        return self.value("select pg_is_in_recovery()") == "t"

    def follows(self, other):
        port = self.value("select sender_port from pg_stat_wal_receiver "
                          "where status = 'streaming'")
        return port == str(other.port)

    def lines(self, pattern="."):
        if not self.log.exists():
            return []
        return [line for line in self.log.read_text().splitlines()
                if re.search(pattern, line)]

    def kill(self):
        """The postmaster alone; its children notice."""
        os.kill(self.pid(), signal.SIGKILL)

    def end(self):
        """Whatever is left of it."""
        with contextlib.suppress(OSError, ValueError):
            pid = self.pid()
            if f"{self.data}" in pathlib.Path(
                    f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGQUIT)
                wait_for(lambda: has_ended(pid))


class Writer(threading.Thread):
    """Inserts numbers through a port, and remembers when each was taken."""

    def __init__(self, port, every=0.002, first=0):
        super().__init__(daemon=True)
        self.port = port
        self.first = first
        self.every = every
        self.taken = []  # (number, monotonic time)
        self.errors = 0
        self.ended = threading.Event()

    def run(self):
        client, number = None, self.first
        while not self.ended.is_set():
            number += 1
            try:
                if client is None:
                    client = Client(self.port, 1.0)
                client.ask(f"insert into t values ({number})")
                self.taken.append((number, time.monotonic()))
            except (OSError, PgError):
                self.errors += 1
                if client is not None:
                    client.close()
                client = None
            self.ended.wait(self.every)
        if client is not None:
            client.close()

    def stop(self):
        self.ended.set()
        self.join()

    def after(self, moment):
        return next((at for _, at in self.taken if at > moment), None)

    def gap(self):
        times = [at for _, at in self.taken]
        return max((b - a for a, b in zip(times, times[1:])), default=0)

    def missing(self, server):
        found = {int(row[0]) for row in server.ask("select id from t")}
        return [number for number, _ in self.taken if number not in found]


class PgWorld:
    """Servers a, b .., of which a is the primary and the others follow it; and
    what stands before them.  Ended by its with block."""

    def __init__(self, count=3, check="", failover="", synchronous=None,
                 user="bascule", password=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-pg."))
        self.home = self.folder / "servers"
        self.servers = [Server(self.home, "abcdef"[i]) for i in range(count)]
        self.check = check
        self.failover = failover
        self.synchronous = synchronous
        self.user = user
        self.password = password
        self.haproxy = None
        self.daemon = Daemon(self.folder)
        self.writers = []

    def __enter__(self):
        try:
            self.folder.chmod(0o755)
            self.home.mkdir()
            if OWNER:
                shutil.chown(self.home, "postgres", "postgres")
            first = self.servers[0].make()
            first.ask("create table t(id bigint primary key)")
            self.rights(first)
            for server in self.servers[1:]:
                server.copy_of(first)
            for server in self.servers[1:]:
                wait_for(lambda s=server: s.follows(first))
            if self.synchronous:
                for server in self.servers:
                    server.configure("synchronous_standby_names = "
                                     f"'{self.synchronous}'")
                    server.reload()
                wait_for(lambda: first.value(
                    "select count(*) from pg_stat_replication "
                    "where sync_state in ('sync', 'quorum')") != "0")
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    @staticmethod
    def rights(server):
        """What docs/databases.md says that the user of the checks needs."""
        for sql in [
                "create role repl replication login",
                "create role bascule login replication",
                "grant pg_monitor, pg_signal_backend to bascule",
                "grant execute on function pg_promote(boolean, integer) "
                "to bascule",
                "grant execute on function pg_reload_conf() to bascule",
                "grant alter system on parameter "
                "default_transaction_read_only, primary_conninfo to bascule",
                "create table bascule_canary (id int primary key, "
                "epoch bigint, at timestamptz)",
                "grant select, insert, update on bascule_canary to bascule",
                "create role app login",
                "grant all on t to app",
                # For the tests' own questions.
                "grant pg_monitor to app"]:
            server.ask(sql)

    def cfg(self, haproxy):
        servers = "\n".join(
            f"    server {s.name} 127.0.0.1:{s.port} disabled"
            for s in self.servers)
        return (
            "global\n"
            f"    stats socket {haproxy.socket} mode 600 level admin\n"
            "    stats timeout 1h\n    nbthread 1\n"
            "defaults\n    mode tcp\n    timeout connect 200ms\n"
            "    timeout client 10s\n    timeout server 10s\n    retries 0\n"
            f"frontend fe\n    bind 127.0.0.1:{haproxy.port}\n"
            f"    default_backend be_pg\nbackend be_pg\n{servers}\n")

    def rejoin_hook(self):
        """The shipped script, set up for these servers; its path."""
        conf = self.folder / "rejoin.conf"
        conf.write_text(f"data={self.home}/$BASCULE_TARGET\nbin={BIN}\n"
                        + ("" if OWNER else f"owner={os.getlogin()}\n")
                        + f"stream='user=repl'\nlog={self.folder}/rejoin.log\n"
                        "slot=$BASCULE_TARGET\n")
        hook = self.folder / "rejoin"
        hook.write_text(f"#!/bin/sh\nexec {SCRIPT} {conf}\n")
        hook.chmod(0o755)
        return hook

    def configure(self):
        targets = ", ".join(
            f'{{ name = "{s.name}"; address = "127.0.0.1:{s.port}"; }}'
            for s in self.servers)
        self.daemon.config.write_text(f"""
node = "test";
state_dir = "{self.daemon.state}";
control = {{ socket = "{self.daemon.control}"; }};
http = {{ listen = "off"; }};
haproxy = ( {{ name = "lb"; socket = "{self.haproxy.socket}"; }} );
services = (
  {{ name = "db";
    check = {{ type = "postgresql"; user = "{self.user}"; interval = "100ms";
              fast_interval = "20ms"; {self.check} }};
    backend = "be_pg";
    failover = {{ cooldown = "0s"; hook_timeout = "60s";
                 rejoin = "{self.rejoin_hook()}"; {self.failover} }};
    targets = ( {targets} );
  }}
);
""")
        self.daemon.state.mkdir(exist_ok=True)

    def start(self):
        self.haproxy = HAProxy(self.folder, "lb", {}, template=self.cfg)
        self.configure()
        self.daemon.start()
        self.daemon.wait_said("group db: ")
        self.wait_routed("a")
        return self

    def routed(self):
        rows = [line.split() for line in
                self.haproxy.ask("show servers state be_pg").splitlines()]
        return {row[3] for row in rows
                if len(row) > 6 and row[1] == "be_pg"
                and not int(row[6]) & 0x29}

    def wait_routed(self, *names, seconds=10.0):
        wait_for(lambda: self.routed() == set(names), seconds)

    def wait_succeeded(self, old, seconds=10.0):
        """The one server that is routed in place of @old."""
        def other():
            names = self.routed()
            return names if len(names) == 1 and old.name not in names else None
        (name,) = wait_for(other, seconds)
        return next(s for s in self.servers if s.name == name)

    def write(self):
        writer = Writer(self.haproxy.port, first=1000000 * len(self.writers))
        writer.start()
        self.writers.append(writer)
        wait_for(lambda: len(writer.taken) > 50)
        return writer

    def __exit__(self, *error):
        if error and error[0] is not None:
            print("\n".join(self.daemon.lines()))
            for path in [*self.home.glob("*.log"),
                         *self.folder.glob("rejoin.log")]:
                print(f"--- {path.name}", path.read_text()[-4000:], sep="\n")
        for writer in self.writers:
            writer.stop()
        try:
            self.daemon.stop()
        finally:
            if self.haproxy is not None:
                self.haproxy.stop()
            for server in self.servers:
                server.end()
            shutil.rmtree(self.folder, ignore_errors=True)
