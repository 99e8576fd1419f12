"""DNS as mail uses it: zones that answer, a cache with TTLs, and the MX rules (RFC 5321 5.1, 2181, 2308, 7505).

`mail_hosts` is written as a generator that asks questions: `trace` answers them at once, the simulation lets time pass.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.zone

from coexsim.errors import Problem, ScenarioError
from coexsim.mail.message import NextHop, fold
from coexsim.scenario.model import Path, Scenario, ZoneSpec

DEFAULT_TTL_S = 3600
NEGATIVE_TTL_CAP_S = 3 * 3600  # RFC 2308 section 5: one to three hours are sensible
SERVFAIL_TTL_S = 300  # RFC 2308 section 7: at most five minutes; BIND holds it for one second, Unbound for five
_LONGEST_ALIAS_CHAIN = 8


class Question(NamedTuple):
    """What is asked of DNS."""

    name: str
    type: str

    def __str__(self) -> str:
        return f"{self.name} {self.type}"


class Answer(NamedTuple):
    """What DNS says: ``NOERROR``, ``NXDOMAIN``, ``SERVFAIL`` or ``TIMEOUT``; records as (preference, host) or addresses."""

    status: str
    mx: tuple[tuple[int, str], ...] = ()
    addresses: tuple[str, ...] = ()
    ttl_s: float = 0.0
    alias: str = ""

    @property
    def temporary(self) -> bool:
        """The question may be answered later."""
        return self.status in ("SERVFAIL", "TIMEOUT")

    def __str__(self) -> str:
        said = ", ".join(f"{preference} {host or '.'}" for preference, host in self.mx) or ", ".join(self.addresses)
        if self.status != "NOERROR":
            said = {"NXDOMAIN": "no such name", "SERVFAIL": "server failure", "TIMEOUT": "no answer"}[self.status]
        return (f"alias of {self.alias}, " if self.alias else "") + (said or "no such record")


class MailHost(NamedTuple):
    """A host that takes mail for a domain, with its addresses."""

    name: str
    preference: int
    addresses: tuple[str, ...]


class MailHosts(NamedTuple):
    """The hosts to try, in groups of equal preference: inside a group the order is by lot (RFC 5321 5.1)."""

    groups: tuple[tuple[MailHost, ...], ...]
    dropped: tuple[str, ...] = ()


class DnsFailure(NamedTuple):
    """Why there is no host to try; `cause` is a key of the reply catalogue."""

    cause: str
    temporary: bool
    reason: str


Asking = Generator[Question, Answer, MailHosts | DnsFailure]


def mail_hosts(target: NextHop, own_names: frozenset[str], own_addresses: frozenset[str]) -> Asking:
    """Which hosts take mail for `target`, asked step by step. The sender's own names and addresses serve against loops."""
    if not target.others:
        return (yield from _hosts_of(target, own_names, own_addresses))
    equals: list[MailHost] = []
    first_failure: DnsFailure | None = None
    for one in (target._replace(others=()), *target.others):
        found = yield from _hosts_of(one, own_names, own_addresses)
        if isinstance(found, MailHosts):
            equals += [host for group in found.groups for host in group]
        else:
            first_failure = first_failure or found
    return first_failure if first_failure and not equals else MailHosts((tuple(equals),))


