"""Counts that do not grow with the mail: events by bin of time, and durations by size."""

from __future__ import annotations

from math import ceil, inf, nan

import numpy as np
from numpy.typing import NDArray

from coexsim.sim.buckets import LARGEST_S, SMALLEST_S, WIDTH

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def added_in_order(total: float, values: Floats) -> float:
    """`total` and these values, added one after another: so a sum is the same to the last bit however its values fall into blocks."""
    return float(np.add.accumulate(np.concatenate(([total], values)))[-1])


class EventsPerBin:
    """Events of one kind: how many fall into each bin, and the seconds from each to the end of its bin.

    From the two follows, for any bin, the area under the curve "events so far"; the area between the curves
    of arrivals and starts is the time spent waiting, however many bins a visit spans. What comes after the
    last bin goes into one more.
    """

    __slots__ = ("bin_s", "bins", "count", "left_s")

    def __init__(self, bins: int, bin_s: float) -> None:
        self.bins = bins
        self.bin_s = bin_s
        self.count: Ints = np.zeros(bins + 1, np.int64)
        self.left_s: Floats = np.zeros(bins + 1)

    def bin_of(self, times_s: Floats) -> NDArray[np.intp]:
        """The bin that each time falls into."""
        return np.minimum(times_s / self.bin_s, self.bins).astype(np.intp)

    def add(self, times_s: Floats) -> None:
        """Count events at these times."""
        times_s = np.minimum(times_s, (self.bins + 1) * self.bin_s)
        at = self.bin_of(times_s)
        left_s = (at + 1) * self.bin_s - times_s
        first = int(at.min())
        at -= first
        count = np.bincount(at)
        self.count[first : first + len(count)] += count
        np.add.at(self.left_s[first:], at, left_s)  # one after another, as the compiled engine adds them

    def before(self) -> Ints:
        """Events before each bin."""
        return np.cumsum(self.count)[:-1] - self.count[:-1]

    def seconds_until(self, later: EventsPerBin) -> Floats:
        """Per bin: the seconds between each of these events and its fellow in `later`, added up."""
        under_way = self.before() - later.before()
        seconds: Floats = under_way * self.bin_s + (self.left_s - later.left_s)[:-1]
        return np.maximum(seconds, 0.0)  # rounding may leave a trace below zero


class LogHistogram:
    """Durations in buckets 1 % wide from a microsecond to three years; less counts as zero.

    The mean is exact; a quantile is the middle of its bucket, but never outside what was seen.
    """

    __slots__ = ("_count", "_largest_s", "_smallest_s", "_total_s", "buckets")

    def __init__(self) -> None:
        self.buckets: Ints = np.zeros(self._bucket_of(np.array([LARGEST_S]))[0] + 1, np.int64)
        self._count = 0
        self._total_s = 0.0
        self._smallest_s = inf
        self._largest_s = 0.0

    def _bucket_of(self, durations_s: Floats) -> NDArray[np.intp]:
        within_s = np.clip(durations_s, SMALLEST_S, LARGEST_S)
        at = (np.log(within_s / SMALLEST_S) / WIDTH).astype(np.intp) + 1
        at[durations_s < SMALLEST_S] = 0
        return at

    def add(self, durations_s: Floats) -> None:
        """Count these durations."""
        if not len(durations_s):
            return
        count = np.bincount(self._bucket_of(durations_s))
        self.buckets[: len(count)] += count
        self._count += len(durations_s)
        self._total_s = added_in_order(self._total_s, durations_s)
        self._smallest_s = min(self._smallest_s, float(durations_s.min()))
        self._largest_s = max(self._largest_s, float(durations_s.max()))

    def take_over(self, buckets: Ints, sums: Floats) -> None:
        """What somebody else has counted, instead of all so far; `sums`: number, seconds in all, least and most of them."""
        self.buckets = buckets
        self._count, self._total_s = int(sums[0]), float(sums[1])
        self._smallest_s, self._largest_s = float(sums[2]), float(sums[3])

    def mean(self) -> float:
        """NaN where there is none."""
        return self._total_s / self._count if self._count else nan

    def quantile(self, share: float) -> float:
        """The smallest duration that at least `share` of all do not exceed."""
        if not self._count:
            return nan
        at = int(np.searchsorted(np.cumsum(self.buckets), ceil(share * self._count)))
        middle_s = SMALLEST_S * float(np.exp(WIDTH * (at - 0.5))) if at else 0.0
        return min(max(middle_s, self._smallest_s), self._largest_s)
