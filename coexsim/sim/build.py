"""Builds a world's parts from the frozen scenario: downtime, servers with their stations and pools, resolvers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Protocol

from coexsim.mail.dns import Question
from coexsim.mail.outages import Outages, site_of
from coexsim.mail.policy import Policy
from coexsim.mail.products.registry import PRODUCTS
from coexsim.rng import stream
from coexsim.scenario.machine import MOST_AT_ONCE
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import AnyServer, ExternalServer, HostedInbound, HostedOutbound, PostfixServer
from coexsim.sim.concurrency import Feedback
from coexsim.sim.dns_server import NameServer, Resolver, Resolvers
from coexsim.sim.downtime import DowntimeSchedule, random_downtime
from coexsim.sim.server import MailServer, ServerWorld
from coexsim.sim.stage_log import StageLogMaker
from coexsim.sim.stations import FifoStation, Pool
from coexsim.sim.work import ServerWork


class NewWorld(ServerWorld, Protocol):
    """What a world has when its servers are built."""

    @property
    def scenario(self) -> Scenario: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def replication(self) -> int: ...  # noqa: D102
    @property
    def downtimes(self) -> Mapping[str, DowntimeSchedule]: ...  # noqa: D102
    @property
    def logs(self) -> StageLogMaker: ...  # noqa: D102
    @property
    def name_server(self) -> NameServer: ...  # noqa: D102
    @property
    def dns_asked(self) -> dict[str, dict[Question, list[int]]]: ...  # noqa: D102


def build_downtimes(scenario: Scenario, seed: int, replication: int, until_s: float) -> dict[str, DowntimeSchedule]:
    """When every server, link and ``dns`` is out of service: by the scenario's events, and by lot where it gives MTBF and MTTR."""
    outages = Outages(scenario)
    laws: Counter[str] = Counter()  # by which a thing fails; each draws for itself
    for event in scenario.events:
        if event.mtbf is not None and event.mttr is not None:
            for name in event.down:
                laws[name] += 1
                purpose = f"outage/{name}" if laws[name] == 1 else f"outage/{name}/{laws[name]}"
                rng = stream(seed, replication, purpose)
                for begin_s, end_s in random_downtime(rng, event.mtbf, event.mttr, until_s):
                    outages.add(name, begin_s, end_s)
    downtimes = {name: DowntimeSchedule(outages.intervals.get(name, ())) for name in scenario.parts}
    for name, server in scenario.servers.items():
        if server.runs_on:
            downtimes[name] = DowntimeSchedule([*downtimes[name], *downtimes[server.runs_on]])
    return downtimes


def build_servers(world: NewWorld) -> dict[str, MailServer]:
    """All servers: machines first, then the roles that share them, in the order of the scenario."""
    scenario = world.scenario
    made: dict[str, MailServer] = {}
    machines = [name for name, server in scenario.servers.items() if server.runs_on is None]
    for name in [*machines, *(name for name in scenario.servers if name not in machines)]:
        made[name] = _build_server(world, name, made)
    for name, server in made.items():
        if server.machine != name:
            made[server.machine].roles.append(server)
    return {name: made[name] for name in scenario.servers}


def _build_server(world: NewWorld, name: str, made: dict[str, MailServer]) -> MailServer:
    spec = world.scenario.servers[name]
    downtime = world.downtimes[name]
    work = ServerWork(name, spec.work, world.seed, world.replication)
    machine = made.get(spec.runs_on or "")
    capacity = spec.capacity
    if machine is not None:
        cores = machine.cores
        if cores is None and not work.cores.is_nothing:
            cores = FifoStation(f"{name} cores", None, downtime, world.logs(name, "cores", None))
    else:
        cores = _station(world, name, "cores", capacity.cores, work.cores.is_nothing, downtime)
    delivery = _station(world, name, "delivery", capacity.delivery_threads, work.delivery.is_nothing, downtime)
    if machine is not None and capacity.transfer_threads is None and capacity.transfer_threads_per_destination is None:
        threads = machine.threads
    else:
        log = world.logs(name, "transfer", capacity.transfer_threads)
        per_destination = _threads_per_destination(world, spec)
        feedback = _feedback(world, spec, per_destination)
        most = feedback.limit if feedback else per_destination
        threads = Pool(world.env, f"{name} transfer", capacity.transfer_threads, log, most, feedback)
    log = world.logs(name, "connections", capacity.smtp_connections)
    connections = Pool(
        world.env, f"{name} connections", capacity.smtp_connections, log, capacity.connections_per_client
    )
    return MailServer(
        world, name, spec, downtime, cores, delivery, threads, connections, work, _resolvers(world, name, spec)
    )


def _station(
    world: NewWorld, name: str, stage: str, workers: int | None, no_work: bool, downtime: DowntimeSchedule
) -> FifoStation | None:
    """A station, or none where nothing takes time and nothing is limited."""
    if no_work and not downtime:
        return None
    return FifoStation(f"{name} {stage}", workers, downtime, world.logs(name, stage, workers))


def _threads_per_destination(world: NewWorld, spec: AnyServer) -> int | None:
    """What the scenario says, else what the product does by itself."""
    capacity = spec.capacity
    if capacity.transfer_threads_per_destination is not None:
        return capacity.transfer_threads_per_destination
    host = world.scenario.servers.get(spec.runs_on or "", spec)
    if isinstance(host, PostfixServer) and host.default_destination_rate_delay > 0:
        return 1
    return PRODUCTS[host.kind].sessions_per_destination(capacity.transfer_threads)


def _feedback(world: NewWorld, spec: AnyServer, limit: int | None) -> Feedback | None:
    """Postfix adapts its sessions with a destination to how they end; Exchange and Domino go on over those that they have."""
    host = world.scenario.servers.get(spec.runs_on or "", spec)
    if not isinstance(host, PostfixServer):
        more = PRODUCTS[host.kind].connections_per_message(host)
        most = limit or MOST_AT_ONCE
        return None if more is None else Feedback(most, most, more, 0.0, 0.0, by_queue=True)
    if limit is None:
        return None
    return Feedback(
        host.initial_destination_concurrency, limit, host.default_destination_concurrency_positive_feedback,
        host.default_destination_concurrency_negative_feedback, host.default_destination_concurrency_failed_cohort_limit,
    )  # fmt: skip


def senders(spec: AnyServer, policy: Policy) -> int:
    """How many senders a server stands for, each with its own DNS cache, connections, queue runs and memory of what failed."""
    if isinstance(spec, ExternalServer):
        return spec.senders
    return policy.outgoing_addresses if isinstance(spec, HostedInbound | HostedOutbound) else 1


def client_resolver(world: NewWorld, name: str) -> Resolver:
    """The DNS cache of a user's own machine beside a server: it knows no host as itself."""
    near = world.servers[name].resolvers
    return Resolver(world.env, world.name_server, None, world.setup.server_at, near.round_trip_s, {})


def _resolvers(world: NewWorld, name: str, spec: AnyServer) -> Resolvers:
    """The DNS caches of a server: one for each sender that it stands for."""
    policy = world.setup.policies[name]
    site = site_of(world.scenario.servers, name)
    names = world.scenario.name_servers
    external_site = next((s.site for s in world.scenario.servers.values() if s.kind == "external" and s.site), None)
    path = world.network.path(site or "", names.site or external_site or site or "")
    asked = world.dns_asked.setdefault(name, {})
    round_trip_s = path.round_trip_s if path else 0.0
    one = partial(Resolver, world.env, world.name_server, policy, world.setup.server_at, round_trip_s, asked)
    return Resolvers(senders(spec, policy), round_trip_s, one)
