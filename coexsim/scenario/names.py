"""Names that a scenario may refer to, and the one that a misspelt reference probably meant, in time that does not grow with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property

from coexsim.errors import did_you_mean

FEW = 200  # names that are all compared with a misspelt one
MOST_LISTED = 12


class Names:
    """The names that are known. Of many, a misspelt one is compared only with those that are one letter away."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = dict.fromkeys(names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def none_called(self, what: str, name: str) -> str:
        """What is said of a reference to a name that is not known."""
        return f"no {what} is called {name!r}" + (self.near(name) or f"; known: {self._listed()}")

    def near(self, name: str) -> str:
        """``"; did you mean 'x'?"``, or an empty string."""
        return did_you_mean(name, self._candidates(name))

    def near_host(self, name: str, but: str = "") -> str:
        """As `near`, of hosts: one label is misspelt; hosts of one domain look alike, and so do mx1 and mx2. `but`: whom it cannot mean."""
        labels = name.casefold().split(".")
        for each in self._candidates(name):
            others = each.casefold().split(".")
            differ = [pair for pair in zip(labels, others, strict=False) if pair[0] != pair[1]]
            if len(others) == len(labels) and len(differ) == 1 and each != but:
                (mine, other), *_ = differ
                if re.sub(r"\d", "", mine) != re.sub(r"\d", "", other) and did_you_mean(mine, [other]):
                    return f"; did you mean {each!r}?"
        return ""

    def _candidates(self, name: str) -> list[str]:
        """The names to compare a misspelt one with."""
        if len(self) <= FEW:
            return list(self)
        folded = name.casefold()
        return [each for key in (folded, *_with_one_less(folded)) for each in self._by_letters.get(key, ())][:FEW]

    @cached_property
    def _by_letters(self) -> dict[str, list[str]]:
        """Each name under itself and under itself without one of its letters: two words one letter apart share a key."""
        found: dict[str, list[str]] = {}
        for name in self:
            for key in {name.casefold(), *_with_one_less(name.casefold())}:
                names = found.setdefault(key, [])
                if len(names) < FEW:
                    names.append(name)
        return found

    def _listed(self) -> str:
        if not self._names:
            return "none"
        listed = ", ".join(list(self)[:MOST_LISTED])
        return listed if len(self) <= MOST_LISTED else f"{listed} and {len(self) - MOST_LISTED:,} more"


def _with_one_less(word: str) -> list[str]:
    return [word[:i] + word[i + 1 :] for i in range(min(len(word), 64))]
