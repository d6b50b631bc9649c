"""The hosts, their faults and the prober, shown with stand-ins."""

import os
import signal
import subprocess
import sys

import pytest

import netns
import prober
from netns import Hosts
from world import PATIENCE, wait_for

SILENCE = 2  # seconds without an answer

# Say "yes" to each who asks; ask, and exit 0 when it was said.
ANSWER = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 7400))
print("listening", flush=True)
while True:
    s.sendto(b"yes", s.recvfrom(9)[1])
"""
ASK = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[3]))
said = 0
for _ in range(int(sys.argv[2])):
    s.sendto(b"there?", (sys.argv[1], 7400))
    try:
        said += s.recv(9) == b"yes"
    except TimeoutError:
        pass
print(said)
"""


def heard(host, address, times=1, patience=PATIENCE):
    return int(host.run(sys.executable, "-c", ASK, address, times, patience,
                        check=True).stdout)


@pytest.fixture(name="hosts", scope="module")
def three_hosts():
    with Hosts(3) as hosts:
        for host in hosts:
            process = host.start(sys.executable, "-c", ANSWER,
                                 stdout=subprocess.PIPE, text=True)
            process.stdout.readline()
        yield hosts


@pytest.fixture(autouse=True)
def healed(request):
    yield
    if "hosts" in request.fixturenames:
        request.getfixturevalue("hosts").heal()


def test_hosts_hear_each_other_over_both_families(hosts):
    assert heard(hosts[0], hosts[1].ipv4, 5)
    assert heard(hosts[2], hosts[1].ipv6, 5)


def test_a_pulled_cable_cuts_and_a_plugged_one_heals(hosts):
    hosts.link(hosts[1], False)
    assert not heard(hosts[0], hosts[1].ipv4, patience=SILENCE)
    assert "NO-CARRIER" in hosts[1].run("ip", "link").stdout
    hosts.link(hosts[1], True)
    wait_for(lambda: heard(hosts[0], hosts[1].ipv4, patience=SILENCE))


def test_loss_is_one_way_and_in_one_family_when_asked(hosts):
    hosts.lose(hosts[0], hosts[1], family="ip")
    assert not heard(hosts[0], hosts[1].ipv4, patience=SILENCE)
    assert heard(hosts[0], hosts[1].ipv6)
    assert heard(hosts[2], hosts[1].ipv4)
    hosts.lose(hosts[0], hosts[1], 0)
    assert heard(hosts[0], hosts[1].ipv4)


def test_a_part_hears_itself_alone(hosts):
    hosts.partition(hosts[:1], hosts[1:])
    assert not heard(hosts[0], hosts[1].ipv4, patience=SILENCE)
    assert not heard(hosts[2], hosts[0].ipv6, patience=SILENCE)
    assert heard(hosts[1], hosts[2].ipv4) and heard(hosts[2], hosts[1].ipv6)
    hosts.heal()
    assert heard(hosts[0], hosts[1].ipv4)


def test_random_loss_is_near_what_was_asked(hosts):
    hosts.lose(hosts[0], hosts[1], 20)
    text = hosts[1].run("nft", "list", "ruleset").stdout
    assert text.count("numgen random mod 100 < 20") == 2
    assert 20 < heard(hosts[0], hosts[1].ipv4, 100, 0.1) < 100


def test_a_run_leaves_nothing_also_after_a_failure():
    with pytest.raises(KeyError):
        with Hosts(2) as hosts:
            process = hosts[0].start("sleep", "1000")
            inner = hosts[0].start("sh", "-c", "setsid sleep 1000 & wait")
            wait_for(lambda: len(hosts[0].pids()) == 3)
            alive = hosts[0].pids()
            raise KeyError
    assert process.wait() == -signal.SIGKILL
    assert inner.wait() == -signal.SIGKILL
    assert all(netns.is_zombie(pid) for pid in alive)
    assert not [n for n in os.listdir(netns.FOLDER)
                if n.startswith(hosts.prefix)]


def test_an_exit_without_an_end_leaves_nothing():
    done = subprocess.run(
        [sys.executable, "-c",
         "import netns; h = netns.Hosts(2); h[0].start('sleep', '1000');"
         "print(h.prefix); raise SystemExit(3)"],
        cwd=os.path.dirname(__file__), text=True, capture_output=True,
        timeout=60, check=False)
    assert done.returncode == 3
    assert not [n for n in os.listdir(netns.FOLDER)
                if n.startswith(done.stdout.strip())]


def test_two_runs_do_not_meet():
    with Hosts(1) as one, Hosts(1) as other:
        with one[0].start(sys.executable, "-c", ANSWER,
                          stdout=subprocess.PIPE, text=True) as process:
            try:
                process.stdout.readline()
                assert not heard(other[0], one[0].ipv4, patience=SILENCE)
                assert heard(one[0], one[0].ipv4)
            finally:
                process.kill()


def hold(host, yes):
    host.run("ip", "address", "add" if yes else "delete",
             f"{prober.ADDRESS}/32", "dev", "lo", check=True)


def test_the_prober_tells_nobody_one_and_two(tmp_path):
    with Hosts(2) as hosts:
        seer = prober.Prober(hosts, tmp_path)
        wait_for(seer.changes)
        done = []
        for host, yes in ((0, True), (1, True), (0, False), (1, False)):
            begin = prober.clock_us()
            hold(hosts[host], yes)
            wait_for(lambda n=len(done): len(seer.changes()) == n + 2)
            done.append((begin, prober.clock_us()))
        changes = seer.changes()
        summary = seer.stop()
    assert [holders for _, holders in changes] == [
        set(), {1}, {1, 2}, {2}, set()]
    for (begin, end), (at, _) in zip(done, changes[1:]):
        assert begin <= at <= end
    (first, _), (one, _), (two, _), (other, _), (last, _) = changes
    assert prober.moved_at(changes, one, 1) == two
    assert prober.several_us(changes, first, last) == other - two
    assert prober.nobody_us(changes, first, last) == one - first
    assert summary["two_us"] == other - two
    assert summary["none_us"] >= one - first
    assert summary["samples"] > 10


def test_the_prober_ends_with_who_started_it(tmp_path):
    with Hosts(1) as hosts:
        done = subprocess.run(
            [sys.executable, "-c",
             "import netns, prober, sys\n"
             "h = netns.Host(*sys.argv[1].rsplit('-', 1))\n"
             "print(prober.Prober([h], sys.argv[2]).process.pid)",
             hosts[0].namespace, str(tmp_path)],
            cwd=os.path.dirname(__file__), text=True, capture_output=True,
            timeout=60, check=True)
        wait_for(lambda: netns.is_zombie(int(done.stdout)))
