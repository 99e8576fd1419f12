"""Work as a function of the size of mail, by its first two moments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from coexsim.scenario.base import Work


class Moments(NamedTuple):
    """Mean and second moment of a time [s] or a size [bytes]."""

    mean_s: float = 0.0
    square_s2: float = 0.0

    @property
    def cv2(self) -> float:
        """Squared coefficient of variation."""
        return max(self.square_s2 / self.mean_s**2 - 1, 0.0) if self.mean_s else 0.0


class SizedWork(NamedTuple):
    """Work as a function of the size of mail: ``fixed_s + per_byte * size`` in the mean, and how far it varies about that."""

    fixed_s: float
    per_byte: float
    variance_s2: tuple[float, float, float]
    """What does not depend on the size, what goes with its mean, and with its second moment."""

    def on(self, size: Moments) -> Moments:
        """The moments of the work on mail of these sizes."""
        mean_s, square_s2 = size.mean_s, size.square_s2
        total_s = self.fixed_s + self.per_byte * mean_s
        square = self.fixed_s**2 + 2 * self.fixed_s * self.per_byte * mean_s + self.per_byte**2 * square_s2
        fixed, by_mean, by_square = self.variance_s2
        return Moments(total_s, square + fixed + by_mean * mean_s + by_square * square_s2)


def work_of(works: Iterable[Work]) -> SizedWork:
    """Several kinds of work, one after another."""
    fixed_s = per_byte = 0.0
    fixed = by_mean = by_square = 0.0
    for work in works:
        slow_s, slow_s2 = _slow(work)
        own_s, own_per_byte, cv2 = work.mean_law_s, work.per_MB / 1e6, _law_cv2(work)
        fixed += cv2 * own_s**2 + slow_s2 - slow_s**2
        if work.law != "empirical":  # the others vary as their mean does
            by_mean += cv2 * 2 * own_s * own_per_byte
            by_square += cv2 * own_per_byte**2
        fixed_s += own_s + slow_s
        per_byte += own_per_byte
    return SizedWork(fixed_s, per_byte, (fixed, by_mean, by_square))


def _law_cv2(work: Work) -> float:
    if work.law == "empirical":
        weights = np.array(work.weights or (1.0,) * len(work.values))
        values = np.array(work.values)
        mean = float(np.average(values, weights=weights))
        return float(np.average((values - mean) ** 2, weights=weights)) / mean**2 if mean else 0.0
    return {"constant": 0.0, "exponential": 1.0}.get(work.law, work.cv**2)


def _slow(work: Work) -> tuple[float, float]:
    """Mean and second moment of the rare slow part."""
    if not work.slow:
        return 0.0, 0.0
    a, b, share = work.slow.shortest, work.slow.longest, work.slow.share
    return share * (a + b) / 2, share * (a * a + a * b + b * b) / 3
