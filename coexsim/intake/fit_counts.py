"""How complete a log is, and what was counted in it: messages, recipients, flows, the shares of unknown and refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coexsim.intake import figures as fig
from coexsim.intake.figures import MeasuredFigure
from coexsim.intake.logs.book import DEFERRED, NOTICE, LogBook
from coexsim.intake.logs.journeys import OUTCOMES, Journeys
from coexsim.intake.logs.sides import KINDS, UNKNOWN, UNKNOWN_AT_HOSTED, UNKNOWN_DOMAIN, Sides
from coexsim.intake.logs.silences import Silence
from coexsim.intake.logs.tallies import Counts
from coexsim.intake.logs.trace_export import SERVICE as MICROSOFT
from coexsim.intake.logs.unlogged import UnloggedServer

Bools = NDArray[np.bool_]
SENDER_SIDES = ("onprem", "hosted", "internet")
FLOW_KEYS = ["sender", "recipient", "outcome", "code"]
MANY_TABLES = 50  # of flows, one a part: added up then
_NO_FLOWS = pd.DataFrame({name: pd.Series([], dtype=object) for name in FLOW_KEYS} | {"recipients": [], "messages": []})
ENOUGH_LINES = 100  # that a server's mail should have, to say of it alone how many are missing
TIMES = 50  # in which lines are counted apart, to see whether those that are missing are of one time
LOSS_TOO_MUCH = 0.02  # share of missing lines from which on counts cannot be had


@dataclass(frozen=True)
class Complete:
    """How much of what a log should say it does say."""

    visits: int
    lost_share: float  # of the lines that every message must have
    sure: int  # messages that certainly begin here
    most: float  # visits that may be where a message begins, with those of which no line is left
    unlogged: tuple[UnloggedServer, ...] = ()  # servers in between of which no log was given
    silences: tuple[Silence, ...] = ()  # in which lines may be missing too

    @property
    def missed(self) -> float:
        """Messages that would have begun in the silences of servers, if lines are missing there."""
        return sum(silence.missed for silence in self.silences)

    @property
    def counts_hold(self) -> bool:
        """Can messages be counted."""
        return self.lines_hold and not self.unlogged

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
            reasons.append(f"the log lacks about {100 * self.lost_share:.0f} % of its lines")
        if self.unlogged:
            hosts = ", ".join(server.host for server in self.unlogged)
            reasons.append(
                f"mail passes {hosts}, and no log is known to be of it, so that one message may be counted more than once or not at all: "
                "give its log of the same time too"
            )
        return "; ".join(reasons)


class LinesSeen:
    """What is missing. Mail in a Postfix queue has a line for its client, message-id, sender and end, at an Exchange server a row for its
    begin and end; in other logs what has a line for its begin has one for what became of it. Rows of a message trace stand alone.
    """

    def __init__(self, book: LogBook) -> None:
        names, products = book.servers.texts, book.products
        self._holes = book.holes
        self._of_postfix, self._of_exchange = (
            np.array([*(products.get(server) == product for server in range(len(names))), False])
            for product in ("postfix", "exchange")
        )
        self._stands_alone = np.array([*(name == MICROSOFT for name in names), False])
        self._is_empty = np.array([*(not text for text in book.addresses.texts), False])
        self._lines, self._told = np.zeros((2, len(names) + 1), np.int64)
        self._lines_then, self._told_then = np.zeros((2, TIMES), np.int64)  # the same over time
        self._first_s, self._last_s = inf, -inf
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
            self._told += np.bincount(server[mine & said], minlength=len(self._told))
            self._lines_then += np.bincount(then[mine], minlength=TIMES)
            self._told_then += np.bincount(then[mine & said], minlength=TIMES)
        counted = found.messages[~found.messages["is_notice"] & ~self._is_empty[found.messages["sender"].to_numpy()]]
        self._visits += len(visits)
        self._sure += int(counted["is_sure"].sum())
        self._most += len(counted)

    def _wanted(self, found: Journeys) -> Iterator[tuple[Bools, Bools]]:
        """Visits that should have a line, and those that have it: one pair for each kind of line."""
        visits, went = found.joined.visits, found.joined.deliveries
        server, parent, begun = (visits[name].to_numpy() for name in ("server", "parent", "is_arrival_known"))
        tried, deferred = np.zeros(len(visits), bool), np.zeros(len(visits), bool)
        tried[went["row"].to_numpy()] = True
        deferred[went["row"].to_numpy()[went["status"].to_numpy() == DEFERRED]] = True
        ended = np.isfinite(visits["gone_s"].to_numpy()) | deferred  # what is deferred may still be there
        again = (parent >= 0) & (server == server[np.maximum(parent, 0)])  # handed in again, which says no client
        postfix, exchange = self._of_postfix[server], self._of_exchange[server]
        yield postfix, (visits["client"].to_numpy() >= 0) | (visits["origin"].to_numpy() > 1) | again
        yield postfix, visits["message_id"].to_numpy() != 0
        yield postfix, visits["sender"].to_numpy() >= 0
        yield postfix | exchange, ended
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
        total = int(self._lines.sum())
        whole = 1.0 - int(self._told.sum()) / total if total else 0.0
        silent: dict[int, float] = {}
        for number, from_s, to_s in self._holes:
            silent[number] = silent.get(number, 0.0) + to_s - from_s
        length_s = max(self._last_s - self._first_s, 1e-9)
        in_holes = min(max(silent.values(), default=0.0) / length_s, 1.0)
        share = max([whole, *lost.tolist(), in_holes])
        # what no line is left of is not seen: mail at a Postfix server has five lines and more, at an Exchange server two rows
        kept = 1.0 - share ** (2 if self._of_exchange.any() else 5)
        is_bounded = (self._of_postfix | self._of_exchange)[:-1].all() and not self._holes and not self._is_concentrated
        return Complete(self._visits, share, self._sure, self._most / kept if kept > 0 and is_bounded else inf)

    @property
    def _is_concentrated(self) -> bool:
        """Are the lines that are missing those of a few times: then there may be times of which none is left."""
        lost = self._lines_then - self._told_then
        worst = np.argsort(-lost)[: TIMES // 10]
        return bool(
            lost[worst].sum() > 0.5 * max(lost.sum(), 1)
            and self._lines_then[worst].sum() < 0.3 * self._lines_then.sum()
        )


class CountsSeen:
    """Messages, recipients, flows and outcomes, a part after the other."""

    def __init__(self) -> None:
        self._messages = self._unnamed = self._merged = self._named = self._notices = self._refused = 0
        self._kinds, self._outcomes = Counts(), Counts()
        self._flows: list[pd.DataFrame] = []

    def add(self, found: Journeys, sides: Sides, mail: pd.DataFrame) -> None:
        """Count the mail of a part."""
        self._messages += len(mail)
        self._refused += int((mail["row"] < 0).sum())
        self._unnamed += int((mail["recipients"] == 0).sum())
        self._named += int(mail["recipients"].sum())
        self._merged += _merged(found, mail)
        self._notices += int((found.joined.visits["origin"] == NOTICE).sum())
        self._kinds.add(sides.kind[sides.kind.index.get_level_values("message").isin(mail.index)].to_numpy())
        self._outcomes.add(found.copies["outcome"].to_numpy()[found.copies["message"].isin(mail.index).to_numpy()])
        self._flows.append(_flows(found, sides, mail))
        if len(self._flows) > MANY_TABLES:
            self._flows = [self.flows()]

    def flows(self) -> pd.DataFrame:
        """Recipients as written, by sender's side, kind of recipient and outcome; one row each, `messages` beside."""
        table = pd.concat(self._flows, ignore_index=True) if self._flows else _NO_FLOWS
        found: pd.DataFrame = table.groupby(FLOW_KEYS)[["recipients", "messages"]].sum().reset_index()
        return found

    def figures(self, complete: Complete, scope: str, sources: Sequence[tuple[str, int]] = ()) -> list[MeasuredFigure]:
        """How many messages, recipients and notices, and the shares of unknown and refused.

        `scope`: which mail is counted; `sources`: hosts without a log that may send mail past the logged servers, and how many messages
        they brought: there may be more mail then.
        """
        if not complete.counts_hold:
            most = inf if complete.unlogged else complete.most + complete.missed
            return [fig.cannot_say("counts", "messages", "1", complete.why, float(complete.sure), most)]
        remark, n = "", self._messages

        if self._unnamed:
            remark = f"{self._unnamed} messages were refused before their recipients were named: counted as one each. "
        if self._merged:
            remark += f"{self._merged} more were counted than named: the same person twice"
        total = self._named + self._unnamed
        # of the lines: as many messages may be missing; more, if a silence is none
        kept = (1.0 - max(complete.lost_share, 0.0)) / (1.0 + complete.missed / max(n, 1))
        past = "".join(
            f" At least: {host}, which brought {brought:,} of them, may send mail past these, and no log of it was given."
            for host, brought in sources
        )
        most = inf if self._unnamed or sources else (self._named + self._merged) / kept
        notices = self._notices
        if self._refused:
            past += f" {self._refused:,} of them are attempts that were refused before a message came"
        rows = [
            MeasuredFigure(
                "counts",
                "messages",
                float(n),
                float(min(complete.sure, n)),
                inf if sources else n / kept,
                "1",
                n,
                nan,
                (f"{scope}. {complete.doubt}" if complete.doubt else scope) + ("." + past if past else ""),
            ),
            MeasuredFigure("counts", "recipients", float(total), float(total), most, "1", n, nan, remark.strip()),
            MeasuredFigure(
                "counts",
                "notices that servers made",
                float(notices),
                float(notices),
                notices / kept,
                "1",
                notices,
                nan,
                "by the servers whose logs were given",
            ),
        ]
        unknown, kinds = self._kinds[UNKNOWN] + self._kinds[UNKNOWN_AT_HOSTED], self._kinds.total
        rows.append(fig.share("counts", "recipients that do not exist", unknown, kinds))
        nowhere = self._kinds[UNKNOWN_DOMAIN]
        rows.append(fig.share("counts", "recipients whose domain does not exist", nowhere, kinds))
        for number in (2, 3, 4, 5, 6, 7):
            rows.append(fig.share("counts", f"copies {OUTCOMES[number]}", self._outcomes[number], self._outcomes.total))
        return rows


