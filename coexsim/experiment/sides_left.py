"""Streams of mail whose side is left by everybody, as at a hosted share of 0 or 100 %: their mail goes with its people."""

from __future__ import annotations

from collections.abc import Mapping

from coexsim.scenario.load_profile import StreamSpec
from coexsim.scenario.model import Scenario

SIDES = ("onprem", "hosted")
EVERYBODY = "everybody"
SIDES_STAY = (
    "Streams from or to a side keep their rate while people move; when nobody is left there, their mail goes with the people. "
    "For mail that moves with each of them, write 'everybody' in place of the side."
)


def follow_people(scenario: Scenario, population: Mapping[str, int]) -> dict[str, object]:
    """The changes that make mail from and to a side with nobody in this `population` mail from and to everybody.

    Everybody is on the other side then. Streams keep their names, so that the same mail is drawn.
    """
    left = {side for side in SIDES if not population.get(side, 0)}
    changes: dict[str, object] = {}
    for place, stream in enumerate(scenario.load.streams if scenario.load is not None else ()):
        if len(left) == 1 and left & {stream.sender, *stream.to}:
            at = f"load.streams.{place}"
            sender = EVERYBODY if stream.sender in left else stream.sender
            changes |= {f"{at}.name": stream.label, f"{at}.from": sender, f"{at}.to": _weights(stream, left)}
    return changes


def _weights(stream: StreamSpec, left: set[str]) -> dict[str, float]:
    """Whom a stream is for, by weight: what was for the side that is left is for everybody."""
    weights: dict[str, float] = {}
    for place, weight in stream.to.items():
        now = EVERYBODY if place in left else str(place)
        weights[now] = weights.get(now, 0.0) + weight
    return weights


def say_sides(scenario: Scenario) -> list[str]:
    """What to know of streams that name a side, where people move; nothing where no stream does."""
    streams = scenario.load.streams if scenario.load is not None else ()
    if not any({stream.sender, *stream.to} & set(SIDES) for stream in streams):
        return []
    return [SIDES_STAY]
