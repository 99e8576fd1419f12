"""The ``mail`` table of a run that is too long to keep one: cells that stand for many rows, in bounded memory.

Rows that say the same of kind, stream, flow, outcome, code, place, hops and window fall into one cell when they were born in the same
part of the measured window and took equally long, to 1 %. A cell has the sums of its rows, so accounting is exact; a
mean of delay is right to a nanosecond, of births to a millisecond, a quantile of delay to 1 %. Times are added as whole numbers, so that
a sum does not depend on the order in which an engine comes to its rows.

Parts are as short as the series of a verdict has them, a minute where there are 60 to 360 of them: how long a queue remembers
does not show in longer ones. Where that makes too many cells, parts are joined, to sixtieths of the window at the longest. Cells
never become fewer as rows come, so how far it goes does not depend on the order of the rows either.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.sim.buckets import SMALLEST_S, WIDTH
from coexsim.sim.mail_row import MAIL_COLUMNS

FEWEST_PARTS, MOST_PARTS = 60, 360
"""Of the measured window: the fewest are a multiple of the blocks that intervals come from, and any number is one of the fewest."""
PART_S = 60.0
MOST_CELLS = 500_000
"""More of them, at 80 bytes each and twice as much while they are merged, join parts of the window."""
_PART_BITS, _DELAY_BITS = 9, 12
_ID_SHIFT = _PART_BITS + _DELAY_BITS
IN_TRANSIT = (1 << _DELAY_BITS) - 1  # the bucket of delays that are not known
_WHAT = {name: column.in_cell for name, column in MAIL_COLUMNS.items() if isinstance(column.in_cell, int)}
"""What rows of one cell have in common, and the bits that its number takes."""
_ADDED = tuple(name for name, column in MAIL_COLUMNS.items() if column.in_cell in ("sum", "mean"))
_SUMS = ("rows", "squares", "recipients", "delay", "delay_rest", *_ADDED)
_REST = 2.0**30  # a delay is added in whole seconds, and the rest of it in so many parts of a second
_BORN = 2.0**10  # a birth in so many parts of a second
_PENDING = 1 << 17  # cells that wait to be merged; more of them take memory, fewer take time


class Bins:
    """The cells of a run in the making."""

    def __init__(self, window_s: tuple[float, float], length_s: float) -> None:
        self._begin_s = window_s[0]
        end_s = window_s[1] if isfinite(window_s[1]) else length_s
        self._window_s = max(end_s - self._begin_s, 1e-9)
        self.parts = self._shortest = parts_for(self._window_s)
        self._ids: dict[int, int] = {}
        self._keys: list[NDArray[np.int64]] = []
        self._sums: list[NDArray[np.float64]] = []  # a row each of `_SUMS`
        self._pending = 0
        self._seen: NDArray[np.uint8] = np.zeros(1024, np.uint8)  # one bit a measured mail

    @property
    def measured_mails(self) -> int:
        """How many mails of the measured window have rows, drawn ones."""
        return int(np.bitwise_count(self._seen).sum())

    def take(self, rows: dict[str, NDArray[Any]]) -> None:
        """Take rows of the ``mail`` table over; words are numbers."""
        if not len(rows["mail"]):
            return
        self._see(rows)
        key, weight = self._key(rows), rows["recipients"].astype(np.float64)
        delay_s = np.nan_to_num(rows["delay_s"], nan=0.0)
        whole_s = np.floor(delay_s)
        rest = np.rint((delay_s - whole_s) * _REST)
        added = (np.rint(rows[name] * _BORN) if name == "born_s" else rows[name] for name in _ADDED)
        values = (np.ones(len(key)), weight**2, weight, weight * whole_s, weight * rest, *added)
        place, keys = pd.factorize(key)  # by a table, not in order: `_merge` puts them in order
        self._keys.append(keys)
        self._sums.append(np.stack([np.bincount(place, value, len(keys)) for value in values]))
        self._pending += len(keys)
        if self._pending > _PENDING + len(self._keys[0]):
            self._merge()

    def _see(self, rows: dict[str, NDArray[Any]]) -> None:
        measured = rows["measured"].astype(bool) & (rows["mail"] >= 0)
        numbers = rows["mail"][measured].astype(np.int64)
        if len(numbers):
            place = numbers >> 3
            longest = int(place.max()) + 1
            if longest > len(self._seen):
                self._seen = np.concatenate([self._seen, np.zeros(max(longest, len(self._seen)), np.uint8)])
            np.bitwise_or.at(self._seen, place, (1 << (numbers & 7)).astype(np.uint8))

    def _key(self, rows: dict[str, NDArray[Any]]) -> NDArray[np.int64]:
        what = np.zeros(len(rows["mail"]), np.int64)
        for name, bits in _WHAT.items():
            what = (what << bits) | rows[name].astype(np.int64)
        place, kinds = pd.factorize(what)
        ids = np.array([self._ids.setdefault(kind, len(self._ids)) for kind in kinds.tolist()])[place]
        at = (rows["born_s"] - self._begin_s) / self._window_s * self._shortest
        shortest = np.clip(at, 0, self._shortest - 1).astype(np.int64)
        part = shortest // (self._shortest // self.parts)  # by whole numbers, as if joined later
        key: NDArray[np.int64] = (((ids << _PART_BITS) | part) << _DELAY_BITS) | buckets_of(rows["delay_s"])
        return key

    def _merge(self) -> None:
        keys, inverse = np.unique(np.concatenate(self._keys), return_inverse=True)
        sums = np.empty((len(_SUMS), len(keys)))
        for i in range(len(_SUMS)):  # one by one: all of them side by side take much memory
            sums[i] = np.bincount(inverse, np.concatenate([each[i] for each in self._sums]), len(keys))
        self._keys, self._sums = [keys], [sums]
        self._pending = len(keys)
        if len(keys) > MOST_CELLS and self.parts > FEWEST_PARTS:
            self._join_parts()
            self._merge()

    def _join_parts(self) -> None:
        """Make one of neighbouring parts: of as few as leaves their number a multiple of the fewest."""
        times = self.parts // FEWEST_PARTS
        few = next(n for n in range(2, times + 1) if times % n == 0)
        [keys] = self._keys
        low = keys & ((1 << _DELAY_BITS) - 1)
        part = (keys >> _DELAY_BITS) & ((1 << _PART_BITS) - 1)
        self._keys = [((((keys >> _ID_SHIFT) << _PART_BITS) | (part // few)) << _DELAY_BITS) | low]
        self.parts //= few

    def columns(self) -> dict[str, NDArray[Any]]:
        """The cells as columns of ``mail``, with `rows` (how many) and `squares` (the sum of their squared recipients)."""
        if self._keys:
            self._merge()
        keys = self._keys[0] if self._keys else np.empty(0, np.int64)
        sums = dict(zip(_SUMS, self._sums[0] if self._sums else np.empty((len(_SUMS), 0)), strict=True))
        rest = np.array(list(self._ids), np.int64)[keys >> _ID_SHIFT] if len(keys) else keys
        columns: dict[str, NDArray[Any]] = {}
        for name, bits in reversed(_WHAT.items()):
            columns[name] = rest & ((1 << bits) - 1)
            rest = rest >> bits
        known = (keys & IN_TRANSIT) != IN_TRANSIT
        for name in _ADDED:
            value = sums[name] / _BORN if name == "born_s" else sums[name]
            if MAIL_COLUMNS[name].in_cell == "mean":
                value = value / sums["rows"]
                if MAIL_COLUMNS[name].made != "f8":
                    value = np.rint(value)
            columns[name] = value
        return columns | {
            "mail": np.arange(len(keys)),
            "recipients": sums["recipients"],
            "delay_s": np.where(known, (sums["delay"] + sums["delay_rest"] / _REST) / sums["recipients"], np.nan),
            "rows": sums["rows"],
            "squares": sums["squares"],
        }


def parts_for(window_s: float) -> int:
    """In how many parts births are told apart in a window of this length: of about a minute, where there are neither few nor many."""
    times = round(window_s / PART_S / FEWEST_PARTS)
    return FEWEST_PARTS * min(max(times, 1), MOST_PARTS // FEWEST_PARTS)


def buckets_of(delay_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """The number of the bucket, 1 % wide, that a delay falls into; the last one is that of what is not known."""
    known = np.isfinite(delay_s)
    at = np.log(np.maximum(np.where(known, delay_s, 0.0), SMALLEST_S) / SMALLEST_S) / WIDTH
    found: NDArray[np.int64] = np.where(known, np.minimum(at, IN_TRANSIT - 1), IN_TRANSIT).astype(np.int64)
    return found


__all__ = ["FEWEST_PARTS", "Bins", "buckets_of", "parts_for"]
