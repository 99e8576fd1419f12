"""The routes of a server, found by the pattern that they match: thousands of domains cost one look each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from coexsim.mail.message import NextHop, Reply, domain_of, fold

LITERALS = "[]"
"""The pattern of every address literal, such as ``[192.0.2.1]``."""


class RouteEntry(NamedTuple):
    """Where mail for matching recipients is sent; no `hop` means by the recipient's MX."""

    pattern: str  # an address, a domain, "*.domain", `LITERALS`, or "*"
    hop: NextHop | None
    rule: str
    cost: int = 1
    max_size_bytes: int | None = None
    to_smart_host: bool = False
    external_dns: bool = True
    by_sender: bool = False  # gives way to a relay host of the sender's own
    forced: bool = False  # taken before the directory is asked: also by mail for people with a mail file here
    said_by: str = "the transport table"  # where a forced one stands, in the product's words
    refuses: Reply | None = None  # mail that would take it ends here, with this reply; one of 2xx: it is thrown away


def hops_of(routes: Iterable[RouteEntry]) -> frozenset[NextHop]:
    """All next hops that routes name, also those that stand beside others."""
    return frozenset(hop for route in routes if route.hop for hop in (route.hop, *route.hop.others))


class RouteTable(tuple[RouteEntry, ...]):
    """The routes in the order in which they are written."""

    @cached_property
    def _by_pattern(self) -> Mapping[str, list[RouteEntry]]:
        found: dict[str, list[RouteEntry]] = {}
        for route in self:
            found.setdefault(route.pattern, []).append(route)
        return found

    @cached_property
    def forced(self) -> RouteTable:
        """Those that are taken before the directory is asked."""
        return RouteTable(route for route in self if route.forced)

    def best(self, address: str, size_bytes: int = 0, *, named: bool = False) -> RouteEntry | None:
        """The best route: address before domain before parent domain before ``*``; then the lowest cost, then as written.

        `named` leaves out ``*``. Routes whose size limit is too small are passed over, as Exchange does [MS-SC].
        """
        for pattern in _patterns(address, named=named) if self else ():
            fits = [
                route
                for route in self._by_pattern.get(pattern, ())
                if route.max_size_bytes is None or size_bytes <= route.max_size_bytes
            ]
            if fits:
                return min(fits, key=lambda route: route.cost)
        return None


def _patterns(address: str, *, named: bool) -> Iterator[str]:
    """What a route may be written for that an address matches, the nearest first."""
    domain = domain_of(address)
    yield fold(address)
    yield domain
    parents = domain.split(".")
    yield from ("*." + ".".join(parents[i:]) for i in range(1, len(parents)))
    if domain[:1] == "[":
        yield LITERALS
    if not named:
        yield "*"
