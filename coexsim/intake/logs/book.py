"""The tables that every log reader fills: visits of a message at a server, deliveries, refusals and sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from math import nan
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, get_type_hints

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.logs.sessions import Sessions
from coexsim.intake.logs.spool import Spool

BLOCK_ROWS = 8_192  # rows as tuples take ten times what they take in columns
TEXT = "text"  # a column of texts that are kept as numbers of 64 bits, the same in every run; 0: no text
NOBODY = -1  # a word that the log does not say

MOST_PROGRAMS = 6  # that are named
MOST_SHOWN = 120  # characters of a damaged line
STATUSES = ("sent", "bounced", "deferred", "expired", "discarded")
SENT, BOUNCED, DEFERRED, EXPIRED, DISCARDED = range(5)
ORIGINS = ("unknown", "smtp", "local", "notice")
UNKNOWN_ORIGIN, SMTP, LOCAL, NOTICE = range(4)


class VisitRow(NamedTuple):
    """A message, or the part of one that came together, at a server. Each field has the dtype of its column."""

    visit: Annotated[int, "int64"]  # number of the visit
    server: Annotated[int, "int32"]
    queue_id: Annotated[int, "int64"]  # hash of the queue id; 0: none
    message_id: Annotated[str, TEXT]
    sender: Annotated[int, "int32"]
    size_bytes: Annotated[int, "int64"]  # -1: not said
    recipients: Annotated[int, "int32"]  # as the server counts them; -1: not said
    arrived_s: Annotated[float, "float64"]
    gone_s: Annotated[float, "float64"]  # not a number: still there, or not said
    client: Annotated[int, "int32"]  # who handed it in
    origin: Annotated[int, "int8"]
    is_arrival_known: Annotated[
        bool, "bool"
    ]  # False: its first line is missing, `arrived_s` is the time of a later one
    is_id_told: Annotated[bool, "bool"] = True  # also where the mail has no message-id, and the log says so


class DeliveryRow(NamedTuple):
    """What became of a recipient in an attempt. What only Postfix says is left out elsewhere."""

    visit: Annotated[int, "int64"]
    to: Annotated[int, "int32"]
    written_to: Annotated[int, "int32"]  # the recipient before aliases and groups
    relay: Annotated[int, "int32"]  # next host; the name of the transport for a local delivery
    at_s: Annotated[float, "float64"]
    delay_s: Annotated[float, "float32"]  # from arrival to this attempt's end
    status: Annotated[int, "int8"]
    code: Annotated[int, "int32"]  # enhanced status code
    is_local: Annotated[bool, "bool"]
    before_s: Annotated[float, "float32"] = nan  # delays=a/...: receipt and scan, before the queue manager
    queue_s: Annotated[float, "float32"] = nan  # b: in the queue manager
    connect_s: Annotated[float, "float32"] = nan  # c: connection set-up
    transfer_s: Annotated[float, "float32"] = nan  # d: transmission
    next_id: Annotated[int, "int64"] = 0  # hash of the queue id that the next server gave it; 0: none
    reuse: Annotated[int, "int16"] = 0  # how often the connection was used; 0: not said
    was_tried: Annotated[bool, "bool"] = (
        True  # False: deferred without an attempt, since the host was known not to answer
    )


class RefusalRow(NamedTuple):
    """A recipient, or a whole message, that a server did not take."""

    message: Annotated[int, "int64"]  # refusals of one message share it
    visit: Annotated[int, "int64"]  # -1: the whole message was refused
    server: Annotated[int, "int32"]
    at_s: Annotated[float, "float64"]
    client: Annotated[int, "int32"]
    sender: Annotated[int, "int32"]
    to: Annotated[int, "int32"]  # -1: refused before any recipient was named
    code: Annotated[int, "int32"]


Row = TypeVar("Row", VisitRow, DeliveryRow, RefusalRow)


def _column(values: tuple[Any, ...], dtype: str) -> NDArray[Any]:
    if dtype != TEXT:
        return np.array(values, dtype)
    texts = np.array(values, object)
    numbers: NDArray[Any] = pd.util.hash_array(texts, categorize=False).view(np.int64)
    numbers[texts == ""] = 0
    return numbers


class GrowingTable(Generic[Row]):
    """A table that grows by rows of one kind and is kept as arrays, a block at a time."""

    def __init__(self, row: type[Row]) -> None:
        hints = get_type_hints(row, include_extras=True)
        self._given: dict[str, str] = {name: hint.__metadata__[0] for name, hint in hints.items()}
        self.columns = {name: "int64" if dtype == TEXT else dtype for name, dtype in self._given.items()}
        self._fresh: list[Row] = []
        self._blocks: list[list[NDArray[Any]]] = []
        self.add: Callable[[Row], None] = self._fresh.append
        self.add_all: Callable[[Iterable[Row]], None] = self._fresh.extend

    def fresh(self) -> list[NDArray[Any]]:
        """The rows added since the last time as arrays; they are not kept here."""
        if not self._fresh:
            return [np.empty(0, dtype) for dtype in self.columns.values()]
        pairs = zip(zip(*self._fresh, strict=True), self._given.values(), strict=True)
        found = [_column(values, dtype) for values, dtype in pairs]
        self._fresh.clear()
        return found

    def pack(self) -> None:
        """Turn the rows added since the last time into arrays."""
        if self._fresh:
            self._blocks.append(self.fresh())

    @property
    def is_full(self) -> bool:
        """Is it time to pack."""
        return len(self._fresh) >= BLOCK_ROWS

    def frame(self) -> pd.DataFrame:
        """All rows as a table."""
        self.pack()
        columns = []
        for i, dtype in enumerate(self.columns.values()):
            columns.append(np.concatenate([block[i] for block in self._blocks]) if self._blocks else np.empty(0, dtype))
            for block in self._blocks:
                block[i] = columns[-1][:0]  # one column at a time is there twice
        self._blocks = [columns]
        return pd.DataFrame(dict(zip(self.columns, columns, strict=True)), copy=False)

    def taken(self) -> pd.DataFrame:
        """All rows as a table, which are not kept here."""
        found = self.frame()
        self._blocks = []
        return found


class TextCodes:
    """Texts by number, each once."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, text: str) -> int:
        """The number of a text."""
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self.texts)
            self.texts.append(text)
        return code

    def __getitem__(self, code: int) -> str:
        return self.texts[code] if code >= 0 else ""

    def __len__(self) -> int:
        return len(self.texts)


