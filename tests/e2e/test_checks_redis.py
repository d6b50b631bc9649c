"""redis checks of real servers: roles, refusals, TLS, silence."""

import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from certs import Authority
from peers import BUILD
from redis_world import Client, RedisError, Server, free_port
from world import wait_for

ONCE = BUILD / "tests/e2e/check_once"


@pytest.fixture
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="bascule-e2e."))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def servers(folder):
    """Makes servers; all are ended."""
    made = []

    def make(*options):
        server = Server(folder, f"r{len(made) + 1}", *options)
        made.append(server)
        return server.start().wait()

    yield make
    for server in made:
        if server.process:
            server.signal(signal.SIGCONT)
        server.kill()


def once(port, *keys, options=("-F",), host="127.0.0.1"):
    done = subprocess.run(
        [ONCE, "-t", "20000", *options, "redis", host, str(port), *keys], text=True,
        capture_output=True, timeout=60, check=True)
    return done.stdout.splitlines()


def facts(lines):
    line = next(line for line in lines if line.startswith("facts "))
    return dict(word.split("=", 1) for word in line.split()[1:])


def wait_line(child, start):
    """The next line of @child that begins so."""
    for line in child.stdout:
        if re.match(start, line):
            return line
    raise AssertionError(f"it ended without {start}")


def end(child):
    child.kill()
    child.communicate()


def code(lines):
    return lines[-1].split()[0]


def test_a_primary_and_its_replica_say_what_they_are(servers):
    one, two = servers(), servers()
    two.ask("REPLICAOF", "127.0.0.1", one.port)
    wait_for(lambda: two.follows(one))
    one.ask("SET", "a", "b")
    offset = wait_for(lambda: re.search(
        r"master_repl_offset:(\d+)", one.ask("INFO", "replication")).group(1))
    wait_for(lambda: f"slave_repl_offset:{offset}\r" in
             two.ask("INFO", "replication"))
    lines = once(one.port)
    assert code(lines) == "L7OK"
    seen = facts(lines)
    assert (seen["role"], seen["writable"]) == ("primary", "1")
    assert int(seen["applied"].split("/")[1]) >= int(offset)
    assert any(line.startswith(f"replica 127.0.0.1:{two.port} streaming=1")
               for line in lines)
    lines = once(two.port)
    assert code(lines) == "L7OK"
    copy = facts(lines)
    assert copy["role"] == "replica" and copy["source_up"] == "1"
    assert copy["source"] == f"127.0.0.1:{one.port}"
    assert copy["name"] == f"127.0.0.1:{two.port}"
    assert copy["system"] == seen["system"]
    assert copy["start"] != seen["start"]
    # A name is resolved.
    assert code(once(one.port, host="localhost")) == "L7OK"


def test_a_held_connection_asks_and_a_restart_is_another_start(servers):
    one = servers()
    lines = once(one.port, options=("-F", "-n", "20"))
    assert [line.split()[0] for line in lines].count("L7OK") == 20
    starts = {line.split("start=")[1].split()[0]
              for line in lines if line.startswith("facts")}
    assert len(starts) == 1 and starts != {"0"}
    stats = one.ask("INFO", "stats")
    assert int(re.search(r"total_connections_received:(\d+)",
                         stats).group(1)) < 10
    one.kill()
    one.start().wait()
    assert facts(once(one.port))["start"] not in starts


def test_without_the_password_it_is_alive_and_says_so(servers, folder):
    one = servers()
    one.ask("CONFIG", "SET", "requirepass", "right")
    one.password = "right"
    lines = once(one.port)
    assert code(lines) == "L7OKC" and "NOAUTH" in lines[-1]
    secret = folder / "pass"
    secret.write_text("wrong\n")
    secret.chmod(0o600)
    lines = once(one.port, f"password_file={secret}")
    assert code(lines) == "L7OKC" and "WRONGPASS" in lines[-1]
    secret.write_text("right\nsecond line\n")
    assert code(once(one.port, f"password_file={secret}")) == "L7OK"
    one.ask("ACL", "SETUSER", "bascule", "on", ">mine", "+ping", "+info")
    secret.write_text("mine\n")
    assert code(once(one.port, f"password_file={secret}",
                     "user=bascule")) == "L7OK"
    one.ask("ACL", "SETUSER", "bascule", "-info")
    lines = once(one.port, f"password_file={secret}", "user=bascule")
    assert code(lines) == "L7OKC" and "NOPERM" in lines[-1]
    secret.chmod(0o644)
    lines = once(one.port, f"password_file={secret}", "user=bascule")
    assert code(lines) == "SOCKERR" and "everybody can read it" in lines[-1]


