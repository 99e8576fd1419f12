"""What a check costs grows with its input, not with its square: groups within groups, many MX records."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coexsim.audit.check import check
from coexsim.audit.classes import pairs, recipients, senders
from coexsim.audit.diff import diff_routes
from coexsim.mail.setup import Setup
from coexsim.mail.trace import trace
from coexsim.scenario.model import Scenario
from tests.audit.cases import article_with, zone

HALF, WHOLE = 500, 1000


def diamonds(depth: int) -> str:
    """Groups that reach the next one by two ways: 2 to the power of `depth` ways lead to the last."""
    groups = [f"g{n}: [g{n + 1}, h{n}], h{n}: [g{n + 1}]" for n in range(depth)]
    return f"directory: {{groups: {{{', '.join(groups)}, g{depth}: [iUser1]}}}}"


def many_mx(count: int) -> str:
    """As many MX records, of as many preferences, every other one with a host that has no address."""
    lines = [f"@ 1h IN MX {n} mx{n}.corporate.com." for n in range(count)]
    lines += [f"mx{n} 1h IN A 192.0.2.10" for n in range(0, count, 2)]
    return zone(*lines, "domino 1h IN A 192.0.2.10")


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of this package Python runs for some work: a measure of time that no other load disturbs."""
    count = 0
    own = str(Path(check.__code__.co_filename).parents[1])

    def local(_frame: object, event: str, _arg: object) -> object:
        nonlocal count
        count += event == "line"
        return local

    def calls(frame: object, _event: str, _arg: object) -> object:
        return local if frame.f_code.co_filename.startswith(own) else None  # type: ignore[attr-defined]

    before = sys.gettrace()
    sys.settrace(calls)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("written", [diamonds, many_mx])
