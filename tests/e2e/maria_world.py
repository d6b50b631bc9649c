"""A group of real MariaDB servers behind a real HAProxy, and a basculed."""

import atexit
import contextlib
import ctypes
import functools
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import database_world
from world import free_port, wait_for

MARIADBD = "/usr/sbin/mariadbd"
SCRIPT = pathlib.Path(os.environ.get("top_srcdir") or os.getcwd()).resolve() \
    / "hooks/rejoin-mariadb"
USER = "nobody"
RIGHTS = ("REPLICA MONITOR, REPLICATION SLAVE ADMIN, REPLICATION MASTER ADMIN,"
          " READ_ONLY ADMIN, BINLOG ADMIN, BINLOG MONITOR, CONNECTION ADMIN,"
          " PROCESS, RELOAD")

lib = ctypes.CDLL("libmariadb.so.3")
for name in ("mysql_init", "mysql_real_connect", "mysql_store_result"):
    getattr(lib, name).restype = ctypes.c_void_p
lib.mysql_error.restype = ctypes.c_char_p
lib.mysql_fetch_row.restype = ctypes.POINTER(ctypes.c_char_p)
CONNECT_TIMEOUT, READ_TIMEOUT, WRITE_TIMEOUT = 0, 11, 12


class SqlError(Exception):
    pass


class Client:
    """One connection."""

    def __init__(self, port=0, user="root", password="", path=None, timeout=10):
        self.my = ctypes.c_void_p(lib.mysql_init(None))
        seconds = ctypes.c_uint(timeout)
        for option in (CONNECT_TIMEOUT, READ_TIMEOUT, WRITE_TIMEOUT):
            lib.mysql_options(self.my, option, ctypes.byref(seconds))
        if lib.mysql_real_connect(
                self.my, None if path else b"127.0.0.1", user.encode(),
                password.encode(), None, port,
                str(path).encode() if path else None,
                ctypes.c_ulong(0)) is None:
            self.fail()

    def fail(self):
        text = f"{lib.mysql_errno(self.my)}: " \
            f"{lib.mysql_error(self.my).decode(errors='replace')}"
        self.close()
        raise SqlError(text)

    def ask(self, statement):
        """The rows, each a tuple of texts."""
        if lib.mysql_query(self.my, statement.encode()):
            self.fail()
        rows = ctypes.c_void_p(lib.mysql_store_result(self.my))
        if not rows:
            if lib.mysql_errno(self.my):
                self.fail()
            return []
        count = lib.mysql_num_fields(rows)
        found = []
        while row := lib.mysql_fetch_row(rows):
            found.append(tuple(row[i].decode() if row[i] is not None else None
                               for i in range(count)))
        lib.mysql_free_result(rows)
        return found

    def close(self):
        if self.my is not None:
            lib.mysql_close(self.my)
        self.my = None


def as_user():
    if os.getuid() == 0:
        return ["setpriv", f"--reuid={USER}", "--regid=nogroup",
                "--clear-groups"]
    return []


def give(folder):
    if os.getuid() == 0:
        who = pwd.getpwnam(USER)
        os.chown(folder, who.pw_uid, who.pw_gid)


@functools.cache
def template():
    """An empty data folder, to be copied."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-e2e."))
    atexit.register(shutil.rmtree, folder, True)
    folder.chmod(0o755)
    give(folder)
    subprocess.run(
        as_user() + ["mariadb-install-db", "--no-defaults",
                     f"--datadir={folder}/data", "--skip-test-db",
                     "--innodb-log-file-size=8M",
                     "--auth-root-authentication-method=normal"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "data"


class Server:
    def __init__(self, folder, number, *options):
        self.name = f"m{number}"
        self.number = number
        self.folder = folder / self.name
        self.folder.mkdir()
        give(self.folder)
        subprocess.run(["cp", "-a", template(), self.folder / "data"],
                       check=True)
        self.port = free_port()
        self.path = self.folder / "s"
        self.log = self.folder / "log.err"
        self.options = options
        self.process = None

    def command(self):
        return [
            MARIADBD, "--no-defaults", f"--datadir={self.folder}/data",
            # One that starts removes all temporary tables in there.
            f"--tmpdir={self.folder}",
            f"--socket={self.path}", f"--pid-file={self.folder}/pid",
            f"--port={self.port}", "--bind-address=127.0.0.1",
            f"--server-id={self.number}", "--report-host=127.0.0.1",
            "--log-bin=bin", "--log-slave-updates=ON",
            "--gtid-strict-mode=ON", "--innodb-buffer-pool-size=16M",
            "--innodb-log-file-size=8M", "--skip-name-resolve",
            "--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0",
            f"--log-error={self.log}", *self.options]

    def start(self, *options):
        self.process = subprocess.Popen(
            as_user() + [*self.command(), *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return self

    def pids(self):
        """Of whatever serves its data: the rejoin hook starts it, too."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(path / "cwd") == f"{self.folder}/data":
                    found.append(int(path.name))
        return found

    def wait(self):
        wait_for(lambda: self.try_ask("SELECT 1"), 60)
        return self

    def ask(self, *statements):
        client = Client(path=self.path)
        try:
            for statement in statements:
                found = client.ask(statement)
            return found
        finally:
            client.close()

    def try_ask(self, statement):
        with contextlib.suppress(SqlError):
            return self.ask(statement)
        return None

    def value(self, what):
        found = self.try_ask(f"SELECT {what}")
        return found[0][0] if found else None

    def source(self):
        """The port of whom it follows, and whether it does."""
        found = self.try_ask("SHOW SLAVE STATUS")
        if not found:
            return None
        return int(found[0][3]), found[0][10] == found[0][11] == "Yes"

    def follows(self, other):
        return self.source() == (other.port, True)

    def follow(self, other):
        self.ask("SET GLOBAL read_only = 1",
                 "CHANGE MASTER TO MASTER_HOST='127.0.0.1', "
                 f"MASTER_PORT={other.port}, MASTER_USER='repl', "
                 "MASTER_PASSWORD='rp', MASTER_USE_GTID=slave_pos, "
                 "MASTER_CONNECT_RETRY=1", "START SLAVE")

    def said(self, text):
        return [line for line in self.log.read_text(errors="replace")
                .splitlines() if text in line]

    def kill(self):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self.process = None


