"""The benchmarks that need hosts, short: they run, never see two primaries, and
see every fault."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

BENCHES = pathlib.Path(os.environ["top_srcdir"]) / "tests/bench"
REPORTS = pathlib.Path(os.environ["top_builddir"]) / "bench"


@pytest.mark.parametrize("name", ["failover", "calm_cluster", "calm",
                                  "detection", "databases"])
def test_the_benchmark_runs(name):
    done = subprocess.run([sys.executable, BENCHES / f"{name}.py", "--quick"],
                          text=True, capture_output=True, timeout=600,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = REPORTS / f"{name.replace('_', '-')}-quick.json"
    aims = json.loads(report.read_text())["aims"]
    assert aims and all(aim["met"] for aim in aims)
