"""What Exchange's shell writes: objects of ConvertTo-Json and rows of Export-Csv, and the kinds of value in them.

A shell writes one property in several ways, as it runs on the server, in a remote session or in the cloud's module: a size as
``10 MB (10,485,760 bytes)`` or as an object, an enumeration as a word or as a number, a list as an array, as an object with
``value``, or as one text.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from coexsim.intake.configs.found import Where
from coexsim.intake.configs.reading import File, fail, fail_at, open_text, read_text
from coexsim.intake.configs.records import Record, csv_records

_SIZE = re.compile(
    r"([0-9]+(?:[.,][0-9]+)?)\s*(B|KB|MB|GB|TB)?(?:\s*\(([0-9.,'\u00a0\u202f ]+)bytes\))?", re.IGNORECASE
)
_UNITS = {"B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_TIME = re.compile(r"(?:(\d{1,6})\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d+)?")
_INSIDE = (
    "smtpdomain",
    "domain",
    "address",
    "smtpaddress",
    "primarysmtpaddress",
    "hostname",
    "name",
    "value",
    "rawidentity",
)
TRUE = frozenset(("true", "1", "wahr", "vrai", "verdadero", "verdadeiro", "vero", "waar", "prawda"))
FALSE = frozenset(("false", "0", "falsch", "faux", "falso", "onwaar", "fałsz"))
DEEPEST = 20
MOST_OBJECTS = 5_000_000


class Thing:
    """One object: its properties by lower-case name, and where it stands."""

    def __init__(self, values: dict[str, Any], file: str, line: int, text: str = "") -> None:
        self._values = {_column(name): value for name, value in values.items()}
        self._file, self._line, self._text = file, line, text
        self._asked: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return _column(name) in self._values

    @property
    def names(self) -> frozenset[str]:
        """Its properties."""
        return frozenset(self._values)

    def where(self, name: str = "") -> Where:
        """The line of a property; of the object, where it cannot be found."""
        found = re.search(rf'"{re.escape(name)}"\s*:', self._text, re.IGNORECASE) if name and self._text else None
        return Where(self._file, self._line + (self._text.count("\n", 0, found.start()) if found else 0))

    def raw(self, name: str) -> Any:
        """The value as it was written."""
        self._asked.add(_column(name))
        return self._values.get(_column(name))

    def unread(self) -> list[str]:
        """The properties that say something and that nobody asked for."""
        return sorted(name for name in self._values.keys() - self._asked if _says_something(self._values[name]))

    def text(self, name: str) -> str:
        """A text, or what an object that stands for one has inside."""
        return text_of(self.raw(name))

    def flag(self, name: str) -> bool | None:
        """True or false; None where nothing is said. Raises `InputError` for anything else.

        Spreadsheets write these words in the language of who opened the export.
        """
        text = self.text(name).casefold().lstrip("$")
        if not text:
            return None
        if text not in TRUE | FALSE:
            fail_at(self.where(name), f"{name}: expected True or False, found {text[:40]!r}")
        return text in TRUE

    def words(self, name: str) -> list[str]:
        """The items of a list, whatever way it was written."""
        value = self.raw(name)
        if isinstance(value, dict):
            value = _inside(value, ("value", "values"), value)
        if isinstance(value, list):
            said = [one for one in value if one not in (None, "", {}, [])]
            texts = list(map(text_of, said))
            if not all(texts):
                fail_at(
                    self.where(name),
                    f"{name}: an item of the list says nothing; export it with ConvertTo-Json -Depth 3 or more",
                )
            return texts
        text = text_of(value).strip("{}")
        return [part for part in re.split(r"[,|\s]+", text) if part]

    def items(self, name: str) -> list[Any]:
        """The items of a list as they were written; what is no list is split into words."""
        value = self.raw(name)
        if isinstance(value, dict):
            value = _inside(value, ("value", "values"), [value])
        return value if isinstance(value, list) else list(self.words(name))

    def number(self, name: str) -> int | None:
        """A whole number; None for nothing and for Unlimited. Raises `InputError` for anything else."""
        text = self.text(name).replace(",", "")
        if not text or text.casefold() == "unlimited" or self._unlimited(name):
            return None
        if not re.fullmatch(r"[0-9]{1,12}", text):
            fail_at(self.where(name), f"{name}: expected a whole number or Unlimited, found {text[:40]!r}")
        return int(text)

    def size(self, name: str) -> int | None:
        """Bytes; None for nothing and for Unlimited. Raises `InputError` for anything else."""
        text = self.text(name)
        if not text or text.casefold() == "unlimited" or self._unlimited(name):
            return None
        found = _SIZE.fullmatch(text.strip())
        if found is None or len(text) > 80:
            fail_at(
                self.where(name), f"{name}: expected a size such as '10 MB (10,485,760 bytes)', found {text[:40]!r}"
            )
        if found[3]:
            return int(re.sub(r"[^0-9]", "", found[3]) or 0)
        return round(float(found[1].replace(",", ".")) * _UNITS[(found[2] or "B").upper()])

    def seconds(self, name: str) -> float | None:
        """Seconds of a time span, ``2.00:00:00``; None for nothing. Raises `InputError` for anything else."""
        value = self.raw(name)
        if isinstance(value, dict):
            value = _inside(value, ("totalseconds",), None)
            return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
        text = self.text(name)
        if not text:
            return None
        found = _TIME.fullmatch(text.strip())
        if found is None:
            fail_at(self.where(name), f"{name}: expected a time span such as '00:10:00', found {text[:40]!r}")
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)

    def record(self) -> Record:
        """The same as an entry of a directory."""
        values = {name: self._texts(name) for name in self._values}
        return Record({name: texts for name, texts in values.items() if texts}, self.where())

    def _texts(self, name: str) -> list[str]:
        value = self._values[name]
        if isinstance(value, (list, dict)):
            return self.words(name)
        text = text_of(value)
        return [text] if text else []

    def _unlimited(self, name: str) -> bool:
        value = self.raw(name)
        return isinstance(value, dict) and _inside(value, ("isunlimited",), False) is True


def text_of(value: Any, depth: int = 0) -> str:
    """A text, number or switch as text; of an object what it stands for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value).strip()
    if isinstance(value, dict) and depth < DEEPEST:
        if address := _ip_address(value):
            return address
        return text_of(_inside(value, _INSIDE, None), depth + 1)
    if isinstance(value, list) and len(value) == 1 and depth < DEEPEST:
        return text_of(value[0], depth + 1)
    return ""


