"""The metrics, read by those who read them: promtool and Prometheus."""

import json
import re
import subprocess

import pytest
from web import ask
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
    assert world.sample('bascule_haproxy_commands_total{haproxy="lb1",'
                         'result="done"}') >= 1
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
        "job_name": "bascule", "scrape_interval": "200ms",
        "scrape_timeout": "200ms",
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
        wait_for(lambda: value("up") == 1, seconds=30)
        assert value("bascule_target_up") == 1
        assert value("scrape_samples_post_metric_relabeling") > 100
    finally:
        process.kill()
        process.wait()


def answers(place):
    try:
        return ask(place, "/livez").status == 200
    except OSError:
        return False


def test_thousands_of_targets_do_not_hold_up_the_loop(tmp_path):
    """Scrapes and status of 5,000 targets, and the late wake-ups."""
    port, count = free_port(), 5000
    config = tmp_path / "bascule.conf"
    names = ", ".join(
        f'{{ name = "t{i}"; address = "127.0.0.1:9"; }}'
        for i in range(count))
    config.write_text(f'''
node = "test"; state_dir = "{tmp_path}";
control = {{ socket = "{tmp_path}/control.sock"; }};
http = {{ listen = "127.0.0.1:{port}"; }};
services = ( {{ name = "many"; targets = ( {names} );
  check = {{ type = "tcp"; interval = "30s"; fast_interval = "10s";
            start_period = "1h"; }}; }} );
''')
    log = open(tmp_path / "log", "w")
    process = subprocess.Popen([BASCULED, "-c", config], stdout=log,
                               stderr=log)
    log.close()
    try:
        place = ("127.0.0.1", port)
        wait_for(lambda: answers(place))

        def slow_wakeups():
            page = ask(place, "/metrics").text()
            late = {bound: int(n) for bound, n in re.findall(
                r'bascule_loop_lag_seconds_bucket{le="([^"]+)"} (\d+)', page)}
            assert page.count("\nbascule_target_state{") == 6 * count
            return late["+Inf"] - late["0.05"]
        before = slow_wakeups()
        for _ in range(10):
            document = ask(place, "/api/v1/status").json()
            assert len(document["services"][0]["targets"]) == count
            last = slow_wakeups()
        assert last - before <= 1  # the machine's own hiccup
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0
