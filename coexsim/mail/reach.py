"""What a server can reach at a time of a trace: DNS through its own cache, and other servers over links that are up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from coexsim.mail.dns import (
    Answer,
    Cache,
    DnsFailure,
    Families,
    MailHosts,
    MxLookup,
    Question,
    in_order,
    mail_hosts,
    server_behind,
)
from coexsim.mail.effects import Host
from coexsim.mail.message import MANY_NAMES, SMTP_PORT, NextHop, Reply
from coexsim.mail.outages import FOREVER, Outages
from coexsim.mail.policy import Policy
from coexsim.mail.replies import reply
from coexsim.mail.setup import Setup, State

WhyNotReached = Callable[[str, str], str | None]
"""Given a client and a server: why the client cannot connect, as the cause of its reply; None: it can."""
CACHED = " (cached)"
LOOPBACK = frozenset(
    {"127.0.0.1", "::1", "0.0.0.0"}
)  # of every machine; MX records of whoever takes no mail lead there
_NOBODY: frozenset[str] = frozenset()


class NoContact(NamedTuple):
    """No server answers at an address; `recoverable`: one will, at a known time."""

    reply: Reply
    recoverable: bool


def why_unreached(*, joined: bool, answers: bool) -> str | None:
    """Why no connection comes about, as the cause of the reply: no way there, or nobody answers at that port; None: it does."""
    if not joined:
        return "connection-timed-out"
    return None if answers else "connection-refused"


def answered_at_once(lookup: MxLookup, answer: Callable[[Question], Answer]) -> MailHosts | DnsFailure:
    """Drive the MX rules where DNS takes no time."""
    try:
        question = next(lookup)
        while True:
            question = lookup.send(answer(question))
    except StopIteration as end:
        result: MailHosts | DnsFailure = end.value
        return result


def mx_lookup(hop: NextHop, policy: Policy | None) -> MxLookup:
    """The MX rules for a next hop, as asked by a server, or by anybody outside."""
    if policy is None:
        return mail_hosts(hop, _NOBODY, _NOBODY)
    if hop.port != SMTP_PORT and hop.name in LOOPBACK | {"localhost"} and policy.own_addresses:
        hop = hop._replace(name=min(policy.own_addresses))  # another listener of this machine
    lookup = mail_hosts(hop, policy.own_names, policy.own_addresses | LOOPBACK, policy.families)
    if policy.sends_to_itself:
        lookup = _also_to_itself(hop, lookup, policy.families)
    return _without(policy.ignores_hosts, lookup) if policy.ignores_hosts and hop.by_mx else lookup


def _also_to_itself(hop: NextHop, lookup: MxLookup, families: Families) -> MxLookup:
    """The MX rules where the hosts are tried though the first of them is the server itself (Exim: ``self = send``)."""
    found = yield from lookup
    if isinstance(found, DnsFailure) and found.cause == "loops-to-self":
        found = yield from mail_hosts(hop, _NOBODY, _NOBODY, families)
    return found


def _without(networks: tuple[str, ...], lookup: MxLookup) -> MxLookup:
    """The MX rules where hosts in some networks count for nothing (Exim: ignore_target_hosts)."""
    try:
        question = next(lookup)
        while True:
            answer: Answer = yield question
            kept = tuple(address for address in answer.addresses if not _lies_in(address, networks))
            question = lookup.send(answer._replace(addresses=kept))
    except StopIteration as end:
        result: MailHosts | DnsFailure = end.value
        return result


@lru_cache(maxsize=MANY_NAMES)
def _lies_in(address: str, networks: tuple[str, ...]) -> bool:
    return any(ip_address(address) in ip_network(network, strict=False) for network in networks)


def hosts_at_once(setup: Setup, hop: NextHop, policy: Policy | None, state: State) -> MailHosts | DnsFailure:
    """The hosts of a next hop in a state of the world, no name server being out of service."""
    return answered_at_once(mx_lookup(hop, policy), lambda q: setup.answer(q, state, external=hop.external_dns))


def addresses(server_at: Mapping[str, str], hosts: MailHosts, lots: Sequence[float] = ()) -> tuple[Host, ...]:
    """The addresses of mail hosts in the order to try them, those of equal preference by lot (as listed where none are drawn).

    `server_at`: the scenario's servers by listener.
    """
    return tuple(
        Host(host.name, a, server_behind(server_at, a, host.port), host.port)
        for host in in_order(hosts, lots)
        for a in host.addresses
    )


class Reach:
    """Name servers and network as the servers of a trace find them; each server remembers what it was told."""

    def __init__(self, setup: Setup, outages: Outages) -> None:
        self._setup = setup
        self._outages = outages
        self._caches: dict[tuple[str, bool], Cache] = {}  # by server, and by external DNS or not: answers may differ

    def hosts(self, client: str, hop: NextHop, now_s: float, asked: list[str]) -> MailHosts | DnsFailure:
        """The hosts of a next hop; `asked` gets questions and answers in words. A `client` may be no server."""
        cache = self._caches.setdefault((client, hop.external_dns), Cache())

        def answer(question: Question) -> Answer:
            kept = cache.get(question, now_s)
            found = kept or self._answer(question, now_s, external=hop.external_dns)
            if kept is None:
                cache.put(question, found, now_s)
            asked.append(f"{question} -> {found}{CACHED if kept else ''}")
            return found

        return answered_at_once(mx_lookup(hop, self._setup.policies.get(client)), answer)

    def _answer(self, question: Question, now_s: float, *, external: bool) -> Answer:
        if self._outages.up_again_s("dns", now_s) is not None:
            return Answer("TIMEOUT")
        return self._setup.answer(question, self._setup.state_at(now_s), external=external)

    def server_at(self, client: str, host: Host, now_s: float) -> str | NoContact:
        """The server that answers at an address and port."""
        server = host.server
        cause = "connection-timed-out" if server is None else self._why_not(client, server, now_s)
        if server is not None and cause is None:
            return server
        said = reply(
            self._setup.policies[client].product, cause or "", detail=f"{host.name}[{host.address}]:{host.port}"
        )
        if cause == "connection-timed-out":
            return NoContact(said, server is not None and self._will_be_joined(client, server, now_s))
        assert server is not None
        return NoContact(said, self._setup.policies[server].listens and not self._outages.is_endless(server, now_s))

    def why_not_at(self, now_s: float) -> WhyNotReached:
        """Why a server cannot connect to another at a time; None: it can."""
        return lambda client, server: self._why_not(client, server, now_s)

    def _why_not(self, client: str, server: str, now_s: float) -> str | None:
        joined = self._outages.joined(client, server, now_s)
        up = self._outages.server_up_again_s(server, now_s) is None
        return why_unreached(joined=joined, answers=up and self._setup.policies[server].listens)

    def dns_is_recoverable(self, now_s: float) -> bool:
        """Will name servers or zones answer otherwise at a known time."""
        if self._outages.up_again_s("dns", now_s) is not None:
            return not self._outages.is_endless("dns", now_s)
        return self._setup.zones_will_change(now_s)

    def _will_be_joined(self, client: str, server: str, now_s: float) -> bool:
        """Will links that are down come back at a known time, and join the two."""
        labels = {link.label for link in self._setup.scenario.links}
        ends = {end for name, spans in self._outages.intervals.items() if name in labels for _, end in spans}
        return any(now_s < end < FOREVER and self._outages.joined(client, server, end) for end in ends)
