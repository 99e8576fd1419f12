"""The load of every station by theory, before any run: visits, work and waits.

The load is counted, not assumed: the mail of replication 0 is drawn, every class of it is sent along its route by
the routing rules, and what it meets is added up (the traffic equations, solved by walking). Work, session times and
link times are their means. Waits are Allen and Cunneen's, exact for M/M/c and M/G/1; links are shared by their
transfers. Theory knows no retries, no outages and no time of day: it screens, the simulation decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import NamedTuple

from coexsim.analysis.measured_mail import MeasuredClass, MeasuredMail, measured_mail
from coexsim.analysis.sized_work import Moments, SizedWork, work_of
from coexsim.analysis.theory import allen_cunneen_wait_s, mg1_ps_sojourn_s, wait_quantile_s
from coexsim.mail.trace import Route, trace
from coexsim.scenario.base import Work
from coexsim.scenario.machine import CORE_STAGES
from coexsim.scenario.model import Scenario
from coexsim.sim.formulas import session_round_trips
from coexsim.sim.world import World

NO_WORK = Work()


@dataclass(frozen=True)
class StationLoad:
    """The load of one station: per second in the measured window and in its busiest hour."""

    server: str
    stage: str
    workers: float
    visits_per_message: float
    rate_per_s: float
    busiest_per_s: float
    service_s: float
    service_cv2: float
    busiest_visits: float = inf
    """How many visits the busiest hour was counted from."""
    other_share: float = 0.0
    """Of a link: the share of its bandwidth that other traffic takes over the window; `service_s` is with what it leaves."""
    other_busiest: float = 0.0
    """The same in the busiest hour."""

    @property
    def doubt(self) -> float:
        """Standard error of the busiest hour's work as a share of it: another such hour has other mail (Poisson arrivals)."""
        return sqrt((1 + self.service_cv2) / self.busiest_visits) if self.busiest_visits else inf

    @property
    def offered(self) -> float:
        """Busy workers that the window's mail asks for; of a link, of what other traffic leaves of it."""
        return self.rate_per_s * self.service_s

    @property
    def utilisation(self) -> float:
        """Busy share in the busiest hour, more than 1 where the station cannot keep up; of a link with its other traffic."""
        return self.other_busiest + self.mail_share(self.busiest_per_s)

    @property
    def window_utilisation(self) -> float:
        """The same over the measured window."""
        return self.other_share + self.mail_share(self.rate_per_s)

    def mail_share(self, rate_per_s: float) -> float:
        """The share of the station, of a link of its whole bandwidth, that mail takes at this rate."""
        return rate_per_s * self.service_s * (1 - self.other_share) / self.workers

    @property
    def wait_s(self) -> float:
        """Mean wait over the window, infinite where the station cannot keep up; of a link what sharing it adds."""
        if not isfinite(self.workers):
            return 0.0
        if self.stage == "link":
            return mg1_ps_sojourn_s(self.rate_per_s, self.service_s) - self.service_s
        return allen_cunneen_wait_s(int(self.workers), self.rate_per_s, self.service_s, 1.0, self.service_cv2)

    def wait_quantile_s(self, probability: float) -> float:
        """A percentile of the wait."""
        if not isfinite(self.workers):
            return 0.0
        return wait_quantile_s(int(self.workers), self.rate_per_s, self.service_s, probability, 1.0, self.service_cv2)


@dataclass
class _Sum:
    """What comes to one station: visits and their time, in the window and in the busiest hour."""

    visits: float = 0.0
    busiest: float = 0.0
    seconds: float = 0.0
    squares: float = 0.0

    def add(self, visits: float, busiest: float, time: Moments) -> None:
        self.visits += visits
        self.busiest += busiest
        self.seconds += visits * time.mean_s
        self.squares += visits * time.square_s2


Demand = Mapping[tuple[str, str], _Sum]
"""What comes to each station; how many workers it has changes nothing of it."""


