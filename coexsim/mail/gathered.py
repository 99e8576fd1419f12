"""What a trace carries from server to server, and what it gathers about every message on the way."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from coexsim.mail.case import Disposition
from coexsim.mail.delivery import NotRelayed, Relayed
from coexsim.mail.effects import Recipients, Refused
from coexsim.mail.message import Client, Envelope, Kind, Rcpt, Reply
from coexsim.mail.traced import Copy, Deferral, Hop, Outcome
from coexsim.scenario.model import OUTCOMES

Hops = tuple[Hop, ...]


@dataclass
class QueuedCopy:
    """A copy in a server's queue, with the hops so far of each of its recipients."""

    server: str
    envelope: Envelope
    came_from: Client
    hops_so_far: dict[Rcpt, Hops]
    message: int
    queued_s: float
    failures: int = 0
    warned: bool = False


@dataclass
class Gathered:
    """What is gathered about one message: the traced one, or a notice about it. Recipients are named as written."""

    copies: list[tuple[str, Copy]] = field(default_factory=list)
    about: tuple[str, ...] = ()
    notice_by: str = ""
    to: str = ""
    kind: Kind = "mail"
    at_s: float = 0.0
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    led_to: dict[str, set[str]] = field(default_factory=dict)  # where a server led the mail of an address, folded
    deferrals: list[tuple[str, Deferral]] = field(default_factory=list)
    expires: dict[str, float] = field(default_factory=dict)
    warned: dict[str, float] = field(default_factory=dict)

    def all_led_to(self, addresses: set[str]) -> set[str]:
        """These addresses, and all that servers led their mail to."""
        found, new = set(addresses), set(addresses)
        while new:
            new = {to for address in new for to in self.led_to.get(address, ())} - found
            found |= new
        return found


class FailedRecipient(NamedTuple):
    """A recipient that failed here: the hops so far, the reply, and the host that gave it (empty: this server itself)."""

    rcpt: Rcpt
    hops: Hops
    reply: Reply
    host: str = ""


@dataclass
class Delivering:
    """A delivery agent at work on a copy, and what it has met so far."""

    copy: QueuedCopy
    agent: Generator[Any, Any, Relayed | NotRelayed]
    dispositions: dict[Rcpt, Disposition]
    asked: list[str] = field(default_factory=list)
    recoverable: bool = False  # a failure for the time being has an end that is known
    deferred: tuple[Refused, ...] = ()
    failed: list[FailedRecipient] | None = None  # told together with others of the copy; None: told at once


def recipients_of(refused: tuple[Refused, ...]) -> Recipients:
    """The recipients of all these refusals, in order."""
    return tuple(rcpt for each in refused for rcpt in each.recipients)


def split_off(copy: QueuedCopy, recipients: Recipients, dispositions: dict[Rcpt, Disposition]) -> QueuedCopy:
    """The copy for some of its recipients, as the server's decision made them."""
    hops = {rcpt: _hops_so_far(copy, dispositions[rcpt]) for rcpt in recipients}
    return replace(copy, envelope=copy.envelope.to(recipients), hops_so_far=hops)


def _hops_so_far(copy: QueuedCopy, disposition: Disposition) -> Hops:
    return copy.hops_so_far[disposition.envelope_recipient or disposition.rcpt]


def hops_of(copy: QueuedCopy, disposition: Disposition, dns: tuple[str, ...] = ()) -> Hops:
    """The hops so far of a recipient's copy, the last one now with what this server did and why."""
    *before, last = _hops_so_far(copy, disposition)
    return (*before, last._replace(rule=disposition.rule, reason=last.reason + disposition.reason, dns=last.dns + dns))


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """A group is delivered only if every member is."""
    return next((outcome for outcome in OUTCOMES if outcome in outcomes), "discarded")
