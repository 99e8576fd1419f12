"""Read Exchange's message tracking log of any version, by its ``#Fields`` line, and what the shell exports of it.

Events and fields as Microsoft's "Message tracking" page has them. A message at a server is what has one internal-message-id there;
shadow copies (HA...) are left out, a message that is split (TRANSFER) stays one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import nan

from coexsim.intake.logs.book import (
    BOUNCED,
    DEFERRED,
    DISCARDED,
    EXPIRED,
    LOCAL,
    NOBODY,
    NOTICE,
    SENT,
    SMTP,
    DeliveryRow,
    LogBook,
    Told,
    VisitRow,
)
from coexsim.intake.logs.tables import ENHANCED, first, number, rows_of, time_s

FORGOTTEN_S = 3 * 86400.0  # Exchange gives mail up after two days
SWEEP_ROWS = 100_000
SENDS = ("SEND", "SENDEXTERNAL")  # between servers, and to the Internet; the second is from memory
ENDS = {"SEND": SENT, "SENDEXTERNAL": SENT, "DELIVER": SENT, "FAIL": BOUNCED, "DELIVERFAIL": BOUNCED, "DEFER": DEFERRED, "DROP": DISCARDED,
        "BADMAIL": DISCARDED, "POISONMESSAGE": DISCARDED, "DUPLICATEDELIVER": DISCARDED}  # fmt: skip
GIVEN_UP = ("4.4.7", "5.4.7")  # QUEUE.Expired
STARTS = ("RECEIVE", "DSN", "LOAD")


FOLLOWED = frozenset((*STARTS, *ENDS, "TRANSFER", "EXPAND", "REDIRECT", "RESOLVE"))
PASSED = (
    "AGENTINFO", "DUPLICATEEXPAND", "DUPLICATEREDIRECT", "HADISCARD", "HARECEIVE", "HAREDIRECT", "HAREDIRECTFAIL", "INITMESSAGECREATED",
    "MODERATIONEXPIRE", "MODERATORAPPROVE", "MODERATORREJECT", "MODERATORSALLNDR", "NOTIFYMAPI", "NOTIFYSHADOW", "PROCESS",
    "PROCESSMEETINGMESSAGE", "RESUBMIT", "RESUBMITDEFER", "RESUBMITFAIL", "SUBMIT", "SUBMITDEFER", "SUBMITFAIL", "SUPPRESSED", "THROTTLE",
)  # fmt: skip
"""Events of the same page that say nothing of where mail goes, or say again what others do."""
KNOWN = FOLLOWED | frozenset(PASSED)
MOST_NAMED = 5


class _Visit:
    """A message at a server."""

    __slots__ = (
        "arrived_s", "became", "client", "is_arrival_known", "keys", "message_id", "number", "open", "origin", "recipients", "sender",
        "server", "size_bytes",
    )  # fmt: skip

    def __init__(self, number: int, server: int, arrived_s: float) -> None:
        self.number, self.server, self.arrived_s = number, server, arrived_s
        self.client = self.sender = self.size_bytes = self.recipients = NOBODY
        self.message_id = ""
        self.origin = 0
        self.is_arrival_known = False
        self.open: set[str] = set()
        self.became: dict[str, str] = {}  # address after expansion: as written
        self.keys: list[tuple[str, str]] = []


class ExchangeReader:
    """Reads the rows of one or several files."""

    def __init__(self, book: LogBook) -> None:
        self._book = book
        self._visits: dict[tuple[str, str], _Visit] = {}
        self._now_s = 0.0
        self._passed: Counter[str] = Counter()

    def read(self, lines: Iterable[str], told: Told) -> None:
        """Read the lines of a file."""
        for at, row in rows_of(lines, told, self._book.rows_read):
            event = first(row, "eventid").upper()
            self._passed[event] += event not in KNOWN
            if event.startswith("HA") or not event:
                told.other += 1
                continue
            try:
                self._now_s = time_s(
                    first(row, "datetime", "datetimeutc", "timestamp", "timestamputc", "origintimestamputc")
                )
                used = self._event(event, row)
            except (ValueError, OverflowError):
                told.damage(at, ",".join(row.values()))
                continue
            told.used += used
            told.other += not used
            if at % SWEEP_ROWS == 0:
                self._sweep()
        strange = [f"{event[:40]} ({count:,})" for event, count in self._passed.most_common() if count and event]
        if strange:
            told.remarks.append(
                f"rows of events that are not known, and were left out: {', '.join(strange[:MOST_NAMED])}"
            )
        self._passed.clear()

    def close(self) -> None:
        """Write what has no end in the log."""
        for visit in dict.fromkeys(self._visits.values()):
            self._write(visit, nan)
        self._visits.clear()

    def _sweep(self) -> None:
        old = {visit for visit in self._visits.values() if visit.arrived_s < self._now_s - FORGOTTEN_S}
        for visit in sorted(old, key=lambda visit: visit.number):
            self._write(visit, nan)
        self._visits = {key: visit for key, visit in self._visits.items() if visit not in old}
        self._book.pack()

    def _event(self, event: str, row: dict[str, str]) -> bool:
        if event not in FOLLOWED:
            return False  # NOTIFYMAPI, AGENTINFO, SUBMIT and others; some have no message id
        inside = first(row, "internalmessageid") or first(row, "networkmessageid", "messageid")
        if not inside:
            raise ValueError("no message id")
        server, client = first(row, "serverhostname", "serverip"), first(row, "clienthostname", "clientip")
        said = first(row, "recipientaddress", "recipients").casefold()  # one address may be written in several ways
        named = [to for to in said.replace(" ", ";").split(";") if to]
        if event in STARTS:
            return self._start(event, row, inside, server, client, named)
        visit = self._visits.get((client, inside)) or self._visits.get((server, inside))
        if event == "TRANSFER":
            parent = next(
                (v for key in (server, client) if (v := self._visits.get((key, first(row, "reference"))))), None
            )
            if parent is not None:
                for host in (server, client):
                    self._visits[host, inside] = parent
                    parent.keys.append((host, inside))
            return parent is not None
        if visit is None:
            if event not in ENDS:
                return False
            visit = self._new(client or server, inside, row)  # its beginning is in another file
        if event in ("EXPAND", "REDIRECT", "RESOLVE"):
            whole = first(row, "relatedrecipientaddress").casefold()
            for to in named:
                visit.became[to] = visit.became.get(whole, whole)
            visit.open.discard(whole)
            visit.open.update(named)
            return True
        status = ENDS.get(event)
        if status is None:
            return False
        self._end(visit, event, status, row, named, server)
        return True

    def _start(self, event: str, row: dict[str, str], inside: str, server: str, client: str, named: list[str]) -> bool:
        if (server, inside) in self._visits:
            return False
        source = first(row, "source").upper()
        visit = self._new(server, inside, row)
        visit.is_arrival_known = True
        visit.client = self._book.hosts.code(client) if client else NOBODY
        visit.recipients = number(first(row, "recipientcount"), len(named) or NOBODY)
        visit.open.update(named)
        if "DSN" in (event, source):
            visit.origin = NOTICE
        else:
            visit.origin = LOCAL if source == "STOREDRIVER" else SMTP
        return True

    def _new(self, server: str, inside: str, row: dict[str, str]) -> _Visit:
        """A message at a server, with what every row about it says."""
        visit = _Visit(self._book.new_visit(), self._book.servers.code(server or "Exchange"), self._now_s)
        self._book.products[visit.server], self._book.resolution_s[visit.server] = "exchange", 0.001
        visit.message_id = first(row, "messageid")
        sender = first(row, "senderaddress", "sender", "returnpath").strip("<>")
        visit.sender = self._book.addresses.code("" if first(row, "returnpath") == "<>" else sender)
        visit.size_bytes = number(first(row, "totalbytes"))
        self._visits[server, inside] = visit
        visit.keys.append((server, inside))
        return visit

    def _end(
        self, visit: _Visit, event: str, status: int, row: dict[str, str], named: list[str], next_host: str
    ) -> None:
        book, delay_s = self._book, max(self._now_s - visit.arrived_s, 0.0) if visit.is_arrival_known else nan
        said = ENHANCED.search(first(row, "recipientstatus") or first(row, "sourcecontext"))
        code = book.codes.code(said[1] if said else {SENT: "2.0.0", DEFERRED: "4.0.0"}.get(status, "5.0.0"))
        if status == BOUNCED and said and said[1] in GIVEN_UP:
            status = EXPIRED
        is_local = event not in SENDS
        relay = book.hosts.code(next_host if not is_local or event == "DEFER" else "STOREDRIVER")
        for to in named or sorted(visit.open):
            written = visit.became.get(to, to)
            book.deliveries.add(DeliveryRow(
                visit=visit.number, to=book.addresses.code(to), written_to=book.addresses.code(written), relay=relay, at_s=self._now_s,
                delay_s=delay_s, status=status, code=code, is_local=is_local,
            ))  # fmt: skip
            if status != DEFERRED:
                visit.open.discard(to)
        if not visit.open and status != DEFERRED:
            self._write(visit, self._now_s)
            for key in visit.keys:
                self._visits.pop(key, None)

    def _write(self, visit: _Visit, gone_s: float) -> None:
        self._book.visits.add(VisitRow(
            visit=visit.number, server=visit.server, queue_id=0, message_id=visit.message_id, sender=visit.sender,
            size_bytes=visit.size_bytes, recipients=visit.recipients, arrived_s=visit.arrived_s, gone_s=gone_s, client=visit.client,
            origin=visit.origin, is_arrival_known=visit.is_arrival_known,
        ))  # fmt: skip
