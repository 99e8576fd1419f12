"""DNS in time: name servers as a process that answers one question after another, and resolvers that remember."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import simpy
from simpy.events import ProcessGenerator

from coexsim.mail.dns import Answer, Cache, DnsFailure, MailHosts, Question
from coexsim.mail.effects import Host
from coexsim.mail.message import NextHop
from coexsim.mail.policy import Policy
from coexsim.mail.reach import addresses, mx_lookup
from coexsim.rng import keyed_uniform
from coexsim.sim.downtime import DowntimeSchedule


class CachedHosts(NamedTuple):
    """What a resolver knows of a next hop, and until when. `in_turn`: its addresses in the order to try them; None where lots decide.

    `counts` are those of the questions that it rests on, as in `Resolver.asked`.
    """

    until_s: float
    hosts: MailHosts
    in_turn: tuple[Host, ...] | None
    counts: tuple[list[int], ...]

    def note_use(self) -> None:
        """It was looked up: each of its questions was answered from the cache."""
        for count in self.counts:
            count[1] += 1


Asked = Generator[simpy.Event, Any, CachedHosts | DnsFailure]


def mx_lots(seed: int, replication: int, hosts: MailHosts, mail: int, attempts: int) -> list[float]:
    """A lot for each host, which orders those of equal preference (RFC 5321 5.1); a mail's own, and another for each attempt."""
    count = sum(len(group) for group in hosts.groups)
    return [keyed_uniform(seed, replication, f"mx/{i}", abs(mail), attempts) for i in range(count)]


class NameServer:
    """The authoritative name servers, as one process: takes `answer_s` for each question; says nothing while down."""

    def __init__(
        self,
        env: simpy.Environment,
        answer: Callable[[Question, bool], Answer],
        answer_s: float,
        timeout_s: float,
        downtime: DowntimeSchedule,
    ) -> None:
        self._env = env
        self._answer = answer
        self._answer_s = answer_s
        self._timeout_s = timeout_s
        self._downtime = downtime
        self._inbox: simpy.Store = simpy.Store(env)
        env.process(self._serve())

    def _serve(self) -> ProcessGenerator:
        while True:
            question, external, done = yield self._inbox.get()
            if self._answer_s:
                yield self._env.timeout(self._answer_s)
            done.succeed(self._answer(question, external))

    def ask(self, question: Question, external: bool, round_trip_s: float) -> Generator[simpy.Event, Any, Answer]:
        """The answer, after a round trip and the server's work; a time-out when it is down."""
        if not self._downtime.is_up(self._env.now):
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
    """A DNS cache beside a mail server. It also keeps what the MX rules made of the answers, for as long as they hold.

    `policy` is the server's that asks, None for anybody's; `server_at` knows servers by address.
    """

    __slots__ = (
        "_asking",
        "_cached",
        "_caches",
        "_env",
        "_name_server",
        "_policy",
        "_server_at",
        "asked",
        "round_trip_s",
    )

    def __init__(
        self, env: simpy.Environment, name_server: NameServer, policy: Policy | None, server_at: dict[str, str],
        round_trip_s: float, asked: dict[Question, list[int]],
    ) -> None:  # fmt: skip
        self._env = env
        self._name_server = name_server
        self._policy = policy
        self._server_at = server_at
        self.round_trip_s = round_trip_s
        self._caches = {False: Cache(), True: Cache()}  # by external DNS or not: the answers may differ
        self._asking: dict[tuple[Question, bool], simpy.Event] = {}
        self._cached: dict[NextHop, CachedHosts] = {}
        self.asked = asked  # question -> [sent to the name server, answered without it, failed]

    def hosts(self, hop: NextHop) -> Asked:
        """The hosts of a next hop: from the cache as long as all answers they rest on are fresh, else as DNS says now."""
        cached = self._cached.get(hop)
        if cached is None or self._env.now >= cached.until_s:
            return (yield from self._ask(hop))
        cached.note_use()
        return cached

    def _ask(self, hop: NextHop) -> Asked:
        """Drive the MX rules: ask what is not in the cache and wait for the answers."""
        asking, cache = mx_lookup(hop, self._policy), self._caches[hop.external_dns]
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
        in_turn = addresses(self._server_at, found) if sure else None
        cached = self._cached[hop] = CachedHosts(fresh_until_s, found, in_turn, tuple(counts))
        return cached

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


class Resolvers:
    """The DNS caches of a server, one for each sender that it stands for; a cache is made when its sender first asks.

    `round_trip_s` is the time to the name servers and back; `one` makes an empty cache.
    """

    def __init__(self, count: int, round_trip_s: float, one: Callable[[], Resolver]) -> None:
        self._count = count
        self.round_trip_s = round_trip_s
        self._one = one
        self._made: dict[int, Resolver] = {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, sender: int) -> Resolver:
        made = self._made.get(sender)
        if made is None:
            made = self._made[sender] = self._one()
        return made
