"""How long a piece of work takes: a law's quantile at a number keyed by (mail, stage, repeat), not by the order of events."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexsim.rng import draw_key, uniform_at, uniforms_at
from coexsim.scenario.base import Work

Floats = NDArray[np.float64]


class WorkDraws:
    """The draws of one kind of work; `purpose` names server and stage, as ``onprem/scan``.

    `one` gives the very bits that `block` gives: both ask the same numpy functions.
    """

    __slots__ = (
        "_factor",
        "_fixed_s",
        "_key",
        "_longer_s",
        "_per_mb_s",
        "_shortest_s",
        "_slow_key",
        "_slow_share",
        "_values_s",
    )

    def __init__(self, work: Work, seed: int, replication: int, purpose: str) -> None:
        self._key = draw_key(seed, replication, purpose)
        self._fixed_s = work.fixed
        self._per_mb_s = work.per_MB
        self._factor = _factor(work)
        self._values_s = _Values(work) if work.law == "empirical" else None
        slow = work.slow
        self._slow_key = draw_key(seed, replication, f"{purpose}/slow")
        self._slow_share = slow.share if slow else 0.0
        self._shortest_s = slow.shortest if slow else 0.0
        self._longer_s = slow.longest - slow.shortest if slow else 0.0

    def block(self, first: int, n: int, size_bytes: NDArray[np.int64], repeat: int = 0) -> Floats:
        """The work on mails `first`, `first` + 1, ... of these sizes, drawn for the `repeat`-th time after the first [s]."""
        mails = np.arange(first, first + n) if self._factor or self._values_s or self._slow_share else None
        work_s: Any
        if self._values_s is not None:
            assert mails is not None
            work_s = self._values_s.of(uniforms_at(self._key, mails, repeat))
            if self._per_mb_s:
                work_s = work_s + self._per_mb_s * size_bytes / 1e6
        else:
            work_s = self._fixed_s + self._per_mb_s * size_bytes / 1e6 if self._per_mb_s else self._fixed_s
            if self._factor is not None:
                assert mails is not None
                work_s = work_s * self._factor(uniforms_at(self._key, mails, repeat))
        if self._slow_share:
            assert mails is not None
            u = uniforms_at(self._slow_key, mails, repeat)
            work_s = work_s + np.where(
                u < self._slow_share, self._shortest_s + self._longer_s * (u / self._slow_share), 0.0
            )
        return work_s if isinstance(work_s, np.ndarray) else np.full(n, work_s)

    def one(self, mail: int, repeat: int, size_bytes: int) -> float:
        """The work on one mail, as `block` has it [s]."""
        if self._values_s is not None:
            work_s = self._values_s.at(uniform_at(self._key, mail, repeat))
            if self._per_mb_s:
                work_s += self._per_mb_s * size_bytes / 1e6
        else:
            work_s = self._fixed_s + self._per_mb_s * size_bytes / 1e6 if self._per_mb_s else self._fixed_s
            if self._factor is not None:
                work_s *= float(self._factor(uniform_at(self._key, mail, repeat)))
        if self._slow_share:
            u = uniform_at(self._slow_key, mail, repeat)
            if u < self._slow_share:
                work_s += self._shortest_s + self._longer_s * (u / self._slow_share)
        return work_s


def _factor(work: Work) -> Callable[[Any], Any] | None:
    """The quantile of a law of mean 1, for a float or an array; None: always 1."""
    if work.law == "exponential":
        return lambda u: -np.log1p(-u)
    if work.law == "hyperexponential":
        return _hyperexponential(work.cv)
    if work.law == "gamma":
        from scipy.special import gammaincinv

        shape = 1 / work.cv**2
        return lambda u: gammaincinv(shape, u) / shape
    if work.law == "lognormal":
        from scipy.special import ndtri

        variance = math.log1p(work.cv**2)
        sigma, shift = math.sqrt(variance), variance / 2
        return lambda u: np.exp(sigma * ndtri(u) - shift)
    return None


def _hyperexponential(cv: float) -> Callable[[Any], Any]:
    """Two exponential phases of mean 1 together, with balanced means: each brings half of the work (Allen 1990, 3.2.9).

    One number decides both: the phase by where it falls, the time by where it falls within the phase.
    """
    first = (1 + math.sqrt((cv**2 - 1) / (cv**2 + 1))) / 2

    def factor(u: Any) -> Any:
        within = np.where(u < first, u / first, (u - first) / (1 - first))
        return -np.log1p(-within) / np.where(u < first, 2 * first, 2 * (1 - first))

    return factor


class _Values:
    """An empirical law: the values in order, with their cumulative weights."""

    def __init__(self, work: Work) -> None:
        weights = np.array(work.weights or (1.0,) * len(work.values))
        values = np.array(work.values)
        order = np.argsort(values, kind="stable")
        self._ends: Floats = np.cumsum(weights[order])
        self._ends /= self._ends[-1]
        self._values_s = values[order]
        self._ends_list: list[float] = self._ends.tolist()
        self._values_list: list[float] = self._values_s.tolist()

    def of(self, u: Floats) -> Floats:
        values_s: Floats = self._values_s[np.searchsorted(self._ends, u, side="right")]
        return values_s

    def at(self, u: float) -> float:
        return self._values_list[bisect_right(self._ends_list, u)]
