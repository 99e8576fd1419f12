"""Aliases, groups and forwarding as Postfix follows them: one table, looked up again and again before the mail is taken.

cleanup(8) replaces an address by what ``virtual_alias_maps`` says, until it says nothing more. An address among its own
replacements stays as it is, which is how to keep a copy; a circle over others has no end, and the message is not accepted
(virtual(5), postconf(5): virtual_alias_recursion_limit). In this table are the server's own aliases, the directory's groups,
people's other names and forwarding addresses, and everybody who is listed here with a mail file elsewhere.
"""

from __future__ import annotations

from coexsim.mail.directory import Group, Person
from coexsim.mail.message import domain_of, fold, local_part_of, without_extension
from coexsim.mail.policy import Policy
from coexsim.mail.setup import Setup, State

MOST_ADDRESSES = 1000  # virtual_alias_expansion_limit (postconf(5))
MOST_STEPS = 1000  # virtual_alias_recursion_limit (postconf(5))


def expanded(setup: Setup, policy: Policy, address: str, state: State) -> tuple[str, ...] | None:
    """The addresses that a recipient becomes, in the order found; None where the table leads in a circle, too far or to too many."""
    final: list[str] = []
    left: list[str | None] = [address]  # the next one last; None: all that one address became is done
    on_the_way: dict[str, None] = {}  # in order; asked at every step
    kept: set[str] = set()
    waiting = 1
    while left:
        here = left.pop()
        if here is None:
            on_the_way.popitem()
            continue
        waiting -= 1
        found = None if fold(here) in kept else _replacements(setup, policy, here, state)
        if found is None:
            final.append(here)
            continue
        too_many = len(final) + waiting + len(found) > MOST_ADDRESSES or len(on_the_way) >= MOST_STEPS
        if too_many or fold(here) in on_the_way:
            return None
        if fold(here) in map(fold, found):
            kept.add(fold(here))
        on_the_way[fold(here)] = None
        left.append(None)
        left.extend(reversed(found))
        waiting += len(found)
    return tuple(final)


def _replacements(setup: Setup, policy: Policy, address: str, state: State) -> tuple[str, ...] | None:
    """What the table says for one address; None: nothing, it is final."""
    found = policy.aliases.get(fold(address))
    if found is not None:
        return found
    base = without_extension(address, policy.delimiters)
    if base != address and fold(base) in policy.aliases:  # propagate_unmatched_extensions
        extension = local_part_of(address)[len(local_part_of(base)) :]
        return tuple(f"{local_part_of(to)}{extension}@{domain_of(to)}" for to in policy.aliases[fold(base)])
    rule = policy.rule_for(address)
    entry = setup.find(policy, address, state) if rule is not None and rule.looked_up else None
    if isinstance(entry, Group):
        return entry.members
    if isinstance(entry, Person) and not entry.unreachable:
        target = forwards_to(setup, policy, entry, state)
        if target is not None and fold(target) != fold(entry.address):
            return (entry.address, target) if entry.keeps_copy else (target,)
        if fold(entry.address) != fold(address) or not entry.lives_at(policy.server):
            return (entry.address,)
    # Looked up last, but before mailboxes: somebody whom only the table of mailboxes knows is caught too.
    caught = policy.aliases.get("@" + domain_of(address))
    return None if caught is None else tuple(local_part_of(address) + to if to.startswith("@") else to for to in caught)


def forwards_to(setup: Setup, policy: Policy, person: Person, state: State) -> str | None:
    """The forwarding address of a person's record, where this server follows it."""
    here = person.lives_at(policy.server)
    if not person.forwarding or (person.keeps_copy and not here) or not _follows(setup, policy, person):
        return None
    # From the mail file here to itself under another name leads nowhere; who is called so in a domain of others is somebody else.
    is_own = policy.rule_for(person.forwarding) is not None
    leads_back = here and is_own and setup.find(policy, person.forwarding, state) == person
    return None if leads_back else person.forwarding


def leads_elsewhere(setup: Setup, policy: Policy, person: Person) -> str | None:
    """Where a hosted service's own object for a person leads, if not to a mailbox of this tenant: what is set there, or the routing
    address of a mailbox at another tenant or service.
    """
    here = person.lives_at(policy.server)
    of_tenant = not policy.colleagues.isdisjoint(person.homes)
    if here or not of_tenant:
        set_here = policy.mailbox_forwarding.get(fold(person.address))
        if set_here is not None:
            return set_here
    home = setup.scenario.servers.get(person.home or "")
    elsewhere = policy.replica and home is not None and home.side == "hosted" and not (here or of_tenant)
    leads = person.forwarding and policy.rule_for(person.forwarding) is None
    return person.forwarding if elsewhere and leads else None


def _follows(setup: Setup, policy: Policy, person: Person) -> bool:
    """Does a server follow the forwarding address of a person's record.

    A hosted service forwards for its own mailboxes. To it leads their routing address, such as name@tenant.onmicrosoft.com, which the
    service does not follow, but all others do; what else such a record says is the service's business. Domino alone follows whatever
    the Person document says.
    """
    home = setup.scenario.servers.get(person.home or "")
    if home is None or home.side != "hosted":
        return True
    if policy.replica and person.home not in policy.colleagues:
        return setup.is_routing_address(person)  # of another tenant or service: it leads there
    if policy.replica:
        return person.lives_at(policy.server) and not setup.is_routing_address(person)
    return policy.follows_forwarding_of_hosted or setup.is_routing_address(person)
