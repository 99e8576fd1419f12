"""Each product's settings, in the product's words, made into a `Policy`."""

from __future__ import annotations

from typing import Any

from coexsim.mail.message import NextHop, fold, next_hop
from coexsim.mail.policy import LOCAL_TRANSPORT, DomainRule, Elsewhere, Policy, Route
from coexsim.mail.retry import schedule_of
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import (
    AnyServer,
    DominoServer,
    ExchangeServer,
    ExternalServer,
    HostedInbound,
    HostedOutbound,
    PostfixServer,
    RelayServer,
)

Settings = dict[str, Any]
SPEAKS_LIKE = {"hosted-inbound": "hosted", "hosted-outbound": "hosted", "external": "postfix", "relay": "postfix"}


def policy_of(scenario: Scenario, name: str, addresses: frozenset[str]) -> Policy:
    """The policy of a server of the scenario; `addresses` are its IP addresses."""
    server = scenario.servers[name]
    host = scenario.servers.get(server.runs_on or "", server)
    kind = (host if isinstance(server, RelayServer) else server).kind
    common: Settings = dict(
        server=name,
        product=SPEAKS_LIKE.get(kind, kind),
        listens=True,
        own_names=frozenset(fold(h) for h in (server.host, host.host) if h),
        own_addresses=addresses,
        subdomains_of={},
        replica=False,
        mailboxes=None,
        lookup="full name only",
        sends_outside=True,
        relays_for=frozenset(server.relay_for),
        checks_submissions=True,
        all_local_to_smart_host=False,
        hands_over_to=_role_on(scenario, name),
        passes_first=None,
        max_size_bytes=None,
        max_submit_bytes=None,
        max_routed_bytes=None,
        max_recipients=None,
        max_submit_recipients=None,
        rejects_reserved_domains=False,
        refuses_over_quota=True,
        size_overhead_bytes=0,
        hop_limit=getattr(server, "max_hop_count", 50),
        local_hop_limit=None,
        hops_refused_in_dialogue=True,
        hops_counted_at_limit=True,
        greylist_s=server.greylisting.delay if server.greylisting else None,
        reject_unknown_sender_domain=server.reject_unknown_sender_domain,
        reject_unknown_recipient_domain=server.reject_unknown_recipient_domain,
        rejects_own_domain_from_outside=server.reject_own_domain_from_outside,
        edge_blocking=False,
        aliases={},
        expands_first=kind in ("postfix", "external"),
        tells_originals_apart=kind in ("postfix", "external", "hosted-inbound", "hosted-outbound"),
        recipients_at_once=None,
        most_addresses=5 if kind in ("postfix", "external") else None,  # smtp_mx_address_limit [PF]
        most_sessions=2 if kind in ("postfix", "external") else None,  # smtp_mx_session_limit [PF]
        takes_mail=True,
        expired_keeps_code=kind not in ("domino", "exchange"),
        retry=schedule_of(host if server.runs_on and not server.retry else server),
    )
    return Policy(**(common | _COMPILE[type(server)](server, scenario, host)))


def _role_on(scenario: Scenario, name: str) -> str | None:
    return next((other for other, server in scenario.of_kind(RelayServer).items() if server.runs_on == name), None)


def _hop(host: str | None) -> NextHop | None:
    """A host as products read it: by MX first, or ``[host]`` by address only."""
    return next_hop(host, by_mx=True) if host else None


def _any_route(host: str | None, rule: str, cost: int = 1) -> Route:
    """The route for all other domains: `host`, or the recipient's MX."""
    return Route("*", _hop(host), rule if host else "mx", cost)


def _domino(server: DominoServer, scenario: Scenario, _host: AnyServer) -> Settings:
    local = _domain_of_host(server) if server.global_domain is None else tuple(map(fold, server.global_domain))
    verify = server.verify_local_recipients
    if server.smart_host_rule == "person-without-mail-file":
        rule = DomainRule(True, "fail", "relay", verify)
    else:
        # The two settings exclude each other [D-SH]: with verification on, unknown ones are refused before the smart host is asked.
        unknown_goes_on = server.smart_host is not None and not verify
        rule = DomainRule(True, "relay" if unknown_goes_on else "fail", "forward", verify, "not-in-directory")
    smart = [
        Route(domain, _hop(server.smart_host), "smart-host", to_smart_host=True)
        for domain in local
        if server.smart_host
    ]
    foreign = [Route(fold(d), _hop(host), "foreign-smtp-domain") for d, host in server.foreign_smtp_domains.items()]
    sends = server.smtp_outside_local_domain
    return dict(
        listens=server.smtp_listener_task,
        domains=dict.fromkeys(local, rule),
        primary_domain=local[0] if local else fold(scenario.domain),
        lookup=server.address_lookup,
        routes=(*smart, *foreign, _any_route(server.relay_host, "relay-host")) if sends else (),
        sends_outside=sends,
        checks_submissions=False,
        all_local_to_smart_host=server.smart_host_for_all_local_recipients and bool(server.smart_host),
        max_size_bytes=server.max_message_size,
        max_submit_bytes=server.max_message_size,
        refuses_over_quota=server.over_quota_enforcement == "non-deliver",
        hop_limit=server.max_hop_count,
        hops_refused_in_dialogue=False,
        hops_counted_at_limit=False,
    )


