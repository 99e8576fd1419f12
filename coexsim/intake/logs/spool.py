"""Keep what readers found in a temporary file, in parts that hold whole messages, so that memory does not grow with the log.

A message has the same message-id at every server, so the part is a remainder of its number. Visits without a message-id lie in a part of
their own; those that a reply joins to a visit of another part move there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.logs.shelf import file_of

Ints = NDArray[np.int64]
Columns = Sequence[NDArray[Any]]
MOST_LINKS = 50  # visits without a message-id, one after the other


class _Table:
    """Rows of one table, a block after the other, each sorted by part."""

    def __init__(self, columns: Mapping[str, str], parts: int) -> None:
        self.dtype = np.dtype(list(columns.items()))
        self._parts = parts
        self._file = file_of(self)
        self._blocks: list[tuple[int, Ints]] = []  # its place in the file [bytes], those of parts in it [rows]

    def add(self, columns: Columns, part: Ints) -> None:
        """Write a block."""
        order = np.argsort(part, kind="stable")
        rows = np.empty(len(part), self.dtype)
        for name, values in zip(self.dtype.names or (), columns, strict=True):
            rows[name] = values[order]
        begins = np.searchsorted(part[order], np.arange(self._parts + 1))
        self._blocks.append((self._file.seek(0, 2), begins))
        self._file.write(rows.tobytes())

    def take(self, part: int) -> NDArray[Any]:
        """All rows of a part, in the order in which they were written."""
        found = []
        for begin, rows in self._blocks:
            if rows[part + 1] > rows[part]:
                self._file.seek(begin + int(rows[part]) * self.dtype.itemsize)
                data = self._file.read(int(rows[part + 1] - rows[part]) * self.dtype.itemsize)
                found.append(np.frombuffer(data, self.dtype))
        return np.concatenate(found) if found else np.empty(0, self.dtype)


def frame_of(rows: NDArray[Any]) -> pd.DataFrame:
    """Rows as a table."""
    return pd.DataFrame({name: np.ascontiguousarray(rows[name]) for name in rows.dtype.names or ()})


class Spool:
    """Visits, deliveries and refusals in parts."""

    def __init__(
        self, visits: Mapping[str, str], deliveries: Mapping[str, str], refusals: Mapping[str, str], parts: int
    ) -> None:
        self.parts = parts
        self._visits, self._deliveries, self._refusals = (
            _Table(columns, parts + 1) for columns in (visits, deliveries, refusals)
        )
        self._moved: dict[int, int] = {}  # visit without a message-id: the part that it belongs to

    def add(self, visits: Columns, deliveries: Columns, refusals: Columns) -> None:
        """Write visits that have ended with all that is known of them; a refusal of no visit goes where its number says."""
        number, message_id = visits[0], visits[3].view(np.uint64)
        part = np.where(message_id == 0, self.parts, (message_id % np.uint64(self.parts)).astype(np.int64))
        order = np.argsort(number)
        ordered = number[order]

        def part_of(visit: Ints) -> Ints:
            found: Ints = part[order[np.minimum(np.searchsorted(ordered, visit), max(len(order) - 1, 0))]]
            return found

        self._visits.add(visits, part)
        if len(deliveries[0]):
            self._deliveries.add(deliveries, part_of(deliveries[0]))
        if len(refusals[0]):
            of_visit = refusals[1] >= 0
            where = refusals[0] % self.parts
            if of_visit.any():
                where[of_visit] = part_of(refusals[1][of_visit])
            self._refusals.add(refusals, where)

    def settle(self) -> None:
        """Find the part of visits without a message-id, by the queue ids in replies."""
        visits, deliveries = self._visits.take(self.parts), self._deliveries.take(self.parts)
        if not len(visits):
            return
        row_of = pd.Index(visits["visit"])
        from_row = row_of.get_indexer(deliveries["visit"])
        part = np.full(len(visits), self.parts)
        for number in range(self.parts):
            here, went = self._visits.take(number)["queue_id"], self._deliveries.take(number)["next_id"]
            part[(part == self.parts) & np.isin(visits["queue_id"], went)] = number
            leads = from_row[(deliveries["next_id"] != 0) & np.isin(deliveries["next_id"], here)]
            part[leads[part[leads] == self.parts]] = number
        by_id = pd.Series(np.arange(len(visits)), visits["queue_id"])
        by_id = by_id[~by_id.index.duplicated()]
        to_row = by_id.reindex(deliveries["next_id"]).fillna(-1).to_numpy(np.int64)
        linked = (to_row >= 0) & (deliveries["next_id"] != 0)
        one, other = from_row[linked], to_row[linked]
        for _ in range(MOST_LINKS):
            is_placed, is_next_placed = part[one] < self.parts, part[other] < self.parts
            if not (is_placed ^ is_next_placed).any():
                break
            part[other[is_placed & ~is_next_placed]] = part[one[is_placed & ~is_next_placed]]
            part[one[is_next_placed & ~is_placed]] = part[other[is_next_placed & ~is_placed]]
        moved = part < self.parts
        self._moved = dict(zip(visits["visit"][moved].tolist(), part[moved].tolist(), strict=True))

    def take(self, part: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Visits, deliveries and refusals of a part; the last part has visits without a message-id."""
        tables = [table.take(part) for table in (self._visits, self._deliveries, self._refusals)]
        if self._moved:
            others = [table.take(self.parts) for table in (self._visits, self._deliveries, self._refusals)]
            for place, rows in enumerate(others):
                mine = pd.Series(rows["visit"]).map(self._moved).fillna(self.parts).to_numpy(np.int64) == part
                tables[place] = rows[mine] if part == self.parts else np.concatenate([tables[place], rows[mine]])
        visits, deliveries, refusals = map(frame_of, tables)
        return visits, deliveries, refusals
