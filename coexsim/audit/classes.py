"""Mail that is alike: classes of senders, recipients and sizes, so that a whole set-up is searched with a few traces.

People have a file of their own (``people_classes.py``). The classes of two set-ups together are alike in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coexsim.audit.mail_class import MailClass
from coexsim.audit.people_classes import local_part_of_as_written, people_classes
from coexsim.mail.directory import Group
from coexsim.mail.message import fold, local_part_of
from coexsim.mail.setup import Setup
from coexsim.scenario.servers import DominoServer, ExternalServer

SMALL_BYTES = 4096
NOBODY = "nonexistent"


def senders(*setups: Setup) -> list[MailClass]:
    """The classes that send: people and the domains outside; not contacts that have no server to hand mail in at."""
    people = [
        one
        for one in people_classes(setups)
        if one.home is not None or not one.exists or any(s.submission_server(one.address) for s in setups)
    ]
    return [*people, *_outside(setups, unknown=False)]


def recipients(*setups: Setup) -> list[MailClass]:
    """The classes that are written to: people, groups, other domains of the organisation, unknown addresses, domains outside."""
    people = people_classes(setups)
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
