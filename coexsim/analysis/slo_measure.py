"""What one replication says about an objective: its value, on how much evidence, and how sure one run alone can be."""

from __future__ import annotations

from math import inf, isfinite, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd

from coexsim.analysis.slo_mail import (
    BLOCKS,
    LEVEL,
    Floats,
    Sample,
    blocks_of,
    delay_of,
    half_of,
    outcomes_of,
    ratio_error,
    sums,
)
from coexsim.analysis.slo_text import Objective, outages_of
from coexsim.experiment.figures import HOUR, busiest
from coexsim.experiment.results import Results
from coexsim.scenario.model import Event, Scenario

GROWTH_SHARE = 0.02


def measure(objective: Objective, run: Results, scenario: Scenario, level: float = LEVEL) -> Sample:
    """The value of an objective in one replication."""
    kind = objective.kind
    if kind in ("share", "count"):
        sample = _rejected(objective, run) if objective.what == "rejected" else outcomes_of(objective, run, level)
    elif kind == "utilisation":
        sample = _utilisation(objective, run, level)
    elif kind in ("backlog", "queue_disk"):
        sample = _highest(objective, run, scenario)
    elif kind == "drain":
        sample = _drain(objective, run, scenario)
    elif objective.what == "delay":
        sample = delay_of(objective, run, level)
    else:
        sample = _wait(objective, run, level)
    return sample._replace(growing=instability(run))


# --- servers ------------------------------------------------------------------------------------------------------


def _rejected(objective: Objective, run: Results) -> Sample:
    """Of those who came to a connection, those turned away at a limit."""
    stages = run.stages[run.stages["stage"] == "connections"]
    if objective.server is not None:
        stages = stages[stages["server"] == objective.server]
    refused, taken = float(stages["refused"].sum()), float(stages["visits"].sum())
    if refused + taken == 0:
        return Sample(nan, note="nobody came to a connection")
    return Sample(refused / (refused + taken), refused + taken, hits=refused)


def _wait(objective: Objective, run: Results, level: float) -> Sample:
    """Waiting of a visit at one stage; or of a message at all stages together."""
    stages = run.stages
    if objective.server is not None:
        stages = stages[_at_server(objective.server, stages)]
    if objective.stage is None:
        messages = run.measured["mail"].nunique()
        waited_s = float((stages["mean_wait_s"].fillna(0.0) * stages["visits"]).sum())
        if not messages or not int(stages["visits"].sum()):
            return Sample(nan, note="no mail of this kind")
        half = _wait_half(run, stages["server"].unique().tolist(), None, waited_s / messages, messages, level)
        return Sample(waited_s / messages, messages, waited_s / messages - half, waited_s / messages + half)
    stages = stages[(stages["stage"] == objective.stage) & (stages["visits"] > 0)]
    if stages.empty:
        return Sample(nan, note="nobody came to this stage, or nothing takes time there")
    visits = int(stages["visits"].sum())
    column = "mean_wait_s" if objective.kind == "mean" else f"p{round(100 * (objective.probability or 0))}_wait_s"
    if objective.kind == "quantile":  # of a link: in its slower direction
        return Sample(float(stages[column].max()), visits)
    mean_s = float(np.average(stages[column].fillna(0.0), weights=stages["visits"]))
    half = _wait_half(run, stages["server"].unique().tolist(), objective.stage, mean_s, None, level)
    return Sample(mean_s, visits, mean_s - half, mean_s + half)


def _at_server(name: str, table: pd.DataFrame) -> pd.Series[bool]:
    """Rows of a server, of a link in one direction, or of a link by its label in both."""
    a, _, b = name.partition("-")
    ways = {name} if (table["server"] == name).any() else {f"{a} to {b}", f"{b} to {a}"}
    return table["server"].isin(ways)


