#!/usr/bin/python3
"""Plant a fault in each rule of the core and see the simulated world find it.

Run by `make mutants` in a build folder.  Each mutant is one file of the core
with one piece of text exchanged, compiled and linked with what is built; then
the scenarios are played, and if they all pass, some hours of soak, and if they
find nothing, unit tests.  A mutant that lives is a rule that nobody watches.
"""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

SRC = pathlib.Path(os.environ["top_srcdir"])
BUILD = pathlib.Path(os.environ["top_builddir"])
COMPILE = shlex.split(os.environ["compile"])
LINK = shlex.split(os.environ["link"])
WORK = BUILD / "mutants"
SOAK_HOURS = "3"
PROGRAMS = {"scenario": ["drill/sim/scenario.o"], "soak": ["drill/sim/soak.o"]}
UNITS = {"test_health": ["golden", "health_world"],
         "test_health_judge": ["health_world"], "test_server": [],
         "test_ctl": ["core_world"],
         "test_ctl_hints": ["core_world"],
         "test_ctl_operator": ["core_world"],
         "test_incident": ["core_world"],
         "test_self": [], "test_ctl_doubt": ["core_world"]}
for unit, more in UNITS.items():
    PROGRAMS[unit] = [f"tests/unit/{name}.o" for name in [unit] + more]

MUTANTS = [mutant for mutant in
           json.loads((SRC / "tests/mutants/mutants.json").read_text())
           if os.environ.get("MUTANT", "") in mutant["name"]]


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False,
                          **more)


def mutate(mutant):
    """The object of the mutant's file, or None when the text is not there."""
    path = "controller/core/" + mutant["file"]
    text = (SRC / path).read_text()
    if text.count(mutant["old"]) != 1:
        return None
    source = WORK / path
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text.replace(mutant["old"], mutant["new"]))
    target = source.with_suffix(".o")
    done = run(COMPILE + ["-I", str(SRC), "-w", "-c", str(source), "-o",
                          str(target)], cwd=SRC)
    if done.returncode != 0:
        sys.exit(f"{mutant['name']}: does not compile:\n{done.stderr}")
    return target


def build(target):
    archive = WORK / "libcore.a"
    shutil.copy(BUILD / "libcore.a", archive)
    subprocess.run(["ar", "d", str(archive), target.name], check=True)
    subprocess.run(["ar", "r", str(archive), str(target)], check=True,
                   capture_output=True)
    link = [str(archive) if word == "libcore.a" else word for word in LINK]
    for name, objects in PROGRAMS.items():
        subprocess.run(link[:1] + ["-o", str(WORK / name)] + objects + link[1:],
                       cwd=BUILD, check=True)


def hunt():
    """Who found the mutant, or None."""
    stories = sorted(str(p) for p in (SRC / "tests/scenarios").glob("*.scenario"))
    for story in stories:
        try:
            done = run([str(WORK / "scenario"), story], timeout=120)
        except subprocess.TimeoutExpired:
            return pathlib.Path(story).stem + " (did not end)"
        if done.returncode != 0:
            return pathlib.Path(story).stem
    try:
        done = run([str(WORK / "soak"), "--seed", "1", "--hours", SOAK_HOURS],
                   timeout=300)
    except subprocess.TimeoutExpired:
        return "soak (did not end)"
    if done.returncode != 0:
        return "soak"
    for unit in UNITS:
        if run([str(WORK / unit)], cwd=SRC).returncode != 0:
            return unit + " alone"
    return None


def main():
    WORK.mkdir(exist_ok=True)
    alive = 0
    print("| rule that is broken | found by |\n| --- | --- |")
    for mutant in MUTANTS:
        target = mutate(mutant)
        if target is None:
            finder = "NOT PLANTED: its text is not there once"
            alive += 1
        else:
            build(target)
            finder = hunt()
            if finder is None:
                finder = "NOBODY"
                alive += 1
        print(f"| {mutant['name']} | {finder} |", flush=True)
    shutil.rmtree(WORK)
    print(f"{len(MUTANTS) - alive} passed, {alive} failed, 0 skipped")
    return alive > 0


sys.exit(main())
