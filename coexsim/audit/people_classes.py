"""People that are alike: no rule can tell them apart.

They have the same mail file server, forwarding, domain and presence in the replica, and the tables of servers say the same of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from coexsim.audit.mail_class import MailClass
from coexsim.mail.directory import Person
from coexsim.mail.message import domain_of, fold, local_part_of
from coexsim.mail.setup import Setup

MOST_STEPS = 30
"""People to whom mail is led on further than this are alike from there on: no server passes it on so often."""


def people_classes(setups: Iterable[Setup]) -> list[MailClass]:
    """The classes of people in all `setups` together."""
    setups = tuple(setups)
    keys: dict[str, list[tuple[object, ...] | None]] = {}
    known: dict[str, tuple[Setup, Person]] = {}
    count: dict[str, int] = {}
    nameless: set[str] = set()
    for number, setup in enumerate(setups):
        entries = _entries_by_address(setup)
        apart = {
            fold(one) for policy in setup.policies.values() for one in (*policy.aliases, *policy.mailbox_forwarding)
        }
        special = apart | entries.keys()
        mailboxes = {fold(alike.address): alike.mailboxes for alike in setup.directory.classes}
        nameless |= mailboxes.keys()
        for person in setup.directory.everyone():
            address = fold(person.address)
            keys.setdefault(address, [None] * len(setups))[number] = _key(setup, person, entries, apart, special)
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


def _entries_by_address(setup: Setup) -> dict[str, list[object]]:
    """What the tables of servers say of single addresses, by the address: the way of mail to it, and of mail from it.

    People with entries of their own that say the same, as in a transport table that lists whoever has moved, are alike.
    """
    found: dict[str, list[object]] = {}
    for name, policy in setup.policies.items():
        for route in policy.routes:
            if "@" in route.pattern:
                found.setdefault(route.pattern, []).append((name, "to", route._replace(pattern="")))
        for sender, hop in policy.sender_routes.items():
            found.setdefault(sender, []).append((name, "from", hop))
        for way, table in (("from", policy.access.senders), ("to", policy.access.recipients)) if policy.access else ():
            for key, action in table.items():
                found.setdefault(key, []).append((name, way, action))
        for sender, route in policy.sender_transports.items():
            found.setdefault(sender, []).append((name, "from", route._replace(pattern="")))
    return found


def _key(
    setup: Setup, person: Person, own_entries: dict[str, list[object]], apart: set[str], special: set[str]
) -> tuple[object, ...]:
    """What rules could tell people apart by."""
    own = fold(person.address)
    versions = setup.directory.versions_of(person.address)
    entries = [(version, setup.directory.find(person.address, version)) for version in versions]
    traits = [
        (version, (*_kept(e), _ways_on(setup, e, special)) if isinstance(e, Person) else None) for version, e in entries
    ]
    begins = setup.directory.version_at(0.0, replica=False)
    return (
        tuple(next(alike) for _, alike in groupby(traits, key=lambda each: each[1])),
        [trait for version, trait in traits if version <= begins][-1],  # a move at the very beginning is over
        domain_of(person.address),
        setup.directory.find(person.address, 0, "master") is None,
        setup.directory.find(person.address, 0, "replica") is None,
        setup.directory.find_local_part(person.address, 0) is None,
        person.address if own in apart else None,
        (*own_entries.get(own, ()), *own_entries.get(f"{local_part_of(own)}@", ())),
        setup.directory.is_internal_only(person.address),
        person.address.isascii(),
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


def _ways_on(setup: Setup, person: Person, special: set[str]) -> tuple[object, ...] | None:
    """Where a person's mail is forwarded, as far as rules can tell: the traits of each whom it comes to, then where it leaves the people.

    Who has a forwarding address of a colleague is like everybody whose mail is led on in this way, whatever the names.
    """
    if person.forwarding is None:
        return None
    steps: list[object] = []
    seen = {fold(person.address)}
    while person.forwarding and len(steps) < MOST_STEPS:
        target = fold(person.forwarding)
        if target in special:
            return (*steps, target)
        alike = local_part_of(target) == local_part_of(person.address)
        entry = setup.directory.find(target, 0)
        if not isinstance(entry, Person):
            return (*steps, *_where_it_leaves(setup, target, entry is not None, alike))
        steps.append((domain_of(target), alike, *_histories(setup, entry)))
        if fold(entry.address) in seen:
            return (*steps, "round")
        seen.add(fold(entry.address))
        person = entry
    return tuple(steps)


def _histories(setup: Setup, person: Person) -> tuple[object, ...]:
    """What a Person record says, version by version, and whether it may be written to from outside."""
    versions = setup.directory.versions_of(person.address)
    entries = [(version, setup.directory.find(person.address, version)) for version in versions]
    kept = [(version, _kept(e) if isinstance(e, Person) else None) for version, e in entries]
    return domain_of(person.address), tuple(kept), setup.directory.is_internal_only(person.address)


def _where_it_leaves(setup: Setup, target: str, is_group: bool, alike: bool) -> tuple[object, ...]:
    """What rules can tell of a target that is no person: in a domain outside its domain, and whether it is listed there."""
    policies = setup.policies
    ours = any(policy.rule_for(target) for name, policy in policies.items() if name not in setup.external_servers)
    if is_group or (ours and not alike):
        return (target,)
    lists = (policies[name].mailboxes for name in sorted(setup.external_servers))
    return (domain_of(target), *(local_part_of(target) in known for known in lists if known is not None))


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
