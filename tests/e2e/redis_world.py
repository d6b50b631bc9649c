"""A group of real Redis servers behind a real HAProxy, and a basculed."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from world import Daemon, HAProxy, free_port, wait_for

REDIS = "/usr/bin/redis-server"


class RedisError(Exception):
    pass


class Client:
    """One connection; speaks RESP."""

    def __init__(self, port, timeout=2.0):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)
        self.sock.settimeout(timeout)
        self.file = self.sock.makefile("rb")

    def ask(self, *words):
        out = [f"*{len(words)}\r\n".encode()]
        for word in words:
            raw = str(word).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
        self.sock.sendall(b"".join(out))
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("closed")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise RedisError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.file.read(size + 2)[:-2].decode()
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest

    def close(self):
        self.file.close()
        self.sock.close()


class Server:
    """A redis-server without persistence, unless @options say otherwise."""

    def __init__(self, folder, name, *options):
        self.folder = folder / name
        self.folder.mkdir()
        self.name = name
        self.port = free_port()
        self.options = options
        self.process = None
        self.password = None

    def start(self, *options):
        log = open(self.folder / "log", "a")
        self.process = subprocess.Popen(
            [REDIS, "--port", str(self.port), "--bind", "127.0.0.1",
             "--dir", str(self.folder), "--save", "", "--appendonly", "no",
             "--repl-diskless-sync-delay", "0", *self.options, *options],
            stdout=log, stderr=log)
        log.close()
        return self

    def wait(self):
        wait_for(lambda: self.try_ask("PING") == "PONG")
        return self

    def ask(self, *words):
        client = Client(self.port)
        try:
            if self.password:
                client.ask("AUTH", self.password)
            return client.ask(*words)
        finally:
            client.close()

    def try_ask(self, *words):
        with contextlib.suppress(OSError, RedisError):
            return self.ask(*words)
        return None

    def role(self):
        answer = self.try_ask("ROLE")
        return answer[0] if answer else None

    def follows(self, other):
        answer = self.try_ask("ROLE")
        return bool(answer) and answer[0] == "slave" and \
            answer[2] == other.port and answer[3] == "connected"

    def wanted(self):
        return int(self.ask("CONFIG", "GET", "min-replicas-to-write")[1])

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.process = None


class Writer(threading.Thread):
    """Writes numbers through a port, and remembers when each was taken."""

    def __init__(self, port, every=0.002):
        super().__init__(daemon=True)
        self.port = port
        self.every = every
        self.taken = []  # (number, monotonic time)
        self.ended = threading.Event()

    def run(self):
        client, number = None, 0
        while not self.ended.is_set():
            try:
                if client is None:
                    client = Client(self.port, 0.5)
                client.ask("SET", f"n{number}", number)
                self.taken.append((number, time.monotonic()))
                number += 1
            except (OSError, RedisError):
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
        """The first write that was taken after @moment, or None."""
        return next((at for _, at in self.taken if at > moment), None)

    def gap(self):
        """The longest time between two writes that were taken."""
        times = [at for _, at in self.taken]
        return max((b - a for a, b in zip(times, times[1:])), default=0)

    def missing(self, server):
        keys = [f"n{number}" for number, _ in self.taken]
        found = server.ask("MGET", *keys) if keys else []
        return [key for key, value in zip(keys, found) if value is None]


class RedisWorld:
    """Servers r1, r2 .., of which r1 is the primary and the others follow it;
    ended by its with block."""

    def __init__(self, count=3, check="", failover="", options=(), extra=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-e2e."))
        self.servers = [Server(self.folder, f"r{i + 1}", *options)
                        for i in range(count)]
        self.check = check
        self.failover = failover
        self.extra = extra
        self.haproxy = None
        self.daemon = Daemon(self.folder)
        self.writers = []

    def __enter__(self):
        try:
            first = self.servers[0]
            for server in self.servers:
                server.start().wait()
            for server in self.servers[1:]:
                server.ask("REPLICAOF", "127.0.0.1", first.port)
            for server in self.servers[1:]:
                wait_for(lambda s=server: s.follows(first))
            # It lists one as online a while after that one says it is.
            first.ask("SET", "begun", 1)
            for server in self.servers[1:]:
                wait_for(lambda s=server: s.try_ask("GET", "begun"))
            self.haproxy = HAProxy(self.folder, "lb", {}, template=self.cfg)
            self.configure()
        except BaseException:
            self.__exit__()
            raise
        return self

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
            f"    default_backend be_redis\nbackend be_redis\n{servers}\n")

    def configure(self, check=None, failover=None):
        check = self.check if check is None else check
        failover = self.failover if failover is None else failover
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
  {{ name = "cache";
    check = {{ type = "redis"; interval = "100ms"; fast_interval = "20ms";
              {check} }};
    backend = "be_redis";
    failover = {{ cooldown = "0s"; {failover} }};
    targets = ( {targets} );
  }}
);
{self.extra}
""")
        self.daemon.state.mkdir(exist_ok=True)

    def start(self):
        self.daemon.start()
        self.daemon.wait_said("group cache: ")
        return self

    def routed(self):
        rows = [line.split() for line in
                self.haproxy.ask("show servers state be_redis").splitlines()]
        return {row[3] for row in rows
                if len(row) > 6 and row[1] == "be_redis"
                and not int(row[6]) & 0x29}

    def wait_routed(self, *names, seconds=10.0):
        wait_for(lambda: self.routed() == set(names), seconds)

    def wait_succeeded(self, old):
        """The one server that is routed in place of @old."""
        def other():
            names = self.routed()
            return names if len(names) == 1 and old.name not in names else None
        (name,) = wait_for(other)
        return self.named(name)

    def write(self):
        writer = Writer(self.haproxy.port)
        writer.start()
        self.writers.append(writer)
        wait_for(lambda: len(writer.taken) > 50)
        return writer

    def named(self, name):
        return next(s for s in self.servers if s.name == name)

    def __exit__(self, *error):
        if error and error[0] is not None:
            print("\n".join(self.daemon.lines()))
        for writer in self.writers:
            writer.stop()
        try:
            self.daemon.stop()
        finally:
            if self.haproxy is not None:
                self.haproxy.stop()
            for server in self.servers:
                if server.process is not None:
                    with contextlib.suppress(ProcessLookupError):
                        server.signal(signal.SIGCONT)
                server.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
