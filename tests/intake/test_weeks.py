"""A log of weeks: the curves of day and week, the peak hour and growth; and how long work takes by size."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from coexsim.intake.fit import Fit, fit
from coexsim.intake.fit_service import fit_law
from coexsim.scenario.load import load_scenario

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
WEEKS = 6
GROWTH = 0.08  # a week
LINES = """\
{at} hub postfix/smtpd[1]: {id}: client=pc.example.com[192.0.2.1]
{at} hub postfix/cleanup[2]: {id}: message-id=<{id}@example.com>
{at} hub postfix/qmgr[3]: {id}: from=<p{person}@example.com>, size=5000, nrcpt=1 (queue active)
{at} hub postfix/virtual[4]: {id}: to=<p{other}@example.com>, relay=virtual, delay=0.1, delays=0.05/0/0/0.05, dsn=2.0.0, status=sent (ok)
{at} hub postfix/qmgr[3]: {id}: removed
"""


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fit, Path]:
    """Six weeks, 8 % more mail each: on working days ten times the mail from 8 to 18 and twice that from 10 to 11; none at weekends."""
    numbers = np.random.default_rng(1)
    text: list[str] = []
    for day in range(7 * WEEKS):
        for hour in range(24 if day % 7 < 5 else 0):
            mean = (2.0 if hour == 10 else 1.0 if 8 <= hour < 18 else 0.1) * 6.0 * (1 + GROWTH) ** (day // 7)
            for second in np.sort(numbers.integers(0, 3600, numbers.poisson(mean))).tolist():
                at = MONDAY + timedelta(days=day, hours=hour, seconds=second)
                number = len(text)
                text.append(LINES.format(
                    at=at.isoformat(timespec="seconds"), id=f"{number % 999_999:05X}1C{number:05X}", person=number % 40, other=number % 37,
                ))  # fmt: skip
    folder = tmp_path_factory.mktemp("weeks")
    (folder / "hub.log").write_text("".join(text), encoding="utf-8")
    return fit([folder / "hub.log"], domain="example.com", folder=folder), folder


def test_growth_and_peak_hour(weeks: tuple[Fit, Path]) -> None:
    """8 % a week within the interval, which is not wide; the peak hour is one from 10 to 11."""
    found, _ = weeks
    growth, peak = found.figure("growth a week"), found.figure("peak hour")

    assert growth.low <= GROWTH <= growth.high
    assert growth.high - growth.low < 0.25
    assert growth.value == pytest.approx(GROWTH, abs=0.03)
    assert "10:00" in peak.remark


def test_curves_of_day_and_week(weeks: tuple[Fit, Path]) -> None:
    """The hour from 10 has twice what 8 to 18 have, which have ten times the night; weekends have nothing. The scenario says so too."""
    found, folder = weeks
    day, week = found.load.curves()
    assert day is not None
    assert week is not None
    office = np.mean([day[hour] for hour in (8, 9, *range(11, 18))])
    assert day[10] / office == pytest.approx(2.0, rel=0.1)
    assert np.mean([*day[:8], *day[18:]]) / office == pytest.approx(0.1, rel=0.25)
    assert week[:5] == pytest.approx([1.0] * 5, rel=0.1)
    assert week[5:] == [0.0, 0.0]
    found.save(folder)
    load = load_scenario(folder / "fitted.yaml").load
    assert load is not None
    assert load.day_curve is not None
    assert int(np.argmax(load.day_curve)) == 10


def test_work_by_size_is_told_apart() -> None:
    """20 ms a message and 80 ms for each MB, with noise, rounded to hundredths as Postfix does: both within 15 %."""
    numbers = np.random.default_rng(2)
    sizes = np.exp(numbers.normal(np.log(200_000), 1.2, 4000)).astype(np.int64)
    times_s = np.round((0.02 + 0.08 * sizes / 1e6) * numbers.gamma(20, 1 / 20, len(sizes)), 2)
    law = fit_law(times_s, sizes, 0.01)

    assert law is not None
    assert law.per_mb_s == pytest.approx(0.08, rel=0.15)
    assert law.mean_s == pytest.approx(0.02, rel=0.15)
    none = fit_law(np.round(numbers.gamma(4, 0.01, 4000), 2), sizes, 0.01)
    assert none is not None
    assert none.per_mb_s < 0.01
