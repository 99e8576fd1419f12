"""What all tests share: how property tests search, that the long tests begin first, and how often Python looks for cycles.

Property tests try the same examples every time, so that a change that has nothing to do with them never fails. Other examples, and
more of them, are tried with ``--hypothesis-profile fuzz``; what that finds becomes an ``@example`` of its test.
"""

from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.properties import FUZZ_EXAMPLES

LONG = ("test_readme", "test_notebooks", "test_executors", "test_sizing")
TELLING = (Phase.explicit, Phase.reuse, Phase.generate, Phase.target)  # without shrinking, which may take minutes
settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    phases=TELLING,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "fuzz", max_examples=FUZZ_EXAMPLES, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck)
)
settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tutorial and the notebooks take minutes; everything else seconds."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))


def pytest_collection_finish() -> None:
    """What is there now, modules and thousands of tests, stays to the end: the garbage collector need not look through it.

    It took a fifth of the processor time of quick tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
