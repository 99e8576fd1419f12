"""The notice itself: a delivery status notification as the message that is sent (RFC 3464, RFC 6522)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime

from coexsim.mail.setup import Setup
from coexsim.mail.traced import Copy, Notice, RecipientTrace, Trace

FIRST_MONDAY = datetime(
    2024, 1, 1, tzinfo=UTC
)  # the calendar of a scenario has weekdays, no dates: a Monday stands for its Monday


def dsn_message(setup: Setup, walk: Trace, notice: Notice) -> MIMEMultipart:
    """The notice as a message: words for people, a part for machines with a block for each recipient, the headers of the mail."""
    reporter = _host(setup, notice.written_by)
    failed = notice.kind == "dsn"
    told = [
        (recipient, copy)
        for recipient in walk.recipients
        if recipient.recipient in notice.about
        for copy in _ends(recipient, notice)
    ]
    message = MIMEMultipart("report", boundary="=_notice", **{"report-type": "delivery-status"})
    message["From"] = f"Mail Delivery System <postmaster@{reporter}>"
    message["To"] = notice.to
    message["Subject"] = "Delivery Status Notification (Failure)" if failed else "Delivery Status Notification (Delay)"
    message["Date"] = format_datetime(_date(walk, max((copy.at_s for _, copy in told), default=0.0)))
    message["Message-ID"] = f"<{notice.kind}.{notice.written_by}@{reporter}>"
    message["Auto-Submitted"] = "auto-replied"  # RFC 3834
    message.attach(_words(reporter, failed, told))
    message.attach(_status(walk, reporter, failed, told))
    message.attach(_headers(walk, notice))
    return message


def _words(reporter: str, failed: bool, told: list[tuple[RecipientTrace, Copy]]) -> Message:
    opening = "could not be delivered to" if failed else "has not yet been delivered to (it is still being tried)"
    lines = [f"This is the mail system at {reporter}. Your message {opening}:", ""]
    for _, copy in told:
        lines += [f"  <{copy.address}>", f"    {copy.reply or 'no reply'}", ""]
    text = "\n".join(lines)
    part = MIMEText(text, "plain", "us-ascii" if text.isascii() else "utf-8")
    del part["MIME-Version"]
    return part


def _status(walk: Trace, reporter: str, failed: bool, told: list[tuple[RecipientTrace, Copy]]) -> Message:
    part = Message()
    part.set_type("message/delivery-status")
    del part["MIME-Version"]
    blocks: list[Message | str] = []
    about_all = Message()
    about_all["Reporting-MTA"] = f"dns; {reporter}"
    about_all["Arrival-Date"] = format_datetime(
        _date(walk, min((copy.hops[0].at_s for _, copy in told if copy.hops), default=0.0))
    )
    blocks.append(about_all)
    for recipient, copy in told:
        block = Message()
        if recipient.recipient != copy.address:
            block["Original-Recipient"] = f"rfc822; {recipient.recipient}"
        block["Final-Recipient"] = f"rfc822; {copy.address}"
        block["Action"] = "failed" if failed else "delayed"
        reply = copy.reply
        block["Status"] = reply.enhanced if reply else ("5.0.0" if failed else "4.0.0")
        if copy.remote:
            block["Remote-MTA"] = f"dns; {copy.remote}"
        if reply:
            block["Diagnostic-Code"] = f"smtp; {reply}"
        if not failed and recipient.expires_s is not None:
            block["Will-Retry-Until"] = format_datetime(_date(walk, recipient.expires_s))
        blocks.append(block)
    part.set_payload(blocks)
    return part


def _headers(walk: Trace, notice: Notice) -> Message:
    part = Message()
    part.set_type("text/rfc822-headers")
    del part["MIME-Version"]
    part.set_payload(
        f"From: <{walk.sender}>\nTo: {', '.join(f'<{address}>' for address in notice.about)}\nSubject: (traced message)\n"
    )
    return part


def _ends(recipient: RecipientTrace, notice: Notice) -> list[Copy]:
    """The copies that a notice tells of: those that failed; of a delay, those that waited."""
    if notice.kind == "dsn":
        return [copy for copy in recipient.copies if copy.outcome in ("bounced", "expired")]
    late = recipient.deferrals[-1:]
    return [
        Copy(d.recipient, "deferred_in_queue", recipient.hops, notice.written_by, d.reply, recipient.warned_s or d.at_s)
        for d in late
    ]


def _date(walk: Trace, seconds: float) -> datetime:
    return FIRST_MONDAY + timedelta(days=walk.start.day or 0, seconds=walk.start.second + seconds)


def _host(setup: Setup, server: str) -> str:
    spec = setup.scenario.servers[server]
    machine = setup.scenario.servers[spec.runs_on] if spec.runs_on else spec
    return spec.host or machine.host or f"{spec.runs_on or server}.{setup.scenario.domain}"
