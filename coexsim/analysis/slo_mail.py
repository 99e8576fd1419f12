"""What one replication says about delays and outcomes, with an interval from the blocks of its window."""

from __future__ import annotations

from math import inf, isfinite, nan, sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from coexsim.analysis.sketch import Sketch, around, ordered, sketch
from coexsim.analysis.slo_text import Objective
from coexsim.experiment.results import Results, quantiles_of
from coexsim.stats import bounded_interval, skewed_interval

Floats = NDArray[np.float64]
BLOCKS = 20
"""One run's interval comes from so many blocks of its window: what hangs together within a block is one piece of evidence."""
MOST_ALIKE = 0.8
"""A higher correlation of twenty neighbours is not known well enough to be divided by."""
LEVEL = 0.95
FEWEST_PARTS, MOST_PARTS = 60, 360
FROM_CELLS = "from bins 1 % wide"
"""What is said of a percentile of a streamed run."""


class Series(NamedTuple):
    """A figure as sums over equal parts of the window: `top` over `bottom`, part by part."""

    top: tuple[float, ...]
    bottom: tuple[float, ...]


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
    total: float = nan
    weight: float = nan
    """Of a mean: it is `total` over `weight`, so that replications can be pooled; NaN where they cannot."""
    sketch: Sketch | None = None
    """Of a quantile: all values."""
    series: Series | None = None
    """What shows how long the figure remembers; None where nobody can tell."""
    eventful: bool = False
    """Outages shape the series of this one run; only other runs with the same ones tell chance from their doing."""
    late: Late | None = None
    """Mail under way at the end of the run: a mean delay is without it, to a percentile it is later than anything."""
    outage_begun: bool = False
    """Is there an outage that begins before the measured window ends: queues that grow then need no other reason."""
    lost: Lost | None = None
    """Of a delay: how much of the mail expired, and so never arrives."""


class Late(NamedTuple):
    """Recipients whose mail is under way at the end: how many, and how long they wait together, at least and at most."""

    recipients: float
    least_s: float
    most_s: float


class Lost(NamedTuple):
    """Recipients who exist and whose mail expired, and how many were sent mail of this kind."""

    expired: float
    sent: float


def _felt(objective: Objective, run: Results, columns: list[str]) -> pd.DataFrame:
    """The mail of an objective's flows that counts."""
    if objective.flow is None and not objective.valid_only:
        return run.felt(columns)
    flows = [str(flow) for flow in run.mail["flow"].cat.categories]
    wanted = []
    for flow in flows:
        start, _, end = flow.partition("->")
        fits = objective.flow is None or all(
            want in ("*", side) for want, side in zip(objective.flow, (start, end), strict=True)
        )
        wanted.append(fits and not (objective.valid_only and end == "unknown"))
    return run.felt(columns, np.array(wanted, dtype=np.bool_) if flows else None)


def rows_of(mail: pd.DataFrame) -> int:
    """How many rows these are; of a streamed run, how many its cells stand for."""
    return int(mail["rows"].sum()) if "rows" in mail else len(mail)


def squares_of(mail: pd.DataFrame) -> float:
    """The sum of the rows' squared recipients."""
    return float((mail["squares"] if "squares" in mail else mail["recipients"].astype(np.float64) ** 2).sum())


def parts_of(window_s: tuple[float, float]) -> int:
    """In how many equal parts of the window a series is kept: about one a minute, neither few nor many."""
    length_s = window_s[1] - window_s[0]
    return int(min(max(length_s / 60, FEWEST_PARTS), MOST_PARTS)) if isfinite(length_s) else FEWEST_PARTS


def series_of(born_s: Floats, top: Floats, bottom: Floats, run: Results) -> Series:
    """The sums of messages over the parts of the window in which they were born."""
    window_s = run.window_s
    parts = run.parts_of_window or parts_of(window_s)
    at = blocks_of(born_s, window_s, parts)
    return Series(tuple(sums(at, top, parts).tolist()), tuple(sums(at, bottom, parts).tolist()))


