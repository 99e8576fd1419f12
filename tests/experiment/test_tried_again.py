"""How often mail is tried that a limit turns away: by hand, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from coexsim.experiment.tried_again import tried_again, turned_away
from coexsim.mail.retry import RetrySchedule

EVERY_MINUTE = RetrySchedule((60.0,), 1.0, 60.0, None, 1e9, "message")


def test_a_backlog_grows_and_is_worked_off() -> None:
    """3 a minute, 2 let in, each tried every minute: in 4 minutes 1, 2, 3, 4 are turned away, then 2, then none."""
    found = tried_again([12.0], 2, 60.0, EVERY_MINUTE, run_s=240.0, until_s=3600.0)

    assert found.attempts == pytest.approx(1 + 2 + 3 + 4 + 2)
    # of those born in a minute the part that is turned away: 1/3, 2/4, 3/5, 4/6
    assert found.messages == pytest.approx(3 * (1 / 3 + 2 / 4 + 3 / 5 + 4 / 6))


def test_what_is_far_within_the_limit_waits_for_nothing() -> None:
    assert tried_again([120.0], 20, 60.0, EVERY_MINUTE, run_s=3600.0, until_s=7200.0) == (0.0, 0.0)


@pytest.mark.parametrize(("mean", "most"), [(9.0, 10), (12.0, 13), (40.0, 50), (100.0, 115)])
def test_bursts_beyond_the_limit_are_turned_away(mean: float, most: int) -> None:
    """What a Poisson number has beyond the limit, in the mean: the sum over its law."""
    numbers = np.arange(most, most + 200)
    exact = float(np.sum((numbers - most) * poisson.pmf(numbers, mean))) / mean

    assert turned_away(mean, most, mean) == pytest.approx(exact, rel=0.25)


def test_where_more_is_due_the_limit_is_always_met() -> None:
    assert turned_away(12.0, 6, 12.0) == 0.5


def test_mail_is_given_up_at_its_age() -> None:
    """3 a minute, none let in, given up after two minutes and a half: each is tried at 0, 1 and 2 minutes."""
    schedule = EVERY_MINUTE._replace(expire_after_s=150.0)

    assert tried_again([12.0], 0, 60.0, schedule, run_s=240.0, until_s=3600.0) == pytest.approx((12.0, 36.0))


def test_attempts_within_a_minute_count() -> None:
    """A message that is tried every second is turned away 60 times in a minute of a limit."""
    dense = EVERY_MINUTE._replace(gaps_s=(1.0,), longest_s=1.0)

    assert tried_again([1.0], 0, 60.0, dense, run_s=60.0, until_s=60.0).attempts == pytest.approx(120)
