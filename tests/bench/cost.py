"""What checks cost: the daemon beside HAProxy doing the same checks.

CPU for each HTTP check at 1,000, 5,000 and 10,000 a second, private memory for
each of 10,000 targets, how late checks are at 5,000 a second on one core, and
the longest time without a check across a reload of 5,000.  Both ask the same
replicas, in turns, in one run; --quick makes it short.
"""

import asyncio
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import time

import bench

INTERVAL_S = 1.0
WATCHED = 40          # targets whose checks are timed
WATCHED_EVERY_S = 0.1 # across the reload
PORTS_MAX = 5000      # of one replica: listener and connection for each
# Private KiB of keepalived 2.2.7 for each of its checkers, measured once on
# such a machine: it needs IPVS in the kernel, which is not everywhere.
KEEPALIVED_KIB = 3.3


def daemon_config(folder, ports, count, rise=2, watched=(), every="100ms"):
    targets = ",\n".join(
        f'{{ name = "t{i}"; address = "127.0.0.1:{port}"; }}'
        for i, port in enumerate(ports[:count]))
    more = ",\n".join(f'{{ name = "w{i}"; address = "127.0.0.1:{port}"; }}'
                      for i, port in enumerate(watched))
    second = f"""
  , {{ name = "watched";
      check = {{ type = "http"; path = "/health"; interval = "{every}"; }};
      targets = ( {more} ); }}""" if watched else ""
    path = folder / "bascule.conf"
    path.write_text(f"""
node = "bench";
state_dir = "{folder}";
control = {{ socket = "{folder}/control.sock"; }};
http = {{ listen = "off"; }};
services = (
  {{ name = "api";
    check = {{ type = "http"; path = "/health"; interval = "1s";
              rise = {rise}; }};
    targets = ( {targets} );
  }}{second} );
""")
    return path


def haproxy_config(folder, ports, count):
    path = folder / "haproxy.cfg"
    servers = "\n".join(f"    server t{i} 127.0.0.1:{port} check inter 1s"
                        for i, port in enumerate(ports[:count]))
    path.write_text("global\n    nbthread 1\n    maxconn 1000\n"
                    "defaults\n    mode http\n    timeout connect 1s\n"
                    "    timeout client 1s\n    timeout server 1s\n"
                    f"frontend fe\n    bind unix@{folder}/fe.sock\n"
                    "    default_backend be\n"
                    "backend be\n    option httpchk GET /health\n"
                    f"{servers}\n")
    return path


def start(who, folder, ports, count, **options):
    if who == "bascule":
        config = daemon_config(folder, ports, count, **options)
        return bench.Process([bench.BUILD / "controller/daemon/basculed",
                              "-c", config], folder / "basculed.log")
    config = haproxy_config(folder, ports, count)
    return bench.Process(["/usr/sbin/haproxy", "-db", "-f", config],
                         folder / "haproxy.log")


def measure(who, folder, ports, count, seconds):
    """CPU microseconds a check, and private KiB."""
    process = start(who, folder, ports, count)
    try:
        bench.settle(3)
        begin, cpu = time.monotonic(), process.cpu_seconds()
        bench.settle(seconds)
        used = process.cpu_seconds() - cpu
        checks = (time.monotonic() - begin) / INTERVAL_S * count
        return used / checks * 1e6, process.private_kib()
    finally:
        process.stop()


