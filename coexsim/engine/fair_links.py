"""Links that share their bandwidth fairly among transfers under way."""

# ruff: noqa: E741 - a link is l, as a copy is c
from __future__ import annotations

import math
from typing import Any

from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.event_heap import drop_first, place_for, push, push_now
from coexsim.engine.shared import row, shared
from coexsim.engine.stations import note_visit
from coexsim.engine.steps import AT_ONCE, BEGINS, BROKEN, CARRY, CROSSED, RING, SHIFT
from coexsim.sim import formulas


@part_of_its_caller
def send_over(w: Any, l: int, now: float, size: int, c: int) -> None:
    """``FairLink.send``: a transfer joins those under way; one that ends sooner than all others interrupts the wait for the next end."""
    link = row(w, "links", l)
    if link.count > 0:
        link.share = formulas.link_share_bytes(link.share, link.since, now, link.bytes_per_s, link.count)
        link.since = now
    else:
        link.busy = now
        link.since = now
        link.share = 0.0
    end = link.share + size
    under_way = shared(w, "transfers")[l]
    x = under_way[place_for(under_way, link.count, end, 0, link.number)]
    x.time = end
    x.order = 0
    x.seq = link.number
    x.what = c
    shared(w, "copies")[c].sent = now
    link.number += 1
    link.count += 1
    link.joined = 1
    if not link.carries:
        link.carries = 1
        link.next_end = -math.inf
        push_now(w, BEGINS, (CARRY << SHIFT) | l)
    elif now + formulas.link_left_s(under_way[0].time, link.share, link.bytes_per_s, link.count) < link.next_end:
        push_now(w, BEGINS, (CARRY << SHIFT) | l)


@compiled
def note_crossing(w: Any, link: Any, c: int, now: float) -> None:
    """A transfer of a copy is over, or broken."""
    sent = shared(w, "copies")[c].sent
    note_visit(w, link.log, sent, sent, now)


@compiled
def carry(w: Any, l: int, now: float) -> None:
    """``FairLink._carry``, from the top of its loop: wait for the next transfer to end, as long as there is one."""
    link = row(w, "links", l)
    under_way = shared(w, "transfers")[l]
    link.timer = -1
    if link.count == 0:
        link.carries = 0
        return
    left = formulas.link_left_s(under_way[0].time, link.share, link.bytes_per_s, link.count)
    link.next_end = now + left
    link.joined = 0
    link.timer = push(w, now + left, AT_ONCE, (RING << SHIFT) | l)


@part_of_its_caller
def break_all(w: Any, l: int, now: float) -> None:
    """All transfers of a link break, in the order in which they were sent."""
    link = row(w, "links", l)
    under_way = shared(w, "transfers")[l]
    n = link.count
    link.count = 0
    push_now(w, BEGINS, (CARRY << SHIFT) | l)
    note_visit(w, link.busy_log, link.busy, link.busy, now)
    for i in range(n):  # a heap by their ends becomes one by the order in which they were sent
        end = under_way[i]
        seq = end.seq
        what = end.what
        x = under_way[place_for(under_way, i, 0.0, 0, seq)]
        x.time = 0.0
        x.order = 0
        x.seq = seq
        x.what = what
    while n > 0:
        x = under_way[0]
        note_crossing(w, link, x.what, now)
        push_now(w, AT_ONCE, (BROKEN << SHIFT) | x.what)
        n -= 1
        drop_first(under_way, n)


@compiled
def set_bandwidth(w: Any, number: int, now: float) -> None:
    """``FairLink._set_bandwidth``: transfers have another bandwidth from now on."""
    change = row(w, "bandwidths", number)
    link = row(w, "links", change.link)
    if link.count > 0:
        link.share = formulas.link_share_bytes(link.share, link.since, now, link.bytes_per_s, link.count)
        link.since = now
    link.bytes_per_s = change.bytes_per_s
    if link.carries:
        push_now(w, BEGINS, (CARRY << SHIFT) | change.link)


@compiled
def ring(w: Any, l: int, now: float, breaks: bool) -> None:
    """The transfers whose time has come end; where the link `breaks`, all others too."""
    link = row(w, "links", l)
    under_way = shared(w, "transfers")[l]
    if breaks or link.joined:
        link.share = formulas.link_share_bytes(link.share, link.since, now, link.bytes_per_s, link.count)
    else:  # rounding must not leave a rest that takes no time to send
        link.share = under_way[0].time
    link.since = now
    while link.count > 0 and (
        now + formulas.link_left_s(under_way[0].time, link.share, link.bytes_per_s, link.count) <= now
    ):
        x = under_way[0]
        note_crossing(w, link, x.what, now)
        push_now(w, AT_ONCE, (CROSSED << SHIFT) | x.what)
        link.count -= 1
        drop_first(under_way, link.count)
    if breaks:
        break_all(w, l, now)
        return
    if link.count == 0:
        note_visit(w, link.busy_log, link.busy, link.busy, now)
    carry(w, l, now)
