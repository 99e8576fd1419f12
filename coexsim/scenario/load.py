"""Read a scenario file: YAML with line numbers, `extends`, the models, and every problem at once with file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coexsim.errors import Problem, ScenarioError
from coexsim.scenario import checks
from coexsim.scenario.given import require_keys, require_path, require_scenario
from coexsim.scenario.model import Scenario
from coexsim.scenario.part import PartError
from coexsim.scenario.places import Source, say_path
from coexsim.scenario.problems import problems_of
from coexsim.scenario.read import FileData, copy_of, read_file, read_text


def load_scenario(file: str | Path) -> Scenario:
    """Read and check one scenario file.

    Raises `ScenarioError` with every problem found: unreadable YAML, unknown or duplicate keys, quantities without unit,
    names of servers, sites or people that do not exist.
    """
    require_path(file)
    name = str(file)
    return _build_of(read_file(Path(file), name), name)


def scenario_from_text(text: str, name: str = "<text>", base: str | Path = ".") -> Scenario:
    """As `load_scenario`, from a string; `base` is the folder that `extends` and files are relative to."""
    return _build_of(read_text(text, name, Path(base)), str(Path(base) / name) if base != "." else name)


def changed(scenario: Scenario, changes: Mapping[str, object]) -> Scenario:
    """The same scenario with other values: ``{"servers.onprem.capacity.cores": 8}``. Raises `ScenarioError`.

    Places in a list stand as errors print them, a link and a machine that could be bought also by name: ``links[0].bandwidth``,
    ``links.office-cloud.bandwidth``. A name with dots in it may stand in brackets, and must where nothing is called so yet:
    ``dns.[corporate.com]``.
    """
    require_scenario(scenario)
    require_keys(changes, '{"servers.onprem.capacity.cores": 8}')
    raw = copy_of(scenario.source.raw)
    problems = []
    for dotted, value in changes.items():
        keys = keys_of(scenario, dotted, raw)
        if not _put(raw, keys, value):
            problems.append(_no_such_key(scenario.source, dotted, keys))
    if problems:
        raise ScenarioError(problems)
    return _build(raw, scenario.source._replace(raw=raw))


def keys_of(scenario: Scenario, dotted: str, raw: dict[str, Any] | None = None) -> list[str]:
    """The keys of a dotted one, from the top: as many parts as a name has that is there, ``mail.corp.example``, are one key.

    `raw` is what is there, where that is not the scenario as it was written.
    """
    parts = [part.strip("[]") for part in re.split(r"\.(?![^\[]*\])", by_place(scenario, dotted))]
    keys: list[str] = []
    here: Any = scenario.source.raw if raw is None else raw
    while parts:
        names = {".".join(parts[:end]): end for end in range(len(parts), 1, -1)} if isinstance(here, dict) else {}
        key = next((name for name in names if name in here), parts[0])
        keys.append(key)
        parts = parts[names.get(key, 1) :]
        here = _inside(here, key, None) if isinstance(here, list) else here.get(key) if isinstance(here, dict) else None
    return keys


def by_place(scenario: Scenario, key: str) -> str:
    """The key with every place in a list as a number: ``links.0.bandwidth``, for ``links[0].bandwidth`` and for the link's name."""
    key = re.sub(r"(?<=\w)\[(\d+)\]", r".\1", key)
    candidates = scenario.size.candidates if scenario.size is not None else ()
    names = {"links": [link.label for link in scenario.links], "size.candidates": [each.name for each in candidates]}
    for where, known in names.items():
        for place, name in enumerate(known):
            for written in (f"{where}.{name}.", f"{where}.[{name}]."):
                if key.startswith(written):
                    return f"{where}.{place}.{key.removeprefix(written)}"
    return key


def _no_such_key(source: Source, dotted: str, keys: list[str]) -> Problem:
    """Where the way of keys ends, and what stands there."""
    here: Any = source.raw
    path: list[str | int] = []
    for key in keys:
        inside = _inside(here, key, None)
        if inside is None:
            break
        path.append(int(key) if isinstance(here, list) else key)
        here = inside
    at = tuple(path)
    file, line = source.where(at)
    there = f"; {say_path(at)} has the entries 0 to {len(here) - 1}" if isinstance(here, list) and here else ""
    return Problem(file, line, dotted, f"there is no such key in this scenario{there}")


def _put(here: Any, keys: list[str], value: object) -> bool:
    """Put a value at the end of a way of keys, making mappings on the way; False if there is no such place."""
    for key in keys[:-1]:
        here = _inside(here, key, {})
    if isinstance(here, list) and (at := _position(here, keys[-1])) is not None:
        here[at] = value
    elif isinstance(here, dict):
        here[keys[-1]] = value
    else:
        return False
    return True


def _inside(here: Any, key: str, default: object) -> Any:
    if isinstance(here, list):
        at = _position(here, key)
        return None if at is None else here[at]
    return here.setdefault(key, default) if isinstance(here, dict) else None


def _position(items: list[Any], key: str) -> int | None:
    """The place in a list that a key names, if it is one of its places."""
    at = int(key) if re.fullmatch("[0-9]{1,9}", key) else len(items)
    return at if at < len(items) else None


def _build_of(read: FileData, file: str) -> Scenario:
    return _build(read.data, Source(file, read.data, read.places, changed, read.replaced_tests))


def _build(raw: dict[str, Any], source: Source) -> Scenario:
    try:
        scenario = Scenario.from_data(raw).read_from(source)
    except PartError as error:
        raise ScenarioError(problems_of(error.faults, source)) from None
    except (OverflowError, RecursionError) as error:
        raise ScenarioError([Problem(source.file, 1, "", f"a number is too large: {error}")]) from None
    found = [Problem(*source.where(path), say_path(path), text) for path, text in checks.problems(scenario)]
    if found:
        raise ScenarioError(found)
    return scenario
