"""``warm_up: auto`` leaves out what a steady run needs to settle, the same in all replications (by the compiled engine)."""

from __future__ import annotations

from typing import Any

import pytest

from coexsim.analysis.theory import mmc_wait_s
from coexsim.experiment.run import simulate
from tests.sim.test_theory import arriving, at_stage, exponential, onprem, queue
from tests.theory_check import assert_mean_is_and_not_a_tenth_more

AUTO: dict[str, Any] = {"run": {"warm_up": "auto", "length": "3 h"}}
BUSY = onprem({"scan": "1 s"}, cores=1)  # at 97 %, so that it takes long until as many wait as will


def test_the_beginning_is_left_out() -> None:
    """A core at 97 %: the time in which the queue grows does not count; at least half of the run does."""
    results = simulate(queue(BUSY, arriving(0.97), AUTO), engine="compiled")
    begin_s, end_s = results.window_s

    assert 60 < begin_s < 5400
    assert end_s == 3 * 3600
    assert results.mail["measured"].tolist() == (results.mail["born_s"] >= begin_s).tolist()
    assert results.provenance["warm_up_s"] == begin_s


def test_all_replications_leave_out_the_same() -> None:
    """Their windows are one, so that they can be joined."""
    scenario = queue(BUSY, arriving(0.97), AUTO)

    assert len({simulate(scenario, replication=number, engine="compiled").window_s for number in range(3)}) == 1


@pytest.mark.theory
def test_what_is_left_is_steady() -> None:
    """The wait at a station that starts empty is Erlang C's once the beginning is left out."""
    scenario = queue(onprem({"scan": exponential()}, cores=1), arriving(0.5), AUTO)
    waits_s = [
        at_stage(simulate(scenario, seed=5, replication=number, engine="compiled"), "onprem", "cores")
        for number in range(30)
    ]

    assert_mean_is_and_not_a_tenth_more(mmc_wait_s(1, 0.5, 1.0), waits_s, rel=0.099)
