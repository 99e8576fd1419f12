"""What a what-if page lets one change: a few keys of the scenario, each with its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from coexsim.analysis.candidates import apply, ladder
from coexsim.errors import CoexsimError, ScenarioError, UnitError, did_you_mean
from coexsim.experiment.grid_keys import wrong_keys
from coexsim.experiment.ranges import read_values
from coexsim.experiment.sweep import GROWTH, HOSTED_SHARE, at_values, share_of
from coexsim.scenario.model import Candidate, Scenario

MACHINE = "machine"
HOSTED_STEPS = "0..100% step 25%"
GROWTH_STEPS = (1, 1.5, 2)
MOST_MACHINES = 4
"""Of more candidates so many, spread evenly, are on the page unless others are asked for."""
MOST_POINTS = 400
_NUMBER = re.compile(r"(-?\d+(?:\.\d+)?)\s*(.*)")


class Axis(NamedTuple):
    """A key and its values; `numbers` are what a slider moves over, none where a value is chosen by its name."""

    key: str
    label: str
    values: tuple[object, ...]
    numbers: tuple[float, ...] | None
    unit: str = ""

    def plain(self) -> dict[str, object]:
        """For the page."""
        return {
            "key": self.key,
            "label": self.label,
            "values": [str(value) for value in self.values],
            "numbers": None if self.numbers is None else list(self.numbers),
            "unit": self.unit,
        }


def axes_of(scenario: Scenario, vary: Mapping[str, object] | None = None) -> list[Axis]:
    """The axes asked for; without any: hosted share, growth of the load, and the machine (or the cores) that is sized.

    Raises `ScenarioError` for keys that there are not, `CoexsimError` for a key without values or for more points than a page can hold,
    and where there is nothing to vary.
    """
    asked = dict(vary) if vary else dict(_usual(scenario))
    if not asked:
        raise CoexsimError("there is nothing to vary: the scenario has no load; say what with --vary KEY=VALUES")
    if wrong := list(wrong_keys(scenario, asked, (HOSTED_SHARE, GROWTH, MACHINE))):
        raise ScenarioError(wrong)
    found = [_axis(scenario, key, values) for key, values in asked.items()]
    points = prod(len(axis.values) for axis in found)
    if points > MOST_POINTS:
        raise CoexsimError(f"{points:,} points are more than a page holds ({MOST_POINTS}): give fewer values")
    return found


def combinations(axes: Sequence[Axis]) -> Iterator[dict[str, object]]:
    """Every combination of the values, the last key changing fastest."""
    for values in product(*(axis.values for axis in axes)):
        yield {axis.key: value for axis, value in zip(axes, values, strict=True)}


def scenario_at(scenario: Scenario, values: Mapping[str, object]) -> Scenario:
    """The scenario with these values. Raises `ScenarioError` for what is none, `CoexsimError` for a machine that is not there."""
    found = at_values(scenario, {key: value for key, value in values.items() if key != MACHINE})
    return apply(found, _machine(scenario, str(values[MACHINE]))) if MACHINE in values else found


def _usual(scenario: Scenario) -> Iterator[tuple[str, object]]:
    if scenario.load is None:
        return
    if scenario.directory.population:
        yield HOSTED_SHARE, HOSTED_STEPS
    yield GROWTH, list(GROWTH_STEPS)
    names = [each.name for each in machines(scenario)]
    if names:
        last = len(names) - 1
        count = min(len(names), MOST_MACHINES)
        yield MACHINE, list(dict.fromkeys(names[round(i * last / max(count - 1, 1))] for i in range(count)))
        return
    server = scenario.home_server.get("onprem")
    cores = scenario.servers[server].capacity.cores if server else None
    if cores:
        yield f"servers.{server}.capacity.cores", sorted({max(cores // 2, 1), cores, 2 * cores})


def machines(scenario: Scenario) -> list[Candidate]:
    """The machines that ``size`` names, or the steps of its first range."""
    if scenario.size is None:
        return []
    if scenario.size.candidates:
        return list(scenario.size.candidates)
    for resource, text in scenario.size.ranges.items():
        return ladder(resource, str(text))
    return []


def _machine(scenario: Scenario, name: str) -> Candidate:
    known = {each.name: each for each in machines(scenario)}
    if name not in known:
        near = did_you_mean(name, list(known)) or (
            f"; known: {', '.join(known)}" if known else ": it has no size.candidates"
        )
        raise CoexsimError(f"no machine of the scenario is called {name!r}{near}")
    return known[name]


def _factor(value: object) -> float:
    try:
        factor = float(str(value))
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise CoexsimError(f"growth: {value!r} is no number above 0 to multiply the load by")
    return factor


def _axis(scenario: Scenario, key: str, values: object) -> Axis:
    listed = list(dict.fromkeys(read_values(values)))
    if key == HOSTED_SHARE:
        return _sorted(
            key, "Hosted share of the mailboxes", listed, [100 * _share(scenario, value) for value in listed], "%"
        )
    if key == GROWTH:
        return _sorted(key, "Load", listed, [_factor(value) for value in listed], "times")
    if key == MACHINE:
        server = scenario.size.server if scenario.size else "server"
        for value in listed:
            _machine(scenario, str(value))
        return Axis(key, f"Machine as {server}", tuple(listed), None)
    parts = [_NUMBER.fullmatch(str(value)) for value in listed]
    units = {part[2] for part in parts if part}
    if len(listed) > 1 and all(parts) and len(units) == 1:
        return _sorted(key, key, listed, [float(part[1]) for part in parts if part], units.pop())
    return Axis(key, key, tuple(listed), None)


def _share(scenario: Scenario, value: object) -> float:
    try:
        return share_of(value, sum(scenario.directory.population.values()))
    except UnitError as error:
        raise CoexsimError(f"{HOSTED_SHARE}: {error}") from None


def _sorted(key: str, label: str, values: list[object], numbers: list[float], unit: str) -> Axis:
    pairs = sorted(zip(numbers, values, strict=True), key=lambda pair: pair[0])
    kept = dict(reversed(pairs))
    numbers = sorted(kept)
    if len(numbers) < 2:
        return Axis(key, label, tuple(kept[number] for number in numbers), None)
    return Axis(key, label, tuple(kept[number] for number in numbers), tuple(numbers), unit)
