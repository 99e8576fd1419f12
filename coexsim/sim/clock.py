"""Simulated time: waiting until a moment, and who goes first when moments coincide.

The order at one moment is a rule, not an accident of the heap:

1. what follows at once from something that happens, before anything else does (SimPy's own events: a process begins, a slot is handed
   over, a transfer ends, an answer of DNS comes), in the order of its causes; what a message starts, a part of it or a notice, goes
   before the message itself;
2. then by stage, in the order of `STAGES`;
3. within a stage by the mail's number; of the world by the link's, and what the rules are asked with changes last;
4. and what belongs to one mail (its parts, the notices about it) in the order of its causes.

Causes have an order by the same rules, back to births and to the scenario's own times. So a run does not depend on the order in which
processes were started, nor on servers that its mail does not meet.
"""

from __future__ import annotations

from heapq import heappush

import simpy

STAGES = ("world", "birth", "work done", "session", "retry", "monitor")
_STAGE_BITS = 44  # room for 17 million million messages a stage
_AFTER_SIMPY = 2  # SimPy's priorities are URGENT = 0 and NORMAL = 1

BEFORE_ALL = -1
"""Stops a run at a moment before anything happens then."""
WORLD, BIRTH, WORK_DONE, SESSION, RETRY, MONITOR = ((_AFTER_SIMPY + i) << _STAGE_BITS for i in range(len(STAGES)))
STATE = BIRTH - 1
"""A change of what the rules are asked with: the last of the world's stage."""


class At(simpy.Event):
    """Happens at `time_s`, to the last bit, in the `order` of this module: a stage constant, plus the number of the mail.

    SimPy schedules by a delay, and now + (time - now) may be another number than the time. Two engines must agree on every bit, so
    this class, and nothing else in coexsim, puts an event on SimPy's heap itself; ``tests/sim/test_clock.py`` fails when a SimPy comes
    that keeps its heap otherwise.
    """

    __slots__ = ()

    def __init__(self, env: simpy.Environment, time_s: float, order: int) -> None:
        self.env = env
        self.callbacks = []
        self._value = None
        self._ok = True
        self._defused = False
        heappush(env._queue, (time_s, order, next(env._eid), self))  # type: ignore[misc]  # an EventPriority is an int
