"""Write what was measured as a scenario: a whole one worked out from the logs, or one that extends a scenario that was given."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from coexsim.intake.fit_service import MeasuredWork
from coexsim.intake.logs.book import SENT, LogBook
from coexsim.intake.logs.join import ip_of, name_of, server_at
from coexsim.intake.logs.journeys import DELIVERED, Journeys
from coexsim.intake.logs.sides import HOSTED, INTERNET, ONPREM, Sides, domain_of
from coexsim.intake.logs.tallies import Counts, most_of
from coexsim.scenario.model import Scenario
from coexsim.sim.formulas import session_round_trips

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./ +-]*|\d+(?:\.\d+)? (?:ms|s|B|KB|MB|%)")
_RESERVED = frozenset(("true", "false", "null", "yes", "no", "on", "off", "~"))
PRODUCTS = {"postfix": "postfix", "exchange": "exchange", "domino": "domino"}
SITES = {"onprem": "office", "hosted": "hosted", "external": "internet"}
ROUND_TRIP = "0.01 ms"
"""What lines take is in the times that the logs give; but an attempt at a host that is down must take some time, or mail that is tried at
once would not wait for what the first attempts find out."""
LOCALLY = (1 << 32) - 1  # in place of a host's number
FREE_NET = "192.0.2."  # RFC 5737: for documentation; stands in where a log says no address


class SetUpSeen:
    """What parts of a log show of servers, beside their sides: mail files, clients, domains, and the way to hosted people."""

    def __init__(self) -> None:
        self.mail_files = Counts()  # copies put into mail files, by server
        self.delivered = Counts()  # server << 32 | address
        self.clients = Counts()  # of messages that hosted people sent, by host
        self.outside = Counts()  # messages from the Internet, by sender
        self.ways = Counts()  # deliveries for people of a side, by server, side and host

    def add(self, found: Journeys, sides: Sides) -> None:
        """Take a part."""
        copies, messages = found.copies, found.messages
        kept = copies["outcome"].to_numpy() == DELIVERED
        server, to = copies["server"].to_numpy(np.int64)[kept], copies["to"].to_numpy(np.int64)[kept]
        self.mail_files.add(server)
        self.delivered.add(server << 32 | to)
        sender, client = messages["sender"].to_numpy(), messages["client"].to_numpy()
        side = sides.senders[sender]
        self.clients.add(client[(side == HOSTED) & (client >= 0)])
        self.outside.add(sender[(side == INTERNET) & (sender >= 0)])
        went = found.joined.deliveries
        side, relay = sides.homes[went["to"].to_numpy()], went["relay"].to_numpy(np.int64)
        relay = np.where(went["is_local"].to_numpy(), LOCALLY, relay)
        kept = np.isin(side, (ONPREM, HOSTED)) & (went["status"] == SENT).to_numpy() & (relay >= 0)
        number = found.joined.visits["server"].to_numpy(np.int64)[went["row"].to_numpy()]
        self.ways.add((number << 34 | side << 32 | relay)[kept])

    def ways_of(self, server: int, side: int) -> Counter[int]:
        """To which hosts a server handed mail for people of a side (`LOCALLY`: into mail files of its own), and how often."""
        return Counter(
            {key & LOCALLY: n for key, n in self.ways.items() if key >> 34 == server and key >> 32 & 3 == side}
        )


@dataclass(frozen=True)
class LoggedSetUp:
    """What the logs of all servers together show of the set-up."""

    book: LogBook
    hosts: dict[int, set[str]]  # names of each server
    sides: Sides
    seen: SetUpSeen

    def server_at(self, host: str) -> int:
        """The logged server of a host as written in a log; -1: none."""
        return server_at(host, self.hosts)


def scenario_names(known: LoggedSetUp, scenario: Scenario | None) -> dict[int, str]:
    """The name of each logged server: that in the scenario that is given, else by what it does, such as onprem or hosted-inbound."""
    if scenario is not None:
        return _given_names(known, scenario)
    sides, homes = known.sides, {server for server, n in known.seen.mail_files.items() if n}
    names: dict[int, str] = {}
    taken: Counter[str] = Counter()
    for server in sorted(sides.servers, key=lambda s: (sides.servers[s], s not in homes, s)):
        side = sides.servers[server]
        if side == ONPREM:
            word = "onprem"
        elif side == HOSTED:
            word = "hosted-inbound" if server in homes else "hosted-outbound"
        else:
            word = "external"
        taken[word] += 1
        names[server] = word if taken[word] == 1 else f"{word}-{taken[word]}"
    return names


def _given_names(known: LoggedSetUp, scenario: Scenario) -> dict[int, str]:
    """Servers of the scenario by host name, address or name; those that fit none, by their side; else the log's own name."""
    by_word: dict[str, str] = {}
    for name, server in scenario.servers.items():
        for word in (name, server.host or "", server.address or ""):
            if word:
                by_word.setdefault(word.casefold(), name)
    for name, server in scenario.servers.items():
        if server.host:
            by_word.setdefault(server.host.casefold().partition(".")[0], name)
    sides = known.sides
    homes = scenario.home_server | {f"{side} entry": name for side, name in scenario.submission_server.items()}
    names: dict[int, str] = {}
    for number in range(len(known.book.servers)):
        words = sorted(known.hosts.get(number, ()), key=lambda word: (-len(word), word))
        fits = next((by_word[word] for word in words if word in by_word), None)
        if (
            fits is None
            and len(sides.servers)
            and list(sides.servers.values()).count(sides.servers.get(number, -1)) == 1
        ):
            fits = homes.get(
                {ONPREM: "onprem", HOSTED: "hosted", INTERNET: "internet entry"}.get(sides.servers[number], "")
            )
        names[number] = fits if fits is not None and fits not in names.values() else known.book.servers[number]
    return names


