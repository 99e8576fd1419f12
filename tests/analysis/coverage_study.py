"""How often 95 % intervals hold the true value: queues by an independent generator, measured and judged as a run is.

The waits at one worker are Lindley's recursion, unrolled (cumulative sums less their running minimum), those at two Kiefer
and Wolfowitz's, drawn by numpy without the simulator; their tables then meet the same code as those of a run. The constants of
the estimators are fitted on M/M/1; the other queues, of which nothing was fitted, say whether they hold beyond it.

``python -m tests.analysis.coverage_study 2000 [M/M/1 ...]`` prints the table for so many repetitions.
"""

from __future__ import annotations

import sys
from cmath import exp as cexp
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from math import exp, factorial, floor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from coexsim.analysis.sketch import ordered, sketch
from coexsim.analysis.slo import judge
from coexsim.analysis.slo_mail import Sample, Series, blocks_of, parts_of, sums
from coexsim.analysis.slo_measure import measure
from coexsim.analysis.slo_text import Objective, parse_objective
from coexsim.experiment.results import Results
from coexsim.experiment.schema import frame
from coexsim.stats import Interval
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


class Queue(NamedTuple):
    """Poisson arrivals at `workers`, with service times of 1 s on average; `beyond(load, t)`: the share that is there longer than t."""

    workers: int
    draw: Callable[[np.random.Generator, int], Floats]
    mean_wait_s: Callable[[float], float]
    beyond: Callable[[float, float], float]

    def true_values(self, load: float) -> dict[str, float]:
        """Of each measure."""
        wait_s = self.mean_wait_s(load)
        above = next(float(t) for t in count(1) if self.beyond(load, float(t)) < 0.05)
        p95_s = float(brentq(lambda t: self.beyond(load, t) - 0.05, above - 1, above))
        return {"mean": wait_s + 1.0, "p95": p95_s, "utilisation": load, "wait": wait_s}


def _mm1_beyond(load: float, t: float) -> float:
    """Exponential with mean 1 / (mu - lambda): Kleinrock 1975, I, sec. 3.2."""
    return exp(-(1 - load) * t)


def _md1_beyond(load: float, t: float) -> float:
    """One second of service after Erlang's wait (Gross and Harris, "Fundamentals of Queueing Theory", 3rd ed. 1998, sec. 5.1.5)."""
    waited = t - 1.0
    if waited < 0:
        return 1.0
    terms = ((load * (k - waited)) ** k / factorial(k) * exp(-load * (k - waited)) for k in range(floor(waited) + 1))
    return 1 - (1 - load) * sum(terms)


H2_SHARE = (1 + (1 / 3) ** 0.5) / 2
H2_RATES = (2 * H2_SHARE, 2 * (1 - H2_SHARE))
"""Two exponential laws of balanced means and a squared coefficient of variation of 2 (Allen 1990, sec. 3.2)."""


def _mh21_beyond(load: float, t: float) -> float:
    """Pollaczek and Khinchine's transform, inverted by its two poles (Kleinrock 1975, I, (5.100))."""
    p, (fast, slow) = H2_SHARE, H2_RATES
    service = np.polynomial.Polynomial([fast * slow, p * fast + (1 - p) * slow])
    both = np.polynomial.Polynomial([fast, 1.0]) * np.polynomial.Polynomial([slow, 1.0])
    below = (np.polynomial.Polynomial([-load, 1.0]) * both + load * service) // np.polynomial.Polynomial([0.0, 1.0])
    poles = [complex(pole) for pole in below.roots()]
    parts = [(1 - load) * complex(service(pole)) / complex(below.deriv()(pole)) for pole in poles]
    return sum(part / -pole * cexp(pole * t) for part, pole in zip(parts, poles, strict=True)).real


def _erlang_c_of_two(load: float) -> float:
    """The share that waits: 2 rho^2 / (1 + rho) (Kleinrock 1975, I, (3.40) with m = 2)."""
    return 2 * load**2 / (1 + load)


def _mm2_beyond(load: float, t: float) -> float:
    """Wait and work added up (Gross and Harris 1998, (2.44)), with 2 (1 - rho) a second at which waiting ends."""
    end = 2 * (1 - load)
    wait = _erlang_c_of_two(load)
    return (1 - wait) * exp(-t) + wait * (exp(-end * t) - end * exp(-t)) / (1 - end)


def _h2(rng: np.random.Generator, n: int) -> Floats:
    return rng.exponential(1.0, n) / np.where(rng.random(n) < H2_SHARE, *H2_RATES)


