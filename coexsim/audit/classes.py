"""Mail that is alike: classes of senders, recipients and sizes, so that a whole set-up is searched with a few traces.

People are alike when no rule can tell them apart: the same mail file server, forwarding, domain, presence in the replica, and no
route of their own. The classes of two set-ups together are alike in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Literal, NamedTuple

from coexsim.mail.directory import Group, Person
from coexsim.mail.message import domain_of, fold, local_part_of
from coexsim.mail.setup import Setup
from coexsim.scenario.servers import DominoServer, ExternalServer

Side = Literal["onprem", "hosted", "elsewhere", "group", "unknown", "internet"]
SMALL_BYTES = 4096
NOBODY = "nonexistent"
SIDES_IN_WORDS = {
    "onprem": "on-premises people",
    "hosted": "hosted people",
    "elsewhere": "people with no mailbox",
    "group": "groups",
    "unknown": "unknown addresses",
    "internet": "the Internet",
}


class MailClass(NamedTuple):
    """Senders or recipients that are alike, represented by one address. `exists`: mail to it should arrive."""

    name: str
    address: str
    side: Side
    exists: bool = True
    home: str | None = None
    mailboxes: int = 1
    names: tuple[str, ...] = ()
    second: str = ""
    typical: str = ""
    """The name of the class before it that is alike but for the moment at which its people move; empty: none is."""

    @property
    def is_typical(self) -> bool:
        """Does it stand for those that are alike but for when their people move."""
        return not self.typical

    def other_than(self, address: str) -> str:
        """An address of the class; if there are two, not this one."""
        return self.second if self.second and fold(address) == fold(self.address) else self.address


def senders(*setups: Setup) -> list[MailClass]:
    """The classes that send: people and the domains outside."""
    return [*_people(setups), *_outside(setups, unknown=False)]


def recipients(*setups: Setup) -> list[MailClass]:
    """The classes that are written to: people, groups, other domains of the organisation, unknown addresses, domains outside."""
    people = _people(setups)
    return [
        *people,
        *_groups(setups, people),
        *_aliases(setups, people),
        *_other_domains(setups, people),
        *_unknown(setups),
        *_outside(setups, unknown=True),
    ]


def pairs(froms: Iterable[MailClass], tos: Iterable[MailClass]) -> Iterator[tuple[MailClass, MailClass]]:
    """Every class to every class; not from outside to outside, which is none of the organisation's mail.

    Classes that differ from others only by when their people move are tried with the typical ones, not with each other: so a
    migration in many steps costs as many pairs as it has steps.
    """
    tos = tuple(tos)
    typical = tuple(to for to in tos if to.is_typical)
    for sender in froms:
        for recipient in tos if sender.is_typical else typical:
            if not (sender.side == recipient.side == "internet"):
                yield sender, recipient


def sizes(*setups: Setup) -> list[int]:
    """A small message, and one just too large for each limit of the servers [bytes]."""
    found = {SMALL_BYTES}
    for setup in setups:
        for policy in setup.policies.values():
            for limit in policy.size_limits:
                found.update((limit + 1, limit - policy.size_overhead_bytes + 1))
    return sorted(size for size in found if size >= SMALL_BYTES)


# --- people -------------------------------------------------------------------------------------------------------------------


def _people(setups: Iterable[Setup]) -> list[MailClass]:
    setups = tuple(setups)
    keys: dict[str, list[tuple[object, ...] | None]] = {}
    known: dict[str, tuple[Setup, Person]] = {}
    count: dict[str, int] = {}
    nameless: set[str] = set()
    for number, setup in enumerate(setups):
        routed = {
            route.pattern for policy in setup.policies.values() for route in policy.routes if "@" in route.pattern
        }
        routed |= {
            fold(one) for policy in setup.policies.values() for key, to in policy.aliases.items() for one in (key, *to)
        }
        routed |= {fold(one) for policy in setup.policies.values() for one in policy.mailbox_forwarding}
        mailboxes = {fold(alike.address): alike.mailboxes for alike in setup.directory.classes}
        nameless |= mailboxes.keys()
        for person in setup.directory.everyone():
            address = fold(person.address)
            keys.setdefault(address, [None] * len(setups))[number] = _key(setup, person, routed)
            known.setdefault(address, (setup, person))
            count[address] = max(count.get(address, 0), mailboxes.get(address, 1))
    grouped: dict[tuple[tuple[object, ...] | None, ...], list[str]] = {}
    for address, found in keys.items():
        grouped.setdefault(tuple(found), []).append(address)
    timeless = {key: tuple(map(_timeless, key)) for key in grouped}
    names: dict[tuple[tuple[object, ...] | None, ...], str] = {}
    classes = []
    for key, addresses in grouped.items():
        alike = timeless[key]
        found_class = _person_class(
            [known[a] for a in addresses],
            named=sum(count[a] for a in addresses if a not in nameless),
            nameless=sum(count[a] for a in addresses if a in nameless),
            typical=names.get(alike, ""),
        )
        names.setdefault(alike, found_class.name)
        classes.append(found_class)
    return classes


def _key(setup: Setup, person: Person, routed: set[str]) -> tuple[object, ...]:
    """What rules could tell people apart by."""
    versions = setup.directory.versions_of(person.address)
    entries = [(version, setup.directory.find(person.address, version)) for version in versions]
    traits = [
        (version, (*_kept(e), _target(setup, e, routed)) if isinstance(e, Person) else None) for version, e in entries
    ]
    begins = setup.directory.version_at(0.0, replica=False)
    return (
        tuple(next(alike) for _, alike in groupby(traits, key=lambda each: each[1])),
        [trait for version, trait in traits if version <= begins][-1],  # a move at the very beginning is over
        domain_of(person.address),
        setup.directory.find(person.address, 0, "master") is None,
        setup.directory.find(person.address, 0, "replica") is None,
        setup.directory.find_local_part(person.address, 0) is None,
        person.address if fold(person.address) in routed else None,
        setup.directory.is_internal_only(person.address),
    )


def _kept(person: Person) -> tuple[object, ...]:
    """What a Person record says of mail files and directories."""
    return (
        person.home, person.unreachable, person.over_quota, person.keeps_copy, person.also_at, person.known_at,
    )  # fmt: skip


def _timeless(key: tuple[object, ...] | None) -> tuple[object, ...] | None:
    """A key without the versions at which its traits change."""
    if key is None:
        return None
    traits, *rest = key
    assert isinstance(traits, tuple)
    return (tuple(each for _, each in traits), *rest)


def _target(setup: Setup, person: Person, routed: set[str]) -> tuple[object, ...] | None:
    """Where a person's mail is forwarded: for the same local part in another domain, the domain is what counts."""
    target = person.forwarding
    if target is None:
        return None
    if local_part_of(target) != local_part_of(person.address) or fold(target) in routed:
        return (fold(target),)
    entry = setup.directory.find(target, 0)
    return (domain_of(target), isinstance(entry, Person) and entry.home)


