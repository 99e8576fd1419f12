"""Express mail: where nothing on its way can hold a message up, its times are known ahead, and one event a server is enough.

A `Leg` is what a server does with a class of mail, worked out once, when all of this holds: no outages, no limit on threads,
connections, bandwidth or queue, DNS answers at hand, one next hop that takes everybody. A `Ride` is one message going from leg to
leg. As soon as one of these does not hold for a message, it goes on as a `journey` from where it is. Both ask the same rules and the
same stations at the same moments, so a run gives the same tables with express mail and without; a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappush
from typing import TYPE_CHECKING

import numpy as np
import simpy
from numpy.typing import NDArray

from coexsim.mail.dns import MailHosts
from coexsim.mail.message import NextHop, Reply
from coexsim.sim.clock import BIRTH, SESSION, WORK_DONE
from coexsim.sim.copies import Copy, Letter
from coexsim.sim.network import Path
from coexsim.sim.server import MailServer
from coexsim.sim.smtp import session_round_trips, slow_start_round_trips

if TYPE_CHECKING:
    from coexsim.sim.recorder import Recorder
    from coexsim.sim.senders import Block
    from coexsim.sim.work import StageWork
    from coexsim.sim.world import World


class Leg:
    """What `server` does with a class of mail: work, and then its end here, or a session with the server of the `next` leg."""

    __slots__ = (
        "accept", "came_from", "cores", "delivered", "delivers_at_once", "failed", "hop", "hops", "hosts", "letter", "next", "number",
        "path", "received", "resolvers", "round_trip_s", "round_trips", "sender", "server", "wan_links", "work", "world",
    )  # fmt: skip

    def __init__(self, world: World, copy: Copy, wan_links: int) -> None:
        self.world = world
        self.number = world.rides.add(self)
        self.server = copy.server
        self.cores = None if copy.server.work.cores.is_nothing else copy.server.cores
        self.work = copy.server.work.cores
        self.letter = copy.letter
        self.came_from = copy.came_from
        self.received = copy.received
        self.hops = copy.hops
        self.wan_links = wan_links
        self.delivered: Letter | None = None
        self.delivers_at_once = False
        self.failed: tuple[tuple[Letter, Reply], ...] = ()
        self.sender = copy.server  # the server, or the role on its machine, that talks to the next one
        self.hop: NextHop | None = None
        self.hosts: MailHosts | None = None
        self.path: Path | None = None
        self.resolvers = copy.server.resolvers
        self.round_trip_s = 0.0
        self.round_trips = 0
        self.accept: StageWork | None = None
        self.next: Leg | None = None

    def sends(self, sender: MailServer, hop: NextHop, hosts: MailHosts, target: MailServer, path: Path) -> None:
        """The session with the next server."""
        self.sender, self.hop, self.hosts, self.path = sender, hop, hosts, path
        self.resolvers = sender.resolvers
        self.round_trip_s = path.round_trip_s
        self.round_trips = session_round_trips(sender.spec.smtp, 0, len(self.letter.recipients), reused=False)
        self.accept = None if target.work.accept.is_nothing else target.work.accept


class Rides:
    """What rides did, gathered in flat lists and told to the logs and the recorder some ten thousand at a time."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._legs: list[Leg] = []
        self._hops: list[float] = []
        self._ends: list[float] = []

    def add(self, leg: Leg) -> int:
        """The number of a new leg."""
        self._legs.append(leg)
        return len(self._legs) - 1

    def hop(self, leg: Leg, entered_s: float, done_s: float, over_s: float, size_bytes: int) -> None:
        """A ride was at the leg's server, whose work was done at a time, and is over at the next server."""
        hops = self._hops
        hops += (leg.number, entered_s, done_s, over_s, size_bytes)
        if len(hops) >= _FOLD_AT:
            self._fold_hops()

    def end(self, ride: Ride, leg: Leg, entered_s: float, done_s: float) -> None:
        """A ride was delivered at the leg's server."""
        ends = self._ends
        ends += (leg.number, entered_s, done_s, ride.number, ride.size_bytes, ride.born_s, ride.stream, ride.measured)
        leg.world.open_copies -= ride.measured
        if len(ends) >= _FOLD_AT:
            self._fold_ends()

    def fold(self) -> None:
        """Tell all that is gathered."""
        self._fold_hops()
        self._fold_ends()

    def _fold_hops(self) -> None:
        for leg, (entered_s, done_s, over_s, size_bytes) in self._by_leg(self._hops, 5):
            leg.server.passing.add(entered_s, over_s, size_bytes)
            leg.sender.threads.note(done_s, over_s)
            assert leg.next is not None and leg.path is not None
            leg.next.server.connections.note(done_s, over_s)
            for link in leg.path.links:
                link.note(over_s, size_bytes)

    def _fold_ends(self) -> None:
        for leg, (entered_s, done_s, number, size_bytes, born_s, stream, measured) in self._by_leg(self._ends, 8):
            leg.server.passing.add(entered_s, done_s, size_bytes)
            assert leg.delivered is not None
            self._recorder.add_delivered(
                leg.delivered, number, size_bytes, born_s, done_s - born_s, stream, measured, hops=leg.hops, wan_links=leg.wan_links
            )

    def _by_leg(self, buffer: list[float], width: int) -> Iterator[tuple[Leg, NDArray[np.float64]]]:
        rows = np.array(buffer).reshape(-1, width)
        buffer.clear()
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        numbers, starts = np.unique(rows[:, 0], return_index=True)
        for number, part in zip(numbers.astype(int).tolist(), np.split(rows, starts[1:]), strict=False):
            yield self._legs[number], part[:, 1:].T


