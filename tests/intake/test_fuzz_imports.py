"""The short form of ``fuzz_imports.py``."""

from __future__ import annotations

from collections import Counter

from tests.intake.fuzz_imports import outcomes, reader_outcomes


def test_damaged_files_are_read_or_told() -> None:
    """Each is an error with its place or a scenario that can be used; both happen, so the damage is neither too much nor too little."""
    found = list(outcomes(250, seed=20261127))
    wrong = [outcome for outcome in found if outcome.word not in ("read", "told")]
    words = Counter(outcome.word for outcome in found)

    assert wrong == []
    assert words["read"] > 20
    assert words["told"] > 20


def test_readers_alone_meet_more_of_them() -> None:
    """Nothing but text and lines: no traceback, no hang."""
    assert [outcome for outcome in reader_outcomes(3_000, seed=7) if outcome.word not in ("read", "told")] == []
