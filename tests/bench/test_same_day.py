"""The loaded day by both engines, row for row, and two replications on two processors. Run by `make bench`."""

from __future__ import annotations

from time import perf_counter

import pytest

from coexsim.experiment.replicate import replicate
from coexsim.scenario.load import load_scenario
from tests.bench.measure import LOADED_DAY
from tests.engine.both import assert_same, compiled, reference

pytestmark = pytest.mark.bench


def test_a_whole_day_is_the_same() -> None:
    """Mail, messages and DNS to the last bit, stages and timeline to 1e-6: some faults show in a long run only."""
    scenario = load_scenario(LOADED_DAY)
    ours = compiled(scenario, seed=scenario.run.seed, keep_visits=False)
    print(f"\n  the loaded day by both engines: {len(ours.mail):,} rows")
    assert_same(reference(scenario, seed=scenario.run.seed, keep_visits=False), ours)


def test_two_replications_at_once() -> None:
    """Two processes beside one, by the clock: 1.7 times as fast where two processors have nothing else to do."""
    scenario = load_scenario(LOADED_DAY)
    replicate(scenario, 1, jobs=1, engine="compiled")
    taken_s = {}
    for jobs in (1, 2):
        begin_s = perf_counter()
        replicate(scenario, 2, jobs=jobs, engine="compiled")
        taken_s[jobs] = perf_counter() - begin_s
    ratio = taken_s[1] / taken_s[2]
    print(
        f"\n  two replications of the day: {taken_s[1]:.1f} s one after the other, {taken_s[2]:.1f} s at once, ratio {ratio:.2f}x"
    )
    assert ratio > 0.5
