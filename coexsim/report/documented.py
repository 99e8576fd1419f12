"""What the columns of the tables beside a page mean, for the end of the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from coexsim.analysis.tables import TABLES
from coexsim.experiment.columns import Column


class TableColumns(NamedTuple):
    """A table that lies beside the page: its name, what a row of it is and where it is, its columns."""

    name: str
    meaning: str
    place: str
    columns: dict[str, Column]


def documented(tables: Mapping[str, Collection[str] | None]) -> list[TableColumns]:
    """Of each table that is known the columns that it has; None: all that such a table may have."""
    found = []
    for name, has in tables.items():
        if text := TABLES.get(name):
            columns = {column: told for column, told in text.columns.items() if has is None or column in has}
            found.append(TableColumns(name, text.meaning, text.place, columns))
    return found
