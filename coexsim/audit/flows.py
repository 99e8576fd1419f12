"""All that can be sent: every class of sender to every class of recipient, where it goes, and which of it goes round in a loop.

Loops are found in the graph of decisions (which server passes which address on to which other): a set-up that would bounce a message
fifty times between two servers, or double it each time, is told apart before anything is traced.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import NamedTuple

from coexsim.audit.classes import SMALL_BYTES, pairs, recipients, senders
from coexsim.audit.mail_class import MailClass
from coexsim.mail.at_once import attempt_at_once
from coexsim.mail.dialogue import receive
from coexsim.mail.dns import DnsFailure, MailHosts
from coexsim.mail.effects import Attempt, Recipients, TransactionResult
from coexsim.mail.message import Envelope, NextHop, Rcpt, fold
from coexsim.mail.policy import Policy
from coexsim.mail.reach import hosts_at_once
from coexsim.mail.routing import decide
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.mail.traced import Copy, RecipientRoute, Route


class Stop(NamedTuple):
    """A copy for one address at a server, who handed it in, and its sender: a server may refuse some of them."""

    server: str
    came_from: str
    address: str
    sender: str


class Flow(NamedTuple):
    """Mail of one class to another: its trace, or the servers of the loop it gets into."""

    sender: MailClass
    recipient: MailClass
    address: str
    size_bytes: int
    loop: tuple[str, ...] = ()
    trace: Route | None = None

    @property
    def route(self) -> RecipientRoute | None:
        """What became of the recipient; None in a loop."""
        return self.trace.recipients[0] if self.trace else None

    @property
    def delivered(self) -> bool:
        """It arrived."""
        return self.trace is not None and self.trace.outcome == "delivered"

    @property
    def delivered_to_some(self) -> bool:
        """It did not arrive everywhere, but at one member of a group at least."""
        return (
            not self.delivered and self.route is not None and any(c.outcome == "delivered" for c in self.route.copies)
        )

    @property
    def outcome(self) -> str:
        """An outcome of a trace, or ``loop``."""
        return self.trace.outcome if self.trace else "loop"

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers passed; of a loop, once round."""
        return self.trace.servers if self.trace else self.loop

    @property
    def words(self) -> str:
        """All that was said about why it did not arrive."""
        if self.trace is None or self.delivered:
            return ""
        lost = [copy for recipient in self.trace.recipients for copy in recipient.copies if copy.outcome != "delivered"]
        return _words(lost)

    @property
    def notice_words(self) -> str:
        """All that was said about why a notice about it did not arrive."""
        copies = [notice.copy for notice in self.trace.notices if notice.copy] if self.trace else []
        return _words([copy for copy in copies if copy.reply])

    def __str__(self) -> str:
        return f"{self.sender.name} -> {self.recipient.name}"


def _words(copies: list[Copy]) -> str:
    """``onprem: why it did so. the reply`` of each copy's last server."""
    last = [(copy.hops[-1] if copy.hops else None, copy.reply) for copy in copies]
    return " | ".join(f"{hop.server}: {hop.reason}. {reply or ''}" if hop else str(reply) for hop, reply in last)


def all_flows(setup: Setup) -> list[Flow]:
    """Every pair of classes of senders and recipients."""
    known: dict[Stop, tuple[Stop, ...]] = {}
    return [
        flow(setup, sender, recipient, known=known) for sender, recipient in pairs(senders(setup), recipients(setup))
    ]


def flow(
    setup: Setup, sender: MailClass, recipient: MailClass, size_bytes: int = SMALL_BYTES,
    known: dict[Stop, tuple[Stop, ...]] | None = None,
) -> Flow:  # fmt: skip
    """Where mail of a class to another goes. `known` remembers the graph of decisions from call to call."""
    address = recipient.other_than(sender.address)
    server = setup.submission_server(sender.address)
    envelope = Envelope(sender.address, (Rcpt(address),), size_bytes)
    # What its own server does not take goes nowhere, however the servers behind it point at each other.
    if server is not None and receive(setup, server, "own-user", envelope).accepted:
        circle = find_loop(
            setup, Stop(server, "own-user", fold(address), sender.address), {} if known is None else known
        )
        if circle:
            return Flow(sender, recipient, address, size_bytes, loop=circle)
    return Flow(
        sender, recipient, address, size_bytes, trace=trace(setup, sender.address, address, size_bytes=size_bytes)
    )


