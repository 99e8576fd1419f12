"""What became of every message, as columns: rows are gathered in a flat list and folded into arrays some ten thousand at a time.

It also does the accounting: recipients sent = the sum of all outcomes.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim.errors import ConservationError
from coexsim.mail.message import Rcpt
from coexsim.sim.binned import Bins
from coexsim.sim.mail_row import DTYPES, IN_TRANSIT, TABLE_OUTCOMES, WORDS, MailRow
from coexsim.sim.message import EnvelopeClass, Message

Floats = NDArray[np.float64]
_FOLD_AT_ROWS = 16_384


class Note(NamedTuple):
    """An end of a named message's way: the servers it passed, each with what it said of every recipient."""

    number: int
    envelope: EnvelopeClass
    rules_met: tuple[tuple[str, dict[Rcpt, tuple[str, str]]], ...]
    outcome: int
    code: str
    by: str
    at_s: float
    delay_s: float
    hops: int


class WordCodes:
    """Words as numbers, in the order in which they first came."""

    def __init__(self) -> None:
        self._code: dict[str, int] = {}

    def code(self, word: str) -> int:
        """The number of a word."""
        return self._code.setdefault(word, len(self._code))

    def all(self) -> list[str]:
        """The words, by number."""
        return list(self._code)


def in_words(columns: dict[str, Any], words: dict[str, list[str]]) -> dict[str, Any]:
    """The same columns, those of words as (codes, words)."""
    codes = {name: (columns[name].astype(np.int64), known) for name, known in words.items()}
    return columns | codes | {"outcome": (columns["outcome"].astype(np.int64), list(TABLE_OUTCOMES))}


class Recorder:
    """The ``mail`` table of a run in the making."""

    def __init__(
        self, flows: Callable[[EnvelopeClass, int], tuple[tuple[str, int], ...]], version_at: Callable[[float], int],
        bins: Bins | None = None,
    ) -> None:  # fmt: skip
        self._flows_of = flows  # given a version of the directory, which `version_at` knows by time
        self._version_at = version_at
        self._bins = bins
        self._flows: dict[tuple[EnvelopeClass, int], tuple[tuple[int, int], ...]] = {}
        self.words = {name: WordCodes() for name in WORDS}
        self._buffer: list[float] = []
        self._blocks: list[NDArray[np.float64]] = []
        self.sent = 0
        self.ended = [0] * len(TABLE_OUTCOMES)
        self.notes: list[Note] = []

    def _flows_in(self, envelope: EnvelopeClass, born_s: float) -> tuple[tuple[int, int], ...]:
        version = self._version_at(born_s)
        flows = self._flows.get((envelope, version))
        if flows is None:
            code = self.words["flow"].code
            found = tuple((code(flow), count) for flow, count in self._flows_of(envelope, version))
            flows = self._flows[envelope, version] = found
        return flows

    def end(
        self, message: Message, envelope: EnvelopeClass, outcome: int, at_s: float, code: str = "", by: str = ""
    ) -> None:
        """A message's way ends here for all recipients of `envelope`."""
        words = self.words
        delay_s = nan if outcome == IN_TRANSIT else at_s - message.born_s
        stream, kind = words["stream"].code(message.stream), words["kind"].code(envelope.kind)
        code_number, by_number = words["code"].code(code), words["by"].code(by)
        for flow, count in self._flows_in(envelope, message.born_s):
            self._buffer += MailRow(
                mail=message.number, kind=kind, stream=stream, flow=flow, recipients=count, size_bytes=message.size_bytes,
                born_s=message.born_s, delay_s=delay_s, outcome=outcome, code=code_number, by=by_number, hops=message.hops,
                wan_bytes=round(message.wan_share(count)), attempts=message.attempts, measured=message.measured,
            )  # fmt: skip
        self.ended[outcome] += envelope.count
        if message.rules_met is not None:
            rules_met = tuple(message.rules_met)
            self.notes.append(
                Note(message.number, envelope, rules_met, outcome, code, by, at_s, at_s - message.born_s, message.hops)
            )
        if len(self._buffer) >= _FOLD_AT_ROWS * len(DTYPES):
            self._fold()

    def _fold(self) -> None:
        rows = np.array(self._buffer).reshape(-1, len(DTYPES))
        self._buffer.clear()
        if self._bins is None:
            self._blocks.append(rows)
        else:
            self._bins.take(dict(zip(DTYPES, rows.T, strict=True)))

    def columns(self) -> dict[str, Any]:
        """All rows, by column; words as (codes, words)."""
        if self._buffer:
            self._fold()
        if self._bins is not None:
            return in_words(self._bins.columns(), {name: self.words[name].all() for name in WORDS})
        rows = np.concatenate(self._blocks) if self._blocks else np.empty((0, len(DTYPES)))
        self._blocks = [rows]
        columns: dict[str, Any] = dict(zip(DTYPES, rows.T, strict=True))
        return in_words(columns, {name: self.words[name].all() for name in WORDS})

    def check_conservation(self) -> None:
        """Sent = delivered + bounced + expired + discarded + in transit, per recipient. Raises `ConservationError`."""
        if self.sent != sum(self.ended):
            books = ", ".join(f"{outcome} {count}" for outcome, count in zip(TABLE_OUTCOMES, self.ended, strict=True))
            raise ConservationError(f"sent {self.sent} recipients, but {books}: {sum(self.ended)} in all")
