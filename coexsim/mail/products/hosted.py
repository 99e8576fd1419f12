"""A hosted service's two doors: the inbound server with the mail files, and the outbound server of its own users."""

from __future__ import annotations

from coexsim.mail.message import fold
from coexsim.mail.policy import DomainRule, Elsewhere, Route
from coexsim.mail.products.product import Catalogue, Product, Settings, any_route, hop_to
from coexsim.mail.retry import DAY_S, HOUR_S, MINUTE_S, RetrySchedule, constant
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, HostedInbound, HostedOutbound

SCHEDULE = constant(20 * MINUTE_S, 2 * HOUR_S, 5 * DAY_S)  # Forefront Online 2012, the nearest published hosted service
# Two published accounts: first after 15 min, later 60 min; or 30 min, then hourly. Given up after 24 h since March 2019.
EXCHANGE_ONLINE = RetrySchedule((15 * MINUTE_S, HOUR_S), 1.0, HOUR_S, None, DAY_S, "destination")
MANNER: Settings = dict(tells_originals_apart=True)
REPLIES: Catalogue = {"relay-denied": (554, "5.7.1", "<{address}>: Relay access denied")}  # from memory


def _hosted_inbound(server: HostedInbound, scenario: Scenario, _host: AnyServer) -> Settings:
    domains = tuple(map(fold, server.domains or (scenario.domain,)))
    relays = server.unknown_recipients == "relay"
    # People whose mail file is elsewhere are unknown here, unless mail for them is relayed.
    elsewhere: Elsewhere = "relay" if server.people_elsewhere == "relay" else "fail"
    verify = server.unknown_recipients == "refuse"
    rule = DomainRule(True, "relay" if relays else "fail", elsewhere, verify, "no-person-record", "mail-file-elsewhere")
    hop = hop_to(server.smart_host)
    return dict(
        domains=dict.fromkeys(domains, rule),
        primary_domain=domains[0],
        replica=True,
        routes=(*(Route(d, hop, "smart-host", to_smart_host=True) for d in domains if hop), any_route(None, "mx")),
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
        routes=(any_route(server.relay_host, "relay-host"),),
        max_size_bytes=server.max_message_size,
        max_submit_bytes=server.max_message_size,
        takes_mail=False,
    )


def _schedule(_server: HostedInbound | HostedOutbound) -> RetrySchedule:
    return SCHEDULE


HOSTED_INBOUND = Product(
    "hosted-inbound",
    "hosted",
    _hosted_inbound,
    _schedule,
    manner=MANNER,
    replies=REPLIES,
    schedules={"exchange-online": EXCHANGE_ONLINE},
)
HOSTED_OUTBOUND = Product("hosted-outbound", "hosted", _hosted_outbound, _schedule, manner=MANNER, replies=REPLIES)
