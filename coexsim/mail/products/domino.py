"""Domino: Server document, Configuration document and Global Domain document as a `Policy`; its replies and its retries."""

from __future__ import annotations

import re

from coexsim.mail.message import fold, next_hop
from coexsim.mail.policy import DomainRule
from coexsim.mail.products.product import Product, Settings, any_route, hop_to
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule
from coexsim.mail.route_table import RouteEntry
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, DominoServer

# Its growth law is not published: doubling up to an hour is an editable default.
SCHEDULE = RetrySchedule((15 * MINUTE_S,), 2.0, HOUR_S, None, DAY_S, "destination")
# The texts are its customary wording, from memory; the codes count. Sources by their keys in profiles/SOURCES.md.
REPLIES = {
    "unknown-user": (550, "5.1.1", "{address}... No such user: not listed in the Domino Directory"),
    "relay-denied": (554, "5.7.1", "Relay rejected for policy reasons."),  # [D-SPAM]
    "too-big": (552, "5.3.4", "Message exceeds the maximum size allowed on this server"),
    "body-too-big": (552, "5.3.4", "Message exceeds the maximum size allowed on this server"),
    "no-smart-host": (
        550,
        "5.4.4",
        "No route found to {domain} for <{address}>",
    ),  # the "domain" class of failures [D-NDR]
    "too-many-hops": (554, "5.4.6", "Maximum hop count exceeded. Message probably in a routing loop."),  # [D-LOOP]
    "forwarding-loop": (554, "5.4.6", "Maximum forwarding loop count exceeded"),  # [D-LOOP]
}


def _domino(server: DominoServer, scenario: Scenario, _host: AnyServer) -> Settings:
    written = _domain_of_host(server) if server.global_domain is None else tuple(map(fold, server.global_domain))
    local = tuple(domain for domain in written if not domain.startswith("*."))
    below = tuple(domain.removeprefix("*.") for domain in written if domain.startswith("*."))
    verify = server.verify_local_recipients
    if server.smart_host_rule == "person-without-mail-file":
        rule = DomainRule(True, "fail", "relay", verify)
    else:
        # Verification refuses unknown ones at RCPT, before the smart host is asked [D-SH]; the router, which has the mail of the
        # server's own users, asks it all the same.
        unknown_goes_on = server.smart_host is not None
        rule = DomainRule(True, "relay" if unknown_goes_on else "fail", "forward", verify, "not-in-directory")
    smart = [
        RouteEntry(domain, hop_to(server.smart_host), "smart-host", to_smart_host=True)
        for domain in written
        if server.smart_host
    ]
    # A local Internet domain is resolved in the directory, never by a Foreign SMTP Domain document [D-HELP].
    foreign = [
        RouteEntry("*" if d == "*.*" else fold(d), hop_to(host), "foreign-smtp-domain")
        for d, host in server.foreign_smtp_domains.items()
        if fold(d) not in written
    ]
    sends = server.smtp_outside_local_domain
    return dict(
        listens=server.smtp_listener_task,
        domains=dict.fromkeys(local, rule),
        primary_domain=local[0] if local else fold(scenario.domain),
        lookup=server.address_lookup,
        subdomains_of=dict.fromkeys(below, rule),
        looks_up_alternates=True,
        colleagues=frozenset(
            name for name, one in scenario.of_kind(DominoServer).items() if one.domino_domain == server.domino_domain
        ),
        follows_forwarding_of_hosted=True,
        tells_originals_apart="groups-from-elsewhere",  # a person and her group, written to from the Internet: two copies (swg21390024)
        routes=(*smart, *foreign, _relay_route(server)) if sends else (),
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


def _relay_route(server: DominoServer) -> RouteEntry:
    """The way of mail for other domains: by MX, or the relay hosts, "one;other" one after another, "one,other" any of them [D-FAIL]."""
    hops = [next_hop(host, by_mx=True) for host in re.split("[;,]", server.relay_host or "") if host.strip()]
    if not hops:
        return any_route(None, "mx", 2)
    in_turn = ";" in (server.relay_host or "")
    return RouteEntry("*", hops[0]._replace(others=tuple(hops[1:]), in_order=in_turn), "relay-host", 2)


def _domain_of_host(server: DominoServer) -> tuple[str, ...]:
    """Without a Global Domain document only the host's own Internet domain, and the host itself, are local [D-GD]."""
    return (fold(server.host.partition(".")[2]), fold(server.host)) if server.host and "." in server.host else ()


def _schedule(server: DominoServer) -> RetrySchedule:
    return SCHEDULE._replace(
        gaps_s=(server.initial_transfer_retry_interval,),
        longest_s=max(HOUR_S, server.initial_transfer_retry_interval),
        expire_after_s=server.mail_timeout,
        warn_after_s=server.delay_notification_after,
    )


def _sessions_per_destination(transfer_threads: int | None) -> int | None:
    """Half the transfer threads, rounded down [D-TL]."""
    return max(transfer_threads // 2, 1) if transfer_threads is not None else None


def _connections_per_message(_server: DominoServer) -> float:
    """A destination goes on with the threads that it has, and gets no others until its queue is empty (from memory)."""
    return 0.0


DOMINO = Product(
    "domino",
    "domino",
    "Domino",
    _domino,
    _schedule,
    machine_settings=dict(expired="own-code", needs_forwarding=True),
    replies=REPLIES,
    schedules={"domino": SCHEDULE},
    sessions_per_destination=_sessions_per_destination,
    connections_per_message=_connections_per_message,
    # of a Configuration Settings document: Router/SMTP, Restrictions and Controls, Transfer Controls
    # (help.hcl-software.com/domino/12.0.0/admin/conf_settingtransferlimits_t.html)
    retry_setting="Initial transfer retry interval",
)
