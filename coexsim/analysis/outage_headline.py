"""The answer to an outage in one line: when all is normal again, the longest wait, whose disk it takes, and what was lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isfinite

import numpy as np
import pandas as pd

from coexsim.analysis.outage import OutageFacts
from coexsim.units import Moment, say_bytes, say_duration, say_time


def headline(facts: OutageFacts, start: Moment, normal_s: Sequence[float], foreign: Collection[str] = ()) -> str:
    """``Normal again Wed 09:26, 19 h after the return; the longest wait 25 h; 0.65 GB of queue disk at onprem; nothing expired``.

    `foreign` servers are not the organisation's: what waits there is told after its own disks. What was lost is counted over all runs.
    """
    parts = [_normal_again(facts, start, normal_s)]
    if facts.longest_delay_s == facts.longest_delay_s:
        parts.append(f"the longest wait {say_duration(_rounded(facts.longest_delay_s))}")
    parts += _disks(facts.backlog, foreign)
    lost = [f"{number:,} {word}" for word, number in (("expired", facts.expired), ("bounced", facts.bounced)) if number]
    together = say_together(len(normal_s))
    parts.append(" and ".join(lost) + together if lost else "nothing expired")
    if facts.in_transit:
        parts.append(f"{facts.in_transit:,} still in transit{together}")
    return "; ".join(parts)


def say_together(runs: int) -> str:
    """`` in 4 runs together`` behind a number that is a sum over runs; nothing of one run."""
    return f" in {runs} runs together" if runs > 1 else ""


def _disks(backlog: pd.DataFrame, foreign: Collection[str]) -> list[str]:
    """The disk that queues of the organisation's own servers take, then what waits at servers that are not its own."""
    if not len(backlog):
        return ["no server's queue grew"]
    own = _by_size(backlog[~backlog["server"].isin(list(foreign))])
    others = _by_size(backlog[backlog["server"].isin(list(foreign))])
    said = []
    if own:
        said.append(
            ", ".join(f"{say_bytes(s)}{' of queue disk' * (n == 0)} at {name}" for n, (name, s) in enumerate(own))
        )
    if others:
        said.append(f"{', '.join(f'{say_bytes(size)} wait at {name}' for name, size in others)}, not your own")
    return said


def _by_size(backlog: pd.DataFrame) -> list[tuple[str, float]]:
    """The servers that keep most, those with less than a tenth of that left out."""
    sizes = sorted(
        ((str(name), float(size)) for name, size in zip(backlog["server"], backlog["most_bytes"], strict=True)),
        key=lambda pair: -pair[1],
    )
    return [(name, size) for name, size in sizes[:3] if size >= 0.1 * sizes[0][1] and size > 0]


def _normal_again(facts: OutageFacts, start: Moment, normal_s: Sequence[float]) -> str:
    if not isfinite(facts.to_s):
        return "The outage has no end within the run"
    if not normal_s or not np.isfinite(normal_s).all():
        return f"Not normal again by {say_time(facts.seen_to_s, start)}, {_ago(facts.seen_to_s - facts.to_s)} after the return"
    worst = max(normal_s)
    if worst == 0:
        return f"Normal again at once, {say_time(facts.to_s, start)}"
    runs = len(normal_s)
    spread = f" ({_ago(min(normal_s))} to {_ago(worst)} in {runs} runs)" if runs > 1 and min(normal_s) < worst else ""
    return f"Normal again {say_time(whole_minutes(facts.to_s + worst), start)}, {_ago(worst)} after the return{spread}"


def _ago(seconds: float) -> str:
    return say_duration(_rounded(whole_minutes(seconds)))


def whole_minutes(seconds: float) -> float:
    """To the minute; infinite stays so."""
    return 60.0 * round(seconds / 60) if isfinite(seconds) else seconds


def _rounded(seconds: float) -> float:
    """Two digits are enough to be read out."""
    return float(f"{seconds:.2g}") if seconds >= 36000 else seconds
