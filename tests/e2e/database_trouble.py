"""Groups of real databases whose replicas are hurt and mended by hand: rights
and passwords taken away, certificates expired, disks filled.  Their checks go
over TLS, with the users and rights of docs/databases.md."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess

import maria_world
import pg_world
import redis_world
from certs import Authority
from world import BASCULE, free_port, wait_for

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
MNT_DETACH = 2
OTHER = "another"


def libc():
    return ctypes.CDLL(None, use_errno=True)


def checked(result):
    assert result == 0, os.strerror(ctypes.get_errno())


def own_mounts():
    """What this process mounts from here on ends with it, however it ends."""
    checked(libc().unshare(CLONE_NEWNS))
    checked(libc().mount(None, b"/", None, MS_REC | MS_PRIVATE, None))


def small_disk(folder, size):
    checked(libc().mount(b"small", str(folder).encode(), b"tmpfs", 0,
                         f"size={size}".encode()))


class Faults:
    """Three servers, of which the first is the primary, their basculed, and
    what can happen to a replica of theirs.  @wrong: what the checks then say
    of it."""

    size = "64m"    # of a server's disk
    tells_of_disk = False   # that it is full, before it is promoted
    checks = 'timeout = "2s"; timeout_min = "2s";'

    def __init__(self, world):
        self.world = world
        self.world.folder.chmod(0o755)
        self.small = []     # disks
        self.authority = Authority(world.folder, "ca")
        self.secret = world.folder / "bascule.pass"
        self.secret.write_text("right\n")
        self.secret.chmod(0o600)
        world.check = (f'tls = "verified"; ca_file = "{self.authority.file}"; '
                       f'password_file = "{self.secret}"; {self.checks}')

    def __enter__(self):
        self.world.__enter__()
        return self

    def __exit__(self, *error):
        try:
            self.world.__exit__(None)
        finally:
            for folder in self.small:
                libc().umount2(str(folder).encode(), MNT_DETACH)
            shutil.rmtree(self.world.folder, ignore_errors=True)

    def say(self, *argv):
        """What bascule prints, whatever its status is."""
        return subprocess.run(
            [BASCULE, *argv, "--socket", self.world.daemon.control],
            check=False, capture_output=True, text=True).stdout

    @property
    def primary(self):
        """Whoever is routed, once it is."""
        (name,) = wait_for(lambda: self.world.routed() or None)
        return self.world.named(name)

    def replicas(self):
        primary = self.primary
        return [s for s in self.world.servers if s is not primary]

    def certificate(self, server, name, **days):
        """(certificate, key) in files that @server may read."""
        both = self.authority.make(f"{server.name}-{name}", **days)
        found = both.with_suffix(".crt"), both.with_suffix(".key")
        for path in found:
            path.chmod(0o600)
            self.give(path)
        return found

    def give(self, path):
        pass

    def place(self, server):
        """Its data go on a small disk."""
        folder = self.disk(server)
        folder.mkdir(exist_ok=True)
        small_disk(folder, self.size)
        self.small.append(folder)
        folder.chmod(0o700)
        self.give(folder)

    def fill(self, server):
        assert os.path.ismount(self.disk(server))
        for size in (65536, 1):
            with contextlib.suppress(OSError), \
                    open(self.disk(server) / f"full{size}", "wb",
                         buffering=0) as file:
                while True:
                    file.write(bytes(size))

    def free(self, server):
        for path in self.disk(server).glob("full*"):
            path.unlink()

    def fill_all(self, servers):
        for server in servers:
            self.fill(server)

    def down(self, server):
        server.kill()

    def up(self, server):
        server.start()

    def writable(self, server):
        raise NotImplementedError


class PgServer(pg_world.Server):
    faults = None

    def make(self, *settings):
        self.faults.place(self)
        return super().make(*self.tls(), *settings)

    def copy_of(self, source, slot=True):
        self.faults.place(self)
        pg_world.run(pg_world.BIN / "pg_basebackup", "-h", "127.0.0.1", "-p",
                     source.port, "-U", "repl", "-D", self.data, "-X",
                     "stream", "-c", "fast", "-R", "--no-sync", "-d",
                     f"application_name={self.name}", "-C", "-S", self.name)
        self.configure(*self.tls())
        return self.start()

    def tls(self):
        cert, key = self.faults.certificate(self, "first")
        return ["ssl = on", f"ssl_cert_file = '{cert}'",
                f"ssl_key_file = '{key}'", "max_wal_size = 32MB",
                "min_wal_size = 32MB"]


class Postgresql(Faults):
    size = "96m"
    group = "db"
    wrong = {
        "password": "password authentication failed",
        "rights": "grant pg_monitor to the user",
        "certificate": "certificate verify failed: expired, or not",
        "promotion": "permission denied for function pg_promote",
        "disk": "it ended when it was told to .disk full. its log says why",
    }

    def __init__(self):
        world = pg_world.PgWorld()
        super().__init__(world)
        world.servers = [PgServer(world.home, s.name) for s in world.servers]
        for server in world.servers:
            server.faults = self

    def begin(self):
        self.world.failover_settings = (
            f'hook_timeout = "60s"; rejoin = "{self.world.rejoin_hook()}";')
        self.world.prepare()

    def give(self, path):
        shutil.chown(path, "postgres", "postgres")

    def disk(self, server):
        return server.data

    def drop(self, server):
        server.ask("select pg_terminate_backend(pid) from pg_stat_activity "
                   "where usename = 'bascule'")

    def password(self, server, right):
        """The role is the same on all; who believes without asking is not."""
        self.secret.write_text("right\n" if right else "wrong\n")
        server.access(*([] if right else
                        ["hostssl all bascule 127.0.0.1/32 scram-sha-256"]))
        server.reload()
        self.drop(server)

    def rights(self, server, given):
        self.change(f"{'grant' if given else 'revoke'} pg_monitor "
                    f"{'to' if given else 'from'} bascule")

    def promotion(self, server, given):
        self.change(f"{'grant' if given else 'revoke'} execute on function "
                    "pg_promote(boolean, integer) "
                    f"{'to' if given else 'from'} bascule")

    def change(self, sql):
        """On whatever takes writes: the replicas have it from there."""
        for server in self.world.servers:
            if server.value("select pg_is_in_recovery()") == "f":
                server.ask("set default_transaction_read_only = off; " + sql)

    def expire(self, server, expired):
        cert, key = self.certificate(
            server, "expired" if expired else "valid",
            **({"begin": -9, "days": -2} if expired else {}))
        server.configure(f"ssl_cert_file = '{cert}'",
                         f"ssl_key_file = '{key}'")
        server.reload()
        self.drop(server)

    def free(self, server):
        """It has ended."""
        super().free(server)
        self.up(server)

    def up(self, server):
        wait_for(lambda: pg_world.has_ended(server.pid())
                 if (server.data / "postmaster.pid").exists() else True)
        server.start()

    def writable(self, server):
        return server.value("select pg_is_in_recovery()") == "f"


class Mariadb(Faults):
    group = "db"
    wrong = {
        "password": "login refused",
        "rights": "a right is missing",
        "certificate": "certificate has expired",
        "promotion": "READ_ONLY ADMIN",
        "disk": "it takes no writes: .*(No more room|No space left)",
    }

    def __init__(self):
        world = maria_world.MariaWorld()
        super().__init__(world)
        self.secret.write_text("mp\n")
        world.check_settings = 'type = "mysql"; user = "mon";'
        for server in world.servers:
            cert, key = self.certificate(server, "first")
            server.options = (f"--ssl-cert={cert}", f"--ssl-key={key}")
        for server in world.servers:
            shutil.rmtree(self.disk(server))
            self.place(server)
            subprocess.run(["cp", "-a", f"{maria_world.template()}/.",
                            self.disk(server)], check=True)

    def begin(self):
        pass

    def give(self, path):
        maria_world.give(path)

    def disk(self, server):
        return server.folder / "data"

    def here(self, server, *statements):
        """Not replicated, and for connections to come."""
        server.ask("SET SESSION sql_log_bin = 0", *statements)
        server.try_ask("KILL USER mon")

    def password(self, server, right):
        self.here(server, "ALTER USER mon@'%' IDENTIFIED BY "
                  f"'{'mp' if right else OTHER}'")

    def rights(self, server, given):
        self.here(server, self.grant("REPLICA MONITOR", given))

    def promotion(self, server, given):
        self.here(server, self.grant("READ_ONLY ADMIN", given))

    @staticmethod
    def grant(what, given):
        return (f"GRANT {what} ON *.* TO mon@'%'" if given else
                f"REVOKE {what} ON *.* FROM mon@'%'")

    def expire(self, server, expired):
        cert, key = self.certificate(
            server, "expired" if expired else "valid",
            **({"begin": -9, "days": -2} if expired else {}))
        for path, option in zip((cert, key), server.options):
            target = option.split("=")[1]
            path.rename(target)
        self.here(server, "FLUSH LOCAL SSL")

    def up(self, server):
        server.start("--skip-slave-start").wait()

    def writable(self, server):
        return server.value("@@read_only") == "0"


class RedisServer(redis_world.Server):
    """Its own port is for TLS; the tests ask at another."""

    def __init__(self, folder, name):
        super().__init__(folder, name)
        self.plain = free_port()

    def start(self, *options):
        log = open(self.folder / "log", "a")
        self.process = subprocess.Popen(
            [redis_world.REDIS, "--port", str(self.plain), "--tls-port",
             str(self.port), "--bind", "127.0.0.1", "--dir",
             str(self.folder / "data"), "--save", "", "--appendonly", "yes",
             "--tls-replication", "yes", "--tls-auth-clients", "no",
             "--repl-diskless-sync-delay", "0", *self.options, *options],
            stdout=log, stderr=log)
        log.close()
        return self

    def ask(self, *words):
        client = redis_world.Client(self.plain)
        try:
            return client.ask(*words)
        finally:
            client.close()


class Redis(Faults):
    size = "8m"
    tells_of_disk = True
    group = "cache"
    checks = 'user = "bascule"; timeout = "1s"; timeout_min = "1s";'
    RIGHTS = ["+ping", "+info", "+select", "+set", "+config|get",
              "+config|set", "+replicaof", "+client|kill"]
    wrong = {
        "password": "WRONGPASS",
        "rights": "NOPERM",
        "certificate": "certificate has expired",
        "promotion": "NOPERM",
        "disk": "MISCONF .*No space left on device",
    }

    def __init__(self):
        world = redis_world.RedisWorld()
        super().__init__(world)
        for old in world.servers:
            shutil.rmtree(old.folder)
        world.servers = [RedisServer(world.folder, s.name)
                         for s in world.servers]
        for server in world.servers:
            cert, key = self.certificate(server, "first")
            server.options = ("--tls-cert-file", cert, "--tls-key-file", key,
                              "--tls-ca-cert-file", self.authority.file)
            self.place(server)

    def begin(self):
        for server in self.world.servers:
            server.ask("ACL", "SETUSER", "bascule", "on", ">right",
                       "~bascule:canary", *self.RIGHTS)

    def disk(self, server):
        return server.folder / "data"

    def user(self, server, *words):
        server.ask("ACL", "SETUSER", "bascule", *words)
        server.ask("CLIENT", "KILL", "USER", "bascule")

    def password(self, server, right):
        self.user(server, "resetpass", ">right" if right else f">{OTHER}")

    def rights(self, server, given):
        self.user(server, "+info" if given else "-info")

    def promotion(self, server, given):
        self.user(server, "+replicaof" if given else "-replicaof")

    def expire(self, server, expired):
        cert, key = self.certificate(
            server, "expired" if expired else "valid",
            **({"begin": -9, "days": -2} if expired else {}))
        server.ask("CONFIG", "SET", "tls-cert-file", cert, "tls-key-file", key)
        server.ask("CLIENT", "KILL", "USER", "bascule")

    def fill_all(self, servers):
        """What they receive finds no room: the last page may have some."""
        super().fill_all(servers)
        self.primary.ask("SET", "n", "0" * 20000)
        for server in servers:
            wait_for(lambda s=server: "aof_last_write_status:err" in
                     s.ask("INFO", "persistence"))

    def down(self, server):
        """One that was restarted has another history."""
        server.signal(signal.SIGSTOP)

    def up(self, server):
        server.signal(signal.SIGCONT)

    def writable(self, server):
        return server.role() == "master"


KINDS = {"postgresql": Postgresql, "mysql": Mariadb, "redis": Redis}
