"""Read Domino's console log (Router and SMTP Server lines) and tables of its mail activity records.

The console log names a message by the note id in mail.box, its recipients by name; sizes stand in it only where a transfer failed.
What it does not say is left open, not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from math import nan
from pathlib import Path

from coexsim.intake.logs.book import BOUNCED, DEFERRED, LOCAL, NOBODY, SENT, SMTP, DeliveryRow, LogBook, Told, VisitRow
from coexsim.intake.logs.stamps import DAY_S
from coexsim.intake.logs.tables import REPEATED, first, number, rows_of, time_s

CONSOLE = "Domino"
SEVERAL = (
    "a console names messages by note ids of its own: one that went from a server to another whose console was given too is counted at "
    "both; give one of them, or the mail activity records, which have message ids"
)
ENDED_S = 60.0  # a message named again so soon after its last delivery is the same one
_LINE = re.compile(
    r"\s*(?:\[[0-9A-Fa-f:-]+\]\s*)?(\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\s+\d{1,2}:\d\d(?::\d\d)?(?:\s*[AaPp][Mm])?)\s+(.*)"
)
# At the informational level size, sender and the ids of note and document follow, as `Log_MailRouting=30` writes them.
_SIZE = r"(?: Size: (?P<size>[\d.]+)(?P<unit>[KMG]?)B?(?: bytes)?)?(?: Time: ?\S+)?"
_IDS = r"(?: [0-9A-Z]{10}:[0-9A-Z]{8}\S* [0-9A-Z]{10}:[0-9A-Z]{8}\S*)?"
_RECEIVED = re.compile(
    r"SMTP Server: Message ([0-9A-F]{8})(?: \(MessageID ?: ?(?P<id>[^)]*)\))? received(?: from (?P<host>\S+))?"
    r"(?: size (?P<size>\d+)(?P<unit>) bytes)?",
    re.I,
)
_DELIVERED = re.compile(
    r"(?:Mail )?Router: Message ([0-9A-F]{8})(?:, [0-9A-F]{8})?,? delivered to (?P<to>.+?)"
    rf"(?: from (?P<from>.+?){_IDS})?{_SIZE}\s*$",
    re.I,
)
_TRANSFERRED = re.compile(
    r"(?:Mail )?Router: Message ([0-9A-F]{8}),? transferred (?:via SMTP )?to (?P<host>\S+)(?: for (?P<to>.+?))?"
    rf"(?: from (?P<from>.+?){_IDS})?{_SIZE}(?: via SMTP)?\s*$",
    re.I,
)
_FAILED = re.compile(
    r"(?:Mail )?Router: Message ([0-9A-F]{8}),? not (?P<verb>transferred|delivered)(?: via SMTP)? to (?P<host>\S+)(?: for (?P<to>\S+))?"
    r"(?: from (?P<from>\S+))?(?: Size: (?P<size>[\d.]+)(?P<unit>[KMG]?))?(?P<said>.*)",
    re.I,
)
_TWO_NUMBERS = re.compile(r"\s*(?:\[[0-9A-Fa-f:-]+\]\s*)?(\d{1,2})([/.-])(\d{1,2})[/.-]\d{2,4}\s")
UNITS = {"": 1, "K": 1000, "M": 1_000_000, "G": 1_000_000_000}


class _Note:
    """A message in mail.box."""

    def __init__(self, number: int, arrived_s: float, origin: int, message_id: str) -> None:
        self.number, self.arrived_s, self.origin, self.message_id = number, arrived_s, origin, message_id
        self.last_s = arrived_s
        self.is_arrival_known = origin == SMTP  # what the server's own users hand in has no line of its own
        self.sender = self.size_bytes = self.client = NOBODY


def read_console(book: LogBook, lines: Iterable[str], told: Told) -> None:
    """Read one console log into the book."""
    console = _ConsoleReader(book, told)
    try:
        for at, line in enumerate(lines, start=1):
            console.read(at, line)
    finally:  # a packed file may break off: what was read of it stays
        console.end()


class _ConsoleReader:
    """What one console log has said so far: messages by note id, and the latest time."""

    def __init__(self, book: LogBook, told: Told) -> None:
        self._book, self._told = book, told
        self._mine: set[int] = set()  # hashes of the lines that were used
        self._repeated = 0
        self._server = NOBODY  # the console does not say its name
        self._notes: dict[str, _Note] = {}
        self._day_first = False
        self._at_s = 0.0

    def read(self, at: int, line: str) -> None:
        """Read a line; `at` is its number."""
        self._told.lines += 1
        order = _TWO_NUMBERS.match(line)
        self._day_first = self._day_first or bool(order and (order[2] == "." or int(order[1]) > 12))
        match = _LINE.match(line)
        if match is None:
            if "Router:" in line or "\0" in line:
                self._told.damage(at, line)
            else:
                self._told.other += 1
            return
        patterns = (_DELIVERED, _TRANSFERRED, _FAILED, _RECEIVED)
        event = next((found for pattern in patterns if (found := pattern.match(match[2].rstrip()))), None)
        if event is None:
            self._told.other += 1
            return
        if (key := hash(line)) in self._book.rows_read:  # of another log of the same console
            self._repeated += 1
            self._told.other += 1
            return
        self._mine.add(key)
        try:
            self._at_s = time_s(match[1], day_first=self._day_first)
        except ValueError:
            self._told.damage(at, line)
            return
        self._told.used += 1
        self._happened(event)
        if at % 100_000 == 0:
            self._let_go()

    def _happened(self, event: re.Match[str]) -> None:
        """A message came in, went on, or failed to."""
        book, at_s = self._book, self._at_s
        if self._server == NOBODY:
            self._server = _console(book, at_s, self._told.file)
            if book.consoles.keys() - {self._server}:
                self._told.remarks.append(SEVERAL)
        note = self._note_of(event)
        note.last_s = max(note.last_s, at_s)
        _about_message(book, note, event)
        if event.re is _RECEIVED:
            note.client = book.hosts.code(event["host"]) if event["host"] else NOBODY
        else:
            _delivery(book, note, event, at_s)

    def _note_of(self, event: re.Match[str]) -> _Note:
        name, is_received = event[1].upper(), event.re is _RECEIVED
        note = self._notes.get(name)
        if note is not None and (is_received or self._at_s - note.last_s > DAY_S):
            self._write(self._notes.pop(name))  # note ids are used again
            note = None
        if note is None:
            said_id = event["id"] if is_received else None
            note = self._notes[name] = _Note(
                self._book.new_visit(), self._at_s, SMTP if is_received else LOCAL,
                said_id.strip() if said_id else "",
            )  # fmt: skip
        return note

    def _let_go(self) -> None:
        """Write the messages that nothing was said of for a day, so that memory does not grow with the log."""
        for old in [key for key, each in self._notes.items() if self._at_s - each.last_s > DAY_S]:
            self._write(self._notes.pop(old))
        self._book.pack()

    def _write(self, note: _Note) -> None:
        self._book.visits.add(VisitRow(
            visit=note.number, server=self._server, queue_id=0, message_id=note.message_id, sender=note.sender,
            size_bytes=note.size_bytes, recipients=NOBODY, arrived_s=note.arrived_s, gone_s=note.last_s, client=note.client,
            origin=note.origin, is_arrival_known=note.is_arrival_known,
        ))  # fmt: skip

    def end(self) -> None:
        """Write what is left, and what the log cannot say."""
        for note in self._notes.values():
            self._write(note)
        if self._server != NOBODY:
            self._book.consoles[self._server] = self._at_s
        self._book.rows_read |= self._mine
        if self._repeated:
            self._told.remarks.append(REPEATED.format(self._repeated))
        self._told.remarks.append(
            "Domino's console log has times to the second; senders and sizes of delivered mail only at the informational level"
        )


def _console(book: LogBook, from_s: float, file: str) -> int:
    """The server of a console log: the one of a log that ended before, else another one, by the file's name."""
    before = next((server for server, to_s in book.consoles.items() if from_s >= to_s - ENDED_S), None)
    if before is not None:
        return before
    server = book.servers.code(f"{CONSOLE} ({Path(file).stem})" if book.consoles else CONSOLE)
    book.products[server], book.resolution_s[server] = "domino", 1.0
    return server


