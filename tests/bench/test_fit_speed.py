"""fit on a long Postfix log beside Debian's pflogsumm on the same files, in processor time; and its memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.bench.repeat_log import repeat

TIMES = 12  # the lab's log so often: 24,000 messages, 53 MB
MOST_BYTES_A_MESSAGE = 4000

pytestmark = pytest.mark.bench


class Cost(NamedTuple):
    """What a process took."""

    seconds: float  # of the processor
    peak_bytes: int


def cost_of(*command: str) -> Cost:
    """Run a command and measure it."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def fit_of(folder: Path, times: int) -> Cost:
    """Fit on the lab's log, repeated."""
    repeat(folder, times)
    logs = [str(file) for file in sorted(folder.glob("*.log"))]
    return cost_of(sys.executable, "-m", "coexsim", "fit", *logs, "--no-pictures", "-q", "--out", str(folder / "out"))


@pytest.mark.skipif(
    shutil.which("pflogsumm") is None, reason="pflogsumm is not installed (Debian: apt-get install pflogsumm)"
)
def test_fit_is_not_slower_than_pflogsumm(tmp_path: Path) -> None:
    """What a longer log costs more, start and imports left out, is no more than a tenth above pflogsumm's; memory a message is small."""
    few, many = fit_of(tmp_path / "few", 1), fit_of(tmp_path / "many", 1 + TIMES)
    logs = [str(file) for file in sorted((tmp_path / "many").glob("*.log"))]
    other = cost_of("pflogsumm", *logs)
    ours_s, theirs_s = (many.seconds - few.seconds) / TIMES, other.seconds / (1 + TIMES)
    bytes_each = (many.peak_bytes - few.peak_bytes) / (2000 * TIMES)
    print(
        f"\n2,000 messages more: fit {ours_s:.3f} s, pflogsumm {theirs_s:.3f} s; {bytes_each:,.0f} bytes a message more"
    )

    assert ours_s <= 1.1 * theirs_s
    assert bytes_each <= MOST_BYTES_A_MESSAGE
