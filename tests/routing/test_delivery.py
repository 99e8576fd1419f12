"""The delivery agent by itself: the effects it yields, with whatever is sent back."""

from __future__ import annotations

from typing import Any

import pytest

from coexsim.mail.delivery import DUE, GONE, defer, relay
from coexsim.mail.dns import DnsFailure
from coexsim.mail.effects import (
    Accepted,
    Begin,
    Connect,
    Defer,
    EndAttempt,
    Fail,
    Host,
    Interrupted,
    LookAtClock,
    Offer,
    Postpone,
    Refused,
    Resolve,
    Timing,
    TransactionResult,
    Unreachable,
    WaitUntil,
    Warn,
)
from coexsim.mail.gathered import QueuedCopy
from coexsim.mail.greylist import Greylist
from coexsim.mail.message import Envelope, NextHop, Rcpt, Reply
from coexsim.mail.policy import Policy
from coexsim.mail.retry import RetrySchedule
from tests.routing.lab import lab

ANN, BOB, EVE = (Rcpt(f"{name}@example.com") for name in ("ann", "bob", "eve"))
HOP = NextHop("example.com", by_mx=True)
MX1, MX2, MX3 = (Host(f"mx{i}.example.com", f"192.0.2.{i}", f"mx{i}") for i in (1, 2, 3))
NO_ROOM = Unreachable(Reply(421, "4.3.2", "full"), trouble="connection")
REFUSED = Unreachable(Reply(451, "4.4.1", "connection refused"))
LATER, NEVER = Reply(450, "4.2.0", "later"), Reply(550, "5.1.1", "no such user")


@pytest.fixture
def policy() -> Policy:
    """A server that tries again after a minute, warns after 90 s and gives up after 150 s."""
    schedule = RetrySchedule((60.0,), 1.0, 60.0, 90.0, 150.0, "message")
    return lab().policies["onprem"]._replace(retry=schedule, mx_session_limit=2)


def entry() -> QueuedCopy:
    return QueuedCopy("a", Envelope("x@y.example", (ANN,)), "own-user", {}, 0, 0.0)


class Driver:
    """Sends back what the test says, in turn; the others get the obvious answer. Keeps every effect."""

    def __init__(self, *answers: Any, hosts: tuple[Host, ...] = (MX1, MX2, MX3)) -> None:
        self.answers = list(answers)
        self.hosts = hosts
        self.now_s = 0.0
        self.seen: list[Any] = []

    def run(self, agent: Any) -> Any:
        sent_back: Any = None
        try:
            while True:
                effect = agent.send(sent_back)
                self.seen.append(effect)
                sent_back = self.answer(effect)
        except StopIteration as end:
            return end.value

    def answer(self, effect: Any) -> Any:
        match effect:
            case Resolve():
                return self.hosts
            case Connect() | Offer():
                return self.answers.pop(0)
            case LookAtClock():
                return Timing(self.now_s)
            case WaitUntil(time_s):
                self.now_s = max(self.now_s, time_s)
                return self.now_s
        return None

    def of(self, kind: type) -> list[Any]:
        return [effect for effect in self.seen if isinstance(effect, kind)]


def test_the_first_host_that_takes_all_is_the_last_one_tried(policy: Policy) -> None:
    driver = Driver(REFUSED, None, TransactionResult((ANN, BOB)))

    assert driver.run(relay(policy, (ANN, BOB), HOP, entry(), "mail")) == (MX2, (ANN, BOB))
    assert [c.host for c in driver.of(Connect)] == [MX1, MX2]
    assert driver.of(EndAttempt)[0].attempt.destination == "alive"


def test_whoever_is_told_to_come_later_is_offered_to_the_next_host(policy: Policy) -> None:
    """Ann is taken at once, Bob by the second host, Eve is refused for good and told so."""
    first = TransactionResult((ANN,), (Refused((EVE,), NEVER),), (Refused((BOB,), LATER),))
    driver = Driver(None, first, None, TransactionResult((BOB,)))

    assert driver.run(relay(policy, (ANN, BOB, EVE), HOP, entry(), "mail")) == (MX2, (BOB,))
    assert driver.of(Accepted) == [Accepted(MX1, (ANN,))]
    assert [h.recipients for h in driver.of(Offer)] == [(ANN, BOB, EVE), (BOB,)]
    assert driver.of(Fail) == [Fail((Refused((EVE,), NEVER),), "bounced")]


