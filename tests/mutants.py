"""``python -m tests.mutants``: single faults put into the code, and whether the tests of its room notice them.

A sample of comparisons, sums, numbers and conditions is changed one at a time, as a tired person would; what no test notices is printed
with file and line. Some of these change nothing that can be observed: who reads the list decides. The same seed is the same sample.
``--at mail/dns.py:43`` tries the faults of a line, all of them, again.

First every test is run once, to know what it calls and how long it takes; then each fault is tried with the tests that can see it, the
quickest first, for a limited time (``mutant_loop.py``). No file changes.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from pathlib import Path

from tests.faults import ROOT, TESTS, Fault, faults_of
from tests.mutant_loop import (
    NO_PART,
    ChangedModule,
    Knowing,
    Known,
    MutantLoop,
    Outcome,
    changed_code,
    forked,
    users_of,
)

START_S = 30.0  # processor time of collecting the tests of one fault outside of functions


def main() -> int:
    """Try a sample; exit code 1 if something was not noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--part", choices=[*TESTS], action="append", help="of coexsim; all unless given")
    parser.add_argument("--sample", type=int, default=300, help="how many faults")
    parser.add_argument("--skip", type=int, default=0, help="so many of the sample were tried before")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", action="append", help="FILE:LINE instead of a sample")
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no further one after so long")
    parser.add_argument(
        "--budget", type=float, default=20.0, help="processor time in seconds of the tests of one fault"
    )
    parser.add_argument(
        "--known", type=Path, help="a folder to keep what the tests call, for later samples of the same code"
    )
    parser.add_argument("--tests", action="append", help="files or folders of tests, instead of those of the part")
    asked = parser.parse_args()
    found = [fault for part in asked.part or TESTS for fault in faults_of(part)]
    if asked.at:
        chosen = [fault for fault in found if f"{fault.file}:{fault.line}".endswith(tuple(asked.at))]
    else:
        chosen = random.Random(asked.seed).sample(found, min(asked.sample, len(found)))[asked.skip :]
    until_s = time.monotonic() + asked.minutes * 60
    outcomes: list[Outcome] = []
    for part, tests in TESTS.items():
        faults = [fault for fault in chosen if fault.part == part]
        if faults and time.monotonic() < until_s:
            known = {k: v for path in asked.tests or tests for k, v in what_is_known(path, asked.known).items()}
            outcomes += try_part(faults, known, asked.budget, until_s)
    left = [outcome for outcome in outcomes if not outcome.noticed_by]
    tried = f"{len(outcomes)} of {len(found):,} faults tried (seed {asked.seed})"
    print(f"{tried}: {len(outcomes) - len(left)} noticed, {len(left)} not")
    for outcome in left:
        print(outcome.fault)
    return int(bool(left))


def what_is_known(tests: str, folder: Path | None) -> dict[str, Known]:
    """What each test of a file or folder calls and how long it takes, from a run of all or as it was kept."""
    kept = folder / f"{tests.replace('/', '-')}.pickle" if folder else None
    with os.fdopen(os.dup(1), "w") as say:
        knowing = Knowing(ROOT, say, kept)
        found: dict[str, Known] = forked(lambda: (_pytest([tests], knowing), knowing.known)[1], 100_000) or {}
    known = {name: each for name, each in found.items() if each != NO_PART}
    if not known:
        raise SystemExit(f"no test of {tests} can be run; try pytest itself, or MUTANTS_LOG=FILE")
    print(f"{len(known)} tests of {tests} take part: {sum(each.length_s for each in known.values()):.0f} s", flush=True)
    return known


def try_part(faults: list[Fault], known: dict[str, Known], budget_s: float, until_s: float) -> list[Outcome]:
    """Faults of one part, in children of this process, which itself imports nothing of coexsim."""
    within = [fault for fault in faults if changed_code(ROOT, fault) is not None]
    with os.fdopen(os.dup(1), "w") as say:
        loop = MutantLoop(ROOT, within, known, budget_s, until_s, say)
        tests = sorted({name.split("::")[0] for name in known})
        outcomes = forked(lambda: (_pytest(tests, loop), loop.outcomes)[1], 100_000) if within else []
    outcomes = [
        each if each.tests else try_outside(each.fault, known, budget_s) for each in outcomes
    ]  # called by an import only
    for fault in faults:
        if fault not in within and time.monotonic() < until_s:
            outcomes.append(try_outside(fault, known, budget_s))
            print(outcomes[-1], flush=True)
    return list(outcomes)


def try_outside(fault: Fault, known: dict[str, Known], budget_s: float) -> Outcome:
    """A fault in what a module says when it is imported: in a child that imports the changed text."""
    chosen = MutantLoop.chosen(known, users_of(ROOT, fault), budget_s)

    def attempt() -> str:
        sys.meta_path.insert(
            0, ChangedModule(ROOT, fault)
        )  # pytest rewrites asserts by a finder of its own, which would come first
        return "one of its tests" if _pytest(["-x", "--assert=plain", *chosen], None) else ""

    found = forked(attempt, START_S + 4 * sum(known[name].length_s for name in chosen)) if chosen else ""
    return Outcome(fault, "ran on" if found is None else found, len(chosen))


def _pytest(arguments: list[str], plugin: object | None) -> int:
    """Run pytest, whose own words are shown to nobody: what it is asked for is told by who asks."""
    import pytest  # in the children only: it remembers what it has imported

    nowhere = os.open(os.environ.get("MUTANTS_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--benchmark-disable", "--capture=no"]
    return int(pytest.main([*options, *arguments], plugins=[plugin] if plugin else []))


if __name__ == "__main__":
    sys.exit(main())
