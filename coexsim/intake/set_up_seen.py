"""What logs show of a set-up: who has mail files, which servers only pass mail on, and to whom each hands it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from coexsim.intake.logs.book import SENT, LogBook
from coexsim.intake.logs.join import LOOPBACK, host_name, ip_of, server_at
from coexsim.intake.logs.journeys import DELIVERED, REFUSED, Journeys
from coexsim.intake.logs.sides import HOSTED, INTERNET, ONPREM, RARE, Home, Sides, home_of
from coexsim.intake.logs.tallies import Counts

GOOD_PART = 0.1  # of a host's mail: less may be a few odd messages
LOCALLY = (1 << 32) - 1  # in place of a host's number
_OWN = (ONPREM, HOSTED)


class SetUpSeen:
    """What parts of a log show of servers, beside their sides: mail files, clients, domains, and the ways of mail."""

    def __init__(self) -> None:
        self.mail_files = Counts()  # copies put into mail files, by server
        self.delivered = Counts()  # server << 32 | address
        self.clients = Counts()  # of messages that hosted people sent, by host
        self.outside = Counts()  # messages from the Internet, by sender
        self.ways = Counts()  # deliveries for people of a side, or of the Internet, by server, side and host
        self.inward = Counts()  # server << 32 | host: mail from the Internet for own people that it handed on
        self.outward = Counts()  # client << 32 | server: mail of own people for the Internet that came from it
        # client << 2 | side: copies of hosted people's mail, by the host that it came from and the side of the recipient
        self.from_service = Counts()
        self.begun = Counts()  # server << 32 | client (`LOCALLY`: not said): messages from the Internet
        self.refused = Counts()  # recipients of the organisation that were refused to a client, by server

    def add(self, found: Journeys, sides: Sides) -> None:
        """Take a part."""
        copies, messages = found.copies, found.messages
        kept = copies["outcome"].to_numpy() == DELIVERED
        server, to = copies["server"].to_numpy(np.int64)[kept], copies["to"].to_numpy(np.int64)[kept]
        self.mail_files.add(server)
        self.delivered.add(server << 32 | to)
        lost = (copies["outcome"].to_numpy() == REFUSED) & sides.is_own[copies["to"].to_numpy()]
        self.refused.add(copies["server"].to_numpy(np.int64)[lost])
        sender, client = messages["sender"].to_numpy(), messages["client"].to_numpy(np.int64)
        side = sides.senders[sender]
        self.clients.add(client[(side == HOSTED) & (client >= 0)])
        from_outside = (side == INTERNET) & (sender >= 0)
        self.outside.add(sender[from_outside])
        self.begun.add(messages["server"].to_numpy(np.int64)[from_outside] << 32 | (client[from_outside] & LOCALLY))
        self._add_ways(found, sides)

    def _add_ways(self, found: Journeys, sides: Sides) -> None:
        went, visits = found.joined.deliveries, found.joined.visits
        row, to, local = went["row"].to_numpy(), went["to"].to_numpy(), went["is_local"].to_numpy()
        side = np.where(sides.is_own[to], sides.homes[to], INTERNET)
        sender, number = visits["sender"].to_numpy()[row], visits["server"].to_numpy(np.int64)[row]
        sent = (went["status"] == SENT).to_numpy()
        relay = np.where(local, LOCALLY, went["relay"].to_numpy(np.int64))
        kept = np.isin(side, (*_OWN, INTERNET)) & sent & (relay >= 0)
        self.ways.add((number << 34 | side << 32 | relay)[kept])
        from_side, client = sides.senders[sender], visits["client"].to_numpy(np.int64)[row]
        kept = (from_side == INTERNET) & (sender >= 0) & np.isin(side, _OWN) & sent & ~local & (relay >= 0)
        self.inward.add((number << 32 | relay)[kept])
        kept = np.isin(from_side, _OWN) & (sender >= 0) & (side == INTERNET) & sent & (client >= 0)
        self.outward.add((client << 32 | number)[kept])
        # what is written to a list or is forwarded says nothing of the way to a person
        direct = (from_side == HOSTED) & (sender >= 0) & (went["written_to"].to_numpy() == to)
        kept = direct & sent & (client >= 0) & np.isin(side, (*_OWN, INTERNET))
        self.from_service.add((client << 2 | side)[kept])

    def ways_of(self, server: int, side: int) -> Counter[int]:
        """To which hosts a server handed mail for people of a side (`LOCALLY`: into mail files of its own), and how often."""
        return Counter(
            {key & LOCALLY: n for key, n in self.ways.items() if key >> 34 == server and key >> 32 & 3 == side}
        )


@dataclass(frozen=True)
class LoggedSetUp:
    """What the logs of all servers together show of the set-up. A `Home` is a logged server by its number, another host by its name."""

    book: LogBook
    hosts: dict[int, set[str]]  # names of each server
    sides: Sides
    seen: SetUpSeen

    def server_at(self, host: str) -> int:
        """The logged server of a host as written in a log; -1: none."""
        return server_at(host, self.hosts)

    def at(self, code: int) -> Home:
        """The logged server of a host of the book by its number, or the host's name."""
        number = self._known.get(code)
        if number is None:
            text = self.book.hosts[code]
            server = self.server_at(text)
            number = self._known[code] = server if server >= 0 else host_name(text)
        return number

    @cached_property
    def _known(self) -> dict[int, Home]:
        return {}

    @cached_property
    def homes(self) -> dict[Home, int]:
        """The side of each server that has people's mail files, logged ones first, then by name."""
        found = {home_of(self.book, place): side for place, side in self.sides.places.items()}
        return dict(sorted(found.items(), key=lambda item: (isinstance(item[0], str), item[0])))

    @cached_property
    def gateways(self) -> tuple[Home, ...]:
        """Servers without mail files that take the Internet's mail and pass it on to the organisation's homes.

        One that is logged shows that itself; another host is taken for the organisation's if its name is in the organisation's domain.
        """
        passed: Counter[int] = Counter()
        for key, n in self.seen.inward.items():
            passed[key >> 32] += n
        logged = [
            server
            for server, n in sorted(passed.items())
            if n > RARE * passed.total() and self.seen.mail_files[server] <= RARE * n and server not in self.homes
        ]
        brought: Counter[str] = Counter()
        for key, n in self.seen.begun.items():
            client = self._client(key)
            if isinstance(client, str) and client not in self.homes and self._is_own_name(client):
                brought[client] += n
        total = sum(n for _, n in self.seen.begun.items())
        return (*logged, *(host for host, n in sorted(brought.items()) if n > RARE * total))

    def _client(self, key: int) -> Home | None:
        """Who handed in, of a key of `begun`; None: nobody that is named, or a program on the server itself."""
        code = key & LOCALLY
        return None if code == LOCALLY or ip_of(self.book.hosts[code]).startswith(LOOPBACK) else self.at(code)

    def _is_own_name(self, host: str) -> bool:
        return host.endswith(tuple(f".{domain}" for domain in self.sides.domains))

    @cached_property
    def entries(self) -> tuple[Home, ...]:
        """The servers of the organisation that take the Internet's mail first, that with most of it first: its MX leads there."""
        taken: Counter[Home] = Counter()
        for key, n in self.seen.begun.items():
            client, server = self._client(key), key >> 32
            if client in self.gateways:
                taken[client] += n
            elif self.is_own(server):
                taken[server] += n
        for key, n in self.seen.inward.items():
            server, to = key >> 32, self.at(key & LOCALLY)
            if not self.is_own(server) and self.is_own(to):
                taken[to] += n
        return tuple(home for home, n in taken.most_common() if n > RARE * taken.total())

    def is_own(self, home: Home) -> bool:
        """Is a server the organisation's, or its service's."""
        inside = isinstance(home, int) and self.sides.servers.get(home, INTERNET) != INTERNET
        return inside or home in self.homes or home in self.gateways

    def leaves_by(self, home: Home) -> Home | None:
        """The gateway by which a server's mail for the Internet leaves; None: it goes there itself."""
        ways: Counter[Home] = Counter()
        if isinstance(home, int):
            for code, n in self.seen.ways_of(home, INTERNET).items():
                if code != LOCALLY:
                    ways[self.at(code)] += n
        else:
            for key, n in self.seen.outward.items():
                if self.at(key >> 32) == home:
                    ways[key & LOCALLY] += n
        most = ways.most_common(1)
        return most[0][0] if most and most[0][0] in self.gateways and most[0][0] != home else None

    def brings(self, host: str, side: int) -> bool:
        """Does a host without a log bring a good part of its mail for people of a side, rather than hand it to them itself."""
        by_side: Counter[int] = Counter()
        for key, n in self.seen.from_service.items():
            if self.at(key >> 2) == host:
                by_side[key & 3] += n
        return by_side[side] > GOOD_PART * by_side.total()

    def hands_to(self, home: Home, side: int) -> Home | None:
        """To whom a logged server hands mail for people of a side; None: it says nothing of that, or it has their mail files."""
        ways: Counter[Home] = Counter()
        if isinstance(home, int):
            for code, n in self.seen.ways_of(home, side).items():
                if code != LOCALLY and (to := self.at(code)) != home:
                    ways[to] += n
        most = ways.most_common(1)
        return most[0][0] if most else None


__all__ = ["LOCALLY", "LoggedSetUp", "SetUpSeen"]
