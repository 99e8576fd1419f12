"""The SMTP dialogue: which recipients a server takes, and what it says to the others. A pure function."""

from __future__ import annotations

import math
from typing import Literal

from coexsim.mail.at_once import attempt_at_once
from coexsim.mail.case import Case
from coexsim.mail.dns import DnsFailure
from coexsim.mail.effects import Recipients, TransactionResult
from coexsim.mail.expansion import expanded
from coexsim.mail.greeting import ended_at_greeting
from coexsim.mail.message import (
    Client,
    Envelope,
    NextHop,
    Rcpt,
    Reply,
    domain_of,
    fold,
)
from coexsim.mail.policy import Policy, Rate
from coexsim.mail.reach import WhyNotReached, hosts_at_once
from coexsim.mail.reception import Allowed, Dialogue, Greylisted, Reception, Refusal
from coexsim.mail.replies import reply
from coexsim.mail.route_table import RouteEntry
from coexsim.mail.routing import decide
from coexsim.mail.sender_checks import domain_status, is_known, sender_refused
from coexsim.mail.setup import Setup, State
from coexsim.mail.verify_cache import Verified


def receive(
    setup: Setup,
    server: str,
    client: Client,
    envelope: Envelope,
    state: State = State(),
    greylisted: Greylisted | None = None,
    why_not: WhyNotReached | None = None,
    allowed: Allowed | None = None,
    verified: Verified | None = None,
) -> Reception:
    """Which recipients `server` takes from `client`, and the replies to the others, in the order of the dialogue.

    `why_not` is asked by a server that probes recipients along their route; None: every server can be reached. `allowed` counts against
    limits of rates; None: nothing was sent before. `verified` remembers probes; None: every recipient is probed anew.
    """
    policy = setup.policies[server]
    dialogue = Dialogue(setup, policy, client, envelope, state, greylisted, why_not, allowed, verified)
    ended = ended_at_greeting(dialogue)
    if ended is not None:
        return Reception((), tuple(ended._replace(rcpt=rcpt) for rcpt in envelope.recipients))
    too_many = next((r for r in dialogue.rates if r.counts == "messages" and not _within(dialogue, r)), None)
    if too_many is not None:
        return Reception(
            (),
            tuple(dialogue.no(rcpt, too_many.cause, "rate-limit", command="mail") for rcpt in envelope.recipients),
        )
    limit = policy.max_submit_bytes if dialogue.own_user else policy.max_size_bytes
    if limit is not None and envelope.size_bytes > limit and envelope.declares_size and policy.announces_size:
        return Reception(
            (), tuple(dialogue.no(rcpt, "too-big", "size-limit", command="mail") for rcpt in envelope.recipients)
        )
    many = policy.max_submit_recipients if dialogue.own_user else None
    if many is not None and sum(rcpt.count for rcpt in envelope.recipients) > many:
        return Reception(
            (), tuple(dialogue.no(rcpt, "too-many-submitted", "recipient-limit") for rcpt in envelope.recipients)
        )
    accepted, refused = _answers(dialogue)
    cause = None
    if policy.expands_first and any(expanded(setup, policy, rcpt.address, state) is None for rcpt in accepted):
        cause = "alias-expansion", "alias-expansion"  # nobody gets the message, also who was answered 250 at RCPT
    elif accepted:
        cause = _refuse_body(policy, envelope.with_received(setup.machine_of(server)), limit)
    if cause is not None:
        return Reception((), (*refused, *(dialogue.no(rcpt, *cause, command="data") for rcpt in accepted)))
    return Reception(accepted, refused)


