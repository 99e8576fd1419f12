"""What one replication says about an objective: its value, on how much evidence, and how sure one run alone can be."""

from __future__ import annotations

from math import inf, isfinite, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd

from coexsim.analysis.outage_queues import lifted_queues, normal_s, span_s
from coexsim.analysis.slo_mail import (
    BLOCKS,
    LEVEL,
    MOST_PARTS,
    Floats,
    Sample,
    Series,
    blocks_of,
    delay_of,
    half_of,
    outcomes_of,
    ratio_error,
    rows_of,
    sums,
)
from coexsim.analysis.slo_text import Objective, outages_of
from coexsim.experiment.figures import HOUR, busiest
from coexsim.experiment.results import Results
from coexsim.scenario.model import Event, Scenario
from coexsim.stats import Interval, bounded_interval, skewed_interval
from coexsim.units import say_duration

GROWTH_SHARE = 0.02
BUSIER = "of the busier direction"
"""Of a link: run by run, so over several runs it may be above the mean of either."""
FEWEST_MINUTES = 15
"""A series of fewer minutes shows nothing of how long it remembers."""


def measure(
    objective: Objective, run: Results, scenario: Scenario, level: float = LEVEL, undisturbed: pd.DataFrame | None = None
) -> Sample:  # fmt: skip
    """The value of an objective in one replication; `undisturbed` is the timeline of the same one without its outages, if it is known."""
    kind = objective.kind
    if kind in ("share", "count"):
        sample = _rejected(objective, run) if objective.what == "rejected" else outcomes_of(objective, run, level)
    elif kind == "utilisation":
        sample = (_busiest_hour if objective.busiest_hour else _utilisation)(objective, run, level)
    elif kind in ("backlog", "queue_disk"):
        sample = _highest(objective, run, scenario)
    elif kind == "drain":
        sample = _drain(objective, run, scenario, undisturbed)
    elif objective.what == "delay":
        sample = delay_of(objective, run, level)
    else:
        sample = _wait(objective, run, level)
    growing = run.once("instability", lambda: instability(run))
    outages = outages_of(scenario)
    begun = any(event.at is not None and event.at.after(scenario.run.start) < run.window_s[1] for event in outages)
    return sample._replace(growing=growing, eventful=bool(outages), outage_begun=begun)


# --- servers ------------------------------------------------------------------------------------------------------


def _rejected(objective: Objective, run: Results) -> Sample:
    """Of those who came to a connection, those turned away at a limit.

    Who is told 421 has no connection and is no visit; who is told 452 has one, and is.
    """
    stages = run.stages[run.stages["stage"] == "connections"]
    if objective.server is not None:
        stages = stages[stages["server"] == objective.server]
    refused = float(stages["refused"].sum())
    came = float(stages["visits"].sum()) + refused - float(stages["refused_in_session"].sum())
    if came == 0:
        return Sample(nan, note="nobody came to a connection")
    return Sample(refused / came, came, hits=refused)


def _wait(objective: Objective, run: Results, level: float) -> Sample:
    """Waiting of a visit at one stage; or of a message at all stages together."""
    stages = run.stages
    if objective.server is not None:
        stages = stages[stages["server"].isin(objective.places)]
    if objective.stage is None:
        messages = run.measured_messages
        waited_s = float((stages["mean_wait_s"].fillna(0.0) * stages["visits"]).sum())
        if not messages or not int(stages["visits"].sum()):
            return Sample(nan, note="no mail of this kind")
        return _mean_wait(run, stages["server"].unique().tolist(), None, waited_s, messages, level)
    stages = stages[(stages["stage"] == objective.stage) & (stages["visits"] > 0)]
    if stages.empty:
        return Sample(nan, note="nobody came to this stage, or nothing takes time there")
    visits = int(stages["visits"].sum())
    column = "mean_wait_s" if objective.kind == "mean" else f"p{round(100 * (objective.probability or 0))}_wait_s"
    if objective.kind == "quantile":  # of a link: in its slower direction
        queue = _wait_series(run, stages["server"].unique().tolist(), objective.stage)
        return Sample(float(stages[column].max()), visits, series=queue)
    waited_s = float((stages[column].fillna(0.0) * stages["visits"]).sum())
    return _mean_wait(run, stages["server"].unique().tolist(), objective.stage, waited_s, visits, level)


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


