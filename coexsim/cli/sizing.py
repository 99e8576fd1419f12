"""The commands that run a scenario many times: size and sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coexsim.cli.running import REPORTS, make_console, progress_bar

if TYPE_CHECKING:
    from coexsim.analysis.sizing import Sizing
    from coexsim.scenario.model import Scenario

MAIN_FLOWS = ("hosted->hosted", "internet->hosted", "internet->onprem", "onprem->onprem")
STATUS_STYLES = {"holds": "green", "fails": "red", "too small by theory": "red", "cannot say": "yellow"}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(size)
    app.command()(sweep)


def size(
    scenario: Path = typer.Argument(help="the scenario file, with 'objectives:' and 'size:'"),
    out: Path | None = typer.Option(
        None, "--out", help="folder for the table and pictures [default: reports/NAME-size]"
    ),
    seed: int | None = typer.Option(None, "--seed", help="seed of the random numbers [default: the scenario's]"),
    most: int | None = typer.Option(
        None, "--replications", "-n", min=2, help="replications of one machine at the most [default: the scenario's]"
    ),
    curve: bool = typer.Option(False, "--curve", help="try also machines that the answer does not need"),
    headroom: bool = typer.Option(True, help="find the growth of the load at which the answer breaks"),
    jobs: int | None = typer.Option(None, "--jobs", "-j", min=1, help="processes at once [default: one a core]"),
    dask: str | None = typer.Option(None, "--dask", help="address of a Dask scheduler, or 'local'"),
    pictures: bool = typer.Option(True, help="draw each objective over the size"),
) -> None:
    """How big must the server be: the cheapest machine that meets every objective, its headroom and what breaks first.

    Exit code: 0 the cheapest that holds was found, 1 none holds, 3 we cannot say (a cheaper one may hold).
    """
    from coexsim.analysis.sizing import find_size
    from coexsim.experiment.executors import open_executor
    from coexsim.scenario.load import load_scenario

    spec = load_scenario(scenario)
    with _counter() as tell, open_executor(jobs, dask) as executor:
        found = find_size(
            spec, most=most, curve=curve, headroom=headroom, seed=seed, executor=executor, jobs=1, progress=tell
        )
    _say_size(found, spec)
    folder = out or REPORTS / f"{scenario.stem}-size"
    _write_size(found, folder, pictures=pictures)
    raise typer.Exit(found.exit_code)


@contextmanager
def _counter() -> Iterator[Callable[[str], None]]:
    """Says on a terminal what is being tried and how many runs were done; how many it will take, nobody knows."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed} runs"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("theory", total=None)
        yield lambda what: progress.update(task, description=what, advance=1)


def _say_size(found: Sizing, spec: Scenario) -> None:
    """The answer first, then what it rests on."""
    from rich.markup import escape

    from coexsim.report.saying import say_verdicts

    console = make_console()
    for line in _answer(found):
        console.print(line)
    if found.headroom is not None:
        console.print(f"Headroom: {escape(str(found.headroom))}.")
    best = found.best
    if best is not None:
        console.print()
        console.print(say_verdicts(best.verdicts))
    console.print(_candidates(found))
    for resource, part in found.each.items():
        alone = part.answer.name if part.answer else "none of the range holds"
        console.print(f"{escape(resource)} alone, with the others at their largest: {escape(alone)}")
    if best is not None:
        console.print(_resources(found, spec))
    per_run = f"{found.messages / max(found.runs, 1):,.0f} copies of messages each" if found.runs else "none was needed"
    console.print(f"{found.runs} runs in {found.seconds:.0f} s; {per_run}.")


