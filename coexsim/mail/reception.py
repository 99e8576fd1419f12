"""An SMTP dialogue as the rules see it: who offers what to whom; and its outcome, recipient by recipient."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from coexsim.mail.case import may_relay
from coexsim.mail.effects import Host, Refused, TransactionResult, split_by_time
from coexsim.mail.message import Client, Command, Envelope, Rcpt, Reply, domain_of
from coexsim.mail.policy import Policy, Rate
from coexsim.mail.reach import WhyNotReached
from coexsim.mail.replies import at_host, reply, softened
from coexsim.mail.setup import Setup, State
from coexsim.mail.verify_cache import Verified

Greylisted = Callable[[str, str, str], bool]
Allowed = Callable[[Rate, str, str, int], int]
"""Given a limit, a sender, a recipient (empty for the whole message) and a number: how many are within the limit, counted from now on."""


class Refusal(NamedTuple):
    """A recipient that was not taken in the SMTP dialogue, the reply, and how far the dialogue had come.

    `recoverable`: the refusal ends by itself, at a time that is known. `by_client`: it is the client that gives up, and whose reply it is.
    """

    rcpt: Rcpt
    reply: Reply
    command: Command
    rule: str
    recoverable: bool = False
    by_client: bool = False

    def at(self, host: Host, server: str) -> Refused:
        """As the client tells it: what the host said, or what the client itself says of it."""
        where = f"{host.name}[{host.address}]"
        if self.by_client:
            own = at_host(self.reply, where)
            return Refused((self.rcpt,), own, host.name, f"{server} does not offer what it needs: {own}")
        said = self.reply._replace(text=f"{where} said: {self.reply}")
        return Refused((self.rcpt,), said, host.name, f"{server} refused it: {self.reply}")


class Reception(NamedTuple):
    """The outcome of an SMTP dialogue, recipient by recipient."""

    accepted: tuple[Rcpt, ...]
    refused: tuple[Refusal, ...]

    @property
    def body_sent(self) -> bool:
        """The body was transferred: somebody was accepted, or the refusal came after it."""
        return bool(self.accepted) or any(refusal.command == "data" for refusal in self.refused)

    @property
    def result(self) -> TransactionResult:
        """As the client sees it."""
        return TransactionResult(self.accepted, *split_by_time(Refused((r.rcpt,), r.reply) for r in self.refused))


class Dialogue(NamedTuple):
    """Who offers what to whom, in which state of the world; and how it is refused."""

    setup: Setup
    policy: Policy
    client: Client
    envelope: Envelope
    state: State
    greylisted: Greylisted | None
    why_not: WhyNotReached | None = None
    allowed: Allowed | None = None
    verified: Verified | None = None

    @property
    def own_user(self) -> bool:
        """Is the client a user of the server's own, who hands mail in."""
        return self.client == "own-user"

    @property
    def trusted(self) -> bool:
        """May it relay: an own user, or a server (by the address of its machine) that is trusted."""
        return may_relay(self.setup, self.policy, self.client)

    @property
    def rates(self) -> tuple[Rate, ...]:
        """The limits of rates that this mail counts against."""
        policy = self.policy
        if self.allowed is None or not policy.rates or (policy.rates_spare_trusted and self.trusted):
            return ()
        return tuple(r for r in policy.rates if r.own_users == self.own_user and not r.waits)

    def no(
        self, rcpt: Rcpt, cause: str, rule: str, address: str = "", command: Command = "rcpt", detail: str = "",
        *, recoverable: bool = False,
    ) -> Refusal:  # fmt: skip
        """A refusal for a cause, in the words of the server's product."""
        address = address or rcpt.address
        said = reply(self.policy.product, cause, address=address, domain=domain_of(address), detail=detail)
        return self.refused(rcpt, said, command, rule, recoverable=recoverable)

    def refused(self, rcpt: Rcpt, said: Reply, command: Command, rule: str, *, recoverable: bool = False) -> Refusal:
        """A refusal with this reply, or a softer one."""
        return Refusal(rcpt, softened(said) if self.policy.soft_bounces else said, command, rule, recoverable)
