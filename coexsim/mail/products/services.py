"""Hosted services by name: what differs between them is data, and each has a file with its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from coexsim.mail.products.exchange_online import EXCHANGE_ONLINE
from coexsim.mail.products.google_workspace import GOOGLE_WORKSPACE
from coexsim.mail.products.service import OTHER, ServiceProduct
from coexsim.mail.products.smartcloud_inotes import SMARTCLOUD_INOTES
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import HostedInbound, HostedOutbound

SERVICES: Mapping[str, ServiceProduct] = {
    service.key: service for service in (SMARTCLOUD_INOTES, EXCHANGE_ONLINE, GOOGLE_WORKSPACE, OTHER)
}


class Organisation(NamedTuple):
    """What one tenant has at a hosted service: its inbound and outbound servers, and the service.

    `inbound` is the server that has the settings: the one with the directory's replica, or the first.
    """

    service: ServiceProduct
    inbound: HostedInbound | None
    inbound_name: str
    doors_in: tuple[str, ...]
    doors_out: tuple[str, ...]


def organisation_of(scenario: Scenario, server: HostedInbound | HostedOutbound) -> Organisation:
    """The organisation at the hosted service that a server belongs to: all servers of the same tenant."""
    doors_in = {n: s for n, s in scenario.of_kind(HostedInbound).items() if s.tenant == server.tenant}
    doors_out = {n: s for n, s in scenario.of_kind(HostedOutbound).items() if s.tenant == server.tenant}
    replica = scenario.directory.replica
    name = replica.at if replica and replica.at in doors_in else next(iter(doors_in), "")
    said = [one.provider for one in (server, *doors_in.values(), *doors_out.values()) if one.provider is not None]
    key = said[0] if said else next((key for one in doors_in.values() if (key := service_of_host(one.host))), "other")
    return Organisation(SERVICES[key], doors_in.get(name), name, tuple(doors_in), tuple(doors_out))


def service_of_host(host: str | None) -> str | None:
    """The service to which a host name belongs; None where the name does not tell."""
    name = (host or "").casefold().rstrip(".")
    return next(
        (s.key for s in SERVICES.values() if any(name == end or name.endswith("." + end) for end in s.host_endings)),
        None,
    )


def is_guessed(scenario: Scenario, server: HostedInbound | HostedOutbound) -> bool:
    """Is the service of a server known by its host name only."""
    organisation = organisation_of(scenario, server)
    doors = (scenario.servers[name] for name in (*organisation.doors_in, *organisation.doors_out))
    return organisation.service is not OTHER and all(getattr(one, "provider", None) is None for one in doors)


Direction = Literal["by-mx", "direct"]


def direction_of(scenario: Scenario, server: HostedOutbound) -> Direction:
    """How an outbound server routes mail to people of its own organisation."""
    return server.routes_internal_mail or organisation_of(scenario, server).service.routes_internal_mail
