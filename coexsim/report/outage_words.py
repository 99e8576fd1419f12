"""What an outage did, in words: rows of its queues and a few lines, the same at the terminal and on the page."""

from __future__ import annotations

from math import inf, isfinite

from coexsim.analysis.outage_answer import Outage
from coexsim.analysis.outage_headline import say_together
from coexsim.units import say_bytes, say_duration, say_span, say_time

QUEUES_OF_WORST = "Queues, each figure of the run in which it is worst"
QUEUE_HEADS = ("queue at", "before", "most", "bytes", "at", "drained after the return")
CHANGE_HEADS = ("with", "normal after the return", "most in one queue")
CHANGES = "Other limits, one at a time, under the same mail"


def say_hours(found: Outage) -> str:
    """``office-uplink down from Tue 10:00 to 14:00; simulated from Tue 09:00 to 16:00; ...``: all hours of the answer, once."""
    facts, start, results = found.facts, found.scenario.run.start, found.results
    down = say_span(facts.from_s, facts.to_s, start)
    if not isfinite(facts.to_s):
        down = f"{say_time(facts.from_s, start)} to the end"
    begin_s, end_s = results.window_s
    counted = say_span(begin_s, min(end_s, results.length_s), start)
    runs = f", in {len(found.normal_s)} runs" if len(found.normal_s) > 1 else ""
    return (
        f"{facts.down} down from {down}; simulated from {say_span(0.0, results.length_s, start)}{runs}; "
        f"delays and outcomes are of mail handed in from {counted}"
    )


def queue_rows(found: Outage) -> list[tuple[str, ...]]:
    """Of each queue that grew: messages before and at most, its bytes, when, and how long it took to drain."""
    start = found.scenario.run.start
    return [
        (str(server), f"{before:,.0f}", f"{most:,.0f}", say_bytes(size), say_time(at_s, start), _seen(drain_s))
        for server, before, most, size, at_s, drain_s in found.facts.backlog.to_numpy().tolist()
    ]


def change_rows(found: Outage) -> list[tuple[str, ...]]:
    """Of each other limit that was tried, the limits as they are first."""
    return [
        (str(change), _seen(normal_s), say_bytes(size))
        for change, normal_s, size in found.table.itertuples(index=False)
    ]


def more_facts(found: Outage) -> list[str]:
    """The longest wait, warnings, what was lost, and the burst on return."""
    facts = found.facts
    together = say_together(len(found.normal_s))
    ends = f"expired {facts.expired:,}; bounced {facts.bounced:,}; in transit at the end {facts.in_transit:,}"
    said = [
        f"Longest delay of mail handed in meanwhile and delivered: {say_duration(facts.longest_delay_s)}",
        f"Recipients{together}: delay warnings {facts.warnings:,}; {ends}",
    ]
    if facts.burst_per_min == facts.burst_per_min:
        usual = (
            f" (in the hour before: {facts.usual_per_min:,.0f})" if facts.usual_per_min == facts.usual_per_min else ""
        )
        said.append(f"Burst on return: {facts.burst_per_min:,.0f} SMTP sessions a minute at one server{usual}")
    return said


def _seen(seconds: float) -> str:
    return "not seen" if seconds == inf else say_duration(seconds)
