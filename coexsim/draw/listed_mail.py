"""Mail that is listed rather than drawn: mailings to everybody, and a table of mail that is replayed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from coexsim.draw.mail_book import Book, Codes, Floats, Ints, MailColumns, Pick, Streams, cure, wrong
from coexsim.draw.replay_file import TEXT_COLUMNS, is_parquet, our_names, replay_path, why_unreadable
from coexsim.errors import did_you_mean
from coexsim.mail.directory import SIDES
from coexsim.scenario.load_profile import REPLAY, LoadSpec, ReplaySpec
from coexsim.units import Moment


class Listed:
    """Mail that is known one by one."""

    def __init__(self, name: str, rows: MailColumns, file: str = "") -> None:
        self.name = name
        self._file = file
        order = np.argsort(rows.born_s, kind="stable")
        self._rows = rows.at(order)
        self._at = 0

    def keep(self, length_s: float) -> None:
        """Forget what is not born in [0, `length_s`). Raises `ScenarioError` for a table of which nothing is."""
        born_s = self._rows.born_s
        inside = (born_s >= 0) & (born_s < length_s)
        if self._file and not inside.any():
            found = f"from {born_s.min():g} s to {born_s.max():g} s" if len(born_s) else "nothing"
            text = (
                f"no row of {self._file} is born in the run, which lasts {length_s:g} s from its start; found {found}"
            )
            raise wrong("load.replay", text)
        self._rows = self._rows.at(inside)

    def times_s(self) -> Floats:
        """Some of the births, spread over all of them."""
        born_s = self._rows.born_s
        return born_s[:: max(1, len(born_s) // 1000)]

    def expected(self, times_s: Floats) -> Floats:
        """How many mails are born by each of these times."""
        return np.searchsorted(self._rows.born_s, times_s, side="right").astype(np.float64)

    def take(self, until_s: float) -> MailColumns:
        """The mail born before a time that was not taken before."""
        end = int(np.searchsorted(self._rows.born_s, until_s))
        rows = self._rows.at(slice(self._at, end))
        self._at = end
        return rows


def mailing_mail(load: LoadSpec, index: int, book: Book, start: Moment) -> Listed:
    """A mailing to all mailboxes: one message, or as many as it takes with so many recipients each.

    None from or to a side on which nobody is, as long as the organisation has mailboxes elsewhere: when all have moved, it is no mail.
    """
    spec = load.bulk[index]
    senders = book.of(spec.sender)
    reached = {c.address for place in spec.to for c in book.of(place)}
    left = [(c.address, c.mailboxes) for c in book.classes if c.address in reached]
    if (not senders or not left) and (not book.mailboxes() or not book.of("internet")):
        place = spec.to[0] if senders else spec.sender
        raise wrong(f"load.bulk[{index}]", f"{place!r} has no mailboxes; {cure(place)}")
    each = spec.recipients_per_copy or sum(c.mailboxes for c in book.of("everybody"))
    patterns: list[int] = []
    if not senders:
        left = []
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
    sender = book.address(max(senders, key=lambda c: c.mailboxes).address) if senders else 0
    return Listed(load.bulk_name(index), MailColumns(np.full(n, spec.at.after(start)), np.full(n, sender, np.int32),
                               np.array(patterns, np.int32), np.full(n, spec.size, np.int64)))  # fmt: skip


def replayed_mail(spec: ReplaySpec, book: Book, folder: Path, streams: Streams) -> Listed:
    """The mail of a table."""
    import pandas as pd

    file = replay_path(spec, folder)
    try:
        if is_parquet(file):
            table = pd.read_parquet(file)
        else:
            table = pd.read_csv(file, dtype=TEXT_COLUMNS, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise why_unreadable(error, spec.file) from None
    names = our_names([str(name) for name in table], spec.file)
    table = table.rename(columns=str)[list(names)].rename(columns=names)
    numbers = {
        name: pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64) for name in ("born_s", "size_bytes")
    }
    bad = ~np.isfinite(numbers["born_s"]) | ~(numbers["size_bytes"] >= 1) | ~np.isfinite(numbers["size_bytes"])
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        found = ", ".join(f"{name} {table[name].iloc[row : row + 1].tolist()[0]!r}" for name in numbers)
        raise wrong(
            "load.replay", f"{spec.file}, row {row + 1}: expected seconds and a size of 1 byte or more, found {found}"
        )
    order = np.argsort(numbers["born_s"], kind="stable")
    table = table.iloc[order]
    read = partial(_Text, spec.file, book)
    who, senders = pd.factorize(table["sender"].fillna("").astype(str))
    whom, recipients = pd.factorize(table["recipients"].fillna("").astype(str))
    sender = read(_first_rows(who, order), senders, streams("sender")).senders(who)
    pattern = read(_first_rows(whom, order), recipients, streams("to")).patterns(whom)
    rows = MailColumns(
        numbers["born_s"][order], sender, pattern, np.rint(numbers["size_bytes"][order]).astype(np.int64)
    )
    return Listed(REPLAY, rows, spec.file)


def _first_rows(texts: Ints, order: Ints) -> Ints:
    """The first row of the file in which each text stands, from 1; `order` are the rows by time."""
    rows = np.full(texts.max(initial=-1) + 1, len(order))
    np.minimum.at(rows, texts, order)
    return rows + 1


class _Text:
    """What the senders or recipients of a replayed table say; a side with several mailbox classes is drawn for each row."""

    def __init__(self, file: str, book: Book, rows: Ints, texts: Iterable[str], numbers: np.random.Generator) -> None:
        self._file, self._book, self._rows, self._numbers = file, book, rows, numbers
        self._said = [
            [self._word(word, row) for word in text.replace(",", " ").replace(";", " ").split()]
            for row, text in zip(rows, texts, strict=True)
        ]

    def _word(self, word: str, row: int) -> tuple[str | Pick, int]:
        name, colon, count = word.rpartition(":")
        if not colon or not re.fullmatch("[0-9]{1,6}", count):
            name, count = word, "1"
        if "@" in name:
            return name, int(count)
        if name not in SIDES:
            near = did_you_mean(name, SIDES)
            raise wrong(
                "load.replay",
                f"{self._file}, row {row}: {word!r} is neither an address nor one of {', '.join(SIDES)}{near}",
            )
        pick = self._book.pick({name: 1.0}, "load.replay")
        return (pick, int(count)) if len(pick) > 1 else (self._book.addresses[pick.codes[0]], int(count))

    def senders(self, rows: Ints) -> Codes:
        """The sender of each row; a row holds the place of its text."""
        for line, said in zip(self._rows, self._said, strict=True):
            if len(said) != 1 or said[0][1] != 1:
                raise wrong("load.replay", f"{self._file}, row {line}: a row needs one sender")
        who = [said[0][0] for said in self._said]
        fixed = np.array([-1 if isinstance(one, Pick) else self._book.address(one) for one in who], np.int32)
        codes: Codes = fixed[rows]
        for row in np.flatnonzero(codes < 0).tolist():
            one = who[rows[row]]
            assert isinstance(one, Pick)
            codes[row] = one.codes[one.places(1, self._numbers.random)[0]]
        return codes

    def patterns(self, rows: Ints) -> Codes:
        """The pattern of each row."""
        for line, said in zip(self._rows, self._said, strict=True):
            if not sum(count for _, count in said):
                raise wrong("load.replay", f"{self._file}, row {line}: a row needs at least one recipient")
        is_fixed = [all(isinstance(one, str) for one, _ in said) for said in self._said]
        fixed = np.array(
            [self._draw(said) if sure else -1 for said, sure in zip(self._said, is_fixed, strict=True)], np.int32
        )
        codes: Codes = fixed[rows]
        for row in np.flatnonzero(codes < 0).tolist():
            codes[row] = self._draw(self._said[rows[row]])
        return codes

    def _draw(self, said: list[tuple[str | Pick, int]]) -> int:
        counts: list[tuple[str, int]] = []
        for one, count in said:
            if isinstance(one, str):
                counts.append((one, count))
            else:
                places = one.places(count, self._numbers.random)
                counts += [(self._book.addresses[code], 1) for code in one.codes[places].tolist()]
        return self._book.pattern(counts)
