"""Python's search for objects that hold each other, where there are many objects and none do."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARE_COLLECTION = (200_000, 20, 100)
"""For `gc.set_threshold`: look among the youngest objects after so many new ones, and among older ones every 20th and 100th time."""


@contextmanager
def collect_rarely() -> Iterator[None]:
    """Look rarely for reference cycles. Mail makes none: looking all the time costs a sixth of a run, and a fifth of reading a log.

    Nor do the modules that a command imports, which stay to its end: looking through them costs a tenth of a sweep.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(*RARE_COLLECTION)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