_FOLD_AT = 160_000


class Ride(simpy.Event):
    """One message on its way from leg to leg; the event of its next arrival, or (`working`) of the end of its work."""

    __slots__ = ("block", "born_s", "entered_s", "leg", "measured", "number", "row", "size_bytes", "stream", "working")
    serial = 0

    def __init__(
        self, number: int, leg: Leg, size_bytes: int, born_s: float, stream: int, measured: bool, block: Block, row: int
    ) -> None:  # fmt: skip
        self.env = leg.world.env
        self._value = None
        self._ok = True
        self._defused = False
        self.number = number
        self.leg = leg
        self.size_bytes = size_bytes
        self.born_s = born_s
        self.stream = stream
        self.measured = measured
        self.block = block
        self.row = row
        self.working = False
        self.entered_s = born_s
        self.at(born_s, BIRTH)

    def at(self, time_s: float, stage: int) -> None:
        """Happen (again) at a time."""
        env = self.env
        self.callbacks = _GO
        heappush(env._queue, (time_s, stage + self.number, next(env._eid), self))

    def copy(self) -> Copy:
        """The same as a copy, for what rides cannot do."""
        leg = self.leg
        world = leg.world
        stream = world.recorder.words["stream"].word(self.stream)
        copy = Copy(self.number, leg.letter, self.size_bytes, world.size_class(self.size_bytes), self.born_s, leg.server, stream,
                    self.measured, self.block, self.row)  # fmt: skip
        copy.came_from = leg.came_from
        copy.received = leg.received
        copy.hops = copy.attempts = leg.hops
        copy.wan_bytes = self.size_bytes * leg.wan_links
        return copy


