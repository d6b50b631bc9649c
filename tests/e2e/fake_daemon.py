"""A stand-in for basculed: HTTP over a UNIX socket, documents as told."""

import http.server
import json
import os
import socketserver
import threading
import time
import urllib.parse


def result(code="L7OK", line="L7OK 200, 1 ms"):
    return {"code": code, "status": 200, "seconds": 0.001, "text": "",
            "line": line}


def target(name, state="UP", service="api", **more):
    up = state in ("UP", "DEGRADED")
    return {"service": service, "name": name, "address": "10.0.0.1:80",
            "state": state, "circuit": "CLOSED" if up else "OPEN",
            "since": "2026-11-20T17:05:20.000000Z", "for_seconds": 2.12,
            "why": "" if up else "3 checks failed in a row",
            "result": result() if up else
            result("L4CON", "L4CON 111, 98 us, Connection refused"),
            "bad": 0, "good": 9, "checks": 100, "in_rotation": up,
            "withdrawn": not up, "held": False, "drained": False,
            "weight_percent": 100, "operator_hold": False,
            "maintenance": None, "servers": {"local": "READY"},
            "certificate_days": None, **more}


def service(targets, name="api", state="well", **more):
    serving = sum(t["in_rotation"] for t in targets)
    return {"name": name, "state": state, "check": "http",
            "backend": "be_api", "targets_total": len(targets),
            "serving": serving, "down": len(targets) - serving, "maint": 0,
            "min_up": 1, "severity": None, "incident": None,
            "availability": 0.99987, "incidents_in_window": 3,
            "mttd_seconds": 0.11, "mttr_seconds": 14.2,
            "mtbf_seconds": 86400.0, "window_seconds": 7776000.0,
            "objective": {"availability": 0.9995, "mttd_seconds": 1.0,
                          "mttr_seconds": 30.0},
            "targets": targets, **more}


def status(services, summary="well", **more):
    return {"node": "node1", "version": "0.1.0",
            "time": "2026-11-20T17:05:22.123456Z",
            "started": "2026-11-20T09:00:00.000000Z",
            "uptime_seconds": 29122.12, "ready": True, "not_ready": [],
            "summary": summary, "stall": None, "maintenance": None,
            "haproxies": [{"name": "local", "address": "/run/h.sock",
                           "up": True, "why": "", "commands": 1,
                           "failures": 0, "drifts": 0, "absent": 0,
                           "differing": 0,
                           "mode": "maint", "agents": 0}],
            "incidents": [], "services": services, **more}


def node(name, role="follower", **more):
    return {"name": name, "self": name == "node1", "up": True, "role": role,
            "witness": role == "witness", "priority": 100,
            "eligible": role != "witness",
            "obstacles": ["witness"] if role == "witness" else [],
            "promised_to": None, "promise_left_seconds": None,
            "lease_left_seconds": None,
            "rtt_seconds": None if name == "node1" else 0.0002,
            "misconfigured": False, **more}


def cluster(nodes, primary="node1", **more):
    return {"name": "medassist", "term": 7, "primary": primary,
            "leader": primary, "quorum": True, "nodes": nodes, **more}


def three(**more):
    return cluster([
        node("node1", "primary", lease_left_seconds=0.412),
        node("node2", promised_to="node1", promise_left_seconds=0.48,
             priority=90),
        node("node3", "witness", promised_to="node1",
             promise_left_seconds=0.47)], **more)


def incident(number, **more):
    return {"number": number, "service": "api", "target": "api1",
            "severity": "P2", "open": False,
            "cause": result("L4CON", "L4CON 111, 98 us, Connection refused"),
            "onset_min": "2026-11-20T10:00:00.000000Z",
            "onset_max": "2026-11-20T10:00:00.100000Z",
            "detected": "2026-11-20T10:00:00.110000Z",
            "acted": "2026-11-20T10:00:00.114000Z",
            "recovered": "2026-11-20T10:00:14.200000Z",
            "detection_seconds": 0.11, "action_seconds": 0.004,
            "recovery_seconds": 14.2, "outage_seconds": 0.0,
            "targets_down_max": 1, "total": False, "held": False,
            "maintenance": False, **more}


def event(number, text, **more):
    return {"id": number, "time": "2026-11-20T17:05:22.123456Z",
            "kind": "target_down", "level": "notice", "service": "api",
            "target": "api1", "text": text, **more}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass

    def send(self, code, doc):
        body = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        daemon = self.server.daemon
        daemon.asked.append(self.path)
        if daemon.hanging:
            daemon.released.wait(300)
        elif query.get("follow") == "1":
            self.stream(int(query.get("after", "0")))
        elif url.path in daemon.documents:
            self.send(200, daemon.documents[url.path])
        else:
            self.send(404, {"error": "no such path"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.daemon.posted.append(json.loads(body))
        self.server.daemon.asked.append(self.path)
        self.send(*self.server.daemon.answer)

    def stream(self, after):
        daemon = self.server.daemon
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        while not daemon.released.is_set() and daemon.streaming:
            for ev in [e for e in daemon.events if e["id"] > after]:
                after = ev["id"]
                self.wfile.write(b": hello\n\nid: %d\nevent: %s\ndata: %s\n\n"
                                 % (after, ev["kind"].encode(),
                                    json.dumps(ev).encode()))
                self.wfile.flush()
            time.sleep(0.02)


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    allow_reuse_address = True


class Daemon:
    """Use as a context; what is asked is in .asked and .posted."""

    def __init__(self, path, documents=None):
        self.path = str(path)
        self.documents = documents or {}
        self.asked, self.posted, self.events = [], [], []
        self.answer = (200, {"ok": True, "text": "taken"})
        self.hanging, self.streaming = False, True
        self.released = threading.Event()

    def __enter__(self):
        self.server = Server(self.path, Handler)
        self.server.daemon = self
        threading.Thread(target=self.server.serve_forever,
                         kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        os.unlink(self.path)
