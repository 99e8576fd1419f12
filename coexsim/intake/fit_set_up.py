"""A set-up worked out from logs: a scenario by which the log's own mail goes the ways that the log shows, as far as they show it.

The rules. A server with people's mail files is a home: of several the one that is called in the organisation's domain, else the one that
hands mail on to another, is on-premises, others are hosted (``logs/sides.py``). One without mail files that passes the Internet's mail on
is a gateway. The MX leads to the servers that took the Internet's mail first. Who has no mail file anywhere has no side.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

from coexsim.intake.logs.join import host_name
from coexsim.intake.logs.sides import HOSTED, INTERNET, ONPREM, Home, domain_of
from coexsim.intake.logs.tallies import most_of
from coexsim.intake.set_up_seen import LoggedSetUp
from coexsim.scenario.checks import is_host_name

PRODUCTS = {"postfix": "postfix", "exchange": "exchange", "domino": "domino"}
SITES = {"onprem": "office", "gateway": "office", "hosted": "hosted", "external": "internet"}
ROUND_TRIP = "0.01 ms"
"""What lines take is in the times that the logs give; but an attempt at a host that is down must take some time, or mail that is tried at
once would not wait for what the first attempts find out."""
FREE_NET = "192.0.2."  # RFC 5737: for documentation; stands in where a log says no address
_ADDRESS = re.compile(r"[\d.]+|[0-9a-f:]+:[0-9a-f:]*")


class _Host(NamedTuple):
    """A server's host name and address."""

    name: str
    address: str


@dataclass
class _Draft:
    """A set-up in the making: the name in the scenario of each server, and its host."""

    known: LoggedSetUp
    names: dict[Home, str]
    hosts: dict[str, _Host] = field(default_factory=dict)

    @property
    def domain(self) -> str:
        return self.known.sides.domain

    def has(self, word: str) -> bool:
        """Is there a server that is called so."""
        return word in self.hosts

    def host_of(self, home: Home | None) -> str:
        """The host name of a server that the scenario has; empty: none is meant, or it has none."""
        name = self.names.get(home, "") if home is not None else ""
        return self.hosts[name].name if name in self.hosts else ""

    def add(self, home: Home | None, name: str) -> None:
        """A server, by its names in the logs."""
        words = {home} if isinstance(home, str) else self.known.hosts.get(home, set()) if home is not None else set()
        if home is not None:
            self.names[home] = name
        addresses = sorted(word for word in words if _ADDRESS.fullmatch(word))
        full = {word.rstrip(".") for word in words if "." in word and word not in addresses}
        called = sorted(filter(is_host_name, full), key=lambda w: (-len(w), w))
        if isinstance(home, str):
            addresses = addresses or self._addresses_of(home)
        fallback = self.known.book.servers[home] if isinstance(home, int) else name
        ending = self.domain if home is not None and name.startswith(("onprem", "gateway")) else "example"
        host = called[0] if called else re.sub(r"[^a-z0-9-]+", "-", fallback.casefold()).strip("-") + f".{ending}"
        taken = {other.address for other in self.hosts.values()}
        free = (f"{FREE_NET}{last}" for last in range(10, 255))
        address = next(word for word in (*addresses, *free) if word not in taken)
        self.hosts[name] = _Host(host, address)

    def _addresses_of(self, home: str) -> list[str]:
        """The addresses that the logs write behind a host's name."""
        written = (text.partition("[") for text in self.known.book.hosts.texts if host_name(text) == home)
        return sorted({rest.partition("]")[0] for _, _, rest in written} - {""})


