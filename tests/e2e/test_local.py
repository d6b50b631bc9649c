"""What a machine knows of its own: processes and units that targets name.

Checks come once an hour here and hold no connection, so that nothing else can
tell of a death.
"""

import contextlib
import os
import signal
import subprocess
import time

import pytest
from peers import BUILD
from world import World, wait_for

RARELY = 'tether = false; down_interval = "50ms";'


class LocalWorld(World):
    def __init__(self, **options):
        super().__init__(targets=2, check=RARELY, **options)

    def configure(self, *args, **options):
        super().configure(*args, **options)
        text = self.daemon.config.read_text()
        self.daemon.config.write_text(
            text.replace('interval = "100ms"', 'interval = "1h"', 1))

    def pidfile(self, name):
        return self.folder / f"{name}.pid"

    def write_pid(self, name, pid=None):
        pid = pid or self.replicas[name].process.pid
        self.pidfile(name).write_text(f"{pid}\n")

    def name_processes(self):
        for name in self.names:
            self.write_pid(name)
            self.more[name] = f'pidfile = "{self.pidfile(name)}";'
        self.configure()


def test_a_process_that_ends_is_known_at_once_and_again_when_it_is_back():
    with LocalWorld() as w:
        w.name_processes()
        w.start()
        w.daemon.wait_said("process .* is watched", 2)
        w.replica_kill("api1")
        w.wait_out("api1")
        assert w.daemon.said("api1: its process is not watched: .*No such "
                             "process|has ended")
        w.replica_start("api1")
        w.write_pid("api1")
        w.wait_out()
        w.daemon.wait_said("process .* is watched", 3)
        w.replica_kill("api1")
        w.wait_out("api1")


def open_files(pid):
    """What its descriptors are; some may be closed meanwhile."""
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/{pid}/fd/{name}")


def test_a_reload_takes_up_processes_and_lets_go_of_them():
    with LocalWorld() as w:
        w.start()
        w.name_processes()
        w.daemon.signal(signal.SIGHUP)
        w.daemon.wait_said("process .* is watched", 2)
        w.replica_kill("api2")
        w.wait_out("api2")
        w.more = {}
        w.configure()
        w.daemon.signal(signal.SIGHUP)
        wait_for(lambda: not any("pidfd" in what
                                 for what in open_files(w.daemon.process.pid)))


@pytest.mark.parametrize("text, why", [
    ("none\n", "holds no process id"),
    ("0\n", "holds no process id"),
    ("2147483647\n", "No such process|Invalid argument"),
])
def test_what_a_pidfile_does_not_name_is_said_once(text, why):
    with LocalWorld() as w:
        w.name_processes()
        w.pidfile("api1").write_text(text)
        w.start()
        w.daemon.wait_said(f"api1: its process is not watched: .*({why})")
        time.sleep(1.5)
        assert len(w.daemon.said("api1: its process is not watched")) == 1
        w.write_pid("api1")
        w.daemon.wait_said("api1: process .* is watched")


def test_a_number_used_again_is_another_process():
    with LocalWorld() as w:
        w.name_processes()
        os.utime(w.pidfile("api1"), (time.time() - 60,) * 2)
        w.start()
        w.daemon.wait_said("api1: its process is not watched: .* is older than "
                           "process")


def test_a_target_elsewhere_is_not_looked_for_here():
    with LocalWorld() as w:
        w.name_processes()
        text = w.daemon.config.read_text()
        w.daemon.config.write_text(text.replace(
            f"127.0.0.1:{w.ports['api1']}", "192.0.2.7:80"))
        w.daemon.start()
        w.daemon.wait_said("api2: process .* is watched")
        assert not w.daemon.said("api1: ")


class Bus:
    """A stand-in for systemd that knows the states of units."""

    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.states = {}

    def set(self, **states):
        self.states.update(states)
        lines = [f"{unit}.service {state}\n"
                 for unit, state in self.states.items()]
        new = self.folder / "states.new"
        new.write_text("".join(lines))
        new.rename(self.folder / "states")

    def start(self):
        socket = self.folder / "bus"
        socket.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [BUILD / "tests/e2e/units_fake", socket, self.folder / "states"],
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def units(tmp_path):
    bus = Bus(tmp_path)
    bus.set(api1="active", api2="active")
    bus.start()
    try:
        with LocalWorld(environment={
                "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}) as w:
            for name in w.names:
                w.more[name] = f'unit = "{name}.service";'
            w.configure()
            w.start()
            w.daemon.wait_said("2 units are watched")
            yield w, bus
    finally:
        bus.stop()


def test_a_unit_that_fails_is_known_at_once(units):
    w, bus = units
    w.replica_kill("api1")
    time.sleep(0.3)
    assert w.out() == set()
    bus.set(api1="failed")
    w.wait_out("api1")


def test_a_unit_that_goes_while_its_server_answers_harms_nothing(units):
    w, bus = units
    bus.set(api1="deactivating")
    bus.set(api2="reloading")
    time.sleep(0.3)
    assert w.out() == set()
    assert not w.daemon.said("-> DOWN")


def test_a_bus_that_is_lost_is_said_once_and_found_again(units):
    w, bus = units
    bus.stop()
    w.daemon.wait_said("D-Bus: .*; units are not watched")
    w.replica_kill("api1")
    bus.set(api1="failed")
    time.sleep(1.5)
    assert len(w.daemon.said("units are not watched")) == 1
    assert w.out() == set()
    bus.start()
    # What has changed meanwhile is known as soon as the bus is.
    w.daemon.wait_said("2 units are watched", 2)
    w.wait_out("api1")
