"""What the rules say of a class of mail at a server, asked once for each class and state of the world."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import NamedTuple, Protocol

from coexsim.mail.case import Disposition
from coexsim.mail.dialogue import receive
from coexsim.mail.effects import Refused, TransactionResult, split_by_time
from coexsim.mail.greylist import Greylist, greylist_key
from coexsim.mail.message import NextHop, Rcpt, Reply, fold
from coexsim.mail.policy import Rate
from coexsim.mail.reach import why_unreached
from coexsim.mail.routing import copied_at, decide
from coexsim.mail.setup import Setup, State
from coexsim.mail.verify_cache import VerifyCache
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.flows import Flows
from coexsim.sim.message import EnvelopeClass, EnvelopeClasses, Message
from coexsim.sim.network import Network
from coexsim.sim.rates import RateCounts

Recipients = tuple[Rcpt, ...]


class RulesWorld(Protocol):
    """What the rules are asked with."""

    @property
    def setup(self) -> Setup: ...  # noqa: D102
    @property
    def state(self) -> State: ...  # noqa: D102
    @property
    def envelopes(self) -> EnvelopeClasses: ...  # noqa: D102
    @property
    def downtimes(self) -> Mapping[str, DowntimeSchedule]: ...  # noqa: D102
    @property
    def network(self) -> Network: ...  # noqa: D102
    @property
    def flows(self) -> Flows: ...  # noqa: D102


class ClassRequest(NamedTuple):
    """A `DeliveryRequest` for a class of mail: recipients that go to a next hop, or to a role on the same machine."""

    envelope: EnvelopeClass
    hop: NextHop | None
    role: str | None


class ClassDecision(NamedTuple):
    """What a server does with a class of mail: who is delivered here, who is sent on, who fails.

    `added` are recipients that groups have added, net; `rules` say rule and reason for every recipient.
    """

    delivered: tuple[EnvelopeClass, ...]
    requests: tuple[ClassRequest, ...]
    failed: tuple[Refused, ...]
    added: int
    rules: dict[Rcpt, tuple[str, str]]


class ClassReception(NamedTuple):
    """What a server takes of a class of mail in the SMTP dialogue, and whether it comes to the body."""

    result: TransactionResult
    body: bool


class RuleMemory:
    """The rules of one server, and what they have said."""

    def __init__(self, world: RulesWorld, server: str) -> None:
        self._world = world
        self._server = server
        self._greylist_s = world.setup.policies[server].greylist_s
        self._greylist = Greylist()
        times = world.setup.policies[server].verify_times
        self._verify = None if times is None else VerifyCache(times)
        self._rates = world.setup.policies[server].rates
        self._counts = RateCounts()
        self._decisions: dict[tuple[object, ...], ClassDecision] = {}
        self._receptions: dict[tuple[object, ...], ClassReception] = {}
        self._of_recipients: dict[tuple[object, ...], dict[Rcpt, tuple[Disposition, ...]]] = {}

    def forget(self) -> None:
        """The state of the world has changed: ask the rules anew."""
        self._decisions.clear()
        self._receptions.clear()
        self._of_recipients.clear()

    def decision(self, message: Message) -> ClassDecision:
        """What to do with mail that was taken."""
        key = (message.envelope, message.came_from, message.size_class, message.passed)
        found = self._decisions.get(key)
        if found is None:
            found = self._decisions[key] = self._decide(message)
        return found

    def reception(
        self, message: Message, envelope: EnvelopeClass, client: str, which: int, now_s: float, source: int = 0
    ) -> ClassReception:
        """What this server takes of a message that a client offers for the recipients of `envelope`.

        `which` of the client's senders it is, and the number of its own address (`source`), matter to greylisting; the former also to
        limits of each client.
        """
        if self.asks_each(envelope, client):
            return self._receive(message, envelope, client, which, now_s, source)
        key = (envelope, client, message.size_class, message.declares_size, message.passed)
        found = self._receptions.get(key)
        if found is None:
            found = self._receptions[key] = self._receive(message, envelope, client, which, now_s, source)
        return found

    def asks_each(self, envelope: EnvelopeClass, client: str) -> bool:
        """May the answer to a client differ from one message of a class to the next."""
        if self._greylist_s is not None or self._verify is not None:
            return True
        return bool(self._rates) and any(
            (rate.own_users == (client == "own-user"))
            and any(self._whose(rate, client, 0, envelope.sender, rcpt.address) for rcpt in envelope.recipients)
            for rate in self._rates
            if rate.counts != "connections"
        )

    def _whose(self, rate: Rate, client: str, which: int, sender: str, recipient: str) -> Hashable:
        """Whose messages or recipients a limit counts; None: nobody's, as the address stands for many mailboxes."""
        policy, setup = self._world.setup.policies[self._server], self._world.setup
        if rate.of in ("client", "pair") and client in policy.own_clients:
            return None
        sender, recipient = fold(sender), fold(recipient)
        if (rate.of in ("sender", "pair") and (not sender or sender in setup.crowds)) or (
            rate.of in ("mailbox", "pair") and recipient in setup.crowds
        ):
            return None
        return {
            "client": (client, which), "sender": sender, "mailbox": recipient, "pair": (sender, recipient), "everyone": "everyone",
        }[rate.of]  # fmt: skip

    def outbox_s(self, sender: str, now_s: float) -> float:
        """When a message of an own user's leaves the user's Outbox, which keeps what is too much at once."""
        for rate, whose in self.outbox_limits(sender):
            now_s = self._counts.turn_s(rate, whose, now_s)
        return now_s

    def outbox_limits(self, sender: str) -> Iterator[tuple[Rate, Hashable]]:
        """The limits by which an own user's Outbox keeps what is too much at once, and whose messages each counts."""
        for rate in self._rates:
            whose = self._whose(rate, "own-user", 0, sender, "") if rate.waits else None
            if whose is not None:
                yield rate, whose

    def spares(self, client: str) -> bool:
        """Do limits of rates not count this client."""
        policy, setup = self._world.setup.policies[self._server], self._world.setup
        return policy.rates_spare_trusted and not {client, setup.machine_of(client)}.isdisjoint(policy.relays_for)

    def admits_connection(self, client: str, which: int, now_s: float) -> bool:
        """Is another connection of a client within the limits of their rate."""
        return self.spares(client) or all(
            self._counts.take(rate, (client, which), 1, now_s) for rate in self._rates if rate.counts == "connections"
        )

    def _decide(self, message: Message) -> ClassDecision:
        world, envelope = self._world, message.envelope
        alike = (envelope.sender, envelope.kind, message.came_from, message.size_class, message.passed)
        known = self._of_recipients.setdefault(alike, {})
        decision = decide(world.setup, self._server, message.as_envelope(), message.came_from, world.state, known)
        dispositions = decision.dispositions
        of: dict[str, list[Disposition]] = {}
        for disposition in dispositions:
            of.setdefault(disposition.action, []).append(disposition)
        failed = [
            (disposition.rcpt, disposition.reply) for disposition in of.get("fail", ()) if disposition.reply is not None
        ]
        kept = sum(v.rcpt.count for v in dispositions if v.action != "duplicate")
        copied, at = world.envelopes.copied, copied_at(world.setup.policies[self._server], message.as_envelope())
        return ClassDecision(
            tuple(self._by_side(envelope, tuple(v.rcpt for v in of.get("deliver", ())))),
            tuple(ClassRequest(copied(envelope, t.recipients, at), t.hop, t.role) for t in decision.requests),
            tuple(_by_reply(failed)),
            kept - envelope.count,
            {v.rcpt: (v.rule, v.reason) for v in dispositions if v.action != "duplicate"},
        )

    def _receive(
        self, message: Message, envelope: EnvelopeClass, client: str, which: int, now_s: float, source: int = 0
    ) -> ClassReception:
        world, delay_s = self._world, self._greylist_s

        def is_grey(client: str, sender: str, rcpt: str) -> bool:
            assert delay_s is not None
            if client not in world.setup.policies:
                return False  # whoever hands a named message in tried before, as in a trace
            # A client's senders are numbered; so many after one another are the addresses of one of its systems.
            addresses = world.setup.policies[client].outgoing_addresses
            known_by = greylist_key(world.setup, self._server, client, (which + source) % addresses)
            return self._greylist.turns_away(str(which // addresses), known_by, sender, rcpt, now_s, delay_s)

        def allowed(rate: Rate, sender: str, recipient: str, wanted: int) -> int:
            whose = self._whose(rate, client, which, sender, recipient)
            return wanted if whose is None else self._counts.take(rate, whose, wanted, now_s)

        def why_not(client: str, server: str) -> str | None:
            joined = world.network.between(client, server, now_s) is not None
            answers = world.setup.policies[server].listens and world.downtimes[server].is_up(now_s)
            return why_unreached(joined=joined, answers=answers)

        cache = self._verify
        offered = message.as_envelope()._replace(recipients=envelope.recipients)
        reception = receive(
            world.setup, self._server, client, offered, world.state, None if delay_s is None else is_grey, why_not,
            allowed if self._rates else None,
            None if cache is None else lambda address, probe: cache.answer(address, now_s, probe),
        )  # fmt: skip
        failed, deferred = split_by_time(_by_reply([(refusal.rcpt, refusal.reply) for refusal in reception.refused]))
        accepted = envelope.recipients if reception.accepted == envelope.recipients else reception.accepted
        return ClassReception(TransactionResult(accepted, failed, deferred), reception.body_sent)

    def _by_side(self, envelope: EnvelopeClass, recipients: Recipients) -> Iterator[EnvelopeClass]:
        world = self._world
        sides: dict[str, list[Rcpt]] = {}
        for rcpt in recipients:
            sides.setdefault(world.flows.side_of(rcpt.written, world.state.version), []).append(rcpt)
        for rcpts in sides.values():
            yield world.envelopes.with_recipients(envelope, tuple(rcpts))


def _by_reply(refused: list[tuple[Rcpt, Reply]]) -> Iterator[Refused]:
    """Recipients with the same reply together; its text, which no table shows, is left out."""
    by_reply: dict[Reply, list[Rcpt]] = {}
    for rcpt, said in refused:
        by_reply.setdefault(said._replace(text=""), []).append(rcpt)
    for said, rcpts in by_reply.items():
        yield Refused(tuple(rcpts), said)


__all__ = ["ClassDecision", "ClassReception", "ClassRequest", "RuleMemory", "RulesWorld"]
