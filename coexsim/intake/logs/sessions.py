"""SMTP sessions in a log, counted by server: messages in each, and how many there were at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from coexsim.intake.logs.tallies import Overlap, ValueMoments

BLOCK_ROWS = 8_192
LINE_S = 1.0  # a session lasts to the end of the second in which its last line was written
Row = tuple[int, int, float, float, int]  # server, client, from, to, messages; -1: its end is not logged


@dataclass
class ServerSessions:
    """Sessions with one server."""

    messages: ValueMoments = field(default_factory=ValueMoments)
    at_once: Overlap = field(default_factory=Overlap)
    is_whole: bool = True  # all times are whole seconds


class Sessions:
    """Sessions by server; they are counted a block at a time and not kept."""

    def __init__(self) -> None:
        self._fresh: list[Row] = []
        self._by_server: dict[int, ServerSessions] = {}

    def add(self, row: Row) -> None:
        """Count a session."""
        self._fresh.append(row)
        if len(self._fresh) >= BLOCK_ROWS:
            self._count()

    def by_server(self) -> dict[int, ServerSessions]:
        """What was counted."""
        self._count()
        return self._by_server

    def _count(self) -> None:
        if not self._fresh:
            return
        server, _, from_s, to_s, messages = (np.array(values) for values in zip(*self._fresh, strict=True))
        self._fresh.clear()
        for number in np.unique(server).tolist():
            mine = server == number
            found = self._by_server.setdefault(number, ServerSessions())
            mine &= messages >= 0  # of others it is not known how long they were
            found.messages.add(messages[mine])
            found.at_once.add(from_s[mine], to_s[mine] + LINE_S)
            found.is_whole = found.is_whole and not (from_s[mine] % 1).any()
