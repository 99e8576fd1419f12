"""What logs say, and how well a scenario predicts it, as one HTML page each; pictures beside it as PNG."""

from __future__ import annotations

from math import isfinite
from pathlib import Path

from coexsim.answers import CANNOT_SAY, MET, MISSED
from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.fit import Fit
from coexsim.intake.logs.book import Told
from coexsim.intake.validate import Validation
from coexsim.report.log_pictures import (
    plot_load,
    plot_qq,
    plot_rates,
    plot_sizes,
    say_delays,
    say_load,
    say_rates,
    say_sizes,
)
from coexsim.report.plain_page import Section, write_plain_page
from coexsim.text import say_flow
from coexsim.units import say_duration

FIT_PAGE, VALIDATION_PAGE = "fit.html", "validation.html"
FROM_LOGS = "From what the logs say alone: SMTP mail of the servers that wrote them."


def write_fit_page(fit: Fit, folder: str | Path) -> Path:
    """Write ``fit.html`` with its pictures: every figure with interval, messages, and what the profile assumed. Returns the page's path."""
    topics: dict[str, list[list[str]]] = {}
    for figure in fit.figures:
        topics.setdefault(figure.topic, []).append(figure_row(figure))
    files = [
        [
            told.file.rpartition("/")[2],
            told.kind,
            f"{told.lines:,}",
            f"{told.used:,}",
            f"{told.damaged:,}",
            _remarks(told),
        ]
        for told in fit.told
    ]
    heads = ["figure", "measured", "95 % interval", "messages", "profile", "remark"]
    flows = [[str(cell) for cell in row] for row in fit.flows.itertuples(index=False)]
    flow_heads = ["sender", "recipient", "outcome", "code", "recipients", "messages"]
    sections = [
        Section(say_rates(fit), "rates", plot_rates(fit)),
        Section(say_sizes(fit), "sizes", plot_sizes(fit)),
        *(
            Section(f"{topic.capitalize()}: {_first_known(rows)}", heads=heads, rows=rows)
            for topic, rows in topics.items()
        ),
        Section(_flows(fit), heads=flow_heads, rows=flows),
        Section(f"Files read: {len(files)}", heads=["file", "kind", "lines", "used", "damaged", "remarks"], rows=files),
    ]  # fmt: skip
    said = _period(fit)
    title = f"{said[0].removesuffix('.').partition(';')[0]}; {_flows(fit)[0].lower()}{_flows(fit)[1:]}"
    if not isfinite(fit.figure("messages").high):
        title = f"At least {title[0].lower()}{title[1:]}"
    of = "What the mail logs say"
    return write_plain_page(folder, title, [], said, sections, FROM_LOGS, of=of, page=FIT_PAGE)


def _remarks(told: Told) -> str:
    """What is said of a file: what was found, what was not used, and the first damaged line."""
    return "; ".join(filter(None, [*told.remarks, *told.what_is_left, told.first_damaged]))


def _first_known(rows: list[list[str]]) -> str:
    """The first figure of a table that the logs could tell."""
    name, value = next(((row[0], row[1]) for row in rows if row[1] != CANNOT_SAY), ("the logs", CANNOT_SAY))
    return f"{name} {value}" if value == CANNOT_SAY else f"{name}, {value}"


def _flows(fit: Fit) -> str:
    """Which way most recipients go."""
    sums = fit.flows.groupby(["sender", "recipient"], observed=True)["recipients"].sum()
    if sums.empty or not sums.sum():
        return "No recipients were seen"
    sender, recipient = map(str, sums.index.tolist()[int(sums.to_numpy().argmax())])
    return f"Most recipients, {100 * sums.max() / sums.sum():.0f} %, are {recipient} ones of {sender} senders"


def write_validation_page(validation: Validation, folder: str | Path) -> Path:
    """Write ``validation.html`` with its pictures: each prediction beside the measurement. Returns the page's path."""
    rows = [
        [comparison.verdict, say_flow(comparison.say(validation.tolerance))] for comparison in validation.comparisons
    ]
    counts = [f"{sum(row[0] == verdict for row in rows)} {verdict}" for verdict in (MET, MISSED, CANNOT_SAY)]
    heading = f"Of {len(rows)} comparisons {', '.join(counts)}"
    sections = [
        Section(say_delays(validation), "qq", plot_qq(validation)),
        Section(say_load(validation), "load", plot_load(validation)),
        Section(heading, heads=["verdict", "prediction beside measurement"], rows=rows),
    ]
    answer = [
        f"{validation.verdict.capitalize()}: {heading[0].lower()}{heading[1:]}.",
        *(f"{remark[0].upper()}{remark[1:]}." for remark in validation.remarks),
        *_period(validation.fit),
    ]
    missed = sum(row[0] == MISSED for row in rows)
    said = {
        MET: "No prediction misses what was measured",
        MISSED: f"{missed} of {len(rows)} predictions miss what was measured",
    }
    title = said.get(validation.verdict, "Cannot say whether the predictions hold")
    return write_plain_page(folder, title, [], answer, sections, FROM_LOGS, page=VALIDATION_PAGE)


def figure_row(figure: MeasuredFigure) -> list[str]:
    """A figure as words: name, value, interval, messages, what the profile assumed, remark."""
    value = figure.say_value(figure.value) if isfinite(figure.value) else CANNOT_SAY
    assumed = figure.say_value(figure.assumed) if isfinite(figure.assumed) else ""
    return [
        say_flow(figure.name),
        value,
        figure.say_interval(),
        f"{figure.messages:,}" if figure.messages else "",
        assumed,
        figure.remark,
    ]


def _period(fit: Fit) -> list[str]:
    lost = (
        f"; the logs lack about {100 * fit.complete.lost_share:.1f} % of their lines"
        if fit.complete.lost_share > 0.002
        else ""
    )
    left = fit.load.messages - fit.replay.messages
    refused = f"; of {left:,} of them the logs name no recipient, so that no replay has them" if left else ""
    found = [f"{fit.load.messages:,} messages in {say_duration(fit.period_s[1] - fit.period_s[0])}{refused}{lost}."]
    if fit.complete.unlogged:
        found.append(f"{fit.complete.why[0].upper()}{fit.complete.why[1:]}.")
    if doubt := fit.complete.doubt:
        found.append(f"{doubt[0].upper()}{doubt[1:]}.")
    found += [f"{remark}." for remark in fit.clock_remarks]
    for each in fit.outages:
        found.append(
            f"Outage: {each.host}, for {say_duration(each.to_s - each.from_s)}; {each.failures} failures to reach it."
        )
    return found
