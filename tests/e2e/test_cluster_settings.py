"""The cluster block is read at the start: what a reload does with it."""

import signal

from world import PATIENCE, World, free_port


def cluster(world, port, more="", nodes=""):
    key = world.folder / "cluster.key"
    if not key.exists():
        key.touch(0o600)
        key.write_text("A" * 43 + "=\n")
    return f"""
cluster = {{ name = "e2e"; key_file = "{key}"; {more}
  nodes = ( {{ name = "test"; address = "127.0.0.1:{port}"; }}{nodes} ); }};
"""


def reload(world, said, count=1):
    world.daemon.signal(signal.SIGHUP)
    world.daemon.wait_said(said, count)


REFUSED = ("reload: cluster changed, which needs a restart of basculed; the "
           "former settings stay in force")


def test_a_reload_that_changes_the_cluster_is_refused():
    port = free_port()
    with World() as w:
        w.configure(extra=cluster(w, port))
        w.start()
        reload(w, "node test reloaded")
        w.configure(extra=cluster(w, port, 'lease = "2s";'))
        reload(w, REFUSED)
        w.configure()
        reload(w, REFUSED, 2)
        w.configure(service="min_up = 2;", extra=cluster(w, port))
        reload(w, "node test reloaded", 2)


def test_a_cluster_is_not_taken_up_by_a_reload():
    with World() as w:
        w.start()
        w.configure(extra=cluster(w, free_port()))
        reload(w, REFUSED)


def test_a_start_with_more_than_one_other_node_is_refused():
    ports = free_port(), free_port(), free_port()
    one = f', {{ name = "one"; address = "127.0.0.1:{ports[1]}"; }}'
    two = one + f', {{ name = "two"; address = "127.0.0.1:{ports[2]}"; }}'
    with World() as w:
        w.configure(extra=cluster(w, ports[0]))
        w.start()
        w.daemon.wait_said("is primary")
        w.daemon.stop()
        w.configure(extra=cluster(w, ports[0], nodes=two))
        w.daemon.start()
        w.daemon.wait_said("2 new and 0 gone")
        assert w.daemon.process.wait(timeout=PATIENCE) == 1
        w.configure(extra=cluster(w, ports[0], nodes=one))
        w.start()
        w.daemon.stop()
        # Nobody was primary among these two: that is no step of its own.
        w.configure(extra=cluster(w, ports[0], nodes=two))
        w.daemon.start()
        assert w.daemon.process.wait(timeout=PATIENCE) == 1
        w.configure(extra=cluster(w, ports[0]))
        w.start()


def test_a_node_whose_name_is_not_known_is_said():
    other = ', { name = "other"; address = "nowhere.invalid:7400"; }'
    with World() as w:
        w.configure(extra=cluster(w, free_port(), nodes=other))
        w.start()
        w.daemon.wait_said("cluster: nowhere.invalid: ")