def _person_class(alike: list[tuple[Setup, Person]], named: int, nameless: int, *, typical: str) -> MailClass:
    """People that are alike. Mailboxes of the population are counted apart, as the scenario has their number so."""
    setup, first = alike[0]
    name = local_part_of_as_written(first.address) if setup.directory.is_ours(first.address) else first.address
    return MailClass(
        name=name + _and_others(named, nameless),
        address=first.address,
        side=setup.side_of_home(first.home),
        exists=not first.unreachable,
        home=first.home,
        mailboxes=named + nameless,
        names=tuple(person.name for _, person in alike),
        second=alike[1][1].address if len(alike) > 1 else "",
        typical=typical,
    )


def _and_others(named: int, nameless: int) -> str:
    """How many are like the first, who is named if anybody is: `` (and 3 alike)``, `` (and 3 alike, 800 without names)``."""
    more = named - 1 if named else nameless - 1
    others = [f"{more} alike"] if more else []
    others += [f"{nameless} without names"] if named and nameless else []
    return f" (and {', '.join(others)})" if others else ""


def local_part_of_as_written(address: str) -> str:
    """The local part with the capitals it was written with."""
    return address.rpartition("@")[0]


# --- all others ---------------------------------------------------------------------------------------------------------------


def _groups(setups: Iterable[Setup], people: list[MailClass]) -> Iterator[MailClass]:
    """Groups are alike whose members, those of groups inside them included, are of the same classes."""
    class_of = {fold(name): person.name for person in people for name in (*person.names, person.address)}
    found: dict[object, list[Group]] = {}
    addresses: dict[str, str] = {}
    for setup in setups:
        members = _classes_of_members(dict(setup.directory.groups()), class_of)
        for address, group in setup.directory.groups():
            if group.name not in addresses:
                addresses[group.name] = address
                closed = setup.directory.is_internal_only(address)
                found.setdefault((members[address], group.known_at, closed), []).append(group)
    for groups in found.values():
        names = tuple(group.name for group in groups)
        more = len(names) - 1
        name = f"group {names[0]}" + (f" (and {more} alike)" if more else "")
        yield MailClass(name, addresses[names[0]], "group", mailboxes=len(names), names=names)


