"""Sweeps with answers: each objective at every point, and between which values of a key its answer changes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from coexsim.analysis.sketch import Sketch
from coexsim.analysis.slo import Verdict, evaluate, judge
from coexsim.analysis.slo_mail import Late, Lost, Series
from coexsim.analysis.slo_measure import Sample, measure
from coexsim.analysis.slo_text import Objective, read_objectives
from coexsim.answers import CANNOT_SAY, MET, MISSED, Answer
from coexsim.engine.choice import Engine
from coexsim.experiment.figures import Figure
from coexsim.experiment.results import Results
from coexsim.experiment.sweep import Kept, Sweep, run_sweep
from coexsim.scenario.given import require_scenario
from coexsim.scenario.model import Scenario
from coexsim.units import say_bytes, say_duration

OBJECTIVE, LOW, HIGH, UNSTABLE = "objective", "objective, low", "objective, high", "objective, not stable"
UNITS = {"s": "s", "bytes": "B", "share": "1", "count": "1"}
COLUMNS = ("objective", "limit", "estimate", "low", "high", "answer", "unit", "expired")
MOST_PLACES = 3  # that a sentence names
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)\s*(.*)")


def sweep(
    scenario: Scenario, grid: Mapping[str, object], *, replications: int | None = None, seed: int | None = None,
    folder: str | Path | None = None, executor: Executor | None = None, jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """`experiment.sweep.sweep` with the scenario's objectives among the figures.

    Returns one row for each point, replication and figure: the keys as columns, then ``replication, what, where, value, unit``. An
    objective is a figure ``objective`` of its text, with the ends of the run's own 95 % interval beside it where it has one. Keys whose
    values are numbers with one unit are numbers, with the unit in the column's name: ``hosted_share [%]``. Whether an objective is met
    at a point, all its replications together, is told by `sweep_verdicts`.
    """
    swept = sweep_judged(
        scenario, grid, replications=replications, seed=seed, folder=folder, executor=executor, jobs=jobs, progress=progress
    )  # fmt: skip
    return with_numbers(swept.table, list(swept.points[0].values))


def sweep_verdicts(
    scenario: Scenario, grid: Mapping[str, object], *, replications: int | None = None, seed: int | None = None,
    folder: str | Path | None = None, executor: Executor | None = None, jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The verdict on each objective at each point of a sweep, as `coexsim sweep` writes it to ``objectives.csv``.

    Returns the keys as columns (as `sweep` does), then those of `verdicts`. Arguments are those of `sweep`; with the same `folder` what
    one of the two has run the other reads.
    """
    return swept_objectives(
        sweep_judged(
            scenario, grid, replications=replications, seed=seed, folder=folder, executor=executor, jobs=jobs, progress=progress
        )
    )  # fmt: skip


def verdicts(results: Results, scenario: Scenario, objectives: Sequence[Objective | str] | None = None) -> pd.DataFrame:
    """Whether a run meets its objectives: those of the scenario, or texts such as ``"p95(delay) < 60 s"``.

    Returns one row for each objective, with the same figures as `coexsim run` prints:

    ===============  ======================================================================================
    objective        as it is written
    limit            its limit, in `unit`
    estimate         the figure; NaN where nothing was measured
    low, high        the 95 % interval
    answer           met, missed or cannot say
    unit             s, B, or 1 for shares and numbers
    expired          of an objective on delay the share of its recipients whose mail expired: it never arrives
    why              what there is to know of the answer, such as why one cannot say; often empty
    ===============  ======================================================================================

    Raises `ObjectiveError` for a text that cannot be read.
    """
    require_scenario(scenario)
    found = evaluate(objectives, results, scenario)
    return pd.DataFrame([(*_row(each), each.why) for each in found], columns=[*COLUMNS, "why"])


def sweep_judged(
    scenario: Scenario, grid: Mapping[str, object], *, replications: int | None = None, seed: int | None = None,
    folder: str | Path | None = None, executor: Executor | None = None, jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None, engine: Engine = "auto",
) -> Sweep:  # fmt: skip
    """The table of `sweep` with what `swept_objectives` needs to judge its points."""
    return run_sweep(
        scenario, grid, replications=replications, seed=seed, folder=folder, executor=executor, jobs=jobs, progress=progress,
        measure=measured_objectives, engine=engine,
    )  # fmt: skip


def measured_objectives(results: Results, scenario: Scenario) -> Kept:
    """What one run says of each objective: figures for the table, and the whole samples as text. Picklable by its name."""
    found, samples = [], []
    for objective in read_objectives(scenario):
        sample = measure(objective, results, scenario)
        samples.append(sample)
        unit = UNITS[objective.unit]
        for what, value in ((OBJECTIVE, sample.value), (LOW, sample.low), (HIGH, sample.high)):
            found.append(Figure(what, objective.text, float(value), unit))
        found.append(Figure(UNSTABLE, objective.text, float(bool(sample.growing)), "1"))
    return Kept(found, json.dumps(samples))


