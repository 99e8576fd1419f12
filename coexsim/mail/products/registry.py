"""All products by the kind of server that a scenario writes: the policy and the retry schedule of a server."""

from __future__ import annotations

from collections.abc import Mapping

from coexsim.mail.message import fold
from coexsim.mail.policy import Policy
from coexsim.mail.products.domino import DOMINO
from coexsim.mail.products.exchange import EXCHANGE
from coexsim.mail.products.external import EXTERNAL
from coexsim.mail.products.hosted import HOSTED_INBOUND, HOSTED_OUTBOUND
from coexsim.mail.products.postfix import POSTFIX
from coexsim.mail.products.product import Product, Settings
from coexsim.mail.products.relay import RELAY
from coexsim.mail.retry import RetrySchedule, changed
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, RelayServer

PRODUCTS: Mapping[str, Product] = {
    product.kind: product for product in (DOMINO, EXCHANGE, POSTFIX, RELAY, HOSTED_INBOUND, HOSTED_OUTBOUND, EXTERNAL)
}
SCHEDULES: Mapping[str, RetrySchedule] = {
    name: schedule for product in PRODUCTS.values() for name, schedule in product.schedules.items()
}


def product_of(scenario: Scenario, server: AnyServer) -> Product:
    """The product that runs a server: of a relay on another server's machine, that server's."""
    host = scenario.servers.get(server.runs_on or "", server)
    return PRODUCTS[host.kind if isinstance(server, RelayServer) else server.kind]


def policy_of(scenario: Scenario, name: str, addresses: frozenset[str]) -> Policy:
    """The policy of a server of the scenario; `addresses` are its IP addresses."""
    server = scenario.servers[name]
    host = scenario.servers.get(server.runs_on or "", server)
    product = product_of(scenario, server)
    common: Settings = dict(
        server=name,
        product=product.name,
        own_names=frozenset(fold(h) for h in (server.host, host.host) if h),
        own_addresses=addresses,
        relays_for=frozenset(server.relay_for),
        hands_over_to=_role_on(scenario, name),
        hop_limit=getattr(server, "max_hop_count", 50),
        greylist_s=server.greylisting.delay if server.greylisting else None,
        reject_unknown_sender_domain=server.reject_unknown_sender_domain,
        reject_unknown_recipient_domain=server.reject_unknown_recipient_domain,
        rejects_own_domain_from_outside=server.reject_own_domain_from_outside,
        retry=schedule_of(host if server.runs_on and not server.retry else server),
    )
    return Policy(**(common | dict(product.manner) | PRODUCTS[server.kind].settings(server, scenario, host)))


def schedule_of(server: AnyServer) -> RetrySchedule:
    """The schedule of a server: its product's, with what the scenario says instead."""
    schedule = PRODUCTS[server.kind].schedule(server)
    return changed(schedule, server.retry, SCHEDULES) if server.retry else schedule


def _role_on(scenario: Scenario, name: str) -> str | None:
    return next((other for other, server in scenario.of_kind(RelayServer).items() if server.runs_on == name), None)
