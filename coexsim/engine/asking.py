"""What a step asks Python for before it has any effect: an answer of the rules, a column of work, room in an array."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled
from coexsim.engine.layout import (
    ASKED,
    ASKED_2,
    ASKED_3,
    COPIES,
    FLUSH,
    FORCE,
    FORCED,
    FORCED_RETURN,
    GIVEN_COPY,
    GIVEN_WORK,
    GROW_COPIES,
    GROW_HEAP,
    GROW_KEPT,
    GROW_STACK,
    GROW_WAYS,
    HEAP,
    KEPTS,
    NEED,
    NEED_WORK,
    NOW_COUNT,
    OUT,
    STACK,
    VISITS,
    WAITING,
    WAYS,
)
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import NOTHING, ROOM


@compiled
def need(w: Any, why: int, one: int, two: int) -> int:
    """Return to Python, which is told why and what for; then the same step is taken again. A step returns this in place of the next one."""
    ints = shared(w, "ints")
    ints[NEED] = why
    ints[ASKED] = one
    ints[ASKED_2] = two
    return NOTHING


@compiled
def work_s(w: Any, stage: int, times_before: int, constant: float, c: int) -> float:
    """The work of a stage on a copy. ``MailServer.work_done_s``, ``accept_s``: what is not drawn is `constant`.

    Where its column is missing, Python is needed.
    """
    if stage < 0:
        return constant
    ints = shared(w, "ints")
    co = row(w, "copies", c)
    k = shared(w, "work_at")[stage, times_before, co.serial, co.block]
    if k >= 0:
        return float(shared(w, "work")[k, co.number - shared(w, "block_first")[co.block]])
    if ints[GIVEN_COPY] == c:
        return float(shared(w, "times")[GIVEN_WORK])
    ints[ASKED_3] = times_before
    need(w, NEED_WORK, stage, c)
    return 0.0


@compiled
def is_heap_short(w: Any, events: int) -> bool:
    """Is there no room for so many events, and for those of any step besides: a slot that is given back may let all go on who wait."""
    ints = shared(w, "ints")
    return bool(ints[HEAP] + ints[NOW_COUNT] + ints[WAITING] + events + ROOM > shared(w, "heap").shape[0])


@compiled
def no_room(w: Any) -> int:
    """What is short of room for a step that does not ask for more itself; 0: nothing."""
    ints = shared(w, "ints")
    if ints[FORCE] and not ints[FORCED]:
        ints[FORCED] = 1
        return FORCED_RETURN
    if ints[OUT] + ROOM > shared(w, "out").shape[0] or ints[VISITS] + ROOM > shared(w, "visits").shape[0]:
        return FLUSH
    if ints[COPIES] + ROOM > shared(w, "copies").shape[0]:
        return GROW_COPIES
    if is_heap_short(w, 0):
        return GROW_HEAP
    if ints[STACK] + ROOM > shared(w, "stack").shape[0]:
        return GROW_STACK
    if ints[KEPTS] + 1 > shared(w, "kept").shape[0]:
        return GROW_KEPT
    if ints[WAYS] + 1 > shared(w, "ways").shape[0]:
        return GROW_WAYS
    return 0
