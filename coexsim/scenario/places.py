"""Where each key of a scenario stands: paths, places, and the source that a scenario was read from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
"""The keys and places in lists, from the top of the file, that lead to a value."""
Found = Iterator[tuple[Path, str]]
"""What breaks a rule: where, and what would do."""


class Place(NamedTuple):
    """A place in a file; the first line and the first column are 1."""

    file: str
    line: int
    column: int


Places = dict[Path, Place]
Rebuild = Callable[[Any, Mapping[str, object]], Any]
"""Of a scenario and changes by dotted keys, another scenario."""


class ReplacedTests(NamedTuple):
    """How many tests a file has of ways of mail that the list of a file which extends it does not test."""

    file: str
    number: int


class Source(NamedTuple):
    """Where a scenario came from: its file, its resolved data (`extends` applied), and the place of every key."""

    file: str
    raw: dict[str, Any]
    lines: Places
    rebuild: Rebuild | None = None
    """Makes another scenario of changed data; None where there was no data."""
    replaced_tests: tuple[ReplacedTests, ...] = ()

    def place(self, path: Path) -> Place:
        """The place of the deepest written key on `path`."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return Place(self.file, 1 if self.lines else 0, 1)

    def where(self, path: Path) -> tuple[str, int]:
        """File and line of `place`."""
        return self.place(path)[:2]


def say_path(path: Path) -> str:
    """``servers.onprem.transport[2]``."""
    return ".".join(str(key) if not isinstance(key, int) else f"[{key}]" for key in path).replace(".[", "[")
