"""The public names of the package."""

from __future__ import annotations

import importlib

import pytest

import coexsim


@pytest.mark.parametrize("name", coexsim.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Each name loads, and is what its own module calls so."""
    assert getattr(coexsim, name) is not None


def test_they_are_listed() -> None:
    """For completion in a notebook."""
    assert set(coexsim.__all__) <= set(dir(coexsim))


def test_other_names_are_not_there() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        importlib.import_module("coexsim").__getattr__("simulat")


def test_a_first_session() -> None:
    """Load, trace, check, compare."""
    scenario = coexsim.load_scenario("scenarios/article/flows.yaml")

    assert isinstance(scenario, coexsim.Scenario)
    assert coexsim.trace(scenario, "iUser1", "iUser2").outcome == "delivered"
    assert coexsim.check(scenario).holds()
    assert not coexsim.diff_routes(scenario, scenario).changed
