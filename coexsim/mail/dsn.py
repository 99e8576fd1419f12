"""Delivery status notifications (RFC 3464): who gets one, how large it is, and the message itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import TYPE_CHECKING
from zlib import crc32

from coexsim.mail.message import NULL_SENDER, Envelope, Kind, Rcpt, Reply
from coexsim.mail.notice_styles import style_of
from coexsim.units import DAY_S, Moment

if TYPE_CHECKING:
    from email.message import Message

    from coexsim.mail.setup import Setup
    from coexsim.mail.traced import Copy, Notice, RecipientRoute, Route

NOTICE_BYTES = 3_000
# Postfix returns the whole message up to bounce_size_limit, and only its headers above that (postconf(5)); editable here.
RETURNED_BYTES_AT_MOST = 50_000
HEADER_BYTES = 2_000
# A scenario has weekdays and times of day, no dates: its week is taken to be this one, which begins on a Monday.
WEEK = (2024, 1, 1)


def notice_bytes(size_bytes: int) -> int:
    """The size of a notice about a message of `size_bytes`. A plain function of numbers, which a compiler such as Numba can compile."""
    return NOTICE_BYTES + (size_bytes if size_bytes <= RETURNED_BYTES_AT_MOST else HEADER_BYTES)


def notice_for(envelope: Envelope, kind: Kind = "dsn") -> Envelope | None:
    """The notice about mail that failed or was deferred, to its sender; None for mail from the null sender (RFC 5321 4.5.5, 6.1).

    A bounce of a bounce is never sent: such mail is dropped.
    """
    if envelope.sender == NULL_SENDER:
        return None
    return Envelope(NULL_SENDER, (Rcpt(envelope.sender),), notice_bytes(envelope.size_bytes), kind=kind)


def is_told_of(rcpt: Rcpt) -> bool:
    """Does a sender get notices about a recipient. Not about copies for an archive, which are added as if with NOTIFY=NONE (postconf(5),
    always_bcc); those about journal reports go to the organisation (JournalingReportNdrTo).
    """
    return not rcpt.is_archive


def dsn_message(setup: Setup, trace: Route, notice: Notice) -> Message:
    """The notice as the message that its reader gets: multipart/report (RFC 6522) with a delivery-status part (RFC 3464).

    It is the same for the same trace: dates come from the scenario's weekdays, names of messages from their content.
    """
    from email.mime.multipart import MIMEMultipart
    from email.mime.nonmultipart import MIMENonMultipart
    from email.mime.text import MIMEText

    policy = setup.policies[notice.written_by]
    style = style_of(policy.product)
    host = _host(setup, notice.written_by)
    key = f"{crc32(repr((trace.sender, notice.kind, notice.written_by, notice.about)).encode()):08x}"
    failures = list(_failures(trace, notice))
    until_s = max((r.expires_s for r, _, _ in failures if r.expires_s is not None), default=0.0)

    told = "\n\n".join(
        style.each.format(address=address, reply=said, said=str(said).partition(" said: ")[2] or said)
        for _, said, address in failures
    )
    known = dict(
        host=host, domain=policy.primary_domain, told=told, first=failures[0][1].text if failures else "",
        until=_date(until_s, trace.start),
    )  # fmt: skip
    message = MIMEMultipart("report", boundary=f"=_{key}")
    message.set_param("report-type", "delivery-status")
    for name, value in {
        "Return-Path": "<>",
        "Date": _date(notice.at_s, trace.start),
        "From": style.sender.format(**known),
        "To": notice.to,
        "Subject": style.subjects[notice.kind].format(**known),
        "Auto-Submitted": "auto-replied",
        "Message-ID": f"<{key}@{host}>",
    }.items():
        message[name] = _one_line(value)
    text = style.texts[notice.kind].format(**known)
    message.attach(_part(MIMEText(text, "plain", _charset(text)), "Notification"))
    status = MIMENonMultipart("message", "delivery-status")
    status.set_payload(list(_status_blocks(setup, trace, notice, host)))
    message.attach(_part(status, "Delivery report"))
    headers = "".join(f"{name}: {_one_line(value)}\n" for name, value in _headers(setup, trace, notice, key))
    message.attach(_part(MIMEText(headers, "rfc822-headers", _charset(headers)), "Headers of your message"))
    return message


def _part(part: Message, description: str) -> Message:
    part["Content-Description"] = description
    return part


def _charset(text: str) -> str:
    return "us-ascii" if text.isascii() else "utf-8"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _failures(trace: Route, notice: Notice) -> Iterator[tuple[RecipientRoute, Reply, str]]:
    """The recipients that a notice is about, with the reply and the final address."""
    for recipient in trace.recipients:
        if recipient.recipient not in notice.about:
            continue
        if notice.kind == "delay":
            deferred = [d for d in recipient.deferrals if d.server == notice.written_by and d.at_s <= notice.at_s]
            for address in dict.fromkeys(d.recipient for d in deferred):
                yield recipient, [d.reply for d in deferred if d.recipient == address][-1], address
        else:
            for copy in _failed_copies(recipient, notice):
                if copy.reply is not None:
                    yield recipient, copy.reply, copy.address


def _failed_copies(recipient: RecipientRoute, notice: Notice) -> list[Copy]:
    return [
        c
        for c in recipient.copies
        if c.outcome in ("bounced", "expired") and c.by == notice.written_by and c.at_s == notice.at_s
    ]


def _status_blocks(setup: Setup, trace: Route, notice: Notice, host: str) -> Iterator[Message]:
    """The fields of the message, then those of each recipient (RFC 3464 sections 2.2 and 2.3)."""
    from email.message import Message

    product = setup.policies[notice.written_by].product
    block = Message()
    block["Reporting-MTA"] = f"dns; {host}"
    block["Arrival-Date"] = _date(min(_arrivals_s(trace, notice), default=notice.at_s), trace.start)
    yield block
    for recipient, said, address in _failures(trace, notice):
        remote = next((c.remote for c in recipient.copies if c.address == address and c.reply == said), "")
        block = Message()
        block["Original-Recipient"] = _one_line(f"rfc822; {recipient.recipient}")
        block["Final-Recipient"] = _one_line(f"rfc822; {address}")
        block["Action"] = "delayed" if notice.kind == "delay" else "failed"
        block["Status"] = said.enhanced
        if remote:
            block["Remote-MTA"] = f"dns; {remote}"
        if " said: " in said.text:
            block["Diagnostic-Code"] = _one_line(f"smtp; {said.text.partition(' said: ')[2]}")
        else:
            block["Diagnostic-Code"] = _one_line(f"X-{product.capitalize()}; {said.text}")
        if notice.kind == "delay" and recipient.expires_s is not None:
            block["Will-Retry-Until"] = _date(recipient.expires_s, trace.start)
        yield block


def _arrivals_s(trace: Route, notice: Notice) -> list[float]:
    copies = [copy for r in trace.recipients if r.recipient in notice.about for copy in r.copies]
    return [hop.at_s for copy in copies for hop in copy.hops if hop.server == notice.written_by]


def _headers(setup: Setup, trace: Route, notice: Notice, key: str) -> Iterator[tuple[str, str]]:
    """The header of the message that failed, with a Received line of each server it passed (the last one first)."""
    copies = [c for r in trace.recipients if r.recipient in notice.about for c in r.copies if c.hops]
    hops = (
        [hop for hop in copies[0].hops if hop.rule and setup.scenario.servers[hop.server].runs_on is None]
        if copies
        else []
    )
    yield "Return-Path", f"<{trace.sender}>"
    for position in range(len(hops) - 1, -1, -1):
        source = f"from {_host(setup, hops[position - 1].server)} " if position else ""
        date = _date(hops[position].at_s, trace.start)
        yield (
            "Received",
            f"{source}by {_host(setup, hops[position].server)} with {'ESMTP' if position else 'local'}; {date}",
        )
    yield "From", trace.sender
    yield "To", ", ".join(r.recipient for r in trace.recipients)
    yield "Date", _date(hops[0].at_s if hops else notice.at_s, trace.start)
    yield "Message-ID", f"<mail-{key}@{_host(setup, hops[0].server if hops else notice.written_by)}>"


def _host(setup: Setup, server: str) -> str:
    """The host name by which a server speaks of itself."""
    names, spec = setup.policies[server].own_names, setup.scenario.servers[server]
    written = next(
        (f"mail.{domain}" for domain in getattr(spec, "domain", ())), server
    )  # of the world outside only domains are told
    return spec.host or (min(names) if names else written)


def _date(at_s: float, start: Moment) -> str:
    from datetime import datetime, timedelta
    from email.utils import format_datetime

    begin = datetime(*WEEK, tzinfo=UTC) + timedelta(seconds=(start.day or 0) * DAY_S + start.second)
    return format_datetime(begin + timedelta(seconds=round(at_s)))
