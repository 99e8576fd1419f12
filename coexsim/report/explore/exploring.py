"""A scenario over a grid of values for a what-if page: every point run, judged and kept as plain figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path

from coexsim.engine.choice import Engine
from coexsim.experiment.engines import engines_for
from coexsim.experiment.executors import cpu_count, open_executor, run_all
from coexsim.experiment.store import write_table
from coexsim.report.explore.axes import axes_of, combinations, scenario_at
from coexsim.report.explore.grid import Grid
from coexsim.report.explore.page import write_page
from coexsim.report.explore.points import GridPoint, run_point
from coexsim.scenario.given import require_keys, require_scenario
from coexsim.scenario.model import Scenario

REPLICATIONS = 3
"""Where neither the caller nor the scenario says how many: fewer give no interval worth the name."""


class Exploration(Grid):
    """The points of a grid, and how to write them as a page."""

    def write(self, folder: str | Path) -> Path:
        """Write the page ``explore.html`` and the table ``explore.parquet``. Returns the page's path. Raises `OutputError`."""
        folder = Path(folder)
        page = write_page(self, folder)
        write_table(self.table, folder / "explore.parquet")
        return page


def explore(
    scenario: Scenario, vary: Mapping[str, object] | None = None, *, replications: int | None = None, seed: int | None = None,
    executor: Executor | None = None, jobs: int | None = None, engine: Engine = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> Exploration:  # fmt: skip
    """Run a scenario at every combination of a few keys' values, for a page on which sliders move all that is shown.

    `vary` has for each key its values, a list or text as `sweep` takes it. Besides keys of the scenario there are ``hosted_share``,
    ``growth`` (of the load, times that of the scenario) and ``machine`` (names of ``size.candidates``); without `vary` these three.
    Each point is what ``coexsim run`` gives with its values; all meet the same mail as far as what is varied lets them.
    `progress` is told how many points are done, of how many.

    Raises `ScenarioError` before the first run if a point is no scenario, `CoexsimError` for values that cannot be.
    """
    require_scenario(scenario)
    if vary is not None:
        require_keys(vary, '{"hosted_share": "0..100% step 20%"}')
    axes = axes_of(scenario, vary)
    scenarios = [scenario_at(scenario, values) for values in combinations(axes)]
    seed = scenario.run.seed if seed is None else seed
    count = runs_of_point(scenario, replications)
    engines = engines_for([(each, count) for each in scenarios], engine)
    calls = [(each, seed, count, by) for each, by in zip(scenarios, engines, strict=True)]
    done: dict[int, GridPoint] = {}
    if progress:
        progress(0, len(calls))
    with ExitStack() as stack:
        if executor is None:
            executor = stack.enter_context(open_executor(min(len(calls), cpu_count() if jobs is None else jobs)))
        for index, point in run_all(executor, run_point, calls):
            done[index] = point
            if progress:
                progress(len(done), len(calls))
    return Exploration(scenario, tuple(axes), tuple(scenarios), tuple(done[i] for i in range(len(calls))), seed, count)


def runs_of_point(scenario: Scenario, replications: int | None) -> int:
    """How many runs each point gets: what was asked for, or the scenario's number where it is more than one."""
    return replications or (scenario.run.replications if scenario.run.replications > 1 else REPLICATIONS)
