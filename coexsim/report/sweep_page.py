"""The answer of a sweep over one key as a page: each objective over the key, its limit, and where its answer changes."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite
from pathlib import Path

import pandas as pd

from coexsim.analysis.swept import unchanged
from coexsim.report.plain_page import Section, write_plain_page
from coexsim.report.sizing import plot_sizing_curve
from coexsim.report.style import Picture
from coexsim.report.words import scope
from coexsim.scenario.model import Scenario
from coexsim.units import say_bytes, say_duration

COLUMNS = ("objective", "limit", "estimate", "low", "high", "answer", "unit")


def write_sweep(points: pd.DataFrame, scenario: Scenario, folder: str | Path, changes: Sequence[str]) -> Path:
    """Write ``report.html`` and ``sweep.png`` from `swept_objectives` over one key. Returns the page's path."""
    key = str(points.columns[0])
    heads, rows = rows_of(points)
    answer = list(changes) or [unchanged(points)]
    values = f"{_said(points[key].iloc[0])} to {_said(points[key].iloc[-1])}, {points[key].nunique()} values"
    note = "Judged as coexsim run does: by the interval, or where few samples came by how many kept the limit."
    section = Section(_heading(points, changes), "sweep", plot_sweep(points), heads, rows, note)
    title = f"{scenario.title or scenario.source.file}: {key}"
    return write_plain_page(
        folder, title, [("Domain", scenario.domain), (key, values)], answer, [section], scope(scenario)
    )


def _heading(points: pd.DataFrame, changes: Sequence[str]) -> str:
    """Where the first answer changes, or in what span the figure moves that comes nearest to its limit."""
    if changes:
        return changes[0].rstrip(".")
    key = str(points.columns[0])
    rows = [row for row in points.to_dict("records") if row["estimate"] == row["estimate"] and row["limit"] > 0]
    if not rows:
        return f"The objectives over {key}"
    nearest = min(rows, key=lambda row: abs(float(row["estimate"] / row["limit"]) - 1))
    return f"Nearest to its limit comes {nearest['objective']}: {_figure(nearest)} at {key} {_said(nearest[key])}"


def plot_sweep(points: pd.DataFrame) -> Picture:
    """Each objective's figure over the key that was swept, with its interval and limit; where the answer changes is shaded."""
    key = str(points.columns[0])
    frame = points.assign(candidate=[_said(value) for value in points[key]])
    if pd.api.types.is_numeric_dtype(points[key]) and points[key].nunique() > 1:
        frame = frame.assign(size=points[key].astype(float))
    return plot_sizing_curve(frame, f"The objectives over {key}", key)


def rows_of(points: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of a table: the keys, then each objective with its answer and figure."""
    keys = [str(name) for name in points.columns if name not in COLUMNS]
    texts = list(dict.fromkeys(points["objective"]))
    rows = []
    for values, part in points.groupby(keys, sort=False):
        told = {str(row["objective"]): f"{row['answer']}: {_figure(row)}" for row in part.to_dict("records")}
        rows.append([*(_said(value) for value in values), *(told[text] for text in texts)])
    return [*keys, *map(str, texts)], rows


def _figure(row: dict[object, object]) -> str:
    """``1.2 s (1.1 s to 1.3 s)``; ``1.2 s (at least 1.1 s)`` where no upper end is known."""
    estimate, low, high = (float(str(row[name])) for name in ("estimate", "low", "high"))
    unit, objective = str(row["unit"]), str(row["objective"])

    def say(value: float) -> str:
        if value != value:
            return "-"
        if unit == "s":
            return say_duration(value)
        if not isfinite(value):
            return "no end"
        if unit == "B":
            return say_bytes(value)
        return f"{100 * value:.3g} %" if objective.startswith(("utilisation", "share")) else f"{value:,.0f}"

    if low != low:
        return say(estimate)
    between = f"at least {say(low)}" if high == inf else f"{say(low)} to {say(high)}"
    return f"{say(estimate)} ({between})"


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
