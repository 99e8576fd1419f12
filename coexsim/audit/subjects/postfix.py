"""What is easily missed in Postfix's tables."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from coexsim.audit.finding import Finding, FindingKind, listed
from coexsim.audit.search import Search, Subject
from coexsim.mail.expansion import expanded
from coexsim.mail.message import domain_of, fold
from coexsim.mail.products.postfix_classes import virtual_domains
from coexsim.mail.setup import State
from coexsim.scenario.servers import PostfixServer

CATCH_ALL_TAKES_MAIL = FindingKind(
    "CATCH-ALL-TAKES-MAIL",
    "a catch-all takes mail of people with a mailbox",
    "warning",
    "Postfix follows virtual_alias_maps before it looks for mailboxes: '@domain' catches all whom that table does not list.",
    "Mail to people whom only the table of mailboxes knows arrives, but in somebody else's mailbox.",
    "List each of them as an alias of itself, or take the catch-all out.",
    "virtual(5); seen with Postfix 3.7.11",
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
                f"the catch-all in virtual_alias_maps of {name} also takes the mail of {listed(taken)}, with a mailbox here: the table "
                "is asked before mailboxes; list each as an alias of itself"
            )
            yield search.finding(
                CATCH_ALL_TAKES_MAIL,
                ("servers", name, "virtual_alias_maps"),
                text,
                about=(name, *taken),
            )


POSTFIX_DOMAIN_IN_TWO_LISTS = FindingKind(
    "POSTFIX-DOMAIN-IN-TWO-LISTS",
    "a domain is in two of Postfix's lists",
    "warning",
    "Postfix takes a domain that several lists name for one of the first of them: mydestination, virtual_alias_domains, "
    "virtual_mailbox_domains, relay_domains. It warns of it in its log.",
    "What the other list would do is not done: mail for people with no mailbox here does not go on as relay_domains would have it.",
    "Leave it in one list: in relay_domains on a gateway or backup MX, in virtual_mailbox_domains where the mailboxes are.",
    "trivial-rewrite(8), postconf(5): do not list a domain in both",
)


def domains_are_in_one_list(search: Search) -> Iterator[Finding]:
    """No domain is in two of the lists, but for mydestination and relay_domains, of which Postfix says nothing."""
    for name, server in search.scenario.of_kind(PostfixServer).items():
        lists = {
            "mydestination": set(map(fold, server.mydestination)),
            "virtual_alias_domains": set(map(fold, server.virtual_alias_domains)),
            "virtual_mailbox_domains": set(virtual_domains(server, search.scenario)),
            "relay_domains": set(map(fold, server.relay_domains)),
        }
        taken: set[str] = set()
        for first, second in combinations(lists, 2):
            both = sorted((lists[first] & lists[second]) - taken)
            if not both or (first, second) == ("mydestination", "relay_domains"):
                continue
            taken |= lists[first] & lists[second]
            text = f"{listed(both)} is in {first} of {name} and in {second} too: Postfix goes by {first}; leave it in one of the two lists"
            yield search.finding(POSTFIX_DOMAIN_IN_TWO_LISTS, ("servers", name, second), text, about=(name, *both))


POSTFIX_UNLISTED_REFUSED = FindingKind(
    "POSTFIX-UNLISTED-REFUSED",
    "a way for unlisted recipients is never taken",
    "warning",
    "fallback_transport and luser_relay are for recipients that local(8) does not know, but these are refused at RCPT before that.",
    "Mail to people of the other system is refused with 550 5.1.1, although there is a way to them.",
    "Set reject_unlisted_recipient: false (an empty local_recipient_maps), or list the other system's people.",
    "postconf(5), luser_relay and fallback_transport: notes on local_recipient_maps",
)


def unlisted_recipients_get_there(search: Search) -> Iterator[Finding]:
    """Where unlisted recipients have a way on, they are not refused before."""
    for name, server in search.scenario.of_kind(PostfixServer).items():
        key = "fallback_transport" if server.fallback_transport else "luser_relay" if server.luser_relay else None
        if key is not None and server.reject_unlisted_recipient:
            text = (
                f"{name} refuses unlisted recipients at RCPT, so none of them comes to {key}; set reject_unlisted_recipient: false, "
                "or list the recipients"
            )
            marks = ("User unknown",)
            yield search.finding(POSTFIX_UNLISTED_REFUSED, ("servers", name, key), text, about=(name,), marks=marks)


SUBJECT = Subject(
    explanations=(
        CATCH_ALL_TAKES_MAIL,
        POSTFIX_DOMAIN_IN_TWO_LISTS,
        POSTFIX_UNLISTED_REFUSED,
    ),
    causes=(domains_are_in_one_list, unlisted_recipients_get_there),
    finders=(catch_alls_leave_people_alone,),
)
