"""Who is where: the organisation's domain, the side of each person and server, and what kind of recipient an address is.

A person's side is where her mail is put into a mail file; a server's is that of the people whose mail files it has, or who hand mail in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.errors import UsageError
from coexsim.intake.logs.book import NOBODY
from coexsim.intake.logs.google import SERVICE as GOOGLE
from coexsim.intake.logs.join import ip_of, name_of
from coexsim.intake.logs.journeys import BOUNCED_, DELIVERED, HANDED_ON, REFUSED, Journeys
from coexsim.intake.logs.trace_export import SERVICE as MICROSOFT
from coexsim.scenario.model import Scenario

KINDS = ("onprem", "hosted", "internet", "unknown", "unknown at hosted", "unknown domain", "group")
ONPREM, HOSTED, INTERNET, UNKNOWN, UNKNOWN_AT_HOSTED, UNKNOWN_DOMAIN, GROUP = range(7)
SIDE_OF_KIND = ("onprem", "hosted", "internet", "unknown", "unknown", "internet", "")
NULL_SENDER = 7  # the sender of notices
RARE = 0.02  # a place that has less of a domain's deliveries is no home of it


@dataclass
class Sides:
    """The sides of addresses and servers."""

    domain: str
    domains: frozenset[str]  # all that are the organisation's own
    senders: NDArray[np.int64]  # side of each address as a sender
    homes: NDArray[np.int64]  # side of each address where it was delivered; -1: nowhere
    servers: dict[int, int]  # side of each logged server
    hosts: dict[str, int]  # side of servers that mail was handed on to
    copy_side: NDArray[np.int64]  # of each row of the copies: the side of its last address
    kind: pd.Series  # by (message, written_to): kind of recipient


def domain_of(address: str) -> str:
    """The part after the last @, lower case."""
    return address.rpartition("@")[2].casefold().rstrip(".")


def find_sides(found: Journeys, scenario: Scenario | None = None, domain: str = "") -> Sides:
    """Who is where. `scenario` names the domain and the servers; without it they are worked out."""
    book = found.joined.book
    domains = [domain_of(text) if "@" in text else "" for text in book.addresses.texts]
    own = _own(found, domains, scenario, domain)
    place = _places(found)
    home_of = _homes(found, domains, own, place)
    sides = _side_of_places(found, scenario, own, domains, home_of)
    homes = np.array(
        [sides.get(home_of[code], NOBODY) if code in home_of else NOBODY for code in range(len(domains))], np.int64
    )
    is_own = np.array([domain in own for domain in domains], bool)
    servers = _side_of_servers(found, sides, homes, is_own)
    senders = np.where(is_own, homes, INTERNET)
    first_seen = found.messages.drop_duplicates("sender")
    for sender, server in zip(first_seen["sender"].tolist(), first_seen["server"].tolist(), strict=True):
        if sender >= 0 and is_own[sender] and senders[sender] < 0:
            senders[sender] = servers.get(server, ONPREM)
    senders[senders < 0] = ONPREM
    if (empty := next((i for i, text in enumerate(book.addresses.texts) if not text), None)) is not None:
        senders[empty] = NULL_SENDER
    copy_side, kind = _kinds(found, is_own, homes, sides)
    hosts = {book.hosts[key[1]]: side for key, side in sides.items() if key[0] == "host"}
    return Sides(
        min(own, key=lambda d: (-domains.count(d), d)), frozenset(own), senders, homes, servers, hosts, copy_side, kind
    )


Place = tuple[str, int]  # ("server", its number) or ("host", its number): where a copy ended


def _places(found: Journeys) -> list[Place | None]:
    """Where each copy was put into a mail file, or whom it was handed on to."""
    copies, book = found.copies, found.joined.book
    servers: list[Place] = [("server", number) for number in range(len(book.servers))]  # each once: copies are many
    hosts: list[Place] = [("host", number) for number in range(len(book.hosts))]
    return [
        servers[server] if outcome == DELIVERED else hosts[relay] if outcome == HANDED_ON else None
        for outcome, server, relay in zip(
            copies["outcome"].tolist(), copies["server"].tolist(), copies["relay"].tolist(), strict=True
        )
    ]


def _own(found: Journeys, domains: list[str], scenario: Scenario | None, asked: str) -> set[str]:
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
    tally: dict[str, Counter[Place]] = {}
    for to, outcome, server, relay in found.copies[["to", "outcome", "server", "relay"]].itertuples(index=False):
        if outcome in (DELIVERED, HANDED_ON) and domains[to]:
            tally.setdefault(domains[to], Counter())[
                ("server", server) if outcome == DELIVERED else ("host", relay)
            ] += 1

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


def _homes(found: Journeys, domains: list[str], own: set[str], places: list[Place | None]) -> dict[int, Place]:
    """Where the mail of each address of the organisation is put into a mail file, or is handed on to: the last time."""
    return {
        to: place
        for to, place in zip(found.copies["to"].tolist(), places, strict=True)
        if place is not None and domains[to] in own
    }


def _side_of_places(
    found: Journeys, scenario: Scenario | None, own: set[str], domains: list[str], home_of: dict[int, Place]
) -> dict[Place, int]:  # fmt: skip
    """The side of each place that is somebody's home."""
    counts = Counter(home_of.values())
    book = found.joined.book
    if scenario is not None:
        named = _named(scenario)
        sides = {place: side for place in counts if (side := _look_up(found, place, named)) is not None}
        if sides:
            return {place: sides.get(place, HOSTED if place[0] == "host" else ONPREM) for place in counts}
    homes = [place for place, n in counts.items() if place[0] == "server"]
    onward: Counter[Place] = (
        Counter()
    )  # a server that hands the organisation's mail on to another home is the one on-premises
    rows = found.joined.visits
    went = found.joined.deliveries
    own_to = np.array([domain in own for domain in domains], bool)[went["to"].to_numpy()]
    for server, n in Counter(
        rows["server"].to_numpy()[went["row"].to_numpy()[own_to & ~went["is_local"].to_numpy()]].tolist()
    ).items():
        onward["server", server] = n
    services = [place for place in homes if book.servers[place[1]] in (MICROSOFT, GOOGLE)]
    own_homes = [place for place in homes if place not in services]
    master = max(own_homes, key=lambda place: (onward[place] > 0, counts[place] + onward[place]), default=None)
    return {place: ONPREM if place == master else HOSTED for place in counts}


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


