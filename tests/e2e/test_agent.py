"""Agent checks: the responder, and what a real HAProxy makes of its words."""

import contextlib
import json
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from world import BASCULE, DRAIN, MAINT, World, free_port, wait_for

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


def say(port, words, host="127.0.0.1", patience=30):
    """What the responder answers to @words."""
    with socket.create_connection((host, port), timeout=patience) as s:
        s.sendall(words)
        with contextlib.suppress(ConnectionResetError):
            return b"".join(iter(lambda: s.recv(4096), b""))
    return b""


def heard(port, words, host="127.0.0.1"):
    """The same, asked again when it gave up waiting for us to speak."""
    return wait_for(lambda: say(port, words, host))


def wait_refused(port):
    """Until nobody listens there."""
    def refused():
        try:
            socket.create_connection(("127.0.0.1", port), 30).close()
        except ConnectionRefusedError:
            return True
        return False
    wait_for(refused)


def status(world, server, column="status"):
    """How HAProxy shows the server: "UP", "DOWN (agent)", ..."""
    lines = world.haproxy.ask("show stat be_api 4 -1").splitlines()
    names = lines[0].lstrip("# ").split(",")
    for line in lines[1:]:
        row = dict(zip(names, line.split(",")))
        if row.get("svname") == server:
            return row[column]
    return None


def test_answers_what_is_wished():
    with agents() as world:
        world.start()
        wait_for(lambda: say(world.port, b"be_api/api1\n") == b"up\n")
        world.replica_kill("api1")
        world.daemon.wait_said("api1.* -> DOWN")
        assert heard(world.port, b"be_api/api1\n") == \
            b"down #bascule: L4CON\n"
        assert heard(world.port, b"be_api/api2\r\n") == b"up\n"
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
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
        assert heard(world.port, b"be_api/api2\n") == b"up\n"


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
        assert world.daemon.process.wait(30) == 1
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
            assert heard(world.port, b"be_api/api1\n") == b"up\n"
            worst = max(worst, time.monotonic() - begun)
        print(f"beside 500 slow clients: worst answer {1e3 * worst:.1f} ms")
        assert worst < 10
        fds = pathlib.Path(f"/proc/{world.daemon.process.pid}/fd")
        assert len(list(fds.iterdir())) < 250
        # All of them are sent away in time.
        for s in slow:
            s.settimeout(30)
            with contextlib.suppress(ConnectionResetError):
                assert s.recv(10) == b""
        world.replica_kill("api3")
        wait_for(lambda: status(world, "api3") == "DOWN (agent)")


def test_our_reload_opens_and_closes_doors():
    with agents() as world:
        world.start()
        other = free_port()
        world.configure(haproxy=f'agent_listen = "127.0.0.1:{other}";')
        world.daemon.signal(signal.SIGHUP)
        world.daemon.wait_said("settings reloaded|reloaded")
        wait_for(lambda: say(other, b"be_api/api1\n") == b"up\n")
        wait_refused(world.port)
        with socket.create_server(("127.0.0.1", 0)) as busy:
            taken = busy.getsockname()[1]
            world.configure(haproxy=f'agent_listen = "127.0.0.1:{taken}";')
            world.daemon.signal(signal.SIGHUP)
            world.daemon.wait_said("Address already in use.*former settings")
        assert heard(other, b"be_api/api1\n") == b"up\n"


def shown(world):
    """How `bascule status` shows the HAProxy."""
    text = subprocess.run([BASCULE, "status", "--json", "--socket",
                           world.daemon.control], stdout=subprocess.PIPE, check=False)
    return json.loads(text.stdout)["haproxies"][0]


def test_withdraws_by_the_agents_word():
    with agents() as world:
        world.start()
        wait_for(lambda: shown(world)["agents"] == 3)
        assert shown(world)["mode"] == "agent"
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        world.daemon.wait_said("api1: out of every HAProxy")
        assert set(world.haproxy.admin().values()) == {0}
        world.replica_start("api1")
        wait_for(lambda: status(world, "api1") == "no check")
        world.daemon.wait_said("api1: back in every HAProxy")
        assert shown(world)["drifts"] == 0
        assert shown(world)["differing"] == 0


def test_without_the_responder_it_is_maintenance():
    line = LINE.replace("agent-port {port}", "agent-port 1")
    with agents(line=line) as world:
        world.start()
        world.replica_kill("api1")
        world.wait_out("api1")
        assert world.haproxy.admin()["api1"] == MAINT
        assert shown(world)["mode"] == "maint"


