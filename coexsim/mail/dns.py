"""DNS as mail uses it: questions and answers, a cache with TTLs, and the MX rules (RFC 5321 5.1, 2181, 2308, 7505).

`mail_hosts` is written as a generator that asks questions: `trace` answers them at once, the simulation lets time pass.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Literal, NamedTuple

from coexsim.mail.message import MANY_NAMES, SMTP_PORT, NextHop, Reply


class Question(NamedTuple):
    """What is asked of DNS."""

    name: str
    type: str

    def __str__(self) -> str:
        return f"{self.name} {self.type}"


class Answer(NamedTuple):
    """What DNS says: ``NOERROR``, ``NXDOMAIN``, ``SERVFAIL`` or ``TIMEOUT``; records as (preference, host) or addresses."""

    status: str
    mx: tuple[tuple[int, str], ...] = ()
    addresses: tuple[str, ...] = ()
    ttl_s: float = 0.0
    alias: str = ""

    @property
    def temporary(self) -> bool:
        """The question may be answered later."""
        return self.status in ("SERVFAIL", "TIMEOUT")

    def __str__(self) -> str:
        said = ", ".join(f"{preference} {host or '.'}" for preference, host in self.mx) or ", ".join(self.addresses)
        if self.status != "NOERROR":
            said = {"NXDOMAIN": "no such name", "SERVFAIL": "server failure", "TIMEOUT": "no answer"}[self.status]
        return (f"alias of {self.alias}, " if self.alias else "") + (said or "no such record")


class MailHost(NamedTuple):
    """A host that takes mail for a domain, with its addresses."""

    name: str
    preference: int
    addresses: tuple[str, ...]
    port: int = SMTP_PORT


class MailHosts(NamedTuple):
    """The hosts to try, in groups of equal preference: inside a group the order is by lot (RFC 5321 5.1)."""

    groups: tuple[tuple[MailHost, ...], ...]
    dropped: tuple[str, ...] = ()


class DnsFailure(NamedTuple):
    """Why there is no host to try; `cause` is a key of the reply catalogue, unless the `reply` is known. `frozen`: mail that waits for it
    is not tried again by the schedule.
    """

    cause: str
    temporary: bool
    reason: str
    reply: Reply | None = None
    frozen: bool = False


Families = Literal["A", "A or AAAA", "both"]
"""Which addresses are asked for: of IPv4 alone, of IPv6 only where there is none of IPv4, or of both."""
MxLookup = Generator[Question, Answer, MailHosts | DnsFailure]


def mail_hosts(
    target: NextHop, own_names: frozenset[str], own_addresses: frozenset[str], families: Families = "A or AAAA"
) -> MxLookup:
    """Which hosts take mail for `target`, asked step by step. The sender's own names and addresses serve against loops.

    Where both families are asked for, IPv6 comes first (RFC 6724).
    """
    if target.kept is not None:
        return DnsFailure("kept", True, target.kept.text, target.kept, frozen=target.held)
    if not target.others:
        return (yield from _hosts_of(target, own_names, own_addresses, families))
    equals: list[MailHost] = []
    first_failure: DnsFailure | None = None
    for one in (target._replace(others=(), in_order=False), *target.others):
        found = yield from _hosts_of(one, own_names, own_addresses, families)
        if isinstance(found, MailHosts):
            equals += [host for group in found.groups for host in group]
        else:
            first_failure = first_failure or found
    if first_failure and not equals:
        return first_failure
    return MailHosts(tuple((host,) for host in equals) if target.in_order else (tuple(equals),))


def _hosts_of(
    target: NextHop, own_names: frozenset[str], own_addresses: frozenset[str], families: Families
) -> MxLookup:
    if target.port != SMTP_PORT:  # another listener of one's own machine is no loop (Postfix: smtp_connect.c)
        listeners = yield from _hosts_of(target._replace(port=SMTP_PORT), frozenset(), frozenset(), families)
        return listeners if isinstance(listeners, DnsFailure) else _at_port(listeners, target.port)
    if not target.by_mx or is_address(target.name):
        return (yield from _single_host(target.name, own_names, own_addresses, families))
    answer = yield Question(target.name, "MX")
    if answer.temporary:
        return DnsFailure("dns-temporary", True, f"{target.name} MX: {answer}")
    if answer.status == "NXDOMAIN":
        return DnsFailure("no-such-domain", False, f"{target.name}: no such domain")
    if any(host == "" for _, host in answer.mx):  # also beside others, where RFC 7505 forbids it: seen with Postfix
        return DnsFailure("null-mx", False, f"{target.name} has a null MX (RFC 7505): it does not accept mail")
    if not answer.mx:  # implicit MX: the domain itself, preference 0
        return (yield from _single_host(target.name, own_names, own_addresses, families))
    hosts: list[MailHost] = []
    failures: list[DnsFailure] = []
    for preference, host in sorted(answer.mx):
        found = yield from _addresses(host, families)
        if isinstance(found, DnsFailure):
            failures.append(found)
        if host in own_names or not isinstance(found, DnsFailure):
            hosts.append(MailHost(host, preference, () if isinstance(found, DnsFailure) else found))
    own = [h.preference for h in hosts if h.name in own_names or own_addresses.intersection(h.addresses)]
    worst = min(own, default=math.inf)  # hosts as good as oneself, and worse ones, are left out (RFC 5321 5.1)
    kept = [h for h in hosts if h.addresses and h.preference < worst]
    if not kept:
        if own and min(preference for preference, _ in answer.mx) < worst:
            # Seen in Postfix's source: better hosts there are, but none has an address that is known now.
            reason = f"unable to find primary relay for {target.name}"
            return DnsFailure("primary-not-found", True, reason)
        if own:
            return DnsFailure("loops-to-self", False, f"the best MX of {target.name} is this server itself")
        return next((failure for failure in failures if failure.temporary), failures[0])
    groups = tuple(tuple(group) for _, group in groupby(kept, attrgetter("preference")))
    return MailHosts(groups, tuple(h.name for h in hosts if not h.addresses or h.preference >= worst))


def _at_port(hosts: MailHosts, port: int) -> MailHosts:
    return hosts._replace(groups=tuple(tuple(host._replace(port=port) for host in group) for group in hosts.groups))


def _single_host(name: str, own_names: frozenset[str], own_addresses: frozenset[str], families: Families) -> MxLookup:
    found = yield from _addresses(name, families)
    if name in own_names or (not isinstance(found, DnsFailure) and own_addresses.intersection(found)):
        return DnsFailure("loops-to-self", False, f"{name} is this server itself")
    if isinstance(found, DnsFailure):
        return found
    return MailHosts(((MailHost(name, 0, found),),))


def _addresses(host: str, families: Families) -> Generator[Question, Answer, tuple[str, ...] | DnsFailure]:
    if is_address(host):
        return (host,)
    answer = yield Question(host, "A")
    wanted = families == "both" or (families == "A or AAAA" and not answer.addresses)
    if answer.status == "NOERROR" and wanted:
        ipv4 = answer.addresses
        answer = yield Question(host, "AAAA")
        answer = answer._replace(addresses=answer.addresses + ipv4, status="NOERROR" if ipv4 else answer.status)
    if answer.temporary:
        return DnsFailure("dns-temporary", True, f"{host} A: {answer}")
    if not answer.addresses:
        return DnsFailure(
            "no-address",
            False,
            f"{host} has no address record" if answer.status == "NOERROR" else f"{host}: no such name",
        )
    return answer.addresses


@lru_cache(maxsize=MANY_NAMES)
def is_address(text: str) -> bool:
    """Is `text` an IP address rather than a name."""
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def literal_address(domain: str) -> str | None:
    """The IP address in an address literal, ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 4.1.3); None: it is none."""
    if not (domain.startswith("[") and domain.endswith("]")):
        return None
    inside = domain[1:-1]
    address = inside[5:] if inside[:5].casefold() == "ipv6:" else inside
    return address if is_address(address) and (":" in address) == (address != inside) else None


def hop_to_domain(domain: str, *, external_dns: bool = True) -> NextHop:
    """Where mail for a domain goes without a route: by its MX; by address where the domain is one (an address literal)."""
    address = literal_address(domain)
    return NextHop(domain if address is None else address, by_mx=address is None, external_dns=external_dns)


class Cache:
    """A resolver's memory: answers are kept for their TTL, "no" for the negative TTL (RFC 2308)."""

    def __init__(self) -> None:
        self._kept: dict[Question, tuple[float, Answer]] = {}

    def get(self, question: Question, now_s: float) -> Answer | None:
        """The kept answer, if it has not grown too old."""
        until_s, answer = self._kept.get(question, (-1.0, None))
        return answer if now_s < until_s else None

    def until(self, question: Question) -> float:
        """Until when the kept answer holds."""
        return self._kept[question][0]

    def put(self, question: Question, answer: Answer, now_s: float) -> None:
        """Keep an answer for its TTL; a server that did not answer is asked again."""
        if answer.status != "TIMEOUT":
            self._kept[question] = (now_s + answer.ttl_s, answer)


def in_order(hosts: MailHosts, draw: Sequence[float] = ()) -> list[MailHost]:
    """The hosts in the order to try them; among equals by the numbers drawn (as listed where there are none)."""
    ordered: list[MailHost] = []
    position = 0
    for group in hosts.groups:
        if len(group) > 1 and draw:
            keys = {host.name: draw[(position + i) % len(draw)] for i, host in enumerate(group)}
            ordered.extend(sorted(group, key=lambda host: keys[host.name]))
        else:
            ordered.extend(group)
        position += len(group)
    return ordered


def listener(address: str, port: int = SMTP_PORT) -> str:
    """An address with its port, as servers are found by it; port 25 is left out."""
    return address if port == SMTP_PORT else f"{address}:{port}"


def server_behind(server_at: Mapping[str, str], address: str, port: int = SMTP_PORT) -> str | None:
    """The server that listens there. At a port at which no server of the scenario listens it is the one at port 25 of that address."""
    return server_at.get(listener(address, port)) or server_at.get(address)
