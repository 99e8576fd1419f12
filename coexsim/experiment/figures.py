"""The figures of one run as a tidy list: what is kept of each of many runs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.errors import NoDataError
from coexsim.experiment.results import QUANTILES, Results
from coexsim.sim.mail_row import TABLE_OUTCOMES

HOUR = 60
Station = tuple[str, str]


class Figure(NamedTuple):
    """One number: what it is, of which flow, server, stage or link, and its unit."""

    what: str
    where: str
    value: float
    unit: str


def most_of(what: str) -> float:
    """The most that a figure of `figures` can be: 1 of a share; the least is 0 of all."""
    return 1.0 if what == "utilisation" or what.startswith(("share ", "round trip share")) else float("inf")


def busiest(series: NDArray[np.float64]) -> tuple[float, int]:
    """Mean over the 60 minutes in a row with most work (all, if there are fewer), and where they begin.

    ITU-T E.600, "busy hour": the continuous hour within the time concerned for which the traffic is greatest.
    """
    if len(series) <= HOUR:
        return (float(series.mean()), 0) if len(series) else (float("nan"), 0)
    sums = np.convolve(series, np.ones(HOUR), mode="valid")
    at = int(np.argmax(sums))
    return float(series[at : at + HOUR].mean()), at


def measured_minutes(results: Results) -> pd.DataFrame:
    """The rows of the timeline that lie in the measured window."""
    return results.once("measured minutes", lambda: _in_window(results))


def _in_window(results: Results) -> pd.DataFrame:
    begin_s, end_s = results.window_s
    minute_s = results.timeline["minute"] * 60
    return results.timeline[(minute_s + 60 > begin_s) & (minute_s < end_s)]


def busy_workers(results: Results) -> dict[Station, float]:
    """Busy workers in the busiest hour of the window, by server and stage; of links the share of the bandwidth in use."""
    return results.once("busy workers", lambda: _busy_workers(results))


def _busy_workers(results: Results) -> dict[Station, float]:
    timeline = measured_minutes(results)
    timeline = timeline[timeline["stage"] != "queue"]
    return {
        (str(server), str(stage)): busiest(rows["busy"].to_numpy())[0]
        for (server, stage), rows in timeline.groupby(["server", "stage"], observed=True)
    }


def _came_per_s(results: Results) -> dict[Station, float]:
    """Visits that came a second in the hour of the window in which most came, by server and stage."""
    timeline = measured_minutes(results)
    return {
        (str(server), str(stage)): busiest(rows["arrivals"].to_numpy(dtype=np.float64))[0] / 60
        for (server, stage), rows in timeline.groupby(["server", "stage"], observed=True)
    }


def busy_shares(results: Results) -> dict[Station, float]:
    """Busy share in the busiest hour of the window, of everything that has a limit."""
    stages = results.stages
    limits = dict(zip(zip(stages["server"], stages["stage"], strict=True), stages["workers"].tolist(), strict=True))
    shares = {}
    for station, busy in busy_workers(results).items():
        workers = 1.0 if station[1] == "link" else limits.get(station, np.inf)
        if np.isfinite(workers):
            shares[station] = busy / workers
    return shares


def deferred_share(results: Results) -> float:
    """The share of the measured mail's delay that it spent in no station: waiting for another attempt, or for a server to come back.

    By Little's law over all mail: what delays add up to, less waits and work at cores, delivery and transfer threads, in which
    connections and links are contained. Not a number where nothing was delivered, 0 where the rest is within what rounding leaves.
    """
    mail = results.felt(["outcome", "delay_s"])
    delay_s = float(mail["delay_s"][(mail["outcome"] == "delivered").to_numpy()].sum())
    if not delay_s > 0:
        return float("nan")
    stages = results.stages[results.stages["stage"].isin(("cores", "delivery", "transfer"))]
    each_s = stages["mean_wait_s"].fillna(0.0) + stages["mean_service_s"].fillna(0.0)
    return max(1 - float((each_s * stages["visits"]).sum()) / delay_s, 0.0)


def figures(results: Results) -> list[Figure]:
    """Delays by flow, outcomes, the round trip's share, work and waits by stage, bytes by link, queues by server."""
    return [*_of_mail(results), *_of_stations(results)]


def _of_mail(results: Results) -> list[Figure]:
    found = []
    try:
        for flow, row in results.delays().iterrows():
            found += [
                Figure(f"{name.removesuffix('_s')} delay", str(flow), float(row[name]), "s")
                for name in ("mean_s", *QUANTILES)
            ]
            found.append(Figure("share expired", str(flow), float(row["expired"]), "1"))
    except NoDataError:
        pass
    outcomes = results.outcomes()
    total = float(outcomes["sent"].sum())
    for flow, sent in outcomes["sent"].items():
        found.append(Figure("recipients", str(flow), float(sent), "1"))
    for outcome in TABLE_OUTCOMES:
        if total:
            found.append(Figure(f"share {outcome}", "all", float(outcomes[outcome].sum()) / total, "1"))
    inside = outcomes["sent"].filter(regex="^(onprem|hosted)->(onprem|hosted)$")
    if inside.sum():
        found.append(
            Figure(
                "round trip share of internal mail",
                "all",
                float(inside.get("hosted->hosted", 0)) / float(inside.sum()),
                "1",
            )
        )
    found.append(Figure("WAN bytes", "all", results.wan_bytes, "B"))
    return found


def _of_stations(results: Results) -> list[Figure]:
    begin_s, end_s = results.window_s
    found = []
    came = _came_per_s(results)
    names = ("server", "stage", "visits", "mean_wait_s", "p95_wait_s", "mean_service_s")
    for server, stage, visits, mean_s, p95_s, service_s in zip(
        *(results.stages[n].tolist() for n in names), strict=True
    ):
        where = f"{server}.{stage}"
        found.append(Figure("visits per second", where, visits / (end_s - begin_s), "1/s"))
        if visits:
            found += [Figure("mean wait", where, mean_s, "s"), Figure("p95 wait", where, p95_s, "s")]
            found.append(Figure("workers asked for", where, came.get((server, stage), 0.0) * service_s, "1"))
    shares = busy_shares(results)
    for station, busy in busy_workers(results).items():
        where = ".".join(station) if station[1] != "link" else station[0]
        if station[1] != "link":
            found.append(Figure("busy workers", where, busy, "1"))
        if station in shares:
            found.append(Figure("utilisation", where, shares[station], "1"))
    timeline = measured_minutes(results)
    links = timeline[timeline["stage"] == "link"].groupby("server", observed=True)["queued_bytes"].sum()
    found += [Figure("bytes", str(link), float(total), "B") for link, total in links.items()]
    queues = timeline[timeline["stage"] == "queue"].groupby("server", observed=True)[["backlog", "queued_bytes"]].max()
    for server, backlog, queued_bytes in zip(queues.index, queues["backlog"], queues["queued_bytes"], strict=True):
        found.append(Figure("most backlog", str(server), float(backlog), "1"))
        found.append(Figure("most queued bytes", str(server), float(queued_bytes), "B"))
    return found