def samples_of(text: str) -> list[Sample]:
    """The samples that `measured_objectives` wrote, one for each objective; a number comes back to the last bit."""
    return [_sample(*fields) for fields in json.loads(text)]


def _sample(*fields: Any) -> Sample:
    read = Sample(*fields)
    return read._replace(
        sketch=Sketch(*map(tuple, read.sketch)) if read.sketch is not None else None,
        series=Series(*map(tuple, read.series)) if read.series is not None else None,
        late=Late(*read.late) if read.late is not None else None,
        lost=Lost(*read.lost) if read.lost is not None else None,
    )


def swept_objectives(swept: Sweep) -> pd.DataFrame:
    """Each objective at each point: the keys as columns, then ``objective, limit, estimate, low, high, answer, unit, expired``.

    `expired` is of an objective on delay the share of its recipients whose mail expired: it never arrives, so it is beyond every limit.
    Keys whose values are numbers with one unit are numbers, with the unit in the column's name: ``links[0].bandwidth [Mbit/s]``. A
    point is judged from its runs by `slo.judge`, as `coexsim run` judges the same scenario with the same seed and replications.
    """
    keys = list(swept.points[0].values)
    rows = []
    for point, texts in zip(swept.points, swept.texts, strict=True):
        runs = [samples_of(text) for text in texts]
        for place, objective in enumerate(read_objectives(point.scenario)):
            rows.append((*point.values.values(), *_row(judge(objective, [samples[place] for samples in runs]))))
    return with_numbers(pd.DataFrame(rows, columns=[*keys, *COLUMNS]), keys)


def _row(verdict: Verdict) -> tuple[str, float, float, float, float, str, str, float]:
    """The values of `COLUMNS`."""
    asked, interval = verdict.objective, verdict.interval
    return (
        asked.text, asked.limit, verdict.estimate, interval.low, interval.high, verdict.answer, UNITS[asked.unit], verdict.lost,
    )  # fmt: skip


