"""Who there is and where their mail files are: the master directory, the hosted side's replica of it, and how both change.

A directory has versions: version 0 is what the scenario says, each event that hires or moves people makes the next. The master
knows a change at once, the replica at the next replication. Rules ask by version, so that they need no clock.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

from coexsim.mail.message import domain_of, fold, local_part_of
from coexsim.scenario.load_profile import Side
from coexsim.scenario.model import Scenario
from coexsim.scenario.people import PersonSpec
from coexsim.scenario.servers import AnyServer, HostedInbound

SIDES: tuple[Side, ...] = get_args(Side)


class Person(NamedTuple):
    """A Person record as the rules see it. `home` is the server with the mail file, if any."""

    name: str
    address: str
    home: str | None
    forwarding: str | None = None
    unreachable: bool = False
    over_quota: bool = False
    keeps_copy: bool = False
    also_at: tuple[str, ...] = ()
    known_at: tuple[str, ...] = ()

    @property
    def homes(self) -> tuple[str, ...]:
        """All servers with a mail file of this person."""
        return (*((self.home,) if self.home else ()), *self.also_at)

    def lives_at(self, server: str) -> bool:
        """Has the server a mail file of this person."""
        return self.home == server or server in self.also_at


class Group(NamedTuple):
    """A group and the addresses of its members."""

    name: str
    members: tuple[str, ...]
    known_at: tuple[str, ...] = ()


class MailboxClass(NamedTuple):
    """Alike nameless mailboxes, represented by one address."""

    address: str
    side: str
    mailboxes: int


Entry = Person | Group
View = Literal["all", "master", "replica"]  # everybody there is; or whom the one or the other directory has a record of
_History = list[tuple[int, Person | None]]


class Directory:
    """The people and groups of a scenario over its versions."""

    def __init__(self, scenario: Scenario) -> None:
        self.domain = fold(scenario.domain)
        self._homes = scenario.home_server
        self._routing_domains = _domains_of(scenario.servers.get(self._homes.get("hosted", ""))) - {self.domain}
        replica = scenario.directory.replica
        self._replica_every_s = replica.every if replica else 0.0
        people = scenario.directory.people
        self._missing: dict[View, frozenset[str]] = {
            "master": frozenset(fold(self._address(n, spec)) for n, spec in people.items() if spec.only_at_hosted),
            "replica": frozenset(fold(self._address(n, people.get(n))) for n in (replica.missing if replica else ())),
        }
        closed = scenario.directory.internal_only
        self._internal_only = frozenset(fold(self._address(name, people.get(name))) for name in closed)
        self._people: dict[str, _History] = {}
        self._alias: dict[str, str] = {}
        self._groups: dict[str, Group] = {}
        self.classes: list[MailboxClass] = []
        for name, spec in people.items():
            self._add_person(name, spec)
        self._add_groups(scenario)
        self._changes_s = self._add_changes(scenario)
        self._changed: dict[int, list[str]] = {}
        for address, history in self._people.items():
            for version in dict.fromkeys(version for version, _ in history):
                self._changed.setdefault(version, []).append(address)
        by_local: dict[str, set[str]] = {}
        for address in (*self._people, *self._alias, *self._groups):
            by_local.setdefault(local_part_of(address), set()).add(self._alias.get(address, address))
        self._by_local = {local: next(iter(found)) for local, found in by_local.items() if len(found) == 1}

    def _address(self, name: str, spec: PersonSpec | None = None) -> str:
        return (spec.internet_address if spec else None) or (name if "@" in name else f"{name}@{self.domain}")

    def _add_person(self, name: str, spec: PersonSpec) -> None:
        address = self._address(name, spec)
        if spec.mail_system == "other-internet-mail" or spec.only_at_hosted:
            # Forwarding out of the organisation, without a mail file, is the address of somebody elsewhere.
            leaves = spec.forwarding_address and not self._is_within(spec.forwarding_address)
            home = spec.mail_file or (None if leaves else self._homes.get("hosted"))
        else:
            home = None if spec.mail_system == "none" else spec.mail_file or self._homes.get("onprem")
        nowhere = spec.mail_system == "none"
        person = Person(
            name, address, home, spec.forwarding_address, nowhere, spec.over_quota, spec.keep_copy, tuple(spec.also_at),
            tuple(spec.known_at),
        )  # fmt: skip
        self._people[fold(address)] = [(0, person)]
        for alias in spec.aliases:
            self._alias[fold(alias if "@" in alias else f"{alias}@{self.domain}")] = fold(address)
        target = spec.forwarding_address or ""
        if home is not None and home == self._homes.get("hosted") and domain_of(target) in self._routing_domains:
            self._alias.setdefault(
                fold(target), fold(address)
            )  # the remote mailbox's address in the service's own domain

    def _add_groups(self, scenario: Scenario) -> None:
        people = scenario.directory.people
        for name, members in scenario.directory.groups.items():
            addresses = tuple(self._address(member, people.get(member)) for member in members)
            known_at = tuple(scenario.directory.group_known_at.get(name, ()))
            self._groups[fold(self._address(name))] = Group(name, addresses, known_at)

    def _add_changes(self, scenario: Scenario) -> list[float]:
        """The nameless classes, and what events do to people; returns the times of the versions."""
        left = {side: scenario.directory.population.get(side, 0) for side in ("onprem", "hosted")}
        timed = [(e.at.after(scenario.run.start), e) for e in scenario.events if e.at and (e.move or e.hire)]
        moving: list[MailboxClass] = []
        times: list[float] = []
        for version, (at_s, event) in enumerate(sorted(timed, key=lambda pair: pair[0]), start=1):
            times.append(at_s)
            home = self._homes.get(event.to or "")
            who = event.move or event.hire
            if isinstance(who, int):
                origin = ({"onprem": "hosted", "hosted": "onprem"}[event.to or "onprem"]) if event.move else None
                count = min(who, left[origin]) if origin else who
                address = f"{'mover' if origin else 'new-hire'}-{version}@{self.domain}"
                before = Person(address, address, self._homes.get(origin)) if origin else None
                self._people[address] = [(0, before), (version, Person(address, address, home))]
                if origin:
                    left[origin] -= count
                moving.append(MailboxClass(address, origin or event.to or "onprem", count))
                continue
            for name in who:
                address = self._address(name, scenario.directory.people.get(name))
                history = self._people.setdefault(fold(address), [(0, None)])
                history.append((version, Person(name, address, home)))
        for side, count in left.items():
            if count and side in self._homes:
                address = f"{side}-mailbox@{self.domain}"
                self._people[address] = [(0, Person(address, address, self._homes[side]))]
                self.classes.append(MailboxClass(address, side, count))
        self.classes += moving
        return times

    def version_at(self, now_s: float, *, replica: bool) -> int:
        """How many changes the master (or its replica) knows of at a time."""
        if not self._changes_s:
            return 0
        known_s = now_s
        if replica and self._replica_every_s > 0:
            known_s = math.floor(now_s / self._replica_every_s + 1e-9) * self._replica_every_s
        return bisect_right(self._changes_s, known_s)

    @property
    def latest(self) -> int:
        """The last version."""
        return len(self._changes_s)

    def change_times_s(self, *, replica: bool) -> list[float]:
        """When the master (or its replica) changes."""
        if not (replica and self._replica_every_s > 0):
            return list(self._changes_s)
        return sorted({math.ceil(t / self._replica_every_s - 1e-9) * self._replica_every_s for t in self._changes_s})

    def find(self, address: str, version: int, view: View = "all") -> Entry | None:
        """The entry with this full address (or alias), as of a version."""
        key = fold(address)
        key = self._alias.get(key, key)
        if key in self._groups:
            return None if key in self._missing.get(view, ()) else self._groups[key]
        history = self._people.get(key)
        if history is None:
            return None
        place = bisect_right(history, version, key=lambda entry: entry[0]) - 1
        unknown = key in self._missing.get(view, ()) and not (view == "master" and place > 0)  # who moves gets a record
        return None if unknown else history[place][1]

    def find_local_part(self, address: str, version: int, view: View = "all") -> Entry | None:
        """The one entry with this local part in whatever domain, as of a version; None if there are several."""
        full = self._by_local.get(local_part_of(address))
        return self.find(full, version, view) if full else None

    def versions_of(self, address: str) -> tuple[int, ...]:
        """The versions, 0 first, that may change what `find` says of an address."""
        key = fold(address)
        history = self._people.get(self._alias.get(key, key), ())
        return tuple(dict.fromkeys((0, *(version for version, _ in history))))

    def changed_in(self, version: int) -> list[Person]:
        """The people whose record is another one since a version; not those who were there before the first."""
        found = []
        for address in self._changed.get(version, ()) if version else ():
            entry = self.find(address, version)
            if isinstance(entry, Person) and entry != self.find(address, version - 1):
                found.append(entry)
        return found

    def everyone(self, version: int = 0) -> Iterator[Person]:
        """All people that exist as of a version, in the order written."""
        for history in self._people.values():
            person = history[bisect_right(history, version, key=lambda entry: entry[0]) - 1][1]
            if person is not None:
                yield person

    def groups(self) -> Iterator[tuple[str, Group]]:
        """All groups with their addresses."""
        yield from self._groups.items()

    def _is_within(self, address: str) -> bool:
        """Does the address lie in the shared domain, or in another one of the hosted service, such as the tenant's routing domain."""
        return self.is_ours(address) or domain_of(address) in self._routing_domains

    def is_internal_only(self, address: str) -> bool:
        """Does the person or group take mail of internal senders only."""
        key = fold(address)
        return self._alias.get(key, key) in self._internal_only

    def is_ours(self, address: str) -> bool:
        """Does the address lie in the shared domain."""
        return domain_of(address) == self.domain


def _domains_of(service: AnyServer | None) -> frozenset[str]:
    """The domains that a hosted service takes mail for, as written for it; ``*.domain`` is none to route by."""
    if not isinstance(service, HostedInbound):
        return frozenset()
    return frozenset(map(fold, (*(service.domains or ()), *service.accepted_domains)))
