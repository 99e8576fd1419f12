"""Heaps by time, order and cause: of what is to come, and of a link's transfers by their ends; queues of what follows at this moment."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.layout import FIRST_BEGINS, HEAP, LAST_BEGINS, NOW_COUNT, SEQ
from coexsim.engine.shared import shared


@compiled
def put(heap: Any, at: int, e: Any) -> None:
    """Move an event to a place, field by field: as a whole it would be copied byte by byte."""
    to = heap[at]
    to.time = e.time
    to.order = e.order
    to.seq = e.seq
    to.what = e.what


@compiled
def place_for(heap: Any, at: int, time: float, order: int, seq: int) -> Any:
    """Make a place for one more, where `at` are there: those that come after it move down."""
    while at > 0:
        above = (at - 1) >> 1
        h = heap[above]
        if h.time < time or (h.time == time and (h.order < order or (h.order == order and h.seq < seq))):
            break
        put(heap, at, h)
        at = above
    return at


@compiled
def drop_first(heap: Any, n: int) -> None:
    """Take the first one away, so that `n` are left: the last one takes a place further up."""
    if n == 0:
        return
    last = heap[n]
    time = last.time
    order = last.order
    seq = last.seq
    at = 0
    while True:
        below = 2 * at + 1
        if below >= n:
            break
        h = heap[below]
        if below + 1 < n:
            other = heap[below + 1]
            below += other.time < h.time  # added, since which one is first cannot be foretold: a branch would cost more
            if other.time == h.time and (other.order < h.order or (other.order == h.order and other.seq < h.seq)):
                below += 1
        h = heap[below]
        if time < h.time or (time == h.time and (order < h.order or (order == h.order and seq < h.seq))):
            break
        put(heap, at, h)
        at = below
    put(heap, at, last)


@compiled
def push(w: Any, time: float, order: int, what: int) -> Any:
    """Let something happen at a time; at one moment by `order`, and what has the same order by its causes."""
    heap = shared(w, "heap")
    ints = shared(w, "ints")
    seq = ints[SEQ]
    ints[SEQ] = seq + 1
    at = ints[HEAP]
    ints[HEAP] = at + 1
    h = heap[place_for(heap, at, time, order, seq)]
    h.time = time
    h.order = order
    h.seq = seq
    h.what = what
    return seq


@part_of_its_caller
def pop(w: Any) -> None:
    """Take the first event off the heap."""
    ints = shared(w, "ints")
    ints[HEAP] -= 1
    drop_first(shared(w, "heap"), ints[HEAP])


@compiled
def push_now(w: Any, order: int, what: int) -> None:
    """Let something happen at this moment: in one of two queues, since a process begins before all else that follows at once.

    The queues have the end of the heap's array, counted from its last place, until both are empty.
    """
    heap = shared(w, "heap")
    ints = shared(w, "ints")
    seq = ints[SEQ]
    ints[SEQ] = seq + 1
    place = ints[NOW_COUNT]
    ints[NOW_COUNT] = place + 1
    e = heap[heap.shape[0] - 1 - place]
    e.order = -1
    e.seq = seq
    e.what = what
    if ints[FIRST_BEGINS + order] < 0:
        ints[FIRST_BEGINS + order] = place
    else:
        heap[heap.shape[0] - 1 - ints[LAST_BEGINS + order]].order = place
    ints[LAST_BEGINS + order] = place


@part_of_its_caller
def pop_now(w: Any, order: int) -> None:
    """Take the first of those that follow at this moment with an `order` off its queue."""
    heap = shared(w, "heap")
    ints = shared(w, "ints")
    ints[FIRST_BEGINS + order] = heap[heap.shape[0] - 1 - ints[FIRST_BEGINS + order]].order
    if ints[FIRST_BEGINS] < 0 and ints[FIRST_BEGINS + 1] < 0:
        ints[NOW_COUNT] = 0
