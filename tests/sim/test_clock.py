"""Simulated time: what happens at one moment happens in the order of the rule, at the moment that was said to the last bit."""

from __future__ import annotations

from random import Random

import pytest
import simpy
from simpy.core import EmptySchedule, StopSimulation
from simpy.events import ProcessGenerator

from coexsim.sim.clock import BIRTH, MONITOR, RETRY, SESSION, WORK_DONE, WORLD, At, Clock


def test_stages_then_numbers_then_causes() -> None:
    """Whatever the order in which they were asked for; SimPy's own events go first."""
    env = Clock()
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
    env = Clock(now_s)
    met = []

    def wait() -> ProcessGenerator:
        yield At(env, time_s, WORLD)
        met.append(env.now)

    env.process(wait())
    env.run()
    assert met == [time_s]


def test_a_moment_is_waited_for_as_any_event_of_simpy() -> None:
    """By all public means: peek, step, run until an event, any and all of several."""
    env = Clock()
    late, early = At(env, 9.0, WORLD), At(env, 2.0, WORLD)

    assert env.peek() == 2.0
    env.step()
    assert (env.now, early.processed, early.ok, early.value, late.triggered) == (2.0, True, True, None, True)
    assert env.run(until=late | env.timeout(100.0)) is not None
    assert env.now == 9.0
    env.run(until=At(env, 11.0, WORLD) & env.timeout(1.0))
    assert env.now == 11.0


def test_without_moments_the_clock_is_simpys_own_environment() -> None:
    """A program of timeouts, stores, interrupts, conditions and an error that is caught does the same on both, in one order."""
    assert program(Clock()) == program(simpy.Environment())
    assert len(program(Clock())) > 300


def program(env: simpy.Environment) -> list[tuple[float, str]]:
    """What happened when."""
    numbers = Random(5)
    seen: list[tuple[float, str]] = []
    store = simpy.Store(env, capacity=2)

    def say(what: str) -> None:
        seen.append((env.now, what))

    def produce(name: str) -> ProcessGenerator:
        for item in range(40):
            yield env.timeout(numbers.choice([0, 0.1, 0.5]))
            yield store.put(f"{name} {item}")
            say(f"{name} put {item}")

    def consume(name: str) -> ProcessGenerator:
        while True:
            got = store.get()
            try:
                found = yield got | env.timeout(0.3)
                say(f"{name} has {list(found.values())}")
                if not got.triggered:
                    got.cancel()
            except simpy.Interrupt as stop:
                got.cancel()
                say(f"{name} is told {stop.cause}")

    def fails() -> ProcessGenerator:
        yield env.timeout(1)
        raise KeyError("lost")

    def disturb(others: list[simpy.Process]) -> ProcessGenerator:
        try:
            yield env.process(fails())
        except KeyError as error:
            say(f"{error!r} was heard of")
        for number in range(30):
            yield env.timeout(0.7)
            numbers.choice(others).interrupt(number)

    consumers = [env.process(consume(name)) for name in "xy"]
    producers = [env.process(produce(name)) for name in "ab"]
    env.process(disturb(consumers))
    env.run(until=producers[0])
    say("a is done")
    env.run(until=25.5)
    say("enough")
    return seen


def test_an_error_that_nobody_hears_of_ends_the_run() -> None:
    """As in SimPy, and with nothing left to happen."""
    env = Clock()

    def fails() -> ProcessGenerator:
        yield At(env, 2.0, WORLD)
        raise KeyError("lost")

    env.process(fails())
    with pytest.raises(KeyError, match="lost"):
        env.run()
    assert env.now == 2.0
    with pytest.raises(EmptySchedule):
        env.step()


def test_who_waits_for_the_event_that_a_run_stops_at_is_told_when_it_goes_on() -> None:
    """Before all else of that moment."""
    env = Clock()
    seen: list[str] = []
    stop = At(env, 3.0, WORLD)

    def wait(event: simpy.Event, name: str) -> ProcessGenerator:
        yield event
        seen.append(name)

    def also() -> ProcessGenerator:
        yield At(env, 3.0, WORLD)
        seen.append("of that moment")

    assert stop.callbacks is not None
    stop.callbacks += [lambda _: seen.append("first"), StopSimulation.callback, lambda _: seen.append("after the stop")]
    env.process(wait(stop, "who waits"))
    env.process(also())
    env.run()
    assert (env.now, seen) == (3.0, ["first"])
    env.run()
    assert seen == ["first", "after the stop", "who waits", "of that moment"]
