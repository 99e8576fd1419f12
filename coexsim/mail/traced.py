"""What a trace tells: the servers passed with their rules, how each recipient ended, transactions, deferrals and notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from coexsim.cards import card
from coexsim.mail.message import Command, Reply, fold
from coexsim.pictures import Pictures
from coexsim.scenario.model import Outcome as Outcome
from coexsim.units import Moment


class Hop(NamedTuple):
    """A server that took the message, what it did with it and why, and what it asked of DNS to send it on."""

    server: str
    rule: str
    reason: str
    dns: tuple[str, ...] = ()
    at_s: float = 0.0


class Copy(NamedTuple):
    """One end of a message's way: a mailbox reached, or a failure."""

    address: str
    outcome: Outcome
    hops: tuple[Hop, ...]
    by: str | None = None
    reply: Reply | None = None
    at_s: float = 0.0
    remote: str = ""  # the host that refused it, if another server did
    is_archive: bool = False  # made by a server for an archive, beside what went to the recipient

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers that took this copy."""
        return tuple(hop.server for hop in self.hops)


def deciding(copies: Sequence[Copy]) -> list[Copy]:
    """The copies that say what became of a recipient: not those for an archive, unless there are no others."""
    return [copy for copy in copies if not copy.is_archive] or list(copies)


class Transaction(NamedTuple):
    """One SMTP transaction between two servers. `last`: the command that it came to; `rcpts_taken`: answered 250 at RCPT TO."""

    client: str
    server: str
    accepted: int
    offered: int
    body_sent: bool
    at_s: float
    rcpts_taken: int = 0
    last: Command = "data"


class Deferral(NamedTuple):
    """An attempt that failed for the time being, and when the next one is due."""

    server: str
    recipient: str
    reply: Reply
    at_s: float
    next_s: float


class Notice(NamedTuple):
    """A DSN or a delay warning that a server wrote, and where it went."""

    kind: str
    written_by: str
    to: str
    about: tuple[str, ...]
    copy: Copy | None
    at_s: float = 0.0


class RecipientRoute(NamedTuple):
    """What became of one recipient as the sender wrote it."""

    recipient: str
    outcome: Outcome
    copies: tuple[Copy, ...]
    dsn: Notice | None = None
    deferrals: tuple[Deferral, ...] = ()
    expires_s: float | None = None
    warned_s: float | None = None

    @property
    def end(self) -> Copy:
        """The copy that decides the outcome: the first of the worst ones."""
        return next(copy for copy in deciding(self.copies) if copy.outcome == self.outcome)

    @property
    def ends(self) -> dict[Outcome, int]:
        """How many copies ended how, the delivered first: of a group's members some may get the message and others not."""
        counts = Counter(copy.outcome for copy in deciding(self.copies))
        return dict(sorted(counts.items(), key=lambda each: each[0] != "delivered"))

    def say_outcome(self) -> str:
        """``bounced``; where copies end differently how many of each: ``3 delivered, 1 bounced``."""
        ends = self.ends
        said = ", ".join(f"{number} {outcome}" for outcome, number in ends.items()) if len(ends) > 1 else self.outcome
        return said.replace("_", " ")

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers passed."""
        return self.end.servers

    @property
    def hops(self) -> tuple[Hop, ...]:
        """The servers passed, each with its rule and reason."""
        return self.end.hops

    @property
    def by(self) -> str | None:
        """The server that gave it up."""
        return self.end.by

    @property
    def reply(self) -> Reply | None:
        """The reply or reason of the failure."""
        return self.end.reply

    @property
    def code(self) -> str | None:
        """The enhanced status code of the failure."""
        return self.end.reply.enhanced if self.end.reply else None

    @property
    def dsn_to(self) -> str | None:
        """Who was sent the bounce."""
        return self.dsn.to if self.dsn else None

    @property
    def dsn_servers(self) -> tuple[str, ...]:
        """The servers that the bounce passed."""
        return self.dsn.copy.servers if self.dsn and self.dsn.copy else ()


@dataclass(frozen=True, repr=False)
class Route:
    """What became of a message: its way, server by server. `start` is the moment that ``at_s`` = 0 stands for."""

    sender: str
    recipients: tuple[RecipientRoute, ...]
    transactions: tuple[Transaction, ...]
    notices: tuple[Notice, ...]
    start: Moment

    plot: ClassVar[Any] = Pictures("route")
    """Pictures as methods: ``route.plot.way(scenario)``."""

    def __repr__(self) -> str:
        ends = "; ".join(
            ": ".join(filter(None, (r.recipient, " > ".join(r.servers), r.outcome))) for r in self.recipients
        )
        return f"<Route from {self.sender or '<>'} to {ends}>"

    def _repr_html_(self) -> str:
        """For notebooks: each recipient's way, server by server, with the rule and the reason."""
        lines = [f"{r.recipient}: {r.outcome}{f' {r.code}' if r.code else ''}" for r in self.recipients]
        rows = [(r.recipient, hop.server, hop.rule, hop.reason) for r in self.recipients for hop in r.hops]
        return card(f"From {self.sender or '<>'}", lines, ["to", "server", "rule", "reason"], rows)

    def __getitem__(self, recipient: str) -> RecipientRoute:
        return next(r for r in self.recipients if fold(r.recipient) == fold(recipient))

    @property
    def outcome(self) -> Outcome:
        """The outcome of the only (or first) recipient."""
        return self.recipients[0].outcome

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers passed to the only (or first) recipient."""
        return self.recipients[0].servers
