"""What is wrong with the ways that mail takes: whom it does not reach, where it goes round, what an outage or a limit cuts off."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.mail.classes import SIDES_IN_WORDS, SMALL_BYTES, MailClass, senders
from coexsim.mail.findings import Finder, Finding, Search, listed
from coexsim.mail.flows import Flow, impatient
from coexsim.mail.message import fold
from coexsim.mail.trace import trace
from coexsim.scenario.model import Path
from coexsim.units import say_bytes, say_time


def nothing_goes_round(search: Search) -> Iterator[Finding]:
    """No mail gets into a loop."""
    circles: dict[frozenset[str], list[Flow]] = {}
    for flow in search.flows:
        if flow.loop:
            circles.setdefault(frozenset(flow.loop), []).append(flow)
    for flows in circles.values():
        loop = flows[0].loop
        limits = {name: search.setup.policies[name].hop_limit for name in loop}
        first = min(limits, key=lambda name: limits[name])
        whose = listed(dict.fromkeys(flow.recipient.name for flow in flows))
        text = (
            f"mail to {whose} goes round {' -> '.join([*loop, loop[0]])} until the hop limit of {first} ({limits[first]}) ends it: "
            f"about {limits[first]} transactions a message; let one of these servers refuse what it cannot deliver, or deliver it"
        )
        names = tuple(
            dict.fromkeys((*loop, *(name for flow in flows for name in (flow.recipient.name, *flow.recipient.names))))
        )
        yield search.finding("LOOP", ("servers", loop[0]), text, about=names)


def hop_limits_suffice(search: Search) -> Iterator[Finding]:
    """No way is longer than a hop limit on it."""
    told: dict[str, Flow] = {}
    for flow in search.flows:
        if flow.route is not None and not flow.delivered and _rule(flow) == "hop-limit":
            told.setdefault(flow.route.by or "", flow)
    for name, flow in told.items():
        limit = search.setup.policies[name].hop_limit if name in search.setup.policies else 0
        text = f"{flow} passes {' -> '.join(flow.servers)}: longer than the hop limit of {name} ({limit}); raise it"
        yield search.finding(
            "HOP-LIMIT-TOO-LOW", search.setting(name, "max_hop_count", "hopcount_limit"), text, about=(name,)
        )


def replica_knows_everybody(search: Search) -> Iterator[Finding]:
    """Nobody's record is missing from the hosted replica where it is needed."""
    for person, flows in _failed(search).items():
        if _lost_in_replica(search, person):
            where = search.scenario.directory.replica
            path: Path = ("directory", "replica", "missing") if where else ("directory",)
            text = (
                f"the record of {listed(person.names)} never arrived in the replica at {where.at if where else '?'}: mail to them ends as "
                f"{_ends(flows)}; replicate again and take the name out of 'missing'"
            )
            yield search.finding("NOT-IN-REPLICA", path, text, about=(*person.names, person.name))


def everybody_is_reached(search: Search) -> Iterator[Finding]:
    """Every person and group is reached by everybody."""
    sending = len(senders(search.setup))
    for person, flows in _failed(search).items():
        if _lost_in_replica(search, person) or person.side == "internet":
            continue
        path: Path = ("directory", "groups" if person.side == "group" else "people", *person.names[:1])
        ways = " -> ".join(flows[0].servers) or "no server"
        how = f"{_ends(flows)} after {ways}: {_reason(flows[0])}"
        about = (*person.names, person.name)
        if len(flows) >= sending:
            text = f"{person.name} is reached by nobody: mail ends as {how}; give the mail file a server that its mail is sent to"
            yield search.finding("UNREACHABLE", path, text, about=about)
        else:
            whom = listed(flow.sender.name for flow in flows)
            text = f"mail to {person.name} does not arrive from {whom}: it ends as {how}; it does from others, so compare the two ways"
            yield search.finding("VALID-RECIPIENT-BOUNCES", path, text, about=about)


def outside_is_reached(search: Search) -> Iterator[Finding]:
    """The organisation's people reach the world outside."""
    for person, flows in _failed(search).items():
        if person.side == "internet":
            first = flows[0]
            by = first.route.by if first.route else None
            path: Path = ("servers", by) if by in search.scenario.servers else ("servers",)
            text = (
                f"mail from {listed(flow.sender.name for flow in flows)} to {person.name} ends as {_ends(flows)} at {by or '?'}: "
                f"{_reason(first)}; give that server a way out"
            )
            yield search.finding(
                "OUTSIDE-UNREACHABLE", path, text, about=(person.name, *(f.sender.name for f in flows))
            )


