"""Sums, samples and counts that take rows a part at a time, in memory that does not grow with the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MOST_TIMES = 200_000  # begins and ends of intervals that are kept; of more, times are rounded until so many are left
LEAST_STEP_S = 0.01


@dataclass
class ValueMoments:
    """Number, sum and sum of squares of values; squares are taken from the first value, so that they lose no digits."""

    n: int = 0
    base: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: ArrayLike) -> None:
        """Count values."""
        found = np.asarray(values, np.float64)
        if not found.size:
            return
        if not self.n:
            self.base = float(found[0])
        self.n += found.size
        apart = found - self.base
        self.total += float(apart.sum())
        self.squares += float((apart**2).sum())

    def add_counted(self, values: ArrayLike, counts: ArrayLike) -> None:
        """Count values that were each seen so often."""
        found, n = np.asarray(values, np.float64), np.asarray(counts, np.int64)
        if not found.size:
            return
        if not self.n:
            self.base = float(found[0])
        self.n += int(n.sum())
        self.total += float((n * (found - self.base)).sum())
        self.squares += float((n * (found - self.base) ** 2).sum())

    @property
    def mean(self) -> float:
        """The mean; not a number without values."""
        return self.base + self.total / self.n if self.n else float("nan")

    @property
    def deviation(self) -> float:
        """The standard deviation of a sample; not a number for fewer than two values."""
        if self.n < 2:
            return float("nan")
        return float(np.sqrt(max(self.squares - self.total**2 / self.n, 0.0) / (self.n - 1)))


class RowSample:
    """Rows of a table, all of them up to `most`; of more, each second, fourth, eighth and so on of the rows."""

    def __init__(self, most: int) -> None:
        self._most, self._step, self._seen, self._kept = most, 1, 0, 0
        self._parts: list[pd.DataFrame] = []

    def add(self, rows: pd.DataFrame) -> None:
        """Take the rows whose turn it is."""
        first = -self._seen % self._step
        self._seen += len(rows)
        mine = rows.iloc[first :: self._step] if self._step > 1 else rows
        if len(mine):
            self._parts.append(mine)
            self._kept += len(mine)
        while self._kept > self._most:
            self._parts = [self.frame().iloc[::2]]
            self._kept, self._step = len(self._parts[0]), self._step * 2

    def frame(self) -> pd.DataFrame:
        """The rows kept."""
        return pd.concat(self._parts, ignore_index=True) if self._parts else pd.DataFrame()

    @property
    def seen(self) -> int:
        """How many rows there were."""
        return self._seen


class Counts:
    """How often each whole number was seen, in the order of the numbers."""

    def __init__(self) -> None:
        self.by_key: dict[int, int] = {}

    def add(self, keys: NDArray[Any]) -> None:
        """Count numbers."""
        each, counts = np.unique(keys, return_counts=True)
        known = self.by_key
        for key, n in zip(each.tolist(), counts.tolist(), strict=True):
            known[key] = known.get(key, 0) + n

    def __getitem__(self, key: int) -> int:
        return self.by_key.get(key, 0)

    @property
    def total(self) -> int:
        """Of all numbers together."""
        return sum(self.by_key.values())

    def items(self) -> list[tuple[int, int]]:
        """Numbers and how often they were seen, the smallest first."""
        return sorted(self.by_key.items())

    def values(self) -> tuple[Ints, Ints]:
        """The same as arrays."""
        pairs = np.array(self.items(), np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]


class Overlap:
    """The greatest number of intervals that overlap, ends included. Of very many, times are rounded outwards: it is a bound then."""

    def __init__(self) -> None:
        self._times: Floats = np.empty(0)
        self._begun: Ints = np.empty(0, np.int64)
        self._ended: Ints = np.empty(0, np.int64)
        self.n = 0
        self.step_s = 0.0  # to which times are rounded; 0: they are not

    def add(self, from_s: Floats, to_s: Floats) -> None:
        """Count intervals."""
        if not len(from_s):
            return
        self.n += len(from_s)
        self._keep(from_s, np.ones(len(from_s), np.int64), to_s, np.ones(len(to_s), np.int64))
        while len(self._times) > MOST_TIMES:
            self.step_s = max(2 * self.step_s, LEAST_STEP_S)
            times, begun, ended = self._times, self._begun, self._ended
            self._times, self._begun, self._ended = times[:0], begun[:0], ended[:0]
            self._keep(times[begun > 0], begun[begun > 0], times[ended > 0], ended[ended > 0])

    def _keep(self, from_s: Floats, begun: Ints, to_s: Floats, ended: Ints) -> None:
        if self.step_s:
            from_s, to_s = np.floor(from_s / self.step_s) * self.step_s, np.ceil(to_s / self.step_s) * self.step_s
        times = np.concatenate([self._times, from_s, to_s])
        begins = np.concatenate([self._begun, begun, np.zeros(len(to_s), np.int64)])
        ends = np.concatenate([self._ended, np.zeros(len(from_s), np.int64), ended])
        self._times, which = np.unique(times, return_inverse=True)
        self._begun = np.bincount(which, begins).astype(np.int64)
        self._ended = np.bincount(which, ends).astype(np.int64)

    @property
    def most(self) -> int:
        """The greatest number at once."""
        if not self.n:
            return 0
        return int((np.cumsum(self._begun) - np.cumsum(self._ended) + self._ended).max())


def most_of(counts: Mapping[int, int]) -> list[int]:
    """Keys, the most frequent first; of equals, the smallest."""
    return sorted(counts, key=lambda key: (-counts[key], key))
