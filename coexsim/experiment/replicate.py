"""Many replications of one scenario, wherever they run, as one set of tables."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from coexsim.experiment.executors import cpu_count, open_executor, run_all
from coexsim.scenario.given import require_count, require_scenario

if TYPE_CHECKING:
    from coexsim.engine.choice import Engine
    from coexsim.experiment.results import Results
    from coexsim.scenario.model import Scenario

Progress = Callable[[int, int], None]
"""Told how many runs are done, of how many."""


def whole(results: Results, n: int) -> Results:
    """The results of `n` runs, for who cannot use some of them: raises `KeyboardInterrupt` again where Ctrl-C cut them short."""
    if results.provenance.get("interrupted"):
        raise KeyboardInterrupt(f"{len(results.replications)} of {n} runs are done; nothing of them is kept")
    return results


def replicate(
    scenario: Scenario, n: int, *, seed: int | None = None, executor: Executor | None = None, jobs: int | None = None,
    first: int = 0, progress: Progress | None = None, engine: Engine = "auto", stream: bool = False,
    keep_visits: bool = False,
) -> Results:  # fmt: skip
    """Replications `first` .. `first` + `n` - 1 of a scenario, joined in this order.

    They run on `executor`, any of `concurrent.futures`; without one in `jobs` processes (default: one a
    processor), or with ``jobs=1`` in this one. The tables do not depend on where: each replication is what
    `simulate` with its number gives, its visits too with `keep_visits`. After Ctrl-C the replications that are
    done are the result, as its ``provenance["replications"]`` says, and ``provenance["interrupted"]`` is true.
    """
    require_scenario(scenario)
    require_count(n, "replications")
    if n < 1:
        raise ValueError(f"{n} replications give no results; ask for 1 or more")
    seed = scenario.run.seed if seed is None else seed
    done: dict[int, Results] = {}
    interrupted = False
    with ExitStack() as stack:
        if executor is None:  # first of all: its processes load while this one does
            executor = stack.enter_context(open_executor(min(n, cpu_count() if jobs is None else jobs)))
        from coexsim.experiment.engines import engine_for
        from coexsim.experiment.results import join
        from coexsim.experiment.run import run_one
        from coexsim.experiment.warm_up import settled

        scenario = settled(scenario, seed, engine)  # once, not once a replication
        engine_of_each = engine_for(scenario, n, engine)  # in however many processes: it stands in the provenance
        calls = [
            (scenario, seed, number, "", keep_visits, engine_of_each, stream) for number in range(first, first + n)
        ]
        try:
            for index, results in run_all(executor, run_one, calls):
                done[index] = results
                if progress:
                    progress(len(done), n)
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted = True
    joined = join([done[index] for index in sorted(done)])
    if engine_of_each != engine:
        joined.provenance["engine_why"] = "many runs"
    return replace(joined, provenance=joined.provenance | {"interrupted": True}) if interrupted else joined
