"""The loaded day by both engines, row for row, and two replications on two processors. Run by `make bench`."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

import pytest

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


@pytest.mark.parametrize("hours", [24, 96])
def test_two_replications_at_once(hours: int) -> None:
    """Two processes beside one, each command from its start: 1.7 times as fast where two processors have nothing else to do.

    What keeps the clock from it: the first process of all imports and loads the kernel before it is copied, and each copy asks the
    rules for itself.
    """
    taken = {jobs: _replications(jobs, hours) for jobs in (1, 2)}
    print(
        f"\n  two replications of {hours} h: {taken[1]:.1f} s one after the other, {taken[2]:.1f} s at once, "
        f"ratio {taken[1] / taken[2]:.2f}x"
    )
    assert taken[1] / taken[2] > 0.5


REPLICATIONS = """
import sys
from coexsim.experiment.replicate import replicate
from coexsim.scenario.load import changed, load_scenario
if __name__ == "__main__":
    jobs, hours = int(sys.argv[2]), int(sys.argv[3])
    days = changed(load_scenario(sys.argv[1]), {"run.length": f"{hours} h"})
    replicate(days, 2, jobs=jobs, engine="compiled", stream=hours > 24)
"""


def _replications(jobs: int, hours: int) -> float:
    """Seconds by the clock that two replications take, with so many processes at work."""
    begin_s = perf_counter()
    subprocess.run([sys.executable, "-c", REPLICATIONS, LOADED_DAY, str(jobs), str(hours)], check=True)
    return perf_counter() - begin_s
