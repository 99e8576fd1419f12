"""How much of each resource is shown to be enough, and which line is at fault where no machine is.

Theory proposes, a simulation of all that is proposed at once decides.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from coexsim.analysis.assess import FIRST_LOOK
from coexsim.analysis.candidates import IN_CAPACITY, WAYS, apply, bits_per_s, link_as_wide
from coexsim.analysis.loads import Loads
from coexsim.analysis.resources import line_shortfalls, resource_table, shortfalls
from coexsim.analysis.sized import Sizing
from coexsim.scenario.load import changed
from coexsim.scenario.model import Scenario
from coexsim.scenario.network import uplink_ways

TIMES = (1.2, 2.0, 4.0, 8.0, 16.0)
"""So many times what theory proposes is tried, one after another; just as much would lie on the very limit of an objective."""
ENOUGH_LOOK = 2 * FIRST_LOOK
"""Replications at the most that tell whether so much of each resource is enough."""
MOST_ENOUGH = ENOUGH_LOOK * len(TIMES)
"""So many replications at the most tell how much of each resource is enough."""


def times_enough(
    found: Sizing, scenario: Scenario, loads: Loads | None, holds: Callable[[Scenario], bool]
) -> float | None:
    """How many times what theory proposes of each resource of the answer is enough, by `find_enough`; None without an answer."""
    best = found.best
    if best is None or best.assessment is None:
        return None
    machine, seen = apply(scenario, best.candidate, found.server), best.assessment
    return find_enough(
        machine, found.server,
        lambda times: resource_table(machine, found.server, seen, found.objectives, loads, times, found.least), holds,
    )  # fmt: skip


def find_enough(
    scenario: Scenario, server: str, table: Callable[[float], pd.DataFrame], holds: Callable[[Scenario], bool]
) -> float | None:
    """How many times what theory proposes is enough, all of it at once; None where none of `TIMES` is.

    `table` gives `resource_table` for so many times, of this scenario; `holds` simulates. Where all that is proposed is there already,
    the scenario as it is holds.
    """
    for times in TIMES:
        rows = table(times)
        said = rows[rows["needed"].notna()]
        if (said["needed"] >= said["has"]).all() or holds(with_only(scenario, server, said)):
            return times
    return None


def with_only(scenario: Scenario, server: str, table: pd.DataFrame) -> Scenario:
    """The scenario with no more than is `needed` of each resource in a `resource_table`."""
    amounts = {str(row["resource"]): float(row["needed"]) for row in table.to_dict("records") if row["needed"] > 0}
    changes: dict[str, object] = {}
    for resource in IN_CAPACITY:
        if resource in amounts:
            changes[f"servers.{server}.capacity.{resource}"] = int(amounts[resource])
    for place, link in enumerate(scenario.links):
        wide = [amounts.get(name) for name in link.ways]
        if any(wide):
            changes |= link_as_wide(scenario, place, wide[0], wide[-1])
    for site in scenario.uplinks:
        for way, name in zip(WAYS, uplink_ways(site), strict=True):
            if name in amounts:
                changes[f"uplinks.[{site}].{way}"] = bits_per_s(amounts[name])
    return changed(scenario, changes) if changes else scenario


def line_at_fault(found: Sizing, scenario: Scenario) -> str:
    """The lines that fail with the largest machine, in words; empty where one holds, or the machine has too little of something itself."""
    if found.answer is not None or found.undecided or not found.tried:
        return ""
    largest = apply(scenario, found.tried[-1].candidate, found.server)
    own = shortfalls(largest, found.server, found.objectives)
    return "" if own else "; ".join(line_shortfalls(largest, found.objectives))