def test_mode_is_unknown_while_haproxy_is_down():
    with agents() as world:
        world.start()
        wait_for(lambda: shown(world)["mode"] == "agent")
        world.haproxy.stop()
        wait_for(lambda: not shown(world)["up"])
        assert shown(world)["mode"] == "unknown"
        assert shown(world)["agents"] == 0
        world.haproxy.start()
        wait_for(lambda: shown(world)["mode"] == "agent")


def test_operators_maintenance_is_never_touched():
    with agents() as world:
        world.start()
        ask = world.haproxy.ask
        for state, bit in ("maint", MAINT), ("drain", DRAIN):
            world.replica_kill("api1")
            wait_for(lambda: status(world, "api1") == "DOWN (agent)")
            ask(f"set server be_api/api1 state {state}")
            wait_for(lambda: shown(world)["mode"] == "agent" and
                     world.daemon.said("api1.*operator|operator.*api1"))
            world.replica_start("api1")
            world.daemon.wait_said("api1.* -> UP", 2)
            time.sleep(0.5)
            assert world.haproxy.admin()["api1"] == bit
            ask("set server be_api/api1 state ready")
            wait_for(lambda: status(world, "api1") == "no check")
            world.daemon.stop()
            world.daemon.log.unlink()
            world.start()


def test_operators_ready_brings_no_dead_server_back():
    with agents() as world:
        world.start()
        world.haproxy.ask("set server be_api/api1 state maint")
        world.replica_kill("api1")
        world.daemon.wait_said("api1.* -> DOWN")
        wait_for(lambda: status(world, "api1", "agent_status") == "L7STS")
        world.haproxy.ask("set server be_api/api1 state ready")
        assert status(world, "api1") == "DOWN (agent)"


def test_others_agent_up_is_undone():
    with agents() as world:
        world.start()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        world.haproxy.ask("set server be_api/api1 agent up")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        world.replica_start("api1")
        wait_for(lambda: status(world, "api1") == "no check")
        world.haproxy.ask("set server be_api/api1 agent down")
        wait_for(lambda: status(world, "api1") == "no check")


def test_beside_haproxys_own_check():
    line = LINE + " check inter 50ms fall 2 rise 2"
    with agents(line=line) as world:
        world.start()
        wait_for(lambda: shown(world)["agents"] == 3)
        for round_ in range(3):
            world.replica_kill("api1")
            wait_for(lambda: status(world, "api1").startswith("DOWN"))
            world.daemon.wait_said("api1: out of every HAProxy", round_ + 1)
            time.sleep(0.3)
            world.replica_start("api1")
            wait_for(lambda: status(world, "api1") == "UP")
            world.daemon.wait_said("api1.* -> UP", round_ + 2)
        time.sleep(1.2)
        assert set(world.haproxy.admin().values()) == {0}
        assert shown(world)["drifts"] == 0


def test_a_new_process_knows_at_its_first_checks():
    with agents() as world:
        world.start()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        for _ in range(3):
            world.haproxy.reload()
            wait_for(lambda: status(world, "api1") == "DOWN (agent)")
            time.sleep(0.3)
            assert status(world, "api1") == "DOWN (agent)"
        world.replica_start("api1")
        wait_for(lambda: status(world, "api1") == "no check")


def test_a_daemon_that_died_leaves_it_down_and_takes_it_back():
    with agents() as world:
        world.start()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        world.daemon.kill()
        world.replica_start("api1")
        time.sleep(0.3)
        assert status(world, "api1") == "DOWN (agent)"
        world.daemon.start()
        wait_for(lambda: status(world, "api1") == "no check")
        world.daemon.wait_said("api1.* -> UP", 2)
        wait_for(lambda: shown(world)["differing"] == 0)
        # What is not withdrawn any more is not told so after a restart.
        world.daemon.kill()
        world.daemon.start()
        assert say_soon(world.port, b"be_api/api1\n") in (b"", b"up\n")


def say_soon(port, words):
    """What a daemon that has just been started says first."""
    def once():
        with contextlib.suppress(ConnectionRefusedError):
            return [say(port, words)]
        return None
    return wait_for(once, every=0.001)[0]


