"""What an attacker on the network can do to the nodes of a cluster, and what
the switch between them sees of it.

    hostile.py replay SECONDS PORT...
    hostile.py watch PORT...

replay listens on the ports of the switch (its namespace) from its "ready" until a
line comes on its standard input, and then sends for SECONDS again and again what the hosts
there were sent, whole, cut short and with a bit flipped.  It prints how many it
sent.  watch notes when each host
sends a datagram to each other, until it is ended by SIGTERM, and prints the
longest pause between two as JSON.

attack() does all of it, with the program enemy, to a cluster that is whole.
"""

import contextlib
import ctypes
import json
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

UDP_IN_IPV4 = 42      # bytes before what a datagram carries
KEPT = 400            # frames of each port
SO_TIMESTAMPNS = 35
SO_ATTACH_FILTER = 26


def listen(device):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((device, 0))
    return s


def is_datagram(frame):
    return frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_UDP


def capture(sockets):
    """What goes out of each port, to the host behind it, until a line comes."""
    frames = {s: [] for s in sockets}
    while True:
        ready = select.select([*sockets, sys.stdin], [], [])[0]
        if sys.stdin in ready:
            return frames
        for s in ready:
            frame, source = s.recvfrom(65536)
            if source[2] == socket.PACKET_OUTGOING and is_datagram(frame):
                frames[s].append(frame)
                del frames[s][:-KEPT]


def whole(frame):
    """As it was.  Between veths the sum is left to the device: give it up."""
    return frame[:40] + b"\0\0" + frame[42:]


def flipped(frame):
    """One bit of the datagram is other."""
    changed = bytearray(whole(frame))
    where = random.randrange(UDP_IN_IPV4, len(frame))
    changed[where] ^= 1 << random.randrange(8)
    return bytes(changed)


def shortened(frame):
    """The datagram is a prefix of itself, in a frame that is right."""
    size = random.randrange(len(frame) - UDP_IN_IPV4)
    changed = bytearray(whole(frame)[:UDP_IN_IPV4 + size])
    changed[16:18] = (28 + size).to_bytes(2, "big")
    changed[38:40] = (8 + size).to_bytes(2, "big")
    changed[24:26] = b"\0\0"
    total = sum(int.from_bytes(changed[i:i + 2], "big")
                for i in range(14, 34, 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    changed[24:26] = (total ^ 0xffff).to_bytes(2, "big")
    return bytes(changed)


def replay(seconds, *devices):
    sockets = [listen(device) for device in devices]
    print("ready", flush=True)
    frames = capture(sockets)
    end, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for s in sockets:
            for frame in frames[s]:
                for kind in (whole, flipped, shortened):
                    sent += s.send(kind(frame)) > 0
        time.sleep(0.001)
    return sent


def hear_hosts(s):
    """Have @s give what hosts send alone, each with the kernel's time."""
    program = b"".join(struct.pack("HBBI", *line) for line in (
        (0x30, 0, 0, 0xfffff004),            # the packet's type
        (0x15, 0, 1, socket.PACKET_OUTGOING),
        (0x06, 0, 0, 0),
        (0x06, 0, 0, 65536)))
    kept = ctypes.create_string_buffer(program)
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                 struct.pack("HL", len(program) // 8, ctypes.addressof(kept)))
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)


def receive(s):
    """(nanoseconds, frame) of what waits."""
    while True:
        try:
            frame, told, _, _ = s.recvmsg(2048, 64, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        for _, kind, data in told:
            if kind == SO_TIMESTAMPNS:
                seconds, ns = struct.unpack("qq", data[:16])
                yield seconds * 10**9 + ns, frame


class Pauses:
    """The longest pause from each host to each other."""

    def __init__(self):
        self.last, self.worst, self.heard = {}, {}, 0

    def hear(self, at, frame):
        pair = frame[26:30], frame[30:34]
        self.heard += 1
        if pair in self.last:
            self.worst[pair] = max(self.worst.get(pair, 0),
                                   at - self.last[pair])
        self.last[pair] = at

    def told(self):
        return {"heard": self.heard, "pairs": len(self.worst),
                "pause_ms": max(self.worst.values(), default=0) / 1e6}


def watch(*devices):
    """Until SIGTERM."""
    sockets, pauses, ended = [listen(d) for d in devices], Pauses(), []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    for s in sockets:
        hear_hosts(s)
    print("ready", flush=True)
    while not ended:
        for s in select.select(sockets, [], [], 0.1)[0]:
            for at, frame in receive(s):
                if is_datagram(frame):
                    pauses.hear(at, frame)
    return json.dumps(pauses.told())


# From here on: what a test calls.

def on_switch(cluster, *argv):
    import netns  # pylint: disable=import-outside-toplevel
    ports = [node.host.port for node in cluster.nodes]
    return subprocess.Popen(
        netns.inside(cluster.hosts.switch, sys.executable, __file__, *argv,
                     *ports), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True)


@contextlib.contextmanager
def watched(cluster, figures):
    """The pauses in the time of the block, as @figures."""
    watcher = on_switch(cluster, "watch")
    try:
        assert watcher.stdout.readline() == "ready\n"
        yield
    finally:
        watcher.terminate()
        figures.update(json.loads(watcher.communicate(timeout=30)[0]))


def replays(cluster, figures, seconds):
    """What was heard before a follower started anew is sent again."""
    attack = on_switch(cluster, "replay", seconds)
    assert attack.stdout.readline() == "ready\n"
    time.sleep(1)
    victim = cluster.followers()[0]
    victim.kill_with_guard()
    victim.release()
    victim.restart()
    cluster.wait_whole()
    with watched(cluster, figures):
        figures["sent"] = int(attack.communicate("go\n", timeout=60)[0])
    figures["rate"] = round(figures["sent"] / seconds)


def throws(cluster, figures, *argv, at):
    """The program enemy, from a stranger's host."""
    with watched(cluster, figures):
        done = cluster.strangers[0].run(*argv, *(n.host.ipv4 for n in at),
                                        check=True, timeout=120)
    said = json.loads(done.stdout)
    figures["sent"] = said["sent"]
    figures["rate"] = round(said["sent"] / said["seconds"])


def attack(cluster, enemy, other_key, port, *, seconds, rate):
    """{phase: figures}; floods last @seconds, at @rate a second."""
    phases = {name: {} for name in
              ("replay", "tour", "flood of the primary", "flood of all")}
    keys = (cluster.key, other_key, "test")
    replays(cluster, phases["replay"], 2)
    throws(cluster, phases["tour"], enemy, "tour", *keys, 50_000, port,
           at=cluster.nodes)
    throws(cluster, phases["flood of the primary"], enemy, "flood", *keys,
           rate, port, seconds, at=[cluster.primary()])
    throws(cluster, phases["flood of all"], enemy, "flood", *keys, rate,
           port, seconds, at=cluster.nodes)
    return phases


if __name__ == "__main__":
    ACT = {"replay": lambda seconds, *devices: replay(float(seconds), *devices),
           "watch": watch}[sys.argv[1]]
    print(ACT(*sys.argv[2:]))
