"""Two processes and the link between them, and an enemy."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import time

import pytest

BUILD = pathlib.Path(os.environ["top_builddir"])
DRIVE = BUILD / "tests/e2e/link_drive"
PERIOD_MS = 20
SECONDS = 1     # for which all of them run
BEATS = SECONDS * 1000 // PERIOD_MS
HEARTBEAT = 200   # bytes, about what one has
DOCUMENT = 8704   # bytes of the longest message


def free_port():
    """Free for UDP on every loopback address."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        s.bind(("::", 0))
        return s.getsockname()[1]


@pytest.fixture
def keys(tmp_path):
    paths = [tmp_path / "cluster.key", tmp_path / "other.key"]
    for path in paths:
        subprocess.run([BUILD / "cli/bascule", "keygen", path], check=True)
    return paths


def start(*words):
    return subprocess.Popen([DRIVE, *map(str, words)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def node(key, own, peers, size=HEARTBEAT, cluster="medassist"):
    return start(key, cluster, PERIOD_MS, size, *own, "--", *peers)


def enemy(key, to, rate, size=HEARTBEAT, cluster="medassist"):
    return start("flood", key, cluster, rate, size, to)


def outcomes(*processes):
    """Begin all at once; what each said in the end."""
    with contextlib.ExitStack() as stack:
        for process in processes:
            stack.enter_context(process)
            stack.callback(process.kill)
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        time.sleep(SECONDS)
        said = [json.loads(process.communicate(timeout=60)[0])
                for process in processes]
        assert [p.returncode for p in processes] == [0] * len(processes)
    return said


def expect_heard(it):
    """Beats came, whatever else this machine is doing: a loop that is held up
    hears none."""
    assert it["distinct"] >= BEATS * 0.1, it


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
@pytest.mark.parametrize("size", [HEARTBEAT, DOCUMENT])
def test_two_nodes_hear_each_other(keys, host, size):
    a, b = f"{host},{free_port()}", f"{host},{free_port()}"
    for it in outcomes(node(keys[0], [a], [b], size),
                       node(keys[0], [b], [a], size)):
        expect_heard(it)
        assert it["unauthentic"] == it["malformed"] == 0


def test_a_dead_address_beside_a_living_one_does_not_matter(keys):
    port, other = free_port(), free_port()
    a = [f"127.0.0.1,{port}", f"::1,{port}"]
    b = [f"127.0.0.1,{other}", f"::1,{other}"]
    # b listens at its IPv6 address only, and one of a's is nobody's.
    one, two = outcomes(node(keys[0], a, b),
                        node(keys[0], b[1:], [f"127.0.0.9,{port}", a[1]]))
    expect_heard(one)
    expect_heard(two)
    assert two["heard"] == two["distinct"]


def test_both_addresses_carry_every_datagram(keys):
    port, other = free_port(), free_port()
    a = [f"127.0.0.1,{port}", f"::1,{port}"]
    b = [f"127.0.0.1,{other}", f"::1,{other}"]
    for it in outcomes(node(keys[0], a, b), node(keys[0], b, a)):
        expect_heard(it)
        assert it["heard"] > 1.5 * it["distinct"]


def test_another_key_and_another_cluster_are_not_heard(keys):
    ports = [f"127.0.0.1,{free_port()}" for _ in range(3)]
    one, *others = outcomes(
        node(keys[0], ports[:1], ports[1:]),
        node(keys[1], ports[1:2], ports[:1]),
        node(keys[0], ports[2:], ports[:1], cluster="other"))
    assert one["heard"] == 0
    assert one["unauthentic"] >= BEATS * 0.1
    assert one["foreign"] >= BEATS * 0.1
    assert [other["heard"] for other in others] == [0, 0]


# What is thrown: cluster, whose key, size, and how it is counted.
FLOODS = {
    "zeros": ("-", 1, HEARTBEAT, "malformed"),
    "wrong key": ("medassist", 1, HEARTBEAT, "unauthentic"),
    "wrong cluster": ("other", 0, HEARTBEAT, "foreign"),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_does_not_hold_up_heartbeats(keys, kind):
    cluster, whose, size, counted = FLOODS[kind]
    a, b = f"127.0.0.1,{free_port()}", f"127.0.0.1,{free_port()}"
    flood, one, two = outcomes(
        enemy(keys[whose], a, 100_000, size, cluster),
        node(keys[0], [a], [b]), node(keys[0], [b], [a]))
    print(f"{kind}: {flood['thrown']} thrown; {one[counted]} of them counted, {one['overrun']} not read;"
          f" of {two['sent']} heartbeats {one['distinct']} heard, the"
          f" slowest after {one['delay_us_max'] / 1000:.1f} ms;"
          f" own heartbeats late by {one['late_us_max'] / 1000:.1f} ms")
    assert flood["thrown"] > 1000
    assert one[counted] > 100
    expect_heard(one)
    expect_heard(two)
    assert one["heard"] == one["distinct"]
