"""The SMTP session, step by step: the dialogue, the body over all links of the path, the last reply."""

# ruff: noqa: E741 - a link is l, as a copy is c

from __future__ import annotations

import math
from typing import Any

from coexsim.engine.asking import need, work_s
from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.copies import narrow
from coexsim.engine.downtimes import is_down, was_down
from coexsim.engine.event_heap import push, push_now
from coexsim.engine.fair_links import send_over
from coexsim.engine.host_steps import hang_up, host_of
from coexsim.engine.layout import BIN, EPOCH, GIVEN_COPY, GROW_TRANSFERS, KEPT_FREE, KEPTS, NEED, NEED_TAKE
from coexsim.engine.server_steps import queued_at
from coexsim.engine.shared import row, shared
from coexsim.engine.stations import note_visit
from coexsim.engine.steps import (
    AT_ONCE,
    ATTEMPTED,
    BODY,
    BROKEN,
    BY_MESSAGE,
    CONTACT,
    LAST_REPLY,
    NOTHING,
    SESSIONS,
    SHIFT,
)
from coexsim.sim import formulas


@part_of_its_caller
def take_of(w: Any, co: Any, tx: Any, target: int) -> Any:
    """``MailServer.reception``: the row of what a host takes, after what the host before took; -1 where it has not been asked yet."""
    if co.given:
        return co.row
    takes = shared(w, "takes")
    epoch = shared(w, "ints")[EPOCH]
    k = tx.take
    while k >= 0 and (takes[k].target != target or takes[k].epoch != epoch or takes[k].before != co.take):
        k = takes[k].next
    return k


@compiled
def session(w: Any, c: int, now: float) -> int:
    """``session``: the dialogue, with round trips and the work of accepting."""
    ints = shared(w, "ints")
    takes = shared(w, "takes")
    servers = shared(w, "servers")
    co = row(w, "copies", c)
    last = co.take  # what the host before took, in this attempt
    tx = row(w, "tx_keys", co.tx if last < 0 else takes[last].late_tx)
    sv = servers[co.server]
    target = host_of(w, co)
    to = servers[target]
    taken = take_of(w, co, tx, target)
    if taken < 0:
        return need(w, NEED_TAKE, c, target)
    ta = takes[taken]
    accept_s = 0.0
    if ta.body:
        accept_s = work_s(w, to.accept_work, ta.times_before, to.accept_s, c)
        if ints[NEED] != 0:
            return NOTHING
    ints[GIVEN_COPY] = -1
    co.given = 0
    if last >= 0:
        narrow(co, takes[last].late_count)
        co.tx = takes[last].late_tx
    co.take = taken
    co.talking = 1
    co.talks = now
    trips = ta.new_trips
    if sv.reuse_s > 0 and use_cached_connection(w, co, target, now):
        trips = ta.reused_trips
    elif ta.body:
        trips += formulas.slow_start_round_trips(co.size)
    pressure = 0.0
    if ta.body and to.pressure < math.inf:
        pressure = formulas.back_pressure_s(queued_at(w, to.machine)[0], to.pressure)
    round_trip = row(w, "paths", co.path).round_trip
    length = formulas.session_s(trips, round_trip, own_session_s(w, co, sv), accept_s, pressure)
    if length > 0:
        last_s = formulas.LAST_REPLY * round_trip if is_fragile(w, co) else 0.0
        push(w, now + length - last_s, SESSIONS + co.number, (BODY << SHIFT) | c)
        return NOTHING
    return BODY


@part_of_its_caller
def own_session_s(w: Any, co: Any, sv: Any) -> float:
    """What a session costs the client beside round trips and work; ``contended_session_s`` where it has waited for its thread."""
    own = sv.session_s
    if co.began > co.thread_asked and row(w, "pools", sv.threads).adapts == BY_MESSAGE:
        own = formulas.contended_session_s(own, co.number, co.attempts)
    return float(own)


@compiled
def is_fragile(w: Any, co: Any) -> bool:
    """``session``: is there anything in the session that is ever down."""
    servers = shared(w, "servers")
    ours = servers[co.server].downtime
    return bool(ours >= 0 or servers[host_of(w, co)].downtime >= 0 or row(w, "paths", co.path).downtime >= 0)


