"""Express mail: a message that nothing holds up needs no process of its own, one event a step is enough.

A `Leg` is what a server does with a class of mail, worked out once: work, and then an end here or one next hop that takes everybody.
A `Ride` is one message going from leg to leg. Where a leg is `plain`, with no limit on threads, connections, bandwidth or queue, its
times are known ahead and one event a server will do. Whoever would have to wait, for a slot or for DNS, and whatever meets an outage
or a change of the world, goes on as a `journey` from where it is. Both ask the same rules and use the same stations, pools and links
at the same moments, so a run gives the same mail with express and without; a test holds them to it.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import TYPE_CHECKING, Any

import numpy as np
import simpy

from coexsim.mail.dns import MailHosts
from coexsim.mail.message import NextHop, Reply
from coexsim.sim.clock import BIRTH, SESSION, WORK_DONE
from coexsim.sim.copies import Copy, Letter
from coexsim.sim.dns_server import Known
from coexsim.sim.formulas import session_round_trips, slow_start_round_trips
from coexsim.sim.link import FairLink
from coexsim.sim.network import Path
from coexsim.sim.server import Floats, MailServer, Onward
from coexsim.sim.stations import Hold

if TYPE_CHECKING:
    from coexsim.sim.senders import Block
    from coexsim.sim.work import StageWork
    from coexsim.sim.world import World

MOST_LEGS = 12  # a message that has passed so many servers is in a loop; that is for the journey to find


class Leg:
    """What `server` does with a class of mail: work, and then its end here, or a session with the server of the `next` leg."""

    __slots__ = (
        "accept", "ahead_s", "came_from", "cores", "delivered", "failed", "hop", "hops", "hosts", "known", "known_until_s",
        "letter", "link", "next", "number", "passed", "path", "plain", "round_trip_s", "round_trips", "sender", "server",
        "target", "until_s", "wan_links", "work", "world",
    )  # fmt: skip

    def __init__(self, world: World, copy: Copy, wan_links: int) -> None:
        self.world = world
        self.number = world.rides.add(self)
        self.server = copy.server
        self.cores = None if copy.server.work.cores.is_nothing else copy.server.cores
        self.work = copy.server.work.cores
        self.letter = copy.letter
        self.came_from = copy.came_from
        self.passed = copy.passed
        self.hops = copy.hops
        self.wan_links = wan_links
        self.plain = copy.server.is_unlimited
        self.delivered: Letter | None = None
        self.failed: tuple[tuple[Letter, Reply], ...] = ()
        self.sender = copy.server  # the server, or the role on its machine, that talks to the next one
        self.target: MailServer | None = None
        self.hop: NextHop | None = None
        self.hosts: MailHosts | None = None
        self.known: Known | None = None  # what a resolver knows of them
        self.ahead_s: Floats = np.empty(0)  # plain rides will look them up at these times
        self.path: Path | None = None
        self.link: FairLink | None = None  # the one that takes time, if any
        self.known_until_s: list[float] = []  # by sender: until when `hosts` are known to be right
        self.until_s = world.next_change_s  # what it says holds until then
        self.round_trip_s = 0.0
        self.round_trips = 0
        self.accept: StageWork | None = None
        self.next: Leg | None = None

    def note_lookups(self, times_s: Floats) -> None:
        """Plain rides look up the next hop at these times, some of which may lie ahead."""
        assert self.known is not None
        now_s = self.world.env.now
        times_s = np.concatenate((self.ahead_s, times_s))
        self.ahead_s = times_s[times_s > now_s]
        self.known.note_uses(len(times_s) - len(self.ahead_s))

    def sends(self, sender: MailServer, hop: NextHop, hosts: MailHosts, target: MailServer, path: Path) -> None:
        """The session with the next server."""
        self.sender, self.hop, self.hosts, self.target, self.path = sender, hop, hosts, target, path
        self.known_until_s = [-1.0] * len(sender.resolvers)
        self.link = next((link for link in path.links if not link.instant), None)
        self.round_trip_s = path.round_trip_s
        self.round_trips = session_round_trips(
            sender.spec.smtp.tls, sender.spec.smtp.pipelining, 0, self.letter.count, reused=False, body=True
        )
        self.accept = None if target.work.accept.is_nothing else target.work.accept
        unlimited = sender.threads.unlimited and target.connections.unlimited and target.is_unlimited
        self.plain = self.plain and unlimited and self.link is None and not sender.spec.smtp.reuse


class Ride(simpy.Event):
    """One message on its way from leg to leg; the event of its next step."""

    __slots__ = (
        "block", "born_s", "entered_s", "leg", "measured", "number", "row", "size_bytes", "slot", "stream", "thread",
    )  # fmt: skip
    serial = 0

    def __init__(
        self, number: int, leg: Leg, size_bytes: int, born_s: float, stream: int, measured: bool, block: Block, row: int
    ) -> None:
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
        self.entered_s = born_s
        self.thread: Hold | None = None
        self.slot: Hold | None = None
        self.at(born_s, BIRTH, ARRIVES)

    def at(self, time_s: float, stage: int, step: list[Callable[[Any], None]]) -> None:
        """Take the next step at a time."""
        env = self.env
        self.callbacks = step
        heappush(env._queue, (time_s, stage + self.number, next(env._eid), self))  # type: ignore[misc]  # as in `At`

    def copy(self) -> Copy:
        """The same as a copy, for what rides cannot do."""
        leg = self.leg
        world = leg.world
        stream = world.recorder.words["stream"].word(self.stream)
        size_class = world.size_class(self.size_bytes)
        copy = Copy(
            self.number,
            leg.letter,
            self.size_bytes,
            size_class,
            self.born_s,
            leg.server,
            stream,
            self.measured,
            self.block,
            self.row,
        )
        copy.came_from = leg.came_from
        copy.passed = leg.passed
        copy.hops = copy.attempts = leg.hops
        copy.wan_bytes = self.size_bytes * leg.wan_links
        return copy


def under_way(world: World) -> list[Copy]:
    """The rides that have not met their end when a run does, as the copies they would be as journeys."""
    events = sorted(world.env._queue, key=lambda item: item[:3])
    copies = []
    for ride in [event for *_, event in events if isinstance(event, Ride)] + list(world.on_links):
        copy = ride.copy()
        if ride.thread is not None:  # in a session
            copy.server = ride.leg.sender
            copy.attempts += 1
            if ride in world.on_links and ride.leg.path is not None:
                copy.wan_bytes += ride.size_bytes * ride.leg.path.wan_links
        copies.append(copy)
    return copies


def _arrive(ride: Ride) -> None:
    """Queue for the work at the leg's server; where the leg is plain, all that follows is known."""
    leg = ride.leg
    world = leg.world
    now_s = ride.env.now
    cores = leg.cores
    done_s = now_s if cores is None else cores.arrive(now_s, leg.work.of(ride))[1]
    if done_s >= leg.until_s:
        world.start(ride.copy(), done_s, counted=True)
    elif not leg.plain:
        server = leg.server
        ride.entered_s = now_s
        server.queued += 1
        server.queued_bytes += ride.size_bytes
        if done_s > now_s:
            ride.at(done_s, WORK_DONE, WORKED)
        else:
            _depart(ride)
    elif leg.target is not None:
        if not _knows_the_way(ride, leg, done_s):
            world.start(ride.copy(), done_s, counted=True)
            return
        round_trips = leg.round_trips + slow_start_round_trips(ride.size_bytes) if leg.round_trip_s else 0
        over_s = done_s + _session_s(ride, leg, round_trips)
        world.rides.hop(leg, now_s, done_s, over_s, ride.size_bytes)
        ride.leg = leg.next  # type: ignore[assignment]  # a leg with a target has a next one
        if over_s > now_s:
            ride.at(over_s, SESSION if over_s > done_s else WORK_DONE, ARRIVES)
        else:
            _arrive(ride)
    elif leg.server.delivery is None and leg.delivered is not None and done_s <= world.limit_s:
        world.rides.end(ride, leg, now_s, done_s)
    else:
        leg.server.queued += 1
        leg.server.queued_bytes += ride.size_bytes
        ride.at(done_s, WORK_DONE, WORKED)


