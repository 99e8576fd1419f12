"""What one replication says about delays and outcomes, with an interval from the blocks of its window."""

from __future__ import annotations

from math import inf, isfinite, nan, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from coexsim.analysis.slo_text import Objective
from coexsim.experiment.results import Results, weighted_quantiles

Floats = NDArray[np.float64]
BLOCKS = 20
"""One run's interval comes from so many blocks of its window: what hangs together within a block is one piece of evidence."""
MOST_ALIKE = 0.8
"""A higher correlation of twenty neighbours is not known well enough to be divided by."""
LEVEL = 0.95


class Sample(NamedTuple):
    """One replication's say. NaN: it cannot say. `hits` of `n`: on the good side (of a share: with the outcome)."""

    value: float
    n: float = 0
    low: float = nan
    high: float = nan
    hits: float = nan
    note: str = ""
    growing: str = ""
    """Why the system was not stable; empty if it was."""


def _of_flow(objective: Objective, mail: pd.DataFrame) -> pd.DataFrame:
    if objective.flow is None and not objective.valid_only:
        return mail
    flows = [str(flow) for flow in mail["flow"].cat.categories]
    wanted = []
    for flow in flows:
        start, _, end = flow.partition("->")
        fits = objective.flow is None or all(
            want in ("*", side) for want, side in zip(objective.flow, (start, end), strict=True)
        )
        wanted.append(fits and not (objective.valid_only and end == "unknown"))
    return mail[np.array(wanted, dtype=bool)[mail["flow"].cat.codes.to_numpy()]] if flows else mail


def blocks_of(born_s: Floats, window_s: tuple[float, float]) -> NDArray[np.int64]:
    """The block of the window in which each message was born."""
    begin_s, end_s = window_s
    end_s = end_s if isfinite(end_s) else float(born_s.max(initial=begin_s)) + 1.0
    at = (born_s - begin_s) / max(end_s - begin_s, 1e-9) * BLOCKS
    return np.clip(at, 0, BLOCKS - 1).astype(np.int64)


def sums(group: NDArray[np.int64], values: Floats, groups: int = BLOCKS) -> Floats:
    """The values added up, group by group."""
    return np.asarray(np.bincount(group, values, groups), dtype=np.float64)


def ratio_error(top: Floats, bottom: Floats, ratio: float) -> float:
    """Standard error of sum(top) / sum(bottom) over blocks (Cochran, "Sampling Techniques", 3rd ed. 1977, sec. 6.3).

    Where each block resembles the one before it, as under heavy load, it is wider: by sqrt((1 + r) / (1 - r)), r being the
    correlation of neighbours, as in a first-order autoregressive series (Law 2015, sec. 9.5.3). That mends a part of what
    is missing there, not all of it: only replications do.
    """
    used = bottom > 0
    n, total = int(used.sum()), float(bottom.sum())
    if n < 2 or not total > 0:
        return nan
    rest = (top - ratio * bottom)[used]
    square = float((rest**2).sum())
    alike = min(max(float((rest[1:] * rest[:-1]).sum()) / square, 0.0), MOST_ALIKE) if square > 0 else 0.0
    return sqrt(n / (n - 1) * square * (1 + alike) / (1 - alike)) / total


def half_of(error: float, blocks: int, level: float) -> float:
    """Half the Student interval of a figure from so many blocks; NaN if they cannot say."""
    return float(stdtrit(blocks - 1, 0.5 + level / 2)) * error if blocks > 1 and isfinite(error) else nan


def delay_of(objective: Objective, run: Results, level: float) -> Sample:
    """Delay of delivered mail by recipient; mail in transit is later than anything known."""
    mail = _of_flow(objective, run.measured)
    mail = mail[mail["outcome"].isin(["delivered", "in transit"])]
    if mail.empty:
        return Sample(nan, note="no mail of this kind")
    weights = mail["recipients"].to_numpy().astype(np.float64)
    delay_s = mail["delay_s"].fillna(inf).to_numpy()
    block = blocks_of(mail["born_s"].to_numpy(), run.window_s)
    bottom = sums(block, weights)
    under_way = int(weights[np.isinf(delay_s)].sum())
    note = f"{under_way} recipients' mail is still in transit" if under_way else ""
    if objective.kind == "mean":
        mean_s = float(np.average(delay_s, weights=weights))
        if under_way:
            return Sample(inf, len(mail), note=note)
        half = half_of(ratio_error(sums(block, weights * delay_s), bottom, mean_s), int((bottom > 0).sum()), level)
        return Sample(mean_s, len(mail), mean_s - half, mean_s + half)
    p = objective.probability or 0.5
    value = weighted_quantiles(delay_s, weights, [p])[0]
    below = delay_s <= value
    error = ratio_error(sums(block, weights * below), bottom, float(weights @ below / weights.sum()))
    alone = sqrt(p * (1 - p) * float((weights**2).sum())) / float(weights.sum())
    half = half_of(max(error, alone) if isfinite(error) else nan, int((bottom > 0).sum()), level)
    low, high = _quantiles_around(
        delay_s, weights, p, half
    )  # Woodruff 1952: the interval of the share, read off as times
    good = float(weights @ within_limit(objective, delay_s)) / float(weights.sum()) * len(mail)
    return Sample(value, len(mail), low, high, hits=good, note=note)


def within_limit(objective: Objective, values: Floats) -> NDArray[np.bool_]:
    """Which of the values are as they must be."""
    good = values < objective.limit if objective.is_upper else values > objective.limit
    if objective.op in ("<=", ">=", "="):
        good |= values == objective.limit
    return np.asarray(good, dtype=np.bool_)


def _quantiles_around(values: Floats, weights: Floats, p: float, half: float) -> tuple[float, float]:
    if not isfinite(half):
        return nan, nan
    low, high = p - half, p + half
    inner = [min(max(q, 1e-12), 1.0) for q in (low, high)]
    found = weighted_quantiles(values, weights, inner)
    return found[0] if low > 0 else -inf, found[1] if high < 1 else inf


def outcomes_of(objective: Objective, run: Results, level: float) -> Sample:
    """A share or number of recipients whose mail ended in one way."""
    mail = _of_flow(objective, run.measured)
    if mail.empty:
        return Sample(nan, note="no mail of this kind")
    weights = mail["recipients"].to_numpy().astype(np.float64)
    hit = (mail["outcome"] == objective.what).to_numpy()
    total, hits = float(weights.sum()), float(weights @ hit)
    if objective.kind == "count":
        return Sample(hits, total, hits=hits)
    block = blocks_of(mail["born_s"].to_numpy(), run.window_s)
    bottom = sums(block, weights)
    ratio = hits / total
    half = half_of(ratio_error(sums(block, weights * hit), bottom, ratio), int((bottom > 0).sum()), level)
    return Sample(ratio, len(mail), max(ratio - half, 0.0), min(ratio + half, 1.0), hits=ratio * len(mail))
