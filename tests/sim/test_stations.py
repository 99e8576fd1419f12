"""Stations and pools against queueing theory, against Ciw, and against rules that hold for any arrivals."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import pairwise
from math import inf, isnan

import ciw
import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from simpy.events import ProcessGenerator

from coexsim.analysis.theory import erlang_b, mmc_wait_s
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.stage_log import StageLog
from coexsim.sim.stations import FifoStation, Pool, Slot
from coexsim.stats import half_width
from tests.theory import mdc_wait_s, mg1_wait_s, mmck
from tests.theory_check import assert_mean_is_and_not_a_tenth_more

Works = Callable[[np.random.Generator, int], NDArray[np.float64]]
OPEN = DowntimeSchedule()


def exponential(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    return rng.exponential(1, count)


def constant(_: np.random.Generator, count: int) -> NDArray[np.float64]:
    return np.ones(count)


def gamma_cv2_4(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    return rng.gamma(0.25, 4, count)


def log_of(length_s: float = 1000, keep_visits: bool = False) -> StageLog:
    return StageLog("onprem", "work", None, length_s, keep_visits=keep_visits)


def mean_wait_s(workers: int, load: float, works: Works, replication: int) -> float:
    """The mean wait at one station after its first tenth; handling takes 1 s on the mean."""
    count = 10_000 * workers  # the more workers, the fewer that wait
    rng = np.random.default_rng([11, replication])
    arrivals = np.cumsum(rng.exponential(1 / (load * workers), count))
    log = StageLog("onprem", "work", workers, arrivals[-1], measured_s=(arrivals[-1] / 10, inf))
    station = FifoStation("onprem", workers, OPEN, log)
    for now_s, work_s in zip(arrivals.tolist(), works(rng, count).tolist(), strict=True):
        station.arrive(now_s, work_s)
    return log.summary().mean_wait_s


@pytest.mark.theory
@pytest.mark.parametrize(("workers", "load"), [(1, 0.5), (2, 0.7), (8, 0.8)])
def test_wait_is_erlang_c(workers: int, load: float) -> None:
    """M/M/c: Poisson arrivals, exponential handling (Kleinrock 1975, I, sec. 3.5)."""
    waits_s = [mean_wait_s(workers, load, exponential, r) for r in range(40)]

    assert_mean_is_and_not_a_tenth_more(mmc_wait_s(workers, load * workers, 1), waits_s, rel=0.06)


@pytest.mark.theory
def test_wait_of_constant_work_is_half() -> None:
    """M/D/1: the wait is load / (2 (1 - load)) (Kleinrock 1975, I, sec. 5.7)."""
    waits_s = [mean_wait_s(1, 0.7, constant, r) for r in range(40)]

    assert_mean_is_and_not_a_tenth_more(0.7 / (2 * 0.3), waits_s, rel=0.06)


@pytest.mark.theory
def test_wait_of_constant_work_at_several_workers() -> None:
    """M/D/c: by Cosmetatos' formula, which is good to about 2 %."""
    waits_s = [mean_wait_s(4, 0.8, constant, r) for r in range(40)]

    assert_mean_is_and_not_a_tenth_more(mdc_wait_s(4, 3.2, 1), waits_s, rel=0.06)


@pytest.mark.theory
def test_wait_of_variable_work_is_pollaczek_khinchine() -> None:
    """M/G/1 with a squared variation of 4 (Kleinrock 1975, I, sec. 5.7)."""
    waits_s = [mean_wait_s(1, 0.5, gamma_cv2_4, r) for r in range(40)]

    assert_mean_is_and_not_a_tenth_more(mg1_wait_s(0.5, 1, 4), waits_s, rel=0.06)


def share_lost_at_station(workers: int, places: int, rate_per_s: float, replication: int) -> float:
    """Who finds all places taken turns away."""
    rng = np.random.default_rng([13, replication])
    arrivals = np.cumsum(rng.exponential(1 / rate_per_s, 10_000))
    station = FifoStation("onprem", workers, OPEN, log_of())
    finishes_s: list[float] = []  # heap, of all who are here
    lost = 0
    for now_s, work_s in zip(arrivals.tolist(), rng.exponential(1, 10_000).tolist(), strict=True):
        while finishes_s and finishes_s[0] <= now_s:
            heapq.heappop(finishes_s)
        if len(finishes_s) < places:
            heapq.heappush(finishes_s, station.arrive(now_s, work_s)[1])
        else:
            lost += 1
    return lost / 10_000


@pytest.mark.theory
def test_loss_at_a_bounded_queue() -> None:
    """M/M/c/K with 3 workers and 8 places (Gross et al. 2008, sec. 2.5)."""
    lost = [share_lost_at_station(3, 8, 3.0, r) for r in range(40)]

    assert_mean_is_and_not_a_tenth_more(mmck(3, 8, 3.0, 1.0).lost, lost, rel=0.06)


