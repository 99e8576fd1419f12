"""The picture of a sizing answer: each objective's figure over the size of the machine, with how sure we are."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import isfinite
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from coexsim.answers import CANNOT_SAY, MET, MISSED
from coexsim.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    RED,
    Picture,
    duration_axis,
    new_picture,
    nothing_to_draw,
    styled,
)
from coexsim.units import say_bytes, say_duration

ANSWERS = ((MET, "o", GREEN), (MISSED, "X", RED), (CANNOT_SAY, "s", ORANGE))
MOST_NAMES = 16
NEAR = 4.0
"""Theory is in the picture up to so many times the limit."""
LETTERS_ACROSS = 84
"""So many letters of a tick's size stand beside each other along the axis, gaps left out."""

SAY: dict[str, Callable[[float], str]] = {
    "s": say_duration,
    "bytes": say_bytes,
    "share": lambda value: f"{100 * value:.3g} %",
    "count": lambda value: f"{value:,.0f}",
}


@styled
def plot_sizing_curve(
    frame: pd.DataFrame, title: str = "How big is big enough", size_label: str = "processor cores"
) -> Picture:
    """Each objective's figure over the size, its interval as a band, theory dashed, the limit as a line.

    `frame` is what a sizing gives (`Sizing.table`): one row for each machine and objective.

    ==============  =========================================================================
    candidate       name of the machine; they are drawn in the order of the rows
    objective       its text; one panel each
    estimate        the figure that the simulation gave, in base units; NaN if not simulated
    low, high       ends of its interval; NaN where it is not known
    limit           of the objective
    answer          ``met``, ``missed`` or ``cannot say``; empty if not simulated
    theory          what the formulas say; the column may be missing, its values NaN
    size            what the machines are ranked by, such as cores; then the axis is to scale
    ==============  =========================================================================
    """
    if frame.empty:
        return nothing_to_draw(title, "No machine was tried.")
    places = (
        {name: place for place, name in enumerate(dict.fromkeys(frame["candidate"]))} if "size" not in frame else {}
    )
    drawn = frame.assign(size=frame["candidate"].map(places)) if places else frame
    objectives = list(dict.fromkeys(drawn["objective"]))
    picture = new_picture(1.5 + 2.3 * len(objectives), title)
    panels = picture.subplots(len(objectives), 1, sharex=True, squeeze=False)[:, 0]
    for axes, objective in zip(panels, objectives, strict=True):
        _panel(axes, drawn[drawn["objective"] == objective].sort_values("size"), str(objective))
    if places:
        panels[-1].set_xticks(*_ticks(list(places)))
    else:
        _size_axis(panels[-1], drawn, size_label)
    handles = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    panels[0].legend(handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1.0, 1.02))
    return picture


