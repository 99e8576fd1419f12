"""What strangers can do with a set-up: relay through it, forge its senders; and whom it takes for a stranger."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.classes import senders
from coexsim.audit.finding import Finding, FindingKind
from coexsim.audit.flows import Flow
from coexsim.audit.search import Search, Subject
from coexsim.mail.dialogue import receive
from coexsim.mail.message import Envelope, Rcpt, domain_of
from coexsim.mail.replies import reply
from coexsim.mail.traced import Copy
from coexsim.scenario.servers import ExternalServer

OPEN_RELAY = FindingKind(
    "OPEN-RELAY",
    "a server relays for anybody",
    "error",
    "A client from outside can hand in mail for a domain that is not the organisation's.",
    "Spammers find it within days; the server's address is then listed, and the organisation's own mail is refused elsewhere.",
    "List under relay_for only the servers that need it, never 'anyone'.",
    "Domino help, inbound anti-relay settings; RFC 5321, section 7.8",
)
RELAYS_FOR_OUTSIDER = FindingKind(
    "RELAYS-FOR-OUTSIDER",
    "a server relays for a server outside",
    "warning",
    "relay_for names a server that stands outside of the organisation.",
    "Whatever that server sends, it sends in the organisation's name.",
    "Take it out of relay_for, unless the server is yours; then model it as a relay.",
    "Domino help, inbound anti-relay settings",
)
OWN_MAIL_REFUSED = FindingKind(
    "OWN-MAIL-REFUSED",
    "a server takes another one of the organisation for a stranger",
    "error",
    "It refuses what the other one sends: as relaying to a domain that is not its own, or (with reject_own_domain_from_outside) as a "
    "forged sender. Mail that hosted people send, and that comes by MX, is from the own domain, but from outside.",
    "Mail between one's own people, or to the Internet, bounces with 5.7.1.",
    "Name the sending server under relay_for (or accepts_only_from) of the refusing one.",
    "RFC 5321, section 7.8; Domino help, inbound anti-relay settings; Exchange documentation, fix error code 5.7.64",
)
FORGED_SENDER = FindingKind(
    "FORGED-SENDER",
    "mail from outside may claim to be from inside",
    "note",
    "SMTP does not check the sender's address, and these rules model neither SPF nor DMARC.",
    "Phishing in a colleague's name is taken as any other mail.",
    "Check that the spam filter, in front of the server or on it, tests SPF and DMARC for your own domain.",
    "RFC 5321, section 7.1",
)
FORWARDED_UNREWRITTEN = FindingKind(
    "FORWARDED-UNREWRITTEN",
    "mail of outside senders is forwarded outside",
    "note",
    "A mailbox or alias here leads to another organisation, and the sender's address stays as it was.",
    "Who takes it there sees a sender whose domain does not name this server (SPF), and may refuse it or take it for spam; DMARC "
    "then passes by the author's DKIM signature alone. These rules know neither, nor the rewriting of senders (SRS), with which notices "
    "would come back by this server. Hosted services rewrite.",
    "Rewrite senders where the product can, keep the mailbox here, or acknowledge it.",
    "RFC 7208, section 10.3; RFC 7489, section 3.1; docker-mailserver #611, mailcow-dockerized #2418",
)


def nobody_relays_for_strangers(search: Search) -> Iterator[Finding]:
    """No server of the organisation takes mail from an outside client for an outside domain."""
    envelope = Envelope("stranger@elsewhere.invalid", (Rcpt("somebody@another.invalid"),))
    for name in search.own_servers:
        server = search.scenario.servers[name]
        if search.setup.policies[name].listens and receive(search.setup, name, "outside", envelope).accepted:
            text = f"{name} takes mail from anybody for any domain: it is an open relay and will carry spam; name the clients to relay for"
            yield search.finding(OPEN_RELAY, ("servers", name, "relay_for"), text, about=(name,))
            continue
        for index, client in enumerate(server.relay_for):
            if isinstance(search.scenario.servers.get(client), ExternalServer):
                text = f"{name} relays for {client}, which is outside of the organisation; take it out of relay_for unless it is yours"
                yield search.finding(
                    RELAYS_FOR_OUTSIDER, ("servers", name, "relay_for", index), text, about=(name, client)
                )


def own_mail_is_taken(search: Search) -> Iterator[Finding]:
    """No server of the organisation takes another one for a stranger: it would relay for it, and take its senders for its own."""
    told: dict[tuple[str, str, str], tuple[Flow, Copy]] = {}
    for flow in search.flows:
        for copy in flow.route.copies if flow.route and flow.sender.side != "internet" else ():
            refusing = search.setup.server_of_host.get(copy.remote)
            if copy.reply and copy.by and refusing in search.own_servers:
                key = where_strangers_are_named(search, copy, copy.reply.text, refusing)
                if key is not None:
                    told.setdefault((refusing, search.setup.machine_of(copy.by), key), (flow, copy))
    for (refusing, client, key), (flow, copy) in told.items():
        reply_text = str(copy.reply).partition("said: ")[2]
        text = (
            f"{refusing} takes {client} for a stranger and refuses what it sends, such as {flow}: {reply_text.rstrip('.')}; "
            f"name {client} under {key} of {refusing}"
        )
        marks = (f"{refusing} refused it: {' '.join(reply_text.split()[:2])}",)
        yield search.finding(OWN_MAIL_REFUSED, ("servers", refusing), text, about=(refusing, client), marks=marks)


def where_strangers_are_named(search: Search, copy: Copy, said: str, refusing: str) -> str | None:
    """The key that names whom a server trusts, where mail was refused as relaying for, or as forged by, somebody unknown; else None."""
    product = search.setup.policies[refusing].product
    denied = reply(product, "relay-denied", address=copy.address).text
    forged = reply(product, "own-domain-from-outside").text
    if said.endswith(reply(product, "not-by-the-connector").text):
        return "relay_for" if product.startswith("exchange-20") or product == "exchange" else "accepts_only_from"
    if said.endswith(forged.partition(">")[2] or forged):
        return "relay_for"
    return "relay_for" if said.endswith(denied) and domain_of(copy.address) not in search.domains else None


def forged_senders(search: Search) -> Iterator[Finding]:
    """Does the MX take mail that claims to be from one of the organisation's own people, from an outside client."""
    people = [person for person in senders(search.setup) if person.side in ("onprem", "hosted") and person.exists]
    for name in search.mx_servers:
        if not people or name not in search.own_servers or not search.setup.policies[name].listens:
            continue
        first, last = people[0].address, people[-1].other_than(people[0].address)
        if receive(search.setup, name, "outside", Envelope(first, (Rcpt(last),))).accepted:
            text = (
                f"{name} takes mail from outside that claims to be from {first}: these rules know no SPF or DMARC; "
                "check that the filter in front of it does"
            )
            yield search.finding(FORGED_SENDER, search.setting(name), text, about=(name,))
            return


