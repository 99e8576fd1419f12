"""What an outage did, in words: rows of its queues and a few lines, the same at the terminal and on the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf, isfinite, isnan
from statistics import fmean

from coexsim.analysis.outage import OutageFacts
from coexsim.analysis.outage_answer import Outage
from coexsim.analysis.outage_changes import senders_without_limit
from coexsim.analysis.outage_headline import say_ago, say_range
from coexsim.text import joined
from coexsim.units import Moment, say_bytes, say_duration, say_span, say_time

QUEUE_HEADS = ("queue at", "before", "most messages", "most bytes", "drained after")
CHANGE_HEADS = ("with", "normal after the return", "most in one queue", "lost")
OVER_RUNS = (("least", min), ("mean", fmean), ("most", max))


def say_hours(found: Outage) -> str:
    """``office-uplink down from Tue 10:00 to 14:00; simulated from Tue 09:00 to 16:00; ...``: all hours of the answer, once."""
    facts, start, results = found.runs[0], found.scenario.run.start, found.results
    spans = sorted([(facts.down, facts.from_s, facts.to_s), *facts.others], key=lambda each: each[1])
    down = "; ".join(f"{what} down from {_say_outage(from_s, to_s, start)}" for what, from_s, to_s in spans)
    begin_s, end_s = results.window_s
    counted = say_span(begin_s, min(end_s, results.length_s), start)
    runs = f", in {len(found.runs)} runs" if len(found.runs) > 1 else ""
    return (
        f"{down}; simulated from {say_span(0.0, results.length_s, start)}{runs}; "
        f"normal is what the queues are under the same mail without an outage, late is mail that arrives more than a minute after "
        f"it did then; delays and outcomes are of mail handed in from {counted}"
    )


def _say_outage(from_s: float, to_s: float, start: Moment) -> str:
    return say_span(from_s, to_s, start) if isfinite(to_s) else f"{say_time(from_s, start)} to the end"


def queue_rows(found: Outage) -> list[tuple[str, ...]]:
    """Of each queue that grew: messages before and at most, its bytes, when, and how long it took to drain.

    Of several runs the least, the mean and the most of each figure, over the runs in which the queue grew.
    """
    by_server: dict[str, list[list[float]]] = {}
    for facts in found.runs:
        for server, *figures in facts.backlog.to_numpy().tolist():
            by_server.setdefault(str(server), []).append(figures)
    return [row for server, grew in by_server.items() for row in _rows_of(server, grew, found)]


def _rows_of(server: str, grew: list[list[float]], found: Outage) -> Iterator[tuple[str, ...]]:
    several = len(found.runs) > 1
    some = f" ({len(grew)} of {len(found.runs)} runs)" if len(grew) < len(found.runs) else ""
    for name, over in OVER_RUNS if several else OVER_RUNS[:1]:
        before, most, at_s, size, bytes_at_s, drain_s = map(over, zip(*grew, strict=True))
        at, bytes_at = (say_time(each, found.scenario.run.start) for each in (at_s, bytes_at_s))
        figures = (f"{before:,.0f}", f"{most:,.0f}, {at}", f"{say_bytes(size)}, {bytes_at}", _seen(drain_s))
        yield (f"{server}: {name}{some}" if several else server, *figures)


def changes_title(found: Outage) -> str:
    """Over the table of other limits."""
    which = "the first run's mail" if len(found.runs) > 1 else "the same mail"
    return f"Other limits, one at a time, under {which}"


def change_rows(found: Outage) -> list[tuple[str, ...]]:
    """Of each other limit that was tried, the limits as they are first."""
    return [
        (str(change), _seen(normal_s), say_bytes(size), f"{lost:,}")
        for change, normal_s, size, lost in found.table.itertuples(index=False)
    ]


def more_facts(found: Outage) -> list[str]:
    """The longest wait, warnings, what was lost, and the burst on return; of several runs from the least to the most of a run."""
    runs = found.runs

    def told(what: Callable[[OutageFacts], float], say: Callable[[float], str] = "{:,.0f}".format) -> str:
        values = [what(each) for each in runs if not isnan(what(each))]
        return say_range(values, say) if values else ""

    each_run = " in each run" if len(runs) > 1 else ""
    longest = told(lambda each: each.longest_delay_s, say_duration) or "-"
    ends = (
        f"expired {told(lambda each: each.expired)}; bounced {told(lambda each: each.bounced)}; "
        f"in transit at the end {told(lambda each: each.in_transit)}"
    )
    said = [
        f"Longest wait of mail that was late or given up: {longest}",
        f"Recipients{each_run}: delay warnings {told(lambda each: each.warnings)}; {ends}",
    ]
    if burst := told(lambda each: each.burst_per_min):
        usual = told(lambda each: each.usual_per_min)
        before = f" (in the hour before: {usual})" if usual else ""
        at = joined(list(dict.fromkeys(each.burst_at for each in runs if each.burst_at)), "or")
        said.append(f"Burst on return: {burst} SMTP sessions a minute that {at} took in{before}")
    crowd = senders_without_limit(found.scenario, runs[0])
    if crowd and burst:
        said.append(
            f"Assumed: {joined(crowd)} open{'s' * (len(crowd) == 1)} as many connections at once as there is mail to send, as no "
            "capacity.transfer_threads is given; what a service or the Internet does by itself is not published"
        )
    return said


def _seen(seconds: float) -> str:
    return "not seen" if seconds == inf else say_ago(seconds)
