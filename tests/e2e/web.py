"""A plain HTTP/1.1 client for the daemon, over TCP or its control socket."""

import json
import re
import socket


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        assert self.headers["content-type"].startswith("application/json")
        return json.loads(self.body)

    def text(self):
        return self.body.decode()


def connect(place, timeout=30, source=None):
    """@place: a path, or (host, port); @source: our own address."""
    if isinstance(place, str):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        s.connect(place)
        return s
    return socket.create_connection(place, timeout,
                                    source and (source, 0))


def read_head(stream):
    status = int(stream.readline().split()[1])
    headers = {}
    while (line := stream.readline().strip()):
        name, value = line.decode().split(":", 1)
        headers[name.lower()] = value.strip()
    return status, headers


def read_body(stream, headers):
    if headers.get("transfer-encoding") != "chunked":
        return stream.read(int(headers.get("content-length", 0)))
    body = b""
    while (size := int(stream.readline(), 16)):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body


def ask(place, path, method="GET", body=None, headers=(), timeout=30):
    data = b"" if body is None else (
        body if isinstance(body, bytes) else json.dumps(body).encode())
    lines = [f"{method} {path} HTTP/1.1", "Host: bascule",
             f"Content-Length: {len(data)}", "Connection: close", *headers]
    with connect(place, timeout) as s, s.makefile("rb") as stream:
        s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        status, got = read_head(stream)
        return Answer(status, got,
                      b"" if method == "HEAD" else read_body(stream, got))


class Stream:
    """Server-Sent Events, one (id, kind, data) at a time."""

    def __init__(self, place, path, headers=()):
        self.socket = connect(place)
        lines = [f"GET {path} HTTP/1.1", "Host: bascule", *headers]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.file = self.socket.makefile("rb")
        self.status, self.headers = read_head(self.file)
        self.text = ""

    def chunk(self):
        size = int(self.file.readline(), 16)
        data = self.file.read(size)
        self.file.readline()
        return data

    def next(self):
        while True:
            event, found, rest = self.text.partition("\n\n")
            if not found:
                data = self.chunk()
                if not data:
                    return None
                self.text += data.decode()
                continue
            self.text = rest
            match = re.fullmatch(r"id: (\d+)\nevent: (\w+)\ndata: (.*)", event)
            if match:
                number, kind, data = match.groups()
                return int(number), kind, json.loads(data)

    def close(self):
        self.file.close()
        self.socket.close()
