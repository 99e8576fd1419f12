"""When the queues are back to normal after an outage: the 15-minute mean at the level that is usual at that hour.

What is usual is known best from the same mail without the outage. A log has no such run: there it is read from the time before.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MEAN_MINUTES = 15
HOUR = 60
DAY = 24 * HOUR
STEADY, LOW = 0.8, 0.1
"""A queue rests where 15 minutes bring it down by no more than a fifth, at a tenth of its peak at the most; above that it is lifted."""
FLAT, HALF = 1 / 40, 0.5
"""It rests as well where, over the later half of what is seen, it changes by no more than this share of its lift, at half its peak."""
NEAR = 0.01
"""A queue is back where no more than this share of its peak is left above the usual level, or no more than chance."""
SPREAD = 3.0
"""Chance: so many times the spread of a count (Poisson), of its mean over so many minutes."""


def minutes_to_drain(
    backlog: Floats, outages: Sequence[tuple[int, int]], which: int, undisturbed: Floats | None = None
) -> float:
    """Minutes after the end of outage `which` until the queue is back to normal, and infinite if that is not seen.

    `backlog` has the messages at the end of each minute of the run, `outages` the minutes [from, to) of all outages. It is
    normal from the minute on from which its mean over 15 minutes is no more than usual: no more than the highest mean of
    `undisturbed`, the same queue without any outage, from half an hour before to half an hour after; where there is no such
    run, than what the time before the outage tells. Beside `undisturbed` a queue that was normal and is lifted anew, by what others
    kept and try again, is not back until that is gone too; without it one cannot tell this from the hour's own mail.
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
    if undisturbed is None:
        rest = backlog[max(end for _, end in outages) :]  # after all outages
        usual = _usual(backlog, outages, first, back, _level_after(backlog, first, back, rest))
    else:
        usual = _highest_around(_means(undisturbed), max(back - 1, 0), len(smooth))
    peak = float(backlog[first:].max(initial=0.0))
    near = np.maximum(NEAR * np.maximum(peak - usual, 0.0), _chance(usual, MEAN_MINUTES))
    calm = np.flatnonzero(smooth <= usual + near)
    if undisturbed is not None:
        lifted = np.flatnonzero((smooth > usual + near + LOW * np.maximum(peak - usual, 0.0))[: max(again - back, 0)])
        calm = calm[calm > lifted[-1]] if len(lifted) else calm
    return float(calm[0]) if len(calm) else inf


def _chance(level: Floats | float, minutes: int) -> Floats:
    """What chance adds at the most to the mean of a queue of this level over so many minutes; of an empty one, as if it held one."""
    return np.asarray(SPREAD * np.sqrt((np.asarray(level) + 1.0) / minutes), dtype=np.float64)


def _means(series: Floats) -> Floats:
    """The mean of each minute and the next 14; of those there are at the end."""
    sums = np.concatenate(([0.0], np.cumsum(series)))
    ends = np.minimum(np.arange(len(series)) + MEAN_MINUTES, len(series))
    means: Floats = (sums[ends] - sums[:-1]) / (ends - np.arange(len(series)))
    return means


def _highest_around(means: Floats, start: int, count: int) -> Floats:
    """The highest of `means` within half an hour of each of `count` minutes from `start` on."""
    half = HOUR // 2
    return np.array(
        [means[max(minute - half, 0) : minute + half].max(initial=0.0) for minute in range(start, start + count)]
    )


def _usual(backlog: Floats, outages: Sequence[tuple[int, int]], first: int, back: int, after: float) -> Floats:
    """The highest usual 15-minute mean at each minute from the return on.

    Of the same hour on days before the first outage, if the run has such; else of the hour before this outage (or before
    an earlier one that began within that hour: its backlog is not the usual); else, where the run begins with the
    outage or shortly before, the level `after` it.
    """
    hour = backlog[slice(*hour_before(outages, first))]
    quiet = min((begin for begin, _ in outages), default=first)
    start = max(back - 1, 0)
    usual = np.full(len(backlog) - start, np.nan)
    history = _means(backlog[:quiet]) if quiet else np.empty(0)
    for at in range(len(usual)):
        same = [
            history[max(minute - HOUR // 2, 0) : minute + HOUR // 2]
            for minute in range((start + at) % DAY, len(history), DAY)
        ]
        usual[at] = max((float(part.max()) for part in same if len(part) >= MEAN_MINUTES), default=np.nan)
    if len(hour) < MEAN_MINUTES:
        return np.where(np.isnan(usual), after, usual)
    level = float(_means(hour)[: -MEAN_MINUTES + 1].max())
    return np.where(np.isnan(usual), level, np.maximum(usual, level))


def hour_before(outages: Sequence[tuple[int, int]], first: int) -> tuple[int, int]:
    """The minutes of the hour before an outage that begins at `first`; before an earlier one that began within that hour."""
    before = first
    while earlier := [begin for begin, _ in outages if before - HOUR < begin < before]:
        before = min(earlier)
    return max(before - HOUR, 0), before


def _level_after(backlog: Floats, first: int, back: int, rest: Floats) -> float:
    """The usual level of a queue of which too little was seen before the outage: the highest 15-minute mean after all outages.

    Only of a queue that the outage did not lift (then its peak), or that was lifted and came to rest. Else nothing: it still
    falls, or may wait for another try.
    """
    if len(rest) < 2 * MEAN_MINUTES:
        return 0.0
    later = rest[len(rest) // 2 :]
    early, late = (float(part.mean()) for part in np.array_split(later, 2))
    peak = float(backlog[first:].max())
    change = abs(late - early)
    if change <= _chance(early, len(later) // 2) and _is_not_lifted(backlog[first:back], peak, later):
        return peak
    if change <= FLAT * (peak - late) and late <= HALF * peak:
        return float(_means(later)[: -MEAN_MINUTES + 1].max())
    last, before = rest[-MEAN_MINUTES:], rest[-2 * MEAN_MINUTES : -MEAN_MINUTES]
    if last.mean() >= STEADY * before.mean() and last.max() <= LOW * peak:
        return float(last.mean())
    return 0.0


def _is_not_lifted(during: Floats, peak: float, later: Floats) -> bool:
    """Was a queue in the first half of the outage as long as it is later, and never longer than chance makes it."""
    half = during[: max(len(during) // 2, 1)]
    level, most = float(half.mean()) if len(half) else 0.0, float(later.max())
    return bool(later.mean() <= level + _chance(level, max(len(half), 1)) and peak <= most + _chance(most, 1))
