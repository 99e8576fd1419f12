"""Pictures over the time of a run: how busy the servers are, and how much mail waits in their queues."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes

from coexsim.analysis.slo_text import Objective
from coexsim.experiment.results import Results
from coexsim.report.series import Curve, backlog_curves, minutes_of_bin, utilisation_curves
from coexsim.report.style import (
    DASHES,
    INK,
    LINES,
    RED,
    Picture,
    clock_axis,
    count_axis,
    new_picture,
    nothing_to_draw,
    share_axis,
    styled,
)
from coexsim.report.words import objectives_of, say_stage, say_window, start_of
from coexsim.scenario.model import Scenario
from coexsim.units import Moment

MATTERS = 0.02
"""A link that never uses more of its bandwidth than this is left out: it is not what a planner looks for."""


@styled
def plot_utilisation(results: Results, scenario: Scenario | None = None) -> Picture:
    """How busy each server is over the run: cores, threads and connections as shares of their limits, and the links.

    What has no limit cannot be busy by any share and is left out. With `scenario` its outages and its limits on
    utilisation are drawn. With replications the line is their mean, the band from the least to the most.
    """
    title = "How busy the servers are"
    curves = [c for c in utilisation_curves(results) if c.stage != "link" or c.peak > MATTERS]
    if not curves:
        return nothing_to_draw(
            title, "Nothing in this scenario has a limit that was in use: no server can be busy by any share."
        )
    curves.sort(key=lambda c: (c.stage == "link", c.server if c.stage != "link" else ""))
    if len(results.replications) > 1:  # bands would lie over each other
        panels = [(curve.server, [curve]) for curve in curves if curve.peak > MATTERS or len(curves) == 1]
    else:
        groups = groupby(curves, key=lambda c: "links" if c.stage == "link" else c.server)
        panels = [(name, list(group)) for name, group in groups]
    if not panels:
        return nothing_to_draw(title, f"Nothing was ever more than {100 * MATTERS:.0f} % in use.")
    height_in = 2.5 if len(results.replications) == 1 else 1.7
    below = _small_print(results, scenario, f"{_means(results)} of the share in use")
    picture = new_picture(1.6 + height_in * len(panels), title, below)
    stretch = minutes_of_bin(results)
    most = f"in {'1 minute' if stretch == 1 else f'{stretch} minutes'} at most{', mean of runs' if len(results.replications) > 1 else ''}"
    objectives = [o for o in objectives_of(scenario) if o.kind == "utilisation"]
    for axes, (name, group) in zip(_stacked(picture, len(panels)), panels, strict=True):
        group.sort(key=lambda c: -c.peak)
        axes.set_title("Links between sites" if name == "links" else name)
        _frame_time(axes, results, scenario)
        _draw(axes, group, results, lambda c: f"{_place(c)}:\n{100 * c.peak:.0f} % {most}")
        highest = max(float(c.values.max(initial=0)) for c in group)
        for objective in objectives:
            if any(c.server in objective.places and c.stage == objective.stage for c in group):
                highest = max(highest, _limit_line(axes, objective))
        share_axis(axes, highest)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02))
    return picture


@styled
def plot_backlog(results: Results, scenario: Scenario | None = None) -> Picture:
    """How many messages wait in each server's queue, deferred ones included."""
    title = "Mail that waits in the servers' queues"
    curves = backlog_curves(results, scenario)
    if not curves:
        return nothing_to_draw(title, "No mail waited in any queue at the end of any minute.")
    below = _small_print(results, scenario, f"{_ends_of_minutes(results)}, deferred mail included")
    panels = (
        [[curve] for curve in curves] if len(results.replications) > 1 else [curves]
    )  # bands would lie over each other
    picture = new_picture(4.8 if len(panels) == 1 else 1.4 + 1.6 * len(panels), title, below)
    highest = max(float(c.values.max()) for c in curves)
    queues = {role for curve in curves for role in curve.roles}
    limits = [
        o for o in objectives_of(scenario) if o.kind == "backlog" and o.server in queues and o.limit < 4 * highest
    ]
    top = max([highest, *(each.limit for each in limits)])
    for axes, group in zip(_stacked(picture, len(panels)), panels, strict=True):
        _frame_time(axes, results, scenario)
        _draw(axes, group, results, lambda c: f"{c.server}: {float(c.values.max()):,.0f} at most")
        roles = {role for curve in group for role in curve.roles}
        for number, objective in enumerate(each for each in limits if each.server in roles):
            _limit_line(axes, objective, DASHES[number % len(DASHES)])
        count_axis(axes, top)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02))
    picture.supylabel("messages in the queue", fontsize=10.5)
    return picture