def test_after_a_restart_the_claims_decide():
    with agents() as world:
        world.start()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        world.daemon.kill()
        world.haproxy.reload()
        wait_for(lambda: status(world, "api1") == "no check")
        # Nothing is judged for a while.
        world.configure(check='start_period = "60s"; fall = 100;')
        world.daemon.start()
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        assert heard(world.port, b"be_api/api1\n") == \
            b"down #bascule: withdrawn\n"
        assert say(world.port, b"be_api/api2\n") in (b"", b"up\n")
        world.replica_start("api1")
        wait_for(lambda: status(world, "api1") == "no check")


def test_a_restart_brings_no_dead_server_back():
    """More is dead than may leave, and HAProxy's own checks hide the word."""
    line = LINE + " check inter 50ms fall 2 rise 2"
    with agents(line=line, targets=2) as world:
        world.start()
        wait_for(lambda: shown(world)["agents"] == 2)
        world.replica_kill("api2")
        wait_for(lambda: status(world, "api2") == "DOWN (agent)")
        world.daemon.wait_said("api2: out of every HAProxy")
        world.replica_kill("api1")
        world.daemon.wait_said("api1: kept in rotation")
        wait_for(lambda: status(world, "api1").startswith("DOWN"))
        world.daemon.kill()
        world.daemon.start()
        world.daemon.wait_said("api1: kept in rotation", 2)
        world.daemon.wait_said("api2.* -> DOWN", 2)
        time.sleep(0.5)
        assert status(world, "api2") == "DOWN (agent)"
        assert heard(world.port, b"be_api/api2\n").startswith(b"down")
        assert heard(world.port, b"be_api/api1\n") == b"up\n"


def test_some_servers_have_no_agent():
    with agents() as world:
        world.start()
        world.haproxy.ask("disable agent be_api/api2")
        wait_for(lambda: shown(world)["mode"] == "mixed")
        world.replica_kill("api2")
        world.wait_out("api2")
        assert world.haproxy.admin()["api2"] == MAINT
        world.replica_start("api2")
        world.wait_out()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")


def test_what_left_by_maintenance_comes_back_from_it():
    with agents() as world:
        world.configure(haproxy="")
        world.start()
        world.replica_kill("api1")
        world.wait_out("api1")
        world.configure()
        world.daemon.signal(signal.SIGHUP)
        world.daemon.wait_said("reloaded")
        wait_for(lambda: shown(world)["mode"] == "mixed")
        time.sleep(1.2)
        world.replica_start("api1")
        world.wait_out()
        wait_for(lambda: status(world, "api1") == "no check")
        wait_for(lambda: shown(world)["mode"] == "agent")
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        assert world.haproxy.admin()["api1"] == 0


def leave_agent_mode(world, haproxy=""):
    """A reload after which nobody answers where HAProxy asks."""
    count = len(world.daemon.said("reloaded"))
    world.configure(haproxy=haproxy)
    world.daemon.signal(signal.SIGHUP)
    world.daemon.wait_said("reloaded", count + 1)
    wait_refused(world.port)


def agents_word_is_up(world, server):
    """Whether the server would be in use but for its maintenance."""
    row = next(line.split() for line in
               world.haproxy.ask("show servers state be_api").splitlines()
               if f" {server} " in line)
    return row[5] == "2" and row[6] == "0"


def test_leaving_the_agent_mode_takes_the_word_back():
    with agents() as world:
        world.start()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        leave_agent_mode(world)
        world.wait_out("api1")
        wait_for(lambda: status(world, "api1") == "MAINT")
        world.replica_start("api1")
        world.wait_out()
        wait_for(lambda: agents_word_is_up(world, "api1"))
        assert status(world, "api1") == "no check"
        # And back into it.
        world.configure()
        world.daemon.signal(signal.SIGHUP)
        wait_for(lambda: shown(world)["mode"] == "agent")
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")


def test_a_restart_without_agent_listen_takes_the_word_back():
    with agents() as world:
        world.start()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        world.daemon.kill()
        world.configure(haproxy="")
        world.daemon.start()
        world.wait_out("api1")
        world.replica_start("api1")
        wait_for(lambda: agents_word_is_up(world, "api1"))
        # One that came back meanwhile, too.
        world.configure()
        world.daemon.kill()
        world.daemon.start()
        wait_for(lambda: say_soon(world.port, b"be_api/api2\n") == b"up\n")
        world.replica_kill("api2")
        wait_for(lambda: status(world, "api2") == "DOWN (agent)")
        world.daemon.kill()
        world.replica_start("api2")
        world.configure(haproxy="")
        world.daemon.start()
        wait_for(lambda: agents_word_is_up(world, "api2"))


