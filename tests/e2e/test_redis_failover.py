"""A group of real Redis servers: its primary is found, routed, succeeded."""

import time

from redis_world import RedisWorld
from world import wait_for


def the_log(world):
    return "\n".join(world.daemon.lines())


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
        assert took < 1.0


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
