"""Servers that HAProxy does not know: added, moved, removed at runtime."""

import contextlib
import signal
import socket
import time
import urllib.request

from world import MAINT, World, wait_for

# Of a claim in the store.
WEIGHT, ADDED = 1, 2

ADD = 'add_servers = true; drain = "100ms";'


@contextlib.contextmanager
def world(*configured, service=ADD, **options):
    """HAProxy knows the @configured of api1, api2 and api3 alone."""
    with World(service=service, **options) as w:
        know(w, *configured)
        yield w


def know(w, *configured, balance="roundrobin"):
    """Reload HAProxy with these servers in its configuration."""
    w.haproxy.servers = {name: w.ports[name] for name in configured}
    w.haproxy.write()
    text = w.haproxy.config.read_text()
    w.haproxy.config.write_text(text.replace(
        "backend be_api\n", f"backend be_api\n    balance {balance}\n"))
    w.haproxy.reload()


def wait_admin(w, **bits):
    wait_for(lambda: w.haproxy.admin() == bits)


def wait_settled(w, name):
    """Until it is written down that it is ours, and in use."""
    wait_for(lambda: w.daemon.claims().get(name) == ADDED | WEIGHT)


def reload(w, *names, **options):
    """Reload the daemon with these targets."""
    count = len(w.daemon.said(" reloaded: "))
    w.configure(names, **options)
    w.daemon.signal(signal.SIGHUP)
    w.daemon.wait_said(" reloaded: ", count + 1)


def address(w, name):
    for line in w.haproxy.ask("show servers state be_api").splitlines():
        words = line.split()
        if len(words) > 18 and words[3] == name:
            return f"{words[4]}:{words[18]}"
    return None


def test_what_is_missing_is_added_and_used():
    with world() as w:
        w.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        assert len(w.daemon.said("added to haproxy lb1, which did not know"
                                 " it")) == 3
        assert not w.daemon.said("does not know it:")
        url = f"http://127.0.0.1:{w.haproxy.port}/health"
        with urllib.request.urlopen(url, timeout=60) as reply:
            assert reply.status == 200


def test_what_does_not_answer_is_added_and_not_used():
    with world("api1", "api3") as w:
        w.replica_kill("api2")
        w.daemon.start()
        w.daemon.wait_said("api2.* -> DOWN")
        wait_admin(w, api1=0, api2=MAINT, api3=0)
        w.replica_start("api2")
        wait_admin(w, api1=0, api2=0, api3=0)
        assert not w.daemon.said("an operator took it out")


def test_nothing_is_added_unless_that_is_allowed():
    with world("api1", service="") as w:
        w.start()
        w.daemon.wait_said("haproxy lb1 does not know it: no server", 2)
        time.sleep(0.3)
        assert w.haproxy.admin() == {"api1": 0}


def test_after_a_reload_of_haproxy_it_is_added_again():
    with world("api1", "api2") as w:
        w.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        w.replica_kill("api2")
        wait_admin(w, api1=0, api2=MAINT, api3=0)
        w.haproxy.reload()
        begin = time.monotonic()
        wait_admin(w, api1=0, api2=MAINT, api3=0)
        print(f"again after {1e3 * (time.monotonic() - begin):.0f} ms")
        w.daemon.wait_said("api3: added to haproxy", 2)
        assert not w.daemon.said("an operator took it out")


def test_what_leaves_the_configuration_is_removed():
    with world("api1", "api2") as w:
        w.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        reload(w, "api1")
        w.daemon.wait_said("removed server be_api/api3, which the"
                           " configuration no longer has")
        # What it did not add it does not remove.
        wait_admin(w, api1=0, api2=0)
        reload(w, "api1", "api3")
        wait_admin(w, api1=0, api2=0, api3=0)
        reload(w, "api1")
        w.daemon.wait_said("removed server be_api/api3", 2)
        wait_admin(w, api1=0, api2=0)


def test_sessions_are_let_end_and_then_ended():
    with world("api1", service='add_servers = true; drain = "4s";') as w:
        w.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        # One session on each: an idle client connection has no server.
        with contextlib.ExitStack() as stack:
            clients = []
            for _ in range(6):
                s = stack.enter_context(socket.create_connection(
                    ("127.0.0.1", w.haproxy.port), timeout=60))
                s.sendall(b"POST /work HTTP/1.1\r\nHost: x\r\n"
                          b"Content-Length: 1000\r\n\r\n")
                clients.append(s)
            wait_for(lambda: "be_api/api3" in w.haproxy.ask("show sess")
                     or "srv=api3" in w.haproxy.ask("show sess"))
            begin = time.monotonic()
            reload(w, "api1", "api2")
            wait_for(lambda: w.haproxy.admin().get("api3") == MAINT)
            w.daemon.wait_said("removed server be_api/api3")
            span = time.monotonic() - begin
            assert 3.9 < span < 25, span
            assert w.haproxy.admin() == {"api1": 0, "api2": 0}


