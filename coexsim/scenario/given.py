"""What the functions of the package are given: a scenario, a grid of keys, a path; of another type than that it is said what to give."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from os import PathLike

from coexsim.errors import UsageError
from coexsim.scenario.model import Scenario


def require_scenario(*given: object) -> None:
    """Is each of these a `Scenario`. Raises `UsageError`; to a path it says how to load it."""
    for each in given:
        if isinstance(each, str | PathLike):
            raise UsageError(f"a Scenario is wanted, not a path; load it: load_scenario({str(each)!r})")
        if not isinstance(each, Scenario):
            raise UsageError(f"a Scenario is wanted, such as load_scenario gives, not {_say(each)}")


def require_keys(given: object, example: str) -> None:
    """Is this a mapping of keys of a scenario. Raises `UsageError` with an example."""
    if not isinstance(given, Mapping):
        raise UsageError(f"keys with their values are wanted, such as {example}, not {_say(given)}")
    for key in given:
        if not isinstance(key, str):
            raise UsageError(f"a key is a word, such as those in {example}, not {_say(key)}")


def require_path(given: object) -> None:
    """Is this a path. Raises `UsageError`."""
    if not isinstance(given, str | PathLike):
        raise UsageError(f"the path of a file is wanted, not {_say(given)}")


def require_count(given: object, what: str) -> None:
    """Is this a whole number. Raises `UsageError`."""
    if not isinstance(given, Integral) or isinstance(given, bool):
        raise UsageError(f"{what} are a whole number, not {_say(given)}")


def _say(given: object) -> str:
    said = repr(given)
    return f"{said if len(said) <= 40 else '...'} ({type(given).__name__})"
