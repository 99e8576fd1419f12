"""The command that computes a what-if page: explore."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from coexsim.cli import options
from coexsim.cli.console import make_console
from coexsim.cli.envelope import envelope, figure, print_json
from coexsim.cli.folder import CANNOT_WRITE, Keeping, results_folder
from coexsim.cli.large import ask_first
from coexsim.cli.paint import say
from coexsim.cli.progress_line import progress_bar
from coexsim.cli.sweeping import key_and_values

if TYPE_CHECKING:
    from coexsim.report.explore.exploring import Exploration


def explore(
    scenario: options.ScenarioFile,
    vary: Annotated[
        list[str] | None,
        Option(
            "--vary", metavar="KEY=VALUES", show_default=False,
            help="what a slider moves, such as 'hosted_share=0..100% step 20%', growth=1,1.5,2, machine=NAME,NAME or a key of the "
            "scenario; may be given several times. Without it: hosted share, growth and the machine that is sized",
        ),
    ] = None,
    replications: options.Replications = None,
    out: options.Out = None,
    seed: options.Seed = None,
    jobs: options.Jobs = None,
    dask: options.Dask = None,
    engine: options.EngineName = "auto",
    yes: options.Yes = False,
    quiet: options.Quiet = False,
    as_json: options.AsJson = False,
) -> int:  # fmt: skip
    """Compute a grid and write it as one offline page on which sliders move every figure, verdict and picture."""
    from coexsim.analysis.slo_text import read_objectives
    from coexsim.experiment.executors import open_executor
    from coexsim.report.explore.axes import axes_of
    from coexsim.report.explore.exploring import explore as run_explore
    from coexsim.report.explore.exploring import runs_of_point
    from coexsim.report.words import not_counted, scope
    from coexsim.scenario.load import load_scenario

    spec = load_scenario(scenario)
    read_objectives(spec)
    grid = dict(key_and_values(word) for word in vary or ())
    folder = results_folder(out, scenario, "-explore", verb="explore")
    points = prod(len(axis.values) for axis in axes_of(spec, grid))
    ask_first(spec, points * runs_of_point(spec, replications), yes, engine=engine, keeps_mail=False, quiet=quiet)
    with progress_bar("explore", quiet=quiet) as tell, open_executor(jobs, dask) as executor:
        found = run_explore(
            spec, grid, replications=replications, seed=seed, executor=executor, engine=engine,
            progress=lambda done, of: tell(done, f"{done} of {of} points", of=of),
        )  # fmt: skip
    keeping = Keeping()
    keeping.write(partial(found.write, folder))
    answer = f"{found.headline}."
    if as_json:
        code = CANNOT_WRITE if keeping.failed else 0
        print_json(_data(found, answer, code, None if keeping.failed else str(folder)))
    elif quiet:
        say([answer, not_counted(spec)])
    else:
        say(answer)
        for axis in found.axes:
            print(f"{axis.label}: {', '.join(map(str, axis.values))}")
        print(f"Engine: {found.engine}")
        make_console().print(scope(spec))
        if not keeping.failed:
            say(f"Page: {folder}/explore.html; all figures: {folder}/explore.parquet")
    return keeping.exit_code(0)


def _data(found: Exploration, answer: str, code: int, folder: str | None) -> dict[str, Any]:
    """The points for programs: values, figures with intervals, answers of the objectives."""
    from coexsim.report.explore.axes import combinations
    from coexsim.report.words import scope

    points = [
        {
            "values": values,
            "figures": [figure(f.what, f.of, f.value, f.unit, low=f.low, high=f.high) for f in point.figures],
            "answers": [answer for answer, _ in point.verdicts],
        }
        for values, point in zip(combinations(found.axes), found.points, strict=True)
    ]
    provenance = {
        "file": found.scenario.source.file,
        "seed": found.seed,
        "replications": found.replications,
        "engine": found.engine,
    }
    return envelope(
        "explore", answer, code, provenance=provenance, points=points, scope=scope(found.scenario), folder=folder
    )
