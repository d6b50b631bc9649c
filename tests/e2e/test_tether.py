"""Held connections against real servers: what their end tells, and when."""

import contextlib
import errno
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

import netns
from certs import Authority, wrapper
from peers import BUILD, FOR_EVER, OK, Result, Server, answering
from ports import free_port
from prober import clock_us
from world import wait_for

NOT_CONNECTED, UNACKNOWLEDGED, ACKNOWLEDGED = 1, 2, 3
KINDS = ["http", "tcp", "tls", "https"]

# Keeps connections open, over TLS when there is a certificate.
SERVER = r"""
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True,
                                        do_handshake_on_connect=False)
print("ready", flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def cert(authority):
    return authority.make("good")


def server_argv(host, port, cert=None):
    return [sys.executable, "-c", SERVER, host, str(port),
            *([str(cert)] if cert else [])]


@contextlib.contextmanager
def process(argv):
    """Started and ready; continued and killed at the end."""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as p:
        try:
            assert p.stdout.readline() == "ready\n"
            yield p
        finally:
            p.kill()


class Watch:
    """check_once with -w, line by line."""

    def __init__(self, kind, host, port, *keys, wait=60000, timeout=10000,
                 before=(), options=()):
        self.process = subprocess.Popen(
            [*before, BUILD / "tests/e2e/check_once", "-w", str(wait), "-t",
             str(timeout), "-g", "10", *options, kind, host, str(port),
             "tether=yes", *keys],
            stdout=subprocess.PIPE, text=True)

    def line(self):
        return self.process.stdout.readline().strip()

    def ready(self):
        """What came before it waits."""
        lines = []
        while (line := self.line()) != "ready":
            assert line, lines
            lines.append(line)
        return lines

    def hint(self):
        """(kind, errno, instant)"""
        line = self.line()
        match = re.fullmatch(r"hint (\w+) (\d+) (\d+)", line)
        assert match, line
        return match[1], int(match[2]), int(match[3])

    def result(self):
        """A result after the hint, and its instant."""
        while (line := self.line()).startswith("hint "):
            pass
        return Result(line), int(self.line().removeprefix("at "))

    def rest(self):
        return self.process.stdout.read().splitlines()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def keys_of(kind, authority):
    return [f"ca_file={authority.file}"] if kind in ("tls", "https") else []


@contextlib.contextmanager
def held(kind, authority, cert, **how):
    """A server's process, and a check that holds a connection to it."""
    port = free_port()
    encrypted = cert if kind in ("tls", "https") else None
    with process(server_argv("127.0.0.1", port, encrypted)) as server, \
            Watch(kind, "127.0.0.1", port, *keys_of(kind, authority),
                  **how) as watch:
        watch.ready()
        yield server, watch


def is_bad(result):
    return not result.code.endswith("OK")


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_process_is_bad_twice_at_once(
        kind, authority, cert):
    """A process that dies closes its connections before its listener: a new
    one may be made in between, and is reset."""
    with held(kind, authority, cert) as (server, watch):
        killed = clock_us()
        server.kill()
        _, _, hinted = watch.hint()
        results = [watch.result(), watch.result()]
        while not all(is_bad(r) for r, _ in results[-2:]):
            results.append(watch.result())
    assert hinted - killed < 30_000_000, f"{hinted - killed} us"
    assert results[-1][1] - hinted < 30_000_000, results
    assert results[-1][0].code == "L4CON"


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_connection_of_a_frozen_process_tells_nothing(
        kind, authority, cert):
    with held(kind, authority, cert, wait=300) as (server, watch):
        server.send_signal(signal.SIGSTOP)
        assert watch.rest() == []


def test_a_frozen_process_answers_late_once_it_goes_on(authority, cert):
    port = free_port()
    with process(server_argv("127.0.0.1", port)) as server:
        server.send_signal(signal.SIGSTOP)
        with Watch("http", "127.0.0.1", port, timeout=300) as watch:
            lines = watch.ready()
            assert lines[0].startswith("L7TOUT "), lines
            assert lines[1] == f"reach {ACKNOWLEDGED}"
            server.send_signal(signal.SIGCONT)
            assert re.fullmatch(r"late L7OK \d+", watch.line())


@pytest.fixture
def hosts():
    made = netns.Hosts(2)
    yield made
    made.close()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_lost_network_is_told_from_a_frozen_process(hosts, fresh):
    client, far = hosts
    with process(far.argv(*server_argv(far.ipv4, 8000))), \
            Watch("http", far.ipv4, 8000, "fresh_every=1000",
                  before=client.argv(), timeout=4000, wait=10,
                  options=["-n", "2", "-g", "6000", *(["-f"] * fresh)]
                  ) as watch:
        assert watch.line().startswith("L7OK ")
        hosts.cut([far])
        lines = watch.ready()
    assert lines[0].startswith("L4TOUT " if fresh else "L7TOUT "), lines
    assert lines[1] == f"reach {NOT_CONNECTED if fresh else UNACKNOWLEDGED}"


