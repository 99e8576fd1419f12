"""Who writes to whom: the classes of mailboxes by number, and recipients drawn from them as patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim.errors import Problem, ScenarioError
from coexsim.mail.directory import SIDES, MailboxClass

KNOWN_KEYS = 1 << 22  # up to so many combinations of counts are looked up in a table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Pattern = tuple[tuple[str, int], ...]
Streams = Callable[[str], np.random.Generator]


def wrong(path: str, text: str) -> ScenarioError:
    """A load that cannot be drawn; who knows the file gives the problem its place (`coexsim.scenario.problems.placed`)."""
    return ScenarioError([Problem("the load", 0, path, text)])


class MailColumns(NamedTuple):
    """Mail in columns; sender and pattern are numbers of the book."""

    born_s: Floats
    sender: Codes
    pattern: Codes
    size_bytes: Ints

    def at(self, rows: Any) -> MailColumns:
        """Some of the rows."""
        return MailColumns(self.born_s[rows], self.sender[rows], self.pattern[rows], self.size_bytes[rows])


class Pick:
    """One of some mailbox classes by a number in [0, 1): compared with cumulative weights, in the order of the classes."""

    def __init__(self, codes: Sequence[int], weights: Sequence[float]) -> None:
        kept = [(code, weight) for code, weight in zip(codes, weights, strict=True) if weight > 0]
        self.codes: Codes = np.array([code for code, _ in kept], np.int32)
        ends = np.cumsum([weight for _, weight in kept])
        self.ends: Floats = ends / ends[-1]

    def __len__(self) -> int:
        return len(self.codes)

    def places(self, n: int, numbers: Callable[[int], Floats]) -> Ints:
        """Places in `codes` for `n` draws; draws nothing where there is no choice."""
        if len(self.codes) == 1:
            return np.zeros(n, np.int64)
        return np.searchsorted(self.ends, numbers(n), side="right")


class Book:
    """The addresses and patterns of a run, each once, and the mailbox classes behind the sides."""

    def __init__(self, classes: Sequence[MailboxClass]) -> None:
        self.classes = sorted((c for c in classes if c.mailboxes > 0), key=lambda c: SIDES.index(c.side))
        self.addresses: list[str] = []
        self.patterns: list[Pattern] = []
        self._address: dict[str, int] = {}
        self._pattern: dict[Pattern, int] = {}
        for c in self.classes:
            self.address(c.address)

    def address(self, address: str) -> int:
        """The code of an address."""
        if address not in self._address:
            self._address[address] = len(self.addresses)
            self.addresses.append(address)
        return self._address[address]

    def pattern(self, counts: Iterable[tuple[str, int]]) -> int:
        """The code of the pattern with these counts."""
        total: dict[str, int] = {}
        for address, count in counts:
            total[address] = total.get(address, 0) + count
        pattern = tuple(sorted((address, count) for address, count in total.items() if count))
        if pattern not in self._pattern:
            self._pattern[pattern] = len(self.patterns)
            self.patterns.append(pattern)
        return self._pattern[pattern]

    def of(self, place: str) -> list[MailboxClass]:
        """The classes of a side, or of both sides of the organisation (`everybody`)."""
        sides = ("onprem", "hosted") if place == "everybody" else (place,)
        return [c for c in self.classes if c.side in sides]

    def mailboxes(self) -> int:
        """How many mailboxes the organisation has."""
        return sum(c.mailboxes for c in self.of("everybody"))

    def pick(self, weights: Mapping[Any, float], path: str) -> Pick:
        """A choice among places by weight, inside a place by its mailboxes."""
        by_address = dict.fromkeys((c.address for c in self.classes), 0.0)
        whole = sum(weights.values())
        for place, weight in weights.items():
            if weight <= 0:
                continue
            inside = self.of(place)
            if not inside:
                others = place != "internet" and self.mailboxes() > 0
                elsewhere = ", or write 'everybody' for mail of whoever is on either side" if others else ""
                raise wrong(path, f"{place!r} has no mailboxes; {cure(place)}{elsewhere}")
            boxes = sum(c.mailboxes for c in inside)
            for c in inside:
                by_address[c.address] += weight / whole * c.mailboxes / boxes
        return Pick([self._address[a] for a in by_address], list(by_address.values()))


def cure(place: str) -> str:
    """What would give a place somebody to send or receive."""
    return {"internet": "add a server of kind external"}.get(place, "give the directory a population")


class RecipientDraws:
    """The patterns of a stream's mail: each recipient of a message is picked independently."""

    def __init__(self, table: Mapping[int, float], to: Pick, book: Book, streams: Streams) -> None:
        self._counts = np.array(list(table), np.int64)
        ends = np.cumsum(list(table.values()))
        self._ends = ends / ends[-1]
        self._to, self._book = to, book
        self._count_numbers, self._to_numbers = streams("recipients").random, streams("to").random
        base = int(self._counts.max()) + 1
        keys = base ** len(to)
        self._scale = np.array([base**k for k in range(len(to))], np.int64) if keys <= KNOWN_KEYS else None
        self._known: Codes = np.full(keys if keys <= KNOWN_KEYS else 0, -1, np.int32)

    def take(self, n: int) -> Codes:
        """The patterns of the next `n` mails."""
        counts = np.full(n, self._counts[0])
        if len(self._counts) > 1:
            counts = self._counts[np.searchsorted(self._ends, self._count_numbers(n), side="right")]
        who = self._to.places(int(counts.sum()), self._to_numbers)
        if self._scale is None:
            classes = len(self._to)
            who += np.repeat(np.arange(n) * classes, counts)
            tally = np.bincount(who, minlength=n * classes).reshape(n, classes)
            rows, inverse = np.unique(tally, axis=0, return_inverse=True)
            return np.array([self._code(row) for row in rows], np.int32)[inverse.ravel()]
        keys = np.add.reduceat(self._scale[who], np.cumsum(counts) - counts)
        codes = self._known[keys]
        fresh = np.flatnonzero(codes < 0)
        if len(fresh):
            base = int(self._counts.max()) + 1
            for key in np.unique(keys[fresh]):
                self._known[key] = self._code(key // self._scale % base)
            codes = self._known[keys]
        return codes

    def _code(self, counts: Ints) -> int:
        names = (self._book.addresses[code] for code in self._to.codes)
        return self._book.pattern(zip(names, counts.tolist(), strict=True))
