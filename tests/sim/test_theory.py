"""The whole engine against queueing theory: scenarios as text, whose stations are queues with a formula.

Times are large (work of about a second) and there is no network to speak of, so that a scenario is just the queue it is meant to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ciw
import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from coexsim.analysis.theory import erlang_b, mg1_ps_sojourn_s, mmc_wait_s
from coexsim.experiment.results import Results
from coexsim.experiment.run import simulate
from coexsim.scenario.load import changed, scenario_from_text
from coexsim.scenario.model import Scenario
from coexsim.stats import half_width
from tests.engine.both import compiled
from tests.sim.loaded import loaded, run_world
from tests.sim.setups import as_text
from tests.sim.worlds import LIMITS, NARROW, ROLE, WORK, WORLDS, trouble
from tests.theory import mdc_wait_s, mg1_wait_s, mmck
from tests.theory_check import assert_mean_is_and_not_a_tenth_more

pytestmark = pytest.mark.theory

QUEUE: dict[str, Any] = {
    "coexsim": 1,
    "domain": "corporate.com",
    "sites": ["office", "internet"],
    "links": [{"between": ["office", "internet"]}],
    "dns": {"corporate.com": "@ 30d IN MX 10 mail\nmail 30d IN A 192.0.2.10"},
    "servers": {
        "onprem": {
            "kind": "postfix", "site": "office", "host": "mail.corporate.com", "smart_host": "[smtp.inotes.example]",
            "reject_unlisted_recipient": "disabled",
        },
        "external": {
            "kind": "external", "site": "internet", "domain": "otherdomain.com",
            "retry": {"first": "90 d", "expire_after": "99 d"},
        },
        "inbound": {"kind": "hosted-inbound", "site": "internet", "host": "smtp.inotes.example"},
    },
    "directory": {"population": {"onprem": 100, "hosted": 100}},
    "load": {"streams": [{"from": "internet", "to": "onprem", "rate": "1/s"}], "sizes": "1 KB"},
    "run": {"length": "100 min", "warm_up": "10 min", "drain": "0 s"},
}  # fmt: skip


def queue(*more: dict[str, Any]) -> Scenario:
    """The queue with further keys laid over it."""
    return scenario_from_text(as_text(QUEUE, *more))


def onprem(service: dict[str, Any], **capacity: Any) -> dict[str, Any]:
    return {"servers": {"onprem": {"service": service, "capacity": capacity}}}


def arriving(rate_per_s: float, to: Any = "onprem") -> dict[str, Any]:
    return {"load": {"streams": [{"from": "internet", "to": to, "rate": f"{rate_per_s}/s"}]}}


def exponential(mean_s: float = 1.0) -> dict[str, Any]:
    return {"fixed": f"{mean_s} s", "law": "exponential"}


def replications(scenario: Scenario, count: int) -> Iterator[Results]:
    """Runs of the compiled engine; its first half hour is also the reference's, with the same stages: theory holds both."""
    begin = changed(scenario, {"run.length": "30 min"})
    one, other = (simulate(begin, seed=11, engine=engine).stages for engine in ("compiled", "reference"))
    pd.testing.assert_frame_equal(one, other, rtol=1e-6, atol=1e-9)
    for number in range(count):
        yield simulate(scenario, seed=11, replication=number, engine="compiled")


def at_stage(results: Results, server: str, stage: str, column: str = "mean_wait_s") -> float:
    """A figure of one station."""
    stages = results.stages
    return float(stages.loc[(stages["server"] == server) & (stages["stage"] == stage), column].iloc[0])


def mean_waits_s(scenario: Scenario, count: int, server: str = "onprem") -> list[float]:
    return [at_stage(results, server, "cores") for results in replications(scenario, count)]


@pytest.mark.parametrize(("workers", "load"), [(1, 0.5), (3, 0.6)])
def test_mmc(workers: int, load: float) -> None:
    """Poisson mail, exponential scans on c cores: the wait is Erlang C's (Kleinrock 1975, sec. 3.5)."""
    rate = load * workers
    waits_s = mean_waits_s(queue(onprem({"scan": exponential()}, cores=workers), arriving(rate)), 24)

    assert_mean_is_and_not_a_tenth_more(mmc_wait_s(workers, rate, 1.0), waits_s, rel=0.09)


def test_mdc() -> None:
    """Constant scans on 2 cores: Cosmetatos 1975, which is within 1 % for two workers."""
    waits_s = mean_waits_s(queue(onprem({"scan": "1 s"}, cores=2), arriving(1.4)), 24)

    assert_mean_is_and_not_a_tenth_more(mdc_wait_s(2, 1.4, 1.0), waits_s, rel=0.09)