def with_numbers(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The same with numbers for keys whose values all have one unit, which then stands in the column's name."""
    names = {}
    for key in keys:
        parts = [_NUMBER.fullmatch(str(value)) for value in table[key]]
        units = {part[2] for part in parts if part}
        if parts and all(parts) and len(units) == 1:
            table = table.assign(**{key: [float(part[1]) for part in parts if part]})
            unit = units.pop()
            names[key] = f"{key} [{unit}]" if unit else key
    return table.rename(columns=names)


class Crossing(NamedTuple):
    """Between two neighbouring values of a key an objective's answer changes; points of which we cannot say lie between them."""

    objective: str
    before: str
    at: object
    after: str
    by: object

    def __str__(self) -> str:
        if isinstance(self.at, str):  # which have no order but that in which they were given
            return f"{self.objective}: {self.before} at {self.at}, {self.after} at {self.by}"
        return f"{self.objective}: {self.before} up to {_said(self.at)}, {self.after} from {_said(self.by)} on"

    def say(self) -> str:
        """The same as a sentence stands: ``Objective p95(delay) < 60 s: missed up to 2, met from 4 on``."""
        return f"Objective {self}"


def crossings(points: pd.DataFrame, key: str) -> list[Crossing]:
    """Where answers change along a key, the only one that was swept; `key` is its column in `swept_objectives`.

    From the least value to the most where they are numbers, in whatever order they were given.
    """
    found = []
    if pd.api.types.is_numeric_dtype(points[key]):
        points = points.sort_values(key, kind="stable")
    for objective, rows in points.groupby("objective", sort=False):
        known = rows[rows["answer"] != CANNOT_SAY]
        pairs = list(zip(known["answer"], known[key], strict=True))
        for (before, at), (after, by) in pairwise(pairs):
            if before != after:
                found.append(Crossing(str(objective), before, at, after, by))
    return found


def keys_of(points: pd.DataFrame) -> list[str]:
    """The columns of `swept_objectives` that are keys."""
    return [str(name) for name in points.columns[: list(points.columns).index("objective")]]


def answer_of_sweep(points: pd.DataFrame) -> Answer:
    """*Cannot say* if there is an objective of which we cannot at any point; else *met*: what was asked is answered."""
    unsaid = points["answer"].eq(CANNOT_SAY).groupby(points["objective"]).all()
    return CANNOT_SAY if unsaid.any() else MET


def told(points: pd.DataFrame) -> list[str]:
    """The answer of a sweep in sentences: over one key where answers change, over several where they are not the same as elsewhere."""
    keys = keys_of(points)
    if len(keys) == 1:
        changes = crossings(points, keys[0])
        same = [text for text in dict.fromkeys(points["objective"]) if text not in {each.objective for each in changes}]
        rest = [_throughout(str(text), points, keys) for text in same]
        return [*(f"{each.say()}." for each in changes), *rest] if changes else [unchanged(points)]
    found, same = [], []
    for objective, rows in points.groupby("objective", sort=False):
        counts = rows["answer"].value_counts()
        if len(counts) > 1:
            others = [f"{answer} at {_places(rows[rows['answer'] == answer], keys)}" for answer in counts.index[1:]]
            found.append(
                f"Objective {objective}: {counts.index[0]} at {counts.iloc[0]} of {len(rows)} points, {'; '.join(others)}."
            )
        else:
            same.append(_throughout(str(objective), points, keys))
    return [*found, *same] if found else [unchanged(points)]


def _throughout(objective: str, points: pd.DataFrame, keys: list[str]) -> str:
    """``Objective p95(delay) < 60 s: met at every point.``; or at how many, where of some we cannot say."""
    rows = points[points["objective"] == objective]
    if rows["answer"].nunique() == 1:
        return f"Objective {objective}: {rows['answer'].iloc[0]} at every point."
    return f"Objective {objective}: {_counted(rows, keys)}."


def _counted(rows: pd.DataFrame, keys: list[str], what: str = "") -> str:
    """``met at 4 of 5, cannot say at 1 of 5 (100 %)``: the most frequent answer first, the few points with another one named."""
    counts = sorted(rows["answer"].value_counts().items(), key=lambda each: (-each[1], each[0] == CANNOT_SAY))
    said = []
    for place, (answer, number) in enumerate(counts):
        those = rows[rows["answer"] == answer].to_dict("records")
        values = ", ".join(" with ".join(_value(key, row[key], len(keys) > 1) for key in keys) for row in those)
        which = f" ({values})" if place and number <= MOST_PLACES else ""
        said.append(f"{answer} at {number} of {len(rows)}{what}{which}")
    return ", ".join(said)


def _value(key: str, value: object, is_one_of_several: bool) -> str:
    """``100 %`` for 100 in the column ``hosted_share [%]``, of several keys with the name before it."""
    name, _, unit = key.removesuffix("]").partition(" [")
    said = f"{_said(value)} {unit}".rstrip()
    return f"{name} {said}" if is_one_of_several else said


def _places(rows: pd.DataFrame, keys: list[str]) -> str:
    """``hosted_share [%] 100 with links[0].bandwidth 10 Mbit/s``; of many only how many they are."""
    said = [" with ".join(f"{key} {_said(row[key])}" for key in keys) for row in rows.to_dict("records")]
    return ", ".join(said) if len(said) <= MOST_PLACES else f"{len(said)} points"


def unchanged(points: pd.DataFrame) -> str:
    """What is said where no value of the keys is shown to change an objective's answer."""
    answers = set(points["answer"])
    if answers == {MET}:
        return "Nothing changes: every objective is met at every value."
    if answers == {MISSED}:
        return "Nothing changes: every objective is missed at every value."
    if answers == {CANNOT_SAY}:
        return (
            f"At no value can an objective be answered: {_spans(points)}. Add replications, or measure a longer window."
        )
    counted = [
        f"{objective}: {_counted(rows, keys_of(points), ' values')}"
        for objective, rows in points.groupby("objective", sort=False)
    ]
    more = "" if answer_of_sweep(points) == MET else " Add replications, or measure a longer window."
    return f"No answer is shown to change: {'; '.join(counted)}.{more}"


def _spans(points: pd.DataFrame) -> str:
    """Of each objective between which ends its figure lies: ``utilisation(onprem.cores) < 70 %: 20.5 % to 82 %``."""
    said = []
    for objective, rows in points.groupby("objective", sort=False):
        text, unit = str(objective), str(rows["unit"].iloc[0])
        ends = dict.fromkeys(
            say_figure(float(value), unit, text) for value in (rows["estimate"].min(), rows["estimate"].max())
        )
        said.append(
            f"{text}: {' to '.join(ends)}" if rows["estimate"].notna().any() else f"{text}: nothing was measured"
        )
    return "; ".join(said)


def say_figure(value: float, unit: str, objective: str) -> str:
    """A figure of an objective, by its unit in `swept_objectives` and its text; ``-`` where nothing was measured."""
    if value != value:
        return "-"
    if unit == "s":
        return say_duration(value)
    if not isfinite(value):
        return "no end"
    if unit == "B":
        return say_bytes(value)
    return f"{100 * value:.3g} %" if objective.startswith(("utilisation", "share")) else f"{value:,.0f}"


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
