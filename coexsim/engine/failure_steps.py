"""What did not get on, step by step: another host, another attempt, a warning, the end."""

from __future__ import annotations

import math
from typing import Any

from coexsim.engine.compiling import compiled
from coexsim.engine.copies import begin, end_row, new_notice
from coexsim.engine.downtimes import up_at
from coexsim.engine.event_heap import push, push_now
from coexsim.engine.layout import (
    ASKED,
    ASKED_2,
    DEFERRALS,
    FLUSH,
    NEED_EXPIRY,
    NEED_FAIL,
    NEED_LATE,
    NEED_UNREACHED,
    OUT,
)
from coexsim.engine.pools import feed_back, give_back
from coexsim.engine.steps import (
    AGAIN,
    AT_ONCE,
    BY_QUEUE,
    CONTACT,
    DEFER,
    END,
    ENTER,
    FAILED,
    GIVE_UP,
    HAS_SLOT,
    HAS_THREAD,
    LOST,
    PLAN,
    RETRIES,
    ROOM,
    SEND,
    SHIFT,
    UNBOUND,
    WAIT,
    WARN,
)
from coexsim.mail import retry


@compiled
def leave_host(
    a: int, c: int, now: float, ints: Any, heap: Any, copies: Any, takes: Any, tx_keys: Any, servers: Any, pools: Any, keys: Any,
    client_keys: Any, hosts: Any, host_server: Any, notices: Any, breaks: Any, parts: Any, out: Any, visits: Any,
) -> tuple[int, int]:  # fmt: skip
    """The host is of no use: the slot goes back, the next host is tried; or this server itself went down."""
    need = 0
    co = copies[c]
    own = a == LOST and co.arrived != 0  # it is this server itself that went down
    last = co.take
    if co.talking:
        last = takes[last].before
    if co.talks_had > 0 and not own and not co.given:  # whom others told to come later is not reached here
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
                        begin(copies, heap, ints, n, ENTER)
                    push_now(heap, ints, AT_ONCE, (SEND << SHIFT) | c)
                    a = -1
    return a, need


@compiled
def fail_or_defer(
    a: int, c: int, now: float, ints: Any, heap: Any, copies: Any, tx_keys: Any, servers: Any, pools: Any, keys: Any, hops: Any,
    destinations: Any, retries: Any, gaps: Any, spans: Any, down: Any, up: Any, visits: Any,
) -> tuple[int, int]:  # fmt: skip
    """The attempt came to nothing; ``defer``: until the next attempt by the product's schedule."""
    need = 0
    co = copies[c]
    if a == FAILED:  # the attempt came to nothing; `arrived`: for the time being
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
            co.waits = po.adapts == BY_QUEUE and co.marks == 0
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
        ints[DEFERRALS] += 1
        phase = rt.phase + rt.queue_run * (co.number % sv.senders) / sv.senders
        if not co.waits and rt.per_destination and now < d.dead_until:
            next_s = d.dead_until
        elif co.waits and rt.message_gap > 0.0:  # it alone was told to come later
            next_s = now + rt.message_gap
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
    return a, need


@compiled
def wait_or_give_up(
    a: int, c: int, now: float, ints: Any, heap: Any, copies: Any, tx_keys: Any, servers: Any, fails: Any, parts: Any, notices: Any,
    breaks: Any, spans: Any, down: Any, up: Any, out: Any,
) -> tuple[int, int]:  # fmt: skip
    """Warn the sender, wait for the next attempt or for the end, ``World.fail`` for all of it."""
    need = 0
    co = copies[c]
    if a == WARN:
        tx = tx_keys[co.tx]
        if tx.late == -2:
            ints[ASKED] = c
            need = NEED_LATE
        else:
            a = WAIT
            if co.next_s < math.inf or now < co.gives_s:
                if tx.late >= 0:
                    n = new_notice(copies, ints, notices, breaks, c, tx.late, tx.late_serial, now)
                    begin(copies, heap, ints, n, ENTER)
                push_now(heap, ints, AT_ONCE, (WAIT << SHIFT) | c)
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
                begin(copies, heap, ints, n, ENTER)
            push_now(heap, ints, AT_ONCE, (END << SHIFT) | c)
            a = -1
    return a, need
