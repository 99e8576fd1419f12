"""Damaged lines and files: counted and told, never a traceback, a hang or a wrong figure."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from math import isfinite, isnan
from pathlib import Path

import pytest

from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.fit import fit
from coexsim.intake.logs.join import join
from coexsim.intake.logs.journeys import journeys
from coexsim.intake.logs.read import read_logs
from tests.intake.fuzz_logs import KINDS, WRONG, outcomes
from tests.intake.log_lab import LOGS, lab_fit
from tests.intake.test_reading_logs import DOMINO, HUB


def test_damaged_lines_are_counted() -> None:
    """2,000 damaged lines of each kind, two files of them: each line is used, other or damaged; the first damaged one is told."""
    found = list(outcomes(2000, seed=7))
    counts: Counter[tuple[str, str]] = Counter()
    for kind, word, number, _ in found:
        counts[kind, word] += number

    assert [each for each in found if each[1] in WRONG] == []
    assert all(counts[kind, "used"] > 0 for kind in KINDS)
    assert all(counts[kind, "damaged"] > 0 for kind in KINDS)


def test_a_delay_of_fifty_digits_is_a_damaged_line(tmp_path: Path) -> None:
    """No number of seconds, and no warning of an overflow."""
    (tmp_path / "mail.log").write_text(HUB.replace("delay=0.9,", f"delay={'9' * 50},"), encoding="utf-8")
    [told] = read_logs([tmp_path / "mail.log"], year=2026).told

    assert told.damaged == 1
    assert "line 6" in told.first_damaged


def test_a_console_log_that_breaks_off_keeps_what_was_read(tmp_path: Path) -> None:
    """Half of a packed log: its messages are there with their ends, where it breaks off is said; a damaged line is shown."""
    lines = [
        line.replace("006CCCD5", f"{number:08X}").replace("d1@", f"{number}@")
        for number in range(0x100, 0x500, 4)
        for line in DOMINO.splitlines()
    ]
    packed = gzip.compress("\n".join([*DOMINO.splitlines(), "\0 Router: Message", *lines]).encode())
    (tmp_path / "console.gz").write_bytes(packed[: len(packed) // 2])
    book = read_logs([tmp_path / "console.gz"])
    [told] = book.told
    found = journeys(join(book))

    assert any("breaks off" in remark for remark in told.remarks)
    assert told.damaged == 1
    assert told.first_damaged.startswith("line 6")
    assert len(found.copies) > 100


@pytest.mark.parametrize("cut", [10, 40_000, -9], ids=["a few bytes", "in the middle", "without its end"])
def test_a_file_that_breaks_off_is_told(tmp_path: Path, cut: int) -> None:
    """Half a gz file: what can be read is read, and where it breaks off is said."""
    (tmp_path / "mail.gz").write_bytes(LOGS[2].read_bytes()[:cut])
    if cut == 10:
        book = read_logs([tmp_path / "mail.gz"])
        assert book.told[0].kind == "empty"
        return
    book = read_logs([tmp_path / "mail.gz"])
    assert any("breaks off" in remark for remark in book.told[0].remarks)
    assert len(book.visits.frame()) > 500


def is_apart(one: MeasuredFigure, other: MeasuredFigure) -> bool:
    """Do the 95 % intervals of two figures have nothing in common. Both have one, but for the distance of a law."""
    if not isfinite(one.low) or not isfinite(other.value):
        return one.name != "greatest distance of law and data" and isfinite(other.value)
    low, high = (other.low, other.high) if isfinite(other.low) else (other.value, other.value)
    return one.low > high or low > one.high


@pytest.mark.slow
def test_half_of_the_lines_missing_gives_bounds_not_figures(tmp_path: Path) -> None:
    """Of the lab's lines every second one at random is gone: counts are bounded, and the truth (2,000 messages) lies within.

    Every other figure cannot be said, with the reason, or its 95 % interval meets that of the whole log.
    """
    numbers = random.Random(3)
    files = []
    for log in LOGS:
        with gzip.open(log, "rt", encoding="utf-8") as packed:
            kept = [line for line in packed if numbers.random() < 0.5]
        files.append(tmp_path / log.name.removesuffix(".gz"))
        files[-1].write_text("".join(kept), encoding="utf-8")
    found = fit(files)
    messages, rate = found.figure("messages"), found.figure("messages handed in")

    assert not found.complete.counts_hold
    assert found.complete.lost_share == pytest.approx(0.5, abs=0.08)
    assert isnan(messages.value)
    assert messages.low <= 2000 <= messages.high
    assert isnan(rate.value)
    assert rate.low <= 20.4 <= rate.high
    whole = {figure.name: figure for figure in lab_fit().figures}
    assert [f.name for f in found.figures if isfinite(f.value) and is_apart(f, whole.get(f.name, f))] == []
    assert sum(isfinite(figure.value) for figure in found.figures) > 60
    assert [figure.name for figure in found.figures if isnan(figure.value) and not figure.remark] == []
    size = found.figure("size of a message, 0.5 quantile")
    assert size.low <= 10201 <= size.high
