"""The compiled event loop: what the reference's processes do, step by step, over the arrays of ``layout.py``.

It knows no mail rules. A step first looks up all that it needs; where a row, a column of work or room in an array is missing, the kernel
returns to Python with the reason, and repeats the step when it is called again. So a step has either all of its effects or none.

All of it is one function with few helpers: a helper costs half a second to compile, and many array arguments more than its work. Its
steps are in the order of a message's way, each named as in the reference: enter, plan, send, attempt, look up, contact, session, defer.
"""

# ruff: noqa: SIM109, E741 - a chain of comparisons compiles to a jump; a link is l, as a copy is c
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import njit
from numba.extending import register_jitable

from coexsim.engine.layout import (
    ANSWER_S,
    ARRAYS,
    ASKED,
    ASKED_2,
    ASKED_3,
    BIN,
    BIRTH,
    BLOCK,
    BORN,
    COPIES,
    DONE,
    DRAINING,
    DUPLICATE_STREAM,
    DUPLICATES,
    ENDED,
    EPOCH,
    EVENTS,
    FIRST,
    FLUSH,
    FORCE,
    FORCED,
    FORCED_RETURN,
    FREE,
    GIVEN_COPY,
    GIVEN_WORK,
    GROW_COPIES,
    GROW_HEAP,
    GROW_KEPT,
    GROW_STACK,
    GROW_STARTS,
    GROW_TRANSFERS,
    GROW_WAYS,
    HEAP,
    HELD,
    KEPT_FREE,
    KEPTS,
    LIMIT,
    LIVE,
    MEASURED_FROM,
    MEASURED_TO,
    NEED_ANSWER,
    NEED_BLOCK,
    NEED_EDGE,
    NEED_ENTRY,
    NEED_EXPIRY,
    NEED_FAIL,
    NEED_LATE,
    NEED_LOT,
    NEED_NAMED,
    NEED_PATH,
    NEED_PLACE,
    NEED_TAKE,
    NEED_UNREACHED,
    NEED_WORK,
    NOTICE_STREAM,
    NOW,
    NS_HEAD,
    NS_IDLE,
    NS_TAIL,
    OPEN,
    OUT,
    REACHED,
    SEGMENT,
    SENT,
    SEQ,
    STACK,
    STARTED,
    TIMEOUT_S,
    VISITS,
    WAYS,
)  # fmt: skip
from coexsim.mail import retry
from coexsim.mail.dsn import HEADER_BYTES, NOTICE_BYTES, RETURNED_BYTES_AT_MOST
from coexsim.sim import clock, formulas

for function in (
    formulas.slow_start_round_trips, formulas.session_s, formulas.fifo_start_s, formulas.back_pressure_s, formulas.link_share_bytes,
    formulas.link_left_s, formulas.interval_at, formulas.next_up_s, formulas.next_down_s, formulas.finish_s, formulas.down_between,
    retry.next_attempt_s, retry.after_failure, retry.suspended_until_s, formulas.window_after_success, formulas.window_after_failure,
):  # fmt: skip
    register_jitable(function)

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """A function that is compiled when it is first called from one that is, and kept."""
    return cast("F", njit(cache=True, nogil=True, error_model="numpy")(function))


def compiled_now(function: F) -> F:
    """The loop, compiled when this module is loaded, for the arrays of ``layout.py``."""
    typeof: Any = numba.typeof
    arrays = (typeof(np.empty((0,) * a.dimensions, a.dtype)) for a in ARRAYS.values())
    signature = numba.int64(*arrays, numba.float64, numba.int64)
    return cast("F", njit(signature, cache=True, nogil=True, error_model="numpy")(function))


BEGINS, AT_ONCE = 0, 1  # SimPy's own priorities: a process begins or is interrupted; what follows at once
WORLD_S, BIRTHS, WORK_DONE, SESSIONS, RETRIES = clock.WORLD, clock.BIRTH, clock.WORK_DONE, clock.SESSION, clock.RETRY
SHIFT = 40  # an event or a step of the stack is (what << SHIFT) | which copy or link
WHICH = (1 << SHIFT) - 1
UNBOUND = 1 << 60  # slots of a pool without a bound
ROOM = 12  # so much of everything one step may need, where it does not ask for more
BY_QUEUE = 2  # a pool that adapts: mail turned away waits for the other sessions with its destination
HAS_THREAD, HAS_SLOT, AWAITS_THREAD, AWAITS_SLOT = 1, 2, 4, 8

(
    POSTED, HAND_IN, ENTER, PLAN, HAND_OVER, KEEP, KEEP_WAITING, SEND, HAS_WAITED, ATTEMPT, LOOK_UP, ASK, ASK_NAME_SERVER, REPLY,
    REPLIED, GOT, HOSTS, CONTACT, SLOT_WAITED, DOOR, SESSION, BODY, CROSSED, BROKEN, BODY_OVER, LAST_REPLY, LOST, TAKEN, ATTEMPTED, GO_ON,
    MOVE, TROUBLED, FAILED, DEFER, WARN, WAIT, AGAIN, GIVE_UP, END, CARRY, RING, BREAK, NS_PUT, NS_GET, NS_ANSWER, SHARE, NAMED_BORN,
    NAMED_FOUND, ALL_ENDED, STOP, TURNED,
) = range(51)  # fmt: skip
"""Steps; an event names the step that it begins with."""


# --- the heap of events ------------------------------------------------------------------------------------------------------------


@compiled
def push(heap: Any, ints: Any, time: float, order: int, what: int) -> Any:
    """Let something happen at a time; at one moment by `order`, and what has the same order by its causes."""
    seq = ints[SEQ]
    ints[SEQ] = seq + 1
    at = ints[HEAP]
    ints[HEAP] = at + 1
    while at > 0:
        above = (at - 1) >> 1
        h = heap[above]
        if h.time < time or (h.time == time and (h.order < order or (h.order == order and h.seq < seq))):
            break
        heap[at] = h
        at = above
    h = heap[at]
    h.time = time
    h.order = order
    h.seq = seq
    h.what = what
    return seq


@compiled
def pop(heap: Any, ints: Any) -> None:
    """Take the first event off the heap."""
    n = ints[HEAP] - 1
    ints[HEAP] = n
    if n == 0:
        return
    last = heap[n]
    time = last.time
    order = last.order
    seq = last.seq
    what = last.what
    at = 0
    while True:
        below = 2 * at + 1
        if below >= n:
            break
        h = heap[below]
        if below + 1 < n:
            other = heap[below + 1]
            if other.time < h.time or (
                other.time == h.time and (other.order < h.order or (other.order == h.order and other.seq < h.seq))
            ):
                below += 1
        h = heap[below]
        if time < h.time or (time == h.time and (order < h.order or (order == h.order and seq < h.seq))):
            break
        heap[at] = h
        at = below
    h = heap[at]
    h.time = time
    h.order = order
    h.seq = seq
    h.what = what


# --- stage logs --------------------------------------------------------------------------------------------------------------------


@compiled
def note_visit(log: int, ints: Any, visits: Any, arrived: float, start: float, finish: float) -> None:
    """``StageLog.record``: one visit; many at once are folded, by ``folding.py``."""
    v = visits[ints[VISITS]]
    ints[VISITS] += 1
    v.log = log
    v.arrived = arrived
    v.start = start
    v.finish = finish


# --- stations, pools, links --------------------------------------------------------------------------------------------------------


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
        key.window = key.taken if key.taken > 0 else po.initial
        key.success = 0.0
        key.failure = 0.0
        key.cohorts = 0.0


