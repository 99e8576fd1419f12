"""The answer to one sizing question: the machine, what is known of each that was tried, and how it is put into words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pandas as pd

from coexsim.analysis.assess import Assessment
from coexsim.analysis.candidates import IN_CAPACITY, apply, has_less
from coexsim.analysis.doubts import say_deferred
from coexsim.analysis.headroom import Headroom
from coexsim.analysis.loads import Loads
from coexsim.analysis.resources import resource_table
from coexsim.analysis.size_words import say_holds, say_objectives
from coexsim.analysis.slo import Verdict
from coexsim.analysis.slo_text import Objective
from coexsim.answers import CANNOT_SAY
from coexsim.cards import card
from coexsim.errors import NoDataError
from coexsim.pictures import Pictures
from coexsim.scenario.idle import without_work
from coexsim.scenario.model import Candidate, Scenario

Status = Literal["holds", "fails", "cannot say", "too small by theory", "not tried"]
MISSES = {"fails": "would miss", "too small by theory": "is too small:"}
"""What is said of a machine that is not enough, before what it misses."""


@dataclass(frozen=True)
class Tried:
    """What is known of one candidate."""

    candidate: Candidate
    status: Status
    why: str
    expected: dict[str, float]
    """By objective, what theory expects (those that it has something to say of)."""
    assessment: Assessment | None = None

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts of the simulation; none if it was not simulated."""
        return self.assessment.verdicts if self.assessment else ()


