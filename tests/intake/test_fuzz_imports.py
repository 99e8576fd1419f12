"""The short form of ``fuzz_imports.py``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from coexsim.cli import importing
from tests.intake import fuzz_into
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


def test_imports_into_scenarios_change_what_was_found_and_nothing_else() -> None:
    """Whatever is damaged, files or scenario: it has what was imported and all that it had, or is as it was."""
    found = list(fuzz_into.outcomes(120, seed=11))
    words = Counter(outcome.word for outcome in found)

    assert [outcome for outcome in found if outcome.word not in fuzz_into.GOOD] == []
    assert words["written"] > 25
    assert words["refused"] > 40


@pytest.mark.parametrize("fault", ["loses a comment", "loses a key", "writes half"])
def test_the_fuzzer_says_no(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import that loses the writer's words, something else of the scenario, or half of the file is found."""
    write = importing._write

    def faulty(texts: dict[Path, str]) -> None:
        for text in list(texts):
            lines = texts[text].split("\n")
            if fault == "loses a comment":
                lines = [line.replace("own-words-1.", "") for line in lines]
            elif fault == "loses a key":
                lines = [line for line in lines if not line.startswith("domain:")]
            else:
                lines = lines[: len(lines) // 2]
            texts[text] = "\n".join(lines)
        write(texts)

    monkeypatch.setattr(importing, "_write", faulty)
    assert any(outcome.word not in fuzz_into.GOOD for outcome in fuzz_into.outcomes(60, seed=11))
