"""What the counters of a real HAProxy say of its servers."""

import contextlib
import http.server
import pathlib
import re
import socket
import threading
import time
import urllib.error
import urllib.request

from haproxies import Drive, Haproxy, until
from ports import free_port
from world import World, wait_for


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(self.server.slow_s)
        until(lambda: not self.server.mute, "it may speak")
        if self.server.broken:
            self.wfile.write(b"HTTP/1.1 2")
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Replica(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    status, broken, mute, slow_s = 200, False, False, 1.5

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), Answer)
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    def handle_error(self, *_):
        pass

    def kill(self):
        self.shutdown()
        self.server_close()


class Pair:
    """Two replicas behind one HAProxy, whose counters are read each 20 ms."""

    def __init__(self, stack, more=""):
        ports = [free_port(), free_port()]
        self.port = free_port()
        self.haproxy = stack.enter_context(Haproxy(
            {"be": [f"s{i} 127.0.0.1:{p}{more}"
                    for i, p in enumerate(ports, 1)]}))
        with open(self.haproxy.config, "a") as config:
            config.write("  retries 0\n  timeout queue 100ms\n"
                         f"frontend fe\n  bind 127.0.0.1:{self.port}\n"
                         "  default_backend be\n")
        self.replicas = [Replica(p) for p in ports]
        for replica in self.replicas:
            stack.callback(replica.kill)
        self.haproxy.start()
        self.drive = stack.enter_context(Drive(
            "counters 20", f"haproxy h {self.haproxy.path}", "server be s1",
            "server be s2"))
        self.drive.wait("server .*", count=2)
        # Some rounds before anything happens: one sets what is counted from.
        self.wait_read()

    def wait_read(self):
        """Until the counters have been read some times."""
        begin = self.wakes()
        until(lambda: self.wakes() > begin + 20, "counters are read")

    def wakes(self):
        """How often the driver had something to do."""
        pid = self.drive.process.pid
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(re.search(r"\nvoluntary_ctxt_switches:\s*(\d+)", text)[1])

    def get(self, path="/", timeout=60):
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=timeout) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0

    def accused(self):
        """Of more than slowness, which is true here or there."""
        return {hint for hint in self.hints() if "pending" not in hint}

    def hints(self, since=0):
        return {match[1] for match in
                (re.fullmatch(r"hint (.*)", f[1])
                 for f in self.drive.facts[since:]) if match}


@contextlib.contextmanager
def world(more=""):
    with contextlib.ExitStack() as stack:
        yield Pair(stack, more)


def test_refused_connections_speak_against_their_server():
    with world() as w:
        w.replicas[1].kill()
        begin = time.monotonic()
        assert sorted([w.get(), w.get()]) == [200, 503]
        when, _ = w.drive.wait("hint be/s2 haproxy_errors")
        assert w.accused() == {"be/s2 haproxy_errors"}
        print(f"spoken of {1e3 * (when - begin):.0f} ms after the first"
              " request")


def test_broken_answers_speak_against_their_server():
    with world() as w:
        w.replicas[0].broken = True
        assert sorted([w.get(), w.get()]) == [200, 502]
        w.drive.wait("hint be/s1 haproxy_errors")
        assert w.accused() == {"be/s1 haproxy_errors"}


def test_requests_left_standing_speak_against_their_server():
    with world() as w:
        # The next one is for s2.
        assert w.get() == w.get() == w.get() == 200
        # A request that begins as another one ends would not be told apart.
        w.wait_read()
        since = len(w.drive.facts)
        w.replicas[1].mute = True
        thread = threading.Thread(target=w.get)
        thread.start()
        w.drive.wait("hint be/s2 haproxy_pending", since)
        assert w.hints(since) == {"be/s2 haproxy_pending"}
        w.replicas[1].mute = False
        thread.join()


def test_5xx_of_one_server_alone_speak_against_it():
    with world() as w:
        w.replicas[0].status = 503
        for _ in range(10):
            w.get()
        w.drive.wait("hint be/s1 haproxy_5xx")
        assert w.accused() == {"be/s1 haproxy_5xx"}


def test_5xx_of_all_accuse_nobody():
    with world() as w:
        for replica in w.replicas:
            replica.status = 500
        for _ in range(50):
            assert w.get() == 500
        w.wait_read()
        assert not w.accused()


def test_clients_that_go_away_accuse_nobody():
    with world() as w:
        for replica in w.replicas:
            replica.slow_s = 4
        for _ in range(6):
            assert w.get("/slow", timeout=0.05) == 0
        time.sleep(5)
        w.wait_read()
        assert not w.accused()


def test_a_queue_that_is_too_long_accuses_nobody():
    with world(" maxconn 1") as w:
        threads = [threading.Thread(target=w.get, args=("/slow",))
                   for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        w.wait_read()
        assert w.hints() <= {f"be/s{i} haproxy_pending" for i in (1, 2)}


def test_after_a_reload_all_counts_begin_anew():
    with world() as w:
        w.replicas[1].kill()
        w.get(), w.get()
        w.drive.wait("hint be/s2 haproxy_errors")
        old = w.haproxy.pid()
        since = len(w.drive.facts)
        w.haproxy.reload()
        until(lambda: w.haproxy.pid() not in (None, old), "a new worker")
        w.drive.wait("server .*", since, count=2)
        # One round sets what is counted from.
        w.wait_read()
        assert not w.drive.seen("hint .*", since)
        w.get(), w.get()
        w.drive.wait("hint be/s2 haproxy_errors", since)


def test_a_large_table_takes_a_small_share_of_its_time():
    count = 1500
    servers = [f"s{i} 127.0.0.1:9" for i in range(count)]
    with Haproxy({"be": servers}).start() as haproxy, \
            Drive("counters 5", f"haproxy h {haproxy.path}",
                  *[f"server be s{i}" for i in range(count)]) as drive:
        drive.wait("server .*", count=count)

        def cpu():
            """Seconds of the worker."""
            stat = pathlib.Path(f"/proc/{haproxy.pid()}/stat").read_text()
            words = stat.rsplit(")", 1)[1].split()
            return (int(words[11]) + int(words[12])) / 100

        time.sleep(0.5)
        begin, since = cpu(), time.monotonic()
        time.sleep(3)
        spent = cpu() - begin
        share = spent / (time.monotonic() - since)
        print(f"{100 * share:.1f} % of HAProxy's time, with all else")
        assert share < 0.2


def test_the_daemon_asks_whom_they_speak_against():
    """A fault that only a question shows, with the next one far away."""
    with World(check="fall = 1; rise = 1;") as w:
        text = w.daemon.config.read_text()
        w.daemon.config.write_text(text.replace('interval = "100ms"',
                                                'interval = "1h"'))
        w.start()
        wait_for(lambda: not w.out())
        w.replicas["api2"].fault("kind=status&code=503")
        url = f"http://127.0.0.1:{w.haproxy.port}/health"

        def down():
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url, timeout=60).close()
            return w.daemon.said("api2 .*-> DOWN")

        begin = time.monotonic()
        wait_for(down)
        span = time.monotonic() - begin
        print(f"down after {1e3 * span:.0f} ms")
        assert span < 30
