"""Quantities are read as people write them, and refused where nobody could tell what they meant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coexsim import units
from coexsim.errors import UnitError
from coexsim.units import Moment


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("40 ms", 0.04),
        ("15 min", 900),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("2 days", 172800),
        ("1.5 s", 1.5),
        ("0 s", 0),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    """Durations in every unit, also in several terms."""
    assert units.duration_s(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.size_bytes, "25 MB", 25_000_000),
        (units.size_bytes, "25 MiB", 26_214_400),
        (units.size_bytes, "75 KB", 75_000),
        (units.bandwidth_bytes_per_s, "100 Mbit/s", 12_500_000),
        (units.rate_per_s, "400/h", 1 / 9),
        (units.rate_per_s, "40/day", 40 / 86400),
        (units.rate_per_s, "20/s", 20),
        (units.share, "63 %", 0.63),
        (units.share, 0.63, 0.63),
    ],
)
def test_other_quantities_are_read_in_base_units(read: object, text: object, value: float) -> None:
    """Bytes, bytes per second, per second, shares of one."""
    assert callable(read)
    assert read(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (units.duration_s, 3, "has no unit"),
        (units.duration_s, "3", "is not a duration"),
        (units.duration_s, "3 mins", "is not a unit"),
        (units.duration_s, "-3 s", "is not a duration"),
        (units.duration_s, "1h30", "is not a duration"),
        (units.duration_s, True, "expected a duration"),
        (units.duration_s, None, "expected a duration"),
        (units.size_bytes, 25, "has no unit"),
        (units.size_bytes, "25 Mb", "did you mean 'MB'"),
        (units.bandwidth_bytes_per_s, "100 MB", "is not a unit"),
        (units.rate_per_s, "400", "is not a rate"),
        (units.rate_per_s, "400/parsec", "is not a rate"),
        (units.share, "120 %", "between 0 and 1"),
        (units.share, "much", "is not a share"),
        (units.moment, "25:00", "is not a time of day"),
        (units.moment, "Moonday 10:00", "is not a day"),
        (units.moment, "noon", "is not a time"),
        (units.window, "Mon 08:00", "is not a time window"),
    ],
)
def test_what_nobody_can_tell_is_refused(read: object, text: object, said: str) -> None:
    """A bare number, an unknown unit, a value out of range: a `UnitError` that says what would do."""
    assert callable(read)
    with pytest.raises(UnitError, match=said):
        read(text)


@pytest.mark.parametrize(
    ("text", "start", "seconds"),
    [
        ("Mon 10:00", Moment(0, 0), 36_000),
        ("10:00", Moment(0, 8 * 3600), 7_200),
        ("07:00", Moment(0, 8 * 3600), 23 * 3600),
        ("Tue 00:00", Moment(0, 0), 86_400),
        ("Mon 00:00", Moment(1, 0), 6 * 86_400),
        ("90 min", Moment(3, 1), 5_400),
    ],
)
def test_a_moment_is_the_first_one_after_the_start(text: str, start: Moment, seconds: float) -> None:
    """A weekday and time, a time of day, or a span, in seconds from the start of the run."""
    assert units.moment(text).after(start) == seconds


def test_a_window_names_its_day_once() -> None:
    """``Mon 08:00-18:00`` ends on the same Monday."""
    assert units.window("Mon 08:00-18:00") == (Moment(0, 28_800), Moment(0, 64_800))


@given(st.floats(min_value=1e-5, max_value=1e7))
def test_what_is_said_can_be_read_back(seconds: float) -> None:
    """A duration as said for people reads back as itself, to the three digits said."""
    assert units.duration_s(units.say_duration(seconds)) == pytest.approx(seconds, rel=0.006)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.9997, "1 s"),
        (0.0009999, "1 ms"),
        (119.96, "2 min"),
        (7199.0, "2 h"),
        (0.9994, "999 ms"),
        (-0.27, "-270 ms"),
        (4e-14, "0 s"),
        (1500 * 86400.0, "1,500 days"),
    ],
)
def test_a_duration_is_never_said_as_a_power_of_ten(seconds: float, said: str) -> None:
    """What three digits round up to the next unit is said in that unit: 999.7 ms is 1 s, not 1e+03 ms."""
    assert units.say_duration(seconds) == said


@pytest.mark.parametrize(("number", "said"), [(999_700, "1 MB"), (999.7, "1 KB"), (999.4, "999 B"), (2e15, "2,000 TB")])
def test_a_size_is_never_said_as_a_power_of_ten(number: float, said: str) -> None:
    """As a duration: 999.7 KB is 1 MB."""
    assert units.say_bytes(number) == said


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("64 kbit/s", 64e3),
        ("1 Mbit/s", 1e6),
        ("12.5 Mbit/s", 12.5e6),
        ("1 Gbit/s", 1000e6),
        ("10 bit/s", 10.0),
        ("0 Mbit/s", 0.0),
        ("no limit", math.inf),
    ],
)
def test_a_bandwidth_is_said_in_the_unit_that_keeps_it_short(said: str, meant: float) -> None:
    """What is written is read back as it was: 1000 Mbit/s is 1 Gbit/s, 0.064 Mbit/s is 64 kbit/s."""
    assert units.say_bandwidth(meant / 8) == said
    if said != "no limit":
        assert units.bandwidth_bytes_per_s(said) == meant / 8
