"""What a scenario says before it runs, and what an import read, as one page each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import isfinite
from pathlib import Path

from coexsim.analysis.explain import Explanation
from coexsim.analysis.loads import Loads
from coexsim.intake.configs.found import FoundKey
from coexsim.intake.configs.write import Imported
from coexsim.intake.configs.yaml_text import flow, plain_of
from coexsim.report.headings import page_head, say_set_up
from coexsim.report.maps import plot_topology
from coexsim.report.plain_page import Section, write_plain_page
from coexsim.report.words import say_stage, scope
from coexsim.scenario.model import Scenario
from coexsim.units import say_duration

MOST_ALIKE = 6
"""Keys of one table with the same value that are each a row of the page."""
SETTINGS_ONLY = "Read from the files that were given; nothing is known of what other machines do with the mail."


def write_explanation(found: Explanation, scenario: Scenario, folder: str | Path, answer: str) -> Path:
    """Write ``report.html`` and ``topology.png``: routes, rules, load by theory, doubts and assumptions. Returns the page's path."""
    of = scenario.title or scenario.source.file
    asked = [("Scenario", scenario.source.file), ("Domain", scenario.domain)]
    title = page_head([answer.removeprefix(f"{of}: ")], of)
    return write_plain_page(
        folder, title, asked, [f"{answer}."], list(_of_scenario(found, scenario)), scope(scenario), of=of
    )


def _of_scenario(found: Explanation, scenario: Scenario) -> Iterator[Section]:
    yield Section(say_set_up(scenario), "topology", plot_topology(scenario))
    ways = [
        [each.sender, each.recipient, " > ".join(each.servers), f"{each.outcome} {each.code}".strip()]
        for each in found.routes
    ]
    kept = sum(each.outcome == "delivered" for each in found.routes)
    heading = f"{kept} of {len(ways)} ways of mail end in a mailbox or at the other domain"
    yield Section(heading, heads=["from", "to", "goes over", "ends"], rows=ways)
    if found.rules:
        heading = f"{len(found.rules)} rule{'s decide' if len(found.rules) != 1 else ' decides'} where mail goes next"
        yield Section(heading, heads=["rule"], rows=[[line] for line in found.rules])
    if found.loads is not None:
        yield _of_loads(found.loads, found.peak)
    if found.doubts:
        things = f"{len(found.doubts)} thing{'s' * (len(found.doubts) != 1)} to doubt in any answer"
        yield Section(things, heads=["doubt"], rows=[[doubt] for doubt in found.doubts])
    if found.assumptions:
        memory = sum(each.is_from_memory for each in found.assumptions)
        rows = [
            [each.path, each.said, each.source, each.line]
            for each in sorted(found.assumptions, key=lambda each: not each.is_from_memory)
        ]
        heading = f"{len(rows)} figures are assumed, {memory} of them from memory: the first to replace by your own"
        yield Section(heading, heads=["figure", "value", "from", "to change it"], rows=rows)


def _of_loads(loads: Loads, peak: str) -> Section:
    limited = [each for each in loads.stations if isfinite(each.workers)]
    heading = "Nothing that takes time has a limit"
    if limited:
        top = max(limited, key=lambda each: each.utilisation)
        what = f"the link {top.server} is" if top.stage == "link" else f"{top.server}'s {say_stage(top.stage)} are"
        heading = f"By theory {what} the busiest: {100 * top.utilisation:.0f} % in the {peak}"
    rows = [
        [f"{s.server} {s.stage}", f"{s.visits_per_message:.2f}", f"{s.busiest_per_s:.3g}", say_duration(s.service_s),
         f"{s.workers:.0f}" if isfinite(s.workers) else "no limit",
         f"{100 * s.utilisation:.1f} %" if isfinite(s.workers) else f"{s.busiest_per_s * s.service_s:.2g} busy"]
        for s in loads.stations
    ]  # fmt: skip
    heads = ["station", "visits a message", "a second, at the peak", "time each", "workers", "busy at the peak"]
    note = f"{loads.messages_per_s:.3g} messages/s in the measured window; peak: the {peak}."
    return Section(heading, heads=heads, rows=rows, note=note)


def write_import(found: Imported, folder: str | Path, answer: Sequence[str], kind: str) -> Path:
    """Write ``report.html``: what was read from which line, what changed, and what is not modelled. Returns the page's path."""
    matters = [one for one in found.unused if one.matters]
    unused = [
        [str(one.where), f"{one.what} = {one.value}", one.meaning] for one in sorted(found.unused, key=lambda one: not one.matters)
    ]  # fmt: skip
    count = f"{len(matters)} setting{'s' * (len(matters) != 1)}" if matters else "No setting"
    are = "is" if len(matters) < 2 else "are"
    left_out = f"{count} that could change an answer {are} left out"
    told = f"{left_out}; {len(unused) - len(matters)} have no part in any"
    keys = list(_keys(found))
    changes = [[change.path, change.old, change.new] for change in found.changes]
    sections = [
        Section(told, heads=["where", "setting", "what that means"], rows=unused),
        Section(
            f"{len(changes)} key{'s' * (len(changes) != 1)} had another value",
            heads=["key", "was", "is now"],
            rows=changes,
        ),
        Section(
            f"{len(found.keys)} key{'s come' if len(found.keys) != 1 else ' comes'} from these lines",
            heads=["key", "value", "from", "note"],
            rows=keys,
        ),
    ]
    counts = [(what, f"{number:,}") for what, number in sorted(found.counts.items())]
    shown = [section for section in sections if section.rows]
    keys_told = f"{len(found.keys):,} key{'s' * (len(found.keys) != 1)}"
    title = f"{keys_told} from {kind}; {left_out[0].lower()}{left_out[1:]}"
    return write_plain_page(folder, title, counts, answer, shown, SETTINGS_ONLY, of=f"What the {kind} files say")


def _written(key: FoundKey) -> str:
    """The value as it stands in the scenario."""
    value = plain_of(key.value)
    return flow(value) if isinstance(value, dict | list) else str(value)


def _keys(found: Imported) -> Iterator[list[str]]:
    """Rows of key, value, line and note; of many keys of one table with the same value, such as a transport's, the first and the last."""

    def table_of(key: FoundKey) -> tuple[tuple[str, ...], str, str]:
        return tuple(map(str, key.path[:-1])), str(plain_of(key.value)), key.note

    for _, group in groupby(found.keys, key=table_of):
        alike = list(group)
        shown = alike if len(alike) <= MOST_ALIKE else [alike[0], alike[-1]]
        for key in shown:
            row = [
                ".".join(map(str, key.path)),
                _written(key),
                str(key.where) if key.where else "",
                key.note,
            ]
            if len(shown) < len(alike) and key is alike[0]:
                row[3] = "; ".join(filter(None, [key.note, f"and {len(alike) - 2:,} more to the next line"]))
            yield row
