"""The walk behind `trace`: it carries one message from server to server as the rules say, and gathers what becomes of it.

It has a clock only for what waits: retries, outages, directory changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Literal, NamedTuple

from coexsim.mail.dialogue import receive
from coexsim.mail.dns import DnsFailure, MailHost, in_order
from coexsim.mail.dsn import notice_for
from coexsim.mail.message import Client, Envelope, NextHop, Rcpt, Reply, Stage, domain_of, fold
from coexsim.mail.outages import FOREVER, Outages
from coexsim.mail.reach import CACHED, NoContact, Reach
from coexsim.mail.replies import reply
from coexsim.mail.routing import Transfer, Verdict, decide
from coexsim.mail.setup import Setup
from coexsim.mail.traced import Copy, Deferral, Hop, Outcome, Transaction

MOST_STEPS = 20_000  # of one walk; a set-up that multiplies mail without end is stopped there
Hops = tuple[Hop, ...]


class Queued(NamedTuple):
    """A copy in a server's queue, with the hops that each of its recipients has behind it."""

    server: str
    envelope: Envelope
    came_from: Client
    behind: dict[Rcpt, Hops]
    message: int
    queued_s: float
    failures: int = 0
    first_failure_s: float = 0.0
    warned: bool = False


@dataclass
class Message:
    """What is gathered about one message: the traced one, or a notice about it. Recipients are named as written."""

    copies: list[tuple[str, Copy]] = field(default_factory=list)
    about: tuple[str, ...] = ()
    notice_by: str = ""
    to: str = ""
    kind: Literal["mail", "dsn", "delay"] = "mail"
    at_s: float = 0.0
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    deferrals: list[tuple[str, Deferral]] = field(default_factory=list)
    expires: dict[str, float] = field(default_factory=dict)
    warned: dict[str, float] = field(default_factory=dict)


class Failed(NamedTuple):
    """A recipient that did not get on, why, which host refused it (none: it was this server's own decision), and what DNS was asked."""

    verdict: Verdict
    reply: Reply
    remote: str = ""
    dns: tuple[str, ...] = ()


class Session(NamedTuple):
    """A transaction with a server that was reached: who failed for good and for now; `mends`: "for now" has an end."""

    failed: list[Failed]
    late: list[Failed]
    mends: bool


