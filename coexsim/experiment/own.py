"""Which files of a folder are coexsim's own: what it did not write, or what was changed since, is never replaced or removed.

What is written is noted in a hidden file beside it, a line a file: the SHA-256 of its bytes and its name. Lines are only added, each at
once, before the file gets its name: a process that is killed, or two that write into one folder, leave no file of their own unknown.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from coexsim.errors import OutputError
from coexsim.experiment.whole import OWN, own_name, reason, write_whole
from coexsim.text import visible

NOTES = f"{OWN}files"
"""The name of the hidden file."""


def write_own(path: Path, data: bytes) -> None:
    """Write a file whole, as one of our own. Raises `OutputError`, also where a file is in its place that is not."""
    require_own([path])
    note(path, hashlib.sha256(data).hexdigest())
    write_whole(path, data)


def write_own_lines(path: Path, lines: Iterable[str]) -> None:
    """The same of lines, without their ends, that are not all held at once."""
    require_own([path])
    digest = hashlib.sha256()
    temporary = path.with_name(own_name(path.name))
    try:
        with temporary.open("xb") as file:
            for line in lines:
                data = f"{line}\n".encode()
                digest.update(data)
                file.write(data)
        note(path, digest.hexdigest())
        temporary.replace(path)
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be written: {reason(error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def require_own(paths: Iterable[Path]) -> None:
    """Raises `OutputError` where one of these files is there and may not be replaced; says which, and what would do."""
    for path in paths:
        if why := why_not_own(path):
            raise OutputError(f"{path} stays as it is: {why}; move it away, or choose another folder")


def why_not_own(path: Path) -> str:
    """Why the file at `path` is not ours to replace; empty where it is, or where none is."""
    try:
        if not os.path.lexists(path):
            return ""
        known = _noted(path) if path.is_file() and not path.is_symlink() else set()
        if not known:
            return "it was not written by coexsim, which notes what it writes"
        with path.open("rb") as file:
            is_same = hashlib.file_digest(file, "sha256").hexdigest() in known
    except OSError as error:
        return reason(error)
    except ValueError:  # a name that no file can have: said where it is written
        return ""
    return "" if is_same else "it was changed since coexsim wrote it"


def note(path: Path, digest: str) -> None:
    """Note that what has this SHA-256 and gets the name `path` is ours. Raises `OutputError`."""
    notes = path.with_name(NOTES)
    try:
        if digest in _noted(path):
            return
        with open(os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666), "ab", buffering=0) as file:
            file.write(f"\n{digest}  {visible(path.name)}\n".encode())  # also after a line that was torn
    except (OSError, ValueError) as error:
        raise OutputError(f"{notes} cannot be written: {reason(error)}") from error


def _noted(path: Path) -> set[str]:
    """The SHA-256 of all that was written under this name."""
    try:
        # what is damaged makes nothing ours
        lines = path.with_name(NOTES).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return set()
    return {digest for digest, _, name in (line.partition("  ") for line in lines) if name == visible(path.name)}
