"""Clocks that are wrong: found from the lab's real logs with one server's times shifted, and taken out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from coexsim.intake.fit import Fit, fit
from coexsim.intake.writers.day import day_of
from coexsim.intake.writers.exchange import iso
from coexsim.intake.writers.write import write_logs
from tests.intake.log_lab import lab_fit
from tests.intake.test_writing_logs import minute


def with_a_clock(folder: Path, ahead_s: Callable[[float], float]) -> Fit:
    """The fit of the minute's tracking logs, on-premises written with a clock that is `ahead_s` ahead at a time after the begin."""
    spec, _, log = minute()
    files = write_logs(log, spec, "exchange", folder)
    [onprem] = [file for file in files if "onprem" in file.name]
    begin = day_of(log, spec).begin
    lines = []
    for line in onprem.read_text(encoding="utf-8").splitlines():
        stamp, comma, rest = line.partition(",")
        if stamp[:1].isdigit():
            at = datetime.fromisoformat(stamp)
            line = iso(at + timedelta(seconds=ahead_s((at - begin).total_seconds()))) + comma + rest
        lines.append(line)
    onprem.write_text("\n".join(lines), encoding="utf-8")
    return fit(files, scenario=spec)


def names_of(found: Fit) -> dict[str, int]:
    """Servers by name."""
    return {name: number for number, name in found.names.items()}


def between(found: Fit) -> tuple[float, float, float]:
    """What on-premises is ahead of the hosted inbound server in the middle, its drift against it, and how far off the line."""
    clocks, servers = found.journeys.joined.clocks, names_of(found)
    ours, theirs = clocks.get(servers["onprem"]), clocks.get(servers["inotes-inbound"])
    ahead = (ours.ahead_s if ours else 0.0) - (theirs.ahead_s if theirs else 0.0)
    drift = (ours.drift if ours else 0.0) - (theirs.drift if theirs else 0.0)
    return ahead, drift, max((clock.off_s for clock in clocks.values()), default=0.0)


def test_a_constant_offset_is_taken_out(tmp_path: Path) -> None:
    """12.5 s ahead all the time: found to the time that a transfer takes, no drift; delays are those of the right clock."""
    found = with_a_clock(tmp_path, lambda _: 12.5)
    ahead_s, drift, off_s = between(found)

    assert ahead_s == pytest.approx(12.5, abs=0.3)
    assert (drift, off_s) == (0.0, 0.0)
    assert "taken out" in " ".join(found.clock_remarks)
    assert np.nanmin(found.journeys.copies["delay_s"]) > -0.3


def test_a_drift_is_taken_out(tmp_path: Path) -> None:
    """5 s ahead at first, 5.4 s at the end of the log's 20 s (a clock that gains 0.02 s a second): offset and drift are found."""
    found = with_a_clock(tmp_path, lambda at_s: 5.0 + 0.02 * at_s)
    ahead_s, drift, off_s = between(found)

    assert ahead_s == pytest.approx(5.2, abs=0.2)
    assert drift == pytest.approx(0.02, rel=0.3)
    assert off_s == 0.0
    assert any("gained" in remark or "lost" in remark for remark in found.clock_remarks)


@pytest.mark.parametrize("off_s", [3.0, 4.85, 6.33])
def test_stamps_in_whole_seconds_are_no_drift(off_s: float, tmp_path: Path) -> None:
    """A clock that is right but for a constant, cut to whole seconds: the medians scatter by some tenths, and no drift is made of it."""
    found = with_a_clock(tmp_path, lambda at_s: off_s - (at_s + off_s) % 1)
    ahead_s, drift, set_s = between(found)

    assert ahead_s == pytest.approx(off_s - 0.5, abs=0.3)  # cutting takes half a second on average
    assert (drift, set_s) == (0.0, 0.0)
    assert not any(word in " ".join(found.clock_remarks) for word in ("gained", "lost", "set"))


def test_a_clock_that_was_set_is_told(tmp_path: Path) -> None:
    """Right for half of the log, then 30 s ahead: no line fits, and that is said."""
    found = with_a_clock(tmp_path, lambda at_s: 0.0 if at_s < 10 else 30.0)

    assert between(found)[2] > 2.0
    assert any("not to be trusted" in remark for remark in found.clock_remarks)


def test_right_clocks_are_left_alone() -> None:
    """The lab's servers ran on one machine."""
    assert lab_fit().clock_remarks == []
