"""The way of a copy, from where it was handed in to its ends: the one SimPy process that every message is.

At each server: work at the cores; then what the rules say: deliveries and failures end here, each further part goes on, to the
next server by SMTP (``transfer.py``) or to a role on the same machine.
"""

from __future__ import annotations

from typing import NamedTuple

from simpy.events import ProcessGenerator

from coexsim.mail.message import Reply
from coexsim.sim.clock import WORK_DONE, At
from coexsim.sim.copies import Copy
from coexsim.sim.server import Destination, MailServer, Onward, Plan
from coexsim.sim.transfer import defer, send


class Waiting(NamedTuple):
    """A part that was told to come again later: it waits before anything else."""

    destination: Destination
    said: Reply


def journey(copy: Copy, begin: Onward | Waiting | float | None = None) -> ProcessGenerator:
    """SimPy process: one copy's way to its end.

    It begins with work at its server, or with work that will be done at a known time, or onward from it, or with a wait.
    """
    world = copy.server.world
    env = world.env
    world.live[copy] = None
    ahead = begin if isinstance(begin, Onward) else None
    done_s = begin if isinstance(begin, float) else None
    moved: bool | None = (
        True  # to a server where it has not been worked on yet; None: to be tried again; False: its way has ended
    )
    if isinstance(begin, (Onward, Waiting)):
        copy.server.keep(copy)  # a part of what is in the queue already
        if isinstance(begin, Waiting):
            moved = yield from defer(copy, *begin)
    else:
        copy.server.enter(copy)
    while moved is not False:
        server = copy.server
        if ahead is None:
            if moved:
                if done_s is None:
                    done_s = server.work_done_s(copy)
                if done_s > env.now:
                    if done_s == float("inf"):
                        return  # the server never comes back
                    yield At(env, done_s, WORK_DONE + copy.number)
                done_s = None
            ahead = _split(copy, server, server.plan(copy))
            if ahead is None:
                break
        if ahead.hop is not None:
            moved = yield from send(copy, ahead.hop)
        else:
            assert ahead.role is not None
            server.leave(copy)
            copy.server = world.servers[ahead.role]
            moved = True
        if moved:
            copy.server.enter(copy)
        ahead = None
    copy.server.leave(copy)
    del world.live[copy]
    world.open_copies -= copy.measured


def _split(copy: Copy, server: MailServer, plan: Plan) -> Onward | None:
    """End what ends here, start a way of its own for every further part but one, and say where this copy goes on."""
    world = server.world
    if copy.path is not None and (not copy.path or copy.path[-1][0] != server.name):
        copy.path.append((server.name, plan.rules))
    if plan.added:  # a group's members share what has carried its mail so far
        world.recorder.sent += plan.added
        copy.wan_bytes *= copy.letter.count / (copy.letter.count + plan.added)
    for letter in plan.delivered:
        world.deliver(copy, letter, server)
    if plan.failed:
        world.fail(copy, plan.failed, server)
    if not plan.onward:
        return None
    ahead, *others = plan.onward
    for other in others:
        world.start(copy.part(other.letter), other)
    copy.narrow(ahead.letter)
    return ahead
