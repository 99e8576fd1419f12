"""Held against theory: a check that can fail, and that says when it has too few samples to tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from coexsim.stats import half_width


def assert_mean_is(expected: float, samples: Sequence[float], *, rel: float, false_alarm: float = 1e-4) -> None:
    """The mean of `samples` is `expected`, known to within `rel`; too few samples to tell is a failure."""
    mean, half = np.mean(samples), half_width(samples, level=1 - false_alarm)
    assert half <= rel * expected, f"too few samples: known only to +-{half / expected:.1%}"
    assert abs(mean - expected) <= half, f"{mean:.4g} +-{half:.2g}, theory says {expected:.4g}"


def assert_mean_is_and_not_a_tenth_more(expected: float, samples: Sequence[float], *, rel: float) -> None:
    """As `assert_mean_is`, and the same samples are enough to refuse a theory that is off by 10 %."""
    assert_mean_is(expected, samples, rel=rel)
    with pytest.raises(AssertionError, match="theory says"):
        assert_mean_is(1.1 * expected, samples, rel=rel)