def test_another_address_of_a_server_that_has_answered_is_not_tried(policy: Policy) -> None:
    again = MX1._replace(address="192.0.2.101")
    driver = Driver(
        None,
        TransactionResult((), (), (Refused((ANN,), LATER),)),
        None,
        TransactionResult((ANN,)),
        hosts=(MX1, again, MX3),
    )

    assert driver.run(relay(policy, (ANN,), HOP, entry(), "mail")) == (MX3, (ANN,))


def test_no_more_sessions_than_the_product_has(policy: Policy) -> None:
    """Two hosts say "later": the third is not asked; the part that was taken goes on, the other waits by itself."""
    later = TransactionResult((), (), (Refused((BOB,), LATER),))
    driver = Driver(None, TransactionResult((ANN,), (), (Refused((BOB,), LATER),)), None, later)

    assert driver.run(relay(policy, (ANN, BOB), HOP, entry(), "mail")) == DUE
    assert len(driver.of(Connect)) == 2
    assert driver.of(Accepted) == [Accepted(MX1, (ANN,))]
    one_host = Driver(None, TransactionResult((ANN,), (), (Refused((BOB,), LATER),)), hosts=(MX1,))
    assert one_host.run(relay(policy, (ANN, BOB), HOP, entry(), "mail")) == (MX1, (ANN,))
    assert one_host.of(Postpone) == [Postpone((Refused((BOB,), LATER),))]


def test_who_was_refused_for_good_is_not_offered_to_a_later_fallback_relay(policy: Policy) -> None:
    """Eve is refused by the host itself; that the first fallback relay has no room for Bob's mail does not bring her back."""
    relays = tuple(NextHop(f"fb{i}.example.com", by_mx=False) for i in (1, 2))
    no_room = Unreachable(Reply(452, "4.3.1", "queue full"), trouble="message")
    first = TransactionResult((), (Refused((EVE,), NEVER),), (Refused((BOB,), LATER),))
    driver = Driver(None, first, no_room, None, TransactionResult((BOB,)), hosts=(MX1,))

    end = driver.run(relay(policy._replace(fallback_relays=relays), (BOB, EVE), HOP, entry(), "mail"))
    assert end == (MX1, (BOB,))
    assert [offer.recipients for offer in driver.of(Offer)] == [(BOB, EVE), (BOB,)]
    assert driver.of(Fail) == [Fail((Refused((EVE,), NEVER),), "bounced")]


@pytest.mark.parametrize(("last", "state"), [(REFUSED, "dead"), (NO_ROOM, "busy")])
def test_a_destination_is_dead_when_nobody_answers_there(policy: Policy, last: Unreachable, state: str) -> None:
    """A host without room is alive: other mail may try it (421 is about this connection only)."""
    driver = Driver(REFUSED, REFUSED, last)

    assert driver.run(relay(policy, (ANN,), HOP, entry(), "mail")) == DUE
    assert driver.of(EndAttempt)[0].attempt.destination == state
    assert driver.of(Defer)[0].deferred == (Refused((ANN,), last.reply),)


def test_a_destination_lives_where_one_host_answered(policy: Policy) -> None:
    """The first MX says "later", nobody is at the others: other mail may try it, and this waits by its own schedule."""
    driver = Driver(None, TransactionResult((), (), (Refused((ANN,), LATER),)), REFUSED, REFUSED)

    assert driver.run(relay(policy, (ANN,), HOP, entry(), "mail")) == DUE
    assert driver.of(EndAttempt)[0].attempt.destination == "alive"


def test_an_interrupted_attempt_counts_for_nothing(policy: Policy) -> None:
    """The server itself was down: the attempt is made again, and the message has no failure."""
    state = entry()
    driver = Driver(Interrupted(), None, TransactionResult((ANN,)))

    assert driver.run(relay(policy, (ANN,), HOP, state, "mail")) == (MX1, (ANN,))
    assert [end.attempt is None for end in driver.of(EndAttempt)] == [True, False]
    assert state.failures == 0


