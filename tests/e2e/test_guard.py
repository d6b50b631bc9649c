"""The guard, the office and the release, with real processes."""

import os
import signal
import statistics
import time

import pytest
from guards import Node, children, lives, until

# For a demote hook: the release at the start is another story.
AT_START = "[ $BASCULE_REASON != start ] || exit 0\n"
# What is killed at its deadline; a busy machine may take longer to end it than
# the daemon waits for that, and it says so.
KILLED = ("-62", "-16")


@pytest.fixture(name="node")
def make_node(tmp_path):
    node = Node(tmp_path)
    yield node
    node.close()


def promoted(node, promote="-", demote=None, lease="renew 60000", **more):
    """A driver in office, and its guard."""
    if demote is None:
        demote = node.hook("demote", "echo demoted >>$log")
    drive = node.start(promote, demote, **more).ready()
    guard = drive.guard()
    node.log.write_text("")
    drive.say(lease)
    drive.say("promote 7 3 elected")
    return drive, guard


def test_a_hook_knows_why_it_runs(node):
    what = "$BASCULE_NODE $BASCULE_TERM $BASCULE_EPOCH $BASCULE_REASON"
    drive, _ = promoted(node,
                        node.hook("promote", f'echo "up {what}" >>$log'),
                        node.hook("demote", f'echo "down {what}" >>$log'))
    assert drive.heard("promoted").startswith("promoted 0 ")
    assert node.recipe.exists()
    drive.say("release asked 20000")
    assert drive.heard("released").startswith("released 0 ")
    assert node.lines() == ["up node1 7 3 elected", "down node1 7 3 asked"]
    assert not node.recipe.exists()


def test_a_killed_daemon_is_released_at_once(node):
    took = []
    for _ in range(5):
        drive, guard = promoted(node)
        drive.heard("promoted")
        began = time.monotonic()
        drive.kill()
        node.logged("demoted")
        took.append((time.monotonic() - began) * 1e3)
        until(lambda g=guard: not lives(g), "end of the guard")
        drive.close()
    print(f"killed to released, ms: median {statistics.median(took):.1f}, "
          f"worst {max(took):.1f}")
    assert max(took) < 30e3
    assert not node.recipe.exists()


def test_a_guard_resigns_for_a_leader(node):
    drive, guard = promoted(node)
    drive.heard("promoted")
    drive.kill()
    until(lambda: not lives(guard), "end of the guard")
    assert node.lines() == ["demoted"]
    assert node.resigned()[:2] == ["node 11 term 7 successor 22 message 1",
                                   "node 11 term 7 successor 22 message 2"]


def test_a_followers_guard_does_not_resign(node):
    drive, guard = promoted(node)
    drive.heard("promoted")
    drive.say("follow")
    drive.say("release asked 20000")
    drive.heard("released")
    drive.kill()
    until(lambda: not lives(guard), "end of the guard")
    assert node.resigned() == []
    assert node.lines() == ["demoted"]


def test_what_was_not_released_is_not_resigned(node):
    demote = node.hook("demote", AT_START + "echo tried >>$log; exit 1")
    drive, guard = promoted(node, demote=demote)
    drive.heard("promoted")
    drive.kill()
    until(lambda: not lives(guard), "end of the guard")
    assert node.lines() == ["tried"] * 3
    assert node.resigned() == []
    assert node.recipe.exists()


def test_a_frozen_daemon_is_killed_before_its_lease_ends(node):
    """At lease end - R / 2, not before and not after the end."""
    drive, _ = promoted(node, budget=200)
    drive.heard("promoted")
    drive.said.clear()
    began = time.monotonic()
    drive.say("renew 1500")
    drive.heard("shown renew")
    drive.kill(signal.SIGSTOP)
    node.logged("demoted")
    took = time.monotonic() - began
    print(f"renewed to released, ms: {took * 1e3:.1f}, of 1400 on")
    assert 1.4 < took < 20
    assert drive.wait() == -signal.SIGKILL


def test_a_routing_lease_is_watched_too(node):
    drive, guard = promoted(node, lease="follow")
    drive.heard("promoted")
    drive.say("route 300")
    assert drive.wait() == -signal.SIGKILL
    node.logged("demoted")
    until(lambda: not lives(guard), "end of the guard")
    assert node.resigned() == []


def test_a_daemon_that_renews_is_left_alone(node):
    drive, guard = promoted(node, lease="renew 4000")
    drive.heard("promoted")
    time.sleep(5)
    assert lives(drive.pid) and lives(guard)
    assert node.lines() == []


