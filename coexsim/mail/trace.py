"""`trace`: the way of one message, with the rule at each server, from hand-in to its end for every recipient.

The walk asks the same rules as the simulation. It has a clock only for what waits: retries, outages, directory changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Literal, NamedTuple

from coexsim.mail.dns import Answer, Cache, DnsFailure, MailHost, MailHosts, Question, in_order, mail_hosts
from coexsim.mail.dsn import notice_for
from coexsim.mail.message import Envelope, NextHop, Rcpt, Reply, domain_of, fold
from coexsim.mail.outages import FOREVER, Outages
from coexsim.mail.replies import reply
from coexsim.mail.routing import Client, Transfer, Verdict, decide, receive
from coexsim.mail.setup import Setup
from coexsim.scenario.model import Mail, Scenario
from coexsim.units import Moment

Outcome = Literal["delivered", "bounced", "expired", "discarded", "deferred_in_queue", "refused_to_client"]
MOST_COPIES = 100_000


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

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers that took this copy."""
        return tuple(hop.server for hop in self.hops)


class Transaction(NamedTuple):
    """One SMTP transaction between two servers."""

    client: str
    server: str
    accepted: int
    offered: int
    body_sent: bool
    at_s: float


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


@dataclass(frozen=True)
class RecipientTrace:
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
        return next(copy for copy in self.copies if copy.outcome == self.outcome)

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


@dataclass(frozen=True)
class Trace:
    """The whole of a walk. `start` is the moment that ``at_s`` = 0 stands for."""

    sender: str
    recipients: tuple[RecipientTrace, ...]
    transactions: tuple[Transaction, ...]
    notices: tuple[Notice, ...]
    start: Moment

    def __getitem__(self, recipient: str) -> RecipientTrace:
        return next(r for r in self.recipients if fold(r.recipient) == fold(recipient))

    @property
    def outcome(self) -> Outcome:
        """The outcome of the only (or first) recipient."""
        return self.recipients[0].outcome

    @property
    def servers(self) -> tuple[str, ...]:
        """The servers passed to the only (or first) recipient."""
        return self.recipients[0].servers


@dataclass
class _Queued:
    """A copy in a server's queue, with the hops each recipient's copy has behind it."""

    server: str
    envelope: Envelope
    came_from: Client
    behind: dict[str, tuple[Hop, ...]]
    message: int
    queued_s: float
    failures: int = 0
    first_failure_s: float = 0.0
    warned: bool = False


@dataclass
class _Message:
    """What is gathered about one message: the traced one, or a notice about it."""

    copies: list[tuple[str, Copy]] = field(default_factory=list)  # (recipient as written, copy)
    about: tuple[str, ...] = ()
    notice_by: str = ""
    to: str = ""
    kind: str = "mail"
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    deferrals: list[tuple[str, Deferral]] = field(default_factory=list)
    expires: dict[str, float] = field(default_factory=dict)
    warned: dict[str, float] = field(default_factory=dict)


def trace(
    scenario: Scenario | Setup, sender: str, recipients: str | Sequence[str], *, size_bytes: int = 4096, at_s: float = 0.0,
    down: Iterable[str] = (), server: str | None = None, via_mx: bool = False, client: Client = "own-user", declare_size: bool = True,
) -> Trace:  # fmt: skip
    """Where a message goes, by which rules, and how it ends for each recipient.

    `recipients` are addresses, or names of people and groups. `at_s` is seconds from the scenario's start; its events apply.
    `down` are servers, links or ``dns`` that are down with no known end. `server` is where it is handed in (default: the
    sender's own), by its own user or a `client` from outside. `via_mx`: the client finds that server by MX.
    """
    setup = scenario if isinstance(scenario, Setup) else Setup(scenario)
    names = (recipients,) if isinstance(recipients, str) else tuple(recipients)
    addresses = tuple(address_of(setup, name) for name in names)
    sender_address = "" if sender in ("", "<>") else address_of(setup, sender)
    envelope = Envelope(sender_address, tuple(Rcpt(a) for a in dict.fromkeys(addresses)), size_bytes, declares_size=declare_size)
    walk = _Walk(setup, Outages(setup.scenario, down))
    walk.hand_in(envelope, at_s, server, via_mx, client)
    walk.run()
    return walk.result(sender_address, addresses)


