"""exec checks: the Nagios convention, and nothing left behind."""

import os
import pathlib

import pytest

from peers import SOON, check, checks
from world import wait_for


def shell(script):
    return ["command=sh", "command=-c", f"command={script}"]


def ask(script, **how):
    return check("exec", "10.0.0.7", 5000, *shell(script), **how)


@pytest.mark.parametrize("status, code", [
    (0, "PROCOK"), (1, "PROCWARN"), (2, "PROCERR"), (3, "PROCUNK"),
    (4, "PROCUNK"), (127, "PROCUNK")])
def test_the_exit_status_is_the_verdict(status, code):
    result = ask(f"echo 'FINE - all of it | a=1;2'; echo more; exit {status}")
    assert result.code == code
    assert result.status == status
    assert "FINE - all of it" in result.text
    assert "a=1" not in result.text
    assert "more" not in result.text


def test_the_program_hears_of_its_target():
    result = ask("echo $BASCULE_SERVICE $BASCULE_TARGET $BASCULE_ADDRESS"
                 " $BASCULE_PORT $HAPROXY_PROXY_NAME $HAPROXY_SERVER_NAME"
                 " $HAPROXY_SERVER_ADDR $HAPROXY_SERVER_PORT")
    assert result.text == ("service target 10.0.0.7 5000 "
                           "service target 10.0.0.7 5000")


def test_the_program_inherits_nothing_else():
    result = ask("ls /proc/self/fd | tr '\\n' ' '; env | grep -c NOTIFY_SOCKET")
    assert result.text == "0 1 2 3 0"


def test_a_program_that_is_not_there_is_no_verdict():
    result = check("exec", "10.0.0.7", 5000, "command=/nowhere/check")
    assert result.code == "PROCUNK"
    assert result.text == "cannot be run: No such file or directory"


def test_killed_by_a_signal_is_bad():
    result = ask("kill -SEGV $$")
    assert result.code == "PROCERR"
    assert result.text == "killed by signal 11"


def test_much_output_does_not_hold_it_up():
    result = ask("head -c 1000000 /dev/zero | tr '\\0' a; exit 1")
    assert result.code == "PROCWARN"
    assert result.text == "a" * 79


def gone(pid_file):
    """Whether the process dies that wrote its number there."""
    pid = int(pathlib.Path(pid_file).read_text())

    def dead():
        try:
            state = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True
        return state.rpartition(")")[2].split()[0] == "Z"

    try:
        return wait_for(dead)
    except AssertionError:
        os.kill(pid, 9)
        raise


def test_the_whole_group_is_killed_at_the_deadline(tmp_path):
    script = (f"trap '' TERM; echo $$ >{tmp_path}/leader;"
              f" (trap '' TERM; sh -c 'echo $$ >{tmp_path}/child;"
              " exec sleep 60') & wait; sleep 60")
    result = ask(script, timeout=4000)
    assert result.code == "PROCTOUT"
    assert 4000 <= result.ms < 4000 + SOON
    assert gone(tmp_path / "leader")
    assert gone(tmp_path / "child")


def test_what_a_program_leaves_running_is_killed(tmp_path):
    script = (f"sh -c 'echo $$ >{tmp_path}/child; exec sleep 60' &"
              f" while ! [ -s {tmp_path}/child ]; do sleep 0.01; done;"
              " echo done")
    result = ask(script)
    assert result.code == "PROCOK"
    assert result.ms < SOON
    assert gone(tmp_path / "child")


def test_a_target_is_asked_again_after_a_deadline(tmp_path):
    script = (f"[ -e {tmp_path}/once ] && exit 0;"
              f" touch {tmp_path}/once; sleep 60")
    first, *others = checks("exec", "10.0.0.7", 5000, *shell(script), times=5,
                            gap=500, timeout=4000)
    assert first.code == "PROCTOUT"
    # One that was killed may take its time to end, on a busy machine.
    while others[0].text == "the run before cannot be killed":
        others.pop(0)
    assert {r.code for r in others} == {"PROCOK"}
