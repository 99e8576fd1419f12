"""What did not get on, step by step: another host, another attempt, a warning, the end."""

from __future__ import annotations

import math
from typing import Any

from coexsim.engine.asking import need
from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.copies import end_rows, narrow, room_for_rows, start_notice
from coexsim.engine.downtimes import up_at
from coexsim.engine.event_heap import push, push_now
from coexsim.engine.host_steps import fall_back, falls_back, hang_up
from coexsim.engine.layout import (
    DEAD,
    DEFERRALS,
    FLUSH,
    FROZEN,
    GIVEN,
    NEED_EXPIRY,
    NEED_FAIL,
    NEED_LATE,
    NEED_UNFOUND,
    NEED_UNREACHED,
)
from coexsim.engine.pools import feed_back
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import (
    AGAIN,
    AT_ONCE,
    BEGIN_ATTEMPT,
    BY_QUEUE,
    CONTACT,
    DECIDE,
    DEFER,
    END,
    GIVE_UP,
    HAS_SLOT,
    NOTHING,
    RETRIES,
    SHIFT,
    WAIT,
    WARN,
)
from coexsim.engine.transfer_steps import destination_of, give_back_thread
from coexsim.mail import retry


@compiled
def leave_host(w: Any, c: int, now: float, lost: bool) -> int:
    """``_attempt_at``: the host is of no use: the slot goes back, the next host is tried; or (`lost`) this server itself went down."""
    takes = shared(w, "takes")
    co = row(w, "copies", c)
    own = lost and co.own_down != 0
    last = co.take
    if co.talking:
        last = takes[last].before
    if last >= 0 and not own and not co.given:  # whom others told to come later is not reached here
        return need(w, NEED_UNREACHED, c, last)
    if own and last >= 0 and not room_for_rows(w, takes[last].f1 - takes[last].f0):
        return need(w, FLUSH, 0, 0)
    if co.held & HAS_SLOT:
        hang_up(w, co, now)
    co.talking = 0
    co.take = co.row if co.given else last
    co.given = 0
    co.at += 1
    if own:
        give_back_thread(w, co, now)
        return send_again(w, c, last, now)
    return CONTACT


@part_of_its_caller
def send_again(w: Any, c: int, last: int, now: float) -> int:
    """``relay``: after its server was down: who was told to come later is left; whom the host before (`last`) refused for good fail."""
    if last < 0:
        return BEGIN_ATTEMPT
    co = row(w, "copies", c)
    be = row(w, "takes", last)
    end_rows(w, co, be.f0, be.f1, now)
    narrow(co, be.late_count)
    co.tx = be.late_tx
    if be.f1 <= be.f0:
        return BEGIN_ATTEMPT
    start_notice(w, c, be.notice, be.serial, now)
    push_now(w, AT_ONCE, (BEGIN_ATTEMPT << SHIFT) | c)
    return NOTHING


@compiled
def failed(w: Any, c: int, now: float) -> int:
    """``Transfer._end_attempt``: the attempt came to nothing, for good where DNS has denied the next hop."""
    co = row(w, "copies", c)
    if not co.given:
        if falls_back(w, co):
            return fall_back(w, c, now)
        if co.take >= 0:  # a host before the fallback relay has answered
            return need(w, NEED_UNFOUND if co.denied else NEED_UNREACHED, c, co.take)
        if co.denied:
            return need(w, NEED_FAIL, c, 0)
    elif co.take >= 0 and not room_for_rows(w, failures_in(w, co.row)):
        return need(w, FLUSH, 0, 0)
    co.given = 0
    others_go_on = note_failure(w, co, now)
    give_back_thread(w, co, now)
    co.late = -1
    co.alive = co.marks == 0  # ``STATE_AFTER``
    if others_go_on:  # it waits for one of them
        return BEGIN_ATTEMPT
    if co.take >= 0:
        return part_ways(w, c, now)
    if co.denied:
        co.given = GIVEN
        return GIVE_UP
    return DEFER


@compiled
def failures_in(w: Any, take: int) -> Any:
    """How many rows those take who have failed for good in an attempt."""
    ta = row(w, "takes", take)
    return ta.f1 - ta.f0


@compiled
def note_failure(w: Any, co: Any, now: float) -> bool:
    """``Transfer._end_attempt``: what is known of the next hop from now on. Do other sessions with it go on, one of which it waits for."""
    rt = row(w, "retries", row(w, "servers", co.server).retry)
    po = row(w, "pools", row(w, "servers", co.server).threads)
    d = destination_of(w, co)
    dead = co.marks == DEAD and not po.adapts and not co.denied
    if po.adapts:
        key = row(w, "keys", row(w, "tx_keys", co.tx).key)
        if co.denied or co.marks == 0 or co.marks == FROZEN:
            feed_back(po, key, False)
            d.failures = 0
            d.dead_until = 0.0
        elif not feed_back(po, key, True):
            return bool(po.adapts == BY_QUEUE)
        elif po.adapts == BY_QUEUE:
            dead = True
        else:
            suspend(w, d, rt, co.reply, now)
    if dead and co.began >= d.marked:
        mark_dead(w, d, rt, co.reply, now)
    return False


