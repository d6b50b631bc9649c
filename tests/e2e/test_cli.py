"""bascule over its control socket, the daemon a stand-in."""

import contextlib
import json
import os
import pathlib
import pty
import re
import select
import socket
import subprocess
import tempfile
import termios
import threading
import time

import pytest

from fake_daemon import Daemon, event, incident, service, status, target
from peers import OK, Server, answering, refused

BASCULE = pathlib.Path(os.environ["top_builddir"]) / "cli/bascule"
SOURCE = pathlib.Path(os.environ["top_srcdir"])
ENV = {**os.environ, "TZ": "UTC", "TERM": "xterm"}
ENV.pop("NO_COLOR", None)
ENV.pop("BASCULE_SOCKET", None)


def bascule(*args, **env):
    return subprocess.run([BASCULE, *args], env={**ENV, **env}, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60)


@pytest.fixture
def daemon(tmp_path):
    documents = {
        "/api/v1/status": status([service([target("api1"), target("api2")])]),
        "/api/v1/incidents": {"incidents": [incident(17)], "more": False,
                              "complete": True,
                              "from": "2026-11-10T17:05:22.123456Z"},
        "/api/v1/events": {"events": [event(1, "one"), event(2, "two")],
                           "last": 2, "more": False, "complete": True},
    }
    with Daemon(tmp_path / "control.sock", documents) as it:
        yield it


def ask(daemon, *args, **env):
    return bascule(*args, "--socket", daemon.path, **env)


def set_status(daemon, targets, summary, **more):
    state = summary if summary in ("well", "outage") else "degraded"
    daemon.documents["/api/v1/status"] = status(
        [service(targets, state=state)], summary, **more)


@pytest.mark.parametrize("summary, code",
                         [("well", 0), ("degraded", 1), ("outage", 2)])
def test_status_exits_with_how_it_is(daemon, summary, code):
    set_status(daemon, [target("api1")], summary)
    for json_too in [], ["--json"]:
        assert ask(daemon, "status", *json_too).returncode == code


def test_status_in_a_pipe_is_whole_and_has_no_colour(daemon):
    set_status(daemon, [target("api1", "DOWN"), target("api2")], "degraded",
               incidents=[incident(17, open=True)])
    run = ask(daemon, "status")
    assert run.stderr == ""
    assert run.stdout.startswith(
        "node1: degraded (basculed 0.1.0, up 8 h 5 min)\n")
    lines = run.stdout.splitlines()
    assert "\033" not in run.stdout
    assert not re.search(" $", run.stdout, re.M)
    down = next(i for i, line in enumerate(lines) if "api/api1" in line)
    assert re.search(r"DOWN .*refused: 3 checks failed in a row$",
                     lines[down])
    assert "api/api2" in lines[down + 1]
    assert "99.9870 %" in run.stdout


def test_status_json_is_the_daemons_document(daemon):
    run = ask(daemon, "status", "--json")
    assert json.loads(run.stdout) == daemon.documents["/api/v1/status"]


def test_of_thousands_only_those_in_trouble_are_shown(daemon):
    targets = [target(f"t{i}") for i in range(4998)]
    targets += [target("bad", "DOWN"), target("back", "RECOVERING")]
    set_status(daemon, targets, "degraded")
    run = ask(daemon, "status")
    assert len(run.stdout.splitlines()) < 20
    assert "api/bad" in run.stdout and "api/back" in run.stdout
    assert "and 4998 more: 4998 UP (--all shows them)" in run.stdout
    assert ask(daemon, "status", "--all").stdout.count("\napi/") == 5000


def test_an_up_target_without_traffic_is_trouble(daemon):
    targets = [target(f"t{i}") for i in range(100)]
    targets[70]["operator_hold"] = True
    set_status(daemon, targets, "well")
    run = ask(daemon, "status")
    assert re.search(r"api/t70 +UP +2.12 s +operator", run.stdout)
    assert "and 99 more: 99 UP" in run.stdout


