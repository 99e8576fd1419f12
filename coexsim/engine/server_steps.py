"""At a server, step by step: its queue, its work, what it decides about the recipients."""

from __future__ import annotations

import math
from typing import Any

from coexsim.engine.asking import is_heap_short, need, work_s
from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.copies import begin, end_row, end_rows, ended, free_place, narrow, new_part, start_notice
from coexsim.engine.downtimes import up_at
from coexsim.engine.event_heap import push, push_now
from coexsim.engine.layout import (
    COPIES,
    EPOCH,
    FLUSH,
    GIVEN_COPY,
    GROW_COPIES,
    GROW_HEAP,
    GROW_STARTS,
    NEED,
    NEED_PLACE,
    OUT,
    SENT,
    VISITS,
    WAYS,
)
from coexsim.engine.shared import row, shared
from coexsim.engine.stations import arrive
from coexsim.engine.steps import (
    AT_ONCE,
    BEGIN_ATTEMPT,
    DECIDE,
    DEFER,
    END,
    ENTER,
    HAND_OVER,
    KEEP,
    NOTHING,
    ROOM,
    SHIFT,
    WORK_DONE,
)
from coexsim.sim import formulas


@compiled
def enqueue(w: Any, co: Any) -> None:
    """``MailServer.enqueue``: it counts in the server's queue from now on."""
    sv = row(w, "servers", co.server)
    sv.queued += 1
    sv.queued_bytes += co.size


@compiled
def enter(w: Any, c: int, now: float) -> int:
    """``MailServer.enter``, ``work_done_s``: into the queue, and when the server has done its work on it."""
    ints = shared(w, "ints")
    co = row(w, "copies", c)
    key = row(w, "place_keys", co.place)
    sv = row(w, "servers", key.server)
    needed_s = 0.0
    if sv.works:
        needed_s = work_s(w, sv.cores_work, key.times_before, sv.cores_s, c)
        if ints[NEED] != 0:
            return NOTHING
        st = row(w, "stations", sv.cores)
        if st.tail - st.head + 1 > shared(w, "starts").shape[1]:
            return need(w, GROW_STARTS, 0, 0)
    ints[GIVEN_COPY] = -1
    co.server = key.server
    co.tx = -1
    enqueue(w, co)
    co.queued_s = now
    co.failures = 0
    co.warned = 0
    done = arrive(w, sv.cores, now, needed_s) if sv.works else up_at(w, sv.downtime, now)
    if done <= now:
        return DECIDE
    if done < math.inf:
        push(w, done, WORK_DONE + co.number, (DECIDE << SHIFT) | c)
    return NOTHING


@compiled
def decide(w: Any, c: int, now: float) -> int:
    """``_decide``: what ends here, what goes on."""
    ints = shared(w, "ints")
    co = row(w, "copies", c)
    key = row(w, "place_keys", co.place)
    if key.epoch != ints[EPOCH]:
        return need(w, NEED_PLACE, co.place, c)
    p = row(w, "places", key.row)
    sv = row(w, "servers", key.server)
    delivery_s = sv.delivery_s
    if sv.delivery >= 0 and p.d1 > p.d0:
        delivery_s = work_s(w, sv.delivery_work, key.times_before, sv.delivery_s, c)
        if ints[NEED] != 0:
            return NOTHING
    lacks = no_room_for_decision(w, p, sv)
    if lacks != 0:
        return need(w, lacks, 0, 0)
    ints[GIVEN_COPY] = -1
    note_way(w, co, key)
    if p.added != 0:
        ints[SENT] += p.added
        co.wan = formulas.bytes_with_more(co.wan, co.count, p.added)
    deliver_here(w, co, p, sv, now, delivery_s)
    end_rows(w, co, p.f0, p.f1, now)
    start_notice(w, c, p.notice, p.serial, now)
    return send_on(w, c, p)