QUEUES = {
    "M/M/1": Queue(1, lambda rng, n: rng.exponential(1.0, n), lambda load: load / (1 - load), _mm1_beyond),
    "M/D/1": Queue(1, lambda _, n: np.ones(n), lambda load: load / (1 - load) / 2, _md1_beyond),
    "M/H2/1": Queue(1, _h2, lambda load: load / (1 - load) * 1.5, _mh21_beyond),
    "M/M/2": Queue(
        2, lambda rng, n: rng.exponential(1.0, n), lambda load: _erlang_c_of_two(load) / (2 - 2 * load), _mm2_beyond
    ),
}


def waits(came: Floats, service: Floats, workers: int) -> Floats:
    """First come, first served at one or two workers that begin idle."""
    if workers == 1:
        walk = np.concatenate(([0.0], np.cumsum(service[:-1] - np.diff(came))))
        alone: Floats = walk - np.minimum.accumulate(np.minimum(walk, 0.0))
        return alone
    first = second = 0.0
    found = np.empty(len(came))
    for i, (at, work) in enumerate(zip(came.tolist(), service.tolist(), strict=True)):
        start = max(at, first)
        found[i] = start - at
        first, second = sorted((start + work, second))
    return found


class Drawn(NamedTuple):
    """A run's mail in order of birth, the warm-up included: when it came, what it waited, what work it was [s]."""

    came_s: Floats
    wait_s: Floats
    service_s: Floats
    length_s: float

    @property
    def counted(self) -> NDArray[np.bool_]:
        """Born in the window."""
        return self.came_s >= 60.0 * WARM_MINUTES

    @property
    def edges_s(self) -> Floats:
        """Of all minutes."""
        return np.arange(0.0, self.length_s + 1, 60.0)

    def busy(self) -> Floats:
        """Busy workers, minute by minute."""
        starts, ends = self.came_s + self.wait_s, self.came_s + self.wait_s + self.service_s
        seconds: Floats = np.diff(_seconds_so_far(starts, self.edges_s) - _seconds_so_far(ends, self.edges_s))
        return seconds / 60


def drawn(rng: np.random.Generator, queue: Queue, load: float, minutes: int) -> Drawn:
    """A server that begins empty, ten minutes before the window."""
    length_s = 60.0 * (WARM_MINUTES + minutes)
    came = np.sort(rng.uniform(0, length_s, rng.poisson(queue.workers * load * length_s)))
    service = queue.draw(rng, len(came))
    return Drawn(came, waits(came, service, queue.workers), service, length_s)


def one_run(rng: np.random.Generator, queue: Queue, load: float, minutes: int, number: int) -> Results:
    """The tables that such a run of the simulator leaves."""
    run = drawn(rng, queue, load, minutes)
    came, wait, service, length_s = run
    edges, counted = run.edges_s, run.counted
    timeline: dict[str, object] = {
        "minute": np.arange(len(edges) - 1),
        "arrivals": np.histogram(came, edges)[0],
        "busy": run.busy(),
        "queue": np.diff(_seconds_so_far(came, edges) - _seconds_so_far(came + wait, edges)) / 60,
    }
    rows = len(edges) - 1
    nothing: dict[str, object] = {"backlog": np.zeros(rows), "queued_bytes": np.zeros(rows)}
    words: dict[str, object] = {"alternative": [""] * rows, "server": ["onprem"] * rows, "stage": ["cores"] * rows}
    stage = {"workers": float(queue.workers), "visits": int(counted.sum()), "mean_wait_s": float(wait[counted].mean())}
    return Results(
        mail=mail_table((wait + service)[counted], number, born_s=came[counted]),
        stages=stage_table([stage], number),
        timeline=frame("timeline", words | {"replication": [number] * rows} | timeline | nothing),
        provenance={"replications": [number], "stopped_early": None},
        window_s=(60.0 * WARM_MINUTES, length_s),
        length_s=length_s,
    )


