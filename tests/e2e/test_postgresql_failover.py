"""A group of real PostgreSQL servers: its primary is routed, succeeded, and
comes back."""

import time

from pg_world import PgWorld
from world import wait_for


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
        assert took < 2.0
        assert other.follows(new)
        for server in w.servers:
            assert server.lines("unexpected EOF|from client|incomplete") == []
