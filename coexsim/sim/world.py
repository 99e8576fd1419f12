"""The world of one run: every server, link and name server of the scenario as SimPy processes, and the books that are kept."""

from __future__ import annotations

import gc
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from math import ceil

import simpy
from simpy.events import ProcessGenerator

from coexsim.mail.dns import Answer, Question
from coexsim.mail.dsn import notice_for
from coexsim.mail.message import Kind, Rcpt, Reply, domain_of, fold
from coexsim.mail.setup import Setup, State
from coexsim.scenario.model import Scenario
from coexsim.sim.build import build_calendars, build_servers
from coexsim.sim.clock import BIRTH, MONITOR, WORLD, At, Walk, run_until
from coexsim.sim.copies import Copy, Letter, Letters
from coexsim.sim.dns_server import NameServer
from coexsim.sim.express import Ride, under_way
from coexsim.sim.journey import Waiting, journey
from coexsim.sim.network import Network, StageLogMaker
from coexsim.sim.recorder import BOUNCED, DELIVERED, DISCARDED, IN_TRANSIT, Recorder
from coexsim.sim.rides import Rides
from coexsim.sim.server import Destination, MailServer, Onward

DRAIN_S = 7 * 86400.0
MOST_COPIES_AT_ONCE = 2_000_000  # about 2 GB; an unstable system is stopped there, and says so
MINUTE_S = 60.0
# Mail makes no reference cycles; looking for them all the time costs a sixth of the run (26,000 against 30,000 messages/s).
RARE_COLLECTION = (200_000, 20, 100)


