"""The hosts of a next hop in turn, step by step: is one reached, is a connection to be had, has it room."""

from __future__ import annotations

import math
from typing import Any

from coexsim.engine.asking import need
from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.copies import begin, new_part
from coexsim.engine.downtimes import is_down
from coexsim.engine.event_heap import push, push_now
from coexsim.engine.layout import (
    DEAD,
    DEFERRALS,
    DEFERRALS_WHEN_MOVED,
    FROZEN,
    MEASURED_FROM,
    MEASURED_TO,
    NEED_LOT,
    NEED_PATH,
    OUT_OF_REACH,
    SEGMENT,
    TURNED_AWAY,
)
from coexsim.engine.lookup_steps import look_up
from coexsim.engine.pools import give_back, take, wait
from coexsim.engine.server_steps import queued_at
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import (
    AT_ONCE,
    ATTEMPTED,
    AWAITS_SLOT,
    CONTACT,
    ENTER,
    FALL_BACK,
    HAS_SLOT,
    NOTHING,
    SESSION,
    SESSIONS,
    SHIFT,
    TROUBLED,
    UNBOUND,
)
from coexsim.sim import formulas


@compiled
def host_of(w: Any, co: Any) -> Any:
    """``_attempt_at``: the server of the host whose turn it is, by number; less than 0: nobody is there."""
    return shared(w, "host_server")[row(w, "hosts", co.hosts).first + co.at]


@compiled
def hang_up(w: Any, co: Any, now: float) -> None:
    """``Transfer._hang_up``: the connection of a copy is closed or kept, its slot goes back."""
    target = host_of(w, co)
    po = row(w, "pools", row(w, "servers", target).connections)
    co.held &= ~HAS_SLOT
    give_back(w, po, client_key(w, co, target, po), co.slot_asked, co.slot_taken, now)


@compiled
def client_key(w: Any, co: Any, target: int, po: Any) -> Any:
    """``MailServer.client``: under which key a server knows the sender of a copy, where it counts them at all."""
    k = shared(w, "client_keys")[target, co.server]
    if po.most_of_key < UNBOUND:
        k += co.number % row(w, "servers", co.server).senders
    return k


@compiled
def take_hosts(w: Any, c: int) -> int:
    """``Transfer._resolve``: the addresses of the next hop's hosts are known, or drawn by lot."""
    co = row(w, "copies", c)
    node = row(w, "nodes", co.node)
    if node.hosts < 0 and not co.given:
        return need(w, NEED_LOT, c, 0)
    if node.hosts >= 0:
        co.hosts = node.hosts
    co.given = 0
    co.at = 0
    co.talked_to = 0
    return CONTACT


@compiled
def contact(w: Any, c: int, now: float) -> int:
    """``_attempt_at``: the next host in turn, which ``Transfer._connect`` is asked for."""
    co = row(w, "copies", c)
    span = row(w, "hosts", co.hosts)
    while span.first + co.at < span.last and has_answered(w, co):
        co.at += 1
    if span.first + co.at >= span.last:
        return ATTEMPTED
    if co.took:  # these are the last host's from now on, while the attempt goes on with others
        co.took = 0
        start_taken(w, c)
        push_now(w, AT_ONCE, (CONTACT << SHIFT) | c)
        return NOTHING
    return connect(w, c, now)


@part_of_its_caller
def has_answered(w: Any, co: Any) -> bool:
    """``_attempt_at``: is it another address of a server that has answered in this attempt, whether this one is in reach or not."""
    server = host_of(w, co)
    if server <= OUT_OF_REACH:
        server = OUT_OF_REACH - server
    return bool(server >= 0 and ((co.talked_to >> server) & 1) != 0)


@part_of_its_caller
def start_taken(w: Any, c: int) -> None:
    """``Transfer._start``: the recipients that a host has taken go on there."""
    ints = shared(w, "ints")
    ta = row(w, "takes", row(w, "copies", c).take)
    n = new_part(w, c, ta.count)
    part = row(w, "copies", n)
    part.place = ta.place
    part.hops += 1
    ints[DEFERRALS_WHEN_MOVED] = ints[DEFERRALS]
    begin(w, n, ENTER)


@part_of_its_caller
def path_to(w: Any, co: Any, target: int, now: float) -> Any:
    """``MailServer.path_to``, over the links that are up just now; -1: none; -2: Python has not been asked yet."""
    if target < 0:
        return -1
    ints = shared(w, "ints")
    segments = shared(w, "segments")
    while ints[SEGMENT] + 1 < len(segments) and segments[ints[SEGMENT] + 1] <= now:
        ints[SEGMENT] += 1
    state = shared(w, "segment_path")[ints[SEGMENT]]
    return shared(w, "path_of")[state, co.server * len(shared(w, "servers")) + target]


