"""What a run says, in numbers: delay by flow, servers at their busiest, outcomes and accounting, as plain data for a file."""

from __future__ import annotations

from math import inf, isfinite, nan
from typing import Any

import numpy as np
import pandas as pd

from coexsim.analysis.hairpins import round_trip_flows
from coexsim.analysis.peak import say_peak
from coexsim.analysis.slo_measure import busiest
from coexsim.errors import NoDataError
from coexsim.experiment.figures import deferred_share
from coexsim.experiment.results import Results
from coexsim.report.saying import say_summary, say_verdicts
from coexsim.report.series import Floats, by_minute, workers_of
from coexsim.report.words import machines, start_of
from coexsim.scenario.idle import untimed_services, without_work
from coexsim.scenario.model import Scenario
from coexsim.stats import bounded_interval, half_width
from coexsim.units import say_time

__all__ = ["say_summary", "say_verdicts", "summarise"]


def summarise(results: Results, scenario: Scenario | None = None) -> dict[str, Any]:
    """The figures of a run or of several replications, in base units (seconds, bytes, shares of 1).

    =================  =====================================================================================
    delay_by_flow      `Results.delays`: recipients, mean, p50, p95, p99 and the ends of their 95 % intervals [s]
    outcomes           `Results.outcomes`: recipients by what became of their mail, flow by flow
    peak               ``busiest hour``, or what was measured where that is less
    servers            each stage of each server in its busiest hour and minute of the measured window
    without_work       resources with a limit for which no work is defined, in words; none where no scenario is given
    untimed_services   servers of a hosted service at which nothing takes time; none where no scenario is given
    unsent_messages    named messages whose turn came after the end of the run; 0 where no scenario is given
    deferred_share     share of the delay that is waiting for another attempt, and not for a resource
    queues             most messages and bytes in each machine's queue over the whole run
    round_trip_flows   flows whose mail makes a round trip, by the routes; none where no scenario is given
    streamed           percentiles of delay are from bins 1 % wide
    conservation       accounting by replication and kind of mail; `balanced` is true, or this raises
    =================  =====================================================================================

    The rest says what was run; `load_results` reads it. Figures of several replications are means over them, the
    most of anything is over all. Raises `ConservationError` for mail that was lost or made up.
    """
    start = start_of(results, scenario)
    begin_s, end_s = results.window_s
    return {
        "title": results.provenance.get("title") or (scenario.title if scenario else ""),
        "measured": {"from": say_time(begin_s, start), "to": say_time(min(end_s, results.length_s), start)},
        "replications": len(results.replications),
        "streamed": results.is_streamed,
        "stopped_early": results.provenance.get("stopped_early"),
        "round_trip_flows": list(round_trip_flows(scenario)) if scenario is not None else [],
        "delay_by_flow": _delays(results),
        "outcomes": _plain(results.outcomes()),
        "peak": say_peak(begin_s, min(end_s, results.length_s)),
        "servers": [row | {"when": say_time(row["from_s"], start)} for row in _servers(results)],
        "without_work": [text for _, text in without_work(scenario)] if scenario is not None else [],
        "untimed_services": list(untimed_services(scenario)) if scenario is not None else [],
        "unsent_messages": _unsent(results, scenario),
        "deferred_share": deferred_share(results),
        "queues": [
            row | {"when": say_time(row["at_s"], start), "bytes_when": say_time(row["bytes_at_s"], start)}
            for row in _queues(results, scenario)
        ],
        "conservation": {"balanced": True, "books": _plain(results.conservation())},
        "provenance": results.provenance,
        "window_s": list(results.window_s),
        "length_s": results.length_s,
    }


def _unsent(results: Results, scenario: Scenario | None) -> int:
    names = {mail.name or f"message {number}" for number, mail in enumerate(scenario.messages if scenario else (), 1)}
    return len(names.difference(results.messages["message"].unique()))


