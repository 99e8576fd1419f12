"""What is wrong with a scenario, at its place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from coexsim.errors import Problem, ScenarioError
from coexsim.scenario.faults import Fault
from coexsim.scenario.places import Path, Source, say_path


def problems_of(faults: Sequence[Fault], source: Source) -> list[Problem]:
    """Every problem, once for each place: where several kinds of value would do, their texts are joined."""
    found: dict[tuple[Path, str], list[str]] = {}
    for fault in faults:
        path, text = _written(fault.path, source.raw), fault.text
        if fault.missing and path[-1:] == fault.path[-1:]:
            path = path[:-1]
        if fault.missing and fault.path == ("coexsim",):
            text += "; begin with 'coexsim: 1'"
        texts = found.setdefault(
            (path, text if fault.missing else ""), []
        )  # what is missing is so whatever else is there
        if text not in texts:
            texts.append(text)
    return [Problem(*source.where(path), say_path(path), "; or: ".join(texts)) for (path, _), texts in found.items()]


@contextmanager
def placed(source: Source) -> Iterator[None]:
    """Give what is raised inside its file and line, where it only knows the key that it is about."""
    try:
        yield
    except ScenarioError as error:
        raise ScenarioError(
            [
                problem if problem.line else Problem(*source.where(_read(problem.path)), *problem[2:])
                for problem in error.problems
            ]
        ) from None


def _read(said: str) -> Path:
    """The path that `say_path` wrote; keys with dots in them are not among those of a load."""
    return tuple(int(index) if index else key for key, index in re.findall(r"([^.\[\]]+)|\[([0-9]+)\]", said))


def _written(path: Path, raw: Any) -> Path:
    """`path` without what a short form stands for: only the keys that are in the file (and one that is missing)."""
    written: list[str | int] = []
    here = raw
    for position, key in enumerate(path):
        if (
            key in here
            if isinstance(here, dict)
            else isinstance(here, list) and isinstance(key, int) and key < len(here)
        ):
            here = here[key]
        elif position < len(path) - 1:
            continue
        elif isinstance(key, str) and isinstance(here, dict) and re.fullmatch(r"\w+", key):
            pass
        else:
            continue
        written.append(key)
    return tuple(written)
