"""How big must the server be: the cheapest machine that meets every objective, with the evidence for it and against the others.

Theory screens (`screening.too_small`), simulation decides. The first to be tried is the cheapest that theory expects to
hold, then always the one that halves what is still open. One that fails rules out all that have no more of anything,
one that holds all that cost more. All meet the same mail, replication by replication (common random numbers). Nothing
is said of a machine that was neither tried nor ruled out by one that was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, ClassVar, Literal

import pandas as pd

from coexsim.analysis.assess import FIRST_LOOK, Assessment, assess
from coexsim.analysis.candidates import IN_CAPACITY, amounts, apply, has_less, is_no_smaller, ladder, together
from coexsim.analysis.doubts import say_deferred
from coexsim.analysis.headroom import Headroom, find_headroom, most_growths
from coexsim.analysis.loads import Demand, Loads, station_demand, station_loads
from coexsim.analysis.measured_mail import MeasuredMail, measured_mail
from coexsim.analysis.resources import TIMES, find_enough, line_shortfalls, resource_table, shortfalls
from coexsim.analysis.screening import predict, too_small
from coexsim.analysis.size_words import say_holds, say_measured, say_objectives
from coexsim.analysis.slo import Verdict
from coexsim.analysis.slo_text import Objective, read_objectives
from coexsim.answers import CANNOT_SAY, MET, MISSED
from coexsim.cards import card
from coexsim.errors import NoDataError
from coexsim.experiment.executors import cpu_count, open_executor
from coexsim.pictures import Pictures
from coexsim.scenario.given import require_scenario
from coexsim.scenario.idle import without_work
from coexsim.scenario.model import Candidate, Scenario
from coexsim.sim.world import World, measured_window_s

ENOUGH_LOOK = 2 * FIRST_LOOK
"""Replications at the most that tell whether so much of each resource is enough."""
MOST_ENOUGH = ENOUGH_LOOK * len(TIMES)
"""So many replications at the most tell how much of each resource is enough."""
MOST = 32  # replications of one machine or growth, where no scenario says it
Status = Literal["holds", "fails", "cannot say", "too small by theory", "not tried"]
Progress = Callable[[str], None]
"""Told what is being tried, each time that a replication is done."""


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
    messages: int = 0
    seconds: float = 0.0
    loads: Loads | None = None
    measured: str = ""
    """The hours in which the machines were tried, such as ``from Mon 09:00 to 09:30``."""
    """What theory says of the answer, where it was asked."""
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
            asked = f"{self.finding} to meet {say_objectives(self.objectives)} {self.measured}"
            return asked.rstrip()
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
        words = {"fails": "would miss", "too small by theory": "is too small:"}
        below = [
            f"; {each.candidate.name} {words[each.status]} {each.why}"
            for each in self.tried
            if self.answer and self._is_less(each.candidate, self.answer) and each.status in words and each.why
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
            machine, self.server, best.assessment, self.objectives, self.loads, self.times, least_of(self)
        )

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


def size(
    scenario: Scenario, *, server: str | None = None, candidates: Sequence[Candidate] | None = None,
    objectives: Sequence[Objective] | None = None, most: int | None = None, curve: bool = False, headroom: bool = True,
    seed: int | None = None, executor: Executor | None = None, jobs: int | None = None, progress: Progress | None = None,
) -> Sizing:  # fmt: skip
    """The cheapest machine that meets every objective.

    Candidates, server and the most replications for one of them are those of the scenario's ``size:`` unless given.
    `curve` tries also those that the answer does not need, for the curve over size. `headroom` finds the growth of
    the load at which the answer breaks. Machines and growths get replications until nothing is left that cannot be said for
    want of them, `most` at the most. Raises `NoDataError` where there is nothing to choose from or nothing to meet.
    """
    require_scenario(scenario)
    began = perf_counter()
    size = scenario.size
    asked = tuple(read_objectives(scenario) if objectives is None else objectives)
    if not asked:
        raise NoDataError("there are no objectives to meet: add some under 'objectives', such as 'p95(delay) < 60 s'")
    server = server or (size.server if size else None)
    if server is None:
        raise NoDataError("which server is to be sized? add 'size:' with 'server' and 'candidates'")
    most = most or (size.replications if size else MOST)
    confidence = size.confidence if size else 0.95
    with ExitStack() as stack:
        if executor is None:
            executor = stack.enter_context(open_executor(min(cpu_count() if jobs is None else jobs, most)))
        search = _Search(scenario, server, asked, most, confidence, seed, executor, progress)
        ranges = size.ranges if size and candidates is None and not size.candidates else {}
        if ranges:
            found = replace(_by_ranges(search, ranges, curve), priced=False)
        else:
            chosen = list(candidates if candidates is not None else size.candidates if size else ())
            if not chosen:
                raise NoDataError("there are no machines to choose from: add 'candidates' or 'ranges' under 'size'")
            found = search.cheapest(chosen, curve=curve)
        if headroom and found.answer is not None:
            room = find_headroom(
                apply(scenario, found.answer, server), asked, most=most, confidence=confidence, seed=seed, executor=executor,
                progress=search.tell("headroom of " + found.answer.name), spent=search.spend, loads=search.loads.get(found.answer.name),
            )  # fmt: skip
            found = replace(found, headroom=room)
        found = replace(found, times=search.enough(found), at_fault=_line_at_fault(found, scenario))
    loads = search.loads.get(found.answer.name) if found.answer is not None else None
    measured = say_measured(*measured_window_s(scenario), scenario.run.start)
    return replace(
        found,
        runs=search.runs,
        messages=search.messages,
        seconds=perf_counter() - began,
        loads=loads,
        measured=measured,
    )


def least_of(found: Sizing) -> list[str]:
    """The resources that the answer says how much it has of, where a machine with less of one was shown to fail."""
    failed = [tried.candidate for tried in found.tried if tried.status in ("fails", "too small by theory")]
    if found.answer is None or not any(has_less(each, found.answer) for each in failed):
        return []
    return [resource for resource in IN_CAPACITY if getattr(found.answer, resource) is not None]


def _line_at_fault(found: Sizing, scenario: Scenario) -> str:
    """The lines that fail with the largest machine, in words; empty where one holds, or the machine has too little of something itself."""
    if found.answer is not None or found.undecided or not found.tried:
        return ""
    largest = apply(scenario, found.tried[-1].candidate, found.server)
    own = shortfalls(largest, found.server, found.objectives)
    return "" if own else "; ".join(line_shortfalls(largest, found.objectives))


def most_looks(scenario: Scenario, *, headroom: bool = True) -> int:
    """How many machines and growths `size` tries if every answer is clear and theory rules out nothing.

    Of machines the first, and by halving the rest; of ranges that for each, and then for all of them together.
    Raises `NoDataError` for a range that cannot be read.
    """
    size = scenario.size
    growths = most_growths() if headroom else 0
    if size is None:
        return growths
    if size.candidates or not size.ranges:
        return 1 + (len(size.candidates) - 1).bit_length() + growths
    steps = [len(ladder) for ladder in _ladders(size.ranges).values()]
    jointly = sum(steps) if len(steps) > 1 else 0
    return sum(1 + (count - 1).bit_length() for count in steps) + jointly + growths


class _Search:
    """Tries candidates and remembers what each told; counts what it spends."""

    def __init__(
        self, scenario: Scenario, server: str, asked: tuple[Objective, ...], most: int, confidence: float, seed: int | None,
        executor: Executor | None, progress: Progress | None,
    ) -> None:  # fmt: skip
        self.scenario = scenario
        self.server = server
        self.asked = asked
        self.most = most
        self.confidence = confidence
        self.seed = seed
        self.executor = executor
        self.progress = progress
        self.runs = 0
        self.messages = 0
        self.loads: dict[str, Loads] = {}  # by name of the candidate
        self._mail: MeasuredMail | None = None  # the same for every machine
        self._demands: dict[tuple[float, float | None], Demand] = {}  # by what changes how long things take

    def tell(self, what: str) -> Callable[[int], None]:
        """For `assess`: passes on what is being tried."""
        return lambda _: self.progress(what) if self.progress else None

    def spend(self, assessment: Assessment) -> None:
        """Count what an assessment cost."""
        self.runs += len(assessment.runs)
        self.messages += sum(run.messages for run in assessment.runs)

    def screen(self, candidate: Candidate) -> Tried:
        """What theory says of a candidate."""
        changed = apply(self.scenario, candidate, self.server)
        world = World(changed, changed.run.seed, 0)
        if self._mail is None:
            self._mail = measured_mail(world)
        quick = (candidate.speed, candidate.uplink)
        if quick not in self._demands:
            self._demands[quick] = station_demand(world, self._mail)
        loads = self.loads[candidate.name] = station_loads(changed, mail=self._mail, demand=self._demands[quick])
        expected = {each.text: value for each in self.asked if (value := predict(each, loads)) is not None}
        why = too_small(self.asked, loads)
        return Tried(candidate, "too small by theory" if why else "not tried", why, expected)

    def simulate(self, tried: Tried) -> Tried:
        """What the simulation says of a candidate."""
        changed = apply(self.scenario, tried.candidate, self.server)
        assessment = assess(
            changed, self.asked, most=self.most, stop_when_missed=True, confidence=self.confidence, seed=self.seed,
            executor=self.executor, progress=self.tell(tried.candidate.name),
        )  # fmt: skip
        self.spend(assessment)
        answer = assessment.answer
        status: Status = "holds" if answer == MET else "fails" if answer == MISSED else CANNOT_SAY
        if status == "fails":
            why = "; ".join(f"{v.objective.text}: {v.say()}" for v in assessment.verdicts if v.answer == MISSED)
        else:
            why = assessment.advice.replace("\n", "; ")
        return replace(tried, status=status, why=why, assessment=assessment)

    def enough(self, found: Sizing) -> float | None:
        """How many times what theory proposes of each resource of the answer is enough: `find_enough`."""
        best, least = found.best, least_of(found)
        if best is None or best.assessment is None:
            return None
        machine, seen = apply(self.scenario, best.candidate, self.server), best.assessment
        loads = self.loads.get(best.candidate.name)

        def holds(scenario: Scenario) -> bool:
            assessment = assess(
                scenario, self.asked, most=min(self.most, ENOUGH_LOOK), stop_when_missed=True, confidence=self.confidence,
                seed=self.seed, executor=self.executor, progress=self.tell("how much of each resource is enough"),
            )  # fmt: skip
            self.spend(assessment)
            return assessment.answer == MET

        return find_enough(
            machine,
            self.server,
            lambda times: resource_table(machine, self.server, seen, self.asked, loads, times, least),
            holds,
        )

    def cheapest(self, candidates: Sequence[Candidate], *, curve: bool = False) -> Sizing:
        """Bracket and bisect: the cheapest of `candidates` that holds."""
        rows = [self.screen(each) for each in sorted(candidates, key=lambda each: each.cost)]
        has = [amounts(self.scenario, row.candidate, self.server) for row in rows]
        best: int | None = None
        at: int | None = self._guess(rows)
        while at is not None:
            rows[at] = self.simulate(rows[at])
            if rows[at].status == "holds":
                best = at
            elif rows[at].status == "fails":
                self._rule_out(rows, has, at)
            still_open = [i for i, row in enumerate(rows[:best]) if _is_open(row)]
            at = still_open[len(still_open) // 2] if still_open else None
        for i, row in enumerate(rows):
            if _is_open(row):
                rows[i] = self.simulate(row) if curve else replace(row, why="dearer than the answer")
        answer = rows[best].candidate if best is not None else None
        return Sizing(self.server, self.asked, tuple(rows), answer, None)

    def _guess(self, rows: Sequence[Tried]) -> int | None:
        """The cheapest that theory expects to hold, or the dearest that is open."""
        still_open = [i for i, row in enumerate(rows) if _is_open(row)]
        limits = {each.text: each for each in self.asked}
        for i in still_open:
            if all(limits[text].holds(value) for text, value in rows[i].expected.items()):
                return i
        return still_open[-1] if still_open else None

    def _rule_out(self, rows: list[Tried], has: list[dict[str, float]], at: int) -> None:
        """What has no more of anything than one that failed fails too."""
        for i, row in enumerate(rows):
            if _is_open(row) and is_no_smaller(has[at], has[i]):
                rows[i] = replace(
                    row, status="fails", why=f"no larger in anything than {rows[at].candidate.name}, which fails"
                )


def _is_open(row: Tried) -> bool:
    return row.status == "not tried" and not row.why


def _ladders(ranges: Mapping[str, str]) -> dict[str, list[Candidate]]:
    try:
        return {resource: ladder(resource, text) for resource, text in ranges.items()}
    except ValueError as error:
        raise NoDataError(f"size.ranges: {error}") from None


def _by_ranges(search: _Search, ranges: dict[str, str], curve: bool) -> Sizing:
    """An answer for each resource with the others at their largest, then for all of them together."""
    ladders = _ladders(ranges)
    tops = {resource: steps[-1] for resource, steps in ladders.items()}
    each = {}
    for resource, steps in ladders.items():
        others = [top for other, top in tops.items() if other != resource]
        candidates = [together([step, *others], step.name, step.cost) for step in steps]
        each[resource] = search.cheapest(candidates, curve=curve)
    if len(ladders) == 1:
        return next(iter(each.values()))
    if any(found.answer is None for found in each.values()):
        worst = next(found for found in each.values() if found.answer is None)
        return replace(worst, each=each)
    return _jointly(search, ladders, each)


def _jointly(search: _Search, ladders: dict[str, list[Candidate]], each: dict[str, Sizing]) -> Sizing:
    """All resources at the least that each needs alone; where that is not enough, all of them a step up, until it is.

    Then each in turn goes down again, as far as the others let it: of the answer nothing can be left out.
    """
    least = {resource: _place(ladders[resource], found) for resource, found in each.items()}
    rows: dict[tuple[int, ...], Tried] = {}

    def holds(places: dict[str, int]) -> bool:
        at = tuple(places.values())
        if at not in rows:
            steps = [ladders[resource][place] for resource, place in places.items()]
            row = search.screen(together(steps, ", ".join(step.name for step in steps)))
            rows[at] = row if row.why else search.simulate(row)
        return rows[at].status == "holds"

    places = dict(least)
    while not holds(places):
        higher = {resource: min(place + 1, len(ladders[resource]) - 1) for resource, place in places.items()}
        if higher == places:
            return Sizing(search.server, search.asked, tuple(rows.values()), None, None, each)
        places = higher
    for resource, low in least.items():
        places[resource] = next(n for n in range(low, places[resource] + 1) if holds({**places, resource: n}))
    answer = rows[tuple(places.values())].candidate
    return Sizing(search.server, search.asked, tuple(rows.values()), answer, None, each)


def _place(steps: list[Candidate], found: Sizing) -> int:
    return next(i for i, step in enumerate(steps) if found.answer is not None and step.name == found.answer.name)
