"""A client that connects for each request and repeats a failed one once.

    database_retry.py KIND NUMBER RATE LOG ADDRESS:PORT PAUSE

Like database_client.py, but a row that was not acknowledged is sent again
after PAUSE seconds, over a new connection; found there already, it is as good
as acknowledged.  One line of the log for each row: its number, when it was
sent first, and "first", "second" or "failed".
"""

import contextlib
import sys
import time

from database_client import KINDS, STRIDE
from prober import clock_us


def sends(kind, address, number):
    try:
        with contextlib.closing(KINDS[kind](*address)) as client:
            client.write(number, "?")
        return True
    except OSError:
        return False


def sends_again(kind, address, number):
    if sends(kind, address, number):
        return True
    try:
        with contextlib.closing(KINDS[kind](*address)) as client:
            return not client.lacks([number])
    except OSError:
        return False


def main():
    kind, number, rate, path, where, pause = sys.argv[1:]
    address, _, port = where.rpartition(":")
    address = address, int(port)
    row = int(number) * STRIDE + clock_us() // 1000
    with open(path, "a", buffering=1) as log:
        while True:
            row, sent, word = row + 1, clock_us(), "first"
            if not sends(kind, address, row):
                time.sleep(float(pause))
                word = ("second" if sends_again(kind, address, row)
                        else "failed")
            log.write(f"{row} {sent} {word}\n")
            time.sleep(1 / float(rate))


if __name__ == "__main__":
    main()
