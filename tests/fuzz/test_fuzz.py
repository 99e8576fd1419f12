"""The short form of `make fuzz` for CI: the same cases, always the same seeds."""

from __future__ import annotations

import pytest

from tests.fuzz import cases
from tests.fuzz.damage import damaged


@pytest.mark.parametrize("block", range(4))
def test_damaged_scenarios_are_told_or_taken(block: int) -> None:
    """Each ends with exit code 0 to 3 and without a traceback."""
    faults = {seed: cases.damaged_scenario(seed) for seed in range(30 * block, 30 * (block + 1))}

    assert {seed: fault for seed, fault in faults.items() if fault} == {}


@pytest.mark.parametrize("seed", range(3))
def test_random_worlds_keep_their_accounting(seed: int) -> None:
    """Every recipient has one outcome; the run itself asserts it."""
    assert cases.world(seed) is None


def test_a_case_is_the_same_for_the_same_seed() -> None:
    """A seed that was printed repeats its case; another seed is another case."""
    assert damaged(7) == damaged(7)
    assert damaged(7) != damaged(8)


def test_the_fuzzer_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command with a bug, and one that fails without a word, are faults."""
    monkeypatch.setattr(cases, "run", lambda _: 70)
    assert cases.damaged_scenario(1)
    monkeypatch.setattr(cases, "run", lambda _: 2)
    assert cases.damaged_scenario(1)


def test_control_characters_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that reaches the terminal with its escapes is found, whatever the exit code."""

    def forged(_: object) -> int:
        print("\x1b]0;title\x07")
        return 0

    monkeypatch.setattr(cases, "run", forged)
    assert cases.damaged_scenario(1)
