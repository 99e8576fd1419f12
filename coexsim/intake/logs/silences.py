"""Times without a line of a server although mail came evenly before and after: it stood still, or a piece of its log is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor, sqrt
from typing import NamedTuple

import numpy as np

from coexsim.intake.logs.book import LogBook
from coexsim.intake.logs.journeys import Journeys
from coexsim.intake.logs.tallies import Counts, Ints

MOST_SLOTS = 100_000  # in which times are counted
LEAST_SLOT_S, LEAST_S = 0.1, 5.0
FEWEST_SLOTS = 10  # a shorter silence is not told from chance
LOOKED_AT = 0.25  # of the silence's length: so long before and after it is looked at, in `PIECES` pieces
PIECES = 20
BUSY = 0.75  # of the pieces had mail
"""A piece without mail has the chance 1 - BUSY at most, so that one has 1.4 arrivals on average; a silence is 10 pieces and more, and
comes by chance once in a million times, if what makes pieces busy comes independently."""
WIDE, LEAST_EXPECTED = 5, 20.0
"""A message has several lines, at once and when it leaves: so as many messages must be expected in a silence, by so many times its length
before and after, which come independently: there is none by chance once in exp(20) times."""


class Silence(NamedTuple):
    """A time without a line of a server, and how many messages at most would have begun there as before and after (95 %)."""

    server: int
    from_s: float
    to_s: float
    missed: float


@dataclass
class SilencesSeen:
    """When mail came to each server, a part after the other; from when to when there is mail must be known."""

    book: LogBook
    first_s: float
    last_s: float
    _arrivals: Counts = field(default_factory=Counts)  # server << 32 | slot
    _came: Counts = field(
        default_factory=Counts
    )  # likewise, of messages that came from elsewhere than from the server itself
    _begun: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.first_s = float(floor(self.first_s))

    @property
    def slot_s(self) -> float:
        """The length of a slot."""
        least_s = (self.last_s - self.first_s) / MOST_SLOTS
        return LEAST_SLOT_S if least_s <= LEAST_SLOT_S else float(ceil(least_s))

    def add(self, found: Journeys) -> None:
        """Take a part."""
        visits, messages, went = found.joined.visits, found.messages, found.joined.deliveries
        server = visits["server"].to_numpy(np.int64)
        self._add(self._arrivals, server, visits["arrived_s"].to_numpy())
        parent = visits["parent"].to_numpy()
        fresh = (parent < 0) | (server[np.maximum(parent, 0)] != server)
        self._add(self._came, server[fresh], visits["arrived_s"].to_numpy()[fresh])
        self._add(self._arrivals, server[went["row"].to_numpy()], went["at_s"].to_numpy())
        mail = messages[~messages["is_notice"].to_numpy()]
        self._add(self._begun, mail["server"].to_numpy(np.int64), mail["arrived_s"].to_numpy())

    def _add(self, counts: Counts, server: Ints, times_s: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
        known = np.isfinite(times_s) & (times_s >= self.first_s)
        slots = np.floor((times_s[known] - self.first_s) / self.slot_s).astype(np.int64)
        counts.add(server[known] << 32 | slots)

    def found(self) -> tuple[Silence, ...]:
        """The silences of all servers, but those in which a server says that it was stopped or started."""
        keys, _ = self._arrivals.values()
        begun_keys, begun_n = self._begun.values()
        came_keys, came_n = self._came.values()
        rows: list[Silence] = []
        for server in np.unique(keys >> 32).tolist():
            slots = keys[keys >> 32 == server] & 0xFFFFFFFF
            mine = begun_keys >> 32 == server
            begun_slots, counts = begun_keys[mine] & 0xFFFFFFFF, begun_n[mine]
            mine = came_keys >> 32 == server
            came_slots, came = came_keys[mine] & 0xFFFFFFFF, came_n[mine]
            slot_s = self.slot_s
            if slot_s < 1.0 and not (slots % round(1 / slot_s)).any():  # the log's times are whole seconds
                whole = round(1 / slot_s)
                slots, begun_slots, came_slots, slot_s = slots // whole, begun_slots // whole, came_slots // whole, 1.0
            for at in np.flatnonzero(np.diff(slots) > max(FEWEST_SLOTS, LEAST_S / slot_s)).tolist():
                begin, end = int(slots[at]) + 1, int(slots[at + 1])
                looked = max(FEWEST_SLOTS, int(LOOKED_AT * (end - begin)))
                if not (_is_busy(slots, begin - looked, begin) and _is_busy(slots, end, end + looked)):
                    continue
                if _expected(came_slots, came, begin, end, int(slots[-1]) + 1) < LEAST_EXPECTED:
                    continue
                from_s, to_s = self.first_s + begin * slot_s, self.first_s + end * slot_s
                if self._was_down(server, from_s, to_s):
                    continue
                near = ((begun_slots >= begin - looked) & (begun_slots < begin)) | (
                    (begun_slots >= end) & (begun_slots < end + looked)
                )
                missed = _at_most(int(counts[near].sum()), (end - begin) / (2 * looked))
                rows.append(Silence(server, from_s, to_s, missed))
        return tuple(rows)

    def _was_down(self, server: int, from_s: float, to_s: float) -> bool:
        near = self.slot_s + 1.0
        return any(
            of == server and from_s - near <= at_s <= to_s + near for of, at_s in self.book.starts + self.book.stops
        )


def _at_most(seen: int, times: float) -> float:
    """As many as come in a time that is so many times as long as one in which `seen` came: two standard deviations above the mean."""
    mean = seen * times
    return mean + 2.0 * sqrt(mean + seen * times**2)


def _expected(slots: Ints, counts: Ints, begin: int, end: int, last: int) -> float:
    """How many messages would have come in a silence at the rate before and after it, as far as there is a log."""
    reach = WIDE * (end - begin)
    low, high = max(begin - reach, 0), min(end + reach, last)
    near = ((slots >= low) & (slots < begin)) | ((slots >= end) & (slots < high))
    return float(counts[near].sum()) * (end - begin) / max(begin - low + high - end, 1)


def _is_busy(slots: Ints, begin: int, end: int) -> bool:
    """Had most pieces of this time mail."""
    pieces = min(PIECES, end - begin)
    inside = slots[np.searchsorted(slots, begin) : np.searchsorted(slots, end)]
    return len(np.unique((inside - begin) * pieces // (end - begin))) >= BUSY * pieces