def test_one_that_reports_an_outage_says_of_whom(daemon):
    excused = {"excused": True, "root": "db", "grace_seconds": None}
    set_status(daemon, [target("api1", **excused)], "well")
    assert "reports that db is down\n" in ask(daemon, "status", "--all").stdout
    excused["grace_seconds"] = 4.5
    set_status(daemon, [target("api1", **excused)], "well")
    assert ("reports that db was down, and has 4.50 s left to connect to it "
            "again\n") in ask(daemon, "status", "--all").stdout


def test_what_a_terminal_would_obey_is_not_printed(daemon):
    set_status(daemon, [target("api1", "DOWN", why="\033[2J\r\n")], "outage")
    run = ask(daemon, "status")
    assert "\033" not in run.stdout and "\r" not in run.stdout


def test_no_socket_says_to_look_at_the_daemon(tmp_path):
    run = bascule("status", "--socket", str(tmp_path / "none"))
    assert run.returncode == 3
    assert "is basculed running?" in run.stderr
    assert "systemctl status basculed" in run.stderr
    assert bascule("events", "--socket", str(tmp_path / "none")).returncode == 1


def test_a_socket_without_a_daemon_is_said(tmp_path):
    path = str(tmp_path / "left.sock")
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    run = bascule("status", BASCULE_SOCKET=path)
    left.close()
    assert run.returncode == 3
    assert f"nobody answers at {path}" in run.stderr


def test_permission_denied_names_the_group():
    root = [] if os.getuid() == 0 else ["sudo", "-n"]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with Daemon(folder + "/control.sock") as daemon:
            os.chmod(daemon.path, 0o600)
            run = subprocess.run(
                [*root, "setpriv", "--reuid", "65534", "--regid", "65534",
                 "--clear-groups", BASCULE, "status", "--socket",
                 daemon.path], text=True, capture_output=True, env=ENV,
                timeout=60)
    assert run.returncode == 3
    assert "permission denied: only root and the group " in run.stderr


def test_a_hanging_daemon_is_given_up(daemon):
    daemon.hanging = True
    before = time.monotonic()
    run = ask(daemon, "status")
    assert run.returncode == 3
    assert "does not answer" in run.stderr
    assert time.monotonic() - before < 60


def test_something_else_on_the_socket_is_noticed(daemon):
    daemon.documents["/api/v1/status"] = b"<html>"
    run = ask(daemon, "status")
    assert run.returncode == 3
    assert "not basculed's" in run.stderr


def test_events_are_printed_with_time_and_level(daemon):
    daemon.documents["/api/v1/events"]["events"][1]["level"] = "warning"
    run = ask(daemon, "events", "--since", "1h")
    assert run.stdout.splitlines() == [
        "2026-11-20 17:05:22.123 one",
        "2026-11-20 17:05:22.123 warning: two"]
    assert "since=1h" in daemon.asked[-1]


def test_events_of_one_target_or_service(daemon):
    events = daemon.documents["/api/v1/events"]["events"]
    events[0]["target"], events[1]["service"] = "api2", "db"
    for args, text in [(["--target", "api/api2"], "one"),
                       (["--target", "api1"], "two"),
                       (["--service", "db"], "two")]:
        assert ask(daemon, "events", *args).stdout.endswith(f" {text}\n")
    assert ask(daemon, "events", "--service", "none").stdout == ""


def test_events_are_limited_after_they_are_chosen(daemon):
    run = ask(daemon, "events", "--service", "api", "--limit", "1", "--json")
    assert [e["id"] for e in json.loads(run.stdout)["events"]] == [2]


