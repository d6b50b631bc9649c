"""Agent checks: the responder, and what a real HAProxy makes of its words."""

import contextlib
import pathlib
import signal
import socket
import time

import pytest

from world import MAINT, World, free_port, wait_for

LINE = ('agent-check agent-addr 127.0.0.1 agent-port {port} agent-inter 50ms'
        ' agent-send "be_api/{name}\\n"')


@contextlib.contextmanager
def agents(listen="127.0.0.1:{port}", line=LINE, **options):
    """A world whose HAProxy asks the daemon about its servers."""
    port = free_port()
    listen = listen.format(port=port)
    with World(haproxy_extra=line.replace("{port}", str(port)),
               haproxy_settings=f'agent_listen = "{listen}";',
               **options) as world:
        world.port = port
        yield world


def say(port, words, host="127.0.0.1", patience=5):
    """What the responder answers to @words."""
    with socket.create_connection((host, port), timeout=patience) as s:
        s.sendall(words)
        with contextlib.suppress(ConnectionResetError):
            return b"".join(iter(lambda: s.recv(4096), b""))
    return b""


def status(world, server):
    """How HAProxy shows the server: "UP", "DOWN (agent)", ..."""
    lines = world.haproxy.ask("show stat be_api 4 -1").splitlines()
    names = lines[0].lstrip("# ").split(",")
    for line in lines[1:]:
        row = dict(zip(names, line.split(",")))
        if row.get("svname") == server:
            return row["status"]
    return None


def test_answers_what_is_wished():
    with agents() as world:
        world.start()
        wait_for(lambda: say(world.port, b"be_api/api1\n") == b"up\n")
        world.replica_kill("api1")
        world.daemon.wait_said("api1.* -> DOWN")
        assert say(world.port, b"be_api/api1\n") == \
            b"down #bascule: L4CON\n"
        assert say(world.port, b"be_api/api2\r\n") == b"up\n"
        wait_for(lambda: status(world, "api1") in ("DOWN (agent)", "MAINT"))
        world.replica_start("api1")
        wait_for(lambda: say(world.port, b"be_api/api1\n") == b"up\n")
        wait_for(lambda: status(world, "api1") in ("UP", "no check"))


def test_says_nothing_about_what_it_does_not_know():
    with agents() as world:
        world.start()
        for words in (b"be_api/nobody\n", b"nowhere/api1\n", b"api1\n",
                      b"\n", b"be_api/api1/x\n", b"\0\0\n",
                      b"GET / HTTP/1.1\r\n\r\n", b"x" * 5000):
            assert say(world.port, words) == b"", words


def test_says_nothing_before_anything_is_known():
    """A replica that is not judged yet stays what it is in HAProxy."""
    with agents(check='start_period = "60s"; fall = 100;') as world:
        world.replica_kill("api1")
        world.daemon.start()
        world.daemon.wait_said(" -> UP", 2)
        assert say(world.port, b"be_api/api1\n") == b""
        assert say(world.port, b"be_api/api2\n") == b"up\n"


@pytest.mark.parametrize("listen,hosts", [
    ("[::1]:{port}", ["::1"]), ("localhost:{port}", ["127.0.0.1"]),
    ("[::]:{port}", ["127.0.0.1", "::1"])])
def test_listens_at_names_and_ipv6(listen, hosts):
    with agents(listen) as world:
        world.start()
        for host in hosts:
            wait_for(lambda host=host:
                     say(world.port, b"be_api/api2\n", host) == b"up\n")


def test_busy_port_is_an_error_with_its_line():
    with agents() as world, socket.create_server(("127.0.0.1", world.port)):
        world.daemon.start()
        assert world.daemon.process.wait(10) == 1
        line = next(n for n, text in enumerate(
            world.daemon.config.read_text().splitlines(), 1)
            if "agent_listen" in text)
        assert (f"bascule.conf:{line}: agent_listen: cannot listen at "
                f"127.0.0.1 port {world.port}: Address already in use"
                in world.daemon.log.read_text())


def test_slow_and_hostile_clients_hold_up_nobody():
    with agents() as world, contextlib.ExitStack() as stack:
        world.start()
        slow = []
        for i in range(500):
            s = stack.enter_context(
                socket.create_connection(("127.0.0.1", world.port)))
            s.sendall(b"be_api/" if i % 2 else b"")
            slow.append(s)
        worst = 0
        for _ in range(100):
            begun = time.monotonic()
            assert say(world.port, b"be_api/api1\n") == b"up\n"
            worst = max(worst, time.monotonic() - begun)
        print(f"beside 500 slow clients: worst answer {1e3 * worst:.1f} ms")
        assert worst < 0.5
        fds = pathlib.Path(f"/proc/{world.daemon.process.pid}/fd")
        assert len(list(fds.iterdir())) < 250
        # All of them are sent away in time.
        for s in slow:
            s.settimeout(5)
            with contextlib.suppress(ConnectionResetError):
                assert s.recv(10) == b""
        world.replica_kill("api3")
        wait_for(lambda: status(world, "api3") in ("DOWN (agent)", "MAINT"))


def test_our_reload_opens_and_closes_doors():
    with agents() as world:
        world.start()
        other = free_port()
        world.configure(haproxy=f'agent_listen = "127.0.0.1:{other}";')
        world.daemon.signal(signal.SIGHUP)
        world.daemon.wait_said("settings reloaded|reloaded")
        wait_for(lambda: say(other, b"be_api/api1\n") == b"up\n")
        with pytest.raises(ConnectionRefusedError):
            say(world.port, b"be_api/api1\n")
        with socket.create_server(("127.0.0.1", 0)) as busy:
            taken = busy.getsockname()[1]
            world.configure(haproxy=f'agent_listen = "127.0.0.1:{taken}";')
            world.daemon.signal(signal.SIGHUP)
            world.daemon.wait_said("Address already in use.*former settings")
        assert say(other, b"be_api/api1\n") == b"up\n"
