"""The command that sets prediction beside measurement: validate."""

from __future__ import annotations

from typing import Annotated

import typer

from coexsim.cli import options
from coexsim.cli.console import make_console
from coexsim.cli.fitting import REPORTS, Logs, Year

COLOURS = {"met": "green", "missed": "red", "cannot say": "yellow"}
CODES = {"met": 0, "missed": 1, "cannot say": 3}


def validate(
    scenario: options.ScenarioFile,
    logs: Logs,
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="SHARE", min=0.001, max=10.0, help="how far off is still met")
    ] = 0.10,
    replications: options.Replications = None,
    seed: options.Seed = None,
    out: options.Out = None,
    year: Year = None,
    pictures: options.Pictures = True,
) -> int:
    """Replay the logs' own mail through a scenario: delays, load, queues and retries, predicted beside measured.

    Exit code: 0 all that can be judged is within the tolerance, 1 something is not, 3 nothing can be judged.
    """
    from coexsim.experiment.store import write_json
    from coexsim.intake.validate import validate as run_validate

    found = run_validate(scenario, logs, tolerance=tolerance, replications=replications, seed=seed, year=year)
    folder = out or REPORTS / f"{scenario.stem}-validation"
    folder.mkdir(parents=True, exist_ok=True)
    write_json(found.to_data(), folder / "validation.json")
    console = make_console()
    for remark in found.remarks:
        console.print(remark)
    for comparison in found.comparisons:
        console.print(comparison.say(found.tolerance), style=COLOURS[comparison.verdict])
    counts = ", ".join(f"{sum(c.verdict == verdict for c in found.comparisons)} {verdict}" for verdict in COLOURS)
    console.print(f"{found.verdict}: of {len(found.comparisons)} comparisons {counts}", style="bold")
    if pictures:
        from coexsim.report.log_page import write_validation_page

        console.print(f"Page: {write_validation_page(found, folder)}")
    return CODES[found.verdict]
