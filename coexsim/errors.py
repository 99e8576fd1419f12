"""What can go wrong, as one tree.

::

    CoexsimError                 all that coexsim raises on purpose
      ScenarioError              the scenario is wrong; carries every problem found, each with file and line
      PartError                  one part of it, given as data, is wrong (in ``scenario/part.py``); `ScenarioError` says it with its place
      InputError                 a file given to import or fit cannot be read; carries every problem found, each with file and line
      UsageError                 a command asked in a way that it does not know
      UnitError                  a quantity that cannot be read ("25 MQ", or a bare number where a unit is needed)
      ObjectiveError             an objective that cannot be read; points at the place
      NoDataError                the run holds nothing to answer the question from
      OutputError                results that cannot be written: a full disk, no permission; says what was kept, and where
      ConservationError          mail was lost or made up: our own bug, never the user's

Mail that bounces is no exception: it is an outcome. Every class can be rebuilt from its ``args``, as SimPy and pickle need.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coexsim.text import visible


class Problem(NamedTuple):
    """One thing wrong in a scenario file: where, and what was found and would do."""

    file: str
    line: int
    path: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        return visible(where + (f"{self.path}: " if self.path else "") + self.text)


class CoexsimError(Exception):
    """The root of all errors that coexsim raises on purpose."""


class ScenarioError(CoexsimError):
    """A scenario that cannot be used; ``problems`` lists everything that is wrong with it, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class InputError(CoexsimError):
    """A configuration, directory or log that cannot be read; ``problems`` lists what is wrong, each with file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class UsageError(CoexsimError):
    """A command or a function that is asked in a way that it does not know: a word, an option or its value, another type than it takes."""


class UnitError(CoexsimError, ValueError):
    """A quantity that cannot be read, or whose unit is missing or of another kind."""


class ObjectiveError(CoexsimError, ValueError):
    """An objective that cannot be read."""


class NoDataError(CoexsimError):
    """There is nothing to answer the question from, for example because nothing was delivered."""


class OutputError(CoexsimError):
    """Results that cannot be written; what could be written whole is kept, and the message says where."""


class ConservationError(CoexsimError):
    """Sent mail is not the sum of its outcomes: a bug in coexsim."""


LONGEST_WORD = 80  # characters; what is longer is no misspelt name, and takes long to compare


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """``"; did you mean 'x'?"`` for the closest of `known`, else an empty string."""
    from difflib import get_close_matches

    if len(word) > LONGEST_WORD:
        return ""
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return f"; did you mean {folded[close[0]]!r}?" if close else ""
