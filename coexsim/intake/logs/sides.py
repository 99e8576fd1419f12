"""Who is where: the organisation's domain, the side of each person and server, and what kind of recipient an address is.

A person's side is where her mail is put into a mail file; a server's is that of the people whose mail files it has, or who hand mail in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.errors import UsageError
from coexsim.intake.logs.book import NOBODY, LogBook
from coexsim.intake.logs.google import SERVICE as GOOGLE
from coexsim.intake.logs.join import host_name, ip_of, name_of
from coexsim.intake.logs.journeys import BOUNCED_, DELIVERED, HANDED_ON, REFUSED, Journeys
from coexsim.intake.logs.tallies import Counts, Floats, Ints, most_of
from coexsim.intake.logs.trace_export import SERVICE as MICROSOFT
from coexsim.mail.products.services import service_of_host
from coexsim.scenario.model import Scenario

KINDS = ("onprem", "hosted", "internet", "unknown", "unknown at hosted", "unknown domain", "group")
ONPREM, HOSTED, INTERNET, UNKNOWN, UNKNOWN_AT_HOSTED, UNKNOWN_DOMAIN, GROUP = range(7)
SIDE_OF_KIND = ("onprem", "hosted", "internet", "unknown", "unknown", "internet", "")
NULL_SENDER = 7  # the sender of notices
ENOUGH_PEOPLE = 5  # who hand in mail in one way, to take others for people of their side
RARE = 0.02  # a place that has less of a domain's deliveries is no home of it
Home = int | str  # a logged server by its number, another host by its name
Place = tuple[str, int]  # ("server", its number) or ("host", its number): where a copy ended
_HOST = 1 << 32  # places as numbers: this bit, and a host's code; else a server's
_ALL = (1 << 33) - 1


@dataclass
class Sides:
    """The sides of addresses and servers; of one part also those of its copies."""

    domain: str
    domains: frozenset[str]  # all that are the organisation's own
    senders: Ints  # side of each address as a sender
    homes: Ints  # side of each address where it was delivered; -1: nowhere
    servers: dict[int, int]  # side of each logged server
    hosts: dict[str, int]  # side of servers that mail was handed on to
    groups: frozenset[int]  # addresses that stood for several people in some message
    places: dict[Place, int]  # side of each place that is somebody's home
    is_own: NDArray[np.bool_]  # is an address one of the organisation's
    copy_side: Ints = field(default_factory=lambda: np.empty(0, np.int64))  # of each copy: the side of its last address
    kind: pd.Series = field(
        default_factory=lambda: pd.Series([], dtype="int64")
    )  # by (message, written_to): kind of recipient

    def of(self, found: Journeys) -> Sides:
        """The same, with the sides of the copies of a part."""
        copy_side, kind = _kinds(found, self)
        return replace(self, copy_side=copy_side, kind=kind)


def domain_of(address: str) -> str:
    """The part after the last @, lower case."""
    return address.rpartition("@")[2].casefold().rstrip(".")


class SidesSeen:
    """What parts of a log show of who is where."""

    def __init__(self) -> None:
        self._homes: dict[int, tuple[float, int]] = {}  # address: when mail was last put away for it, and where
        # By sender: when it first sent mail, and at which server << 32 | client.
        self._first: dict[int, tuple[float, int]] = {}
        self._placed = Counts()  # address << 33 | place
        self._onward = Counts()  # server << 32 | address of mail that it handed on
        self._sure = Counts()  # server << 32 | sender of mail that certainly begins there
        self._groups: set[int] = set()

    def add(self, found: Journeys) -> None:
        """Take a part."""
        copies, messages = found.copies, found.messages
        outcome, to = copies["outcome"].to_numpy(), copies["to"].to_numpy(np.int64)
        place = np.where(outcome == DELIVERED, copies["server"].to_numpy(), _HOST | copies["relay"].to_numpy(np.int64))
        # What a logged server took and does not tell of lies in lines that are missing: that is nobody's home.
        relay = copies["relay"].to_numpy(np.int64)
        put = (outcome == DELIVERED) | (
            (outcome == HANDED_ON) & (relay >= 0) & (found.joined.host_servers()[relay] < 0)
        )
        self._placed.add(to[put] << 33 | place[put])
        born_s = messages["arrived_s"].to_numpy()
        when_s = born_s[copies["message"].to_numpy()[put]]
        _latest(self._homes, to[put], when_s, place[put], 1)
        begun = messages["server"].to_numpy(np.int64) << 32 | (messages["client"].to_numpy(np.int64) & 0xFFFFFFFF)
        _latest(self._first, messages["sender"].to_numpy(np.int64), born_s, begun, -1)
        went, servers = found.joined.deliveries, found.joined.visits["server"].to_numpy(np.int64)
        on = ~went["is_local"].to_numpy()
        self._onward.add(servers[went["row"].to_numpy()[on]] << 32 | went["to"].to_numpy(np.int64)[on])
        # Where lines are missing, messages that are not sure to begin here may have begun elsewhere.
        sure = messages["is_sure"].to_numpy() & (messages["sender"].to_numpy() >= 0)
        self._sure.add(messages["server"].to_numpy(np.int64)[sure] << 32 | messages["sender"].to_numpy(np.int64)[sure])
        several = copies.groupby(["message", "written_to"], sort=False)["to"].nunique() > 1
        self._groups |= set(several.index.get_level_values("written_to")[several.to_numpy()].tolist())

    def sides(
        self, book: LogBook, names: dict[int, set[str]], scenario: Scenario | None = None, domain: str = ""
    ) -> Sides:
        """Who is where. `names` are the servers'; `scenario` names the domain and the servers; without it they are worked out."""
        domains = [domain_of(text) if "@" in text else "" for text in book.addresses.texts]
        own = _own(self._by_domain(domains), domains, scenario, domain)
        is_own = np.array([domain in own for domain in domains], bool)
        places = {to: _place(key) for to, (_, key) in self._homes.items() if is_own[to]}
        onward: Counter[int] = Counter()
        for key, n in self._onward.items():
            if is_own[key & 0xFFFFFFFF]:
                onward[key >> 32] += n
        sides = _side_of_places(book, names, scenario, places, onward, own)
        homes = np.full(len(domains), NOBODY)
        for to, place in places.items():
            homes[to] = sides[place]
        servers = _side_of_servers(len(book.servers), self._sure, sides, homes, is_own)
        if scenario is not None:  # it says whose server one is at which nobody's mail was seen to be put away
            named = _named(scenario)
            told = {n: _look_up(book, names, ("server", n), named) for n in range(len(book.servers))}
            servers |= {n: side for n, side in told.items() if side is not None}

        senders = np.where(is_own, homes, INTERNET)
        if scenario is None and len(there := set(sides.values())) == 1:
            [only] = there  # nobody's mail files are on the other side
            senders[is_own] = only
            servers = {n: side if side == INTERNET else only for n, side in servers.items()}
        of_way = self._side_of_ways(homes)
        for sender, (_, way) in self._first.items():
            if sender >= 0 and senders[sender] < 0:
                senders[sender] = of_way.get(way, servers.get(way >> 32, ONPREM))
        senders[senders < 0] = ONPREM
        if (empty := next((i for i, text in enumerate(book.addresses.texts) if not text), None)) is not None:
            senders[empty] = NULL_SENDER
        hosts = {book.hosts[number]: side for (kind, number), side in sides.items() if kind == "host"}
        first = min(own, key=lambda d: (-domains.count(d), d))
        return Sides(first, frozenset(own), senders, homes, servers, hosts, frozenset(self._groups), sides, is_own)

    def _side_of_ways(self, homes: Ints) -> dict[int, int]:
        """The side of the people who hand mail in at a server from a host, where their homes are known: that of others who do so too."""
        known: dict[int, Counter[int]] = {}
        for sender, (_, way) in self._first.items():
            if sender >= 0 and homes[sender] >= 0:
                known.setdefault(way, Counter())[int(homes[sender])] += 1
        return {way: most_of(sides)[0] for way, sides in known.items() if sides.total() >= ENOUGH_PEOPLE}

    def _by_domain(self, domains: list[str]) -> dict[str, Counter[Place]]:
        """Where the mail of each domain's addresses was put away."""
        tally: dict[str, Counter[Place]] = {}
        for key, n in self._placed.items():
            if name := domains[key >> 33]:
                tally.setdefault(name, Counter())[_place(key & _ALL)] += n
        return tally


