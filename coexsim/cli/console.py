"""What commands that use rich print with: a console for results, a progress bar for who waits at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from coexsim.text import visible
from coexsim.units import say_duration

LINE_EVERY_S = 30.0


def make_console() -> Any:
    """A console for results: the terminal's width, or COLUMNS, or 80; text is text, not markup; no blanks at ends of lines."""
    from rich.console import Console

    from coexsim.report.tables import line

    terminal = sys.stdout.isatty()

    class Plain(Console):
        """Prints text as it is, and without the blanks that fill the lines of tables."""

        def print(self, *objects: Any, **options: Any) -> None:
            shown = [line(each) if isinstance(each, str) else each for each in objects]
            if terminal:
                super().print(*shown, **options)
                return
            with self.capture() as printed:
                super().print(*shown, **options)
            sys.stdout.write("\n".join(row.rstrip() for row in printed.get().split("\n")))

    return Plain(highlight=False, markup=False, emoji=False)


@contextmanager
def progress_bar(what: str, total: float) -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error; where that is no terminal, a line now and then, once it takes longer than a while.

    It is told how far it is.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)


def _lines(what: str, total: float) -> Callable[[float], None]:
    """Says on standard error how far it is, at most once in `LINE_EVERY_S`: a log shows that it goes on, and a short run nothing."""
    began_s = told_s = monotonic()

    def tell(done: float) -> None:
        nonlocal told_s
        if (now_s := monotonic()) - told_s >= LINE_EVERY_S:
            told_s = now_s
            share = 100 * done / total if total else 0.0
            print(f"{visible(what)}: {share:.0f} % after {say_duration(now_s - began_s)}", file=sys.stderr)

    return tell
