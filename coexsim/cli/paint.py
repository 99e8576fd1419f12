"""Colour for people at a terminal; plain text for everybody else. Without rich, which takes longer than a trace."""

from __future__ import annotations

import os
import sys

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "bold": 1, "dim": 2}
OF_SEVERITY = {"error": "red", "warning": "yellow", "note": "blue"}
OF_OUTCOME = {"delivered": "green", "deferred_in_queue": "yellow"}


def paint(text: str, colour: str) -> str:
    """The text in a colour, where the output is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"


def paint_outcome(outcome: str) -> str:
    """An outcome in words: green where mail arrived, yellow where it waits, red where it failed."""
    return paint(outcome.replace("_", " "), OF_OUTCOME.get(outcome, "red"))


def count(number: int, what: str) -> str:
    """``1 note``, ``3 notes``."""
    return f"{number} {what}" + ("" if number == 1 else "s")
