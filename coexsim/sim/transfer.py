"""From one server to the next: a transfer thread, DNS, a connection, the SMTP session; and what follows when it fails."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import simpy

from coexsim.mail.dns import DnsFailure, MailHosts, in_order
from coexsim.mail.message import NextHop, Reply, domain_of
from coexsim.mail.replies import reply
from coexsim.rng import keyed_uniform
from coexsim.sim.clock import RETRY, SESSION, At
from coexsim.sim.copies import Copy, Letter
from coexsim.sim.network import Path
from coexsim.sim.recorder import EXPIRED
from coexsim.sim.server import Destination, MailServer, Taken
from coexsim.sim.smtp import CONNECT, session_round_trips

Steps = Generator[simpy.Event, Any, Any]


class Failure(NamedTuple):
    """An attempt that came to nothing; `marks_dead`: the next hop itself is in trouble, not only this message."""

    reply: Reply
    temporary: bool
    marks_dead: bool = True


def send(copy: Copy, hop: NextHop) -> Steps:
    """Try until the next server has the copy (True), or wait for the next attempt (None), or its way has ended (False)."""
    server = copy.server
    world = server.world
    env = world.env
    if server.calendar and not server.calendar.is_open(env.now):
        yield At(env, server.calendar.next_open(env.now), RETRY + copy.number)
    destination = server.destination(hop)
    if env.now < destination.dead_until_s and destination.reply is not None:
        return (yield from defer(copy, destination, Failure(destination.reply, True, marks_dead=False)))
    hold = server.threads.try_take(hop.name)
    if hold is None:
        hold = yield server.threads.wait(hop.name)
        if env.now < destination.dead_until_s and destination.reply is not None:  # it died while this copy waited
            server.threads.release(hold)
            return (yield from defer(copy, destination, Failure(destination.reply, True, marks_dead=False)))
    copy.attempts += 1
    try:
        outcome = yield from _attempt(copy, hop)
    finally:
        server.threads.release(hold)
    if isinstance(outcome, Failure):
        if outcome.temporary:
            return (yield from defer(copy, destination, outcome))
        world.fail(copy, copy.letter, outcome.reply, server)
        return False
    target, taken = outcome
    destination.failures, destination.reply = 0, None
    return (yield from _settle(copy, target, taken, destination))


def _attempt(copy: Copy, hop: NextHop) -> Steps:
    """One attempt, host by host: a `Failure`, or the server reached and what it took."""
    server = copy.server
    world = server.world
    product = server.policy.product
    resolver = server.resolvers[copy.number % len(server.resolvers)]
    hosts: MailHosts | DnsFailure | None = resolver.known(hop)
    if hosts is None:
        hosts = yield from resolver.hosts(hop)
        if isinstance(hosts, DnsFailure):
            address = copy.letter.recipients[0].address
            said = reply(product, hosts.cause, address=address, domain=domain_of(address), detail=hosts.reason)
            return Failure(said, hosts.temporary)
    failure = Failure(reply(product, "connection-timed-out", detail=hop.name), True)
    for host in in_order(hosts, _lot(copy, hosts)):
        for address in host.addresses:
            result = yield from _connect(copy, world.server_at(address), f"{host.name}[{address}]:25")
            if not isinstance(result, Failure):
                return result
            failure = result
    return failure


def _lot(copy: Copy, hosts: MailHosts) -> list[float]:
    """The numbers that order hosts of equal preference, by mail and attempt (RFC 5321 5.1)."""
    if all(len(group) == 1 for group in hosts.groups):
        return []
    world = copy.server.world
    count = sum(len(group) for group in hosts.groups)
    return [float(keyed_uniform(world.seed, world.replication, f"mx/{i}", abs(copy.number), copy.attempts)) for i in range(count)]


def _connect(copy: Copy, target: MailServer | None, where: str) -> Steps:
    """Reach a server and find a connection slot there: a `Failure`, or the outcome of the session."""
    server = copy.server
    env = server.world.env
    product = server.policy.product
    path = server.world.network.between(server.name, target.name) if target else None
    if target is None or path is None or not path.calendar.is_open(env.now):
        yield At(env, env.now + server.spec.smtp.connect_timeout, SESSION + copy.number)
        return Failure(reply(product, "connection-timed-out", detail=where), True)
    if not target.policy.listens or not target.calendar.is_open(env.now):
        yield At(env, env.now + path.round_trip_s, SESSION + copy.number)
        return Failure(reply(product, "connection-refused", detail=where), True)
    slot = target.connections.try_take(server.name)
    if slot is None:
        if target.spec.capacity.when_full == "refuse":
            target.refused += 1
            yield At(env, env.now + 2 * path.round_trip_s, SESSION + copy.number)
            return Failure(reply(target.policy.product, "too-many-connections"), True, marks_dead=False)
        slot = yield target.connections.wait(server.name)
    try:
        if not target.has_room_for(copy):
            target.refused += 1
            yield At(env, env.now + CONNECT * path.round_trip_s, SESSION + copy.number)
            return Failure(reply(target.policy.product, "queue-full"), True, marks_dead=False)
        return (yield from _session(copy, target, path, where))
    finally:
        target.connections.release(slot)


def _session(copy: Copy, target: MailServer, path: Path, where: str) -> Steps:
    """The SMTP dialogue: round trips and the server's accept work, then the body over the links of the path."""
    server = copy.server
    env = server.world.env
    began_s = env.now
    reused = server.take_kept_connection(target.name, began_s)
    taken = target.take(copy, server.name)
    trips = session_round_trips(server.spec.smtp, copy.size_bytes, len(copy.letter.recipients), reused=reused, body=taken.body)
    length_s = trips * path.round_trip_s
    if taken.body:
        length_s += target.work.accept.of(copy) + target.back_pressure_s()
    if length_s > 0:
        yield At(env, began_s + length_s, SESSION + copy.number)
    arrived = True
    if taken.body:
        copy.wan_bytes += copy.size_bytes * path.wan_links
        for passing in [link.send(copy.size_bytes) if not link.instant else link.pass_at_once(copy.size_bytes) for link in path.links]:
            arrived = (passing if isinstance(passing, bool) else (yield passing)) and arrived
    now_s = env.now
    calendars = [c for c in (server.calendar, target.calendar, path.calendar) if c]
    if not arrived or any(calendar.closed_between(began_s, now_s) for calendar in calendars):
        if arrived and taken.accepted is not None and target.calendar and _lost_the_250(target, path, began_s, now_s):
            server.world.duplicate(copy, target, taken.accepted)
        return Failure(reply(server.policy.product, "connection-lost", detail=where), True)
    server.keep_connection(target.name, now_s)
    return target, taken


