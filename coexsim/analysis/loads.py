"""The load of every station by theory, before any run: visits, work and waits.

The load is counted, not assumed: the mail of replication 0 is drawn, every class of it is sent along its route by
the routing rules, and what it meets is added up (the traffic equations, solved by walking). Work, session times and
link times are their means. Waits are Allen and Cunneen's, exact for M/M/c and M/G/1; links are shared by their
transfers. Theory knows no retries, no outages and no time of day: it screens, the simulation decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim.analysis.theory import allen_cunneen_wait_s, mg1_ps_sojourn_s, wait_quantile_s
from coexsim.draw.mail_table import MailBlock
from coexsim.experiment.figures import HOUR, busiest
from coexsim.mail.trace import Route, trace
from coexsim.scenario.base import Work
from coexsim.scenario.machine import CORE_STAGES
from coexsim.scenario.model import Scenario
from coexsim.sim.formulas import session_round_trips, slow_start_round_trips
from coexsim.sim.senders import mail_of
from coexsim.sim.world import World

Floats = NDArray[np.float64]


class Moments(NamedTuple):
    """Mean and second moment of a time."""

    mean_s: float = 0.0
    square_s2: float = 0.0

    @property
    def cv2(self) -> float:
        """Squared coefficient of variation."""
        return max(self.square_s2 / self.mean_s**2 - 1, 0.0) if self.mean_s else 0.0


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

    @property
    def doubt(self) -> float:
        """Standard error of the busiest hour's work as a share of it: another such hour has other mail (Poisson arrivals)."""
        return sqrt((1 + self.service_cv2) / self.busiest_visits) if self.busiest_visits else inf

    @property
    def offered(self) -> float:
        """Busy workers that the window's load asks for."""
        return self.rate_per_s * self.service_s

    @property
    def utilisation(self) -> float:
        """Busy share in the busiest hour, more than 1 where the station cannot keep up."""
        return self.busiest_per_s * self.service_s / self.workers

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


@dataclass(frozen=True)
class Loads:
    """The loads of all stations of a scenario, and the messages they come from."""

    stations: tuple[StationLoad, ...]
    messages_per_s: float

    def of(self, server: str, stage: str) -> StationLoad | None:
        """The load of one station; None if nothing comes there."""
        return next((s for s in self.stations if (s.server, s.stage) == (server, stage)), None)


class _Class(NamedTuple):
    """Alike mail: who sends it to whom, how much of it, its sizes, and what TCP's slow start adds in round trips."""

    sender: str
    pattern: tuple[tuple[str, int], ...]
    size_class: int
    messages: int
    busiest: int
    size: Moments
    slow_start: float


class MeasuredMail(NamedTuple):
    """The mail of the measured window by class, and the length of its busiest hour [s]."""

    classes: tuple[_Class, ...]
    busiest_s: float


def station_loads(scenario: Scenario, growth: float = 1.0, mail: MeasuredMail | None = None) -> Loads:
    """The load of every station with all rates times `growth`. A scenario without load has none.

    `mail` saves drawing it again for another machine: it is that of a scenario with the same load and limits on sizes.
    """
    world = World(scenario, scenario.run.seed, 0)
    begin_s, end_s = world.measured_s
    classes, busiest_s = measured_mail(world) if mail is None else mail
    sums: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
    routes: dict[tuple[str, tuple[str, ...], int], Route] = {}
    for each in classes:
        key = (each.sender, tuple(address for address, _ in each.pattern), each.size_class)
        if key not in routes:
            routes[key] = trace(world.setup, key[0], key[1], size_bytes=round(each.size.mean_s), at_s=begin_s)
        _add(world, sums, each, routes[key])
    messages = sum(each.messages for each in classes)
    stations = []
    for (server, stage), total in sorted(sums.items()):
        if not total.visits:
            continue
        mean_s = total.seconds / total.visits
        moments = Moments(mean_s, total.squares / total.visits)
        rate, most = total.visits / (end_s - begin_s), total.busiest / busiest_s
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
            )
        )
    return Loads(tuple(stations), growth * messages / (end_s - begin_s))