@compiled
def feed_back(po: Any, key: Any, failed: bool) -> Any:
    """``Concurrency.after_failure`` and ``after_success``: adapt the bound of a key to how a session ended; is it dead by now."""
    if failed:
        if po.adapts == BY_QUEUE:
            key.window = key.taken - 1
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
def wait(po: Any, k: int, keys: Any, copies: Any, c: int, times: Any, most: Any, now: float) -> None:
    """``Pool.wait``: queue a copy for a slot."""
    co = copies[c]
    co.waiter = po.asked
    po.asked += 1
    co.next = -1
    key = keys[k]
    if key.tail >= 0:
        copies[key.tail].next = c
    else:
        key.head = c
        key.since = co.waiter
        key.next = po.first
        key.before = -1
        if po.first >= 0:
            keys[po.first].before = k
        po.first = k
    key.tail = c
    po.waiting += 1
    at = int(min(now / times[BIN], most.shape[1] - 1))
    most[po.log, at] = max(most[po.log, at], po.waiting)


@compiled
def release(po: Any, k: int, keys: Any, copies: Any, heap: Any, ints: Any, now: float) -> None:
    """``Pool.release`` after the visit was noted: the slot goes to whoever asked first among those below the bound of their key."""
    po.used -= 1
    given = keys[k]
    given.taken -= 1
    if po.adapts and given.window > 0 and given.taken == 0 and given.head < 0:  # ``Concurrency.forget``
        given.window = po.initial
        given.success = 0.0
        given.failure = 0.0
        given.cohorts = 0.0
    while po.waiting > 0 and po.used < po.most:
        best = -1
        k = po.first
        while k >= 0:
            key = keys[k]
            if key.taken < bound_of(po, key) and (best < 0 or copies[key.head].waiter < copies[keys[best].head].waiter):
                best = k
            k = key.next
        if best < 0:
            return
        key = keys[best]
        c = key.head
        key.head = copies[c].next
        if key.head < 0:
            key.tail = -1
            if key.before >= 0:
                keys[key.before].next = key.next
            else:
                po.first = key.next
            if key.next >= 0:
                keys[key.next].before = key.before
        po.waiting -= 1
        po.used += 1
        key.taken += 1
        co = copies[c]
        ints[HELD] += 1
        if co.held & AWAITS_THREAD:
            co.held = (co.held & ~AWAITS_THREAD) | HAS_THREAD
            co.thread_taken = now
            co.thread = ints[HELD]
            push(heap, ints, now, AT_ONCE, (HAS_WAITED << SHIFT) | c)
        else:
            co.held = (co.held & ~AWAITS_SLOT) | HAS_SLOT
            co.slot_taken = now
            co.slot = ints[HELD]
            push(heap, ints, now, AT_ONCE, (SLOT_WAITED << SHIFT) | c)


@compiled
def give_back(
    po: Any, k: int, keys: Any, copies: Any, heap: Any, ints: Any, visits: Any, asked: float, taken: float, now: float
) -> None:  # fmt: skip
    """``Pool.release``: the visit is noted, the slot goes on."""
    note_visit(po.log, ints, visits, asked, taken, now)
    release(po, k, keys, copies, heap, ints, now)


@compiled
def send_over(l: int, link: Any, transfers: Any, heap: Any, ints: Any, now: float, size: int, c: int) -> None:
    """``FairLink.send``: a transfer joins those under way; one that ends sooner than all others interrupts the wait for the next end."""
    if link.count > 0:
        link.share = formulas.link_share_bytes(link.share, link.since, now, link.bytes_per_s, link.count)
        link.since = now
    else:
        link.busy = now
        link.since = now
        link.share = 0.0
    end = link.share + size
    number = link.number
    link.number += 1
    at = link.count
    link.count += 1
    while at > 0:
        above = (at - 1) >> 1
        x = transfers[l, above]
        if x.end < end or (x.end == end and x.number < number):
            break
        transfers[l, at] = x
        at = above
    x = transfers[l, at]
    x.end = end
    x.number = number
    x.at = now
    x.copy = c
    link.joined = 1
    if not link.carries:
        link.carries = 1
        link.next_end = -math.inf
        push(heap, ints, now, BEGINS, (CARRY << SHIFT) | l)
    elif now + formulas.link_left_s(transfers[l, 0].end, link.share, link.bytes_per_s, link.count) < link.next_end:
        push(heap, ints, now, BEGINS, (CARRY << SHIFT) | l)


@compiled
def carry(l: int, link: Any, transfers: Any, heap: Any, ints: Any, now: float) -> None:
    """``FairLink._carry``, from the top of its loop: wait for the next transfer to end, as long as there is one."""
    link.timer = -1
    if link.count == 0:
        link.carries = 0
        return
    left = formulas.link_left_s(transfers[l, 0].end, link.share, link.bytes_per_s, link.count)
    link.next_end = now + left
    link.joined = 0
    link.timer = push(heap, ints, now + left, AT_ONCE, (RING << SHIFT) | l)


@compiled
def take_first(l: int, link: Any, transfers: Any) -> None:
    """Take the transfer that ends first off the link's heap."""
    n = link.count - 1
    link.count = n
    if n == 0:
        return
    last = transfers[l, n]
    end = last.end
    number = last.number
    sent = last.at
    c = last.copy
    at = 0
    while True:
        below = 2 * at + 1
        if below >= n:
            break
        if below + 1 < n:
            x = transfers[l, below]
            y = transfers[l, below + 1]
            if y.end < x.end or (y.end == x.end and y.number < x.number):
                below += 1
        x = transfers[l, below]
        if end < x.end or (end == x.end and number < x.number):
            break
        transfers[l, at] = x
        at = below
    x = transfers[l, at]
    x.end = end
    x.number = number
    x.at = sent
    x.copy = c


# --- copies ------------------------------------------------------------------------------------------------------------------------


@compiled
def begin(copies: Any, heap: Any, ints: Any, c: int, step: int, now: float) -> None:
    """``World.start``: a copy goes its own way, as a process that begins before anything else that follows at this moment."""
    ints[OPEN] += copies[c].measured
    copies[c].live = ints[STARTED]
    ints[STARTED] += 1
    push(heap, ints, now, BEGINS, (step << SHIFT) | c)


@compiled
def ended(co: Any, heap: Any, ints: Any, now: float) -> None:
    """``World.ended``: the way of a copy has ended."""
    ints[OPEN] -= co.measured
    note_if_all_ended(heap, ints, now)


@compiled
def note_if_all_ended(heap: Any, ints: Any, now: float) -> None:
    """The run is over when all measured mail has met its end."""
    if ints[DRAINING] == 1 and ints[OPEN] == 0:
        ints[DRAINING] = 2
        push(heap, ints, now, AT_ONCE, ALL_ENDED << SHIFT)


@compiled
def new_copy(copies: Any, ints: Any) -> Any:
    """A free place for a copy."""
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
def new_part(copies: Any, ints: Any, c: int, count: int) -> Any:
    """``Copy.part``: a copy for some of the recipients, with the same way behind it and their share of the bytes."""
    n = new_copy(copies, ints)
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
    part.wan = co.wan if count == co.count else co.wan * count / co.count
    return n


@compiled
def new_notice(copies: Any, ints: Any, notices: Any, breaks: Any, c: int, notice: int, serial: int, now: float) -> Any:
    """``World.notify``: a notice about a copy, to be handed in where it is written. `notice`: its first place, for the smallest size."""
    n = new_copy(copies, ints)
    co = copies[c]
    note = copies[n]
    note.number = co.number
    note.size = NOTICE_BYTES + (co.size if co.size <= RETURNED_BYTES_AT_MOST else HEADER_BYTES)
    size_class = 0
    while size_class < len(breaks) and breaks[size_class] < note.size:
        size_class += 1
    note.place = notices[notice + size_class]
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
def end_row(out: Any, ints: Any, co: Any, end: int, count: int, at: float) -> None:
    """``Recorder.end``: what became of some of a copy's recipients. `count`: of all that share its bytes."""
    r = out[ints[OUT]]
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
def is_down(spans: Any, down: Any, up: Any, which: int, time: float) -> bool:
    """Whether a server, link or path is out of service at a time."""
    if which < 0:
        return False
    span = spans[which]
    return formulas.next_up_s(down[span.first : span.last], up[span.first : span.last], time) != time


