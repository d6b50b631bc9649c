"""Servers that behave as a test wants, on free loopback ports."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import threading

from ports import free_port

BUILD = pathlib.Path(os.environ["top_builddir"])
LINE = re.compile(r"(\S+) (-?\d+) (\d+) (-?\d+) ?(.*)")
NO_CERT = -(2**31)
# Milliseconds in which a bounded check is surely over, on any machine.
SOON = 10000
# Seconds of a talker that says no more.
FOR_EVER = 300
OK = (b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
      b'{"status":"healthy"}')


class Result:
    """One line of check_once."""

    def __init__(self, line):
        code, status, latency, days, self.text = LINE.fullmatch(line).groups()
        self.code = code
        self.status = int(status)
        self.ms = int(latency) / 1000
        self.days = int(days)

    def __repr__(self):
        return f"{self.code} {self.status} {self.ms} ms {self.text}"


def under_hosts(path):
    """A command prefix: the rest runs with @path for /etc/hosts."""
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    return [*root, "unshare", "-m", "sh", "-c",
            'mount --bind "$0" /etc/hosts && exec "$@"', path]


def start_check(kind, host, port, *keys, times=1, gap=20, timeout=20000,
                hosts=None):
    return subprocess.Popen(
        [*(under_hosts(hosts) if hosts else []),
         BUILD / "tests/e2e/check_once", "-t", str(timeout), "-n", str(times),
         "-g", str(gap), kind, host, str(port), *keys],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end_check(process):
    with process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0, err
    return [Result(line) for line in out.splitlines()]


def checks(kind, host, port, *keys, **how):
    """Ask several times; all results."""
    return end_check(start_check(kind, host, port, *keys, **how))


def check(kind, host, port, *keys, **how):
    """Ask once."""
    [result] = checks(kind, host, port, *keys, **how)
    return result


def read_request(conn):
    """The head of one request; b"" at the end of the connection."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = conn.recv(4096)
        if not more:
            return b""
        data += more
    return data


class Server:
    """Calls talk(conn, number) for each connection, in a thread of its own.

    Connections and requests are counted.  A paused one listens only, until
    resume() is called.
    """

    def __init__(self, talk, host="127.0.0.1", port=0, wrap=None,
                 backlog=None, paused=False):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.talk = talk
        self.wrap = wrap
        self.listener = socket.create_server((host, port), family=family,
                                             backlog=backlog)
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        self.requests = []
        self.open = []
        self.closing = False
        self.thread = threading.Thread(target=self.accept)
        if not paused:
            self.thread.start()

    def resume(self):
        self.thread.start()

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            if self.closing:
                conn.close()
                return
            self.connections += 1
            self.open.append(conn)
            threading.Thread(target=self.serve, daemon=True,
                             args=(conn, self.connections)).start()

    def serve(self, conn, number):
        with contextlib.suppress(OSError), conn:
            if self.wrap:
                conn = self.wrap(conn)
            self.talk(self, conn, number)

    def read(self, conn):
        request = read_request(conn)
        if request:
            self.requests.append(request)
        return request

    def close(self):
        self.closing = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for conn in self.open:
            with contextlib.suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)
        if self.thread.ident:
            self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def answering(*pieces, close=False):
    """A talker that gives the same answer to each request."""

    def talk(server, conn, _number):
        while server.read(conn):
            for piece in pieces:
                conn.sendall(piece)
            if close:
                return

    return talk


@contextlib.contextmanager
def refused():
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", free_port()))
        yield sock.getsockname()[1]


@contextlib.contextmanager
def black_hole(host="127.0.0.1"):
    """A port whose queue is full: a connection is neither made nor refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        listener.bind((host, free_port()))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            sock = stack.enter_context(socket.socket(family))
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.connect((host, port))
        yield port
