"""Read the CSV of Google Workspace's email log search: one row a delivery event."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

from coexsim.intake.logs.book import (
    BOUNCED,
    DEFERRED,
    LOCAL,
    NOBODY,
    SENT,
    SMTP,
    DeliveryRow,
    LogBook,
    RefusalRow,
    Told,
    VisitRow,
)
from coexsim.intake.logs.tables import ENHANCED, first, number, rows_of, status_of, time_s

SERVICE = "Google Workspace"
UNSAID = ("", "N/A")
INSIDE = ("GMAIL_INBOX", "GMAIL_SPAM", "INTERNAL_SERVER", "LOCAL")


def read_google(book: LogBook, lines: Iterable[str], told: Told) -> None:
    """Read one export into the book."""
    server = book.servers.code(SERVICE)
    book.resolution_s[server] = 1.0
    visits = book.table_visits
    for at, row in rows_of(lines, told, book.rows_read):
        message_id, target = first(row, "messageid"), first(row, "eventtarget").upper()
        try:
            begun_s = time_s(first(row, "startdate", "eventdate"))
            event_s = time_s(first(row, "eventdate", "enddate", "startdate"))
            if not message_id:
                raise ValueError("no message id")
        except (ValueError, OverflowError):
            told.damage(at, ",".join(row.values()))
            continue
        status, target_is_in = _status(row), target == "SMTP_IN"
        if target_is_in and status == BOUNCED:
            _refused(book, server, row, event_s)
            told.used += 1
            continue
        key = (SERVICE, "", message_id)
        if key not in visits:
            visit = book.new_visit()
            visits[key] = (visit, begun_s)
            sender = book.addresses.code(first(row, "sender").strip("<>"))
            origin = LOCAL if first(row, "direction").casefold() == "sent" else SMTP
            size = number(first(row, "messagesize"))
            book.visits.add(VisitRow(
                visit=visit, server=server, queue_id=0, message_id=message_id, sender=sender, size_bytes=size, recipients=NOBODY,
                arrived_s=begun_s, gone_s=nan, client=NOBODY, origin=origin, is_arrival_known=True,
            ))  # fmt: skip
        visit, begun_s = visits[key]
        is_local = target in INSIDE
        if status is None or target_is_in or target == "LIST_SERVER" or not first(row, "recipientaddress"):
            told.other += 1
            continue
        told.used += 1
        to = book.addresses.code(first(row, "recipientaddress"))
        relay = book.hosts.code(target.casefold() if is_local else first(row, "eventtargetipaddress") or "outside")
        said = ENHANCED.search(first(row, "eventdescription"))
        code = book.codes.code(said[1] if said else {SENT: "2.0.0", DEFERRED: "4.0.0"}.get(status, "5.0.0"))
        delay_s = max(event_s - begun_s, 0.0)
        book.deliveries.add(DeliveryRow(
            visit=visit, to=to, written_to=to, relay=relay, at_s=event_s, delay_s=delay_s, status=status, code=code, is_local=is_local,
        ))  # fmt: skip
        book.pack()


def _refused(book: LogBook, server: int, row: dict[str, str], at_s: float) -> None:
    """A session that was refused: a message id that is not one, and ``N/A`` where nothing had been said yet."""
    sender, to = (first(row, name) for name in ("sender", "recipientaddress"))
    address = first(row, "eventtargetipaddress")
    said = ENHANCED.search(first(row, "eventdescription"))
    code = book.codes.code(said[1] if said else first(row, "eventsmtpreplycode") or "5.0.0")
    book.refusals.add(RefusalRow(
        message=book.new_message(), visit=NOBODY, server=server, at_s=at_s, client=book.hosts.code(address) if address else NOBODY,
        sender=NOBODY if sender in UNSAID else book.addresses.code(sender), to=NOBODY if to in UNSAID else book.addresses.code(to),
        code=code,
    ))  # fmt: skip


def _status(row: dict[str, str]) -> int | None:
    reply = first(row, "eventsmtpreplycode")
    if reply[:1] in ("4", "5") and reply[:3].isdigit():
        return DEFERRED if reply[0] == "4" else BOUNCED
    return status_of(first(row, "eventstatus"))
