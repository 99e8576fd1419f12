"""Whether a server, a link or a path is in service."""

from __future__ import annotations

from typing import Any

from coexsim.engine.compiling import compiled
from coexsim.sim import formulas


@compiled
def is_down(spans: Any, down: Any, up: Any, which: int, time: float) -> bool:
    """Whether a server, link or path is out of service at a time."""
    if which < 0:
        return False
    span = spans[which]
    return formulas.next_up_s(down[span.first : span.last], up[span.first : span.last], time) != time


@compiled
def up_at(spans: Any, down: Any, up: Any, which: int, time: float) -> float:
    """The first moment at or after a time when it is in service."""
    if which < 0:
        return time
    span = spans[which]
    return formulas.next_up_s(down[span.first : span.last], up[span.first : span.last], time)


@compiled
def was_down(spans: Any, down: Any, up: Any, which: int, begin: float, end: float) -> bool:
    """Whether what goes on from `begin` to `end` meets a time when it is out of service."""
    if which < 0:
        return False
    span = spans[which]
    return formulas.down_between(down[span.first : span.last], up[span.first : span.last], begin, end)