def home_figures(homes: list[tuple[str, int]]) -> list[MeasuredFigure]:
    """What hosts without a log keep to themselves. `homes`: hosts that took mail for the organisation's people, and how many copies."""
    return [
        fig.cannot_say(
            "counts",
            f"mail that begins and ends at {host}",
            "1",
            f"no log of it was given, though it took {copies:,} copies for people of the organisation: give its log too",
        )
        for host, copies in homes
    ]


def _flows(found: Journeys, sides: Sides, mail: pd.DataFrame) -> pd.DataFrame:
    """The table of flows of a part."""
    kind = sides.kind.rename("kind").reset_index()
    kind = kind[kind["message"].isin(mail.index)]
    copies = found.copies.assign(rank=np.array([0, 1, 3, 3, 3, 2, 4, 5])[found.copies["outcome"].to_numpy()])
    worst = (
        copies.sort_values("rank", kind="stable")
        .groupby(["message", "written_to"], sort=False)
        .agg(outcome=("outcome", "last"), code=("code", "last"))
    )
    rows = kind.merge(worst, left_on=["message", "written_to"], right_index=True, how="left")
    codes = np.array([*found.joined.book.codes.texts, ""])
    frame = pd.DataFrame({
        "sender": np.array([*SENDER_SIDES, "unknown"])[np.minimum(mail["side"].reindex(rows["message"]).to_numpy(), 3)],
        "recipient": np.array(KINDS)[rows["kind"].to_numpy()],
        "outcome": np.array(OUTCOMES)[rows["outcome"].to_numpy()],
        "code": np.where(rows["outcome"].to_numpy() <= 1, "", codes[rows["code"].to_numpy()]),
        "message": rows["message"].to_numpy(),
    })  # fmt: skip
    table = frame.groupby(FLOW_KEYS).agg(recipients=("message", "size"), messages=("message", "nunique"))
    return table.reset_index()


def _merged(found: Journeys, mail: pd.DataFrame) -> int:
    """Recipients that servers counted but delivered once: named directly and through a group, or twice."""
    visits = found.joined.visits
    rows = mail["row"].to_numpy()
    rows = rows[rows >= 0]
    pairs = found.joined.deliveries[["row", "to", "written_to"]].drop_duplicates()
    delivered = np.bincount(pairs["row"].to_numpy(), minlength=len(visits))[rows]
    counted = visits["recipients"].to_numpy()[rows]
    return int(np.maximum(np.where(delivered > 0, counted - delivered, 0), 0).sum())
