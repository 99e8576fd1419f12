"""Which limit makes an outage last: limits of the organisation's own servers changed one at a time, each in a run of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import NamedTuple

from coexsim.analysis.outage import OutageFacts, Undisturbed, outage_facts
from coexsim.engine.choice import Engine
from coexsim.errors import ScenarioError
from coexsim.experiment.engines import engine_for
from coexsim.experiment.executors import run_all
from coexsim.experiment.run import run_one
from coexsim.mail.products.registry import PRODUCTS
from coexsim.scenario.load import changed
from coexsim.scenario.model import Event, Scenario
from coexsim.scenario.servers import ExternalServer, HostedInbound, HostedOutbound

MOST_CHANGES = 6
QUICK_RETRY = {"first": "5 min", "factor": 1, "longest": "5 min"}
DOUBLED = {
    "transfer_threads": "transfer threads", "transfer_threads_per_destination": "transfer threads per destination",
    "smtp_connections": "SMTP connections", "cores": "cores",
}  # fmt: skip


class LimitChange(NamedTuple):
    """One limit changed: in words, as keys, and what came of it."""

    words: str
    keys: Mapping[str, object]
    normal_s: float
    """Seconds from the return until all is normal; infinite if it was not seen."""
    most_bytes: float
    """Most bytes in any server's queue."""


def is_own(spec: Scenario, name: str) -> bool:
    """Is it a server of the organisation: neither the hosted service's nor somebody else's."""
    return not isinstance(spec.servers[name], ExternalServer | HostedInbound | HostedOutbound)


def product_kind(spec: Scenario, name: str) -> str:
    """``exchange`` for a server, also for a role on its machine."""
    server = spec.servers[name]
    return spec.servers[server.runs_on].kind if server.runs_on else server.kind


def tried_changes(
    spec: Scenario,
    event: Event,
    facts: OutageFacts,
    usual: Undisturbed | None,
    seed: int | None,
    executor: Executor | None,
    engine: Engine,
    runs_done: Callable[[int, int], None] | None,
) -> tuple[LimitChange, ...]:
    """The changes that can be made, and what came of each, the one that helps most first; one run each, with the same mail.

    Normal is what the queues are with the limits as they are: `usual`, the run without outages.
    """
    seed = spec.run.seed if seed is None else seed
    wanted: list[tuple[str, dict[str, object], Scenario]] = []
    for words, keys in possible_changes(spec, event, facts):
        try:
            wanted.append((words, keys, changed(spec, keys)))
        except ScenarioError:  # a key that this product does not have
            continue
    wanted = wanted[:MOST_CHANGES]
    calls = [(scenario, seed, 0, event, usual, engine_for(scenario, len(wanted), engine)) for _, _, scenario in wanted]
    done: dict[int, tuple[float, float]] = {}
    if runs_done:
        runs_done(0, len(calls))
    for i, outcome in run_all(executor, _after_change, calls):
        done[i] = outcome
        if runs_done:
            runs_done(len(done), len(calls))
    changes = [LimitChange(words, keys, *done[i]) for i, (words, keys, _) in enumerate(wanted)]
    return tuple(sorted(changes, key=lambda change: (change.normal_s, change.most_bytes)))


def _after_change(
    scenario: Scenario, seed: int, replication: int, event: Event, usual: Undisturbed | None, engine: Engine
) -> tuple[float, float]:
    facts = outage_facts(run_one(scenario, seed, replication, engine=engine), scenario, event, usual)
    return facts.normal_s, facts.most_bytes


def possible_changes(spec: Scenario, event: Event, facts: OutageFacts) -> list[tuple[str, dict[str, object]]]:
    """Limits of the organisation's own servers that keep the mail, and of those that take it: tries every 5 minutes, twice the threads
    and connections. What outside servers and the hosted service do nobody here can change.
    """
    keepers = [name for name in map(str, facts.backlog["server"]) if is_own(spec, name)][:2]
    takers = [name for name in event.down if name in spec.servers and is_own(spec, name)]
    if not takers and "onprem" in spec.home_server:  # a link was cut, or the service was down
        takers = [spec.home_server["onprem"]]
    found: list[tuple[str, dict[str, object]]] = []
    for name in keepers:
        setting = PRODUCTS[product_kind(spec, name)].retry_setting
        words = f"a retry interval of 5 min at {name}{f' ({setting})' if setting else ''}"
        found.append((words, {f"servers.{name}.retry": QUICK_RETRY}))
    for name, resources in [
        *((each, ("transfer_threads_per_destination", "transfer_threads")) for each in keepers),
        *((each, ("smtp_connections", "cores")) for each in takers),
    ]:
        machine = spec.servers[name].runs_on or name
        for resource in resources:
            holder = name if getattr(spec.servers[name].capacity, resource) is not None else machine
            now = getattr(spec.servers[holder].capacity, resource)
            if now is not None:
                words = f"{2 * now:,} {DOUBLED[resource]} at {holder} (now {now:,})"
                found.append((words, {f"servers.{holder}.capacity.{resource}": 2 * now}))
    return list({words: (words, keys) for words, keys in found}.values())
