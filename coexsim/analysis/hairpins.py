"""Which mail makes a round trip: between which sides, decided from the routes."""

from __future__ import annotations

from collections.abc import Sequence

from coexsim.mail.outages import site_of
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.model import Scenario


def people_of(setup: Setup) -> dict[str, str]:
    """One address for each class of people: on-premises, hosted, Internet, nobody."""
    found: dict[str, str] = {}
    for person in setup.directory.everyone():
        side = "hosted" if person.home == setup.scenario.home_server.get("hosted") else "onprem"
        found.setdefault(side, person.address)
    external = next((s for s in setup.scenario.servers.values() if s.kind == "external"), None)
    if external is not None:
        found["internet"] = f"somebody@{external.domain[0]}"
    found["unknown"] = f"no-such-person@{setup.directory.domain}"
    return found


def round_trip_flows(scenario: Scenario) -> tuple[str, ...]:
    """The flows, such as ``hosted->hosted``, whose mail leaves the site it begins and ends at, and comes back."""
    setup = Setup(scenario)
    people = {side: address for side, address in people_of(setup).items() if side not in ("internet", "unknown")}
    return tuple(
        f"{sender}->{recipient}"
        for sender, start in people.items()
        for recipient, goal in people.items()
        if any(_leaves_and_returns(scenario, copy.servers) for copy in trace(setup, start, goal).recipients[0].copies)
    )


def _leaves_and_returns(scenario: Scenario, servers: Sequence[str]) -> bool:
    sites = [site_of(scenario.servers, name) for name in servers]
    return len(sites) > 2 and sites[0] == sites[-1] and any(site != sites[0] for site in sites)
