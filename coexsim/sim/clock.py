"""Simulated time: waiting until a moment, and who goes first when moments coincide.

The order at one moment is a rule, not an accident of the heap: first SimPy's own housekeeping, then by stage in the order of
`STAGES`, then by the mail's number. So a run does not depend on the order in which processes were started.
"""

from __future__ import annotations

from heapq import heappush

import simpy

STAGES = ("world", "birth", "work done", "session", "retry", "monitor")
_STAGE_BITS = 44  # room for 17 million million messages a stage
_AFTER_SIMPY = 2  # SimPy's priorities are URGENT = 0 and NORMAL = 1

WORLD, BIRTH, WORK_DONE, SESSION, RETRY, MONITOR = ((_AFTER_SIMPY + i) << _STAGE_BITS for i in range(len(STAGES)))


class At(simpy.Event):
    """Happens at `time_s`, to the last bit: a timeout adds a delay to the clock, which may round elsewhere.

    `order` is a stage constant of this module, plus the number of the mail.
    """

    __slots__ = ()

    def __init__(self, env: simpy.Environment, time_s: float, order: int) -> None:
        self.env = env
        self.callbacks = []
        self._value = None
        self._ok = True
        self._defused = False
        heappush(env._queue, (time_s, order, next(env._eid), self))  # type: ignore[misc]  # an EventPriority is an int