@pytest.mark.parametrize("law", [{"law": "gamma", "cv": 0.5}, {"law": "lognormal", "cv": 1.2}])
def test_mg1(law: dict[str, Any]) -> None:
    """One core with scans of any law: Pollaczek and Khinchine (Kleinrock 1975, sec. 5.6)."""
    scenario = queue(onprem({"scan": {"fixed": "1 s", **law}}, cores=1), arriving(0.4), {"run": {"length": "4 h"}})
    waits_s = mean_waits_s(scenario, 44)

    assert_mean_is_and_not_a_tenth_more(mg1_wait_s(0.4, 1.0, law["cv"] ** 2), waits_s, rel=0.099)


def lost_share(results: Results, stage: str) -> float:
    refused, let_in = (
        at_stage(results, "onprem", "connections", "refused"),
        at_stage(results, "onprem", stage, "visits"),
    )
    return refused / (refused + let_in)


def test_loss_at_the_connection_limit() -> None:
    """Sessions of exponential length, 3 connections, 421 when they are taken and no second try: Erlang B (M/M/c/c)."""
    scenario = queue(onprem({"accept": exponential()}, smtp_connections=3, when_full="refuse"), arriving(2.0))
    lost = [lost_share(results, "connections") for results in replications(scenario, 10)]

    assert_mean_is_and_not_a_tenth_more(erlang_b(3, 2.0), lost, rel=0.09)


def test_loss_at_a_full_queue() -> None:
    """Room for 6 messages, 2 of them at work, 452 when it is full and no second try: M/M/2/6."""
    scenario = queue(onprem({"scan": exponential()}, cores=2, queue_length=6), arriving(2.0))
    runs = list(replications(scenario, 14))
    expected = mmck(2, 6, 2.0, 1.0)

    assert_mean_is_and_not_a_tenth_more(expected.lost, [lost_share(r, "cores") for r in runs], rel=0.09)
    assert_mean_is_and_not_a_tenth_more(expected.wait_s, [at_stage(r, "onprem", "cores") for r in runs], rel=0.09)


@pytest.mark.slow
def test_jackson_network_with_feedback() -> None:
    """Three of ten messages are for nobody: taken, then bounced, and the notice queues again here and at the sender's server.

    Exponential work and Poisson mail from outside: each station is an M/M/c queue of its own (Jackson 1957; Kelly 1979 for fixed
    routes), with the rates that the routes give: the sender's server sees a message and a bounce, so 1.3 times the mail, and so does
    the on-premises server.
    """
    at_sender = {"servers": {"external": {"service": {"scan": exponential(0.5)}, "capacity": {"cores": 1}}}}
    scenario = queue(
        onprem({"scan": exponential()}, cores=2),
        arriving(0.9, {"onprem": 7, "unknown": 3}),
        at_sender,
        {"run": {"length": "4 h"}},
    )
    runs = list(replications(scenario, 20))

    onprem_s, sender_s = ([at_stage(r, server, "cores") for r in runs] for server in ("onprem", "external"))
    assert_mean_is_and_not_a_tenth_more(mmc_wait_s(2, 1.17, 1.0), onprem_s, rel=0.09)
    assert_mean_is_and_not_a_tenth_more(mmc_wait_s(1, 1.17, 0.5), sender_s, rel=0.099)


@pytest.mark.parametrize("sizes", [{"1 KB": 1}, {"500 B": 8, "3 KB": 2}])
def test_time_on_a_shared_link_does_not_depend_on_the_law_of_sizes(sizes: dict[str, int]) -> None:
    """Transfers that share a link: the mean is M/G/1-PS's, for any sizes of the same mean (Kleinrock 1976, sec. 4.4)."""
    link = {"links": [{"between": ["office", "internet"], "bandwidth": "8 kbit/s"}]}
    scenario = queue(link, arriving(0.6), {"load": {"sizes": sizes}})
    times_s = [at_stage(r, "internet to office", "link", "mean_service_s") for r in replications(scenario, 24)]

    assert_mean_is_and_not_a_tenth_more(mg1_ps_sojourn_s(0.6, 1.0), times_s, rel=0.09)


CURVE = (1, 1, 1, 1, 2, 3, 5, 9, 14, 16, 12, 8, 6, 7, 12, 15, 11, 8, 5, 4, 3, 2, 1, 1)


def test_mail_comes_as_a_poisson_process_that_changes_with_the_hour() -> None:
    """Counts per hour of 20 days: their squared distances from the day curve are chi-square's; from another curve, not."""
    load = {
        "load": {"streams": [], "sent_per_mailbox": "20/day", "internal_share": "100 %", "day_curve": list(CURVE)},
        "directory": {"population": {"onprem": 100, "hosted": 0}},
        "run": {"length": "24 h", "warm_up": "0 s"},
    }
    scenario = queue(onprem({"scan": "1 ms"}), load)
    counts = np.array([_arrivals_per_hour(results) for results in replications(scenario, 20)])
    expected = 2000 * np.array(CURVE) / sum(CURVE)

    def distance(curve: Any) -> float:
        return float(((counts - curve) ** 2 / curve).sum())

    low, high = (float(chi2.ppf(share, counts.size)) for share in (5e-5, 1 - 5e-5))
    assert low < distance(expected) < high
    assert distance(np.roll(expected, 1)) > high
    assert distance(1.1 * expected) > high