def _hosts_of(target: NextHop, own_names: frozenset[str], own_addresses: frozenset[str]) -> Asking:
    if not target.by_mx or is_address(target.name):
        return (yield from _single_host(target.name, own_names, own_addresses))
    answer = yield Question(target.name, "MX")
    if answer.temporary:
        return DnsFailure("dns-temporary", True, f"{target.name} MX: {answer}")
    if answer.status == "NXDOMAIN":
        return DnsFailure("no-such-domain", False, f"{target.name}: no such domain")
    if answer.mx and all(host == "" for _, host in answer.mx):
        return DnsFailure("null-mx", False, f"{target.name} has a null MX (RFC 7505): it does not accept mail")
    if not answer.mx:  # implicit MX: the domain itself, preference 0
        return (yield from _single_host(target.name, own_names, own_addresses))
    hosts: list[MailHost] = []
    refusals: list[DnsFailure] = []
    for preference, host in sorted((preference, host) for preference, host in answer.mx if host):
        found = yield from _addresses(host)
        if isinstance(found, DnsFailure):
            refusals.append(found)
        if host in own_names or not isinstance(found, DnsFailure):
            hosts.append(MailHost(host, preference, () if isinstance(found, DnsFailure) else found))
    own = [h.preference for h in hosts if h.name in own_names or own_addresses.intersection(h.addresses)]
    kept = [h for h in hosts if h.addresses and (not own or h.preference < min(own))]
    if not kept:
        if own:
            return DnsFailure("loops-to-self", False, f"the best MX of {target.name} is this server itself")
        return next((failure for failure in refusals if failure.temporary), refusals[0])
    groups = tuple(tuple(h for h in kept if h.preference == p) for p in sorted({h.preference for h in kept}))
    return MailHosts(groups, tuple(h.name for h in hosts if h not in kept))


def _single_host(name: str, own_names: frozenset[str], own_addresses: frozenset[str]) -> Asking:
    found = yield from _addresses(name)
    if name in own_names or (not isinstance(found, DnsFailure) and own_addresses.intersection(found)):
        return DnsFailure("loops-to-self", False, f"{name} is this server itself")
    if isinstance(found, DnsFailure):
        return found
    return MailHosts(((MailHost(name, 0, found),),))


def _addresses(host: str) -> Generator[Question, Answer, tuple[str, ...] | DnsFailure]:
    if is_address(host):
        return (host,)
    answer = yield Question(host, "A")
    if answer.status == "NOERROR" and not answer.addresses:
        answer = yield Question(host, "AAAA")
    if answer.temporary:
        return DnsFailure("dns-temporary", True, f"{host} A: {answer}")
    if not answer.addresses:
        return DnsFailure(
            "no-address",
            False,
            f"{host} has no address record" if answer.status == "NOERROR" else f"{host}: no such name",
        )
    return answer.addresses


def is_address(text: str) -> bool:
    """Is `text` an IP address rather than a name."""
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


# --- zones ------------------------------------------------------------------------------------------------------------------


class Zones:
    """Authoritative answers. What no zone covers does not exist (NXDOMAIN), but for the hosts that `add_host` filled in."""

    def __init__(self, zones: Mapping[str, dns.zone.Zone | None]) -> None:
        self._zones = {fold(name): zone for name, zone in zones.items()}
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
            if question in self._made_up:
                return self._made_up[question]
            exists = question.name in self._names or any(known.endswith("." + question.name) for known in self._names)
            return Answer("NOERROR" if exists else "NXDOMAIN", ttl_s=DEFAULT_TTL_S)
        data = self._zones[zone]
        if data is None:
            return Answer("SERVFAIL", ttl_s=SERVFAIL_TTL_S)
        name = dns.name.from_text(question.name)
        node = data.get_node(name) or _wildcard(data, name)
        if node is None:
            below = any(other.is_subdomain(name) for other in data.nodes)
            return Answer("NOERROR" if below else "NXDOMAIN", ttl_s=_negative_ttl_s(data))
        alias = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.CNAME)
        if alias is not None:
            target = fold(str(alias[0].target))
            if depth >= _LONGEST_ALIAS_CHAIN:
                return Answer("SERVFAIL", ttl_s=SERVFAIL_TTL_S)
            next_question = Question(target, question.type)
            return self._look_up(next_question, self.zone_of(target), depth + 1)._replace(alias=target)
        records = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.from_text(question.type))
        if records is None:
            return Answer("NOERROR", ttl_s=_negative_ttl_s(data))
        if question.type == "MX":
            mx = tuple(sorted((r.preference, fold(str(r.exchange)) if str(r.exchange) != "." else "") for r in records))
            return Answer("NOERROR", mx=mx, ttl_s=float(records.ttl))
        return Answer("NOERROR", addresses=tuple(r.address for r in records), ttl_s=float(records.ttl))


