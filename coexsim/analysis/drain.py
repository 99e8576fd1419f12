"""When the queues are back to normal after an outage: the 15-minute mean at its usual level for that hour of the day."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MEAN_MINUTES = 15
HOUR = 60
DAY = 24 * HOUR
STEADY, LOW = 0.8, 0.1
"""A queue rests where 15 minutes bring it down by no more than a fifth, at a tenth of its peak at the most."""
NEAR = 0.01
"""A queue is back where no more than this share of its peak is left above the usual level."""


def minutes_to_drain(backlog: Floats, outages: Sequence[tuple[int, int]], which: int) -> float:
    """Minutes after the end of outage `which` until the queue is back to normal, and infinite if that is not seen.

    `backlog` has the messages at the end of each minute of the run, `outages` the minutes [from, to) of all outages. It is
    normal from the minute on from which its mean over 15 minutes is no more than usual.
    """
    first, back = outages[which]
    after = backlog[max(back - 1, 0) :]  # entry m is the end of minute m
    again = min((begin for begin, _ in outages if begin >= back), default=len(backlog))
    if not len(after):
        return inf
    smooth = _means(after)
    smooth[: max(again - back, 0)] = _means(
        after[: max(again - back, 0)]
    )  # the next outage's backlog is not this one's
    usual = _usual(backlog, outages, first, back, smooth)
    peak = float(backlog[first:].max(initial=0.0))
    calm = np.flatnonzero(smooth <= usual + NEAR * np.maximum(peak - usual, 0.0))
    return float(calm[0]) if len(calm) else inf


def _means(series: Floats) -> Floats:
    """The mean of each minute and the next 14; of those there are at the end."""
    sums = np.concatenate(([0.0], np.cumsum(series)))
    ends = np.minimum(np.arange(len(series)) + MEAN_MINUTES, len(series))
    means: Floats = (sums[ends] - sums[:-1]) / (ends - np.arange(len(series)))
    return means


def _usual(backlog: Floats, outages: Sequence[tuple[int, int]], first: int, back: int, smooth: Floats) -> Floats:
    """The highest usual 15-minute mean at each minute from the return on.

    Of the same hour on days before the first outage, if the run has such; else of the hour before this outage (or before
    an earlier one that began within that hour: its backlog is not the usual); else, where the run begins with the
    outage or shortly before, the level at which the queue comes to rest by the end of the run, if the outage lifted it at all.
    """
    before = first
    while earlier := [begin for begin, _ in outages if before - HOUR < begin < before]:
        before = min(earlier)
    quiet = min((begin for begin, _ in outages), default=first)
    usual = np.full(len(smooth), np.nan)
    history = _means(backlog[:quiet]) if quiet else np.empty(0)
    start = max(back - 1, 0)
    for at in range(len(smooth)):
        same = [
            history[max(minute - HOUR // 2, 0) : minute + HOUR // 2]
            for minute in range((start + at) % DAY, len(history), DAY)
        ]
        usual[at] = max((float(part.max()) for part in same if len(part) >= MEAN_MINUTES), default=np.nan)
    hour = backlog[max(before - HOUR, 0) : before]
    known = len(hour) >= MEAN_MINUTES
    level = inf
    if known:
        level = float(_means(hour)[: -MEAN_MINUTES + 1].max())
    elif _is_lifted(hour, backlog[first:]):
        level = _resting(smooth)
    return np.where(np.isnan(usual), level, np.maximum(usual, level) if known else usual)


def _is_lifted(short: Floats, since: Floats) -> bool:
    """Is a queue longer since the outage began than chance makes it, by the few minutes seen before; without any, it is taken for so.

    Chance: the most seen before, and three times the spread of a count of that size.
    """
    if not len(short):
        return True
    most = float(short.max())
    return float(since.max(initial=0.0)) > most + 3 * sqrt(most)


def _resting(smooth: Floats) -> float:
    """The highest mean of the last 15 minutes, if the queue rests there; else nothing: it still falls, or is still long."""
    if len(smooth) < 2 * MEAN_MINUTES:
        return 0.0
    last, before = smooth[-MEAN_MINUTES:], smooth[-2 * MEAN_MINUTES : -MEAN_MINUTES]
    rests = last.mean() >= STEADY * before.mean() and last.max() <= LOW * smooth.max()
    return float(last.max()) if rests else 0.0
