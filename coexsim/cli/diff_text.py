"""A comparison of routes in words, as Markdown for a pull request, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from coexsim.audit.classes import SMALL_BYTES
from coexsim.audit.diff import ClassChange, ClassOutcome, RouteDiff
from coexsim.cli.formats import Annotation, cell, code
from coexsim.cli.junit import JUnitCase
from coexsim.cli.paint import count, paint, paint_outcome
from coexsim.scenario.model import Scenario
from coexsim.units import say_bytes


def diff_lines(diff: RouteDiff) -> Iterator[str]:
    """Each class of mail that changes, before and after; then what is new and gone, and whose load it becomes."""
    if not diff.changed:
        yield diff_sum(diff)
        return
    yield f"{diff_sum(diff)}:"
    for change in diff.changes:
        yield f"{paint(_who(change), 'bold')}{_weight(change)}: {', '.join(change.what)}"
        yield f"  was  {_way(change.old)}"
        yield f"  now  {_way(change.new)}"
    yield ""
    yield from (f"{what}: {'; '.join(who)}" for what, who in _news(diff).items() if who)
    yield "messages taken in by each server, of 1000 of the mix:"
    width = max(len(load.server) for load in diff.loads) if diff.loads else 0
    for load in diff.loads:
        yield f"  {load.server:{width}s}  {load.old:9.1f} -> {load.new:7.1f}  ({load.moved:+.1f})"


def diff_markdown(diff: RouteDiff) -> Iterator[str]:
    """The same as a Markdown comment."""
    yield f"### Mail routes: {code(diff.old)} -> {code(diff.new)}"
    yield ""
    if not diff.changed:
        yield f"Nothing changed; {count(diff.compared, 'way')} of mail compared."
        return
    yield from (f"- **{what}**: {cell('; '.join(who))}" for what, who in _news(diff).items() if who)
    yield ""
    yield "| mail | of 1000 | was | now | changed |"
    yield "|---|---:|---|---|---|"
    for change in diff.changes:
        weight = f"{change.per_1000:.1f}" if change.size_bytes == SMALL_BYTES else ""
        ways = [_way(change.old, plain=True), _way(change.new, plain=True)]
        cells = [_who(change), weight, *ways, ", ".join(change.what)]
        yield "| " + " | ".join(map(cell, cells)) + " |"
    yield ""
    yield "| server | messages taken in, of 1000 | after | moved |"
    yield "|---|---:|---:|---:|"
    yield from (f"| {cell(load.server)} | {load.old:.1f} | {load.new:.1f} | {load.moved:+.1f} |" for load in diff.loads)


def diff_sum(diff: RouteDiff) -> str:
    """What changed, in a sentence."""
    if not diff.changed:
        return f"Nothing changed: {count(diff.compared, 'way')} of mail compared"
    one = len(diff.changes) == 1
    return f"{len(diff.changes)} class{'' if one else 'es'} of mail of {diff.compared} change{'s' if one else ''}"


def diff_marks(diff: RouteDiff, file: str, line: int) -> list[Annotation]:
    """A mark for each class that changed, at the place of the change: an error where mail bounces or loops that did not."""
    worse = [*diff.new_loops, *diff.new_failures]
    return [
        Annotation(
            "error" if change in worse else "warning", "ROUTE-CHANGED", file, line,
            f"{', '.join(change.what)}; was {_way(change.old, plain=True)}; now {_way(change.new, plain=True)}", _who(change),
        )
        for change in diff.changes
    ]  # fmt: skip


def diff_cases(diff: RouteDiff, marks: list[Annotation]) -> list[JUnitCase]:
    """A test case for each class that changed, and one that passed where nothing did."""
    if not marks:
        return [JUnitCase(diff_sum(diff), diff.new, 1)]
    return [JUnitCase(mark.title, mark.file, mark.line, mark.text) for mark in marks]


def place_of_change(old: Scenario, new: Scenario) -> tuple[str, int]:
    """File and line of the first key of the new scenario whose value differs, be it in a file that it extends."""
    path = _first_difference(_read_as(old), _read_as(new)) or ()
    return new.source.where(path)


def _read_as(scenario: Scenario) -> Any:
    return {key: value for key, value in scenario.to_data().items() if key not in ("title", "description", "sources")}


def _first_difference(old: Any, new: Any) -> tuple[str | int, ...] | None:
    """The path of the first leaf that differs; None where none does."""
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(key, old.get(key), new.get(key)) for key in dict.fromkeys([*new, *old])]
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        pairs = [(index, a, b) for index, (a, b) in enumerate(zip(old, new, strict=True))]
    else:
        return None if old == new else ()
    for key, a, b in pairs:
        below = _first_difference(a, b)
        if below is not None:
            return (key, *below)
    return None


def diff_data(diff: RouteDiff) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "old": diff.old,
        "new": diff.new,
        "changed": diff.changed,
        "compared": diff.compared,
        "changes": [
            {
                "sender": change.sender,
                "recipient": change.recipient,
                "size_bytes": change.size_bytes,
                "per_1000": change.per_1000,
                "what": change.what,
                "old": {**change.old._asdict(), "hops": change.old.hops},
                "new": {**change.new._asdict(), "hops": change.new.hops},
            }
            for change in diff.changes
        ],
        **{what.replace(" ", "_"): who for what, who in _news(diff).items()},
        "loads": [{**load._asdict(), "moved": load.moved} for load in diff.loads],
    }


def _news(diff: RouteDiff) -> dict[str, list[str]]:
    return {
        "new loops": list(dict.fromkeys(map(_who, diff.new_loops))),
        "new bounces": list(dict.fromkeys(map(_who, diff.new_failures))),
        "arrives now": list(dict.fromkeys(map(_who, diff.new_arrivals))),
        "new round trips": list(dict.fromkeys(map(_who, diff.new_round_trips))),
        "round trips gone": list(dict.fromkeys(map(_who, diff.gone_round_trips))),
    }


def _who(change: ClassChange) -> str:
    large = "" if change.size_bytes == SMALL_BYTES else f", above {say_bytes(change.size_bytes - 1)}"
    return f"{change.sender} to {change.recipient}{large}"


def _weight(change: ClassChange) -> str:
    return f" ({change.per_1000:.1f} of 1000 messages)" if change.size_bytes == SMALL_BYTES and change.per_1000 else ""


def _way(way: ClassOutcome, *, plain: bool = False) -> str:
    outcome = way.outcome.replace("_", " ") if plain else paint_outcome(way.outcome)
    code = f" {way.code}" if way.code else ""
    bounce = f"; bounce to {way.dsn_to} by {' -> '.join(way.dsn_servers)}" if way.dsn_to else ""
    return f"{way.route}: {outcome}{code}, {count(way.wan_crossings, 'WAN crossing')}{bounce}"
