"""The `timeline` table as curves: one row a replication, one column a stretch of time."""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.experiment.results import Results
from coexsim.report.words import machines, say_machine
from coexsim.scenario.model import Scenario

Floats = NDArray[np.float64]
MINUTES_OF_BIN = ((90, 1), (12 * 60, 5), (48 * 60, 15), (14 * 24 * 60, 60))


class Curve(NamedTuple):
    """What went on at one station: `values` of each replication (rows) in each stretch of time (columns)."""

    server: str
    stage: str
    workers: float
    begin_s: Floats
    values: Floats
    roles: tuple[str, ...] = ()
    """Of a machine's queue the servers that share it."""

    @property
    def mean(self) -> Floats:
        """The mean over replications."""
        mean: Floats = self.values.mean(axis=0)
        return mean

    @property
    def peak(self) -> float:
        """The highest point of the mean."""
        return float(self.mean.max(initial=0.0))


def minutes_of_bin(results: Results) -> int:
    """How many minutes a point of a curve stands for: few enough to see, many enough to be calm."""
    minutes = len(np.unique(results.timeline["minute"])) if len(results.timeline) else 1
    return next((width for most, width in MINUTES_OF_BIN if minutes <= most), 240)


def utilisation_curves(results: Results) -> list[Curve]:
    """Busy share of every station that has a limit, and of the links that were in use, in stretches of some minutes."""
    width = minutes_of_bin(results)
    rows = results.timeline[results.timeline["stage"] != "queue"]
    found = []
    for (server, stage), part in rows.groupby(["server", "stage"], observed=True, sort=True):
        workers = 1.0 if stage == "link" else workers_of(results, str(server), str(stage))
        if np.isfinite(workers) and part["busy"].to_numpy().any():
            begin_s, values = _binned(part, "busy", width, np.mean)
            found.append(Curve(str(server), str(stage), workers, begin_s, values / workers))
    return found


def backlog_curves(results: Results, scenario: Scenario | None = None) -> list[Curve]:
    """Most messages in each machine's queue at the end of any minute of a stretch of time; empty queues left out."""
    width = minutes_of_bin(results)
    rows = results.timeline[results.timeline["stage"] == "queue"]
    found = []
    for machine, roles in machines(rows["server"].astype(str).unique(), results, scenario).items():
        part = rows.loc[rows["server"].isin(roles)]
        begin_s, values = _binned(part, "backlog", width, np.max)
        if values.any():
            found.append(Curve(say_machine(machine, roles), "queue", np.inf, begin_s, values, tuple(roles)))
    return sorted(found, key=lambda curve: (-curve.peak, curve.server))


def workers_of(results: Results, server: str, stage: str) -> float:
    """Places at a station; infinite where there is no limit."""
    rows = results.stages[(results.stages["server"] == server) & (results.stages["stage"] == stage)]
    return float(rows["workers"].iloc[0]) if len(rows) else np.inf


def by_minute(part: pd.DataFrame, column: str) -> Floats:
    """A figure of one station, or of several together: rows are replications, columns the minutes of the run."""
    replication = part["replication"].to_numpy(dtype=np.int64)
    code = part["alternative"].cat.codes.to_numpy(dtype=np.int64) * (replication.max(initial=0) + 1) + replication
    (runs, row), (minutes, minute) = (
        np.unique(keys, return_inverse=True) for keys in (code, part["minute"].to_numpy())
    )
    place, shape = row * len(minutes) + minute, (len(runs), len(minutes))
    values = np.bincount(place, part[column].to_numpy(), shape[0] * shape[1])
    seen = np.bincount(place, minlength=shape[0] * shape[1]) > 0
    found: Floats = np.where(seen, values, np.nan).reshape(shape)
    return found


def _binned(part: pd.DataFrame, column: str, width: int, how: Any) -> tuple[Floats, Floats]:
    """`width` minutes as one; the last stretch may be shorter."""
    values = by_minute(part, column)
    bins = ceil(values.shape[1] / width)
    pieces = [how(values[:, i * width : (i + 1) * width], axis=1) for i in range(bins)]
    return np.arange(bins) * width * 60.0, np.stack(pieces, axis=1) if pieces else np.empty((len(values), 0))
