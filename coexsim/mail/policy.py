"""What a server is told to do, in one form for all products: each product's settings become a `Policy`.

A product is data: the rules in ``routing.py`` read policies only, and know no product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from coexsim.mail.message import NextHop, domain_of, fold, next_hop
from coexsim.mail.retry import RetrySchedule, schedule_of
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

Elsewhere = Literal["relay", "forward", "home", "fail"]


class DomainRule(NamedTuple):
    """What a server does with recipients of one of its domains."""

    looked_up: bool  # people are looked up in the directory (or in the server's own list)
    unknown: Literal["fail", "relay"]  # no Person record
    elsewhere: Elsewhere  # Person record, but no mail file here
    verify: bool  # unknown ones are refused at RCPT
    unknown_rule: str = "no-person-record"
    elsewhere_rule: str = "person-without-mail-file"
    any_route: bool = False  # the route for all domains ("*") serves too


class Route(NamedTuple):
    """Where mail for matching recipients is sent; no `hop` means by the recipient's MX."""

    pattern: str  # an address, a domain, "*.domain", or "*"
    hop: NextHop | None
    rule: str
    cost: int = 1
    max_size_bytes: int | None = None
    to_smart_host: bool = False
    external_dns: bool = True


@dataclass(frozen=True)
class Policy:
    """One server's rules, product-neutral. Sizes in bytes."""

    server: str
    product: str
    listens: bool
    own_names: frozenset[str]
    own_addresses: frozenset[str]
    domains: Mapping[str, DomainRule]
    primary_domain: str
    replica: bool  # looks people up in the hosted replica
    mailboxes: frozenset[str] | None  # an external server's local parts; None: all exist
    lookup: Literal["full name then local part", "full name only", "local part only"]
    routes: tuple[Route, ...]
    sends_outside: bool
    relays_for: frozenset[str]
    checks_submissions: bool  # its own users hand in by SMTP and meet its RCPT checks
    all_local_to_smart_host: bool
    hands_over_to: str | None  # the role on the same machine that sends to the smart host
    passes_first: NextHop | None  # centralised transport: mail goes through this host before it is delivered
    max_size_bytes: int | None
    max_submit_bytes: int | None
    size_overhead_bytes: int  # the queue file is this much larger than the message
    hop_limit: int
    hops_refused_in_dialogue: bool
    hops_counted_at_limit: bool  # refused when the count reaches the limit, not when it passes it
    greylist_s: float | None
    reject_unknown_sender_domain: bool
    reject_unknown_recipient_domain: bool
    edge_blocking: bool
    takes_mail: bool  # from anyone, for its domains; a server for submissions only does not
    expired_keeps_code: bool  # the bounce of expired mail carries the last failure's code
    retry: RetrySchedule

    def rule_for(self, address: str) -> DomainRule | None:
        """The rule of the recipient's domain; None for a domain that is not this server's."""
        return self.domains.get(domain_of(address))

    def route_for(self, address: str, size_bytes: int, *, named: bool = False) -> Route | None:
        """The best route: address before domain before parent domain before ``*``; then the lowest cost, then as written.

        `named` leaves out ``*``. Routes whose size limit is too small are passed over, as Exchange does [MS-SC].
        """
        domain = domain_of(address)
        parents = domain.split(".")
        ranked = [fold(address), domain, *("*." + ".".join(parents[i:]) for i in range(1, len(parents)))] + ([] if named else ["*"])
        for pattern in ranked:
            found = [r for r in self.routes if r.pattern == pattern and (r.max_size_bytes is None or size_bytes <= r.max_size_bytes)]
            if found:
                return min(found, key=lambda route: route.cost)
        return None


def policy_of(scenario: Scenario, name: str, addresses: frozenset[str]) -> Policy:
    """The policy of a server of the scenario; `addresses` are its IP addresses."""
    server = scenario.servers[name]
    host = scenario.servers.get(server.runs_on or "", server)
    own_names = frozenset(fold(h) for h in (server.host, host.host) if h)
    common = dict(
        server=name, product=_product(server, host), listens=True, own_names=own_names, own_addresses=addresses, replica=False,
        mailboxes=None, lookup="full name only", sends_outside=True, relays_for=frozenset(server.relay_for),
        checks_submissions=True, all_local_to_smart_host=False, hands_over_to=_role_on(scenario, name), passes_first=None,
        max_size_bytes=None, max_submit_bytes=None, size_overhead_bytes=0, hop_limit=getattr(server, "max_hop_count", 50),
        hops_refused_in_dialogue=True, hops_counted_at_limit=True, greylist_s=server.greylisting.delay if server.greylisting else None,
        reject_unknown_sender_domain=server.reject_unknown_sender_domain,
        reject_unknown_recipient_domain=server.reject_unknown_recipient_domain, edge_blocking=False, takes_mail=True, expired_keeps_code=True,
        retry=schedule_of(host if server.runs_on and not server.retry else server),
    )  # fmt: skip
    return Policy(**(common | _COMPILE[type(server)](server, scenario, host)))  # type: ignore[arg-type]


