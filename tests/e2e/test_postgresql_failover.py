"""A group of real PostgreSQL servers: its primary is routed, succeeded, and
comes back."""

import contextlib
import os
import signal
import subprocess
import threading
import time

from pg_world import Client, PgWorld, Server, children, run
from world import BASCULE, wait_for


def said(world):
    print("\n".join(world.daemon.said("group db")))


def test_a_killed_primary_is_succeeded_and_comes_back_as_a_replica():
    with PgWorld() as w:
        w.start()
        writer = w.write()
        old = w.servers[0]
        killed = time.monotonic()
        old.kill()
        new = w.wait_succeeded(old)
        routed = time.monotonic()
        wait_for(lambda: writer.after(routed))
        took = writer.gap()
        other = next(s for s in w.servers if s not in (old, new))
        wait_for(lambda: other.follows(new))
        writer.stop()
        missing = writer.missing(new)
        print(f"\nkilled: writes again after {1000 * took:.1f} ms, "
              f"{len(missing)} of {len(writer.taken)} lost")
        # It comes back, says that it is the primary, and is told otherwise.
        back = time.monotonic()
        old.start()
        wait_for(lambda: old.follows(new), 60)
        print("back as a replica after "
              f"{1000 * (time.monotonic() - back):.0f} ms")
        said(w)
        assert w.daemon.said("a: it says that it is the primary")
        assert w.routed() == {new.name}
        assert took < 20
        assert other.follows(new)
        for server in w.servers:
            assert server.lines("unexpected EOF|from client|incomplete") == []


def test_no_acknowledged_write_is_lost_with_synchronous_replicas():
    with PgWorld(synchronous="ANY 1 (a, b, c)",
                 failover='durability = "no-loss";') as w:
        w.start()
        writers = [w.write() for _ in range(4)]
        old = w.servers[0]
        wait_for(lambda: sum(len(x.taken) for x in writers) > 200)
        old.kill()
        new = w.wait_succeeded(old)
        routed = time.monotonic()
        for writer in writers:
            wait_for(lambda one=writer: one.after(routed))
            writer.stop()
        said(w)
        print(f"longest gap {1000 * max(x.gap() for x in writers):.0f} ms")
        other = next(s for s in w.servers if s not in (old, new))
        wait_for(lambda: other.follows(new))
        taken = {n for x in writers for n, _ in x.taken}
        kept = {int(row[0]) for row in new.ask("select id from t")}
        assert len(taken) > 200
        assert taken - kept == set()


def test_a_write_whose_wait_was_cancelled_is_no_acknowledged_one():
    with PgWorld(synchronous="ANY 1 (a, b, c)",
                 failover='durability = "no-loss";') as w:
        w.start()
        a, b, c = w.servers
        a.ask("insert into t values (1)")
        for replica in (b, c):
            replica.stop()
        answers = []
        writer = threading.Thread(target=lambda: answers.append(
            Client(a.port, 60).ask("insert into t values (2)")))
        writer.start()
        waits = "from pg_stat_activity where wait_event = 'SyncRep'"
        wait_for(lambda: a.value(f"select count(*) {waits}") == "1")
        a.ask(f"select pg_cancel_backend(pid) {waits}")
        writer.join()
        # PostgreSQL calls it done, with a mere warning; it is here alone.
        assert answers == [[]]
        assert a.value("select count(*) from t where id = 2") == "1"
        a.kill()
        for replica in (b, c):
            replica.start()
        # That a is ahead of them is no reason to wait for it.
        new = w.wait_succeeded(a)
        said(w)
        assert new in (b, c)
        assert [row[0] for row in new.ask("select id from t")] == ["1"]


def test_without_synchronous_replicas_no_loss_promotes_nobody():
    with PgWorld(failover='durability = "no-loss";') as w:
        w.start()
        w.servers[0].kill()
        w.daemon.wait_said("no replica is fit")
        time.sleep(0.5)
        assert all(s.is_replica() for s in w.servers[1:])


def test_a_replica_of_another_cluster_is_not_promoted():
    with PgWorld(2) as w:
        stranger = w.servers[1]
        stranger.stop()
        run("rm", "-rf", stranger.data)
        stranger.make()
        stranger.ask("create table t(id bigint primary key)")
        w.rights(stranger)
        stranger.write("standby.signal", [])
        stranger.configure(f"primary_conninfo = 'host=127.0.0.1 "
                           f"port={w.servers[0].port} user=repl'")
        stranger.stop()
        stranger.start()
        w.start()
        wait_for(lambda: "it holds the data of another cluster" in
                 w.bascule("status"))
        w.servers[0].kill()
        w.daemon.wait_said("b is not fit to succeed a: it holds the data of "
                           "another cluster: make it anew from the primary")
        assert w.daemon.said("no replica is fit")
        assert stranger.is_replica()


