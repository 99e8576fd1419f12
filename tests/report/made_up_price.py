"""A round trip's price made up for tests: each message takes 1 s directly, and 1, 2, 3 ... s longer over the server."""

from __future__ import annotations

import numpy as np
import pandas as pd

from coexsim.analysis.round_trip import RoundTrip
from coexsim.stats import Interval


def made_up_price(messages: int = 100) -> RoundTrip:
    """The price of so many messages."""
    index = pd.MultiIndex.from_product([[0], range(messages)], names=["replication", "mail"])
    direct_s = pd.Series(np.ones(messages), index)
    extra_s = pd.Series(np.arange(1.0, messages + 1), index)
    quantiles = {"p50_s": 50.0, "p95_s": 95.0, "p99_s": 99.0}
    return RoundTrip(
        messages=messages, extra_s=extra_s, mean_extra_s=float(extra_s.mean()) if messages else float("nan"),
        interval=Interval(45.0, 56.0), quantiles_s=quantiles, extra_hops=1.0, wan_bytes=2e9, wan_share=0.25, server="onprem",
        work_share=0.125, via_s=direct_s + extra_s, direct_s=direct_s, share_of_internal=0.35, closed_form=0.36,
    )  # fmt: skip
