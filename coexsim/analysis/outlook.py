"""Until when a set-up holds: a load that grows by so much a year, a migration plan by date, and what machines then cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

import pandas as pd

from coexsim.analysis.assess import FIRST_LOOK, assess
from coexsim.analysis.growth import DAYS_A_YEAR, read_day, say_month, yearly_growth
from coexsim.analysis.headroom import bracket, grown
from coexsim.analysis.loads import station_loads
from coexsim.analysis.screening import too_small
from coexsim.analysis.slo_text import Objective, objectives_of
from coexsim.answers import CANNOT_SAY, MET, MISSED
from coexsim.cards import card
from coexsim.errors import NoDataError, UnitError
from coexsim.experiment.sides_left import say_sides
from coexsim.experiment.sweep import HOSTED_SHARE, at_values, share_of
from coexsim.scenario.given import require_scenario
from coexsim.scenario.model import Scenario
from coexsim.text import joined

DAY_HEADS = ("day", "hosted", "load", "answer", "figures")
MOST_MOVES = 3
"""Of so many steps of a plan each is told in the sentence; of more the first and the last."""
YEARS = 5.0
"""So far ahead is looked unless something else is asked for."""


class MigrationStep(NamedTuple):
    """From this day on, this share of the mailboxes is hosted; None: as the scenario has it."""

    day: date
    hosted: float | None


class Look(NamedTuple):
    """What one day's load gave: the day, the share hosted, the growth of the load, the answer, what broke, the busiest, the figures."""

    day: date
    hosted: float | None
    growth: float
    answer: str
    first: str = ""
    """What broke; of a day of which we cannot say, why."""
    resource: str = ""
    figures: str = ""


@dataclass(frozen=True, repr=False)
class Outlook:
    """Between which days a set-up stops to hold. `looks` are all days that were tried, in order of date.

    Once it is shown to break, of the days after that only those are tried on which the plan moves people.
    """

    start: date
    end: date
    rate: float
    plan: tuple[MigrationStep, ...]
    holds_until: date | None
    """The last day that was shown to hold; None if none was."""
    breaks_by: date | None
    """The first day that was shown to fail; None if none was within the years looked at."""
    looks: tuple[Look, ...]
    note: str = ""
    """What to know of the mail while people move; empty where there is nothing."""

    def __repr__(self) -> str:
        return f"<Outlook: {self}>"

    def __str__(self) -> str:
        return " ".join(filter(None, [f"{self._begin} it {self._finding}", self._later, self._beyond, self.note]))

    def _repr_html_(self) -> str:
        """For notebooks: the sentence, and every day that was tried."""
        return card("Until when it holds", [str(self)], DAY_HEADS, self.day_rows())

    def day_rows(self) -> list[tuple[str, ...]]:
        """Every day that was tried, for people, under `DAY_HEADS`."""
        return [
            (
                look.day.isoformat(),
                "as it is" if look.hosted is None else f"{100 * look.hosted:.3g} %",
                "as it is" if look.growth == 1 else f"{look.growth:.3g} times",
                look.answer,
                look.figures or look.first,
            )
            for look in self.looks
        ]

    @property
    def table(self) -> pd.DataFrame:
        """Every day that was tried: columns ``day, hosted, growth, answer, first, resource, figures``."""
        return pd.DataFrame(self.looks, columns=list(Look._fields))

    @property
    def _begin(self) -> str:
        parts = [f"From {say_month(self.start)} on"]
        if self.rate:
            parts.append(f"at {100 * self.rate:g} % a year")
        moves = [
            f"{100 * step.hosted:.3g} % from {say_month(step.day)}"
            for step in self.plan
            if step.hosted is not None and step.day <= self.end
        ]
        if len(moves) > MOST_MOVES:
            parts.append(f"with {moves[0]}, in {len(moves)} steps to {moves[-1]} hosted")
        elif moves:
            parts.append(f"with {', then '.join(moves)} hosted")
        return ", ".join(parts) + ","

    @property
    def _later(self) -> str:
        """What the steps of the plan give that come after the day on which it is shown to break."""
        moves = {step.day for step in self.plan}
        later = [
            look
            for look in self.looks
            if self.breaks_by is not None and look.day > self.breaks_by and look.day in moves
        ]
        said = []
        for answer in (MET, MISSED, CANNOT_SAY):
            of_it = [look for look in later if look.answer == answer]
            if of_it:
                words = "we cannot say" if answer == CANNOT_SAY else answer
                first = f": {of_it[0].first}" if answer == MISSED else ""
                said.append(f"{words} in {joined([say_month(look.day) for look in of_it])}{first}")
        return f"On the days of the plan after that: {'; '.join(said)}." if said else ""

    @property
    def _beyond(self) -> str:
        """Which steps of the plan come after all days that were looked at."""
        later = [step.day for step in self.plan if step.day > self.end]
        return f"Not looked at, as it is later: the plan from {say_month(later[0])} on." if later else ""

    @property
    def _finding(self) -> str:
        between = [look for look in self.looks if look.answer == CANNOT_SAY and self._is_between(look.day)]
        why = f": {between[0].first}" if between and between[0].first else ""
        unsure = f" (between, in {_say_months([look.day for look in between])}, we cannot say{why})" if between else ""
        if self.breaks_by is None:
            if self.holds_until is None:
                return f"may hold or not: we cannot say{why}."
            ahead = "as far as was looked" if self.holds_until >= self.end else "and later we cannot say"
            held = [look for look in self.looks if look.answer == MET]
            then = [held[-1].figures, f"busiest: {held[-1].resource}" if held[-1].resource else ""] if held else []
            told = f"; the figures then: {'; '.join(filter(None, then))}" if any(then) else ""
            return f"is shown to hold until {say_month(self.holds_until)}, {ahead}{unsure}{told}."
        broken = next(look for look in self.looks if look.day == self.breaks_by and look.answer == MISSED)
        busiest = f"; busiest then: {broken.resource}" if broken.resource else ""
        if self.holds_until is None:
            return f"is not shown to hold on any day, and to break by {say_month(self.breaks_by)}{unsure}: first {broken.first}{busiest}."
        return (
            f"is shown to hold until {say_month(self.holds_until)}, and to break by {say_month(self.breaks_by)}{unsure}: "
            f"first {broken.first}{busiest}."
        )

    def _is_between(self, day: date) -> bool:
        return (self.holds_until or self.start) <= day <= (self.breaks_by or self.end)

    def plain(self) -> dict[str, object]:
        """For programs."""
        looks = [look._asdict() | {"day": look.day.isoformat()} for look in self.looks]
        days = {name: day.isoformat() if day else None for name, day in
                (("holds_until", self.holds_until), ("breaks_by", self.breaks_by))}  # fmt: skip
        return {"answer": str(self), "from": self.start.isoformat(), "growth": self.rate, **days, "looks": looks}


