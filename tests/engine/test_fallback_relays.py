"""Fallback relays by both engines: who is left of an attempt goes on there, whatever the hosts before have answered."""

from __future__ import annotations

import random
from typing import Any

import pytest

from coexsim.errors import CoexsimError
from coexsim.scenario.model import Scenario
from tests.engine.both import assert_same, compiled, reference
from tests.engine.random_ways import fallbacks
from tests.sim.loaded import loaded

OPTIONS: list[dict[str, Any]] = [{}, {"room": 1, "block_mails": 1, "forced": True}]


def world(number: int) -> Scenario | None:
    """A random world with fallback relays; None where the keys drawn do not go together."""
    kind, parts = fallbacks(random.Random(f"fallback {number}"))
    try:
        return loaded(kind, *parts, {"run": {"length": "40 s", "drain": "1 h"}})
    except CoexsimError:
        return None


@pytest.mark.parametrize("options", OPTIONS, ids=["as it is", "little room, and returns before every step"])
@pytest.mark.parametrize("first", [0, 6])
def test_fallback_relays(first: int, options: dict[str, Any]) -> None:
    """Some are down, full or slow, one has no address, one refuses people; the tables are the same."""
    by: set[str] = set()
    for number in range(first, first + 6):
        scenario = world(number)
        if scenario is None:
            continue
        slow = reference(scenario, seed=number)
        assert_same(slow, compiled(scenario, seed=number, **options))
        by |= set(slow.mail["by"])
    assert by & {"fb", "fb2"}  # some mail has come there