def _domain_of_host(server: DominoServer) -> tuple[str, ...]:
    """Without a Global Domain document only the host's own Internet domain is local [D-GD]."""
    return (fold(server.host.partition(".")[2]),) if server.host and "." in server.host else ()


def _exchange(server: ExchangeServer, scenario: Scenario, _host: AnyServer) -> Settings:
    domains = {}
    for domain, accepted in server.accepted_domains.items():
        verify = server.recipient_filtering and accepted.looks_up_recipients
        name = f"{accepted.type}-domain"
        domains[fold(domain)] = {
            "authoritative": DomainRule(True, "fail", "forward", verify, name, name),
            "internal-relay": DomainRule(True, "relay", "relay", verify, name, name, any_route=True),
            "external-relay": DomainRule(False, "relay", "relay", False, name, name, any_route=True),
        }[accepted.type]
    return dict(
        domains=domains,
        primary_domain=next(iter(domains), fold(scenario.domain)),
        routes=tuple(_connector_routes(server, frozenset(domains))),
        checks_submissions=False,
        max_size_bytes=server.max_receive_size,
        max_submit_bytes=server.max_send_size,
        max_routed_bytes=server.organization_max_receive_size,
        max_recipients=server.max_recipients_per_message,
        max_submit_recipients=server.max_recipient_envelope_limit,
        rejects_reserved_domains=server.reject_reserved_domains,
        hop_limit=server.max_hop_count,
        local_hop_limit=server.max_local_hop_count or None,
        hops_counted_at_limit=False,
    )


def _connector_routes(server: ExchangeServer, domains: frozenset[str]) -> list[Route]:
    """One route an address space; of equal cost the connector whose name comes first [MS-SC]. Smart hosts are equals."""
    routes = []
    for connector in sorted((c for c in server.send_connectors if c.enabled), key=lambda c: c.name.casefold()):
        hops = [
            next_hop(h, by_mx=True)._replace(external_dns=connector.use_external_dns) for h in connector.smart_hosts
        ]
        hop = hops[0]._replace(others=tuple(hops[1:])) if hops else None
        routes += [
            Route(
                fold(space),
                hop,
                f"send-connector {connector.name}",
                connector.cost,
                connector.max_message_size,
                to_smart_host=hop is not None and fold(space) in domains,
                external_dns=connector.use_external_dns,
            )
            for space in connector.address_spaces
        ]
    return routes


def _postfix(server: PostfixServer, scenario: Scenario, _host: AnyServer) -> Settings:
    relay = list(dict.fromkeys(map(fold, server.relay_domains)))
    written = (scenario.domain,) if server.virtual_mailbox_domains is None else server.virtual_mailbox_domains
    local = [domain for domain in dict.fromkeys(map(fold, written)) if domain not in relay]
    domains = dict.fromkeys(local, DomainRule(True, "fail", "relay", server.reject_unlisted_recipient))
    relayed = DomainRule(
        _has_people(server, scenario), "relay", "relay", server.relay_recipient_check, "relay-domain", "relay-domain"
    )
    domains |= dict.fromkeys(relay, relayed)
    # ``.domain`` is Postfix's way to name the subdomains.
    table = {f"*{fold(p)}" if p.startswith(".") else fold(p): to for p, to in server.transport.items()}
    routes = [_transport(pattern, to) for pattern, to in table.items()]
    if server.smart_host:
        routes += [_transport(d, server.smart_host)._replace(rule="smart-host", cost=2, forced=False) for d in domains]
    routes += [Route(p, None, "relay-domain-mx", 3) for d in relay for p in (d, f"*.{d}")]
    return dict(
        domains=domains,
        primary_domain=next(iter(domains), fold(scenario.domain)),
        subdomains_of=dict.fromkeys(relay, relayed),  # parent_domain_matches_subdomains [PF]
        routes=(*routes, _any_route(server.relayhost, "relayhost", 100)),
        relays_for=frozenset(server.relay_for) | frozenset(server.mynetworks),
        max_size_bytes=server.message_size_limit or None,
        max_submit_bytes=server.message_size_limit or None,
        max_recipients=server.smtpd_recipient_limit,
        size_overhead_bytes=1000,
        hop_limit=server.hopcount_limit,
        aliases={
            _full(key, scenario): tuple(_full(m, scenario) for m in to) for key, to in server.virtual_alias_maps.items()
        },
        recipients_at_once=50,  # smtp_destination_recipient_limit [PF]
    )


