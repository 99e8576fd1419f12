"""What moves in the simulation: a copy of a message, and the letter it shares with all messages of its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coexsim.mail.message import Envelope, Kind, Rcpt

if TYPE_CHECKING:
    from coexsim.sim.senders import Block
    from coexsim.sim.server import MailServer


class Letter:
    """Sender, recipients and kind: what routing rules look at. One object a class of mail, so that rules are asked once."""

    __slots__ = ("count", "kind", "recipients", "sender")

    def __init__(self, sender: str, recipients: tuple[Rcpt, ...], kind: Kind) -> None:
        self.sender = sender
        self.recipients = recipients
        self.kind = kind
        self.count = sum(rcpt.count for rcpt in recipients)


class Letters:
    """All letters of a run, each once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[Rcpt, ...], Kind], Letter] = {}

    def get(self, sender: str, recipients: tuple[Rcpt, ...], kind: Kind = "mail") -> Letter:
        """The letter with this sender, these recipients and this kind."""
        key = (sender, recipients, kind)
        letter = self._known.get(key)
        if letter is None:
            letter = self._known[key] = Letter(sender, recipients, kind)
        return letter


class Copy:
    """A copy of a message on its way: where it is, and what it has behind it.

    `number` is the mail's, the same in every alternative; `row` its place in `block`, which holds the work drawn at its birth.
    `serial` tells a notice's draws from those of the mail it is about.
    """

    __slots__ = (
        "attempts", "block", "born_s", "came_from", "declares_size", "failures", "first_failure_s", "hops", "hosts_left",
        "letter", "measured", "number", "passed", "path", "queued_s", "row", "serial", "server", "sessions", "size_bytes", "size_class",
        "stream", "wan_bytes", "warned",
    )  # fmt: skip

    def __init__(
        self, number: int, letter: Letter, size_bytes: int, size_class: int, born_s: float, server: MailServer, stream: str, measured: bool,
        block: Block | None = None, row: int = 0, serial: int = 0,
    ) -> None:  # fmt: skip
        self.number = number
        self.letter = letter
        self.size_bytes = size_bytes
        self.size_class = size_class
        self.born_s = born_s
        self.server = server
        self.stream = stream
        self.measured = measured
        self.block = block
        self.row = row
        self.serial = serial
        self.came_from = "own-user"
        self.declares_size = True
        self.passed: tuple[str, ...] = (server.machine,)
        self.hops = 0
        self.attempts = 0
        self.wan_bytes = 0.0
        self.queued_s = born_s
        self.failures = 0
        self.first_failure_s = 0.0
        self.warned = False
        self.hosts_left: tuple[
            str, ...
        ] = ()  # addresses still to be tried after a host that said "later" to some recipients
        self.sessions = 0  # had with such hosts in this attempt
        self.path: list[tuple[str, dict[Rcpt, tuple[str, str]]]] | None = None  # of named messages only

    def part(self, letter: Letter) -> Copy:
        """A copy for some of the recipients, with the same way behind it and their share of the bytes."""
        other = Copy.__new__(Copy)
        for name in Copy.__slots__:
            setattr(other, name, getattr(self, name))
        other.narrow(letter)
        if other.path is not None:
            other.path = list(other.path)
        return other

    def narrow(self, letter: Letter) -> None:
        """Go on with some of the recipients, and their share of the bytes."""
        if letter is not self.letter:
            self.wan_bytes = self.wan_share(letter.count)
            self.letter = letter

    def wan_share(self, recipients: int) -> float:
        """What some of the recipients account for of the bytes put on links."""
        return self.wan_bytes * recipients / self.letter.count

    def envelope(self) -> Envelope:
        """As the rules want it."""
        return Envelope(
            self.letter.sender,
            self.letter.recipients,
            self.size_bytes,
            self.passed,
            self.declares_size,
            self.letter.kind,
        )
