"""Exim: the routers and the RCPT checks of its default configuration as a `Policy`; its replies and its retries.

Source: Exim's specification (exim.org, spec.txt) and its shipped ``configure.default``. Its replies carry no enhanced status codes;
notices then say 5.0.0. Mail that a router cannot place for a fault of the set-up (a smart host without an address, or that is this
host itself) is frozen, not bounced; at RCPT the same is a temporary error. At RCPT it verifies the sender's address, then takes everything
from hosts that may relay (relay_from_hosts), then verifies the recipient.
"""

from __future__ import annotations

import math

from coexsim.mail.message import fold
from coexsim.mail.policy import DomainRule, RouteEntry
from coexsim.mail.products.product import Catalogue, Product, Settings, any_route, hop_to, hops_of_setup
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule
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
    "set-up-at-fault": (451, "4.0.0", "message is frozen: {detail}"),
    "dns-temporary": (451, "4.0.0", "host lookup did not complete: {detail}"),
    "expired": (550, "5.0.0", "retry timeout exceeded: {detail}"),
    "too-many-recipients": (452, "4.0.0", "too many recipients"),
    "mailbox-full": (552, "5.0.0", "mailbox is full"),
}


def _exim(server: EximServer, scenario: Scenario, _host: AnyServer) -> Settings:
    local = tuple(map(fold, (scenario.domain,) if server.local_domains is None else server.local_domains))
    relayed = tuple(d for d in map(fold, server.relay_to_domains) if d not in local)
    verify = server.verify_recipient != "off"
    passing = DomainRule(False, "relay", "relay", False, "relay-domain", "relay-domain", any_route=True, delivers=False)
    routes = [
        RouteEntry(d, hop_to(server.smart_host), "smart-host", to_smart_host=True) for d in local if server.smart_host
    ]
    return dict(
        domains=dict.fromkeys(relayed, passing) | dict.fromkeys(local, DomainRule(True, "fail", "relay", verify)),
        primary_domain=next(iter(local or relayed), fold(scenario.domain)),
        routes=(*routes, any_route(server.smart_host_for_others, "smart-host")),
        hosts_of_setup=hops_of_setup(server.smart_host, server.smart_host_for_others),
        delimiters=server.local_part_suffix.replace("*", "").replace(" : ", ""),
        ignores_loopback=True,  # ignore_target_hosts
        max_size_bytes=server.message_size_limit,
        max_submit_bytes=server.message_size_limit,
        max_recipients=server.recipients_max or None,
        hop_limit=server.received_headers_max + 1,  # its own line is not counted yet
        hops_counted_at_limit=False,
        verifies_senders=server.verify_sender,
        takes_all_of_trusted=True,
        verifies={"off": "off", "route": "route", "callout": "probe"}[server.verify_recipient],
        verify_times=CALLOUT_CACHE if server.verify_recipient == "callout" else None,
        unverified_code=550,
    )


def _schedule(_server: EximServer) -> RetrySchedule:
    return SCHEDULE


EXIM = Product(
    "exim",
    "exim",
    _exim,
    _schedule,
    machine_settings=dict(waits_at_loops=True, expired="own-code"),
    replies=REPLIES,
    schedules={"exim": SCHEDULE},
)
