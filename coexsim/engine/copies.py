"""Copies of messages on their way: begun, parted, told of, ended."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.event_heap import push_now
from coexsim.engine.layout import (
    COPIES,
    DEFERRALS,
    DEFERRALS_WHEN_MOVED,
    DRAINING,
    FREE,
    LIVE,
    NOTICE_STREAM,
    OPEN,
    OUT,
    SENT,
    STARTED,
)
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import ALL_ENDED, AT_ONCE, BEGINS, ENTER, ROOM, SHIFT
from coexsim.mail import dsn
from coexsim.sim import formulas


@compiled
def begin(w: Any, c: int, step: int) -> None:
    """``World.start``: a copy goes its own way, as a process that begins before anything else that follows at this moment."""
    copies = shared(w, "copies")
    ints = shared(w, "ints")
    ints[OPEN] += copies[c].measured
    copies[c].live = ints[STARTED]
    ints[STARTED] += 1
    push_now(w, BEGINS, (step << SHIFT) | c)


@part_of_its_caller
def ended(w: Any, co: Any) -> None:
    """``World.ended``: the way of a copy has ended."""
    ints = shared(w, "ints")
    ints[OPEN] -= co.measured
    ints[DEFERRALS_WHEN_MOVED] = ints[DEFERRALS]
    note_if_all_ended(w)


@compiled
def note_if_all_ended(w: Any) -> None:
    """The run is over when all measured mail has met its end."""
    ints = shared(w, "ints")
    if ints[DRAINING] == 1 and ints[OPEN] == 0:
        ints[DRAINING] = 2
        push_now(w, AT_ONCE, ALL_ENDED << SHIFT)


@compiled
def free_place(w: Any, c: int) -> None:
    """A copy is no more; its place is free."""
    ints = shared(w, "ints")
    co = row(w, "copies", c)
    ints[LIVE] -= 1
    co.number = -1
    co.next = ints[FREE]
    ints[FREE] = c


@compiled
def narrow(co: Any, count: int) -> None:
    """``Message.narrow``: a copy goes on for so many recipients, with their share of the bytes."""
    co.wan = formulas.share_of_bytes(co.wan, count, co.count)
    co.count = count


@compiled
def new_copy(w: Any) -> Any:
    """A free place for a copy."""
    copies = shared(w, "copies")
    ints = shared(w, "ints")
    c = ints[FREE]
    if c >= 0:
        ints[FREE] = copies[c].next
    else:
        c = ints[COPIES]
        ints[COPIES] += 1
    co = copies[c]
    co.wan = 0.0
    co.live = -1
    co.server = -1
    co.place = -1
    co.tx = -1
    co.entry = -1
    co.take = -1
    co.next = -1
    co.way = -1
    co.late = -1
    co.failures = 0
    co.waits = 0
    co.alive = 0
    co.pending = 0
    co.serial = 0
    co.hops = 0
    co.attempts = 0
    co.held = 0
    co.warned = 0
    co.given = 0
    ints[LIVE] += 1
    return c


@compiled
def new_part(w: Any, c: int, count: int) -> Any:
    """``Message.split_off``: a copy for some of the recipients, with the same way behind it and their share of the bytes."""
    n = new_copy(w)
    copies = shared(w, "copies")
    co = copies[c]
    part = copies[n]
    part.number = co.number
    part.size = co.size
    part.born = co.born
    part.queued_s = co.queued_s
    part.server = co.server
    part.place = co.place
    part.entry = co.entry
    part.block = co.block
    part.way = co.way
    part.failures = co.failures
    part.serial = co.serial
    part.stream = co.stream
    part.hops = co.hops
    part.attempts = co.attempts
    part.measured = co.measured
    part.warned = co.warned
    part.count = count
    part.wan = formulas.share_of_bytes(co.wan, count, co.count)
    return n


@part_of_its_caller
def new_notice(w: Any, c: int, notice: int, serial: int, now: float) -> Any:
    """``World.notify``: a notice about a copy, to be handed in where it is written. `notice`: its first place, for the smallest size."""
    n = new_copy(w)
    copies = shared(w, "copies")
    ints = shared(w, "ints")
    breaks = shared(w, "breaks")
    co = copies[c]
    note = copies[n]
    note.number = co.number
    note.size = dsn.notice_bytes(co.size)
    size_class = 0
    while size_class < len(breaks) and breaks[size_class] < note.size:
        size_class += 1
    note.place = shared(w, "notices")[notice + size_class]
    note.born = now
    note.count = 1
    note.block = co.block
    note.serial = serial
    note.stream = ints[NOTICE_STREAM]
    note.measured = co.measured
    note.way = 0 if co.way >= 0 else -1
    ints[SENT] += 1
    return n


@compiled
def end_row(w: Any, co: Any, end: int, count: int, at: float) -> None:
    """``Recorder.end``: what became of some of a copy's recipients. `count`: of all that share its bytes."""
    ints = shared(w, "ints")
    r = row(w, "out", ints[OUT])
    ints[OUT] += 1
    r.number = co.number
    r.size = co.size
    r.born = co.born
    r.at = at
    r.wan = co.wan
    r.end = end
    r.count = count
    r.way = co.way
    r.hops = co.hops
    r.attempts = co.attempts
    r.stream = co.stream
    r.measured = co.measured


@compiled
def end_rows(w: Any, co: Any, first: int, last: int, now: float) -> None:
    """Some of a copy's recipients have failed for good: a row for each part of them."""
    parts = shared(w, "parts")
    for j in range(first, last):
        end_row(w, co, parts[j].end, co.count, now)


@compiled
def start_notice(w: Any, c: int, notice: int, serial: int, now: float) -> None:
    """A notice about a copy begins its own way, if there is one (-1: none)."""
    if notice >= 0:
        begin(w, new_notice(w, c, notice, serial, now), ENTER)


@compiled
def room_for_rows(w: Any, rows: int) -> bool:
    """Is there room for so many rows, and for those that any step may need besides."""
    return bool(shared(w, "ints")[OUT] + rows + ROOM <= shared(w, "out").shape[0])
