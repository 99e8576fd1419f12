"""Read any number of log files of any known kind into one `LogBook`, in the order of time."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain, islice
from math import inf
from pathlib import Path
from statistics import median

from coexsim.errors import UsageError
from coexsim.intake.logs.book import LogBook, Told
from coexsim.intake.logs.domino import read_activity, read_console
from coexsim.intake.logs.google import read_google
from coexsim.intake.logs.opening import (
    BrokenOffError,
    head_of,
    is_packed,
    kind_of,
    lines_of,
    lines_repeated,
    why_unknown,
    without_repeats,
)
from coexsim.intake.logs.postfix import PostfixReader
from coexsim.intake.logs.stamps import MONTHS, iso_s, long_id_s, syslog_s
from coexsim.intake.logs.trace_export import read_message_trace
from coexsim.intake.logs.tracking import ExchangeReader
from coexsim.scenario.files import UnreadableError, require_regular

PART_BYTES = 24_000_000  # of log in a part; about 11,000 messages that pass two servers
PACKED = 12  # a compressed log is about so many times as long
MOST_PARTS = 1_000
OVERLAP_S = 60.0  # two files of one host that overlap by more are logs of two servers


class _Head:
    """What the first lines of a Postfix log tell: its host, and when it begins."""

    def __init__(self, path: Path, lines: Sequence[str], year: int | None) -> None:
        self.host, self.from_s, self._stamp = "", 0.0, ""
        self.year, self.is_year_said = (year, True) if year else _year_of(lines, path)
        for line in lines:
            try:
                if line[:1].isdigit():
                    stamp, self.host = line.split(" ", 2)[:2]
                    self.from_s, self.is_year_said = iso_s(stamp)[0], True
                else:
                    self.host, self._stamp = line[16:].split(" ", 1)[0], line[:15]
                    self.from_s = syslog_s(self._stamp, self.year)
                return
            except (ValueError, IndexError):
                continue

    def take_year_near(self, at_s: float) -> None:
        """Take the year in which the log begins nearest to a time that other logs say."""
        if self.is_year_said or not self._stamp:
            return
        middle = datetime.fromtimestamp(at_s, UTC).year
        found = []
        for year in (middle, middle - 1, middle + 1):
            with suppress(ValueError):  # the 29th of February
                found.append((abs(syslog_s(self._stamp, year) - at_s), year))
        if found:
            self.year = min(found)[1]
            self.from_s = syslog_s(self._stamp, self.year)


def _year_of(lines: Sequence[str], path: Path) -> tuple[int, bool]:
    """The year of a log that does not say it, and whether long queue ids do; else from when the file was last written."""
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    for line in lines:
        words = line.partition("]: ")[2].partition(": ")[0]
        at_s = long_id_s(words) if words.isalnum() else None
        if at_s is not None and 0 < at_s < 4e9:
            return datetime.fromtimestamp(at_s, UTC).year, True
    month = next((MONTHS[line[:3]] for line in lines if line[:3] in MONTHS), 1)
    return written.year - (month > written.month), False


class _Reading:
    """How much of all files was read."""

    def __init__(self, book: LogBook, files: Iterable[Path], progress: Callable[[float], None] | None) -> None:
        self.book = book
        self._total = max(_length(files), 1)
        self._read = 0
        self._progress = progress

    def file(self, path: Path, kind: str, read: Callable[[Iterable[str], Told], None], repeated: int = 0) -> None:
        """Read a file, after so many lines that were read already, and note in the book what was found in it."""
        told = Told(str(path), kind, lines=repeated)
        self.book.told.append(told)
        try:
            read(islice(lines_of(path, self._more), repeated, None), told)
        except BrokenOffError as error:
            told.remarks.append(str(error))

    def _more(self, count: int) -> None:
        self._read += count
        if self._progress:
            self._progress(min(self._read / self._total, 1.0))


def read_logs(
    paths: Iterable[str | Path], *, year: int | None = None, parts: int | None = None, progress: Callable[[float], None] | None = None,
) -> LogBook:  # fmt: skip
    """Read mail logs, plain or compressed; the kind of each is recognised.

    Long logs of Postfix are kept in `parts` (by default as many as their length asks for), other kinds in one.

    `progress` is told the share of the logs that was read, 0 to 1, about.

    `year` is that of the first line of a syslog without years; by default it comes from long queue ids or from the file's own time.
    What was read and what could not be is in `LogBook.told`. Raises `UsageError` for a file that is not there or of no known kind.
    """
    kept, repeats = without_repeats(_files(paths))
    told = [Told(str(path), "repeat", remarks=[f"the same as {same}: not read twice"]) for path, same in repeats]
    by_kind: dict[str, list[tuple[Path, list[str]]]] = {}
    for path in kept:
        lines = head_of(path)
        kind = kind_of(lines)
        if kind is None:
            if not any(line.strip("\0 \r\n\t") for line in lines):
                told.append(Told(str(path), "empty", remarks=["holds nothing that can be read"]))
                continue
            raise UsageError(f"{path}: {why_unknown(lines)}")
        by_kind.setdefault(kind, []).append((path, lines))
    book = LogBook((parts or _parts(by_kind["postfix"])) if list(by_kind) == ["postfix"] else 1)
    book.told += told
    reading = _Reading(book, kept, progress)
    _read_postfix(reading, by_kind.pop("postfix", []), year)
    if tracked := by_kind.pop("exchange", []):
        reader = ExchangeReader(book)
        for path, _ in tracked:
            reading.file(path, "exchange", reader.read)
        reader.close()
    others = {
        "message-trace": read_message_trace,
        "google": read_google,
        "domino": read_console,
        "domino-activity": read_activity,
    }
    for kind, files in by_kind.items():
        for path, _ in files:
            reading.file(path, kind, partial(others[kind], book))
    book.pack(is_last=True)
    return book


def _parts(files: Sequence[tuple[Path, list[str]]]) -> int:
    """In how many parts to keep these logs."""
    return min(max(_length(path for path, _ in files) // PART_BYTES, 1), MOST_PARTS)


def _length(files: Iterable[Path]) -> int:
    """About how many bytes there are to read."""
    return sum(path.stat().st_size * (PACKED if is_packed(path) else 1) for path in files)


def _files(paths: Iterable[str | Path]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        if os.path.isdir(path):
            try:
                inside = sorted(file for file in path.iterdir() if file.is_file())
            except OSError as error:
                raise UsageError(f"{path}: {error.strerror or error}") from None
            found += [file for file in inside if kind_of(head_of(file)) is not None]
            if not found:
                raise UsageError(f"{path}: no file in this folder is a mail log of a known kind")
        else:
            try:
                require_regular(path)  # a pipe cannot be read twice, and may never end
            except UnreadableError as error:
                why = "there is no such file" if error.absent else f"cannot be read: {error.why}"
                raise UsageError(f"{path}: {why}") from None
            found.append(path)
    if not found:
        raise UsageError("no log file was given")
    return found


def _read_postfix(reading: _Reading, files: Sequence[tuple[Path, list[str]]], year: int | None) -> None:
    """Files of one host follow each other; files of one host that overlap in time are different servers."""
    book = reading.book
    found = [(_Head(path, lines, year), path) for path, lines in files]
    said_s = [head.from_s for head, _ in found if head.is_year_said and head.from_s]
    for head, _ in found if said_s else ():
        head.take_year_near(median(said_s))
    heads = sorted(found, key=lambda pair: (pair[0].from_s, str(pair[1])))
    apart = _stems_apart(heads)
    readers: dict[str, list[_OfHost]] = {}
    for head, path in heads:
        known = readers.setdefault(head.host, [])
        stem = _stem(path) if (head.host, _stem(path)) in apart else ""
        same, repeated = _of_same_log(known, head, path)
        if same is None:
            same = next(
                (one for one in known if one.stem == stem and head.from_s >= one.reader.now_s - OVERLAP_S), None
            )
        if same is None:
            label = f" ({path.name.partition('.')[0]})" if known else ""
            same = _OfHost(stem, PostfixReader(book, head.year, label), path)
            known.append(same)
        reading.file(path, "postfix", same.reader.read, repeated)
        if repeated:
            book.told[-1].remarks.append(f"its first {repeated:,} lines stand in {same.path} too: read once")
        elif same.reader.label:
            another = f"another log of {head.host} covers the same time: taken for another server, {head.host}{same.reader.label}"
            book.told[-1].remarks.append(another)
        if same.reader.now_s > same.to_s:
            same.path, same.to_s = path, same.reader.now_s
    for one in chain.from_iterable(readers.values()):
        one.reader.close()


@dataclass
class _OfHost:
    """A server among those of one host name: the stem of its files, and the one of them that ends last."""

    stem: str
    reader: PostfixReader
    path: Path
    to_s: float = -inf


def _of_same_log(known: Sequence[_OfHost], head: _Head, path: Path) -> tuple[_OfHost | None, int]:
    """The server whose last file holds the first lines of this one, and how many of them."""
    for one in known:
        if head.from_s <= one.to_s and (repeated := lines_repeated(path, one.path)):
            return one, repeated
    return None, 0


def _stem(path: Path) -> str:
    """A file's name without its ends and without the number or date of its rotation: ``hub`` of hub.log.2.gz and hub-20261127."""
    return re.sub(r"[-_]?[\d-]+$", "", path.name.partition(".")[0]).casefold()


def _stems_apart(heads: Sequence[tuple[_Head, Path]]) -> set[tuple[str, str]]:
    """Hosts and names of rotated files that are one server's each, since others of that host name begin in between."""
    begins: dict[tuple[str, str], list[float]] = {}
    for head, path in heads:
        begins.setdefault((head.host, _stem(path)), []).append(head.from_s)
    found = set()
    for (host, stem), times_s in begins.items():
        for (other_host, other), others_s in begins.items():
            if host == other_host and stem != other and min(others_s) <= max(times_s) and min(times_s) <= max(others_s):
                found |= {(host, stem), (host, other)}
    return found
