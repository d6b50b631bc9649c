"""The replica and the load as the end-to-end tests start them."""

import contextlib
import http.client
import json
import os
import resource
import subprocess

from ports import free_port

TOP = os.environ.get("top_builddir") or os.getcwd()
REPLICA = os.path.join(TOP, "drill/replica/replica")
LOAD = os.path.join(TOP, "drill/load/load")


class Replica:
    """A running replica; fault() switches through its control listener.

    limit: of its descriptors, soft and hard."""

    def __init__(self, *options, limit=None):
        self.process = subprocess.Popen(
            [REPLICA, "--listen", f"127.0.0.1:{free_port()}", "--name", "api1",
             "--control", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE, text=True)
        if limit:
            resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, limit)
        self.port = self.read_port("listening")
        self.control = self.read_port("control")

    def read_port(self, word):
        name, address = self.process.stdout.readline().split()
        assert name == word
        return int(address.rpartition(":")[2])

    def url(self, path="/api/doctors"):
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path="/health", timeout=30.0):
        return ask(self.port, "GET", path, timeout=timeout)

    def fault(self, form):
        status, body = ask(self.control, "POST", "/fault", form)
        answer = json.loads(body)
        assert status == 200, answer
        return answer

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def ask(port, method, path, body=None, timeout=30.0):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def start_load(*options):
    return subprocess.Popen([LOAD, "--json", "-", *options],
                            stdout=subprocess.PIPE, text=True)


def end_load(process):
    text, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(text)


def load(*options):
    return end_load(start_load(*options))