class Writer(database_world.Writer):
    trouble = (SqlError,)

    def connect(self):
        return Client(self.port, "app", "ap", timeout=1)

    def put(self, client, number):
        client.ask(f"INSERT INTO d.t VALUES ({number})")

    def missing(self, server, since=0):
        """Of what was taken after @since, what it lacks."""
        found = {int(row[0]) for row in server.ask("SELECT id FROM d.t")}
        return [number for number, at in self.taken
                if at > since and number not in found]


class Servers:
    """m1, m2 .., of which m1 is the primary and the others follow it; ended by
    its with block."""

    def __init__(self, count=3, options=(), semi=()):
        self.semi = semi
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-e2e."))
        self.folder.chmod(0o755)
        self.servers = [Server(self.folder, i + 1, *options)
                        for i in range(count)]
        self.password = self.secret("pass", "mp")

    def secret(self, name, text):
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def __enter__(self):
        try:
            for server in self.servers:
                server.start("--skip-slave-start")
            for server in self.servers:
                server.wait().ask("RESET MASTER",
                                  "SET GLOBAL gtid_slave_pos = ''")
            first = self.servers[0]
            first.ask(
                "CREATE USER repl@'%' IDENTIFIED BY 'rp'",
                "GRANT REPLICATION SLAVE ON *.* TO repl@'%'",
                "CREATE USER mon@'%' IDENTIFIED BY 'mp'",
                f"GRANT {RIGHTS} ON *.* TO mon@'%'",
                "GRANT CREATE, SELECT, INSERT, UPDATE ON bascule.* "
                "TO mon@'%'",
                "CREATE USER app@'%' IDENTIFIED BY 'ap'",
                "CREATE DATABASE d", "GRANT ALL ON d.* TO app@'%'",
                "CREATE TABLE d.t (id BIGINT PRIMARY KEY) ENGINE=InnoDB")
            for server in self.servers[1:]:
                server.follow(first)
            for server in self.servers[1:]:
                wait_for(lambda s=server: s.follows(first) and
                         s.value("@@gtid_current_pos") ==
                         first.value("@@gtid_current_pos"))
            if self.semi:
                first.ask("SET GLOBAL rpl_semi_sync_master_enabled = 1")
            for server in self.servers if self.semi else ():
                server.ask(*(
                    "SET GLOBAL " + "=".join(
                        word.replace("-", "_") if i == 0 else word
                        for i, word in enumerate(option[2:].split("=")))
                    for option in self.semi))
            for server in self.servers[1:] if self.semi else ():
                server.ask("STOP SLAVE", "START SLAVE")
                wait_for(lambda s=server: s.follows(first))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        for server in self.servers:
            server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class MariaWorld(database_world.DatabaseWorld):
    """Of such servers."""

    writer = Writer

    def __init__(self, count=3, options=(), semi=(), **settings):
        self.group = Servers(count, options, semi)
        super().__init__(self.group.folder, self.group.servers, **settings)
        self.check_settings = (
            'type = "mysql"; user = "mon"; '
            f'password_file = "{self.group.password}";')
        self.failover_settings = (
            'replication_user = "repl"; replication_password_file = '
            f'"{self.group.secret("repl", "rp")}";')

    def begin(self):
        self.group.__enter__()
        self.prepare()

    def tell(self):
        super().tell()
        for path in self.folder.glob("rejoin.log"):
            print(path.read_text()[-4000:])

    def script(self, name, text):
        path = self.folder / name
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def rejoin_hook(self):
        """The shipped script, set up for these servers; its path."""
        for server in self.servers:
            words = " ".join(map(str, server.command()))
            self.script(f"start-{server.name}",
                        f"setsid {' '.join(as_user())} {words} "
                        ">/dev/null 2>&1 &\n")
            self.script(f"server-{server.name}", f'exec {words} "$@"\n')
        conf = self.folder / "rejoin.conf"
        owner = pwd.getpwuid(os.getuid()).pw_name if os.getuid() else USER
        conf.write_text(f"""
at={self.folder}/$BASCULE_TARGET from={self.folder}/$BASCULE_SOURCE
data=$at/data
copy="mariadb-backup --no-defaults --backup --stream=mbstream --user=root
--socket=$from/s --datadir=$from/data --target-dir={self.folder}/copy"
owner={owner}
server={self.folder}/server-$BASCULE_TARGET
stop="pkill -F $at/pid"
start={self.folder}/start-$BASCULE_TARGET
socket=$at/s
user=repl
password_file={self.folder}/repl
log={self.folder}/rejoin.log
""")
        return self.script("rejoin", f"exec {SCRIPT} {conf}\n")
