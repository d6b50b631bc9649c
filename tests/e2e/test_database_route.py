"""Load balancers that ask by themselves: HAProxy's httpchk at /route, and what
is asked in the style of Patroni."""

import http.client
import json

import pytest

from redis_world import RedisWorld, Writer
from world import HAProxy, free_port, wait_for


class AskedWorld(RedisWorld):
    """Its daemon listens for HTTP; r1 is hosted by this node."""

    def __init__(self, **more):
        self.http = free_port()
        super().__init__(**more)

    def configure(self, **more):
        super().configure(**more)
        path = self.daemon.config
        path.write_text(
            path.read_text()
            .replace('listen = "off"', f'listen = "127.0.0.1:{self.http}"')
            .replace('name = "r1";', 'name = "r1"; node = "test";'))

    def get(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.http,
                                                timeout=60)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def asking(self, haproxy):
        """A HAProxy that nobody drives."""
        servers = "\n".join(
            f"    server {s.name} 127.0.0.1:{s.port} check port {self.http}"
            " inter 50ms fall 1 rise 1 on-marked-down shutdown-sessions"
            for s in self.servers)
        return (
            "global\n"
            f"    stats socket {haproxy.socket} mode 600 level admin\n"
            "defaults\n    mode tcp\n    timeout connect 200ms\n"
            "    timeout client 10s\n    timeout server 10s\n    retries 0\n"
            "    timeout check 100ms\n"
            f"frontend fe\n    bind 127.0.0.1:{haproxy.port}\n"
            f"    default_backend be\nbackend be\n    option httpchk\n"
            "    http-check send meth GET uri-lf "
            f"/route/cache/%[srv_name]\n{servers}\n")


@pytest.fixture(name="world")
def running():
    with AskedWorld() as w:
        w.start()
        w.wait_routed("r1")
        wait_for(lambda: w.get("/replica/cache/r2")[0] == 200)
        yield w


def up(haproxy):
    """Servers of the HAProxy that its own checks find well."""
    rows = [line.split(",") for line in haproxy.ask("show stat").splitlines()]
    return {row[1] for row in rows if row[0] == "be" and
            row[1].startswith("r") and row[17].startswith("UP")}


def test_haproxy_asks_whom_to_route_to(world):
    asking = HAProxy(world.folder, "asking", {}, template=world.asking)
    try:
        wait_for(lambda: up(asking) == {"r1"})
        writer = Writer(asking.port)
        writer.start()
        world.writers.append(writer)
        wait_for(lambda: len(writer.taken) > 20)
        old = world.servers[0]
        old.kill()
        new = world.wait_succeeded(old)
        wait_for(lambda: up(asking) == {new.name})
        count = len(writer.taken)
        wait_for(lambda: len(writer.taken) > count + 20)
        writer.stop()
        # Nobody is routed to for a daemon that is dead.
        world.daemon.process.kill()
        wait_for(lambda: up(asking) == set())
    finally:
        asking.stop()


def test_a_refusal_says_why(world):
    status, doc = world.get("/route/cache/r1")
    assert status == 200
    assert doc["ok"] and doc["role"] == "primary" and doc["epoch"] == 1
    status, doc = world.get("/route/cache/r2")
    assert status == 503
    assert doc["why"] == "another instance is the primary"
    assert world.get("/route/cache/r9")[0] == 404
    assert world.get("/route/cash/r1")[0] == 404
    assert world.get("/route/cache")[0] == 404
    assert world.get("/router/cache/r1")[0] == 404


def test_patronis_paths_answer_for_the_instance_of_this_node(world):
    for path in ("/primary", "/read-write", "/master", "/primary?group=cache",
                 "/read-only"):
        assert world.get(path)[0] == 200, path
        assert world.get(path, "OPTIONS")[0] == 200, path
        assert world.get(path, "HEAD")[0] == 200, path
    status, doc = world.get("/replica")
    assert status == 503 and doc["why"] == "it is no replica"
    assert world.get("/primary?group=other")[0] == 404
    assert world.get("/primary", "POST")[0] == 403


def test_a_replica_is_read_from_within_its_lag(world):
    for lag in ("0", "1048576", "1MB", "16kB", "1MiB"):
        status, doc = world.get(f"/replica/cache/r3?lag={lag}")
        assert status == 200, (lag, doc)
    assert world.get("/replica/cache/r3?lag=much")[0] == 400
    assert world.get("/replica/cache/r3?lag=1XB")[0] == 400
    world.servers[2].kill()
    wait_for(lambda: world.get("/replica/cache/r3")[0] == 503)
    assert world.get("/replica/cache/r3")[1]["why"]
    assert world.get("/read-only/cache/r2")[0] == 200