def _answers(dialogue: Dialogue) -> tuple[tuple[Rcpt, ...], tuple[Refusal, ...]]:
    """The answers to every RCPT TO; when as many are taken as may be, the others are told to come later (RFC 5321 4.5.3.1.10)."""
    accepted: list[Rcpt] = []
    refused: list[Refusal] = []
    by_smtp = not dialogue.own_user or dialogue.policy.checks_submissions
    room = dialogue.policy.max_recipients if by_smtp and dialogue.policy.max_recipients is not None else math.inf
    for rcpt in dialogue.envelope.recipients:
        refusal = _refusal(dialogue, rcpt)
        if refusal is not None:
            refused.append(refusal)
            continue
        taken = int(min(rcpt.count, room))
        for rate in dialogue.rates:
            if rate.outside_only and dialogue.policy.rule_for(rcpt.address) is not None:
                continue
            if rate.counts == "recipients" or rate.of in ("mailbox", "pair"):
                within = _within(dialogue, rate, rcpt.address, taken)
                if within < taken:  # all that follow, too: there is room for them left, but none within the limit
                    refused.append(dialogue.no(rcpt._replace(count=rcpt.count - within), rate.cause, "rate-limit"))
                    rcpt, taken = rcpt._replace(count=within), within
        room -= taken
        if taken:
            accepted.append(rcpt._replace(count=taken))
        if taken < rcpt.count:
            rest = rcpt._replace(count=rcpt.count - taken)
            refused.append(dialogue.no(rest, "too-many-recipients", "recipient-limit", recoverable=True))
    return tuple(accepted), tuple(refused)


def _within(dialogue: Dialogue, rate: Rate, address: str = "", count: int = 1) -> int:
    """How many of a message's recipients are within a limit; of the message itself, 1 or 0."""
    assert dialogue.allowed is not None, "rates are looked at only where they are counted"
    if not address and rate.of in ("mailbox", "pair"):
        return count
    return dialogue.allowed(rate, dialogue.envelope.sender, address, count)


def _refusal(dialogue: Dialogue, rcpt: Rcpt) -> Refusal | None:
    """The reply to one RCPT TO, or None if it is taken. The sender's domain first, then relaying, then the recipient."""
    form = dialogue.policy.form_not_taken(rcpt.address)
    if form is not None and (not dialogue.own_user or dialogue.policy.checks_submissions):
        return dialogue.no(rcpt, form, "address-literal")
    by_access = _access(dialogue, rcpt)
    if by_access == "discard":
        return None  # taken whatever else is said of it
    refusal = _relaying_refused(dialogue, rcpt) or by_access
    if refusal is not None:
        return refusal
    if (
        dialogue.greylisted is not None
        and not dialogue.own_user
        and dialogue.greylisted(dialogue.client, dialogue.envelope.sender, rcpt.address)
    ):
        return dialogue.no(rcpt, "greylisted", "greylisted", recoverable=True)
    return _recipient_refused(dialogue, rcpt)


def _access(dialogue: Dialogue, rcpt: Rcpt) -> Refusal | Literal["discard"] | None:
    """What the access tables say to a recipient, by the sender, then by the recipient."""
    tables, sender = dialogue.policy.access, dialogue.envelope.sender
    if tables is None:
        return None
    trusted = dialogue.trusted
    for what, address, action in (
        ("Sender", sender, tables.of_sender(sender, may_relay=trusted)),
        ("Recipient", rcpt.address, tables.of_recipient(rcpt.address, may_relay=trusted)),
    ):
        if action is not None and action.verb == "discard":
            return "discard"
        if action is not None and action.said is not None:
            said = action.said._replace(text=f"<{address}>: {what} address rejected: {action.said.text}")
            return dialogue.refused(rcpt, said, "rcpt", "access-table")
    return None


