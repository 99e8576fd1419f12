"""From one server to the next: a transfer thread, DNS, a connection, the SMTP session; and what follows when it fails."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cache
from typing import Any, NamedTuple

import simpy

from coexsim.mail.dns import DnsFailure, MailHosts, in_order
from coexsim.mail.message import NextHop, Reply
from coexsim.mail.replies import reply
from coexsim.rng import keyed_uniform
from coexsim.sim.calendar import Calendar
from coexsim.sim.clock import RETRY, SESSION, At
from coexsim.sim.copies import Copy
from coexsim.sim.formulas import CONNECT, session_round_trips, session_s
from coexsim.sim.network import Path
from coexsim.sim.recorder import EXPIRED
from coexsim.sim.server import Destination, MailServer, Onward, Taken
from coexsim.sim.stations import Hold

Steps = Generator[simpy.Event, Any, Any]


class Failure(NamedTuple):
    """An attempt that came to nothing; `marks_dead`: the next hop itself is in trouble, not only this message."""

    reply: Reply
    temporary: bool = True
    marks_dead: bool = True


Trouble = tuple[float, Failure]


@cache
def _said(product: str, cause: str) -> Reply:
    """A reply without the particulars of its text, which no table shows."""
    return reply(product, cause)


def send(copy: Copy, hop: NextHop) -> Steps:
    """Try until the next server has the copy (True), or wait for the next attempt (None), or its way has ended (False)."""
    server = copy.server
    env = server.world.env
    destination = server.destination(hop, copy.number)
    while True:
        if server.fails and not server.calendar.is_open(env.now):
            yield At(env, server.calendar.next_open(env.now), RETRY + copy.number)
        if env.now < destination.dead_until_s:
            return (yield from defer(copy, destination, destination.reply))
        hold = server.threads.try_take(hop.name)
        if hold is None:
            hold = yield server.threads.wait(hop.name)
            if (server.fails and not server.calendar.is_open(env.now)) or env.now < destination.dead_until_s:
                server.threads.release(hold)  # things have changed while this copy waited
                continue
        began_s = env.now
        copy.attempts += 1
        outcome = yield from _attempt(copy, hop)
        server.threads.release(hold)
        if outcome is not None:
            break
    if isinstance(outcome, Failure):
        if not outcome.temporary:
            server.world.fail(copy, [(copy.letter, outcome.reply)], server)
            return False
        if outcome.marks_dead:
            server.mark_dead(destination, began_s, outcome.reply)
        return (yield from defer(copy, destination, outcome.reply))
    target, taken = outcome
    destination.revive()
    if taken.refused:
        waits_for = _refused(copy, taken, destination)
        if taken.accepted is None:
            return (yield from defer(copy, destination, waits_for)) if waits_for is not None else False
    server.leave(copy)
    copy.narrow(taken.accepted)
    copy.came_from = server.name
    copy.passed = (*copy.passed, target.machine)
    copy.hops += 1
    copy.server = target
    return True


def _refused(copy: Copy, taken: Taken, destination: Destination) -> Reply | None:
    """What was refused for good fails, the rest waits: as parts of their own, or (the reply) as this copy, if nobody was taken."""
    world = copy.server.world
    failed = [(letter, said) for letter, said in taken.refused if not said.temporary]
    if failed:
        world.fail(copy, failed, copy.server)
    late = [(letter, said) for letter, said in taken.refused if said.temporary]
    own = late.pop(0) if late and taken.accepted is None else None
    for letter, said in late:
        world.start_waiting(copy.part(letter), destination, said)
    if own is None:
        return None
    copy.narrow(own[0])
    return own[1]


def _attempt(copy: Copy, hop: NextHop) -> Steps:
    """One attempt, host by host: a `Failure`, or the server reached and what it took; None if this server itself went down."""
    server = copy.server
    resolver = server.resolvers[server.sender(copy.number)]
    known = resolver.known(hop)
    if known is None:
        found = yield from resolver.ask(hop)
        if isinstance(found, DnsFailure):
            return Failure(_said(server.policy.product, found.cause), found.temporary)
        known = found
    else:
        known.note_uses()
    if copy.hosts_left:
        addresses: Sequence[str] = copy.hosts_left
    else:
        addresses = (known.addresses or _by_lot(copy, known.hosts))[: server.policy.most_addresses]
        copy.sessions = 0
    copy.hosts_left = ()
    outcome: Failure | tuple[MailServer, Taken] | None = Failure(_said(server.policy.product, "connection-timed-out"))
    for place, address in enumerate(addresses, start=1):
        outcome = yield from _contact(copy, address)
        if isinstance(outcome, Failure):
            continue
        if outcome is not None and any(said.temporary for _, said in outcome[1].refused):
            others = tuple(a for a in addresses[place:] if server.world.server_at(a) is not outcome[0])
            copy.sessions += 1
            if others and copy.sessions != server.policy.most_sessions:
                return (yield from _with_next_host(copy, hop, outcome, others))
        break
    return outcome


def _with_next_host(copy: Copy, hop: NextHop, reached: tuple[MailServer, Taken], others: tuple[str, ...]) -> Steps:
    """Whom a host told to come later is offered to the next hosts at once; the others are through with this attempt, or failed."""
    target, taken = reached
    world = copy.server.world
    failed = tuple((letter, said) for letter, said in taken.refused if not said.temporary)
    late = [rcpt for letter, said in taken.refused if said.temporary for rcpt in letter.recipients]
    letter = world.letters.get(copy.letter.sender, tuple(late), copy.letter.kind)
    if taken.accepted is not None:
        part = copy.part(letter)
        part.hosts_left = others
        world.start(part, Onward(letter, hop, None))
        return target, Taken(taken.accepted, failed, taken.body)
    if failed:
        world.fail(copy, failed, copy.server)
    copy.narrow(letter)
    copy.hosts_left = others
    outcome = yield from _attempt(copy, hop)
    return outcome._replace(marks_dead=False) if isinstance(outcome, Failure) else outcome  # one of its hosts is alive


def _contact(copy: Copy, address: str) -> Steps:
    """What comes of one host: a `Failure`, or the server and what it took; None if this server itself went down."""
    server = copy.server
    env = server.world.env
    target = server.world.server_at(address)
    path = server.path_to(target) if target else None
    slot, trouble = None, _trouble_on_the_way(server, target, path)
    outcome: Failure | tuple[MailServer, Taken] | None = None
    if trouble is None and target and path:
        slot = target.connections.try_take(server.client(copy.number))
        if slot is None and target.spec.capacity.when_full == "wait":
            asked_s = env.now
            slot = yield target.connections.wait(server.client(copy.number))
            if any(down.closed_between(asked_s, env.now) for down in _parties(server, target, path)):
                target.connections.release(slot)  # for nobody: the connection that waited for it is gone
                lost = Failure(_said(server.policy.product, "connection-lost"))
                return None if server.calendar.closed_between(asked_s, env.now) else lost
        trouble = _trouble_at_the_door(copy, target, path, slot)
        if trouble is None:
            outcome = yield from _session(copy, target, path)
    if trouble is not None:
        length_s, outcome = trouble
        yield At(env, env.now + length_s, SESSION + copy.number)
    if slot is not None and target:
        target.connections.release(slot)
    return outcome


def _parties(server: MailServer, target: MailServer, path: Path) -> list[Calendar]:
    """The calendars of all that a session needs and that is ever down."""
    return [down for down in (server.calendar, target.calendar, path.calendar) if down]


def _trouble_on_the_way(server: MailServer, target: MailServer | None, path: Path | None) -> Trouble | None:
    """How long it takes to find out that nobody is there, and what to make of that."""
    if target is None or path is None:
        return server.spec.smtp.connect_timeout, Failure(_said(server.policy.product, "connection-timed-out"))
    if not target.policy.listens or (target.fails and not target.calendar.is_open(server.world.env.now)):
        return path.round_trip_s, Failure(_said(server.policy.product, "connection-refused"))
    return None


def _trouble_at_the_door(copy: Copy, target: MailServer, path: Path, slot: Hold | None) -> Trouble | None:
    """No connection to be had (421), or no room for the message (452)."""
    if slot is None:
        target.note_refusal(in_session=False)
        return 2 * path.round_trip_s, Failure(_said(target.policy.product, "too-many-connections"), marks_dead=False)
    if not target.has_room_for(copy):
        target.note_refusal(in_session=True)
        return CONNECT * path.round_trip_s, Failure(_said(target.policy.product, "queue-full"), marks_dead=False)
    return None


def _by_lot(copy: Copy, hosts: MailHosts) -> list[str]:
    """The addresses of the hosts, those of equal preference by numbers that mail and attempt give (RFC 5321 5.1)."""
    world = copy.server.world
    count = sum(len(group) for group in hosts.groups)
    lot = [
        keyed_uniform(world.seed, world.replication, f"mx/{i}", abs(copy.number), copy.attempts) for i in range(count)
    ]
    return [address for host in in_order(hosts, lot) for address in host.addresses]


def _session(copy: Copy, target: MailServer, path: Path) -> Steps:
    """The SMTP dialogue: round trips and the server's accept work, then the body over the links of the path.

    Where something could fail, the last half of the last round trip, on which the 250 is, comes after the body.
    """
    server = copy.server
    env = server.world.env
    began_s = env.now
    reused = server.take_kept_connection(target, copy.number, began_s)
    taken = target.take(copy, server.name)
    smtp = server.spec.smtp
    trips = session_round_trips(
        smtp.tls, smtp.pipelining, copy.size_bytes, copy.letter.count, reused=reused, body=taken.body
    )
    accept_s = target.work.accept.of(copy) if taken.body else 0.0
    length_s = session_s(trips, path.round_trip_s, accept_s, target.back_pressure_s() if taken.body else 0.0)
    fragile = server.fails or target.fails or path.fails
    last_s = path.round_trip_s / 2 if fragile else 0.0
    if length_s > 0:
        yield At(env, began_s + length_s - last_s, SESSION + copy.number)
    arrived = True
    if taken.body:
        copy.wan_bytes += copy.size_bytes * path.wan_links
        passings = [
            link.start(copy.size_bytes) for link in path.links
        ]  # all at once: what takes longest is what counts
        for passing in passings:
            arrived = (passing if isinstance(passing, bool) else (yield passing)) and arrived
    if fragile:
        answered_s = env.now
        if last_s:
            yield At(env, answered_s + last_s, SESSION + copy.number)
        failure = _what_failed(copy, target, taken, path, began_s, answered_s if arrived else None)
        if failure is not None:
            return None if server.calendar.closed_between(began_s, env.now) else failure
    server.keep_connection(target, copy.number, env.now)
    return target, taken


def _what_failed(
    copy: Copy, target: MailServer, taken: Taken, path: Path, began_s: float, answered_s: float | None
) -> Failure | None:
    """Did something go down while they talked. `answered_s`: when the server had it all and answered; None: it never had.

    A message taken whose 250 is lost on the way, or comes to a client that is down, will be sent again: then there are two.
    """
    server = copy.server
    now_s = server.world.env.now
    parties = _parties(server, target, path)
    if answered_s is not None and not any(down.closed_between(began_s, answered_s) for down in parties):
        if not (server.calendar.closed_between(answered_s, now_s) or path.calendar.closed_between(answered_s, now_s)):
            return None
        if taken.accepted is not None:
            server.world.duplicate(copy, target, taken.accepted)
    return Failure(_said(server.policy.product, "connection-lost"))


def defer(copy: Copy, destination: Destination, said: Reply) -> Steps:
    """Wait for the next attempt by the product's schedule (None); warn; or give the mail up when it is too old (False)."""
    server = copy.server
    world = server.world
    env = world.env
    schedule = server.policy.retry
    if not copy.failures:
        copy.first_failure_s = env.now
    copy.failures += 1
    dead_until_s = destination.dead_until_s
    wait = server.after_failure(
        copy, dead_until_s if schedule.per == "destination" and env.now < dead_until_s else None
    )
    if wait.warn_s is not None and copy.letter.kind == "mail":
        copy.warned = True
        yield from _up_at(copy, wait.warn_s)
        if wait.next_s is not None or env.now < wait.gives_up_s:
            world.notify(copy, server, "delay")
    if wait.next_s is not None:
        yield from _up_at(copy, wait.next_s)
        return None
    yield from _up_at(copy, wait.gives_up_s)
    last = said if server.policy.expired_keeps_code else _said(server.policy.product, "expired")
    world.fail(copy, [(copy.letter, last)], server, EXPIRED)
    return False


def _up_at(copy: Copy, time_s: float) -> Steps:
    """Wait until a time, and on until the copy's server is up."""
    env = copy.server.world.env
    up_s = copy.server.calendar.next_open(max(time_s, env.now))
    if up_s > env.now:
        yield At(env, up_s, RETRY + copy.number)


__all__ = ["Failure", "Steps", "defer", "send"]