def test_hooks_are_dead_before_the_release_begins(node):
    """Also what they started, in the background and from there."""
    promote = node.hook("promote", """
        (while :; do echo grandchild >>$log; done) &
        (trap '' TERM HUP INT; while :; do echo stubborn >>$log; done) &
        while :; do echo child >>$log; done""")
    demote = node.hook("demote", "echo demoted >>$log; sleep 0.1; "
                                 "echo end >>$log")
    drive, guard = promoted(node, promote, demote)
    for word in ("child", "grandchild", "stubborn"):
        node.logged(word)
    drive.kill()
    node.logged("end")
    lines = node.lines()
    assert lines[lines.index("demoted"):] == ["demoted", "end"]
    until(lambda: not lives(guard), "end of the guard")


def test_a_release_ends_promote_work_first(node):
    promote = node.hook("promote", """
        (while :; do echo grandchild >>$log; done) &
        while :; do echo child >>$log; done""")
    demote = node.hook("demote", "echo demoted >>$log; sleep 0.1; "
                                 "echo end >>$log")
    for _ in range(5):
        drive, _ = promoted(node, promote, demote)
        for word in ("child", "grandchild"):
            node.logged(word)
        drive.say("release asked 20000")
        if drive.heard("released").split()[1] != KILLED[1]:
            break
        drive.close()
    assert drive.heard("released").startswith("released 0 ")
    assert drive.heard("promoted").startswith("promoted -125 ")
    assert drive.said.index(drive.heard("promoted")) < drive.said.index(
        drive.heard("released"))
    lines = node.lines()
    assert lines[lines.index("demoted"):] == ["demoted", "end"]


def test_a_promote_hook_that_fails_says_why(node):
    drive, _ = promoted(node, node.hook("promote", "echo no address; exit 3"))
    assert drive.heard("promoted").endswith(" no address")
    assert drive.heard("promoted").startswith("promoted -5 ")
    assert node.recipe.exists()


def test_a_promote_hook_that_cannot_be_run_says_so(node):
    drive, _ = promoted(node, str(node.folder / "nowhere"))
    assert drive.heard("promoted").endswith(" No such file or directory")


def test_a_promote_hook_that_hangs_is_killed(node):
    drive, _ = promoted(node, node.hook("promote", "sleep 60 & sleep 60"),
                        promote_ms=200)
    assert drive.heard("promoted").split()[1] in KILLED
    drive.say("release asked 20000")
    assert drive.heard("released").startswith("released 0 ")


def test_a_hook_does_not_start_too_late(node):
    promote = node.hook("promote", "echo ran >>$log")
    drive = node.start(promote, "-").ready()
    drive.guard()
    drive.say("promote 7 3 elected -1")
    assert drive.heard("refused").startswith("refused -62 ")
    time.sleep(0.1)
    assert node.lines() == []
    assert not node.recipe.exists()


def test_a_demote_hook_that_hangs_is_killed_and_tried_again(node):
    demote = node.hook("demote", AT_START + "echo demoted >>$log\n"
                                            "[ -e $log.go ] || sleep 60")
    drive, _ = promoted(node, demote=demote)
    drive.heard("promoted")
    drive.say("release asked 200")
    assert drive.heard("released").split()[1] in KILLED
    assert node.recipe.exists()
    drive.say("promote 8 3 elected")
    assert drive.heard("refused").startswith("refused -16 ")
    drive.said.clear()
    node.folder.joinpath("log.go").touch()
    drive.say("release again 20000")
    assert drive.heard("released").startswith("released 0 ")
    assert not node.recipe.exists()


def test_what_a_demote_hook_leaves_behind_ends_with_it(node):
    demote = node.hook("demote", AT_START + "sleep 600 &\necho $! >>$log")
    drive, guard = promoted(node, demote=demote)
    drive.heard("promoted")
    drive.kill()
    until(lambda: not lives(guard), "end of the guard")
    left = int(node.lines()[0])
    until(lambda: not lives(left), "end of what the hook left")
    assert not node.recipe.exists()


def test_a_killed_guard_is_replaced_and_its_successor_guards(node):
    drive, first = promoted(node)
    drive.heard("promoted")
    os.kill(first, signal.SIGKILL)
    drive.heard("guard dead")
    drive.heard("guard alive")
    second = drive.guard()
    assert second != first
    drive.kill()
    node.logged("demoted")
    until(lambda: not lives(second), "end of the guard")
    assert len(node.resigned()) > 0


def test_a_guard_that_is_stuck_is_replaced(node):
    drive, first = promoted(node)
    drive.heard("promoted")
    os.kill(first, signal.SIGSTOP)
    drive.heard("guard dead")
    drive.heard("guard alive")
    assert drive.guard() != first
    assert not lives(first)


def test_the_guard_outlives_what_ends_a_service(node):
    drive, guard = promoted(node)
    drive.heard("promoted")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(guard, number)
    time.sleep(0.1)
    assert lives(guard)
    assert os.getsid(guard) == guard