def blocks_of(born_s: Floats, window_s: tuple[float, float], blocks: int = BLOCKS) -> NDArray[np.int64]:
    """The block of the window in which each message was born."""
    begin_s, end_s = window_s
    end_s = end_s if isfinite(end_s) else float(born_s.max(initial=begin_s)) + 1.0
    at = (born_s - begin_s) / max(end_s - begin_s, 1e-9) * blocks
    return np.clip(at, 0, blocks - 1).astype(np.int64)


def sums(group: NDArray[np.int64], values: Floats, groups: int = BLOCKS) -> Floats:
    """The values added up, group by group."""
    return np.asarray(np.bincount(group, values, groups), dtype=np.float64)


def ratio_error(top: Floats, bottom: Floats, ratio: float) -> float:
    """Standard error of sum(top) / sum(bottom) over blocks (Cochran, "Sampling Techniques", 3rd ed. 1977, sec. 6.3).

    Where each block resembles the one before it, as under heavy load, it is wider: by sqrt((1 + r) / (1 - r)), r being the
    correlation of neighbours, as in a first-order autoregressive series (Law 2015, sec. 9.5.3). That makes up for a part of
    what is missing there, not all of it: only replications do.
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
    """Delay by recipient. Mail in transit is later than anything known, and mail that expired never arrives.

    What bounced or was discarded has no delay: it was so by the rules, as was mail to addresses that nobody has.
    """
    sent = _felt(objective, run, ["flow", "outcome", "recipients", "delay_s", "born_s"])
    expired = (sent["outcome"] == "expired").to_numpy() & ~_to_nobody(sent)
    counts = (sent["outcome"] == "delivered").to_numpy() | (sent["outcome"] == "in transit").to_numpy() | expired
    mail = sent if counts.all() else sent[counts]
    if mail.empty:
        return _nothing_arrived(objective, sent)
    sample = _mean_delay(mail, run, level) if objective.kind == "mean" else _quantile_delay(objective, mail, run, level)
    lost = float(sent["recipients"].to_numpy()[expired].sum())
    return sample._replace(lost=Lost(lost, float(sent["recipients"].sum())))


def _to_nobody(mail: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows are of mail to addresses that nobody has."""
    flows = mail["flow"].cat
    nobody = np.array([str(flow).endswith("->unknown") for flow in flows.categories], dtype=np.bool_)
    return nobody[flows.codes.to_numpy()] if len(nobody) else np.zeros(len(mail), np.bool_)


def _nothing_arrived(objective: Objective, ended: pd.DataFrame) -> Sample:
    """Mail that bounced has no delay, so a limit that must not be exceeded is missed by it, and another one cannot be judged."""
    if ended.empty:
        return Sample(nan, note="no mail of this kind")
    counts = ended.groupby("outcome", observed=True)["recipients"].sum()
    how = ", ".join(f"{number:,} {outcome}" for outcome, number in counts.items())
    note = f"nothing of it was delivered: {how}"
    if not objective.is_upper:
        return Sample(nan, note=note)
    return Sample(inf, rows_of(ended), hits=0.0, note=note)


def _mean_delay(mail: pd.DataFrame, run: Results, level: float) -> Sample:
    """Of the delivered; what is under way is bounded by its age at the end of the run and by the longest delay of all.

    Where any mail never arrives there is no end to the mean of all.
    """
    if (mail["outcome"] == "expired").any():
        return Sample(inf, rows_of(mail), inf, inf)
    there = (mail["outcome"] == "delivered").to_numpy()
    done, open_ = mail[there], mail[~there]
    late = _late(done, open_, run)
    if done.empty:
        return Sample(inf, rows_of(mail), note="nothing was delivered")
    weights, delay_s = done["recipients"].to_numpy(dtype=np.float64), done["delay_s"].to_numpy()
    total_s, weight = float((weights * delay_s).sum()), float(weights.sum())
    born_s = done["born_s"].to_numpy()
    series = series_of(born_s, weights * delay_s, weights, run)
    half = _half_of_run(born_s, weights * delay_s, weights, run, level)
    alone = skewed_interval(total_s / weight, half, level)
    return Sample(
        total_s / weight, rows_of(done), alone.low, alone.high, total=total_s, weight=weight, series=series, late=late
    )


