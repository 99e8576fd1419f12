"""The picture of delay: how long mail takes, flow by flow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from coexsim.analysis.hairpins import round_trip_flows
from coexsim.analysis.slo_text import Objective
from coexsim.experiment.results import Results
from coexsim.report.style import (
    BLUE,
    DASHES,
    GREY,
    INK,
    ORANGE,
    PALE,
    RED,
    Picture,
    duration_axis,
    new_picture,
    nothing_to_draw,
    styled,
)
from coexsim.report.words import objectives_of, say_flow, say_runs, say_window, start_of
from coexsim.scenario.model import Scenario
from coexsim.text import say_lost
from coexsim.units import say_duration

POINTS = (("p50_s", "o", BLUE, "p50"), ("p95_s", "s", ORANGE, "p95"), ("p99_s", "D", RED, "p99"))


@styled
def plot_delay_by_flow(results: Results, scenario: Scenario | None = None) -> Picture:
    """How long mail takes, flow by flow: what half, 95 % and 99 % of its recipients wait at most.

    With `scenario` its limits on delay are drawn at the flows they hold for.
    """
    title = "How long mail takes, from being handed in to the mailbox"
    if not (results.felt(["outcome"])["outcome"] == "delivered").any():
        return nothing_to_draw(title, "Nothing was delivered in the measured window.")
    table = results.delays()
    if table.index.nlevels > 1:
        table.index = pd.Index([f"{flow} ({alternative})" for alternative, flow in table.index])
    table = table.sort_values(["p95_s", "p50_s"], kind="stable")
    runs = len(results.replications)
    sure = f"{say_runs(results)}; whiskers: 95 % interval" if runs > 1 else "one run, so no intervals"
    if np.isinf(table[[f"{column.removesuffix('_s')}_high_s" for column, *_ in POINTS]].to_numpy()).any():
        sure += ", an arrow where no upper end is known"
    round_trips = round_trip_flows(scenario) if scenario is not None else ()
    below = f"Mail handed in {say_window(results, start_of(results, scenario))} and delivered; {sure}."
    picture = new_picture(1.9 + 0.52 * len(table), title, below)
    axes = picture.add_subplot()
    limits = _delay_limits(axes, list(map(str, table.index)), objectives_of(scenario))
    low_s, top_s = _span(table, limits)
    duration_axis(axes.xaxis, low_s, top_s * (top_s / low_s) ** 0.6)  # the figures stand in what this leaves free
    _points(axes, table, low_s, top_s if runs > 1 else None)
    axes.set_xlabel("delay, logarithmic scale")
    names = [
        f"{say_flow(str(flow), round_trips)}\n{n:,} recipient{'s' if n > 1 else ''}{', ' if lost else ''}{say_lost(lost)}"
        for flow, n, lost in zip(table.index, table["recipients"], table["expired"], strict=True)
    ]
    axes.set_yticks(np.arange(len(table)), names, fontsize=9.5)
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: labels[i].startswith("objective"))  # stable: limits come last
    axes.legend(
        [handles[i] for i in order], [labels[i] for i in order],
        loc="upper left", bbox_to_anchor=(1.0, 1.02), title="delay", alignment="left",
    )  # fmt: skip
    return picture


def _span(table: pd.DataFrame, limits: list[float]) -> tuple[float, float]:
    """Ends of the axis: what takes no time at all has its place at the left edge."""
    ends = [f"{column.removesuffix('_s')}_high_s" for column, *_ in POINTS]
    figures = table[[column for column, *_ in POINTS] + ends].to_numpy()
    above = figures[(figures > 0) & np.isfinite(figures)]
    low_s, top_s = (float(above.min()), float(above.max())) if len(above) else (1e-3, 1.0)
    return low_s / 1.8, 1.2 * max([top_s, 2 * low_s, *limits])


def _points(axes: Axes, table: pd.DataFrame, low_s: float, top_s: float | None) -> None:
    """A row for each flow: half, 95 % and 99 %, the figures beside them; with several runs (`top_s`), how sure each is."""
    rows = np.arange(len(table))
    axes.hlines(
        rows, table["p50_s"].clip(lower=low_s), table["p99_s"].clip(lower=low_s), color=PALE, linewidth=5, zorder=1
    )
    for place, (column, marker, colour, words) in enumerate(POINTS):
        y = rows + 0.17 * (1 - place)  # in an outage all three are close to each other
        x = table[column].clip(lower=low_s)
        axes.plot(
            x, y, linestyle="none", marker=marker, color=colour, markersize=8, label=words, zorder=3, clip_on=False
        )
        if top_s is not None:
            _whiskers(axes, table, column.removesuffix("_s"), y, colour, (low_s, top_s))
    figures = table[[column for column, *_ in POINTS]].to_numpy()
    told = [",  ".join(say_duration(float(value)) for value in of_flow) for of_flow in figures]
    for row, said in enumerate([*told, ",  ".join(words for *_, words in POINTS)]):
        at = row if row < len(told) else row - 0.52  # the last says what they are
        axes.text(
            0.99, at, said, transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=9, color=GREY,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},  # over the lines of the grid
        )  # fmt: skip


def _whiskers(
    axes: Axes, table: pd.DataFrame, name: str, y: NDArray[Any], colour: str, span_s: tuple[float, float]
) -> None:
    """Each interval within the axis; an arrow where no upper end is known."""
    x = table[f"{name}_s"].clip(lower=span_s[0])
    below, above = x - table[f"{name}_low_s"].clip(lower=span_s[0]), table[f"{name}_high_s"].clip(upper=span_s[1]) - x
    axes.errorbar(x, y, xerr=[below, above], fmt="none", ecolor=colour, elinewidth=1.6, capsize=3, zorder=2)
    endless = np.isinf(table[f"{name}_high_s"].to_numpy())
    axes.plot([span_s[1]] * int(endless.sum()), y[endless], linestyle="none", marker=">", color=colour, markersize=5)


def _delay_limits(axes: Axes, flows: list[str], objectives: Iterable[Objective]) -> list[float]:
    """A dashed mark at each flow that an objective speaks of; the limits drawn."""
    drawn: list[float] = []
    patterns: dict[str, tuple[int, tuple[float, ...]]] = {}
    for objective in objectives:
        if objective.what != "delay" or objective.kind not in ("quantile", "mean"):
            continue
        for row, flow in enumerate(flows):
            sides = flow.split(" (")[0].split("->")
            wanted = objective.flow or ("*", "*")
            if len(sides) == 2 and all(w in ("*", s) for w, s in zip(wanted, sides, strict=True)):
                name = f"p{100 * objective.probability:g}" if objective.probability else "mean"
                label = f"objective: {name} {objective.op} {objective.say(objective.limit)}"
                pattern = patterns.setdefault(label, DASHES[len(patterns) % len(DASHES)])
                if label in axes.get_legend_handles_labels()[1]:
                    label = "_again"
                axes.vlines(
                    objective.limit,
                    row - 0.36,
                    row + 0.36,
                    color=INK,
                    linestyle=pattern,
                    linewidth=1.8,
                    label=label,
                )
                drawn.append(objective.limit)
    return drawn
