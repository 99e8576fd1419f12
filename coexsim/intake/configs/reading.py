"""Text of files as other programs write it: UTF-8 with and without a mark, UTF-16 as PowerShell has it, Windows-1252; by line.

Whatever cannot be read is an `InputError` with file and line.
"""

from __future__ import annotations

import codecs
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from coexsim.errors import InputError, Problem
from coexsim.intake.configs.found import Where
from coexsim.scenario.files import UnreadableError, require_regular

CHUNK = 1 << 20  # bytes that are looked at together
LONGEST_LINE = 1 << 20  # characters; a longer one is no line of a configuration
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class File(NamedTuple):
    """A file that was given, and the name by which it is told of."""

    path: Path
    name: str

    def at(self, line: int) -> Where:
        """A line of it."""
        return Where(self.name, line)


def files_of(paths: Sequence[str | Path]) -> list[File]:
    """The files given, and those in the folders given. Told of by their last name, or as given where two have the same."""
    found: list[Path] = []
    for path in map(Path, paths):
        try:
            inside = sorted(one for one in path.iterdir() if one.is_file()) if os.path.isdir(path) else [path]
        except OSError as error:
            fail(str(path), 0, f"cannot be read: {error.strerror}")
        if not inside:
            fail(str(path), 0, "there is no file in this folder")
        found += inside
    found = list(dict.fromkeys(found))
    names = [path.name for path in found]
    return [File(path, path.name if names.count(path.name) == 1 else path.as_posix()) for path in found]


def fail(file: str, line: int, text: str) -> NoReturn:
    """Raise an `InputError` about one place."""
    raise InputError([Problem(file, line, "", text)])


def fail_at(where: Where, text: str) -> NoReturn:
    """Raise an `InputError` about one place."""
    fail(where.file, where.line, text)


def open_bytes(file: File) -> io.BufferedReader:
    """The file as it is. Raises `InputError`, also for a pipe or a device, which may never end."""
    try:
        require_regular(file.path)
        return file.path.open("rb")
    except UnreadableError as error:
        fail(file.name, 0, "there is no such file" if error.absent else f"cannot be read: {error.why}")
    except OSError as error:
        fail(file.name, 0, f"cannot be read: {error.strerror or error}")


def open_text(file: File, newline: str | None = None) -> io.TextIOWrapper:
    """The file as text, whatever encoding it has. Raises `InputError`."""
    try:
        with open_bytes(file) as raw:
            encoding = _encoding(file, raw)
        return file.path.open(encoding=encoding, newline=newline)
    except (OSError, ValueError) as error:
        fail(file.name, 0, f"cannot be read: {getattr(error, 'strerror', None) or error}")


def read_text(file: File) -> str:
    """All of a file, its line ends made one kind. Raises `InputError`."""
    with open_text(file) as text:
        return text.read()


def lines_of(file: File) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, without their ends. Raises `InputError`."""
    with open_text(file) as text:
        for number, line in enumerate(text, start=1):
            if len(line) > LONGEST_LINE:
                fail(file.name, number, f"a line of {len(line)} characters; this is no text that is read by line")
            yield number, line.rstrip("\n")


def _encoding(file: File, raw: io.BufferedReader) -> str:
    """The encoding of a file, found by reading all of it once."""
    begin = raw.read(4096)
    raw.seek(0)
    marked = next((name for mark, name in _MARKS if begin.startswith(mark)), None)
    if marked is None and begin.count(0) > len(begin) // 4:  # UTF-16 without a mark: every other byte is zero
        marked = "utf-16-le" if begin[1:2] == b"\0" else "utf-16-be"
    for encoding in [marked] if marked else ["utf-8", "cp1252"]:
        raw.seek(0)
        error = _undecodable(raw, encoding)
        if error is None:
            return encoding
    line, why = error or (1, "")
    fail(file.name, line, f"not readable as {marked or 'UTF-8 or Windows-1252'} text: {why}; save it as UTF-8")


def _undecodable(raw: io.BufferedReader, encoding: str) -> tuple[int, str] | None:
    """Line and reason where the bytes are no text in this encoding; a zero byte is none in any."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    while True:
        block = raw.read(CHUNK)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeError as error:
            before = getattr(error, "object", b"")[: getattr(error, "start", 0)].decode(encoding, "ignore")
            return line + before.count("\n"), getattr(error, "reason", str(error))
        if "\0" in text:
            return line + text[: text.index("\0")].count("\n"), "a zero byte"
        line += text.count("\n")
        if not block:
            return None