def _about_message(book: LogBook, note: _Note, event: re.Match[str]) -> None:
    """Sender and size, where a line says them; a size in bytes is not replaced by one in thousands."""
    parts = event.groupdict()
    if parts.get("from"):
        note.sender = book.addresses.code(parts["from"].strip("<>"))
    if parts.get("size") and not (parts["unit"] and note.size_bytes >= 0):
        size = parts["size"] if parts["size"].count(".") <= 1 and parts["size"][0] != "." else "0"
        note.size_bytes = int(min(float(size) * UNITS[(parts["unit"] or "").upper()], 1e15))


def _delivery(book: LogBook, note: _Note, event: re.Match[str], at_s: float) -> None:
    parts = event.groupdict()
    status = SENT
    if event.re is _FAILED:
        said = (parts["said"] or "").casefold()
        status = BOUNCED if "user unknown" in said or "not listed" in said or "550" in said else DEFERRED
    is_local = event.re is _DELIVERED
    to = book.addresses.code((parts.get("to") or "").strip() or "(not said)")
    relay = book.hosts.code("mail file" if is_local else (parts.get("host") or "").strip())
    code = book.codes.code({SENT: "2.0.0", DEFERRED: "4.0.0"}.get(status, "5.0.0"))
    book.deliveries.add(DeliveryRow(
        visit=note.number, to=to, written_to=to, relay=relay, at_s=at_s,
        delay_s=at_s - note.arrived_s if note.is_arrival_known else nan, status=status, code=code, is_local=is_local,
    ))  # fmt: skip


