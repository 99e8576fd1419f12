"""How often mail is tried that a limit turns away: the mean of what is born, let in and tried again, step after step of the limit's time.

Of all that is due in a step the limit lets the same part in, whoever it is; the others come again by their schedule. Where more is due
than is let in, the limit is always met and means say all; where less is due, only bursts meet it: what a Poisson number with this mean
(taken as normal) has beyond the limit. Mail that comes again in crowds makes more bursts than that: a lower figure.
"""

from __future__ import annotations

from math import erfc, exp, pi, sqrt
from typing import NamedTuple

from coexsim.mail.retry import RetrySchedule

MOST_STEPS = 3_000
LEAST_TURNED = 1e-3
"""Messages: of fewer in a step nothing is said."""
_HOUR_S = 3600.0


class TriedAgain(NamedTuple):
    """Mail that is turned away at least once, and the attempts that come to nothing."""

    messages: float
    attempts: float


def tried_again(
    born_by_hour: list[float], most: float, window_s: float, schedule: RetrySchedule, run_s: float, until_s: float
) -> TriedAgain:
    """What a limit of `most` messages in each `window_s` [s] makes of one sender's mail, until `until_s` [s] after the start.

    `born_by_hour` are the messages born in each hour of a run of `run_s` [s]. All that is due in a step of a window or more is turned away
    in the same proportion, and comes again by `schedule`.
    """
    step_s = max(window_s, until_s / MOST_STEPS)
    windows = step_s / window_s
    due: dict[int, dict[int, tuple[float, float]]] = {}  # by step and failures: how many, and when they were queued
    messages = attempts = 0.0
    for step in range(int(until_s / step_s) + 1):
        at_s = step * step_s
        now = due.pop(step, {})
        if at_s < run_s:
            long_s = min(_HOUR_S, run_s - at_s // _HOUR_S * _HOUR_S)
            now[0] = born_by_hour[int(at_s // _HOUR_S)] * min(step_s, run_s - at_s) / long_s, at_s
        elif not now and not due:
            break
        waiting = sum(count for count, _ in now.values())
        born = now.get(0, (0.0, 0.0))[0]
        turned = turned_away(waiting / windows, most, born / windows) if waiting else 0.0
        if turned * waiting < LEAST_TURNED:
            continue
        messages += born * turned
        for failures, (count, queued_s) in now.items():
            next_s = schedule.next_attempt_s(at_s, failures + 1, queued_s)
            attempts += turned * count * max(step_s / (next_s - at_s), 1.0)
            if next_s - queued_s < schedule.expire_after_s:
                _add(due.setdefault(max(int(next_s / step_s), step + 1), {}), failures + 1, turned * count, queued_s)
    return TriedAgain(messages, attempts)


def turned_away(mean: float, most: float, born: float) -> float:
    """The share of the messages that a limit of `most` turns away, where `mean` come in each of its windows, `born` of them by chance."""
    if mean > most or not born:
        return max(1 - most / mean, 0.0)
    deviation = sqrt(born)
    beyond = (most - mean) / deviation
    return (exp(-(beyond**2) / 2) / sqrt(2 * pi) - beyond * erfc(beyond / sqrt(2)) / 2) * deviation / mean


def _add(due: dict[int, tuple[float, float]], failures: int, count: float, queued_s: float) -> None:
    """More with as many failures; of all of them the mean moment counts."""
    before, at_s = due.get(failures, (0.0, 0.0))
    both = before + count
    due[failures] = (both, (before * at_s + count * queued_s) / both) if both else (0.0, queued_s)
