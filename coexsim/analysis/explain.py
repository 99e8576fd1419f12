"""What a scenario says before anything is run: its routes, the load each station can expect by theory, and what is assumed."""

from __future__ import annotations

from typing import NamedTuple

from coexsim.analysis.hairpins import people_of
from coexsim.analysis.loads import Loads, station_loads
from coexsim.analysis.peak import peak_of
from coexsim.experiment.estimate import Estimate, estimate
from coexsim.mail.policy import Policy
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.assumptions import Assumption, assumptions
from coexsim.scenario.given import require_scenario
from coexsim.scenario.idle import without_work
from coexsim.scenario.model import Scenario

MOST_DRAWN = 15_000_000  # recipients; drawing and counting them takes some seconds


class ClassRoute(NamedTuple):
    """Where mail from one class of people to another goes."""

    sender: str
    recipient: str
    servers: tuple[str, ...]
    outcome: str
    code: str
    why: str


class Explanation(NamedTuple):
    """Everything that can be said of a scenario without running it."""

    routes: tuple[ClassRoute, ...]
    rules: tuple[str, ...]
    loads: Loads | None
    assumptions: tuple[Assumption, ...]
    doubts: tuple[str, ...]
    peak: str
    """Of which stretch of time the load is told, as `say_peak` says it."""


def explain(scenario: Scenario) -> Explanation:
    """Routes by class of people, rules in force, load and utilisation of every station by theory, assumptions, doubts."""
    require_scenario(scenario)
    setup = Setup(scenario)
    expected = estimate(scenario, 1)
    too_much = expected.recipients > MOST_DRAWN
    loads = station_loads(scenario) if scenario.load is not None and not too_much else None
    doubts = (*_doubts(scenario, loads), *([_not_counted(expected)] if too_much else ()))
    rules = tuple(line for policy in setup.policies.values() for line in _rule_in_force(policy))
    return Explanation(_routes(setup), rules, loads, tuple(assumptions(scenario)), doubts, peak_of(scenario))


def _not_counted(expected: Estimate) -> str:
    """Why there is no load by theory."""
    return (
        f"the load by theory is left out: about {expected.recipients:,.0f} recipients in the run are more than the {MOST_DRAWN:,} that "
        "explain draws; shorten run.length"
    )


def _routes(setup: Setup) -> tuple[ClassRoute, ...]:
    people = people_of(setup)
    routes = []
    for sender, start in people.items():
        for recipient, goal in people.items():
            if sender == "unknown" or (sender == "internet" and recipient == "internet"):
                continue
            end = trace(setup, start, goal).recipients[0]
            why = "; ".join(f"{hop.server}: {hop.rule}" for hop in end.hops)
            routes.append(ClassRoute(sender, recipient, end.servers, end.outcome, end.code or "", why))
    return tuple(routes)


def _rule_in_force(policy: Policy) -> list[str]:
    """Which rule for the smart host is in force at a Domino server, and what the other one would do."""
    has_smart_host = policy.hands_over_to is not None or any(route.to_smart_host for route in policy.routes)
    rule = next(iter(policy.domains.values()), None)
    if policy.product != "domino" or not has_smart_host or rule is None:
        return []
    article = (
        "mail of people with a Person record and no mail file here (person-without-mail-file); unknown addresses bounce"
    )
    product = "mail for addresses that are in no directory (not-in-directory)"
    if rule.unknown == "relay":
        return [f"{policy.server}: the smart host takes {product}. Under the article's rule it would take {article}."]
    return [
        f"{policy.server}: the smart host takes {article}. Under the product documentation's rule it would take {product}."
    ]


def _doubts(scenario: Scenario, loads: Loads | None) -> list[str]:
    """What is legal but surely wrong, or will not work under this load."""
    doubts = [text for _, text in without_work(scenario)] if scenario.load is not None else []
    peak = peak_of(scenario)
    for station in loads.stations if loads else ():
        busy = f"{100 * station.utilisation:.0f} %"
        if station.utilisation >= 1:
            doubts.append(
                f"{station.server} {station.stage} is asked for {busy} in the {peak}: the queue grows without end"
            )
        elif station.utilisation > 0.85:
            doubts.append(
                f"{station.server} {station.stage} is {busy} busy in the {peak}: waits grow quickly from here on"
            )
    if scenario.load is not None and not any(scenario.directory.population.values()) and scenario.load.sent_per_mailbox:
        doubts.append("the load is given for each mailbox, but directory.population has none")
    if scenario.load is not None and loads is not None and not loads.messages_per_s:
        doubts.append("no mail is born in the measured window")
    for name, server in scenario.servers.items():
        limit = getattr(server, "max_message_size", None)
        if limit is not None and limit < 1_000_000:
            doubts.append(f"{name} takes no message above {limit:,} bytes: is that meant?")
    return doubts