def _product(server: AnyServer, host: AnyServer) -> str:
    kind = (host if isinstance(server, RelayServer) else server).kind
    return {"hosted-inbound": "hosted", "hosted-outbound": "hosted", "external": "postfix", "relay": "postfix"}.get(kind, kind)


def _role_on(scenario: Scenario, name: str) -> str | None:
    return next((other for other, server in scenario.of_kind(RelayServer).items() if server.runs_on == name), None)


def _any_route(hop: NextHop | None, rule: str) -> Route:
    return Route("*", hop, rule)


def _domino(server: DominoServer, scenario: Scenario, _host: AnyServer) -> dict[str, object]:
    local = tuple(map(fold, server.global_domain)) if server.global_domain is not None else _domain_of_host(server)
    sends = server.smtp_outside_local_domain
    if server.smart_host_rule == "person-without-mail-file":
        rule = DomainRule(True, "fail", "relay", server.verify_local_recipients)
    else:
        # The two settings exclude each other [D-SH]: with verification on, unknown ones are refused before the smart host is asked.
        unknown: Literal["relay", "fail"] = "relay" if server.smart_host and not server.verify_local_recipients else "fail"
        rule = DomainRule(True, unknown, "forward", server.verify_local_recipients, "not-in-directory")
    routes = [Route(d, next_hop(server.smart_host, by_mx=True), "smart-host", to_smart_host=True) for d in local if server.smart_host]
    outside = [_any_route(next_hop(server.relay_host, by_mx=True) if server.relay_host else None, "relay-host" if server.relay_host else "mx")]
    return dict(
        listens=server.smtp_listener_task, domains=dict.fromkeys(local, rule), primary_domain=local[0] if local else fold(scenario.domain),
        lookup=server.address_lookup, routes=tuple(routes + outside) if sends else (), sends_outside=sends, checks_submissions=False,
        all_local_to_smart_host=server.smart_host_for_all_local_recipients and bool(server.smart_host),
        max_size_bytes=server.max_message_size, max_submit_bytes=server.max_message_size, hop_limit=server.max_hop_count,
        hops_refused_in_dialogue=False, hops_counted_at_limit=False, expired_keeps_code=False,
    )  # fmt: skip


def _domain_of_host(server: DominoServer) -> tuple[str, ...]:
    """Without a Global Domain document only the host's own Internet domain is local [D-GD]."""
    return (fold(server.host.partition(".")[2]),) if server.host and "." in server.host else ()


def _exchange(server: ExchangeServer, scenario: Scenario, _host: AnyServer) -> dict[str, object]:
    domains = {}
    for domain, accepted in server.accepted_domains.items():
        verify = server.recipient_filtering and accepted.looks_up_recipients
        domains[fold(domain)] = {
            "authoritative": DomainRule(True, "fail", "forward", verify, "authoritative-domain", "authoritative-domain"),
            "internal-relay": DomainRule(True, "relay", "relay", verify, "internal-relay-domain", "internal-relay-domain", True),
            "external-relay": DomainRule(False, "relay", "relay", False, "external-relay-domain", "external-relay-domain", True),
        }[accepted.type]
    routes = [
        Route(fold(space), next_hop(host, by_mx=True)._replace(external_dns=c.use_external_dns) if host else None, f"send-connector {c.name}",
              c.cost, c.max_message_size, bool(host) and fold(space) in domains, c.use_external_dns)
        for c in server.send_connectors if c.enabled for space in c.address_spaces for host in (c.smart_hosts or ("",))
    ]  # fmt: skip
    return dict(
        domains=domains, primary_domain=next(iter(domains), fold(scenario.domain)), routes=tuple(routes), checks_submissions=False,
        max_size_bytes=server.max_receive_size, max_submit_bytes=server.max_send_size, hop_limit=server.max_hop_count,
        hops_counted_at_limit=False, expired_keeps_code=False,
    )  # fmt: skip


def _postfix(server: PostfixServer, scenario: Scenario, _host: AnyServer) -> dict[str, object]:
    relay = set(map(fold, server.relay_domains))
    local = [fold(d) for d in server.virtual_mailbox_domains or (scenario.domain,) if fold(d) not in relay]
    domains = dict.fromkeys(local, DomainRule(True, "fail", "relay", server.reject_unlisted_recipient))
    for domain in relay:
        domains[domain] = DomainRule(True, "relay", "relay", server.relay_recipient_check, "relay-domain", "relay-domain")
    routes = [Route(fold(p), _transport(to), f"transport {to}", to_smart_host=True) for p, to in server.transport.items()]
    if server.smart_host:
        routes += [Route(d, _transport(server.smart_host), "smart-host", 2, to_smart_host=True) for d in domains]
    routes += [Route(d, None, "relay-domain-mx", 3) for d in relay]
    hop = next_hop(server.relayhost, by_mx=True) if server.relayhost else None
    routes.append(Route("*", hop, "relayhost" if hop else "mx", 100))
    return dict(
        domains=domains, primary_domain=next(iter(domains), fold(scenario.domain)), routes=tuple(routes),
        relays_for=frozenset(server.relay_for) | frozenset(server.mynetworks), max_size_bytes=server.message_size_limit,
        max_submit_bytes=server.message_size_limit, size_overhead_bytes=1000, hop_limit=server.hopcount_limit,
    )  # fmt: skip


