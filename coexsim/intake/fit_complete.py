"""How complete a log is: the lines that every message must have, and those that are there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake.logs.book import DEFERRED, LogBook
from coexsim.intake.logs.journeys import Journeys
from coexsim.intake.logs.silences import Silence
from coexsim.intake.logs.trace_export import SERVICE as MICROSOFT
from coexsim.intake.logs.unlogged import UnloggedServer
from coexsim.units import say_duration

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ENOUGH_LINES = 100  # that a server's mail should have, to say of it alone how many are missing
TIMES = 50  # in which lines are counted apart, to see whether those that are missing are of one time
MUCH_SHORTER = 0.9  # of the time of all logs
LOSS_TOO_MUCH = 0.02  # share of missing lines from which on counts cannot be had


@dataclass(frozen=True)
class Complete:
    """How much of what a log should say it does say."""

    visits: int
    lost_share: float  # of the lines that every message must have, or of the time in which lines are missing
    sure: int  # messages that certainly begin here
    most: float  # visits that may be where a message begins, with those of which no line is left
    unlogged: tuple[UnloggedServer, ...] = ()  # servers in between of which no log was given
    silences: tuple[Silence, ...] = ()  # in which lines may be missing too
    is_least: bool = False  # besides there are times of which no line may be left
    strange_share: float = 0.0  # of the mail that came from a logged server, what is not in that server's log
    strange_from: str = ""  # the server from which most of it came, and how long its log is

    @property
    def missed(self) -> float:
        """Messages that would have begun in the silences of servers, if lines are missing there."""
        return sum(silence.missed for silence in self.silences)

    @property
    def counts_hold(self) -> bool:
        """Can messages be counted."""
        return self.lines_hold and not self.unlogged and self.strange_share <= LOSS_TOO_MUCH

    @property
    def lines_hold(self) -> bool:
        """Do the logs that were given say what they should."""
        return self.lost_share <= LOSS_TOO_MUCH

    @property
    def doubt(self) -> str:
        """What silences leave open; nothing, if there are none."""
        if not self.silences:
            return ""
        longest = max(self.silences, key=lambda silence: silence.to_s - silence.from_s)
        return (
            f"a server has no line for {longest.to_s - longest.from_s:.0f} s, though mail came evenly before and after: if it was not "
            f"down, a piece of its log is missing, and up to {self.missed:.0f} messages more were handed in"
        )

    @property
    def why(self) -> str:
        """Why messages cannot be counted, and what would help."""
        reasons = []
        if not self.lines_hold:
            more = " or more" if self.is_least else ""
            reasons.append(f"the log lacks about {100 * self.lost_share:.0f} % of its lines{more}")
        if self.strange_share > LOSS_TOO_MUCH:
            reasons.append(
                f"of the mail that came from a server with a log {100 * self.strange_share:.0f} % is not in that log, most of it not in "
                f"that of {self.strange_from}: give the logs of all of the same time"
            )
        if self.unlogged:
            hosts = ", ".join(server.host for server in self.unlogged)
            reasons.append(
                f"mail passes {hosts}, and no log is known to be of it, so that one message may be counted more than once or not at all: "
                "give its log of the same time too"
            )
        return "; ".join(reasons)


class LinesSeen:
    """What is missing. Mail in a Postfix queue has a line for its client, message-id, sender and end, and where it has an end one for each
    of its recipients; at an Exchange server a row for its begin and end; in other logs what has a line for its begin has one for what
    became of it. Rows of a message trace stand alone. Lines that cannot be read are missing too.
    """

    def __init__(self, book: LogBook) -> None:
        names, products = book.servers.texts, book.products
        self._names, self._holes, self._files = names, book.holes, book.told
        self._of_postfix, self._of_exchange = (
            np.array([*(products.get(server) == product for server in range(len(names))), False])
            for product in ("postfix", "exchange")
        )
        self._stands_alone = np.array([*(name == MICROSOFT for name in names), False])
        self._is_empty = np.array([*(not text for text in book.addresses.texts), False])
        self._lines, self._told = np.zeros((2, len(names) + 1))
        self._lines_then, self._told_then = np.zeros((2, TIMES))  # the same over time
        self._first_s, self._last_s = inf, -inf
        self._from_s, self._to_s = np.full(len(names), inf), np.full(len(names), -inf)  # of each server's log
        # mail from each server, and what its log does not have
        self._came, self._strange = np.zeros((2, len(names)), np.int64)
        self._visits = self._sure = self._most = 0

    def look(self, found: Journeys) -> None:
        """From when to when there is mail; of all parts, before any is added."""
        times_s = found.joined.visits["arrived_s"].to_numpy()
        if np.isfinite(times_s).any():
            self._first_s = min(self._first_s, float(np.nanmin(times_s)))
            self._last_s = max(self._last_s, float(np.nanmax(times_s)))

    def add(self, found: Journeys) -> None:
        """Count the lines of a part."""
        visits, first_s, last_s = found.joined.visits, self._first_s, self._last_s
        server, arrived_s = visits["server"].to_numpy(), visits["arrived_s"].to_numpy()
        # mail at the edges of the log may have its other lines in the next file
        inner = (arrived_s > first_s + 1.0) & (arrived_s < max(last_s - 60.0, first_s + 0.9 * (last_s - first_s)))
        length_s = max(last_s - first_s, 1e-9)
        then = np.clip(np.nan_to_num((arrived_s - first_s) / length_s * TIMES), 0, TIMES - 1).astype(np.int64)
        for rows, said in self._wanted(found):
            mine = rows & inner
            self._lines += np.bincount(server[mine], minlength=len(self._lines))
            self._told += np.bincount(server[mine], said[mine], minlength=len(self._told))
            self._lines_then += np.bincount(then[mine], minlength=TIMES)
            self._told_then += np.bincount(then[mine], said[mine], minlength=TIMES)
        np.minimum.at(self._from_s, server, arrived_s)
        np.maximum.at(self._to_s, server, arrived_s)
        of, strange = _origins(found)
        self._came += np.bincount(of[inner & (of >= 0)], minlength=len(self._came))
        self._strange += np.bincount(of[inner & strange], minlength=len(self._strange))
        counted = found.messages[~found.messages["is_notice"] & ~self._is_empty[found.messages["sender"].to_numpy()]]
        self._visits += len(visits)
        self._sure += int(counted["is_sure"].sum())
        self._most += len(counted)

    def _wanted(self, found: Journeys) -> Iterator[tuple[Bools, Bools | Floats]]:
        """Visits that should have a line, and which have it, or what share of several: one pair for each kind of line."""
        visits, went = found.joined.visits, found.joined.deliveries
        server, parent, begun = (visits[name].to_numpy() for name in ("server", "parent", "is_arrival_known"))
        tried, deferred = np.zeros(len(visits), bool), np.zeros(len(visits), bool)
        tried[went["row"].to_numpy()] = True
        deferred[went["row"].to_numpy()[went["status"].to_numpy() == DEFERRED]] = True
        gone = np.isfinite(visits["gone_s"].to_numpy())
        ended = gone | deferred  # what is deferred may still be there
        again = (parent >= 0) & (server == server[np.maximum(parent, 0)])  # handed in again, which says no client
        postfix, exchange = self._of_postfix[server], self._of_exchange[server]
        yield postfix, (visits["client"].to_numpy() >= 0) | (visits["origin"].to_numpy() > 1) | again
        yield postfix, visits["is_id_told"].to_numpy()
        yield postfix, visits["sender"].to_numpy() >= 0
        yield postfix | exchange, ended
        named = np.bincount(people_of(found)["row"].to_numpy(), minlength=len(visits))
        counted = visits["recipients"].to_numpy()
        yield postfix & gone & (counted > 0), np.minimum(named / np.maximum(counted, 1), 1.0)
        yield exchange, begun
        yield ~postfix & ~exchange & ~self._stands_alone[server] & begun, tried

    @property
    def complete(self) -> Complete:
        """How much of what the log should say it does say: all servers together, or the one that says least of them."""
        many = self._lines >= ENOUGH_LINES
        lines, told = self._lines[many], self._told[many]
        lost = 1.0 - told / np.maximum(lines, 1)
        # of mail with two rows only that is seen which has one: of a share q that is missing, q / (1 + q) is noticed
        lost = np.where(self._of_exchange[many], np.minimum(lost / np.maximum(1.0 - lost, 1e-9), 1.0), lost)
        total = float(self._lines.sum())
        whole = 1.0 - float(self._told.sum()) / total if total else 0.0
        damaged = sum(file.damaged for file in self._files)
        damaged_share = damaged / max(damaged + sum(file.used for file in self._files), 1)
        silent: dict[int, float] = {}
        for number, from_s, to_s in self._holes:
            silent[number] = silent.get(number, 0.0) + to_s - from_s
        length_s = max(self._last_s - self._first_s, 1e-9)
        in_holes = min(max(silent.values(), default=0.0) / length_s, 1.0)
        share = max([whole, *lost.tolist(), damaged_share])
        is_least = bool(self._holes) and share > LOSS_TOO_MUCH
        # where lines are missing all over, a quiet time between two of them is no piece that is missing
        share = share if is_least else max(share, in_holes)
        # what no line is left of is not seen: mail at a Postfix server has five lines and more, at an Exchange server two rows
        kept = 1.0 - share ** (2 if self._of_exchange.any() else 5)
        strange_share = int(self._strange.sum()) / max(int(self._came.sum()), 1)
        is_known = strange_share <= LOSS_TOO_MUCH and damaged_share <= LOSS_TOO_MUCH
        is_spread = not self._holes and not self._is_concentrated and is_known
        is_bounded = (self._of_postfix | self._of_exchange)[:-1].all() and is_spread
        most = self._most / kept if kept > 0 and is_bounded else inf
        found = Complete(self._visits, share, self._sure, most, is_least=is_least)
        return replace(found, strange_share=strange_share, strange_from=self._strange_from)

    @property
    def _strange_from(self) -> str:
        """The server whose log has least of the mail that came from it, and the time that its log is of."""
        if not self._strange.any():
            return ""
        server = int(self._strange.argmax())
        length_s, all_s = self._to_s[server] - self._from_s[server], self._last_s - self._first_s
        lengths = f" ({say_duration(length_s)} of {say_duration(all_s)})" if length_s < MUCH_SHORTER * all_s else ""
        return f"{self._names[server]}{lengths}"

    @property
    def _is_concentrated(self) -> bool:
        """Are the lines that are missing those of a few times: then there may be times of which none is left."""
        lost = self._lines_then - self._told_then
        worst = np.argsort(-lost)[: TIMES // 10]
        return bool(
            lost[worst].sum() > 0.5 * max(lost.sum(), 1)
            and self._lines_then[worst].sum() < 0.3 * self._lines_then.sum()
        )


def people_of(found: Journeys) -> pd.DataFrame:
    """Of each visit those to whom it was delivered or tried, once each."""
    return found.joined.deliveries[["row", "to", "written_to"]].drop_duplicates()


def _origins(found: Journeys) -> tuple[Ints, Bools]:
    """The other logged server from which each visit's mail came, -1 where it came from none; and whether that one's log does not have it.

    Mail without a message-id that no reply names cannot be looked for.
    """
    visits = found.joined.visits
    server, parent, ids = (visits[name].to_numpy(np.int64) for name in ("server", "parent", "message_id"))
    of = found.joined.host_servers()[visits["client"].to_numpy(np.int64)]
    is_known = (of >= 0) & (of != server) & ((ids != 0) | (parent >= 0))
    return np.where(is_known, of, -1), is_known & (parent < 0)
