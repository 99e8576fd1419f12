"""How often 95 % intervals hold the true value: M/M/1 by an independent generator, measured and judged as a run is.

The waits are Lindley's recursion, unrolled (cumulative sums less their running minimum), drawn by numpy without the
simulator; their tables then meet the same code as those of a run. True values: Kleinrock 1975, I, sec. 3.2: time in the
system exponential with mean 1 / (mu - lambda), share of busy time lambda / mu, mean wait rho / (mu - lambda).

``python -m tests.analysis.coverage_study 2000`` prints the table for so many repetitions.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim.analysis.slo import judge
from coexsim.analysis.slo_measure import measure
from coexsim.analysis.slo_text import parse_objective
from coexsim.experiment.results import Results
from coexsim.experiment.schema import frame
from tests.analysis.small import small
from tests.experiment.made_up import mail_table, stage_table

Floats = NDArray[np.float64]
WARM_MINUTES = 10
TEXTS = {
    "mean": "mean(delay) < 9 h", "p95": "p95(delay) < 9 h", "utilisation": "utilisation(onprem.cores) < 99.9 %",
    "wait": "mean(wait, onprem.cores) < 9 h",
}  # fmt: skip


class Told(NamedTuple):
    """Of so many repetitions: the shares in which the interval held the true value, did not, or none was given."""

    held: float
    wrong: float
    cannot_say: float

    @property
    def coverage(self) -> float:
        """Of the intervals that were given, the share that held."""
        return self.held / (self.held + self.wrong) if self.held + self.wrong else float("nan")


def true_values(load: float) -> dict[str, float]:
    """Of M/M/1 with a mean service time of 1 s."""
    return {
        "mean": 1 / (1 - load),
        "p95": float(np.log(20)) / (1 - load),
        "utilisation": load,
        "wait": load / (1 - load),
    }


def one_run(rng: np.random.Generator, load: float, minutes: int, number: int) -> Results:
    """A server that begins empty, ten minutes before the window."""
    length_s = 60.0 * (WARM_MINUTES + minutes)
    came = np.sort(rng.uniform(0, length_s, rng.poisson(load * length_s)))
    service = rng.exponential(1.0, len(came))
    walk = np.concatenate(([0.0], np.cumsum(service[:-1] - np.diff(came))))
    wait = walk - np.minimum.accumulate(np.minimum(walk, 0.0))
    edges = np.arange(0.0, length_s + 1, 60.0)
    counted = came >= 60.0 * WARM_MINUTES
    timeline: dict[str, object] = {
        "minute": np.arange(len(edges) - 1),
        "arrivals": np.histogram(came, edges)[0],
        "busy": np.diff(_seconds_so_far(came + wait, edges) - _seconds_so_far(came + wait + service, edges)) / 60,
        "queue": np.diff(_seconds_so_far(came, edges) - _seconds_so_far(came + wait, edges)) / 60,
    }
    rows = len(edges) - 1
    nothing: dict[str, object] = {"backlog": np.zeros(rows), "queued_bytes": np.zeros(rows)}
    words: dict[str, object] = {"alternative": [""] * rows, "server": ["onprem"] * rows, "stage": ["cores"] * rows}
    stage = {"workers": 1.0, "visits": int(counted.sum()), "mean_wait_s": float(wait[counted].mean())}
    return Results(
        mail=mail_table((wait + service)[counted], number, born_s=came[counted]),
        stages=stage_table([stage], number),
        timeline=frame("timeline", words | {"replication": [number] * rows} | timeline | nothing),
        provenance={"replications": [number], "stopped_early": None},
        window_s=(60.0 * WARM_MINUTES, length_s),
        length_s=length_s,
    )


def _seconds_so_far(times_s: Floats, edges: Floats) -> Floats:
    """The integral of "events so far" up to each edge."""
    count = np.searchsorted(times_s, edges, side="right")
    sums = np.concatenate(([0.0], np.cumsum(times_s)))
    seconds: Floats = count * edges - sums[count]
    return seconds


def study(load: float, minutes: int, repetitions: int, runs: int = 6, seed: int = 1) -> dict[str, Told]:
    """For each measure what the intervals of so many repetitions, each of `runs` replications, were worth."""
    scenario = small(more="").replaced(events=())
    objectives = {name: parse_objective(text, scenario) for name, text in TEXTS.items()}
    true = true_values(load)
    rng = np.random.default_rng([seed, round(100 * load), minutes, runs])
    counts = {name: Counter[str]() for name in TEXTS}
    for _ in range(repetitions):
        results = [one_run(rng, load, minutes, number) for number in range(runs)]
        for name, objective in objectives.items():
            found = judge(objective, [measure(objective, each, scenario) for each in results])
            held = "held" if found.interval.holds(true[name]) else "wrong"
            counts[name]["cannot say" if found.answer == "cannot say" else held] += 1
    return {
        name: Told(*(count[word] / repetitions for word in ("held", "wrong", "cannot say")))
        for name, count in counts.items()
    }


if __name__ == "__main__":
    print("load  minutes  runs  measure      held    wrong   cannot say  of those said")
    for runs in (6, 1):
        for load in (0.6, 0.9):
            for minutes in (30, 60, 170):
                for name, told in study(load, minutes, int(sys.argv[1]), runs).items():
                    print(
                        f"{load:4}  {minutes:7}  {runs:4}  {name:11}  {100 * told.held:5.1f} % {100 * told.wrong:5.1f} %"
                        f"  {100 * told.cannot_say:8.1f} %  {100 * told.coverage:8.1f} %", flush=True,
                    )  # fmt: skip
