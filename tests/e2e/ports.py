"""Ports of this machine that nobody else is given.

The kernel hands out its ephemeral ports, to listeners at port 0 and to
whoever connects, also while a test still means to listen at one.  So these
come from below that range, out of a block that belongs to this process for as
long as it runs: a name in the network namespace is held for each block.
"""

import contextlib
import functools
import itertools
import socket

FIRST, SIZE, BLOCKS = 10000, 400, 25


@functools.cache
def block():
    """The socket that holds the block of this process, and its ports, over
    and over."""
    for number in range(BLOCKS):
        sock = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            sock.bind(f"\0bascule-ports-{number}")
            first = FIRST + SIZE * number
            return sock, itertools.cycle(range(first, first + SIZE))
        sock.close()
    raise RuntimeError("all blocks of ports are in use")


def is_free(port):
    """Over TCP and UDP, IPv4 and IPv6."""
    for family in socket.AF_INET, socket.AF_INET6:
        for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
            with socket.socket(family, kind) as sock:
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6,
                                    socket.IPV6_V6ONLY, 1)
                try:
                    sock.bind(("", port))
                except OSError:
                    return False
    return True


def free_port():
    """The one whose last use is longest ago."""
    _, ports = block()
    for port in itertools.islice(ports, SIZE):
        if is_free(port):
            return port
    raise RuntimeError("no port of this process is free")
