"""`diff_routes`: which classes of mail go another way after a change, and whose load that becomes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from coexsim.audit.classes import SMALL_BYTES, pairs, recipients, senders, sizes
from coexsim.audit.flows import Flow, Stop, flow, loop_end
from coexsim.audit.mail_class import MailClass
from coexsim.audit.mix import per_thousand
from coexsim.mail.outages import site_of
from coexsim.mail.setup import Setup
from coexsim.scenario.given import require_scenario
from coexsim.scenario.model import Scenario
from coexsim.scenario.servers import ExternalServer, HostedInbound, HostedOutbound


class ClassOutcome(NamedTuple):
    """Where a class of mail goes in one set-up, how it ends, and what the bounce does."""

    servers: tuple[str, ...]
    outcome: str
    code: str | None
    wan_crossings: int
    transactions: int
    dsn_to: str | None
    dsn_servers: tuple[str, ...]
    round_trip: bool

    @property
    def hops(self) -> int:
        """Servers passed."""
        return len(self.servers)

    @property
    def route(self) -> str:
        """The servers in words; a loop is closed."""
        names = [*self.servers, self.servers[0]] if self.outcome == "loop" else self.servers
        return " -> ".join(names) or "no server"


class ClassChange(NamedTuple):
    """A class of mail that goes another way, or ends otherwise. `per_1000`: how much of the mix it is, for small mail."""

    sender: str
    recipient: str
    size_bytes: int
    old: ClassOutcome
    new: ClassOutcome
    per_1000: float

    @property
    def what(self) -> tuple[str, ...]:
        """What changed: route, outcome, code, hops, WAN crossings, bounce."""
        pairs = {
            "route": (self.old.servers, self.new.servers),
            "outcome": (self.old.outcome, self.new.outcome),
            "code": (self.old.code, self.new.code),
            "hops": (self.old.hops, self.new.hops),
            "WAN crossings": (self.old.wan_crossings, self.new.wan_crossings),
            "bounce": ((self.old.dsn_to, self.old.dsn_servers), (self.new.dsn_to, self.new.dsn_servers)),
        }
        return tuple(name for name, (old, new) in pairs.items() if old != new)


class Load(NamedTuple):
    """Messages that a server's machine takes in, per 1000 messages of the mix, before and after."""

    server: str
    old: float
    new: float

    @property
    def moved(self) -> float:
        """What was added, or taken away; of the figures as they are told, to a tenth of a message, so that they add up."""
        return round(round(self.new, 1) - round(self.old, 1), 1)


@dataclass(frozen=True)
class RouteDiff:
    """What a change of the set-up does to the ways of mail."""

    old: str
    new: str
    changes: tuple[ClassChange, ...]
    loads: tuple[Load, ...]
    compared: int

    @property
    def changed(self) -> bool:
        """Is anything different."""
        return bool(self.changes)

    @property
    def new_loops(self) -> tuple[ClassChange, ...]:
        """Mail that goes round only now."""
        return tuple(c for c in self.changes if c.new.outcome == "loop" != c.old.outcome)

    @property
    def new_failures(self) -> tuple[ClassChange, ...]:
        """Mail that arrived before and does not now, apart from loops."""
        return tuple(
            c for c in self.changes if c.old.outcome == "delivered" and c.new.outcome not in ("delivered", "loop")
        )

    @property
    def new_arrivals(self) -> tuple[ClassChange, ...]:
        """Mail that arrives only now."""
        return tuple(c for c in self.changes if c.new.outcome == "delivered" != c.old.outcome)

    @property
    def new_round_trips(self) -> tuple[ClassChange, ...]:
        """Mail between hosted people that passes the on-premises side only now."""
        return tuple(c for c in self.changes if c.new.round_trip and not c.old.round_trip)

    @property
    def gone_round_trips(self) -> tuple[ClassChange, ...]:
        """Mail between hosted people that no longer passes the on-premises side."""
        return tuple(c for c in self.changes if c.old.round_trip and not c.new.round_trip)