def test_tls_is_spoken_and_verified(servers, folder):
    authority, other = Authority(folder, "ca"), Authority(folder, "other")
    cert = authority.make("good")
    port = free_port()
    one = servers("--tls-port", str(port), "--tls-cert-file", str(cert),
                  "--tls-key-file", str(cert), "--tls-ca-cert-file",
                  str(authority.file), "--tls-auth-clients", "no")
    assert code(once(port, "tls=1", options=("-F", "-n", "3"))) == "L7OK"
    assert code(once(port, "tls=2", f"ca_file={authority.file}")) == "L7OK"
    lines = once(port, "tls=2", f"ca_file={other.file}")
    assert code(lines) == "L6RSP" and "certificate" in lines[-1]
    lines = once(port, "tls=2", f"ca_file={authority.file}",
                 "server_name=else.example")
    assert code(lines) == "L6RSP" and "mismatch" in lines[-1]
    # A plain question to a TLS port, and the other way round.
    assert code(once(port)) in ("L7RSP", "L4CON")
    assert code(once(one.port, "tls=1", options=("-t", "300"))) in (
        "L6RSP", "L7TOUT")


def test_a_frozen_server_is_mute_and_may_answer_late(servers):
    one = servers()
    child = subprocess.Popen(
        [ONCE, "-n", "9999", "-g", "100", "-t", "300", "-w", "1000", "redis",
         "127.0.0.1", str(one.port)], text=True, stdout=subprocess.PIPE)
    try:
        wait_line(child, "L7OK")
        one.signal(signal.SIGSTOP)
        line = wait_line(child, "L7TOUT .*")
        assert "acknowledged, but no answer" in line
        one.signal(signal.SIGCONT)
        wait_line(child, "late L7OK")
    finally:
        end(child)


def test_the_end_of_a_server_is_heard_at_once(servers):
    one = servers()
    child = subprocess.Popen(
        [ONCE, "-t", "20000", "-w", "60000", "redis", "127.0.0.1",
         str(one.port)], text=True, stdout=subprocess.PIPE)
    try:
        wait_line(child, "ready")
        one.kill()
        wait_line(child, "hint ")
        wait_line(child, "L4CON")
    finally:
        end(child)


def test_what_is_not_redis_is_not_taken_for_it():
    import socket
    import threading
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            conn, _ = listener.accept()
            conn.recv(1000)
            conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            conn.close()
        threading.Thread(target=serve, daemon=True).start()
        lines = once(listener.getsockname()[1])
    assert code(lines) == "L7RSP" and "protocol" in lines[-1]


def test_a_replica_without_its_primary_lives(servers):
    one, two = servers(), servers("--replica-serve-stale-data", "no")
    two.ask("REPLICAOF", "127.0.0.1", one.port)
    wait_for(lambda: two.follows(one))
    one.kill()
    wait_for(lambda: "master_link_status:down" in
             two.ask("INFO", "replication"))
    lines = once(two.port)
    assert code(lines) == "L7OKC" and "MASTERDOWN" in lines[-1]
    assert facts(lines)["role"] == "replica"
    assert facts(lines)["source_up"] == "0"


def test_our_words_are_those_of_the_server(servers):
    """What the unit tests take for granted."""
    one = servers()
    client = Client(one.port)
    client.ask("CONFIG", "SET", "min-replicas-to-write", 2000000000)
    with pytest.raises(RedisError, match="^NOREPLICAS"):
        client.ask("SET", "a", "b")
    client.close()
