"""PostgreSQL: what is asked of real servers, and what they are told."""

import contextlib
import os
import re
import subprocess
import time

import pytest

from peers import BUILD, SOON, Result, black_hole, refused
from pg_world import PgError, PgWorld, Client
from world import wait_for

FACT = re.compile(r"(\S+)=(\S*)")


class Answer:
    """What check_once -F printed of one target, its last check."""

    def __init__(self, text):
        lines = text.splitlines()
        self.results = [Result(line) for line in lines
                        if not line.startswith(("facts ", "replica "))]
        self.result = self.results[-1]
        facts = [line for line in lines if line.startswith("facts ")]
        self.facts = dict(FACT.findall(facts[-1])) if facts else {}
        self.replicas = {line.split()[1]: dict(FACT.findall(line))
                         for line in lines if line.startswith("replica ")}

    def __getattr__(self, name):
        return getattr(self.result, name)


def check(port, *keys, user="bascule", times=1, name="a", timeout=200000,
          host="127.0.0.1"):
    run = subprocess.run(
        [BUILD / "tests/e2e/check_once", "-F", "-t", str(timeout), "-n",
         str(times), "-g", "10", "-N", name, "postgresql", host,
         str(port), f"user={user}", *keys],
        stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return Answer(run.stdout)


def order(server, what, *keys, timeout=30000, user="bascule"):
    return subprocess.run(
        [BUILD / "tests/e2e/order_once", "-t", str(timeout), "postgresql",
         server.name, str(server.port), what, f"user={user}", *keys],
        stdout=subprocess.PIPE, text=True, check=True,
        timeout=60).stdout.strip()


def secret(folder, text):
    path = folder / "password"
    path.write_text(text + "\n")
    path.chmod(0o600)
    return f"password_file={path}"


@pytest.fixture(scope="module")
def pair():
    """a and its replica b, for what changes neither."""
    with PgWorld(2) as w:
        yield w


@pytest.fixture
def world():
    with PgWorld(3) as w:
        yield w


def test_a_primary_tells_what_it_is(pair):
    a = pair.servers[0]
    got = check(a.port)
    assert got.code == "L7OK", got.result
    assert got.text == "primary"
    facts = got.facts
    assert facts["role"] == "primary" and facts["writable"] == "1"
    assert facts["system"] == a.value(
        "select system_identifier from pg_control_system()")
    assert facts["history"] == "1" and facts["durable"] == "0"
    wait_for(lambda: check(a.port).replicas["b"]["streaming"] == "1")
    assert int(facts["applied"].split("/")[1]) > 0


def test_a_replica_tells_whom_it_follows(pair):
    a, b = pair.servers
    got = check(b.port, name="b")
    assert got.text == f"replica of 127.0.0.1:{a.port}"
    assert got.facts["role"] == "replica" and got.facts["writable"] == "0"
    assert got.facts["name"] == "b" and got.facts["source_up"] == "1"
    assert got.facts["source"] == f"127.0.0.1:{a.port}"
    assert got.facts["system"] == check(a.port).facts["system"]
    assert got.facts["start"] != check(a.port).facts["start"]


def test_names_are_resolved_without_libpq(pair):
    assert check(pair.servers[0].port, host="localhost").code == "L7OK"


def test_one_connection_carries_all_checks_and_ends_quietly(pair):
    a = pair.servers[0]
    a.ask("alter system set log_connections = on")
    a.ask("alter system set log_disconnections = on")
    a.ask("select pg_reload_conf()")
    wait_for(lambda: a.value("show log_connections") == "on")
    before = len(a.lines("connection authorized.*bascule"))
    got = check(a.port, times=5)
    assert [r.code for r in got.results] == ["L7OK"] * 5
    a.ask("alter system reset all")
    a.ask("select pg_reload_conf()")
    wait_for(lambda: a.lines("disconnection:.*user=bascule"))
    assert len(a.lines("connection authorized.*bascule")) == before + 1
    assert a.lines("unexpected EOF|from client|incomplete") == []


def test_nobody_there_and_silence_are_told_apart():
    with refused() as port:
        got = check(port)
        assert (got.code, got.status) == ("L4CON", 111)
    with black_hole() as port:
        assert check(port, timeout=200).code == "L4TOUT"


def test_scram_and_a_wrong_password(pair, tmp_path):
    a = pair.servers[0]
    a.ask("create role locked login password 'right' in role pg_monitor")
    a.access("host all locked 127.0.0.1/32 scram-sha-256")
    a.reload()
    good = secret(tmp_path, "right")
    wait_for(lambda: check(a.port, user="locked").code != "L7OK")
    assert check(a.port, good, user="locked").code == "L7OK"
    got = check(a.port, secret(tmp_path, "wrong"), user="locked")
    assert got.code == "L7OKC" and got.facts == {}
    assert got.text == 'password authentication failed for user "locked"'
    got = check(a.port, f"password_file={tmp_path}/none", user="locked")
    assert got.code == "SOCKERR" and "none" in got.text


def test_missing_rights_are_a_warning_and_no_facts(pair):
    a = pair.servers[0]
    a.ask("create role stranger login")
    got = check(a.port, user="stranger")
    assert got.code == "L7OKC"
    assert got.text.startswith("grant pg_monitor to the user")
    assert got.facts == {}


def test_a_full_server_is_alive(pair):
    a = pair.servers[0]
    held = []

    def refused():
        """Also when one that was told to go has gone meanwhile."""
        with contextlib.suppress(OSError, PgError):
            while True:
                held.append(Client(a.port))
        got = check(a.port)
        return got.code != "L7OK" and got

    try:
        got = wait_for(refused)
        assert got.code == "L7OKC"
        assert "too many clients" in got.text or "reserved" in got.text
    finally:
        for client in held:
            client.close()


def test_no_tls_where_it_is_wanted(pair):
    got = check(pair.servers[0].port, "tls=1")
    assert got.code == "L6RSP"
    assert "does not support SSL" in got.text


def test_starting_and_stopping_are_loading(world):
    a, b, _ = world.servers
    # It recovers until it gets what nobody sends.
    b.stop()
    b.write("postgresql.auto.conf", ["restore_command = 'sleep 1; false'"])
    b.configure("hot_standby = off")
    b.start(wait=False)
    got = wait_for(lambda: (g := check(b.port)).code != "L4CON" and g)
    assert got.code == "L7STS"
    assert got.facts["loading"] == "1"
    assert got.facts["role"] != "primary"
    assert a.value("select 1") == "1"


def test_a_read_only_primary_is_a_warning(world):
    a = world.servers[0]
    a.ask("alter system set default_transaction_read_only = on")
    a.ask("select pg_reload_conf()")
    wait_for(lambda: check(a.port).code == "L7OKC")
    got = check(a.port)
    assert got.text == "a primary, but read-only"
    assert got.facts["writable"] == "0"


def test_synchronous_replicas_are_told(world):
    a = world.servers[0]
    a.configure("synchronous_standby_names = 'ANY 1 (a, b, z)'")
    a.reload()
    wait_for(lambda: check(a.port).facts["durable"] == "1")
    got = check(a.port)
    assert got.facts["quorum"] == "1"
    assert {name: r["synchronous"] for name, r in got.replicas.items()} == \
        {"b": "1", "c": "0", "z": "1"}
    a.configure("synchronous_commit = local")
    a.reload()
    wait_for(lambda: check(a.port).facts["durable"] == "0")


def test_a_promotion_a_new_source_and_their_positions(world):
    a, b, c = world.servers
    a.ask("insert into t select generate_series(1, 1000)")
    at = check(a.port).facts["applied"].split("/")[1]
    assert order(b, "catch_up", f"offset={at}") == "done"
    assert re.match(r"failed: it lacks \d+ bytes",
                    order(b, "catch_up", f"offset={int(at) + 10**6}",
                          timeout=1500))
    assert "rejoin hook" in order(a, "follow", f"source={b.port}")
    a.stop("immediate")
    begin = time.monotonic()
    assert order(b, "promote") == "done"
    print(f"\npromoted in {1000 * (time.monotonic() - begin):.0f} ms")
    assert order(b, "promote") == "done"
    assert order(b, "canary", "epoch=7") == "done"
    assert b.value("select epoch from bascule_canary") is None
    assert b.ask("select id, epoch from bascule_canary") == [["1", "7"]]
    got = check(b.port)
    assert got.facts["role"] == "primary" and got.facts["history"] == "2"
    # c has a slot: it is made on the new primary.
    assert order(c, "follow", f"source={b.port}") == "done"
    assert c.follows(b)
    assert b.ask("select slot_name from pg_replication_slots") == [["c"]]
    assert order(c, "follow", f"source={b.port}") == "done"
    got = check(c.port, name="c")
    assert got.facts["history"] == "2" and got.facts["name"] == "c"
    # Nobody streams: the timeline is still known.
    b.stop("immediate")
    wait_for(lambda: check(c.port).facts["source_up"] == "0")
    assert check(c.port).facts["history"] == "2"


def test_a_fence_ends_writers_and_is_taken_away(world):
    a = world.servers[0]
    writer = Client(a.port)
    writer.ask("insert into t values (1)")
    # One that would get round being read-only.
    stubborn = Client(a.port)
    stubborn.ask("set default_transaction_read_only = off")
    assert order(a, "fence") == "done"
    for client in (writer, stubborn):
        with pytest.raises(OSError):
            client.ask("insert into t values (2)")
    with pytest.raises(PgError, match="read-only"):
        a.ask("insert into t values (3)", "app")
    assert order(a, "fence") == "done"
    assert order(a, "canary") == "failed: it takes no writes: cannot execute " \
        "INSERT in a read-only transaction"
    assert order(world.servers[1], "fence") == "done"
    assert order(a, "unfence") == "done"
    a.ask("insert into t values (4)", "app")


def test_a_primary_promoted_while_it_was_fenced_takes_writes(world):
    a, b, _ = world.servers
    b.ask("alter system set default_transaction_read_only = on")
    b.ask("select pg_reload_conf()")
    a.stop("immediate")
    assert order(b, "promote") == "done"
    b.ask("insert into t values (1)", "app")


def test_orders_without_rights_say_so(world):
    a = world.servers[0]
    a.ask("create role stranger login in role pg_monitor")
    assert order(a, "fence", user="stranger") == \
        "failed: permission denied to set parameter " \
        '"default_transaction_read_only"'
    assert "permission denied" in order(a, "canary", user="stranger")


def test_the_canary_makes_its_table(world):
    a = world.servers[0]
    a.ask("drop table bascule_canary")
    a.ask("grant create on schema public to bascule")
    assert order(a, "canary", "epoch=3") == "done"
    assert a.ask("select epoch from bascule_canary") == [["3"]]


def test_the_canary_does_not_wait_for_replicas(world):
    a = world.servers[0]
    a.configure("synchronous_standby_names = 'nobody'")
    a.reload()
    wait_for(lambda: check(a.port).facts["durable"] == "1")
    assert order(a, "canary", "epoch=3", timeout=20000) == "done"


def test_a_hung_server_is_silent(world):
    a = world.servers[0]
    client = Client(a.port, user="postgres")
    client.ask("begin")
    client.ask("lock pg_authid in access exclusive mode")
    try:
        got = check(a.port, timeout=300)
        assert got.code == "L7TOUT", got.result
        assert 300 <= got.ms < SOON
    finally:
        client.ask("rollback")
        client.close()
    assert os.path.exists(f"/proc/{a.pid()}")