@part_of_its_caller
def use_cached_connection(w: Any, co: Any, target: int, now: float) -> bool:
    """``MailServer.use_cached_connection``: is there one that is still open; those found closed are forgotten."""
    ints = shared(w, "ints")
    kept = shared(w, "kept")
    kept_head = shared(w, "kept_head")
    servers = shared(w, "servers")
    sv = servers[co.server]
    k = shared(w, "kept_first")[co.server, target] + co.number % sv.senders
    while kept_head[k] >= 0:
        n = kept_head[k]
        kept_head[k] = kept[n].next
        kept[n].next = ints[KEPT_FREE]
        ints[KEPT_FREE] = n
        until = kept[n].until
        since = until - sv.reuse_s
        if (
            until > now
            and not was_down(w, sv.downtime, since, now)
            and not was_down(w, servers[target].downtime, since, now)
        ):
            return True
    return False


@part_of_its_caller
def cache_connection(w: Any, co: Any, now: float) -> None:
    """``MailServer.cache_connection``: it may be used again for a while."""
    ints = shared(w, "ints")
    kept = shared(w, "kept")
    kept_head = shared(w, "kept_head")
    sv = row(w, "servers", co.server)
    n = ints[KEPT_FREE]
    if n >= 0:
        ints[KEPT_FREE] = kept[n].next
    else:
        n = ints[KEPTS]
        ints[KEPTS] += 1
    k = shared(w, "kept_first")[co.server, host_of(w, co)] + co.number % sv.senders
    kept[n].until = now + sv.reuse_s
    kept[n].next = kept_head[k]
    kept_head[k] = n


@compiled
def send_body(w: Any, c: int, now: float) -> int:
    """``_send_body``: over all links of the path at once; what takes longest is what counts."""
    links = shared(w, "links")
    path_links = shared(w, "path_links")
    co = row(w, "copies", c)
    pa = row(w, "paths", co.path)
    body = row(w, "takes", co.take).body
    if body:
        for j in range(pa.l0, pa.l1):
            if links[path_links[j]].count + 1 > shared(w, "transfers").shape[1]:
                return need(w, GROW_TRANSFERS, 0, 0)
    co.arrived = 1
    co.pending = 0
    if body:
        co.wan += co.size * pa.wan
        for j in range(pa.l0, pa.l1):
            start_over(w, path_links[j], c, now)
    return NOTHING if co.pending > 0 else body_over(w, c, now)


@part_of_its_caller
def start_over(w: Any, l: int, c: int, now: float) -> None:
    """``FairLink.start``: over one link, at once where it has no bound, not at all where it is down."""
    co = row(w, "copies", c)
    link = row(w, "links", l)
    broken = is_down(w, link.downtime, now)
    if not link.instant:
        co.pending += 1
        if broken:
            push_now(w, AT_ONCE, (BROKEN << SHIFT) | c)
        else:
            send_over(w, l, now, co.size, c)
    elif broken:
        co.arrived = 0
    else:
        note_visit(w, link.log, now, now, now)
        at_once = shared(w, "at_once")
        at = int(now // shared(w, "times")[BIN])
        if at < at_once.shape[1]:
            at_once[l, at] += co.size


@compiled
def crossed(w: Any, c: int, now: float, broken: bool) -> int:
    """``_send_body``: one link is through with it."""
    co = row(w, "copies", c)
    if broken:
        co.arrived = 0
    co.pending -= 1
    return body_over(w, c, now) if co.pending == 0 else NOTHING


@compiled
def body_over(w: Any, c: int, now: float) -> int:
    """``session``: where something could fail, the reply takes half a round trip."""
    co = row(w, "copies", c)
    if not is_fragile(w, co):
        return taken(w, c, now)
    co.answered = now
    round_trip = row(w, "paths", co.path).round_trip
    if round_trip > 0:
        push(w, now + formulas.LAST_REPLY * round_trip, SESSIONS + co.number, (LAST_REPLY << SHIFT) | c)
        return NOTHING
    return LAST_REPLY


@compiled
def taken(w: Any, c: int, now: float) -> int:
    """``session``, ``Transfer._offer``: it is over, the slot goes back; the next host is asked for who was told to come later."""
    co = row(w, "copies", c)
    sv = row(w, "servers", co.server)
    if sv.reuse_s > 0:
        cache_connection(w, co, now)
    hang_up(w, co, now)
    ta = row(w, "takes", co.take)
    co.talking = 0
    co.talked_to |= 1 << host_of(w, co)
    co.talks_had += 1
    co.took = ta.place >= 0
    if ta.late >= 0 and co.talks_had != sv.mx_session_limit:
        co.at += 1
        return CONTACT
    return ATTEMPTED
