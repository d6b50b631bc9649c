"""A group of real MariaDB servers: its primary is found, routed, succeeded."""

import signal
import time

from maria_world import MariaWorld
from world import wait_for


def test_a_killed_primary_is_succeeded_and_comes_back_as_a_replica():
    with MariaWorld() as w:
        w.start()
        w.wait_routed("m1")
        writer = w.write()
        old = w.servers[0]
        killed = time.monotonic()
        old.kill()
        first = wait_for(lambda: writer.after(killed + 0.001))
        took = first - killed
        new = w.wait_succeeded(old)
        other = next(s for s in w.servers if s not in (old, new))
        wait_for(lambda: other.follows(new))
        writer.stop()
        missing = writer.missing(new)
        print(f"\nkilled: writes again after {1000 * took:.1f} ms, "
              f"{len(missing)} of {len(writer.taken)} lost")
        print("\n".join(w.daemon.said("group db")))
        assert new.value("@@read_only") == "0"
        assert other.value("@@read_only") == "1"
        assert took < 20
        # It comes back, says that it is the primary, and is told otherwise.
        back = time.monotonic()
        old.start()
        refused = "writes that its new primary lacks"
        wait_for(lambda: old.follows(new) or w.daemon.said(refused))
        if not old.follows(new):
            # It died with a write that nobody else has, acknowledged or not.
            rows = [set(s.ask("SELECT id FROM d.t")) for s in (old, new)]
            assert rows[0] - rows[1]
            return
        assert not missing
        print(f"back as a replica after {time.monotonic() - back:.2f} s")
        assert w.daemon.said("m1: it says that it is the primary")
        assert old.value("@@read_only") == "1"
        assert w.routed() == {new.name}
        count = new.value("COUNT(*) FROM d.t")
        wait_for(lambda: old.value("COUNT(*) FROM d.t") == count)


def lose(world, old):
    """Kill @old, and give it a write that nobody else has."""
    old.kill()
    new = world.wait_succeeded(old)
    old.start("--skip-networking")
    old.wait().ask("INSERT INTO d.t VALUES (-1)")
    old.kill()
    return new


def test_an_old_primary_that_has_diverged_is_not_rejoined_but_said():
    with MariaWorld() as w:
        w.start()
        w.wait_routed("m1")
        old = w.servers[0]
        new = lose(w, old)
        old.start()
        w.daemon.wait_said("m1 does not follow m2")
        print("\n".join(w.daemon.said("group db")))
        assert any("writes that its new primary lacks" in line
                   for line in w.daemon.said("group db"))
        assert old.value("@@read_only") == "1"
        assert w.routed() == {new.name}
        assert new.value("COUNT(*) FROM d.t WHERE id = -1") == "0"


def test_the_rejoin_hook_is_run_for_one_that_has_diverged():
    with MariaWorld() as w:
        hook = w.folder / "rejoin"
        hook.write_text("#!/bin/sh\n"
                        f'echo "$BASCULE_TARGET" >{w.folder}/rejoined\n')
        hook.chmod(0o755)
        w.configure(failover=f'rejoin = "{hook}";')
        w.start()
        w.wait_routed("m1")
        old = w.servers[0]
        lose(w, old)
        old.start()
        told = w.folder / "rejoined"
        wait_for(told.exists)
        wait_for(lambda: told.read_text() == "m1\n")


def test_one_that_has_diverged_is_made_anew():
    with MariaWorld() as w:
        w.configure(failover=f'rejoin = "{w.rejoin_hook()}"; '
                             'hook_timeout = "60s";')
        w.start()
        w.wait_routed("m1")
        w.write()
        old = w.servers[0]
        new = lose(w, old)
        old.start()
        wait_for(lambda: old.follows(new), 90)
        w.daemon.wait_said("m1 follows", seconds=30)
        assert old.value("COUNT(*) FROM d.t WHERE id = -1") == "0"
        assert old.value("@@read_only") == "1"
        # It is a whole replica: it succeeds, and the others follow.
        count = int(new.value("COUNT(*) FROM d.t"))
        wait_for(lambda: int(old.value("COUNT(*) FROM d.t")) >= count, 30)
        w.bascule("switchover", "db", "--to", "m1")
        w.wait_routed("m1")
        wait_for(lambda: all(s.follows(old) for s in w.servers
                             if s is not old), 60)


