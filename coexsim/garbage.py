"""Python's search for objects that hold each other, where there are many objects and none do."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

RARE_COLLECTION = (200_000, 20, 100)


@contextmanager
def collect_rarely() -> Iterator[None]:
    """Look rarely for reference cycles. Mail makes none: looking all the time costs a sixth of a run, and a fifth of reading a log."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*RARE_COLLECTION)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