def _knows_the_way(ride: Ride, leg: Leg, time_s: float) -> bool:
    """Will the next hop's hosts still be known at a time, and be those of the leg."""
    sender = ride.number % len(leg.known_until_s)
    if time_s < leg.known_until_s[sender]:
        return True
    assert leg.hop is not None
    known = leg.sender.resolvers[sender].known(leg.hop)
    if known is None or known.hosts != leg.hosts or time_s >= known.until_s:
        return False
    leg.known_until_s[sender] = known.until_s
    leg.known = known
    return True


def _session_s(ride: Ride, leg: Leg, round_trips: int) -> float:
    """Length of the session before the body is on its way [s]: as ``transfer._session``."""
    length_s = round_trips * leg.round_trip_s
    return length_s if leg.accept is None else length_s + leg.accept.of(ride)


def _depart(ride: Ride) -> None:
    """The work is done: the end, or a thread, a slot and a session if they are to be had at once."""
    leg = ride.leg
    server, sender, target = leg.server, leg.sender, leg.target
    server.queued -= 1
    server.queued_bytes -= ride.size_bytes
    if target is None:
        _end_here(ride, leg)
        return
    now_s = ride.env.now
    room = _knows_the_way(ride, leg, now_s) and target.has_room_for(ride)
    thread = sender.threads.try_take(leg.hop.name) if room and leg.hop else None
    slot = target.connections.try_take(sender.client(ride.number)) if thread is not None else None
    if slot is None:
        if thread is not None:
            sender.threads.give_up(thread)
        _go_on_as_journey(ride, leg)
        return
    sender.queued += 1
    sender.queued_bytes += ride.size_bytes
    ride.thread, ride.slot = thread, slot
    assert leg.known is not None
    leg.known.note_uses()
    spec = sender.spec.smtp
    if spec.reuse and sender.take_kept_connection(target, ride.number, now_s):
        trips = session_round_trips(
            spec.tls, spec.pipelining, ride.size_bytes, leg.letter.count, reused=True, body=True
        )
    else:
        trips = leg.round_trips + slow_start_round_trips(ride.size_bytes)
    length_s = _session_s(ride, leg, trips) + target.back_pressure_s()
    if length_s > 0:
        ride.at(now_s + length_s, SESSION, TALKED)
    else:
        _send_body(ride)