def diff_routes(old: Scenario | Setup, new: Scenario | Setup) -> RouteDiff:
    """Compare the ways of every class of mail in two set-ups; the classes are alike in both.

    Each class is compared for a small message, and just above each size limit of either set-up; a large one is listed only if it
    fares otherwise than a smaller one. Mail between people who move at different later moments is that of those who move first: ways
    are compared as of the beginning. Loads weigh each class by the new scenario's load (else the old one's, else an office's).
    """
    require_scenario(old, new)
    before, after = (s if isinstance(s, Setup) else Setup(s) for s in (old, new))
    froms, tos = senders(before, after), recipients(before, after)
    weighted = after.scenario if after.scenario.load or not before.scenario.load else before.scenario
    mix = per_thousand(weighted, froms, tos)
    graphs: tuple[dict[Stop, tuple[Stop, ...]], ...] = ({}, {})
    changes: list[ClassChange] = []
    loads: dict[str, list[float]] = {}
    compared = 0
    limits = sizes(before, after)
    for sender, recipient in pairs(froms, tos):
        weight = mix.weight(sender, recipient)
        told: tuple[ClassOutcome, ClassOutcome] | None = None
        for size in limits:
            pair = [
                flow(setup, sender, recipient, size, graph)
                for setup, graph in zip((before, after), graphs, strict=True)
            ]
            was, is_ = way(before, pair[0]), way(after, pair[1])
            compared += 1
            if size == SMALL_BYTES:
                _add_loads(loads, (before, after), pair, weight)
            change = ClassChange(sender.name, recipient.name, size, was, is_, weight if size == SMALL_BYTES else 0.0)
            if change.what and (was, is_) != told:
                changes.append(change)
            told = (was, is_)
    files = before.scenario.source.file, after.scenario.source.file
    return RouteDiff(*files, tuple(changes), tuple(Load(name, *pair) for name, pair in sorted(loads.items())), compared)


def way(setup: Setup, mail: Flow) -> ClassOutcome:
    """The way of a flow, in the words of a comparison."""
    servers = setup.scenario.servers
    sites = [site_of(servers, name) for name in mail.servers]
    if mail.outcome == "loop":
        sites.append(sites[0])
    crossings = sum(one != other for one, other in pairwise(sites))
    route = mail.route
    return ClassOutcome(
        servers=mail.servers,
        outcome=mail.outcome,
        code=route.code if route else None,
        wan_crossings=crossings,
        transactions=len(mail.trace.transactions) if mail.trace else _loop_limit(setup, mail),
        dsn_to=route.dsn_to if route else None,
        dsn_servers=route.dsn_servers if route else (),
        round_trip=mail.delivered and _is_round_trip(setup, mail),
    )


def _is_round_trip(setup: Setup, mail: Flow) -> bool:
    ours = (ExternalServer, HostedInbound, HostedOutbound)
    between_hosted = all(_is_hosted(setup, person) for person in (mail.sender, mail.recipient))
    return between_hosted and any(not isinstance(setup.scenario.servers[name], ours) for name in mail.servers)


def _is_hosted(setup: Setup, person: MailClass) -> bool:
    """Is the person's mail file at the hosted service, in this set-up."""
    entry = setup.directory.find(person.address, 0)
    return isinstance(setup.scenario.servers.get(getattr(entry, "home", None) or ""), HostedInbound)


def _loop_limit(setup: Setup, mail: Flow) -> int:
    return loop_end(setup, mail.loop)[0]


def _add_loads(loads: dict[str, list[float]], setups: tuple[Setup, Setup], pair: list[Flow], weight: float) -> None:
    for side, (setup, mail) in enumerate(zip(setups, pair, strict=True)):
        for machine, messages in _taken_in(setup, mail):
            loads.setdefault(machine, [0.0, 0.0])[side] += weight * messages


def _taken_in(setup: Setup, mail: Flow) -> Iterator[tuple[str, float]]:
    """The machines that take the mail (and notices about it) in, the first one from its sender."""
    servers = setup.scenario.servers
    if mail.trace is None:
        for name in mail.loop:
            yield servers[name].runs_on or name, _loop_limit(setup, mail) / len(mail.loop)
        return
    if mail.servers:
        yield servers[mail.servers[0]].runs_on or mail.servers[0], 1.0
    for transaction in mail.trace.transactions:
        if transaction.accepted:
            yield servers[transaction.server].runs_on or transaction.server, 1.0
