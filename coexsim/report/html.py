"""The report of a run as one HTML page: what was asked, the straight answer, pictures, tables, assumptions, provenance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from coexsim.analysis.outage_answer import Outage
from coexsim.analysis.outlook import DAY_HEADS, Outlook
from coexsim.analysis.round_trip import RoundTrip
from coexsim.analysis.slo import Verdict, evaluate
from coexsim.experiment.own import write_own
from coexsim.experiment.results import Results
from coexsim.experiment.store import make_folder
from coexsim.progress import ShareProgress
from coexsim.report import outage_words
from coexsim.report.answer import doubts, whole_answer
from coexsim.report.breaks import breakable, unbroken, whole_arrows
from coexsim.report.documented import documented
from coexsim.report.headings import headings, page_head
from coexsim.report.plots import plot_backlog, plot_delay_by_flow, plot_round_trip, plot_topology, plot_utilisation
from coexsim.report.saying import (
    BEYOND,
    DELIVERED,
    ONE_RUN,
    QUANTILES,
    STREAMED,
    is_worth_saying,
    say_expired,
    say_mean,
    say_runs_together,
    say_share,
    say_untimed,
    too_few,
    with_interval,
    with_share_interval,
)
from coexsim.report.style import Picture, png_and_svg
from coexsim.report.summary import summarise
from coexsim.report.words import say_accounting, say_flow, say_limit, say_machine, scope
from coexsim.scenario.assumptions import assumptions
from coexsim.scenario.given import require_scenario
from coexsim.scenario.model import Scenario
from coexsim.sim.mail_row import TABLE_OUTCOMES
from coexsim.text import page_bytes
from coexsim.units import say_bytes, say_duration

PAGE = "report.html"


class PagePicture(NamedTuple):
    """A picture on the page."""

    name: str
    heading: str
    caption: str
    svg: Markup


def write_report(
    results: Results, scenario: Scenario, folder: str | Path, *, verdicts: Sequence[Verdict] | None = None,
    trip: RoundTrip | None = None, outage: Outage | None = None, outlook: Outlook | None = None,
    summary: dict[str, Any] | None = None, again: str = "", progress: ShareProgress | None = None,
) -> Path:  # fmt: skip
    """Write the pictures of a run as PNG and all that can be said of it as ``report.html``, in one folder.

    The page needs no other file and nothing from the network; its pictures are vectors, in the colours of the reader's
    theme. `verdicts` on the scenario's objectives are worked out unless given; `trip` is the price of the round trip,
    `outage` the answer to one and `outlook` until when it holds, if they are known; `summary` is that of `summarise`, if it is there
    already; `again` is the command that asked, else ``coexsim run``; `progress` is told how far it is. Same results: same
    bytes. Returns the page's path.
    """
    require_scenario(scenario)
    folder = Path(folder)
    make_folder(folder)
    usual = outage.undisturbed if outage is not None else ()
    judged = evaluate(None, results, scenario, undisturbed=usual) if verdicts is None else list(verdicts)
    summary = summarise(results, scenario) if summary is None else summary
    said = headings(summary, scenario, trip)
    pictures = {}
    drawn = _pictures(results, scenario, trip)
    tell = progress or (lambda _, __: None)
    for number, (name, caption, draw) in enumerate(drawn):
        tell(number / (len(drawn) + 1), f"picture {number + 1} of {len(drawn)}")
        for_file, for_page = png_and_svg(draw(), name, said[name])
        write_own(folder / f"{name}.png", for_file)
        pictures[name] = PagePicture(name, said[name], caption, Markup(for_page))
    page = folder / PAGE
    tell(len(drawn) / (len(drawn) + 1), "the page")
    write_own(page, page_bytes(_page(results, scenario, judged, trip, outage, outlook, pictures, summary, again)))
    return page


def _pictures(
    results: Results, scenario: Scenario, trip: RoundTrip | None
) -> list[tuple[str, str, Callable[[], Picture]]]:
    """Name, caption, and what draws it."""
    delay = "Delay of each flow: what half, 95 % and 99 % of the recipients wait at most"
    price = "Mail between hosted users, over the on-premises server and directly"
    found: list[tuple[str, str, Callable[[], Picture]]] = [
        ("delay-by-flow", delay, lambda: plot_delay_by_flow(results, scenario)),
        ("utilisation", "Share of each limit in use over the run", lambda: plot_utilisation(results, scenario)),
        ("backlog", "Messages in the queue of each machine", lambda: plot_backlog(results, scenario)),
        ("topology", "Sites, servers and the links between them", lambda: plot_topology(scenario)),
    ]
    if trip is not None:
        found.append(("round-trip", price, lambda: plot_round_trip(trip)))
    return found


def _page(
    results: Results,
    scenario: Scenario,
    verdicts: Sequence[Verdict],
    trip: RoundTrip | None,
    outage: Outage | None,
    outlook: Outlook | None,
    pictures: dict[str, PagePicture],
    summary: dict[str, Any],
    again: str,
) -> str:
    """The page's text. Everything that comes from the scenario is escaped."""
    environment = Environment(
        loader=PackageLoader("coexsim", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    trips = summary["round_trip_flows"]
    environment.filters |= {
        "breakable": breakable, "unbroken": unbroken, "whole_arrows": whole_arrows,
        "duration": _duration, "size": say_bytes, "flow": lambda flow: say_flow(str(flow), trips), "limit": say_limit,
        "around": lambda row, name, mark="": _two_lines(*with_interval(row, name, mark)),
        "share_around": lambda row: _two_lines(*with_share_interval(row)),
        "lost": say_expired, "mean": say_mean, "percent": say_share, "whole": lambda value: f"{value:,.0f}",
    }  # fmt: skip
    given = assumptions(scenario)
    answer = whole_answer(summary, verdicts, trip, outage, outlook)
    return environment.get_template("page.html.j2").render(
        title=page_head(answer, scenario.source.file),
        of=scenario.title or scenario.source.file,
        asked=_asked(scenario, summary),
        answer=answer,
        doubts=doubts(summary, outage=outage is not None),
        scope=scope(scenario),
        peak=summary["peak"],
        outage=outage,
        outlook=outlook,
        day_heads=DAY_HEADS,
        words=outage_words,
        tables=documented({name: list(table.columns) for name, table in results.tables.items()}),
        css=Markup((Path(__file__).parent / "page.css").read_text(encoding="utf-8")),
        verdicts=verdicts,
        delays=_delay_rows(summary),
        lost=any(row["expired"] for row in summary["delay_by_flow"]),
        note=_note(summary),
        beyond=BEYOND,
        servers=[row for row in summary["servers"] if is_worth_saying(row)],
        refused=any(row["refused"] for row in summary["servers"]),
        queues=[
            row | {"name": say_machine(row["machine"], row["roles"])}
            for row in summary["queues"]
            if row["most_messages"]
        ],
        outcomes=summary["outcomes"],
        seen=[name for name in TABLE_OUTCOMES if any(row[name] for row in summary["outcomes"])],
        accounting=say_accounting(summary["conservation"]["books"]),
        twice=sum(row["delivered_twice"] for row in summary["outcomes"]),
        trip=trip,
        few=trip is not None and too_few(trip.messages),
        pictures=pictures,
        assumptions=given,
        from_memory=sum(each.is_from_memory for each in given),
        provenance=results.provenance,
        repeat=_repeat(results, scenario, again),
    )


def _note(summary: dict[str, Any]) -> str:
    """How sure the figures are."""
    runs = summary["replications"]
    said = f"{say_runs_together(summary) if runs > 1 else ONE_RUN}.".capitalize()
    said = f"{said} {STREAMED.capitalize()}." if summary["streamed"] else said
    if any(row["expired"] for row in summary["delay_by_flow"]):
        said = f"{said} {DELIVERED.capitalize()}."
    untimed = summary["untimed_services"]
    return f"{said} {say_untimed(untimed)[0].upper()}{say_untimed(untimed)[1:]}." if untimed else said


def _two_lines(figure: str, between: str) -> Markup:
    """A figure, and its interval on a line below in a softer colour."""
    below = Markup('<br><span class="between">{}</span>').format(between) if between else Markup("")
    return escape(figure) + below


def _duration(value_s: float | None) -> str:
    return "-" if value_s is None else say_duration(value_s)


def _asked(scenario: Scenario, summary: dict[str, Any]) -> list[tuple[str, str]]:
    """What the page is about, as pairs of a word and its meaning."""
    people = scenario.directory.population
    found = [
        ("Domain", scenario.domain),
        ("Measured", f"mail handed in from {summary['measured']['from']} to {summary['measured']['to']}"),
    ]
    if people:
        sides = ", ".join(f"{number:,} {side}" for side, number in people.items())
        found.append(("Mailboxes", f"{sum(people.values()):,} ({sides})"))
    if scenario.load is not None and scenario.load.profile:
        found.append(("Load", f"profile {scenario.load.profile}"))
    if scenario.description:
        found.append(("Description", scenario.description))
    runs = summary["replications"]
    found.append(("Evidence", "one run" if runs <= 1 else f"{runs} independent replications"))
    return found


def _delay_rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the delay table, the slowest flow first, percentiles on too few recipients marked."""
    runs = max(summary["replications"], 1)

    def cells(row: dict[str, Any]) -> list[tuple[str, bool]]:
        return [(name, row["recipients"] / runs * (1 - share) < BEYOND) for name, share in QUANTILES]

    rows = sorted(summary["delay_by_flow"], key=lambda row: -row["p95_s"])
    return [row | {"cells": cells(row)} for row in rows]


def _repeat(results: Results, scenario: Scenario, again: str) -> str:
    """The command that gives the same tables again."""
    words = [
        again or f"coexsim run {scenario.source.file}{' --stream' * results.is_streamed}",
        f"--seed {results.provenance.get('seed', scenario.run.seed)}",
    ]
    if len(results.replications) > 1:
        words.append(f"--replications {len(results.replications)}")
    return " ".join(words)
