"""bascule keygen: files, their modes, and what is never replaced."""

import base64
import os
import pathlib
import pwd
import stat
import subprocess

BASCULE = pathlib.Path(os.environ["top_builddir"]) / "cli/bascule"


def keygen(*args, **options):
    return subprocess.run([BASCULE, "keygen", *args], text=True, timeout=60,
                          capture_output=True, stdin=subprocess.DEVNULL,
                          **options)


def key_of(text):
    comment, line = text.splitlines()
    assert comment.startswith("# ")
    return base64.b64decode(line, validate=True)


def test_prints_another_key_each_time():
    keys = {key_of(keygen().stdout) for _ in range(3)}
    assert len(keys) == 3 and {len(k) for k in keys} == {32}


def test_writes_a_file_for_its_owner_alone(tmp_path):
    path = tmp_path / "cluster.key"
    run = keygen(path, umask=0)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(key_of(path.read_text())) == 32
    assert os.listdir(tmp_path) == ["cluster.key"]


def test_replaces_a_file_only_when_told_to(tmp_path):
    path = tmp_path / "cluster.key"
    path.write_text("precious")
    run = keygen(path)
    assert run.returncode == 1 and path.read_text() == "precious"
    assert f"bascule: {path}: File exists; --force" in run.stderr
    assert keygen("--force", path).returncode == 0
    assert len(key_of(path.read_text())) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_force_replaces_no_device(tmp_path):
    run = keygen("-f", "/dev/null")
    assert run.returncode == 1 and "not a file" in run.stderr
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_says_why_a_key_cannot_be_written(tmp_path):
    run = keygen(tmp_path / "no/cluster.key")
    assert run.returncode == 1 and "No such file" in run.stderr
    with open("/dev/full", "w") as full:
        run = subprocess.run([BASCULE, "keygen"], stdout=full, text=True,
                             stderr=subprocess.PIPE, timeout=60)
    assert run.returncode == 1 and "cannot be written" in run.stderr


def test_another_user_cannot_be_tricked_by_a_link(tmp_path):
    """What stands where the new file is made is not followed."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    nobody = pwd.getpwnam("nobody").pw_uid
    (tmp_path / "cluster.key.new").symlink_to(victim)
    if os.geteuid() == 0:
        os.chown(tmp_path / "cluster.key.new", nobody, -1,
                 follow_symlinks=False)
    assert keygen(tmp_path / "cluster.key").returncode == 0
    assert victim.read_text() == "precious"


def test_wrong_usage(tmp_path):
    assert keygen("a", "b").returncode == 64
    assert keygen("--json").returncode == 64
    assert "replace FILE" in keygen("--help").stdout
