"""The replica, started for real on free ports."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from drills import REPLICA, Replica, ask
from world import wait_for


def receive(port, wanted, timeout=30.0):
    """Up to wanted bytes of the raw answer of /health, and whether the server
    closed behind them."""
    with socket.create_connection(("127.0.0.1", port), timeout) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        data = b""
        while len(data) < wanted:
            part = sock.recv(65536)
            if not part:
                return data, True
            data += part
        return data, False


@pytest.fixture
def replica():
    server = Replica()
    yield server
    server.stop()


# The API


def test_serves_its_pages(replica):
    status, body = replica.get()
    health = json.loads(body)
    assert status == 200
    assert health["status"] == "healthy"
    assert health["name"] == "api1"
    assert health["version"]
    assert health["dependencies"]["database"] == "ok"
    for path in "/api/doctors", "/api/consultations":
        status, body = replica.get(path)
        assert status == 200
        assert json.loads(body)
    assert replica.get("/nowhere")[0] == 404


def test_keeps_connections_and_takes_pipelined_requests(replica):
    with socket.create_connection(("127.0.0.1", replica.port), 30) as sock:
        request = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
        last = b"GET /health HTTP/1.0\r\n\r\n"
        sock.sendall(request * 3 + last)
        data = b""
        while part := sock.recv(65536):
            data += part
    assert data.count(b"HTTP/1.1 200 OK") == 4
    assert data.count(b"Connection: close") == 1


def test_leaves_the_body_out_of_an_answer_to_head(replica):
    with socket.create_connection(("127.0.0.1", replica.port), 30) as sock:
        sock.sendall(b"HEAD /health HTTP/1.1\r\nConnection: close\r\n\r\n")
        data = b""
        while part := sock.recv(65536):
            data += part
    assert data.endswith(b"\r\n\r\n")
    assert b"Content-Length: 0" not in data


@pytest.mark.parametrize("bytes_sent", [
    b"not http\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"a" * 20000,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
])
def test_refuses_what_it_does_not_understand(replica, bytes_sent):
    with socket.create_connection(("127.0.0.1", replica.port), 30) as sock:
        sock.sendall(bytes_sent)
        assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert replica.get()[0] == 200


def payments(seed):
    server = Replica("--seed", str(seed))
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        statuses = []
        for _ in range(1000):
            connection.request("POST", "/api/payment", "amount=1")
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
        return statuses
    finally:
        server.stop()


def test_fails_five_percent_of_payments_the_same_for_a_seed():
    first = payments(7)
    assert set(first) == {200, 502}
    assert 25 <= first.count(502) <= 80
    assert payments(7) == first
    assert payments(8) != first


def test_counts_for_prometheus(replica):
    replica.get()
    replica.fault("kind=status&code=503&scope=health")
    replica.get()
    _, text = replica.get("/metrics")
    assert 'replica_requests_total{path="/health",code="200"} 1\n' in text
    assert 'replica_requests_total{path="/health",code="503"} 1\n' in text
    assert 'replica_faults_total{kind="status"} 1\n' in text
    assert 'replica_listeners{fault="status"} 1\n' in text
    assert "replica_connections 1\n" in text


def test_listens_on_ipv6():
    process = subprocess.Popen([REPLICA, "--listen", "[::1]:0"],
                               stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[1]
        assert address.startswith("[::1]:")
        port = int(address.rpartition(":")[2])
        with contextlib.closing(
                http.client.HTTPConnection("::1", port, timeout=30)) as con:
            con.request("GET", "/health")
            assert con.getresponse().status == 200
    finally:
        process.kill()
        process.communicate()


def test_ends_cleanly_with_its_pidfile(tmp_path):
    pidfile = tmp_path / "pid"
    server = Replica("--pidfile", str(pidfile))
    try:
        assert int(pidfile.read_text()) == server.process.pid
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert not pidfile.exists()
    finally:
        server.stop()


# The faults


def test_status(replica):
    replica.fault("kind=status&code=503")
    assert replica.get()[0] == 503
    replica.fault("kind=status&code=204")
    assert replica.get() == (204, "")


def test_slow(replica):
    replica.fault("kind=slow&ms=200")
    start = time.monotonic()
    assert replica.get()[0] == 200
    assert 0.2 <= time.monotonic() - start < 20


def test_mute_answers_nothing_until_it_ends(replica):
    replica.fault("kind=mute")
    with socket.create_connection(("127.0.0.1", replica.port), 30) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        sock.settimeout(0.3)
        with pytest.raises(socket.timeout):
            sock.recv(1)
        sock.settimeout(30)
        replica.fault("kind=none")
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_flap_begins_with_down(replica):
    replica.fault("kind=flap&up_ms=1000&down_ms=5000")
    assert replica.get()[0] == 503
    for status in (200, 503):
        wait_for(lambda status=status: replica.get()[0] == status)


def test_unhealthy_says_so_with_status_200(replica):
    replica.fault("kind=unhealthy")
    status, body = replica.get()
    assert status == 200
    assert json.loads(body)["status"] == "unhealthy"
    assert replica.get("/api/doctors")[0] == 200


def test_garbage_is_not_http(replica):
    replica.fault("kind=garbage")
    data, closed = receive(replica.port, 1 << 20)
    assert data and not data.startswith(b"HTTP/")
    assert closed


def test_half_an_answer(replica):
    replica.fault("kind=half")
    data, closed = receive(replica.port, 1 << 20)
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"Content-Length: %d" % (2 * len(body)) in head or \
        b"Content-Length: %d" % (2 * len(body) + 1) in head
    assert closed


def test_endless_headers_end_with_the_fault(replica):
    replica.fault("kind=endless-headers")
    with socket.create_connection(("127.0.0.1", replica.port), 30) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        data = b""
        while len(data) < 5_000_000:
            data += sock.recv(1 << 20)
        assert b"\r\n\r\n" not in data
        assert all(b": " in line for line in data.split(b"\r\n")[1:-1])
        replica.fault("kind=none")
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(1 << 20):
                pass
    assert replica.get()[0] == 200


def test_huge_body(replica):
    replica.fault("kind=huge")
    data, closed = receive(replica.port, 20_000_000)
    assert b"Content-Length: 2147483648\r\n" in data
    assert not closed


def test_byte_by_byte(replica):
    replica.fault("kind=bytes&ms=20")
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", replica.port), 30) as sock:
        sock.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        parts = []
        while part := sock.recv(65536):
            parts.append(part)
    assert b"".join(parts).startswith(b"HTTP/1.1 200 OK")
    assert len(parts) > 50
    assert time.monotonic() - start > 0.2


def test_refuse_closes_listener_and_connections_but_not_the_process(replica):
    with socket.create_connection(("127.0.0.1", replica.port), 30) as held:
        replica.fault("kind=refuse")
        assert held.recv(1) == b""
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", replica.port), 1)
    assert replica.process.poll() is None
    replica.fault("kind=none")
    assert replica.get()[0] == 200


def test_full_keeps_newcomers_waiting_and_answers_held_connections(replica):
    held = http.client.HTTPConnection("127.0.0.1", replica.port, timeout=30)
    with contextlib.closing(held):
        held.request("GET", "/health")
        assert held.getresponse().read()
        replica.fault("kind=full")
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", replica.port), 0.3)
        held.request("GET", "/health")
        assert held.getresponse().status == 200
    replica.fault("kind=none")
    assert replica.get()[0] == 200


def test_scope_health_spares_the_rest(replica):
    replica.fault("kind=status&code=500&scope=health")
    assert replica.get()[0] == 500
    assert replica.get("/api/doctors")[0] == 200
    replica.fault("kind=status&code=500&scope=all")
    assert replica.get("/api/doctors")[0] == 500


@pytest.mark.parametrize("kind", [
    "status", "slow&ms=60000", "mute", "flap&up_ms=1&down_ms=60000",
    "unhealthy", "garbage", "half", "endless-headers", "huge",
    "bytes&ms=60000",
])
def test_fault_answers_on_the_main_listener_whatever_the_fault(replica, kind):
    replica.fault("kind=" + kind)
    status, body = ask(replica.port, "GET", "/fault")
    assert status == 200
    assert json.loads(body)["kind"] == kind.partition("&")[0]
    assert ask(replica.port, "POST", "/fault", "kind=none")[0] == 200
    assert replica.get()[0] == 200


def test_takes_a_fault_in_the_query_and_at_the_start():
    server = Replica("--fault", "kind=status&code=502")
    try:
        assert server.get()[0] == 502
        assert ask(server.control, "POST", "/fault?kind=none")[0] == 200
        assert server.get()[0] == 200
    finally:
        server.stop()


def test_says_when_the_fault_began(replica):
    before = time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
    before += time.clock_gettime(time.CLOCK_BOOTTIME)
    before -= time.clock_gettime(time.CLOCK_MONOTONIC)
    since = replica.fault("kind=mute")["since_us"] / 1e6
    assert -0.01 < since - before < 20
    assert json.loads(ask(replica.control, "GET", "/fault")[1])[
        "since_us"] / 1e6 == since


def test_refuses_a_wrong_fault_and_keeps_the_present_one(replica):
    replica.fault("kind=status&code=500")
    status, body = ask(replica.control, "POST", "/fault", 'kind="x"')
    assert status == 400
    assert "none, status, slow" in json.loads(body)["error"]
    status, body = ask(replica.port, "POST", "/fault", "kind=refuse")
    assert status == 409
    assert "--control" in json.loads(body)["error"]
    assert replica.get()[0] == 500


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text()
    user, system = fields.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_outlives_a_lack_of_descriptors():
    limited = Replica(limit=(40, 40))
    request = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
    address = ("127.0.0.1", limited.port)
    try:
        with contextlib.ExitStack() as held:
            clients = [held.enter_context(socket.create_connection(address, 30))
                       for _ in range(60)]
            for client in clients:
                client.sendall(request)
            before = cpu_seconds(limited.process)
            time.sleep(1)
            assert cpu_seconds(limited.process) - before < 0.2
            for client in clients:
                assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
                client.close()
        assert limited.process.poll() is None
    finally:
        limited.stop()


def free_ports(count):
    """The first of count ports that were free a moment ago."""
    for first in range(20000, 32000, count):
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + count):
                    sock = held.enter_context(socket.socket())
                    sock.bind(("127.0.0.1", port))
                return first
            except OSError:
                continue
    raise AssertionError("no free ports")


def test_listens_on_thousands_of_ports_each_with_its_own_fault():
    count = 2000
    first = free_ports(count)
    process = subprocess.Popen(
        [REPLICA, "--listen", f"127.0.0.1:{first}", "--ports", str(count)],
        stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == f"listening 127.0.0.1:{first}\n"
        last = first + count - 1
        assert ask(last, "GET", "/health")[0] == 200
        form = f"kind=status&code=503&port={last}"
        assert ask(first, "POST", "/fault", form)[0] == 200
        assert ask(last, "GET", "/health")[0] == 503
        assert ask(last - 1, "GET", "/health")[0] == 200
        _, body = ask(first, "GET", f"/fault?port={last}")
        assert json.loads(body)["kind"] == "status"
        form = f"kind=none&port={last + 1}"
        assert ask(first, "POST", "/fault", form)[0] == 409
    finally:
        process.kill()
        process.communicate()
