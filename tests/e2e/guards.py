"""A guarded process in a folder of its own, and hooks that write down what
they see."""

import contextlib
import os
import pathlib
import signal
import subprocess
import threading
import time

BUILD = pathlib.Path(os.environ.get("top_builddir") or os.getcwd())
DRIVE = BUILD / "tests/e2e/guard_drive"
BASCULED = BUILD / "controller/daemon/basculed"
PATIENCE = 30  # seconds, for what should take milliseconds


def until(condition, what, patience=PATIENCE, every=0.0005):
    """Wait for it; returns what it gave."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(every)
    raise AssertionError(f"not within {patience} s: {what}")


def state(pid):
    """Its letter in /proc; X once it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "X"
    return text.rsplit(")", 1)[1].split()[0]


def lives(pid):
    return state(pid) not in "ZX"


def children(pid):
    """Its own, none once it has died."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found += [int(p) for p in (task / "children").read_text().split()]
    return found


def freeze(process):
    """Send SIGSTOP, and wait until nothing of it runs: what was under way, a
    fork say, it finishes before."""
    process.send_signal(signal.SIGSTOP)
    until(lambda: state(process.pid) in "TZX", "a standstill")


def kill_all(pids):
    """All that pids() lists, and what they start meanwhile: a daemon whose
    guard dies before it has another one in a moment."""
    stopped = set()
    while new := set(pids()) - stopped:
        for pid in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
            until(lambda p=pid: state(p) in "TZX", "a standstill")
        stopped |= new
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_with_guard(process):
    """Kill the daemon and the guard that it has now, and see the daemon dead.
    One that ran on would have another guard in a moment."""
    freeze(process)
    program = os.path.realpath(f"/proc/{process.pid}/exe")
    for pid in children(process.pid):
        # One that has only just been made has no name of its own yet.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if os.path.realpath(f"/proc/{pid}/exe") == program:
                os.kill(pid, signal.SIGKILL)
    process.kill()
    process.wait()


class Node:
    """The folder, its hooks, and the drivers that ran in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "log"
        self.log.touch()
        self.recipe = self.folder / "release"
        self.drives = []
        self.env = dict(os.environ)

    def hook(self, name, body):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\nlog={self.log}\n{body}\n")
        path.chmod(0o755)
        return str(path)

    def lines(self):
        return self.log.read_text().splitlines()

    def logged(self, line, patience=PATIENCE):
        until(lambda: line in self.lines(), line, patience)

    def resigned(self):
        path = self.folder / "resigned"
        return path.read_text().splitlines() if path.exists() else []

    def start(self, promote="-", demote="-", budget=50, promote_ms=5000,
              demote_ms=5000, env=None):
        drive = Drive(self, [DRIVE, self.folder, budget, promote, demote,
                             promote_ms, demote_ms], env or self.env)
        self.drives.append(drive)
        return drive

    def release(self):
        """basculed --release, as ExecStopPost= would."""
        env = dict(self.env, RUNTIME_DIRECTORY=str(self.folder))
        return subprocess.run([BASCULED, "--release", "-c", "/dev/null"],
                              env=env, capture_output=True, text=True,
                              timeout=30, check=False)

    def close(self):
        for drive in self.drives:
            drive.close()


def is_guard(pid):
    with contextlib.suppress(OSError):
        comm = pathlib.Path(f"/proc/{pid}/comm").read_text()
        return comm.strip() == "bascule-guard" and lives(pid)
    return False


class Drive:
    def __init__(self, node, command, env):
        self.node = node
        self.said = []
        self.guards = []
        self.process = subprocess.Popen(
            [str(c) for c in command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env=env)
        self.pid = self.process.pid
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def heard(self, start, patience=PATIENCE):
        def find():
            return next((s for s in self.said if s.startswith(start)), None)
        return until(find, f"{start} in {self.said}", patience)

    def ready(self):
        self.heard("started")
        return self

    def guard(self):
        def find():
            return next(filter(is_guard, children(self.pid)), None)
        pid = until(find, "a guard")
        if pid not in self.guards:
            self.guards.append(pid)
        return pid

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    def kill_with_guard(self):
        kill_with_guard(self.process)

    def wait(self):
        return self.process.wait(timeout=PATIENCE)

    def close(self):
        """Whatever became of it, nothing of it goes on."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pid in self.guards:
            with contextlib.suppress(AssertionError):
                until(lambda p=pid: not is_guard(p), "end of the guard")
            with contextlib.suppress(ProcessLookupError):
                if is_guard(pid):
                    os.kill(pid, signal.SIGKILL)
        self.process.stdin.close()