def _go(event: simpy.Event) -> None:
    """A ride arrives at the server of its leg (or, `working`, has its work there done)."""
    assert isinstance(event, Ride)
    ride, leg = event, event.leg
    world = leg.world
    now_s = world.env.now
    if ride.working:
        _end_here(ride, leg, now_s)
        return
    cores = leg.cores
    done_s = now_s if cores is None else cores.arrive(now_s, leg.work.of(ride))[1]
    if done_s >= world.next_change_s:
        _leave_express(ride, done_s)
    elif leg.next is None:
        if leg.delivers_at_once and done_s <= world.limit_s:
            world.rides.end(ride, leg, now_s, done_s)
        else:
            ride.entered_s = now_s
            ride.working = True
            ride.at(done_s, WORK_DONE)
    else:
        resolvers = leg.resolvers
        until_s, hosts = resolvers[ride.number % len(resolvers)].known_until(leg.hop)
        if done_s >= until_s or (hosts is not leg.hosts and hosts != leg.hosts):
            _leave_express(ride, done_s)
            return
        length_s = 0.0
        if leg.round_trip_s:
            length_s = (leg.round_trips + slow_start_round_trips(ride.size_bytes)) * leg.round_trip_s
        if leg.accept is not None:
            length_s += leg.accept.of(ride)
        over_s = done_s + length_s
        world.rides.hop(leg, now_s, done_s, over_s, ride.size_bytes)
        ride.leg = leg.next
        ride.at(over_s, SESSION)


_GO = [_go]


def _leave_express(ride: Ride, done_s: float) -> None:
    """Go on as a journey: it is at work at its server until `done_s`."""
    ride.leg.world.start(ride.copy(), done_s, counted=True)


def _end_here(ride: Ride, leg: Leg, done_s: float) -> None:
    """Its way ends at this server, whose work on it is done at `done_s`."""
    server, world = leg.server, leg.world
    server.passing.note(ride.entered_s, done_s, ride.size_bytes)
    copy = ride.copy()
    if leg.delivered is not None:
        world.deliver(copy, leg.delivered, server, done_s)
    for letter, said in leg.failed:
        world.fail(copy, letter, said, server)
    world.open_copies -= ride.measured


def express_leg(world: World, copy: Copy, wan_links: int = 0) -> Leg | None:
    """The leg of a copy at its server, with all that follow; None where something could hold it up. The probe `copy` is used up."""
    server = copy.server
    plan = server.plan(copy)
    if server.calendar or plan.added or len(plan.onward) + len(plan.delivered) + bool(plan.failed) != 1:
        return None
    leg = Leg(world, copy, wan_links)
    if not plan.onward:
        leg.delivered = plan.delivered[0] if plan.delivered else None
        leg.failed = plan.failed
        leg.delivers_at_once = server.delivery is None and leg.delivered is not None
        return leg
    ahead = plan.onward[0]
    sender, came_from = server, server.name
    if ahead.role is not None:
        sender = world.servers[ahead.role]
        copy.server = sender
        if not sender.work.cores.is_nothing or sender.calendar or len(sender.plan(copy).onward) != 1:
            return None
        ahead, came_from = sender.plan(copy).onward[0], sender.name
    if ahead.hop is None or copy.received > MOST_LEGS:
        return None
    hosts = sender.resolvers[copy.number % len(sender.resolvers)].known(ahead.hop)
    if hosts is None or len(hosts.groups) != 1 or len(hosts.groups[0]) != 1 or len(hosts.groups[0][0].addresses) != 1:
        return None
    target = world.server_at(hosts.groups[0][0].addresses[0])
    path = world.network.between(sender.name, target.name) if target else None
    if target is None or path is None or not _nothing_holds_up(sender, target, path):
        return None
    taken = target.take(copy, came_from)
    if taken.accepted is None or taken.refused:
        return None
    leg.sends(sender, ahead.hop, hosts, target, path)
    copy.letter, copy.came_from, copy.server = taken.accepted, came_from, target
    copy.received += 1
    copy.hops += 1
    leg.next = express_leg(world, copy, wan_links + path.wan_links)
    return leg if leg.next is not None else None


MOST_LEGS = 12  # a message that has passed so many servers is in a loop; that is for the journey to find


def _nothing_holds_up(sender: MailServer, target: MailServer, path: Path) -> bool:
    """No limit and no outage on the way from one server to the next."""
    capacity = target.spec.capacity
    return (
        path.instant
        and not (path.calendar or target.calendar or sender.calendar)
        and sender.threads.unlimited
        and target.connections.unlimited
        and target.policy.listens
        and target.policy.greylist_s is None
        and capacity.queue_length is None
        and capacity.queue_disk is None
        and not sender.spec.smtp.reuse
    )
