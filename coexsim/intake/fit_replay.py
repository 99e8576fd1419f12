"""The mail of a log as a table that a scenario can replay: people replaced by their sides, or apart as salted hashes, or as they are."""

from __future__ import annotations

import hashlib
import pickle
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
import pandas as pd

from coexsim.intake.fit_load import TimesSeen
from coexsim.intake.fit_sizes import SizesSeen
from coexsim.intake.logs.journeys import Journeys
from coexsim.intake.logs.received import line_bytes
from coexsim.intake.logs.shelf import file_of
from coexsim.intake.logs.sides import (
    GROUP,
    INTERNET,
    KINDS,
    SIDE_OF_KIND,
    UNKNOWN_DOMAIN,
    Sides,
    domain_of,
)
from coexsim.intake.logs.tallies import Ints

SLICE_MESSAGES = 50_000  # of the table are in memory at once
AFTER_VISITS = 1 << 60  # messages refused as a whole come after others of the same time
NOWHERE = "nobody@nowhere.invalid"  # a domain that does not exist: RFC 2606


@dataclass
class Replay:
    """Mail by time, and when its clock began."""

    begin_s: float  # seconds since 1970 of born_s 0
    messages: int
    _frames: _Slices
    _typical_bytes: int

    def frames(self) -> Iterator[pd.DataFrame]:
        """The mail in the order of birth, some time of it after the other: born_s, sender, recipients, size_bytes."""
        for frame in self._frames.frames():
            size = frame["size"].to_numpy()
            yield pd.DataFrame({
                "born_s": np.round(frame["arrived_s"].to_numpy() - self.begin_s, 6), "sender": frame["sender"].to_numpy(),
                "recipients": frame["recipients"].to_numpy(), "size_bytes": np.where(size > 0, size, self._typical_bytes),
            })  # fmt: skip

    @property
    def table(self) -> pd.DataFrame:
        """All of it."""
        return pd.concat(self.frames(), ignore_index=True)


