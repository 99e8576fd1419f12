"""Options that ask until when a set-up holds: growth of the load, a migration plan, and from which day on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NamedTuple

from typer import Option

from coexsim.cli import options
from coexsim.errors import UsageError

if TYPE_CHECKING:
    from concurrent.futures import Executor
    from datetime import date

    from coexsim.analysis.outlook import MigrationStep, Outlook
    from coexsim.scenario.model import Scenario

Growth = Annotated[
    str | None,
    Option("--growth", metavar="RATE", help="how fast the load grows, such as 8%/year: says when it is outgrown", show_default=False),
]  # fmt: skip
Plan = Annotated[
    list[str] | None,
    Option(
        "--plan", metavar="DATE=SHARE", show_default=False,
        help="the migration plan: from this day on so many of the mailboxes are hosted, such as 2027-06-30=60% or =3000; may be "
        "given several times",
    ),
]  # fmt: skip
Since = Annotated[
    str | None, Option("--from", metavar="DATE", help="the day that the load is of, such as 2027-01-31; else today", show_default=False)
]  # fmt: skip
Years = Annotated[float, Option("--years", metavar="NUMBER", min=0.1, max=50.0, help="so far ahead is looked")]


class Ahead(NamedTuple):
    """What was asked: growth a year, the plan, the first day and how many years."""

    growth: float
    plan: tuple[MigrationStep, ...]
    start: date
    years: float

    def words(self, growth: str | None, plan: list[str] | None) -> list[str]:
        """The options that ask the same on another day, when today is none of the days."""
        rate = ["--growth", growth] if growth else []
        steps = [word for step in plan or () for word in ("--plan", step)]
        return [*rate, *steps, "--from", self.start.isoformat(), "--years", f"{self.years:g}"]

    @property
    def most_looks(self) -> int:
        """How many days are judged at the most."""
        from coexsim.analysis.outlook import most_looks

        return most_looks(self.growth, self.plan, self.start, self.years)

    def look(
        self,
        scenario: Scenario,
        seed: int | None,
        executor: Executor | None,
        replications: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Outlook:
        """The outlook of a scenario, each day judged by so many replications."""
        from coexsim.analysis.assess import FIRST_LOOK
        from coexsim.analysis.outlook import outlook

        return outlook(
            scenario, growth=self.growth, plan=self.plan, start=self.start, years=self.years,
            replications=replications or FIRST_LOOK, seed=seed, executor=executor, progress=progress,
        )  # fmt: skip


def read_ahead(
    scenario: Scenario, growth: str | None, plan: list[str] | None, since: str | None, years: float
) -> Ahead | None:
    """What was asked of a scenario, or None where neither growth nor a plan was given. Raises `UsageError`."""
    if growth is None and not plan and since is None:
        return None
    from coexsim.analysis.growth import read_day, yearly_growth
    from coexsim.analysis.outlook import read_plan
    from coexsim.errors import UnitError

    rate = 0.0 if growth is None else options.value(yearly_growth, growth, "--growth")
    start = read_day("today") if since is None else options.value(read_day, since, "--from")
    try:
        steps = read_plan(plan or (), sum(scenario.directory.population.values()))
    except UnitError as error:
        raise UsageError(f"--plan: {error}") from None
    return Ahead(rate, steps, start, years) if rate or steps else None
