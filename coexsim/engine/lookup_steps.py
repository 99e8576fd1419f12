"""DNS, step by step: questions of the MX rules, the name servers, answers."""

from __future__ import annotations

import math
from typing import Any

from coexsim.engine.asking import need
from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.downtimes import is_down
from coexsim.engine.event_heap import push, push_now
from coexsim.engine.layout import (
    ANSWER_S,
    DEAD,
    EPOCH,
    FROZEN,
    NEED_ANSWER,
    NEED_EDGE,
    NS_HEAD,
    NS_IDLE,
    NS_TAIL,
    STACK,
    TIMEOUT_S,
)
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import (
    ASK,
    ASK_NAME_SERVER,
    AT_ONCE,
    FAILED,
    GOT,
    HOSTS,
    NAMED_FOUND,
    NOTHING,
    NS_ANSWER,
    NS_GET,
    NS_PUT,
    REPLIED,
    REPLY,
    SHARE,
    SHIFT,
)


@compiled
def asker(w: Any, co: Any) -> Any:
    """``MailServer.sender``: which of a server's senders asks; a named message asks for its author."""
    return co.number % row(w, "servers", row(w, "hops", co.hop).server).senders if co.tx >= 0 else 0


@compiled
def look_up(w: Any, c: int, now: float) -> int:
    """``Resolver.hosts``: is the next hop known."""
    nodes = shared(w, "nodes")
    co = row(w, "copies", c)
    h = row(w, "hops", co.hop)
    kn = row(w, "known", h.first + asker(w, co))
    if now < kn.until:
        nodes[kn.node].uses += 1
        co.node = kn.node
        return HOSTS
    co.node = h.node
    co.fresh = math.inf
    return ASK


@compiled
def ask(w: Any, c: int, now: float) -> int:
    """``Resolver._ask``: the next question of the MX rules, or what came of them."""
    co = row(w, "copies", c)
    node = row(w, "nodes", co.node)
    if node.question < 0:
        return asked_all(w, co, node)
    q = row(w, "questions", node.question)
    ca = row(w, "cached", q.first + asker(w, co))
    if now < ca.until:
        e = way_on(w, co, ca.answer)
        if e < 0:
            return NOTHING
        q.cached += 1
        co.fresh = min(co.fresh, ca.until)
        co.node = row(w, "edges", e).node
        return ASK
    if ca.asking:
        q.cached += 1
        share_question(w, ca, c)
        return NOTHING
    ca.asking = 1
    q.asked += 1
    return to_name_server(w, c, now)


@part_of_its_caller
def asked_all(w: Any, co: Any, node: Any) -> int:
    """``Resolver._ask``: what came of the MX rules: hosts, which are known for a while, or the reply to a failure."""
    step = HOSTS
    if node.reply >= 0:
        co.reply = node.reply
        co.marks = FROZEN if node.temporary == 2 else DEAD
        co.denied = node.temporary == 0
        step = FAILED
    else:
        kn = row(w, "known", row(w, "hops", co.hop).first + asker(w, co))
        kn.until = co.fresh
        kn.node = co.node
    return step if co.tx >= 0 else NAMED_FOUND


@part_of_its_caller
def share_question(w: Any, ca: Any, c: int) -> None:
    """``Resolver._fetch``: who has the same question meanwhile waits for the same answer."""
    copies = shared(w, "copies")
    copies[c].next = -1
    if ca.head < 0:
        ca.head = c
    else:
        copies[ca.tail].next = c
    ca.tail = c


@part_of_its_caller
def to_name_server(w: Any, c: int, now: float) -> int:
    """``NameServer.ask``: a question on its way to the name servers; where they are down, nobody answers."""
    co = row(w, "copies", c)
    round_trip = row(w, "hops", co.hop).round_trip
    if is_down(w, 0, now):
        co.answer = 0
        push(w, now + shared(w, "times")[TIMEOUT_S], AT_ONCE, (GOT << SHIFT) | c)
    elif round_trip > 0:
        push(w, now + round_trip, AT_ONCE, (ASK_NAME_SERVER << SHIFT) | c)
    else:
        return ASK_NAME_SERVER
    return NOTHING


@compiled
def ask_name_server(w: Any, c: int) -> int:
    """``NameServer.ask``: into the inbox of the name servers."""
    ints = shared(w, "ints")
    copies = shared(w, "copies")
    copies[c].next = -1
    if ints[NS_HEAD] < 0:
        ints[NS_HEAD] = c
    else:
        copies[ints[NS_TAIL]].next = c
    ints[NS_TAIL] = c
    push_now(w, AT_ONCE, NS_PUT << SHIFT)
    return NOTHING


