"""Rarer things about the way of mail by both engines: fallback relays, addresses that are probed, IPv6, limits of rates."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from coexsim.engine.choice import not_covered
from coexsim.errors import CoexsimError
from coexsim.scenario.model import Scenario
from coexsim.sim.rule_memory import RuleMemory
from tests.engine.both import assert_compiled_agrees, assert_same, compiled, reference
from tests.engine.random_ways import Ways, fallbacks, families, outboxes, probes, rates, strangers
from tests.sim.loaded import loaded
from tests.sim.setups import mails

OPTIONS: list[dict[str, Any]] = [{}, {"room": 1, "block_mails": 1, "forced": True}]
"""As it is; with little room, and returns before every step."""
WAYS: dict[str, Ways] = {
    "fallback relays": fallbacks,
    "probes": probes,
    "families": families,
    "rates": rates,
    "outboxes": outboxes,
    "strangers": strangers,
}


def worlds(name: str, first: int) -> Iterator[tuple[int, Scenario]]:
    """Six random worlds with a rarer way, every second one with named messages too, but for those whose keys do not go together."""
    for number in range(first, first + 6):
        kind, parts = WAYS[name](random.Random(f"{name} {number}"))
        try:
            scenario = loaded(kind, *parts, {"run": {"length": "40 s", "drain": "1 h"}})
        except CoexsimError:
            continue
        assert not_covered(scenario) is None
        yield number, scenario.replaced(messages=mails(scenario)[:24] if number % 2 else ())


@pytest.mark.parametrize("first", [0, 6])
@pytest.mark.parametrize("name", WAYS)
def test_the_tables_are_the_same(name: str, first: int) -> None:
    """Whatever is down, full, slow, unknown or has forgotten meanwhile."""
    for number, scenario in worlds(name, first):
        assert_compiled_agrees(scenario, OPTIONS, seed=number)


def test_mail_comes_to_the_fallback_relays() -> None:
    """Some fails there, in most worlds: the comparison is about something."""
    ends = [set(reference(scenario, seed=number).mail["by"]) for number, scenario in worlds("fallback relays", 0)]
    assert sum(bool(by & {"fb", "fb2"}) for by in ends) > len(ends) / 2


def test_an_answer_that_is_kept_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe's answer holds for a while and not for ever: were it noted for all mail of a class, the tables would not be the same."""
    expected = {number: (scenario, reference(scenario, seed=number)) for number, scenario in worlds("probes", 0)}
    monkeypatch.setattr(RuleMemory, "asks_each", lambda *_: False)
    differ = 0
    for number, (scenario, slow) in expected.items():
        try:
            assert_same(slow, compiled(scenario, seed=number))
        except AssertionError:
            differ += 1
    assert differ