def _relaying_refused(dialogue: Dialogue, rcpt: Rcpt) -> Refusal | None:
    """Refused for who sends, from where, and to which domain: whoever the recipient is there."""
    policy, sender = dialogue.policy, dialogue.envelope.sender
    if sender and not dialogue.own_user:
        refusal = sender_refused(dialogue, rcpt) or _unverified_sender(dialogue, rcpt)
        if refusal is not None:
            return refusal
    own_client = dialogue.own_user or dialogue.client in policy.own_clients
    trusted = dialogue.trusted or own_client
    if policy.rejects_own_domain_from_outside and domain_of(sender) in policy.domains and not trusted:
        return dialogue.no(rcpt, "own-domain-from-outside", "own-domain-from-outside", sender)
    if _is_not_an_allowed_client(dialogue):
        return dialogue.no(rcpt, "not-by-the-connector", "accepts-only-from")
    rule = policy.rule_for(rcpt.address)
    if not dialogue.trusted and (rule is None or not policy.takes_mail):
        return dialogue.no(rcpt, "relay-deferred" if policy.defers_relaying else "relay-denied", "relay-denied")
    if rule is None and policy.relays_own_senders_only and not own_client and policy.rule_for(sender) is None:
        return dialogue.no(rcpt, "relay-denied-to-sender", "relay-denied", sender)
    if policy.reject_unknown_recipient_domain and rule is None:
        status = domain_status(dialogue.setup, rcpt.address, dialogue.state)
        if status != "exists":
            return dialogue.no(rcpt, f"{status}-recipient-domain", "recipient-domain-not-in-dns")
    return None


def _recipient_refused(dialogue: Dialogue, rcpt: Rcpt) -> Refusal | None:
    """Refused for the recipient: a route that refuses, nobody of the name, a protected list, no way there."""
    policy, rule = dialogue.policy, dialogue.policy.rule_for(rcpt.address)
    if dialogue.own_user and not policy.checks_submissions:
        return None
    if policy.takes_all_of_own_users if dialogue.own_user else policy.takes_all_of_trusted and dialogue.trusted:
        return None
    refused_by = _refusing_route(policy, rcpt.address)
    if refused_by is not None and refused_by.refuses is not None:
        said = refused_by.refuses
        at_rcpt = said._replace(enhanced="5.1.1") if said.enhanced == "5.0.0" else said
        return dialogue.refused(rcpt, at_rcpt, "rcpt", refused_by.rule)
    if rule is not None and rule.verify and not is_known(dialogue, rule, rcpt.address):
        return dialogue.no(
            rcpt, "edge-blocked" if policy.edge_blocking else rule.unknown_cause, "recipient-verification"
        )
    if (
        policy.protects_at_rcpt
        and dialogue.setup.directory.is_internal_only(rcpt.address)
        and not _from_inside(dialogue)
    ):
        return dialogue.no(rcpt, "internal-only", "internal-senders-only")
    return _unverified(dialogue, rcpt) if policy.verifies != "off" and rule is not None else None


def _is_not_an_allowed_client(dialogue: Dialogue) -> bool:
    """Is mail taken from named clients only (a filter that the MX leads to), and is this client none of them."""
    only = dialogue.policy.accepts_only_from
    if only is None or dialogue.own_user or dialogue.client in dialogue.policy.own_clients:
        return False
    return only.isdisjoint({dialogue.client, dialogue.setup.machine_of(dialogue.client)})


def _from_inside(dialogue: Dialogue) -> bool:
    return Case(dialogue.setup, dialogue.policy, dialogue.envelope, dialogue.client, dialogue.state).from_inside


def _refusing_route(policy: Policy, address: str) -> RouteEntry | None:
    """The route that refuses a recipient's mail, where the server looks at it at RCPT; what an alias leads elsewhere is not looked at.

    Postfix: "anything that resolves to the error mailer is known to be undeliverable" (smtpd_check.c).
    """
    names = {fold(address), "@" + domain_of(address)}
    if not policy.refuses_where_routes_do or not policy.aliases.keys().isdisjoint(names):
        return None
    route = policy.forced_route(address) or policy.route_for(address, 0, named=policy.rule_for(address) is not None)
    return route if route is not None and route.refuses is not None and not route.refuses.discards else None


# --- verification along the route ------------------------------------------------------------------------------------------------