def test_what_left_while_the_daemon_was_away_is_removed():
    with world("api1", "api2") as w:
        w.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        wait_settled(w, "api3")
        w.daemon.kill()
        w.configure(["api1", "api2"])
        w.daemon.start()
        w.daemon.wait_said("removed server be_api/api3")
        wait_admin(w, api1=0, api2=0)
        w.daemon.stop()
        w.daemon.start()
        w.daemon.wait_said(" started: ", 3)
        time.sleep(0.3)
        assert len(w.daemon.said("removed server")) == 1


def test_a_daemon_that_was_killed_knows_what_it_added():
    with world("api1", "api2") as w:
        w.replica_kill("api3")
        w.daemon.start()
        wait_admin(w, api1=0, api2=0, api3=MAINT)
        w.daemon.kill()
        w.replica_start("api3")
        w.daemon.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        assert not w.daemon.said("an operator took it out")
        reload(w, "api1", "api2")
        w.daemon.wait_said("removed server be_api/api3")
        wait_admin(w, api1=0, api2=0)


def test_what_haproxy_was_told_by_its_own_configuration_stays():
    with world("api1", "api2") as w:
        w.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        know(w, "api1", "api2", "api3")
        # At the next look at all servers its claim goes.
        wait_for(lambda: not w.daemon.claims())
        reload(w, "api1", "api2")
        time.sleep(0.5)
        assert w.haproxy.admin() == {"api1": 0, "api2": 0, "api3": 0}
        assert not w.daemon.said("removed server")


def test_a_target_that_moves_is_followed():
    with world("api1", "api2") as w:
        w.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        w.ports["api3"] = w.ports["api1"]
        reload(w, "api1", "api2", "api3")
        w.daemon.wait_said("api3: haproxy lb1 has its new address")
        assert address(w, "api3") == f"127.0.0.1:{w.ports['api1']}"
        # An operator's change as well is put right, within two looks.
        w.haproxy.ask("set server be_api/api3 addr 127.0.0.9 port 9")
        w.daemon.wait_said("api3: haproxy lb1 has its new address", 2)
        assert address(w, "api3") == f"127.0.0.1:{w.ports['api1']}"
        assert not w.daemon.said("api1: haproxy lb1 has its new address")


def test_a_target_may_have_a_name_and_parameters():
    with world("api1", service=ADD + 'server_params = "weight 30 maxconn 7";'
               ) as w:
        text = w.daemon.config.read_text()
        w.daemon.config.write_text(text.replace(
            f"127.0.0.1:{w.ports['api2']}", f"localhost:{w.ports['api2']}"))
        w.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        assert address(w, "api2") in (f"127.0.0.1:{w.ports['api2']}",
                                      f"::1:{w.ports['api2']}")
        wait_for(lambda: w.haproxy.weights() == {"api1": 1, "api2": 30,
                                                 "api3": 30})
        w.replica_kill("api3")
        wait_for(lambda: w.haproxy.admin()["api3"] == MAINT)
        w.replica_start("api3")
        wait_admin(w, api1=0, api2=0, api3=0)
        wait_for(lambda: w.haproxy.weights()["api3"] == 30)


def test_a_backend_that_takes_none_says_so():
    with world("api1", "api2") as w:
        know(w, "api1", "api2", balance="static-rr")
        w.start()
        w.daemon.wait_said("haproxy lb1: refused a command: Backend must use"
                           " a dynamic load balancing")
        time.sleep(1.5)
        assert len(w.daemon.said("refused a command")) == 1
        know(w, "api1", "api2")
        wait_admin(w, api1=0, api2=0, api3=0)


def test_a_server_that_an_operator_takes_out_stays_out():
    with world("api1", "api2") as w:
        w.start()
        wait_admin(w, api1=0, api2=0, api3=0)
        wait_settled(w, "api3")
        w.haproxy.ask("set server be_api/api3 state maint")
        w.daemon.wait_said("api3: an operator took it out")
        time.sleep(0.5)
        assert w.haproxy.admin()["api3"] == MAINT
        w.haproxy.ask("set server be_api/api3 state ready")
        w.daemon.wait_said("api3: haproxy lb1 has it back")
