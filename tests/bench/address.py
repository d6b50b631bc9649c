"""How long a client of the virtual address goes without an answer.

Two load balancers and a witness on hosts of their own (tests/e2e/netns.py), at
default settings, and a client on a fourth that asks the address each
millisecond by a datagram, which whoever has it answers.  The drivers are
netlink and keepalived, with its shipped configuration for advert_int 0.1.  A
prober sees from outside that never two have the address.

--quick: one repetition of each, by netlink alone, with a longer lease.
"""

import pathlib
import random
import socket
import statistics
import subprocess
import sys
import time

import bench

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))

from clusters import VIP, Cluster  # noqa: E402
from failover import FAULTS, heal  # noqa: E402
from prober import ADDRESS, clock_us, several_us  # noqa: E402
from test_vip_keepalived import PRIMARY, Keepalived  # noqa: E402
from world import wait_for  # noqa: E402

PORT = 7999
PERIOD_S = 0.001
TIMES = 10
AT_ONCE = {"kill": 50.0, "stop": 50.0, "switchover": 30.0}


def answer():
    """On a load balancer: tell everybody who asks."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("", PORT))
        while True:
            question, who = door.recvfrom(64)
            door.sendto(question, who)


def ask():
    """On the client: a question each millisecond, and a line with the instant
    of each answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.settimeout(PERIOD_S)
        while True:
            try:
                door.sendto(b"?", (ADDRESS, PORT))
                door.recvfrom(64)
                print(clock_us(), flush=True)
            except TimeoutError:
                continue
            except OSError:
                pass
            time.sleep(PERIOD_S)


def silence_us(times, begin, end):
    """The longest time without an answer that ended after @begin."""
    known = [t for t in times if t <= end] + [end]
    return max((b - a for a, b in zip(known, known[1:]) if b > begin),
               default=end - begin)


class World:
    """A cluster with its responders and its client."""

    def __init__(self, driver, lease_ms):
        self.cluster = Cluster(3, witnesses=("node3",), lease_ms=lease_ms,
                               more_hosts=1,
                               primary=VIP if driver == "netlink" else PRIMARY)
        try:
            self.make(driver)
        except BaseException:
            self.cluster.close()
            raise

    def make(self, driver):
        cluster = self.cluster
        client = cluster.strangers[0]
        self.vrrp = {}
        for node in cluster.nodes[:2]:
            node.host.start(sys.executable, __file__, "--answer",
                            stderr=subprocess.DEVNULL)
            if driver == "keepalived":
                self.vrrp[node.name] = Keepalived(node)
        done = client.run("ip", "route", "add", f"{ADDRESS}/32",
                          "dev", "eth0")
        assert done.returncode == 0, done.stderr
        cluster.start()
        self.path = cluster.folder / "client.trace"
        self.out = open(self.path, "w")
        client.start(sys.executable, __file__, "--ask", stdout=self.out)
        wait_for(self.answers)

    def answers(self):
        text = self.path.read_text().rpartition("\n")[0]
        return [int(line) for line in text.splitlines()]

    def once(self, name):
        """Milliseconds without an answer, and with the address on two."""
        cluster = self.cluster
        old = cluster.wait_whole()
        bench.settle(random.uniform(0.5, 3) * cluster.heartbeat_ms / 1e3)
        begin = clock_us()
        FAULTS[name](cluster, old)
        cluster.wait_primary(other_than=old)
        moved = clock_us()
        wait_for(lambda: [t for t in self.answers() if t > moved])
        bench.settle(2 * cluster.lease_ms / 1e3)
        end = clock_us()
        heal(cluster, name, old)
        return (silence_us(self.answers(), begin, end) / 1e3,
                several_us(cluster.prober.changes(), begin, end) / 1e3)

    def close(self):
        self.cluster.close()
        self.out.close()


def measure(driver, lease_ms, times):
    rows, aims, two_ms = [], [], 0.0
    world = World(driver, lease_ms)
    try:
        gaps = {name: [] for name in FAULTS}
        for _ in range(times):
            for name, values in gaps.items():
                gap, two = world.once(name)
                values.append(gap)
                two_ms += two
    finally:
        world.close()
    for name, values in gaps.items():
        rows.append({"driver": driver, "fault": name, "times": len(values),
                     "median_ms": round(statistics.median(values), 1),
                     "worst_ms": round(max(values), 1)})
        if driver == "netlink":
            aims.append(bench.aim(f"{name} by {driver}, median",
                                  statistics.median(values),
                                  AT_ONCE.get(name, lease_ms + 250), "ms"))
    aims.append(bench.aim(f"on two hosts by {driver}", two_ms, 0, "ms"))
    return rows, aims


def main():
    quick = "--quick" in sys.argv
    rows, aims = [], []
    for driver in ("netlink",) if quick else ("netlink", "keepalived"):
        more = measure(driver, 5000 if quick else 500, 1 if quick else TIMES)
        rows += more[0]
        aims += more[1]
    if quick:
        aims = aims[-1:]
    return bench.finish("address-quick" if quick else "address", aims, rows)


if __name__ == "__main__":
    if "--answer" in sys.argv:
        answer()
    elif "--ask" in sys.argv:
        ask()
    else:
        sys.exit(main())
