"""What checks cost: the daemon beside HAProxy doing the same checks.

CPU for each HTTP check at 1,000 and 5,000 a second, private memory for each
of 5,000 targets, and the longest time without a check across a reload.  Both
ask the same replica, in turns, in one run; --quick makes it short.
"""

import asyncio
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import time

import bench

INTERVAL_S = 1.0
WATCHED = 40          # targets whose checks are timed across the reload
WATCHED_EVERY_S = 0.1


def daemon_config(folder, first, count, rise=2, watched=()):
    targets = ",\n".join(
        f'{{ name = "t{i}"; address = "127.0.0.1:{first + i}"; }}'
        for i in range(count))
    more = ",\n".join(f'{{ name = "w{i}"; address = "127.0.0.1:{port}"; }}'
                      for i, port in enumerate(watched))
    second = f"""
  , {{ name = "watched";
      check = {{ type = "http"; path = "/health"; interval = "100ms"; }};
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


def haproxy_config(folder, first, count):
    path = folder / "haproxy.cfg"
    servers = "\n".join(f"    server t{i} 127.0.0.1:{first + i} check inter 1s"
                        for i in range(count))
    path.write_text("global\n    nbthread 1\n    maxconn 1000\n"
                    "defaults\n    mode http\n    timeout connect 1s\n"
                    "    timeout client 1s\n    timeout server 1s\n"
                    f"frontend fe\n    bind unix@{folder}/fe.sock\n"
                    "    default_backend be\n"
                    "backend be\n    option httpchk GET /health\n"
                    f"{servers}\n")
    return path


def start(who, folder, first, count, **options):
    if who == "bascule":
        config = daemon_config(folder, first, count, **options)
        return bench.Process([bench.BUILD / "controller/daemon/basculed",
                              "-c", config], folder / "basculed.log")
    config = haproxy_config(folder, first, count)
    return bench.Process(["/usr/sbin/haproxy", "-db", "-f", config],
                         folder / "haproxy.log")


def measure(who, folder, first, count, seconds):
    """CPU microseconds a check, and private KiB."""
    process = start(who, folder, first, count)
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


def reload_gap(folder, first, count):
    """Longest time without a check of a target asked each 100 ms: before the
    reload, and across it."""
    watch = Watch()
    watch.start()
    watch.ready.wait()
    process = start("bascule", folder, first, count, watched=watch.ports)
    try:
        bench.settle(4)
        quiet = watch.longest_gap(time.monotonic() - 2, time.monotonic())
        daemon_config(folder, first, count, rise=3, watched=watch.ports)
        begin = time.monotonic()
        process.signal(signal.SIGHUP)
        bench.settle(3)
        said = (folder / "basculed.log").read_text()
        assert "reloaded" in said, "the daemon did not reload"
        return quiet, watch.longest_gap(begin - 0.2, time.monotonic())
    finally:
        process.stop()


def costs(folder, first, count, turns, seconds, rows):
    """Both in turns; medians of CPU and memory."""
    cpu = {"bascule": [], "haproxy": []}
    kib = {"bascule": [], "haproxy": []}
    for _ in range(turns):
        for who in cpu:
            us, private = measure(who, folder, first, count, seconds)
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


def main():
    quick = "--quick" in sys.argv
    turns, seconds = (1, 2) if quick else (5, 8)
    many = 1000 if quick else 5000
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bascule-bench."))
    rows, replica = [], None
    try:
        first, replica = bench.replica(folder, many)
        bare = {who: measure(who, folder, first, 1, 1)[1]
                for who in ("bascule", "haproxy")}
        small = costs(folder, first, min(1000, many), turns, seconds, rows)
        large = costs(folder, first, many, turns, seconds, rows)
        quiet, across = reload_gap(folder, first, many)
    finally:
        if replica:
            replica.stop()
        shutil.rmtree(folder, ignore_errors=True)
    per_target = {who: (large[who][1] - bare[who]) / many for who in bare}
    for who, kib in per_target.items():
        rows.append({"who": who, "targets": many,
                     "private_kib_per_target": round(kib, 2)})
    rows.append({"who": "bascule", "targets": many,
                 "longest_gap_ms_before_reload": round(quiet * 1e3),
                 "longest_gap_ms_across_reload": round(across * 1e3),
                 "interval_ms": round(WATCHED_EVERY_S * 1e3)})
    return bench.finish("cost", [
        bench.aim("CPU for a check at 1,000 a second, share of HAProxy's",
                  small["bascule"][0] / small["haproxy"][0], 1.0, ""),
        bench.aim(f"CPU for a check at {many:,} a second, share of HAProxy's",
                  large["bascule"][0] / large["haproxy"][0], 1.0, ""),
        bench.aim("private memory for a target, share of HAProxy's",
                  per_target["bascule"] / per_target["haproxy"], 1.0, ""),
        bench.aim("longest time without a check across a reload",
                  across, 0.5, "s"),
    ], rows)


if __name__ == "__main__":
    sys.exit(main())
