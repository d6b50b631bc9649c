"""A client of a group of databases: it writes numbered rows through HAProxy.

    database_client.py KIND NUMBER RATE LOG ADDRESS:PORT

One line of the log for each row that was acknowledged: its number, when it was
sent and when it was acknowledged (microseconds of the loop's clock), and the
instance that took it.  A row whose fate is not known is never sent again: the
next one is.  Ends by a signal.
"""

import ctypes
import ctypes.util
import itertools
import socket
import sys
import time

from prober import clock_us

# Rows of different clients never have one number.
STRIDE = 1 << 40
PATIENCE = 1.0
PAUSE = 0.005


class Redis:
    """One connection; speaks RESP.  Failures are OSError."""

    def __init__(self, address, port, patience=PATIENCE):
        self.sock = socket.create_connection((address, port), patience)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")

    def ask(self, *words):
        out = [b"*%d\r\n" % len(words)]
        for word in words:
            raw = str(word).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
        self.sock.sendall(b"".join(out))
        return self.answer()

    def answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise OSError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.file.read(size + 2)[:-2].decode()
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest

    def instance(self):
        """The last folder of its path bears its name."""
        return self.ask("CONFIG", "GET", "dir")[1].rpartition("/")[2]

    def write(self, number, name):
        self.ask("SET", f"row:{number}", name)
        return name

    def lacks(self, numbers):
        missing = []
        for i in range(0, len(numbers), 1000):
            part = numbers[i:i + 1000]
            found = self.ask("MGET", *(f"row:{n}" for n in part))
            missing += [n for n, v in zip(part, found) if v is None]
        return missing

    def close(self):
        self.file.close()
        self.sock.close()


def libc():
    return ctypes.CDLL(None, use_errno=True)


def unix(path):
    """A connection to a socket of the file system."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


def library(name, **results):
    lib = ctypes.CDLL(ctypes.util.find_library(name))
    for function, result in results.items():
        getattr(lib, function).restype = result
    return lib


class Postgresql:
    """One connection of libpq, which blocks: its own deadlines end it."""

    lib = None

    def __init__(self, address, port, patience=PATIENCE, user="app"):
        if Postgresql.lib is None:
            Postgresql.lib = library(
                "pq", PQconnectdb=ctypes.c_void_p, PQexec=ctypes.c_void_p,
                PQgetvalue=ctypes.c_char_p, PQerrorMessage=ctypes.c_char_p)
        conninfo = (f"hostaddr={address} port={port} user={user} dbname=postgres "
                    f"connect_timeout=2 sslmode=disable "
                    f"tcp_user_timeout={int(1000 * patience)}")
        self.pg = ctypes.c_void_p(self.lib.PQconnectdb(conninfo.encode()))
        if self.lib.PQstatus(self.pg) != 0:
            why = self.lib.PQerrorMessage(self.pg).decode()
            self.close()
            raise OSError(why)

    def ask(self, statement):
        res = ctypes.c_void_p(self.lib.PQexec(self.pg, statement.encode()))
        try:
            if self.lib.PQresultStatus(res) not in (1, 2):
                raise OSError(self.lib.PQerrorMessage(self.pg).decode())
            return [self.lib.PQgetvalue(res, i, 0).decode()
                    for i in range(self.lib.PQntuples(res))]
        finally:
            self.lib.PQclear(res)

    def instance(self):
        return self.ask("show cluster_name")[0]

    def write(self, number, name):
        return self.ask(f"insert into rows values ({number}) "
                        "returning current_setting('cluster_name')")[0] or name

    def lacks(self, numbers):
        if not numbers:
            return []
        there = set(map(int, self.ask("select id from rows")))
        return [n for n in numbers if n not in there]

    def close(self):
        self.lib.PQfinish(self.pg)


class Mariadb:
    """One connection of libmariadb, which blocks with its own deadlines."""

    lib = None
    OPTIONS = (0, 11, 12)  # deadlines to connect, to read, to write

    def __init__(self, address=None, port=0, patience=PATIENCE, user="app",
                 path=None):
        if Mariadb.lib is None:
            Mariadb.lib = library(
                "mariadb", mysql_init=ctypes.c_void_p,
                mysql_real_connect=ctypes.c_void_p,
                mysql_store_result=ctypes.c_void_p,
                mysql_fetch_row=ctypes.POINTER(ctypes.c_char_p),
                mysql_error=ctypes.c_char_p)
        self.my = ctypes.c_void_p(self.lib.mysql_init(None))
        wait = ctypes.c_uint(max(1, int(patience)))
        for option in self.OPTIONS:
            self.lib.mysql_options(self.my, option, ctypes.byref(wait))
        # Only root has no password, and comes by @path.
        if not self.lib.mysql_real_connect(
                self.my, address and address.encode(), user.encode(),
                None if path else user.encode(), None if path else b"app",
                port, path and path.encode(), ctypes.c_ulong(0)):
            why = self.lib.mysql_error(self.my).decode()
            self.close()
            raise OSError(why)

    def ask(self, statement, columns=1):
        """The first @columns of all rows, in one list."""
        if self.lib.mysql_query(self.my, statement.encode()) != 0:
            raise OSError(self.lib.mysql_error(self.my).decode())
        res = ctypes.c_void_p(self.lib.mysql_store_result(self.my))
        if not res:
            return []
        values = []
        while row := self.lib.mysql_fetch_row(res):
            values += [row[i] and row[i].decode() for i in range(columns)]
        self.lib.mysql_free_result(res)
        return values

    def instance(self):
        return "node" + self.ask("select @@server_id")[0]

    def write(self, number, name):
        self.ask(f"insert into app.rows values ({number})")
        return name

    def lacks(self, numbers):
        if not numbers:
            return []
        there = set(map(int, self.ask("select id from app.rows")))
        return [n for n in numbers if n not in there]

    def close(self):
        self.lib.mysql_close(self.my)


KINDS = {"redis": Redis, "postgresql": Postgresql, "mysql": Mariadb}


def write_rows(kind, numbers, every, log, address):
    client, name, due = None, None, time.monotonic()
    for number in numbers:
        due = max(due + every, time.monotonic() - every)
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if client is None:
                client = KINDS[kind](*address)
                name = client.instance()
            sent = clock_us()
            taker = client.write(number, name)
            log.write(f"{number} {sent} {clock_us()} {taker}\n")
        except OSError:
            if client is not None:
                client.close()
            client = None
            time.sleep(PAUSE)


def main():
    kind, number, rate, path, where = sys.argv[1:]
    address, _, port = where.rpartition(":")
    begin = int(number) * STRIDE
    with open(path, "a", buffering=1) as log:
        write_rows(kind, itertools.count(begin + clock_us() // 1000),
                   1 / float(rate), log, (address, int(port)))


if __name__ == "__main__":
    main()
