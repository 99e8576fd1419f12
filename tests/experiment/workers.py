"""What the tests of executors run elsewhere: simulations of no scenario, in a module that workers can load."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from coexsim.experiment.results import Results
from coexsim.rng import stream
from tests.experiment.made_up import made_up


def fake_run(scenario: object, seed: int, replication: int, *_: object) -> Results:
    """Exponential delays, a function of the seed and the replication alone; other arguments of a run change nothing."""
    return made_up(stream(seed, replication, "delay").exponential(size=50), replication)


def slow_run(scenario: object, seed: int, replication: int, *_: object) -> Results:
    """The later ones are ready first."""
    time.sleep(0.3 / (1 + replication))
    return fake_run(scenario, seed, replication)


def killing_run(folder: str, seed: int, replication: int) -> Results:
    """The first that comes to replication 0, which is never the caller's own, kills the worker that it runs on."""
    mark = Path(folder) / "killed"
    if replication == 0 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)
    return fake_run(folder, seed, replication)


def where(_: int) -> int:
    """The process that it runs in, after a moment in which the others get something to do too."""
    time.sleep(0.2)
    return os.getpid()


def interrupted(mark: str, caller: int) -> int:
    """The caller is interrupted when another has come here, and long done."""
    if os.getpid() != caller:
        Path(mark).touch()
        return os.getpid()
    while not Path(mark).exists():
        time.sleep(0.01)
    time.sleep(0.5)
    raise KeyboardInterrupt


def large(mark: str) -> bytes:
    """So much that handing it over takes a while, which begins when the mark is there."""
    found = bytes(100_000_000)
    Path(mark).touch()
    return found


def delays(results: Results) -> list[float]:
    """The delays, to compare."""
    return [float(delay) for delay in results.mail["delay_s"]]