def server_names(known: LoggedSetUp) -> dict[int, str]:
    """The name of each logged server by what it does, such as onprem or hosted-inbound; of one that is left out, that in its log."""
    names: dict[int, str] = {}
    taken: Counter[str] = Counter()
    homes = known.homes
    for server in sorted(known.sides.servers, key=lambda s: (known.sides.servers[s], s not in homes, s)):
        side = known.sides.servers[server]
        if server in homes:
            word = "onprem" if homes[server] == ONPREM else "hosted-inbound"
        elif server in known.gateways:
            word = "gateway"
        elif side == ONPREM:  # people hand in at it, and their mail files are elsewhere
            word = ""
        else:
            word = "hosted-outbound" if side == HOSTED else "external"
        taken[word] += 1
        names[server] = (word if taken[word] == 1 else f"{word}-{taken[word]}") if word else known.book.servers[server]
    return names


def set_up(known: LoggedSetUp, names: dict[int, str]) -> dict[str, Any]:
    """Servers, zones and directory as the logs show them, where no scenario is given."""
    draft = _draft(known, names)
    servers: dict[str, Any] = {}
    for name, host in draft.hosts.items():
        home = next((home for home, called in draft.names.items() if called == name), None)
        word = re.sub(r"-\d+$", "", name)
        if word == "onprem":
            more = _onprem(draft, home)
        elif word == "gateway":
            more = _gateway(draft, home)
        elif word == "hosted-inbound":
            more = _inbound(draft, home)
        elif word == "hosted-outbound":
            more = _outbound(draft, home)
        else:
            continue
        servers[name] = {"kind": more.pop("kind"), "host": host.name, "address": host.address, **more}
    if (
        draft.has("onprem")
        and servers.get("hosted-outbound", {}).get("relay_host") == f"[{draft.hosts['onprem'].name}]"
    ):
        servers["onprem"]["relay_for"] = ["hosted-outbound"]
    servers |= _outside(draft)
    _limit_sizes(draft, servers)
    sites = {name: SITES[name.partition("-")[0]] for name in servers}
    servers = {name: {"kind": server.pop("kind"), "site": sites[name], **server} for name, server in servers.items()}
    lines = [{"between": list(pair), "round_trip": ROUND_TRIP} for pair in combinations(sorted(set(sites.values())), 2)]
    return {
        "coexsim": 1, "domain": draft.domain, "sites": sorted(set(sites.values())), "links": lines, "dns": _zone(draft),
        "servers": servers,
    }  # fmt: skip


def directory_of(servers: Mapping[str, Any], population: Mapping[str, int]) -> dict[str, Any]:
    """Who has the directory and the mail files of each side that somebody is on."""
    data: dict[str, Any] = {"master": "onprem"} if "onprem" in servers else {}
    if "hosted-inbound" in servers:
        data["replica"] = {"at": "hosted-inbound"}
    homes = {"onprem": "onprem", "hosted": "hosted-inbound"}
    return data | {"population": {side: n for side, n in population.items() if homes[side] in servers}}


def left_out(known: LoggedSetUp, names: Mapping[int, str], servers: Mapping[str, Any]) -> list[str]:
    """Logged servers, by their names in the logs, that a set-up worked out from logs does not have."""
    return sorted(known.book.servers[number] for number, name in names.items() if name not in servers)


def _draft(known: LoggedSetUp, names: dict[int, str]) -> _Draft:
    """All servers with their hosts: those that are logged, and others that people's mail files, ways in and ways out are at."""
    called: dict[Home, str] = dict(names.items())
    draft = _Draft(known, called)
    roles = ("onprem", "gateway", "hosted", "external")
    for number, name in names.items():
        if name.startswith(roles) and re.sub(r"-(inbound|outbound|\d+)", "", name) in roles:
            draft.add(number, name)
    for home, side in known.homes.items():
        if isinstance(home, str):
            word = "onprem" if side == ONPREM else "hosted-inbound"
            if not draft.has(word):
                draft.add(home, word)
    for home in known.gateways:
        if isinstance(home, str):
            draft.add(
                home, next(w for n in range(1, 99) if not draft.has(w := "gateway" if n == 1 else f"gateway-{n}"))
            )
    outbound = _outbound_host(draft)
    if draft.has("hosted-inbound") and not draft.has("hosted-outbound") and outbound:
        draft.add(outbound, "hosted-outbound")
    if not any(name.startswith("external") for name in draft.hosts):
        draft.add(None, "external")
    return draft


