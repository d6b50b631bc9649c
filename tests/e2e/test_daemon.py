"""The daemon with real replicas and a real HAProxy: what it must bear."""

import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest
from world import BASCULE, DRAIN, MAINT, World, wait_for


def test_a_dead_replica_leaves_the_rotation_and_returns():
    with World() as w:
        w.start()
        w.replica_kill("api1")
        w.wait_out("api1")
        w.replica_start("api1")
        w.wait_out()
        assert w.daemon.said("incident 1 service api P2 opened")
        w.daemon.wait_said("incident 1 .* closed")


@pytest.mark.parametrize("fault, code", [
    ("kind=status&code=503", "L7STS"),
    ("kind=mute", "L7TOUT"),
    ("kind=garbage", "L7RSP"),
    ("kind=half", "L7RSP"),
    ("kind=endless-headers", "L7(RSP|TOUT)"),
    ("kind=huge", "L7(RSP|TOUT)"),
    ("kind=bytes&ms=100", "L7TOUT"),
    ("kind=refuse", "L4CON"),
])
def test_a_broken_answer_takes_the_replica_out(fault, code):
    # "huge" may take its time when the machine is busy: bounded by timeout.
    with World(check='timeout = "2s"; timeout_min = "2s"; '
                     'body = "healthy";') as w:
        w.start()
        w.replicas["api2"].fault(fault)
        w.wait_out("api2")
        assert w.daemon.said(f"api2 UP -> DOWN: .*{code}")
        status = open(f"/proc/{w.daemon.process.pid}/status").read()
        rss_kib = int(status.split("VmRSS:")[1].split()[0])
        assert rss_kib < 64 * 1024
        w.replicas["api2"].fault("kind=none")
        w.wait_out()


def test_the_last_replica_is_held_by_min_up():
    with World() as w:
        w.start()
        for name in w.names:
            w.replica_kill(name)
        w.daemon.wait_said("kept in rotation: min_up")
        wait_for(lambda: len(w.out()) == 2)
        time.sleep(0.5)
        assert len(w.out()) == 2
        held = (set(w.names) - w.out()).pop()
        back = next(name for name in w.names if name != held)
        w.replica_start(back)
        # The one that lives carries the traffic, the held one may leave now.
        wait_for(lambda: back not in w.out() and held in w.out())


def test_an_operators_maintenance_is_never_undone():
    with World() as w:
        w.start()
        w.haproxy.ask("set server be_api/api3 state maint")
        w.daemon.wait_said("api3: an operator took it out")
        w.replica_kill("api3")
        w.daemon.wait_said("api3 UP -> DOWN")
        w.replica_start("api3")
        w.daemon.wait_said("api3 RECOVERING -> UP")
        w.daemon.stop()
        w.daemon.start()
        w.daemon.wait_said("api3 UNKNOWN -> UP", 2)
        time.sleep(1.5)
        assert w.haproxy.admin()["api3"] & MAINT
        w.haproxy.ask("set server be_api/api3 state ready")
        w.daemon.wait_said("api3: haproxy lb1 has it back")


def test_an_operators_drain_is_never_undone():
    with World() as w:
        w.start()
        w.haproxy.ask("set server be_api/api1 state drain")
        w.daemon.wait_said("api1: an operator took it out")
        time.sleep(1.5)
        assert w.haproxy.admin()["api1"] & DRAIN


def test_an_operators_drain_of_what_was_withdrawn_is_his():
    """HAProxy shows it, unlike his maintenance on top of ours."""
    with World() as w:
        w.start()
        w.replica_kill("api1")
        w.wait_out("api1")
        w.haproxy.ask("set server be_api/api1 state drain")
        w.daemon.wait_said("api1: an operator took it out")
        w.replica_start("api1")
        w.daemon.wait_said("api1 DOWN -> RECOVERING")
        time.sleep(1.5)
        assert w.haproxy.admin()["api1"] & DRAIN
        w.haproxy.ask("set server be_api/api1 state ready")
        w.wait_out()


def test_its_own_maintenance_is_undone_after_kill_9():
    with World() as w:
        w.start()
        w.replica_kill("api1")
        w.wait_out("api1")
        w.daemon.kill()
        w.replica_start("api1")
        w.daemon.start()
        w.wait_out()
        w.daemon.wait_said("incident 1 .* closed")
        assert not w.daemon.said("incident 2")