def _delays(results: Results) -> list[dict[str, Any]]:
    try:
        return _plain(results.delays())
    except NoDataError:
        return []


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries; counts stay whole numbers."""
    return [{str(name): value for name, value in row.items()} for row in table.reset_index().to_dict("records")]


# --- servers ------------------------------------------------------------------------------------------------------


def _servers(results: Results) -> list[dict[str, Any]]:
    """One row for each server and stage that anybody came to, the busiest first."""
    first, last = _minutes(results)
    timeline = results.timeline
    inside = timeline[(timeline["stage"] != "queue") & (timeline["minute"] >= first) & (timeline["minute"] < last)]
    rows = []
    for (server, stage), part in inside.groupby(["server", "stage"], observed=True):
        if part["arrivals"].to_numpy().any() or part["busy"].to_numpy().any():
            rows.append(_station(results, str(server), str(stage), part, 60.0 * first))
    return sorted(
        rows, key=lambda row: (-row["busy_share"] if isfinite(row["busy_share"]) else inf, row["server"], row["stage"])
    )


def _minutes(results: Results) -> tuple[int, int]:
    """First minute of the measured window, and the first after it."""
    begin_s, end_s = results.window_s
    first = int(begin_s // 60)
    last_s = min(end_s, results.length_s)
    return first, max(int(np.ceil(last_s / 60)), first + 1) if isfinite(last_s) else 2**31 - 1


def _station(results: Results, server: str, stage: str, part: pd.DataFrame, begin_s: float) -> dict[str, Any]:
    """A stage in its busiest hour (60 minutes in a row) and its busiest minute, over replications."""
    busy, queue = by_minute(part, "busy"), by_minute(part, "queue")
    limit = 1.0 if stage == "link" else workers_of(results, server, stage)
    hours = [busiest(run) for run in busy]
    shares = [value / limit for value, _ in hours] if isfinite(limit) else []
    at = busiest(busy.mean(axis=0))[1]
    minute = int(np.argmax(busy.mean(axis=0)))
    waits = _of_stages(results, server, stage)
    share = float(np.mean(shares)) if shares else nan
    around = bounded_interval(share, half_width(shares), 1.0)
    return {
        "server": server,
        "stage": stage,
        "limit": None if stage == "link" or not isfinite(limit) else int(limit),
        "from_s": begin_s + 60.0 * at,
        "busy": float(np.mean([value for value, _ in hours])),
        "busy_share": share,
        "busy_share_low": around.low,
        "busy_share_high": around.high,
        "busiest_minute_share": float(busy.max() / limit) if isfinite(limit) else nan,
        "busiest_minute_s": begin_s + 60.0 * minute,
        "waiting": float(np.mean([_hour(run, place) for run, (_, place) in zip(queue, hours, strict=True)])),
        "most_waiting": float(part["backlog"].max()),
        "p95_wait_s": float(waits["p95_wait_s"].mean()) if len(waits) else nan,
        "refused": int(waits["refused"].sum()),
    }


def _hour(values: Floats, at: int) -> float:
    """The mean of the hour that begins at a minute."""
    return float(values[at : at + 60].mean())


def _of_stages(results: Results, server: str, stage: str) -> pd.DataFrame:
    stages = results.stages
    return stages.loc[(stages["server"] == server) & (stages["stage"] == stage)]


def _queues(results: Results, scenario: Scenario | None) -> list[dict[str, Any]]:
    """The most in each machine's queue at the end of any minute of the run, the roles that share it together."""
    rows = results.timeline[results.timeline["stage"] == "queue"]
    found = []
    for machine, roles in machines(rows["server"].astype(str).unique(), results, scenario).items():
        part = rows.loc[rows["server"].isin(roles)]
        messages, size_bytes = by_minute(part, "backlog"), by_minute(part, "queued_bytes")
        at, bytes_at = (int(np.argmax(each.max(axis=0))) for each in (messages, size_bytes))
        found.append(
            {
                "machine": machine,
                "roles": roles,
                "most_messages": int(messages.max()),
                "most_bytes": float(size_bytes.max()),
                "at_s": min(60.0 * (at + 1), results.length_s),
                "bytes_at_s": min(60.0 * (bytes_at + 1), results.length_s),
                "at_the_end": int(messages[:, -1].max()),
            }
        )
    return sorted(found, key=lambda row: (-row["most_messages"], row["machine"]))
