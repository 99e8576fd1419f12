"""Is the measured window long enough for what the figure remembers of a moment before: else no interval can be trusted.

What is asked is how many independent stretches a window holds, by the autocorrelation seen. That of the values themselves is seen
from the same few peaks that make the estimate: a run without peaks seems to forget fast, and has too low a mean. Of ranks within
each run neither the level nor the height of the peaks is left, so the answer depends far less on the luck of the figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from coexsim.analysis.slo_mail import Sample
from coexsim.analysis.slo_text import Objective
from coexsim.stats import memory_bins, own_ranks

LONG_ENOUGH = 32.0
"""A window must hold so many independent stretches of it, by ranks. Of 1000 times 6 replications of M/M/1 with 90 % load the middle
96 % hold 13 to 32 in 60 minutes, where intervals held the mean in 91 %, and 32 to 70 in 170 minutes, where in 94 %. With the
threshold, and two other seeds of 200 repetitions, 2 % are told in 60 minutes and 98 to 100 % in 170: `tests/analysis/coverage_study.py`."""
LONG_ENOUGH_BUSY = 8.0
"""The same for a utilisation, which has ends on both sides and so no long tail: 90 % load in 30 minutes holds 10 to 23."""
LONG_ENOUGH_ALONE = 40.0
"""The same for one run alone, where the spread between replications does not help, and a quarter's own mean is taken for pattern: at
M/M/1 with 90 % load 15 to 50 in 60 minutes, 30 to 104 in 170."""
MOST_OF_PARTS = 2 / 3
"""Of 30 minutes, no memory shorter than one and a half of them can be told from none."""
PIECES = 4


def too_short(objective: Objective, samples: Sequence[Sample]) -> str:
    """Why the window is too short to tell, in words; empty if it is not, or nobody can tell."""
    if not (objective.kind in ("mean", "quantile") or (objective.kind == "utilisation" and not objective.busiest_hour)):
        return ""
    if len(samples) == 1 and samples[0].eventful:
        return ""
    held = stretches(samples)
    wanted = LONG_ENOUGH_BUSY if objective.kind == "utilisation" else LONG_ENOUGH
    if len(samples) == 1:
        wanted = LONG_ENOUGH_ALONE
    parts = len(samples[0].series.top) if samples and samples[0].series else 0
    wanted = min(wanted, MOST_OF_PARTS * parts)
    if held >= wanted:
        return ""
    runs = "" if len(samples) > 1 else " of one run; several tell with less"
    return (
        f"the window is too short: what waits now depends on what waited before, so it holds only "
        f"{held:.0f} independent stretches, and {wanted:.0f} are needed{runs}"
    )


def stretches(samples: Sequence[Sample]) -> float:
    """How many independent stretches the window of one run holds, by the autocorrelation of ranks seen in all of them."""
    kept = [sample.series for sample in samples if sample.series is not None]
    if len(kept) < len(samples) or not kept or len({len(series.top) for series in kept}) > 1:
        return inf
    top, bottom = (np.array([series[i] for series in kept]) for i in range(2))
    if not bottom.sum() > 0:
        return inf
    rest = top - top.sum() / bottom.sum() * bottom
    return float(rest.shape[1] / memory_bins(_without_pattern(own_ranks(rest))))


def _without_pattern(rest: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left without what all replications have in common, such as the course of a day.

    One run alone tells no pattern from chance: there it is what the quarters of its window differ in.
    """
    runs = len(rest)
    if runs > 1:
        chance: NDArray[np.float64] = (rest - rest.mean(axis=0)) * sqrt(runs / (runs - 1))
        return chance
    pieces = [piece - piece.mean(axis=1, keepdims=True) for piece in np.array_split(rest, PIECES, axis=1)]
    return np.concatenate(pieces, axis=1)
