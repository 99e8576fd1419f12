"""A file that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from coexsim.errors import OutputError

OWN = ".coexsim-"
"""How the names of unfinished files begin: what does not begin so is somebody else's, and stays."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name and rename it: a reader never sees half of it, not even after a power cut.

    Who may read a file that was there may read the new one. A link is replaced, not followed. Raises `OutputError`.
    """
    write_all_whole({path: data})


def write_all_whole(files: Mapping[Path, bytes]) -> None:
    """The same for files that belong together: all are written under other names before the first is renamed. Raises `OutputError`."""
    temporaries: dict[Path, Path] = {}
    path = Path()
    try:
        for path, data in files.items():
            temporaries[path] = path.with_name(own_name(path.name))
            _write_beside(path, temporaries[path], data)
        for path, temporary in temporaries.items():
            temporary.replace(path)
    except (OSError, ValueError) as error:  # ValueError: a name that the file system cannot have
        raise OutputError(f"{path} cannot be written: {reason(error)}") from error
    finally:
        for temporary in temporaries.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _write_beside(path: Path, temporary: Path, data: bytes) -> None:
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if path.is_file() and not path.is_symlink():
        shutil.copymode(path, temporary)


def reason(error: BaseException) -> str:
    """Why a file cannot be written, in a few words."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "there is a file in the folder's place"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "the file system cannot have a file of that name" if isinstance(error, ValueError) else str(error)


def own_name(name: str) -> str:
    """A hidden name for what is being written, made anew each time, that no other program's file has."""
    return f"{OWN}{name[:40]}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
