"""Until when a set-up holds: the search by a judge made up, dates worked out by hand, and one station by theory."""

from __future__ import annotations

from datetime import date

import pytest

from coexsim.analysis.assess import Assessment
from coexsim.analysis.costs import costs
from coexsim.analysis.growth import say_month
from coexsim.analysis.outlook import Look, MigrationStep, Outlook, look_ahead, most_looks, outlook, read_plan
from coexsim.errors import NoDataError, UnitError
from coexsim.scenario.model import Candidate, Scenario
from tests.analysis.small import small
from tests.analysis.station import station

START = date(2027, 1, 1)


def judge_at(limit: float, rate: float, per_hosted: float = 0.0):  # type: ignore[no-untyped-def]
    """A judge who says missed where growth plus so much of the hosted share passes a limit."""

    def judge(day: date, hosted: float | None) -> Look:
        growth = (1 + rate) ** ((day - START).days / 365.25)
        answer = "missed" if growth + per_hosted * (hosted or 0.0) > limit else "met"
        return Look(day, hosted, growth, answer, "p95(delay) < 60 s: 70 s", "onprem.cores (72 %)")

    return judge


def test_growth_alone_breaks_between_two_months() -> None:
    """At 10 % a year a load is 1.21 times as large after two years: 731 days after 1 January 2027 it is past that."""
    found = look_ahead(judge_at(1.21, 0.10), 0.10, (), START, 5)

    assert (found.holds_until, found.breaks_by) == (date(2028, 12, 1), date(2029, 1, 1))
    assert str(found).startswith("From January 2027 on, at 10 % a year, it is shown to hold until ")
    assert str(found).endswith("first p95(delay) < 60 s: 70 s; busiest then: onprem.cores (72 %).")
    assert len(found.looks) <= 3 + 6  # the first day, the last and the one before it, then halves of sixty months
    assert most_looks(0.10, (), START, 5) == 3 + 6


@pytest.mark.parametrize("months", range(1, 40))
def test_no_more_days_are_judged_than_is_told_beforehand(months: int) -> None:
    """Wherever it breaks, with a step of the plan between or without; without growth only the steps themselves are judged."""
    plan = (MigrationStep(date(2028, 3, 1), 0.2),)
    for steps in ((), plan):
        found = look_ahead(judge_at(1.1 ** (months / 12), 0.10, per_hosted=0.01), 0.10, steps, START, 4)
        assert len(found.looks) <= most_looks(0.10, steps, START, 4)
    assert most_looks(0.0, plan, START, 4) == 2


def test_a_step_of_the_plan_may_break_it() -> None:
    """Without growth: 60 % hosted from June is too much; the day before it held."""
    plan = (MigrationStep(date(2027, 3, 1), 0.2), MigrationStep(date(2027, 6, 1), 0.6))
    found = look_ahead(judge_at(1.5, 0.0, per_hosted=1.0), 0.0, plan, START, 5)

    assert (found.holds_until, found.breaks_by) == (date(2027, 5, 31), date(2027, 6, 1))
    assert "with 20 % from March 2027, then 60 % from June 2027 hosted" in str(found)


def test_a_step_after_all_that_was_looked_at_is_not_told_as_looked_at() -> None:
    """It may break what is said to hold."""
    plan = (MigrationStep(date(2028, 3, 1), 0.2), MigrationStep(date(2040, 6, 1), 0.9))
    found = look_ahead(judge_at(1.5, 0.0, per_hosted=1.0), 0.0, plan, START, 3)

    assert (found.holds_until, found.breaks_by) == (found.end, None)
    assert "with 20 % from March 2028 hosted, it is shown to hold" in str(found)
    assert str(found).endswith("Not looked at, as it is later: the plan from June 2040 on.")


def test_later_steps_of_the_plan_are_told_after_the_day_that_breaks_it() -> None:
    """At 20 % a year a limit of 1.06 breaks within the first half-year; people who move take load away, or bring it."""
    steps = ((3, 0.0), (7, -0.5), (9, 0.0), (10, 0.6), (11, 0.7))
    plan = tuple(MigrationStep(date(2027, month, 1), share) for month, share in steps)
    found = look_ahead(judge_at(1.06, 0.20, per_hosted=1.0), 0.20, plan, START, 1)

    assert (found.holds_until, found.breaks_by) == (date(2027, 4, 1), date(2027, 5, 1))
    assert {step.day for step in plan} <= {look.day for look in found.looks}
    assert len(found.looks) <= most_looks(0.20, plan, START, 1)
    assert str(found).endswith(
        " On the days of the plan after that: met in July 2027; "
        "missed in September 2027, October 2027 and November 2027: p95(delay) < 60 s: 70 s."
    )
    assert "with 0 % from March 2027, in 5 steps to 70 % from November 2027 hosted" in str(found)


def test_what_holds_all_the_years_is_said_so() -> None:
    """And no day later was looked at."""
    found = look_ahead(judge_at(9.0, 0.05), 0.05, (), START, 3)

    assert (found.holds_until, found.breaks_by) == (found.end, None)
    assert "is shown to hold until December 2029, as far as was looked" in str(found) or "January 2030" in str(found)
    assert str(found).endswith("; the figures then: busiest: onprem.cores (72 %).")


def test_what_does_not_hold_today_is_said() -> None:
    """On the first day."""
    found = look_ahead(judge_at(0.5, 0.05), 0.05, (), START, 3)
    assert (found.holds_until, found.breaks_by) == (None, START)
    assert "is not shown to hold on any day, and to break by January 2027" in str(found)


