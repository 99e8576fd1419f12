"""What access tables make of a message that was taken: the dispositions in place of those that its recipients would have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from coexsim.mail.access import Action
from coexsim.mail.case import Case, Disposition
from coexsim.mail.disposition import dispositions_of, one_address
from coexsim.mail.expansion import expanded
from coexsim.mail.message import NextHop, Rcpt, Reply


class Acted(NamedTuple):
    """The action on a message, and the address whose entry says so; `copies` are addresses that get one beside it."""

    action: Action | None
    by: str
    copies: tuple[str, ...]


def acted_on(case: Case) -> Acted | None:
    """What the access tables do with a message; None: nothing, as for mail that waits here and is routed anew.

    To discard goes before to hold, that before to redirect, that before to filter; of two that redirect or filter the last one stands.
    """
    tables, envelope = case.policy.access, case.envelope
    if tables is None or envelope.copied_at == envelope.received:
        return None
    if envelope.kind != "mail" and case.came_from == "own-user":
        return None  # its own notices do not come by SMTP
    trusted = case.client_may_relay
    found = [(tables.of_sender(envelope.sender, may_relay=trusted), envelope.sender)]
    found += [(tables.of_recipient(r.address, may_relay=trusted), r.address) for r in envelope.recipients]
    fired = [(action, address) for action, address in found if action is not None]
    copies = tuple(dict.fromkeys(action.to for action, _ in fired if action.verb == "bcc"))
    for verb in ("discard", "hold", "redirect", "filter"):
        alike = [each for each in fired if each[0].verb == verb]
        if alike:
            return Acted(*alike[-1], copies)
    return Acted(None, "", copies) if copies else None


def dispositions_by_access(case: Case, acted: Acted) -> Iterator[tuple[Disposition, Rcpt]]:
    """The dispositions on the message's recipients, each with the recipient that it is about."""
    action = acted.action
    for number, rcpt in enumerate(case.envelope.recipients):
        if action is None:
            found = list(dispositions_of(case, rcpt))
        elif action.verb == "discard":
            thrown = Reply(250, "2.0.0", f"<{acted.by}> triggers DISCARD action")
            found = [case.ends(rcpt, "access-discard", f"the access table says DISCARD for {acted.by}", thrown)]
        elif action.verb == "hold":
            found = [_held(rcpt, acted.by)]
        elif action.verb == "redirect":
            found = list(_redirected(case, rcpt, acted, first=not number))
        else:
            found = list(_filtered(case, rcpt, acted))
        yield from ((disposition, rcpt) for disposition in found)


def _held(rcpt: Rcpt, by: str) -> Disposition:
    """It stays in the queue, is not tried, and does not expire, until somebody lets it go."""
    hop = NextHop("on hold", by_mx=False, kept=Reply(450, "4.0.0", f"on hold: <{by}> triggers HOLD action"), held=True)
    return Disposition(
        rcpt, "send", "access-hold", f"the access table says HOLD for {by}; it waits until released", hop=hop
    )


def _redirected(case: Case, rcpt: Rcpt, acted: Acted, *, first: bool) -> Iterator[Disposition]:
    """One message to the address, once for all recipients; no alias is followed there (access(5))."""
    assert acted.action is not None
    target = rcpt.at(acted.action.to)._replace(count=1)
    reason = f"the access table says REDIRECT {acted.action.to} for {acted.by}"
    if not first:
        yield Disposition(target, "duplicate", "access-redirect", reason)
        return
    for disposition in one_address(case, target):
        yield disposition._replace(reason=f"{reason}; {disposition.reason}")


def _filtered(case: Case, rcpt: Rcpt, acted: Acted) -> Iterator[Disposition]:
    """To the filter, whoever it is for; aliases are followed before."""
    assert acted.action is not None
    assert acted.action.route is not None
    addresses = expanded(case.setup, case.policy, rcpt.address, case.state)
    if addresses is None:
        yield from dispositions_of(case, rcpt)
        return
    reason = f"the access table says FILTER for {acted.by}; sent to the filter"
    for address in addresses:
        one = rcpt if address == rcpt.address else rcpt.at(address)
        yield case.to_hop(one, acted.action.route, "access-filter", reason)
