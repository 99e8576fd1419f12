"""A mail server of any role: on-premises, smart host, hosted inbound and outbound, external differ in rules and numbers only.

It makes things take time. What it does with mail is asked of the rules, once for each class of mail (``rule_memory.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Protocol

from coexsim.mail.effects import Timing
from coexsim.mail.message import NextHop
from coexsim.mail.retry import queue_run_phase_s
from coexsim.scenario.servers import AnyServer
from coexsim.sim.clock import Clock
from coexsim.sim.destination import Destination
from coexsim.sim.dns_server import Resolvers
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.formulas import back_pressure_s, has_room
from coexsim.sim.mail_log import MailLog
from coexsim.sim.message import EnvelopeClass, Message
from coexsim.sim.network import Network, Path
from coexsim.sim.rule_memory import ClassReception, RuleMemory, RulesWorld
from coexsim.sim.stations import FifoStation, Pool
from coexsim.sim.work import ServerWork


class ServerWorld(RulesWorld, Protocol):
    """What a server needs of its world."""

    @property
    def env(self) -> Clock: ...  # noqa: D102
    @property
    def network(self) -> Network: ...  # noqa: D102
    @property
    def measured_s(self) -> tuple[float, float]: ...  # noqa: D102
    @property
    def servers(self) -> Mapping[str, MailServer]: ...  # noqa: D102
    @property
    def mail_log(self) -> MailLog | None: ...  # noqa: D102


class MailServer:
    """The stations, pools and queue of one server.

    A role that runs on another server's machine has that machine's `cores` and `downtime`, and its threads unless it says its own.
    """

    def __init__(
        self, world: ServerWorld, name: str, spec: AnyServer, downtime: DowntimeSchedule, cores: FifoStation | None,
        delivery: FifoStation | None, threads: Pool, connections: Pool, work: ServerWork, resolvers: Resolvers,
    ) -> None:  # fmt: skip
        self._world = world
        self.name = name
        self.spec = spec
        self.policy = world.setup.policies[name]
        self.rules = RuleMemory(world, name)
        self.machine = spec.runs_on or name
        self.downtime = downtime
        self.fails = bool(downtime)  # at some time
        self.cores = cores
        self.delivery = delivery
        self.threads = threads
        self.connections = connections
        self.work = work
        self.resolvers = resolvers  # one for each of its senders
        self.roles = [self]  # this server and those that run on its machine
        self._destinations: list[dict[NextHop, Destination]] = [{} for _ in range(len(resolvers))]  # by sender
        self._cached_until_s: dict[tuple[str, int], list[float]] = {}  # cached connections by server and sender
        self.queued = 0
        self.queued_bytes = 0
        self.refused = 0
        self.refused_in_session = 0
        self._paths: dict[str, Path | None] = {}

    # --- its queue ---

    def enter(self, message: Message) -> None:
        """The message has come into this server's queue."""
        self.enqueue(message)
        message.queued_s = now_s = self._world.env.now
        if self._world.mail_log is not None:
            self._world.mail_log.enter(self.machine, message, now_s)
        message.failures = 0
        message.warned = False

    def enqueue(self, message: Message) -> None:
        """The message, a part of one that is in this server's queue, counts by itself from now on."""
        self.queued += 1
        self.queued_bytes += message.size_bytes

    def leave(self, message: Message) -> None:
        """The message is no longer this server's concern."""
        self.queued -= 1
        self.queued_bytes -= message.size_bytes

    def has_room_for(self, message: Message) -> bool:
        """Is there room in the queues of this machine: messages and disk."""
        capacity = self.spec.capacity
        if capacity.queue_length is None and capacity.queue_disk is None:
            return True
        return has_room(
            sum(role.queued for role in self.roles), sum(role.queued_bytes for role in self.roles), message.size_bytes,
            inf if capacity.queue_length is None else capacity.queue_length, inf if capacity.queue_disk is None else capacity.queue_disk,
        )  # fmt: skip

    def back_pressure_s(self) -> float:
        """How long Exchange delays its reply as its queue grows."""
        limit = self.spec.capacity.queue_length
        if limit is None or not self.policy.back_pressure_delays:
            return 0.0
        return back_pressure_s(sum(role.queued for role in self.roles), float(limit))

    # --- its work ---

    def work_done_s(self, message: Message) -> float:
        """Queue the message for a core; when its lookup, scan, archive and queue write are done."""
        now_s = self._world.env.now
        if self.cores is None or self.work.cores.is_nothing:
            return self.downtime.next_up(now_s)
        return self.cores.arrive(now_s, self.work.cores.of(message, self._visit(message)))[1]

    def delivered_s(self, message: Message, envelope: EnvelopeClass) -> float:
        """Put a message into the mail files of everybody in `envelope`; when the last one is done."""
        now_s = self._world.env.now
        if self.delivery is None:
            return now_s
        work_s = self.work.delivery.of(message, self._visit(message))
        if envelope.count == 1:
            return self.delivery.arrive(now_s, work_s)[1]
        return max(self.delivery.arrive(now_s, work_s)[1] for _ in range(envelope.count))

    def accept_s(self, message: Message) -> float:
        """The work of taking a message in the session."""
        return self.work.accept.of(message, message.passed.count(self.machine))

    def _visit(self, message: Message) -> int:
        """How many times this machine took the message before."""
        return message.passed.count(self.machine) - 1

    # --- as a client ---

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

    def timing(self, number: int, destination: Destination | None) -> Timing:
        """When it is for the sender of a mail. The Internet's senders do not all run their queues at once."""
        now_s, retry = self._world.env.now, self.policy.retry
        phase_s = queue_run_phase_s(retry.phase_s, retry.queue_run_s, self.sender(number), len(self._destinations))
        if destination is None or retry.per != "destination" or now_s >= destination.dead_until_s:
            return Timing(now_s, phase_s)
        return Timing(now_s, phase_s, destination.dead_until_s)

    def path_to(self, other: MailServer) -> Path | None:
        """The network path to another server just now; None where there is none."""
        network, now_s = self._world.network, self._world.env.now
        if other.name not in self._paths:
            self._paths[other.name] = network.between(self.name, other.name)
        path = self._paths[other.name]
        if path is None or not path.fails or path.downtime.is_up(now_s):
            return path
        return network.between(self.name, other.name, now_s)

    def use_cached_connection(self, target: MailServer, number: int) -> bool:
        """Use a connection of a mail's sender to `target` that was kept open, if there is one.

        A crash of either end closes it; a cut link does not: nobody sends anything over it meanwhile.
        """
        now_s = self._world.env.now
        cached = self._cached_until_s.get((target.name, self.sender(number)))
        while cached:
            until_s = cached.pop()
            since_s = until_s - self.spec.smtp.reuse
            if until_s > now_s and not any(
                server.fails and server.downtime.down_between(since_s, now_s) for server in (self, target)
            ):
                return True
        return False

    def cache_connection(self, target: MailServer, number: int) -> None:
        """Keep the connection of a mail's sender to `target` open for a while."""
        if self.spec.smtp.reuse > 0:
            until_s = self._world.env.now + self.spec.smtp.reuse
            self._cached_until_s.setdefault((target.name, self.sender(number)), []).append(until_s)

    # --- as a server ---

    def reception(self, message: Message, envelope: EnvelopeClass, client: str, source: int = 0) -> ClassReception:
        """What it takes of a message that a client offers, from its own address `source`, for the recipients of `envelope`."""
        servers = self._world.servers
        which = servers[client].sender(message.number) if client in servers else 0
        return self.rules.reception(message, envelope, client, which, self._world.env.now, source)

    def note_refusal(self, *, in_session: bool) -> None:
        """A client was turned away at a limit, `in_session` with a connection; counted in the measured window."""
        begin_s, end_s = self._world.measured_s
        counts = begin_s <= self._world.env.now < end_s
        self.refused += counts
        self.refused_in_session += counts and in_session