def read_activity(book: LogBook, lines: Iterable[str], told: Told) -> None:
    """Read a table of mail activity records: Deposit, Delivery, Delivery failure, Transfer, Transfer failure."""
    visits = book.table_visits
    for at, row in rows_of(lines, told, book.rows_read):
        kind = first(row, "recordtype", "type").casefold()
        host, message_id = first(row, "server", "servername", "thisserver"), first(row, "messageid")
        try:
            at_s = time_s(first(row, "time", "timestamp", "date", "activitytime"))
            if not message_id:
                raise ValueError("no message id")
        except (ValueError, OverflowError):
            told.damage(at, ",".join(row.values()))
            continue
        key = ("activity", host, message_id)
        if key not in visits:
            visits[key] = (book.new_visit(), at_s if kind.startswith("deposit") else nan)
            previous = first(row, "precedinghop", "previoushop", "previousserver")
            client = book.hosts.code(previous) if previous else NOBODY
            sender = book.addresses.code(first(row, "originator", "sender"))
            size_bytes = number(first(row, "size", "messagesize"))
            server = book.servers.code(host or CONSOLE)
            book.products[server], book.resolution_s[server] = "domino", 1.0
            book.visits.add(VisitRow(
                visit=visits[key][0], server=server, queue_id=0, message_id=message_id, sender=sender, size_bytes=size_bytes,
                recipients=NOBODY, arrived_s=at_s, gone_s=nan, client=client, origin=SMTP if previous else LOCAL,
                is_arrival_known=kind.startswith("deposit"),
            ))  # fmt: skip
        told.used += 1
        visit, arrived_s = visits[key]
        if kind.startswith("deposit"):
            continue
        status = BOUNCED if kind == "delivery failure" else DEFERRED if "failure" in kind else SENT
        is_local = kind.startswith("delivery")
        relay = book.hosts.code("mail file" if is_local else first(row, "nexthop", "nextserver") or "outside")
        code = book.codes.code({SENT: "2.0.0", DEFERRED: "4.0.0"}.get(status, "5.0.0"))
        for name in first(row, "recipients", "recipient").split(";"):
            if name.strip():
                to = book.addresses.code(name.strip())
                book.deliveries.add(DeliveryRow(
                    visit=visit, to=to, written_to=to, relay=relay, at_s=at_s, delay_s=at_s - arrived_s if at_s >= arrived_s else nan,
                    status=status, code=code, is_local=is_local,
                ))  # fmt: skip
        book.pack()
