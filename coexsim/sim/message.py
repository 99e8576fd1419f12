"""What moves in the simulation: a message under way, and the envelope class it shares with all messages like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from coexsim.mail.message import Envelope, Kind, Rcpt
from coexsim.sim.formulas import share_of_bytes

if TYPE_CHECKING:
    from coexsim.draw.mail_table import MailBlock

SECOND_COPY = "second-copy"
"""The `stream` of mail that a server took although its client saw no 250, so that it is sent again and arrives twice."""


class EnvelopeClass:
    """Sender, recipients and kind: what routing rules look at. One object for all messages like it, so that rules are asked once.

    `copied_at` is that of its `Envelope`.
    """

    __slots__ = ("copied_at", "count", "kind", "recipients", "sender")

    def __init__(self, sender: str, recipients: tuple[Rcpt, ...], kind: Kind, copied_at: int | None = None) -> None:
        self.sender = sender
        self.recipients = recipients
        self.kind = kind
        self.copied_at = copied_at
        self.count = sum(rcpt.count for rcpt in recipients)


class EnvelopeClasses:
    """All envelope classes of a run, each once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[Rcpt, ...], Kind, int | None], EnvelopeClass] = {}

    def get(
        self, sender: str, recipients: tuple[Rcpt, ...], kind: Kind = "mail", copied_at: int | None = None
    ) -> EnvelopeClass:
        """The class with this sender, these recipients and this kind."""
        key = (sender, recipients, kind, copied_at)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = EnvelopeClass(sender, recipients, kind, copied_at)
        return found

    def with_recipients(self, whole: EnvelopeClass, recipients: tuple[Rcpt, ...]) -> EnvelopeClass:
        """The same class of mail, with these recipients."""
        return self.copied(whole, recipients, whole.copied_at)

    def copied(self, whole: EnvelopeClass, recipients: tuple[Rcpt, ...], copied_at: int | None) -> EnvelopeClass:
        """The same class of mail, with these recipients, after its server has decided."""
        if recipients == whole.recipients and copied_at == whole.copied_at:
            return whole
        return self.get(whole.sender, recipients, whole.kind, copied_at)


class Block:
    """A block of drawn mail, with the work it will cause as columns; each is drawn when a stage first needs it."""

    __slots__ = ("first", "size_bytes", "work")

    def __init__(self, mail: MailBlock) -> None:
        self.first = mail.first
        self.size_bytes = mail.size_bytes
        self.work: dict[str, list[float]] = {}


class AttemptTimes(NamedTuple):
    """When a delivery attempt asked for a transfer thread, had it, and was connected."""

    asked_s: float
    began_s: float
    connected_s: float


class Message:
    """A message under way, or the part of it for some of its recipients: where it is, and what it has behind it.

    `number` is the mail's, the same in every alternative; `row` its place in `block`. `serial` tells a notice's draws from those of
    the mail it is about. `server` is the name of the server that has it; `passed` the machines that took it, in order.
    """

    __slots__ = (
        "attempt_times", "attempts", "block", "born_s", "came_from", "declares_size", "envelope", "failures", "hops", "left", "measured",
        "number", "passed", "queued_s", "row", "rules_met", "serial", "server", "size_bytes", "size_class", "stream", "visit",
        "wan_bytes", "warned",
    )  # fmt: skip

    def __init__(
        self, number: int, envelope: EnvelopeClass, size_bytes: int, size_class: int, born_s: float, server: str, stream: str,
        measured: bool, block: Block | None = None, row: int = 0, serial: int = 0,
    ) -> None:  # fmt: skip
        self.number = number
        self.envelope = envelope
        self.size_bytes = size_bytes
        self.size_class = size_class  # messages of one class meet the same size limits
        self.born_s = born_s
        self.server = server
        self.stream = stream
        self.measured = measured
        self.block = block
        self.row = row
        self.serial = serial
        self.came_from = "own-user"
        self.declares_size = True
        self.passed: tuple[str, ...] = ()
        self.hops = 0
        self.attempts = 0
        self.wan_bytes = 0.0
        self.queued_s = born_s  # in the queue of its server since then
        self.failures = 0  # attempts that failed there
        self.warned = False
        self.rules_met: list[tuple[str, dict[Rcpt, tuple[str, str]]]] | None = None  # of named messages only
        self.visit = -1  # its number in the mail log, where there is one
        self.attempt_times: AttemptTimes | None = None  # of the one that carries it, for the mail log
        self.left: EnvelopeClass | None = None  # during an attempt: recipients not yet taken, if not the envelope's

    def split_off(self, envelope: EnvelopeClass) -> Message:
        """A message for some of the recipients, with the same way behind it and their share of the bytes."""
        other = Message.__new__(Message)
        for name in Message.__slots__:
            setattr(other, name, getattr(self, name))
        other.narrow(envelope)
        if other.rules_met is not None:
            other.rules_met = list(other.rules_met)
        return other

    def narrow(self, envelope: EnvelopeClass) -> None:
        """Go on with some of the recipients, and their share of the bytes."""
        if envelope is not self.envelope:
            self.wan_bytes = self.wan_share(envelope.count)
            self.envelope = envelope
        self.left = None

    def wan_share(self, recipients: int) -> float:
        """What some of the recipients account for of the bytes put on links."""
        return share_of_bytes(self.wan_bytes, recipients, self.envelope.count)

    def as_envelope(self) -> Envelope:
        """As the rules want it."""
        envelope = self.envelope
        return Envelope(
            envelope.sender, envelope.recipients, self.size_bytes, self.passed, self.declares_size, envelope.kind,
            envelope.copied_at,
        )  # fmt: skip
