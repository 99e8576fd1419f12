"""What the rules say of a class of mail at a server, asked once for each class and state of the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from coexsim.mail.delivery import Greylist, Refused, Session, split_by_time
from coexsim.mail.dialogue import contact, receive
from coexsim.mail.disposition import Disposition
from coexsim.mail.message import NextHop, Rcpt, Reply
from coexsim.mail.routing import decide
from coexsim.mail.setup import Setup, State
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.sim.message import EnvelopeClass, EnvelopeClasses, Message

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
    def side_of(self, address: str, version: int) -> str: ...  # noqa: D102


class Forwarding(NamedTuple):
    """Recipients that go on: to a next hop, or to a role on the same machine."""

    envelope: EnvelopeClass
    hop: NextHop | None
    role: str | None


class ClassDecision(NamedTuple):
    """What a server does with a class of mail: who is delivered here, what goes on, who fails.

    `added` are recipients that groups have added, net; `rules` say rule and reason for every recipient.
    """

    delivered: tuple[EnvelopeClass, ...]
    onward: tuple[Forwarding, ...]
    failed: tuple[Refused, ...]
    added: int
    rules: dict[Rcpt, tuple[str, str]]


class ClassReception(NamedTuple):
    """What a server takes of a class of mail in the SMTP dialogue, and whether it comes to the body."""

    session: Session
    body: bool


class RuleMemory:
    """The rules of one server, and what they have said."""

    def __init__(self, world: RulesWorld, server: str) -> None:
        self._world = world
        self._server = server
        self._greylist_s = world.setup.policies[server].greylist_s
        self._greylist = Greylist()
        self._probes = world.setup.policies[server].verifies == "probe"
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
        self, message: Message, envelope: EnvelopeClass, client: str, which: int, now_s: float
    ) -> ClassReception:
        """What this server takes of a message that a client offers for the recipients of `envelope`.

        `which` of the client's senders it is matters to greylisting only.
        """
        if self._greylist_s is not None or self._probes:
            return self._receive(message, envelope, client, which, now_s)
        key = (envelope, client, message.size_class, message.passed)
        found = self._receptions.get(key)
        if found is None:
            found = self._receptions[key] = self._receive(message, envelope, client, which, now_s)
        return found

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
        part = world.envelopes.part
        return ClassDecision(
            tuple(self._by_side(envelope, tuple(v.rcpt for v in of.get("deliver", ())))),
            tuple(Forwarding(part(envelope, t.recipients), t.hop, t.role) for t in decision.transfers),
            tuple(_by_reply(failed)),
            kept - envelope.count,
            {v.rcpt: (v.rule, v.reason) for v in dispositions if v.action != "duplicate"},
        )

    def _receive(
        self, message: Message, envelope: EnvelopeClass, client: str, which: int, now_s: float
    ) -> ClassReception:
        world, delay_s = self._world, self._greylist_s

        def is_grey(client: str, sender: str, rcpt: str) -> bool:
            assert delay_s is not None
            addresses = world.setup.policies[client].outgoing_addresses
            known_by = contact(world.setup, self._server, client, (which + message.failures) % addresses)
            return self._greylist.turns_away(str(which // addresses), known_by, sender, rcpt, now_s, delay_s)

        def is_reached(_client: str, server: str) -> bool:
            return world.downtimes[server].is_up(now_s)

        offered = message.as_envelope()._replace(recipients=envelope.recipients)
        reception = receive(
            world.setup, self._server, client, offered, world.state, None if delay_s is None else is_grey, is_reached
        )
        failed, late = split_by_time(_by_reply([(refusal.rcpt, refusal.reply) for refusal in reception.refused]))
        accepted = envelope.recipients if reception.accepted == envelope.recipients else reception.accepted
        return ClassReception(Session(accepted, failed, late), reception.body_sent)

    def _by_side(self, envelope: EnvelopeClass, recipients: Recipients) -> Iterator[EnvelopeClass]:
        world = self._world
        sides: dict[str, list[Rcpt]] = {}
        for rcpt in recipients:
            sides.setdefault(world.side_of(rcpt.written, world.state.version), []).append(rcpt)
        for rcpts in sides.values():
            yield world.envelopes.part(envelope, tuple(rcpts))


def _by_reply(refused: list[tuple[Rcpt, Reply]]) -> Iterator[Refused]:
    """Recipients with the same reply together; its text, which no table shows, is left out."""
    by_reply: dict[Reply, list[Rcpt]] = {}
    for rcpt, said in refused:
        by_reply.setdefault(said._replace(text=""), []).append(rcpt)
    for said, rcpts in by_reply.items():
        yield Refused(tuple(rcpts), said)


__all__ = ["ClassDecision", "ClassReception", "Forwarding", "RuleMemory", "RulesWorld"]
