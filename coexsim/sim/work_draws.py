"""Random work, by inverse transform from numbers keyed by mail and stage: the same mail has the same work in every alternative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coexsim.rng import draw_key, uniforms_at
from coexsim.scenario.base import Work

Floats = NDArray[np.float64]


class WorkDraws:
    """Draws the work of one stage of one server."""

    __slots__ = ("_law", "_second", "_slow", "_slow_length", "_sigma", "_work")

    def __init__(self, work: Work, seed: int, replication: int, purpose: str) -> None:
        self._work = work
        self._law, self._second, self._slow, self._slow_length = (
            draw_key(seed, replication, f"{purpose}/{what}") for what in ("law", "second", "slow", "slow length")
        )
        self._sigma = float(np.sqrt(np.log1p(work.cv**2)))

    def block(self, first: int, count: int, size_bytes: NDArray[np.int64]) -> Floats:
        """The work on `count` mails from number `first` on [s]."""
        return self._draw(np.arange(first, first + count), 0, size_bytes)

    def one(self, mail: int, attempt: int, size_bytes: int) -> float:
        """The work on one mail [s]; with attempt 0 bit for bit what `block` gives."""
        return float(self._draw(np.array([mail]), attempt, np.array([size_bytes]))[0])

    def _draw(self, mails: NDArray[np.int64], attempt: int, size_bytes: NDArray[np.int64]) -> Floats:
        work = self._work
        drawn = (work.mean_law_s + work.per_MB * (size_bytes / 1e6)) * self._factor(mails, attempt)
        if work.slow is not None:
            late = uniforms_at(self._slow, mails, attempt) < work.slow.share
            length = work.slow.shortest + (work.slow.longest - work.slow.shortest) * uniforms_at(self._slow_length, mails, attempt)
            drawn = drawn + np.where(late, length, 0.0)
        return drawn

    def _factor(self, mails: NDArray[np.int64], attempt: int) -> Floats:
        """Numbers with mean 1 and the shape of the law."""
        work = self._work
        if work.law == "constant":
            return np.ones(len(mails))
        u = uniforms_at(self._law, mails, attempt)
        if work.law == "exponential":
            return -np.log1p(-u)
        if work.law == "lognormal":
            v = uniforms_at(self._second, mails, attempt)
            normal = np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)  # Box and Muller 1958
            return np.exp(self._sigma * normal - self._sigma**2 / 2)
        if work.law == "gamma":
            from scipy.special import gammaincinv

            factor: Floats = gammaincinv(1 / work.cv**2, u) * work.cv**2
            return factor
        weights = np.array(work.weights or (1.0,) * len(work.values))
        cdf = np.cumsum(weights) / weights.sum()
        values = np.array(work.values)[np.minimum(np.searchsorted(cdf, u, side="right"), len(cdf) - 1)]
        return values / work.mean_law_s if work.mean_law_s else values
