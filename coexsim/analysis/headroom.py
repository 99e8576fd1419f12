"""How much the load may grow until a machine breaks, and what breaks first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from math import inf, log

from coexsim.analysis.assess import FIRST_LOOK, Assessment, assess
from coexsim.analysis.loads import Loads, station_loads
from coexsim.analysis.screening import growth_to_limit
from coexsim.analysis.slo_text import Objective
from coexsim.answers import MET, MISSED
from coexsim.engine.choice import Engine
from coexsim.scenario.load import changed
from coexsim.scenario.model import Scenario

STEP = 1.05
MOST_GROWTH = 16.0


@dataclass(frozen=True)
class Headroom:
    """Between which growths of the load the scenario breaks, known to about 5 %."""

    holds_to: float
    """The largest growth that was shown to hold; 1 is the load as it is."""
    breaks_at: float
    """The least growth that was shown to fail; infinite if none was."""
    first: str
    """The objective that breaks first, with what was found."""
    resource: str
    """The station that is busiest then."""
    undecided: tuple[float, ...] = ()
    """Growths between the two of which we cannot say."""

    def __str__(self) -> str:
        if self.breaks_at == inf:
            return f"holds up to {self.holds_to:.2f} times the load; more was not tried"
        between = (
            f" (between, at {', '.join(f'{g:.2f}' for g in self.undecided)}, we cannot say)" if self.undecided else ""
        )
        return (
            f"holds up to {self.holds_to:.2f} times the load, breaks at {self.breaks_at:.2f}{between}: "
            f"first {self.first}; busiest then: {self.resource}"
        )


def grown(scenario: Scenario, growth: float) -> Scenario:
    """The scenario with all its rates times `growth`."""
    if scenario.load is None or growth == 1:
        return scenario
    return changed(scenario, {"load.growth": scenario.load.growth * growth})


def find_headroom(
    scenario: Scenario, objectives: Sequence[Objective], *, most: int = FIRST_LOOK, confidence: float = 0.95, seed: int | None = None,
    executor: Executor | None = None, progress: Callable[[int], None] | None = None,
    spent: Callable[[Assessment], None] | None = None, loads: Loads | None = None, engine: Engine = "auto",
) -> Headroom | None:  # fmt: skip
    """The growth at which a scenario that holds breaks, by bisection; None for one without load.

    The search ends where theory says that a station surely cannot keep up. Mail is the same at every growth, only denser. The answer
    is known to a step only, so a first look does: a growth that it cannot judge stays undecided, unless `most` allows more. `loads` is
    what theory says of the scenario, where it was asked before.
    """
    if scenario.load is None:
        return None
    loads = station_loads(scenario) if loads is None else loads
    top = min(MOST_GROWTH, 1.1 / max(_fullest(loads), 1.1 / MOST_GROWTH))
    steps = [STEP**n for n in range(1, 200) if STEP**n <= top * STEP]
    guess = _guess(loads, objectives)
    broken: dict[int, Assessment] = {}

    def answer(at: int) -> str:
        result = assess(
            grown(scenario, steps[at]), objectives, most=most, stop_when_missed=True, confidence=confidence, seed=seed,
            executor=executor, progress=progress, engine=engine,
        )  # fmt: skip
        broken[at] = result
        if spent:
            spent(result)
        return result.answer

    low, high, undecided = bracket(
        answer, len(steps), next((i for i, step in enumerate(steps) if step > guess), len(steps) - 1)
    )
    between = tuple(steps[i] for i in sorted(undecided) if low < i < high)
    holds_to = steps[low] if low >= 0 else 1.0
    if high == len(steps):
        return Headroom(holds_to, inf, "", "", between)
    first = "; ".join(f"{v.objective.text}: {v.say()}" for v in broken[high].verdicts if v.answer == MISSED)
    busy = broken[high].busy()
    station = max(busy, key=lambda each: busy[each]) if busy else ("", "")
    resource = f"{'.'.join(part for part in station if part != 'link')} ({100 * busy[station]:.0f} %)" if busy else "-"
    return Headroom(holds_to, steps[high], first, resource, between)


def bracket(answer: Callable[[int], str], count: int, guess: int) -> tuple[int, int, set[int]]:
    """The last of 0 .. `count` - 1 that is met (-1: none), the first above it that is missed (`count`: none), and the undecided.

    Begins at `guess`, looks beside it, then halves; what was undecided is left out.
    """
    low, high, tried = -1, count, 0
    undecided: set[int] = set()
    at = guess
    while True:
        found = answer(at)
        tried += 1
        if found == MET:
            low = at
        elif found == MISSED:
            high = at
        else:
            undecided.add(at)
        ahead = [i for i in range(low + 1, high) if i not in undecided]
        if not ahead:
            return low, high, undecided
        at = (ahead[0] if found == MET else ahead[-1]) if tried == 1 else ahead[(len(ahead) - 1) // 2]


def most_growths() -> int:
    """How many growths `find_headroom` tries if every answer is clear: the first, the one beside it, and by halving the rest."""
    return 2 + round(log(MOST_GROWTH) / log(STEP)).bit_length()


def _fullest(loads: Loads) -> float:
    """Of the station that cannot keep up first when the load grows: the share of its workers that is busy now."""
    return max((s.offered / s.workers for s in loads.stations if s.workers < inf), default=0.0)


def _guess(loads: Loads, objectives: Sequence[Objective]) -> float:
    """The growth at which theory expects the first objective to break: a utilisation reaches its limit, or a station all it has."""
    growths = [1 / max(_fullest(loads), 1 / MOST_GROWTH)]
    for each in objectives:
        reached = growth_to_limit(each, loads) if each.kind == "utilisation" and each.is_upper else None
        if reached is not None:
            growths.append(reached)
    return min(growths)