def _latest(known: dict[int, tuple[float, int]], keys: Ints, times_s: Floats, values: Ints, sign: int) -> None:
    """For each key the value of its last time (`sign` 1) or its first (-1)."""
    order = np.argsort(times_s, kind="stable")
    order = order[::-1] if sign > 0 else order
    _, firsts = np.unique(keys[order], return_index=True)
    rows = order[firsts]
    for key, time_s, value in zip(keys[rows].tolist(), times_s[rows].tolist(), values[rows].tolist(), strict=True):
        if key not in known or sign * time_s > sign * known[key][0]:
            known[key] = (time_s, value)


def _place(key: int) -> Place:
    return ("host", key & ~_HOST) if key & _HOST else ("server", key)


def _own(
    tally: dict[str, Counter[Place]], domains: list[str], scenario: Scenario | None, asked: str
) -> set[str]:  # fmt: skip
    """The organisation's domains: what is asked for or the scenario says; else the domain whose people have mail files at most places."""
    if asked:
        return {asked.casefold()}
    if scenario is not None:
        more = {
            name.casefold()
            for server in scenario.servers.values()
            for name in getattr(server, "global_domain", None) or ()
        }
        own = {scenario.domain.casefold()} | more
        if not own & set(domains):
            raise UsageError(f"no address in the logs is of the scenario's domain {scenario.domain!r}")
        return own

    def rank(name: str) -> tuple[int, int, int, str]:
        places = tally[name]
        total = sum(places.values())
        kept = [place for place, n in places.items() if n >= max(2, RARE * total)]
        return sum(kind == "server" for kind, _ in kept) > 0, len(kept), total, name

    if not tally:
        raise UsageError(
            "the logs hold no delivery to an address with a domain; give the organisation's domain with --domain"
        )
    return {max(tally, key=rank)}