def round_trips(scenario: Scenario | None, names: dict[int, str]) -> dict[tuple[int, int], float]:
    """What a new session between two logged servers takes on the scenario's lines [s]."""
    if scenario is None:
        return {}
    lines = {frozenset(link.between): link.round_trip for link in scenario.links}
    found = {}
    for a, first in names.items():
        for b, second in names.items():
            one, other = scenario.servers.get(first), scenario.servers.get(second)
            if one is None or other is None or one.site is None or other.site is None or one.site == other.site:
                continue
            trips = session_round_trips(
                one.smtp.tls, one.smtp.pipelining, size_bytes=0, recipients=1, reused=False, body=True
            )
            found[a, b] = trips * lines.get(frozenset((one.site, other.site)), 0.0)
    return found


def set_up(known: LoggedSetUp, names: dict[int, str]) -> dict[str, Any]:
    """Servers, zones and sides as the logs show them, where no scenario is given."""
    book, sides = known.book, known.sides
    servers: dict[str, Any] = {}
    hosts: dict[str, tuple[str, str]] = {}
    for number, name in names.items():
        hosts[name] = _host_of(known, number, len(hosts))
    missing = {"onprem": ONPREM, "hosted-inbound": HOSTED, "hosted-outbound": HOSTED, "external": INTERNET}
    for name in missing:
        if name not in hosts:
            hosts[name] = (_unlogged_host(known, name), f"{FREE_NET}{len(hosts) + 10}")
    product = next((book.products.get(n, "postfix") for n, name in names.items() if name == "onprem"), "postfix")
    inbound = hosts["hosted-inbound"]
    servers["onprem"] = _onprem(PRODUCTS.get(product, "postfix"), hosts["onprem"], inbound[0], sides.domain)
    for name in hosts:
        if name.startswith("hosted-inbound"):
            servers[name] = {"kind": "hosted-inbound", "host": hosts[name][0], "address": hosts[name][1]}
        elif name.startswith("hosted-outbound"):
            servers[name] = {"kind": "hosted-outbound", "host": hosts[name][0], "address": hosts[name][1]}
    servers |= _outside(known, names, hosts)
    for host, limit in sorted(book.size_limits.items()):
        number = known.server_at(host)
        if number in names and names[number] in servers:
            key = "message_size_limit" if servers[names[number]]["kind"] == "postfix" else "max_message_size"
            servers[names[number]][key] = f"{limit} B"
    mx = hosts["onprem"]
    zone = f"@ 1h IN MX 10 {mx[0]}.\n"
    dns = {sides.domain: zone}
    domain = domain_of("@" + mx[0])
    if mx[0].endswith("." + sides.domain):
        dns[sides.domain] = zone + f"{mx[0].removesuffix('.' + sides.domain)} 1h IN A {mx[1]}\n"
    elif "." in domain:
        dns[domain.partition(".")[2]] = f"{domain.partition('.')[0]} 1h IN A {mx[1]}\n"
    sites = {name: SITES[name.partition("-")[0]] for name in servers}
    servers = {name: {"kind": server.pop("kind"), "site": sites[name], **server} for name, server in servers.items()}
    lines = [{"between": list(pair), "round_trip": ROUND_TRIP} for pair in combinations(sorted(set(sites.values())), 2)]
    return {
        "coexsim": 1, "domain": sides.domain, "sites": sorted(set(sites.values())), "links": lines, "dns": dns, "servers": servers,
    }  # fmt: skip


def _host_of(shown: LoggedSetUp, number: int, count: int) -> tuple[str, str]:
    known = shown.hosts.get(number, set())
    ips = sorted(name for name in known if re.fullmatch(r"[\d.]+|[0-9a-f:]+:[0-9a-f:]*", name))
    long_names = sorted(
        (name for name in known if "." in name and name not in ips), key=lambda name: (-len(name), name)
    )
    host = (
        long_names[0]
        if long_names
        else re.sub(r"[^a-z0-9-]+", "-", shown.book.servers[number].casefold()).strip("-") + ".example"
    )
    return host, ips[0] if ips else f"{FREE_NET}{count + 10}"