def part_of(value: dict[str, Any], name: str) -> str:
    """The text of one property of an object; empty: it has none."""
    return text_of(_inside(value, (name,), None))


def _ip_address(value: dict[str, Any]) -> str:
    """.NET's IPAddress: with its text, or of an IPv4 address only its number, whose first byte is the lowest."""
    number = _inside(value, ("address",), None)
    if isinstance(number, int) and 0 <= number < 2**32 and _inside(value, ("addressfamily",), None) is not None:
        return ".".join(map(str, number.to_bytes(4, "little")))
    text = _inside(value, ("ipaddresstostring",), "")
    return text if isinstance(text, str) else ""


def _inside(value: dict[str, Any], names: tuple[str, ...], default: Any) -> Any:
    folded = {_column(str(name)): one for name, one in value.items()}
    return next((folded[name] for name in names if folded.get(name) is not None), default)


def _says_something(value: Any) -> bool:
    return value not in (None, "", False, [], {}) and str(value).casefold() not in FALSE


@lru_cache(maxsize=4096)  # properties have the same names in every object
def _column(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def things(file: File) -> Iterator[Thing]:
    """The objects of a JSON file, or the rows of a CSV file. Raises `InputError` with the line of what cannot be read."""
    text = _begin(file)
    if text.lstrip()[:1] not in ("[", "{"):
        for record in csv_records(file):
            yield Thing(
                {name: values[0] for name, values in record.values.items()}, record.where.file, record.where.line
            )
        return
    yield from _objects(file, read_text(file))


def _begin(file: File) -> str:
    with open_text(file) as text:
        return text.read(4096)


def _objects(file: File, text: str) -> Iterator[Thing]:
    """One array or object after the other, each read on its own so that its line is known."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    decoder = json.JSONDecoder()
    at, inside = _skip(text, 0), False
    while at < len(text):
        if text[at] == "[" and not inside:
            inside, at = True, _skip(text, at + 1)
        elif text[at] == "]" and inside:
            inside, at = False, _skip(text, at + 1)
        elif text[at] == "," and inside:
            at = _skip(text, at + 1)
        else:
            line = bisect_right(starts, at)
            try:
                value, end = decoder.raw_decode(text, at)
            except json.JSONDecodeError as error:
                fail(file.name, error.lineno, f"not readable as JSON: {error.msg}")
            except (ValueError, RecursionError) as error:
                fail(
                    file.name,
                    line,
                    f"not readable as JSON: {'nested too deeply' if isinstance(error, RecursionError) else error}",
                )
            if not isinstance(value, dict):
                fail(file.name, line, f"expected an object in braces, found {text[at : at + 30]!r}")
            yield Thing(value, file.name, line, text[at:end])
            at = _skip(text, end)
    if inside:
        fail(file.name, len(starts), "the list does not end: half a file?")


def _skip(text: str, at: int) -> int:
    blank = re.compile(r"\s*")
    found = blank.match(text, at)
    return found.end() if found else at
