"""Mail that the set-up itself keeps back: what no server will ever take, and what limits on rates turn away for a while.

A sample of the run's mail is sent along its way by `trace`, as if nothing were down and no server put off first contacts. Limits on rates
are told by who may be beyond them; ``tried_again.py`` counts how often.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from math import ceil
from typing import NamedTuple

from coexsim.mail.policy import Rate
from coexsim.mail.trace import Copy, Route, trace, trace_mail
from coexsim.scenario.load_profile import week_factors
from coexsim.scenario.model import Scenario
from coexsim.sim.senders import mail_of
from coexsim.sim.world import World

SAMPLE = 200
"""So many messages are traced at the most."""
MOST_TRANSACTIONS = 4_000
"""When so many transactions were followed, about two seconds, no further message is: loops whose copies are copied have a thousand each."""
_HOUR_S = 3600.0
_WEEK_HOURS = 168


class KeptBack(NamedTuple):
    """Mail that waits at a server without an end."""

    server: str
    share: float
    """Messages, notices among them, for one message of the run."""
    is_frozen: bool
    """It is not tried as other mail is (Exim)."""


class Limited(NamedTuple):
    """What one sender of a client brings a server that limits how much it takes of it."""

    server: str
    client: str
    senders: int
    rate: Rate
    share: float
    """Messages for one of the run, of all senders."""
    counted: float
    """What one of these messages counts."""


class Sample(NamedTuple):
    """The ways of some of a run's messages, each with its part of all of them."""

    world: World
    routes: tuple[tuple[Route, float], ...]

    @property
    def transactions(self) -> float:
        """SMTP transactions of a message and of the notices about it."""
        return sum(share * len(route.transactions) for route, share in self.routes)

    @property
    def copies(self) -> float:
        """Copies of a message that met an end of their own, and notices about them: the rows that it has in tables, about."""
        return sum(
            share * sum(len(r.copies) for r in route.recipients) + share * len(route.notices)
            for route, share in self.routes
        )


def sample_of(scenario: Scenario) -> Sample:
    """Ways of messages of the run, alike ones once, without its events and greylists."""
    servers = {name: server.replaced(greylisting=None) for name, server in scenario.servers.items()}
    quiet = scenario.replaced(servers=servers, events=())
    world = World(quiet, quiet.run.seed, 0)
    routes: list[tuple[Route, float]] = []
    transactions = 0
    for route, count in _traced(world):
        routes.append((route, count))
        transactions += len(route.transactions)
        if transactions > MOST_TRANSACTIONS:
            break
    total = sum(count for _, count in routes)
    return Sample(world, tuple((route, count / total) for route, count in routes))


def _traced(world: World) -> Iterator[tuple[Route, float]]:
    """Ways of messages of a run, and for how many of the sample they stand."""
    for mail in world.scenario.messages[:SAMPLE]:
        yield trace_mail(world.setup, mail), 1.0
    block = next(mail_of(world), None)
    if block is not None:
        rows = range(0, len(block), max(len(block) // SAMPLE, 1))
        alike = Counter((int(block.sender[row]), int(block.pattern[row])) for row in islice(rows, SAMPLE))
        for (sender, pattern), count in alike.items():
            to = [address for address, _ in block.patterns[pattern]]
            yield trace(world.setup, block.addresses[sender], to), float(count)


def kept_back(sample: Sample) -> list[KeptBack]:
    """Mail that is tried in vain until it expires."""
    shares: defaultdict[tuple[str, bool], float] = defaultdict(float)
    for route, share in sample.routes:
        gaps_s = {(d.server, str(d.reply)): d.next_s - d.at_s for r in route.recipients for d in r.deferrals}
        for server, reply in _waiting_of(route):
            schedule = sample.world.setup.policies[server].retry
            frozen_s = () if (end_s := schedule.cancel_frozen_after_s) is None else (schedule.thaw_after_s, end_s)
            shares[server, gaps_s.get((server, reply)) in frozen_s] += share
    return [KeptBack(server, share, is_frozen) for (server, is_frozen), share in shares.items()]


def _waiting_of(route: Route) -> list[tuple[str, str]]:
    """Where copies of a message and notices about it wait, and why: recipients that wait together are one copy."""
    copies = {(c.by, str(c.reply), c.servers) for r in route.recipients for c in r.copies if _waits(c)}
    notices = [(n.copy.by, str(n.copy.reply), n.copy.servers) for n in route.notices if n.copy and _waits(n.copy)]
    return [(by, reply) for by, reply, _ in (*copies, *notices) if by is not None]


def _waits(copy: Copy) -> bool:
    return copy.outcome == "deferred_in_queue"


def limited(sample: Sample) -> Iterator[Limited]:
    """Mail that meets a limit on what a client may bring in a time."""
    offered: dict[tuple[str, str, Rate], list[float]] = {}
    for route, share in sample.routes:
        for way in route.transactions:
            for rate in _limits_of(sample.world, way.client, way.server):
                counted = way.rcpts_taken if rate.counts == "recipients" else 1
                if counted:
                    found = offered.setdefault((way.server, way.client, rate), [0.0, 0.0])
                    found[0] += share
                    found[1] += share * counted
    for (server, client, rate), (messages, all_counted) in offered.items():
        senders = len(sample.world.servers[client].resolvers)
        yield Limited(server, client, senders, rate, messages, all_counted / messages)


def _limits_of(world: World, client: str, server: str) -> Iterator[Rate]:
    """The limits on a client's rates at a server."""
    policy = world.setup.policies[server]
    trusted = not {client, world.setup.machine_of(client)}.isdisjoint(policy.relays_for)
    if client not in policy.own_clients and not (trusted and policy.rates_spare_trusted):
        yield from (rate for rate in policy.rates if rate.of == "client" and not rate.own_users)


def parts_by_hour(scenario: Scenario) -> list[float]:
    """The part of a run's mail that is born in each of its hours; the last one may be shorter."""
    run, load = scenario.run, scenario.load
    hours = max(ceil(run.length / _HOUR_S), 1)
    factors = week_factors(load.day_curve, load.week_curve) if load and load.office_rates.sent_per_s else None
    begin = ((run.start.day or 0) * 24 * _HOUR_S + run.start.second) / _HOUR_S
    lengths = [min(run.length / _HOUR_S - hour, 1.0) for hour in range(hours)]
    parts = [long * (factors[int(begin + hour) % _WEEK_HOURS] if factors else 1.0) for hour, long in enumerate(lengths)]
    return [part / sum(parts) for part in parts] if sum(parts) else [0.0]
