"""A hosted service as one organisation with two doors: the inbound server with the mail files, and the outbound one of its own users.

Its domains and their type, its connectors and its limits are said once, at the inbound server, and hold for both. An authoritative
domain's unknown people are bounced by the service itself; those of an internal relay domain, and people whose mail file is elsewhere, go by
the connector, or by the MX where there is none [MS-EXO-AD], [MS-HYB].
"""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.mail.message import NextHop, fold, next_hop
from coexsim.mail.policy import DomainRule, Elsewhere, Rate
from coexsim.mail.products.product import Product, Settings, any_route, client_rates, hop_to
from coexsim.mail.products.service import OTHER, REPLIES, SCHEDULE, Limits
from coexsim.mail.products.services import Organisation, direction_of, organisation_of
from coexsim.mail.retry import RetrySchedule
from coexsim.mail.route_table import RouteEntry
from coexsim.scenario.machine import RateLimits
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, HostedInbound, HostedOutbound

Rules = dict[str, DomainRule]


def _hosted_inbound(server: HostedInbound, scenario: Scenario, _host: AnyServer) -> Settings:
    organisation = organisation_of(scenario, server)
    edge, sizes = server.edge_blocking, organisation.service.sizes
    elsewhere = server.people_elsewhere or organisation.service.people_elsewhere
    # Where the service blocks at its edge, an edge that does not block takes mail for unknown people: the service returns it.
    refuses = server.unknown_recipients == "refuse" and not (edge is False and organisation.service.edge_blocking)
    refuses = refuses and server.catch_all is None
    by_mx_too = organisation.service.own_domains_by_mx
    domains, below = _rules(server, scenario, elsewhere, refuses=refuses, by_mx=by_mx_too)
    connector = hop_to(server.smart_host) or next((r.hop for r in _connectors(server) if r.hop), None)
    by_mx = [direction_of(scenario, one) == "by-mx" for one in _outbound(organisation, scenario)]
    return dict(
        domains=domains,
        subdomains_of=below,
        primary_domain=next(iter(domains), fold(scenario.domain)),
        replica=True,
        delimiters=_delimiters(organisation),
        internal_clients=None if server.internal_clients is None else frozenset(server.internal_clients),
        accepts_only_from=None if server.accepts_only_from is None else frozenset(server.accepts_only_from),
        relays_own_senders_only=server.relay_by == "ip-address",
        local_hop_limit=organisation.service.most_visits,
        copies_all_to=server.journal_to,
        copies_once=True,
        unlisted_go_to=server.catch_all,
        unlisted_domains=frozenset(domains),
        forwards_outside=server.external_forwarding,
        routes=tuple(_routes(server, domains)),
        passes_first=connector if server.centralised_transport else None,
        max_size_bytes=server.max_message_size or sizes.taken,
        max_submit_bytes=server.max_message_size or sizes.sent,
        max_routed_bytes=None if server.max_message_size else sizes.kept,
        max_recipients=organisation.service.limits.recipients_per_message,
        rates=(*client_rates(server.limits), *_limits(organisation).receiving()),
        edge_blocking=organisation.service.edge_blocking if edge is None else edge,
        colleagues=frozenset(organisation.doors_in),
        own_clients=frozenset(organisation.doors_out),
        own_mail_by_mx=by_mx[0] if by_mx else organisation.service.routes_internal_mail == "by-mx",
        other_tenants=_other_tenants(organisation, server.tenant, scenario),
        mailbox_forwarding=_forwarding(server, scenario),
        also_deliver_to=hop_to(server.also_deliver_to),
    )


def _hosted_outbound(server: HostedOutbound, scenario: Scenario, _host: AnyServer) -> Settings:
    organisation = organisation_of(scenario, server)
    inbound = organisation.inbound
    domains: Rules = {}
    below: Rules = {}
    routes: list[RouteEntry] = []
    if direction_of(scenario, server) == "direct":
        if inbound is None:
            domains = {fold(scenario.domain): _looks_up("relay")}
        else:
            by_mx = organisation.service.own_domains_by_mx
            domains, below = _rules(inbound, scenario, "home", refuses=False, by_mx=by_mx)
            if organisation.service is OTHER and not inbound.accepted_domains:
                # Of such a service nothing is known: whom its outbound server does not know is its inbound server's business, by MX.
                domains = {domain: rule._replace(unknown="relay") for domain, rule in domains.items()}
            relays = (inbound.people_elsewhere or organisation.service.people_elsewhere) == "relay"
            routes = [r for r in _routes(inbound, domains) if r.pattern != "*" and (relays or r.rule != "smart-host")]
    elif inbound is not None:
        routes = [route for route in _connectors(inbound) if route.pattern != "*"]
    first = inbound.smart_host if inbound is not None and inbound.centralised_transport else None
    leaves_by = server.relay_host or first
    others = _connectors(inbound) if inbound is not None and leaves_by is None else []
    everything = [route for route in others if route.pattern == "*"]
    said_once = (
        inbound is not None and organisation.service is not OTHER
    )  # of others nothing is known, and each door has its own
    size = server.max_message_size or (inbound.max_message_size if inbound is not None and said_once else None)
    size = size or organisation.service.sizes.sent
    return dict(
        domains=domains,
        subdomains_of=below,
        primary_domain=fold(scenario.domain),
        replica=True,
        delimiters=_delimiters(organisation),
        mailbox_forwarding={} if inbound is None else _forwarding(inbound, scenario),
        routes=(*routes, *(everything or [any_route(leaves_by, "relay-host")])),
        max_size_bytes=size,
        max_submit_bytes=size,
        max_submit_recipients=organisation.service.limits.recipients_per_message,
        rates=sending_rates(scenario, server),
        copies_all_to=inbound.journal_to if inbound is not None else None,
        copies_once=True,
        unlisted_go_to=inbound.catch_all if inbound is not None else None,
        unlisted_domains=frozenset(domains),
        relays_own_senders_only=inbound is not None and inbound.relay_by == "ip-address",
        takes_mail=False,
        colleagues=frozenset(organisation.doors_in),
        other_tenants=_other_tenants(organisation, server.tenant, scenario) if domains else {},
    )