def _arrivals_per_hour(results: Results) -> list[float]:
    timeline = results.timeline
    cores = timeline[(timeline["server"] == "onprem") & (timeline["stage"] == "cores")]
    counts: list[float] = cores.groupby(cores["minute"] // 60)["arrivals"].sum().tolist()
    return counts


def test_little_at_every_station() -> None:
    """At every station of loaded and troubled worlds the area under the queue is the sum of the waits, and so for those served.

    Of the compiled engine, whose tables of the same worlds are the reference's to the last bit (``tests/engine``).
    """
    worlds = [*WORLDS.values(), (WORK, LIMITS, NARROW, ROLE, trouble(down=["inotes-inbound", "office-internet"]))]
    stations = 0
    for keys in worlds:
        stations += _little(compiled(loaded("domino", *keys)))

    assert stations > 150


def _little(results: Results) -> int:
    timeline, visits = results.timeline, results.visits
    here = 0
    for (server, stage), rows in visits.groupby(["server", "stage"], observed=True):
        lines = timeline[(timeline["server"] == server) & (timeline["stage"] == stage)]
        if stage == "link" or lines.empty:
            continue
        arrived, started, finished = (
            _within(rows[c], results.length_s) for c in ("arrived_s", "started_s", "finished_s")
        )
        assert 60 * lines["queue"].sum() == pytest.approx((started - arrived).sum(), rel=1e-6, abs=1e-4), (
            server,
            stage,
        )
        assert 60 * lines["busy"].sum() == pytest.approx((finished - started).sum(), rel=1e-6, abs=1e-4), (
            server,
            stage,
        )
        assert (started >= arrived).all()
        assert (finished >= started).all()
        here += 1
    return here


def _within(times_s: pd.Series, length_s: float) -> Any:
    return np.minimum(times_s.to_numpy(), length_s)


WORKERS, SERVICE_S, HOSTED = (1, 2, 2), (0.5, 1.0, 1.5), 0.6
RATE = 1.0


@pytest.mark.slow
def test_three_stations_with_branches_as_in_ciw() -> None:
    """Sender's server, on-premises server, and for six in ten the hosted side: the same times as Ciw's, which a tenth more would leave."""
    work = {
        name: {"service": {"scan": exponential(service_s)}, "capacity": {"cores": workers}}
        for name, workers, service_s in zip(("external", "onprem", "inbound"), WORKERS, SERVICE_S, strict=True)
    }
    scenario = queue({"servers": work}, arriving(RATE, {"onprem": 4, "hosted": 6}), {"run": {"length": "3 h"}})
    here = np.array([[_sojourn_s(r, name) for name in work] for r in replications(scenario, 14)])
    there = np.array([_sojourns_in_ciw_s(seed) for seed in range(16)])

    for mine, theirs in zip(here.T, there.T, strict=True):
        joint_s = np.hypot(half_width(mine, 0.999), half_width(theirs, 0.999))
        assert abs(mine.mean() - theirs.mean()) <= joint_s
        assert abs(1.1 * mine.mean() - theirs.mean()) > joint_s


def _sojourn_s(results: Results, server: str) -> float:
    return at_stage(results, server, "cores") + at_stage(results, server, "cores", "mean_service_s")


def _sojourns_in_ciw_s(seed: int, customers: int = 3500) -> list[float]:
    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(RATE), None, None],
        service_distributions=[ciw.dists.Exponential(1 / s) for s in SERVICE_S],
        number_of_servers=list(WORKERS),
        routing=[[0.0, 1.0, 0.0], [0.0, 0.0, HOSTED], [0.0, 0.0, 0.0]],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(customers)
    records = [r for r in simulation.get_all_records() if r.arrival_date > 600]
    return [float(np.mean([r.exit_date - r.arrival_date for r in records if r.node == node])) for node in (1, 2, 3)]


def test_more_cores_never_lengthen_a_wait() -> None:
    """The same mail at one FIFO station: with a core more, nobody waits longer."""

    def waits(cores: int) -> Any:
        scenario = queue(onprem({"scan": exponential()}, cores=cores), arriving(2.5))
        visits = run_world(scenario, keep_visits=True)[1].visits
        at_cores = visits[(visits["server"] == "onprem") & (visits["stage"] == "cores")]
        return (at_cores["started_s"] - at_cores["arrived_s"]).to_numpy()

    three, four = waits(3), waits(4)

    assert (four <= three + 1e-9).all()
    assert three.mean() > 2 * four.mean()
