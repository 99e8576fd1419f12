"""What every server did with every message, as mail logs have it: visits of a message at a machine, and how each recipient left it.

Only a run that is asked for it keeps this (a kilobyte a message); the writers of logs make files of it.
"""

from __future__ import annotations

from math import nan
from typing import Literal, NamedTuple

from coexsim.mail.effects import Refused
from coexsim.mail.message import Kind, Rcpt, Reply
from coexsim.sim.message import AttemptTimes, EnvelopeClass, Message

How = Literal["sent", "delivered", "deferred", "bounced", "expired"]


class Parting(NamedTuple):
    """Recipients that left a visit, or did not get on: how, when, to whom. `visit`: the one that it led to."""

    how: How
    at_s: float
    recipients: tuple[Rcpt, ...]
    to: str = ""  # server; empty: nobody was reached
    reply: Reply | None = None
    times: AttemptTimes | None = None
    visit: int = -1


class Visit:
    """A message, or the part of one that came together, in the queue of a machine."""

    __slots__ = (
        "arrived_s",
        "client",
        "hops",
        "kind",
        "machine",
        "mail",
        "number",
        "parent",
        "partings",
        "recipients",
        "sender",
        "size_bytes",
        "worked_s",
    )  # fmt: skip

    def __init__(self, number: int, machine: str, message: Message, parent: int, now_s: float) -> None:
        envelope = message.envelope
        self.number = number
        self.machine = machine
        self.mail = message.number
        self.kind: Kind = envelope.kind
        self.sender = envelope.sender
        self.recipients = envelope.recipients
        self.size_bytes = message.size_bytes
        self.client = message.came_from
        self.hops = message.hops
        self.parent = parent
        self.arrived_s = now_s
        self.worked_s = nan  # its work at the cores was done
        self.partings: list[Parting] = []


class RefusedMail(NamedTuple):
    """Recipients that were refused to the client that handed the message in."""

    machine: str
    at_s: float
    mail: int
    sender: str
    size_bytes: int
    client: str
    refused: tuple[Refused, ...]
    is_whole: bool  # nobody was accepted


class MailLog:
    """All visits of a run, by number, and what was refused at submission."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self.refused_mail: list[RefusedMail] = []

    def enter(self, machine: str, message: Message, now_s: float) -> None:
        """The message is in a machine's queue now. Roles of one machine hand it to each other without a new visit."""
        before = self.visits[message.visit] if message.visit >= 0 else None
        if before is not None and before.hops == message.hops and before.machine == machine:
            return
        number = len(self.visits)
        parent = -1 if before is None else before.number
        self.visits.append(Visit(number, machine, message, parent, now_s))
        if before is not None and message.attempt_times is not None:
            recipients = message.envelope.recipients
            before.partings.append(Parting("sent", now_s, recipients, machine, None, message.attempt_times, number))
        message.visit, message.attempt_times = number, None

    def worked(self, message: Message, now_s: float) -> None:
        """The work at the cores of a message's server is done."""
        self.visits[message.visit].worked_s = now_s

    def delivered(self, message: Message, envelope: EnvelopeClass, done_s: float) -> None:
        """Into the mail files of the machine."""
        self.visits[message.visit].partings.append(Parting("delivered", done_s, envelope.recipients))

    def failed(self, message: Message, refused: tuple[Refused, ...], how: How, now_s: float) -> None:
        """Given up."""
        partings = self.visits[message.visit].partings
        told = [one for one in refused if not one.reply.discards]
        partings += [Parting(how, now_s, one.recipients, one.host, one.reply) for one in told]
        partings += [Parting("delivered", now_s, one.recipients) for one in refused if one.reply.discards]

    def deferred(
        self, message: Message, deferred: tuple[Refused, ...], to: str, times: AttemptTimes | None, now_s: float
    ) -> None:
        """Not got on in an attempt at `to`, to be tried again."""
        partings = self.visits[message.visit].partings
        partings += [Parting("deferred", now_s, one.recipients, one.host or to, one.reply, times) for one in deferred]

    def refused(self, machine: str, message: Message, refused: tuple[Refused, ...], now_s: float) -> None:
        """Recipients refused to the client."""
        count = sum(rcpt.count for one in refused for rcpt in one.recipients)
        envelope = message.envelope
        is_whole = count >= envelope.count
        self.refused_mail.append(
            RefusedMail(
                machine,
                now_s,
                message.number,
                envelope.sender,
                message.size_bytes,
                message.came_from,
                refused,
                is_whole,
            )
        )
