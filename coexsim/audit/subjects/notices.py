"""Bounces: who is sent one that nobody needs, and whom one does not reach."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind, listed
from coexsim.audit.search import Search, Subject
from coexsim.mail.message import domain_of, fold
from coexsim.mail.trace import trace

BACKSCATTER = FindingKind(
    "BACKSCATTER",
    "unknown recipients are taken, then sent back",
    "note",
    "The server answers 250 to addresses that nobody has, and must then write the bounce itself (RFC 5321, section 6.1). The article "
    "wants it so: 'the server discards the email and sends back an invalid-address message'.",
    "The notice goes to a sender that spam has forged. It costs a receive, a send and a place in the queue for each.",
    "Verify recipients at RCPT TO (Domino: verify local recipients; Exchange: recipient filtering; Postfix: relay_recipient_maps), "
    "where every hosted user has a record. Or acknowledge it.",
    "the article, Invalid mail address; RFC 5321, section 6.1; Exchange documentation, recipient filtering",
)
DSN_UNDELIVERABLE = FindingKind(
    "DSN-UNDELIVERABLE",
    "a notice of failure does not arrive",
    "warning",
    "The bounce has no sender to return to (RFC 5321, section 4.5.5), so when it fails it is dropped.",
    "The sender never learns that the mail failed.",
    "Give the server that writes the notice a way to the sender: usually the same fault as that of the mail itself.",
    "RFC 5321, sections 4.5.5 and 6.1",
)


def unknown_recipients_are_refused(search: Search) -> Iterator[Finding]:
    """Mail from outside to nobody is refused in the dialogue, not taken and then sent back."""
    told: dict[str, list[str]] = {}
    taken_by: dict[str, str] = {}
    strangers = [flow for flow in search.flows if flow.sender.side == "internet" and flow.recipient.side == "unknown"]
    ways = [(flow.address, "", flow.trace) for flow in strangers if flow.trace]
    entrances = {name for flow in strangers for name in flow.servers}
    for name in search.mx_servers:  # spam chooses the backup MX, which others use only when the first one is down
        if name in search.own_servers and name not in entrances and not any(flow.loop for flow in strangers):
            ways += [
                (
                    flow.address,
                    name,
                    trace(search.setup, flow.sender.address, flow.address, server=name, client="outside"),
                )
                for flow in strangers
                if domain_of(flow.address) == search.setup.directory.domain
            ]
    for address, entrance, way in ways:
        for notice in way.notices:
            if notice.kind == "dsn" and notice.written_by in search.own_servers:
                told.setdefault(notice.written_by, []).append(domain_of(address))
                taken_by.setdefault(notice.written_by, entrance)
    for name, domains in told.items():
        backup = f", handed in at the backup MX {taken_by[name]}" if taken_by[name] else ""
        text = (
            f"{name} takes mail from outside to unknown addresses in {listed(dict.fromkeys(domains))}{backup}, then sends a notice back: "
            "to a forged sender that is backscatter; let the server that takes it verify recipients, if its product allows"
        )
        yield search.finding(BACKSCATTER, search.setting(name), text, about=(name,))


def notices_arrive(search: Search) -> Iterator[Finding]:
    """A bounce reaches the sender it is about, if the sender's other mail does."""
    told: set[tuple[str, str]] = set()
    for flow in search.flows:
        if fold(flow.sender.address) in search.unreached:
            continue
        for notice in flow.trace.notices if flow.trace else ():
            failed = notice.copy is None or notice.copy.outcome != "delivered"
            if notice.kind != "dsn" or not failed or (notice.written_by, flow.sender.name) in told:
                continue
            told.add((notice.written_by, flow.sender.name))
            why = f": {notice.copy.reply}" if notice.copy and notice.copy.reply else ""
            text = (
                f"the notice of {notice.written_by} to {flow.sender.name} about mail to {flow.recipient.name} does not arrive{why}; "
                "the sender never learns that the mail failed: give the notice a way"
            )
            yield search.finding(
                DSN_UNDELIVERABLE,
                search.setting(notice.written_by),
                text,
                about=(notice.written_by, flow.sender.name),
            )


SUBJECT = Subject(
    explanations=(
        BACKSCATTER,
        DSN_UNDELIVERABLE,
    ),
    finders=(
        unknown_recipients_are_refused,
        notices_arrive,
    ),
)
