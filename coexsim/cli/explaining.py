"""What `coexsim explain SCENARIO` prints."""

from __future__ import annotations

from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coexsim.cli.console import make_console
from coexsim.cli.envelope import envelope, figure, print_json
from coexsim.cli.folder import CANNOT_WRITE, Keeping, results_folder
from coexsim.cli.paint import count, say
from coexsim.units import say_duration

if TYPE_CHECKING:
    from coexsim.analysis.explain import Explanation
    from coexsim.analysis.loads import Loads


def explain_scenario(path: Path, *, out: Path | None = None, quiet: bool = False, as_json: bool = False) -> int:
    """Routes, rules in force, expected load by theory, assumptions and doubts of a scenario file; with `out` as a page, too."""
    from coexsim.analysis.explain import explain
    from coexsim.report.words import scope
    from coexsim.scenario.load import load_scenario

    scenario = load_scenario(path)
    folder = results_folder(out, path, verb="explain") if out is not None else None
    keeping = Keeping()
    found = explain(scenario)
    title = scenario.title or str(path)
    from_memory = sum(each.is_from_memory for each in found.assumptions)
    answer = (
        f"{title}: {count(len(found.routes), 'way')} of mail, {count(len(found.doubts), 'doubt')}, "
        f"{count(len(found.assumptions), 'figure')} assumed, {from_memory} of them from memory"
    )
    if folder is not None:
        from coexsim.report.explain_page import write_explanation

        keeping.write(partial(write_explanation, found, scenario, folder, answer))
    if as_json:
        data = _data(found) | {"scope": scope(scenario)}
        code = CANNOT_WRITE if keeping.failed else 0
        print_json(envelope("explain", answer, code, provenance={"file": scenario.source.file}, **data))
    elif quiet:
        say(answer)
    else:
        _say_explanation(answer, found, scope(scenario))
    return keeping.exit_code(0)


def _data(found: Explanation) -> dict[str, Any]:
    """The explanation for programs; of the expected loads the figures."""
    loads = found.loads.stations if found.loads is not None else ()
    return {
        "routes": [route._asdict() for route in found.routes],
        "rules": found.rules,
        "doubts": found.doubts,
        "assumptions": [{**each._asdict(), "from_memory": each.is_from_memory} for each in found.assumptions],
        "figures": [
            entry
            for s in loads
            for entry in (
                figure("utilisation by theory", f"{s.server} {s.stage}", s.utilisation, "1"),
                figure("mean wait by theory", f"{s.server} {s.stage}", s.wait_s, "s"),
                figure(f"visits a second in the {found.peak}", f"{s.server} {s.stage}", s.busiest_per_s, "1/s"),
            )
        ],
    }


def _say_explanation(answer: str, found: Explanation, counted: str) -> None:
    from coexsim.report.tables import plain_table, titled, words

    console = make_console()
    console.print(f"{answer}.", style="bold")
    console.print()
    routes = plain_table(["from", "to", "goes over", "ends"], [])
    for route in found.routes:
        routes.add_row(
            route.sender, route.recipient, " > ".join(route.servers), f"{route.outcome} {route.code}".strip()
        )
    console.print(titled("Where mail goes", routes))
    for line in found.rules:
        console.print(f"\n{line}")
    if found.loads is not None:
        console.print()
        console.print(_loads(found.loads, found.peak))
    for doubt in found.doubts:
        console.print(words("\n", ("Doubt:", "bold"), f" {doubt}"))
    console.print(f"\n{counted}")
    if found.assumptions:
        console.print("\nWhat is assumed, and from where", style="bold")
        for each in found.assumptions:
            value = f" = {each.value}" if each.value else ""
            unit = f" [{each.unit}]" if each.unit else ""
            style = "yellow" if each.is_from_memory else ""
            console.print(words("  ", (f"{each.path}{value}{unit}: {each.source}", style)))
            console.print(words("      to change it: ", each.line))


def _loads(loads: Loads, peak: str) -> object:
    from coexsim.report.tables import plain_table, titled

    title = f"Expected load by theory ({loads.messages_per_s:.3g} messages/s in the measured window; peak: the {peak})"
    heads = [
        "visits a\nmessage",
        "a second,\nat the peak",
        "time\neach",
        "workers",
        "busy at\nthe peak",
        "mean\nwait",
    ]
    table = plain_table(["station"], heads)
    for s in loads.stations:
        limited = isfinite(s.workers)
        busy = f"{100 * s.utilisation:.1f} %" if limited else f"{s.busiest_per_s * s.service_s:.2g} busy"
        workers = f"{s.workers:.0f}" if limited else "no limit"
        wait = ("0 s" if s.wait_s < 1e-6 else say_duration(s.wait_s)) if limited else "-"
        table.add_row(
            f"{s.server} {s.stage}",
            f"{s.visits_per_message:.2f}",
            f"{s.busiest_per_s:.3g}",
            say_duration(s.service_s),
            workers,
            busy,
            wait,
        )
    return titled(title, table)