class World:
    """One replication of a scenario, ready to run."""

    def __init__(
        self, scenario: Scenario, seed: int, replication: int, *, keep_visits: bool = False, express: bool = True
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self.replication = replication
        self.env = simpy.Environment()
        self.setup = Setup(scenario)
        self.state = self.setup.state_at(0.0)
        self.length_s = scenario.run.length
        self.measured_s = measured_window_s(scenario)
        self.limit_s = self.length_s + (DRAIN_S if scenario.run.drain is None else scenario.run.drain)
        self.letters = Letters()
        self.recorder = Recorder(self.flows_of, partial(self.setup.directory.version_at, replica=False))
        self.rides = Rides(self.recorder)
        self.on_links: dict[Ride, None] = {}
        self.live: dict[Copy, None] = {}
        self.open_copies = 0
        self.express = express
        self.stopped_early: str | None = None
        self.minutes = ceil(self.length_s / MINUTE_S)  # the last one may be a part of a minute
        self.minutes_noted = 0
        self.duplicates = 0
        self.logs = StageLogMaker(self.length_s, self.measured_s, keep=keep_visits)
        self.calendars = build_calendars(scenario, seed, replication, self.limit_s)
        self.network = Network(self.env, scenario, self.calendars, self.logs)
        names = scenario.name_servers
        self.name_server = NameServer(self.env, self._answer, names.answer, names.timeout, self.calendars["dns"])
        self.dns_asked: dict[str, dict[Question, list[int]]] = {}
        changes_s = self.setup.change_times_s()
        self.next_change_s = min((t for t in changes_s if t > 0), default=float("inf"))
        self.servers: dict[str, MailServer] = build_servers(self)
        self.backlog: dict[str, list[int]] = {name: [] for name in self.servers}
        self.queued_bytes: dict[str, list[int]] = {name: [] for name in self.servers}
        self._breaks = _size_breaks(self.setup)
        self._sides: dict[tuple[str, int], str] = {}
        self.env.process(self._changes())
        self.env.process(self._monitor())

    # --- what goes on by itself ---

    def _changes(self) -> ProcessGenerator:
        """Keep the state of the world, which rules are asked with."""
        times_s = [at_s for at_s in self.setup.change_times_s() if at_s > 0]
        for at_s, next_s in zip(times_s, [*times_s[1:], float("inf")], strict=False):
            yield At(self.env, at_s, WORLD)
            self.state = self.setup.state_at(at_s)
            self.next_change_s = next_s
            for server in self.servers.values():
                server.forget_rules()

    def _monitor(self) -> ProcessGenerator:
        """Note every server's queue at the end of each minute; where the run ends within a minute, at the end of the run."""
        for minute in range(1, self.minutes + 1):
            yield At(self.env, min(minute * MINUTE_S, self.length_s), MONITOR)
            self._note_queues()

    def _note_queues(self) -> None:
        self.minutes_noted += 1
        for name, server in self.servers.items():
            self.backlog[name].append(server.queued)
            self.queued_bytes[name].append(server.queued_bytes)

    def _answer(self, question: Question, external: bool) -> Answer:
        return self.setup.answer(question, self.state, external=external)

    # --- mail ---

    def post(self, copy: Copy) -> None:
        """A copy is handed in at its server by the server's own user (or, `came_from` outside, by somebody else)."""
        server, recorder = copy.server, self.recorder
        recorder.sent += copy.letter.count
        copy.passed = ()
        if server.calendar and not server.calendar.is_open(self.env.now):
            self.open_copies += copy.measured
            self.env.process(self._post_later(copy))
        else:
            self._hand_in(copy)

    def _post_later(self, copy: Copy) -> ProcessGenerator:
        """SimPy process: a client keeps its mail until the server is up again."""
        self.live[copy] = None
        up_s = copy.server.calendar.next_open(self.env.now)
        if up_s == float("inf"):
            return
        yield At(self.env, up_s, BIRTH + copy.number)
        del self.live[copy]
        self.open_copies -= copy.measured
        self._hand_in(copy)

    def _hand_in(self, copy: Copy) -> None:
        recorder = self.recorder
        taken = copy.server.take(copy, copy.came_from)
        for letter, said in taken.refused:
            recorder.end(copy, letter, BOUNCED, self.env.now, said.enhanced, copy.server.name)
        if taken.accepted is None:
            return
        copy.passed = (copy.server.machine,)
        copy.letter = taken.accepted
        self.start(copy)

    def start(self, copy: Copy, begin: Onward | Waiting | float | None = None, *, counted: bool = False) -> None:
        """A copy, or a part of one, goes its own way from now on. `counted`: it did so as a ride before."""
        self.open_copies += copy.measured and not counted
        Walk(journey(copy, begin))

    def start_waiting(self, copy: Copy, destination: Destination, said: Reply) -> None:
        """A part that was told to come again goes its own way from now on."""
        self.start(copy, Waiting(destination, said))

    def deliver(self, copy: Copy, letter: Letter, server: MailServer, ready_s: float | None = None) -> None:
        """Into the mail files of `server` (from `ready_s` on). When that will be done is known now, so the end is recorded now."""
        done_s = server.deliver(copy, letter, self.env.now if ready_s is None else ready_s)
        if done_s > self.limit_s:
            self.recorder.end(copy, letter, IN_TRANSIT, done_s, by=server.name)
        else:
            self.recorder.end(copy, letter, DELIVERED, done_s)

    def fail(
        self, copy: Copy, failed: Sequence[tuple[Letter, Reply]], server: MailServer, outcome: int = BOUNCED
    ) -> None:
        """Given up by `server`, with the reply to each part; their sender gets one notice. A notice that fails is dropped."""
        if copy.letter.kind != "mail":
            outcome = DISCARDED
        for letter, said in failed:
            self.recorder.end(copy, letter, outcome, self.env.now, said.enhanced, server.name)
        self.notify(copy, server, "dsn")

    def notify(self, copy: Copy, server: MailServer, kind: Kind) -> None:
        """A notice about mail that failed or is late, handed in where it is written."""
        notice = notice_for(copy.envelope(), kind)
        if notice is None:
            return
        to = self.letters.get("", (Rcpt(notice.recipients[0].address),), kind)
        writer = self.servers[server.machine]
        size = notice.size_bytes
        note = Copy(copy.number, to, size, self.size_class(size), self.env.now, writer, "notice", copy.measured)
        note.serial = _serial(server.name, kind)
        note.path = None if copy.path is None else []
        self.recorder.sent += 1
        self.start(note)

    def duplicate(self, copy: Copy, target: MailServer, letter: Letter) -> None:
        """`target` has the mail, but its 250 was lost: the client will send it again, and there are two."""
        self.duplicates += letter.count
        self.recorder.sent += letter.count
        double = copy.part(letter)
        copy.wan_bytes -= double.wan_bytes
        double.server, double.came_from, double.stream = target, copy.server.name, "duplicate"
        double.passed = (*copy.passed, target.machine)
        double.hops += 1
        self.start(double)

    def size_class(self, size_bytes: int) -> int:
        """Sizes of one class meet the same limits."""
        return bisect_left(self._breaks, size_bytes)

    def server_at(self, address: str) -> MailServer | None:
        """The server at an IP address."""
        name = self.setup.server_at.get(address)
        return self.servers[name] if name else None

    # --- words for the tables ---

    def side_of(self, address: str, version: int) -> str:
        """``onprem``, ``hosted``, ``internet`` or ``unknown``, as of a version of the directory."""
        key = (fold(address), version)
        side = self._sides.get(key)
        if side is None:
            side = self._sides[key] = self._find_side(address, version)
        return side

    def _find_side(self, address: str, version: int) -> str:
        if not self.setup.directory.is_ours(address):
            outside = any(
                domain_of(address) in map(fold, s.domain)
                for s in self.scenario.servers.values()
                if s.kind == "external"
            )
            return "internet" if outside or self.setup.directory.find(address, version) is None else "hosted"
        entry = self.setup.directory.find(address, version)
        home = getattr(entry, "home", None)
        if entry is None:
            return "unknown"
        return "hosted" if home is not None and home == self.scenario.home_server.get("hosted") else "onprem"

    def flows_of(self, letter: Letter, version: int) -> tuple[tuple[str, int], ...]:
        """The flows of a letter, such as ``hosted->onprem``, with the recipients in each, as of a version of the directory."""
        start = self.side_of(letter.sender, version) if letter.sender else letter.kind
        counts: dict[str, int] = {}
        for rcpt in letter.recipients:
            flow = f"{start}->{self.side_of(rcpt.written, version)}"
            counts[flow] = counts.get(flow, 0) + rcpt.count
        return tuple(counts.items())

    # --- running ---

    def run(self, progress: Callable[[float], None] | None = None) -> None:
        """To the end of the run, and on until all measured mail has met its end or the drain limit is reached."""
        thresholds = gc.get_threshold()
        gc.set_threshold(*RARE_COLLECTION)
        try:
            self._run(progress)
        finally:
            gc.set_threshold(*thresholds)
        self.recorder.check_conservation()

    def _run(self, progress: Callable[[float], None] | None) -> None:
        env, live = self.env, self.live
        steps_s = self.length_s / 200
        for number in range(1, 201):
            run_until(env, steps_s * number if number < 200 else self.length_s)
            if progress:
                progress(env.now)
            if len(live) + len(env._queue) > MOST_COPIES_AT_ONCE:
                self.stopped_early = f"more than {MOST_COPIES_AT_ONCE:,} messages under way: the system is not stable"
                break
        while not self.stopped_early and self.minutes_noted < self.minutes:
            env.step()  # what happens at the very end of the run belongs to it, the monitor last
        while not self.stopped_early and self.open_copies > 0 and env.peek() <= self.limit_s:
            env.step()
        while self.minutes_noted < self.minutes:  # stopped early: not told as empty from here on
            self._note_queues()
        self.rides.fold()
        for copy in [*live, *under_way(self)]:
            handed_in = bool(copy.passed)
            self.recorder.end(copy, copy.letter, IN_TRANSIT, env.now, by=copy.server.name if handed_in else "client")
        for server in self.servers.values():
            server.threads.close()
            server.connections.close()
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


def _serial(server: str, kind: Kind) -> int:
    """What tells the draws of a notice from those of its mail, and of other servers' notices about it."""
    return int.from_bytes(sha256(f"{kind} by {server}".encode()).digest()[:4], "little") | 1


def _size_breaks(setup: Setup) -> list[int]:
    """The sizes at which some server's answer changes."""
    breaks: set[int] = set()
    for policy in setup.policies.values():
        for limit in policy.size_limits:
            breaks.update((limit, limit - policy.size_overhead_bytes))
    return sorted(breaks)


__all__ = ["State", "World", "measured_window_s"]
