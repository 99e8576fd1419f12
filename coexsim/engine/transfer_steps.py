"""To the next server, step by step: a thread, and what came of the attempt."""

from __future__ import annotations

import math
from typing import Any

from coexsim.engine.asking import need
from coexsim.engine.compiling import compiled
from coexsim.engine.copies import begin, end_rows, narrow, new_part, room_for_rows, start_notice
from coexsim.engine.downtimes import is_down, up_at
from coexsim.engine.event_heap import push, push_now
from coexsim.engine.host_steps import fall_back, falls_back
from coexsim.engine.layout import DEFERRALS, DEFERRALS_WHEN_MOVED, FLUSH
from coexsim.engine.lookup_steps import look_up
from coexsim.engine.pools import bound_of, feed_back, give_back, reopen, take, wait
from coexsim.engine.server_steps import leave
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import (
    AT_ONCE,
    AWAITS_THREAD,
    BEGIN_ATTEMPT,
    DEFER,
    END,
    ENTER,
    FAILED,
    GO_ON,
    HAS_THREAD,
    KEEP_WAITING,
    MOVE,
    NOTHING,
    RETRIES,
    SESSIONS,
    SHIFT,
    TURNED,
)


@compiled
def destination_of(w: Any, co: Any) -> Any:
    """``MailServer.destination``: what the sender of a copy knows of its next hop."""
    sv = row(w, "servers", co.server)
    hop = row(w, "hops", row(w, "tx_keys", co.tx).hop)
    return row(w, "destinations", hop.first + co.number % sv.senders)


@compiled
def give_back_thread(w: Any, co: Any, now: float) -> None:
    """``Pool.release``: the transfer thread of a copy goes back."""
    po = row(w, "pools", row(w, "servers", co.server).threads)
    co.held &= ~HAS_THREAD
    give_back(w, po, row(w, "tx_keys", co.tx).key, co.thread_asked, co.thread_taken, now)


@compiled
def begin_attempt(w: Any, c: int, now: float) -> int:
    """``Transfer._begin``: wait for the server to be up and for a transfer thread."""
    co = row(w, "copies", c)
    tx = row(w, "tx_keys", co.tx)
    sv = row(w, "servers", co.server)
    co.waits = 0
    co.alive = 0
    if is_down(w, sv.downtime, now):
        at = up_at(w, sv.downtime, now)
        if at < math.inf:
            push(w, at, RETRIES + co.number, (BEGIN_ATTEMPT << SHIFT) | c)
        return NOTHING
    d = destination_of(w, co)
    if now < d.dead_until:
        co.reply = d.reply
        co.late = -1
        return DEFER
    po = row(w, "pools", sv.threads)
    key = row(w, "keys", tx.key)
    co.thread_asked = now
    reopen(po, key)
    if po.used >= po.most or key.taken >= bound_of(po, key):
        co.held |= AWAITS_THREAD
        wait(w, po, tx.key, c, now)
        return NOTHING
    co.thread = take(w, po, key)
    co.thread_taken = now
    co.held |= HAS_THREAD
    return begun(w, c, now)


@compiled
def has_waited(w: Any, c: int, now: float) -> int:
    """``Transfer._begin``: for its thread, which turns from one session to the next."""
    co = row(w, "copies", c)
    between = row(w, "servers", co.server).between_s
    if between > 0:
        push(w, now + between, SESSIONS + co.number, (TURNED << SHIFT) | c)
        return NOTHING
    return TURNED


@compiled
def turned(w: Any, c: int, now: float) -> int:
    """``Transfer._begin``: things may have changed while it waited for its thread."""
    co = row(w, "copies", c)
    if is_down(w, row(w, "servers", co.server).downtime, now) or now < destination_of(w, co).dead_until:
        give_back_thread(w, co, now)
        return BEGIN_ATTEMPT
    return begun(w, c, now)


@compiled
def begun(w: Any, c: int, now: float) -> int:
    """``Transfer._begin``: the thread is there, the attempt begins; DNS is asked first."""
    co = row(w, "copies", c)
    co.began = now
    co.attempts += 1
    co.fallback = 0
    co.talks_had = 0
    co.take = -1
    co.took = 0
    co.hop = row(w, "tx_keys", co.tx).hop
    return look_up(w, c, now)


@compiled
def attempted(w: Any, c: int, now: float) -> int:
    """``Transfer._end_attempt``: the thread goes back; ``relay``: who was refused for good fails."""
    co = row(w, "copies", c)
    if co.talks_had <= 0:
        co.denied = 0
        return FAILED
    if falls_back(w, co):
        return fall_back(w, c, now)
    tx = row(w, "tx_keys", co.tx)
    ta = row(w, "takes", co.take)
    if not room_for_rows(w, ta.f1 - ta.f0):
        return need(w, FLUSH, 0, 0)
    po = row(w, "pools", row(w, "servers", co.server).threads)
    if po.adapts:
        feed_back(po, row(w, "keys", tx.key), False)
    give_back_thread(w, co, now)
    d = destination_of(w, co)
    d.failures = 0
    d.dead_until = 0.0
    if ta.f1 <= ta.f0:
        return go_on(w, c)
    end_rows(w, co, ta.f0, ta.f1, now)
    start_notice(w, c, ta.notice, ta.serial, now)
    push_now(w, AT_ONCE, (GO_ON << SHIFT) | c)
    return NOTHING


@compiled
def go_on(w: Any, c: int) -> int:
    """``relay``: who was taken goes on, who was told to come later stays."""
    co = row(w, "copies", c)
    ta = row(w, "takes", co.take)
    if co.took:
        if ta.late < 0:
            return move(w, c)
        n = new_part(w, c, ta.late_count)
        part = row(w, "copies", n)
        part.tx = ta.late_tx
        part.late = ta.late
        begin(w, n, KEEP_WAITING)
        push_now(w, AT_ONCE, (MOVE << SHIFT) | c)
        return NOTHING
    if ta.late < 0:
        return END
    narrow(co, ta.late_count)
    co.tx = ta.late_tx
    co.late = ta.late
    co.alive = 1
    return DEFER


@compiled
def move(w: Any, c: int) -> int:
    """``move``: the next server has it."""
    ints = shared(w, "ints")
    co = row(w, "copies", c)
    ta = row(w, "takes", co.take)
    leave(w, co)
    narrow(co, ta.count)
    co.hops += 1
    ints[DEFERRALS_WHEN_MOVED] = ints[DEFERRALS]
    co.place = ta.place
    co.tx = -1
    return ENTER
