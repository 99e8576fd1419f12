"""People and groups that any reader found, as keys of a scenario: by name, or as numbers where there are very many."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from coexsim.intake.configs.found import Found, FoundKey, List, Mailbox
from coexsim.scenario.quantities import ADDRESS

MOST_BY_NAME = 2_000
"""More people than these are written as numbers of nameless mailboxes, with a file of all of them beside it: rules that treat
thousands alike are the same rule, and a scenario stays one that a person can read."""
EXAMPLES = 2  # people of each side who are named all the same, to trace
_ADDRESS = re.compile(ADDRESS)


def people_keys(found: Found, people: Sequence[Mailbox], domain: str) -> Iterator[FoundKey]:
    """All these people, and the groups of `found`, by name."""
    keys = (_person_key(person, domain) for person in people)
    yield from (key for key in keys if key.value)
    yield from _group_keys(found, domain, {person.address.casefold() for person in people})


def summary_keys(found: Found, people: Sequence[Mailbox], domain: str) -> Iterator[FoundKey]:
    """The people as numbers a side, with those by name who are not like the others."""
    target = _usual_target(people)
    ordinary = [person for person in people if _is_ordinary(person, domain, target)]
    special = [person for person in people if not _is_ordinary(person, domain, target)]
    sides = Counter(map(_side, ordinary))
    examples: Counter[str] = Counter()
    for person in ordinary:
        if examples[_side(person)] < EXAMPLES:
            examples[_side(person)] += 1
            yield _person_key(person, domain)
    yield from (_person_key(person, domain) for person in special[:MOST_BY_NAME])
    for side in ("onprem", "hosted"):
        if sides[side]:
            first = next(person.where for person in ordinary if _side(person) == side)
            note = f"{sides[side]} people who are alike, {examples[side]} of them named above"
            yield FoundKey(("directory", "population", side), sides[side] - examples[side], first, note)
    if special[MOST_BY_NAME:]:
        meaning = "more than are named here have aliases or forwarding of their own; the file of all people has them"
        found.leave("people", str(len(special[MOST_BY_NAME:])), special[MOST_BY_NAME].where, meaning)
    if found.groups:
        meaning = "members are not named here, so groups stand in the file of all people; how many recipients a message has is load's"
        found.leave("groups", str(len(found.groups)), found.groups[0].where, meaning)


def distinct(found: Found) -> list[Mailbox]:
    """The people with an address, each once: the first one stands, another one for the same address is told."""
    taken: dict[str, str] = {}
    kept: list[Mailbox] = []
    for person in found.people:
        key = person.address.casefold()
        if not _ADDRESS.fullmatch(person.address):
            found.leave("person", person.address, person.where, "this is no mail address; nobody can write to it")
        elif key in taken:
            meaning = f"this address is taken already, by {taken[key]}; that one stands"
            found.leave("person", person.address, person.where, meaning)
        else:
            taken[key] = str(person.where)
            kept.append(person)
    return [_with_free_aliases(person, taken, found) if person.aliases else person for person in kept]


def _with_free_aliases(person: Mailbox, taken: dict[str, str], found: Found) -> Mailbox:
    aliases = []
    for alias in dict.fromkeys(person.aliases):
        key = alias.casefold()
        if key == person.address.casefold():
            continue
        if not _ADDRESS.fullmatch(alias) or key in taken:
            why = f"taken already, by {taken[key]}" if key in taken else "this is no mail address"
            found.leave("alias", alias, person.where, why)
            continue
        taken[key] = str(person.where)
        aliases.append(alias)
    return person._replace(aliases=tuple(aliases))


def _person_key(person: Mailbox, domain: str) -> FoundKey:
    value: dict[str, Any] = {}
    if not person.placed:
        pass
    elif not person.reachable:
        value["mail_system"] = "none"
    elif person.home is None:
        value["mail_system"] = "other-internet-mail"
    else:
        value["mail_file"] = person.home
    if person.forwarding:
        value["forwarding_address"] = person.forwarding
    if person.aliases:
        value["aliases"] = [short(alias, domain) for alias in person.aliases]
    if person.known_at:
        value["known_at"] = list(person.known_at)
    return FoundKey(("directory", "people", short(person.address, domain)), value, person.where)


def _group_keys(found: Found, domain: str, people: set[str]) -> Iterator[FoundKey]:
    seen: set[str] = set()
    listed = {group.address.casefold() for group in found.groups}
    for group in found.groups:
        key = group.address.casefold()
        if key in people or key in seen or not _ADDRESS.fullmatch(group.address):
            why = "this is no mail address" if key not in people | seen else "this address is taken already"
            found.leave("group", group.address, group.where, why)
            continue
        seen.add(key)
        known = people | listed
        members = [short(m, domain) if m.casefold() in known else m for m in _members(group, found)]
        yield FoundKey(("directory", "groups", short(group.address, domain)), members, group.where)


def _members(group: List, found: Found) -> Iterable[str]:
    known = []
    for member in dict.fromkeys(group.members):
        if _ADDRESS.fullmatch(member):
            known.append(member)
        else:
            found.leave(
                "member", member, group.where, f"no address is known for it; {group.address} is smaller without it"
            )
    return known


def short(address: str, domain: str) -> str:
    """The local part of an address of the scenario's domain, any other address whole."""
    local, _, of = address.rpartition("@")
    return local if of.casefold() == domain.casefold() else address


def _side(person: Mailbox) -> str:
    return "onprem" if person.home is not None else "hosted"


def _usual_target(people: Sequence[Mailbox]) -> str:
    """The domain to which most people without a mail file here are forwarded: the hosted service's own."""
    targets = Counter(_domain(person.forwarding) for person in people if person.forwarding and person.home is None)
    return min(targets, key=lambda one: (-targets[one], one)) if targets else ""


def _domain(address: str) -> str:
    return address.rpartition("@")[2].casefold()


def _is_ordinary(person: Mailbox, domain: str, target: str) -> bool:
    """Like all others of the same side: addresses in the domain (aliases there change no route), forwarded to the service only."""
    inside = f"@{domain.casefold()}"
    return (
        person.reachable
        and person.address.casefold().endswith(inside)
        and all(alias.casefold().endswith(inside) or _domain(alias) == target for alias in person.aliases)
        and (person.forwarding is None or (person.home is None and _domain(person.forwarding) == target))
    )
