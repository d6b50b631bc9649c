"""Who was primary when: the prober's trace, and the sums made from it."""

import os
import subprocess
import time

import netns

TOP = os.environ.get("top_builddir") or os.getcwd()
PROBER = os.path.join(TOP, "tests/e2e/prober")

# What the primary node has, on any device.
ADDRESS = "192.0.2.1"

# Another one that moves with it, which the prober does not look at.
ADDRESS_IPV6 = "2001:db8::1"


def clock_us():
    """The loop's clock (controller/io/loop.h)."""
    suspended = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) -
                 time.clock_gettime_ns(time.CLOCK_MONOTONIC))
    return (time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) + suspended) // 1000


def parse(text):
    """[(instant_us, {numbers of those that hold it})] and the last line."""
    changes, summary = [], None
    for line in text.splitlines():
        words = line.split()
        if words[0] == "#":
            summary = dict(zip(words[1::2], map(int, words[2::2])))
        else:
            holders = () if words[1] == "-" else words[1].split("+")
            changes.append((int(words[0]), {int(h) for h in holders}))
    return changes, summary


def spans(changes, begin, end):
    """(microseconds, holders) of each state from @begin to @end."""
    for i, (at, holders) in enumerate(changes):
        until = changes[i + 1][0] if i + 1 < len(changes) else end
        length = min(until, end) - max(at, begin)
        if length > 0:
            yield length, holders


def nobody_us(changes, begin, end):
    return sum(us for us, holders in spans(changes, begin, end) if not holders)


def several_us(changes, begin, end):
    return sum(us for us, holders in spans(changes, begin, end)
               if len(holders) > 1)


def moved_at(changes, begin, old):
    """When somebody else than @old first held it after @begin, or None."""
    return next((at for at, holders in changes
                 if at >= begin and holders - {old}), None)


class Prober:
    """A prober of all @hosts, sampling each millisecond."""

    def __init__(self, hosts, folder, period_us=1000):
        self.path = os.path.join(folder, "prober.trace")
        self.out = open(self.path, "w")
        self.process = subprocess.Popen(
            [PROBER, ADDRESS, str(period_us),
             *(f"{netns.FOLDER}/{h.namespace}" for h in hosts)],
            stdin=subprocess.PIPE, stdout=self.out)

    def changes(self):
        """All whole lines until now."""
        with open(self.path) as trace:
            return parse(trace.read().rpartition("\n")[0])[0]

    def holders(self):
        changes = self.changes()
        return changes[-1][1] if changes else set()

    def stop(self):
        """End it; its summary."""
        # Before its first line a signal has nobody to write a last one.
        end = time.monotonic() + 30
        while (self.process.poll() is None and not self.changes()
               and time.monotonic() < end):
            time.sleep(0.01)
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(timeout=30)
        self.process.stdin.close()
        self.out.close()
        with open(self.path) as trace:
            summary = parse(trace.read())[1]
        assert status == 0 and summary, f"the prober ended with {status}"
        return summary
