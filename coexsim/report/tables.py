"""Tables and text for the terminal: no lines, titles that do not break, names of others shown as what they are.

Nothing here reads rich's markup: what stands in brackets in a name stays in brackets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from coexsim.text import visible


class PlainTable(Table):
    """A table whose cells are text, not markup, each in one line unless it is folded."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """As rich's, but for text."""
        super().add_row(*(words(cell) if isinstance(cell, str) else cell for cell in cells), **options)


def plain_table(left: Sequence[str], right: Sequence[str]) -> Table:
    """A table without lines: columns of words, which may break, then columns of numbers, which never do."""
    table = PlainTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in left:
        table.add_column(_head(name), overflow="fold")
    for name in right:
        table.add_column(_head(name), justify="right", no_wrap=True)
    return table


def titled(title: str, table: Table, *notes: str) -> Group:
    """A table under its title, which may be longer than the table is wide, with notes below. A title may begin with line breaks."""
    return Group(line(title, "bold"), table, *(line(note, "dim") for note in notes if note))


def line(text: str, style: str = "") -> Text:
    """Text in a style, below as many empty lines as it begins with line breaks."""
    bare = text.lstrip("\n")
    return Text("\n" * (len(text) - len(bare)) + visible(bare), style=style)


def words(*parts: str | tuple[str, str]) -> Text:
    """Text put together from parts, some with a style: ``words(("Doubt:", "bold"), " ", doubt)``. A part may be a line break."""
    shown = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((text if text == "\n" else visible(text), style) for text, style in shown))


def _head(name: str) -> Text:
    return Text("\n".join(visible(row) for row in name.split("\n")))