def _wait_series(run: Results, servers: list[str], stage: str | None) -> Series | None:
    """Seconds of waiting and arrivals, minute by minute (Little's law); None for fewer minutes than can show anything."""
    rows = run.timeline[run.timeline["server"].isin(servers)]
    rows = rows[rows["stage"] == stage] if stage else rows[rows["stage"] != "queue"]
    waiting, arrivals = _minutes(run, rows, "queue") * 60, _minutes(run, rows, "arrivals")
    return _series(waiting, arrivals)


def _series(top: Floats, bottom: Floats) -> Series | None:
    if len(top) < FEWEST_MINUTES:
        return None
    parts = min(len(top), MOST_PARTS)
    at = np.arange(len(top)) * parts // len(top)
    return Series(tuple(sums(at, top, parts).tolist()), tuple(sums(at, bottom, parts).tolist()))


def _mean_wait(run: Results, servers: list[str], stage: str | None, waited_s: float, n: int, level: float) -> Sample:
    """Seconds waited by so many visits or messages, with an interval from blocks of the window."""
    series = _wait_series(run, servers, stage)
    half, mean_s = nan, waited_s / n
    if series is not None and len(series.top) >= 2 * BLOCKS:
        edges = np.arange(len(series.top)) * BLOCKS // len(series.top)
        top, bottom = (sums(edges, np.array(values)) for values in series)
        bottom *= n / max(float(bottom.sum()), 1e-9)
        half = half_of(ratio_error(top, bottom, mean_s), int((bottom > 0).sum()), level)
    alone = skewed_interval(mean_s, half, level)
    return Sample(mean_s, n, alone.low, alone.high, total=waited_s, weight=n, series=series)


def _shares(objective: Objective, run: Results) -> list[tuple[Floats, float]] | str:
    """Busy share by minute, and arrivals, of a station; of a link in both directions; or why there is none."""
    assert objective.server is not None
    rows = run.timeline[(run.timeline["stage"] == objective.stage) & run.timeline["server"].isin(objective.places)]
    found = []
    for server in sorted(rows["server"].unique()):
        here = rows[rows["server"] == server]
        workers = 1.0 if objective.stage == "link" else _workers(run, str(server), objective.stage or "")
        if not isfinite(workers):
            return "it has no limit, so it is never busy by any share"
        found.append((_minutes(run, here, "busy") / workers, float(_minutes(run, here, "arrivals").sum())))
    if not found:
        return "nothing takes time at this stage"
    return found if any(arrivals for _, arrivals in found) else "nobody came to this stage"


def _utilisation(objective: Objective, run: Results, level: float) -> Sample:
    """Busy share over the measured window; of a link, in its busier direction."""
    found = _shares(objective, run)
    if isinstance(found, str):
        return Sample(nan, note=found)
    share, arrivals = max(found, key=lambda each: float(each[0].mean()))
    if not arrivals:
        return Sample(nan, note="nobody came to this stage")
    value = float(share.mean())
    series = _series(share, np.ones(len(share)))
    half = nan
    if len(share) >= 2 * BLOCKS:
        edges = np.arange(len(share)) * BLOCKS // len(share)
        half = half_of(ratio_error(sums(edges, share), sums(edges, np.ones(len(share))), value), BLOCKS, level)
    alone = bounded_interval(value, half, 1.0, level)
    if (
        not isfinite(half) and objective.is_upper and share.min() >= objective.limit
    ):  # a few minutes do, of which none is within it
        alone = Interval(float(share.min()), float(share.max()), level)
    over = f"the mean over {say_duration(60.0 * len(share))}, not of the busiest hour" if len(share) > HOUR else ""
    note = "; ".join(filter(None, [over, BUSIER if len(found) > 1 else ""]))
    return Sample(value, arrivals, alone.low, alone.high, note=note, total=value, weight=1.0, series=series)