@contextlib.contextmanager
def one_client_only():
    """A server that accepts one connection and answers on it, and whose queue
    may be filled."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(answering(OK), paused=True,
                                            backlog=0))

        def accept():
            conn, _ = server.listener.accept()
            server.serve(conn, 1)

        server.thread = threading.Thread(target=accept)
        server.resume()
        yield server, stack


def fill(stack, port):
    for _ in range(4):
        sock = stack.enter_context(socket.socket())
        sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            sock.connect(("127.0.0.1", port))


@pytest.mark.parametrize("how, code", [("gone", "L4CON"), ("full", "L4TOUT")])
def test_a_listener_that_fails_is_seen_by_a_new_connection(how, code):
    with one_client_only() as (server, stack):
        with Watch("http", "127.0.0.1", server.port, "fresh_every=2",
                   options=["-n", "3", "-g", "4000"], timeout=3000,
                   wait=10) as watch:
            assert watch.line().startswith("L7OK ")
            if how == "gone":
                server.listener.shutdown(socket.SHUT_RDWR)
                server.listener.close()
            else:
                fill(stack, server.port)
            lines = watch.ready()
        codes = [line.split()[0] for line in lines]
    assert codes[0] == "L7OK"
    assert codes[1] == code


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_close_is_a_hint_and_the_target_is_well(kind, authority, cert):
    idle = threading.Event()

    def talk(server, conn, number):
        while kind in ("http", "https") and server.read(conn):
            conn.sendall(OK)
            if number == 1:
                break
        (idle if number == 1 else threading.Event()).wait(FOR_EVER)

    encrypted = wrapper(cert) if kind in ("tls", "https") else None
    with Server(talk, wrap=encrypted) as server, \
            Watch(kind, "127.0.0.1", server.port, *keys_of(kind, authority),
                  ) as watch:
        watch.ready()
        idle.set()
        what, error, _ = watch.hint()
        results = [watch.result(), watch.result()]
    assert (what, error) == ("tether_closed", 0)
    assert not any(is_bad(r) for r, _ in results)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reset_is_a_hint_with_its_error(kind, authority, cert):
    idle = threading.Event()

    def talk(server, conn, number):
        while kind in ("http", "https") and server.read(conn):
            conn.sendall(OK)
            if number == 1:
                break
        idle.wait(FOR_EVER)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))

    encrypted = wrapper(cert) if kind in ("tls", "https") else None
    with Server(talk, wrap=encrypted) as server, \
            Watch(kind, "127.0.0.1", server.port, *keys_of(kind, authority),
                  ) as watch:
        watch.ready()
        wait_for(lambda: server.connections == 1)
        server.closing = True
        idle.set()
        what, error, _ = watch.hint()
    assert (what, error) == ("tether_reset", errno.ECONNRESET)


@pytest.mark.parametrize("kind", ["http", "https"])
def test_a_server_that_closes_each_time_gives_no_hints(kind, authority, cert):
    closing = OK.replace(b"Content-Length", b"Connection: close\r\n"
                         b"Content-Length")
    encrypted = wrapper(cert) if kind == "https" else None
    with Server(answering(closing, close=True), wrap=encrypted) as server, \
            Watch(kind, "127.0.0.1", server.port, *keys_of(kind, authority),
                  options=["-n", "3", "-g", "50"], wait=200) as watch:
        codes = [line.split()[0] for line in watch.ready()]
        assert watch.rest() == []
    assert codes == ["L7OK"] * 3
    assert server.connections == 3


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_tether_nothing_is_held(kind, authority, cert):
    ended = []

    def talk(server, conn, _number):
        while server.read(conn):
            conn.sendall(OK)
        ended.append(True)

    encrypted = wrapper(cert) if kind in ("tls", "https") else None
    with Server(talk, wrap=encrypted) as server, \
            Watch(kind, "127.0.0.1", server.port, "tether=no",
                  *keys_of(kind, authority), options=["-n", "2"],
                  wait=200) as watch:
        watch.ready()
        assert watch.rest() == []
        # Made by the kernel, counted by us.
        wait_for(lambda: server.connections >= 2)
        assert server.connections == 2
        if kind in ("http", "https"):
            assert all(b"Connection: close" in r for r in server.requests)
        elif kind == "tls":
            wait_for(lambda: len(ended) == 2)