class Watch(threading.Thread):
    """Targets of our own that remember when they were asked."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ports, self.asked = [], {}
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()

    def run(self):
        self.loop.run_until_complete(self.serve())

    async def serve(self):
        for _ in range(WATCHED):
            server = await asyncio.start_server(self.answer, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            self.ports.append(port)
            self.asked[port] = []
        self.ready.set()
        await asyncio.Event().wait()

    async def answer(self, reader, writer):
        port = writer.get_extra_info("sockname")[1]
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.asked[port].append(time.monotonic())
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def longest_gap(self, begin, end):
        gaps = [0.0]
        for times in self.asked.values():
            inside = [t for t in list(times) if begin <= t <= end]
            gaps += [b - a for a, b in zip(inside, inside[1:])]
        return max(gaps)


def reload_gap(folder, ports, count):
    """Longest time without a check of a target asked each 100 ms: before the
    reload, and across it."""
    watch = Watch()
    watch.start()
    watch.ready.wait()
    process = start("bascule", folder, ports, count, watched=watch.ports)
    try:
        bench.settle(4)
        quiet = watch.longest_gap(time.monotonic() - 2, time.monotonic())
        daemon_config(folder, ports, count, rise=3, watched=watch.ports)
        begin = time.monotonic()
        process.signal(signal.SIGHUP)
        bench.settle(3)
        said = (folder / "basculed.log").read_text()
        assert "reloaded" in said, "the daemon did not reload"
        return quiet, watch.longest_gap(begin - 0.2, time.monotonic())
    finally:
        process.stop()


def lateness_ms(folder, ports, count, seconds):
    """How late each check of the watched targets is against its own earliest
    phase, in milliseconds, in order; the daemon has one core."""
    watch = Watch()
    watch.start()
    watch.ready.wait()
    process = start("bascule", folder, ports, count, watched=watch.ports,
                    every="1s")
    try:
        core = min(os.sched_getaffinity(0))
        for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})
        bench.settle(4)
        begin = time.monotonic()
        bench.settle(seconds)
        late = []
        for times in watch.asked.values():
            phases = [(t - begin) - round(t - times[-1]) * INTERVAL_S
                      for t in times if t >= begin]
            late += [(phase - min(phases)) * 1e3 for phase in phases]
        return sorted(late)
    finally:
        process.stop()


def costs(folder, ports, count, turns, seconds, rows):
    """Both in turns; medians of CPU and memory."""
    cpu = {"bascule": [], "haproxy": []}
    kib = {"bascule": [], "haproxy": []}
    for _ in range(turns):
        for who in cpu:
            us, private = measure(who, folder, ports, count, seconds)
            cpu[who].append(us)
            kib[who].append(private)
    result = {}
    for who in cpu:
        us, us_iqr = bench.spread(cpu[who])
        private, _ = bench.spread(kib[who])
        result[who] = (us, private)
        rows.append({"who": who, "checks_per_second": count,
                     "cpu_us_per_check": round(us, 1),
                     "iqr_us": round(us_iqr, 1),
                     "private_kib": round(private), "turns": turns})
    return result


def rank(values, percent):
    return values[min(len(values) * percent // 100, len(values) - 1)]


def main():
    quick = "--quick" in sys.argv
    turns, seconds = (1, 2) if quick else (5, 8)
    sizes = [500, 1000] if quick else [1000, 5000, 10000]
    middle, most = sizes[-2], sizes[-1]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-bench."))
    rows, replicas, ports, of = [], [], [], {}
    try:
        while len(ports) < most:
            count = min(PORTS_MAX, most - len(ports))
            first, replica = bench.replica(folder, count)
            replicas.append(replica)
            ports += range(first, first + count)
        bare = {who: measure(who, folder, ports, 1, 1)[1]
                for who in ("bascule", "haproxy")}
        for size in sizes:
            of[size] = costs(folder, ports, size, turns, seconds, rows)
        late = lateness_ms(folder, ports, middle, 3 if quick else 20)
        quiet, across = reload_gap(folder, ports, middle)
    finally:
        for replica in replicas:
            replica.stop()
        shutil.rmtree(folder, ignore_errors=True)
    per_target = {who: (of[most][who][1] - bare[who]) / most for who in bare}
    for who, kib in per_target.items():
        rows.append({"who": who, "targets": most,
                     "private_kib_per_target": round(kib, 2)})
    rows.append({"who": "bascule", "checks_per_second": middle, "cores": 1,
                 "late_ms_median": round(rank(late, 50), 2),
                 "late_ms_p99": round(rank(late, 99), 2),
                 "late_ms_worst": round(late[-1], 2)})
    rows.append({"who": "bascule", "targets": middle,
                 "longest_gap_ms_before_reload": round(quiet * 1e3),
                 "longest_gap_ms_across_reload": round(across * 1e3),
                 "interval_ms": round(WATCHED_EVERY_S * 1e3)})
    return bench.finish("cost", [
        bench.aim(f"CPU for a check at {size:,} a second, share of HAProxy's",
                  of[size]["bascule"][0] / of[size]["haproxy"][0],
                  0.8 if size <= 1000 else 0.5, "")
        for size in sizes] + [
        bench.aim("private memory for a target, share of HAProxy's",
                  per_target["bascule"] / per_target["haproxy"], 0.5, ""),
        bench.aim("private memory for a target, below keepalived's",
                  per_target["bascule"], KEEPALIVED_KIB, "KiB"),
        bench.aim("lateness of 99 of 100 checks, share of their interval",
                  rank(late, 99) / 1e3 / INTERVAL_S, 0.01, ""),
        bench.aim("longest time without a check across a reload",
                  across, 0.5, "s"),
    ], rows)


if __name__ == "__main__":
    sys.exit(main())