@dataclass
class Told:
    """What a reader did with the lines of one file."""

    file: str
    kind: str
    lines: int = 0
    used: int = 0
    other: int = 0  # lines of other programs, or that carry nothing needed here
    damaged: int = 0
    first_damaged: str = ""  # where, and what was found
    remarks: list[str] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)  # lines of no use here, by the program that wrote them
    screened: int = 0  # refusals of Postfix's postscreen, in front of all that takes mail
    put_off: int = 0  # recipients that were refused for now
    filtered: int = 0  # messages that a Milter or a check of their content refused when all of them had come

    @property
    def what_is_left(self) -> list[str]:
        """The lines that were not used, by program, and the refusals among them that are in no figure."""
        most = sorted(self.unused.items(), key=lambda item: (-item[1], item[0]))
        counts = [f"{n:,} of {program}" for program, n in most[:MOST_PROGRAMS]]
        if len(most) > MOST_PROGRAMS:
            counts.append(f"{sum(n for _, n in most[MOST_PROGRAMS:]):,} of others")
        found = [f"lines not used: {', '.join(counts)}"] if counts else []
        if self.screened:
            found.append(
                f"{self.screened:,} recipients were refused by postscreen, before a server took their mail: in no figure, nor in the replay"
            )
        if self.filtered:
            found.append(
                f"{self.filtered:,} messages were refused by a Milter or a check of their content: in no figure, nor in the replay"
            )
        if self.put_off:
            found.append(
                f"{self.put_off:,} recipients were put off by a temporary refusal (greylisting): those that came again are counted then"
            )
        return found

    def damage(self, line: int, found: str, why: str = "") -> None:
        """Count a line that cannot be read; the first one is remembered, with what is wrong with it."""
        self.damaged += 1
        if not self.first_damaged:
            self.first_damaged = f"line {line}: {found.strip()[:MOST_SHOWN]!r}" + (
                f" ({why[:MOST_SHOWN]})" if why else ""
            )


class LogBook:
    """What logs say, before hops are joined. Times are seconds since 1970 (UTC where the log tells its zone).

    With several `parts`, which only Postfix's reader can fill, visits lie in a temporary file: see `Spool`.
    """

    def __init__(self, parts: int = 1) -> None:
        self.servers = TextCodes()
        self.hosts = TextCodes()  # clients and relays, as written
        self.addresses = TextCodes()
        self.codes = TextCodes()
        self.visits = GrowingTable(VisitRow)
        self.deliveries = GrowingTable(DeliveryRow)
        self.refusals = GrowingTable(RefusalRow)
        self.sessions = Sessions()
        self.names: dict[int, set[str]] = {}  # host names by which a server calls itself
        self.told: list[Told] = []
        self.zones_s: dict[int, float] = {}  # server: what its local time is ahead of UTC, where known
        self.resolution_s: dict[int, float] = {}  # server: step of its delays
        self.products: dict[int, str] = {}  # server: the product whose log it is
        self.id_length: dict[int, int] = {}  # server: length of its queue ids
        self.size_limits: dict[str, int] = {}  # host: largest message that it says it takes [bytes]
        self.starts: list[tuple[int, float]] = []  # server and when it was started
        self.stops: list[tuple[int, float]] = []
        # Server, from when to when its log has no line though mail was under way.
        self.holes: list[tuple[int, float, float]] = []
        self.consoles: dict[int, float] = {}  # server: the last time in its console log
        # Kind of table and two keys: visit, and when it came.
        self.table_visits: dict[tuple[str, str, str], tuple[int, float]] = {}
        self.rows_read: set[int] = set()  # hashes of what was read in tables and consoles: they overlap
        self.expired: list[int] = []  # visits that were given up: recipients that were deferred last have expired
        self._visits = 0
        self._messages = 0
        tables = (self.visits.columns, self.deliveries.columns, self.refusals.columns)
        self._spool = Spool(*tables, parts) if parts > 1 else None

    def new_visit(self) -> int:
        """A number for a visit."""
        self._visits += 1
        return self._visits - 1

    def new_message(self) -> int:
        """A number that refusals of one message share."""
        self._messages += 1
        return self._messages - 1

    def pack(self, *, is_last: bool = False) -> None:
        """Turn tables with many fresh rows into arrays."""
        tables = (self.visits, self.deliveries, self.refusals)
        if self._spool is None:
            for rows in tables:
                if rows.is_full:
                    rows.pack()
        elif is_last or any(rows.is_full for rows in tables):
            self._spool.add(*(rows.fresh() for rows in tables))
        if is_last and self._spool is not None:
            self._spool.settle()

    def tables(self) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
        """Visits, deliveries and refusals, a part after the other; they are not kept here."""
        if self._spool is None:
            yield self.visits.taken(), self.deliveries.taken(), self.refusals.taken()
        else:
            for part in range(self._spool.parts + 1):
                yield self._spool.take(part)

    @property
    def parts(self) -> int:
        """How many parts `tables` gives."""
        return 1 if self._spool is None else self._spool.parts + 1