def _side_of_places(
    book: LogBook, names: dict[int, set[str]], scenario: Scenario | None, places: dict[int, Place], onward: Counter[int], own: set[str],
) -> dict[Place, int]:  # fmt: skip
    """The side of each place that is somebody's home. `onward`: how much of the organisation's mail each server handed on."""
    counts = Counter(places.values())
    if scenario is not None:
        named = _named(scenario)
        sides = {place: side for place in counts if (side := _look_up(book, names, place, named)) is not None}
        if sides:
            return {place: sides.get(place, HOSTED if place[0] == "host" else ONPREM) for place in counts}
    homes: Counter[Home] = Counter()
    for place, n in counts.items():
        homes[home_of(book, place)] += n

    def rank(home: Home) -> tuple[bool, bool, bool, int, str]:
        """The greatest is on-premises: named in the organisation's domain (or nowhere in full), logged, handing mail on to another home."""
        called = names[home] if isinstance(home, int) else {home}
        handed_on = onward[home] if isinstance(home, int) else 0
        known = [name for name in called if "." in name]
        is_own = any(name.endswith(tuple(f".{domain}" for domain in own)) for name in known)
        return (
            is_own or not known,
            isinstance(home, int),
            handed_on > 0,
            homes[home] + handed_on,
            min(called, default=""),
        )

    own_homes = [home for home in homes if not _is_service(book, home)]
    master = max(own_homes, key=rank, default=None)
    return {place: ONPREM if home_of(book, place) == master else HOSTED for place in counts}


def home_of(book: LogBook, place: Place) -> Home:
    """What a place is called: a host that takes mail at several addresses or ports is one."""
    return place[1] if place[0] == "server" else host_name(book.hosts[place[1]])


def _is_service(book: LogBook, home: Home) -> bool:
    """Is a home a service's: by its kind of log, or by its host name."""
    if isinstance(home, int):
        return book.servers[home] in (MICROSOFT, GOOGLE)
    return service_of_host(home) is not None