def _look_up(found: Journeys, place: Place, named: dict[str, int]) -> int | None:
    if place[0] == "host":
        text = found.joined.book.hosts[place[1]]
        return named.get(name_of(text), named.get(ip_of(text)))
    names = found.joined.hosts[place[1]] | {name.split(".")[0] for name in found.joined.hosts[place[1]]}
    return next((named[name] for name in sorted(names, key=len, reverse=True) if name in named), None)


def _side_of_servers(
    found: Journeys, sides: dict[Place, int], homes: NDArray[np.int64], is_own: NDArray[np.bool_]
) -> dict[int, int]:
    """The side of each logged server: of the mail files it has, else of the people who hand mail in there."""
    servers = {number: side for (kind, number), side in sides.items() if kind == "server"}
    messages = found.messages
    for server in range(len(found.joined.book.servers)):
        if server in servers:
            continue
        here = ((messages["server"] == server) & (messages["sender"] >= 0)).to_numpy()
        # Where lines are missing, messages that are not sure to begin here may have begun elsewhere.
        sender = messages["sender"].to_numpy()[here & messages["is_sure"].to_numpy()]
        of = Counter(homes[sender[is_own[sender]]].tolist())
        outside = len(sender) - of.total()
        nowhere = of.pop(NOBODY, 0)
        if of.total() + nowhere <= outside:
            servers[server] = INTERNET
        else:  # who has no mail file at any server that is logged, hands in at the service
            servers[server] = of.most_common(1)[0][0] if of else HOSTED
    return servers


def _kinds(
    found: Journeys, is_own: NDArray[np.bool_], homes: NDArray[np.int64], sides: dict[Place, int]
) -> tuple[NDArray[np.int64], pd.Series]:  # fmt: skip
    """The side of each copy's last address, and the kind of each recipient as written."""
    copies = found.copies
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
    side_of = [sides.get(("server", int(known[code])), sides.get(("host", code), NOBODY)) for code in range(len(texts))]
    at_hosted = np.array([*side_of, NOBODY]) == HOSTED
    side[lost] = UNKNOWN
    side[lost & failed & elsewhere[relay] & at_hosted[relay]] = UNKNOWN_AT_HOSTED
    frame = pd.DataFrame({"message": copies["message"], "written_to": copies["written_to"], "to": to, "side": side})
    grouped = frame.groupby(["message", "written_to"], sort=False)
    kind = grouped["side"].first()
    several = grouped["to"].nunique() > 1
    kind[several] = GROUP
    groups = set(kind.index.get_level_values("written_to")[several.to_numpy()].tolist())
    kind[[written in groups for written in kind.index.get_level_values("written_to")]] = GROUP
    return side.astype(np.int64), kind
