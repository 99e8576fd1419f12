"""The world of one run: every server, link and name server of the scenario as SimPy processes, and what is recorded of them."""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from hashlib import sha256
from math import ceil, inf, nextafter
from typing import Literal

import simpy
from simpy.events import ProcessGenerator

from coexsim.garbage import collect_rarely
from coexsim.mail.dns import Answer, Question
from coexsim.mail.dsn import is_told_of, notice_for
from coexsim.mail.effects import Recipients, Refused
from coexsim.mail.message import Kind, Rcpt
from coexsim.mail.setup import Setup
from coexsim.progress import RunProgress
from coexsim.scenario.model import Scenario
from coexsim.sim.binned import Bins
from coexsim.sim.build import build_downtimes, build_servers
from coexsim.sim.clock import BIRTH, MONITOR, STATE, WORLD, At, Clock
from coexsim.sim.dns_server import NameServer
from coexsim.sim.draining import Drain, drain_limit_s, last_change_s, looks_until
from coexsim.sim.flows import Flows
from coexsim.sim.formulas import bytes_with_more
from coexsim.sim.journey import journey
from coexsim.sim.mail_log import MailLog
from coexsim.sim.mail_row import BOUNCED, DELIVERED, DISCARDED, EXPIRED, IN_TRANSIT
from coexsim.sim.message import SECOND_COPY, EnvelopeClass, EnvelopeClasses, Message
from coexsim.sim.network import Network
from coexsim.sim.recorder import Recorder
from coexsim.sim.rule_memory import ClassRequest
from coexsim.sim.server import MailServer
from coexsim.sim.stage_log import StageLogMaker

MOST_MESSAGES_AT_ONCE = 2_000_000  # about 2 GB; an unstable system is stopped there, and says so
MINUTE_S = 60.0


