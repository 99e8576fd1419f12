"""The log of a stage against sums over every visit."""

from __future__ import annotations

from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexsim.sim import stage_log
from coexsim.sim.stage_log import StageLog

Visit = tuple[float, float, float]
quarters = st.integers(0, 400).map(lambda n: n / 4)  # many of them on the edges of bins
visits = st.lists(st.tuples(quarters, quarters, quarters).map(lambda v: (v[0], v[0] + v[1], v[0] + v[1] + v[2])))


def log_of(visits: list[Visit], **options: object) -> StageLog:
    log = StageLog("onprem", "work", 2, length_s=95, bin_s=10, **options)  # type: ignore[arg-type]
    log.in_order = False
    for visit in visits:
        log.record(*visit)
    return log


def overlap_s(from_s: float, to_s: float, begin_s: float) -> float:
    return max(min(to_s, begin_s + 10) - max(from_s, begin_s), 0.0)


@given(visits)
def test_timeline_is_the_sum_over_visits(visits: list[Visit]) -> None:
    """Per bin: who arrived, and the seconds of waits and services that lie in it, however long a visit."""
    timeline = log_of(visits).timeline()

    assert timeline["time_s"].tolist() == [10 * i for i in range(10)]
    for at, begin_s in enumerate(timeline["time_s"]):
        assert timeline["arrivals"][at] == sum(begin_s <= a < begin_s + 10 for a, _, _ in visits)
        assert timeline["queue_s"][at] == pytest.approx(sum(overlap_s(a, s, begin_s) for a, s, _ in visits))
        assert timeline["busy_s"][at] == pytest.approx(sum(overlap_s(s, f, begin_s) for _, s, f in visits))


@given(visits, quarters.filter(lambda t: t < 90), st.floats(0.5, 200))
def test_means_hold_for_the_window_to_the_second(visits: list[Visit], begin_s: float, long_s: float) -> None:
    """Busy and waiting, averaged over a window that need not begin or end with a bin; what comes after the run does not count."""
    end_s = min(begin_s + long_s, 95)
    found = log_of(visits, measured_s=(begin_s, begin_s + long_s)).summary()

    def seconds(spans: list[tuple[float, float]]) -> float:
        return sum(max(min(to_s, end_s) - max(from_s, begin_s), 0.0) for from_s, to_s in spans)

    assert found.mean_queue * (end_s - begin_s) == pytest.approx(seconds([(a, s) for a, s, _ in visits]))
    assert found.mean_busy * (end_s - begin_s) == pytest.approx(seconds([(s, f) for _, s, f in visits]))


@given(st.lists(st.tuples(quarters, quarters), max_size=60), st.integers(1, 20))
def test_backlog_is_the_most_that_waited(steps: list[tuple[float, float]], fold_at: int) -> None:
    """With arrivals and starts in order, as a FIFO station has them, however the visits fall into blocks."""
    arrived = np.cumsum([gap / 20 for gap, _ in steps])
    started = np.maximum.accumulate([a + wait for a, (_, wait) in zip(arrived, steps, strict=True)])
    log = StageLog("onprem", "work", 2, length_s=95, bin_s=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage_log, "FOLD_AT", 3 * fold_at)
        for a, s in zip(arrived, started, strict=True):
            log.record(a, s, s + 1)

    for at, most in enumerate(log.timeline()["backlog"]):
        before = np.sum((arrived < 10 * at) & (started >= 10 * at))
        moments = [t for t in arrived if 10 * at <= t < 10 * at + 10]
        assert most == max([before, *(np.sum((arrived <= t) & (t < started)) for t in moments)])


def test_backlog_of_a_log_out_of_order_is_what_it_is_told() -> None:
    """Between two notes it is what stood at the beginning of the bin."""
    log = log_of([(1, 35, 40), (2, 36, 40)])
    log.note_waiting(1, 1)
    log.note_waiting(2, 2)

    assert log.timeline()["backlog"].tolist() == [2, 2, 2, 2, 0, 0, 0, 0, 0, 0]


def test_arrivals_out_of_order_are_refused() -> None:
    """The backlog of a log in order would be wrong without a word."""
    log = StageLog("onprem", "work", 2, length_s=100)
    log.record(5, 5, 6)
    log.record(4, 6, 7)

    with pytest.raises(ValueError, match=r"onprem/work were not recorded in order"):
        log.timeline()


def test_only_the_measured_window_counts_in_the_summary() -> None:
    """[10, 20): an arrival at 10 counts, one at 20 does not; the timeline has them all."""
    log = log_of([(9, 9, 10), (10, 12, 15), (19, 20, 21), (20, 29, 39)], measured_s=(10, 20))

    summary = log.summary()

    assert (summary.visits, summary.mean_wait_s, summary.mean_service_s) == (2, 1.5, 2)
    assert log.timeline()["arrivals"].sum() == 4


def test_who_gives_up_or_stays_has_no_wait_but_is_counted() -> None:
    """A wait cut short is no wait; yet while it lasts it is part of the queue."""
    log = log_of([(0, 1, 3), (0, 25, nan), (0, 5, inf), (0, inf, inf)])

    summary, timeline = log.summary(), log.timeline()

    assert (summary.visits, summary.gave_up, summary.unfinished) == (4, 1, 2)
    assert (summary.mean_wait_s, summary.mean_service_s) == (3, 2)
    assert timeline["queue_s"].tolist()[:4] == [1 + 10 + 5 + 10, 10 + 10, 5 + 10, 10]
    assert timeline["busy_s"].tolist()[:2] == [2 + 5, 10]


def test_nothing_recorded() -> None:
    """No visits: NaN rather than zero, and a timeline of zeros."""
    log = StageLog("onprem", "work", None, length_s=120, keep_visits=True)

    assert isnan(log.summary().mean_wait_s)
    assert isnan(log.summary().p99_service_s)
    assert log.timeline()["arrivals"].tolist() == [0, 0]
    assert log.visits().shape == (0, 3)


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=50))
def test_quantiles_are_right_to_half_a_percent(waits: list[float]) -> None:
    """And to a microsecond for what is shorter; the mean is exact."""
    summary = log_of([(0, wait, wait) for wait in waits]).summary()

    exact = np.quantile(waits, [0.5, 0.95, 0.99], method="inverted_cdf")
    assert summary.mean_wait_s == pytest.approx(np.mean(waits))
    assert [summary.p50_wait_s, summary.p95_wait_s, summary.p99_wait_s] == pytest.approx(exact, rel=5.1e-3, abs=1e-6)


def test_many_visits_need_no_more_memory_than_few() -> None:
    """Kept visits aside, all that grows is the buffer, and that is folded."""
    log = StageLog("onprem", "work", 1, length_s=1e5)
    for i in range(60_000):
        log.record(i, i, i + 0.5)

    assert len(log.buffer) < stage_log.FOLD_AT
    assert len(log._pending_s) == 0
    assert log.summary().visits == 60_000
    assert log.timeline()["busy_s"].sum() == pytest.approx(30_000)


def test_visits_are_kept_on_request() -> None:
    """Row by row as recorded; a log that did not keep them says so."""
    rows = [(0.0, 1.0, 3.0), (2.0, 3.0, 4.0)]

    assert log_of(rows, keep_visits=True).visits().tolist() == [list(row) for row in rows]
    with pytest.raises(ValueError, match="not kept"):
        log_of(rows).visits()
