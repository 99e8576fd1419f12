"""Are the objectives met: a three-way verdict for each, with the interval that it rests on.

*Met* and *missed* are said only where the 95 % interval lies on one side of the limit. All else is *cannot
say*: no or too few samples, one replication where it takes several, an interval that straddles the limit. A
system that was not stable never meets an objective; it misses one just if it was beyond the limit already,
as it can only get worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, isnan, nan
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from coexsim.analysis.memory import too_short
from coexsim.analysis.sketch import pool, pooled_quantile, quantile
from coexsim.analysis.slo_mail import FROM_CELLS
from coexsim.analysis.slo_measure import LEVEL, Sample, measure
from coexsim.analysis.slo_text import VALID, Objective, objectives_of
from coexsim.answers import CANNOT_SAY, EXIT_CODES, MET, MISSED, Answer
from coexsim.experiment.results import Results
from coexsim.scenario.model import Scenario
from coexsim.stats import (
    Interval,
    bounded_interval,
    half_width,
    mean_interval,
    ratio_half_width,
    replications_needed,
    skewed_interval,
)
from coexsim.text import say_lost
from coexsim.units import say_between, say_duration

SEVERAL, MOST_TO_ASK_FOR = 4, 1000
"""Replications that are asked for where one cannot tell, and the most that are worth asking for."""
LONGER = "measure longer (run: length, measure)"
NO_MAIL = f"give the scenario such mail or {LONGER}"
BEYOND = 10
"""A run's own percentile is taken for good only if so many samples are to be expected beyond it."""


@dataclass(frozen=True)
class Verdict:
    """Whether an objective is met, and why we think so."""

    objective: Objective
    answer: Answer
    estimate: float
    interval: Interval
    runs: int
    samples: float
    why: str
    needed: int | None = None
    """Replications after which the interval should be clear of the limit; None: nobody can tell, or none are needed."""
    settled_by: str = ""
    """What would let us say, in words; empty where we can."""
    lost: float = 0.0
    """Of a delay: the share of the recipients whose mail expired, and so never arrives."""

    def say(self) -> str:
        """The estimate with its interval, for people."""
        say = self.objective.say
        if isnan(self.estimate):
            return "-"
        if self.lost and not isfinite(self.estimate):
            return f"{say(self.estimate)} ({say_lost(self.lost)})"
        between = (
            say_between(self.interval.low, self.interval.high, say, self.objective.limit)
            if isfinite(self.estimate)
            else ""
        )
        return f"{say(self.estimate)} ({between})" if between else say(self.estimate)

    def __str__(self) -> str:
        where = f"{self.objective.where}: " if self.objective.where else ""
        tail = f"; {self.why}" if self.why else ""
        return f"{where}{self.answer}: {self.objective.text}: {self.say()}{tail}"


def evaluate(
    objectives: Iterable[Objective | str] | None, results: Results, scenario: Scenario, *, level: float = LEVEL,
    undisturbed: Sequence[pd.DataFrame] = (),
) -> list[Verdict]:  # fmt: skip
    """A verdict for each objective (None: those of the scenario) over all replications in `results`.

    `undisturbed` are the timelines of the same replications without the scenario's outages, where they are known: they tell what is
    usual, as for the answer of an outage.
    Raises `ObjectiveError` for a text that cannot be read.
    """
    chosen = objectives_of(scenario, objectives)
    runs = one_by_one(results)
    usual: Sequence[pd.DataFrame | None] = undisturbed or [None] * len(runs)
    return [
        judge(
            each, [measure(each, run, scenario, level, beside) for run, beside in zip(runs, usual, strict=True)], level
        )
        for each in chosen
    ]


def answer_of_all(verdicts: Iterable[Verdict]) -> Answer:
    """*Missed* if any objective is, else *cannot say* if of any we cannot, else *met*."""
    answers = {verdict.answer for verdict in verdicts}
    return MISSED if MISSED in answers else CANNOT_SAY if CANNOT_SAY in answers else MET


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """1 if any objective is missed, else 3 if of any we cannot say, else 0."""
    return EXIT_CODES[answer_of_all(verdicts)]


