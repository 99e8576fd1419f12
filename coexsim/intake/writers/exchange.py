"""Write Exchange's message tracking log: the columns of Exchange 2016 and 2019 in their documented order [MS-MTL].

RECEIVE, EXPAND, DELIVER, SEND, DEFER, FAIL and DSN. What is refused to the client stands in the protocol log, not here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import NAMESPACE_OID, uuid5

from coexsim.intake.writers.day import Day
from coexsim.sim.mail_log import Parting, Visit

FIELDS = (
    "date-time", "client-ip", "client-hostname", "server-ip", "server-hostname", "source-context", "connector-id", "source", "event-id",
    "internal-message-id", "message-id", "network-message-id", "recipient-address", "recipient-status", "total-bytes", "recipient-count",
    "related-recipient-address", "reference", "message-subject", "sender-address", "return-path", "message-info", "directionality",
    "tenant-id", "original-client-ip", "original-server-ip", "custom-data", "transport-traffic-type", "log-id", "schema-version",
)  # fmt: skip
VERSION = "15.02.1118.007"
EVENTS = {"sent": "SEND", "delivered": "DELIVER", "deferred": "DEFER", "bounced": "FAIL", "expired": "FAIL"}
Row = tuple[float, int, dict[str, str]]


def exchange_lines(day: Day, machine: str) -> Iterator[str]:
    """The log of one machine, in the order of time."""
    yield "#Software: Microsoft Exchange Server"
    yield f"#Version: {VERSION}"
    yield "#Log-type: Message Tracking Log"
    yield f"#Date: {iso(day.begin)}"
    yield "#Fields: " + ",".join(FIELDS)
    rows: list[Row] = []
    for visit in day.visits_at(machine):
        rows += _visit(day, visit)
    for at_s, _, row in sorted(rows, key=lambda row: row[:2]):
        row["date-time"] = iso(day.at(at_s))
        yield csv_line(row.get(name, "") for name in FIELDS)


def iso(at: datetime) -> str:
    """A time as Exchange writes it: UTC, milliseconds."""
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def csv_line(cells: Iterable[str]) -> str:
    """One line of a table, quoted where it must be."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _visit(day: Day, visit: Visit) -> Iterator[Row]:
    own, client, order = day.hosts[visit.machine], day.client(visit), 10 * visit.number
    named = day.named(visit.recipients, visit.mail)
    written = list(dict.fromkeys(to for _, to in named))
    sender = day.sender(visit)
    same = {
        "internal-message-id": str(visit.number + 1), "message-id": day.message_id(visit),
        "network-message-id": str(uuid5(NAMESPACE_OID, day.message_id(visit))), "total-bytes": str(visit.size_bytes),
        "message-subject": f"Message {visit.mail}", "sender-address": sender or f"postmaster@{day.domain}",
        "return-path": sender or "<>", "directionality": "Originating" if visit.client == "own-user" else "Incoming",
        "server-ip": own.address, "server-hostname": own.name, "schema-version": VERSION,
    }  # fmt: skip
    is_notice, is_own = visit.kind != "mail" and visit.parent < 0, visit.parent < 0 and visit.client == "own-user"
    came = {"source": "DSN", "event-id": "DSN"} if is_notice else {"event-id": "RECEIVE"}
    if not is_notice:
        came |= {"source": "STOREDRIVER" if is_own else "SMTP"}
        came |= {"client-ip": client.address, "client-hostname": client.name}
    yield visit.arrived_s, order, same | came | _to(written)
    opened = [
        (to, original) for parting in visit.partings for to, original in day.named(parting.recipients, visit.mail)
    ]
    for original in dict.fromkeys(first for to, first in opened if first != to):
        members = list(dict.fromkeys(to for to, first in opened if first == original))
        more = {"source": "ROUTING", "event-id": "EXPAND", "related-recipient-address": original}
        yield visit.arrived_s, order + 1, same | more | _to(members)
    for parting in visit.partings:
        yield parting.at_s, order + 2, same | _parting(day, visit, parting)


def _to(addresses: Sequence[str]) -> dict[str, str]:
    return {"recipient-address": ";".join(addresses), "recipient-count": str(len(addresses))}


def _parting(day: Day, visit: Visit, parting: Parting) -> dict[str, str]:
    own = day.hosts[visit.machine]
    row = {"event-id": EVENTS[parting.how], "client-ip": own.address, "client-hostname": own.name}
    row |= _to([to for to, _ in day.named(parting.recipients, visit.mail)])
    if parting.how == "delivered":
        return row | {"source": "STOREDRIVER", "recipient-status": "250 2.0.0 Delivered"}
    target = day.host_of(parting.to)
    if parting.how == "sent":
        assert target is not None
        row |= {"server-ip": target.address, "server-hostname": target.name, "source": "SMTP"}
        return row | {"recipient-status": "250 2.6.0 Queued mail for delivery"}
    source = "SMTP" if target else "ROUTING"
    return row | {"source": source, "recipient-status": str(parting.reply)}