@contextlib.contextmanager
def following(daemon, *args):
    process = subprocess.Popen(
        [BASCULE, "events", "-f", "--socket", daemon.path, *args], env=ENV,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_events_are_followed_over_a_restart_of_the_daemon(daemon):
    with following(daemon) as process:
        assert process.stdout.readline().endswith("one\n")
        assert process.stdout.readline().endswith("two\n")
        daemon.events.append(event(3, "three"))
        assert process.stdout.readline().endswith("three\n")
        daemon.streaming = False
        assert "waiting for it" in process.stderr.readline()
        daemon.events.append(event(4, "four"))
        daemon.streaming = True
        assert process.stdout.readline().endswith("four\n")


def test_followed_events_as_json_are_one_a_line(daemon):
    with following(daemon, "--json") as process:
        assert json.loads(process.stdout.readline())["id"] == 1


def test_incidents_are_one_row_each(daemon):
    daemon.documents["/api/v1/incidents"]["incidents"] = [
        incident(18, open=True, recovered=None, recovery_seconds=None,
                 severity="P1", held=True), incident(17)]
    run = ask(daemon, "incidents", "--since", "7d", "--service", "api")
    assert "since=7d&service=api" in daemon.asked[-1]
    rows = run.stdout.splitlines()
    assert len(rows) == 3
    assert re.match(r"18 +P1 +api/api1 +10:00:00 +110 ms +held +open", rows[1])
    assert re.match(r"17 +P2 +api/api1 +10:00:00 +110 ms +4.00 ms +14.2 s +L4",
                    rows[2])


def test_no_incidents_is_said(daemon):
    daemon.documents["/api/v1/incidents"]["incidents"] = []
    assert ask(daemon, "incidents").stdout == "No incidents.\n"


def test_report_is_of_the_time_since_the_record_began(daemon):
    doc = json.loads(ask(daemon, "report", "--json").stdout)
    assert doc["observed_seconds"] == 10 * 86400
    [api] = doc["services"]
    assert api["incidents"] == 1
    assert api["mttd_seconds"]["mean"] == 0.11
    assert api["budget"]["left_seconds"] == pytest.approx(30 * 86400 * 0.0005)


@pytest.mark.parametrize("form, mark", [
    ("text", "Availability of node1\n====="),
    ("markdown", "# Availability of node1\n"),
    ("html", "<!DOCTYPE html>"), ("json", "{")])
def test_report_in_each_format(daemon, form, mark):
    run = ask(daemon, "report", "--since", "7d", "--format", form)
    assert run.returncode == 0
    assert run.stdout.startswith(mark)


def test_report_says_when_the_record_has_holes(daemon):
    daemon.documents["/api/v1/incidents"]["more"] = True
    assert "record is not complete" in ask(daemon, "report").stdout


@pytest.mark.parametrize("name, subject", [
    ([], {"node": True}), (["node1"], {"node": True}),
    (["api"], {"service": "api"}),
    (["api1"], {"target": "api1"}), (["api/api1"], {"target": "api/api1"})])
def test_maintenance_of_a_node_a_service_or_a_target(daemon, name, subject):
    run = ask(daemon, "maintenance", "on", *name, "--for", "30m", "--reason",
              "disk swap", "--drain")
    assert run.returncode == 0
    assert run.stdout.endswith("taken\n")
    assert ("cluster of one" in run.stdout) == (name == ["--cluster"])
    assert daemon.posted == [{"on": True, "for": "30m", "drain": True,
                              "reason": "disk swap", **subject}]


def test_maintenance_that_is_refused_says_why(daemon):
    daemon.answer = (409, {"error": "web1 is ambiguous",
                           "candidates": ["api/web1", "shop/web1"]})
    run = ask(daemon, "maintenance", "off", "web1")
    assert run.returncode == 1
    assert run.stderr == ("bascule: web1 is ambiguous: api/web1, "
                          "shop/web1\n")


@pytest.mark.parametrize("args", [
    [], ["statsu"], ["failover"], ["--socket", "x", "status"],
    ["status", "more"], ["status", "--jsno"], ["events", "--limit", "few"],
    ["report", "--since", "30"], ["report", "--format", "pdf"],
    ["maintenance"], ["maintenance", "of"], ["maintenance", "off", "--drain"],
    ["maintenance", "on", "api1", "--cluster"], ["check-config"],
    ["switchover", "a", "b"], ["switchover", "--to"],
    ["help", "nothing"], ["version", "x"]])
def test_wrong_usage_is_64(args):
    run = bascule(*args)
    assert run.returncode == 64
    assert run.stdout == ""
    assert run.stderr != ""


def test_the_nearest_command_and_option_are_named():
    assert "did you mean status?" in bascule("statsu").stderr
    assert "did you mean --json?" in bascule("status", "--jsno").stderr


def test_every_command_has_help():
    listed = re.findall(r"^  ([a-z-]+) ", bascule("help").stdout, re.M)
    assert "status" in listed and "check-config" in listed
    for name in listed:
        run = bascule(name, "--help")
        assert run.returncode == 0
        assert bascule("help", name).returncode == 0
        assert max(map(len, run.stdout.splitlines())) <= 80


def test_version():
    assert re.fullmatch(r"bascule \d+\.\d+\.\d+\n", bascule("version").stdout)
    assert bascule("--version").stdout == bascule("-V").stdout


def test_a_full_disk_is_noticed(daemon):
    with open("/dev/full", "w") as full:
        run = subprocess.run([BASCULE, "incidents", "--socket", daemon.path],
                             stdout=full, stderr=subprocess.PIPE, text=True,
                             timeout=60)
    assert run.returncode == 1
    assert "cannot be written" in run.stderr


COMPLETE = r"""
PATH=$0:$PATH; source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _bascule
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("words, wanted", [
    (["inc"], ["incidents"]), (["check"], ["check", "check-config"]),
    (["events", "--ser"], ["--service"]), (["maintenance", "of"], ["off"]),
    (["report", "--format", "m"], ["markdown"]),
    (["maintenance", "on", "ap"], ["api", "api1", "api2"])])
def test_bash_completes(daemon, words, wanted):
    run = subprocess.run(
        ["bash", "-c", COMPLETE, BASCULE.parent,
         SOURCE / "cli/completion/bascule", "bascule", *words], text=True, capture_output=True, timeout=60,
        env={**ENV, "BASCULE_SOCKET": daemon.path})
    assert run.stdout.split() == wanted


class Terminal:
    """bascule on a terminal of its own."""

    def __init__(self, *args, **env):
        self.fd, tty = pty.openpty()
        termios.tcsetwinsize(tty, (24, 80))
        self.tty = tty
        self.before = termios.tcgetattr(tty)
        self.process = subprocess.Popen(
            [BASCULE, *args], stdin=tty, stdout=tty, stderr=tty,
            env={**ENV, **env})
        self.seen = self.all = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.fd)
        os.close(self.tty)

    def wait_for(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text not in self.seen:
            left = end - time.monotonic()
            assert left > 0, repr(self.seen)
            if select.select([self.fd], [], [], left)[0]:
                more = os.read(self.fd, 65536).decode()
                self.seen += more
                self.all += more
        self.seen = self.seen.split(text, 1)[1]

    def type(self, keys):
        os.write(self.fd, keys.encode())


def test_colours_are_for_terminals_that_have_them(daemon):
    args = ["status", "--socket", daemon.path]
    with Terminal(*args) as terminal:
        terminal.wait_for("node1: \033[32mwell\033[0m")
    with Terminal(*args, NO_COLOR="1") as terminal:
        terminal.wait_for("node1: well")
    with Terminal(*args, TERM="dumb") as terminal:
        terminal.wait_for("node1: well")


def test_status_fits_the_terminal(daemon):
    set_status(daemon, [target("api1", "DOWN"), target("api2")], "degraded",
               incidents=[incident(17, open=True)])
    with Terminal("status", "--socket", daemon.path, NO_COLOR="1") as terminal:
        assert terminal.process.wait(30) == 1
        terminal.wait_for("Open incidents")
        lines = terminal.all.splitlines()
    assert max(map(len, lines)) == 80


@pytest.mark.parametrize("how", ["q", "\x03", "TERM"])
def test_watch_leaves_the_terminal_as_it_was(daemon, how):
    with Terminal("watch", "--socket", daemon.path) as terminal:
        terminal.wait_for("\033[?1049h")
        terminal.wait_for("api/api1")
        if how == "TERM":
            terminal.process.terminate()
        else:
            terminal.type(how)
        terminal.wait_for("\033[?1049l")
        assert terminal.process.wait(30) == 0
        assert termios.tcgetattr(terminal.tty) == terminal.before


@contextlib.contextmanager
def repeated(action):
    """@action at once and five times a second."""
    ended = threading.Event()

    def run():
        action()
        while not ended.wait(0.2):
            action()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    ended.set()
    thread.join()


def test_watch_draws_anew_on_an_event(daemon):
    with Terminal("watch", "--socket", daemon.path) as terminal:
        terminal.wait_for("api/api1")
        set_status(daemon, [target("api1", "DOWN")], "outage")
        # As long as events come, nothing else lets it draw.
        with repeated(lambda: daemon.events.append(event(
                len(daemon.events) + 1, "down"))):
            terminal.wait_for("outage")


def test_watch_waits_for_a_daemon_that_is_away(tmp_path):
    path = str(tmp_path / "later.sock")
    documents = {"/api/v1/status": status([service([target("api1")])])}
    with Terminal("watch", "--socket", path) as terminal:
        terminal.wait_for("is basculed running?")
        with Daemon(path, documents):
            terminal.wait_for("api/api1")
            terminal.type("q")
            assert terminal.process.wait(30) == 0


def test_watch_without_a_terminal_prints(daemon):
    run = ask(daemon, "watch", "--count", "2")
    assert run.returncode == 0
    assert run.stdout.count("node1: well") == 2
    assert "\033" not in run.stdout


@pytest.mark.parametrize("args, code, mark", [
    (["--body", "healthy", "--timeout", "30s"], 0, "http OK: L7OK"),
    (["--body", "ill", "--timeout", "30s"], 2, "http CRITICAL: L7STS"),
    (["--status", "500", "--timeout", "30s"], 2, "http CRITICAL: L7STS"),
    (["--slow-after", "1ms", "--timeout", "30s"], 1, "http WARNING: L7OK")])
def test_check_follows_the_plugin_convention(args, code, mark):
    def slow(server, conn, number):
        time.sleep(0.02)
        answering(OK)(server, conn, number)

    with Server(slow) as server:
        run = bascule("check", "http",
                      f"http://127.0.0.1:{server.port}/health", *args)
    assert run.returncode == code
    assert run.stdout.startswith(mark)
    assert re.fullmatch(
        r"[^|]+ \| time=\d\.\d{6}s;\d+\.\d{6};\d+\.\d{6};0\n", run.stdout)


def test_check_tcp_refused_is_critical():
    with refused() as port:
        run = bascule("check", "tcp", f"127.0.0.1:{port}")
    assert run.returncode == 2
    assert run.stdout.startswith("tcp CRITICAL: L4CON")


@pytest.mark.parametrize("args", [
    [], ["ftp", "x:1"], ["tcp"], ["http", "127.0.0.1:1", "x"],
    ["http", "127.0.0.1:1", "--timeout", "3"], ["tcp", "nowhere"],
    ["tcp", "127.0.0.1:1", "--body", "x"], ["http", "a:1", "--jsno"]])
def test_check_calls_wrong_usage_unknown(args):
    run = bascule("check", *args)
    assert run.returncode == 3
    assert run.stderr != ""


CONFIG = """
node = "node1";
services = ( { name = "api";
  check = { type = "http"; interval = "1s"; fast_interval = "100ms";
            timeout = "500ms"; fall = 3; };
  targets = ( { name = "api1"; address = "127.0.0.1:5001"; } ); } );
"""


def test_check_config_computes_the_longest_detection(tmp_path):
    path = tmp_path / "good.conf"
    path.write_text(CONFIG)
    run = bascule("check-config", path)
    assert run.returncode == 0
    assert run.stdout.startswith(f"{path}: fine\n")
    assert re.search(r"api/api1 +http +1.00 s +1.20 s +2.70 s +11.7 s +6.83 s",
                     run.stdout)
    doc = json.loads(bascule("check-config", "--json", path).stdout)
    assert doc["targets"][0]["silence_seconds"] == 2.7
    assert doc["targets"][0]["listener_seconds"] == 11.7


def test_check_config_prints_every_error_with_its_line(tmp_path):
    path = tmp_path / "bad.conf"
    path.write_text(CONFIG.replace("fall = 3", "fal = 3")
                    .replace('"1s"', '"1"'))
    run = bascule("check-config", path)
    assert run.returncode == 1
    assert run.stdout == ""
    assert [line.split(": ")[0] for line in run.stderr.splitlines()] == [
        f"{path}:4", f"{path}:5"]
    doc = json.loads(bascule("check-config", "--json", path).stdout)
    assert doc["fine"] is False and len(doc["errors"]) == 2
