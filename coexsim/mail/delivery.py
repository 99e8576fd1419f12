"""The delivery agent: how a server sends mail to a next hop. Hosts in turn, deferral, warning, giving up.

Its functions are generators that yield effects (``effects.py``); they know no clock. The driver carries out each effect and sends back
the result: `trace` at once (``trace_driver.py``), the simulation in time (``sim/transfer.py``).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal, Protocol

from coexsim.mail.dns import DnsFailure
from coexsim.mail.effects import (
    Accepted,
    Attempt,
    Begin,
    Connect,
    Defer,
    DestinationState,
    Effect,
    EndAttempt,
    Fail,
    Host,
    Interrupted,
    LookAtClock,
    Offer,
    Postpone,
    Recipients,
    Refused,
    Resolve,
    Timing,
    TransactionResult,
    Trouble,
    Unreachable,
    WaitUntil,
    Warn,
)
from coexsim.mail.message import Kind, NextHop, Reply, domain_of
from coexsim.mail.policy import Policy
from coexsim.mail.replies import expired_reply, reply, softened

Relayed = tuple[Host, Recipients]
NotRelayed = Literal["due", "gone"]
DUE: NotRelayed = "due"
GONE: NotRelayed = "gone"
"""How the agent ends without a delivery: its recipients are due for another attempt, or all were given up."""

STATE_AFTER: dict[Trouble, DestinationState] = {"host": "dead", "connection": "busy", "message": "unclear"}


class Queued(Protocol):
    """What a server remembers of a message in its queue."""

    queued_s: float
    failures: int
    warned: bool


def relay(
    policy: Policy, recipients: Recipients, hop: NextHop, entry: Queued, kind: Kind
) -> Generator[Effect, Any, Relayed | NotRelayed]:
    """Send recipients to a next hop. Returns the host that took some of them, and which ones.

    `DUE`: they are still here, and due for another attempt, for which the server decides anew. `GONE`: all were given up.
    """
    while True:
        suspended: Reply | None = yield Begin(hop)
        if suspended is not None:
            return (yield from defer(policy, (Refused(recipients, suspended),), entry, kind))
        tried = yield from attempt(policy, recipients, hop, entry.failures % policy.outgoing_addresses)
        others_go_on: bool | None = yield EndAttempt(hop, None if tried.interrupted else tried)
        if tried.failed:
            yield Fail(tried.failed, "bounced")
        if tried.interrupted:
            recipients = tried.interrupted
        elif not others_go_on:
            break
    if tried.host is not None:
        if tried.deferred:
            yield Postpone(tried.deferred)
        return tried.host, tried.accepted
    destination_alive = tried.destination not in ("dead", "busy")
    return (
        (
            yield from defer(
                policy,
                tried.deferred,
                entry,
                kind,
                destination_alive=destination_alive,
                frozen=tried.destination == "frozen",
            )
        )
        if tried.deferred
        else GONE
    )


def attempt(policy: Policy, recipients: Recipients, hop: NextHop, source: int = 0) -> Generator[Effect, Any, Attempt]:
    """One attempt: at the next hop, then at the fallback relays for recipients that were deferred or whose host was not found."""
    tried = yield from _attempt_at(policy, recipients, hop, source)
    failed: tuple[Refused, ...] = ()
    for fallback in policy.fallback_relays:
        not_found = tried.failed if tried.destination == "unclear" and not tried.interrupted else ()
        left = tuple(rcpt for refused in (*tried.deferred, *not_found) for rcpt in refused.recipients)
        if not left or tried.interrupted or tried.destination == "frozen":
            break
        if tried.host is not None:
            yield Accepted(tried.host, tried.accepted)
        failed += () if not_found else tried.failed
        tried = yield from _attempt_at(policy, left, fallback, source)
    return tried._replace(failed=failed + tried.failed)


def _attempt_at(policy: Policy, recipients: Recipients, hop: NextHop, source: int) -> Generator[Effect, Any, Attempt]:
    """Host by host: what a host refuses temporarily, or a host not reached, goes to the next.

    Another address of a server that has answered is not tried.
    """
    hosts: tuple[Host, ...] | DnsFailure = yield Resolve(hop)
    if isinstance(hosts, DnsFailure):
        return _not_found(policy, recipients, hop, hosts)
    failed: tuple[Refused, ...] = ()
    deferred: tuple[Refused, ...] = ()
    taken: Relayed | None = None
    offered = recipients
    answered: list[str | None] = []
    trouble: Trouble = "host"
    for host in hosts[: policy.mx_address_limit]:
        if host.server in answered:
            continue
        if taken is not None:
            yield Accepted(*taken)
            taken = None
        # Over a family that does not work here, nobody is there.
        there = host._replace(server=None) if ":" in host.address and not policy.ipv6_works else host
        reached: TransactionResult | Unreachable | Interrupted | None = yield Connect(there)
        if reached is None:
            reached = yield Offer(host, offered, source)
        if isinstance(reached, Interrupted):
            return Attempt(None, (), failed, (), "unclear", interrupted=offered)
        if isinstance(reached, TransactionResult):
            reached = as_taken(policy, reached)
            answered.append(host.server)
            failed, deferred = failed + reached.failed, reached.deferred
            if reached.accepted:
                taken = host, reached.accepted
            if not deferred or len(answered) == policy.mx_session_limit:
                break
            offered = tuple(rcpt for refused in deferred for rcpt in refused.recipients)
        elif reached is not None:
            deferred, trouble = (Refused(offered, reached.reply),), reached.trouble
    destination: DestinationState = "alive" if answered else STATE_AFTER[trouble]
    if taken is None:
        return Attempt(None, (), failed, deferred, destination)
    return Attempt(*taken, failed, deferred, destination)


def _not_found(policy: Policy, recipients: Recipients, hop: NextHop, failure: DnsFailure) -> Attempt:
    """DNS gives no host: the recipients are deferred, or they fail."""
    failure = policy.dns_failure(failure, hop)
    said = dns_reply(policy.product, failure, recipients)
    if failure.temporary:
        return Attempt(None, (), (), (Refused(recipients, said),), "frozen" if failure.frozen else "dead")
    return Attempt(None, (), (Refused(recipients, said, reason=failure.reason),), (), "unclear")


def defer(
    policy: Policy,
    deferred: tuple[Refused, ...],
    entry: Queued,
    kind: Kind,
    *,
    destination_alive: bool = False,
    frozen: bool = False,
) -> Generator[Effect, Any, NotRelayed]:
    """Wait until the product's schedule gives another attempt, and warn the sender on the way; or give up, when the mail is too old.

    `destination_alive`: these recipients were told to come later, while their destination is well. `frozen`: they wait for somebody to
    mend the set-up.
    """
    timing: Timing = yield LookAtClock()
    entry.failures += 1
    if frozen:
        wait = policy.retry.frozen(timing.now_s, entry.queued_s)
    else:
        wait = policy.retry.after_failure(
            timing.now_s, entry.failures, entry.queued_s, warned=entry.warned, due_s=timing.due_s, phase_s=timing.phase_s,
            destination_alive=destination_alive,
        )  # fmt: skip
    yield Defer(deferred, wait)
    if wait.warn_s is not None and kind == "mail":
        entry.warned = True
        now_s: float = yield WaitUntil(wait.warn_s)
        if wait.next_s is not None or now_s < wait.gives_up_s:
            yield Warn(deferred)
    if wait.next_s is not None:
        yield WaitUntil(wait.next_s)
        return DUE
    yield WaitUntil(wait.gives_up_s)
    yield Fail(tuple(_expired(policy, refused) for refused in deferred), "expired")
    return GONE


def _expired(policy: Policy, refused: Refused) -> Refused:
    """The end of mail that is too old: some products keep the code of the last failure, others have one of their own."""
    reason = f"{refused.reason}; {refused.reply}" if refused.reason else str(refused.reply)
    return Refused(refused.recipients, expired_reply(policy, refused.reply), refused.host, reason)


def dns_reply(product: str, failure: DnsFailure, recipients: Recipients) -> Reply:
    """What a product says about mail whose next hop DNS does not give."""
    if failure.reply is not None:
        return failure.reply
    address = recipients[0].address if recipients else ""
    said = reply(product, failure.cause, address=address, domain=domain_of(address), detail=failure.reason)
    return softened(said) if failure.temporary else said


def as_taken(policy: Policy, result: TransactionResult) -> TransactionResult:
    """What a client makes of a server's replies: as they are, or (Postfix: soft_bounce) every refusal as one to try again later."""
    if not policy.soft_bounces or not result.failed:
        return result
    soft = tuple(refused._replace(reply=softened(refused.reply)) for refused in result.failed)
    return TransactionResult(result.accepted, (), (*soft, *result.deferred))
