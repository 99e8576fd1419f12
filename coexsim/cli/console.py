"""What commands that use rich print with: a console for results."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from coexsim.cli.paint import folded
from coexsim.text import visible

if TYPE_CHECKING:
    from rich.text import Text


def make_console() -> Any:
    """A console for results: the terminal's width, or COLUMNS, or 80; text is text, not markup; no blanks at ends of lines."""
    from rich.console import Console

    terminal = sys.stdout.isatty()

    class Plain(Console):
        """Prints text as it is, and without the blanks that fill the lines of tables."""

        def print(self, *objects: Any, **options: Any) -> None:
            shown = [_folded(each, self.width) if isinstance(each, str) else each for each in objects]
            if terminal:
                super().print(*shown, **options)
                return
            with self.capture() as printed:
                super().print(*shown, **options)
            sys.stdout.write("\n".join(row.rstrip() for row in printed.get().split("\n")))

    return Plain(highlight=False, markup=False, emoji=False)


def _folded(text: str, columns: int) -> Text:
    """The text as it is; a long line that begins further in goes on under its beginning."""
    from rich.text import Text

    bare = text.lstrip("\n")
    rows = folded(visible(bare), columns) if bare.startswith(" ") else [visible(bare)]
    return Text("\n" * (len(text) - len(bare)) + "\n".join(rows))
