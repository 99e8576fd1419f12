"""Open log files, plain or compressed (gz, bz2, xz, zst), in whatever encoding, and recognise their kind."""

from __future__ import annotations

import bz2
import codecs
import gzip
import hashlib
import io
import lzma
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import cast

from coexsim.errors import UsageError

KINDS = {
    "postfix": "Postfix mail log",
    "exchange": "Exchange message tracking log",
    "message-trace": "Microsoft 365 message trace",
    "google": "Google email log search",
    "domino": "Domino console log",
    "domino-activity": "Domino mail activity",
}
HEAD_LINES = 400
SHARED_LINES = 3  # in a row: then two files are of one log
BLOCK_BYTES = 1 << 18
LONGEST_LINE = 65_536  # characters; a longer line is cut there, and each part counted as a line
_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zst"}
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError)

_POSTFIX = re.compile(
    r"^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ "
    r"[^ \[]*postfix[^ \[]*/[a-z-]+\[\d+\]: "
)
_DOMINO = re.compile(
    r"^\s*(?:\[[0-9A-F:-]+\]\s*)?\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\s+\d{1,2}:\d\d(?::\d\d)?(?:\s*[AP]M)?\s+"
    r"(?:Router|SMTP Server|Mail Router)\b"
)


class BrokenOffError(Exception):
    """A compressed file that ends before its end, or is damaged."""


def _packing(path: Path) -> str:
    """The kind of compression; empty: none."""
    with path.open("rb") as file:
        head = file.read(6)
    return next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")


def is_packed(path: Path) -> bool:
    """Is a file compressed."""
    return bool(_packing(path))


def _binary(path: Path) -> io.BufferedIOBase:
    packed = _packing(path)
    if packed == "gz":
        return cast(io.BufferedIOBase, gzip.open(path, "rb"))
    if packed == "bz2":
        return cast(io.BufferedIOBase, bz2.open(path, "rb"))
    if packed == "xz":
        return cast(io.BufferedIOBase, lzma.open(path, "rb"))
    if packed == "zst":
        import pyarrow as pa

        return io.BufferedReader(pa.CompressedInputStream(str(path), "zstd"), 1 << 20)
    return path.open("rb")


def _encoding(head: bytes) -> str:
    """UTF-16 as PowerShell writes it, UTF-8 with or without a mark, else Windows' own."""
    for mark, name in (
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (codecs.BOM_UTF8, "utf-8-sig"),
    ):
        if head.startswith(mark):
            return name
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def lines_of(path: Path, read: Callable[[int], None] | None = None) -> Iterator[str]:
    """The lines of a log file; `read` is told how many bytes more were read.

    Raises `UsageError` for a file that cannot be opened, `BrokenOffError` where it breaks off.
    """
    return chain.from_iterable(_blocks_of(path, read))  # no step of a generator for each line


def _blocks_of(path: Path, read: Callable[[int], None] | None) -> Iterator[list[str]]:
    try:
        raw = _binary(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    with raw:
        try:
            yield from _blocks(raw, read)
        except _BROKEN as error:
            raise BrokenOffError(f"breaks off: {error}") from None


def _blocks(raw: io.BufferedIOBase, read: Callable[[int], None] | None) -> Iterator[list[str]]:
    """Lines without their ends, a block of the file at a time; what has no line end for long is cut."""
    rest, decoder = "", None
    while True:
        broken: BaseException | None = None
        try:
            block = raw.read1(BLOCK_BYTES)
        except _BROKEN as error:
            block, broken = b"", error
        if read is not None:
            read(len(block))
        if decoder is None:
            decoder = codecs.getincrementaldecoder(_encoding(block))(errors="replace")
        lines = (rest + decoder.decode(block, final=not block)).split("\n")
        rest = lines.pop()
        if len(rest) > LONGEST_LINE or (not block and rest):
            lines.append(rest)
            rest = ""
        yield lines
        if broken is not None:
            raise broken
        if not block:
            return


def head_of(path: Path) -> list[str]:
    """The first lines of a file, as far as they can be read."""
    found: list[str] = []
    with suppress(BrokenOffError):
        found.extend(islice(lines_of(path), HEAD_LINES))
    return found


def kind_of(head: Iterable[str]) -> str | None:
    """The kind of log that begins with these lines; None: none that is known."""
    for line in head:
        words = line.strip("\ufeff \r\n\t")
        folded = words.replace('"', "").replace(" ", "").casefold()
        if _POSTFIX.match(words):
            return "postfix"
        if folded.startswith(("#software:microsoftexchange", "#log-type:messagetracking")):
            return "exchange"
        if folded.startswith("#fields:") and "internal-message-id" in folded:
            return "exchange"
        if "messageid" in folded and "eventtarget" in folded and "recipientaddress" in folded:
            return "google"
        names = set(folded.replace("-", "_").split(","))
        if "internal" in folded and {"event_id", "eventid"} & names and {"source", "source_context"} & names:
            return "exchange"
        if names & {"recipient_status", "status"} and names & {"sender_address", "senderaddress"}:
            return "message-trace"
        if {"recordtype", "originator"} <= names:
            return "domino-activity"
        if _DOMINO.match(words):
            return "domino"
    return None


def why_unknown(head: Sequence[str]) -> str:
    """Why a file that begins with these lines is not read, and what would be."""
    found = f"no known kind of mail log; its first line is {head[0].strip()[:80]!r}. "
    if kind_of(line.replace(";", ",") for line in head):
        return found + "Its columns lie between ';': export it with ','"
    if any("postfix" in line for line in head):
        return (
            found
            + "It speaks of Postfix, but not as 'Nov 24 17:32:42 host postfix/smtpd[123]: ...' with nothing before the time: "
            "a journal is read as 'journalctl -o short-iso' writes it"
        )
    return found + f"Known: {'; '.join(KINDS.values())}"


def without_repeats(paths: Iterable[Path]) -> tuple[list[Path], list[tuple[Path, Path]]]:
    """The files whose contents differ, and those that are the same as another one."""
    by_size: dict[int, list[Path]] = {}
    for path in paths:
        try:
            by_size.setdefault(path.stat().st_size, []).append(path)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}") from None
    kept: list[Path] = []
    repeats: list[tuple[Path, Path]] = []
    for same_size in by_size.values():
        seen: dict[bytes, Path] = {}
        for path in same_size:
            digest = _digest(path) if len(same_size) > 1 else b""
            if digest in seen:
                repeats.append((path, seen[digest]))
            else:
                seen[digest] = path
                kept.append(path)
    return kept, repeats


def lines_repeated(path: Path, earlier: Path) -> int:
    """How many lines at the beginning of a log stand also in an `earlier` one: it is a copy, or was rotated while somebody copied it."""
    shared = 0
    with suppress(BrokenOffError):
        mine, theirs = lines_of(path), lines_of(earlier)
        begin = list(islice(mine, SHARED_LINES))
        last = deque[str](maxlen=len(begin))
        for line in theirs:
            last.append(line)
            if line == begin[-1] and list(last) == begin:
                shared = len(begin)
                break
        else:
            return 0
        for line, other in zip(mine, theirs, strict=False):
            if line != other:
                break
            shared += 1
    return shared


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
