"""What machines cost over the years in which a set-up must hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from coexsim.analysis.candidates import apply
from coexsim.analysis.growth import say_month
from coexsim.analysis.outlook import Outlook
from coexsim.scenario.model import Candidate, Scenario


class Purchase(NamedTuple):
    """A machine, its price, the day it is bought, and its outlook from the start on."""

    machine: Candidate
    day: date
    outlook: Outlook


@dataclass(frozen=True)
class Costs:
    """What machines cost over the years: one after the other, each bought when the last one is shown to hold no longer; or one at once."""

    years: float
    in_turn: tuple[Purchase, ...]
    at_once: Purchase | None
    """The cheapest machine that is shown to hold all the years; None if none is."""

    def __str__(self) -> str:
        words = [
            f"{p.machine.name} (cost {p.machine.cost:g})" + (f" from {say_month(p.day)}" if i else "")
            for i, p in enumerate(self.in_turn)
        ]
        total = sum(p.machine.cost for p in self.in_turn)
        covers = self.in_turn[-1].outlook
        gap = (
            ""
            if _covers(covers)
            else f"; after {say_month(covers.holds_until or covers.start)} no machine is shown to hold"
        )
        said = f"Over {self.years:g} years: {', then '.join(words)}; cost {total:g} in all{gap}"
        if self.at_once is not None and len(self.in_turn) > 1:
            return f"{said}; {self.at_once.machine.name} at once: {self.at_once.machine.cost:g}."
        return f"{said}."


def _covers(found: Outlook) -> bool:
    return found.holds_until is not None and found.holds_until >= found.end


def costs(
    scenario: Scenario, server: str, machines: Sequence[Candidate], look: Callable[[Scenario], Outlook], years: float
) -> Costs | None:
    """What it costs to keep the objectives met for some years, of machines with prices; None where the cheapest does not hold at first.

    `look` gives the outlook of the scenario with a machine. Machines are tried in order of price, up to the first that lasts.
    """
    in_turn: list[Purchase] = []
    for machine in sorted(machines, key=lambda each: each.cost):
        found = look(apply(scenario, machine, server))
        if found.holds_until is None:
            continue
        if in_turn and found.holds_until <= (in_turn[-1].outlook.holds_until or found.start):
            continue
        day = found.start if not in_turn else (in_turn[-1].outlook.holds_until or found.start)
        in_turn.append(Purchase(machine, day, found))
        if _covers(found):
            return Costs(years, tuple(in_turn), in_turn[-1])
    return Costs(years, tuple(in_turn), None) if in_turn else None