def samples_of(run: Drawn) -> dict[str, Sample]:
    """What `measure` makes of the run's tables, as far as several replications are judged by it; some twenty times as fast."""
    counted = run.counted
    born, delay = run.came_s[counted] - 60.0 * WARM_MINUTES, (run.wait_s + run.service_s)[counted]
    length_s = run.length_s - 60.0 * WARM_MINUTES
    parts = parts_of((0.0, length_s))
    at = blocks_of(born, (0.0, length_s), parts)
    n, p95 = len(delay), float(np.quantile(delay, 0.95, method="inverted_cdf"))
    busy = run.busy()[WARM_MINUTES:]

    def series(top: Floats) -> Series:
        return Series(tuple(sums(at, top, parts).tolist()), tuple(sums(at, np.ones(n), parts).tolist()))

    share, total = float(busy.mean()), float(delay.sum())
    return {
        "mean": Sample(total / n, n, total=total, weight=n, series=series(delay)),
        "p95": Sample(
            p95, n, hits=n, sketch=sketch(*ordered(delay, np.ones(n))), series=series(np.minimum(delay, p95))
        ),
        "utilisation": Sample(
            share, n, total=share, weight=1.0, series=Series(tuple(busy.tolist()), (1.0,) * len(busy))
        ),
    }


def _seconds_so_far(times_s: Floats, edges: Floats) -> Floats:
    """The integral of "events so far" up to each edge."""
    count = np.searchsorted(times_s, edges, side="right")
    sums = np.concatenate(([0.0], np.cumsum(times_s)))
    seconds: Floats = count * edges - sums[count]
    return seconds


def study(
    load: float, minutes: int, repetitions: int, runs: int = 6, seed: int = 1, model: str = "M/M/1"
) -> dict[str, Told]:
    """For each measure what the intervals of so many repetitions, each of `runs` replications, were worth."""
    scenario, queue = small(more="").replaced(events=()), QUEUES[model]
    objectives = {name: parse_objective(text, scenario) for name, text in TEXTS.items()}
    rng = np.random.default_rng([seed, round(100 * load), minutes, runs])

    def samples() -> dict[str, list[Sample]]:
        results = [one_run(rng, queue, load, minutes, number) for number in range(runs)]
        return {name: [measure(each, run, scenario) for run in results] for name, each in objectives.items()}

    return _told(samples, objectives, queue.true_values(load), repetitions)[0]


def fast_study(
    load: float,
    minutes: int,
    repetitions: int,
    runs: int = 6,
    seed: int = 1,
    model: str = "M/M/1",
    widths: Sequence[float] = (1.0,),
    source: Iterator[Drawn] | None = None,
) -> list[dict[str, Told]]:
    """The same without tables, for mean, p95 and utilisation of several replications; for each of `widths`, with the same samples
    and intervals made so much as wide. The runs are those of `source`, where one is given.
    """
    scenario, queue = small(more="").replaced(events=()), QUEUES[model]
    objectives = {name: parse_objective(TEXTS[name], scenario) for name in ("mean", "p95", "utilisation")}
    rng = np.random.default_rng([seed, round(100 * load), minutes, runs])

    def samples() -> dict[str, list[Sample]]:
        found = [samples_of(drawn(rng, queue, load, minutes) if source is None else next(source)) for _ in range(runs)]
        return {name: [each[name] for each in found] for name in objectives}

    return _told(samples, objectives, queue.true_values(load), repetitions, widths)


def _told(
    samples: Callable[[], dict[str, list[Sample]]],
    objectives: dict[str, Objective],
    true: dict[str, float],
    repetitions: int,
    widths: Sequence[float] = (1.0,),
) -> list[dict[str, Told]]:
    counts = [{name: Counter[str]() for name in objectives} for _ in widths]
    for _ in range(repetitions):
        for name, found in samples().items():
            verdict = judge(objectives[name], found)
            (low, high, level), middle = verdict.interval, verdict.estimate
            for width, counted in zip(widths, counts, strict=True):
                interval = Interval(middle - width * (middle - low), middle + width * (high - middle), level)
                held = "held" if interval.holds(true[name]) else "wrong"
                counted[name]["cannot say" if verdict.answer == "cannot say" else held] += 1
    return [
        {
            name: Told(*(found[word] / repetitions for word in ("held", "wrong", "cannot say")))
            for name, found in counted.items()
        }
        for counted in counts
    ]


if __name__ == "__main__":
    print("queue   load  minutes  runs  measure      held    wrong   cannot say  of those said")
    for model in sys.argv[2:] or QUEUES:
        for runs in (6, 1):
            for load in (0.6, 0.9):
                for minutes in (30, 60, 170):
                    for name, told in study(load, minutes, int(sys.argv[1]), runs, model=model).items():
                        print(
                            f"{model:6}  {load:4}  {minutes:7}  {runs:4}  {name:11}  {100 * told.held:5.1f} % {100 * told.wrong:5.1f} %"
                            f"  {100 * told.cannot_say:8.1f} %  {100 * told.coverage:8.1f} %", flush=True,
                        )  # fmt: skip
