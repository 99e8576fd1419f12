"""Several workers with work of other laws than exponential and constant, and losses: the engine against exact Markov chains."""

from __future__ import annotations

from typing import Any

import pytest

from coexsim.analysis.theory import mg1_ps_sojourn_s, mmc_wait_s
from tests.sim.phase_queue import Phases, erlang, hyperexponential, mean_wait_s
from tests.sim.test_theory import (
    arriving,
    at_stage,
    exponential,
    lost_share,
    mean_waits_s,
    onprem,
    queue,
    replications,
)  # fmt: skip
from tests.theory import mg1_wait_s, mmck
from tests.theory_check import assert_mean_is_and_not_a_tenth_more

pytestmark = pytest.mark.theory


@pytest.mark.parametrize(
    ("workers", "rate", "work", "expected_s"),
    [
        (2, 1.4, erlang(1, 1.0), mmc_wait_s(2, 1.4, 1.0)),
        (1, 0.4, erlang(4, 1.0), mg1_wait_s(0.4, 1.0, 0.25)),
        (1, 0.4, hyperexponential(1.5, 1.0), mg1_wait_s(0.4, 1.0, 2.25)),
    ],
)
def test_the_chain_gives_the_known_waits(workers: int, rate: float, work: Phases, expected_s: float) -> None:
    """Where formulas are exact the chain gives their values: Erlang C, and Pollaczek and Khinchine; a tenth more is another value."""
    found_s = mean_wait_s(workers, rate, work)

    assert found_s == pytest.approx(expected_s, rel=1e-9)
    assert found_s != pytest.approx(1.1 * expected_s, rel=1e-2)


@pytest.mark.parametrize(
    ("law", "rate", "work", "count"),
    [
        ({"law": "gamma", "cv": 0.5}, 1.4, erlang(4, 1.0), 24),
        ({"law": "hyperexponential", "cv": 1.5}, 1.2, hyperexponential(1.5, 1.0), 40),
    ],
    ids=["M/E4/2", "M/H2/2"],
)
def test_two_workers_with_work_in_phases(law: dict[str, Any], rate: float, work: Phases, count: int) -> None:
    """Scans of two cores whose times vary less and more than exponential ones: the chain's mean wait, and not a tenth more."""
    scenario = queue(onprem({"scan": {"fixed": "1 s", **law}}, cores=2), arriving(rate), {"run": {"length": "4 h"}})

    assert_mean_is_and_not_a_tenth_more(mean_wait_s(2, rate, work), mean_waits_s(scenario, count), rel=0.09)


def test_loss_with_more_places_than_workers() -> None:
    """Three cores and room for nine messages at 90 % load, 452 when it is full and no second try: M/M/3/9, lost share and wait."""
    scenario = queue(
        onprem({"scan": exponential()}, cores=3, queue_length=9), arriving(2.7), {"run": {"length": "4 h"}}
    )
    runs = list(replications(scenario, 14))
    expected = mmck(3, 9, 2.7, 1.0)

    assert_mean_is_and_not_a_tenth_more(expected.lost, [lost_share(r, "cores") for r in runs], rel=0.09)
    assert_mean_is_and_not_a_tenth_more(expected.wait_s, [at_stage(r, "onprem", "cores") for r in runs], rel=0.09)


def test_a_shared_link_at_high_load() -> None:
    """Processor sharing at 80 % load with two sizes: M/G/1-PS's mean (Kleinrock 1976, sec. 4.4)."""
    link = {"links": [{"between": ["office", "internet"], "bandwidth": "8 kbit/s"}], "run": {"length": "6 h"}}
    scenario = queue(link, arriving(0.8), {"load": {"sizes": {"500 B": 8, "3 KB": 2}}})
    times_s = [at_stage(r, "internet to office", "link", "mean_service_s") for r in replications(scenario, 20)]

    assert_mean_is_and_not_a_tenth_more(mg1_ps_sojourn_s(0.8, 1.0), times_s, rel=0.09)
