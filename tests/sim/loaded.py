"""Small loaded worlds for tests: the network of ``setups.py`` with steady streams between all sides."""

from __future__ import annotations

from typing import Any

from coexsim.experiment.results import Results
from coexsim.experiment.run import results_of
from coexsim.scenario.model import Scenario
from coexsim.sim.senders import start_senders
from coexsim.sim.world import World
from tests.sim.setups import laid_over, setup

LOADED: dict[str, Any] = {
    "directory": {"population": {"onprem": 300, "hosted": 200}},
    "load": {
        "streams": [
            {
                "from": "internet",
                "to": {"onprem": 5, "hosted": 4, "unknown": 1},
                "rate": "2/s",
                "recipients": {1: 8, 3: 2},
            },
            {
                "from": "hosted",
                "to": {"onprem": 4, "hosted": 4, "internet": 2},
                "rate": "1/s",
                "recipients": {1: 8, 2: 2},
            },
            {"from": "onprem", "to": {"onprem": 4, "hosted": 4, "internet": 2}, "rate": "2/s"},
        ],
        "sizes": {"2 KB": 60, "60 KB": 30, "2 MB": 10},
    },
    "run": {"length": "8 min", "drain": "2 d"},
}


def loaded(onprem: str = "domino", *more: dict[str, Any]) -> Scenario:
    """The network under load, with further keys laid over it."""
    keys = LOADED
    for extra in more:
        keys = laid_over(keys, extra)
    return setup(onprem, keys)


def run_world(scenario: Scenario, *, seed: int = 1, keep_visits: bool = False) -> tuple[World, Results]:
    """A world that has run, and its tables."""
    world = World(scenario, seed, 0, keep_visits=keep_visits)
    start_senders(world)
    world.run()
    return world, results_of(world)
