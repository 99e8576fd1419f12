"""The migration curve: what each step costs as people move from the organisation's own server to the hosted side."""

from __future__ import annotations

from math import ceil, inf, nan

import numpy as np
import pandas as pd

from coexsim.analysis.slo_text import Objective, read_objectives
from coexsim.analysis.theory import hairpin_share
from coexsim.experiment.sweep import HOSTED_SHARE, share_of
from coexsim.scenario.idle import cores_work
from coexsim.scenario.model import Scenario

FULL = 0.7
"""How busy cores may be in the busiest hour where no objective says it."""
SATURATED = 0.95
"""Busier than this all hour, cores do not show how much work was waiting for them."""


def curve(table: pd.DataFrame, scenario: Scenario) -> pd.DataFrame:
    """One row for each hosted share, from the tidy table of a sweep over it; means over replications.

    =====================  ====  ===========================================================================
    hosted_share           1     share of the mailboxes that are hosted
    work_per_s             1/s   messages that the on-premises cores take on, mean over the window
    busy_cores             1     busy on-premises cores in the busiest hour
    keeps_up               -     whether they are not all busy nearly all of that hour
    cores_needed           1     so many that they are no busier than the objective on them allows (else 70 %); where
                                 they do not keep up, by the work that came in the hour in which most came; not a
                                 number where no work is defined for them
    round_trip_share       1     share of internal mail that makes the round trip
    round_trip_by_theory   1     the square of the hosted share
    wan_bytes              B     bytes that the window's mail put on links between sites
    expired                1     share of all recipients whose mail expired: it is in no delay
    p95_s ...              s     p95 of the delay of every flow, one column each
    =====================  ====  ===========================================================================
    """
    server = scenario.home_server.get("onprem", "")
    limit = _limit(read_objectives(scenario), server)
    idle = not cores_work(scenario, server)
    people = sum(scenario.directory.population.values())
    rows = []
    for share, part in table.groupby(HOSTED_SHARE, sort=False):
        mean = part.groupby(["what", "where"])["value"].mean()
        hosted = share_of(share, people)
        busy = float(mean.get(("busy workers", f"{server}.cores"), 0.0))
        keeps_up = not mean.get(("utilisation", f"{server}.cores"), 0.0) > SATURATED
        asked_for = busy if keeps_up else max(busy, float(mean.get(("workers asked for", f"{server}.cores"), 0.0)))
        row = {
            "hosted_share": hosted,
            "work_per_s": float(mean.get(("visits per second", f"{server}.cores"), 0.0)),
            "busy_cores": busy,
            "keeps_up": keeps_up,
            "cores_needed": nan if idle else float(max(ceil(asked_for / limit - 1e-9), 1)),
            "round_trip_share": float(mean.get(("round trip share of internal mail", "all"), np.nan)),
            "round_trip_by_theory": hairpin_share(hosted),
            "wan_bytes": float(mean.get(("WAN bytes", "all"), np.nan)),
            "expired": float(mean.get(("share expired", "all"), np.nan)),
        }
        if "p95 delay" in mean.index.get_level_values(0):
            row |= {f"p95_s {flow}": float(value) for flow, value in mean["p95 delay"].items()}
        rows.append(row)
    return pd.DataFrame(rows).sort_values("hosted_share", ignore_index=True)


def _limit(objectives: list[Objective], server: str) -> float:
    """How busy the on-premises cores may be."""
    said = [
        each.limit for each in objectives
        if each.kind == "utilisation" and each.is_upper and (each.server, each.stage) == (server, "cores")
    ]  # fmt: skip
    limit = min(said, default=inf)
    return limit if 0 < limit < inf else FULL