@part_of_its_caller
def no_room_for_decision(w: Any, p: Any, sv: Any) -> int:
    """What is short of room for all that a server does with a message; 0: nothing."""
    ints = shared(w, "ints")
    several = p.d1 - p.d0 + p.f1 - p.f0 + p.o1 - p.o0 + ROOM
    if sv.delivery >= 0 and p.d1 > p.d0:
        st = row(w, "stations", sv.delivery)
        if st.tail - st.head + p.deliveries > shared(w, "starts").shape[1]:
            return GROW_STARTS
        if ints[VISITS] + p.deliveries + ROOM > shared(w, "visits").shape[0]:
            return FLUSH
    if ints[OUT] + several > shared(w, "out").shape[0]:
        return FLUSH
    if ints[COPIES] + several > shared(w, "copies").shape[0]:
        return GROW_COPIES
    if is_heap_short(w, several):
        return GROW_HEAP
    return 0


@part_of_its_caller
def note_way(w: Any, co: Any, key: Any) -> None:
    """``_decide``: a named message notes its way: this server, where the last one was another."""
    ints = shared(w, "ints")
    ways = shared(w, "ways")
    if co.way >= 0 and (co.way == 0 or ways[co.way].server != key.server):
        way = ways[ints[WAYS]]
        way.parent = co.way
        way.server = key.server
        way.place = key.row
        co.way = ints[WAYS]
        ints[WAYS] += 1


@part_of_its_caller
def deliver_here(w: Any, co: Any, p: Any, sv: Any, now: float, delivery_s: float) -> None:
    """``World.deliver``: into the mailboxes of this server, each of which may be work."""
    parts = shared(w, "parts")
    for j in range(p.d0, p.d1):
        done = now
        if sv.delivery >= 0:
            for _ in range(parts[j].count):
                done = max(done, arrive(w, sv.delivery, now, delivery_s))
        end_row(w, co, parts[j].end, co.count, done)


@part_of_its_caller
def send_on(w: Any, c: int, p: Any) -> int:
    """``_decide``: the first part that goes on is this copy; all others begin their own way."""
    requests = shared(w, "requests")
    for j in range(p.o0 + 1, p.o1):
        on = requests[j]
        n = new_part(w, c, on.count)
        part = row(w, "copies", n)
        part.tx = on.tx
        if on.tx < 0:
            part.place = on.place
        begin(w, n, KEEP)
    if p.o1 <= p.o0:
        return END
    co = row(w, "copies", c)
    first = requests[p.o0]
    narrow(co, first.count)
    co.tx = first.tx
    step = BEGIN_ATTEMPT
    if first.tx < 0:
        co.place = first.place
        step = HAND_OVER
    if p.o1 > p.o0 + 1 or p.f1 > p.f0:  # what was started goes first
        push_now(w, AT_ONCE, (step << SHIFT) | c)
        return NOTHING
    return step


@compiled
def keep(w: Any, c: int, waits: bool) -> int:
    """``journey``: a part of what is in the queue already; `waits`: it only waits for its next attempt."""
    co = row(w, "copies", c)
    enqueue(w, co)
    co.waits = waits
    co.alive = waits  # a host has taken the others
    if waits:
        return DEFER
    return BEGIN_ATTEMPT if co.tx >= 0 else HAND_OVER


@compiled
def leave(w: Any, co: Any) -> None:
    """``MailServer.leave``: out of the queue."""
    sv = row(w, "servers", co.server)
    sv.queued -= 1
    sv.queued_bytes -= co.size


@compiled
def hand_over(w: Any, c: int) -> int:
    """``_send_on``: to a role on the same machine."""
    leave(w, row(w, "copies", c))
    return ENTER


@compiled
def end(w: Any, c: int) -> int:
    """``journey``: its way ends here."""
    co = row(w, "copies", c)
    leave(w, co)
    ended(w, co)
    free_place(w, c)
    return NOTHING


@compiled
def queued_at(w: Any, machine: int) -> Any:
    """``MailServer.has_room_for``: messages in the queues of a machine's servers, and their bytes."""
    servers = shared(w, "servers")
    queued = 0
    queued_bytes = 0
    for j in range(len(servers)):
        if servers[j].machine == machine:
            queued += servers[j].queued
            queued_bytes += servers[j].queued_bytes
    return queued, queued_bytes
