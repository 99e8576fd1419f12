"""What an outage does to the mail: backlog, oldest mail, warnings and expiries, the burst on return, and the time to drain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.analysis.drain import minutes_to_drain
from coexsim.analysis.slo_measure import minutes_of
from coexsim.analysis.slo_text import outages_of
from coexsim.errors import Problem, ScenarioError
from coexsim.experiment.results import Results
from coexsim.scenario.load import changed
from coexsim.scenario.model import Event, Scenario
from coexsim.sim.recorder import TABLE_OUTCOMES
from coexsim.units import say_time

Floats = NDArray[np.float64]
AROUND_S, SETTLES_S = 3600.0, 1800.0
"""A run laid around an outage begins and ends so long before and after it, and is measured from the second one on."""


class OutageFacts(NamedTuple):
    """One outage of one server or link, over all replications (the worst one where it says most)."""

    down: str
    from_s: float
    to_s: float
    backlog: pd.DataFrame
    """By server: ``before`` (mean of the hour before), ``most`` (messages), ``most_bytes``, ``at_s`` (when), ``drain_s``
    (after the return)."""
    burst_per_min: float
    """Most SMTP sessions a minute that any one server took in the hour after the return."""
    usual_per_min: float
    """The same in the hour before the outage."""
    warnings: int
    expired: int
    bounced: int
    """Recipients that exist; mail to addresses that nobody has bounces anyway."""
    longest_delay_s: float
    """Of mail that was handed in while it was down, and delivered."""
    in_transit: int
    seen_to_s: float
    """The tables end here: what comes later, a return of the server perhaps, is not in them."""


def with_outage(scenario: Scenario, down: Sequence[str], at: str, length: str) -> Scenario:
    """The scenario with one more outage; ``SITE-uplink`` stands for all links of a site.

    Where the run does not hold the outage's weekday and time, another one is laid around it: from an hour before until an hour after the
    return. Raises `ScenarioError` for what does not exist, and for a span after the start that the run does not reach.
    """
    events = [*scenario.source.raw.get("events", []), {"at": at, "for": length, "down": list(dict.fromkeys(down))}]
    found = changed(scenario, {"events": events})
    begin, run = found.events[-1].at, found.run
    if begin is None or begin.after(run.start) < run.length:
        return found
    if begin.after_start:
        ends = say_time(run.length, run.start)
        text = (
            f"an outage {at} after the start does not begin within the run, from {say_time(0.0, run.start)} to {ends}"
        )
        raise ScenarioError([Problem(*found.source.where(("run",)), "run", text)])
    lasts_s = 2 * AROUND_S + (found.events[-1].for_ or 0.0)
    start = say_time(begin.after(run.start) - AROUND_S, run.start)
    own = {key: value for key, value in found.source.raw.get("run", {}).items() if key != "warm_up"}
    around = {"start": start, "length": f"{lasts_s:.0f} s", "measure": f"{SETTLES_S:.0f} s - {lasts_s:.0f} s"}
    return changed(found, {"run": own | around})


def outage_facts(results: Results, scenario: Scenario, event: Event) -> OutageFacts:
    """What an outage of the scenario did, read from the tables of its runs."""
    assert event.at is not None
    from_s = event.at.after(scenario.run.start)
    to_s = from_s + (event.for_ if event.for_ is not None else np.inf)
    spans = [minutes_of(other, scenario) for other in outages_of(scenario)]
    during = results.mail[(results.mail["born_s"] >= from_s) & (results.mail["born_s"] < to_s)]
    mail = during[during["kind"] == "mail"]
    exist = mail[~mail["flow"].astype(str).str.endswith("->unknown")]
    outcomes = exist.groupby("outcome", observed=True)["recipients"].sum().reindex(list(TABLE_OUTCOMES), fill_value=0)
    delivered = mail.loc[mail["outcome"] == "delivered", "delay_s"]
    return OutageFacts(
        ", ".join(event.down),
        from_s,
        to_s,
        _backlog(results, from_s, to_s, spans),
        _busiest_minute(results, to_s, to_s + 3600),
        _busiest_minute(results, from_s - 3600, from_s),
        int((during["kind"] == "delay").sum()),
        int(outcomes["expired"]),
        int(outcomes["bounced"]),
        float(delivered.max()) if len(delivered) else float("nan"),
        int(outcomes["in transit"]),
        results.length_s,
    )


def _backlog(results: Results, from_s: float, to_s: float, spans: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """The queue of every server before, during and after; each figure of the replication in which it is worst."""
    queues = results.timeline[results.timeline["stage"] == "queue"]
    rows = []
    for server, of_server in queues.groupby("server", observed=True):
        worst = max((part for _, part in of_server.groupby("replication")), key=lambda part: part["backlog"].max())
        end_s = (worst["minute"].to_numpy() + 1) * 60.0
        backlog = worst["backlog"].to_numpy()
        before = backlog[(end_s > from_s - 3600) & (end_s <= from_s)]
        usual = float(before.mean()) if len(before) else 0.0
        later = end_s > from_s
        if not later.any() or backlog[later].max() <= max(before, default=0.0):
            continue
        top = int(np.argmax(np.where(later, backlog, -1)))
        after = of_server[(of_server["minute"] + 1) * 60.0 > from_s]
        most_bytes = float(after["queued_bytes"].max())
        backlogs = (part["backlog"].to_numpy() for _, part in of_server.groupby("replication"))
        drain_s = max(_drain_s(each, (from_s, to_s), spans) for each in backlogs)
        rows.append(
            (
                str(server),
                usual,
                float(backlog[top]),
                most_bytes,
                float(end_s[top]),
                drain_s,
            )
        )
    table = pd.DataFrame(rows, columns=["server", "before", "most", "most_bytes", "at_s", "drain_s"])
    return table.sort_values("most", ascending=False, ignore_index=True)


def _drain_s(backlog: Floats, outage_s: tuple[float, float], spans: Sequence[tuple[int, int]]) -> float:
    """From the return until the queue is back at its usual level; infinite if that is not seen."""
    from_s, to_s = outage_s
    if not np.isfinite(to_s) or to_s >= 60 * len(backlog):
        return float("inf")
    minutes = (int(from_s // 60), int(np.ceil(to_s / 60)))
    return max(float((minutes[1] + minutes_to_drain(backlog, spans, spans.index(minutes))) * 60 - to_s), 0.0)


def _busiest_minute(results: Results, begin_s: float, end_s: float) -> float:
    """Most SMTP sessions that began in one minute at any one server."""
    timeline = results.timeline
    rows = timeline[
        (timeline["stage"] == "connections") & (timeline["minute"] * 60 >= begin_s) & (timeline["minute"] * 60 < end_s)
    ]
    return float(rows["arrivals"].max()) if len(rows) else float("nan")