def test_kill_9_at_any_moment_loses_and_doubles_no_incident():
    seed = int(os.environ.get("SEED", time.time()))
    print("SEED", seed)
    rng = random.Random(seed)
    # So often in so short a time it is kept out, over restarts too.
    with World(targets=2, service="flap_limit = 0;") as w:
        w.start()
        for _ in range(8):
            w.replica_kill("api1")
            time.sleep(rng.uniform(0, 0.2))
            w.daemon.kill()
            w.daemon.start()
            w.wait_out("api1")
            w.replica_start("api1")
            time.sleep(rng.uniform(0, 0.2))
            w.daemon.kill()
            w.daemon.start()
            w.wait_out()
            wait_for(lambda: all(row[1] for row in w.daemon.incidents()))
        numbers = [row[0] for row in w.daemon.incidents()]
        # One incident for each fault, whatever died in between.
        assert numbers == list(range(1, 9))


def test_a_reloaded_haproxy_is_put_right():
    with World() as w:
        w.start()
        w.replica_kill("api2")
        w.wait_out("api2")
        for _ in range(3):
            w.haproxy.reload()
            w.wait_out("api2")
        w.replica_start("api2")
        w.wait_out()


def test_a_killed_haproxy_is_put_right_when_it_returns():
    with World() as w:
        w.start()
        w.replica_kill("api2")
        w.wait_out("api2")
        before = len(w.daemon.said("haproxy lb1: does not answer"))
        w.haproxy.stop()
        w.daemon.wait_said("haproxy lb1: does not answer", before + 1)
        time.sleep(1)
        assert len(w.daemon.said("haproxy lb1: does not answer")) == before + 1
        w.haproxy.start()
        w.wait_out("api2")


def test_a_hanging_haproxy_holds_up_nothing_else():
    with World(haproxies=2) as w:
        w.start()
        hanging, other = w.haproxies
        before = len(w.daemon.said("haproxy lb1: does not answer"))
        hanging.signal(signal.SIGSTOP)
        w.replica_kill("api1")
        w.wait_out("api1", haproxy=other)
        w.daemon.wait_said("haproxy lb1: does not answer", before + 1)
        time.sleep(2)
        assert len(w.daemon.said("haproxy lb1: does not answer")) == before + 1
        hanging.signal(signal.SIGCONT)
        w.wait_out("api1", haproxy=hanging)


def test_permission_denied_is_said_once_and_tried_again():
    with World(level="user") as w:
        w.start()
        w.replica_kill("api1")
        w.daemon.wait_said("haproxy lb1: refused a command: .*ermission")
        time.sleep(2.5)
        assert len(w.daemon.said("refused a command")) == 1
        w.haproxy.level = "admin"
        w.haproxy.write()
        w.haproxy.reload()
        w.wait_out("api1")


def test_a_server_that_haproxy_lacks_is_said_once():
    with World() as w:
        del w.haproxy.servers["api3"]
        w.haproxy.write()
        w.haproxy.reload()
        w.start()
        w.daemon.wait_said("api3: haproxy lb1 does not know it")
        time.sleep(1.5)
        assert len(w.daemon.said("does not know it")) == 1


def kinds(w):
    """Of all events."""
    text = subprocess.run([BASCULE, "events", "--json", "--socket",
                           w.daemon.control], stdout=subprocess.PIPE,
                          check=True).stdout.decode()
    return re.findall(r'"kind": ?"([a-z_]+)"', text)


def test_a_target_that_leaves_while_it_is_withdrawn_is_said():
    with World() as w:
        w.start()
        w.replica_kill("api1")
        w.wait_out("api1")
        w.configure(names=["api2", "api3"])
        w.daemon.signal(signal.SIGHUP)
        told = (r"haproxy lb1: server be_api/api1 stays withdrawn by us.*"
                r"`set server be_api/api1 state ready`")
        w.daemon.wait_said(told)
        assert kinds(w).count("server_left") == 1
        w.daemon.signal(signal.SIGHUP)
        w.daemon.wait_said("reloaded", 2)
        assert len(w.daemon.said(told)) == 1
        # It was dead: nobody sends it requests, also not after a restart.
        w.daemon.kill()
        w.daemon.start()
        w.daemon.wait_said(told, 2)
        assert w.out() == {"api1"}
        # In the configuration again it is ours again.
        w.configure()
        w.replica_start("api1")
        w.daemon.signal(signal.SIGHUP)
        w.wait_out()
        # And one that was in use is left in use without a word.
        w.daemon.wait_said("api1: back in every HAProxy")
        wait_for(lambda: not w.daemon.claims())
        w.configure(names=["api2", "api3"])
        w.daemon.signal(signal.SIGHUP)
        w.daemon.wait_said("reloaded", 4)
        assert len(w.daemon.said(told)) == 2
        assert w.out() == set()