class _Slices:
    """Rows in slices of time, each on a disk until it is asked for, where there are several."""

    def __init__(self, times: TimesSeen) -> None:
        count = max(1, times.messages // SLICE_MESSAGES)
        self._ends_s = np.linspace(times.first_s, times.last_s, count + 1)[1:-1]
        self._files = [file_of(self) for _ in range(count if count > 1 else 0)]
        self._frames: list[pd.DataFrame] = []

    def add(self, rows: pd.DataFrame) -> None:
        """Put rows by their ``arrived_s`` where they belong."""
        if not self._files:
            self._frames.append(rows)
            return
        slices = np.searchsorted(self._ends_s, rows["arrived_s"].to_numpy(), "right")
        for number in np.unique(slices).tolist():
            pickle.dump(rows[slices == number], self._files[number], protocol=pickle.HIGHEST_PROTOCOL)

    def frames(self) -> Iterator[pd.DataFrame]:
        """The slices, each in the order of time."""
        if not self._files:
            yield _in_time(self._frames)
        for file in self._files:
            end = file.seek(0, 2)
            file.seek(0)
            parts = []
            while file.tell() < end:
                parts.append(pickle.load(file))  # written above
            if parts:
                yield _in_time(parts)


def _in_time(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True).sort_values(["arrived_s", "visit"], kind="stable", ignore_index=True)


class ReplaySeen:
    """The mail of a log, a part after the other. `addresses`: ``sides``, ``hashed`` or ``kept``.

    Notices are left out: a simulation makes its own. A message of unknown size has the median size. Without a `salt` a random one is used,
    so that hashes of two runs cannot be set beside each other.
    """

    def __init__(self, times: TimesSeen, addresses: str = "sides", salt: bytes | None = None) -> None:
        self._addresses, self._salt = addresses, salt or secrets.token_bytes(16)
        self._slices, self._begin_s, self._messages = _Slices(times), inf, 0

    def add(self, found: Journeys, sides: Sides, mail: pd.DataFrame, sizes: Ints) -> None:
        """Take the mail of a part; `sizes` of its messages as they were handed in."""
        kept = mail[mail["recipients"] > 0]
        if not len(kept):
            return
        say = _Names(found, sides, self._addresses, self._salt)
        recipients = say.recipients()
        row = kept["row"].to_numpy()
        visits = found.joined.visits["visit"].to_numpy()
        self._begin_s = min(self._begin_s, float(np.floor(kept["arrived_s"].min())))
        self._messages += len(kept)
        self._slices.add(pd.DataFrame({
            "arrived_s": kept["arrived_s"].to_numpy(),
            "visit": np.where(row >= 0, visits[np.maximum(row, 0)], row + AFTER_VISITS) if len(visits) else row,
            "sender": [say.sender(code) for code in kept["sender"].tolist()],
            "recipients": [recipients.get(message, "") for message in kept.index.tolist()],
            "size": sizes[kept.index.to_numpy()],
        }))  # fmt: skip

    def replay(self, sizes: SizesSeen) -> Replay:
        """All of it."""
        begin_s = self._begin_s if isfinite(self._begin_s) else 0.0
        return Replay(begin_s, self._messages, self._slices, sizes.median)


def sent_sizes(found: Journeys) -> Ints:
    """The size of each message as it was handed in; -1: not said.

    Postfix's size counts the Received line that it puts on top itself; its length follows from the names in the log. The name in EHLO is
    not logged: the client's own name is taken, or 16 characters.
    """
    book, messages = found.joined.book, found.messages
    sizes = _with_refused(found)
    own_name = np.array([
        max((len(name) for name in found.joined.hosts.get(server, ()) if "." in name and not name[-1].isdigit()),
            default=len(book.servers[server]))
        for server in range(len(book.servers))
    ] or [0])  # fmt: skip
    id_length = np.array([book.id_length.get(server, 0) for server in range(len(book.servers))] or [0])
    client = np.array([len(text) for text in book.hosts.texts] + [0])
    helo = np.array([len(text.partition("[")[0]) or 16 for text in book.hosts.texts] + [16])
    server, who = messages["server"].to_numpy(np.int64), messages["client"].to_numpy(np.int64)
    nrcpt = np.zeros(len(messages), np.int64)
    rows = messages["row"].to_numpy(np.int64)
    nrcpt[rows >= 0] = found.joined.visits["recipients"].to_numpy()[rows[rows >= 0]]
    first_to = np.zeros(len(messages), np.int64)
    firsts = found.copies.drop_duplicates("message")
    lengths = np.array([len(text) for text in book.addresses.texts] + [0])
    first_to[firsts["message"].to_numpy()] = lengths[firsts["written_to"].to_numpy()]
    header = line_bytes(
        helo[who], client[who], own_name[server], id_length[server], (nrcpt == 1).astype(np.int64), first_to
    )
    is_postfix = np.array([book.products.get(number) == "postfix" for number in range(len(book.servers))] or [False])
    return np.where((sizes > 0) & is_postfix[server], np.maximum(sizes - header, 1), sizes)


def _with_refused(found: Journeys) -> Ints:
    """Sizes as logged; a message that was refused as too large has the least size that this tells."""
    book, messages = found.joined.book, found.messages
    sizes = messages["size_bytes"].to_numpy(np.int64, copy=True)
    limits = {found.joined.server_at(host): limit for host, limit in sorted(book.size_limits.items())}
    limit = np.array([limits.get(server, -1) for server in range(len(book.servers))] or [-1])
    too_large = np.array([text.startswith("5.3.4") for text in book.codes.texts] + [False])
    refused = (messages["row"].to_numpy() < 0) & too_large[messages["code"].to_numpy()]
    return np.where(refused, limit[messages["server"].to_numpy()] + 1, sizes)


class _Names:
    """How people are written in the table."""

    def __init__(self, found: Journeys, sides: Sides, addresses: str, salt: bytes) -> None:
        self._found, self._sides, self._addresses, self._salt = found, sides, addresses, salt
        self._texts = found.joined.book.addresses
        outside = [server for server, side in sorted(sides.servers.items()) if side == INTERNET]
        self._more_outside = outside[1:]  # a side is replayed at one server: others are named by their domains

    def _person(self, code: int, side: str) -> str:
        text = self._texts[code]
        if self._addresses == "sides" or "@" not in text:
            return side
        if self._addresses == "kept":
            return text
        digest = hashlib.blake2b(text.casefold().encode("utf-8", "replace"), key=self._salt, digest_size=8).hexdigest()
        return f"{side}-{digest}@{text.rpartition('@')[2]}"

    def sender(self, code: int) -> str:
        return self._person(code, SIDE_OF_KIND[int(self._sides.senders[code])])

    def recipients(self) -> dict[int, str]:
        """By message: ``onprem:2 hosted``, groups as their members unless addresses are kept."""
        copies = self._found.copies
        frame = pd.DataFrame(
            {
                "message": copies["message"],
                "written_to": copies["written_to"],
                "to": copies["to"],
                "side": self._sides.copy_side,
            }
        )
        kinds = self._sides.kind.reindex(pd.MultiIndex.from_frame(frame[["message", "written_to"]])).to_numpy()
        if self._addresses == "sides":
            words = np.array(
                [SIDE_OF_KIND[side] if side != GROUP else "onprem" for side in range(len(KINDS))], dtype=object
            )
            words[UNKNOWN_DOMAIN] = NOWHERE
            word = words[frame["side"].to_numpy()]
            for server in self._more_outside:
                here = (
                    (copies["server"].to_numpy() == server)
                    & (copies["outcome"].to_numpy() == 0)
                    & (frame["side"].to_numpy() == INTERNET)
                )
                word[here] = [
                    f"someone@{domain_of(self._texts[code])}" for code in frame["to"].to_numpy()[here].tolist()
                ]
            counts = frame.assign(word=word).groupby(["message", "word"]).size().rename("n").reset_index()
            said: dict[int, list[str]] = {}
            for number, name, n in zip(*(counts[c].tolist() for c in ("message", "word", "n")), strict=True):
                said.setdefault(number, []).append(name if n == 1 else f"{name}:{n}")
        else:
            said = {}
            seen: set[tuple[int, str]] = set()
            for message, written, to, side, kind in zip(
                *(frame[c].tolist() for c in ("message", "written_to", "to", "side")), kinds.tolist(), strict=True
            ):
                is_group = kind == GROUP and self._addresses == "kept"
                name = self._person(written if is_group else to, SIDE_OF_KIND[side])
                if (message, name) not in seen:
                    seen.add((message, name))
                    said.setdefault(message, []).append(name)
        return {message: " ".join(words) for message, words in said.items()}
