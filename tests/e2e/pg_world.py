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

import database_world
from world import free_port, wait_for

BIN = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
# It refuses to be root.
OWNER = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
SCRIPT = pathlib.Path(os.environ.get("top_srcdir") or os.getcwd()) \
    / "hooks/rejoin-postgresql"


class PgError(Exception):
    pass


class Client:
    """One connection; speaks the protocol, without a password."""

    def __init__(self, port, timeout=10.0, user="app"):
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
        # Its children notice that it was killed; it does not start beside
        # them.  Whoever inherits it may take its time to reap it.
        wait_for(lambda: not self.pids())
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

    def pids(self):
        """Of all that works on its data."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(path / "cwd") == str(self.data):
                    found.append(int(path.name))
        return found

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


class Writer(database_world.Writer):
    trouble = (OSError, PgError)

    def connect(self):
        return Client(self.port, 1.0)

    def put(self, client, number):
        client.ask(f"insert into t values ({number})")

    def missing(self, server, since=0):
        """Of what was taken after @since, what it lacks."""
        found = {int(row[0]) for row in server.ask("select id from t")}
        return [number for number, at in self.taken
                if at > since and number not in found]


class PgWorld(database_world.DatabaseWorld):
    """Of a, b .., which stand alone until start()."""

    writer = Writer
    backend = "be_pg"

    def __init__(self, count=3, synchronous=None, user="bascule", **settings):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-pg."))
        self.home = folder / "servers"
        super().__init__(folder, [Server(self.home, "abcdef"[i])
                                  for i in range(count)], **settings)
        self.synchronous = synchronous
        self.check_settings = f'type = "postgresql"; user = "{user}";'

    def begin(self):
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

    def start(self):
        self.failover_settings = (
            f'hook_timeout = "60s"; rejoin = "{self.rejoin_hook()}";')
        self.prepare()
        super().start()
        self.wait_routed("a")
        return self

    def tell(self):
        super().tell()
        for path in [*self.home.glob("*.log"),
                     *self.folder.glob("rejoin.log")]:
            print(f"--- {path.name}", path.read_text()[-4000:], sep="\n")

    def end(self):
        for server in self.servers:
            server.end()
