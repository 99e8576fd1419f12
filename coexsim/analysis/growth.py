"""When is a machine outgrown: the headroom as dates, where the load grows by so much a year."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from math import inf, isfinite, log1p
from math import log as natural_log

from coexsim.analysis.headroom import Headroom
from coexsim.errors import UnitError

DAYS_A_YEAR = 365.25
LONGEST_YEARS = 50.0


def yearly_growth(text: object) -> float:
    """``8%/year`` as 0.08. Raises `UnitError` for what is no growth: it must be above 0, and no more than 1000 % a year."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*(?:/|per|a)\s*year\s*", str(text))
    rate = float(match[1]) / 100 if match else 0.0
    if not 0 < rate <= 10:
        share = re.fullmatch(r"\s*\d+(?:\.\d+)?\s*%?\s*", str(text))
        if share:
            raise UnitError(f"{text!r} does not say in which time; write '{str(text).strip().rstrip('% ')}%/year'")
        raise UnitError(f"{text!r} is no growth of the load; write for example '8%/year'")
    return rate


def read_day(text: object) -> date:
    """``2027-01-31``, or ``today``. Raises `UnitError`."""
    if text == "today":
        return datetime.now(tz=UTC).date()
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise UnitError(f"{text!r} is no day; write for example 2027-01-31") from None


def years_until(factor: float, rate: float) -> float:
    """How long a load that grows by `rate` a year takes to be `factor` times what it is; infinite if nobody lives to see it."""
    years = natural_log(factor) / log1p(rate) if factor < inf else inf
    return years if years <= LONGEST_YEARS else inf


def outgrown(room: Headroom, rate: float, start: date) -> tuple[date | None, date | None]:
    """The day up to which the machine was shown to hold, and the day from which it was shown to fail; None: far off."""
    found = [years_until(factor, rate) for factor in (max(room.holds_to, 1.0), room.breaks_at)]
    days = [start + timedelta(days=years * DAYS_A_YEAR) if isfinite(years) else None for years in found]
    return days[0], days[1]


def say_outgrown(room: Headroom, rate: float, start: date) -> str:
    """``At 8 % a year it holds until March 2028 and breaks by October 2028: first utilisation(onprem.cores) < 70 %: ...``."""
    holds, breaks = outgrown(room, rate, start)
    words = f"From {say_month(start)} on, at {100 * rate:g} % a year, it "
    if holds is None:
        return f"{words}holds for more than {LONGEST_YEARS:.0f} years."
    held = f"is shown to hold until {say_month(holds)}"
    if breaks is None:
        return f"{words}{held}; how much longer was not tried."
    return f"{words}{held}, and to break by {say_month(breaks)}: first {room.first}; busiest then: {room.resource}."


def say_month(day: date) -> str:
    """``March 2028``."""
    names = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October")
    return f"{(*names, 'November', 'December')[day.month - 1]} {day.year}"
