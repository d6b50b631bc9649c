"""What the benchmarks share: processes, their costs, and the report."""

import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import time

SRC = pathlib.Path(os.environ.get("top_srcdir") or os.getcwd())
BUILD = pathlib.Path(os.environ.get("top_builddir") or os.getcwd())

# Of checks on a local network, as fast as is sensible: what detection.py
# measures with, calm.py puts to the test.
FAST_MS, FAST_PATIENCE_MS = 100, 100
FAST_CHECK = f"""type = "http"; path = "/health"; status = "200";
            timeout = "{FAST_PATIENCE_MS}ms"; timeout_min = "10ms";
            lost_interval = "2ms"; fall = 2; rise = 2; fresh_every = 1;"""


def fast_pace(interval_ms=FAST_MS):
    """How often; in doubt ten times as often, within reason."""
    return (f'interval = "{interval_ms}ms"; '
            f'fast_interval = "{max(interval_ms // 10, 10)}ms";')


def cpu_seconds(pid):
    """All threads, from the scheduler's own nanoseconds."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


class Process:
    """A program under measurement; ended by the id it was started with."""

    def __init__(self, argv, log, **options):
        self.log = open(log, "a")
        self.popen = subprocess.Popen([str(a) for a in argv],
                                      stdout=options.get("stdout", self.log),
                                      stderr=self.log, text=True)
        self.pid = self.popen.pid

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def private_kib(self):
        """What it wrote itself: pages of files may be shared tomorrow."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return sum(int(line.split()[1]) for line in text.splitlines()
                   if line.startswith("Private_Dirty"))

    def signal(self, number):
        self.popen.send_signal(number)

    def stop(self):
        self.popen.terminate()
        try:
            self.popen.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.log.close()


def replica(folder, ports):
    """A replica on @ports ports in a row; the first one and the process."""
    for _ in range(20):
        # Below the ports that the kernel gives to outgoing connections.
        first = random.randrange(10000, 32000 - ports)
        process = Process([BUILD / "drill/replica/replica", "--listen",
                           f"127.0.0.1:{first}", "--ports", ports],
                          folder / "replica.log", stdout=subprocess.PIPE)
        if process.popen.stdout.readline().startswith("listening"):
            return first, process
        process.stop()
    raise SystemExit("no row of free ports found")


def spread(values):
    """Median, and the distance between the quartiles."""
    if len(values) < 2:
        return values[0], 0.0
    quartiles = statistics.quantiles(values, n=4)
    return statistics.median(values), quartiles[2] - quartiles[0]


def commit():
    done = subprocess.run(["git", "-C", SRC, "describe", "--always", "--dirty"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def machine():
    return (f"{os.cpu_count()} cores, {platform.system()} "
            f"{platform.release()} {platform.machine()}")


def aim(name, value, limit, unit):
    return {"name": name, "value": round(value, 4), "unit": unit,
            "limit": limit, "met": value <= limit}


def finish(name, aims, rows):
    """Print and write the report; the exit status."""
    report = {"name": name, "commit": commit(), "machine": machine(),
              "aims": aims, "rows": rows}
    for row in rows:
        print("  ".join(f"{key} {value}" for key, value in row.items()))
    for a in aims:
        print(f"{'met   ' if a['met'] else 'MISSED'} {a['name']}: "
              f"{a['value']} {a['unit']} (limit {a['limit']})")
    path = BUILD / "bench" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(path)
    return 0 if all(a["met"] for a in aims) else 1


def settle(seconds):
    time.sleep(seconds)


def settle_randomly(seconds):
    """At most so long."""
    settle(random.uniform(0, seconds))
