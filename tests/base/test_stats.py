"""Intervals, warm-up and numbers of runs, held against textbooks and against repeated experiments."""

from __future__ import annotations

from itertools import pairwise
from math import comb, inf, isnan, nan, sqrt
from subprocess import run
from sys import executable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexsim.stats import (
    Interval,
    bounded_interval,
    half_width,
    mean_interval,
    memory_bins,
    mser5,
    own_ranks,
    quantile_interval,
    ratio_half_width,
    replications_needed,
    skewed_interval,
)

TEN = [1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09]  # Law 2015, example 4.26
FINITE = st.floats(-1e6, 1e6)


def test_mean_interval_is_laws() -> None:
    """Law, Simulation Modeling and Analysis, example 4.26: mean 1.34, 90 % interval 1.34 +-0.24."""
    interval = mean_interval(TEN, 0.90)

    assert interval.mean == pytest.approx(1.34, abs=0.005)
    assert interval.half_width == pytest.approx(0.24, abs=0.005)
    assert half_width(TEN, 0.90) == pytest.approx(interval.half_width)
    assert interval.known


@pytest.mark.parametrize(("n", "t"), [(2, 12.706), (5, 2.776), (10, 2.262), (30, 2.045), (121, 1.980)])
def test_half_width_uses_the_tables_student_quantile(n: int, t: float) -> None:
    """Two-sided 95 % quantiles of Student's t with n-1 degrees, as any printed table gives them."""
    samples = np.tile([-1.0, 1.0], n)[:n]

    assert half_width(samples) == pytest.approx(t * samples.std(ddof=1) / sqrt(n), rel=3e-4)


@pytest.mark.parametrize("samples", [[], [3.0], [1.0, nan, 2.0], [1.0, inf]])
def test_too_few_samples_say_nothing(samples: list[float]) -> None:
    """Fewer than two samples, or one that is no number, give NaN: no value is held, nothing is known."""
    interval = mean_interval(samples)

    assert isnan(half_width(samples))
    assert not interval.known
    assert not interval.holds(3.0)


def test_equal_samples_have_no_width() -> None:
    """Two equal samples: the estimate of the variance is 0, and so is the width."""
    assert mean_interval([2.0, 2.0]) == Interval(2.0, 2.0, 0.95)


@given(st.lists(FINITE, min_size=2, max_size=20), FINITE)
def test_a_shift_moves_the_interval_and_keeps_its_width(samples: list[float], shift: float) -> None:
    """Adding a constant to all samples adds it to both ends."""
    moved = mean_interval(np.add(samples, shift))
    plain = mean_interval(samples)

    assert moved.low == pytest.approx(plain.low + shift, abs=1e-6)
    assert moved.half_width == pytest.approx(plain.half_width, abs=1e-6)


@pytest.mark.parametrize(("n", "low", "high"), [(6, 1, 6), (10, 2, 9), (20, 6, 15), (50, 18, 33), (100, 40, 61)])
def test_median_interval_has_the_tables_ranks(n: int, low: int, high: int) -> None:
    """95 % intervals for a median: the ranks that printed sign-test tables have (Conover 1999, sec. 3.4)."""
    assert quantile_interval(np.arange(1, n + 1)[::-1], 0.5) == (low, high, 0.95)


@given(n=st.integers(1, 150), p=st.floats(0.01, 0.99), level=st.floats(0.5, 0.999))
def test_quantile_ranks_are_the_innermost_that_hold(n: int, p: float, level: float) -> None:
    """Binomial tails summed directly: each end errs by at most (1 - level) / 2, a rank further in by more."""
    interval = quantile_interval(range(1, n + 1), p, level)
    tail = (1 - level) / 2
    mass = [comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]

    def low_errs(rank: int) -> float:  # the sample of this rank lies above the quantile
        return sum(mass[:rank])

    def high_errs(rank: int) -> float:  # the sample of this rank lies below the quantile
        return sum(mass[rank:])

    low = 0 if interval.low == -inf else int(interval.low)
    high = n + 1 if interval.high == inf else int(interval.high)
    slack = 1e-9
    assert low == 0 or low_errs(low) <= tail + slack
    assert low == n or low_errs(low + 1) >= tail - slack
    assert high == n + 1 or high_errs(high) <= tail + slack
    assert high == 1 or high_errs(high - 1) >= tail - slack


def test_samples_cannot_say_what_lies_beyond_them() -> None:
    """20 samples cannot bound the 99th percentile (0.99**20 = 0.82 > 0.025); 59 bound the 95th."""
    assert quantile_interval(range(20), 0.99).high == inf
    assert quantile_interval(range(20), 0.01).low == -inf
    assert not quantile_interval(range(20), 0.99).known
    assert quantile_interval(range(59), 0.95, level=0.90).high == 58  # 0.95**59 = 0.0485 < 0.05, 0.95**58 > 0.05
    assert quantile_interval(range(58), 0.95, level=0.90).high == inf
    assert isnan(quantile_interval([], 0.5).low)
    assert isnan(quantile_interval([1.0, nan], 0.5).low)
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile_interval([1.0], 95)


