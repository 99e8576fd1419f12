"""The table of delays: mean and percentiles of all replications' mail together, each with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite, nan
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.stats import pooled_share_half, ratio_half_width, skewed_interval

Floats = NDArray[np.float64]


def delay_table(done: pd.DataFrame, keys: Sequence[str], quantiles: Mapping[str, float]) -> pd.DataFrame:
    """Delivered mail (`recipients`, `delay_s`, `replication`) as `Results.delays` has it: a row for each value of `keys`.

    `quantiles` are columns and their probabilities.
    """
    rows = []
    for group, part in done.groupby(list(keys), observed=True, sort=True):
        weights = part["recipients"].to_numpy(dtype=np.float64)
        figures = _figures(part["delay_s"].to_numpy(), weights, part["replication"].to_numpy(), quantiles.values())
        rows.append((*group, int(weights.sum()), *figures))
    columns = [
        f"{name.removesuffix('_s')}{end}" for name in ("mean_s", *quantiles) for end in ("_s", "_low_s", "_high_s")
    ]
    return pd.DataFrame(rows, columns=[*keys, "recipients", *columns]).set_index(list(keys))


def _figures(delay_s: Floats, weights: Floats, replication: NDArray[Any], probabilities: Any) -> list[float]:
    """Mean, then each quantile, every one followed by the ends of its interval; NaN for those of one replication."""
    order = np.argsort(delay_s)  # equal values may stand in any order: what is found is a value
    values, weights = delay_s[order], weights[order]
    runs, run = np.unique(replication[order], return_inverse=True)
    reached = np.cumsum(weights)
    totals = np.bincount(run, weights)
    sums_s = np.bincount(run, weights * values)
    mean_s = float(sums_s.sum() / totals.sum())
    around = skewed_interval(mean_s, ratio_half_width(sums_s, totals))
    found = [mean_s, around.low, around.high]

    def at(probability: float) -> int:
        return min(int(np.searchsorted(reached, probability * reached[-1] * (1 - 1e-12))), len(values) - 1)

    for probability in probabilities:
        value = float(values[at(probability)])
        up_to = int(np.searchsorted(values, value, side="right"))
        below = np.bincount(run[:up_to], weights[:up_to], minlength=len(runs))
        half = pooled_share_half(below, totals, probability)
        low, high = probability - half, probability + half
        ends = (float(values[at(low)]) if low > 0 else 0.0, float(values[at(high)]) if high < 1 else inf)
        found += [value, *(ends if isfinite(half) else (nan, nan))]
    return found
