"""Fixtures of the simulation's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sim.small import Small


@pytest.fixture
def small(tmp_path: Path) -> Small:
    """The small world."""
    return Small(tmp_path)
