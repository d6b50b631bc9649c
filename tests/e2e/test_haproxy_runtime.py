"""The runtime socket of a real HAProxy."""

import contextlib
import os
import re
import signal
import socket
import statistics
import threading
import time

from haproxies import SOURCE, Drive, Haproxy, until
from ports import free_port

ONE = {"be": ["s1 127.0.0.1:1", "s2 127.0.0.1:2 weight 10"]}


@contextlib.contextmanager
def driven(haproxy, *servers):
    """A driver of one HAProxy that runs, once it knows all @servers."""
    servers = servers or ("be s1", "be s2")
    with Drive(f"haproxy h {haproxy.path}",
               *[f"server {s}" for s in servers]) as drive:
        drive.wait("server .*", count=len(servers))
        yield drive


def test_recorded_answers_are_the_real_ones():
    text = (SOURCE / "tests/golden/haproxy-runtime.txt").read_text()
    pairs = re.findall(r"^> (.*)\n< (.*)$", text, re.M)
    with Haproxy({"be": ["s1 127.0.0.1:20311",
                         "s2 127.0.0.1:20312 weight 10"],
                  "two": ["s1 ::1:20313"]}).start() as haproxy, \
            socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(haproxy.path)
        for command, expected in pairs:
            s.sendall(command.encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n> "):
                answer += s.recv(65536)
            # How long ago the last change was is the one thing that varies.
            answer = re.sub(r"(?m)^((?:\S+ ){9})\d+ 1 0", r"\g<1>0 1 0",
                            answer.decode())
            assert answer == expected.replace("\\n", "\n"), command
    assert len(pairs) == 52


def test_carries_out_orders():
    with Haproxy(ONE).start() as haproxy, driven(haproxy) as drive:
        for state, bits in ("maint", 1), ("ready", 0), ("drain", 8), \
                ("maint", 1), ("ready", 0):
            order = drive.order("h", "be/s1", state, end=state == "maint")
            assert drive.outcome(order) == "done"
            assert haproxy.server("be", "s1") == (bits, 1)
        assert drive.outcome(drive.order("h", "be/s2", "-", 30)) == "done"
        assert haproxy.server("be", "s2") == (0, 3)
        assert drive.outcome(drive.order("h", "be/s2", "maint", 50)) == "done"
        assert haproxy.server("be", "s2") == (1, 5)
        assert drive.outcome(drive.order("h", "be/s2", "ready", 100)) == "done"
        assert haproxy.server("be", "s2") == (0, 10)


def test_little_weight_is_not_none():
    with Haproxy(ONE).start() as haproxy, driven(haproxy) as drive:
        assert drive.outcome(drive.order("h", "be/s1", "-", 10)) == "done"
        assert haproxy.server("be", "s1") == (0, 1)


def test_never_overwrites_what_an_operator_changed():
    with Haproxy(ONE).start() as haproxy, driven(haproxy) as drive:
        for theirs, ours in ("maint", "drain"), ("maint", "maint"), \
                ("drain", "maint"):
            since = len(drive.facts)
            haproxy.ask(f"set server be/s1 state {theirs}")
            order = drive.order("h", "be/s1", ours)
            assert "by other hands" in drive.outcome(order)
            drive.wait(f"server h be/s1 {theirs.upper()} 100", since)
            assert haproxy.server("be", "s1")[0] == {"maint": 1,
                                                     "drain": 8}[theirs]
            since = len(drive.facts)
            haproxy.ask("set server be/s1 state ready")
            drive.wait("server h be/s1 READY 100", since)


def test_sees_what_an_operator_changed():
    with Haproxy(ONE).start() as haproxy, driven(haproxy) as drive:
        since = len(drive.facts)
        haproxy.ask("set server be/s2 weight 5")
        drive.wait("server h be/s2 READY 50", since)
        haproxy.ask("set server be/s2 state drain")
        drive.wait("server h be/s2 DRAIN 50", since)


def test_sees_what_is_missing():
    with Haproxy(ONE).start() as haproxy, \
            driven(haproxy, "be s1", "be s9", "gone s1") as drive:
        drive.wait("server h be/s9 ABSENT .*")
        drive.wait("server h gone/s1 ABSENT .*")
        assert drive.outcome(drive.order("h", "be/s9", "maint")) == \
            "no such server"
        assert drive.outcome(drive.order("h", "gone/s1", "maint")) == \
            "no such server"
        assert drive.outcome(drive.order("h", "be/s1", "maint")) == "done"


def reload_and_measure(haproxy, drive):
    """Seconds from the first answer of the new worker to our noticing."""
    since = len(drive.facts)
    old = haproxy.pid()
    haproxy.reload()
    until(lambda: haproxy.pid() not in (None, old), "a new worker")
    answers = time.monotonic()
    when, _ = drive.wait("up h fresh", since)
    drive.wait("server h be/s1 READY 100", since)
    assert not drive.seen("down .*", since)
    return when - answers


def test_reload_is_noticed_each_time():
    with Haproxy(ONE).start() as haproxy, driven(haproxy) as drive:
        late = []
        for _ in range(5):
            assert drive.outcome(drive.order("h", "be/s1", "maint")) == "done"
            late.append(reload_and_measure(haproxy, drive))
        print(f"reload noticed after {1e3 * statistics.median(late):.1f} ms"
              f" (median), {1e3 * max(late):.1f} ms (worst of {len(late)})")
        # The workers that left could go: nobody holds them.
        until(lambda: len(haproxy.workers()) == 1, "the old workers leave")


def test_kill_and_restart():
    with Haproxy(ONE).start() as haproxy, driven(haproxy) as drive:
        since = len(drive.facts)
        haproxy.kill()
        drive.wait("down h .*", since)
        assert drive.outcome(drive.order("h", "be/s1", "maint")) == \
            "not connected"
        haproxy.start()
        drive.wait("up h fresh", since)
        drive.wait("server h be/s2 READY 100", since)
        assert len(drive.seen("down .*", since)) == 1
        assert drive.outcome(drive.order("h", "be/s1", "maint")) == "done"


def test_orders_under_way_at_a_kill_are_answered_once():
    with Haproxy(ONE).start() as haproxy, driven(haproxy) as drive:
        haproxy.signal_workers(signal.SIGSTOP)
        orders = [drive.order("h", "be/s1", "maint"),
                  drive.order("h", "be/s2", "maint")]
        time.sleep(0.1)
        haproxy.kill()
        for order in orders:
            assert drive.outcome(order) != "done"
        drive.wait("down h .*")
        for order in orders:
            assert len(drive.seen(rf"(done|failed) {order} .*")) == 1


def test_hanging_one_is_told_once_and_holds_up_nobody():
    with Haproxy(ONE).start() as bad, Haproxy(ONE).start() as good, \
            Drive(f"haproxy bad {bad.path}", f"haproxy good {good.path}",
                  "server be s1", "server be s2") as drive:
        drive.wait("server .*", count=4)
        since = len(drive.facts)
        bad.signal_workers(signal.SIGSTOP)
        # Both at once: what hangs has a second.
        stuck, beside = drive.orders_of(("bad", "be/s1", "maint"),
                                        ("good", "be/s1", "ready"))
        assert drive.outcome(beside) == "done"
        for _ in range(4):
            assert drive.outcome(drive.order("good", "be/s1",
                                             "ready")) == "done"
        assert "hangs" in drive.outcome(stuck)
        said = [text.split()[:2] for _, text in drive.facts[since:]]
        assert said.index(["done", str(beside)]) < \
            said.index(["failed", str(stuck)])
        time.sleep(2)
        assert len(drive.seen("down bad .*", since)) == 1
        assert not drive.seen("(up|down) good .*", since)
        bad.signal_workers(signal.SIGCONT)
        drive.wait("up bad same", since)
        assert drive.outcome(drive.order("bad", "be/s2", "drain")) == "done"


def test_level_that_is_too_low():
    low = ("{folder}/operator.sock level operator",
           "{folder}/user.sock level user")
    with Haproxy(ONE, low).start() as haproxy, \
            Drive(f"haproxy operator {haproxy.folder}/operator.sock",
                  f"haproxy user {haproxy.folder}/user.sock",
                  "server be s1") as drive:
        drive.wait("server .*", count=2)
        for level in "operator", "user":
            why = drive.outcome(drive.order(level, "be/s1", "maint"))
            assert why.startswith("Permission denied")
        assert haproxy.server("be", "s1") == (0, 1)


def test_over_tcp():
    v4, v6 = free_port(), free_port()
    with Haproxy(ONE, (f"ipv4@127.0.0.1:{v4} level admin",
                       f"ipv6@::1:{v6} level admin")).start() as haproxy, \
            Drive(f"haproxy v4 127.0.0.1 {v4}", f"haproxy v6 ::1 {v6}",
                  f"haproxy name localhost {v4}",
                  f"haproxy nobody nobody.invalid {v4}",
                  f"haproxy refused 127.0.0.1 {free_port()}",
                  "server be s1") as drive:
        drive.wait("server .*", count=3)
        drive.wait("down nobody cannot connect to nobody.invalid port .*")
        drive.wait("down refused .*: Connection refused")
        for name, state, bits in ("v4", "maint", 1), ("v6", "ready", 0), \
                ("name", "drain", 8):
            drive.wait(rf"server {name} be/s1 .*")
            order = drive.order(name, "be/s1", state)
            if "by other hands" in drive.outcome(order):
                order = drive.order(name, "be/s1", state)
                assert drive.outcome(order) == "done"
            assert haproxy.server("be", "s1")[0] == bits
        assert not drive.seen("down (v4|v6|name) .*")


def test_socket_that_comes_later():
    with Haproxy(ONE) as haproxy, \
            Drive(f"haproxy h {haproxy.path}", "server be s1") as drive:
        drive.wait("down h cannot connect to .*: No such file or directory")
        time.sleep(1)
        assert len(drive.facts) == 1
        haproxy.start()
        drive.wait("up h .*")
        drive.wait("server h be/s1 READY 100")


def test_garbage_on_the_socket():
    with Haproxy(ONE).start() as haproxy, \
            socket.socket(socket.AF_UNIX) as listener:
        path = f"{haproxy.folder}/garbage.sock"
        listener.bind(path)
        listener.listen()

        def spout():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, contextlib.suppress(OSError):
                        while True:
                            client.sendall(os.urandom(1 << 20))

        thread = threading.Thread(target=spout)
        thread.start()
        try:
            with Drive(f"haproxy bad {path}", f"haproxy h {haproxy.path}",
                       "server be s1") as drive:
                drive.wait("down bad .*")
                assert drive.outcome(drive.order("h", "be/s1", "maint")) == \
                    "done"
                time.sleep(1)
                assert len(drive.seen("down bad .*")) == 1
                assert not drive.seen("up bad .*")
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_our_reload_keeps_the_connection():
    with Haproxy(ONE).start() as haproxy, driven(haproxy) as drive:
        order = drive.order("h", "be/s1", "maint")
        assert drive.outcome(order) == "done"
        since = len(drive.facts)
        order = drive.order("h", "be/s2", "drain")
        drive.say(f"haproxy other {haproxy.folder}/none.sock",
                  f"haproxy h {haproxy.path}", "server be s2",
                  "server be s3", "server be s1", "go")
        drive.wait("down other .*", since)
        drive.wait("server h be/s1 MAINT 100", since)
        drive.wait("server h be/s2 .*", since)
        drive.wait("server h be/s3 ABSENT 100", since)
        assert drive.outcome(order) == "done"
        assert haproxy.server("be", "s2") == (8, 10)
        assert not drive.seen("(up|down) h .*", since)
        assert drive.outcome(drive.order("h", "be/s1", "ready")) == "done"
        assert haproxy.server("be", "s1") == (0, 1)


def test_5000_servers():
    names = [f"s{i}" for i in range(5000)]
    backends = {f"be{b}": [f"{n} 127.0.0.1:1" for n in names[b::10]]
                for b in range(10)}
    servers = [f"be{int(n[1:]) % 10} {n}" for n in names]
    with Haproxy(backends).start() as haproxy, \
            driven(haproxy, *servers) as drive:
        up, _ = drive.wait("up h same")
        seen, _ = drive.wait("server .* READY 100", count=5000)
        begun = time.monotonic()
        last = [drive.order("h", s.replace(" ", "/"), "maint")
                for s in servers][-1]
        acted, _ = drive.wait("done .*", count=5000)
        assert drive.outcome(last) == "done"
        print(f"5000 servers: seen after {1e3 * (seen - up):.0f} ms,"
              f" withdrawn after {1e3 * (acted - begun):.0f} ms")
        since = len(drive.facts)
        haproxy.reload()
        up, _ = drive.wait("up h fresh", since)
        seen, _ = drive.wait("server .* READY 100", since, count=5000)
        assert not drive.seen("down .*")
