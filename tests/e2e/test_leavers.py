"""Sessions of workers that leave after a reload of HAProxy."""

import contextlib
import re
import signal
import socket
import time

import pytest

from world import World, wait_for

MASTER = 'master_socket = "{master}";'


@contextlib.contextmanager
def clients(world, count):
    """Sessions that last: requests whose bodies do not end."""
    with contextlib.ExitStack() as stack:
        open_ = []
        for _ in range(count):
            s = stack.enter_context(
                socket.create_connection(("127.0.0.1", world.haproxy.port)))
            s.sendall(b"POST /api/doctors HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Length: 1000000\r\n\r\n{")
            open_.append(s)
        wait_for(lambda: sum(sessions(world).values()) == count)
        yield open_


def listed(text):
    found = re.findall(r" be=be_api srv=(\S+) ", text)
    return {name: found.count(name) for name in found}


def sessions(world):
    """{server: sessions} of the worker that answers the runtime socket."""
    return listed(world.haproxy.ask("show sess"))


def old_workers(world):
    with contextlib.suppress(OSError):
        text = world.haproxy.ask("show proc", world.haproxy.master)
        if "# old workers" not in text:
            return []
        part = text.split("# old workers")[1].split("# programs")[0]
        return re.findall(r"(?m)^(\d+)", part)
    return []


def left(world):
    """{server: sessions} of all leaving workers."""
    total = {}
    for pid in old_workers(world):
        text = world.haproxy.ask(f"@!{pid} show sess", world.haproxy.master)
        for name, count in listed(text).items():
            total[name] = total.get(name, 0) + count
    return total


def sick(world, name, is_sick=True):
    """It answers, but its health check says that it is not well."""
    world.replicas[name].fault("kind=status&code=503&scope=health" if is_sick
                               else "kind=none")


@pytest.mark.parametrize("reload_first", [True, False])
def test_sessions_of_leaving_workers_end(reload_first):
    with World(haproxy_settings=MASTER, service='sessions = "end";') as world:
        world.start()
        with clients(world, 30):
            assert sessions(world) == {"api1": 10, "api2": 10, "api3": 10}
            if reload_first:
                world.haproxy.reload()
                wait_for(lambda: sum(left(world).values()) == 30)
                sick(world, "api1")
                world.wait_out("api1")
                wait_for(lambda: left(world) == {"api2": 10, "api3": 10})
                ended = r"ended 10 sessions of leaving worker"
                assert world.daemon.wait_said(ended)
            else:
                sick(world, "api1")
                world.wait_out("api1")
                wait_for(lambda: sessions(world) ==
                         {"api2": 10, "api3": 10})
                world.haproxy.reload()
                wait_for(lambda: left(world) == {"api2": 10, "api3": 10})
            time.sleep(0.3)
            assert left(world) == {"api2": 10, "api3": 10}


@pytest.mark.parametrize("policy", ["keep", "end-writers"])
def test_sessions_that_are_to_be_kept_are(policy):
    with World(haproxy_settings=MASTER,
               service=f'sessions = "{policy}";') as world:
        world.start()
        with clients(world, 6):
            sick(world, "api1")
            world.wait_out("api1")
            assert sessions(world) == {"api1": 2, "api2": 2, "api3": 2}
            world.haproxy.reload()
            wait_for(lambda: sum(left(world).values()) == 6)
            time.sleep(0.5)
            assert left(world) == {"api1": 2, "api2": 2, "api3": 2}


def test_a_changed_mind_ends_sessions_of_what_is_withdrawn():
    """A reload of ours from keep to end, of the worker and of one that left."""
    with World(haproxy_settings=MASTER, service='sessions = "keep";') as world:
        world.start()
        with clients(world, 6):
            world.haproxy.reload()
            with clients(world, 6):
                sick(world, "api1")
                world.wait_out("api1")
                world.configure(service='sessions = "end";')
                wait_for(lambda: left(world).get("api1") == 2)
                assert sessions(world)["api1"] == 2
                world.daemon.signal(signal.SIGHUP)
                wait_for(lambda: sessions(world) == {"api2": 2, "api3": 2})
                wait_for(lambda: left(world) == {"api2": 2, "api3": 2})
                assert world.out() == {"api1"}
        assert not world.daemon.said("drift|changed by other hands")


def test_sessions_of_what_an_operator_took_out_are_his():
    with World(haproxy_settings=MASTER, service='sessions = "end";') as world:
        world.start()
        with clients(world, 6):
            world.haproxy.reload()
            world.haproxy.ask("set server be_api/api1 state maint")
            sick(world, "api2")
            wait_for(lambda: left(world) == {"api1": 2, "api3": 2})
            time.sleep(0.3)
            assert left(world) == {"api1": 2, "api3": 2}


def test_many_sessions_and_a_kept_connection():
    with World(haproxy_settings=MASTER, service='sessions = "end";',
               check='fall = 1;') as world:
        world.start()
        with clients(world, 900):
            world.haproxy.reload()
            begun = time.monotonic()
            sick(world, "api1")
            sick(world, "api2")
            wait_for(lambda: left(world) == {"api3": 300})
            print(f"600 sessions gone {time.monotonic() - begun:.3f} s after "
                  "the fault")
        # Whoever is gone holds nothing up: no connection to the master stays.
        wait_for(lambda: not old_workers(world))
        for _ in range(11):
            time.sleep(0.3)  # the master overlooks a signal until then
            world.haproxy.reload()
        assert not world.daemon.said("cannot be reached")


def test_a_master_that_cannot_be_reached_is_told_once():
    with World(haproxy_settings='master_socket = "{master}.not";',
               service='sessions = "end";') as world:
        world.start()
        world.daemon.wait_said("leaving workers cannot be reached: .*"
                               "No such file or directory")
        time.sleep(2.5)
        assert len(world.daemon.said("cannot be reached")) == 1
        sick(world, "api1")
        world.wait_out("api1")
        world.configure(haproxy=MASTER)
        world.daemon.signal(signal.SIGHUP)
        world.daemon.wait_said("reloaded")
        with clients(world, 6):
            world.haproxy.reload()
            sick(world, "api2")
            wait_for(lambda: "api2" not in left(world))


def test_a_master_that_hangs_holds_up_nobody():
    with World(haproxy_settings=MASTER, service='sessions = "end";') as world:
        world.start()
        world.haproxy.process.send_signal(signal.SIGSTOP)
        sick(world, "api1")
        world.wait_out("api1")
        world.daemon.wait_said("the master does not answer")
        world.haproxy.process.send_signal(signal.SIGCONT)
        world.daemon.wait_said("can be reached again")
