"""The metrics, read by those who read them: promtool and Prometheus."""

import json
import re
import signal
import socket
import subprocess

import pytest
from web import ask, connect
from webworld import WebWorld
from world import BASCULED, free_port, wait_for


@pytest.fixture
def world():
    with WebWorld() as it:
        yield it


def test_promtool_accepts_the_metrics(world):
    world.replica_kill("api1")
    world.wait_out("api1")
    page = ask(world.tcp, "/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    run = subprocess.run(["promtool", "check", "metrics"], input=page.body,
                         capture_output=True, check=False)
    assert run.returncode == 0 and run.stdout + run.stderr == b""
    assert world.sample('bascule_target_up{service="api",target="api1"}') == 0
    assert world.sample('bascule_detection_seconds_count{service="api"}') == 1
    assert world.sample('bascule_incidents_total{service="api",'
                         'severity="P2"}') == 1
    # HAProxy shows what it did before we have read its answer.
    wait_for(lambda: world.sample(
        'bascule_haproxy_commands_total{haproxy="lb1",result="done"}'))
    assert world.sample("process_open_fds") > 5


def test_prometheus_scrapes_it_as_openmetrics(world, tmp_path):
    page = ask(world.tcp, "/metrics",
               headers=["Accept: application/openmetrics-text;version=1.0.0"])
    assert page.headers["content-type"].startswith(
        "application/openmetrics-text")
    assert page.text().endswith("# EOF\n")
    port = free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": [{
        "job_name": "bascule", "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{world.tcp[1]}"]}]}]}))
    process = subprocess.Popen(
        ["prometheus", f"--config.file={config}",
         f"--storage.tsdb.path={tmp_path}/data",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def value(query):
            try:
                found = ask(("127.0.0.1", port),
                            f"/api/v1/query?query={query}")
            except OSError:
                return None
            if found.status != 200:
                return None
            result = found.json()["data"]["result"]
            return float(result[0]["value"][1]) if result else None
        wait_for(lambda: value("bascule_target_up") == 1)
        wait_for(lambda: (value("scrape_samples_post_metric_relabeling")
                          or 0) > 100)
        assert value("up") is not None
    finally:
        process.kill()
        process.wait()


def answers(place):
    try:
        return ask(place, "/livez").status == 200
    except OSError:
        return False


class Many:
    """A daemon with 5,000 targets that nobody asks for now."""

    COUNT = 5000

    def __init__(self, folder):
        self.folder = folder
        self.place = ("127.0.0.1", free_port())
        self.configure("30s")
        with open(folder / "log", "w", encoding="ascii") as log:
            self.process = subprocess.Popen(
                [BASCULED, "-c", folder / "bascule.conf"], stderr=log)

    def configure(self, interval):
        names = ", ".join(
            f'{{ name = "t{i}"; address = "127.0.0.1:9"; }}'
            for i in range(self.COUNT))
        (self.folder / "bascule.conf").write_text(f'''
node = "test"; state_dir = "{self.folder}";
control = {{ socket = "{self.folder}/control.sock"; }};
http = {{ listen = "127.0.0.1:{self.place[1]}"; }};
services = ( {{ name = "many"; targets = ( {names} );
  check = {{ type = "tcp"; interval = "{interval}"; fast_interval = "10s";
            start_period = "1h"; }}; }} );
''')

    def __enter__(self):
        wait_for(lambda: answers(self.place))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0

    def slow_wakeups(self):
        page = ask(self.place, "/metrics").text()
        late = {bound: int(n) for bound, n in re.findall(
            r'bascule_loop_lag_seconds_bucket{le="([^"]+)"} (\d+)', page)}
        assert page.count("\nbascule_target_state{") == 6 * self.COUNT
        return late["+Inf"] - late["0.05"]


def test_thousands_of_targets_do_not_hold_up_the_loop(tmp_path):
    with Many(tmp_path) as many:
        before = many.slow_wakeups()
        for _ in range(10):
            document = ask(many.place, "/api/v1/status").json()
            assert len(document["services"][0]["targets"]) == many.COUNT
            last = many.slow_wakeups()
        # Twenty would be late, but for the machine's own hiccups.
        assert last - before < 18


def test_a_document_that_a_reload_overtakes_breaks_off(tmp_path):
    with Many(tmp_path) as many, connect(many.place) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        s.sendall(b"GET /api/v1/status HTTP/1.1\r\nHost: b\r\n\r\n")
        assert s.recv(1000).startswith(b"HTTP/1.1 200 ")
        many.configure("31s")
        many.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "reloaded" in (tmp_path / "log").read_text())
        rest = b""
        while (data := s.recv(1 << 20)):
            rest += data
        assert not rest.endswith(b"0\r\n\r\n")
        document = ask(many.place, "/api/v1/status").json()
        assert len(document["services"][0]["targets"]) == many.COUNT


def test_every_name_of_the_interface_is_there(world):
    world.replica_kill("api1")
    world.wait_out("api1")
    world.replica_start("api1")
    world.daemon.wait_said("incident 1 .* closed")
    page = ask(world.tcp, "/metrics").text()
    for name in """build_info target_up target_state checks_total
            check_duration_seconds_bucket target_transitions_total
            detection_seconds_bucket action_seconds_bucket
            recovery_seconds_bucket mttd_seconds mttr_seconds
            availability_ratio incidents_total incidents_open
            incident_duration_seconds_bucket haproxy_up
            haproxy_commands_total haproxy_command_seconds_bucket
            haproxy_drift_total loop_lag_seconds_bucket""".split():
        assert re.search(rf"^bascule_{name}[{{ ]", page, re.M), name
    for name in """cpu_seconds_total resident_memory_bytes open_fds max_fds
            virtual_memory_bytes start_time_seconds""".split():
        assert f"\nprocess_{name} " in page, name
    assert world.sample('bascule_mttr_seconds{service="api"}') > 0
    assert 0 < world.sample('bascule_availability_ratio{service="api"}') <= 1
