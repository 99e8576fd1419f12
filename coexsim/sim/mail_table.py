"""The mail of a run, drawn at its birth in numpy blocks: when it is born, who sends it to whom, and how large it is.

What is drawn for one purpose has a random stream of its own, so that moving mailboxes from one side to the other, or adding a stream of
mail, leaves everything else as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim.rng import stream
from coexsim.scenario.load_profile import LoadSpec, ReplaySpec, SizeSpec
from coexsim.units import DAY_S, Moment

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Pattern = tuple[tuple[str, int], ...]
PIECE_S = 300.0  # mail is drawn for so long a time at once; hours are whole numbers of pieces


class MailboxClass(NamedTuple):
    """Alike nameless mailboxes of one side (onprem, hosted, internet, unknown), represented by one address."""

    address: str
    side: str
    mailboxes: int


@dataclass(frozen=True)
class MailBlock:
    """Mail in order of birth. `sender` is an index into `addresses`, `pattern` into `patterns`, `stream` into `streams`.

    A pattern says how many recipients of each class a message has: ``((address, count), ...)``.
    """

    first: int
    born_s: Floats
    sender: Ints
    pattern: Ints
    size_bytes: Ints
    stream: Ints
    addresses: Sequence[str]
    patterns: Sequence[Pattern]
    streams: Sequence[str]


class Source(NamedTuple):
    """One kind of mail: rate at each hour of the run, and whom it goes from and to, as weights over the classes."""

    name: str
    rates_per_s: Floats  # one for each piece
    senders: Floats
    inside: float  # probability that a recipient is drawn by `to`, else by `to_outside`
    to: Floats
    to_outside: Floats
    recipients: dict[int, float]
    sizes: SizeSpec
    constant: bool = False


def draw(
    load: LoadSpec, classes: Sequence[MailboxClass], start: Moment, length_s: float, seed: int, replication: int, base: str | Path = "."
) -> Iterator[MailBlock]:  # fmt: skip
    """The mail of one replication, block by block. `base` is the folder that a replay's file is relative to."""
    maker = _Maker(load, classes, start, length_s, seed, replication)
    replayed = _replayed(load.replay, classes, Path(base), maker) if load.replay else None
    first = 0
    for piece in range(maker.pieces):
        parts = [part for source in maker.drawers if (part := source.draw(piece)) is not None]
        parts += maker.bulk_in(piece)
        if replayed is not None:
            parts += replayed.rows_in(piece * PIECE_S, (piece + 1) * PIECE_S)
        if not parts:
            continue
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.lexsort((columns[4], columns[0]))  # by birth, then by stream
        born_s, sender, pattern, size_bytes, source = (column[order] for column in columns)
        yield MailBlock(first, born_s, sender, pattern, size_bytes, source, maker.addresses, maker.patterns, maker.streams)
        first += len(born_s)


Part = tuple[Floats, Ints, Ints, Ints, Ints]