def read_plan(texts: Iterable[str], people: int = 0) -> tuple[MigrationStep, ...]:
    """Steps such as ``2027-06-30=60%``, or ``2027-06-30=3000`` of so many `people`, in order of their days. Raises `UnitError`."""
    steps = {}
    for text in texts:
        match = re.fullmatch(r"\s*([\d-]+)\s*=\s*(.+?)\s*", text)
        if not match:
            raise UnitError(
                f"{text!r} is no step of a plan; write for example 2027-06-30=60%, or =3000 for 3,000 mailboxes"
            )
        day = read_day(match[1])
        if day in steps:
            raise UnitError(f"{day} has two shares; write one")
        steps[day] = share_of(match[2], people)
    return tuple(MigrationStep(day, steps[day]) for day in sorted(steps))


def require_outlook(scenario: Scenario, asked: Sequence[Objective]) -> None:
    """Raises `NoDataError` where there is no load that could grow, or nothing is `asked` that could break."""
    if scenario.load is None or not asked:
        raise NoDataError("an outlook needs a load that grows, and objectives that may break")


def outlook(
    scenario: Scenario, *, growth: float | str = 0.0, plan: Mapping[str, object] | Sequence[MigrationStep | str] = (),
    start: date | str | None = None, years: float = YEARS, objectives: Sequence[Objective | str] | None = None,
    replications: int = FIRST_LOOK, seed: int | None = None, executor: Executor | None = None,
    progress: Callable[[int], None] | None = None,
) -> Outlook:  # fmt: skip
    """Until when a scenario meets its objectives, where its load grows by `growth` a year and people move by `plan`.

    `growth` is ``"8%/year"``, or 0.08; `plan` how many mailboxes are hosted from which day on, such as ``{"2027-06-30": "60%",
    "2027-12-31": 3000}``; `start` the day that the load is of, such as ``"2027-01-31"``: today unless given.

    Each step of the plan is judged on its day; between two steps, where only the load grows, the month in which an objective
    breaks is found by halving. After that day only those of the plan are judged. What theory rules out is not run. Raises `NoDataError`
    for a scenario without load or objectives, `UnitError` for a growth, a day or a share that cannot be read.
    """
    require_scenario(scenario)
    asked = objectives_of(scenario, objectives)
    require_outlook(scenario, asked)
    begin = start if isinstance(start, date) else read_day("today" if start is None else start)
    rate = yearly_growth(growth) if isinstance(growth, str) else growth
    steps = _planned(plan, sum(scenario.directory.population.values()))

    def judge(day: date, hosted: float | None) -> Look:
        factor = (1 + rate) ** (max((day - begin).days, 0) / DAYS_A_YEAR)
        then = scenario if hosted is None else at_values(scenario, {HOSTED_SHARE: hosted})
        then = grown(then, factor)
        if reason := too_small(asked, station_loads(then)):
            return Look(day, hosted, factor, MISSED, reason)
        found = assess(
            then, asked, most=replications, stop_when_missed=True, seed=seed, executor=executor, progress=progress
        )
        said = [(v.answer, f"{v.objective.text}: {v.say()}") for v in found.verdicts]
        first = "; ".join(text for answer, text in said if answer == MISSED)
        if found.answer == CANNOT_SAY:
            first = "; ".join(f"{v.objective.text}: {v.why}" for v in found.verdicts if v.answer == CANNOT_SAY)
        figures = "; ".join(text for _, text in said)
        busy = found.busy()
        if not busy:
            return Look(day, hosted, factor, found.answer, first, figures=figures)
        station = max(busy, key=lambda each: busy[each])
        words = f"{'.'.join(part for part in station if part != 'link')} ({100 * busy[station]:.0f} %)"
        return Look(day, hosted, factor, found.answer, first, words, figures)

    found = look_ahead(judge, rate, steps, begin, years)
    return replace(found, note=" ".join(say_sides(scenario))) if steps else found