def _has_people(server: PostfixServer, scenario: Scenario) -> bool:
    """Has a server the directory or mail files; if not, it relays groups and aliases as they are."""
    homes = {scenario.home_server.get("onprem"), *(person.mail_file for person in scenario.directory.people.values())}
    return any(scenario.servers.get(home or "") is server for home in homes)


def _full(address: str, scenario: Scenario) -> str:
    return fold(address if "@" in address else f"{address}@{scenario.domain}")


def _transport(pattern: str, text: str) -> Route:
    """``smtp:[host]``, ``smtp:host`` (MX first) or ``smtp:`` (the recipient's MX); ``virtual:`` delivers here."""
    word, colon, host = text.partition(":")
    if colon and word in ("virtual", "local", "lmtp"):
        return Route(pattern, None, LOCAL_TRANSPORT, forced=True)
    hop = _hop(host if colon and word in ("smtp", "relay") else text)
    return Route(pattern, hop, f"transport {text}", to_smart_host=True, forced=True)


def _relay(server: RelayServer, scenario: Scenario, host: AnyServer) -> Settings:
    domains = tuple(map(fold, server.relay_domains or (scenario.domain,)))
    connectors = getattr(host, "send_connectors", ())
    shared = (
        [getattr(host, "smart_host", None), *(h for c in connectors for h in c.smart_hosts)]
        if host is not server
        else []
    )
    smart = server.smart_host or next((h for h in shared if h), None)
    name = "relays-everything"
    rule = DomainRule(server.verify_recipients, "relay", "relay", server.verify_recipients, name, name)
    rest = [_any_route(smart, "smart-host")] if server.relay_for or host is not server else []
    return dict(
        domains=dict.fromkeys(domains, rule),
        primary_domain=domains[0],
        routes=(
            *(Route(d, _transport(d, smart).hop if smart else None, "smart-host" if smart else "mx") for d in domains),
            *rest,
        ),
        max_size_bytes=server.max_message_size,
        hands_over_to=None,
    )


def _hosted_inbound(server: HostedInbound, scenario: Scenario, _host: AnyServer) -> Settings:
    domains = tuple(map(fold, server.domains or (scenario.domain,)))
    relays = server.unknown_recipients == "relay"
    # People whose mail file is elsewhere are unknown here, unless mail for them is relayed.
    elsewhere: Elsewhere = "relay" if server.people_elsewhere == "relay" else "fail"
    verify = server.unknown_recipients == "refuse"
    rule = DomainRule(True, "relay" if relays else "fail", elsewhere, verify, "no-person-record", "mail-file-elsewhere")
    hop = _hop(server.smart_host)
    return dict(
        domains=dict.fromkeys(domains, rule),
        primary_domain=domains[0],
        replica=True,
        routes=(*(Route(d, hop, "smart-host", to_smart_host=True) for d in domains if hop), _any_route(None, "mx")),
        passes_first=hop if server.centralised_transport else None,
        max_size_bytes=server.max_message_size,
        max_submit_bytes=server.max_message_size,
        edge_blocking=server.edge_blocking,
    )


def _hosted_outbound(server: HostedOutbound, scenario: Scenario, _host: AnyServer) -> Settings:
    # Direct: the service looks its own users up and passes their mail to the server with the mail file; by MX: it does not look.
    direct = server.routes_internal_mail == "direct"
    rule = DomainRule(True, "relay", "home", False, "not-ours-by-mx", "mail-file-in-the-service", any_route=True)
    return dict(
        domains={fold(scenario.domain): rule} if direct else {},
        primary_domain=fold(scenario.domain),
        replica=True,
        routes=(_any_route(server.relay_host, "relay-host"),),
        max_size_bytes=server.max_message_size,
        max_submit_bytes=server.max_message_size,
        takes_mail=False,
    )


def _external(server: ExternalServer, _scenario: Scenario, _host: AnyServer) -> Settings:
    home = fold(server.domain[0])
    return dict(
        domains=dict.fromkeys(map(fold, server.domain), DomainRule(True, "fail", "fail", True)),
        primary_domain=home,
        mailboxes=frozenset(map(fold, server.mailboxes)) if server.mailboxes is not None else None,
        routes=(_any_route(server.smart_host, "smart-host"),),
        max_size_bytes=server.max_message_size,
        max_submit_bytes=server.max_message_size,
        aliases={fold(name if "@" in name else f"{name}@{home}"): (to,) for name, to in server.forwarding.items()},
    )


_COMPILE: dict[type, Any] = {
    DominoServer: _domino,
    ExchangeServer: _exchange,
    PostfixServer: _postfix,
    RelayServer: _relay,
    HostedInbound: _hosted_inbound,
    HostedOutbound: _hosted_outbound,
    ExternalServer: _external,
}
