"""What a server reaches at a moment of a walk: DNS through its own cache, and other servers over links that are up."""

from __future__ import annotations

from typing import NamedTuple

from coexsim.mail.dns import Answer, Cache, DnsFailure, MailHost, MailHosts, Question, in_order, mail_hosts
from coexsim.mail.message import NextHop, Reply
from coexsim.mail.outages import FOREVER, Outages
from coexsim.mail.replies import reply
from coexsim.mail.setup import Setup

CACHED = " (cached)"
_NOBODY: frozenset[str] = frozenset()


class NoContact(NamedTuple):
    """Nobody answers at an address; `mends`: at a known time somebody will."""

    reply: Reply
    mends: bool


class Reach:
    """Name servers and network as the walk's servers find them; each server remembers what it was told."""

    def __init__(self, setup: Setup, outages: Outages) -> None:
        self._setup = setup
        self._outages = outages
        self._caches: dict[
            tuple[str, bool], Cache
        ] = {}  # by server, and by external DNS or not: the answers may differ

    def hosts(self, client: str, hop: NextHop, now_s: float, asked: list[str]) -> MailHosts | DnsFailure:
        """Drive the MX rules, answering at once; `asked` gets questions and answers in words. A `client` may be no server."""
        policy = self._setup.policies.get(client)
        asking = mail_hosts(hop, policy.own_names if policy else _NOBODY, policy.own_addresses if policy else _NOBODY)
        cache = self._caches.setdefault((client, hop.external_dns), Cache())
        try:
            question = next(asking)
            while True:
                answer = cache.get(question, now_s)
                source = CACHED if answer else ""
                if answer is None:
                    answer = self._answer(question, now_s, external=hop.external_dns)
                    cache.put(question, answer, now_s)
                asked.append(f"{question} -> {answer}{source}")
                question = asking.send(answer)
        except StopIteration as end:
            result: MailHosts | DnsFailure = end.value
            return result

    def _answer(self, question: Question, now_s: float, *, external: bool) -> Answer:
        if self._outages.up_again_s("dns", now_s) is not None:
            return Answer("TIMEOUT")
        return self._setup.answer(question, self._setup.state_at(now_s), external=external)

    def first_server(self, hosts: MailHosts) -> str | None:
        """The server of the scenario that comes first among hosts."""
        at = self._setup.server_at
        return next((at[address] for host in in_order(hosts) for address in host.addresses if address in at), None)

    def server_at(self, client: str, host: MailHost, address: str, now_s: float) -> str | NoContact:
        """The server that answers on port 25 of an address."""
        product = self._setup.policies[client].product
        server = self._setup.server_at.get(address)
        where = f"{host.name}[{address}]:25"
        if server is None or not self._outages.joined(client, server, now_s):
            return NoContact(
                reply(product, "connection-timed-out", detail=where), server is not None and self._links_come_back()
            )
        listens = self._setup.policies[server].listens
        if self._outages.server_up_again_s(server, now_s) is not None or not listens:
            comes_back = listens and not self._outages.is_endless(server, now_s)
            return NoContact(reply(product, "connection-refused", detail=where), comes_back)
        return server

    def dns_mends(self, now_s: float) -> bool:
        """Will name servers or zones answer otherwise at a known time."""
        if self._outages.up_again_s("dns", now_s) is not None:
            return not self._outages.is_endless("dns", now_s)
        setup = self._setup
        failing = setup.state_at(now_s).failing
        return any(setup.state_at(t).failing != failing for t in setup.change_times_s() if t > now_s)

    def _links_come_back(self) -> bool:
        labels = {link.label for link in self._setup.scenario.links}
        return all(
            end != FOREVER for name, spans in self._outages.intervals.items() if name in labels for _, end in spans
        )
