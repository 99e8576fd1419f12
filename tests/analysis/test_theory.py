"""Closed forms, held against published numbers and against what can be worked out in another way."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import exp, factorial, inf, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy import stats as distributions

from coexsim.analysis.theory import (
    allen_cunneen_wait_s,
    erlang_b,
    erlang_c,
    hairpin_share,
    mg1_ps_sojourn_s,
    mmc_wait_s,
    wait_quantile_s,
    workers_needed,
)
from tests.theory import mail_rates, mdc_wait_s, mg1_wait_s, mmck

WORKERS = st.integers(1, 60)
LOAD = st.floats(0.01, 0.99)


# --- one station ---------------------------------------------------------------------------------------


@pytest.mark.theory
@pytest.mark.parametrize(("servers", "wait_s"), [(4, 147), (5, 3.1), (6, 0.81)])
def test_waits_of_the_spam_farm(servers: int, wait_s: float) -> None:
    """N. Gunther's spam farm, modelled with PDQ: 2376 messages/h, 6 s each.

    The figures are times spent waiting: with its 6 s of service, mail stays 153, 9.1 and 6.8 s.
    """
    assert mmc_wait_s(servers, 2376 / 3600, 6) == pytest.approx(wait_s, rel=0.005)
    assert mmc_wait_s(servers, 1.01 * 2376 / 3600, 6) != pytest.approx(wait_s, rel=0.005), "the test can say no"


@pytest.mark.parametrize(
    ("workers", "offered", "lost"),
    [
        (1, 0.0101, 0.01),
        (5, 1.36, 0.01),
        (10, 4.46, 0.01),
        (20, 12.0, 0.01),
        (50, 37.9, 0.01),
        (100, 84.1, 0.01),
    ],
)
def test_erlang_b_is_the_printed_table(workers: int, offered: float, lost: float) -> None:
    """Trunks, erlangs and 1 % loss, as in every printed Erlang B table (three digits of the load)."""
    assert erlang_b(workers, offered) == pytest.approx(lost, rel=0.025)
    assert erlang_b(workers, 1.05 * offered) != pytest.approx(lost, rel=0.025), "the test can say no"


@given(workers=WORKERS, load=LOAD)
def test_erlang_formulas_are_their_sums(workers: int, load: float) -> None:
    """Kleinrock 1975, sec. 3.5 and 3.7, summed exactly with fractions."""
    a = Fraction(load) * workers
    terms = [a**k / factorial(k) for k in range(workers + 1)]
    queued = terms[-1] / (1 - a / workers)

    assert erlang_b(workers, load * workers) == pytest.approx(float(terms[-1] / sum(terms)), rel=1e-9)
    assert erlang_c(workers, load * workers) == pytest.approx(float(queued / (sum(terms[:-1]) + queued)), rel=1e-9)


def test_erlang_formulas_hold_for_thousands_of_workers() -> None:
    """5000 workers at 4900 erlangs: Erlang B as a ratio of Poisson probabilities; no overflow on the way."""
    poisson = distributions.poisson(4900)

    assert erlang_b(5000, 4900) == pytest.approx(poisson.pmf(5000) / poisson.cdf(5000), rel=1e-9)
    assert 0 < erlang_c(5000, 4900) < 1


@given(workers=WORKERS, load=st.floats(0.01, 0.98))
def test_more_workers_wait_less_and_more_load_waits_more(workers: int, load: float) -> None:
    """Monotone both ways."""
    rate = load * workers

    assert mmc_wait_s(workers + 1, rate, 1) < mmc_wait_s(workers, rate, 1) < mmc_wait_s(workers, rate * 1.01, 1)


def test_what_cannot_keep_up_waits_for_ever() -> None:
    """At one erlang a worker or more every wait is infinite, and all wait; without load nobody does."""
    for rate in (2.0, 2.5):
        assert erlang_c(2, rate) == 1
        assert mmc_wait_s(2, rate, 1) == wait_quantile_s(2, rate, 1, 0.5) == mdc_wait_s(2, rate, 1) == inf
        assert allen_cunneen_wait_s(2, rate, 1, 0, 0) == wait_quantile_s(2, rate, 1, 0, 0, 0) == inf
    assert mg1_wait_s(1, 1, 0) == mg1_ps_sojourn_s(1, 1) == inf
    assert mmc_wait_s(2, 0, 1) == mdc_wait_s(2, 0, 1) == wait_quantile_s(2, 0, 1, 0.99) == erlang_c(2, 0) == 0
    assert mmc_wait_s(0, 1, 1) == inf
    assert erlang_b(0, 1) == 1


@pytest.mark.parametrize(("workers", "offered"), [(-1, 1.0), (1, -0.1), (1, float("nan"))])
def test_nonsense_is_refused(workers: int, offered: float) -> None:
    """Less than nothing, or no number at all, is a mistake of the caller."""
    with pytest.raises(ValueError, match="erlangs"):
        erlang_c(workers, offered)
    with pytest.raises(ValueError, match="probability"):
        wait_quantile_s(1, 0.5, 1, 95)


@given(workers=st.integers(1, 20), load=LOAD, probability=st.floats(0, 0.999))
def test_wait_quantile_is_where_the_tail_says(workers: int, load: float, probability: float) -> None:
    """P(wait > t) = C exp(-(c - a) t) is 1 - p at the quantile, or C is less than that and the quantile 0."""
    a = load * workers
    wait_s = wait_quantile_s(workers, a, 1, probability)
    tail = erlang_c(workers, a) * exp(-(workers - a) * wait_s)

    assert tail == pytest.approx(1 - probability) if wait_s > 0 else tail <= 1 - probability


def test_the_mean_wait_is_the_integral_of_the_quantiles() -> None:
    """Quantile and mean come from one distribution: the quantiles' average is the mean."""
    mean_s = integrate.quad(lambda p: wait_quantile_s(3, 2.4, 1, p), 0, 1, limit=200)[0]

    assert mean_s == pytest.approx(mmc_wait_s(3, 2.4, 1), rel=1e-6)


