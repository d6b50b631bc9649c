"""The service: what systemd thinks of the unit, and what the daemon tells it."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess

import pytest
from guards import freeze
from world import BASCULED, TOP, World, wait_for

SRC = os.environ.get("top_srcdir") or os.getcwd()


@pytest.fixture
def unit(tmp_path):
    """The unit as installed, but with the program of this build."""
    text = pathlib.Path(TOP, "systemd/basculed.service").read_text()
    text = re.sub(r"^(ExecStart|ExecStopPost)=\S+",
                  rf"\1={os.path.abspath(BASCULED)}", text, flags=re.M)
    path = tmp_path / "basculed.service"
    path.write_text(text)
    return path


def test_the_unit_is_clean(unit):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_fault_in_the_unit_would_be_seen(unit):
    unit.write_text(unit.read_text().replace("Type=notify", "Type=notifi"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                          capture_output=True, text=True, check=False)
    assert "notifi" in done.stderr


def test_its_exposure_is_low(unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", unit],
        capture_output=True, text=True, check=True)
    level = float(re.search(r"exposure level .*: ([0-9.]+)",
                            done.stdout).group(1))
    print("exposure", level)
    assert level <= 2.0


def test_sysusers_and_tmpfiles_are_valid(tmp_path):
    for program, name in (("systemd-sysusers", "bascule.sysusers"),
                          ("systemd-tmpfiles", "bascule.tmpfiles")):
        conf = tmp_path / f"{name}.conf"
        conf.write_text(pathlib.Path(SRC, "systemd", name).read_text())
        (tmp_path / "etc").mkdir(exist_ok=True)
        (tmp_path / "etc/passwd").touch()
        (tmp_path / "etc/group").touch()
        command = [program, f"--root={tmp_path}", conf]
        if program == "systemd-tmpfiles":
            command.insert(1, "--create")
        done = subprocess.run(command, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stderr
    assert "bascule:" in (tmp_path / "etc/passwd").read_text()
    assert (tmp_path / "run/bascule").is_dir()


class Manager:
    """Stands in for systemd at the other end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = str(folder / "notify.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0.05)
        self.heard = []

    def hear(self, word, seconds=30.0):
        def heard():
            try:
                self.heard += self.socket.recv(4096).decode().splitlines()
            except TimeoutError:
                pass
            return self.heard.count(word) > 0
        wait_for(heard, seconds)

    def forget(self):
        """What was heard, and what was sent by now."""
        with contextlib.suppress(TimeoutError):
            while self.socket.recv(4096):
                pass
        self.heard.clear()


def test_it_tells_systemd_ready_reloading_stopping_and_alive():
    with World() as w:
        manager = Manager(w.folder)
        w.daemon.environment.update(NOTIFY_SOCKET=manager.path,
                                    WATCHDOG_USEC="300000")
        w.start()
        manager.hear("READY=1")
        manager.hear("WATCHDOG=1")
        manager.forget()
        w.daemon.signal(signal.SIGHUP)
        manager.hear("RELOADING=1")
        manager.hear("READY=1")
        manager.forget()
        w.daemon.stop()
        manager.hear("STOPPING=1")


def test_a_loop_that_hangs_feeds_no_watchdog():
    with World() as w:
        manager = Manager(w.folder)
        w.daemon.environment.update(NOTIFY_SOCKET=manager.path,
                                    WATCHDOG_USEC="300000")
        w.start()
        manager.hear("WATCHDOG=1")
        freeze(w.daemon.process)
        manager.forget()
        with pytest.raises(AssertionError):
            manager.hear("WATCHDOG=1", 1.0)
        w.daemon.signal(signal.SIGCONT)
        manager.hear("WATCHDOG=1")


@pytest.mark.parametrize("arguments, status, words", [
    (["--help"], 0, "Usage: basculed"),
    (["--version"], 0, "basculed "),
    (["--wrong"], 64, "--help"),
    (["surplus"], 64, "surplus"),
    (["-c", "/nonexistent/bascule.conf"], 1, "/nonexistent/bascule.conf"),
])
def test_its_command_line(arguments, status, words):
    done = subprocess.run([BASCULED, *arguments], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == status
    assert words in done.stdout + done.stderr


def test_it_checks_a_configuration_and_says_so():
    with World() as w:
        done = subprocess.run([BASCULED, "-t", "-c", w.daemon.config],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0
        assert "fine: 1 services, 3 targets" in done.stdout
        good = w.daemon.config.read_text()
        w.daemon.config.write_text(good.replace("min_up", "minup") +
                                   'bogus = 1;\n')
        done = subprocess.run([BASCULED, "-t", "-c", w.daemon.config],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert re.search(r"bascule.conf:\d+: .*bogus", done.stderr)
