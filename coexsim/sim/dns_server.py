"""DNS in time: name servers as a process that answers one question after another, and resolvers that remember."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import simpy
from simpy.events import ProcessGenerator

from coexsim.mail.dns import Answer, Cache, DnsFailure, MailHosts, Question, mail_hosts
from coexsim.mail.message import NextHop
from coexsim.sim.calendar import Calendar


class Known(NamedTuple):
    """What a resolver knows of a next hop, and until when. `addresses`: in the order to try them; None where lots decide.

    `counts` are those of the questions that it rests on, as in `Resolver.asked`.
    """

    until_s: float
    hosts: MailHosts
    addresses: tuple[str, ...] | None
    counts: tuple[list[int], ...]

    def note_uses(self, times: int = 1) -> None:
        """It was looked up so many times: each of its questions was answered from the cache."""
        for count in self.counts:
            count[1] += times


Asked = Generator[simpy.Event, Any, Known | DnsFailure]


class NameServer:
    """The authoritative name servers, as one process: takes `answer_s` for each question; says nothing while down."""

    def __init__(
        self,
        env: simpy.Environment,
        answer: Callable[[Question, bool], Answer],
        answer_s: float,
        timeout_s: float,
        calendar: Calendar,
    ) -> None:
        self._env = env
        self.answer = answer
        self._answer_s = answer_s
        self._timeout_s = timeout_s
        self._calendar = calendar
        self._inbox: simpy.Store = simpy.Store(env)
        env.process(self._serve())

    def _serve(self) -> ProcessGenerator:
        while True:
            question, external, done = yield self._inbox.get()
            if self._answer_s:
                yield self._env.timeout(self._answer_s)
            done.succeed(self.answer(question, external))

    def ask(self, question: Question, external: bool, round_trip_s: float) -> Generator[simpy.Event, Any, Answer]:
        """The answer, after a round trip and the server's work; a time-out when it is down."""
        if not self._calendar.is_open(self._env.now):
            yield self._env.timeout(self._timeout_s)
            return Answer("TIMEOUT")
        if round_trip_s:
            yield self._env.timeout(round_trip_s)
        done = self._env.event()
        self._inbox.put((question, external, done))
        answer: Answer = yield done
        if answer.status == "TIMEOUT":
            yield self._env.timeout(self._timeout_s)
        return answer


class Resolver:
    """A DNS cache beside a mail server. It also keeps what the MX rules made of the answers, for as long as they hold."""

    __slots__ = ("_asking", "_caches", "_env", "_known", "_name_server", "_own", "asked", "round_trip_s")

    def __init__(
        self, env: simpy.Environment, name_server: NameServer, own: tuple[frozenset[str], frozenset[str]], round_trip_s: float,
        asked: dict[Question, list[int]],
    ) -> None:  # fmt: skip
        self._env = env
        self._name_server = name_server
        self._own = own
        self.round_trip_s = round_trip_s
        self._caches = {False: Cache(), True: Cache()}  # by external DNS or not: the answers may differ
        self._asking: dict[tuple[Question, bool], simpy.Event] = {}
        self._known: dict[NextHop, Known] = {}
        self.asked = asked  # question -> [sent to the name server, answered without it, failed]

    def known(self, hop: NextHop) -> Known | None:
        """The hosts of a next hop, if all answers they rest on are still fresh."""
        known = self._known.get(hop)
        return known if known is not None and self._env.now < known.until_s else None

    def hosts_at_once(self, hop: NextHop) -> MailHosts | None:
        """What DNS would make of a next hop just now, if it took no time. Nothing is asked or remembered."""
        asking = mail_hosts(hop, *self._own)
        try:
            question = next(asking)
            while True:
                question = asking.send(self._name_server.answer(question, hop.external_dns))
        except StopIteration as end:
            found: MailHosts | DnsFailure = end.value
        return found if isinstance(found, MailHosts) else None

    def ask(self, hop: NextHop) -> Asked:
        """The hosts of a next hop; asks what is not in the cache and waits for the answers."""
        asking, cache = mail_hosts(hop, *self._own), self._caches[hop.external_dns]
        fresh_until_s = float("inf")
        counts: list[list[int]] = []
        try:
            question = next(asking)
            while True:
                answer = cache.get(question, self._env.now)
                count = self.asked.setdefault(question, [0, 0, 0])
                counts.append(count)
                if answer is None:
                    answer = yield from self._fetch(question, hop.external_dns, count)
                    fresh_until_s = min(fresh_until_s, self._env.now + answer.ttl_s)
                else:
                    count[1] += 1
                    fresh_until_s = min(fresh_until_s, cache.until(question))
                question = asking.send(answer)
        except StopIteration as end:
            found: MailHosts | DnsFailure = end.value
        if isinstance(found, DnsFailure):
            return found
        sure = all(len(group) == 1 for group in found.groups)
        addresses = tuple(a for group in found.groups for a in group[0].addresses) if sure else None
        known = self._known[hop] = Known(fresh_until_s, found, addresses, tuple(counts))
        return known

    def _fetch(self, question: Question, external: bool, count: list[int]) -> Generator[simpy.Event, Any, Answer]:
        """The name server's answer. Who has the same question meanwhile waits for that answer too (RFC 5452 section 5)."""
        asking = self._asking.get((question, external))
        if asking is not None:
            count[1] += 1
            shared: Answer = yield asking
            return shared
        asking = self._asking[question, external] = simpy.Event(self._env)
        count[0] += 1
        answer = yield from self._name_server.ask(question, external, self.round_trip_s)
        count[2] += answer.temporary
        self._caches[external].put(question, answer, self._env.now)
        del self._asking[question, external]
        if asking.callbacks:
            asking.succeed(answer)
        return answer
