"""Values in few: exact where they are few, close where they are many, and pooled as if they had never been apart."""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest
from numpy.typing import ArrayLike

from coexsim.analysis.sketch import CELLS, Sketch, ordered, pool, pooled_quantile, quantile, sketch


def kept_of(values: ArrayLike, weights: ArrayLike) -> Sketch:
    return sketch(*ordered(np.asarray(values, dtype=np.float64), np.asarray(weights, dtype=np.float64)))


def test_few_values_are_kept_as_they_are() -> None:
    """Weights included: three recipients at 5 s make it the median of five."""
    kept = kept_of([1.0, 5.0, 2.0], [1, 3, 1])

    assert (kept.values, kept.reached) == ((1.0, 2.0, 5.0), (1.0, 2.0, 5.0))
    assert (quantile(kept, 0.4), quantile(kept, 0.41), kept.up_to(2.0), kept.up_to(0.5)) == (2.0, 5.0, 2.0, 0.0)
    assert isnan(quantile(kept_of([], []), 0.5))


@pytest.mark.parametrize("probability", [0.001, 0.5, 0.95, 0.99, 0.999, 0.9999])
def test_many_values_lose_little(probability: float) -> None:
    """A million exponential delays: each quantile within 1 % of the exact one (the first 0.1 % are shorter than a millisecond)."""
    values = np.random.default_rng(1).exponential(1.0, 1_000_000)
    kept = kept_of(values, np.ones(len(values)))

    assert len(kept.values) <= CELLS + 1
    assert kept.weight == 1_000_000
    assert quantile(kept, probability) == pytest.approx(float(np.quantile(values, probability)), rel=0.01)


def test_pooled_is_as_if_never_apart() -> None:
    """Two replications of different size."""
    one, other = np.arange(100.0), np.arange(50.0, 450.0)
    together = pool([kept_of(one, np.ones(100)), kept_of(other, np.ones(400))])

    assert together.weight == 500
    for probability in (0.05, 0.5, 0.95):
        exact = float(np.quantile(np.concatenate([one, other]), probability, method="inverted_cdf"))
        assert quantile(together, probability) == exact


def test_a_share_that_reaches_beyond_all_has_no_end() -> None:
    """All of one replication, but 90 % of the other are up to p95, 289: 95 % +- 12.7 x 5 %, so from the 32 % point to no end."""
    parts = [kept_of(np.arange(100.0), np.ones(100)), kept_of(np.arange(200.0, 300.0), np.ones(100))]

    value, interval = pooled_quantile(parts, 0.95)

    assert value == 289.0
    assert (interval.low, interval.high) == (62.0, inf)
