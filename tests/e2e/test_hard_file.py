"""The hard state's file on real file systems: full, read-only, and kill -9."""

import contextlib
import itertools
import os
import pathlib
import subprocess
import threading

import pytest

DRIVE = pathlib.Path(os.environ["top_builddir"]) / "tests/e2e/hard_drive"
ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]


@contextlib.contextmanager
def drive(path):
    with subprocess.Popen([DRIVE, path], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def write(process, text):
    """Returns what is answered."""
    process.stdin.write(text + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def found(path):
    with drive(path) as process:
        return process.stdout.readline().strip()


@pytest.fixture
def tmpfs(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run([*ROOT, "mount", "-t", "tmpfs", "-o", "size=64k,mode=777",
                    "bascule-test", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*ROOT, "umount", "-l", folder], check=True)


def test_a_full_file_system_keeps_the_old_state(tmpfs):
    path = tmpfs / "hard"
    with drive(path) as process:
        assert process.stdout.readline() == "missing\n"
        assert write(process, "one") == "stored 1"
        with contextlib.suppress(OSError), open(tmpfs / "ballast", "wb",
                                                buffering=0) as out:
            while out.write(bytes(4096)):
                pass
        answer = write(process, "two" * 2000)
        assert answer.startswith("failed 2 ")
        assert "No space left" in answer
        assert found(path) == "found one"
        assert sorted(os.listdir(tmpfs)) == ["ballast", "hard"]
        os.unlink(tmpfs / "ballast")
        assert write(process, "three") == "stored 3"
    assert found(path) == "found three"


def test_a_read_only_file_system_keeps_the_old_state(tmpfs):
    path = tmpfs / "hard"
    with drive(path) as process:
        process.stdout.readline()
        assert write(process, "one") == "stored 1"
        subprocess.run([*ROOT, "mount", "-o", "remount,ro", tmpfs], check=True)
        answer = write(process, "two")
        assert answer.startswith("failed 2 ") and "Read-only" in answer
        assert found(path) == "found one"
        subprocess.run([*ROOT, "mount", "-o", "remount,rw", tmpfs], check=True)
        assert write(process, "three") == "stored 3"


def test_a_file_that_is_no_state(tmp_path):
    path = tmp_path / "hard"
    assert found(path) == "missing"
    path.write_text("")
    assert found(path) == "damaged"
    path.write_bytes(bytes(20000))
    assert found(path) == "damaged"
    assert found(path / "below") == "unreadable"


def text_of(life, number):
    return f"{life} {number} " + "x" * (life * number * 7919 % 8000)


def write_on(process, life):
    """Until it is killed."""
    with contextlib.suppress(BrokenPipeError):
        for number in itertools.count(1):
            process.stdin.write(text_of(life, number) + "\n")
            process.stdin.flush()


def test_kill_9_leaves_the_old_state_or_the_new_one(tmp_path):
    """What was answered is there, or something that was asked later."""
    path = tmp_path / "hard"
    last = "missing"
    for life in range(1, 26):
        with drive(path) as process:
            assert process.stdout.readline().strip() == last
            writer = threading.Thread(target=write_on, args=(process, life))
            writer.start()
            for _ in range(1 + life % 3):
                word, stored = process.stdout.readline().split()[:2]
                assert word == "stored"
            process.kill()
            writer.join()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        last = found(path)
        found_life, number = map(int, last.split()[1:3])
        assert last == "found " + text_of(life, number).strip()
        assert found_life == life and number >= int(stored)
