"""Limits of rates as rows for the kernel: those of clients' connections, and those by which an Outbox keeps mail."""

from __future__ import annotations

from collections.abc import Hashable
from math import inf

from coexsim.engine.arrays import Arrays
from coexsim.engine.numbering import Class
from coexsim.mail.policy import Policy
from coexsim.sim.world import World


class RateRows:
    """The limits of one run that the kernel counts; all others count where the rules are asked."""

    def __init__(self, world: World, arrays: Arrays) -> None:
        self._world, self._arrays = world, arrays
        self._outboxes: dict[tuple[str, Hashable], int] = {}  # by server and whose messages are counted: the first row

    def of_clients(self, policy: Policy) -> tuple[int, int]:
        """The range of a server's limits of connections, with a window for each sender of all servers."""
        senders = sum(len(server.resolvers) for server in self._world.servers.values())
        begin = self._arrays.used("rates")
        for rate in policy.rates:
            if rate.counts == "connections":
                first = self._arrays.append("rate_windows", [(-inf, 0)] * senders)
                self._arrays.append("rates", [(rate.window_s, rate.most, first)])
        return begin, self._arrays.used("rates")

    def outbox(self, at: Class) -> tuple[int, int]:
        """The range of limits by which the Outbox of a class's sender keeps mail; a sender has the same for all mail."""
        if at.came_from != "own-user":
            return 0, 0
        limits = tuple(self._world.servers[at.server].rules.outbox_limits(at.envelope.sender))
        if not limits:
            return 0, 0
        key = (at.server, limits)
        if key not in self._outboxes:
            first = self._arrays.append("rate_windows", [(-inf, 0)] * len(limits))
            rows = [(rate.window_s, rate.most, first + number) for number, (rate, _) in enumerate(limits)]
            self._outboxes[key] = self._arrays.append("rates", rows)
        first = self._outboxes[key]
        return first, first + len(limits)
