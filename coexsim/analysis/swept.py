"""Sweeps with answers: each objective at every point, and between which values of a key its answer changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from itertools import pairwise
from math import isnan, nan
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from coexsim.analysis.slo import side_of_limit
from coexsim.analysis.slo_measure import measure
from coexsim.analysis.slo_text import Objective, read_objectives
from coexsim.experiment.figures import Figure
from coexsim.experiment.results import Results
from coexsim.experiment.sweep import sweep as sweep_figures
from coexsim.scenario.model import Scenario
from coexsim.stats import Interval, mean_interval

OBJECTIVE, LOW, HIGH, UNSTABLE = "objective", "objective, low", "objective, high", "objective, not stable"
UNITS = {"s": "s", "bytes": "B", "share": "1", "count": "1"}
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)\s*(.*)")


def sweep(
    scenario: Scenario, grid: Mapping[str, object], *, replications: int | None = None, seed: int | None = None,
    folder: str | Path | None = None, executor: Executor | None = None, jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """`experiment.sweep.sweep` with the scenario's objectives among the figures; `swept_objectives` judges them.

    Returns one row for each point, replication and figure: the keys as columns, then ``replication, what, where, value, unit``. An
    objective is a figure ``objective`` of its text, with the ends of the run's own 95 % interval beside it where it has one.
    """
    return sweep_figures(
        scenario, grid, replications=replications, seed=seed, folder=folder, executor=executor, jobs=jobs, progress=progress,
        measure=objective_figures,
    )  # fmt: skip


def objective_figures(results: Results, scenario: Scenario) -> list[Figure]:
    """What one run says of each objective. Picklable by its name."""
    found = []
    for objective in read_objectives(scenario):
        sample = measure(objective, results, scenario)
        unit = UNITS[objective.unit]
        for what, value in ((OBJECTIVE, sample.value), (LOW, sample.low), (HIGH, sample.high)):
            found.append(Figure(what, objective.text, float(value), unit))
        found.append(Figure(UNSTABLE, objective.text, float(bool(sample.growing)), "1"))
    return found


def swept_objectives(table: pd.DataFrame, scenario: Scenario, keys: list[str]) -> pd.DataFrame:
    """Each objective at each point: the keys as columns, then ``objective, limit, estimate, low, high, answer, unit``.

    Keys whose values are numbers with one unit are numbers, with the unit in the column's name: ``links[0].bandwidth [Mbit/s]``. The
    interval is Student's over replications; of one run alone its own. Met and missed are said only where it lies on one side of
    the limit, and never met where a queue grew all the time.
    """
    rows = []
    for values, part in table.groupby(keys, sort=False, dropna=False):
        by_what = part.groupby(["what", "where"])["value"]
        known = {key: group.to_numpy() for key, group in by_what}
        for objective in read_objectives(scenario):
            runs = {
                what: known.get((what, objective.text), np.array([nan])) for what in (OBJECTIVE, LOW, HIGH, UNSTABLE)
            }
            interval, answer = _judged(objective, runs)
            estimate = float(runs[OBJECTIVE].mean())
            figures = (objective.limit, estimate, interval.low, interval.high, answer, UNITS[objective.unit])
            rows.append((*values, objective.text, *figures))
    names = ["objective", "limit", "estimate", "low", "high", "answer", "unit"]
    return with_numbers(pd.DataFrame(rows, columns=[*keys, *names]), keys)


def _judged(
    objective: Objective, runs: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]
) -> tuple[Interval, str]:
    values = runs[OBJECTIVE]
    if len(values) == 1:
        interval = Interval(float(runs[LOW][0]), float(runs[HIGH][0]), 0.95)
    elif np.isfinite(values).all():
        interval = mean_interval(values)
    else:
        interval = Interval(float(values.min()), float(values.max()), 0.95)
    answer = "cannot say" if isnan(float(values.mean())) else side_of_limit(objective, interval)
    return interval, "cannot say" if answer == "met" and runs[UNSTABLE].any() else answer


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
        return f"{self.objective}: {self.before} up to {_said(self.at)}, {self.after} from {_said(self.by)} on"


def crossings(points: pd.DataFrame, key: str) -> list[Crossing]:
    """Where answers change along a key, the only one that was swept; `key` is its column in `swept_objectives`."""
    found = []
    for objective, rows in points.groupby("objective", sort=False):
        known = rows[rows["answer"] != "cannot say"]
        pairs = list(zip(known["answer"], known[key], strict=True))
        for (before, at), (after, by) in pairwise(pairs):
            if before != after:
                found.append(Crossing(str(objective), before, at, after, by))
    return found


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
