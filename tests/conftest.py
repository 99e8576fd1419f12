"""What all tests share: the long ones begin first, so that no worker waits for them at the end."""

from __future__ import annotations

import pytest

LONG = ("test_readme", "test_notebooks", "test_executors", "test_sizing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tutorial and the notebooks take minutes; everything else seconds."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
