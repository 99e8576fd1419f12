"""Runs and commands spend no time on Python's search for objects that hold each other."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import Literal

import pytest

from coexsim.experiment.run import simulate
from coexsim.garbage import RARE_COLLECTION
from coexsim.scenario.load import load_scenario

COUNTED = """
import atexit, gc, sys
searches = []
gc.callbacks.append(lambda phase, info: searches.append(info["generation"]) if phase == "start" else None)
atexit.register(lambda: print(len(searches), gc.get_freeze_count(), file=sys.stderr))
"""
COMMAND = "from coexsim.cli import main; main(['check', 'scenarios/article/as-printed.yaml'])"
WORKER = "import coexsim.experiment.preload"


@pytest.mark.parametrize(("what", "freezes"), [(COMMAND, False), (WORKER, True)])
def test_a_process_hardly_looks_for_cycles(what: str, freezes: bool) -> None:
    """Not while it imports what it needs, where each 700 objects began a search; a worker not through what its copies share with it."""
    done = subprocess.run([sys.executable, "-c", COUNTED + what], capture_output=True, text=True, check=False)

    assert done.returncode in (0, 1), done.stderr
    searches, frozen = map(int, done.stderr.split()[-2:])
    assert searches <= 20
    assert (frozen > 10_000) == freezes


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_run_looks_rarely_for_cycles(engine: Literal["compiled", "reference"]) -> None:
    """And the thresholds are afterwards as they were."""
    seen = set()
    before = gc.get_threshold()
    scenario = load_scenario("scenarios/article/as-printed.yaml")

    simulate(scenario, engine=engine, progress=lambda *_: seen.add(gc.get_threshold()))

    assert seen == {RARE_COLLECTION}
    assert gc.get_threshold() == before
