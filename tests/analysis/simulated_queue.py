"""One server as the simulator has it, by two ways: a run of it, and Lindley's recursion over the very numbers that the run draws.

The second takes a hundredth of the time, so that thousands of repetitions tell how often the intervals of simulated runs hold;
`tests/analysis/test_coverage.py` holds the two to each other.

``python -m tests.analysis.simulated_queue 2000 [M/M/1 ...]`` prints the table for so many repetitions of six replications.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from coexsim import rng
from coexsim.draw.work_draws import WorkDraws
from coexsim.scenario.base import Work
from coexsim.scenario.model import Scenario
from tests.analysis.coverage_study import WARM_MINUTES, Drawn, fast_study, waits
from tests.analysis.station import station

LAWS = {
    "M/M/1": "law: exponential",
    "M/D/1": "law: constant",
    "M/H2/1": "law: hyperexponential, cv: 1.4142135623730951",
}


def scenario_of(load: float, minutes: int, model: str = "M/M/1") -> Scenario:
    """One core with work of 1 s on average, Poisson mail; the window follows ten minutes of warm-up."""
    hours, warm_up = (WARM_MINUTES + minutes) / 60, WARM_MINUTES / 60
    return station(per_hour=3600 * load, service_s=1, cores=1, law=LAWS[model], hours=hours, warm_up=warm_up)


def simulated(load: float, minutes: int, seed: int, replication: int, model: str = "M/M/1") -> Drawn:
    """The mail of one run, without its sessions: a few milliseconds each."""
    length_s = 60.0 * (WARM_MINUTES + minutes)
    gaps = rng.stream(seed, replication, "load/internet->onprem/gap")
    came = np.cumsum(gaps.standard_exponential(round(2 * load * length_s) + 1000)) / load
    assert came[-1] > length_s
    came = came[came < length_s]
    said = dict(part.split(": ") for part in LAWS[model].split(", "))
    work = WorkDraws(Work.model_validate({"fixed": "1 s"} | said), seed, replication, "onprem/cores/scan")
    service = work.block(0, len(came), np.zeros(len(came), np.int64))
    return Drawn(came, waits(came, service, 1), service, length_s)


def runs(load: float, minutes: int, seed: int, model: str = "M/M/1", replications: int = 6) -> Iterator[Drawn]:
    """Those of `seed`, then of the next seed, and so on: for `fast_study`, whose repetitions take `replications` each."""
    while True:
        yield from (simulated(load, minutes, seed, number, model) for number in range(replications))
        seed += 1


if __name__ == "__main__":
    print("queue   load  minutes  measure      told    of these held")
    for model in sys.argv[2:] or LAWS:
        for load, minutes in ((0.6, 30), (0.6, 170), (0.9, 30), (0.9, 170)):
            source = runs(load, minutes, 300_000, model)
            for name, told in fast_study(load, minutes, int(sys.argv[1]), model=model, source=source)[0].items():
                shares = f"{100 * (1 - told.cannot_say):5.1f} %  {100 * told.coverage:5.1f} %"
                print(f"{model:6}  {load:4}  {minutes:7}  {name:11}  {shares}", flush=True)
