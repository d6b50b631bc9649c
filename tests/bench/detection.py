"""How soon a faulty replica is out of rotation, beside HAProxy's best.

Three replicas on hosts of their own (tests/e2e/netns.py); on a fourth one two
HAProxies stand before them.  One leaves all checks to basculed.  The other
checks by itself, as fast as it can be told to: an interval of 100 ms, 10 ms
in doubt, and its observation of traffic takes a server down at the first
failed connection (with --observe layer7 also at the first 5xx, by which one
bad request takes a server that is well from everybody).  Both meet each fault at the same instant: in mode quiet without client
traffic, in traffic with it, in retries with it and HAProxy's retries.  basculed
asks as often as HAProxy, but in mode quiet-25 four times as often: what only a
question can show cannot be known in half the time at the same interval.  The
CPU that both then take is told.

A fault counts from its beginning until HAProxy's own socket, asked each
millisecond, shows that the server is out of use.

  --quick        each fault once, quiet: that it is seen at all
  --times N      repetitions of each fault (default: 20)
  --observe WHAT layer4 (default) or layer7: what HAProxy watches of traffic
  --modes A,B    of quiet, quiet-25, traffic, retries (default: all)
  --faults A,B   of those below (default: all)
"""

import argparse
import bisect
import contextlib
import json
import math
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import bench

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from clusters import ControlSocket  # noqa: E402
from netns import Hosts, inside  # noqa: E402
from prober import clock_us  # noqa: E402
from world import BASCULED, wait_for  # noqa: E402

REPLICAS = 3
PORT, CONTROL = 5000, 5001
OURS, THEIRS = "bascule", "haproxy"
INTERVAL_MS, PATIENCE_MS = bench.FAST_MS, bench.FAST_PATIENCE_MS
RATE = 100
MODES = ("quiet", "quiet-25", "traffic", "retries")
QUIET = ("quiet", "quiet-25")
LIMIT = 20.0  # seconds, for what takes a tenth of one
WHOLE = 120.0 # seconds, until a busy machine has all at once


