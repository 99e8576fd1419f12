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
from math import inf, log, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

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


def mmc_wait_quantile_s(workers: int, rate_per_s: float, service_s: float, probability: float) -> float:
    """The wait that a share `probability` of M/M/c arrivals does not exceed.

    P(wait > t) = C exp(-(c - a) t / service): Kleinrock 1975, sec. 3.5; Gross et al. 2008, sec. 2.3.
    """
    return wait_quantile_s(workers, rate_per_s, service_s, probability)


def mg1_wait_s(rate_per_s: float, service_s: float, service_cv2: float) -> float:
    """The mean wait at one worker with any service time (M/G/1).

    Pollaczek and Khinchine's formula: Kleinrock 1975, sec. 5.6.
    """
    return mmc_wait_s(1, rate_per_s, service_s) * (1 + service_cv2) / 2


def mdc_wait_s(workers: int, rate_per_s: float, service_s: float) -> float:
    """The mean wait with constant service (M/D/c): right to 1 % for 8 workers, 3 % for 32, from half load up.

    Half of M/M/c's, corrected for light load: Cosmetatos, "Approximate explicit formulae for the average
    queueing time in the processes (M/D/r) and (D/M/r)", INFOR 13, 1975.
    """
    wait_s = mmc_wait_s(workers, rate_per_s, service_s)
    if wait_s in (0, inf):
        return wait_s
    load = rate_per_s * service_s / workers
    light = (1 - load) * (workers - 1) * (sqrt(4 + 5 * workers) - 2) / (16 * load * workers)
    return wait_s / 2 * (1 + light)


