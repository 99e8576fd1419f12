"""What is still open when a run ends is recorded once, also where a role shares the pool of its machine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from coexsim.experiment.results import Results
from tests.engine.both import compiled, reference
from tests.sim.loaded import loaded
from tests.sim.worlds import LIMITS, NARROW, ROLE, WORK

CUT = loaded("domino", WORK, LIMITS, NARROW, ROLE, {"run": {"length": "61 s", "drain": "0 s"}})


@pytest.mark.parametrize("run", [reference, compiled])
def test_open_slots_are_recorded_once(run: Callable[..., Results]) -> None:
    """smart-host runs on onprem and has its 4 transfer threads: no more than 4 are held, and none is there twice."""
    visits = run(CUT).visits
    still_open = visits[np.isinf(visits["finished_s"])]
    held = still_open[(still_open["stage"] == "transfer") & np.isfinite(still_open["started_s"])]

    assert 0 < len(held) <= 4
    assert not still_open.duplicated(["server", "stage", "arrived_s", "started_s"]).any()
