"""The data of a scenario file and of the files it extends, with the place of every key."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from coexsim.errors import Problem, ScenarioError, did_you_mean
from coexsim.scenario.files import UnreadableError, is_regular
from coexsim.scenario.files import read_text as text_of
from coexsim.scenario.places import Places, ReplacedTests
from coexsim.scenario.plain import KeyPlace, Marks, parse, places_of

_Way = tuple[Any, Any]
"""Sender and recipients of a message, as written."""


class FileData(NamedTuple):
    """The data of a file over that of its bases, the place of each key, and the tests of its bases that it does without."""

    data: dict[str, Any]
    places: Places
    replaced_tests: tuple[ReplacedTests, ...] = ()


def read_file(path: Path, name: str) -> FileData:
    """The data of a file, laid over that of the files it extends. Raises `ScenarioError`."""
    return _resolved(_File(path, name, _text(path, name)))


def read_text(text: str, name: str, folder: Path) -> FileData:
    """The same of a string; `folder` is where the files stand that it extends."""
    return _resolved(_File(folder / name, name, text))


class _File(NamedTuple):
    """A file of a scenario, and what it is called in messages."""

    path: Path
    name: str
    text: str


class _Layer(NamedTuple):
    """A file whose bases are read."""

    place: str
    data: dict[str, Any]
    marks: Marks


def _resolved(top: _File) -> FileData:
    data: dict[str, Any] = {}
    marks: Marks = {}
    layers = _layers(top)
    if len(layers) == 1 and "extends" not in layers[0][0]:
        return FileData(copy_of(layers[0][0]), places_of(layers[0][1]))
    tested: dict[str, list[_Way]] = {}
    for layer, places in layers:
        _lay_over(data, marks, layer, places)
        if "messages" in layer:
            tested.setdefault(marks["messages"].place.file, _ways_tested(data))
    data.pop("extends", None)
    return FileData(data, places_of(marks), tuple(_replaced(tested, _ways_tested(data))))


def _replaced(tested: dict[str, list[_Way]], now: list[_Way]) -> Iterator[ReplacedTests]:
    """Of each file how many tests there are of ways of mail that are not tested `now`; a way is told of the first file that tests it."""
    for file, ways in tested.items():
        gone = sum(way not in now for way in ways)
        now = [*now, *ways]
        if gone:
            yield ReplacedTests(file, gone)


def _ways_tested(data: dict[str, Any]) -> list[_Way]:
    """Sender and recipients of each message that says what is expected of it."""
    messages = data.get("messages")
    return [
        (message.get("from"), message.get("to"))
        for message in (messages if isinstance(messages, list) else [])
        if isinstance(message, dict) and any(message.get(key) for key in ("expect", "expect_each"))
    ]


def _layers(top: _File) -> list[tuple[dict[str, Any], Marks]]:
    """The data of the files, bases before what extends them, each file once: at the first place that asks for it.

    Iterative, as a chain of bases may be longer than Python's stack.
    """
    layers: list[tuple[dict[str, Any], Marks]] = []
    problems: list[Problem] = []
    done: set[str] = set()
    above: dict[str, None] = {}  # the files on the way down, in order
    todo: list[_File | _Layer | ScenarioError] = [top]
    while todo:
        file = todo.pop()
        if isinstance(file, _Layer):
            del above[file.place]
            layers.append((file.data, file.marks))
            continue
        if isinstance(file, ScenarioError):
            problems += file.problems
            continue
        place = _identity(file)
        if place in done:
            continue
        done.add(place)
        try:
            data, marks = parse(file.text, file.name)
            bases = _bases(file, data, marks)
        except ScenarioError as error:
            problems += error.problems
            continue
        above[place] = None
        todo.append(_Layer(place, data, marks))
        todo += reversed([_base(file, base, marks["extends"].place.line, above) for base in bases])
    if problems:
        raise ScenarioError(problems)
    return layers


def _identity(file: _File) -> str:
    try:
        return str(file.path.resolve())
    except (OSError, ValueError, RuntimeError):  # a text that has no file: its name may be none
        return str(file.path)


def _bases(file: _File, data: dict[str, Any], marks: Marks) -> list[str]:
    written = data.get("extends")
    bases = [written] if isinstance(written, str) else written or []
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        text = f"expected the name of a file, or a list of them, found {written!r}"
        raise ScenarioError([Problem(file.name, marks["extends"].place.line, "extends", text)])
    return bases


def _base(file: _File, base: str, line: int, above: dict[str, None]) -> _File | ScenarioError:
    """A file that is extended; or what is wrong, at the key that names it."""
    path = file.path.parent / base
    name = _plain(Path(file.name).parent / base)
    problem = ""
    try:
        if str(path.resolve()) in above:
            problem = f"{base} extends this file in turn: a circle"
        elif not is_regular(path):
            problem = f"there is no file {base!r} beside this one{_near(path)}"
    except (OSError, ValueError, RuntimeError, UnreadableError) as error:
        problem = f"{base!r} is not the name of a file: {error}"
    if problem:
        return ScenarioError([Problem(file.name, line, "extends", problem)])
    try:
        return _File(path, name, _text(path, name))
    except ScenarioError as error:
        return error


def _plain(path: Path) -> str:
    """The name without ``..`` where that is the same file: links of the file system may make it another."""
    plain = os.path.normpath(path)
    try:
        return plain if Path(plain).resolve() == path.resolve() else str(path)
    except (OSError, ValueError, RuntimeError):
        return str(path)


def _text(path: Path, name: str) -> str:
    try:
        return text_of(path)
    except UnreadableError as error:
        near = _near(path) if error.absent else ""
        raise ScenarioError([Problem(name, error.line, "", f"cannot be read: {error.why}{near}")]) from None


def _near(path: Path) -> str:
    """The file beside it whose name is nearly the same; how it ends says little."""
    try:
        names = (
            {p.stem: p.name for p in path.parent.glob("*.y*ml") if p.name != path.name} if path.parent.is_dir() else {}
        )
    except (OSError, ValueError):
        return ""
    near = did_you_mean(path.stem, list(names))
    return next((near.replace(repr(stem), repr(name)) for stem, name in names.items() if repr(stem) in near), "")


def _lay_over(into: dict[str, Any], marks: Marks, more: dict[str, Any], more_marks: Marks) -> None:
    """Lay `more` over `into`: mappings are merged (a server of another kind is not), null takes a key away, the rest is replaced."""
    for key, value in more.items():
        mark = more_marks[key]
        below = into.get(key)
        if value is None:
            into.pop(key, None)
            marks[key] = mark
        elif isinstance(value, dict):
            goes_on = isinstance(below, dict) and value.get("kind", 0) in (0, below.get("kind", 0))
            if not goes_on:
                into[key] = {}
            marks[key] = KeyPlace(mark.place, marks[key].inside if goes_on and key in marks else {})
            _lay_over(into[key], marks[key].inside, value, mark.inside)
        else:
            into[key] = copy_of(value)
            marks[key] = mark


def copy_of(node: Any) -> Any:
    """Plain data once more."""
    if isinstance(node, dict):
        return {key: copy_of(value) for key, value in node.items()}
    return [copy_of(value) for value in node] if isinstance(node, list) else node
