"""Write Domino's console log at the informational level: SMTP Server and Router lines, times to the second.

What mail.box is given by Notes clients is not logged; the first line about such a message is the router's.
"""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.intake.writers.day import Day
from coexsim.sim.mail_log import Parting, Visit

Line = tuple[float, int, str]


def console_lines(day: Day, machine: str) -> Iterator[str]:
    """The console log of one machine, in the order of time."""
    lines: list[Line] = []
    for visit in day.visits_at(machine):
        lines += _visit(day, visit)
    for at_s, _, text in sorted(lines):
        yield f"{day.at(at_s):%m/%d/%Y %I:%M:%S %p}  {text}"


def note_id(visit: Visit) -> str:
    """The note id of a message in mail.box: eight hexadecimal digits; note ids are multiples of four."""
    return f"{0x8F6 + 4 * visit.number & 0xFFFFFFFF:08X}"


def _visit(day: Day, visit: Visit) -> Iterator[Line]:
    order, host = 10 * visit.number, day.client(visit)
    if visit.parent >= 0 or visit.client == "outside":
        message_id = day.message_id(visit)
        text = f"SMTP Server: Message {note_id(visit)} (MessageID: {message_id}) received from {host.name}"
        yield visit.arrived_s, order, f"{text} size {visit.size_bytes} bytes"
    for parting in visit.partings:
        for to, _ in day.named(parting.recipients, visit.mail):
            yield parting.at_s, order + 1, _router(day, visit, parting, to)


def _router(day: Day, visit: Visit, parting: Parting, to: str) -> str:
    message, sender = f"Router: Message {note_id(visit)}", day.sender(visit) or "<>"
    size = f"Size: {max(1, round(visit.size_bytes / 1000))}K"
    if parting.how == "delivered":
        return f"{message} delivered to {to} from {sender} {size}"
    host = day.host_of(parting.to)
    name = host.name if host else parting.to or "-"
    if parting.how == "sent":
        return f"{message} transferred to {name} for {to} from {sender} {size} via SMTP"
    return f"{message} NOT transferred via SMTP to {name} for {to} from {sender} {size} {parting.reply}"
