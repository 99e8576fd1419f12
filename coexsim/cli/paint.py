"""Lines of text for people: colour at a terminal, and names of others as what they are, not as commands to the terminal.

The commands that need no clock print with this and not with rich, which takes longer to import than a trace.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from shutil import get_terminal_size

from coexsim.text import visible

_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "bold": 1, "dim": 2}
OF_SEVERITY = {"error": "red", "warning": "yellow", "note": "blue"}
OF_OUTCOME = {"delivered": "green", "deferred_in_queue": "yellow"}
# Marks where a colour begins and ends within a line. No name of a scenario can hold it: it is made anew in each process.
_MARK = f"<{os.urandom(8).hex()}:"
_MARKS = re.compile(f"{_MARK}(\\d+)>")
LEAST_COLUMNS = 40


def paint(text: str, colour: str) -> str:
    """The text in a colour, where the output is a terminal and NO_COLOR is not set. To be printed by `say`."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"{_MARK}{_COLOURS[colour]}>{text}{_MARK}0>"


def paint_outcome(outcome: str) -> str:
    """An outcome in words: green where mail arrived, yellow where it waits, red where it failed."""
    return paint(outcome.replace("_", " "), OF_OUTCOME.get(outcome, "red"))


def say(lines: Iterable[str] | str) -> None:
    """Print lines on standard output, each as one line whatever it holds; at a terminal long ones are folded under their beginning."""
    columns = max(get_terminal_size().columns, LEAST_COLUMNS) if sys.stdout.isatty() else 0
    for line in [lines] if isinstance(lines, str) else lines:
        for row in folded(line, columns):
            parts = _MARKS.split(row)  # text, colour, text, colour, text ...
            print("".join(f"\033[{part}m" if i % 2 else visible(part) for i, part in enumerate(parts)))


def folded(line: str, columns: int) -> list[str]:
    """The line in rows of so many columns at the most, broken between words; what stands in a column of its own goes on below it."""
    if not columns or _width(line) <= columns:
        return [line]
    indent = " " * _hanging(line, columns)
    rows = [""]
    for word in re.findall(" *[^ ]+", line):  # with the blanks before it
        if rows[-1].strip() and _width(rows[-1] + word) > columns:
            rows.append(indent + word.lstrip(" "))
        else:
            rows[-1] += word
    return rows


def _hanging(line: str, columns: int) -> int:
    """Where the rows after the first begin: under the text behind the first gap of two blanks, if that leaves room; else a little in."""
    gap = re.search("(?<=[^ ])  +(?=[^ ])", line)
    place = _width(line[: gap.end()]) if gap else columns
    return place if place <= 3 * columns // 5 else len(line) - len(line.lstrip(" ")) + 2


def _width(line: str) -> int:
    return len(visible(_MARKS.sub("", line)))


def count(number: int, what: str) -> str:
    """``1 note``, ``3 notes``."""
    return f"{number} {what}" + ("" if number == 1 else "s")
