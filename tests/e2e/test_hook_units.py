"""Hooks that are systemd units, against a stand-in for systemd on D-Bus."""

import subprocess

import pytest
from guards import BUILD, Node, lives, until


@pytest.fixture(name="node")
def make_node(tmp_path):
    node = Node(tmp_path)
    node.env["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={tmp_path}/bus"
    asked = tmp_path / "asked"
    with open(asked, "w", encoding="ascii") as out:
        fake = subprocess.Popen([BUILD / "tests/e2e/units_fake",
                                 tmp_path / "bus"], stdout=out)
    try:
        until(asked.read_text, "the stand-in")
        # Whole lines: it may be writing.
        node.asked = lambda: asked.read_text().rpartition(
            "\n")[0].splitlines()[1:]
        yield node
    finally:
        node.close()
        fake.kill()
        fake.wait()


def wait_asked(node, wanted, since=0):
    until(lambda: node.asked()[since:] == wanted, wanted)


def promoted(node, promote, demote, **more):
    """A driver whose promotion has begun, and its guard."""
    drive = node.start(promote, demote, **more).ready()
    guard = drive.guard()
    drive.say("renew 60000")
    drive.say("promote 7 3 elected")
    return drive, guard


def test_units_are_started_and_awaited(node):
    drive, _ = promoted(node, "unit:up-ok.service", "unit:down-ok.service")
    _, error, took, *_ = drive.heard("promoted").split(" ")
    assert error == "0" and int(took) >= 20000
    drive.say("release asked 20000")
    _, error, took, *_ = drive.heard("released").split(" ")
    assert error == "0" and int(took) >= 20000
    wait_asked(node, ["StartUnit down-ok.service replace",
                      "StartUnit up-ok.service replace",
                      "StartUnit down-ok.service replace"])


@pytest.mark.parametrize("unit, why", [
    ("up-fail.service", "up-fail.service: its job ended: failed"),
    ("up-denied.service", "systemd: Interactive authentication required."),
    ("elsewhere.service", "systemd: Unit elsewhere.service not found."),
])
def test_a_unit_that_fails_says_why(node, unit, why):
    drive, _ = promoted(node, f"unit:{unit}", "-")
    line = drive.heard("promoted")
    assert line.startswith("promoted -5 ") and line.endswith(f" {why}")
    drive.say("release asked 20000")
    assert drive.heard("released").startswith("released 0 ")
    wait_asked(node, [f"StartUnit {unit} replace"])


def test_a_unit_that_hangs_is_stopped(node):
    drive, _ = promoted(node, "unit:up-hang.service", "-", promote_ms=200)
    assert drive.heard("promoted").startswith("promoted -62 ")
    wait_asked(node, ["StartUnit up-hang.service replace",
                      "StopUnit up-hang.service replace"])


def test_a_unit_that_cannot_be_stopped_is_said(node):
    drive, _ = promoted(node, "unit:up-stuck.service", "-")
    until(node.asked, "the start")
    drive.say("release asked 300")
    line = drive.heard("released")
    assert line.startswith("released -16 ")
    assert line.endswith("systemd does not stop the unit")
    assert node.recipe.exists()
    drive.said.clear()
    drive.say("release again 300")
    assert drive.heard("released").startswith("released -16 ")
    assert node.asked().count("StopUnit up-stuck.service replace") == 2


def test_a_release_cancels_a_unit_that_is_being_started(node):
    drive, _ = promoted(node, "unit:up-hang.service", "unit:down-ok.service")
    until(lambda: len(node.asked()) == 2, "the start")
    drive.say("release asked 20000")
    assert drive.heard("released").startswith("released 0 ")
    assert drive.heard("promoted").startswith("promoted -125 ")
    wait_asked(node, ["StopUnit up-hang.service replace",
                      "StartUnit down-ok.service replace"], 2)


def test_the_guard_cancels_and_releases_by_units(node):
    drive, guard = promoted(node, "unit:up-hang.service",
                            "unit:down-ok.service")
    until(lambda: len(node.asked()) == 2, "the start")
    drive.kill()
    until(lambda: not lives(guard), "end of the guard")
    wait_asked(node, ["StopUnit up-hang.service replace",
                      "StartUnit down-ok.service replace"], 2)
    assert not node.recipe.exists()
    assert len(node.resigned()) > 0


def test_the_stop_hook_releases_by_units(node):
    drive, _ = promoted(node, "unit:up-ok.service",
                        "unit:down-ok.service")
    drive.heard("promoted")
    drive.kill_with_guard()
    done = node.release()
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    wait_asked(node, ["StartUnit down-ok.service replace"], 2)


def test_without_a_bus_a_unit_fails_at_once(node):
    node.env["DBUS_SYSTEM_BUS_ADDRESS"] = "unix:path=/nowhere/bus"
    drive = node.start("unit:up-ok.service", "-").ready()
    drive.say("promote 7 3 elected")
    assert "D-Bus: No such file" in drive.heard("refused")
    assert not node.recipe.exists()
