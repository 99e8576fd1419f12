"""Plain data of a YAML text, with the place of every key and item."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from coexsim.errors import Problem, ScenarioError
from coexsim.scenario.places import Path, Place, Places, say_path
from coexsim.scenario.yaml12 import NotYamlError, compose, value_of

DEEPEST = 50  # levels of nesting
MOST_NODES = 1_000_000  # aliases of aliases can ask for more than memory holds
FEW_NODES, NODES_A_CHARACTER = (
    100_000,
    10,
)  # what a short text may stand for: without aliases it has fewer nodes than characters
_FEW_NODES = "not readable: nested too deeply, or aliases of aliases without end"


class KeyPlace(NamedTuple):
    """The place of a key or an item, and those of what is in it, by key or position."""

    place: Place
    inside: Marks


Marks = dict[str | int, KeyPlace]


@lru_cache(maxsize=64)  # files that extend one environment parse it once
def parse(text: str, name: str) -> tuple[dict[str, Any], Marks]:
    """The data of a text that is a mapping, not to be changed, and the places of its keys. Raises `ScenarioError`."""
    try:
        tree = compose(text)
    except NotYamlError as error:
        raise ScenarioError([Problem(name, error.line, "", f"not readable as YAML: {error.why}")]) from None
    if tree is None or tree.id != "mapping":
        raise ScenarioError([Problem(name, 1, "", "a scenario is a mapping that begins with 'coexsim: 1'")])
    reader = _YamlReader(name, min(MOST_NODES, FEW_NODES + NODES_A_CHARACTER * len(text)))
    marks: Marks = {}
    data = reader.mapping(tree, (), marks)
    if reader.problems:
        raise ScenarioError(reader.problems)
    return data, marks


def places_of(marks: Marks) -> Places:
    """The places by path."""
    return dict(_flat(marks, ()))


def _flat(marks: Marks, path: Path) -> Iterator[tuple[Path, Place]]:
    for key, mark in marks.items():
        yield (*path, key), mark.place
        yield from _flat(mark.inside, (*path, key))


class _YamlReader:
    """Makes plain data of a tree of YAML nodes; what is wrong goes into `problems`."""

    def __init__(self, file: str, most_nodes: int) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._nodes = 0
        self._most_nodes = most_nodes

    def mapping(self, node: Any, path: Path, marks: Marks) -> dict[Any, Any]:
        """A mapping's keys, and those of the mappings it merges ("<<") that it does not have itself; their places go into `marks`."""
        result: dict[Any, Any] = {}
        self._check_tag(node, path)
        for key_node, value_node, merged in self._pairs(node, path):
            if key_node.id != "scalar":
                self._wrong(key_node, path, "a key is a word, found a list or a mapping")
                continue
            key = self._scalar(key_node, path)
            word = key if isinstance(key, int) and not isinstance(key, bool) else str(key)
            if word in result:
                if not merged:
                    self._wrong(key_node, (*path, word), "this key is given twice; keep one")
                continue
            inside: Marks = {}
            marks[word] = KeyPlace(self._place(key_node), inside)
            result[word] = self._of(value_node, (*path, word), inside)
        return result

    def _pairs(self, node: Any, path: Path, depth: int = 0) -> Iterator[tuple[Any, Any, bool]]:
        """Keys and values, own ones first; and whether they come from a merged mapping."""
        merged: list[Any] = []
        for key_node, value_node in node.value:
            if key_node.tag.endswith(":merge"):
                merged += value_node.value if value_node.id == "sequence" else [value_node]
            else:
                self._count(node, path, depth)
                yield key_node, value_node, depth > 0
        for other in merged:
            if other.id != "mapping":
                self._wrong(other, path, "expected a mapping to merge with '<<'")
                continue
            self._count(other, path, depth)
            yield from self._pairs(other, path, depth + 1)

    def _of(self, node: Any, path: Path, marks: Marks) -> Any:
        if node.id == "mapping":
            self._count(node, path, 0)
            return self.mapping(node, path, marks)
        if node.id == "sequence":
            self._check_tag(node, path)
            items = []
            for index, item in enumerate(node.value):
                self._count(item, (*path, index), 0)
                marks[index] = KeyPlace(self._place(item), {})
                items.append(self._of(item, (*path, index), marks[index].inside))
            return items
        return self._scalar(node, path)

    def _scalar(self, node: Any, path: Path) -> Any:
        try:
            return value_of(node)
        except ValueError as error:
            self._wrong(node, path, f"not readable as YAML: {error}")
        return None

    def _check_tag(self, node: Any, path: Path) -> None:
        if node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self._wrong(node, path, f"not readable as YAML: the tag {node.tag!r} is not one of a scenario")

    def _count(self, node: Any, path: Path, depth: int) -> None:
        self._nodes += 1
        if len(path) + depth > DEEPEST or self._nodes > self._most_nodes:
            raise ScenarioError([Problem(self._file, node.start_mark.line + 1, say_path(path[:1]), _FEW_NODES)])

    def _place(self, node: Any) -> Place:
        return Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _wrong(self, node: Any, path: Path, what: str) -> None:
        self.problems.append(Problem(self._file, node.start_mark.line + 1, say_path(path), what))
