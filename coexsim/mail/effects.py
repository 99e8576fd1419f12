"""What the delivery agent wants done, one type an effect, and what its driver sends back.

An effect's docstring says what is sent back. `delivery.py` is the agent; its drivers are ``trace_driver.py``, ``at_once.py`` and
``sim/transfer.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from coexsim.mail.message import NextHop, Rcpt, Reply
from coexsim.mail.retry import Wait

Recipients = tuple[Rcpt, ...]
DestinationState = Literal["alive", "dead", "busy", "unclear", "frozen"]
Trouble = Literal["host", "connection", "message"]


class Host(NamedTuple):
    """One address of a mail host, and the server of the scenario that has this address."""

    name: str
    address: str
    server: str | None
    port: int = 25


class Refused(NamedTuple):
    """Recipients that did not get on, the reply, the host that gave it (none: nobody was reached), and why, in words."""

    recipients: Recipients
    reply: Reply
    host: str = ""
    reason: str = ""


class TransactionResult(NamedTuple):
    """The result of one SMTP transaction: recipients accepted, refused permanently (5xx), and refused temporarily (4xx)."""

    accepted: Recipients
    failed: tuple[Refused, ...] = ()
    deferred: tuple[Refused, ...] = ()


class Unreachable(NamedTuple):
    """The connection failed. Trouble with the ``host``: other mail need not try it; it turned this ``connection`` away (421), or
    had no room for the ``message`` (452).
    """

    reply: Reply
    trouble: Trouble = "host"


class Interrupted(NamedTuple):
    """The sending server itself went down: the attempt counts for nothing, and is made again."""


class Attempt(NamedTuple):
    """The result of one delivery attempt.

    `accepted` went to `host`, the last one that answered. `destination` is ``dead`` where no host answered, and other mail need not
    try them; ``frozen`` where the set-up leads nowhere and mail is frozen for it; ``busy`` where the last one turned the connection
    away; ``unclear`` where it only had no room for this message.
    `interrupted` are those that the attempt broke off with: they are offered again.
    """

    host: Host | None
    accepted: Recipients
    failed: tuple[Refused, ...]
    deferred: tuple[Refused, ...]
    destination: DestinationState
    interrupted: Recipients = ()


class Timing(NamedTuple):
    """The time now; when the server's queue runs begin (None: as its schedule says); when a suspended destination is tried again
    (None: it is not suspended).
    """

    now_s: float
    phase_s: float | None = None
    due_s: float | None = None


class Begin(NamedTuple):
    """Begin an attempt, as soon as there is a transfer thread for it. Sent back: None, or the reply of a suspended destination."""

    hop: NextHop


class Resolve(NamedTuple):
    """Ask DNS for the hosts of a next hop. Sent back: the hosts in the order to try them, or a `DnsFailure`."""

    hop: NextHop


class Connect(NamedTuple):
    """Connect to a host. Sent back: None, `Unreachable` or `Interrupted`."""

    host: Host


class Offer(NamedTuple):
    """Offer recipients to the host that is connected. Sent back: `TransactionResult`, `Unreachable` or `Interrupted`.

    `source` is the number of the own address that the connection comes from.
    """

    host: Host
    recipients: Recipients
    source: int = 0


class Accepted(NamedTuple):
    """These recipients are the host's from now on, while the attempt goes on with others. Sent back: None."""

    host: Host
    recipients: Recipients


class EndAttempt(NamedTuple):
    """The attempt is over, and the transfer thread free. `attempt` is None where it was interrupted.

    Sent back: True where the attempt is made again at once: the connection was refused or lost, but sessions with the same destination
    go on, and these recipients wait for one of them.
    """

    hop: NextHop
    attempt: Attempt | None


class Fail(NamedTuple):
    """These recipients are given up; their sender gets a notice. Sent back: None."""

    refused: tuple[Refused, ...]
    outcome: Literal["bounced", "expired"]


class Postpone(NamedTuple):
    """These recipients stay in the queue as a message of their own (see `defer`); the others go on. Sent back: None."""

    deferred: tuple[Refused, ...]


class LookAtClock(NamedTuple):
    """Sent back: a `Timing`."""


class Defer(NamedTuple):
    """When these recipients are tried again or given up. Sent back: None."""

    deferred: tuple[Refused, ...]
    wait: Wait


class WaitUntil(NamedTuple):
    """Wait until a time, and on until the server is up. Sent back: the time then."""

    time_s: float


class Warn(NamedTuple):
    """Tell the sender that these recipients were deferred. Sent back: None."""

    deferred: tuple[Refused, ...]


Effect = (
    Begin | Resolve | Connect | Offer | Accepted | EndAttempt | Fail | Postpone | LookAtClock | Defer | WaitUntil | Warn
)  # fmt: skip


def split_by_time(refused: Iterable[Refused]) -> tuple[tuple[Refused, ...], tuple[Refused, ...]]:
    """Permanent refusals, and temporary ones."""
    every = tuple(refused)
    return tuple(one for one in every if not one.reply.temporary), tuple(one for one in every if one.reply.temporary)
