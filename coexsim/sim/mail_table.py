"""Draw the mail of a run at its birth: a table in blocks, from random streams keyed by name.

Births are a Poisson process of unit rate run through the inverse of the rates' integral, which is exact for rates that are constant in
each hour. So the n-th mail of a stream is the same mail whatever the rates are: growth and the number of mailboxes only move its birth,
and where all mail follows one day curve they do not even change its number. Gaps, sizes, numbers of recipients, senders and recipients
come each from a random stream of their own; sender and recipients are picked by comparing a number with cumulative weights, on-premises
classes first. So moving mailboxes from one side to the other changes only the senders and recipients that move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim import rng
from coexsim.errors import Problem, ScenarioError, did_you_mean
from coexsim.mail.directory import MailboxClass
from coexsim.scenario.load_profile import (
    INTERNET,
    OFFICE,
    REPLAY,
    SPAM,
    BulkSpec,
    LoadSpec,
    ReplaySpec,
    SizeSpec,
    week_factors,
)
from coexsim.units import DAY_S, Moment

BLOCK_MAILS = 65_536
CHUNK_MAILS = 8_192  # births are drawn so many at a time; changes no mail
HOUR_S = 3600.0
KNOWN_KEYS = 1 << 22  # up to so many combinations of counts are looked up in a table
SIDES = ("onprem", "hosted", "internet", "unknown")
REPLAY_COLUMNS = ("born_s", "sender", "recipients", "size_bytes")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Pattern = tuple[tuple[str, int], ...]
Streams = Callable[[str], np.random.Generator]


@dataclass(frozen=True, slots=True, eq=False)
class MailBlock:
    """Consecutive mails, one a row, in order of birth; mails born together are in the order of `streams`.

    `sender`, `pattern` and `stream` are places in `addresses`, `patterns` and `streams`. The first two lists grow from block to block
    and are the same objects in all blocks of a run. A pattern is what a mail is addressed to: (address, how many of its mailboxes).
    """

    first: int
    born_s: Floats
    sender: Codes
    pattern: Codes
    size_bytes: Ints
    stream: NDArray[np.int16]
    addresses: list[str]
    patterns: list[Pattern]
    streams: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.born_s)


def draw(
    load: LoadSpec, classes: Sequence[MailboxClass], start: Moment, length_s: float, seed: int, replication: int,
    *, folder: str | Path = ".", block_mails: int = BLOCK_MAILS,
) -> Iterator[MailBlock]:  # fmt: skip
    """The mail born in [0, `length_s`) after `start`, in blocks of about `block_mails` that together are the same whatever that number is.

    A replayed file is looked for in `folder`. Raises `ScenarioError` at once where the load cannot be drawn: a place without an address,
    a file that cannot be read.
    """
    book = _Book(classes)

    def streams(name: str) -> Streams:
        return lambda purpose: rng.stream(seed, replication, f"load/{name}/{purpose}")

    sources: list[_Drawn | _Listed] = [
        *_office(load, book, start, length_s, streams),
        *_steady(load, book, length_s, streams),
    ]
    sources += [_mailing(load.bulk_name(i), mailing, book, start) for i, mailing in enumerate(load.bulk)]
    if load.replay:
        sources.append(_replay(load.replay, book, Path(folder), streams(REPLAY)))
    for listed in sources:
        if isinstance(listed, _Listed):
            listed.keep(length_s)
    return _blocks(sources, book, length_s, block_mails)


def _wrong(path: str, text: str) -> ScenarioError:
    return ScenarioError([Problem("<load>", 0, path, text)])


# --- merging --------------------------------------------------------------------------------------------------------------


class _Rows(NamedTuple):
    born_s: Floats
    sender: Codes
    pattern: Codes
    size_bytes: Ints

    def at(self, rows: Any) -> _Rows:
        """Some of the rows."""
        return _Rows(self.born_s[rows], self.sender[rows], self.pattern[rows], self.size_bytes[rows])


def _blocks(sources: Sequence[_Drawn | _Listed], book: _Book, length_s: float, block_mails: int) -> Iterator[MailBlock]:
    first = 0
    names = tuple(source.name for source in sources)
    for until_s in _ends(sources, length_s, block_mails):
        parts = [source.take(until_s) for source in sources]
        n = sum(len(part.born_s) for part in parts)
        if not n:
            continue
        stream = np.repeat(np.arange(len(parts), dtype=np.int16), [len(part.born_s) for part in parts])
        born_s, sender, pattern, size_bytes = (np.concatenate(column) for column in zip(*parts, strict=True))
        if len(np.unique(stream)) > 1:
            order = np.argsort(born_s, kind="stable")
            born_s, sender, pattern = born_s[order], sender[order], pattern[order]
            size_bytes, stream = size_bytes[order], stream[order]
        yield MailBlock(first, born_s, sender, pattern, size_bytes, stream, book.addresses, book.patterns, names)
        first += n


def _ends(sources: Sequence[_Drawn | _Listed], length_s: float, block_mails: int) -> list[float]:
    """The ends of the blocks: times between which about `block_mails` are expected."""
    times = np.unique(np.concatenate([np.array([0.0, length_s]), *(source.times_s() for source in sources)]))
    expected = np.sum([np.zeros(len(times)), *(source.expected(times) for source in sources)], axis=0)
    inner: list[float] = np.interp(np.arange(block_mails, expected[-1], block_mails), expected, times).tolist()
    return [*inner, np.inf]


# --- who writes to whom ---------------------------------------------------------------------------------------------------


class _Pick:
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


class _Book:
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

    def pick(self, weights: Mapping[Any, float], path: str) -> _Pick:
        """A choice among places by weight, inside a place by its mailboxes."""
        by_address = dict.fromkeys((c.address for c in self.classes), 0.0)
        whole = sum(weights.values())
        for place, weight in weights.items():
            if weight <= 0:
                continue
            inside = self.of(place)
            if not inside:
                raise _wrong(path, f"{place!r} has no mailboxes; " + _cure(place))
            boxes = sum(c.mailboxes for c in inside)
            for c in inside:
                by_address[c.address] += weight / whole * c.mailboxes / boxes
        return _Pick([self._address[a] for a in by_address], list(by_address.values()))


def _cure(place: str) -> str:
    return {"internet": "add a server of kind external"}.get(place, "give the directory a population")


class _Recipients:
    """The patterns of a stream's mail: each recipient of a message is picked independently."""

    def __init__(self, table: Mapping[int, float], to: _Pick, book: _Book, streams: Streams) -> None:
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
        classes = len(self._to)
        if classes == 1:
            tally = counts[:, None]
        else:
            who += np.repeat(np.arange(n) * classes, counts)
            tally = np.bincount(who, minlength=n * classes).reshape(n, classes)
        if self._scale is None:
            rows, inverse = np.unique(tally, axis=0, return_inverse=True)
            return np.array([self._code(row) for row in rows], np.int32)[inverse.ravel()]
        keys = tally @ self._scale
        codes = self._known[keys]
        fresh = np.flatnonzero(codes < 0)
        if len(fresh):
            for key, row in zip(*np.unique(keys[fresh], return_index=True), strict=True):
                self._known[key] = self._code(tally[fresh[row]])
            codes = self._known[keys]
        return codes

    def _code(self, counts: Ints) -> int:
        names = (self._book.addresses[code] for code in self._to.codes)
        return self._book.pattern(zip(names, counts.tolist(), strict=True))


