"""The routes of a set-up as plain data for a page: who hands mail on to whom by which rule, and the trace of each class to each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from coexsim.analysis.hairpins import people_of, round_trip_flows
from coexsim.audit.classes import recipients, senders
from coexsim.audit.flows import Flow, flow
from coexsim.audit.mail_class import SIDES_IN_WORDS, MailClass
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.mail.traced import Copy
from coexsim.scenario.model import Scenario

MOST_SENDERS, MOST_RECIPIENTS = 8, 12
"""Of more classes the first are on the page: people come before groups, those before addresses outside."""


class Use(NamedTuple):
    """What a flow does to an edge of the map: how often one message of it goes over it, and by which rule."""

    flow: str
    client: str
    server: str
    rule: str
    reason: str
    times: int


def routes_of(scenario: Scenario) -> dict[str, Any]:
    """``uses``: which flow goes over which edge and why; ``senders``, ``recipients`` and ``traces`` between them."""
    setup = Setup(scenario)
    uses = [list(use) for use in _uses(setup)]
    from_whom, to_whom = senders(setup), recipients(setup)
    froms, tos = from_whom[:MOST_SENDERS], to_whom[:MOST_RECIPIENTS]
    return {
        "uses": uses,
        "round_trips": list(round_trip_flows(scenario)),
        "senders": [_name(each) for each in froms],
        "recipients": [_name(each) for each in tos],
        "left_out": len(from_whom) - len(froms) + len(to_whom) - len(tos),
        "traces": [[_told(flow(setup, one, other)) for other in tos] for one in froms],
    }


def _name(mail_class: MailClass) -> str:
    """``hosted people, such as iUser1@corporate.com``: how many there are differs from point to point."""
    if mail_class.side in ("unknown", "internet"):
        return f"{mail_class.address} ({SIDES_IN_WORDS[mail_class.side]})"
    return f"{SIDES_IN_WORDS[mail_class.side]}, such as {mail_class.address}"


def _uses(setup: Setup) -> Iterator[Use]:
    """By one message for each pair of sides, as the tables of a run have flows; what a notice about it does is its flow's too."""
    people = people_of(setup)
    for sender, start in people.items():
        if sender == "unknown":
            continue
        for recipient, goal in people.items():
            if sender == recipient == "internet":
                continue
            found = trace(setup, start, goal)
            copies = [copy for each in found.recipients for copy in each.copies]
            copies += [notice.copy for notice in found.notices if notice.copy is not None]
            steps: dict[tuple[str, str, str, str], int] = {}
            for step in dict.fromkeys(step for copy in copies for step in _steps(copy)):
                steps[step] = steps.get(step, 0) + 1
            for (client, server, rule, reason), times in steps.items():
                yield Use(f"{sender}->{recipient}", client, server, rule, reason, times)


def _steps(copy: Copy) -> Iterator[tuple[str, str, str, str]]:
    """Each server with the next one, and why it handed the mail there."""
    for here, there in zip(copy.hops, copy.hops[1:], strict=False):
        yield here.server, there.server, here.rule, here.reason


def _told(found: Flow) -> dict[str, Any]:
    """A trace for the page: outcome, servers with rule and reason, the reply of a failure, and where the notice went."""
    if found.route is None:
        return {"outcome": "loop", "hops": [[server, "loop", ""] for server in found.loop], "said": "", "notice": ""}
    hops = [[hop.server, hop.rule, hop.reason] for hop in found.route.hops]
    notice = ""
    if found.route.dsn is not None:
        notice = f"bounce to {found.route.dsn_to}: {' > '.join(found.route.dsn_servers) or 'goes nowhere'}"
    return {
        "outcome": found.outcome,
        "hops": hops,
        "said": str(found.route.reply) if found.route.reply else "",
        "notice": notice,
    }
