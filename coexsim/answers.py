"""The three answers that an objective can have, and their exit codes."""

from __future__ import annotations

from typing import Final, Literal

Answer = Literal["met", "missed", "cannot say"]

MET: Final = "met"
MISSED: Final = "missed"
CANNOT_SAY: Final = "cannot say"
"""The runs do not tell: the interval straddles the limit, or the window is too short."""

EXIT_CODES: Final[dict[Answer, int]] = {MET: 0, MISSED: 1, CANNOT_SAY: 3}
STYLES = {MET: "green", MISSED: "bold red", CANNOT_SAY: "yellow"}
"""How a terminal shows each answer."""