@dataclass(frozen=True, repr=False)
class Sizing:
    """The answer to one sizing question."""

    server: str
    objectives: tuple[Objective, ...]
    tried: tuple[Tried, ...]
    answer: Candidate | None
    """The cheapest candidate that was shown to hold."""
    headroom: Headroom | None
    each: dict[str, Sizing] = field(default_factory=dict)
    """Where ranges were asked: the answer for each resource with the others at their largest."""
    priced: bool = True
    """False where ranges were asked: then no machine has a price, and the answer is one of which nothing can be left out."""
    runs: int = 0
    engine: str = ""
    """Which engine ran, or both; empty where theory was enough."""
    messages: int = 0
    seconds: float = 0.0
    loads: Loads | None = None
    """What theory says of the answer, where it was asked."""
    measured: str = ""
    """The hours in which the machines were tried, such as ``from Mon 09:00 to 09:30``."""
    at_fault: str = ""
    """Where no machine holds, and by theory it is a line that fails: which one, what it has and what it needs."""
    times: float | None = None
    """How many times what theory proposes of each resource was shown to be enough, all of it at once; None: nothing was."""

    plot: ClassVar[Any] = Pictures("sizing")
    """Pictures as methods: ``curve``."""

    def __repr__(self) -> str:
        return f"<Sizing: {self.headline}>"

    def _repr_html_(self) -> str:
        """For notebooks: the answer, its headroom, and each machine that was looked at."""
        room = [f"Headroom: {self.headroom}."] if self.headroom else []
        rows = [(each.candidate.name, each.status, each.why) for each in self.tried]
        return card(f"{self.headline}.", room, ["machine", "answer", "why"], rows)

    @property
    def headline(self) -> str:
        """The answer in words: the machine, what it meets, when and up to which growth, and what the next smaller one misses."""
        if self.at_fault:
            asked = f"{self.server} would have to meet {say_objectives(self.objectives)} {self.measured}".rstrip()
            return f"{self.finding} by theory; {asked}"
        if self.answer is None:
            asked = f"{self.finding} to meet {say_objectives(self.objectives)} {self.measured}".rstrip()
            last = next((each for each in reversed(self.tried) if each.why and each.status in MISSES), None)
            if last is None or self.undecided:
                return asked
            return f"{asked}; {last.candidate.name} {MISSES[last.status]} {last.why}"
        cost = self.answer.cost if self.priced else None
        said = say_holds(
            self.answer.name, self.server, self.objectives, self.measured, self.headroom, cost=cost, unsure=bool(self.undecided)
        )  # fmt: skip
        return f"{said}{self._smaller()}"

    @property
    def finding(self) -> str:
        """The answer as short as a title: the machine, and what the next smaller one misses."""
        if self.at_fault:
            return f"No machine helps {self.server}, as it is a line that fails: {self.at_fault}"
        if self.answer is None:
            return (
                f"Cannot say: no machine was shown to be enough for {self.server}"
                if self.undecided
                else f"None of the machines is enough for {self.server}"
            )
        meets = f"{self.server} meets {say_objectives(self.objectives)}"
        if self.undecided or not self.priced:
            return f"With {self.answer.name} {meets}{self._smaller()}"
        return f"The cheapest machine with which {meets} is {self.answer.name}{self._smaller()}"

    def _smaller(self) -> str:
        """What the next smaller machine misses, and of which we cannot say."""
        below = [
            f"; {each.candidate.name} {MISSES[each.status]} {each.why}"
            for each in self.tried
            if self.answer and self._is_less(each.candidate, self.answer) and each.status in MISSES and each.why
        ]
        misses = below[-1] if below else ""
        unsure = f"; of {', '.join(each.name for each in self.undecided)} we cannot say" if self.undecided else ""
        return f"{misses}{unsure}"

    @property
    def undecided(self) -> tuple[Candidate, ...]:
        """Candidates of which we cannot say, and that are cheaper (without prices: less of anything) than the answer."""
        unsure = tuple(tried.candidate for tried in self.tried if tried.status == CANNOT_SAY)
        return tuple(each for each in unsure if self.answer is None or self._is_less(each, self.answer))

    def _is_less(self, one: Candidate, other: Candidate) -> bool:
        return one.cost < other.cost if self.priced else has_less(one, other)

    @property
    def exit_code(self) -> int:
        """0: this is the cheapest that holds. 1: none holds. 3: a cheaper one may hold, we cannot say."""
        return 3 if self.undecided else 0 if self.answer else 1

    def resources(self, scenario: Scenario) -> pd.DataFrame:
        """What the answer has of each resource, how much of it is used, and what was shown to be enough: `resource_table`."""
        best = self.best
        if best is None or best.assessment is None:
            raise NoDataError("no candidate was shown to hold")
        machine = apply(scenario, best.candidate, self.server)
        return resource_table(
            machine, self.server, best.assessment, self.objectives, self.loads, self.times, self.least
        )

    @property
    def least(self) -> list[str]:
        """The resources of which a machine with less than the answer was shown to fail.

        One that is only slower, or on a narrower line, says nothing of its cores.
        """
        failed = [tried.candidate for tried in self.tried if tried.status in ("fails", "too small by theory")]

        def is_less(one: Candidate, resource: str) -> bool:
            low, high = (getattr(each, resource) for each in (one, self.answer))
            return low is not None and high is not None and low < high

        return [resource for resource in IN_CAPACITY if any(is_less(each, resource) for each in failed)]

    def doubts(self, scenario: Scenario) -> list[str]:
        """What of the sized server has no work, on the answer or the largest that was tried; and whether retries make the delays."""
        tried = self.best or next((t for t in reversed(self.tried) if t.assessment is not None), None)
        if tried is None:
            return []
        machine = apply(scenario, tried.candidate, self.server)
        found = [text for path, text in without_work(machine) if path[1] == self.server]
        share = tried.assessment.deferred_share() if tried.assessment is not None else float("nan")
        return [f"{text[0].upper()}{text[1:]}." for text in found] + list(filter(None, [say_deferred(share)]))

    @property
    def best(self) -> Tried | None:
        """What is known of the answer."""
        return next((t for t in self.tried if self.answer is not None and t.candidate == self.answer), None)

    def table(self) -> pd.DataFrame:
        """One row for each candidate and objective: the curve of each objective over size, with its interval and theory.

        Columns: candidate, cost, status, why, objective, limit, estimate, low, high, answer, theory, runs. A candidate that
        was not simulated has no estimate; figures are in base units.
        """
        rows = []
        for tried in self.tried:
            for place, objective in enumerate(self.objectives):
                verdict = tried.verdicts[place] if tried.verdicts else None
                theory = tried.expected.get(objective.text, float("nan"))
                row = (
                    tried.candidate.name,
                    tried.candidate.cost,
                    tried.status,
                    tried.why,
                    objective.text,
                    objective.limit,
                )
                figures = (float("nan"),) * 3 + ("",) if verdict is None else (
                    verdict.estimate, verdict.interval.low, verdict.interval.high, verdict.answer
                )  # fmt: skip
                rows.append((*row, *figures, theory, len(tried.assessment.runs) if tried.assessment else 0))
        names = ["candidate", "cost", "status", "why", "objective", "limit", "estimate", "low", "high", "answer"]
        return pd.DataFrame(rows, columns=[*names, "theory", "runs"])
