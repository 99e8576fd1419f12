"""A comparison of routes in words, as Markdown for a pull request, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from coexsim.audit.classes import SMALL_BYTES
from coexsim.audit.diff import Change, RouteDiff, Way
from coexsim.cli.paint import count, paint, paint_outcome
from coexsim.units import say_bytes


def diff_lines(diff: RouteDiff) -> Iterator[str]:
    """Each class of mail that changes, before and after; then what is new and gone, and whose load it becomes."""
    if not diff.changed:
        yield f"nothing changed: {count(diff.compared, 'way')} of mail compared"
        return
    yield f"{count(len(diff.changes), 'class').replace('classs', 'classes')} of mail of {diff.compared} change:"
    for change in diff.changes:
        yield f"{paint(_who(change), 'bold')}{_weight(change)}: {', '.join(change.what)}"
        yield f"  was  {_way(change.old)}"
        yield f"  now  {_way(change.new)}"
    yield ""
    yield from (f"{what}: {'; '.join(who)}" for what, who in _news(diff).items() if who)
    yield "messages taken in by each server, of 1000 of the mix:"
    width = max(len(load.server) for load in diff.loads) if diff.loads else 0
    for load in diff.loads:
        yield f"  {load.server:{width}s}  {load.old:7.0f} -> {load.new:5.0f}  ({load.moved:+.0f})"


def diff_markdown(diff: RouteDiff) -> Iterator[str]:
    """The same as a Markdown comment."""
    yield f"### Mail routes: `{diff.old}` -> `{diff.new}`"
    yield ""
    if not diff.changed:
        yield f"Nothing changed; {count(diff.compared, 'way')} of mail compared."
        return
    yield from (f"- **{what}**: {'; '.join(who)}" for what, who in _news(diff).items() if who)
    yield ""
    yield "| mail | of 1000 | was | now | changed |"
    yield "|---|---:|---|---|---|"
    for change in diff.changes:
        weight = f"{change.per_1000:.0f}" if change.size_bytes == SMALL_BYTES else ""
        cells = [
            _who(change),
            weight,
            _way(change.old, plain=True),
            _way(change.new, plain=True),
            ", ".join(change.what),
        ]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""
    yield "| server | messages taken in, of 1000 | after | moved |"
    yield "|---|---:|---:|---:|"
    yield from (f"| {load.server} | {load.old:.0f} | {load.new:.0f} | {load.moved:+.0f} |" for load in diff.loads)


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


def _who(change: Change) -> str:
    large = "" if change.size_bytes == SMALL_BYTES else f", above {say_bytes(change.size_bytes - 1)}"
    return f"{change.sender} to {change.recipient}{large}"


def _weight(change: Change) -> str:
    return f" ({change.per_1000:.0f} of 1000 messages)" if change.size_bytes == SMALL_BYTES and change.per_1000 else ""


def _way(way: Way, *, plain: bool = False) -> str:
    outcome = way.outcome.replace("_", " ") if plain else paint_outcome(way.outcome)
    code = f" {way.code}" if way.code else ""
    bounce = f"; bounce to {way.dsn_to} by {' -> '.join(way.dsn_servers)}" if way.dsn_to else ""
    return f"{way.route}: {outcome}{code}, {count(way.wan_crossings, 'WAN crossing')}{bounce}"
