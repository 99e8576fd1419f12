"""Small pieces of HTML with which a notebook shows an answer: in the colours of the reader's theme, names as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from coexsim.text import encodable, visible

_STYLE = (
    "border:1px solid rgba(128,128,128,.45);border-left:4px solid #0072b2;padding:.5em .9em;max-width:56em;"
    "font-family:system-ui,sans-serif;line-height:1.45;overflow-x:auto"
)
_CELL = "text-align:left;padding:.1em .9em .1em 0;vertical-align:top"
MOST_ROWS = 12


def card(title: str, lines: Iterable[str] = (), head: Sequence[str] = (), rows: Sequence[Sequence[object]] = ()) -> str:
    """A title, sentences below it, and a table of at most `MOST_ROWS` rows. Colours are inherited, so a dark theme stays dark."""
    said = "".join(f"<div>{_shown(line)}</div>" for line in lines)
    return f'<div style="{_STYLE}"><div><b>{_shown(title)}</b></div>{said}{_table(head, rows)}</div>'


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    top = "".join(f'<th style="{_CELL}">{_shown(name)}</th>' for name in head)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{_shown(str(cell))}</td>' for cell in row) + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    more = f"<div>and {len(rows) - MOST_ROWS} more rows</div>" if len(rows) > MOST_ROWS else ""
    return f'<table style="border-collapse:collapse;background:transparent"><tr>{top}</tr>{body}</table>{more}'


def _shown(text: str) -> str:
    return escape(visible(encodable(text)))
