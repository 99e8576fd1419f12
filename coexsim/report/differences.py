"""The answer of a comparison as a picture of paired differences and a page of its own."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.ticker import FuncFormatter

from coexsim.analysis.compare import Comparison
from coexsim.analysis.compare_words import DIFFERENT, SHARE, changes, say_of, say_value
from coexsim.experiment.own import write_own
from coexsim.experiment.store import csv_bytes, make_folder
from coexsim.report.breaks import breakable, unbroken, whole_arrows
from coexsim.report.documented import documented
from coexsim.report.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    RED,
    Picture,
    new_picture,
    nothing_to_draw,
    png_and_svg,
    styled,
)
from coexsim.report.words import say_flow
from coexsim.text import page_bytes
from coexsim.units import say_duration

COLOURS = {"more": RED, "less": BLUE}
FIGURES = {"mean": "o", "p95": "s"}
PAGE = "report.html"


@styled
def plot_differences(found: Comparison) -> Picture:
    """By how much mail takes longer in B than in A, flow by flow: mean and p95 with their 95 % intervals, zero as a line."""
    title = "How much longer mail takes in B" + ("" if found.b == "B" else f": {found.b}")
    table = found.delays.reset_index()
    table = table[table["figure"].isin(FIGURES) & table["difference"].notna()]
    if table.empty:
        return nothing_to_draw(title, "No mail of one flow arrived in both.")
    flows = list(dict.fromkeys(table["flow"]))
    below = (
        f"B minus A{'' if found.a == 'A' else f' ({found.a})'}; {found.replications} replications, "
        f"{found.messages:,} messages, each against itself; "
        "bars: 95 % interval."
    )
    picture = new_picture(1.9 + 0.55 * len(flows), title, below)
    axes = picture.add_subplot()
    axes.axvline(0, color=INK, linewidth=1.2)
    for place, (figure, marker) in enumerate(FIGURES.items()):
        rows = table[table["figure"] == figure].set_index("flow").reindex(flows)
        y = np.arange(len(flows)) + 0.17 * (2 * place - 1)
        for at, row in zip(y, rows.to_dict("records"), strict=True):
            colour = COLOURS.get(row["shown"], GREY if row["shown"] != "cannot say" else ORANGE)
            if np.isfinite([row["low"], row["high"]]).all():
                axes.hlines(at, row["low"], row["high"], color=colour, linewidth=2.2)
            axes.plot(row["difference"], at, marker=marker, color=colour, markersize=7, linestyle="none")
        axes.plot([], [], marker=marker, color=GREY, linestyle="none", label=figure)
    for word, colour in COLOURS.items():
        axes.plot([], [], color=colour, linewidth=2.2, label=f"{word} in B")
    axes.plot([], [], color=GREY, linewidth=2.2, label="no difference shown,\nor too small to matter")
    axes.set_yticks(np.arange(len(flows)), [say_flow(str(flow)) for flow in flows], fontsize=9.5)
    axes.set_ylim(len(flows) - 0.4, -0.6)  # the first on top, as in the table
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: say_difference(float(f"{value:.6g}"))))
    axes.set_xlabel("difference of the delay")
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02))
    return picture


def say_difference(seconds: float) -> str:
    """``+1.2 s``, ``-30 ms`` or ``0 s``."""
    sign = "+" if seconds > 0 else "-" if seconds < 0 else ""
    return f"{sign}{say_duration(abs(seconds))}"


def write_comparison(found: Comparison, folder: str | Path, scope: str, *, pictures: bool = True) -> Path:
    """Write the tables of a comparison as CSV, its picture as PNG, and a page with all of it. Returns the page's path.

    Without `pictures` the tables alone. `scope` says what is counted and what is not.
    """
    folder = Path(folder)
    make_folder(folder)
    for name, table in found.tables.items():
        write_own(folder / f"{name}.csv", csv_bytes(table))
    if not pictures:
        return folder
    heading = largest_difference(found)
    for_file, for_page = png_and_svg(plot_differences(found), "differences", heading)
    write_own(folder / "differences.png", for_file)
    environment = Environment(loader=PackageLoader("coexsim", "report"), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"breakable": breakable, "unbroken": unbroken, "whole_arrows": whole_arrows}
    page = environment.get_template("comparison.html.j2").render(
        found=found,
        title=_title(found),
        css=Markup((Path(__file__).parent / "page.css").read_text(encoding="utf-8")),
        svg=Markup(for_page),
        heading=heading,
        scope=scope,
        tables=documented({"comparison": None}),
        figures=[(title, difference_rows(table, name)) for name, title, table in _titled(found.tables)],
    )
    write_own(folder / PAGE, page_bytes(page))
    return folder / PAGE


def _title(found: Comparison) -> str:
    """The finding, for the page's head."""
    if not found.differs:
        return "No difference is shown between A and B under the same mail"
    if found.largest_delay("p95") is not None:
        return largest_difference(found).removesuffix(", the largest change of any flow")
    told = changes(found.tables)
    return f"{told[0][0].upper()}{told[0][1:]}" if told else "B differs from A in the ways of its mail"


def _titled(tables: dict[str, pd.DataFrame]) -> list[tuple[str, str, pd.DataFrame]]:
    titles = {"delays": "Delay", "outcomes": "Outcomes, in recipients", "servers": "Servers", "totals": "Totals"}
    return [(name, f"{titles[name]}: {_counted(table)}", table) for name, table in tables.items()]


def _counted(table: pd.DataFrame) -> str:
    """How many of its figures are shown to differ."""
    number = int(table["shown"].isin(DIFFERENT).sum())
    if number:
        return f"{number} of {len(table)} figures differ{'s' * (number == 1)}"
    return "the same in every figure" if (table["shown"] == "the same").all() else "no difference is shown that matters"


def difference_rows(table: pd.DataFrame, kind: str) -> list[tuple[str, str, str, str, str, str]]:
    """Of each figure that is not the same in both: what it is of, A, B, B - A, its interval, and what is shown; in words."""
    found = []
    differing = table[table["shown"] != "the same"]
    for index, row in zip(differing.index, differing.to_dict("records"), strict=True):
        names = [str(name) for name in (index if isinstance(index, tuple) else (index,))]
        say = partial(say_value, table=kind, key=names)
        difference, low, high = (
            say(row[key]).replace(" %", " points" if names[-1] == SHARE else " %")  # of a hundred, not of the share
            for key in ("difference", "low", "high")
        )
        interval = f"{low} to {high}" if row["low"] == row["low"] else "-"
        found.append((say_of(names), say(row["a"]), say(row["b"]), difference, interval, str(row["shown"])))
    return found


def largest_difference(found: Comparison) -> str:
    """What the picture shows: the largest difference of p95."""
    row = found.largest_delay("p95")
    if row is None:
        return "No flow's p95 is shown to differ"
    before, after = say_duration(row["a"]), say_duration(row["b"])
    return f"95 % of {say_flow(str(row['flow']))} mail arrives within {after} in B, {before} in A, the largest change of any flow"
