"""Runs a scenario by both engines and says where their tables differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from coexsim.engine.cache import load_kernel
from coexsim.experiment.results import Results
from coexsim.experiment.run import results_of
from coexsim.scenario.model import Scenario
from coexsim.sim.world import World
from tests.sim.loaded import run_world

EXACT = ("mail", "messages", "visits", "dns")
CLOSE = ("stages", "timeline")


def compiled(scenario: Scenario, *, seed: int = 1, keep_visits: bool = True, **options: Any) -> Results:
    """The tables of the compiled engine; `options` are those of `Compiled`."""
    load_kernel()
    from coexsim.engine.drive import Compiled

    world = World(scenario, seed, 0, keep_visits=keep_visits)
    Compiled(world, **options).run()
    return results_of(world)


def reference(scenario: Scenario, *, seed: int = 1, keep_visits: bool = True) -> Results:
    """The tables of the reference."""
    return run_world(scenario, seed=seed, keep_visits=keep_visits)[1]


def assert_same(one: Results, other: Results) -> None:
    """All to the last bit, but quantiles of stages, whose bins come of a logarithm: to 1e-6."""
    for name in EXACT:
        pd.testing.assert_frame_equal(one.tables[name], other.tables[name], check_exact=True, obj=name)
    for name in CLOSE:
        assert_close(one.tables[name], other.tables[name])
    for name in ("sent", "second_copies", "stopped_early"):
        assert one.provenance[name] == other.provenance[name], name


def assert_close(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Quantiles to 1e-6, all else exactly."""
    assert len(one) == len(other)
    for column in one:
        if str(column).startswith(("p50", "p95", "p99")):
            np.testing.assert_allclose(other[column], one[column], rtol=1e-6, atol=1e-6, err_msg=str(column))
        else:
            pd.testing.assert_series_equal(one[column], other[column], check_exact=True, check_categorical=False)


def assert_engines_agree(scenario: Scenario, *, seed: int = 1, keep_visits: bool = True, **options: Any) -> None:
    """Both engines give the same tables for a scenario."""
    assert_compiled_agrees(scenario, [options], seed=seed, keep_visits=keep_visits)


def assert_compiled_agrees(
    scenario: Scenario, with_options: Iterable[dict[str, Any]], *, seed: int = 1, keep_visits: bool = True
) -> None:
    """The compiled engine gives the tables of one run of the reference, with each of several options."""
    slow = reference(scenario, seed=seed, keep_visits=keep_visits)
    for options in with_options:
        try:
            assert_same(slow, compiled(scenario, seed=seed, keep_visits=keep_visits, **options))
        except AssertionError as error:
            error.add_note(f"seed {seed}, {options}")
            raise