def _window_minutes(run: Results, *, to_end: bool = False) -> tuple[int, int]:
    begin_s, end_s = run.window_s
    last = run.length_s if to_end or not isfinite(end_s) else end_s
    return int(begin_s // 60), max(int(np.ceil(last / 60)) if isfinite(last) else 10**9, int(begin_s // 60) + 1)


def _minutes(run: Results, rows: pd.DataFrame, column: str, *, to_end: bool = False) -> Floats:
    """A figure of the rows added up, minute by minute of the window (or to the end of the run)."""
    first, last = _window_minutes(run, to_end=to_end)
    rows = rows[(rows["minute"] >= first) & (rows["minute"] < last)]
    if rows.empty:
        return np.empty(0)
    return sums((rows["minute"] - first).to_numpy(dtype=np.int64), rows[column].to_numpy(), 0)


def _wait_half(
    run: Results, servers: list[str], stage: str | None, mean_s: float, messages: int | None, level: float
) -> float:
    """Half an interval for a mean wait from one run: minutes of waiting over arrivals, in blocks (Little's law)."""
    rows = run.timeline[run.timeline["server"].isin(servers)]
    rows = rows[rows["stage"] == stage] if stage else rows[rows["stage"] != "queue"]
    waiting, arrivals = _minutes(run, rows, "queue") * 60, _minutes(run, rows, "arrivals")
    if len(waiting) < 2 * BLOCKS:
        return nan
    edges = np.arange(len(waiting)) * BLOCKS // len(waiting)
    top, bottom = sums(edges, waiting), sums(edges, arrivals)
    if messages:
        bottom *= messages / max(bottom.sum(), 1e-9)
    return half_of(ratio_error(top, bottom, mean_s), int((bottom > 0).sum()), level)


def _utilisation(objective: Objective, run: Results, level: float) -> Sample:
    """Busy share in the busiest hour; of a link, in its busier direction."""
    assert objective.server is not None
    rows = run.timeline[(run.timeline["stage"] == objective.stage) & _at_server(objective.server, run.timeline)]
    if rows.empty:
        return Sample(nan, note="nothing takes time at this stage")
    found = []
    for server in sorted(rows["server"].unique()):
        here = rows[rows["server"] == server]
        workers = 1.0 if objective.stage == "link" else _workers(run, str(server), objective.stage or "")
        arrivals = float(_minutes(run, here, "arrivals").sum())
        if not isfinite(workers):
            return Sample(nan, arrivals, note="it has no limit, so it is never busy by any share")
        share = _minutes(run, here, "busy") / workers
        value, at = busiest(share)
        hour = share[at : at + HOUR]
        pieces = [float(piece.mean()) for piece in np.array_split(hour, min(12, len(hour)))] if len(hour) else []
        half = half_of(
            float(np.std(pieces, ddof=1)) / sqrt(len(pieces)) if len(pieces) > 1 else nan, len(pieces), level
        )
        found.append(Sample(value, arrivals, value - half, value + half))
    sample = max(found, key=lambda each: each.value)
    return sample if sample.n else Sample(nan, note="nobody came to this stage")


def _workers(run: Results, server: str, stage: str) -> float:
    rows = run.stages[(run.stages["server"] == server) & (run.stages["stage"] == stage)]
    return float(rows["workers"].iloc[0]) if len(rows) else inf


def _queue_rows(run: Results, servers: set[str]) -> pd.DataFrame:
    return run.timeline[(run.timeline["stage"] == "queue") & run.timeline["server"].isin(servers)]


def _highest(objective: Objective, run: Results, scenario: Scenario) -> Sample:
    """Most messages or bytes in the queue of a machine, the roles that run on it included."""
    roles = {name for name, server in scenario.servers.items() if objective.server in (name, server.runs_on)}
    column = "backlog" if objective.kind == "backlog" else "queued_bytes"
    series = _minutes(run, _queue_rows(run, roles), column, to_end=True)
    if not len(series) or run.mail.empty:
        return Sample(nan, note="no mail")
    return Sample(float(series.max()), len(run.mail))


def _drain(objective: Objective, run: Results, scenario: Scenario) -> Sample:
    """From the end of the outage until no more mail waits anywhere than at most in the hour before it began.

    If another outage began within that hour, it is the hour before that one: its backlog is not the usual.
    """
    outages = outages_of(scenario)
    chosen = outages if objective.outage is None else [outages[objective.outage]]
    total = (
        _queue_rows(run, set(scenario.servers)).groupby("minute", sort=True)["backlog"].sum().to_numpy(dtype=np.float64)
    )
    if not len(total) or run.mail.empty:
        return Sample(nan, note="no mail")
    samples = [_drain_of(event, total, scenario, objective) for event in chosen]
    unknown = [sample for sample in samples if np.isnan(sample.value)]
    return unknown[0] if unknown else max(samples, key=lambda sample: sample.value)


def _drain_of(event: Event, total: Floats, scenario: Scenario, objective: Objective) -> Sample:
    assert event.at is not None
    begin_s = event.at.after(scenario.run.start)
    if event.for_ is None:
        return Sample(nan, note="the outage has no end")
    end_s = begin_s + event.for_
    first, back = int(begin_s // 60), int(np.ceil(end_s / 60))
    if back >= len(total):
        return Sample(nan, note="the run ends before the outage does")
    begins = [int(other.at.after(scenario.run.start) // 60) for other in outages_of(scenario) if other.at]
    while earlier := [at for at in begins if first - HOUR < at < first]:
        first = min(earlier)
    before = total[max(first - HOUR, 0) : first]
    usual = float(before.max(initial=0.0))
    empty = np.flatnonzero(total[back - 1 :] <= usual)  # entry m is the end of minute m
    if len(empty):
        return Sample(max((back + int(empty[0])) * 60 - end_s, 0.0), len(total))
    seen_s = len(total) * 60 - end_s
    return Sample(
        inf if not objective.holds(seen_s) else nan,
        len(total),
        note=f"not drained by the end of the run, {seen_s / 3600:.3g} h later",
    )


# --- stability ----------------------------------------------------------------------------------------------------


def instability(run: Results) -> str:
    """Why this run is of no steady system, in words; empty where nothing shows.

    Stopped early; more than a fifth of the measured mail in transit; or the queues of all servers together
    still grew over the last three fifths of the window, by more than 2 % of the mail that was born meanwhile:
    then less goes out than comes in.
    """
    stopped: Any = run.provenance.get("stopped_early")
    if stopped:
        return str(stopped)
    measured = run.measured
    sent = float(measured["recipients"].sum())
    if not sent:
        return ""
    left = float(measured.loc[measured["outcome"] == "in transit", "recipients"].sum())
    if left > 0.2 * sent:
        return f"{100 * left / sent:.0f} % of the mail is still in transit"
    queues = run.timeline[run.timeline["stage"] == "queue"]
    series = _minutes(run, queues, "backlog")
    if len(series) < 10:
        return ""
    third, fourth, last = (float(part.mean()) for part in np.array_split(series, 5)[2:])
    born = blocks_of(measured["born_s"].to_numpy(), run.window_s)
    meanwhile = int((born >= 3 * BLOCKS // 5).sum())
    if third < fourth < last and last > 1.5 * third and last - third > GROWTH_SHARE * meanwhile:
        return f"the queues were still growing: {third:,.0f}, {fourth:,.0f}, {last:,.0f} messages"
    return ""


__all__ = ["LEVEL", "Sample", "busiest", "instability", "measure"]