def _delimiters(organisation: Organisation) -> str:
    """The characters that begin an address extension: the service's, or as its tenant has set."""
    said = organisation.inbound.plus_addressing if organisation.inbound is not None else None
    return organisation.service.delimiters if said is None else "+" * said


def sending_rates(scenario: Scenario, server: HostedOutbound) -> tuple[Rate, ...]:
    """What a service allows the mailboxes whose mail an outbound server takes."""
    return _limits(organisation_of(scenario, server)).sending()


def _limits(organisation: Organisation) -> Limits:
    """What the service allows mailboxes, with what the tenant's inbound server says instead."""
    published = organisation.service.limits
    written = organisation.inbound.limits if organisation.inbound is not None else RateLimits()
    names = (
        "mailbox_sends_per_minute", "mailbox_recipients_per_day", "mailbox_receives_per_hour", "tenant_outside_recipients_per_day",
    )  # fmt: skip
    return published._replace(**{n: getattr(written, n) for n in names if getattr(written, n) is not None})


def _looks_up(unknown: str) -> DomainRule:
    """The service looks its people up, and passes mail for others to where they are."""
    return DomainRule(
        True, "relay" if unknown == "relay" else "fail", "home", False, "not-in-directory", "mail-file-in-the-service",
        any_route=True,
    )  # fmt: skip


def _rules(
    server: HostedInbound, scenario: Scenario, elsewhere: Elsewhere | str, *, refuses: bool, by_mx: bool
) -> tuple[Rules, Rules]:
    """The rule of each accepted domain, and of each that stands for those below it ("*.domain").

    Without `by_mx`, nothing leads to people elsewhere but a connector.
    """
    written = server.accepted_domains or dict.fromkeys(
        server.domains or (scenario.domain,),
        "internal-relay" if server.unknown_recipients == "relay" else "authoritative",
    )
    if server.accepted_domains and server.edge_blocking is not False and server.catch_all is None:
        refuses = elsewhere != "home"
    exact: Rules = {}
    below: Rules = {}
    patterns = [route.pattern for route in _connectors(server) if route.hop is not None]
    for domain, type_ in written.items():
        any_route = by_mx or "*" in patterns
        leads_on = any_route or bool(server.smart_host) or fold(domain) in patterns
        unknown = "relay" if type_ == "internal-relay" else "fail"
        if elsewhere == "home":
            rule = _looks_up(unknown)._replace(any_route=any_route)
        else:
            known: Elsewhere = (
                "relay"
                if leads_on and (elsewhere == "relay" or (server.accepted_domains and unknown == "relay"))
                else "fail"
            )
            rule = DomainRule(
                True, "relay" if unknown == "relay" else "fail", known, refuses and unknown == "fail",
                "no-person-record", "mail-file-elsewhere", any_route=any_route,
            )  # fmt: skip
        if domain.startswith("*."):
            below[fold(domain[2:])] = rule
        else:
            exact[fold(domain)] = rule
    return exact, below


def _routes(server: HostedInbound, domains: Rules) -> Iterator[RouteEntry]:
    yield from _connectors(server)
    smart_host = hop_to(server.smart_host)
    if smart_host is not None:
        yield from (RouteEntry(domain, smart_host, "smart-host", 2, to_smart_host=True) for domain in domains)
    if not any(route.pattern == "*" for route in _connectors(server)):
        yield any_route(None, "mx")


def _connectors(server: HostedInbound) -> list[RouteEntry]:
    """One route an address space of each connector; its smart hosts are equals."""
    routes = []
    for connector in (c for c in server.connectors if c.enabled):
        hops = [next_hop(host, by_mx=True) for host in connector.smart_hosts]
        hop: NextHop | None = hops[0]._replace(others=tuple(hops[1:])) if hops else None
        name = f"connector {connector.name}"
        routes += [
            RouteEntry(fold(space), hop, name, to_smart_host=hop is not None) for space in connector.address_spaces
        ]
    return routes


def _outbound(organisation: Organisation, scenario: Scenario) -> Iterator[HostedOutbound]:
    servers = scenario.of_kind(HostedOutbound)
    yield from (servers[name] for name in organisation.doors_out)


def _other_tenants(organisation: Organisation, tenant: str | None, scenario: Scenario) -> dict[str, str]:
    """The domains of other tenants of the same service, and the host that takes mail for them."""
    found: dict[str, str] = {}
    for other in scenario.of_kind(HostedInbound).values():
        if (
            other.tenant == tenant
            or other.host is None
            or organisation_of(scenario, other).service != organisation.service
        ):
            continue
        for domain in other.accepted_domains or other.domains or ():
            found[fold(domain)] = fold(other.host)
    return found


def _forwarding(server: HostedInbound, scenario: Scenario) -> dict[str, str]:
    return {fold(scenario.address_of(name)): to for name, to in server.forwarding.items()}


def _schedule(_server: HostedInbound | HostedOutbound) -> RetrySchedule:
    return SCHEDULE


HOSTED_INBOUND = Product(
    "hosted-inbound", "hosted", "hosted service, incoming", _hosted_inbound, _schedule, replies=REPLIES
)
HOSTED_OUTBOUND = Product(
    "hosted-outbound", "hosted", "hosted service, outgoing", _hosted_outbound, _schedule, replies=REPLIES
)
