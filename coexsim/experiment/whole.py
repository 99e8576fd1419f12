"""A file that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from coexsim.errors import OutputError


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name and rename it: a reader never sees half of it, not even after a power cut.

    Who may read a file that was there may read the new one. A link is replaced, not followed. Raises `OutputError`.
    """
    try:
        temporary = path.with_name(own_name(path.name))
        try:
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if path.is_file() and not path.is_symlink():
                shutil.copymode(path, temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name that the file system cannot have
        raise OutputError(f"{path} cannot be written: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """Why a file cannot be written, in a few words."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        return "there is a file in the folder's place"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "the file system cannot have a file of that name" if isinstance(error, ValueError) else str(error)


def own_name(name: str) -> str:
    """A hidden name for what is being written, made anew each time."""
    return f".{name[:40]}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
