"""Exim: the routers and the RCPT checks of its default configuration as a `Policy`; its replies and its retries.

Source: Exim's specification (exim.org, spec.txt) and its shipped ``configure.default``. Its replies carry no enhanced status codes;
notices then say 5.0.0. Mail that a router cannot place for a fault of the set-up (a smart host without an address, or that is this
host itself) is frozen, not bounced; at RCPT the same is a temporary error. At RCPT it verifies the sender's address, then takes everything
from hosts that may relay (relay_from_hosts), then verifies the recipient. Recipients of its own users are verified too, as a list that asks
``verify = recipient`` first does, unless `verify_submissions` is off.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from coexsim.mail.message import SMTP_PORT, NextHop, fold
from coexsim.mail.policy import DomainRule
from coexsim.mail.products.product import Catalogue, Product, Settings
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule
from coexsim.mail.route_table import LITERALS, RouteEntry, hops_of
from coexsim.mail.verify_cache import VerifyTimes
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, EximServer


def _exim_gaps_s() -> tuple[float, ...]:
    """``F,2h,15m; G,16h,1h,1.5; F,4d,6h`` [EXIM configure.default]: every 15 min for 2 h, then growing by 1.5 to 16 h, then 6 h."""
    gaps = [15 * MINUTE_S] * 8
    gap, age = HOUR_S, 2 * HOUR_S
    while age < 16 * HOUR_S:
        gaps.append(gap)
        age += gap
        gap *= 1.5
    return (*gaps, 6 * HOUR_S)


SCHEDULE = RetrySchedule(_exim_gaps_s(), 1.0, 6 * HOUR_S, DAY_S, 4 * DAY_S, "message", at_attempts=True)
# callout_positive_expire, callout_negative_expire [EXIM]; what could not be asked is asked again.
CALLOUT_CACHE = VerifyTimes(DAY_S, math.inf, 2 * HOUR_S, math.inf, keeps_temporary=False)
REPLIES: Catalogue = {
    "unknown-user": (550, "5.0.0", "Unrouteable address"),
    "undeliverable-recipient": (550, "5.0.0", "Unrouteable address"),
    "unverified-recipient": (451, "4.0.0", "Temporary local problem - please try later"),
    "address-literal": (501, "5.0.0", "<{address}>: domain literals not allowed"),
    "bare-address": (550, "5.0.0", "Unrouteable address"),  # looked up as a name
    "relay-denied": (550, "5.0.0", "relay not permitted"),
    "unknown-sender": (550, "5.0.0", "Sender verify failed"),
    "unknown-sender-domain": (550, "5.0.0", "Sender verify failed"),
    "null-mx-sender-domain": (550, "5.0.0", "Sender verify failed"),
    "unclear-sender-domain": (451, "4.0.0", "Temporary local problem - please try later"),
    "too-big": (552, "5.0.0", "Message size exceeds maximum permitted"),
    "body-too-big": (552, "5.0.0", "Message size exceeds maximum permitted"),
    "too-many-hops": (550, "5.0.0", 'Too many "Received" headers - suspected mail loop'),
    "no-such-domain": (550, "5.0.0", "Unrouteable address: {detail}"),
    "no-address": (550, "5.0.0", "all relevant MX records point to non-existent hosts: {detail}"),
    "null-mx": (550, "5.0.0", "an MX or SRV record indicated no SMTP service"),
    "no-smart-host": (550, "5.0.0", "Unrouteable address"),
    "no-route": (550, "5.0.0", "Unrouteable address"),
    "forwarding-loop": (550, "5.0.0", "Unrouteable address"),
    "loops-to-self": (550, "5.0.0", "remote host address is the local host: {domain}"),
    "set-up-at-fault": (451, "4.0.0", "message is frozen: {detail}"),
    "dns-temporary": (451, "4.0.0", "host lookup did not complete: {detail}"),
    "expired": (550, "5.0.0", "retry timeout exceeded: {detail}"),
    "too-many-recipients": (452, "4.0.0", "too many recipients"),
    "mailbox-full": (552, "5.0.0", "mailbox is full"),
}


def _exim(server: EximServer, scenario: Scenario, _host: AnyServer) -> Settings:
    local = tuple(map(fold, (scenario.domain,) if server.local_domains is None else server.local_domains))
    relayed = tuple(d for d in map(fold, server.relay_to_domains) if d not in local)
    verify = server.verify_recipient != "off" and server.catch_all is None
    passing = DomainRule(False, "relay", "relay", False, "relay-domain", "relay-domain", any_route=True, delivers=False)
    listed = DomainRule(True, "fail", "relay", verify)
    routed = {fold(pattern): text for pattern, text in server.route_list.items()}
    routes = tuple(_routes(server, local, routed))
    return dict(
        # A route for a whole domain takes whoever it is for, listed or not.
        domains=dict.fromkeys(relayed, passing) | {d: passing if d in routed else listed for d in local},
        primary_domain=next(iter(local or relayed), fold(scenario.domain)),
        routes=routes,
        hosts_of_setup=hops_of(routes),
        fallback_relays=tuple(hop for host in server.fallback_hosts if (hop := _hosts(server, host))),
        waits_at_loops=server.self_ in ("freeze", "defer"),
        sends_to_itself=server.self_ == "send",
        leads_itself_to=_rerouted(server.self_, local),
        defers_loops=server.self_ == "defer",
        unlisted_go_to=server.catch_all,
        unlisted_domains=frozenset(local),
        delimiters=server.local_part_suffix.replace("*", "").replace(" : ", ""),
        address_forms=frozenset({"address-literal"} if server.allow_domain_literals else ()),
        ignores_hosts=server.ignore_target_hosts,
        max_size_bytes=server.message_size_limit,
        max_submit_bytes=server.message_size_limit,
        max_recipients=server.recipients_max or None,
        hop_limit=server.received_headers_max + 1,  # its own line is not counted yet
        hops_counted_at_limit=False,
        verifies_senders=server.verify_sender,
        takes_all_of_trusted=True,
        takes_all_of_own_users=not server.verify_submissions,
        protects_at_rcpt=True,  # a condition of acl_check_rcpt
        verifies={"off": "off", "route": "route"}.get(server.verify_recipient, "probe"),
        takes_unverified=server.verify_recipient == "callout-defer-ok",
        verify_times=CALLOUT_CACHE if server.verify_recipient.startswith("callout") else None,
        unverified_code=550,
    )


def _rerouted(at_itself: str, local: tuple[str, ...]) -> str | None:
    """The domain in which an address is routed anew where its route leads to this host; local users are found by their local part."""
    if at_itself == "pass":
        return next(iter(local), "")
    return fold(at_itself.rpartition(":")[2].strip()) if at_itself.startswith("reroute") else None


def _routes(server: EximServer, local: tuple[str, ...], routed: dict[str, str]) -> Iterator[RouteEntry]:
    """Routers in their order: by hand for domains, for listed people elsewhere, for all other domains."""
    for pattern, text in routed.items():
        yield RouteEntry(
            pattern, _hosts(server, text), "manualroute", to_smart_host=True, forced=True, said_by="route_list"
        )
    if server.allow_domain_literals:  # before the router for a smart host
        yield RouteEntry(LITERALS, None, "ipliteral")
    smart_host = _hosts(server, server.smart_host)
    if smart_host is not None:
        yield from (RouteEntry(d, smart_host, "smart-host", 2, to_smart_host=True) for d in local)
    others = _hosts(server, server.smart_host_for_others)
    yield RouteEntry("*", others, "smart-host" if others else "mx")


def _hosts(server: EximServer, text: str | None) -> NextHop | None:
    """The hosts of a routing rule: by address, or with ``/mx`` by MX records; ``::`` and a port may stand behind a host [EXIM]."""
    hops = []
    for written in re.split(r"\s*(?<!:):(?!:)\s*", (text or "").strip()):
        port = re.search(r":{1,2}(\d+)", written)
        host, _, how = re.sub(r":{1,2}\d+", "", written).partition("/")
        if host and not host.isdecimal():
            at = int(port[1]) if port else SMTP_PORT
            hops.append(NextHop(fold(host.strip("[] ")), by_mx=how.casefold() == "mx", port=at))
    return hops[0]._replace(others=tuple(hops[1:]), in_order=not server.hosts_randomize) if hops else None


def _schedule(server: EximServer) -> RetrySchedule:
    thaw_after_s = math.inf if server.auto_thaw is None else server.auto_thaw
    return SCHEDULE._replace(thaw_after_s=thaw_after_s, cancel_frozen_after_s=server.timeout_frozen_after)


EXIM = Product(
    "exim",
    "exim",
    "Exim",
    _exim,
    _schedule,
    machine_settings=dict(waits_at_loops=True, expired="own-code"),
    replies=REPLIES,
    schedules={"exim": SCHEDULE},
    # the `retry` section of its configuration, by host (specification, chapter 32)
    retry_setting="retry rules",
)