# --- sizes ----------------------------------------------------------------------------------------------------------------


def size_quantiles(spec: SizeSpec, u: Floats) -> Ints:
    """The sizes below which the shares `u` (in [0, 1)) of all messages lie [bytes]; never falls as u grows."""
    if spec.constant is not None:
        return np.full(len(u), spec.constant, np.int64)
    if spec.table:
        sizes = sorted(spec.table)
        ends = np.cumsum([spec.table[size] for size in sizes])
        return np.array(sizes, np.int64)[np.searchsorted(ends / ends[-1], u, side="right")]
    from scipy.special import ndtri

    assert spec.body is not None
    law, split = spec.body.lognormal, spec.share_in_body
    is_body = u < split
    size = np.empty(len(u))
    if split > 0:
        inside = u[is_body] / split * spec.body_below(spec.body_end)
        size[is_body] = np.minimum(law.median * np.exp(law.sigma * ndtri(inside)), spec.body_end)
    if spec.tail:
        pareto = spec.tail.pareto
        cut = 0.0 if spec.limit is None else (pareto.start / spec.limit) ** pareto.alpha
        beyond = 1 - (u[~is_body] - split) / (1 - split) * (1 - cut)
        size[~is_body] = pareto.start * beyond ** (-1 / pareto.alpha)
    return np.maximum(np.rint(size), 1).astype(np.int64)


# --- streams that are drawn -----------------------------------------------------------------------------------------------


