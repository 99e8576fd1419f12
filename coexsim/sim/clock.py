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

from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import cast

import simpy
from simpy.core import EmptySchedule, StopSimulation
from simpy.events import NORMAL, EventPriority

STAGES = ("world", "birth", "work done", "session", "retry", "monitor")
_STAGE_BITS = 44  # room for 17 million million messages a stage
_AFTER_SIMPY = 2  # SimPy's priorities are URGENT = 0 and NORMAL = 1

BEFORE_ALL = -1
"""Stops a run at a moment before anything happens then."""
WORLD, BIRTH, WORK_DONE, SESSION, RETRY, MONITOR = ((_AFTER_SIMPY + i) << _STAGE_BITS for i in range(len(STAGES)))
STATE = BIRTH - 1
"""A change of what the rules are asked with: the last of the world's stage."""


class Clock(simpy.Environment):
    """SimPy's environment, with an order at one moment, and moments that are met to the last bit.

    SimPy schedules by a delay, and now + (time - now) may be another number than the time; two engines must agree on every bit. So
    what is to come is kept here by its moment. All else is SimPy's: whatever it schedules comes through `schedule`, and its `run`
    goes by `step`.
    """

    def __init__(self, now_s: float = 0.0) -> None:
        super().__init__()
        self._now_s = now_s
        self._to_come: list[tuple[float, int, int, simpy.Event]] = []
        self._causes = count()

    @property
    def now(self) -> float:
        """Simulated time in seconds."""
        return self._now_s

    def schedule(self, event: simpy.Event, priority: EventPriority = NORMAL, delay: float = 0.0) -> None:
        """Something will happen: `At` at its moment in its order, all else after a delay in SimPy's."""
        if isinstance(event, At):
            heappush(self._to_come, (event.time_s, event.order, next(self._causes), event))
        else:
            heappush(self._to_come, (self._now_s + delay, priority, next(self._causes), event))

    def peek(self) -> float:
        """When the next thing happens; infinite where nothing does."""
        return self._to_come[0][0] if self._to_come else inf

    def step(self) -> None:
        """Let the next thing happen. Raises `EmptySchedule` where there is none, and the error of an event that failed unheard."""
        if not self._to_come:
            raise EmptySchedule
        self._now_s, _, _, event = heappop(self._to_come)
        waiting, event.callbacks = event.callbacks, None  # type: ignore[assignment]  # as SimPy marks what is over
        for place, wake in enumerate(waiting, start=1):
            try:
                wake(event)
            except StopSimulation:
                # Who still waits is told first of all when the run goes on, as in SimPy.
                event.callbacks = waiting[place:]
                heappush(self._to_come, (self._now_s, BEFORE_ALL, next(self._causes), event))
                raise
        if not event.ok and not event.defused:
            raise cast(BaseException, event.value)


class At(simpy.Event):
    """Happens at `time_s` in the `order` of this module: a stage constant, plus the number of the mail."""

    __slots__ = ("order", "time_s")

    def __init__(self, env: Clock, time_s: float, order: int) -> None:
        super().__init__(env)
        self.time_s, self.order = time_s, order
        self.succeed()
