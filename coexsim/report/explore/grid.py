"""The points of a what-if page as data: what was varied, what each point gave, and all of it as one tidy table."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from coexsim.answers import MET, MISSED
from coexsim.cards import card
from coexsim.report.explore.axes import Axis, combinations
from coexsim.report.explore.points import OBJECTIVE, GridPoint
from coexsim.scenario.model import Scenario


@dataclass(frozen=True, repr=False)
class Grid:
    """The points of a grid: `axes` and, for each combination of their values (the last fastest), the scenario and its `GridPoint`."""

    scenario: Scenario
    axes: tuple[Axis, ...]
    scenarios: tuple[Scenario, ...]
    points: tuple[GridPoint, ...]
    seed: int
    replications: int

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.headline}>"

    def _repr_html_(self) -> str:
        """For notebooks: the axes, and how many points meet every objective."""
        rows = [(axis.label, ", ".join(map(str, axis.values))) for axis in self.axes]
        return card(self.scenario.title or "Exploration", [self.headline], ["varied", "values"], rows)

    @property
    def engine(self) -> str:
        """Which engine ran, or both; figures are the same by both."""
        return " and ".join(sorted({point.engine for point in self.points}))

    @property
    def headline(self) -> str:
        """How many points there are, and how many of them meet every objective."""
        n, runs = len(self.points), self.replications
        said = f"{n} points, {runs} run{'s' if runs > 1 else ''} of each"
        if not any(point.verdicts for point in self.points):
            return f"{said}; the scenario states no objectives"
        met = sum(all(answer == MET for answer, _ in point.verdicts) for point in self.points)
        missed = sum(any(answer == MISSED for answer, _ in point.verdicts) for point in self.points)
        unsure = f"; of {n - met - missed} we cannot say" if n > met + missed else ""
        meet, miss = "meet" + "s" * (met == 1), "miss" + "es" * (missed == 1)
        return f"{said}: {met} {meet} every objective, {missed} {miss} one{unsure}"

    @property
    def table(self) -> pd.DataFrame:
        """One row for each point and figure: the keys as columns, then ``what, of, unit, value, low, high, answer``.

        `answer` is that of an objective, empty for other figures; `low` and `high` are the 95 % interval, NaN where there is none.
        """
        rows = []
        for values, point in zip(combinations(self.axes), self.points, strict=True):
            answers = iter(answer for answer, _ in point.verdicts)
            for figure in point.figures:
                answer = next(answers) if figure.what == OBJECTIVE else ""
                rows.append((*values.values(), *figure, answer))
        names = ["what", "of", "unit", "value", "low", "high", "answer"]
        table = pd.DataFrame(rows, columns=[*(axis.key for axis in self.axes), *names])
        return table.astype({"value": float, "low": float, "high": float})
