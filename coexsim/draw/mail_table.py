"""Draw the mail of a run at its birth: a table in blocks, from random streams keyed by name.

Births are a Poisson process of unit rate run through the inverse of the rates' integral, which is exact for rates that are constant in
each hour. So the n-th mail of a stream is the same mail whatever the rates are: growth and the number of mailboxes only move its birth,
and where all mail follows one day curve they do not even change its number. Gaps, sizes, numbers of recipients, senders and recipients
come each from a random stream of their own; sender and recipients are picked by comparing a number with cumulative weights, on-premises
classes first. So moving mailboxes from one side to the other changes only the senders and recipients that move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coexsim import rng
from coexsim.draw.listed_mail import Listed, mailing_mail, replayed_mail
from coexsim.draw.mail_book import Book, Codes, Floats, Ints, MailColumns, Pattern, Pick, RecipientDraws, Streams, wrong
from coexsim.mail.directory import MailboxClass
from coexsim.scenario.load_profile import (
    INTERNET,
    OFFICE,
    REPLAY,
    SPAM,
    LoadSpec,
    SizeSpec,
    week_factors,
)
from coexsim.units import DAY_S, Moment

BLOCK_MAILS = 65_536
CHUNK_MAILS = 8_192  # births are drawn so many at a time; changes no mail
HOUR_S = 3600.0


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
    book = Book(classes)

    def streams(name: str) -> Streams:
        return lambda purpose: rng.stream(seed, replication, f"load/{name}/{purpose}")

    sources: list[_Drawn | Listed] = [
        *_office(load, book, start, length_s, streams),
        *_steady(load, book, length_s, streams),
    ]
    sources += [mailing_mail(load, index, book, start) for index in range(len(load.bulk))]
    if load.replay:
        sources.append(replayed_mail(load.replay, book, Path(folder), streams(REPLAY)))
    for listed in sources:
        if isinstance(listed, Listed):
            listed.keep(length_s)
    return _blocks(sources, book, length_s, block_mails)


def expected_mails(load: LoadSpec, classes: Sequence[MailboxClass], start: Moment, length_s: float) -> float:
    """How many mails a load is expected to have in [0, `length_s`) after `start`, replayed ones left out."""
    book = Book(classes)

    def streams(name: str) -> Streams:
        return lambda purpose: rng.stream(0, 0, f"load/{name}/{purpose}")

    end_s = np.array([length_s])
    sources: list[_Drawn | Listed] = [
        *_office(load, book, start, length_s, streams),
        *_steady(load, book, length_s, streams),
    ]
    sources += [mailing_mail(load, index, book, start) for index in range(len(load.bulk))]
    return float(sum(source.expected(end_s)[0] for source in sources))


# --- merging --------------------------------------------------------------------------------------------------------------


def _blocks(sources: Sequence[_Drawn | Listed], book: Book, length_s: float, block_mails: int) -> Iterator[MailBlock]:
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


def _ends(sources: Sequence[_Drawn | Listed], length_s: float, block_mails: int) -> list[float]:
    """The ends of the blocks: times between which about `block_mails` are expected."""
    times = np.unique(np.concatenate([np.array([0.0, length_s]), *(source.times_s() for source in sources)]))
    expected = np.sum([np.zeros(len(times)), *(source.expected(times) for source in sources)], axis=0)
    inner: list[float] = np.interp(np.arange(block_mails, expected[-1], block_mails), expected, times).tolist()
    return [*inner, np.inf]


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
        self, name: str, curve: _Curve, sender: Pick, recipients: RecipientDraws, sizes: SizeSpec, streams: Streams, *, poisson: bool = True
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

    def take(self, until_s: float) -> MailColumns:
        """The mails born before `until_s` that were not taken yet."""
        born_s = self._births(until_s)
        n = len(born_s)
        sender = self._sender.codes[self._sender.places(n, self._sender_numbers)]
        uniforms = np.zeros(n) if self._sizes.constant is not None else self._size_numbers(n)
        return MailColumns(born_s, sender, self._recipients.take(n), size_quantiles(self._sizes, uniforms))

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
    load: LoadSpec, book: Book, start: Moment, length_s: float, streams: Callable[[str], Streams]
) -> Iterator[_Drawn]:
    """What the mailboxes send, what the Internet sends them, and spam."""
    rates, boxes = load.office_rates, book.mailboxes()
    if not rates.sent_per_s:
        return
    if not boxes:
        raise wrong("load.sent_per_mailbox", "there are no mailboxes; give the directory a population")

    def stream(
        name: str, rate_per_s: float, sender: str, to: dict[str, float], recipients: dict[int, float],
        sizes: SizeSpec | None = None, day_curve: tuple[float, ...] | None = None,
    ) -> _Drawn:  # fmt: skip
        factors = week_factors(day_curve or load.day_curve, load.week_curve)
        curve = _by_hour(boxes * rate_per_s, factors, start, length_s)
        patterns = RecipientDraws(recipients, book.pick(to, "load"), book, streams(name))
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


def _steady(load: LoadSpec, book: Book, length_s: float, streams: Callable[[str], Streams]) -> Iterator[_Drawn]:
    """The steady streams."""
    for index, spec in enumerate(load.streams):
        name, path = spec.label, f"load.streams[{index}]"
        sender, to = book.pick({spec.sender: 1.0}, f"{path}.from"), book.pick(spec.to, f"{path}.to")
        patterns = RecipientDraws(spec.recipients, to, book, streams(name))
        curve, sizes = _flat(load.growth * spec.rate, length_s), spec.sizes or load.sizes
        yield _Drawn(name, curve, sender, patterns, sizes, streams(name), poisson=spec.arrivals == "poisson")


__all__ = ["BLOCK_MAILS", "MailBlock", "MailboxClass", "Pattern", "draw", "expected_mails", "size_quantiles"]