class Walk:
    """One walk: a queue of (time, order, copy), and what became of everything."""

    def __init__(self, setup: Setup, outages: Outages) -> None:
        self.setup = setup
        self.outages = outages
        self.reach = Reach(setup, outages)
        self.messages = [Message()]
        self.transactions: list[Transaction] = []
        self._queue: list[tuple[float, int, Queued]] = []
        self._steps = 0
        self._greylists: dict[tuple[str, str, str, str], float] = {}

    def _put(self, at_s: float, copy: Queued) -> None:
        heappush(self._queue, (at_s, self._steps, copy))
        self._steps += 1

    def run(self) -> None:
        """Until nothing waits."""
        while self._queue:
            at_s, _, copy = heappop(self._queue)
            if self._steps > MOST_STEPS:
                self._stop(copy, at_s)
            else:
                self._work(copy, at_s)

    def _stop(self, copy: Queued, at_s: float) -> None:
        said = Reply(554, "5.4.6", f"stopped: one message made more than {MOST_STEPS} copies and attempts")
        for rcpt in copy.envelope.recipients:
            self._end(copy, Failed(Verdict(rcpt, "fail", "stopped", said.text, given=rcpt), said), "discarded", at_s)

    # --- handing in ---

    def hand_in(self, envelope: Envelope, at_s: float, server: str | None, via_mx: bool, client: Client) -> None:
        """The submission: found by MX, or at a named server, or at the sender's own."""
        asked: list[str] = []
        prefix = ""
        if via_mx and server is None:
            domain = domain_of(envelope.recipients[0].address)
            hosts = self.reach.hosts("", NextHop(domain, by_mx=True), at_s, asked)
            if isinstance(hosts, DnsFailure):
                self._refuse(envelope, "client", dns_reply("postfix", hosts, envelope), at_s)
                return
            server = self.reach.first_server(hosts)
            if server is None:
                self._refuse(
                    envelope, "client", reply("postfix", "connection-timed-out", detail=hosts.groups[0][0].name), at_s
                )
                return
            prefix = f"the client found this server by the MX of {domain}; "
        server = server or self.setup.submission_server(envelope.sender, self.setup.state_at(at_s))
        if server is None:
            self._refuse(
                envelope, "client", Reply(451, "4.4.1", "no server of this scenario takes mail from this sender"), at_s
            )
            return
        back_s = self.outages.server_up_again_s(server, at_s)
        if back_s == FOREVER:
            said = reply(self.setup.policies[server].product, "connection-refused", detail=server)
            self._refuse(envelope, "client", said, at_s, "deferred_in_queue")
            return
        at_s = back_s if back_s is not None else at_s
        reception = receive(self.setup, server, client, envelope, self.setup.state_at(at_s))
        for refusal in reception.refused:
            self._refuse(envelope.to((refusal.rcpt,)), server, refusal.reply, at_s)
        if reception.accepted:
            start = (Hop(server, "handed-in", prefix, tuple(asked), at_s),)
            taken = envelope.to(reception.accepted).taken_by(self.setup.machine_of(server))
            self._put(at_s, Queued(server, taken, client, dict.fromkeys(taken.recipients, start), 0, at_s))

    def _refuse(
        self, envelope: Envelope, by: str, said: Reply, at_s: float, outcome: Outcome = "refused_to_client"
    ) -> None:
        for rcpt in envelope.recipients:
            self.messages[0].copies.append((rcpt.written, Copy(rcpt.address, outcome, (), by, said, at_s)))

    # --- at a server ---

    def _work(self, copy: Queued, at_s: float) -> None:
        back_s = self.outages.server_up_again_s(copy.server, at_s)
        if back_s == FOREVER:
            said = reply(self.setup.policies[copy.server].product, "connection-refused", detail=copy.server)
            verdicts = [
                Verdict(r, "fail", "server-down", f"{copy.server} is down", given=r) for r in copy.envelope.recipients
            ]
            for verdict in verdicts:
                self._end(copy, Failed(verdict, said), "deferred_in_queue", at_s)
            return
        if back_s is not None:
            self._put(back_s, copy)
            return
        decision = decide(self.setup, copy.server, copy.envelope, copy.came_from, self.setup.state_at(at_s))
        failed: list[Failed] = []
        for verdict in decision.verdicts:
            if verdict.action == "deliver":
                self._end(copy, verdict, "delivered", at_s)
            elif verdict.action == "duplicate":
                self.messages[copy.message].duplicates.append((verdict.rcpt.written, fold(verdict.rcpt.address)))
            elif verdict.action == "fail" and verdict.reply is not None:
                failed.append(Failed(verdict, verdict.reply))
        onward = {v.rcpt: v for v in decision.verdicts if v.action in ("send", "hand-over")}
        for transfer in decision.transfers:
            verdicts = [onward[rcpt] for rcpt in transfer.recipients]
            if transfer.role is not None:
                self._hand_over(copy, transfer.role, verdicts, at_s)
            else:
                failed += self._send(copy, transfer, verdicts, at_s)
        self._bounce(copy, failed, at_s)

    def _hand_over(self, copy: Queued, role: str, verdicts: list[Verdict], at_s: float) -> None:
        """To a role on the same machine: no SMTP, no Received line."""
        behind = {v.rcpt: (*_hops(copy, v), Hop(role, "handed-over", "", (), at_s)) for v in verdicts}
        envelope = copy.envelope.to(tuple(v.rcpt for v in verdicts))
        self._put(at_s, Queued(role, envelope, copy.came_from, behind, copy.message, at_s))

    def _send(self, copy: Queued, transfer: Transfer, verdicts: list[Verdict], at_s: float) -> list[Failed]:
        """Try the hosts of the next hop in turn; returns who failed for good. What failed for the time being is queued again."""
        assert transfer.hop is not None
        product = self.setup.policies[copy.server].product
        asked: list[str] = []
        hosts = self.reach.hosts(copy.server, transfer.hop, at_s, asked)
        dns = tuple(asked)
        if isinstance(hosts, DnsFailure):
            said = dns_reply(product, hosts, copy.envelope.to(transfer.recipients))
            if hosts.temporary:
                remembered = any(line.endswith(CACHED) for line in asked)  # asked anew when that has grown too old
                late = [Failed(v, said, dns=dns) for v in verdicts]
                self._defer(copy, late, at_s, mends=remembered or self.reach.dns_mends(at_s))
                return []
            return [Failed(v._replace(reason=f"{v.reason}; {hosts.reason}"), said, dns=dns) for v in verdicts]
        failed: list[Failed] = []
        said = reply(product, "connection-timed-out", detail=transfer.hop.name)
        late = [Failed(v, said, dns=dns) for v in verdicts]
        mends = False
        policy = self.setup.policies[copy.server]
        tried = [(host, address) for host in in_order(hosts) for address in host.addresses][: policy.most_addresses]
        talked: list[MailHost] = []
        for host, address in tried:
            if not late or len(talked) == policy.most_sessions:
                break
            if host in talked:
                continue  # its other addresses are the same server
            contact = self.reach.server_at(copy.server, host, address, at_s)
            if isinstance(contact, NoContact):
                late = [Failed(f.verdict, contact.reply, dns=dns) for f in late]
                mends = mends or contact.mends
                continue
            session = self._talk(copy, contact, host, address, [f.verdict for f in late], dns, at_s)
            talked.append(host)
            failed += session.failed
            late, mends = session.late, mends or session.mends
        self._defer(copy, late, at_s, mends=mends)
        return failed

    def _talk(
        self,
        copy: Queued,
        server: str,
        host: MailHost,
        address: str,
        verdicts: list[Verdict],
        dns: tuple[str, ...],
        at_s: float,
    ) -> Session:
        """One SMTP transaction with `server`."""
        by_rcpt = {v.rcpt: v for v in verdicts}
        offered = copy.envelope.to(tuple(by_rcpt))
        greylist_s = self.setup.policies[server].greylist_s
        grey = None if greylist_s is None else lambda c, s, r: self._greylisted(server, c, s, r, at_s)
        reception = receive(self.setup, server, copy.server, offered, self.setup.state_at(at_s), grey)
        stages = [refusal.stage for refusal in reception.refused]
        stage: Stage = "mail" if "mail" in stages else "data" if reception.body_sent else "rcpt"
        taken = len(offered.recipients) - sum(refusal.stage == "rcpt" for refusal in reception.refused)
        self.transactions.append(
            Transaction(
                copy.server, server, len(reception.accepted), len(by_rcpt), reception.body_sent, at_s, taken, stage
            )
        )
        failed: list[Failed] = []
        late: list[Failed] = []
        for refusal in reception.refused:
            verdict = by_rcpt[refusal.rcpt]
            verdict = verdict._replace(reason=f"{verdict.reason}; {server} refused it: {refusal.reply}")
            said = refusal.reply._replace(text=f"{host.name}[{address}] said: {refusal.reply}")
            (late if refusal.reply.temporary else failed).append(Failed(verdict, said, host.name, dns))
        if reception.accepted:
            behind = {
                r: (*_hops(copy, by_rcpt[r], dns), Hop(server, "accepted", "", (), at_s)) for r in reception.accepted
            }
            envelope = offered.to(reception.accepted).taken_by(self.setup.machine_of(server))
            self._put(at_s, Queued(server, envelope, copy.server, behind, copy.message, at_s))
        mends = any(refusal.rule in ("greylisted", "recipient-limit") for refusal in reception.refused)
        mends = mends or self.reach.dns_mends(at_s)
        return Session(failed, late, mends)

    def _greylisted(self, server: str, client: str, sender: str, rcpt: str, now_s: float) -> bool:
        first_s = self._greylists.setdefault((server, client, fold(sender), fold(rcpt)), now_s)
        return now_s - first_s < (self.setup.policies[server].greylist_s or 0.0)

    # --- ends ---

    def _end(self, copy: Queued, what: Verdict | Failed, outcome: Outcome, at_s: float) -> None:
        verdict, said, remote, dns = what if isinstance(what, Failed) else (what, None, "", ())
        by = copy.server if said else None
        end = Copy(verdict.rcpt.address, outcome, _hops(copy, verdict, dns), by, said, at_s, remote)
        self.messages[copy.message].copies.append((verdict.rcpt.written, end))

    def _bounce(self, copy: Queued, failed: list[Failed], at_s: float, outcome: Outcome = "bounced") -> None:
        """The recipients that failed end here; their sender gets one notice about them."""
        if not failed:
            return
        for failure in failed:
            self._end(copy, failure, outcome if copy.envelope.kind == "mail" else "discarded", at_s)
        self._notify(copy, tuple(dict.fromkeys(f.verdict.rcpt.written for f in failed)), "dsn", at_s)

    def _notify(self, copy: Queued, about: tuple[str, ...], kind: Literal["dsn", "delay"], at_s: float) -> None:
        notice = notice_for(copy.envelope, kind)
        if notice is None:
            return
        writer = self.setup.machine_of(copy.server)
        notice = notice.taken_by(writer)
        self.messages.append(
            Message(about=about, notice_by=copy.server, to=notice.recipients[0].address, kind=kind, at_s=at_s)
        )
        hop = Hop(writer, "handed-in", "wrote the notice; ", (), at_s)
        self._put(
            at_s, Queued(writer, notice, "own-user", {notice.recipients[0]: (hop,)}, len(self.messages) - 1, at_s)
        )

    def _defer(self, copy: Queued, late: list[Failed], at_s: float, *, mends: bool) -> None:
        """Try again by the product's schedule, warn the sender, or give up when the mail is too old.

        Where nothing mends it and nothing else will change, more attempts tell nothing: the mail is left in the queue, with the
        time at which it would expire.
        """
        if not late:
            return
        policy = self.setup.policies[copy.server]
        message = self.messages[copy.message]
        first_s = copy.first_failure_s if copy.failures else at_s
        wait = policy.retry.after_failure(at_s, first_s, copy.failures + 1, copy.queued_s, warned=copy.warned)
        written = tuple(dict.fromkeys(f.verdict.rcpt.written for f in late))
        for verdict, said, *_ in late:
            next_s = wait.gives_up_s if wait.next_s is None else wait.next_s
            message.deferrals.append(
                (verdict.rcpt.written, Deferral(copy.server, verdict.rcpt.address, said, at_s, next_s))
            )
            message.expires[verdict.rcpt.written] = copy.queued_s + policy.retry.expire_after_s
        if not mends and all(change_s <= at_s for change_s in self.setup.change_times_s()):
            for failure in late:
                self._end(copy, failure, "deferred_in_queue", at_s)
            return
        if wait.warn_s is not None and copy.envelope.kind == "mail":
            message.warned.update(dict.fromkeys(written, wait.warn_s))
            self._notify(copy, written, "delay", wait.warn_s)
        if wait.next_s is not None:
            envelope = copy.envelope.to(tuple(f.verdict.rcpt for f in late))
            behind = {f.verdict.rcpt: _behind(copy, f.verdict) for f in late}
            warned = copy.warned or wait.warn_s is not None
            self._put(wait.next_s, copy._replace(envelope=envelope, behind=behind, failures=copy.failures + 1,
                                           first_failure_s=first_s, warned=warned))  # fmt: skip
            return
        ends = [f._replace(verdict=f.verdict._replace(reason=f"{f.verdict.reason}; {f.reply}")) for f in late]
        if not policy.expired_keeps_code:
            ends = [f._replace(reply=reply(policy.product, "expired", detail=f.reply.text)) for f in ends]
        self._bounce(copy, ends, wait.gives_up_s, "expired")


def _behind(copy: Queued, verdict: Verdict) -> Hops:
    return copy.behind[verdict.given or verdict.rcpt]


def _hops(copy: Queued, verdict: Verdict, dns: tuple[str, ...] = ()) -> Hops:
    """The hops behind a recipient's copy, the last one now with what this server did and why."""
    *before, last = _behind(copy, verdict)
    return (*before, last._replace(rule=verdict.rule, reason=last.reason + verdict.reason, dns=last.dns + dns))


def dns_reply(product: str, failure: DnsFailure, envelope: Envelope) -> Reply:
    """What a product says about mail whose next hop DNS does not give."""
    address = envelope.recipients[0].address
    return reply(product, failure.cause, address=address, domain=domain_of(address), detail=failure.reason)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """A group is delivered only if every member is."""
    order: Iterator[Outcome] = iter(
        ("bounced", "expired", "discarded", "refused_to_client", "deferred_in_queue", "delivered")
    )
    return next((outcome for outcome in order if outcome in outcomes), "discarded")
