"""The SMTP session in time: round trips, the server's accept work, the body over the links, and what an outage does to it."""

from __future__ import annotations

from collections.abc import Generator
from functools import cache
from typing import Any

import simpy

from coexsim.mail.effects import Interrupted, TransactionResult, Unreachable
from coexsim.mail.message import Reply
from coexsim.mail.replies import reply
from coexsim.sim.clock import SESSION, At
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.formulas import LAST_REPLY, session_round_trips, session_s
from coexsim.sim.message import Message
from coexsim.sim.message_world import MessageWorld
from coexsim.sim.network import Path
from coexsim.sim.server import MailServer

Steps = Generator[simpy.Event, Any, Any]


@cache
def said(product: str, cause: str) -> Reply:
    """A reply without the particulars of its text, which no table shows."""
    return reply(product, cause)


def parties(server: MailServer, target: MailServer, path: Path) -> list[DowntimeSchedule]:
    """The downtime of all that a session needs and that is ever down."""
    return [down for down in (server.downtime, target.downtime, path.downtime) if down]


def session(
    world: MessageWorld, server: MailServer, target: MailServer, message: Message, path: Path, source: int, own_s: float
) -> Steps:
    """The SMTP dialogue, from the client's own address `source`: round trips and accept work, then the body over the path's links.

    `own_s` is what it costs the client beside them.

    Where something could fail, the last half of the last round trip, on which the 250 is, comes after the body.
    """
    env = world.env
    began_s = env.now
    reused = server.use_cached_connection(target, message.number)
    came, body = target.reception(message, message.envelope, server.name, source)
    smtp = server.spec.smtp
    trips = session_round_trips(smtp.tls, smtp.pipelining, message.size_bytes, message.envelope.count, reused, body)
    accept_s = target.accept_s(message) if body else 0.0
    length_s = session_s(trips, path.round_trip_s, own_s, accept_s, target.back_pressure_s() if body else 0.0)
    fragile = server.fails or target.fails or path.fails
    last_s = LAST_REPLY * path.round_trip_s if fragile else 0.0
    if length_s > 0:
        yield At(env, began_s + length_s - last_s, SESSION + message.number)
    arrived = True
    if body:
        arrived = yield from _send_body(message, path)
    if fragile:
        answered_s = env.now
        if last_s:
            yield At(env, answered_s + last_s, SESSION + message.number)
        failure = _what_failed(world, server, target, message, came, path, began_s, answered_s if arrived else None)
        if failure is not None:
            return failure
    server.cache_connection(target, message.number)
    return came


def _send_body(message: Message, path: Path) -> Steps:
    """Over all links at once: what takes longest is what counts. Did it all arrive."""
    message.wan_bytes += message.size_bytes * path.wan_links
    arrived = True
    for over in [link.start(message.size_bytes) for link in path.links]:
        arrived = (over if isinstance(over, bool) else (yield over)) and arrived
    return arrived


def _what_failed(
    world: MessageWorld, server: MailServer, target: MailServer, message: Message, came: TransactionResult, path: Path, began_s: float,
    answered_s: float | None,
) -> Unreachable | Interrupted | None:  # fmt: skip
    """Did something go down while they talked. `answered_s`: when the server had it all and answered; None: it never had.

    A message taken whose 250 is lost on the way, or comes to a client that is down, will be sent again: then there are two.
    """
    now_s = world.env.now
    down_at_times = parties(server, target, path)
    if answered_s is not None and not any(down.down_between(began_s, answered_s) for down in down_at_times):
        if not (server.downtime.down_between(answered_s, now_s) or path.downtime.down_between(answered_s, now_s)):
            return None
        if came.accepted:
            world.second_copy(message, target, came.accepted)
    if server.downtime.down_between(began_s, now_s):
        return Interrupted()
    return Unreachable(said(server.policy.product, "connection-lost"))