class World:
    """One replication of a scenario, ready to run. With `stream` it keeps no row a message, but cells that stand for many (`Bins`)."""

    def __init__(
        self, scenario: Scenario, seed: int, replication: int, *, keep_visits: bool = False, stream: bool = False,
        mail_log: MailLog | None = None,
    ) -> None:  # fmt: skip
        self.scenario = scenario
        self.seed = seed
        self.replication = replication
        self.mail_log = mail_log  # is filled, where there is one
        self.env = Clock()
        self.setup = Setup(scenario)
        self.state = self.setup.state_at(0.0)
        self.length_s = scenario.run.length
        self.measured_s = measured_window_s(scenario)
        self.limit_s = drain_limit_s(scenario)
        self.envelopes = EnvelopeClasses()
        self.flows = Flows(self.setup)
        self.bins = Bins(self.measured_s, self.length_s) if stream else None  # instead of a table of the mail
        self.recorder = Recorder(self.flows.of, partial(self.setup.directory.version_at, replica=False), self.bins)
        self.under_way: dict[Message, None] = {}
        self.measured_under_way = 0
        self._all_ended: simpy.Event | None = None  # waited for after the run's length
        self._all_noted = self.env.event()
        self.stopped_early: str | None = None
        self.minutes = ceil(self.length_s / MINUTE_S)  # the last one may be a part of a minute
        self.minutes_noted = 0
        self.second_copies = 0
        self.deferrals = self.deferrals_when_moved = 0
        self.logs = StageLogMaker(self.length_s, self.measured_s, keep_visits=keep_visits)
        self.downtimes = build_downtimes(scenario, seed, replication, self.limit_s)
        self.network = Network(self.env, scenario, self.downtimes, self.logs)
        names = scenario.name_servers
        self.name_server = NameServer(self.env, self._answer, names.answer, names.timeout, self.downtimes["dns"])
        self.dns_asked: dict[str, dict[Question, list[int]]] = {}
        self.servers: dict[str, MailServer] = build_servers(self)
        self.backlog: dict[str, list[int]] = {name: [] for name in self.servers}
        self.queued_bytes: dict[str, list[int]] = {name: [] for name in self.servers}
        self.breaks = _size_breaks(self.setup)
        self.env.process(self._changes())
        self.env.process(self._monitor())

    # --- what goes on by itself ---

    def _changes(self) -> ProcessGenerator:
        """SimPy process: keep the state of the world, which rules are asked with."""
        for at_s in self.setup.change_times_s():
            if at_s > 0:
                yield At(self.env, at_s, STATE)
                self.state = self.setup.state_at(at_s)
                for server in self.servers.values():
                    server.rules.forget()

    def _monitor(self) -> ProcessGenerator:
        """SimPy process: note every server's queue at the end of each minute; where the run ends within one, at its end."""
        for minute in range(1, self.minutes + 1):
            yield At(self.env, min(minute * MINUTE_S, self.length_s), MONITOR)
            self._note_queues()
        self._all_noted.succeed()

    def _note_queues(self) -> None:
        self.minutes_noted += 1
        for name, server in self.servers.items():
            self.backlog[name].append(server.queued)
            self.queued_bytes[name].append(server.queued_bytes)

    def _answer(self, question: Question, external: bool) -> Answer:
        return self.setup.answer(question, self.state, external=external)

    # --- mail ---

    def post(self, message: Message) -> None:
        """A message is handed in at its server by the server's own user (or, `came_from` outside, by somebody else)."""
        self.recorder.sent += message.envelope.count
        server, now_s = self.servers[message.server], self.env.now
        sent_s = server.rules.outbox_s(message.envelope.sender, now_s) if message.came_from == "own-user" else now_s
        sent_s = server.downtime.next_up(sent_s)
        if sent_s == now_s:
            self._hand_in(message, server)
        else:
            self.measured_under_way += message.measured
            self.env.process(self._post_later(message, server, sent_s))

    def _post_later(self, message: Message, server: MailServer, sent_s: float) -> ProcessGenerator:
        """SimPy process: a client keeps its mail until the server is up and takes it."""
        self.under_way[message] = None
        yield At(self.env, sent_s, BIRTH + message.number)
        del self.under_way[message]
        self.measured_under_way -= message.measured
        self._hand_in(message, server)
        self._note_if_all_ended()

    def _hand_in(self, message: Message, server: MailServer) -> None:
        result, _ = server.reception(message, message.envelope, message.came_from)
        refusals = (*result.failed, *result.deferred)
        if self.mail_log is not None and refusals:
            self.mail_log.refused(server.machine, message, refusals, self.env.now)
        for refused in refusals:
            envelope = self.envelopes.with_recipients(message.envelope, refused.recipients)
            self.recorder.end(message, envelope, BOUNCED, self.env.now, refused.reply.enhanced, server.name)
        if result.accepted:
            message.passed = (server.machine,)
            message.envelope = self.envelopes.with_recipients(message.envelope, result.accepted)
            self.start(message)

    def start(self, message: Message, request: ClassRequest | None = None, deferred: tuple[Refused, ...] = ()) -> None:
        """A message, or a part of one, goes its own way from now on."""
        self.under_way[message] = None
        self.measured_under_way += message.measured
        self.env.process(journey(self, message, request, deferred))

    def ended(self, message: Message) -> None:
        """The way of a message has ended."""
        del self.under_way[message]
        self.measured_under_way -= message.measured
        self.deferrals_when_moved = self.deferrals
        self._note_if_all_ended()

    def _note_if_all_ended(self) -> None:
        if self._all_ended is not None and not self.measured_under_way and not self._all_ended.triggered:
            self._all_ended.succeed()

    def deliver(self, message: Message, envelope: EnvelopeClass, server: MailServer) -> None:
        """Into the mail files of `server`. When that will be done is known now, so the end is recorded now."""
        done_s = server.delivered_s(message, envelope)
        if self.mail_log is not None and done_s <= self.limit_s:
            self.mail_log.delivered(message, envelope, done_s)
        if done_s > self.limit_s:
            self.recorder.end(message, envelope, IN_TRANSIT, done_s, by=server.name)
        else:
            self.recorder.end(message, envelope, DELIVERED, done_s)

    def fail(
        self, message: Message, refused: tuple[Refused, ...], server: MailServer, outcome: Literal["bounced", "expired"]
    ) -> None:
        """Given up by `server`, with the reply to each part; their sender gets one notice. A notice that fails is dropped."""
        end = {"bounced": BOUNCED, "expired": EXPIRED}[outcome] if message.envelope.kind == "mail" else DISCARDED
        if self.mail_log is not None:
            self.mail_log.failed(message, refused, outcome, self.env.now)
        for recipients, said, *_ in refused:
            envelope = self.envelopes.with_recipients(message.envelope, recipients)
            self.recorder.end(
                message, envelope, DISCARDED if said.discards else end, self.env.now, said.enhanced, server.name
            )
        if any(is_told_of(rcpt) for one in refused if not one.reply.discards for rcpt in one.recipients):
            self.notify(message, server, "dsn")

    def notify(self, message: Message, server: MailServer, kind: Kind) -> None:
        """A notice about mail that failed or was deferred, handed in where it is written."""
        notice = notice_for(message.as_envelope(), kind)
        if notice is None:
            return
        to = self.envelopes.get("", (Rcpt(notice.recipients[0].address),), kind)
        size = notice.size_bytes
        note = Message(
            message.number, to, size, self.size_class(size), self.env.now, server.machine, "notice", message.measured,
            serial=notice_serial(server.name, kind),
        )  # fmt: skip
        note.passed = (server.machine,)
        note.rules_met = None if message.rules_met is None else []
        self.recorder.sent += 1
        self.start(note)

    def add_recipients(self, message: Message, added: int) -> None:
        """A group has more or fewer members than one; they share what has carried the group's mail so far."""
        self.recorder.sent += added
        message.wan_bytes = bytes_with_more(message.wan_bytes, message.envelope.count, added)

    def second_copy(self, message: Message, target: MailServer, accepted: Recipients) -> None:
        """`target` has the mail, but its 250 was lost: the client will send it again, and there are two."""
        double = message.split_off(self.envelopes.with_recipients(message.envelope, accepted))
        count = double.envelope.count
        self.second_copies += count
        self.recorder.sent += count
        message.wan_bytes -= double.wan_bytes
        double.server, double.came_from, double.stream = target.name, message.server, SECOND_COPY
        double.passed = (*message.passed, target.machine)
        double.hops += 1
        double.attempt_times = None  # its sender knows nothing of it
        self.start(double)

    def size_class(self, size_bytes: int) -> int:
        """Sizes of one class meet the same limits."""
        return bisect_left(self.breaks, size_bytes)

    # --- running ---

    def run(self, progress: RunProgress | None = None) -> None:
        """To the end of the run, and on until all measured mail has met its end or the drain limit is reached.

        Attempts that go on in vain are stopped (see `Drain`).
        """
        with collect_rarely():
            self._run_to_length(progress)
            if not self.stopped_early:
                self._drain(progress)
            self._close()
        self.recorder.check_conservation()

    def _run_to_length(self, progress: RunProgress | None) -> None:
        """Until the last minute is noted, with all that happens before that."""
        steps = 200
        for number in range(1, steps + 1):
            self.env.run(until=self.length_s * number / steps if number < steps else self._all_noted)
            if progress:
                progress(self.env.now, self.recorder.sent, self.deferrals)
            if len(self.under_way) > MOST_MESSAGES_AT_ONCE:
                self.stopped_early = f"more than {MOST_MESSAGES_AT_ONCE:,} messages under way: the system is not stable"
                break

    def new_drain(self) -> Drain:
        """What looks at the run after its length."""
        greylists = (each.greylisting for each in self.scenario.servers.values())
        last_s = last_change_s(
            self.setup.change_times_s(), self.downtimes.values(), [each.delay for each in greylists if each is not None],
            self.length_s, self.limit_s,
        )  # fmt: skip
        return Drain(self.length_s, last_s, self.scenario.run.start)

    def _drain(self, progress: RunProgress | None) -> None:
        """Until all measured mail has met its end, the drain limit is passed, or all attempts are in vain."""
        if not self.measured_under_way:
            return
        self._all_ended = self.env.event()
        over = self._all_ended | At(self.env, nextafter(self.limit_s, inf), WORLD)
        looks = looks_until(self.env, over, self.new_drain(), self.limit_s)
        for at_s, drain in looks:
            self.stopped_early = drain.look(self.deferrals, self.deferrals_when_moved, len(self.under_way))
            if progress:
                progress(at_s, self.recorder.sent, self.deferrals)
            if self.stopped_early:
                break

    def _close(self) -> None:
        """Record what is still there."""
        while self.minutes_noted < self.minutes:  # stopped early: not told as empty from here on
            self._note_queues()
        for message in self.under_way:
            by = message.server if message.passed else "client"
            self.recorder.end(message, message.left or message.envelope, IN_TRANSIT, self.env.now, by=by)
        pools = [pool for server in self.servers.values() for pool in (server.threads, server.connections)]
        for pool in dict.fromkeys(pools):  # a role's may be its machine's
            pool.close()
        for link in self.network.links.values():
            link.close()


def measured_window_s(scenario: Scenario) -> tuple[float, float]:
    """The measured window in seconds from the start: [from, to)."""
    run = scenario.run
    begin_s, end_s = 0.0, run.length
    if run.measure:
        begin_s, end_s = (moment.after(run.start) for moment in run.measure)
        end_s = end_s or run.length
    if isinstance(run.warm_up, float):
        begin_s = max(begin_s, run.warm_up)
    return begin_s, end_s


def notice_serial(server: str, kind: Kind) -> int:
    """What tells the draws of a notice from those of its mail, and of other servers' notices about it."""
    return int.from_bytes(sha256(f"{kind} by {server}".encode()).digest()[:4], "little") | 1


def _size_breaks(setup: Setup) -> list[int]:
    """The sizes at which some server's answer changes."""
    breaks: set[int] = set()
    for policy in setup.policies.values():
        for limit in policy.size_limits:
            breaks.update((limit, limit - policy.size_overhead_bytes))
    return sorted(breaks)
