"""What happened at one stage of one server: a timeline, and how long visits waited and were served.

A visit is three times: arrived, start, finish. Visits are gathered in a plain list and folded into fixed
arrays some ten thousand at a time, so recording is cheap and memory does not grow with the mail.
"""

from __future__ import annotations

from math import ceil, inf, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim.sim.stage_counts import EventsPerBin, LogHistogram, added_in_order

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FOLD_AT = 3 * 16_384
"""Numbers in the buffer (three a visit) when it is folded."""


class StageSummary(NamedTuple):
    """Waits and services of the visits that arrived in the measured window; NaN where there were none.

    `mean_busy` and `mean_queue` are means over the window of how many were served and waited, whenever they had
    come. Waits are of visits that were served or will be, services of those that ended: who gave up, or was still
    there when the run ended, is in `gave_up` or `unfinished` alone. Quantiles are right to 0.5 %, and to 1
    microsecond below that.
    """

    server: str
    stage: str
    visits: int
    gave_up: int
    unfinished: int
    mean_wait_s: float
    p50_wait_s: float
    p95_wait_s: float
    p99_wait_s: float
    mean_service_s: float
    p50_service_s: float
    p95_service_s: float
    p99_service_s: float
    mean_busy: float
    mean_queue: float


class StageLog:
    """The record of one stage: `workers` at work on one queue (None: as many as are needed).

    The timeline covers [0, `length_s`) in bins of `bin_s` (the last one is a whole bin too) and holds every
    visit. The summary holds those that arrived in the window `measured_s` = [from, to). With `keep_visits`, every
    visit is kept as well.

    One log belongs to one station, which records its visits in order of arrival; or to a `Pool`, which
    records them when they end and so sets `in_order` to False and says itself how many wait.
    """

    __slots__ = (
        "_arrivals",
        "_busy_s",
        "_finishes",
        "_gave_up",
        "_kept",
        "_most_waiting",
        "_pending_s",
        "_queue_s",
        "_services",
        "_starts",
        "_unfinished",
        "_visits",
        "_waits",
        "_window_s",
        "bin_s",
        "buffer",
        "in_order",
        "keep_visits",
        "length_s",
        "measured_s",
        "server",
        "stage",
        "workers",
    )  # fmt: skip

    def __init__(
        self,
        server: str,
        stage: str,
        workers: int | None,
        length_s: float,
        bin_s: float = 60.0,
        measured_s: tuple[float, float] = (0.0, inf),
        keep_visits: bool = False,
    ) -> None:
        if not (0 < length_s < inf and bin_s > 0):
            raise ValueError(f"a timeline needs a length and bins, found {length_s} s and {bin_s} s")
        self.server = server
        self.stage = stage
        self.workers = workers
        self.length_s = length_s
        self.bin_s = bin_s
        self.measured_s = measured_s
        self.keep_visits = keep_visits
        self.in_order = True
        bins = ceil(length_s / bin_s)
        self._arrivals = EventsPerBin(bins, bin_s)
        self._starts = EventsPerBin(bins, bin_s)
        self._finishes = EventsPerBin(bins, bin_s)
        self._most_waiting: Ints = np.zeros(bins + 1, np.int64)
        self._pending_s: Floats = np.empty(0)  # starts after the last arrival that was folded
        self._waits = LogHistogram()
        self._services = LogHistogram()
        self._visits = 0
        self._gave_up = 0
        self._unfinished = 0
        self._window_s = (min(measured_s[0], length_s), min(measured_s[1], length_s))
        self._busy_s = 0.0  # in that window
        self._queue_s = 0.0
        self.buffer: list[float] = []
        self._kept: list[Floats] = []

    def record(self, arrived_s: float, start_s: float, finish_s: float) -> None:
        """One visit. A finish of NaN: it gave up waiting at `start_s`. Infinite times: not in this run."""
        buffer = self.buffer
        buffer += (arrived_s, start_s, finish_s)
        if len(buffer) >= FOLD_AT:
            self.fold()

    def note_waiting(self, now_s: float, waiting: int) -> None:
        """For logs not in order: `waiting` visits wait from now on, the last of which has just come."""
        at = int(min(now_s / self.bin_s, len(self._most_waiting) - 1))
        if self._most_waiting[at] < waiting:
            self._most_waiting[at] = waiting

    def sibling(self, stage: str, workers: int | None) -> StageLog:
        """An empty log of another stage of the same server, over the same time."""
        return StageLog(self.server, stage, workers, self.length_s, self.bin_s, self.measured_s)

    @property
    def shape(self) -> tuple[int, int]:
        """Bins of the timeline and one for what comes after it; buckets of a histogram."""
        return len(self._most_waiting), len(self._waits.buckets)

    def take_over(
        self,
        counts: Ints,
        left_s: Floats,
        most_waiting: Ints,
        histograms: Ints,
        sums: Floats,
        kept: Floats | None = None,
    ) -> None:
        """What somebody else has recorded and folded, instead of all so far; more may be recorded after it, into these arrays.

        `counts` and `left_s`: a row each of arrivals, starts and finishes by bin; `histograms`: of waits and services; `sums`: seconds
        waited and served in the window, visits; count, sum, least and most of waits and of services; visits that never end.
        """
        for events, count, seconds in zip((self._arrivals, self._starts, self._finishes), counts, left_s, strict=True):
            events.count, events.left_s = count, seconds
        self._most_waiting = most_waiting
        self._queue_s, self._busy_s, self._visits = float(sums[0]), float(sums[1]), int(sums[2])
        self._unfinished = int(sums[11])
        self._waits.take_over(histograms[0], sums[3:7])
        self._services.take_over(histograms[1], sums[7:11])
        if kept is not None:
            self._kept = [kept]

    def summary(self) -> StageSummary:
        """How long the visits of the measured window waited and were served."""
        self.fold()
        waits, services = self._waits, self._services
        begin_s, end_s = self._window_s
        window_s = end_s - begin_s
        return StageSummary(
            self.server, self.stage, self._visits, self._gave_up, self._unfinished,
            waits.mean(), waits.quantile(0.5), waits.quantile(0.95), waits.quantile(0.99),
            services.mean(), services.quantile(0.5), services.quantile(0.95), services.quantile(0.99),
            self._busy_s / window_s if window_s > 0 else nan, self._queue_s / window_s if window_s > 0 else nan,
        )  # fmt: skip

    def timeline(self) -> dict[str, NDArray[Any]]:
        """One entry a bin, all visits together.

        =========  ===  ====================================================================================
        time_s     s    when the bin begins
        arrivals   1    visits that came
        busy_s     s    worker-seconds spent on visits; includes standing still with work in hand while closed
        queue_s    s    seconds spent waiting by all together; divided by the width of a bin: the mean queue
        backlog    1    the most that waited at any moment, from just before the bin begins
        =========  ===  ====================================================================================
        """
        self.fold()
        arrivals, starts, finishes = self._arrivals, self._starts, self._finishes
        waiting_before = arrivals.before() - starts.before()
        backlog = np.maximum(waiting_before, self._most_waiting[:-1])
        return {
            "time_s": np.arange(len(backlog)) * self.bin_s,
            "arrivals": arrivals.count[:-1].copy(),
            "busy_s": starts.seconds_until(finishes),
            "queue_s": arrivals.seconds_until(starts),
            "backlog": backlog,
        }

    def visits(self) -> Floats:
        """Every visit as a row (arrived, start, finish), in the order in which they were recorded."""
        if not self.keep_visits:
            raise ValueError(f"the visits of {self.server}/{self.stage} were not kept")
        self.fold()
        return np.concatenate(self._kept) if self._kept else np.empty((0, 3))

    def fold(self) -> None:
        """Take what is in the buffer into the arrays."""
        if not self.buffer:
            return
        block: Floats = np.array(self.buffer).reshape(-1, 3)
        self.buffer.clear()
        if self.keep_visits:
            self._kept.append(block)
        arrived_s, start_s, finish_s = (np.ascontiguousarray(column) for column in block.T)
        gave_up = np.isnan(finish_s)
        self._arrivals.add(arrived_s)
        self._starts.add(start_s)
        left_s = np.where(gave_up, start_s, finish_s)
        self._finishes.add(left_s)
        within = [arrived_s, start_s, left_s]
        if arrived_s.min() < self._window_s[0] or left_s.max() > self._window_s[1]:
            within = [np.clip(times_s, *self._window_s) for times_s in within]
        self._queue_s = added_in_order(self._queue_s, within[1] - within[0])
        self._busy_s = added_in_order(self._busy_s, within[2] - within[1])
        if self.in_order:
            self._note_waiting_in_order(arrived_s, start_s)

        measured = (self.measured_s[0] <= arrived_s) & (arrived_s < self.measured_s[1])
        served = measured & ~gave_up & (start_s < inf)
        ended = served & (finish_s < inf)
        self._visits += int(measured.sum())
        self._gave_up += int((measured & gave_up).sum())
        self._unfinished += int((measured & ~gave_up & ~ended).sum())
        self._waits.add(start_s[served] - arrived_s[served])
        self._services.add(finish_s[ended] - start_s[ended])

    def _note_waiting_in_order(self, arrived_s: Floats, start_s: Floats) -> None:
        """The backlog is highest just after an arrival: who came so far, less who has started by then."""
        if (np.diff(arrived_s) < 0).any():
            raise ValueError(f"visits of {self.server}/{self.stage} were not recorded in order of arrival")
        starts_s = np.concatenate((self._pending_s, start_s))
        came = len(self._pending_s) + np.arange(1, len(arrived_s) + 1)
        waiting = came - np.searchsorted(starts_s, arrived_s, side="right")
        np.maximum.at(self._most_waiting, self._arrivals.bin_of(arrived_s), waiting)
        self._pending_s = starts_s[starts_s > arrived_s[-1]]


class StageLogMaker:
    """Makes the logs of a run, all over the same time and window, and keeps them."""

    def __init__(self, length_s: float, measured_s: tuple[float, float], *, keep_visits: bool) -> None:
        self.length_s = length_s
        self.measured_s = measured_s
        self.keep_visits = keep_visits
        self.made: list[StageLog] = []

    def __call__(self, server: str, stage: str, workers: int | None) -> StageLog:
        """A new log."""
        log = StageLog(server, stage, workers, self.length_s, measured_s=self.measured_s, keep_visits=self.keep_visits)
        self.made.append(log)
        return log
