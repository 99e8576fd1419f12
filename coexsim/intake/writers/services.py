"""Write what the hosted services export: Microsoft 365's enhanced message trace [MS-MT] and Google's email log search [GW-ELS].

A service tells of a message when it comes in and how each recipient left; its own servers are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from coexsim.intake.writers.day import Day
from coexsim.intake.writers.exchange import csv_line, iso
from coexsim.sim.mail_log import Parting, Visit

TRACE = (
    "origin_timestamp_utc", "sender_address", "recipient_status", "message_subject", "total_bytes", "message_id", "network_message_id",
    "original_client_ip", "directionality", "connector_id", "delivery_priority",
)  # fmt: skip
STATES = {"sent": "Send", "delivered": "Deliver", "deferred": "Defer", "bounced": "Fail", "expired": "Fail"}
LOG_SEARCH = (
    "Message ID", "Start date", "End date", "Sender", "Message size", "Subject", "Direction", "Attachments", "Recipient address",
    "Event target", "Event date", "Event status", "Event target IP address", "Has encryption", "Event SMTP reply code",
    "Event description", "Client Type", "Device User Session ID",
)  # fmt: skip
WORDS = {
    "sent": "Delivered",
    "delivered": "Delivered",
    "deferred": "Deferred",
    "bounced": "Failed",
    "expired": "Failed",
}


def trace_lines(day: Day) -> Iterator[str]:
    """The message trace of the hosted service: one row a message that it took, recipients with their states."""
    yield ",".join(TRACE)
    for visit in _taken(day):
        states: dict[str, list[str]] = {to: ["Receive"] for _, to in day.named(visit.recipients, visit.mail)}
        for _, parting in _ends(day, visit):
            for to, _ in day.named(parting.recipients, visit.mail):
                states.setdefault(to, ["Receive"]).append(STATES[parting.how])
        is_own = visit.parent < 0
        yield csv_line((
            iso(day.at(visit.arrived_s)), day.sender(visit) or "<>",
            ";".join(f"{to}##{', '.join(dict.fromkeys(said))}" for to, said in states.items()), f"Message {visit.mail}",
            str(visit.size_bytes), day.message_id(visit), f"n-{visit.number}", day.client(visit).address,
            "Originating" if is_own else "Incoming", "", "Normal",
        ))  # fmt: skip


def log_search_lines(day: Day) -> Iterator[str]:
    """Google's email log search: one row an event, the last ones of each recipient."""
    yield ",".join(LOG_SEARCH)
    for visit in _taken(day):
        partings = list(_ends(day, visit))
        end_s = max((parting.at_s for _, parting in partings), default=visit.arrived_s)
        is_own = visit.parent < 0
        same = (
            day.message_id(visit).strip("<>"), date(day.at(visit.arrived_s)), date(day.at(end_s)), day.sender(visit) or "<>",
            str(visit.size_bytes), f"Message {visit.mail}", "Sent" if is_own else "Received", "0",
        )  # fmt: skip
        if not is_own:
            for _, to in day.named(visit.recipients, visit.mail):
                address = day.client(visit).address
                yield csv_line((*same, to, "SMTP_IN", same[1], "Accepted", address, "true", "250", "", "", ""))
        for _, parting in partings:
            host = day.host_of(parting.to) if parting.how != "delivered" else None
            target = "SMTP_OUT" if parting.how != "delivered" else "GMAIL_INBOX"
            code, said = (str(parting.reply.code), str(parting.reply)) if parting.reply else ("250", "")
            for to, _ in day.named(parting.recipients, visit.mail):
                event = (date(day.at(parting.at_s)), WORDS[parting.how], host.address if host else "")
                yield csv_line((*same, to, target, *event, "true", code, said, "", ""))


def date(at: datetime) -> str:
    """A time as the log search writes it."""
    return f"{at:%Y/%m/%d %H:%M:%S} UTC"


def _is_service(day: Day, machine: str) -> bool:
    return day.hosts[machine].kind.startswith("hosted")


def _taken(day: Day) -> Iterator[Visit]:
    """Mail that comes to the service from outside it, or that its users hand in."""
    visits = day.log.visits
    for visit in visits:
        from_inside = visit.parent >= 0 and _is_service(day, visits[visit.parent].machine)
        if _is_service(day, visit.machine) and not from_inside:
            yield visit


def _ends(day: Day, visit: Visit) -> Iterator[tuple[Visit, Parting]]:
    """How recipients left the service: what one of its servers hands another is not told."""
    for parting in visit.partings:
        after = day.log.visits[parting.visit] if parting.visit >= 0 else None
        if after is not None and _is_service(day, after.machine):
            yield from _ends(day, after)
        else:
            yield visit, parting
