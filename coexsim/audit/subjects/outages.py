"""What the loss of one server cuts off."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind
from coexsim.audit.flows import Flow, impatient
from coexsim.audit.mail_class import SIDES_IN_WORDS
from coexsim.audit.search import Search, Subject
from coexsim.mail.trace import trace

SINGLE_POINT_OF_FAILURE = FindingKind(
    "SINGLE-POINT-OF-FAILURE",
    "without this server, mail between others stops",
    "note",
    "Mail passes the server that neither comes from it nor ends at it. The article routes all mail through the on-premises server.",
    "While it is down, mail between two hosted users waits, or expires.",
    "A second MX record with a server that knows the way to the hosted service; or deliver hosted mail directly.",
    "IBM planning guide: size the hub for the load and use two for availability (SmartCloud Notes, planning of mail routing)",
)


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
                f"without {name} no mail passes from {_pairs(cut)}, though neither has its {search.wording.box} there; "
                f"{_second_way(search, name)} would keep it moving"
            )
            yield search.finding(SINGLE_POINT_OF_FAILURE, ("servers", name), text, about=(name,))


def _second_way(search: Search, name: str) -> str:
    """What would stand in for a server: another MX host, or another host that its clients send to."""
    found = "a second MX and a second way to the hosted service"
    return found if name in search.mx_servers else "a second host beside it, for the servers that send to it,"


def _pairs(flows: list[Flow]) -> str:
    """``hosted people to hosted people, the Internet to hosted people``; an alias is named where only mail to it is cut off."""
    pairs = {
        (f.sender.side, f.recipient.side): SIDES_IN_WORDS[f.recipient.side] for f in flows if f.recipient.mailboxes
    }
    for flow in flows:
        pairs.setdefault((flow.sender.side, flow.recipient.side), flow.recipient.name)
    return ", ".join(f"{SIDES_IN_WORDS[one]} to {other}" for (one, _), other in pairs.items())


def _machine(search: Search, server: str) -> str:
    return search.scenario.servers[server].runs_on or server


SUBJECT = Subject(
    explanations=(SINGLE_POINT_OF_FAILURE,),
    finders=(outages_cut_off,),
)
