"""Whether a server, a link or a path is in service."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled
from coexsim.engine.shared import row, shared
from coexsim.sim import formulas


@compiled
def up_at(w: Any, which: int, time: float) -> float:
    """The first moment at or after a time when it is in service."""
    if which < 0:
        return time
    span = row(w, "spans", which)
    return formulas.next_up_s(shared(w, "down")[span.first : span.last], shared(w, "up")[span.first : span.last], time)


@compiled
def is_down(w: Any, which: int, time: float) -> bool:
    """Whether a server, link or path is out of service at a time."""
    return up_at(w, which, time) != time


@compiled
def was_down(w: Any, which: int, begin: float, end: float) -> bool:
    """Whether what goes on from `begin` to `end` meets a time when it is out of service."""
    if which < 0:
        return False
    span = row(w, "spans", which)
    downs = shared(w, "down")[span.first : span.last]
    return formulas.down_between(downs, shared(w, "up")[span.first : span.last], begin, end)
