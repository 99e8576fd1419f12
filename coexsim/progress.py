"""How far a long computation is, for who waits in a notebook: one line below the cell, gone when it is done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from time import monotonic
from typing import Any

from coexsim.text import encodable, visible
from coexsim.units import say_duration

Tell = Callable[[float], None]
RunProgress = Callable[[float, int, int], None]
"""Told, of one run, the simulated time in seconds, how many recipients were sent mail so far, and how many attempts came to nothing."""
ShareProgress = Callable[[float, str], None]
"""Told the share of the work that is done, 0 to 1, and what is being done."""

WAITS_S, EVERY_S = 2.0, 0.5
"""What is done sooner than the first says nothing; then it says how far it is once in the second."""
_lines: list[_Line] = []
"""The line that is shown, if one is: what is inside of it says nothing of its own."""


@contextmanager
def in_notebook(what: str, total: float) -> Iterator[Tell | None]:
    """What to tell how far it is of `total`; None outside of a notebook, and inside of what tells it already."""
    display = None if _lines else _display()
    if display is None:
        yield None
        return
    line = _Line(what, total, display)
    _lines.append(line)
    try:
        yield line.tell
    finally:
        _lines.remove(line)
        line.remove()


def _display() -> Any:
    """IPython's display module where a kernel runs this; nobody imports IPython for it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return sys.modules.get("IPython.display") if hasattr(shell, "kernel") else None


class _Line:
    def __init__(self, what: str, total: float, display: Any) -> None:
        self._what, self._total, self._display = what, total, display
        self._began_s = monotonic()
        self._told_s = self._began_s + WAITS_S - EVERY_S
        self._handle: Any = None

    def tell(self, done: float) -> None:
        now_s = monotonic()
        if now_s - self._told_s < EVERY_S:
            return
        self._told_s = now_s
        share = f"{100 * min(done / self._total, 1):.0f} %" if self._total else ""
        text = escape(visible(encodable(f"{self._what}: {share} after {say_duration(round(now_s - self._began_s))}")))
        shown = self._display.HTML(f'<div style="font-family:system-ui,sans-serif;opacity:.8">{text}</div>')
        if self._handle is None:
            self._handle = self._display.display(shown, display_id=True)
        else:
            self._handle.update(shown)

    def remove(self) -> None:
        """Leave nothing in the notebook that is kept."""
        if self._handle is not None:
            self._handle.update(self._display.HTML(""))