def forwarding_leaves(search: Search) -> Iterator[Finding]:
    """Mail of an outside sender that is for the organisation's people ends here, and is not sent out again under that sender."""
    told: set[str] = set()
    for flow in search.flows:
        for copy in flow.route.copies if flow.route and flow.sender.side == "internet" else ():
            own = [name for name in copy.servers if name in search.own_servers]
            if not own or copy.is_archive or copy.servers[-1] not in search.setup.external_servers:
                continue
            if own[-1] in told or search.setup.policies[own[-1]].replica:  # a hosted service rewrites senders
                continue
            told.add(own[-1])
            text = (
                f"{own[-1]} forwards mail of outside senders, such as {flow}, to {copy.address}: who takes it there and checks SPF sees "
                "a forged sender unless it is rewritten (SRS); these rules know neither"
            )
            yield search.finding(FORWARDED_UNREWRITTEN, search.setting(own[-1]), text, about=(own[-1],))


SUBJECT = Subject(
    explanations=(
        OPEN_RELAY,
        RELAYS_FOR_OUTSIDER,
        OWN_MAIL_REFUSED,
        FORGED_SENDER,
        FORWARDED_UNREWRITTEN,
    ),
    causes=(own_mail_is_taken,),
    finders=(
        nobody_relays_for_strangers,
        forged_senders,
        forwarding_leaves,
    ),
)
