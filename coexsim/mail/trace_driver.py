"""The driver behind `trace`: it carries one message from server to server as the rules say, and gathers what becomes of it.

It drives the delivery agent (``delivery.py``) at once. It has a clock only for what waits: retries, outages, directory changes.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop, heappush
from typing import Any

from coexsim.mail.case import Disposition
from coexsim.mail.delivery import DUE, GONE, NotRelayed, Relayed, defer, relay
from coexsim.mail.dialogue import receive
from coexsim.mail.dns import DnsFailure, hop_to_domain
from coexsim.mail.dsn import is_told_of, notice_for
from coexsim.mail.effects import (
    Accepted,
    Begin,
    Connect,
    Defer,
    EndAttempt,
    Fail,
    Host,
    LookAtClock,
    Offer,
    Postpone,
    Recipients,
    Refused,
    Resolve,
    Timing,
    TransactionResult,
    Unreachable,
    WaitUntil,
    Warn,
    split_by_time,
)
from coexsim.mail.gathered import Delivering, FailedRecipient, Gathered, QueuedCopy, hops_of, recipients_of, split_off
from coexsim.mail.greylist import Greylist, greylist_key
from coexsim.mail.hand_in import server_by_mx
from coexsim.mail.message import Client, Command, Envelope, Kind, NextHop, Rcpt, Reply, domain_of, fold
from coexsim.mail.outages import FOREVER, Outages
from coexsim.mail.reach import CACHED, NoContact, Reach, addresses
from coexsim.mail.replies import NO_SERVER, reply
from coexsim.mail.routing import copied_at, decide
from coexsim.mail.setup import Setup
from coexsim.mail.traced import Copy, Deferral, Hop, Outcome, Transaction
from coexsim.mail.verify_cache import Probe, Verified, VerifyCache

MOST_STEPS = 20_000  # of one driver; a set-up that multiplies mail without end is stopped there


class TraceDriver:
    """One driver: a queue of what waits until a time, and what became of everything."""

    def __init__(self, setup: Setup, outages: Outages) -> None:
        self.setup = setup
        self.outages = outages
        self.reach = Reach(setup, outages)
        self.messages = [Gathered()]
        self.transactions: list[Transaction] = []
        self._queue: list[tuple[float, int, QueuedCopy | Delivering]] = []
        self._steps = 0
        self._greylist = Greylist()
        self._verify: dict[str, VerifyCache] = {}

    def _put(self, at_s: float, what: QueuedCopy | Delivering) -> None:
        heappush(self._queue, (at_s, self._steps, what))
        self._steps += 1

    def run(self) -> None:
        """Until nothing waits."""
        while self._queue:
            at_s, _, what = heappop(self._queue)
            copy = what.copy if isinstance(what, Delivering) else what
            if self._steps > MOST_STEPS:
                self._stop(copy, at_s)
            elif self._is_up(copy, what, at_s):
                if isinstance(what, Delivering):
                    self._drive(what, at_s, at_s)
                else:
                    self._work(what, at_s)

    def _stop(self, copy: QueuedCopy, at_s: float) -> None:
        said = Reply(554, "5.4.6", f"stopped: one message made more than {MOST_STEPS} copies and attempts")
        for rcpt in copy.envelope.recipients:
            stopped = Disposition(rcpt, "fail", "stopped", said.text, envelope_recipient=rcpt)
            self._fail(copy, FailedRecipient(rcpt, hops_of(copy, stopped), said), "discarded", at_s)

    def _is_up(self, copy: QueuedCopy, what: QueuedCopy | Delivering, at_s: float) -> bool:
        """Is the copy's server up. If not, `what` is put back until it is; where it never comes back, its recipients end in the queue."""
        back_s = self.outages.server_up_again_s(copy.server, at_s)
        if back_s is None:
            return True
        if back_s < FOREVER:
            self._put(back_s, what)
            return False
        said = reply(self.setup.policies[copy.server].product, "connection-refused", detail=copy.server)
        for rcpt in copy.envelope.recipients:
            down = Disposition(rcpt, "fail", "server-down", f"{copy.server} is down", envelope_recipient=rcpt)
            self._fail(copy, FailedRecipient(rcpt, hops_of(copy, down), said), "deferred_in_queue", at_s)
        return False

    # --- handing in ---

    def hand_in(self, envelope: Envelope, at_s: float, server: str | None, via_mx: bool, client: Client) -> None:
        """The submission: found by MX, or at a named server, or at the sender's own."""
        asked: list[str] = []
        prefix = ""
        if via_mx and server is None:
            domain = domain_of(envelope.recipients[0].address)
            hosts = self.reach.hosts("", hop_to_domain(domain), at_s, asked)
            by_mx = server_by_mx(self.setup, hosts, envelope.recipients)
            if isinstance(by_mx, Reply):
                self._refuse(envelope, "client", by_mx, at_s)
                return
            server = by_mx
            prefix = f"the client found this server by the MX of {domain}; "
        server = server or self.setup.submission_server(envelope.sender, self.setup.state_at(at_s))
        if server is None:
            self._refuse(envelope, "client", NO_SERVER, at_s)
            return
        back_s = self.outages.server_up_again_s(server, at_s)
        if back_s == FOREVER:
            said = reply(self.setup.policies[server].product, "connection-refused", detail=server)
            self._refuse(envelope, "client", said, at_s, "deferred_in_queue")
            return
        at_s = back_s if back_s is not None else at_s
        reception = receive(
            self.setup, server, client, envelope, self.setup.state_at(at_s), why_not=self.reach.why_not_at(at_s),
            verified=self._verified_at(server, at_s),
        )  # fmt: skip
        for refusal in reception.refused:
            self._refuse(envelope.to((refusal.rcpt,)), server, refusal.reply, at_s)
        if reception.accepted:
            start = (Hop(server, "handed-in", prefix, tuple(asked), at_s),)
            taken = envelope.to(reception.accepted).with_received(self.setup.machine_of(server))
            self._put(at_s, QueuedCopy(server, taken, client, dict.fromkeys(taken.recipients, start), 0, at_s))

    def _refuse(
        self, envelope: Envelope, by: str, said: Reply, at_s: float, outcome: Outcome = "refused_to_client"
    ) -> None:
        for rcpt in envelope.recipients:
            self.messages[0].copies.append((rcpt.written, Copy(rcpt.address, outcome, (), by, said, at_s)))

    # --- at a server ---

    def _work(self, copy: QueuedCopy, at_s: float) -> None:
        """Decide, end what ends here, hand over to roles, and put a delivery agent to work for each next hop."""
        decision = decide(self.setup, copy.server, copy.envelope, copy.came_from, self.setup.state_at(at_s))
        failed: list[FailedRecipient] = []
        for disposition in decision.dispositions:
            of, to = (
                fold(one.address) for one in (disposition.envelope_recipient or disposition.rcpt, disposition.rcpt)
            )
            if of != to:
                self.messages[copy.message].led_to.setdefault(of, set()).add(to)
            if disposition.action == "deliver":
                end = Copy(
                    disposition.rcpt.address,
                    "delivered",
                    hops_of(copy, disposition),
                    at_s=at_s,
                    is_archive=disposition.rcpt.is_archive,
                )
                self.messages[copy.message].copies.append((disposition.rcpt.written, end))
            elif disposition.action == "duplicate":
                self.messages[copy.message].duplicates.append(
                    (disposition.rcpt.written, fold(disposition.rcpt.address))
                )
            elif disposition.action == "fail" and disposition.reply is not None:
                failed.append(FailedRecipient(disposition.rcpt, hops_of(copy, disposition), disposition.reply))
        onward = {v.rcpt: v for v in decision.dispositions if v.action in ("send", "hand-over")}
        at = copied_at(self.setup.policies[copy.server], copy.envelope)
        copy = replace(copy, envelope=copy.envelope._replace(copied_at=at))
        for request in decision.requests:
            dispositions = {rcpt: onward[rcpt] for rcpt in request.recipients}
            if request.role is not None:
                self._hand_over(copy, request.role, dispositions, at_s)
                continue
            assert request.hop is not None
            part = split_off(copy, request.recipients, dispositions)
            policy, kind = self.setup.policies[copy.server], copy.envelope.kind
            agent = relay(policy, request.recipients, request.hop, part, kind)
            dispositions_now = {
                rcpt: disposition._replace(envelope_recipient=rcpt) for rcpt, disposition in dispositions.items()
            }
            delivering = Delivering(part, agent, dispositions_now, failed=failed)
            self._drive(delivering, None, at_s)
            delivering.failed = None
        self._bounce(copy, failed, at_s)

    def _hand_over(self, copy: QueuedCopy, role: str, dispositions: dict[Rcpt, Disposition], at_s: float) -> None:
        """To a role on the same machine: no SMTP, no Received line."""
        hops = {rcpt: (*hops_of(copy, v), Hop(role, "handed-over", "", (), at_s)) for rcpt, v in dispositions.items()}
        self._put(
            at_s, QueuedCopy(role, copy.envelope.to(tuple(dispositions)), copy.came_from, hops, copy.message, at_s)
        )

    # --- the delivery agent's effects, at once ---

    def _drive(self, delivering: Delivering, sent_back: Any, at_s: float) -> None:
        """Let the agent go on until it waits for a later time, or ends."""
        while True:
            try:
                effect = delivering.agent.send(sent_back)
            except StopIteration as end:
                self._ended(delivering, end.value, at_s)
                return
            if isinstance(effect, WaitUntil):
                if effect.time_s > at_s or self.outages.server_up_again_s(delivering.copy.server, at_s) is not None:
                    self._put(max(effect.time_s, at_s), delivering)
                    return
                sent_back = at_s
            elif isinstance(effect, Defer):
                if not self._defer(delivering, effect, at_s):
                    return
                sent_back = None
            else:
                sent_back = self._let(delivering, effect, at_s)

    def _ended(self, delivering: Delivering, end: Relayed | NotRelayed, at_s: float) -> None:
        if end == DUE:
            copy = delivering.copy
            self._work(split_off(copy, recipients_of(delivering.deferred), delivering.dispositions), at_s)
        elif end != GONE:
            assert not isinstance(end, str)
            self._accepted(delivering, *end, at_s)

    def _let(self, delivering: Delivering, effect: Any, at_s: float) -> Any:
        """Let an effect happen that takes no time here."""
        copy = delivering.copy
        match effect:
            case Resolve(hop):
                return self._resolve(delivering, hop, at_s)
            case Connect(host):
                return self._connect(delivering, host, at_s)
            case Offer(host, recipients, source):
                return self._offer(delivering, host, recipients, source, at_s)
            case LookAtClock():
                return Timing(at_s)
            case Accepted(host, recipients):
                self._accepted(delivering, host, recipients, at_s)
            case Postpone(deferred):
                part = split_off(copy, recipients_of(deferred), delivering.dispositions)
                agent = defer(
                    self.setup.policies[copy.server], deferred, part, copy.envelope.kind, destination_alive=True
                )
                self._drive(replace(delivering, copy=part, agent=agent, failed=None), None, at_s)
            case Fail(refused, "bounced") if delivering.failed is not None:
                delivering.failed += self._failed(delivering, refused)
            case Fail(refused, outcome):
                self._bounce(copy, self._failed(delivering, refused), at_s, outcome)
            case Warn(deferred):
                written = tuple(dict.fromkeys(rcpt.written for rcpt in recipients_of(deferred) if is_told_of(rcpt)))
                self.messages[copy.message].warned.update(dict.fromkeys(written, at_s))
                if written:
                    self._notify(copy, written, "delay", at_s)
            case Begin() | EndAttempt():
                pass  # threads and suspended destinations are the simulation's
        return None

    def _resolve(self, delivering: Delivering, hop: NextHop, at_s: float) -> tuple[Host, ...] | DnsFailure:
        asked = delivering.asked
        hosts = self.reach.hosts(delivering.copy.server, hop, at_s, asked)
        if not isinstance(hosts, DnsFailure):
            return addresses(self.setup.server_at, hosts)
        remembered = any(line.endswith(CACHED) for line in asked)  # asked anew when that has grown too old
        delivering.recoverable = remembered or self.reach.dns_is_recoverable(at_s)
        return hosts

    def _verified_at(self, server: str, at_s: float, delivering: Delivering | None = None) -> Verified | None:
        """What a server that probes remembers at a time; None: it does not probe.

        Where another probe would find otherwise now, what `delivering` meets is recoverable: what is remembered expires.
        """
        times = self.setup.policies[server].verify_times
        if times is None:
            return None
        cache = self._verify.setdefault(server, VerifyCache(times))

        def answer(address: str, probe: Probe) -> Reply | None:
            found = cache.answer(address, at_s, probe)
            if found is not None and delivering is not None and probe() is None:
                delivering.recoverable = True
            return found

        return answer

    def _connect(self, delivering: Delivering, host: Host, at_s: float) -> Unreachable | None:
        found = self.reach.server_at(delivering.copy.server, host, at_s)
        if not isinstance(found, NoContact):
            return None
        delivering.recoverable = delivering.recoverable or found.recoverable
        return Unreachable(found.reply)

    def _offer(
        self, delivering: Delivering, host: Host, recipients: Recipients, source: int, at_s: float
    ) -> TransactionResult:
        """One SMTP transaction with the server at `host`."""
        copy, server = delivering.copy, host.server
        assert server is not None
        offered = copy.envelope.to(recipients)
        delay_s = self.setup.policies[server].greylist_s
        known_by = greylist_key(self.setup, server, copy.server, source)
        grey = (
            None
            if delay_s is None
            else lambda _, s, r: self._greylist.turns_away(server, known_by, s, r, at_s, delay_s)
        )
        state = self.setup.state_at(at_s)
        reception = receive(
            self.setup, server, copy.server, offered, state, grey, self.reach.why_not_at(at_s),
            verified=self._verified_at(server, at_s, delivering),
        )  # fmt: skip
        refused_at = [refusal.command for refusal in reception.refused]
        last: Command = "mail" if "mail" in refused_at else "data" if reception.body_sent else "rcpt"
        taken = len(recipients) - sum(each == "rcpt" for each in refused_at)
        self.transactions.append(
            Transaction(
                copy.server, server, len(reception.accepted), len(recipients), reception.body_sent, at_s, taken, last
            )
        )
        refused = [refusal.at(host, server) for refusal in reception.refused]
        recoverable = any(refusal.recoverable for refusal in reception.refused)
        delivering.recoverable = delivering.recoverable or recoverable or self.reach.dns_is_recoverable(at_s)
        return TransactionResult(reception.accepted, *split_by_time(refused))

    def _accepted(self, delivering: Delivering, host: Host, recipients: Recipients, at_s: float) -> None:
        """The host's server has these recipients from now on."""
        copy, server, dns = delivering.copy, host.server, tuple(delivering.asked)
        assert server is not None
        hop = Hop(server, "accepted", "", (), at_s)
        hops = {r: (*hops_of(copy, delivering.dispositions[r], dns), hop) for r in recipients}
        envelope = copy.envelope.to(recipients).with_received(self.setup.machine_of(server))
        self._put(at_s, QueuedCopy(server, envelope, copy.server, hops, copy.message, at_s))

    def _defer(self, delivering: Delivering, effect: Defer, at_s: float) -> bool:
        """Note that recipients wait. Where nothing will change, more attempts tell nothing: they are left in the queue (False)."""
        copy = delivering.copy
        deferred, wait = effect
        delivering.deferred = deferred
        message = self.messages[copy.message]
        expires_s = copy.queued_s + self.setup.policies[copy.server].retry.expire_after_s
        next_s = wait.gives_up_s if wait.next_s is None else wait.next_s
        is_on_hold = next_s == FOREVER  # it is not tried again, nor does it expire
        for refused in () if is_on_hold else deferred:
            for rcpt in refused.recipients:
                deferral = Deferral(copy.server, rcpt.address, refused.reply, at_s, next_s)
                message.deferrals.append((rcpt.written, deferral))
                message.expires[rcpt.written] = expires_s
        if not is_on_hold and (delivering.recoverable or self.setup.will_change(at_s)):
            return True
        for failure in self._failed(delivering, deferred):
            self._fail(copy, failure, "deferred_in_queue", at_s)
        return False

    # --- ends ---

    def _failed(self, delivering: Delivering, refused: tuple[Refused, ...]) -> list[FailedRecipient]:
        """One by one, with the dispositions that sent them on."""
        dns = tuple(delivering.asked)
        failed = []
        for recipients, said, host, reason in refused:
            for rcpt in recipients:
                disposition = delivering.dispositions[rcpt]
                if reason:
                    disposition = disposition._replace(reason=f"{disposition.reason}; {reason}")
                failed.append(FailedRecipient(rcpt, hops_of(delivering.copy, disposition, dns), said, host))
        return failed

    def _fail(self, copy: QueuedCopy, failed: FailedRecipient, outcome: Outcome, at_s: float) -> None:
        rcpt, hops, said, host = failed
        end = Copy(rcpt.address, outcome, hops, copy.server, said, at_s, host, rcpt.is_archive)
        self.messages[copy.message].copies.append((rcpt.written, end))

    def _bounce(
        self, copy: QueuedCopy, failed: list[FailedRecipient], at_s: float, outcome: Outcome = "bounced"
    ) -> None:
        """The recipients that failed end here; their sender gets one notice about them."""
        if not failed:
            return
        for failure in failed:
            is_told = copy.envelope.kind == "mail" and not failure.reply.discards
            self._fail(copy, failure, outcome if is_told else "discarded", at_s)
        about = tuple(dict.fromkeys(f.rcpt.written for f in failed if is_told_of(f.rcpt) and not f.reply.discards))
        if about:
            self._notify(copy, about, "dsn", at_s)

    def _notify(self, copy: QueuedCopy, about: tuple[str, ...], kind: Kind, at_s: float) -> None:
        notice = notice_for(copy.envelope, kind)
        if notice is None:
            return
        writer = self.setup.machine_of(copy.server)
        notice = notice.with_received(writer)
        self.messages.append(
            Gathered(about=about, notice_by=copy.server, to=notice.recipients[0].address, kind=kind, at_s=at_s)
        )
        hop = Hop(writer, "handed-in", "wrote the notice; ", (), at_s)
        self._put(
            at_s, QueuedCopy(writer, notice, "own-user", {notice.recipients[0]: (hop,)}, len(self.messages) - 1, at_s)
        )
