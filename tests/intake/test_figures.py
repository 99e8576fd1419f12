"""Figures of a log keep to what there can be: no share, rate, size or time below zero, no message without a recipient."""

from __future__ import annotations

from math import inf, isfinite, nan, sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from coexsim.intake import figures
from coexsim.intake.logs.tallies import ValueMoments


def moments(values: list[float]) -> ValueMoments:
    found = ValueMoments()
    found.add(values)
    return found


def test_no_mean_reaches_below_what_there_can_be() -> None:
    """Three small messages and a huge one: Student's own interval goes below zero here."""
    sizes = [2000.0, 3000.0, 4000.0, 30e6]
    student = stats.t.interval(0.95, 3, loc=np.mean(sizes), scale=stats.sem(sizes))
    assert student[0] < 0
    found = figures.mean_of("sizes", "mean", moments(sizes), "B")
    assert 0 < found.low < found.value < found.high
    assert found.high > student[1]
    assert figures.mean("services", "scan", sizes, "s")[2:5] == pytest.approx((np.mean(sizes), 0.0, student[1]))

    recipients = [1.0] * 9 + [40.0]
    assert figures.mean_of("recipients", "of a message", moments(recipients), "1", least=1).low >= 1
    assert figures.mean_of("recipients", "of a message", moments([1.0] * 9), "1", least=1)[2:5] == (1.0, 1.0, 1.0)


def test_where_the_mean_is_well_known_the_interval_is_students() -> None:
    """The delta method: the two agree to the square of half the width over the mean."""
    values = np.random.default_rng(5).normal(100.0, 10.0, 10_000)
    found = figures.mean_of("sizes", "mean", moments(list(values)), "B")
    half = stats.t.ppf(0.975, values.size - 1) * values.std(ddof=1) / sqrt(values.size)

    assert found.low == pytest.approx(values.mean() - half, rel=1e-5)
    assert found.high == pytest.approx(values.mean() + half, rel=1e-5)


@pytest.mark.parametrize(("part", "whole"), [(0, 5), (1, 5), (5, 5), (1, 100_000)])
def test_shares_and_rates_stay_within_their_laws(part: int, whole: int) -> None:
    """Wilson's and Garwood's, as SciPy has them."""
    share = figures.share("outcomes", "bounced", part, whole)
    wilson = stats.binomtest(part, whole).proportion_ci(method="wilson")
    assert share.low == pytest.approx(wilson.low, abs=1e-12)
    assert share.high == pytest.approx(wilson.high, abs=1e-12)
    assert 0 <= share.low <= share.high <= 1
    low, high = figures.count_interval(part)
    assert low == pytest.approx(stats.chi2.ppf(0.025, 2 * part) / 2 if part else 0.0)
    assert high == pytest.approx(stats.chi2.ppf(0.975, 2 * part + 2) / 2)


@pytest.mark.parametrize(
    ("size", "probability", "is_known"),
    [(1, 0.5, False), (2, 0.5, True), (19, 0.95, False), (20, 0.95, True), (19, 0.05, False)],
)
def test_a_quantile_of_too_few_has_only_bounds(size: int, probability: float, is_known: bool) -> None:
    """Below 1/p values (1/(1 - p) for a high one) none is expected beyond it: what is largest of four is no 95th percentile."""
    found = figures.quantile("retries", "gap", np.arange(1.0, size + 1.0), probability, "s")

    assert isfinite(found.value) is is_known
    assert isfinite(found.low)
    assert bool(found.remark) is not is_known


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (("rates", "handed in", 20.3, 19.42, 21.21, "1/s", 9), "handed in: 20.3 a second (19.42 to 21.21 a second)"),
        (("rates", "busiest", 1172.0, 1105.6, 1240.7, "1/min", 9), "busiest: 1,172 a minute (1,106 to 1,241 a minute)"),
        (("sizes", "mean", 104_900.0, 58_500.0, 236_000.0, "B", 9), "mean: 105 KB (58.5 KB to 236 KB)"),
        (("service", "scan", 0.01122, 0.0023, inf, "s/MB", 9), "scan: 11.2 ms per MB (at least 2.3 ms per MB)"),
        (("sizes", "distance", 0.02378, nan, nan, "1", 9, nan, "the law fits"), "distance: 0.02378; the law fits"),
        (("rates", "peak hour", nan, nan, nan, "1/h", 0, nan, "too short"), "peak hour: cannot say; too short"),
        (("outcomes", "bounced", 0.0425, 0.036, 0.0501, "1", 9, nan, "", True), "bounced: 4.25 % (3.6 % to 5.01 %)"),
        (("counts", "messages", 2000.0, 2000.0, 2000.0, "1", 9), "messages: 2,000 (exact)"),
    ],
)
def test_a_figure_is_said_as_people_write_it(figure: tuple[Any, ...], said: str) -> None:
    """One way of writing for terminal, page and notebook: thousands parted alike, a unit once, no power of ten, no nan."""
    assert figures.MeasuredFigure(*figure).say() == said
