"""Whom mail does not reach, though it should."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from coexsim.audit.classes import senders
from coexsim.audit.finding import Finding, FindingKind, listed
from coexsim.audit.flows import Flow
from coexsim.audit.mail_class import MailClass
from coexsim.audit.search import Search, Subject
from coexsim.audit.subjects.limits import whose_hop_limit
from coexsim.audit.ways_out import way_out
from coexsim.mail.directory import Person
from coexsim.mail.message import fold
from coexsim.mail.trace import trace
from coexsim.scenario.places import Path
from coexsim.scenario.servers import HostedInbound
from coexsim.units import say_time

NO_WAY_THERE = "give the mailbox a server that its mail is sent to"
UNREACHABLE = FindingKind(
    "UNREACHABLE",
    "nobody reaches this person or group",
    "error",
    "Mail from every class of sender to this recipient ends without reaching a mailbox, though the directory has a record.",
    "The person gets no mail at all; senders get bounces, or their mail waits until it expires.",
    "Route one message (`coexsim trace`) and look at the last hop: mailbox, smart host, forwarding address or DNS is missing there.",
    "the article, Mail routing scenarios: every user of the domain is reached from inside and outside",
)
VALID_RECIPIENT_BOUNCES = FindingKind(
    "VALID-RECIPIENT-BOUNCES",
    "a valid recipient is reached from some sides only",
    "error",
    "The recipient exists and gets mail from some senders, while mail from others fails.",
    "Colleagues report that mail 'sometimes' bounces; the two sides route by different rules.",
    "Route both ways and compare the servers at which they part; they must come to the same mailbox.",
    "the article, Approach: consistent address lookup on both sides",
)
OUTSIDE_UNREACHABLE = FindingKind(
    "OUTSIDE-UNREACHABLE",
    "the organisation's people cannot write to the world outside",
    "error",
    "Mail from people of the domain to a domain outside fails at one of the organisation's servers.",
    "It bounces, or waits until it expires.",
    "Give the server a way out: SMTP for other domains, a relay host (and there relay_for), or a Send connector for '*'.",
    "Domino help, Router/SMTP Basics; Exchange documentation, Send connectors",
)
NOT_IN_REPLICA = FindingKind(
    "NOT-IN-REPLICA",
    "a person's record is missing from the hosted replica",
    "error",
    "The master directory has the record, the hosted side's copy has not.",
    "The on-premises server sends the mail on; the hosted side does not know the address and refuses it.",
    "Replicate again; look for records that conflict or are filtered out.",
    "the article, Environment setup: the directory is replicated to iNotes",
)
REPLICA_LAG = FindingKind(
    "REPLICA-LAG",
    "people who come or move are unknown to the replica for a while",
    "warning",
    "The master knows of a change at once, the replica at its next replication.",
    "In between, mail goes by the new record on one side and by the old one on the other, and bounces.",
    "Replicate when people move, or let the old place keep mail until the replica has the change.",
    "derived: administrators complain of it, no figure was found",
)


def replica_knows_everybody(search: Search) -> Iterator[Finding]:
    """Nobody's record is missing from the hosted replica where it is needed."""
    told: set[str] = set()
    for person, flows in _failed(search).items():
        if _lost_in_replica(search, person) and not told.issuperset(person.names):
            told.update(person.names)
            where = search.scenario.directory.replica
            path: Path = ("directory", "replica", "missing") if where else ("directory",)
            text = (
                f"the record of {listed(person.names)} never arrived in the replica at {where.at if where else '?'}: mail to them ends as "
                f"{_ends(flows)}; replicate again and take the name out of 'missing'"
            )
            yield search.finding(NOT_IN_REPLICA, path, text, about=(*person.names, person.name))


def everybody_is_reached(search: Search) -> Iterator[Finding]:
    """Every person and group is reached by everybody; who is told of is not told of again for a group or another address."""
    classes = senders(search.setup)
    tried = {True: len(classes), False: sum(each.is_typical for each in classes)}
    failed = {person: flows for person, flows in _failed(search).items() if person.side != "internet"}
    told = {name for person in failed if _lost_in_replica(search, person) for name in person.names}
    for person, flows in failed.items():
        missed = _missed(search, flows) if person.side == "group" else set(person.names)
        if missed and missed <= told:
            continue
        sending = tried[person.is_typical]
        told |= missed
        path: Path = ("directory", "groups" if person.side == "group" else "people", *person.names[:1])
        for name, policy in search.setup.policies.items():
            if person.side == "group" and person.address in policy.aliases:
                path = ("servers", name, "virtual_alias_maps")
        ways = " -> ".join(flows[0].servers) or "no server"
        how = f"{_ends(flows)} after {ways}: {_reason(flows[0])}"
        about = (*person.names, person.name)
        if len(flows) >= sending and not flows[0].delivered_to_some:
            text = f"{person.name} is reached by nobody: mail ends as {how}; {_remedy(search, flows[0], NO_WAY_THERE)}"
            yield search.finding(UNREACHABLE, path, text, about=about)
        else:
            whom = listed(flow.sender.name for flow in flows)
            some = "all members of " if flows[0].delivered_to_some else ""
            compare = "it does from others, so compare the two ways" if len(flows) < sending else NO_WAY_THERE
            others = _remedy(search, flows[0], compare)
            text = f"mail to {some}{person.name} does not arrive from {whom}: it ends as {how}; {others}"
            yield search.finding(VALID_RECIPIENT_BOUNCES, path, text, about=about)