def test_a_replica_that_was_written_to_is_made_anew():
    with MariaWorld() as w:
        w.configure(failover=f'rejoin = "{w.rejoin_hook()}"; '
                             'hook_timeout = "60s";')
        w.start()
        w.wait_routed("m1")
        replica = w.servers[2]
        replica.ask("INSERT INTO d.t VALUES (-1)")
        w.write()       # what comes now would go where that row is
        w.daemon.wait_said("m3 follows m1 again", seconds=90)
        assert replica.follows(w.servers[0])
        assert replica.value("COUNT(*) FROM d.t WHERE id = -1") == "0"


def test_a_switchover_loses_nothing():
    with MariaWorld() as w:
        w.start()
        w.wait_routed("m1")
        writer = w.write()
        began = time.monotonic()
        w.bascule("switchover", "db", "--to", "m3")
        new = w.named("m3")
        w.wait_routed("m3")
        first = wait_for(lambda: writer.after(time.monotonic() - 0.001))
        wait_for(lambda: all(s.follows(new) for s in w.servers
                             if s is not new))
        writer.stop()
        times = [at for _, at in writer.taken if at > began - 1]
        gap = max(b - a for a, b in zip(times, times[1:]))
        print(f"\nswitchover: longest gap {1000 * gap:.1f} ms")
        print("\n".join(w.daemon.said("group db")))
        assert first
        assert writer.missing(new) == []
        assert gap < 20


def test_the_servers_logs_stay_quiet():
    # A connection with a late answer is given up, and that is told: none is.
    with MariaWorld(check='timeout = "20s"; timeout_min = "20s";') as w:
        w.start()
        w.wait_routed("m1")
        time.sleep(2)
        w.daemon.stop()
        for server in w.servers:
            assert server.said("Aborted") == []


def test_without_the_rights_nobody_is_promoted():
    with MariaWorld() as w:
        w.servers[0].ask("REVOKE RELOAD ON *.* FROM mon@'%'")
        w.start()
        w.wait_routed("m1")
        w.servers[0].kill()
        w.daemon.wait_said("no replica could be promoted")
        assert any("RELOAD privilege" in line
                   for line in w.daemon.said("could not be promoted"))
        assert all(s.value("@@read_only") == "1" for s in w.servers[1:])


def test_a_wrong_password_fails_nobody_over():
    with MariaWorld() as w:
        w.start()
        w.wait_routed("m1")
        w.servers[0].ask("SET PASSWORD FOR mon@'%' = PASSWORD('other')",
                         "KILL USER mon")
        w.daemon.wait_said("login refused")
        time.sleep(1)
        assert w.routed() == {"m1"}
        assert not w.daemon.said("group db: m1 is left")


def test_a_primary_that_restarts_as_read_only_takes_writes_again():
    with MariaWorld() as w:
        w.start()
        w.wait_routed("m1")
        w.daemon.stop()
        first = w.servers[0]
        first.kill()
        first.start("--read-only=1")
        first.wait()
        w.daemon.start()
        wait_for(lambda: first.value("@@read_only") == "0")
        w.wait_routed("m1")
        w.write()


SEMI = ("--rpl-semi-sync-slave-enabled=1",
        "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
        "--rpl-semi-sync-master-timeout=86400000",
        "--rpl-semi-sync-master-wait-no-slave=1")


def test_without_loss_every_acknowledged_write_survives():
    with MariaWorld(failover='durability = "no-loss";', semi=SEMI) as w:
        w.start()
        w.wait_routed("m1")
        writer = w.write()
        old = w.servers[0]
        killed = time.monotonic()
        old.kill()
        first = wait_for(lambda: writer.after(killed + 0.001))
        new = w.wait_succeeded(old)
        writer.stop()
        print(f"\nno-loss: writes again after {1000 * (first - killed):.1f} ms")
        assert writer.missing(new) == []
        assert new.value("@@rpl_semi_sync_master_enabled") == "1"
        # One of two is silent, and a commit may be known to it alone.
        w.servers[1 if new is w.servers[2] else 2].kill()
        new.kill()
        w.daemon.wait_said("no replica is fit")


def test_a_frozen_primary_is_succeeded_and_fenced_when_it_wakes():
    with MariaWorld(check='timeout = "500ms";') as w:
        w.start()
        w.wait_routed("m1")
        writer = w.write()
        old = w.servers[0]
        frozen = time.monotonic()
        old.process.send_signal(signal.SIGSTOP)
        new = w.wait_succeeded(old)
        routed = time.monotonic()
        first = wait_for(lambda: writer.after(routed))
        print(f"\nfrozen: writes again after {1000 * (first - frozen):.1f} ms")
        old.process.send_signal(signal.SIGCONT)
        wait_for(lambda: old.value("@@read_only") == "1")
        writer.stop()
        assert writer.missing(new, routed) == []
        wait_for(lambda: old.follows(new) or
                 w.daemon.said("m1 does not follow"))
