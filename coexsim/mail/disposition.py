"""What becomes of one recipient at one server: groups and forwarding followed, then the mail file, a smart host, the MX, or a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from coexsim.mail.case import Case, Disposition
from coexsim.mail.directory import Group, Person
from coexsim.mail.dns import DnsFailure, is_address
from coexsim.mail.expansion import expanded, forwards_to, leads_elsewhere
from coexsim.mail.message import NextHop, Rcpt, domain_of, fold, local_part_of
from coexsim.mail.onward import relay, send_outside, where_to
from coexsim.mail.policy import DomainRule
from coexsim.mail.reach import hosts_at_once
from coexsim.mail.route_table import RouteEntry

PASSES_ON = "it passes all mail for the domain on"


def dispositions_of(case: Case, rcpt: Rcpt) -> Iterator[Disposition]:
    """What happens to a recipient of mail that was taken: one disposition for each address that it stands for."""
    policy, envelope = case.policy, case.envelope
    if not policy.hops_refused_in_dialogue and policy.too_many_hops(envelope.passed):
        reason = f"the message has passed {envelope.received} servers; at most {policy.hop_limit} are allowed here"
        yield case.fail(rcpt, "too-many-hops", "hop-limit", reason)
        return
    most = policy.max_routed_bytes
    if most is not None and envelope.size_bytes > most and case.came_from != "own-user":
        reason = f"the organisation keeps mail of up to {most} bytes"
        yield case.fail(rcpt, "too-big-to-keep", "organisation-size-limit", reason)
        return
    found = list(_expanded(case, rcpt) if policy.expands_first else one_address(case, rcpt))
    yield from found or [case.fail(rcpt, "unknown-user", "no-members", f"{rcpt.address} has no members")]


def _expanded(case: Case, rcpt: Rcpt) -> Iterator[Disposition]:
    """The dispositions on the addresses that one table makes of a recipient; each is final."""
    addresses = expanded(case.setup, case.policy, rcpt.address, case.state)
    if addresses is None:  # mail from elsewhere is not taken at all then: this is a notice of this server's own
        yield case.fail(rcpt, "forwarding-loop", "forwarding-loop", f"aliases lead from {rcpt.address} back to it")
        return
    onward = _forwarding_of(case, rcpt.address)
    for address in addresses:
        one = rcpt if address == rcpt.address else rcpt.at(address)
        told = _say_forwarding(rcpt.address, onward) if onward is not None and fold(address) == fold(onward) else ""
        yield from (each._replace(reason=f"{told}{each.reason}") if told else each for each in one_address(case, one))


def _forwarding_of(case: Case, address: str) -> str | None:
    """The forwarding address of the person with this address, where this server follows it."""
    person = case.setup.find(case.policy, address, case.state)
    return forwards_to(case.setup, case.policy, person, case.state) if isinstance(person, Person) else None


class _Expansion(NamedTuple):
    """Addresses that a recipient stands for, and the names under which it was found: none of them may come up again below it.

    `also` are dispositions beside them: a copy that stays. `forwarded`: a mailbox here sends them on, as mail of its own. `because` is
    what the trace tells of it.
    """

    recipients: tuple[Rcpt, ...] = ()
    names: frozenset[str] = frozenset()
    is_group: bool = False
    also: tuple[Disposition, ...] = ()
    forwarded: bool = False
    because: str = ""


class _Step(NamedTuple):
    """An address that is to be looked at: a member of a group, or what a mailbox here forwards."""

    rcpt: Rcpt
    is_member: bool = False
    forwarded: bool = False
    because: str = ""


def one_address(case: Case, rcpt: Rcpt) -> Iterator[Disposition]:
    """The dispositions on a recipient whom no table of aliases changes any more.

    It is one, or one a member where it is a group; each group is opened once. Forwarding that leads back to an address on the way fails,
    unless a mailbox on the circle keeps a copy: then it ends there (Exchange's harmless recipient loops [MS-RR]). A group inside itself
    adds nobody.
    """
    on_the_way: dict[str, bool] = {}  # in their order; whether a copy stays there
    opened: set[str] = set()
    todo: list[_Step | frozenset[str]] = [_Step(rcpt)]
    while todo:
        step = todo.pop()
        if isinstance(step, frozenset):
            for name in step:  # all below it is done
                del on_the_way[name]
            continue
        address = fold(step.rcpt.address)
        if address in on_the_way:
            circle = list(on_the_way)[list(on_the_way).index(address) :]
            if not step.is_member and not any(on_the_way[name] for name in circle):
                reason = f"forwarding from {step.rcpt.address} leads back to it"
                yield case.fail(step.rcpt, "forwarding-loop", "forwarding-loop", reason)
            continue
        found = _resolved(case, step)
        if isinstance(found, Disposition) and case.policy.leads_itself_to is not None:
            found = _led_away_from_itself(case, found)
        if isinstance(found, Disposition):
            yield found._replace(reason=f"{step.because}{found.reason}") if step.because else found
            continue
        yield from found.also
        if not found.is_group or address not in opened:
            opened.add(address)
            names = found.names.difference(on_the_way)
            on_the_way |= dict.fromkeys(names, bool(found.also))
            todo.append(names)
            todo.extend(
                _Step(one, found.is_group, found.forwarded, step.because + found.because)
                for one in reversed(found.recipients)
            )


def _led_away_from_itself(case: Case, found: Disposition) -> Disposition | _Expansion:
    """The same, or the address in another domain where the next hop is the server itself (Exim: ``self = pass`` and ``reroute``)."""
    hop, rcpt, domain = found.hop, found.rcpt, case.policy.leads_itself_to
    hosts = hosts_at_once(case.setup, hop, case.policy, case.state) if hop is not None else None
    if not isinstance(hosts, DnsFailure) or hosts.cause != "loops-to-self":
        return found
    if not domain:
        return case.fail(rcpt, "unknown-user", "no-person-record", f"{hosts.reason}, which has no local users")
    return _Expansion((rcpt.at(f"{local_part_of(rcpt.address)}@{domain}"),), frozenset({fold(rcpt.address)}))


def _resolved(case: Case, step: _Step) -> Disposition | _Expansion:
    """The disposition on one address, or the addresses that it stands for."""
    policy, rcpt = case.policy, step.rcpt
    if "bare-address" in policy.address_forms and is_address(domain_of(rcpt.address)):
        rcpt = rcpt.at(f"{local_part_of(rcpt.address)}@[{domain_of(rcpt.address)}]")
    if step.forwarded and not policy.forwards_outside and policy.rule_for(rcpt.address) is None:
        reason = f"the mailbox forwards to {rcpt.address}, and none may forward to other domains"
        return case.fail(rcpt, "forwards-outside", "external-forwarding", reason)
    if step.forwarded and policy.own_mail_by_mx:
        route = RouteEntry(domain_of(rcpt.address), None, "forwarded-by-mx")
        return case.to_hop(rcpt, route, route.rule, f"the mailbox forwards; {where_to(route, rcpt)}")
    rule = policy.rule_for(rcpt.address)
    if rule is None:
        return send_outside(case, rcpt)
    if policy.passes_first is not None and not step.forwarded and not _from_within_service(case):
        first = case.setup.server_of_host.get(policy.passes_first.name, "")
        from_there = case.setup.machine_of(first) == case.setup.machine_of(case.came_from)
        if not (from_there if policy.internal_clients is None else case.is_internal_client):
            route = RouteEntry(domain_of(rcpt.address), policy.passes_first, "centralised-transport")
            reason = f"mail that {policy.passes_first.name} has not seen yet goes there first"
            return case.to_hop(rcpt, route, "centralised-transport", reason)
    if policy.server in case.setup.external_servers:
        return _external_mailbox(case, rcpt)
    if (step.forwarded or case.came_from == "own-user") and policy.replica and rule.elsewhere == "fail":
        rule = rule._replace(elsewhere="relay")  # mail of its own mailboxes goes on, where that of others is refused
    return _resolve_ours(case, rcpt, rule)


def _from_within_service(case: Case) -> bool:
    """Mail of the service's own users, which stays in the service even with centralised transport [MS-HYB]."""
    return case.came_from == "own-user" or case.came_from in case.policy.own_clients


def _resolve_ours(case: Case, rcpt: Rcpt, rule: DomainRule) -> Disposition | _Expansion:
    """A recipient of one of this server's domains: what its table of transports says, else what the directory says."""
    policy = case.policy
    address = policy.at_own_domain(rcpt.address)
    entry = case.setup.find(policy, address, case.state) if rule.looked_up else None
    if entry is not None and case.setup.directory.is_internal_only(address) and not case.from_inside:
        reason = f"{address} takes mail of internal senders only"
        cause = "internal-only" if isinstance(entry, Group) else "internal-only-person"
        return case.fail(rcpt, cause, "internal-senders-only", reason)
    if isinstance(entry, Group) and not policy.expands_first:
        members = tuple(rcpt.at(member) for member in entry.members)
        return _Expansion(members, frozenset({fold(address)}), is_group=True)
    person = entry if isinstance(entry, Person) and not entry.unreachable else None
    if person and fold(person.address) != fold(address) and policy.rule_for(person.address) is not None:
        rcpt = rcpt.at(person.address)  # an alias, or the one address with this local part
    forced = policy.forced_route(address)
    if forced is not None and (person or rule.unknown == "relay" or not rule.verify):
        return case.to_hop(rcpt, forced, forced.rule, f"{forced.said_by} says so; {where_to(forced, rcpt)}")
    caught = _catch_all(case, rcpt, rule, person)
    if caught is not None:
        return caught
    if policy.all_local_to_smart_host:
        return relay(case, rcpt, rule, "smart-host-for-all-local", "all local recipients go to the smart host")
    if person and not policy.expands_first:
        onward = _forwarding(case, rule, person, rcpt)
        if onward is not None:
            return _follow(case, rule, person, rcpt, onward, frozenset({fold(address), fold(rcpt.address)}))
    if person and policy.delivers_here(rule, address) and person.lives_at(policy.server):
        return _deliver(case, rcpt, person)
    if person:
        return _elsewhere(case, rcpt, person, rule)
    if rule.unknown == "relay":
        shared = f"no {policy.wording.record} for {address} here; the domain is shared"
        return relay(case, rcpt, rule, rule.unknown_rule, shared if rule.looked_up else PASSES_ON)
    reason = f"no {policy.wording.record} for {address}"
    if isinstance(entry, Person):
        reason = f"{policy.wording.record} for {address} found, whose mail_system is none: it takes no mail"
    return case.fail(rcpt, "unknown-user", "no-person-record", reason)


def _catch_all(case: Case, rcpt: Rcpt, rule: DomainRule, person: Person | None) -> _Expansion | None:
    """The address that takes mail for whoever is not listed here, or (Postfix) is listed, but without a mail file here or a way on."""
    policy, address = case.policy, rcpt.address
    if policy.unlisted_go_to is None or domain_of(address) not in policy.unlisted_domains:
        return None
    leads_on = policy.route_for(address, 0, named=not rule.any_route) is not None
    known_to_others = person is not None and not policy.colleagues.isdisjoint(person.homes)
    if person is not None and (person.lives_at(policy.server) or known_to_others or leads_on):
        return None
    to = policy.unlisted_go_to
    target = rcpt.at(f"{local_part_of(address)}{to}" if to.startswith("@") else to)
    return _Expansion((target,), frozenset({fold(address)}))


def _deliver(case: Case, rcpt: Rcpt, person: Person) -> Disposition | _Expansion:
    """Into the mail file here; with dual delivery also to the other system, if the mail does not come from there [GW-DUAL]."""
    policy = case.policy
    if person.over_quota and policy.refuses_over_quota:
        return case.fail(rcpt, "mailbox-full", "mail-file-full", f"the {policy.wording.box} of {rcpt.address} is full")
    record, box = policy.wording
    reason = f"{record} for {rcpt.address} found, and the {box} is here"
    here = Disposition(rcpt, "deliver", "mail-file-here", reason)
    if policy.also_deliver_to is None:
        return here
    other = case.setup.machine_of(case.setup.server_of_host.get(policy.also_deliver_to.name, ""))
    if other == case.setup.machine_of(case.came_from):
        return here
    route = RouteEntry(domain_of(rcpt.address), policy.also_deliver_to, "dual-delivery")
    copy = rcpt.at(rcpt.address)
    return _Expansion(
        also=(here, case.to_hop(copy, route, route.rule, f"a copy goes to {policy.also_deliver_to.name}"))
    )


def _follow(
    case: Case, rule: DomainRule, person: Person, rcpt: Rcpt, onward: str, names: frozenset[str]
) -> Disposition | _Expansion:
    """On to a forwarding address, with the copy that stays in the mail file."""
    target = rcpt.at(onward)
    target_rule = case.policy.rule_for(onward)
    if target_rule is not None and target_rule.takes_targets and _is_address_of(case, onward, person):
        found = f"{case.policy.wording.record} for {rcpt.address} with the target address {onward}, in a domain that is not authoritative"
        return relay(case, target, target_rule, "target-address", found)
    here = case.policy.delivers_here(rule, rcpt.address) and person.lives_at(case.policy.server)
    kept = _deliver(case, rcpt, person) if here and person.keeps_copy else None
    also = () if kept is None else (kept,) if isinstance(kept, Disposition) else kept.also
    because = _say_forwarding(rcpt.address, onward)
    return _Expansion((target,), names, also=also, forwarded=here and case.policy.replica, because=because)


def _say_forwarding(address: str, onward: str) -> str:
    return f"forwarding: mail for {address} goes on to {onward}; "


def _is_address_of(case: Case, address: str, person: Person) -> bool:
    return case.setup.find(case.policy, address, case.state) == person


def _forwarding(case: Case, rule: DomainRule, person: Person, rcpt: Rcpt) -> str | None:
    """The address that mail for a person goes on to from here, if any.

    One's own address is only where there is no other way to go: it leads back.
    """
    policy = case.policy
    here = person.lives_at(policy.server)
    led = leads_elsewhere(case.setup, policy, person)
    if led is not None:
        return led
    target = forwards_to(case.setup, policy, person, case.state)
    if target is None or (rule.elsewhere == "fail" and not here):
        return None
    to_itself = fold(target) == fold(rcpt.address)
    return None if to_itself and (here or rule.elsewhere != "forward") else target


def _elsewhere(case: Case, rcpt: Rcpt, person: Person, rule: DomainRule) -> Disposition:
    """A Person record whose mail file is not here: the organisation's or service's other server, smart host, or nowhere to go."""
    policy = case.policy
    record, box = policy.wording
    found = f"{record} for {rcpt.address} found, but no {box} here"
    for name in person.homes:
        host = case.setup.scenario.servers[name].host
        if host and name in policy.colleagues:
            route = RouteEntry(host, NextHop(fold(host), by_mx=False), "mail-file-on-other-server")
            return case.to_hop(rcpt, route, route.rule, f"the {box} of {rcpt.address} is on {name}")
    if rule.elsewhere in ("relay", "home"):
        return relay(case, rcpt, rule, rule.elsewhere_rule if rule.elsewhere == "relay" else rule.unknown_rule, found)
    if rule.elsewhere == "forward" and policy.needs_forwarding:
        detail = f"no {box} here and no forwarding address"
        return case.fail(rcpt, "no-route", "no-forwarding-address", found + ", nor a forwarding address", detail)
    return case.fail(rcpt, "unknown-user", rule.elsewhere_rule, found)


def _external_mailbox(case: Case, rcpt: Rcpt) -> Disposition:
    mailboxes = case.policy.mailboxes
    if mailboxes is None or local_part_of(rcpt.address) in mailboxes:
        return Disposition(rcpt, "deliver", "mail-file-here", f"{rcpt.address} has its mailbox here")
    return case.fail(rcpt, "unknown-user", "no-person-record", f"no mailbox {rcpt.address}")
