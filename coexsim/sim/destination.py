"""What a sender knows of a next hop: whether it is suspended, until when, and why."""

from __future__ import annotations

from coexsim.mail.message import Reply
from coexsim.mail.retry import RetrySchedule, suspended_until_s


class Destination:
    """A next hop as one sender has found it."""

    __slots__ = ("_failures", "_first_failure_s", "_marked_s", "dead_until_s", "reply")

    def __init__(self) -> None:
        self.dead_until_s = 0.0
        self.reply = Reply(451, "4.4.1", "")
        self._failures = 0
        self._first_failure_s = 0.0
        self._marked_s = -1.0

    def revive(self) -> None:
        """An attempt has succeeded."""
        self._failures, self.dead_until_s = 0, 0.0

    def suspend(self, now_s: float, said: Reply, retry: RetrySchedule) -> None:
        """So many attempts have failed that nobody tries for a while."""
        self.dead_until_s = suspended_until_s(now_s, retry.gaps_s[0], retry.whole_seconds)
        self.reply = said

    def mark_dead(self, began_s: float, now_s: float, said: Reply, retry: RetrySchedule) -> None:
        """An attempt begun at a time has failed: nobody else need try before the next one is due.

        Attempts that were under way when another one failed tell nothing new.
        """
        if began_s < self._marked_s:
            return
        if not self._failures:
            self._first_failure_s = now_s
        self._failures += 1
        self._marked_s = now_s
        self.reply = said
        if retry.per == "destination":
            first_s = self._first_failure_s
            self.dead_until_s = retry.next_attempt_s(now_s, self._failures, first_s)
        else:
            self.dead_until_s = suspended_until_s(now_s, retry.gaps_s[0], retry.whole_seconds)