@dataclass(frozen=True)
class Loads:
    """The loads of all stations of a scenario, and the messages they come from."""

    stations: tuple[StationLoad, ...]
    messages_per_s: float

    def of(self, server: str, stage: str) -> StationLoad | None:
        """The load of one station; None if nothing comes there."""
        return next((s for s in self.stations if (s.server, s.stage) == (server, stage)), None)


def station_loads(
    scenario: Scenario, growth: float = 1.0, mail: MeasuredMail | None = None, demand: Demand | None = None
) -> Loads:
    """The load of every station with all rates times `growth`. A scenario without load has none.

    `mail` saves drawing it again for another machine: it is that of a scenario with the same load and limits on sizes. `demand` is that of
    a machine that differs in nothing but how much of each resource it has.
    """
    world = World(scenario, scenario.run.seed, 0)
    begin_s, end_s = world.measured_s
    mail = measured_mail(world) if mail is None else mail
    messages = sum(each.messages for each in mail.classes)
    peak_s = (mail.busiest_from_s, mail.busiest_from_s + mail.busiest_s)
    links = {link.name: link for link in world.network.links.values()}
    stations = []
    for (server, stage), total in sorted((station_demand(world, mail) if demand is None else demand).items()):
        if not total.visits:
            continue
        mean_s = total.seconds / total.visits
        moments = Moments(mean_s, total.squares / total.visits)
        rate, most = total.visits / (end_s - begin_s), total.busiest / mail.busiest_s
        link = links[server] if stage == "link" else None
        stations.append(
            StationLoad(
                server,
                stage,
                _workers(world, server, stage),
                total.visits / messages,
                growth * rate,
                growth * most,
                mean_s,
                moments.cv2,
                growth * total.busiest,
                link.other_share(begin_s, end_s) if link else 0.0,
                link.other_share(*peak_s) if link else 0.0,
            )
        )
    return Loads(tuple(stations), growth * messages / (end_s - begin_s))


def station_demand(world: World, mail: MeasuredMail) -> Demand:
    """What the measured mail asks of each station on its way."""
    begin_s = world.measured_s[0]
    sums: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
    ways: dict[tuple[str, tuple[str, ...], int], _Way] = {}
    for each in mail.classes:
        key = (each.sender, tuple(address for address, _ in each.pattern), each.size_class)
        if key not in ways:
            route = trace(world.setup, key[0], key[1], size_bytes=round(each.size.mean_s), at_s=begin_s)
            ways[key] = _way(world, route)
        _add(sums, each, ways[key])
    return sums


# --- what one class of mail meets ---------------------------------------------------------------------------------


class _SessionCost(NamedTuple):
    """One SMTP session: whose thread and whose slot it takes, and what it lasts."""

    thread: tuple[str, str]
    slot: tuple[str, str]
    fixed_s: float
    slow_start_s: float
    """A round trip, times which slow start takes the longer."""
    between_s: float
    accept: SizedWork | None
    links: tuple[tuple[str, float], ...]
    """Name and bandwidth of those with a limit."""


class _Way(NamedTuple):
    """What mail meets on a route, notices about it included: handling, sessions, deliveries (to whom; none for notices)."""

    handled: tuple[tuple[tuple[str, str], float, SizedWork], ...]
    sessions: tuple[_SessionCost, ...]
    delivered: tuple[tuple[tuple[str, str], str | None, SizedWork], ...]