def one_by_one(results: Results) -> list[Results]:
    """The replications of a joined result, each by itself, in order of their numbers."""
    numbers = results.replications or tuple(sorted(set(results.mail["replication"])))
    if len(numbers) <= 1:
        return [results]
    parts = []
    for number in numbers:
        tables: dict[str, Any] = {name: table[table["replication"] == number] for name, table in results.tables.items()}
        parts.append(replace(results, **tables, provenance=results.provenance | {"replications": [number]}))
    return parts


def judge(objective: Objective, samples: Sequence[Sample], level: float = LEVEL) -> Verdict:
    """The verdict from one sample a replication."""
    values = np.array([sample.value for sample in samples])
    n = float(sum(sample.n for sample in samples))
    notes = "; ".join(dict.fromkeys(sample.note for sample in samples if sample.note))
    if objective.kind == "count" and n:
        notes = f"of {n:,.0f} {VALID if objective.valid_only else 'recipients'}"
    expired, sent = (sum(sample.lost[i] for sample in samples if sample.lost) for i in range(2))
    lost = expired / sent if expired else 0.0
    notes = "; ".join(filter(None, (f"{expired:,.0f} recipients' mail expired" if lost else "", notes)))
    unstable = [sample.growing for sample in samples if sample.growing]
    growing = ""
    if unstable:
        growing = f"in {len(unstable)} of {len(samples)} runs " * (len(samples) > 1) + unstable[0]
    estimate = _pooled(objective, samples, values)

    def verdict(
        answer: Answer, interval: Interval, why: str, needed: int | None = None, *, window: bool = False
    ) -> Verdict:
        settled_by = ""
        if answer == CANNOT_SAY:
            thin = not window and _is_thin(objective, samples)
            settled_by = (
                _settled_by(len(samples), 2 * len(samples) if thin else needed, window=window) if n else NO_MAIL
            )
        return Verdict(objective, answer, estimate, interval, len(samples), n, why, needed, settled_by, lost)

    if not len(values) or n == 0 or np.isnan(values).any():
        return verdict(CANNOT_SAY, Interval(nan, nan, level), notes or "there are no samples", window=True)
    interval, why = _interval(objective, samples, values, level)
    if interval.low < 0:  # a percentile of which no lower end is known: nothing that is measured is ever below zero
        interval = interval._replace(low=0.0)
    answer = side_of_limit(objective, interval)
    if _is_thin(objective, samples):
        answer = _by_count(objective, samples, level)
        why = f"{n:,.0f} samples are few for this percentile; judged by how many are within the limit"
    elif answer == CANNOT_SAY and objective.kind == "quantile" and len(samples) > 1:
        # few runs leave the percentile without an end while the share within a limit far from it is known well
        answer = _by_count(objective, samples, level)
        if answer != CANNOT_SAY:
            why = "judged by how many are within the limit, which so few runs tell better"
    if growing and answer != MISSED:
        of_outage = all(sample.outage_begun for sample in samples)
        cause = "an outage is under way or being worked off" if of_outage else "the system was not stable"
        why = "; ".join(filter(None, (f"{cause}: {growing}", FROM_CELLS if FROM_CELLS in notes else "")))
        return verdict(CANNOT_SAY, interval, why, window=True)
    if short := too_short(objective, samples):
        if answer == MISSED and objective.is_upper:  # what a short window does not show are the longest waits
            why = "; ".join(filter(None, (f"known downwards only: {short}", notes)))
            return verdict(MISSED, interval._replace(high=inf), why)
        why = "; ".join(filter(None, (short, notes)))
        return verdict(CANNOT_SAY, Interval(nan, nan, level), why, window=True)
    if answer == CANNOT_SAY:
        needed = _needed(objective, values, level) if interval.known or len(samples) == 1 else None
        if objective.kind == "utilisation":  # of which window it is stands beside why we cannot say, not in its place
            why, notes = _excuse(objective, interval, len(samples), why, ""), notes
        return verdict(answer, interval, _excuse(objective, interval, len(samples), why, notes), needed)
    return verdict(answer, _on_its_side(objective, interval, answer), "; ".join(filter(None, (why, notes, growing))))


