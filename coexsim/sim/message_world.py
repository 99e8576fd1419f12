"""What a message needs of its world."""

from __future__ import annotations

from typing import Literal, Protocol

from coexsim.mail.effects import Recipients, Refused
from coexsim.mail.message import Kind
from coexsim.sim.message import EnvelopeClass, Message
from coexsim.sim.rule_memory import ClassRequest
from coexsim.sim.server import MailServer, ServerWorld


class MessageWorld(ServerWorld, Protocol):
    """What a message needs of its world."""

    deferrals: int
    deferrals_when_moved: int
    """Deferrals so far, and up to the last time that a message got on or met its end."""

    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def replication(self) -> int: ...  # noqa: D102

    def start(self, message: Message, request: ClassRequest | None = None, deferred: tuple[Refused, ...] = ()) -> None:
        """A message, or a part of one, goes its own way from now on."""

    def deliver(self, message: Message, envelope: EnvelopeClass, server: MailServer) -> None:
        """Into the mail files of a server."""

    def fail(
        self, message: Message, refused: tuple[Refused, ...], server: MailServer, outcome: Literal["bounced", "expired"]
    ) -> None:
        """Given up by a server; the sender gets one notice."""

    def notify(self, message: Message, server: MailServer, kind: Kind) -> None:
        """Send a notice about mail that failed or was deferred."""

    def add_recipients(self, message: Message, added: int) -> None:
        """A group has more or fewer members than one."""

    def second_copy(self, message: Message, target: MailServer, accepted: Recipients) -> None:
        """A server has the mail, but its 250 was lost: there will be two."""

    def ended(self, message: Message) -> None:
        """The way of a message has ended."""