def measured_mail(world: World) -> MeasuredMail:
    """The measured mail of replication 0."""
    scenario = world.scenario
    if scenario.load is None:
        return MeasuredMail((), 1.0)
    begin_s, end_s = world.measured_s
    blocks = list(mail_of(world))
    if not blocks:
        return MeasuredMail((), 1.0)
    born_s = np.concatenate([block.born_s for block in blocks])
    per_minute = np.bincount(((born_s[(born_s >= begin_s) & (born_s < end_s)] - begin_s) // 60).astype(np.int64))
    from_s = begin_s + 60 * busiest(per_minute.astype(np.float64))[1]
    to_s = min(from_s + 60 * HOUR, end_s)
    found: dict[tuple[int, int, int], list[float]] = defaultdict(lambda: [0.0] * 5)
    for block in blocks:
        _count(world, block, (begin_s, end_s), (from_s, to_s), found)
    names, patterns = blocks[-1].addresses, blocks[-1].patterns
    classes = tuple(
        _Class(names[sender], patterns[pattern], size_class, int(n), int(peak), Moments(size / n, square / n), slow / n)
        for (sender, pattern, size_class), (n, peak, size, square, slow) in sorted(found.items())
    )
    return MeasuredMail(classes, to_s - from_s)


def _count(
    world: World,
    block: MailBlock,
    window_s: tuple[float, float],
    hour_s: tuple[float, float],
    found: dict[tuple[int, int, int], list[float]],
) -> None:
    rows = (block.born_s >= window_s[0]) & (block.born_s < window_s[1])
    if not rows.any():
        return
    born_s, size = block.born_s[rows], block.size_bytes[rows]
    sizes, place = np.unique(size, return_inverse=True)
    of_size = np.array([(world.size_class(each), slow_start_round_trips(each)) for each in sizes.tolist()])[place]
    keys = np.stack([block.sender[rows], block.pattern[rows], of_size[:, 0]], axis=1)
    unique, inverse = np.unique(keys, axis=0, return_inverse=True)
    peak = (born_s >= hour_s[0]) & (born_s < hour_s[1])
    squares = size.astype(np.float64) ** 2
    weights = (np.ones(len(size)), peak, size, squares, of_size[:, 1])
    columns = [np.bincount(inverse.ravel(), weight, len(unique)) for weight in weights]
    for key, *values in zip(unique.tolist(), *columns, strict=True):
        total = found[key[0], key[1], key[2]]
        for i, value in enumerate(values):
            total[i] += float(value)


# --- what one class of mail meets ---------------------------------------------------------------------------------


def _add(world: World, sums: dict[tuple[str, str], _Sum], mail: _Class, route: Route) -> None:
    """Add what a class of mail meets on its way, notices about it included."""

    def visit(server: str, stage: str, times: float, time: Moments) -> None:
        sums[server, stage].add(times * mail.messages, times * mail.busiest, time)

    servers = world.scenario.servers
    counts = dict(mail.pattern)
    ends = [(copy, counts.get(r.recipient, 1)) for r in route.recipients for copy in r.copies]
    notices = [notice.copy for notice in route.notices if notice.copy]
    copies: dict[str, float] = defaultdict(float)
    for first in {copy.servers[0] for copy, _ in ends if copy.servers}:
        copies[first] += 1
    for notice in notices:
        copies[notice.servers[0]] += 1
    for transaction in route.transactions:
        copies[transaction.server] += transaction.accepted > 0
        _session(world, visit, transaction.client, transaction.server, transaction.offered, transaction.body_sent, mail)
    for role in {name for copy, _ in ends for name in copy.servers if servers[name].runs_on}:
        copies[role] += 1
    for server, times in copies.items():
        works = [getattr(servers[server].work, stage) for stage in CORE_STAGES]
        if any(work != Work() for work in works):
            visit(servers[server].runs_on or server, "cores", times, _work(works, mail.size))
    for copy, count in [*ends, *((notice, 1) for notice in notices)]:
        deliver = servers[copy.servers[-1]].work.deliver if copy.servers else Work()
        if copy.outcome == "delivered" and deliver != Work():
            visit(copy.servers[-1], "delivery", count, _work([deliver], mail.size))


def _session(world: World, visit: object, client: str, server: str, recipients: int, body: bool, mail: _Class) -> None:
    """The thread of the client, the slot of the server, and the links between them."""
    assert callable(visit)
    path = world.network.between(client, server)
    if path is None:
        return
    spec = world.scenario.servers[client].smtp
    size, reused = mail.size, spec.reuse > 0
    trips = session_round_trips(spec.tls, spec.pipelining, 1, recipients, reused=reused, body=body)
    fixed_s = (trips + (mail.slow_start if body and not reused else 0.0)) * path.round_trip_s + spec.session
    accept = _work([world.scenario.servers[server].work.accept], size) if body else Moments()
    per_byte = 0.0
    for link in path.links if body else ():
        width = _width(world, link.name)
        if isfinite(width):
            visit(link.name, "link", 1, Moments(size.mean_s / width, size.square_s2 / width**2))
            per_byte += 1 / width
    mean_s = fixed_s + accept.mean_s + per_byte * size.mean_s
    spread = max(accept.square_s2 - accept.mean_s**2, 0.0) + per_byte**2 * max(size.square_s2 - size.mean_s**2, 0.0)
    thread_s = mean_s + spec.between  # what a thread is away for while mail waits, which is when it matters
    visit(world.scenario.servers[client].runs_on or client, "transfer", 1, Moments(thread_s, thread_s**2 + spread))
    visit(server, "connections", 1, Moments(mean_s, mean_s**2 + spread))


def _width(world: World, name: str) -> float:
    """The bandwidth of a link in one direction [bytes/s], infinite if there is no limit."""
    return next((link.bytes_per_s or inf for link in world.network.links.values() if link.name == name), inf)


def _work(works: Iterable[Work], size: Moments) -> Moments:
    """The moments of several kinds of work, one after another, on mail of these sizes."""
    mean_s = fixed_s = per_byte = spread = 0.0
    for work in works:
        slow_s, slow_s2 = _slow(work)
        own_fixed_s, own_per_byte = work.mean_law_s, work.per_MB / 1e6
        own_square = own_fixed_s**2 + 2 * own_fixed_s * own_per_byte * size.mean_s + own_per_byte**2 * size.square_s2
        cv2 = _law_cv2(work)
        varied = work.mean_law_s**2 if work.law == "empirical" else own_square
        spread += cv2 * varied + slow_s2 - slow_s**2
        fixed_s += own_fixed_s + slow_s
        per_byte += own_per_byte
    mean_s = fixed_s + per_byte * size.mean_s
    square = fixed_s**2 + 2 * fixed_s * per_byte * size.mean_s + per_byte**2 * size.square_s2
    return Moments(mean_s, square + spread)


def _law_cv2(work: Work) -> float:
    if work.law == "empirical":
        weights = np.array(work.weights or (1.0,) * len(work.values))
        values = np.array(work.values)
        mean = float(np.average(values, weights=weights))
        return float(np.average((values - mean) ** 2, weights=weights)) / mean**2 if mean else 0.0
    return {"constant": 0.0, "exponential": 1.0}.get(work.law, work.cv**2)


def _slow(work: Work) -> tuple[float, float]:
    """Mean and second moment of the rare slow part."""
    if not work.slow:
        return 0.0, 0.0
    a, b, share = work.slow.shortest, work.slow.longest, work.slow.share
    return share * (a + b) / 2, share * (a * a + a * b + b * b) / 3


def _workers(world: World, server: str, stage: str) -> float:
    if stage == "link":
        return 1.0
    capacity = world.scenario.servers[server].capacity
    found = {
        "cores": capacity.cores, "delivery": capacity.delivery_threads,
        "transfer": capacity.transfer_threads, "connections": capacity.smtp_connections,
    }[stage]  # fmt: skip
    return inf if found is None else float(found)