def find_loop(setup: Setup, start: Stop, known: dict[Stop, tuple[Stop, ...]]) -> tuple[str, ...]:
    """The servers of a loop that mail gets into from `start`; empty if it always comes to an end."""
    way: dict[Stop, Iterator[Stop]] = {}  # from the start to here, each with what is still to be looked at
    done: set[Stop] = set()
    here: Stop | None = start
    while here is not None or way:
        if here is None:
            done.add(way.popitem()[0])
        elif here in way:
            names = [stop.server for stop in way]
            return tuple(names[list(way).index(here) :])
        elif here not in done:
            if here not in known:
                known[here] = tuple(_next(setup, here))
            way[here] = iter(known[here])
        here = next(way[next(reversed(way))], None) if way else None
    return ()


def loop_end(setup: Setup, loop: tuple[str, ...]) -> tuple[int, str]:
    """How many transactions a loop costs, and the limit that ends it, in words."""
    ends = []
    once_round = sum(setup.machine_of(name) == name for name in loop)  # a role is handed the mail on its machine
    for name in loop:
        policy = setup.policies[name]
        ends.append((policy.hop_limit, f"hop limit of {name} ({policy.hop_limit})"))
        if policy.local_hop_limit is not None:
            limit = policy.local_hop_limit
            ends.append((limit * once_round, f"local hop limit of {name} ({limit})"))
    return min(ends, key=lambda end: end[0])


def _next(setup: Setup, stop: Stop) -> Iterator[Stop]:
    """Where the copies that a server makes of this one go: one decision, DNS answered at once, nobody out of service."""
    envelope = Envelope(stop.sender, (Rcpt(stop.address),)).with_received(setup.machine_of(stop.server))
    decision = decide(setup, stop.server, envelope, stop.came_from)
    for disposition in decision.dispositions:
        address = fold(disposition.rcpt.address)
        if disposition.action == "hand-over" and disposition.role is not None:
            yield Stop(disposition.role, stop.came_from, address, stop.sender)
        elif disposition.action == "send" and disposition.hop is not None:
            server = server_that_takes(setup, stop.server, disposition.hop, envelope.to((disposition.rcpt,)))
            if server:
                yield Stop(server, stop.server, address, stop.sender)


def hosts_behind(setup: Setup, hop: NextHop, policy: Policy | None = None) -> MailHosts | DnsFailure:
    """What DNS says of a next hop at the beginning, as asked by a server (or by anybody outside)."""
    return hosts_at_once(setup, hop, policy, setup.state_at(0.0))


def server_that_takes(setup: Setup, client: str, hop: NextHop, envelope: Envelope) -> str | None:
    """The server at a next hop that takes mail for one recipient in the end; None if it is refused or nobody listens.

    Where all hosts say "later" (greylisting does at first), the mail comes again.
    """
    for first_time in (True, False):
        tried = _attempt(setup, client, hop, envelope, first_time=first_time)
        if not tried.deferred:
            return tried.host.server if tried.host else None
    return None


def _attempt(setup: Setup, client: str, hop: NextHop, envelope: Envelope, *, first_time: bool) -> Attempt:
    """One attempt of the delivery agent, nobody out of service; on `first_time`, who greylists says "later"."""

    def take(server: str, recipients: Recipients) -> TransactionResult:
        greylists = first_time and setup.policies[server].greylist_s is not None
        return receive(
            setup, server, client, envelope.to(recipients), greylisted=_everybody if greylists else None
        ).result

    return attempt_at_once(setup, client, envelope.recipients, hop, setup.state_at(0.0), take)


def _everybody(_client: str, _sender: str, _recipient: str) -> bool:
    return True


def impatient(setup: Setup) -> Setup:
    """The same set-up, where mail that cannot be handed on at the first try is left in the queue: for outages without end.

    Where a server greylists, first tries fail by design, and retries are kept.
    """
    if any(policy.greylist_s is not None for policy in setup.policies.values()):
        return setup
    other = copy(setup)
    other.policies = {
        name: policy._replace(retry=policy.retry._replace(expire_after_s=0.0))
        for name, policy in setup.policies.items()
    }
    return other
