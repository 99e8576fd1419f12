"""Read the lines of a DNS zone: every record once, and every line that is wrong with its number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tokenizer
import dns.zonefile

DEFAULT_TTL_S = 3600
MOST_GENERATED = 20_000  # records of $GENERATE in one zone
DIRECTIVES = ("$TTL", "$ORIGIN", "$GENERATE")
_UNREADABLE = (dns.exception.DNSException, ValueError)
_GENERATE = re.compile(r"\$GENERATE\s+([0-9]{1,18})-([0-9]{1,18})(?:/([0-9]{1,18}))?", re.IGNORECASE)
_PLACE_OF_READER = re.compile(r"^<string>:\d+: ")
_BESIDE_CNAME = (dns.rdatatype.CNAME, dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.KEY)

Records = dict[dns.rdatatype.RdataType, dns.rrset.RRset]


class Zone(NamedTuple):
    """The records of a zone, by name and type; and the names above those that have records."""

    origin: dns.name.Name
    names: dict[dns.name.Name, Records]
    above: set[dns.name.Name]


class LineFault(NamedTuple):
    """A line of a zone that cannot be read, from 1, and why."""

    line: int
    text: str


@lru_cache(maxsize=64)  # scenarios that extend one environment share its zones; nobody writes to them
def read_zone(text: str, origin: str) -> tuple[Zone, tuple[LineFault, ...]]:
    """The zone in `text` below `origin`, and the lines that cannot be read."""
    try:
        zone = Zone(dns.name.from_text(origin), {}, set())
    except _UNREADABLE as error:
        return Zone(dns.name.root, {}, set()), (LineFault(0, f"{origin!r} is no domain: {error}"),)
    reader = dns.zonefile.Reader(
        dns.tokenizer.Tokenizer(f"$TTL {DEFAULT_TTL_S}\n"),
        dns.rdataclass.IN,
        _Records(zone),  # type: ignore[arg-type]
        allow_directives=DIRECTIVES,
    )
    reader.read()
    faults = []
    generated = 0
    for line, entry in _entries(text):
        try:
            made = _generates(entry)
            generated += made
            if made and generated > MOST_GENERATED:
                raise ValueError(f"$GENERATE would make {generated:,} records; {MOST_GENERATED:,} at the most")
            reader.tok = dns.tokenizer.Tokenizer(entry)
            reader.read()
        except _UNREADABLE as error:
            faults.append(LineFault(line, _PLACE_OF_READER.sub("", str(error))))
    return zone, tuple(faults)


class _Records:
    """What dnspython's reader of zone files writes to: as its own transaction, whose cost grows with the square of a set of records."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self.manager = self

    def origin_information(self) -> tuple[dns.name.Name, bool, dns.name.Name]:
        """The origin, whether names are made relative to it, and the origin that is in force."""
        return self._zone.origin, False, self._zone.origin

    def check_put_rdataset(self, _check: object) -> None:
        """The reader's check of CNAME and other data is made in `add`."""

    def _set_origin(self, _origin: dns.name.Name) -> None:
        """Another $ORIGIN."""

    def add(self, name: dns.name.Name, ttl: int, rdata: dns.rdata.Rdata) -> None:
        """A record. Raises ValueError for an alias beside other records (RFC 1034 section 3.6.2)."""
        found = self._zone.names.setdefault(name, {})
        is_alias = rdata.rdtype == dns.rdatatype.CNAME
        if any((kind == dns.rdatatype.CNAME) != is_alias and kind not in _BESIDE_CNAME[1:] for kind in found) and (
            is_alias or rdata.rdtype not in _BESIDE_CNAME
        ):
            raise ValueError(f"{name} has a CNAME and other records")
        if rdata.rdtype not in found:
            found[rdata.rdtype] = dns.rrset.RRset(name, rdata.rdclass, rdata.rdtype)
        found[rdata.rdtype].add(rdata, ttl)
        above = name
        while above != self._zone.origin and len(above) > 1 and above.parent() not in self._zone.above:
            above = above.parent()
            self._zone.above.add(above)


def _generates(entry: str) -> int:
    """How many records a $GENERATE line makes; 0 for any other line."""
    found = _GENERATE.match(entry)
    if not found:
        return 0
    first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
    return max(0, last - first) // max(step, 1) + 1


def _entries(text: str) -> Iterator[tuple[int, str]]:
    """The entries of a zone with the number of their first line: a line, or several of them in parentheses (RFC 1035 section 5.1)."""
    begin, lines, depth = 0, list[str](), 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not lines:
            begin = number
        lines.append(line)
        depth += _depth(line)
        if depth <= 0:
            yield begin, "\n".join(lines) + "\n"
            lines, depth = [], 0
    if lines:
        yield begin, "\n".join(lines) + "\n"


def _depth(line: str) -> int:
    """Parentheses that a line opens less those that it closes, outside quotes and comments."""
    depth = 0
    quoted = escaped = False
    for character in line:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character == ";":
            break
        else:
            depth += (character == "(") - (character == ")")
    return depth


__all__ = ["DEFAULT_TTL_S", "LineFault", "Records", "Zone", "read_zone"]
