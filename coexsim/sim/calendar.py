"""When a server or a link is out of service, and what that does to the work in hand.

Closed times are known before the run starts, planned or drawn at random. That is why a queue can say at
arrival when a message will be served, outages included.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from coexsim.sim.formulas import down_between, finish_s, next_down_s, next_up_s

if TYPE_CHECKING:
    import numpy as np


class Calendar:
    """Closed times as disjoint intervals [from_s, to_s) in order of time; open at all others.

    `closed` may come in any order and overlap; empty intervals are dropped. ``to_s`` may be infinite: closed
    for good. A calendar is true when it has any closed time, so ``if calendar`` is the way round all the
    look-ups.
    """

    __slots__ = ("_from_s", "_to_s")

    def __init__(self, closed: Iterable[tuple[float, float]] = ()) -> None:
        self._from_s: list[float] = []
        self._to_s: list[float] = []
        for from_s, to_s in sorted(closed):
            if not from_s <= to_s:
                raise ValueError(f"a closed time cannot end before it begins: [{from_s}, {to_s})")
            if from_s == to_s:
                continue
            if self._to_s and from_s <= self._to_s[-1]:
                self._to_s[-1] = max(self._to_s[-1], to_s)
            else:
                self._from_s.append(from_s)
                self._to_s.append(to_s)

    def __bool__(self) -> bool:
        return bool(self._from_s)

    def __iter__(self) -> Iterator[tuple[float, float]]:
        return zip(self._from_s, self._to_s, strict=True)

    def __repr__(self) -> str:
        return f"Calendar({list(self)})"

    def is_open(self, time_s: float) -> bool:
        """Whether `time_s` is in no closed time."""
        return not self._from_s or next_up_s(self._from_s, self._to_s, time_s) == time_s

    def next_open(self, time_s: float) -> float:
        """The first open moment at or after `time_s`; infinite when there is none."""
        return next_up_s(self._from_s, self._to_s, time_s) if self._from_s else time_s

    def next_closed(self, time_s: float) -> float:
        """The first closed moment at or after `time_s`; infinite when there is none."""
        return next_down_s(self._from_s, self._to_s, time_s)

    def finish(self, start_s: float, work_s: float) -> float:
        """When work of length `work_s` begun at `start_s` ends, if it stands still while closed.

        Work that is done just when a closed time begins is done.
        """
        return finish_s(self._from_s, self._to_s, start_s, work_s) if self._from_s else start_s + work_s

    def closed_between(self, from_s: float, to_s: float) -> bool:
        """Whether what goes on from `from_s` until `to_s`, if only for a moment, meets a closed time."""
        return down_between(self._from_s, self._to_s, from_s, to_s)


def random_outages(rng: np.random.Generator, mtbf_s: float, mttr_s: float, until_s: float) -> list[tuple[float, float]]:
    """Closed times that begin before `until_s`: exponential times between repair and failure, and of repair.

    It is up at time 0. The last repair may end after `until_s`.
    """
    if not (mtbf_s > 0 and mttr_s > 0):
        raise ValueError(f"times to fail and to repair must be above zero, found {mtbf_s} s and {mttr_s} s")
    closed = []
    fails_s = rng.exponential(mtbf_s)
    while fails_s < until_s:
        repaired_s = fails_s + rng.exponential(mttr_s)
        closed.append((fails_s, repaired_s))
        fails_s = repaired_s + rng.exponential(mtbf_s)
    return closed
