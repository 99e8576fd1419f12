"""All products by the kind of server that a scenario writes: the policy and the retry schedule of a server."""

from __future__ import annotations

from collections.abc import Mapping

from coexsim.mail.message import SMTP_PORT, fold
from coexsim.mail.policy import Policy
from coexsim.mail.products.domino import DOMINO
from coexsim.mail.products.exchange import EXCHANGE
from coexsim.mail.products.exim import EXIM
from coexsim.mail.products.external import EXTERNAL
from coexsim.mail.products.hosted import HOSTED_INBOUND, HOSTED_OUTBOUND
from coexsim.mail.products.postfix import POSTFIX
from coexsim.mail.products.product import Catalogue, Product, Settings
from coexsim.mail.products.relay import RELAY
from coexsim.mail.products.services import SERVICES, organisation_of
from coexsim.mail.retry import RetrySchedule, changed
from coexsim.mail.route_table import RouteTable
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, HostedInbound, HostedOutbound, RelayServer
from coexsim.scenario.wording import wording_of

PRODUCTS: Mapping[str, Product] = {
    product.kind: product
    for product in (DOMINO, EXCHANGE, POSTFIX, EXIM, RELAY, HOSTED_INBOUND, HOSTED_OUTBOUND, EXTERNAL)
}
SCHEDULES: Mapping[str, RetrySchedule] = {
    **{name: schedule for product in PRODUCTS.values() for name, schedule in product.schedules.items()},
    **{key: service.schedule for key, service in SERVICES.items() if key not in ("other", "smartcloud-inotes")},
}
REPLIES: Mapping[str, Catalogue] = {
    **{product.name: product.replies for product in PRODUCTS.values()},
    **{name: replies for product in PRODUCTS.values() for name, replies in product.more_replies.items()},
    **{service.name: service.replies for service in SERVICES.values()},
}


def product_of(scenario: Scenario, server: AnyServer) -> Product:
    """The product that runs a server: of a relay on another server's machine, that server's; of a hosted server, its service."""
    host = scenario.servers.get(server.runs_on or "", server)
    runs = host if isinstance(server, RelayServer) else server
    product = PRODUCTS[runs.kind]
    if not isinstance(runs, HostedInbound | HostedOutbound):
        return product
    service = organisation_of(scenario, runs).service
    return product._replace(
        name=service.name,
        replies=service.replies,
        machine_settings=service.machine_settings,
        schedule=lambda _server: service.schedule,
    )


def policy_of(
    scenario: Scenario, name: str, addresses: frozenset[str], roles: Mapping[str, str] | None = None
) -> Policy:
    """The policy of a server of the scenario; `addresses` are its IP addresses. Whoever asks for many gives `roles_of` once."""
    server = scenario.servers[name]
    host = scenario.servers.get(server.runs_on or "", server)
    product = product_of(scenario, server)
    common: Settings = dict(
        server=name,
        product=product.name,
        wording=wording_of(scenario),
        own_names=frozenset(fold(h) for h in (server.host, host.host) if h),
        own_addresses=addresses,
        relays_for=frozenset(server.relay_for),
        hands_over_to=(roles_of(scenario) if roles is None else roles).get(name),
        hop_limit=getattr(server, "max_hop_count", 50),
        greylist_s=server.greylisting.delay if server.greylisting else None,
        greylists_networks=server.greylisting is not None and server.greylisting.by == "network",
        reject_unknown_sender_domain=server.reject_unknown_sender_domain,
        reject_unknown_recipient_domain=server.reject_unknown_recipient_domain,
        rejects_own_domain_from_outside=server.reject_own_domain_from_outside,
        announces_size=server.announces_size,
        offers_tls=server.offers_tls,
        offers_smtputf8=server.offers_smtputf8,
        valid_certificate=server.valid_certificate,
        requires_tls_to=frozenset(server.requires_tls_to),
        requires_tls_from=frozenset(server.requires_tls_from),
        outgoing_addresses=server.outgoing_addresses or _hosts_of_service(scenario, server),
        families={None: "A or AAAA", "none": "A"}.get(server.ipv6, "both"),
        ipv6_works=server.ipv6 != "broken",
        retry=retry_of(scenario, name),
    )
    own = PRODUCTS[server.kind].settings(server, scenario, host)
    return Policy(**(common | dict(product.machine_settings) | own | {"routes": RouteTable(own["routes"])}))


def retry_of(scenario: Scenario, name: str) -> RetrySchedule:
    """The schedule that a server goes by: a role's is its machine's, with what it says of its own."""
    server = scenario.servers[name]
    host = scenario.servers.get(server.runs_on or "", server)
    schedule = schedule_of(host, product_of(scenario, host))
    return changed(schedule, server.retry, SCHEDULES) if server.runs_on and server.retry else schedule


def schedule_of(server: AnyServer, product: Product | None = None) -> RetrySchedule:
    """The schedule of a server: its product's, with what the scenario says instead."""
    schedule = (product or PRODUCTS[server.kind]).schedule(server)
    return changed(schedule, server.retry, SCHEDULES) if server.retry else schedule


def _hosts_of_service(scenario: Scenario, server: AnyServer) -> int:
    """How many hosts a server's mail leaves from where the scenario does not say it."""
    return (
        organisation_of(scenario, server).service.addresses if isinstance(server, HostedInbound | HostedOutbound) else 1
    )


def roles_of(scenario: Scenario) -> dict[str, str]:
    """The relay that shares each machine that has one, not as a listener at a port of its own; of several the first."""
    relays = reversed(scenario.of_kind(RelayServer).items())
    return {server.runs_on: name for name, server in relays if server.runs_on and server.port == SMTP_PORT}
