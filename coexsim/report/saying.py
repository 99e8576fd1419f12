"""A summary and verdicts as tables for the terminal, in the planner's words and units."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from coexsim.analysis.slo import Verdict
from coexsim.analysis.slo_text import BUSIEST_HOUR
from coexsim.answers import STYLES
from coexsim.report.tables import plain_table, stacked, titled
from coexsim.report.words import say_accounting, say_flow, say_limit, say_machine
from coexsim.sim.mail_row import TABLE_OUTCOMES
from coexsim.text import joined
from coexsim.units import say_between, say_bytes, say_duration

QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
FEWEST = 20
BEYOND = 10
"""A percentile with fewer recipients beyond it than this is marked: another run could say something else."""
LITTLE = 0.01
"""A mean number of things that wait below this is told as less than it."""
WORTH_SAYING = 0.005
"""A link that is busy for less than this share is not printed."""
DELIVERED = "times are of the mail that was delivered; what expired never arrives"
STREAMED = "percentiles from bins 1 % wide"
ONE_RUN = "one run: no intervals for these figures; add --replications"


def say_summary(summary: dict[str, Any]) -> list[RenderableType]:
    """The tables of a summary: delay by flow, servers at the peak, outcomes; with notes on how sure they are."""
    parts: list[RenderableType] = [*_delays(summary), *_servers(summary), *_outcomes(summary)]
    if summary["stopped_early"]:
        parts.append(Text(f"The run was stopped early: {summary['stopped_early']}", style="bold red"))
    return parts


def say_verdicts(verdicts: Iterable[Verdict], confidence: float = 0.95) -> RenderableType:
    """The objectives, each with its answer, the figure and why."""
    table = plain_table(["objective", "answer", f"figure ({100 * confidence:g} % interval)", "remark"], [])
    for verdict in verdicts:
        answer = Text(verdict.answer, style=STYLES[verdict.answer])
        table.add_row(verdict.objective.text, answer, verdict.say(), verdict.why)
    return titled("Objectives", table)


def _delays(summary: dict[str, Any]) -> list[RenderableType]:
    """Delay by flow, the slowest first; a percentile on too few recipients has a star."""
    measured = f"{summary['measured']['from']} to {summary['measured']['to']}"
    if not summary["delay_by_flow"]:
        return [Text(f"Nothing was delivered of the mail handed in {measured}.", style="bold")]
    rows = sorted(summary["delay_by_flow"], key=lambda row: -row["p95_s"])
    several = any("alternative" in row for row in rows)
    lost = any(row["expired"] for row in rows)
    right = ["recipients", *(["expired"] if lost else []), "mean", "p50", "p95", "p99"]
    table = plain_table(["alternative", "flow"] if several else ["flow"], right)
    starred = False
    for row in rows:
        cells: list[RenderableType] = [stacked(*with_interval(row, "mean"))]
        for name, share in QUANTILES:
            few = row["recipients"] / summary_runs(summary) * (1 - share) < BEYOND
            starred |= few
            cells.append(stacked(*with_interval(row, name, "*" if few else "")))
        names = [str(row["alternative"])] if several else []
        expired = [say_expired(row["expired"])] if lost else []
        flow = say_flow(str(row["flow"]), summary["round_trip_flows"])
        table.add_row(*names, flow, f"{row['recipients']:,}", *expired, *cells)
    notes = [ONE_RUN] if summary_runs(summary) == 1 else [say_runs_together(summary)]
    if summary["streamed"]:
        notes.append(STREAMED)
    if lost:
        notes.append(DELIVERED)
    if starred:
        notes.append(f"* fewer than {BEYOND} recipients of a run waited longer")
    untimed = say_untimed(summary["untimed_services"]) if summary["untimed_services"] else ""
    title = f"Delay by flow: mail handed in {measured}, until it is in the mailbox"
    return [Group("", titled(title, table, "; ".join(notes), untimed), "")]


def say_expired(share: float) -> str:
    """A share of recipients whose mail expired, so that one of a million is seen: ``33 %``, ``0.0001 %``."""
    return f"{100 * share:.2g} %"


def say_untimed(servers: list[str]) -> str:
    """What delays at a hosted service hold, where its servers have no work."""
    return (
        f"no 'service' is given for {joined(servers)}: delays there are the network's, without the service's own time"
    )


def summary_runs(summary: dict[str, Any]) -> int:
    """How many replications a summary is of; one, if nobody says."""
    return max(int(summary["replications"]), 1)


def say_runs_together(summary: dict[str, Any]) -> str:
    """What figures of several runs are, and what stands below them."""
    return f"of {summary_runs(summary)} replications together, with 95 % intervals"


def with_interval(row: dict[str, Any], name: str, mark: str = "") -> tuple[str, str]:
    """A delay and its interval in parentheses, empty where there is none; `name` is that of the figure: mean, p50 ..."""
    between = say_between(row[f"{name}_low_s"], row[f"{name}_high_s"], say_duration)
    return say_duration(row[f"{name}_s"]) + mark, f"({between})" if between else ""


def with_share_interval(row: dict[str, Any]) -> tuple[str, str]:
    """The share of a limit in use, and its interval in parentheses, empty where there is none."""
    between = say_between(row["busy_share_low"], row["busy_share_high"], say_share)
    return say_share(row["busy_share"]), f"({between})" if between else ""


def say_share(value: float) -> str:
    """A share of a limit: ``66.2 %``."""
    return f"{100 * value:.1f} %"


def _is_known(value: float | None) -> bool:
    """Is it a number; what was none is None in a file."""
    return value is not None and isfinite(value)


def _servers(summary: dict[str, Any]) -> list[RenderableType]:
    """Each limit of each server in its busiest hour, then the queues."""
    rows = [row for row in summary["servers"] if is_worth_saying(row)]
    refused = any(row["refused"] for row in rows)
    right = [
        "busy",
        "hour\nfrom" if summary["peak"] == BUSIEST_HOUR else "from",
        "busiest\nminute",
        "waiting\n(mean)",
        "most\nwaiting",
        "95 % waited\nat most",
    ]
    table = plain_table(["server", "limit"], [*right, *(["refused"] if refused else [])])
    for row in rows:
        cells: list[RenderableType] = [
            stacked(*with_share_interval(row)),
            row["when"],
            f"{100 * row['busiest_minute_share']:.0f} %",
        ]
        if row["stage"] != "link":
            cells += [say_mean(row["waiting"]), f"{row['most_waiting']:,.0f}", _say_wait(row["p95_wait_s"])]
            cells += [f"{row['refused']:,}"] if refused else []
        table.add_row(row["server"], say_limit(row), *cells)
    if not rows:
        return [Text("No server has a limit that was in use.\n"), *_queues(summary)]
    return [Group(titled(f"Servers: each limit in the {summary['peak']}", table), ""), *_queues(summary)]


def too_few(number: float) -> bool:
    """Are these too few for a share of them to mean anything: less than 20, where one alone is more than 5 %."""
    return number < FEWEST


def say_mean(number: float) -> str:
    """A mean of things that wait: ``6,500``, ``12``, ``0.3``; of less than a hundredth only that it is so little."""
    if 0 < number < LITTLE:
        return f"< {LITTLE:g}"
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def is_worth_saying(row: dict[str, Any]) -> bool:
    """Has it a limit, and, if it is a link, is anything of its bandwidth in use."""
    return _is_known(row["busy_share"]) and (row["stage"] != "link" or row["busy_share"] >= WORTH_SAYING)


def _queues(summary: dict[str, Any]) -> list[RenderableType]:
    table = plain_table(["machine"], ["messages", "at", "bytes", "at", "messages at the end"])
    for row in summary["queues"]:
        if row["most_messages"]:
            name, most = say_machine(row["machine"], row["roles"]), f"{row['most_messages']:,}"
            size, left = say_bytes(row["most_bytes"]), f"{row['at_the_end']:,}"
            table.add_row(name, most, row["when"], size, row["bytes_when"], left)
    runs = summary_runs(summary)
    which = f" of any of {runs} runs" if runs > 1 else ""
    title = f"Queues: the most at the end of any minute{which}, deferred mail included"
    return [Group(titled(title, table), "")] if table.row_count else []


def _outcomes(summary: dict[str, Any]) -> list[RenderableType]:
    """What became of the mail, recipient by recipient; outcomes that never happened are left out."""
    rows = summary["outcomes"]
    if not rows:
        return [Text("No mail was handed in in the measured window.")]
    seen = [name for name in TABLE_OUTCOMES if any(row[name] for row in rows)]
    table = plain_table(["flow"], ["sent", *seen])
    for row in rows:
        flow = say_flow(str(row["flow"]), summary["round_trip_flows"]) + (
            f" ({row['alternative']})" if row.get("alternative") else ""
        )
        table.add_row(flow, *(f"{row[name]:,}" for name in ("sent", *seen)))
    table.add_section()
    table.add_row("all", *(f"{sum(row[name] for row in rows):,}" for name in ("sent", *seen)), style="bold")
    twice = sum(row["delivered_twice"] for row in rows)
    told = (
        f"delivered twice: {twice:,} of the delivered got their mail a second time, since the 250 for it was lost"
        if twice
        else ""
    )
    note = say_accounting(summary["conservation"]["books"])
    runs = summary_runs(summary)
    together = f", of {runs} runs together" if runs > 1 else ""
    return [titled(f"Outcomes: recipients by what became of their mail{together}", table, told, note)]


def _say_wait(value_s: float | None) -> str:
    return "-" if value_s is None else say_duration(value_s)
