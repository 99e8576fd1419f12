"""The compiled event loop: what the reference's processes do, step by step, over the arrays of ``layout.py``.

It knows no mail rules. A step first looks up all that it needs; where a row, a column of work or room in an array is missing, the kernel
returns to Python with the reason, and repeats the step when it is called again. So a step has either all of its effects or none.

Its steps are in the order of a message's way, each with the name of what does it in the reference. What every message does is written here,
since a call with many arrays costs as much as a step; rarer steps are functions of their own: ``lookup_steps.py``, ``interruptions.py``,
``failure_steps.py``.
"""

# ruff: noqa: SIM109, E741 - a chain of comparisons compiles to a jump; a link is l, as a copy is c
from __future__ import annotations

import math
from typing import Any

from coexsim.engine.compiling import compiled_now
from coexsim.engine.copies import begin, end_row, ended, new_copy, new_notice, new_part, note_if_all_ended
from coexsim.engine.downtimes import is_down, up_at, was_down
from coexsim.engine.event_heap import pop, pop_now, push, push_now
from coexsim.engine.failure_steps import fail_or_defer, leave_host, wait_or_give_up
from coexsim.engine.fair_links import carry, ring, send_over
from coexsim.engine.interruptions import last_reply, slot_waited
from coexsim.engine.layout import (
    ASKED,
    ASKED_2,
    ASKED_3,
    BIN,
    BIRTH,
    BLOCK,
    BORN,
    COPIES,
    DEFERRALS,
    DEFERRALS_WHEN_MOVED,
    DONE,
    DRAINING,
    ENDED,
    EPOCH,
    EVENTS,
    FIRST,
    FIRST_BEGINS,
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
    NEED_BLOCK,
    NEED_ENTRY,
    NEED_LOT,
    NEED_NAMED,
    NEED_PATH,
    NEED_PLACE,
    NEED_TAKE,
    NEED_WORK,
    NOW,
    NOW_COUNT,
    OPEN,
    OUT,
    REACHED,
    SEGMENT,
    SENT,
    STACK,
    STARTED,
    VISITS,
    WAYS,
)
from coexsim.engine.lookup_steps import ask, at_name_server, take_answer
from coexsim.engine.pools import bound_of, feed_back, give_back, reopen, wait
from coexsim.engine.stations import arrive, note_visit
from coexsim.engine.steps import (
    AGAIN,
    ALL_ENDED,
    ASK,
    ASK_NAME_SERVER,
    AT_ONCE,
    ATTEMPT,
    ATTEMPTED,
    AWAITS_SLOT,
    AWAITS_THREAD,
    BIRTHS,
    BODY,
    BODY_OVER,
    BREAK,
    BROKEN,
    BY_MESSAGE,
    CARRY,
    CONTACT,
    CROSSED,
    DEFER,
    DOOR,
    END,
    ENTER,
    FAILED,
    GIVE_UP,
    GO_ON,
    GOT,
    HAND_IN,
    HAND_OVER,
    HAS_SLOT,
    HAS_THREAD,
    HAS_WAITED,
    HOSTS,
    KEEP,
    KEEP_WAITING,
    LAST_REPLY,
    LOOK_UP,
    LOST,
    MOVE,
    NAMED_BORN,
    NAMED_FOUND,
    NS_ANSWER,
    NS_GET,
    NS_PUT,
    PLAN,
    POSTED,
    REPLIED,
    REPLY,
    RETRIES,
    RING,
    ROOM,
    SEND,
    SESSION,
    SESSIONS,
    SHARE,
    SHIFT,
    SLOT_WAITED,
    STOP,
    TAKEN,
    TROUBLED,
    TURNED,
    UNBOUND,
    WAIT,
    WARN,
    WHICH,
    WORK_DONE,
)
from coexsim.sim import formulas


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
                elif ints[HEAP] + ints[NOW_COUNT] + ROOM > heap.shape[0]:
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
                    if k.epoch != epoch and not co.given:
                        ints[ASKED] = co.entry
                        ints[ASKED_2] = c
                        need = NEED_ENTRY
                    else:
                        e = entries[co.row if co.given else k.row]
                        if ints[OUT] + ROOM + e.f1 - e.f0 > out.shape[0]:
                            need = FLUSH
                        else:
                            co.given = 0
                            for j in range(e.f0, e.f1):
                                end_row(out, ints, co, parts[j].end, co.count, now)
                            if e.place >= 0:
                                co.place = e.place
                                co.count = e.count
                                begin(copies, heap, ints, c, ENTER)
                                a = -1
                            else:
                                note_if_all_ended(heap, ints)
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
                        if need == 0 and ints[HEAP] + ints[NOW_COUNT] + several > heap.shape[0]:
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
                            begin(copies, heap, ints, n, ENTER)
                        for j in range(p.o0 + 1, p.o1):
                            on = onwards[j]
                            n = new_part(copies, ints, c, on.count)
                            copies[n].tx = on.tx
                            if on.tx < 0:
                                copies[n].place = on.place
                            begin(copies, heap, ints, n, KEEP)
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
                                push_now(heap, ints, AT_ONCE, (a << SHIFT) | c)
                                a = -1
                elif a == HAND_OVER:  # to a role on the same machine
                    servers[co.server].queued -= 1
                    servers[co.server].queued_bytes -= co.size
                    a = ENTER
                elif a == END:  # its way ends here
                    servers[co.server].queued -= 1
                    servers[co.server].queued_bytes -= co.size
                    ended(co, heap, ints)
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
                elif a == ASK:
                    a, need = ask(
                        a, c, now, ints, times, heap, copies, servers, hops, known, nodes, edges, questions, cached, spans, down, up,
                    )  # fmt: skip
                elif a == ASK_NAME_SERVER or a == NS_PUT or a == NS_GET or a == NS_ANSWER or a == REPLY:
                    a, need = at_name_server(
                        a, c, now, epoch, ints, times, heap, copies, nodes, questions, answers,
                    )  # fmt: skip
                elif a == GOT or a == SHARE or a == REPLIED:
                    a, need = take_answer(
                        a, c, now, ints, heap, stack, copies, servers, hops, nodes, edges, questions, cached, answers,
                    )  # fmt: skip

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
                        ints[DEFERRALS_WHEN_MOVED] = ints[DEFERRALS]
                        begin(copies, heap, ints, n, ENTER)
                        push_now(heap, ints, AT_ONCE, (CONTACT << SHIFT) | c)
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
                                    now + formulas.REFUSED * paths[path].round_trip,
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
                elif a == SLOT_WAITED:
                    a, need = slot_waited(
                        a, c, now, copies, servers, hosts, host_server, paths, spans, down, up,
                    )  # fmt: skip
                elif a == DOOR:  # ``Transfer._connect``: no connection to be had (421), or no room (452)
                    sv = servers[co.server]
                    to = servers[host_server[hosts[co.hosts].first + co.at]]
                    a = SESSION
                    length = 0.0
                    if not co.held & HAS_SLOT:
                        co.reply = to.busy
                        length = formulas.TURNED_AWAY * paths[co.path].round_trip
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
                elif a == TROUBLED or a == LOST:
                    a, need = leave_host(
                        a, c, now, ints, heap, copies, takes, tx_keys, servers, pools, keys, client_keys, hosts, host_server, notices,
                        breaks, parts, out, visits,
                    )  # fmt: skip

                # --- the session ---------------------------------------------------------------------------------------------------
                elif a == SESSION:  # ``session``: the dialogue
                    last = co.take  # what the host before took, in this attempt
                    tx = tx_keys[co.tx if last < 0 else takes[last].late_tx]
                    sv = servers[co.server]
                    target = host_server[hosts[co.hosts].first + co.at]
                    to = servers[target]
                    taken = -1
                    if co.given:
                        taken = co.row
                    else:
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
                        own = sv.session_s
                        if co.began > co.thread_asked and pools[sv.threads].adapts == BY_MESSAGE:
                            own = formulas.contended_session_s(own, co.number, co.attempts)
                        length = formulas.session_s(trips, pa.round_trip, own, todo, pressure)
                        last_s = 0.0
                        if sv.downtime >= 0 or to.downtime >= 0 or pa.downtime >= 0:
                            last_s = formulas.LAST_REPLY * pa.round_trip
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
                                        push_now(heap, ints, AT_ONCE, (BROKEN << SHIFT) | c)
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
                            last_s = formulas.LAST_REPLY * pa.round_trip
                            push(heap, ints, now + last_s, SESSIONS + co.number, (LAST_REPLY << SHIFT) | c)
                            a = -1
                elif a == LAST_REPLY:
                    a, need = last_reply(
                        a, c, now, ints, heap, copies, takes, servers, hosts, host_server, paths, spans, down, up,
                    )  # fmt: skip
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
                                    begin(copies, heap, ints, n, ENTER)
                                push_now(heap, ints, AT_ONCE, (GO_ON << SHIFT) | c)
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
                            begin(copies, heap, ints, n, KEEP_WAITING)
                            push_now(heap, ints, AT_ONCE, (MOVE << SHIFT) | c)
                            a = -1
                    elif ta.late >= 0:
                        if ta.late_count != co.count:
                            co.wan = co.wan * ta.late_count / co.count
                            co.count = ta.late_count
                        co.tx = ta.late_tx
                        co.late = ta.late
                        co.waits = 1
                        a = DEFER
                elif a == MOVE:  # the next server has it
                    ta = takes[co.take]
                    servers[co.server].queued -= 1
                    servers[co.server].queued_bytes -= co.size
                    if ta.count != co.count:
                        co.wan = co.wan * ta.count / co.count
                        co.count = ta.count
                    co.hops += 1
                    ints[DEFERRALS_WHEN_MOVED] = ints[DEFERRALS]
                    co.place = ta.place
                    co.tx = -1
                    a = ENTER

                # --- what did not get on -------------------------------------------------------------------------------------------
                elif a == FAILED or a == DEFER:
                    a, need = fail_or_defer(
                        a, c, now, ints, heap, copies, tx_keys, servers, pools, keys, hops, destinations, retries, gaps, spans, down,
                        up, visits,
                    )  # fmt: skip
                elif a == WARN or a == WAIT or a == AGAIN or a == GIVE_UP:
                    a, need = wait_or_give_up(
                        a, c, now, ints, heap, copies, tx_keys, servers, fails, parts, notices, breaks, spans, down, up, out,
                    )  # fmt: skip

                # --- links ---------------------------------------------------------------------------------------------------------
                elif a == CARRY:  # `c` is the link
                    carry(c, links[c], transfers[c], heap, ints, now)
                    a = -1
                elif a == RING or a == BREAK:  # its transfers end, or all break
                    if ints[HEAP] + ints[NOW_COUNT] + links[c].count + ROOM > heap.shape[0]:
                        need = GROW_HEAP
                    elif ints[VISITS] + links[c].count + ROOM > visits.shape[0]:
                        need = FLUSH
                    else:
                        if links[c].count > 0:
                            ring(c, links[c], transfers[c], heap, ints, visits, now, a == BREAK)
                        a = -1

                # --- the end -------------------------------------------------------------------------------------------------------
                elif a == ALL_ENDED:  # the condition that the run waits for comes next
                    push_now(heap, ints, AT_ONCE, STOP << SHIFT)
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
        follows = False  # at this moment; what was foreseen for it in time has a smaller number
        if ints[NOW_COUNT] > 0:
            begins_or_at_once = 0 if ints[FIRST_BEGINS] >= 0 else 1
            e = heap[heap.shape[0] - 1 - ints[FIRST_BEGINS + begins_or_at_once]]
            if now < time or begins_or_at_once < order or (begins_or_at_once == order and e.seq < heap[0].seq):
                follows = True
                is_birth = False
                time = now
                order = begins_or_at_once
        if time > until_s or (time == until_s and order > until_order):
            times[NOW] = now
            return REACHED
        if time > times[LIMIT] or time == math.inf:
            times[NOW] = now
            return DONE
        if ints[COPIES] + 1 > copies.shape[0]:
            times[NOW] = now
            return GROW_COPIES
        if ints[HEAP] + ints[NOW_COUNT] + 1 > heap.shape[0]:
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
        if follows:
            stack[0] = heap[heap.shape[0] - 1 - ints[FIRST_BEGINS + order]].what
            ints[STACK] = 1
            pop_now(heap, ints, order)
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