def _stacked(picture: Picture, panels: int) -> list[Axes]:
    """Axes one above the other; the lowest has the clock's labels."""
    return list(picture.subplots(panels, 1, sharex=True, squeeze=False)[:, 0])


def _frame_time(axes: Axes, results: Results, scenario: Scenario | None) -> None:
    """The clock, the measured window, and the outages."""
    start = start_of(results, scenario)
    end_s = results.length_s if np.isfinite(results.length_s) else 60.0 * (int(results.timeline["minute"].max()) + 1)
    begin_s, last_s = results.window_s
    if begin_s > 0 or last_s < end_s:
        axes.axvspan(begin_s, min(last_s, end_s), color="#EAF2F8", zorder=0, label="_measured")
    for down_s, up_s, what in _outages(scenario, start, end_s):
        axes.axvspan(
            down_s,
            up_s,
            facecolor="#FBE3D6",
            edgecolor=RED,
            hatch="///",
            linewidth=0,
            zorder=0.5,
            label=f"{what} {'are' if ',' in what else 'is'} down",
        )
    clock_axis(axes, 0.0, end_s, start)


def _outages(scenario: Scenario | None, start: Moment, end_s: float) -> list[tuple[float, float, str]]:
    found = []
    for event in scenario.events if scenario else ():
        if event.failing and event.at is not None:
            down_s = event.at.after(start)
            found.append(
                (down_s, min(down_s + (end_s if event.for_ is None else event.for_), end_s), ",\n".join(event.failing))
            )
    return found


def _draw(axes: Axes, curves: list[Curve], results: Results, label: Callable[[Curve], str]) -> None:
    """Steps, since each value holds for its stretch of time; a band over replications."""
    width_s = 60.0 * minutes_of_bin(results)
    for i, curve in enumerate(curves):
        edges = np.append(curve.begin_s, min(curve.begin_s[-1] + width_s, results.length_s))
        colour = LINES[i % len(LINES)]
        axes.stairs(curve.mean, edges, baseline=None, color=colour, linewidth=1.7, label=label(curve))
        if len(curve.values) > 1:
            axes.stairs(
                curve.values.max(axis=0), edges, baseline=curve.values.min(axis=0), fill=True, color=colour, alpha=0.2
            )


def _limit_line(axes: Axes, objective: Objective, dashes: tuple[int, tuple[float, ...]] = (0, (5, 3))) -> float:
    axes.axhline(
        objective.limit,
        color=INK,
        linestyle=dashes,
        linewidth=1.3,
        label=f"objective{_of(objective)}: {objective.op} {objective.say(objective.limit)}{_over(objective)}",
    )
    return objective.limit


def _over(objective: Objective) -> str:
    """Of what a share is judged, which is not the minutes that are drawn."""
    if objective.kind != "utilisation":
        return ""
    return f",\n{'busiest hour' if objective.busiest_hour else 'mean of the measured window'}"


def _of(objective: Objective) -> str:
    return (
        f" for {say_stage(objective.stage)}"
        if objective.stage
        else f" for {objective.server}"
        if objective.server
        else ""
    )


def _place(curve: Curve) -> str:
    if curve.stage == "link":
        return curve.server
    return f"{say_stage(curve.stage)} ({curve.workers:,.0f})"


def _ends_of_minutes(results: Results) -> str:
    width = minutes_of_bin(results)
    return (
        "at the end of each minute" if width == 1 else f"the most at the end of any minute, for every {width} minutes"
    )


def _means(results: Results) -> str:
    width = minutes_of_bin(results)
    return f"means of {'1 minute' if width == 1 else f'{width} minutes'}"


def _small_print(results: Results, scenario: Scenario | None, what: str) -> str:
    """What the picture shows, which part was measured, and how many runs there are."""
    parts = [what[:1].upper() + what[1:]]
    if results.window_s[0] > 0 or results.window_s[1] < results.length_s:
        parts.append(f"shaded blue: the measured window, {say_window(results, start_of(results, scenario))}")
    runs = len(results.replications)
    parts.append(f"mean of {runs} replications, band from least to most" if runs > 1 else "one run")
    return "; ".join(parts) + "."
