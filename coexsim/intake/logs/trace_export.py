"""Read message trace exports of Microsoft 365: the summary reports, one row a message or one a message and recipient.

The extended report, one row an event, has the columns of the message tracking log and is read as such. A trace says when a message came
and what became of it, not when it arrived: delays cannot be had from it.

By the documents of Get-MessageTraceV2, ToIP is the address to which outgoing mail went and empty for what came in, FromIP the address from
which mail came and empty for what goes out.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

from coexsim.intake.logs.book import LOCAL, NOBODY, SENT, SMTP, DeliveryRow, LogBook, Told, VisitRow
from coexsim.intake.logs.tables import first, number, rows_of, status_of, time_s

SERVICE = "Microsoft 365"


def read_message_trace(book: LogBook, lines: Iterable[str], told: Told) -> None:
    """Read one export into the book."""
    server, inbox, onward = book.servers.code(SERVICE), book.hosts.code("mailbox"), book.hosts.code("outside")
    for at, row in rows_of(lines, told, book.rows_read):
        try:
            at_s = time_s(
                first(row, "origintimestamputc", "origintimestamp", "datetimeutc", "date", "received", "startdate")
            )
            sender = first(row, "senderaddress", "sender")
            recipients = _recipients(row)
            if not recipients:
                raise ValueError("no recipient")
        except (ValueError, OverflowError):
            told.damage(at, ",".join(row.values()))
            continue
        told.used += 1
        message_id = first(row, "messageid", "networkmessageid", "messagetraceid")
        inside = first(row, "networkmessageid", "messagetraceid", "messageid") or f"{told.file} {at}"
        key = (SERVICE, inside, sender.casefold())
        visit, _ = book.table_visits.get(key, (None, at_s))
        client, next_ip = first(row, "originalclientip", "fromip", "clientip"), first(row, "toip")
        is_outbound = first(row, "directionality").casefold() in ("2", "originating", "outbound") or bool(next_ip)
        if visit is None:
            visit, _ = book.table_visits[key] = book.new_visit(), at_s
            size_bytes = number(first(row, "totalbytes", "size", "messagesize"))
            book.visits.add(VisitRow(
                visit=visit, server=server, queue_id=0, message_id=message_id, sender=book.addresses.code(sender.strip("<>")),
                size_bytes=size_bytes, recipients=NOBODY, arrived_s=at_s, gone_s=nan,
                client=book.hosts.code(f"[{client}]") if client else NOBODY, origin=LOCAL if is_outbound else SMTP, is_arrival_known=True,
            ))  # fmt: skip
        relay_on = book.hosts.code(f"[{next_ip}]") if next_ip else onward
        for to, states in recipients:
            ended = [state for word in states.split(",") if (state := status_of(word)) is not None]
            if not ended:
                continue
            is_sent_on = "send" in states.casefold() or (is_outbound and ended[-1] == SENT)
            whom = book.addresses.code(to)
            code = book.codes.code({SENT: "2.0.0"}.get(ended[-1], "5.0.0"))
            relay = relay_on if is_sent_on else inbox
            book.deliveries.add(DeliveryRow(
                visit=visit, to=whom, written_to=whom, relay=relay, at_s=at_s, delay_s=nan, status=ended[-1], code=code,
                is_local=not is_sent_on,
            ))  # fmt: skip
        book.pack()
    told.remarks.append(
        "a message trace has no time of delivery: nothing is said about delays; each row stands alone: missing rows cannot be noticed"
    )


def _recipients(row: dict[str, str]) -> list[tuple[str, str]]:
    """Recipients with their states: ``a@x.org##Receive, Deliver;b@x.org##Receive, Fail``, or one recipient and one status."""
    joined = first(row, "recipientstatus")
    if "##" in joined:
        return [
            (to.strip(), states)
            for part in joined.split(";")
            if (to := part.partition("##")[0]) and (states := part.partition("##")[2])
        ]
    to = first(row, "recipientaddress", "recipient")
    return [(one.strip(), joined or first(row, "status")) for one in to.split(";") if one.strip()]
