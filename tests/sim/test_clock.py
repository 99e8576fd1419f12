"""Simulated time: what happens at one moment happens in the order of the rule, at the moment that was said to the last bit."""

from __future__ import annotations

import simpy
from simpy.events import ProcessGenerator

from coexsim.sim.clock import BIRTH, MONITOR, RETRY, SESSION, WORK_DONE, WORLD, At


def test_stages_then_numbers_then_causes() -> None:
    """Whatever the order in which they were asked for; SimPy's own events go first."""
    env = simpy.Environment()
    seen: list[str] = []

    def wait(name: str, order: int) -> ProcessGenerator:
        yield At(env, 5.0, order)
        seen.append(name)
        if name == "birth 1":
            env.process(soon())

    def soon() -> ProcessGenerator:
        yield env.timeout(0)
        seen.append("what a birth causes")

    asked = [
        ("monitor", MONITOR), ("retry 1", RETRY + 1), ("session 7", SESSION + 7), ("session 3", SESSION + 3), ("again 3", SESSION + 3),
        ("work", WORK_DONE + 9), ("birth 2", BIRTH + 2), ("birth 1", BIRTH + 1), ("world", WORLD),
    ]  # fmt: skip
    for name, order in asked:
        env.process(wait(name, order))
    env.run()

    assert seen == [
        "world", "birth 1", "what a birth causes", "birth 2", "work", "session 3", "again 3", "session 7", "retry 1", "monitor",
    ]  # fmt: skip


def test_to_the_last_bit() -> None:
    """A delay is added to the clock and rounds; the time that was said is kept. Here the sum is a tie, and rounds to another number."""
    now_s, time_s = 100 + 2**-45, 400 + 2**-44
    assert now_s + (time_s - now_s) != time_s
    env = simpy.Environment(now_s)
    met = []

    def wait() -> ProcessGenerator:
        yield At(env, time_s, WORLD)
        met.append(env.now)

    env.process(wait())
    env.run()
    assert met == [time_s]


def test_simpy_keeps_its_heap_as_at_knows_it() -> None:
    """`At` is as one of SimPy's own events to all its public means: peek, step, run until an event, any and all of several."""
    env = simpy.Environment()
    late, early = At(env, 9.0, WORLD), At(env, 2.0, WORLD)

    assert env.peek() == 2.0
    env.step()
    assert (env.now, early.processed, early.ok, early.value, late.triggered) == (2.0, True, True, None, True)
    assert env.run(until=late | env.timeout(100.0)) is not None
    assert env.now == 9.0
    env.run(until=At(env, 11.0, WORLD) & env.timeout(1.0))
    assert env.now == 11.0
