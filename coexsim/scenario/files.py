"""Read the text files that a scenario is made of: regular files of a bounded size, in UTF-8."""

from __future__ import annotations

import stat
from pathlib import Path

LARGEST_BYTES = 256 * 2**20
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class UnreadableError(Exception):
    """A file that cannot be read: why, and at which line if that is known (else 0)."""

    def __init__(self, why: str, line: int = 0, absent: bool = False) -> None:
        super().__init__(why, line, absent)
        self.why, self.line, self.absent = why, line, absent


def is_regular(path: Path) -> bool:
    """Is there a file of this name that can be read to its end. Raises `UnreadableError` for a name that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError) as error:
        raise UnreadableError(_why(error)) from None


def require_regular(path: Path) -> None:
    """Raise `UnreadableError` for what is not there, for a pipe or a device, which may never end, and for what is too large."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise UnreadableError(_why(error), absent=True) from None
    except (OSError, ValueError) as error:
        raise UnreadableError(_why(error)) from None
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableError(f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a file")


def read_text(path: Path) -> str:
    """The text of a file. Raises `UnreadableError`."""
    require_regular(path)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UnreadableError(f"it is larger than {LARGEST_BYTES // 2**20} MiB")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UnreadableError("it is not UTF-8 text; save it as UTF-8", line) from None
    except (OSError, ValueError) as error:
        raise UnreadableError(_why(error)) from None


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
