"""Quantities as people write them: ``25 MB``, ``1h30m``, ``400/h``, ``100 Mbit/s``, ``70 %``, ``Mon 08:00``.

Everything inside coexsim is in base units: seconds, bytes, per second, shares of 1. A bare number where a unit is needed
is an error, since nobody can tell what it meant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf, isnan
from typing import NamedTuple

from coexsim.errors import UnitError, did_you_mean

SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "hour": 3600.0,
           "hours": 3600.0, "d": 86400.0, "day": 86400.0, "days": 86400.0, "week": 604800.0, "weeks": 604800.0}  # fmt: skip
BYTES = {"B": 1, "byte": 1, "bytes": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
         "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}  # fmt: skip
BITS_PER_S = {"bit/s": 1.0, "kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9}
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_S = 86400.0
WEEK_S = 7 * DAY_S

_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([^\s0-9]\S*)\s*")
_TERM = re.compile(rf"\s*({_NUMBER})\s*([A-Za-zµ]+)")
_CLOCK = re.compile(r"(?:(?P<day>[A-Za-z]{3,9})\s+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?")


def _text(value: object, what: str, example: str) -> str:
    if isinstance(value, bool) or value is None:
        raise UnitError(f"expected {what} such as {example!r}, found {value!r}")
    if isinstance(value, (int, float)):
        raise UnitError(f"{value!r} has no unit; write {what} such as {example!r}")
    return str(value).strip()


def _scaled(text: str, units: dict[str, float] | dict[str, int], what: str, example: str) -> float:
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise UnitError(f"{text!r} is not {what}; write for example {example!r}")
    number, unit = match.groups()
    if unit not in units:
        raise UnitError(
            f"{unit!r} is not a unit of {what}{did_you_mean(unit, list(units)) or f'; write for example {example!r}'}"
        )
    scaled = float(number) * units[unit]
    if not scaled < 1e18:
        raise UnitError(f"{text!r} is too large to be meant")
    return scaled


def duration_s(value: object) -> float:
    """Seconds of ``40 ms``, ``15 min``, ``1h30m``, ``2 days``. Raises `UnitError`."""
    text = _text(value, "a duration", "15 min")
    end = 0
    total = 0.0
    for term in _TERM.finditer(text):
        if term.start() != end:
            break
        total += _scaled(term.group(1) + " " + term.group(2), SECONDS, "a duration", "15 min")
        end = term.end()
    if not text or text[end:].strip():
        raise UnitError(f"{text!r} is not a duration; write for example '15 min' or '1h30m'")
    return total


def size_bytes(value: object) -> int:
    """Bytes of ``25 MB`` (10^6) or ``25 MiB`` (2^20). Raises `UnitError`."""
    return round(_scaled(_text(value, "a size", "25 MB"), BYTES, "a size", "25 MB"))


def bandwidth_bytes_per_s(value: object) -> float:
    """Bytes per second of ``100 Mbit/s``. Raises `UnitError`."""
    text = _text(value, "a bandwidth", "100 Mbit/s")
    return _scaled(text, BITS_PER_S, "a bandwidth", "100 Mbit/s") / 8


def rate_per_s(value: object) -> float:
    """Events per second of ``20/s``, ``400/h``, ``40/day``, ``1.5 per min``. Raises `UnitError`."""
    text = _text(value, "a rate", "400/h")
    match = re.fullmatch(rf"({_NUMBER})\s*(?:/|per)\s*([A-Za-z]+)", text)
    if not match or match.group(2) not in SECONDS:
        raise UnitError(f"{text!r} is not a rate; write for example '400/h', '40/day' or '20/s'")
    return float(match.group(1)) / SECONDS[match.group(2)]


def share(value: object) -> float:
    """A share of 1, from ``63 %`` or a number between 0 and 1. Raises `UnitError`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
    else:
        text = _text(value, "a share", "63 %")
        try:
            number = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            raise UnitError(f"{text!r} is not a share; write for example '63 %' or 0.63") from None
    if not 0 <= number <= 1:
        raise UnitError(f"{value!r} is not a share: it must lie between 0 and 1 (or 0 % and 100 %)")
    return number


class Moment(NamedTuple):
    """A time as planners say it: a weekday and a time of day, only a time of day, or a span after the start."""

    day: int | None
    second: float
    after_start: bool = False

    def after(self, start: Moment) -> float:
        """Seconds from `start` (a weekday and time of day) to this moment: the first one not before `start`."""
        if self.after_start:
            return self.second
        begin = (start.day or 0) * DAY_S + start.second
        if self.day is None:
            return (self.second - begin) % DAY_S
        return (self.day * DAY_S + self.second - begin) % WEEK_S


