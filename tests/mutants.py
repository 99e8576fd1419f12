"""``python -m tests.mutants``: single faults put into the code, and whether the tests of its room notice them.

A sample of comparisons, sums, numbers and conditions is changed one at a time, as a tired person would; what no test notices is printed
with file and line. Some of these change nothing that can be observed: who reads the list decides. The same seed is the same sample.
A fault in a function is tried by the tests that call it (``mutant_loop.py``), one outside of functions in a copy of the code.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.faults import ROOT, TESTS, Fault, faults_of
from tests.mutant_loop import MutantLoop, Outcome, changed_code

LIMIT_S = 600.0  # of the tests of one fault outside of functions: a fault that hangs is noticed


def main() -> int:
    """Try a sample; exit code 1 if something was not noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--part", choices=[*TESTS], action="append", help="of coexsim; all unless given")
    parser.add_argument("--sample", type=int, default=300, help="how many faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no further one after so long")
    parser.add_argument(
        "--budget", type=float, default=20.0, help="processor time in seconds of the tests of one fault"
    )
    parser.add_argument("--tests", action="append", help="files or folders of tests, instead of those of the part")
    asked = parser.parse_args()
    found = [fault for part in asked.part or TESTS for fault in faults_of(part)]
    chosen = random.Random(asked.seed).sample(found, min(asked.sample, len(found)))
    until_s = time.monotonic() + asked.minutes * 60
    outcomes: list[Outcome] = []
    for part, tests in TESTS.items():
        faults = [fault for fault in chosen if fault.part == part]
        within = [fault for fault in faults if changed_code(ROOT, fault) is not None]
        if within:
            outcomes += try_within(within, asked.tests or list(tests), asked.budget, until_s)
        outcomes += try_outside([fault for fault in faults if fault not in within], until_s)
    left = [outcome for outcome in outcomes if not outcome.noticed_by]
    tried = f"{len(outcomes)} of {len(found):,} faults tried (seed {asked.seed})"
    print(f"{tried}: {len(outcomes) - len(left)} noticed, {len(left)} not")
    for outcome in left:
        print(outcome.fault)
    return int(bool(left))


def try_within(faults: list[Fault], tests: list[str], budget_s: float, until_s: float) -> list[Outcome]:
    """Faults in functions, in one pytest process whose own words go to a file."""
    with tempfile.TemporaryFile("w+") as words, os.fdopen(os.dup(1), "w") as say:
        loop = MutantLoop(ROOT, faults, budget_s, until_s, say)
        kept = [os.dup(1), os.dup(2)]
        for stream in (1, 2):
            os.dup2(words.fileno(), stream)
        try:
            code = pytest.main(
                ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--capture=no", *tests], plugins=[loop]
            )
        finally:
            for stream, before in zip((1, 2), kept, strict=True):
                os.dup2(before, stream)
                os.close(before)
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            words.seek(0)
            raise SystemExit(f"the tests cannot be collected:\n{words.read()[-4000:]}")
    for name in loop.left_out:
        print(f"takes no part, since it fails or takes long without a fault: {name}")
    return loop.outcomes


def try_outside(faults: list[Fault], until_s: float) -> list[Outcome]:
    """Faults outside of functions: what modules say when they are imported."""
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        place = Path(folder) / "tree"
        leave = shutil.ignore_patterns(".git", ".venv", "reports", ".*_cache", "__pycache__")
        if faults:
            shutil.copytree(ROOT, place, ignore=leave)
            (place / "reports").mkdir()
        for fault in faults:
            if time.monotonic() > until_s:
                break
            outcome = Outcome(fault, "the tests of its room" if is_noticed(fault, place) else "", 0)
            outcomes.append(outcome)
            print(f"{'noticed' if outcome.noticed_by else 'NOT NOTICED'} in a copy: {fault}", flush=True)
    return outcomes


def is_noticed(fault: Fault, place: Path) -> bool:
    """Do the tests of its room fail, or not end, with a fault in the copy at `place`? The copy is as it was afterwards."""
    file = place / fault.file
    text = file.read_bytes()
    file.write_bytes(text[: fault.start] + fault.becomes.encode() + text[fault.end :])
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        *TESTS[fault.part],
    ]
    try:
        done = subprocess.run(
            command, cwd=place, env=os.environ | {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return True
    finally:
        file.write_bytes(text)
    return done.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
