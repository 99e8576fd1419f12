"""A mail server of any role: on-premises, smart host, hosted inbound and outbound, external differ in rules and numbers only.

It makes things take time. What it does with mail is asked of ``mail.routing``, once for each class of mail and state of the world.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim.mail.dialogue import receive
from coexsim.mail.message import NextHop, Rcpt, Reply, fold
from coexsim.mail.retry import Wait
from coexsim.mail.routing import Verdict, decide
from coexsim.scenario.servers import AnyServer
from coexsim.sim.calendar import Calendar
from coexsim.sim.copies import Copy, Letter
from coexsim.sim.formulas import back_pressure_s
from coexsim.sim.stations import FifoStation, Pool

if TYPE_CHECKING:
    from coexsim.sim.dns_server import Resolver
    from coexsim.sim.express import Ride
    from coexsim.sim.network import Path
    from coexsim.sim.work import ServerWork
    from coexsim.sim.world import World


Floats = NDArray[np.float64]


class Onward(NamedTuple):
    """A part of a letter that goes on: to a next hop, or to a role on the same machine."""

    letter: Letter
    hop: NextHop | None
    role: str | None


class Plan(NamedTuple):
    """What a server does with a class of mail: who is delivered here, what goes on, who fails. `added`: by groups, net."""

    delivered: tuple[Letter, ...]
    onward: tuple[Onward, ...]
    failed: tuple[tuple[Letter, Reply], ...]
    added: int
    rules: dict[Rcpt, tuple[str, str]]


class Taken(NamedTuple):
    """What a server takes of a class of mail in the SMTP dialogue, and what it refuses."""

    accepted: Letter | None
    refused: tuple[tuple[Letter, Reply], ...]
    body: bool


class Destination:
    """What a server knows of a next hop: whether it is marked dead, until when, and why."""

    __slots__ = ("dead_until_s", "failures", "first_failure_s", "marked_s", "reply")

    def __init__(self) -> None:
        self.dead_until_s = 0.0
        self.failures = 0
        self.first_failure_s = 0.0
        self.marked_s = -1.0
        self.reply = Reply(451, "4.4.1", "")

    def revive(self) -> None:
        """An attempt has succeeded."""
        self.failures, self.dead_until_s = 0, 0.0


class Passing:
    """How many rides, and how many of their bytes, are in a server's queue at the end of each minute, the last one the run's."""

    __slots__ = ("_bytes", "_count", "_length_s", "_minutes")

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._minutes = ceil(length_s / 60)
        self._count = np.zeros(self._minutes + 1)
        self._bytes = np.zeros(self._minutes + 1)

    def add(self, entered_s: Floats, left_s: Floats, size_bytes: Floats) -> None:
        """Rides that are here from one time to another."""
        for times_s, sign in ((entered_s, 1.0), (left_s, -1.0)):
            ended = np.clip(np.ceil(times_s / 60) - 1, 0, self._minutes)  # a minute's end belongs to it
            minute = np.where(times_s > self._length_s, self._minutes, ended).astype(np.int64)
            self._count += sign * np.bincount(minute, minlength=self._minutes + 1)
            self._bytes += sign * np.bincount(minute, size_bytes, minlength=self._minutes + 1)

    def at_minute_ends(self, minutes: int) -> tuple[Floats, Floats]:
        """Messages and bytes at the ends of the first `minutes` minutes."""
        return np.cumsum(self._count)[:minutes], np.cumsum(self._bytes)[:minutes]


class MailServer:
    """The stations, pools and queue of one server, and its memory of what the rules said.

    A role that runs on another server's machine has that machine's `cores` and `calendar`, and its threads unless it says its own.
    """

    def __init__(
        self, world: World, name: str, spec: AnyServer, calendar: Calendar, cores: FifoStation | None, delivery: FifoStation | None,
        threads: Pool, connections: Pool, work: ServerWork, resolvers: list[Resolver],
    ) -> None:  # fmt: skip
        self.world = world
        self.name = name
        self.spec = spec
        self.policy = world.setup.policies[name]
        self.machine = spec.runs_on or name
        self.calendar = calendar
        self.fails = bool(calendar)  # at some time
        self.cores = cores
        self.delivery = delivery
        self.threads = threads
        self.connections = connections
        self.work = work
        self.resolvers = resolvers
        self.roles = [self]  # this server and those that run on its machine
        self._destinations: list[dict[NextHop, Destination]] = [{} for _ in resolvers]  # by sender
        self.idle_until_s: dict[tuple[str, int], list[float]] = {}  # kept connections by server and sender
        self.queued = 0
        self.queued_bytes = 0
        self.refused = 0
        self.refused_in_session = 0
        self.passing = Passing(world.length_s)
        self._plans: dict[tuple[object, ...], Plan] = {}
        self._taken: dict[tuple[object, ...], Taken] = {}
        self._paths: dict[str, Path | None] = {}
        self._first_contact_s: dict[tuple[str, int, str, str], float] = {}

    # --- what the rules say ---

    def plan(self, copy: Copy) -> Plan:
        """What to do with mail that was taken."""
        key = (copy.letter, copy.came_from, copy.size_class, copy.passed)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._decide(copy)
        return plan

    def _decide(self, copy: Copy) -> Plan:
        world = self.world
        decision = decide(world.setup, self.name, copy.envelope(), copy.came_from, world.state)
        verdicts = decision.verdicts
        of: dict[str, list[Verdict]] = {}
        for verdict in verdicts:
            of.setdefault(verdict.action, []).append(verdict)
        failed: dict[Reply, list[Rcpt]] = {}
        for verdict in of.get("fail", ()):
            if verdict.reply is not None:
                failed.setdefault(verdict.reply._replace(text=""), []).append(verdict.rcpt)
        kept = sum(v.rcpt.count for v in verdicts if v.action != "duplicate")
        return Plan(
            tuple(self._by_side(copy.letter, tuple(v.rcpt for v in of.get("deliver", ())))),
            tuple(Onward(self._part(copy.letter, t.recipients), t.hop, t.role) for t in decision.transfers),
            tuple((self._part(copy.letter, tuple(rcpts)), said) for said, rcpts in failed.items()),
            kept - copy.letter.count,
            {v.rcpt: (v.rule, v.reason) for v in verdicts if v.action != "duplicate"},
        )

    def take(self, copy: Copy, client: str) -> Taken:
        """What this server takes of what a client offers."""
        if self.policy.greylist_s is not None:
            return self._receive(copy, client)
        key = (copy.letter, client, copy.size_class, copy.passed)
        taken = self._taken.get(key)
        if taken is None:
            taken = self._taken[key] = self._receive(copy, client)
        return taken

    def _receive(self, copy: Copy, client: str) -> Taken:
        world = self.world
        client_server = world.servers.get(client)
        which = client_server.sender(copy.number) if client_server else 0
        grey = partial(self._is_grey, which) if self.policy.greylist_s is not None else None
        reception = receive(world.setup, self.name, client, copy.envelope(), world.state, grey)
        refused: dict[Reply, list[Rcpt]] = {}
        for refusal in reception.refused:
            refused.setdefault(refusal.reply._replace(text=""), []).append(refusal.rcpt)
        return Taken(
            self._part(copy.letter, reception.accepted) if reception.accepted else None,
            tuple((self._part(copy.letter, tuple(rcpts)), said) for said, rcpts in refused.items()),
            reception.body_sent,
        )

    def forget_rules(self) -> None:
        """The state of the world has changed: ask the rules anew."""
        self._plans.clear()
        self._taken.clear()

    def _is_grey(self, which: int, client: str, sender: str, rcpt: str) -> bool:
        now_s = self.world.env.now
        first_s = self._first_contact_s.setdefault((client, which, fold(sender), fold(rcpt)), now_s)
        return now_s - first_s < (self.policy.greylist_s or 0.0)

    def _part(self, letter: Letter, recipients: tuple[Rcpt, ...]) -> Letter:
        return (
            letter
            if recipients == letter.recipients
            else self.world.letters.get(letter.sender, recipients, letter.kind)
        )

    def _by_side(self, letter: Letter, recipients: tuple[Rcpt, ...]) -> Iterator[Letter]:
        sides: dict[str, list[Rcpt]] = {}
        for rcpt in recipients:
            sides.setdefault(self.world.side_of(rcpt.written, self.world.state.version), []).append(rcpt)
        for rcpts in sides.values():
            yield self._part(letter, tuple(rcpts))

    # --- what takes time ---

    def path_to(self, other: MailServer) -> Path | None:
        """The network path to another server just now; None where there is none."""
        network = self.world.network
        if other.name not in self._paths:
            self._paths[other.name] = network.between(self.name, other.name)
        path = self._paths[other.name]
        if path is None or not path.fails or path.calendar.is_open(self.world.env.now):
            return path
        return network.between(self.name, other.name, self.world.env.now)

    def note_refusal(self, *, in_session: bool) -> None:
        """A client was turned away at a limit, `in_session` with a connection; counted in the measured window."""
        begin_s, end_s = self.world.measured_s
        counts = begin_s <= self.world.env.now < end_s
        self.refused += counts
        self.refused_in_session += counts and in_session

    def keep(self, copy: Copy | Ride) -> None:
        """The copy is in this server's queue from now on."""
        self.queued += 1
        self.queued_bytes += copy.size_bytes

    def enter(self, copy: Copy) -> None:
        """The copy has come into this server's queue."""
        self.queued += 1
        self.queued_bytes += copy.size_bytes
        copy.queued_s = self.world.env.now
        copy.failures = 0
        copy.warned = False

    def leave(self, copy: Copy) -> None:
        """The copy is no longer this server's concern."""
        self.queued -= 1
        self.queued_bytes -= copy.size_bytes

    def work_done_s(self, copy: Copy) -> float:
        """Queue the copy for a core; when its lookup, scan, archive and queue write are done."""
        now_s = self.world.env.now
        if self.cores is None or self.work.cores.is_nothing:
            return self.calendar.next_open(now_s)
        return self.cores.arrive(now_s, self.work.cores.of(copy))[1]

    def deliver(self, copy: Copy, letter: Letter, now_s: float) -> float:
        """Put a copy into the mail files of everybody in `letter`, from `now_s` on; when the last one is done."""
        delivery = self.delivery
        if delivery is None:
            return now_s
        work_s = self.work.delivery.of(copy)
        if letter.count == 1:
            return delivery.arrive(now_s, work_s)[1]
        return max(delivery.arrive(now_s, work_s)[1] for _ in range(letter.count))

    def sender(self, number: int) -> int:
        """Which of the Internet's many senders sends a mail; 0 for a server that is one machine."""
        return number % len(self._destinations)

    def client(self, number: int) -> tuple[str, int]:
        """Whom another server takes this one for, and counts connections by."""
        return self.name, self.sender(number)

    def destination(self, hop: NextHop, number: int) -> Destination:
        """What the sender of a mail knows of a next hop; each of the Internet's many senders finds out for itself."""
        known = self._destinations[self.sender(number)]
        found = known.get(hop)
        if found is None:
            found = known[hop] = Destination()
        return found

    def after_failure(self, copy: Copy, due_s: float | None = None) -> Wait:
        """What follows a copy's failure just now, by the product's schedule; `due_s`: when its destination is tried again.

        The Internet's senders do not all run their queues at once.
        """
        phase_s, now_s = self._phase_s(copy.number), self.world.env.now
        wait = self.policy.retry.after_failure(
            now_s - phase_s, copy.first_failure_s - phase_s, copy.failures, copy.queued_s - phase_s, warned=copy.warned,
            due_s=None if due_s is None else due_s - phase_s,
        )  # fmt: skip
        if not phase_s:
            return wait
        next_s, gives_up_s, warn_s = wait
        return Wait(
            None if next_s is None else next_s + phase_s,
            gives_up_s + phase_s,
            None if warn_s is None else warn_s + phase_s,
        )

    def _phase_s(self, number: int) -> float:
        senders = len(self._destinations)
        return self.policy.retry.queue_run_s * self.sender(number) / senders

    def mark_dead(self, destination: Destination, began_s: float, said: Reply) -> None:
        """An attempt begun at a time has failed: nobody else need try before the next one is due.

        Attempts that were under way when another one failed tell nothing new.
        """
        if began_s < destination.marked_s:
            return
        now_s = self.world.env.now
        if not destination.failures:
            destination.first_failure_s = now_s
        destination.failures += 1
        destination.marked_s = now_s
        destination.reply = said
        if self.policy.retry.per == "destination":
            first_s = destination.first_failure_s
            destination.dead_until_s = self.policy.retry.next_attempt_s(now_s, first_s, destination.failures, first_s)
        else:
            destination.dead_until_s = now_s + self.policy.retry.gaps_s[0]

    def take_kept_connection(self, target: MailServer, number: int, now_s: float) -> bool:
        """Use a connection of a mail's sender to `target` that was kept open, if there is one.

        A crash of either end closes it; a cut link does not: nobody sends anything over it meanwhile.
        """
        kept = self.idle_until_s.get((target.name, self.sender(number)))
        while kept:
            until_s = kept.pop()
            since_s = until_s - self.spec.smtp.reuse
            if until_s > now_s and not any(
                server.fails and server.calendar.closed_between(since_s, now_s) for server in (self, target)
            ):
                return True
        return False

    def keep_connection(self, target: MailServer, number: int, now_s: float) -> None:
        """Keep the connection of a mail's sender to `target` open for a while."""
        if self.spec.smtp.reuse > 0:
            self.idle_until_s.setdefault((target.name, self.sender(number)), []).append(now_s + self.spec.smtp.reuse)

    @property
    def is_unlimited(self) -> bool:
        """Is there always room in the queue."""
        return self.spec.capacity.queue_length is None and self.spec.capacity.queue_disk is None

    def has_room_for(self, copy: Copy | Ride) -> bool:
        """Is there room in the queues of this machine: messages and disk."""
        capacity = self.spec.capacity
        if capacity.queue_length is not None and sum(role.queued for role in self.roles) >= capacity.queue_length:
            return False
        if capacity.queue_disk is None:
            return True
        return sum(role.queued_bytes for role in self.roles) + copy.size_bytes <= capacity.queue_disk

    def back_pressure_s(self) -> float:
        """How long Exchange delays its reply: from two thirds of the queue's limit, 10 s and 5 s more a step up to 55 s [MS-BP]."""
        limit = self.spec.capacity.queue_length
        if limit is None or not self.policy.back_pressure_delays:
            return 0.0
        return back_pressure_s(sum(role.queued for role in self.roles), float(limit))