def trace_mail(scenario: Scenario | Setup, mail: Mail, *, at_s: float = 0.0, down: Iterable[str] = ()) -> Trace:
    """`trace` for a message of the scenario file."""
    return trace(
        scenario, mail.envelope_sender, mail.to, size_bytes=mail.size, at_s=at_s, down=down, server=mail.at, via_mx=mail.via == "mx",
        client=mail.client, declare_size=mail.declare_size,
    )  # fmt: skip


def address_of(setup: Setup, name: str) -> str:
    """An address as it is; the address of a person or group by name; else the name in the shared domain."""
    if "@" in name:
        return name
    person = setup.scenario.directory.people.get(name)
    return (person.internet_address if person else None) or f"{name}@{setup.scenario.domain}"


class _Walk:
    """One walk: a queue of (time, order, copy), and what became of everything."""

    def __init__(self, setup: Setup, outages: Outages) -> None:
        self.setup = setup
        self.outages = outages
        self.messages = [_Message()]
        self.transactions: list[Transaction] = []
        self._queue: list[tuple[float, int, _Queued]] = []
        self._order = 0
        self._caches: dict[str, Cache] = {}
        self._greylists: dict[tuple[str, str, str, str], float] = {}

    def _put(self, at_s: float, copy: _Queued) -> None:
        if self._order > MOST_COPIES:
            raise RecursionError(f"more than {MOST_COPIES} copies of one message")
        heappush(self._queue, (at_s, self._order, copy))
        self._order += 1

    def run(self) -> None:
        """Until nothing waits."""
        while self._queue:
            at_s, _, copy = heappop(self._queue)
            self._work(copy, at_s)

    # --- handing in ---

    def hand_in(self, envelope: Envelope, at_s: float, server: str | None, via_mx: bool, client: Client) -> None:
        """The submission: found by MX, or at a named server, or at the sender's own."""
        asked: list[str] = []
        prefix = ""
        if via_mx and server is None:
            hosts = self._hosts("", NextHop(domain_of(envelope.recipients[0].address), by_mx=True), at_s, asked)
            found = None if isinstance(hosts, DnsFailure) else self._first_server(hosts)
            if found is None:
                self._refuse_client(envelope, "client", _dns_reply("postfix", hosts, envelope) if isinstance(hosts, DnsFailure) else
                                    reply("postfix", "connection-timed-out", detail=str(hosts.groups[0][0].name)), at_s)  # fmt: skip
                return
            server, prefix = found, f"the client found this server by the MX of {domain_of(envelope.recipients[0].address)}; "
        server = server or self.setup.submission_server(envelope.sender, self.setup.state_at(at_s))
        if server is None:
            self._refuse_client(envelope, "client", Reply(451, "4.4.1", "no server of this scenario takes mail from this sender"), at_s)
            return
        back_s = self.outages.server_up_again_s(server, at_s)
        if back_s == FOREVER:
            said = reply(self.setup.policies[server].product, "connection-refused", detail=server)
            for rcpt in envelope.recipients:
                self.messages[0].copies.append((rcpt.written, Copy(rcpt.address, "deferred_in_queue", (), "client", said, at_s)))
            return
        at_s = back_s if back_s is not None else at_s
        reception = receive(self.setup, server, client, envelope, self.setup.state_at(at_s))
        for refusal in reception.refused:
            self._refuse_client(envelope.to((refusal.rcpt,)), server, refusal.reply, at_s)
        if reception.accepted:
            start = (Hop(server, "handed-in", prefix, tuple(asked), at_s),)
            taken = replace(envelope.to(reception.accepted), received=envelope.received + 1)
            self._put(at_s, _Queued(server, taken, client, {r.address: start for r in taken.recipients}, 0, at_s))

    def _refuse_client(self, envelope: Envelope, by: str, said: Reply, at_s: float) -> None:
        for rcpt in envelope.recipients:
            self.messages[0].copies.append((rcpt.written, Copy(rcpt.address, "refused_to_client", (), by, said, at_s)))

    # --- at a server ---

    def _work(self, copy: _Queued, at_s: float) -> None:
        back_s = self.outages.server_up_again_s(copy.server, at_s)
        if back_s is not None and back_s != FOREVER:
            self._put(back_s, copy)
            return
        state = self.setup.state_at(at_s)
        decision = decide(self.setup, copy.server, copy.envelope, copy.came_from, state)
        failed: list[tuple[Verdict, Reply, str]] = []
        for verdict in decision.verdicts:
            if verdict.action == "deliver":
                self._end(copy, verdict, "delivered", at_s)
            elif verdict.action == "duplicate":
                self.messages[copy.message].duplicates.append((verdict.rcpt.written, fold(verdict.rcpt.address)))
            elif verdict.action == "fail" and verdict.reply is not None:
                failed.append((verdict, verdict.reply, copy.server))
        by_address = {v.rcpt: v for v in decision.verdicts if v.action in ("send", "hand-over")}
        for transfer in decision.transfers:
            verdicts = [by_address[rcpt] for rcpt in transfer.recipients]
            if transfer.role is not None:
                self._hand_over(copy, transfer.role, verdicts, at_s)
            else:
                failed += self._send(copy, transfer, verdicts, at_s)
        self._bounce(copy, failed, at_s)

    def _hand_over(self, copy: _Queued, role: str, verdicts: list[Verdict], at_s: float) -> None:
        """To a role on the same machine: no SMTP, no Received line."""
        behind = {v.rcpt.address: (*self._with_reason(copy, v), Hop(role, "handed-over", "", (), at_s)) for v in verdicts}
        envelope = copy.envelope.to(tuple(v.rcpt for v in verdicts))
        self._put(at_s, _Queued(role, envelope, copy.came_from, behind, copy.message, at_s))

    def _send(self, copy: _Queued, transfer: Transfer, verdicts: list[Verdict], at_s: float) -> list[tuple[Verdict, Reply, str]]:
        """Try the hosts of the next hop in turn; returns who failed for good. What failed for the time being is queued again."""
        assert transfer.hop is not None
        policy = self.setup.policies[copy.server]
        asked: list[str] = []
        hosts = self._hosts(copy.server, transfer.hop, at_s, asked)
        dns = tuple(asked)
        if isinstance(hosts, DnsFailure):
            said = _dns_reply(policy.product, hosts, copy.envelope.to(transfer.recipients))
            if hosts.temporary:
                self._defer(copy, [(v, said) for v in verdicts], dns, at_s, endless=self._dns_is_endless(at_s))
                return []
            return [(v._replace(reason=f"{v.reason}; {hosts.reason}"), said, copy.server) for v in verdicts]
        said, endless = reply(policy.product, "connection-timed-out", detail=transfer.hop.name), True
        for host in in_order(hosts):
            for address in host.addresses:
                server = self.setup.server_at.get(address)
                if server is None or not self.outages.joined(copy.server, server, at_s):
                    said = reply(policy.product, "connection-timed-out", detail=f"{host.name}[{address}]:25")
                    endless = server is None or not self._path_comes_back()
                elif self.outages.server_up_again_s(server, at_s) is not None or not self.setup.policies[server].listens:
                    said = reply(policy.product, "connection-refused", detail=f"{host.name}[{address}]:25")
                    endless = not self.setup.policies[server].listens or self.outages.is_endless(server, at_s)
                else:
                    return self._talk(copy, server, host, address, verdicts, dns, at_s)
        self._defer(copy, [(v, said) for v in verdicts], dns, at_s, endless=endless)
        return []

    def _talk(
        self, copy: _Queued, server: str, host: MailHost, address: str, verdicts: list[Verdict], dns: tuple[str, ...], at_s: float
    ) -> list[tuple[Verdict, Reply, str]]:
        """One SMTP transaction with `server`."""
        by_rcpt = {v.rcpt: v for v in verdicts}
        offered = copy.envelope.to(tuple(by_rcpt))
        policy = self.setup.policies[server]
        grey = None if policy.greylist_s is None else lambda c, s, r: self._greylisted(server, c, s, r, at_s)
        reception = receive(self.setup, server, copy.server, offered, self.setup.state_at(at_s), grey)
        self.transactions.append(
            Transaction(copy.server, server, len(reception.accepted), len(offered.recipients), reception.body_sent, at_s)
        )
        failed, late = [], []
        for refusal in reception.refused:
            said = refusal.reply._replace(text=f"{host.name}[{address}] said: {refusal.reply}")
            verdict = by_rcpt[refusal.rcpt]
            verdict = verdict._replace(reason=f"{verdict.reason}; {server} refused it: {refusal.reply}")
            if refusal.reply.temporary:
                late.append((verdict, said))
            else:
                failed.append((verdict, said, copy.server))
        if late:
            self._defer(copy, late, dns, at_s, endless=policy.greylist_s is None)
        if reception.accepted:
            behind = {
                r.address: (*self._with_reason(copy, by_rcpt[r], dns), Hop(server, "accepted", "", (), at_s)) for r in reception.accepted
            }
            taken = replace(offered.to(reception.accepted), received=offered.received + 1)
            self._put(at_s, _Queued(server, taken, copy.server, behind, copy.message, at_s))
        return failed

    def _greylisted(self, server: str, client: str, sender: str, rcpt: str, now_s: float) -> bool:
        first_s = self._greylists.setdefault((server, client, fold(sender), fold(rcpt)), now_s)
        return now_s - first_s < (self.setup.policies[server].greylist_s or 0.0)

    # --- ends ---

    def _with_reason(self, copy: _Queued, verdict: Verdict, dns: tuple[str, ...] = ()) -> tuple[Hop, ...]:
        """The hops behind a recipient's copy, the last one now with what this server did and why."""
        behind = copy.behind.get(verdict.rcpt.address) or copy.behind.get(verdict.rcpt.written) or next(iter(copy.behind.values()))
        last = behind[-1]
        return (*behind[:-1], last._replace(rule=verdict.rule, reason=last.reason + verdict.reason, dns=last.dns + dns))

    def _end(self, copy: _Queued, verdict: Verdict, outcome: Outcome, at_s: float, by: str | None = None, said: Reply | None = None) -> None:
        message = self.messages[copy.message]
        message.copies.append((verdict.rcpt.written, Copy(verdict.rcpt.address, outcome, self._with_reason(copy, verdict), by, said, at_s)))

    def _bounce(self, copy: _Queued, failed: list[tuple[Verdict, Reply, str]], at_s: float, outcome: Outcome = "bounced") -> None:
        """The recipients that failed end here; their sender gets one notice about them."""
        if not failed:
            return
        is_notice = copy.envelope.kind != "mail"
        for verdict, said, by in failed:
            self._end(copy, verdict, "discarded" if is_notice else outcome, at_s, by, said)
        self._notify(copy, tuple(v.rcpt.written for v, _, _ in failed), "dsn", at_s)

    def _notify(self, copy: _Queued, about: tuple[str, ...], kind: Literal["dsn", "delay"], at_s: float) -> None:
        notice = notice_for(copy.envelope, kind)
        if notice is None:
            return
        writer = self.setup.scenario.servers[copy.server].runs_on or copy.server
        self.messages.append(_Message(about=about, notice_by=copy.server, to=notice.recipients[0].address, kind=kind))
        hop = Hop(writer, "handed-in", "wrote the notice; ", (), at_s)
        self._put(at_s, _Queued(writer, notice, "own-user", {notice.recipients[0].address: (hop,)}, len(self.messages) - 1, at_s))

    def _defer(self, copy: _Queued, late: list[tuple[Verdict, Reply]], dns: tuple[str, ...], at_s: float, *, endless: bool) -> None:
        """Try again by the product's schedule, warn the sender, or give up when the mail is too old."""
        policy = self.setup.policies[copy.server]
        schedule = policy.retry
        message = self.messages[copy.message]
        first_s = copy.first_failure_s if copy.failures else at_s
        next_s = schedule.next_attempt_s(at_s, first_s, copy.failures + 1, copy.queued_s)
        expires_s = copy.queued_s + schedule.expire_after_s
        for verdict, said in late:
            message.deferrals.append((verdict.rcpt.written, Deferral(copy.server, verdict.rcpt.address, said, at_s, next_s)))
            message.expires[verdict.rcpt.written] = expires_s
        warn_s = copy.queued_s + schedule.warn_after_s if schedule.warn_after_s is not None else FOREVER
        warned = copy.warned
        if not warned and warn_s < min(next_s, expires_s) and copy.envelope.kind == "mail":
            warned = True
            message.warned.update({v.rcpt.written: warn_s for v, _ in late})
            if not endless:
                self._notify(copy, tuple(v.rcpt.written for v, _ in late), "delay", warn_s)
        if next_s < expires_s:
            envelope = copy.envelope.to(tuple(v.rcpt for v, _ in late))
            behind = {v.rcpt.address: copy.behind.get(v.rcpt.address) or self._behind(copy, v) for v, _ in late}
            again = replace(copy, envelope=envelope, behind=behind, failures=copy.failures + 1, first_failure_s=first_s, warned=warned)
            self._put(next_s, again)
            return
        last_reply = {v.rcpt: said for v, said in late}
        verdicts = [v._replace(reason=f"{v.reason}; {said}") for v, said in late]
        if endless:  # nobody knows when it will be mended: it waits, and would expire then
            for verdict in verdicts:
                self._end(copy, verdict, "deferred_in_queue", at_s, copy.server, last_reply[verdict.rcpt])
            return
        ends = []
        for verdict in verdicts:
            said = last_reply[verdict.rcpt]
            if not policy.expired_keeps_code:
                said = reply(policy.product, "expired", detail=said.text)
            ends.append((verdict, said, copy.server))
        self._bounce(copy, ends, expires_s, "expired")

    def _behind(self, copy: _Queued, verdict: Verdict) -> tuple[Hop, ...]:
        return copy.behind.get(verdict.rcpt.written) or next(iter(copy.behind.values()))

    # --- DNS and network ---

    def _hosts(self, server: str, hop: NextHop, now_s: float, asked: list[str]) -> MailHosts | DnsFailure:
        """Drive the MX rules, with this server's resolver answering at once; `asked` gets questions and answers in words."""
        policy = self.setup.policies.get(server)
        own = (policy.own_names, policy.own_addresses) if policy else (frozenset[str](), frozenset[str]())
        asking = mail_hosts(hop, *own)
        cache = self._caches.setdefault(server, Cache())
        try:
            question = next(asking)
            while True:
                answer = cache.get(question, now_s)
                source = " (cached)" if answer else ""
                if answer is None:
                    answer = self._answer(question, now_s, external=hop.external_dns)
                    cache.put(question, answer, now_s)
                asked.append(f"{question} -> {answer}{source}")
                question = asking.send(answer)
        except StopIteration as end:
            result: MailHosts | DnsFailure = end.value
            return result

    def _answer(self, question: Question, now_s: float, *, external: bool) -> Answer:
        if self.outages.up_again_s("dns", now_s) is not None:
            return Answer("TIMEOUT")
        return self.setup.answer(question, self.setup.state_at(now_s), external=external)

    def _first_server(self, hosts: MailHosts) -> str | None:
        return next((self.setup.server_at[a] for h in in_order(hosts) for a in h.addresses if a in self.setup.server_at), None)

    def _dns_is_endless(self, now_s: float) -> bool:
        if self.outages.up_again_s("dns", now_s) is not None:
            return self.outages.is_endless("dns", now_s)
        state = self.setup.state_at(now_s)
        return all(self.setup.state_at(t).failing == state.failing for t in self.setup.change_times_s() if t > now_s)

    def _path_comes_back(self) -> bool:
        return all(end != FOREVER for spans in self.outages.intervals.values() for _, end in spans)

    # --- the result ---

    def result(self, sender: str, addresses: tuple[str, ...]) -> Trace:
        """What became of every recipient as written."""
        notices = tuple(
            Notice(m.kind, m.notice_by, m.to, m.about, next((copy for _, copy in m.copies), None)) for m in self.messages[1:]
        )
        main = self.messages[0]
        recipients = []
        for address in dict.fromkeys(addresses):
            copies = [copy for written, copy in main.copies if written == address]
            doubled = {other for written, other in main.duplicates if written == address}
            copies += [copy for _, copy in main.copies if fold(copy.address) in doubled and copy not in copies]
            outcome = _worst([copy.outcome for copy in copies])
            dsn = next((n for n in notices if n.kind == "dsn" and address in n.about), None)
            late = tuple(d for written, d in main.deferrals if written == address)
            recipients.append(
                RecipientTrace(address, outcome, tuple(copies), dsn, late, main.expires.get(address), main.warned.get(address))
            )
        start = self.setup.scenario.run.start
        return Trace(sender, tuple(recipients), tuple(self.transactions), notices, start)


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    """A group is delivered only if every member is."""
    order: tuple[Outcome, ...] = ("bounced", "expired", "discarded", "refused_to_client", "deferred_in_queue", "delivered")
    return next((outcome for outcome in order if outcome in outcomes), "discarded")


def _dns_reply(product: str, failure: DnsFailure, envelope: Envelope) -> Reply:
    address = envelope.recipients[0].address
    return reply(product, failure.cause, address=address, domain=domain_of(address), detail=failure.reason)
