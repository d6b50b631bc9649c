"""Checks of type mysql against real MariaDB servers."""

import contextlib
import os
import subprocess
import time

import pytest
from certs import Authority
from maria_world import Client, Servers, SqlError, free_port, give
from world import TOP, wait_for

# Of enum tls_use.
REQUIRED, VERIFIED = "tls=1", "tls=2"
ONCE = os.path.join(TOP, "tests/e2e/check_once")


@pytest.fixture(scope="module")
def world():
    with Servers(2) as it:
        yield it


def check(world, server, *settings, options=(), user="mon", password=None):
    """The lines that one check prints, the last one split."""
    password = world.password if password is None else password
    text = subprocess.run(
        [ONCE, "-t", "20000", *options, "mysql", "127.0.0.1",
         str(getattr(server, "port", server)), f"user={user}",
         f"password_file={password}", *settings],
        check=True, capture_output=True, text=True, timeout=60).stdout
    lines = text.splitlines()
    return lines[:-1], lines[-1].split(" ", 4)


def facts(world, server):
    lines, result = check(world, server, options=["-F"])
    found = dict(word.split("=", 1) for word in lines[0].split()[1:])
    return found, lines[1:], result


def test_a_primary_tells_of_itself_and_its_replica(world):
    first, second = world.servers
    found, replicas, result = facts(world, first)
    at = first.value("@@gtid_current_pos")
    assert result[0] == "L7OK"
    assert found["role"] == "primary" and found["writable"] == "1"
    assert found["applied"] == "0/" + at.split("-")[2]
    assert found["history"] == at and found["name"] == "1"
    assert replicas == ["replica 2 streaming=1 synchronous=0 acknowledged=0"]


def test_a_replica_tells_whom_it_follows(world):
    first, second = world.servers
    found, replicas, result = facts(world, second)
    assert result[0] == "L7OK"
    assert found["role"] == "replica" and found["writable"] == "0"
    assert found["source"] == f"127.0.0.1:{first.port}"
    assert found["source_up"] == "1" and found["lag_us"] == "0"
    assert found["received"] == found["applied"]
    assert replicas == []


def test_a_start_shows(world):
    second = world.servers[1]
    before = facts(world, second)[0]["start"]
    time.sleep(1.1)
    assert facts(world, second)[0]["start"] == before
    second.kill()
    second.start().wait()
    assert facts(world, second)[0]["start"] != before
    wait_for(lambda: second.follows(world.servers[0]))


def test_what_is_received_is_more_than_what_is_applied(world):
    first, second = world.servers
    second.ask("STOP SLAVE SQL_THREAD")
    first.ask("INSERT INTO d.t VALUES (1)", "INSERT INTO d.t VALUES (2)")
    last = int(first.value("@@gtid_current_pos").split("-")[2])
    wait_for(lambda: facts(world, second)[0]["received"] == f"0/{last}")
    found, _, result = facts(world, second)
    assert found["applied"] == f"0/{last - 2}"
    assert result[0] == "L7OKC" and "applies nothing" in result[4]
    second.ask("START SLAVE SQL_THREAD")
    wait_for(lambda: facts(world, second)[0]["applied"] == f"0/{last}")


def test_a_primary_that_refuses_writes_says_so(world):
    first = world.servers[0]
    first.ask("SET GLOBAL read_only = 1")
    try:
        found, _, result = facts(world, first)
        assert found["role"] == "primary" and found["writable"] == "0"
        assert result[0] == "L7OKC" and "read_only" in result[4]
    finally:
        first.ask("SET GLOBAL read_only = 0")


def test_semi_synchronous_replication_is_told(world):
    first, second = world.servers
    first.ask("SET GLOBAL rpl_semi_sync_master_enabled = 1, "
              "rpl_semi_sync_master_timeout = 3600000, "
              "rpl_semi_sync_master_wait_point = AFTER_SYNC")
    second.ask("SET GLOBAL rpl_semi_sync_slave_enabled = 1",
               "STOP SLAVE", "START SLAVE")
    try:
        wait_for(lambda: facts(world, first)[0]["durable"] == "1")
        found, replicas, _ = facts(world, first)
        assert found["quorum"] == "1"
        assert replicas == [
            "replica 2 streaming=1 synchronous=1 acknowledged=0"]
        first.ask("SET GLOBAL rpl_semi_sync_master_timeout = 1000")
        assert facts(world, first)[0]["durable"] == "0"
    finally:
        first.ask("SET GLOBAL rpl_semi_sync_master_enabled = 0")


