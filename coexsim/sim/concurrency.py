"""How many sessions at once a server has with a destination: more after a success, fewer after a failure, none when it is dead."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from coexsim.sim.formulas import (
    window_after_failure,
    window_after_success,
    window_by_queue,
    window_forgotten,
    window_reopened,
)


class Feedback(NamedTuple):
    """The settings of Postfix's concurrency scheduler (SCHEDULER_README).

    With `by_queue` all mail for a destination waits in one queue and goes on over the connections that there are, however many were turned
    away (Exchange, Domino): it is dead when the last one fails.
    """

    initial: int
    limit: int
    positive: float
    negative: float
    failed_cohorts: float
    by_queue: bool = False

    @property
    def first(self) -> int:
        """Sessions with a destination of which nothing is known."""
        return min(self.initial, self.limit)


class Concurrency:
    """The sessions allowed with one destination just now."""

    __slots__ = ("_cohorts", "_failure", "_feedback", "_success", "_window")

    def __init__(self, feedback: Feedback) -> None:
        self._feedback = feedback
        self._window = feedback.first
        self._success = self._failure = self._cohorts = 0.0

    @property
    def limit(self) -> float:
        """Sessions at once; without bound when dead, so that whoever waits finds that out."""
        return self._window or inf

    def after_success(self, busy: int) -> None:
        """A host of the destination has answered; `busy` sessions are under way, this one included."""
        self._cohorts = 0.0
        self.reopen(busy)
        self._window, self._success, self._failure = window_after_success(
            self._window, self._success, self._failure, busy, self._feedback.initial, self._feedback.limit,
            self._feedback.positive,
        )  # fmt: skip

    @property
    def by_queue(self) -> bool:
        """Does what was turned away wait for one of the other sessions."""
        return self._feedback.by_queue

    def after_failure(self, busy: int) -> bool:
        """No host answered, or it turned the connection away. Is the destination dead by now. `busy` as in `after_success`."""
        if self._feedback.by_queue:
            self._window, self._success = window_by_queue(busy), 0.0
            return not self._window
        if self._window:
            self._window, self._success, self._failure, self._cohorts = window_after_failure(
                self._window, self._success, self._failure, self._cohorts, self._feedback.negative,
                self._feedback.failed_cohorts,
            )  # fmt: skip
            return not self._window
        return False

    def forget(self) -> None:
        """No mail for the destination is under way or waits."""
        self._window, self._success, self._failure, self._cohorts = window_forgotten(
            self._window, self._success, self._failure, self._cohorts, self._feedback.first
        )

    def reopen(self, busy: int) -> None:
        """If it was dead, give it another chance."""
        self._window, self._success, self._failure, self._cohorts = window_reopened(
            self._window, self._success, self._failure, self._cohorts, busy, self._feedback.first
        )
