"""Tables of parts between two passes: in memory where there is one part, else in temporary files.

Files and folders go when the thing that has them goes, or with the process.
"""

from __future__ import annotations

import pickle
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Generic, TypeVar

T = TypeVar("T")
PREFIX = "coexsim-fit-"


def file_of(owner: object) -> IO[bytes]:
    """A temporary file without a name, which is closed when its owner goes."""
    file = tempfile.TemporaryFile(prefix=PREFIX)  # noqa: SIM115 it lives as long as its owner
    weakref.finalize(owner, file.close)
    return file


def folder_of(owner: object) -> Path:
    """A temporary folder, which is removed when its owner goes."""
    folder = tempfile.mkdtemp(prefix=PREFIX)
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


class Shelf(Generic[T]):
    """One thing a part; each pass takes it from here and may put back what it made of it."""

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self._folder = folder_of(self) if parts > 1 else None
        self._only: T | None = None

    def put(self, part: int, thing: T) -> None:
        """Keep this of a part."""
        if self._folder is None:
            self._only = thing
        else:
            with (self._folder / str(part)).open("wb") as file:
                pickle.dump(thing, file, protocol=pickle.HIGHEST_PROTOCOL)

    def get(self, part: int) -> T:
        """What is kept of a part."""
        if self._folder is None:
            if self._only is None:
                raise KeyError(part)
            return self._only
        with (self._folder / str(part)).open("rb") as file:
            thing: T = pickle.load(file)  # written above
        return thing

    def __iter__(self) -> Iterator[T]:
        return map(self.get, range(self.parts))