def pool_share_refused(slots: int, rate_per_s: float, replication: int) -> float:
    """Clients that do not wait for a connection."""
    rng = np.random.default_rng([17, replication])
    env = simpy.Environment()
    pool = Pool(env, "connections", slots, log_of())
    refused = 0

    def hold(taken: Slot, hold_s: float) -> ProcessGenerator:
        yield env.timeout(hold_s)
        pool.release(taken)

    def clients() -> ProcessGenerator:
        nonlocal refused
        for gap_s, hold_s in rng.exponential([1 / rate_per_s, 1], (3000, 2)):
            yield env.timeout(gap_s)
            taken = pool.try_take()
            if taken:
                env.process(hold(taken, hold_s))
            else:
                refused += 1

    env.process(clients())
    env.run()
    return refused / 3000


@pytest.mark.theory
def test_refusals_at_the_connection_limit_are_erlang_b() -> None:
    """M/M/c/c: 4 connections offered 3 erlangs (Gross et al. 2008, sec. 2.4)."""
    refused = [pool_share_refused(4, 3.0, r) for r in range(30)]

    assert_mean_is_and_not_a_tenth_more(erlang_b(4, 3.0), refused, rel=0.06)


SERVICE_S = (0.4, 0.8, 0.3)  # of the three stations in a row, at 1 arrival per s
WORKERS = (1, 2, 1)


