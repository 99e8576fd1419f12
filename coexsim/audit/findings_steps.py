"""The configuration steps of the article and of the products' own help: which one is left out, and what follows."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.findings import Finder, Finding, Search, Severity, listed
from coexsim.audit.flows import hosts_behind
from coexsim.mail.dns import DnsFailure
from coexsim.mail.message import NextHop, domain_of, fold
from coexsim.mail.replies import reply
from coexsim.scenario.servers import (
    AcceptedDomain,
    DominoServer,
    ExchangeServer,
    HostedInbound,
    HostedOutbound,
    SendConnector,
)
from coexsim.scenario.values import Path

DOMINO = "the article's Domino step"
EXCHANGE = "the article's Exchange step"


def domino_steps(search: Search) -> Iterator[Finding]:
    """Server document, Configuration document and Global Domain document are as the article says."""
    for name, server in search.scenario.of_kind(DominoServer).items():
        here: Path = ("servers", name)
        if not server.smtp_listener_task:
            text = (
                f"the SMTP listener task of {name} is disabled: port 25 is closed, and mail for it waits at its senders until it expires; "
                f"enable it ({DOMINO}: Server document, Basics)"
            )
            marks = tuple(f"connect to {host}[" for host in ([fold(server.host)] if server.host else []))
            yield search.finding("DOMINO-LISTENER-OFF", (*here, "smtp_listener_task"), text, about=(name,), marks=marks)
        if not server.smtp_outside_local_domain:
            text = (
                f"{name} does not use SMTP when sending outside of the local Internet domain: mail for hosted people and for the Internet "
                f"bounces; enable it ({DOMINO}: Configuration, Router/SMTP, Basics)"
            )
            marks = ("SMTP for leaving the server is disabled",)
            yield search.finding(
                "DOMINO-SMTP-OUTSIDE-OFF", (*here, "smtp_outside_local_domain"), text, about=(name,), marks=marks
            )
        if server.smart_host is None and search.relies_on_smart_host:
            text = (
                f"{name} has no local Internet domain smart host: mail for people whose mail file is at the hosted service bounces; "
                f"name the service's SMTP server ({DOMINO}: Configuration, Router/SMTP, Basics)"
            )
            yield search.finding(
                "DOMINO-NO-SMART-HOST", (*here, "smart_host"), text, about=(name,), marks=("no smart host is set",)
            )
        yield from _global_domain(search, name, server)
        if server.verify_local_recipients and server.smart_host and server.smart_host_rule == "not-in-directory":
            text = (
                f"{name} verifies local recipients, and its smart host is for addresses not in the directory: these are refused before "
                "the smart host is asked, so it is never used; disable one of the two"
            )
            yield search.finding(
                "DOMINO-VERIFY-WITH-SMART-HOST", (*here, "verify_local_recipients"), text, about=(name,)
            )


def _global_domain(search: Search, name: str, server: DominoServer) -> Iterator[Finding]:
    domain = fold(search.scenario.domain)
    local = search.setup.policies[name].domains
    if server.global_domain is not None and domain in local:
        return
    effect = f"mail for {domain} from other servers is refused as relaying, and its own people's mail for the domain leaves by MX"
    if domain in local:
        effect = f"only the Internet domain of its own host is local, which happens to be {domain}; an alias domain would be refused"
    text = f"{name} has no Global Domain document with {domain}: {effect}; create it ({DOMINO}: Global Domain document)"
    marks = () if domain in local else _not_local(name, domain)
    severity: Severity | None = "warning" if domain in local else None
    path: Path = ("servers", name, "global_domain")
    yield search.finding("DOMINO-NO-GLOBAL-DOMAIN", path, text, about=(name, domain), marks=marks, severity=severity)


def _not_local(name: str, domain: str) -> tuple[str, ...]:
    """By what it shows that a server does not take a domain for its own: it refuses the mail, or sends it away."""
    return f"{name} refused it: 55", f"{name}: {domain} is not a domain of this server"


def person_records(search: Search) -> Iterator[Finding]:
    """Every hosted user has a Person record that says so."""
    scenario, directory = search.scenario, search.setup.directory
    inbound, outbound = scenario.of_kind(HostedInbound), scenario.of_kind(HostedOutbound)
    own = scenario.of_kind(DominoServer, ExchangeServer)
    step = "create it, with the mail system 'Other Internet mail' (the article's step 'Creating Person records for iNotes users')"
    if own and inbound and not any(person.home in inbound for person in directory.everyone()):
        where = " or ".join(inbound)
        text = f"nobody in the directory has a mail file at {where}: without a Person record a hosted user gets no mail; {step}"
        yield search.finding("PERSON-RECORD-MISSING", ("directory", "people"), text, about=tuple(inbound))
    hosted_only = {name for name, person in scenario.directory.people.items() if person.only_at_hosted}
    lost = [flow for flow in search.flows if not flow.delivered and hosted_only.intersection(flow.recipient.names)]
    if lost:
        names = list(dict.fromkeys(name for flow in lost for name in flow.recipient.names))
        text = (
            f"the hosted service knows {listed(names)}, but there is no Person record: servers that look for one refuse or bounce mail "
            f"for that address; {step}"
        )
        addresses = dict.fromkeys(flow.address for flow in lost)
        refusals = [
            f"{server} refused it: {_refusal(search, server, address)}" for address in addresses for server in own
        ]
        marks = (*(f"no Person record for {address}" for address in addresses), *refusals)
        place: Path = ("directory", "people", names[0], "only_at_hosted")
        yield search.finding("PERSON-RECORD-MISSING", place, text, about=tuple(names), marks=marks)
    for index, mail in enumerate(scenario.messages):
        sender = mail.envelope_sender
        hands_in = mail.at in outbound or (mail.at is None and mail.via is None)
        if (
            hands_in
            and mail.client == "own-user"
            and domain_of(sender) == directory.domain
            and directory.find(sender, 0) is None
        ):
            text = f"{sender} sends mail but has no Person record: answers and bounces to it fail; {step}"
            yield search.finding("PERSON-RECORD-MISSING", ("messages", index, "from"), text, about=(sender,))
    for name, person in scenario.directory.people.items():
        if person.mail_system == "notes" and person.mail_file in inbound:
            article = step.partition("(")[2]
            text = f"{name} has the mail system 'notes', but a mail file at {person.mail_file}; choose 'other-internet-mail' ({article}"
            yield search.finding("PERSON-MAIL-SYSTEM", ("directory", "people", name), text, about=(name,))


# --- Exchange -----------------------------------------------------------------------------------------------------------------


def exchange_steps(search: Search) -> Iterator[Finding]:
    """Accepted domain, Send connector, smart host and external DNS are as the article says."""
    domain = fold(search.scenario.domain)
    for name, server in search.scenario.of_kind(ExchangeServer).items():
        accepted = {fold(written): (written, how) for written, how in server.accepted_domains.items()}
        if domain not in accepted:
            text = (
                f"{domain} is not an accepted domain of {name}: mail for it is refused as relaying; add it as an Internal Relay Domain "
                f"({EXCHANGE}: Configuring accepted domains)"
            )
            marks = _not_local(name, domain)
            yield search.finding(
                "EXCHANGE-DOMAIN-NOT-ACCEPTED",
                ("servers", name, "accepted_domains"),
                text,
                about=(name, domain),
                marks=marks,
            )
            continue
        yield from _domain_type(search, name, *accepted[domain])
        if search.relies_on_smart_host:
            yield from _connector(search, name, server, domain)
        for index, connector in enumerate(server.send_connectors):
            if connector.enabled and connector.smart_hosts and not connector.use_external_dns:
                serves = any(fold(space) == domain for space in connector.address_spaces)
                yield from _external_dns(
                    search, name, connector, ("servers", name, "send_connectors", index), always=serves
                )


def _domain_type(search: Search, name: str, written: str, accepted: AcceptedDomain) -> Iterator[Finding]:
    path: Path = ("servers", name, "accepted_domains", written)
    step = f"choose Internal Relay Domain ({EXCHANGE}: Configuring accepted domains)"
    if accepted.type == "authoritative" and search.relies_on_smart_host:
        text = f"{written} is an authoritative domain of {name}: mail for people whose mail file is elsewhere bounces; {step}"
        marks = ("found, but no mail file here",)
        yield search.finding("EXCHANGE-DOMAIN-TYPE", path, text, about=(name, written), marks=marks)
    elif accepted.type == "external-relay" and any(p.home == name for p in search.setup.directory.everyone()):
        text = f"{written} is an external relay domain of {name}: its own people are not looked up, and their mail leaves again; {step}"
        marks = (f"{name}: it passes all mail for the domain on",)
        yield search.finding("EXCHANGE-DOMAIN-TYPE", path, text, about=(name, written), marks=marks)


def _refusal(search: Search, name: str, address: str) -> str:
    return str(reply(search.setup.policies[name].product, "unknown-user", address=address))


def _connector(search: Search, name: str, server: ExchangeServer, domain: str) -> Iterator[Finding]:
    path: Path = ("servers", name, "send_connectors")
    serving = [
        (index, connector)
        for index, connector in enumerate(server.send_connectors)
        if connector.enabled and any(fold(space) == domain for space in connector.address_spaces)
    ]
    if not serving and not (_hosted_are_reached(search) and _everything_goes_to_a_smart_host(server)):
        text = (
            f"no Send connector of {name} has {domain} as its address space: mail for hosted people bounces, or comes back by MX; "
            f"add one with the hosted service as its smart host ({EXCHANGE}: Send Connectors)"
        )
        marks = ("no smart host is set", f"the best MX of {domain} is this server itself")
        yield search.finding("EXCHANGE-NO-SEND-CONNECTOR", path, text, about=(name, domain), marks=marks)
    if not serving:
        return
    index, connector = min(serving, key=lambda pair: pair[1].cost)
    if not connector.smart_hosts:
        text = (
            f"the Send connector {connector.name!r} of {name} has no smart host: mail for hosted people is sent by the MX of {domain} and "
            f"comes back; add the service's SMTP server ({EXCHANGE}: Route mail to the following smart host)"
        )
        itself = f"the best MX of {domain} is this server itself"
        yield search.finding(
            "EXCHANGE-NO-SMART-HOST", (*path, index), text, about=(name, connector.name), marks=(itself,)
        )


def _hosted_are_reached(search: Search) -> bool:
    return all(flow.delivered for flow in search.flows if flow.recipient.side == "hosted")


def _everything_goes_to_a_smart_host(server: ExchangeServer) -> bool:
    """A connector for all domains is one for the shared domain too; with a smart host it does not come back by MX."""
    return any(c.enabled and c.smart_hosts and "*" in c.address_spaces for c in server.send_connectors)


def _external_dns(
    search: Search, name: str, connector: SendConnector, path: Path, *, always: bool
) -> Iterator[Finding]:
    """A connector that asks internal DNS: told of always, or where that makes a difference."""
    policy = search.setup.policies[name]
    inside, outside = (
        hosts_behind(search.setup, NextHop(fold(connector.smart_hosts[0].strip("[] ")), True, external), policy)
        for external in (False, True)
    )
    same = inside == outside
    if same and not always:
        return
    effect = "it finds the same address for now" if same else "there the smart host is found elsewhere, or not at all"
    text = (
        f"the Send connector {connector.name!r} of {name} asks the organisation's own DNS for its smart host: {effect}; "
        f"enable it ({EXCHANGE}: Use External DNS Lookup settings)"
    )
    marks: tuple[str, ...] = ()
    if isinstance(inside, DnsFailure) and not same:
        marks = (inside.reason,)
    elif not isinstance(inside, DnsFailure) and not same:
        marks = tuple(f"connect to {host.name}[" for group in inside.groups for host in group)
    severity: Severity | None = "note" if same else None
    yield search.finding(
        "EXCHANGE-NO-EXTERNAL-DNS", path, text, about=(name, connector.name), marks=marks, severity=severity
    )


STEP_FINDERS: tuple[Finder, ...] = (domino_steps, person_records, exchange_steps)
