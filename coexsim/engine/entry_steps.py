"""How mail comes into the world, step by step: births, what is handed in, named messages."""

from __future__ import annotations

import math
from typing import Any

from coexsim.engine.asking import need
from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.copies import begin, end_row, end_rows, free_place, new_copy, note_if_all_ended, room_for_rows
from coexsim.engine.downtimes import is_down, up_at
from coexsim.engine.event_heap import push
from coexsim.engine.layout import (
    ASKS_DNS,
    BLOCK,
    EPOCH,
    FIRST,
    FLUSH,
    MEASURED_FROM,
    MEASURED_TO,
    NEED_ENTRY,
    NEED_NAMED,
    NOWHERE,
    OPEN,
    SENT,
    STARTED,
)
from coexsim.engine.lookup_steps import look_up
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import BIRTHS, ENTER, HAND_IN, NOTHING, POSTED, SHIFT
from coexsim.sim import formulas


@part_of_its_caller
def birth(w: Any, b: int, now: float) -> int:
    """``_send_drawn``: mail number `b` of the load is born; the step that follows, with its copy."""
    ints = shared(w, "ints")
    times = shared(w, "times")
    i = b - ints[FIRST]
    at = shared(w, "entry")[i]
    if at < 0:
        return NOTHING  # nobody is there yet to send it
    c = new_copy(w)
    co = row(w, "copies", c)
    k = row(w, "entry_keys", at)
    co.number = b
    co.size = shared(w, "size")[i]
    co.born = now
    co.server = k.server
    co.entry = at
    co.count = k.count
    co.block = ints[BLOCK]
    co.stream = shared(w, "stream")[i]
    co.measured = 1 if times[MEASURED_FROM] <= now < times[MEASURED_TO] else 0
    ints[SENT] += co.count
    if post_later(w, c, now):
        return NOTHING
    return int((HAND_IN << SHIFT) | c)


@part_of_its_caller
def outbox_s(w: Any, k: Any, now: float) -> float:
    """``RuleMemory.outbox_s``: when mail leaves its sender's Outbox, which keeps what is too much at once."""
    at = now
    for j in range(k.outbox, k.outbox_end):
        rate = row(w, "rates", j)
        window = row(w, "rate_windows", rate.first)
        window.began, window.count, at = formulas.rate_turn_s(window.began, window.count, at, rate.window_s, rate.most)
    return at


@compiled
def post_later(w: Any, c: int, now: float) -> bool:
    """``World._post_later``: its client keeps it in the Outbox, and where the server is down, until it is up."""
    ints = shared(w, "ints")
    co = row(w, "copies", c)
    downtime = row(w, "servers", co.server).downtime
    sent_s = outbox_s(w, row(w, "entry_keys", co.entry), now)
    if sent_s == now and not is_down(w, downtime, now):
        return False
    ints[OPEN] += co.measured
    co.live = ints[STARTED]
    ints[STARTED] += 1
    at = up_at(w, downtime, sent_s)
    if at < math.inf:
        push(w, at, BIRTHS + co.number, (POSTED << SHIFT) | c)
    return True


@compiled
def posted(w: Any, c: int) -> int:
    """``World._post_later``: its client has kept it until its turn came and the server was up."""
    shared(w, "ints")[OPEN] -= row(w, "copies", c).measured
    return HAND_IN


@compiled
def hand_in(w: Any, c: int, now: float) -> int:
    """``World._hand_in``: what the server takes from its own user."""
    co = row(w, "copies", c)
    k = row(w, "entry_keys", co.entry)
    if k.epoch != shared(w, "ints")[EPOCH] and not co.given:
        return need(w, NEED_ENTRY, co.entry, c)
    e = row(w, "entries", co.row if co.given else k.row)
    if not room_for_rows(w, e.f1 - e.f0):
        return need(w, FLUSH, 0, 0)
    co.given = 0
    end_rows(w, co, e.f0, e.f1, now)
    if e.place >= 0:
        co.place = e.place
        co.count = e.count
        begin(w, c, ENTER)
    else:
        note_if_all_ended(w)
        free_place(w, c)
    return NOTHING


@compiled
def named(w: Any, c: int, now: float, found: bool) -> int:
    """``_send_named``: a named message is written, or DNS has `found` where it is handed in: Python looks, and says where to."""
    ints = shared(w, "ints")
    co = row(w, "copies", c)
    given = co.given
    if given == 0:
        return need(w, NEED_NAMED, c, found)
    co.given = 0
    if given == ASKS_DNS:
        return look_up(w, c, now)
    ints[SENT] += co.count
    if given == NOWHERE:
        end_row(w, co, co.row, co.count, now)
        free_place(w, c)
        return NOTHING
    return NOTHING if post_later(w, c, now) else HAND_IN