def test_an_interruption_between_two_hosts_leaves_who_is_left(policy: Policy) -> None:
    """Ann is taken and Eve refused before it: only Bob is offered again, and Eve is told."""
    first = TransactionResult((ANN,), (Refused((EVE,), NEVER),), (Refused((BOB,), LATER),))
    driver = Driver(None, first, Interrupted(), None, TransactionResult((BOB,)))

    assert driver.run(relay(policy, (ANN, BOB, EVE), HOP, entry(), "mail")) == (MX1, (BOB,))
    assert driver.of(Accepted) == [Accepted(MX1, (ANN,))]
    assert [h.recipients for h in driver.of(Offer)] == [(ANN, BOB, EVE), (BOB,)]
    assert driver.of(Fail) == [Fail((Refused((EVE,), NEVER),), "bounced")]


def test_what_others_go_on_with_waits_for_them(policy: Policy) -> None:
    """A connection is turned away and the destination has others: the message begins anew, and has not failed."""

    class OthersGoOn(Driver):
        def answer(self, effect: Any) -> Any:
            if isinstance(effect, EndAttempt) and effect.attempt is not None:
                return effect.attempt.destination == "busy"
            return super().answer(effect)

    state = entry()
    driver = OthersGoOn(NO_ROOM, None, TransactionResult((ANN,)), hosts=(MX1,))

    assert driver.run(relay(policy, (ANN,), HOP, state, "mail")) == (MX1, (ANN,))
    assert [len(driver.of(Begin)), state.failures] == [2, 0]


def test_a_suspended_destination_makes_no_connection(policy: Policy) -> None:
    class Suspended(Driver):
        def answer(self, effect: Any) -> Any:
            return LATER if isinstance(effect, Begin) else super().answer(effect)

    driver = Suspended()
    assert driver.run(relay(policy, (ANN,), HOP, entry(), "mail")) == DUE
    assert driver.of(Connect) == driver.of(Resolve) == []
    assert driver.now_s == 60.0


@pytest.mark.parametrize(("temporary", "end"), [(True, DUE), (False, GONE)])
def test_no_host_for_now_or_for_good(policy: Policy, temporary: bool, end: str) -> None:
    """RFC 5321 5.1: SERVFAIL waits, NXDOMAIN bounces."""
    cause = "dns-temporary" if temporary else "no-such-domain"

    class NoHost(Driver):
        def answer(self, effect: Any) -> Any:
            return DnsFailure(cause, temporary, "why") if isinstance(effect, Resolve) else super().answer(effect)

    driver = NoHost()
    assert driver.run(relay(policy, (ANN,), HOP, entry(), "mail")) == end
    assert [f.outcome for f in driver.of(Fail)] == ([] if temporary else ["bounced"])


def test_late_mail_is_warned_of_once_and_given_up(policy: Policy) -> None:
    """Attempts at 0, 60, 120 s; a warning at 90 s, for mail only; the end at 150 s."""
    for kind, warnings in (("mail", 1), ("dsn", 0)):
        state, driver = entry(), Driver()
        ends: list[str] = []
        while not ends or ends[-1] == DUE:
            ends.append(driver.run(defer(policy, (Refused((ANN,), LATER),), state, kind)))  # type: ignore[arg-type]
        assert ends == [DUE, DUE, GONE]
        assert len(driver.of(Warn)) == warnings
        assert driver.now_s == 150.0
        assert driver.of(Fail)[0].outcome == "expired"


def test_a_greylist_remembers_who_came_first_and_when() -> None:
    greylist = Greylist()

    assert greylist.turns_away("s", "c", "a@b", "X@y", 0.0, 60.0)
    assert greylist.turns_away("s", "c", "a@b", "x@Y", 59.0, 60.0)
    assert not greylist.turns_away("s", "c", "a@b", "x@y", 60.0, 60.0)
    assert greylist.turns_away("s", "other", "a@b", "x@y", 60.0, 60.0)
