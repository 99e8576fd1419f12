"""Tables at the terminal: in any width no word is broken, no column left out, no row cut off."""

from __future__ import annotations

import io
from math import inf

import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from coexsim.report.sweep_page import rows_of
from coexsim.report.tables import plain_table, titled

LEFT, RIGHT = ["server", "limit"], ["busy", "hour\nfrom", "busiest\nminute", "95 % waited\nat most"]
ROWS = [
    ("onprem", "4 processor cores", "21.8 %", "Mon 09:00", "28 %", "0 s"),
    ("office-uplink down", "bandwidth", "6.7 %", "Mon 09:00", "19 %", ""),
    ("a-server-with-a-name-of-its-own", "transfer threads", "100.0 %", "Mon 10:30", "100 %", "1.5 min"),
]


def table() -> Table:
    made = plain_table(LEFT, RIGHT)
    for row in ROWS:
        made.add_row(*row)
    return made


def printed(shown: object, columns: int) -> list[str]:
    """What a terminal so wide shows."""
    file = io.StringIO()
    Console(file=file, width=columns, highlight=False, markup=False, emoji=False).print(shown)
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("columns", [40, 50, 60, 70, 80, 100, 120, 200])
def test_every_word_is_there_in_any_width(columns: int) -> None:
    """Whole words, all cells of all rows, heads too, and nothing wider than the terminal."""
    lines = printed(titled("Servers at the peak", table()), columns)
    words = " ".join(lines).replace(";", "").split()

    assert max(map(len, lines)) <= columns
    for cell in (cell for row in ROWS for cell in row):
        assert set(cell.split()) <= set(words), cell
    for head in [*LEFT[1:], *RIGHT]:  # that of the first column is not needed before a paragraph
        assert set(head.split()) <= set(words), head


def test_where_it_fits_it_is_a_table_and_else_paragraphs() -> None:
    """At 120 columns a row is a line; at 60 its first cell, and below it head by head what the others say, blanks left out."""
    wide, narrow = printed(table(), 120), printed(table(), 60)

    assert len(wide) == 2 + len(ROWS)
    assert wide[2].split() == " ".join(ROWS[0]).split()
    assert narrow[0] == "onprem"
    assert narrow[1].startswith("  limit 4 processor cores; busy 21.8 %; hour from Mon 09:00;")
    assert "waited" not in " ".join(narrow[3:6])  # the link has no such figure


def test_a_row_that_begins_with_a_number_says_of_what() -> None:
    """``hosted 25 %``, not ``25 %``."""
    made = plain_table([], ["hosted", "WAN", *(f"internet\n->place{n}" for n in range(5))])
    made.add_row("25 %", "158 MB", *["1.5 s"] * 5)

    assert printed(made, 50)[0] == "hosted 25 %"


def test_a_row_that_begins_with_a_value_of_a_key_says_of_which() -> None:
    """Values of a swept key stand to the left, as words do; folded they are no bare numbers."""
    made = plain_table(["hosted\n_share", "flow"], ["a rather long head"] * 3)
    made.add_row("50 %", "internet", "1", "2", "3")

    assert printed(made, 40)[0] == "hosted _share 50 %"


def test_columns_of_words_are_folded_between_words() -> None:
    """An objective is never broken within its name, and the widest columns give most."""
    made = plain_table(["objective", "answer", "figure (95 % interval)", "remark"], [])
    made.add_row(
        "utilisation(office-uplink) < 70 %", "cannot say", "6.69 %", "one replication cannot tell; run several"
    )
    lines = printed(made, 80)

    assert any("utilisation(office-uplink)" in line for line in lines)
    assert any("cannot say" in line for line in lines)
    assert len(lines) <= 5


def test_a_figure_without_an_upper_end_is_told_by_its_lower() -> None:
    """As `coexsim run` says it: at least, not "to never"."""
    row = {
        "objective": "p95(delay) < 30 s",
        "limit": 30.0,
        "estimate": 1.6,
        "low": 0.922,
        "answer": "met",
        "unit": "s",
        "expired": 0.0,
    }
    lost = {"growth": 3, **row, "estimate": inf, "low": inf, "high": inf, "answer": "missed", "expired": 0.33}
    at_limit = {"growth": 4, **row, "high": 30.0}
    points = pd.DataFrame([{"growth": 1, **row, "high": inf}, {"growth": 2, **row, "high": 2.0}, lost, at_limit])

    told = [cells[1] for cells in rows_of(points)[1]]
    assert told == [
        "met: 1.6 s (at least 922 ms)", "met: 1.6 s (922 ms to 2 s)", "missed: never (33 % expired)",
        "met: 1.6 s (922 ms to the limit of 30 s)",
    ]  # fmt: skip
