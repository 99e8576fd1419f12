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
from coexsim.sim.mail_row import TABLE_OUTCOMES
from coexsim.units import say_time

Floats = NDArray[np.float64]
AROUND_S, SETTLES_S = 3600.0, 1800.0
"""A run laid around an outage begins and ends so long before and after it, and is measured from the second one on."""


class OutageFacts(NamedTuple):
    """One outage of one server or link in one run."""

    down: str
    from_s: float
    to_s: float
    backlog: pd.DataFrame
    """By server whose queue it made longer: ``before`` (mean of the hour before), ``most`` (messages), ``most_bytes``, ``at_s`` (when),
    ``drain_s`` (after the return)."""
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

    @property
    def normal_s(self) -> float:
        """Seconds from the return until the slowest queue is back at its usual level; infinite if that is not seen."""
        return float(self.backlog["drain_s"].max()) if len(self.backlog) else 0.0

    @property
    def most_bytes(self) -> float:
        """Most bytes in any server's queue."""
        return float(self.backlog["most_bytes"].max()) if len(self.backlog) else 0.0


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


def without_outages(scenario: Scenario) -> Scenario:
    """The scenario without its outages at known times: a run of it tells what its queues usually are, minute by minute."""
    known = outages_of(scenario)
    events = zip(scenario.source.raw.get("events", []), scenario.events, strict=True)
    return changed(scenario, {"events": [written for written, event in events if event not in known]})


def outage_facts(
    results: Results, scenario: Scenario, event: Event, undisturbed: pd.DataFrame | None = None
) -> OutageFacts:
    """What an outage of the scenario did in one run, read from its tables.

    `undisturbed` is the timeline of the same run `without_outages`: what its queues are is normal. Where there is none, it is what they
    were before the outage.
    """
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
        _backlog(results.timeline, undisturbed, (from_s, to_s), spans),
        _busiest_minute(results, to_s, to_s + 3600),
        _busiest_minute(results, from_s - 3600, from_s),
        int((during["kind"] == "delay").sum()),
        int(outcomes["expired"]),
        int(outcomes["bounced"]),
        float(delivered.max()) if len(delivered) else float("nan"),
        int(outcomes["in transit"]),
        results.length_s,
    )


def _backlog(
    timeline: pd.DataFrame, undisturbed: pd.DataFrame | None, outage_s: tuple[float, float], spans: Sequence[tuple[int, int]]
) -> pd.DataFrame:  # fmt: skip
    """Of every server whose queue the outage made longer: the queue before, during and after."""
    from_s = outage_s[0]
    usually = {} if undisturbed is None else _queues(undisturbed)
    rows = []
    for server, of_server in _queues(timeline).items():
        end_s, backlog = (of_server["minute"].to_numpy() + 1) * 60.0, of_server["backlog"].to_numpy()
        usual = usually[server]["backlog"].to_numpy() if server in usually else None
        later, hour = end_s > from_s, backlog[(end_s > from_s - 3600) & (end_s <= from_s)]
        if not later.any() or backlog[later].max() <= max(hour if usual is None else usual[later], default=0.0):
            continue
        top = int(np.argmax(np.where(later, backlog, -1)))
        before = float(hour.mean()) if len(hour) else 0.0
        most_bytes = float(of_server["queued_bytes"].to_numpy()[later].max())
        drain_s = _drain_s(backlog, usual, outage_s, spans)
        rows.append((server, before, float(backlog[top]), most_bytes, float(end_s[top]), drain_s))
    table = pd.DataFrame(rows, columns=["server", "before", "most", "most_bytes", "at_s", "drain_s"])
    return table.sort_values("most", ascending=False, ignore_index=True)


def _queues(timeline: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The minutes of every server's queue."""
    queues = timeline[timeline["stage"] == "queue"]
    return {str(server): rows for server, rows in queues.groupby("server", observed=True)}


def _drain_s(
    backlog: Floats, usual: Floats | None, outage_s: tuple[float, float], spans: Sequence[tuple[int, int]]
) -> float:
    """From the return until the queue is back at its usual level; infinite if that is not seen."""
    from_s, to_s = outage_s
    if not np.isfinite(to_s) or to_s >= 60 * len(backlog):
        return float("inf")
    minutes = (int(from_s // 60), int(np.ceil(to_s / 60)))
    drained = minutes[1] + minutes_to_drain(backlog, spans, spans.index(minutes), usual)
    return max(float(drained * 60 - to_s), 0.0)


def _busiest_minute(results: Results, begin_s: float, end_s: float) -> float:
    """Most SMTP sessions that began in one minute at any one server."""
    timeline = results.timeline
    rows = timeline[
        (timeline["stage"] == "connections") & (timeline["minute"] * 60 >= begin_s) & (timeline["minute"] * 60 < end_s)
    ]
    return float(rows["arrivals"].max()) if len(rows) else float("nan")
