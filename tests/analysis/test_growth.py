"""Headroom as dates: compound growth, worked out by hand."""

from __future__ import annotations

from datetime import date
from math import inf

import pytest

from coexsim.analysis.growth import outgrown, read_day, say_outgrown, yearly_growth, years_until
from coexsim.analysis.headroom import Headroom
from coexsim.errors import UnitError

START = date(2027, 1, 1)


@pytest.mark.parametrize(
    ("text", "said"), [("10%", "write '10%/year'"), (" 8 ", "write '8%/year'"), ("fast", "write for example '8%/year'")]
)
def test_a_growth_without_its_time_is_answered_with_the_whole(text: str, said: str) -> None:
    """What would do is said, not an example with another number."""
    with pytest.raises(UnitError, match=said):
        yearly_growth(text)


def test_a_load_doubles_at_eight_per_cent_in_nine_years() -> None:
    """1.08 ** 9 = 1.999; 1.08 ** 1 = 1.08."""
    assert years_until(1.08**9, 0.08) == pytest.approx(9.0)
    assert years_until(1.08, 0.08) == pytest.approx(1.0)
    assert years_until(1.0, 0.08) == 0.0
    assert years_until(inf, 0.08) == inf


def test_dates_are_between_what_holds_and_what_breaks() -> None:
    """Shown to hold at 1.1025 times the load, 1.05 ** 2: two years at 5 %; to break at 1.05 ** 3: three."""
    room = Headroom(1.05**2, 1.05**3, "p95(delay) < 60 s: 70 s", "onprem.cores (72 %)")
    holds, breaks = outgrown(room, 0.05, START)

    assert (holds, breaks) == (date(2028, 12, 31), date(2029, 12, 31))
    assert say_outgrown(room, 0.05, START) == (
        "From January 2027 on, at 5 % a year, it is shown to hold until December 2028, and to break by December 2029: "
        "first p95(delay) < 60 s: 70 s; busiest then: onprem.cores (72 %)."
    )


def test_what_was_not_tried_is_not_said() -> None:
    """No growth was shown to break it; or none that anybody lives to see."""
    assert "how much longer was not tried" in say_outgrown(Headroom(2.0, inf, "", ""), 0.08, START)
    assert "more than 50 years" in say_outgrown(Headroom(4.0, inf, "", ""), 0.01, START)


@pytest.mark.parametrize(("text", "rate"), [("8%/year", 0.08), ("2.5 % per year", 0.025), (" 100%/year", 1.0)])
def test_growth_is_read_as_people_write_it(text: str, rate: float) -> None:
    """A percentage a year."""
    assert yearly_growth(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["8", "8%", "0%/year", "-3%/year", "8%/month", "9999%/year", ""])
def test_what_is_no_growth_is_refused(text: str) -> None:
    """With what would do."""
    with pytest.raises(UnitError, match="8%/year"):
        yearly_growth(text)


def test_days_are_read_as_they_are_written() -> None:
    """Year, month, day; what is no day is refused."""
    assert read_day("2027-01-31") == date(2027, 1, 31)
    with pytest.raises(UnitError, match="is no day"):
        read_day("31.1.2027")