def _unverified(dialogue: Dialogue, rcpt: Rcpt) -> Refusal | None:
    """The refusal of a recipient that cannot be routed, or whom a probe shows to be refused further on.

    Exim works the route out; Postfix's reject_unverified_recipient also asks the next host, which may ask on (ADDRESS_VERIFICATION_README).
    """
    found = _found_by_probe(dialogue, rcpt.address, dialogue.client)
    if found is None or (found.temporary and dialogue.policy.takes_unverified):
        return None
    if found.temporary:
        unreached = found.enhanced == "4.4.1"
        rule = "next-host-not-reached" if unreached else "recipient-verification"
        return dialogue.no(rcpt, "unverified-recipient", rule, detail=str(found), recoverable=unreached)
    # With 450 Postfix says "unverified" of either (smtpd_check.c).
    cause = "undeliverable-recipient" if dialogue.policy.unverified_code == 550 else "unverified-recipient"
    return dialogue.no(rcpt, cause, "recipient-verification", detail=str(found))


def _unverified_sender(dialogue: Dialogue, rcpt: Rcpt) -> Refusal | None:
    """The refusal because of a sender to whom a probe shows that mail cannot be sent now, or at all (Postfix: reject_unverified_sender)."""
    policy, sender = dialogue.policy, dialogue.envelope.sender
    if policy.unverified_sender_code is None or dialogue.trusted:
        return None
    found = _found_by_probe(dialogue, sender, "own-user")
    if found is None:
        return None
    for_good = not found.temporary and policy.unverified_sender_code == 550
    return dialogue.no(
        rcpt, "undeliverable-sender" if for_good else "unverified-sender", "sender-verification", sender, detail=str(found),
        recoverable=found.enhanced == "4.4.1",
    )  # fmt: skip


def _found_by_probe(dialogue: Dialogue, address: str, came_from: Client) -> Reply | None:
    """What a probe of an address finds, now or as it is remembered; None: it can be delivered to."""
    if dialogue.verified is None:
        return _probe(dialogue, address, came_from)
    return dialogue.verified(address, lambda: _probe(dialogue, address, came_from))


def _probe(dialogue: Dialogue, address: str, came_from: Client) -> Reply | None:
    """What mail for an address would meet on its way; None: it would be delivered, or taken by the next host."""
    setup, policy = dialogue.setup, dialogue.policy
    probe = Envelope("", (Rcpt(address),)).with_received(setup.machine_of(policy.server))
    for disposition in decide(setup, policy.server, probe, came_from, dialogue.state).dispositions:
        found = None
        if disposition.action == "fail" and disposition.reply is not None:
            found = disposition.reply
        elif disposition.action == "send" and disposition.hop is not None:
            found = _at_next_hop(dialogue, disposition.hop, probe.to((disposition.rcpt,)))
        if found is not None:
            return found
    return None


def _at_next_hop(dialogue: Dialogue, hop: NextHop, probe: Envelope) -> Reply | None:
    """Why the next hop would not take a recipient: no host, or (for a server that probes) what an attempt meets; else None."""
    setup, policy = dialogue.setup, dialogue.policy
    hosts = hosts_at_once(setup, hop, policy, dialogue.state)
    if isinstance(hosts, DnsFailure):
        by_set_up = policy.is_at_fault(hosts, hop)
        said = hosts.reply or reply(policy.product, hosts.cause, domain=hop.name, detail=hosts.reason)
        return said._replace(code=451, enhanced="4" + said.enhanced[1:]) if by_set_up else said
    if policy.verifies == "route":  # Exim works the route out, and asks nobody
        return None

    def take(server: str, recipients: Recipients) -> TransactionResult:
        return receive(
            setup, server, policy.server, probe.to(recipients), dialogue.state, why_not=dialogue.why_not
        ).result

    tried = attempt_at_once(setup, policy.server, probe.recipients, hop, dialogue.state, take, dialogue.why_not)
    return next((refused.reply for refused in (*tried.failed, *tried.deferred)), None)


def _refuse_body(policy: Policy, envelope: Envelope, limit: int | None) -> tuple[str, str] | None:
    """Cause and rule of a refusal at the end of DATA: the queue file is too large, or too many servers, this one too, have been passed."""
    if limit is not None and envelope.size_bytes + policy.size_overhead_bytes > limit:
        return "body-too-big", "size-limit"
    if policy.hops_refused_in_dialogue and policy.too_many_hops(envelope.passed):
        return "too-many-hops", "hop-limit"
    return None
