"""The compiled event loop: what the reference's processes do, step by step, over the arrays of ``layout.py``.

It knows no mail rules. A step first looks up all that it needs; where a row, a column of work or room in an array is missing, the kernel
returns to Python with the reason, and repeats the step when it is called again. So a step has either all of its effects or none.

Each step is a function of the copy and the time that returns the step that follows at once; one that can ask nothing and needs no room
beyond a step's own, and so is never repeated by itself, it calls. They stand in the order of a message's way, each with the name of
what does it in the reference: ``entry_steps.py``, ``server_steps.py``, ``transfer_steps.py``, ``lookup_steps.py``,
``host_steps.py``, ``session_steps.py``, ``interruptions.py``, ``failure_steps.py``.
"""

from __future__ import annotations

from typing import Any

from coexsim.engine.asking import is_heap_short, need, no_room
from coexsim.engine.compiling import compiled_now, part_of_its_caller
from coexsim.engine.entry_steps import hand_in, named, posted
from coexsim.engine.event_heap import push_now
from coexsim.engine.failure_steps import again, defer, failed, give_up, leave_host, wait_for_attempt, warn
from coexsim.engine.fair_links import carry, ring, set_bandwidth
from coexsim.engine.host_steps import contact, fall_back, take_hosts
from coexsim.engine.interruptions import last_reply, slot_waited
from coexsim.engine.layout import DRAINING, EVENTS, FLUSH, FORCED, GROW_HEAP, NEED, NOW, STACK, VISITS
from coexsim.engine.lookup_steps import (
    answer_under_way,
    ask,
    ask_name_server,
    got,
    name_server_answer,
    name_server_get,
    name_server_put,
    replied,
    share,
)
from coexsim.engine.next_event import next_event
from coexsim.engine.server_steps import decide, end, enter, hand_over, keep
from coexsim.engine.session_steps import crossed, send_body, session
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import (
    AGAIN,
    ALL_ENDED,
    ASK,
    ASK_NAME_SERVER,
    AT_ONCE,
    ATTEMPTED,
    BEGIN_ATTEMPT,
    BODY,
    BREAK,
    BROKEN,
    CARRY,
    CONTACT,
    CROSSED,
    DECIDE,
    DEFER,
    END,
    ENTER,
    FAILED,
    FALL_BACK,
    GO_ON,
    GOT,
    HAND_IN,
    HAND_OVER,
    HAS_WAITED,
    HOSTS,
    KEEP,
    KEEP_WAITING,
    LAST_AT_SERVER,
    LAST_IN_SESSION,
    LAST_IN_TRANSFER,
    LAST_OF_DNS,
    LAST_OF_FAILURES,
    LOST,
    NAMED_FOUND,
    NEW_BANDWIDTH,
    NOTHING,
    NS_ANSWER,
    NS_GET,
    NS_PUT,
    POSTED,
    REPLY,
    ROOM,
    SESSION,
    SHARE,
    SHIFT,
    SLOT_WAITED,
    STOP,
    TROUBLED,
    TURNED,
    WAIT,
    WARN,
    WHICH,
)
from coexsim.engine.transfer_steps import attempted, begin_attempt, go_on, has_waited, move, turned


@part_of_its_caller
def take_step(w: Any, step: int, c: int, now: float) -> int:
    """One step of a copy, or of the link or change `c`; the step that follows at once, or `NOTHING`."""
    if step <= LAST_AT_SERVER:
        return step_at_server(w, step, c, now)
    if step <= LAST_IN_TRANSFER:
        return step_in_transfer(w, step, c, now)
    if step <= LAST_IN_SESSION:
        return step_in_session(w, step, c, now)
    if step <= LAST_OF_DNS:
        return step_of_dns(w, step, c, now)
    if step <= LAST_OF_FAILURES:
        return step_of_failures(w, step, c, now)
    return step_of_world(w, step, c, now)


@part_of_its_caller
def step_at_server(w: Any, step: int, c: int, now: float) -> int:
    """Handed in, in the queue, at work, decided."""
    if step == ENTER:
        return enter(w, c, now)
    if step == DECIDE:
        return decide(w, c, now)
    if step == END:
        return end(w, c)
    if step == HAND_IN:
        return hand_in(w, c, now)
    if step == HAND_OVER:
        return hand_over(w, c)
    if step == KEEP:
        return keep(w, c, False)
    if step == KEEP_WAITING:
        return keep(w, c, True)
    if step == POSTED:
        return posted(w, c)
    return named(w, c, now, step == NAMED_FOUND)


