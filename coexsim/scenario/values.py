"""What a key has in a scenario: every place where it stands or could, with its value, and where that is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from coexsim.scenario.describe import NAME, ScenarioKey
from coexsim.scenario.model import Scenario
from coexsim.scenario.places import Path, say_path
from coexsim.scenario.written import unit_of, value_text

LONGEST = 100


class Value(NamedTuple):
    """A value of a key: the whole key, the value as a file would have it, and where it is written; empty where it is the default."""

    key: str
    text: str
    where: str


def values_of(scenario: Scenario, key: ScenarioKey) -> list[Value]:
    """Of each server, link or person that has the key its value, also where it is left out and the default holds."""
    found = []
    for path, value in _walk(scenario, key.path, (), kind_wanted=False):
        place = scenario.source.lines.get(path)
        shown = _written(scenario.source.raw, path) if place else value
        text = "left out" if shown is None or isinstance(shown, BaseModel) else value_text(shown, unit_of(key.field))
        short = text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."
        found.append(Value(say_path(path), short, f"{place.file}:{place.line}" if place else ""))
    return found


def _written(raw: Any, path: Path) -> Any:
    """The value as the file has it."""
    for step in path:
        raw = raw[step]
    return raw


def _walk(value: Any, steps: tuple[str, ...], path: Path, *, kind_wanted: bool) -> Iterator[tuple[Path, Any]]:
    """The values at the end of a path of keys; `kind_wanted`: the next step is a name, or the kind that a server must have."""
    if not steps:
        yield path, value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(value, Mapping):
        for name, each in value.items():
            if step == NAME or (kind_wanted and getattr(each, "kind", None) == step):
                yield from _walk(each, rest, (*path, name), kind_wanted=False)
    elif isinstance(value, tuple | list):
        for index, each in enumerate(value):
            yield from _walk(each, steps, (*path, index), kind_wanted=False)
    elif isinstance(value, BaseModel):
        field = next((name for name, each in type(value).model_fields.items() if step in (name, each.alias)), None)
        if field is not None:
            yield from _walk(getattr(value, field), rest, (*path, step), kind_wanted=step == "servers")