def _named(scenario: Scenario) -> dict[str, int]:
    """The side of each host of a scenario."""
    homes = {name: side for side, name in scenario.home_server.items()}
    named = {}
    for name, server in scenario.servers.items():
        side = {"onprem": ONPREM, "hosted": HOSTED}.get(homes.get(name, ""))
        if server.kind.startswith("hosted"):
            side = HOSTED
        if side is not None:
            for word in (name, server.host or "", server.address or ""):
                named[word.casefold()] = side
    named.pop("", None)
    return named


def _look_up(book: LogBook, names: dict[int, set[str]], place: Place, named: dict[str, int]) -> int | None:
    if place[0] == "host":
        text = book.hosts[place[1]]
        return named.get(name_of(text), named.get(ip_of(text)))
    words = names[place[1]] | {name.split(".")[0] for name in names[place[1]]}
    return next((named[name] for name in sorted(words, key=lambda w: (-len(w), w)) if name in named), None)


def _side_of_servers(
    count: int, sure: Counts, sides: dict[Place, int], homes: Ints, is_own: NDArray[np.bool_]
) -> dict[int, int]:
    """The side of each logged server: of the mail files it has, else of the people who hand mail in there."""
    servers = {number: side for (kind, number), side in sides.items() if kind == "server"}
    handed_in: dict[int, Counter[int]] = {}
    outside: Counter[int] = Counter()
    for key, n in sure.items():
        server, sender = key >> 32, key & 0xFFFFFFFF
        if is_own[sender]:
            handed_in.setdefault(server, Counter())[int(homes[sender])] += n
        else:
            outside[server] += n
    for server in range(count):
        if server in servers:
            continue
        of = handed_in.get(server, Counter())
        nowhere = of.pop(NOBODY, 0)
        if of.total() + nowhere <= outside[server]:
            servers[server] = INTERNET
        else:  # who has no mail file at any server that is logged, hands in at the service
            servers[server] = most_of(of)[0] if of else HOSTED
    return servers


def _kinds(found: Journeys, sides: Sides) -> tuple[Ints, pd.Series]:
    """The side of each copy's last address, and the kind of each recipient as written."""
    copies, homes, is_own = found.copies, sides.homes, sides.is_own
    to, outcome = copies["to"].to_numpy(), copies["outcome"].to_numpy()
    side = np.where(is_own[to], homes[to], INTERNET)
    failed = np.isin(outcome, (BOUNCED_, REFUSED))
    codes = np.array([text.startswith(("5.4.4", "5.1.2", "4.4.4")) for text in found.joined.book.codes.texts] + [False])
    nowhere = failed & ~is_own[to] & codes[copies["code"].to_numpy()]
    side[nowhere] = UNKNOWN_DOMAIN
    lost = is_own[to] & (side < 0)
    texts, known = found.joined.book.hosts.texts, found.joined.host_servers()
    elsewhere = known >= 0
    elsewhere[:-1] |= np.array(["[" in text for text in texts], bool)
    relay = copies["relay"].to_numpy()
    side_of = [
        sides.places.get(("server", int(known[code])), sides.places.get(("host", code), NOBODY))
        for code in range(len(texts))
    ]
    at_hosted = np.array([*side_of, NOBODY]) == HOSTED
    at_hosted = elsewhere[relay] & at_hosted[relay]
    present = {*sides.places.values(), *sides.servers.values()}
    here = ONPREM if ONPREM in present or HOSTED not in present else HOSTED
    side[lost] = np.where(failed, np.where(at_hosted, UNKNOWN_AT_HOSTED, UNKNOWN), np.where(at_hosted, HOSTED, here))[
        lost
    ]
    frame = pd.DataFrame({"message": copies["message"], "written_to": copies["written_to"], "side": side})
    kind = frame.groupby(["message", "written_to"], sort=False)["side"].first()
    kind[np.isin(kind.index.get_level_values("written_to").to_numpy(), sorted(sides.groups))] = GROUP
    return side.astype(np.int64), kind