class Replica:
    """A replica on its host, and a curl that stands by to switch it."""

    def __init__(self, host, folder):
        self.host = host
        self.folder = folder
        self.process = None
        self.start()

    def start(self):
        self.process = self.host.start(
            bench.BUILD / "drill/replica/replica",
            "--listen", f"{self.host.ipv4}:{PORT}",
            "--control", f"127.0.0.1:{CONTROL}", "--name", self.host.name,
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().startswith("listening")

    def revive(self):
        self.process.wait()
        self.process.stdout.close()
        self.start()

    def fault(self, form):
        """When it was switched, on the loop's clock."""
        done = self.host.run("curl", "-sS", "-d", form,
                             f"http://127.0.0.1:{CONTROL}/fault")
        return json.loads(done.stdout)["since_us"]


class Ruler(threading.Thread):
    """Which servers a HAProxy uses, each millisecond."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = path
        self.changes = []  # (instant_us, {names in use})
        self.ended, self.rests = threading.Event(), threading.Event()
        self.start()

    def look(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(1)
            s.connect(self.path)
            s.sendall(b"show servers state api\n")
            text = b"".join(iter(lambda: s.recv(16384), b"")).decode()
        rows = (line.split() for line in text.splitlines()[2:])
        # Operational states 1 and 2 run; any administrative bit stops.
        return {row[3] for row in rows
                if len(row) > 6 and row[5] in "12" and row[6] == "0"}

    def run(self):
        while not self.ended.is_set():
            if not self.rests.is_set():
                self.note()
            time.sleep(0.001)

    def note(self):
        with contextlib.suppress(OSError):
            used = self.look()
            if not self.changes or self.changes[-1][1] != used:
                self.changes.append((clock_us(), used))

    def used(self):
        return self.changes[-1][1] if self.changes else set()

    def out_at(self, name, begin):
        """When @name was first out of use after @begin, or None."""
        start = bisect.bisect_left(self.changes, begin, key=lambda c: c[0])
        return next((at for at, used in self.changes[start:]
                     if name not in used), None)

    def was_out(self, name, begin):
        start = bisect.bisect_left(self.changes, begin, key=lambda c: c[0])
        return start > 0 and name not in self.changes[start - 1][1]


def mode_has_traffic(mode):
    return mode not in QUIET


def haproxy_text(stage, side, retries):
    checks = ("" if side == OURS else
              f" check inter {INTERVAL_MS}ms fastinter 10ms downinter"
              f" {INTERVAL_MS}ms fall 2 rise 2 observe {stage.observe}"
              " error-limit 1 on-error mark-down")
    again = ("  retries 3\n  option redispatch 1\n"
             "  retry-on all-retryable-errors\n" if retries
             else "  retries 0\n")
    servers = "".join(
        f"  server {r.host.name} {r.host.ipv4}:{PORT}{checks}\n"
        for r in stage.replicas)
    return f"""global
  stats socket {stage.path(side)} mode 600 level admin
  nbthread 1
  log /dev/null local0
defaults
  mode http
  timeout connect {PATIENCE_MS}ms
  timeout check {PATIENCE_MS}ms
  timeout client 5s
  timeout server 1s
  timeout queue 1s
{again}  option http-keep-alive
frontend in
  bind {stage.front(side)}
  default_backend api
backend api
  balance roundrobin
  option httpchk GET /health
  http-check expect status 200
{servers}"""


def bascule_text(stage):
    targets = ", ".join(f'{{ name = "{r.host.name}"; '
                        f'address = "{r.host.ipv4}:{PORT}"; }}'
                        for r in stage.replicas)
    return f"""node = "observer";
state_dir = "{stage.folder}/state";
control = {{ socket = "{stage.folder}/control.sock"; }};
http = {{ listen = "off"; }};
haproxy = ( {{ name = "lb"; socket = "{stage.path(OURS)}"; }} );
services = ( {{ name = "api"; backend = "api"; flap_limit = 0;
  check = {{ {bench.fast_pace(stage.interval_ms)} {bench.FAST_CHECK} }};
  targets = ( {targets} ); }} );
"""


class Stage:
    """Hosts, replicas, both HAProxies and the daemon, for one mode."""

    def __init__(self, mode, observe):
        self.mode, self.observe = mode, observe
        self.interval_ms = INTERVAL_MS // (4 if mode == "quiet-25" else 1)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-bench."))
        self.hosts = self.network = None
        self.processes, self.replicas, self.rulers = [], [], {}
        try:
            self.build()
        except BaseException:
            self.close()
            raise

    def path(self, side):
        return f"{self.folder}/{side}.sock"

    def front(self, side):
        return f"127.0.0.1:{8001 if side == OURS else 8002}"

    def build(self):
        self.hosts = Hosts(REPLICAS + 1)
        self.observer = self.hosts[REPLICAS]
        # One that stands by: a cable is pulled without a new process.
        self.network = subprocess.Popen(
            inside(self.hosts.switch, "ip", "-batch", "-"),
            stdin=subprocess.PIPE, text=True)
        self.replicas = [Replica(host, self.folder)
                         for host in self.hosts[:REPLICAS]]
        for side in (OURS, THEIRS):
            config = self.folder / f"{side}.cfg"
            config.write_text(haproxy_text(self, side, self.mode == "retries"))
            self.launch("haproxy", "-db", "-f", config)
            wait_for(lambda s=side: os.path.exists(self.path(s)))
            self.rulers[side] = Ruler(self.path(side))
        config = self.folder / "bascule.conf"
        config.write_text(bascule_text(self))
        (self.folder / "state").mkdir()
        self.launch(BASCULED, "-c", config)
        if mode_has_traffic(self.mode):
            for side in (OURS, THEIRS):
                self.launch(bench.BUILD / "drill/load/load", "--url",
                            f"http://{self.front(side)}/api/doctors",
                            "--rate", RATE, "--timeout", "2s",
                            "--trace", self.folder / f"{side}.trace")
        self.wait_whole()
        # Ten latencies are known, and the load has its connections.
        bench.settle(3)

    def launch(self, *argv):
        with open(self.folder / "log", "a") as log:
            self.processes.append(self.observer.start(*argv, stdout=log,
                                                      stderr=log))

    def wait_whole(self):
        names = {r.host.name for r in self.replicas}
        wait_for(lambda: all(r.used() == names for r in self.rulers.values())
                 and self.is_up(), WHOLE)

    def is_up(self):
        with contextlib.suppress(OSError), contextlib.closing(
                ControlSocket(f"{self.folder}/control.sock")) as asked:
            asked.request("GET", "/api/v1/status")
            status = json.loads(asked.getresponse().read())
            return all(t["state"] in ("UP", "DEGRADED")
                       for s in status["services"] for t in s["targets"])
        return False

    def cpu_row(self, seconds=5.0):
        """Milliseconds of CPU a second: the daemon's, and HAProxy's for its
        own checks.  Nothing is read from either meanwhile."""
        theirs, ours = (p.pid for p in self.processes[1:3])
        for ruler in self.rulers.values():
            ruler.rests.set()
        bench.settle(0.1)
        begin = [bench.cpu_seconds(pid) for pid in (ours, theirs)]
        bench.settle(seconds)
        used = [(bench.cpu_seconds(pid) - at) * 1e3 / seconds
                for pid, at in zip((ours, theirs), begin)]
        for ruler in self.rulers.values():
            ruler.rests.clear()
        return {"mode": self.mode, "healthy": "cpu ms a second",
                OURS: round(used[0], 2), THEIRS: round(used[1], 2)}

    def link(self, host, state):
        self.network.stdin.write(f"link set {host.port} {state}\n")
        self.network.stdin.flush()

    def failed(self, side, spans):
        """Requests that failed in any of @spans, and all in them."""
        failed = total = 0
        for line in (self.folder / f"{side}.trace").read_text().splitlines():
            if line.startswith("#"):
                continue
            intended, _, kind, _ = line.split()[:4]
            at = bisect.bisect_right(spans, (int(intended), math.inf)) - 1
            if at >= 0 and int(intended) < spans[at][1]:
                total += 1
                failed += kind != "ok"
        return failed, total

    def stop_load(self):
        for process in self.processes[3:]:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=10)

    def close(self):
        for ruler in self.rulers.values():
            ruler.ended.set()
            ruler.join()
        if self.network:
            self.network.stdin.close()
            self.network.wait()
        if self.hosts:
            self.hosts.close()
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print((self.folder / "log").read_text()[-4000:])
        self.close()


# Each begins a fault of one replica, returns when that was, and how to end it.

def kill(_, replica):
    begin = clock_us()
    replica.process.kill()
    return begin, replica.revive


def freeze(_, replica):
    begin = clock_us()
    replica.process.send_signal(signal.SIGSTOP)
    return begin, lambda: replica.process.send_signal(signal.SIGCONT)


def link_down(stage, replica):
    begin = clock_us()
    stage.link(replica.host, "down")
    return begin, lambda: stage.link(replica.host, "up")


def drop(stage, replica):
    begin = clock_us()
    stage.hosts.lose(stage.observer, replica.host)
    return begin, stage.hosts.heal


def switched(form):
    def begin(_, replica):
        return replica.fault(form), lambda: replica.fault("kind=none")
    return begin


FAULTS = {
    "kill": kill, "freeze": freeze, "link-down": link_down, "drop": drop,
    "status-503": switched("kind=status&code=503"),
    "slow": switched("kind=slow&ms=1000"),
    "listener-gone": switched("kind=refuse"),
    "queue-full": switched("kind=full"),
}
QUESTION_ONLY = ("status-503", "slow")


def begin_fault(stage, name, replica):
    """When it began, and how to end it.  A busy machine may have had a replica
    out of use that was well: then it is begun again."""
    while True:
        # Let the fault meet the checks anywhere.
        bench.settle(random.uniform(1, 2) * INTERVAL_MS / 1e3)
        begin, end_fault = FAULTS[name](stage, replica)
        if not any(ruler.was_out(replica.host.name, begin)
                   for ruler in stage.rulers.values()):
            return begin, end_fault
        end_fault()
        stage.wait_whole()


def once(stage, name, replica):
    """{side: ms until it was out}, and the span of the fault."""
    begin, end_fault = begin_fault(stage, name, replica)
    took = {}

    def seen():
        for side, ruler in stage.rulers.items():
            at = ruler.out_at(replica.host.name, begin)
            if at is not None:
                took[side] = (at - begin) / 1e3
        return len(took) == len(stage.rulers)

    with contextlib.suppress(AssertionError, TimeoutError):
        wait_for(seen, LIMIT)
    # Clients show whether they are well again.
    bench.settle(0.1)
    span = (begin, clock_us())
    end_fault()
    stage.wait_whole()
    return {side: took.get(side, LIMIT * 1e3)
            for side in stage.rulers}, span


def measure(mode, faults, times, observe="layer4"):
    """[row of figures], one for each fault."""
    if mode == "quiet-25":
        faults = [name for name in faults if name in QUESTION_ONLY]
    took = {name: {OURS: [], THEIRS: []} for name in faults}
    spans = {name: [] for name in faults}
    with Stage(mode, observe) as stage:
        cpu = [stage.cpu_row(5.0 if times > 1 else 0.5)] if mode in QUIET else []
        for turn in range(times):
            for number, name in enumerate(faults):
                replica = stage.replicas[(turn + number) % REPLICAS]
                each, span = once(stage, name, replica)
                spans[name].append(span)
                for side, ms in each.items():
                    took[name][side].append(ms)
        if mode in QUIET:
            return cpu + [row(mode, name, took[name]) for name in faults]
        stage.stop_load()
        return [row(mode, name, took[name],
                    {side: stage.failed(side, spans[name])
                     for side in (OURS, THEIRS)}) for name in faults]


def row(mode, name, took, failed=None):
    figures = {"mode": mode, "fault": name, "times": len(took[OURS])}
    for side, values in took.items():
        middle, spread = bench.spread(values)
        figures |= {f"{side}_median_ms": round(middle, 1),
                    f"{side}_spread_ms": round(spread, 1),
                    f"{side}_worst_ms": round(max(values), 1)}
        if failed:
            figures[f"{side}_failed"] = "{} of {}".format(*failed[side])
    return figures


def aims_of(row_):
    """Nothing where a question alone can show it, and they are as many as
    HAProxy's: such rows are for comparison."""
    if "fault" not in row_:
        return []
    mode, name = row_["mode"], row_["fault"]
    if mode == "quiet" and name in QUESTION_ONLY:
        return []
    ours, theirs = row_[f"{OURS}_median_ms"], row_[f"{THEIRS}_median_ms"]
    label = f"{name}, {mode}, median"
    if name == "kill" and mode == "quiet":
        return [bench.aim(label, ours, 5.0, "ms"),
                bench.aim(f"{name}, {mode}, worst", row_[f"{OURS}_worst_ms"],
                          20.0, "ms")]
    share = (1.0 if name in QUESTION_ONLY and mode_has_traffic(mode)
             else 0.5)
    return [bench.aim(label, ours, round(share * theirs, 1), "ms")]


def unseen(rows):
    """How many faults one of both never acted on."""
    return sum(row_[f"{side}_worst_ms"] >= LIMIT * 1e3
               for row_ in rows if "fault" in row_ for side in (OURS, THEIRS))


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="faults:\n  " + ", ".join(FAULTS),
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--observe", default="layer4",
                        choices=("layer4", "layer7"))
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--faults", default=",".join(FAULTS))
    args = parser.parse_args()
    for given, known in ((args.modes, MODES), (args.faults, FAULTS)):
        for word in given.split(","):
            if word not in known:
                parser.error(f"{word} is none of {', '.join(known)}")
    return args


def main():
    args = parse()
    rows = []
    if args.quick:
        rows = measure("quiet", list(FAULTS), 1)
        return bench.finish("detection-quick", [
            bench.aim("faults not seen", unseen(rows), 0, "")], rows)
    for mode in args.modes.split(","):
        rows += measure(mode, args.faults.split(","), args.times,
                        args.observe)
    aims = [bench.aim("faults not seen", unseen(rows), 0, "")]
    return bench.finish("detection",
                        aims + [a for r in rows for a in aims_of(r)], rows)


if __name__ == "__main__":
    sys.exit(main())
