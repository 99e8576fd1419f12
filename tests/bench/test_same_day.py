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
    """Two processes beside one, from the start and where both are loaded: 1.7 times as fast on two processors with nothing else to do.

    What keeps the clock from it: each process imports and loads the kernel, and asks the rules, for itself; and a day's table has to come
    from one to the other.
    """
    taken = {jobs: _replications(jobs, hours) for jobs in (1, 2)}
    for what, one, two in zip(("from the start", "once more"), taken[1], taken[2], strict=True):
        print(
            f"\n  two replications of {hours} h, {what}: {one:.1f} s one after the other, {two:.1f} s at once, ratio {one / two:.2f}x"
        )
        assert one / two > 0.5


REPLICATIONS = """
import sys
from time import perf_counter
from coexsim.experiment.executors import open_executor
from coexsim.experiment.replicate import replicate
from coexsim.scenario.load import changed, load_scenario
if __name__ == "__main__":
    jobs, hours, rounds = map(int, sys.argv[2:])
    days = changed(load_scenario(sys.argv[1]), {"run.length": f"{hours} h"})
    with open_executor(jobs) as executor:
        for _ in range(rounds):
            begin_s = perf_counter()
            replicate(days, 2, executor=executor, jobs=jobs, engine="compiled", stream=hours > 24)
    print(perf_counter() - begin_s)
"""


def _replications(jobs: int, hours: int) -> tuple[float, float]:
    """Seconds by the clock that two replications take, with so many processes at work: the whole command, and once more."""
    begin_s = perf_counter()
    for rounds in (1, 2):
        done = subprocess.run(
            [sys.executable, "-c", REPLICATIONS, LOADED_DAY, str(jobs), str(hours), str(rounds)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        if rounds == 1:
            whole_s = perf_counter() - begin_s
    return whole_s, float(done.stdout)
