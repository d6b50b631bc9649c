"""The recommended haproxy.cfg: HAProxy takes it, and it does what it says."""

import contextlib
import http.client
import subprocess
import time

import recommended
from world import HAPROXY, World, free_port, wait_for


def test_haproxy_takes_it():
    ran = subprocess.run([HAPROXY, "-c", "-f", recommended.TEXT],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "WARNING" not in ran.stdout


@contextlib.contextmanager
def world():
    port = free_port()
    with World(haproxy_template=recommended.template(port),
               haproxy_settings=recommended.MASTER
               + f'agent_listen = "127.0.0.1:{port}";',
               service='sessions = "end";') as w:
        w.start()
        yield w


def answers(w):
    """Of ten requests: the statuses."""
    got = []
    for _ in range(10):
        conn = http.client.HTTPConnection("127.0.0.1", w.haproxy.port,
                                          timeout=60)
        with contextlib.closing(conn):
            conn.request("GET", "/api/doctors")
            got.append(conn.getresponse().status)
    return got


def state(w, server):
    """(operational state, administrative bits)"""
    for line in w.haproxy.ask("show servers state be_api").splitlines():
        words = line.split()
        if len(words) > 6 and words[3] == server:
            return int(words[5]), int(words[6])
    return None


def test_as_it_is():
    with world() as w:
        assert answers(w) == [200] * 10
        w.replicas["api1"].fault("kind=status&code=503")
        wait_for(lambda: state(w, "api1") == (0, 0))
        assert answers(w) == [200] * 10
        for _ in range(3):
            w.haproxy.reload()
            wait_for(lambda: state(w, "api1") == (0, 0))
            assert answers(w) == [200] * 10
            time.sleep(0.3)
        w.replicas["api1"].fault("kind=none")
        wait_for(lambda: state(w, "api1") == (2, 0))
        w.daemon.wait_said("api1: back in every HAProxy")


def test_haproxys_own_checks_go_on_without_us():
    with world() as w:
        w.daemon.stop()
        w.replica_kill("api2")
        wait_for(lambda: state(w, "api2") == (0, 0))
        w.replica_start("api2")
        wait_for(lambda: state(w, "api2") == (2, 0))
