#!/usr/bin/python3
"""Plant a fault in each rule of the core and see the tests find it.

Run by `make mutants` in a build folder.  Each mutant is one file of the core
with one piece of text exchanged, compiled and linked with what is built; then
unit tests are run, those named after the file first; if they all pass, the
scenarios are played, and if they find nothing, some hours of soak.  A mutant
that lives is a rule that nobody watches.

With --check nothing is built: only whether each text is where it should be,
once, as tests/lint/mutants.sh asks.
"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

SRC = pathlib.Path(os.environ.get("top_srcdir", "."))
BUILD = pathlib.Path(os.environ.get("top_builddir", "."))
COMPILE = shlex.split(os.environ.get("compile", "cc"))
LINK = shlex.split(os.environ.get("link", "cc"))
CORE = "controller/core/"
WORK = BUILD / "mutants"
SOAK_HOURS = "3"
CORE_WORLD = ["core_world"]
# Unit tests, and what they are linked with.
UNITS = {"test_evidence": [], "test_health": ["golden", "health_world"],
         "test_health_judge": ["health_world"], "test_server": [],
         "test_self": [], "test_governor": [], "test_flap": [],
         "test_quorum": [], "test_incident_wire": [],
         "test_ctl": CORE_WORLD, "test_ctl_agent": CORE_WORLD,
         "test_ctl_doubt": CORE_WORLD, "test_ctl_dynamic": CORE_WORLD,
         "test_ctl_hints": CORE_WORLD, "test_ctl_operator": CORE_WORLD,
         "test_ctl_serving": CORE_WORLD, "test_ctl_depends": CORE_WORLD,
         "test_ctl_return": CORE_WORLD, "test_ctl_groups": CORE_WORLD,
         "test_ctl_readers": CORE_WORLD, "test_ctl_restart": CORE_WORLD,
         "test_group": ["group_world"], "test_group_rules": ["group_world"],
         "test_group_why": ["group_world"],
         "test_plan": [], "test_worst": [], "test_incident": CORE_WORLD,
         "test_share": ["share_world", "core_world"]}


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=False,
                          **more)


def misplaced(mutant):
    """What is wrong with where the mutant is to be planted, or None."""
    path = SRC / CORE / mutant["file"]
    if not path.exists():
        return "there is no such file"
    times = path.read_text().count(mutant["old"])
    if times != 1:
        return f"its text is there {times} times"
    return None


def check(mutants):
    names = [mutant["name"] for mutant in mutants]
    bad = [f"{m['file']}: {m['name']}: {misplaced(m)}" for m in mutants
           if misplaced(m)]
    bad += [f"two are called {name}" for name in sorted(set(names))
            if names.count(name) > 1]
    bad += [f"{m['name']}: changes nothing" for m in mutants
            if m["old"] == m["new"]]
    print("".join(f"{line}\n" for line in bad), end="")
    return len(bad) > 0


class Planted:
    """A core with one fault, and the programs that are linked with it."""

    def __init__(self, mutant, work):
        self.work = work
        self.stem = mutant["file"].removesuffix(".c")
        source = work / CORE / mutant["file"]
        source.parent.mkdir(parents=True)
        text = (SRC / CORE / mutant["file"]).read_text()
        source.write_text(text.replace(mutant["old"], mutant["new"]))
        target = source.with_suffix(".o")
        done = run(COMPILE + ["-I", str(SRC), "-w", "-c", str(source), "-o",
                              str(target)], cwd=SRC)
        if done.returncode != 0:
            sys.exit(f"{mutant['name']}: does not compile:\n{done.stderr}")
        archive = work / "libcore.a"
        shutil.copy(BUILD / "libcore.a", archive)
        run(["ar", "d", str(archive), target.name])
        run(["ar", "r", str(archive), str(target)])

    def link(self, name, objects):
        program = self.work / name
        link = [str(self.work / "libcore.a") if word == "libcore.a" else word
                for word in LINK]
        subprocess.run(link[:1] + ["-o", str(program)] + objects + link[1:],
                       cwd=BUILD, check=True)
        return str(program)

    def fails(self, command, timeout):
        """How the command finds the fault, or None."""
        try:
            done = run(command, cwd=SRC, timeout=timeout)
        except subprocess.TimeoutExpired:
            return " (did not end)"
        return "" if done.returncode != 0 else None

    def hunt(self):
        """Who finds the fault, or None."""
        near = sorted(UNITS, key=lambda unit:
                      unit.removeprefix("test_") not in self.stem)
        for unit in near:
            program = self.link(unit, [f"tests/unit/{name}.o"
                                       for name in [unit] + UNITS[unit]])
            how = self.fails([program], 60)
            if how is not None:
                return unit + how
        program = self.link("scenario", ["drill/sim/scenario.o"])
        for story in sorted((SRC / "tests/scenarios").glob("*.scenario")):
            how = self.fails([program, str(story)], 120)
            if how is not None:
                return story.stem + how
        program = self.link("soak", ["drill/sim/soak.o"])
        how = self.fails([program, "--seed", "1", "--hours", SOAK_HOURS], 300)
        return None if how is None else "soak" + how


def unsound():
    """What fails without a mutant, and so would find every one."""
    stories = sorted(str(p) for p in
                     (SRC / "tests/scenarios").glob("*.scenario"))
    commands = [[str(BUILD / "tests/unit" / unit)] for unit in UNITS]
    commands.append([str(BUILD / "drill/sim/scenario")] + stories)
    return [command[0] for command in commands
            if run(command, cwd=SRC).returncode != 0]


def look(numbered):
    """Returns the mutant's name, and who finds it or None."""
    number, mutant = numbered
    if misplaced(mutant):
        return mutant["name"], None, "NOT PLANTED: " + misplaced(mutant)
    work = WORK / str(number)
    finder = Planted(mutant, work).hunt()
    shutil.rmtree(work)
    return mutant["name"], finder, "NOBODY"


def main():
    mutants = json.loads((SRC / "tests/mutants/mutants.json").read_text())
    if sys.argv[1:] == ["--check"]:
        return check(mutants)
    words = os.environ.get("MUTANT", "")
    mutants = [m for m in mutants if words in m["name"] or words == m["file"]]
    if unsound():
        sys.exit("fails without a mutant: " + ", ".join(unsound()))
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    alive = 0
    print("| rule that is broken | found by |\n| --- | --- |")
    workers = len(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for name, finder, otherwise in pool.map(look, enumerate(mutants)):
            alive += finder is None
            print(f"| {name} | {finder or otherwise} |", flush=True)
    shutil.rmtree(WORK)
    print(f"{len(mutants) - alive} passed, {alive} failed, 0 skipped")
    return alive > 0


sys.exit(main())