def _pooled(objective: Objective, samples: Sequence[Sample], values: np.ndarray[Any, Any]) -> float:
    """The figure of all replications together."""
    if not len(values):
        return nan
    if objective.kind == "quantile" and all(sample.sketch for sample in samples):
        return quantile(pool([s.sketch for s in samples if s.sketch]), objective.probability or 0.5)
    total, weight = sum(s.total for s in samples), sum(s.weight for s in samples)
    if np.isfinite(values).all() and weight > 0:
        return total / weight
    return float(values.mean())


def _interval(
    objective: Objective, samples: Sequence[Sample], values: np.ndarray[Any, Any], level: float
) -> tuple[Interval, str]:
    """What the samples leave possible, and a remark."""
    if objective.kind == "count" and objective.op == "=":
        return Interval(float(values.min()), float(values.max()), level), ""
    sketches = [sample.sketch for sample in samples if sample.sketch is not None]
    if len(samples) > 1 and len(sketches) == len(samples):
        return pooled_quantile(sketches, objective.probability or 0.5, level)[1], _say_late(samples)
    if objective.kind == "mean" and any(sample.lost and sample.lost.expired for sample in samples):
        return Interval(inf, inf, level), ""  # once is enough: a mean of what may never come has no end
    if not np.isfinite(values).all():  # without end in some runs: at least the least of them
        return Interval(float(values.min()), inf, level), _say_late(samples)
    if len(samples) == 1:
        interval = Interval(samples[0].low, samples[0].high, level)
    elif all(sample.weight > 0 for sample in samples):
        half = ratio_half_width([s.total for s in samples], [s.weight for s in samples], level)
        mean = _pooled(objective, samples, values)
        interval = (
            skewed_interval(mean, half, level)
            if objective.kind == "mean"
            else bounded_interval(mean, half, objective.most, level)
        )
    else:
        interval = bounded_interval(float(values.mean()), half_width(values, level), objective.most, level)
    if objective.kind == "share":
        exact = proportion_interval(sum(s.hits for s in samples), sum(s.n for s in samples), level)
        if not interval.known:
            return (exact, "") if objective.what == "rejected" else (interval, "")
        return Interval(min(interval.low, exact.low), max(interval.high, exact.high), level), ""
    return _with_late(samples, interval)


def _with_late(samples: Sequence[Sample], interval: Interval) -> tuple[Interval, str]:
    """A mean delay is of delivered mail; what is under way is said, and the interval wide enough for it."""
    late = [sample.late for sample in samples if sample.late is not None]
    if not late or not all(sample.weight > 0 for sample in samples):
        return interval, _say_late(samples)
    total, weight = sum(s.total for s in samples), sum(s.weight for s in samples)
    recipients = sum(each.recipients for each in late)
    least, most = ((total + sum(each[i] for each in late)) / (weight + recipients) for i in (1, 2))
    mean = total / weight
    wider = interval._replace(low=interval.low * min(least / mean, 1.0), high=interval.high * max(most / mean, 1.0))
    share = _say_share(recipients / (weight + recipients))
    remark = (
        f"of the delivered; {recipients:,.0f} recipients' mail ({share}) is in transit at the end: with it the mean is "
        f"{say_duration(least)} to {say_duration(most)}, from its age to twice that or the longest delay"
    )
    return wider, remark


def _say_late(samples: Sequence[Sample]) -> str:
    number = sum(sample.late.recipients for sample in samples if sample.late is not None)
    return f"{number:,.0f} recipients' mail is in transit at the end, later than all that arrived" if number else ""


