"""The command that runs a scenario over values of its keys: sweep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument

from coexsim.answers import EXIT_CODES, MET
from coexsim.cli import options
from coexsim.cli.completion import swept_keys
from coexsim.cli.console import make_console
from coexsim.cli.envelope import envelope, figure, print_json
from coexsim.cli.folder import CANNOT_WRITE, Keeping, drop_pages, results_folder
from coexsim.cli.large import ask_first
from coexsim.cli.paint import say
from coexsim.cli.progress_line import progress_bar
from coexsim.cli.streams import say_aside
from coexsim.errors import OutputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame
    from rich.console import Group

    from coexsim.engine.choice import Engine
    from coexsim.experiment.sweep import Sweep
    from coexsim.scenario.model import Scenario


MAIN_FLOWS = ("hosted->hosted", "internet->hosted", "internet->onprem", "onprem->onprem")


def sweep(
    scenario: options.ScenarioFile,
    keys: Annotated[
        list[str],
        Argument(
            metavar="KEY=VALUES", autocompletion=swept_keys, show_default=False,
            help="such as servers.onprem.capacity.cores=2..16, hosted_share=0..100% or growth=1,1.5,2; several make a grid",
        ),
    ],
    replications: options.Replications = None,
    out: options.Out = None,
    seed: options.Seed = None,
    jobs: options.Jobs = None,
    dask: options.Dask = None,
    engine: options.EngineName = "auto",
    yes: options.Yes = False,
    pictures: options.Pictures = True,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """Run a scenario over values of its keys; one that was stopped goes on where it was.

    Values: 8..64 step 8, 0..100% step 10%, or a list 2,4,8. The key hosted_share moves people to the hosted side, a share of them or a
    number (0,500,3000); growth multiplies the load.

    Exit code: 3 where an objective is 'cannot say' at each value, else 0: that one is missed somewhere is an answer.
    """
    from coexsim.analysis.slo_text import read_objectives
    from coexsim.analysis.swept import answer_of_sweep, swept_objectives
    from coexsim.experiment.ranges import read_values
    from coexsim.experiment.sides_left import say_sides
    from coexsim.experiment.sweep import HOSTED_SHARE
    from coexsim.report.words import not_counted, scope
    from coexsim.scenario.load import load_scenario

    spec = load_scenario(scenario)
    read_objectives(spec)  # what is wrong with them is said before the first run
    grid = keys_and_values(keys)
    folder = results_folder(out, scenario, "-sweep", verb="sweep")
    combinations = prod(len(read_values(values)) for values in grid.values())
    ask_first(
        spec, combinations * (replications or spec.run.replications), yes, engine=engine, keeps_mail=False, quiet=quiet
    )
    swept, runs = _run_all(spec, grid, folder, replications, seed, jobs, dask, engine, quiet=quiet)
    keeping = Keeping()
    keeping.write(partial(drop_pages, folder, "sweep"))
    points = _write_migration(swept.table, spec, grid, folder, keeping)
    objectives = swept_objectives(swept) if spec.objectives else None
    changes = (
        [] if objectives is None else _write_objectives(objectives, swept, spec, folder, keeping, pictures=pictures)
    )
    notes = say_sides(spec) if HOSTED_SHARE in grid else []
    answer = [
        *changes,
        *notes,
        f"{runs} run{'s' * (runs != 1)}. One tidy table of all figures: {folder}/sweep.parquet",
    ]
    if swept.engine and not quiet:
        say_aside(f"engine: {swept.engine}")
    code = EXIT_CODES[MET if objectives is None else answer_of_sweep(objectives)]
    if as_json:
        provenance = {"file": spec.source.file, "runs": runs, "engine": swept.engine}
        found = _point_data(swept.table, list(grid))
        said: dict[str, Any] = {"points": found, "scope": scope(spec), "folder": str(folder)}
        told = CANNOT_WRITE if keeping.failed else code
        print_json(envelope("sweep", " ".join(answer), told, provenance=provenance, **said))
    elif quiet:
        say([*answer, not_counted(spec)])
    else:
        _say_tables(spec, swept.table, list(grid), objectives, points)
        say(answer)
    return keeping.exit_code(code)


def _run_all(
    spec: Scenario, grid: dict[str, str], folder: Path, replications: int | None, seed: int | None, jobs: int | None, dask: str | None,
    engine: Engine, *, quiet: bool,
) -> tuple[Sweep, int]:  # fmt: skip
    """Run what is not there yet; the sweep, and how many runs it has. What is kept of one that is stopped is said."""
    from coexsim.analysis.swept import sweep_judged
    from coexsim.experiment.executors import open_executor

    seen = [0, 0]
    try:
        with progress_bar("sweep", quiet=quiet) as tell, open_executor(jobs, dask) as executor:

            def note(done: int, total: int) -> None:
                seen[:] = done, total
                tell(done, f"{done} of {total} runs", of=total)

            swept = sweep_judged(
                spec, grid, replications=replications, seed=seed, folder=folder, executor=executor, jobs=1, progress=note,
                engine=engine,
            )  # fmt: skip
    except (KeyboardInterrupt, OutputError):
        if seen[1]:
            say_aside(f"{seen[0]} of {seen[1]} runs are kept in {folder}/; the same command goes on from there")
        raise
    return swept, seen[1]


def _write_migration(
    table: DataFrame, spec: Scenario, grid: dict[str, str], folder: Path, keeping: Keeping
) -> DataFrame | None:
    """Where people alone are moved, keep what each step costs; the table of it."""
    from coexsim.experiment.sweep import HOSTED_SHARE

    if list(grid) != [HOSTED_SHARE]:
        return None
    from coexsim.analysis.migration import curve
    from coexsim.experiment.own import write_own
    from coexsim.experiment.store import csv_bytes

    points = curve(table, spec)
    keeping.write(partial(write_own, folder / "migration.csv", csv_bytes(points, index=False)))
    return points


def _say_tables(
    spec: Scenario, table: DataFrame, keys: list[str], objectives: DataFrame | None, points: DataFrame | None
) -> None:
    """The objectives, then the figures of each point, what to doubt, and what is counted."""
    from coexsim.analysis.peak import peak_of
    from coexsim.report.tables import words
    from coexsim.report.words import scope
    from coexsim.scenario.idle import without_work

    console = make_console()
    runs = int(table["replication"].nunique())
    sure = (
        f"means over {runs} replications of each" if runs > 1 else "one run of each: no intervals; add --replications"
    )
    if objectives is not None:
        console.print(_judged(objectives))
    console.print(_points(table, keys, sure, peak_of(spec)) if points is None else _migration(points, sure))
    for _, text in without_work(spec):
        console.print(words(("Doubt:", "bold"), f" {text}."))
    console.print(scope(spec))


def _write_objectives(
    points: DataFrame, swept: Sweep, spec: Scenario, folder: Path, keeping: Keeping, *, pictures: bool
) -> list[str]:
    """Keep the table of a sweep with pictures and page; where an answer changes, in a sentence each."""
    from coexsim.analysis.swept import told
    from coexsim.experiment.own import write_own
    from coexsim.experiment.store import csv_bytes

    changes = told(points)
    keeping.write(partial(write_own, folder / "objectives.csv", csv_bytes(points, index=False)))
    if pictures:
        from coexsim.report.sweep_page import write_sweep

        keeping.write(partial(write_sweep, points, spec, folder, changes, swept.engine))
    return changes


def _judged(points: DataFrame) -> Group:
    """A row a point, a column an objective: the answer and the figure with its interval."""
    from coexsim.report.sweep_page import rows_of
    from coexsim.report.tables import plain_table, titled

    heads, rows = rows_of(points)
    shown = plain_table(heads, [])
    for row in rows:
        shown.add_row(*row)
    return titled(
        "Objectives",
        shown,
        "judged as coexsim run does: by the interval, or where few samples came by how many kept the limit",
    )


def _point_data(table: Any, keys: list[str]) -> list[dict[str, Any]]:
    """Each point with its values and its figures: means over replications, with 95 % intervals (`bounded_interval`)."""
    from coexsim.experiment.figures import most_of
    from coexsim.stats import bounded_interval, half_width

    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for (*values, what, where, unit), rows in table.groupby([*keys, "what", "where", "unit"], sort=False, dropna=False)[
        "value"
    ]:
        point = found.setdefault(tuple(values), {"values": dict(zip(keys, values, strict=True)), "figures": []})
        mean = float(rows.mean())
        around = bounded_interval(mean, half_width(rows.to_numpy()), most_of(what))
        point["figures"].append(figure(what, where, mean, unit, around.low, around.high))
    return list(found.values())


def keys_and_values(words: Sequence[str]) -> dict[str, str]:
    """Each ``KEY=VALUES`` apart. Raises `UsageError`; where a blank parted one, with what to write."""
    found = {}
    for place, word in enumerate(words):
        if place and "=" not in word:
            key, _, values = words[place - 1].partition("=")
            each = values.split(",")
            if all(re.fullmatch(r"\d+(\.\d+)?", value) for value in each):  # a unit behind the last of several
                whole = f"{key}={','.join(f'{value} {word}' for value in each)}"
            else:
                rest = takewhile(lambda each: "=" not in each, words[place:])
                whole = " ".join((words[place - 1], *rest))
            raise UsageError(
                f"{word!r} says no values; a blank parts words: if it belongs to the one before, write '{whole}' in quotes"
            )
        key, values = key_and_values(word)
        found[key] = values
    return found


def key_and_values(word: str) -> tuple[str, str]:
    """``KEY=VALUES`` apart. Raises `UsageError`."""
    key, equals, values = word.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise UsageError(f"{word!r} says no values; write for example servers.onprem.capacity.cores=2..16")
    return key.strip(), values.strip()


def _migration(points: Any, note: str) -> Group:
    from coexsim.report.saying import DELIVERED
    from coexsim.report.tables import plain_table, titled
    from coexsim.report.words import say_flow
    from coexsim.units import say_bytes, say_duration

    delays = [name for name in points.columns if name.removeprefix("p95_s ") in MAIN_FLOWS]
    heads = ["hosted", "msg/s", "busy\ncores", "cores\nneeded", "round\ntrip", "by\ntheory", "WAN"]
    lost = bool((points["expired"] > 0).any())
    heads += ["expired"] * lost
    table = plain_table([], [*heads, *(say_flow(d.removeprefix("p95_s ")).replace("→ ", "→\n") for d in delays)])
    for row in points.to_dict("records"):
        cores = row["cores_needed"]
        needed = f"{cores:.0f}{'' if row['keeps_up'] else '*'}" if cores == cores else "-"
        table.add_row(
            f"{100 * row['hosted_share']:.0f} %", f"{row['work_per_s']:.1f}", f"{row['busy_cores']:.2f}", needed,
            _percent(row["round_trip_share"]), _percent(row["round_trip_by_theory"]), say_bytes(row["wan_bytes"]),
            *[_percent(row["expired"])] * lost, *(say_duration(row[name]) for name in delays),
        )  # fmt: skip
    late = "" if points["keeps_up"].all() else "* the cores cannot keep up: needed for the work that came in an hour"
    return titled("As people move to the hosted side; delays: p95", table, late, note, DELIVERED if lost else "")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share == share else "-"


def _points(table: Any, keys: list[str], note: str, peak: str) -> Group:
    """The figures that planners ask first, a row a point: p95 of the main flows, and each limit that is used."""
    from coexsim.report.saying import DELIVERED
    from coexsim.report.tables import plain_table, titled
    from coexsim.report.words import say_flow
    from coexsim.units import say_duration

    mean = table.groupby([*keys, "what", "where"], sort=False)["value"].mean()
    wide = mean.unstack(["what", "where"])
    used = [c for c in wide.columns if c[0] == "utilisation" and wide[c].max() >= 0.01]
    flows = [c for c in wide.columns if c[0] == "p95 delay" and not c[1].endswith("->unknown")]
    delays = [c for c in flows if c[1] in MAIN_FLOWS] or flows
    lost = [c for c in [("share expired", "all")] if c in wide.columns and wide[c].max() > 0]
    heads = [say_flow(c[1]).replace("→ ", "→\n").replace(" to ", "\nto ").replace(".", "\n.") for c in [*delays, *used]]
    heads += ["expired"] * len(lost)
    shown = plain_table(_short(keys), heads)
    for index, row in wide.iterrows():
        words = index if isinstance(index, tuple) else (index,)
        figures = [say_duration(row[c]) for c in delays] + [_percent(row[c]) for c in [*used, *lost]]
        shown.add_row(*map(str, words), *figures)
    return titled(f"p95 of the delay, and use in the {peak}", shown, note, DELIVERED if lost else "")


def _short(keys: list[str]) -> list[str]:
    """The last words of dotted keys that tell them apart: ``cores`` of ``servers.onprem.capacity.cores``."""
    words = [key.split(".") for key in keys]
    count = next(n for n in range(1, 100) if len({tuple(w[-n:]) for w in words}) == len(set(keys)))
    return ["\n.".join(w[-count:]) for w in words]
