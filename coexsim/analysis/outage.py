"""What outages do to the mail: backlog, oldest mail, warnings and expiries, the burst on return, and the time to drain."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
import pandas as pd

from coexsim.analysis.outage_queues import lifted_queues, normal_s, span_s
from coexsim.analysis.slo_text import outages_of
from coexsim.errors import Problem, ScenarioError
from coexsim.experiment.results import Results
from coexsim.scenario.load import changed
from coexsim.scenario.model import Event, Scenario
from coexsim.sim.mail_row import TABLE_OUTCOMES
from coexsim.units import duration_s, moment, say_time

AROUND_S, SETTLES_S = 3600.0, 1800.0
"""A run laid around an outage begins and ends so long before and after it, and is measured from the second one on."""
FAILED = ("bounced", "expired")
FULL = 0.95
"""A line is full where mail and other traffic use this share of it over a minute."""
LATE_S = 60.0
"""Mail is late where it arrives later than without the outage by more than this, the grain of the queues' minutes."""


class OutageFacts(NamedTuple):
    """One outage of one server or link in one run; of several in the run what all of them did to the mail, from the first one on."""

    down: str
    from_s: float
    to_s: float
    """When the one that is asked for ends: what is said to be after the return is after this."""
    backlog: pd.DataFrame
    """By server whose queue it made longer: the table of `lifted_queues`."""
    burst_at: str
    """The server that took most SMTP sessions in a minute of the hour after the return; empty where the run holds no such minute."""
    burst_per_min: float
    """How many that were; connections that it turned away are not counted."""
    usual_per_min: float
    """Most that the same server took in a minute of the hour before the outage."""
    full_lines: tuple[str, ...]
    """Lines and links, by their directions, that had no room for more mail in a minute of the hour after the return."""
    warnings: int
    expired: int
    bounced: int
    """Recipients that exist; mail to addresses that nobody has bounces anyway."""
    longest_delay_s: float
    """Of mail that it made wait: until it was delivered, or given up."""
    in_transit: int
    seen_to_s: float
    """The tables end here: what comes later, a return of the server perhaps, is not in them."""
    late_to_s: float = float("nan")
    """When the last mail arrived that is late by the outage, in seconds from the start; not a number where none is, or nobody knows."""
    others: tuple[tuple[str, float, float], ...] = ()
    """Other outages of the run whose mail is told with this one's: what was down, from when, until when [s]."""

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
    begin, run = moment(at), scenario.run
    if begin.after(run.start) < run.length:
        return changed(scenario, {"events": events})
    if begin.after_start:
        ends = say_time(run.length, run.start)
        text = (
            f"an outage {at} after the start does not begin within the run, from {say_time(0.0, run.start)} to {ends}"
        )
        raise ScenarioError([Problem(*scenario.source.where(("run",)), "run", text)])
    lasts_s = 2 * AROUND_S + duration_s(length)
    start = say_time(begin.after(run.start) - AROUND_S, run.start)
    own = {key: value for key, value in scenario.source.raw.get("run", {}).items() if key != "warm_up"}
    around = {"start": start, "length": f"{lasts_s:.0f} s", "measure": f"{SETTLES_S:.0f} s - {lasts_s:.0f} s"}
    return changed(scenario, {"events": events, "run": own | around})


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
    failed: pd.Index
    """The messages of which a copy bounced or expired."""
    warned_s: pd.Series
    """When warnings of delay were sent, in seconds from the start."""


def undisturbed(results: Results) -> Undisturbed:
    """What is usual, from one run of a scenario `without_outages`."""
    mail = results.mail[results.mail["kind"] == "mail"]
    failed = pd.Index(mail.loc[mail["outcome"].isin(FAILED), "mail"].unique())
    return Undisturbed(results.timeline, _arrived_s(results), failed, _warned_s(results))