def _planned(plan: Mapping[str, object] | Sequence[MigrationStep | str], people: int) -> tuple[MigrationStep, ...]:
    """The steps of a plan, however it is given, in order of their days."""
    if isinstance(plan, Mapping):
        return read_plan((f"{day}={share}" for day, share in plan.items()), people)
    written = read_plan((each for each in plan if isinstance(each, str)), people)
    return tuple(sorted([*written, *(each for each in plan if not isinstance(each, str))]))


def look_ahead(
    judge: Callable[[date, float | None], Look], rate: float, plan: Sequence[MigrationStep], start: date, years: float
) -> Outlook:  # fmt: skip
    """The search of `outlook` by what `judge` says of a day and a hosted share."""
    last = _last(start, years)
    steps = _steps(plan, start, last)
    looks: list[Look] = []
    holds: date | None = None

    def answer(day: date, hosted: float | None) -> str:
        looks.append(judge(day, hosted))
        return looks[-1].answer

    def found(breaks: date | None, then: Sequence[MigrationStep] = ()) -> Outlook:
        for step in then:
            answer(step.day, step.hosted)
        return Outlook(start, last, rate, tuple(plan), holds, breaks, tuple(sorted(looks, key=lambda look: look.day)))

    for place, step in enumerate(steps):
        first = answer(step.day, step.hosted)
        if first == MISSED:
            return found(step.day, steps[place + 1 :])
        holds = step.day if first == MET else holds
        end = _end(steps, place, last)
        months = _months(step.day, end)
        if not rate:
            holds = end if first == MET else holds
        elif months:
            low, high, _ = bracket(lambda i, m=months, s=step.hosted: answer(m[i], s), len(months), len(months) - 1)  # type: ignore[misc]
            holds = months[low] if low >= 0 else holds
            if high < len(months):
                return found(months[high], steps[place + 1 :])
    return found(None)


def most_looks(rate: float, plan: Sequence[MigrationStep], start: date, years: float) -> int:
    """How many days `look_ahead` judges, if every answer is clear: each step's, and those that halving the months after it takes."""
    last = _last(start, years)
    steps = _steps(plan, start, last)
    months = [len(_months(step.day, _end(steps, place, last))) for place, step in enumerate(steps)]
    return len(steps) + (sum(min(count, 2 + count.bit_length()) for count in months) if rate else 0)


def _last(start: date, years: float) -> date:
    return start + timedelta(days=round(years * DAYS_A_YEAR))


def _end(steps: Sequence[MigrationStep], place: int, last: date) -> date:
    """The last day before the next step."""
    return steps[place + 1].day - timedelta(days=1) if place + 1 < len(steps) else last


def _steps(plan: Sequence[MigrationStep], start: date, last: date) -> list[MigrationStep]:
    """From the start on: what holds then, and each later step within the years."""
    before = [step for step in plan if step.day <= start]
    now = MigrationStep(start, before[-1].hosted if before else None)
    return [now, *(step for step in plan if start < step.day <= last)]


def _say_months(days: Sequence[date]) -> str:
    """``May 2027, June 2027``; of more than three how many, and between which."""
    if len(days) <= 3:
        return ", ".join(map(say_month, days))
    return f"{len(days)} months from {say_month(min(days))} to {say_month(max(days))}"


def _months(begin: date, end: date) -> list[date]:
    """The first of each month after `begin`, and `end`."""
    found = []
    year, month = begin.year, begin.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        if date(year, month, 1) >= end:
            break
        found.append(date(year, month, 1))
    return [*found, end] if end > begin else found