def _wildcard(zone: dns.zone.Zone, name: dns.name.Name) -> dns.node.Node | None:
    """The closest wildcard above a name that does not exist (RFC 4592)."""
    origin = zone.origin or dns.name.root
    while name != origin and len(name) > len(origin):
        name = name.parent()
        node = zone.get_node(dns.name.Name(("*",)) + name)
        if node is not None:
            return node
        if zone.get_node(name) is not None:
            return None
    return None


def _negative_ttl_s(zone: dns.zone.Zone) -> float:
    """How long "no" may be kept: min(SOA's TTL, SOA MINIMUM), capped (RFC 2308 sections 3 and 5)."""
    soa = zone.get_rdataset(zone.origin or "@", dns.rdatatype.SOA)
    return float(min(soa.ttl, soa[0].minimum, NEGATIVE_TTL_CAP_S)) if soa else float(DEFAULT_TTL_S)


def read_zones(scenario: Scenario, section: str = "dns") -> Zones:
    """The zones of a scenario's section. Raises `ScenarioError` with the line of what cannot be read."""
    zones: dict[str, dns.zone.Zone | None] = {}
    problems: list[Problem] = []
    specs: Mapping[str, ZoneSpec] = getattr(scenario, section)
    for origin, spec in specs.items():
        zones[origin] = None
        if spec.text is None and spec.file is None:
            continue
        file, line, text = _zone_text(scenario, (section, origin), spec, problems)
        if text is None:
            continue
        try:
            zones[origin] = dns.zone.from_text(
                f"$TTL {DEFAULT_TTL_S}\n{text}", origin=origin.rstrip(".") + ".", relativize=False, check_origin=False
            )
        except dns.exception.DNSException as error:
            at, said = _place(str(error))
            problems.append(Problem(file, line + at - 1, f"{section}.{origin}", f"not readable as zone lines: {said}"))
    if problems:
        raise ScenarioError(problems)
    return Zones(zones)


def _zone_text(scenario: Scenario, path: Path, spec: ZoneSpec, problems: list[Problem]) -> tuple[str, int, str | None]:
    from pathlib import Path as FilePath

    file, line = scenario.source.where(path)
    if spec.file is None:
        return file, line, spec.text
    zone_file = FilePath(file).parent / spec.file
    try:
        return str(zone_file), 0, zone_file.read_text(encoding="utf-8")
    except OSError as error:
        problems.append(
            Problem(file, line, ".".join(map(str, path)), f"zone file {spec.file!r} cannot be read: {error.strerror}")
        )
        return file, line, None


def _place(message: str) -> tuple[int, str]:
    """Line inside the zone text, and what was said, from dnspython's ``<string>:3: syntax error``."""
    parts = message.split(":", 2)
    if len(parts) == 3 and parts[1].isdigit():
        return int(parts[1]), parts[2].strip()
    return 1, message


class Cache:
    """A resolver's memory: answers are kept for their TTL, "no" for the negative TTL (RFC 2308)."""

    def __init__(self) -> None:
        self._kept: dict[Question, tuple[float, Answer]] = {}

    def get(self, question: Question, now_s: float) -> Answer | None:
        """The kept answer, if it has not grown too old."""
        until_s, answer = self._kept.get(question, (-1.0, None))
        return answer if now_s < until_s else None

    def until(self, question: Question) -> float:
        """Until when the kept answer holds."""
        return self._kept[question][0]

    def put(self, question: Question, answer: Answer, now_s: float) -> None:
        """Keep an answer for its TTL; a server that did not answer is asked again."""
        if answer.status != "TIMEOUT":
            self._kept[question] = (now_s + answer.ttl_s, answer)


def in_order(hosts: MailHosts, draw: Sequence[float] = ()) -> list[MailHost]:
    """The hosts in the order to try them; among equals by the numbers drawn (as listed where there are none)."""
    ordered: list[MailHost] = []
    position = 0
    for group in hosts.groups:
        if len(group) > 1 and draw:
            keys = {host.name: draw[(position + i) % len(draw)] for i, host in enumerate(group)}
            ordered.extend(sorted(group, key=lambda host: keys[host.name]))
        else:
            ordered.extend(group)
        position += len(group)
    return ordered