def _outbound_host(draft: _Draft) -> str:
    """The host that handed in hosted people's mail, where no log of it was given and it is none of the other servers; empty: none."""
    for code in most_of(draft.known.seen.clients.by_key):
        home = draft.known.at(code)
        if isinstance(home, str) and "." in home and not _ADDRESS.fullmatch(home) and home not in draft.names:
            return home
    return ""


def _outbound(draft: _Draft, home: Home | None) -> dict[str, Any]:
    """The server from which hosted people's mail comes: also that for the Internet and for hosted people, if it passes on-premises."""
    by = draft.host_of(draft.known.leaves_by(home)) if home is not None else ""
    found: dict[str, Any] = {"kind": "hosted-outbound"}
    if isinstance(home, str) and draft.has("onprem"):
        if not by and draft.known.brings(home, INTERNET):
            by = draft.hosts["onprem"].name
        if draft.known.brings(home, HOSTED):
            found["routes_internal_mail"] = "by-mx"
    return found | ({"relay_host": f"[{by}]"} if by else {})


def _onprem(draft: _Draft, home: Home | None) -> dict[str, Any]:
    """The server on-premises: hosted people's mail goes to the service, or to the gateway by which it went; the Internet's likewise."""
    known, domain = draft.known, draft.domain
    product = known.book.products.get(home, "postfix") if isinstance(home, int) else "postfix"
    kind, by = PRODUCTS.get(product, "postfix"), draft.host_of(known.leaves_by(home)) if home is not None else ""
    server: dict[str, Any] = {"kind": kind}
    to_hosted, is_by_gateway = "", False
    if draft.has("hosted-inbound"):
        onward = known.hands_to(home, HOSTED) if home is not None else None
        is_by_gateway = onward in known.gateways or (not isinstance(home, int) and bool(known.gateways))
        onward = onward if onward in known.gateways else next(iter(known.gateways), None)
        to_hosted = draft.host_of(onward) if is_by_gateway else draft.hosts["hosted-inbound"].name
    if kind == "exchange":
        connectors: list[dict[str, Any]] = [{"name": "Internet", "address_spaces": ["*"]}]
        if by:
            connectors[0]["smart_hosts"] = [by]
        if to_hosted:
            connectors.insert(0, {"name": "hosted", "address_spaces": [domain], "smart_hosts": [to_hosted]})
        type_ = "internal-relay" if to_hosted else "authoritative"
        return server | {"accepted_domains": {domain: type_}, "send_connectors": connectors}
    if kind == "domino":
        server |= {"smtp_listener_task": "enabled", "smtp_outside_local_domain": "enabled", "global_domain": [domain]}
        return server | ({"smart_host": to_hosted} if to_hosted else {}) | ({"relay_host": by} if by else {})
    if to_hosted and is_by_gateway:  # whom it does not know is not the gateway's to find
        server["transport"] = {f"hosted-mailbox@{domain}": f"smtp:[{to_hosted}]"}
    elif to_hosted:
        server["smart_host"] = f"smtp:[{to_hosted}]"
    return server | ({"relayhost": f"[{by}]"} if by else {})


def _gateway(draft: _Draft, home: Home | None) -> dict[str, Any]:
    """A server that passes the organisation's mail on, by the side of the recipient; the organisation's own servers may relay by it."""
    known, domain = draft.known, draft.domain
    table = {}
    for word, side, name in (("onprem", ONPREM, "onprem"), ("hosted", HOSTED, "hosted-inbound")):
        onward = known.hands_to(home, side) if home is not None else None
        host = draft.host_of(onward) if onward in known.homes or onward in known.gateways else ""
        host = host or (draft.hosts[name].name if draft.has(name) else "")
        if host:
            table[f"{word}-mailbox@{domain}"] = f"smtp:[{host}]"
    first = "onprem" if draft.has("onprem") else "hosted-inbound"
    if draft.has(first):
        table[domain] = f"smtp:[{draft.hosts[first].name}]"
    ours = [name for name in draft.hosts if name.startswith(("onprem", "hosted"))]
    server: dict[str, Any] = {"kind": "postfix", "relay_domains": [domain], "transport": table, "relay_for": ours}
    # a product that passes on whom it does not know would hand such mail back and forth
    products = {known.book.products.get(at, "") for at in known.homes if isinstance(at, int)}
    passes_on = draft.has("hosted-inbound") and not products.isdisjoint({"exchange", "domino"})
    if (isinstance(home, int) and known.seen.refused[home]) or passes_on:
        server["relay_recipient_check"] = True
    return server if isinstance(home, int) else server | {"message_size_limit": "0 B"}


