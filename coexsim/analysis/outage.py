"""What an outage does to the mail: backlog, oldest mail, warnings and expiries, the burst on return, and the time to drain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from coexsim.analysis.outage_queues import lifted_queues, normal_s, span_s
from coexsim.analysis.slo_text import outages_of
from coexsim.errors import Problem, ScenarioError
from coexsim.experiment.results import Results
from coexsim.scenario.load import changed
from coexsim.scenario.model import Event, Scenario
from coexsim.sim.mail_row import TABLE_OUTCOMES
from coexsim.units import say_time

AROUND_S, SETTLES_S = 3600.0, 1800.0
"""A run laid around an outage begins and ends so long before and after it, and is measured from the second one on."""
LATE_S = 60.0
"""Mail is late where it arrives later than without the outage by more than this, the grain of the queues' minutes."""


class OutageFacts(NamedTuple):
    """One outage of one server or link in one run."""

    down: str
    from_s: float
    to_s: float
    backlog: pd.DataFrame
    """By server whose queue it made longer: the table of `lifted_queues`."""
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
    late_to_s: float = float("nan")
    """When the last mail arrived that is late by the outage, in seconds from the start; not a number where none is, or nobody knows."""

    @property
    def normal_s(self) -> float:
        """Seconds from the return until the slowest queue is back at its usual level; infinite if that is not seen."""
        return normal_s(self.backlog)

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


class Undisturbed(NamedTuple):
    """What a run is without its outages: what is usual."""

    timeline: pd.DataFrame
    arrived_s: pd.Series
    """Of each message that was delivered: when its last copy arrived, in seconds from the start."""


def undisturbed(results: Results) -> Undisturbed:
    """What is usual, from one run of a scenario `without_outages`."""
    return Undisturbed(results.timeline, _arrived_s(results))


def outage_facts(results: Results, scenario: Scenario, event: Event, usual: Undisturbed | None = None) -> OutageFacts:
    """What an outage of the scenario did in one run, read from its tables.

    `usual` is the same run `without_outages`: what its queues are is normal. Where there is none, it is what they were before the outage.
    """
    from_s, to_s = span_s(event, scenario)
    during = results.mail[(results.mail["born_s"] >= from_s) & (results.mail["born_s"] < to_s)]
    mail = during[during["kind"] == "mail"]
    exist = mail[~mail["flow"].astype(str).str.endswith("->unknown")]
    outcomes = exist.groupby("outcome", observed=True)["recipients"].sum().reindex(list(TABLE_OUTCOMES), fill_value=0)
    delivered = mail.loc[mail["outcome"] == "delivered", "delay_s"]
    return OutageFacts(
        ", ".join(event.down),
        from_s,
        to_s,
        lifted_queues(results.timeline, event, scenario, None if usual is None else usual.timeline),
        _busiest_minute(results, to_s, to_s + 3600),
        _busiest_minute(results, from_s - 3600, from_s),
        int((during["kind"] == "delay").sum()),
        int(outcomes["expired"]),
        int(outcomes["bounced"]),
        float(delivered.max()) if len(delivered) else float("nan"),
        int(outcomes["in transit"]),
        results.length_s,
        float("nan") if usual is None else _late_to_s(_arrived_s(results), usual.arrived_s),
    )


def _arrived_s(results: Results) -> pd.Series:
    mail = results.mail[(results.mail["kind"] == "mail") & (results.mail["outcome"] == "delivered")]
    arrived_s: pd.Series = (mail["born_s"] + mail["delay_s"]).groupby(mail["mail"]).max()
    return arrived_s


def _late_to_s(arrived_s: pd.Series, usually_s: pd.Series) -> float:
    """When the last of the messages arrived that are late beside the same messages without the outage."""
    late = arrived_s[(arrived_s - usually_s > LATE_S).reindex(arrived_s.index, fill_value=False)]
    return float(late.max()) if len(late) else float("nan")


def _busiest_minute(results: Results, begin_s: float, end_s: float) -> float:
    """Most SMTP sessions that began in one minute at any one server."""
    timeline = results.timeline
    rows = timeline[
        (timeline["stage"] == "connections") & (timeline["minute"] * 60 >= begin_s) & (timeline["minute"] * 60 < end_s)
    ]
    return float(rows["arrivals"].max()) if len(rows) else float("nan")