def sojourns_here_s(seed: int, count: int) -> list[float]:
    """The mean time at each of three stations in a row, without the first tenth."""
    rng = np.random.default_rng([19, seed])
    arrivals = np.cumsum(rng.exponential(1, count)).tolist()
    means = []
    for workers, service_s in zip(WORKERS, SERVICE_S, strict=True):
        station = FifoStation("", workers, OPEN, log_of())
        works = rng.exponential(service_s, count).tolist()
        leave = [station.arrive(now_s, work_s)[1] for now_s, work_s in zip(arrivals, works, strict=True)]
        means.append(float(np.mean(np.subtract(leave, arrivals)[count // 10 :])))
        arrivals = sorted(leave)
    return means


def sojourns_in_ciw_s(seed: int, count: int) -> list[float]:
    """The same in Ciw."""
    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(1), None, None],
        service_distributions=[ciw.dists.Exponential(1 / service_s) for service_s in SERVICE_S],
        number_of_servers=list(WORKERS),
        routing=[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(count)
    records = [r for r in simulation.get_all_records() if r.arrival_date > count / 10]
    return [float(np.mean([r.exit_date - r.arrival_date for r in records if r.node == node])) for node in (1, 2, 3)]


@pytest.mark.theory
def test_three_stations_in_a_row_as_in_ciw() -> None:
    """Same mean time at each station within the joint interval of both, which a tenth more would leave."""
    here = np.array([sojourns_here_s(seed, 3000) for seed in range(60)])
    there = np.array([sojourns_in_ciw_s(seed, 2000) for seed in range(20)])

    for mine, theirs in zip(here.T, there.T, strict=True):
        joint_s = np.hypot(half_width(mine, 0.999), half_width(theirs, 0.999))
        assert abs(mine.mean() - theirs.mean()) <= joint_s
        assert abs(1.1 * mine.mean() - theirs.mean()) > joint_s


@pytest.mark.theory
def test_littles_law_holds_for_the_areas_of_a_log() -> None:
    """Mean queue = rate x mean wait, mean busy workers = rate x mean service (Little 1961), to rounding."""
    rng = np.random.default_rng(23)
    arrivals = np.cumsum(rng.exponential(0.3, 5000))
    log = log_of(3000)
    station = FifoStation("onprem", 4, DowntimeSchedule([(200, 300), (700, 720)]), log)
    for now_s, work_s in zip(arrivals, rng.exponential(1, 5000), strict=True):
        station.arrive(now_s, work_s)
    summary, timeline = log.summary(), log.timeline()

    rate_per_s = summary.visits / 3000
    assert timeline["queue_s"].sum() / 3000 == pytest.approx(rate_per_s * summary.mean_wait_s)
    assert timeline["busy_s"].sum() / 3000 == pytest.approx(rate_per_s * summary.mean_service_s)
    assert timeline["queue_s"].sum() / 3000 != pytest.approx(1.1 * rate_per_s * summary.mean_wait_s)


tenths = st.integers(0, 30).map(lambda n: n / 8)  # exact in binary, and often equal
mail = st.lists(st.tuples(tenths, tenths), max_size=40)
closed_times = st.lists(st.tuples(tenths, tenths).map(lambda c: (4 * c[0], 4 * c[0] + c[1])), max_size=3)


def run(
    mail: list[tuple[float, float]], workers: int | None, closed: list[tuple[float, float]] | None = None
) -> list[tuple[float, float, float]]:
    """(arrived, start, finish) of mail given as (gap, work)."""
    station = FifoStation("onprem", workers, DowntimeSchedule(closed or []), log_of())
    arrived, visits = 0.0, []
    for gap_s, work_s in mail:
        arrived += gap_s
        visits.append((arrived, *station.arrive(arrived, work_s)))
    return visits


@given(mail, st.integers(1, 4), closed_times)
def test_station_is_first_come_first_served(
    mail: list[tuple[float, float]], workers: int, closed: list[tuple[float, float]]
) -> None:
    """No negative wait, starts in order of arrival, nobody starts while closed, never too many at once."""
    visits = run(mail, workers, closed)

    downtime = DowntimeSchedule(closed)
    assert all(arrived <= start <= finish for arrived, start, finish in visits)
    assert all(one[1] <= other[1] for one, other in pairwise(visits))
    for _, start, _ in visits:
        assert downtime.is_up(start)
        assert sum(s <= start < f for _, s, f in visits) <= workers


@given(mail, st.integers(1, 4), closed_times)
def test_nobody_waits_while_a_worker_is_free(
    mail: list[tuple[float, float]], workers: int, closed: list[tuple[float, float]]
) -> None:
    """Work starts at the first open moment at which fewer than all workers have earlier work left."""
    visits = run(mail, workers, closed)

    for at, (arrived, start, _) in enumerate(visits):
        latest_finishes = sorted(finish for _, _, finish in visits[:at])[-workers:]
        worker_free = latest_finishes[0] if len(latest_finishes) == workers else arrived
        assert start == DowntimeSchedule(closed).next_up(max(arrived, worker_free))


@given(mail, st.integers(1, 4), closed_times)
def test_work_takes_its_open_time(
    mail: list[tuple[float, float]], workers: int, closed: list[tuple[float, float]]
) -> None:
    """Preempt and resume: between start and finish lie the work and the closed times, no more."""
    for (_, work_s), (_, start, finish) in zip(mail, run(mail, workers, closed), strict=True):
        still_s = sum(max(min(finish, to_s) - max(start, from_s), 0) for from_s, to_s in DowntimeSchedule(closed))
        assert finish - start == work_s + still_s


@given(mail, st.integers(1, 4), closed_times)
def test_a_worker_more_lengthens_no_wait(
    mail: list[tuple[float, float]], workers: int, closed: list[tuple[float, float]]
) -> None:
    """At one station, for the same mail, and least of all without a limit (Kiefer and Wolfowitz 1955)."""
    few, more, all_at_once = (run(mail, n, closed) for n in (workers, workers + 1, None))

    for one, other, third in zip(few, more, all_at_once, strict=True):
        assert one[1] >= other[1] >= third[1] == DowntimeSchedule(closed).next_up(third[0])


def test_stations_refuse_what_they_cannot_do() -> None:
    """Arrivals out of order, no workers at all."""
    station = FifoStation("onprem", 1, OPEN, log_of())
    station.arrive(2.0, 1.0)

    with pytest.raises(ValueError, match=r"onprem: an arrival at 1.0 s after one at 2.0 s"):
        station.arrive(1.0, 1.0)
    with pytest.raises(ValueError, match="at least one worker"):
        FifoStation("onprem", 0, OPEN, log_of())
    with pytest.raises(ValueError, match="at least one slot"):
        Pool(simpy.Environment(), "connections", 0, log_of())


def test_a_station_closed_for_good_leaves_its_mail_waiting() -> None:
    """It is counted as unfinished, and as queue to the end of the timeline."""
    log = log_of(120)
    station = FifoStation("onprem", 1, DowntimeSchedule([(30, inf)]), log)

    assert [station.arrive(t, 20.0) for t in (0.0, 15.0, 40.0)] == [(0, 20), (20, inf), (inf, inf)]
    assert log.summary().unfinished == 2
    assert log.timeline()["queue_s"].tolist() == [5 + 20, 60]
    assert log.timeline()["backlog"].tolist() == [1, 1]


class Clients:
    """Clients of a pool: each asks at a time for a key, and holds for a while."""

    def __init__(self, capacity: int | None, per_key: int | None = None) -> None:
        self.env = simpy.Environment()
        self.log = log_of(keep_visits=True)
        self.pool = Pool(self.env, "threads", capacity, self.log, per_key_capacity=per_key)
        self.served: list[tuple[int, float]] = []  # (number, when), in the order in which slots were had

    def client(self, number: int, at_s: float, hold_s: float, key: str) -> None:
        self.env.process(self._client(number, at_s, hold_s, key))

    def _client(self, number: int, at_s: float, hold_s: float, key: str) -> ProcessGenerator:
        yield self.env.timeout(at_s)
        hold = self.pool.try_take(key)
        if hold is None:
            hold = yield self.pool.request(key)
        self.served.append((number, self.env.now))
        yield self.env.timeout(hold_s)
        self.pool.release(hold)


@given(mail, st.integers(1, 4))
def test_pool_gives_the_waits_of_a_fifo_station(mail: list[tuple[float, float]], slots: int) -> None:
    """The station knows at arrival what the pool finds out, with ties and work that takes no time."""
    clients = Clients(slots)
    at_s = 0.0
    for number, (gap_s, hold_s) in enumerate(mail):
        at_s += gap_s
        clients.client(number, at_s, hold_s, "")
    clients.env.run()

    assert [when for _, when in sorted(clients.served)] == [start for _, start, _ in run(mail, slots)]
    assert sorted(map(tuple, clients.log.visits().tolist())) == sorted(run(mail, slots))


def expected_service(asks: list[tuple[float, float, str]], capacity: float, per_key: float) -> dict[int, float]:
    """When each client has its slot: the rules of a pool, by going through all waiters at every change."""
    served: dict[int, float] = {}
    waiting: list[tuple[int, str, float]] = []  # number, key, hold
    holds: list[tuple[float, str]] = []
    changes = sorted({ask[0] for ask in asks})
    while changes:
        now_s = heapq.heappop(changes)
        while changes and changes[0] == now_s:
            heapq.heappop(changes)
        holds = [h for h in holds if h[0] > now_s]
        waiting += [(n, k, h) for n, (at_s, h, k) in enumerate(asks) if at_s == now_s]
        for waiter in list(waiting):
            number, key, hold_s = waiter
            if len(holds) < capacity and sum(k == key for _, k in holds) < per_key:
                waiting.remove(waiter)
                served[number] = now_s
                holds.append((now_s + hold_s, key))
                heapq.heappush(changes, now_s + hold_s)
    return served


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.sampled_from("abc")), max_size=25),
    st.sampled_from([1, 2, 3, None]),
    st.sampled_from([1, 2, None]),
)
def test_pool_serves_by_order_of_asking_and_by_key(
    steps: list[tuple[int, str]], capacity: int | None, per_key: int | None
) -> None:
    """Against a slow search of all waiters: who is held up by its key's bound holds up nobody else.

    Times are such that no two changes coincide.
    """
    asks = [(at * 1.0, hold + 0.3 + 0.5 / (at + 3), key) for at, (hold, key) in enumerate(steps)]
    clients = Clients(capacity, per_key)
    for number, (at_s, hold_s, key) in enumerate(asks):
        clients.client(number, at_s, hold_s, key)
    clients.env.run()

    assert dict(clients.served) == pytest.approx(expected_service(asks, capacity or inf, per_key or inf))
    assert (clients.pool.in_use, clients.pool.waiting) == (0, 0)
    assert clients.log.summary().visits == len(asks)


def test_pool_with_one_busy_key_lets_others_pass() -> None:
    """Two slots, one a destination: the second for `dead` waits, the later one for `alive` does not."""
    clients = Clients(2, per_key=1)
    for number, key in enumerate(["dead", "dead", "alive"]):
        clients.client(number, float(number), 10, key)
    clients.env.run()

    assert clients.served == [(0, 0), (2, 2), (1, 10)]


def test_a_slot_is_given_back_once() -> None:
    """A second time would let one client too many in, without a word."""
    pool = Pool(simpy.Environment(), "threads", 1, log_of())
    hold = pool.try_take("b")
    assert hold is not None
    pool.release(hold)

    with pytest.raises(ValueError, match="threads: a slot for 'b' is not held"):
        pool.release(hold)


def test_pool_closes_its_books() -> None:
    """Who holds or waits at the end is in the log, as busy or queue to the end of the timeline."""
    env = simpy.Environment()
    log = log_of(120, keep_visits=True)
    pool = Pool(env, "threads", 1, log)
    pool.try_take()
    env.run(until=30)
    pool.request()
    env.run(until=100)
    pool.close()

    assert log.visits().tolist() == [[0, 0, inf], [30, inf, inf]]
    assert log.timeline()["busy_s"].tolist() == [60, 60]
    assert log.timeline()["queue_s"].tolist() == [30, 60]
    assert log.timeline()["backlog"].tolist() == [1, 1]
    assert isnan(log.summary().mean_service_s)