def test_an_operators_maintenance_stays_when_the_agent_mode_ends():
    with agents() as world:
        world.start()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        world.haproxy.ask("set server be_api/api1 state maint")
        world.daemon.wait_said("api1.*operator|operator.*api1")
        leave_agent_mode(world)
        world.replica_start("api1")
        world.daemon.wait_said("api1.* -> UP", 2)
        time.sleep(1.2)
        assert world.haproxy.admin()["api1"] == MAINT
        world.haproxy.ask("set server be_api/api1 state ready")
        wait_for(lambda: agents_word_is_up(world, "api1"))


def test_another_address_keeps_the_answer():
    """First the daemon moves, then HAProxy."""
    with agents() as world:
        world.start()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        other = free_port()
        leave_agent_mode(world, f'agent_listen = "127.0.0.1:{other}";')
        assert heard(other, b"be_api/api1\n").startswith(b"down")
        world.wait_out("api1")
        text = world.haproxy.config.read_text()
        world.haproxy.config.write_text(
            text.replace(f"agent-port {world.port}", f"agent-port {other}"))
        world.haproxy.reload()
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        assert world.out() == set()
        time.sleep(1.2)
        assert status(world, "api1") == "DOWN (agent)"
        world.replica_start("api1")
        wait_for(lambda: agents_word_is_up(world, "api1"))


def test_a_target_that_leaves_stays_down_by_the_word_and_is_said():
    with agents() as world:
        world.start()
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        world.configure(names=["api2", "api3"])
        world.daemon.signal(signal.SIGHUP)
        world.daemon.wait_said("server be_api/api1 stays withdrawn by us.*"
                               "`set server be_api/api1 agent up`")
        assert status(world, "api1") == "DOWN (agent)"
        world.haproxy.ask("set server be_api/api1 agent up")
        assert agents_word_is_up(world, "api1")


def test_planned_withdrawal():
    with agents(service='drain = "1s";') as world:
        world.start()
        def maintain(*words):
            subprocess.run([BASCULE, "maintenance", "--socket",
                            world.daemon.control, *words], check=True)

        maintain("on", "api1", "--drain")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        time.sleep(1.5)
        assert status(world, "api1") == "DOWN (agent)"
        assert world.haproxy.admin()["api1"] == 0
        maintain("off", "api1")
        wait_for(lambda: status(world, "api1") == "no check")


def test_slow_start_by_the_socket():
    with agents(line=LINE + " weight 100",
                service='slow_start = "4s";') as world:
        world.start()
        wait_for(lambda: world.haproxy.weights()["api1"] == 100)
        world.replica_kill("api1")
        wait_for(lambda: status(world, "api1") == "DOWN (agent)")
        world.replica_start("api1")
        wait_for(lambda: status(world, "api1") == "no check")
        assert world.haproxy.weights()["api1"] < 100
        wait_for(lambda: world.haproxy.weights()["api1"] == 100)


def test_a_thousand_servers_ask_at_once():
    count = 1000
    with agents(targets=1, service="min_up = 0;") as world:
        port = world.ports["api1"]
        world.names = [f"t{i}" for i in range(count)]
        world.ports = dict.fromkeys(world.names, port)
        world.haproxy.servers = dict(world.ports)
        world.haproxy.write()
        text = world.haproxy.config.read_text()
        world.haproxy.config.write_text(text.replace(
            "nbthread 1", "nbthread 1\n    max-spread-checks 10ms").replace(
            "agent-inter 50ms", "agent-inter 1s"))
        world.haproxy.stop()
        world.haproxy.start()
        world.configure(check="fall = 1;")
        text = world.daemon.config.read_text()
        world.daemon.config.write_text(text.replace('"100ms"', '"2s"'))
        world.start()
        world.replicas["api1"].stop()
        wait_for(lambda: down(world) == count)
        late = []
        for _ in range(3):
            world.haproxy.reload()
            begun = time.monotonic()
            wait_for(lambda: down(world) == count)
            late.append(time.monotonic() - begun)
            time.sleep(0.5)
            assert down(world) == count
        print(f"{count} servers: down {1e3 * max(late):.0f} ms after the new "
              "process answered, at worst")
        assert shown(world)["mode"] == "agent"


def down(world):
    """How many servers are out without being in maintenance."""
    rows = [line.split() for line in
            world.haproxy.ask("show servers state be_api").splitlines()]
    return sum(row[5:7] == ["0", "0"] for row in rows if len(row) > 20)
