"""``warm_up: auto``: how much of the beginning of a steady run is left out, by MSER-5 on the delays of its mail."""

from __future__ import annotations

import numpy as np

from coexsim.scenario.model import Scenario
from coexsim.sim.senders import start_senders
from coexsim.sim.world import World
from coexsim.stats import mser5


def settled(scenario: Scenario, seed: int) -> Scenario:
    """The scenario with its warm-up in seconds, where it says ``auto``; else as it is.

    A first run (replication 0, whichever is asked for) shows from when on the delays of mail, in order of birth, are steady: all
    replications of a seed leave out the same time. A warm-up of half the run says that they never are.
    """
    if scenario.run.warm_up != "auto":
        return scenario
    world = World(_with_warm_up(scenario, 0.0), seed, 0)
    start_senders(world)
    world.run()
    return _with_warm_up(scenario, _warm_up_s(world))


def _warm_up_s(world: World) -> float:
    """The birth of the first mail that counts."""
    columns = world.recorder.columns()
    delay_s = columns["delay_s"]
    rows = ~np.isnan(delay_s) & (columns["mail"] >= 0)
    rows &= columns["attempts"] <= columns["hops"]  # the delay of deferred mail says little of the queues
    kinds, words = columns["kind"]
    rows &= kinds == (words.index("mail") if "mail" in words else -1)
    order = np.lexsort((columns["mail"][rows], columns["born_s"][rows]))
    left_out = mser5(delay_s[rows][order])
    return float(columns["born_s"][rows][order][left_out]) if left_out else 0.0


def _with_warm_up(scenario: Scenario, warm_up_s: float) -> Scenario:
    return scenario.replaced(run=scenario.run.replaced(warm_up=warm_up_s))