@part_of_its_caller
def admits_connection(w: Any, co: Any, to: Any, now: float) -> bool:
    """``RuleMemory.admits_connection``: is another connection of a copy's sender within the limits of their rate."""
    if ((to.spares >> co.server) & 1) != 0:
        return True
    sv = row(w, "servers", co.server)
    for j in range(to.rates, to.rates_end):
        rate = row(w, "rates", j)
        window = row(w, "rate_windows", rate.first + sv.first_sender + co.number % sv.senders)
        window.began, window.count, within = formulas.rate_window(
            window.began, window.count, now, rate.window_s, rate.most, 1
        )
        if within == 0:
            return False
    return True


@part_of_its_caller
def connect(w: Any, c: int, now: float) -> int:
    """``Transfer._connect``: is the host reached, and is a connection to be had."""
    co = row(w, "copies", c)
    sv = row(w, "servers", co.server)
    target = host_of(w, co)
    path = path_to(w, co, target, now)
    if path == -2:
        return need(w, NEED_PATH, co.server, target)
    if path < 0:
        return refused(w, c, sv.timed_out, now + sv.connect_timeout)
    co.path = path
    to = row(w, "servers", target)
    if not to.listens or is_down(w, to.downtime, now):
        return refused(w, c, sv.refuses, now + formulas.REFUSED * row(w, "paths", path).round_trip)
    if not admits_connection(w, co, to, now):
        return door(w, c, now)
    po = row(w, "pools", to.connections)
    k = client_key(w, co, target, po)
    key = row(w, "keys", k)
    co.slot_asked = now
    if po.used < po.most and key.taken < po.most_of_key:
        co.slot = take(w, po, key)
        co.slot_taken = now
        co.held |= HAS_SLOT
        return door(w, c, now)
    if to.waits:
        co.held |= AWAITS_SLOT
        wait(w, po, k, c, now)
        return NOTHING
    return door(w, c, now)


@compiled
def refused(w: Any, c: int, reply: int, at: float) -> int:
    """``Transfer._refused``: nothing came of the connection, which is known after a time."""
    co = row(w, "copies", c)
    co.reply = reply
    co.marks = DEAD
    push(w, at, SESSIONS + co.number, (TROUBLED << SHIFT) | c)
    return NOTHING


@compiled
def door(w: Any, c: int, now: float) -> int:
    """``Transfer._connect``: no connection to be had (421), be it by a limit of their rate, or no room (452)."""
    times = shared(w, "times")
    co = row(w, "copies", c)
    to = row(w, "servers", host_of(w, co))
    length = -1.0
    if not co.held & HAS_SLOT:
        co.reply = to.busy
        length = formulas.TURNED_AWAY * row(w, "paths", co.path).round_trip
    elif to.disk < math.inf or to.queue < math.inf:
        queued, queued_bytes = queued_at(w, to.machine)
        if not formulas.has_room(queued, queued_bytes, co.size, to.queue, to.disk):
            co.reply = to.full
            length = formulas.CONNECT * row(w, "paths", co.path).round_trip
    if length < 0:
        return SESSION
    if times[MEASURED_FROM] <= now < times[MEASURED_TO]:
        to.refused += 1
        to.refused_in_session += 1 if co.held & HAS_SLOT else 0
    co.marks = 0 if co.held & HAS_SLOT else TURNED_AWAY
    push(w, now + length, SESSIONS + co.number, (TROUBLED << SHIFT) | c)
    return NOTHING


@compiled
def falls_back(w: Any, co: Any) -> bool:
    """``attempt``: is there another fallback relay for those whom the last hosts did not take."""
    if co.fallback >= number_of_fallbacks(w, co):
        return False
    if co.talks_had > 0:
        return bool(row(w, "takes", co.take).late >= 0)
    return bool(co.marks != FROZEN)


@compiled
def number_of_fallbacks(w: Any, co: Any) -> Any:
    """How many fallback relays the server of a copy has."""
    sv = row(w, "servers", co.server)
    return sv.fallbacks_end - sv.fallbacks


@compiled
def fall_back(w: Any, c: int, now: float) -> int:
    """``attempt``: it goes on with the next fallback relay; whom the last host has taken goes on there."""
    co = row(w, "copies", c)
    if co.took:
        co.took = 0
        start_taken(w, c)
        push_now(w, AT_ONCE, (FALL_BACK << SHIFT) | c)
        return NOTHING
    co.hop = shared(w, "fallbacks")[row(w, "servers", co.server).fallbacks + co.fallback]
    co.fallback += 1
    co.talks_had = 0
    return look_up(w, c, now)