def _go_on_as_journey(ride: Ride, leg: Leg) -> None:
    """It would have to wait, or to ask DNS: from here on it has a process of its own."""
    copy = ride.copy()
    assert leg.hop is not None
    copy.server = leg.sender
    copy.queued_s = ride.entered_s if leg.sender is leg.server else ride.env.now
    leg.world.start(copy, Onward(copy.letter, leg.hop, None), counted=True)


def _send_body(ride: Ride) -> None:
    """The dialogue is over, the body crosses the links of the path."""
    leg = ride.leg
    assert leg.path is not None
    for link in leg.path.links:
        if link.instant:
            link.pass_at_once(ride.size_bytes)
    if leg.link is None:
        _hand_over(ride)
    else:
        leg.world.on_links[ride] = None
        leg.link.send(ride.size_bytes).callbacks.append(lambda _: _hand_over(ride))


def _hand_over(ride: Ride) -> None:
    """The next server has it: give back what the session held, and arrive there."""
    leg = ride.leg
    leg.world.on_links.pop(ride, None)
    sender, target = leg.sender, leg.target
    assert target is not None
    assert leg.next is not None
    assert ride.thread is not None
    assert ride.slot is not None
    sender.keep_connection(target, ride.number, ride.env.now)
    target.connections.release(ride.slot)
    sender.threads.release(ride.thread)
    ride.thread = ride.slot = None
    sender.queued -= 1
    sender.queued_bytes -= ride.size_bytes
    ride.leg = leg.next
    _arrive(ride)


def _end_here(ride: Ride, leg: Leg) -> None:
    """Its way ends at this server, whose work on it is done."""
    world = leg.world
    copy = ride.copy()
    if leg.delivered is not None:
        world.deliver(copy, leg.delivered, leg.server)
    if leg.failed:
        world.fail(copy, leg.failed, leg.server)
    world.open_copies -= ride.measured


def express_leg(world: World, copy: Copy, wan_links: int = 0) -> Leg | None:
    """The leg of a copy at its server, with all that follow; None where it is no express mail. The probe `copy` is used up."""
    server = copy.server
    plan = server.plan(copy)
    if server.calendar or plan.added or len(plan.onward) + len(plan.delivered) + bool(plan.failed) != 1:
        return None
    leg = Leg(world, copy, wan_links)
    if not plan.onward:
        leg.delivered = plan.delivered[0] if plan.delivered else None
        leg.failed = plan.failed
        return leg
    ahead, sender = plan.onward[0], server
    if ahead.role is not None:
        copy.server = sender = world.servers[ahead.role]
        onward = sender.plan(copy).onward
        if not sender.work.cores.is_nothing or sender.calendar or len(onward) != 1:
            return None
        ahead = onward[0]
    if ahead.hop is None or len(copy.passed) > MOST_LEGS:
        return None
    hosts = sender.resolvers[0].hosts_at_once(ahead.hop)
    target = _only_server(world, hosts)
    path = world.network.between(sender.name, target.name) if target else None
    if hosts is None or target is None or path is None or not _is_open(sender, target, path):
        return None
    taken = target.take(copy, sender.name)
    if taken.accepted is None or taken.refused:
        return None
    leg.sends(sender, ahead.hop, hosts, target, path)
    copy.letter, copy.came_from, copy.server = taken.accepted, sender.name, target
    copy.passed = (*copy.passed, target.machine)
    copy.hops += 1
    leg.next = express_leg(world, copy, wan_links + path.wan_links)
    return leg if leg.next is not None else None


def _only_server(world: World, hosts: MailHosts | None) -> MailServer | None:
    """The server at the only address of the only host."""
    if hosts is None or len(hosts.groups) != 1 or len(hosts.groups[0]) != 1 or len(hosts.groups[0][0].addresses) != 1:
        return None
    return world.server_at(hosts.groups[0][0].addresses[0])


def _is_open(sender: MailServer, target: MailServer, path: Path) -> bool:
    """No outage at any time, one link at most that takes time, and nothing but limits that could turn mail away."""
    outages = path.calendar or target.calendar or sender.calendar
    slow_links = sum(not link.instant for link in path.links)
    return not outages and slow_links <= 1 and target.policy.listens and target.policy.greylist_s is None


ARRIVES: list[Callable[[Any], None]] = [_arrive]
WORKED: list[Callable[[Any], None]] = [_depart]
TALKED: list[Callable[[Any], None]] = [_send_body]
