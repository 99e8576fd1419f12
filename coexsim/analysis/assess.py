"""Judge one scenario by as many replications as it takes, within a budget."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from coexsim.analysis.slo import Verdict, answer_of_all, exit_code, judge
from coexsim.analysis.slo_measure import Sample, measure
from coexsim.analysis.slo_text import Objective, read_objectives
from coexsim.answers import CANNOT_SAY, MISSED, Answer
from coexsim.engine.choice import Engine
from coexsim.experiment.engines import engine_for
from coexsim.experiment.estimate import estimate
from coexsim.experiment.executors import run_all
from coexsim.experiment.figures import Station, busy_shares, deferred_share
from coexsim.experiment.run import run_one
from coexsim.scenario.model import Scenario
from coexsim.stats import replications_needed
from coexsim.units import say_duration

FIRST_LOOK = 4  # an even number, so that two processors are both busy


class Measured(NamedTuple):
    """What is kept of one replication: small enough to send from any machine."""

    samples: tuple[Sample, ...]
    busy: dict[Station, float]
    """Busy share in the busiest hour of every station with a limit, and of links."""
    most_queued_bytes: dict[str, float]
    deferred_share: float
    """The share of the delay that is waiting for another attempt, and not for a resource."""
    messages: int
    engine: str = ""
    """Which engine simulated it."""


def measure_one(
    scenario: Scenario, seed: int, replication: int, objectives: tuple[Objective, ...], engine: Engine = "auto"
) -> Measured:
    """Simulate one replication and keep what objectives and resources ask of it. Picklable in and out."""
    results = run_one(scenario, seed, replication, engine=engine)
    samples = tuple(measure(objective, results, scenario) for objective in objectives)
    queued = (
        results.timeline[results.timeline["stage"] == "queue"].groupby("server", observed=True)["queued_bytes"].max()
    )
    most = {str(server): float(value) for server, value in queued.items()}
    ran_by = str(results.provenance["engine"])
    return Measured(samples, busy_shares(results), most, deferred_share(results), len(results.mail), ran_by)


@dataclass(frozen=True)
class Assessment:
    """The verdicts on one scenario, and what they cost."""

    verdicts: tuple[Verdict, ...]
    runs: tuple[Measured, ...]
    level: float
    """The confidence of the intervals at the look that ended it: so much that all looks together have the one asked for."""
    advice: str = ""
    """What it would take to be sure, where we cannot say."""

    @property
    def exit_code(self) -> int:
        """As `slo.exit_code`."""
        return exit_code(self.verdicts)

    @property
    def answer(self) -> Answer:
        """All met; one missed; or cannot say."""
        return answer_of_all(self.verdicts)

    def busy(self) -> dict[Station, float]:
        """Busy share in the busiest hour, mean over replications."""
        gathered: dict[Station, list[float]] = defaultdict(list)
        for run in self.runs:
            for station, share in run.busy.items():
                gathered[station].append(share)
        return {station: float(np.mean(shares)) for station, shares in gathered.items()}

    def deferred_share(self) -> float:
        """The share of the delay that is waiting for another attempt, mean over replications."""
        return float(np.mean([run.deferred_share for run in self.runs])) if self.runs else float("nan")


def looks(most: int, first: int = FIRST_LOOK) -> list[int]:
    """After how many replications we look: doubling from `first` up to `most`."""
    plan = [min(first, most)]
    while plan[-1] < most:
        plan.append(min(2 * plan[-1], most))
    return plan


def look_levels(confidence: float, count: int) -> list[float]:
    """The confidence of the intervals at each of so many looks, which together are wrong in (1 - `confidence`) of the cases at most.

    Looking several times gives chance more openings. The first look may err in half of what is allowed, each later one in half of what is
    left, the last in all of it: by Bonferroni's inequality their sum is never exceeded, whenever it ends. So the first look, at the
    fewest runs, has the least to make up for, however many may follow. After the error spending of Lan and DeMets, "Discrete sequential
    boundaries for clinical trials", Biometrika 70, 1983, with the sum in place of the joint law of the looks.
    """
    left = [(1 - confidence) / 2**number for number in range(count)]
    return [1 - error / 2 for error in left[:-1]] + [1 - left[-1]]


def assess(
    scenario: Scenario, objectives: Sequence[Objective] | None = None, *, most: int = 10, first: int = FIRST_LOOK,
    relative: float | None = None, absolute: float | None = None, stop_when_missed: bool = False, confidence: float = 0.95,
    seed: int | None = None, executor: Executor | None = None, progress: Callable[[int], None] | None = None, engine: Engine = "auto",
) -> Assessment:  # fmt: skip
    """Replications until every verdict is clear (and each interval as narrow as asked), or `most` of them are spent.

    We look after `first`, 2 `first`, 4 `first` ... replications, with intervals as wide as it takes for all looks together to have the
    `confidence` (`look_levels`). `relative` and `absolute` ask for half widths of at most that share of the value, or that value. With
    `stop_when_missed` one missed objective ends it.
    `progress` is told of each replication done. Raises `ObjectiveError`.
    """
    asked = tuple(read_objectives(scenario) if objectives is None else objectives)
    seed = scenario.run.seed if seed is None else seed
    plan = looks(most, first)
    level = confidence
    runs: list[Measured] = []
    verdicts: tuple[Verdict, ...] = ()
    for look, level in zip(plan, look_levels(confidence, len(plan)), strict=True):
        runs += _more(scenario, seed, range(len(runs), look), asked, executor, progress, engine)
        columns = [[run.samples[i] for run in runs] for i in range(len(asked))]
        verdicts = tuple(judge(each, samples, level) for each, samples in zip(asked, columns, strict=True))
        missed = any(verdict.answer == MISSED for verdict in verdicts)
        clear = all(verdict.answer != CANNOT_SAY for verdict in verdicts)
        narrow = all(_is_narrow(verdict, relative, absolute) for verdict in verdicts)
        if (missed and stop_when_missed) or (clear and narrow) or _is_hopeless(verdicts, most):
            break
    return Assessment(verdicts, tuple(runs), level, _advice(scenario, verdicts, runs, relative, absolute, level))


def _more(
    scenario: Scenario, seed: int, numbers: range, asked: tuple[Objective, ...], executor: Executor | None,
    progress: Callable[[int], None] | None, engine: Engine,
) -> list[Measured]:  # fmt: skip
    done: dict[int, Measured] = {}
    by = engine_for(scenario, len(numbers), engine)
    calls = [(scenario, seed, number, asked, by) for number in numbers]
    for index, measured in run_all(executor, measure_one, calls):
        done[index] = measured
        if progress:
            progress(1)
    return [done[index] for index in sorted(done)]


def _is_narrow(verdict: Verdict, relative: float | None, absolute: float | None) -> bool:
    half = verdict.interval.half_width
    if absolute is not None and not half <= absolute:
        return False
    return relative is None or half <= relative * abs(verdict.estimate)


def _is_hopeless(verdicts: Sequence[Verdict], most: int) -> bool:
    """Is every verdict that is open so near its limit that even ten times the budget would not do."""
    still_open = [verdict for verdict in verdicts if verdict.answer == CANNOT_SAY]
    return bool(still_open) and all(verdict.needed is not None and verdict.needed > 10 * most for verdict in still_open)


def _advice(
    scenario: Scenario,
    verdicts: Sequence[Verdict],
    runs: Sequence[Measured],
    relative: float | None,
    absolute: float | None,
    level: float,
) -> str:
    """What it would take to be sure. The time is estimated: what was measured would be another one each time."""
    found: dict[str, list[str]] = {}
    for place, verdict in enumerate(verdicts):
        needed = verdict.needed
        values = [run.samples[place].value for run in runs]
        if verdict.answer != CANNOT_SAY and not _is_narrow(verdict, relative, absolute):
            numbers = [
                replications_needed(values, level=level, **wish)
                for wish in ({"relative": relative}, {"absolute": absolute})
                if next(iter(wish.values())) is not None
            ]
            needed = max((n for n in numbers if n is not None), default=None)
        elif verdict.answer != CANNOT_SAY:
            continue
        tells = f"about {needed or 0:,} replications would tell"
        if needed:
            cpu_s = float(f"{estimate(scenario, needed).cpu_s:.1g}")
            tells += f", about {say_duration(cpu_s)} of processor time"
        excuse = verdict.why or "no number of replications is known to do"
        found.setdefault(excuse if needed is None else tells, []).append(verdict.objective.text)
    return "\n".join(f"{' and '.join(texts)}: {what}" for what, texts in found.items())
