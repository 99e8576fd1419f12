"""Simulated time: a walk goes on as SimPy's own process would."""

from collections.abc import Generator
from typing import Any

import pytest
import simpy

from coexsim.sim.clock import Walk, fire, run_until

Seen = list[tuple[float, Any]]


def _met(times_s: list[float], *, walk: bool) -> Seen:
    """When a process that waits for one event after the other met them, the events happening at `times_s`."""
    env = simpy.Environment()
    events = [simpy.Event(env) for _ in times_s]
    seen: Seen = []

    def steps() -> Generator[simpy.Event, Any, Any]:
        for event in events:
            value = yield event
            seen.append((env.now, value))

    def happen(timer: simpy.Event) -> None:
        for number, (event, time_s) in enumerate(zip(events, times_s, strict=True)):
            if time_s == timer.env.now:
                fire(event, number)

    if walk:
        Walk(steps())
    else:
        env.process(steps())
    for at_s in sorted(set(times_s)):
        env.timeout(at_s).callbacks.append(happen)
    run_until(env, 10.0)
    return seen


@pytest.mark.parametrize("times_s", [[1.0, 2.0], [2.0, 1.0], [3.0, 3.0], [2.0, 1.0, 1.0]])
def test_a_walk_goes_on_at_once_from_what_has_happened_already(times_s: list[float]) -> None:
    """As SimPy's process does; transfers that a message waits for one after the other may end in any order, or together."""
    met = _met(times_s, walk=True)
    assert met == _met(times_s, walk=False)
    assert met == [(max(times_s[: i + 1]), i) for i in range(len(times_s))]