@compiled
def part_ways(w: Any, c: int, now: float) -> int:
    """``relay``: whom a host before the fallback relay refused for good fail now; the others are to come later, or fail with them."""
    co = row(w, "copies", c)
    ta = row(w, "takes", co.row)
    step = END
    end_rows(w, co, ta.f0, ta.f1, now)
    start_notice(w, c, ta.notice, ta.serial, now)
    if ta.late >= 0:
        narrow(co, ta.late_count)
        co.tx = ta.late_tx
        co.late = ta.late
        step = DEFER
    if ta.f1 <= ta.f0:
        return step
    push_now(w, AT_ONCE, (step << SHIFT) | c)
    return NOTHING


@compiled
def suspend(w: Any, d: Any, rt: Any, reply: int, now: float) -> None:
    """``Destination.suspend``: nobody tries it for a while."""
    d.dead_until = retry.suspended_until_s(now, shared(w, "gaps")[rt.first], rt.whole_seconds)
    d.reply = reply


@part_of_its_caller
def mark_dead(w: Any, d: Any, rt: Any, reply: int, now: float) -> None:
    """``Destination.mark_dead``: it is left alone for a time that the schedule gives."""
    if d.failures == 0:
        d.first_s = now
    d.failures += 1
    d.marked = now
    suspend(w, d, rt, reply, now)
    if rt.per_destination:
        gaps = shared(w, "gaps")[rt.first : rt.last]
        d.dead_until = retry.next_attempt_s(
            gaps, rt.factor, rt.longest, rt.by_age, rt.queue_run, rt.phase, rt.whole_seconds, now, d.failures, d.first_s
        )


@compiled
def defer(w: Any, c: int, now: float) -> int:
    """``defer``: until the next attempt by the product's schedule."""
    co = row(w, "copies", c)
    sv = row(w, "servers", co.server)
    rt = row(w, "retries", sv.retry)
    d = destination_of(w, co)
    co.failures += 1
    shared(w, "ints")[DEFERRALS] += 1
    if co.marks == FROZEN:
        co.marks = 0
        co.next_s, co.gives_s = retry.after_freezing(rt.thaw, rt.cancel_frozen, now, co.queued_s)
        return WAIT
    phase = retry.queue_run_phase_s(rt.phase, rt.queue_run, co.number % sv.senders, sv.senders)
    due = d.dead_until if not co.waits and rt.per_destination and now < d.dead_until else math.inf
    gaps = shared(w, "gaps")[rt.first : rt.last]
    next_s = retry.next_attempt_s(
        gaps, rt.factor, rt.longest, rt.by_age, rt.queue_run, phase, rt.whole_seconds, now, co.failures, co.queued_s
    )
    next_s = retry.next_of(now, due, co.alive != 0, rt.message_gap, next_s)
    next_s, gives_s, warn_s = retry.after_failure(
        rt.expire, math.inf if co.warned else rt.warn, rt.at_attempts, now, next_s, co.queued_s
    )
    co.next_s = next_s
    co.gives_s = gives_s
    if warn_s < math.inf and row(w, "tx_keys", co.tx).is_mail:
        co.warned = 1
        return wait_until(w, c, warn_s, now, WARN)
    return WAIT


@compiled
def wait_until(w: Any, c: int, time: float, now: float, step: int) -> int:
    """``Transfer._wait_until``: a step at a time, or once the server is up after it."""
    co = row(w, "copies", c)
    at = up_at(w, row(w, "servers", co.server).downtime, max(time, now))
    if at <= now:
        return step
    if at < math.inf:
        push(w, at, RETRIES + co.number, (step << SHIFT) | c)
    return NOTHING


@compiled
def warn(w: Any, c: int, now: float) -> int:
    """``defer``: the sender is told that it is late."""
    co = row(w, "copies", c)
    tx = row(w, "tx_keys", co.tx)
    if tx.late == -2:
        return need(w, NEED_LATE, c, 0)
    if co.next_s < math.inf or now < co.gives_s:
        start_notice(w, c, tx.late, tx.late_serial, now)
        push_now(w, AT_ONCE, (WAIT << SHIFT) | c)
        return NOTHING
    return WAIT


@compiled
def wait_for_attempt(w: Any, c: int, now: float) -> int:
    """``defer``: for the next attempt, or for the end."""
    co = row(w, "copies", c)
    if co.next_s < math.inf:
        return wait_until(w, c, co.next_s, now, AGAIN)
    return wait_until(w, c, co.gives_s, now, GIVE_UP)


@compiled
def again(w: Any, c: int) -> int:
    """``journey``: the server decides anew, by the rules of then."""
    co = row(w, "copies", c)
    co.place = row(w, "tx_keys", co.tx).again
    co.tx = -1
    return DECIDE


@compiled
def give_up(w: Any, c: int, now: float) -> int:
    """``defer``, ``World.fail``: all of it is given up."""
    co = row(w, "copies", c)
    if not co.given:
        return need(w, NEED_EXPIRY, c, 0)
    fail = row(w, "fails", co.row)
    if not room_for_rows(w, fail.f1 - fail.f0):
        return need(w, FLUSH, 0, 0)
    co.given = 0
    end_rows(w, co, fail.f0, fail.f1, now)
    start_notice(w, c, fail.notice, fail.serial, now)
    push_now(w, AT_ONCE, (END << SHIFT) | c)
    return NOTHING