def _transport(text: str) -> NextHop | None:
    """``smtp:[host]``, ``smtp:host`` (MX first) or ``smtp:`` (the recipient's MX)."""
    host = text.partition(":")[2] if text.partition(":")[0] in ("smtp", "relay", "lmtp") else text
    return next_hop(host, by_mx=True) if host else None


def _relay(server: RelayServer, scenario: Scenario, host: AnyServer) -> dict[str, object]:
    domains = tuple(map(fold, server.relay_domains or (scenario.domain,)))
    own = [server.smart_host] if server.smart_host else []
    shared = [] if host is server else [getattr(host, "smart_host", None), *(h for c in getattr(host, "send_connectors", ()) for h in c.smart_hosts)]
    smart = next((h for h in (*own, *shared) if h), None)
    rule = DomainRule(server.verify_recipients, "relay", "relay", server.verify_recipients, "relays-everything", "relays-everything")
    hop = next_hop(smart, by_mx=True) if smart else None
    return dict(
        domains=dict.fromkeys(domains, rule), primary_domain=domains[0],
        routes=tuple(Route(d, hop, "smart-host" if hop else "mx") for d in domains) + ((_any_route(hop, "smart-host" if hop else "mx"),) if server.relay_for or host is not server else ()),
        max_size_bytes=server.max_message_size, hands_over_to=None,
    )  # fmt: skip


def _hosted_inbound(server: HostedInbound, scenario: Scenario, _host: AnyServer) -> dict[str, object]:
    domains = tuple(map(fold, server.domains or (scenario.domain,)))
    relays = server.unknown_recipients == "relay"
    elsewhere: Elsewhere = "relay" if server.people_elsewhere == "relay" else "fail"
    # People whose mail file is elsewhere are unknown here, unless mail for them is relayed.
    rule = DomainRule(True, "relay" if relays else "fail", elsewhere, server.unknown_recipients == "refuse", "no-person-record", "mail-file-elsewhere")
    hop = next_hop(server.smart_host, by_mx=True) if server.smart_host else None
    routes = [Route(d, hop, "smart-host", to_smart_host=True) for d in domains] if hop else []
    return dict(
        domains=dict.fromkeys(domains, rule), primary_domain=domains[0], replica=True, routes=(*routes, _any_route(None, "mx")),
        passes_first=hop if server.centralised_transport else None, max_size_bytes=server.max_message_size,
        max_submit_bytes=server.max_message_size, edge_blocking=server.edge_blocking,
    )  # fmt: skip


def _hosted_outbound(server: HostedOutbound, scenario: Scenario, _host: AnyServer) -> dict[str, object]:
    # Direct: the service looks its own users up and passes their mail to the server with the mail file; by MX: it does not look.
    direct = server.routes_internal_mail == "direct"
    rule = DomainRule(True, "relay", "home", False, "not-ours-by-mx", "mail-file-in-the-service", True)
    hop = next_hop(server.relay_host, by_mx=True) if server.relay_host else None
    return dict(
        domains={fold(scenario.domain): rule} if direct else {}, primary_domain=fold(scenario.domain), replica=True,
        routes=(_any_route(hop, "relay-host" if hop else "mx"),), max_size_bytes=server.max_message_size,
        max_submit_bytes=server.max_message_size, takes_mail=False,
    )  # fmt: skip


def _external(server: ExternalServer, scenario: Scenario, _host: AnyServer) -> dict[str, object]:
    hop = next_hop(server.smart_host, by_mx=True) if server.smart_host else None
    return dict(
        domains=dict.fromkeys(map(fold, server.domain), DomainRule(True, "fail", "fail", True)), primary_domain=fold(server.domain[0]),
        mailboxes=frozenset(map(fold, server.mailboxes)) if server.mailboxes is not None else None,
        routes=(_any_route(hop, "smart-host" if hop else "mx"),), max_size_bytes=server.max_message_size,
        max_submit_bytes=server.max_message_size,
    )  # fmt: skip


_COMPILE = {
    DominoServer: _domino,
    ExchangeServer: _exchange,
    PostfixServer: _postfix,
    RelayServer: _relay,
    HostedInbound: _hosted_inbound,
    HostedOutbound: _hosted_outbound,
    ExternalServer: _external,
}