def test_wait_at_one_worker_is_pollaczek_khinchine() -> None:
    """Constant work waits half as long as exponential: at 80 % 2 s and 4 s; Allen and Cunneen agree."""
    assert mg1_wait_s(0.8, 1, 0) == pytest.approx(2)
    assert mg1_wait_s(0.8, 1, 1) == pytest.approx(4)
    assert mg1_wait_s(0.8, 1, 5) == pytest.approx(0.8 * 6 / (2 * 0.2))
    assert allen_cunneen_wait_s(1, 0.8, 1, service_cv2=5) == mg1_wait_s(0.8, 1, 5)
    assert allen_cunneen_wait_s(4, 3, 1) == mmc_wait_s(4, 3, 1)
    assert mdc_wait_s(1, 0.8, 1) == mg1_wait_s(0.8, 1, 0)


def exact_mdc_wait_s(workers: int, rate_per_s: float) -> float:
    """M/D/c, 1 s each: in a second all in service leave and a Poisson number comes."""
    size = 400
    arrivals = distributions.poisson(rate_per_s).pmf(np.arange(size))
    step = np.array([np.concatenate([np.zeros(left), arrivals[: size - left]]) for left in range(size)])
    present = step[0]
    for _ in range(2000):
        folded = np.concatenate([[present[: workers + 1].sum()], present[workers + 1 :], np.zeros(workers)])
        present = folded @ step
    return float(np.maximum(np.arange(size) - workers, 0) @ present) / rate_per_s


@pytest.mark.theory
@pytest.mark.parametrize(("workers", "load"), [(1, 0.8), (2, 0.7), (4, 0.8), (8, 0.9)])
def test_wait_with_constant_service(workers: int, load: float) -> None:
    """Cosmetatos' formula against the exact chain; it is nearer to it than Allen and Cunneen's."""
    exact_s = exact_mdc_wait_s(workers, load * workers)

    assert mdc_wait_s(workers, load * workers, 1) == pytest.approx(exact_s, rel=0.02)
    if workers > 1:
        assert allen_cunneen_wait_s(workers, load * workers, 1, service_cv2=0) < 0.985 * exact_s


@pytest.mark.parametrize(
    ("workers", "places", "rate", "service"),
    [(1, 1, 2.0, 1.0), (1, 5, 0.5, 1.0), (3, 7, 4.0, 0.9), (2, 3, 30.0, 1.0)],
)
def test_limited_places_are_the_balance_of_states(workers: int, places: int, rate: float, service: float) -> None:
    """M/M/c/K by fractions: the n-th mail weighs a / min(n, c); Little's law gives the wait."""
    weights = [Fraction(1)]
    for n in range(1, places + 1):
        weights.append(weights[-1] * Fraction(rate) * Fraction(service) / min(n, workers))
    share = [w / sum(weights) for w in weights]
    waiting = sum(max(n - workers, 0) * p for n, p in enumerate(share))

    queue = mmck(workers, places, rate, service)

    assert queue.lost == pytest.approx(float(share[-1]))
    assert queue.wait_s == pytest.approx(float(waiting / (Fraction(rate) * (1 - share[-1]))))


def test_limited_places_between_loss_and_waiting() -> None:
    """No room to wait is Erlang B; all the room in the world is Erlang C; overload loses what is too much."""
    assert mmck(7, 7, 5, 1).lost == pytest.approx(erlang_b(7, 5))
    assert mmck(7, 7, 5, 1).wait_s == 0
    assert mmck(7, 3000, 5, 1).wait_s == pytest.approx(mmc_wait_s(7, 5, 1))
    assert mmck(10, 5000, 20, 1).lost == pytest.approx(0.5)
    assert mmck(10, 5000, 0, 1) == (0, 0)
    with pytest.raises(ValueError, match="places"):
        mmck(3, 2, 1, 1)


