"""What `coexsim explain SCENARIO` prints."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from coexsim.cli.console import make_console
from coexsim.units import say_duration

if TYPE_CHECKING:
    from coexsim.analysis.loads import Loads


def explain_scenario(path: Path) -> None:
    """Routes, rules in force, expected load by theory, assumptions and doubts of a scenario file."""
    from coexsim.analysis.explain import explain
    from coexsim.report.tables import plain_table, titled, words
    from coexsim.scenario.load import load_scenario

    scenario = load_scenario(path)
    found = explain(scenario)
    console = make_console()
    console.print(scenario.title or str(path), style="bold")
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
        console.print(_loads(found.loads))
    for doubt in found.doubts:
        console.print(words("\n", ("Doubt:", "bold"), f" {doubt}"))
    if found.assumptions:
        console.print("\nWhat is assumed, and from where", style="bold")
        for each in found.assumptions:
            console.print(f"  {each.key}: {each.source}", style="yellow" if each.from_memory else None)


def _loads(loads: Loads) -> object:
    from coexsim.report.tables import plain_table, titled

    title = f"Expected load by theory ({loads.messages_per_s:.3g} messages/s in the measured window)"
    heads = [
        "visits\na message",
        "a second,\nbusiest hour",
        "time\neach",
        "workers",
        "busy,\nbusiest hour",
        "mean wait,\nwhole window",
    ]
    table = plain_table(["station"], heads)
    for s in loads.stations:
        limited = isfinite(s.workers)
        busy = f"{100 * s.utilisation:.1f} %" if limited else f"{s.busiest_per_s * s.service_s:.3g} at once"
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
