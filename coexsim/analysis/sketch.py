"""The distribution of many values in few: what is kept of each replication's delays, so that they can be pooled."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim.stats import Interval, pooled_share_half

Floats = NDArray[np.float64]
CELLS = 4096
"""Up to so many different values are kept as they are; more become as many cells of probability, narrow at both ends."""


class Sketch(NamedTuple):
    """Values in ascending order, and the weight of all values up to each."""

    values: tuple[float, ...]
    reached: tuple[float, ...]

    @property
    def weight(self) -> float:
        """The weight of all values."""
        return self.reached[-1] if self.reached else 0.0

    def up_to(self, value: float) -> float:
        """The weight of values that do not exceed `value`."""
        place = int(np.searchsorted(self.values, value, side="right"))
        return self.reached[place - 1] if place else 0.0

    @property
    def finite(self) -> float:
        """The weight of what is not infinite."""
        place = int(np.searchsorted(self.values, inf))
        return self.reached[place - 1] if place else 0.0


def ordered(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The values in ascending order, and the weight of all up to each."""
    order = np.argsort(values)  # equal values may stand in any order: they share the weight up to the last of them
    return values[order], np.cumsum(weights[order])


def sketch(numbers: Floats, reached: Floats) -> Sketch:
    """Of values that are `ordered`: exact for up to `CELLS` different ones; else each cell of probability is told by its largest value."""
    last = np.flatnonzero(np.append(numbers[1:] != numbers[:-1], True)) if len(numbers) else np.empty(0, np.int64)
    numbers, reached = numbers[last], reached[last]
    if len(numbers) > CELLS:
        edges = 1 / (1 + np.exp(-np.linspace(-16, 16, CELLS)))  # at p95 0.04 % apart, at p99.9 0.001 %
        at = np.unique(np.searchsorted(reached, edges * reached[-1]))
        at = np.unique(np.append(np.minimum(at, len(reached) - 1), len(reached) - 1))
        numbers, reached = numbers[at], reached[at]
    return Sketch(tuple(numbers.tolist()), tuple(reached.tolist()))


def pool(parts: Sequence[Sketch]) -> Sketch:
    """All values together."""
    values = np.concatenate([part.values for part in parts]) if parts else np.empty(0)
    weights = np.concatenate([np.diff(part.reached, prepend=0.0) for part in parts]) if parts else np.empty(0)
    order = np.argsort(values, kind="stable")
    return Sketch(tuple(values[order].tolist()), tuple(np.cumsum(weights[order]).tolist()))


def quantile(of: Sketch, probability: float) -> float:
    """The least value that at least this share of the weight does not exceed; NaN of nothing."""
    if not of.values:
        return nan
    place = int(np.searchsorted(of.reached, probability * of.weight * (1 - 1e-12)))
    return of.values[min(place, len(of.values) - 1)]


def pooled_quantile(parts: Sequence[Sketch], probability: float, level: float = 0.95) -> tuple[float, Interval]:
    """The quantile of all values of all replications, and an interval for it.

    The share of each replication's values up to the pooled quantile is a mean, of which Student's interval is known; its
    ends, moved to `probability`, are read off as values (Woodruff, "Confidence intervals for medians and other position
    measures", JASA 47, 1952; `pooled_share_half`). An end beyond the values is infinite. Each replication's own
    quantile is biased where its window is short, and so is their mean: at M/M/1 with 90 % load over 30 minutes that one's
    interval holds the true p95 in 79 % of the cases, this one in 92 %.
    """
    together = pool(parts)
    value = quantile(together, probability)
    totals = [part.weight for part in parts]
    below = [min(part.up_to(value), part.finite) for part in parts]  # at infinity the share that is not tells
    half = pooled_share_half(below, totals, probability, level)
    return value, around(together, probability, half, level)


def around(of: Sketch, probability: float, half: float, level: float = 0.95) -> Interval:
    """The values at `probability` +- `half`."""
    if not isfinite(half):
        return Interval(nan, nan, level)
    low, high = probability - half, probability + half
    return Interval(quantile(of, low) if low > 0 else -inf, quantile(of, high) if high < 1 else inf, level)
