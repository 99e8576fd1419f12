"""What a reader of configurations hands over: keys of a scenario with the place each came from, and what it could not use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, NamedTuple

from coexsim.mail.dns import is_address

KeyPath = tuple[str, ...]


class Where(NamedTuple):
    """A line of a file that was read."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class FoundKey(NamedTuple):
    """A key of the scenario: its path, its value as plain data, where it came from, and a remark."""

    path: KeyPath
    value: Any
    where: Where | None
    note: str = ""


class Item(NamedTuple):
    """One item of a list that has places of its own: a Send connector, for example."""

    value: Any
    where: Where


class Unused(NamedTuple):
    """Something that stands in the files and is not in the scenario; `matters`: answers could be other ones with it."""

    what: str
    value: str
    where: Where
    meaning: str
    matters: bool = True


class Mailbox(NamedTuple):
    """A person as a configuration or directory tells: `home` is a server's name, or none where the mail file is elsewhere."""

    address: str
    home: str | None
    where: Where
    aliases: tuple[str, ...] = ()
    forwarding: str | None = None
    reachable: bool = True
    known_at: tuple[str, ...] = ()  # the servers whose directories have the record; none: all
    placed: bool = True  # False: the files do not say where the mail file is, and the scenario does already


class List(NamedTuple):
    """A group and its members' addresses."""

    address: str
    members: tuple[str, ...]
    where: Where


class PersonRecord(NamedTuple):
    """A person of the scenario: name, the server with the mail file, and the servers whose directories have the record (none: all)."""

    name: str
    home: str | None
    known_at: tuple[str, ...]


class Asked(NamedTuple):
    """What the user said beside the files, and what the scenario that is written into knows already."""

    server: str | None = None
    domain: str | None = None
    addresses: Mapping[str, frozenset[str]] = {}  # of the servers that are there, by name
    kinds: Mapping[str, str] = {}  # of the same servers
    hosts: frozenset[str] = frozenset()  # of the same servers
    hosted: frozenset[str] = frozenset()  # addresses of the people whom it places at the hosted service
    people: frozenset[str] = frozenset()  # addresses of everybody in it
    records: Mapping[str, PersonRecord] = {}  # by address: whose record every server has, or those that are named
    unlisted: frozenset[str] = frozenset()  # names of people whom only the hosted service knew so far
    own_tables: Mapping[str, frozenset[str]] = {}  # by Postfix server: domains whose people its tables list
    listed_only: Mapping[
        str, frozenset[str]
    ] = {}  # domains in which a server takes mail for listed recipients only, by server

    def servers_in(self, network: IPv4Network | IPv6Network) -> list[str]:
        """The servers that are there and have an address in a network."""
        return [name for name, own in self.addresses.items() if any(_lies_in(one, network) for one in own)]


def _lies_in(address: str, network: IPv4Network | IPv6Network) -> bool:
    return is_address(address) and ip_address(address) in network


@dataclass
class Found:
    """Everything that was found in the files of one import; `domain` and `master` are for a scenario that has none yet."""

    domain: str | None = None
    master: str | None = None

    keys: list[FoundKey] = field(default_factory=list)
    people: list[Mailbox] = field(default_factory=list)
    groups: list[List] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def put(self, path: Iterable[str], value: Any, where: Where | None, note: str = "") -> None:
        """A key of the scenario."""
        self.keys.append(FoundKey(tuple(path), value, where, note))

    def leave(self, what: str, value: str, where: Where, meaning: str, *, matters: bool = True) -> None:
        """Something that is not used, and what that means for the answers."""
        self.unused.append(Unused(what, value, where, meaning, matters))
