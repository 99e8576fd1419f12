"""``warm_up: auto``: how much of the beginning of a steady run is left out, by MSER-5 on the delays of its mail."""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from coexsim.engine.choice import Engine
from coexsim.experiment.engines import ran
from coexsim.scenario.model import Scenario
from coexsim.sim.world import World
from coexsim.stats import mser5

Floats = NDArray[np.float64]
HIGH_LOAD = 0.7
"""A run that keeps some station busier than this has long busy periods: one run's delays then show its luck, not its trend."""
PILOTS = 5
MINUTE_S = 60.0


def settled(scenario: Scenario, seed: int, engine: Engine = "auto") -> Scenario:
    """The scenario with its warm-up in seconds, where it says ``auto``; else as it is.

    A first run (replication 0, whichever is asked for) shows from when on the delays of mail, in order of birth, are steady:
    all replications of a seed leave out the same time. Where load is high it is `PILOTS` runs, whose mean delays by minute
    show it (Welch 1983 averages so; Law 2015, sec. 9.5.1). A warm-up of half the run says that they never are.
    """
    if scenario.run.warm_up != "auto":
        return scenario
    plain = _with_warm_up(scenario, 0.0)
    first = _pilot(plain, seed, 0, engine)
    if _busiest_share(first) <= HIGH_LOAD:
        return _with_warm_up(scenario, _from_one(first))
    return _with_warm_up(scenario, _from_several([first, *(_pilot(plain, seed, n, engine) for n in range(1, PILOTS))]))


def _pilot(scenario: Scenario, seed: int, replication: int, engine: Engine) -> World:
    world, _ = ran(scenario, seed, replication, engine=engine)
    return world


def _busiest_share(world: World) -> float:
    """The mean busy share of the station that has the highest."""
    shares = [
        log.summary().mean_busy / log.workers
        for log in world.logs.made
        if log.workers is not None and log.stage != "link"
    ]
    return max((share for share in shares if isfinite(share)), default=0.0)


def _delays(world: World) -> tuple[Floats, Floats]:
    """Births and delays of the mail that was never deferred, in order of birth."""
    columns = world.recorder.columns()
    delay_s = columns["delay_s"]
    rows = ~np.isnan(delay_s) & (columns["mail"] >= 0)
    rows &= columns["attempts"] <= columns["hops"]  # the delay of deferred mail says little of the queues
    kinds, words = columns["kind"]
    rows &= kinds == (words.index("mail") if "mail" in words else -1)
    order = np.lexsort((columns["mail"][rows], columns["born_s"][rows]))
    return columns["born_s"][rows][order], delay_s[rows][order]


def _from_one(world: World) -> float:
    """The birth of the first mail that counts."""
    born_s, delay_s = _delays(world)
    left_out = mser5(delay_s)
    return float(born_s[left_out]) if left_out else 0.0


def _from_several(worlds: list[World]) -> float:
    """The first minute that counts, by the mean delay of each minute's mail over all of them."""
    minutes = int(worlds[0].length_s // MINUTE_S)
    total, count = np.zeros(minutes), np.zeros(minutes)
    for world in worlds:
        born_s, delay_s = _delays(world)
        within = born_s < minutes * MINUTE_S
        at = (born_s[within] // MINUTE_S).astype(np.int64)
        total += np.bincount(at, delay_s[within], minutes)
        count += np.bincount(at, minlength=minutes)
    known = np.flatnonzero(count)
    left_out = mser5(total[known] / count[known])
    return float(known[left_out]) * MINUTE_S if left_out else 0.0


def _with_warm_up(scenario: Scenario, warm_up_s: float) -> Scenario:
    return scenario.replaced(run=scenario.run.replaced(warm_up=warm_up_s))
