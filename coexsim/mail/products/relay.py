"""A relay: a smart host or secondary MX without mail files, alone or as a role on another server's machine."""

from __future__ import annotations

from coexsim.mail.message import fold
from coexsim.mail.policy import DomainRule
from coexsim.mail.products import postfix
from coexsim.mail.products.product import Product, Settings, any_route, client_rates
from coexsim.mail.retry import RetrySchedule
from coexsim.mail.route_table import RouteEntry
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, RelayServer


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
    return dict(
        domains=dict.fromkeys(domains, rule),
        primary_domain=domains[0],
        routes=(
            *(
                RouteEntry(d, postfix.transport(d, smart).hop if smart else None, "smart-host" if smart else "mx")
                for d in domains
            ),
            any_route(smart, "smart-host"),  # its own notices too; whose mail it passes on is `relay_for`'s to say
        ),
        max_size_bytes=server.max_message_size,
        rates=client_rates(server.limits),
        hands_over_to=None,
    )


def _schedule(_server: RelayServer) -> RetrySchedule:
    return postfix.SCHEDULE


RELAY = Product(
    "relay",
    "postfix",
    "relay",
    _relay,
    _schedule,
    machine_settings=dict(address_forms=postfix.LITERALS, heeds_announced_size=True),
    replies=postfix.REPLIES,
)  # one without a product speaks as Postfix does