def _say_share(share: float) -> str:
    return f"{100 * share:.2g} %"


def proportion_interval(hits: float, n: float, level: float = LEVEL) -> Interval:
    """The exact interval for a share (Clopper and Pearson 1934): none of 1000 leaves up to 0.37 % possible."""
    tail = (1 - level) / 2
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return Interval(low, high, level)


def side_of_limit(objective: Objective, interval: Interval) -> Answer:
    """Which side of the limit the interval lies on."""
    low, high, limit = interval.low, interval.high, objective.limit
    if isnan(low) or isnan(high):
        return CANNOT_SAY
    met, missed = {
        "<": (high < limit, low >= limit),
        "<=": (high <= limit, low > limit),
        ">": (low > limit, high <= limit),
        ">=": (low >= limit, high < limit),
        "=": (low == high == limit, low > limit or high < limit or (objective.kind == "count" and high != limit)),
    }[objective.op]
    return MET if met else MISSED if missed else CANNOT_SAY


def _on_its_side(objective: Objective, interval: Interval, answer: Answer) -> Interval:
    """The interval of a figure that is met or missed: it ends at the limit, where the share within the limit said so."""
    if not interval.low <= objective.limit <= interval.high:
        return interval
    is_below = (answer == MET) is objective.is_upper
    return interval._replace(high=objective.limit) if is_below else interval._replace(low=objective.limit)


def _is_thin(objective: Objective, samples: Sequence[Sample]) -> bool:
    """Are there too few samples in some run for its own percentile to be any good."""
    if objective.kind != "quantile" or objective.probability is None:
        return False
    least = BEYOND / min(1 - objective.probability, objective.probability)
    return min(sample.n for sample in samples) < least


def _by_count(objective: Objective, samples: Sequence[Sample], level: float) -> Answer:
    """By the share of all samples that are within the limit, which tells more than so few samples' own percentile."""
    hits = sum(sample.hits for sample in samples)
    if isnan(hits):
        return CANNOT_SAY
    within = proportion_interval(hits, sum(sample.n for sample in samples), level)
    if (
        len(samples) > 1
    ):  # delays of one run hang together: runs that differ more than chance has it leave more possible
        between = mean_interval([sample.hits / sample.n for sample in samples], level)
        within = within._replace(low=min(within.low, between.low), high=max(within.high, between.high))
    wanted = objective.probability or 0.0
    if not objective.is_upper:
        wanted = 1 - wanted
    return MET if within.low > wanted else MISSED if within.high < wanted else CANNOT_SAY


def _needed(objective: Objective, values: np.ndarray[Any, Any], level: float) -> int | None:
    """How many replications should tell, by the spread of those at hand."""
    distance = abs(float(values.mean()) - objective.limit)
    if len(values) < 2 or not isfinite(distance) or distance == 0:
        return None
    return replications_needed(values, absolute=distance, level=level)


def _settled_by(runs: int, needed: int | None, *, window: bool) -> str:
    """``run 4 replications (-n 4)``: more runs where the spread between them is what is missing, else a longer window.

    `window`: the runs were too short, or held nothing to judge; several short ones do where one alone was.
    """
    if window and runs > 1:
        return LONGER
    more = SEVERAL if runs == 1 else needed
    if more is None or more > MOST_TO_ASK_FOR:
        return LONGER
    return f"run {more} replications (-n {more})" + (f" or {LONGER}" if window else "")


def _excuse(objective: Objective, interval: Interval, runs: int, why: str, notes: str) -> str:
    if why or notes:
        return "; ".join(filter(None, (why, notes)))
    if not interval.known:
        return "one replication cannot tell; run several" if runs == 1 else "the samples leave no end to it"
    return f"{objective.say(objective.limit)} lies within the interval of {runs} run{'s' if runs > 1 else ''}"
