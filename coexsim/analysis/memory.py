"""Is the measured window long enough for what the figure remembers of a moment before: else no interval can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from coexsim.analysis.slo_mail import Sample
from coexsim.analysis.slo_text import Objective
from coexsim.stats import memory_bins

LONG_ENOUGH = 20.0
"""A window must hold so many independent stretches of it: at M/M/1 with 90 % load and 30 minutes it holds 5 to 9, and
intervals over 6 replications hold the true mean and p95 in 86 % of the cases; with 170 minutes 27, and they do in 94 and 92 %."""
LONG_ENOUGH_BUSY = 8.0
"""The same for a utilisation, which has ends on both sides and so no long tail: 15 stretches held it in 95 %."""
LONG_ENOUGH_ALONE = 30.0
"""The same for one run alone, where the spread between replications does not help."""
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
    wanted = min(wanted, parts / 2)  # of 30 minutes, no memory shorter than two of them can be told from none
    if held >= wanted:
        return ""
    runs = "" if len(samples) > 1 else " of one run; several tell with less"
    return (
        f"the window is too short: what waits now depends on what waited before, so it holds only "
        f"{held:.0f} independent stretches, and {wanted:.0f} are needed{runs}"
    )


def stretches(samples: Sequence[Sample]) -> float:
    """How many independent stretches the window of one run holds, by the autocorrelation seen in all of them."""
    kept = [sample.series for sample in samples if sample.series is not None]
    if len(kept) < len(samples) or not kept or len({len(series.top) for series in kept}) > 1:
        return inf
    top, bottom = (np.array([series[i] for series in kept]) for i in range(2))
    if not bottom.sum() > 0:
        return inf
    rest = top - top.sum() / bottom.sum() * bottom
    return float(rest.shape[1] / memory_bins(_without_pattern(rest)))


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
