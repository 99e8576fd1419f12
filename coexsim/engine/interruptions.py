"""What a session meets when servers, links and paths go down."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled, part_of_its_caller
from coexsim.engine.copies import begin, new_part
from coexsim.engine.downtimes import was_down
from coexsim.engine.host_steps import door, host_of
from coexsim.engine.layout import DEAD, SECOND_COPIES, SECOND_COPY_STREAM, SENT
from coexsim.engine.session_steps import taken
from coexsim.engine.shared import row, shared
from coexsim.engine.steps import ENTER, LOST


@compiled
def slot_waited(w: Any, c: int, now: float) -> int:
    """``Transfer._connect``: has anything gone down while it waited for a slot."""
    co = row(w, "copies", c)
    if down_in(w, co, co.slot_asked, now):
        return lose(w, co, was_down(w, row(w, "servers", co.server).downtime, co.slot_asked, now))
    return door(w, c, now)


@compiled
def down_in(w: Any, co: Any, since: float, until: float) -> bool:
    """``parties``: does anything that a session needs go down between two moments."""
    servers = shared(w, "servers")
    return (
        was_down(w, servers[co.server].downtime, since, until)
        or was_down(w, servers[host_of(w, co)].downtime, since, until)
        or was_down(w, row(w, "paths", co.path).downtime, since, until)
    )


@compiled
def lose(w: Any, co: Any, own: bool) -> int:
    """``_what_failed``: the connection is lost; `own`: it is this server itself that went down."""
    co.reply = row(w, "servers", co.server).lost
    co.marks = DEAD
    co.own_down = own
    return LOST


@compiled
def last_reply(w: Any, c: int, now: float) -> int:
    """``_what_failed``: did anything go down before the session was over, or only before its last reply."""
    co = row(w, "copies", c)
    ours = row(w, "servers", co.server).downtime
    if co.arrived and not down_in(w, co, co.talks, co.answered):
        if not was_down(w, ours, co.answered, now) and not was_down(
            w, row(w, "paths", co.path).downtime, co.answered, now
        ):
            return taken(w, c, now)
        if row(w, "takes", co.take).place >= 0:
            second_copy(w, c)
    return lose(w, co, was_down(w, ours, co.talks, now))


@part_of_its_caller
def second_copy(w: Any, c: int) -> None:
    """``World.second_copy``: taken, but the 250 is lost: there will be two."""
    ints = shared(w, "ints")
    co = row(w, "copies", c)
    ta = row(w, "takes", co.take)
    ints[SECOND_COPIES] += ta.count
    ints[SENT] += ta.count
    n = new_part(w, c, ta.count)
    part = row(w, "copies", n)
    co.wan -= part.wan
    part.place = ta.place
    part.stream = ints[SECOND_COPY_STREAM]
    part.hops += 1
    begin(w, n, ENTER)