def _missed(search: Search, flows: list[Flow]) -> set[str]:
    """The names of those members of a group that mail does not reach; an address where nobody has it."""
    directory = search.setup.directory
    forwarded = {fold(person.forwarding): person.name for person in directory.everyone() if person.forwarding}
    lost = {
        copy.address
        for flow in flows
        for copy in (flow.route.copies if flow.route else ())
        if copy.outcome != "delivered"
    }
    entries = {address: directory.find(address, 0) for address in lost}
    return {entry.name if entry else forwarded.get(fold(address), address) for address, entry in entries.items()}


def _remedy(search: Search, flow: Flow, otherwise: str) -> str:
    """What would let this mail arrive, where that is plain."""
    copies = flow.route.copies if flow.route else ()
    person = search.setup.directory.find(flow.address, 0)
    by = flow.route.by if flow.route else None
    if person is not None and person.known_at and by in search.scenario.servers and by not in person.known_at:
        return f"the directory of {by} has no record of it (known_at): make one there, such as a mail contact"
    if _rule(flow) == "internal-senders-only":
        return "let the server take it for the organisation's own mail (internal_clients)"
    if _rule(flow) == "external-forwarding":
        return "allow the mailbox to forward (external_forwarding), or end the forwarding"
    if flow.recipient.side == "group":
        return "correct its members"
    if (
        isinstance(person, Person)
        and person.forwarding
        and fold(person.forwarding) in {fold(c.address) for c in copies}
        and _is_of_the_address(flow)
    ):
        return f"correct its forwarding_address {person.forwarding}"
    if _rule(flow) == "mail-file-full":
        return "make room in the mailbox, or raise its quota"
    if isinstance(person, Person) and _leads_back(search, person):
        return "its forwarding addresses lead round in a circle: change one of them, or keep a copy in one of the mailboxes (keep_copy)"
    if _rule(flow) == "no-forwarding-address":
        return "write its forwarding_address, or take the smart host rule person-without-mail-file"
    if _has_no_way_on(search, flow, person):
        way = f"write a forwarding_address by which it does, or let {by} pass on mail for whom it has no mailbox"
        return f"{by} does not send its mail on: {way}"
    refused_by = {search.setup.server_of_host.get(copy.remote) for copy in copies}
    for name in search.scenario.of_kind(HostedInbound):
        if name in refused_by and _refuses_others(search, name) and flow.recipient.home != name:
            return f"let {name} pass on mail for people whose mailbox is elsewhere (people_elsewhere: relay, and its smart_host)"
    return otherwise


def _leads_back(search: Search, person: Person) -> bool:
    """Do forwarding addresses lead from a person to one who was on the way already."""
    passed = {person}
    while person.forwarding:
        onward = search.setup.directory.find(person.forwarding, 0)
        if (
            not isinstance(onward, Person) or onward == person
        ):  # an address of one's own, such as the hosted service's, is no circle
            return False
        if onward in passed:
            return True
        passed.add(onward)
        person = onward
    return False


def _has_no_way_on(search: Search, flow: Flow, person: object) -> bool:
    """Did a server that looks addresses up refuse somebody whose mailbox is elsewhere, with no address to forward to."""
    route = flow.route
    if route is None or route.reply is None or route.by not in search.scenario.servers:
        return False
    looks_up = search.scenario.servers[route.by].kind in ("exchange", "domino")
    refused_here = route.reply.enhanced == "5.1.1" and not any(copy.remote for copy in route.copies)
    return (
        looks_up
        and refused_here
        and isinstance(person, Person)
        and not person.forwarding
        and route.by not in person.homes
    )