def limits_agree(search: Search) -> Iterator[Finding]:
    """No server of the organisation takes mail that the next one on its way refuses for its size."""
    told: set[tuple[str, str]] = set()
    for flow in search.flows:
        if not flow.delivered or flow.size_bytes != SMALL_BYTES:
            continue
        taken: tuple[str, int] | None = None
        for position, name in enumerate(flow.servers):
            policy = search.setup.policies[name]
            limit = policy.max_submit_bytes if position == 0 else policy.max_size_bytes
            limit = None if limit is None else limit - policy.size_overhead_bytes
            if name not in search.own_servers:
                continue
            if taken and limit is not None and limit < taken[1] and (taken[0], name) not in told:
                told.add((taken[0], name))
                text = (
                    f"{taken[0]} takes messages of up to {say_bytes(taken[1])}, and {name} behind it only {say_bytes(limit)}: what lies "
                    "between is taken, then bounced; set both to the same size"
                )
                path = search.setting(name, "max_message_size", "message_size_limit", "max_receive_size")
                yield search.finding("SIZE-LIMITS-DIFFER", path, text, about=(taken[0], name))
            if limit is not None and (taken is None or limit < taken[1]):
                taken = (name, limit)


def replica_lags(search: Search) -> Iterator[Finding]:
    """People who come or move are reached at once, not only after the next replication."""
    directory, replica = search.setup.directory, search.scenario.directory.replica
    if replica is None or not replica.every:
        return
    sender = next(iter(search.flows), None)
    for version, at_s in enumerate(directory.change_times_s(replica=False), start=1):
        until_s = min(t for t in directory.change_times_s(replica=True) if t >= at_s)
        changed = [
            p
            for p in directory.everyone(version)
            if directory.find(p.address, version - 1) != directory.find(p.address, version)
        ]
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
            yield search.finding("REPLICA-LAG", ("directory", "replica", "every"), text, about=tuple(lost))


def outages_cut_off(search: Search) -> Iterator[Finding]:
    """What passes a server without coming from it or ending there, and fails without it."""
    hasty = impatient(search.setup)
    for name in search.own_servers:
        if search.scenario.servers[name].runs_on:
            continue
        cut = []
        for flow in search.flows:
            machines = [_machine(search, server) for server in flow.servers]
            if (
                not flow.delivered
                or name not in machines
                or name in (machines[0], machines[-1])
                or not flow.recipient.exists
            ):
                continue
            if trace(hasty, flow.sender.address, flow.address, down=(name,)).outcome != "delivered":
                cut.append(flow)
        if cut:
            text = (
                f"without {name} no mail passes from {_pairs(cut)}, though neither has its mail file there; "
                "a second MX and a second way to the hosted service would keep it moving"
            )
            yield search.finding("SINGLE-POINT-OF-FAILURE", ("servers", name), text, about=(name,))


def _pairs(flows: list[Flow]) -> str:
    """``hosted people to hosted people, the Internet to hosted people``."""
    pairs = dict.fromkeys((SIDES_IN_WORDS[flow.sender.side], SIDES_IN_WORDS[flow.recipient.side]) for flow in flows)
    return ", ".join(f"{one} to {other}" for one, other in pairs)


def _machine(search: Search, server: str) -> str:
    return search.scenario.servers[server].runs_on or server


def _failed(search: Search) -> dict[MailClass, list[Flow]]:
    """The recipients that mail should reach and does not, apart from loops and hop limits, which are told as such."""
    failed: dict[MailClass, list[Flow]] = {}
    for flow in search.flows:
        if flow.recipient.exists and not flow.delivered and not flow.loop and _rule(flow) != "hop-limit":
            failed.setdefault(flow.recipient, []).append(flow)
    return failed


def _lost_in_replica(search: Search, person: MailClass) -> bool:
    replica = search.scenario.directory.replica
    return replica is not None and any(fold(name) in map(fold, replica.missing) for name in person.names)


def _rule(flow: Flow) -> str:
    return flow.route.hops[-1].rule if flow.route and flow.route.hops else ""


def _reason(flow: Flow) -> str:
    route = flow.route
    if route is None:
        return "it goes round"
    late = route.deferrals[-1].reply if route.deferrals else None
    return str(route.reply or late or "no reason is known").rstrip(".")


def _ends(flows: list[Flow]) -> str:
    return listed(dict.fromkeys(flow.outcome.replace("_", " ") for flow in flows))


FLOW_FINDERS: tuple[Finder, ...] = (
    nothing_goes_round,
    hop_limits_suffice,
    replica_knows_everybody,
    everybody_is_reached,
    outside_is_reached,
    limits_agree,
    replica_lags,
    outages_cut_off,
)