def test_the_hook_of_a_release_outlives_what_ends_a_service(node):
    """systemd sends SIGTERM to all of a service whose daemon has died."""
    demote = node.hook("demote", AT_START + """echo began >>$log
        until [ -e $log.go ]; do sleep 0.01; done
        echo demoted >>$log""")
    drive, guard = promoted(node, demote=demote, demote_ms=20000)
    drive.heard("promoted")
    drive.kill()
    node.logged("began")
    [hook] = children(guard)
    os.kill(hook, signal.SIGTERM)
    node.folder.joinpath("log.go").touch()
    node.logged("demoted")
    assert node.lines() == ["began", "demoted"]


def test_a_guard_holds_nothing_of_the_daemon(node):
    """Else a listening socket would live on and be in a successor's way."""
    drive, first = promoted(node)
    os.kill(first, signal.SIGKILL)
    drive.heard("guard alive")
    guard = drive.guard()
    held = {os.readlink(f"/proc/{guard}/fd/{fd}")
            for fd in os.listdir(f"/proc/{guard}/fd") if int(fd) > 2}
    assert not any("eventpoll" in h or "eventfd" in h for h in held), held
    assert len([h for h in held if "socket" in h]) == 1, held


def test_both_killed_and_the_stop_hook_cleans_up(node):
    promote = node.hook("promote", "while :; do echo child >>$log; done")
    demote = node.hook("demote", "echo demoted $BASCULE_REASON >>$log; "
                                 "sleep 0.1; echo end >>$log")
    drive, _ = promoted(node, promote, demote)
    node.logged("child")
    drive.kill_with_guard()
    done = node.release()
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    lines = node.lines()
    assert lines[lines.index("demoted release"):] == ["demoted release",
                                                      "end"]
    assert not node.recipe.exists()
    assert node.release().returncode == 0
    assert node.lines()[-1] == "end"
    assert node.lines().count("end") == 1


def test_nothing_to_release_is_fine_and_silent(node):
    node.start().ready().say("follow")
    node.close()
    done = node.release()
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_release_that_fails_is_said_and_can_be_repeated(node):
    demote = node.hook("demote", AT_START + "echo tried >>$log; exit 4")
    drive, _ = promoted(node, demote=demote)
    drive.heard("promoted")
    drive.kill_with_guard()
    done = node.release()
    assert done.returncode == 1
    assert "exit status 4" in done.stderr
    assert node.recipe.exists()
    node.hook("demote", "echo demoted >>$log")
    assert node.release().returncode == 0
    assert node.lines()[-1] == "demoted"


def test_a_running_daemon_is_not_released_under_its_feet(node):
    drive, _ = promoted(node)
    drive.heard("promoted")
    done = node.release()
    assert done.returncode == 1
    assert f"process {drive.pid}" in done.stderr
    assert node.lines() == []


def test_a_damaged_recipe_is_said_and_stays(node):
    node.recipe.write_text("RELEASE_DEMOTE=/bin/false\n")
    done = node.release()
    assert done.returncode == 1
    assert "not a recipe" in done.stderr
    assert node.recipe.exists()


def test_every_start_begins_with_a_release(node):
    demote = node.hook("demote", "echo demoted $BASCULE_REASON >>$log")
    drive, _ = promoted(node, demote=demote)
    drive.heard("promoted")
    drive.kill_with_guard()
    other = node.hook("other", "echo other $BASCULE_REASON >>$log")
    node.start(demote=other).heard("started 1")
    assert node.lines() == ["demoted start"]
    node.close()
    node.start(demote=other).heard("started 1")
    assert node.lines() == ["demoted start", "other start"]


def test_a_second_daemon_is_refused_at_once(node):
    drive = node.start().ready()
    drive.guard()
    began = time.monotonic()
    second = node.start()
    assert second.heard("failed").endswith(
        f"another basculed runs here (process {drive.pid})")
    assert time.monotonic() - began < 20
    assert second.wait() == 1


def test_a_successor_waits_for_the_guard_before_it(node):
    demote = node.hook("demote", "echo began >>$log; sleep 0.5; "
                                 "echo demoted >>$log")
    drive, _ = promoted(node, demote=demote)
    drive.heard("promoted")
    drive.kill()
    node.logged("began")
    node.start(demote="-").ready()
    assert node.lines() == ["began", "demoted"]


def test_a_clean_end_leaves_nothing(node):
    drive, guard = promoted(node)
    drive.heard("promoted")
    drive.say("follow")
    drive.say("release asked 20000")
    drive.heard("released")
    drive.process.stdin.close()
    assert drive.wait() == 0
    assert not lives(guard)
    assert node.lines() == ["demoted"]
    assert node.resigned() == []