def test_a_check_grows_with_its_input(written: Callable[[int], str]) -> None:
    """Twice the groups, or twice the MX records, cost at most 2.5 times the work."""
    half, whole = (article_with(written(n)) for n in (HALF // 5, WHOLE // 5))

    assert lines_run(lambda: check(whole)) <= 2.5 * lines_run(lambda: check(half))


def listed(head: str, entry: str, tail: str) -> Callable[[int], str]:
    """A scenario with `n` entries of one kind; `{n}` in an entry is its number."""
    return lambda n: head + ", ".join(entry.replace("{n}", str(number)) for number in range(n)) + tail


LINKED = (
    "sites: [office, hosted, internet, {}]\nlinks: [{{between: [office, hosted]}}, {{between: [office, internet]}}, {}]"
)
LISTS = {
    "acknowledge": listed("acknowledge: [", "{code: BACKSCATTER, where: x{n}, reason: known}", "]"),
    "relays": listed("servers: {", "r{n}: {kind: relay, site: hosted, host: r{n}.example}", "}"),
    "externals": listed("servers: {", "r{n}: {kind: external, site: internet, domain: r{n}.example}", "}"),
    "sites": lambda n: LINKED.format(
        ", ".join(f"s{i}" for i in range(n)), ", ".join(f"{{between: [office, s{i}]}}" for i in range(n))
    ),
    "events": listed("run: {length: 1 d}\nevents: [", "{at: {n} s, for: 1 s, down: onprem}", "]"),
    "moves": listed(
        "run: {length: 300 d}\ndirectory: {population: {onprem: 5000, hosted: 5000}}\nevents: [",
        "{at: {n} h, move: 3, to: hosted}",
        "]",
    ),
    "zones": listed("dns: {", "z{n}.example: '@ IN MX 10 mail'", "}"),
    "global domains": listed("servers: {onprem: {global_domain: [corporate.com, ", "d{n}.example", "]}}"),
    "people": listed("directory: {people: {", "u{n}: {mail_file: onprem}", "}}"),
    "forwarding to colleagues": listed(
        "directory: {people: {",
        "u{n}: {mail_file: onprem, forwarding_address: v{n}@corporate.com}, v{n}: {mail_file: onprem}",
        "}}",
    ),
    "forwarding outside": listed(
        "directory: {people: {", "u{n}: {mail_file: onprem, forwarding_address: v{n}@otherdomain.com}", "}}"
    ),
    "groups": listed("directory: {groups: {", "g{n}: [iUser1, dUser1]", "}}"),
    "fallback relays": listed(
        "servers: {out: {kind: postfix, host: out.example, relayhost: in.example, smtp_fallback_relay: [",
        "r{n}.example",
        "]}}",
    ),
    "fallback hosts": listed(
        "servers: {out: {kind: exim, host: out.example, smart_host: in.example, fallback_hosts: [",
        "r{n}.example",
        "]}}",
    ),
    "messages": listed("messages: [", "{from: iUser1, to: iUser2, name: m{n}}", "]"),
    "objectives": listed("objectives: [", "p95(delay, hosted->hosted) < 1{n} s", "]"),
    "streams": listed(
        "directory: {population: {onprem: 9, hosted: 9}}\nload: {streams: [",
        "{from: onprem, to: hosted, rate: 1/h, name: s{n}}",
        "]}",
    ),
}


SIZES = {
    "acknowledge": 200,
    "relays": 80,
    "externals": 15,
    "global domains": 15,
    "moves": 25,
    "fallback relays": 200,
    "fallback hosts": 200,
}
"""Where the square once showed; and fewer where each entry is a class of mail of its own."""


@pytest.mark.parametrize("kind", LISTS)
def test_every_list_of_a_scenario_may_be_long(kind: str) -> None:
    """Twice the entries cost at most 2.5 times the work, for a check as for one message."""
    n = SIZES.get(kind, 60)
    half, whole = (article_with(LISTS[kind](number)) for number in (n, 2 * n))

    assert lines_run(lambda: check(whole)) <= 2.5 * lines_run(lambda: check(half))
    way = ("someuser@otherdomain.com", "iUser1")
    assert lines_run(lambda: trace(whole, *way)) <= 2.5 * lines_run(lambda: trace(half, *way))


@pytest.mark.parametrize(
    "more", ["", "\nservers: {inotes-inbound: {max_message_size: 1 KB}}", "\ndns: {corporate.com: '@ IN MX 10 x'}"]
)
def test_a_migration_in_steps_is_checked_as_if_all_wrote_to_all(more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """People who move at other moments are tried with the typical classes only: the findings are those of every pair."""
    scenario = article_with(LISTS["moves"](5) + more)  # the first at once: then it is over
    found = [(each.code, each.path, each.text.partition(" from ")[0]) for each in check(scenario).findings]
    froms, tos = senders(Setup(scenario)), recipients(Setup(scenario))
    assert sum(not each.is_typical for each in froms) == 3

    every = [(one, two) for one in froms for two in tos if not one.side == two.side == "internet"]
    assert 0 < len(every) - len(list(pairs(froms, tos))) == 3 * 3
    monkeypatch.setattr("coexsim.audit.flows.pairs", lambda *_: every)
    assert [(each.code, each.path, each.text.partition(" from ")[0]) for each in check(scenario).findings] == found


def test_a_diff_grows_with_the_moves() -> None:
    """Twice the moments at which people move cost at most 2.5 times the work."""
    more = "\nservers: {inotes-inbound: {max_message_size: 1 KB}}"
    half, whole = ([article_with(LISTS["moves"](n) + each) for each in ("", more)] for n in (25, 50))

    assert lines_run(lambda: diff_routes(*whole)) <= 2.5 * lines_run(lambda: diff_routes(*half))


def test_a_diff_of_a_migration_weighs_all_mail() -> None:
    """Nobody has moved yet when ways are compared: loads, and mail that changes, are those of the set-ups without moves."""
    more = "\nservers: {inotes-inbound: {max_message_size: 1 KB}}"
    moves, still = (
        diff_routes(*(article_with(moves + each) for each in ("", more)))
        for moves in (LISTS["moves"](5).replace("at: 0 h", "at: 9 h"), LISTS["moves"](0))
    )

    assert len(moves.changes) > len(still.changes) > 0
    assert [each.server for each in moves.loads] == [each.server for each in still.loads]
    for one, other in zip(moves.loads, still.loads, strict=True):
        assert (one.old, one.new) == pytest.approx((other.old, other.new))
    changed = [sum(each.per_1000 for each in found.changes) for found in (moves, still)]
    assert changed[0] == pytest.approx(changed[1])
    assert changed[0] > 100


def test_growth_with_the_square_is_found() -> None:
    """The measure says no to what it should."""

    def square(n: int) -> Callable[[], object]:
        scenario = article_with(diamonds(n))
        return lambda: [trace(scenario, "dUser1", f"g{i}") for i in range(n)]

    assert lines_run(square(40)) > 2.5 * lines_run(square(20))


@pytest.mark.parametrize("recipient", ["iUser1", "dUser1"])
def test_members_of_groups_in_diamonds_get_one_copy(recipient: str) -> None:
    """Each group is opened once, however many ways lead to it, and a chain of groups may be long."""
    scenario: Scenario = article_with(diamonds(WHOLE).replace("iUser1", recipient))
    result = trace(scenario, "someuser@otherdomain.com", "g0")

    assert result.outcome == "delivered"
    assert len(result.recipients[0].copies) == 1


def test_many_mx_records_are_tried_in_order() -> None:
    """The best host that has an address takes the mail."""
    result = trace(Setup(article_with(many_mx(1_000))), "someuser@otherdomain.com", "dUser1")

    assert (result.outcome, result.servers) == ("delivered", ("external", "onprem"))
