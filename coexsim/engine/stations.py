"""FIFO stations, and the visits that stage logs are made of."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled
from coexsim.engine.layout import BIN, VISITS
from coexsim.sim import formulas


@compiled
def note_visit(log: int, ints: Any, visits: Any, arrived: float, start: float, finish: float) -> None:
    """``StageLog.record``: one visit; many at once are folded, by ``folding.py``."""
    v = visits[ints[VISITS]]
    ints[VISITS] += 1
    v.log = log
    v.arrived = arrived
    v.start = start
    v.finish = finish


@compiled
def arrive(
    s: int, stations: Any, free: Any, starts: Any, spans: Any, down: Any, up: Any, ints: Any, times: Any, visits: Any, most: Any,
    now: float, work: float,
) -> float:  # fmt: skip
    """``FifoStation.arrive``: queue work at a station; when it will be done."""
    st = stations[s]
    start = now
    if st.workers > 0:
        start = formulas.fifo_start_s(now, free[st.first])
    finish = start + work
    if st.downtime >= 0:
        span = spans[st.downtime]
        downs = down[span.first : span.last]
        ups = up[span.first : span.last]
        start = formulas.next_up_s(downs, ups, start)
        finish = formulas.finish_s(downs, ups, start, work)
    n = st.workers
    if n > 0:
        at = 0
        first = st.first
        while True:
            below = 2 * at + 1
            if below >= n:
                break
            if below + 1 < n and free[first + below + 1] < free[first + below]:
                below += 1
            if finish <= free[first + below]:
                break
            free[first + at] = free[first + below]
            at = below
        free[first + at] = finish
    size = starts.shape[1]
    while st.head < st.tail and starts[s, st.head % size] <= now:
        st.head += 1
    if start > now:
        starts[s, st.tail % size] = start
        st.tail += 1
    waiting = st.tail - st.head
    at = int(min(now / times[BIN], most.shape[1] - 1))
    most[st.log, at] = max(most[st.log, at], waiting)
    note_visit(st.log, ints, visits, now, start, finish)
    return finish