def test_a_frozen_daemon_condemns_nobody():
    with World(check='timeout = "1s"; timeout_min = "1s";') as w:
        w.start()
        time.sleep(1)
        for round_ in range(2):
            w.daemon.signal(signal.SIGSTOP)
            time.sleep(3)
            w.daemon.signal(signal.SIGCONT)
            w.daemon.wait_said("stood still", round_ + 1)
            time.sleep(1)
        assert not w.daemon.said("-> DOWN")
        w.replica_kill("api1")
        w.wait_out("api1")


def test_the_wall_clock_set_back_changes_nothing():
    with World() as w:
        stamp = w.folder / "clock"
        stamp.write_text("+0")
        w.daemon.environment.update(
            LD_PRELOAD="/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
            FAKETIME_TIMESTAMP_FILE=str(stamp), FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1")
        w.start()
        w.replica_kill("api1")
        w.wait_out("api1")
        stamp.write_text("-3600")
        time.sleep(1)
        # A hiccup of the machine is not an hour.
        assert not w.daemon.said(r"stood still for \d{6}")
        assert len(w.daemon.said("-> DOWN")) == 1
        w.replica_start("api1")
        w.wait_out()
        closed = w.daemon.wait_said("incident 1 .* closed after")
        seconds = float(closed.split("closed after ")[1].split()[0]) / 1000
        assert 0 < seconds < 600


def test_a_changed_file_is_applied_and_state_is_kept():
    with World() as w:
        w.start()
        w.replica_kill("api1")
        w.wait_out("api1")
        w.configure(check="rise = 3;")
        w.daemon.signal(signal.SIGHUP)
        w.daemon.wait_said("node test reloaded")
        time.sleep(0.5)
        assert w.out() == {"api1"}
        assert len(w.daemon.said("-> DOWN")) == 1
        assert len(w.daemon.said("UNKNOWN -> UP")) == 3
        w.replica_start("api1")
        w.wait_out()
        w.daemon.wait_said("incident 1 .* closed")


def test_a_wrong_file_changes_nothing():
    with World() as w:
        w.start()
        good = w.daemon.config.read_text()
        w.daemon.config.write_text(good.replace("interval", "intervall", 1))
        w.daemon.signal(signal.SIGHUP)
        w.daemon.wait_said("bascule.conf:[0-9]+: .*intervall")
        w.daemon.wait_said("the former settings stay in force")
        w.replica_kill("api1")
        w.wait_out("api1")


def test_a_reload_while_it_starts_is_carried_out_and_kills_nobody():
    with World() as w:
        for n in range(1, 11):
            shutil.rmtree(w.daemon.state)
            w.daemon.state.mkdir()
            w.daemon.start()
            wait_for(lambda: any(w.daemon.state.iterdir()), every=0)
            w.daemon.signal(signal.SIGHUP)
            w.daemon.wait_said("node test reloaded", n)
            assert w.daemon.stop() == 0


def test_targets_come_and_go_with_a_reload():
    with World() as w:
        w.configure(names=["api1", "api2"])
        w.daemon.start()
        w.daemon.wait_said("-> UP", 2)
        w.replica_kill("api2")
        w.wait_out("api2")
        w.configure(names=["api3", "api1"])
        w.daemon.signal(signal.SIGHUP)
        w.daemon.wait_said("api3 UNKNOWN -> UP")
        w.configure(names=["api3", "api2", "api1"])
        w.replica_start("api2")
        w.daemon.signal(signal.SIGHUP)
        # What was withdrawn before it was removed is still ours.
        w.wait_out()


def test_weights_rise_during_slow_start():
    with World(service='slow_start = "4s";',
               haproxy_extra="weight 100") as w:
        w.start()
        w.replica_kill("api1")
        w.wait_out("api1")
        w.replica_start("api1")
        w.wait_out()
        seen = []

        def whole():
            seen.append(w.haproxy.weights()["api1"])
            return seen[-1] == 100

        wait_for(whole)
        assert seen[0] < 100 and seen == sorted(seen)
        w.daemon.wait_said("api1 RECOVERING -> UP")


def test_it_stops_at_once_and_leaves_haproxy_as_it_is():
    with World() as w:
        w.start()
        w.replica_kill("api1")
        w.wait_out("api1")
        begin = time.monotonic()
        assert w.daemon.stop() == 0
        assert time.monotonic() - begin < 20
        assert w.out() == {"api1"}