def _is_of_the_address(flow: Flow) -> bool:
    """Did it fail for the address, or the way there, and not for a session: a wait, certificates or TLS."""
    code = flow.route.reply.enhanced if flow.route and flow.route.reply else ""
    return code.startswith(("5.1.", "5.4."))


def _refuses_others(search: Search, name: str) -> bool:
    """Does a hosted server take no mail for people whose mail file is elsewhere."""
    return all(rule.elsewhere == "fail" for rule in search.setup.policies[name].domains.values())


def outside_is_reached(search: Search) -> Iterator[Finding]:
    """The organisation's people reach the world outside."""
    for person, flows in _failed(search).items():
        if person.side == "internet":
            first = flows[0]
            by = first.route.by if first.route else None
            path: Path = ("servers", by) if by in search.scenario.servers else ("servers",)
            text = (
                f"mail from {listed(flow.sender.name for flow in flows)} to {person.name} ends as {_ends(flows)} at {by or '?'}: "
                f"{_reason(first)}; {way_out(search, first)}"
            )
            yield search.finding(OUTSIDE_UNREACHABLE, path, text, about=(person.name, *(f.sender.name for f in flows)))


def replica_lags(search: Search) -> Iterator[Finding]:
    """People who come or move are reached at once, not only after the next replication."""
    directory, replica = search.setup.directory, search.scenario.directory.replica
    if replica is None or not replica.every:
        return
    sender = next(iter(search.flows), None)
    known_s = directory.change_times_s(replica=True)
    for version, at_s in enumerate(directory.change_times_s(replica=False), start=1):
        until_s = known_s[bisect_left(known_s, at_s)]
        changed = directory.changed_in(version)
        lost = []
        for person in changed:
            if sender is None or until_s <= at_s:
                continue
            route = trace(search.setup, sender.sender.address, person.address, at_s=at_s).recipients[0]
            if route.outcome != "delivered":
                lost.append(person.name)
        if lost:
            start = search.scenario.run.start
            text = (
                f"from {say_time(at_s, start)} to {say_time(until_s, start)}, when the replica at {replica.at} learns of them, mail to "
                f"{listed(lost)} bounces; replicate when people move, or more often than every {replica.every / 60:g} min"
            )
            yield search.finding(REPLICA_LAG, ("directory", "replica", "every"), text, about=tuple(lost))


def _failed(search: Search) -> dict[MailClass, list[Flow]]:
    """The recipients that mail should reach and does not, apart from loops and hop limits, which are told as such."""
    failed: dict[MailClass, list[Flow]] = {}
    for flow in search.flows:
        closed = flow.sender.side == "internet" and search.setup.directory.is_internal_only(flow.address)
        wished = closed or _is_set_so(search, flow)
        lost = flow.recipient.exists and not flow.delivered and not wished
        if lost and not flow.loop and not whose_hop_limit(search, flow):
            failed.setdefault(flow.recipient, []).append(flow)
    return failed


def _lost_in_replica(search: Search, person: MailClass) -> bool:
    replica = search.scenario.directory.replica
    return replica is not None and any(fold(name) in map(fold, replica.missing) for name in person.names)


def _reason(flow: Flow) -> str:
    route = flow.route
    if route is None:
        return "it goes round"
    late = route.deferrals[-1].reply if route.deferrals else None
    return str(route.reply or late or "no reason is known").rstrip(".")


def _is_set_so(search: Search, flow: Flow) -> bool:
    """Does the server where mail ends have a route that refuses or keeps it: an entry "error:" or "retry:" of Postfix's tables."""
    if flow.route is None:
        return False
    refusing = (search.setup.server_of_host.get(copy.remote) for copy in flow.route.copies)
    policies = (search.setup.policies.get(name or "") for name in (flow.route.by, *refusing))
    for policy in policies:
        route = policy.route_for(flow.address, flow.size_bytes) if policy else None
        if policy and route is not None and route.pattern == "*":
            route = policy.sender_transport(flow.sender.address) or route
        if route is not None and (route.refuses is not None or (route.hop is not None and route.hop.kept is not None)):
            return True
    return False


def _rule(flow: Flow) -> str:
    return flow.route.hops[-1].rule if flow.route and flow.route.hops else ""


def _ends(flows: list[Flow]) -> str:
    return listed(dict.fromkeys(flow.outcome.replace("_", " ") for flow in flows))


SUBJECT = Subject(
    explanations=(
        UNREACHABLE,
        VALID_RECIPIENT_BOUNCES,
        OUTSIDE_UNREACHABLE,
        NOT_IN_REPLICA,
        REPLICA_LAG,
    ),
    finders=(
        replica_knows_everybody,
        everybody_is_reached,
        outside_is_reached,
        replica_lags,
    ),
)
