"""What a session meets when servers, links and paths go down."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled
from coexsim.engine.copies import begin, new_part
from coexsim.engine.downtimes import was_down
from coexsim.engine.layout import DUPLICATE_STREAM, DUPLICATES, SENT
from coexsim.engine.steps import DOOR, ENTER, LOST, TAKEN


@compiled
def slot_waited(
    a: int, c: int, now: float, copies: Any, servers: Any, hosts: Any, host_server: Any, paths: Any, spans: Any, down: Any,
    up: Any,
) -> tuple[int, int]:  # fmt: skip
    """Has anything gone down while it waited for a slot."""
    need = 0
    co = copies[c]
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
    return a, need


@compiled
def last_reply(
    a: int, c: int, now: float, ints: Any, heap: Any, copies: Any, takes: Any, servers: Any, hosts: Any, host_server: Any, paths: Any,
    spans: Any, down: Any, up: Any,
) -> tuple[int, int]:  # fmt: skip
    """``_what_failed``: did anything go down before the session was over, or only before its last reply."""
    need = 0
    co = copies[c]
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
            begin(copies, heap, ints, n, ENTER)
    if a == LOST:
        co.reply = sv.lost
        co.marks = 1
        co.arrived = own
    return a, need
