"""make install puts everything under DESTDIR, make uninstall takes it away."""

import os
import subprocess

import pytest

BUILD = os.environ["top_builddir"]


def make(target, destdir):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    subprocess.run(
        ["make", "-s", "-C", BUILD, target, f"DESTDIR={destdir}"],
        env=env, check=True, stdout=subprocess.DEVNULL)


def files_under(top):
    return {p.relative_to(top) for p in top.rglob("*") if not p.is_dir()}


@pytest.fixture
def installed(tmp_path):
    make("install", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["bin/bascule"])
def test_an_installed_program_runs(installed, name):
    [program] = [p for p in installed.rglob("*") if str(p).endswith(name)]
    shown = subprocess.run([program, "--help"], check=True, text=True,
                           capture_output=True).stdout
    assert os.path.basename(name) in shown


def test_uninstall_leaves_nothing(installed):
    assert files_under(installed)
    make("uninstall", installed)
    assert not files_under(installed)
