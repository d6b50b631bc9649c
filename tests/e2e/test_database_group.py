"""What a person has of a database group: hand-over, plan, status, hooks."""

import json
import os
import pathlib
import socket
import subprocess
import time

from redis_world import Client, RedisWorld
from world import wait_for

BASCULE = pathlib.Path(os.environ["top_builddir"]) / "cli/bascule"


def bascule(world, *args):
    return subprocess.run(
        [BASCULE, *args, "--socket", world.daemon.control],
        capture_output=True, text=True, timeout=60, check=False)


def document(world):
    return json.loads(bascule(world, "status", "--json").stdout)


def group(world):
    return document(world)["services"][0]["group"]


def script(world, name, text):
    path = world.folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def wait_followed(world):
    """The group has its primary, and the replicas are known to follow it."""
    world.wait_routed("r1")
    wait_for(lambda: all(
        (t["database"] or {}).get("reads") for t in
        document(world)["services"][0]["targets"][1:]))


def test_a_switchover_loses_nothing_and_says_who_is():
    with RedisWorld() as w:
        w.start()
        wait_followed(w)
        writer = w.write()
        run = bascule(w, "switchover", "cache", "--to", "r3")
        assert run.returncode == 0, run.stderr
        assert run.stdout.startswith(
            "r1 was primary of cache, r3 is now: it took ")
        done = time.monotonic()
        w.wait_routed("r3")
        wait_for(lambda: writer.after(done))
        first, new = w.servers[0], w.servers[2]
        wait_for(lambda: all(s.follows(new) for s in w.servers[:2]))
        writer.stop()
        print(f"\n{run.stdout}longest gap {1000 * writer.gap():.1f} ms")
        assert writer.missing(new) == [] and writer.missing(first) == []
        assert writer.gap() < 20
        assert group(w)["epoch"] == 2
        assert group(w)["reason"] == "switchover"


def test_a_leaving_worker_keeps_no_writer_at_the_former_primary():
    """It knows nothing of what is withdrawn, and would let it write on."""
    with RedisWorld() as w:
        w.start()
        wait_followed(w)
        client = Client(w.haproxy.port)
        w.haproxy.reload()
        w.wait_routed("r1")
        assert client.ask("SET", "k", "v") == "OK"
        # Fit is who was heard of just now: asked again after a pause.
        wait_for(lambda: bascule(w, "switchover", "cache", "--to",
                                 "r2").returncode == 0)
        assert client.sock.recv(1) == b""


def test_a_master_that_hangs_is_waited_for_and_then_done_without(tmp_path):
    """Whether a leaving worker has writers cannot be known: a failover waits
    for the answer, 2 s, but not for ever."""
    with socket.socket(socket.AF_UNIX) as listener, RedisWorld() as w:
        w.haproxy.master = str(tmp_path / "master")
        listener.bind(w.haproxy.master)
        listener.listen(64)
        w.configure()
        w.start()
        wait_followed(w)
        w.daemon.wait_said("leaving workers cannot be reached")
        begin = time.monotonic()
        run = bascule(w, "switchover", "cache", "--to", "r2")
        assert run.returncode == 0, run.stderr
        assert time.monotonic() - begin >= 2


def test_the_plan_is_printed_and_not_carried_out():
    with RedisWorld(count=3) as w:
        w.start()
        wait_followed(w)
        w.servers[2].kill()
        wait_for(lambda: document(w)["services"][0]["down"] == 1)
        run = bascule(w, "switchover", "cache", "--dry-run")
        assert run.returncode == 0, run.stderr
        lines = run.stdout.splitlines()
        assert lines[0] == ("Group cache: r1 is the primary, epoch 1; "
                            "r2 would succeed it")
        assert lines[3].split()[0] == "r2" and "the successor" in lines[3]
        assert lines[4].split()[0] == "r3" and "its checks fail" in lines[4]
        assert any(line.startswith("6. promote") for line in lines)
        assert w.routed() == {"r1"} and group(w)["epoch"] == 1
        run = bascule(w, "switchover", "cache", "--to", "r3")
        assert run.returncode == 1
        assert run.stderr == "bascule: r3: its checks fail\n"
        run = bascule(w, "switchover", "cach")
        assert run.stderr == ("bascule: no group cach: "
                              "did you mean cache?\n")


def test_status_shows_the_group():
    with RedisWorld() as w:
        w.start()
        wait_followed(w)
        text = bascule(w, "status").stdout
        assert "Group cache: r1 is the primary, epoch 1, automatic" in text
        rows = {line.split()[0]: line.split() for line in text.splitlines()
                if line[:2] in ("r1", "r2", "r3")}
        assert rows["r1"][1:4] == ["UP", "primary", "yes"]
        assert rows["r2"][1:3] == ["UP", "replica"]
        assert f"127.0.0.1:{w.servers[0].port}" in rows["r2"]


def test_the_fence_hook_is_told_whom_and_must_succeed():
    with RedisWorld() as w:
        fence = script(w, "fence",
                       # It is tried again, also while we read.
                       f'env | grep ^BASCULE_ > "{w.folder}/env.new"\n'
                       f'mv "{w.folder}/env.new" "{w.folder}/env"\n'
                       f'test -e "{w.folder}/may" && exit 0\n'
                       'echo the power switch does not answer\nexit 1\n')
        w.configure(failover=f'fence = "{fence}";')
        w.start()
        wait_followed(w)
        old = w.servers[0]
        old.kill()
        w.daemon.wait_said("the power switch does not answer")
        env = dict(line.split("=", 1) for line in
                   (w.folder / "env").read_text().splitlines())
        assert env["BASCULE_GROUP"] == "cache"
        assert env["BASCULE_TARGET"] == "r1"
        assert env["BASCULE_TARGET_HOST"] == "127.0.0.1"
        assert env["BASCULE_TARGET_PORT"] == str(old.port)
        assert env["BASCULE_REASON"] == "its checks fail"
        assert env["BASCULE_NODE"] == "test"
        assert "BASCULE_SOURCE" not in env
        wait_for(lambda: w.routed() == set())
        assert [s.role() for s in w.servers[1:]] == ["slave", "slave"]
        (w.folder / "may").touch()
        w.wait_succeeded(old)


def test_a_fence_hook_that_hangs_is_killed_with_all_it_started():
    with RedisWorld() as w:
        # Spans that nobody else sleeps for.
        first, second = (f"{9 * 10**8 + os.getpid()}{i}" for i in (1, 2))
        fence = script(w, "fence", f"sleep {first} & sleep {second}\n")
        w.configure(failover=f'fence = "{fence}"; hook_timeout = "1s";')
        w.start()
        wait_followed(w)
        w.servers[0].kill()
        w.daemon.wait_said("the fence hook: timed out and killed")
        for span in (first, second):
            wait_for(lambda span=span: subprocess.run(
                ["pgrep", "-fx", f"sleep {span}"], check=False,
                stdout=subprocess.DEVNULL).returncode == 1)
