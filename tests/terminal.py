"""A program at a terminal of its own, for tests that type and look as a person does."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x08|\r")


class Terminal:
    """A program in a pseudo-terminal."""

    def __init__(self, words: list[str], environment: dict[str, str], folder: Path) -> None:
        self.child, self.screen = pty.fork()
        if self.child == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests in the background of a shell have it ignored
            os.chdir(folder)
            os.execvpe(words[0], words, environment)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.screen, text.encode())

    def shows(self, wanted: str, *, within_s: float = 180.0) -> str:
        """What it shows until `wanted` is among it, the program ends, or the time is up."""
        said, ends = "", time.monotonic() + within_s
        while time.monotonic() < ends and (not wanted or wanted not in said):
            if select.select([self.screen], [], [], 0.2)[0]:
                try:
                    fresh = os.read(self.screen, 65536)
                except OSError:  # it has ended, as Linux says it
                    break
                said += ESCAPES.sub("", fresh.decode(errors="replace"))
        return said

    def close(self) -> int:
        """Close it, and give the program's exit code."""
        os.close(self.screen)
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
