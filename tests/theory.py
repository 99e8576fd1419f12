"""Closed forms that the simulation is held against, beside those of `coexsim.analysis.theory` that answers use themselves."""

from __future__ import annotations

from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from coexsim.analysis.theory import mmc_wait_s


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
