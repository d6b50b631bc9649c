"""A real HAProxy with a configuration of its own, and what drives it."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

BUILD = pathlib.Path(os.environ["top_builddir"])
SOURCE = pathlib.Path(os.environ["top_srcdir"])
PATIENCE = 30  # seconds, for what should take milliseconds


def until(condition, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.005)
    raise AssertionError(f"not within {patience} s: {what}")


class Haproxy:
    """In master-worker mode, in a folder of its own.  @backends: name to list
    of `server` lines; @stats: more `stats socket` lines."""

    def __init__(self, backends, stats=(), name="haproxy"):
        self.folder = tempfile.mkdtemp(prefix="bascule-e2e-")
        self.path = f"{self.folder}/{name}.sock"
        self.control = f"{self.folder}/master.sock"
        self.config = f"{self.folder}/haproxy.cfg"
        lines = ["global", f"  stats socket {self.path} mode 600 level admin"
                 " expose-fd listeners", "  nbthread 1"]
        lines += [f"  stats socket {s.format(folder=self.folder)}"
                  for s in stats]
        lines += ["defaults", "  mode http", "  timeout connect 1s",
                  "  timeout client 60s", "  timeout server 60s"]
        for backend, servers in backends.items():
            lines += [f"backend {backend}", "  balance roundrobin"]
            lines += [f"  server {s}" for s in servers]
        pathlib.Path(self.config).write_text("\n".join(lines) + "\n")
        self.master = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder)

    def start(self):
        with open(f"{self.folder}/log", "ab") as log:
            self.master = subprocess.Popen(
                ["haproxy", "-W", "-S", self.control, "-f", self.config], stdout=log, stderr=log)
        until(self.pid, "HAProxy answers")
        return self

    def workers(self):
        path = f"/proc/{self.master.pid}/task/{self.master.pid}/children"
        return [int(p) for p in pathlib.Path(path).read_text().split()]

    def kill(self):
        """kill -9 of the master and of every worker."""
        if self.master is None:
            return
        pids = [*self.workers(), self.master.pid]
        self.master.kill()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.master.wait()
        self.master = None

    def signal_workers(self, number):
        for pid in self.workers():
            os.kill(pid, number)

    def reload(self):
        # A master that is not in its loop yet loses the signal.
        until(lambda: f"{self.pid()} " in self.ask("show proc", self.control),
              "the master knows its worker")
        self.master.send_signal(signal.SIGUSR2)

    def ask(self, command, path=None):
        """One command over a connection of its own; "" if none answers."""
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.settimeout(PATIENCE)
                s.connect(path or self.path)
                s.sendall(command.encode() + b"\n")
                s.shutdown(socket.SHUT_WR)
                return b"".join(iter(lambda: s.recv(65536), b"")).decode()
            except OSError:
                return ""

    def pid(self):
        """Of the worker that a new connection reaches, unless it leaves."""
        info = self.ask("show info")
        pid = re.search(r"^Pid: (\d+)$", info, re.M)
        return int(pid[1]) if pid and "Stopping: 0" in info else None

    def server(self, backend, name):
        """(admin bits, weight) as HAProxy shows them."""
        for line in self.ask(f"show servers state {backend}").splitlines():
            words = line.split()
            if len(words) > 8 and words[3] == name:
                return int(words[6]), int(words[7])
        return None


class Drive:
    """tests/e2e/runtime_drive: orders in, facts out."""

    def __init__(self, *setup):
        self.process = subprocess.Popen(
            [BUILD / "tests/e2e/runtime_drive"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.facts = []  # (time.monotonic() of the driver, text)
        self.orders = 0
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.say(*setup, "go")

    def _read(self):
        for line in self.process.stdout:
            when, text = line.rstrip("\n").split(" ", 1)
            with self.news:
                self.facts.append((float(when), text))
                self.news.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.process.communicate(timeout=PATIENCE)
        except ValueError:  # communicate() beside our reader
            pass
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stdout.close()

    def say(self, *lines):
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def order(self, haproxy, server, state, percent=0, end=False):
        """Returns the order's number."""
        self.orders += 1
        self.say(f"order {haproxy} {server} {state} {percent}"
                 + (" end" if end else ""))
        return self.orders

    def orders_of(self, *orders):
        """Several (haproxy, server, state) in one word; their numbers."""
        self.say(*(f"order {' '.join(order)} 0" for order in orders))
        self.orders += len(orders)
        return range(self.orders - len(orders) + 1, self.orders + 1)

    def seen(self, pattern, since=0):
        return [f for f in self.facts[since:] if re.fullmatch(pattern, f[1])]

    def wait(self, pattern, since=0, count=1, patience=PATIENCE):
        """The last of @count facts that fit: (when, match)."""
        with self.news:
            assert self.news.wait_for(
                lambda: len(self.seen(pattern, since)) >= count, patience), \
                f"no {pattern} in {self.facts[since:][-20:]}"
        when, text = self.seen(pattern, since)[count - 1]
        return when, re.fullmatch(pattern, text)

    def outcome(self, order):
        """"done", or why it failed."""
        match = self.wait(rf"(done|failed) {order} (.*)")[1]
        return "done" if match[1] == "done" else match[2]
