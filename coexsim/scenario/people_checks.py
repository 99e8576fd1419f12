"""The rules about people, groups and the addresses of messages, one function a rule."""

from __future__ import annotations

import re

from coexsim.scenario.model import Scenario
from coexsim.scenario.names import Names
from coexsim.scenario.places import Found, Path
from coexsim.scenario.quantities import ADDRESS
from coexsim.scenario.servers import HostedInbound
from coexsim.text import joined

_ADDRESS = re.compile(ADDRESS)


def is_mail_address(text: str) -> bool:
    """Has it the form ``name@domain``."""
    return bool(_ADDRESS.fullmatch(text))


def people_have_addresses_of_their_own(scenario: Scenario) -> Found:
    """No two people, aliases or groups answer to one address; all of them are addresses."""
    seen: dict[str, Path] = {}
    directory = scenario.directory

    def claim(path: Path, address: str) -> Found:
        full = address if "@" in address else f"{address}@{scenario.domain}"
        if not is_mail_address(full):
            yield path, f"{full!r} is no address; write for example 'name@{scenario.domain}'"
        first = seen.setdefault(full.casefold(), path)
        if first[:3] != path[:3]:
            yield path, f"{full} is already the address of {'.'.join(map(str, first))}"

    for name, person in directory.people.items():
        yield from claim(("directory", "people", name), person.internet_address or name)
        for alias in person.aliases:
            yield from claim(("directory", "people", name, "aliases"), alias)
    for name in directory.groups:
        yield from claim(("directory", "groups", name), name)


def whom_only_the_service_knows_it_has(scenario: Scenario) -> Found:
    """A person known to the hosted service only has the mail file there."""
    hosted = scenario.of_kind(HostedInbound)
    for name, person in scenario.directory.people.items():
        if person.only_at_hosted and (not hosted or (person.mail_file or next(iter(hosted))) not in hosted):
            where = (
                f"{person.mail_file!r} is no hosted-inbound server" if hosted else "there is no hosted-inbound server"
            )
            yield ("directory", "people", name, "only_at_hosted"), f"{where}: whose mail file it has, a server knows"


def people_exist(scenario: Scenario) -> Found:
    """Groups, replica and events name people and groups that exist (or addresses)."""
    directory = scenario.directory
    people, known = Names(directory.people), Names([*directory.people, *directory.groups])
    for group, members in directory.groups.items():
        for index, member in enumerate(members):
            if "@" not in member and member not in known:
                yield ("directory", "groups", group, index), known.none_called("person or group", member)
            elif "@" in member and not is_mail_address(member):
                yield ("directory", "groups", group, index), f"{member!r} is no address"
    for index, name in enumerate(directory.internal_only):
        if name not in known:
            yield ("directory", "internal_only", index), known.none_called("person or group", name)
    for name in directory.group_known_at:
        if name not in directory.groups:
            yield ("directory", "group_known_at", name), Names(directory.groups).none_called("group", name)
    for index, name in enumerate(directory.replica.missing if directory.replica else ()):
        if name not in known:
            yield ("directory", "replica", "missing", index), known.none_called("person or group", name)
    for index, event in enumerate(scenario.events):
        for name in event.move if isinstance(event.move, tuple) else ():
            if name not in directory.people:
                yield ("events", index, "move"), people.none_called("person", name)


def mail_addresses_are_addresses(scenario: Scenario) -> Found:
    """Senders and recipients of messages are addresses, or names of people or groups."""
    known = Names([*scenario.directory.people, *scenario.directory.groups])
    for index, mail in enumerate(scenario.messages):
        for key, names in (("from", (mail.sender,)), ("to", mail.to)):
            for name in names:
                if name == "<>" and key == "from":
                    continue
                if "@" in name and not is_mail_address(name):
                    yield (
                        ("messages", index, key),
                        f"{name!r} is no address; write for example 'name@{scenario.domain}'",
                    )
                if "@" not in name and name not in known:
                    yield ("messages", index, key), known.none_called("person", name) + "; or write an address"
        if not mail.to:
            yield ("messages", index, "to"), "a message needs a recipient"
        recipients = Names(mail.to)
        for name in mail.expect_each:
            if name not in recipients:
                yield (
                    ("messages", index, "expect_each", name),
                    recipients.none_called("recipient of this message", name),
                )


def nameless_people_have_a_server(scenario: Scenario) -> Found:
    """The population of a side, and who comes or moves to it, have a server there that holds their mail files.

    A set-up in the making may have its people before its servers, as an import of a directory leaves it: until it has a load.
    """
    homes = scenario.home_server
    sides = {server.side for server in scenario.servers.values()}
    for side, count in scenario.directory.population.items():
        if count and side not in homes and (scenario.load is not None or side in sides):
            yield ("directory", "population", side), _nobody_holds(scenario, side)
    for index, event in enumerate(scenario.events):
        if event.to is not None and event.to not in homes:
            yield ("events", index, "to"), _nobody_holds(scenario, event.to)


def _nobody_holds(scenario: Scenario, side: str) -> str:
    """No server has the mail files of this side, and what would give it one."""
    of_tenants = [name for name, server in scenario.servers.items() if server.side == side]
    if of_tenants:
        return (
            f"no server of the scenario's own organisation holds the mail files of this side ('tenant' stands at {joined(of_tenants)}); "
            "name the one that is meant at directory.replica.at, or leave 'tenant' out there"
        )
    kind = "hosted-inbound" if side == "hosted" else "domino, exchange, postfix or exim"
    return f"no server holds the mail files of this side; add one of kind {kind}"


def copies_have_somewhere_to_go(scenario: Scenario) -> Found:
    """Who keeps a copy forwards."""
    for name, person in scenario.directory.people.items():
        if person.keep_copy and person.forwarding_address is None:
            yield ("directory", "people", name, "keep_copy"), "a copy of what is kept: write forwarding_address too"
