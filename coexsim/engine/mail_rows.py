"""The table `mail` of a compiled run, in the recorder's place: a row of the kernel is shared out among the flows of its recipients."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexsim.engine.arrays import Arrays
from coexsim.engine.layout import COPY, NOTICE_STREAM, ROW, SECOND_COPY_STREAM, SENT
from coexsim.engine.numbering import End
from coexsim.engine.rows import RuleRows
from coexsim.engine.spreading import END, FLOW, FLOWS, MAIL, count_rows, first_unknown, spread_rows
from coexsim.errors import ConservationError
from coexsim.sim.mail_row import DELIVERED, DTYPES, IN_TRANSIT, TABLE_OUTCOMES, WORDS
from coexsim.sim.message import SECOND_COPY
from coexsim.sim.recorder import Note, WordCodes
from coexsim.sim.world import World


class MailRows:
    """The ``mail`` table of a run in the making, as `Recorder` has it."""

    def __init__(self, world: World, rows: RuleRows, arrays: Arrays, streams: tuple[str, ...]) -> None:
        self._world = world
        self._rows = rows
        self._arrays = arrays
        self.words = {name: WordCodes() for name in WORDS}
        for stream in streams:
            self.words["stream"].code(stream)
        arrays["ints"][NOTICE_STREAM] = self.words["stream"].code("notice")
        arrays["ints"][SECOND_COPY_STREAM] = self.words["stream"].code(SECOND_COPY)
        self._changes_s = np.array(world.setup.directory.change_times_s(replica=False))
        self._blocks: list[dict[str, NDArray[Any]]] = []
        self._ahead: NDArray[Any] = np.empty(2 * arrays.room, MAIL)  # the next block, of which so many are there:
        self._count = 0
        self._flows_of: NDArray[Any] = np.empty((0, len(self._changes_s) + 1), FLOWS)
        self._flows: list[tuple[int, int]] = []  # code of the flow, recipients
        self._ends: NDArray[Any] = np.empty(0, END)
        self.ended: NDArray[np.int64] = np.zeros(len(TABLE_OUTCOMES), np.int64)
        self.notes: list[Note] = []

    @property
    def sent(self) -> int:
        """Recipients to whom mail was sent."""
        return int(self._arrays["ints"][SENT])

    # --- taking rows ---

    def _know(self, rows: NDArray[Any]) -> None:
        """What the ends of rows say, and the flows of their envelopes as of versions of the directory: words in the order of rows."""
        more = len(self._rows.ends) - len(self._ends)
        if more:
            self._ends = np.concatenate([self._ends, np.zeros(more, END)])
            unknown = np.full((more, self._flows_of.shape[1]), -1, np.int64)
            self._flows_of = np.concatenate([self._flows_of, unknown.astype(FLOWS)])
        at = first_unknown(rows, self._changes_s, self._flows_of)
        if at == len(rows):
            return
        ends: list[End] = list(self._rows.ends)
        versions = np.searchsorted(self._changes_s, rows["born"][at:], side="right")
        width = self._flows_of.shape[1]
        codes, first = np.unique(rows["end"][at:] * width + versions, return_index=True)
        unknown = self._flows_of.reshape(-1)["count"][codes] < 0
        for code in codes[unknown][np.argsort(first[unknown])].tolist():
            end, version = divmod(code, width)
            self._ends[end] = self._end_row(ends[end])
            flows = self._world.flows.of(ends[end].envelope, version)
            self._flows_of[end, version] = (len(self._flows), len(flows))
            self._flows += [(self.words["flow"].code(flow), count) for flow, count in flows]

    def _end_row(self, end: End) -> tuple[int, ...]:
        code = {name: word.code for name, word in self.words.items()}
        by = "" if end.outcome == DELIVERED else end.by
        return (
            end.envelope.count, end.outcome, code["kind"](end.envelope.kind), code["code"](end.code), code["by"](by), code["by"](end.by)
        )  # fmt: skip

    def take(self, rows: NDArray[Any]) -> None:
        """Take rows over from the kernel, which may use their places again."""
        if not len(rows):
            return
        self._know(rows)
        for place in np.flatnonzero(rows["way"] >= 0).tolist():
            self._note(rows[place])
        known = (rows, self._changes_s, self._flows_of)
        count = count_rows(*known, self._ends, self._world.limit_s, self.ended)
        if self._count + count > len(self._ahead):
            self.close_block()
            if count > len(self._ahead):
                self._ahead = np.empty(count, MAIL)
        flows = np.array(self._flows, FLOW)
        spread_rows(*known, flows, self._ends, self._world.limit_s, self._ahead[self._count :])
        self._count += count

    def close_block(self) -> None:
        """Make columns of the rows that were taken since this was done last."""
        block = {name: self._ahead[name][: self._count].copy() for name in DTYPES}
        self._count = 0
        if self._world.bins is not None:
            self._world.bins.take(block)
        else:
            self._blocks.append(block)

    def _note(self, row: Any) -> None:
        """The end of a named message's way."""
        end: End = list(self._rows.ends)[row["end"]]
        late = end.outcome == DELIVERED and row["at"] > self._world.limit_s
        ways, path = self._arrays["ways"], []
        way = int(row["way"])
        while way > 0:
            path.append((self._rows.servers[ways[way]["server"]], self._rows.plans[ways[way]["place"]]))
            way = int(ways[way]["parent"])
        at_s, born_s = float(row["at"]), float(row["born"])
        note = Note(
            int(row["number"]), end.envelope, tuple(reversed(path)), IN_TRANSIT if late else end.outcome, end.code,
            "" if end.outcome == DELIVERED and not late else end.by, at_s, at_s - born_s, int(row["hops"]),
        )  # fmt: skip
        self.notes.append(note)

    def end(self, copy: Any, end: End, at_s: float) -> NDArray[Any]:
        """A row for a copy whose way ends when the run does."""
        row = np.zeros(1, ROW)
        for name in set(ROW.names or ()).intersection(COPY.names or ()):
            row[name] = copy[name]
        row["at"], row["end"] = at_s, self._rows.ends.of(end)
        return row

    # --- giving them ---

    def columns(self) -> dict[str, Any]:
        """All rows, by column; words as (codes, words). They are handed over, and not kept."""
        blocks = self._blocks if self._world.bins is None else [self._world.bins.columns()]
        columns: dict[str, Any] = {}
        for name in list(blocks[0]):
            parts = [block.pop(name) for block in blocks]
            if name not in WORDS:
                columns[name] = np.concatenate(parts)
                continue
            words = self.words[name].all()
            used = np.flatnonzero(sum(np.bincount(part, minlength=len(words)) for part in parts))
            place = np.zeros(len(words), DTYPES[name])
            place[used] = np.arange(len(used))
            columns[name] = (np.concatenate([place[part] for part in parts]), [words[code] for code in used.tolist()])
        columns["outcome"] = (columns["outcome"].astype(np.int8), list(TABLE_OUTCOMES))
        return columns

    def check_conservation(self) -> None:
        """Sent = delivered + bounced + expired + discarded + in transit, per recipient. Raises `ConservationError`."""
        ended = self.ended.tolist()
        if self.sent != sum(ended):
            books = ", ".join(f"{outcome} {count}" for outcome, count in zip(TABLE_OUTCOMES, ended, strict=True))
            raise ConservationError(f"sent {self.sent} recipients, but {books}: {sum(ended)} in all")