@compiled
def turn_to_next(w: Any) -> None:
    """``NameServer._serve``: the name server turns to the next question of its inbox."""
    ints = shared(w, "ints")
    c = ints[NS_HEAD]
    ints[NS_HEAD] = row(w, "copies", c).next
    push_now(w, AT_ONCE, (NS_GET << SHIFT) | c)


@compiled
def name_server_put(w: Any) -> int:
    """``NameServer._serve``: a question is in the inbox; an idle name server turns to it."""
    ints = shared(w, "ints")
    if ints[NS_IDLE] and ints[NS_HEAD] >= 0:
        ints[NS_IDLE] = 0
        turn_to_next(w)
    return NOTHING


@compiled
def name_server_get(w: Any, c: int, now: float) -> int:
    """``NameServer._serve``: the name server looks its answer up."""
    answer_s = shared(w, "times")[ANSWER_S]
    if answer_s > 0:
        push(w, now + answer_s, AT_ONCE, (NS_ANSWER << SHIFT) | c)
        return NOTHING
    return NS_ANSWER


@compiled
def name_server_answer(w: Any, c: int) -> int:
    """``NameServer._serve``: it answers, and turns to the next question."""
    ints = shared(w, "ints")
    co = row(w, "copies", c)
    question = row(w, "nodes", co.node).question
    q = row(w, "questions", question)
    if q.epoch != ints[EPOCH]:
        return need(w, NEED_ANSWER, question, 0)
    co.answer = q.answer
    push_now(w, AT_ONCE, (REPLY << SHIFT) | c)
    if ints[NS_HEAD] >= 0:
        turn_to_next(w)
    else:
        ints[NS_IDLE] = 1
    return NOTHING


@compiled
def answer_under_way(w: Any, c: int, now: float) -> int:
    """``NameServer.ask``: the answer is under way; none comes where the question times out."""
    if row(w, "answers", row(w, "copies", c).answer).timeout:
        push(w, now + shared(w, "times")[TIMEOUT_S], AT_ONCE, (GOT << SHIFT) | c)
        return NOTHING
    return GOT


@compiled
def way_on(w: Any, co: Any, answer: int) -> int:
    """``Resolver._ask``: what follows from an answer to the question of a copy's node; -1 where Python must ask the MX rules first."""
    edges = shared(w, "edges")
    e = row(w, "nodes", co.node).child
    while e >= 0 and edges[e].answer != answer:
        e = edges[e].next
    if e < 0:
        need(w, NEED_EDGE, co.node, answer)
    return int(e)


@compiled
def got(w: Any, c: int, now: float) -> int:
    """``Resolver._fetch``: the answer: into the cache, and to those who wait for it."""
    co = row(w, "copies", c)
    q = row(w, "questions", row(w, "nodes", co.node).question)
    ca = row(w, "cached", q.first + asker(w, co))
    an = row(w, "answers", co.answer)
    e = way_on(w, co, co.answer)
    if e < 0:
        return NOTHING
    q.failed += an.temporary
    if not an.timeout:
        ca.until = now + an.ttl
        ca.answer = co.answer
    ca.asking = 0
    if ca.head >= 0:
        tell_waiting(w, ca, co.answer)
    co.fresh = min(co.fresh, now + an.ttl)
    co.node = row(w, "edges", e).node
    return ASK


@part_of_its_caller
def tell_waiting(w: Any, ca: Any, answer: int) -> None:
    """``Resolver._fetch``: all who wait for an answer have it; they go on one after another."""
    copies = shared(w, "copies")
    n = ca.head
    while n >= 0:
        copies[n].answer = answer
        n = copies[n].next
    push_now(w, AT_ONCE, (SHARE << SHIFT) | ca.head)
    ca.head = -1


@compiled
def share(w: Any, c: int) -> int:
    """``Resolver._fetch``: the first of those who waited for an answer, and after it the next."""
    ints = shared(w, "ints")
    n = row(w, "copies", c).next
    if n >= 0:
        shared(w, "stack")[ints[STACK]] = (SHARE << SHIFT) | n
        ints[STACK] += 1
    return REPLIED


@compiled
def replied(w: Any, c: int, now: float) -> int:
    """``Resolver._fetch``: who waited for another's question has the answer."""
    co = row(w, "copies", c)
    e = way_on(w, co, co.answer)
    if e < 0:
        return NOTHING
    co.fresh = min(co.fresh, now + row(w, "answers", co.answer).ttl)
    co.node = row(w, "edges", e).node
    return ASK
