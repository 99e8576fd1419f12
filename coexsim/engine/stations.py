"""FIFO stations, and the visits that stage logs are made of."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.layout import BIN, VISITS
from coexsim.engine.shared import row, shared
from coexsim.sim import formulas


@compiled
def note_visit(w: Any, log: int, arrived: float, start: float, finish: float) -> None:
    """``StageLog.record``: one visit; many at once are folded, by ``folding.py``."""
    ints = shared(w, "ints")
    v = row(w, "visits", ints[VISITS])
    ints[VISITS] += 1
    v.log = log
    v.arrived = arrived
    v.start = start
    v.finish = finish


@part_of_its_caller
def take_worker(free: Any, first: int, workers: int, finish: float) -> None:
    """The worker of a station that is free first is busy until then: a heap of when each one is free."""
    at = 0
    while True:
        below = 2 * at + 1
        if below >= workers:
            break
        if below + 1 < workers and free[first + below + 1] < free[first + below]:
            below += 1
        if finish <= free[first + below]:
            break
        free[first + at] = free[first + below]
        at = below
    free[first + at] = finish


@part_of_its_caller
def note_waiting(w: Any, st: Any, s: int, now: float, start: float) -> None:
    """Who waits for a worker until its `start`, and the most that wait at once."""
    starts = shared(w, "starts")
    last = starts.shape[1] - 1
    while st.head < st.tail and starts[s, st.head & last] <= now:
        st.head += 1
    if start > now:
        starts[s, st.tail & last] = start
        st.tail += 1
    note_most(w, st.log, now, st.tail - st.head)


@compiled
def note_most(w: Any, log: int, now: float, waiting: int) -> None:
    """The most that wait in the minute of `now`."""
    most = shared(w, "most")
    at = int(min(now / shared(w, "times")[BIN], most.shape[1] - 1))
    most[log, at] = max(most[log, at], waiting)


@compiled
def arrive(w: Any, s: int, now: float, work: float) -> float:
    """``FifoStation.arrive``: queue work at a station; when it will be done."""
    free = shared(w, "free")
    st = row(w, "stations", s)
    start = now
    if st.workers > 0:
        start = formulas.fifo_start_s(now, free[st.first])
    finish = start + work
    if st.downtime >= 0:
        span = row(w, "spans", st.downtime)
        downs = shared(w, "down")[span.first : span.last]
        ups = shared(w, "up")[span.first : span.last]
        start = formulas.next_up_s(downs, ups, start)
        finish = formulas.finish_s(downs, ups, start, work)
    if st.workers > 0:
        take_worker(free, st.first, st.workers, finish)
    note_waiting(w, st, s, now, start)
    note_visit(w, st.log, now, start, finish)
    return finish
