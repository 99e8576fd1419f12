"""The IP addresses of a scenario's servers: as written, as zones say, or made up where no zone covers the host."""

from __future__ import annotations

from coexsim.mail.dns import Question
from coexsim.mail.message import fold
from coexsim.mail.zones import Zones
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, ExternalServer

MADE_UP_NETWORK = "198.51.100."  # TEST-NET-2 (RFC 5737): addresses of hosts that no zone declares


def place_servers(scenario: Scenario, external: Zones, internal: Zones | None) -> dict[str, frozenset[str]]:
    """IP addresses of each server, by name.

    A zone that says otherwise than `address` leads elsewhere; so does an inside zone about a host that stands outside. What no zone
    covers is filled in among the `external` ones: addresses of hosts, and the MX of domains of external servers.
    """
    placed: dict[str, frozenset[str]] = {}
    by_host: dict[str, str] = {}
    for number, (name, server) in enumerate(scenario.servers.items(), start=10):
        host = _host_of(server)
        found: set[str] = {server.address} if server.address else set()
        if host and host in by_host:  # another listener of that host
            found.update(placed[by_host[host]])
        elif host and external.zone_of(host) is None:
            made_up = server.address or MADE_UP_NETWORK + str(number)
            external.add_host(host, made_up)
            found.add(made_up)
        elif host and not server.address:
            found.update(_addresses_in(external, host))
        inside = server.kind not in ("hosted-inbound", "hosted-outbound", "external")
        if host and inside and internal and not server.address:
            found.update(internal.answer(Question(host, "A")).addresses)
        for domain in server.domain if isinstance(server, ExternalServer) else ():
            if host and external.zone_of(fold(domain)) is None:
                external.add_mx(fold(domain), host)
        placed[name] = frozenset(found)
        if host:
            by_host.setdefault(host, name)
    return {name: placed[server.runs_on or name] for name, server in scenario.servers.items()}


def _host_of(server: AnyServer) -> str | None:
    if server.host:
        return fold(server.host)
    return f"mail.{fold(server.domain[0])}" if isinstance(server, ExternalServer) else None


def _addresses_in(zones: Zones, host: str) -> tuple[str, ...]:
    return (*zones.answer(Question(host, "A")).addresses, *zones.answer(Question(host, "AAAA")).addresses)
