"""What became of the mail, as columns: the kernel's rows spread over flows, block by block. It takes the place of the recorder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from coexsim.engine.arrays import Arrays
from coexsim.engine.layout import DUPLICATE_STREAM, NOTICE_STREAM, ROW, SENT
from coexsim.engine.numbering import End
from coexsim.engine.rows import Rows
from coexsim.errors import ConservationError
from coexsim.sim.recorder import DELIVERED, IN_TRANSIT, OUTCOMES, WORDS, Note, Words
from coexsim.sim.world import World

DTYPES = {
    "mail": "i8", "recipients": "i4", "size_bytes": "i8", "born_s": "f8", "delay_s": "f8", "hops": "i2", "wan_bytes": "i8",
    "attempts": "i2",     "measured": "?", "outcome": "i1", "kind": "i1", "stream": "i2", "flow": "i4", "code": "i2", "by": "i2",
}  # fmt: skip


class MailRows:
    """The ``mail`` table of a run in the making, as `Recorder` has it."""

    def __init__(self, world: World, rows: Rows, arrays: Arrays, streams: tuple[str, ...]) -> None:
        self._world = world
        self._rows = rows
        self._arrays = arrays
        self.words = {name: Words() for name in WORDS}
        for stream in streams:
            self.words["stream"].code(stream)
        arrays["ints"][NOTICE_STREAM] = self.words["stream"].code("notice")
        arrays["ints"][DUPLICATE_STREAM] = self.words["stream"].code("duplicate")
        self._changes_s = np.array(world.setup.directory.change_times_s(replica=False))
        self._blocks: list[dict[str, NDArray[Any]]] = []
        self._flow_first: NDArray[np.int64] = np.zeros((0, len(self._changes_s) + 1), np.int64)
        self._flow_count = self._flow_first.copy()
        self._flows: list[tuple[int, int]] = []  # code of the flow, recipients
        self._ends: dict[str, NDArray[np.int64]] = {}
        self.ended = [0] * len(OUTCOMES)
        self.notes: list[Note] = []

    @property
    def sent(self) -> int:
        """Recipients to whom mail was sent."""
        return int(self._arrays["ints"][SENT])

    # --- taking rows ---

    def _know_ends(self) -> None:
        """Columns of all ends that rows may speak of."""
        ends: list[End] = list(self._rows.ends)
        known = len(self._flow_first)
        if known == len(ends):
            return
        more = len(ends) - known
        new = -np.ones((more, len(self._changes_s) + 1), np.int64)
        self._flow_first = np.concatenate([self._flow_first, new])
        self._flow_count = np.concatenate([self._flow_count, new])
        code = {name: word.code for name, word in self.words.items()}
        by = [code["by"](end.by) for end in ends]
        self._ends = {
            "count": np.array([end.envelope.count for end in ends]),
            "outcome": np.array([end.outcome for end in ends]),
            "kind": np.array([code["kind"](end.envelope.kind) for end in ends]),
            "code": np.array([code["code"](end.code) for end in ends]),
            "by": np.array([code["by"]("") if e.outcome == DELIVERED else b for e, b in zip(ends, by, strict=True)]),
            "late_by": np.array(by),
        }

    def _know_flows(self, end: NDArray[np.int64], version: NDArray[np.int64]) -> None:
        """The flows of envelopes as of versions of the directory, where they are not known yet."""
        unknown = self._flow_first[end, version] < 0
        if not unknown.any():
            return
        ends: list[End] = list(self._rows.ends)
        for e, v in np.unique(np.stack([end[unknown], version[unknown]], 1), axis=0).tolist():
            flows = self._world.flows_of(ends[e].envelope, v)
            self._flow_first[e, v], self._flow_count[e, v] = len(self._flows), len(flows)
            self._flows += [(self.words["flow"].code(flow), count) for flow, count in flows]

    def take(self, rows: NDArray[Any]) -> None:
        """Take rows over from the kernel, which may use their places again."""
        if not len(rows):
            return
        self._know_ends()
        end = rows["end"].astype(np.int64)
        version = np.searchsorted(self._changes_s, rows["born"], side="right")
        self._know_flows(end, version)
        outcome, by = self._ends["outcome"][end], self._ends["by"][end]
        late = (outcome == DELIVERED) & (rows["at"] > self._world.limit_s)
        if late.any():
            outcome, by = np.where(late, IN_TRANSIT, outcome), np.where(late, self._ends["late_by"][end], by)
        for number, count in enumerate(np.bincount(outcome, self._ends["count"][end], len(OUTCOMES))):
            self.ended[number] += int(count)
        for place in np.flatnonzero(rows["way"] >= 0).tolist():
            self._note(rows[place], int(outcome[place]), int(by[place]))
        each = self._flow_count[end, version]
        at = np.repeat(np.arange(len(rows)), each)
        within = np.arange(len(at)) - np.repeat(np.cumsum(each) - each, each)
        flows = np.array(self._flows)[self._flow_first[end, version][at] + within]
        row = rows[at]
        count = flows[:, 1]
        columns = {
            "mail": row["number"], "recipients": count, "size_bytes": row["size"], "born_s": row["born"],
            "delay_s": np.where(outcome[at] == IN_TRANSIT, np.nan, row["at"] - row["born"]), "hops": row["hops"],
            "wan_bytes": np.rint(row["wan"] * count / row["count"]), "attempts": row["attempts"], "measured": row["measured"],
            "outcome": outcome[at], "kind": self._ends["kind"][end][at], "stream": row["stream"], "flow": flows[:, 0],
            "code": self._ends["code"][end][at], "by": by[at],
        }  # fmt: skip
        if self._world.bins is not None:
            self._world.bins.take(columns)
        else:
            self._blocks.append({name: columns[name].astype(dtype) for name, dtype in DTYPES.items()})

    def _note(self, row: Any, outcome: int, by: int) -> None:
        """The end of a named message's way."""
        end: End = list(self._rows.ends)[row["end"]]
        ways, path = self._arrays["ways"], []
        way = int(row["way"])
        while way > 0:
            path.append((self._rows.servers[ways[way]["server"]], self._rows.plans[ways[way]["place"]]))
            way = int(ways[way]["parent"])
        at_s, born_s = float(row["at"]), float(row["born"])
        where = self.words["by"].all()[by]
        note = Note(
            int(row["number"]),
            end.envelope,
            tuple(reversed(path)),
            outcome,
            end.code,
            where,
            at_s,
            at_s - born_s,
            int(row["hops"]),
        )
        self.notes.append(note)

    def end(self, copy: Any, end: End, at_s: float) -> NDArray[Any]:
        """A row for a copy whose way ends when the run does."""
        row = np.zeros(1, ROW)
        for name in ("number", "size", "born", "wan", "count", "way", "hops", "attempts", "stream", "measured"):
            row[name] = copy[name]
        row["at"], row["end"] = at_s, self._rows.ends.of(end)
        return row

    # --- giving them ---

    def columns(self) -> dict[str, Any]:
        """All rows, by column; words as (codes, words)."""
        columns: dict[str, Any] = {}
        if self._world.bins is not None:
            columns = self._world.bins.columns()
        else:
            for name, dtype in DTYPES.items():
                parts = [block.pop(name) for block in self._blocks]
                columns[name] = np.concatenate(parts) if parts else np.empty(0, dtype)
            self._blocks = [dict(columns)] if len(columns["mail"]) else []
        for name in WORDS:
            words = self.words[name].all()
            used = np.flatnonzero(np.bincount(columns[name], minlength=len(words)))
            place = np.zeros(len(words), np.int64)
            place[used] = np.arange(len(used))
            columns[name] = (place[columns[name]], [words[code] for code in used.tolist()])
        columns["outcome"] = (columns["outcome"].astype(np.int64), list(OUTCOMES))
        return columns

    def check_conservation(self) -> None:
        """Sent = delivered + bounced + expired + discarded + in transit, per recipient. Raises `ConservationError`."""
        if self.sent != sum(self.ended):
            books = ", ".join(f"{outcome} {count}" for outcome, count in zip(OUTCOMES, self.ended, strict=True))
            raise ConservationError(f"sent {self.sent} recipients, but {books}: {sum(self.ended)} in all")
