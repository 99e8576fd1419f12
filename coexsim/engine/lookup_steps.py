"""DNS, step by step: questions of the MX rules, the name servers, answers."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled
from coexsim.engine.downtimes import is_down
from coexsim.engine.event_heap import push, push_now
from coexsim.engine.layout import (
    ANSWER_S,
    ASKED,
    ASKED_2,
    NEED_ANSWER,
    NEED_EDGE,
    NS_HEAD,
    NS_IDLE,
    NS_TAIL,
    STACK,
    TIMEOUT_S,
)
from coexsim.engine.steps import (
    ASK,
    ASK_NAME_SERVER,
    AT_ONCE,
    FAILED,
    GOT,
    HOSTS,
    NAMED_FOUND,
    NS_ANSWER,
    NS_GET,
    NS_PUT,
    REPLIED,
    REPLY,
    SHARE,
    SHIFT,
)


@compiled
def ask(
    a: int, c: int, now: float, ints: Any, times: Any, heap: Any, copies: Any, servers: Any, hops: Any, known: Any, nodes: Any,
    edges: Any, questions: Any, cached: Any, spans: Any, down: Any, up: Any,
) -> tuple[int, int]:  # fmt: skip
    """``Resolver._ask``: the next question of the MX rules, or what came of them."""
    need = 0
    co = copies[c]
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
    return a, need


@compiled
def at_name_server(
    a: int, c: int, now: float, epoch: Any, ints: Any, times: Any, heap: Any, copies: Any, nodes: Any, questions: Any, answers: Any,
) -> tuple[int, int]:  # fmt: skip
    """A question in the inbox of the name servers, its turn, and the answer."""
    need = 0
    co = copies[c]
    if a == ASK_NAME_SERVER:  # into its inbox
        co.next = -1
        if ints[NS_HEAD] < 0:
            ints[NS_HEAD] = c
        else:
            copies[ints[NS_TAIL]].next = c
        ints[NS_TAIL] = c
        push_now(heap, ints, AT_ONCE, (NS_PUT << SHIFT))
        a = -1
    elif a == NS_PUT:
        if ints[NS_IDLE] and ints[NS_HEAD] >= 0:
            c = ints[NS_HEAD]
            ints[NS_HEAD] = copies[c].next
            ints[NS_IDLE] = 0
            push_now(heap, ints, AT_ONCE, (NS_GET << SHIFT) | c)
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
            push_now(heap, ints, AT_ONCE, (REPLY << SHIFT) | c)
            c = ints[NS_HEAD]
            if c >= 0:
                ints[NS_HEAD] = copies[c].next
                push_now(heap, ints, AT_ONCE, (NS_GET << SHIFT) | c)
            else:
                ints[NS_IDLE] = 1
            a = -1
    elif a == REPLY:
        if answers[co.answer].timeout:
            push(heap, ints, now + times[TIMEOUT_S], AT_ONCE, (GOT << SHIFT) | c)
            a = -1
        else:
            a = GOT
    return a, need


@compiled
def way_on(co: Any, ints: Any, nodes: Any, edges: Any) -> int:
    """What follows from an answer to the question of a copy's node; -1 where the MX rules have not been asked yet: the caller asks."""
    e = int(nodes[co.node].child)
    while e >= 0 and edges[e].answer != co.answer:
        e = int(edges[e].next)
    if e < 0:
        ints[ASKED] = co.node
        ints[ASKED_2] = co.answer
    return e


@compiled
def take_answer(
    a: int, c: int, now: float, ints: Any, heap: Any, stack: Any, copies: Any, servers: Any, hops: Any, nodes: Any, edges: Any,
    questions: Any, cached: Any, answers: Any,
) -> tuple[int, int]:  # fmt: skip
    """An answer: into the cache, and to those who wait for it."""
    need = 0
    co = copies[c]
    if a == GOT:  # the answer: into the cache, and to those who wait for it
        h = hops[co.hop]
        who = co.number % servers[h.server].senders if co.tx >= 0 else 0
        q = questions[nodes[co.node].question]
        ca = cached[q.first + who]
        an = answers[co.answer]
        e = way_on(co, ints, nodes, edges)
        if e < 0:
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
                push_now(heap, ints, AT_ONCE, (SHARE << SHIFT) | ca.head)
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
        e = way_on(co, ints, nodes, edges)
        if e < 0:
            need = NEED_EDGE
        else:
            co.fresh = min(co.fresh, now + answers[co.answer].ttl)
            co.node = edges[e].node
            a = ASK
    return a, need
