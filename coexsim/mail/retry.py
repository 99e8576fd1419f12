"""When mail that could not be handed on is tried again, warned of, and given up, as data: a product's schedule stands in its file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from coexsim.scenario.machine import RetryPlan

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0
SHORTEST_GAP_S = 1.0  # queue managers look at the clock once a second
AHEAD_S = 1.0  # Postfix's queue run takes a file that is due at most a second later [PF] qmgr_active.c
NEVER = math.inf


def next_attempt_s(
    gaps_s: Sequence[float], factor: float, longest_s: float, by_age: bool, queue_run_s: float, phase_s: float, whole_seconds: bool,
    now_s: float, failures: int, queued_s: float,
) -> float:  # fmt: skip
    """When a schedule (see `RetrySchedule`) tries again after the `failures`-th failure (1, 2, ...) at `now_s`.

    A plain function of numbers, which a compiler such as Numba can compile; `queued_s` is when the message entered the queue.
    """
    clock_s = float(math.floor(now_s)) if whole_seconds else now_s
    if by_age:
        age_s = clock_s - (float(math.floor(queued_s)) if whole_seconds else queued_s)
        gap_s = min(max(age_s, gaps_s[0]), longest_s)
    elif failures <= len(gaps_s):
        gap_s = gaps_s[failures - 1]
    else:
        growths = float(min(failures - len(gaps_s), 200))
        gap_s = min(gaps_s[len(gaps_s) - 1] * factor**growths, longest_s)
    due_s = clock_s + max(gap_s, SHORTEST_GAP_S)
    if queue_run_s <= 0:
        return due_s
    if whole_seconds:  # the run, too, reads a clock of whole seconds, and takes what is due a second later
        due_s += phase_s - float(math.floor(phase_s)) - AHEAD_S
    runs = math.ceil((due_s - phase_s) / queue_run_s - 1e-9)
    at_s = phase_s + runs * queue_run_s
    return at_s if at_s > now_s else at_s + queue_run_s


def suspended_until_s(now_s: float, gap_s: float, whole_seconds: bool) -> float:
    """Until when nobody tries a destination that was found dead: Postfix's timers go by whole seconds [PF].

    A plain function of numbers.
    """
    return (float(math.floor(now_s)) if whole_seconds else now_s) + gap_s


def after_failure(
    expire_after_s: float, warn_after_s: float, at_attempts: bool, now_s: float, next_s: float, queued_s: float
) -> tuple[float, float, float]:
    """What follows a failure at `now_s` when the next attempt would be at `next_s`: next attempt, end, and warning.

    `NEVER` stands for no next attempt, and for no warning, here and in `warn_after_s`. A plain function of numbers.
    """
    gives_up_s = queued_s + expire_after_s
    warn_s = queued_s + warn_after_s
    if at_attempts:
        if now_s >= gives_up_s:
            next_s, gives_up_s = NEVER, now_s
        warn_s = now_s if warn_s <= now_s and next_s < NEVER else NEVER
    else:
        if next_s >= gives_up_s:
            next_s = NEVER
        if warn_s > min(next_s, gives_up_s) or (next_s == NEVER and gives_up_s <= now_s):
            warn_s = NEVER  # told with the end, or by then no longer true
    return next_s, gives_up_s, warn_s


def after_freezing(thaw_after_s: float, cancel_after_s: float, now_s: float, queued_s: float) -> tuple[float, float]:
    """What follows when a message is frozen at `now_s`: its next attempt (`NEVER`: nobody thaws it), and when it is cancelled [EXIM].

    A plain function of numbers.
    """
    gives_up_s = max(queued_s + cancel_after_s, now_s)
    next_s = now_s + max(thaw_after_s, SHORTEST_GAP_S)
    return (next_s if next_s < gives_up_s else NEVER), gives_up_s


def queue_run_phase_s(phase_s: float, queue_run_s: float, sender: int, senders: int) -> float:
    """When the first queue run of one of several senders begins: theirs are spread evenly over the time between two.

    A plain function of numbers.
    """
    return phase_s + queue_run_s * sender / senders


def next_of(now_s: float, due_s: float, destination_alive: bool, message_gap_s: float, schedule_s: float) -> float:
    """When a message that was deferred at `now_s` is tried again: with its destination, by the gap of its own, or by the schedule.

    `due_s` is when its destination as a whole is tried again, and comes first; `message_gap_s` counts where the message alone must come
    later (`destination_alive`); `NEVER`: it is not so. A plain function of numbers.
    """
    if due_s < NEVER:
        return due_s
    if destination_alive and message_gap_s < NEVER:
        return now_s + max(message_gap_s, SHORTEST_GAP_S)
    return schedule_s


class Wait(NamedTuple):
    """What follows a failed attempt: the next one at `next_s`, or (None) the end at `gives_up_s`; a warning before that at `warn_s`."""

    next_s: float | None
    gives_up_s: float
    warn_s: float | None


class RetrySchedule(NamedTuple):
    """`gaps_s` come first, one after another; then each gap is the last one times `factor`, at most `longest_s`.

    With `by_age` the gap is the message's age, clamped to [first gap, longest_s]: Postfix. Attempts start at queue runs, every
    `queue_run_s` from `phase_s` on, if there are any; with `whole_seconds` the clock is read in seconds, and a queue run takes what is due
    at most a second later. `per` says whether a destination waits as a whole, or each message for itself.
    `message_gap_s` is the gap of a message that was told to come later while its destination was well, if that is not by `gaps_s`.
    `cancel_frozen_after_s`: mail that waits for a fault of the set-up is frozen (None: it waits as other mail does): tried again
    `thaw_after_s` later, if that is before it is so old, and then given up. Mail that is on hold is frozen too, where it is None for good.
    `at_attempts`: age is looked at after a failed attempt only, so mail is warned of and given up at an attempt, not between two.
    """

    gaps_s: tuple[float, ...]
    factor: float
    longest_s: float
    warn_after_s: float | None
    expire_after_s: float
    per: Literal["destination", "message"]
    by_age: bool = False
    queue_run_s: float = 0.0
    at_attempts: bool = False
    phase_s: float = 0.0
    whole_seconds: bool = False
    message_gap_s: float | None = None
    thaw_after_s: float = NEVER
    cancel_frozen_after_s: float | None = None

    def next_attempt_s(self, now_s: float, failures: int, queued_s: float, phase_s: float | None = None) -> float:
        """When to try again after the `failures`-th failure (1, 2, ...) at `now_s` of a message queued at `queued_s`.

        `phase_s` is when the first queue run begins, if not by the schedule's own phase.
        """
        return next_attempt_s(
            self.gaps_s, self.factor, self.longest_s, self.by_age, self.queue_run_s,
            self.phase_s if phase_s is None else phase_s, self.whole_seconds, now_s, failures, queued_s,
        )  # fmt: skip

    def after_failure(
        self, now_s: float, failures: int, queued_s: float, *, warned: bool = False, due_s: float | None = None,
        phase_s: float | None = None, destination_alive: bool = False,
    ) -> Wait:  # fmt: skip
        """What follows the `failures`-th failure; the arguments are those of `next_attempt_s`. `warned`: its sender was told.
        `due_s`: when the destination as a whole is tried again, if the message waits for that. `destination_alive`: only the message
        must come later.
        """
        next_s = next_of(
            now_s, NEVER if due_s is None else due_s, destination_alive, NEVER if self.message_gap_s is None else self.message_gap_s,
            self.next_attempt_s(now_s, failures, queued_s, phase_s),
        )  # fmt: skip
        warn_after_s = NEVER if self.warn_after_s is None or warned else self.warn_after_s
        next_s, gives_up_s, warn_s = after_failure(
            self.expire_after_s, warn_after_s, self.at_attempts, now_s, next_s, queued_s
        )
        return Wait(None if next_s == NEVER else next_s, gives_up_s, None if warn_s == NEVER else warn_s)

    def frozen(self, now_s: float, queued_s: float) -> Wait:
        """What follows when a message that was queued at `queued_s` is frozen; it is not warned of."""
        cancel_after_s = NEVER if self.cancel_frozen_after_s is None else self.cancel_frozen_after_s
        next_s, gives_up_s = after_freezing(self.thaw_after_s, cancel_after_s, now_s, queued_s)
        return Wait(None if next_s == NEVER else next_s, gives_up_s, None)

    def attempts_s(self, until_s: float) -> list[float]:
        """The attempts of a message to a dead destination, queued at 0, up to a time."""
        times = [0.0]
        while True:
            at_s = self.next_attempt_s(times[-1], len(times), 0.0)
            if at_s > min(until_s, self.expire_after_s):
                return times
            times.append(at_s)


def constant(gap_s: float, warn_s: float | None, expire_s: float) -> RetrySchedule:
    """The same gap again and again, for a destination as a whole."""
    return RetrySchedule((gap_s,), 1.0, gap_s, warn_s, expire_s, "destination")


def changed(schedule: RetrySchedule, plan: RetryPlan, known: Mapping[str, RetrySchedule]) -> RetrySchedule:
    """A schedule with what a scenario says instead; `known` are those it can name."""
    if plan.like is not None:
        schedule = known[plan.like]
    if plan.first is not None:
        schedule = schedule._replace(
            gaps_s=(plan.first,), longest_s=max(schedule.longest_s, plan.first), queue_run_s=0.0, message_gap_s=None
        )
        if plan.factor is None and plan.longest is None and not schedule.by_age:
            schedule = schedule._replace(factor=1.0, longest_s=plan.first)
    if plan.queue_run is not None:
        schedule = schedule._replace(queue_run_s=plan.queue_run)
    if plan.phase is not None:
        schedule = schedule._replace(phase_s=plan.phase)
    if plan.factor is not None:
        schedule = schedule._replace(factor=plan.factor)
    if plan.longest is not None:
        schedule = schedule._replace(longest_s=plan.longest)
    if plan.warn_after is not None:
        schedule = schedule._replace(warn_after_s=plan.warn_after)
    if plan.expire_after is not None:
        schedule = schedule._replace(expire_after_s=plan.expire_after)
    return schedule
