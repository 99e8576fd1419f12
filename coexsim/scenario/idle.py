"""What of a scenario has no work: limits that are never busy, about which an answer would mean nothing, and services without time."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.scenario.base import Work
from coexsim.scenario.machine import CORE_STAGES, Service
from coexsim.scenario.model import Scenario
from coexsim.scenario.places import Path


def without_work(scenario: Scenario) -> Iterator[tuple[Path, str]]:
    """Each resource that has a limit and nothing to do: its place in the scenario, and what is missing, in words.

    The cores of a machine work for all roles that run on it. Connections and transfer threads always have round trips.
    """
    for name, server in scenario.servers.items():
        capacity = server.capacity
        if capacity.cores is not None and server.runs_on is None and not cores_work(scenario, name):
            instead = "{scan: ...}, or leave 'service' out for what the product was seen to take"
            yield ("servers", name, "capacity", "cores"), _missing("cores", name, instead)
        if capacity.delivery_threads is not None and server.work.deliver == Work():
            yield (
                ("servers", name, "capacity", "delivery_threads"),
                _missing("delivery threads", name, "{deliver: ...}"),
            )


def _missing(what: str, name: str, instead: str) -> str:
    never = "so they are never busy and how many are needed cannot be said"
    return f"no work is defined for the {what} of {name}, {never}; write servers.{name}.service: {instead}"


def cores_work(scenario: Scenario, name: str) -> bool:
    """Does anything take time at the cores of a machine, for whichever role."""
    roles = [role for other, role in scenario.servers.items() if name in (other, role.runs_on)]
    return any(getattr(role.work, stage) != Work() for role in roles for stage in CORE_STAGES)


def untimed_services(scenario: Scenario) -> tuple[str, ...]:
    """Servers of a hosted service at which nothing takes time: what mail waits for inside the service is not in its delay."""
    hosted = ("hosted-inbound", "hosted-outbound")
    return tuple(
        name for name, server in scenario.servers.items() if server.kind in hosted and server.work == Service()
    )


__all__ = ["cores_work", "untimed_services", "without_work"]
