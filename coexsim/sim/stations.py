"""Where mail waits its turn: for one of several equal workers, or for a slot held as long as it takes."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from heapq import heappop, heappush, heapreplace
from math import inf, nan

import numpy as np
import simpy
from numpy.typing import NDArray

from coexsim.sim.calendar import Calendar
from coexsim.sim.formulas import fifo_start_s
from coexsim.sim.stage_log import FOLD_AT, StageLog


class FifoStation:
    """Equal workers and one queue, first come first served; knows at arrival when work will start and finish.

    All there is to keep is when each worker becomes free (Kiefer and Wolfowitz 1955). While `calendar` is
    closed, all work stands still where it is. `workers` None means that nobody ever queues. Who arrives at
    the same moment is served in the order of the calls. With `track`, `waiting` and `present` say how things
    stand; without, nothing is kept for them.
    """

    __slots__ = (
        "_buffer",
        "_calendar",
        "_closes_s",
        "_finishes_s",
        "_free_s",
        "_last_s",
        "_log",
        "_starts_s",
        "_track",
        "name",
        "workers",
    )  # fmt: skip

    def __init__(self, name: str, workers: int | None, calendar: Calendar, log: StageLog, track: bool = False) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"{name} needs at least one worker, found {workers}")
        self.name = name
        self.workers = workers
        self._calendar = calendar
        self._closes_s = -inf if calendar else inf  # open from when the last work could start until then
        self._log = log
        self._buffer = log.buffer  # as `log.record`, without a call for each visit
        self._free_s = None if workers is None else [-inf] * workers  # heap
        self._last_s = -inf
        self._track = track
        self._starts_s: deque[float] = deque()  # tracked: of those who wait, in order
        self._finishes_s: list[float] = []  # tracked: heap, of all who are here

    def arrive(self, now_s: float, work_s: float) -> tuple[float, float]:
        """Queue work that takes one worker `work_s`; when it will start and finish.

        Calls must come in order of time: a later arrival can no longer get in front.
        """
        if now_s < self._last_s:
            raise ValueError(f"{self.name}: an arrival at {now_s} s after one at {self._last_s} s")
        self._last_s = now_s
        free_s = self._free_s
        start_s = now_s if free_s is None else fifo_start_s(now_s, free_s[0])
        finish_s = start_s + work_s
        if finish_s >= self._closes_s:
            self._closes_s = self._calendar.next_closed(start_s)
            start_s = self._calendar.next_open(start_s)
            finish_s = self._calendar.finish(start_s, work_s)
        if free_s is not None:
            heapreplace(free_s, finish_s)
        buffer = self._buffer
        buffer += (now_s, start_s, finish_s)
        if len(buffer) >= FOLD_AT:
            self._log.fold()
        if self._track:
            self._see_off(now_s)
            self._starts_s.append(start_s)
            heappush(self._finishes_s, finish_s)
        return start_s, finish_s

    def waiting(self, now_s: float) -> int:
        """How many wait at `now_s`, which must not be before the last question or arrival. Needs `track`."""
        self._see_off(now_s)
        return len(self._starts_s)

    def present(self, now_s: float) -> int:
        """How many wait or are in service at `now_s`; as `waiting`."""
        self._see_off(now_s)
        return len(self._finishes_s)

    def _see_off(self, now_s: float) -> None:
        if not self._track:
            raise ValueError(f"{self.name} does not track its queue")
        starts_s, finishes_s = self._starts_s, self._finishes_s
        while starts_s and starts_s[0] <= now_s:
            starts_s.popleft()
        while finishes_s and finishes_s[0] <= now_s:
            heappop(finishes_s)


class Hold:
    """A slot of a `Pool`, taken and not yet given back."""

    __slots__ = ("asked_s", "key", "taken_s")

    def __init__(self, key: Hashable, asked_s: float, taken_s: float) -> None:
        self.key = key
        self.asked_s = asked_s
        self.taken_s = taken_s


class Waiter(simpy.Event):
    """Succeeds with a `Hold` when the pool has a slot for it."""

    def __init__(self, env: simpy.Environment, key: Hashable, number: int) -> None:
        super().__init__(env)
        self.key = key
        self.number = number
        self.asked_s = env.now
        self.hold: Hold | None = None


class Pool:
    """Slots that are held as long as it takes: SMTP connections, transfer threads.

    `capacity` bounds the slots, `per_key_capacity` those of one key, such as one destination; None is no
    bound. A free slot goes to whoever asked first among those whose key is below its bound, at the moment it
    becomes free, so nobody who comes later can snatch it. ::

        hold = pool.try_take(destination) or (yield pool.wait(destination))
        ...
        pool.release(hold)
    """

    __slots__ = (
        "_capacity", "_env", "_holds", "_log", "_number", "_per_key", "_ready", "_taken_by", "_waiters",
        "name", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        env: simpy.Environment,
        name: str,
        capacity: int | None,
        log: StageLog,
        per_key_capacity: int | None = None,
    ) -> None:
        for bound in (capacity, per_key_capacity):
            if bound is not None and bound < 1:
                raise ValueError(f"{name} needs at least one slot, found {bound}")
        self.name = name
        self.waiting = 0
        self._env = env
        self._log = log
        log.in_order = False
        self._capacity = inf if capacity is None else capacity
        self._per_key = per_key_capacity
        self._holds: dict[Hold, None] = {}  # in the order of taking
        self._taken_by: dict[Hashable, int] = {}  # holds per key, if there is a bound for a key
        self._waiters: dict[Hashable, OrderedDict[Waiter, None]] = {}  # per key, first come first
        self._ready: list[tuple[int, Hashable]] = []  # heap: first waiter of a key below its bound
        self._number = 0

    @property
    def unlimited(self) -> bool:
        """Whether nobody ever waits for a slot."""
        return self._capacity == inf and self._per_key is None

    def note(self, taken_s: NDArray[np.float64], released_s: NDArray[np.float64]) -> None:
        """Record slots of an unlimited pool whose times are known ahead."""
        self._log.record_many(taken_s, taken_s, released_s)

    @property
    def in_use(self) -> int:
        """Slots taken."""
        return len(self._holds)

    def try_take(self, key: Hashable = None) -> Hold | None:
        """A slot if one is free, else None."""
        holds = self._holds
        if len(holds) >= self._capacity:
            return None
        if self._per_key is not None:
            taken = self._taken_by.get(key, 0)
            if taken >= self._per_key:
                return None
            self._taken_by[key] = taken + 1
        now_s = self._env.now
        hold = Hold(key, now_s, now_s)
        holds[hold] = None
        return hold

    def wait(self, key: Hashable = None) -> Waiter:
        """An event that succeeds with a slot, at once if one is free."""
        waiter = Waiter(self._env, key, self._number)
        self._number += 1
        waiter.hold = self.try_take(key)
        if waiter.hold is not None:
            waiter.succeed(waiter.hold)
            return waiter
        of_key = self._waiters.setdefault(key, OrderedDict())
        of_key[waiter] = None
        if len(of_key) == 1:
            self._make_ready(key)
        self.waiting += 1
        self._log.note_waiting(self._env.now, self.waiting)
        return waiter

    def release(self, hold: Hold) -> None:
        """Give a slot back; whoever has waited longest for it has it from now on."""
        try:
            del self._holds[hold]
        except KeyError:
            raise ValueError(f"{self.name}: a slot for {hold.key!r} is not held") from None
        self._log.record(hold.asked_s, hold.taken_s, self._env.now)
        if self._per_key is not None:
            self._give_back(hold.key)
        if self.waiting:
            self._hand_over()

    def give_up(self, hold: Hold) -> None:
        """Give back a slot that was taken this very moment, as if it had never been."""
        del self._holds[hold]
        if self._per_key is not None:
            self._give_back(hold.key)

    def cancel(self, waiter: Waiter) -> None:
        """Give up waiting; a slot that `waiter` was given in this very moment goes to the next."""
        if waiter.hold is not None:
            self.release(waiter.hold)
            return
        self._log.record(waiter.asked_s, self._env.now, nan)
        self._forget(waiter)

    def close(self) -> None:
        """At the end of a run: record who still holds a slot or waits for one."""
        for hold in self._holds:
            self._log.record(hold.asked_s, hold.taken_s, inf)
        for of_key in self._waiters.values():
            for waiter in of_key:
                self._log.record(waiter.asked_s, inf, inf)

    def _give_back(self, key: Hashable) -> None:
        taken = self._taken_by[key]
        if taken > 1:
            self._taken_by[key] = taken - 1
        else:
            del self._taken_by[key]
        if taken == self._per_key:
            self._make_ready(key)

    def _make_ready(self, key: Hashable) -> None:
        """Put the first waiter of `key` up for a free slot, unless the key is at its bound."""
        of_key = self._waiters.get(key)
        if of_key and (self._per_key is None or self._taken_by.get(key, 0) < self._per_key):
            heappush(self._ready, (next(iter(of_key)).number, key))

    def _hand_over(self) -> None:
        """Give free slots to those who may have them, first come first served."""
        while self._ready and len(self._holds) < self._capacity:
            number, key = heappop(self._ready)
            of_key = self._waiters.get(key)
            waiter = next(iter(of_key)) if of_key else None
            if waiter is None or waiter.number != number:
                continue  # has given up; whoever is first now has an entry too
            hold = self.try_take(key)
            if hold is not None:
                hold.asked_s = waiter.asked_s
                self._forget(waiter)
                waiter.hold = hold
                waiter.succeed(hold)

    def _forget(self, waiter: Waiter) -> None:
        key = waiter.key
        of_key = self._waiters[key]
        was_first = next(iter(of_key)) is waiter
        del of_key[waiter]
        self.waiting -= 1
        if not of_key:
            del self._waiters[key]
        elif was_first:
            self._make_ready(key)
