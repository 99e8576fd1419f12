"""The mail of a log as a table that a scenario can replay: people replaced by their sides, or apart as salted hashes, or as they are."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import numpy as np
import pandas as pd

from coexsim.intake.logs.journeys import Journeys
from coexsim.intake.logs.received import line_bytes
from coexsim.intake.logs.sides import (
    GROUP,
    INTERNET,
    KINDS,
    NULL_SENDER,
    SIDE_OF_KIND,
    UNKNOWN_DOMAIN,
    Sides,
    domain_of,
)

NOWHERE = "nobody@nowhere.invalid"  # a domain that does not exist: RFC 2606


@dataclass
class Replay:
    """Mail by time, and when its clock began."""

    table: pd.DataFrame  # born_s, sender, recipients, size_bytes
    begin_s: float  # seconds since 1970 of born_s 0
    messages: pd.DataFrame  # of the journeys: those in the table


def sent_sizes(found: Journeys) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
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


def _with_refused(found: Journeys) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Sizes as logged; a message that was refused as too large has the least size that this tells."""
    book, messages = found.joined.book, found.messages
    sizes = messages["size_bytes"].to_numpy(np.int64, copy=True)
    limits = {found.joined.server_at(host): limit for host, limit in sorted(book.size_limits.items())}
    limit = np.array([limits.get(server, -1) for server in range(len(book.servers))] or [-1])
    too_large = np.array([text.startswith("5.3.4") for text in book.codes.texts] + [False])
    refused = (messages["row"].to_numpy() < 0) & too_large[messages["code"].to_numpy()]
    return np.where(refused, limit[messages["server"].to_numpy()] + 1, sizes)


def replay_table(found: Journeys, sides: Sides, addresses: str = "sides", salt: bytes | None = None) -> Replay:
    """The mail of a log in the order of birth. `addresses`: ``sides``, ``hashed`` or ``kept``.

    Notices are left out: a simulation makes its own. A message of unknown size has the median size. Without a `salt` a random one is used,
    so that hashes of two runs cannot be set beside each other.
    """
    messages = found.messages.assign(size=sent_sizes(found))
    kept = messages[
        ~messages["is_notice"]
        & (sides.senders[messages["sender"].to_numpy()] != NULL_SENDER)
        & (messages["sender"] >= 0)
    ]
    kept = kept[kept["recipients"] > 0].sort_values("arrived_s", kind="stable")
    begin_s = float(np.floor(kept["arrived_s"].min())) if len(kept) else 0.0
    size = kept["size"].to_numpy()
    typical = int(np.median(size[size > 0])) if (size > 0).any() else 1
    say = _Names(found, sides, addresses, salt or secrets.token_bytes(16))
    recipients = say.recipients()
    table = pd.DataFrame({
        "born_s": np.round(kept["arrived_s"].to_numpy() - begin_s, 6),
        "sender": [say.sender(code) for code in kept["sender"].tolist()],
        "recipients": [recipients.get(message, "") for message in kept.index.tolist()],
        "size_bytes": np.where(size > 0, size, typical),
    })  # fmt: skip
    return Replay(table, begin_s, kept)


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
