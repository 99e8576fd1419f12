"""The configuration steps of Exchange in the article and in its help: which one is left out, and what follows."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind, Severity
from coexsim.audit.flows import hosts_behind
from coexsim.audit.search import Search, Subject, not_local
from coexsim.mail.dns import DnsFailure
from coexsim.mail.message import NextHop, fold
from coexsim.scenario.places import Path
from coexsim.scenario.servers import AcceptedDomain, ExchangeServer, HostedInbound, SendConnector

STEP = "the article's Exchange step"
EXCHANGE_NO_SEND_CONNECTOR = FindingKind(
    "EXCHANGE-NO-SEND-CONNECTOR",
    "no Send connector serves the shared domain",
    "error",
    "The step with the Send Connectors tab is left out: no connector has the shared domain as its address space.",
    "Mail for hosted people bounces; or it leaves by the connector for '*', comes back by MX, and loops.",
    "Add a Send connector for the domain, with the hosted service as its smart host.",
    "the article, Configuring smart host on Microsoft Exchange 2007; practical365, internal relay without a connector",
)
EXCHANGE_NO_SMART_HOST = FindingKind(
    "EXCHANGE-NO-SMART-HOST",
    "the Send connector has no smart host",
    "error",
    "The option 'Route mail to the following smart host' is not chosen.",
    "The connector sends by the domain's MX record, which points back to this server.",
    "Add the hosted service's SMTP server as its smart host.",
    "the article, Configuring smart host on Microsoft Exchange 2007, steps 4, 5 and 8",
)
EXCHANGE_NO_EXTERNAL_DNS = FindingKind(
    "EXCHANGE-NO-EXTERNAL-DNS",
    "the Send connector asks internal DNS",
    "warning",
    "The option 'Use External DNS Lookup settings on the transport server' is not chosen.",
    "Internal DNS may know the smart host by another address, or not at all.",
    "Enable it, or see to it that internal DNS says the same.",
    "the article, Configuring smart host on Microsoft Exchange 2007, step 6; Set-SendConnector, UseExternalDNSServersEnabled",
)
EXCHANGE_DOMAIN_TYPE = FindingKind(
    "EXCHANGE-DOMAIN-TYPE",
    "the accepted domain has the wrong type",
    "error",
    "The step 'Select the Internal Relay Domain option' is left out. An authoritative domain has no recipients elsewhere; an external "
    "relay domain has none here.",
    "Authoritative: mail for hosted people bounces (5.1.1). External relay: mail for people here leaves again.",
    "Choose Internal Relay; or give every hosted user a mail user with a target address in another domain.",
    "the article, Configuring accepted domains; Exchange documentation, accepted domains",
)
EXCHANGE_DOMAIN_NOT_ACCEPTED = FindingKind(
    "EXCHANGE-DOMAIN-NOT-ACCEPTED",
    "the shared domain is not an accepted domain",
    "error",
    "The step 'Configuring accepted domains' is left out.",
    "Mail for the domain is refused: 5.7.1 Unable to relay.",
    "Add it as an Internal Relay Domain.",
    "the article, Configuring accepted domains",
)


def exchange_steps(search: Search) -> Iterator[Finding]:
    """Accepted domain, Send connector, smart host and external DNS are as the article says."""
    domain = fold(search.scenario.domain)
    for name, server in search.scenario.of_kind(ExchangeServer).items():
        written_domains = server.accepted_domains.items()
        accepted = {fold(written.removeprefix("*.")): (written, how) for written, how in written_domains}
        accepted |= {fold(written): (written, how) for written, how in written_domains}
        if domain not in accepted and server.organization is not None and accepted:
            continue  # of another organization, with domains of its own
        if domain not in accepted:
            text = (
                f"{domain} is not an accepted domain of {name}: mail for it is refused as relaying; add it as an Internal Relay Domain "
                f"({STEP}: Configuring accepted domains)"
            )
            marks = not_local(name, domain)
            yield search.finding(
                EXCHANGE_DOMAIN_NOT_ACCEPTED,
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
                serves = any(fold(space) in (domain, "--") for space in connector.address_spaces)
                yield from _external_dns(
                    search, name, connector, ("servers", name, "send_connectors", index), always=serves
                )


def _domain_type(search: Search, name: str, written: str, accepted: AcceptedDomain) -> Iterator[Finding]:
    path: Path = ("servers", name, "accepted_domains", written)
    step = f"choose Internal Relay Domain ({STEP}: Configuring accepted domains)"
    if accepted.type == "authoritative" and search.relies_on_smart_host:
        text = f"{written} is an authoritative domain of {name}: mail for people whose mailbox is elsewhere bounces; {step}"
        marks = (f"found, but no {search.wording.box} here",)
        yield search.finding(EXCHANGE_DOMAIN_TYPE, path, text, about=(name, written), marks=marks)
    elif accepted.type == "external-relay" and any(p.home == name for p in search.setup.directory.everyone()):
        text = f"{written} is an external relay domain of {name}: its own people are not looked up, and their mail leaves again; {step}"
        marks = (f"{name}: it passes all mail for the domain on",)
        yield search.finding(EXCHANGE_DOMAIN_TYPE, path, text, about=(name, written), marks=marks)


def _connector(search: Search, name: str, server: ExchangeServer, domain: str) -> Iterator[Finding]:
    path: Path = ("servers", name, "send_connectors")
    serving = [
        (index, connector)
        for index, connector in enumerate(server.send_connectors)
        if connector.enabled and any(fold(space) in (domain, "--") for space in connector.address_spaces)
    ]
    if not serving and not (_hosted_are_reached(search) and _everything_goes_to_a_smart_host(server)):
        text = (
            f"no Send connector of {name} has {domain} as its address space: mail for hosted people bounces, or comes back by MX; "
            f"add one with the hosted service as its smart host ({STEP}: Send Connectors)"
        )
        marks = ("no smart host is set", f"the best MX of {domain} is this server itself")
        yield search.finding(EXCHANGE_NO_SEND_CONNECTOR, path, text, about=(name, domain), marks=marks)
    if not serving:
        return
    index, connector = min(serving, key=lambda pair: pair[1].cost)
    if not connector.smart_hosts and not _mx_leads_to_the_service(search, name, connector, domain):
        text = (
            f"the Send connector {connector.name!r} of {name} has no smart host: mail for hosted people is sent by the MX of {domain} and "
            f"comes back; add the service's SMTP server ({STEP}: Route mail to the following smart host)"
        )
        itself = f"the best MX of {domain} is this server itself"
        yield search.finding(
            EXCHANGE_NO_SMART_HOST, (*path, index), text, about=(name, connector.name), marks=(itself,)
        )


def _mx_leads_to_the_service(search: Search, name: str, connector: SendConnector, domain: str) -> bool:
    """Does the MX of a domain, as a connector asks for it, name the hosted service: then mail by MX needs no smart host."""
    hop = NextHop(domain, by_mx=True, external_dns=connector.use_external_dns)
    found = hosts_behind(search.setup, hop, search.setup.policies[name])
    if isinstance(found, DnsFailure):
        return False
    servers = {search.setup.server_at.get(a) for group in found.groups for host in group for a in host.addresses}
    return bool(servers) and servers <= set(search.scenario.of_kind(HostedInbound))


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
        f"enable it ({STEP}: Use External DNS Lookup settings)"
    )
    marks: tuple[str, ...] = ()
    if isinstance(inside, DnsFailure) and not same:
        marks = (inside.reason,)
    elif not isinstance(inside, DnsFailure) and not same:
        marks = tuple(f"connect to {host.name}[" for group in inside.groups for host in group)
    severity: Severity | None = "note" if same else None
    yield search.finding(
        EXCHANGE_NO_EXTERNAL_DNS, path, text, about=(name, connector.name), marks=marks, severity=severity
    )


SUBJECT = Subject(
    explanations=(
        EXCHANGE_NO_SEND_CONNECTOR,
        EXCHANGE_NO_SMART_HOST,
        EXCHANGE_NO_EXTERNAL_DNS,
        EXCHANGE_DOMAIN_TYPE,
        EXCHANGE_DOMAIN_NOT_ACCEPTED,
    ),
    causes=(exchange_steps,),
)