def test_refusals_are_told_apart(world):
    first = world.servers[0]
    wrong = world.secret("wrong", "nonsense")
    result = check(world, first, password=wrong)[1]
    assert result[:2] == ["L7OKC", "1045"] and "login refused" in result[4]
    result = check(world, first, user="app",
                   password=world.secret("app", "ap"))[1]
    assert result[:2] == ["L7OKC", "1227"]
    assert "a right is missing" in result[4]
    result = check(world, free_port())[1]
    assert result[0] == "L4CON" and "refused" in result[4]
    result = check(world, first, password=world.folder / "none")[1]
    assert result[0] == "SOCKERR"


def test_too_many_connections_are_no_death(world):
    first = world.servers[0]
    first.ask("SET GLOBAL max_connections = 10",
              "REVOKE CONNECTION ADMIN ON *.* FROM mon@'%'")
    held = []

    def refused():
        """Also when one that was told to go has gone meanwhile."""
        with contextlib.suppress(SqlError):
            while True:
                held.append(Client(first.port, "app", "ap"))
        result = check(world, first)[1]
        return result[0] != "L7OK" and result

    try:
        assert wait_for(refused)[:2] == ["L7OKC", "1040"]
    finally:
        for client in held:
            client.close()
        wait_for(lambda: first.try_ask("SET GLOBAL max_connections = 100")
                 is not None)
        first.ask("GRANT CONNECTION ADMIN ON *.* TO mon@'%'")


def test_a_frozen_server_is_silent_and_its_end_is_heard(world):
    second = world.servers[1]
    watch = subprocess.Popen(
        [ONCE, "-t", "20000", "-w", "60000", "mysql", "127.0.0.1", str(second.port),
         "user=mon", f"password_file={world.password}"],
        stdout=subprocess.PIPE, text=True)
    line = watch.stdout.readline()
    while line and not line.startswith("ready"):
        line = watch.stdout.readline()
    second.kill()
    assert watch.stdout.readline().startswith("hint ")
    assert any("L4CON 111" in line for line in watch.stdout)
    watch.kill()
    watch.communicate()
    second.start().wait()
    wait_for(lambda: second.follows(world.servers[0]))


def test_tls_that_is_not_there_is_said(world):
    # This server has no certificate.
    result = check(world, world.servers[0], REQUIRED)[1]
    assert result[0] == "L6RSP" and "SSL" in result[4]


@pytest.fixture
def tls(world):
    """The second server, with a certificate, and its authority."""
    server = world.servers[1]
    own = Authority(world.folder, "own")
    cert, key = server.folder / "cert", server.folder / "key"
    both = own.make("db", alt="DNS:db.example,IP:127.0.0.1")
    cert.write_text(both.read_text())
    key.write_text(both.with_suffix(".key").read_text())
    give(key)
    give(cert)
    server.kill()
    server.start(f"--ssl-cert={cert}", f"--ssl-key={key}").wait()
    yield server, own
    server.kill()
    server.start().wait()
    wait_for(lambda: server.follows(world.servers[0]))


def test_over_tls_the_certificate_must_name_the_target(world, tls):
    server, own = tls
    other = Authority(world.folder, "other")
    assert check(world, server, REQUIRED)[1][0] == "L7OK"
    for name in ([], ["server_name=db.example"]):
        result = check(world, server, VERIFIED, f"ca_file={own.file}",
                       *name)[1]
        assert result[0] == "L7OK"
    for why in ([f"ca_file={own.file}", "server_name=db.elsewhere"],
                [f"ca_file={other.file}"], []):
        result = check(world, server, VERIFIED, *why)[1]
        assert result[0] == "L6RSP" and "TLS/SSL error" in result[4]
    result = check(world, free_port(), VERIFIED)[1]
    assert result[:2] == ["L4CON", "111"]


def test_the_logs_stay_quiet(world):
    for server in world.servers:
        before = len(server.said("Aborted"))
        check(world, server, options=["-n", "5", "-g", "5"])
        check(world, server, options=["-n", "5", "-g", "5", "-f"])
        assert len(server.said("Aborted")) == before
