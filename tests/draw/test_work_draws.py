"""Work is drawn by mail, stage and attempt: the laws are right, and the two ways of drawing give the same bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coexsim.draw.work_draws import WorkDraws
from coexsim.scenario.base import Work
from tests.theory_check import assert_mean_is_and_not_a_tenth_more

LAWS = {
    "constant": {"fixed": "40 ms", "per_MB": "20 ms"},
    "exponential": {"fixed": "40 ms", "law": "exponential"},
    "hyperexponential": {"fixed": "40 ms", "law": "hyperexponential", "cv": 2.0},
    "gamma": {"fixed": "40 ms", "per_MB": "20 ms", "law": "gamma", "cv": 0.7},
    "lognormal": {"fixed": "60 ms", "per_MB": "20 ms", "cv": 1.2},
    "empirical": {"values": ["20 ms", "80 ms", "50 ms"], "weights": [2, 1, 1]},
    "slow": {"fixed": "10 ms", "law": "exponential", "slow": {"share": "2 %", "shortest": "1 s", "longest": "3 s"}},
}
CV = {"constant": 0.0, "exponential": 1.0, "hyperexponential": 2.0, "gamma": 0.7, "lognormal": 1.2}


def draws(law: str, purpose: str = "onprem/scan", replication: int = 0) -> WorkDraws:
    return WorkDraws(Work.from_data(LAWS[law]), 5, replication, purpose)


@pytest.mark.parametrize("law", LAWS)
def test_one_and_block_give_the_same_bits(law: str) -> None:
    """What is drawn for a whole block, for a part of it, and for one mail at its first attempt is the same to the last bit."""
    n, first = 5_000, 1_000_003
    sizes = np.random.default_rng(1).integers(500, 30_000_000, n)

    block = draws(law).block(first, n, sizes)

    assert block.dtype == np.float64
    assert block.shape == (n,)
    assert [draws(law).one(first + k, 0, int(size)) for k, size in enumerate(sizes)] == block.tolist()
    assert np.array_equal(draws(law).block(first + 1237, 41, sizes[1237:1278]), block[1237:1278])


@settings(max_examples=200, deadline=None)
@given(
    law=st.sampled_from(sorted(LAWS)),
    mail=st.integers(0, 2**40),
    size=st.integers(1, 10**9),
    width=st.integers(1, 9),
)
def test_one_mails_work_does_not_depend_on_its_neighbours(law: str, mail: int, size: int, width: int) -> None:
    """Any mail number, any size, any block around it."""
    block = draws(law).block(mail, width, np.full(width, size))

    assert draws(law).one(mail + width - 1, 0, size) == block[-1]
    assert block.min() >= 0


@pytest.mark.parametrize("law", LAWS)
def test_mean_work_is_what_the_scenario_says(law: str) -> None:
    """The mean is `Work.mean_s`; known to 3 %, false alarm 1e-4, and a mean 10 % off is refused."""
    n, size = 200_000, 2_000_000
    expected_s = Work.from_data(LAWS[law]).mean_s(size)

    runs = [float(draws(law, replication=r).block(0, n, np.full(n, size)).mean()) for r in range(16)]

    if law == "constant":
        assert runs == pytest.approx([expected_s] * 16, rel=1e-12)
    else:
        assert_mean_is_and_not_a_tenth_more(expected_s, runs, rel=0.03)


@pytest.mark.parametrize(("law", "cv"), CV.items())
def test_variation_is_what_the_scenario_says(law: str, cv: float) -> None:
    """Standard deviation over mean, to 3 % at 400,000 draws."""
    work_s = draws(law).block(0, 400_000, np.full(400_000, 1_000_000))

    assert work_s.std() / work_s.mean() == pytest.approx(cv, rel=0.03, abs=1e-12)


def test_listed_work_takes_its_values_by_their_weights() -> None:
    """20 ms half of the time, 50 and 80 ms a quarter each: within 5 standard deviations, and no other value."""
    values, counts = np.unique(draws("empirical").block(0, 40_000, np.ones(40_000, np.int64)), return_counts=True)

    assert values.tolist() == [0.02, 0.05, 0.08]
    assert np.all(np.abs(counts - [20_000, 10_000, 10_000]) < 5 * 100)


def test_attempts_stages_and_replications_have_draws_of_their_own() -> None:
    """A retry is other work; so is another stage and another replication. The same question has the same answer."""
    first = draws("lognormal").one(17, 0, 1000)

    others = [
        draws("lognormal").one(17, 1, 1000),
        draws("lognormal").one(18, 0, 1000),
        draws("lognormal", purpose="onprem/archive").one(17, 0, 1000),
        draws("lognormal", replication=1).one(17, 0, 1000),
    ]

    assert first == draws("lognormal").one(17, 0, 1000)
    assert len({first, *others}) == 5
