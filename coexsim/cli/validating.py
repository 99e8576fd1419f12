"""The command that sets prediction beside measurement: validate."""

from __future__ import annotations

from typing import Annotated

import typer

from coexsim.answers import EXIT_CODES, STYLES
from coexsim.cli import options
from coexsim.cli.console import make_console
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.fitting import Logs, Year
from coexsim.cli.folder import drop_pages, results_folder
from coexsim.cli.paint import say
from coexsim.cli.progress_line import progress_bar


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
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:
    """Replay the logs' own mail through a scenario: delays, load, queues and retries, predicted beside measured.

    Exit code: 0 all that can be judged is within the tolerance, 1 something is not, 3 nothing can be judged.
    """
    from coexsim.experiment.store import write_json
    from coexsim.intake.validate import validate as run_validate

    folder = results_folder(out, scenario, "-validation", verb="validate")
    with progress_bar("validate", 1.0, quiet=quiet) as tell:
        found = run_validate(
            scenario, logs, tolerance=tolerance, replications=replications, seed=seed, year=year, progress=tell
        )
    write_json(found.to_data(), folder / "validation.json")
    drop_pages(folder, "validate")
    page = ""
    if pictures:
        from coexsim.report.log_page import write_validation_page

        page = f"Page: {write_validation_page(found, folder)}"
    counts = ", ".join(f"{sum(c.verdict == verdict for c in found.comparisons)} {verdict}" for verdict in STYLES)
    answer = f"{found.verdict}: of {len(found.comparisons)} comparisons {counts}"
    code = EXIT_CODES[found.verdict]
    if as_json:
        print_json(envelope("validate", answer, code, **found.to_data(), folder=str(folder)))
        return code
    console = make_console()
    if not quiet:
        for remark in found.remarks:
            console.print(remark)
        for comparison in found.comparisons:
            console.print(comparison.say(found.tolerance), style=STYLES[comparison.verdict])
    console.print(answer, style="bold")
    if page and not quiet:
        say(page)
    return code
