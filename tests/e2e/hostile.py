"""What an attacker on the network can send to the nodes of a cluster.

    hostile.py flood SECONDS ADDRESS PORT
    hostile.py replay SECONDS DEVICE...

flood sends datagrams of random length and content as fast as it can.  replay
listens on the ports of the switch (its namespace) for half of the time, and
then sends again and again what the hosts there were sent, whole, cut short
and with a bit flipped.  Both print how many they sent.
"""

import os
import random
import select
import socket
import sys
import time

UDP_IN_IPV4 = 42      # bytes before what a datagram carries
KEPT = 400            # frames of each port


def flood(seconds, address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.connect((address, int(port)))
    junk = os.urandom(1 << 16)
    pieces = [junk[i:i + random.randrange(1400)] for i in range(4000)]
    end, sent = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for piece in pieces:
            try:
                sent += sender.send(piece) >= 0
            except OSError:      # refused, or its queue is full
                pass
    return sent


def listen(device):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((device, 0))
    return s


def is_datagram(frame):
    return frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_UDP


def capture(sockets, seconds):
    """What goes out of each port, to the host behind it."""
    frames = {s: [] for s in sockets}
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for s in select.select(sockets, [], [], left)[0]:
            frame, source = s.recvfrom(65536)
            if source[2] == socket.PACKET_OUTGOING and is_datagram(frame):
                frames[s].append(frame)
                del frames[s][:-KEPT]
    return frames


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
    frames = capture(sockets, seconds / 2)
    end, sent = time.monotonic() + seconds / 2, 0
    while time.monotonic() < end:
        for s in sockets:
            for frame in frames[s]:
                for kind in (whole, flipped, shortened):
                    sent += s.send(kind(frame)) > 0
        time.sleep(0.001)
    return sent


if __name__ == "__main__":
    ACT = {"flood": flood, "replay": replay}[sys.argv[1]]
    print(ACT(float(sys.argv[2]), *sys.argv[3:]))
