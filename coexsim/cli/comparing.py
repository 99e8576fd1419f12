"""The command that runs two scenarios under the same mail: compare."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from coexsim.cli import options
from coexsim.cli.console import make_console
from coexsim.cli.envelope import envelope, print_json
from coexsim.cli.folder import CANNOT_WRITE, Keeping, drop_pages, results_folder
from coexsim.cli.large import ask_first
from coexsim.cli.paint import say
from coexsim.cli.progress_line import progress_bar

if TYPE_CHECKING:
    from coexsim.analysis.compare import Comparison

CHANCE = "Each interval stands for itself, at 95 %: of twenty figures that do not differ at all, chance makes about one seem to."


def compare(
    a: Annotated[Path, options.scenario_argument("A", "a scenario file")],
    b: Annotated[Path, options.scenario_argument("B", "another one")],
    replications: options.Replications = 4,
    out: options.Out = None,
    seed: options.Seed = None,
    pictures: options.Pictures = True,
    jobs: options.Jobs = None,
    dask: options.Dask = None,
    engine: options.EngineName = "auto",
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """The same mail through two set-ups: differences, message by message, with 95 % intervals; B minus A.

    With --out tables, a picture and a page are kept.

    Exit code: 0 no difference is shown, 1 something differs.
    """
    from coexsim.analysis.compare import compare as run_compare
    from coexsim.experiment.executors import open_executor
    from coexsim.report.words import not_counted, scope
    from coexsim.scenario.load import load_scenario

    one, other = load_scenario(a), load_scenario(b)
    folder = results_folder(out, a, verb="compare") if out is not None else None
    count = replications or 1
    for scenario in (one, other):
        ask_first(scenario, count, yes, engine=engine, quiet=quiet)
    with progress_bar("replications of both", count, quiet=quiet) as tell, open_executor(jobs, dask) as executor:
        found = run_compare(
            one,
            other,
            replications=count,
            seed=seed,
            executor=executor,
            jobs=1,
            progress=lambda done, of: tell(done, f"{done} of {of} runs", of=of),
            engine=engine,
        )
    keeping = Keeping()
    if folder is not None:
        from coexsim.report.differences import write_comparison

        keeping.write(partial(drop_pages, folder, "compare"))
        keeping.write(partial(write_comparison, found, folder, scope(one), pictures=pictures))
    if as_json:
        code = CANNOT_WRITE if keeping.failed else int(found.differs)
        kept = None if folder is None or keeping.failed else str(folder)
        print_json(
            _data(found, one.source.file, other.source.file) | {"exit_code": code, "scope": scope(one), "folder": kept}
        )
    elif quiet:
        say([found.headline, not_counted(one)])
    else:
        _say_comparison(found, a, b)
        make_console().print(scope(one))
        if folder is not None and not keeping.failed:
            say(f"Tables{', picture and page' if pictures else ''}: {folder}/")
    return keeping.exit_code(int(found.differs))


def _data(found: Comparison, a: str, b: str) -> dict[str, Any]:
    """The comparison for programs: each figure of A and B with their difference, its interval and whether it is shown."""
    from coexsim.analysis.compare_words import unit_of

    differences = [
        {
            "kind": kind.removesuffix("s"),
            "of": " ".join(map(str, names)),
            "unit": unit_of(kind, names),
            **row,
        }
        for kind, table in found.tables.items()
        for names, row in zip(
            (index if isinstance(index, tuple) else (index,) for index in table.index),
            table.to_dict("records"),
            strict=True,
        )
    ]
    return envelope(
        "compare", found.headline, int(found.differs),
        provenance={"a": a, "b": b, "replications": found.replications, "engine": found.engine},
        differences=differences, messages=found.messages, unpaired=found.unpaired, same_mail=found.same_mail,
        classes_of_mail_that_change=len(found.routes.changes),
    )  # fmt: skip


def _say_comparison(found: Comparison, a: Path, b: Path) -> None:
    """The answer first, then the figures that differ."""
    from coexsim.report.tables import words

    console = make_console()
    console.print(found.headline, style="bold")
    for letter, name, file in (("A", found.a, a), ("B", found.b, b)):
        console.print(f"{letter}: {file}" if name in (letter, str(file)) else f"{letter}: {name} ({file})")
    if not found.same_mail:
        console.print("The mail itself differs: births or sizes are not the same in both.", style="yellow")
    titles = {"delays": "Delay", "outcomes": "Outcomes, recipients", "servers": "Servers", "totals": "Totals"}
    for kind, table in found.tables.items():
        title = titles[kind]
        shown = _differences(title, table, kind)
        console.print(shown if shown is not None else words("\n", (title, "bold"), ": the same in every figure"))
    if any(number for number, _ in found.shown.values()):
        console.print(CHANCE, style="dim")
    apart = f"{found.unpaired:,} {'arrived in one alone' if found.same_mail else 'as two lots of mail'}"
    runs = f"{found.replications} replication{'s' if found.replications > 1 else ''}"
    console.print(f"{found.messages:,} messages compared with themselves, {apart}; {runs}; engine: {found.engine}.")


def _differences(title: str, table: Any, kind: str) -> Any:
    """The figures that are not the same in both, as a table; None if there are none."""
    from rich.text import Text

    from coexsim.report.differences import difference_rows
    from coexsim.report.tables import plain_table, titled

    rows = difference_rows(table, kind)
    if not rows:
        return None
    shown = plain_table(["figure"], ["A", "B", "B - A", "95 % interval", "shown"])
    shown.columns[-1].no_wrap, shown.columns[-1].justify = False, "left"
    for of, a, b, difference, interval, word in rows:
        style = "bold" if word in ("more", "less") else "dim"
        shown.add_row(of, a, b, difference, interval, Text(word, style=style))
    return titled(f"\n{title}", shown)
