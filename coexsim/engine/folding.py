"""Stage logs from the visits that the kernel notes: what ``StageLog.fold`` does for one log, for all of them and many visits at once."""

from __future__ import annotations

import math
from typing import Any, cast

import numba
import numpy as np
from numba import njit
from numpy.typing import NDArray

from coexsim.engine.compiling import OPTIONS
from coexsim.engine.layout import BIN, MEASURED_FROM, MEASURED_TO, VISIT, WINDOW_FROM, WINDOW_TO
from coexsim.sim.buckets import LARGEST_S, SMALLEST_S, WIDTH
from coexsim.sim.stage_log import StageLog

SUMS = 12


def fold(visits: Any, times: Any, counts: Any, left: Any, histograms: Any, sums: Any) -> int:
    """Take visits into the bins, histograms and sums of their logs (``StageLog.take_over`` says what is in them)."""
    bins = counts.shape[2] - 1
    width = times[BIN]
    begin = times[WINDOW_FROM]
    end = times[WINDOW_TO]
    for number in range(len(visits)):
        visit = visits[number]
        log = visit.log
        arrived = visit.arrived
        start = visit.start
        finish = visit.finish
        for k in range(3):
            t = min(arrived if k == 0 else start if k == 1 else finish, (bins + 1) * width)
            at = int(min(t / width, bins))
            counts[log, k, at] += 1
            left[log, k, at] += (at + 1) * width - t
        a = min(max(arrived, begin), end)
        s = min(max(start, begin), end)
        f = min(max(finish, begin), end)
        row = sums[log]
        row[0] += s - a
        row[1] += f - s
        if times[MEASURED_FROM] <= arrived < times[MEASURED_TO]:
            row[2] += 1
            for k in range(2):
                if k == 0 and start == math.inf:
                    continue
                if k == 1 and finish == math.inf:
                    row[11] += 1
                    continue
                length = start - arrived if k == 0 else finish - start
                row[3 + 4 * k] += 1
                row[4 + 4 * k] += length
                row[5 + 4 * k] = min(row[5 + 4 * k], length)
                row[6 + 4 * k] = max(row[6 + 4 * k], length)
                at = 0
                if length >= SMALLEST_S:
                    at = int(math.log(min(length, LARGEST_S) / SMALLEST_S) / WIDTH) + 1
                histograms[log, k, at] += 1
    return len(visits)


_F8, _I8, _typeof = numba.float64, numba.int64, cast("Any", numba.typeof)
_SIGNATURE = _I8(_typeof(np.empty(0, VISIT)), _F8[::1], _I8[:, :, ::1], _F8[:, :, ::1], _I8[:, :, ::1], _F8[:, ::1])
_fold = cast("Any", njit(_SIGNATURE, **OPTIONS)(fold))


class Folds:
    """What the visits of a run's stage logs come to, and the visits themselves where they are kept."""

    def __init__(self, logs: list[StageLog], times: NDArray[np.float64], *, keep: bool) -> None:
        self._logs, self._times = logs, times
        self._kept: list[NDArray[np.void]] | None = [] if keep else None
        n = len(logs)
        bins, buckets = logs[0].shape if logs else (1, 1)
        self._counts = np.zeros((n, 3, bins), np.int64)
        self._left = np.zeros((n, 3, bins))
        self._histograms = np.zeros((n, 2, buckets), np.int64)
        self._sums = np.zeros((n, SUMS))
        self._sums[:, [5, 9]] = math.inf  # the least of none

    def take(self, visits: NDArray[np.void]) -> None:
        """Take visits over from the kernel, which may use their places again."""
        _fold(visits, self._times, self._counts, self._left, self._histograms, self._sums)
        if self._kept is not None:
            self._kept.append(visits.copy())

    def hand_over(self, most: NDArray[np.int64]) -> None:
        """Fill the logs; `most`: the most that waited at each, by bin."""
        kept: dict[int, NDArray[np.float64]] = {}
        if self._kept is not None:
            visits = np.concatenate(self._kept) if self._kept else np.empty(0, VISIT)
            columns = np.column_stack([visits[name] for name in ("arrived", "start", "finish")])
            kept = {number: columns[visits["log"] == number] for number in range(len(self._logs))}
        for number, log in enumerate(self._logs):
            log.take_over(
                self._counts[number], self._left[number], most[number], self._histograms[number], self._sums[number], kept.get(number)
            )  # fmt: skip
