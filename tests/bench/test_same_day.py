"""The loaded day by both engines, row for row, and two replications on two processors. Run by `make bench`."""

from __future__ import annotations

import resource
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

    A process of its own imports, loads the kernel and asks the rules for itself: that is the processor time that it costs more, whatever
    the run's length, and what it keeps the clock from.
    """
    taken = {jobs: _replications(jobs, hours) for jobs in (1, 2)}
    (alone_s, alone_cpu_s), (together_s, cpu_s) = taken[1], taken[2]
    ratio, cost = alone_s / together_s, cpu_s / alone_cpu_s
    print(
        f"\n  two replications of {hours} h: {alone_s:.1f} s one after the other, {together_s:.1f} s at once, ratio {ratio:.2f}x"
    )
    print(
        f"  processor time {alone_cpu_s:.1f} s and {cpu_s:.1f} s: {cost:.2f} times, so that {2 / cost:.2f}x can be had"
    )
    assert ratio > 0.5


REPLICATIONS = """
import sys
from coexsim.experiment.replicate import replicate
from coexsim.scenario.load import changed, load_scenario
if __name__ == "__main__":
    jobs, hours = int(sys.argv[2]), int(sys.argv[3])
    days = changed(load_scenario(sys.argv[1]), {"run.length": f"{hours} h"})
    replicate(days, 2, jobs=jobs, engine="compiled", stream=hours > 24)
"""


def _replications(jobs: int, hours: int) -> tuple[float, float]:
    """Seconds by the clock and of processors that two replications take, in a process with so many at work."""
    before, begin_s = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    subprocess.run([sys.executable, "-c", REPLICATIONS, LOADED_DAY, str(jobs), str(hours)], check=True)
    after, taken_s = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter() - begin_s
    return taken_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
