"""What is wrong with Person records."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind, listed
from coexsim.audit.search import Search, Subject
from coexsim.mail.message import domain_of
from coexsim.mail.replies import reply
from coexsim.scenario.places import Path
from coexsim.scenario.servers import DominoServer, ExchangeServer, HostedInbound, HostedOutbound

PERSON_RECORD_MISSING = FindingKind(
    "PERSON-RECORD-MISSING",
    "a hosted user has no Person record",
    "warning",
    "The step 'Creating Person records for iNotes users' is left out, for everybody or for those with 'only_at_hosted'.",
    "The on-premises server does not know the address and discards mail for it as invalid; so do bounces to that person end.",
    "Create a Person document with the mail system 'Other Internet mail' and the Internet address. Where the smart host takes what is "
    "in no directory, none is needed: write such people with 'only_at_hosted'.",
    "the article, Creating Person records for iNotes users",
)
PERSON_MAIL_SYSTEM = FindingKind(
    "PERSON-MAIL-SYSTEM",
    "a hosted user's Person record says Notes mail",
    "warning",
    "The step 'Choose Other Internet mail from the selection in the Mail system field' is left out.",
    "Domino then looks for a mail file on a Notes server that has none.",
    "Choose 'Other Internet mail'.",
    "the article, Creating Person records for iNotes users",
)


def person_records(search: Search) -> Iterator[Finding]:
    """Every hosted user has a Person record that says so."""
    scenario, directory = search.scenario, search.setup.directory
    inbound, outbound = scenario.of_kind(HostedInbound), scenario.of_kind(HostedOutbound)
    own = scenario.of_kind(DominoServer, ExchangeServer)
    step = "create it, with the mail system 'Other Internet mail' (the article's step 'Creating Person records for iNotes users')"
    record, box = search.wording
    if not scenario.of_kind(DominoServer):
        step = "create it, with the address at the service that mail for it goes to"
    # A service that passes mail on to people elsewhere can be a mere filter, with no mailbox at all.
    policies = (search.setup.policies[name] for name in inbound)
    a_filter = any(rule.elsewhere == "relay" for policy in policies for rule in policy.domains.values())
    found_there = any(home in inbound for person in directory.everyone() for home in person.homes)
    if own and inbound and not a_filter and not found_there:
        where = " or ".join(inbound)
        text = f"nobody in the directory has a {box} at {where}: without a {record} a hosted user gets no mail; {step}"
        yield search.finding(PERSON_RECORD_MISSING, ("directory", "people"), text, about=tuple(inbound))
    hosted_only = {name for name, person in scenario.directory.people.items() if person.only_at_hosted}
    lost = [flow for flow in search.flows if not flow.delivered and hosted_only.intersection(flow.recipient.names)]
    if lost:
        names = list(dict.fromkeys(name for flow in lost for name in flow.recipient.names))
        text = (
            f"the hosted service knows {listed(names)}, but there is no {record}: servers that look for one refuse or bounce mail "
            f"for that address; {step}"
        )
        addresses = dict.fromkeys(flow.address for flow in lost)
        refusals = [
            f"{server} refused it: {_refusal(search, server, address)}" for address in addresses for server in own
        ]
        marks = (*(f"no {record} for {address}" for address in addresses), *refusals)
        place: Path = ("directory", "people", names[0], "only_at_hosted")
        yield search.finding(PERSON_RECORD_MISSING, place, text, about=tuple(names), marks=marks)
    for index, mail in enumerate(scenario.messages):
        sender = mail.envelope_sender
        hands_in = mail.at in outbound or (mail.at is None and mail.via is None)
        if (
            hands_in
            and mail.client == "own-user"
            and domain_of(sender) == directory.domain
            and directory.find(sender, 0) is None
        ):
            text = f"{sender} sends mail but has no {record}: answers and bounces to it fail; {step}"
            yield search.finding(PERSON_RECORD_MISSING, ("messages", index, "from"), text, about=(sender,))
    for name, person in scenario.directory.people.items():
        notes = person.mail_system == "notes" and bool(scenario.of_kind(DominoServer))
        if notes and person.mail_file in inbound:
            article = step.partition("(")[2]
            text = f"{name} has the mail system 'notes', but a mail file at {person.mail_file}; choose 'other-internet-mail' ({article}"
            yield search.finding(PERSON_MAIL_SYSTEM, ("directory", "people", name), text, about=(name,))


def _refusal(search: Search, name: str, address: str) -> str:
    policy = search.setup.policies[name]
    rule = policy.rule_for(address)
    return str(reply(policy.product, rule.unknown_cause if rule else "unknown-user", address=address))


SUBJECT = Subject(
    explanations=(
        PERSON_RECORD_MISSING,
        PERSON_MAIL_SYSTEM,
    ),
    causes=(person_records,),
)
