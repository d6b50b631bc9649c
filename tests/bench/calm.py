"""That healthy replicas stay in rotation while the observer is unwell.

Four replicas of two services on hosts of their own (tests/e2e/netns.py); on a
fifth one a HAProxy, its clients and basculed.  basculed is frozen for 5 s every
20 s, all cores are saturated, 20 % of the packets on its link are lost each
way, and HAProxy is reloaded every 5 s.  Once a minute the link is down for 10 s
or, by turns, all that comes over it is lost for 8 s.  No replica may be found
DOWN or withdrawn, no request be lost to that.  When it is over, a replica that
dies must be seen.

  --quick        26 s, with freezes of 3 s and the link down for 6 s; more
                 patience with replicas and with the last death
  --seconds N    how long (default: 900)
  --check fast   with the checks that detection.py measures with
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import threading
import time

import bench

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from calm_cluster import saturated  # noqa: E402
from clusters import ControlSocket  # noqa: E402
from netns import Hosts  # noqa: E402
from prober import clock_us  # noqa: E402
from world import BASCULED, wait_for  # noqa: E402

LOSS_PERCENT = 20
PORT = 5000
CHECKS = {
    "default": 'type = "http"; path = "/health"; interval = "200ms";',
    "fast": f"{bench.fast_pace()} {bench.FAST_CHECK}",
}
SERVICES = {"api": [0, 1, 2], "shop": [2, 3]}
RATE = 20
PATIENCE_S = 5.0  # of clients
# Silence of some 4 s is DOWN, unless the node doubts itself.
QUICK = ' timeout = "1s"; timeout_min = "1s";'


def targets(hosts, service):
    """[(name, address)]; a host may have one of each service."""
    return [(f"{service}{i}", f"{hosts[i].ipv4}:{PORT + (service == 'shop')}")
            for i in SERVICES[service]]


def haproxy_text(stage):
    backends = "".join(
        f"backend be_{service}\n  balance roundrobin\n" +
        "".join(f"  server {name} {address}\n"
                for name, address in targets(stage.hosts, service))
        for service in SERVICES)
    return f"""global
  stats socket {stage.folder}/lb.sock mode 600 level admin
  nbthread 1
  hard-stop-after 10s
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
  timeout queue 10s
  retries 3
  option redispatch 1
frontend in
  bind 127.0.0.1:8001
  use_backend be_shop if {{ path_beg /shop }}
  default_backend be_api
{backends}"""


def bascule_text(stage):
    services = ", ".join(
        f"""{{ name = "{service}"; backend = "be_{service}";
    check = {{ {stage.check} }};
    targets = ( {", ".join(f'{{ name = "{name}"; address = "{address}"; }}'
                           for name, address in
                           targets(stage.hosts, service))} ); }}"""
        for service in SERVICES)
    return f"""node = "observer";
