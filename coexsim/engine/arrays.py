"""The kernel's arrays by name: rows are appended to them, and they grow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexsim.engine.layout import ARRAYS, HEAP, SEQ
from coexsim.engine.shared import new_addresses, note_address


class Arrays:
    """All arrays of one run. What the kernel itself appends to begins with room for `room` things, all others are as long as need be."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.addresses = new_addresses()
        self._of: dict[str, NDArray[Any]] = {}
        for name, a in ARRAYS.items():
            self[name] = np.full((0,) * a.dimensions, a.fill, a.dtype)
        self._used = dict.fromkeys(ARRAYS, 0)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._of[name]

    def __setitem__(self, name: str, values: NDArray[Any]) -> None:
        self._of[name] = values
        note_address(self.addresses, name, values)

    def used(self, name: str) -> int:
        """How many rows were appended."""
        return self._used[name]

    def append(self, name: str, rows: list[tuple[Any, ...]] | list[int] | list[float]) -> int:
        """Append rows; the place of the first."""
        first = self._used[name]
        end = self._used[name] = first + len(rows)
        if end > len(self._of[name]):
            self.lengthen(name, end)
        if len(rows) == 1:
            self._of[name][first] = rows[0]
        elif rows:
            self._of[name][first:end] = np.array(rows, self._of[name].dtype)
        return first

    def adopt(self, name: str, rows: NDArray[Any], used: int) -> None:
        """Go on with an array of an earlier run, of which so many rows are used."""
        self[name], self._used[name] = rows, used

    def reserve(self, name: str, count: int) -> int:
        """Append rows as they are when new; the place of the first."""
        first = self._used[name]
        self._used[name] = first + count
        if first + count > len(self._of[name]):
            self.lengthen(name, first + count)
        return first

    def lengthen(self, name: str, length: int, axis: int = 0) -> None:
        """Make an array at least `length` long along an axis, and at least twice as long as it is."""
        old = self._of[name]
        shape = list(old.shape)
        shape[axis] = max(length, 2 * shape[axis])
        new = np.full(shape, ARRAYS[name].fill, old.dtype) if ARRAYS[name].fill else np.zeros(shape, old.dtype)
        new[tuple(slice(0, n) for n in old.shape)] = old
        self[name] = new

    def schedule(self, time_s: float, order: int, what: int) -> None:
        """Note an event before the run; `sort_events` puts all of them in their order."""
        ints = self._of["ints"]
        at, seq = int(ints[HEAP]), int(ints[SEQ])
        if at >= len(self._of["heap"]):
            self.lengthen("heap", at + 1)
        self._of["heap"][at] = (time_s, order, seq, what)
        ints[HEAP], ints[SEQ] = at + 1, seq + 1

    def sort_events(self) -> None:
        """Make a heap of the events noted before the run: they are sorted."""
        self._of["heap"][: self._of["ints"][HEAP]].sort(order=("time", "order", "seq"))
