"""What a finding is, and what its kind means: the text of ``coexsim explain CODE``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from coexsim.scenario.places import Path

Severity = Literal["error", "warning", "note"]


class FindingKind(NamedTuple):
    """A kind of finding. `severity` is the usual one; where the effect is milder or worse in a set-up, a finding says so."""

    code: str
    title: str
    severity: Severity
    means: str
    effect: str
    do: str
    source: str

    def sections(self) -> Iterator[tuple[str, str]]:
        """Its texts under their headings."""
        yield "what it means", self.means
        yield "what follows", self.effect
        yield "what to do", self.do
        yield "source", self.source


class Finding(NamedTuple):
    """One finding. `about` are the names it is about; `marks` are words by which a trace shows that this is the cause."""

    code: str
    path: Path
    text: str
    severity: Severity
    file: str = ""
    line: int = 0
    about: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    acknowledged: str | None = None
    marks: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The path in the scenario, as it is written: ``servers.onprem.smart_host``."""
        return ".".join(f"[{key}]" if isinstance(key, int) else key for key in self.path).replace(".[", "[")

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}" if self.line else self.file


def listed(names: Iterable[str], most: int = 4) -> str:
    """``a, b and 3 more``."""
    found = list(names)
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")
