"""What strangers can do with a set-up: relay through it, forge its senders, have it send notices to others; and what goes astray."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.classes import senders
from coexsim.audit.findings import Finder, Finding, Search, listed
from coexsim.audit.findings_dns import mx_servers
from coexsim.audit.flows import Flow
from coexsim.mail.dialogue import receive
from coexsim.mail.expansion import expanded
from coexsim.mail.message import Envelope, Rcpt, domain_of, fold
from coexsim.mail.replies import reply
from coexsim.mail.setup import State
from coexsim.mail.trace import trace
from coexsim.mail.traced import Copy
from coexsim.scenario.servers import ExternalServer, PostfixServer


def nobody_relays_for_strangers(search: Search) -> Iterator[Finding]:
    """No server of the organisation takes mail from an outside client for an outside domain."""
    envelope = Envelope("stranger@elsewhere.invalid", (Rcpt("somebody@another.invalid"),))
    for name in search.own_servers:
        server = search.scenario.servers[name]
        if search.setup.policies[name].listens and receive(search.setup, name, "outside", envelope).accepted:
            text = f"{name} takes mail from anybody for any domain: it is an open relay and will carry spam; name the clients to relay for"
            yield search.finding("OPEN-RELAY", ("servers", name, "relay_for"), text, about=(name,))
            continue
        for index, client in enumerate(server.relay_for):
            if isinstance(search.scenario.servers.get(client), ExternalServer):
                text = f"{name} relays for {client}, which is outside of the organisation; take it out of relay_for unless it is yours"
                yield search.finding(
                    "RELAYS-FOR-OUTSIDER", ("servers", name, "relay_for", index), text, about=(name, client)
                )


def own_mail_is_taken(search: Search) -> Iterator[Finding]:
    """No server of the organisation takes another one for a stranger: it would relay for it, and take its senders for its own."""
    told: dict[tuple[str, str], tuple[Flow, Copy]] = {}
    for flow in search.flows:
        for copy in flow.route.copies if flow.route and flow.sender.side != "internet" else ():
            refusing = search.setup.server_of_host.get(copy.remote)
            if (
                copy.reply
                and copy.by
                and refusing in search.own_servers
                and _is_stranger(search, copy, copy.reply.text, refusing)
            ):
                told.setdefault((refusing, search.setup.machine_of(copy.by)), (flow, copy))
    for (refusing, client), (flow, copy) in told.items():
        reply_text = str(copy.reply).partition("said: ")[2]
        text = (
            f"{refusing} takes {client} for a stranger and refuses what it sends, such as {flow}: {reply_text.rstrip('.')}; "
            f"name {client} under relay_for of {refusing}"
        )
        marks = (f"{refusing} refused it: {' '.join(reply_text.split()[:2])}",)
        yield search.finding("OWN-MAIL-REFUSED", ("servers", refusing), text, about=(refusing, client), marks=marks)


def _is_stranger(search: Search, copy: Copy, said: str, refusing: str) -> bool:
    """Was the mail refused as relaying for, or as forged by, somebody unknown."""
    product = search.setup.policies[refusing].product
    denied = reply(product, "relay-denied", address=copy.address).text
    forged = reply(product, "own-domain-from-outside").text.partition(">")[2]
    return said.endswith(forged) or (said.endswith(denied) and domain_of(copy.address) not in search.domains)


def unknown_recipients_are_refused(search: Search) -> Iterator[Finding]:
    """Mail from outside to nobody is refused in the dialogue, not taken and then sent back."""
    told: dict[str, list[str]] = {}
    taken_by: dict[str, str] = {}
    strangers = [flow for flow in search.flows if flow.sender.side == "internet" and flow.recipient.side == "unknown"]
    ways = [(flow.address, "", flow.trace) for flow in strangers if flow.trace]
    entrances = {name for flow in strangers for name in flow.servers}
    for name in mx_servers(
        search.setup
    ):  # spam chooses the backup MX, which others use only when the first one is down
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
        yield search.finding("BACKSCATTER", search.setting(name), text, about=(name,))


def forged_senders(search: Search) -> Iterator[Finding]:
    """Does the MX take mail that claims to be from one of the organisation's own people, from an outside client."""
    people = [person for person in senders(search.setup) if person.side in ("onprem", "hosted") and person.exists]
    for name in mx_servers(search.setup):
        if not people or name not in search.own_servers or not search.setup.policies[name].listens:
            continue
        first, last = people[0].address, people[-1].other_than(people[0].address)
        if receive(search.setup, name, "outside", Envelope(first, (Rcpt(last),))).accepted:
            text = (
                f"{name} takes mail from outside that claims to be from {first}: these rules know no SPF or DMARC; "
                "check that the filter in front of it does"
            )
            yield search.finding("FORGED-SENDER", search.setting(name), text, about=(name,))
            return


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
                "DSN-UNDELIVERABLE",
                search.setting(notice.written_by),
                text,
                about=(notice.written_by, flow.sender.name),
            )


def catch_alls_leave_people_alone(search: Search) -> Iterator[Finding]:
    """A catch-all takes nobody's mail who has a mail file at the server."""
    setup, state = search.setup, State()
    for name in search.scenario.of_kind(PostfixServer):
        policy = setup.policies[name]
        taken = [
            person.name
            for person in setup.directory.everyone()
            if person.home == name and not person.forwarding and fold(person.address) not in policy.aliases
            if "@" + domain_of(person.address) in policy.aliases
            if fold(person.address) not in map(fold, expanded(setup, policy, person.address, state) or ())
        ]  # fmt: skip
        if taken:
            text = (
                f"the catch-all in virtual_alias_maps of {name} also takes the mail of {listed(taken)}, with a mail file here: the table "
                "is asked before mailboxes; list each as an alias of itself"
            )
            yield search.finding(
                "CATCH-ALL-TAKES-MAIL", ("servers", name, "virtual_alias_maps"), text, about=(name, *taken)
            )


STRANGER_FINDERS: tuple[Finder, ...] = (own_mail_is_taken,)
EXPOSURE_FINDERS: tuple[Finder, ...] = (
    nobody_relays_for_strangers,
    unknown_recipients_are_refused,
    notices_arrive,
    forged_senders,
    catch_alls_leave_people_alone,
)
