"""Read logs that are tables: columns by name in any order, rows that are damaged counted and left out."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from coexsim.intake.logs.book import BOUNCED, DEFERRED, DISCARDED, EXPIRED, SENT, Told
from coexsim.intake.logs.stamps import iso_s

REPEATED = "{:,} of its rows stand in another file too: read once"
ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CLOCK = re.compile(
    r"(\d{1,4})[/.-](\d{1,2})[/.-](\d{1,4})[ T,]+(\d{1,2}):(\d\d)(?::(\d\d)(\.\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(?:UTC|GMT|Z)?$"
)


def column(name: str) -> str:
    """A column's name without case, spaces, dashes and underscores."""
    return re.sub(r"[\s_\-]", "", name.strip("\ufeff \"'")).casefold()


def rows_of(
    lines: Iterable[str], told: Told, read: set[int], *, fields_line: str = "#fields:"
) -> Iterator[tuple[int, dict[str, str]]]:
    """Number and cells of each row. Column names are in the first line, or in a line that begins as Exchange's ``#Fields:``.

    `read` are the rows of other files, which are left out here: exports of times that overlap hold the same rows. Those of this file
    are added to it.
    """
    names: list[str] = []
    mine: set[int] = set()
    repeated = 0

    def body() -> Iterator[str]:
        nonlocal names
        for line in lines:
            told.lines += 1
            if line.startswith(("#", "\ufeff#")):
                words = line.strip("\ufeff \r\n")
                if words.casefold().startswith(fields_line):
                    names = [column(name) for name in words[len(fields_line) :].split(",")]
                told.other += 1
            elif "\0" in line:
                told.damage(told.lines, line)
            else:
                yield line

    try:
        for cells in _cells(body(), told):
            if not cells or not any(cells):
                told.other += 1
            elif not names:
                names = [column(cell) for cell in cells]
                told.other += 1
            elif len(cells) < max(3, len(names) // 2) or len(cells) > len(names) + 1:
                told.damage(told.lines, ",".join(cells))
            elif [column(cell) for cell in cells[:3]] == names[:3]:
                told.other += 1  # a header in the middle: files one after the other
            elif (key := hash(tuple(cells))) in read:
                repeated += 1
                told.other += 1
            else:
                mine.add(key)
                yield told.lines, dict(zip(names, cells, strict=False))
    finally:  # also where the file breaks off
        read |= mine
        if repeated:
            told.remarks.append(REPEATED.format(repeated))


def _cells(lines: Iterable[str], told: Told) -> Iterator[list[str]]:
    """The cells of each row; what is no row is damaged."""
    reader = csv.reader(lines)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            told.damage(told.lines, str(error))


def first(row: Mapping[str, str], *names: str) -> str:
    """The first of these columns that says something."""
    return next((row[name].strip() for name in names if row.get(name, "").strip()), "")


def number(text: str, otherwise: int = -1) -> int:
    """A whole number of 0 or more such as ``158042`` or ``1,234``; `otherwise` where there is none."""
    digits = text.replace(",", "").strip()
    return min(int(digits), 2**62) if digits.isascii() and digits.isdigit() and len(digits) < 19 else otherwise


def time_s(text: str, *, day_first: bool = False) -> float:
    """Seconds of a time as tables write it: ISO 8601, ``11/24/2026 5:32:42 PM``, ``2026/11/24 17:32:42 UTC``. Raises `ValueError`."""
    text = text.strip()
    try:
        return iso_s(text)[0]
    except ValueError:
        pass
    match = _CLOCK.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time")
    one, two, three, hour, minute, second, part, half = match.groups()
    if len(one) == 4:
        year, month, day = int(one), int(two), int(three)
    else:
        month, day, year = int(one), int(two), int(three)
        if day_first or month > 12:
            month, day = day, month
        year += 2000 if year < 100 else 0
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    return datetime(year, month, day, hours, int(minute), int(second or 0), tzinfo=UTC).timestamp() + float(part or 0)


def status_of(text: str) -> int | None:
    """What a word for a delivery's state means; None: nothing that ends or delays it."""
    word = text.strip().casefold()
    if word.startswith(("deliver", "accept", "sent", "send", "success", "inserted")) and "fail" not in word:
        return SENT
    if word.startswith(("fail", "bounce", "reject", "undeliver", "delivery fail", "deliveryfail")):
        return BOUNCED
    if word.startswith(("defer", "pend", "getting", "retry", "queued")):
        return DEFERRED
    if word.startswith("expired"):
        return EXPIRED
    if word.startswith(("quarantin", "filtered", "drop", "discard", "badmail", "poison", "spam")):
        return DISCARDED
    return None