def allen_cunneen_wait_s(
    workers: int, rate_per_s: float, service_s: float, arrival_cv2: float = 1, service_cv2: float = 1
) -> float:
    """The approximate mean wait at any station (G/G/c): M/M/c's times the mean of the two squared variations.

    Exact for M/M/c and M/G/1, good under heavy load: Allen 1990, sec. 5.3. Too low where service varies
    little, load is light and workers are many: with constant service at 70 % by 10 % for 8 workers and by 24
    % for 32, where `mdc_wait_s` is nearer.
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


class LossQueue(NamedTuple):
    """What a station with a limited number of places does to its arrivals."""

    lost: float
    """The share turned away."""
    wait_s: float
    """The mean wait of those let in."""


def mmck(workers: int, places: int, rate_per_s: float, service_s: float) -> LossQueue:
    """A station with `places` for mail, those in service included (M/M/c/K); it never becomes unstable.

    By the balance of neighbouring states: Gross et al. 2008, sec. 2.5.
    """
    offered = rate_per_s * service_s
    _check(workers, offered)
    if not 1 <= workers <= places:
        raise ValueError(f"{places} places do not hold {workers} workers' mail")
    n = np.arange(1, places + 1)
    with np.errstate(divide="ignore"):
        logs = np.concatenate([[0.0], np.cumsum(np.log(offered) - np.log(np.minimum(n, workers)))])
    share = np.exp(logs - logs.max())  # ratios of thousands of states, none of them too large
    share /= share.sum()
    waiting = float(np.maximum(np.arange(places + 1) - workers, 0) @ share)
    let_in_per_s = rate_per_s * float(share[:-1].sum())
    return LossQueue(float(share[-1]), waiting / let_in_per_s if let_in_per_s else 0.0)


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


# --- stations in a network ------------------------------------------------------------------------


class EndlessMailError(ValueError):
    """Mail goes round for ever, so that there is no steady flow."""


def traffic(routing: ArrayLike, external_per_s: ArrayLike) -> NDArray[np.float64]:
    """The arrivals per second at every station, from outside and from other stations together.

    `routing[i][j]` is how many of the copies that leave station i go on to station j: a row sums up to less
    than 1 where mail leaves, to more where envelopes are split or bounces are made. Solves rate = external +
    routing' rate (the traffic equations: Jackson 1957; Kleinrock 1975, sec. 4.8). Raises `EndlessMailError`
    where mail that comes in never dies out.
    """
    copies, external = np.asarray(routing, dtype=np.float64), np.asarray(external_per_s, dtype=np.float64)
    n = external.size
    if copies.shape != (n, n):
        raise ValueError(f"{n} stations need a table of {n} by {n}, not of {copies.shape}")
    if not ((copies >= 0).all() and (external >= 0).all()):
        raise ValueError("what flows between stations or into them is never negative")
    reached = external > 0
    for _ in range(n):
        reached = reached | (reached @ copies > 0)
    rates = np.zeros(n)
    try:
        rates[reached] = np.linalg.solve((np.eye(n) - copies.T)[np.ix_(reached, reached)], external[reached])
    except np.linalg.LinAlgError:
        rates[reached] = inf
    # where more comes round than leaves, the equations have a solution, but not one that flows
    if (rates < 0).any() or rates.max(initial=0) > 1e9 * external.sum():
        raise EndlessMailError("some mail never dies out: it comes round as often as it leaves, or more")
    return rates


def jackson_sojourn_s(routing: ArrayLike, external_per_s: ArrayLike, workers: ArrayLike, service_s: ArrayLike) -> float:
    """The mean time from entering a network of M/M/c stations to leaving it, over all mail.

    Each station is an M/M/c queue of its own (Jackson 1957; a tandem is a chain of them: Burke 1956);
    Little's law adds them up. Infinite where one station cannot keep up.
    """
    rates = traffic(routing, external_per_s)
    entering_per_s = float(np.sum(external_per_s))
    if not entering_per_s:
        return 0.0
    stations = zip(rates.tolist(), np.asarray(workers).tolist(), np.asarray(service_s).tolist(), strict=True)
    present = sum(rate * (mmc_wait_s(int(c), rate, mean_s) + mean_s) for rate, c, mean_s in stations if rate > 0)
    return float(present / entering_per_s)


# --- mail while a domain is shared ----------------------------------------------------------------


def hairpin_share(hosted_share: float) -> float:
    """The share of internal mail from hosted user to hosted user, which makes the round trip.

    h^2, where all write to all alike.
    """
    return hosted_share**2


class MailRates(NamedTuple):
    """SMTP transactions per second at the on-premises server and bytes per second on its link."""

    received_per_s: float
    """Taken in by SMTP: from the Internet and from the hosted side."""
    to_smart_host_per_s: float
    """Passed on to the hosted side."""
    to_internet_per_s: float
    """Sent to other organisations."""
    link_in_bytes_per_s: float
    link_out_bytes_per_s: float

    @property
    def transactions_per_s(self) -> float:
        """All SMTP transactions of the on-premises server, in and out."""
        return self.received_per_s + self.to_smart_host_per_s + self.to_internet_per_s


def mail_rates(
    hosted_share: float,
    internal_per_s: float,
    from_internet_per_s: float,
    to_internet_per_s: float,
    size_bytes: float = 0.0,
    *,
    centralised: bool = False,
) -> MailRates:
    """What passes the on-premises server when a share of the users is hosted and all write to all alike.

    `internal_per_s` counts copies per recipient; `centralised` sends the hosted users' Internet mail through
    the on-premises server too. With nobody hosted only the Internet mail is left, as internal mail needs no
    SMTP. Every transaction crosses the link once, with `size_bytes` on the mean.
    """
    hosted_internal = internal_per_s * hosted_share
    hosted_to_internet = to_internet_per_s * hosted_share if centralised else 0.0
    received = from_internet_per_s + hosted_internal + hosted_to_internet
    to_smart_host = from_internet_per_s * hosted_share + hosted_internal
    to_internet = to_internet_per_s * (1 - hosted_share) + hosted_to_internet
    return MailRates(
        received,
        to_smart_host,
        to_internet,
        size_bytes * received,
        size_bytes * (to_smart_host + to_internet),
    )


def peak_rate_per_s(per_day: float, busiest_hour_share: float) -> float:
    """The rate in the busiest hour of a day that brings `per_day`."""
    return per_day * busiest_hour_share / 3600


def transfer_threads_needed(rate_per_s: float, transfer_s: float, utilisation: float) -> float:
    """How many transfer threads are busy on the mean, over the share of time they may be: Little's law.

    `transfer_s` is all the time a thread is held: round trips, bytes over the link and the other side's work.
    """
    return rate_per_s * transfer_s / utilisation


def loop_transfers(hop_limit: int) -> tuple[float, float]:
    """About how often each of two servers that send an unknown address to and fro receives and sends it."""
    return hop_limit / 2, hop_limit / 2


def _check(workers: int, offered: float) -> None:
    if workers < 0 or not offered >= 0:
        raise ValueError(f"{workers} workers at {offered} erlangs: neither may be negative")
