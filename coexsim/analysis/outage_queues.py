"""The queues that an outage made longer, and when each is back at its usual level: one rule for the headline and for objectives."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.analysis.drain import hour_before, minutes_to_drain
from coexsim.analysis.slo_text import outages_of
from coexsim.scenario.model import Event, Scenario

Floats = NDArray[np.float64]
COLUMNS = ("server", "before", "most", "at_s", "most_bytes", "bytes_at_s", "drain_s")


def lifted_queues(
    timeline: pd.DataFrame,
    event: Event,
    scenario: Scenario,
    undisturbed: pd.DataFrame | None = None,
    first: Event | None = None,
) -> pd.DataFrame:
    """Of every server whose queue an outage made longer: the queue before, during and after, the longest first.

    `timeline` is that of one run; `undisturbed` that of the same run `without_outages`: what its queues are is normal. Where there is
    none, it is what they were before the outage. Where outages are told together, `first` began first and `event` ends last.

    ==========  ========  ====================================================================
    server                whose queue it is
    before      messages  mean of the hour before (of an earlier outage, if that began within it)
    most        messages  most from the outage on, at the end of a minute
    at_s        s         when that was, from the start of the run
    most_bytes  B         most bytes from the outage on, at the end of a minute
    bytes_at_s  s         when that was
    drain_s     s         from the return until it is as usual; infinite if that is not seen
    ==========  ========  ====================================================================
    """
    began = first or event
    from_s, _ = span_s(began, scenario)
    spans = [_minutes(other, scenario) for other in outages_of(scenario)]
    hour_from, hour_to = hour_before(spans, _minutes(began, scenario)[0])
    usually = {} if undisturbed is None else _queues(undisturbed)
    rows = []
    for server, of_server in _queues(timeline).items():
        end_s, backlog = (of_server["minute"].to_numpy() + 1) * 60.0, of_server["backlog"].to_numpy()
        usual = usually[server]["backlog"].to_numpy() if server in usually else None
        later, hour = end_s > from_s, backlog[hour_from:hour_to]
        if not later.any() or backlog[later].max() <= max(hour if usual is None else usual[later], default=0.0):
            continue
        top = int(np.argmax(np.where(later, backlog, -1)))
        before = float(hour.mean()) if len(hour) else 0.0
        size = np.where(later, of_server["queued_bytes"].to_numpy(), -1)
        largest = int(np.argmax(size))
        drain_s = _drain_s(backlog, usual, event, scenario, spans)
        most = float(backlog[top]), float(end_s[top]), float(size[largest]), float(end_s[largest])
        rows.append((server, before, *most, drain_s))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values("most", ascending=False, ignore_index=True)


def normal_s(queues: pd.DataFrame) -> float:
    """Seconds from the return until the slowest of the `lifted_queues` is as usual; infinite if that is not seen, 0 if there is none."""
    return float(queues["drain_s"].max()) if len(queues) else 0.0


def span_s(event: Event, scenario: Scenario) -> tuple[float, float]:
    """When an outage begins and ends, in seconds from the start of the run; infinite if it has no end."""
    assert event.at is not None
    from_s = event.at.after(scenario.run.start)
    return from_s, from_s + (inf if event.for_ is None else event.for_)


def _minutes(event: Event, scenario: Scenario) -> tuple[int, int]:
    """The minutes in which an outage lies; to the end of time if it has none."""
    from_s, to_s = span_s(event, scenario)
    return int(from_s // 60), int(np.ceil(to_s / 60)) if isfinite(to_s) else 10**9


def _queues(timeline: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The minutes of every server's queue."""
    queues = timeline[timeline["stage"] == "queue"]
    return {str(server): rows for server, rows in queues.groupby("server", observed=True)}


def _drain_s(
    backlog: Floats, usual: Floats | None, event: Event, scenario: Scenario, spans: Sequence[tuple[int, int]]
) -> float:
    """From the return until the queue is back at its usual level; infinite if that is not seen."""
    _, to_s = span_s(event, scenario)
    if not isfinite(to_s) or to_s >= 60 * len(backlog):
        return inf
    minutes = _minutes(event, scenario)
    drained = minutes[1] + minutes_to_drain(backlog, spans, spans.index(minutes), usual)
    return max(float(drained * 60 - to_s), 0.0)