def _busiest_hour(objective: Objective, run: Results, level: float) -> Sample:
    """Busy share in the 60 minutes in a row with most work. It is a maximum, so above the share of the window by its nature:

    over replications the mean of such hours, each its own day's; of one run the interval is that of this one day's hour.
    """
    found = _shares(objective, run)
    if isinstance(found, str):
        return Sample(nan, note=found)
    samples = []
    for share, arrivals in found:
        value, at = busiest(share)
        hour = share[at : at + HOUR]
        pieces = [float(piece.mean()) for piece in np.array_split(hour, min(12, len(hour)))] if len(hour) else []
        half = half_of(
            float(np.std(pieces, ddof=1)) / sqrt(len(pieces)) if len(pieces) > 1 else nan, len(pieces), level
        )
        alone = bounded_interval(value, half, 1.0, level)
        samples.append(Sample(value, arrivals, alone.low, alone.high))
    sample = max(samples, key=lambda each: each.value)
    if not sample.n:
        return Sample(nan, note="nobody came to this stage")
    return sample._replace(note=BUSIER) if len(found) > 1 else sample


def _workers(run: Results, server: str, stage: str) -> float:
    here = ((run.stages["server"] == server) & (run.stages["stage"] == stage)).to_numpy()
    workers = run.stages["workers"].to_numpy()[here]
    return float(workers[0]) if len(workers) else inf


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


def _drain(objective: Objective, run: Results, scenario: Scenario, undisturbed: pd.DataFrame | None) -> Sample:
    """From the end of the outage until the slowest of the queues that it made longer is as usual: `lifted_queues`."""
    outages = outages_of(scenario)
    chosen = outages if objective.outage is None else [outages[objective.outage]]
    if run.mail.empty:
        return Sample(nan, note="no mail")
    samples = [_drain_of(event, run, scenario, objective, undisturbed) for event in chosen]
    unknown = [sample for sample in samples if np.isnan(sample.value)]
    return unknown[0] if unknown else max(samples, key=lambda sample: sample.value)


def _drain_of(
    event: Event, run: Results, scenario: Scenario, objective: Objective, undisturbed: pd.DataFrame | None
) -> Sample:
    _, end_s = span_s(event, scenario)
    if not isfinite(end_s):
        return Sample(nan, note="the outage has no end")
    queues = run.timeline[run.timeline["stage"] == "queue"]
    minutes = int(queues["minute"].max()) + 1 if len(queues) else 0
    if end_s >= 60 * minutes:
        return Sample(nan, note="the run ends before the outage does")
    drained_s = normal_s(lifted_queues(queues, event, scenario, undisturbed))
    if isfinite(drained_s):
        return Sample(drained_s, minutes)
    seen_s = minutes * 60 - end_s
    return Sample(
        inf if not objective.holds(seen_s) else nan,
        minutes,
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
    mail = run.felt(["outcome", "recipients"])
    recipients = mail["recipients"].to_numpy()
    sent, left = int(recipients.sum()), int(recipients[(mail["outcome"] == "in transit").to_numpy()].sum())
    if not sent:
        return ""
    if left > 0.2 * sent:
        return f"{100 * left / sent:.0f} % of the mail is still in transit"
    queues = run.timeline[run.timeline["stage"] == "queue"]
    series = _minutes(run, queues, "backlog")
    if len(series) < 10:
        return ""
    third, fourth, last = (float(part.mean()) for part in np.array_split(series, 5)[2:])
    if not (third < fourth < last and last > 1.5 * third):
        return ""
    mail = run.felt(["born_s"])
    born = blocks_of(mail["born_s"].to_numpy(), run.window_s)
    meanwhile = rows_of(mail[born >= 3 * BLOCKS // 5])
    if last - third > GROWTH_SHARE * meanwhile:
        return (
            f"the queues were still growing: {third:,.0f}, {fourth:,.0f} and {last:,.0f} messages on average in the last three fifths "
            "of the measured window"
        )
    return ""


__all__ = ["LEVEL", "Sample", "busiest", "instability", "measure"]