def _inbound(draft: _Draft, home: Home | None) -> dict[str, Any]:
    """The hosted home. Where nothing shows an outbound server, its people hand their mail in here, and it sends it on."""
    server: dict[str, Any] = {"kind": "hosted-inbound"}
    if draft.has("hosted-outbound"):
        return server
    server["people_elsewhere"] = "relay"
    by = draft.host_of(draft.known.leaves_by(home)) if home is not None else ""
    connectors = [{"name": "Internet", "address_spaces": ["*"], "smart_hosts": [by]}] if by else []
    gateway = next((draft.host_of(each) for each in draft.known.gateways), "")
    onprem = gateway or (draft.hosts["onprem"].name if draft.has("onprem") else "")
    if onprem:
        server["smart_host"] = f"[{onprem}]"
    return server | ({"connectors": connectors} if connectors else {})


def _outside(draft: _Draft) -> dict[str, Any]:
    """The Internet: logged servers with their own domains, the rest as one server."""
    known = draft.known
    texts, servers = known.book.addresses, dict[str, Any]()
    taken: set[str] = set(known.sides.domains)
    for home, name in draft.names.items():
        if not name.startswith("external") or name not in draft.hosts:
            continue
        tally: Counter[str] = Counter()
        for key, n in known.seen.delivered.items():
            if key >> 32 == home:
                tally[domain_of(texts[key & 0xFFFFFFFF])] += n
        domains = [d for d, _ in tally.most_common() if d and d not in taken]
        taken.update(domains)
        servers[name] = domains or [f"{name}.example"]
    if "external" not in servers:
        outside: Counter[str] = Counter()
        for code, n in known.seen.outside.items():
            outside[domain_of(texts[code])] += n
        servers["external"] = [d for d, _ in outside.most_common(1) if "." in d] or ["otherdomain.com"]
    return {
        name: {"kind": "external", "host": draft.hosts[name].name, "address": draft.hosts[name].address, "domain": own}
        for name, own in servers.items()
    }


def _limit_sizes(draft: _Draft, servers: dict[str, Any]) -> None:
    """The largest sizes that servers told their clients."""
    for host, limit in sorted(draft.known.book.size_limits.items()):
        name = draft.names.get(draft.known.server_at(host), "")
        if name in servers:
            key = "message_size_limit" if servers[name]["kind"] == "postfix" else "max_message_size"
            servers[name][key] = f"{limit} B"


def _zone(draft: _Draft) -> dict[str, str]:
    """The organisation's zone; hosts and domains that lie in no zone have an address and an MX by themselves."""
    entries = [host for home in draft.known.entries if (host := draft.host_of(home))]
    words: Iterable[str] = ("gateway", "onprem", "hosted-inbound")
    entries = entries or [next(draft.hosts[word].name for word in words if draft.has(word))]
    lines = [f"@ 1h IN MX 10 {host}." for host in dict.fromkeys(entries)]
    for name, address in draft.hosts.values():
        if name == draft.domain:
            lines.append(f"@ 1h IN A {address}")
        elif name.endswith("." + draft.domain):
            lines.append(f"{name.removesuffix('.' + draft.domain)} 1h IN A {address}")
    return {draft.domain: "\n".join(lines) + "\n"}


__all__ = ["directory_of", "left_out", "server_names", "set_up"]