def _late(done: pd.DataFrame, open_: pd.DataFrame, run: Results) -> Late | None:
    if open_.empty:
        return None
    recipients = open_["recipients"].to_numpy(dtype=np.float64)
    age_s = np.maximum(run.length_s - open_["born_s"].to_numpy(), 0.0) if isfinite(run.length_s) else 0 * recipients
    longest_s = float(done["delay_s"].max()) if len(done) else 0.0
    return Late(
        float(recipients.sum()),
        float((recipients * age_s).sum()),
        float((recipients * np.maximum(2 * age_s, longest_s)).sum()),
    )


def _half_of_run(born_s: Floats, top: Floats, bottom: Floats, run: Results, level: float) -> float:
    """Half an interval for a ratio from this run alone: blocks of its window, fewer where they hang together."""
    block = blocks_of(born_s, run.window_s)
    of_block = sums(block, bottom)
    error = ratio_error(sums(block, top), of_block, float(top.sum() / bottom.sum()))
    return half_of(error, int((of_block > 0).sum()), level)


def _quantile_delay(objective: Objective, mail: pd.DataFrame, run: Results, level: float) -> Sample:
    weights = mail["recipients"].to_numpy(dtype=np.float64)
    under_way = int(weights[(mail["outcome"] == "in transit").to_numpy()].sum())
    delay_s = np.where((mail["outcome"] == "delivered").to_numpy(), mail["delay_s"].to_numpy(), inf)
    p = objective.probability or 0.5
    ascending, reached = ordered(delay_s, weights)
    kept = sketch(ascending, reached)
    [value] = quantiles_of(ascending, reached, [p])  # as in the table of delays; a sketch's is up to 0.04 % off
    below = (delay_s <= value) & (delay_s < inf)
    born_s = mail["born_s"].to_numpy()
    half = _half_of_run(born_s, weights * below, weights, run, level)
    alone = sqrt(p * (1 - p) * squares_of(mail)) / float(weights.sum())
    half = max(half, half_of(alone, BLOCKS, level)) if isfinite(half) else nan
    low, high = around(kept, p, half, level)[:2]  # Woodruff 1952: the interval of the share, read off as times
    rows, note = rows_of(mail), FROM_CELLS if run.is_streamed else ""
    good = float((weights * within_limit(objective, delay_s)).sum()) / float(weights.sum()) * rows
    late = Late(float(under_way), inf, inf) if under_way else None
    # How long a queue remembers shows in the delays up to the percentile, not in who is beyond it: that is seldom, and comes in bursts.
    reach_s = value if isfinite(value) else float(delay_s[np.isfinite(delay_s)].max(initial=0.0))
    series = series_of(born_s, weights * np.minimum(delay_s, reach_s), weights, run)
    return Sample(value, rows, low, high, hits=good, note=note, sketch=kept, series=series, late=late)


def within_limit(objective: Objective, values: Floats) -> NDArray[np.bool_]:
    """Which of the values are as they must be."""
    good = values < objective.limit if objective.is_upper else values > objective.limit
    if objective.op in ("<=", ">=", "="):
        good |= values == objective.limit
    return np.asarray(good, dtype=np.bool_)


def outcomes_of(objective: Objective, run: Results, level: float) -> Sample:
    """A share or number of recipients whose mail ended in one way."""
    mail = _felt(objective, run, ["flow", "outcome", "recipients", "born_s"])
    if mail.empty:
        return Sample(nan, note="no mail of this kind")
    weights = mail["recipients"].to_numpy().astype(np.float64)
    hit = (mail["outcome"] == objective.what).to_numpy()
    total, hits = float(weights.sum()), float((weights * hit).sum())
    if objective.kind == "count":
        return Sample(hits, total, hits=hits)
    block = blocks_of(mail["born_s"].to_numpy(), run.window_s)
    bottom = sums(block, weights)
    ratio = hits / total
    half = half_of(ratio_error(sums(block, weights * hit), bottom, ratio), int((bottom > 0).sum()), level)
    rows = rows_of(mail)
    alone = bounded_interval(ratio, half, 1.0, level)
    return Sample(ratio, rows, alone.low, alone.high, hits=ratio * rows)