def _ticks(names: list[str]) -> tuple[list[int], list[str]]:
    """Where the names of machines stand, and how: broken into lines that do not meet, and not all of many."""
    shown = list(range(0, len(names), len(names) // (MOST_NAMES + 1) + 1))
    width = max(LETTERS_ACROSS // max(len(shown), 2), 5)
    parts = [names[place].split(", ") for place in shown]
    return shown, ["\n".join(fill(part, width, break_on_hyphens=False) for part in each) for each in parts]


def _panel(axes: Axes, rows: pd.DataFrame, objective: str) -> None:
    """One objective: band, line, answers, theory, limit."""
    size = rows["size"].to_numpy(dtype=float)
    estimate = rows["estimate"].to_numpy(dtype=float)
    low, high = (rows[name].fillna(rows["estimate"]).to_numpy(dtype=float) for name in ("low", "high"))
    finite = np.isfinite(estimate)
    ends = finite & np.isfinite(high)
    top = np.where(np.isfinite(high), high, estimate)
    some = bool((ends & (top > low)).any())  # without one there is no interval to see, and the legend tells of none
    axes.fill_between(size, low, top, color=BLUE, alpha=0.2, linewidth=0, label="95 % interval" if some else None)
    axes.vlines(
        size[ends], low[ends], high[ends], color=BLUE, alpha=0.5, linewidth=3
    )  # a band of one machine has no width
    axes.plot(size[finite], estimate[finite], color=BLUE, linewidth=1.8, label="simulation")
    for answer, marker, colour in ANSWERS:
        here = (rows["answer"] == answer).to_numpy() & finite
        if here.any():
            axes.plot(
                size[here],
                estimate[here],
                linestyle="none",
                marker=marker,
                color=colour,
                markersize=8.5,
                label=answer,
                zorder=4,
            )
    if "theory" in rows and rows["theory"].notna().any():
        axes.plot(size, rows["theory"], color=INK, linestyle=(0, (2, 1.5)), linewidth=1.6, label="theory")
    for begin, end in _changes(rows):
        axes.axvspan(begin, end, color=ORANGE, alpha=0.16, linewidth=0, label="the answer\nchanges here", zorder=0)
    limit = float(rows["limit"].iloc[0])
    axes.axhline(limit, color=GREY, linestyle=(0, (6, 3)), linewidth=1.4, label="limit")
    axes.set_title(objective)
    theory = rows["theory"].to_numpy(dtype=float) if "theory" in rows else np.array([])
    near = theory[theory < NEAR * limit]  # what theory rules out by far leaves no room for the rest
    _value_axis(axes, np.concatenate([estimate, low, high, [limit], near]), _unit(objective))


def _changes(rows: pd.DataFrame) -> list[tuple[float, float]]:
    """Between which sizes the answer changes from met to missed, or back; what we cannot say of lies between."""
    known = rows[rows["answer"].isin((MET, MISSED))]
    pairs = list(zip(known["size"].astype(float), known["answer"], strict=True))
    return [(one, other) for (one, a), (other, b) in pairwise(pairs) if a != b]


def is_shaded(frame: pd.DataFrame) -> bool:
    """Does `plot_sizing_curve` shade anything: is there an objective whose answer changes from one size to the next."""
    places = {name: place for place, name in enumerate(dict.fromkeys(frame["candidate"]))}
    drawn = frame if "size" in frame else frame.assign(size=frame["candidate"].map(places))
    return any(_changes(rows.sort_values("size")) for _, rows in drawn.groupby("objective"))


def _unit(objective: str) -> str:
    """What an objective is measured in, by its first words."""
    if objective.startswith(("utilisation", "share")):
        return "share"
    if objective.startswith("queue_disk"):
        return "bytes"
    return "s" if "delay" in objective or "wait" in objective or objective.startswith("drain") else "count"


def _value_axis(axes: Axes, values: np.ndarray[tuple[int], np.dtype[np.float64]], unit: str) -> None:
    """Times and numbers that span decades on a logarithmic axis; shares from nothing to all."""
    say = SAY.get(unit, SAY["count"])
    known = values[np.isfinite(values)]
    above = known[known > 0]
    if unit == "share" or not len(above) or above.max() / above.min() < 20:
        highest = 1.15 * float(known.max(initial=1e-9))
        axes.set_ylim(0, min(highest, 1.02) if unit == "share" else highest)
    elif unit == "s":
        duration_axis(axes.yaxis, float(above.min()) / 1.8, float(above.max()) * 1.8, most=6)
        return
    else:
        axes.set_yscale("log")
        axes.set_ylim(float(above.min()) / 1.8, float(above.max()) * 1.8)
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: say(float(f"{value:.6g}"))))


def _size_axis(axes: Axes, frame: pd.DataFrame, label: str) -> None:
    """A tick at every size that was tried, if there is room, else where they are far enough apart."""
    sizes = sorted(set(map(float, frame["size"])))
    wide = len(sizes) > 1 and sizes[0] > 0 and sizes[-1] / sizes[0] > 6
    if wide:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(sizes if len(sizes) <= 16 else sizes[:: len(sizes) // 12 + 1])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if isfinite(value) else ""))
    axes.set_xlabel(label)
