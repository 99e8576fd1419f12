"""The way of a message, from where it was handed in to its ends: the one SimPy process that every message is.

At each server: work at the cores; then what the rules say: deliveries and failures end here, each further part goes on, to the
next server by SMTP (``transfer.py``) or to a role on the same machine.
"""

from __future__ import annotations

from math import inf

from simpy.events import ProcessGenerator

from coexsim.mail.delivery import DUE, GONE, defer, relay
from coexsim.mail.effects import Refused
from coexsim.sim.clock import WORK_DONE, At
from coexsim.sim.message import Message
from coexsim.sim.message_world import MessageWorld
from coexsim.sim.rule_memory import ClassRequest
from coexsim.sim.server import MailServer
from coexsim.sim.session import Steps
from coexsim.sim.transfer import in_time, move


def journey(
    world: MessageWorld, message: Message, request: ClassRequest | None = None, deferred: tuple[Refused, ...] = ()
) -> ProcessGenerator:
    """SimPy process: one message's way to its end.

    It begins with work at its server. A part of a message that has been worked on there begins with being sent on (`request`), or with
    the wait for another attempt (`deferred`).
    """
    server = world.servers[message.server]
    if deferred:
        server.enqueue(message)
        goes_on = (
            yield from in_time(
                world, message, defer(server.policy, deferred, message, message.envelope.kind, destination_alive=True)
            )
        ) == DUE
    elif request is not None:
        server.enqueue(message)
        goes_on = True
    else:
        server.enter(message)
        yield from _work(world, server, message)
        goes_on = True
    while goes_on:
        if request is None:
            request = yield from _decide(world, server, message)
            if request is None:
                break
        goes_on = yield from _send_on(world, server, message, request)
        request = None
        server = world.servers[message.server]
    server.leave(message)
    world.ended(message)


def _work(world: MessageWorld, server: MailServer, message: Message) -> Steps:
    """Lookup, scan, archive and queue write at the server's cores."""
    env = world.env
    done_s = server.work_done_s(message)
    if done_s == inf:
        yield env.event()  # for ever: the server never comes back
    if done_s > env.now:
        yield At(env, done_s, WORK_DONE + message.number)
    if world.mail_log is not None:
        world.mail_log.worked(message, env.now)


def _decide(world: MessageWorld, server: MailServer, message: Message) -> Steps:
    """Deliver and fail as the rules say. Of the parts that go on, the first is returned, and the others are started."""
    decision = server.rules.decision(message)
    if message.rules_met is not None and (not message.rules_met or message.rules_met[-1][0] != server.name):
        message.rules_met.append((server.name, decision.rules))
    if decision.added:
        world.add_recipients(message, decision.added)
    for envelope in decision.delivered:
        world.deliver(message, envelope, server)
    if decision.failed:
        world.fail(message, decision.failed, server, "bounced")
    if not decision.requests:
        return None
    first, *others = decision.requests
    for other in others:
        world.start(message.split_off(other.envelope), other)
    message.narrow(first.envelope)
    if others or decision.failed:
        yield world.env.timeout(0)  # what was started goes first
    return first


def _send_on(world: MessageWorld, server: MailServer, message: Message, request: ClassRequest) -> Steps:
    """To the next server or role, and the work there. False: the way has ended; where it must be tried again, the rules are asked anew."""
    if request.hop is None:
        assert request.role is not None
        server.leave(message)
        message.server = request.role
    else:
        envelope = message.envelope
        agent = relay(server.policy, envelope.recipients, request.hop, message, envelope.kind)
        end = yield from in_time(world, message, agent)
        if isinstance(end, str):
            return end != GONE
        server.leave(message)
        move(world, message, *end)
    server = world.servers[message.server]
    server.enter(message)
    yield from _work(world, server, message)
    return True
