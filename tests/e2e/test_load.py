"""The load, started for real against a replica, and both command lines."""

import os
import re
import signal
import subprocess
import time

import pytest

from drills import (LOAD, REPLICA, Replica, ask, end_load, load,
                    start_load)
from world import wait_for


@pytest.fixture
def replica():
    server = Replica()
    yield server
    server.stop()


def counted(replica, name):
    """The sum of a metric, from a listener that no fault concerns."""
    _, text = ask(replica.control, "GET", "/metrics")
    return sum(int(line.split()[-1]) for line in text.splitlines()
               if re.match(rf"{name}[ {{]", line))


def wait_begun(replica):
    """Until it has been asked some things."""
    wait_for(lambda: counted(replica, "replica_requests_total") > 20)


@pytest.mark.parametrize("connections", ["keep", "new"])
def test_load_on_a_healthy_replica(replica, connections):
    report = load("--url", replica.url(), "--url", replica.url("/health"),
                  "--rate", "100", "--duration", "3s",
                  "--timeout", "20s", "--connections", connections)
    assert report["sent"] == report["ok"] == 300
    assert report["failed"] == 0
    assert report["status"] == {"200": 300}
    assert report["first_failure_us"] is None
    assert report["end_us"] - report["begin_us"] == 3000000
    assert 0 < report["latency_us"]["p50"] <= report["latency_us"]["max"]
    _, text = replica.get("/metrics")
    assert 'path="/api/doctors",code="200"} 150\n' in text
    assert 'path="/health",code="200"} 150\n' in text
    opened = int(text.partition("\nreplica_connections_total ")[2].split()[0])
    # Some answers may have been waited for beside each other.
    assert (opened < 300) == (connections == "keep")


@pytest.mark.parametrize("fault,kind", [
    ("kind=status&code=503", "http_5xx"),
    ("kind=status&code=404", "http_4xx"),
    ("kind=refuse", "refused"),
    ("kind=mute", "timeout"),
    ("kind=huge", "timeout"),
    ("kind=bytes&ms=200", "timeout"),
    ("kind=garbage", "garbled"),
    ("kind=endless-headers", "garbled"),
    ("kind=half", "closed"),
])
def test_load_tells_faults_apart(replica, fault, kind):
    replica.fault(fault)
    report = load("--url", replica.url(), "--rate", "50", "--duration",
                  "200ms", "--timeout", "3s" if kind == "timeout" else "20s")
    assert report["ok"] == 0
    assert report["failed_by"][kind] == report["failed"] == 10
    assert report["longest_gap_us"] == 200000
    assert report["first_success_after_us"] is None


def test_load_counts_slow_answers_from_their_intended_start(replica):
    replica.fault("kind=slow&ms=150")
    report = load("--url", replica.url(), "--rate", "100", "--duration",
                  "500ms", "--slow", "100ms", "--timeout", "20s")
    assert report["ok"] == report["slow"] == 50
    assert report["latency_us"]["p50"] >= 150000


def test_load_leaves_nothing_out_while_the_server_is_frozen(replica):
    process = start_load("--url", replica.url(), "--rate", "100",
                         "--duration", "6s", "--timeout", "20s")
    wait_begun(replica)
    replica.process.send_signal(signal.SIGSTOP)
    time.sleep(0.6)
    replica.process.send_signal(signal.SIGCONT)
    report = end_load(process)
    assert report["ok"] == 600
    assert report["slow"] >= 20
    assert 500000 < report["latency_us"]["max"]


def test_load_sees_a_killed_server_and_its_successor(replica):
    process = start_load("--url", replica.url(), "--rate", "100",
                         "--duration", "6s", "--timeout", "20s")
    wait_begun(replica)
    replica.stop()
    time.sleep(0.8)
    successor = Replica("--listen", f"127.0.0.1:{replica.port}")
    try:
        report = end_load(process)
    finally:
        successor.stop()
    failed_by = report["failed_by"]
    assert report["failed"] >= 40
    assert report["failed"] == failed_by["refused"] + failed_by["reset"] + \
        failed_by["closed"]
    assert 500000 < report["longest_gap_us"]
    assert report["first_success_after_us"] > report["last_failure_us"] \
        > report["first_failure_us"]


def test_load_trace_can_be_read_back_for_a_window(replica, tmp_path):
    trace = tmp_path / "trace"
    process = start_load("--url", replica.url(), "--rate", "50",
                         "--duration", "8s", "--timeout", "20s",
                         "--trace", str(trace))
    time.sleep(3)
    begin = replica.fault("kind=refuse")["since_us"]
    time.sleep(3)
    end = replica.fault("kind=none")["since_us"]
    report = end_load(process)
    lines = [line.split() for line in trace.read_text().splitlines()
             if not line.startswith("#")]
    assert len(lines) == 400
    starts = [int(line[0]) for line in lines]
    assert starts == sorted(starts)
    assert starts[0] == report["begin_us"]
    assert sum(line[2] == "ok" for line in lines) == report["ok"]
    failed = [line for line in lines if line[2] != "ok"]
    assert failed
    assert all(line[3:] == ["0", "0"] for line in failed)

    margin = 2500000  # on a busy machine a request leaves late
    window = load("--read", str(trace), "--from", str(begin),
                  "--to", str(end - margin))
    assert window["ok"] == 0
    assert window["failed"] == window["sent"]
    assert window["longest_gap_us"] == end - margin - begin
    before = load("--read", str(trace), "--to", str(begin - margin))
    assert before["failed"] == 0
    whole = load("--read", str(trace))
    for name in "ok", "failed", "failed_by", "latency_us", "begin_us":
        assert whole[name] == report[name]


