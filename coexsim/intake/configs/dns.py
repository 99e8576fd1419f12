"""DNS: zone files, answers of dig, zone transfers, as the zones of a scenario."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import dns.name

from coexsim.intake.configs.found import Asked, Found
from coexsim.intake.configs.reading import File, fail
from coexsim.intake.configs.zone_lines import Line, included_files, zone_lines

KEPT = ("SOA", "NS", "MX", "CNAME", "A", "AAAA")
MOST_HOSTS = 2_000
"""Of a zone with more names only those stay that mail can need: hosts of MX and NS records, of servers, and aliases of them."""
MEANINGS = {
    "TXT": "SPF, DKIM and DMARC are not checked here; what they would refuse is taken",
    "DNAME": "names below it are looked up elsewhere; here they do not exist",
    "SRV": "no part in where mail goes",
}


def read_dns(files: Sequence[File], asked: Asked) -> Found:
    """The zones of all files. Raises `InputError`."""
    found = Found()
    lines: dict[tuple[str, str, str], Line] = {}
    others: dict[str, list[Line]] = defaultdict(list)
    included = included_files(files)
    for file in files:
        if file.path in included:
            continue
        for line in zone_lines(file, found, asked.domain):
            found.counts[f"records of {file.name}"] += 1
            if line.type in KEPT:
                lines.setdefault((line.owner.to_text().casefold(), line.type, line.data.casefold()), line)
            else:
                others[line.type].append(line)
    if not lines:
        directive = next((one for one in found.unused if one.what in ("$INCLUDE", "$GENERATE")), None)
        if directive is not None:
            text = f"there are no records but those of {directive.what} {directive.value}: {directive.meaning}"
            fail(directive.where.file, directive.where.line, text)
        fail(files[0].name, 0, "there is no record in it that says where mail goes (MX, A, AAAA, CNAME, SOA, NS)")
    _tell_others(found, others)
    zones = _zones(list(lines.values()), asked.domain)
    for zone, inside in zones.items():
        kept = _needed(zone, inside, asked, found)
        found.put(("dns", zone.to_text(omit_final_dot=True)), _text(zone, kept), None)
    mx = [line for line in lines.values() if line.type == "MX"]
    if not asked.addresses:
        _server(found, asked, mx, zones)
    return found


def _tell_others(found: Found, others: dict[str, list[Line]]) -> None:
    for kind, records in sorted(others.items()):
        first = records[0]
        meaning = MEANINGS.get(kind, "no part in where mail goes")
        matters = kind in ("TXT", "DNAME") and (
            kind != "TXT" or any("v=spf1" in one.data or "v=DMARC1" in one.data for one in records)
        )
        value = f"{first.owner.to_text(omit_final_dot=True)} {first.data}" + (
            f" and {len(records) - 1} more" if records[1:] else ""
        )
        found.leave(f"{kind} records", value, first.where, meaning, matters=matters)


def _zones(lines: list[Line], domain: str | None) -> dict[dns.name.Name, list[Line]]:
    """Each record in its zone: that of the closest SOA above it, else the domain, a delegation or a mail domain above it, else itself."""
    soas = {line.owner for line in lines if line.type == "SOA"}
    named = {dns.name.from_text(domain)} if domain else set()
    roots = (
        soas | {line.owner for line in lines if line.type in ("NS", "MX") and not _closest(line.owner, soas)} | named
    )
    roots.discard(dns.name.root)
    zones: dict[dns.name.Name, list[Line]] = {}
    for line in lines:
        zone = _closest(line.owner, soas - {dns.name.root}) or _closest(line.owner, roots) or line.owner
        if zone != dns.name.root:
            zones.setdefault(zone, []).append(line)
    return zones


def _closest(name: dns.name.Name, zones: Iterable[dns.name.Name]) -> dns.name.Name | None:
    known = zones if isinstance(zones, set) else set(zones)
    while True:
        if name in known:
            return name
        if name == dns.name.root or not name.labels:
            return None
        name = name.parent()


def _needed(zone: dns.name.Name, lines: list[Line], asked: Asked, found: Found) -> list[Line]:
    if len(lines) <= MOST_HOSTS:
        return lines
    hosts = {line.data.split()[-1].casefold() for line in lines if line.type in ("MX", "NS")}
    hosts |= {f"{host}." for host in asked.hosts}
    aliases = {line.owner.to_text().casefold(): line.data.casefold() for line in lines if line.type == "CNAME"}
    for host in list(hosts):
        for _ in range(8):
            host = aliases.get(host, "")
            hosts.add(host)
    kept = [
        line
        for line in lines
        if line.type in ("SOA", "NS", "MX")
        or line.owner == zone
        or line.owner.is_wild()
        or line.owner.to_text().casefold() in hosts
    ]
    left = len(lines) - len(kept)
    if left:
        meaning = (
            "names of a large zone that no MX, NS or server names; a smart host among them must be written by hand"
        )
        found.leave(f"hosts of {zone.to_text(omit_final_dot=True)}", str(left), lines[0].where, meaning)
    return kept


def _text(zone: dns.name.Name, lines: list[Line]) -> str:
    """The records as lines of a zone file, each with its place as a comment."""
    rows = [
        (line.owner.relativize(zone).to_text(), f"{line.ttl_s} IN {line.type} {line.data}", line.where)
        for line in lines
    ]
    width = min(max(len(name) for name, _, _ in rows), 30)
    return "\n".join(f"{name:{width}} {data}  ; {where}" for name, data, where in rows) + "\n"


def _server(found: Found, asked: Asked, mx: list[Line], zones: dict[dns.name.Name, list[Line]]) -> None:
    """A scenario has a server: where none is there yet, the one to which the domain's best MX record leads."""
    soas = [line.owner for one in zones.values() for line in one if line.type == "SOA"]
    named = [line.owner for line in mx] or soas or list(zones)
    domain = asked.domain or named[0].to_text(omit_final_dot=True)
    own = [line for line in mx if line.owner == dns.name.from_text(domain)]
    found.domain = domain
    name = asked.server or "onprem"
    best = min(own, key=lambda line: (int(line.data.split()[0]), line.data), default=None)
    where = best.where if best else None
    note = "DNS does not say which product it is; import the server too"
    found.put(
        ("servers", name, "kind"), "postfix", where, note
    )  # it needs no keys of its own, which another kind would not have
    if best and best.data.split()[1] != ".":
        found.put(("servers", name, "host"), best.data.split()[1].rstrip("."), best.where)
    found.master = name
