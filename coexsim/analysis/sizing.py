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
from dataclasses import replace
from time import perf_counter

from coexsim.analysis.assess import Assessment, assess
from coexsim.analysis.candidates import amounts, apply, is_no_smaller, ladder, read_candidates, together
from coexsim.analysis.enough import ENOUGH_LOOK, line_at_fault, times_enough
from coexsim.analysis.headroom import find_headroom, most_growths
from coexsim.analysis.loads import Demand, Loads, station_demand, station_loads
from coexsim.analysis.measured_mail import MeasuredMail, measured_mail
from coexsim.analysis.screening import predict, too_small
from coexsim.analysis.size_words import say_measured
from coexsim.analysis.sized import Sizing, Status, Tried
from coexsim.analysis.slo_text import Objective, objectives_of
from coexsim.answers import CANNOT_SAY, MET, MISSED
from coexsim.engine.choice import Engine
from coexsim.errors import NoDataError
from coexsim.experiment.executors import cpu_count, open_executor
from coexsim.scenario.given import require_scenario
from coexsim.scenario.model import Candidate, Scenario
from coexsim.sim.world import World, measured_window_s

MOST = 32  # replications of one machine or growth, where no scenario says it
Progress = Callable[[str], None]
"""Told what is being tried, each time that a replication is done."""


def size(
    scenario: Scenario, *, server: str | None = None, candidates: Sequence[Candidate | Mapping[str, object]] | None = None,
    objectives: Sequence[Objective | str] | None = None, most: int | None = None, curve: bool = False, headroom: bool = True,
    seed: int | None = None, executor: Executor | None = None, jobs: int | None = None, progress: Progress | None = None,
    engine: Engine = "auto",
) -> Sizing:  # fmt: skip
    """The cheapest machine that meets every objective.

    Candidates, server and the most replications for one of them are those of the scenario's ``size:`` unless given, as there:
    ``candidates=[{"name": "four cores", "cores": 4, "cost": 2}], objectives=["p95(delay) < 60 s"]``.
    `curve` tries also those that the answer does not need, for the curve over size. `headroom` finds the growth of
    the load at which the answer breaks. Machines and growths get replications until nothing is left that cannot be said for
    want of them, `most` at the most. `engine` is auto, compiled or reference, which give the same. Raises `NoDataError` where there
    is nothing to choose from or nothing to meet.
    """
    require_scenario(scenario)
    began = perf_counter()
    size = scenario.size
    asked = objectives_of(scenario, objectives)
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
        search = _Search(scenario, server, asked, most, confidence, seed, executor, progress, engine)
        ranges = size.ranges if size and candidates is None and not size.candidates else {}
        if ranges:
            found = replace(_by_ranges(search, ranges, curve), priced=False)
        else:
            chosen = (
                list(size.candidates if size else ()) if candidates is None else read_candidates(scenario, candidates)
            )
            if not chosen:
                raise NoDataError("there are no machines to choose from: add 'candidates' or 'ranges' under 'size'")
            found = search.cheapest(chosen, curve=curve)
        if headroom and found.answer is not None:
            room = find_headroom(
                apply(scenario, found.answer, server), asked, most=most, confidence=confidence, seed=seed, executor=executor,
                progress=search.tell("headroom of " + found.answer.name), spent=search.spend, loads=search.loads.get(found.answer.name),
                engine=engine,
            )  # fmt: skip
            found = replace(found, headroom=room)
        loads = search.loads.get(found.answer.name) if found.answer is not None else None
        times = times_enough(found, scenario, loads, search.holds)
        found = replace(found, times=times, at_fault=line_at_fault(found, scenario))
    measured = say_measured(*measured_window_s(scenario), scenario.run.start)
    return replace(
        found,
        runs=search.runs,
        engine=" and ".join(sorted(search.engines)),
        messages=search.messages,
        seconds=perf_counter() - began,
        loads=loads,
        measured=measured,
    )


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
        executor: Executor | None, progress: Progress | None, engine: Engine,
    ) -> None:  # fmt: skip
        self.scenario = scenario
        self.server = server
        self.asked = asked
        self.most = most
        self.confidence = confidence
        self.seed = seed
        self.executor = executor
        self.progress = progress
        self.engine = engine
        self.engines: set[str] = set()  # that ran
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
        self.engines |= {run.engine for run in assessment.runs}
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
            executor=self.executor, progress=self.tell(tried.candidate.name), engine=self.engine,
        )  # fmt: skip
        self.spend(assessment)
        answer = assessment.answer
        status: Status = "holds" if answer == MET else "fails" if answer == MISSED else CANNOT_SAY
        if status == "fails":
            why = "; ".join(f"{v.objective.text}: {v.say()}" for v in assessment.verdicts if v.answer == MISSED)
        else:
            why = assessment.advice.replace("\n", "; ")
        return replace(tried, status=status, why=why, assessment=assessment)

    def holds(self, scenario: Scenario) -> bool:
        """Whether a first look or one more shows that a scenario with just so much of each resource meets every objective."""
        assessment = assess(
            scenario, self.asked, most=min(self.most, ENOUGH_LOOK), stop_when_missed=True, confidence=self.confidence,
            seed=self.seed, executor=self.executor, progress=self.tell("how much of each resource is enough"), engine=self.engine,
        )  # fmt: skip
        self.spend(assessment)
        return assessment.answer == MET

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