def outage_facts(results: Results, scenario: Scenario, event: Event, usual: Undisturbed | None = None) -> OutageFacts:
    """What an outage of the scenario did in one run, read from its tables.

    Other outages at known times in the run are told with it: mail that one of them made late may wait for another, too. `usual` is the
    same run `without_outages`: what its queues are is normal, and what arrives later than there, or not at all, is counted with the mail
    that was handed in during an outage. Where there is none, normal is what the queues were before the outage, and mail that was handed
    in during one is counted.
    """
    together = [each for each in outages_of(scenario) if each == event or span_s(each, scenario)[0] < results.length_s]
    first = min(together, key=lambda each: span_s(each, scenario)[0])
    spans = [span_s(each, scenario) for each in together]
    from_s, to_s = span_s(event, scenario)
    first_s = min(begin_s for begin_s, _ in spans)
    mail = results.mail[results.mail["kind"] == "mail"]
    touched = _touched(mail, spans, usual)
    exist = touched[~touched["flow"].astype(str).str.endswith("->unknown")]
    outcomes = exist.groupby("outcome", observed=True)["recipients"].sum().reindex(list(TABLE_OUTCOMES), fill_value=0)
    burst_at, burst_per_min = _burst(results.timeline, to_s)
    return OutageFacts(
        ", ".join(event.failing),
        from_s,
        to_s,
        lifted_queues(results.timeline, event, scenario, None if usual is None else usual.timeline, first),
        burst_at,
        burst_per_min,
        _busiest_minute(results.timeline, burst_at, first_s - 3600, first_s),
        _full_lines(results.timeline, to_s),
        _warnings(_warned_s(results), first_s, to_s, usual),
        int(outcomes["expired"]),
        int(outcomes["bounced"]),
        float(exist["delay_s"].max()),
        int(outcomes["in transit"]),
        results.length_s,
        float("nan") if usual is None else _late_to_s(_arrived_s(results), usual.arrived_s),
        tuple((", ".join(each.failing), *span_s(each, scenario)) for each in together if each != event),
    )


def _touched(mail: pd.DataFrame, spans: Sequence[tuple[float, float]], usual: Undisturbed | None) -> pd.DataFrame:
    """The copies that the outages touched: of mail handed in during one of them, or late or lost beside the same mail `usual`.

    Mail that fails anyway is left out. `spans`: begin and end of each outage [s].
    """
    born_s = mail["born_s"].to_numpy()
    during = np.zeros(len(mail), dtype=bool)
    for from_s, to_s in spans:
        during |= (born_s >= from_s) & (born_s < to_s)
    if usual is None:
        return mail[during]
    ended_s = (mail["born_s"] + mail["delay_s"]).fillna(inf)
    usually_s = mail["mail"].map(usual.arrived_s)
    lost = mail["outcome"].isin(FAILED)
    worse = lost | (ended_s - usually_s > LATE_S)  # in transit: ends after all
    since = ended_s > min(from_s for from_s, _ in spans)
    return mail[(during | (worse & since)) & ~(lost & mail["mail"].isin(usual.failed))]


def _warned_s(results: Results) -> pd.Series:
    warned_s: pd.Series = results.mail.loc[results.mail["kind"] == "delay", "born_s"]
    return warned_s


def _warnings(warned_s: pd.Series, from_s: float, to_s: float, usual: Undisturbed | None) -> int:
    """Warnings of delay that were sent since the outage began and are not sent without it; else those sent during it."""
    if usual is None:
        return int(((warned_s >= from_s) & (warned_s < to_s)).sum())
    return max(int((warned_s >= from_s).sum()) - int((usual.warned_s >= from_s).sum()), 0)


def _arrived_s(results: Results) -> pd.Series:
    mail = results.mail[(results.mail["kind"] == "mail") & (results.mail["outcome"] == "delivered")]
    arrived_s: pd.Series = (mail["born_s"] + mail["delay_s"]).groupby(mail["mail"]).max()
    return arrived_s


def _late_to_s(arrived_s: pd.Series, usually_s: pd.Series) -> float:
    """When the last of the messages arrived that are late beside the same messages without the outage."""
    late = arrived_s[(arrived_s - usually_s > LATE_S).reindex(arrived_s.index, fill_value=False)]
    return float(late.max()) if len(late) else float("nan")


def _rows(timeline: pd.DataFrame, stage: str, begin_s: float, end_s: float) -> pd.DataFrame:
    minutes_s = timeline["minute"] * 60
    return timeline[(timeline["stage"] == stage) & (minutes_s >= begin_s) & (minutes_s < end_s)]


def _burst(timeline: pd.DataFrame, to_s: float) -> tuple[str, float]:
    """The server that took most SMTP sessions in one minute of the hour after the return, and how many."""
    rows = _rows(timeline, "connections", to_s, to_s + 3600)
    if not len(rows):
        return "", float("nan")
    top = int(rows["arrivals"].to_numpy().argmax())
    return str(rows["server"].iloc[top]), float(rows["arrivals"].iloc[top])


def _busiest_minute(timeline: pd.DataFrame, server: str, begin_s: float, end_s: float) -> float:
    """Most SMTP sessions that a server took in one minute."""
    rows = _rows(timeline, "connections", begin_s, end_s)
    rows = rows[rows["server"] == server]
    return float(rows["arrivals"].max()) if len(rows) else float("nan")


def _full_lines(timeline: pd.DataFrame, to_s: float) -> tuple[str, ...]:
    """The lines without room in a minute of the hour after the return."""
    rows = _rows(timeline, "link", to_s, to_s + 3600)
    return tuple(map(str, rows.loc[rows["busy"] >= FULL, "server"].unique()))
