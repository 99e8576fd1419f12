"""Postfix: main.cf and its tables as a `Policy`; its replies and its retries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from coexsim.mail.message import NextHop, Reply, fold
from coexsim.mail.policy import LOCAL_TRANSPORT, AddressForm, Rate
from coexsim.mail.products.postfix_access import access_tables
from coexsim.mail.products.postfix_classes import domain_rules, local_rule, relayed_rule, virtual_domains
from coexsim.mail.products.product import Product, Settings, hop_to
from coexsim.mail.retry import DAY_S, RetrySchedule
from coexsim.mail.route_table import RouteEntry
from coexsim.mail.verify_cache import VerifyTimes
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, PostfixServer

SCHEDULE = RetrySchedule(
    (300.0,),
    1.0,
    4000.0,
    None,
    5 * DAY_S,
    "message",
    by_age=True,
    queue_run_s=300.0,
    at_attempts=True,
    whole_seconds=True,
)  # [PF]
_ENHANCED = re.compile(r"([45]\.\d{1,3}\.\d{1,3})\s*(.*)")
TELLING = ("error", "retry", "discard")  # transports whose rest is what is told of the mail
LITERALS: frozenset[AddressForm] = frozenset({"address-literal"})
MACHINE_SETTINGS: Settings = dict(
    address_forms=LITERALS,
    heeds_announced_size=True,  # smtp_proto.c [PF-SRC]
    expands_first=True,
    tells_originals_apart="always",
    protects_at_rcpt=True,  # check_recipient_access (RESTRICTION_CLASS_README: internal lists)
    mx_address_limit=5,  # smtp_mx_address_limit [PF]
    mx_session_limit=2,  # smtp_mx_session_limit [PF]
)
# Seen with Postfix 3.7.11.
REPLIES = {
    **{
        cause: (550, "5.1.1", f"<{{address}}>: Recipient address rejected: User unknown in {table} table")
        for cause, table in (  # one for each class of domains (smtpd_check.c)
            ("unknown-user", "virtual mailbox"),
            ("unknown-local-user", "local recipient"),
            ("unknown-alias", "virtual alias"),
            ("unknown-relay-user", "relay recipient"),
        )
    },
    "unlisted-sender": (550, "5.1.0", "<{address}>: Sender address rejected: User unknown in virtual mailbox table"),
    "internal-only": (554, "5.7.1", "<{address}>: Recipient address rejected: Access denied"),
    "address-literal": (501, "5.1.3", "Bad recipient address syntax"),
    "bare-address": (501, "5.1.3", "Bad recipient address syntax"),
    "too-many-hops": (554, "5.4.0", "Error: too many hops"),
    "set-up-at-fault": (451, "4.3.5", "{detail}"),
    "null-mx": (556, "5.1.0", "Domain {domain} does not accept mail (nullMX)"),
    "unverified-recipient": (450, "4.1.1", "<{address}>: Recipient address rejected: unverified address: {detail}"),
    "undeliverable-recipient": (
        550,
        "5.1.1",
        "<{address}>: Recipient address rejected: undeliverable address: {detail}",
    ),
}


def _postfix(server: PostfixServer, scenario: Scenario, _host: AnyServer) -> Settings:
    domains, relay = domain_rules(server, scenario)
    return dict(
        domains=domains,
        primary_domain=next(iter(domains), fold(scenario.domain)),
        subdomains_of={
            domain: relayed_rule(server, scenario, domain) for domain in relay
        },  # parent_domain_matches_subdomains [PF]
        routes=tuple(_routes(server, scenario, domains, relay)),
        sender_routes={
            fold(sender): hop
            for sender, host in server.sender_dependent_relayhost_maps.items()
            if (hop := hops_in_turn(host))
        },
        sender_transports={
            fold(sender): transport("*", to)
            for sender, to in server.sender_dependent_default_transport_maps.items()
            if _has_host(to)
        },
        refuses_where_routes_do=server.reject_unlisted_recipient,
        refuses_unlisted_senders=server.reject_unlisted_sender,
        unlisted_go_to=server.luser_relay,
        unlisted_domains=frozenset(map(fold, server.mydestination)) if server.luser_relay else frozenset(),
        access=access_tables(server, lambda text: transport("", text)._replace(to_smart_host=False)),
        soft_bounces=server.soft_bounce,
        copies_all_to=server.always_bcc,
        copies_of_senders=_copies(server.sender_bcc_maps, scenario),
        copies_of_recipients=_copies(server.recipient_bcc_maps, scenario),
        fallback_relays=tuple(hop for host in server.smtp_fallback_relay if (hop := hop_to(host))),
        # [192.0.2.1] is local where the address is its own (trivial-rewrite/resolve.c) [PF]
        address_forms=LITERALS | {"bare-address"} if server.resolve_numeric_domain else LITERALS,
        own_address_rule=local_rule(server),
        own_address_domain=next(map(fold, server.mydestination), ""),
        delimiters=server.recipient_delimiter,
        defers_relaying=server.defer_unauth_destination,
        verifies="probe" if server.reject_unverified_recipient else "off",
        verify_times=_verify_times(server),
        unverified_sender_code=server.unverified_sender_reject_code if server.reject_unverified_sender else None,
        unverified_code=server.unverified_recipient_reject_code,
        relays_for=frozenset(server.relay_for) | frozenset(server.mynetworks),
        max_size_bytes=server.message_size_limit or None,
        max_submit_bytes=server.message_size_limit or None,
        max_recipients=server.smtpd_recipient_limit,
        # "smtp_fallback_relay configuration problem", "relayhost configuration problem": deferred (smtp_connect.c) [PF]
        hosts_of_setup=frozenset(
            each
            for host in (server.relayhost, *server.smtp_fallback_relay)
            if (hop := hops_in_turn(host))
            for each in (hop, hop._replace(others=(), in_order=False), *hop.others)
        ),
        rates=tuple(_rates(server)),
        rates_spare_trusted=True,  # smtpd_client_event_limit_exceptions: $mynetworks [PF]
        size_overhead_bytes=1000,
        hop_limit=server.hopcount_limit,
        aliases={
            _full(key, scenario): tuple(_full(m, scenario) for m in to) for key, to in server.virtual_alias_maps.items()
        },
        destination_recipient_limit=server.default_destination_recipient_limit,
    )


def _copies(table: dict[str, str], scenario: Scenario) -> dict[str, str]:
    """A table of addresses and "@domain"s to addresses, all with their domains."""
    return {_full(key, scenario): _full(to, scenario) for key, to in table.items()}


def _routes(
    server: PostfixServer, scenario: Scenario, domains: Iterable[str], relay: Iterable[str]
) -> Iterator[RouteEntry]:
    """The transport table, then the transports of classes of domains, then relay hosts.

    The host of a class's transport goes before the sender's and the global relay host; those before the recipient's domain, also of relay
    domains (postconf(5): default_transport, relay_transport, relayhost).
    """
    # ``.domain`` is Postfix's way to name the subdomains.
    table = {f"*{fold(p)}" if p.startswith(".") else fold(p): to for p, to in server.transport.items()}
    yield from (transport(pattern, to) for pattern, to in table.items())
    if server.smart_host:
        smart = (transport(d, server.smart_host) for d in domains)
        yield from (route._replace(rule="smart-host", cost=2, forced=False) for route in smart)
    if server.virtual_transport:
        yield from (
            _of_class(d, server.virtual_transport, forced=True)._replace(said_by="virtual_transport")
            for d in virtual_domains(server, scenario)
        )
    if server.fallback_transport:
        yield from (_of_class(fold(d), server.fallback_transport) for d in server.mydestination)
    if server.relay_transport and _has_host(server.relay_transport):
        yield from (_of_class(p, server.relay_transport) for d in relay for p in (d, f"*.{d}"))
    relayhost = hops_in_turn(server.relayhost)
    by_default = "relayhost" if relayhost else "relay-domain-mx"
    yield from (RouteEntry(p, relayhost, by_default, 3, by_sender=True) for d in relay for p in (d, f"*.{d}"))
    if server.default_transport and _has_host(server.default_transport):
        yield _of_class("*", server.default_transport)
    yield RouteEntry("*", relayhost, "relayhost" if relayhost else "mx", 100, by_sender=True)


def _of_class(pattern: str, to: str, *, forced: bool = False) -> RouteEntry:
    """The transport of a class of domains; an entry of the transport table goes before it."""
    return transport(pattern, to)._replace(cost=2, forced=forced)


def _has_host(to: str) -> bool:
    """Does a transport say where mail goes, and not only by which client."""
    word, _, rest = to.partition(":")
    return bool(rest) or word in TELLING


def _verify_times(server: PostfixServer) -> VerifyTimes | None:
    """How long verify(8) remembers what a probe found; None: nobody is probed."""
    if not (server.reject_unverified_recipient or server.reject_unverified_sender):
        return None
    return VerifyTimes(
        server.address_verify_positive_expire_time,
        server.address_verify_positive_refresh_time,
        server.address_verify_negative_expire_time,
        server.address_verify_negative_refresh_time,
        keeps_failures=server.address_verify_negative_cache,
    )


def _rates(server: PostfixServer) -> Iterator[Rate]:
    """What anvil(8) counts of a client."""
    unit_s = server.anvil_rate_time_unit
    if server.smtpd_client_connection_rate_limit:
        yield Rate("connections", "client", server.smtpd_client_connection_rate_limit, unit_s, "too-many-connections")
    if server.smtpd_client_message_rate_limit:
        yield Rate("messages", "client", server.smtpd_client_message_rate_limit, unit_s, "rate-limited")
    if server.smtpd_client_recipient_rate_limit:
        yield Rate("recipients", "client", server.smtpd_client_recipient_rate_limit, unit_s, "recipient-rate-limited")


def _full(address: str, scenario: Scenario) -> str:
    return fold(address if "@" in address else f"{address}@{scenario.domain}")


def hops_in_turn(text: str | None) -> NextHop | None:
    """The hosts of a transport or relay host, separated by commas or blanks: each is tried where those before it fail (transport(5), since
    Postfix 3.5).
    """
    hops = [hop for host in re.split(r"[,\s]+", text or "") if (hop := hop_to(host))]
    return hops[0]._replace(others=tuple(hops[1:]), in_order=len(hops) > 1) if hops else None


def transport(pattern: str, text: str) -> RouteEntry:
    """``smtp:[host]``, ``smtp:host`` (MX first) or ``smtp:`` (the recipient's MX); ``virtual:`` delivers here.

    ``error:text`` returns mail, ``retry:text`` keeps it; the text may begin with an enhanced status code (error(8), retry(8)).
    ``discard:text`` throws it away, as if it had been delivered (discard(8)).
    """
    word, colon, host = text.partition(":")
    if colon and word in ("virtual", "local", "lmtp"):
        return RouteEntry(pattern, None, LOCAL_TRANSPORT, forced=True)
    if word == "error":
        return RouteEntry(pattern, None, f"transport {text}", forced=True, refuses=_told(550, "5.0.0", host))
    if word == "discard":
        return RouteEntry(
            pattern, None, f"transport {text}", forced=True, refuses=Reply(250, "2.0.0", host or "discarded")
        )
    if word == "retry":
        kept = NextHop(text, by_mx=False, kept=_told(450, "4.0.0", host))
        return RouteEntry(pattern, kept, f"transport {text}", forced=True)
    hop = hops_in_turn(host if colon and word in ("smtp", "relay") else text)
    return RouteEntry(pattern, hop, f"transport {text}", to_smart_host=True, forced=True)


def _told(code: int, enhanced: str, text: str) -> Reply:
    """The reply that a text of the transport table makes."""
    found = _ENHANCED.match(text.strip())
    return Reply(code, found[1], found[2]) if found else Reply(code, enhanced, text.strip())


def _schedule(server: PostfixServer) -> RetrySchedule:
    return SCHEDULE._replace(
        gaps_s=(server.minimal_backoff_time,),
        longest_s=server.maximal_backoff_time,
        queue_run_s=server.queue_run_delay,
        expire_after_s=server.maximal_queue_lifetime,
        warn_after_s=server.delay_warning_time,
    )


def _sessions_per_destination(_transfer_threads: int | None) -> int | None:
    """default_destination_concurrency_limit: 20 [PF]."""
    return 20


POSTFIX = Product(
    "postfix",
    "postfix",
    "Postfix",
    _postfix,
    _schedule,
    machine_settings=MACHINE_SETTINGS,
    replies=REPLIES,
    schedules={"postfix": SCHEDULE},
    sessions_per_destination=_sessions_per_destination,
    # postconf(5): least and longest time between attempts, and the time between two queue scans
    retry_setting="minimal_backoff_time, maximal_backoff_time and queue_run_delay",
)
