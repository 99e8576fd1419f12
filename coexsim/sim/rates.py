"""What clients, senders and mailboxes have used of a server's limits on rates (`Policy.rates`)."""

from __future__ import annotations

from collections.abc import Hashable
from math import inf

from coexsim.mail.policy import Rate
from coexsim.sim.formulas import rate_turn_s, rate_window


class RateCounts:
    """One window for each limit and each whose messages or recipients it counts."""

    def __init__(self) -> None:
        self._windows: dict[tuple[Rate, Hashable], tuple[float, int]] = {}

    def take(self, rate: Rate, whose: Hashable, wanted: int, now_s: float) -> int:
        """How many of `wanted` are within the limit; they count from now on."""
        began_s, count = self._windows.get((rate, whose), (-inf, 0))
        began_s, count, within = rate_window(began_s, count, now_s, rate.window_s, rate.most, wanted)
        self._windows[rate, whose] = began_s, count
        return within

    def turn_s(self, rate: Rate, whose: Hashable, now_s: float) -> float:
        """When the next message may go, if those that are too many wait, first come first served; it counts from then on."""
        began_s, count = self._windows.get((rate, whose), (-inf, 0))
        began_s, count, at_s = rate_turn_s(began_s, count, now_s, rate.window_s, rate.most)
        self._windows[rate, whose] = began_s, count
        return at_s
