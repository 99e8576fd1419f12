"""Exchange 2007 and later: accepted domains and Send connectors as a `Policy`; its replies and its retries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal

from coexsim.mail.message import fold, next_hop
from coexsim.mail.policy import DomainRule, Rate
from coexsim.mail.products.product import Product, Settings
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule, constant
from coexsim.mail.route_table import RouteEntry, hops_of
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, ExchangeServer

SCHEDULE = RetrySchedule(
    (MINUTE_S,) * 4 + (5 * MINUTE_S,) * 6 + (10 * MINUTE_S,),
    1.0,
    10 * MINUTE_S,
    4 * HOUR_S,
    2 * DAY_S,
    "destination",
    message_gap_s=15 * MINUTE_S,
)  # [MS-INT]
MOST_COST = 100  # of a Send connector [MS-SC]
# Sources by their keys in profiles/SOURCES.md.
REPLIES = {
    "unknown-user": (550, "5.1.1", "User unknown (RESOLVER.ADR.ExRecipNotFound)"),  # [MS-RF], [MS-NDR]
    # "do not support address literals" (exchangepedia 2007/06, Exchange 2007 and 2010); the reply to recipients that are no addresses
    # (osTicket #506, skynet/monit #2)
    "address-literal": (501, "5.1.3", "Invalid address"),
    "internal-only": (550, "5.7.1", "RESOLVER.RST.AuthRequired; authentication required"),  # NDRs that users published
    "internal-only-person": (550, "5.7.1", "RESOLVER.RST.AuthRequired; authentication required"),
    "relay-denied": (550, "5.7.1", "Unable to relay"),  # [MS-NDR]; leading 550 from memory
    "not-by-the-connector": (530, "5.7.1", "Client was not authenticated"),  # [MS-NDR]
    "too-many-hops": (554, "5.4.6", "Hop count exceeded - possible mail loop"),  # [MS-546]
    "no-smart-host": (550, "5.4.4", "ROUTING.NoConnectorForAddressType; unable to route <{address}>"),  # from memory
    # a notice that an administrator published (ex-shell.com, 2015/01)
    "more-than-announced": (550, "5.3.4", "SMTPSEND.OverAdvertisedSize; message size exceeds fixed maximum size"),
    "body-too-big": (552, "5.3.4", "Message size exceeds fixed maximum message size"),  # [MS-NDR]
    "too-many-recipients": (452, "4.5.3", "Too many recipients"),
    "too-many-submitted": (550, "5.5.3", "RESOLVER.ADR.RecipLimit; too many recipients"),  # [MS-NDR]; text from memory
    "mailbox-full": (550, "5.2.2", "RESOLVER.RST.QuotaExceeded; mailbox full"),  # [MS-NDR]; text from memory
    "loops-to-self": (554, "5.4.4", "SMTPSEND.DNS.MxLoopback; DNS records for {domain} lead back to this server"),
    # queues that administrators published (markgossa.com, 2015/09; exchangemaster.wordpress.com, 2014/04/15)
    "set-up-at-fault": (451, "4.4.0", "DNS query failed. The error was: SMTPSEND.DNS.NonExistentDomain; {detail}"),
    "expired": (550, "4.4.7", "QUEUE.Expired; message expired"),  # [MS-NDR]
    "rate-limited": (421, "4.4.2", "Message submission rate for this client has exceeded the configured limit"),
    "reserved-domain": (550, "5.1.4", "Recipient address reserved by RFC 2606"),  # [MS-NDR]
    "reserved-second-level-domain": (550, "5.1.5", "Recipient address reserved by RFC 2606"),  # [MS-NDR]
    "tls-not-offered": (451, "5.7.3", "STARTTLS is required to send mail"),  # queues that administrators published
    "certificate-not-valid": (454, "4.7.5", "Certificate validation failure"),  # likewise
    "queue-full": (452, "4.3.1", "Insufficient system resources"),  # [MS-NDR]; leading 452 from memory
    # Notices that users published; Receive connectors: unlimited as set up, new ones 20 a source (MaxInboundConnectionPerSource) [MS-RATE].
    "too-many-connections": (
        421,
        "4.3.2",
        "The maximum number of concurrent connections has exceeded a limit, closing transmission channel",
    ),
}

SINCE_2016 = REPLIES | {
    "unknown-user": (550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"),
    "not-by-the-connector": (
        530,
        "5.7.57",
        "SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
    ),
    "relay-denied": (550, "5.7.54", "SMTP; Unable to relay recipient in non-accepted domain"),
}
"""What notices of 2016 to 2023 say (15.1 and 15.2), published by users."""


def _exchange(server: ExchangeServer, scenario: Scenario, _host: AnyServer) -> Settings:
    domains: dict[str, DomainRule] = {}
    below: dict[str, DomainRule] = {}  # accepted domains written "*.domain" [MS-AD]
    for domain, accepted in server.accepted_domains.items():
        verify = server.recipient_filtering and accepted.looks_up_recipients and server.catch_all is None
        name = f"{accepted.type}-domain"
        rule = {
            "authoritative": DomainRule(True, "fail", "forward", verify, name, name),
            "internal-relay": DomainRule(
                True, "relay", "relay", verify, name, name, any_route=True, takes_targets=True
            ),
            "external-relay": DomainRule(
                False, "relay", "relay", False, name, name, any_route=True, delivers=False, takes_targets=True
            ),
        }[accepted.type]
        if domain.startswith("*."):  # the domain and all below it
            below[fold(domain[2:])] = rule
            domains.setdefault(fold(domain[2:]), rule)
        else:
            domains[fold(domain)] = rule
    exchanges = scenario.of_kind(ExchangeServer).items()
    colleagues = frozenset(name for name, one in exchanges if one.organization == server.organization)
    routes = tuple(_connector_routes(server, frozenset(domains)))
    versioned = dict(product="exchange-2016") if server.version in ("2016", "2019", "SE") else {}
    return versioned | dict(
        domains=domains,
        subdomains_of=below,
        copies_all_to=server.journal_to,
        copies_once=True,
        unlisted_go_to=server.catch_all,
        unlisted_domains=frozenset(domains),
        primary_domain=next(iter(domains), fold(scenario.domain)),
        colleagues=colleagues,
        accepts_only_from=None
        if server.anonymous_users
        else colleagues | {*server.relay_for, *(server.internal_clients or ())},
        internal_clients=None if server.internal_clients is None else frozenset(server.internal_clients),
        routes=routes,
        # a smart host that is not in DNS: mail for it stays in the queue, as 451 4.4.0 (queues and notices that administrators published)
        hosts_of_setup=hops_of(routes),
        bounces_setup_loops=True,  # SMTPSEND.DNS.MxLoopback
        checks_submissions=False,
        max_size_bytes=server.max_receive_size,
        max_submit_bytes=server.max_send_size,
        max_routed_bytes=server.organization_max_receive_size,
        max_recipients=server.max_recipients_per_message,
        max_submit_recipients=server.max_recipient_envelope_limit,
        rejects_reserved_domains=server.reject_reserved_domains,
        rates=tuple(_rates(server)),
        hop_limit=server.max_hop_count,
        local_hop_limit=server.max_local_hop_count or None,
        hops_counted_at_limit=False,
    )


def _rates(server: ExchangeServer) -> Iterator[Rate]:
    """MessageRateLimit of the Receive connector, by MessageRateSource [MS-RATE]."""
    sources: dict[str, tuple[Literal["client", "sender"], ...]] = {
        "ip-address": ("client",),
        "user": ("sender",),
        "all": ("client", "sender"),
    }
    for of in sources[server.message_rate_source] if server.message_rate_limit else ():
        yield Rate("messages", of, server.message_rate_limit or 0, MINUTE_S, "rate-limited")


def _connector_routes(server: ExchangeServer, domains: frozenset[str]) -> list[RouteEntry]:
    """One route an address space; of equal cost the connector whose name comes first [MS-SC]. Smart hosts are equals.

    ``*.domain`` is the domain and all below it; where another connector names the domain itself, that one is more specific.
    ``--`` are all accepted domains, as on an Edge Transport server, but not what lies below one that is written ``*.domain`` ("Hop count
    exceeded NDR for outgoing email sent to an on-premises application").
    """
    routes: list[RouteEntry] = []
    accepted = [domain.removeprefix("*.") for domain in server.accepted_domains]
    for connector in sorted((c for c in server.send_connectors if c.enabled), key=lambda c: c.name.casefold()):
        hops = [
            next_hop(h, by_mx=True)._replace(external_dns=connector.use_external_dns, port=connector.port)
            for h in connector.smart_hosts
        ]
        hop = hops[0]._replace(others=tuple(hops[1:])) if hops else None
        written = (accepted if space == "--" else (space,) for space in connector.address_spaces)
        for space in map(fold, chain.from_iterable(written)):
            route = RouteEntry(
                space,
                hop,
                f"send-connector {connector.name}",
                connector.cost,
                connector.max_message_size,
                to_smart_host=hop is not None and space in domains,
                external_dns=connector.use_external_dns,
            )
            routes.append(route)
            if space.startswith("*."):
                itself = space[2:]
                to_smart_host = hop is not None and itself in domains
                less_specific = connector.cost + MOST_COST
                routes.append(route._replace(pattern=itself, cost=less_specific, to_smart_host=to_smart_host))
    return routes


def _schedule(server: ExchangeServer) -> RetrySchedule:
    return SCHEDULE._replace(
        warn_after_s=server.delay_notification_after,
        expire_after_s=server.message_expiration,
        message_gap_s=server.message_retry_interval,
    )


def _sessions_per_destination(_transfer_threads: int | None) -> int | None:
    """MaxPerDomainOutboundConnections: 20 [MS-RATE]."""
    return 20


def _connections_per_message(server: ExchangeServer) -> float:
    """A queue goes on over the connections that it has; each time that it has sent as many messages as a connection carries, one more is
    opened, up to the limit. That a connection is opened for so many messages is from Exchange 2003's help ("Limit number of messages
    per connection"); for later versions the figure is published (SmtpMaxMessagesPerConnection: 20 [MS-RATE]), the rule is not.
    """
    return 1 / server.smtp_max_messages_per_connection


EXCHANGE = Product(
    "exchange",
    "exchange",
    "Exchange",
    _exchange,
    _schedule,
    machine_settings=dict(expired="own-code", back_pressure_delays=True, heeds_announced_size=True),
    replies=REPLIES,
    more_replies={"exchange-2016": SINCE_2016},
    schedules={"exchange": SCHEDULE, "exchange-2007": constant(10 * MINUTE_S, 4 * HOUR_S, 2 * DAY_S)},
    sessions_per_destination=_sessions_per_destination,
    connections_per_message=_connections_per_message,
    # of Set-TransportService: between connection attempts after the quick ones have failed (learn.microsoft.com,
    # TransportServer.OutboundConnectionFailureRetryInterval: 10 minutes on a Hub Transport server)
    retry_setting="OutboundConnectionFailureRetryInterval",
)
