"""Read a scenario file: YAML with line numbers, `extends`, the models, and every problem at once with file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from coexsim.errors import Problem, ScenarioError, did_you_mean
from coexsim.scenario import checks
from coexsim.scenario.model import Path as KeyPath
from coexsim.scenario.model import Scenario, Source

Lines = dict[KeyPath, tuple[str, int]]


def load_scenario(file: str | Path) -> Scenario:
    """Read and check one scenario file.

    Raises `ScenarioError` with every problem found: unreadable YAML, unknown or duplicate keys, quantities without unit,
    names of servers, sites or people that do not exist.
    """
    name = str(file)
    raw, lines = _read(Path(file), name, ())
    return _build(raw, Source(name, raw, lines))


def scenario_from_text(text: str, name: str = "<text>", base: str | Path = ".") -> Scenario:
    """As `load_scenario`, from a string; `base` is the folder that `extends` and files are relative to."""
    raw, lines = _parse(text, name)
    raw, lines = _extend(raw, lines, Path(base), name, ())
    return _build(raw, Source(str(Path(base) / name) if base != "." else name, raw, lines))


def changed(scenario: Scenario, changes: Mapping[str, object]) -> Scenario:
    """The same scenario with other values: ``{"servers.onprem.capacity.cores": 8}``. Raises `ScenarioError`."""
    raw = _copy(scenario.source.raw)
    problems = []
    for dotted, value in changes.items():
        *parents, last = re.split(r"\.(?![^\[]*\])", dotted)
        here: Any = raw
        for key in parents:
            here = here[int(key)] if isinstance(here, list) and key.isdigit() and int(key) < len(here) else (
                here.setdefault(key, {}) if isinstance(here, dict) else None
            )  # fmt: skip
            if not isinstance(here, (dict, list)):
                break
        if isinstance(here, list) and last.isdigit() and int(last) < len(here):
            here[int(last)] = value
        elif isinstance(here, dict):
            here[last] = value
        else:
            problems.append(Problem(scenario.source.file, 0, dotted, "there is no such key in this scenario"))
    if problems:
        raise ScenarioError(problems)
    return _build(raw, scenario.source._replace(raw=raw))


def _build(raw: dict[str, Any], source: Source) -> Scenario:
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(list(_problems(error, source))) from None
    scenario._source = source
    found = [Problem(*source.where(path), _say(path), text) for path, text in checks.problems(scenario)]
    if found:
        raise ScenarioError(found)
    return scenario


# --- YAML ---------------------------------------------------------------------------------------------------------------


def _read(path: Path, name: str, above: tuple[str, ...]) -> tuple[dict[str, Any], Lines]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.y*ml")]) if path.parent.is_dir() else ""
        raise ScenarioError([Problem(name, 0, "", f"cannot be read: {reason}{near}")]) from None
    raw, lines = _parse(text, name)
    return _extend(raw, lines, path.parent, name, (*above, str(path.resolve())))


def _parse(text: str, name: str) -> tuple[dict[str, Any], Lines]:
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError

    try:
        data = YAML(typ="rt").load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        what = re.search(r'duplicate key "(.*?)"', str(error.problem))
        key = what.group(1) if what else "key"
        raise ScenarioError([Problem(name, line, key, "this key is given twice; keep one")]) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ScenarioError(
            [Problem(name, line, "", f"not readable as YAML: {error.problem or error.context}")]
        ) from None
    if not isinstance(data, dict):
        raise ScenarioError([Problem(name, 1, "", "a scenario is a mapping that begins with 'coexsim: 1'")])
    lines: Lines = {}
    plain = _plain(data, (), name, lines)
    assert isinstance(plain, dict)
    return plain, lines


def _plain(node: Any, path: KeyPath, file: str, lines: Lines) -> Any:
    """Plain Python data of a ruamel tree; the line of every key and item goes into `lines`."""
    if isinstance(node, dict):
        result: dict[Any, Any] = {}
        for key, value in node.items():
            place: KeyPath = (*path, str(key) if not isinstance(key, int) else key)
            lines[place] = (file, node.lc.data[key][0] + 1 if key in node.lc.data else node.lc.line + 1)  # type: ignore[attr-defined]
            result[place[-1]] = _plain(value, place, file, lines)
        return result
    if isinstance(node, list):
        for index in range(len(node)):
            lines[*path, index] = (file, node.lc.data[index][0] + 1)  # type: ignore[attr-defined]
        return [_plain(value, (*path, index), file, lines) for index, value in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return str(node)


def _extend(
    raw: dict[str, Any], lines: Lines, folder: Path, name: str, above: tuple[str, ...]
) -> tuple[dict[str, Any], Lines]:
    """Apply `extends`: mappings are merged, anything else is replaced, null takes a key away."""
    if "extends" not in raw:
        return raw, lines
    bases = raw.pop("extends")
    merged: dict[str, Any] = {}
    places: Lines = {}
    for base in [bases] if isinstance(bases, str) else bases or []:
        path = folder / str(base)
        if str(path.resolve()) in above:
            raise ScenarioError(
                [Problem(name, lines[("extends",)][1], "extends", f"{base} extends this file in turn: a circle")]
            )
        shown = str(Path(name).parent / str(base)) if name else str(base)
        if not path.is_file():
            near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.y*ml")]) if path.parent.is_dir() else ""
            raise ScenarioError(
                [Problem(name, lines[("extends",)][1], "extends", f"there is no file {base!r} beside this one{near}")]
            )
        base_raw, base_lines = _read(path, shown, above)
        _merge(merged, base_raw)
        places.update(base_lines)
    _merge(merged, raw)
    places.update(lines)
    return merged, places


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if value is None:
            into.pop(key, None)
        elif (
            isinstance(value, dict)
            and isinstance(into.get(key), dict)
            and value.get("kind", 0) in (0, into[key].get("kind", 0))
        ):
            _merge(into[key], value)
        else:
            into[key] = _copy(value)


def _copy(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _copy(value) for key, value in node.items()}
    return [_copy(value) for value in node] if isinstance(node, list) else node


# --- what pydantic found, in the planner's words ---------------------------------------------------------------------------


def _problems(error: ValidationError, source: Source) -> Iterator[Problem]:
    for item in error.errors(include_url=False):
        loc = item["loc"]
        path = _written(loc, source.raw)
        kind, given = item["type"], item.get("input")
        if kind == "extra_forbidden":
            known = _keys_at(Scenario, loc[:-1])
            text = "there is no such key" + (
                did_you_mean(str(loc[-1]), known) or f"; known here: {', '.join(known[:12])}"
            )
        elif kind == "missing":
            text = f"{loc[-1]!r} is missing"
            if path and path[-1] == loc[-1]:
                path = path[:-1]
        elif kind == "union_tag_invalid":
            known = [word.strip("' ") for word in str(item.get("ctx", {}).get("expected_tags", "")).split(",")]
            tag = str(item.get("ctx", {}).get("tag", given))
            path = (*path, "kind")
            text = f"{tag!r} is no kind of server{did_you_mean(tag, known)}; one of {', '.join(known)}"
        elif kind == "union_tag_not_found":
            text = "a server says its kind: 'kind: domino', exchange, postfix, relay, hosted-inbound, hosted-outbound or external"
        elif kind == "literal_error":
            expected = str(item.get("ctx", {}).get("expected", ""))
            known = re.findall(r"'([^']*)'", expected)
            text = f"{given!r} is not one of {expected}{did_you_mean(str(given), known)}"
        else:
            text = item["msg"].removeprefix("Value error, ")
            if kind not in ("value_error",) and not isinstance(given, (dict, list)):
                text += f"; found {given!r}"
        yield Problem(*source.where(path), _say(path), text)


def _written(loc: KeyPath, raw: Any) -> KeyPath:
    """`loc` without the union tags that pydantic puts in: only the keys that stand in the file (and one that is missing)."""
    path: list[str | int] = []
    here = raw
    for position, key in enumerate(loc):
        if isinstance(here, dict) and key in here:
            here = here[key]
        elif isinstance(here, list) and isinstance(key, int) and key < len(here):
            here = here[key]
        elif position < len(loc) - 1:
            continue
        elif isinstance(key, str) and isinstance(here, dict) and re.fullmatch(r"\w+", key):
            pass
        else:
            continue
        path.append(key)
    return tuple(path)


def _say(path: KeyPath) -> str:
    return ".".join(str(key) if not isinstance(key, int) else f"[{key}]" for key in path).replace(".[", "[")


def _keys_at(model: Any, loc: KeyPath) -> list[str]:
    """The keys that the model at `loc` knows, following pydantic's own path with its union tags."""
    here: list[Any] = [model]
    for key in loc:
        here = [inner for kind in here for inner in _inside(kind, key)] or here
    return sorted(
        {field.alias or name for kind in here if _is_model(kind) for name, field in kind.model_fields.items()}
    )


def _inside(kind: Any, key: str | int) -> Iterator[Any]:
    if _is_model(kind):
        field = next((f for n, f in kind.model_fields.items() if key in (n, f.alias)), None)
        if field is not None:
            yield from _models(field.annotation)
        elif "kind" in kind.model_fields and key in get_args(kind.model_fields["kind"].annotation):
            yield kind
    elif isinstance(kind, tuple):
        yield from kind


def _models(annotation: Any) -> Iterator[Any]:
    """The model classes inside an annotation; a container is a tuple of what it holds, entered by the next key."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType) or str(origin) == "typing.Annotated" or hasattr(annotation, "__metadata__"):
        for part in get_args(annotation):
            yield from _models(part)
    elif origin in (tuple, dict, list):
        yield tuple(model for part in get_args(annotation) for model in _models(part))
    elif _is_model(annotation):
        yield annotation


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
