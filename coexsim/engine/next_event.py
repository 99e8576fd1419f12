"""What happens next: a birth, an event that was foreseen, or what follows at this moment."""

from __future__ import annotations

import math
from typing import Any

from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.entry_steps import birth
from coexsim.engine.event_heap import pop, pop_now
from coexsim.engine.layout import (
    BIRTH,
    BORN,
    COPIES,
    DONE,
    DRAINING,
    ENDED,
    FIRST,
    FIRST_BEGINS,
    GROW_COPIES,
    GROW_HEAP,
    GROW_STACK,
    HEAP,
    LIMIT,
    NEED_BLOCK,
    NOW,
    NOW_COUNT,
    REACHED,
    STACK,
)
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import AT_ONCE, BEGINS, BIRTHS, NOTHING, OF_BIRTHS, OF_HEAP, OF_NOW, RING, SHIFT, WHICH


@part_of_its_caller
def put_first_step(w: Any, source: int, b: int, order: int, now: float) -> None:
    """Take an event from where it waits, and put the step that it begins with on the stack."""
    ints = shared(w, "ints")
    heap = shared(w, "heap")
    if source == OF_BIRTHS:
        ints[BIRTH] += 1
        what = birth(w, b, now)
        if what == NOTHING:
            return
    elif source == OF_NOW:
        what = heap[heap.shape[0] - 1 - ints[FIRST_BEGINS + order]].what
        pop_now(w, order)
    else:
        what = heap[0].what
        seq = heap[0].seq
        pop(w)
        if what >> SHIFT == RING:
            link = row(w, "links", what & WHICH)
            if seq != link.timer:
                return  # another one took its place
            link.timer = -1
    shared(w, "stack")[0] = what
    ints[STACK] = 1


@compiled
def next_event(w: Any, now: float, until_s: float, until_order: int) -> int:
    """The next birth or the next event, whose first step is put on the stack; why the kernel returns, or 0."""
    ints = shared(w, "ints")
    times = shared(w, "times")
    heap = shared(w, "heap")
    if ints[DRAINING] == 3:
        return DONE
    b = ints[BIRTH]
    if b >= ints[BORN] and not ints[ENDED]:
        return NEED_BLOCK
    time = math.inf
    order = 0
    source = OF_HEAP
    if b < ints[BORN]:
        source = OF_BIRTHS
        time = shared(w, "born")[b - ints[FIRST]]
        order = BIRTHS + b
    if ints[HEAP] > 0:
        h = heap[0]
        if source == OF_HEAP or h.time < time or (h.time == time and h.order < order):
            source = OF_HEAP
            time = h.time
            order = h.order
    if ints[NOW_COUNT] > 0:  # what was foreseen in time for this moment has a smaller number
        first = BEGINS if ints[FIRST_BEGINS] >= 0 else AT_ONCE
        e = heap[heap.shape[0] - 1 - ints[FIRST_BEGINS + first]]
        if now < time or first < order or (first == order and e.seq < heap[0].seq):
            source = OF_NOW
            time = now
            order = first
    if time > until_s or (time == until_s and order > until_order):
        return REACHED
    if time > times[LIMIT] or time == math.inf:
        return DONE
    if ints[COPIES] + 1 > shared(w, "copies").shape[0]:
        return GROW_COPIES
    if ints[HEAP] + ints[NOW_COUNT] + 1 > heap.shape[0]:
        return GROW_HEAP
    if shared(w, "stack").shape[0] == 0:
        return GROW_STACK
    times[NOW] = time
    put_first_step(w, source, b, order, time)
    return 0
