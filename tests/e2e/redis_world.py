"""A group of real Redis servers behind a real HAProxy, and a basculed."""

import contextlib
import pathlib
import signal
import socket
import subprocess
import tempfile

import database_world
from world import free_port, wait_for

REDIS = "/usr/bin/redis-server"


class RedisError(Exception):
    pass


class Client:
    """One connection; speaks RESP."""

    def __init__(self, port, timeout=10.0):
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
            self.signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self.process = None


class Writer(database_world.Writer):
    trouble = (OSError, RedisError)

    def connect(self):
        return Client(self.port, 0.5)

    def put(self, client, number):
        client.ask("SET", f"n{number}", number)

    def missing(self, server, since=0):
        """Of what was taken after @since, what it lacks."""
        keys = [f"n{number}" for number, at in self.taken if at > since]
        found = server.ask("MGET", *keys) if keys else []
        return [key for key, value in zip(keys, found) if value is None]


class RedisWorld(database_world.DatabaseWorld):
    """Of r1, r2 ..."""

    writer = Writer
    service, backend = "cache", "be_redis"
    check_settings = 'type = "redis";'

    def __init__(self, count=3, options=(), **settings):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-e2e."))
        super().__init__(folder, [Server(folder, f"r{i + 1}", *options)
                                  for i in range(count)], **settings)

    def begin(self):
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
        self.prepare()
