"""Servers of databases in network namespaces (netns.py): Redis, PostgreSQL and
MariaDB, from Debian.  The one that others begin as replicas of is the primary.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

import database_client
import netns
from world import wait_for

SOURCE = pathlib.Path(os.environ.get("top_srcdir") or os.getcwd())


class Instance:
    """One server of a database, on a host of its own.  asks() is a fresh
    connection from within its network.  @durable: it acknowledges nothing
    that a replica does not have, or that is not on its disk."""

    kind = None
    port = None
    patience = 0.01     # between two questions

    @staticmethod
    def check(_folder):
        """More of the settings of its checks."""
        return ""

    @staticmethod
    def failover(_folder):
        return ""

    def __init__(self, host, folder, durable=False):
        self.host, self.durable = host, durable
        self.name = host.name
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = None

    def argv(self):
        raise NotImplementedError

    def waits(self, primary):
        """All replicas follow the primary: from now on, if @durable, its writes
        wait for them."""

    def start(self):
        with open(self.folder / "log", "a") as log:
            self.process = self.host.start(*self.argv(), stdout=log,
                                           stderr=log)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def server(self):
        """The id of its process, or None."""
        return self.process.pid if self.running() else None

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def client(self, **options):
        with within(self.host):
            return database_client.KINDS[self.kind](self.host.ipv4, self.port,
                                                    **options)

    def try_asking(self, what, **options):
        """@what of a client, or None while it does not answer."""
        try:
            client = self.client(**options)
        except OSError:
            return None
        with contextlib.closing(client):
            with contextlib.suppress(OSError):
                return what(client)
        return None

    def lacks(self, numbers):
        with contextlib.closing(self.client()) as client:
            return client.lacks(numbers)


@contextlib.contextmanager
def within(host):
    """In the network of @host: sockets that are opened here stay there."""
    with open("/proc/self/ns/net") as home, \
            open(f"{netns.FOLDER}/{host.namespace}") as there:
        enter(there)
        try:
            yield
        finally:
            enter(home)


def enter(namespace):
    if database_client.libc().setns(namespace.fileno(), 0) != 0:
        raise OSError("setns")


class Redis(Instance):
    kind = "redis"
    port = 6379

    def argv(self):
        return ["/usr/bin/redis-server", "--port", self.port, "--bind",
                "0.0.0.0", "--protected-mode", "no", "--dir", self.folder,
                "--save", "", *self.log_words(),
                "--repl-diskless-sync-delay", "0",
                "--repl-timeout", "5"]

    def log_words(self):
        """A disk that can hang is written to."""
        if not self.durable and not os.path.ismount(self.folder):
            return ["--appendonly", "no"]
        return ["--appendonly", "yes", "--appendfsync",
                "always" if self.durable else "everysec"]

    def begin(self, primary):
        """For the first time."""
        self.start()
        wait_for(lambda: self.try_asking(lambda c: c.ask("PING")))
        if primary is not self:
            self.try_asking(lambda c: c.ask("REPLICAOF", primary.host.ipv4,
                                            primary.port))
            wait_for(lambda: self.follows(primary))

    def follows(self, other):
        role = self.try_asking(lambda c: c.ask("ROLE"))
        return bool(role) and role[0] == "slave" and role[3] == "connected" \
            and role[1] == other.host.ipv4


class Rejoined(Instance):
    """One that a hook makes anew, and starts: its processes are found by their
    folder."""

    user = group = None

    def __init__(self, host, folder, durable=False):
        super().__init__(host, folder, durable)
        shutil.chown(self.folder, self.user, self.group)
        self.data = self.folder / "data"

    def pids(self):
        found = []
        for pid in self.host.pids():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/cwd") == str(self.data):
                    found.append(pid)
        return found

    def server(self):
        return min(self.pids(), default=None)

    def freeze(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGCONT)

    @staticmethod
    def hook(folder, script, conf):
        """Settings for the shipped @script.  It says when it runs; "broken"
        breaks it."""
        (folder / "rejoin.conf").write_text(
            f"at={folder}/databases/$BASCULE_TARGET\n"
            f"data=$at/data\nlog={folder}/$BASCULE_TARGET/rejoin.log\n"
            + conf)
        path = program(folder / "rejoin", f"""
echo "begin $BASCULE_NODE $BASCULE_TARGET" >>{folder}/rejoins
trap 'echo "end $BASCULE_NODE $BASCULE_TARGET" >>{folder}/rejoins' EXIT
if test -e {folder}/broken; then
	echo it is broken
	echo as is told here
	exit 1
fi
{SOURCE.resolve()}/hooks/{script} {folder}/rejoin.conf
""")
        return f'rejoin = "{path}"; hook_timeout = "60s";'

    def part(self):
        """While it is down: give it a write that nobody else has, where that
        is what it takes to part its history from the others'."""


