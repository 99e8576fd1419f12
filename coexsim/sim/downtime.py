"""When a server or a link is out of service, and what that does to the work in hand.

Downtime is known before the run starts, planned or drawn at random. That is why a queue can say at arrival when a message will be
served, outages included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from coexsim.sim.formulas import down_between, finish_s, next_down_s, next_up_s

if TYPE_CHECKING:
    import numpy as np


class DowntimeSchedule:
    """Downtime as disjoint intervals [down_s, up_s) in order of time; up at all other times.

    `downtime` may come in any order and overlap; empty intervals are dropped. ``up_s`` may be infinite: down for good. A schedule is
    true when it has any downtime, so ``if schedule`` is the way round all the look-ups.
    """

    __slots__ = ("down_s", "up_s")

    def __init__(self, downtime: Iterable[tuple[float, float]] = ()) -> None:
        self.down_s: list[float] = []
        self.up_s: list[float] = []
        for down_s, up_s in sorted(downtime):
            if not down_s <= up_s:
                raise ValueError(f"downtime cannot end before it begins: [{down_s}, {up_s})")
            if down_s == up_s:
                continue
            if self.up_s and down_s <= self.up_s[-1]:
                self.up_s[-1] = max(self.up_s[-1], up_s)
            else:
                self.down_s.append(down_s)
                self.up_s.append(up_s)

    def __bool__(self) -> bool:
        return bool(self.down_s)

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return zip(self.down_s, self.up_s, strict=True)

    def __repr__(self) -> str:
        return f"DowntimeSchedule({list(self)})"

    def is_up(self, time_s: float) -> bool:
        """Whether `time_s` is in no downtime."""
        return not self.down_s or next_up_s(self.down_s, self.up_s, time_s) == time_s

    def next_up(self, time_s: float) -> float:
        """The first moment at or after `time_s` at which it is up; infinite when there is none."""
        return next_up_s(self.down_s, self.up_s, time_s) if self.down_s else time_s

    def next_down(self, time_s: float) -> float:
        """The first moment at or after `time_s` at which it is down; infinite when there is none."""
        return next_down_s(self.down_s, self.up_s, time_s)

    def finish(self, start_s: float, work_s: float) -> float:
        """When work of length `work_s` begun at `start_s` ends, if it stands still during downtime.

        Work that is done just when downtime begins is done.
        """
        return finish_s(self.down_s, self.up_s, start_s, work_s) if self.down_s else start_s + work_s

    def down_between(self, from_s: float, to_s: float) -> bool:
        """Whether what goes on from `from_s` until `to_s`, if only for a moment, meets downtime."""
        return down_between(self.down_s, self.up_s, from_s, to_s)


def random_downtime(
    rng: np.random.Generator, mtbf_s: float, mttr_s: float, until_s: float
) -> list[tuple[float, float]]:
    """Downtime that begins before `until_s`: exponential times between repair and failure, and of repair.

    It is up at time 0. The last repair may end after `until_s`.
    """
    if not (mtbf_s > 0 and mttr_s > 0):
        raise ValueError(f"times to fail and to repair must be above zero, found {mtbf_s} s and {mttr_s} s")
    downtime = []
    fails_s = rng.exponential(mtbf_s)
    while fails_s < until_s:
        repaired_s = fails_s + rng.exponential(mttr_s)
        downtime.append((fails_s, repaired_s))
        fails_s = repaired_s + rng.exponential(mtbf_s)
    return downtime