def _way(world: World, route: Route) -> _Way:
    servers = world.scenario.servers
    ends = [(copy, r.recipient) for r in route.recipients for copy in r.copies]
    notices = [notice.copy for notice in route.notices if notice.copy]
    copies: dict[str, float] = defaultdict(float)
    for first in {copy.servers[0] for copy, _ in ends if copy.servers}:
        copies[first] += 1
    for notice in notices:
        copies[notice.servers[0]] += 1
    for transaction in route.transactions:
        copies[transaction.server] += transaction.accepted > 0
    for role in {name for copy, _ in ends for name in copy.servers if servers[name].runs_on}:
        copies[role] += 1
    handled = []
    for server, times in copies.items():
        works = [getattr(servers[server].work, stage) for stage in CORE_STAGES]
        if any(work != NO_WORK for work in works):
            handled.append(((servers[server].runs_on or server, "cores"), times, work_of(works)))
    delivered = []
    for copy, recipient in [*ends, *((notice, None) for notice in notices)]:
        deliver = servers[copy.servers[-1]].work.deliver if copy.servers else NO_WORK
        if copy.outcome == "delivered" and deliver != NO_WORK:
            delivered.append(((copy.servers[-1], "delivery"), recipient, work_of([deliver])))
    sessions = (_session(world, t.client, t.server, t.offered, t.body_sent) for t in route.transactions)
    return _Way(tuple(handled), tuple(filter(None, sessions)), tuple(delivered))


def _session(world: World, client: str, server: str, recipients: int, body: bool) -> _SessionCost | None:
    """The session between two servers; None where no path leads from one to the other."""
    path = world.network.between(client, server)
    if path is None:
        return None
    spec = world.scenario.servers[client].smtp
    reused = spec.reuse > 0
    trips = session_round_trips(spec.tls, spec.pipelining, 1, recipients, reused=reused, body=body)
    widths = ((link.name, _left_bandwidth(world, link.name)) for link in path.links if body)
    return _SessionCost(
        (world.scenario.servers[client].runs_on or client, "transfer"), (server, "connections"),
        trips * path.round_trip_s + spec.session, path.round_trip_s if body and not reused else 0.0, spec.between,
        work_of([world.scenario.servers[server].work.accept]) if body else None,
        tuple((name, width) for name, width in widths if isfinite(width)),
    )  # fmt: skip


def _add(sums: dict[tuple[str, str], _Sum], mail: MeasuredClass, way: _Way) -> None:
    """Add what a class of mail meets on its way."""

    def visit(station: tuple[str, str], times: float, time: Moments) -> None:
        sums[station].add(times * mail.messages, times * mail.busiest, time)

    size, counts = mail.size, dict(mail.pattern)
    for session in way.sessions:
        accept = session.accept.on(size) if session.accept else Moments()
        per_byte = 0.0
        for name, width in session.links:
            visit((name, "link"), 1, Moments(size.mean_s / width, size.square_s2 / width**2))
            per_byte += 1 / width
        mean_s = session.fixed_s + mail.slow_start * session.slow_start_s + accept.mean_s + per_byte * size.mean_s
        spread = max(accept.square_s2 - accept.mean_s**2, 0.0) + per_byte**2 * max(size.square_s2 - size.mean_s**2, 0.0)
        thread_s = mean_s + session.between_s  # what a thread is away for while mail waits, which is when it matters
        visit(session.thread, 1, Moments(thread_s, thread_s**2 + spread))
        visit(session.slot, 1, Moments(mean_s, mean_s**2 + spread))
    for station, times, work in way.handled:
        visit(station, times, work.on(size))
    for station, recipient, work in way.delivered:
        visit(station, 1 if recipient is None else counts.get(recipient, 1), work.on(size))


def _left_bandwidth(world: World, name: str) -> float:
    """The bandwidth of a link in one direction [bytes/s], less other traffic's mean in the window; infinite: no limit."""
    link = next((link for link in world.network.links.values() if link.name == name), None)
    if link is None or link.bandwidth is None:
        return inf
    return link.bandwidth * (1 - link.other_share(*world.measured_s))


def _workers(world: World, server: str, stage: str) -> float:
    if stage == "link":
        return 1.0
    capacity = world.scenario.servers[server].capacity
    found = {
        "cores": capacity.cores, "delivery": capacity.delivery_threads,
        "transfer": capacity.transfer_threads, "connections": capacity.smtp_connections,
    }[stage]  # fmt: skip
    return inf if found is None else float(found)