def coverage(level: float, claimed: float) -> dict[str, float]:
    """Share of 2000 experiments whose interval, made for `claimed`, holds the truth."""
    random = np.random.default_rng(20)
    hits = {"mean": 0, "quantile": 0}
    for _ in range(2000):
        first = random.normal(5, 2, 12)
        delays = random.exponential(1.0, 200)
        hits["mean"] += mean_interval(first, claimed).holds(5)
        hits["quantile"] += quantile_interval(delays, 0.9, claimed).holds(float(np.log(10)))
    return {name: hit / 2000 for name, hit in hits.items()}


def test_intervals_hold_the_truth_as_often_as_they_claim() -> None:
    """Of 2000 experiments 95 % hold the truth, to 4 standard errors (0.02); of quantiles a bit more."""
    shares = coverage(0.95, claimed=0.95)

    assert shares["mean"] == pytest.approx(0.95, abs=0.02)
    assert 0.93 < shares["quantile"] < 0.98
    assert all(share < 0.93 for share in coverage(0.95, claimed=0.85).values()), "the test can say no"


def test_an_interval_of_what_is_skewed_is_never_below_zero_and_longer_above() -> None:
    """10 by e^(5/10), and 1 + 0.5 + 2 0.5^2 times 10; of a wide one e^4 times; plain where it is narrow; of nothing, nothing."""
    wide, narrow = skewed_interval(10.0, 5.0), skewed_interval(10.0, 0.01)

    assert wide[:2] == pytest.approx((10 / np.exp(0.5), 20.0))
    assert skewed_interval(10.0, 40.0).high == pytest.approx(10 * np.exp(4))
    assert narrow[:2] == pytest.approx((9.99, 10.01), abs=1e-4)
    assert skewed_interval(0.0, 0.0) == (0.0, 0.0, 0.95)
    assert not skewed_interval(1.0, nan).known


def test_a_skewed_interval_holds_independent_samples_as_often_as_it_says() -> None:
    """Exponential and gamma samples (true mean 10), 3 to 10 of them: 93 to 98 %; a third narrower: not."""
    rng = np.random.default_rng(11)
    for n in (3, 6, 10):
        for draw in (rng.exponential(10.0, (2000, n)), rng.gamma(4.0, 2.5, (2000, n))):
            means, halves = draw.mean(axis=1), np.array([half_width(row) for row in draw])
            for narrower, holds in ((1.0, True), (2 / 3, False)):
                found = [skewed_interval(*each).holds(10.0) for each in zip(means, narrower * halves, strict=True)]
                assert (0.93 <= float(np.mean(found)) <= 0.98) is holds, (n, narrower, np.mean(found))


def test_a_bounded_interval_stays_between_its_bounds() -> None:
    """Symmetric in the logarithm, or in the logit: the odds of 20 % are 1 : 4; where the half is little, Student's; of nothing, nothing."""
    wide, share = bounded_interval(10.0, 20.0), bounded_interval(0.2, 0.32, 1.0)

    assert wide[:2] == pytest.approx((10 / np.exp(2), 10 * np.exp(2)))
    assert share.low / (1 - share.low) == pytest.approx(0.25 / np.exp(2))  # 0.32 / (0.2 * 0.8) = 2
    assert share.high / (1 - share.high) == pytest.approx(0.25 * np.exp(2))
    assert bounded_interval(0.5, 1e-4, 1.0)[:2] == pytest.approx((0.4999, 0.5001), abs=1e-9)
    assert 0 <= bounded_interval(1e-9, 1.0, 1.0).low < bounded_interval(1 - 1e-9, 1.0, 1.0).high <= 1
    assert bounded_interval(0.0, 0.0, 1.0) == (0.0, 0.0, 0.95)
    assert not bounded_interval(0.5, nan, 1.0).known


def test_a_bounded_interval_holds_the_mean_more_often_than_students_cut_at_its_bounds() -> None:
    """Beta and gamma samples, 3 to 10 of them: 90 to 97 %; Student's own less than 90 % of the most skewed; a third narrower: not."""
    rng = np.random.default_rng(12)
    for n in (3, 6, 10):
        for most, mean, draw in (
            (1.0, 0.08, rng.beta(2, 23, (2000, n))),
            (1.0, 0.95, rng.beta(19, 1, (2000, n))),
            (inf, 1.0, rng.gamma(1, 1, (2000, n))),
        ):
            means, halves = draw.mean(axis=1), np.array([half_width(row) for row in draw])
            found, narrow = (
                np.mean([bounded_interval(*each, most).holds(mean) for each in zip(means, by * halves, strict=True)])
                for by in (1.0, 2 / 3)
            )
            plain = np.mean(np.abs(means - mean) <= halves)
            assert 0.90 <= found <= 0.97
            assert found > plain
            assert narrow < 0.90