def test_sharing_is_fair() -> None:
    """At 75 % each piece takes four times its own work, and all together as long as an M/M/1 queue."""
    assert mg1_ps_sojourn_s(0.75, 1) == pytest.approx(mmc_wait_s(1, 0.75, 1) + 1) == 4
    assert mg1_ps_sojourn_s(0.75, 1, own_service_s=0.1) == pytest.approx(0.4)


@given(
    rate=st.floats(0.01, 300),
    service=st.floats(0.01, 3),
    limit=st.sampled_from([{"mean_wait_s": 0.1}, {"quantile_wait_s": 1.0}, {"utilisation": 0.7}, {}]),
    cv2=st.floats(0, 4),
)
def test_workers_needed_are_enough_and_one_less_is_not(
    rate: float, service: float, limit: dict[str, float], cv2: float
) -> None:
    """Every limit holds with the answer, and one of them fails with a worker less."""

    def holds(workers: int) -> bool:
        return (
            rate * service < workers
            and rate * service <= limit.get("utilisation", 1) * workers * (1 + 1e-12)
            and allen_cunneen_wait_s(workers, rate, service, 1, cv2) <= limit.get("mean_wait_s", inf)
            and wait_quantile_s(workers, rate, service, 0.95, 1, cv2) <= limit.get("quantile_wait_s", inf)
        )

    needed = workers_needed(rate, service, service_cv2=cv2, **limit)

    assert holds(needed)
    assert needed == 1 or not holds(needed - 1)


def test_workers_needed_by_the_spam_farm() -> None:
    """Mean waits of 147, 3.1 and 0.81 s for 4, 5 and 6: a wait below 10 s takes 5, below 1 s takes 6."""
    rate = 2376 / 3600

    assert workers_needed(rate, 6) == 4
    assert workers_needed(rate, 6, mean_wait_s=10) == 5
    assert workers_needed(rate, 6, mean_wait_s=1) == 6
    assert workers_needed(7, 1, utilisation=0.7) == 10
    assert workers_needed(0, 1) == 1
    with pytest.raises(ValueError, match="reach what is asked"):
        workers_needed(1, 1, utilisation=0)


# --- mail while a domain is shared -----------------------------------------------------------------------


def test_a_worked_example_of_a_shared_domain() -> None:
    """20,000 users, half of them hosted, 71.4 received a day, 63 % internal, 12 % in the busiest hour.

    17.6/s from the Internet and 30/s internal make 32.6/s received and 23.8/s sent on; at 75 KB 2.4
    and 1.8 MB/s.
    """
    received_per_day = 20_000 * 71.4
    internal = 0.63 * received_per_day * 0.12 / 3600
    internet = 0.37 * received_per_day * 0.12 / 3600

    rates = mail_rates(0.5, internal, internet, 0, 75_000)

    assert internal == pytest.approx(30.0, abs=0.05)
    assert internet == pytest.approx(17.6, abs=0.05)
    assert rates.received_per_s == pytest.approx(32.6, abs=0.05)
    assert rates.to_smart_host_per_s == pytest.approx(23.8, abs=0.05)
    assert rates.link_in_bytes_per_s == pytest.approx(2.4e6, rel=0.03)
    assert rates.link_out_bytes_per_s == pytest.approx(1.8e6, rel=0.03)


@given(h=st.floats(0, 1), n=st.floats(0, 99), x=st.floats(0, 99), y=st.floats(0, 99), centralised=st.booleans())
def test_mail_rates_count_each_kind_of_pair(h: float, n: float, x: float, y: float, centralised: bool) -> None:
    """Summed over who writes to whom: each pair's share of the mail, times its transactions at the server."""
    o = 1 - h
    transactions = (
        n * (o * o * 0 + o * h * 1 + h * o * 1 + h * h * 2)  # internal; the round trip comes in and goes out
        + x * (o * 1 + h * 2)  # from the Internet
        + y * (o * 1 + h * (2 if centralised else 0))  # to the Internet
    )
    rates = mail_rates(h, n, x, y, 10, centralised=centralised)

    assert rates.transactions_per_s == pytest.approx(transactions)
    assert rates.link_in_bytes_per_s + rates.link_out_bytes_per_s == pytest.approx(10 * transactions)
    assert hairpin_share(h) == h * h


def test_all_on_premises_and_all_hosted() -> None:
    """Nobody hosted: only Internet mail, as internal mail needs no SMTP. All hosted: all comes and goes."""
    assert mail_rates(0, 30, 17, 12).transactions_per_s == 17 + 12
    assert mail_rates(1, 30, 17, 12).transactions_per_s == 2 * (30 + 17)
    assert mail_rates(0.5, 30, 0, 0).transactions_per_s == 30  # break-even: one transaction per internal message


def test_waits_grow_without_bound_towards_full_load() -> None:
    """From 90 to 99.99 % each step of ten times less spare capacity waits about ten times as long."""
    waits_s = [mmc_wait_s(8, 8 * (1 - 10.0**-k), 1) for k in (1, 2, 3, 4)]

    assert all(9 < b / a < 16 for a, b in pairwise(waits_s))
    assert log(waits_s[-1]) < log(1 / (8 * 1e-4)) + 1e-9