def moment(value: object) -> Moment:
    """``Mon 08:00``, ``10:00`` or a span after the start such as ``90 min``. Raises `UnitError`."""
    text = _text(value, "a time", "Mon 08:00")
    match = _CLOCK.fullmatch(text)
    if not match:
        try:
            return Moment(None, duration_s(text), after_start=True)
        except UnitError:
            raise UnitError(f"{text!r} is not a time; write 'Mon 08:00', '10:00' or a span such as '90 min'") from None
    day = None
    if match["day"]:
        names = [name for name in DAYS if match["day"].casefold().startswith(name.casefold())]
        if not names:
            raise UnitError(f"{match['day']!r} is not a day of the week; write one of {', '.join(DAYS)}")
        day = DAYS.index(names[0])
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if hour > 24 or minute > 59 or second > 59 or hour * 3600 + minute * 60 + second > DAY_S:
        raise UnitError(f"{text!r} is not a time of day (00:00 to 24:00)")
    return Moment(day, hour * 3600.0 + minute * 60.0 + second)


def window(value: object) -> tuple[Moment, Moment]:
    """``Mon 08:00-18:00`` or ``10 min - 2 h`` as two moments; a day given once holds for both. Raises `UnitError`."""
    text = _text(value, "a time window", "Mon 08:00-18:00")
    begin, dash, end = text.partition("-")
    if not dash:
        raise UnitError(f"{text!r} is not a time window; write for example 'Mon 08:00-18:00' or '10 min - 2 h'")
    first, last = moment(begin), moment(end)
    if first.day is not None and last.day is None and not last.after_start:
        last = last._replace(day=first.day)
    return first, last


def say_duration(seconds: float) -> str:
    """A duration for people: ``250 ms``, ``4.2 s``, ``12 min``, ``3.5 h``, ``2.1 days``; less than a nanosecond is none."""
    if seconds != seconds or seconds in (float("inf"), float("-inf")):
        return "-" if seconds != seconds else "never"
    if abs(seconds) < 1e-9:  # what rounding of floating point leaves is nothing
        return "0 s"
    for limit, unit, scale in (
        (1e-3, "µs", 1e-6),
        (1, "ms", 1e-3),
        (120, "s", 1),
        (7200, "min", 60),
        (172800, "h", 3600),
    ):
        if abs(_rounded(seconds)) < limit:  # what is rounded up to the limit has the next unit: 1 s, not 1e+03 ms
            return f"{_rounded(seconds / scale):g} {unit}"
    days = seconds / DAY_S
    return f"{_rounded(days):g} days" if abs(days) < 1000 else f"{days:,.0f} days"


def say_bytes(number: float) -> str:
    """A size for people: ``75 KB``, ``1.2 GB`` (powers of ten)."""
    for limit, unit, scale in ((1e3, "B", 1), (1e6, "KB", 1e3), (1e9, "MB", 1e6), (1e12, "GB", 1e9)):
        if abs(_rounded(number)) < limit:
            return f"{_rounded(number / scale):g} {unit}"
    return f"{_rounded(number / 1e12):g} TB" if abs(number) < 1e15 else f"{number / 1e12:,.0f} TB"


def say_bandwidth(bytes_per_s: float) -> str:
    """A bandwidth for people, from bytes a second: ``64 kbit/s``, ``1.5 Gbit/s``, ``no limit``."""
    if bytes_per_s == inf:
        return "no limit"
    bits_per_s = 8 * bytes_per_s
    unit = next((unit for unit, scale in reversed(BITS_PER_S.items()) if bits_per_s >= scale), "Mbit/s")
    return f"{bits_per_s / BITS_PER_S[unit]:g} {unit}"


def say_between(low: float | None, high: float | None, say: Callable[[float], str], limit: float | None = None) -> str:
    """The ends of an interval for people: ``1.1 s to 1.3 s``, or ``at least 1.1 s`` where no upper end is known; empty if nothing is.

    One that ends at the `limit` of an objective says so (``1.1 s to the limit of 2 s``): all that is known is that it is no further.
    """
    if (
        low is None or high is None or isnan(low) or isnan(high) or (low <= 0 and high == inf)
    ):  # None: what was none is so in a file
        return ""
    ends = [f"the limit of {say(end)}" if end == limit else say(end) for end in (low, high)]
    return f"at least {ends[0]}" if high == inf else f"{ends[0]} to {ends[1]}"


def _rounded(number: float) -> float:
    """To the three digits that people are told."""
    return float(f"{number:.3g}")


def say_time(seconds: float, start: Moment) -> str:
    """A moment of the run as weekday and time of day: ``Mon 10:05``."""
    week = ((start.day or 0) * DAY_S + start.second + seconds) % WEEK_S
    day, second = divmod(week, DAY_S)
    return f"{DAYS[int(day)]} {int(second // 3600):02d}:{int(second % 3600 // 60):02d}"


def say_span(begin_s: float, end_s: float, start: Moment) -> str:
    """Two moments of the run; the day is said once where it is one: ``Mon 08:00 to 18:00``."""
    begin, end = say_time(begin_s, start), say_time(end_s, start)
    return f"{begin} to {end[4:] if end[:3] == begin[:3] and end_s > begin_s else end}"
