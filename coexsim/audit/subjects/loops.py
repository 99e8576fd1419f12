"""Mail that goes round between servers."""

from __future__ import annotations

from collections.abc import Iterator

from coexsim.audit.finding import Finding, FindingKind, listed
from coexsim.audit.flows import Flow, loop_end
from coexsim.audit.search import Search, Subject

LOOP = FindingKind(
    "LOOP",
    "mail goes round between servers",
    "error",
    "Each server passes the mail on to the next, and the last passes it back to the first. Two smart hosts that point at each other do "
    "so with every address that neither knows.",
    "One message costs as many transactions as the lowest hop limit allows (Exchange also has one of its own hops alone), then bounces "
    "with 5.4.6 (Postfix: 5.4.0). Spam to dead addresses multiplies.",
    "Let exactly one side be the authority: it refuses addresses that it does not know. For forwarding, correct the address.",
    "RFC 5321, section 6.3; Exchange documentation, fix error code 5.4.6; IBM SmartCloud Notes, smart host for Exchange",
)


def nothing_goes_round(search: Search) -> Iterator[Finding]:
    """No mail gets into a loop."""
    circles: dict[frozenset[str], list[Flow]] = {}
    for flow in search.flows:
        if flow.loop:
            circles.setdefault(frozenset(flow.loop), []).append(flow)
    for flows in circles.values():
        loop = flows[0].loop
        transactions, limit = loop_end(search.setup, loop)
        whose = listed(dict.fromkeys(flow.recipient.name for flow in flows))
        text = (
            f"mail to {whose} goes round {' -> '.join([*loop, loop[0]])} until the {limit} ends it: "
            f"about {transactions} transactions a message; let one of these servers refuse what it cannot deliver, or deliver it"
        )
        names = tuple(
            dict.fromkeys((*loop, *(name for flow in flows for name in (flow.recipient.name, *flow.recipient.names))))
        )
        yield search.finding(LOOP, ("servers", loop[0]), text, about=names)


SUBJECT = Subject(
    explanations=(LOOP,),
    finders=(nothing_goes_round,),
)
