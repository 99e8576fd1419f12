"""Damaged lines and files: counted and told, never a traceback, a hang or a wrong figure."""

from __future__ import annotations

import gzip
import random
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from math import isfinite, isnan
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.fit import Fit, fit
from coexsim.intake.logs.join import join
from coexsim.intake.logs.journeys import journeys
from coexsim.intake.logs.read import read_logs
from coexsim.intake.writers.write import LogFormat, write_logs
from tests.intake.fuzz_logs import KINDS, WRONG, outcomes
from tests.intake.log_lab import LOGS, lab_fit
from tests.intake.test_reading_logs import DOMINO, HUB
from tests.intake.test_writing_logs import minute


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


def halved(files: Sequence[Path], folder: Path, seed: int) -> list[Path]:
    """The files without about every second line, chosen at random; the lines that name columns stay."""
    numbers, found = random.Random(seed), []
    for file in files:
        text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        kept = [
            line
            for n, line in enumerate(text.decode().splitlines(keepends=True))
            if line.startswith("#") or numbers.random() < 0.5 or (not n and "," in line)
        ]
        found.append(folder / file.name.removesuffix(".gz"))
        found[-1].parent.mkdir(exist_ok=True)
        found[-1].write_text("".join(kept), encoding="utf-8")
    return found


def wrong(found: Fit, whole: Fit) -> list[str]:
    """Figures that do not hold: an interval that does not meet that of the whole log, bounds that do not hold its value, no reason."""
    true = {figure.name: figure for figure in whole.figures}
    names = []
    for figure in found.figures:
        other = true.get(figure.name, figure)
        is_outside = (
            isnan(figure.value)
            and isfinite(other.value)
            and not (isnan(figure.low) or figure.low <= other.value <= figure.high)
        )
        if (
            (isfinite(figure.value) and is_apart(figure, other))
            or is_outside
            or (isnan(figure.value) and not figure.remark)
        ):
            names.append(figure.name)
    return names


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_half_of_the_lines_missing_gives_bounds_not_figures(tmp_path: Path, seed: int) -> None:
    """Of the lab's lines every second one at random is gone: counts are bounded, and the truth (2,000 messages) lies within.

    Every other figure cannot be said, with the reason, or its 95 % interval meets that of the whole log.
    """
    found = fit(halved(LOGS, tmp_path / "half", seed))
    messages, rate = found.figure("messages"), found.figure("messages handed in")

    assert not found.complete.counts_hold
    assert found.complete.lost_share == pytest.approx(0.5, abs=0.08)
    assert isnan(messages.value)
    assert messages.low <= 2000 <= messages.high
    assert isnan(rate.value)
    assert rate.low <= 20.4 <= rate.high
    assert wrong(found, lab_fit()) == []
    assert sum(isfinite(figure.value) for figure in found.figures) > 60
    size = found.figure("size of a message, 0.5 quantile")
    assert size.low <= 10201 <= size.high


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", ["postfix", "exchange", "domino", "google"])
def test_half_of_the_rows_missing_is_noticed(tmp_path: Path, form: LogFormat, seed: int) -> None:
    """Tables have a row or two a message, Postfix five lines: still nothing is said that the whole log does not say."""
    spec, _, log = minute()
    whole = written(form)
    found = fit(
        halved(one_server(write_logs(log, spec, form, tmp_path / "whole"), form), tmp_path / "half", seed),
        scenario=spec,
    )

    assert whole.complete.counts_hold
    assert found.complete.lost_share > 0.1
    assert isnan(found.figure("messages").value)
    assert wrong(found, whole) == []


@cache
def written(form: LogFormat) -> Fit:
    """The fit of the whole minute's logs."""
    spec, _, log = minute()
    with TemporaryDirectory() as folder:
        return fit(one_server(write_logs(log, spec, form, Path(folder)), form), scenario=spec)


def one_server(files: Sequence[Path], form: LogFormat) -> list[Path]:
    """Of Domino's consoles only one: they do not name their servers, so that several cannot be joined."""
    return [file for file in files if form != "domino" or "onprem" in file.name]


def test_wrong_figures_are_found(tmp_path: Path) -> None:
    """``wrong`` can say no: a whole log's figures are not those of a log in which all messages are twice as large."""
    spec, _, log = minute()
    files = write_logs(log, spec, "exchange", tmp_path)
    for file in files:
        text = file.read_text(encoding="utf-8")
        file.write_text(
            re.sub(r"(?m)^((?:[^,\n]*,){14})(\d+),", lambda found: f"{found[1]}{2 * int(found[2])},", text),
            encoding="utf-8",
        )

    assert "size of a message, 0.5 quantile" in wrong(fit(files, scenario=spec), written("exchange"))


def test_mail_whose_begin_is_missing_has_no_delay(tmp_path: Path) -> None:
    """A tracking log without a RECEIVE row, a mail log with short ids without the first lines: the rest says size and sender, not when."""
    spec, _, log = minute()
    [file] = [file for file in write_logs(log, spec, "exchange", tmp_path) if "onprem" in file.name]
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(line for line in lines if ",RECEIVE," not in line), encoding="utf-8")
    found = join(read_logs([file]))
    (tmp_path / "hub.log").write_text("\n".join(HUB.splitlines()[3:]), encoding="utf-8")
    hub = join(read_logs([tmp_path / "hub.log"], year=2026))

    assert len(found.visits) > 100
    assert not found.visits["is_arrival_known"][found.visits["origin"] == 0].any()
    assert found.deliveries["delay_s"].isna().mean() > 0.9
    assert (found.visits["sender"] >= 0).all()
    assert len(hub.visits) > 0


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_missing_block_of_time_is_noticed(tmp_path: Path, share: float) -> None:
    """Each server's log without a tenth, or three, of its lines in one piece: mail was under way when it begins, so counts are bounds."""
    files = []
    for log in LOGS:
        lines = gzip.decompress(log.read_bytes()).decode().splitlines(keepends=True)
        begin = int(0.4 * len(lines))
        files.append(tmp_path / log.name.removesuffix(".gz"))
        files[-1].write_text("".join(lines[:begin] + lines[begin + int(share * len(lines)) :]), encoding="utf-8")
    found = fit(files)
    messages = found.figure("messages")

    assert not found.complete.counts_hold
    assert found.complete.lost_share == pytest.approx(share, abs=0.05)
    assert isnan(messages.value)
    assert messages.low <= 2000 <= messages.high


def test_a_silence_alone_is_no_hole(tmp_path: Path) -> None:
    """An hour without a line while nothing is under way, or while mail waits that was put off, is a quiet hour."""
    lines = HUB.splitlines()
    night = [line.replace("Nov 24 ", "Nov 25 ") for line in lines]
    (tmp_path / "mail.log").write_text("\n".join([*lines, *night]), encoding="utf-8")

    assert read_logs([tmp_path / "mail.log"], year=2026).holes == []
