"""Who is known to a server, and which domains DNS has: what recipients, and senders, are refused by in the dialogue."""

from __future__ import annotations

from typing import Literal

from coexsim.mail.directory import Person
from coexsim.mail.dns import Question, literal_address
from coexsim.mail.expansion import leads_elsewhere
from coexsim.mail.message import Rcpt, domain_of, fold, local_part_of, without_extension
from coexsim.mail.policy import DomainRule
from coexsim.mail.reception import Dialogue, Refusal
from coexsim.mail.setup import Setup, State


def sender_refused(dialogue: Dialogue, rcpt: Rcpt) -> Refusal | None:
    """The reply because of the sender's address: its domain is not in DNS, or nobody here has it."""
    setup, policy, sender, state = dialogue.setup, dialogue.policy, dialogue.envelope.sender, dialogue.state
    rule = policy.rule_for(sender) if policy.verifies_senders else None
    if rule is not None and rule.looked_up:
        if setup.find(policy, sender, state) is None:
            return dialogue.no(rcpt, "unknown-sender", "sender-verification", sender)
        return None
    of = policy.refuses_unlisted_senders
    own = policy.rule_for(sender) if of == "everyone" or (of == "outside" and not dialogue.trusted) else None
    if own is not None and own.verify and not is_known(dialogue, own, sender):
        return dialogue.no(rcpt, "unlisted-sender", "sender-verification", sender)
    route = policy.route_for(sender, 0) if policy.verifies_senders else None
    by_hand = route is not None and route.hop is not None  # a route that needs no DNS: Exim's manualroute
    if policy.reject_unknown_sender_domain or (policy.verifies_senders and not by_hand):
        status = domain_status(setup, sender, state)
        if status != "exists":
            return dialogue.no(rcpt, f"{status}-sender-domain", "sender-domain-not-in-dns", sender)
    return None


def domain_status(setup: Setup, address: str, state: State) -> Literal["exists", "null-mx", "unknown", "unclear"]:
    """Has the domain an MX or an address record; does it take no mail at all (Postfix: reject_unknown_*_domain).

    ``unclear``: DNS does not answer for the time being.
    """
    if literal_address(domain_of(address)) is not None:
        return "exists"  # there is nothing to look up
    answers = [setup.answer(Question(domain_of(address), kind), state) for kind in ("MX", "A", "AAAA")]
    if any(host == "" for _, host in answers[0].mx):
        return "null-mx"
    if any(answer.mx or answer.addresses for answer in answers):
        return "exists"
    return "unclear" if any(answer.temporary for answer in answers) else "unknown"


def is_known(dialogue: Dialogue, rule: DomainRule, address: str) -> bool:
    """Is an address of one of the server's domains known there, by its own list or the directory, so that it is not refused at RCPT."""
    setup, policy, state, own_user = dialogue.setup, dialogue.policy, dialogue.state, dialogue.own_user
    if policy.mailboxes is not None:
        return local_part_of(address) in policy.mailboxes
    aliases = {fold(address), fold(without_extension(address, policy.delimiters)), "@" + domain_of(address)}
    if policy.server in setup.external_servers or not policy.aliases.keys().isdisjoint(aliases):
        return True
    entry = setup.find(policy, address, state)
    if entry is None:
        return False
    if own_user and policy.replica:
        return True  # mail of the service's own people goes on to whoever is known
    elsewhere = (
        isinstance(entry, Person)
        and not entry.lives_at(policy.server)
        and policy.colleagues.isdisjoint(entry.homes)
        and leads_elsewhere(setup, policy, entry) is None
    )
    return not (elsewhere and rule.elsewhere == "fail" and rule.unknown == "fail")
