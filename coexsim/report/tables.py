"""Tables and text for the terminal: no lines, titles that do not break, names of others shown as what they are.

Nothing here reads rich's markup: what stands in brackets in a name stays in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from coexsim.text import visible

GAP = 2
"""Blanks between two columns."""


class PlainTable(Table):
    """A table whose cells are text, not markup.

    Where it is wider than the terminal, columns of words get narrower, but not than their longest word; where that is not enough, each
    row becomes a paragraph. No word is broken, and no column left out.
    """

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """As rich's, but for text."""
        super().add_row(*(words(cell) if isinstance(cell, str) else cell for cell in cells), **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich's, where it fits."""
        widths = _fitting([_width(column) for column in self.columns], options.max_width)
        if widths is None:
            yield from self._paragraphs()
            return
        for column, width in zip(self.columns, widths, strict=True):
            column.width = width
        yield from super().__rich_console__(console, options)

    def _paragraphs(self) -> Iterator[RenderableType]:
        """Each row as its first cell, with its head if it is a number, and below it what the other columns say."""
        heads = [_text(column.header).plain.replace("\n", " ") for column in self.columns]
        for cells in zip(*(map(_text, column.cells) for column in self.columns), strict=True):
            said = [
                Text.assemble(f"{head} ", Text(" ").join(cell.split("\n")))
                for head, cell in zip(heads[1:], cells[1:], strict=True)
                if cell.plain
            ]
            is_number = self.columns[0].justify == "right" or bool(re.match(r"[\d.]", cells[0].plain))
            yield Text.assemble(f"{heads[0]} ", cells[0]) if is_number else cells[0]
            if said:
                yield Padding(Text("; ").join(said), (0, 0, 0, GAP), expand=False)


def _text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))


def _width(column: Column) -> tuple[int, int]:
    """The least width of a column, and the one at which nothing is folded. A column of numbers has one width."""
    texts = [_text(column.header), *map(_text, column.cells)]
    most = max((line.cell_len for text in texts for line in text.split("\n", allow_blank=True)), default=0)
    longest = max((Text(word).cell_len for text in texts for word in text.plain.split()), default=0)
    least = most if column.no_wrap else longest
    return least, most


def _fitting(widths: Sequence[tuple[int, int]], room: int) -> list[int] | None:
    """Widths with which the table fits, none much wider than the others where it is folded; None where not even the least ones fit."""
    room -= GAP * (len(widths) - 1)
    if sum(least for least, _ in widths) > room:
        return None
    found: list[int] = []
    for limit in range(max((most for _, most in widths), default=0), -1, -1):
        found = [max(least, min(most, limit)) for least, most in widths]
        if sum(found) <= room:
            break
    return found


def plain_table(left: Sequence[str], right: Sequence[str]) -> Table:
    """A table without lines: columns of words, which may be folded between words, then columns of numbers, which are not."""
    table = PlainTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for name in left:
        table.add_column(_head(name))
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


def stacked(said: str, below: str) -> Text:
    """A cell of two lines, as a figure with its interval; in a row that became a paragraph they follow each other."""
    return Text.assemble(visible(said), *(("\n", (visible(below), "dim")) if below else ()))


def _head(name: str) -> Text:
    return Text("\n".join(visible(row) for row in name.split("\n")))
