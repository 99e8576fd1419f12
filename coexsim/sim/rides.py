"""What plain rides did, gathered in flat lists and told to the logs and the recorder some ten thousand at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from coexsim.sim.express import Leg, Ride
    from coexsim.sim.recorder import Recorder

_FOLD_AT = 160_000


class Rides:
    """The legs of a run by number, and what happened on them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._legs: list[Leg] = []
        self._hops: list[float] = []
        self._ends: list[float] = []

    def add(self, leg: Leg) -> int:
        """The number of a new leg."""
        self._legs.append(leg)
        return len(self._legs) - 1

    def hop(self, leg: Leg, entered_s: float, done_s: float, over_s: float, size_bytes: int) -> None:
        """A ride came to the leg's server, whose work was done at `done_s`, and is over at the next server at `over_s`."""
        hops = self._hops
        hops += (leg.number, entered_s, done_s, over_s, size_bytes)
        if len(hops) >= _FOLD_AT:
            self._fold_hops()

    def end(self, ride: Ride, leg: Leg, entered_s: float, done_s: float) -> None:
        """A ride was delivered at the leg's server."""
        ends = self._ends
        ends += (leg.number, entered_s, done_s, ride.number, ride.size_bytes, ride.born_s, ride.stream, ride.measured)
        leg.world.open_copies -= ride.measured
        if len(ends) >= _FOLD_AT:
            self._fold_ends()

    def fold(self) -> None:
        """Tell all that is gathered."""
        self._fold_hops()
        self._fold_ends()
        for leg in self._legs:
            if len(leg.ahead_s):
                leg.note_lookups(np.empty(0))

    def _fold_hops(self) -> None:
        for leg, (entered_s, done_s, over_s, size_bytes) in self._by_leg(self._hops, 5):
            leg.server.passing.add(entered_s, done_s, size_bytes)
            leg.sender.passing.add(done_s, over_s, size_bytes)
            leg.sender.threads.note(done_s, over_s)
            leg.note_lookups(done_s)
            assert leg.target is not None
            assert leg.path is not None
            leg.target.connections.note(done_s, over_s)
            for link in leg.path.links:
                link.note(over_s, size_bytes)

    def _fold_ends(self) -> None:
        for leg, (entered_s, done_s, number, size_bytes, born_s, stream, measured) in self._by_leg(self._ends, 8):
            leg.server.passing.add(entered_s, done_s, size_bytes)
            assert leg.delivered is not None
            self._recorder.add_delivered(
                leg.delivered,
                number,
                size_bytes,
                born_s,
                done_s - born_s,
                stream,
                measured,
                hops=leg.hops,
                wan_links=leg.wan_links,
            )

    def _by_leg(self, buffer: list[float], width: int) -> Iterator[tuple[Leg, NDArray[np.float64]]]:
        rows = np.array(buffer).reshape(-1, width)
        buffer.clear()
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        numbers, starts = np.unique(rows[:, 0], return_index=True)
        for number, part in zip(numbers.astype(int).tolist(), np.split(rows, starts[1:]), strict=False):
            yield self._legs[number], part[:, 1:].T
