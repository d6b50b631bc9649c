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


def lives(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rsplit(")", 1)[1].split()[0] not in "ZX"


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        found += [int(p) for p in (task / "children").read_text().split()]
    return found


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
            for pid in children(self.pid):
                comm = pathlib.Path(f"/proc/{pid}/comm")
                with contextlib.suppress(FileNotFoundError):
                    if comm.read_text().strip() == "bascule-guard":
                        return pid
            return None
        pid = until(find, "a guard")
        if pid not in self.guards:
            self.guards.append(pid)
        return pid

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    def wait(self):
        return self.process.wait(timeout=PATIENCE)

    def close(self):
        """Whatever became of it, nothing of it goes on."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pid in self.guards:
            with contextlib.suppress(AssertionError):
                until(lambda p=pid: not lives(p), "end of the guard")
            with contextlib.suppress(ProcessLookupError):
                if lives(pid):
                    os.kill(pid, signal.SIGKILL)
        self.process.stdin.close()
