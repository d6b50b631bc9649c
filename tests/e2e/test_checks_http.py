"""http and tcp checks against servers that are good, bad and silent."""

import errno
import pathlib
import signal
import socket
import struct
import threading
import time
from contextlib import ExitStack

import pytest

from peers import (FOR_EVER, NO_CERT, OK, SOON, Result, Server, answering,
                   black_hole, check, checks, end_check, free_port, refused,
                   start_check)
from world import wait_for


def test_asks_over_one_held_connection():
    with Server(answering(OK)) as server:
        results = checks("http", "127.0.0.1", server.port, "path=/health",
                         times=5)
    assert [r.code for r in results] == ["L7OK"] * 5
    assert results[0].status == 200
    assert results[0].days == NO_CERT
    assert server.connections == 1
    assert server.requests[0].splitlines()[:2] == [
        b"GET /health HTTP/1.1", b"Host: 127.0.0.1:%d" % server.port]


def test_renews_the_connection_every_so_often():
    with Server(answering(OK)) as server:
        checks("http", "127.0.0.1", server.port, "fresh_every=2", times=6)
    assert server.connections == 3


def test_head_and_body_apart_cost_no_delay():
    head, body = OK[:-20], OK[-20:]
    with Server(answering(head, body)) as server:
        results = checks("http", "127.0.0.1", server.port, times=100, gap=1)
    # A delayed acknowledgement takes 40 ms, and nearly all would wait for it.
    assert sorted(r.ms for r in results)[20] < 40


def test_reaches_ipv6():
    with Server(answering(OK), host="::1") as server:
        assert check("http", "::1", server.port).code == "L7OK"
        assert check("tcp", "::1", server.port).code == "L4OK"
    assert b"Host: [::1]:" in server.requests[0]


@pytest.fixture
def hosts(tmp_path):
    """A hosts file in which two.test is ::1, then 127.0.0.1."""
    path = tmp_path / "hosts"
    path.write_text("::1 two.test\n127.0.0.1 localhost two.test\n")
    return path


@pytest.mark.parametrize("listens", ["::1", "127.0.0.1"])
def test_a_name_with_two_addresses_finds_the_one_that_listens(hosts, listens):
    with Server(answering(OK), host=listens) as server:
        results = checks("http", "two.test", server.port, times=3, hosts=hosts)
    assert [r.code for r in results] == ["L7OK"] * 3
    assert b"Host: two.test:" in server.requests[0]


def test_a_silent_address_takes_only_its_share_of_the_time(hosts):
    with black_hole("::1") as port, Server(answering(OK), port=port) as server:
        results = checks("http", "two.test", port, "fresh_every=1", times=2,
                         timeout=8000, hosts=hosts)
    assert [r.code for r in results] == ["L7OK"] * 2
    # The second one begins with the address that answered.
    assert 4000 <= results[0].ms < 8000
    assert results[1].ms < 4000
    assert server.connections == 2


def test_a_name_that_nobody_knows_is_no_verdict():
    result = check("tcp", "nobody.invalid", 80, timeout=20000)
    assert result.code == "RESOLV"
    assert result.text


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_refused_is_known_at_once(kind):
    with refused() as port:
        result = check(kind, "127.0.0.1", port)
    assert result.code == "L4CON"
    assert result.ms < SOON


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_a_full_queue_is_a_layer_4_timeout(kind):
    with black_hole() as port:
        result = check(kind, "127.0.0.1", port, timeout=200)
    assert result.code == "L4TOUT"
    assert 200 <= result.ms < SOON


def test_a_process_that_hangs_is_told_from_a_machine_that_is_gone():
    def talk(server, conn, _number):
        server.read(conn)
        conn.sendall(OK)
        server.read(conn)
        time.sleep(FOR_EVER)

    with Server(talk) as server:
        first, second = checks("http", "127.0.0.1", server.port, times=2,
                               timeout=4000)
    assert first.code == "L7OK"
    assert second.code == "L7TOUT"
    assert "acknowledged, but no answer" in second.text


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_server_that_drops_idle_connections_is_well(how):
    def talk(server, conn, _number):
        server.read(conn)
        conn.sendall(OK)
        if how == "reset":
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))

    with Server(talk) as server:
        results = checks("http", "127.0.0.1", server.port, times=3, gap=50)
    assert [r.code for r in results] == ["L7OK"] * 3
    assert server.connections == 3


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_connection_lost_under_the_question_is_asked_again(how):
    def talk(server, conn, number):
        server.read(conn)
        conn.sendall(OK)
        if number == 1:
            server.read(conn)
            if how == "reset":
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
            return
        while server.read(conn):
            conn.sendall(OK)

    with Server(talk) as server:
        results = checks("http", "127.0.0.1", server.port, times=3)
    assert [r.code for r in results] == ["L7OK"] * 3
    assert server.connections == 2


def test_a_new_connection_closed_without_an_answer_fails():
    def talk(server, conn, _number):
        server.read(conn)

    with Server(talk) as server:
        result = check("http", "127.0.0.1", server.port)
    assert result.code == "L7RSP"
    assert result.text == "closed without an answer"
    assert server.connections == 1


@pytest.mark.parametrize("kind", ["http", "tls", "https"])
def test_a_new_connection_that_is_reset_tells_so(kind):
    """As of a process that is killed: asked again at once, not later."""
    def talk(_server, conn, number):
        conn.recv(10000)
        if number == 1:
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
            conn.close()

    with Server(talk) as server:
        reset, closed = checks(kind, "127.0.0.1", server.port, times=2)
    assert reset.code in ("L6RSP", "L7RSP")
    assert reset.status == errno.ECONNRESET
    assert (closed.code, closed.status) == (reset.code, 0)


