"""Results made up for tests: what a run of a few stations might have given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from coexsim.experiment.results import Results
from coexsim.experiment.schema import frame


def mail_table(delay_s: Any, replication: int = 0, flow: Any = "hosted->hosted", **columns: Any) -> pd.DataFrame:
    """One row a delay; a delay that is no number is in transit."""
    delay_s = np.asarray(delay_s, dtype=float)
    rows = len(delay_s)
    data: dict[str, Any] = {
        "alternative": [""] * rows,
        "replication": [replication] * rows,
        "mail": np.arange(rows),
        "kind": ["mail"] * rows,
        "stream": ["office"] * rows,
        "flow": [flow] * rows if isinstance(flow, str) else flow,
        "recipients": [1] * rows,
        "size_bytes": [1000] * rows,
        "born_s": np.arange(rows, dtype=float),
        "delay_s": delay_s,
        "outcome": np.where(np.isnan(delay_s), "in transit", "delivered"),
        "code": [""] * rows,
        "by": [""] * rows,
        "hops": [2] * rows,
        "wan_bytes": [1000] * rows,
        "attempts": [1] * rows,
        "measured": [True] * rows,
    }
    return frame("mail", data | columns)


def stage_table(rows: list[dict[str, Any]], replication: int = 0) -> pd.DataFrame:
    """One row a stage; what is not said is nothing."""
    nothing: dict[str, Any] = {
        "server": "onprem",
        "stage": "cores",
        "workers": 1.0,
        "visits": 0,
        "refused": 0,
        "refused_in_session": 0,
        "mean_busy": 0.0,
        "mean_queue": 0.0,
    }
    for name in ("mean", "p50", "p95", "p99"):
        nothing |= {f"{name}_wait_s": float("nan"), f"{name}_service_s": float("nan")}
    full = [{"alternative": "", "replication": replication} | nothing | row for row in rows]
    names = ["alternative", "replication", *nothing]
    return frame("stages", {name: [row[name] for row in full] for name in names})


def timeline_table(rows: dict[tuple[str, str], dict[str, Any]], minutes: int, replication: int = 0) -> pd.DataFrame:
    """For each (server, stage) its figures, a number for all minutes or one a minute."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("server", "stage", "minute", "arrivals", "busy", "queue", "backlog", "queued_bytes")
    }
    for (server, stage), figures in rows.items():
        columns["server"] += [server] * minutes
        columns["stage"] += [stage] * minutes
        columns["minute"] += range(minutes)
        for name in ("arrivals", "busy", "queue", "backlog", "queued_bytes"):
            columns[name] += np.broadcast_to(np.asarray(figures.get(name, 0.0), dtype=float), minutes).tolist()
    size = len(columns["minute"])
    return frame("timeline", {"alternative": [""] * size, "replication": [replication] * size, **columns})


def made_up(
    delay_s: Any = (), replication: int = 0, *, stages: list[dict[str, Any]] | None = None,
    timeline: dict[tuple[str, str], dict[str, Any]] | None = None, minutes: int = 60, provenance: dict[str, Any] | None = None,
    **columns: Any,
) -> Results:  # fmt: skip
    """Results of one replication."""
    return Results(
        mail=mail_table(delay_s, replication, **columns),
        stages=stage_table(stages or [], replication),
        timeline=timeline_table(timeline or {}, minutes, replication),
        provenance={"replications": [replication], "seed": 1, "stopped_early": None, "sha256": "x"}
        | (provenance or {}),
        window_s=(0.0, minutes * 60.0),
        length_s=minutes * 60.0,
    )
