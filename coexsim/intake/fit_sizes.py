"""Message sizes as the load profile has them: a lognormal body with a Pareto tail, and a table as the alternative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexsim.intake.logs.tallies import ValueMoments

Floats = NDArray[np.float64]
LEAST = 200  # fewer sizes give a table only
TAIL_LEAST = 40
MOST = 100_000  # sizes that the fit looks at
EXACT = 200_000  # different sizes that are kept to the byte
MANTISSA = 1 << 11  # steps of a power of two to which more are rounded
TABLE_STEPS = 60
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class SizeFit:
    """Sizes of messages [bytes] and the law that fits them."""

    sizes: Floats
    table: dict[int, float]
    law: dict[str, Any] | None  # as `load.sizes` has it; None: too few sizes
    moments: ValueMoments  # of all sizes, where `sizes` are a part of them
    distance: float  # greatest distance between the cumulative shares of law and sizes (Kolmogorov-Smirnov)

    @property
    def is_law_good(self) -> bool:
        """Is the law as near to the sizes as a sample of a true law would be in 95 of 100 cases (1.36 / sqrt(n)), or within 2 %."""
        return self.law is not None and self.distance <= max(1.36 / np.sqrt(len(self.sizes)), 0.02)


class SizesSeen:
    """Sizes of messages, a part after the other: each as it is up to `EXACT` different ones, then within 0.05 %."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._is_rounded = False
        self.moments = ValueMoments()

    def add(self, sizes: NDArray[np.int64]) -> None:
        """Take sizes; what is not above 0 is unknown."""
        known = sizes[sizes > 0]
        self.moments.add(known)
        self._count(known, np.ones(len(known), np.int64))
        if len(self._counts) > EXACT and not self._is_rounded:
            self._is_rounded = True
            values, counts = self.values()
            self._counts = {}
            self._count(values, counts)

    def _count(self, sizes: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        if self._is_rounded:
            parts, powers = np.frexp(sizes.astype(np.float64))
            sizes = np.ldexp(np.round(parts * MANTISSA), powers).astype(np.int64) // MANTISSA
        each, which = np.unique(sizes, return_inverse=True)
        sums = np.bincount(which, counts).astype(np.int64)
        for size, n in zip(each.tolist(), sums.tolist(), strict=True):
            self._counts[size] = self._counts.get(size, 0) + n

    def values(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The sizes, the smallest first, and how often each was seen."""
        pairs = np.array(sorted(self._counts.items()), np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def sorted(self) -> Floats:
        """All sizes, the smallest first; of more than `MOST` so many, evenly through them, the largest among them."""
        values, counts = self.values()
        total = int(counts.sum())
        if total <= MOST:
            found: Floats = np.repeat(values, counts).astype(np.float64)
            return found
        places = np.round(np.linspace(0, total - 1, MOST)).astype(np.int64)
        return values[np.searchsorted(np.cumsum(counts), places, "right")].astype(np.float64)

    @property
    def median(self) -> int:
        """The median, down to a whole byte; 1 without sizes."""
        known = self.sorted()
        return int(np.median(known)) if len(known) else 1


def fit_sizes(seen: SizesSeen) -> SizeFit | None:
    """Fit sizes; None where the log says none."""
    known, moments = seen.sorted(), seen.moments
    if not len(known):
        return None
    table = _table(known)
    if len(known) < LEAST:
        return SizeFit(known, table, None, moments, float("nan"))
    best: tuple[float, dict[str, Any]] | None = None
    for start_share in (0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98):
        start = float(np.quantile(known, start_share))
        tail = known[known > start]
        if len(tail) < TAIL_LEAST:
            break
        law = _law(known[known <= start], tail, start)
        if law is None:
            continue
        distance = _distance(law, known)
        if best is None or distance < best[0]:
            best = (distance, law)
    whole = _body_only(known)
    distance = _distance(whole, known)
    if best is None or distance < best[0] + 0.002:  # the simpler law, where it fits as well
        best = (distance, whole)
    return SizeFit(known, table, best[1], moments, best[0])


def _table(known: Floats) -> dict[int, float]:
    """Sizes with equal weights, finer towards the largest, where most bytes are."""
    ends = np.unique(
        np.concatenate([np.linspace(0, 0.9, TABLE_STEPS), np.linspace(0.9, 0.99, 19), np.linspace(0.99, 1, 11)])
    )
    places = np.round(ends * len(known)).astype(int)
    table: dict[int, float] = {}
    for low, high in zip(places[:-1].tolist(), places[1:].tolist(), strict=True):
        if high > low:
            size = max(1, round(float(known[low:high].mean())))
            table[size] = table.get(size, 0.0) + (high - low)
    return table


def _law(body: Floats, tail: Floats, start: float) -> dict[str, Any] | None:
    """Maximum likelihood: the lognormal cut off at `start`, and Hill's estimate of the tail (cut off at the largest size)."""
    fitted = _cut_lognormal(np.log(body), np.log(start))
    alpha = _cut_pareto(tail, start, float(tail.max()))
    if fitted is None or alpha is None:
        return None
    middle, sigma = fitted
    share = len(tail) / (len(body) + len(tail))
    return {
        "body": {"lognormal": {"median": max(1, round(float(np.exp(middle)))), "sigma": round(sigma, 4)}},
        "tail": {"pareto": {"alpha": round(alpha, 4), "from": max(1, round(start))}},
        "tail_share": round(share, 5),
        "limit": round(float(tail.max())) + 1,
    }


def _body_only(known: Floats) -> dict[str, Any]:
    logs = np.log(known)
    median = max(1, round(float(np.exp(logs.mean()))))
    return {
        "body": {"lognormal": {"median": median, "sigma": round(max(float(logs.std()), 1e-3), 4)}},
        "limit": round(float(known.max())) + 1,
    }


def _cut_lognormal(logs: Floats, end: float) -> tuple[float, float] | None:
    from scipy.optimize import minimize
    from scipy.special import log_ndtr

    n, total, squares = len(logs), float(logs.sum()), float((logs**2).sum())

    def loss(at: NDArray[np.float64]) -> float:
        middle, sigma = float(at[0]), float(np.exp(at[1]))
        inside = (squares - 2 * middle * total + n * middle**2) / (2 * sigma**2)
        return float(inside + n * np.log(sigma) + n * log_ndtr((end - middle) / sigma))

    found = minimize(
        loss, [float(logs.mean()), float(np.log(max(logs.std(), 1e-3)))], method="Nelder-Mead", options={"maxiter": 800}
    )
    middle, sigma = float(found.x[0]), float(np.exp(found.x[1]))
    return (middle, sigma) if 0.01 < sigma < 6 and middle < end + 3 * sigma else None


def _cut_pareto(tail: Floats, start: float, end: float) -> float | None:
    from scipy.optimize import minimize_scalar

    n, total, reach = len(tail), float(np.log(tail / start).sum()), float(np.log(end / start))

    def loss(alpha: float) -> float:
        return float(-(n * np.log(alpha) - (alpha + 1) * total - n * np.log(-np.expm1(-alpha * reach))))

    if reach <= 0:
        return None
    found = minimize_scalar(loss, bounds=(0.02, 8.0), method="bounded")
    return float(found.x)


def law_shares(law: dict[str, Any], sizes: Floats) -> Floats:
    """Share of messages that a law puts at or below each size."""
    from scipy.special import ndtr

    body = law["body"]["lognormal"]
    end = float(law["tail"]["pareto"]["from"] if "tail" in law else law["limit"])
    split = 1.0 - law.get("tail_share", 0.0)
    whole = ndtr(np.log(end / body["median"]) / body["sigma"])
    shares = split * ndtr(np.log(np.minimum(sizes, end) / body["median"]) / body["sigma"]) / whole
    if "tail" in law:
        pareto = law["tail"]["pareto"]
        cut = (pareto["from"] / law["limit"]) ** pareto["alpha"]
        beyond = (1 - (pareto["from"] / np.maximum(sizes, pareto["from"])) ** pareto["alpha"]) / (1 - cut)
        shares = np.where(sizes > end, split + (1 - split) * np.minimum(beyond, 1.0), shares)
    found: Floats = np.minimum(shares, 1.0)
    return found


def _distance(law: dict[str, Any], known: Floats) -> float:
    shares, n = law_shares(law, known), len(known)
    steps = np.arange(1, n + 1) / n
    return float(np.maximum(np.abs(steps - shares), np.abs(steps - 1 / n - shares)).max())
