"""Standard output and error that take whatever they are given: a reader that has gone, a full disk, an encoding without arrows.

What a command found does not depend on who reads it: it goes on, keeps its results and ends with the same exit code.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO

from coexsim.text import visible

_ASCII = {
    "→": "->", "←": "<-", "±": "+-", "·": ".", "…": "...", "\u2013": "-", "\u2014": "-", "\u00d7": "x", "≤": "<=", "≥": ">=", "≈": "~",
    "µ": "u", "✓": "+", "✗": "x", "•": "*", "\u2019": "'", "\u201c": '"', "\u201d": '"', "█": "#", "▏": "|", "│": "|", "┃": "|",
    "─": "-", "━": "-",
} | dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛┡┩", "+")  # fmt: skip


class SafeStream(io.TextIOBase):
    """A text stream whose writes never fail; `failed` is why what was written last did not arrive, or None."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream  # None where the shell closed it
        self.failed: OSError | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]  # io.TextIOBase declares a variable
        """That of the stream below; libraries ask for it."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        """Is it a terminal."""
        return self._stream is not None and not self._stream.closed and self._stream.isatty()

    def fileno(self) -> int:
        """That of the stream below. Raises `OSError` where there is none."""
        if self._stream is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return self._stream.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Write what the encoding can say, and stand-ins for what it cannot."""
        if self._stream is not None and self.failed is None:
            try:
                self._stream.write(in_encoding(text, self.encoding))
            except (OSError, ValueError) as error:  # ValueError: closed meanwhile
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Hand on what is buffered."""
        if self._stream is not None and self.failed is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._give_up(error)

    @property
    def lost(self) -> bool:
        """Could something not be written that somebody waits for; a reader that has gone does not."""
        return self.failed is not None and self.failed.errno not in (errno.EPIPE, errno.EBADF)

    def _give_up(self, error: OSError | ValueError) -> None:
        """Nobody reads any more: what is buffered goes nowhere, so that Python's own flush at the end does not fail."""
        self.failed = error if isinstance(error, OSError) else OSError(errno.EBADF, os.strerror(errno.EBADF))
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


def in_encoding(text: str, encoding: str) -> str:
    """`text` with stand-ins for what `encoding` does not have: ASCII for arrows and lines, else an escape."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_stand_in(sign, encoding) for sign in text)
    except LookupError:
        return in_encoding(text, "ascii")
    return text


def _stand_in(sign: str, encoding: str) -> str:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return _ASCII.get(sign) or sign.encode("ascii", "backslashreplace").decode("ascii")
    return sign


def say_aside(line: str, *, flush: bool = False) -> None:
    """Say a line on standard error, beside the answer; what would steer a terminal or forge a line is shown as an escape."""
    print(visible(line), file=sys.stderr, flush=flush)


@contextmanager
def safe_streams() -> Iterator[SafeStream]:
    """Standard output and error as `SafeStream` for the time of a `with`, which gives the first; what is `lost` on it is said."""
    out, err = SafeStream(sys.stdout), SafeStream(sys.stderr)
    with redirect_stdout(out), redirect_stderr(err):
        try:
            yield out
        finally:
            out.flush()
            if out.failed is not None and out.lost:
                print(f"coexsim: standard output cannot be written: {out.failed.strerror}", file=err)
            err.flush()
