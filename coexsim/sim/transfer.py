"""The delivery agent in time: a transfer thread, DNS, a connection, the SMTP session; and waiting for the next attempt.

``mail/delivery.py`` decides; here its effects take the time they take.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import simpy

from coexsim.mail.dns import DnsFailure
from coexsim.mail.dsn import is_told_of
from coexsim.mail.effects import (
    Accepted,
    Attempt,
    Begin,
    Connect,
    Defer,
    Effect,
    EndAttempt,
    Fail,
    Host,
    Interrupted,
    LookAtClock,
    Offer,
    Postpone,
    Recipients,
    Refused,
    Resolve,
    TransactionResult,
    Trouble,
    Unreachable,
    WaitUntil,
    Warn,
)
from coexsim.mail.message import NextHop
from coexsim.mail.reach import addresses, why_unreached
from coexsim.sim.clock import RETRY, SESSION, At
from coexsim.sim.destination import Destination
from coexsim.sim.dns_server import mx_lots
from coexsim.sim.formulas import CONNECT, REFUSED, TURNED_AWAY, contended_session_s
from coexsim.sim.message import AttemptTimes, EnvelopeClass, Message
from coexsim.sim.message_world import MessageWorld
from coexsim.sim.network import Path
from coexsim.sim.server import MailServer
from coexsim.sim.session import Steps, parties, said, session
from coexsim.sim.stations import Slot

Result = TypeVar("Result")


def in_time(
    world: MessageWorld, message: Message, agent: Generator[Effect, Any, Result]
) -> Generator[simpy.Event, Any, Result]:
    """Drive a delivery agent for a message at its server, letting each effect take its time."""
    transfer = Transfer(world, message)
    sent_back: Any = None
    while True:
        try:
            effect = agent.send(sent_back)
        except StopIteration as end:
            result: Result = end.value
            return result
        sent_back = yield from transfer.let(effect)


class Transfer:
    """What one delivery agent holds while it works: a thread, a connection."""

    __slots__ = (
        "_asked_s",
        "_began_s",
        "_deferred",
        "_destination",
        "_env",
        "_failed",
        "_message",
        "_path",
        "_server",
        "_slot",
        "_thread",
        "_waited",
        "_world",
    )

    def __init__(self, world: MessageWorld, message: Message) -> None:
        self._world = world
        self._env = world.env
        self._message = message
        self._server = world.servers[message.server]
        self._thread: Slot | None = None
        self._waited = False  # for the thread
        self._slot: Slot | None = None
        self._path: Path | None = None
        self._destination: Destination | None = None  # of the attempt; none for recipients that only wait
        self._asked_s = self._began_s = 0.0
        self._failed: Recipients = ()  # whom the hosts of this attempt refused for good
        self._deferred: Recipients = ()  # whom its last host told to come later

    def let(self, effect: Effect) -> Steps:
        """Let an effect happen; its own docstring says what is sent back."""
        match effect:
            case Begin(hop):
                return (yield from self._begin(hop))
            case Resolve(hop):
                return (yield from self._resolve(hop))
            case Connect(host):
                return (yield from self._connect(host))
            case Offer(host, recipients, source):
                return (yield from self._offer(host, recipients, source))
            case WaitUntil(time_s):
                return (yield from self._wait_until(time_s))
            case EndAttempt(hop, attempt):
                return self._end_attempt(attempt, hop)
            case LookAtClock():
                return self._server.timing(self._message.number, self._destination)
            case Defer(deferred, _):
                self._world.deferrals += 1
                self._message.narrow(self._class_of(_recipients(deferred)))
            case _:
                self._start(effect)
                yield self._env.timeout(0)  # what was started goes first
        return None

    def _start(self, effect: Effect) -> None:
        """What starts another message: a part of this one, or a notice about it."""
        world, message = self._world, self._message
        match effect:
            case Accepted(host, recipients):
                part = message.split_off(self._class_of(recipients))
                move(world, part, host, recipients)
                world.start(part)
            case Fail(refused, outcome):
                world.fail(message, refused, self._server, outcome)
            case Postpone(deferred):
                world.start(message.split_off(self._class_of(_recipients(deferred))), deferred=deferred)
            case Warn():
                if any(map(is_told_of, message.envelope.recipients)):
                    world.notify(message, self._server, "delay")

    def _class_of(self, recipients: Recipients) -> EnvelopeClass:
        return self._world.envelopes.with_recipients(self._message.envelope, recipients)

    # --- an attempt ---

    def _begin(self, hop: NextHop) -> Steps:
        """Wait for the server to be up and for a transfer thread; the reply of a destination that is suspended."""
        server, env, number = self._server, self._env, self._message.number
        self._failed = self._deferred = ()
        self._asked_s = env.now
        self._destination = destination = server.destination(hop, number)
        while True:
            if server.fails and not server.downtime.is_up(env.now):
                yield At(env, server.downtime.next_up(env.now), RETRY + number)
            if env.now < destination.dead_until_s:
                return destination.reply
            server.threads.reopen(hop.destination)
            self._thread = server.threads.try_take(hop.destination)
            requested_s = env.now
            if self._thread is None:
                self._thread = yield server.threads.request(hop.destination)
                if server.spec.pause_s > 0:  # the thread turns from one session to the next
                    yield At(env, env.now + server.spec.pause_s, SESSION + number)
                if (server.fails and not server.downtime.is_up(env.now)) or env.now < destination.dead_until_s:
                    server.threads.release(self._thread)  # things have changed while this message waited
                    continue
            self._waited = env.now > requested_s
            self._began_s = env.now
            self._message.attempts += 1
            return None

    def _end_attempt(self, attempt: Attempt | None, hop: NextHop) -> bool:
        assert self._thread is not None
        others_go_on = False
        if self._world.mail_log is not None and attempt is not None and attempt.deferred:
            to = (attempt.host.server if attempt.host else None) or hop.name
            self._world.mail_log.deferred(self._message, attempt.deferred, to, self._times(), self._env.now)
        threads, destination = self._server.threads, self._destination
        if attempt is not None and destination is not None:
            retry, now_s = self._server.policy.retry, self._env.now
            concurrency = threads.concurrency(hop.destination)
            if concurrency is not None:
                busy, by_queue = threads.held_by(hop.destination), concurrency.by_queue
                if attempt.destination not in ("dead", "busy"):
                    concurrency.after_success(busy)
                    destination.revive()
                elif not concurrency.after_failure(busy):
                    others_go_on = by_queue
                elif by_queue:
                    destination.mark_dead(self._began_s, now_s, attempt.deferred[0].reply, retry)
                else:
                    destination.suspend(now_s, attempt.deferred[0].reply, retry)
            elif attempt.destination == "alive":
                destination.revive()
            elif attempt.destination == "dead":
                destination.mark_dead(self._began_s, now_s, attempt.deferred[0].reply, retry)
        threads.release(self._thread)
        self._failed = ()  # they are given up now
        self._note_left(self._deferred if attempt is None else ())
        return others_go_on

    def _resolve(self, hop: NextHop) -> Steps:
        """The addresses of the next hop's hosts; those of equal preference by numbers that mail and attempt give (RFC 5321 5.1)."""
        resolver = self._server.resolvers[self._server.sender(self._message.number)]
        cached = yield from resolver.hosts(hop)
        if isinstance(cached, DnsFailure):
            return cached
        if cached.in_turn is not None:
            return cached.in_turn
        world, message = self._world, self._message
        lots = mx_lots(world.seed, world.replication, cached.hosts, message.number, message.attempts)
        return addresses(world.setup.server_at, cached.hosts, lots)

    def _connect(self, host: Host) -> Steps:
        """Find the host, and a free connection there; whether there is room for the message."""
        server, env, message = self._server, self._env, self._message
        target = self._world.servers[host.server] if host.server else None
        path = server.path_to(target) if target else None
        if target is None or path is None:
            return (yield from self._refused(server.spec.smtp.connect_timeout, server, "connection-timed-out"))
        answers = target.policy.listens and not (target.fails and not target.downtime.is_up(env.now))
        cause = why_unreached(joined=True, answers=answers)
        if cause is not None:
            return (yield from self._refused(REFUSED * path.round_trip_s, server, cause))
        client = server.client(message.number)
        if not target.rules.admits_connection(*client, env.now):
            target.note_refusal(in_session=False)
            return (
                yield from self._refused(TURNED_AWAY * path.round_trip_s, target, "too-many-connections", "connection")
            )
        self._path = path
        self._slot = target.connections.try_take(client)
        if self._slot is None and target.spec.capacity.when_full == "wait":
            asked_s = env.now
            self._slot = yield target.connections.request(client)
            if any(down.down_between(asked_s, env.now) for down in parties(server, target, path)):
                self._hang_up(target)  # for nobody: the connection that waited for it is gone
                lost = Unreachable(said(server.policy.product, "connection-lost"))
                return Interrupted() if server.downtime.down_between(asked_s, env.now) else lost
        if self._slot is None:
            target.note_refusal(in_session=False)
            return (
                yield from self._refused(TURNED_AWAY * path.round_trip_s, target, "too-many-connections", "connection")
            )
        if not target.has_room_for(message):
            target.note_refusal(in_session=True)
            full = yield from self._refused(CONNECT * path.round_trip_s, target, "queue-full", "message")
            self._hang_up(target)
            return full
        return None

    def _refused(self, length_s: float, by: MailServer, cause: str, trouble: Trouble = "host") -> Steps:
        """Nothing came of the connection, which is known after a time."""
        yield At(self._env, self._env.now + length_s, SESSION + self._message.number)
        return Unreachable(said(by.policy.product, cause), trouble)

    def _times(self) -> AttemptTimes:
        return AttemptTimes(self._asked_s, self._began_s, self._env.now)

    def _hang_up(self, target: MailServer) -> None:
        assert self._slot is not None
        target.connections.release(self._slot)
        self._slot = None

    def _offer(self, host: Host, recipients: Recipients, source: int) -> Steps:
        """The SMTP session with the host that is connected."""
        assert host.server is not None
        target = self._world.servers[host.server]
        self._message.narrow(self._class_of(recipients))
        self._note_left(recipients if self._failed else ())
        if self._world.mail_log is not None:
            self._message.attempt_times = self._times()
        assert self._path is not None
        own_s, feedback = self._server.spec.smtp.session, self._server.threads.feedback
        if self._waited and feedback is not None and not feedback.by_queue:
            own_s = contended_session_s(own_s, self._message.number, self._message.attempts)
        result = yield from session(self._world, self._server, target, self._message, self._path, source, own_s)
        self._hang_up(target)
        if isinstance(result, TransactionResult) and result.deferred:
            self._failed += _recipients(result.failed)
            self._deferred = _recipients(result.deferred)
            self._note_left(self._deferred)
        return result

    def _note_left(self, recipients: Recipients) -> None:
        """These recipients, and those that the attempt will give up, are what a run that ends now finds here; none: the envelope's."""
        left = (*recipients, *self._failed)
        same = not recipients or left == self._message.envelope.recipients
        self._message.left = None if same else self._class_of(left)

    # --- after it ---

    def _wait_until(self, time_s: float) -> Steps:
        """Wait until a time, and on until the message's server is up."""
        env = self._env
        up_s = self._server.downtime.next_up(max(time_s, env.now))
        if up_s > env.now:
            yield At(env, up_s, RETRY + self._message.number)
        return env.now


def move(world: MessageWorld, message: Message, host: Host, recipients: Recipients) -> None:
    """The server at `host` has taken these recipients of a message."""
    assert host.server is not None
    message.narrow(world.envelopes.with_recipients(message.envelope, recipients))
    message.came_from = message.server
    message.passed = (*message.passed, world.servers[host.server].machine)
    message.hops += 1
    message.server = host.server
    world.deferrals_when_moved = world.deferrals


def _recipients(refused: tuple[Refused, ...]) -> Recipients:
    return refused[0].recipients if len(refused) == 1 else tuple(r for each in refused for r in each.recipients)
