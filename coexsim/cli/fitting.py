"""The command that reads mail logs: fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from coexsim.cli import options
from coexsim.cli.completion import scenario_files
from coexsim.cli.console import make_console
from coexsim.cli.envelope import envelope, figure, print_json
from coexsim.cli.folder import drop_pages, results_folder
from coexsim.cli.paint import paint, say
from coexsim.cli.progress_line import progress_bar

if TYPE_CHECKING:
    from coexsim.intake.fit import Fit

SHOWN = ("counts", "rates", "recipients", "sizes", "flows", "retries")

Logs = Annotated[
    list[Path],
    typer.Argument(metavar="LOG", help="mail logs, or folders of them; plain, gz, bz2, xz or zst", show_default=False),
]
Year = Annotated[
    int | None,
    typer.Option(
        "--year", metavar="YEAR", help="of the first line, where a syslog does not say it", show_default=False
    ),
]


Scenario = Annotated[
    Path | None,
    typer.Option(
        "--scenario", metavar="FILE", help="the set-up to extend; without it, worked out from the logs",
        autocompletion=scenario_files, show_default=False,
    ),
]  # fmt: skip
Domain = Annotated[
    str, typer.Option("--domain", metavar="NAME", help="the organisation's domain, where the logs leave it open", show_default=False)
]  # fmt: skip
Keep = Annotated[
    bool, typer.Option("--keep-addresses", help="people's addresses stay in the replay table", show_default=False)
]
Hash = Annotated[
    bool, typer.Option("--hash-addresses", help="people stay apart there, as salted hashes", show_default=False)
]


def fit(
    logs: Logs,
    scenario: Scenario = None,
    out: options.Out = None,
    domain: Domain = "",
    keep_addresses: Keep = False,
    hash_addresses: Hash = False,
    year: Year = None,
    pictures: options.Pictures = True,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:
    """Load, sizes, service times and retries from mail logs (Postfix, Exchange, Microsoft 365, Google, Domino), as a scenario.

    The scenario is loaded again and the log's own mail traced through it. Exit code: 0 done, 1 where it would end otherwise there than
    the log says, 3 where messages cannot be counted because lines are missing.
    """
    from coexsim.intake.fit import FITTED
    from coexsim.intake.fit import fit as run_fit
    from coexsim.intake.fit_ways import faults, without_work, wrong_ways
    from coexsim.scenario.load import load_scenario

    folder = results_folder(out, Path("fit.yaml"), verb="fit")
    addresses = "kept" if keep_addresses else "hashed" if hash_addresses else "sides"
    with progress_bar("fit", 1.0, quiet=quiet) as tell:
        found = run_fit(
            logs, scenario=scenario, folder=folder, domain=domain, addresses=addresses, year=year, progress=tell
        )
    found.save(folder)
    drop_pages(folder, "fit")
    if pictures:
        from coexsim.report.log_page import write_fit_page

        write_fit_page(found, folder)
    fitted = load_scenario(folder / FITTED)
    wrong = wrong_ways(found, fitted)
    errors = faults(fitted) if scenario is None else []
    code = 1 if errors or any(each.is_most for each in wrong) else 0
    code = code if found.complete.counts_hold else 3
    where = f"Scenario {folder / FITTED}; mail, figures{' and page' if pictures else ''} beside it"
    if as_json:
        data = _data(found, where, code, folder)
        print_json(data | {"wrong_ways": [each._asdict() for each in wrong], "errors": errors})
        return code
    if not quiet:
        _say(found)
        say(str(each) for each in wrong if not each.is_most)
        if idle := without_work(fitted):
            say(f"No work at the cores was measured at {', '.join(idle)}: 'size' cannot say how many these need")
    say(paint(f"The fitted scenario is at fault: {error}", "red") for error in errors)
    say(paint(str(each), "yellow") for each in wrong if each.is_most)
    say(where)
    return code


def _data(found: Fit, answer: str, code: int, folder: Path) -> dict[str, Any]:
    """What the logs say, for programs."""
    data = found.to_data()
    figures = [figure(f.name, f.topic, f.value, f.unit, low=f.low, high=f.high) for f in found.figures]
    return envelope("fit", answer, code, measured=data.pop("figures"), **data, figures=figures, folder=str(folder))


def _say(found: Fit) -> None:
    """What was read, and the figures that matter most."""
    from coexsim.report.log_page import figure_row
    from coexsim.report.tables import plain_table, titled

    console = make_console()
    for told in found.told:
        skipped = f"; {told.damaged:,} lines damaged, the first: {told.first_damaged}" if told.damaged else ""
        console.print(f"{Path(told.file).name}: {told.kind}, {told.lines:,} lines, {told.used:,} used{skipped}")
        for remark in (*told.remarks, *told.what_is_left):
            console.print(f"  {remark}")
    table = plain_table(["figure"], ["measured", "95 % interval", "messages", "profile"])
    notes = []
    for measured in found.figures:
        if measured.topic in SHOWN:
            name, value, interval, messages, assumed, remark = figure_row(measured)
            table.add_row(name, value, interval, messages, assumed)
            if remark:
                notes.append(f"{name}: {remark}")
    console.print(titled("\nWhat the logs say", table, *notes))
    if any(told.kind == "postfix" for told in found.told):
        console.print("Sizes are as handed in: Postfix's size= counts its own Received line too, which is taken off")
    for remark in found.clock_remarks:
        console.print(remark)
    for outage in found.outages:
        console.print(
            f"Outage: {outage.host}, {outage.to_s - outage.from_s:.0f} s, {outage.failures} failures to reach it"
        )
