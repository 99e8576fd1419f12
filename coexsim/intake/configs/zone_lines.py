"""Records of zone files, of what dig prints, and of zone transfers, each with its line; dnspython reads the records themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdatatype
import dns.ttl
import dns.zonefile

from coexsim.intake.configs.found import Found, Where
from coexsim.intake.configs.reading import File, fail, fail_at, lines_of

LONGEST_ENTRY = 1 << 16  # characters of one record, over all its lines
DEFAULT_TTL_S = 3600
MOST_INCLUDES = 10
_AGE = re.compile(r"\s\[AGE:\d{1,12}\]\s")  # Windows' DNS server writes when a record was refreshed
_WINS = re.compile(r"\S+\s+(?:\d+\s+|IN\s+)*WINS(?:-?R)?\s", re.IGNORECASE)
_FILE_NAME = re.compile(
    r"(?:db\.)?([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+?)(?:\.(?:zone|db|hosts|txt|dns|axfr|dig))?", re.IGNORECASE
)
_OUR_WORDS = {
    "unknown rdatatype": "there is no type of record called",
    "Text input is malformed": "its data are not those of its type",
    "expecting an identifier": "a word is missing",
    "expecting an integer": "a number is missing",
    "expecting a string": "a text is missing",
    "expected EOL or EOF, got 3": "it should have ended before",
}


class Line(NamedTuple):
    """One record: owner and data in full, as text."""

    owner: dns.name.Name
    ttl_s: int
    type: str
    data: str
    where: Where


def zone_lines(file: File, found: Found, domain: str | None) -> Iterator[Line]:
    """The records of one file, in their order. Raises `InputError` with the line of what cannot be read."""
    reader = _ZoneReader(file, found, domain)
    for number, text in _entries(file):
        yield from reader.entry(number, text)


class _ZoneReader:
    """What the lines before say for those after: origin, TTL, owner."""

    def __init__(self, file: File, found: Found, domain: str | None) -> None:
        self._file, self._found = file, found
        self._origin = self._first_origin(domain)
        self._domain, self._depth = domain, 0
        self._ttl_s: int | None = None
        self._owner: str | None = None

    def _first_origin(self, domain: str | None) -> dns.name.Name:
        """A zone file is called after its zone; else it is the domain that was given."""
        named = _FILE_NAME.fullmatch(self._file.path.name)
        of_domain = domain is not None and domain.casefold() in self._file.path.name.casefold()
        text = (
            domain if of_domain or not named else named[1] if self._file.path.suffix.casefold() in _SUFFIXES else domain
        )
        try:
            return dns.name.from_text(text or ".")
        except dns.exception.DNSException:
            return dns.name.root

    def entry(self, number: int, text: str) -> Iterator[Line]:
        """The records of one entry; a directive has none."""
        where = self._file.at(number)
        if text[:8].upper() == "$INCLUDE":
            yield from self._included(text[8:].strip(), where)
            return
        if text.startswith("$"):
            self._directive(text, where)
            return
        if text[0] in " \t":
            if self._owner is None:
                fail_at(where, "a record without a name, and none before it has one")
            text = f"{self._owner} {text.strip()}"
        else:
            self._owner = text.split(None, 1)[0]
        text = _AGE.sub(" ", text, count=1)
        if _WINS.match(text):
            self._found.leave(
                "WINS", text, where, "names are looked up in another service; here those that stand in the zone exist"
            )
            return
        try:
            origin = self._origin_of(text)
            sets = dns.zonefile.read_rrsets(
                text, rdclass=None, default_ttl=self._ttl_s or DEFAULT_TTL_S, origin=origin, relativize=False
            )
            for records in sets:
                kind = dns.rdatatype.to_text(records.rdtype)
                if kind == "SOA" and self._ttl_s is None:
                    self._ttl_s = records[0].minimum
                if kind == "SOA" and self._origin == dns.name.root:
                    self._origin = records.name
                for record in records:
                    yield Line(records.name, records.ttl, kind, record.to_text(origin=None, relativize=False), where)
        except (dns.exception.DNSException, ValueError, OverflowError) as error:
            fail_at(where, f"no record such as 'mail 3600 IN A 192.0.2.10': found {text[:60]!r} ({_reason(error)})")

    def _origin_of(self, text: str) -> dns.name.Name:
        """The origin; for a SOA record its owner, which dnspython wants: in a transfer all names are written in full."""
        words = text.split(None, 4)
        is_soa = any(word.upper() == "SOA" for word in words[1:4])
        return dns.name.from_text(words[0], self._origin) if is_soa else self._origin

    def _directive(self, text: str, where: Where) -> None:
        word, _, rest = text.partition(" ")
        value = rest.split(";")[0].strip().split(" ")[0]
        try:
            if word.upper() == "$ORIGIN":
                self._origin = dns.name.from_text(value, self._origin)
                return
            if word.upper() == "$TTL":
                self._ttl_s = dns.ttl.from_text(value)
                return
        except (dns.exception.DNSException, ValueError) as error:
            fail_at(where, f"{word}: {_reason(error)}")
        meaning = {
            "$GENERATE": "records made by counting, which were not made; hosts with such names are not found here",
        }.get(word.upper(), "no such directive is known")
        self._found.leave(word, rest.strip(), where, meaning)

    def _included(self, rest: str, where: Where) -> Iterator[Line]:
        """The records of another file, for the origin that is named or the one here, which holds again afterwards (RFC 1035, 5.1)."""
        name, *origin = rest.split(";")[0].split() or [""]
        file = included_file(self._file, name)
        if file is None:
            self._found.leave(
                "$INCLUDE", rest, where, "another file with more records, which is not beside this one: it was not read"
            )
            return
        if self._depth >= MOST_INCLUDES:
            fail_at(where, f"more than {MOST_INCLUDES} files that include each other")
        inner = _ZoneReader(file, self._found, self._domain)
        try:
            inner._origin = dns.name.from_text(origin[0], self._origin) if origin else self._origin
        except dns.exception.DNSException as error:
            fail_at(where, f"$INCLUDE: {_reason(error)}")
        inner._ttl_s, inner._depth = self._ttl_s, self._depth + 1
        for number, text in _entries(file):
            yield from inner.entry(number, text)


def included_file(file: File, name: str) -> File | None:
    """The file that an $INCLUDE names, beside the one that has the line or in a folder below; None: it is not there."""
    parts = [part for part in name.strip('"').replace("\\", "/").split("/") if part]
    if ".." in parts:
        return None
    for begin in range(len(parts)):
        below = "/".join(parts[begin:])
        path = file.path.parent / below
        if path.is_file():
            return File(path, below)
    return None


def included_files(files: Sequence[File]) -> set[Path]:
    """The files that others of these include: their records are read there."""
    found = set()
    for file in files:
        for _, line in lines_of(file):
            if line[:8].upper() == "$INCLUDE" and len(line.split()) > 1:
                inside = included_file(file, line.split()[1])
                found |= {inside.path} if inside and inside.path != file.path else set()
    return found


_SUFFIXES = {".zone", ".db", ".hosts", ".dns", ".axfr"}


def _reason(error: Exception) -> str:
    """What dnspython found, in words of a zone file."""
    said = re.sub(r"^<\w+>:\d+: ", "", str(error)).rstrip(".") or type(error).__name__
    for theirs, ours in _OUR_WORDS.items():
        said = said.replace(theirs, ours)
    return said


def _entries(file: File) -> Iterator[tuple[int, str]]:
    """Entries with the line on which they begin: comments away, what stands in parentheses on one line.

    Lines that dig prints for itself are comments, but a failure that it tells is an error, as is ``+short``, which leaves names out.
    """
    begun, parts, depth, size = 0, list[str](), 0, 0
    for number, line in lines_of(file):
        if (
            "status: " in line
            and line.startswith(";; ->>HEADER<<-")
            and not re.search("status: (NOERROR|NXDOMAIN)", line)
        ):
            fail(
                file.name,
                number,
                f"the name server had no answer: {line.partition('status: ')[2].split(',')[0]}; ask again",
            )
        if line.startswith(("; Transfer failed", ";; communications error", ";; connection timed out")):
            fail(file.name, number, f"dig got no answer: {line.lstrip('; ')}")
        text, change = _without_comment(line)
        if not text.strip() and not parts and not change:
            continue
        if not parts:
            begun = number
        parts.append(text.rstrip() if parts == [] else " " + text.strip())
        depth, size = depth + change, size + len(text)
        if depth < 0:
            fail(file.name, number, "a parenthesis that closes, but none is open")
        if size > LONGEST_ENTRY:
            fail(
                file.name,
                begun,
                f"a record of more than {LONGEST_ENTRY} characters, or a parenthesis that does not close",
            )
        if depth == 0:
            if any(part.strip() for part in parts):
                yield begun, "".join(parts)
            parts, size = [], 0
    if parts:
        fail(file.name, begun, "a parenthesis that does not close")


def _without_comment(line: str) -> tuple[str, int]:
    """The line without its comment, its parentheses made blanks, and how many more of these opened than closed."""
    done: list[str] = []
    quoted, change, at = False, 0, 0
    while at < len(line):
        character = line[at]
        if character == "\\":
            done.append(line[at : at + 2])
            at += 2
            continue
        if character == '"':
            quoted = not quoted
        elif not quoted and character == ";":
            break
        elif not quoted and character in "()":
            change += 1 if character == "(" else -1
            character = " "
        done.append(character)
        at += 1
    return "".join(done), change
