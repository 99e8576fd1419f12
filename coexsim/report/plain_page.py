"""A page of an answer, pictures and tables, for verbs whose answer needs no more: one file that asks for nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from coexsim.experiment.own import write_own
from coexsim.experiment.store import make_folder
from coexsim.report.breaks import breakable, unbroken, whole_arrows
from coexsim.report.documented import documented
from coexsim.report.style import Picture, png_and_svg
from coexsim.scenario.assumptions import Assumption
from coexsim.text import page_bytes

PAGE = "report.html"
_NUMBER = re.compile(
    r"-|no limit|[+-]?\d[\d,]*(\.\d+)?( ?(%|µs|ms|s|min|h|B|KB|MB|GB|[kMG]?bit/s|an? (?:second|minute|hour|day)|busy)( per MB)?)?"
)
"""A number with its unit, if it has one; or that there is none."""


class Section(NamedTuple):
    """A heading that says the finding, a picture, and the table beside it. The name of a picture is that of its file."""

    heading: str
    name: str = ""
    picture: Picture | None = None
    heads: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    note: str = ""
    numbers: frozenset[int] = frozenset()
    """The columns that hold numbers alone, which stand to the right; found when the page is written."""


def write_plain_page(
    folder: str | Path, title: str, asked: Sequence[tuple[str, str]], answer: Sequence[str], sections: Sequence[Section], scope: str,
    *, of: str = "", page: str = PAGE, tables: Sequence[str] = (), given: Sequence[Assumption] | None = None,
) -> Path:  # fmt: skip
    """Write the page and each picture as PNG. All words are text, whatever they hold. Returns the page's path.

    `title` is the finding, and `of` what it is of, the scenario's title, which stands small above it.
    The columns of the `tables` that lie beside it are told at its end, and the assumptions that are `given` for an answer of runs.
    """
    folder = Path(folder)
    make_folder(folder)
    environment = Environment(
        loader=PackageLoader("coexsim", "report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )  # fmt: skip
    environment.filters |= {"breakable": breakable, "unbroken": unbroken, "whole_arrows": whole_arrows}
    css = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    shown = []
    for section in sections:
        drawn = ""
        if section.picture is not None:
            for_file, for_page = png_and_svg(section.picture, section.name, section.heading)
            write_own(folder / f"{section.name}.png", for_file)
            drawn = Markup(for_page)
        shown.append((_without_empty(section), drawn))
    text = environment.get_template("plain_page.html.j2").render(
        title=title, of=of, asked=asked, answer=answer, sections=shown, scope=scope, css=Markup(css),
        tables=documented(dict.fromkeys(tables)), assumptions=given, from_memory=sum(each.is_from_memory for each in given or ()),
    )  # fmt: skip
    write_own(folder / page, page_bytes(text))
    return folder / page


def _without_empty(section: Section) -> Section:
    """Without the columns in which no row says anything."""
    said = [place for place in range(len(section.heads)) if any(row[place] for row in section.rows)]
    rows = [[row[place] for place in said] for row in section.rows]
    numbers = frozenset(
        place for place in range(1, len(said)) if all(_NUMBER.fullmatch(row[place]) for row in rows if row[place])
    )
    return section._replace(heads=[section.heads[place] for place in said], rows=rows, numbers=numbers)