def _answer(found: Sizing) -> Iterator[str]:
    """The answer in a line or two."""
    from rich.markup import escape

    names = ", ".join(escape(candidate.name) for candidate in found.undecided)
    if found.answer is None and not names:
        yield f"[bold]None of the machines holds as {escape(found.server)}.[/bold]"
        return
    if found.answer is None:
        yield "[bold]Cannot say:[/bold] no machine was shown to hold."
    else:
        cost = f"cost {found.answer.cost:g}"
        word = "is shown to hold" if names else "is the cheapest that holds"
        yield f"[bold]{escape(found.answer.name)} {word} as {escape(found.server)}[/bold] ({cost})."
    if names:
        yield f"Of {names}, which {'costs' if len(found.undecided) == 1 else 'cost'} less, we cannot say:"
        for tried in found.tried:
            if tried.candidate in found.undecided:
                yield f"  {escape(tried.candidate.name)}: {escape(tried.why)}"


def plain_table(title: str, left: list[str], right: list[str]) -> Any:
    """A table without lines: columns of words, then columns of numbers."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right")
    return table


def _candidates(found: Sizing) -> Any:
    from rich.markup import escape
    from rich.text import Text

    table = plain_table("\nMachines, by cost", ["machine", "answer", "why"], ["cost", "runs"])
    for tried in found.tried:
        status = Text(tried.status, style=STATUS_STYLES.get(tried.status, "dim"))
        why = tried.why
        if tried.status == "holds":
            why = f"meets all {len(tried.verdicts)} objectives" if len(tried.verdicts) > 1 else "meets the objective"
        runs = str(len(tried.assessment.runs)) if tried.assessment else "-"
        table.add_row(escape(tried.candidate.name), status, escape(why), f"{tried.candidate.cost:g}", runs)
    return table


def _resources(found: Sizing, spec: Scenario) -> Any:
    from rich.markup import escape

    from coexsim.analysis.candidates import say_amount

    table = plain_table(
        f"\nResources of {found.server}, in the busiest hour",
        ["resource", "needed by theory for"],
        ["has", "in use", "needed"],
    )
    for resource, has, busy, needed, why in found.resources(spec).itertuples(index=False, name=None):
        kind = "uplink" if " to " in str(resource) else str(resource)
        say = [say_amount(kind, value) if value == value else "-" for value in (has, needed)]
        table.add_row(
            escape(str(resource)), escape(str(why)), say[0], f"{100 * busy:.1f} %" if busy == busy else "-", say[1]
        )
    return table


def _write_size(found: Sizing, folder: Path, *, pictures: bool) -> None:
    from coexsim.experiment.store import write_json, write_table

    folder.mkdir(parents=True, exist_ok=True)
    table = found.table()
    write_table(table, folder / "sizing.parquet")
    summary = {
        "server": found.server,
        "answer": found.answer.model_dump(exclude_none=True) if found.answer else None,
        "exit_code": found.exit_code,
        "undecided": [candidate.name for candidate in found.undecided],
        "headroom": str(found.headroom) if found.headroom else None,
        "machines": table.to_dict("records"),
        "runs": found.runs,
    }
    write_json(summary, folder / "sizing.json")
    if pictures and table["estimate"].notna().any():
        from coexsim.report.plots import plot_sizing_curve, save

        save(plot_sizing_curve(table), folder / "sizing.png")
    make_console().print(f"Table{' and picture' if pictures else ''}: {folder}/")


# --- sweep --------------------------------------------------------------------------------------------------------


def sweep(
    scenario: Path = typer.Argument(help="the scenario file"),
    keys: list[str] = typer.Argument(
        metavar="KEY=VALUES...",
        help="such as servers.onprem.capacity.cores=2..16 or hosted_share=0..100%; several make a grid",
    ),
    replications: int | None = typer.Option(
        None, "--replications", "-n", min=1, help="independent repetitions of each point [default: the scenario's]"
    ),
    out: Path | None = typer.Option(None, "--out", help="folder that keeps every run [default: reports/NAME-sweep]"),
    seed: int | None = typer.Option(None, "--seed", help="seed of the random numbers [default: the scenario's]"),
    jobs: int | None = typer.Option(None, "--jobs", "-j", min=1, help="processes at once [default: one a core]"),
    dask: str | None = typer.Option(None, "--dask", help="address of a Dask scheduler, or 'local'"),
) -> None:
    """Run a scenario over values of its keys; one that was stopped goes on where it was.

    Values: 8..64 step 8, 0..100% step 10%, or a list 2,4,8. The key hosted_share moves people to the hosted side.
    """
    from coexsim.experiment.executors import open_executor
    from coexsim.experiment.sweep import HOSTED_SHARE
    from coexsim.experiment.sweep import sweep as run_sweep
    from coexsim.scenario.load import load_scenario

    spec = load_scenario(scenario)
    grid = dict(_key_and_values(word) for word in keys)
    folder = out or REPORTS / f"{scenario.stem}-sweep"
    console = make_console()
    seen = [0, 0]
    try:
        with progress_bar("runs", 1.0) as tell, open_executor(jobs, dask) as executor:

            def note(done: int, total: int) -> None:
                seen[:] = done, total
                tell(done / max(total, 1))

            table = run_sweep(
                spec,
                grid,
                replications=replications,
                seed=seed,
                folder=folder,
                executor=executor,
                jobs=1,
                progress=note,
            )
    except KeyboardInterrupt:
        typer.echo(f"{seen[0]} of {seen[1]} runs are kept in {folder}/; the same command goes on from there", err=True)
        raise
    if list(grid) == [HOSTED_SHARE]:
        from coexsim.analysis.migration import curve

        points = curve(table, spec)
        points.to_csv(folder / "migration.csv", index=False)
        console.print(_migration(points))
    else:
        console.print(_points(table, list(grid)))
    console.print(f"{seen[1]} runs. One tidy table of all figures: {folder}/sweep.parquet")


def _key_and_values(word: str) -> tuple[str, str]:
    key, equals, values = word.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise typer.BadParameter(f"{word!r} says no values; write for example servers.onprem.capacity.cores=2..16")
    return key.strip(), values.strip()


def _migration(points: Any) -> Any:
    from coexsim.units import say_bytes, say_duration

    delays = [name for name in points.columns if name.removeprefix("p95_s ") in MAIN_FLOWS]
    heads = ["hosted", "msg/s", "busy\ncores", "cores\nneeded", "round\ntrip", "by\ntheory", "WAN"]
    table = plain_table(
        "As people move to the hosted side; delays: 95 % within",
        [],
        [*heads, *(d.removeprefix("p95_s ").replace("->", "\n->") for d in delays)],
    )
    for row in points.to_dict("records"):
        table.add_row(
            f"{100 * row['hosted_share']:.0f} %", f"{row['work_per_s']:.1f}", f"{row['busy_cores']:.2f}", str(row["cores_needed"]),
            _percent(row["round_trip_share"]), _percent(row["round_trip_by_theory"]), say_bytes(row["wan_bytes"]),
            *(say_duration(row[name]) for name in delays),
        )  # fmt: skip
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share == share else "-"


def _points(table: Any, keys: list[str]) -> Any:
    """The figures that planners ask first, a row a point: p95 of each flow, and each limit that is used."""
    from coexsim.units import say_duration

    mean = table.groupby([*keys, "what", "where"], sort=False)["value"].mean()
    wide = mean.unstack(["what", "where"])
    used = [c for c in wide.columns if c[0] == "utilisation" and wide[c].max() >= 0.01]
    delays = [c for c in wide.columns if c[0] == "p95 delay" and not c[1].endswith("->unknown")]
    shown = plain_table("95 % of the delay within, and use in the busiest hour", keys, [c[1] for c in [*delays, *used]])
    for index, row in wide.iterrows():
        words = index if isinstance(index, tuple) else (index,)
        figures = [say_duration(row[c]) for c in delays] + [_percent(row[c]) for c in used]
        shown.add_row(*map(str, words), *figures)
    return shown
