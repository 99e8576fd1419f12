"""The loop of a fuzz worker: it takes seeds, works on their cases, and says what was wrong."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

from tests.fuzz import cases

MEMORY_BYTES = 6 * 1024**3
CPU_LIMIT_S = {"damaged": 10, "world": 60}  # of one case, in processor seconds: a busy machine is no fault of the case
CASES: dict[str, Callable[[int], str | None]] = {"damaged": cases.damaged_scenario, "world": cases.world}


def work(kind: str, pipe: Connection) -> None:
    """Answer each seed with what was wrong with its case, or None, until the pipe is closed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    case = CASES[kind]
    while True:
        seed = pipe.recv()
        signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S[kind])  # ends the process; RLIMIT_CPU counts from its start
        try:
            fault = case(seed)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"[:300]
        signal.setitimer(signal.ITIMER_PROF, 0)
        pipe.send(fault)
