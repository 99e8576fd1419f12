"""Servers that logs speak of but of which no log was given, and what therefore cannot be counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from coexsim.intake.logs.book import NOBODY, LogBook
from coexsim.intake.logs.join import LOOPBACK, OUTSIDE, ip_of, name_of
from coexsim.intake.logs.journeys import HANDED_ON, Journeys
from coexsim.intake.logs.sides import Sides
from coexsim.intake.logs.tallies import Counts

NOTABLE = 0.02  # share of the messages from which on a server without a log changes what is counted
MOST_NAMED = 3


class UnloggedServer(NamedTuple):
    """A server between those that are logged, and how much mail shows it."""

    host: str
    passed: int  # visits of mail that was handed to it and came back from it
    parts: int  # visits that begin with a part of mail that another visit shows too, since it was divided there


@dataclass
class UnloggedSeen:
    """What parts of a log show of hosts that are no logged servers."""

    book: LogBook
    passed: Counts = field(default_factory=Counts)  # by host
    parts: Counts = field(default_factory=Counts)
    # Messages of the organisation's senders, by the host that handed them in.
    begun: Counts = field(default_factory=Counts)
    # Copies for the organisation's people, by the host that took them last.
    kept: Counts = field(default_factory=Counts)
    # Messages that a host handed in for people who live elsewhere than where they were handed in.
    brought: Counts = field(default_factory=Counts)
    messages: int = 0
    copies: int = 0

    def add(self, found: Journeys, sides: Sides) -> None:
        """Take a part."""
        known, visits, messages, copies = found.joined.host_servers(), found.joined.visits, found.messages, found.copies
        strange = known < 0
        strange[-1] = False
        strange[:-1] &= np.array([_is_remote(text) for text in self.book.hosts.texts], bool)
        client, parent, server = (visits[name].to_numpy(np.int64) for name in ("client", "parent", "server"))
        self.passed.add(client[(parent >= 0) & (server != server[np.maximum(parent, 0)]) & strange[client]])
        mail = messages[~messages["is_notice"].to_numpy() & (messages["sender"].to_numpy() >= 0)]
        own = sides.is_own[mail["sender"].to_numpy()] & strange[mail["client"].to_numpy(np.int64)]
        repeat = mail["is_repeat"].to_numpy()
        self.parts.add(mail["client"].to_numpy(np.int64)[own & repeat])
        self.begun.add(mail["client"].to_numpy(np.int64)[own & ~repeat])
        home = sides.homes[mail["sender"].to_numpy()]
        side = np.array([sides.servers.get(number, NOBODY) for number in range(len(self.book.servers))] + [NOBODY])
        away = (home >= 0) & (home != side[mail["server"].to_numpy(np.int64)])
        self.brought.add(mail["client"].to_numpy(np.int64)[own & ~repeat & away])
        relay = copies["relay"].to_numpy(np.int64)
        ended = (copies["outcome"].to_numpy() == HANDED_ON) & sides.is_own[copies["to"].to_numpy()] & strange[relay]
        self.kept.add(relay[ended])
        self.messages += len(mail)
        self.copies += len(copies)

    @property
    def between(self) -> tuple[UnloggedServer, ...]:
        """Servers between those that are logged, through which so much mail passes that messages cannot be counted; most mail first.

        Mail is seen more than once whose beginning is not seen; or a server hands in mail of the organisation's people, and passes on
        other mail between logged servers: what begins and ends there is in no log. A filter only passes mail on: nothing begins there.
        """
        least = NOTABLE * max(self.messages, 1)
        passed, parts, begun = (self._by_host(counts) for counts in (self.passed, self.parts, self.begun))
        found: dict[str, int] = {}
        if sum(parts.values()) > least:
            found |= parts
        for host, n in passed.items():
            if min(n, begun.get(host, 0)) > least:
                found[host] = found.get(host, 0) + n
        return tuple(
            UnloggedServer(host, passed.get(host, 0), parts.get(host, 0)) for host in _most_of(found)[:MOST_NAMED]
        )

    @property
    def sources(self) -> list[tuple[str, int]]:
        """Hosts that bring mail of people who live at another server, and how many messages; most first.

        Such a host is a server that those people hand in at: what it sends past the logged servers is in no log.
        """
        brought = self._by_host(self.brought)
        between = {server.host for server in self.between}
        return [
            (host, brought[host])
            for host in _most_of(brought)[:MOST_NAMED]
            if brought[host] > NOTABLE * max(self.messages, 1) and host not in between
        ]

    @property
    def homes(self) -> list[tuple[str, int]]:
        """Hosts that took a good part of the mail for the organisation's people, and how many copies each; most first."""
        kept = self._by_host(self.kept)
        return [
            (host, kept[host]) for host in _most_of(kept)[:MOST_NAMED] if kept[host] > NOTABLE * max(self.copies, 1)
        ]

    def _by_host(self, counts: Counts) -> dict[str, int]:
        """The counts by name, or by address where there is no name."""
        found: dict[str, int] = {}
        for code, n in counts.items():
            host = name_of(self.book.hosts[code]) or ip_of(self.book.hosts[code])
            found[host] = found.get(host, 0) + n
        return found


def _most_of(counts: dict[str, int]) -> list[str]:
    """Hosts, that with the greatest count first; of equals, by name."""
    return sorted(counts, key=lambda host: (-counts[host], host))


def _is_remote(host: str) -> bool:
    """May a host as written in a log be another server."""
    return bool(host) and host != OUTSIDE and not ip_of(host).startswith(LOOPBACK)