state_dir = "{stage.folder}/state";
control = {{ socket = "{stage.folder}/control.sock"; }};
http = {{ listen = "off"; }};
haproxy = ( {{ name = "lb"; socket = "{stage.folder}/lb.sock"; }} );
services = ( {services} );
"""


class Stage:
    def __init__(self, check):
        self.check = check
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-bench."))
        self.processes, self.replicas = [], []
        self.hosts = None
        try:
            self.build()
        except BaseException:
            self.close()
            raise

    def build(self):
        self.hosts = Hosts(5)
        self.observer = self.hosts[4]
        for host in self.hosts[:4]:
            self.replicas.append(self.launch(
                host, bench.BUILD / "drill/replica/replica", "--listen",
                f"{host.ipv4}:{PORT}", "--ports", 2))
        (self.folder / "haproxy.cfg").write_text(haproxy_text(self))
        (self.folder / "bascule.conf").write_text(bascule_text(self))
        (self.folder / "state").mkdir()
        self.haproxy = self.launch(self.observer, "haproxy", "-W", "-f",
                                   self.folder / "haproxy.cfg")
        wait_for((self.folder / "lb.sock").exists)
        self.daemon = self.launch(self.observer, BASCULED, "-c",
                                  self.folder / "bascule.conf")
        wait_for(lambda: self.states() == {"UP"})
        self.load = self.launch(
            self.observer, bench.BUILD / "drill/load/load", "--url",
            "http://127.0.0.1:8001/api/doctors", "--url",
            "http://127.0.0.1:8001/shop", "--rate", RATE, "--timeout",
            f"{PATIENCE_S:.0f}s", "--connections", "new", "--trace",
            self.folder / "trace")
        # Ten latencies of each are known.
        bench.settle(3)

    def launch(self, host, *argv):
        with open(self.folder / "log", "a") as log:
            process = host.start(*argv, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def states(self):
        """Those of all targets."""
        with contextlib.suppress(OSError), contextlib.closing(
                ControlSocket(f"{self.folder}/control.sock")) as asked:
            asked.request("GET", "/api/v1/status")
            status = json.loads(asked.getresponse().read())
            return {t["state"] for s in status["services"]
                    for t in s["targets"]}
        return set()

    def said(self, pattern):
        return [line for line in (self.folder / "log").read_text().splitlines()
                if re.search(pattern, line)]

    def requests(self):
        """[(when it was due, in us, whether it went well)]"""
        rows = (line.split() for line in
                (self.folder / "trace").read_text().splitlines()
                if not line.startswith("#"))
        # What a replica does not know is answered with 404: answered.
        return [(int(row[0]), row[2] == "ok" or row[3] == "404")
                for row in rows]

    def close(self):
        if self.hosts:
            self.hosts.close()
        for process in self.processes:
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            print((self.folder / "log").read_text()[-6000:])
        self.close()


class Every(threading.Thread):
    """Do something again and again until stop()."""

    def __init__(self, seconds, what):
        super().__init__(daemon=True)
        self.seconds, self.what = seconds, what
        self.times = 0
        self.ended = threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(self.seconds):
            self.what()
            self.times += 1

    def stop(self):
        self.ended.set()
        self.join()
        return self.times


def freeze(stage, seconds):
    stage.daemon.send_signal(signal.SIGSTOP)
    bench.settle(seconds)
    stage.daemon.send_signal(signal.SIGCONT)


def lose(stage, percent):
    for host in stage.hosts[:4]:
        stage.hosts.lose(stage.observer, host, percent)
    stage.hosts.deafen(stage.observer, percent)


def cut(stage, seconds, cuts):
    """Without a carrier, or in silence: by turns."""
    begin = clock_us()
    if len(cuts) % 2 == 0:
        stage.hosts.link(stage.observer, False)
        bench.settle(seconds)
        stage.hosts.link(stage.observer, True)
    else:
        # At one instant: hosts that fall silent one after the other are dead.
        stage.hosts.deafen(stage.observer, 100)
        bench.settle(seconds * 0.8)
        stage.hosts.deafen(stage.observer, LOSS_PERCENT)
    cuts.append((begin, clock_us()))


def trouble(stage, seconds, freezes, cuts_every):
    """All of it at once.  How often each befell, and when the link was down.
    """
    cuts = []
    with saturated():
        lose(stage, LOSS_PERCENT)
        every, frozen = freezes
        pause, down = cuts_every
        threads = {
            "freezes": Every(every - frozen, lambda: freeze(stage, frozen)),
            "cuts": Every(pause - down, lambda: cut(stage, down, cuts)),
            "reloads": Every(5, lambda: stage.haproxy.send_signal(
                signal.SIGUSR2)),
        }
        bench.settle(seconds)
        counts = {name: thread.stop() for name, thread in threads.items()}
    stage.hosts.heal()
    return counts, cuts


def death_seen_ms(stage):
    """A replica dies; how soon it is found."""
    stage.replicas[3].kill()
    begin = time.monotonic()
    wait_for(lambda: stage.said("shop3 .*-> DOWN"))
    return (time.monotonic() - begin) * 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=int, default=900)
    parser.add_argument("--check", choices=CHECKS, default="default")
    options = parser.parse_args()
    quick = options.quick
    seconds = 26 if quick else options.seconds
    check = CHECKS[options.check]
    with Stage(check + (QUICK if quick else "")) as stage:
        counts, cuts = trouble(stage, seconds, (9, 3) if quick else (20, 5),
                               (12, 6) if quick else (60, 10))
        bench.settle(3 if quick else 8)
        stage.load.send_signal(signal.SIGINT)
        stage.load.wait(timeout=30)
        downs, outs = stage.said("-> DOWN"), stage.said(": withdrawing it")
        doubts = stage.said("doubts itself: |stood still")
        with contextlib.suppress(AssertionError):
            wait_for(lambda: stage.states() == {"UP"})
        states = sorted(stage.states())
        # Retransmissions go on for a while when the link is back.
        requests = [(well, any(begin - PATIENCE_S * 1e6 <= at <= end + 5e6
                               for begin, end in cuts))
                    for at, well in stage.requests()]
        dead_ms = death_seen_ms(stage)
    for line in [*downs, *outs][:20]:
        print(line)
    return bench.finish("calm-quick" if quick else "calm", [
        bench.aim("verdicts of DOWN", len(downs), 0, ""),
        bench.aim("withdrawals", len(outs), 0, ""),
        bench.aim("requests lost to a withdrawal",
                  sum(not well for well, _ in requests) if outs else 0, 0, ""),
        bench.aim("targets that are not UP", states != ["UP"], 0, ""),
        bench.aim("a death afterwards is seen within", dead_ms,
                  20000 if quick else 2000, "ms"),
    ], [{"check": options.check, "seconds": seconds, **counts,
         "requests": len(requests),
         "failed_while_cut": sum(cut and not well for well, cut in requests),
         "failed_else": sum(not cut and not well for well, cut in requests),
         "doubts": len(doubts), "loss_percent": LOSS_PERCENT,
         "load": round(os.getloadavg()[0], 1)}])


if __name__ == "__main__":
    sys.exit(main())