def _unlogged_host(known: LoggedSetUp, name: str) -> str:
    """The name of a server that only others' logs speak of."""
    if name == "hosted-inbound":
        handed = Counter(host for host, side in known.sides.hosts.items() if side == HOSTED and name_of(host))
        if handed:
            return name_of(handed.most_common(1)[0][0])
    if name == "hosted-outbound":
        named = [known.book.hosts[client] for client in most_of(known.seen.clients.by_key)]
        named = [host for host in named if name_of(host)]
        if named:
            return name_of(named[0])
    return f"{name}.example"


def _onprem(kind: str, host: tuple[str, str], smart_host: str, domain: str) -> dict[str, Any]:
    server: dict[str, Any] = {"kind": kind, "host": host[0], "address": host[1]}
    if kind == "postfix":
        return server | {"smart_host": f"smtp:[{smart_host}]"}
    if kind == "domino":
        switches = {"smtp_listener_task": "enabled", "smtp_outside_local_domain": "enabled", "global_domain": [domain]}
        return server | switches | {"smart_host": smart_host}
    connectors = [
        {"name": "hosted", "address_spaces": [domain], "smart_hosts": [smart_host]},
        {"name": "Internet", "address_spaces": ["*"]},
    ]
    return server | {"accepted_domains": {domain: "internal-relay"}, "send_connectors": connectors}


def _outside(known: LoggedSetUp, names: dict[int, str], hosts: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The Internet: logged servers with their own domains, the rest as one server."""
    texts, sides = known.book.addresses, known.sides
    servers: dict[str, Any] = {}
    taken: set[str] = set(sides.domains)
    for number, name in names.items():
        if not name.startswith("external"):
            continue
        tally: Counter[str] = Counter()
        for key, n in known.seen.delivered.items():
            if key >> 32 == number:
                tally[domain_of(texts[key & 0xFFFFFFFF])] += n
        domains = [d for d, _ in tally.most_common() if d and d not in taken]
        taken.update(domains)
        servers[name] = {
            "kind": "external",
            "host": hosts[name][0],
            "address": hosts[name][1],
            "domain": domains or [f"{name}.example"],
        }
    if "external" not in servers:
        outside: Counter[str] = Counter()
        for code, n in known.seen.outside.items():
            outside[domain_of(texts[code])] += n
        domains = [d for d, _ in outside.most_common(1) if "." in d] or ["otherdomain.com"]
        servers["external"] = {
            "kind": "external",
            "host": hosts["external"][0],
            "address": hosts["external"][1],
            "domain": domains,
        }
    return servers


def measured_servers(works: dict[int, MeasuredWork], names: dict[int, str], known: Mapping[str, Any]) -> dict[str, Any]:
    """`servers:` with the service times that were measured, for servers that the scenario has.

    What a session costs beside its round trips is in the time to accept, which was measured: it is not counted again.
    """
    servers: dict[str, Any] = {}
    for number, work in works.items():
        if names.get(number) not in known:
            continue
        service = {
            key: law.to_data() for key in ("accept", "scan", "deliver") if (law := getattr(work, key)) is not None
        }
        if service:
            servers[names[number]] = {"service": service}
    if any("accept" in server["service"] for server in servers.values()):
        for name in known:
            servers.setdefault(name, {"service": {}})["smtp"] = {"session": "0 s"}
    return {name: {key: part for key, part in server.items() if part} for name, server in servers.items()}


# --- YAML -----------------------------------------------------------------------------------------------------------------


def yaml_text(data: Mapping[str, Any], remarks: Mapping[str, str], head: str) -> str:
    """A scenario as YAML, with a remark behind each key that has one (by path, such as ``load.sizes``)."""
    lines = [f"# {line}" for line in head.splitlines()]
    lines += _block(data, remarks, "", 0)
    return "\n".join(lines) + "\n"


def _block(data: Mapping[str, Any], remarks: Mapping[str, str], above: str, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, value in data.items():
        path = f"{above}{key}"
        remark = f"  # {remarks[path]}" if path in remarks else ""
        if (
            isinstance(value, Mapping)
            and value
            and (depth < 2 or any(isinstance(v, (Mapping, list)) and len(v) > 4 for v in value.values()))
        ):
            yield f"{pad}{_scalar(key)}:{remark}"
            yield from _block(value, remarks, f"{path}.", depth + 1)
        elif isinstance(value, str) and "\n" in value:
            yield f"{pad}{_scalar(key)}: |{remark}"
            yield from (f"{pad}  {line}" for line in value.rstrip("\n").split("\n"))
        else:
            yield f"{pad}{_scalar(key)}: {_flow(value)}{remark}"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.6g}"
    text = str(value)
    return (
        text
        if _PLAIN.fullmatch(text) and text.casefold() not in _RESERVED and text == text.strip()
        else json.dumps(text)
    )


__all__ = ["ip_of", "measured_servers", "round_trips", "scenario_names", "set_up", "yaml_text"]