def test_a_base_backup_where_there_is_nothing_to_rewind_from():
    with PgWorld() as w:
        a, b, _ = w.servers
        w.rejoin_hook()
        a.kill()
        wait_for(lambda: not os.path.exists(f"/proc/{a.pid()}"))
        b.ask("select pg_promote()")
        # pg_rewind finds no common ground in a log that is gone.
        for path in a.data.glob("pg_wal/0*"):
            path.unlink()
        env = dict(os.environ, BASCULE_TARGET="a",
                   BASCULE_SOURCE_HOST="127.0.0.1",
                   BASCULE_SOURCE_PORT=str(b.port))
        done = subprocess.run([w.folder / "rejoin"], env=env, text=True,
                              stdout=subprocess.PIPE, timeout=60)
        assert (done.returncode, done.stdout) == (0, "")
        assert a.follows(b)
        assert "base backup" in (w.folder / "rejoin.log").read_text() or \
            "pg_rewind: error" in (w.folder / "rejoin.log").read_text()
        assert a.port == int(a.value("show port"))
        assert a.value("show primary_slot_name") == "a"
        # Another cluster's data are left alone.
        stranger = Server(w.home, "x")
        w.servers.append(stranger)
        stranger.make()
        env["BASCULE_SOURCE_PORT"] = str(stranger.port)
        done = subprocess.run([w.folder / "rejoin"], env=env, text=True,
                              stdout=subprocess.PIPE, timeout=60)
        assert done.returncode == 1
        assert "the data of another cluster" in done.stdout
        assert a.follows(b)


def test_the_canary_is_written_on_the_primary_only():
    with PgWorld(failover='canary = "100ms";') as w:
        w.start()
        a = w.servers[0]
        wait_for(lambda: a.ask("select at from bascule_canary"))
        first = a.ask("select at from bascule_canary")
        wait_for(lambda: a.ask("select at from bascule_canary") != first)
        for server in w.servers[1:]:
            assert not server.lines("ERROR")
        a.ask("drop table bascule_canary")
        w.daemon.wait_said("no canary")
        assert w.routed() == {"a"}


def test_a_canary_that_hangs_is_not_outweighed_by_questions():
    # Due so seldom that most questions would go without one.
    with PgWorld(failover='canary = "3s";', check='timeout = "500ms";') as w:
        w.start()
        a = w.servers[0]
        wait_for(lambda: a.ask("select at from bascule_canary"))
        with contextlib.closing(Client(a.port, user="postgres")) as client:
            client.ask("begin")
            client.ask("lock table bascule_canary")
            wait_for(lambda: w.routed() and w.routed() != {"a"}, 60)


def test_a_switchover_loses_nothing():
    with PgWorld() as w:
        w.start()
        writer = w.write()
        a, b, c = w.servers
        begin = time.monotonic()
        done = subprocess.run(
            [BASCULE, "switchover", "db", "--to", "c", "--socket",
             w.daemon.control], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60)
        took = time.monotonic() - begin
        assert done.returncode == 0, done.stdout
        w.wait_routed("c")
        routed = time.monotonic()
        wait_for(lambda: writer.after(routed))
        writer.stop()
        print(f"\nswitchover: {1000 * writer.gap():.0f} ms without a write, "
              f"{1000 * took:.0f} ms in all, {writer.errors} errors")
        said(w)
        assert writer.missing(c) == []
        wait_for(lambda: b.follows(c))
        wait_for(lambda: a.follows(c), 60)
        assert c.value("show default_transaction_read_only") == "off"


def signal_all(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def test_a_replica_ahead_of_the_promoted_one_is_rejoined():
    with PgWorld() as w:
        w.start()
        a, b, c = w.servers
        # Only c has what is written now, and cannot be asked.
        receiver = int(b.value("select pid from pg_stat_wal_receiver"))
        os.kill(receiver, signal.SIGSTOP)
        a.ask("insert into t values (-1)")
        wait_for(lambda: c.value("select id from t where id = -1"))
        frozen = [c.pid(), *children(c.pid())]
        signal_all(frozen, signal.SIGSTOP)
        w.daemon.wait_said("db/c UP -> DOWN")
        a.kill()
        # It never reads what waits for it; b starts anew by itself.
        os.kill(receiver, signal.SIGKILL)
        w.wait_routed("b", seconds=60)
        signal_all(frozen, signal.SIGCONT)
        w.daemon.wait_said("c follows b again", seconds=90)
        assert c.follows(b)
        assert c.value("select id from t where id = -1") is None
        assert "servers diverged" in (w.folder / "rejoin.log").read_text()


def test_a_frozen_primary_is_succeeded_and_fenced_when_it_wakes():
    with PgWorld(check='timeout = "500ms";') as w:
        w.start()
        writer = w.write()
        old = w.servers[0]
        group = [old.pid(), *children(old.pid())]
        begin = time.monotonic()
        for pid in group:
            os.kill(pid, signal.SIGSTOP)
        new = w.wait_succeeded(old)
        routed = time.monotonic()
        wait_for(lambda: writer.after(routed))
        writer.stop()
        print(f"\nfrozen: routed after {1000 * (routed - begin):.0f} ms, "
              f"{1000 * writer.gap():.0f} ms without a write")
        for pid in group:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        wait_for(lambda: old.follows(new), 60)
        said(w)
        # What it had acknowledged and not sent is lost, not more.
        assert writer.missing(new, routed) == []