def _classes_of_members(groups: dict[str, Group], class_of: dict[str, str]) -> dict[str, frozenset[str]]:
    """The classes of everybody whom mail to a group goes to, by the group's address. What a group learns, those around it learn."""
    found: dict[str, set[str]] = {address: set() for address in groups}
    around: dict[str, list[str]] = {address: [] for address in groups}
    for address, group in groups.items():
        for member in map(fold, group.members):
            if member in groups:
                around[member].append(address)
            else:
                found[address].add(class_of.get(local_part_of(member), class_of.get(member, member)))
    todo = list(groups)
    while todo:
        inner = todo.pop()
        for outer in around[inner]:
            if not found[inner] <= found[outer]:
                found[outer] |= found[inner]
                todo.append(outer)
    return {address: frozenset(classes) for address, classes in found.items()}


def _aliases(setups: Iterable[Setup], people: list[MailClass]) -> Iterator[MailClass]:
    """Names that only a server's own table of aliases knows."""
    known = {fold(address) for setup in setups for address, _ in setup.directory.groups()}
    known |= {fold(name) for person in people for name in (person.address, *person.names)}
    for setup in setups:
        for name, policy in setup.policies.items():
            for address in () if name in setup.external_servers else policy.aliases:
                if not address.startswith("@") and address not in known and setup.directory.find(address, 0) is None:
                    known.add(address)
                    yield MailClass(f"alias {address}", address, "group")


def own_domains(setup: Setup) -> list[str]:
    """The domains that the organisation's servers take for their own, the shared one first."""
    ours = [fold(setup.scenario.domain)]
    for name, policy in setup.policies.items():
        server = setup.scenario.servers[name]
        by_chance = (
            isinstance(server, DominoServer) and server.global_domain is None
        )  # the domain of its host, not one it was given
        if name not in setup.external_servers and not by_chance:
            ours += [domain for domain in policy.domains if domain not in ours]
    return ours


def _other_domains(setups: Iterable[Setup], people: list[MailClass]) -> Iterator[MailClass]:
    """Somebody of each side, written to in each other domain of the organisation where a server knows the address."""
    seen: set[str] = set()
    for setup in setups:
        for domain in own_domains(setup)[1:]:
            for side in ("onprem", "hosted"):
                person = next((p for p in people if p.side == side), None)
                address = f"{local_part_of_as_written(person.address)}@{domain}" if person else ""
                if person is None or address in seen or not _known_somewhere(setup, address, person.address):
                    continue
                seen.add(address)
                yield MailClass(address, address, person.side, home=person.home, mailboxes=0, names=person.names[:1])


def _known_somewhere(setup: Setup, address: str, own: str) -> bool:
    """Does a server find a person under an address in another domain, and is it one that has to do with the person's own domain."""
    return any(
        (rule := policy.rule_for(address)) is not None
        and rule.looked_up
        and policy.rule_for(own) is not None
        and setup.find(policy, address, setup.state_at(0.0)) is not None
        for policy in setup.policies.values()
        if policy.server not in setup.external_servers
    )


def _unknown(setups: Iterable[Setup]) -> Iterator[MailClass]:
    setups = tuple(setups)
    for domain in dict.fromkeys(domain for setup in setups for domain in own_domains(setup)):
        local = NOBODY
        while any(setup.directory.find(f"{local}@{domain}", 0) is not None for setup in setups):
            local += "-too"
        yield MailClass(
            f"{local}@{domain}",
            f"{local}@{domain}",
            "unknown",
            exists=False,
            mailboxes=int(domain == fold(setups[0].scenario.domain)),
        )


def _outside(setups: Iterable[Setup], *, unknown: bool) -> Iterator[MailClass]:
    """Somebody in each domain of the external servers; with `unknown` also nobody, where their mailboxes are listed."""
    seen: set[str] = set()
    for setup in setups:
        for name, server in setup.scenario.of_kind(ExternalServer).items():
            for domain in server.domain:
                if fold(domain) in seen:
                    continue
                seen.add(fold(domain))
                known = (server.mailboxes or ("someuser",))[0] if server.mailboxes != () else None
                if known:
                    yield MailClass(f"{known}@{domain}", f"{known}@{domain}", "internet", home=name)
                if unknown and server.mailboxes is not None:
                    yield MailClass(f"{NOBODY}@{domain}", f"{NOBODY}@{domain}", "internet", exists=False, mailboxes=0)