def test_ranks_forget_the_level_and_the_height_of_the_peaks() -> None:
    """Another level, another unit, peaks ten times as high: the same ranks; equal values share theirs; the middle is 0."""
    row = np.array([3.0, 1.0, 7.0, 1.0, 5.0])

    assert own_ranks(row)[0] == pytest.approx([0.0, -0.3, 0.4, -0.3, 0.2])
    assert own_ranks([row, 100 + 9 * row**3])[1] == pytest.approx(own_ranks(row)[0])
    assert own_ranks(np.ones((2, 4))) == pytest.approx(np.zeros((2, 4)))


def test_a_ratio_counts_each_replication_by_its_size() -> None:
    """All bottoms alike: Student's interval of the mean; a replication of no size changes nothing but the number."""
    tops = [1.0, 2.0, 4.0]

    assert ratio_half_width(tops, [1, 1, 1]) == pytest.approx(half_width(tops))
    assert ratio_half_width([3.0, 6.0], [1, 2]) == 0
    assert isnan(ratio_half_width([1.0], [1.0]))
    assert isnan(ratio_half_width([0.0, 0.0], [0.0, 0.0]))


@pytest.mark.parametrize(("keeps", "memory"), [(0.0, 1.0), (0.5, 3.0), (0.9, 19.0)])
def test_memory_is_that_of_a_known_series(keeps: float, memory: float) -> None:
    """A first-order autoregressive series: (1 + r) / (1 - r) bins are one piece of evidence (Law 2015, sec. 4.3)."""
    rng = np.random.default_rng(6)
    rows = np.zeros((20, 2000))
    for at in range(1, 2000):
        rows[:, at] = keeps * rows[:, at - 1] + rng.normal(0, 1, 20)

    assert memory_bins(rows) == pytest.approx(memory, rel=0.12)
    assert memory_bins(np.zeros((3, 100))) == 1
    assert memory_bins([[1.0, -1.0]]) == 1


def test_mser5_finds_the_warm_up() -> None:
    """A ramp from 50 down to 0 over the first 200 of 2000 observations: about 200 are left out."""
    noise = np.random.default_rng(3).normal(0, 1, 2000)
    ramp = np.maximum(0, 50 - np.arange(2000) / 4)

    assert 170 <= mser5(noise + ramp) <= 225
    assert mser5(noise + ramp) % 5 == 0
    assert mser5(noise) < 200
    assert mser5(np.arange(1000.0)) == 500, "a series that never settles is cut at half"


def test_mser5_agrees_with_its_definition() -> None:
    """White, Cobb and Spratt's statistic, written out as a loop over truncations."""
    series = np.random.default_rng(4).normal(1e6, 1, 333) + np.exp(-np.arange(333) / 20) * 30
    batches = [series[5 * n : 5 * n + 5].mean() for n in range(66)]
    statistic = [float(np.var(batches[d:])) / (66 - d) for d in range(34)]

    assert mser5(series) == 5 * int(np.argmin(statistic)) > 0


@pytest.mark.parametrize("series", [[], [1.0], [1.0] * 9, [2.0] * 100])
def test_mser5_leaves_short_and_constant_series_whole(series: list[float]) -> None:
    """Nothing to judge by, or nothing to gain: nothing is left out."""
    assert mser5(series) == 0


def test_replications_needed_is_laws() -> None:
    """Law 2015, sec. 9.4.1: the smallest n >= the number at hand with t(n-1) s / sqrt(n) <= the error."""
    samples = np.random.default_rng(5).normal(10, 3, 10)
    s = samples.std(ddof=1)

    n = replications_needed(samples, absolute=0.5)
    assert n is not None
    assert 1.96 * s / sqrt(n) < 0.5 < 1.99 * s / sqrt(n - 2)
    relative = replications_needed(samples, relative=0.05)
    assert relative == replications_needed(samples, absolute=0.05 / 1.05 * samples.mean())


def test_replications_needed_says_when_it_cannot() -> None:
    """Too few samples, a mean of 0 and a limit of 0 have no number; what is known already needs no more."""
    assert replications_needed([1.0], relative=0.1) is None
    assert replications_needed([], absolute=1) is None
    assert replications_needed([-1.0, 1.0], relative=0.1) is None
    assert replications_needed([1.0, 2.0], absolute=0) is None
    assert replications_needed([1.0, 2.0], absolute=1e-9) is None
    assert replications_needed([2.0, 2.0, 2.0], relative=0.1) == 3
    assert replications_needed([1.0, 2.0, 3.0], absolute=100) == 3
    with pytest.raises(ValueError, match="either"):
        replications_needed([1.0, 2.0])


def test_more_precision_needs_more_replications() -> None:
    """Half the error takes about four times the runs."""
    needed = [replications_needed(TEN, absolute=0.2 / 2**k) for k in range(5)]

    assert all(b is not None and a is not None and 3 < b / a < 4.5 for a, b in pairwise(needed))


def test_scipy_is_not_imported_with_the_module() -> None:
    """Commands that answer in milliseconds import the base layer; SciPy would cost more than all the rest."""
    run(
        [executable, "-c", "import coexsim.stats, coexsim.rng, sys; assert 'scipy' not in sys.modules"],
        check=True,
    )