def test_status_and_body_are_judged():
    with Server(answering(OK)) as server:
        port = server.port
        assert check("http", "127.0.0.1", port, "status=204,401").text == (
            "wanted status 204,401")
        assert check("http", "127.0.0.1", port,
                     'body="status":"healthy"').code == "L7OK"
        assert check("http", "127.0.0.1", port,
                     "body=sick").text == "body lacks: sick"
        assert check("http", "127.0.0.1", port,
                     "body_regex=\"stat(us|e)\": *\"h").code == "L7OK"
        results = checks("http", "127.0.0.1", port, "body_regex=^x", times=3)
        assert [r.code for r in results] == ["L7STS"] * 3


def test_headers_reach_the_server():
    with Server(answering(OK)) as server:
        check("http", "127.0.0.1", server.port, "header=X-Probe: yes",
              "host=api.example", "method=HEAD")
    assert b"\r\nX-Probe: yes\r\n" in server.requests[0]
    assert b"\r\nHost: api.example\r\n" in server.requests[0]
    assert server.requests[0].startswith(b"HEAD / ")


def test_answers_that_come_byte_by_byte():
    def talk(server, conn, _number):
        while server.read(conn):
            for byte in OK:
                conn.sendall(bytes([byte]))

    with Server(talk) as server:
        assert check("http", "127.0.0.1", server.port,
                     "body=healthy").code == "L7OK"


def test_an_answer_that_stops_is_a_timeout():
    def talk(server, conn, _number):
        server.read(conn)
        conn.sendall(OK[:-1])
        time.sleep(FOR_EVER)

    with Server(talk) as server:
        result = check("http", "127.0.0.1", server.port, timeout=4000)
    assert result.code == "L7TOUT"
    assert result.text == "the answer has stopped"


def connecting(port):
    """How many connections to it are neither made nor refused yet."""
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()
    return sum(words[2].endswith(f":{port:04X}") and words[3] == "02"
               for words in map(str.split, lines))


def test_time_that_we_were_frozen_is_given_back_once():
    """The connection came about while we were stopped: now it is asked."""
    with ExitStack() as stack:
        server = stack.enter_context(Server(answering(OK), backlog=0,
                                            paused=True))
        for _ in range(2):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", server.port))
        before = connecting(server.port)
        process = start_check("http", "127.0.0.1", server.port, timeout=3000)
        wait_for(lambda: connecting(server.port) > before, every=0.001)
        process.send_signal(signal.SIGSTOP)
        server.resume()
        time.sleep(4)
        # The kernel asks again after 1, 3, 7 s.
        wait_for(lambda: connecting(server.port) == 0)
        process.send_signal(signal.SIGCONT)
        [result] = end_check(process)
    assert result.code == "L7OK", result
    assert result.ms > 4000


def test_a_name_that_moves_is_followed_and_one_that_vanishes_is_kept(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.2 one.test\n")
    process = start_check("http", "one.test", (port := free_port()), times=9999,
                          gap=100, hosts=hosts)

    def codes(count):
        lines = [process.stdout.readline() for _ in range(count)]
        return [Result(line.rstrip("\n")).code for line in lines]

    def wait(code):
        assert any(codes(1) == [code] for _ in range(300)), code

    try:
        with Server(answering(OK), port=port):
            assert codes(5) == ["L4CON"] * 5
            hosts.write_text("127.0.0.1 one.test\n")
            wait("L7OK")
            assert codes(1) == ["L7OK"]
            hosts.write_text("")
        wait("L4CON")
        assert codes(25) == ["L4CON"] * 25
        with Server(answering(OK), port=port):
            wait("L7OK")
    finally:
        process.kill()
        process.communicate()


def flood(begin, again):
    def talk(server, conn, _number):
        server.read(conn)
        conn.sendall(begin)
        while True:
            conn.sendall(again)

    return talk


HEAD = b"HTTP/1.1 200 OK\r\n"
HOSTILE = {
    "garbage": (b"\x00\xff" * 50, b"\x80" * 1000),
    "no line": (b"HTTP/1.1 200 ", b"a" * 1000),
    "headers": (HEAD, b"X-More: of them\r\n" * 100),
    "one header": (HEAD + b"X: ", b"y" * 1000),
    "interim": (b"", b"HTTP/1.1 100 Go on\r\n\r\n" * 100),
    "2 GB": (HEAD + b"Content-Length: 2147483648\r\n\r\n", b"z" * 65536),
    "body": (HEAD + b"\r\n", b"z" * 65536),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
               b"1000\r\n" + b"z" * 4096 + b"\r\n"),
    "chunk size": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"f" * 20),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_answers_fail_and_say_why(what):
    with Server(flood(*HOSTILE[what])) as server:
        result = check("http", "127.0.0.1", server.port)
    assert result.code == "L7RSP"
    assert result.text
    assert result.ms < SOON


def test_a_check_that_is_frozen_takes_one_last_look():
    """The answer came while we were stopped: the target is not to blame."""
    asked, stopped = threading.Event(), threading.Event()

    def talk(server, conn, _number):
        server.read(conn)
        asked.set()
        stopped.wait(FOR_EVER)
        conn.sendall(OK)
        server.read(conn)

    with Server(talk) as server:
        process = start_check("http", "127.0.0.1", server.port, timeout=3000)
        assert asked.wait(30)
        process.send_signal(signal.SIGSTOP)
        stopped.set()
        time.sleep(4)
        process.send_signal(signal.SIGCONT)
        [result] = end_check(process)
    assert result.code == "L7OK"
    assert result.ms > 3000
