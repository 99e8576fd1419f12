"""Zones that answer with authority, read from zone-file lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath

import dns.exception
import dns.name
import dns.rdatatype

from coexsim.errors import Problem, ScenarioError
from coexsim.mail.dns import Answer, Question
from coexsim.mail.message import fold
from coexsim.mail.zone_text import DEFAULT_TTL_S, Records, Zone, read_zone
from coexsim.scenario.files import UnreadableError, read_text
from coexsim.scenario.model import Scenario, ZoneSpec
from coexsim.scenario.places import Path

NEGATIVE_TTL_CAP_S = 3 * 3600  # RFC 2308 section 5: one to three hours are sensible
SERVFAIL_TTL_S = 300  # RFC 2308 section 7: at most five minutes; BIND holds it for one second, Unbound for five
MOST_FAULTS = 20  # of one zone that are told
_LOOPBACK = {"A": ("127.0.0.1",), "AAAA": ("::1",)}
_LONGEST_ALIAS_CHAIN = 8


class Zones:
    """Authoritative answers. What no zone covers does not exist (NXDOMAIN), but for the hosts that `add_host` filled in."""

    def __init__(self, zones: Mapping[str, Zone | None]) -> None:
        self._zones = {fold(name): zone for name, zone in zones.items()}
        self._wild = {name for name, zone in self._zones.items() if zone and any(n.is_wild() for n in zone.names)}
        self._negative_ttls_s = {name: _negative_ttl_s(zone) for name, zone in self._zones.items() if zone}
        self._made_up: dict[Question, Answer] = {}
        self._known: dict[Question, Answer] = {}
        self._names: set[str] = set()

    def zone_of(self, name: str) -> str | None:
        """The declared zone that a name lies in: the closest one above it."""
        labels = name.split(".")
        return next((".".join(labels[i:]) for i in range(len(labels)) if ".".join(labels[i:]) in self._zones), None)

    def add_host(self, host: str, address: str) -> None:
        """Fill in an address for a host that lies in no declared zone."""
        self._made_up[Question(host, "A")] = Answer("NOERROR", addresses=(address,), ttl_s=DEFAULT_TTL_S)
        self._names.add(host)

    def add_mx(self, domain: str, host: str) -> None:
        """Fill in an MX for a domain that lies in no declared zone; several are of equal preference."""
        question = Question(domain, "MX")
        mx = self._made_up[question].mx if question in self._made_up else ()
        self._made_up[question] = Answer("NOERROR", mx=(*mx, (10, host)), ttl_s=DEFAULT_TTL_S)
        self._names.add(domain)

    def answer(self, question: Question, failing: Mapping[str, str] | None = None) -> Answer:
        """The answer to a question; `failing` are zones that answer ``servfail`` or ``timeout`` just now."""
        zone = self.zone_of(question.name)
        if failing and zone is not None and zone in failing:
            return Answer(failing[zone].upper(), ttl_s=SERVFAIL_TTL_S)
        if question not in self._known:
            self._known[question] = self._look_up(question, zone)
        return self._known[question]

    def _look_up(self, question: Question, zone: str | None, depth: int = 0) -> Answer:
        if zone is None:
            if question.name == "localhost" or question.name.endswith(".localhost"):  # RFC 6761, 6.3
                return Answer("NOERROR", addresses=_LOOPBACK.get(question.type, ()), ttl_s=DEFAULT_TTL_S)
            if question in self._made_up:
                return self._made_up[question]
            exists = question.name in self._names or any(known.endswith("." + question.name) for known in self._names)
            return Answer("NOERROR" if exists else "NXDOMAIN", ttl_s=DEFAULT_TTL_S)
        data = self._zones[zone]
        if data is None:
            return Answer("SERVFAIL", ttl_s=SERVFAIL_TTL_S)
        try:
            name = dns.name.from_text(question.name)
        except dns.exception.DNSException:  # what cannot be a name is no name
            return Answer("NXDOMAIN", ttl_s=self._negative_ttls_s[zone])
        found = data.names.get(name) or (_wildcard(data, name) if zone in self._wild else None)
        if found is None:
            return Answer("NOERROR" if name in data.above else "NXDOMAIN", ttl_s=self._negative_ttls_s[zone])
        alias = found.get(dns.rdatatype.CNAME)
        if alias is not None:
            target = fold(str(alias[0].target))
            if depth >= _LONGEST_ALIAS_CHAIN:
                return Answer("SERVFAIL", ttl_s=SERVFAIL_TTL_S)
            next_question = Question(target, question.type)
            return self._look_up(next_question, self.zone_of(target), depth + 1)._replace(alias=target)
        records = found.get(dns.rdatatype.from_text(question.type))
        if records is None:
            return Answer("NOERROR", ttl_s=self._negative_ttls_s[zone])
        if question.type == "MX":
            mx = tuple(sorted((r.preference, fold(str(r.exchange)) if str(r.exchange) != "." else "") for r in records))
            return Answer("NOERROR", mx=mx, ttl_s=float(records.ttl))
        return Answer("NOERROR", addresses=tuple(r.address for r in records), ttl_s=float(records.ttl))


def _wildcard(zone: Zone, name: dns.name.Name) -> Records | None:
    """The closest wildcard above a name that does not exist (RFC 4592)."""
    while name != zone.origin and len(name) > len(zone.origin):
        name = name.parent()
        found = zone.names.get(dns.name.Name(("*",)) + name)
        if found is not None:
            return found
        if name in zone.names:
            return None
    return None


def _negative_ttl_s(zone: Zone) -> float:
    """How long "no" may be kept: min(SOA's TTL, SOA MINIMUM), capped (RFC 2308 sections 3 and 5)."""
    soa = zone.names.get(zone.origin, {}).get(dns.rdatatype.SOA)
    return float(min(soa.ttl, soa[0].minimum, NEGATIVE_TTL_CAP_S)) if soa else float(DEFAULT_TTL_S)


def read_zones(scenario: Scenario, section: str = "dns") -> Zones:
    """The zones of a scenario's section. Raises `ScenarioError` with the line of what cannot be read."""
    zones: dict[str, Zone | None] = {}
    problems: list[Problem] = []
    specs: Mapping[str, ZoneSpec] = getattr(scenario, section)
    for origin, spec in specs.items():
        zones[origin] = None
        if spec.text is None and spec.file is None:
            continue
        file, line, text = _zone_text(scenario, (section, origin, "text"), spec, problems)
        if text is None:
            continue
        zone, faults = read_zone(text, origin)
        zones[origin] = zone
        if spec.file is not None and faults and not zone.names:
            faults = (faults[0]._replace(text=f"this is not a zone file ({faults[0].text})"),)
        if spec.file is None and "\n" not in text:
            line -= 1  # written on the line of its key
        problems += [
            Problem(file, line + fault.line, f"{section}.{origin}", f"not readable as zone lines: {fault.text}")
            for fault in faults[:MOST_FAULTS]
        ]
    if problems:
        raise ScenarioError(problems)
    return Zones(zones)


def texts_of_zones(scenario: Scenario) -> tuple[str | None, ...]:
    """The texts of all zones of a scenario, those in files of their own too."""
    return tuple(
        _zone_text(scenario, (section, origin, "text"), spec, [])[2]
        for section in ("dns", "internal_dns")
        for origin, spec in getattr(scenario, section).items()
    )


def _zone_text(scenario: Scenario, path: Path, spec: ZoneSpec, problems: list[Problem]) -> tuple[str, int, str | None]:
    file, line = scenario.source.where(path)
    if spec.file is None:
        return file, line, spec.text
    zone_file = FilePath(file).parent / spec.file
    try:
        return str(zone_file), 0, read_text(zone_file)
    except UnreadableError as error:
        where = (str(zone_file), error.line) if error.line else (file, line)
        text = f"zone file {spec.file!r} cannot be read: {error.why}"
        problems.append(Problem(*where, ".".join(map(str, path[:2])), text))
        return file, line, None
