"""The answer to a sizing question in words: which machine, what it meets, in which hours, up to which growth; and what a question needs."""

from __future__ import annotations

from collections.abc import Sequence

from coexsim.analysis.headroom import Headroom
from coexsim.analysis.slo_text import Objective, read_objectives
from coexsim.errors import Problem, ScenarioError
from coexsim.scenario.model import Scenario
from coexsim.units import Moment, say_span

TOLD = 4
"""So many objectives are told one by one; of more only their number."""
EXAMPLE = "size: {{server: {server}, candidates: [{{name: two cores, cores: 2, cost: 1}}, {{name: four cores, cores: 4, cost: 2}}]}}"
OBJECTIVES = 'objectives: ["p95(delay) < 60 s", "utilisation({server}.cores, busiest hour) < 70 %"]'


def require_question(scenario: Scenario) -> None:
    """Does the scenario say which server is to be sized, from which machines, and what they must meet.

    Raises `ScenarioError` with the lines that are missing.
    """
    server = scenario.size.server if scenario.size else scenario.home_server.get("onprem", next(iter(scenario.servers)))
    missing = []
    if scenario.size is None:
        text = "which server is to be sized, and which machines are there? add for example the line"
        missing.append(("size", text, EXAMPLE))
    elif not (scenario.size.candidates or scenario.size.ranges):
        text = "there are no machines to choose from: add 'candidates' with prices, or 'ranges', as in"
        missing.append(("size", text, EXAMPLE))
    if not read_objectives(scenario):
        missing.append(("objectives", "there are no objectives to meet: add for example the line", OBJECTIVES))
    if missing:
        source = scenario.source
        raise ScenarioError(
            [
                Problem(*source.where((key,)), key, f"{text}: {lines.format(server=server)}")
                for key, text, lines in missing
            ]
        )


def say_measured(begin_s: float, end_s: float, start: Moment) -> str:
    """``from Mon 09:00 to 09:30``, the hours in which a machine was tried."""
    return f"from {say_span(begin_s, end_s, start)}"


def say_objectives(objectives: Sequence[Objective]) -> str:
    """``both objectives``, with their number alone where they are told elsewhere."""
    count = len(objectives)
    return {0: "what is asked", 1: "the objective", 2: "both objectives"}.get(count, f"all {count} objectives")


def say_holds(
    machine: str, server: str, objectives: Sequence[Objective], measured: str, headroom: Headroom | None, *,
    cost: float | None, unsure: bool,
) -> str:  # fmt: skip
    """``The cheapest machine with which onprem meets both objectives from Mon 09:00 to 09:30 is two cores (cost 1): ...``.

    Without `cost` no machine has a price, and nothing can be left out of this one. `unsure`: less may do, we cannot say.
    """
    what = " ".join(filter(None, [say_objectives(objectives), measured, _growth(headroom)]))
    texts = f": {'; '.join(each.text for each in objectives)}" if 0 < len(objectives) <= TOLD else ""
    machine = machine if cost is None else f"{machine} (cost {cost:g})"
    if unsure:
        return f"With {machine} {server} meets {what}{texts}"
    if cost is None:
        return f"To meet {what} {server} needs {machine}, and with less does not{texts}"
    return f"The cheapest machine with which {server} meets {what} is {machine}{texts}"


def say_enough(times: float | None) -> str:
    """What the amounts under *needed* are."""
    if times is None:
        return "nothing less than there is was shown to be enough"
    return "with no more than is needed of all of them at once every objective was met; less was not shown to be enough"


def _growth(headroom: Headroom | None) -> str:
    """``and with up to 1.55 times the load of that time``; nothing where growth was not looked at."""
    if headroom is None:
        return ""
    if headroom.holds_to <= 1:
        return "but was not shown to with more load"
    return f"and with up to {headroom.holds_to:.2f} times that load"