@compiled
def up_at(spans: Any, down: Any, up: Any, which: int, time: float) -> float:
    """The first moment at or after a time when it is in service."""
    if which < 0:
        return time
    span = spans[which]
    return formulas.next_up_s(down[span.first : span.last], up[span.first : span.last], time)


@compiled
def was_down(spans: Any, down: Any, up: Any, which: int, begin: float, end: float) -> bool:
    """Whether what goes on from `begin` to `end` meets a time when it is out of service."""
    if which < 0:
        return False
    span = spans[which]
    return formulas.down_between(down[span.first : span.last], up[span.first : span.last], begin, end)


# --- the loop ----------------------------------------------------------------------------------------------------------------------


@compiled_now
def run(
    ints: Any, times: Any, heap: Any, stack: Any, copies: Any, place_keys: Any, places: Any, parts: Any, onwards: Any, tx_keys: Any,
    takes: Any, entry_keys: Any, entries: Any, fails: Any, notices: Any, breaks: Any, servers: Any, stations: Any, free: Any, starts: Any,
    pools: Any, keys: Any, client_keys: Any, links: Any, transfers: Any, path_links: Any, paths: Any, path_of: Any, segments: Any,
    segment_path: Any, spans: Any, down: Any, up: Any, destinations: Any, hops: Any, known: Any, nodes: Any, edges: Any, questions: Any,
    cached: Any, answers: Any, hosts: Any, host_server: Any, retries: Any, gaps: Any, kept_first: Any, kept_head: Any, kept: Any,
    work: Any, work_at: Any, block_first: Any, born: Any, size: Any, entry: Any, stream: Any, out: Any, visits: Any, ways: Any,
    most: Any, at_once: Any, until_s: float, until_order: int,
) -> int:  # fmt: skip
    """Move the mail until the next event would come after (`until_s`, `until_order`), or until Python is needed; says why it returns."""
    now = times[NOW]
    epoch = ints[EPOCH]
    while True:
        # --- the steps that follow at once from what has happened, the last one put on the stack first
        while ints[STACK] > 0:
            ints[STACK] -= 1
            what = stack[ints[STACK]]
            a = what >> SHIFT
            c = what & WHICH
            co = copies[c if c < copies.shape[0] else 0]
            need = 0
            while a >= 0:
                if ints[FORCE] and not ints[FORCED]:
                    ints[FORCED] = 1
                    need = FORCED_RETURN
                elif ints[OUT] + ROOM > out.shape[0] or ints[VISITS] + ROOM > visits.shape[0]:
                    need = FLUSH
                elif ints[COPIES] + ROOM > copies.shape[0]:
                    need = GROW_COPIES
                elif ints[HEAP] + ROOM > heap.shape[0]:
                    need = GROW_HEAP
                elif ints[STACK] + ROOM > stack.shape[0]:
                    need = GROW_STACK
                elif ints[KEPTS] + 1 > kept.shape[0]:
                    need = GROW_KEPT
                elif ints[WAYS] + 1 > ways.shape[0]:
                    need = GROW_WAYS

                # --- handed in -----------------------------------------------------------------------------------------------------
                elif a == HAND_IN:  # ``World._hand_in``: what the server takes from its own user
                    k = entry_keys[co.entry]
                    if k.epoch != epoch:
                        ints[ASKED] = co.entry
                        ints[ASKED_2] = c
                        need = NEED_ENTRY
                    else:
                        e = entries[k.row]
                        if ints[OUT] + ROOM + e.f1 - e.f0 > out.shape[0]:
                            need = FLUSH
                        else:
                            for j in range(e.f0, e.f1):
                                end_row(out, ints, co, parts[j].end, co.count, now)
                            if e.place >= 0:
                                co.place = e.place
                                co.count = e.count
                                begin(copies, heap, ints, c, ENTER, now)
                                a = -1
                            else:
                                note_if_all_ended(heap, ints, now)
                                co.next = ints[FREE]
                                co.number = -1
                                ints[FREE] = c
                                ints[LIVE] -= 1
                                a = -1
                elif a == POSTED:  # its client has kept it until the server was up
                    ints[OPEN] -= co.measured
                    a = HAND_IN
                elif a == KEEP or a == KEEP_WAITING:  # a part of what is in the queue already
                    servers[co.server].queued += 1
                    servers[co.server].queued_bytes += co.size
                    co.waits = a == KEEP_WAITING
                    a = DEFER if a == KEEP_WAITING else SEND if co.tx >= 0 else HAND_OVER

                # --- at a server ---------------------------------------------------------------------------------------------------
                elif a == ENTER:  # ``MailServer.enter``, ``work_done_s``
                    sv = servers[place_keys[co.place].server]
                    todo = sv.cores_s
                    if sv.works and sv.cores_work >= 0:
                        visit = place_keys[co.place].visit
                        k = work_at[sv.cores_work, visit, co.serial, co.block]
                        if k >= 0:
                            todo = work[k, co.number - block_first[co.block]]
                        elif ints[GIVEN_COPY] == c:
                            todo = times[GIVEN_WORK]
                            ints[GIVEN_COPY] = -1
                        else:
                            ints[ASKED] = sv.cores_work
                            ints[ASKED_2] = c
                            ints[ASKED_3] = visit
                            need = NEED_WORK
                    if (
                        need == 0
                        and sv.works
                        and stations[sv.cores].tail - stations[sv.cores].head + 1 > starts.shape[1]
                    ):
                        need = GROW_STARTS
                    if need == 0:
                        co.server = place_keys[co.place].server
                        co.tx = -1
                        sv.queued += 1
                        sv.queued_bytes += co.size
                        co.queued_s = now
                        co.failures = 0
                        co.warned = 0
                        if sv.works:
                            done = arrive(
                                sv.cores, stations, free, starts, spans, down, up, ints, times, visits, most, now, todo
                            )  # fmt: skip
                        else:
                            done = up_at(spans, down, up, sv.downtime, now)
                        if done > now:
                            if done < math.inf:
                                push(heap, ints, done, WORK_DONE + co.number, (PLAN << SHIFT) | c)
                            a = -1
                        else:
                            a = PLAN
                elif a == PLAN:  # ``_decide``: what ends here, what goes on
                    k = place_keys[co.place]
                    if k.epoch != epoch:
                        ints[ASKED] = co.place
                        ints[ASKED_2] = c
                        need = NEED_PLACE
                    else:
                        p = places[k.row]
                        sv = servers[k.server]
                        todo = sv.delivery_s
                        several = p.d1 - p.d0 + p.f1 - p.f0 + p.o1 - p.o0 + ROOM
                        if sv.delivery >= 0 and p.d1 > p.d0:
                            st = stations[sv.delivery]
                            if sv.delivery_work >= 0:
                                j = work_at[sv.delivery_work, k.visit, co.serial, co.block]
                                if j >= 0:
                                    todo = work[j, co.number - block_first[co.block]]
                                elif ints[GIVEN_COPY] == c:
                                    todo = times[GIVEN_WORK]
                                else:
                                    ints[ASKED] = sv.delivery_work
                                    ints[ASKED_2] = c
                                    ints[ASKED_3] = k.visit
                                    need = NEED_WORK
                            if need == 0 and st.tail - st.head + p.deliveries > starts.shape[1]:
                                need = GROW_STARTS
                            if ints[VISITS] + p.deliveries + ROOM > visits.shape[0]:
                                need = FLUSH
                        if need == 0 and ints[OUT] + several > out.shape[0]:
                            need = FLUSH
                        if need == 0 and ints[COPIES] + several > copies.shape[0]:
                            need = GROW_COPIES
                        if need == 0 and ints[HEAP] + several > heap.shape[0]:
                            need = GROW_HEAP
                    if need == 0:
                        ints[GIVEN_COPY] = -1
                        if co.way >= 0 and (co.way == 0 or ways[co.way].server != k.server):
                            way = ways[ints[WAYS]]
                            way.parent = co.way
                            way.server = k.server
                            way.place = k.row
                            co.way = ints[WAYS]
                            ints[WAYS] += 1
                        if p.added != 0:
                            ints[SENT] += p.added
                            co.wan *= co.count / (co.count + p.added)
                        for j in range(p.d0, p.d1):
                            done = now
                            if sv.delivery >= 0:
                                for _ in range(parts[j].count):
                                    done = max(
                                        done,
                                        arrive(sv.delivery, stations, free, starts, spans, down, up, ints, times, visits, most, now, todo),
                                    )  # fmt: skip
                            end_row(out, ints, co, parts[j].end, co.count, done)
                        for j in range(p.f0, p.f1):
                            end_row(out, ints, co, parts[j].end, co.count, now)
                        if p.notice >= 0:
                            n = new_notice(copies, ints, notices, breaks, c, p.notice, p.serial, now)
                            begin(copies, heap, ints, n, ENTER, now)
                        for j in range(p.o0 + 1, p.o1):
                            on = onwards[j]
                            n = new_part(copies, ints, c, on.count)
                            copies[n].tx = on.tx
                            if on.tx < 0:
                                copies[n].place = on.place
                            begin(copies, heap, ints, n, KEEP, now)
                        a = END
                        if p.o1 > p.o0:
                            first = onwards[p.o0]
                            if first.count != co.count:
                                co.wan = co.wan * first.count / co.count
                                co.count = first.count
                            co.tx = first.tx
                            a = SEND
                            if first.tx < 0:
                                co.place = first.place
                                a = HAND_OVER
                            if p.o1 > p.o0 + 1 or p.f1 > p.f0:  # what was started goes first
                                push(heap, ints, now, AT_ONCE, (a << SHIFT) | c)
                                a = -1
                elif a == HAND_OVER:  # to a role on the same machine
                    servers[co.server].queued -= 1
                    servers[co.server].queued_bytes -= co.size
                    a = ENTER
                elif a == END:  # its way ends here
                    servers[co.server].queued -= 1
                    servers[co.server].queued_bytes -= co.size
                    ended(co, heap, ints, now)
                    ints[LIVE] -= 1
                    co.number = -1
                    co.next = ints[FREE]
                    ints[FREE] = c
                    a = -1

                # --- to the next server: a thread ----------------------------------------------------------------------------------
                elif a == SEND:  # ``Transfer._begin``
                    tx = tx_keys[co.tx]
                    sv = servers[co.server]
                    co.waits = 0
                    if is_down(spans, down, up, sv.downtime, now):
                        at = up_at(spans, down, up, sv.downtime, now)
                        if at < math.inf:
                            push(heap, ints, at, RETRIES + co.number, (SEND << SHIFT) | c)
                        a = -1
                    else:
                        d = destinations[hops[tx.hop].first + co.number % sv.senders]
                        if now < d.dead_until:
                            co.reply = d.reply
                            co.late = -1
                            a = DEFER
                        else:
                            po = pools[sv.threads]
                            co.thread_asked = now
                            reopen(po, keys[tx.key])
                            if po.used >= po.most or keys[tx.key].taken >= bound_of(po, keys[tx.key]):
                                co.held |= AWAITS_THREAD
                                wait(po, tx.key, keys, copies, c, times, most, now)
                                a = -1
                            else:
                                po.used += 1
                                keys[tx.key].taken += 1
                                ints[HELD] += 1
                                co.thread = ints[HELD]
                                co.thread_taken = now
                                co.held |= HAS_THREAD
                                a = ATTEMPT
                elif a == HAS_WAITED:  # for its thread, which turns from one session to the next
                    between = servers[co.server].between_s
                    a = TURNED
                    if between > 0:
                        push(heap, ints, now + between, SESSIONS + co.number, (TURNED << SHIFT) | c)
                        a = -1
                elif a == TURNED:  # things may have changed meanwhile
                    tx = tx_keys[co.tx]
                    sv = servers[co.server]
                    d = destinations[hops[tx.hop].first + co.number % sv.senders]
                    a = ATTEMPT
                    if is_down(spans, down, up, sv.downtime, now) or now < d.dead_until:
                        po = pools[sv.threads]
                        co.held &= ~HAS_THREAD
                        give_back(po, tx.key, keys, copies, heap, ints, visits, co.thread_asked, co.thread_taken, now)  # fmt: skip
                        a = SEND
                elif a == ATTEMPT:
                    co.began = now
                    co.attempts += 1
                    co.hop = tx_keys[co.tx].hop
                    a = LOOK_UP

                # --- DNS -----------------------------------------------------------------------------------------------------------
                elif a == LOOK_UP:  # is the next hop known
                    h = hops[co.hop]
                    kn = known[h.first + (co.number % servers[h.server].senders if co.tx >= 0 else 0)]
                    if now < kn.until:
                        nodes[kn.node].uses += 1
                        co.node = kn.node
                        a = HOSTS
                    else:
                        co.node = h.node
                        co.fresh = math.inf
                        a = ASK
                elif a == ASK:  # ``Resolver.ask``: the next question of the MX rules
                    h = hops[co.hop]
                    who = co.number % servers[h.server].senders if co.tx >= 0 else 0
                    node = nodes[co.node]
                    if node.question < 0:
                        if node.reply >= 0:
                            co.reply = node.reply
                            co.marks = 1
                            co.arrived = node.temporary
                            a = FAILED
                        else:
                            kn = known[h.first + who]
                            kn.until = co.fresh
                            kn.node = co.node
                            a = HOSTS
                        if co.tx < 0:
                            a = NAMED_FOUND
                    else:
                        q = questions[node.question]
                        ca = cached[q.first + who]
                        if now < ca.until:
                            e = node.child
                            while e >= 0 and edges[e].answer != ca.answer:
                                e = edges[e].next
                            if e < 0:
                                ints[ASKED] = co.node
                                ints[ASKED_2] = ca.answer
                                need = NEED_EDGE
                            else:
                                q.cached += 1
                                co.fresh = min(co.fresh, ca.until)
                                co.node = edges[e].node
                        elif ca.asking:  # who has the same question meanwhile waits for the same answer
                            q.cached += 1
                            co.next = -1
                            if ca.head < 0:
                                ca.head = c
                            else:
                                copies[ca.tail].next = c
                            ca.tail = c
                            a = -1
                        else:
                            ca.asking = 1
                            q.asked += 1
                            if is_down(spans, down, up, 0, now):
                                co.answer = 0
                                push(heap, ints, now + times[TIMEOUT_S], AT_ONCE, (GOT << SHIFT) | c)
                            elif h.round_trip > 0:
                                push(heap, ints, now + h.round_trip, AT_ONCE, (ASK_NAME_SERVER << SHIFT) | c)
                            else:
                                a = ASK_NAME_SERVER
                            if a == ASK:
                                a = -1
                elif a == ASK_NAME_SERVER:  # into its inbox
                    co.next = -1
                    if ints[NS_HEAD] < 0:
                        ints[NS_HEAD] = c
                    else:
                        copies[ints[NS_TAIL]].next = c
                    ints[NS_TAIL] = c
                    push(heap, ints, now, AT_ONCE, (NS_PUT << SHIFT))
                    a = -1
                elif a == NS_PUT:
                    if ints[NS_IDLE] and ints[NS_HEAD] >= 0:
                        c = ints[NS_HEAD]
                        ints[NS_HEAD] = copies[c].next
                        ints[NS_IDLE] = 0
                        push(heap, ints, now, AT_ONCE, (NS_GET << SHIFT) | c)
                    a = -1
                elif a == NS_GET:  # the name server turns to a question
                    if times[ANSWER_S] > 0:
                        push(heap, ints, now + times[ANSWER_S], AT_ONCE, (NS_ANSWER << SHIFT) | c)
                        a = -1
                    else:
                        a = NS_ANSWER
                elif a == NS_ANSWER:
                    q = questions[nodes[co.node].question]
                    if q.epoch != epoch:
                        ints[ASKED] = nodes[co.node].question
                        need = NEED_ANSWER
                    else:
                        co.answer = q.answer
                        push(heap, ints, now, AT_ONCE, (REPLY << SHIFT) | c)
                        c = ints[NS_HEAD]
                        if c >= 0:
                            ints[NS_HEAD] = copies[c].next
                            push(heap, ints, now, AT_ONCE, (NS_GET << SHIFT) | c)
                        else:
                            ints[NS_IDLE] = 1
                        a = -1
                elif a == REPLY:
                    if answers[co.answer].timeout:
                        push(heap, ints, now + times[TIMEOUT_S], AT_ONCE, (GOT << SHIFT) | c)
                        a = -1
                    else:
                        a = GOT
                elif a == GOT:  # the answer: into the cache, and to those who wait for it
                    h = hops[co.hop]
                    who = co.number % servers[h.server].senders if co.tx >= 0 else 0
                    q = questions[nodes[co.node].question]
                    ca = cached[q.first + who]
                    an = answers[co.answer]
                    e = nodes[co.node].child
                    while e >= 0 and edges[e].answer != co.answer:
                        e = edges[e].next
                    if e < 0:
                        ints[ASKED] = co.node
                        ints[ASKED_2] = co.answer
                        need = NEED_EDGE
                    else:
                        q.failed += an.temporary
                        if not an.timeout:
                            ca.until = now + an.ttl
                            ca.answer = co.answer
                        ca.asking = 0
                        if ca.head >= 0:
                            n = ca.head
                            while n >= 0:
                                copies[n].answer = co.answer
                                n = copies[n].next
                            push(heap, ints, now, AT_ONCE, (SHARE << SHIFT) | ca.head)
                            ca.head = -1
                        co.fresh = min(co.fresh, now + an.ttl)
                        co.node = edges[e].node
                        a = ASK
                elif a == SHARE:  # the first of those who waited for an answer, and after it the next
                    n = co.next
                    if n >= 0:
                        stack[ints[STACK]] = (SHARE << SHIFT) | n
                        ints[STACK] += 1
                    a = REPLIED
                elif a == REPLIED:
                    e = nodes[co.node].child
                    while e >= 0 and edges[e].answer != co.answer:
                        e = edges[e].next
                    if e < 0:
                        ints[ASKED] = co.node
                        ints[ASKED_2] = co.answer
                        need = NEED_EDGE
                    else:
                        co.fresh = min(co.fresh, now + answers[co.answer].ttl)
                        co.node = edges[e].node
                        a = ASK

                # --- hosts in turn -------------------------------------------------------------------------------------------------
                elif a == HOSTS:
                    node = nodes[co.node]
                    if node.hosts < 0 and not co.given:
                        ints[ASKED] = c
                        need = NEED_LOT
                    else:
                        if node.hosts >= 0:
                            co.hosts = node.hosts
                        co.given = 0
                        co.at = 0
                        co.talked_to = 0
                        co.talks_had = 0
                        co.take = -1
                        co.took = 0
                        a = CONTACT
                elif a == CONTACT:  # the next host in turn; ``Transfer._connect``
                    span = hosts[co.hosts]
                    sv = servers[co.server]
                    while span.first + co.at < span.last and (
                        host_server[span.first + co.at] >= 0
                        and ((co.talked_to >> host_server[span.first + co.at]) & 1) != 0
                    ):
                        co.at += 1  # another address of a server that has answered
                    if span.first + co.at >= span.last:
                        a = ATTEMPTED
                    elif co.took:  # these are the last host's from now on, while the attempt goes on with others
                        co.took = 0
                        ta = takes[co.take]
                        n = new_part(copies, ints, c, ta.count)
                        copies[n].place = ta.place
                        copies[n].hops += 1
                        begin(copies, heap, ints, n, ENTER, now)
                        push(heap, ints, now, AT_ONCE, (CONTACT << SHIFT) | c)
                        a = -1
                    else:
                        target = host_server[span.first + co.at]
                        path = -1
                        if target >= 0:
                            while ints[SEGMENT] + 1 < len(segments) and segments[ints[SEGMENT] + 1] <= now:
                                ints[SEGMENT] += 1
                            state = segment_path[ints[SEGMENT]]
                            path = path_of[state, co.server * len(servers) + target]
                        if path == -2:
                            ints[ASKED] = co.server
                            ints[ASKED_2] = target
                            need = NEED_PATH
                        elif path < 0:
                            co.reply = sv.timed_out
                            co.marks = 1
                            push(heap, ints, now + sv.connect_timeout, SESSIONS + co.number, (TROUBLED << SHIFT) | c)
                            a = -1
                        else:
                            co.path = path
                            to = servers[target]
                            if not to.listens or is_down(spans, down, up, to.downtime, now):
                                co.reply = sv.refuses
                                co.marks = 1
                                push(
                                    heap,
                                    ints,
                                    now + paths[path].round_trip,
                                    SESSIONS + co.number,
                                    (TROUBLED << SHIFT) | c,
                                )
                                a = -1
                            else:
                                po = pools[to.connections]
                                k = client_keys[target, co.server]
                                if po.most_of_key < UNBOUND:
                                    k += co.number % sv.senders
                                co.slot_asked = now
                                if po.used < po.most and keys[k].taken < po.most_of_key:
                                    po.used += 1
                                    keys[k].taken += 1
                                    ints[HELD] += 1
                                    co.slot = ints[HELD]
                                    co.slot_taken = now
                                    co.held |= HAS_SLOT
                                    a = DOOR
                                elif to.waits:
                                    co.held |= AWAITS_SLOT
                                    wait(po, k, keys, copies, c, times, most, now)
                                    a = -1
                                else:
                                    a = DOOR
                elif a == SLOT_WAITED:  # has anything gone down meanwhile
                    sv = servers[co.server]
                    target = host_server[hosts[co.hosts].first + co.at]
                    to = servers[target]
                    own = was_down(spans, down, up, sv.downtime, co.slot_asked, now)
                    a = DOOR
                    if (
                        own
                        or was_down(spans, down, up, to.downtime, co.slot_asked, now)
                        or was_down(spans, down, up, paths[co.path].downtime, co.slot_asked, now)
                    ):
                        co.reply = sv.lost
                        co.marks = 1
                        co.arrived = own
                        a = LOST
                elif (
                    a == DOOR
                ):  # ``_trouble_at_the_door``: no connection to be had (421), or no room for the message (452)
                    sv = servers[co.server]
                    to = servers[host_server[hosts[co.hosts].first + co.at]]
                    a = SESSION
                    length = 0.0
                    if not co.held & HAS_SLOT:
                        co.reply = to.busy
                        length = 2 * paths[co.path].round_trip
                        a = TROUBLED
                    elif to.disk < math.inf or to.queue < math.inf:
                        queued = 0
                        queued_bytes = 0
                        for j in range(len(servers)):
                            if servers[j].machine == to.machine:
                                queued += servers[j].queued
                                queued_bytes += servers[j].queued_bytes
                        if queued >= to.queue or queued_bytes + co.size > to.disk:
                            co.reply = to.full
                            length = formulas.CONNECT * paths[co.path].round_trip
                            a = TROUBLED
                    if a == TROUBLED:
                        if times[MEASURED_FROM] <= now < times[MEASURED_TO]:
                            to.refused += 1
                            to.refused_in_session += 1 if co.held & HAS_SLOT else 0
                        co.marks = 0 if co.held & HAS_SLOT else 2
                        push(heap, ints, now + length, SESSIONS + co.number, (TROUBLED << SHIFT) | c)
                        a = -1
                elif a == TROUBLED or a == LOST:  # this host is of no use: the slot goes back, the next host is tried
                    own = a == LOST and co.arrived != 0  # it is this server itself that went down
                    last = co.take
                    if co.talking:
                        last = takes[last].before
                    if (
                        co.talks_had > 0 and not own and not co.given
                    ):  # whom others told to come later is not reached here
                        ints[ASKED] = c
                        ints[ASKED_2] = last
                        need = NEED_UNREACHED
                    elif own and last >= 0 and ints[OUT] + takes[last].f1 - takes[last].f0 + ROOM > out.shape[0]:
                        need = FLUSH
                    else:
                        if co.held & HAS_SLOT:
                            target = host_server[hosts[co.hosts].first + co.at]
                            po = pools[servers[target].connections]
                            k = client_keys[target, co.server]
                            if po.most_of_key < UNBOUND:
                                k += co.number % servers[co.server].senders
                            co.held &= ~HAS_SLOT
                            give_back(po, k, keys, copies, heap, ints, visits, co.slot_asked, co.slot_taken, now)  # fmt: skip
                        co.talking = 0
                        co.take = co.row if co.given else last
                        co.given = 0
                        co.at += 1
                        a = CONTACT
                        if own:
                            tx = tx_keys[co.tx]
                            co.held &= ~HAS_THREAD
                            po = pools[servers[co.server].threads]
                            give_back(
                                po, tx.key, keys, copies, heap, ints, visits, co.thread_asked, co.thread_taken, now
                            )  # fmt: skip
                            a = SEND
                            if last >= 0:  # who was told to come later is left; who was refused for good fails
                                be = takes[last]
                                for j in range(be.f0, be.f1):
                                    end_row(out, ints, co, parts[j].end, co.count, now)
                                if be.late_count != co.count:
                                    co.wan = co.wan * be.late_count / co.count
                                    co.count = be.late_count
                                co.tx = be.late_tx
                                if be.f1 > be.f0:
                                    if be.notice >= 0:
                                        n = new_notice(copies, ints, notices, breaks, c, be.notice, be.serial, now)
                                        begin(copies, heap, ints, n, ENTER, now)
                                    push(heap, ints, now, AT_ONCE, (SEND << SHIFT) | c)
                                    a = -1

                # --- the session ---------------------------------------------------------------------------------------------------
                elif a == SESSION:  # ``_session``: the dialogue
                    last = co.take  # what the host before took, in this attempt
                    tx = tx_keys[co.tx if last < 0 else takes[last].late_tx]
                    sv = servers[co.server]
                    target = host_server[hosts[co.hosts].first + co.at]
                    to = servers[target]
                    taken = -1
                    if co.given:
                        taken = co.row
                    elif not to.greylists:
                        taken = tx.take
                        while taken >= 0 and (
                            takes[taken].target != target or takes[taken].epoch != epoch or takes[taken].before != last
                        ):
                            taken = takes[taken].next
                    todo = 0.0
                    if taken < 0:
                        ints[ASKED] = c
                        ints[ASKED_2] = target
                        need = NEED_TAKE
                    elif takes[taken].body:
                        todo = to.accept_s
                        if to.accept_work >= 0:
                            k = work_at[to.accept_work, takes[taken].visit, co.serial, co.block]
                            if k >= 0:
                                todo = work[k, co.number - block_first[co.block]]
                            elif ints[GIVEN_COPY] == c:
                                todo = times[GIVEN_WORK]
                                ints[GIVEN_COPY] = -1
                            else:
                                ints[ASKED] = to.accept_work
                                ints[ASKED_2] = c
                                ints[ASKED_3] = takes[taken].visit
                                need = NEED_WORK
                    if need == 0:
                        co.given = 0
                        if last >= 0:
                            be = takes[last]
                            if be.late_count != co.count:
                                co.wan = co.wan * be.late_count / co.count
                                co.count = be.late_count
                            co.tx = be.late_tx
                        co.take = taken
                        co.talking = 1
                        ta = takes[taken]
                        co.talks = now
                        trips = ta.new_trips
                        reused = False
                        if sv.reuse_s > 0:
                            k = kept_first[co.server, target] + co.number % sv.senders
                            while kept_head[k] >= 0 and not reused:
                                n = kept_head[k]
                                kept_head[k] = kept[n].next
                                kept[n].next = ints[KEPT_FREE]
                                ints[KEPT_FREE] = n
                                end = kept[n].until
                                since = end - sv.reuse_s
                                reused = (
                                    end > now
                                    and not was_down(spans, down, up, sv.downtime, since, now)
                                    and not was_down(spans, down, up, to.downtime, since, now)
                                )
                        if reused:
                            trips = ta.reused_trips
                        elif ta.body:
                            trips += formulas.slow_start_round_trips(co.size)
                        pressure = 0.0
                        if ta.body and to.pressure < math.inf:
                            queued = 0
                            for j in range(len(servers)):
                                if servers[j].machine == to.machine:
                                    queued += servers[j].queued
                            pressure = formulas.back_pressure_s(queued, to.pressure)
                        pa = paths[co.path]
                        length = formulas.session_s(trips, pa.round_trip, sv.session_s, todo, pressure)
                        last_s = 0.0
                        if sv.downtime >= 0 or to.downtime >= 0 or pa.downtime >= 0:
                            last_s = pa.round_trip / 2
                        if length > 0:
                            push(heap, ints, now + length - last_s, SESSIONS + co.number, (BODY << SHIFT) | c)
                            a = -1
                        else:
                            a = BODY
                elif a == BODY:  # over all links of the path at once: what takes longest is what counts
                    ta = takes[co.take]
                    pa = paths[co.path]
                    if ta.body:
                        for j in range(pa.l0, pa.l1):
                            if links[path_links[j]].count + 1 > transfers.shape[1]:
                                need = GROW_TRANSFERS
                    if need == 0:
                        co.arrived = 1
                        co.pending = 0
                        a = BODY_OVER
                        if ta.body:
                            co.wan += co.size * pa.wan
                            for j in range(pa.l0, pa.l1):
                                l = path_links[j]
                                link = links[l]
                                broken = is_down(spans, down, up, link.downtime, now)
                                if link.instant:
                                    if broken:
                                        co.arrived = 0
                                    else:
                                        note_visit(link.log, ints, visits, now, now, now)
                                        at = int(now // times[BIN])
                                        if at < at_once.shape[1]:
                                            at_once[l, at] += co.size
                                else:
                                    co.pending += 1
                                    if broken:
                                        push(heap, ints, now, AT_ONCE, (BROKEN << SHIFT) | c)
                                    else:
                                        send_over(l, link, transfers, heap, ints, now, co.size, c)
                            if co.pending > 0:
                                a = -1
                elif a == CROSSED or a == BROKEN:  # one link is through with it
                    if a == BROKEN:
                        co.arrived = 0
                    co.pending -= 1
                    a = BODY_OVER if co.pending == 0 else -1
                elif a == BODY_OVER:  # where something could fail, the reply takes half a round trip
                    sv = servers[co.server]
                    pa = paths[co.path]
                    to = servers[host_server[hosts[co.hosts].first + co.at]]
                    a = TAKEN
                    if sv.downtime >= 0 or to.downtime >= 0 or pa.downtime >= 0:
                        co.answered = now
                        a = LAST_REPLY
                        if pa.round_trip > 0:
                            push(heap, ints, now + pa.round_trip / 2, SESSIONS + co.number, (LAST_REPLY << SHIFT) | c)
                            a = -1
                elif a == LAST_REPLY:  # ``_what_failed``
                    sv = servers[co.server]
                    pa = paths[co.path]
                    to = servers[host_server[hosts[co.hosts].first + co.at]]
                    ta = takes[co.take]
                    own = was_down(spans, down, up, sv.downtime, co.talks, now)
                    a = LOST
                    if (
                        co.arrived
                        and not was_down(spans, down, up, sv.downtime, co.talks, co.answered)
                        and not was_down(spans, down, up, to.downtime, co.talks, co.answered)
                        and not was_down(spans, down, up, pa.downtime, co.talks, co.answered)
                    ):
                        if not was_down(spans, down, up, sv.downtime, co.answered, now) and not was_down(
                            spans, down, up, pa.downtime, co.answered, now
                        ):
                            a = TAKEN
                        elif ta.place >= 0:  # taken, but the 250 is lost: there will be two
                            ints[DUPLICATES] += ta.count
                            ints[SENT] += ta.count
                            n = new_part(copies, ints, c, ta.count)
                            co.wan -= copies[n].wan
                            copies[n].place = ta.place
                            copies[n].stream = ints[DUPLICATE_STREAM]
                            copies[n].hops += 1
                            begin(copies, heap, ints, n, ENTER, now)
                    if a == LOST:
                        co.reply = sv.lost
                        co.marks = 1
                        co.arrived = own
                elif a == TAKEN:  # the connection may be kept; the slot goes back
                    sv = servers[co.server]
                    target = host_server[hosts[co.hosts].first + co.at]
                    if sv.reuse_s > 0:
                        n = ints[KEPT_FREE]
                        if n >= 0:
                            ints[KEPT_FREE] = kept[n].next
                        else:
                            n = ints[KEPTS]
                            ints[KEPTS] += 1
                        k = kept_first[co.server, target] + co.number % sv.senders
                        kept[n].until = now + sv.reuse_s
                        kept[n].next = kept_head[k]
                        kept_head[k] = n
                    po = pools[servers[target].connections]
                    k = client_keys[target, co.server]
                    if po.most_of_key < UNBOUND:
                        k += co.number % sv.senders
                    co.held &= ~HAS_SLOT
                    give_back(po, k, keys, copies, heap, ints, visits, co.slot_asked, co.slot_taken, now)  # fmt: skip
                    ta = takes[co.take]
                    co.talking = 0
                    co.talked_to |= 1 << target
                    co.talks_had += 1
                    co.took = ta.place >= 0
                    a = ATTEMPTED
                    if ta.late >= 0 and co.talks_had != sv.mx_session_limit:
                        co.at += 1
                        a = CONTACT
                elif (
                    a == ATTEMPTED
                ):  # ``Transfer._end_attempt``: the thread goes back; ``deliver``: who was refused for good fails
                    co.arrived = 1
                    a = FAILED
                    if co.talks_had > 0:
                        tx = tx_keys[co.tx]
                        ta = takes[co.take]
                        sv = servers[co.server]
                        if ints[OUT] + ta.f1 - ta.f0 + ROOM > out.shape[0]:
                            need = FLUSH
                            a = ATTEMPTED
                        else:
                            if pools[sv.threads].adapts:
                                feed_back(pools[sv.threads], keys[tx.key], False)
                            co.held &= ~HAS_THREAD
                            po = pools[sv.threads]
                            give_back(
                                po, tx.key, keys, copies, heap, ints, visits, co.thread_asked, co.thread_taken, now
                            )  # fmt: skip
                            d = destinations[hops[tx.hop].first + co.number % sv.senders]
                            d.failures = 0
                            d.dead_until = 0.0
                            a = GO_ON
                            if ta.f1 > ta.f0:
                                for j in range(ta.f0, ta.f1):
                                    end_row(out, ints, co, parts[j].end, co.count, now)
                                if ta.notice >= 0:
                                    n = new_notice(copies, ints, notices, breaks, c, ta.notice, ta.serial, now)
                                    begin(copies, heap, ints, n, ENTER, now)
                                push(heap, ints, now, AT_ONCE, (GO_ON << SHIFT) | c)
                                a = -1
                elif a == GO_ON:  # who was taken goes on, who was told to come later stays
                    ta = takes[co.take]
                    a = END
                    if co.took:
                        a = MOVE
                        if ta.late >= 0:
                            n = new_part(copies, ints, c, ta.late_count)
                            copies[n].tx = ta.late_tx
                            copies[n].late = ta.late
                            begin(copies, heap, ints, n, KEEP_WAITING, now)
                            push(heap, ints, now, AT_ONCE, (MOVE << SHIFT) | c)
                            a = -1
                    elif ta.late >= 0:
                        if ta.late_count != co.count:
                            co.wan = co.wan * ta.late_count / co.count
                            co.count = ta.late_count
                        co.tx = ta.late_tx
                        co.late = ta.late
                        a = DEFER
                elif a == MOVE:  # the next server has it
                    ta = takes[co.take]
                    servers[co.server].queued -= 1
                    servers[co.server].queued_bytes -= co.size
                    if ta.count != co.count:
                        co.wan = co.wan * ta.count / co.count
                        co.count = ta.count
                    co.hops += 1
                    co.place = ta.place
                    co.tx = -1
                    a = ENTER

                # --- what did not get on -------------------------------------------------------------------------------------------
                elif a == FAILED:  # the attempt came to nothing; `arrived`: for the time being
                    tx = tx_keys[co.tx]
                    sv = servers[co.server]
                    if not co.arrived and not co.given:
                        ints[ASKED] = c
                        need = NEED_FAIL
                    else:
                        po = pools[sv.threads]
                        d = destinations[hops[tx.hop].first + co.number % sv.senders]
                        dead = co.marks == 1 and not po.adapts
                        others_go_on = False
                        if po.adapts:
                            failed = co.arrived and co.marks > 0
                            if feed_back(po, keys[tx.key], failed):
                                dead = po.adapts == BY_QUEUE
                                if not dead:
                                    rt = retries[sv.retry]
                                    d.dead_until = retry.suspended_until_s(now, gaps[rt.first], rt.whole_seconds)
                                    d.reply = co.reply
                            elif failed:
                                others_go_on = po.adapts == BY_QUEUE
                            else:
                                d.failures = 0
                                d.dead_until = 0.0
                        co.held &= ~HAS_THREAD
                        give_back(po, tx.key, keys, copies, heap, ints, visits, co.thread_asked, co.thread_taken, now)  # fmt: skip
                        a = DEFER
                        co.late = -1
                        if not co.arrived:
                            co.given = 2
                            a = GIVE_UP
                        elif others_go_on:  # it waits for one of them
                            a = SEND
                        elif dead and co.began >= d.marked:  # ``Destination.mark_dead``
                            if d.failures == 0:
                                d.first_s = now
                            d.failures += 1
                            d.marked = now
                            d.reply = co.reply
                            rt = retries[sv.retry]
                            if rt.per_destination:
                                d.dead_until = retry.next_attempt_s(
                                    gaps[rt.first : rt.last], rt.factor, rt.longest, rt.by_age, rt.queue_run, rt.phase,
                                    rt.whole_seconds, now, d.failures, d.first_s,
                                )  # fmt: skip
                            else:
                                d.dead_until = retry.suspended_until_s(now, gaps[rt.first], rt.whole_seconds)
                elif a == DEFER:  # ``defer``: until the next attempt by the product's schedule
                    tx = tx_keys[co.tx]
                    sv = servers[co.server]
                    rt = retries[sv.retry]
                    d = destinations[hops[tx.hop].first + co.number % sv.senders]
                    co.failures += 1
                    phase = rt.phase + rt.queue_run * (co.number % sv.senders) / sv.senders
                    if not co.waits and rt.per_destination and now < d.dead_until:
                        next_s = d.dead_until
                    else:
                        next_s = retry.next_attempt_s(
                            gaps[rt.first : rt.last], rt.factor, rt.longest, rt.by_age, rt.queue_run, phase, rt.whole_seconds, now,
                            co.failures, co.queued_s,
                        )  # fmt: skip
                    next_s, gives_s, warn_s = retry.after_failure(
                        rt.expire, math.inf if co.warned else rt.warn, rt.at_attempts, now, next_s, co.queued_s
                    )
                    co.next_s = next_s
                    co.gives_s = gives_s
                    a = WAIT
                    if warn_s < math.inf and tx.is_mail:
                        co.warned = 1
                        a = WARN
                        at = up_at(spans, down, up, sv.downtime, max(warn_s, now))
                        if at > now:
                            if at < math.inf:
                                push(heap, ints, at, RETRIES + co.number, (WARN << SHIFT) | c)
                            a = -1
                elif a == WARN:
                    tx = tx_keys[co.tx]
                    if tx.late == -2:
                        ints[ASKED] = c
                        need = NEED_LATE
                    else:
                        a = WAIT
                        if co.next_s < math.inf or now < co.gives_s:
                            if tx.late >= 0:
                                n = new_notice(copies, ints, notices, breaks, c, tx.late, tx.late_serial, now)
                                begin(copies, heap, ints, n, ENTER, now)
                            push(heap, ints, now, AT_ONCE, (WAIT << SHIFT) | c)
                            a = -1
                elif a == WAIT:  # for the next attempt, or for the end
                    sv = servers[co.server]
                    a = AGAIN if co.next_s < math.inf else GIVE_UP
                    at = up_at(spans, down, up, sv.downtime, max(co.next_s if a == AGAIN else co.gives_s, now))
                    if at > now:
                        if at < math.inf:
                            push(heap, ints, at, RETRIES + co.number, (a << SHIFT) | c)
                        a = -1
                elif a == AGAIN:
                    co.place = tx_keys[co.tx].again
                    co.tx = -1
                    a = PLAN
                elif a == GIVE_UP:  # ``World.fail`` for all of it
                    if not co.given:
                        ints[ASKED] = c
                        need = NEED_EXPIRY
                    elif ints[OUT] + fails[co.row].f1 - fails[co.row].f0 + ROOM > out.shape[0]:
                        need = FLUSH
                    else:
                        co.given = 0
                        fail = fails[co.row]
                        for j in range(fail.f0, fail.f1):
                            end_row(out, ints, co, parts[j].end, co.count, now)
                        if fail.notice >= 0:
                            n = new_notice(copies, ints, notices, breaks, c, fail.notice, fail.serial, now)
                            begin(copies, heap, ints, n, ENTER, now)
                        push(heap, ints, now, AT_ONCE, (END << SHIFT) | c)
                        a = -1

                # --- links ---------------------------------------------------------------------------------------------------------
                elif a == CARRY:  # `c` is the link
                    carry(c, links[c], transfers, heap, ints, now)
                    a = -1
                elif a == RING or a == BREAK:  # its transfers end, or all break
                    link = links[c]
                    if ints[HEAP] + link.count + ROOM > heap.shape[0]:
                        need = GROW_HEAP
                    elif ints[VISITS] + link.count + ROOM > visits.shape[0]:
                        need = FLUSH
                    elif link.count > 0:
                        if a == BREAK or link.joined:
                            link.share = formulas.link_share_bytes(
                                link.share, link.since, now, link.bytes_per_s, link.count
                            )
                        else:  # rounding must not leave a rest that takes no time to send
                            link.share = transfers[c, 0].end
                        link.since = now
                        while link.count > 0 and (
                            now + formulas.link_left_s(transfers[c, 0].end, link.share, link.bytes_per_s, link.count)
                            <= now
                        ):
                            x = transfers[c, 0]
                            note_visit(link.log, ints, visits, x.at, x.at, now)
                            push(heap, ints, now, AT_ONCE, (CROSSED << SHIFT) | x.copy)
                            take_first(c, link, transfers)
                        if a == BREAK:
                            n = link.count
                            link.count = 0
                            push(heap, ints, now, BEGINS, (CARRY << SHIFT) | c)
                            note_visit(link.busy_log, ints, visits, link.busy, link.busy, now)
                            number = -1
                            for _ in range(n):  # in the order in which they were sent
                                best = -1
                                for j in range(n):
                                    if transfers[c, j].number > number and (
                                        best < 0 or transfers[c, j].number < transfers[c, best].number
                                    ):
                                        best = j
                                x = transfers[c, best]
                                number = x.number
                                note_visit(link.log, ints, visits, x.at, x.at, now)
                                push(heap, ints, now, AT_ONCE, (BROKEN << SHIFT) | x.copy)
                        else:
                            if link.count == 0:
                                note_visit(link.busy_log, ints, visits, link.busy, link.busy, now)
                            carry(c, link, transfers, heap, ints, now)
                        a = -1
                    else:
                        a = -1

                # --- the end -------------------------------------------------------------------------------------------------------
                elif a == ALL_ENDED:  # the condition that the run waits for comes next
                    push(heap, ints, now, AT_ONCE, STOP << SHIFT)
                    a = -1
                elif a == STOP:
                    ints[DRAINING] = 3
                    a = -1

                # --- named messages ------------------------------------------------------------------------------------------------
                elif a == NAMED_BORN or a == NAMED_FOUND:  # Python looks where it is handed in
                    if co.given == 0:
                        ints[ASKED] = c
                        ints[ASKED_2] = a == NAMED_FOUND
                        need = NEED_NAMED
                    else:  # 1: handed in; 2: DNS is asked first; 3: nowhere
                        a = HAND_IN if co.given == 1 else LOOK_UP
                        if co.given != 2:
                            ints[SENT] += co.count
                        if co.given == 3:
                            end_row(out, ints, co, co.row, co.count, now)
                            co.number = -1
                            co.next = ints[FREE]
                            ints[FREE] = c
                            ints[LIVE] -= 1
                            a = -1
                        elif co.given == 1:
                            a = HAND_IN
                            sv = servers[co.server]
                            if is_down(spans, down, up, sv.downtime, now):
                                ints[OPEN] += co.measured
                                co.live = ints[STARTED]
                                ints[STARTED] += 1
                                at = up_at(spans, down, up, sv.downtime, now)
                                if at < math.inf:
                                    push(heap, ints, at, BIRTHS + co.number, (POSTED << SHIFT) | c)
                                a = -1
                        co.given = 0
                else:
                    a = -1

                if need != 0:
                    stack[ints[STACK]] = (a << SHIFT) | c
                    ints[STACK] += 1
                    times[NOW] = now
                    return need
                ints[FORCED] = 0

        # --- the next birth or the next event --------------------------------------------------------------------------------------
        if ints[DRAINING] == 3:
            times[NOW] = now
            return DONE
        b = ints[BIRTH]
        if b >= ints[BORN] and not ints[ENDED]:
            times[NOW] = now
            return NEED_BLOCK
        time = math.inf
        order = 0
        is_birth = b < ints[BORN]
        if is_birth:
            time = born[b - ints[FIRST]]
            order = BIRTHS + b
        if ints[HEAP] > 0:
            h = heap[0]
            if h.time < time or (h.time == time and h.order < order) or not is_birth:
                is_birth = False
                time = h.time
                order = h.order
        if time > until_s or (time == until_s and order > until_order):
            times[NOW] = now
            return REACHED
        if time > times[LIMIT] or time == math.inf:
            times[NOW] = now
            return DONE
        if ints[COPIES] + 1 > copies.shape[0]:
            times[NOW] = now
            return GROW_COPIES
        if ints[HEAP] + 1 > heap.shape[0]:
            times[NOW] = now
            return GROW_HEAP
        if stack.shape[0] == 0:
            times[NOW] = now
            return GROW_STACK
        now = time
        ints[EVENTS] += 1
        if is_birth:
            ints[BIRTH] += 1
            i = b - ints[FIRST]
            if entry[i] < 0:
                continue  # nobody is there yet to send it
            c = new_copy(copies, ints)
            co = copies[c]
            k = entry_keys[entry[i]]
            co.number = b
            co.size = size[i]
            co.born = time
            co.server = k.server
            co.entry = entry[i]
            co.count = k.count
            co.block = ints[BLOCK]
            co.stream = stream[i]
            co.measured = 1 if times[MEASURED_FROM] <= time < times[MEASURED_TO] else 0
            ints[SENT] += co.count
            sv = servers[k.server]
            if is_down(
                spans, down, up, sv.downtime, now
            ):  # ``World._post_later``: its user keeps it until the server is up
                ints[OPEN] += co.measured
                co.live = ints[STARTED]
                ints[STARTED] += 1
                at = up_at(spans, down, up, sv.downtime, now)
                if at < math.inf:
                    push(heap, ints, at, order, (POSTED << SHIFT) | c)
                continue
            stack[0] = (HAND_IN << SHIFT) | c
            ints[STACK] = 1
            continue
        what = heap[0].what
        seq = heap[0].seq
        pop(heap, ints)
        if what >> SHIFT == RING:
            link = links[what & WHICH]
            if seq != link.timer:
                continue  # another one took its place
            link.timer = -1
        stack[0] = what
        ints[STACK] = 1