class _Maker:
    """All sources of a load, the classes they draw from, and the patterns met so far."""

    def __init__(self, load: LoadSpec, classes: Sequence[MailboxClass], start: Moment, length_s: float, seed: int, replication: int) -> None:
        self.classes = classes
        self.length_s = length_s
        self.pieces = int(np.ceil(length_s / PIECE_S))
        self.addresses = [c.address for c in classes]
        self.patterns: list[Pattern] = []
        self._pattern_of: dict[Pattern, int] = {}
        self._start = start
        self._load = load
        sources = [*self._profile_sources(), *self._stream_sources()]
        self.streams = [source.name for source in sources]
        self._bulk = [(bulk.at.after(start), bulk) for bulk in load.bulk]
        self.streams += [load.bulk_name(i) for i in range(len(load.bulk))] + (["replay"] if load.replay else [])
        self._first_bulk = len(sources)
        self.drawers = [_Drawer(self, source, i, seed, replication) for i, source in enumerate(sources)]

    def weights(self, *sides: str) -> Floats:
        """Mailboxes of each class of these sides, as weights."""
        found = np.array([c.mailboxes if c.side in sides else 0 for c in self.classes], dtype=np.float64)
        return found

    def pattern(self, counts: dict[int, int]) -> int:
        """The number of the pattern with these recipients of each class."""
        key = tuple(sorted((self.addresses[index], count) for index, count in counts.items() if count))
        number = self._pattern_of.get(key)
        if number is None:
            number = self._pattern_of[key] = len(self.patterns)
            self.patterns.append(key)
        return number

    def _curve(self, day_curve: tuple[float, ...] | None) -> Floats:
        """Factor of the mean rate in each piece, by the day and week curves."""
        load = self._load
        day = np.array(day_curve or load.day_curve or (1.0,) * 24)
        begins_s = (self._start.day or 0) * DAY_S + self._start.second + np.arange(self.pieces) * PIECE_S
        week = np.array(load.week_curve or (1.0,) * 7)
        hours = (begins_s % DAY_S // 3600).astype(int)
        curve: Floats = (day / day.mean())[hours] * week[(begins_s // DAY_S).astype(int) % 7]
        return curve

    def _profile_sources(self) -> Iterator[Source]:
        load, rates = self._load, self._load.office_rates
        ours = self.weights("onprem", "hosted")
        mailboxes = ours.sum()
        if not rates.sent_per_s or not mailboxes:
            return
        curve = self._curve(None)
        nobody = np.zeros(len(ours))
        internet = self.weights("internet")
        inside = rates.inside_share if internet.any() else 1.0
        yield Source("office", curve * rates.sent_per_s * mailboxes, ours, inside, ours, internet, load.recipients, load.sizes)
        if internet.any() and rates.internet_per_s:
            numbers = load.internet_recipients or load.recipients
            yield Source("internet", curve * rates.internet_per_s * mailboxes, internet, 1.0, ours, nobody, numbers, load.sizes)
        if internet.any() and load.spam and rates.spam_per_s:
            spam, known = load.spam, 1 - load.spam.to_unknown_addresses
            rate = self._curve(spam.day_curve) * rates.spam_per_s * mailboxes
            yield Source("spam", rate, internet, known, ours, self.weights("unknown"), spam.recipients, spam.sizes or load.sizes)

    def _stream_sources(self) -> Iterator[Source]:
        for number, spec in enumerate(self._load.streams):
            to = np.zeros(len(self.classes))
            for side, weight in spec.to.items():
                of_side = self.weights(*(("onprem", "hosted") if side == "everybody" else (side,)))
                if not of_side.any():
                    raise ValueError(f"load.streams[{number}].to: there is nobody on side {side!r}; give it mailboxes under directory.population")
                to += weight * of_side / of_side.sum()
            senders = self.weights(*(("onprem", "hosted") if spec.sender == "everybody" else (spec.sender,)))
            if not senders.any():
                raise ValueError(f"load.streams[{number}].from: there is nobody on side {spec.sender!r} to send")
            rates = np.full(self.pieces, spec.rate * self._load.growth)
            sizes = spec.sizes or self._load.sizes
            yield Source(spec.label, rates, senders, 1.0, to, np.zeros(len(to)), spec.recipients, sizes, spec.arrivals == "constant")

    def bulk_in(self, piece: int) -> list[Part]:
        """The bulk mailings that are born in a piece."""
        found: list[Part] = []
        for i, (at_s, bulk) in enumerate(self._bulk):
            if piece * PIECE_S <= at_s < min((piece + 1) * PIECE_S, self.length_s):
                sides = ("onprem", "hosted") if "everybody" in bulk.to else bulk.to
                counts = {index: c.mailboxes for index, c in enumerate(self.classes) if c.side in sides}
                senders = np.flatnonzero(self.weights(bulk.sender))
                for some in _in_copies(counts, bulk.recipients_per_copy) if len(senders) else ():
                    row = (self.pattern(some), bulk.size, self._first_bulk + i)
                    found.append((np.array([at_s]), senders[:1].astype(np.int64), *(np.array([value], np.int64) for value in row)))
        return found


def _in_copies(counts: dict[int, int], most: int | None) -> Iterator[dict[int, int]]:
    """All recipients in messages of at most so many."""
    left = dict(counts)
    while any(left.values()):
        room = most if most is not None else sum(left.values())
        some = {}
        for index, count in left.items():
            some[index] = min(count, room)
            room -= some[index]
            left[index] -= some[index]
        yield some


class _Drawer:
    """Draws one source, each purpose from its own random stream."""

    def __init__(self, maker: _Maker, source: Source, number: int, seed: int, replication: int) -> None:
        self._maker = maker
        self._source = source
        self._number = number
        purposes = ("births", "senders", "recipients", "inside", "classes", "sizes")
        self._rng = {p: stream(seed, replication, f"load/{source.name}/{p}") for p in purposes}
        self._next_s = 0.0  # constant arrivals: the next birth
        numbers = source.recipients
        self._numbers = np.array(list(numbers), dtype=np.int64)
        self._numbers_cdf = _cdf(np.array(list(numbers.values()), dtype=np.float64))

    def draw(self, piece: int) -> Part | None:
        """The mail of this source that is born in a piece."""
        born_s = self._births(piece)
        count = len(born_s)
        if not count:
            return None
        source, rng = self._source, self._rng
        senders = _pick(_cdf(source.senders), rng["senders"].random(count))
        numbers = self._numbers[_pick(self._numbers_cdf, rng["recipients"].random(count))]
        pattern = self._patterns(numbers)
        sizes = draw_sizes(source.sizes, rng["sizes"].random((count, 2)))
        return born_s, senders, pattern, sizes, np.full(count, self._number, np.int64)

    def _births(self, piece: int) -> Floats:
        begin_s = piece * PIECE_S
        end_s = min(begin_s + PIECE_S, self._maker.length_s)
        rate = float(self._source.rates_per_s[piece])
        if self._source.constant:
            births = []
            while rate > 0 and self._next_s < end_s:
                births.append(self._next_s)
                self._next_s = len(births) / rate + births[0]
            return np.array(births)
        count = self._rng["births"].poisson(rate * (end_s - begin_s))
        return np.sort(begin_s + (end_s - begin_s) * self._rng["births"].random(count))

    def _patterns(self, numbers: Ints) -> Ints:
        """The pattern of each message: its recipients drawn one by one, inside or outside, then by class."""
        source, maker = self._source, self._maker
        total = int(numbers.sum())
        inside = self._rng["inside"].random(total) < source.inside
        u = self._rng["classes"].random(total)
        classes = np.where(inside, _pick(_cdf(source.to), u), _pick(_cdf(source.to_outside), u))
        single = numbers == 1
        result = np.empty(len(numbers), np.int64)
        first = np.cumsum(numbers) - numbers
        of_class = np.array([maker.pattern({index: 1}) for index in range(len(maker.addresses))])
        result[single] = of_class[classes[first[single]]]
        several = np.flatnonzero(~single)
        if len(several):
            counts = np.zeros((len(numbers), len(maker.addresses)), np.int64)
            np.add.at(counts, (np.repeat(np.arange(len(numbers)), numbers), classes), 1)
            rows, which = np.unique(counts[several], axis=0, return_inverse=True)
            known = np.array([maker.pattern({i: int(n) for i, n in enumerate(row) if n}) for row in rows])
            result[several] = known[which.ravel()]
        return result


def _cdf(weights: Floats) -> Floats:
    total = weights.sum()
    return np.cumsum(weights) / total if total else np.ones(len(weights))


def _pick(cdf: Floats, u: Floats) -> Ints:
    return np.minimum(np.searchsorted(cdf, u, side="right"), len(cdf) - 1).astype(np.int64)


def draw_sizes(sizes: SizeSpec, u: Floats) -> Ints:
    """Sizes in bytes from two uniform numbers a message: body or tail, and one for the law (inverse transform)."""
    if sizes.constant is not None:
        return np.full(len(u), sizes.constant, np.int64)
    if sizes.table:
        return np.array(list(sizes.table), np.int64)[_pick(_cdf(np.array(list(sizes.table.values()))), u[:, 0])]
    from scipy.special import ndtri

    assert sizes.body is not None
    law = sizes.body.lognormal
    drawn = law.median * np.exp(law.sigma * ndtri(u[:, 1] * sizes.body_below(sizes.body_end)))
    if sizes.tail is not None:
        tail = sizes.tail.pareto
        cut = (tail.start / sizes.limit) ** tail.alpha if sizes.limit else 0.0  # P(X > limit) of the uncut law
        pareto = tail.start * (1 - u[:, 1] * (1 - cut)) ** (-1 / tail.alpha)
        drawn = np.where(u[:, 0] < sizes.share_in_body, drawn, pareto)
    return np.clip(drawn, 1, sizes.limit or np.inf).astype(np.int64)


class _Table:
    """A replayed table, ready to be handed out piece by piece."""

    def __init__(self, born_s: Floats, sender: Ints, pattern: Ints, size_bytes: Ints, number: int) -> None:
        self._columns = (born_s, sender, pattern, size_bytes, np.full(len(born_s), number, np.int64))

    def rows_in(self, begin_s: float, end_s: float) -> list[Part]:
        """The rows born in [begin, end)."""
        first, last = np.searchsorted(self._columns[0], (begin_s, end_s))
        if first == last:
            return []
        born_s, *others = (column[first:last] for column in self._columns)
        return [(born_s, others[0], others[1], others[2], others[3])]


def _replayed(replay: ReplaySpec, classes: Sequence[MailboxClass], base: Path, maker: _Maker) -> _Table:
    """Read a table of mail: columns born_s, sender, recipients, size_bytes. Raises `ValueError` that names column and row."""
    import pandas as pd

    path = base / replay.file
    try:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except OSError as error:
        raise ValueError(f"load.replay.file: {path} cannot be read: {error.strerror or error}") from None
    missing = [name for name in ("born_s", "sender", "recipients", "size_bytes") if name not in table]
    if missing:
        raise ValueError(f"load.replay.file: {path} has no column {', '.join(missing)}")
    table = table.sort_values("born_s", kind="stable", ignore_index=True)
    of_side = {c.side: index for index, c in reversed(list(enumerate(classes)))} | {c.address: index for index, c in enumerate(classes)}

    def index_of(word: str, row: int) -> int:
        if word in of_side:
            return of_side[word]
        if "@" in word:
            maker.addresses.append(word)
            of_side[word] = len(maker.addresses) - 1
            return of_side[word]
        raise ValueError(f"load.replay.file: {path}, row {row + 1}: {word!r} is neither a side ({', '.join(of_side)}) nor an address")

    senders, patterns = [], []
    for row, (sender, recipients) in enumerate(zip(table["sender"].astype(str), table["recipients"].astype(str), strict=True)):
        senders.append(index_of(sender, row))
        counts: dict[int, int] = {}
        for word in recipients.split():
            name, colon, number = word.rpartition(":")
            index = index_of(name if colon and number.isdigit() else word, row)
            counts[index] = counts.get(index, 0) + (int(number) if colon and number.isdigit() else 1)
        patterns.append(maker.pattern(counts))
    number = len(maker.streams) - 1
    return _Table(table["born_s"].to_numpy(np.float64), np.array(senders), np.array(patterns), table["size_bytes"].to_numpy(np.int64), number)
