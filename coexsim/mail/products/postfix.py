"""Postfix: main.cf and its tables as a `Policy`; its replies and its retries."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.mail.message import fold
from coexsim.mail.policy import LOCAL_TRANSPORT, DomainRule, Rate, RouteEntry
from coexsim.mail.products.product import Product, Settings, any_route, hop_to, hops_of_setup
from coexsim.mail.retry import DAY_S, RetrySchedule
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
MACHINE_SETTINGS: Settings = dict(
    expands_first=True,
    tells_originals_apart="always",
    mx_address_limit=5,  # smtp_mx_address_limit [PF]
    mx_session_limit=2,  # smtp_mx_session_limit [PF]
)
# Seen with Postfix 3.7.11.
REPLIES = {
    "unknown-user": (550, "5.1.1", "<{address}>: Recipient address rejected: User unknown in virtual mailbox table"),
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
    relay = list(dict.fromkeys(map(fold, server.relay_domains)))
    listed = server.reject_unlisted_recipient
    local = dict.fromkeys(virtual_domains(server, scenario), DomainRule(True, "fail", "relay", listed))
    # Mail of a relay domain goes on, whatever mail files are here, unless smart_host tells people apart one by one: then those with a mail
    # file here have a transport of their own too. A domain in both lists is virtual (trivial-rewrite(8)).
    relayed = DomainRule(
        _has_people(server, scenario), "relay", "relay", server.relay_recipient_check, "relay-domain", "relay-domain",
        delivers=bool(server.smart_host),
    )  # fmt: skip
    domains = dict.fromkeys(relay, relayed) | local
    # ``.domain`` is Postfix's way to name the subdomains.
    table = {f"*{fold(p)}" if p.startswith(".") else fold(p): to for p, to in server.transport.items()}
    routes = [transport(pattern, to) for pattern, to in table.items()]
    if server.smart_host:
        routes += [transport(d, server.smart_host)._replace(rule="smart-host", cost=2, forced=False) for d in domains]
    # Sender-dependent and global relay hosts override the recipient's domain, also of relay domains (postconf(5): relayhost).
    relayhost = hop_to(server.relayhost)
    by_default = "relayhost" if relayhost else "relay-domain-mx"
    routes += [RouteEntry(p, relayhost, by_default, 3, by_sender=True) for d in relay for p in (d, f"*.{d}")]
    return dict(
        domains=domains,
        primary_domain=next(iter(local or domains), fold(scenario.domain)),
        subdomains_of=dict.fromkeys(relay, relayed),  # parent_domain_matches_subdomains [PF]
        routes=(*routes, any_route(server.relayhost, "relayhost", 100)._replace(by_sender=True)),
        sender_routes={
            fold(sender): hop
            for sender, host in server.sender_dependent_relayhost_maps.items()
            if (hop := hop_to(host))
        },
        fallback_relays=tuple(hop for host in server.smtp_fallback_relay if (hop := hop_to(host))),
        delimiters=server.recipient_delimiter,
        defers_relaying=server.defer_unauth_destination,
        verifies="probe" if server.reject_unverified_recipient else "off",
        verify_times=_verify_times(server),
        unverified_code=server.unverified_recipient_reject_code,
        relays_for=frozenset(server.relay_for) | frozenset(server.mynetworks),
        max_size_bytes=server.message_size_limit or None,
        max_submit_bytes=server.message_size_limit or None,
        max_recipients=server.smtpd_recipient_limit,
        # "smtp_fallback_relay configuration problem", "relayhost configuration problem": deferred (smtp_connect.c) [PF]
        hosts_of_setup=hops_of_setup(server.relayhost, *server.smtp_fallback_relay),
        rates=tuple(_rates(server)),
        rates_spare_trusted=True,  # smtpd_client_event_limit_exceptions: $mynetworks [PF]
        size_overhead_bytes=1000,
        hop_limit=server.hopcount_limit,
        aliases={
            _full(key, scenario): tuple(_full(m, scenario) for m in to) for key, to in server.virtual_alias_maps.items()
        },
        destination_recipient_limit=50,  # smtp_destination_recipient_limit [PF]
    )


def _verify_times(server: PostfixServer) -> VerifyTimes | None:
    """How long verify(8) remembers what a probe found; None: recipients are not probed."""
    if not server.reject_unverified_recipient:
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


def virtual_domains(server: PostfixServer, scenario: Scenario) -> tuple[str, ...]:
    """The virtual mailbox domains: as written, or the scenario's domain, unless it is relayed and no mail file is here."""
    if server.virtual_mailbox_domains is not None:
        return tuple(dict.fromkeys(map(fold, server.virtual_mailbox_domains)))
    domain = fold(scenario.domain)
    name = next(name for name, other in scenario.servers.items() if other is server)
    homes = (scenario.home_server.get("onprem"), *(person.mail_file for person in scenario.directory.people.values()))
    return () if domain in map(fold, server.relay_domains) and name not in homes else (domain,)


def _has_people(server: PostfixServer, scenario: Scenario) -> bool:
    """Has a server the directory or mail files; if not, it relays groups and aliases as they are."""
    homes = {scenario.home_server.get("onprem"), *(person.mail_file for person in scenario.directory.people.values())}
    return any(scenario.servers.get(home or "") is server for home in homes)


def _full(address: str, scenario: Scenario) -> str:
    return fold(address if "@" in address else f"{address}@{scenario.domain}")


def transport(pattern: str, text: str) -> RouteEntry:
    """``smtp:[host]``, ``smtp:host`` (MX first) or ``smtp:`` (the recipient's MX); ``virtual:`` delivers here."""
    word, colon, host = text.partition(":")
    if colon and word in ("virtual", "local", "lmtp"):
        return RouteEntry(pattern, None, LOCAL_TRANSPORT, forced=True)
    hop = hop_to(host if colon and word in ("smtp", "relay") else text)
    return RouteEntry(pattern, hop, f"transport {text}", to_smart_host=True, forced=True)


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
    _postfix,
    _schedule,
    machine_settings=MACHINE_SETTINGS,
    replies=REPLIES,
    schedules={"postfix": SCHEDULE},
    sessions_per_destination=_sessions_per_destination,
)
