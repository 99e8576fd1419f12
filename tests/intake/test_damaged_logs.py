"""Damaged lines and files: counted and told, never a traceback, a hang or a wrong figure."""

from __future__ import annotations

import gzip
import random
from math import isnan
from pathlib import Path

import pytest

from coexsim.intake.fit import fit
from coexsim.intake.logs.join import join
from coexsim.intake.logs.journeys import journeys
from coexsim.intake.logs.read import read_logs
from tests.intake.log_lab import LOGS
from tests.intake.test_reading_logs import ACTIVITY, BOX, DOMINO, EXCHANGE, GOOGLE, HUB, SUMMARY, TRACE, exchange_row

ODD = [
    "\0",
    "\u2028",
    "\ufeff",
    '"',
    "[",
    "]: ",
    ",",
    ";",
    "\r",
    "9" * 400,
    "-1",
    "NaN",
    "<",
    "=",
    "\udcff",
    "é",
    "  ",
    "/",
    "99/99/9999",
]
TRACKING = EXCHANGE + exchange_row("00:00.000", "PC", "MBX1", "STOREDRIVER", "RECEIVE", "t@example.com") + "\n"
KINDS = {
    "postfix": HUB + BOX,
    "exchange": TRACKING,
    "trace": TRACE,
    "summary": SUMMARY,
    "google": GOOGLE,
    "domino": DOMINO,
    "activity": ACTIVITY,
}


def damaged(text: str, numbers: random.Random) -> str:
    """A line with something cut out, put in, doubled or swapped."""
    for _ in range(numbers.randint(1, 3)):
        at, to = sorted((numbers.randrange(len(text) + 1), numbers.randrange(len(text) + 1)))
        text = numbers.choice([
            text[:at] + text[to:], text[:at] + numbers.choice(ODD) + text[at:], text[:to] + text[at:], text[at:to] + text[:at] + text[to:],
        ])  # fmt: skip
        text = text[:2000]
    return text


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_lines_are_counted(tmp_path: Path, kind: str) -> None:
    """2,000 damaged lines of each kind behind a good beginning: each is used, other or damaged, and the rest still joins."""
    numbers = random.Random(7)
    good = KINDS[kind].splitlines()
    bad = [damaged(numbers.choice(good), numbers) for _ in range(2000)]
    file = tmp_path / "bad.log"
    file.write_bytes("\n".join([*good, *bad]).encode("utf-8", "surrogatepass"))
    book = read_logs([file], year=2026)
    journeys(join(book))
    [told] = book.told

    assert told.lines >= 2000
    assert told.used + told.other + told.damaged <= told.lines + 1
    assert told.used > 0


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


@pytest.mark.slow
def test_half_of_the_lines_missing_gives_bounds_not_figures(tmp_path: Path) -> None:
    """Of the lab's lines every second one at random is gone: counts are bounded, and the truth (2,000 messages) lies within."""
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
    size = found.figure("size of a message, 0.5 quantile")
    assert size.low <= 10201 <= size.high
