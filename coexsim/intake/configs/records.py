"""Records of exported directories with the line that each begins on: CSV of shells and spreadsheets, LDIF (RFC 2849).

CSV is read by the standard library's csv module, row by row; pandas would hold the whole table and says no line for a value.
Of LDIF, ldif 4.3.0 from PyPI was tried (a fork of the module in python-ldap, which wants OpenLDAP; ldif3 is an older fork): it reads
UTF-8 and base64, but stops at UTF-16 as PowerShell writes it, leaves cp1252 as bytes, and names no line where an entry begins or is
wrong. What a directory needs of RFC 2849, folded lines, base64 and comments, is less code than an adapter for that library.
"""

from __future__ import annotations

import base64
import binascii
import csv
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from coexsim.intake.configs.found import Where
from coexsim.intake.configs.reading import LONGEST_LINE, File, fail, lines_of, open_text

_LOST = re.compile(r"^(System\.|Microsoft\.Exchange\.|Deserialized\.)[\w.`\[\],]+$")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?:;[A-Za-z0-9_-]+)*")
MOST_OF_ONE = 1_000_000  # values of one record: the members of a group of a million


class Record(NamedTuple):
    """One entry: values by attribute or column, whose names are in lower case without blanks; `dn` is empty in CSV."""

    values: dict[str, list[str]]
    where: Where
    dn: str = ""
    columns: Mapping[str, str] = {}  # of the whole table, in CSV: as they are written, by the same names as the values

    def first(self, *names: str) -> str:
        """The first value that one of these has, else nothing."""
        return next((value for name in names for value in self.values.get(name, ()) if value), "")

    def all(self, *names: str) -> list[str]:
        """Every value that these have."""
        return [value for name in names for value in self.values.get(name, ()) if value]


def is_ldif(file: File) -> bool:
    """Does the file begin as LDIF does."""
    for number, line in lines_of(file):
        if line.strip() and not line.startswith("#"):
            return line.casefold().startswith(("version:", "dn:"))
        if number > 1000:
            break
    return False


def csv_records(file: File) -> Iterator[Record]:
    """The rows of a CSV file by the names in its first row. Raises `InputError` with the line of what cannot be read.

    Separated by commas, semicolons or tabs: what the first row has most of. ``#TYPE`` lines of Export-Csv are passed over.
    """
    with open_text(file, newline="") as text:
        begun = 0
        for first in text:
            begun += 1
            if len(first) > LONGEST_LINE:
                fail(file.name, begun, f"a line of {len(first)} characters; this is no table of columns")
            if first.strip() and not first.startswith("#TYPE"):
                break
        else:
            fail(file.name, begun, "there is no row in it; the first one names the columns")
        delimiter = max(",;\t", key=first.count)
        rows = csv.reader(_chain(first, text), delimiter=delimiter, strict=True)
        names: list[str] = []
        columns: dict[str, str] = {}
        before = 0
        try:
            for row in rows:
                where = file.at(begun + before)
                before = rows.line_num
                if not names:
                    names = [_column(name) for name in row]
                    columns = dict(zip(names, row, strict=True))
                elif row:
                    yield Record(_by_name(names, row, where), where, columns=columns)
        except csv.Error as error:
            fail(file.name, begun + max(rows.line_num - 1, 0), f"not readable as CSV: {error}")


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _by_name(names: list[str], row: list[str], where: Where) -> dict[str, list[str]]:
    if len(row) < len(names) or any(row[len(names) :]):
        fail(where.file, where.line, f"{len(row)} columns, but the first row names {len(names)}")
    values = {name: [value.strip()] for name, value in zip(names, row, strict=False) if value.strip()}
    for name, (value,) in values.items():
        if _LOST.match(value):
            fail(where.file, where.line, f"column {name!r} holds {value!r}: the export wrote the name of a list in place of what is in it; "
                 "export with the commands of 'coexsim import exchange --how'")  # fmt: skip
    return values


def _column(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def ldif_records(file: File) -> Iterator[Record]:
    """The entries of an LDIF file (RFC 2849): folded lines, base64, comments; by physical line. Raises `InputError`.

    A value in a file of its own (``:<``) is not fetched. What an LDAP client prints about its search is passed over.
    """
    values: dict[str, list[str]] = {}
    dn, begun, count = "", 0, 0
    for number, line in _unfolded(file):
        if not line:
            if begun and dn:
                yield Record(values, file.at(begun), dn)
            values, dn, begun, count = {}, "", 0, 0
            continue
        name, value = _attribute(file, number, line)
        if not begun and name in ("version", "search", "result", "control", "ref"):
            begun = 0 if name == "version" else number
            continue
        if name == "dn":
            if dn:
                fail(file.name, number, "a second 'dn:' in one entry; an empty line stands between entries")
            dn, begun = value, number
        elif begun and not dn:
            continue  # the rest of what the client said of its search
        elif not dn:
            fail(file.name, number, f"an entry begins with 'dn:', found {name!r}")
        elif name == "changetype" and value != "add":
            fail(file.name, number, "a file of changes; export the entries themselves")
        else:
            count += 1
            if count > MOST_OF_ONE:
                fail(file.name, number, f"more than {MOST_OF_ONE} values in one entry")
            values.setdefault(name, []).append(value)
    if begun and dn:
        yield Record(values, file.at(begun), dn)


def _unfolded(file: File) -> Iterator[tuple[int, str]]:
    """Whole lines with the number of their first; comments are left out, and the parts of long ones put together."""
    begun, parts, comment = 0, list[str](), False
    for number, line in lines_of(file):
        if line.startswith(" "):
            if not parts and not comment:
                fail(file.name, number, "a line that continues another one, but there is none before it")
            if not comment:
                parts.append(line[1:])
            continue
        if parts:
            yield begun, "".join(parts)
        comment = line.startswith("#")
        begun, parts = number, [] if comment or not line.strip() else [line]
        if not comment and not line.strip():
            yield number, ""
    if parts:
        yield begun, "".join(parts)


def _attribute(file: File, number: int, line: str) -> tuple[str, str]:
    written, colon, value = line.partition(":")
    name = _attribute_name(written) if colon else ""
    if not name:
        fail(file.name, number, f"expected 'attribute: value', found {line[:60]!r}")
    if value.startswith(":"):
        return name, _decoded(file, number, name, value[1:].strip())
    return name, "" if value.startswith("<") else value.strip()


@lru_cache(maxsize=4096)  # a directory has few names of attributes
def _attribute_name(written: str) -> str:
    """The name without its options, in lower case; nothing where it is none."""
    return written.partition(";")[0].casefold() if _ATTRIBUTE.fullmatch(written) else ""


_BINARY = re.compile(
    r"jpegphoto|thumbnailphoto|usercertificate|userpassword|objectguid|objectsid|.*certificate.*|.*guid|.*sid|msexch.*|.*blob"
)


def _decoded(file: File, number: int, name: str, text: str) -> str:
    if _BINARY.fullmatch(name):
        return ""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        fail(file.name, number, f"{name}: not readable as base64: {error}")
