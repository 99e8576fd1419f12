"""Tables for the terminal: no lines, titles that do not break, numbers that do not either."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text


def plain_table(left: Sequence[str], right: Sequence[str]) -> Table:
    """A table without lines: columns of words, which may break, then columns of numbers, which never do."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def titled(title: str, table: Table, *notes: str) -> Group:
    """A table under its title, which may be longer than the table is wide, with notes below."""
    return Group(Text(title, style="bold"), table, *(Text(note, style="dim") for note in notes if note))
