"""The public names of the package."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

import coexsim
from coexsim.errors import UsageError


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


SCENARIO = coexsim.load_scenario("scenarios/article/environment.yaml")


@pytest.mark.parametrize(
    "call",
    [
        lambda it: coexsim.trace(it, "a", "b"), coexsim.check, coexsim.explain, coexsim.simulate, coexsim.size, coexsim.explore,
        coexsim.round_trip, lambda it: coexsim.replicate(it, 2), lambda it: coexsim.sweep(it, {}), lambda it: coexsim.compare(SCENARIO, it),
        lambda it: coexsim.diff_routes(it, SCENARIO), lambda it: coexsim.outage(it, "a", "Mon 10:00", "1 h"),
        lambda it: coexsim.outlook(it, growth=0.1), lambda it: coexsim.sweep_verdicts(it, {}),
        lambda it: coexsim.verdicts(coexsim.simulate(SCENARIO), it),
    ],
)  # fmt: skip
def test_a_path_in_a_scenarios_place_is_told_what_to_do(call: Callable[[Any], object]) -> None:
    """Its name with how to load it; of another type what it is."""
    with pytest.raises(UsageError, match=r"not a path; load it: load_scenario\('mine.yaml'\)"):
        call("mine.yaml")
    with pytest.raises(UsageError, match=r"a Scenario is wanted, such as load_scenario gives, not 5 \(int\)"):
        call(5)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda it: coexsim.load_scenario(it), "the path of a file is wanted, not 5 (int)"),
        (
            lambda it: coexsim.replicate(SCENARIO, str(it)),  # type: ignore[arg-type]
            "replications are a whole number, not '5' (str)",
        ),
        (lambda it: coexsim.sweep(SCENARIO, it), "keys with their values are wanted, such as {"),
        (lambda it: coexsim.explore(SCENARIO, it), "keys with their values are wanted, such as {"),
        (lambda it: SCENARIO.change({it: 1}), "a key is a word, such as those in {"),
    ],
)
def test_what_is_no_path_number_or_grid_is_said(call: Callable[[Any], object], told: str) -> None:
    """With what was found."""
    with pytest.raises(UsageError) as caught:
        call(5)
    assert told in str(caught.value)
