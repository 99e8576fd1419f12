"""Pools of slots: bounds by key, waiting in turn, and what a session's end tells of a destination."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.event_heap import push_now
from coexsim.engine.layout import HELD, WAITING
from coexsim.engine.shared import row, shared
from coexsim.engine.stations import note_most, note_visit
from coexsim.engine.steps import (
    AT_ONCE,
    AWAITS_SLOT,
    AWAITS_THREAD,
    BY_QUEUE,
    HAS_SLOT,
    HAS_THREAD,
    HAS_WAITED,
    SHIFT,
    SLOT_WAITED,
    UNBOUND,
)
from coexsim.sim import formulas


@compiled
def bound_of(po: Any, key: Any) -> Any:
    """``Pool._limit``: the slots that a key may have just now."""
    if not po.adapts:
        return po.most_of_key
    return key.window if key.window > 0 else UNBOUND


@compiled
def reopen(po: Any, key: Any) -> None:
    """``Concurrency.reopen``: give a key another chance whose bound has gone down to nothing."""
    if po.adapts and key.window == 0:
        key.window, key.success, key.failure, key.cohorts = formulas.window_reopened(
            key.window, key.success, key.failure, key.cohorts, key.taken, po.initial
        )


@compiled
def feed_back(po: Any, key: Any, failed: bool) -> Any:
    """``Concurrency.after_failure`` and ``after_success``: adapt the bound of a key to how a session ended; is it dead by now."""
    if failed:
        if po.adapts == BY_QUEUE:
            key.window = formulas.window_by_queue(key.taken)
            key.success = 0.0
            return key.window == 0
        if key.window == 0:
            return False
        key.window, key.success, key.failure, key.cohorts = formulas.window_after_failure(
            key.window, key.success, key.failure, key.cohorts, po.fewer, po.cohorts
        )
        return key.window == 0
    key.cohorts = 0.0
    reopen(po, key)
    key.window, key.success, key.failure = formulas.window_after_success(
        key.window, key.success, key.failure, key.taken, po.initial, po.most_of_key, po.more
    )
    return False


@compiled
def take(w: Any, po: Any, key: Any) -> Any:
    """``Pool.try_take``, where there is a free slot below the key's bound: its number, in the order in which slots are taken."""
    ints = shared(w, "ints")
    po.used += 1
    key.taken += 1
    ints[HELD] += 1
    return ints[HELD]


@compiled
def wait(w: Any, po: Any, k: int, c: int, now: float) -> None:
    """``Pool.request``: queue a copy for a slot."""
    copies = shared(w, "copies")
    keys = shared(w, "keys")
    co = copies[c]
    co.waiter = po.asked
    po.asked += 1
    co.next = -1
    key = keys[k]
    if key.tail >= 0:
        copies[key.tail].next = c
    else:
        key.head = c
        link(w, po, k, po.last, -1)
    key.tail = c
    po.waiting += 1
    shared(w, "ints")[WAITING] += 1
    note_most(w, po.log, now, po.waiting)


@part_of_its_caller
def link(w: Any, po: Any, k: int, before: int, after: int) -> None:
    """A key takes its place among those for whose slots copies wait."""
    keys = shared(w, "keys")
    key = keys[k]
    key.before = before
    key.next = after
    if before >= 0:
        keys[before].next = k
    else:
        po.first = k
    if after >= 0:
        keys[after].before = k
    else:
        po.last = k


@part_of_its_caller
def unlink(w: Any, po: Any, key: Any) -> None:
    """The neighbours of a key close up."""
    keys = shared(w, "keys")
    if key.before >= 0:
        keys[key.before].next = key.next
    else:
        po.first = key.next
    if key.next >= 0:
        keys[key.next].before = key.before
    else:
        po.last = key.before


@part_of_its_caller
def first_in_turn(w: Any, po: Any) -> int:
    """The key below its bound that has waited longest; -1: none."""
    keys = shared(w, "keys")
    k = po.first
    while k >= 0 and keys[k].taken >= bound_of(po, keys[k]):
        k = keys[k].next
    return int(k)


@part_of_its_caller
def hand_slot(w: Any, po: Any, k: int, now: float) -> None:
    """A free slot goes to the first that waits under a key."""
    copies = shared(w, "copies")
    keys = shared(w, "keys")
    key = keys[k]
    c = key.head
    key.head = copies[c].next
    unlink(w, po, key)
    if key.head < 0:
        key.tail = -1
    else:  # behind those that asked before the one that is first now
        before, after = key.before, key.next
        while after >= 0 and copies[keys[after].head].waiter < copies[key.head].waiter:
            before = after
            after = keys[after].next
        link(w, po, k, before, after)
    po.waiting -= 1
    shared(w, "ints")[WAITING] -= 1
    held = take(w, po, key)
    co = copies[c]
    if co.held & AWAITS_THREAD:
        co.held = (co.held & ~AWAITS_THREAD) | HAS_THREAD
        co.thread_taken = now
        co.thread = held
        push_now(w, AT_ONCE, (HAS_WAITED << SHIFT) | c)
    else:
        co.held = (co.held & ~AWAITS_SLOT) | HAS_SLOT
        co.slot_taken = now
        co.slot = held
        push_now(w, AT_ONCE, (SLOT_WAITED << SHIFT) | c)


@part_of_its_caller
def release(w: Any, po: Any, k: int, now: float) -> None:
    """``Pool.release`` after the visit was noted: the slot goes to whoever asked first among those below the bound of their key."""
    po.used -= 1
    given = row(w, "keys", k)
    given.taken -= 1
    if po.adapts and given.taken == 0 and given.head < 0:  # ``Concurrency.forget``
        given.window, given.success, given.failure, given.cohorts = formulas.window_forgotten(
            given.window, given.success, given.failure, given.cohorts, po.initial
        )
    while po.waiting > 0 and po.used < po.most:
        k = first_in_turn(w, po)
        if k < 0:
            return
        hand_slot(w, po, k, now)


@compiled
def give_back(w: Any, po: Any, k: int, asked: float, taken: float, now: float) -> None:
    """``Pool.release``: the visit is noted, the slot goes on."""
    note_visit(w, po.log, asked, taken, now)
    release(w, po, k, now)
