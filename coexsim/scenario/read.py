"""YAML 1.2 as plain data, with the file and line of every key, and `extends` applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from coexsim.errors import Problem, ScenarioError, did_you_mean
from coexsim.scenario.places import Path as KeyPath
from coexsim.scenario.places import Place, Places, say_path

DEEPEST = 50  # levels of nesting
MOST_NODES = 1_000_000  # aliases of aliases can ask for more than memory holds


def read_file(path: Path, name: str, above: tuple[str, ...] = ()) -> tuple[dict[str, Any], Places]:
    """The data of a file, and of what it extends. `above` are the files that extend this one. Raises `ScenarioError`."""
    try:
        text = path.read_text(encoding="utf-8")
        place = str(path.resolve())
    except (OSError, ValueError) as error:
        reason = (
            error.strerror
            if isinstance(error, OSError)
            else "it is not UTF-8 text; save it as UTF-8"
            if "codec" in str(error)
            else error
        )
        near = _near(path) if isinstance(error, FileNotFoundError) else ""
        line = error.object[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 0
        raise ScenarioError([Problem(name, line, "", f"cannot be read: {reason}{near}")]) from None
    return read_text(text, name, path.parent, (*above, place))


def read_text(text: str, name: str, folder: Path, above: tuple[str, ...] = ()) -> tuple[dict[str, Any], Places]:
    """The same of a string; `folder` is where the files stand that it extends."""
    raw, lines = _parse(text, name)
    return _extend(copy_of(raw), dict(lines), folder, name, above)


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """Lay `more` over `into`: mappings are merged (a server of another kind is not), null takes a key away, the rest is replaced."""
    for key, value in more.items():
        below = into.get(key)
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(below, dict) and value.get("kind", 0) in (0, below.get("kind", 0)):
            merge(below, value)
        elif isinstance(value, dict):
            into[key] = {}
            merge(into[key], value)
        else:
            into[key] = copy_of(value)


def copy_of(node: Any) -> Any:
    """Plain data once more."""
    if isinstance(node, dict):
        return {key: copy_of(value) for key, value in node.items()}
    return [copy_of(value) for value in node] if isinstance(node, list) else node


def _near(path: Path) -> str:
    """The file beside it whose name is nearly the same; how it ends says little."""
    try:
        names = {p.stem: p.name for p in path.parent.glob("*.y*ml")} if path.parent.is_dir() else {}
    except (OSError, ValueError):
        return ""
    near = did_you_mean(path.stem, list(names))
    return next((near.replace(repr(stem), repr(name)) for stem, name in names.items() if repr(stem) in near), "")


@lru_cache(maxsize=64)  # files that extend one environment parse it once
def _parse(text: str, name: str) -> tuple[dict[str, Any], Places]:
    from coexsim.scenario.yaml12 import NotYamlError, compose

    try:
        tree, value_of = compose(text)
    except NotYamlError as error:
        raise ScenarioError([Problem(name, error.line, "", f"not readable as YAML: {error.why}")]) from None
    if tree is None or tree.id != "mapping":
        raise ScenarioError([Problem(name, 1, "", "a scenario is a mapping that begins with 'coexsim: 1'")])
    plain = _Plain(name, value_of)
    result = plain.mapping(tree, ())
    if plain.problems:
        raise ScenarioError(plain.problems)
    return result, plain.lines


class _Plain:
    """Makes plain Python data of a tree of YAML nodes; the line of every key and item goes into `lines`, what is wrong into `problems`."""

    def __init__(self, file: str, scalar_of: Callable[[Any], Any]) -> None:
        self.lines: Places = {}
        self.problems: list[Problem] = []
        self._file = file
        self._scalar_of = scalar_of
        self._nodes = 0

    def mapping(self, node: Any, path: KeyPath) -> dict[Any, Any]:
        """A mapping node's keys, and those of the mappings it merges ("<<") that it does not have itself."""
        result: dict[Any, Any] = {}
        own: set[Any] = set()
        for key_node, value_node, merged in self._pairs(node, path):
            if key_node.id != "scalar":
                self._wrong(key_node, path, "a key is a word, found a list or a mapping")
                continue
            key = self._scalar(key_node, path)
            word = key if isinstance(key, int) and not isinstance(key, bool) else str(key)
            place = (*path, word)
            if word in own and not merged:
                self._wrong(key_node, place, "this key is given twice; keep one")
            if word in result and merged:
                continue
            if not merged:
                own.add(word)
            self.lines[place] = self._place(key_node)
            result[word] = self._of(value_node, place)
        return result

    def _pairs(self, node: Any, path: KeyPath, depth: int = 0) -> Iterator[tuple[Any, Any, bool]]:
        """Keys and values, own ones first; and whether they come from a merged mapping."""
        merged: list[Any] = []
        for key_node, value_node in node.value:
            if key_node.tag.endswith(":merge"):
                merged += value_node.value if value_node.id == "sequence" else [value_node]
            else:
                yield key_node, value_node, depth > 0
        for other in merged:
            if other.id != "mapping":
                self._wrong(other, path, "expected a mapping to merge with '<<'")
                continue
            self._count(path, depth)
            yield from self._pairs(other, path, depth + 1)

    def _of(self, node: Any, path: KeyPath) -> Any:
        self._count(path, 0)
        if node.id == "mapping":
            return self.mapping(node, path)
        if node.id == "sequence":
            for index, item in enumerate(node.value):
                self.lines[*path, index] = self._place(item)
            return [self._of(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _scalar(self, node: Any, path: KeyPath) -> Any:
        value: Any = None
        try:
            value = self._scalar_of(node)
        except ValueError as error:
            self._wrong(node, path, f"not readable as YAML: {error}")
        return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)

    def _count(self, path: KeyPath, depth: int) -> None:
        self._nodes += 1
        if len(path) + depth > DEEPEST or self._nodes > MOST_NODES:
            where = next(
                (self.lines[path[:end]][:2] for end in range(len(path), 0, -1) if path[:end] in self.lines),
                (self._file, 1),
            )
            raise ScenarioError(
                [Problem(*where, str(path[0]), "not readable: nested too deeply, or aliases of aliases without end")]
            )

    def _place(self, node: Any) -> Place:
        return Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _wrong(self, node: Any, path: KeyPath, what: str) -> None:
        self.problems.append(Problem(self._file, node.start_mark.line + 1, say_path(path), what))


def _extend(
    raw: dict[str, Any], lines: Places, folder: Path, name: str, above: tuple[str, ...]
) -> tuple[dict[str, Any], Places]:
    if "extends" not in raw:
        return raw, lines
    merged: dict[str, Any] = {}
    places: Places = {}
    written = raw.pop("extends")
    bases = [written] if isinstance(written, str) else written or []
    line = lines[("extends",)].line
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise ScenarioError(
            [Problem(name, line, "extends", f"expected the name of a file, or a list of them, found {written!r}")]
        )
    problems: list[Problem] = []
    for base in bases:
        path = folder / base
        problem = ""
        try:
            if str(path.resolve()) in above:
                problem = f"{base} extends this file in turn: a circle"
            elif not path.is_file():
                problem = f"there is no file {base!r} beside this one{_near(path)}"
        except (OSError, ValueError) as error:
            problem = f"{base!r} is not the name of a file: {error}"
        if problem:
            problems.append(Problem(name, line, "extends", problem))
            continue
        try:
            base_raw, base_lines = read_file(path, str(Path(name).parent / base), above)
        except ScenarioError as error:
            problems += error.problems
        else:
            merge(merged, base_raw)
            places.update(base_lines)
    if problems:
        raise ScenarioError(problems)
    merge(merged, raw)
    replaced = {path for path in lines if isinstance(_at(raw, path), list)}
    places = {
        path: line for path, line in places.items() if not any(path[:end] in replaced for end in range(1, len(path)))
    }
    return merged, places | lines


def _at(raw: Any, path: KeyPath) -> Any:
    for key in path:
        inside = (
            key in raw if isinstance(raw, dict) else isinstance(raw, list) and isinstance(key, int) and key < len(raw)
        )
        raw = raw[key] if inside else None
    return raw
