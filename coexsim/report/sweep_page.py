"""The answer of a sweep as a page: each objective over the key, its limit, and where its answer changes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import isfinite
from pathlib import Path

import pandas as pd

from coexsim.analysis.swept import crossings, keys_of, say_figure, told
from coexsim.report.headings import page_head
from coexsim.report.plain_page import Section, write_plain_page
from coexsim.report.sizing import plot_sizing_curve
from coexsim.report.style import Picture
from coexsim.report.words import scope
from coexsim.scenario.assumptions import assumptions
from coexsim.scenario.model import Scenario
from coexsim.text import say_lost
from coexsim.units import say_between

MOST_PICTURES = 8
"""Of a sweep over two keys: a picture over the first for each value of the second, if there are no more."""
NOTE = "Judged as coexsim run does: by the interval, or where few samples came by how many kept the limit."


def write_sweep(
    points: pd.DataFrame, scenario: Scenario, folder: str | Path, changes: Sequence[str], engine: str = ""
) -> Path:
    """Write ``report.html`` and its pictures from `swept_objectives`: over one key ``sweep.png``, over two ``sweep-1.png`` and so on.

    `changes` are the sentences that the page begins with; `engine` is what ran, none where all was kept from before.
    Returns the page's path.
    """
    keys = keys_of(points)
    values = [
        (key, f"{_said(points[key].iloc[0])} to {_said(points[key].iloc[-1])}, {points[key].nunique()} values")
        for key in keys
    ]
    values.append(("Engine", engine or "none: all runs were kept from before"))
    of = f"{scenario.title or scenario.source.file}: what {' and '.join(keys)} change{'s' * (len(keys) == 1)}"
    answer = list(changes) or told(points)
    return write_plain_page(
        folder, page_head(answer, f"The objectives over {' and '.join(keys)}"), [("Domain", scenario.domain), *values], answer,
        _sections(points, keys), scope(scenario), of=of, tables=["objectives", "sweep"], given=assumptions(scenario),
    )  # fmt: skip


def _sections(points: pd.DataFrame, keys: Sequence[str]) -> list[Section]:
    if len(keys) == 1:
        changes = crossings(points, keys[0])
        heading = changes[0].say() if changes else _heading(points)
        return [Section(heading, "sweep", plot_sweep(points), *rows_of(points), NOTE)]
    parts = list(points.groupby(keys[1], sort=False)) if len(keys) == 2 else []
    if not 0 < len(parts) <= MOST_PICTURES or points[keys[0]].nunique() == 1:
        return [Section("Every point", "", None, *rows_of(points), NOTE)]
    found = []
    for number, (value, part) in enumerate(parts, start=1):
        rest = part.drop(columns=[keys[1]])
        heading = f"{keys[1]} {_said(value)}: {_heading(rest)}"
        found.append(
            Section(heading, f"sweep-{number}", plot_sweep(rest), *rows_of(rest), NOTE if number == len(parts) else "")
        )
    return found


def _heading(points: pd.DataFrame) -> str:
    """Where the first answer changes, or in what span the figure moves that comes nearest to its limit."""
    key = str(points.columns[0])
    changes = crossings(points, key)
    if changes:
        return str(changes[0])
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
    keys = keys_of(points)
    texts = list(dict.fromkeys(points["objective"]))
    rows = []
    for values, part in points.groupby(keys, sort=False):
        answers = {str(row["objective"]): _answered(row) for row in part.to_dict("records")}
        rows.append([*(_said(value) for value in values), *(answers[text] for text in texts)])
    return [*keys, *map(str, texts)], rows


def _answered(row: dict[object, object]) -> str:
    """``met: 1.2 s (1.1 s to 1.3 s)``; where nothing was measured no figure."""
    known = float(str(row["estimate"])) == float(str(row["estimate"]))
    return f"{row['answer']}: {_figure(row)}" if known else f"{row['answer']}: no such mail"


def _figure(row: dict[object, object]) -> str:
    """``1.2 s (1.1 s to 1.3 s)``; ``1.2 s (at least 1.1 s)`` where no upper end is known; ``never (33 % expired)``."""
    estimate, low, high, limit = (float(str(row[name])) for name in ("estimate", "low", "high", "limit"))
    say = partial(say_figure, unit=str(row["unit"]), objective=str(row["objective"]))
    lost = say_lost(float(str(row["expired"])))
    between = ", ".join(filter(None, (say_between(low, high, say, limit) if isfinite(estimate) else "", lost)))
    return f"{say(estimate)} ({between})" if between else say(estimate)


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