class Postgresql(Rejoined):
    """Its postmaster is found by its file."""

    kind = "postgresql"
    user = group = "postgres"
    port = 5432
    patience = 0.2
    bin = next(iter(sorted(
        pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)

    @staticmethod
    def check(_folder):
        return 'user = "bascule";'

    @staticmethod
    def failover(folder):
        return Rejoined.hook(folder, "rejoin-postgresql",
                             f"bin={Postgresql.bin}\nstream='user=repl'\n")

    def owned(self, program, *argv):
        done = self.host.run("runuser", "-u", "postgres", "--",
                             self.bin / program, *argv, cwd="/", timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    def begin(self, primary):
        if primary is self:
            self.make()
        else:
            self.owned("pg_basebackup", "-D", self.data, "-X", "stream", "-c",
                       "fast", "-R", "--no-sync", "-d",
                       f"host={primary.host.ipv4} user=repl "
                       f"application_name={self.name}")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(f"cluster_name = '{self.name}'\n")
        self.start()
        if primary is self:
            wait_for(self.make_tables)
        else:
            wait_for(lambda: self.follows(primary))

    def make(self):
        self.owned("initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
                   "--no-sync", "--locale=C", "-E", "UTF8")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write("listen_addresses = '*'\n"
                       "unix_socket_directories = ''\nfsync = off\n"
                       "wal_log_hints = on\nshared_buffers = 16MB\n"
                       "wal_keep_size = 256MB\nmax_connections = 40\n"
                       "autovacuum = off\n")
        (self.data / "pg_hba.conf").write_text(
            "host all all all trust\nhost replication all all trust\n")

    def make_tables(self):
        """What docs/databases.md says that the user of the checks needs."""
        return self.try_asking(lambda c: c.ask(
            "create table rows(id bigint primary key); "
            "create role app login; grant all on rows to app; "
            "grant pg_monitor to app; "
            "create role repl replication login; "
            "create role bascule login replication; "
            "grant pg_monitor, pg_signal_backend to bascule; "
            "grant execute on function pg_promote(boolean, integer), "
            "pg_reload_conf() to bascule; "
            "grant alter system on parameter default_transaction_read_only, "
            "primary_conninfo to bascule; "
            "create table bascule_canary (id int primary key, epoch bigint, "
            "at timestamptz); "
            "grant select, insert, update on bascule_canary to bascule; "
            "select 'made'"), user="postgres")

    def waits(self, primary):
        if self.durable:
            with open(self.data / "postgresql.conf", "a") as conf:
                conf.write("synchronous_standby_names = "
                           "'ANY 1 (node1, node2, node3)'\n")
            os.kill(self.postmaster(), signal.SIGHUP)

    def postmaster(self):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            return pid if pid in self.pids() else None
        return None

    def server(self):
        return self.postmaster()

    def running(self):
        if self.process is not None:
            self.process.poll()     # lest it stay a zombie
        return self.postmaster() is not None

    def start(self):
        # Whoever inherits a killed one may take its time to reap it.
        wait_for(lambda: not self.pids() and not self.lingers(), 60)
        super().start()

    def lingers(self):
        if self.process is not None:
            self.process.poll()
        with contextlib.suppress(OSError, ValueError, IndexError):
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            return os.path.exists(f"/proc/{pid}")
        return False

    def argv(self):
        return ["setpriv", "--reuid=postgres", "--regid=postgres",
                "--clear-groups", self.bin / "postgres", "-D", self.data]

    def kill(self):
        """The postmaster: its children notice."""
        os.kill(self.postmaster(), signal.SIGKILL)

    def follows(self, other):
        host = self.try_asking(lambda c: c.ask(
            "select sender_host from pg_stat_wal_receiver "
            "where status = 'streaming'"))
        return host == [other.host.ipv4]


class Mariadb(Rejoined):
    kind = "mysql"
    user, group = "nobody", "nogroup"
    port = 3306
    RIGHTS = ("REPLICA MONITOR, REPLICATION SLAVE ADMIN, REPLICATION MASTER "
              "ADMIN, READ_ONLY ADMIN, BINLOG ADMIN, BINLOG MONITOR, "
              "CONNECTION ADMIN, PROCESS, RELOAD")
    SEMI = ("--rpl-semi-sync-slave-enabled=1",
            "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
            "--rpl-semi-sync-master-timeout=86400000",
            "--rpl-semi-sync-master-wait-no-slave=1")
    USER = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]

    @staticmethod
    def check(folder):
        return f'user = "mon"; password_file = "{secret(folder, "mon")}";'

    @staticmethod
    def failover(folder):
        password = secret(folder, "repl")
        return ('replication_user = "repl"; replication_password_file = '
                f'"{password}";' + Rejoined.hook(folder, "rejoin-mariadb", f"""
from={folder}/databases/$BASCULE_SOURCE
copy="mariadb-backup --no-defaults --backup --stream=mbstream --user=root
--socket=$from/s --datadir=$from/data --target-dir=$at/copy"
owner=nobody
server=$at/server
stop="pkill -F $at/pid"
start=$at/start
socket=$at/s
user=repl
password_file={password}
"""))

    def argv(self):
        return [*self.USER, *self.words()]

    def words(self):
        number = self.name.removeprefix("node")
        return ["/usr/sbin/mariadbd", "--no-defaults",
                # One that starts removes all temporary tables in there.
                f"--tmpdir={self.folder}",
                f"--datadir={self.folder}/data", f"--socket={self.folder}/s",
                f"--pid-file={self.folder}/pid", f"--port={self.port}",
                f"--server-id={number}", f"--report-host={self.host.ipv4}",
                "--log-bin=bin", "--log-slave-updates=ON",
                "--gtid-strict-mode=ON", "--innodb-buffer-pool-size=16M",
                "--innodb-log-file-size=8M", "--skip-name-resolve",
                "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0",
                "--skip-slave-start", *(self.SEMI if self.durable else ())]

    def waits(self, primary):
        if self.durable and primary is self:
            self.as_root("SET GLOBAL rpl_semi_sync_master_enabled = 1")

    def begin(self, primary):
        subprocess.run(
            [*self.USER, "mariadb-install-db", "--no-defaults",
             f"--datadir={self.folder}/data", "--skip-test-db",
             "--innodb-log-file-size=8M",
             "--auth-root-authentication-method=normal"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd="/")
        program(self.folder / "server",
                f'\nexec {" ".join(self.words())} "$@"\n')
        program(self.folder / "start", f"\nsetsid {' '.join(self.argv())} "
                f">>{self.folder}/log 2>&1 &\n")
        self.start()
        wait_for(lambda: os.path.exists(f"{self.folder}/s"))
        for sql in ("RESET MASTER", "SET GLOBAL gtid_slave_pos = ''",
                    *(self.first() if primary is self
                      else self.later(primary))):
            self.as_root(sql)
        if primary is not self:
            wait_for(lambda: self.follows(primary))

    def first(self):
        return ["CREATE USER repl@'%' IDENTIFIED BY 'repl'",
                "GRANT REPLICATION SLAVE ON *.* TO repl@'%'",
                "CREATE USER mon@'%' IDENTIFIED BY 'mon'",
                f"GRANT {self.RIGHTS} ON *.* TO mon@'%'",
                "GRANT CREATE, SELECT, INSERT, UPDATE ON bascule.* TO mon@'%'",
                "CREATE USER app@'%' IDENTIFIED BY 'app'",
                "GRANT REPLICA MONITOR ON *.* TO app@'%'",
                "CREATE DATABASE app", "GRANT ALL ON app.* TO app@'%'",
                "CREATE TABLE app.rows (id BIGINT PRIMARY KEY)"]

    @staticmethod
    def later(primary):
        return ["SET GLOBAL read_only = 1",
                f"CHANGE MASTER TO MASTER_HOST='{primary.host.ipv4}', "
                f"MASTER_PORT={primary.port}, MASTER_USER='repl', "
                "MASTER_PASSWORD='repl', MASTER_USE_GTID=slave_pos, "
                "MASTER_CONNECT_RETRY=1", "START SLAVE"]

    def start(self):
        wait_for(lambda: not self.pids())
        super().start()

    def running(self):
        if self.process is not None:
            self.process.poll()     # lest it stay a zombie
        return bool(self.pids())

    def kill(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.running())

    def part(self):
        wait_for(lambda: not self.pids())
        self.process = self.host.start(*self.argv(), "--skip-networking",
                                       stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.as_root("INSERT INTO app.rows VALUES (-1)")
        self.kill()

    def as_root(self, sql):
        def done():
            with contextlib.suppress(OSError), contextlib.closing(
                    database_client.Mariadb(
                        path=f"{self.folder}/s", user="root")) as client:
                client.ask(sql)
                return True
            return False
        wait_for(done)

    def follows(self, other):
        row = self.try_asking(lambda c: c.ask("SHOW SLAVE STATUS", 12))
        return bool(row) and row[1] == other.host.ipv4 and \
            row[10] == row[11] == "Yes"


def program(path, text):
    path.write_text("#!/bin/sh" + text)
    path.chmod(0o755)
    return path


def secret(folder, text):
    path = folder / f"{text}.password"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


INSTANCES = {"redis": Redis, "postgresql": Postgresql, "mysql": Mariadb}