class _Curve(NamedTuple):
    """When mail is born: times, and how much mail is expected until each; linear between them."""

    times_s: Floats
    mails: Floats


def _flat(rate_per_s: float, length_s: float) -> _Curve:
    return _Curve(np.array([0.0, length_s]), np.array([0.0, rate_per_s * length_s]))


def _by_hour(rate_per_s: float, factors: tuple[float, ...] | None, start: Moment, length_s: float) -> _Curve:
    """Rates that change with the hour of the week."""
    if factors is None:
        return _flat(rate_per_s, length_s)
    begin_s = (start.day or 0) * DAY_S + start.second
    first = int(begin_s // HOUR_S)
    inner = np.arange(first + 1, np.ceil((begin_s + length_s) / HOUR_S)) * HOUR_S - begin_s
    times_s = np.concatenate([[0.0], inner, [length_s]])
    hours = (first + np.arange(len(times_s) - 1)) % len(factors)
    return _Curve(times_s, np.concatenate([[0.0], np.cumsum(rate_per_s * np.array(factors)[hours] * np.diff(times_s))]))


class _Drawn:
    """A stream of mail: births on a curve, and for each birth a sender, recipients and a size."""

    def __init__(
        self, name: str, curve: _Curve, sender: _Pick, recipients: _Recipients, sizes: SizeSpec, streams: Streams, *, poisson: bool = True
    ) -> None:  # fmt: skip
        self.name = name
        self._curve, self._sender, self._recipients, self._sizes = curve, sender, recipients, sizes
        self._gaps = streams("gap") if poisson else None
        self._sender_numbers, self._size_numbers = streams("sender").random, streams("size").random
        self._drawn = 0
        self._reached = 0.0  # of the unit-rate process
        self._last_s = 0.0
        self._ahead: Floats = np.empty(0)
        self._over = curve.mails[-1] <= 0

    def times_s(self) -> Floats:
        return self._curve.times_s

    def expected(self, times_s: Floats) -> Floats:
        return np.interp(times_s, *self._curve)

    def take(self, until_s: float) -> _Rows:
        """The mails born before `until_s` that were not taken yet."""
        born_s = self._births(until_s)
        n = len(born_s)
        sender = self._sender.codes[self._sender.places(n, self._sender_numbers)]
        uniforms = np.zeros(n) if self._sizes.constant is not None else self._size_numbers(n)
        return _Rows(born_s, sender, self._recipients.take(n), size_quantiles(self._sizes, uniforms))

    def _births(self, until_s: float) -> Floats:
        parts = [self._ahead]
        while not self._over and self._last_s < until_s:
            parts.append(self._more())
        born_s = np.concatenate(parts)
        cut = int(np.searchsorted(born_s, until_s))
        self._ahead = born_s[cut:].copy()
        return born_s[:cut]

    def _more(self) -> Floats:
        """The next births. Sums run strictly from birth to birth, so that it does not matter how many are drawn at a time."""
        if self._gaps is None:
            units = np.arange(self._drawn, self._drawn + CHUNK_MAILS, dtype=np.float64)
        else:
            units = np.cumsum(np.concatenate([[self._reached], self._gaps.standard_exponential(CHUNK_MAILS)]))[1:]
            self._reached = float(units[-1])
        self._drawn += CHUNK_MAILS
        times_s, mails = self._curve
        self._over = bool(units[-1] >= mails[-1])
        born_s = np.interp(units[units < mails[-1]], mails, times_s)
        born_s = np.maximum.accumulate(np.concatenate([[self._last_s], born_s]))[1:]  # rounding may not turn time back
        if len(born_s):
            self._last_s = float(born_s[-1])
        kept_s: Floats = born_s[born_s < times_s[-1]]
        return kept_s


def _office(
    load: LoadSpec, book: _Book, start: Moment, length_s: float, streams: Callable[[str], Streams]
) -> Iterator[_Drawn]:
    """What the mailboxes send, what the Internet sends them, and spam."""
    rates, boxes = load.office_rates, book.mailboxes()
    if not rates.sent_per_s:
        return
    if not boxes:
        raise _wrong("load.sent_per_mailbox", "there are no mailboxes; give the directory a population")

    def stream(
        name: str, rate_per_s: float, sender: str, to: dict[str, float], recipients: dict[int, float],
        sizes: SizeSpec | None = None, day_curve: tuple[float, ...] | None = None,
    ) -> _Drawn:  # fmt: skip
        factors = week_factors(day_curve or load.day_curve, load.week_curve)
        curve = _by_hour(boxes * rate_per_s, factors, start, length_s)
        patterns = _Recipients(recipients, book.pick(to, "load"), book, streams(name))
        return _Drawn(name, curve, book.pick({sender: 1.0}, "load"), patterns, sizes or load.sizes, streams(name))

    inside = rates.inside_share if rates.inside_share < 1 - 1e-12 else 1.0
    to = {"everybody": inside, "internet": 1 - inside}
    yield stream(OFFICE, rates.sent_per_s, "everybody", to, load.recipients)
    if rates.internet_per_s:
        to = {"everybody": 1.0}
        yield stream(INTERNET, rates.internet_per_s, "internet", to, load.internet_recipients or load.recipients)
    if rates.spam_per_s and (spam := load.spam):
        to = {"everybody": 1 - spam.to_unknown_addresses, "unknown": spam.to_unknown_addresses}
        yield stream(SPAM, rates.spam_per_s, "internet", to, spam.recipients, spam.sizes, spam.day_curve)


def _steady(load: LoadSpec, book: _Book, length_s: float, streams: Callable[[str], Streams]) -> Iterator[_Drawn]:
    """The steady streams."""
    for index, spec in enumerate(load.streams):
        name, path = spec.label, f"load.streams[{index}]"
        sender, to = book.pick({spec.sender: 1.0}, f"{path}.from"), book.pick(spec.to, f"{path}.to")
        patterns = _Recipients(spec.recipients, to, book, streams(name))
        curve, sizes = _flat(load.growth * spec.rate, length_s), spec.sizes or load.sizes
        yield _Drawn(name, curve, sender, patterns, sizes, streams(name), poisson=spec.arrivals == "poisson")


# --- mail that is listed: mailings and replay -----------------------------------------------------------------------------


class _Listed:
    """Mail that is known one by one."""

    def __init__(self, name: str, rows: _Rows) -> None:
        self.name = name
        order = np.argsort(rows.born_s, kind="stable")
        self._rows = rows.at(order)
        self._at = 0

    def keep(self, length_s: float) -> None:
        """Forget what is not born in [0, `length_s`)."""
        born_s = self._rows.born_s
        self._rows = self._rows.at((born_s >= 0) & (born_s < length_s))

    def times_s(self) -> Floats:
        born_s = self._rows.born_s
        return born_s[:: max(1, len(born_s) // 1000)]

    def expected(self, times_s: Floats) -> Floats:
        return np.searchsorted(self._rows.born_s, times_s, side="right").astype(np.float64)

    def take(self, until_s: float) -> _Rows:
        end = int(np.searchsorted(self._rows.born_s, until_s))
        rows = self._rows.at(slice(self._at, end))
        self._at = end
        return rows


def _mailing(name: str, spec: BulkSpec, book: _Book, start: Moment) -> _Listed:
    """A mailing to all mailboxes: one message, or as many as it takes with so many recipients each."""
    senders = book.of(spec.sender)
    reached = {c.address for place in spec.to for c in book.of(place)}
    left = [(c.address, c.mailboxes) for c in book.classes if c.address in reached]
    if not senders or not left:
        place = spec.to[0] if senders else spec.sender
        raise _wrong(f"load.{name}", f"{place!r} has no mailboxes; {_cure(place)}")
    each = spec.recipients_per_copy or sum(c.mailboxes for c in book.of("everybody"))
    patterns = []
    while left:
        room = each
        counts: list[tuple[str, int]] = []
        while left and room:
            address, boxes = left.pop(0)
            taken = min(room, boxes)
            counts.append((address, taken))
            room -= taken
            if boxes > taken:
                left.insert(0, (address, boxes - taken))
        patterns.append(book.pattern(counts))
    n = len(patterns)
    sender = book.address(max(senders, key=lambda c: c.mailboxes).address)
    return _Listed(name, _Rows(np.full(n, spec.at.after(start)), np.full(n, sender, np.int32),
                               np.array(patterns, np.int32), np.full(n, spec.size, np.int64)))  # fmt: skip


def _replay(spec: ReplaySpec, book: _Book, folder: Path, streams: Streams) -> _Listed:
    """The mail of a table."""
    import pandas as pd

    file = folder / spec.file
    if not file.is_file():
        raise _wrong("load.replay", f"there is no file {spec.file!r} in {str(folder)!r}")
    try:
        if file.suffix.casefold() == ".parquet":
            table = pd.read_parquet(file)
        else:
            table = pd.read_csv(
                file, dtype={"sender": str, "recipients": str}, keep_default_na=False, skipinitialspace=True
            )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip().split("\n")[0]
        raise _wrong("load.replay", f"{spec.file} cannot be read: {reason}") from None
    for column in REPLAY_COLUMNS:
        if column not in table:
            near = did_you_mean(column, [str(name) for name in table])
            raise _wrong(
                "load.replay", f"{spec.file} has no column {column!r}{near}; it needs {', '.join(REPLAY_COLUMNS)}"
            )
    numbers = {
        name: pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64) for name in ("born_s", "size_bytes")
    }
    bad = ~np.isfinite(numbers["born_s"]) | ~(numbers["size_bytes"] >= 1) | ~np.isfinite(numbers["size_bytes"])
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        found = ", ".join(f"{name} {table[name].iloc[row]!r}" for name in numbers)
        raise _wrong(
            "load.replay", f"{spec.file}, row {row + 1}: expected seconds and a size of 1 byte or more, found {found}"
        )
    order = np.argsort(numbers["born_s"], kind="stable")
    table = table.iloc[order]
    read = partial(_Text, spec.file, book)
    who, senders = pd.factorize(table["sender"].fillna("").astype(str))
    whom, recipients = pd.factorize(table["recipients"].fillna("").astype(str))
    sender = read(senders, streams("sender")).senders(who)
    pattern = read(recipients, streams("to")).patterns(whom)
    return _Listed(
        REPLAY, _Rows(numbers["born_s"][order], sender, pattern, np.rint(numbers["size_bytes"][order]).astype(np.int64))
    )


class _Text:
    """What the senders or recipients of a replayed table say; a side with several mailbox classes is drawn for each row."""

    def __init__(self, file: str, book: _Book, texts: Iterable[str], numbers: np.random.Generator) -> None:
        self._file, self._book, self._numbers = file, book, numbers
        self._said = [[self._word(word) for word in text.replace(",", " ").replace(";", " ").split()] for text in texts]

    def _word(self, word: str) -> tuple[str | _Pick, int]:
        name, colon, count = word.rpartition(":")
        if not colon or not count.isdigit():
            name, count = word, "1"
        if "@" in name:
            return name, int(count)
        if name not in SIDES:
            near = did_you_mean(name, SIDES)
            raise _wrong(
                "load.replay", f"{self._file}: {word!r} is neither an address nor one of {', '.join(SIDES)}{near}"
            )
        pick = self._book.pick({name: 1.0}, "load.replay")
        return (pick, int(count)) if len(pick) > 1 else (self._book.addresses[pick.codes[0]], int(count))

    def senders(self, rows: Ints) -> Codes:
        """The sender of each row; a row holds the place of its text."""
        for said in self._said:
            if len(said) != 1 or said[0][1] != 1:
                raise _wrong("load.replay", f"{self._file}: a row needs one sender")
        who = [said[0][0] for said in self._said]
        fixed = np.array([-1 if isinstance(one, _Pick) else self._book.address(one) for one in who], np.int32)
        codes: Codes = fixed[rows]
        for row in np.flatnonzero(codes < 0).tolist():
            one = who[rows[row]]
            assert isinstance(one, _Pick)
            codes[row] = one.codes[one.places(1, self._numbers.random)[0]]
        return codes

    def patterns(self, rows: Ints) -> Codes:
        """The pattern of each row."""
        if not all(sum(count for _, count in said) for said in self._said):
            raise _wrong("load.replay", f"{self._file}: a row needs at least one recipient")
        is_fixed = [all(isinstance(one, str) for one, _ in said) for said in self._said]
        fixed = np.array(
            [self._draw(said) if sure else -1 for said, sure in zip(self._said, is_fixed, strict=True)], np.int32
        )
        codes: Codes = fixed[rows]
        for row in np.flatnonzero(codes < 0).tolist():
            codes[row] = self._draw(self._said[rows[row]])
        return codes

    def _draw(self, said: list[tuple[str | _Pick, int]]) -> int:
        counts: list[tuple[str, int]] = []
        for one, count in said:
            if isinstance(one, str):
                counts.append((one, count))
            else:
                places = one.places(count, self._numbers.random)
                counts += [(self._book.addresses[code], 1) for code in one.codes[places].tolist()]
        return self._book.pattern(counts)


__all__ = ["BLOCK_MAILS", "MailBlock", "MailboxClass", "Pattern", "draw", "size_quantiles"]