def test_load_ends_cleanly_at_a_signal(replica):
    process = start_load("--url", replica.url(), "--rate", "200",
                         "--timeout", "20s")
    wait_begun(replica)
    process.send_signal(signal.SIGTERM)
    report = end_load(process)
    assert report["ok"] == report["sent"] > 0
    assert report["failed"] == 0
    assert report["unfinished"] == 0


def test_load_does_not_wait_after_a_second_signal(replica):
    replica.fault("kind=mute")
    process = start_load("--url", replica.url(), "--rate", "100",
                         "--timeout", "60s")
    wait_for(lambda: counted(replica, "replica_connections") > 20)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert process.poll() is None

    def ends():
        """Two signals that wait are one."""
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    wait_for(ends, every=0.1)
    report = end_load(process)
    assert report["unfinished"] >= 20
    assert report["sent"] == report["unfinished"]


def test_load_says_what_it_could_not_send(replica):
    replica.fault("kind=mute")
    options = ["--url", replica.url(), "--rate", "100", "--duration", "500ms",
               "--timeout", "3s", "--in-flight", "10"]
    report = load(*options)
    assert report["failed_by"]["timeout"] == report["sent"] == 10
    assert report["failed_by"]["full"] == 40
    text = subprocess.run([LOAD, *options], capture_output=True, text=True,
                          check=True).stdout
    assert "note: 40 were not sent because too many were in flight" in text


def test_load_tells_its_own_lateness_from_the_servers(replica):
    process = start_load("--url", replica.url(), "--rate", "200",
                         "--duration", "6s", "--timeout", "1s")
    wait_begun(replica)
    process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    process.send_signal(signal.SIGCONT)
    report = end_load(process)
    assert report["failed_by"]["late"] >= 200
    assert report["failed"] == report["failed_by"]["late"] + \
        report["failed_by"]["timeout"]
    assert report["failed_by"]["timeout"] < report["failed_by"]["late"]


# The command lines


@pytest.mark.parametrize("program", [REPLICA, LOAD])
def test_help_and_version(program):
    for option in "--help", "--version":
        done = subprocess.run([program, option], capture_output=True,
                              text=True, check=True)
        assert os.path.basename(program) in done.stdout
        assert done.stderr == ""


@pytest.mark.parametrize("command,says", [
    ([REPLICA], "--listen ADDRESS:PORT is missing"),
    ([REPLICA, "--listen", "localhost:80"], "--listen: \"localhost:80\""),
    ([REPLICA, "--listen", "127.0.0.1:1", "--fault", "kind=x"],
     "--fault: kind \"x\" is none of"),
    ([REPLICA, "--listen", "127.0.0.1:1", "--name", "a b"],
     "is no name"),
    ([REPLICA, "--listen", "127.0.0.1:1", "more"], "no arguments"),
    ([REPLICA, "--lisen", "127.0.0.1:1"], "see replica --help"),
    ([LOAD], "--url http://HOST:PORT/PATH is missing"),
    ([LOAD, "--url", "https://a/"], "--url: \"https://a/\""),
    ([LOAD, "--url", "http://a/", "--duration", "10"],
     "--duration: \"10\" has no unit"),
    ([LOAD, "--url", "http://a/", "--slow", "0s"], "--slow: it must be above"),
    ([LOAD, "--url", "http://a/", "--timeout", "8d"], "up to 7d"),
    ([LOAD, "--url", "http://a/", "--rate", "0"], "--rate: \"0\""),
    ([LOAD, "--url", "http://a/", "--connections", "few"],
     "neither keep nor new"),
    ([LOAD, "--url", "http://a/", "--read", "x"], "exclude each other"),
    ([LOAD, "--url", "http://a/", "--rate", "100000", "--timeout", "1h"],
     "--rate times --timeout"),
])
def test_wrong_usage_exits_64(command, says):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert says in done.stderr
    assert done.stdout == ""


def test_exits_1_when_it_cannot_do_its_work(replica, tmp_path):
    used = f"127.0.0.1:{replica.port}"
    broken = tmp_path / "trace"
    broken.write_text("1 2 ok 200 0\nnonsense\n")
    for command, says in [
            ([REPLICA, "--listen", used], f"cannot listen on {used}: Address"),
            ([REPLICA, "--listen", "127.0.0.1:0", "--fault", "kind=refuse"],
             "--control"),
            ([REPLICA, "--listen", "127.0.0.1:0", "--ports", "2"],
             "2 ports from port 0 on"),
            ([REPLICA, "--listen", "127.0.0.1:0", "--pidfile",
              str(tmp_path / "no" / "pid")], "cannot write"),
            ([LOAD, "--url", replica.url(), "--trace",
              str(tmp_path / "no" / "trace")], "cannot write"),
            ([LOAD, "--url", replica.url(), "--duration", "10ms", "--json",
              str(tmp_path / "no" / "json")], "cannot write"),
            ([LOAD, "--url", "http://nowhere.invalid/"], "nowhere.invalid"),
            ([LOAD, "--read", str(tmp_path / "none")], "cannot read"),
            ([LOAD, "--read", str(broken)], ":2: not a line of a trace"),
            ([LOAD, "--read", str(broken), "--from", "5"], "not a line"),
    ]:
        done = subprocess.run(command, capture_output=True, text=True,
                              check=False, timeout=60)
        assert done.returncode == 1, command
        assert says in done.stderr
