"""A group of real Redis servers: its primary is found, routed, succeeded."""

import signal
import subprocess
import time

from redis_world import RedisWorld
from world import BASCULE, wait_for

# docs/databases.md has them.
RIGHTS = ["+ping", "+info", "+select", "+set", "+config|get", "+config|set",
          "+replicaof", "+client|kill"]


def test_the_primary_that_is_found_is_routed():
    with RedisWorld() as w:
        w.start()
        w.wait_routed("r1")
        assert [s.role() for s in w.servers] == ["master", "slave", "slave"]
        w.write()


def test_a_killed_primary_is_succeeded_and_comes_back_as_a_replica():
    with RedisWorld() as w:
        w.start()
        w.wait_routed("r1")
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
        print("\n".join(w.daemon.said("group cache")))
        # It comes back, says that it is the primary, and is told otherwise.
        back = time.monotonic()
        old.start()
        wait_for(lambda: old.follows(new))
        print(f"back as a replica after {1000 * (time.monotonic() - back):.1f}"
              " ms")
        assert w.daemon.said("r1: it says that it is the primary")
        assert w.routed() == {new.name}
        wait_for(lambda: old.wanted() == 0)
        assert new.ask("DBSIZE") == old.ask("DBSIZE")
        assert took < 20


def test_a_primary_that_restarts_empty_does_not_empty_its_replicas():
    times = []
    for _ in range(3):
        with RedisWorld() as w:
            w.start()
            w.wait_routed("r1")
            writer = w.write()
            writer.stop()
            old = w.servers[0]
            size = old.ask("DBSIZE")
            assert size > 50
            killed = time.monotonic()
            old.kill()
            old.start()
            old.wait()
            restarted = time.monotonic() - killed
            new = w.wait_succeeded(old)
            times.append(time.monotonic() - killed)
            wait_for(lambda: all(s.follows(new) for s in w.servers
                                 if s is not new))
            print(f"\nrestarted after {1000 * restarted:.1f} ms, routed "
                  f"after {1000 * times[-1]:.1f} ms")
            print("\n".join(w.daemon.said("group cache")))
            assert new.ask("DBSIZE") >= size
            assert writer.missing(new) == []
            wait_for(lambda: old.ask("DBSIZE") >= size)


def test_a_frozen_primary_is_succeeded_and_fenced_when_it_wakes():
    with RedisWorld(check='timeout = "500ms";') as w:
        w.start()
        w.wait_routed("r1")
        writer = w.write()
        old = w.servers[0]
        frozen = time.monotonic()
        old.signal(signal.SIGSTOP)
        new = w.wait_succeeded(old)
        routed = time.monotonic()
        first = wait_for(lambda: writer.after(routed))
        print(f"\nfrozen: writes again after {1000 * (first - frozen):.1f} ms")
        time.sleep(0.3)
        woken = time.monotonic()
        old.signal(signal.SIGCONT)
        wait_for(lambda: old.follows(new))
        print(f"a replica {1000 * (time.monotonic() - woken):.1f} ms after it "
              "woke")
        wait_for(lambda: old.wanted() == 0)
        assert w.routed() == {new.name}
        writer.stop()
        # It took nothing beside the new one.
        assert writer.missing(new, routed) == []


def test_another_process_of_the_daemon_goes_on_from_what_was_decided():
    with RedisWorld() as w:
        w.start()
        w.wait_routed("r1")
        w.servers[0].kill()
        new = w.wait_succeeded(w.servers[0])
        w.daemon.wait_said("is the primary after r1, epoch 2")
        w.daemon.kill()
        w.servers[0].start().wait()
        # It is a primary as well as the other one, but for the document.
        assert w.servers[0].role() == "master"
        w.daemon.start()
        wait_for(lambda: w.servers[0].follows(new))
        assert w.routed() == {new.name}
        assert new.role() == "master"


def test_after_a_reload_it_still_fails_over():
    with RedisWorld() as w:
        w.start()
        w.wait_routed("r1")
        w.configure(failover='promote_timeout = "7s"; canary = "50ms";')
        w.daemon.signal(signal.SIGHUP)
        wait_for(lambda: w.servers[0].ask("GET", "bascule:canary"))
        assert w.routed() == {"r1"}
        w.servers[0].kill()
        new = w.wait_succeeded(w.servers[0])
        assert new.role() == "master"


def test_a_wrong_password_promotes_nobody():
    with RedisWorld() as w:
        secret = w.folder / "pass"
        secret.write_text("wrong\n")
        secret.chmod(0o600)
        for server in w.servers:
            server.ask("CONFIG", "SET", "masterauth", "right")
        for server in w.servers:
            server.ask("CONFIG", "SET", "requirepass", "right")
            server.password = "right"
        w.configure(check=f'password_file = "{secret}";')
        w.daemon.start()
        w.daemon.wait_said("WRONGPASS")
        time.sleep(0.5)
        assert w.routed() == set()
        assert [s.role() for s in w.servers] == ["master", "slave", "slave"]
        # The file is read anew.
        secret.write_text("right\n")
        w.wait_routed("r1")
        w.servers[0].kill()
        new = w.wait_succeeded(w.servers[0])
        assert new.role() == "master"


def test_the_rights_that_are_documented_are_enough():
    with RedisWorld() as w:
        secret = w.folder / "pass"
        secret.write_text("mine\n")
        secret.chmod(0o600)
        for server in w.servers:
            server.ask("ACL", "SETUSER", "bascule", "on", ">mine",
                       "~bascule:canary", *RIGHTS)
        w.configure(check=f'user = "bascule"; password_file = "{secret}"; '
                    'timeout = "500ms";',
                    failover='canary = "50ms";')
        w.start()
        w.wait_routed("r1")
        old = w.servers[0]
        wait_for(lambda: old.ask("GET", "bascule:canary"))
        old.signal(signal.SIGSTOP)
        new = w.wait_succeeded(old)
        old.signal(signal.SIGCONT)
        wait_for(lambda: old.follows(new))
        wait_for(lambda: old.wanted() == 0)
        for server in w.servers:
            assert server.ask("ACL", "LOG") == []


def test_a_switchover_loses_nothing():
    with RedisWorld() as w:
        w.start()
        w.wait_routed("r1")
        writer = w.write()
        done = subprocess.run(
            [BASCULE, "switchover", "cache", "--to", "r3", "--socket",
             w.daemon.control], text=True, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        w.wait_routed("r3")
        new = w.named("r3")
        routed = time.monotonic()
        wait_for(lambda: writer.after(routed))
        writer.stop()
        for server in w.servers[:2]:
            wait_for(lambda s=server: s.follows(new))
            wait_for(lambda s=server: s.wanted() == 0)
        assert writer.missing(new) == []
        print(f"\nswitchover: {1000 * writer.gap():.1f} ms without a write")