def test_plans_are_read_in_order_of_their_days() -> None:
    """A share of 1, by date; what is none is refused, and two for one day."""
    assert read_plan(["2027-06-30=60%", "2027-01-31 = 0.2"]) == (
        MigrationStep(date(2027, 1, 31), 0.2),
        MigrationStep(date(2027, 6, 30), 0.6),
    )
    assert read_plan(["2027-06-30=3000", "2027-12-31=4,200"], 4200) == (
        MigrationStep(date(2027, 6, 30), 3000 / 4200),
        MigrationStep(date(2027, 12, 31), 1.0),
    )
    for wrong in (
        ["2027-06-30=3000"],
        ["2027-06-30"],
        ["soon=60%"],
        ["2027-06-30=much"],
        ["2027-06-30=1%", "2027-06-30=2%"],
    ):
        with pytest.raises(UnitError):
            read_plan(wrong)


def test_growth_plan_and_day_are_taken_as_the_command_line_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python: words, a table of days, or the steps that `read_plan` gives; what cannot be read is refused in words."""
    asked: list[tuple[object, ...]] = []

    def kept(_: object, *given: object) -> Outlook:
        asked.append(given)
        return Outlook(START, START, 0.0, (), None, None, ())

    monkeypatch.setattr("coexsim.analysis.outlook.look_ahead", kept)
    scenario = station("utilisation(onprem.cores) < 99 %", hours=10, law="cv: 0")
    day = date(2027, 6, 30)
    plans: tuple[object, ...] = (
        {"2027-06-30": "60%"}, {"2027-06-30": 0.6}, ["2027-06-30=60%"], {day: "60%"}, (MigrationStep(day, 0.6),),
    )  # fmt: skip

    for plan in plans:
        outlook(scenario, growth="8%/year", plan=plan, start="2027-01-01", years=1)  # type: ignore[arg-type]
    outlook(scenario, growth=0.08, plan=plans[-1], start=START, years=1)  # type: ignore[arg-type]
    assert asked == [(0.08, (MigrationStep(day, 0.6),), START, 1)] * 6
    wrong: tuple[dict[str, object], ...] = (
        {"growth": "8"}, {"plan": {"June": "60%"}}, {"start": "soon"}, {"plan": {"2027-06-30": "much"}}
    )  # fmt: skip
    for each in wrong:
        with pytest.raises(UnitError):
            outlook(scenario, **each)  # type: ignore[arg-type]


def test_machines_in_turn_and_at_once() -> None:
    """The small one lasts two years and costs 2, the large one all five and costs 3: 5 in turn, 3 at once."""
    scenario = station(
        "utilisation(onprem.cores) < 90 %",
        size="candidates: [{name: small, cores: 5, cost: 2}, {name: large, cores: 9, cost: 3}]",
    )
    limits = {5: 1.21, 9: 9.0}

    def look(then):  # type: ignore[no-untyped-def]
        return look_ahead(judge_at(limits[then.servers["onprem"].capacity.cores], 0.10), 0.10, (), START, 5)

    assert scenario.size is not None
    found = costs(scenario, "onprem", scenario.size.candidates, look, 5)
    assert found is not None
    assert [each.machine.name for each in found.in_turn] == ["small", "large"]
    assert "5 in all; large at once: 3." in str(found)
    assert costs(scenario, "onprem", [Candidate(name="large", cores=9)], look, 5).at_once is not None  # type: ignore[union-attr]


def test_theory_says_when_a_station_surely_is_outgrown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five cores at 79.2 % (2,376 mails an hour of 6 s): from 1.326 times the load on they surely never catch up; such days are not run."""
    tried = []

    def held(then: Scenario, *_: object, **__: object) -> Assessment:
        tried.append(then.load.growth if then.load else 0.0)
        return Assessment((), (), 0.95)

    monkeypatch.setattr("coexsim.analysis.outlook.assess", held)
    scenario = station("utilisation(onprem.cores) < 99 %", hours=10, law="cv: 0")
    found = outlook(scenario, growth=0.10, start=START, years=5)

    assert found.holds_until is not None
    assert found.breaks_by is not None
    assert max(tried) < 1.45
    assert found.looks[-1].first.startswith("onprem.cores: ")


def test_an_outlook_needs_load_and_objectives() -> None:
    """It says so."""
    with pytest.raises(NoDataError, match="needs a load"):
        outlook(small("p95(delay) < 1 s"), growth=0.1, start=START)


def test_many_months_of_which_nobody_can_say_are_told_by_their_ends() -> None:
    """From 1.05 to 1.3 times the load the judge is not sure: more than three of the months looked at, told as a span."""

    def judge(day: date, hosted: float | None) -> Look:
        sure: Look = judge_at(1.3, 0.10)(day, hosted)
        return sure._replace(answer="cannot say", first="too few") if 1.05 < sure.growth <= 1.3 else sure

    found = look_ahead(judge, 0.10, (), START, 5)
    unsure = sorted(look.day for look in found.looks if look.answer == "cannot say")

    assert len(unsure) > 3
    assert (
        f"in {len(unsure)} months from {say_month(unsure[0])} to {say_month(unsure[-1])}, we cannot say: too few)"
        in str(found)
    )


def test_why_nobody_can_say_is_told() -> None:
    """All mailboxes have moved: of mail to the side that they left there is none, and no number of runs tells of it."""
    load = "load: {streams: [{from: internet, to: onprem, rate: 0.2/s}]}\n"
    spec = small("p95(delay, internet->onprem) < 60 s", more=load).change({"run.length": "20 min", "events": []})
    found = outlook(spec, plan={"2027-06-01": "100%"}, start="2027-01-04", years=1, replications=2)

    assert found.holds_until == date(2027, 5, 31)
    assert "in June 2027, we cannot say: p95(delay, internet->onprem) < 60 s: no mail of this kind)" in str(found)