@part_of_its_caller
def step_in_transfer(w: Any, step: int, c: int, now: float) -> int:
    """A thread, the hosts in turn, a connection, the end of the attempt."""
    if step == BEGIN_ATTEMPT:
        return begin_attempt(w, c, now)
    if step == HAS_WAITED:
        return has_waited(w, c, now)
    if step == TURNED:
        return turned(w, c, now)
    if step == HOSTS:
        return take_hosts(w, c)
    if step == CONTACT:
        return contact(w, c, now)
    if step == SLOT_WAITED:
        return slot_waited(w, c, now)
    if step == ATTEMPTED:
        return attempted(w, c, now)
    if step == FALL_BACK:
        return fall_back(w, c, now)
    if step == GO_ON:
        return go_on(w, c)
    return move(w, c)


@part_of_its_caller
def step_in_session(w: Any, step: int, c: int, now: float) -> int:
    """The dialogue, the body, the last reply."""
    if step == SESSION:
        return session(w, c, now)
    if step == BODY:
        return send_body(w, c, now)
    if step == CROSSED:
        return crossed(w, c, now, False)
    if step == BROKEN:
        return crossed(w, c, now, True)
    return last_reply(w, c, now)


@part_of_its_caller
def step_of_dns(w: Any, step: int, c: int, now: float) -> int:
    """Questions, the name servers, answers."""
    if step == ASK:
        return ask(w, c, now)
    if step == ASK_NAME_SERVER:
        return ask_name_server(w, c)
    if step == NS_PUT:
        return name_server_put(w)
    if step == NS_GET:
        return name_server_get(w, c, now)
    if step == NS_ANSWER:
        return name_server_answer(w, c)
    if step == REPLY:
        return answer_under_way(w, c, now)
    if step == GOT:
        return got(w, c, now)
    if step == SHARE:
        return share(w, c)
    return replied(w, c, now)


@part_of_its_caller
def step_of_failures(w: Any, step: int, c: int, now: float) -> int:
    """Another host, another attempt, a warning, the end."""
    if step == TROUBLED:
        return leave_host(w, c, now, False)
    if step == LOST:
        return leave_host(w, c, now, True)
    if step == FAILED:
        return failed(w, c, now)
    if step == DEFER:
        return defer(w, c, now)
    if step == WARN:
        return warn(w, c, now)
    if step == WAIT:
        return wait_for_attempt(w, c, now)
    if step == AGAIN:
        return again(w, c)
    return give_up(w, c, now)


@part_of_its_caller
def step_of_world(w: Any, step: int, c: int, now: float) -> int:
    """Links, whose number is `c`, a change of other traffic, and the end of the run."""
    if step == CARRY:
        carry(w, c, now)
    elif step == NEW_BANDWIDTH:
        set_bandwidth(w, c, now)
    elif step == ALL_ENDED:  # the condition that the run waits for comes next
        push_now(w, AT_ONCE, STOP << SHIFT)
    elif step == STOP:
        shared(w, "ints")[DRAINING] = 3
    else:  # transfers of a link end, or all break
        ints = shared(w, "ints")
        count = row(w, "links", c).count
        if is_heap_short(w, count):
            return need(w, GROW_HEAP, 0, 0)
        if ints[VISITS] + count + ROOM > shared(w, "visits").shape[0]:
            return need(w, FLUSH, 0, 0)
        if count > 0:
            ring(w, c, now, step == BREAK)
    return NOTHING


@compiled_now
def run(w: Any, until_s: float, until_order: int) -> int:
    """Move the mail until the next event would come after (`until_s`, `until_order`), or until Python is needed; says why it returns.

    The steps that follow at once from what has happened are taken first, the last one put on the stack before the others.
    """
    ints = shared(w, "ints")
    times = shared(w, "times")
    stack = shared(w, "stack")
    while True:
        while ints[STACK] > 0:
            ints[STACK] -= 1
            step = stack[ints[STACK]] >> SHIFT
            c = stack[ints[STACK]] & WHICH
            while step >= 0:
                follows = NOTHING
                ints[NEED] = no_room(w)
                if ints[NEED] == 0:
                    follows = take_step(w, step, c, times[NOW])
                if ints[NEED] != 0:
                    stack[ints[STACK]] = (step << SHIFT) | c
                    ints[STACK] += 1
                    return int(ints[NEED])
                step = follows
                ints[FORCED] = 0
        why = next_event(w, times[NOW], until_s, until_order)
        if why != 0:
            return why
        ints[EVENTS] += 1
