"""Closed forms of queueing theory, and of mail flow while a domain is shared: what needs no clock.

Loads are in erlangs (arrival rate times mean service), times in seconds, rates per second. The squared
coefficient of variation (variance over squared mean) is 0 for a constant, 1 for an exponential time. **A
station that cannot keep up has an infinite wait**: no function here raises for that. A mistake in the
arguments is a `ValueError`.

Sources: Kleinrock, "Queueing Systems", vol. I 1975; Gross, Shortle, Thompson, Harris, "Fundamentals of
Queueing Theory", 4th ed. 2008; Allen, "Probability, Statistics, and Queueing Theory", 2nd ed. 1990.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf, log

MOST_WORKERS = 1_000_000


# --- one station ----------------------------------------------------------------------------------


def erlang_b(workers: int, offered: float) -> float:
    """The share of arrivals lost where nobody waits (M/G/c/c), at `offered` erlangs.

    By the recursion over c, stable for thousands of workers: Gross et al. 2008, sec. 2.6.
    """
    _check(workers, offered)
    lost = 1.0
    for c in range(1, workers + 1):
        lost = offered * lost / (c + offered * lost)
    return lost


def erlang_c(workers: int, offered: float) -> float:
    """The share of arrivals that wait (M/M/c), at `offered` erlangs; 1 where the station cannot keep up.

    From Erlang B: Gross et al. 2008, sec. 2.3 and 2.6; Kleinrock 1975, sec. 3.5.
    """
    _check(workers, offered)
    if offered >= workers:
        return 1.0
    lost = erlang_b(workers, offered)
    return lost / (1 - offered / workers * (1 - lost))


def mmc_wait_s(workers: int, rate_per_s: float, service_s: float) -> float:
    """The mean time an M/M/c arrival waits before its service begins, those that do not wait included."""
    offered = rate_per_s * service_s
    waits = erlang_c(workers, offered)
    return waits * service_s / (workers - offered) if offered < workers else inf


def allen_cunneen_wait_s(
    workers: int, rate_per_s: float, service_s: float, arrival_cv2: float = 1, service_cv2: float = 1
) -> float:
    """The approximate mean wait at any station (G/G/c): M/M/c's times the mean of the two squared variations.

    Exact for M/M/c and M/G/1, good under heavy load: Allen 1990, sec. 5.3. Too low where service varies
    little, load is light and workers are many: with constant service at 70 % by 10 % for 8 workers and by 24
    % for 32.
    """
    wait_s = mmc_wait_s(workers, rate_per_s, service_s)
    return wait_s * (arrival_cv2 + service_cv2) / 2 if wait_s < inf else inf


def wait_quantile_s(
    workers: int,
    rate_per_s: float,
    service_s: float,
    probability: float,
    arrival_cv2: float = 1,
    service_cv2: float = 1,
) -> float:
    """The wait that a share `probability` of arrivals does not exceed; exact for M/M/c, else approximate.

    Who waits at all waits an exponential time whose mean is Allen and Cunneen's: Allen 1990, sec. 5.3.
    """
    if not 0 <= probability < 1:
        raise ValueError(f"a quantile's probability lies in [0, 1), not at {probability}")
    offered = rate_per_s * service_s
    if offered >= workers:
        return inf
    waits = erlang_c(workers, offered)
    if waits <= 1 - probability:  # so many find a free worker
        return 0.0
    mean_of_waiters_s = service_s / (workers - offered) * (arrival_cv2 + service_cv2) / 2
    return mean_of_waiters_s * log(waits / (1 - probability))


def mg1_ps_sojourn_s(rate_per_s: float, service_s: float, own_service_s: float | None = None) -> float:
    """The mean time in a server or link that all share alike (M/G/1-PS), for work of `own_service_s`.

    Independent of the distribution of work, and for each piece in proportion to it: Kleinrock, vol. II 1976,
    sec. 4.4.
    """
    own_s = service_s if own_service_s is None else own_service_s
    load = rate_per_s * service_s
    return own_s / (1 - load) if load < 1 else inf


def workers_needed(
    rate_per_s: float,
    service_s: float,
    *,
    mean_wait_s: float = inf,
    quantile_wait_s: float = inf,
    quantile: float = 0.95,
    utilisation: float = 1.0,
    arrival_cv2: float = 1,
    service_cv2: float = 1,
) -> int:
    """The fewest workers that keep up and whose wait and utilisation are at most what is asked.

    `mean_wait_s` bounds the mean wait, `quantile_wait_s` the wait at `quantile`, `utilisation` the share of
    time that workers are busy; what is not given does not bind. Raises ValueError where more than a million
    are needed.
    """
    offered = rate_per_s * service_s
    variation = {"arrival_cv2": arrival_cv2, "service_cv2": service_cv2}

    def is_enough(workers: int) -> bool:
        return (
            offered < workers
            and offered <= utilisation * workers * (1 + 1e-12)
            and allen_cunneen_wait_s(workers, rate_per_s, service_s, **variation) <= mean_wait_s
            and wait_quantile_s(workers, rate_per_s, service_s, quantile, **variation) <= quantile_wait_s
        )

    least = max(1, int(offered))
    most = least
    while not is_enough(most):  # doubling first, as each step costs as much as there are workers
        if most > MOST_WORKERS:
            raise ValueError(f"not even {most} workers reach what is asked")
        most = 2 * most + 1
    return least + bisect_left(range(least, most + 1), True, key=is_enough)


# --- mail while a domain is shared ----------------------------------------------------------------


def hairpin_share(hosted_share: float) -> float:
    """The share of internal mail from hosted user to hosted user, which makes the round trip.

    h^2, where all write to all alike.
    """
    return hosted_share**2


def _check(workers: int, offered: float) -> None:
    if workers < 0 or not offered >= 0:
        raise ValueError(f"{workers} workers at {offered} erlangs: neither may be negative")