def _lost_the_250(target: MailServer, path: Path, began_s: float, now_s: float) -> bool:
    """The server had taken the message, and went down while its 250 was on the way: the client will send it again."""
    closes_s = target.calendar.next_closed(began_s)
    return now_s - path.round_trip_s / 2 <= closes_s < now_s


def _settle(copy: Copy, target: MailServer, taken: Taken, destination: Destination) -> Steps:
    """After a dialogue: what was taken goes on at the target, what was refused for good fails, the rest waits."""
    server = copy.server
    world = server.world
    late: list[tuple[Letter, Reply]] = []
    for letter, said in taken.refused:
        if said.temporary:
            late.append((letter, said))
        else:
            world.fail(copy, letter, said, server)
    if taken.accepted is None:
        if not late:
            return False
        for letter, said in late[1:]:
            world.start_waiting(copy.part(letter), destination, Failure(said, True, marks_dead=False))
        copy.letter = late[0][0]
        return (yield from defer(copy, destination, Failure(late[0][1], True, marks_dead=False)))
    for letter, said in late:
        world.start_waiting(copy.part(letter), destination, Failure(said, True, marks_dead=False))
    server.leave(copy)
    copy.letter = taken.accepted
    copy.came_from = server.name
    copy.received += 1
    copy.hops += 1
    copy.server = target
    return True


def defer(copy: Copy, destination: Destination, failure: Failure) -> Steps:
    """Wait for the next attempt by the product's schedule (None); warn; or give the mail up when it is too old (False)."""
    server = copy.server
    world = server.world
    env = world.env
    schedule = server.policy.retry
    if not copy.failures:
        copy.first_failure_s = env.now
    copy.failures += 1
    next_s = schedule.next_attempt_s(env.now, copy.first_failure_s, copy.failures, copy.queued_s)
    if failure.marks_dead:
        _mark_dead(server, destination, failure.reply)
    if schedule.per == "destination" and env.now < destination.dead_until_s:
        next_s = destination.dead_until_s
    expires_s = copy.queued_s + schedule.expire_after_s
    warn_s = copy.queued_s + schedule.warn_after_s if schedule.warn_after_s is not None else float("inf")
    if not copy.warned and warn_s <= min(next_s, expires_s) and copy.letter.kind == "mail":
        copy.warned = True
        if warn_s > env.now:
            yield At(env, warn_s, RETRY + copy.number)
        world.notify(copy, copy.letter, server, "delay")
    if next_s < expires_s:
        yield At(env, max(next_s, env.now), RETRY + copy.number)
        return None
    yield At(env, max(expires_s, env.now), RETRY + copy.number)
    said = failure.reply if server.policy.expired_keeps_code else reply(server.policy.product, "expired")
    world.fail(copy, copy.letter, said, server, EXPIRED)
    return False


def _mark_dead(server: MailServer, destination: Destination, said: Reply) -> None:
    """Nobody else need try this next hop before its next attempt is due."""
    env, schedule = server.world.env, server.policy.retry
    if not destination.failures:
        destination.first_failure_s = env.now
    destination.failures += 1
    destination.reply = said
    if schedule.per == "destination":
        destination.dead_until_s = schedule.next_attempt_s(env.now, destination.first_failure_s, destination.failures, destination.first_failure_s)
    else:
        destination.dead_until_s = env.now + schedule.gaps_s[0]
