"""The time after a run's length: when it is looked at, and when it is stopped because its attempts are in vain.

Both engines look at the same simulated moments and count the same deferrals, so they stop at the same moment; no clock on the wall
has a part in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf, isfinite

import simpy
from simpy.core import StopSimulation

from coexsim.scenario.model import Scenario
from coexsim.sim.clock import BEFORE_ALL, At, Clock
from coexsim.sim.downtime import DowntimeSchedule
from coexsim.units import Moment, say_time

DRAIN_S = 7 * 86400.0  # unless the scenario says another time
LEAST_IN_VAIN = 1_000_000
IN_VAIN_EACH = 4_000
"""A message that is tried once a second, and no queue manager tries more often, is tried in vain for longer than an hour: whatever is
counted by the hour has begun anew by then.
"""
SHORTEST_STEP_S, FIRST_STEP_S, LONGEST_STEP_S = 1.0, 60.0, 6 * 3600.0
MANY_DEFERRALS, FEW_DEFERRALS = 100_000, 25_000
"""So many from one look to the next halve the step, so few double it."""


def drain_limit_s(scenario: Scenario) -> float:
    """Until when measured mail is followed, in seconds from the start."""
    return scenario.run.length + (DRAIN_S if scenario.run.drain is None else scenario.run.drain)


class Drain:
    """Looks at a run that goes on after its length, as long as measured mail is under way.

    It is told how many deferrals there were so far, in all and up to the last time that a message got on or met its end.
    """

    def __init__(self, from_s: float, last_change_s: float, start: Moment) -> None:
        self._last_change_s = last_change_s
        self._start = start
        self._step_s = FIRST_STEP_S
        self._deferrals = 0
        self.next_s = from_s + FIRST_STEP_S
        """When to look."""

    def look(self, deferrals: int, when_moved: int, under_way: int) -> str | None:
        """Why the run is stopped here, or None; sets `next_s`."""
        at_s, more = self.next_s, deferrals - self._deferrals
        self._deferrals = deferrals
        if more > MANY_DEFERRALS:
            self._step_s = max(self._step_s / 2, SHORTEST_STEP_S)
        elif more < FEW_DEFERRALS:
            self._step_s = min(self._step_s * 2, LONGEST_STEP_S)
        self.next_s = at_s + self._step_s
        in_vain = deferrals - when_moved
        if at_s <= self._last_change_s or in_vain < max(LEAST_IN_VAIN, IN_VAIN_EACH * under_way):
            return None
        return (
            f"the last {in_vain:,} attempts, until {say_time(at_s, self._start)}, came to nothing, {under_way:,} messages are still under "
            "way, and nothing in the scenario changes any more"
        )


def looks_until(env: Clock, over: simpy.Event, drain: Drain, limit_s: float) -> Iterator[tuple[float, Drain]]:
    """Run until `over`, a condition, has happened, with a stop at each moment that is looked at.

    SimPy stops on an event before all that waits for it was told: that it was triggered, not processed, is what counts.
    """
    assert over.callbacks is not None
    over.callbacks.append(StopSimulation.callback)
    while not over.triggered:
        at_s = drain.next_s
        env.run(until=over if at_s > limit_s else At(env, at_s, BEFORE_ALL))
        if not over.triggered:
            yield at_s, drain


def last_change_s(
    changes_s: Iterable[float], downtimes: Iterable[DowntimeSchedule], delays_s: Iterable[float], length_s: float, limit_s: float
) -> float:  # fmt: skip
    """The last moment within a run's limit at which something changes by itself: rules, outages, the end of a greylist's delay."""
    moments = [*changes_s, *(length_s + delay_s for delay_s in delays_s)]
    for downtime in downtimes:
        moments += [at_s for span in downtime for at_s in span]
    return max((at_s for at_s in moments if isfinite(at_s) and at_s <= limit_s), default=-inf)
