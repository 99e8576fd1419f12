"""What logs say, and how well a scenario predicts it, as one HTML page each; pictures beside it as PNG."""

from __future__ import annotations

from base64 import b64encode
from math import isfinite
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.fit import Fit
from coexsim.intake.validate import Validation
from coexsim.report.log_pictures import plot_load, plot_qq, plot_rates, plot_sizes
from coexsim.report.style import Picture, png
from coexsim.units import say_bytes, say_duration

FIT_PAGE, VALIDATION_PAGE = "fit.html", "validation.html"


def write_fit_page(fit: Fit, folder: str | Path) -> Path:
    """Write ``fit.html`` with its pictures: every figure with interval, messages, and what the profile assumed. Returns the page's path."""
    pictures = {"sizes": plot_sizes(fit), "rates": plot_rates(fit)}
    topics: dict[str, list[list[str]]] = {}
    for figure in fit.figures:
        topics.setdefault(figure.topic, []).append(figure_row(figure))
    files = [[told.file.rpartition("/")[2], told.kind, f"{told.lines:,}", f"{told.used:,}", f"{told.damaged:,}",
              "; ".join([*told.remarks, *([told.first_damaged] if told.first_damaged else [])])] for told in fit.told]  # fmt: skip
    tables = [
        (topic, ["figure", "measured", "95 % interval", "messages", "profile", ""], rows)
        for topic, rows in topics.items()
    ]
    flows = [[str(cell) for cell in row] for row in fit.flows.itertuples(index=False)]
    tables.append(("recipients by flow", ["sender", "recipient", "outcome", "code", "recipients", "messages"], flows))
    tables.append(("files", ["file", "kind", "lines", "used", "damaged", "remarks"], files))
    return _page(Path(folder), FIT_PAGE, "What the mail logs say", _period(fit), pictures, tables)


def write_validation_page(validation: Validation, folder: str | Path) -> Path:
    """Write ``validation.html`` with its pictures: each prediction beside the measurement. Returns the page's path."""
    pictures = {"qq": plot_qq(validation), "load": plot_load(validation)}
    rows = [[comparison.verdict, comparison.say(validation.tolerance)] for comparison in validation.comparisons]
    tables = [("comparisons", ["verdict", "prediction beside measurement"], rows)]
    head = [f"The answer: {validation.verdict}.", *validation.remarks, *_period(validation.fit)]
    return _page(Path(folder), VALIDATION_PAGE, "Prediction beside measurement", head, pictures, tables)


def figure_row(figure: MeasuredFigure) -> list[str]:
    """A figure as words: name, value, interval, messages, what the profile assumed, remark."""
    interval = (
        f"{say_figure(figure.low, figure.unit)} to {say_figure(figure.high, figure.unit)}"
        if isfinite(figure.low)
        else ""
    )
    value = say_figure(figure.value, figure.unit) if isfinite(figure.value) else "cannot say"
    assumed = say_figure(figure.assumed, figure.unit) if isfinite(figure.assumed) else ""
    return [figure.name, value, interval, f"{figure.messages:,}" if figure.messages else "", assumed, figure.remark]


def say_figure(value: float, unit: str) -> str:
    """A value in its unit: ``8.4 1/s``, ``10.2 KB``, ``25 ms``."""
    if not isfinite(value):
        return "more"
    if unit == "s":
        return say_duration(value)
    if unit == "B":
        return say_bytes(value)
    text = f"{value:,.0f}" if value == round(value) and abs(value) >= 100 else f"{value:.4g}"
    return text if unit == "1" else f"{text} {unit}"


def _period(fit: Fit) -> list[str]:
    lost = (
        f"; the logs lack about {fit.complete.lost_share:.1%} of their lines" if fit.complete.lost_share > 0.002 else ""
    )
    found = [f"{fit.replay.messages:,} messages in {say_duration(fit.period_s[1] - fit.period_s[0])}{lost}."]
    found += [f"{remark}." for remark in fit.clock_remarks]
    for each in fit.outages:
        found.append(
            f"Outage: {each.host}, for {say_duration(each.to_s - each.from_s)}; {each.failures} failures to reach it."
        )
    return found


def _page(
    folder: Path, name: str, title: str, head: list[str], pictures: dict[str, Picture], tables: list[Any]
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shown = {}
    for picture, drawn in pictures.items():
        data = png(drawn)
        (folder / f"{picture}.png").write_bytes(data)
        shown[picture] = b64encode(data).decode()
    loader = Environment(
        loader=PackageLoader("coexsim.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    text = loader.get_template("log_page.html.j2").render(title=title, head=head, pictures=shown, tables=tables)
    page = folder / name
    page.write_text(text, encoding="utf-8")
    return page
