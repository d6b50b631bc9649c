"""Readers of a group: real PostgreSQL replicas in a backend of their own."""

import json
import signal
import subprocess

import pytest

from pg_world import Client, PgWorld
from world import BASCULE, free_port, wait_for


class ReadWorld(PgWorld):
    """With a second backend, and HAProxy's own way out when it is empty."""

    def __init__(self, **more):
        self.read_port = free_port()
        super().__init__(failover='readers = "be_read"; max_lag = "64KiB";',
                         **more)

    def cfg(self, haproxy):
        servers = "\n".join(f"    server {s.name} 127.0.0.1:{s.port}"
                            for s in self.servers)
        return (super().cfg(haproxy)
                + f"frontend read\n    bind 127.0.0.1:{self.read_port}\n"
                "    use_backend be_pg if { nbsrv(be_read) eq 0 }\n"
                "    default_backend be_read\n"
                f"backend be_read\n    balance roundrobin\n{servers}\n")

    def readers(self):
        rows = [line.split() for line in
                self.haproxy.ask("show servers state be_read").splitlines()]
        return {row[3] for row in rows
                if len(row) > 6 and row[1] == "be_read"
                and not int(row[6]) & 0x29}

    def wait_readers(self, *names):
        wait_for(lambda: self.readers() == set(names))

    def asked(self):
        """Which server answers a reader."""
        client = Client(self.read_port)
        try:
            (port,), = client.ask("select inet_server_port()")
            return next(s.name for s in self.servers if s.port == int(port))
        finally:
            client.close()

    def status(self):
        done = subprocess.run(
            [BASCULE, "status", "--json", "--socket", self.daemon.control],
            capture_output=True, text=True, check=False)
        return json.loads(done.stdout)

    def write_much(self):
        """More than max_lag."""
        self.servers[0].ask("create table if not exists much(x text)")
        self.servers[0].ask("insert into much select repeat('x', 100) "
                            "from generate_series(1, 5000)")


@pytest.fixture(name="world")
def running():
    with ReadWorld() as w:
        w.start()
        w.wait_readers("b", "c")
        yield w


def test_a_replica_that_lags_is_not_read_from_until_it_has_caught_up(world):
    b, c = world.servers[1], world.servers[2]
    assert {world.asked() for _ in range(6)} == {"b", "c"}
    # One that is connected stays so for as long as it is fit.
    held = [Client(world.read_port) for _ in range(2)]
    b.ask("select pg_wal_replay_pause()")
    world.write_much()
    world.wait_readers("c")
    assert {world.asked() for _ in range(6)} == {"c"}
    assert world.daemon.said("db/readers/b UP -> DOWN")

    def ended(client):
        try:
            client.ask("select 1")
            return False
        except OSError:
            return True
    wait_for(lambda: sorted(map(ended, held)) == [False, True])
    # Its group is whole: nothing is wrong with an instance.
    assert not world.daemon.said("incident")
    status = world.status()
    assert [s["readers_of"] for s in status["services"]] == [None, "db"]
    states = {t["name"]: t["state"] for t in status["services"][1]["targets"]}
    assert states == {"a": "UP", "b": "DOWN", "c": "UP"}
    assert status["summary"] == "degraded"
    # None is fit: HAProxy sends them where writes go.
    c.ask("select pg_wal_replay_pause()")
    world.write_much()
    world.wait_readers()
    assert world.asked() == "a"
    b.ask("select pg_wal_replay_resume()")
    c.ask("select pg_wal_replay_resume()")
    world.wait_readers("b", "c")
    assert world.asked() != "a"


def test_readers_move_with_the_primary_and_over_reloads(world):
    world.daemon.signal(signal.SIGHUP)
    world.haproxy.reload()
    world.wait_readers("b", "c")
    old = world.servers[0]
    old.kill()
    new = world.wait_succeeded(old)
    other = next(s for s in world.servers if s not in (old, new))
    world.wait_readers(other.name)
    old.start()
    wait_for(lambda: old.follows(new), 60)
    world.wait_readers(other.name, old.name)
    # What an operator takes out stays out.
    world.haproxy.ask(f"set server be_read/{other.name} state maint")
    world.wait_readers(old.name)
    world.daemon.wait_said(f"db/readers/{other.name}")
