"""Where mail waits its turn: for one of several equal workers, or for a slot held as long as it takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from heapq import heappop, heappush, heapreplace
from math import inf

import simpy

from coexsim.sim.concurrency import Concurrency, Feedback
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.formulas import fifo_start_s
from coexsim.sim.stage_log import FOLD_AT, StageLog


class FifoStation:
    """Equal workers and one queue, first come first served; knows at arrival when work will start and finish.

    All there is to keep is when each worker becomes free (Kiefer and Wolfowitz 1955). While `downtime` has it
    down, all work stands still where it is. `workers` None means that nobody ever queues. Who arrives at
    the same moment is served in the order of the calls.
    """

    __slots__ = (
        "_buffer",
        "_falls_s",
        "_free_s",
        "_last_s",
        "downtime",
        "log",
        "name",
        "workers",
    )  # fmt: skip

    def __init__(self, name: str, workers: int | None, downtime: DowntimeSchedule, log: StageLog) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"{name} needs at least one worker, found {workers}")
        self.name = name
        self.workers = workers
        self.downtime = downtime
        self._falls_s = -inf if downtime else inf  # up from when the last work could start until then
        self.log = log
        self._buffer = log.buffer  # as `log.record`, without a call for each visit
        self._free_s = None if workers is None else [-inf] * workers  # heap
        self._last_s = -inf

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
        if finish_s >= self._falls_s:
            self._falls_s = self.downtime.next_down(start_s)
            start_s = self.downtime.next_up(start_s)
            finish_s = self.downtime.finish(start_s, work_s)
        if free_s is not None:
            heapreplace(free_s, finish_s)
        buffer = self._buffer
        buffer += (now_s, start_s, finish_s)
        if len(buffer) >= FOLD_AT:
            self.log.fold()
        return start_s, finish_s


class Slot:
    """A slot of a `Pool`, taken and not yet given back."""

    __slots__ = ("asked_s", "key", "taken_s")

    def __init__(self, key: Hashable, asked_s: float, taken_s: float) -> None:
        self.key = key
        self.asked_s = asked_s
        self.taken_s = taken_s


class SlotRequest(simpy.Event):
    """Succeeds with a `Slot` when the pool has a slot for it."""

    def __init__(self, env: simpy.Environment, key: Hashable, number: int) -> None:
        super().__init__(env)
        self.key = key
        self.number = number
        self.asked_s = env.now


class Pool:
    """Slots that are held as long as it takes: SMTP connections, transfer threads.

    `capacity` bounds the slots, `per_key_capacity` those of one key, such as one destination; None is no
    bound. With `feedback` the bound of a key adapts to how its sessions end. A free slot goes to whoever asked
    first among those whose key is below its bound, at the moment it becomes free, so nobody who comes later can snatch it. ::

        slot = pool.try_take(destination) or (yield pool.request(destination))
        ...
        pool.release(slot)
    """

    __slots__ = (
        "_concurrency",
        "_env",
        "_is_bound",
        "_number",
        "_ready",
        "_requests",
        "_slots",
        "_taken_by",
        "capacity",
        "feedback",
        "log",
        "name",
        "per_key",
        "waiting",
    )  # fmt: skip

    def __init__(
        self,
        env: simpy.Environment,
        name: str,
        capacity: int | None,
        log: StageLog,
        per_key_capacity: int | None = None,
        feedback: Feedback | None = None,
    ) -> None:
        for bound in (capacity, per_key_capacity):
            if bound is not None and bound < 1:
                raise ValueError(f"{name} needs at least one slot, found {bound}")
        self.name = name
        self.waiting = 0
        self._env = env
        self.log = log
        log.in_order = False
        self.capacity = inf if capacity is None else capacity
        self.per_key = inf if per_key_capacity is None else per_key_capacity
        self.feedback = feedback
        self._concurrency: dict[Hashable, Concurrency] = {}  # of keys, where it adapts
        self._is_bound = per_key_capacity is not None or feedback is not None
        self._slots: dict[Slot, None] = {}  # in the order of taking
        self._taken_by: dict[Hashable, int] = {}  # slots per key, if there is a bound for a key
        self._requests: dict[Hashable, deque[SlotRequest]] = {}  # per key, first come first
        self._ready: list[tuple[int, Hashable]] = []  # heap: first request of a key below its bound
        self._number = 0

    @property
    def in_use(self) -> int:
        """Slots taken: none when a run is over, which its checks look at."""
        return len(self._slots)

    def held_by(self, key: Hashable) -> int:
        """Slots taken by a key."""
        return self._taken_by.get(key, 0)

    def concurrency(self, key: Hashable) -> Concurrency | None:
        """The bound of a key where it adapts."""
        if self.feedback is None:
            return None
        found = self._concurrency.get(key)
        if found is None:
            found = self._concurrency[key] = Concurrency(self.feedback)
        return found

    def reopen(self, key: Hashable) -> None:
        """Give a key another chance whose bound had gone down to nothing."""
        concurrency = self._concurrency.get(key)
        if concurrency is not None:
            concurrency.reopen(self._taken_by.get(key, 0))

    def _limit(self, key: Hashable) -> float:
        concurrency = self.concurrency(key)
        return self.per_key if concurrency is None else concurrency.limit

    def try_take(self, key: Hashable = None) -> Slot | None:
        """A slot if one is free, else None."""
        slots = self._slots
        if len(slots) >= self.capacity:
            return None
        if self._is_bound:
            taken = self._taken_by.get(key, 0)
            if taken >= self._limit(key):
                return None
            self._taken_by[key] = taken + 1
        now_s = self._env.now
        slot = Slot(key, now_s, now_s)
        slots[slot] = None
        return slot

    def request(self, key: Hashable = None) -> SlotRequest:
        """An event that succeeds with a slot, at once if one is free."""
        request = SlotRequest(self._env, key, self._number)
        self._number += 1
        slot = self.try_take(key)
        if slot is not None:
            request.succeed(slot)
            return request
        of_key = self._requests.setdefault(key, deque())
        of_key.append(request)
        if len(of_key) == 1:
            self._make_ready(key)
        self.waiting += 1
        self.log.note_waiting(self._env.now, self.waiting)
        return request

    def release(self, slot: Slot) -> None:
        """Give a slot back; whoever has waited longest for it has it from now on."""
        try:
            del self._slots[slot]
        except KeyError:
            raise ValueError(f"{self.name}: a slot for {slot.key!r} is not held") from None
        self.log.record(slot.asked_s, slot.taken_s, self._env.now)
        if self._is_bound:
            self._give_back(slot.key)
        if self.waiting:
            self._grant()

    def close(self) -> None:
        """At the end of a run: record who still holds a slot or waits for one."""
        for slot in self._slots:
            self.log.record(slot.asked_s, slot.taken_s, inf)
        waiting = (request for of_key in self._requests.values() for request in of_key)
        for request in sorted(waiting, key=lambda each: each.number):
            self.log.record(request.asked_s, inf, inf)

    def _give_back(self, key: Hashable) -> None:
        taken = self._taken_by[key]
        if taken > 1:
            self._taken_by[key] = taken - 1
        else:
            del self._taken_by[key]
            if key in self._concurrency and key not in self._requests:
                self._concurrency[key].forget()
        if taken == self.per_key or self.feedback is not None:
            self._make_ready(key)

    def _make_ready(self, key: Hashable) -> None:
        """Put the first request of `key` up for a free slot, unless the key is at its bound."""
        of_key = self._requests.get(key)
        if of_key and (not self._is_bound or self._taken_by.get(key, 0) < self._limit(key)):
            heappush(self._ready, (of_key[0].number, key))

    def _grant(self) -> None:
        """Give free slots to those who may have them, first come first served."""
        while self._ready and len(self._slots) < self.capacity:
            number, key = heappop(self._ready)
            of_key = self._requests.get(key)
            if not of_key or of_key[0].number != number:
                continue  # was put up twice, and has its slot
            slot = self.try_take(key)
            if slot is not None:
                request = of_key.popleft()
                self.waiting -= 1
                if of_key:
                    self._make_ready(key)
                else:
                    del self._requests[key]
                slot.asked_s = request.asked_s
                request.succeed(slot)
