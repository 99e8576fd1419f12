"""The table of routes: which one is the best, and that thousands of domains cost one look each."""

from __future__ import annotations

import pytest

from coexsim.mail.message import NextHop
from coexsim.mail.route_table import RouteEntry, RouteTable

HOP = NextHop("mx.example", by_mx=False)


def entry(pattern: str, rule: str = "", **more: object) -> RouteEntry:
    """A route that is told by its rule, or by its pattern."""
    return RouteEntry(pattern, HOP, rule or pattern, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("address", "rule"),
    [
        ("ann@a.b.example", "ann@a.b.example"),
        ("Bob@A.b.example", "a.b.example"),
        ("bob@x.a.b.example", "*.a.b.example"),
        ("bob@x.b.example", "*.b.example"),
        ("bob@b.example", "*.example"),
        ("bob@other.net", "*"),
    ],
)
def test_the_nearest_pattern_is_taken(address: str, rule: str) -> None:
    """transport(5): address, domain, parent domains from the nearest on, then everything."""
    patterns = ["*", "*.example", "*.b.example", "a.b.example", "*.a.b.example", "ann@a.b.example"]
    best = RouteTable(map(entry, patterns)).best(address)

    assert best is not None
    assert best.rule == rule


def test_of_equal_patterns_the_cheapest_that_takes_the_size_is_best() -> None:
    """Exchange passes a connector over that does not take so much [MS-SC]; of two of one cost the first is taken."""
    table = RouteTable(
        [entry("*", "small", cost=1, max_size_bytes=10), entry("*", "first", cost=2), entry("*", "second", cost=2)]
    )

    assert [getattr(table.best("a@b.example", size), "rule", None) for size in (10, 11)] == ["small", "first"]
    assert table.best("a@b.example", named=True) is None
    assert RouteTable().best("a@b.example") is None


def test_forced_routes_are_a_table_of_their_own() -> None:
    """Only those are asked before the directory is."""
    table = RouteTable([entry("b.example", "usual"), entry("*", "all", forced=True)])

    assert [route.rule for route in table.forced] == ["all"]
    assert getattr(table.forced.best("a@b.example"), "rule", None) == "all"


def test_a_look_does_not_read_the_other_routes() -> None:
    """A server with twenty thousand domains once compared each message with each of them, three times over."""
    compared = 0

    class Counted(str):
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    table = RouteTable(entry(Counted(f"r{n}.example")) for n in range(1000))
    assert table.best("a@r0.example") is not None
    compared = 0
    for n in range(100):
        assert table.best(f"a@r{n}.example") is not None

    assert compared <= 300
