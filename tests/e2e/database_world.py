"""What worlds of databases have in common, whichever database it is."""

import shutil
import subprocess
import threading
import time

from world import BASCULE, PATIENCE, Daemon, HAProxy, patient, wait_for


class Writer(threading.Thread):
    """Writes numbers through a port, each once, and remembers when one was
    taken.  A kind of database says how, in connect() and put()."""

    trouble = (OSError,)

    def __init__(self, port, every=0.002, first=0):
        super().__init__(daemon=True)
        self.port = port
        self.every = every
        self.first = first
        self.taken = []  # (number, monotonic time)
        self.errors = 0
        self.ended = threading.Event()

    def connect(self):
        raise NotImplementedError

    def put(self, client, number):
        raise NotImplementedError

    def run(self):
        client, number = None, self.first
        while not self.ended.is_set():
            number += 1
            try:
                if client is None:
                    client = self.connect()
                self.put(client, number)
                self.taken.append((number, time.monotonic()))
            except self.trouble:
                self.errors += 1
                if client is not None:
                    client.close()
                client = None
            self.ended.wait(self.every)
        if client is not None:
            client.close()

    def stop(self):
        self.ended.set()
        self.join()

    def after(self, moment):
        """The first write that was taken after @moment, or None."""
        return next((at for _, at in self.taken if at > moment), None)

    def gap(self):
        """The longest time between two writes that were taken."""
        times = [at for _, at in self.taken]
        return max((b - a for a, b in zip(times, times[1:])), default=0)


class DatabaseWorld:
    """Servers, of which the first is the primary and the others follow it,
    behind a HAProxy, and a basculed; ended by its with block.

    A kind of database says how its servers begin() and end()."""

    writer = Writer
    service, backend = "db", "be_db"
    check_settings = failover_settings = ""  # that all of the kind have

    def __init__(self, folder, servers, check="", failover="", extra=""):
        self.folder = folder
        self.servers = servers
        self.check = check
        self.failover = failover
        self.extra = extra
        self.haproxy = None
        self.daemon = Daemon(folder)
        self.writers = []

    def begin(self):
        raise NotImplementedError

    def end(self):
        for server in self.servers:
            server.kill()

    def tell(self):
        """Print what explains a test that failed."""
        print("\n".join(self.daemon.lines()))

    def __enter__(self):
        try:
            self.begin()
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def cfg(self, haproxy):
        servers = "\n".join(
            f"    server {s.name} 127.0.0.1:{s.port} disabled"
            for s in self.servers)
        return (
            "global\n"
            f"    stats socket {haproxy.socket} mode 600 level admin\n"
            "    stats timeout 1h\n    nbthread 1\n"
            "defaults\n    mode tcp\n    timeout connect 5s\n"
            "    timeout client 10s\n    timeout server 10s\n    retries 0\n"
            f"frontend fe\n    bind 127.0.0.1:{haproxy.port}\n"
            f"    default_backend {self.backend}\n"
            f"backend {self.backend}\n{servers}\n")

    def configure(self, check=None, failover=None):
        check = self.check if check is None else check
        failover = self.failover if failover is None else failover
        targets = ", ".join(
            f'{{ name = "{s.name}"; address = "127.0.0.1:{s.port}"; }}'
            for s in self.servers)
        self.daemon.config.write_text(f"""
node = "test";
state_dir = "{self.daemon.state}";
control = {{ socket = "{self.daemon.control}"; }};
http = {{ listen = "off"; }};
haproxy = ( {{ name = "lb"; socket = "{self.haproxy.socket}";
             master_socket = "{self.haproxy.master}"; }} );
services = (
  {{ name = "{self.service}";
    check = {{ interval = "100ms"; fast_interval = "20ms";
              {self.check_settings} {patient(check)} }};
    backend = "{self.backend}";
    failover = {{ cooldown = "0s"; {self.failover_settings} {failover} }};
    targets = ( {targets} );
  }}
);
{self.extra}
""")
        self.daemon.state.mkdir(exist_ok=True)

    def prepare(self):
        """All that the daemon needs."""
        self.haproxy = HAProxy(self.folder, "lb", {}, template=self.cfg)
        self.configure()

    def start(self):
        self.daemon.start()
        self.daemon.wait_said(f"group {self.service}: ")
        return self

    def routed(self):
        rows = [line.split() for line in self.haproxy.ask(
            f"show servers state {self.backend}").splitlines()]
        return {row[3] for row in rows
                if len(row) > 6 and row[1] == self.backend
                and not int(row[6]) & 0x29}

    def wait_routed(self, *names, seconds=PATIENCE):
        wait_for(lambda: self.routed() == set(names), seconds)

    def wait_succeeded(self, old, seconds=PATIENCE):
        """The one server that is routed in place of @old."""
        def other():
            names = self.routed()
            return names if len(names) == 1 and old.name not in names else None
        (name,) = wait_for(other, seconds)
        return self.named(name)

    def named(self, name):
        return next(s for s in self.servers if s.name == name)

    def bascule(self, *argv):
        return subprocess.run([BASCULE, *argv, "--socket",
                               self.daemon.control], check=True,
                              capture_output=True, text=True).stdout

    def write(self):
        writer = self.writer(self.haproxy.port,
                             first=1000000 * len(self.writers))
        writer.start()
        self.writers.append(writer)
        wait_for(lambda: len(writer.taken) > 50)
        return writer

    def __exit__(self, *error):
        if error and error[0] is not None:
            self.tell()
        for writer in self.writers:
            writer.stop()
        try:
            self.daemon.stop()
        finally:
            if self.haproxy is not None:
                self.haproxy.stop()
            self.end()
            shutil.rmtree(self.folder, ignore_errors=True)
